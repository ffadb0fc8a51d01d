"""The text of a plan -> its statements, with line numbers; what a model adds to them (bullets, bold, fences) goes."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from cotbench.plans.alphabet import plain
from cotbench.plans.assumptions import Assumption, read_assumption
from cotbench.plans.failures import PlanInvalid

MAX_CHARS = 30_000
MAX_LINES = 600


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a plan.

    kind: answer, named ("answer = ..."), weak (an answer where the plan has no other), option, premise, ask, domain,
    distinct, assume or line. label: the letter of an option.
    """

    kind: str
    text: str
    line: int
    label: str = ""
    assumption: Assumption | None = None


_FENCE = re.compile(r"^\s*(?:```|~~~)")
_TAG = re.compile(r"^\s*</?[a-z_]+>\s*$", re.I)
_BULLET = re.compile(r"^\s*(?:(?:[-*+•‣▪]|\d{1,2}[.)]|\(\d{1,2}\)(?=\s+[A-Za-z]))\s+)?")
_BOLD = re.compile(r"^\*\*(?P<inner>[^*]+)\*\*(?P<rest>[^*]*)$|^__(?P<inner2>[^_]+)__(?P<rest2>[^_]*)$")
_HASH = re.compile(r"(?<!\\)#.*")
_SLASHES = re.compile(r"//.*")
_DIVIDED = re.compile(r"^\s*(?:[\d(]|[^\W\d]\w*\s*(?:$|[-+*/)=]))[^:]*$")
_ASIDE = re.compile(r"\s+\(([A-Za-z][A-Za-z' ,-]*)\)$")
_HEADING = re.compile(r"^[^\W\d][\w ()]{0,50}:$")

_ANSWER = re.compile(r"^(?:the\s+|final\s+)*answer\s*(?P<sign>:=|[:=：]|->|\bis\b:?)\s*(?P<rest>.*)$", re.I)
_WEAK = re.compile(r"^(?:find|solve\s+for|goal|target|return|result\s+is)\b\s*:?\s*(?P<rest>[^=<>]+)$", re.I)
_OPTION = re.compile(r"^(?:option|choice)\s*\(?(?P<label>[A-Z])\s?\)?\s*[:.)=：]\s*(?P<rest>.*)$", re.I)
_LETTERED = re.compile(r"^\(?(?P<label>[A-Z])\s?[:.)]\)?\s*(?P<rest>\S.*)$")
_PREMISE = re.compile(
    r"^(?:premise|fact|rule|given|assumption|constraint|statement)s?\s*\(?\d*\)?\s*[:.)：]\s*(?P<rest>.*)$", re.I
)
_PREMISES = re.compile(r"^(?:premise|fact|rule|given|assumption|constraint)s?\s*:?$", re.I)
_ASK = re.compile(
    r"^(?:(?:ask|asked)\s*(?::|：|=|\bis\b)|question\s*[:：](?=.*\b(?:true|false|follow|infer|conclu|impossible)))\s*"
    r"(?P<rest>.*)$",
    re.I,
)
_CONCLUSION = re.compile(
    r"^(?:(?:the\s+)?conclusion|conclude|hypothesis|claim|prove|to prove)\s*\(?\d*\)?\s*[:：]\s*(?P<rest>.*)$", re.I
)
_DOMAIN = re.compile(r"^(?:the\s+)?(?:domain|universe)\s*(?::|=|\bis\b)\s*(?P<rest>.*)$", re.I)
_DISTINCT = re.compile(r"^(?:(?:all\s+)?distinct|unique\s+names)\s*:?\s*(?P<rest>[({\[]?\s*\w+\s*,.*)$", re.I)
_VOCABULARY = re.compile(
    r"^(?:predicate|constant|relation|propert(?:y|ie)|entit(?:y|ie)|individual|variable)s?\s*:", re.I
)
_PREFIXES = {  # of a plan of true and false, and of others: those that count first
    True: (
        ("answer", _ANSWER),
        ("option", _OPTION),
        ("ask", _ASK),
        ("ask", _CONCLUSION),
        ("domain", _DOMAIN),
        ("distinct", _DISTINCT),
        ("premise", _PREMISE),
    ),
    False: (("answer", _ANSWER), ("option", _OPTION), ("ask", _ASK), ("weak", _WEAK)),
}
_RESTATED = re.compile(r"^(?:question|problem|explanation|note|reasoning)\s*:", re.I)
_LEAD = re.compile(
    r"^(?:let\s+us\s+define|let|define|set|given(?:\s+that)?|assume(?:\s+that)?|suppose(?:\s+that)?|where|with|then|so|also|"
    r"and|such\s+that|subject\s+to|we\s+have|we\s+know(?:\s+that)?)\s+(?=[^\W\d]|[\d(|\\$])(?!is\b|=)",
    re.I,
)
_LABEL = re.compile(
    r"^(?!(?:for|while|if|def|class|else|return)\b)[^\W\d][\w ]{0,40}(?:\s?\(?\d+\)?)?:\s+(?=.*[=<>≤≥≠])(?!.*:.*:)"
)
_SIGN = re.compile(r"[=<>≤≥≠≡]|\\(?:le|ge|ne|equiv|leq|geq|neq)\b")


