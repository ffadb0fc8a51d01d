"""Which arm a log becomes: as it says itself, as --as says, and never by the order of files in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logs_made import TIME, lm_eval, lm_eval_line, sums, write_lines

from cotbench.errors import DataError, UsageError
from cotbench.logs import folders
from cotbench.logs.formats import FORMATS, ReadOptions
from cotbench.runs.importing import ImportOptions, ImportResult, import_logs

RIGHT, WRONG = "The answer is 2.", "The answer is 3."


def log(folder: Path, task: str, output: str, arm: str = "") -> Path:
    """A log of one question whose right answer is 2, which may state its arm."""
    metadata = {"metadata": {"version": 0, "arm": arm}} if arm else {}
    return lm_eval(folder, task, [lm_eval_line(0, sums(1)[0], output)], **metadata)


def results_in_one(folder: Path, *logs: tuple[str, str, str]) -> Path:
    """Logs in one folder with the results of all: task, output, arm of each."""
    told: dict[str, Any] = {}
    for task, output, arm in logs:
        log(folder, task, output, arm)
        path = folder / f"results_{TIME}.json"
        one = json.loads(path.read_text())
        told = {**told, **one, "configs": {**told.get("configs", {}), **one["configs"]}}
        path.write_text(json.dumps(told))
    return folder


def made(folder: Path, *paths: Path, arms: str = "", **options: Any) -> ImportResult:
    named = arms.split(",") if arms else ()
    [result] = import_logs(ImportOptions(paths=paths, arms=named, **options), folder / "runs")
    return result


def of_arms(result: ImportResult) -> dict[str, float | None]:
    return {arm.mode: arm.accuracy for arm in result.tasks[0].arms}


def refused(folder: Path, *paths: Path, arms: str) -> str:
    with pytest.raises(UsageError) as caught:
        made(folder, *paths, arms=arms)
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("arms", ["", "direct,cot", "cot,direct"])
def test_logs_of_a_folder_have_the_arms_that_they_state_in_whatever_order(tmp_path: Path, arms: str) -> None:
    logs = results_in_one(tmp_path / "logs", ("a", RIGHT, "cot"), ("b", WRONG, "direct"))
    assert of_arms(made(tmp_path, logs, arms=arms)) == {"cot": 1.0, "direct": 0.0}


def test_names_say_the_arms_of_a_folder_where_logs_state_none(tmp_path: Path) -> None:
    logs = results_in_one(tmp_path / "logs", ("gsm_cot", RIGHT, ""), ("gsm_direct", WRONG, ""))
    assert of_arms(made(tmp_path, logs, arms="direct,cot")) == {"cot": 1.0, "direct": 0.0}


def test_an_arm_of_a_folder_keeps_the_name_that_it_is_given(tmp_path: Path) -> None:
    logs = results_in_one(tmp_path / "logs", ("a", RIGHT, "cot"), ("b", WRONG, "direct"))
    assert of_arms(made(tmp_path, logs, arms="short=direct,long=cot")) == {"long": 1.0, "short": 0.0}


def test_arms_of_a_folder_that_nothing_says_are_not_guessed(tmp_path: Path) -> None:
    logs = results_in_one(tmp_path / "logs", ("first", RIGHT, ""), ("second", WRONG, ""))
    said = refused(tmp_path, logs, arms="direct,cot")
    first, second = (str(next(logs.glob(f"samples_{name}_*"))) for name in ("first", "second"))
    assert 0 < said.index(first) < said.index(second)
    assert "one by one" in said


def test_arms_that_are_not_those_of_the_folder_are_refused(tmp_path: Path) -> None:
    logs = results_in_one(tmp_path / "logs", ("gsm_cot", RIGHT, ""), ("gsm_direct", WRONG, ""))
    said = refused(tmp_path, logs, arms="direct,pal")
    assert "seems to be cot" in said and "seems to be direct" in said


def test_a_log_that_states_another_arm_is_refused_with_both(tmp_path: Path) -> None:
    paths = [log(tmp_path / "1", "a", RIGHT, "cot"), log(tmp_path / "2", "b", WRONG, "direct")]
    said = refused(tmp_path, *paths, arms="direct,cot")
    assert f"{paths[0]} is to be direct, and says that it is of cot" in said
    assert of_arms(made(tmp_path, *paths, arms="cot,direct")) == {"cot": 1.0, "direct": 0.0}


def test_a_stated_arm_that_is_none_of_ours_binds_nothing(tmp_path: Path) -> None:
    path = log(tmp_path / "1", "a", RIGHT, "zero-shot-whatever")
    assert of_arms(made(tmp_path, path, arms="direct")) == {"direct": 1.0}


def test_two_logs_of_one_arm_are_told_with_their_order(tmp_path: Path) -> None:
    paths = [log(tmp_path / str(n), "gsm_cot", RIGHT) for n in range(2)]
    said = refused(tmp_path, *paths, arms="")
    assert f"in this order: {paths[0]}, {paths[1]}" in said
    assert "--as" in said


def test_the_output_says_of_which_log_each_arm_is(tmp_path: Path, main: Any) -> None:
    paths = [log(tmp_path / str(n), name, RIGHT) for n, name in enumerate(("first", "second"))]
    found = main("import", *paths, "--as", "direct,cot")
    assert found.code == 0, found.err
    for arm, path in zip(("direct", "cot"), paths, strict=True):
        assert f"{arm} is of {path.relative_to(tmp_path)}." in " ".join(found.out.split())


# --- what is looked at ----------------------------------------------------------------------------------------------


def test_telling_a_format_looks_at_little_of_a_large_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (tmp_path / "many" / f"{number:02}").mkdir(parents=True)
    log(tmp_path / "many" / "29", "gsm_cot", RIGHT)
    assert FORMATS["lm-eval"].tells(tmp_path / "many")
    monkeypatch.setattr("cotbench.logs.lm_eval.GLANCE", 10)
    assert not FORMATS["lm-eval"].tells(tmp_path / "many")
    assert folders.GLANCE > 1_000
    assert len(FORMATS["lm-eval"].read(tmp_path / "many", ReadOptions())) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"date": 1e300}, {"configs": {"gsm_cot": {"output_type": []}}}, {"results": {"gsm_cot": {"a,b": 10**400}}}],
)
def test_settings_that_make_no_sense_count_as_not_recorded(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = log(tmp_path, "gsm_cot", RIGHT)
    beside = tmp_path / f"results_{TIME}.json"
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **wrong}))
    [read] = FORMATS["lm-eval"].read(path, ReadOptions())
    assert len(list(read.samples(None))) == 1


def test_a_filters_name_that_is_no_json_is_a_fault_of_its_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "samples_gsm_cot.jsonl", [lm_eval_line(0, sums(1)[0], RIGHT)])
    path.write_text(path.read_text().replace("strict-match", "\\x"))
    [read] = FORMATS["lm-eval"].read(path, ReadOptions())
    with pytest.raises(DataError, match=r"samples_gsm_cot\.jsonl:1: not valid JSON"):
        list(read.samples(None))
