"""The process that speaks with Ray for a run: it starts replicas, spreads requests over them, and outlives their ends.

It stands apart from the run's because Ray ends the process of its driver when a cluster is lost, sets signal handlers,
prints, and has threads of its own. Requests come from the run by a pipe, replies go back by it, pickled and unread.
When the pipe ends so does this process, and with it a cluster of its own.

Each replica is an actor with one engine (`ray_replica`). What it was asked and hasn't answered when it ends, or is
silent for too long, waits again in front of all others; Ray starts it again, here or on another node."""

from __future__ import annotations

import asyncio
import pickle
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from cotbench import __version__
from cotbench.engines import EngineInfo
from cotbench.engines.fleet import Fleet, Homes, fitting, shortage_of, unlike
from cotbench.engines.ray_joining import depart, join
from cotbench.engines.ray_replica import Carried, Hello, News, NotOpenError, Opened, Refusal, Replica, Taken

BEAT_S = 2.0  # a replica that has nothing to tell says so
# After which its process, and not only its engine, counts as hung: what is said of the engine, within these.
LEAST_SILENCE_S, MOST_SILENCE_S = 1.0, 60.0
LOOK_S = 5.0  # between looks at whether the cluster has grown
# More than a replica's engine wants at once, so that it has work while its replies travel, as a share.
AHEAD = 0.25
# How often a replica may fail to start, one after the other; how often its process may end before it has answered
# anything; how often a request may be with one that ends.
FAILURES, ENDS, LOSSES = 3, 10, 10
CLOSING_S = 20.0
PATIENCE_S = 30.0  # with a cluster that doesn't answer

T = TypeVar("T")


@dataclass(eq=False)
class _Mate:
    """One of the replicas: its actor, and what it has been asked."""

    place: int
    actor: Any
    group: PlacementGroup | None = None
    hello: Hello | None = None
    opened: Opened | None = None
    ready: bool = False
    gone: bool = False  # given up
    limit: int = 0
    flying: dict[int, None] = field(default_factory=dict)  # numbers, in the order in which they were asked
    answered: int = 0
    starts: int = 0
    failures: int = 0  # in a row, since it last answered
    ends: int = 0  # likewise: of its process
    why: str = ""  # of its last end

    @property
    def room(self) -> int:
        return self.limit - len(self.flying) if self.ready else 0

    @property
    def called(self) -> str:
        return f"replica {self.place}" + (f" ({self.hello.host})" if self.hello is not None else "")


class _LostError(Exception):
    """A replica's process has ended, or doesn't answer."""


class _UselessError(Exception):
    """A replica can't be opened, or can't be used beside the others. refusal: why; fatal: no other one could be."""

    def __init__(self, refusal: Refusal, *, fatal: bool = False) -> None:
        super().__init__(refusal.message)
        self.refusal, self.fatal = refusal, fatal


