"""Does lm-evaluation-harness see the same answers as cotbench? Same model, same rendered prompts, greedy, by question.

    python tests/agreement/with_lm_eval.py results/RUN MODEL_FOLDER [--lm-eval "python -m lm_eval"] [--model vllm]

RUN is a cotbench run of the modes `direct@answer=asked` and `cot`, which ask once and greedily, with prompts on record
(any engine but a server). Their pipeline loads the model by itself, tokenizes and generates; it reads answers with its
own regex filter and grades with its own exact match. Prints how many completions and how many verdicts are the same;
exits with 1 where a verdict differs. Needs lm_eval, and torch or vLLM.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from cotbench import load

MODES = {"direct": "direct@answer=asked", "cot": "cot"}  # by their templates
READ = r"Answer: (-?[0-9]+)"


def prompts_of(run: Path, mode: str) -> list[dict[str, Any]]:
    """A row for each question of a run under a mode: the prompt as sent, the gold answer, and cotbench's verdict."""
    loaded = load(run)
    golds = loaded.questions.set_index("question")["gold"].to_dict()
    records = {row.question: row for row in loaded.records[loaded.records["mode"] == MODES[mode]].itertuples()}
    rows = []
    for line in (run / "journal.jsonl").read_bytes().splitlines():
        reply = json.loads(line)
        if reply["template"] != mode or reply["sampling"]["n"] != 1 or reply["sampling"]["temperature"] != 0:
            continue
        record = records[reply["question"]]
        rows.append(
            {
                "id": reply["question"],
                "prompt": reply["prompt"],
                "gold": golds[reply["question"]],
                "tokens": reply["completions"][0]["completion_tokens"],
                "completion": reply["completions"][0]["text"],
                "correct": record.outcome == "correct",
            }
        )
    return rows


def task_file(name: str, data: Path, budget: int) -> dict[str, Any]:
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{gold}}",
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": budget},
        "filter_list": [
            {
                "name": "answer",
                "filter": [
                    {"function": "regex", "regex_pattern": READ, "group_select": -1},
                    {"function": "take_first"},
                ],
            }
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--lm-eval", default=f"{sys.executable} -m lm_eval")
    parser.add_argument("--model-type", default="hf", help="lm-eval's: hf or vllm")
    arguments = parser.parse_args()
    differ = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ours = {mode: prompts_of(arguments.run, mode) for mode in MODES}
        for mode, rows in ours.items():
            data = folder / f"{mode}.jsonl"
            data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            # lm-eval takes the budget off the context that a prompt may have, and refuses one as large as the context.
            content = task_file(f"cotbench_{mode}", data, 2 * max(row["tokens"] for row in rows))
            (folder / f"{mode}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [
            *shlex.split(arguments.lm_eval), "run", "--model", arguments.model_type, "--model_args",
            f"pretrained={arguments.model.resolve()},dtype=float32", "--tasks",
            ",".join(f"cotbench_{mode}" for mode in MODES), "--include_path", str(folder), "--batch_size", "32",
            "--log_samples", "--output_path", str(folder / "out"),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        for mode, rows in ours.items():
            [file] = (folder / "out").rglob(f"samples_cotbench_{mode}_*.jsonl")
            theirs = {one["doc"]["id"]: one for one in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
            assert len(theirs) == len(rows), f"{len(theirs)} of {len(rows)} questions came back"
            texts = sum(theirs[row["id"]]["resps"][0][0].strip() == row["completion"].strip() for row in rows)
            verdicts = sum((theirs[row["id"]]["exact_match"] == 1.0) == row["correct"] for row in rows)
            accuracy = [sum(row["correct"] for row in rows), sum(one["exact_match"] == 1.0 for one in theirs.values())]
            print(
                f"{mode}: {len(rows)} questions; right: cotbench {accuracy[0]}, lm-eval {accuracy[1]}; the same "
                f"completion {texts}, the same verdict {verdicts}"
            )
            differ += len(rows) - verdicts
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
