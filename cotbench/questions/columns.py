"""Which column of a user's file holds what: by what columns are usually called, or as `--columns` says.

A name that says it outright (`question`, `answer`, `choices`) goes before one that may say it (`prompt`, `target`). Of
two that say it alike, neither is taken: that is an error, which lists both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotbench.errors import TaskError, UsageError, suggest

Row = Mapping[str, Any]

# What may be said of a column, and the names by which it is known: those of a tier before those of the next one.
NAMES: Mapping[str, tuple[str, ...]] = {
    "question": (
        "question",
        "query problem q stem question_text question_stem",
        "prompt input instruction text ctx goal sentence task",
    ),
    "answer": (
        "answer",
        "gold target label answer_key answers correct_answer correct correct_option correct_choice ground_truth "
        "final_answer gold_answer expected expected_answer answer_index answer_idx answer_id gold_index correct_index "
        "label_idx cop",
        "solution output response completion ideal reference",
    ),
    "choices": ("choices", "options endings candidates alternatives answer_choices opts"),
    "group": ("group", "subject category topic domain"),
    "cluster": ("cluster", "cluster_id passage_id context_id story_id"),
    "passage": ("passage", "context article background paragraph story"),
    "kind": ("kind", "answer_type answer_kind"),
    "rationale": ("rationale", "explanation reasoning chain_of_thought cot", "solution"),
    "program": ("program",),
    "equations": ("equations",),
    "id": ("id", "idx question_id qid uid"),
}
INDEX = "index"  # how options are counted that answers name by a number
ROLES = (*NAMES, INDEX)
NOT = "none"  # of a role that no column has
_NEEDED = ("question", "answer")
OF_EXEMPLARS = ("rationale", "program", "equations")  # which exemplars have on top
OF_QUESTIONS = ("group", "cluster", "id")  # which exemplars needn't have
_TAKEN_IF_CLEAR = ("group", "cluster", "rationale", "program", "equations", "id", "kind")  # of several, none is taken

# Columns for each option: what stands before the letter or the number of the option.
_FAMILY = re.compile(r"(|option|opt|op|choice|ending|answer|ans|sol|candidate|alternative)_?([a-z]|\d{1,2})")
_WRONG = re.compile(r"(?:incorrect|wrong|distractor)(?:_?(?:answer|option|choice))?_?(\d{1,2}|[a-z])")


@dataclass(frozen=True)
class Hints:
    """What a user says of a file of questions of their own: `--columns` and `--kind`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None

    def without(self, *roles: str) -> Hints:
        """The same without what is said of some roles."""
        return Hints({role: column for role, column in self.columns.items() if role not in roles}, self.kind)

    @property
    def identity(self) -> str:
        """What was said, in a form that can be hashed; "" where nothing was."""
        said = [f"{role}={column}" for role, column in sorted(self.columns.items())]
        return "\n".join([*said, *([f"kind={self.kind}"] if self.kind else [])])


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where things stand in a file. taken: the columns of each role, of a question several; the options of `choices`
    may have one each.

    found: roles whose columns are called otherwise than the role, and weren't named by the user. open: roles that one
    of several columns may have, none of which was taken. shuffled: the first column of options always is the right
    one. unused: columns that have no role."""

    taken: Mapping[str, tuple[str, ...]]
    found: tuple[str, ...]
    open: Mapping[str, tuple[str, ...]]
    shuffled: bool
    unused: tuple[str, ...]

    def one(self, role: str) -> str | None:
        """The one column of a role; None where there is none."""
        columns = self.taken.get(role, ())
        return columns[0] if columns else None


def squeezed(name: str) -> str:
    """A column's name as it is compared: "answerKey", "Answer Key" and "answer-key" are "answer_key"."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", parted).strip("_").lower()


