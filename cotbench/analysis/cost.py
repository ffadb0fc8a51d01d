"""What an arm's answers cost, in tokens, in money where prices are given, and in seconds where they were measured.

Tokens are of three kinds. *Completion* tokens are what a model writes, reasoning included, over all paths. *Uncached
prompt* tokens are those that no cache had, where the engine tells it. *Serial* tokens are what one waits for: of paths
that are drawn side by side the longest, of turns that follow each other the sum; a vote over eight paths writes eight
times as much and waits once.

Costs are paired with the answers, question by question, so that both vary together (`ratios.py`). A price of tokens is
that of an arm by itself; a price of GPU-hours is what the whole run took, shared out by the tokens of each answer.

Seconds are those that an engine tells of single requests (`EngineInfo.seconds` says which); an engine that generates in
batches tells none, since what a batch takes is no request's time. Time for programs, grading and waiting for a turn is
not in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from msgspec import UNSET

from cotbench.analysis import stats
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval, Paired, Spread, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.heard import hear
from cotbench.analysis.pairing import Cell, Panel, Run
from cotbench.analysis.prices import HourPrice, Price, Prices, money
from cotbench.analysis.ratios import Mean, Ratio, Worth, per_right, worth
from cotbench.analysis.stats import Array
from cotbench.questions.tagging import Rule
from cotbench.store.table import Judged

THOUSAND = 1_000
_NO_MODEL = frozenset({"replay"})  # engines whose seconds are no model's
_PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one mode's answers cost on one task and tag. None: unknown, or there are no prices.

    currency: of all that is money, "" without prices. cost_per_1000: money for 1,000 questions. cost_of_pass: money per
    right answer; None with a low end where none was right: then it is infinite. tokens_per_right: completion tokens per
    right answer, likewise. uncached and cached prompt tokens: means per question, None where the engine doesn't tell
    them apart. serial: completion tokens that one waits for. seconds: to an answer, over the `timed` questions of which
    they were measured; seconds_are: what was measured, in words. busy_s: the seconds that the run's engine had
    something to do, and gpus: how many the run had, where the price is one of hours.
    """

    model: str
    task: str
    mode: str
    tag: str
    run: str
    n: int
    correct: int
    currency: str = ""
    cost: Interval = field(metadata=columns(value="cost_per_1000", low="cost_low", high="cost_high"))
    of_pass: Ratio = field(metadata=columns(value="cost_of_pass", low="cost_of_pass_low", high="cost_of_pass_high"))
    per_right: Ratio = field(
        metadata=columns(value="tokens_per_right", low="tokens_per_right_low", high="tokens_per_right_high")
    )
    completion_tokens: float | None
    uncached_prompt_tokens: float | None
    cached_prompt_tokens: float | None
    serial: Spread = field(
        metadata=columns(mean="mean_serial_tokens", median="median_serial_tokens", p95="p95_serial_tokens")
    )
    timed: int
    seconds_p50: float | None
    seconds_p95: float | None
    seconds_are: str
    busy_s: float | None = None
    gpus: int | None = None

    @property
    def cost_of_pass(self) -> float | None:
        """Money per right answer; infinite where none was right."""
        return _or_infinite(self.of_pass)

    @property
    def tokens_per_right(self) -> float | None:
        """Completion tokens per right answer; infinite where none was right."""
        return _or_infinite(self.per_right)


def _or_infinite(ratio: Ratio) -> float | None:
    return float("inf") if ratio.value is None and ratio.low is not None else ratio.value


def _worth_columns(name: str) -> dict[str, Mapping[str, str]]:
    own = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    return columns(**own, bound=f"{name}_bound", decision=f"{name}_decision")


@dataclass(frozen=True, kw_only=True)
class Payoff(Paired):
    """What a mode's extra right answers cost against a baseline, on the questions that both answered.

    gain: the difference in right answers, -1..1. more_cost: the difference in money for 1,000 questions; more_tokens:
    in completion tokens per question. cost_per_extra and tokens_per_extra: money or completion tokens per extra right
    answer, and the decision, as in `ratios.Worth`; None where the difference in right answers may be zero.
    """

    tag: str
    n: int
    currency: str = ""
    gain: float | None
    more_cost: Interval = field(metadata=columns(value="more_cost", low="more_cost_low", high="more_cost_high"))
    more_tokens: Interval = field(metadata=columns(value="more_tokens", low="more_tokens_low", high="more_tokens_high"))
    money: Worth = field(metadata=_worth_columns("cost_per_extra"))
    tokens: Worth = field(metadata=_worth_columns("tokens_per_extra"))


