"""Every row of the tables of rules reads what its examples say, and is the row that reads it."""

from __future__ import annotations

import pytest

from cotbench.answers.reading import DECLINED, RULES, VAGUE, canonical_number, extract
from cotbench.answers.reading.rules import Rule
from cotbench.types import AnswerType

OPTIONS = ("Copper", "Silver", "Tungsten", "Zinc")
READ = [(rule, text, answer) for rule in RULES for text, answer in rule.examples if answer is not None]
UNREAD = [(rule, text) for rule in RULES for text, answer in rule.examples if answer is None]


def kind_of(rule: Rule, answer: str) -> AnswerType:
    """The type of an example's answer, where its rule serves several."""
    if AnswerType.LETTER in rule.kinds and answer in "ABCD":
        return AnswerType.LETTER
    number = canonical_number(answer) is not None or answer == DECLINED
    return AnswerType.NUMBER if AnswerType.NUMBER in rule.kinds and number else AnswerType.LATEX


def test_rows_are_rows() -> None:
    assert len({rule.row for rule in RULES}) == len(RULES)
    assert all(len(rule.examples) >= 2 for rule in RULES)
    assert {rule.name for rule in RULES if rule.vague} == VAGUE
    assert all(rule.vague == (rule.name in VAGUE) for rule in RULES)
    # Old runs' records and reports have these names.
    assert {rule.name for rule in RULES} == {
        *("contract", "boxed", "hashes", "phrase", "only", "marked", "option", "last_math", "last", "thought", DECLINED)
    }


def test_every_row_reads_something() -> None:
    silent = {rule.row for rule in RULES} - {rule.row for rule, *_ in READ}
    assert silent == {"taken back"}  # which undoes what another row reads


@pytest.mark.parametrize(("rule", "text", "answer"), READ, ids=[f"{rule.row}: {text}" for rule, text, _ in READ])
def test_what_a_row_reads(rule: Rule, text: str, answer: str) -> None:
    found = extract(text, kind_of(rule, answer), OPTIONS)
    assert (found.answer or found.rule, found.rule, found.row) == (answer, rule.name, rule.row)


@pytest.mark.parametrize(("rule", "text"), UNREAD, ids=[f"{rule.row}: {text}" for rule, text in UNREAD])
def test_what_a_row_must_not_read(rule: Rule, text: str) -> None:
    assert [
        extract(text, kind, OPTIONS).row for kind in rule.kinds if extract(text, kind, OPTIONS).row == rule.row
    ] == []
