"""`cotbench report`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import JsonOption, OutputDirOption, TagRuleOption, TagsFileOption
from cotbench.cli.shared import app, guarded, run_folders, stderr, stdout, stdout_json
from cotbench.errors import GateHolds, OutputError, UsageError
from cotbench.processes import uncollected
from cotbench.runs.parsing import names

if TYPE_CHECKING:
    from cotbench.analysis.compare import Comparison
    from cotbench.analysis.gates import Gate
    from cotbench.terminal.report import Screen

OwnTagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="NAME=REGEX",
        help="A tag rule of your own: symbolic is where the pattern is found in the question or an option; or, by "
        "NAME=feature:KEY=VALUE, where the data say this of the question. Repeatable.",
    ),
]


@app.command(
    help="Compare the modes of one or more runs, question by question: tables, CSV, summary.md, report.json, plots and "
    "a page.\n\nEach mode is compared with direct, and with any --baseline."
)
@guarded
def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs, by folder or id; the latest one if none is named. An experiment's file is all of its runs.",
            autocompletion=completion.run_ids,
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="Modes that the others are compared with, beside direct; with commas or repeated."),
    ] = None,
    tag_rule: TagRuleOption = None,
    tag: OwnTagOption = None,
    tags_file: TagsFileOption = None,
    symbolic_tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--symbolic-tasks",
            metavar="TASKS",
            help="Which tasks are the math and symbolic ones, over which differences are pooled apart from the others; "
            "with commas or repeated. By default those that the tag rule subject knows as such, and of others those "
            "without options, or with calculations in most questions.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Tell tasks by the categories of this suite (`cotbench list suites`, or a file of your own); by "
            "default of the one that the runs were asked for by, if any.",
            autocompletion=completion.suites,
        ),
    ] = None,
    one_arm: Annotated[
        bool,
        typer.Option(
            "--one-arm",
            help="Take direct whose reply was begun and direct that was asked for in words for one arm. Of one model "
            "only.",
        ),
    ] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PAIR",
            help="Two arms of two models, as A:cot,B:direct, to be compared question by question. The same arm of each "
            "two models is compared anyhow. Repeatable.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your own mix of questions, in YAML or JSON: 'symbolic: 60' and 'non-symbolic: 40', or shares of "
            "tasks or groups. Accuracies, differences and policies are then shown for that mix, too.",
        ),
    ] = None,
    effect: Annotated[
        float, typer.Option(help="Points of accuracy: the report says how many questions would find that.")
    ] = 2.0,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy that don't matter, where a smaller budget is shown to be not worse; by default "
            "what the run fixed by --lock, else 2."
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What tokens or GPU-hours cost (YAML or JSON), so that costs are in money: per 1,000 questions, per "
            "right answer, per extra right answer. As in {currency: USD, models: {NAME: {in: 0.15, cached: 0.075, "
            "out: 0.6}}} per million tokens, or {gpu_hour: 2.5, gpus: 4}.",
        ),
    ] = None,
    generalise: Annotated[
        str | None,
        typer.Option(
            metavar="subject",
            help="Take a task's subjects or types for a sample of subjects: intervals are then for new subjects, and "
            "wider. By default they are all there are (strata).",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="""Exit with code 5 where this holds, as "delta\\[mmlu, cot, symbolic] < 0.05" (also 5% or 5pt). """
            """Figures: delta, low, high, p, p_holm, p_mcnemar, accuracy, unread, truncated, tokens, token_ratio, """
            """helped, hurt, n, did, share; where answers may be partly right: mean_score, score_delta (_low, _high, """
            """_p, _p_holm), score_boot_low, score_boot_high, score_did; of perturbed questions """
            """less their seeds: twin; of costs: cost, cost_of_pass, more_cost, cost_per_extra (in money, with """
            """--prices), tokens_per_right, more_tokens, tokens_per_extra, uncached_tokens, cached_tokens, """
            """serial_tokens, seconds_p50, seconds_p95; over tasks, as in "pooled\\[cot, symbolic] < 0.05": pooled, """
            """macro, and of either _low, _high, _p; over the tasks of a suite's category, as in """
            """"category\\[math, cot] < 0.05": category, category_macro; of two models, as in """
            """"gain\\[mmlu, cot, model=A, against=B] < 0": gain, lead; of a mix, weighted_accuracy, """
            """weighted_delta; of arms with further calls, calls, and less a vote of equal cost over_vote, """
            """over_vote_all, over_vote_money (_low, _high, _spent, _paths, _vote, _times, _n); of what else could """
            """be chosen among an arm's candidates, first_of, best_of, weighted_of, majority_of, text_vote_of, """
            """mean_of, any_of; of imported logs, agreement (of the tool's verdicts and ours), agreement_kappa, """
            """their_accuracy, their_unread, their_delta. Repeatable.""",
        ),
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    to: Annotated[
        Path | None,
        typer.Option(
            help="Where the report's files go; by default report/ inside the run, or beside them for several runs."
        ),
    ] = None,
    page_mb: Annotated[
        float, typer.Option(help="How large report.html may get; it shows fewer questions then.")
    ] = 25.0,
    full: Annotated[
        bool, typer.Option("--full", help="Print all tables, findings and notes, not what fits a screen.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but what gates say: for scripts. Files are written.")
    ] = False,
    no_page: Annotated[bool, typer.Option("--no-page", help="No report.html.")] = False,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="No plots.")] = False,
    as_json: JsonOption = False,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of report.json, and stop.")
    ] = False,
) -> None:
    """Compare the modes of runs, print the tables, write the report's files, and check the gates."""
    if json_schema:
        from pydantic import TypeAdapter

        from cotbench.analysis.compare import Comparison
        from cotbench.analysis.flat import flat_type

        stdout_json(TypeAdapter(flat_type(Comparison)).json_schema(mode="serialization"))
        return
    from cotbench.analysis.asking import Asked
    from cotbench.analysis.gates import parse_gate
    from cotbench.analysis.prices import read_prices
    from cotbench.analysis.weights import read_weights
    from cotbench.cli.experiments import with_experiments  # it imports this module, too
    from cotbench.questions.tagging import own_rules
    from cotbench.report.files import PAGE, begin_plots, document, left_over, write_report

    if not (math.isfinite(page_mb) and page_mb > 0):
        raise UsageError(f"--page-mb: expected megabytes above 0, found {page_mb:g}.", "Use --no-page for no page.")
    gates = [parse_gate(text) for text in fail_if or []]
    asked = Asked(
        baselines=names(baseline),
        tag_rule=tag_rule,
        own=own_rules(tag or [], tags_file or []),
        symbolic_tasks=names(symbolic_tasks),
        suite=suite,
        one_arm=one_arm,
        against=against or [],
        weights=read_weights(weights) if weights is not None else None,
        effect=effect,
        margin=margin,
        prices=read_prices(prices) if prices is not None else None,
        generalise=generalise,
        gates=gates,
    )
    runs, to = with_experiments(runs or [], output_dir, to)
    folders = run_folders(runs, output_dir)
    with uncollected():
        compared = asked.compare(folders)
        comparison, panels, own = compared.comparison, compared.panels, compared.own
        unread: BrokenPipeError | OutputError | None = None
        screen: Screen | None = None
        target = to or (folders[0] / "report" if len(folders) == 1 else folders[0].parent / "report")
        if to is None and target.is_symlink():
            raise UsageError(
                f"{target}: is a link, and a report isn't written through one.",
                "Remove it, or choose a folder with --to.",
            )
        try:
            drawn = begin_plots(comparison, panels, target, wanted=not no_plots)
            if not as_json and not quiet:
                from cotbench.terminal.report import Screen

                screen = Screen(comparison, full=full)
                try:
                    screen.begin()
                except (
                    BrokenPipeError,
                    OutputError,
                ) as error:  # `cotbench report | head`: the files are wanted all the same
                    unread = error
            written = write_report(comparison, panels, target, drawn, rules=own, page_mb=None if no_page else page_mb)
        except OSError as error:
            raise UsageError(
                f"{target}: can't be written: {error.strerror or error}.", "Choose another folder with --to."
            ) from None
    if as_json:
        stdout(document(comparison))
    elif screen is not None and unread is None:
        listed = f": {', '.join(written)}" if full else f" ({len(written)} files)"
        left = left_over(comparison, target, written, brief=not full)
        said = f"Written to {target}{listed}" + (f". {left}" if left else "")
        screen.end(said, None if no_page else target / PAGE)
    _check(gates, comparison)
    if unread is not None:
        raise unread


def _check(gates: Sequence[Gate], comparison: Comparison) -> None:
    """Raises GateHolds where any gate does, UsageError where one can't be checked."""
    from cotbench.analysis.gates import cautions_of, check_gate

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
        for caution in cautions_of(gate, comparison):
            stderr(f"--fail-if {gate.text}: {caution}.")
        if checked.open:
            stderr(f"--fail-if {gate.text}: says nothing of {'; '.join(checked.open)}: not estimable.")
        if checked.holds:
            holding.append(gate.text)
    if unclear is not None:
        raise unclear
    if holding:
        raise GateHolds(f"{len(holding)} of {len(gates)} --fail-if conditions hold: {'; '.join(holding)}")
