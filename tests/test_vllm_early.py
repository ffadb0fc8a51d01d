"""Early answering on vLLM: the answers behind the cuts of a thought find it in the prefix cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from vllm_server import ENV

pytestmark = [pytest.mark.vllm, pytest.mark.slow]
SCRIPT = Path(__file__).parent / "measure" / "early_answering.py"


def test_answers_behind_cuts_cost_little_beside_the_thought(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT), str(tmp_path), "--questions", "12"]
    done = subprocess.run(words, env={**os.environ, **ENV}, capture_output=True, text=True, check=True, timeout=600)
    told = {name: float(value.replace(",", "")) for name, value in re.findall(r"^(.+): ([\d,.]+)$", done.stdout, re.M)}
    assert told["answers behind cuts"] == 12 * 11 and told["written for thoughts"] >= 12 * 300
    assert 0 < told["ratio to those written for thoughts"] <= 1.5
    assert told["vllm:prefix_cache_hits"] == told["cached behind cuts"] + told["cached of their prompts"]
