"""Replicas of another engine, on many GPUs or machines: Ray carries them, and the run stays one queue and one journal.

`--engine ray --model-args engine=vllm,replicas=8,tensor_parallel_size=2,...`: what isn't ours (`fleet.py`) is the
replicas' engine's. Without `--ray-address` a cluster of this machine is started, and ended with the run. A run depends
on its replicas' engine and not on how many of them there are, so that it may be begun with one and gone on with by
many. Ray lives in a process of its own (`ray_driver.py`), which is started again when it ends."""

from __future__ import annotations

import os
import pickle
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from cotbench import errors
from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import check
from cotbench.engines.chat import ChatFormat, failed
from cotbench.engines.fleet import fleet_of
from cotbench.engines.local import chat_format
from cotbench.errors import CotbenchError, ModelError
from cotbench.types import Key, Reply, Request

# Requests beyond what the replicas take, so that the process between always has some to give.
_QUEUED = 64
_BATCH = 256  # requests that are sent at once, at most
_RESTARTS = 3  # of the process between, one after the other without a reply
_FOLDER = "cotbench-ray-"
_CLOSING_S = 60.0


class RayEngine:
    def __init__(self, config: EngineConfig) -> None:
        self._fleet, inner = fleet_of(config)
        check(self._fleet.engine, inner)  # before a cluster is started for it
        self._inner = pickle.dumps(replace(config, model_args=inner, ray_address=None), 5)
        self._count = 0
        self._flying: dict[int, tuple[Key, Request]] = {}
        self._unsent: list[int] = []
        self._ready: list[tuple[Key, Reply]] = []
        self._limit = 0
        self._restarts = 0
        self._with_token = False
        self._carried: dict[str, Any] = {}
        self._fatal: CotbenchError | None = None
        self._ended: list[str] = []  # why the process between ended, each time
        self._folder = _folder()
        self._chat: ChatFormat | None = None
        self._info: EngineInfo | None = None
        try:
            self._start()
            self._await_first()
        except BaseException:
            self._stop()
            raise

    @property
    def capacity(self) -> int:
        return self._limit + _QUEUED

    def submit(self, key: Key, request: Request) -> None:
        self._count += 1
        self._flying[self._count] = key, request
        self._unsent.append(self._count)
        if len(self._unsent) >= _BATCH:
            self._send_unsent()

    def arrives(self, wait_s: float) -> bool:
        """Whether there are replies, now or before so many seconds."""
        self._send_unsent()
        until = time.monotonic() + wait_s
        while not self._ready:
            if self._fatal is None and not self._link.poll(max(0.0, until - time.monotonic())):
                return False
            self._hear()
        return True

    def poll(self) -> list[tuple[Key, Reply]]:
        self._send_unsent()
        while not self._ready and self._flying:
            self._hear()
        done, self._ready = self._ready, []
        return done

    def cancel(self) -> list[Key]:
        unsent, self._unsent = self._unsent, []
        back = [self._flying.pop(number)[0] for number in unsent]
        [numbers] = self._wait_for("back", "cancel")
        return back + [self._flying.pop(number)[0] for number in numbers if number in self._flying]

    def describe(self) -> EngineInfo:
        assert self._info is not None
        with suppress(CotbenchError):
            infos, self._carried = self._wait_for("described", "describe")
            self._info = _together([self._info, *infos])
        told = {**self._carried, **({"ended": self._ended} if self._ended else {})}
        return replace(self._info, carried=told)

    def preview(self, request: Request) -> str:
        [text] = self._wait_for("previewed", "preview", pickle.dumps(request, 5))
        return str(text)

    def token_ends(self, text: str) -> list[int] | None:
        """Where the tokens of a text end, by the tokenizer of the replicas' model; None where they have none."""
        if self._fleet.engine == "stub":
            return None
        if self._chat is None:
            self._chat = chat_format(pickle.loads(self._inner))  # noqa: S301  (our own)
        return self._chat.token_ends(text)

    def close(self) -> None:
        with suppress(OSError, EOFError):
            self._send("close")
        self._stop()

    # The process between.

    def _start(self) -> None:
        ours, theirs = Pipe()
        with theirs, Path(self._folder, "driver.log").open("ab") as log:
            # In a session of its own: a Ctrl-C is for the run alone, which ends it when nothing is in flight.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cotbench.engines.ray_driver", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=_environment(self._fleet.address, with_token=self._with_token),
            )
        self._link = ours
        self._send_bytes(pickle.dumps((self._fleet, self._inner, self._folder, self._info), 5))

    def _await_first(self) -> None:
        while self._info is None:
            self._hear()

    def _stop(self) -> None:
        """End the process between, and what it has left."""
        process = getattr(self, "_process", None)
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                if self._info is not None:
                    process.wait(_CLOSING_S)
            self._link.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_CLOSING_S)
            self._sweep()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sweep(self) -> None:
        """End what is left of the process between and of its cluster, which all stand in its session: agents of Ray's
        outlive a cluster that was killed."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _send(self, kind: str, *what: Any) -> None:
        self._send_bytes(pickle.dumps((kind, *what), 5))

    def _send_bytes(self, message: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the next look at what has come finds it ended
            self._link.send_bytes(message)

    def _send_unsent(self) -> None:
        if not self._unsent:
            return
        asked = [(number, *self._flying[number]) for number in self._unsent]
        self._unsent = []
        self._send("ask", [(number, key.question, pickle.dumps((key, request), 5)) for number, key, request in asked])

    def _wait_for(self, answer: str, kind: str, *what: Any) -> tuple[Any, ...]:
        """Ask something of the process between, and wait for its answer; what else comes meanwhile is kept."""
        self._send(kind, *what)
        while True:
            restarts = len(self._ended)
            message = self._hear()
            if message[0] == answer:
                return message[1:]
            if len(self._ended) > restarts:
                self._send(kind, *what)

    def _hear(self) -> tuple[Any, ...]:
        """Take one message, and do what it says. Raises the error that it tells, and again whenever more is asked for:
        where it comes while something else is waited for it must not be lost."""
        if self._fatal is not None:
            raise self._fatal
        try:
            message: tuple[Any, ...] = pickle.loads(self._link.recv_bytes())  # noqa: S301  (our own)
        except (EOFError, OSError):
            message = ("gone", f"the process that speaks with it ended{_last_line(Path(self._folder, 'driver.log'))}")
        kind, *what = message
        if kind == "done":
            numbers, replies = what
            for number, reply in zip(numbers, pickle.loads(replies), strict=True):  # noqa: S301  (our own)
                # One that was asked again, because it was thought to be lost, may come twice.
                if (asked := self._flying.pop(number, None)) is not None:
                    self._ready.append((asked[0], reply))
            self._restarts = 0
        elif kind == "lost":
            number, why = what
            if (asked := self._flying.pop(number, None)) is not None:
                self._ready.append((asked[0], failed(asked[1], why)))
        elif kind == "ready":
            [carried] = what
            self._limit = carried.limit
            self._info = self._info or carried.opened.info
        elif kind == "news":
            [news] = what
            self._limit, self._carried = news.limit, news.carried
        elif kind == "gone":
            self._start_again(*what)
        elif kind == "token":
            self._link.close()
            self._sweep()
            self._with_token = True
            self._start()
        elif kind == "failed":
            self._fatal = _error(*what)
            raise self._fatal
        return message

    def _start_again(self, why: str) -> None:
        """Start the process between once more, after the cluster was lost, and ask again what is in flight."""
        self._link.close()
        self._sweep()
        self._restarts += 1
        if self._info is None or self._restarts > _RESTARTS:
            raise ModelError(
                f"The Ray cluster is gone: {why}.", "Everything recorded is kept: the same command resumes."
            )
        self._ended.append(why)
        self._limit = 0
        self._start()
        self._unsent = list(self._flying)
        self._send_unsent()


def _error(refusal: Any) -> CotbenchError:
    """The error that a process has told of in words."""
    kind = getattr(errors, refusal.kind, None) if refusal.kind else None
    if isinstance(kind, type) and issubclass(kind, CotbenchError):
        return kind(refusal.message, refusal.hint)
    return ModelError(f"engine 'ray': {refusal.message}", "Everything recorded is kept: the same command resumes.")


def _together(infos: Sequence[EngineInfo]) -> EngineInfo:
    """What the first replica says of itself, with what others have to say besides."""
    first, *_ = infos
    return replace(
        first,
        notes=tuple(dict.fromkeys(note for info in infos for note in info.notes)),
        warnings=tuple(dict.fromkeys(warning for info in infos for warning in info.warnings)),
    )


def _environment(address: str, *, with_token: bool) -> dict[str, str]:
    """Variables for the process between. Newer Rays have clusters with a token. They start one with it wherever the
    user has one, but join it only where they are told to, and then no other one; and they would write that of a cluster
    of ours into the user's home, so that all clusters of theirs had it from then on."""
    known = dict(os.environ)
    if not address:  # its replicas start their own processes
        known = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_prestart_worker_first_driver": "0"} | known
        known.pop("RAY_ADDRESS", None)
    if "RAY_AUTH_MODE" in known:
        return known
    own = {} if address else {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**known, **own, **({"RAY_AUTH_MODE": "token"} if own or with_token else {})}


def _folder() -> str:
    """A folder for the sockets and logs of a cluster. Names of sockets have an end, so its own must be short. Those of
    runs that were killed are removed."""
    place = Path(tempfile.gettempdir())
    if len(str(place)) > 20 and os.access("/tmp", os.W_OK):  # noqa: S108
        place = Path("/tmp")  # noqa: S108
    for left in place.glob(f"{_FOLDER}*"):
        number = left.name.removeprefix(_FOLDER).split("-")[0]
        if number.isdecimal() and left.stat().st_uid == os.getuid():
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=place)


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        if lines:
            return f" ({lines[-1][:200]})"
    return ""
