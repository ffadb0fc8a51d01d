"""Bad command lines: each ends in its exit code, says what was wrong in words, and shows no traceback.

Exit codes are those of `cotbench --help`: 2 for what the command line, a task file or a template says, 3 for what is
not there. Run in this process; an exception that would be a traceback fails the test as such.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from cases import load, rows
from conftest import Cli, Outcome, run_cli

from cotbench.store.manifest import MANIFEST
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

RUN = "run -q --model stub --task sample --mode direct --limit 4"
SERVED = "run -q --model m --engine openai --base-url http://127.0.0.1:9/v1 --task sample --mode direct"
REPLAY = "run -q --model m --engine replay --task sample --mode direct --limit 4"
OPENAI = "run -q --model m --engine openai --task sample --mode direct --limit 4"
AWAY = "--base-url http://127.0.0.1:9/v1"  # the discard port: nothing listens there
LINES = {"RUN": RUN, "SERVED": SERVED, "REPLAY": REPLAY, "OPENAI": OPENAI, "AWAY": AWAY}


def whole(line: str) -> str:
    """A command line of the tables, with what its words in capitals stand for."""
    return re.sub(r"\b[A-Z]+\b(?!_)", lambda word: LINES.get(word[0], word[0]), line)


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, server, data or proxy of the developer's own; and should something call out, it goes nowhere."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COTBENCH_DATA", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # for other processes; in this one the Hub's client has been imported
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def words(text: str) -> str:
    """A message without the boxes, colours and line breaks that depend on the terminal."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]", " ", text).split())


def check(done: Outcome, code: int, *pieces: str) -> None:
    said = words(done.err)
    assert done.code == code, said
    for piece in pieces:
        assert piece in said
    assert "Traceback" not in done.err
    assert done.out == "", "stdout is for results"


# --- the table ----------------------------------------------------------------------------------------------------

FIELDS = "case line finding remedy"
USAGE = {case: (whole(line), *pieces) for case, line, *pieces in rows(load("commands/usage"), FIELDS)}


@pytest.mark.parametrize(("line", "finding", "remedy"), USAGE.values(), ids=USAGE)
def test_usage(line: str, finding: str, remedy: str, main: Cli, tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parent.parent / "tasks", tmp_path, dirs_exist_ok=True)
    done = main(*shlex.split(line))
    check(done, 2, finding, remedy)
    assert not (tmp_path / "results").exists(), "nothing was begun"


NOT_THERE = {case: (whole(line), *pieces) for case, line, *pieces in rows(load("commands/not_there"), FIELDS)}


def test_an_address_without_a_scheme(main: Cli) -> None:
    check(
        main(*shlex.split(f"{OPENAI} --base-url localhost")), 2, "--base-url: expected http://HOST", "As in --base-url"
    )


@pytest.mark.parametrize(("line", "finding", "remedy"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there(line: str, finding: str, remedy: str, main: Cli, tmp_path: Path) -> None:
    check(main(*shlex.split(line)), 3, finding, remedy)
    assert not (tmp_path / "results").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("engine", "package"), [("vllm", "vllm"), ("transformers", "transformers"), ("", "vllm")], ids=str
)
def test_an_engine_whose_package_is_missing(engine: str, package: str, main: Cli) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    chosen = ["--engine", engine] if engine else []
    done = main("run", "--model", "m", "--task", "sample", "--mode", "cot", "-q", *chosen)
    check(done, 3)
    first = done.err.splitlines()[0]
    assert first == f"Error: engine '{package}' needs the {package} package: pip install \"cotbench[{package}]\""


def test_a_models_chat_template_without_its_package(main: Cli) -> None:
    if importlib.util.find_spec("transformers") is not None:
        pytest.skip("transformers is installed")
    done = main("show-prompt", "--model", "m", "--task", "sample", "--mode", "cot")
    check(done, 3, "needs the transformers package: pip install", '"cotbench[transformers]"')


def test_an_empty_base_url_is_not_openais(main: Cli) -> None:
    """`--base-url $URL` with URL unset: the questions must not go to another server than the one that was meant."""
    done = main(*shlex.split(OPENAI), "--base-url", "", "--model-args", "max_retries=0")
    assert done.code in (2, 3)
    assert "--base-url" in done.err
    assert "api.openai.com" not in done.err


# --- files that are not right -------------------------------------------------------------------------------------

FILES = {
    case: (whole(line), file, content, int(code), tuple(says))
    for case, line, file, content, code, says in rows(load("commands/files"), "case line file content code says")
}


@pytest.mark.parametrize(("line", "name", "content", "code", "pieces"), FILES.values(), ids=FILES)
def test_a_file_that_is_not_right(
    line: str, name: str, content: str, code: int, pieces: tuple[str, ...], main: Cli, tmp_path: Path, finished: Path
) -> None:
    shutil.copytree(finished, tmp_path / "r")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content)
    check(main(*shlex.split(line)), code, *pieces)


