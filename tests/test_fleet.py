"""What a run says of its replicas, and how requests are spread over them: all that needs no Ray."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines import fleet as fleets
from cotbench.engines.arguments import FLEET
from cotbench.engines.fleet import Fleet, Homes, fitting, fleet_of, shortage_of, unlike
from cotbench.engines.ray_replica import last_error
from cotbench.errors import UsageError
from cotbench.runs.prepare import lasting


def node(cpus: float, gpus: float = 0, *, alive: bool = True) -> dict[str, Any]:
    """A node as Ray tells of it."""
    return {"Alive": alive, "Resources": {"CPU": cpus, **({"GPU": gpus} if gpus else {}), "memory": 1e9}}


@pytest.mark.parametrize(
    ("needs", "nodes", "count"),
    [
        ([{"CPU": 1}], [node(4)], 4),
        ([{"CPU": 3}], [node(4), node(4)], 2),  # no replica is halved
        ([{"CPU": 1}], [node(4), node(8, alive=False)], 4),
        ([{"CPU": 1, "GPU": 2}], [node(64, 8), node(64, 3)], 5),
        ([{"CPU": 1, "GPU": 0.5}], [node(64, 2)], 4),
        ([{"CPU": 1, "GPU": 1}], [node(64)], 0),
        ([{"CPU": 1}], [], 0),
        ([{"CPU": 2, "GPU": 1}, {"CPU": 1, "GPU": 1}], [node(8, 1), node(8, 1)], 1),  # over two nodes
        ([{"CPU": 2, "GPU": 1}, {"CPU": 1, "GPU": 1}], [node(2, 1), node(8, 1), node(8, 4)], 3),
        ([{"CPU": 0}], [node(4)], 1),  # else there would be no end
        ([{"CPU": 0.001}], [node(64)], 10_000),
    ],
)
def test_as_many_replicas_fit_as_the_live_nodes_have_room_for(
    needs: list[dict[str, float]], nodes: list[dict[str, Any]], count: int
) -> None:
    assert fitting(needs, nodes) == count
    assert bool(shortage_of(needs, nodes)) == (count == 0)


def test_a_shortage_says_what_is_needed_and_what_there_is() -> None:
    needs = [{"CPU": 1.0, "GPU": 4.0}]
    told = shortage_of(needs, [node(64, 2), node(8, alive=False)])
    assert told == "a replica needs 1 CPU, 4 GPU, and the cluster has 1 nodes with 64 CPU, 2 GPU."
    assert shortage_of(needs, []) == "a replica needs 1 CPU, 4 GPU, and the cluster has 0 nodes with nothing."


def test_a_run_with_nothing_said_has_as_many_replicas_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    fleet, inner = fleet_of(EngineConfig(model="demo"))
    assert (fleet, inner) == (Fleet(engine="ctranslate2"), {})
    assert (fleet.replicas, fleet.mixed, fleet.affinity, fleet.address) == (None, False, True, "")
    assert fleet_of(EngineConfig(model="m", model_args={"replicas": "auto"}))[0] == Fleet(engine="vllm")


def test_what_isnt_of_the_fleet_is_the_replicas_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"engine": "vllm", "replicas": 3, "cpus_per_replica": 2, "gpus_per_replica": 0.5, "requests_per_replica": 9}
    more = {"silent_s": 5, "start_s": 7.5, "mixed": True, "affinity": False}
    theirs = {"tensor_parallel_size": 2, "pipeline_parallel_size": 4, "distributed_executor_backend": "ray"}
    monkeypatch.setenv("RAY_ADDRESS", "elsewhere:1")
    config = EngineConfig(model="m", model_args={**given, **more, **theirs}, ray_address="here:2")
    fleet, inner = fleet_of(config)
    assert inner == theirs
    assert fleet == Fleet(
        engine="vllm", replicas=3, cpus=2, gpus=0.5, requests=9, silent_s=5, start_s=7.5, mixed=True, affinity=False,
        address="here:2", parallel=8, spread=True,
    )  # fmt: skip
    assert fleet_of(EngineConfig(model="m"))[0].address == "elsewhere:1"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"replicas": 0}, "replicas is 0; expected auto, or a whole number from 1 up"),
        ({"replicas": True}, "replicas is True"),
        ({"replicas": 1.5}, "replicas is 1.5"),
        ({"replicas": "many"}, "replicas is 'many'"),
        ({"cpus_per_replica": -1}, "cpus_per_replica"),
        ({"gpus_per_replica": "all"}, "gpus_per_replica"),
        ({"requests_per_replica": 0}, "requests_per_replica"),
        ({"silent_s": 0}, "silent_s"),
        ({"start_s": -3}, "start_s"),
        ({"mixed": "perhaps"}, "mixed is neither true nor false"),
        ({"affinity": 7}, "affinity is neither true nor false"),
        ({"engine": "openai"}, "engine is openai, of which there can't be replicas"),
        ({"engine": "ray"}, "engine is ray, of which there can't be replicas"),
        ({"engine": "replay"}, "engine is replay, of which there can't be replicas"),
        ({"engine": "vlm"}, "vlm"),
        ({"tensor_parallel_size": 0}, "tensor_parallel_size"),
    ],
)
def test_what_a_fleet_cant_be_is_refused(given: Mapping[str, Any], told: str) -> None:
    model = "m" if "tensor_parallel_size" in given else "stub"
    with pytest.raises(UsageError) as caught:
        fleet_of(EngineConfig(model=model, model_args=given))
    assert told in str(caught.value.message)


def test_a_cluster_is_named_for_the_engine_ray_only(main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", "sample", "--ray-address", "auto")
    assert done.code == 2
    assert "--ray-address: engine 'stub' doesn't run on a Ray cluster." in done.err


def test_results_dont_depend_on_how_many_replicas_there_are() -> None:
    assert lasting({**dict.fromkeys(FLEET, 1), "sure": 0.5}) == {"sure": 0.5}


def test_the_cause_that_only_a_replicas_log_has_is_found(tmp_path: Path) -> None:
    log = tmp_path / "worker.err"
    core = "(EngineCore pid=7)   ValueError: no such block"
    log.write_text("x\n" * 90_000 + core + "\nfar\nRuntimeError: See root cause above.\n")
    assert last_error(str(log)) == "(EngineCore pid=7) ValueError: no such block"
    log.write_text("INFO all is well\n")
    assert last_error(str(log)) == last_error(str(tmp_path / "none")) == ""


@dataclass
class Replica:
    """As the driver knows one."""

    name: str
    limit: int
    flying: list[int] = field(default_factory=list)
    ready: bool = True

    @property
    def room(self) -> int:
        return self.limit - len(self.flying) if self.ready else 0


def spread(homes: Homes[Replica], replicas: list[Replica], questions: list[str], *, move: bool = True) -> list[str]:
    """Where requests of these questions go, one after the other; "" for those that wait."""
    went = []
    for number, question in enumerate(questions):
        chosen = homes.choose(question, [one for one in replicas if one.room > 0], move=move)
        if chosen is None:
            went.append("")
            continue
        chosen.flying.append(number)
        went.append(chosen.name)
    return went


def test_a_questions_requests_stay_with_one_replica_while_that_has_room() -> None:
    replicas = [Replica("a", 4), Replica("b", 4)]
    assert spread(Homes(), replicas, ["q", "r", "q", "q", "r"]) == ["a", "b", "a", "a", "b"]


def test_without_affinity_each_request_goes_to_who_has_most_room() -> None:
    replicas = [Replica("a", 4), Replica("b", 4)]
    assert spread(Homes(affinity=False), replicas, ["q"] * 5) == ["a", "b", "a", "b", "a"]


def test_the_share_that_is_free_counts_and_not_the_number() -> None:
    replicas = [Replica("large", 20, list(range(6))), Replica("small", 4, [1])]
    assert spread(Homes(), replicas, ["q"]) == ["small"]


def test_a_question_whose_home_is_full_or_away_moves_and_stays_where_it_went() -> None:
    replicas = [Replica("a", 2), Replica("b", 4)]
    homes: Homes[Replica] = Homes()
    assert spread(homes, replicas, ["q", "q", "q"]) == ["a", "a", "b"]
    replicas[0].flying.clear()
    assert spread(homes, replicas, ["q"]) == ["b"]
    replicas[1].ready = False
    assert spread(homes, replicas, ["q", "q"]) == ["a", "a"]


def test_a_request_waits_for_its_home_while_others_can_have_the_room() -> None:
    replicas = [Replica("a", 2), Replica("b", 4)]
    homes: Homes[Replica] = Homes()
    assert spread(homes, replicas, ["q", "q", "q", "r"], move=False) == ["a", "a", "", "b"]
    replicas[0].flying.pop()
    assert spread(homes, replicas, ["q"], move=False) == ["a"]
    replicas[0].ready = False
    assert spread(homes, replicas, ["q"], move=False) == ["b"]


def test_only_so_many_questions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "HOMES", 2)
    replicas = [Replica("a", 9), Replica("b", 9)]
    homes: Homes[Replica] = Homes()
    assert spread(homes, replicas, ["q", "r", "s"]) == ["a", "b", "a"]
    replicas[0].flying += [7] * 5
    assert spread(homes, replicas, ["s", "q"]) == ["a", "b"]  # q is forgotten, and b has most room


_LOADED = """
import sys
from cotbench import cli
try:
    cli.main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print([name for name in sys.modules if name == "ray" or name.startswith(("ray.", "cotbench.engines.ray"))])
