"""What a run is likely to take, from answers that are on record: tokens and time, each with an interval.

Budgets say the most that a run may write, and answers end long before theirs. What they take is known from an earlier
run of the same model, or from the first questions of the run itself (`--probe`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
from scipy import special

from cotbench.analysis.prices import HourPrice, Prices, money
from cotbench.errors import RunError
from cotbench.runs.prepare import RunPlan, estimate
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lines import read_lines
from cotbench.store.lookup import list_runs
from cotbench.store.manifest import Manifest, read_manifest
from cotbench.store.records import RECORDS
from cotbench.types import Key, Outcome

CONFIDENCE = 0.95
FEWEST = 2  # answers from which a spread can be told
# How near the answers are that an estimate rests on. own: of the run's own first questions; same: of the same task
# under the same prompt and sampling; other settings: the same arm on the same task, with another prompt, budget or
# sampling; other task: the same arm on another task.
Basis = Literal["own", "same", "other settings", "other task"]
_NEAREST: Sequence[Basis] = ("own", "same", "other settings", "other task")


class _Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is read of a record: what it took."""

    question: str
    task: str
    mode: str
    outcome: Outcome
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    requests: tuple[tuple[str | int, ...], ...] = ()

    @property
    def keys(self) -> Iterator[Key]:
        for request, ordinal, *replicate in self.requests:
            yield Key(self.question, str(request), int(replicate[0]) if replicate else 0, int(ordinal))


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number that is likely, and the ends of its interval, where there is one."""

    likely: float
    low: float | None = None
    high: float | None = None

    @property
    def reach(self) -> float | None:
        """Half of the interval before it was cut at what can't be."""
        return None if self.high is None else self.high - self.likely

    def scaled(self, factor: float) -> Amount:
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Amount(likely=self.likely * factor, **dict(zip(("low", "high"), ends, strict=True)))


def total_of(values: Sequence[float], wanted: int, *, of_them: bool) -> Amount:
    """What `wanted` answers take together, by the answers that are known.

    of_them: the known answers are a sample of the wanted ones, drawn at random; else the wanted ones are further draws
    from where the known ones are from. Simple expansion and its finite population correction: Cochran 1977, Sampling
    Techniques, eqs. 2.18 to 2.23; the prediction of a sum of further draws has the variance s2 (m2 / n + m); Student's
    t for both."""
    known = len(values)
    mean = sum(values) / known
    likely = mean * wanted
    if of_them and known >= wanted:
        return Amount(likely=sum(values), low=sum(values), high=sum(values))
    if known < FEWEST:
        return Amount(likely=likely)
    variance = sum((value - mean) ** 2 for value in values) / (known - 1)
    further = wanted - known if of_them else wanted
    error = math.sqrt(variance * (further * further / known + further))
    reach = float(special.stdtrit(known - 1, (1 + CONFIDENCE) / 2)) * error
    spent = sum(values) if of_them else 0.0
    return Amount(likely=likely, low=max(spent, likely - reach), high=likely + reach)


def together(amounts: Iterable[Amount], *, apart: bool = True) -> Amount:
    """The sum of amounts. apart: what they rest on has nothing in common, so that their intervals are added in squares;
    else end to end, which holds however they depend on each other. None where one of them has none."""
    parts = list(amounts)
    likely = sum(part.likely for part in parts)
    reaches = [part.reach for part in parts if part.reach is not None]
    if len(reaches) < len(parts) or not parts:
        return Amount(likely=likely)
    reach = math.hypot(*reaches) if apart else sum(reaches)
    low = max(sum(part.low or 0.0 for part in parts), likely - reach) if apart else likely - reach
    return Amount(likely=likely, low=max(0.0, low), high=likely + reach)


