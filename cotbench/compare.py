"""Paired statistics over recorded runs. No printing, no plotting.

Modes are paired on question ids, within a run and across runs, and only where what `_conditions` lists is the same: the
model's revision, dtype and arguments, chat template, task file, data and exemplars. Per mode: accuracy with a Wilson interval. Per pair: the mean of the paired
differences with a t interval, whose standard error is clustered where questions share a passage or a subject
(Miller 2024, arXiv:2411.00640), and the exact McNemar test on the questions that helped and hurt.

Denominators: a question whose request failed, or whose answer could not be compared in time, is in none of them. An
answer that could not be read counts as not right, as everywhere; its rate stands beside the accuracy, because it
differs between modes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from cotbench.errors import RunError
from cotbench.extract import VAGUE
from cotbench.records import QUESTIONS, Manifest, read_manifest, read_questions, read_records, state_of
from cotbench.tagging import RULE, is_symbolic
from cotbench.tallies import Curve, Outcomes, count_outcomes, curve_of
from cotbench.types import UNDECIDED, Outcome, Question

CONFIDENCE = 0.95
ALL, SYMBOLIC, OTHER = "all", "symbolic", "non-symbolic"
TAGS = (ALL, SYMBOLIC, OTHER)
_REWRITE = "Run `cotbench run --resume RUN` to write its files again."


@dataclass(frozen=True, kw_only=True)
class Run:
    folder: Path
    manifest: Manifest
    questions: Mapping[str, Question]
    records: Sequence[Mapping[str, Any]]

    @property
    def finished(self) -> bool:
        return self.manifest.status == "finished"


def load_run(folder: Path) -> Run:
    """Raises RunError where the folder doesn't hold what a run writes."""
    manifest = read_manifest(folder)
    questions, _ = read_questions(folder)
    records = read_records(folder)
    unknown = next((r["question"] for r in records if r["question"] not in questions), None)
    if unknown is not None:
        raise RunError(f"{folder / QUESTIONS}: lacks question {unknown}, which has a record.", _REWRITE)
    return Run(folder=folder, manifest=manifest, questions=questions, records=records)


# --- which records belong together --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Records of one mode on one task, with what decides whether they may be paired with another mode's."""

    model: str
    task: str
    mode: str
    run: Run
    conditions: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]


def _conditions(run: Run, task: str) -> dict[str, Any]:
    spec = run.manifest.spec
    model = spec["model"]
    return {
        "model revision": model["revision"],
        "dtype": model.get("dtype"),
        "--model-args": spec.get("model_args"),
        "chat template": model["chat_template_hash"] or model["chat_template"],
        "system role": run.manifest.engine.get("system_role"),
        "task file": spec["tasks"][task].get("file"),
        "data": spec["tasks"][task]["data"],
        "exemplars (--num-fewshot)": spec["num_fewshot"],
        "exemplars' source (--exemplars)": spec.get("exemplars", "the task's"),
    }


def cells_of(runs: Iterable[Run]) -> list[Cell]:
    cells = []
    for run in runs:
        by_mode: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for record in run.records:
            by_mode[record["task"], record["mode"]][record["question"]] = record
        wanted = [tuple(name.split("/", 1)) for name in run.manifest.spec["modes"]]
        for task, mode in wanted:
            if (task, mode) in by_mode:
                cells.append(
                    Cell(
                        model=run.manifest.spec["model"]["model"],
                        task=task,
                        mode=mode,
                        run=run,
                        conditions=_conditions(run, task),
                        records=by_mode[task, mode],
                    )
                )
    return cells


