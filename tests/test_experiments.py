"""Experiments as files: what a file says, what is wrong with one, and what comes of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli
from mock_server import MockServer, chat

from cotbench.errors import Interrupted, UsageError
from cotbench.runs.experiment_runs import folders_of
from cotbench.runs.experiment_schema import SCHEMA_FILE, schema
from cotbench.runs.experiment_values import FIELDS, KEYS, NOT_IN_FILES, value_of
from cotbench.runs.experiments import Experiment, read_experiment
from cotbench.runs.options import FLAGS, RunOptions, defaults
from cotbench.store.manifest import read_manifest


def written(folder: Path, text: str) -> Path:
    path = folder / "exp.yaml"
    path.write_text(text)
    return path


def read(folder: Path, text: str, sets: list[str] | None = None, **typed: Any) -> Experiment:
    return read_experiment(written(folder, text), {**defaults(), **typed}, typed.keys(), sets or [])


def options(folder: Path, text: str, sets: list[str] | None = None, **typed: Any) -> list[RunOptions]:
    return [run.options for run in read(folder, text, sets, **typed).runs]


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as error:
        read(folder, text)
    return error.value.message


SMALL = "models: stub\ntasks: demo\n"


def test_models_times_seeds_are_runs_of_all_tasks_and_arms(tmp_path: Path) -> None:
    text = """
models:
  - demo
  - model: m
    engine: openai
    base-url: http://host/v1
    model-args: {max_retries: 2}
    max-tokens: {cot: 512}
