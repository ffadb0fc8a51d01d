r"""Completion text -> answer, with the rule and the span that found it. Never sees gold.

One set of rules per answer type, used by every mode. The explicit rules find what a text states as its answer; of all
that they find, the last statement in the text decides, whichever rule found it, since models correct themselves. Where
nothing is stated, the vaguer rules are tried in turn.

    rule        what it reads                                              types
    explicit:
    contract    `Answer: ...`, the form every prompt asks for; also        all
                <answer>...</answer> and "answer": "..." of JSON
    boxed       \boxed{...}                                                all
    hashes      `#### ...`, the form of GSM8K's own solutions              all
    phrase      "the (final|best|correct) answer is ..."                   all
                "(C) is correct", "I choose C", "that leaves us with C"    letter, letters
                "Paris is the answer"                                      text
    without a statement:
    only        the whole output is nothing but an answer; or the first    all
                line is (number, letter, letters, boolean, choice)
    marked      the one letter in brackets, bold or alone on the last      letter, letters,
                line; the one bold text of the last sentence               text
    option      the last sentence gives the text of exactly one option;    letter
                the word that the text begins with                         boolean, choice
    last_math   the $...$ that the last sentence with one gives            latex
    last        the number that the last sentence with one gives; the      number, latex,
                expression, the list, the word that the text ends with     all others
    thought     any of these within a closed thought, where the model      all
                wrote nothing behind it; or a statement at the very end
                of a thought that the model ended without closing it
    declined    the text says that the question can't be answered          all

Each rule has one row or several in the tables of this folder (`RULES`), in the order in which they are asked, and each
row has its examples in `tests/cases/reading/rows.yaml`.

`marked`, `option`, `last_math`, `last` and `thought` are vague (`VAGUE`): where the text was cut at the token budget
they don't apply, since the last number of a text cut in mid-sentence is an accident. A number or formula that ends
where the text was cut isn't read either: more of it may have been to come.

A model that has answered may run on into a question of its own making; what it writes from there on isn't searched.
Thoughts (`parts.THOUGHT_MARKS`) aren't searched where something is said behind them; one that was cut holds no answer.
Spans are character ranges [start, end) of the output as the engine returned it.

Policies, where published extractors disagree:

* the last answer that a text states counts, not the first. Of statements in one another ("Answer: the answer is 5") the
  outer one gives the rule, the inner one the answer. What the text takes back ("Wait, that is wrong") gives way to what
  it concludes after that, and is no answer where it concludes nothing.
* "Answer:" above a solution is its heading: where the text goes on to conclude or to compute something else, the line
  behind "Answer:" isn't the answer, unless it begins with one.
* what was stated in a text that was cut counts, unless the text shows doubt behind it ("But let me check ...").
* a statement in words alone ("The answer is Ann.") is no number, whatever numbers stand before it.
* "A or C", "7 or 8", "between 7 and 8" is no answer, even where one of them is right; two units or forms of one
  quantity ("25% or 1/4", "227 minutes, or 3 hours and 47 minutes") are one answer.
* a part of a number or expression is never taken for the whole: 10^3 is 1000, $2k is 2000, 3 dozen is 36, "negative 5"
  is -5; `160 - r`, \sqrt{66}, 5!, "4 hours and 30 minutes", "half of 12", "5 below zero",
  "less than 5", "not 5" and two amounts side by side ("2 red and 3 blue") are no numbers.
* points separate thousands where a text writes all of several numbers so ("1.000", "12.500"), as German does.
* 25% is the number 25, as it stands; a range ("5 to 7") or a sum without its result ("5 + 7") is no number; a time of
  day is one only at the full hour.
* "It can't be determined" is no number and no option (unless an option says so), whatever numbers it names.

Those of texts, words, expressions, lists and several letters stand on top of their modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any

from cotbench.answers import kinds  # whose rows name the readers of this folder; looked at when something is read
from cotbench.answers.reading.declines import DECLINES
from cotbench.answers.reading.endings import DOUBTS, WHOLE, broken_off, last_sentences
from cotbench.answers.reading.expressions import EXPRESSION_RULES
from cotbench.answers.reading.formulas import FORMULA_RULES
from cotbench.answers.reading.letters import LETTER_RULES
from cotbench.answers.reading.letters.several import SEVERAL_RULES
from cotbench.answers.reading.lists import LIST_RULES
from cotbench.answers.reading.numbers import NUMBER_RULES
from cotbench.answers.reading.numerals import canonical_number, show_number
from cotbench.answers.reading.parts import MARKUP_TAG, Parts, Span, next_turn, run_on, split_reasoning
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import ALL_KINDS, DECLINED, MAX_ANSWER_CHARS, Extraction, Reading, Rule
from cotbench.answers.reading.statements import STATEMENTS, boxed_spans
from cotbench.answers.reading.texts import TEXT_RULES
from cotbench.answers.reading.words import WORD_RULES

__all__ = [
    "DECLINED",
    "MAX_ANSWER_CHARS",
    "NOTHING",
    "RULES",
    "VAGUE",
    "Extraction",
    "Span",
    "boxed_spans",
    "canonical_number",
    "extract",
    "show_number",
    "split_reasoning",
]
NOTHING = Extraction(answer=None)
_CONCLUDED = caseless(r"=|\b(?:so|thus|therefore|hence|in total)\b")
_STARTS_OVER = caseless(r"\bwait\b|\blet(?:\sme|['’]s)\s(?:redo|start\sover|try\sagain)\b")
LAST_WORDS = 500  # characters of an open thought in which what is stated is the model's answer
_TAG = re.compile(r"</?\w{1,20}>|\s")
MAX_ALONE_CHARS = 30
MAX_SHORT_CHARS = 80  # of an output whose reading is kept for the next one that is the same
MOST_SHORT = 4_096  # readings that are kept
WORDS_ALONE = 12  # of an answer in front of a question that the model invents
_PREFACE = caseless(r"\b(?:solution|solve|step|sure|okay|let|here|answer|response|reasoning|task)\b|[:：?]\s*\Z")
# What shows, behind an answer, that it isn't the last word.
_GOES_ON = caseless(rf"\?(?=\s|\Z)|\b(?:but|however|or|no)\b|{DOUBTS.pattern}")


def _own_text(text: str, start: int, kind: kinds.AnswerKind, choices: Sequence[str]) -> str:
    """The text up to where the model, having answered, runs on into a question of its own making."""
    turn = run_on(text, start, len(text))
    if turn is None:
        return text
    answered = [found.span[1] for _, found in kind.read(text, start, False, choices) if found.span]
    before = not answered or min(answered) > turn
    if before and (
        _is_answered(text[:turn], start, kind, choices) or _has_concluded(text[:turn], start, kind, choices)
    ):
        return text[:turn]
    end = run_on(text, min(answered), len(text)) if answered else None
    return text if end is None else text[:end]


def _is_answered(text: str, start: int, kind: kinds.AnswerKind, choices: Sequence[str]) -> bool:
    """Tell whether a text is nothing but an answer, as what a model writes that goes on where a prompt ends."""
    if len(text[start:].split()) > WORDS_ALONE or _PREFACE.search(text, start):
        return False
    return any(found.answer and rule == "only" for rule, found in kind.read(text, start, False, choices))


def _has_concluded(text: str, start: int, kind: kinds.AnswerKind, choices: Sequence[str]) -> bool:
    """Tell whether a text comes to an answer without stating it, in more than one sentence."""
    ends = list(islice(last_sentences(text, start), 2))
    if len(ends) < 2 or not _CONCLUDED.search(text, *ends[0]):
        return False
    return any(found.answer or found.rule == DECLINED for _, found in kind.read(text, start, True, choices))


def _first(readings: Iterator[Reading], text: str, end: int, kind: kinds.AnswerKind, truncated: bool) -> Extraction:
    """The first reading that holds; end: of the text, where an answer may have been cut."""
    for rule, found in readings:
        if found.answer is None or found.span is None:
            return replace(found, row=DECLINES.row) if found.rule == DECLINED else NOTHING
        if not found.answer.strip():
            continue  # a text of marks alone, of which nothing is left
        if found.span[1] == end and kind.may_be_cut:
            if truncated:
                continue  # more of it may have been to come
            source = text[slice(*found.span)]
            again = next(readings, None) if _goes_on_before(text, source, found.span[0]) else None
            if again and again[0] == rule and (again[1].answer or "").startswith(found.answer):
                rule, found = again  # a text that repeats itself and breaks off: "is 2020. So it is 202"
        return found if found.rule == rule else replace(found, rule=rule)
    return NOTHING


def _goes_on_before(text: str, source: str, end: int) -> bool:
    """Tell whether a word that is read at a text's end stands in text[:end] with a letter, digit or "_" behind it."""
    size = len(source)
    at = text.find(source, 0, end)
    while at >= 0:
        behind = text[at + size] if at + size < end else ""
        if behind.isalnum() or behind == "_":
            return True
        at = text.find(source, at + 1, end)
    return False


