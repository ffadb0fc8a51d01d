"""`cotbench show`: single questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotbench.cli import completion
from cotbench.cli.flags import OutputDirOption, TagRuleOption, TagsFileOption
from cotbench.cli.shared import app, guarded, run_folders, stderr, stdout_json
from cotbench.errors import RunError, UsageError, suggest
from cotbench.runs.parsing import one_of

if TYPE_CHECKING:
    from cotbench.analysis.selection import Dossier
    from cotbench.questions.patterns import Pattern


@app.command()
@guarded
def show(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]... [QUESTION]",
            help="Runs (the latest one if none is named), and a question's id or the beginning of one.",
            autocompletion=completion.run_ids,
        ),
    ] = None,
    flips: Annotated[
        str | None,
        typer.Option(
            help="helped or hurt: questions that only the mode, or only the baseline, got right.",
            autocompletion=completion.of_words("helped", "hurt"),
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="The mode to look at; cot by default, where there is one, and with --disagree all."),
    ] = None,
    baseline: Annotated[str, typer.Option(help="What --flips compares it with.")] = "direct",
    task: Annotated[str | None, typer.Option("--task", "-t", help="Questions of this task only.")] = None,
    tag: Annotated[str | None, typer.Option(help="symbolic or nonsymbolic, under --tag-rule.")] = None,
    tag_rule: TagRuleOption = None,
    tags_file: TagsFileOption = None,
    outcome: Annotated[
        str | None, typer.Option(help="How it ended under the mode: wrong, unparsed, truncated ...")
    ] = None,
    disagree: Annotated[
        bool,
        typer.Option(
            "--disagree", help="Of an imported run: questions on which the log's tool and cotbench judge otherwise."
        ),
    ] = False,
    reading: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What --disagree compares with: one of the log's readings (a filter, a scorer)."
        ),
    ] = None,
    grep: Annotated[
        str | None, typer.Option(metavar="REGEX", help="In the question, its options or the mode's output.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-L", min=1, metavar="<int>", help="How many questions are listed.")
    ] = 20,
    prompts: Annotated[bool, typer.Option("--prompts", help="Of a question: the prompts as sent, too.")] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Of a question: all that a search dropped, and all that came back on the way."),
    ] = False,
    output_dir: OutputDirOption = Path("results"),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per question, a line each, with everything on record.")
    ] = False,
) -> None:
    """Look at single questions: list those that a mode helped or hurt, or show all that is on record about one."""
    from cotbench.analysis.asking import lost_outputs
    from cotbench.analysis.pairing import load_run, panels_of
    from cotbench.analysis.selection import choose, dossiers, find_question
    from cotbench.modes import find_mode
    from cotbench.questions.tagging import RULES, known_rule, main_rule, own_rules

    only = find_mode(mode).name if mode is not None else None
    against = find_mode(baseline, "--baseline").name
    if flips is not None:
        one_of("--flips", flips, ("helped", "hurt"))
    if only == against and flips is not None:
        raise UsageError(f"--flips: {only} is both the mode and the baseline.", "Choose another --mode or --baseline.")
    own = own_rules([], tags_file or [])
    named_rule = known_rule(tag_rule, own)
    side, ended, pattern = _side(tag), _outcome(outcome), _pattern(grep)
    runs, question = _runs_and_question(what or [], output_dir)
    folders = run_folders(runs, output_dir)
    loaded = [load_run(folder) for folder in folders]
    panels, _ = panels_of(loaded)
    for note in lost_outputs(loaded, thorough=question is not None):
        stderr(f"Note: {note}")
    rule = named_rule or main_rule(panel.task for panel in panels)
    rules = [*RULES.values(), *own]
    command = " ".join(["cotbench show", *map(str, folders)])
    if question is not None:
        given = {"--flips": flips, "--task": task, "--tag": tag, "--outcome": outcome, "--grep": grep}
        given |= {"--disagree": "" if disagree else None, "--reading": reading}
        if named := [option for option, value in given.items() if value is not None]:
            raise UsageError(f"{named[0]}: is for lists, and '{question}' is one question.", "Leave one of them out.")
        try:
            identity = find_question(panels, question)
        except UsageError as error:
            if runs:
                raise
            raise UsageError(f"'{question}' is no run in {output_dir}, and {error.message}", error.hint) from None
        found = dossiers(panels, identity, rules, [only] if only else [])
        if as_json:
            _lines(found)
            return
        from cotbench.terminal.question import show_dossier

        for one in found:
            show_dossier(one, prompts=prompts, command=command, full=full)
        return
    if reading is not None and not disagree:
        raise UsageError("--reading: is for --disagree, which isn't given.", "Add --disagree, or leave it out.")
    wanted: dict[str, Any] = {"flips": flips, "task": task, "symbolic": side, "outcome": ended, "pattern": pattern}
    wanted |= {"disagree": disagree, "reading": reading}
    picks = choose(panels, mode=only, baseline=against, rule=rule, **wanted)
    if as_json:
        _lines(one for pick in picks[:limit] for one in dossiers([pick.panel], pick.question.id, rules))
        return
    from cotbench.terminal.question import show_picks

    show_picks(picks[:limit], len(picks), command)


def _lines(found: Iterable[Dossier]) -> None:
    for one in found:
        stdout_json(one.as_dict())


def _runs_and_question(words: Sequence[str], output_dir: Path) -> tuple[list[str], str | None]:
    """All words name runs, or all but the last, which then is a question."""
    from cotbench.store.lookup import find_run

    for place, word in enumerate(words):
        try:
            find_run(word, output_dir)
        except RunError:
            if place < len(words) - 1 or "/" in word or not word:
                raise
            return list(words[:-1]), word
    return list(words), None


ARMS = {"symbolic": True, "nonsymbolic": False, "non-symbolic": False}


def _side(word: str | None) -> bool | None:
    """Whether --tag asks for symbolic questions; None where it isn't given."""
    if word is None:
        return None
    if word not in ARMS:
        raise UsageError(f"--tag: expected symbolic or nonsymbolic, found '{word}'.", "--tag-rule says by which rule.")
    return ARMS[word]


def _outcome(word: str | None) -> str | None:
    from cotbench.types import Outcome

    if word is not None and word not in list(Outcome):
        raise UsageError(
            f"--outcome: there is no outcome '{word}'. Known: {', '.join(Outcome)}.", suggest(word, Outcome)
        )
    return word


def _pattern(text: str | None) -> Pattern | None:
    from cotbench.questions.patterns import Pattern

    return Pattern(text, "--grep") if text is not None else None
