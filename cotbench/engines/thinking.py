"""How models think: a table of families, and the marks that tell a thought from the answer in token ids.

`families.yaml` says what each field of a row means. A family is told by its chat template where that is known, else by
the model's name; a template of no family that takes a known switch, or writes known marks, is handled by those.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from cotbench.engines import ThinkingInfo
from cotbench.errors import UsageError
from cotbench.store.files import open_file
from cotbench.types import Message

# What chat templates call the switch that tells a hybrid model whether to think (Qwen's, GLM's and others';
# DeepSeek's and Granite's), and the variable that says how much. A server whose model is in no row is sent these.
SWITCHES = ("enable_thinking", "thinking")
EFFORT = "reasoning_effort"
BUDGET = "thinking_budget"
LEAST = "thinking_min"

_FILE = Path(__file__).with_name("families.yaml")
_REPLY = "add_generation_prompt"  # behind its last place a template writes the beginning of the reply
WAIT = "Wait"  # what stands in place of a close mark to have the model go on thinking (s1, arXiv 2501.19393)


class Told(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is told to think, or not to: by variables of its template, by words in a message, by fields."""

    variables: dict[str, Any] = {}
    words: str = ""
    place: Literal["system", "user"] = "system"
    fields: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not (self.variables or self.words or self.fields):
            raise ValueError("it says neither `variables` nor `words` nor `fields`")


class Known(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a family is told by its chat template."""

    takes: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    def fits(self, template: str, variables: Collection[str]) -> bool:
        end = template[max(0, template.rfind(_REPLY)) :]
        return (
            all(name in variables for name in self.takes)
            and all(text in template for text in self.holds)
            and all(text in end for text in self.ends)
            and not any(word in variables or (word in template and not word.isidentifier()) for word in self.lacks)
        )


class Family(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of `families.yaml`, which says what the fields mean."""

    family: str
    template: Known | None = None
    names: tuple[str, ...] = ()
    default: Literal["on", "off", ""] = ""
    off: Told | None = None
    on: Told | None = None
    effort: str = ""
    effort_field: bool = False
    efforts: tuple[str, ...] = ()
    budget: str = ""
    budget_fields: dict[str, Any] = {}
    open: str = "<think>"
    close: str = "</think>"
    ahead: str = ""
    lead: str = "\n"
    tail: str = "\n"
    behind: str = "\n\n"
    empty: str = ""
    answer: str = ""
    breaks: tuple[str, ...] = ()
    sampling: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not (self.template or self.names):
            raise ValueError("it says neither by its `template` nor by `names` how it is told")
        if bool(self.open) != bool(self.close):
            raise ValueError("a thought has both marks, `open` and `close`, or none")
        for pattern in self.names:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"`names`: {pattern!r} is no regular expression: {error}") from None

    @property
    def nothing(self) -> str:
        """An empty thought, marks and all."""
        return self.ahead + (self.empty or f"{self.open}\n\n{self.close}{self.behind}") if self.open else ""

    @property
    def can_be_closed(self) -> bool:
        """Whether an empty thought may be put before a reply that a server's chat endpoint goes on from. Where the
        answer has a mark of its own (harmony), the server's template writes that, and the thought can't stand before
        it."""
        return bool(self.open) and not self.answer

    @property
    def fingerprint(self) -> str:
        """What tells the row from others."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]

    @property
    def closing(self) -> str:
        """What ends a thought that is open."""
        return f"{self.tail}{self.close}{self.behind}"

    def opening(self, thought: str) -> str:
        """What stands before the text of a thought: the thought may begin with its own line break."""
        return self.ahead + self.open + ("" if thought[:1].isspace() else self.lead)

    def closed(self, thought: str) -> str:
        """What stands behind the text of a thought that is over."""
        return ("" if thought.endswith("\n") else self.tail) + self.close + self.behind


# Marks of thoughts in templates of no family.
_MARKS = (("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"),
          ("<thought>", "</thought>"))  # fmt: skip


def unnamed(template: str, variables: Collection[str]) -> Family | None:
    """What a template of no family shows of itself: the switch that it takes, and the marks that it writes."""
    switches = [name for name in SWITCHES if name in variables]
    marks = next((pair for pair in _MARKS if pair[1] in template), None)
    effort, budget = (name if name in variables else "" for name in (EFFORT, BUDGET))
    if not (switches or marks or effort or budget):
        return None
    told = {word: Told(variables=dict.fromkeys(switches, word == "on")) for word in ("off", "on") if switches}
    if budget and not told:
        told = {"off": Told(variables={budget: 0})}
    opened, closed = marks or ("", "")
    return Family(
        family="", template=Known(), effort=effort, budget=budget, open=opened, close=closed,
        off=told.get("off"), on=told.get("on"),
    )  # fmt: skip


@cache
def families(file: str | None = None) -> tuple[Family, ...]:
    """The rows of the table, those of a user's file first. Raises UsageError where a row can't be read."""
    own = _read(Path(file), f"--families: {file}") if file else ()
    return (*own, *_read(_FILE, _FILE.name))


def _read(path: Path, place: str) -> tuple[Family, ...]:
    import yaml

    remedy = "Write a YAML list of rows; each has a `family` and `template` or `names`."
    try:
        with open_file(path) as opened:
            rows = yaml.safe_load(opened.read().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{place}: can't be read: {reason}.", remedy) from None
    except yaml.YAMLError as error:
        raise UsageError(f"{place}: is no YAML: {' '.join(str(error).split())}.", remedy) from None
    if not isinstance(rows, list):
        raise UsageError(f"{place}: holds {type(rows).__name__}, expected a list of rows.", remedy)
    found = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict):  # YAML 1.1 reads a bare on and off as true and false
            row = {{True: "on", False: "off"}.get(key, key): value for key, value in row.items()}
            if isinstance(row.get("default"), bool):
                row["default"] = "on" if row["default"] else "off"
        name = row.get("family", "") if isinstance(row, dict) else ""
        try:
            found.append(msgspec.convert(row, Family))
        except msgspec.ValidationError as error:
            shown = f"row {number}" + (f" ({name})" if name else "")
            raise UsageError(f"{place}: {shown}: {error}.", remedy) from None
    return tuple(found)


def family_of_template(
    template: str, variables: Collection[str], model: str = "", file: str | None = None
) -> Family | None:
    """The family that a chat template is of: of several, the one whose names hold the model's, else the first, and
    users' rows before ours. Where it is of none: the row that the model's name is in, if that has no template or tells
    of no more than marks that this one writes too; else what the template shows of itself; None where it knows nothing
    of thoughts."""
    rows, ours = families(file), families()
    for some in (rows[: len(rows) - len(ours)], ours):
        fitting = [row for row in some if row.template is not None and row.template.fits(template, variables)]
        if fitting:
            return _named(model, fitting) or fitting[0]
    shown = unnamed(template, variables)
    bare = shown is not None and shown.off is None and shown.on is None
    alike = [row for row in rows if row.off is None and row.on is None and shown and row.close == shown.close]
    return _named(model, [row for row in rows if row.template is None or (bare and row in alike)]) or shown


def family_of_name(model: str, file: str | None = None) -> Family | None:
    """The row that a model's name is in; None where it is in none."""
    return _named(model, families(file))


