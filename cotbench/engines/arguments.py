"""`--model-args`: which of them each engine takes, what each is, and their check before anything is loaded.

Of the engines that are ours to check a table says it (`ARGUMENTS`). vLLM and transformers have hundreds, and check them
when a model is loaded; their names are read from the source of the installed package, which takes milliseconds where an
import takes half a minute (`names_taken`).
"""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotbench.engines import carried_engine
from cotbench.errors import UsageError, suggest
from cotbench.plugins import origin_of

AUTO = "auto"  # of replicas: as many as the cluster has room for


def only_known(engine: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UsageError(
            f"--model-args: engine '{engine}' doesn't know {', '.join(unknown)}.", f"Known: {', '.join(known)}."
        )


def number(engine: str, given: Mapping[str, Any], name: str, default: float, *, low: float = 0.0) -> float:
    """A finite number from `low` up."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < float("inf"):
        raise UsageError(f"--model-args: engine '{engine}': {name} is {value!r}; expected a number from {low:g} up.")
    return value


def whole(engine: str, given: Mapping[str, Any], name: str, default: int, *, low: int = 0) -> int:
    value = number(engine, given, name, default, low=low)
    if value != int(value):
        raise UsageError(f"--model-args: engine '{engine}': {name} is {value!r}; expected a whole number.")
    return int(value)


def share(engine: str, given: Mapping[str, Any], name: str) -> None:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(
            f"--model-args: the {engine}'s {name} is {value!r}; expected a share between 0 and 1.",
            f"Its shares: {_shares()}.",
        )


def flag(engine: str, given: Mapping[str, Any], name: str) -> None:
    if given[name] not in (None, True, False):
        raise UsageError(f"--model-args: engine '{engine}': {name} is neither true nor false.")


def replicas(engine: str, given: Mapping[str, Any], name: str) -> int | None:
    """A number of replicas; None for as many as there is room for."""
    value = given.get(name, AUTO)
    if value == AUTO:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(
            f"--model-args: engine '{engine}': {name} is {value!r}; expected auto, or a whole number from 1 up.",
            "auto: as many as the cluster has room for.",
        )
    return value


def _text(engine: str, given: Mapping[str, Any], name: str) -> None:
    """Take whatever it is: its library says more."""


@dataclass(frozen=True)
class Argument:
    """An argument of an engine. about: what it is, for who looks for it. check: raises UsageError of a value that it
    can't have."""

    name: str
    about: str
    check: Callable[[str, Mapping[str, Any], str], Any] = _text


def _whole(low: int) -> Callable[[str, Mapping[str, Any], str], Any]:
    return lambda engine, given, name: whole(engine, given, name, low, low=low)


def _number(low: float) -> Callable[[str, Mapping[str, Any], str], Any]:
    return lambda engine, given, name: number(engine, given, name, low, low=low)


# How replicas are carried: what the engine `ray` keeps for itself. What it is given beside these is its replicas'.
FLEET: Mapping[str, Argument] = {
    one.name: one
    for one in (
        Argument("engine", "that each replica has: vllm, transformers, ctranslate2, stub"),
        Argument("replicas", "how many; auto: as many as the cluster has room for", replicas),
        Argument("cpus_per_replica", "CPUs that each is given", _number(0)),
        Argument("gpus_per_replica", "GPUs that each is given, where its engine doesn't say it", _number(0)),
        Argument("requests_per_replica", "the most that each has in flight", _whole(1)),
        Argument("silent_s", "seconds without a sign of life after which one is started again", _number(0.1)),
        Argument("start_s", "seconds to wait for the first one", _number(0.1)),
        Argument("mixed", "whether versions and dtypes may differ", flag),
        Argument("affinity", "whether a question's requests stay with one", flag),
    )
}
_BATCH = Argument("batch_size", "prompts in one batch", _whole(1))
ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "openai": (
        Argument("max_retries", "how often a request that failed is sent again", _whole(0)),
        Argument("timeout_s", "seconds that a reply may take", _number(0.001)),
        Argument("send_seed", "whether seeds are sent", flag),
        Argument("check_model", "whether --model must be among the names that the server lists", flag),
        Argument("continues", "whether the server goes on from the beginning of a reply; else it is tried", flag),
    ),
    "ctranslate2": (
        _BATCH,
        Argument("threads", "of the processor; 0: all", _whole(0)),
        Argument("compute_type", "float32, int8 ..."),
        Argument("max_model_len", "tokens of prompt and reply together", _whole(1)),
    ),
    "transformers": (
        _BATCH,
        Argument("device", "cpu, cuda, cuda:1 ..."),
        Argument("dtype", "auto, float32, bfloat16 ..."),
    ),
    "stub": (
        Argument("latency_s", "seconds that a reply takes", _number(0)),
        Argument("in_flight", "requests at once", _whole(1)),
        Argument("sure", "the share of replies of which it is as sure as they are right", share),
        Argument("reward", "makes it a reward model: the share of replies that it marks as they deserve", share),
    ),
    "ray": tuple(FLEET.values()),
    "replay": (Argument("path", "outputs.jsonl, or an earlier run's folder"),),
}