class _Driver:
    """Drives replicas, in one event loop. `fleet`: what was asked for; `config`: of each replica's engine, pickled;
    `known`: what replicas said of themselves before the cluster was lost."""

    def __init__(self, link: Connection, fleet: Fleet, config: bytes, known: EngineInfo | None = None) -> None:
        self._link, self._fleet, self._config, self._known = link, fleet, config, known
        self._mates: list[_Mate] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._waiting: deque[int] = deque()
        self._asked: dict[int, tuple[str, bytes]] = {}  # by number: question and request
        self._losses: dict[int, int] = {}
        self._homes: Homes[_Mate] = Homes(affinity=fleet.affinity)
        self._first: tuple[_Mate, Opened] | None = None
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._due = False
        self._over: asyncio.Future[None] | None = None
        self._left_out: list[str] = []
        self._needed: list[dict[str, float]] = []
        self._actor: Any = ray.remote(max_restarts=-1, max_concurrency=8)(Replica)

    async def run(self) -> None:
        """Work until the run has gone, or nothing can be done."""
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        threading.Thread(target=self._write, daemon=True, name="to the run").start()
        threading.Thread(target=self._read, args=(loop,), daemon=True, name="from the run").start()
        self._spawn(self._grow())
        self._spawn(self._await_first())
        self._spawn(self._watch())
        await self._over
        depart()  # here: asyncio would wait for threads that ask a dead cluster

    # What the run says, and what it is told.

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(EOFError, OSError):
            while True:
                message = pickle.loads(self._link.recv_bytes())  # noqa: S301  (the run's own)
                loop.call_soon_threadsafe(self._hear, message)
        loop.call_soon_threadsafe(self._end)

    def _write(self) -> None:
        with suppress(OSError):
            while True:
                self._link.send_bytes(pickle.dumps(self._told.get(), 5))

    def _tell(self, kind: str, *what: Any) -> None:
        self._told.put((kind, *what))

    def _hear(self, message: Any) -> None:
        kind, *what = message
        if kind == "ask":
            for number, question, request in what[0]:
                self._asked[number] = (question, request)
                self._waiting.append(number)
            self._dispatch_soon()
        elif kind == "cancel":
            self._spawn(self._cancel())
        elif kind == "describe":
            self._spawn(self._describe())
        elif kind == "preview":
            self._spawn(self._preview(what[0]))
        elif kind == "close":
            self._spawn(self._close())

    def _end(self) -> None:
        assert self._over is not None
        if not self._over.done():
            self._over.set_result(None)

    def _fail(self, refusal: Refusal) -> None:
        self._tell("failed", refusal)

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
            if isinstance(error, RayError):  # the cluster, which may be started again
                self._tell("gone", why)
            else:
                self._fail(Refusal("", why))

    # Replicas: how many there are, and the life of one.

    async def _grow(self) -> None:
        """Start as many replicas as are asked for; where that is as many as there is room for, look again and again."""
        while True:
            self._needed = await _beside(self._needs)
            wanted = self._fleet.replicas
            if wanted is None:
                wanted = max(1, fitting(self._needed, await _beside(ray.nodes)))
            while len(self._mates) < wanted:
                mate = _Mate(len(self._mates), None)
                self._mates.append(mate)
                self._spawn(self._live(mate))
            if self._fleet.replicas is not None:
                return
            await asyncio.sleep(LOOK_S)

    async def _watch(self) -> None:
        """Give up when the cluster, or this process's node of it, is gone: Ray would wait for it for a minute or for
        ever."""
        own = ray.get_runtime_context().get_node_id()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                nodes = await asyncio.wait_for(_beside(ray.nodes), PATIENCE_S)
            except Exception:
                why = f"it didn't answer for {PATIENCE_S:g} s"
            else:
                if any(node["NodeID"] == own and node["Alive"] for node in nodes):
                    continue
                why = "the node on which the run is has died"
            self._tell("gone", why)
            return

    def _needs(self) -> list[dict[str, float]]:
        """What a replica needs, as bundles, each of one node. A model over several nodes is spread by its engine, which
        finds the bundles behind the first one."""
        fleet = self._fleet
        on_gpu = fleet.engine in ("vllm", "transformers") and ray.cluster_resources().get("GPU", 0) > 0
        gpus = (float(fleet.parallel) if on_gpu else 0.0) if fleet.gpus is None else fleet.gpus
        if fleet.spread and fleet.parallel > 1:
            each = {"CPU": 1.0, **({"GPU": gpus / fleet.parallel} if gpus else {})}
            return [{"CPU": each["CPU"] + fleet.cpus, **({"GPU": each["GPU"]} if gpus else {})}] + [each] * (
                fleet.parallel - 1
            )
        return [{"CPU": fleet.cpus, **({"GPU": gpus} if gpus else {})}]

    def _start(self, mate: _Mate) -> None:
        """Have Ray start a replica's process, wherever there is room."""
        needs = self._needed
        options: dict[str, Any] = {"num_cpus": needs[0]["CPU"], "num_gpus": needs[0].get("GPU", 0)}
        if len(needs) > 1:
            if mate.group is None:
                mate.group = placement_group(needs, strategy="PACK")
            # The devices are for the processes that its engine starts in the group.
            options = {"num_cpus": self._fleet.cpus, "num_gpus": 0}
            options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(
                mate.group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
            )
        mate.actor = self._actor.options(**options).remote()

    async def _live(self, mate: _Mate) -> None:
        """Start a replica, have it work, and start it again when it ends, until it is given up."""
        while not mate.gone:
            if mate.actor is None:
                self._start(mate)
            try:
                await self._open(mate)
                await self._serve(mate)
            except _LostError as error:
                await self._lost(mate, str(error))
            except _UselessError as error:
                self._take_back(mate)
                if error.fatal:
                    self._fail(error.refusal)
                    return
                mate.why = error.refusal.message
                self._failed(mate, error.refusal)
                await self._kill(mate, again=False)

    async def _open(self, mate: _Mate) -> None:
        """Wait for a replica's process, and open its engine. Raises _LostError, _UselessError."""
        hello: Hello = await _answer(mate.actor.hello.options(max_task_retries=-1).remote())
        if hello.cotbench != __version__:
            found = f"{hello.host} has cotbench {hello.cotbench}, this machine {__version__}."
            raise _UselessError(Refusal("ModelError", found, "Install the same version on all nodes."), fatal=True)
        mate.hello, mate.starts = hello, mate.starts + 1
        self._news()
        opened: Opened | Refusal = await _answer(mate.actor.open.remote(self._fleet.engine, self._config))
        if isinstance(opened, Refusal):
            raise _UselessError(opened, fatal=opened.kind == "UsageError")
        self._compare(mate, opened)
        mate.opened = opened
        wanted = opened.capacity if self._fleet.requests is None else self._fleet.requests
        mate.limit = wanted if self._fleet.requests is not None else wanted + max(1, round(AHEAD * wanted))
        mate.ready = True
        if self._first is None:
            self._first = (mate, opened)
            self._tell("ready", Carried(opened, mate.limit))
        self._news()
        self._dispatch_soon()

    def _compare(self, mate: _Mate, opened: Opened) -> None:
        """Refuse a replica whose results may differ from the first one's. Raises _UselessError."""
        if (known := self._known or (self._first[1].info if self._first is not None else None)) is None:
            return
        difference = unlike(known, opened.info, mixed=self._fleet.mixed)
        if difference is None:
            return
        first = self._first[0].called if self._first is not None else "those before"
        found = f"{mate.called}: {difference.name} is {difference.found!s:.80}, expected {difference.expected!s:.80}"
        found += f" as of {first}"
        if self._fleet.replicas is None:
            self._left_out.append(found)
        remedy = "Have all nodes alike"
        remedy += (
            ", or add --model-args mixed=true: then results may differ from node to node."
            if (difference.may_be_mixed)
            else "."
        )
        raise _UselessError(Refusal("ModelError", f"{found}.", remedy), fatal=self._fleet.replicas is not None)

    async def _serve(self, mate: _Mate) -> None:
        """Take a replica's replies as they come. Raises _LostError where it ends, or is silent for too long."""
        fleet, hello = self._fleet, mate.hello
        assert hello is not None
        beat = min(BEAT_S, fleet.silent_s)
        patience = beat + min(max(fleet.silent_s, LEAST_SILENCE_S), MOST_SILENCE_S)
        while True:
            try:
                taken: Taken = await asyncio.wait_for(
                    _answer(mate.actor.take.remote(hello.incarnation, beat)), patience
                )
            except TimeoutError:
                await self._kill(mate, again=True)
                raise _LostError(f"gave no sign of life for {patience:.0f} s") from None
            if taken.numbers:
                self._answered(mate, taken)
            if taken.fault is not None:
                self._failed(mate, taken.fault)
                await self._kill(mate, again=not mate.gone)
                raise _LostError(taken.fault.message)
            if taken.idle_s > fleet.silent_s and mate.flying:
                await self._kill(mate, again=True)
                raise _LostError(f"its engine did nothing for {taken.idle_s:.0f} s")

    def _answered(self, mate: _Mate, taken: Taken) -> None:
        for number in taken.numbers:
            mate.flying.pop(number, None)
            self._asked.pop(number, None)
            self._losses.pop(number, None)
        mate.answered += len(taken.numbers)
        mate.failures = mate.ends = 0
        self._told.put(("done", taken.numbers, taken.replies))
        self._dispatch_soon()

    async def _lost(self, mate: _Mate, why: str) -> None:
        """Have what a replica was asked asked again, and wait until Ray has started it once more."""
        before, mate.why = mate.hello, why
        self._take_back(mate)
        self._news()
        mate.ends += 1
        if mate.ends >= ENDS and not mate.gone:
            self._give_up(mate, Refusal("ModelError", f"{mate.called} ended {ENDS} times without a reply: {why}"))
        if mate.gone:
            await self._kill(mate, again=False)
            return
        try:
            hello: Hello = await _answer(mate.actor.hello.options(max_task_retries=-1).remote())
            if before is not None and hello.incarnation == before.incarnation:
                await self._kill(mate, again=True)  # a call to it was lost, and it wasn't: what it has isn't known
        except _LostError as error:
            self._failed(mate, Refusal("ModelError", f"{mate.called} ended: {error}"))
            mate.actor = None  # Ray has given it up; another one takes its place

    def _take_back(self, mate: _Mate) -> None:
        """Put what a replica hasn't answered in front of what waits. What has been lost too often fails."""
        mate.ready = False
        lost, mate.flying = list(mate.flying), {}
        again = []
        for number in lost:
            self._losses[number] = self._losses.get(number, 0) + 1
            if self._losses[number] < LOSSES:
                again.append(number)
            else:
                self._asked.pop(number, None)
                del self._losses[number]
                self._tell("lost", number, f"the replica that had it ended, {LOSSES} times: {mate.why}"[:400])
        self._waiting.extendleft(reversed(again))
        self._dispatch_soon()

    def _failed(self, mate: _Mate, refusal: Refusal) -> None:
        """Count a failure; give a replica up that fails again and again, and the run where that was the last one. Where
        none has ever been ready the first failure counts: what keeps one from starting keeps it again."""
        mate.failures += 1
        if mate.failures < FAILURES and self._first is not None and refusal.message.rstrip(".") not in self._left_out:
            return
        self._give_up(mate, refusal)

    def _give_up(self, mate: _Mate, refusal: Refusal) -> None:
        """Do without a replica; and without the run, where it was the last one."""
        mate.gone = True
        if mate.group is not None:
            remove_placement_group(mate.group)
        self._news()
        if all(one.gone for one in self._mates):
            self._fail(refusal)

    async def _kill(self, mate: _Mate, *, again: bool) -> None:
        """End a replica's process. again: Ray starts it once more."""
        if mate.actor is None:
            return
        with suppress(RayError, ValueError):
            ray.kill(mate.actor, no_restart=not again)
        if not again:
            mate.actor = None
            await asyncio.sleep(min(10.0, 0.5 * 2**mate.failures))

    async def _await_first(self) -> None:
        """Say so where no replica can be had, or none is ready in time."""
        begun, shortage = time.monotonic(), ""
        while self._first is None:
            await asyncio.sleep(0.5)
            waited = time.monotonic() - begun
            if any(mate.hello for mate in self._mates):
                shortage = ""
            elif waited > min(10.0, self._fleet.start_s):
                shortage = shortage_of(self._needed, await _beside(ray.nodes))
            if shortage and self._fleet.address == "":
                self._fail(Refusal("ModelError", shortage, "Ask for less, as by --model-args gpus_per_replica=N."))
                return
            if waited > self._fleet.start_s:
                found = shortage or f"no replica was ready within {self._fleet.start_s:g} s."
                remedy = "Add nodes, ask for less, or wait longer: --model-args start_s=SECONDS."
                self._fail(Refusal("ModelError", found, remedy))
                return

    # Requests.

    def _dispatch_soon(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Give what waits to those that have room. Where all are busy room comes one by one: then what waits is looked
        through for what belongs there, before anything moves from one to another."""
        self._due = False
        given: dict[_Mate, list[tuple[int, bytes]]] = {}
        ready = [mate for mate in self._mates if mate.room > 0]
        for move in (False, True):
            kept = []
            while self._waiting and ready:
                number = self._waiting.popleft()
                question, request = self._asked[number]
                home = self._homes.choose(question, ready, move=move)
                if home is None:
                    kept.append(number)
                    continue
                home.flying[number] = None
                given.setdefault(home, []).append((number, request))
                if home.room <= 0:
                    ready.remove(home)
            self._waiting.extendleft(reversed(kept))
        for mate, requests in given.items():
            self._spawn(self._ask(mate, requests))

    async def _ask(self, mate: _Mate, requests: Sequence[tuple[int, bytes]]) -> None:
        hello = mate.hello
        assert hello is not None
        with suppress(_LostError):
            await _answer(mate.actor.ask.remote(hello.incarnation, requests))
            return
        # Whether it has them isn't known. Where its process goes on it is ended, so that it is.
        if mate.hello is hello and mate.ready:
            await self._kill(mate, again=True)

    async def _of_all(self, call: Callable[[_Mate, Hello], Any], wait_s: float) -> list[tuple[_Mate, Any]]:
        """What replicas that are ready say within so many seconds."""

        async def one(mate: _Mate, hello: Hello) -> tuple[_Mate, Any] | None:
            with suppress(_LostError, TimeoutError):
                return mate, await asyncio.wait_for(_answer(call(mate, hello)), wait_s)
            return None

        asked = [one(mate, mate.hello) for mate in self._mates if mate.ready and mate.hello is not None]
        return [found for found in await asyncio.gather(*asked) if found is not None]

    async def _cancel(self) -> None:
        """Take back what hasn't begun anywhere."""
        back = list(self._waiting)
        self._waiting.clear()
        for mate, numbers in await self._of_all(lambda m, hello: m.actor.give_back.remote(hello.incarnation), 60.0):
            for number in numbers:
                if number in mate.flying:
                    del mate.flying[number]
                    back.append(number)
        for number in back:
            self._asked.pop(number, None)
        self._tell("back", back)

    async def _describe(self) -> None:
        found = await self._of_all(lambda mate, hello: mate.actor.describe.remote(hello.incarnation), 10.0)
        self._tell("described", [info for _, info in found], self._carried())

    async def _preview(self, request: bytes) -> None:
        assert self._first is not None
        mate, _ = self._first
        assert mate.hello is not None
        self._tell("previewed", await _answer(mate.actor.preview.remote(mate.hello.incarnation, request)))

    async def _close(self) -> None:
        await self._of_all(lambda mate, hello: mate.actor.close.remote(hello.incarnation), CLOSING_S)
        for mate in self._mates:
            mate.gone = True
        if self._fleet.address:  # else they end with the cluster
            with suppress(TimeoutError):
                await asyncio.wait_for(_beside(self._leave), CLOSING_S)
        self._end()

    def _leave(self) -> None:
        """Take replicas off a cluster that stays."""
        for mate in self._mates:
            with suppress(RayError, ValueError):
                if mate.actor is not None:
                    ray.kill(mate.actor)
                if mate.group is not None:
                    remove_placement_group(mate.group)

    def _news(self) -> None:
        self._tell("news", News(sum(mate.limit for mate in self._mates if mate.ready), self._carried()))

    def _carried(self) -> dict[str, Any]:
        """What became of each replica, for the manifest."""
        return {
            "by": f"Ray {ray.__version__}",
            "nodes": len({mate.hello.node for mate in self._mates if mate.hello is not None}),
            "replicas": [
                {
                    "host": mate.hello.host if mate.hello is not None else "",
                    "device": mate.opened.info.device if mate.opened is not None else "",
                    "replies": mate.answered,
                    "restarts": max(0, mate.starts - 1),
                    **({"given_up": True} if mate.gone else {}),
                    **({"why": mate.why[:200]} if mate.why else {}),
                }
                for mate in self._mates
            ],
            **({"left_out": self._left_out} if self._left_out else {}),
        }


async def _beside(work: Callable[[], T]) -> T:
    """What a function gives that may wait for the cluster, for as long as that doesn't answer: in another thread."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def _answer(call: Any) -> Any:
    """What a call to an actor gives. Raises _LostError where the actor has ended, is away, or is another process."""
    try:
        return await call
    except RayTaskError as error:
        if isinstance(error.cause, NotOpenError):
            raise _LostError("was started again") from None
        raise _LostError(f"{type(error.cause).__name__}: {error.cause}") from None
    except RayError as error:
        raise _LostError(_in_short(error)) from None


def _in_short(error: RayError) -> str:
    """Why Ray says that an actor is away, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "dead because" in line or "unavailable" in line or "exit" in line.lower()]
    return ((told or lines or [type(error).__name__])[0])[:200]


def main() -> None:
    link = Connection(int(sys.argv[1]))
    fleet, config, folder, known = pickle.loads(link.recv_bytes())  # noqa: S301  (the run's own)
    join(link, fleet, folder, run=int(sys.argv[2]))
    asyncio.run(_Driver(link, fleet, config, known).run())


if __name__ == "__main__":
    main()
