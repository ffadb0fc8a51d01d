"""Records with trees, made up: of a search like Game of 24's, of chains, and at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handmade import make_record

from cotbench.store.journal import Journal
from cotbench.store.records import Record
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling


@dataclass(frozen=True)
class Call:
    """A call on the way to an answer. after: of what it builds on, the place of the call and of the path."""

    template: str
    paths: Sequence[str]
    after: Sequence[tuple[int, int]] = ()
    to: Any = ""
    score: float | None = None

    def request(self, question: str, place: int) -> Request:
        """What was sent."""
        text = f"Call {place} of {question}: {self.template}?"
        sampling = Sampling(max_tokens=99, n=len(self.paths))
        return Request(
            messages=(Message(role="user", text=text),), sampling=sampling, template=self.template, to=self.to
        )


def addresses(question: str, calls: Sequence[Call]) -> list[tuple[str, int]]:
    """The requests of a record."""
    return [(call.request(question, place).hash, 0) for place, call in enumerate(calls)]


def write_calls(folder: Path, question: str, calls: Sequence[Call]) -> None:
    """Append the calls of a question to a run's journal."""
    path = folder / "journal.jsonl"
    journal = Journal(path, path.stat().st_size if path.exists() else 0)
    hashes = addresses(question, calls)
    for place, call in enumerate(calls):
        paths = tuple(
            Completion(text=text, finish_reason="stop", completion_tokens=7, score=call.score) for text in call.paths
        )
        after = tuple((*hashes[number], path) for number, path in call.after)
        key = Key(question, hashes[place][0], 0, 0)
        journal.append([(key, call.request(question, place), None, Reply(completions=paths), after)])
    journal.close()


def node(text: str, role: str = "thought", **given: Any) -> dict[str, Any]:
    """A row of a record's nodes, as JSON has it."""
    return {"text": text, "role": role, **given}


def votes(*answers: tuple[str, str | None], ballots: Sequence[int | None]) -> dict[str, Any]:
    """The votes of a record. answers: with the verdict on each."""
    return {
        "answers": [{"answer": a, "votes": list(ballots).count(n), "outcome": o} for n, (a, o) in enumerate(answers)],
        "ballots": list(ballots),
        "abstained": {"unparsed": list(ballots).count(None)} if None in ballots else {},
        "margin": 0,
    }


def tree_record(nodes: Sequence[dict[str, Any]], **given: Any) -> Record:
    """A record of a mode that searches."""
    plain: dict[str, Any] = {
        "question": "t-0", "task": "t", "mode": "tot", "outcome": "wrong", "answer": None, "gold": "1",
    }  # fmt: skip
    return make_record(**plain | given, nodes=nodes)


def searched(seed: int = 0, *, breadth: int = 5, proposed: int = 8) -> list[dict[str, Any]]:
    """The nodes of a search: three steps of proposals, the best of which are kept, and an answer for each of the last.
    Their texts look like Game of 24's."""
    draw = random.Random(seed)
    nodes: list[dict[str, Any]] = []
    kept: list[int | None] = [None]
    for step in range(3):
        rows = []
        for parent in kept:
            for _ in range(proposed):
                a, b = draw.randint(1, 13), draw.randint(1, 13)
                left = " ".join(str(draw.randint(1, 24)) for _ in range(3 - step))
                value = draw.choice([0.003, 1.001, 2.0, 3.0, 20.0, 21.0, 60.0])
                rows.append(node(f"{a} + {b} = {a + b} (left: {left})", parent=parent, value=value))
        best = sorted(range(len(rows)), key=lambda at: -rows[at]["value"])[:breadth]
        for at, row in enumerate(rows):
            row |= {"kept": at in best} | ({} if at in best else {"why": draw.choice(["pruned"] * 5 + ["duplicate"])})
        kept = [len(nodes) + at for at in sorted(best)]
        nodes += rows
    for ballot, parent in enumerate(kept):
        nodes.append(node(f"Answer: (13 - 9) * {ballot + 2} * 3 = 24", "answer", parent=parent, ballot=ballot))
    return nodes


def random_nodes(seed: int) -> list[dict[str, Any]]:
    """Nodes of any shape: bushes, chains, several first ones, odd texts, values or none, few or many kept."""
    draw = random.Random(seed)
    count = draw.choice([1, 2, 5, 30, 120])
    chained, keeping = draw.random() ** 2, draw.choice([0.0, 0.1, 0.3])
    texts = [
        "x",
        "",
        "a b " * 60,
        "日本語のテキスト" * 8,
        "\x1b[31mred\x1b[0m",
        "e\u0301" * 30,
        "line\nline",
        "🧮🧮 12",
    ]
    nodes: list[dict[str, Any]] = []
    for place in range(count):
        parent = (
            None
            if not place or draw.random() < 0.05
            else place - 1
            if draw.random() < chained
            else draw.randrange(place)
        )
        kept = draw.random() < keeping
        nodes.append(
            node(
                draw.choice(texts),
                draw.choice(["thought", "thought", "answer", "criticism"]),
                parent=parent,
                value=draw.choice([None, draw.random() * 10 ** draw.randint(-6, 9), -1.5, 0.0]),
                kept=kept,
                why="" if kept else draw.choice(["pruned", "duplicate", "", "why " * 40]),
                ballot=place if draw.random() < 0.1 else None,
            )
        )
    return nodes
