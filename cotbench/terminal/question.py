"""What is on record about single questions, in the terminal.

A model wrote most of it: it is shown as data, never as markup or commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from msgspec import UNSET
from rich.cells import cell_len
from rich.text import Text

from cotbench.analysis.selection import Answered, Dossier, Pick
from cotbench.analysis.theirs import said_of
from cotbench.analysis.trees import Tree, ballots_by_path
from cotbench.report import words
from cotbench.report.tame import tame
from cotbench.store.passages import ShownPassages
from cotbench.store.records import ExecutionRow, Record, VoteRow
from cotbench.store.theirs import TheirsRow
from cotbench.terminal.console import Output, named_table
from cotbench.terminal.tree import MOST_LINES, summary, tree_lines
from cotbench.types import LETTERS, Completion, Outcome

MOST_CHARS = 20_000  # of one text; --json has all
MOST_PATHS = 40  # of one vote, a line each
MOST_SCORES = 12  # of the candidates for one answer
MOST_PARENTS = 4  # of one call, by name
MOST_CALLS = 8  # of an answer with a tree: of more, a line each stands for what came back
_CELL = 28
_BEGINNING = 70
_LEAST = 16  # characters of a question's beginning, on however narrow a terminal
_GAP = 2  # between two columns of a list


def show_picks(picks: Sequence[Pick], total: int, command: str) -> None:
    """Print a line per question. total: how many there are; command: how one of them is looked at."""
    console = Output()
    if not picks:
        console.print("No question is like that.")
        return
    columns: dict[str, Callable[[Pick], str]] = {
        "model": lambda pick: tame(words.short_model(pick.panel.model)),
        "id": lambda pick: tame(pick.question.id),
        "mode": lambda pick: tame(pick.mode),
        "outcome": lambda pick: tame(_outcomes(pick)),
        "theirs": lambda pick: _cell(pick.theirs),
        "answer": lambda pick: _cell(pick.after.answer if pick.after is not None else None),
        "gold": lambda pick: _cell(pick.gold),
        "question": lambda pick: _cell(pick.question.text, _BEGINNING),
    }
    if len({pick.panel.model for pick in picks}) == 1:
        del columns["model"]
    if not any(pick.theirs for pick in picks):
        del columns["theirs"]
    rows = [[cell(pick) for cell in columns.values()] for pick in picks]
    if console.is_terminal:  # a line for each, also on a narrow one
        taken = [max(map(cell_len, column)) + _GAP for column in zip(columns, *rows, strict=True)]
        room = max(console.width - sum(taken[:-1]) - 2 * _GAP, _LEAST)
        rows = [[*row[:-1], _cell(row[-1], min(room, _BEGINNING))] for row in rows]
    things = "answers" if len({pick.question.id for pick in picks}) < len(picks) else "questions"
    things = things if total != 1 else things.removesuffix("s")
    title = f"{len(picks):,} of {total:,} {things} (--limit)" if len(picks) < total else f"{total:,} {things}"
    _line(console, title, "bold")
    console.print(named_table("", list(columns), rows, left=len(columns)))
    _line(console, f"One of them: {command} {picks[0].question.id}")


def _outcomes(pick: Pick) -> str:
    after = pick.after.outcome if pick.after is not None else words.DASH
    return f"{pick.before.outcome} → {after}" if pick.before is not None else str(after)


def _cell(text: str | None, most: int = _CELL) -> str:
    if text is None:
        return words.DASH
    line = tame(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"


# --- one question -------------------------------------------------------------------------------------------------


def show_dossier(dossier: Dossier, *, prompts: bool, command: str, full: bool = False) -> None:
    """Print everything about a question. prompts: what was sent too; full: all of a tree, and all that came back on the
    way to an answer; command: how these are asked for."""
    console = Output()
    question = dossier.question
    where = [question.task, *([question.group] if question.group else []), words.short_model(dossier.model)]
    _line(console, f"{question.id} ({', '.join(where)})", "bold")
    _block(console, question.text)
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        _block(console, f"{letter}. {choice}")
    _line(console, f"gold: {dossier.gold}")
    said = {True: "symbolic", False: "not symbolic", None: "says nothing"}
    console.print(Text("tags: " + ", ".join(f"{name} {said[tag]}" for name, tag in dossier.tags.items())))
    if not dossier.modes:
        _line(console, "There is no record of it under these modes.", "yellow")
    for answered in dossier.modes:
        console.print()
        _mode(console, answered, prompts=prompts, full=full)
    more = {"The prompts as sent": "--prompts"} if not prompts else {}
    if not full and any(_left_out(answered) for answered in dossier.modes):
        more["All of the tree and of what came back"] = "--full"
    if more:
        console.print()
    for what, option in more.items():
        _line(console, f"{what}: {command} {question.id} {option}", "dim")


_STYLES: Mapping[str, str] = {Outcome.CORRECT: "bold green", Outcome.WRONG: "bold red"}


def _left_out(one: Answered) -> bool:
    """Whether a part of what is on record is counted only."""
    return one.tree is not None and (len(one.exchanges) > MOST_CALLS or len(one.tree.nodes) > MOST_LINES)


def _mode(console: Output, one: Answered, *, prompts: bool, full: bool) -> None:
    record = one.record
    head = Text(f"── {one.mode}: ", style="bold")
    head.append(tame(record.outcome), style=_STYLES.get(record.outcome, "bold yellow"))
    head.append(f"  (run {tame(one.run)})", style="dim")
    console.print(head, soft_wrap=True)
    answer = f"answer: {record.answer}" if record.answer is not None else "no answer"
    _line(console, answer + (f", by the rule {record.rule}" if record.rule else ""))
    _line(console, "tokens: " + _tokens(record) + ("; a completion was cut at its budget" if record.truncated else ""))
    if one.theirs is not None:
        _theirs(console, one, one.theirs)
    if record.error:
        _line(console, f"error: {record.error}", "red")
    if record.votes:
        _votes(console, record)
    for number, execution in enumerate(record.executions, 1):
        _execution(console, number, execution)
    if one.shown is not None:
        _passages(console, one.shown)
    if one.tree is not None:
        _tree(console, one.tree, full=full)
    if any(not exchange.completions for exchange in one.exchanges):
        _line(console, "A reply of this record is not in the run's journal.", "yellow")
    brief = one.tree is not None and not full and not prompts and len(one.exchanges) > MOST_CALLS
    decided = one.deciding[0] if one.deciding is not None else -1
    calls = range(len(one.exchanges))
    for told, some in groupby(calls, lambda at: _in_brief(one, at) if brief and at != decided else ""):
        numbers = [*some]
        if told:
            few = f"call {numbers[0] + 1}" if len(numbers) == 1 else f"calls {numbers[0] + 1} to {numbers[-1] + 1}"
            _line(console, f"{few}{told}{' each' * (len(numbers) > 1)}", "dim")
            continue
        for at in numbers:
            _exchange(console, one, at, prompts=prompts, full=full)


def _in_brief(one: Answered, at: int) -> str:
    """Say of a call what was asked, after which, and how many paths came back."""
    paths = len(one.exchanges[at].completions)
    return f"{_asked(one, at)}: {paths:,} path{'s' * (paths != 1)}"


def _tree(console: Output, tree: Tree, *, full: bool) -> None:
    """Print what was written on the way, in lines of which none is broken."""
    _line(console, f"on the way: {summary(tree)}", "bold dim")
    plain = console.options.ascii_only or console.is_dumb_terminal
    for line in tree_lines(tree, console.width, full=full, ascii_only=plain, encoding=console.encoding):
        console.print(line, soft_wrap=True)


def _asked(one: Answered, at: int) -> str:
    """Say what was asked in a call and of whom, and on which calls and paths it builds."""
    exchange = one.exchanges[at]
    reply = exchange.reply
    asked = f" ({reply.template}{', asked of the judge' if reply.to == 'judge' else ''})" if reply is not None else ""
    paths: dict[int, list[int]] = {}
    for call, path in exchange.after:
        paths.setdefault(call, []).append(path)
    told = []
    for call, some in paths.items():
        alone = len(one.exchanges[call].completions) == 1
        of = "" if alone else f" path{'s' * (len(some) > 1)} {', '.join(str(path + 1) for path in some)}"
        told.append(f"call {call + 1}{of}")
    if len(told) > MOST_PARENTS:
        told = [*told[: MOST_PARENTS - 1], f"{len(told) - MOST_PARENTS + 1} more"]
    return asked + (f", after {words.listed(told)}" if told else "")


def _tokens(record: Record) -> str:
    kinds = ("prompt", "reasoning", "completion")
    counts = {kind: getattr(record, f"{kind}_tokens") for kind in kinds}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count is not None) or words.NOT_RECORDED


_SAID: Mapping[str, str] = {"unread": "they read nothing", "undecided": "no verdict"}


def _theirs(console: Output, one: Answered, theirs: TheirsRow) -> None:
    """Print what the tool that wrote the log made of the outputs, by each of its readings."""
    _line(console, f"their verdict ({theirs.place}):")
    for name, reading in sorted(theirs.readings.items(), key=lambda entry: entry[0] != one.reading):
        said = said_of(reading)
        told = ", ".join(_said(verdict, answer) for verdict, answer in said[:MOST_SCORES])
        more = f", and {len(said) - MOST_SCORES:,} more" if len(said) > MOST_SCORES else ""
        scores = [words.DASH if score is None else f"{score:g}" for score in reading.scores[:MOST_SCORES]]
        mark = " *" if len(theirs.readings) > 1 and name == one.reading else ""
        score = f"  ({reading.metric} {', '.join(scores)})" if scores else ""
        _line(console, f"  {name or words.DASH}{mark}: {told}{more}{score}")
    if len(theirs.readings) > 1:
        _line(console, "  *: where no reading is named", "dim")


def _said(verdict: str, answer: str | None) -> str:
    told = _SAID.get(verdict, verdict)
    return told if answer is None else f"{told}, they read {_cell(answer, 60)}"


def _votes(console: Output, record: Record) -> None:
    """Print what paths voted for; or the candidates, of an arm that doesn't choose by majority, with their scores."""
    votes = record.votes
    assert votes is not None
    scored = votes.scores is not UNSET
    header = ("answer", "paths", *(("scores",) if scored else ()), "verdict")
    rows = [
        (_cell(row.answer, 60), f"{row.votes:,}", *((_scores(votes, at),) if scored else ()), tame(str(row.outcome)))
        for at, row in enumerate(votes.answers)
    ]
    reasons = ", ".join(f"{name} {count:,}" for name, count in votes.abstained.items())
    without = f"without an answer: {reasons}" if any(votes.abstained.values()) else ""
    if scored or record.nodes is not UNSET:
        _line(console, f"{len(votes.ballots):,} candidates" + (f", {without}" if without else ""))
    else:
        header = ("answer", "votes", "verdict")
        told = f", abstained: {reasons}" if without else ""
        _line(console, f"{len(votes.ballots):,} votes, margin {votes.margin}{told}")
    console.print(named_table("", header, rows, left=1))


