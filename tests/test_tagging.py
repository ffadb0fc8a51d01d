"""The tag rules on texts of ours, on the real test sets, on files of tags, and on responses out of a journal."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import run_cli
from test_outputs import sealed
from test_stats_simulated import LOGIQA, MATH, MMLU

from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.errors import DataError, UsageError
from cotbench.questions.data import load_data
from cotbench.questions.tagging import (
    RULE,
    RULES,
    Rule,
    Seen,
    gold_text,
    has_equals,
    is_symbolic,
    own_rule,
    rules_of_file,
)
from cotbench.questions.tasks import find_task
from cotbench.types import Question

# text -> the rules that call it symbolic: e eq_question, a eq_question_any, o operators.
TEXTS = {
    # A "=" of an equation.
    "Solve x = 3": "eao",
    "x=3": "eao",
    "=": "eao",
    "= 5": "eao",
    "f(x)=2": "eao",
    "f(x) = 2x + 1": "eao",
    "a = b": "eao",
    "a  =  b = c": "eao",
    "E=mc^2": "eao",
    "x = -3": "eao",
    "y=.5": "eao",
    "Let n=10; find n!": "eao",
    "2 + 2 = 4": "eao",
    "2+2=5?": "eao",
    "Revenue = price * quantity": "eao",
    "PV = nRT": "eao",
    "a <= b and c = d": "eao",
    "a=b=c": "eao",
    "p(x)=x^2-1": "eao",
    "int x = 5;": "eao",
    'print("a=b")': "eao",
    "width=3 cm": "eao",
    "if width=3 and height=4": "eao",
    "A= {1, 2}": "eao",
    "$x=1$": "eao",
    "\\(x=1\\)": "eao",
    "a \n=\n b": "eao",
    "the sign =, as it is called": "eao",
    # := is an equation that defines; += and their like hold one too.
    "x:=3": "eao",
    "f(x) := x": "eao",
    "i += 1": "eao",
    "y ~= 3": "eao",
    # A "=" that is part of another sign.
    "is a <= b?": "a",
    "a >= b": "a",
    "a != b": "a",
    "if a == b": "a",
    "if a === b": "a",
    "if a !== b": "a",
    "x => x": "a",
    "a ==> b": "a",
    "a <== b": "a",
    "a <=> b": "a",
    "3 <= 4": "a",
    "n >= 10 and n <= 20": "a",
    # Rules drawn with it.
    "=====": "a",
    "Title\n======\nText": "a",
    "==": "a",
    "===": "a",
    "== Heading ==": "a",
    # Markup and addresses.
    '<a href="x">link</a>': "a",
    "<a href='x'>link</a>": "a",
    "<td width=3>cell</td>": "a",
    '<img src="a.png" width=3 alt="b"/>': "a",
    '<img src = "a.png" />': "a",
    '<p style="a=b">text</p>': "a",
    "<br/>": "",
    "<br>line": "",
    "https://a.example/?a=b": "a",
    "See http://a.example/page?x=1&y=2 for it": "a",
    "HTTPS://A.EXAMPLE/?A=B": "a",
    "See http://a.example/?x=1 and y = 2": "eao",
    '<a href="x">y = 2</a>': "eao",
    "if 1 <x and y=3": "eao",
    "x<y and a = 3 > b": "eao",
    # No "=" at all, and digits with operators.
    "1 + 2": "o",
    "1+2": "o",
    "5 - 3": "o",
    "5 − 3": "o",
    "(2 + 3) - (4)": "o",
    "3*4": "o",
    "3 * 4": "o",
    "3 × 4": "o",
    "8 ÷ 2": "o",
    "8/2": "o",
    "2^10": "o",
    "2^(n+1)": "o",
    "half is 1/2": "o",
    "12 / 4 * 2": "o",
    # Known to be called operators although nothing is calculated: a fraction and a date look alike.
    "9/11": "o",
    "open 24/7": "o",
    "on 12/05/2020": "o",
    "pages 10 - 20": "o",
    # LaTeX.
    "$x^2 + 1$": "o",
    "$a_n$": "o",
    "$a < b$": "o",
    r"$\alpha$": "o",
    r"\frac{a}{b}": "o",
    r"\dfrac12": "o",
    r"\sqrt{x}": "o",
    r"a \le b": "o",
    r"a \leq b": "o",
    r"a \geq b": "o",
    r"a \neq b": "o",
    r"a \ne b": "o",
    r"a \ge b": "o",
    r"\(n\) is even": "o",
    r"\[ n \]": "o",
    r"a \equiv b \pmod 3": "o",
    r"\begin{pmatrix} 1 \end{pmatrix}": "o",
    r"\left( x \right)": "o",
    r"\pi r": "o",
    # Neither.
    "no sign": "",
    "": "",
    "$5 and $10": "",
    "It costs $5.": "",
    "1990-1995": "",
    "1990–1995": "",
    "call 555-1234": "",
    "+1 555 0100": "",
    "on 2020-05-12": "",
    "C++": "",
    "A-B": "",
    "non-symbolic": "",
    "a 3x4 grid": "",
    "and/or": "",
    "km/h": "",
    "a * b": "",
    "a > b": "",
    "<b>bold</b>": "",
    "5%": "",
    "3.14": "",
    "1,000": "",
    "x is equal to 3": "",
    "≠ and ≤ and ≥": "",
    "10 to 20": "",
    "1st - 2nd": "",
    "question 3 - answer": "",
    "COVID-19 - a disease": "",
    r"\pizza": "",
    r"a\leqslant": "",
    "\x00 \ud800": "",
}


def question(text: str, *choices: str, task: str = "t", group: str = "", identity: str = "q") -> Question:
    return Question(id=identity, task=task, text=text, choices=choices, group=group)


@pytest.mark.parametrize(
    ("rule", "letter"), [("eq_question", "e"), ("eq_question_any", "a"), ("operators", "o")], ids=["e", "a", "o"]
)
def test_texts(rule: str, letter: str) -> None:
    assert len(TEXTS) >= 80
    tag = RULES[rule].tag
    got = {text: tag(Seen(question=question(text))) for text in TEXTS}
    assert got == {text: letter in letters for text, letters in TEXTS.items()}
    # Options count like the question.
    assert got == {text: tag(Seen(question=question("Which?", "some", text))) for text in TEXTS}


def test_the_strict_rule_is_within_the_other_two() -> None:
    assert all({"a", "o"} <= set(letters) for letters in TEXTS.values() if "e" in letters)


def test_the_default_rule_is_the_strict_one() -> None:
    assert RULE == "eq_question"
    for text in TEXTS:
        assert is_symbolic(question(text)) == has_equals(text) == RULES[RULE].tag(Seen(question=question(text)))


def test_markup_in_bulk_takes_no_time() -> None:
    """Text that almost matches, many times over: no pattern may take more than linear time on it."""
    for text in (
        "<a " * 20_000,
        "<a b=" * 20_000,
        '<a b="' * 20_000,
        "<a" + " b=c" * 20_000,
        "$" * 50_000 + "=",
        "http://=" * 10_000,
    ):
        has_equals(text)
        RULES["operators"].tag(Seen(question=question(text)))


# --- post-treatment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "gold", "cot", "tag"),
    [
        ("x = 1", "7", False, True),
        ("x = 1", "7", None, True),
        ("x", "y=7", False, True),
        ("x <= 1", "7", False, True),  # the paper looks for any "="
        ("x", "7", True, True),
        ("x", "7", False, False),
        ("x", "7", None, None),
    ],
)
def test_the_papers_rule(text: str, gold: str, cot: bool | None, tag: bool | None) -> None:
    assert RULES["eq_paper"].tag(Seen(question=question(text), gold=gold, cot=cot)) is tag


def test_the_papers_rule_looks_at_no_options_but_the_gold_one() -> None:
    asked = question("Which?", "x = 1", "y")
    assert gold_text(asked, "A") == "x = 1"
    assert gold_text(asked, "B") == "y"
    assert gold_text(asked, "C") == "C"
    assert gold_text(question("How many?"), "A") == "A"
    assert gold_text(asked, "x = 1") == "x = 1"
    tags = [RULES["eq_paper"].tag(Seen(question=asked, gold=gold_text(asked, g), cot=False)) for g in "AB"]
    assert tags == [True, False]


def test_the_timing_of_rules() -> None:
    assert {name for name, rule in RULES.items() if rule.timing == "post-treatment"} == {"eq_paper", "eq_response"}
    assert all(name == rule.name and rule.version >= 1 and rule.about for name, rule in RULES.items())
    for seen in (Seen(question=question("x")), Seen(question=question("x = 1"), any=False)):
        assert RULES["eq_response"].tag(seen) is seen.any


# A stub run's tags, with the responses counted once more from the journal as JSON.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose responses hold an "=" here and there."""
    folder = tmp_path_factory.mktemp("tagging")
    done = run_cli(
        "run",
        "--model",
        "stub",
        "--task",
        "sample",
        "--mode",
        "direct,cot,self-consistency,pal",
        "--output-dir",
        folder,
    )
    assert done.code == 0, done.err
    [run] = folder.iterdir()
    lines = []
    for at, line in enumerate((run / "journal.jsonl").read_bytes().splitlines(keepends=True)):
        row = json.loads(line)
        row.pop("crc")
        assert sealed(row) == line
        if at % 7 < 2:
            path = row["completions"][-1]
            path["reasoning" if at % 7 else "text"] = "so a = b"
        lines.append(sealed(row))
    (run / "journal.jsonl").write_bytes(b"".join(lines))
    return run