def _named(model: str, rows: Sequence[Family]) -> Family | None:
    return next((row for row in rows if any(re.search(name, model, re.I) for name in row.names)), None)


def own_fingerprint(row: Family | None, file: str | None) -> str:
    """The fingerprint of a row that is one of the user's file, and none of ours; else ""."""
    return row.fingerprint if file and row is not None and row in families(file) and row not in families() else ""


def server_thinking(
    row: Family | None,
    file: str | None = None,
    *,
    refused: Collection[str] = (),
    closes: bool = False,
    limits: bool = False,
) -> ThinkingInfo:
    """How a server's model is known to think by its row, and what can be done about it.

    refused: the ways to tell it that the server refuses: "variables", "fields". closes: whether the server goes on from
    an empty thought. limits: whether it ends thoughts."""
    budget: Any = "engine" if limits else ""
    if row is None:
        # Whether a model thinks that is in no row isn't known, whatever its server takes.
        return ThinkingInfo(off="unknown", on="" if "variables" in refused else "unknown", budget=budget)
    off, on = (None if way is None or any(getattr(way, name) for name in refused) else way for way in (row.off, row.on))
    kept: Any = "switch" if off else "closed" if closes else "never" if row.default == "off" else ""
    made: Any = "switch" if on else "always" if row.default == "on" else ""
    return ThinkingInfo(
        family=row.family,
        own=own_fingerprint(row, file),
        default=row.default,
        off=kept,
        on=made,
        efforts=row.efforts,
        budget="switch" if row.budget or row.budget_fields else budget,
        sampling=row.sampling,
    )


def worded(messages: Sequence[Message], told: Told | None) -> tuple[Message, ...]:
    """The messages with the words that switch thinking at the end of the system message (a new one where there is
    none), or of the user's last turn."""
    if told is None or not told.words:
        return tuple(messages)
    if told.place == "system":
        if messages and messages[0].role == "system":
            return (Message(role="system", text=f"{messages[0].text}\n\n{told.words}"), *messages[1:])
        return (Message(role="system", text=told.words), *messages)
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=None)
    return tuple(
        Message(role="user", text=f"{message.text} {told.words}") if place == last else message
        for place, message in enumerate(messages)
    )


def told_of(row: Family | None, thinking: bool | None) -> Told | None:
    """How a family is told what a request says of thinking; None where there is nothing to say."""
    return None if row is None or thinking is None else row.on if thinking else row.off


