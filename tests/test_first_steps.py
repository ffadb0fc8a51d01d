"""What somebody is told who starts: a number that is none, a file without its ending, folders without what they are
for, a typo in a template, an engine that isn't installed, no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli

from cotbench.engines import ENGINES, EngineRow, require_engine
from cotbench.errors import ModelError, UsageError
from cotbench.modes.prompts import Prompts
from cotbench.questions.shipped import shipped
from cotbench.runs.parsing import limit

RUN = ("run", "--model", "stub", "--task", "sample", "--mode", "cot", "--dry-run")


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("0.1", "It isn't a share"),
        (".5", "It isn't a share"),
        ("10%", "It isn't a share"),
        ("10-20", "--limit 20 asks a seeded sample of 20"),
        ("10:20", "--limit 20"),
        ("all", "As in --limit 50"),
        ("", "As in --limit 50"),
    ],
)
def test_a_limit_that_is_no_number_is_told_what_is_one(typed: str, remedy: str, main: Cli) -> None:
    with pytest.raises(UsageError, match="expected a number of questions") as refused:
        limit(typed)
    assert remedy in refused.value.hint
    done = main(*RUN, "--limit", typed)
    assert done.code == 2
    assert "expected a number of questions" in done.err


@pytest.mark.parametrize(("typed", "questions"), [("7", 7), (" 7 ", 7), ("+7", 7), (None, None)])
def test_limits(typed: str | None, questions: int | None) -> None:
    assert limit(typed) == questions


def test_a_negative_limit_is_refused_as_one(main: Cli) -> None:
    done = main(*RUN, "--limit", "-3")
    assert done.code == 2
    assert "found -3" in done.err


def test_other_numbers_are_refused_in_our_words(main: Cli) -> None:
    done = main(*RUN, "--seed", "x")
    assert done.code == 2
    assert "expected a whole number" in done.err
    assert "parse string" not in " ".join(done.err.split())


def test_a_file_of_questions_without_its_ending_is_found(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "word.jsonl").write_text('{"question": "What is 1 + 1?", "answer": "2"}\n')
    line = ("run", "--model", "stub", "--mode", "cot", "--dry-run", "--task")
    for typed in ("word", "./word"):
        done = main(*line, typed)
        assert done.code == 2
        assert f"Did you mean your file {typed}.jsonl?" in done.err
    nothing = main(*line, "./nothing")
    assert "there is no file ./nothing" in nothing.err
    assert main(*line, "./word.jsonl").code == 0


@pytest.mark.parametrize(("option", "what"), [("--prompts-dir", "template"), ("--tasks-dir", "task file")])
def test_a_folder_without_what_it_is_for_is_refused(option: str, what: str, tmp_path: Path, main: Cli) -> None:
    (tmp_path / "empty").mkdir()
    done = main(*RUN, option, "empty")
    assert done.code == 2
    assert f"{option}: empty holds no {what}" in done.err


def test_a_template_in_a_folder_below_is_one(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "cot.jinja").write_text((shipped("prompts") / "cot.jinja").read_text())
    Prompts(tmp_path)


def test_a_typo_is_reported_where_it_is(tmp_path: Path, main: Cli) -> None:
    """The macro that fails for it is one of ours: the line that calls it goes first."""
    source = (shipped("prompts") / "cot.jinja").read_text()
    text = source.replace("{{ ask(question) }}", "{{ ask(questoin) }}")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cot.jinja").write_text(text)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "questoin" in line)
    done = main(*RUN, "--prompts-dir", "own")
    assert done.code == 2
    assert f"own/cot.jinja:{line} (in _shared.jinja:" in done.err
    assert "'questoin' is undefined" in done.err


def test_a_typo_in_a_users_own_shared_template_is_there(tmp_path: Path, main: Cli) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (shipped("prompts") / "_shared.jinja").read_text().replace("{{ item.question }}", "{{ item.qestion }}")
    (own / "_shared.jinja").write_text(text)
    done = main(*RUN, "--prompts-dir", "own")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "qestion" in line)
    assert f"own/_shared.jinja:{line}: " in done.err


# --- an engine that isn't installed -------------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The engines whose packages are there: those that a test puts in."""
    there: set[str] = set()
    monkeypatch.setattr(EngineRow, "missing", lambda row: [] if not row.extra or row.name in there else list(row.needs))
    assert {"vllm", "transformers", "ctranslate2"} <= ENGINES.keys()
    return there


def hint(model: str) -> str:
    with pytest.raises(ModelError, match="vllm package") as refused:
        require_engine("vllm", model)
    return refused.value.hint


def test_a_slip_in_the_name_of_a_model_of_ours_is_told_as_one(
    installed: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.add("ctranslate2")
    monkeypatch.chdir(tmp_path)
    assert hint("dmo") == "Did you mean 'demo'?"
    assert hint("demo-thinkr") == "Did you mean 'demo-thinker'?"
    Path("dmo").mkdir()
    assert "Did you mean" not in hint("dmo")  # a folder of one's own


def test_another_engine_that_runs_the_model_is_named(installed: set[str], tmp_path: Path) -> None:
    original, converted, beside = (tmp_path / name for name in ("original", "converted", "beside"))
    for folder in (original, converted, beside / "ctranslate2"):
        folder.mkdir(parents=True)
    (original / "config.json").write_text("{}")
    for folder in (converted, beside / "ctranslate2"):
        (folder / "model.bin").write_text("")
    assert hint(str(original)) == ""
    installed.add("ctranslate2")
    for folder in (converted, beside):
        assert "add --engine ctranslate2" in hint(str(folder))
    assert "once it is converted" in hint(str(original))
    assert "once it is converted" in hint("org/model")
    installed.add("transformers")
    assert "add --engine transformers" in hint(str(original))
    assert "add --engine transformers" in hint("org/model")
    assert "add --engine ctranslate2" in hint(str(converted))


def test_a_run_names_it_before_data_are_loaded(installed: set[str], tmp_path: Path, main: Cli) -> None:
    installed.add("ctranslate2")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.bin").write_text("")
    done = main("run", "--model", "model", "--task", "sample", "--mode", "cot")
    assert done.code == 3
    assert "add --engine ctranslate2" in done.err


# --- no network ---------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_hub_that_cant_be_reached_is_said_at_once(tmp_path: Path, cli: Cli) -> None:
    env = {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "cache"),
        "COTBENCH_DATA": "",
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        "HF_HUB_OFFLINE": "0",
    }
    done = cli("run", "--model", "stub", "--task", "gsm8k", "--mode", "cot", env=env)
    assert done.code == 3
    first, second = done.err.splitlines()  # the client's own retries, of half a minute, would be told too
    assert first.startswith("Error: task gsm8k: the Hub can't be reached (127.0.0.1: ")
    assert "openai/gsm8k isn't in its cache here" in first
    assert "COTBENCH_DATA" in second