@pytest.mark.parametrize("value", ["many", -5, 2.5, 10**400, True, [1]], ids=lambda value: repr(value)[:8])
def test_replayed_token_counts_that_are_none_are_unknown(value: Any, main: Cli, tmp_path: Path, finished: Path) -> None:
    ids = [json.loads(line)["id"] for line in (finished / QUESTIONS).read_text().splitlines()]
    rows = [
        {"id": identity, "output": "Answer: A", "completion_tokens": value, "prompt_tokens": 20.0} for identity in ids
    ]
    (tmp_path / "o.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl")
    assert done.code == 0, done.err
    assert "completion_tokens " in words(done.err)
    records = [json.loads(line) for line in (tmp_path / done.out.splitlines()[-1] / RECORDS).read_text().splitlines()]
    assert {(row["prompt_tokens"], row["completion_tokens"]) for row in records} == {(20, None)}
    assert "what isn't known was left out" in words(main("report", "--no-page").out)


def test_replayed_lines_that_cant_be_used_are_passed_over_and_named(main: Cli, tmp_path: Path, finished: Path) -> None:
    ids = [json.loads(line)["id"] for line in (finished / QUESTIONS).read_text().splitlines()]
    rows = [json.dumps({"id": identity, "output": "Answer: A", "finish_reason": None}) for identity in ids]
    (tmp_path / "o.jsonl").write_text("\ufeff" + "\n".join([rows[0], "{", *rows[1:], '{"id": "x"}', "[]"]) + "\n")
    done = main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl")
    assert done.code == 0, done.err
    for piece in (
        "3 lines can't be used: o.jsonl:2: not valid JSON",
        "o.jsonl:6: expected the keys",
        "o.jsonl:7: expected a JSON object",
    ):
        assert piece in words(done.err)
    (tmp_path / "o.jsonl").write_text("{\n[]\n")
    check(main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl", "--fresh"), 3, "o.jsonl:1: not valid JSON")


# --- results folders ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four questions under direct, to be copied."""
    home = tmp_path_factory.mktemp("finished")
    done = run_cli(*shlex.split(RUN), cwd=home)
    assert done.code == 0, done.err
    return home / done.out.splitlines()[-1]


def test_results_that_can_only_be_read(main: Cli, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / "results").mkdir(mode=0o555)
    check(main(*shlex.split(RUN)), 3, "can't be written: Permission denied", "Choose another --output-dir")


def test_an_unfinished_run_is_reported_as_such(main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "status": "running"}))
    records = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(b"".join(records[:2]) + records[2][:20])  # killed while writing
    done = main("report", "r")
    assert done.code == 0, done.err
    assert "r is not finished (killed): 2 of 4 answers so far" in words(done.out)


