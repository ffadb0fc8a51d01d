"""Parsers of what is typed on the command line: `k=v,k2=v2` lists, budgets per mode, generation arguments, headers.

Each raises UsageError, which names the option, where the text can't be read. `runs/options.py` says which option has
which. Every command imports this file, so what takes time to load is imported inside the functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cotbench.errors import UsageError, suggest
from cotbench.questions import others
from cotbench.store.files import is_file, is_there


def listed(words: Sequence[str]) -> str:
    """Words as a text has them: "a, b or c"."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


def one_of(option: str, word: str, known: Sequence[str]) -> None:
    """Refuse a word that isn't one of those that an option takes."""
    if word not in known:
        raise UsageError(f"{option}: expected {listed(known)}, found '{word}'.")


def absolute(path: Path | None) -> str | None:
    """A folder as a run records it, so that it can be resumed from another one."""
    return str(path.absolute()) if path else None


def absolute_file(name: str) -> str:
    """A word, or the absolute path where it is a file's."""
    return str(Path(name).absolute()) if is_there(name) and ("." in name or "/" in name) else name


def absolute_if_there(name: str | None) -> str | None:
    """A word, or the absolute path where there is a file or folder of that name."""
    return str(Path(name).absolute()) if name and is_there(name) else name


def absolute_files(names: Iterable[str]) -> list[str]:
    return [others.anchored(name) if others.is_of_others(name) else absolute_file(name) for name in names]


