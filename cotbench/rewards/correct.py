"""Whether completions are right, by the reading and grading of reports."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, ClassVar, NamedTuple, overload

from cotbench.answers.grader import TIMEOUT
from cotbench.answers.kinds import KINDS, AnswerKind
from cotbench.answers.reading import DECLINED, extract
from cotbench.errors import UsageError
from cotbench.rewards.columns import (
    Completions,
    Reward,
    Rewards,
    column,
    counted,
    gold_column,
    numbered,
    texts_of,
    tokens_of,
)
from cotbench.rewards.grading import graded
from cotbench.types import LETTERS, AnswerType, Outcome, Verdict

NO_GOLD = "no_gold"  # in place of an outcome: what is right can't be read
_log = logging.getLogger("cotbench.rewards")
_MOST_OPTIONS = 10  # of a question whose options aren't given
_told: set[str] = set()  # what was warned of already


class Checked(NamedTuple):
    """What grading says of a completion. gold: in the form that is compared; None where it can't be read. verdict: None
    where there is none, for want of gold or of time."""

    gold: str | None
    answer: str | None
    verdict: Verdict | None
    outcome: str


@dataclass(frozen=True)
class Accuracy:
    """The reward `accuracy` with its settings."""

    __name__: ClassVar[str] = "accuracy"
    kind: str | None = None
    column: str | None = None
    partial: bool = False
    max_completion_len: int | None = None
    wait_s: float = 60.0

    def __post_init__(self) -> None:
        _known_kind(self.kind)
        numbered("accuracy", wait_s=self.wait_s)
        if self.max_completion_len is not None:
            counted("accuracy", max_completion_len=self.max_completion_len)

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        checked = self.check(completions, columns)
        _tell(checked, columns)
        return [None if one.verdict is None else self._worth(one.verdict) for one in checked]

    def _worth(self, verdict: Verdict) -> float:
        return verdict.score if self.partial else float(verdict.outcome is Outcome.CORRECT)

    def check(self, completions: Completions, columns: Mapping[str, Any]) -> list[Checked]:
        """Read and grade completions, in order."""
        count = len(completions)
        options = column(columns, "choices", count) or [None] * count
        kinds = self._kinds(columns, options)
        golds = [
            _gold(*row)
            for row in zip(gold_column(columns, self.column, count), kinds, map(_options, options, kinds), strict=True)
        ]
        cut = self._cut(columns, count)
        found = [
            extract(text, kind.name, _options(choices, kind), truncated=truncated)
            for text, kind, choices, truncated in zip(texts_of(completions), kinds, options, cut, strict=True)
        ]
        todo = [n for n, (gold, one) in enumerate(zip(golds, found, strict=True)) if gold and one.answer is not None]
        items = [(found[n].answer or "", golds[n] or "", kinds[n].name) for n in todo]
        verdicts = dict(zip(todo, graded(items, self.wait_s), strict=True))
        return [
            _checked(gold, one.answer, verdicts.get(n) or _unread(one.rule == DECLINED, truncated))
            for n, (gold, one, truncated) in enumerate(zip(golds, found, cut, strict=True))
        ]

    def _kinds(self, columns: Mapping[str, Any], options: Sequence[Any]) -> list[AnswerKind]:
        """The kind of each answer: as it is set, as the column `kind` says, or a letter where there are options."""
        said = columns.get("kind")
        names = [said] * len(options) if isinstance(said, str) else column(columns, "kind", len(options))
        default = [self.kind or (AnswerType.LATEX if given is None else AnswerType.LETTER) for given in options]
        return [_known_kind(name or other) for name, other in zip(names or default, default, strict=True)]

    def _cut(self, columns: Mapping[str, Any], count: int) -> list[bool]:
        """Which completions were cut: those with as many tokens as they may have."""
        ids = tokens_of(columns, count)
        if ids is None or self.max_completion_len is None:
            return [False] * count
        return [len(each) >= self.max_completion_len for each in ids]


def _known_kind(name: str | None) -> AnswerKind:
    kind = KINDS.get(name or AnswerType.LATEX)
    if kind is None:
        raise UsageError(f"there is no kind of answers {name!r:.40}.", f"There are {', '.join(KINDS)}.")
    return kind


def _options(given: Any, kind: AnswerKind) -> tuple[str, ...]:
    """The options of a question: given as texts, or as their number; empty texts where only that is known.

    Raises UsageError where they are neither."""
    if not kind.has_choices:
        return ()
    if given is None and kind.lettered:
        return ("",) * _MOST_OPTIONS
    if isinstance(given, int) and kind.lettered and 1 <= given <= len(LETTERS):
        return ("",) * given
    if isinstance(given, Sequence) and not isinstance(given, str) and 1 <= len(given) <= len(LETTERS):
        return tuple(map(str, given))
    wanted = "a list of texts, or their number" if kind.lettered else "a list of the words that may be the answer"
    raise UsageError(f"choices holds {given!r:.60}, expected {wanted}.", "Give choices as a column, a list a question.")


def _gold(given: Any, kind: AnswerKind, options: Sequence[str]) -> str | None:
    """What is right, in the form that is compared; None where it can't be read. Of letters, a whole number counts the
    options from 0."""
    if not all(map(_is_plain, given if isinstance(given, list | tuple) else [given])):
        return None
    if isinstance(given, list | tuple):
        given = "\n".join(map(str, given))
    if isinstance(given, bool) and not kind.takes_truth:
        return None
    if isinstance(given, int) and kind.has_choices and kind.lettered:
        given = LETTERS[given] if 0 <= given < len(options) else ""
    try:
        return kind.file_gold(str(given).strip(), options) if str(given).strip() else None
    except ValueError:
        return None


def _is_plain(value: Any) -> bool:
    """Whether a value may be right: a text or a number; not what tables have for a missing one (None, NaN)."""
    if isinstance(value, float) and math.isnan(value):  # NumPy's, too
        return False
    return isinstance(value, str | int | Number) or getattr(value, "shape", None) == ()


def _unread(declined: bool, truncated: bool) -> Verdict:
    outcome = Outcome.DECLINED if declined else Outcome.TRUNCATED if truncated else Outcome.UNPARSED
    return Verdict(outcome, 0.0)


def _checked(gold: str | None, answer: str | None, verdict: Verdict) -> Checked:
    if gold is None:
        return Checked(None, answer, None, NO_GOLD)
    return Checked(gold, answer, None if verdict == TIMEOUT else verdict, verdict.outcome.value)


def _tell(checked: Sequence[Checked], columns: Mapping[str, Any]) -> None:
    """Say what became of completions: to the trainer's table and figures, and what is left out in the log, once."""
    outcomes = Counter(one.outcome for one in checked)
    for outcome, said in ((NO_GOLD, "what is right can't be read"), (Outcome.GRADER_TIMEOUT, "not decided in time")):
        if outcomes[outcome] and outcome not in _told:
            _told.add(outcome)
            _log.warning("%d of %d completions have no reward: %s", outcomes[outcome], len(checked), said)
    if log_extra := columns.get("log_extra"):
        log_extra("gold", [one.gold or "" for one in checked])
        log_extra("answer_read", [one.answer or "" for one in checked])
        log_extra("outcome", [one.outcome for one in checked])
    if checked and (log_metric := columns.get("log_metric")):
        log_metric("accuracy/unread", sum(one.answer is None for one in checked) / len(checked))
        log_metric("accuracy/left_out", sum(one.verdict is None for one in checked) / len(checked))


