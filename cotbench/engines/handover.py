"""Replies on their way from an engine's own thread, which runs an event loop, to the run's."""

from __future__ import annotations

import asyncio
import queue

from cotbench.errors import ModelError
from cotbench.types import Key, Reply

# Replies wait to be handed over until none has come for so long, but themselves no longer than that (seconds).
QUIET_S, LONGEST_HOLD_S = 0.005, 0.05


class Handover:
    """Hands replies over when no more come for a moment.

    While those that came with them are read and the next requests sent, the run's work, in a thread that shares the
    interpreter, would hold them up. `put` and `fail` are called in the loop's thread, `take` in the run's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._results: queue.SimpleQueue[tuple[Key, Reply] | ModelError] = queue.SimpleQueue()
        self._arrived: list[tuple[Key, Reply]] = []  # and not yet handed over
        self._arrived_s = 0.0  # when the first of them came, on the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._fatal: ModelError | None = None
        self._ahead: list[tuple[Key, Reply] | ModelError] = []  # one that was looked for and is there, to be taken

    def put(self, key: Key, reply: Reply) -> None:
        now = self._loop.time()
        if not self._arrived:
            self._arrived_s = now
        self._arrived.append((key, reply))
        if self._timer is not None:
            if now - self._arrived_s > LONGEST_HOLD_S:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(QUIET_S, self._hand_over)

    def fail(self, error: ModelError) -> None:
        """Have `take` raise the error when what came before it has been taken, and recorded."""
        self._hand_over()
        self._results.put(error)

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for result in self._arrived:
            self._results.put(result)
        self._arrived.clear()

    def arrives(self, wait_s: float) -> bool:
        """Whether there is something to take, now or before so many seconds."""
        if self._fatal is None and not self._ahead:
            try:
                self._ahead.append(self._results.get(wait_s > 0, wait_s or None))
            except queue.Empty:
                return False
        return True

    def take(self, expected: int) -> list[tuple[Key, Reply]]:
        """Replies that have come, at most `expected`; waits for the first, where any is expected."""
        if self._fatal is not None:
            raise self._fatal
        done: list[tuple[Key, Reply]] = []
        while len(done) < expected and (not done or not self._results.empty()):
            result = self._ahead.pop() if self._ahead else self._results.get()
            if isinstance(result, ModelError):
                if not done:
                    raise result
                self._fatal = result  # for the next call: what has arrived is recorded first
                break
            done.append(result)
        return done