def absolute_path(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an engine, the one that names a file or a folder absolute."""
    path = arguments.get("path")
    return {**arguments, "path": absolute_file(path)} if isinstance(path, str) else {**arguments}


def names(values: Iterable[str] | None) -> list[str]:
    """["a,b", "c"] -> ["a", "b", "c"]: lists may be given with commas, by repeating the option, or both."""
    parts = [[value] if is_file(value) else value.split(",") for value in values or ()]
    return [name.strip() for each in parts for name in each if name.strip()]


def key_values(option: str, text: str | Mapping[str, Any]) -> dict[str, Any]:
    """lm-eval's syntax: "dtype=auto,tensor_parallel_size=2,enforce_eager=True"; values may be JSON lists or objects.

    Or a mapping, as Python's callers have it. Raises UsageError for a part without "=" or a key named twice."""
    out: dict[str, Any] = {}
    if not isinstance(text, str):
        return {**text}
    for part in _split(option, text):
        key, equals, value = map(str.strip, part.partition("="))
        if not equals or not key:
            raise UsageError(
                f"{option}: expected key=value, found '{part.strip()}'.", f"As in {option} key=value,key2=value2."
            )
        if key in out:
            raise UsageError(f"{option}: '{key}' is given twice.")
        out[key] = _value(value)
    return out


def columns(text: str | None) -> dict[str, str]:
    """ "question=prompt,answer=gold" -> which column of a user's file of questions holds what. Raises UsageError."""
    from cotbench.questions.columns import INDEX, NOT, ROLES

    given: dict[str, str] = {}
    example = "As in --columns question=prompt,answer=gold,choices=A+B+C."
    for part in _split("--columns", text or ""):
        role, equals, column = map(str.strip, part.partition("="))
        if not equals or not column:
            raise UsageError(f"--columns: expected {role or 'question'}=COLUMN, found '{part.strip()}'.", example)
        if role not in ROLES:
            raise UsageError(
                f"--columns: there is nothing called '{role}'.",
                suggest(role, ROLES, always=f"Known: {', '.join(ROLES)}."),
            )
        if role in given:
            raise UsageError(
                f"--columns: '{role}' is given twice.", "Several columns stand with + between them: choices=A+B+C."
            )
        given[role] = column
    if (index := given.get(INDEX)) is not None:
        one_of(f"--columns {INDEX}", index, ("0", "1", NOT))
    return given


def _split(option: str, text: str) -> list[str]:
    """Split at commas that are not inside brackets, braces or double quotes; these must be balanced."""
    parts, quoted, start = [], False, 0
    closing = {"]": "[", "}": "{", ")": "("}
    opened: list[str] = []
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "[{(":
            opened.append(char)
        elif not quoted and char in closing:
            if not opened or opened.pop() != closing[char]:
                raise UsageError(f"{option}: '{char}' at character {place + 1} closes nothing in '{text}'.")
        elif char == "," and not quoted and not opened:
            parts.append(text[start:place])
            start = place + 1
    if quoted or opened:
        raise UsageError(f"{option}: '{opened[-1] if opened else chr(34)}' is not closed in '{text}'.")
    return [part for part in [*parts, text[start:]] if part.strip()]


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def per_mode(option: str, text: str | Mapping[str, Any] | None, unit: str, example: str) -> dict[str, int]:
    """ "cot=2048,direct=32" -> {"cot": 2048, "direct": 32}; a bare number holds for every mode ("*")."""
    if not text:
        return {}
    if isinstance(text, str) and text.strip().isdigit():
        text = f"*={text.strip()}"
    given = {_mode(name): value for name, value in key_values(option, text).items()}
    for mode, value in given.items():
        if type(value) is not int or value < 1:
            raise UsageError(
                f"{option}: {mode}={value} is not a positive number of {unit}.", f"As in {option} {example}."
            )
    return given


def _mode(name: str) -> str:
    """A mode's own name where another one is typed."""
    from cotbench.modes import ALIASES

    return ALIASES.get(name, name)


def max_tokens(text: str | Mapping[str, Any] | None) -> dict[str, int]:
    return per_mode("--max-tokens", text, "tokens", "cot=2048,direct=32")


def paths(text: str | Mapping[str, Any] | None) -> dict[str, int]:
    return per_mode("--paths", text, "paths", "20, or --paths self-consistency=40,pal=5")


def extra_body(text: str | None) -> dict[str, Any]:
    """The JSON object, or with "@" before it the file of one, whose fields are added to what a server is sent."""
    if not text:
        return {}
    from cotbench.store.files import open_file

    words, place = text, "--extra-body"
    if text.startswith("@"):
        place, remedy = f"--extra-body: {text[1:]}", "Name a file that holds a JSON object."
        try:
            with open_file(Path(text[1:])) as file:
                words = file.read(_LARGEST_BODY + 1).decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(f"{place}: can't be read: {reason}.", remedy) from None
        if len(words) > _LARGEST_BODY:
            raise UsageError(f"{place}: is larger than {_LARGEST_BODY:,} characters.", remedy)
    try:
        given = json.loads(words, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not valid JSON: {error}.", _BODY) from None
    if not isinstance(given, dict):
        raise UsageError(f"{place}: expected a JSON object, found {type(given).__name__}.", _BODY)
    if name := next((name for name in _NOT_IN_BODY if name in given), None):
        raise UsageError(f"{place}: {name} can't be set there.", _NOT_IN_BODY[name])
    return given


_LARGEST_BODY = 1_000_000  # it is sent with each request
_BODY = """As in --extra-body '{"chat_template_kwargs": {"thinking_budget": 512}}', or @FILE."""
_NOT_IN_BODY = {
    "model": "--model names the model.",
    "messages": "The prompt's templates make the messages (--prompts-dir).",
    "prompt": "The prompt's templates make the text (--prompts-dir).",
    "stream": "Replies are read as a whole.",
    "n": "--paths says how many paths are drawn.",
    "seed": "Each request has a seed of its own, from --seed.",
    "temperature": "Use --gen-kwargs temperature=0.7.",
    "top_p": "Use --gen-kwargs top_p=0.95.",
    "stop": "Use --gen-kwargs stop=...",
    "max_tokens": "Use --max-tokens.",
    "max_completion_tokens": "Use --max-tokens.",
}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in given if names.count(name) > 1)}' is given twice")
    return given


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def headers(values: Iterable[str] | None) -> dict[str, str]:
    """["api-key=$AZURE_KEY"] -> {"api-key": "$AZURE_KEY"}: a name, and a value or the environment variable of one."""
    given: dict[str, str] = {}
    for text in values or ():
        name, equals, value = map(str.strip, text.partition("="))
        if not equals or not _HEADER_NAME.fullmatch(name):
            # What follows the name may be a key, so it isn't shown.
            raise UsageError(
                "--header: expected NAME=VALUE.", "As in --header 'api-key=$AZURE_KEY', which reads the environment."
            )
        if name.lower() in (known.lower() for known in given):
            raise UsageError(f"--header: {name} is given twice.")
        if name.lower() in ("content-length", "transfer-encoding", "host", "connection"):
            raise UsageError(f"--header: {name} can't be set.", "It belongs to each request's own transport.")
        if not value or not value.isprintable():
            raise UsageError(f"--header: the value of {name} is empty or holds a control character.")
        given[name] = value
    return given


