"""The station that finds passages: BM25 (Robertson and Zaragoza 2009, doi:10.1561/1500000019) as bm25s has it (Lu 2024,
arXiv:2407.03618), which is an extra.

It gives the same passages every time: scores are rounded before they are compared, and of equal ones the passage that
stands first in the corpus goes first. What it found stands in the run's folder (`store/passages.py`), so that a run is
graded and reported without it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from cotbench.errors import UsageError
from cotbench.modes import Retrieve, TaskKit
from cotbench.modes.context import GOLD, Context
from cotbench.modes.steps import Found, Search
from cotbench.runs.stations import STATIONS, StationRow, Ticket
from cotbench.store.passages import ShownPassage, ShownPassages
from cotbench.types import Passage, Question

if TYPE_CHECKING:
    from cotbench.runs.prepare import RunPlan

PACKAGE = "bm25s"
K1, B, METHOD = 1.5, 0.75, "lucene"  # what bm25s and most others take
DIGITS = 4  # of a score, beyond which two passages are equally near
SMALL = 64  # passages: indices of a question's own are made when they are wanted, those of whole tasks are kept


def require_retriever() -> None:
    """Raise UsageError, with the remedy, where the package isn't there that finds passages."""
    try:
        version(PACKAGE)
    except PackageNotFoundError:
        raise UsageError(
            f"context=retrieved: finding passages needs the package {PACKAGE}, which isn't installed.",
            "pip install 'cotbench[retrieval]'; context=gold and context=all need nothing.",
        ) from None


def identity() -> str:
    """Return what the passages that are found depend on, beside the passages."""
    require_retriever()
    ways = f"{METHOD}, k1 {K1:g}, b {B:g}, title and text, words without English stop words"
    return f"{PACKAGE} {version(PACKAGE)}, {ways}"


def _package() -> Any:
    require_retriever()
    return importlib.import_module(PACKAGE)


def _words(texts: Sequence[str]) -> list[list[str]]:
    """Split texts into words in lower case, without the commonest English ones."""
    words: list[list[str]] = _package().tokenize(list(texts), stopwords="en", return_ids=False, show_progress=False)
    return words


class Index:
    """An index over passages."""

    def __init__(self, passages: tuple[Passage, ...]) -> None:
        self.passages = passages
        self._index = _package().BM25(method=METHOD, k1=K1, b=B)
        words = _words([f"{passage.title}\n{passage.text}" for passage in passages])
        self._empty = not any(words)
        if not self._empty:
            self._index.index(words, show_progress=False)

    def find(self, text: str, most: int) -> tuple[Found, ...]:
        """Return the passages that are nearest to a text, the nearest first."""
        [words] = _words([text])
        known = [] if self._empty else [word for word in words if word in self._index.vocab_dict]
        scores = np.zeros(len(self.passages))
        if known:
            scores = np.round(np.asarray(self._index.get_scores(known), dtype=float), DIGITS)
        order = np.argsort(-scores, kind="stable")[:most]
        return tuple(Found(self.passages[place], float(scores[place])) for place in order)


class Retriever:
    """Finds passages; each search is answered when it is asked."""

    def __init__(self) -> None:
        self._indices: dict[int, Index] = {}  # by the passages' identity; an index keeps them
        self._ready: list[tuple[Ticket, tuple[Found, ...]]] = []

    @property
    def pending(self) -> int:
        return len(self._ready)

    def find(self, search: Search) -> tuple[Found, ...]:
        """Return the passages that a search finds, the nearest first."""
        index = self._indices.get(id(search.among))
        if index is None:
            index = Index(search.among)
            if len(search.among) > SMALL:
                self._indices[id(search.among)] = index
        return index.find(search.text, search.most)

    def submit(self, ticket: Ticket, work: Search) -> None:
        self._ready.append((ticket, self.find(work)))

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, tuple[Found, ...]]]:  # noqa: ARG002
        results, self._ready = self._ready, []
        return results

    def close(self) -> None:
        self._indices.clear()


STATIONS[Retrieve] = StationRow(name="passages", identity=identity, open=Retriever, recorded=True)


# --- what a run shows ---------------------------------------------------------------------------------------------


def informed(kit: TaskKit, question: Question, retriever: Retriever) -> TaskKit:
    """Return a kit with the passages that its arm shows before a question, outside of a run's loop."""
    flow = kit.informed(question)
    results: Any = None
    while True:
        try:
            step = flow.send(results)
        except StopIteration as end:
            found: TaskKit = end.value
            return found
        results = [retriever.find(search) for search in step.items]


def check_passages(kit: TaskKit, questions: Sequence[Question]) -> None:
    """Raise UsageError where an arm shows passages and the task has none of the kind."""
    context = kit.context
    if not context:
        return
    task, known = kit.data.task.name, kit.data.passages
    told = f"--mode {kit.mode.name}"
    if not known:
        found = f"{told}: the questions of {task} come with no passages."
        raise UsageError(found, "Leave context= out, or name the passages in the task's file (fields.passages).")
    lacking = [question.id for question in questions if not _has(context, known.get(question.id, ()))]
    if lacking:
        what = "none that its answer rests on" if context.shown == GOLD else "none"
        found = f"{told}: {len(lacking):,} of {len(questions):,} questions of {task} have no passages to be shown"
        raise UsageError(f"{found}; {lacking[0]} has {what}.", "Leave context= out, or correct the data.")


def _has(context: Context, own: Sequence[Passage]) -> bool:
    return any(passage.supports for passage in own) if context.shown == GOLD else bool(own)


def unshown(plan: RunPlan) -> list[str]:
    """Say of which tasks no arm shows the passages, so that whoever expects them learns how they are had."""
    shown = {task for (task, _), kit in plan.kits.items() if "context" in kit.mode.facts.settings}
    return [
        f"{task} comes with passages, and no arm here shows them: @context=gold, retrieved or all does"
        for task, data in plan.data.items()
        if data.passages and task not in shown
    ]


def shown_passages(plan: RunPlan) -> Iterator[ShownPassages]:
    """Yield what the arms of a plan show before each question, once for each set of passages."""
    kits: dict[tuple[str, str], TaskKit] = {}
    for (task, _), kit in plan.kits.items():
        if kit.context:
            kits.setdefault((task, kit.context.name), kit)
    retriever = Retriever()
    for (task, name), kit in kits.items():
        known: Mapping[str, Sequence[Passage]] = kit.data.passages
        for question in plan.questions[task]:
            yield ShownPassages(
                question=question.id,
                context=name,
                supporting=sum(passage.supports for passage in known.get(question.id, ())),
                passages=tuple(map(_row, informed(kit, question, retriever).passages)),
            )


def _row(found: Found) -> ShownPassage:
    passage, score = found
    return ShownPassage(title=passage.title, text=passage.text, supports=passage.supports, score=score)