# --- what single questions took -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Spent:
    """What the questions of a cell took, as arrays in the panel's order; nan where it isn't known.

    second_prompt, second_completion: how many of the tokens are a second model's; 0 where none was asked."""

    prompt: Array
    cached: Array
    completion: Array
    serial: Array
    seconds: Array
    second_prompt: Array
    second_completion: Array


def spent_of(cell: Cell) -> Spent:
    """Return what the questions of a cell took, by its records and what its journal was told beside."""
    heard = cell.heard
    second = np.where(cell.asked, np.zeros((2, len(cell.places))), np.nan)
    judged = cell.having("judged")
    for column, rows in zip(("judge_prompt_tokens", "judge_completion_tokens"), second, strict=True):
        told = (getattr(row, column) for row in cell.parts(Judged, judged))
        rows[judged] = np.array([0 if tokens is UNSET else tokens for tokens in told], dtype=float)
    return Spent(
        prompt=cell.tokens("prompt") + heard.more,
        cached=heard.cached,
        completion=cell.tokens("completion"),
        serial=heard.serial,
        seconds=heard.seconds,
        second_prompt=second[0],
        second_completion=second[1],
    )


def busy_seconds(run: Run) -> tuple[float | None, bool]:
    """Return the seconds that a run's engine had something to do, and whether they were measured.

    Replies that were taken from another run took their share of its seconds. Sessions of earlier versions say only how
    long they took, the loading of the model included. None where no session says anything, nothing is known of what
    was taken, or the engine has no model at work.
    """
    if run.manifest.spec.model.engine in _NO_MODEL:
        return None, False
    busy, measured = [], True
    for session in run.manifest.sessions:
        known = next((s for name in ("busy_s", "wall_s") if isinstance(s := session.get(name), int | float)), None)
        if known is not None and known >= 0:
            busy.append(float(known))
            measured &= "busy_s" in session
        shares = [one.get("busy_s") for one in session.get("taken", {}).values()]
        if None in shares:
            return None, False
        busy += shares
    return (sum(busy), measured) if busy else (None, False)


def gpus_of(run: Run) -> int:
    """Return how many GPUs a run says that it had: what vLLM was told to spread the model over, else one."""
    given = run.manifest.spec.model_args or {}
    sizes = [given[name] for name in _PARALLEL if type(given.get(name)) is int and given[name] > 0]
    return int(np.prod(sizes)) if sizes else 1


# --- money --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Hours:
    """A run's cost by the hour: all of it, over the weight of all of its answers."""

    per_weight: float
    busy_s: float
    gpus: int


def _weight(price: HourPrice, prompt: Array, cached: Array, completion: Array) -> Array:
    """Return an answer's share of a run's time, in completion tokens; a prompt that isn't known has none."""
    unread = np.nan_to_num(prompt) - np.nan_to_num(cached)
    return np.asarray(price.prompt_weight * np.maximum(0.0, unread) + completion)


