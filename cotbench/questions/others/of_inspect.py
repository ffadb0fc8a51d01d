"""Tasks of Inspect: `--task inspect:FILE@NAME`, where FILE is a .py with @task functions, or an installed package.

A package is named as Inspect names it (inspect_evals/gsm8k) or by its module (inspect_evals.gsm8k@gsm8k).
Its samples give questions (input), options (choices) and gold (target). Solvers, scorers and epochs are left out; a
task function is called without arguments, and without exemplars where it has a number of them (`fewshot`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from cotbench.errors import CotbenchError, TaskError, UnavailableError, suggest
from cotbench.processes import working_in
from cotbench.questions.others.sets import quiet, sets_from
from cotbench.questions.others.taking import Item, Origin, refused, take
from cotbench.questions.tasks import TaskFile
from cotbench.types import LETTERS

PACKAGE = "inspect-ai"
INSTALL = "pip install inspect-ai"
_FORM = "As in: --task inspect:evals/mine.py@my_task or --task inspect:inspect_evals/gsm8k"


def find(asked: str, folder: Path | None) -> TaskFile:
    """The task of Inspect that a name behind --task asks for."""
    version = _version(asked)
    file, name = _split(asked)
    is_file = file.endswith(".py")
    if is_file and not Path(file).is_file():
        raise TaskError(f"--task {asked}: there is no file {file}.", f"{_FORM}.")
    with sets_from(folder, asked), _own_cache(folder), _inside(Path(file).parent if is_file else None):
        module = _loaded(asked, file)
        function = _function(asked, module, file, name)
        task = _called(asked, function)
        samples = _samples(asked, task)
        items = [_item(asked, number, sample) for number, sample in enumerate(samples, 1)]
        if getattr(task.dataset, "shuffled", False):  # anew each time, where no seed is set
            items.sort(key=lambda item: (item.text, item.choices, item.answers))
    called = function.__name__
    content = Path(file).read_bytes() if is_file else inspect.getsource(inspect.getmodule(function) or module).encode()
    package = module.__name__.partition(".")[0]
    whose = "" if is_file else f"{package} {importlib.metadata.version(package)}"
    location = getattr(task.dataset, "location", None)
    place = Path(location).name if location and Path(location).is_absolute() else location
    data = str(place or getattr(task.dataset, "name", None) or (Path(file).name if is_file else package))
    return take(
        items,
        Origin(
            asked=asked,
            package=PACKAGE,
            version=f"{version} with {whose}" if whose else version,
            task=called,
            task_version=str(task.version or ""),
            config=hashlib.sha256(content).hexdigest()[:16],
            data=data,
        ),
    )


def _version(asked: str) -> str:
    try:
        with quiet():
            importlib.import_module("inspect_ai")
        return importlib.metadata.version(PACKAGE)
    except Exception as error:  # whatever a package raises while it is loaded
        if getattr(error, "name", "") not in ("inspect_ai", None):
            found = f"--task {asked}: inspect-ai is installed but can't be loaded: {error}"
            raise UnavailableError(f"{found}.", f"{INSTALL}, or what it misses.") from None
        raise UnavailableError(
            f"--task {asked}: the package inspect-ai isn't installed here.",
            f"{INSTALL} into the same environment as cotbench; it is needed to ask, not to report.",
        ) from None


def _split(asked: str) -> tuple[str, str]:
    """The file or package of a task, and the name of its function, "" where it isn't given."""
    rest = asked.partition(":")[2]
    file, at, name = rest.rpartition("@")
    if not at:
        file, name = rest, ""
        if not file.endswith(".py") and "/" in file and not Path(file).exists():
            file, _, name = rest.rpartition("/")
    if not file:
        raise TaskError(f"--task {asked}: names no file and no package.", f"{_FORM}.")
    return file, name


# --- its function -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    """Work in the folder of a task's file, with what lies beside it to be imported, as Inspect does."""
    if folder is None:
        yield
        return
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        with working_in(folder):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(place)


@contextlib.contextmanager
def _own_cache(folder: Path | None) -> Iterator[None]:
    """Keep what comes from a folder out of Inspect's cache, where it would stand under the Hub's name."""
    try:
        sources: Any = importlib.import_module("inspect_ai.dataset._sources.hf")
        before = sources.inspect_cache_dir
    except (ImportError, AttributeError):
        sources = None
    if folder is None or sources is None:
        yield
        return
    with tempfile.TemporaryDirectory() as place:
        sources.inspect_cache_dir = lambda *_: Path(place)
        try:
            yield
        finally:
            sources.inspect_cache_dir = before


def _loaded(asked: str, file: str) -> ModuleType:
    """The module of a task: of a file, or of a package."""
    try:
        if file.endswith(".py"):
            path = Path(file).name  # we work in its folder
            name = f"{Path(file).stem}_{hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:8]}"
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
            return module
        return importlib.import_module(file.replace("/", "."))
    except CotbenchError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing == file.replace("/", ".") or file.replace("/", ".").startswith(f"{missing}."):
            package = missing.partition(".")[0].replace("_", "-")
            remedy = f"pip install {package} into the same environment as cotbench. {_FORM}."
            raise UnavailableError(f"--task {asked}: there is no module '{missing}' here.", remedy) from None
        remedy = f"pip install {missing} into the same environment as cotbench."
        raise UnavailableError(f"--task {asked}: {file} needs the package '{missing}'.", remedy) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise refused(asked, f"{file} can't be loaded ({reason})", "Correct the file.") from None