def public_header(typed: str) -> str:
    """A header without its value, which may be a key; the name of the variable that holds it is none."""
    from cotbench.engines.endpoint import recorded_header

    name, equals, value = typed.partition("=")
    return f"{name}={recorded_header(value)}" if equals else "***"


def public_address(url: str) -> str:
    """A server's address without what may be a key."""
    from cotbench.engines.endpoint import public_url

    try:
        return public_url(url)
    except UsageError:
        return "***"


def limit(text: str | None) -> int | None:
    """How many questions of each task are asked."""
    if text is None:
        return None
    word = text.strip()
    if re.fullmatch(r"[+-]?\d{1,18}", word):
        return int(word)
    found = f"--limit: expected a number of questions, found '{text:.40}'."
    if re.fullmatch(r"\d*\.\d+|\d+(\.\d+)?%", word):
        raise UsageError(found, "It isn't a share: --limit 50 asks 50 questions of each task.")
    if re.fullmatch(r"\d+\s*[-:,]\s*\d+", word):
        last = re.split(r"\s*[-:,]\s*", word)[1]
        remedy = f"It isn't a range: --limit {last} asks a seeded sample of {last} questions of each task."
        raise UsageError(found, remedy)
    raise UsageError(found, "As in --limit 50.")


def shard(text: str | None) -> str | None:
    """Which of how many parts of a run's questions is asked, as "3/8"; None for all. Raises UsageError."""
    if text is None:
        return None
    found = f"--shard: expected the number of a part and how many there are, found '{text:.40}'."
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
    if match is None:
        raise UsageError(found, "As in --shard 3/8, the third of eight.")
    number, of = int(match[1]), int(match[2])
    if not 1 <= number <= of:
        parts = f"The parts of {of} are 1/{of} to {of}/{of}." if of else "As in --shard 3/8, the third of eight."
        raise UsageError(found, parts)
    return f"{number}/{of}"


def shard_of(text: str) -> tuple[int, int]:
    """The same as two numbers."""
    number, _, of = text.partition("/")
    return int(number), int(of)


def until(text: str | None) -> str | None:
    """What a run is to know before it stops: `sign`, or a half-width in points as it is written. Raises UsageError."""
    if text is None:
        return None
    word = text.strip().lower()
    if word == "sign":
        return word
    number = _amount(word.removesuffix("pt"))
    if number is None or not 0 < number < 100:
        found = f"--until: expected a half-width in points, between 0 and 100, or sign, found '{text:.40}'."
        raise UsageError(found, "As in --until 2: each difference is known to 2 points up and down.")
    return f"{number:g}"


def max_cost(text: str | float | None) -> float | None:
    """The most that a run may cost. Raises UsageError."""
    return _limit("--max-cost", text, "an amount of money above 0", "As in --max-cost 5 --prices prices.yaml.")


def max_hours(text: str | float | None) -> float | None:
    """The most hours that a run may take. Raises UsageError."""
    return _limit("--max-hours", text, "a number of hours above 0", "As in --max-hours 1.5.")


def _limit(option: str, text: str | float | None, expected: str, remedy: str) -> float | None:
    if text is None:
        return None
    number = _amount(str(text).strip())
    if number is None or number <= 0:
        raise UsageError(f"{option}: expected {expected}, found '{text!s:.40}'.", remedy)
    return number


def _amount(word: str) -> float | None:
    return float(word) if re.fullmatch(r"\d{1,12}(\.\d{1,12})?|\.\d{1,12}", word) else None


