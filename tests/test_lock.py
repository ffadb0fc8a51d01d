"""`--lock`: what is fixed before the first token, how it is kept, and what the report says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome

from cotbench.analysis.curve import MARGIN
from cotbench.analysis.locking import fixed_by, parse_lock
from cotbench.errors import UsageError
from cotbench.modes import find_mode
from cotbench.questions.tagging import RULES

ARMS = ("direct@answer=begun", "cot", "free", "cot@temperature=1", "direct@answer=likeliest")
FACTS = {name: find_mode(name).facts for name in ARMS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", {}),
        ("delta[mmlu,cot]", {}),
        ("delta[gsm8k,free]", {"task": "gsm8k", "mode": "free"}),
        ('delta[mmlu,"cot@temperature=1"]', {"mode": "cot@temperature=1"}),
        ("delta[mmlu,cot,symbolic]", {"tag": "symbolic"}),
        ("delta[mmlu,cot,nonsymbolic,baseline=free]", {"tag": "non-symbolic", "baseline": "free"}),
        ("delta[mmlu,cot,baseline=direct@answer=likeliest]", {"baseline": "direct@answer=likeliest"}),
        ("did[mmlu,cot]", {"figure": "did"}),
        ("margin=1pt", {"margin": 0.01}),
        ("auto,margin=5%", {"margin": 0.05}),
        (" delta [ mmlu , cot ] , margin = .03 , tag_rule = operators ", {"margin": 0.03, "tag_rule": "operators"}),
    ],
)
def test_what_is_fixed(text: str, expected: dict[str, Any]) -> None:
    lock = fixed_by(text, ["mmlu", "gsm8k"], FACTS)
    usual = {
        "figure": "delta",
        "task": "mmlu",
        "mode": "cot",
        "tag": "all",
        "baseline": "direct@answer=begun",
        "margin": MARGIN,
        "tag_rule": "eq_question",
    }
    for name, value in (usual | expected).items():
        assert getattr(lock, name) == (pytest.approx(value) if name == "margin" else value), name
    assert lock.tag_rule_version == RULES[lock.tag_rule].version
    assert lock.at == lock.hash == ""


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "expected auto, or delta[task,mode]"),
        ("cot", "expected margin= or tag_rule=, found 'cot'"),
        ("delta[mmlu,cot] > 0.02", "expected auto, or delta[task,mode]"),
        ("delta[mmlu,cot], delta[mmlu,free]", "expected auto, or delta[task,mode]"),
        ("accuracy[mmlu,cot]", "a contrast is of delta or did, found 'accuracy'"),
        ("delta[mmlu]", "expected a task and a mode"),
        ("delta[*,cot]", "one contrast is on one task"),
        ("delta[mmlu,cot,model=m]", "a run has one model"),
        ("did[mmlu,cot,symbolic]", "did is about both sides of the tag"),
        ("delta[math,cot]", "this run has no task 'math'. It has: mmlu, gsm8k"),
        ("delta[mmlu,pal]", "this run has no arm 'pal'"),
        ("delta[mmlu,cot,baseline=pal]", "this run has no arm 'pal'"),
        ("delta[mmlu,direct]", "direct@answer=begun is compared with itself"),
        ("auto, margin=0", "margin is 0; expected more than 0"),
        ("auto, margin=100%", "margin is 100%; expected more than 0 and less than 100 points"),
        ("auto, margin=much", "'much' is no number"),
        ("auto, margin=1pt, margin=2pt", "'margin=' is given twice"),
        ("auto, tag_rule=mine", "there is no tag rule 'mine' that comes with cotbench"),
        ("auto, rule=operators", "expected margin= or tag_rule=, found 'rule=operators'"),
    ],
)
def test_what_cant_be_fixed_is_refused(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        fixed_by(text, ["mmlu", "gsm8k"], FACTS)
    assert error.value.message.startswith(f"--lock {text!r}: ")
    assert finding in error.value.message


def test_auto_needs_a_chain_of_thought_or_one_other_arm() -> None:
    def fixed(*names: str) -> str:
        return fixed_by("auto", ["t"], {name: FACTS[name] for name in names}).mode

    assert fixed("direct@answer=begun", "free", "cot") == "cot"
    assert fixed("direct@answer=begun", "free") == "free"
    with pytest.raises(UsageError, match="no chain of thought"):
        fixed("direct@answer=begun", "free", "cot@temperature=1")
    with pytest.raises(UsageError, match="no arm 'direct'"):
        fixed("free", "cot")
    assert parse_lock("auto").place is None


Run = Callable[..., Outcome]


@pytest.fixture
def run(main: Cli) -> Run:
    def call(*arguments: object) -> Outcome:
        return main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot,free", *arguments)

    return call


def manifest(tmp_path: Path, done: Outcome) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((tmp_path / done.out.splitlines()[-1] / "manifest.json").read_text())
    return content


def test_it_is_in_the_manifest_before_the_first_token_and_no_part_of_the_runs_identity(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cotbench.runs.loop import Loop

    seen: list[Any] = []
    drive = Loop.run

    def looked(self: Loop) -> None:
        [path] = tmp_path.glob("results/*/manifest.json")
        seen.append(json.loads(path.read_text())["lock"])
        assert not path.with_name("journal.jsonl").read_bytes()
        drive(self)

    monkeypatch.setattr(Loop, "run", looked)
    done = run("--lock", "delta[sample,free], margin=1pt", "--limit", 8)
    assert done.code == 0, done.err
    assert seen == [manifest(tmp_path, done)["lock"]]
    assert seen[0] | {"at": "", "hash": ""} == {
        "figure": "delta", "task": "sample", "mode": "free", "tag": "all", "baseline": "direct@answer=begun",
        "margin": 0.01, "tag_rule": "eq_question", "tag_rule_version": RULES["eq_question"].version,
        "at": "", "hash": "",
    }  # fmt: skip
    assert "Fixed before the first token: delta[sample,free,baseline=direct@answer=begun]" in done.err
    assert seen[0]["hash"] in done.err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    plain = run("--limit", 8, "--output-dir", "other")
    assert plain.out.splitlines()[-1].split("/")[-1] == done.out.splitlines()[-1].split("/")[-1]
    assert manifest(tmp_path, plain)["lock"] is None


def test_it_can_be_said_again_and_never_changed(tmp_path: Path, run: Run, main: Cli) -> None:
    first = run("--lock", "auto", "--limit", 8)
    fixed = manifest(tmp_path, first)["lock"]
    folder = first.out.splitlines()[-1]
    for again in (run("--limit", 8), run("--lock", "delta[sample,cot]", "--limit", 8), main("run", "--resume", folder)):
        assert again.code == 0, again.err
        assert manifest(tmp_path, again)["lock"] == fixed
        assert "Fixed before" not in again.err
    for other in ("delta[sample,free]", "auto, margin=1pt", "auto, tag_rule=operators"):
        for refused in (run("--lock", other, "--limit", 8), main("run", "--resume", folder, "--lock", other)):
            assert refused.code == 3
            assert f"Error: {folder}: what is fixed before the first token can't be changed" in refused.err.replace(
                str(tmp_path) + "/", ""
            )
            assert "--fresh" in refused.err
    assert json.loads((tmp_path / folder / "manifest.json").read_text())["lock"] == fixed
    fresh = run("--lock", "delta[sample,free]", "--limit", 8, "--fresh")
    assert fresh.code == 0, fresh.err
    assert manifest(tmp_path, fresh)["lock"]["mode"] == "free"


def test_nothing_is_fixed_once_there_are_replies(tmp_path: Path, run: Run) -> None:
    first = run("--limit", 8)
    late = run("--limit", 8, "--lock", "auto")
    assert late.code == 3
    assert "replies are on record, so nothing can be fixed before the first token any more" in late.err
    assert manifest(tmp_path, first)["lock"] is None
    (tmp_path / first.out.splitlines()[-1] / "journal.jsonl").write_bytes(b"")  # as if it had ended before the first
    (tmp_path / first.out.splitlines()[-1] / "records.jsonl").write_bytes(b"")
    in_time = run("--limit", 8, "--lock", "auto")
    assert in_time.code == 0, in_time.err
    assert manifest(tmp_path, in_time)["lock"]["mode"] == "cot"


def test_mistakes_show_before_anything_is_loaded(run: Run, tmp_path: Path) -> None:
    done = run("--lock", "delta[sample,pal]")
    assert done.code == 2
    assert "--lock 'delta[sample,pal]': this run has no arm 'pal'" in done.err
    assert not (tmp_path / "results").exists()
    assert run("--lock", "delta[mmlu,cot]", "--dry-run").code == 2


def test_the_report_says_what_was_fixed_and_what_was_looked_at_after(tmp_path: Path, run: Run, main: Cli) -> None:
    folder = run("--lock", "delta[sample,cot], margin=3pt, tag_rule=operators").out.splitlines()[-1]
    shown = main("report", folder, "--no-plots", "--no-page")
    content = json.loads((tmp_path / folder / "report" / "report.json").read_text())
    [locked] = content["locked"]
    [delta] = [row for row in content["deltas"] if row["mode"] == "cot" and row["tag"] == "all"]
    assert content["tag_rule"] == "operators"
    assert (locked["difference"], locked["low"], locked["n"]) == (delta["delta"], delta["low"], delta["n"])
    assert locked["p"] == (delta["p"] if delta["p_clustered"] is None else delta["p_clustered"])
    assert locked["intact"]
    assert locked["after"][0] == "free against direct@answer=begun on sample"
    assert not [words for words in locked["after"] if "in place of" in words]
    fixed = "cot against direct@answer=begun on sample; a margin of 3 points; the tag rule operators"
    lines = shown.out.splitlines()
    [place] = [at for at, line in enumerate(lines) if line.startswith("Fixed before the first token at ")]
    assert fixed in lines[place]
    after = lines[place + 1]
    assert after.startswith("Looked at after, and fixed by nobody beforehand: free against direct@answer=begun")
    assert fixed in (tmp_path / folder / "report" / "summary.md").read_text().replace("\\", "")


def test_what_is_chosen_for_a_report_is_told_as_that(run: Run, main: Cli) -> None:
    folder = run("--lock", "auto").out.splitlines()[-1]
    chosen = ("--tag-rule", "operators", "--margin", 1, "--tag", "mine=x", "--baseline", "free")
    [locked] = json.loads(main("report", folder, "--no-plots", "--no-page", "--json", *chosen).out)["locked"]
    assert locked["after"][0].endswith("cot against free on sample")
    assert locked["after"][-3:] == [
        "the tag rule operators, in place of eq_question",
        "tag rules of the report's own (mine)",
        "a margin of 1 point, in place of 2 points",
    ]


@pytest.mark.patient
def test_a_contrast_within_a_tag_has_no_figure_under_another_rule(run: Run, main: Cli) -> None:
    folder = run("--lock", "delta[sample,cot,symbolic]").out.splitlines()[-1]
    plain, other = (
        json.loads(main("report", folder, "--no-plots", "--no-page", "--json", *rule).out)
        for rule in ((), ("--tag-rule", "operators"))
    )
    [row] = [row for row in plain["deltas"] if row["mode"] == "cot" and row["tag"] == "symbolic"]
    assert plain["locked"][0]["difference"] == row["delta"] is not None
    assert other["locked"][0]["difference"] is None
    assert "no estimate of it" in main("report", folder, "--no-plots", "--no-page", "--tag-rule", "operators").out


def test_a_difference_in_differences_is_of_the_rule_that_was_fixed(run: Run, main: Cli) -> None:
    folder = run("--lock", "did[sample,cot], tag_rule=operators").out.splitlines()[-1]
    arguments = ("--no-plots", "--no-page", "--json", "--tag-rule", "eq_question")
    content = json.loads(main("report", folder, *arguments).out)
    [row] = [row for row in content["splits"] if row["mode"] == "cot" and row["rule"] == "operators"]
    assert content["locked"][0]["difference"] == row["difference"] is not None


def test_a_lock_that_was_changed_in_its_file_is_told(tmp_path: Path, run: Run, main: Cli) -> None:
    folder = run("--lock", "auto").out.splitlines()[-1]
    path = tmp_path / folder / "manifest.json"
    content = json.loads(path.read_text())
    content["lock"]["mode"] = "free"
    path.write_text(json.dumps(content))
    shown = main("report", folder, "--no-plots", "--no-page")
    assert "says was fixed has been changed since: its hash doesn't fit" in shown.out
    content["lock"]["margin"] = "wide"
    path.write_text(json.dumps(content))
    broken = main("report", folder)
    assert broken.code == 3
    assert "lock.margin is 'wide', expected a number between 0 and 1" in broken.err


def test_runs_that_fixed_nothing_say_nothing(tmp_path: Path, run: Run, main: Cli) -> None:
    """Nor do those of earlier versions, whose manifests have no such entry."""
    done = run()
    path = tmp_path / done.out.splitlines()[-1] / "manifest.json"
    for entry in ("lock", "shown"):
        content = json.loads(path.read_text())
        del content[entry]
        path.write_text(json.dumps(content))
        shown = main("report", path.parent, "--no-plots", "--no-page")
        assert shown.code == 0, shown.err
        assert "Fixed before" not in shown.out
        assert json.loads((path.parent / "report" / "report.json").read_text())["locked"] == []


def test_what_is_fixed_is_found_where_two_ways_to_answer_are_one_arm(run: Run, main: Cli) -> None:
    folder = run("--lock", "auto").out.splitlines()[-1]
    apart, as_one = (
        json.loads(main("report", folder, "--no-plots", "--no-page", "--json", *more).out)["locked"][0]
        for more in ((), ("--one-arm",))
    )
    assert (apart["baseline"], as_one["baseline"]) == ("direct@answer=begun", "direct")
    assert as_one["difference"] == apart["difference"] is not None
    assert as_one["intact"]


@pytest.mark.patient
def test_a_contrast_with_the_likeliest_option_is_asked_for_by_being_fixed(tmp_path: Path, main: Cli) -> None:
    modes = "direct@answer=likeliest,direct,cot"
    lock = 'delta[sample,"direct@answer=likeliest"]'
    done = main("run", "--model", "stub", "--task", "sample", "--mode", modes, "--limit", 12, "--lock", lock)
    assert done.code == 0, done.err
    folder = done.out.splitlines()[-1]
    [locked] = json.loads(main("report", folder, "--no-plots", "--no-page", "--json").out)["locked"]
    assert locked["mode"] == "direct@answer=likeliest"
    assert locked["n"] == 12
