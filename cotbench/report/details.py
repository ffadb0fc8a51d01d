"""What the question browser shows of an opened question: prompts, outputs, votes and executions.

The rows of a chunk of questions name strings by their numbers in a table, since prompts of one task differ in the
question only. A text is a number, or a list of numbers, of QUESTION for the question's own text, and of lists with how
many characters are left out. Where outputs have formulas, and which, stands beside the strings (`formulas.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs, to_builtins

from cotbench.analysis.pairing import Panel, Run
from cotbench.analysis.recall import shown_with
from cotbench.analysis.theirs import said_of, verdict_of
from cotbench.analysis.trees import TreeNode, ballots_by_path, decided_by, tree_of
from cotbench.report.formulas import Allowance, Formulas
from cotbench.report.words import figures_of
from cotbench.store.journal import StoredReply
from cotbench.store.passages import ShownPassages
from cotbench.store.records import Record
from cotbench.store.theirs import TheirsRow
from cotbench.types import Completion, Key

TEXT_CHARS = 20_000  # of one text; of longer ones the middle is left out
ANSWER_CHARS = 1_000
QUESTION = -1


def details_of(
    panel: Panel, number: int, places: Sequence[int], *, thin: bool, allowance: Allowance | None = None
) -> dict[str, Any]:
    """Collect the details of some questions of a panel, in their order there.

    number: the panel's. thin: of votes keep only paths that differ in their answers. allowance: how much LaTeX in
    outputs may become mathematics; none where none is given.
    """
    allowance = allowance or Allowance(0)
    strings = _Strings(formulas=Formulas(allowance=allowance))
    rows = []
    for place in sorted(places):
        allowance.next_question()
        rows.append(_row(panel, number, place, strings, thin))
    found = {"formulas": strings.formulas.trees, "maths": strings.maths} if strings.maths else {}
    return {"strings": list(strings.numbers), "rows": rows, **found}


def shortened(text: str, most: int = TEXT_CHARS) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"


@dataclass(frozen=True, kw_only=True)
class _Strings:
    """The strings of a chunk, each once.

    frames: by kind of prompt, what its texts begin and end with, and the numbers of both. prompts, samplings: what was
    made of them before, since most come again. formulas, maths: of outputs, by a string's number (as a text, for JSON).
    """

    numbers: dict[str, int] = field(default_factory=dict)
    frames: dict[object, tuple[str, str, list[int], list[int]]] = field(default_factory=dict)
    prompts: dict[str, Any] = field(default_factory=dict)
    samplings: dict[object, int] = field(default_factory=dict)
    formulas: Formulas = field(default_factory=Formulas)
    maths: dict[str, list[int]] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def text(self, text: str, spans: Sequence[tuple[int, int]] = ()) -> Any:
        """Number a text; a long one is a list of numbers and, in lists, of how many characters are left out."""
        if len(text) <= TEXT_CHARS:
            return self.number(text)
        pieces: list[Any] = []
        at = 0
        for start, end in kept(len(text), spans):
            if start > at:
                pieces.append([start - at])
            pieces.append(self.number(text[start:end]))
            at = end
        return pieces if at == len(text) else [*pieces, [len(text) - at]]

    def output(self, text: str, spans: Sequence[tuple[int, int]] = ()) -> Any:
        """Number an output, and find its formulas."""
        known = len(self.numbers)
        if len(text) > TEXT_CHARS:
            cut = self.text(text, spans)
            for start, end in kept(len(text), spans):
                self._mathematics(text[start:end])
            return cut
        found = self.numbers.setdefault(text, known)
        if found == known:
            self._mathematics(text)
        return found

    def _mathematics(self, text: str) -> None:
        if placed := self.formulas.of(text):
            self.maths[str(self.numbers[text])] = placed

    def prompt(self, text: str, asked: str, kind: object) -> Any:
        """Number a prompt in pieces, most of which are in the table: the text before, QUESTION, the text after."""
        if text not in self.prompts:
            self.prompts[text] = self.text(text) if len(text) > TEXT_CHARS else self._parts(text, asked, kind)
        return self.prompts[text]

    def _parts(self, text: str, asked: str, kind: object) -> list[int]:
        known = self.frames.get(kind)
        if known is not None and asked:
            head, ending, first, last = known
            start, end = len(head) + len(asked), len(text) - len(ending)
            if start <= end and text.startswith(asked, len(head)) and text.startswith(head) and text.endswith(ending):
                return [*first, QUESTION, *([self.number(text[start:end])] if start < end else []), *last]
        head, found, tail = text.rpartition(asked) if asked and len(asked) <= TEXT_CHARS else ("", "", text)
        ending = tail if known is None else known[1]
        if not tail.endswith(ending):
            ending = _common_ending(ending, tail)
        own = tail[: len(tail) - len(ending)]
        first = [self.number(head)] if head else []
        last = [self.number(ending)] if ending else []
        self.frames[kind] = (head, ending, first, last)
        return [*first, *([QUESTION] if found else []), *([self.number(own)] if own else []), *last]

    def sampling(self, reply: StoredReply) -> int:
        drawn, thinking = reply.sampling, reply.thinking
        told = (drawn.get(name) for name in ("temperature", "top_p", "max_tokens"))  # not all of it in a log
        key = (*told, *drawn.get("stop", ()), thinking, _others(drawn))
        if key not in self.samplings:
            self.samplings[key] = self.number(_sampling_text(drawn, thinking))
        return self.samplings[key]


def _common_ending(one: str, other: str) -> str:
    """The whole lines that both texts end with."""
    lengths = range(1, min(len(one), len(other)) + 1)
    common = one[len(one) - bisect_left(lengths, True, key=lambda n: not other.endswith(one[len(one) - n :])) :]
    return common[common.find("\n") :] if "\n" in common else ""


def kept(length: int, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose the ranges that stay of a long text: its ends, and what is around its answer's spans."""
    edge = TEXT_CHARS // 4
    ranges = [(0, edge), (length - edge, length)]
    for start, end in spans:
        centres = [(start, end)] if end - start <= edge else [(start, start), (end, end)]
        ranges += [(first - edge // 2, last + edge // 2) for first, last in centres]
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(length, end)) for start, end in ranges):
        if merged and start <= merged[-1][1] + 100:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _row(panel: Panel, number: int, place: int, strings: _Strings, thin: bool) -> dict[str, Any]:
    question = panel.questions[place]
    records = {mode: row for mode, cell in panel.cells.items() if (row := cell.rows[place]) is not None}
    found = _replies(panel, records)
    numbers = {address: n for n, address in enumerate(found)}
    replies = list(found.values())
    spans: list[dict[int, list[tuple[int, int]]]] = [{} for _ in replies]  # by reply and path
    stay: list[set[int]] = [set() for _ in replies]  # by reply: the paths that do
    modes: dict[str, Any] = {}
    for mode, row in records.items():
        cell = panel.cells[mode]
        modes[mode] = entry = _mode_entry(row)
        if (theirs := cell.run.theirs.get((question.id, mode))) is not None:
            entry["theirs"] = _theirs_entry(theirs, verdict_of(cell, list(theirs.readings)))
        if cell.imported is not None and cell.imported.not_recorded:
            entry["lacks"] = list(cell.imported.not_recorded)
        if (shown := shown_with(cell, question.id)) is not None:
            entry["passages"] = _passages_entry(shown, strings)
        asked = [numbers.get((id(cell.run), key), -1) for key in row.keys]
        entry["replies"] = asked
        paths_of = [len(replies[number].completions) if number >= 0 else 0 for number in asked]
        for call, paths in _telling_paths(row, paths_of).items():
            if 0 <= call < len(asked) and asked[call] >= 0:
                stay[asked[call]].update(paths)
        call, path = decided_by(row) or (len(asked) - 1, 0)
        if row.span and 0 <= call < len(asked) and asked[call] >= 0 and path < len(replies[asked[call]].completions):
            spans[asked[call]].setdefault(path, []).append((row.span[0], row.span[1]))
            entry["at"] = [asked[call], path, *row.span]
    for entry in modes.values():
        if "at" in entry:
            last, path, start, end = entry["at"]
            text = replies[last].completions[path].text
            entry["at"] = [last, path, *_placed(text, spans[last][path], start, end)]
    entries = [
        _reply_entry(reply, question.text, (number, n), strings, spans[n], stay[n] if thin else None)
        for n, reply in enumerate(replies)
    ]
    for (run, key), reply, one in zip(found, replies, entries, strict=True):
        parents = [(numbers.get((run, key._replace(request=r, ordinal=o)), -1), path) for r, o, path in reply.after]
        if known := [parent for parent in parents if parent[0] >= 0]:
            one["after"] = known
    for mode, entry in modes.items():
        row = records[mode]
        if (tree := tree_of(row, decided_by(row))) is not None:
            entry["nodes"] = [_node_entry(node, entry["replies"], strings) for node in tree.nodes]
    return {"modes": modes, "replies": entries}


