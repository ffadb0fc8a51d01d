"""Arms that spend further calls, on search, judging, criticism or tools, beside votes that cost the same.

Such an arm (`Facts.beside_vote`) is compared with the baseline as any other, and is right more often than it as a rule,
for it spends more. Whether the search is worth it is another question: a vote over paths of chain of thought gains by
spending more, too. So each such arm stands beside each vote of its panel whose paths were drawn at random and that
shows the same passages, on the questions that both decided, at equal mean cost (`matched.py`). Costs are told apart:

    completion  all completion tokens, those of judges too: by these it is said whether an arm beats a vote
    all         prompt tokens that no cache had, and completion tokens: of a vote its prompt once, the paths by k
    money       where there are prices

What one waits for is told beside and not matched: paths of a vote are drawn side by side, and steps of a search aren't.
Where more was spent than all paths of a vote cost, or less than one of them, no equal budget is on record: then the arm
is set beside all of them, or one, and that isn't called equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from cotbench.analysis.cost import Cost, Purse, Spent, spent_of
from cotbench.analysis.estimates import ALL, Delta, Interval, ModeStats, Paired, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.matched import Match, Questions, match, paths_for
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.prices import Prices
from cotbench.analysis.stats import Array
from cotbench.analysis.verdicts import TOKENS
from cotbench.analysis.voted import votes_of
from cotbench.modes import Facts
from cotbench.modes.beside import alone, may_vote, over_main, remedy
from cotbench.types import Key

COMPLETION, EVERY, MONEY = "completion", "all", "money"
COSTS = (COMPLETION, EVERY, MONEY)
BEATS, LOSES, OPEN = "beats the vote", "loses to the vote", "no clear difference"
LESS, MORE = "better for less", "worse for more"
NOT_EQUAL, NOT_ESTIMABLE = "no equal budget", "not estimable"


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What an arm with further calls took on a task, and what a vote did that it stands beside. None: unknown.

    search: whether it is such an arm, and not a vote. calls: requests of a question; the paths of a vote are one.
    Tokens are means per question, of judges too; uncached and cached prompt tokens None where the engine doesn't tell
    them apart. serial: completion tokens that one waits for. cost_per_1000: money for 1,000 questions.
    """

    model: str
    task: str
    mode: str
    search: bool
    n: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high"))
    calls: float | None
    prompt_tokens: float | None
    uncached_prompt_tokens: float | None
    cached_prompt_tokens: float | None
    completion_tokens: float | None
    serial_tokens: float | None
    seconds_p50: float | None
    seconds_p95: float | None
    currency: str = ""
    cost_per_1000: float | None


@dataclass(frozen=True, kw_only=True)
class Beside(Paired):
    """An arm with further calls beside a vote, at equal mean cost; the vote stands as its baseline.

    cost: by which it is equal: completion (tokens), all (uncached prompt tokens too) or money. first: whether this vote
    is the one by which the arm is judged: over chain of thought, and of several the one with the most paths. n:
    questions that both decided and whose costs are known. spent: the arm's mean cost of a question, in tokens or money;
    per_path: a path's. of: how many paths are on record. paths: how many cost what the arm does: k, and k + 1 on a
    share of the questions. equal: whether so many are on record; else the vote is that of all paths, or of one, and
    times is what the arm spent over what that costs. accuracy, vote: of the arm, and of the vote. delta: their
    difference, -1..1, with its interval. needed: how many paths an equal budget takes, where they are too few.
    verdict, why: what the difference is called.
    """

    cost: str
    first: bool
    n: int
    unit: str
    clusters: int | None
    strata: int | None
    currency: str = ""
    accuracy: float | None
    vote: float | None
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se"))
    spent: float | None
    per_path: float | None
    of: int
    paths: float | None
    k: int | None
    share: float | None
    equal: bool
    times: float | None
    needed: int | None
    verdict: str
    why: str = ""

    @property
    def beats(self) -> bool:
        """Whether the arm is shown to be better than a vote that costs as much, or more."""
        return self.verdict in (BEATS, LESS)

    @property
    def at_equal(self) -> Interval:
        """The difference where the costs are equal; without a value where they aren't."""
        return self.delta if self.equal else Interval()

    @property
    def unclear(self) -> str:
        """Why there is no figure at equal cost, "" where there is."""
        return "" if self.equal else self.why or self.verdict


