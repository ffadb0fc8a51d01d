"""Sampling beyond temperature, top-p, budget and stop strings: which keys there are, what they may be, and which
engine has them.

A key that an engine lacks is refused by name before anything is loaded. Servers get a key as it is; what one of them
lacks besides, it refuses itself. `reasoning_effort` of engines that render prompts here is a variable of the chat
template, as gpt-oss has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cotbench.errors import UsageError


class SamplingKey(NamedTuple):
    """expected: what it may be, in words. engines: those that have it."""

    expected: str
    fits: Callable[[Any], bool]
    engines: frozenset[str]


def _number(low: float, high: float) -> tuple[str, Callable[[Any], bool]]:
    def fits(value: Any) -> bool:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        return good and math.isfinite(value) and low <= value <= high

    return f"a number from {low:g} to {high:g}", fits


def _whole(low: int) -> tuple[str, Callable[[Any], bool]]:
    return f"a whole number from {low} up", lambda value: type(value) is int and low <= value < 1 << 31


def _all_of(kind: type) -> Callable[[Any], bool]:
    """Whether it is a list of such values, none of them empty."""
    return lambda value: isinstance(value, list) and bool(value) and all(type(x) is kind and x != "" for x in value)


_FLAG = ("true or false", lambda value: isinstance(value, bool))
_WORD = ("a word", lambda value: isinstance(value, str) and bool(value.strip()))
_IDS = ("a JSON list of token ids", _all_of(int))
_TEXTS = ("a JSON list of texts", _all_of(str))
_IS_BIAS = _number(-100, 100)[1]
_BIASES = (
    "a JSON object of token ids and numbers",
    lambda value: isinstance(value, dict) and bool(value) and all(map(_IS_BIAS, value.values())),
)
_SERVED = "vllm openai"

KEYS: Mapping[str, SamplingKey] = {
    name: SamplingKey(*value, frozenset(engines.split()))
    for name, value, engines in (
        ("top_k", _whole(-1), f"{_SERVED} transformers ctranslate2"),
        ("min_p", _number(0, 1), f"{_SERVED} transformers"),
        ("typical_p", _number(0, 1), "openai transformers"),
        ("epsilon_cutoff", _number(0, 1), "transformers"),
        ("eta_cutoff", _number(0, 1), "transformers"),
        ("repetition_penalty", _number(0.01, 100), f"{_SERVED} transformers ctranslate2"),
        ("presence_penalty", _number(-2, 2), _SERVED),
        ("frequency_penalty", _number(-2, 2), _SERVED),
        ("no_repeat_ngram_size", _whole(0), "transformers ctranslate2"),
        ("min_tokens", _whole(0), f"{_SERVED} transformers ctranslate2"),
        ("ignore_eos", _FLAG, _SERVED),
        ("skip_special_tokens", _FLAG, _SERVED),
        ("stop_token_ids", _IDS, _SERVED),
        ("bad_words", _TEXTS, _SERVED),
        ("logit_bias", _BIASES, _SERVED),
        ("reasoning_effort", _WORD, f"{_SERVED} transformers ctranslate2"),
        ("thinking_budget", _whole(0), f"{_SERVED} transformers ctranslate2 stub"),
        ("thinking_min", _whole(1), f"{_SERVED} transformers ctranslate2 stub"),
        ("verbosity", _WORD, "openai"),
    )
}
# Those that every engine has.
OWN: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": ("a positive number", lambda value: type(value) is int and value >= 1),
    "stop": (
        "a text or a JSON list of texts, none of them empty",
        lambda value: all(isinstance(one, str) and one for one in (value if isinstance(value, list) else [value])),
    ),
}


def check(name: str, value: Any, option: str = "--gen-kwargs") -> None:
    """Refuse a value that isn't one of its key's, by a UsageError."""
    expected, fits = OWN[name] if name in OWN else KEYS[name][:2]
    if not fits(value):
        raise UsageError(f"{option}: {name} is {value!r}; expected {expected}.")


def require_keys(engine: str, names: Iterable[str]) -> None:
    """Refuse keys that an engine lacks, by a UsageError."""
    lacking = sorted(name for name in set(names) if name in KEYS and engine not in KEYS[name].engines)
    if lacking:
        has = ", ".join([*OWN, *(name for name, key in KEYS.items() if engine in key.engines)])
        raise UsageError(f"--gen-kwargs: engine '{engine}' has no {', '.join(lacking)}.", f"It has: {has}.")
