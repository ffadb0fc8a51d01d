"""How many replies a second do k replicas give, beside k times those of one? And what does a reply cost each process?

    python tests/measure/ray_throughput.py --replicas 1,2,4,8,16 --latency 1 --in-flight 8 --seconds 20 --repeat 2

Each row is a run of the stub (`--engine ray`, replies after --latency seconds, --in-flight at once for each replica) on
a cluster of its own. What is measured begins two replies after all replicas were ready and ends --seconds later, while
there is more to ask: starting, and the last replies, when replicas run dry, are left out. The rate is that at which
the run takes replies, with journal, reading and grading. `share` is the rate beside k x in-flight / latency; CPU is in
milliseconds per reply, of the run, of the process between, of all replicas and of Ray's own processes, all within the
same seconds; `load` is the machine's, where other work makes shares worse. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

MARK = "COTBENCH_MEASURE_MARK"
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> Counter[str]:
    """CPU seconds that the processes of this run have used so far, by what they are."""
    found: Counter[str] = Counter()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={os.environ[MARK]}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if int(folder.name) == os.getpid():
                kind = "run"
            elif "ray_driver" in command:
                kind = "between"
            else:
                kind = "replicas" if command.startswith("ray::Replica") else "Ray"
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            found[kind] += (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def inner(options: argparse.Namespace, folder: Path) -> None:
    """Run the stub in this process until enough was seen, and print what was."""
    from cotbench import cli
    from cotbench.engines.ray import RayEngine

    polled = RayEngine.poll
    k = options.inner
    full = k * (options.in_flight + max(1, round(0.25 * options.in_flight)))
    seen: dict[str, Any] = {"from": None, "count": 0}

    def watched(self: RayEngine) -> Any:
        replies = polled(self)
        now = time.monotonic()
        if seen["from"] is None:
            if self._limit >= full:
                seen["from"] = now + 2 * options.latency
        elif now >= seen["from"]:
            if "cpu" not in seen:
                seen["cpu"], seen["begun"] = cpu_seconds(), time.monotonic()
            elif now >= seen["begun"] + options.seconds:
                used = cpu_seconds()
                took = now - seen["begun"]
                rate = seen["count"] / took
                costs = {kind: 1000 * (used[kind] - seen["cpu"][kind]) / max(1, seen["count"]) for kind in used}
                print(json.dumps({"rate": rate, "cpu": costs, "load": os.getloadavg()[0]}), flush=True)
                self.close()
                os._exit(0)
            else:
                seen["count"] += len(replies)
        return replies

    RayEngine.poll = watched  # type: ignore[method-assign]
    task = folder / "sums.jsonl"
    count = int((options.seconds + 4 * options.latency + 30 + 6 * k) * k * options.in_flight / options.latency / 2)
    with task.open("w") as rows:
        rows.writelines(
            json.dumps({"question": f"What is {i} + {i}?", "answer": str(2 * i)}) + "\n" for i in range(count)
        )
    arguments = f"replicas={k},in_flight={options.in_flight},latency_s={options.latency},affinity={options.affinity}"
    cli.main(
        ["run", "--model", "stub", "--task", str(task), "--mode", "direct,cot", "--engine", "ray", "-a", arguments,
         "-o", str(folder / "results"), "--quiet"]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", default="1,2,4,8,16")
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--affinity", default="true")
    parser.add_argument("--inner", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.inner:
            inner(options, Path(folder))
            return
    kinds = ("run", "between", "replicas", "Ray")
    print("replicas  rate/s  share  ", "  ".join(f"{kind:>8}" for kind in kinds), "   load")
    for k in map(int, options.replicas.split(",")):
        rows = []
        for _ in range(options.repeat):
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--inner", str(k)],
                stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, MARK: uuid.uuid4().hex},
            )  # fmt: skip
            rows.append(json.loads(done.stdout.splitlines()[-1]))
        ideal = k * options.in_flight / options.latency
        shares = sorted(row["rate"] / ideal for row in rows)
        cpu = [median(row["cpu"].get(kind, 0.0) for row in rows) for kind in kinds]
        rate, load = (median(row[name] for row in rows) for name in ("rate", "load"))
        spread = f" ({shares[0]:.3f} to {shares[-1]:.3f})" if len(rows) > 1 else ""
        told = "  ".join(f"{one:8.2f}" for one in cpu)
        print(f"{k:8}  {rate:6.1f}  {median(shares):.3f}{spread}  {told}  {load:6.1f}", flush=True)


if __name__ == "__main__":
    main()
