"""Which passages an arm shows before the question: `cot@context=none|gold|retrieved|all`, with k= and corpus=.

none        no passage: what the question's own words and the model's memory give; so is an arm without context=
gold        the passages that the answer rests on, as the data set says, in the data set's order
all         the passages that come with the question, of which some are distractors
retrieved   the k passages that are nearest to the question, the nearest first, among all passages of the task
            (corpus=task), or among those that come with the question (corpus=own)"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from cotbench.modes.steps import Found, Search, Step, retrieve
from cotbench.types import Passage, Question

NONE, GOLD, RETRIEVED, ALL = "none", "gold", "retrieved", "all"
CONTEXTS = (NONE, GOLD, RETRIEVED, ALL)
OWN, TASK = "own", "task"
CORPORA = (OWN, TASK)
CONTEXT, K, CORPUS = "context", "k", "corpus"  # the settings
DEFAULT_K = 5  # as many as readers of passages are usually given; HotpotQA's answers rest on two


@dataclass(frozen=True, slots=True)
class Context:
    """The passages that an arm shows. k, corpus: of retrieved ones."""

    shown: str = NONE
    k: int = DEFAULT_K
    corpus: str = TASK

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Context:
        """The context that an arm's settings say."""
        return cls(
            shown=settings.get(CONTEXT, NONE),
            k=settings.get(K, DEFAULT_K),
            corpus=settings.get(CORPUS, TASK),
        )

    def __bool__(self) -> bool:
        return self.shown != NONE

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that say it, all of them."""
        told: dict[str, Any] = {CONTEXT: self.shown} if self else {}
        return {**told, K: self.k, CORPUS: self.corpus} if self.shown == RETRIEVED else told

    @property
    def name(self) -> str:
        """What tells it from other contexts, in words: arms that have it in common show the same passages."""
        if self.shown != RETRIEVED:
            return self.shown
        return f"{RETRIEVED}, k {self.k}, corpus {self.corpus}"

    def bring(
        self, question: Question, own: tuple[Passage, ...], task: tuple[Passage, ...]
    ) -> Generator[Step, Any, tuple[Found, ...]]:
        """Bring the passages that a question is shown with. own: those that come with it; task: all of its task."""
        if self.shown == RETRIEVED:
            [found] = yield from retrieve(Search(question.text, own if self.corpus == OWN else task, self.k))
            known = {(passage.title, passage.text): passage for passage in own}  # which say whether they support it
            return tuple(Found(known.get((p.title, p.text), p), score) for p, score in found)
        return tuple(Found(passage) for passage in own if self and (self.shown == ALL or passage.supports))

    def example(self, own: tuple[Passage, ...]) -> tuple[Found, ...]:
        """Return passages of about the length of those that are shown, before anything is searched for."""
        kept = own[: self.k] if self.shown == RETRIEVED else own
        return tuple(Found(passage) for passage in kept if self and (self.shown != GOLD or passage.supports))
