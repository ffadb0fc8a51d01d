"""What is on record about single questions, in the terminal.

A model wrote most of it: it is shown as data, never as markup or commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from cotbench.analysis.selection import Answered, Dossier, Exchange, Pick
from cotbench.report import words
from cotbench.report.tame import tame
from cotbench.store.records import ExecutionRow, Record, VoteRow
from cotbench.terminal.console import Output, named_table
from cotbench.types import LETTERS, Completion, Outcome

MOST_CHARS = 20_000  # of one text; --json has all
MOST_PATHS = 40  # of one vote, a line each
_CELL = 28
_BEGINNING = 70


def show_picks(picks: Sequence[Pick], total: int, command: str) -> None:
    """Print a line per question. total: how many there are; command: how one of them is looked at."""
    console = Output()
    if not picks:
        console.print("No question is like that.")
        return
    several = len({pick.panel.model for pick in picks}) > 1
    rows = [
        (
            *((tame(words.short_model(pick.panel.model)),) if several else ()),
            tame(pick.question.id),
            tame(pick.mode),
            tame(_outcomes(pick)),
            _cell(pick.after.answer if pick.after is not None else None),
            _cell(pick.gold),
            _cell(pick.question.text, _BEGINNING),
        )
        for pick in picks
    ]
    header = ("id", "mode", "outcome", "answer", "gold", "question")
    title = f"{len(picks):,} of {total:,} questions (--limit)" if len(picks) < total else f"{total:,} questions"
    _line(console, title, "bold")
    console.print(named_table("", (*(("model",) if several else ()), *header), rows, left=len(rows[0])))
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


def show_dossier(dossier: Dossier, *, prompts: bool, command: str) -> None:
    """Print everything about a question. prompts: what was sent too; command: how that is asked for."""
    console = Output()
    question = dossier.question
    where = [question.task, *([question.group] if question.group else []), words.short_model(dossier.model)]
    _line(console, f"{question.id} ({', '.join(where)})", "bold")
    _block(console, question.text)
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        _block(console, f"{letter}. {choice}")
    _line(console, f"gold: {dossier.gold}")
    said = {True: "symbolic", False: "not symbolic", None: "says nothing"}
    _line(console, "tags: " + ", ".join(f"{name} {said[tag]}" for name, tag in dossier.tags.items()))
    if not dossier.modes:
        _line(console, "There is no record of it under these modes.", "yellow")
    for answered in dossier.modes:
        console.print()
        _mode(console, answered, prompts=prompts)
    if not prompts:
        console.print()
        _line(console, f"The prompts as sent: {command} {question.id} --prompts", "dim")


_STYLES: Mapping[str, str] = {Outcome.CORRECT: "bold green", Outcome.WRONG: "bold red"}


def _mode(console: Output, one: Answered, *, prompts: bool) -> None:
    record = one.record
    head = Text(f"── {one.mode}: ", style="bold")
    head.append(tame(record.outcome), style=_STYLES.get(record.outcome, "bold yellow"))
    head.append(f"  (run {tame(one.run)})", style="dim")
    console.print(head, soft_wrap=True)
    answer = f"answer: {record.answer}" if record.answer is not None else "no answer"
    _line(console, answer + (f", by the rule {record.rule}" if record.rule else ""))
    _line(console, "tokens: " + _tokens(record) + ("; a completion was cut at its budget" if record.truncated else ""))
    if record.error:
        _line(console, f"error: {record.error}", "red")
    if record.votes:
        _votes(console, record.votes)
    for number, execution in enumerate(record.executions, 1):
        _execution(console, number, execution)
    if any(not exchange.completions for exchange in one.exchanges):
        _line(console, "A reply of this record is not in the run's journal.", "yellow")
    for at, exchange in enumerate(one.exchanges):
        _exchange(console, one, at, exchange, prompts=prompts)


def _tokens(record: Record) -> str:
    counts = {
        "prompt": record.prompt_tokens,
        "reasoning": record.reasoning_tokens,
        "completion": record.completion_tokens,
    }
    parts = [f"{count:,} {kind}" for kind, count in counts.items() if count is not None]
    return ", ".join(parts) or "unknown"


def _votes(console: Output, votes: VoteRow) -> None:
    rows = [(_cell(row.answer, 60), f"{row.votes:,}", tame(str(row.outcome))) for row in votes.answers]
    abstained = sum(votes.abstained.values())
    reasons = ", ".join(f"{name} {count:,}" for name, count in votes.abstained.items())
    title = f"{len(votes.ballots):,} votes, margin {votes.margin}" + (f", abstained: {reasons}" if abstained else "")
    _line(console, title)
    console.print(named_table("", ("answer", "votes", "verdict"), rows, left=1))


def _execution(console: Output, number: int, execution: ExecutionRow) -> None:
    result = execution.value if execution.value is not None else execution.error
    _line(console, f"executed, {number}: {execution.outcome}" + (f": {result}" if result else ""))
    if execution.stdout:
        _block(console, f"it printed: {execution.stdout.rstrip()}", "dim")


def _exchange(console: Output, one: Answered, at: int, exchange: Exchange, *, prompts: bool) -> None:
    reply = exchange.reply
    if reply is None:
        return
    if prompts:
        if reply.prompt is not None:
            _line(console, f"prompt ({reply.template}), as sent:", "bold dim")
            _block(console, reply.prompt, "dim")
        for message in reply.messages or ():
            _line(console, f"prompt ({reply.template}), {message.role}:", "bold dim")
            _block(console, message.text, "dim")
    several = len(exchange.completions) > 1
    votes = one.record.votes
    first = sum(len(earlier.completions) for earlier in one.exchanges[:at])
    for place, path in enumerate(exchange.completions):
        if one.deciding == (at, place):
            title = f"path {place + 1}, the first with the winning answer" if several else "output"
            span = one.span
        elif several:
            if place < MOST_PATHS:
                vote = f"{_ballot(votes, first + place)}; " if votes else ""
                _line(console, f"path {place + 1} of {len(exchange.completions)}: {vote}{_path(path)}", "dim")
            elif place == MOST_PATHS:
                _line(console, "(more paths: --json has them)", "dim")
            continue
        else:
            title, span = "output", None
        if len(one.exchanges) > 1:
            title += f" ({reply.template})"
        _line(console, f"{title}, {_path(path)}:", "bold dim")
        if path.reasoning:
            _line(console, "reasoning:", "dim")
            _block(console, path.reasoning, "dim italic")
        if span is not None:
            _line(console, f"(what was read is at characters {span[0]:,} to {span[1]:,})", "dim")
        _highlighted(console, path.text, span)


def _ballot(votes: VoteRow, path: int) -> str:
    ballots = votes.ballots
    ballot = ballots[path] if path < len(ballots) else None
    return "abstained" if ballot is None else _cell(votes.answers[ballot].answer)


def _path(path: Completion) -> str:
    tokens = f", {path.completion_tokens:,} tokens" if path.completion_tokens is not None else ""
    return f"{len(path.text):,} characters{tokens}, ended by {path.finish_reason}" + (
        f" ({path.error})" if path.error else ""
    )


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
    return f"{tame(text[:half])}\n{_left_out(len(text) - 2 * half)}\n{tame(text[-half:])}"


def _left_out(count: int) -> str:
    return f"[... {count:,} characters are left out; --json has all ...]"


def _highlighted(console: Output, text: str, span: tuple[int, int] | None) -> None:
    if span is None:
        _block(console, text)
        return
    marked = Text()
    for part, style in ((text[: span[0]], ""), (text[slice(*span)], "bold black on yellow"), (text[span[1] :], "")):
        marked.append(_shortened(part), style=style)
    for line in marked.split("\n", allow_blank=True):
        console.print(Text("  ").append_text(line), soft_wrap=True)
