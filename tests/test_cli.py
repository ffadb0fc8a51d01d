"""The commands as a user types them: run, report, list, show-prompt, doctor, replay, dry runs, spellings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cotbench.engines.stub import SHARES
from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

OWN = [
    {"question": "What is 2 + 2?", "answer": "4"},
    {"question": "If x = 3, what is x + 1?", "answer": "4"},
    {"question": "How many legs has a spider?", "answer": "8"},
]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in OWN))
    return path


def records(folder: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(folder, RECORDS).read_text().splitlines()]


def test_run_ends_by_naming_its_folder(tmp_path: Path, main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot")
    folder = tmp_path / done.out.splitlines()[-1]
    assert {p.name for p in folder.iterdir()} == {MANIFEST, JOURNAL, RECORDS, QUESTIONS, ".lock"}
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["run"] == folder.name
    assert manifest["status"] == "finished"
    [session] = manifest["sessions"]
    assert session["command"][:3] == ["cotbench", "run", "--model"]
    assert session["packages"]["datasets"]
    rows = records(folder)
    assert session["requests"] == 96 + sum("before" in row for row in rows), "those gone on with are asked twice"
    assert manifest["totals"]["records"] == manifest["totals"]["of"] == 96
    assert sum(manifest["totals"]["outcomes"].values()) == 96
    assert len({(row["question"], row["mode"]) for row in rows}) == 96
    for row in rows:
        assert (row["answer"] is None) == (row["outcome"] in ("unparsed", "truncated"))


def test_underscores_and_short_names_work_too(main: Cli) -> None:
    one = main(
        "run",
        "--model",
        "stub",
        "--tasks",
        "sample",
        "--modes",
        "cot",
        "--num_fewshot",
        "2",
        "--max_tokens",
        "cot=99",
        "--json",
    )
    two = main("run", "-m", "stub", "-t", "sample", "--mode", "cot", "-f", "2", "--max-tokens=99", "--json")
    assert one.code == two.code == 0, one.err + two.err
    assert json.loads(one.out)["folder"] == json.loads(two.out)["folder"]


def test_limit_asks_the_same_questions_in_every_mode_and_names_them(tmp_path: Path, main: Cli) -> None:
    done = json.loads(
        main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "--limit", "10", "--json").out
    )
    rows = records(tmp_path / done["folder"])
    asked = {mode: [row["question"] for row in rows if row["mode"] == mode] for mode in ("direct@answer=begun", "cot")}
    assert asked["direct@answer=begun"] == asked["cot"]
    manifest = json.loads((tmp_path / done["folder"] / MANIFEST).read_text())
    assert manifest["question_ids"] == {"sample": asked["cot"]}
    assert len(asked["cot"]) == 10


def test_dry_run_asks_nothing(tmp_path: Path, main: Cli) -> None:
    done = main(
        "run", "--model", "anything", "--task", "sample", "--mode", "direct,cot", "--limit", "10", "--dry-run", "--json"
    )
    assert done.code == 0, done.err
    rows = {row["mode"]: row for row in json.loads(done.out)}
    assert rows["cot"]["requests"] == 10
    assert rows["cot"]["completion_tokens_at_most"] == 20_480
    assert 500 < rows["cot"]["prompt_tokens_about"] < 5_000
    assert not (tmp_path / "results").exists()
    table = main("run", "--model", "anything", "--task", "sample", "--mode", "direct", "--dry-run")
    assert "Dry run: nothing was asked" in table.out


def test_plain_arms_do_not_think_unless_told(tmp_path: Path, main: Cli) -> None:
    for how, expected in (
        ("auto", {"direct": False, "cot": False}),
        ("on", {"direct": True, "cot": True}),
        ("off", {"direct": False, "cot": False}),
    ):
        folder = json.loads(
            main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "--thinking", how, "--json").out
        )["folder"]
        spec = json.loads((tmp_path / folder / MANIFEST).read_text())["spec"]
        told = {
            name.partition("@")[0].removeprefix("sample/"): mode["thinking"] for name, mode in spec["modes"].items()
        }
        assert told == expected


# --- replay -------------------------------------------------------------------------------------------------------


def test_replay_of_outputs_by_question_text_and_mode(tmp_path: Path, own: Path, main: Cli) -> None:
    outputs = tmp_path / "outputs.jsonl"
    rows = [
        {"question": "What is  2 + 2?", "mode": "direct", "output": "Answer: 5"},
        {"question": "What is 2 + 2?", "mode": "cot", "output": "2 + 2 = 4.\nAnswer: 4", "completion_tokens": 12},
        {"question": "If x = 3, what is x + 1?", "output": "Answer: 4"},
        {"question": "How many legs has a spider?", "mode": "cot", "output": "They have", "finish_reason": "length"},
    ]
    outputs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main(
        "run",
        "--engine",
        "replay",
        "--model",
        "mine",
        "--model-args",
        f"path={outputs}",
        "--task",
        own,
        "--mode",
        "direct,cot",
        "--json",
    )
    assert done.code == 4, done.err
    got = {
        (row["mode"], row["question"]): (row["outcome"], row["answer"])
        for row in records(tmp_path / json.loads(done.out)["folder"])
    }
    assert sorted(got.values(), key=str) == sorted(
        [
            ("wrong", "5"),
            ("correct", "4"),
            ("correct", "4"),
            ("correct", "4"),
            ("truncated", None),
            ("engine_error", None),
        ],
        key=str,
    )
    assert "1 of 6 answers are missing" in done.err
    report = main("report", tmp_path / json.loads(done.out)["folder"])
    assert "1 requests failed" in report.out


def test_replay_of_a_run_gives_its_records_again(tmp_path: Path, main: Cli) -> None:
    first = (
        tmp_path
        / json.loads(main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "--json").out)["folder"]
    )
    done = main(
        "run",
        "--engine",
        "replay",
        "--model",
        "stub-again",
        "--model-args",
        f"path={first}",
        "--task",
        "sample",
        "--mode",
        "direct,cot",
        "--json",
    )
    assert done.code == 0, done.err
    again = tmp_path / json.loads(done.out)["folder"]
    assert (again / RECORDS).read_bytes() == (first / RECORDS).read_bytes()


# --- looking around -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["tasks", "modes", "engines", "runs"])
def test_lists(what: str, main: Cli) -> None:
    main("run", "--model", "stub", "--task", "sample", "--mode", "cot", "--limit", "3")
    rows = json.loads(main("list", what, "--json").out)
    assert rows
    table = main("list", what)
    assert table.code == 0
    assert str(next(iter(rows[0].values()))) in table.out


def test_show_prompt(own: Path, main: Cli) -> None:
    done = main("show-prompt", "--task", own, "--mode", "direct,cot", "--question", "2")
    assert done.code == 0, done.err
    assert done.out.count("If x = 3, what is x + 1?") == 2
    assert done.out.count("[user]") == 2
    assert "Let's think step by step" in done.out
    plain = main("show-prompt", "--task", own, "--mode", "cot", "--chat-template", "none")
    assert plain.out.rstrip().endswith("Response:")
    rows = json.loads(main("show-prompt", "--task", own, "--mode", "cot", "--json").out)
    assert [m["role"] for m in rows[0]["messages"]] == ["system", "user"]


@pytest.mark.patient
def test_doctor_says_what_works(main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COTBENCH_DATA", raising=False)
    checks = {row["name"]: row for row in json.loads(main("doctor", "--json").out)}
    assert checks["grading"]["ok"] is True
    assert checks["engine stub"]["ok"] is True
    assert checks["task sample"]["ok"] is True
    assert "Hub" in checks["task mmlu"]["found"]
    assert "grading" in main("doctor").out


def test_help_names_every_option_and_the_exit_codes(main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "130 interrupted" in " ".join(main("--help").out.split())
    text = main("run", "--help").out
    for option in (
        "--model",
        "--task",
        "--mode",
        "--engine",
        "--model-args",
        "--gen-kwargs",
        "--num-fewshot",
        "--limit",
        "--seed",
        "--max-tokens",
        "--output-dir",
        "--resume",
    ):
        assert option in text, option
    assert main("--version").out.startswith("cotbench ")


# --- the stub, at full size ---------------------------------------------------------------------------------------


@pytest.mark.patient
@pytest.mark.data
@pytest.mark.slow
def test_all_questions_under_both_modes_show_the_stubs_shares(tmp_path: Path, cli: Cli) -> None:
    """21,012 questions x 2 modes; each share within four standard errors of what the stub was built with."""
    done = cli(
        "run", "--model", "stub", "--task", "gsm8k,math,mmlu,logiqa", "--mode", "direct,cot", "--json", timeout=600
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["answers"] == 2 * 21_012
    report = cli("report", "--json")
    assert report.code == 0, report.err
    content = json.loads(report.out)
    stats = {(row["task"], row["mode"], row["tag"]): row for row in content["modes"]}
    sizes = {"gsm8k": (0, 1319), "math": (1974, 3026), "mmlu": (407, 13635), "logiqa": (0, 651)}
    for task, (symbolic, other) in sizes.items():
        for mode, arm, with_equals in (
            ("direct", "direct@answer=begun", SHARES["direct"]),
            ("cot", "cot", SHARES["cot_eq"]),
        ):
            for tag, n, share in (("symbolic", symbolic, with_equals), ("non-symbolic", other, SHARES[mode])):
                row = stats[task, arm, tag]
                assert row["n"] == n
                if n:
                    expected = share * (1 + SHARES["unparsed"] + SHARES["truncated"])  # these are gone on with
                    assert row["accuracy"] == pytest.approx(expected, abs=4 * (share * (1 - share) / n) ** 0.5), (
                        task,
                        mode,
                        tag,
                    )
                    assert row["truncated"] == pytest.approx(SHARES["truncated"], abs=4 * (0.01 / n) ** 0.5)
                else:
                    assert row["accuracy"] is None
    for delta in content["deltas"]:
        assert delta["n"] == delta["both_right"] + delta["helped"] + delta["hurt"] + delta["both_wrong"]
    table = cli("report", "--full", "--no-page", "--no-plots")
    assert "not estimable" in table.out
    assert table.out.startswith("STUB, NOT A MODEL")
