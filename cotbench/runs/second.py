"""The engine of a second model: an engine like another, whose errors are told as the judge's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cotbench.engines import Engine, EngineConfig, EngineInfo, open_engine
from cotbench.errors import CotbenchError, ModelError
from cotbench.types import Key, Reply, Request

_OF_ENGINES = re.compile(
    r"(?<!converter )--(?=(?:model|engine|base-url)\b(?!-))|--model-(?=args\b)"
)  # options, in messages


class SecondEngine:
    """An engine of which whatever is raised names the options and the key by which a judge is named."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.capacity = engine.capacity
        self.arrives: Callable[[float], bool] | None = getattr(engine, "arrives", None)

    def submit(self, key: Key, request: Request) -> None:
        with told_of_judge():
            self._engine.submit(key, request)

    def poll(self) -> list[tuple[Key, Reply]]:
        with told_of_judge():
            return self._engine.poll()

    def cancel(self) -> list[Key]:
        return self._engine.cancel()

    def describe(self) -> EngineInfo:
        return self._engine.describe()

    def preview(self, request: Request) -> str:
        return self._engine.preview(request)

    def close(self) -> None:
        self._engine.close()


def open_second(name: str, config: EngineConfig) -> Engine:
    """Open the engine of the second model."""
    with told_of_judge():
        return SecondEngine(open_engine(name, config))


def of_judge(text: str) -> str:
    """Put the options with which a judge is named in the place of those of the run's own model."""
    return _OF_ENGINES.sub("--judge-", text)


@contextmanager
def told_of_judge() -> Iterator[None]:
    """Have what an engine says of options said of those with which a judge is named."""
    try:
        yield
    except CotbenchError as error:
        error.message, error.hint = of_judge(error.message), of_judge(error.hint)
        if isinstance(error, ModelError):
            error.message = f"the judge: {error.message}"
        raise
