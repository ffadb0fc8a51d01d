"""`cotbench reproduce`: is what a run rested on here, does it run again as it was, and do the answers agree?

Another machine is made up: the run's folder is moved, its data and templates are missing or others, its manifest says
another version."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome
from mock_server import Answer, Json, MockServer, chat

from cotbench import demo
from cotbench.analysis.provenance import recipe_of
from cotbench.engines import EngineConfig
from cotbench.engines.revisions import revision_here
from cotbench.runs.reproduce import options_for, read_recipe
from cotbench.store.manifest import MANIFEST, read_manifest

STUB = ("run", "-q", "--model", "stub", "--mode", "direct,cot")
FIXTURE = Path(__file__).with_name("fixtures") / "old_runs.tar.gz"


def run(main: Cli, *arguments: object) -> Path:
    """A run in a folder of its own."""
    done = main(*STUB, "-o", "theirs", *arguments)
    assert done.code == 0, done.err
    return Path(done.out.splitlines()[-1]).absolute()


def own_questions(folder: Path, *, answers: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "sums.jsonl"
    rows = [{"question": f"What is {n} + {n}?", "answer": str(answers * 2 * n)} for n in range(1, 9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def checks(done: Outcome) -> dict[str, dict[str, Any]]:
    content = json.loads(done.out)
    return {row["what"]: row for row in content["checks"]}


def unlike(done: Outcome) -> dict[str, str]:
    """What isn't the same, but for what isn't essential."""
    found = checks(done)
    return {what: row["state"] for what, row in found.items() if row["essential"] and row["state"] != "same"}


def changed(folder: Path, change: Mapping[str, Any]) -> None:
    """Change entries of a manifest, by their places."""
    content = json.loads((folder / MANIFEST).read_text())
    for place, value in change.items():
        *names, last = place.split(" ")
        row = content
        for name in names:
            row = row[int(name)] if isinstance(row, list) else row[name]
        row[last] = value
    (folder / MANIFEST).write_text(json.dumps(content))


# --- as it was --------------------------------------------------------------------------------------------------------


def test_a_run_is_run_again_and_its_answers_are_the_same(main: Cli, tmp_path: Path) -> None:
    theirs = run(main, "--task", "demo,sample", "--limit", "6", "--seed", "3", "--max-tokens", "cot=77")
    before = {path.name: path.read_bytes() for path in theirs.iterdir()}
    checked = main("reproduce", theirs, "--check", "--json")
    assert checked.code == 0, checked.err
    assert json.loads(checked.out)["ready"] and unlike(checked) == {}
    assert {"engine", "model", "task demo", "task sample", "prompt cot", "settings"} <= set(checks(checked))
    assert not (tmp_path / "results").exists(), "--check only looks"
    done = main("reproduce", theirs, "-q", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    ours = Path(content["folder"])
    assert ours.parent == Path("results")
    assert read_manifest(ours).spec_row == read_manifest(theirs).spec_row
    assert read_manifest(ours).sessions[0]["reproduces"] == theirs.name
    assert [(row["both"], row["same_answer"], row["same_verdict"]) for row in content["results"]] == [(6, 6, 6)] * 4
    assert all((row["right_there"], row["n_there"]) == (row["right_here"], row["n_here"]) for row in content["results"])
    assert {path.name: path.read_bytes() for path in theirs.iterdir()} == before


def test_it_may_be_named_by_its_id_its_manifest_or_a_report(main: Cli, tmp_path: Path) -> None:
    theirs = run(main, "--task", "sample", "--limit", "6")
    assert main("report", theirs, "--no-plots", "--no-page", "--to", "passed-on").code == 0
    alone = tmp_path / "alone.json"
    alone.write_text(json.dumps(recipe_of(read_manifest(theirs))))  # as the page hands it out
    names = {
        theirs.name: "All 12 answers are the same.",
        str(theirs / MANIFEST): "All 12 answers are the same.",
        "passed-on/report.json": "As many answers are right in 2 of 2 arms; the original's answers aren't here.",
        str(alone): "nothing can be compared.",
    }
    for name, said in names.items():
        done = main("reproduce", name, "-q", "-o", "theirs")
        assert done.code == 0, done.err
        assert " ".join(done.out.split()).endswith(said), name
    assert len(list((tmp_path / "theirs").iterdir())) == 5, "each is a run of its own"


def test_of_a_report_of_several_runs_one_is_named(main: Cli, tmp_path: Path) -> None:
    runs = [run(main, "--task", task, "--limit", "4") for task in ("demo", "sample")]
    assert main("report", *runs, "--no-plots", "--no-page", "--to", "both").code == 0
    refused = main("reproduce", "both/report.json", "--check")
    assert refused.code == 2 and f"--run: {runs[0].name}" in refused.err
    assert "Did you mean" in main("reproduce", "both/report.json", "--run", f"{runs[0].name}x", "--check").err
    done = main("reproduce", "both/report.json", "--run", runs[1].name, "--check", "--json")
    assert done.code == 0 and "task sample" in checks(done)


def test_the_model_that_comes_with_cotbench_answers_the_same_again(main: Cli, tmp_path: Path) -> None:
    """Also where it lies in another folder: what tells it from others is its files."""
    made = main(
        "run", "-q", "--model", "demo", "--task", "demo", "--limit", "8", "--mode", "direct,cot", "-o", "theirs"
    )
    assert made.code == 0, made.err
    theirs = made.out.splitlines()[-1]
    copy = shutil.copytree(demo.MODEL, tmp_path / "elsewhere")
    done = main("reproduce", theirs, "-q", "--model", copy)
    assert done.code == 0, done.err
    assert "All 16 answers are the same." in done.out
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "changed": 1}))
    other = main("reproduce", theirs, "--check", "--json", "--model", copy)
    assert (other.code, unlike(other)) == (3, {"model": "different"})
    gone = main("reproduce", theirs, "--check", "--json", "--model", tmp_path / "none")
    assert (gone.code, unlike(gone)) == (3, {"model": "missing"})


@pytest.mark.patient
@pytest.mark.parametrize("name", ["stub-f3fbfc42", "stub-0f4a854f", "demo-df97535c"])
def test_a_run_of_an_earlier_version_is_run_again_as_it_was(main: Cli, tmp_path: Path, name: str) -> None:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "runs" / name
    at_hand = ("--tasks-dir", tmp_path / "tasks", "--prompts-dir", tmp_path / "prompts")
    done = main("reproduce", folder, *at_hand, "-q", "--json")
    assert done.code == 0, done.err
    results = json.loads(done.out)["results"]
    assert results and all(row["both"] == row["same_answer"] == row["same_verdict"] > 0 for row in results)


# --- on another machine -----------------------------------------------------------------------------------------------


def test_own_questions_and_templates_are_looked_for_and_have_to_be_the_same(main: Cli, tmp_path: Path) -> None:
    data, prompts = tmp_path / "data", tmp_path / "prompts"
    questions = own_questions(data)
    prompts.mkdir()
    (prompts / "cot.jinja").write_text((Path(__file__).parents[1] / "prompts" / "cot.jinja").read_text() + "{# mine #}")
    theirs = run(main, "--task", questions, "--prompts-dir", prompts)
    here = shutil.copytree(theirs, tmp_path / "received" / theirs.name)
    shutil.rmtree(theirs.parent)
    data.rename(tmp_path / "moved")
    prompts.rename(tmp_path / "templates")

    lacking = main("reproduce", here, "--check", "--json")
    assert lacking.code == 3
    assert unlike(lacking) == {"task sums": "missing", "prompt cot": "missing"}
    assert checks(lacking)["prompt cot"]["there"].startswith("own template cot.jinja (")
    assert "--prompts-dir" in checks(lacking)["prompt cot"]["remedy"]
    assert "--tasks-dir" in checks(lacking)["task sums"]["remedy"]
    assert "can't be run again as it was: 2 missing" in lacking.err

    at_hand = ("--tasks-dir", tmp_path / "moved", "--prompts-dir", tmp_path / "templates")
    assert unlike(main("reproduce", here, "--check", "--json", *at_hand)) == {}
    done = main("reproduce", here, "-q", *at_hand)
    assert done.code == 0, done.err
    assert "All 16 answers are the same." in done.out

    own_questions(tmp_path / "moved", answers=2)
    (tmp_path / "templates" / "cot.jinja").write_text((prompts_of_cotbench() / "cot.jinja").read_text() + "{# other #}")
    other = main("reproduce", here, "--check", "--json", *at_hand)
    assert (other.code, unlike(other)) == (3, {"task sums": "different", "prompt cot": "different"})
    assert "the data are others" in checks(other)["task sums"]["here"]
    refused = main("reproduce", here, "-q", *at_hand)
    assert refused.code == 3 and "--anyway" in refused.err
    anyway = main("reproduce", here, "-q", "--anyway", *at_hand)
    assert anyway.code == 0, anyway.err
    assert "is not as it was" in anyway.err and "modes.sums/cot.prompt" in anyway.err
    assert re.search(r"\d+ of 16 answers are the same; \d+ have another verdict", anyway.out)


def prompts_of_cotbench() -> Path:
    return Path(__file__).parents[1] / "prompts"


@pytest.mark.parametrize(
    ("change", "found"),
    {
        "version": ({"sessions 0 cotbench": "9.9.9"}, {}),
        "packages": ({"sessions 0 packages": {"sympy": "0.1"}}, {}),
        "engine": ({"spec model engine": "steam", "options engine": None}, {"engine": "missing"}),
        "prompt": ({"spec modes sample/cot prompt": "0" * 16}, {"prompt cot": "different"}),
        "data": ({"spec tasks sample data": "0" * 16}, {"task sample": "different"}),
        "task file": ({"spec tasks sample file": "0" * 16}, {"task sample": "different"}),
        "choice": ({"spec tasks sample ids": "0" * 16}, {"task sample": "different"}),
        "model": ({"spec model revision": "another"}, {"model": "different"}),
        "budget": ({"spec modes sample/cot sampling max_tokens": 5}, {"sample/cot.sampling.max_tokens": "different"}),
        "seed": ({"spec seed": 4}, {"seed": "different"}),
        "mode": ({"options modes": ["direct", "no-such"]}, {"options": "missing"}),
        "header": ({"options headers": {"api-key": "***"}}, {"--header api-key": "missing"}),
        "template": ({"options chat_template": "/gone/t.jinja"}, {"--chat-template": "missing"}),
    }.values(),
    ids=lambda value: "",
)
def test_what_is_another_is_told_and_only_what_results_depend_on_stops_it(
    main: Cli, change: Mapping[str, Any], found: Mapping[str, str]
) -> None:
    folder = run(main, "--task", "sample", "--limit", "5")
    changed(folder, change)
    done = main("reproduce", folder, "--check", "--json")
    assert {what: state for what, state in unlike(done).items() if what in found or not found} == found
    assert done.code == (3 if found else 0), done.err
    if not found:
        assert "different" in {row["state"] for row in checks(done).values()}


def test_what_comes_out_otherwise_once_the_model_is_open_stops_it_before_anything_is_asked(
    main: Cli, tmp_path: Path
) -> None:
    folder = run(main, "--task", "sample", "--limit", "5")
    changed(folder, {"spec model chat_template_hash": "0" * 16})
    refused = main("reproduce", folder, "-q", "-o", "ours")
    assert refused.code == 3
    assert 'model.chat_template_hash: "0000000000000000" -> ""' in refused.err
    assert not (tmp_path / "ours").exists()
    assert main("reproduce", folder, "-q", "-o", "ours", "--anyway").code == 0


def test_no_row_of_the_table_is_wider_than_80_columns(main: Cli, tmp_path: Path) -> None:
    folder = run(main, "--task", own_questions(tmp_path / "a-folder-with-a-rather-long-name-of-its-own"))
    shutil.rmtree(tmp_path / "a-folder-with-a-rather-long-name-of-its-own")
    done = main("reproduce", folder, "--check")
    assert done.code == 3
    assert max(map(len, done.out.splitlines())) <= 80
    again = main("reproduce", folder, "--compare", folder)
    assert again.code == 0 and "All 16 answers are the same." in again.out
    assert max(map(len, again.out.splitlines())) <= 80


def test_model_written_code_isnt_let_out_by_somebody_elses_manifest(main: Cli) -> None:
    folder = run(main, "--task", "sample", "--limit", "4")
    changed(folder, {"options allow_unsandboxed_code": True, "options trust_remote_code": True})
    options, found = options_for(read_recipe(str(folder), Path("results")), {})
    assert not options.allow_unsandboxed_code and not options.trust_remote_code
    assert {check.what for check in found} == {"--trust-remote-code", "--allow-unsandboxed-code"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"provenance": []}', '{"provenance": [{"run": "a"}]}'])
def test_what_is_no_recipe_is_refused(main: Cli, tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    done = main("reproduce", "x.json", "--check")
    assert done.code == 3 and "x.json" in done.err and "Traceback" not in done.err
    assert main("reproduce", "nothing", "--check").code == 3


def test_a_model_that_is_nowhere_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    snapshot = tmp_path / "models--a--b" / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    cached = {"a/b": str(snapshot / "config.json")}
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, *_, **__: cached.get(name))
    assert revision_here("vllm", EngineConfig(model="a/b")) == "c" * 40


@pytest.mark.patient
def test_a_run_of_a_server_asks_for_its_key_again_and_then_runs(
    main: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A check asks the server what it serves, and for no completion; what was secret is on no record."""

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        return chat(*("Answer: 4" for _ in range(body.get("n", 1))))

    monkeypatch.setenv("MY_KEY", "made-up-key")
    with MockServer(script) as server:
        asked = ("--task", "sample", "--limit", "3", "--mode", "direct,cot")
        place = ("--engine", "openai", "--model", "m", "--base-url", server.url)
        made = main("run", "-q", *place, *asked, "--header", "x-key=made-up-value", "-o", "theirs")
        assert made.code == 0, made.err
        theirs = made.out.splitlines()[-1]
        lacking = main("reproduce", theirs, "--check", "--json")
        assert (lacking.code, unlike(lacking)["--header x-key"]) == (3, "missing")
        known = len(server.requests)
        given = ("--header", "x-key=$MY_KEY")
        checked = main("reproduce", theirs, "--check", "--json", *given)
        assert (checked.code, unlike(checked)) == (0, {}), checked.out
        assert len(server.requests) == known, "a check costs no token"
        done = main("reproduce", theirs, "-q", *given)
        assert done.code == 0, done.err
        assert "All 6 answers are the same." in done.out
        assert server.requests[-1].headers["x-key"] == "made-up-key"
        assert "made-up" not in done.out + done.err
    away = main("reproduce", theirs, "--check", "--json", *given)
    assert (away.code, unlike(away)["model"]) == (3, "missing")


