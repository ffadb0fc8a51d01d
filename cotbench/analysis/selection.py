"""Which questions of some runs to look at, and all that is on record about one. Nothing is printed here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.recall import shown_with
from cotbench.analysis.theirs import beside, readings_of, verdict_of
from cotbench.analysis.trees import Place, Tree, TreeNode, decided_by, parents_of, tree_of
from cotbench.errors import UsageError, suggest
from cotbench.modes import BASELINE, main_of
from cotbench.modes.arms import the_one
from cotbench.questions.patterns import Pattern
from cotbench.questions.tagging import Rule, Tag
from cotbench.store.journal import StoredReply
from cotbench.store.passages import ShownPassages
from cotbench.store.records import Record
from cotbench.store.theirs import TheirsRow
from cotbench.types import UNDECIDED, Completion, Key, Outcome, Question

Flips = Literal["helped", "hurt"]


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A question under a mode, and under the baseline where there is one.

    before, after: its records under the baseline and the mode, None where there is none. theirs: where it was chosen by
    how the log's tool judges it otherwise, its verdict in words, and what it read."""

    panel: Panel
    question: Question
    gold: str
    mode: str
    baseline: str
    before: Record | None
    after: Record | None
    theirs: str = ""


def choose(
    panels: Sequence[Panel],
    *,
    mode: str | None = None,
    baseline: str = BASELINE,
    flips: Flips | None = None,
    task: str | None = None,
    rule: Rule | None = None,
    symbolic: bool | None = None,
    outcome: str | None = None,
    disagree: bool = False,
    reading: str | None = None,
    pattern: Pattern | None = None,
) -> list[Pick]:
    """Choose questions, in the order of their ids. mode: by default cot, or else what there is beside the baseline.

    flips: those that only the mode (helped) or only the baseline (hurt) got right. outcome: under the mode. disagree:
    those on which the tool that wrote the mode's log and we differ, under every arm where no mode is named; reading: by
    which of its readings, where not by its own verdict. pattern: is found in the question, its options or the mode's
    output. Raises UsageError where the runs have nothing of the kind that is asked about."""
    if task is not None:
        panels = _of(panels, "--task", task, lambda panel: [panel.task])
    if mode is not None:
        mode = _arm("--mode", mode, panels)
        panels = _of(panels, "--mode", mode, lambda panel: panel.cells)
    baseline = _arm("--baseline", baseline, panels)
    if flips is not None:
        panels = _of(panels, "--baseline", baseline, lambda panel: panel.cells)
        if not any(_mode_of(panel, mode, baseline) != baseline for panel in panels):
            raise UsageError(
                f"--flips: there is no mode beside {baseline} to compare with it.",
                "Name a run with two modes, or two runs.",
            )
    picks: list[Pick] = []
    silent = True
    asked: dict[str, Any]
    every = disagree and mode is None and flips is None  # a disagreement is of one arm: nothing stands before it
    looked_at = [
        (panel, name) for panel in panels for name in (panel.cells if every else [_mode_of(panel, mode, baseline)])
    ]
    judged = _judged_otherwise(looked_at, reading) if disagree else {}
    for panel, name in looked_at:
        tags = panel.tags(rule) if rule is not None and symbolic is not None else None
        silent = silent and tags is None
        if (symbolic is not None and tags is None) or (flips is not None and name == baseline):
            continue
        nothing: Sequence[None] = [None] * len(panel.questions)
        has_before = baseline in panel.cells and baseline != name and not every
        before = panel.cells[baseline].rows if has_before else nothing
        columns = zip(panel.questions, panel.golds, before, panel.cells[name].rows, strict=True)
        for place, (question, gold, old, new) in enumerate(columns):
            theirs = judged[id(panel), name].get(question.id, "") if disagree else ""
            asked = {"panel": panel, "question": question, "gold": gold, "mode": name, "baseline": baseline}
            pick = Pick(**asked, before=old, after=new, theirs=theirs)
            if (
                pick.after is not None
                and (tags is None or tags[place] == symbolic)
                and (flips is None or _flipped(pick) == flips)
                and (outcome is None or pick.after.outcome == outcome)
                and (not disagree or theirs)
                and (pattern is None or _matches(pattern, pick))
            ):
                picks.append(pick)
    if symbolic is not None and silent:
        named = rule.name if rule is not None else "none"
        raise UsageError(f"--tag: the rule {named} says nothing of these questions.", "Choose another --tag-rule.")
    return picks