def extract(text: str, answer_type: str, choices: Sequence[str] = (), *, truncated: bool = False) -> Extraction:
    """Read the answer of one output.

    choices: the options of a multiple-choice question, in order. truncated: the output was cut at its token budget, so
    vague rules don't apply. Where no answer is found the rule is "declined" (the model says that there is none to
    give), "unclosed_think" (it ended in the middle of a thought) or "".
    """
    if len(text) > MAX_SHORT_CHARS:
        return _extract(text, answer_type, choices, truncated)
    # An arm that answers alone says the same thing many times, of other options each time, which most readings of a
    # letter don't look at.
    short = (text, answer_type, len(choices), truncated)
    found = _SHORT.get(short)
    if found is None and short not in _SHORT:
        unread = _Unread(choices)
        found = _extract(text, answer_type, unread, truncated)
        if len(_SHORT) >= MOST_SHORT:
            _SHORT.clear()
        _SHORT[short] = found = None if unread.looked_at and choices else found
    return found or _extract_short(text, answer_type, tuple(choices), truncated)


class _Unread(Sequence[str]):
    """Options of which it is noted whether anybody has looked at them, other than how many they are."""

    def __init__(self, choices: Sequence[str]) -> None:
        self._choices = choices
        self.looked_at = False

    def __len__(self) -> int:
        return len(self._choices)

    def __getitem__(self, place: Any) -> Any:
        self.looked_at = True
        return self._choices[place]