def read_statements(text: str) -> list[Statement]:
    """The statements of a plan, in order. Raises PlanInvalid for a text that is too long to be one."""
    if len(text) > MAX_CHARS or text.count("\n") > MAX_LINES:
        raise PlanInvalid("the plan is too long")
    lines = _without_comments(_inside_fences(text))
    logical = _is_logical(lines)
    statements: list[Statement] = []
    premises = awaited = asks = False  # what the line before announces
    letters = _lettered(lines, logical)
    for at, line in lines:
        if logical and (asked := _ASK.match(line) or _CONCLUSION.match(line)) and not asked["rest"].strip():
            asks = True
            continue
        if asks and not _asks(line):
            line, asks = f"ask: {line}", False
        if _PREMISES.match(line) or (_HEADING.match(line) and not _ANSWER.match(line)):
            premises = logical and bool(_PREMISES.match(line))
            continue
        if (_VOCABULARY if logical else _RESTATED).match(line):
            continue
        if awaited and not _ANSWER.match(line):
            line, awaited = f"answer: {line}", False
        if (answer := _ANSWER.match(line)) and not answer["rest"].strip():
            awaited = True
            continue
        if at in letters and (option := _LETTERED.match(line)):
            statements.append(Statement("option", option["rest"], at, option["label"]))
            continue
        found = _statements(line, at, logical)
        if premises and found and found[0].kind == "line":
            found = [Statement("premise", found[0].text, at)]
        statements += found
        premises = premises and all(statement.kind == "premise" for statement in found)
    return statements


def _is_logical(lines: list[tuple[int, str]]) -> bool:
    """Whether a plan is one of true and false."""
    if any(_ASK.match(line) or (_PREMISE.match(line) and line[:1] in "pP") for _, line in lines):
        return True
    return any(_CONCLUSION.match(line) for _, line in lines) and not any(_ANSWER.match(line) for _, line in lines)


def _asks(line: str) -> bool:
    return bool(_ASK.match(line) or _CONCLUSION.match(line))


def is_prose(text: str) -> bool:
    """Whether a line that is no statement may be a remark around the plan: several words, hardly a sign."""
    if _SIGN.search(text):
        return bool(re.search(r"(?:[^\W\d_]{2,}[,']?\s+){3,}[^\W\d_]{2,}", text))
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= 2 or bool(re.fullmatch(r"[^\W\d_]+[:.!]", text))


def _inside_fences(text: str) -> list[tuple[int, str]]:
    """Numbered lines; of a text with a fenced plan, those inside the fences."""
    inside: list[tuple[int, str]] = []
    outside: list[tuple[int, str]] = []
    fenced = False
    for at, line in enumerate(text.split("\n"), 1):
        if _FENCE.match(line):
            fenced = not fenced
        else:
            (inside if fenced else outside).append((at, line.strip("\r")))
    asks = any(re.match(r"[\s*_-]*(?:(?:the |final )*answer|ask|conclusion)\b", line, re.I) for _, line in inside)
    return inside if asks else sorted(inside + outside)


