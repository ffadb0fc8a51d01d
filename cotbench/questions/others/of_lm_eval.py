"""Tasks of lm-evaluation-harness: `--task lm-eval:NAME`, a name of its own, or the path of a YAML file of its kind.

Questions, options and gold are what its task makes of its rows (doc_to_text, doc_to_choice, doc_to_target, after
process_docs), of the test split, else of the validation split. Exemplars, description, metrics and filters are left
out. A group or tag becomes one task, whose groups are the tasks that it names.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cotbench.errors import CotbenchError, DataError, TaskError, UnavailableError, suggest
from cotbench.questions.others.sets import quiet, sets_from
from cotbench.questions.others.taking import EMPTY, Item, Origin, reason_of, refused, take
from cotbench.questions.others.wording import blank, common_column
from cotbench.questions.tasks import TaskFile

PACKAGE = "lm-eval"
INSTALL = "pip install lm-eval"

# What a task is made with here: no exemplars are drawn, and nothing is scored.
_OVERRIDES: dict[str, Any] = {
    "training_split": None,
    "fewshot_split": None,
    "fewshot_config": None,
    "num_fewshot": 0,
    "metric_list": [],
    "filter_list": None,
    "should_decontaminate": False,
}


def find(asked: str, folder: Path | None) -> TaskFile:
    """The task of lm-evaluation-harness that a name behind --task asks for."""
    name = asked.partition(":")[2]
    version = _version(asked)
    manager, name = _manager(asked, name)
    members = list(_members(asked, manager, name, {}))
    if not members:
        raise refused(asked, "it names no task")
    several = len(members) > 1 or members[0].name != name
    items: list[Item] = []
    origins: list[Origin] = []
    faults: list[str] = []
    for member in members:
        try:
            found, origin = _taken(asked, manager, member, version, folder)
        except TaskError as error:
            if not several:
                raise
            faults.append(f"{member.name}: {reason_of(error)}")
            continue
        items += [replace(item, group=member.name) for item in found] if several else found
        origins.append(origin)
    if faults:
        remedy = f"Name one of the others: {_listed([origin.task for origin in origins])}." if origins else ""
        raise refused(asked, f"{len(faults)} of its {len(members)} tasks can't be: {faults[0]}", remedy)
    if not several:
        return take(items, origins[0])
    together = hashlib.sha256(json.dumps([one.config for one in origins]).encode()).hexdigest()[:16]
    sets = list(dict.fromkeys(re.sub(r" \(.*?, ", " (", one.data) for one in origins))
    versions = list(dict.fromkeys(one.task_version for one in origins))
    return take(
        items,
        replace(
            origins[0],
            task=name,
            task_version=versions[0] if len(versions) == 1 else "",
            config=together,
            data=f"{sets[0]}" if len(sets) == 1 else f"{len(sets)} data sets",
            remarks=_together([remark for one in origins for remark in one.remarks]),
        ),
    )


def _together(remarks: Sequence[str]) -> tuple[str, ...]:
    """The remarks on several tasks: the first, and how many more there are like it."""
    different = list(dict.fromkeys(remarks))
    more = f" (and {len(different) - 1} more like this)" if len(different) > 1 else ""
    return (f"{different[0]}{more}",) if different else ()


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _version(asked: str) -> str:
    try:
        with quiet():
            importlib.import_module("lm_eval")
            importlib.import_module("lm_eval.tasks")
        return importlib.metadata.version(PACKAGE)
    except Exception as error:  # whatever a package raises while it is loaded
        if getattr(error, "name", "") not in ("lm_eval", None):
            raise UnavailableError(
                f"--task {asked}: lm-eval is installed but can't be loaded: {error}.", f"{INSTALL}, or what it misses."
            ) from None
        raise UnavailableError(
            f"--task {asked}: the package lm-eval isn't installed here.",
            f"{INSTALL} into the same environment as cotbench; it is needed to ask, not to report.",
        ) from None


# --- which tasks --------------------------------------------------------------------------------------------------


@cache
def _index(include: str | None, *, with_its_own: bool = True) -> Any:
    """Its index of all task files, of a folder's too, which takes seconds to make; or of a folder's alone."""
    with quiet():
        tasks = importlib.import_module("lm_eval.tasks")
        if include is None:
            return tasks.TaskManager()
        return tasks.TaskManager(include_path=include, include_defaults=with_its_own)


def _manager(asked: str, name: str) -> tuple[Any, str]:
    """The index with a task in it, and what the task is called there."""
    include, group = None, True
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise TaskError(f"--task {asked}: there is no file {name}.", "Give the path of a task file of lm-eval's.")
        called = re.search(r"^(?:task|group):\s*['\"]?([^\s'\"#]+)", path.read_text("utf-8"), re.MULTILINE)
        if called is None:
            raise TaskError(f"--task {asked}: {name} has no key 'task'.", "Give the path of a task file of lm-eval's.")
        include, name, group = str(path.parent.resolve()), called[1], called[0].startswith("group")
    manager = _index(include, with_its_own=group)  # a group may name tasks of lm-eval's own
    if not hasattr(manager, "task_index"):
        found = f"--task {asked}: this version of lm-eval has no index of tasks that cotbench knows"
        raise UnavailableError(f"{found}.", f"{INSTALL} --upgrade")
    if name not in manager.task_index and include is not None:
        raise TaskError(
            f"--task {asked}: lm-eval can't read this file.", "Correct it: lm-eval validate says what is wrong."
        )
    if name not in manager.task_index:
        remedy = suggest(name, manager.task_index, always="All names: lm-eval ls tasks.")
        raise TaskError(f"--task {asked}: lm-eval has no task '{name}'.", remedy)
    return manager, name


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A task that is asked for, and what a group says of it."""

    name: str
    given: Mapping[str, Any]


