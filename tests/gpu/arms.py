"""Run arms of one model one after another over one vLLM, and against bare vLLM: a step of `run.py`.

    python tests/gpu/arms.py --model FOLDER --runs FOLDER --results FILE --arms 'direct,cot,think@budget=0|64'
        [--task demo] [--limit N] [--paths 5] [--max-tokens cot=400] [--saturate free,cot,self-consistency] [--repeat 3]

Each arm is a run of its own, so that its seconds are its alone; a few of its questions are asked first, uncounted, for
what is compiled at first use. An arm that the model or the task refuses is recorded as refused, with the reason.
Then, for each arm in --saturate, the arm and one bare `LLM.generate` of its recorded requests take turns, vLLM's prefix
cache emptied before each. Loading the model is in none of the seconds; grading and writing are in those of the arms. A
line of JSON is added to --results as each is over, so that what was measured before a limit of time is there.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from saturation import Meter, requests_of

from cotbench.engines import open_engine
from cotbench.errors import CotbenchError, UsageError
from cotbench.modes.arms import base_of, split
from cotbench.runs import loop
from cotbench.runs import session as runner
from cotbench.runs.options import RunOptions
from cotbench.runs.parsing import key_values, max_tokens
from cotbench.runs.prepare import RunPlan, engine_config, make_plan

WARM = 4  # questions


class Bench:
    """One vLLM, kept open, and what is run over it."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._budgets = max_tokens(given.max_tokens)
        self._file = given.results.open("a")
        self._times: list[tuple[Meter, int]] = []
        self._close: Callable[[], None] | None = None
        self._time_loops()

    def tell(self, kind: str, **row: Any) -> None:
        """Add a line to the results."""
        self._file.write(json.dumps({"kind": kind, "model": self._given.name, **row}) + "\n")
        self._file.flush()
        print(f"{self._given.name}: {kind} {json.dumps(row)}", flush=True)

    def plan(self, arm: str, limit: int | None) -> RunPlan:
        base = base_of(arm)
        given = self._given
        budgets = {name: count for name, count in self._budgets.items() if name in (arm, base, "*")}
        return make_plan(
            RunOptions(
                model=given.model, tasks=given.task.split(","), modes=[arm], engine="vllm", limit=limit,
                model_args={**key_values("--model-args", given.model_args), "disable_log_stats": False},
                paths={base: given.paths} if base in ("self-consistency", "direct-votes") else {},
                max_tokens={arm if name == base else name: count for name, count in budgets.items()},
                data_dir=given.data,
            )
        )  # fmt: skip

    def open(self, plan: RunPlan) -> None:
        """Load the model, whatever arms will be run: whether it knows an arm's keys of sampling is asked arm by arm."""
        config = engine_config(plan)
        started = time.perf_counter()
        engine = open_engine("vllm", dataclasses.replace(config, sampling_keys=frozenset()))
        self._engine: Any = engine
        self._close = engine.close
        engine.close = lambda: None  # type: ignore[method-assign]
        runner.open_engine = lambda name, config: engine  # type: ignore[attr-defined]
        info = engine.describe()
        self.tell("loaded", seconds=time.perf_counter() - started, device=info.device, dtype=info.dtype,
                  vllm=info.version, thinks=info.thinking.default)  # fmt: skip

    def close(self) -> None:
        if self._close is not None:
            self._close()
        self._file.close()

    def _time_loops(self) -> None:
        begun = loop.Loop.run

        def timed(itself: Any) -> None:
            meter = Meter()
            meter.start()
            begun(itself)
            meter.stop()
            self._times.append((meter, itself.tally.new_tokens))

        loop.Loop.run = timed  # type: ignore[method-assign,assignment]

    def _counts(self) -> tuple[float, float]:
        """How many tokens of prompts vLLM was asked so far, and how many of these it found in its cache."""
        counts = {metric.name: metric for metric in self._engine._llm.get_metrics()}
        return counts["vllm:prefix_cache_queries"].value, counts["vllm:prefix_cache_hits"].value

    def _found_since(self, before: tuple[float, float]) -> float:
        """The share of the tokens of prompts since then that were found in the cache."""
        asked, hits = (now - then for now, then in zip(self._counts(), before, strict=True))
        return hits / asked if asked else 0.0

    def run(self, plan: RunPlan, folder: Path) -> dict[str, Any]:
        """Run a plan with an empty cache, and tell what that took."""
        self._engine._llm.reset_prefix_cache()
        before, started = self._counts(), time.perf_counter()
        done = runner.execute(plan, folder, fresh=True)
        meter, tokens = self._times[-1]
        return {
            "run": str(done.folder), "seconds": meter.seconds, "whole": time.perf_counter() - started,
            "answers": done.tally.total, "requests": done.tally.requests, "tokens": tokens,
            "cached": self._found_since(before),
        }  # fmt: skip

    def arm(self, arm: str, plan: RunPlan) -> dict[str, Any] | None:
        """Measure an arm; None where it can't be had."""
        warm = self._given.runs / "warm-up"
        try:
            self._engine._chat.require(engine_config(plan).sampling_keys)
            self.run(self.plan(arm, WARM), warm)
            row = self.run(plan, self._given.runs)
        except UsageError as error:
            self.tell("refused", arm=arm, why=error.message)
            return None
        finally:
            shutil.rmtree(warm, ignore_errors=True)
        self.tell("arm", arm=arm, **row)
        return row

    def bare(self, run: Path) -> dict[str, Any]:
        """All requests of a recorded run in one call, with an empty cache."""
        llm = self._engine._llm
        prompts, sampling = requests_of(run, self._engine._chat)
        llm.reset_prefix_cache()
        before, meter = self._counts(), Meter()
        meter.start()
        outputs = llm.generate(prompts, sampling, use_tqdm=False)
        meter.stop()
        tokens = sum(len(path.token_ids) for output in outputs for path in output.outputs)
        return {
            "seconds": meter.seconds,
            "requests": len(prompts),
            "tokens": tokens,
            "cached": self._found_since(before),
        }

    def saturate(self, arm: str, run: Path) -> None:
        """Let an arm and bare vLLM take turns over the same requests."""
        again = self._given.runs / "again"
        for turn in range(self._given.repeat):
            self.tell("bare", arm=arm, turn=turn, **self.bare(run))
            self.tell("ours", arm=arm, turn=turn, **self.run(self.plan(arm, self._given.limit), again))
            shutil.rmtree(again, ignore_errors=True)


