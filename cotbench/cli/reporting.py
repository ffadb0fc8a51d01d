"""`cotbench report` and `cotbench show`."""

from __future__ import annotations

import difflib
import gc
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotbench.cli.shared import (
    JsonOption,
    OutputDirOption,
    app,
    guarded,
    stderr,
    stdout,
    write_whole,
)
from cotbench.errors import GateHolds, RunError, UsageError

if TYPE_CHECKING:
    from cotbench.compare import Comparison
    from cotbench.gates import Gate
    from cotbench.pairing import Panel
    from cotbench.report.plots import Drawn
    from cotbench.selection import Dossier, Flips
    from cotbench.tagging import Rule

PAGE, DOCUMENT, SUMMARY = "report.html", "report.json", "summary.md"
LARGE = 2_000  # questions; with fewer, a process costs about what it saves

TagRuleOption = Annotated[
    str,
    typer.Option(
        "--tag-rule",
        help="The rule that says which questions are symbolic: eq_question, eq_question_any, operators, subject, eq_paper, eq_response, or one of your own.",
    ),
]
OwnTagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="NAME=REGEX",
        help="A tag rule of your own: symbolic is where the pattern is found in the question or an option. Repeatable.",
        show_default=False,
    ),
]
TagsFileOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--tags-file",
        metavar="CSV",
        help="Tags by question id: a column id, and one of 1 and 0 per rule; without one, the ids listed are symbolic.",
        show_default=False,
    ),
]


@app.command()
@guarded
def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="Runs, by folder or id; the latest one if none is named.", show_default=False
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline",
            help="Modes that the others are compared with, beside direct; with commas or repeated.",
            show_default=False,
        ),
    ] = None,
    tag_rule: TagRuleOption = "eq_question",
    tag: OwnTagOption = None,
    tags_file: TagsFileOption = None,
    effect: Annotated[
        float, typer.Option("--effect", help="Points of accuracy: the report says how many questions would find that.")
    ] = 2.0,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="""Exit with code 5 where this holds, as "delta\\[mmlu,cot,symbolic] < 0.05" (also 5% or 5pt). Figures: delta, low, high, p, p_holm, accuracy, unread, truncated, tokens, token_ratio, helped, hurt, n, did, share. Repeatable.""",
            show_default=False,
        ),
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Where the report's files go; by default report/ inside the run, or beside them for several runs.",
            show_default=False,
        ),
    ] = None,
    page_mb: Annotated[
        float, typer.Option("--page-mb", help="How large report.html may get; it shows fewer questions then.")
    ] = 25.0,
    no_page: Annotated[bool, typer.Option("--no-page", help="No report.html.")] = False,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="No plots.")] = False,
    as_json: JsonOption = False,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of report.json, and stop.")
    ] = False,
) -> None:
    """Compare the modes of one or more runs, question by question: tables, CSV, summary.md, report.json, plots and a page.

    Each mode is compared with direct, and with any --baseline.
    """
    if json_schema:
        from pydantic import TypeAdapter

        from cotbench.compare import Comparison

        stdout(json.dumps(TypeAdapter(Comparison).json_schema(mode="serialization")))
        return
    from cotbench import options
    from cotbench.compare import compare
    from cotbench.gates import parse_gate
    from cotbench.modes import find_mode
    from cotbench.pairing import load_run, panels_of

    if not (math.isfinite(effect) and 0 < effect <= 100):
        raise UsageError(f"--effect: expected points above 0 and up to 100, found {effect:g}.", "As in --effect 2.")
    if not (math.isfinite(page_mb) and page_mb > 0):
        raise UsageError(f"--page-mb: expected megabytes above 0, found {page_mb:g}.", "Use --no-page for no page.")
    asked = [find_mode(name, "--baseline").name for name in options.names(baseline or [])]
    own = _own_rules(tag or [], tags_file or [])
    _known_rule(tag_rule, own)
    gates = [parse_gate(text) for text in fail_if or []]
    folders = _folders(runs or [], output_dir)
    with _uncollected():
        loaded = [load_run(folder, ahead=True) for folder in folders]
        panels, notes = panels_of(loaded)
        comparison = compare(
            loaded,
            _baselines(asked, panels),
            rules=own,
            tag_rule=tag_rule,
            effect=effect / 100,
            panels=(panels, notes),
        )
        target = to or (folders[0] / "report" if len(folders) == 1 else folders[0].parent / "report")
        try:
            drawn = _drawing(comparison, panels, target, plots=not no_plots)
            if not as_json:
                from cotbench.report.tables import show as show_tables

                show_tables(comparison, brief=True)
            written = _write_report(comparison, panels, target, own, drawn, page_mb=None if no_page else page_mb)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise UsageError(
                f"{target}: can't be written: {error.strerror or error}.", "Choose another folder with --to."
            ) from None
    if as_json:
        stdout(_document(comparison))
    else:
        stdout(f"Written to {target}: {', '.join(written)}")
        if not no_page:
            stdout(f"Open {target / PAGE}")
    _check(gates, comparison)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Records are a quarter of a million small dicts, none of them garbage; looking through them again and again takes seconds."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _baselines(asked: Sequence[str], panels: Sequence[Panel]) -> list[str]:
    """`direct`, and what was asked for; without `direct` where no run has it and another was named."""
    names = list(dict.fromkeys(["direct", *asked]))
    there = any("direct" in panel.cells for panel in panels)
    return names if there or "direct" in asked or not asked else names[1:]


