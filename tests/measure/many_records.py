"""Make a large run of a small one: python tests/measure/many_records.py RUN FOLDER --records 2000000 [--journal].

Each question of a finished run is copied, with a number behind its text and its id, and so are its records, until there
are as many records as asked for; with --journal its replies, too. All is written by cotbench's own writers. No model is
asked, so that figures say nothing of one: it is what a report of so many answers takes that is to be measured
(`report_parts.py`). `--make 2000` makes the small run first: so many sums in a file, by the stub, under ten arms, one
of them a vote of 40 paths.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from cotbench.store.journal import JOURNAL, JournalIndex, imported_line
from cotbench.store.lines import read_lines
from cotbench.store.manifest import read_manifest
from cotbench.store.questions import asked_fingerprint, read_questions, write_questions
from cotbench.store.records import RECORDS, Record, RecordFile

ARMS = "direct,free,cot,draft,cot@temperature=1,self-consistency,pal,plan-direct,plan-cot,plan-solver"
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve")
SUBJECTS = ("sums", "products", "ages", "times", "trains", "prices", "areas")


def small_rows(count: int) -> Iterator[dict[str, str]]:
    """Make questions of one step, half of which hold a "="."""
    for number in range(count):
        one, other, name = 3 + number % 89, 2 + number % 53, NAMES[number % len(NAMES)]
        told = f"{name} has {one} boxes of {other} pens each, number {number} among the sets. How many pens are that?"
        asked = f"Set {number}: what is x if x = {one} * {other}?" if number % 2 else told
        yield {"question": asked, "answer": str(one * other), "group": SUBJECTS[number % len(SUBJECTS)]}


def make_small(folder: Path, count: int) -> None:
    """Ask the stub `count` made-up questions under ARMS, into the run folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.parent / "sums.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in small_rows(count)))
    command = ["run", "--model", "stub", "--engine", "stub", "--task", str(file), "--mode", ARMS]
    more = ["--paths", "self-consistency=40", "--output-dir", str(folder.parent / "made")]
    subprocess.run([sys.executable, "-m", "cotbench", *command, *more], check=True)
    [made] = (folder.parent / "made").glob("*/manifest.json")
    made.parent.rename(folder)


def shuffled(record: Record, chance: random.Random) -> Record:
    """The same record with its paths in another order: as many votes for each answer, and ballots of its own."""
    if record.votes is None or record.votes.scores is not msgspec.UNSET:
        return record
    ballots = tuple(chance.sample(record.votes.ballots, len(record.votes.ballots)))
    return msgspec.structs.replace(record, votes=msgspec.structs.replace(record.votes, ballots=ballots))


def copied(source: Path, folder: Path, wanted: int, *, journal: bool) -> int:
    """Write a run of at least `wanted` records into a folder; return how many it has."""
    manifest = read_manifest(source)
    questions, golds = read_questions(source, manifest)
    records = list(read_lines(source / RECORDS, Record))
    times = -(-wanted // len(records))
    folder.mkdir(parents=True)
    many = {
        f"{identity}-{number}": replace(question, id=f"{identity}-{number}", text=f"{question.text} [{number}]")
        for number in range(times)
        for identity, question in questions.items()
    }
    of_many = {f"{identity}-{number}": golds[identity] for number in range(times) for identity in questions}
    manifest.write(folder)
    write_questions(folder, list(many.values()), of_many)
    file, chance = RecordFile(folder / RECORDS), random.Random(0)
    for number in range(times):
        for place, record in enumerate(records):
            own = msgspec.structs.replace(record, question=f"{record.question}-{number}")
            file(number * len(records) + place, shuffled(own, chance))
    file.finish()
    if journal:
        replies = list(JournalIndex(source / JOURNAL))
        with (folder / JOURNAL).open("wb") as out:
            for number in range(times):
                for reply in replies:
                    out.write(imported_line(msgspec.structs.replace(reply, question=f"{reply.question}-{number}")))
    data = {
        task: {**entry, "asked": asked_fingerprint([q for q in many.values() if q.task == task], of_many)}
        for task, entry in manifest.data.items()
    }
    total = times * len(records)
    msgspec.structs.replace(manifest, run=folder.name, data=data, totals={"records": total, "of": total}).write(folder)
    return total


def main() -> None:
    """Make a run as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--make", type=int, metavar="QUESTIONS")
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--journal", action="store_true")
    given = parser.parse_args()
    if given.make:
        make_small(given.run, given.make)
    if given.folder:
        print(f"{copied(given.run, given.folder, given.records, journal=given.journal):,} records in {given.folder}")


if __name__ == "__main__":
    main()