def planned(bench: Bench, arms: list[str], limit: int | None) -> Iterator[tuple[str, RunPlan]]:
    """The arms that can be planned for these tasks, each with its plan; of the others it is told why not."""
    for arm in arms:
        try:
            yield arm, bench.plan(arm, limit)
        except UsageError as error:
            bench.tell("refused", arm=arm, why=error.message)


def measure(given: argparse.Namespace) -> None:
    bench = Bench(given)
    try:
        arms = dict(planned(bench, split(given.arms.split(",")), given.limit))
        if not arms:
            raise UsageError("No arm is left to be run.")
        bench.open(next(iter(arms.values())))
        found = {arm: bench.arm(arm, plan) for arm, plan in arms.items()}
        for arm in filter(None, given.saturate.split(",")):
            row = found.get(arm)
            if row is not None:
                bench.saturate(arm, Path(row["run"]))
    except CotbenchError as error:
        bench.tell("failed", why=error.message)  # what vLLM says as it ends comes after it in a log
        raise
    finally:
        bench.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", help="of the model, in the results")
    parser.add_argument("--runs", type=Path, required=True, help="a folder for the runs")
    parser.add_argument("--results", type=Path, required=True, help="a file that lines are added to")
    parser.add_argument("--arms", required=True)
    parser.add_argument("--task", default="demo")
    parser.add_argument("--data", help="a folder with data sets in the Hub's layout")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--paths", type=int, default=5)
    parser.add_argument("--max-tokens")
    parser.add_argument("--model-args", default="")
    parser.add_argument("--saturate", default="", help="which of the arms also run against bare vLLM")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    given.name = given.name or Path(given.model).name
    try:
        measure(given)
    except CotbenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
