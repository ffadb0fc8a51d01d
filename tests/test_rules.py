"""Every row of the rules' tables reads what its examples in `cases/reading/rows.yaml` say, and no other row does."""

from __future__ import annotations

import re

import pytest
from cases import load, rows

from cotbench.answers.reading import DECLINED, RULES, VAGUE, canonical_number, extract
from cotbench.answers.reading.rules import Rule
from cotbench.types import AnswerType

OPTIONS = ("Copper", "Silver", "Tungsten", "Zinc")
TABLE = load("reading/rows")
EXAMPLES = [(rule, *example) for rule in RULES for example in rows(TABLE[rule.row], "output answer")]


def kind_of(rule: Rule, answer: str) -> AnswerType:
    """Choose the type of an example's answer, where its row serves several."""
    if AnswerType.NUMBER not in rule.kinds and rule.kinds[0] not in (AnswerType.LATEX, AnswerType.LETTER):
        return rule.kinds[0]
    if AnswerType.LETTER in rule.kinds and answer in "ABCD":
        return AnswerType.LETTER
    number = canonical_number(answer) is not None or answer == DECLINED
    return AnswerType.NUMBER if AnswerType.NUMBER in rule.kinds and number else AnswerType.LATEX


def test_rows_are_rows() -> None:
    assert list(TABLE) == [rule.row for rule in RULES]
    assert all(len(TABLE[rule.row]) >= 2 for rule in RULES)
    assert all(rule.vague == (rule.name in VAGUE) for rule in RULES)
    # Old runs' records and reports have these names.
    names = "contract boxed hashes phrase only marked option last_math last thought declined"
    assert {rule.name for rule in RULES} == set(names.split())


def test_every_row_reads_something() -> None:
    silent = {rule.row for rule in RULES} - {rule.row for rule, _, answer in EXAMPLES if answer is not None}
    assert silent == {"taken back"}  # which undoes what another row reads


@pytest.mark.parametrize(
    ("rule", "text", "answer"), EXAMPLES, ids=[f"{rule.row}: {text}" for rule, text, _ in EXAMPLES]
)
def test_what_a_row_reads(rule: Rule, text: str, answer: str | None) -> None:
    if answer is None:
        assert rule.row not in [extract(text, kind, OPTIONS).row for kind in rule.kinds]
    else:
        found = extract(text, kind_of(rule, answer), OPTIONS)
        assert (found.answer or found.rule, found.rule, found.row) == (answer, rule.name, rule.row)


@pytest.mark.parametrize("text", ["is 2020. So it is 202", "202 and 202", "é202_ 202", "202", "1202² 202", "202\n202"])
def test_a_longer_word_before_is_found_as_a_pattern_finds_it(text: str) -> None:
    from cotbench.answers.reading import _goes_on_before

    end = text.rindex("202")
    assert _goes_on_before(text, "202", end) == bool(re.search(r"202\w", text[:end]))
