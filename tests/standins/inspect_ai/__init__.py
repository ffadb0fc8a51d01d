"""A stand-in for Inspect, where it isn't installed: just what cotbench asks of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


def named(kind: str, name: str) -> Any:
    """A solver or scorer, as Inspect registers one."""
    return SimpleNamespace(__registry_info__=SimpleNamespace(type=kind, name=f"inspect_ai/{name}"))


def task(function: Callable[..., Any]) -> Callable[..., Any]:
    function.__registry_info__ = SimpleNamespace(type="task", name=function.__name__)  # type: ignore[attr-defined]
    return function


def sample(**given: Any) -> Any:
    return SimpleNamespace(**{"choices": None, "target": "", "sandbox": None, "files": None, "setup": None, **given})


def message(role: str, content: Any) -> Any:
    return SimpleNamespace(role=role, content=content)


class Samples(list[Any]):
    name, location = "made up", None


class Task:
    sandbox = sample_source = None
    version = 3

    def __init__(self, dataset: list[Any], solver: Any = (), scorer: Any = ()) -> None:
        self.dataset, self.solver = Samples(dataset), list(solver)
        self.scorer = list(scorer) or [named("scorer", "match")]