def _of_task(arms: Sequence[_Estimated], name: Literal["completion", "prompt"]) -> Amount | None:
    """What the arms of one task are likely to take together. They answer the same questions, and a question that makes
    one arm write much makes others write much too: where the same questions are known of all of them, their sums by
    question are what is expanded."""
    first = arms[0]
    amounts = [getattr(arm.told, name) for arm in arms]
    known = [arm.tokens if name == "completion" else arm.prompts for arm in arms]
    if None in amounts:
        return None
    bases = {(arm.told.run, arm.told.basis) for arm in arms}
    if len(bases) > 1 or first.told.basis == "other task" or any(one.keys() != known[0].keys() for one in known):
        return together(amounts, apart=False)
    sums = [sum(one[question] for one in known) for question in known[0]]
    return total_of(sums, first.wanted, of_them=first.told.basis == "own")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How many completion tokens a second were written. runs: where it was measured."""

    tokens_per_s: float
    runs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ArmLikely:
    """What an arm is likely to take on a task. answers: how many it rests on, each with a mean and a standard
    deviation of completion tokens; run and on_task: whose they are."""

    task: str
    mode: str
    basis: Basis
    run: str
    on_task: str
    answers: int
    mean: float
    sd: float | None
    completion: Amount
    prompt: Amount | None


@dataclass(frozen=True, kw_only=True)
class _Estimated:
    """What an arm is likely to take, with the tokens of each question that it rests on."""

    told: ArmLikely
    wanted: int
    tokens: dict[str, int]
    prompts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Likely:
    """What a run is likely to take. missing: the tasks and arms of which nothing is on record, which are in no sum."""

    arms: tuple[ArmLikely, ...]
    missing: tuple[tuple[str, str], ...]
    completion: Amount
    prompt: Amount | None
    pace: Pace | None
    seconds: Amount | None

    def of(self, task: str, mode: str) -> ArmLikely | None:
        return next((arm for arm in self.arms if (arm.task, arm.mode) == (task, mode)), None)


@dataclass
class _Source:
    """A run that answers may be taken from."""

    folder: Path
    manifest: Manifest
    own: bool = False  # whether it is the run that is estimated
    _answers: dict[tuple[str, str], list[_Answer]] | None = field(default=None, repr=False)

    @property
    def engine(self) -> str:
        """What it was asked of: replicas have another pace than the one engine that each has."""
        return "ray" if self.manifest.engine.get("carried") else self.manifest.spec.model.engine

    def answers(self, task: str, mode: str) -> list[_Answer]:
        """The answers whose tokens are known; [] where the records can't be read."""
        if self._answers is None:
            self._answers = {}
            with suppress(RunError):
                for row in read_lines(self.folder / RECORDS, _Answer, torn=True):
                    if row.completion_tokens is not None and row.outcome != Outcome.ENGINE_ERROR:
                        self._answers.setdefault((row.task, row.mode), []).append(row)
        return self._answers.get((task, mode), [])


def likely(plan: RunPlan, output_dir: Path, own: Path | None = None) -> Likely | None:
    """What a plan is likely to take, by what is on record in a folder of runs; None where there is nothing like it.

    own: the plan's own run, of which some answers are on record; only they are looked at."""
    sources = _sources(plan, [own] if own is not None else list_runs(output_dir), own=own is not None)
    arms: list[_Estimated] = []
    missing: list[tuple[str, str]] = []
    used: list[_Source] = []
    counted: set[tuple[str, str]] = set()  # shared turns of a task, which modes after the first get for nothing
    for (task, mode), kit in plan.kits.items():
        shared = {turn.name: turn.template for turn in kit.mode.turns if turn.shared}
        paid = {template for name, template in shared.items() if (task, name) in counted}
        counted |= {(task, name) for name in shared}
        found = _nearest(plan, sources, task, mode)
        if found is None:
            missing.append((task, mode))
            continue
        source, on_task, basis = found
        arms.append(_arm(plan, source, (task, mode), on_task, basis, paid))
        used.append(source)
    if not arms:
        return None
    by_task = [[arm for arm in arms if arm.told.task == task] for task in dict.fromkeys(arm.told.task for arm in arms)]
    completion, prompt = (
        None if None in parts else together(part for part in parts if part is not None)
        for parts in ([_of_task(members, name) for members in by_task] for name in ("completion", "prompt"))
    )
    assert completion is not None
    pace = _pace(used, plan.options.engine_name)
    return Likely(
        arms=tuple(arm.told for arm in arms),
        missing=tuple(missing),
        completion=completion,
        prompt=prompt,
        pace=pace,
        seconds=None if pace is None else completion.scaled(1 / pace.tokens_per_s),
    )


