"""questions.jsonl: the questions as asked, with gold, so that a run's folder is complete without the data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from cotbench.errors import RunError
from cotbench.store.files import write_atomically
from cotbench.store.lines import dump_line, read_lines
from cotbench.store.manifest import Manifest
from cotbench.types import Question

QUESTIONS = "questions.jsonl"


class StoredQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A line: `types.Question`, and its gold answer. A kind of its own and features stand there where it has them."""

    id: str
    task: str
    text: str
    choices: tuple[str, ...]
    group: str
    cluster: str
    gold: str
    kind: str = ""
    features: dict[str, str] = {}


_OF_QUESTION = tuple(name for name in StoredQuestion.__struct_fields__ if name != "gold")


def write_questions(folder: Path, questions: Iterable[Question], golds: Mapping[str, str]) -> None:
    """Replace a run's questions. Raises RunError."""
    rows = (
        StoredQuestion(**{name: getattr(question, name) for name in _OF_QUESTION}, gold=golds[question.id])
        for question in questions
    )
    write_atomically(folder / QUESTIONS, map(dump_line, rows))


def read_questions(folder: Path, manifest: Manifest) -> tuple[dict[str, Question], dict[str, str]]:
    """Read questions and golds of a run, by id. Raises RunError where they aren't those that its manifest is about."""
    path = folder / QUESTIONS
    questions: dict[str, Question] = {}
    golds: dict[str, str] = {}
    for row in read_lines(path, StoredQuestion):
        golds[row.id] = row.gold
        questions[row.id] = Question(**{name: getattr(row, name) for name in _OF_QUESTION})
    for task, entry in manifest.data.items():
        own = {identity: question for identity, question in questions.items() if question.task == task}
        expected, actual = entry.get("asked"), ""
        if expected is not None:
            actual = asked_fingerprint(own.values(), golds)
        elif entry.get("rows") == len(own):  # earlier versions recorded that of all questions of a task only
            expected = entry.get("fingerprint")
            actual = golds_fingerprint({identity: golds[identity] for identity in own})
        if expected is not None and actual != expected:
            raise RunError(
                f"{path}: the questions of {task}, or their golds, aren't those that were asked: their fingerprint is "
                f"{actual}, the manifest's is {expected!s:.40}.",
                "Restore the file, or run `cotbench run --resume RUN` to write it again.",
            )
    return questions, golds


def asked_fingerprint(questions: Iterable[Question], golds: Mapping[str, str]) -> str:
    """16 hex digits over questions as they were asked, with their golds."""
    return _fingerprint("\x1f".join([q.id, *_asked(q), golds[q.id]]) for q in questions)


def _asked(question: Question) -> Iterator[str]:
    """What a fingerprint is over. What earlier versions didn't know stands there only where it says something."""
    yield from (question.text, *question.choices, question.group, question.cluster)
    if question.kind or question.features:
        yield question.kind
        yield from (f"{name}={value}" for name, value in sorted(question.features.items()))


def golds_fingerprint(golds: Mapping[str, str]) -> str:
    """16 hex digits over all ids and golds of a task; an id stands for question and options."""
    return _fingerprint(f"{key}\x1f{gold}" for key, gold in golds.items())


def _fingerprint(lines: Iterable[str]) -> str:
    """16 hex digits over lines, in any order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