@pytest.fixture
def stub(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "stub")


def keep_modes(folder: Path, *modes: str) -> None:
    path = folder / "records.jsonl"
    path.write_text("".join(x for x in path.read_text().splitlines(True) if json.loads(x)["mode"] in modes))


def panel(folder: Path) -> Panel:
    [one], _ = panels_of([load_run(folder)])
    return one


def _responses(folder: Path) -> dict[tuple[str, str], bool]:
    """(question, mode) -> whether a response holds "=", read in the plain way."""
    journal = {}
    for line in (folder / "journal.jsonl").read_text().splitlines():
        row = json.loads(line)
        texts = [c["text"] + c.get("reasoning", "") for c in row["completions"]]
        journal[row["question"], row["request"], row["ordinal"]] = any("=" in text for text in texts)
    out = {}
    for line in (folder / "records.jsonl").read_text().splitlines():
        row = json.loads(line)
        found = [journal[key] for r, o in row["requests"] if (key := (row["question"], r, o)) in journal]
        if found:
            out[row["question"], row["mode"]] = any(found)
    return out


def _expected(folder: Path, one: Panel) -> dict[str, list[int]]:
    held = _responses(folder)
    out: dict[str, list[int]] = {"eq_paper": [], "eq_response": []}
    for asked, gold in zip(one.questions, one.golds, strict=True):
        cot = held.get((asked.id, "cot"))
        literal = "=" in asked.text or "=" in gold_text(asked, gold)
        out["eq_paper"].append(1 if literal else -1 if cot is None else int(cot))
        known = [held[asked.id, m] for m in ("direct@answer=begun", "cot", "self-consistency") if (asked.id, m) in held]
        out["eq_response"].append(int(any(known)) if known else -1)
    return out


