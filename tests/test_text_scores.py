"""Exact match and F1 of texts equal a second reading of how SQuAD and HotpotQA define them, on made-up pairs.

Their definition: lower case; then ASCII punctuation goes; then the words a, an and the become spaces; then white space
is folded. Exact match is equality of that. F1 is over the multisets of words; HotpotQA's is 0 where one side is yes, no
or noanswer and the other isn't the same.
"""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import Cli

from cotbench.answers.grader import grade_now
from cotbench.answers.judging.texts import exact_match, f1
from cotbench.types import Outcome, Verdict

WORDS = (
    *("the", "The", "a", "A", "an", "AN", "yes", "Yes", "no", "NO", "noanswer", "No answer"),
    *("cat", "Cat's", "theatre", "another", "anthem", "U.S.", "St.", "O'Neil", "well-known", "rock", "roll", "Zoë"),
    *(
        "Müller",
        "北京",
        "1,000",
        "3.5",
        "$5",
        "50%",
        "’tis",
        "“so”",
        "naïve",
        "ß",
        "İz",
        "Ⅻ",
        "_x_",
        "a-b",
        "the-end",
        "&",
    ),
)
PUNCTUATION = tuple("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")  # of ASCII, as Python's string module lists it
GAPS = (" ", "  ", "\t", " \n ", "\u00a0", " - ", ", ", ". ", "")


def reference(text: str) -> list[str]:
    """The words of a text, by the definition, letter by letter."""
    kept = "".join(letter for letter in text.lower() if letter not in PUNCTUATION)
    return [word for word in re.split(r"\s+", re.sub(r"\b(a|an|the)\b", " ", kept)) if word]


def reference_f1(gold: str, answer: str) -> Fraction:
    one, other = reference(gold), reference(answer)
    for side, opposite in ((one, other), (other, one)):
        if " ".join(side) in ("yes", "no", "noanswer") and side != opposite:
            return Fraction(0)
    left, same = list(other), 0
    for word in one:
        if word in left:
            left.remove(word)
            same += 1
    return Fraction(2 * same, len(one) + len(other)) if same else Fraction(0)


def made_up(count: int, seed: int = 24) -> list[tuple[str, str]]:
    """Pairs of texts, the second of which is often the first one with something changed."""
    chance = random.Random(seed)

    def text() -> str:
        words = chance.choices(WORDS, k=chance.choice((1, 1, 2, 3, 5, 8)))
        return "".join(word + chance.choice(GAPS) for word in words)

    def changed(said: str) -> str:
        how = chance.randrange(7)
        words = said.split()
        if how == 0:
            return said.swapcase()
        if how == 1:
            chance.shuffle(words)
        if how == 2:
            words = [word + chance.choice(PUNCTUATION) for word in words]
        if how == 3:
            words.insert(chance.randrange(len(words) + 1), chance.choice(("the", "An", "a", "yes")))
        if how == 4 and len(words) > 1:
            words.pop(chance.randrange(len(words)))
        if how == 5:
            words += words[:1]
        return " ".join(words) if how < 6 else text()

    pairs = []
    for _ in range(count):
        gold = text()
        pairs.append((gold, changed(gold)))
    return pairs


PAIRS = made_up(500)


def test_the_pairs_are_of_all_kinds() -> None:
    scores = [reference_f1(*pair) for pair in PAIRS]
    assert len(set(PAIRS)) > 450
    assert 100 < sum(reference(gold) == reference(answer) for gold, answer in PAIRS) < 350
    assert sum(0 < score < 1 for score in scores) > 100
    assert sum(score == 1 and reference(g) != reference(a) for (g, a), score in zip(PAIRS, scores, strict=True)) > 10
    assert sum(score == 0 for score in scores) > 30


def test_exact_match_and_f1_are_the_published_ones() -> None:
    for gold, answer in PAIRS:
        assert exact_match(gold, answer) == (reference(gold) == reference(answer)), (gold, answer)
        assert f1(gold, answer) == pytest.approx(float(reference_f1(gold, answer)), abs=1e-12), (gold, answer)