def _document(comparison: Comparison) -> str:
    return json.dumps(comparison.as_dict(), sort_keys=True, allow_nan=False)


def _drawing(
    comparison: Comparison, panels: Sequence[Panel], target: Path, *, plots: bool
) -> Callable[[], list[Drawn]]:
    """Call it for the plots. Drawing takes seconds, in which tables can be read and the page's data be made."""
    from cotbench.beside import beside

    target.mkdir(parents=True, exist_ok=True)
    if not plots:
        for stem in _plots_of(target):
            for ending in ("png", "svg"):
                (target / f"{stem}.{ending}").unlink(missing_ok=True)
        return list

    def draw() -> list[Drawn]:
        from cotbench.report import plots  # matplotlib takes a second to import

        return plots.draw(comparison, target)

    return beside(draw, worth=sum(len(panel.questions) for panel in panels) > LARGE)


def _write_report(
    comparison: Comparison,
    panels: Sequence[Panel],
    target: Path,
    own: Sequence[Rule],
    drawn: Callable[[], list[Drawn]],
    *,
    page_mb: float | None,
) -> list[str]:
    """Write all files of a report, and remove those of an earlier one that don't apply any more; the names of what is there now."""
    from cotbench.report import tables

    tables.write_csvs(comparison, target)
    write_whole(target / DOCUMENT, _document(comparison).encode() + b"\n")
    if page_mb is None:
        (target / PAGE).unlink(missing_ok=True)
    else:
        from cotbench.report.page import write_page

        write_page(target / PAGE, comparison, panels, plots=drawn, megabytes=page_mb, rules=own)
    write_whole(target / SUMMARY, tables.markdown(comparison, drawn()).encode("utf-8", "backslashreplace"))
    return sorted(path.name for path in target.iterdir() if path.is_file())


def _plots_of(target: Path) -> set[str]:
    """The plots that an earlier report's Markdown shows: others in this folder aren't ours to remove."""
    try:
        text = (target / SUMMARY).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return set()
    return set(re.findall(r"^!\[[^\n]*\]\(([\w.-]+)\.png\)$", text, re.M))


def _check(gates: Sequence[Gate], comparison: Comparison) -> None:
    """Raises GateHolds where any gate does, UsageError where one can't be checked."""
    from cotbench.gates import check_gate

    holding, unclear = [], None
    for gate in gates:
        try:
            checked = check_gate(gate, comparison)
        except UsageError as error:
            if unclear is not None:
                stderr(f"Error: {unclear}")
            unclear = error
            continue
        for row, value in checked.holding:
            stderr(f"--fail-if {gate.text}: holds: {gate.name} of {row} is {value:.6g}.")
        if checked.open:
            stderr(f"--fail-if {gate.text}: says nothing of {'; '.join(checked.open)}: not estimable.")
        if checked.holds:
            holding.append(gate.text)
    if unclear is not None:
        raise unclear
    if holding:
        raise GateHolds(f"{len(holding)} of {len(gates)} --fail-if conditions hold: {'; '.join(holding)}")


# --- what report and show share -----------------------------------------------------------------------------------


def _folders(runs: Sequence[str], output_dir: Path) -> list[Path]:
    """The runs that are named, or the latest one; says which that is, where there are others."""
    from cotbench.records import find_run, list_runs

    if runs:
        return [find_run(name, output_dir) for name in dict.fromkeys(runs)]
    there = list_runs(output_dir)
    if not there:
        raise UsageError(f"there are no runs in {output_dir}.", "Start one with `cotbench run`, or name --output-dir.")
    if len(there) > 1:
        stderr(
            f"The latest run, {there[0]}; {len(there) - 1} more in {output_dir} (name runs to pair modes across them)."
        )
    return there[:1]


