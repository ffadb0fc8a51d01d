"""Which model is here, told without loading it: to see whether it is the one that a run was made with."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from pathlib import Path

from cotbench.engines import EngineConfig, EngineRow, located, open_engine
from cotbench.engines.ctranslate2 import revision_of
from cotbench.engines.local import fingerprint
from cotbench.errors import ModelError

_AT_ONCE = ("stub", "replay", "openai")  # engines that load nothing when they are opened


def installed(row: EngineRow) -> str:
    """The version of an engine's package as an engine tells it; "" of an engine without one."""
    for package in row.needs[:1]:
        for distribution in (package, f"{package}-cpu"):
            with suppress(importlib.metadata.PackageNotFoundError):
                return importlib.metadata.version(distribution)
    return ""


def revision_here(engine: str, config: EngineConfig) -> str:
    """What tells the model from others, as `EngineInfo.revision` says it; "" where that can't be told.

    A server is asked what it serves, the Hub which commit a name stands for where its cache doesn't say. Raises
    ModelError where there is no such model, and what else an engine raises that is opened."""
    if engine in _AT_ONCE:
        opened = open_engine(engine, config)
        try:
            return opened.describe().revision
        finally:
            opened.close()
    path = located(config.model)
    if Path(path).is_dir():
        return revision_of(Path(path)) if engine == "ctranslate2" else fingerprint(path)
    if engine == "ctranslate2" or path.startswith(("/", ".", "~")):
        found = f"--model {config.model}: there is no such folder."
        raise ModelError(found, "Name the folder that holds the model: --model PATH.")
    return _commit(path, config.model_args.get("revision"))


def _commit(name: str, revision: str | None) -> str:
    """The commit that a name on the Hub stands for: in the cache, else as the Hub says. Raises ModelError."""
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(name, "config.json", revision=revision)
    if isinstance(cached, str):
        return Path(cached).parent.name
    try:
        return huggingface_hub.HfApi().model_info(name, revision=revision, timeout=10).sha or ""
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        found = f"--model {name}: is neither a folder, nor in the Hub's cache, nor told by the Hub: {reason}"
        raise ModelError(found, "Name a folder that holds it: --model PATH.") from None