def test_the_verdict_is_by_exact_match_and_the_score_is_f1() -> None:
    for gold, answer in PAIRS:
        if "\n" in gold or not reference(gold):
            continue
        verdict = grade_now(answer, gold, "text")
        assert verdict is not None
        assert (verdict.outcome is Outcome.CORRECT) == exact_match(gold, answer), (gold, answer)
        assert verdict.score == pytest.approx(f1(gold, answer)), (gold, answer)


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("The Beatles", "beatles", Verdict(Outcome.CORRECT, 1.0)),
        ("Lerner and Loewe", "Loewe and Lerner", Verdict(Outcome.WRONG, 1.0)),
        ("Robert Altman", "Altman", Verdict(Outcome.WRONG, 2 / 3)),
        ("Robert Altman\nAltman", "altman.", Verdict(Outcome.CORRECT, 1.0)),
        ("Bob Hill\nRobert Hill", "Robert L. Hill", Verdict(Outcome.WRONG, 0.8)),
        ("yes", "yes, they are", Verdict(Outcome.WRONG, 0.0)),
        ("no", "no", Verdict(Outcome.CORRECT, 1.0)),
        ("a", "the", Verdict(Outcome.CORRECT, 1.0)),  # nothing but articles: equal, though they share no word
        ("Paris", "Lyon", Verdict(Outcome.WRONG, 0.0)),
    ],
)
def test_a_verdict(gold: str, answer: str, verdict: Verdict) -> None:
    found = grade_now(answer, gold, "text")
    assert found is not None
    assert (found.outcome, found.score) == (verdict.outcome, pytest.approx(verdict.score))


def test_a_score_stands_in_a_record_where_the_outcome_does_not_say_it(tmp_path: Path, main: Cli) -> None:
    """Also where it is 1 and the answer is wrong; and the same when the run is graded again."""
    rows = [
        *(
            ("Who wrote it?", "Lerner and Loewe", "Answer: Loewe and Lerner"),
            ("Who made it?", "Bo Lund", "Answer: Lund"),
        ),
        *(("Who sang it?", "Ann Hill", "Answer: Ann Hill"), ("Who saw it?", "Cy Day", "Answer: Ann Hill")),
    ]
    task = {
        "name": "songs",
        "about": "songs",
        "source": {"file": "songs.jsonl"},
        "fields": {"question": "q", "gold": "a"},
        "gold_reader": "plain",
        "answer": {"type": "text", "form": "<answer>", "phrase": "where <answer> is a name"},
    }
    (tmp_path / "songs.jsonl").write_text("".join(json.dumps({"q": q, "a": a}) + "\n" for q, a, _ in rows))
    (tmp_path / "songs.yaml").write_text(json.dumps(task))
    (tmp_path / "said.jsonl").write_text("".join(json.dumps({"question": q, "output": o}) + "\n" for q, _, o in rows))
    options = ("--model", "m", "--engine", "replay", "--model-args", "path=said.jsonl", "--mode", "direct")
    ran = main("run", *options, "--task", tmp_path / "songs.yaml")
    assert ran.code == 0, ran.err
    [records] = (tmp_path / "results").glob("*/records.jsonl")
    before = records.read_bytes()
    found = [json.loads(line) for line in before.splitlines()]
    assert {(row["answer"], row["gold"], row["outcome"], row.get("score")) for row in found} == {
        ("Loewe and Lerner", "Lerner and Loewe", "wrong", 1.0),
        ("Lund", "Bo Lund", "wrong", 2 / 3),
        ("Ann Hill", "Ann Hill", "correct", None),
        ("Ann Hill", "Cy Day", "wrong", None),
    }
    assert json.loads(main("score", records.parent, "--json").out)["changes"] == []
    assert records.read_bytes() == before