def lock(text: str | None) -> str | None:
    """What is to be fixed before the first token, as it was typed; refused where it can't be read."""
    if text is None:
        return None
    from cotbench.analysis.locking import parse_lock

    return parse_lock(text).text


def reuse(text: str | None) -> str:
    """Whose replies a run may take: "auto", "off", or runs with commas between them."""
    given = [word.strip() for word in (text if text is not None else "auto").split(",")]
    if not all(given) or (len(given) > 1 and {"auto", "off"} & set(given)):
        raise UsageError(f"--reuse: expected auto, off or runs, found '{text}'.", "As in --reuse RUN or --reuse A,B.")
    return ",".join(given)


def absolute_runs(text: str) -> str:
    """Runs with commas between them, those absolute that are given as folders."""
    return (
        ",".join(absolute_if_there(name) or name for name in text.split(",")) if text not in ("auto", "off") else text
    )


def program_limits(text: str | Mapping[str, Any] | None) -> dict[str, float]:
    """ "cpu_s=10,memory_mb=1024" -> the limits of each model-written program."""
    given = key_values("--program-limits", text or "")
    known = ("cpu_s", "wall_s", "memory_mb")
    for name, value in given.items():
        if name not in known:
            raise UsageError(f"--program-limits: unknown {name}.", f"Known: {', '.join(known)}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 100_000:
            raise UsageError(f"--program-limits: {name} is {value!r}; expected a number from 1 to 100,000.")
    return given


_SYNONYMS = {
    **dict.fromkeys(("max_gen_toks", "max_new_tokens", "max_completion_tokens"), "max_tokens"),
    **dict.fromkeys(("until", "stop_strings", "stop_sequences"), "stop"),
    "min_new_tokens": "min_tokens",
}


def model_args(text: str | Mapping[str, Any] | None) -> dict[str, Any]:
    return key_values("--model-args", text or "")


def judge_args(text: str | Mapping[str, Any] | None) -> dict[str, Any]:
    return key_values("--judge-args", text or "")


def gen_kwargs(text: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Sampling for every mode of a run: temperature, top_p, max_tokens, stop (and lm-eval's names for them), and every
    other key that an engine has (`engines/sampling.py`).

    "self-consistency.temperature=0.5" is for one mode, and goes to ["modes"]["self-consistency"]["temperature"]."""
    return gen_kwargs_of(key_values("--gen-kwargs", text or ""))


def gen_kwargs_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same of keys and values that are told apart already."""
    everywhere: dict[str, Any] = {}
    single: dict[str, dict[str, Any]] = {}
    for key, value in said.items():
        mode, dot, name = key.rpartition(".")
        (single.setdefault(_mode(mode), {}) if dot else everywhere)[name] = value
    given = _gen_kwargs(everywhere)
    if single:
        given["modes"] = {mode: _gen_kwargs(arguments) for mode, arguments in single.items()}
    return given


def _gen_kwargs(arguments: Mapping[str, Any]) -> dict[str, Any]:
    from cotbench.engines.sampling import KEYS, OWN, check

    given: dict[str, Any] = {}
    for key, value in arguments.items():
        name = _SYNONYMS.get(key, key)
        if name in given:
            raise UsageError(f"--gen-kwargs: {name} is given twice (as {key} and under another name).")
        given[name] = value
    if given.pop("do_sample", None) is False:
        given["temperature"] = 0.0
    known = {*OWN, *KEYS}
    if unknown := set(given) - known:
        own_place = {"seed": "--seed is of the whole run. ", "n": "--paths says how many paths. "}
        hints = "".join(hint for name, hint in own_place.items() if name in unknown)
        raise UsageError(
            f"--gen-kwargs: unknown {', '.join(sorted(unknown))}.",
            f"{hints}Known: {', '.join(sorted(known))}. To servers --extra-body sends any field.",
        )
    for name in (*KEYS, *OWN):
        if name in given:
            check(name, given[name])
    if given.get("top_p") == 0:
        raise UsageError("--gen-kwargs: top_p is 0, which leaves no token.", "Use temperature=0 for greedy decoding.")
    return given
