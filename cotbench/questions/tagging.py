"""Question -> symbolic or not, under named and versioned rules.

A rule is *pre-treatment* where it looks at the question and its options only, so that no prompting method can move a
question from one side to the other, and *post-treatment* where it also looks at responses, which the method under
judgement has a hand in. The paper's own rule (arXiv:2409.12183, `mmlu_analysis.py`) is of the second kind: a chain of
thought writes the "=" that it is then sorted by.

A tag is True (symbolic), False, or None where a rule has nothing to say of a question, which is then on neither side.
Not all rules are about symbols: of what else they tell apart, the first side is called symbolic in report.json all the
same, and `Rule.sides` says what it is.

What the data say of a question (`Question.features`) was there before any response, so rules that look at it are
pre-treatment, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

from cotbench.errors import DataError, UsageError, suggest
from cotbench.plugins import Table, lacking
from cotbench.questions.patterns import Pattern
from cotbench.questions.shipped import shipped
from cotbench.store.files import open_file
from cotbench.types import LETTERS, Question

Timing = Literal["pre-treatment", "post-treatment"]
Tag = bool | None
SUBJECTS, CATEGORIES = "subjects.yaml", "categories.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule may look at.

    gold: the gold answer as text (of an option, its text). cot, any: whether "=" is in the response under CoT, and in
    that of any mode that answers in words; None where there is no such response."""

    question: Question
    gold: str = ""
    cot: bool | None = None
    any: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """name and version: of the rule, both in every report. about: what makes a question symbolic, for a legend.

    sides: what its two sides are called, the symbolic one first: by what the rule looks at, unless it really says what
    is symbolic. symbols: whether its first side is meant for symbolic questions: only such rules are held against each
    other, and choose prompts. feature: which of a question's features it looks at, "" for none."""

    name: str
    about: str
    tag: Callable[[Seen], Tag]
    version: int = 1
    timing: Timing = "pre-treatment"
    sides: tuple[str, str] = ("symbolic", "non-symbolic")
    symbols: bool = True
    feature: str = ""


_EQ = 'with "="', 'without "="'

# What holds a "=" that says nothing of equality: a tag with attributes, an address.
_MARKUP = re.compile(r"""<[a-z][\w-]*(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=]+))+\s*/?>|https?://\S+""", re.I)
_EQUALS = re.compile(r"(?<![<>!=])=(?![=>])")

_OPERATORS = re.compile(
    r"""\d\s*[*/×÷^=]\s*[\d(]            # 3*4, 1/2, 2^(n+1)
      | \d\s*\+\s*\d                       # 3 + 4
      | [\d)]\s+[-−–]\s+[\d(]              # 5 - 3; not 1990-1995
      | \\(?:frac|dfrac|tfrac|sqrt|cdot|times|div|pm|sum|prod|int|lim|log|ln|sin|cos|tan|pi
          |leq?|geq?|neq?|equiv|binom|begin|left)(?![a-zA-Z])
      | \$[^$\n\\^_=+<>]*+[\\^_=+<>][^$\n]*+\$  # $x^2 + 1$; not $5 and $10. Possessive: a lone $ costs its line once
      | \\\(|\\\[
    """,
    re.X,
)


def _texts(question: Question) -> Iterable[str]:
    return (question.text, *question.choices)


def has_equals(text: str) -> bool:
    """An "=" that stands alone: no part of <=, >=, !=, =>, == or a rule of them, of markup or of an address."""
    return "=" in text and bool(_EQUALS.search(_MARKUP.sub(" ", text) if "<" in text or "://" in text else text))


def is_symbolic(question: Question) -> bool:
    """The default rule."""
    return any(has_equals(text) for text in _texts(question))


def _eq_paper(seen: Seen) -> Tag:
    if "=" in seen.question.text or "=" in seen.gold:
        return True
    return seen.cot


def _subject(seen: Seen) -> Tag:
    tables = _tables()
    return tables.groups.get((seen.question.task, seen.question.group), tables.tasks.get(seen.question.task))


# A digit that isn't part of a name (H2O, x2 are none), and number words from two on: "one" is a pronoun as a rule.
_NUMERAL = re.compile(
    r"""(?<![^\W_\u3040-\u30ff\u3400-\u9fff])\d
      | \b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve
          |(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty
          |hundred|thousand|million|billion|trillion|dozen|half|twice|thrice)s?\b
      | [二三四五六七八九十百千万亿两][个人只条件张本次天年月日元米克吨倍]""",
    re.X | re.I,
)


def has_number(text: str) -> bool:
    """A numeral, in digits or as a word: 3, -2.5, 1,000, twenty-one, two thirds, 三个; not H2O, nor "one"."""
    return bool(_NUMERAL.search(text))


# Words. Of questions that stand by themselves hardly any has more (1% of GSM8K and MATH, none of ARC or CommonsenseQA),
# of those with a passage nearly all have (99% of AGIEval's LSAT, all of SAT's and MuSR's): MMLU's with more are 13%.
LONG = 100
_WIDE = re.compile(r"[\u3400-\u9fff\u3040-\u30ff]")  # Chinese characters and kana, which no spaces stand between


