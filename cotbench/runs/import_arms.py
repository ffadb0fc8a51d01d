"""Which arm a log is of: as the user says, else as its task or settings say plainly; and which logs belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cotbench.errors import DataError, TaskError, UsageError
from cotbench.logs import Log
from cotbench.modes import ALIASES, MODES, Mode, elsewhere, find_mode
from cotbench.modes.arms import arm, split
from cotbench.questions.tasks import TaskFile, find_task, list_task_files, read_task_file

_NOT_ONE_OUTPUT = "its prompts build on earlier replies, and a log holds one output for each question"
EXAMPLE = "Say it by --as, one arm for each log, as in --as direct,cot."
_MOST_LISTED = 12  # logs of a folder that are named in a message


@dataclass(frozen=True, kw_only=True)
class ArmLogs:
    """The logs of one arm on one task of one model."""

    mode: Mode
    logs: tuple[Log, ...]

    @property
    def name(self) -> str:
        return self.mode.name


@dataclass(frozen=True, kw_only=True)
class TaskLogs:
    """The logs of one task by its arms. file: our task file, None of a task that is none of ours. name: the task's.
    inferred: how it is known, "" where the user said it."""

    name: str
    file: TaskFile | None
    inferred: str
    arms: tuple[ArmLogs, ...]


def modes_of(names: Sequence[str], logs: Sequence[str]) -> list[Mode]:
    """The arms that --as names, one for each of these logs. Raises UsageError."""
    if len(names) != len(logs):
        there = f"{len(logs)} log{'s' * (len(logs) != 1)}: {', '.join(logs)}"
        found = f"--as: names {len(names)} arm{'s' * (len(names) != 1)}, and there are {there}."
        raise UsageError(found, "Name one for each, in their order.")
    modes = [_mode(name) for name in names]
    for mode, text in zip(modes, names, strict=True):
        first = next(other for other in zip(modes, names, strict=True) if other[0].name == mode.name)
        if first[0].called != mode.called or first[0].facts.settings != mode.facts.settings:
            found = f"--as: {first[1]} and {text} are two arms of one name, {mode.name}."
            raise UsageError(found, "Give each its own, as in short=cot,long=cot@temperature=1.")
    return modes


def _mode(text: str) -> Mode:
    """An arm as --as names it: a mode, or NAME=MODE."""
    own, equals, name = text.partition("=")
    if not equals or "@" in own:
        own, name = "", text
    [name] = split([name.strip()], "--as")
    mode = find_mode(name, "--as")
    if own.strip():
        mode = arm(find_mode(name.partition("@")[0], "--as"), {**mode.facts.settings, "name": own.strip()}, "--as")
        if (mode.name in MODES or mode.name in ALIASES) and mode.name != name:
            found = f"--as {text}: '{mode.name}' is a mode, and this arm is of another one, {name}."
            raise UsageError(found, "Give it a name that no mode has.")
    if len(mode.turns) > 1 or any(turn.by == "judge" or turn.answer == "likeliest" for turn in mode.turns):
        raise UsageError(f"--as {text}: {mode.called} can't be imported: {_NOT_ONE_OUTPUT}.", "Use cot, or free.")
    if mode.facts.tools:
        raise UsageError(f"--as {text}: {mode.called} can't be imported: {_NOT_ONE_OUTPUT}.", "Use pal, or cot.")
    return mode


def inferred_modes(logs: Sequence[Log]) -> list[Mode]:
    """The arms that logs say they are of. Raises UsageError where one doesn't, or two of one task say the same."""
    found = []
    seen: dict[tuple[str, str, str], Log] = {}
    for log in logs:
        said = _said(log)
        if not said:
            raise UsageError(f"{log.path}: doesn't say how it was prompted.", EXAMPLE)
        other = seen.setdefault((said, log.model, log.task), log)
        if other is not log:
            places = list(dict.fromkeys(one.path for one in logs))
            order = ", ".join(map(str, places[:_MOST_LISTED])) + (" ..." if len(places) > _MOST_LISTED else "")
            found_twice = f"{other.path} and {log.path}: both seem to be of {said}."
            raise UsageError(found_twice, f"Name the logs one by one, in this order: {order}. {EXAMPLE}")
        found.append(find_mode(said, "--as"))
    return found


