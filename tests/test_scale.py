"""The plan on paper is what its script says, and the example for SLURM starts what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "measure"))
from scale import HEAD, Plan, row, table, whole

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "plan", [Plan(), Plan(rate=500), Plan(processes=8, gpus=(256, 1000))], ids=["8B", "70B", "shards"]
)
def test_the_tables_of_the_page_are_the_scripts(plan: Plan) -> None:
    assert table(HEAD, [row(plan, gpus) for gpus in plan.gpus]) in PAGE


def test_the_sums_of_the_page_are_the_scripts() -> None:
    assert table(("in all", ""), list(whole(Plan()))) in PAGE


def test_more_gpus_than_a_process_keeps_up_with_take_no_less_time() -> None:
    plan = Plan(start_s=0, slowest_s=0)
    few, many, shards = row(plan, 300), row(plan, 3_000), row(replace(plan, processes=10), 3_000)
    assert few[1] == many[1] and many[2] == "process"
    assert shards[2] == "GPUs" or shards[1] != many[1]


def test_figures_grow_as_they_must() -> None:
    plan = Plan(questions=100, paths=10, direct=1, cot=10, rate=10, start_s=0, slowest_s=0, price=2)
    assert (plan.requests, plan.replies, plan.tokens) == (300, 1_200, 11_100)
    seconds = 11_100 / 10
    assert row(plan, 1)[4:6] == (f"{seconds / 3600:,.0f}", f"{seconds / 3600 * 2:,.0f}")
    assert row(plan, 1)[6] == f"{300 / seconds:,.1f}"


STAND_INS = {
    "scontrol": "echo localhost; echo other",
    # An option of srun's has its value behind "=".
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; echo "token $RAY_AUTH_TOKEN" >&2; exec "$@"',
    "ray": 'echo "ray $*" >&2; while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "cotbench": 'echo "cotbench $*"',
}


@pytest.mark.patient
def test_the_example_for_slurm_starts_ray_on_all_nodes_and_cotbench_on_the_first(tmp_path: Path) -> None:
    for name, script in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    given = {"MODEL": "org/model", "TASK": "gsm8k", "ARGS": "--limit 5", "RAY_ARGS": "--num-cpus 4"}
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2"}
    done = subprocess.run(
        [str(ROOT / "docs" / "examples" / "slurm-ray.sh")],
        env={**os.environ, **given, **job, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.search(r"^token [0-9a-f]{64}$", done.stderr, re.M)
    assert "ray symmetric-run --address 127.0.0.1:6379 --min-nodes 2 --num-cpus 4 -- cotbench run" in done.stderr
    assert (
        done.stdout.split()
        == (
            "cotbench run --engine ray --ray-address auto --model org/model --task gsm8k --mode direct,cot "
            "--model-args engine=vllm,tensor_parallel_size=1 --output-dir results --limit 5"
        ).split()
    )


def test_the_example_says_no_more_than_ray_takes() -> None:
    """What `ray symmetric-run` refuses, since it says it itself."""
    script = (ROOT / "docs" / "examples" / "slurm-ray.sh").read_text(encoding="utf-8")
    call = script[script.index("ray symmetric-run --address") :]
    assert not re.search(r"--(head|node-ip-address|port|block)\b", call)
