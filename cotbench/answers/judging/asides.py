r"""What is said beside an answer: an option's letter, for which x it holds, why, and where n is a whole number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cotbench.answers.judging.cleaning import clean_latex, without_text

# --- an option's letter -------------------------------------------------------------------------------------------

_LABELLED = re.compile(
    r"(?P<text>\\text\s*\{)?\s*(?:(?:option|choice)\s)?(?:\((?P<round>[A-J])\)|(?P<bare>[A-J])(?:[.)]|:(?=\s?[\\A-Za-z(])))\s*"
    r"(?P<closed>\})?\s*(?P<rest>[^\s}].*)",
    re.S | re.I,
)
_SUM = re.compile(r"(?:[+*/=^_<>!']|\\(?:cdot|times|le|ge|cup|cap|in)(?![A-Za-z]))")


def labelled(text: str) -> tuple[str, str] | None:
    r"""The letter of an option and its text: "(C) 12", "C. a plane", \text{(C) Plane}."""
    match = _LABELLED.fullmatch(clean_latex(text))
    if match is None or _SUM.match(match["rest"]):
        return None
    letter, rest = match["round"] or match["bare"], match["rest"]
    if not letter.isupper():
        return None
    if match["text"] and not match["closed"]:
        said, _, behind = rest.partition("}")
        rest = rf"\text{{{said}}}{behind}"
    return letter, rest


# --- conditions ---------------------------------------------------------------------------------------------------

_MARK = re.compile(
    r"(?P<lead>\\text\s*\{\s*[,(;\s]*|(?<![A-Za-z\\{])\(?)(?P<word>for|where|with|provided(?:\sthat)?|assuming|if|when|as\slong\sas|since|because"
    r"|attained|achieved|obtained|any(?=\s(?:positive\s)?integer))(?![A-Za-z])",
    re.I,
)
_WHY = frozenset({"since", "because", "attained", "achieved", "obtained"})
_ONLY_UNEQUAL = frozenset({"if", "when", "as long as"})
# The words of a condition that tells no cases apart: "for all positive integers n", not "for even n".
_GENERAL = frozenset(
    "all any every some each positive negative nonnegative non natural real integer integers number numbers constant "
    "constants "
    "arbitrary is are an the of value values in and nonzero whole where with being denotes".split()
)
_UNEQUAL = re.compile(r"\\neq?(?![A-Za-z])|!=")
_RELATION = re.compile(r"\\(?:neq?|[gl]eq?|[gl]eqslant|in)(?![A-Za-z])|[<>]|!=")
_BARE = re.compile(
    r"(?P<core>.+?)(?:\s*[,;]\s*|\s*[,;]?\s*(?P<open>\()\s*)"
    r"(?P<said>(?P<names>[A-Za-z](?:_\{?\w+\}?)?(?:\s*,\s*[A-Za-z])*)(?:\^\{?\d\}?)?\s*(?:\\(?:neq?|[gl]eq?|[gl]eqslant|in)(?![A-Za-z])|[<>]|!=)[^,;]*?)\s*\)?\s*"
)


_COMMAND, _LETTER = re.compile(r"\\[A-Za-z]+"), re.compile(r"(?<![A-Za-z\\])[A-Za-z]")
_CASES = re.compile(r"(?<![A-Za-z\\])(?:if|when|otherwise|for)(?![A-Za-z])")
_DECIDED = re.compile(r"\s*(?:\\text\s*\{)?\s*(yes|no|true|false)\s*(?:\}\s*)?(?:(?P<bare>\.?\s*)$|[,.;:](?!\d))", re.I)


def tells_cases(text: str) -> bool:
    """Whether a text may say several things of several cases, of which the last isn't its answer."""
    return _CASES.search(text) is not None


def same_decision(gold: str, answer: str) -> bool | None:
    """Whether a bare yes or no is what the other answer begins with; None where neither is a bare one."""
    one, other = _DECIDED.match(gold), _DECIDED.match(answer)
    if one is None or other is None or one["bare"] is other["bare"] is None:
        return None
    return one[1].lower() == other[1].lower()


