"""What a run says of its replicas: how many copies of an engine there are, what each needs, and where they run.

Nothing here needs Ray. Of `--model-args` the engine `ray` keeps what is listed here and hands the rest to the engine
that each replica has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cotbench.engines import EngineConfig, carried_engine
from cotbench.engines.arguments import FLEET, flag, inner_args, number, replicas, whole

SILENT_S, START_S = 1_800.0, 600.0
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size")
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
            address=config.ray_address or os.environ.get("RAY_ADDRESS", ""),
            parallel=sizes[0] * sizes[1],
            spread=inner.get(SPREAD) == "ray",
        ),
        inner,
    )


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    if name not in given or given[name] is None:
        return default
    flag("ray", given, name)
    return bool(given[name])