def _node_entry(node: TreeNode, asked: Sequence[int], strings: _Strings) -> list[Any]:
    """List of a node its text, role, parent, value, why it was dropped (null where it was kept), ballot, whether it is
    the chosen candidate, the reply and path that it was written in, and the replies by which it was judged."""
    row = node.row

    def number(call: int) -> int:
        return asked[call] if call < len(asked) else -1

    return [
        strings.output(row.text),
        strings.number(row.role),
        row.parent,
        row.value,
        None if row.kept else strings.number(row.why),
        row.ballot,
        int(node.chosen),
        None if row.source is None or number(row.source[0]) < 0 else [number(row.source[0]), row.source[1]],
        [number(call) for call in row.judged if number(call) >= 0],
    ]


def _replies(panel: Panel, records: Mapping[str, Record]) -> dict[tuple[int, Key], StoredReply]:
    """The replies to a question, by run (its identity) and address; each once, whichever modes share it. records: its
    own, by mode."""
    wanted: dict[int, tuple[Run, dict[Key, None]]] = {}
    for mode, row in records.items():
        run = panel.cells[mode].run
        wanted.setdefault(id(run), (run, {}))[1].update(dict.fromkeys(row.keys))
    return {
        (identity, reply.key): reply for identity, (run, keys) in wanted.items() for reply in run.journal.replies(keys)
    }