def _scores(votes: VoteRow, answer: int) -> str:
    """The scores of the candidates that give an answer, in their order."""
    scores = [] if votes.scores is UNSET else votes.scores
    own = [score for ballot, score in zip(votes.ballots, scores, strict=True) if ballot == answer]
    told = [words.DASH if score is None else f"{score:.4g}".replace("-", "−") for score in own[: MOST_SCORES + 1]]
    return ", ".join(told[:MOST_SCORES]) + (" …" if len(told) > MOST_SCORES else "")


def _execution(console: Output, number: int, execution: ExecutionRow) -> None:
    result = execution.value if execution.value is not None else execution.error
    _line(console, f"executed, {number}: {execution.outcome}" + (f": {result}" if result else ""))
    if execution.stdout:
        _block(console, f"it printed: {execution.stdout.rstrip()}", "dim")


def _exchange(console: Output, one: Answered, at: int, *, prompts: bool, full: bool) -> None:
    """Print a call: what was sent where that is asked for, the path that decided as it was written, and of several
    others a line each."""
    exchange = one.exchanges[at]
    reply = exchange.reply
    if reply is None:
        return
    sent = [("as sent", reply.prompt)] if reply.prompt is not None else []
    for how, text in [*sent, *((m.role, m.text) for m in reply.messages or ())] if prompts else ():
        _line(console, f"prompt ({reply.template}), {how}:", "bold dim")
        _block(console, text, "dim")
    if prompts and not sent and not reply.messages:
        _line(console, f"prompt ({reply.template}): {words.NOT_RECORDED}", "bold dim")
    paths = exchange.completions
    named = f"call {at + 1}{_asked(one, at)}: " if len(one.exchanges) > 1 else ""
    if len(paths) > 1 and named:
        _line(console, f"{named}{len(paths):,} paths", "bold dim")
        named = ""
    for place, path in enumerate(paths):
        decided = one.deciding == (at, place)
        title = "output" if len(paths) == 1 else f"path {place + 1} of {len(paths)}{_cast(one, at, place)}"
        if decided and len(paths) > 1:
            title = f"path {place + 1}, {'the chosen one' if one.tree else 'the first with the winning answer'}"
        if decided or full or len(paths) == 1:
            _output(console, f"{named}{title}, {_path(path, one)}", path, one.span if decided else None)
        elif place < MOST_PATHS:
            _line(console, f"{title}; {_path(path, one)}", "dim")
        elif place == MOST_PATHS:
            _line(console, "(more paths: --full has them)", "dim")