def _families(cells: Sequence[Cell]) -> tuple[list[list[Cell]], list[str]]:
    """Groups of cells that may be paired, per model and task; raises RunError where nothing that was asked for may be."""
    groups: dict[tuple[str, str], list[list[Cell]]] = defaultdict(list)
    for cell in cells:
        families = groups[cell.model, cell.task]
        home = next((family for family in families if family[0].conditions == cell.conditions), None)
        if home is None:
            families.append([cell])
            continue
        double = next((other for other in home if other.mode == cell.mode), None)
        if double is not None:
            raise RunError(
                f"{double.run.folder} and {cell.run.folder} both hold {cell.task} under {cell.mode} by {cell.model}.",
                "Name one of them only.",
            )
        home.append(cell)
    notes = []
    for (model, task), families in groups.items():
        modes = {cell.mode for family in families for cell in family}
        if len(families) > 1 and len(modes) > 1:
            reasons = [_why_not(families[0][0], family[0]) for family in families[1:]]
            if all(len(family) == 1 for family in families):
                raise RunError(
                    f"{task} by {model}: the runs can't be paired:\n  " + "\n  ".join(reasons),
                    "Run the modes under the same conditions (one `cotbench run` with several --mode does).",
                )
            notes += [f"{task} by {model}: kept apart, because {reason}" for reason in reasons]
    return [family for families in groups.values() for family in families], notes


def _why_not(first: Cell, second: Cell) -> str:
    parts = [
        f"{name}: {first.conditions[name]} in {first.run.folder.name}, {second.conditions[name]} in {second.run.folder.name}"
        for name in first.conditions
        if first.conditions[name] != second.conditions[name]
    ]
    return "; ".join(parts)


# --- estimates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ModeStats:
    """One mode on one task and tag. Rates and accuracy in 0..1, None where n is 0; tokens are means per question."""

    model: str
    task: str
    mode: str
    tag: str
    run: str
    engine: str
    n: int
    correct: int
    accuracy: float | None
    low: float | None
    high: float | None
    unread: float | None  # no answer was read: unparsed, truncated or refused
    truncated: float | None  # a completion was cut at its budget, whether or not an answer was read
    vague: float | None  # of the answers read, those by a vague rule
    undecided: int  # failed requests and grader timeouts, which are in no denominator
    mean_prompt_tokens: float | None
    mean_completion_tokens: float | None


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A mode against the baseline on the questions that both answered. delta, low, high in 0..1; None where not estimable."""

    model: str
    task: str
    mode: str
    baseline: str
    tag: str
    n: int
    both_right: int
    helped: int
    hurt: int
    both_wrong: int
    delta: float | None
    low: float | None
    high: float | None
    p: float | None
    clusters: int | None
    token_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    runs: list[str]
    modes: list[ModeStats]
    deltas: list[Delta]
    outcomes: list[Outcomes] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stub: bool = False
    tag_rule: str = RULE

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The Wilson score interval of a proportion."""
    interval = stats.binomtest(correct, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(helped: int, hurt: int) -> float:
    """Two-sided exact McNemar p: a binomial test on the discordant pairs; 1 where there are none."""
    return float(stats.binomtest(helped, helped + hurt, 0.5).pvalue) if helped + hurt else 1.0


def newcombe(helped: int, hurt: int, n: int) -> tuple[float, float]:
    """Newcombe's hybrid score interval for a difference of paired proportions, without the correction for their
    correlation (Newcombe 1998, "Improved confidence intervals for the difference ...", method 8): wide, never empty."""
    up, down = helped / n, hurt / n
    (low_up, high_up), (low_down, high_down) = wilson(helped, n), wilson(hurt, n)
    mean = up - down
    reach_down = math.hypot(up - low_up, high_down - down)
    reach_up = math.hypot(high_up - up, down - low_down)
    return max(-1.0, mean - reach_down), min(1.0, mean + reach_up)


def paired_interval(
    differences: np.ndarray[Any, Any], clusters: Sequence[str]
) -> tuple[float, float, float, int | None]:
    """Mean of paired differences, its interval, and the number of clusters (None if each question is its own).

    Clustered: the sandwich estimator over cluster sums with the factor G/(G-1), t with G-1 degrees of freedom; a question
    without a cluster is its own. One question, or one cluster, has no interval: it is (-1, 1). Where all differences are
    equal, the t interval has no width, and Newcombe's stands in.
    """
    n = len(differences)
    mean = float(differences.mean())
    clustered = any(clusters)
    if clustered:
        sums: dict[str, float] = defaultdict(float)
        for place, (difference, cluster) in enumerate(zip(differences.tolist(), clusters, strict=True)):
            sums[cluster or f"\x00{place}"] += difference - mean
        units = len(sums)
        variance = (
            math.fsum(total**2 for total in sums.values()) / n**2 * (units / (units - 1) if units > 1 else math.nan)
        )
    else:
        units = n
        variance = float(differences.var(ddof=1)) / n if n > 1 else math.nan
    if math.isnan(variance):
        low, high = -1.0, 1.0
    elif variance == 0:
        # All differences are the same, which doesn't mean that they are known without error.
        low, high = newcombe(int((differences > 0).sum()), int((differences < 0).sum()), n)
    else:
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, units - 1)) * math.sqrt(variance)
        low, high = max(-1.0, mean - reach), min(1.0, mean + reach)
    return mean, low, high, units if clustered else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mode_stats(cell: Cell, tag: str, symbolic: Mapping[str, bool]) -> ModeStats:
    rows = [r for q, r in cell.records.items() if _in(tag, symbolic[q])]
    decided = [r for r in rows if r["outcome"] not in UNDECIDED]
    n, correct = len(decided), sum(r["outcome"] == Outcome.CORRECT for r in decided)
    read = [r for r in decided if r["answer"] is not None]
    low, high = wilson(correct, n) if n else (None, None)
    return ModeStats(
        model=cell.model,
        task=cell.task,
        mode=cell.mode,
        tag=tag,
        run=cell.run.folder.name,
        engine=cell.run.manifest.spec["model"]["engine"],
        n=n,
        correct=correct,
        accuracy=correct / n if n else None,
        low=low,
        high=high,
        unread=(n - len(read)) / n if n else None,
        truncated=sum(bool(r["truncated"]) for r in decided) / n if n else None,
        vague=sum(r["rule"] in VAGUE for r in read) / len(read) if read else None,
        undecided=len(rows) - n,
        mean_prompt_tokens=_mean(r["prompt_tokens"] for r in decided),
        mean_completion_tokens=_mean(r["completion_tokens"] for r in decided),
    )