def _judged_otherwise(
    looked_at: Sequence[tuple[Panel, str]], reading: str | None
) -> dict[tuple[int, str], dict[str, str]]:
    """The questions of each panel (by its identity) and arm on which the tool that wrote the arm's log and we differ,
    with its verdict on the first such output.

    Raises UsageError where no log says what its tool made of the outputs, or none has the reading."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    there: dict[str, None] = {}
    for panel, name in looked_at:
        cell = panel.cells[name]
        names = readings_of(panel, cell)
        there.update(dict.fromkeys(names))
        chosen = next((one for one in names if reading in (None, one)), None)
        rows = beside(panel, cell, chosen).rows if chosen is not None else ()
        own = found.setdefault((id(panel), name), {})
        for row in rows:
            if row.disagrees:
                read = f": {row.their_answer}" if row.their_answer is not None else ""
                own.setdefault(panel.questions[row.place].id, f"{row.theirs}{read}")
    if not there:
        raise UsageError(
            "--disagree: there are no verdicts of another tool here to differ from.",
            "Name a run that `cotbench import` made of logs with verdicts.",
        )
    if reading is not None and reading not in there:
        known = f"They have: {', '.join(there)}."
        raise UsageError(f"--reading: these logs have no reading '{reading}'. {known}", suggest(reading, list(there)))
    return found


def _arm(option: str, wanted: str, panels: Sequence[Panel]) -> str:
    """The arm that is meant by a mode or arm; what was given where there is none. Raises UsageError."""
    cells = {name: cell for panel in panels for name, cell in panel.cells.items()}
    return the_one(wanted, list(cells), option, lambda name: cells[name].facts) or wanted


def _of(panels: Sequence[Panel], option: str, wanted: str, names: Any) -> list[Panel]:
    """The panels that have what an option names."""
    kept = [panel for panel in panels if wanted in names(panel)]
    if not kept:
        there = list(dict.fromkeys(name for panel in panels for name in names(panel)))
        have = ", ".join(there)
        raise UsageError(f"{option}: these runs have no '{wanted}'. They have: {have}.", suggest(wanted, there))
    return kept


def _mode_of(panel: Panel, mode: str | None, baseline: str) -> str:
    return mode or main_of(name for name in panel.cells if name != baseline) or baseline


def _flipped(pick: Pick) -> Flips | None:
    outcomes = [record.outcome for record in (pick.before, pick.after) if record is not None]
    right = [outcome == Outcome.CORRECT for outcome in outcomes]
    if not UNDECIDED.isdisjoint(outcomes) or sum(right) != 1 or len(right) < 2:
        return None
    return "helped" if right[1] else "hurt"


def _matches(pattern: Pattern, pick: Pick) -> bool:
    if any(pattern.found_in(part) for part in (pick.question.text, *pick.question.choices)):
        return True
    cell = pick.panel.cells[pick.mode]
    replies = cell.run.journal.replies(pick.after.keys) if pick.after is not None else []
    return any(pattern.found_in(path.text) for reply in replies for path in reply.completions)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request, and the journal's line with what was sent and what came back; None where that is lost.

    after: the replies and paths that it builds on, as far as the journal says it: of each the place of its exchange
    among the record's, and of the path."""

    key: Key
    reply: StoredReply | None
    after: Sequence[Place] = ()

    @property
    def completions(self) -> Sequence[Completion]:
        """What came back."""
        return self.reply.completions if self.reply is not None else ()


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A question under one mode.

    deciding: the exchange and the path whose text holds the record's span, None where no path decided. shown: the
    passages that stood before the question, None where none did or the run doesn't say. tree: what was written on the
    way, of modes that tell it. theirs: of an imported log, what its tool made of the outputs; reading: which of its
    readings is its verdict where none is named. not_recorded: what the log doesn't hold, as `ImportedArm` has it."""

    run: str
    mode: str
    record: Record
    exchanges: Sequence[Exchange]
    deciding: tuple[int, int] | None
    shown: ShownPassages | None = None
    tree: Tree | None = None
    theirs: TheirsRow | None = None
    reading: str = ""
    not_recorded: Sequence[str] = ()

    @property
    def text(self) -> str | None:
        """The output of the path that decided."""
        if self.deciding is None:
            return None
        exchange, path = self.deciding
        return self.exchanges[exchange].completions[path].text

    @property
    def span(self) -> tuple[int, int] | None:
        """Where in `text` the answer, program or plan was found."""
        text, span = self.text, self.record.span
        if text is None or not span or not 0 <= span[0] <= span[1] <= len(text):
            return None
        return int(span[0]), int(span[1])


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """All that is on record about a question, for one model. tags: by rule, None where one has nothing to say."""

    model: str
    question: Question
    gold: str
    tags: Mapping[str, Tag]
    modes: Sequence[Answered]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it: a line of `cotbench show --json`.

        Of each mode stand the record's entries; `deciding`, the exchange and the path in which the answer was read, and
        `found`, what it was read from; `nodes`, of modes that tell what was written on the way: those of the record,
        and of each `depth`, `answer` and `outcome` of a candidate, and whether it was `chosen`; and `exchanges`, what
        was sent and came back, `to` the second model where that was asked, `after` which exchanges and paths. Of an
        imported log, `theirs`: what its tool made of the outputs, the `reading` that is its verdict where none is
        named, and `not_recorded`, what the log doesn't hold. Places count from 0."""
        return {
            **{name: getattr(self.question, name) for name in ("id", "task", "group", "cluster")},
            "model": self.model,
            "question": self.question.text,
            "choices": list(self.question.choices),
            "gold": self.gold,
            "tags": dict(self.tags),
            "modes": list(map(_answered_row, self.modes)),
        }