def test_no_key_is_sent_to_a_server_that_only_a_recipe_names(main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs somebody else's recipe has keys in their environment; with --anyway, too."""
    folder = run(main, "--task", "sample", "--limit", "4")
    away = "http://192.0.2.7/v1"
    changed(folder, {"options engine": "openai", "spec model engine": "openai", "options base_url": away})

    def asked(*_: object) -> str:
        pytest.fail("a server was asked")

    monkeypatch.setattr("cotbench.runs.reproduce.revision_here", asked)
    monkeypatch.setenv("OPENAI_API_KEY", "made-up")
    for more in ((), ("--anyway",)):
        done = main("reproduce", folder, "-q", "--json", *more)
        assert (done.code, unlike(done)["--base-url"]) == (3, "missing")
        assert "Your key would be sent there" in done.out
    monkeypatch.delenv("OPENAI_API_KEY")
    changed(folder, {"options headers": {"x": "$SECRET"}})
    assert unlike(main("reproduce", folder, "--check", "--json"))["--base-url"] == "missing"
    recipe = read_recipe(str(folder), Path("results"))
    assert options_for(recipe, {"base_url": away})[1] == [], "it is the one that is meant"
    changed(folder, {"options headers": {}})
    assert options_for(read_recipe(str(folder), Path("results")), {})[1] == [], "there is no key to be sent"
