"""What engines that load a model here share: what tells it from others, its chat format, and errors in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cotbench.engines.chat import ChatFormat
from cotbench.errors import ModelError, UsageError
from cotbench.types import Sampling

_HEAD_BYTES = 1 << 20


def fingerprint(model: str, config: Any = None) -> str:
    """The commit of a model from the Hub, or a hash over a local folder's files ("" if neither can be told).

    Local: names, sizes and the first MiB of each file, which tells checkpoints apart without reading 100 GB.
    """
    folder = Path(model)
    if folder.is_dir():
        digest = hashlib.sha256()
        for path in sorted(
            p
            for p in folder.iterdir()
            if p.is_file() and p.suffix in {".json", ".safetensors", ".bin", ".model", ".jinja", ".gguf", ".txt"}
        ):
            digest.update(f"{path.name}\x00{path.stat().st_size}\x00".encode())
            with path.open("rb") as file:
                digest.update(file.read(_HEAD_BYTES))
        return f"files:{digest.hexdigest()[:16]}"
    commit = getattr(config, "_commit_hash", None)
    if isinstance(commit, str):
        return commit
    snapshot = Path(str(getattr(config, "_name_or_path", "")))
    return snapshot.name if snapshot.parent.name == "snapshots" else ""


def model_error(model: str, error: BaseException) -> ModelError:
    """A loading error with the remedy that fits it."""
    reason = " ".join(str(error).split()) or type(error).__name__
    lower = reason.lower()
    if "out of memory" in lower or "no available memory" in lower or "kv cache" in lower or "free memory" in lower:
        remedy = (
            "Lower --model-args max_model_len=N, raise or lower gpu_memory_utilization=0.9, or spread it: "
            "tensor_parallel_size=N."
        )
    elif "engine core initialization failed" in lower:
        remedy = (
            "vLLM's messages above hold the cause. If it is memory: lower --model-args "
            "gpu_memory_utilization=0.8 where others "
            "use the device too, lower max_model_len=N, or spread the model with tensor_parallel_size=N."
        )
    elif "gated" in lower or "401" in reason or "403" in reason:
        remedy = "The model is gated: accept its terms on the Hub and set HF_TOKEN."
    elif "trust_remote_code" in lower:
        remedy = "The model needs code from its repository: read it, then add --trust-remote-code."
    elif "offline" in lower or "connect" in lower or "resolve" in lower or "cached" in lower:
        remedy = "Without network, --model must be a folder on this machine or already in the Hub's cache."
    else:
        remedy = "Check --model (a Hub id or a folder with config.json, tokenizer and weights) and --model-args."
    return ModelError(f"--model {model}: can't be loaded: {type(error).__name__}: {reason[:500]}", remedy)


def chat_format(
    model: str, choice: str, *, trust_remote_code: bool = False, revision: str | None = None, padding_side: str = "left"
) -> ChatFormat:
    """The ChatFormat of a model, from its tokenizer alone: what every local engine sends, known without loading
    weights.

    Always the transformers tokenizer: vLLM has others for some repositories, which hold no chat template. Where
    transformers isn't installed, a folder's own files do (`engines/tokens.py`).
    """
    import importlib.util

    if importlib.util.find_spec("transformers") is None:
        if (Path(model) / "tokenizer.json").is_file() and importlib.util.find_spec("tokenizers") is not None:
            from cotbench.engines.tokens import FolderTokenizer

            return ChatFormat(FolderTokenizer(Path(model)), choice)
        raise ModelError(
            "rendering with a model's chat template needs the transformers package: pip install "
            '"cotbench[transformers]"'
        )
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            model, trust_remote_code=trust_remote_code, revision=revision, padding_side=padding_side
        )
    except Exception as error:
        raise model_error(model, error) from None
    return ChatFormat(tokenizer, choice)


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