def stated_mode(log: Log) -> Mode | None:
    """The arm that a log states by its name, as exports of our own runs do; None where it states none that can be
    imported."""
    named = log.arm.get("arm")
    try:
        return _mode(named) if isinstance(named, str) and named.strip() else None
    except UsageError:
        return None


def given_modes(names: Sequence[str], paths: Sequence[Path], read: Sequence[Sequence[Log]]) -> list[list[Mode]]:
    """The arms that --as names, for each path one for each of its logs. read: the logs of each path.

    One arm for each path, in order. Of a folder alone that holds logs of several arms each has the arm that it says
    itself: the order of files in a folder says nothing. Raises UsageError where logs state another arm, or none."""
    if len(read) == 1 and len(names) > 1 and len(read[0]) > 1:
        found = [_in_folder(names, paths[0], read[0])]
    else:
        modes = modes_of(names, [str(path) for path in paths])
        found = [[mode] * len(logs) for mode, logs in zip(modes, read, strict=True)]
    for modes, logs in zip(found, read, strict=True):
        for mode, log in zip(modes, logs, strict=True):
            stated = stated_mode(log)
            if stated is not None and stated.called != mode.called:
                raise UsageError(
                    f"--as: {log.path} is to be {mode.name}, and says that it is of {stated.name}.",
                    "Name the arms in the order of the logs, or leave --as out: these logs say their arms.",
                )
    return found


def _in_folder(names: Sequence[str], folder: Path, logs: Sequence[Log]) -> list[Mode]:
    modes = {mode.called: mode for mode in map(_mode, names)}
    said = [_said(log) for log in logs]
    own = [modes.get(one.partition("@")[0]) for one in said]
    if len(modes) == len(names) and None not in own and len({id(mode) for mode in own}) == len(names):
        return [mode for mode in own if mode is not None]
    listed = [f"  {log.path}{f' (seems to be {one})' if one else ''}" for log, one in zip(logs, said, strict=True)]
    more = [f"  and {len(listed) - _MOST_LISTED} more"] if len(listed) > _MOST_LISTED else []
    there = "\n".join([*listed[:_MOST_LISTED], *more])
    raise UsageError(
        f"--as {','.join(names)}: {folder} holds {len(logs)} logs, and which of them is of which arm is not said by "
        f"all of them. There are:\n{there}\n",
        "Name the logs one by one (or a folder for each arm), and the arms by --as in the same order.",
    )


def _said(log: Log) -> str:
    stated = stated_mode(log)
    if stated is not None:
        return stated.name
    flag = log.arm.get("chain_of_thought")
    if isinstance(flag, bool):
        return elsewhere.of_switch(reasons=flag)
    if log.likelihoods:  # nothing was written
        return elsewhere.of_switch(reasons=False)
    texts = [log.task, *(str(log.arm.get(name, "")) for name in ("solver", "instruction", "prompt"))]
    texts += [log.path.name.partition("_20")[0], log.path.parent.name]
    return next(filter(None, map(elsewhere.of_words, texts)), "")


def by_model(logs: Iterable[tuple[Mode, Log]], given: str) -> dict[str, list[tuple[Mode, Log]]]:
    """Logs by their model. given: what all are said to be of. One that doesn't say its model is of the only one that
    others say."""
    found: dict[str, list[tuple[Mode, Log]]] = {}
    every = list(logs)
    told = dict.fromkeys(log.model for _, log in every if log.model)
    silent = given or (next(iter(told)) if len(told) == 1 else "")
    if not silent and len(told) > 1 and (without := next((log for _, log in every if not log.model), None)):
        raise UsageError(f"{without.path}: doesn't say its model, and others say {', '.join(told)}.", "Give --model.")
    for mode, log in every:
        found.setdefault(given or log.model or silent or "unknown-model", []).append((mode, log))
    return found