_WITHIN = re.compile(
    r"(?P<core>.+?)\s*[,;]\s*\(?\s*(?P<said>-?[\d.\\a-z{}/]+\s*(?:<|\\leq?(?![a-z]))\s*(?P<name>[A-Za-z])\s*(?:<|\\leq?(?![a-z]))\s*-?[\d.\\a-z{}/]+)\s*\)?"
)


@dataclass(frozen=True, slots=True)
class Beside:
    """An answer without what is said beside it. said: a condition that is a relation; name: the parameter it is of."""

    core: str
    said: str = ""
    name: str = ""


def _condition(core: str, word: str, rest: str) -> Beside | None:
    said = " ".join(without_text(rest).split())
    if word in _WHY:
        return Beside(core)
    if _CASES.search(said):
        return None
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", _COMMAND.sub(" ", said))
    commands = set(re.findall(r"\\([A-Za-z]+)", said))
    told = "=" in said and not commands & {"ldots", "dots", "cdots", "pm"}
    told = told or (word in _ONLY_UNEQUAL and not _UNEQUAL.search(said))
    if told or not {word.lower() for word in words} <= _GENERAL:
        return None
    relation = bool(_RELATION.search(said)) and not words and "\\in" not in said
    name = re.search(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])(?=\s*(?:\\in|is|$|\)|\}))", said.strip(" .})"))
    return Beside(core, said.strip(" .)") if relation else "", name[0] if name else "")


def beside(text: str) -> Beside | None:
    r"""A cleaned answer without its condition or reason; None where it has none, or cases that differ."""
    mark = next((m for m in _MARK.finditer(text) if m.start() > 0), None)
    if mark:
        core = text[: mark.start()].rstrip(" ,;:(")
        rest = text[mark.end() :]
        if mark["lead"].startswith("\\text"):
            said, _, behind = rest.partition("}")
            rest = said + behind
        return _condition(core, mark["word"].lower(), rest) if core else None
    within = _WITHIN.fullmatch(text)  # for 0 <= t <= 2
    if within and not _RELATION.search(within["core"]) and within["name"] in _COMMAND.sub(" ", within["core"]):
        return Beside(within["core"], within["said"], within["name"])
    bare = _BARE.fullmatch(text)
    if bare is None or (bare["open"] and not text.rstrip().endswith(")")):
        return None
    core, relation = bare["core"], "\\in" not in bare["said"]
    if _RELATION.search(core) or any(core.count(pair[0]) != core.count(pair[1]) for pair in ("()", "{}")):
        return None
    names = re.findall(r"[A-Za-z](?:_\{?\w+\}?)?", bare["names"])
    if relation and not {name[0] for name in names} <= set(_LETTER.findall(_COMMAND.sub(" ", core))):
        return None
    return Beside(core, bare["said"].strip() if relation else "", names[0] if len(names) == 1 else "")


def without_asides(gold: str, answer: str, equal: Callable[[str, str], bool | None]) -> tuple[str, str] | None:
    """Two answers without what is said beside them; a parameter that both name so gets one name.

    None where neither has anything beside it. A condition that both state must be the same: it is put for both answers
    where it isn't, so that they differ.
    """
    texts = clean_latex(gold), clean_latex(answer)
    one, other = beside(texts[0]), beside(texts[1])
    if one is None and other is None:
        return None
    first, second = (found.core if found else text for found, text in zip((one, other), texts, strict=True))
    if one and other:
        if one.said and other.said and equal(one.said, other.said) is not True:
            return one.said, other.said
        renamed = one.name and other.name and one.name != other.name
        return first, _renamed(second, other.name, one.name) if renamed else second
    return (_as_named(one, second), second) if one else (first, _as_named(other, first))


def _renamed(text: str, name: str, new: str) -> str:
    return re.sub(rf"(?<![A-Za-z\\]){name}(?![A-Za-z])", new, text)


def _as_named(found: Beside | None, other: str) -> str:
    """The core of an answer with the parameter that the other one names: k for n, both any whole number."""
    assert found is not None
    letters = set(re.findall(r"(?<![A-Za-z\\])[kmn](?![A-Za-z])", other))
    named = bool(found.name) and "\\pi" in other and _renamed(other, found.name, "") == other
    renamed = named and len(letters) == 1 and not letters & set(found.core)
    return _renamed(found.core, found.name, letters.pop()) if renamed else found.core
