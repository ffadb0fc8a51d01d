"""The language models that come with cotbench, of a million parameters each; `tests/training/` in the repository holds
their questions and how they were trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MODEL = Path(__file__).with_name("model")
THINKER = Path(__file__).with_name("thinker")

# By their names, as in `--model demo`.
MODELS: Mapping[str, Path] = {"demo": MODEL, "demo-thinker": THINKER}