def _own_rules(tags: Sequence[str], files: Sequence[Path]) -> list[Rule]:
    from cotbench.tagging import own_rule, rules_of_file

    found = [own_rule(text) for text in tags] + [rule for path in files for rule in rules_of_file(path)]
    names = [rule.name for rule in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--tag, --tags-file: there are two rules named '{twice}'.", "Give each a name of its own.")
    return found


def _known_rule(name: str, own: Sequence[Rule]) -> Rule:
    from cotbench.tagging import RULES

    table = RULES | {rule.name: rule for rule in own}
    if name not in table:
        close = difflib.get_close_matches(name, table, n=1)
        raise UsageError(
            f"--tag-rule: there is no rule '{name}'. Known: {', '.join(table)}.",
            f"Did you mean '{close[0]}'?" if close else "Add your own with --tag or --tags-file.",
        )
    return table[name]


# --- show ---------------------------------------------------------------------------------------------------------


@app.command()
@guarded
def show(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]... [QUESTION]",
            help="Runs (the latest one if none is named), and a question's id or the beginning of one.",
            show_default=False,
        ),
    ] = None,
    flips: Annotated[
        str | None,
        typer.Option(
            "--flips",
            help="helped or hurt: questions that only the mode, or only the baseline, got right.",
            show_default=False,
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="The mode to look at; cot by default, where there is one.", show_default=False),
    ] = None,
    baseline: Annotated[str, typer.Option("--baseline", help="What --flips compares it with.")] = "direct",
    task: Annotated[
        str | None, typer.Option("--task", "-t", help="Questions of this task only.", show_default=False)
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", help="symbolic or nonsymbolic, under --tag-rule.", show_default=False)
    ] = None,
    tag_rule: TagRuleOption = "eq_question",
    tags_file: TagsFileOption = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            "--outcome", help="How it ended under the mode: wrong, unparsed, truncated ...", show_default=False
        ),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option(
            "--grep", metavar="REGEX", help="In the question, its options or the mode's output.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-L", min=1, help="How many questions are listed.")] = 20,
    prompts: Annotated[bool, typer.Option("--prompts", help="Of a question: the prompts as sent, too.")] = False,
    output_dir: OutputDirOption = Path("results"),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per question, a line each, with everything on record.")
    ] = False,
) -> None:
    """Look at single questions: list those that a mode helped or hurt, or show all that is on record about one."""
    from cotbench.modes import find_mode
    from cotbench.pairing import load_run, panels_of
    from cotbench.selection import choose, dossier, dossiers, find_question
    from cotbench.tagging import RULES

    only = find_mode(mode).name if mode is not None else None
    against = find_mode(baseline, "--baseline").name
    flipped = _flips(flips)
    if only == against and flipped is not None:
        raise UsageError(f"--flips: {only} is both the mode and the baseline.", "Choose another --mode or --baseline.")
    own = _own_rules([], tags_file or [])
    rule = _known_rule(tag_rule, own)
    symbolic, ended, pattern = _arm(tag), _outcome(outcome), _pattern(grep)
    runs, question = _runs_and_question(what or [], output_dir)
    folders = _folders(runs, output_dir)
    panels, _ = panels_of([load_run(folder) for folder in folders])
    rules = [*RULES.values(), *own]
    command = " ".join(["cotbench show", *map(str, folders)])
    if question is not None:
        given = {"--flips": flips, "--task": task, "--tag": tag, "--outcome": outcome, "--grep": grep}
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
        from cotbench.report.question import show_dossier

        for one in found:
            show_dossier(one, prompts=prompts, command=command)
        return
    picks = choose(
        panels,
        mode=only,
        baseline=against,
        flips=flipped,
        task=task,
        rule=rule,
        symbolic=symbolic,
        outcome=ended,
        pattern=pattern,
    )
    if as_json:
        _lines(dossier(pick, rules) for pick in picks[:limit])
        return
    from cotbench.report.question import show_picks

    show_picks(picks[:limit], len(picks), command)


def _lines(found: Iterable[Dossier]) -> None:
    for one in found:
        stdout(json.dumps(one.as_dict()))


def _runs_and_question(words: Sequence[str], output_dir: Path) -> tuple[list[str], str | None]:
    """All words name runs, or all but the last, which then is a question."""
    from cotbench.records import find_run

    for place, word in enumerate(words):
        try:
            find_run(word, output_dir)
        except RunError:
            if place < len(words) - 1 or "/" in word or not word:
                raise
            return list(words[:-1]), word
    return list(words), None


def _flips(word: str | None) -> Flips | None:
    if word is None:
        return None
    if word == "helped":
        return "helped"
    if word == "hurt":
        return "hurt"
    raise UsageError(f"--flips: expected helped or hurt, found '{word}'.")


def _arm(word: str | None) -> bool | None:
    arms = {"symbolic": True, "nonsymbolic": False, "non-symbolic": False}
    if word is not None and word not in arms:
        raise UsageError(f"--tag: expected symbolic or nonsymbolic, found '{word}'.", "--tag-rule says by which rule.")
    return None if word is None else arms[word]


def _outcome(word: str | None) -> str | None:
    from cotbench.types import Outcome

    if word is not None and word not in list(Outcome):
        close = difflib.get_close_matches(word, list(Outcome), n=1)
        raise UsageError(
            f"--outcome: there is no outcome '{word}'. Known: {', '.join(Outcome)}.",
            f"Did you mean '{close[0]}'?" if close else "",
        )
    return word


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text is not None else None
    except re.error as error:
        raise UsageError(f"--grep: not a regular expression: {error}.", "Python's `re` syntax.") from None
