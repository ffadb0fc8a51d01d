"""What engines that load a model here share: what tells it from others, its chat format, and errors in words."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cotbench.engines import EngineConfig, located
from cotbench.engines.chat import ChatFormat
from cotbench.errors import ModelError, UsageError
from cotbench.types import Sampling

_HEAD_BYTES = 1 << 20
_OF_MODELS = frozenset({".json", ".safetensors", ".bin", ".model", ".jinja", ".gguf", ".txt"})


def fingerprint(model: str, config: Any = None) -> str:
    """The commit of a model from the Hub, or a hash over a local folder's files ("" if neither can be told).

    Local: names, sizes and the first MiB of each file, which tells checkpoints apart without reading 100 GB.
    """
    folder = Path(model)
    if folder.is_dir():
        digest = hashlib.sha256()
        for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _OF_MODELS):
            digest.update(f"{path.name}\x00{path.stat().st_size}\x00".encode())
            with path.open("rb") as file:
                digest.update(file.read(_HEAD_BYTES))
        return f"files:{digest.hexdigest()[:16]}"
    commit = getattr(config, "_commit_hash", None)
    if isinstance(commit, str):
        return commit
    snapshot = Path(str(getattr(config, "_name_or_path", "")))
    return snapshot.name if snapshot.parent.name == "snapshots" else ""


# By what a loading error says, in small letters; the first that fits.
_REMEDIES = {
    ("out of memory", "no available memory", "kv cache", "free memory"): "Lower --model-args max_model_len=N, raise or "
    "lower gpu_memory_utilization=0.9, or spread it: tensor_parallel_size=N.",
    ("engine core initialization failed",): "vLLM's messages above hold the cause. If it is memory: lower --model-args "
    "gpu_memory_utilization=0.8 where others use the device too, lower max_model_len=N, or spread the model with "
    "tensor_parallel_size=N.",
    ("gated", "401", "403"): "The model is gated: accept its terms on the Hub and set HF_TOKEN.",
    ("trust_remote_code",): "The model needs code from its repository: read it, then add --trust-remote-code.",
    ("offline", "connect", "resolve", "cached"): "Without network, --model must be a folder on this machine or already "
    "in the Hub's cache.",
    ("",): "Check --model (a Hub id or a folder with config.json, tokenizer and weights) and --model-args.",
}


def model_error(model: str, error: BaseException, option: str = "--model") -> ModelError:
    """A loading error with the remedy that fits it. option: the one that names what can't be loaded."""
    reason = " ".join(str(error).split()) or type(error).__name__
    lower = reason.lower()
    remedy = next(remedy for words, remedy in _REMEDIES.items() if any(word in lower for word in words))
    if option == "--tokenizer":
        remedy = "Name a Hub id, or a folder with tokenizer.json and tokenizer_config.json; without network, a folder."
    return ModelError(f"{option} {model}: can't be loaded: {type(error).__name__}: {reason[:500]}", remedy)


def chat_format(config: EngineConfig, *, tokenizer: str = "", revision: str | None = None) -> ChatFormat:
    """The ChatFormat of a model, from its tokenizer alone: what every local engine sends, known without loading
    weights. tokenizer: its name or folder, where that isn't the model's.

    Always the transformers tokenizer: vLLM has others for some repositories, which hold no chat template. Where
    transformers isn't installed, a folder's own files do (`engines/tokens.py`).
    """
    name, given = located(tokenizer or config.model), None
    if importlib.util.find_spec("transformers") is not None:
        import transformers

        try:
            given = transformers.AutoTokenizer.from_pretrained(
                name, trust_remote_code=config.trust_remote_code, revision=revision, padding_side="left"
            )
        except Exception as error:
            raise model_error(name, error, "--tokenizer" if tokenizer else "--model") from None
    elif (Path(name) / "tokenizer.json").is_file() and importlib.util.find_spec("tokenizers") is not None:
        from cotbench.engines.tokens import FolderTokenizer

        given = FolderTokenizer(Path(name))
    else:
        package = 'pip install "cotbench[transformers]"'
        if tokenizer:
            raise ModelError(f"--tokenizer {name}: no tokenizer.json is there; else it needs transformers: {package}")
        raise ModelError(f"rendering with a model's chat template needs the transformers package: {package}")
    chat = ChatFormat(given, config.chat_template, model=config.model, families=config.families)
    chat.require(config.sampling_keys)
    return chat


def tokenizer_revision(name: str, tokenizer: Any) -> str:
    """What tells a tokenizer from others: as a model's revision, or its name where nothing more is known."""
    commit = getattr(tokenizer, "init_kwargs", {}).get("_commit_hash")
    return fingerprint(name) or (commit if isinstance(commit, str) else name)


def fingerprint_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HEAD_BYTES):
            digest.update(block)
    return f"file:{digest.hexdigest()[:16]}"


_TOKEN_ARGS = frozenset({"hf_token", "token", "use_auth_token", "api_key", "hf_api_token"})


def renamed(sampling: Sampling, names: Mapping[str, str]) -> dict[str, Any]:
    """The sampling keys of a request that a library takes, under the library's own names."""
    return {names[name]: value for name, value in sampling.extra if name in names}


def no_tokens(model_args: Mapping[str, Any]) -> None:
    """Refuses access tokens among the arguments: arguments are written to the manifest."""
    found = sorted(_TOKEN_ARGS & set(model_args))
    if found:
        raise UsageError(
            f"--model-args: {found[0]} would be written to the manifest.", "Set HF_TOKEN in the environment instead."
        )
