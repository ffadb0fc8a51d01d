"""The demo: questions of ours, and a language model of one million parameters that is trained on such questions by `cotbench.demo.train`."""

from __future__ import annotations

from pathlib import Path

MODEL = Path(__file__).with_name("model")