def test_post_treatment_tags_of_a_run(stub: Path) -> None:
    one = panel(stub)
    expected = _expected(stub, one)
    for rule, tags in expected.items():
        got = one.tags(RULES[rule])
        assert got is not None
        assert got.tolist() == tags
        assert set(tags) == {0, 1}  # the stub's responses tell some questions from others


def test_post_treatment_tags_with_damaged_lines(stub: Path) -> None:
    journal = stub / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    for at in range(0, len(lines), 3):
        lines[at] = lines[at].replace(b'"question"', b'"quest1on"', 1)
    one_byte = lines[1].replace(b'"ordinal":0', b'"ordinal":1', 1)  # well-formed, and the checksum is wrong
    journal.write_bytes(b"".join([lines[0], one_byte, *lines[2:]])[:-9])
    one = panel(stub)
    good = [line for line in lines[2:-1] if b'"question"' in line]
    journal.write_bytes(b"".join(good))
    expected = _expected(stub, panel(stub))
    for rule, tags in expected.items():
        got = one.tags(RULES[rule])
        assert got is not None
        assert got.tolist() == tags
        assert -1 in tags


def test_post_treatment_tags_without_a_journal(stub: Path) -> None:
    (stub / "journal.jsonl").unlink()
    one = panel(stub)
    paper, response = one.tags(RULES["eq_paper"]), one.tags(RULES["eq_response"])
    assert paper is not None
    assert response is not None
    assert set(paper.tolist()) == {-1, 1}
    assert set(response.tolist()) == {-1}