def _members(asked: str, manager: Any, name: str, given: Mapping[str, Any], depth: int = 0) -> Iterator[_Member]:
    """The tasks behind a name: itself, or all that a group or tag names, in their order."""
    entry = manager.task_index.get(name)
    if entry is None or depth > 8:
        raise refused(asked, f"it names '{name}', which is no task of lm-eval's")
    kind = entry.kind.name
    if kind == "TAG":
        for member in sorted(entry.tags):
            yield from _members(asked, manager, member, given, depth + 1)
    elif kind == "GROUP":
        yield from _of_group(asked, manager, entry.cfg.get("task"), given, depth)
    else:
        yield _Member(name=name, given=given)


def _of_group(asked: str, manager: Any, listed: Any, given: Mapping[str, Any], depth: int) -> Iterator[_Member]:
    for one in listed if isinstance(listed, list) else [listed]:
        if isinstance(one, str):
            yield from _members(asked, manager, one, given, depth + 1)
        elif isinstance(one, dict) and isinstance(one.get("task"), str):
            yield from _members(asked, manager, one["task"], {**given, **one}, depth + 1)
        elif isinstance(one, dict) and "group" in one and isinstance(one.get("task"), list):
            yield from _of_group(asked, manager, one["task"], given, depth + 1)
        elif isinstance(one, dict) and isinstance(one.get("group"), str):
            yield from _members(asked, manager, one["group"], given, depth + 1)
        else:
            raise refused(asked, f"it names {one!r:.60}, which is no task of lm-eval's")


# --- what can be taken over ---------------------------------------------------------------------------------------

# Metrics under which an answer is right or wrong, or shares words with a right one. Those that compare wordings
# (BLEU, ROUGE ...) say that there are many right answers, of which gold is an example.
_PLAIN = re.compile(r"exact|(?:^|_)em(?:_|$)|acc|f1|fscore|match|(?<!bert_)score$|recall|contains|included|verify|anls")
_ALIKE = re.compile(r"bleu|rouge|chrf|^ter$|bert|comet|pearson|spearman|pass_at|perplexity|bleurt|judge|inst_level")


def _metrics(config: Mapping[str, Any]) -> list[str]:
    named = [one.get("metric") for one in config.get("metric_list") or [] if isinstance(one, dict)]
    return [str(getattr(name, "__name__", name)).rpartition("/")[2].rpartition(".")[2] for name in named]