def _in(tag: str, symbolic: bool) -> bool:
    return tag == ALL or symbolic == (tag == SYMBOLIC)


def _delta(cell: Cell, base: Cell, tag: str, symbolic: Mapping[str, bool]) -> Delta:
    pairs = [
        (base.records[q], record, cell.run.questions[q].cluster)
        for q, record in cell.records.items()
        if q in base.records and _in(tag, symbolic[q])
    ]
    pairs = [(a, b, c) for a, b, c in pairs if a["outcome"] not in UNDECIDED and b["outcome"] not in UNDECIDED]
    before = np.array([a["outcome"] == Outcome.CORRECT for a, _, _ in pairs], dtype=int)
    after = np.array([b["outcome"] == Outcome.CORRECT for _, b, _ in pairs], dtype=int)
    helped, hurt = int(((after - before) == 1).sum()), int(((after - before) == -1).sum())
    both = int((after & before).sum()) if pairs else 0
    mean = low = high = p = None
    clusters: int | None = None
    if pairs:
        mean, low, high, clusters = paired_interval(after - before, [c for _, _, c in pairs])
        p = mcnemar_exact(helped, hurt)
    spent = [
        _mean(r["completion_tokens"] for r in rows) for rows in ([a for a, _, _ in pairs], [b for _, b, _ in pairs])
    ]
    return Delta(
        model=cell.model,
        task=cell.task,
        mode=cell.mode,
        baseline=base.mode,
        tag=tag,
        n=len(pairs),
        both_right=both,
        helped=helped,
        hurt=hurt,
        both_wrong=len(pairs) - both - helped - hurt,
        delta=mean,
        low=low,
        high=high,
        p=p,
        clusters=clusters,
        token_ratio=spent[1] / spent[0] if spent[0] and spent[1] else None,
    )