def inner_args(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is left for the engine that each replica has."""
    return {name: value for name, value in given.items() if name not in FLEET}


def arguments_of(engine: str) -> tuple[Argument, ...]:
    """The arguments of an engine, as far as the table has them; those of the stub are its shares, too."""
    shares = _shares() if engine == "stub" else {}
    told = tuple(Argument(name, "the share of such answers, by template", share) for name in shares)
    return (*told, *ARGUMENTS.get(engine, ()))


def _shares() -> Mapping[str, float]:
    from cotbench.modes.stand_in import SHARES  # with it come all modes

    return SHARES


_ALL = frozenset({"openai", "ctranslate2", "stub", "replay"})  # the engines of which the table has all arguments


def check(engine: str, given: Mapping[str, Any]) -> None:
    """Refuse arguments that an engine doesn't know, and values that they can't have."""
    table = {one.name: one for one in arguments_of(engine)}
    if engine in _ALL:
        only_known(engine, given, tuple(table))
    for name in table.keys() & given.keys():
        table[name].check(engine, given, name)


def check_before_loading(engine: str, model: str, given: Mapping[str, Any]) -> str:
    """Refuse arguments as the engine would when it is opened, without its package or a model. Return what couldn't be
    checked, in words; "" where all was."""
    if engine == "ray":
        check(engine, given)
        return check_before_loading(carried_engine(engine, model, given).name, model, inner_args(given))
    if engine in ("vllm", "transformers", "ctranslate2"):
        from cotbench.engines.local import no_tokens

        no_tokens(given)
    check(engine, given)
    if origin_of("engines", engine) is not None:  # a plugin's: it checks them when it is opened
        return ""
    others = sorted(given.keys() - {one.name for one in arguments_of(engine)})
    if engine in _ALL or not others:
        return ""
    taken = names_taken(engine, model)
    if taken is None:
        return f"whether {engine} knows {', '.join(others)} (--model-args), since it isn't installed here"
    unknown = [name for name in others if name not in taken.names]
    if unknown and taken.whole:
        raise UsageError(
            f"--model-args: engine '{engine}' doesn't know {', '.join(unknown)}.",
            suggest(unknown[0], taken.names, f"See the arguments of {engine}."),
        )
    if not unknown:
        return ""
    return f"whether the model's configuration has {', '.join(unknown)} (--model-args), since it isn't in a folder here"


@dataclass(frozen=True)
class Taken:
    """The names of arguments that a package takes. whole: whether it takes no others."""

    names: frozenset[str]
    whole: bool


def names_taken(engine: str, model: str) -> Taken | None:
    """The names that vLLM or transformers takes, read from its source; None where it isn't installed, or is built
    otherwise than the versions that are known."""
    found = importlib.util.find_spec(engine)
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    with suppress(OSError, SyntaxError, ValueError):
        return _of_vllm(package) if engine == "vllm" else _of_transformers(package, model)
    return None


def _of_vllm(package: Path) -> Taken | None:
    fields = {
        node.target.id
        for node in _class(package / "engine" / "arg_utils.py", "EngineArgs").body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    makers = [
        node
        for node in _class(package / "entrypoints" / "llm.py", "LLM").body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    given = {one.arg for node in makers for one in (*node.args.args, *node.args.kwonlyargs)} - {"self"}
    return Taken(frozenset(fields | given), whole=True) if fields and given else None


def _of_transformers(package: Path, model: str) -> Taken:
    """What its loading looks at by name, and, of a model in a folder, all that its configuration has."""
    sources = [
        package / name for name in ("modeling_utils.py", "configuration_utils.py", "models/auto/auto_factory.py")
    ]
    whole, config = False, Path(model) / "config.json"
    names: set[str] = set()
    if config.is_file():
        stated = json.loads(config.read_text("utf-8"))
        kind = str(stated.get("model_type", ""))
        own = package / "models" / kind.replace("-", "_") / f"configuration_{kind.replace('-', '_')}.py"
        whole, names = own.is_file(), set(stated)
        sources += [own] if whole else []
    for source in sources:
        names |= set(_names(ast.parse(source.read_text("utf-8"))))
    return Taken(frozenset(names), whole)


def _names(tree: ast.AST) -> Iterator[str]:
    """The names by which a source may look at an argument: parameters, annotated fields, and keys that are taken out of
    keyword arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _class(path: Path, name: str) -> ast.ClassDef:
    """A class of a source file. Raises ValueError where there is none."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise ValueError(f"{path}: has no class {name}")
