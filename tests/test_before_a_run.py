"""What is said before a run: arguments that its engine would refuse, and what it is likely to take, by earlier runs or
by a probe, which is the beginning of the run itself."""

from __future__ import annotations

import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli

from cotbench.engines.arguments import names_taken
from cotbench.errors import UsageError
from cotbench.runs.likely import Amount, together, total_of
from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

RUN = ("run", "--model", "stub", "--task", "sample")
ARMS = ("--mode", "direct,cot,plan-direct,plan-cot")


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]


def replies(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def tokens(rows: list[dict[str, Any]]) -> int:
    return sum(path["completion_tokens"] for row in rows for path in row["completions"])


def document(outcome: Any) -> Any:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


# --- arguments of engines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "given", "found"),
    [
        ("openai", "timeout=10", "doesn't know timeout"),
        ("openai", "timeout_s=-1", "timeout_s is -1"),
        ("openai", "max_retries=2.5", "max_retries is 2.5"),
        ("openai", "send_seed=perhaps", "send_seed is neither true nor false"),
        ("ctranslate2", "gpu=1", "doesn't know gpu"),
        ("ctranslate2", "batch_size=0", "batch_size is 0"),
        ("ctranslate2", "token=x", "token would be written to the manifest"),
        ("vllm", "hf_token=x", "hf_token would be written to the manifest"),
        ("transformers", "batch_size=many", "batch_size is 'many'"),
        ("stub", "cot=2", "cot is 2"),
        ("stub", "cots=0.5", "doesn't know cots"),
        ("replay", "file=x", "doesn't know file"),
        ("replay", "path=nowhere.jsonl", "there is no file or run at"),
    ],
)
def test_a_dry_run_refuses_the_arguments_that_a_run_refuses(engine: str, given: str, found: str, main: Cli) -> None:
    line = ("run", "--model", "m", "--engine", engine, "--model-args", given, "--task", "sample", "--mode", "cot")
    done = main(*line, "--dry-run")
    assert done.code in (2, 3), done.out
    assert found in done.err


@pytest.mark.parametrize(("given", "code"), [("timeout=10", 2), ("timeout_s=10", 0), ("max_retries=0,send_seed=no", 2)])
def test_a_dry_run_accepts_what_a_run_accepts(given: str, code: int, main: Cli) -> None:
    line = ("--model", "m", "--engine", "openai", "--model-args", given, "--task", "sample", "--mode", "cot")
    assert main("run", *line, "--dry-run").code == code