def spoilt(manifest: dict[str, Any], records: str, questions: str, change: str) -> tuple[dict[str, Any], str, str]:
    """A run's manifest, records and questions, one of them spoilt."""
    return {
        "no records yet": (manifest, "", questions),
        "records: not JSON": (manifest, "oops\n", questions),
        "records: other keys": (manifest, "{}\n", questions),
        "records: a list": (manifest, "[]\n", questions),
        "questions: other keys": (manifest, records, "{}\n"),
        "questions: of another run": (manifest, records, ""),
        "manifest: empty spec": ({**manifest, "spec": {}}, records, questions),
        "manifest: spec a list": ({**manifest, "spec": []}, records, questions),
    }[change]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("no records yet", "r: there are no records yet"),
        ("records: not JSON", f"r/{RECORDS}:1: not valid JSON"),
        ("records: other keys", f"r/{RECORDS}"),
        ("records: a list", f"r/{RECORDS}"),
        ("questions: other keys", f"r/{QUESTIONS}"),
        ("questions: of another run", f"r/{QUESTIONS}"),
        ("manifest: empty spec", f"r/{MANIFEST}"),
        ("manifest: spec a list", f"r/{MANIFEST}"),
    ],
)
def test_a_folder_whose_files_are_not_right(change: str, place: str, main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    was = json.loads((folder / MANIFEST).read_text())
    manifest, records, questions = spoilt(was, (folder / RECORDS).read_text(), (folder / QUESTIONS).read_text(), change)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / RECORDS).write_text(records)
    (folder / QUESTIONS).write_text(questions)
    check(main("report", "r"), 3, place)


@pytest.mark.parametrize("name", [MANIFEST, QUESTIONS, RECORDS])
def test_a_folder_that_lacks_a_file(name: str, main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    (folder / name).unlink()
    check(main("report", "r"), 3, "there is no run 'r'" if name == MANIFEST else f"r/{name}: is missing")


def test_a_task_file_that_is_not_right_leaves_the_others_in_the_list(main: Cli, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "t.yaml").write_text("naem: t\n")
    done = main("list", "tasks", "--tasks-dir", "d")
    assert done.code == 2
    assert "d/t.yaml: unknown key 'naem'" in done.err
    assert "gsm8k" in done.out


def test_a_manifest_whose_options_are_gone(main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "results" / "r")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "options": {}}))
    check(main("list", "runs"), 3, f"results/r/{MANIFEST}")


def test_two_runs_with_the_same_mode(main: Cli, tmp_path: Path, finished: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(finished, tmp_path / name)
    check(
        main("report", "one", "two"),
        3,
        "one and two both hold sample under direct@answer=begun by stub",
        "Name one of them only",
    )


def test_a_beginning_that_several_runs_share(main: Cli, tmp_path: Path, finished: Path) -> None:
    for name in ("stub-aa", "stub-ab"):
        shutil.copytree(finished, tmp_path / "results" / name)
    check(main("report", "stub-a"), 3, "'stub-a' may be any of stub-aa, stub-ab", "Give more of its name")


def test_an_unknown_baseline(main: Cli, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished, tmp_path / "r")
    done = main("report", "r", "--baseline", "dircet")
    check(done, 2, "there is no mode 'dircet'", "Did you mean 'direct'?")
    assert "--baseline" in done.err, "the option that holds the mistake"


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("show r qqq", ("there is no question 'qqq' among the 4 on record here", "lists them")),
        ("show r sample-", ("'sample-' may be any of sample-", "Give more of the question's id")),
        ("show r '' --json", ("there is no run ''",)),
        ("show qqq -o .", ("'qqq' is no run in ., and there is no question 'qqq'",)),
        ("show r --task smaple", ("--task: these runs have no 'smaple'. They have: sample.", "Did you mean 'sample'?")),
        ("show r --mode cot", ("--mode: these runs have no 'cot'. They have: direct@answer=begun.",)),
        (
            "show r --flips helped",
            ("--flips: there is no mode beside direct@answer=begun to compare with it", "two runs"),
        ),
        (
            "show r --flips helped --baseline cot",
            ("--baseline: these runs have no 'cot'. They have: direct@answer=begun.",),
        ),
        (
            "show r --tag symbolic --tag-rule eq_paper",
            ("the rule eq_paper says nothing of these questions", "--tag-rule"),
        ),
        ("show r sample-x --flips helped", ("--flips: is for lists, and 'sample-x' is one question",)),
    ],
)
def test_what_show_does_not_find(line: str, pieces: tuple[str, ...], main: Cli, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished, tmp_path / "r")
    check(main(*shlex.split(line)), 3 if "''" in line else 2, *pieces)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ("--limit 5", "tasks.sample.questions: 4 -> 5"),
        ("--seed 1", "seed: 0 -> 1"),
        ("--max-tokens 9", "modes.sample/direct@answer=begun.sampling.max_tokens: 8 -> 9"),
        ("--model-args direct=1", "model_args.direct: nothing -> 1"),
    ],
)
def test_a_run_is_not_resumed_as_another_one(
    options: str, difference: str, main: Cli, tmp_path: Path, finished: Path
) -> None:
    shutil.copytree(finished, tmp_path / "r")
    done = main("run", "-q", "--resume", "r", *shlex.split(options))
    check(
        done, 3, "r: can't be resumed, because what its results depend on has changed", difference, "without --resume"
    )