def _output(console: Output, title: str, path: Completion, span: tuple[int, int] | None) -> None:
    """Print what came back on a path, with what was read marked."""
    _line(console, f"{title}:", "bold dim")
    if path.reasoning:
        _line(console, "reasoning:", "dim")
        _block(console, path.reasoning, "dim italic")
    if span is not None:
        _line(console, f"(what was read is at characters {span[0]:,} to {span[1]:,})", "dim")
    _highlighted(console, path.text, span)


def _passages(console: Output, shown: ShownPassages) -> None:
    """Print the passages that stood before the question, with a mark on those that its answer rests on."""
    there = sum(passage.supports for passage in shown.passages)
    of = f", {there} of the {shown.supporting} that the answer rests on (✓)" if shown.supporting else ""
    _line(console, f"passages ({shown.context}): {len(shown.passages)}{of}", "bold dim")
    for number, passage in enumerate(shown.passages, 1):
        score = f"  (score {passage.score:.2f})" if passage.score is not None else ""
        mark, style = ("✓", "bold green") if passage.supports else (" ", "dim")
        _line(console, f"{mark} [{number}] {passage.title}{score}", style)
        _block(console, passage.text, "dim")


def _cast(one: Answered, at: int, path: int) -> str:
    """Say what a path of a call voted for; "" where it has no vote. Of a mode that tells what was written on the way,
    its nodes say which path is which candidate; of paths that were asked for one by one, their requests."""
    votes = one.record.votes
    if votes is None:
        return ""
    before = sum(len(earlier.completions) for earlier in one.exchanges[:at])
    cast = ballots_by_path(one.record)
    plain = one.tree is None and not cast
    place = before + path if plain else cast.get((at, path), len(votes.ballots))
    if place >= len(votes.ballots):
        return ": abstained" if plain else ""
    ballot = votes.ballots[place]
    return ": abstained" if ballot is None else f": {_cell(votes.answers[ballot].answer)}"