def words_in(text: str) -> int:
    """Count words: what spaces part, and of writing without spaces each two characters."""
    wide = len(_WIDE.findall(text)) if not text.isascii() else 0
    return len((_WIDE.sub(" ", text) if wide else text).split()) + wide // 2


HOPS = 2  # the fewest that a question of several hops has


def _hops(seen: Seen) -> Tag:
    try:
        return float(seen.question.features["hops"]) > HOPS
    except (KeyError, ValueError):
        return None


SEED = "seed"


def _perturbed(seen: Seen) -> Tag:
    kind = seen.question.features.get("perturbed", "")
    return kind.strip().lower() != SEED if kind else None


@lru_cache(maxsize=1)
def categories() -> Mapping[str, str]:
    """What categories.yaml says: the category of each task that is in one."""
    content = yaml.safe_load((shipped("tasks") / "tables" / CATEGORIES).read_text(encoding="utf-8"))
    return {task: name for part in content.values() for name, tasks in part.items() for task in tasks}


def _category(seen: Seen) -> Tag:
    known = categories().get(seen.question.task)
    return None if known is None else known in ("math", "symbolic")


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """What subjects.yaml says. main: the tasks whose main rule is `subject`."""

    tasks: Mapping[str, bool]
    groups: Mapping[tuple[str, str], bool]
    main: frozenset[str]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    content = yaml.safe_load((shipped("tasks") / "tables" / SUBJECTS).read_text(encoding="utf-8"))
    tasks = {name: entry for name, entry in content["tasks"].items() if isinstance(entry, bool)}
    groups = {
        (task, group): value
        for task, entry in content["tasks"].items()
        if isinstance(entry, dict)
        for value in (True, False)
        for group in entry["symbolic" if value else "other"]
    }
    return _Tables(tasks=tasks, groups=groups, main=frozenset(content["main"]))


def main_rule(tasks: Iterable[str]) -> Rule:
    """Choose the rule that splits main tables where nobody names one: `subject` if meant for all tasks, or RULE."""
    wanted = set(tasks)
    return RULES["subject" if wanted and wanted <= _tables().main else RULE]


RULE = "eq_question"
RULES: Table[Rule] = Table(
    "tags",
    Rule,
    (
        Rule(
            name=RULE,
            version=2,
            about='the question or an option holds a "=" that stands alone (no <=, !=, ==, no markup)',
            tag=lambda seen: is_symbolic(seen.question),
            sides=_EQ,
        ),
        Rule(
            name="eq_question_any",
            about='the question or an option holds any "="',
            tag=lambda seen: any("=" in text for text in _texts(seen.question)),
            sides=_EQ,
        ),
        Rule(
            name="operators",
            about="the question or an option holds digits joined by operators, or LaTeX mathematics",
            tag=lambda seen: any(has_equals(text) or bool(_OPERATORS.search(text)) for text in _texts(seen.question)),
            sides=("with operators", "without operators"),
        ),
        Rule(name="subject", about=f"its task or subject is called symbolic in tasks/tables/{SUBJECTS}", tag=_subject),
        Rule(
            name="category",
            about=f"its task is in the category math or symbolic of tasks/tables/{CATEGORIES}",
            tag=_category,
            sides=("math or symbolic", "other categories"),
        ),
        Rule(
            name="numbers",
            about="the question or an option holds a numeral, in digits or as a word (from two on; no H2O)",
            tag=lambda seen: any(has_number(text) for text in _texts(seen.question)),
            sides=("with numbers", "without numbers"),
        ),
        Rule(
            name="long",
            about=f"the question, with what it is about and without its options, has more than {LONG} words",
            tag=lambda seen: words_in(seen.question.text) > LONG,
            sides=(f"with over {LONG} words", "with fewer words"),
            symbols=False,
        ),
        Rule(
            name="hops",
            about=f"the data say that it takes more than {HOPS} facts or steps (feature hops)",
            tag=_hops,
            sides=(f"with over {HOPS} hops", "with fewer hops"),
            symbols=False,
            feature="hops",
        ),
        Rule(
            name="perturbed",
            about=f"the data say that it is a question changed in some way (feature perturbed; {SEED}: as it was)",
            tag=_perturbed,
            sides=("perturbed", SEED),
            symbols=False,
            feature="perturbed",
        ),
        Rule(
            name="eq_paper",
            timing="post-treatment",
            about="the paper's: any \"=\" in the question, the gold answer or this model's response under CoT",
            tag=_eq_paper,
            sides=('with "=" anywhere', 'without "="'),
        ),
        Rule(
            name="eq_response",
            timing="post-treatment",
            about='any "=" in a response of this model, under any mode that answers in words',
            tag=lambda seen: seen.any,
            sides=('with "=" in a reply', 'without "=" in replies'),
        ),
    ),
)