"""


@pytest.mark.patient
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["run", "--model", "stub", "--task", "sample", "--mode", "direct", "--limit", "3"]],
)
def test_nothing_loads_ray_but_its_engine(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


FIRST = EngineInfo(engine="vllm", model="m", version="0.26", revision="abc", dtype="bfloat16", max_model_len=4_096)


@pytest.mark.parametrize(
    "change", [{"version": "0.27"}, {"dtype": "float16"}, {"max_model_len": 2_048}, {"chat_template_hash": "0"}]
)
def test_what_replies_depend_on_must_be_alike_unless_the_user_says_otherwise(change: dict[str, Any]) -> None:
    [(name, value)] = change.items()
    found = unlike(FIRST, replace(FIRST, **change), mixed=False)
    assert found == (name, value, getattr(FIRST, name), True)
    assert unlike(FIRST, replace(FIRST, **change), mixed=True) is None


@pytest.mark.parametrize("mixed", [False, True])
def test_another_model_is_never_among_replicas(mixed: bool) -> None:
    other = replace(FIRST, dtype="float16", revision="abd")
    assert unlike(FIRST, other, mixed=mixed) == ("revision", "abd", "abc", False)
    assert unlike(FIRST, replace(FIRST, device="another GPU"), mixed=mixed) is None