def _path(path: Completion, one: Answered) -> str:
    tokens = f", {path.completion_tokens:,} tokens" if path.completion_tokens is not None else ""
    error = f" ({path.error})" if path.error else ""
    figures = f", {told}" if (told := words.figures_of(path)) else ""
    unknown = path.finish_reason == "stop" and "finish_reason" in one.not_recorded
    ended = f"how it ended: {words.NOT_RECORDED}" if unknown else f"ended by {path.finish_reason}"
    return f"{len(path.text):,} characters{tokens}{figures}, {ended}{error}"


# --- texts --------------------------------------------------------------------------------------------------------


def _line(console: Output, text: str, style: str = "") -> None:
    console.print(Text(_shortened(text), style=style), soft_wrap=True)


def _block(console: Output, text: str, style: str = "") -> None:
    for line in _shortened(text).split("\n"):
        console.print(Text(f"  {line}", style=style), soft_wrap=True)


def _shortened(text: str) -> str:
    """Tame a text, and leave out the middle where it is very long."""
    if len(text) <= MOST_CHARS:
        return tame(text)
    half = MOST_CHARS // 2
    left_out = f"[... {len(text) - 2 * half:,} characters are left out; --json has all ...]"
    return f"{tame(text[:half])}\n{left_out}\n{tame(text[-half:])}"


def _highlighted(console: Output, text: str, span: tuple[int, int] | None) -> None:
    if span is None:
        _block(console, text)
        return
    marked = Text()
    for part, style in ((text[: span[0]], ""), (text[slice(*span)], "bold black on yellow"), (text[span[1] :], "")):
        marked.append(_shortened(part), style=style)
    for line in marked.split("\n", allow_blank=True):
        console.print(Text("  ").append_text(line), soft_wrap=True)