def package(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages that look like vLLM and transformers to whoever reads their source, and can't be imported."""
    folder = tmp_path / "packages"
    engine_args = "raise ImportError\nclass EngineArgs:\n    model: str = ''\n    max_model_len: int | None = None\n"
    llm = "class LLM:\n    def __init__(self, model, *, enforce_eager=False, **kwargs): ...\n"
    package(
        folder / "vllm",
        {"__init__.py": "raise ImportError", "engine/arg_utils.py": engine_args, "entrypoints/llm.py": llm},
    )
    loading = "def from_pretrained(cls, *args, cache_dir=None, **kwargs):\n    kwargs.pop('device_map', None)\n"
    package(
        folder / "transformers",
        {
            "__init__.py": "raise ImportError",
            "modeling_utils.py": loading,
            "configuration_utils.py": "class PreTrainedConfig:\n    output_attentions: bool = False\n",
            "models/auto/auto_factory.py": "def from_pretrained(name, code_revision=None): ...\n",
            "models/tiny/configuration_tiny.py": "class TinyConfig:\n    rope_theta: float = 1.0\n",
        },
    )
    monkeypatch.syspath_prepend(str(folder))
    for name in ("vllm", "transformers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def test_arguments_of_vllm_are_read_from_its_source(installed: Path, main: Cli) -> None:
    line = ("run", "--model", "m", "--engine", "vllm", "--task", "sample", "--mode", "cot", "--dry-run", "--model-args")
    refused = main(*line, "max_modl_len=10")
    assert refused.code == 2
    assert "doesn't know max_modl_len" in refused.err
    assert "Did you mean 'max_model_len'?" in refused.err
    known = main(*line, "max_model_len=10,enforce_eager=true")
    assert known.code == 0, known.err
    assert "Not checked" not in known.out


def test_arguments_of_transformers_are_those_of_its_loading_and_of_the_models_configuration(
    installed: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    package(model, {"config.json": json.dumps({"model_type": "tiny", "hidden_size": 8})})
    taken = names_taken("transformers", str(model))
    assert taken is not None
    assert taken.whole
    assert {"device_map", "cache_dir", "code_revision", "output_attentions", "rope_theta", "hidden_size"} <= taken.names
    assert "timeout" not in taken.names
    elsewhere = names_taken("transformers", "org/model")
    assert elsewhere is not None
    assert not elsewhere.whole, "the model's configuration may have any names"


def test_what_cant_be_checked_is_said(main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotbench.engines.arguments.names_taken", lambda engine, model: None)
    line = ("run", "--model", "m", "--engine", "vllm", "--task", "sample", "--mode", "cot", "--dry-run")
    done = main(*line, "--model-args", "max_model_len=10")
    assert done.code == 0
    assert "Not checked: whether vllm knows max_model_len" in " ".join(done.out.split())


# --- how amounts are estimated ------------------------------------------------------------------------------------


def test_a_total_is_the_mean_times_the_number_with_students_interval() -> None:
    values = [10, 20, 30, 60]
    error = statistics.stdev(values)
    further = total_of(values, 100, of_them=False)
    assert further.likely == 3_000
    t = 3.182446305284263  # of 3 degrees of freedom, 97.5%
    assert further.high == pytest.approx(3_000 + t * error * math.sqrt(100 * 100 / 4 + 100))
    sample = total_of(values, 100, of_them=True)
    # Cochran 1977, eq. 2.23: N s / sqrt(n) sqrt(1 - n / N).
    assert sample.high == pytest.approx(3_000 + t * 100 * error / 2 * math.sqrt(1 - 4 / 100))
    assert total_of(values, 4, of_them=True) == Amount(likely=120, low=120, high=120)
    assert total_of([5], 10, of_them=False) == Amount(likely=50), "one answer tells no spread"


@pytest.mark.parametrize("of_them", [True, False])
def test_intervals_hold_what_they_say_in_simulation(of_them: bool) -> None:
    draw = np.random.default_rng(7)
    held = 0
    for _ in range(2_000):
        population = draw.gamma(4.0, 50.0, 400)
        known = population[:20] if of_them else draw.gamma(4.0, 50.0, 20)
        amount = total_of(list(known), 400, of_them=of_them)
        assert amount.low is not None
        assert amount.high is not None
        held += amount.low <= population.sum() <= amount.high
    assert 0.93 <= held / 2_000 <= 0.97


def test_amounts_that_depend_on_each_other_are_added_end_to_end() -> None:
    parts = [Amount(likely=10, low=7, high=13), Amount(likely=20, low=16, high=24)]
    assert together(parts) == Amount(likely=30, low=25, high=35)
    assert together(parts, apart=False) == Amount(likely=30, low=23, high=37)
    assert together([*parts, Amount(likely=5)]) == Amount(likely=35), "one without an interval leaves the sum without"


# --- a dry run ----------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_is_likely_by_an_earlier_run(tmp_path: Path, main: Cli) -> None:
    folder = tmp_path / document(main(*RUN, "--mode", "direct,cot", "--limit", "20", "--json"))["folder"]
    *rows, total = document(main(*RUN, "--mode", "direct,cot", "--dry-run", "--json"))
    for row in rows:
        known = [one["completion_tokens"] for one in records(folder) if one["mode"] == row["mode"]]
        assert row["likely_answers"] == 20
        assert row["likely_by"] == "same"
        assert row["likely_run"] == folder.name
        assert row["likely_mean"] == pytest.approx(statistics.mean(known))
        assert row["likely_sd"] == pytest.approx(statistics.stdev(known))
        assert row["completion_tokens_likely"] == pytest.approx(48 * statistics.mean(known))
        assert row["completion_tokens_low"] < row["completion_tokens_likely"] < row["completion_tokens_high"]
        assert row["completion_tokens_high"] < row["completion_tokens_at_most"]
    assert total["completion_tokens_likely"] == pytest.approx(sum(row["completion_tokens_likely"] for row in rows))
    assert total["seconds_likely"] > 0
    assert total["pace_of"] == [folder.name]
    text = " ".join(main(*RUN, "--mode", "direct,cot", "--dry-run").out.split())
    assert "Likely: " in text
    assert f"From {folder.name}: tokens an answer" in text
    assert "n = 20" in text


def test_an_interval_of_all_arms_holds_that_they_answer_the_same_questions(tmp_path: Path, main: Cli) -> None:
    folder = tmp_path / document(main(*RUN, "--mode", "direct,cot", "--limit", "20", "--json"))["folder"]
    total = document(main(*RUN, "--mode", "direct,cot", "--dry-run", "--json"))[-1]
    sums: dict[str, int] = {}
    for row in records(folder):
        sums[row["question"]] = sums.get(row["question"], 0) + row["completion_tokens"]
    expected = total_of(list(sums.values()), 48, of_them=False)
    assert total["completion_tokens_low"] == pytest.approx(expected.low)
    assert total["completion_tokens_high"] == pytest.approx(expected.high)


def test_other_settings_and_other_tasks_are_said(tmp_path: Path, main: Cli) -> None:
    main(*RUN, "--mode", "cot")
    [row, _] = document(main(*RUN, "--mode", "cot", "--max-tokens", "100", "--dry-run", "--json"))
    assert row["likely_by"] == "other settings"
    assert row["completion_tokens_high"] is not None
    other = ("run", "--model", "stub", "--task", "demo", "--mode", "cot,direct", "--dry-run")
    *rows, total = document(main(*other, "--json"))
    found = {row["mode"].partition("@")[0]: row for row in rows}
    assert found["cot"]["likely_by"] == "other task"
    assert found["cot"]["likely_task"] == "sample"
    assert found["cot"]["completion_tokens_high"] is None, "how far tasks differ isn't known from one"
    assert found["direct"]["completion_tokens_likely"] is None
    assert [name.partition("@")[0] for name in total["not_in_likely"]] == ["demo/direct"]
    text = " ".join(main(*other).out.split())
    assert "on sample, so without an interval" in text
    assert "nothing is on record" in text


def test_another_models_runs_tell_nothing(main: Cli) -> None:
    main(*RUN, "--mode", "cot")
    line = ("run", "--model", "other", "--engine", "stub", "--task", "sample", "--mode", "cot", "--dry-run")
    [row] = document(main(*line, "--json"))
    assert row["mode"] == "cot", "no sum of what isn't known"
    done = main(*line)
    assert "Likely" not in done.out
    assert "--probe 20" in done.out


def test_a_turn_that_arms_share_is_counted_once(tmp_path: Path, main: Cli) -> None:
    folder = tmp_path / document(main(*RUN, *ARMS, "--json"))["folder"]
    total = document(main(*RUN, *ARMS, "--dry-run", "--json"))[-1]
    assert total["completion_tokens_likely"] == pytest.approx(tokens(replies(folder)))


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        ("default: {in: 1, out: 0}", lambda row: row["prompt_tokens_likely"] / 1e6),
        ("default: {in: 0, out: 10}", lambda row: 10 * row["completion_tokens_likely"] / 1e6),
        ("models: {stub: {gpu_hour: 3600}}", lambda row: row["seconds_likely"]),
        ("models: {other: {in: 1, out: 1}}", lambda row: None),
    ],
)
def test_a_dry_run_tells_money_by_a_file_of_prices(prices: str, cost: Any, tmp_path: Path, main: Cli) -> None:
    main(*RUN, "--mode", "cot")
    (tmp_path / "prices.yaml").write_text(f"{{currency: EUR, {prices}}}")
    line = (*RUN, "--mode", "cot", "--dry-run", "--prices", "prices.yaml")
    total = document(main(*line, "--json"))[-1]
    assert total["currency"] == "EUR"
    expected = cost(total)
    assert total["cost_likely"] == (None if expected is None else pytest.approx(expected))
    text = " ".join(main(*line).out.split())
    assert (" €" in text) == (expected is not None)
    if expected is None:
        assert "no price of this model" in text


def test_prices_are_for_what_is_said_before_a_run(main: Cli) -> None:
    done = main(*RUN, "--mode", "cot", "--prices", "prices.yaml")
    assert done.code == 2
    assert "--prices" in done.err


# --- a probe ------------------------------------------------------------------------------------------------------


def test_a_probe_is_the_beginning_of_the_run(tmp_path: Path, main: Cli) -> None:
    """Nothing is asked twice, and the run ends with the bytes that it would have had without a probe."""
    probe = document(main(*RUN, *ARMS, "--limit", "30", "--probe", "5", "--json"))
    folder = tmp_path / probe["folder"]
    assert json.loads((folder / MANIFEST).read_text())["status"] == "interrupted"
    assert probe["answers"] == 20
    assert probe["of"] == 120
    asked = replies(folder)
    assert probe["requests"] == len(asked)
    done = document(main(*RUN, *ARMS, "--limit", "30", "--json"))
    assert done["folder"] == probe["folder"], "the same run"
    assert done["requests"] + probe["requests"] == len(replies(folder)), "nothing was asked twice"
    assert replies(folder)[: len(asked)] == asked
    whole = tmp_path / document(main(*RUN, *ARMS, "--limit", "30", "-o", "whole", "--json"))["folder"]
    assert (folder / RECORDS).read_bytes() == (whole / RECORDS).read_bytes()


def test_a_probe_asks_the_questions_of_the_same_seeded_sample(tmp_path: Path, main: Cli) -> None:
    line = ("--task", "sample,demo", "--mode", "cot", "--seed", "3")
    probe = tmp_path / document(main("run", "--model", "stub", *line, "--probe", "7", "--json"))["folder"]
    limited = tmp_path / document(main("run", "--model", "stub", *line, "--limit", "7", "--json"))["folder"]
    asked = [{row["question"] for row in records(folder)} for folder in (probe, limited)]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 14


def test_a_probe_estimates_the_run_from_its_own_answers(tmp_path: Path, main: Cli) -> None:
    probe = document(main(*RUN, "--mode", "direct,cot", "--probe", "20", "--json"))
    *rows, total = probe["likely"]
    assert [row["likely_by"] for row in rows] == ["own", "own"]
    assert [row["likely_answers"] for row in rows] == [20, 20]
    done = document(main(*RUN, "--mode", "direct,cot", "--json"))
    assert total["completion_tokens_low"] <= done["completion_tokens"] <= total["completion_tokens_high"]
    over = document(main(*RUN, "--mode", "direct,cot", "--probe", "20", "--json"))
    assert over["go_on"] is None
    assert over["likely"][-1]["completion_tokens_likely"] == done["completion_tokens"]
    assert json.loads((tmp_path / done["folder"] / MANIFEST).read_text())["status"] == "finished"


def test_a_probe_says_how_to_go_on(tmp_path: Path, main: Cli) -> None:
    done = main(*RUN, "--mode", "direct,cot", "--probe", "5")
    assert done.code == 0, done.err
    last = done.out.splitlines()[-1].strip()
    assert last.startswith("cotbench run --resume results/stub-")
    resumed = main(*last.split()[1:], "--json")
    assert document(resumed)["answers"] == 96
    assert "right" not in done.out, "what is right is for the report"


def test_a_probe_of_a_run_that_is_under_way_keeps_its_records(tmp_path: Path, main: Cli) -> None:
    first = document(main(*RUN, "--mode", "direct,cot", "--probe", "30", "--json"))
    kept = records(tmp_path / first["folder"])
    again = document(main(*RUN, "--mode", "direct,cot", "--probe", "5", "--json"))
    assert again["requests"] == 0
    assert records(tmp_path / first["folder"]) == kept


def test_a_probe_of_more_questions_than_there_are_is_the_run(main: Cli) -> None:
    done = document(main(*RUN, "--mode", "cot", "--limit", "4", "--probe", "20", "--json"))
    assert done["answers"] == done["of"] == 4
    assert done["go_on"] is None


def test_the_command_of_a_probed_run_is_the_runs(tmp_path: Path, main: Cli) -> None:
    """Who types it again wants the run and not the probe; the session says how many were asked."""
    (tmp_path / "p.yaml").write_text("default: {in: 1, out: 1}")
    line = (*RUN, "--mode", "cot", "--probe", "3", "--prices=p.yaml", "--seed", "1", "--json")
    folder = tmp_path / document(main(*line))["folder"]
    [session] = json.loads((folder / MANIFEST).read_text())["sessions"]
    assert session["probe"] == 3
    assert session["command"] == ["cotbench", *RUN, "--mode", "cot", "--seed", "1", "--json"]


def test_what_is_locked_is_fixed_before_the_probe(tmp_path: Path, main: Cli) -> None:
    line = (*RUN, "--mode", "direct,cot", "--lock", "auto")
    folder = tmp_path / document(main(*line, "--probe", "5", "--json"))["folder"]
    lock = json.loads((folder / MANIFEST).read_text())["lock"]
    assert lock["hash"]
    assert document(main(*line, "--json"))["answers"] == 96
    assert json.loads((folder / MANIFEST).read_text())["lock"] == lock
    unlocked = (*RUN, "--mode", "direct,cot", "-o", "other")
    main(*unlocked, "--probe", "5")
    late = main(*unlocked, "--lock", "auto")
    assert late.code == 3
    assert "nothing can be fixed before the first token any more" in late.err


def test_a_probe_and_a_dry_run_are_two_things(main: Cli) -> None:
    done = main(*RUN, "--mode", "cot", "--dry-run", "--probe", "3")
    assert done.code == 2
    assert "--probe" in done.err


def test_a_probed_run_can_be_reported(main: Cli) -> None:
    folder = document(main(*RUN, "--mode", "direct,cot", "--probe", "10", "--json"))["folder"]
    assert main("report", folder, "--no-page", "--no-plots").code == 0


def test_arguments_that_are_refused_say_usage(installed: Path) -> None:
    from cotbench.engines.arguments import check_before_loading

    with pytest.raises(UsageError, match="batch_size"):
        check_before_loading("transformers", "org/model", {"batch_size": 0})