def columns_of(rows: Sequence[Row], hints: Hints, place: str) -> Columns:
    """Find what each column of some rows holds. place: the file, as messages name it. Raises TaskError, UsageError."""
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    taken, found, left_open = _said(names, hints, place), [], {}
    free = [name for name in names if not any(name in columns for columns in taken.values())]
    shuffled = False
    if "choices" not in hints.columns and not _by_name("choices", free):
        family, shuffled = _families(free, place, hints)
        if family:
            taken["choices"] = tuple(family)
            found.append("choices")
            free = [name for name in free if name not in family]
            if shuffled and "answer" not in hints.columns:
                taken["answer"] = (family[0],)
                found.append("answer")
    for role in NAMES:
        if role in hints.columns or role in taken:
            continue
        among = _by_name(role, free)
        if len(among) > 1 and role in _TAKEN_IF_CLEAR:
            left_open[role] = tuple(among)
        elif len(among) > 1:
            raise _unclear(role, among, names, place)
        elif among:
            taken[role] = (among[0],)
            free.remove(among[0])
            if among[0] != role:
                found.append(role)
    return Columns(taken=taken, found=tuple(found), open=left_open, shuffled=shuffled, unused=tuple(free))


def lacks(role: str, names: Iterable[str], place: str) -> TaskError:
    """The error of a file in which no column is called as a role is."""
    have = ", ".join(names)
    found = f"{place}: the key '{role}' is missing, and no column is called as such ones usually are (it has: {have})"
    return TaskError(f"{found}.", f"Say which it is: --columns {role}=COLUMN, or rename it.")


def _said(names: Sequence[str], hints: Hints, place: str) -> dict[str, tuple[str, ...]]:
    """The columns that the user names. Raises UsageError for one that isn't there."""
    taken: dict[str, tuple[str, ...]] = {}
    for role, said in hints.columns.items():
        if role == INDEX or (said == NOT and NOT not in names and role not in _NEEDED):
            continue
        columns = (said,) if said in names else tuple(part.strip() for part in said.split("+"))
        if len(columns) > 1 and role not in ("question", "answer", "choices"):
            raise UsageError(f"--columns: {role} is one column, found {said}.", f"As in --columns {role}={columns[0]}.")
        for column in columns:
            if column not in names and column.split(".")[0] not in names:
                have = f"It has: {', '.join(names)}."
                raise UsageError(f"--columns: {place} has no column '{column}'.", suggest(column, names, always=have))
        taken[role] = columns
    return taken


def _by_name(role: str, names: Sequence[str]) -> list[str]:
    """The columns that a role may be, of the first tier that has any."""
    for tier in NAMES[role]:
        known = tier.split()
        exact = [name for name in names if name in known]
        if among := exact or [name for name in names if squeezed(name) in known]:
            return among
    return []


def _families(names: Sequence[str], place: str, hints: Hints) -> tuple[list[str], bool]:
    """Columns that hold an option each, in their order; and whether the first of them is the right one.

    Raises TaskError where there are several such families."""
    families: dict[tuple[str, bool], dict[str, str]] = {}
    for name in names:
        match = _FAMILY.fullmatch(squeezed(name))
        if match and (match[1] or match[2].isalpha()):
            families.setdefault((match[1], match[2].isdigit()), {})[match[2]] = name
    whole = [list(members.values()) for key, members in families.items() if _follow(members, numbers=key[1])]
    if len(whole) > 1:
        raise _unclear("choices", ["+".join(family) for family in whole], names, place)
    if whole:
        order = families[next(key for key, members in families.items() if list(members.values()) == whole[0])]
        return [order[at] for at in sorted(order, key=lambda at: (len(at), at))], False
    wrong = {match[1]: name for name in names if (match := _WRONG.fullmatch(squeezed(name)))}
    answers = [hints.columns["answer"]] if "answer" in hints.columns else _by_name("answer", names)
    if wrong and len(answers) == 1:
        return [answers[0], *(wrong[at] for at in sorted(wrong, key=lambda at: (len(at), at)))], True
    return [], False


def _follow(members: Mapping[str, str], *, numbers: bool) -> bool:
    """Whether the letters or numbers of some columns follow each other, from the first one on."""
    if numbers:
        places = sorted(map(int, members))
        return len(places) > 1 and places[0] in (0, 1) and places == list(range(places[0], places[0] + len(places)))
    return len(members) > 1 and "".join(sorted(members)) == "abcdefghijklmnopqrstuvwxyz"[: len(members)]


def _unclear(role: str, among: Sequence[str], names: Iterable[str], place: str) -> TaskError:
    """The error of several columns that may have a role."""
    found = f"{place}: {' and '.join(among)} may each hold the {role} (its columns: {', '.join(names)})"
    return TaskError(f"{found}.", f"Say which: --columns {role}={among[0]}.")
