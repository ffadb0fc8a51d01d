"""What a run says of its replicas: how many copies of an engine there are, what each needs, and where they run.

Nothing here needs Ray. Of `--model-args` the engine `ray` keeps what is listed here and hands the rest to the engine
that each replica has."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from cotbench.engines import EngineConfig, EngineInfo, carried_engine
from cotbench.engines.arguments import FLEET, flag, inner_args, number, replicas, whole

SILENT_S, START_S = 1_800.0, 600.0
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size")
LOCAL = "local"  # Ray's word for a new cluster of this machine
HOMES = 100_000  # questions of which it is remembered where they were asked
SPREAD = "distributed_executor_backend"  # vLLM's argument that lets one model span nodes, where it says "ray"


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How an engine is carried by many.

    engine: that each replica has. replicas: how many; None for as many as the cluster has room for, now or later. cpus,
    gpus: of one replica; gpus is None for what its engine takes. requests: the most that a replica has in flight; None
    for what its engine wants. silent_s: seconds without a sign of life after which a replica counts as hung; start_s:
    seconds to wait for the first one. mixed: whether replicas may differ in versions, dtype or the length of their
    context. affinity: whether a question's requests go to the same replica while that has room. address: of the Ray
    cluster; "" for one of the run's own. parallel: how many devices a model is spread over; spread: whether these may
    be of several nodes."""

    engine: str
    replicas: int | None = None
    cpus: float = 1.0
    gpus: float | None = None
    requests: int | None = None
    silent_s: float = SILENT_S
    start_s: float = START_S
    mixed: bool = False
    affinity: bool = True
    address: str = ""
    parallel: int = 1
    spread: bool = False


class Difference(NamedTuple):
    """A fact in which a replica is unlike those before. may_be_mixed: whether a fleet may have both where its user says
    so."""

    name: str
    found: Any
    expected: Any
    may_be_mixed: bool


_NEVER_MIXED = ("model", "revision")


def unlike(known: EngineInfo, info: EngineInfo, *, mixed: bool) -> Difference | None:
    """In what a replica's replies may differ from those of the replicas before, so that it can't be used: of what they
    depend on the first fact that isn't the same. None where there is none, or where it is wanted so."""
    before, now = ({**i.identity(), "version": i.version, "max_model_len": i.max_model_len} for i in (known, info))
    wrong = sorted(
        (name for name in before if before[name] != now.get(name)), key=lambda name: name not in _NEVER_MIXED
    )
    if not wrong or (mixed and wrong[0] not in _NEVER_MIXED):
        return None
    name = wrong[0]
    return Difference(name, now.get(name), before[name], name not in _NEVER_MIXED)


def fleet_of(config: EngineConfig) -> tuple[Fleet, dict[str, Any]]:
    """Read what a configuration says of replicas, and the arguments that are left for their engine. Raises
    UsageError."""
    given, inner = config.model_args, inner_args(config.model_args)
    own = {name: value for name, value in given.items() if name in FLEET}
    sizes = [whole("ray", inner, name, 1, low=1) for name in PARALLEL]
    return (
        Fleet(
            engine=carried_engine("ray", config.model, given).name,
            replicas=replicas("ray", own, "replicas"),
            cpus=number("ray", own, "cpus_per_replica", 1.0),
            gpus=number("ray", own, "gpus_per_replica", 0.0) if "gpus_per_replica" in own else None,
            requests=whole("ray", own, "requests_per_replica", 1, low=1) if "requests_per_replica" in own else None,
            silent_s=number("ray", own, "silent_s", SILENT_S, low=0.1),
            start_s=number("ray", own, "start_s", START_S, low=0.1),
            mixed=_flag(own, "mixed", default=False),
            affinity=_flag(own, "affinity", default=True),
            address=address_of(config.ray_address),
            parallel=sizes[0] * sizes[1],
            spread=inner.get(SPREAD) == "ray",
        ),
        inner,
    )


def address_of(given: str | None) -> str:
    """The address of a cluster that there is: the one that was given, else RAY_ADDRESS; "" where neither names one, or
    it is Ray's word for a new cluster of this machine."""
    address = given or os.environ.get("RAY_ADDRESS", "")
    return "" if address == LOCAL else address


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    if name not in given or given[name] is None:
        return default
    flag("ray", given, name)
    return bool(given[name])


class Place(Protocol):
    """A replica, as far as requests are spread over several. ready: whether it takes any; room: how many more it takes;
    limit: how many in all."""

    @property
    def ready(self) -> bool: ...

    @property
    def room(self) -> int: ...

    @property
    def flying(self) -> Sized: ...

    @property
    def limit(self) -> int: ...


P = TypeVar("P", bound=Place)


class Homes(Generic[P]):
    """Remembers which replica a question was asked of last: its engine has the beginning of the prompt in its cache."""

    def __init__(self, *, affinity: bool = True) -> None:
        self._affinity = affinity
        self._homes: OrderedDict[str, P] = OrderedDict()

    def choose(self, question: str, places: Sequence[P], *, move: bool = False) -> P | None:
        """Return where a question's request goes: to its home, else to who has the largest share of its room left.

        places: those that have room. Where its home has none, None: it waits for that, as long as other requests can
        have the room; move: there are none, so that it goes elsewhere, and the question with it. A home that is away is
        none."""
        home = self._homes.get(question) if self._affinity else None
        if home is not None and home.ready:
            if home.room > 0:
                return home
            if not move:
                return None
        home = min(places, key=lambda place: len(place.flying) / place.limit)
        if self._affinity:
            self._homes[question] = home
            if len(self._homes) > HOMES:
                self._homes.popitem(last=False)
        return home


def fitting(needs: Sequence[dict[str, float]], nodes: Sequence[dict[str, Any]]) -> int:
    """How many replicas a cluster's live nodes have room for, where each bundle must be on one node."""
    places = [dict(node["Resources"]) for node in nodes if node["Alive"]]
    count = 0
    while count < 10_000:
        for need in needs:
            place = next((one for one in places if all(one.get(name, 0.0) >= need[name] for name in need)), None)
            if place is None:
                return count
            for name, amount in need.items():
                place[name] -= amount
        count += 1
        if not any(need[name] for need in needs for name in need):
            return 1  # it needs nothing, so that there is no most
    return count


def shortage_of(needs: Sequence[dict[str, float]], nodes: Sequence[dict[str, Any]]) -> str:
    """Say what a replica needs where the cluster never has room for one; "" where it has."""
    if fitting(needs, nodes):
        return ""
    wanted = " and ".join(", ".join(f"{amount:g} {name}" for name, amount in need.items()) for need in needs)
    live = [node for node in nodes if node["Alive"]]
    has = "; ".join(", ".join(f"{node['Resources'].get(name, 0):g} {name}" for name in ("CPU", "GPU")) for node in live)
    return f"a replica needs {wanted}, and the cluster has {len(live)} nodes with {has or 'nothing'}."