def tasks_of(logs: Sequence[tuple[Mode, Log]], asked: str, tasks: TaskFinder) -> list[TaskLogs]:
    """Logs of one model by task. asked: what --task names, "" where it doesn't."""
    named: dict[str, tuple[TaskFile | None, str, list[tuple[Mode, Log]]]] = {}
    found = [tasks.of(log, asked) for _, log in logs]
    alone = len({mode.name for mode, _ in logs}) == len(logs) and len({log.dataset for _, log in logs} - {""}) < 2
    for (mode, log), (file, inferred) in zip(logs, found, strict=True):
        name = file.task.name if file is not None else _plain(log.task)
        if file is None and alone:  # one log for each arm: they are of one task, whatever the tool calls it
            files = [known for known, _ in found if known is not None]
            file = files[0] if files else None
            inferred = f"{inferred}; as the other logs" if files else inferred
            name = file.task.name if file is not None else _plain(logs[0][1].task)
        named.setdefault(name, (file, inferred, []))[2].append((mode, log))
    return [
        TaskLogs(name=name, file=file, inferred=inferred, arms=tuple(_arms(each)))
        for name, (file, inferred, each) in named.items()
    ]


def _arms(logs: Sequence[tuple[Mode, Log]]) -> Iterable[ArmLogs]:
    arms: dict[str, tuple[Mode, list[Log]]] = {}
    for mode, log in logs:
        arms.setdefault(mode.name, (mode, []))[1].append(log)
    return [ArmLogs(mode=mode, logs=tuple(own)) for mode, own in arms.values()]


def _plain(task: str) -> str:
    """A task's name as the tool calls it, without the words that say an arm."""
    bare = elsewhere.WORDS.sub("", task.rsplit("/", 1)[-1])
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", bare).strip("_-.") or re.sub(r"\W+", "_", task).strip("_") or "questions"


class TaskFinder:
    """Finds our task file for a log's task, by what the user says, else by its data set."""

    def __init__(self, tasks_dir: object = None, data_dir: object = None) -> None:
        self._tasks_dir, self._data_dir = tasks_dir, data_dir
        self._files: dict[str, list[TaskFile]] | None = None
        self._named: dict[str, TaskFile] = {}

    def of(self, log: Log, asked: str) -> tuple[TaskFile | None, str]:
        """The task file, and how it was found. Raises TaskError for a name that isn't known."""
        if asked:
            if asked not in self._named:
                self._named[asked] = find_task(asked, self._tasks_dir, self._data_dir)  # type: ignore[arg-type]
            return self._named[asked], ""
        named = log.dataset.rstrip("/").lower()
        same = self._by_dataset.get(named) or self._by_dataset.get(named.rpartition("/")[2], []) if named else []
        fitting = [file for file in same if _fits(file, log)] or (same if len(same) == 1 else [])
        if len(fitting) == 1:
            return fitting[0], f"by its data set, {log.dataset}"
        return None, "as the log calls it"

    @property
    def _by_dataset(self) -> Mapping[str, list[TaskFile]]:
        if self._files is None:
            self._files = {}
            for path in list_task_files(self._tasks_dir).values():  # type: ignore[arg-type]
                try:
                    file = read_task_file(path)
                except (TaskError, DataError):
                    continue
                for name in filter(None, (file.task.source.dataset,)):
                    for called in {name.lower(), name.rsplit("/", 1)[-1].lower()}:
                        self._files.setdefault(called, []).append(file)
        return self._files


def _fits(file: TaskFile, log: Log) -> bool:
    configs = {file.task.source.config, *(part.config for part in file.task.parts)}
    return not log.config or log.config in configs or configs == {None}