def refusal(config: Mapping[str, Any]) -> str:
    """Why a task can't be taken over, as far as its configuration says; "" where that says nothing against it."""
    output = config.get("output_type") or "generate_until"
    metrics = _metrics(config)
    if "class" in config:
        return "it is a Python class of its own"
    if output == "loglikelihood_rolling":
        return "it measures how likely texts are (loglikelihood_rolling), and asks nothing"
    if output == "loglikelihood":
        return "it measures how likely the rest of a text is (loglikelihood), and asks nothing"
    if output == "multiple_choice" and not config.get("use_prompt") and config.get("doc_to_text") == "":
        return EMPTY
    if config.get("doc_to_image") or config.get("doc_to_audio"):
        return "its questions have images or sound"
    if config.get("unsafe_code"):
        return "its answers are programs, which it runs (unsafe_code)"
    if output == "multiple_choice" and config.get("process_results"):
        target = str(config.get("doc_to_target"))
        if not any(name.startswith(("acc", "exact", "em", "f1")) for name in metrics):
            return f"its answers are scored by a function of its own ({', '.join(metrics)[:80]})"
        if target.isdigit():
            return "its answers are scored by a function of its own, and doc_to_target is the same for all rows"
    if output == "generate_until" and metrics and not any(map(_is_plain, metrics)):
        return f"many wordings of its answers are right ({', '.join(metrics)[:80]})"
    return ""


def _is_plain(metric: str) -> bool:
    return bool(_PLAIN.search(metric.lower())) and not _ALIKE.search(metric.lower())


@contextlib.contextmanager
def _templates_made_once() -> Iterator[None]:
    """Have lm-eval compile a template once, not for each row, until the block ends."""
    env: Any = getattr(importlib.import_module("lm_eval.utils"), "env", None)
    if not hasattr(env, "from_string"):
        yield
        return
    env.from_string = cache(env.from_string)
    try:
        yield
    finally:
        del env.from_string


def _taken(asked: str, manager: Any, member: _Member, version: str, folder: Path | None) -> tuple[list[Item], Origin]:
    """The questions of one of its tasks, and where they come from."""
    written = {**(manager.task_index[member.name].cfg or {}), **member.given}
    if why := refusal(written):
        raise refused(asked, why)
    with sets_from(folder, asked), _templates_made_once():
        task = _made(asked, manager, member, written)
        config = task.config
        split = config.test_split or config.validation_split
        items = list(_items(asked, task))
    name = f" ({config.dataset_name}, " if config.dataset_name else " ("
    description = " ".join(str(config.description or "").split())
    left = f"Left out, as not of the question: its description, {description!r:.120}"
    return items, Origin(
        asked=asked,
        package=PACKAGE,
        version=version,
        task=member.name,
        task_version=str(task.VERSION) if task.VERSION is not None else "",
        config=_config_hash(written, config),
        data=f"{config.dataset_path}{name}split {split})",
        remarks=(left,) if description else (),
    )


def _made(asked: str, manager: Any, member: _Member, written: Mapping[str, Any]) -> Any:
    """Have its factory make a task, as a group of its own that says what is different here."""
    different = dict(_OVERRIDES)
    if written.get("test_split"):
        different["validation_split"] = None
    elif not written.get("validation_split"):
        raise refused(asked, "it has neither a test nor a validation split")
    spec = {"group": "cotbench", "task": [{**member.given, **different, "task": member.name}]}
    try:
        made = manager.load(spec)["tasks"] if hasattr(manager, "load") else _flat(manager.load_task_or_group([spec]))
        return next(iter(made.values()))
    except CotbenchError:
        raise
    except KeyError as error:
        split = written.get("test_split") or written.get("validation_split")
        if error.args != (split,):
            raise refused(asked, f"lm-eval can't make its task {member.name} (KeyError: {error})") from None
        raise DataError(
            f"--task {asked}: {written.get('dataset_path')} has no split '{split}' here.",
            "Load it from the Hub, or complete the folder of --data-dir.",
        ) from None
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"--task {asked}: lm-eval needs the package '{error.name}' for the task {member.name}.",
            f"pip install {error.name} into the same environment as cotbench.",
        ) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise refused(asked, f"lm-eval can't make its task {member.name} ({reason})") from None