# --- spellings ----------------------------------------------------------------------------------------------------


def test_lm_evals_spellings_work(main: Cli, tmp_path: Path) -> None:
    done = main(
        *shlex.split(
            "run -q --model stub --tasks sample --modes cot,direct --num_fewshot 1 --limit 2 --max_tokens=direct=9"
        ),
        *shlex.split("--model_args cot=1,cot_eq=1 --gen_kwargs temperature=0.5,max_gen_toks=77 --output_path out"),
    )
    assert done.code == 0, done.err
    [path] = (tmp_path / "out").glob(f"*/{MANIFEST}")
    options = json.loads(path.read_text())["options"]
    expected = {
        "tasks": ["sample"],
        "modes": ["cot", "direct"],
        "num_fewshot": 1,
        "max_tokens": {"direct": 9},
        "model_args": {"cot": 1, "cot_eq": 1},
        "gen_kwargs": {"temperature": 0.5, "max_tokens": 77},
    }
    assert {key: options[key] for key in expected} == expected


@pytest.mark.patient
def test_a_cache_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    """Where a data set was found, but `datasets` has no place for its own copy of it."""
    pytest.importorskip("datasets")
    import datasets

    folder = tmp_path / "data" / "openai" / "gsm8k"
    (folder / "main").mkdir(parents=True)
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test-*\n---\n"
    )
    rows = datasets.Dataset.from_list([{"question": "One?", "answer": "So.\n#### 1"}])
    rows.to_parquet(folder / "main" / "test-00000-of-00001.parquet")
    env = {"HF_HOME": "/proc/none", "HF_DATASETS_CACHE": "/proc/none/datasets", "COTBENCH_DATA": str(tmp_path / "data")}
    done = cli("run", "--model", "stub", "--task", "gsm8k", "--mode", "cot", "-q", env=env)
    check(done, 3, "task gsm8k: can't load", "/proc/none", "set HF_HOME to a folder that can")


def test_large_things_are_no_mistakes(main: Cli, tmp_path: Path) -> None:
    """A question of a megabyte, and a limit beyond the set."""
    rows = [{"question": f"{'word ' * 200_000}What is {i}?", "answer": str(i)} for i in range(3)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main(*shlex.split("run --model stub --task q.jsonl --mode cot,direct --limit 99 -q --json"))
    assert done.code == 0, done.err
    assert json.loads(done.out)["answers"] == 6
    assert main("report").code == 0


@pytest.mark.parametrize("trusted", [False, True])
def test_code_from_the_hub_is_trusted_only_where_it_is_said(trusted: bool, main: Cli) -> None:
    done = main(*shlex.split(RUN), "--json", *(["--trust-remote-code"] if trusted else []))
    assert done.code == 0, done.err
    manifest = json.loads(Path(json.loads(done.out)["folder"], MANIFEST).read_text())
    assert manifest["options"]["trust_remote_code"] is trusted


def test_a_value_keeps_its_underscores(main: Cli) -> None:
    done = main("show-prompt", "--task=no_such_task", "--mode", "cot", "--num_fewshot=0")
    check(done, 2, "there is no task 'no_such_task'")