def _sources(plan: RunPlan, folders: Iterable[Path], *, own: bool) -> list[_Source]:
    """The runs of the plan's model, those by its engine first, the latest of each first."""
    sources = []
    for folder in folders:
        with suppress(RunError):
            manifest = read_manifest(folder)
            if manifest.options.get("model") == plan.options.model:
                sources.append(_Source(folder, manifest, own))
    return sorted(sources, key=lambda source: source.engine != plan.options.engine_name)


def _nearest(plan: RunPlan, sources: Sequence[_Source], task: str, mode: str) -> tuple[_Source, str, Basis] | None:
    """The run whose answers are most like those that are wanted, the task they are about, and how near they are."""
    found: list[tuple[int, int, _Source, str, Basis]] = []
    for place, source in enumerate(sources):
        for on_task, arm in source.manifest.spec.pairs:
            if arm == mode:
                basis = _basis(plan, source, task, mode, on_task)
                found.append((_NEAREST.index(basis), place, source, on_task, basis))
    for _, _, source, on_task, basis in sorted(found, key=lambda one: one[:2]):
        if len(source.answers(on_task, mode)) >= FEWEST:
            return source, on_task, basis
    return None


def _basis(plan: RunPlan, source: _Source, task: str, mode: str, on_task: str) -> Basis:
    if source.own and on_task == task:
        return "own"
    if on_task != task:
        return "other task"
    kit, spec = plan.kits[task, mode], source.manifest.spec_row
    recorded = spec["modes"][f"{task}/{mode}"]
    first = kit.mode.turns[0]
    same = (
        recorded.get("prompt") == kit.prompts.hash(first.template, task)
        and recorded.get("sampling") == msgspec.to_builtins(kit.sampling[""].as_dict())
        and spec.get("num_fewshot") == plan.options.num_fewshot
    )
    return "same" if same else "other settings"


def _arm(
    plan: RunPlan, source: _Source, pair: tuple[str, str], on_task: str, basis: Basis, paid: Collection[str]
) -> _Estimated:
    task, mode = pair
    answers = source.answers(on_task, mode)
    by_question = dict(zip((answer.question for answer in answers), _own_tokens(source, answers, paid), strict=True))
    prompts = {answer.question: answer.prompt_tokens for answer in answers if answer.prompt_tokens is not None}
    tokens = list(by_question.values())
    wanted = len(plan.questions[task])
    amounts: list[Amount | None] = [
        total_of(list(values.values()), wanted, of_them=basis == "own") if values else None
        for values in (by_question, prompts)
    ]
    if basis == "other task":  # how far tasks differ from each other isn't in the spread of one
        amounts = [None if one is None else Amount(likely=one.likely) for one in amounts]
    completion, prompt = amounts
    assert completion is not None
    mean = sum(tokens) / len(tokens)
    sd = math.sqrt(sum((value - mean) ** 2 for value in tokens) / (len(tokens) - 1)) if len(tokens) > 1 else None
    told = ArmLikely(
        task=task,
        mode=mode,
        basis=basis,
        run=source.manifest.run,
        on_task=on_task,
        answers=len(tokens),
        mean=mean,
        sd=sd,
        completion=completion,
        prompt=prompt,
    )
    return _Estimated(told=told, wanted=wanted, tokens=by_question, prompts=prompts)


def _own_tokens(source: _Source, answers: Sequence[_Answer], paid: Collection[str]) -> list[int]:
    """The completion tokens of each answer, without those of turns that an arm before this one is asked already."""
    tokens = [answer.completion_tokens or 0 for answer in answers]
    if not paid:
        return tokens
    journal = JournalIndex(source.folder / JOURNAL)
    return [
        most - sum(row.reply().completion_tokens or 0 for row in journal.replies(answer.keys) if row.template in paid)
        for most, answer in zip(tokens, answers, strict=True)
    ]


