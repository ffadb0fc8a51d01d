"""What became of a conclusion, in the words of a question's options: True / False / Uncertain, yes / no, or others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cotbench.plans.failures import Ambiguous, PlanInvalid, Unsolved
from cotbench.types import LETTERS

Truth = Literal["true", "false", "unknown"]

# The words by which options say what became of a conclusion. One that says only that it doesn't follow is both false
# and unknown.
_WORDS: dict[Truth, frozenset[str]] = {
    "true": frozenset(
        "true|yes|valid|correct|right|entailed|entailment|entails|follows|it follows|proved|proven|must be true|"
        "necessarily true|definitely true|t".split("|")
    ),
    "false": frozenset(
        "false|no|incorrect|wrong|refuted|contradiction|contradicted|contradicts|disproved|disproven|must be false|"
        "necessarily false|definitely false|f".split("|")
    ),
    "unknown": frozenset(
        "unknown|uncertain|undetermined|undecided|indeterminate|neutral|neither|unclear|maybe|inconclusive|"
        "cannot be determined|can not be determined|can't be determined|cannot say|can't say|can't tell|cannot tell|"
        "not enough information|insufficient information|not known|u".split("|")
    ),
}
_DOES_NOT_FOLLOW = frozenset(
    "invalid|not entailed|not entailment|not_entailment|non-entailment|does not follow|doesn't follow|not valid|"
    "not proved|unproven|unsupported".split("|")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a plan of logic comes to. value: true, false or unknown, the word of the question's option that says so, or
    the letter of an option. letter: that of the question's option, where it has any."""

    value: str
    letter: str | None = None


def as_option(truth: Truth, choices: Sequence[str]) -> Found:
    """What became of a conclusion in the words of the question's options."""
    if not choices:
        return Found(value=truth)
    said = [_meaning(text) for text in choices]
    if not any(said):
        raise PlanInvalid(
            "asks whether a formula follows, and no option of the question says so: expected "
            '"ask: must be true" or the like, and lines "option A: ..."'
        )
    fitting = [place for place, meanings in enumerate(said) if truth in meanings]
    if not fitting:
        what = {"true": "it follows", "false": "it is refuted", "unknown": "it neither follows nor is refuted"}[truth]
        raise Unsolved(f"no option fits: {what}")
    if len(fitting) > 1:
        raise Ambiguous(f"several options fit: {', '.join(choices[place][:40] for place in fitting)}")
    return Found(value=choices[fitting[0]].strip(), letter=LETTERS[fitting[0]])


def says_truth(choices: Sequence[str]) -> bool:
    """Whether a question's options say what became of a conclusion."""
    return any(map(_meaning, choices))


def _meaning(text: str) -> frozenset[Truth]:
    """What an option's words say of a conclusion; nothing where they are no such words."""
    said = re.sub(r"\s+", " ", text.replace("’", "'")).strip(" .,:;!*()\"'").casefold()
    if said in _DOES_NOT_FOLLOW:
        return frozenset(("false", "unknown"))
    return frozenset(truth for truth, words in _WORDS.items() if said in words)