@dataclass(frozen=True, kw_only=True)
class VotePoint:
    """A vote over k of its paths, for each k: how often it is right, over all subsets, and its completion tokens."""

    model: str
    task: str
    mode: str
    n: int
    k: int
    accuracy: float
    tokens: float


@dataclass(frozen=True, kw_only=True)
class Doubt(Paired):
    """Why an arm with further calls isn't said to help against a baseline: it isn't shown to beat a vote at equal
    tokens, and text says in what way."""

    text: str
    kind: str = TOKENS


@dataclass(kw_only=True)
class Found:
    """What a report says of arms beside votes; nothing where there are no such arms."""

    efforts: list[Effort] = field(default_factory=list)
    rows: list[Beside] = field(default_factory=list)
    points: list[VotePoint] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def beside_votes(
    panels: Sequence[Panel],
    modes: Sequence[ModeStats],
    costs: Sequence[Cost],
    deltas: Iterable[Delta],
    prices: Prices | None,
) -> Found:
    """Return what all panels say of arms beside votes. modes, costs: rows of their arms; deltas: what they are compared
    with otherwise, which is in doubt where a vote isn't beaten."""
    found, purse = Found(), Purse(prices)
    of_modes = {(row.model, row.task, row.mode): row for row in modes if row.tag == ALL}
    of_costs = {(row.model, row.task, row.mode): row for row in costs if row.tag == ALL}
    pairs = dict.fromkeys(delta.key for delta in deltas)
    for panel in panels:
        searches = [cell for cell in panel.cells.values() if cell.facts.beside_vote]
        shown: dict[str, _Vote] = {}
        for cell in searches:
            votes = [shown.setdefault(vote.mode, _Vote(cell=vote)) for vote in votes_for(panel, cell)]
            rows = [row for vote in votes for row in _rows(panel, cell, vote, purse, first=vote is votes[0])]
            found.rows += rows
            first = next((row for row in rows if row.first and row.cost == COMPLETION), None)
            if not votes:
                found.notes.append(f"{panel.task} by {panel.model}: {alone(cell.mode, cell.facts)}.")
            if first is None or not first.beats:
                text = _doubt(first, cell.facts)
                keys = [key for key in pairs if key[:3] == (panel.model, panel.task, cell.mode)]
                found.doubts += [Doubt(**_named(key), text=text) for key in keys]
        for cell in (*searches, *(vote.cell for vote in shown.values())):
            key = panel.model, panel.task, cell.mode
            found.efforts.append(_effort(cell, of_modes[key], of_costs[key]))
        found.points += [point for vote in shown.values() for point in _points(panel, vote)]
    return found


def _named(key: tuple[str, str, str, str]) -> dict[str, str]:
    return dict(zip(("model", "task", "mode", "baseline"), key, strict=True))


# --- which votes --------------------------------------------------------------------------------------------------


def votes_for(panel: Panel, cell: Cell) -> list[Cell]:
    """Return the votes that an arm is set beside, the one by which it is judged first."""
    found = [
        other
        for other in panel.cells.values()
        if may_vote(other.facts, cell.facts)
        and other.run.manifest.spec.mode(panel.task, other.mode).sampling.get("temperature", 1)
        and _most(other) > 1
    ]
    return sorted(found, key=lambda vote: (not over_main(vote.facts), -_most(vote)))


def _most(cell: Cell) -> int:
    """Return how many paths each question of a vote has at least; 0 where none has votes."""
    votes = votes_of(cell)
    return int(votes.paths[votes.there].min()) if votes.there.any() else 0


# --- costs of a vote ----------------------------------------------------------------------------------------------


def spent_at(cell: Cell, spent: Spent, k: Array, n: Array) -> Spent:
    """Return what a vote takes over k of its n paths, on the mean over all subsets: its prompt once, what was sent
    again for further paths by these, and what each path was gone on with by the paths. All of it is linear in k."""
    first = np.array([(np.nan,) * 3 if row is None else _begun(cell, row.keys) for row in cell.rows], dtype=float)
    prompt, more, cached = first.reshape(-1, 3).T
    prompt = np.where(np.isnan(prompt), spent.prompt - more, prompt)  # of one request all of it is its own
    share, again = k / n, (k - 1) / np.maximum(1, n - 1)
    own = prompt + more * again
    had = np.divide(cached * own, prompt + more, out=np.full(len(own), np.nan), where=prompt + more > 0)
    return replace(
        spent,
        prompt=own + (spent.prompt - prompt - more) * share,
        cached=had + (spent.cached - cached) * share,
        completion=spent.completion * share,
        second_prompt=spent.second_prompt * share,
        second_completion=spent.second_completion * share,
    )