def _mode_entry(row: Record) -> dict[str, Any]:
    """What a record says beyond its outcome and answer, as far as there is anything."""
    entry: dict[str, Any] = {"tokens": [row.prompt_tokens, row.reasoning_tokens, row.completion_tokens]}
    entry |= {"rule": row.rule} if row.rule else {}
    entry |= {"truncated": True} if row.truncated else {}
    entry |= {"error": shortened(row.error)} if row.error else {}
    if votes := row.votes:
        answers = [[shortened(row.answer, ANSWER_CHARS), row.votes, row.outcome] for row in votes.answers]
        entry["votes"] = {**to_builtins(votes), "answers": answers}
    if row.executions:
        entry["executions"] = [
            {name: shortened(value) for name, value in structs.asdict(execution).items() if value is not None}
            for execution in row.executions
        ]
    return entry


def _theirs_entry(theirs: TheirsRow, first: str) -> dict[str, Any]:
    """What the tool that wrote a log made of the outputs: its place there, and of each reading its name, metric, and of
    each output score, verdict and answer. The first reading is the verdict where none is named."""
    named = sorted(theirs.readings.items(), key=lambda entry: entry[0] != first)
    rows = [
        [
            name,
            reading.metric,
            [
                [score, verdict, None if answer is None else shortened(answer, ANSWER_CHARS)]
                for score, (verdict, answer) in zip(reading.scores or (None,), said_of(reading), strict=True)
            ],
        ]
        for name, reading in named
    ]
    return {"place": theirs.place, "readings": rows}


def _passages_entry(shown: ShownPassages, strings: _Strings) -> dict[str, Any]:
    """What stood before the question: of each passage title, text, whether the answer rests on it, and its score."""
    rows = [
        [strings.number(passage.title), strings.text(passage.text), passage.supports, passage.score]
        for passage in shown.passages
    ]
    return {"context": shown.context, "supporting": shown.supporting, "rows": rows}


