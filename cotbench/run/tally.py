"""How far a run is: counts for progress bars, the manifest and what a command says at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Tally:
    """Counts over the flows of a run.

    total: flows, one for each question and mode. new_tokens: completion tokens generated in this session; the others
    may have been recorded before. errors: what failed requests said. fatal: answers whose comparison ended the
    grader's worker twice. stopping: nothing more is asked; what is in flight is still recorded. busy_s: the seconds in
    which the engine had something to do."""

    total: int
    done: int = 0
    graded: int = 0
    correct: int = 0
    requests: int = 0
    reused: int = 0
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    programs: int = 0
    program_cpu_s: float = 0.0
    new_tokens: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    fatal: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    stopping: bool = False
    busy_s: float = 0.0
    _seen: float = 0.0

    def fly(self, count: int) -> None:
        """Say how many requests the engine has from now on; the time since this was last said counts as busy where it
        had any."""
        now = time.monotonic()
        if self.in_flight:
            self.busy_s += now - self._seen
        self._seen, self.in_flight = now, count


Watch = Callable[[Tally], None]
