"""What a question costs as tasks grow: cotbench with the stub on made-up questions, from 1,000 to 200,000 of them.

    python tests/benchmarks/growth.py [--sizes 1000,10000,50000,200000] [--repeat 3] [--page]

Printed for each size, as medians: wall and CPU time, what a question costs beyond the smallest run, peak memory, and
the same for the report.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from harness import Cost, measured


def middle(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, part) for cost in costs) for part in ("wall", "cpu", "memory")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,50000,200000")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--page", action="store_true", help="with plots and the page")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    runs: dict[int, list[Cost]] = {size: [] for size in sizes}
    reports: dict[int, list[Cost]] = {size: [] for size in sizes}
    options = [] if given.page else ["--no-page", "--no-plots"]
    for _ in range(given.repeat):
        for size in sizes:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                with (folder / "made.jsonl").open("w") as file:
                    for i in range(size):
                        text = (
                            f"A train of {i} wagons leaves a station of {i % 97} tracks, and {i % 13} wagons are "
                            "left behind. How many go on?"
                        )
                        file.write(
                            json.dumps(
                                {
                                    "question": text,
                                    "choices": [str(i), str(i - i % 13), str(i % 97), "none"],
                                    "answer": "B",
                                    "group": f"g{i % 50}",
                                }
                            )
                            + "\n"
                        )
                cotbench = [sys.executable, "-m", "cotbench"]
                command = [
                    *cotbench,
                    "run",
                    "--model",
                    "stub",
                    "--task",
                    "made.jsonl",
                    "--mode",
                    "cot",
                    "-q",
                    "-o",
                    "out",
                ]
                runs[size].append(measured(command, folder, os.environ))
                reports[size].append(measured([*cotbench, "report", "-o", "out", *options], folder, os.environ))
    for name, found in (("run", runs), ("report", reports)):
        first = middle(found[sizes[0]])
        for size in sizes:
            cost = middle(found[size])
            more = size - sizes[0]
            each = f"{1e6 * (cost.cpu - first.cpu) / more:5.0f} us more a question" if more else ""
            print(
                f"{name:6} {size:7,} questions: wall {cost.wall:6.2f} s  cpu {cost.cpu:6.2f} s  memory "
                f"{cost.memory:5.0f} MiB  {each}"
            )


if __name__ == "__main__":
    main()