def own_rule(text: str, source: str = "--tag") -> Rule:
    """`name=REGEX`: symbolic is where the pattern is found in the question or an option.

    `name=feature:KEY=VALUE`: where the data say this of the question. Raises UsageError."""
    name, separator, pattern = text.partition("=")
    if not separator or not re.fullmatch(r"[\w.-]+", name) or not pattern:
        raise UsageError(f"{source} {text}: expected NAME=REGEX.", "For example --tag percent='%|per ?cent'.")
    if name in RULES:
        raise UsageError(f"{source} {text}: '{name}' is a rule that cotbench has.", "Choose another name.")
    if pattern.startswith(_OF_FEATURE):
        return _by_feature(name, pattern.removeprefix(_OF_FEATURE), f"{source} {text}")
    own = Pattern(pattern, f"{source} {text}")
    return Rule(
        name=name,
        about=f"the question or an option matches /{pattern}/",
        tag=lambda seen: any(own.found_in(part) for part in _texts(seen.question)),
        sides=(name, f"not {name}"),
    )


_OF_FEATURE = "feature:"


def _by_feature(name: str, asked: str, source: str) -> Rule:
    """A rule that looks at a feature: KEY=VALUE. A question without that feature is on neither side."""
    key, separator, value = (part.strip() for part in asked.partition("="))
    if not key or not separator or not value:
        raise UsageError(f"{source}: expected NAME=feature:KEY=VALUE.", "For example --tag bridge=feature:type=bridge.")

    def tag(seen: Seen) -> Tag:
        found = seen.question.features.get(key)
        return None if found is None else found.strip().lower() == value.lower()

    about = f"the data say {key}: {value}"
    return Rule(name=name, about=about, tag=tag, sides=(name, f"not {name}"), symbols=False, feature=key)


_YES, _NO = {"1", "true", "yes", "y", "symbolic"}, {"0", "false", "no", "n", "nonsymbolic", "non-symbolic"}


def rules_of_file(path: Path) -> list[Rule]:
    """Tags by question id: a CSV with a column `id` and one column per rule (1 or 0; empty: neither side).

    Without other columns, the listed ids are the symbolic ones, and the rule has the file's name. Raises DataError."""
    try:
        with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            rows, columns = list(table), list(table.fieldnames or ())
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.", "Name a CSV with a column 'id'.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be read: {reason}.", "Name a CSV in UTF-8 with a column 'id'.") from None
    header = [name for name in (rows[0] if rows else {}) if name]
    if "id" not in header:
        found = ", ".join(header) or "no rows"
        remedy = "`questions.jsonl` in a run's folder holds the ids."
        raise DataError(f"{path}: expected a header with the column 'id', found {found}.", remedy)
    names = [name for name in header if name != "id"]
    if twice := next((name for name in header if columns.count(name) > 1), None):
        raise DataError(f"{path}: has two columns '{twice}'.", "Keep one of them, or rename one.")
    if taken := next((name for name in names or [path.stem] if name in RULES), None):
        raise DataError(f"{path}: '{taken}' is a rule that cotbench has.", "Rename the column.")
    if not names:
        return [_by_id(path.stem, path, dict.fromkeys((row["id"] for row in rows), True), absent=False)]
    tables: dict[str, dict[str, bool]] = {name: {} for name in names}
    for number, row in enumerate(rows, 2):
        for name in names:
            value = (row[name] or "").strip().lower()
            if value and value not in _YES | _NO:
                raise DataError(f"{path}:{number}: {name} is '{row[name]}'.", "Write 1 or 0, or leave it empty.")
            if value and tables[name].setdefault(row["id"], value in _YES) != (value in _YES):
                raise DataError(f"{path}:{number}: {row['id']} is tagged both ways by {name}.", "Keep one of its rows.")
    return [_by_id(name, path, table, absent=None) for name, table in tables.items()]


def _by_id(name: str, path: Path, table: Mapping[str, bool], *, absent: Tag) -> Rule:
    return Rule(
        name=name,
        about=f"as {path.name} says",
        tag=lambda seen: table.get(seen.question.id, absent),
        sides=(name, f"not {name}"),
    )


def own_rules(tags: Sequence[str], files: Sequence[Path]) -> list[Rule]:
    """The rules of a user's own, of texts and of files. Raises UsageError, also where two have one name."""
    found = [own_rule(text) for text in tags] + [rule for path in files for rule in rules_of_file(path)]
    names = [rule.name for rule in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--tag, --tags-file: there are two rules named '{twice[0]}'.", "Give each a name of its own.")
    return found


def known_rule(name: str | None, own: Sequence[Rule]) -> Rule | None:
    """The rule that --tag-rule names; None where it isn't given, and the tasks decide (`main_rule`)."""
    table = RULES | {rule.name: rule for rule in own}
    if name is not None and name not in table:
        reason = lacking("tags", name)
        raise UsageError(
            f"--tag-rule: there is no rule '{name}'. {reason}{' ' if reason else ''}Known: {', '.join(table)}.",
            suggest(name, table, "Add your own with --tag or --tags-file."),
        )
    return None if name is None else table[name]


def gold_text(question: Question, gold: str) -> str:
    """The gold answer as the paper searched it: of an option its text."""
    if question.choices and len(gold) == 1 and gold in LETTERS[: len(question.choices)]:
        return question.choices[LETTERS.index(gold)]
    return gold