def test_post_treatment_rules_need_a_mode_that_answers_in_words(stub: Path) -> None:
    """A program holds "=" whatever is asked, so it is none of the responses that are searched."""
    keep_modes(stub, "direct@answer=begun", "pal")
    one = panel(stub)
    assert one.tags(RULES["eq_paper"]) is None
    assert one.tags(RULES["eq_response"]) is not None
    keep_modes(stub, "pal")
    one = panel(stub)
    assert one.tags(RULES["eq_paper"]) is None
    assert one.tags(RULES["eq_response"]) is None


# --- rules of the user's ------------------------------------------------------------------------------------------


def test_a_rule_of_ones_own() -> None:
    rule = own_rule("percent=%|per ?cent")
    assert (rule.name, rule.timing, rule.version) == ("percent", "pre-treatment", 1)
    assert rule.tag(Seen(question=question("a 5% rise"))) is True
    assert rule.tag(Seen(question=question("Which?", "none", "ten percent"))) is True
    assert rule.tag(Seen(question=question("a rise"))) is False
    assert own_rule("a.b-c_1=x=y").tag(Seen(question=question("x=y"))) is True


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("percent", "expected NAME=REGEX"),
        ("", "expected NAME=REGEX"),
        ("=x", "expected NAME=REGEX"),
        ("x=", "expected NAME=REGEX"),
        ("a b=x", "expected NAME=REGEX"),
        ("eq_question=x", "is a rule that cotbench has"),
        ("mine=(", "not a regular expression"),
        ("mine=*", "not a regular expression"),
    ],
)
def test_what_is_no_rule(text: str, finding: str) -> None:
    with pytest.raises(UsageError, match=finding):
        own_rule(text)
    with pytest.raises(UsageError, match="--tags"):
        own_rule(text, "--tags")


def write(tmp_path: Path, content: str | bytes, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def tags_of(rule: Rule, *identities: str) -> list[bool | None]:
    return [rule.tag(Seen(question=question("x", identity=identity))) for identity in identities]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_file_of_tags(bom: bytes, end: bytes, tmp_path: Path) -> None:
    lines = [b"id,hard,maths", b"a,1,yes", b"b,0,NO", b"c,, ", b"d,True,non-symbolic", b"ghost,1,1"]
    rules = rules_of_file(write(tmp_path, bom + end.join(lines) + end))
    assert [rule.name for rule in rules] == ["hard", "maths"]
    assert all(rule.timing == "pre-treatment" for rule in rules)
    assert tags_of(rules[0], "a", "b", "c", "d", "unknown") == [True, False, None, True, None]
    assert tags_of(rules[1], "a", "b", "c", "d", "unknown") == [True, False, None, False, None]


def test_a_list_of_ids(tmp_path: Path) -> None:
    [rule] = rules_of_file(write(tmp_path, "id\na\nb\n", "hard.csv"))
    assert rule.name == "hard"
    assert tags_of(rule, "a", "b", "c") == [True, True, False]


def test_the_order_of_columns_and_quotes_do_not_matter(tmp_path: Path) -> None:
    [rule] = rules_of_file(write(tmp_path, 'mine,id\n1,"a,b"\n0,"say ""x"""\n'))
    assert tags_of(rule, "a,b", 'say "x"', "a") == [True, False, None]


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "no rows"),
        ("id,mine\n", "no rows"),
        ("question,mine\na,1\n", "expected a header with the column 'id', found question, mine"),
        ("id,mine\na,maybe\n", ":2: mine is 'maybe'"),
        ("id,mine\na,1\nb,2\n", ":3: mine is '2'"),
        ("id,eq_question\na,1\n", "'eq_question' is a rule that cotbench has"),
        (b"id,mine\n\xff\xfe,1\n", "can't be read"),
    ],
)
def test_what_is_no_file_of_tags(content: str | bytes, finding: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=finding):
        rules_of_file(write(tmp_path, content))


def test_a_list_of_ids_may_not_have_a_rules_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'subject' is a rule that cotbench has"):
        rules_of_file(write(tmp_path, "id\na\n", "subject.csv"))