# What short texts are read as, by text, kind, number of options, and whether it was cut; None where that depends on
# what the options say.
_SHORT: dict[tuple[str, str, int, bool], Extraction | None] = {}


def _extract(text: str, answer_type: str, choices: Sequence[str], truncated: bool) -> Extraction:
    kind = kinds.KINDS[answer_type]
    parts = split_reasoning(text)
    if parts.unclosed:
        found = NOTHING if truncated else _at_the_end_of_a_thought(text, parts, kind, choices)
        return replace(found, rule="unclosed_think") if found.answer is None else _thought(found)
    start, end = parts.visible
    end = next_turn(text, start, end)
    silent = not MARKUP_TAG.sub("", text[start:end]).strip() and "<answer>" not in text[start:end]
    if parts.thought and not truncated and silent:
        start, end = parts.thought
        found = _first(kind.read(text[:end], start, True, choices), text, end, kind, truncated)
        return found if found.answer is None else _thought(found)
    own = _own_text(text[:end], start, kind, choices)
    found = _first(kind.read(own, start, not truncated, choices), text, len(text), kind, truncated)
    if truncated and found.span and _STARTS_OVER.search(own, found.span[1]):
        return NOTHING  # "Answer: 12. Wait, let me redo"
    doubted = found.rule == "phrase" and found.span and DOUBTS.search(own, found.span[1])
    if doubted and (truncated or broken_off(own, start)):
        return NOTHING  # "I think the answer is 6. But let me check ..."
    return found


_extract_short = lru_cache(maxsize=MOST_SHORT)(_extract)


def _thought(found: Extraction) -> Extraction:
    return replace(found, rule=THOUGHT.name, row=THOUGHT.row)


def _at_the_end_of_a_thought(text: str, parts: Parts, kind: kinds.AnswerKind, choices: Sequence[str]) -> Extraction:
    """The answer that a thought states at its end which the model ended without closing it: then it is all it says."""
    assert parts.thought is not None
    start, end = parts.thought
    alone = _alone_on_the_last_line(text, start, end, kind, choices)
    if alone:
        return alone
    vague = WHOLE.search(text, max(start, end - 40), end) is not None
    found = _first(kind.read(text[:end], start, vague, choices), text, end, kind, False)
    if found.span is None or found.span[1] < end - LAST_WORDS:
        return NOTHING
    return NOTHING if _GOES_ON.search(text, found.span[1], end) else found


def _alone_on_the_last_line(
    text: str, start: int, end: int, kind: kinds.AnswerKind, choices: Sequence[str]
) -> Extraction | None:
    """The letter or number that is all of a thought's last line, as where the mark that ends the thought went wrong."""
    end = start + len(text[start:end].rstrip())
    while closes := next((m for m in _TAG.finditer(text, max(start, end - 24), end) if m.end() == end), None):
        end = closes.start()
    begin = text.rfind("\n", start, end) + 1
    if begin <= start or end - begin > MAX_ALONE_CHARS or not kind.stands_alone:
        return None
    found = _first(kind.read(text[:end], begin, False, choices), text, end, kind, False)
    return found if found.rule == "only" else None


THOUGHT = Rule("thought", "thought", ALL_KINDS, _at_the_end_of_a_thought, vague=True)
RULES = (
    *(*STATEMENTS, *LETTER_RULES, *NUMBER_RULES, *FORMULA_RULES, *TEXT_RULES, *WORD_RULES),
    *(*EXPRESSION_RULES, *LIST_RULES, *SEVERAL_RULES, THOUGHT, DECLINES),
)
VAGUE = frozenset(rule.name for rule in RULES if rule.vague)