def _answered_row(answered: Answered) -> dict[str, Any]:
    text, span = answered.text, answered.span
    record = msgspec.to_builtins(answered.record)
    return {
        "run": answered.run,
        **{name: value for name, value in record.items() if name not in ("question", "task", "requests", "gold")},
        "found": text[slice(*span)] if text is not None and span else None,
        "deciding": answered.deciding,
        **({"passages": msgspec.to_builtins(answered.shown)} if answered.shown is not None else {}),
        **({"nodes": list(map(_node_row, answered.tree.nodes))} if answered.tree is not None else {}),
        **({"theirs": _theirs_row(answered, answered.theirs)} if answered.theirs is not None else {}),
        **({"not_recorded": list(answered.not_recorded)} if answered.not_recorded else {}),
        "exchanges": list(map(_exchange_row, answered.exchanges)),
    }


def _theirs_row(answered: Answered, theirs: TheirsRow) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(theirs)
    return {"reading": answered.reading, "place": row["place"], "readings": row["readings"]}


def _node_row(node: TreeNode) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(node.row)
    return {**row, **{name: getattr(node, name) for name in ("depth", "answer", "outcome", "chosen")}}


_LOST: Mapping[str, Any] = {"template": "", "sampling": {}, "thinking": None, "seed": None, "messages": None}


def _exchange_row(exchange: Exchange) -> dict[str, Any]:
    key, reply = exchange.key, exchange.reply
    sent = {} if reply is None else msgspec.structs.asdict(reply)
    names = ("template", "sampling", "thinking", "seed", "messages" if sent.get("prompt") is None else "prompt")
    return {
        "request": key.request,
        **({"replicate": key.replicate} if key.replicate else {}),
        "ordinal": key.ordinal,
        **({"to": sent["to"]} if sent.get("to") else {}),
        **({"after": exchange.after} if exchange.after else {}),
        **{name: msgspec.to_builtins((sent or _LOST)[name]) for name in names},
        "completions": msgspec.to_builtins(exchange.completions),
    }


def find_question(panels: Iterable[Panel], name: str) -> str:
    """The id that is meant: an id, or the beginning of one only. Raises UsageError."""
    ids = list(dict.fromkeys(question.id for panel in panels for question in panel.questions))
    if name in ids:
        return name
    close = [identity for identity in ids if name and identity.startswith(name)]
    if len(close) == 1:
        return close[0]
    if close:
        more = f" and {len(close) - 5:,} more" if len(close) > 5 else ""
        raise UsageError(f"'{name}' may be any of {', '.join(close[:5])}{more}.", "Give more of the question's id.")
    alike = difflib.get_close_matches(name, ids, n=3)
    raise UsageError(
        f"there is no question '{name}' among the {len(ids):,} on record here.",
        f"Did you mean {' or '.join(alike)}?" if alike else "`cotbench show` without a question lists them.",
    )


def dossiers(panels: Iterable[Panel], identity: str, rules: Sequence[Rule], modes: Sequence[str] = ()) -> list[Dossier]:
    """Make a dossier for each panel that has the question. modes: only these, if any are named."""
    return [_dossier(panel, panel.places[identity], rules, modes) for panel in panels if identity in panel.places]


def _dossier(panel: Panel, place: int, rules: Sequence[Rule], modes: Sequence[str]) -> Dossier:
    # The rules look at whole panels; here one question is all there is to look at.
    alone = replace(panel.part([place]))  # with no tags of the whole
    tags = {rule.name: alone.tags(rule) for rule in rules}
    return Dossier(
        model=panel.model,
        question=alone.questions[0],
        gold=alone.golds[0],
        tags={name: None if tag is None or tag[0] < 0 else bool(tag[0]) for name, tag in tags.items()},
        modes=[
            _answered(cell, row)
            for name, cell in {**alone.cells, **alone.measuring}.items()
            for row in cell.rows
            if row is not None and (not modes or name in modes)
        ],
    )


def _answered(cell: Cell, record: Record) -> Answered:
    replies = [cell.run.journal.reply(key) for key in record.keys]
    found = parents_of(record.keys, replies)
    exchanges = [
        Exchange(key=key, reply=reply, after=after)
        for key, reply, after in zip(record.keys, replies, found, strict=True)
    ]
    decided = _deciding(record, exchanges)
    theirs = cell.run.theirs.get((record.question, cell.mode))
    reading = verdict_of(cell, list(theirs.readings)) if theirs is not None else ""
    return Answered(
        run=cell.run.folder.name,
        mode=cell.mode,
        record=record,
        exchanges=exchanges,
        deciding=decided,
        shown=shown_with(cell, record.question),
        tree=tree_of(record, decided),
        theirs=theirs,
        reading=reading,
        not_recorded=cell.imported.not_recorded if cell.imported is not None else (),
    )


def _deciding(record: Record, exchanges: Sequence[Exchange]) -> Place | None:
    """The exchange and path that decided; None where they aren't on record."""
    decided = decided_by(record)
    if decided is None or not all(exchange.completions for exchange in exchanges):
        return None
    number, path = decided
    return decided if number < len(exchanges) and path < len(exchanges[number].completions) else None
