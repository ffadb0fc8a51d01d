"""What is on record about single questions, in the terminal.

A model wrote most of it: it is shown as data, never as markup or commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.text import Text

from cotbench.analysis.selection import Answered, Dossier, Exchange, Pick
from cotbench.report import words
from cotbench.report.tame import tame
from cotbench.store.passages import ShownPassages
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
    columns: dict[str, Callable[[Pick], str]] = {
        "model": lambda pick: tame(words.short_model(pick.panel.model)),
        "id": lambda pick: tame(pick.question.id),
        "mode": lambda pick: tame(pick.mode),
        "outcome": lambda pick: tame(_outcomes(pick)),
        "answer": lambda pick: _cell(pick.after.answer if pick.after is not None else None),
        "gold": lambda pick: _cell(pick.gold),
        "question": lambda pick: _cell(pick.question.text, _BEGINNING),
    }
    if len({pick.panel.model for pick in picks}) == 1:
        del columns["model"]
    rows = [[cell(pick) for cell in columns.values()] for pick in picks]
    title = f"{len(picks):,} of {total:,} questions (--limit)" if len(picks) < total else f"{total:,} questions"
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
    if one.shown is not None:
        _passages(console, one.shown)
    if any(not exchange.completions for exchange in one.exchanges):
        _line(console, "A reply of this record is not in the run's journal.", "yellow")
    for at, exchange in enumerate(one.exchanges):
        _exchange(console, one, at, exchange, prompts=prompts)


def _tokens(record: Record) -> str:
    kinds = ("prompt", "reasoning", "completion")
    counts = {kind: getattr(record, f"{kind}_tokens") for kind in kinds}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count is not None) or "unknown"


def _votes(console: Output, votes: VoteRow) -> None:
    rows = [(_cell(row.answer, 60), f"{row.votes:,}", tame(str(row.outcome))) for row in votes.answers]
    reasons = ", ".join(f"{name} {count:,}" for name, count in votes.abstained.items())
    abstained = f", abstained: {reasons}" if any(votes.abstained.values()) else ""
    _line(console, f"{len(votes.ballots):,} votes, margin {votes.margin}{abstained}")
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
    sent = [("as sent", reply.prompt)] if reply.prompt is not None else []
    for how, text in [*sent, *((m.role, m.text) for m in reply.messages or ())] if prompts else ():
        _line(console, f"prompt ({reply.template}), {how}:", "bold dim")
        _block(console, text, "dim")
    several = len(exchange.completions) > 1
    votes = one.record.votes
    first = sum(len(earlier.completions) for earlier in one.exchanges[:at])
    for place, path in enumerate(exchange.completions):
        if one.deciding == (at, place):
            title = f"path {place + 1}, the first with the winning answer" if several else "output"
            span = one.span
        elif several:
            vote = f"{_ballot(votes, first + place)}; " if votes else ""
            told = f"path {place + 1} of {len(exchange.completions)}: {vote}{_path(path)}"
            if place <= MOST_PATHS:
                _line(console, told if place < MOST_PATHS else "(more paths: --json has them)", "dim")
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


def _ballot(votes: VoteRow, path: int) -> str:
    ballot = votes.ballots[path] if path < len(votes.ballots) else None
    return "abstained" if ballot is None else _cell(votes.answers[ballot].answer)


def _path(path: Completion) -> str:
    tokens = f", {path.completion_tokens:,} tokens" if path.completion_tokens is not None else ""
    error = f" ({path.error})" if path.error else ""
    return f"{len(path.text):,} characters{tokens}, ended by {path.finish_reason}{error}"


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
