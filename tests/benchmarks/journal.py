"""What a journal of many replies takes: bytes on disk, seconds and memory of opening, looking up, and reading all.

    python tests/benchmarks/journal.py make FOLDER 2000000
    python tests/benchmarks/journal.py measure FOLDER

The replies are made up: words drawn by chance about as often as words are used, 400 bytes of reply at the median and
now and then some ten thousand, behind a prompt of 600 characters that the questions of a task share the half of. Each
measurement is made in a process of its own and says its CPU time, since a machine may have other things to do.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from cotbench.store.journal import JOURNAL, Entry, Journal, JournalIndex
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

TEMPLATES = ("direct", "cot", "plan", "check")
BATCH = 1_000
LOOKED_UP = 20_000


def words_of(seed: int) -> list[str]:
    """Forty thousand words, the more often drawn the shorter."""
    chance = random.Random(seed)
    return ["".join(chance.choices("etaoinshrdlucmfw", k=2 + int(n**0.22))) for n in range(40_000)]


def entries(count: int) -> Iterator[Entry]:
    """A run's replies in the order of its questions, four of each."""
    chance, words = random.Random(7), words_of(3)
    # Drawn once and cut at chance places: drawing each word anew would take longer than what is measured.
    many = " ".join(words[min(int(chance.paretovariate(0.7)), len(words)) - 1] for _ in range(4_000_000))
    shared = many[:300]

    def text(length: int) -> str:
        start = chance.randrange(len(many) - length)
        return many[start : start + length]

    for number in range(count):
        question, template = divmod(number, len(TEMPLATES))
        if not template:
            asked = text(300)
        length = 12_000 if chance.random() < 0.01 else int(chance.lognormvariate(6.0, 0.5))
        tokens = length // 4
        path = Completion(
            text=text(length) + "\nAnswer: 42", finish_reason="stop", prompt_tokens=150, completion_tokens=tokens
        )
        request = Request(
            messages=(Message(role="user", text=f"{shared} {TEMPLATES[template]} {asked}"),),
            sampling=Sampling(max_tokens=4_096),
            template=TEMPLATES[template],
        )
        key = Key(f"made-{question:08x}", f"{chance.getrandbits(64):016x}", 0, 0)
        yield key, request, None, Reply(completions=(path,), seconds=round(chance.random() * 9, 4))


def make(folder: Path, count: int) -> None:
    """Write a run's journal, as a run does."""
    folder.mkdir(parents=True)
    began, slowest, made = time.monotonic(), 0.0, 0.0
    journal, batch = Journal(folder / JOURNAL, 0), []
    for entry in entries(count):
        batch.append(entry)
        if len(batch) == BATCH:
            at = time.monotonic()
            journal.append(batch)
            took = time.monotonic() - at
            slowest, made = max(slowest, took), made + took
            batch = []
    journal.append(batch)
    at = time.monotonic()
    journal.close()
    say("append all", made, f"slowest batch of {BATCH:,}: {slowest:.3f} s")
    say("close", time.monotonic() - at)
    say("with making them up", time.monotonic() - began)
    sizes(folder)


def sizes(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files):,} bytes")


def say(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:<24}{seconds:9.2f} s  {more}", flush=True)


def opening(index: JournalIndex) -> int:
    return Key("none", "none", 0, 0) in index


def keys_of(folder: Path) -> list[Key]:
    """Addresses at chance, and some that follow each other."""
    drawn = random.Random(5)
    keys = [Key(*key) for key in json.loads((folder.parent / f"{folder.name}.keys.json").read_text())]
    return drawn.choices(keys, k=LOOKED_UP)


def measure(what: str, folder: Path) -> None:
    """Make one measurement and print it."""
    threading.Thread(target=watch_memory, daemon=True).start()
    keys = keys_of(folder) if what in ("look up", "in order", "told") else []
    if what == "in order":
        keys.sort()
    began, spent = time.monotonic(), time.process_time()
    index = JournalIndex(folder / JOURNAL)
    opening(index)
    if what == "all parsed":
        assert index.state().replies
    elif what == "iterate":
        print(sum(1 for _ in index))
    elif what == "lines":
        print(sum(1 for _ in index.lines()))
    elif what == "told":
        opened = time.monotonic()
        for key in keys:
            index.told(key)
        print(f"{(time.monotonic() - opened) / len(keys) * 1e6:.1f} microseconds each")
    elif what != "open":
        opened = time.monotonic()
        assert all(index.reply(key) for key in keys)
        print(f"{(time.monotonic() - opened) / len(keys) * 1e6:.1f} microseconds each")
    say(
        what,
        time.process_time() - spent,
        f"{time.monotonic() - began:.1f} s by the clock; peak of own memory {max(most[0], own_memory()) // 1024:,} MB",
    )


most = [0]


def own_memory() -> int:
    """In kB: what the process has of its own, and no pages of files."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0])


def watch_memory() -> None:
    while True:
        most[0] = max(most[0], own_memory())
        time.sleep(0.02)


def main() -> None:
    how, folder, *more = sys.argv[1:]
    if how == "make":
        make(Path(folder), int(more[0]))
        return
    if how == "one":
        measure(more[0], Path(folder))
        return
    path = Path(folder)
    keys = path.parent / f"{path.name}.keys.json"
    if not keys.exists():
        drawn = random.Random(1)
        keys.write_text(json.dumps([row.key for row in JournalIndex(path / JOURNAL) if drawn.random() < 0.02]))
    sizes(path)
    for what in more or ("open", "told", "in order", "look up", "iterate", "lines", "all parsed"):
        subprocess.run([sys.executable, __file__, "one", folder, what], check=False, env={**os.environ})


if __name__ == "__main__":
    main()