def compare(runs: Sequence[Run], baseline: str = "direct") -> Comparison:
    """All estimates over some runs. Raises RunError where what was asked for can't be paired."""
    cells = cells_of(runs)
    if not cells:
        raise RunError(
            f"{', '.join(str(run.folder) for run in runs)}: there are no records yet.",
            "Let the run get further, or resume it.",
        )
    families, notes = _families(cells)
    symbolic: dict[str, bool] = {}
    for run in runs:
        symbolic |= {identity: is_symbolic(q) for identity, q in run.questions.items() if identity not in symbolic}
    modes: list[ModeStats] = []
    deltas: list[Delta] = []
    outcomes: list[Outcomes] = []
    curves: list[Curve] = []
    count = Counter((family[0].model, family[0].task) for family in families)
    for family in families:
        if count[family[0].model, family[0].task] > 1:
            # Kept apart, so told apart: by the run that holds them.
            family = [replace(cell, model=f"{cell.model} [{family[0].run.folder.name}]") for cell in family]
        modes += [_mode_stats(cell, tag, symbolic) for cell in family for tag in TAGS]
        for cell in family:
            names = cell.model, cell.task, cell.mode
            outcomes.append(count_outcomes(*names, cell.records.values()))
            curves += curve_of(*names, cell.records.values())
        base = next((cell for cell in family if cell.mode == baseline), None)
        if base is None:
            notes.append(
                f"{family[0].task} by {family[0].model}: no records under '{baseline}', so there is nothing to compare with."
            )
            continue
        for cell in family:
            if cell.mode != baseline:
                deltas += [_delta(cell, base, tag, symbolic) for tag in TAGS]
                notes += _unlike(cell, base)
                alone = len(set(cell.records) ^ set(base.records))
                if alone:
                    notes.append(
                        f"{cell.task} by {cell.model}: {alone} questions have a record under only one of {baseline} and {cell.mode}; pairs leave them out."
                    )
        _flag_reasoning(family, base, modes, notes)
    notes = [note for run in runs for note in _state_notes(run)] + notes
    return Comparison(
        runs=[run.folder.name for run in runs],
        modes=modes,
        deltas=deltas,
        outcomes=outcomes,
        curves=curves,
        notes=notes,
        stub=any(run.manifest.spec["model"]["engine"] == "stub" for run in runs),
    )


def _state_notes(run: Run) -> list[str]:
    """What a run lacks: it isn't finished, or requests of it failed."""
    name, notes = run.folder.name, []
    if not run.finished:
        total = run.manifest.totals.get("of", "?")
        notes.append(
            f"{name} is not finished ({state_of(run.folder, run.manifest)}): {len(run.records)} of {total} answers so far. "
            f"Go on with: cotbench run --resume {run.folder}"
        )
    if not run.manifest.spec.get("programs", {}).get("contained", True):
        notes.append(f"{name}: model-written code was run without containment (--allow-unsandboxed-code).")
    errors = sum(r["outcome"] == Outcome.ENGINE_ERROR for r in run.records)
    if errors:
        notes.append(
            f"{name}: {errors} requests failed and are in no denominator; `cotbench run --resume` asks for them again."
        )
    return notes


def _unlike(cell: Cell, base: Cell) -> list[str]:
    """What differs between two modes beside the mode, and may be meant."""
    notes = []
    ours, theirs = (c.run.manifest.spec["modes"][f"{c.task}/{c.mode}"] for c in (cell, base))
    name = f"{cell.task} by {cell.model}"
    for key in ("temperature", "top_p"):
        here, there = (m.get("sampling", {}).get(key) for m in (ours, theirs))
        if here != there:
            notes.append(f"{name}: {key} is {here} under {cell.mode} and {there} under {base.mode}.")
    if cell.run is not base.run and ours.get("shared") != theirs.get("shared"):
        notes.append(
            f"{name}: what prompts share (persona, answer contract) differs between {cell.run.folder.name} and {base.run.folder.name}."
        )
    return notes


def _flag_reasoning(family: Sequence[Cell], base: Cell, modes: Sequence[ModeStats], notes: list[str]) -> None:
    """A direct arm that reasons anyway isn't direct: say so where its answers are half as long as the other mode's."""
    mean = {
        s.mode: s.mean_completion_tokens
        for s in modes
        if s.task == base.task and s.model == base.model and s.tag == ALL
    }
    short = mean.get(base.mode)
    for cell in family:
        longer = mean.get(cell.mode)
        if cell.mode != base.mode and short and longer and short > 40 and short > longer / 2:
            notes.append(
                f"{cell.task} by {cell.model}: answers under {base.mode} take {short:.0f} tokens, under {cell.mode} {longer:.0f}: "
                f"the model may reason under {base.mode} too, which hides an effect."
            )