tasks: [demo, gsm8k]
modes: [direct, cot@temperature=1]
max-tokens: {cot: 256, direct: 9}
limit: 20
seeds: [0, 7]
"""
    runs = options(tmp_path, text)
    assert [(run.model, run.seed) for run in runs] == [("demo", 0), ("demo", 7), ("m", 0), ("m", 7)]
    assert all(run.tasks == ["demo", "gsm8k"] and run.modes == ["direct", "cot@temperature=1"] for run in runs)
    assert all(run.limit == 20 for run in runs)
    assert runs[0].max_tokens == {"cot": 256, "direct": 9}
    # A model's own option goes before the file's, as a whole.
    assert runs[2].max_tokens == {"cot": 512}
    assert (runs[2].engine, runs[2].base_url, runs[2].model_args) == ("openai", "http://host/v1", {"max_retries": 2})
    assert runs[0].engine is None


# For each option what is typed, and the same in YAML; the first is what a file may say, too, where it is text.
SAME: dict[str, tuple[Any, str]] = {
    "engine": ("stub", "stub"),
    "model_args": ("dtype=auto,n=2,flag=true,sizes=[1,2]", "{dtype: auto, n: 2, flag: true, sizes: [1, 2]}"),
    "columns": ("question=q,choices=A+B,index=1", "{question: q, choices: [A, B], index: 1}"),
    "kind": ("number", "number"),
    "gen_kwargs": ("temperature=0.7,cot.top_p=0.9", "{temperature: 0.7, cot: {top_p: 0.9}}"),
    "max_tokens": ("cot=2048,direct=32", "{cot: 2048, direct: 32}"),
    "paths": ("20", "20"),
    "num_fewshot": (3, "3"),
    "exemplars": ("own", "own"),
    "limit": ("50", "50"),
    "shard": ("3/8", "3/8"),
    "until": ("2.5", "2.5"),
    "max_tokens_total": (5000, "5000"),
    "max_cost": ("1.5", "1.5"),
    "max_hours": ("0.5", "0.5"),
    "replicates": (5, "5"),
    "wordings": (3, "3"),
    "seed": (4, "4"),
    "skip_missing": (True, "true"),
    "base_url": ("http://h/v1", "http://h/v1"),
    "concurrency": (3, "3"),
    "chat_template": ("none", "none"),
    "tokenizer": ("org/name", "org/name"),
    "families": ("f.yaml", "f.yaml"),
    "thinking": ("on", "on"),
    "extra_body": ('{"a": {"b": 1}}', "{a: {b: 1}}"),
    "headers": (["x=$Y", "z=1"], "{x: $Y, z: 1}"),
    "lock": ("auto", "auto"),
    "judge_model": ("j", "j"),
    "judge_engine": ("stub", "stub"),
    "ray_address": ("10.0.0.1:6379", "10.0.0.1:6379"),
    "judge_base_url": ("http://j/v1", "http://j/v1"),
    "judge_args": ("sure=0.5", "{sure: 0.5}"),
    "program_limits": ("cpu_s=2,memory_mb=100", "{cpu_s: 2, memory_mb: 100}"),
    "reuse": ("off", "off"),
    "modes": (["cot,direct"], "[cot, direct]"),
    "tasks": (["a,b"], "[a, b]"),
    "model": ("m", "m"),
    "data_dir": (Path("d"), "d"),
    "tasks_dir": (Path("d"), "d"),
    "prompts_dir": (Path("d"), "d"),
}


@pytest.mark.parametrize("field", [name for name in FLAGS if name not in NOT_IN_FILES])
def test_every_option_has_the_same_value_in_a_file(field: str, tmp_path: Path) -> None:
    """A new option needs a row here, and where it is parsed, in `experiment_values`."""
    typed, text = SAME[field]
    wanted = FLAGS[field].value(typed)
    assert value_of(field, yaml.safe_load(text), tmp_path) == wanted
    if isinstance(typed, str | int):
        assert value_of(field, typed, tmp_path) == wanted


def test_limits_of_single_tasks_are_runs_of_their_own(tmp_path: Path) -> None:
    runs = options(tmp_path, "model: stub\ntasks: [demo, gsm8k, mmlu]\nlimit: {gsm8k: 5, '*': 9}\n")
    assert [(run.tasks, run.limit) for run in runs] == [(["demo", "mmlu"], 9), (["gsm8k"], 5)]


def test_what_is_typed_and_what_is_set_go_before_the_file(tmp_path: Path) -> None:
    text = "models: [demo, {model: stub, limit: 3}]\ntasks: demo\nlimit: 5\nseeds: [0, 1]\ngen-kwargs: {top_p: 0.9}\n"
    assert [run.limit for run in options(tmp_path, text, ["limit=6", "seed=2"])] == [6, 3]
    assert [run.limit for run in options(tmp_path, text, ["models.1.limit=8", "seeds=[2]"])] == [5, 8]
    assert [run.limit for run in options(tmp_path, text, limit=7, seed=0)] == [7, 7]
    assert [(run.model, run.limit) for run in options(tmp_path, text, model="stub", seed=0)] == [("stub", 3)]
    assert [(run.model, run.limit) for run in options(tmp_path, text, model="other", seed=0)] == [("other", 5)]
    run = options(tmp_path, text, ["gen_kwargs.temperature=0.5", "models.0.engine=stub", "seeds=1"])[0]
    assert run.gen_kwargs == {"top_p": 0.9, "temperature": 0.5}
    assert run.engine == "stub"


def test_files_are_looked_for_beside_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "inside"
    (folder / "mine").mkdir(parents=True)
    (folder / "my.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    monkeypatch.chdir(tmp_path)
    [run] = options(folder, "model: stub\ntasks: [my.jsonl, demo]\ntasks-dir: mine\nprompts-dir: mine\n")
    assert run.tasks == [str(folder / "my.jsonl"), "demo"]
    assert (run.tasks_dir, run.prompts_dir) == (str(folder / "mine"), str(folder / "mine"))


MISTAKES = [
    ("limt: 3", 3, 1, "unknown key 'limt'. Did you mean 'limit'?"),
    ("model-args: 3", 3, 13, "expected a mapping, or text as on the command line, found 3"),
    ("modes: [cot, [x]]", 3, 14, "modes.1: expected a name, found ['x']"),
    ("max-tokens: {cot: -1}", 3, 13, "--max-tokens: cot=-1 is not a positive number of tokens"),
    ("max-tokens:\n  cot: [1]", 4, 8, "expected a number, found [1]"),
    ("seeds: [0, x]", 3, 12, "expected a whole number, found 'x'"),
    ("seeds: []", 3, 8, "is empty"),
    ("thinking: maybe", 3, 11, "--thinking: expected auto, on or off, found 'maybe'"),
    ("concurrency: 0", 3, 14, "expected a whole number from 1 up, found 0"),
    ("num-fewshot: yes", 3, 14, "expected a whole number, found True"),
    ("skip-missing: 1", 3, 15, "expected true or false, found 1"),
    ("trust-remote-code: true", 3, 20, "type --trust-remote-code"),
    ("allow-unsandboxed-code: true", 3, 25, "type --allow-unsandboxed-code"),
    ("num-fewshot: 1\nnum_fewshot: 2", 4, 14, "are the same option"),
    ("gen-kwargs: {temprature: 1}", 3, 13, "--gen-kwargs: unknown temprature"),
    ("limit: {demmo: 3}", 3, 16, "there is no task 'demmo' here. Did you mean 'demo'?"),
    ("limit: 50%", 3, 8, "--limit: expected a number of questions, found '50%'"),
    ("seed: 1\nseed: 2", 4, 1, "the key 'seed' stands there twice"),
    ("paths: [", 4, 1, "not valid YAML"),
    ("output-dir: [x]", 3, 13, "expected a folder's name"),
    ("header: {x: 1}\nheaders: {y: 1}", 4, 10, "are the same option"),
    ("extra-body: {model: m}", 3, 13, "--extra-body: model can't be set there"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "said"), MISTAKES)
def test_a_mistake_has_a_line_and_a_column(text: str, line: int, column: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, f"{SMALL}{text}\n")
    [told] = error.value.message.splitlines()
    assert told.startswith(f"{tmp_path / 'exp.yaml'}:{line}:{column}: ")
    assert said in told
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "exp.yaml: names no model"),
        ("tasks: demo\n", "exp.yaml: names no model"),
        ("model: stub\n", "exp.yaml: names no task"),
        ("- a\n", "exp.yaml:1:1: expected keys and values, found list"),
        ("models: [{engine: stub}]\ntasks: demo\n", "exp.yaml:1:10: a model has no name"),
        ("models: [{model: stub, tsks: x}]\ntasks: demo\n", "exp.yaml:1:24: unknown key 'tsks'. Did you mean 'tasks'?"),
        ("a: &a\n  - *a\n", "exp.yaml: an anchor of it holds itself"),
        ("model: \x00", "not valid YAML"),
    ],
)
def test_what_is_no_experiment(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert said in error.value.message


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, f"limt: 1\n{SMALL}seed: x\n")
    lines = [line.split(".yaml:")[1].split(":")[0] for line in error.value.message.splitlines()]
    assert lines == ["1", "4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit", "expected KEY=VALUE"),
        ("limit=[", "is not valid YAML"),
        ("models.7.engine=x", "'models.7' is none of 1 entries"),
        ("limt=3", "--set limt=3: unknown key 'limt'. Did you mean 'limit'?"),
        ("tasks.x.y=3", "holds no keys"),
        ("seed=x", "expected a whole number, found 'x'"),
    ],
)
def test_what_set_refuses(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, SMALL, [text])
    assert said in error.value.message
    assert text in error.value.message


def test_merged_keys_and_anchors_work(tmp_path: Path) -> None:
    text = "models:\n  - &one {model: stub, limit: 3}\n  - {<<: *one, model: demo}\ntasks: demo\n"
    assert [(run.model, run.limit) for run in options(tmp_path, text)] == [("stub", 3), ("demo", 3)]


# --- running ------------------------------------------------------------------------------------------------------

TWO = """
models: [demo, {model: stub, max-tokens: {cot: 300}}]
tasks: demo
modes: [direct, cot]
limit: 8
"""


@pytest.mark.patient
def test_a_file_is_run_reported_and_gone_on_with(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, TWO)
    done = main("run", "exp.yaml", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    folders = [Path(run["folder"]) for run in result["runs"]]
    assert [read_manifest(folder).spec.model.model for folder in folders] == ["demo", "stub"]
    assert result["report"] == "results/exp-report"
    report = json.loads(Path(result["report"], "report.json").read_text())
    assert {row["model"] for row in report["modes"]} == {"demo", "stub"}
    again = main("run", "exp.yaml", "--quiet")
    assert again.code == 0
    assert again.out.count("nothing new was asked") == 2
    assert "Report: results/exp-report" in again.out
    # The runs of a file are found by what they are made of.
    named = main("report", "exp.yaml", "--json", "--no-page", "--no-plots")
    assert named.code == 0, named.err
    assert {row["run"] for row in json.loads(named.out)["provenance"]} == {folder.name for folder in folders}
    # A larger limit is other runs, which take the replies of these.
    larger = main("run", "exp.yaml", "--set", "limit=10", "--quiet")
    assert larger.err.count("requests taken from run") == 2
    # Of one that isn't there a report says so.
    written(tmp_path, TWO.replace("[demo,", "[demo-thinker, demo,"))
    lacking = main("report", "exp.yaml", "--quiet", "--no-page", "--no-plots")
    assert lacking.code == 0
    assert "exp.yaml: 1 of 3 runs aren't in results: demo-thinker (ctranslate2), seed 0, limit 8." in lacking.err


@pytest.mark.patient
def test_seeds_of_greedy_arms_are_asked_and_reported_once(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, "model: demo\ntasks: sample\nmodes: [direct, cot]\nseeds: [0, 1]\n")
    done = main("run", "exp.yaml", "--quiet", "--json")
    assert done.code == 0, done.err
    first, second = (Path(run["folder"]) for run in json.loads(done.out)["runs"])
    assert [read_manifest(folder).sessions[0]["requests"] > 0 for folder in (first, second)] == [True, False]
    report = json.loads((tmp_path / "results" / "exp-report" / "report.json").read_text())
    assert {row["model"] for row in report["modes"]} == {"demo"}
    assert any(f"as {first.name} has, whose answers are shown" in note for note in report["notes"])


@pytest.mark.patient
def test_seeds_that_draw_other_questions_stand_apart(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, "model: demo\ntasks: demo\nmodes: [direct, cot]\nlimit: 8\nseeds: [0, 1]\n")
    done = main("run", "exp.yaml", "--quiet", "--json")
    assert done.code == 0, done.err
    names = {Path(run["folder"]).name for run in json.loads(done.out)["runs"]}
    report = json.loads((tmp_path / "results" / "exp-report" / "report.json").read_text())
    assert {row["model"] for row in report["modes"]} == {f"demo [{name}]" for name in names}
    assert {row["n"] for row in report["modes"] if row["tag"] == "all"} == {8}


def test_a_report_of_nothing(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, TWO)
    done = main("report", "exp.yaml")
    assert done.code == 2
    assert "exp.yaml: none of its runs is in results." in done.err
    assert "cotbench run exp.yaml" in done.err


def test_a_dry_run_shows_all(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, TWO)
    done = main("run", "exp.yaml", "--dry-run")
    assert done.code == 0, done.err
    assert "[1/2] demo (ctranslate2), seed 0, limit 8" in done.out
    assert "[2/2] stub (stub), seed 0, limit 8" in done.out
    assert done.out.count("Dry run: nothing was asked.") == 2
    assert not (tmp_path / "results").exists()


def test_mistakes_of_all_runs_show_before_the_first_is_started(main: Cli, tmp_path: Path) -> None:
    written(
        tmp_path,
        "models:\n  - demo\n  - model: stub\n    modes:\n      - direct\n      - cott\ntasks: demo\nmodes: cot\n",
    )
    done = main("run", "exp.yaml")
    assert done.code == 2
    assert "exp.yaml:6:9: --mode: there is no mode 'cott'" in done.err
    assert "Did you mean 'cot'?" in done.err
    assert not (tmp_path / "results").exists()


def test_a_run_that_fails_keeps_the_others(main: Cli, tmp_path: Path) -> None:
    away = "{model: m, engine: openai, base-url: 'http://127.0.0.1:9/v1', model-args: {max_retries: 0}}"
    written(tmp_path, f"models:\n  - {away}\n  - stub\ntasks: demo\nmodes: [direct, cot]\nlimit: 4\n")
    done = main("run", "exp.yaml", "--quiet", "--json")
    assert done.code == 3
    assert [run["run"][:4] for run in json.loads(done.out)["runs"]] == ["stub"]
    assert (tmp_path / "results" / "exp-report" / "report.json").exists()


def test_no_mode_is_the_default_modes_and_its_run_is_found(main: Cli, tmp_path: Path) -> None:
    written(tmp_path, "model: demo-thinker\ntasks: demo\nlimit: 2\n")
    done = main("run", "exp.yaml", "--quiet", "--json")
    assert done.code == 0, done.err
    [run] = json.loads(done.out)["runs"]
    assert read_manifest(tmp_path / run["folder"]).options["modes"] == ["direct", "cot", "free", "think"]
    [found] = folders_of(read_experiment(tmp_path / "exp.yaml", defaults()), tmp_path / "results")
    assert found is not None
    assert found.name == run["run"]


def test_an_interrupt_ends_all_and_is_gone_on_with(main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise Interrupted("Interrupted: 1 of 2 answers are recorded in x.", "Go on with: cotbench run --resume x")

    written(tmp_path, TWO)
    with monkeypatch.context() as patched:
        patched.setattr("cotbench.cli.running.executed", stop)
        done = main("run", "exp.yaml")
    assert done.code == 130
    assert "The same command goes on, and asks nothing twice." in done.err
    assert done.out.count("[1/2]") == 1
    assert "[2/2]" not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("demo",), "cotbench run demo: expected a file of runs, which ends in .yaml"),
        (("none.yaml",), "none.yaml: can't be read"),
        (("--set", "limit=3"), "--set changes a key of an experiment, and none is named"),
        (("exp.yaml", "--resume", "x"), "--resume is of one run, and exp.yaml of an experiment"),
        (("exp.yaml", "--save", "y.yaml"), "--save is of one run"),
    ],
)
def test_what_run_refuses(arguments: tuple[str, ...], said: str, main: Cli, tmp_path: Path) -> None:
    written(tmp_path, TWO)
    done = main("run", *arguments)
    assert done.code == 2
    assert said in done.err


# --- files that are written ---------------------------------------------------------------------------------------


def test_a_saved_command_is_the_same_run(main: Cli, tmp_path: Path) -> None:
    (tmp_path / "sums.jsonl").write_text('{"question": "What is 1 + 1?", "answer": "2"}\n')
    typed = ["--model", "stub", "--task", "sums.jsonl,demo", "--mode", "direct,cot@temperature=1", "--limit", 4,
             "--seed", 3, "--gen-kwargs", "top_p=0.9,cot.top_p=0.8", "--max-tokens", 300,
             "--model-args", "cot=0.5"]  # fmt: skip
    saved = main("run", *typed, "--save", "exp.yaml")
    assert saved.code == 0, saved.err
    assert not (tmp_path / "results").exists()
    text = (tmp_path / "exp.yaml").read_text()
    assert text.startswith(f"# yaml-language-server: $schema=./{SCHEMA_FILE}\n")
    assert str(tmp_path) not in text
    assert json.loads((tmp_path / SCHEMA_FILE).read_text()) == schema()
    by_command = json.loads(main("run", *typed, "--quiet", "--json").out)
    by_file = main("run", "exp.yaml", "--quiet", "--json")
    [run] = json.loads(by_file.out)["runs"]
    assert run["run"] == by_command["run"]
    twice = main("run", *typed, "--save", "exp.yaml")
    assert (twice.code, "exp.yaml is there already" in twice.err) == (2, True)
    other = main("run", *typed, "--save", "exp.json")
    assert (other.code, "ends in .yaml" in other.err) == (2, True)


def test_no_key_is_in_a_saved_file(main: Cli, tmp_path: Path) -> None:
    with MockServer(lambda *_: chat("Answer: 1")) as server:
        typed = ["--engine", "openai", "--base-url", server.url_with("me:geheim"), "--model", "m", "--task", "demo",
                 "--mode", "cot", "--limit", 2, "--header", "api-key=verborgen", "--header", "x=$NAME"]  # fmt: skip
        done = main("run", *typed, "--save", "exp.yaml", "--trust-remote-code")
        assert done.code == 0, done.err
        text = (tmp_path / "exp.yaml").read_text()
        assert "geheim" not in text
        assert "verborgen" not in text
        assert "x: $NAME" in text
        assert "--trust-remote-code isn't in it" in done.err
        assert "the value of the header api-key isn't in it" in done.err
        refused = main("run", "exp.yaml", "--dry-run")
        assert refused.code == 2
        assert "exp.yaml:" in refused.err
        assert "is on no record" in refused.err


def test_the_schema_has_every_key_and_no_other(main: Cli) -> None:
    done = main("schema", "experiment")
    assert done.code == 0
    made = json.loads(done.out)
    assert made == json.loads(json.dumps(schema()))
    assert made["properties"].keys() == {"models", "model", "output-dir", *KEYS}
    assert not any(FIELDS[key] in NOT_IN_FILES for key in made["properties"] if key in FIELDS)
    assert main("schema", "expriment").code == 2


def test_options_of_a_file_are_what_a_manifest_can_hold(tmp_path: Path) -> None:
    [run] = options(tmp_path, SMALL)
    assert json.loads(json.dumps(asdict(run)))


def test_anchors_that_hold_anchors_are_no_endless_file(tmp_path: Path) -> None:
    names = "abcdefghij"
    rows = [f"{names[n]}: &{names[n]} [{', '.join(['*' + names[n - 1]] * 9)}]" for n in range(1, 10)]
    text = "\n".join(["a: &a [x, x]", *rows, "models: [stub]"])
    assert "with its anchors written out it holds more than 100,000 values" in refusal(tmp_path, text)
    # Newer versions of PyYAML have a limit of their own, in words of their own.
    assert "nest" in refusal(tmp_path, "model-args: " + "{a: " * 3000 + "1" + "}" * 3000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models:", "model: expected a text, found None"),
        ("models: [{model: }]", "model: expected a text, found None"),
        ("models: [stub]\nseed:", "seed: expected a whole number, found None"),
        ("models: [stub, stub]", "stub (stub), seed 0 is the same run as one before it"),
    ],
)
def test_what_is_missing_or_there_twice_is_said(text: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(tmp_path, f"tasks: [demo]\nmodes: [direct]\n{text}\n")
