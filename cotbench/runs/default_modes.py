"""The modes of a run where nobody says any: direct and cot, and free and think for a model with a switch for thinking.

Whether there is one is told by the open engine (`EngineInfo.thinking`), before a token is spent; what can be told
earlier is a guess, for `--dry-run`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cotbench.engines import EngineConfig, ThinkingInfo, find_engine, located, open_engine
from cotbench.engines.arguments import inner_args
from cotbench.engines.local import chat_format
from cotbench.errors import CotbenchError
from cotbench.modes.paths import COT, DIRECT, FREE, THINK
from cotbench.runs.options import RunOptions

ALWAYS = (DIRECT.name, COT.name)
WHERE_SWITCHED = (FREE.name, THINK.name)
ALL = (*ALWAYS, *WHERE_SWITCHED)


def has_switch(known: ThinkingInfo) -> bool:
    """Whether a model can be told to think, and not to, and at least one of both by a switch of its own."""
    ways = (known.on, known.off)
    return "switch" in ways and known.on in ("switch", "always") and known.off in ("switch", "closed", "never")


def default_modes(known: ThinkingInfo) -> tuple[str, ...]:
    """The modes of a model of which so much is known."""
    return ALL if has_switch(known) else ALWAYS


def why(model: str, known: ThinkingInfo | None) -> str:
    """Say which modes are taken, and why, as a sentence without its full stop. known: None before that can be told."""
    name = model.rstrip("/").rsplit("/", 1)[-1]
    first, then = ", ".join(ALWAYS), ", ".join(WHERE_SWITCHED)
    if known is None:
        return (
            f"No --mode is given: {first}, and {then} if {name} has a switch for thinking, as is seen when it is loaded"
        )
    if has_switch(known):
        return f"No --mode is given: {first}, and {then}, since {name} has a switch for thinking"
    if "unknown" in (known.on, known.off):
        unknown = f"Whether {name} has a switch for thinking isn't known"
        return f"No --mode is given: {first}. {unknown}: --mode {','.join(ALL)} takes {then}, too"
    reason = "always thinks" if known.on == "always" else "has no switch for thinking"
    return f"No --mode is given: {first}; {name} {reason}"


def before_opening(options: RunOptions, served: ThinkingInfo) -> ThinkingInfo | None:
    """How a model is known to think before its engine is open; None where that can't be told without loading it.

    served: what is known of a server's model by its name."""
    row = find_engine(options.generating)
    if row.name == "openai" and not options.tokenizer:
        return served
    if options.chat_template == "none":
        return ThinkingInfo(off="never", on="")
    config = EngineConfig.of(options, wants=frozenset({"thoughts"}), sampling_keys=frozenset())
    with suppress(CotbenchError):
        if not row.needs:
            engine = open_engine(row.name, replace(config, model_args=inner_args(config.model_args)))
            engine.close()
            return engine.describe().thinking
        if options.tokenizer or Path(located(options.model)).is_dir():
            return chat_format(config, tokenizer=options.tokenizer or "").thinking
    return None