def _flat(nested: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in nested.items():
        found |= _flat(one) if isinstance(one, dict) else {str(name): one}
    return found


_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_OF_PLACES = ("metadata", "metric_list", "filter_list", "fewshot_config", "generation_kwargs")


def _config_hash(written: Mapping[str, Any], config: Any) -> str:
    """A hash of how a task is written, functions as their source, without what isn't asked for here."""
    row = {
        **config.to_dict(),
        **{key: written.get(key) for key in ("test_split", "validation_split", "dataset_kwargs")},
    }
    kept = {key: value for key, value in row.items() if key not in (*_OF_PLACES, *_OVERRIDES)}
    text = _ADDRESS.sub("", json.dumps(kept, sort_keys=True, default=str))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- its rows -----------------------------------------------------------------------------------------------------


def _items(asked: str, task: Any) -> Iterator[Item]:
    """Its questions, as its own functions make them of its rows."""
    docs = list(task.test_docs() if task.has_test_docs() else task.validation_docs())
    output, texts = task.config.output_type, []
    for number, doc in enumerate(docs, 1):
        try:
            texts.append((task.doc_to_text(doc), _target(task, doc)))
        except CotbenchError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise refused(asked, f"row {number}: lm-eval's functions can't read it ({reason})") from None
    shared = common_column(docs, [text for text, _ in texts])
    for number, (doc, (text, target)) in enumerate(zip(docs, texts, strict=True), 1):
        cluster = str(doc[shared]) if shared else ""
        if output == "multiple_choice":
            item = _choice_item(asked, task, number, doc, text, target)
        else:
            item = _open_item(asked, number, doc, text, target)
        yield replace(item, cluster=cluster)


def _target(task: Any, doc: Any) -> Any:
    """What its doc_to_target makes of a row. An open answer that looks like a list of numbers is the text that it is:
    lm-eval would make two answers of the interval [2, 5]."""
    target, written = task.doc_to_target(doc), task.config.doc_to_target
    numbers = isinstance(target, list) and target and all(type(one) in (int, float) for one in target)
    if task.config.output_type == "multiple_choice" or not numbers or not isinstance(written, str) or written in doc:
        return target
    return importlib.import_module("lm_eval.utils").apply_template(written, doc)


def _choice_item(asked: str, task: Any, number: int, doc: Any, text: Any, target: Any) -> Item:
    try:
        choices = tuple(map(str, task.doc_to_choice(doc)))
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise refused(asked, f"row {number}: lm-eval's doc_to_choice can't read it ({reason})") from None
    columns = doc if isinstance(doc, dict) else {}
    if isinstance(text, int):  # the options stand before a text that they share, and doc_to_text is the right one
        filled = blank(choices, str(target))
        if filled is None:
            raise refused(asked, f"row {number}: its options differ in nothing that fills a blank")
        return Item(text=filled[0], choices=filled[1], right=(text,), columns=columns)
    targets = target if isinstance(target, list | tuple) else [target]
    right = tuple(dict.fromkeys(_place(one, choices) for one in targets))
    return Item(text=_text(asked, number, text), choices=choices, right=right, columns=columns)


def _text(asked: str, number: int, text: Any) -> str:
    if not isinstance(text, str):
        raise refused(asked, f"row {number}: its question is a {type(text).__name__}, not a text")
    return text


def _place(target: Any, choices: Sequence[str]) -> int:
    """The place of a right option, from 0; -1 where it is none."""
    if isinstance(target, bool) or target is None:
        return int(target) if isinstance(target, bool) else -1
    if isinstance(target, int | float):
        return int(target)
    said = str(target)
    for look in (str, str.strip, lambda text: text.strip().strip("().:").upper()):
        options = [look(choice) for choice in choices]
        if options.count(look(said)) == 1:
            return options.index(look(said))
    return -1


def _open_item(asked: str, number: int, doc: Any, text: Any, target: Any) -> Item:
    golds = list(target) if isinstance(target, list | tuple) else [target]
    texts = tuple(dict.fromkeys(str(gold) for gold in golds if isinstance(gold, str | int | float)))
    return Item(text=_text(asked, number, text), answers=texts, columns=doc if isinstance(doc, dict) else {})


__all__ = ["find", "refusal"]
