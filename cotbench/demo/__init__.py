"""The demo's language model, of one million parameters; `tests/training/` in the repository holds its questions and
how it was trained."""

from __future__ import annotations

from pathlib import Path

NAME = "demo"  # as `--model demo`
MODEL = Path(__file__).with_name("model")
