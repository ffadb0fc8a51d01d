"""cotbench: does chain of thought help this model on these questions, by how much, how sure are we, at what cost?

From Python: `run`, `compare`, `score`, `read_answer`, `equal`, `load`, `merge`, `import_logs`, `export`, and
`list_tasks`, `list_modes`, `list_engines`, `list_tags`; docs/python.md shows them. Importing this loads none of it:
each is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotbench.api import (
        Comparison,
        Options,
        Reading,
        Run,
        RunFailed,
        Scores,
        compare,
        equal,
        export,
        import_logs,
        list_engines,
        list_modes,
        list_tags,
        list_tasks,
        load,
        merge,
        read_answer,
        run,
        score,
    )

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Options",
    "Reading",
    "Run",
    "RunFailed",
    "Scores",
    "__version__",
    "compare",
    "equal",
    "export",
    "import_logs",
    "list_engines",
    "list_modes",
    "list_tags",
    "list_tasks",
    "load",
    "merge",
    "read_answer",
    "run",
    "score",
]


if not TYPE_CHECKING:  # else a type checker would take any name for one of these

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from cotbench import api

        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