def _begun(cell: Cell, keys: Sequence[Key]) -> tuple[float | None, float, float | None]:
    """Return of a question's first request the prompt tokens, those that were sent again for further paths, and those
    that a cache had. The first None where there is no other request."""
    journal, key = cell.run.journal, keys[0] if keys else None
    if key is None:
        return None, 0.0, None
    told = journal.told(key)
    row = journal.reply(key) if len(keys) > 1 else None
    known = row.completions[0].prompt_tokens if row is not None else None
    return known, float(told.more_prompt_tokens or 0), told.cached_tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class _Costs:
    """What each question costs: under an arm, and under a vote, fixed + each for every path; nan where unknown."""

    spent: Array
    fixed: Array
    each: Array
    currency: str = ""


def _costs(cell: Cell, vote: Cell, n: Array, purse: Purse) -> dict[str, _Costs]:
    """Return the costs of an arm and of a vote by what they are of; of money only where it is known. n: paths of each
    question of the vote."""
    own, whole = spent_of(cell), spent_of(vote)
    one = spent_at(vote, whole, np.ones(len(n)), n)
    # What a cache had is taken off only where both say it: else who tells would seem to be cheaper.
    asked = cell.decided & vote.decided & (n > 1)
    told = bool(asked.any()) and not np.isnan([own.cached[asked], whole.cached[asked]]).any()

    def read(spent: Spent) -> Array:
        return np.asarray(spent.prompt - (spent.cached if told else 0.0) + spent.completion)

    def linear(ours: Array, of_one: Array, of_all: Array, currency: str = "") -> _Costs:
        each = (of_all - of_one) / np.maximum(1, n - 1)
        return _Costs(spent=ours, fixed=of_one - each, each=each, currency=currency)

    found = {
        COMPLETION: linear(own.completion, one.completion, whole.completion),
        EVERY: linear(read(own), read(one), read(whole)),
    }
    if purse.currency:
        ours, of_one, of_all = (
            purse.money(side, spent)[0] for side, spent in ((cell, own), (vote, one), (vote, whole))
        )
        if not np.isnan(ours[asked]).all() and not np.isnan(of_all[asked]).all():
            found[MONEY] = linear(ours, of_one, of_all, purse.currency)
    return found


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Vote:
    """A vote's cell, with what it says of fewer paths."""

    cell: Cell

    @cached_property
    def paths(self) -> Array:
        """How many paths each question's vote has; 0 where it has none, or no verdict on an answer."""
        votes = votes_of(self.cell)
        return np.where(votes.decided, votes.paths, 0)

    def curves(self, mask: Array) -> Array:
        """Return the shares of the questions of a mask, a column for each k that all of them have."""
        most = int(self.paths[mask].min()) if mask.any() else 0
        return votes_of(self.cell).curves(mask, most) if most else np.empty((int(mask.sum()), 0))


def _rows(panel: Panel, cell: Cell, voted: _Vote, purse: Purse, *, first: bool) -> Iterator[Beside]:
    """Yield a row for each kind of cost."""
    n, vote = voted.paths, voted.cell
    for cost, of in _costs(cell, vote, n, purse).items():
        known = ~np.isnan([of.spent, of.fixed, of.each]).any(axis=0)
        mask = cell.decided & vote.decided & (n > 1) & known
        curves = voted.curves(mask)
        most = curves.shape[1]
        questions = Questions(
            right=cell.right[mask].astype(float),
            spent=of.spent[mask],
            votes=curves,
            fixed=of.fixed[mask],
            each=of.each[mask],
        )
        found = match(questions, **panel.design(mask)) if mask.any() else None
        verdict, why = _verdict(found, cost, vote.facts.mode or vote.mode)
        delta = found.difference if found is not None else None
        yield Beside(
            **names_of(panel, cell, vote),
            cost=cost,
            first=first,
            n=int(mask.sum()),
            unit=panel.unit,
            clusters=delta.clusters if delta is not None else None,
            strata=delta.strata if delta is not None else None,
            currency=of.currency,
            accuracy=found.accuracy if found is not None else None,
            vote=found.vote if found is not None else None,
            delta=_interval(found),
            spent=float(of.spent[mask].mean()) if found is not None else None,
            per_path=float(of.each[mask].mean()) if found is not None else None,
            of=most,
            paths=found.paths if found is not None else None,
            k=found.k if found is not None else None,
            share=found.share if found is not None else None,
            equal=found is not None and found.equal,
            times=found.times if found is not None else None,
            needed=paths_for(found) if found is not None and found.paths > most else None,
            verdict=verdict,
            why=why,
        )