class Purse:
    """What questions cost by a file of prices, run by run. notes: what has to be said of it."""

    def __init__(self, prices: Prices | None) -> None:
        self.currency = prices.currency if prices is not None else ""
        self.notes: dict[str, None] = {}
        self._prices = prices
        self._hours: dict[tuple[int, HourPrice], _Hours | None] = {}

    def money(self, cell: Cell, spent: Spent) -> tuple[Array, _Hours | None]:
        """Return the money of each question, nan where it isn't known; and by what hours, where it goes by them."""
        unknown = np.full(len(spent.completion), np.nan)
        model = cell.run.manifest.spec.model.model
        price: Price | None = None if self._prices is None else self._prices.of(model)
        if price is None:
            if self._prices is not None:
                self.notes[f"--prices says nothing of {model}, so what it costs isn't known."] = None
            return unknown, None
        if isinstance(price, HourPrice):
            hours = self._by_the_hour(cell.run, price)
            if hours is None:
                return unknown, None
            return _weight(price, spent.prompt, spent.cached, spent.completion) * hours.per_weight, hours
        second = self._of_second(cell, spent)
        told = np.nan_to_num(spent.cached)
        if price.cached != price.prompt and cell.asked.any() and np.isnan(spent.cached[cell.asked]).all():
            self.notes[
                f"{model}: its engine doesn't tell which prompt tokens a cache had (vLLM's server does with "
                "--enable-prompt-tokens-details, SGLang's with --enable-cache-report), so all cost what `in` says."
            ] = None
        prompt, completion = spent.prompt - spent.second_prompt, spent.completion - spent.second_completion
        # What a cache had isn't told by model, so it is the first one's as far as that was sent so much.
        paid = money(price, prompt=prompt, cached=np.minimum(told, np.nan_to_num(prompt)), completion=completion)
        return np.asarray(paid) + second, None

    def _of_second(self, cell: Cell, spent: Spent) -> Array:
        """Return the money that each question's second model took; nan where it isn't known."""
        asked = (spent.second_prompt != 0) | (spent.second_completion != 0)
        second = cell.run.manifest.spec.judge
        if self._prices is None or second is None or not asked.any():
            return np.zeros(len(asked))
        price = self._prices.of(second.model)
        if price is None or isinstance(price, HourPrice):
            why = "nothing" if price is None else "hours"
            self.notes[f"--prices says {why} of the judge {second.model}, so what its answers cost isn't known."] = None
            return np.where(asked, np.nan, 0.0)
        paid = money(price, prompt=spent.second_prompt, cached=0.0 * asked, completion=spent.second_completion)
        return np.asarray(paid)

    def _by_the_hour(self, run: Run, price: HourPrice) -> _Hours | None:
        key = (id(run), price)
        if key not in self._hours:
            self._hours[key] = self._shared_out(run, price)
        return self._hours[key]

    def _shared_out(self, run: Run, price: HourPrice) -> _Hours | None:
        name, gpus = run.folder.name, price.gpus or gpus_of(run)
        busy_s, measured = busy_seconds(run)
        heard = hear(run, np.arange(len(run.records)))
        prompt, completion = run.columns["prompt"] + heard.more, run.columns["completion"]
        total = float(np.nansum(_weight(price, prompt, heard.cached, completion)))
        paid = money(price, busy_s=busy_s, gpus=gpus)
        if paid is None or busy_s is None or not total:
            why = "how long a model was at work" if busy_s is None else "how many tokens it wrote"
            self.notes[f"{name} doesn't say {why}, so a price of hours says nothing of it."] = None
            return None
        if not measured:
            self.notes[
                f"{name} was made by a version that didn't say how long the engine was busy: its price of hours is of "
                "the whole session, the loading of the model included."
            ] = None
        self.notes[
            f"{name}: the price of its {busy_s / 3600:.2g} busy hours on {gpus} GPU{'s' * (gpus > 1)} is shared out "
            f"among its answers by their tokens, a prompt token as {price.prompt_weight:g} of a completion token "
            "(`prompt_weight` in the file of prices)."
        ] = None
        return _Hours(per_weight=float(paid) / total, busy_s=busy_s, gpus=gpus)


# --- rows ---------------------------------------------------------------------------------------------------------


def _mean_of(panel: Panel, mask: Array) -> Mean:
    """Return what gives the mean of numbers about the questions of a mask, by how these were drawn."""
    return partial(stats.mean, **panel.design(mask))


def _amount(values: Array, mean: Mean, times: float = 1.0, *, floor: float | None = None) -> Interval:
    """Return a mean, so many times, with its interval; without one where one question or cluster can't tell."""
    if not len(values):
        return Interval()
    known = mean(values * times)
    if known.se is None:
        return Interval(value=known.value)
    low = known.low if floor is None else max(floor, known.low)
    return Interval(value=known.value, low=low, high=known.high, se=known.se)


