"""ProofWriter's sentences as plans: they are made from a few templates, which are read back here.

"The bear visits the lion.", "Bob is not nice.", "If something chases the bear and it is big then it is round.", "All
rough, blue things are nice.", "Young people are kind."
"""

from __future__ import annotations

import re

_SUBJECT = r"(?P<subject>[Tt]he (?:bald eagle|[a-z]+)|[A-Z][a-z]+|something|someone|it|they)"
_OBJECT = r"(?P<object>the (?:bald eagle|[a-z]+)|[A-Z][a-z]+|something|someone|it|them)"
_IS = re.compile(rf"{_SUBJECT} (?:is|are)(?P<not> not)? (?P<adjective>[a-z]+)")
_DOES = re.compile(rf"{_SUBJECT} (?:(?P<not>does not|do not) )?(?P<verb>[a-z]+) {_OBJECT}")
_ANY = frozenset(("something", "someone", "it", "they", "them"))
_THINGS = re.compile(r"(?:All )?(?P<of>[A-Za-z]+(?:, [a-z]+)*) (?:things|people) are(?P<not> not)? (?P<is>[a-z]+)")


def clause(text: str, described: str = "") -> tuple[str, bool]:
    """A clause as a formula, and whether it is of any thing. described: an earlier subject, for "is big and round"."""
    if match := _IS.fullmatch(text):
        formula, names = f"{match['adjective'].capitalize()}({name(match['subject'])})", [match["subject"]]
    elif match := _DOES.fullmatch(text):
        names = [match["subject"], match["object"]]
        formula = f"{singular(match['verb']).capitalize()}({', '.join(map(name, names))})"
    elif described:
        return clause(f"{described} is {text}")
    else:
        raise ValueError(text)
    return (f"not {formula}" if match["not"] else formula), any(one in _ANY for one in names)


def name(text: str) -> str:
    return "x" if text in _ANY else re.sub(r"^the ", "", text.lower()).replace(" ", "_")


def singular(verb: str) -> str:
    """A verb without the "s" of the third person."""
    return verb.removesuffix("s")


def sentence(text: str) -> str:
    """A sentence as a formula."""
    text = text.strip().rstrip(".")
    if match := _THINGS.fullmatch(text):
        of = " and ".join(f"{one.strip().capitalize()}(x)" for one in match["of"].split(","))
        return f"all x: {of} -> {'not ' if match['not'] else ''}{match['is'].capitalize()}(x)"
    if not text.startswith("If "):
        return clause(text)[0]
    conditions, then = text.removeprefix("If ").split(" then ")
    parts, open_, described = [], False, ""
    for part in conditions.split(" and "):
        formula, of_any = clause(part, described)
        parts.append(formula)
        open_ |= of_any
        if match := re.match(_SUBJECT, part):
            described = match["subject"] if " is " in part or " are " in part else described
    formula, of_any = clause(then)
    whole = f"{' and '.join(parts)} -> {formula}"
    return f"all x: {whole}" if open_ or of_any else whole


def formulas_of(context: str) -> list[str]:
    return [sentence(one) for one in re.split(r"(?<=\.)\s+", context) if one.strip()]


def plan_of(context: str, statement: str) -> str:
    return "\n".join([*(f"premise: {formula}" for formula in formulas_of(context)), f"ask: {sentence(statement)}"])