def server_fields(
    row: Family, thinking: bool | None, effort: str | None = None, budget: int | None = None
) -> dict[str, Any]:
    """What a server is sent to have a family's model think or not: fields of a request's body.

    An effort says how much, so it goes before the switch of the same name; where a model can't be told not to think it
    can still be told to think least. A budget is sent where the family has a
    field or a variable of its own for it; a server's own limit (vLLM's `thinking_token_budget`) is the engine's to
    send. Words in messages are not fields: `worded(messages, told_of(row, thinking))` writes them.
    """
    told = told_of(row, thinking)
    body: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    if told is not None:
        body.update(told.fields)
        fields = {name: value for name, value in told.variables.items() if row.effort_field and name == row.effort}
        body.update(fields)
        variables.update({name: value for name, value in told.variables.items() if name not in fields})
    if effort is not None and (thinking is not False or row.off is None):
        (body if row.effort_field or not row.effort else variables)[row.effort or EFFORT] = effort
    if budget is not None and thinking is not False:
        if row.budget_fields:
            body.update(_filled(row.budget_fields, budget))
        elif row.budget:
            variables[row.budget] = budget
    return body | ({"chat_template_kwargs": variables} if variables else {})


def _filled(fields: Any, number: int) -> Any:
    """Fields of a request in which N is the number."""
    if isinstance(fields, Mapping):
        return {name: _filled(value, number) for name, value in fields.items()}
    return number if fields == "N" else fields


class Split(NamedTuple):
    """The tokens of a thought and those of the answer, without marks. closed: whether the thought is over (True where
    there is none)."""

    thought: list[int]
    answer: list[int]
    closed: bool


class Marks:
    """The marks of a family's thoughts, as a tokenizer writes them."""

    def __init__(self, family: Family, tokenizer: Any) -> None:
        self.family = family
        self._tokenizer = tokenizer
        self.open_ids = self.ids(family.open)
        self.close_ids = self.ids(family.close)
        self.closing_ids = self.ids(family.closing)
        self.waiting_ids = self.ids(WAIT)
        self._answer_ids = self.ids(family.answer)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text as they stand within another."""
        return tokens_within(self._tokenizer, text)

    def closing_after(self, thought: Sequence[int]) -> list[int]:
        """The tokens that end a thought which is open."""
        return self.ids(self.family.closed(self._text(thought)))

    @cached_property
    def _added(self) -> frozenset[int]:
        """Tokens that are in the vocabulary as a whole, and never made of pieces."""
        return frozenset(getattr(self._tokenizer, "added_tokens_decoder", {}))

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def split(self, ids: Sequence[int], open: bool) -> Split:  # noqa: A002 - as `Encoded.open` and `Begun.open`
        """Where the thought is in what a model wrote. open: the prompt ends within a thought.

        A close mark without an open one ends a thought too: what stands before it is no answer. A thought that is
        opened again behind the answer's beginning is a part of the thought."""
        row, rest, thought, answer = self.family, list(ids), list[int](), list[int]()
        inside = open
        opened = self._find(rest, self.open_ids, row.open)
        if not inside and row.answer and (found := self._find(rest, self._answer_ids, row.answer)):
            before, after = found
            if opened is None and not self._text(before).strip():
                return Split([], after, True)
        if not inside and (closed := self._find(rest, self.close_ids, row.close)):
            inside = opened is None or len(closed[0]) < len(opened[0])
        while True:
            if not inside:
                found = self._find(rest, self.open_ids, row.open)
                if found is None:
                    return Split(thought, answer + rest, True)
                answer, rest = answer + found[0], found[1]
            found = self._find(rest, self.close_ids, row.close)
            if found is None:
                return Split(thought + rest, answer, False)
            thought, rest, inside = thought + found[0], found[1], False

    def _find(self, ids: list[int], mark: list[int], text: str) -> tuple[list[int], list[int]] | None:
        """What stands before and behind the first place of a mark; None where it isn't there.

        Where the mark is merged with its neighbours the tokens at its ends are made anew from their text."""
        if not mark or not ids:
            return None
        if set(mark) & self._added:
            width = len(mark)
            for place in range(len(ids) - width + 1):
                if ids[place] == mark[0] and ids[place : place + width] == mark:
                    return ids[:place], ids[place + width :]
            if len(mark) == 1:
                return None
        whole = self._text(ids)
        begin = whole.find(text)
        if begin < 0:
            return None
        end = begin + len(text)
        # The token that ends the mark is the first up to which the text is long enough; that which begins it is the
        # first up to which the text is longer than what stands before.
        ending = bisect_left(range(len(ids) + 1), end, key=lambda n: len(self._text(ids[:n])))
        beginning = bisect_left(range(len(ids) + 1), begin + 1, key=lambda n: len(self._text(ids[:n]))) - 1
        before, after = ids[: max(0, beginning)], ids[ending:]
        if missing := whole[len(self._text(before)) : begin]:
            before = before + self.ids(missing)
        upto = len(self._text(ids[:ending]))
        if more := whole[end:upto]:
            after = self.ids(more) + after
        return before, after


def tokens_within(tokenizer: Any, text: str, before: str = "") -> list[int]:
    """The tokens of a text that stands behind another, without the space that some tokenizers put at the beginning.

    before: the text that it stands behind; where its last characters would merge with the text, others are tried."""
    if not text:
        return []
    for guard in (before, before[-1:], "\n", "a", ">", "."):
        if guard:
            alone, both = _plain(tokenizer, guard), _plain(tokenizer, guard + text)
            if both[: len(alone)] == alone:
                return both[len(alone) :]
    return _plain(tokenizer, text)


def _plain(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False).input_ids)
