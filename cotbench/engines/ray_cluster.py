"""What a Ray cluster has, for `cotbench doctor`: this module is run as a process of its own, which says it in a line.

Ray may wait for a cluster for minutes, prints, and may end the process that asks; so whoever asks (`look_at`) waits for
so long and no longer. It joins a cluster that there is, and never starts one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cotbench.engines.fleet import fitting

PATIENCE_S, REACH_S = 40.0, 5.0
NEEDS_KEY = (
    "it asks for a token: set RAY_AUTH_MODE=token here too, with its token in RAY_AUTH_TOKEN or in ~/.ray/auth_token "
    "(`ray get-auth-token`)"
)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as Ray describes it. nodes, dead: how many are alive and not. cpus, gpus: of those that are alive, all
    together; cpus_free, gpus_free: of these, what nothing uses now. kinds: of GPUs, by Ray's names. fit: how many
    replicas of one GPU and one CPU each would have room if nothing else were there. ray, python: versions, the same
    here and there, since Ray refuses to join another."""

    nodes: int
    dead: int
    cpus: float
    gpus: float
    cpus_free: float
    gpus_free: float
    kinds: tuple[str, ...]
    fit: int
    ray: str
    python: str

    def said(self) -> str:
        """Say it in a sentence or two."""
        alive = f"{self.nodes} node{'s' * (self.nodes != 1)}" + (f" ({self.dead} more dead)" if self.dead else "")
        kinds = f"{', '.join(self.kinds)}; " if self.kinds and self.gpus else ""
        gpus = f"{self.gpus:g} GPUs ({kinds}{self.gpus - self.gpus_free:g} in use)" if self.gpus else "no GPU"
        room = f"; replicas of 1 GPU: {self.fit} fit" + (
            f", {min(self.fit, int(self.gpus_free))} of them now" if self.gpus_free < self.gpus else ""
        )
        return (
            f"{alive}, {self.cpus:g} CPUs ({self.cpus - self.cpus_free:g} in use), {gpus}{room if self.gpus else ''}; "
            f"Ray {self.ray} and Python {self.python} as here"
        )


def look_at(address: str, wait_s: float = PATIENCE_S) -> Cluster | str:
    """Look at a cluster from a process of its own; or return why there is none to be seen, in a line."""
    if why := unreached(address):
        return why
    command = [sys.executable, "-m", __name__, address]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=wait_s)
    except subprocess.TimeoutExpired as late:
        return NEEDS_KEY if b"AuthToken" in (late.stderr or b"") else f"it gave no answer within {wait_s:g} s"
    if "AuthToken" in done.stderr:
        return NEEDS_KEY
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        told = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        return f"Ray ended the process that asked (exit code {done.returncode})" + (
            f": {told[-1]:.200}" if told else ""
        )
    answer = json.loads(lines[-1])
    return str(answer["why"]) if "why" in answer else Cluster(**{**answer, "kinds": tuple(answer["kinds"])})


def unreached(address: str) -> str:
    """Why nothing answers at an address, where it names host and port: Ray would go on trying for minutes, and can't be
    interrupted. "" where something does, or the address is one that only Ray understands."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return ""
    try:
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        return f"nothing answers there ({error})"
    return ""


def _cluster(address: str) -> Cluster:
    """Join a cluster, and say what it has."""
    import platform

    import ray

    ray.init(address=address, namespace="cotbench", log_to_driver=False, logging_level="ERROR", configure_logging=True)
    nodes = ray.nodes()
    alive: list[Mapping[str, float]] = [node["Resources"] for node in nodes if node["Alive"]]
    total, free = ray.cluster_resources(), ray.available_resources()
    kinds = {name.partition(":")[2] for node in alive for name in node if name.startswith("accelerator_type:")}
    return Cluster(
        nodes=len(alive),
        dead=len(nodes) - len(alive),
        cpus=total.get("CPU", 0.0),
        gpus=total.get("GPU", 0.0),
        cpus_free=free.get("CPU", 0.0),
        gpus_free=free.get("GPU", 0.0),
        kinds=tuple(sorted(kinds)),
        fit=fitting([{"CPU": 1.0, "GPU": 1.0}], nodes),
        ray=ray.__version__,
        python=platform.python_version(),
    )


def main() -> None:
    try:
        answer = asdict(_cluster(sys.argv[1]))
    except Exception as error:
        answer = {"why": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    os.write(1, f"\n{json.dumps(answer)}\n".encode())


if __name__ == "__main__":
    main()