def _pace(sources: Sequence[_Source], engine: str) -> Pace | None:
    """How fast the engine wrote in these runs."""
    tokens, seconds, runs = 0, 0.0, []
    for source in {id(source): source for source in sources if source.engine == engine}.values():
        written, took = _busy(source.manifest)
        if written and took:
            tokens, seconds = tokens + written, seconds + took
            runs.append(source.manifest.run)
    return Pace(tokens_per_s=tokens / seconds, runs=tuple(runs)) if tokens and seconds else None


def _busy(manifest: Manifest) -> tuple[int, float]:
    """The completion tokens that a run wrote, and the seconds in which its loop asked for them. Earlier versions told
    the seconds of a whole session only, and the tokens of all of them together."""
    asked = [session for session in manifest.sessions if session.get("requests")]
    told = [session for session in asked if session.get("busy_s") and session.get("new_tokens")]
    if told:
        return sum(one["new_tokens"] for one in told), sum(one["busy_s"] for one in told)
    if len(asked) == 1 and not asked[0].get("reused"):
        return int(manifest.totals.get("completion_tokens") or 0), float(asked[0].get("wall_s") or 0.0)
    return 0, 0.0


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a run is likely to cost, in a currency. by_hour: by the hours of GPUs, else by tokens."""

    currency: str
    amount: Amount
    by_hour: bool


def bill(found: Likely, prices: Prices, model: str) -> Bill | None:
    """What a run is likely to cost; None where no price is known of its model, or what it counts isn't known. All
    tokens of prompts are taken as new ones: what a cache has of them isn't known before."""
    price = prices.of(model)
    if price is None:
        return None
    completion, prompt, seconds = found.completion, found.prompt, found.seconds

    def cost(end: str) -> float | None:
        tokens, prompts, busy = (None if one is None else getattr(one, end) for one in (completion, prompt, seconds))
        if isinstance(price, HourPrice):
            return None if busy is None else money(price, busy_s=float(busy))
        if tokens is None or prompts is None:
            return None
        return money(price, prompt=float(prompts), completion=float(tokens))

    if (amount := cost("likely")) is None:
        return None
    ends = Amount(likely=amount, low=cost("low"), high=cost("high"))
    return Bill(currency=prices.currency, amount=ends, by_hour=isinstance(price, HourPrice))


def rows_of(plan: RunPlan, found: Likely | None, prices: Prices | None = None) -> list[dict[str, Any]]:
    """The rows of `--dry-run`: what each task and arm asks at most, and what it is likely to take; the last one is of
    all together."""
    rows = [{**row, **_figures(found.of(row["task"], row["mode"]) if found else None)} for row in estimate(plan)]
    sums = ("questions", "requests", "paths", "prompt_tokens_about", "completion_tokens_at_most")
    total: dict[str, Any] = {"task": "all", "mode": "all", **{name: sum(row[name] for row in rows) for name in sums}}
    if found is not None:
        total |= _amount("completion_tokens", found.completion) | _amount("prompt_tokens", found.prompt)
        total |= _amount("seconds", found.seconds)
        total["tokens_per_s"] = None if found.pace is None else found.pace.tokens_per_s
        total["pace_of"] = [] if found.pace is None else list(found.pace.runs)
        if prices is not None:
            charged = bill(found, prices, plan.options.model)
            total |= {"currency": prices.currency, **_amount("cost", charged.amount if charged else None)}
        total["not_in_likely"] = [f"{task}/{mode}" for task, mode in found.missing]
    return [*rows, total]


def _figures(arm: ArmLikely | None) -> dict[str, Any]:
    if arm is None:
        return {"completion_tokens_likely": None}
    return {
        **_amount("completion_tokens", arm.completion),
        **_amount("prompt_tokens", arm.prompt),
        "likely_by": arm.basis,
        "likely_answers": arm.answers,
        "likely_mean": arm.mean,
        "likely_sd": arm.sd,
        "likely_run": arm.run,
        "likely_task": arm.on_task,
    }


def _amount(name: str, amount: Amount | None) -> dict[str, Any]:
    ends = ("likely", "low", "high")
    return {f"{name}_{end}": None if amount is None else getattr(amount, end) for end in ends}
