"""What the harness itself costs: cotbench, lm-evaluation-harness and Inspect with models that answer at once.

    python tests/benchmarks/harness.py --data DIR [--task mmlu] [--lm-eval PYTHON] [--inspect PYTHON] [--repeat 5]

DIR holds the data sets in the Hub's layout; PYTHON is an interpreter that has the peer installed. Each runs as its
users would run it, from its start to its end, everything logged: zero-shot chain of thought on all questions of MMLU's
test set, or GSM8K with eight examples. They take turns. Printed are medians of wall and CPU time (children included)
and the peak of one process's memory, and the peers' as multiples of ours.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

TASKS = {"mmlu": ("cais/mmlu", "all"), "gsm8k": ("openai/gsm8k", "main")}

INSPECT = """
import sys
import tiktoken
from datasets import load_dataset
from inspect_ai import Task, eval, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import choice, match
from inspect_ai.solver import generate, multiple_choice, prompt_template

class Words:  # tiktoken fetches its tables from the net; this costs less than they do
    def encode(self, text, **options):
        return text.split()

tiktoken.get_encoding = tiktoken.encoding_for_model = lambda name: Words()
name, data, out = sys.argv[1:]
if name == "mmlu":
    rows = load_dataset(f"{data}/cais/mmlu", "all", split="test")
    samples = [Sample(input=r["question"], choices=r["choices"], target="ABCD"[r["answer"]]) for r in rows]
    job = Task(dataset=MemoryDataset(samples), solver=[multiple_choice(cot=True)], scorer=choice())
else:
    rows = load_dataset(f"{data}/openai/gsm8k", "main", split="test")
    examples = load_dataset(f"{data}/openai/gsm8k", "main", split="train[:8]")
    shots = "\\n\\n".join(f"{r['question']}\\n\\n{r['answer']}" for r in examples)
    samples = [Sample(input=r["question"], target=r["answer"].split("####")[1].strip()) for r in rows]
    template = prompt_template(shots.replace("{", "").replace("}", "") + "\\n\\n{prompt}")
    job = Task(dataset=MemoryDataset(samples), solver=[template, generate()], scorer=match(numeric=True))
[log] = eval(job, model=get_model("mockllm/model"), log_dir=out, display="none")
if log.status != "success" or log.results.completed_samples != len(rows):
    sys.exit(f"Inspect: {log.status}: {log.error}")
"""


@dataclass(frozen=True)
class Cost:
    """wall and cpu in seconds; memory: the peak of the largest process, in MiB."""

    wall: float
    cpu: float
    memory: float


def measured(command: list[str], folder: Path, env: Mapping[str, str]) -> Cost:
    with (folder / "log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=dict(env), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def lm_eval_task(name: str, data: Path, folder: Path) -> None:
    dataset, config = TASKS[name]
    common = {
        "task": f"bench_{name}",
        "dataset_path": str(data / dataset),
        "dataset_name": config,
        "test_split": "test",
        "output_type": "generate_until",
        "generation_kwargs": {"until": ["</s>"], "do_sample": False, "max_gen_toks": 2048},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    own = {
        "mmlu": {
            "doc_to_text": (
                "Q: {{question.strip()}}\n"
                "(A) {{choices[0]}} (B) {{choices[1]}} (C) {{choices[2]}} (D) {{choices[3]}}\n"
                "A: Let's think step by step."
            ),
            "doc_to_target": "{{['(A)', '(B)', '(C)', '(D)'][answer]}}",
            "filter_list": [
                {
                    "name": "answer",
                    "filter": [{"function": "regex", "regex_pattern": r"(\([A-D]\))"}, {"function": "take_first"}],
                }
            ],
        },
        "gsm8k": {
            "fewshot_split": "train",
            "num_fewshot": 8,
            "doc_to_text": "Question: {{question}}\nAnswer:",
            "doc_to_target": "{{answer.split('####')[-1].strip()}}",
            "filter_list": [
                {
                    "name": "answer",
                    "filter": [
                        {"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)"},
                        {"function": "take_first"},
                    ],
                }
            ],
        },
    }[name]
    (folder / "task.yaml").write_text(yaml.safe_dump(common | own))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", choices=list(TASKS), default="mmlu")
    parser.add_argument("--lm-eval", help="a Python with lm_eval")
    parser.add_argument("--inspect", help="a Python with inspect_ai")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    env = {**os.environ, "COTBENCH_DATA": str(data), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    few = ["--num-fewshot", "8"] if arguments.task == "gsm8k" else []

    def ours(folder: Path) -> list[str]:
        return [
            sys.executable, "-m", "cotbench", "run", "--model", "stub", "--task", arguments.task, "--mode", "cot", *few,
            "-o", str(folder),
        ]  # fmt: skip

    def lm_eval(folder: Path) -> list[str]:
        lm_eval_task(arguments.task, data, folder)
        return [
            arguments.lm_eval, "-m", "lm_eval", "run", "--model", "dummy", "--tasks", f"bench_{arguments.task}",
            "--include_path", str(folder), "--log_samples", "--output_path", str(folder / "out"),
        ]  # fmt: skip

    def inspect(folder: Path) -> list[str]:
        (folder / "job.py").write_text(INSPECT)
        return [arguments.inspect, "job.py", arguments.task, str(data), str(folder / "logs")]

    runners: dict[str, Callable[[Path], list[str]]] = {"cotbench": ours}
    if arguments.lm_eval:
        runners["lm-eval"] = lm_eval
    if arguments.inspect:
        runners["inspect"] = inspect
    costs: dict[str, list[Cost]] = {name: [] for name in runners}
    for _ in range(arguments.repeat):
        for name, runner in runners.items():
            with tempfile.TemporaryDirectory() as temporary:
                costs[name].append(measured(runner(Path(temporary)), Path(temporary), env))
    middle = {
        name: Cost(*(statistics.median(getattr(cost, part) for cost in found) for part in ("wall", "cpu", "memory")))
        for name, found in costs.items()
    }
    base = middle["cotbench"]
    print(f"{arguments.task}, medians of {arguments.repeat}; times cotbench's in brackets")
    for name, cost in middle.items():
        print(
            f"{name:10} wall {cost.wall:7.2f} s ({cost.wall / base.wall:5.1f}x)  cpu {cost.cpu:7.2f} s "
            f"({cost.cpu / base.cpu:5.1f}x)  memory {cost.memory:6.0f} MiB"
        )


if __name__ == "__main__":
    main()
