"""How the process that speaks with Ray joins a cluster, or starts one of its own; and how it leaves.

Ray waits for a cluster for minutes and can't be interrupted. So what takes too long ends the process, and the run is
told first."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ray

from cotbench.engines.fleet import Fleet
from cotbench.engines.ray_cluster import unreached
from cotbench.engines.ray_replica import Refusal

CONNECTING_S, STARTING_S = 30.0, 240.0  # for a cluster to be joined, or one of our own to be there
LEAVING_S = 20.0


def join(link: Connection, fleet: Fleet, folder: str, *, run: int) -> None:
    """Join the cluster that has an address, or start one of our own, whose files are in a folder. Where there is none
    the run is told, and this process ends. run: the number of the run's process."""
    where = f"--ray-address {fleet.address}: there is no cluster:"
    found = where if fleet.address else "Ray can't start a cluster on this machine:"
    remedy = ""
    if fleet.address:
        remedy = "Start one (`ray start --head`), and name its address as it tells it."
        remedy += " Where it has a token: RAY_AUTH_MODE=token RAY_AUTH_TOKEN=TOKEN."
    if unreached(fleet.address):
        _refuse(link, Refusal("ModelError", f"{found} nothing listens there.", remedy))
    try:
        with _InTime(link, found, CONNECTING_S if fleet.address else STARTING_S, run):
            try:
                _connect(fleet, folder)
            except Exception:
                if fleet.address:
                    raise
                # Ray looks through all processes of the machine, and was seen to stumble where some were just ending.
                ray.shutdown()
                time.sleep(1.0)
                _connect(fleet, folder)
    except Exception as error:
        if fleet.address and "RAY_AUTH_MODE" not in os.environ and _has_token():
            link.send_bytes(pickle.dumps(("token",), 5))
            os.killpg(0, signal.SIGKILL)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        _refuse(link, Refusal("ModelError", f"{found} {reason}", remedy))


def depart() -> None:
    """Leave the cluster, or end our own, and so end this process."""
    ending = threading.Thread(target=ray.shutdown, daemon=True)
    ending.start()
    ending.join(LEAVING_S)
    os.killpg(0, signal.SIGKILL)  # what Ray has left in this session, and so this process


def _connect(fleet: Fleet, folder: str) -> None:
    """Start a cluster of our own, or join the one that has an address."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if fleet.address:
        ray.init(address=fleet.address, namespace="cotbench", **quiet)
        return
    wanted = (fleet.replicas or 1) * (fleet.cpus + (fleet.parallel if fleet.spread else 0))
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, int(wanted + 0.999)),  # it is the user who says how many share a core
        include_dashboard=False,
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
        **quiet,
    )


class _InTime:
    """Ends this process where the cluster doesn't answer in time, or the run has gone, while Ray waits for it."""

    def __init__(self, link: Connection, found: str, wait_s: float, run: int) -> None:
        self._link, self._found, self._wait_s = link, found, wait_s
        self._run, self._over = run, threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._look, daemon=True, name="in time").start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        until = time.monotonic() + self._wait_s
        while not self._over.wait(1.0):
            if os.getppid() != self._run:
                os.killpg(0, signal.SIGKILL)
            if time.monotonic() > until:
                _refuse(self._link, Refusal("ModelError", f"{self._found} it didn't answer for {self._wait_s:g} s."))


def _refuse(link: Connection, refusal: Refusal) -> None:
    """Tell the run that there is no cluster, and end, with what Ray has begun."""
    with suppress(OSError):
        link.send_bytes(pickle.dumps(("failed", refusal), 5))
    os.killpg(0, signal.SIGKILL)


def _has_token() -> bool:
    """Whether the user has a token, which a cluster may want."""
    given = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    return given or Path("~/.ray/auth_token").expanduser().exists()
