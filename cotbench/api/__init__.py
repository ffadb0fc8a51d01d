"""cotbench from Python, for notebooks and scripts: `run`, `compare`, `score`, `read_answer`, `equal`, `load`, lists.

They do what the commands of the same names do, by the same functions, so that a run that was begun on the command line
is gone on with here and the other way round. What is raised is a `cotbench.errors.CotbenchError` whose message names
arguments as Python does.
"""

from cotbench.processes import chance_kept

with chance_kept():
    import rich.style  # noqa: F401 - it draws a number as it is imported, and so would change a caller's next ones

from cotbench.api.comparing import Comparison, compare
from cotbench.api.exchanging import export, import_logs
from cotbench.api.listing import list_engines, list_modes, list_tags, list_tasks
from cotbench.api.loading import load
from cotbench.api.options import Options
from cotbench.api.running import Run, RunFailed, merge, run
from cotbench.api.scoring import Reading, Scores, equal, read_answer, score

__all__ = [
    "Comparison",
    "Options",
    "Reading",
    "Run",
    "RunFailed",
    "Scores",
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
