"""How many replies a second does one driver take? python tests/measure/driver.py [KIND ...] [--replicas 1,4,16,64]

The driver is a run's one process: prompts, request hashes, journal, reading, grading, records, tally. Here its engine
costs next to nothing: replies are made beforehand, and of each of `--replicas` one arrives with every poll. Kinds:

    short            direct answers to MMLU
    long, longer     chains of thought of 1,000 and 4,000 tokens (of four characters) on MMLU
    number           1,000 tokens on GSM8K, with sums
    formula          1,000 tokens on MATH, with formulas; half of the answers are gold, a tenth go to grader processes
    made             direct answers to --count made-up questions; see --memory

Printed are replies and tokens a second (wall), microseconds of CPU for each reply, of this process and of its children,
and, with --parts, what each part takes of them (a tenth dearer then). With --memory: the memory of the process when a
quarter, half ... of the records are there (of `made`: --count 2000000 --memory), and its peak. Where the machine has
other work only CPU seconds, and ratios within one sitting, mean anything. MMLU, GSM8K and MATH are read where
COTBENCH_DATA says; --source FOLDER measures the cotbench that lies there.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

KINDS = {
    "short": ("mmlu", "direct", 0),
    "long": ("mmlu", "cot", 1_000),
    "longer": ("mmlu", "cot", 4_000),
    "number": ("gsm8k", "cot", 1_000),
    "formula": ("math", "cot", 1_000),
    "made": ("made.jsonl", "direct", 0),
}
IN_FLIGHT = 256  # requests of a replica
MADE = 64  # different beginnings of long replies
SENTENCES = {
    "letter": (
        "First we look at what the question asks for, and at what is known about it. ",
        "Option A names a cause that comes long before the effect, so it is unlikely. ",
        "The second option is often confused with this one; however, they differ in kind. ",
        "If B were right, then the amount would be greater than what is said above.\n\n",
        "Let me check this again: the statement holds for most cases (see above). ",
    ),
    "number": (
        "She has 12 boxes with 24 pens each, so that is 12 * 24 = 288 pens. ",
        "Half of them are sold for $1.50, which gives 144 * 1.5 = $216 in total.\n",
        "After 3 days there are 288 - 3 * 20 = 228 left, and 15% of these are red. ",
        "Now we add what was there before: 228 + 72 = 300.\n\n",
    ),
    "formula": (
        "We write $f(x) = \\frac{x^2 - 4}{x - 2}$ and see that it is $x + 2$ for $x \\ne 2$. ",
        "Then \\[\\int_0^1 f(x)\\,dx = \\frac{1}{2} + 2 = \\frac{5}{2},\\] which is what we need.\n",
        "By the theorem, $a^2 + b^2 = c^2$, so $c = \\sqrt{a^2 + b^2} = 13$. ",
        "Let $n \\equiv 3 \\pmod{7}$; the sum is $\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$.\n\n",
    ),
}


class Made:
    """An engine of so many replicas, whose replies are made beforehand."""

    def __init__(self, kind: str, replicas: int, golds: dict[str, str], info: Any) -> None:
        from cotbench.types import Completion, Reply

        self.capacity, self._batch, self._info = IN_FLIGHT * replicas, replicas, info
        self._golds, self._waiting, self._next, self._count = golds, {}, 0, 0
        self._tokens = KINDS[kind][2]
        style = {"number": "number", "formula": "formula"}.get(kind, "letter")
        chance = random.Random(0)
        self._begins = []
        for _ in range(MADE if self._tokens else 0):
            text = ""
            while len(text) < 4 * self._tokens:
                text += chance.choice(SENTENCES[style])
            self._begins.append(text)
        self._wrong = {"number": ["7", "1,200", "38"], "formula": ["12", "\\frac{3}{7}", "x + 1"]}.get(style)
        # Also of short replies the object is new each time, as those of engines are.
        self._reply: Callable[[str, int], Any] = lambda text, tokens: Reply(
            completions=(Completion(text=text, finish_reason="stop", prompt_tokens=150, completion_tokens=tokens),),
            prompt=None,
            seconds=0.25,
        )

    def describe(self) -> Any:
        return self._info

    def submit(self, key: Any, request: Any) -> None:
        self._waiting[key] = request

    def arrives(self, wait_s: float) -> bool:
        return bool(self._waiting)

    def poll(self) -> list[tuple[Any, Any]]:
        waiting = self._waiting
        keys = list(islice(waiting, self._batch))
        return [(key, self._answer(key, waiting.pop(key))) for key in keys]

    def _answer(self, key: Any, request: Any) -> Any:
        self._count = count = self._count + 1
        gold = self._golds[key.question]
        if self._wrong is None:
            answer = "ABCD"[count % 4]
        else:
            answer = gold if count % 10 < 8 or len(self._wrong) < 1 else self._wrong[count % len(self._wrong)]
        if not self._tokens:
            return self._reply(f" {answer}" if request.begun else f"Answer: {answer}", 3)
        form = f"\\boxed{{{answer}}}" if "$" in self._begins[0] and "\\frac" in self._begins[0] else answer
        return self._reply(f"{self._begins[count % MADE]}Answer: {form}", self._tokens)

    def cancel(self) -> list[Any]:
        keys = list(self._waiting)
        self._waiting.clear()
        return keys

    def close(self) -> None:
        pass


class Parts:
    """Where CPU time goes: each part's own, without that of the parts within."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._open: list[list[float]] = []

    def of(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        now, spent, inner = time.thread_time, self.spent, self._open

        def timed(*args: Any, **given: Any) -> Any:
            within = [0.0]
            inner.append(within)
            start = now()
            try:
                return function(*args, **given)
            finally:
                took = now() - start
                inner.pop()
                spent[name] += took - within[0]
                if inner:
                    inner[-1][0] += took

        return timed

    def put_in(self) -> None:
        """Have the parts of a run told apart."""
        from cotbench.modes import kit, reading
        from cotbench.runs import loop, stations
        from cotbench.store import journal, records
        from cotbench.types import Request

        hashed = Request.hash
        read_hash = hashed.fget if isinstance(hashed, property) else hashed.__get__
        Request.hash = property(self.of("request's hash", read_hash))  # type: ignore
        for owner, name, called in (
            (kit.TaskKit, "request", "prompt"),
            (reading, "extract", "reading"),
            (loop, "_record", "record"),
            (loop.Loop, "_count", "tally"),
            (loop.Loop, "run", "loop"),
            (stations.Judge, "submit", "grading"),
            (stations.Judge, "done", "grading"),
            (journal.Journal, "append", "journal: write"),
            (journal, "_line", "journal: line"),
            (records.Record, "line", "records: line"),
            (records.RecordFile, "__call__", "records: write"),
            (stations.Replies, "submit", "station"),
            (stations.Replies, "_take", "station"),
            (Made, "_answer", "mock"),
            (Made, "poll", "mock"),
        ):
            if hasattr(owner, name):
                setattr(owner, name, self.of(called, getattr(owner, name)))


def memory_mib(name: str = "VmRSS") -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def write_made(path: Path, count: int) -> None:
    with path.open("w") as file:
        for i in range(count):
            text = f"A train of {i} wagons leaves a station of {i % 97} tracks, and {i % 13} are left behind. And now?"
            choices = [str(i), str(i - i % 13), str(i % 97), "none"]
            row = {"question": text, "choices": choices, "answer": "B", "group": f"g{i % 50}"}
            file.write(json.dumps(row) + "\n")


@dataclass
class Given:
    kind: str
    replicas: int
    count: int
    parts: bool
    memory: bool


def measure(given: Given) -> dict[str, Any]:
    """Make one run, in this process."""
    from cotbench.engines import EngineInfo, ThinkingInfo
    from cotbench.processes import collect_seldom
    from cotbench.runs import loop
    from cotbench.runs import session as runner
    from cotbench.runs.options import RunOptions
    from cotbench.runs.prepare import make_plan

    collect_seldom()
    parts = Parts()
    if given.parts:
        parts.put_in()
    task, mode, _ = KINDS[given.kind]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as temporary:
        folder = Path(temporary)
        if task == "made.jsonl":
            task = str(folder / task)
            write_made(Path(task), given.count)
        limit = given.count if given.kind != "made" else None
        begun = time.process_time()
        plan = make_plan(RunOptions(model="mock", engine="stub", tasks=[task], modes=[mode], limit=limit))
        planning = time.process_time() - begun
        info = EngineInfo(
            engine="stub", model="mock", continues="tokens", thinking=ThinkingInfo(default="off", off="never", on="")
        )
        engine = Made(given.kind, given.replicas, plan.golds, info)
        runner.open_engine = lambda name, config: engine  # type: ignore
        told: dict[str, Any] = {"planning_s": planning}
        run = loop.Loop.run
        marks: list[tuple[int, float]] = []
        steps = [int(plan.total * share) for share in (0.125, 0.25, 0.5, 1)] if given.memory else []

        def watch(tally: Any) -> None:
            if steps and tally.done >= steps[0]:
                steps.pop(0)
                marks.append((tally.done, memory_mib()))

        def timed(self: Any) -> None:
            gc.collect()
            told["before_mib"] = memory_mib()
            start, cpu = time.perf_counter(), time.process_time()
            run(self)
            told["cpu"], told["wall"] = time.process_time() - cpu, time.perf_counter() - start
            told["tokens"], told["replies"] = self.tally.new_tokens, self.tally.requests

        loop.Loop.run = timed  # type: ignore
        begun = time.process_time()
        runner.execute(plan, folder / "out", watch=watch)
        told["session_s"] = time.process_time() - begun - told["cpu"]
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        told |= {"children": children.ru_utime + children.ru_stime, "marks": marks, "peak_mib": memory_mib("VmHWM")}
        told["parts"] = dict(parts.spent)
        return told


def shown(given: Given, told: dict[str, Any]) -> str:
    replies = told["replies"]
    line = (
        f"{given.kind:8} {given.replicas:3} {replies:8,} replies  {replies / told['wall']:8,.0f}/s  "
        f"{told['tokens'] / told['wall'] / 1e3:7,.0f} k tokens/s  {told['cpu'] / replies * 1e6:7.0f} us CPU  "
        f"children {told['children'] / replies * 1e6:5.0f} us  "
        f"by CPU {replies / told['cpu']:8,.0f}/s {told['tokens'] / told['cpu'] / 1e6:6.2f} M tokens/s"
    )
    more = [f"  {name:16} {spent / replies * 1e6:7.1f} us" for name, spent in Counter(told["parts"]).most_common()]
    if told["marks"]:
        more.append(
            f"  {'before the loop':16} {told['before_mib']:7,.0f} MiB (CPU of planning {told['planning_s']:.1f} s)"
        )
        more += [f"  {done:16,} {mib:7,.0f} MiB" for done, mib in told["marks"]]
        more.append(
            f"  {'peak':16} {told['peak_mib']:7,.0f} MiB (CPU beside planning and loop {told['session_s']:.1f} s)"
        )
    return "\n".join([line, *more])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=["short", "long", "longer", "number", "formula"])
    parser.add_argument("--replicas", default="64")
    parser.add_argument("--count", type=int, default=0, help="questions; by default some 4 M tokens, at most 14,042")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--source", type=Path, action="append", default=[], help="with several they take turns")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(Given(**json.loads(asked.one)))))
        return
    for kind in asked.kinds:
        count = asked.count or min(14_042, 4_000_000 // (KINDS[kind][2] or 1))
        for replicas in map(int, asked.replicas.split(",")):
            given = Given(kind, replicas, count, asked.parts, asked.memory)
            for _ in range(asked.repeat):
                for source in asked.source or [Path(__file__).parents[2]]:
                    env = {**os.environ, "PYTHONPATH": str(source.resolve())}
                    command = [sys.executable, __file__, "--one", json.dumps(vars(given))]
                    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
                    print(f"[{source.name}]" if asked.source else "", shown(given, json.loads(done.stdout)), flush=True)


if __name__ == "__main__":
    main()