def _interval(found: Match | None) -> Interval:
    """Return a difference; without an interval where there is none."""
    if found is None:
        return Interval()
    known = found.difference
    if known.se is None:
        return Interval(value=known.value)
    return Interval(value=known.value, low=known.low, high=known.high, se=known.se)


def _verdict(found: Match | None, cost: str, vote: str) -> tuple[str, str]:
    """Return what a difference from a vote is called, and why where that isn't plain. vote: its mode."""
    if found is None:
        return NOT_ESTIMABLE, f"no question has {'a price' if cost == MONEY else 'tokens'} under both"
    delta, known = found.difference, found.difference.se is not None
    better, worse = known and delta.low > 0, known and delta.high < 0
    if found.equal:
        if not known:
            return NOT_ESTIMABLE, "no interval"
        return (BEATS if better else LOSES if worse else OPEN), ""
    if found.paths < 1:
        return (LESS if better else NOT_EQUAL), "no vote costs as little"
    needed = paths_for(found)
    return (MORE if worse else NOT_EQUAL), f"an equal budget takes {needed} paths (--paths {vote}={needed})"


def _doubt(first: Beside | None, facts: Facts) -> str:
    """Say why an arm isn't said to help. first: its row beside the vote by which it is judged."""
    if first is None:
        return f"no vote at equal tokens is there to compare with: add {remedy(facts)}"
    if first.equal and first.paths is not None:
        return f"it is not shown to beat a vote of {first.paths:.1f} paths at the same tokens"
    if first.paths is None or first.times is None:
        return f"there is no vote at equal tokens to compare with: {first.why}"
    if first.paths < 1:
        return "it is not shown to beat a vote of one path, which costs more"
    return f"there is no vote at equal tokens to compare with: {first.why}"


def _effort(cell: Cell, of: ModeStats, cost: Cost) -> Effort:
    """Return what an arm took, by the rows about its accuracy and its cost."""
    calls = cell.counts("calls")[cell.decided]
    return Effort(
        model=of.model,
        task=of.task,
        mode=of.mode,
        search=cell.facts.beside_vote,
        n=of.n,
        accuracy=of.accuracy,
        calls=float(np.mean(calls)) if len(calls) else None,
        prompt_tokens=of.prompt.mean,
        uncached_prompt_tokens=cost.uncached_prompt_tokens,
        cached_prompt_tokens=cost.cached_prompt_tokens,
        completion_tokens=cost.completion_tokens,
        serial_tokens=cost.serial.mean,
        seconds_p50=cost.seconds_p50,
        seconds_p95=cost.seconds_p95,
        currency=cost.currency,
        cost_per_1000=cost.cost.value,
    )


def _points(panel: Panel, vote: _Vote) -> list[VotePoint]:
    """Return the curve of a vote, over the questions that it decided and whose tokens are known."""
    cell, n, spent = vote.cell, vote.paths, vote.cell.tokens("completion")
    mask = cell.decided & (n > 1) & ~np.isnan(spent)
    if not mask.any():
        return []
    each, right = float((spent[mask] / n[mask]).mean()), vote.curves(mask).mean(axis=0)
    return [
        VotePoint(
            model=panel.model,
            task=panel.task,
            mode=cell.mode,
            n=int(mask.sum()),
            k=k,
            accuracy=float(right[k - 1]),
            tokens=k * each,
        )
        for k in range(1, len(right) + 1)
    ]