@overload
def accuracy(completions: Completions, **columns: Any) -> Rewards: ...


@overload
def accuracy(
    completions: None = None,
    *,
    kind: str | None = None,
    column: str | None = None,
    partial: bool = False,
    max_completion_len: int | None = None,
    wait_s: float = 60.0,
) -> Reward: ...


def accuracy(completions: Completions | None = None, **more: Any) -> Rewards | Reward:
    r"""Tell whether a completion's answer is right, as a report would: 1.0 or 0.0; None where that can't be told.

    As a reward, completions has n texts or chats, and one column of what is right (`solution`, `answer` or `gold`) n
    values. A column `kind` names the kind of each answer, and `choices` holds the options of each question, as texts or
    as their number; gold may be an option's letter, text or place (a whole number, from 0). Returns n numbers. None is
    a completion whose gold can't be read, or whose answer couldn't be compared in time. What states no answer is 0.0.

    Without completions: makes such a reward with settings.
    kind: of all answers, such as "number"; where none is said, letter where there are options, else latex.
    column: the column of what is right, where several might be it.
    partial: give the score, 0 to 1, of an answer that is partly right (of a text the F1 of its words).
    max_completion_len: the most tokens that a completion may have. One that has so many is read as one that was cut:
    nothing is guessed from where it ends. A trainer doesn't say so itself.
    wait_s: seconds after which a call gives up what isn't decided. One comparison has 5 s of a core, in a process of
    its own, whatever it holds.

    Raises UsageError where columns don't fit, and UnavailableError where formulas can't be compared on this system.
    The idea that a rule says what is right: DeepSeek-R1 (arXiv 2501.12948), section 2.2.2."""
    if completions is None:
        return Accuracy(**more)
    return Accuracy()(completions, **more)