def _average(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Priced:
    """A cell with what its questions took and cost."""

    cell: Cell
    spent: Spent
    money: Array
    hours: _Hours | None


def _cost(panel: Panel, priced: _Priced, tag: str, mask: Array, currency: str) -> Cost:
    """Return what a mode's answers cost on the questions of a mask."""
    cell, spent = priced.cell, priced.spent
    decided = cell.decided & mask
    n, correct = int(decided.sum()), int((cell.right & decided).sum())

    def ratio(values: Array) -> Ratio:
        known = decided & ~np.isnan(values)
        return per_right(values[known], cell.right[known], _mean_of(panel, known))

    paid = decided & ~np.isnan(priced.money)
    took = spent.seconds[decided & ~np.isnan(spent.seconds)]
    told = decided & ~np.isnan(spent.cached) & ~np.isnan(spent.prompt)
    return Cost(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        tag=tag,
        run=cell.run.folder.name,
        n=n,
        correct=correct,
        currency=currency,
        cost=_amount(priced.money[paid], _mean_of(panel, paid), THOUSAND, floor=0.0),
        of_pass=ratio(priced.money),
        per_right=ratio(spent.completion),
        completion_tokens=_average(spent.completion[decided]),
        uncached_prompt_tokens=_average((spent.prompt - spent.cached)[told]),
        cached_prompt_tokens=_average(spent.cached[told]),
        serial=Spread.of(spent.serial[decided]),
        timed=len(took),
        seconds_p50=float(np.quantile(took, 0.5)) if len(took) else None,
        seconds_p95=float(np.quantile(took, 0.95)) if len(took) else None,
        seconds_are=str(cell.run.manifest.engine.get("seconds") or "") if len(took) else "",
        busy_s=priced.hours.busy_s if priced.hours else None,
        gpus=priced.hours.gpus if priced.hours else None,
    )


def _payoff(panel: Panel, one: _Priced, base: _Priced, tag: str, mask: Array, currency: str) -> Payoff:
    """Return what a mode's extra right answers cost against a baseline, on the questions of a mask."""
    both = one.cell.decided & base.cell.decided & mask
    gains = one.cell.right.astype(float) - base.cell.right

    def judged(more: Array, times: float) -> tuple[Interval, Worth]:
        known = both & ~np.isnan(more)
        if not known.any():
            return Interval(), Worth()
        mean = _mean_of(panel, known)
        gain = stats.paired(gains[known], **panel.design(known))
        return _amount(more[known], mean, times), worth(more[known], gains[known], gain, mean)

    more_cost, by_money = judged(one.money - base.money, THOUSAND)
    more_tokens, by_tokens = judged(one.spent.completion - base.spent.completion, 1.0)
    return Payoff(
        **names_of(panel, one.cell, base.cell),
        tag=tag,
        n=int(both.sum()),
        currency=currency,
        gain=float(gains[both].mean()) if both.any() else None,
        more_cost=more_cost,
        more_tokens=more_tokens,
        money=by_money,
        tokens=by_tokens,
    )


def _sides(panel: Panel, rule: Rule | None) -> Mapping[str, Array]:
    """Return the questions of each tag."""
    nothing = np.full(len(panel.questions), -1)
    tags = nothing if rule is None or (found := panel.tags(rule)) is None else found
    return {ALL: np.ones(len(tags), dtype=bool), SYMBOLIC: tags == 1, OTHER: tags == 0}


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a report says of costs."""

    costs: list[Cost]
    payoffs: list[Payoff]
    notes: list[str]


def costs_of(
    panels: Sequence[Panel],
    pairs: Sequence[tuple[str, str, str, str]],
    rule: Rule | None,
    prices: Prices | None,
) -> Costs:
    """Return what all arms cost, and what each of some pairs pays.

    pairs: (model, task, mode, baseline), as the report compares them. rule: the one that splits the main tables.
    """
    purse = Purse(prices)
    costs, payoffs = [], []
    for panel in panels:
        priced = {}
        for name, cell in panel.cells.items():
            spent = spent_of(cell)
            paid, hours = purse.money(cell, spent)
            priced[name] = _Priced(cell=cell, spent=spent, money=paid, hours=hours)
        tagged = _sides(panel, rule)
        costs += [
            _cost(panel, one, tag, mask, purse.currency) for one in priced.values() for tag, mask in tagged.items()
        ]
        payoffs += [
            _payoff(panel, priced[mode], priced[base], tag, mask, purse.currency)
            for model, task, mode, base in pairs
            if (model, task) == (panel.model, panel.task)
            for tag, mask in tagged.items()
        ]
    return Costs(costs=costs, payoffs=payoffs, notes=list(purse.notes))