def test_no_such_file_of_tags(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        rules_of_file(tmp_path / "none.csv")
    with pytest.raises(DataError, match="can't be read"):
        rules_of_file(tmp_path)


def test_short_and_long_rows(tmp_path: Path) -> None:
    rules = rules_of_file(write(tmp_path, "id,one,two\na,1\nb,1,0,surplus\n"))
    assert [rule.name for rule in rules] == ["one", "two"]
    assert tags_of(rules[1], "a", "b") == [None, False]


def test_one_id_twice_with_two_tags_is_an_error(tmp_path: Path) -> None:
    assert tags_of(rules_of_file(write(tmp_path, "id,mine\na,1\na,1\n"))[0], "a") == [True]
    with pytest.raises(DataError, match=":3: "):
        rules_of_file(write(tmp_path, "id,mine\na,1\na,0\n"))


def test_an_own_rule_splits_a_report(stub: Path, tmp_path: Path) -> None:
    identities = [q.id for q in panel(stub).questions]
    rows = "".join(f"{identity},{at % 2}\n" for at, identity in enumerate(identities[:20]))
    [rule] = rules_of_file(write(tmp_path, "id,odd\n" + rows))
    comparison = compare([load_run(stub)], rules=[rule, own_rule("what=What")], tag_rule="odd")
    split = next(s for s in comparison.splits if s.rule == "odd" and s.mode == "cot")
    assert (split.n_symbolic, split.n_other, split.untagged, split.default) == (10, 10, 28, True)
    assert {s.rule for s in comparison.splits} == {*RULES, "odd", "what"} - {"subject", "category", "hops", "perturbed"}
    assert any(r.name == "what" and r.about == "the question or an option matches /What/" for r in comparison.rules)


# --- the subject table and the real test sets ---------------------------------------------------------------------


def test_the_subject_rule_by_task_and_subject() -> None:
    tag = RULES["subject"].tag
    expected = {
        ("gsm8k", ""): True,
        ("math", "Algebra"): True,
        ("math500", ""): True,
        ("logiqa", ""): False,
        ("mmlu", "formal_logic"): True,
        ("mmlu", "college_physics"): True,
        ("mmlu", "virology"): False,
        ("mmlu", "no_such_subject"): None,
        ("sample", "algebra"): None,
    }
    got = {key: tag(Seen(question=question("x = 1", task=key[0], group=key[1]))) for key in expected}
    assert got == expected


def test_the_subject_table_names_no_subject_twice() -> None:
    import yaml

    from cotbench.questions.shipped import shipped

    table = yaml.safe_load((shipped("tasks") / "tables" / "subjects.yaml").read_text())["tasks"]["mmlu"]
    assert max(Counter(table["symbolic"] + table["other"]).values()) == 1
    assert len(table["symbolic"] + table["other"]) == 57


@pytest.fixture(scope="module")
def real() -> Iterator[dict[str, tuple[Question, ...]]]:
    yield {name: load_data(find_task(name)).questions for name in ("gsm8k", "math", "mmlu", "logiqa")}


def _tagged(questions: tuple[Question, ...], rule: str) -> int:
    return sum(RULES[rule].tag(Seen(question=q)) is True for q in questions)


@pytest.mark.data
def test_real_counts_of_equal_signs(real: dict[str, tuple[Question, ...]]) -> None:
    stems = {name: sum("=" in q.text for q in questions) for name, questions in real.items()}
    assert (stems["gsm8k"], stems["logiqa"], stems["mmlu"]) == (0, 0, 319)
    assert {name: _tagged(real[name], "eq_question_any") for name in ("gsm8k", "logiqa", "mmlu")} == {
        "gsm8k": 0,
        "logiqa": 0,
        "mmlu": 418,
    }
    assert _tagged(real["math"], "eq_question_any") / len(real["math"]) == pytest.approx(0.395, abs=0.001)


@pytest.mark.data
def test_the_subject_table_is_mmlus(real: dict[str, tuple[Question, ...]]) -> None:
    tag = RULES["subject"].tag
    for name, questions in real.items():
        tags = Counter(tag(Seen(question=q)) for q in questions)
        assert None not in tags, name
    assert len({q.group for q in real["mmlu"]}) == 57
    assert _tagged(real["gsm8k"], "subject") == 1319
    assert _tagged(real["logiqa"], "subject") == 0


@pytest.mark.data
def test_the_simulated_shapes_are_the_real_ones(real: dict[str, tuple[Question, ...]]) -> None:
    for name, sizes in (("mmlu", MMLU), ("math", MATH), ("logiqa", LOGIQA)):
        assert sorted(Counter(q.cluster for q in real[name]).values()) == sorted(sizes)