def _telling_paths(row: Record, paths_of: Sequence[int]) -> dict[int, set[int]]:
    """Choose by call the deciding path, one for each answer, and one that abstained. Of modes that tell what was
    written on the way, their nodes say where the candidates are; of others all are paths of one call, which isn't the
    last where replies were gone on with. paths_of: how many paths each call has."""
    chosen: dict[int, set[int]] = {}
    cast = ballots_by_path(row)
    call, path = decided_by(row) or (len(row.requests) - 1, 0)
    if votes := row.votes:
        voting = paths_of.index(len(votes.ballots)) if len(votes.ballots) in paths_of else call
        cast = cast or {(voting, place): place for place in range(len(votes.ballots))}
        by_answer = {
            votes.ballots[ballot]: place for place, ballot in list(cast.items())[::-1] if ballot < len(votes.ballots)
        }
        for at, telling in by_answer.values():
            chosen.setdefault(at, set()).add(telling)
    chosen.setdefault(call, set()).add(path)
    return chosen


def _placed(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """Find where a span lies in what is kept of a text, in UTF-16 units, as JavaScript counts."""
    ranges = kept(len(text), spans) if len(text) > TEXT_CHARS else [(0, len(text))]
    if len(text) <= TEXT_CHARS and text.isascii():
        return start, end
    before = sum(_units(text[low : min(high, start)]) for low, high in ranges if low < start)
    within = sum(_units(text[max(low, start) : min(high, end)]) for low, high in ranges if low < end and high > start)
    return before, before + within


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _reply_entry(
    reply: StoredReply,
    asked: str,
    kind: tuple[int, int],
    strings: _Strings,
    spans: Mapping[int, Sequence[tuple[int, int]]],
    stay: set[int] | None,
) -> dict[str, Any]:
    completions = reply.completions
    entry: dict[str, Any] = {
        "template": strings.number(reply.template),
        "sampling": strings.sampling(reply),
        "paths": _path_entries(completions, strings, spans, stay),
        "of": len(completions),
    }
    kind_of = (*kind, reply.template)
    if reply.to:
        entry["to"] = reply.to
    if told := {path: figures for path, one in enumerate(completions) if (figures := figures_of(one))}:
        entry["figures"] = {str(path): figures for path, figures in told.items()}
    if reply.seed is not None:
        entry["seed"] = reply.seed
    if reply.prompt is not None:
        entry["prompt"] = strings.prompt(reply.prompt, asked, kind_of)
    else:
        entry["messages"] = [
            [m.role, strings.prompt(m.text, asked, (*kind_of, place))] for place, m in enumerate(reply.messages or ())
        ]
    return entry


def _path_entries(
    completions: Sequence[Completion],
    strings: _Strings,
    spans: Mapping[int, Sequence[tuple[int, int]]],
    stay: set[int] | None,
) -> list[list[Any]]:
    """List of each path that stays its number, text, how it ended and its tokens; then reasoning and error, if any."""
    entries = []
    for path, completion in enumerate(completions):  # half a million of them in a large report
        if stay and path not in stay and len(completions) > 1:
            continue
        number = strings.output(completion.text, spans.get(path, ()))
        entry = [path, number, completion.finish_reason, completion.completion_tokens]
        if completion.reasoning or completion.error:
            entry += [strings.output(completion.reasoning), strings.text(completion.error)]
        entries.append(entry)
    return entries


def _others(drawn: Mapping[str, Any]) -> str:
    """Sampling keys that most requests don't have (top_k, min_p ...)."""
    common = ("max_tokens", "temperature", "top_p", "n", "stop")
    return ", ".join(f"{name} {value}" for name, value in drawn.items() if name not in common)


def _sampling_text(drawn: Mapping[str, Any], thinking: bool | None) -> str:
    temperature, top_p, budget, stop = (drawn.get(name) for name in ("temperature", "top_p", "max_tokens", "stop"))
    cut_off = f", top-p {top_p}" if top_p is not None else ""
    parts = [
        f"temperature {temperature}{cut_off}" if temperature else "greedy" if temperature == 0 else "",
        f"at most {budget:,} tokens" if budget is not None else "",
        _others(drawn),
        f"stop at {', '.join(map(repr, stop))}" if stop else "",
        {None: "", True: "asked to think", False: "asked not to think"}[thinking],
    ]
    return ", ".join(filter(None, parts)) or "how it was drawn is not recorded"