def _without_comments(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    for at, raw in lines:
        line = _HASH.sub("", raw)
        slashes = line.find("//")
        if slashes >= 0 and (not line[:slashes].strip() or not _DIVIDED.match(line[slashes + 2 :])):
            line = _SLASHES.sub("", line)
        line = _BULLET.sub("", line, count=1).strip()
        if bold := _BOLD.match(line):
            line = (bold["inner"] or bold["inner2"]) + (bold["rest"] or bold["rest2"] or "")
        line = line.replace("**:", ":").replace("&=", "=").strip(" \t$`")
        if (aside := _ASIDE.search(line)) and _is_aside(aside[1], lines, at):
            line = line[: aside.start()]
        line = re.sub(r"[;.,\s]+$|\\\\$", "", line) if not re.search(r"\.\.\.$", line) else line
        if line and not _TAG.match(line) and line not in ("\\[", "\\]", "---", "***"):
            kept.append((at, line))
    return kept


def _is_aside(text: str, lines: list[tuple[int, str]], at: int) -> bool:
    """Whether words in brackets at the end of a line are a remark, such as "(in dollars)"."""
    words = re.findall(r"[A-Za-z']+", text)
    if "mod" in words or len(words[0]) < 2 or set(words) & {"and", "or", "not"}:
        return False
    others = " ".join(line for number, line in lines if number != at)
    return not any(re.search(rf"(?<!\w){word}(?!\w)", others) for word in words if len(word) > 2)


def _lettered(lines: list[tuple[int, str]], logical: bool) -> set[int]:
    """The lines "A: ...", "B) ...", that are options: from A on, two at least, where no line says "option"."""
    if any(_OPTION.match(line) for _, line in lines):
        return set()
    found = {at: match["label"] for at, line in lines if (match := _LETTERED.match(line))}
    in_order = "".join(found.values()) == string.ascii_uppercase[: len(found)]
    return set(found) if in_order and len(found) >= (1 if logical else 2) else set()


def _statements(line: str, at: int, logical: bool) -> list[Statement]:
    for kind, pattern in _PREFIXES[logical]:
        if match := pattern.match(line):
            said = match.groupdict()
            kind = "named" if said.get("sign") in ("=", ":=") else kind
            return [Statement(kind, said["rest"], at, said.get("label", "").upper())]
    if logical:
        return [Statement("line", line, at)]
    return [statement for piece in _split(line) for statement in _line(piece, at)]


def _assumed(text: str, line: int) -> list[Statement]:
    """The assumptions that a text states; none for any other text."""
    return [Statement("assume", text, line, assumption=assumption) for assumption in read_assumption(text) or ()]


def _line(line: str, at: int) -> list[Statement]:
    stated = re.match(r"^[^\W\d]\w*:\s+(?P<rest>.+)$", line)  # "Assumption: x is positive"
    if assumed := _assumed(line, at) or (_assumed(stated["rest"], at) if stated else []):
        return assumed
    while lead := _LEAD.match(line):
        line = line[lead.end() :]
        if assumed := _assumed(line, at):
            return assumed
    parts = _parts(line, ",")
    for i in range(len(parts) - 1, 0, -1):  # "n: positive integer, n < 5"
        if _SIGN.search(parts[i]) and (assumed := _assumed(",".join(parts[:i]), at)):
            return assumed + [part for rest in parts[i:] for part in _line(rest.strip(), at)]
    if label := _LABEL.match(line):
        return [part for piece in _split(line[label.end() :]) for part in _line(piece, at)]
    if match := re.match(r"^(?P<name>[^\W\d]\w*)\s*:\s+(?P<value>[^:=<>]*[\d+*/^(][^:=<>]*)$", line):
        line = f"{match['name']} = {match['value']}"
    return [Statement("line", line, at)]


def _split(line: str) -> list[str]:
    """Several statements on one line: between semicolons; between commas and "and" where every part is a relation."""
    pieces: list[str] = []
    for piece in _parts(line, ";"):
        parts = [part for comma in _parts(piece, ",") for part in re.split(r"\s+and\s+(?=[^()]*$)", comma)]
        related = len(parts) > 1 and all(_SIGN.search(part) for part in parts)
        pieces += parts if related else [piece]
    return [piece.strip() for piece in pieces if piece.strip()]


def _parts(text: str, separator: str) -> list[str]:
    parts, depth, start = [], 0, 0
    text = text if separator == ";" else plain(text) if re.search(r"\d,\d{3}", text) else text
    for i, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == separator and depth <= 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]
