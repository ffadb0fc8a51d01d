"""What a plan says about a name in words: "x: positive integer", "let n be a prime less than 50"."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS = frozenset(
    "real complex rational integer even odd prime positive negative nonnegative nonpositive nonzero digit "
    "distinct".split()
)


@dataclass(frozen=True, slots=True)
class Assumption:
    """kinds: words of KINDS that hold for each of the names; conditions: more of them, as texts of the language."""

    names: tuple[str, ...]
    kinds: frozenset[str]
    conditions: tuple[str, ...] = ()


_NAME = r"[^\W\d]\w*'*"
_NAMES = rf"\$?\\?{_NAME}\$?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)\$?\\?{_NAME}\$?)*"
_HEAD = re.compile(
    rf"^(?:(?:assume|suppose)\s+(?:that\s+)?(?P<assumed>{_NAMES})\s+(?:is|are|be)\s+"
    rf"|let\s+(?P<let>{_NAMES})\s+be\s+"
    rf"|(?P<said>{_NAMES})\s+(?:is|are)\s+"
    rf"|(?P<declared>{_NAMES})\s*[:：](?!=)\s*"
    rf"|(?P<member>{_NAMES})\s*(?:\bin\b|∈|\\in\b)\s*(?=(?:the\s+)?(?:[a-z]{{4,}}|[ℤℝℕℚℂZRNQC](?:[\^_]?[+*])?|\\mathbb|\\Z)\S*$)"
    r")(?P<rest>.+)$",
    re.I,
)
_LISTED = re.compile(rf"^(?:unknowns?|variables?)\s*:\s*(?P<names>{_NAMES})$", re.I)
_NEXT = re.compile(rf"\s*[,;]\s*(?={_NAMES}\s*:)")
_NO_NAMES = frozenset("answer ask option premise this that it there which what here the".split())

_WORDS: dict[str, tuple[str, ...]] = {
    **{kind: (kind,) for kind in KINDS},
    **dict.fromkeys(("integers", "int", "z", "ℤ"), ("integer",)),
    **dict.fromkeys(("reals", "r", "ℝ"), ("real",)),
    **dict.fromkeys(("rationals", "q", "ℚ", "fraction"), ("rational",)),
    **dict.fromkeys(("complexes", "c", "ℂ"), ("complex",)),
    **dict.fromkeys(("natural", "naturals", "n", "ℕ", "z+", "ℤ+", "z^+", "ℤ^+", "counting"), ("integer", "positive")),
    "whole": ("integer", "nonnegative"),
    "digits": ("digit",),
    "primes": ("prime",),
    "different": ("distinct",),
    "non-negative": ("nonnegative",),
    "non-positive": ("nonpositive",),
    "non-zero": ("nonzero",),
}
_IGNORED = frozenset(
    "a an the and number numbers variable variables unknown unknowns constant constants value values all both each "
    "strictly decimal some".split()
)
_AFTER = r"(?P<value>[^,]+?)\s*(?=$|,|\band\b)"
# Phrases, and the conditions that they are: {n} is the name, {value} and others what the phrase says.
_PHRASES = [
    (re.compile(rf"(?:(?:greater|more|larger|bigger) than or equal to|at least) {_AFTER}"), ("{n} >= {value}",)),
    (re.compile(rf"(?:(?:less|smaller) than or equal to|at most) {_AFTER}"), ("{n} <= {value}",)),
    (re.compile(rf"(?:greater|more|larger|bigger) than {_AFTER}"), ("{n} > {value}",)),
    (re.compile(rf"(?:less|smaller) than {_AFTER}"), ("{n} < {value}",)),
    (re.compile(rf"(?:divisible by|multiples? of) {_AFTER}"), ("mod({n}, {value}) = 0",)),
    (re.compile(rf"(?P<sign><=|>=|!=|<|>|≤|≥|≠)\s*{_AFTER}"), ("{n} {sign} {value}",)),
    (re.compile(r"from (?P<low>\S+) to (?P<value>[^\s,]+)"), ("{n} >= {low}", "{n} <= {value}")),
]
_DIGITS = {"two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5}
_LONG = re.compile(r"(two|three|four|five|[2-5])[- ]digits?\b")
_NUMBER_SET = re.compile(r"\\mathbb\s?\{?([ZRNQC])\}?")
_DESCRIBED = re.compile(r"^(?:the|an?|how many|number|amount|my|her|his|their)\b")
_RESTRICTS = re.compile(
    r"\d|\b(?:multiple|divisible|prime|than|least|most|positive|negative|integer|even|odd|such|solution|root|max|min|"
    r"digit|perfect|factor|divisor|smallest|largest|equal|when|if)"
)


def read_assumption(line: str) -> list[Assumption] | None:
    """The assumptions that a line states; None for any other line."""
    if listed := _LISTED.match(line):
        return [Assumption(_names(listed["names"]), frozenset())]
    found: list[Assumption] = []
    parts = [""]
    for piece in _NEXT.split(line):  # "x, y: real, n: integer"
        parts = [*parts, piece] if ":" in parts[-1] else [*parts[:-1], f"{parts[-1]}, {piece}".lstrip(", ")]
    for part in parts:
        head = _HEAD.match(part)
        if head is None:
            return None
        names = next(text for text in head.group("assumed", "let", "said", "declared", "member") if text is not None)
        if set(re.findall(r"\w+", names.lower())) & _NO_NAMES:
            return None
        assumption, rest = _assumption(_names(names), head["rest"]), head["rest"].lower()
        if assumption is None and head["let"] and _DESCRIBED.match(rest) and not _RESTRICTS.search(rest):
            assumption = Assumption(_names(names), frozenset())
        if assumption is None:
            return None
        found.append(assumption)
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.findall(_NAME, text) if name != "and")


def _assumption(names: tuple[str, ...], text: str) -> Assumption | None:
    kinds: set[str] = set()
    conditions: list[str] = []
    rest = _NUMBER_SET.sub(r" \1", text).strip(" .$").replace("\\", "")
    at = 0
    while at < len(rest):
        tail = rest[at:]
        if blank := re.match(r"[\s,]+", tail):
            at += blank.end()
        elif long := _LONG.match(tail.lower()):
            size = _DIGITS[long[1]]
            kinds.add("integer")
            conditions += [f"{name} {bound}" for bound in (f">= {10 ** (size - 1)}", f"< {10**size}") for name in names]
            at += long.end()
        elif found := next(((m, forms) for pattern, forms in _PHRASES if (m := pattern.match(tail))), None):
            match, forms = found
            conditions += [form.format(n=name, **match.groupdict()) for name in names for form in forms]
            at += match.end()
        else:
            word = re.split(r"[\s,]", tail, maxsplit=1)[0]
            if (lower := word.lower()) in _WORDS and (len(lower) > 2 or text.strip() == word or "mathbb" in text):
                kinds.update(_WORDS[lower])
            elif lower not in _IGNORED:
                return None
            at += len(word)
    return Assumption(names, frozenset(kinds), tuple(conditions)) if kinds or conditions else None