def _info(thing: Any) -> tuple[str, str]:
    """What Inspect has registered a thing as: its type and its name without a package."""
    info = getattr(thing, "__registry_info__", None)
    if isinstance(info, Mapping):
        return str(info.get("type", "")), str(info.get("name", "")).rpartition("/")[2]
    return str(getattr(info, "type", "")), str(getattr(info, "name", "")).rpartition("/")[2]


def _tasks(module: ModuleType) -> dict[str, Callable[..., Any]]:
    return {name: thing for name, thing in vars(module).items() if callable(thing) and _info(thing)[0] == "task"}


def _function(asked: str, module: ModuleType, file: str, name: str) -> Callable[..., Any]:
    """The function of a task; a package's registry of tasks is asked where its module doesn't have it."""
    known = _tasks(module)
    if not file.endswith(".py") and name not in known:
        for entry in importlib.metadata.entry_points(group="inspect_ai"):
            if entry.value.partition(":")[0].partition(".")[0] == module.__name__:
                known |= _tasks(importlib.import_module(entry.value.partition(":")[0]))
    if not name and len(known) == 1:
        return next(iter(known.values()))
    if name in known:
        return known[name]
    shown = ", ".join(list(known)[:12]) + (" ..." if len(known) > 12 else "") if known else "none"
    what = f"has no task '{name}'" if name else "has several tasks" if known else "has no task"
    raise TaskError(f"--task {asked}: {file} {what}; it has: {shown}.", suggest(name, known, always=f"{_FORM}."))


def _called(asked: str, function: Callable[..., Any]) -> Any:
    """The task that a function makes."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("fewshot", "num_fewshot", "fewshots", "few_shot") and isinstance(parameter.default, int):
            given[name] = type(parameter.default)(0)
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise refused(asked, f"its function wants a value for '{name}'")
    try:
        return function(**given)
    except CotbenchError:
        raise
    except ModuleNotFoundError as error:
        remedy = f"pip install {error.name} into the same environment as cotbench."
        raise UnavailableError(f"--task {asked}: it needs the package '{error.name}'.", remedy) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise refused(asked, f"its function can't make it ({reason})") from None


# --- its samples --------------------------------------------------------------------------------------------------

_TOOLS = frozenset("use_tools basic_agent react human_agent human_cli as_solver bridge sandbox_agent_bridge".split())


def _samples(asked: str, task: Any) -> Sequence[Any]:
    """The samples of a task. Raises TaskError where an answer isn't all that is asked for."""
    solvers = [task.solver, *(task.solver if isinstance(task.solver, Sequence) else ())]
    names = {_info(solver)[1] for solver in solvers}
    if using := names & _TOOLS or {name for solver in solvers for kind, name in [_info(solver)] if kind == "agent"}:
        raise refused(asked, f"its model uses tools or is an agent ({', '.join(sorted(using))})")
    if getattr(task, "sandbox", None):
        raise refused(asked, "it works in a sandbox")
    if getattr(task, "sample_source", None):
        raise refused(asked, "its samples are made while it runs")
    scorers = [_info(scorer)[1] for scorer in task.scorer or ()]
    if scorers and all(name.startswith("model_graded") for name in scorers):
        raise refused(asked, f"its answers are graded by a model ({', '.join(scorers)}), and gold is what that is told")
    return list(task.dataset)


def _item(asked: str, number: int, sample: Any) -> Item:
    for what in ("sandbox", "files", "setup"):
        if getattr(sample, what, None):
            raise refused(asked, f"sample {number} works in a sandbox ({what})")
    text = _asked(asked, number, sample.input)
    targets = [sample.target] if isinstance(sample.target, str) else list(sample.target or ())
    if not sample.choices:
        return Item(text=text, answers=tuple(dict.fromkeys(str(target) for target in targets)))
    choices = tuple(map(str, sample.choices))
    right = tuple(dict.fromkeys(_place(str(target).strip(), choices) for target in targets))
    return Item(text=text, choices=choices, right=right)


def _place(target: str, choices: Sequence[str]) -> int:
    """The place of the right option, from 0; -1 where the target is none."""
    letters = LETTERS[: len(choices)]
    if re.fullmatch(r"[A-Za-z]", target) and target.upper() in letters and target not in choices:
        return letters.index(target.upper())
    if len(target) == 1 and target in letters:
        return letters.index(target)
    return choices.index(target) if choices.count(target) == 1 else -1


def _asked(asked: str, number: int, given: Any) -> str:
    """The text of a sample's input: a text, or a chat of one message of the user's."""
    if isinstance(given, str):
        return given
    roles = [str(getattr(message, "role", "?")) for message in given]
    if roles != ["user"]:
        raise refused(asked, f"sample {number} is a chat of {len(roles)} messages ({', '.join(roles)[:60]})")
    content = given[0].content
    if isinstance(content, str):
        return content
    kinds = [str(getattr(part, "type", "?")) for part in content]
    if set(kinds) != {"text"}:
        raise refused(asked, f"sample {number} has more than text in it ({', '.join(sorted(set(kinds) - {'text'}))})")
    return "\n\n".join(part.text for part in content)
