"""Runs that stop when they know: where they stop, what they leave behind, how they go on, and what reports say."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli
from test_resume import killed_at, lines

import cotbench
from cotbench.analysis.compare import compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.questions.drawing import clusters_of, drawn
from cotbench.report.sections import sections
from cotbench.runs.goal import Goal
from cotbench.runs.loop import Loop
from cotbench.runs.tally import Tally
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.store.questions import read_questions
from cotbench.store.records import RECORDS
from cotbench.types import Question

ROWS = 400
FAR = "direct=0.2,cot=0.9"  # an effect that shows after some dozens of questions
BASE = "direct@answer=begun"
NEAR = "direct=0.5,cot=0.55"


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions in two groups, of which some share a story; sorted, as data sets are."""
    path = tmp_path_factory.mktemp("questions") / "stories.jsonl"
    rows = (
        {
            "question": f"Story {n // 4 if n < 200 else n}: what is {n} + {n}?",
            "answer": str(2 * n),
            "group": f"g{n // 200}",
            "cluster": f"story {n // 4}" if n < 200 else "",
        }
        for n in range(ROWS)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ran(output: Path, task: Path | str, arms: str = "direct,cot", model_args: str = FAR, **more: Any) -> cotbench.Run:
    given = {"reuse": "off", "progress": False, "output_dir": output, "model_args": model_args, **more}
    return cotbench.run("stub", tasks=[str(task)], arms=arms, **given)


def records(run: cotbench.Run) -> bytes:
    return (run.folder / RECORDS).read_bytes()


def asked(run: cotbench.Run) -> list[str]:
    """The ids of the questions that have a record, in the order of the file."""
    return list(dict.fromkeys(json.loads(line)["question"] for line in records(run).splitlines()))


def of_questions(lines: bytes) -> dict[str, list[str]]:
    """The arms of the records of each question."""
    found: dict[str, list[str]] = {}
    for row in map(json.loads, lines.splitlines()):
        found.setdefault(row["question"], []).append(row["mode"])
    return found


# --- the order ----------------------------------------------------------------------------------------------------


def question(number: int, cluster: str = "") -> Question:
    return Question(id=f"t-{number:03}", task="t", text=f"{number}?", group="g", cluster=cluster)


def test_clusters_are_drawn_as_wholes_each_at_its_first_question_in_a_shuffle() -> None:
    questions = [question(n, f"c{n // 5}" if n < 50 else "") for n in range(100)]
    order = drawn(questions, 0)
    assert sorted(len(cluster) for cluster in order) == [1] * 50 + [5] * 10
    assert sorted(one.id for cluster in order for one in cluster) == [one.id for one in questions]
    assert drawn(questions[::-1], 0) == order
    assert drawn(questions, 1) != order
    assert all(len({one.cluster for one in cluster}) == 1 for cluster in clusters_of(questions) if len(cluster) > 1)
    # A cluster of five comes first five times as often as a single question would.
    first = sum(len(drawn(questions, seed)[0]) == 5 for seed in range(200))
    assert 70 <= first <= 130


# --- where a run stops --------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_run_stops_when_the_sign_is_known_and_its_records_are_the_beginning(stories: Path, tmp_path: Path) -> None:
    run = ran(tmp_path, stories, until="sign")
    manifest = read_manifest(run.folder)
    assert run.status == "finished"
    assert manifest.spec.drawn == 1
    assert manifest.stopped is not None
    row = manifest.stopped.tasks["stories"]
    assert (manifest.stopped.goal, manifest.stopped.why, row.decided, row.of) == ("sign", "goal", True, ROWS)
    assert row.questions < ROWS / 2
    questions, _ = read_questions(run.folder, manifest)
    order = drawn(list(questions.values()), 0)
    assert {one.id for cluster in order[: row.clusters] for one in cluster} == set(asked(run))
    assert len(asked(run)) == row.questions
    assert manifest.totals["records"] == 2 * row.questions == sum(manifest.totals["outcomes"].values())
    assert f"stopped after {row.questions} of {ROWS} questions: the sign is known" in " ".join(run.report().notes)


@pytest.mark.patient
def test_the_last_that_a_run_says_is_of_the_questions_that_count(main: Cli, stories: Path, tmp_path: Path) -> None:
    command = ["run", "--model", "stub", "--task", str(stories), "--mode", "direct,cot", "--until", "sign"]
    said = main(*command, "--model-args", f"{FAR},in_flight=300", "--reuse", "off")
    assert said.code == 0, said.err
    [folder] = (tmp_path / "results").iterdir()
    stopped = read_manifest(folder).stopped
    assert stopped is not None
    questions = stopped.tasks["stories"].questions
    last = " ".join(said.err[said.err.rindex(f"{2 * questions} of {2 * ROWS} answers") :].split())
    assert f"{BASE} {questions}/{ROWS} " in last
    assert f"cot {questions}/{ROWS} " in last
    assert f"{questions} of {ROWS} questions, known" in last
    assert "certain" not in last, "not all questions count"


@pytest.mark.patient
def test_where_it_stops_depends_on_no_timing(stories: Path, tmp_path: Path) -> None:
    runs = [
        ran(tmp_path / str(n), stories, until="sign", model_args=f"{FAR}{more}")
        for n, more in enumerate(("", ",in_flight=3", ",in_flight=7,latency_s=0.001"))
    ]
    assert records(runs[0]) == records(runs[1]) == records(runs[2])


@pytest.mark.patient
def test_the_same_command_asks_nothing_and_a_stricter_goal_goes_on(stories: Path, tmp_path: Path) -> None:
    first = ran(tmp_path, stories, until="sign")
    before, stopped = set(asked(first)), records(first)
    again = ran(tmp_path, stories, until="sign")
    assert (again.folder, again.requests) == (first.folder, 0)
    assert records(again) == stopped
    stricter = ran(tmp_path, stories, until=5)
    assert stricter.folder == first.folder
    assert before < set(asked(stricter))
    sessions = read_manifest(stricter.folder).sessions
    assert [session["until"] for session in sessions] == [{"until": "sign"}] * 2 + [{"until": "5"}]
    # And back: what is known already needs no question, and the records are those that it took.
    back = ran(tmp_path, stories, until="sign")
    assert back.requests == 0
    assert records(back) == stopped


@pytest.mark.patient
def test_three_arms_stop_when_both_differences_are_known(stories: Path, tmp_path: Path) -> None:
    alone = ran(tmp_path, stories, until="sign")
    both = ran(tmp_path, stories, "direct,cot,free", f"{FAR},free=0.7", until="sign")
    rows = compare([load_run(both.folder)]).stopped
    assert [(row.mode, row.baseline, row.tests) for row in rows] == [("cot", BASE, 2), ("free", BASE, 2)]
    assert all(row.known for row in rows)
    assert len(asked(both)) > len(asked(alone))


@pytest.mark.patient
def test_a_task_stops_by_itself_and_the_other_goes_on(stories: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"reuse": "off", "progress": False, "output_dir": tmp_path, "model_args": FAR}
    run = cotbench.run("stub", tasks=[str(stories), "sample"], arms="direct,cot", until="sign", **given)
    stopped = read_manifest(run.folder).stopped
    assert stopped is None or stopped.tasks["stories"].decided
    rows = {row.task: row for row in compare([load_run(run.folder)]).stopped}
    assert rows["stories"].tests == 2
    assert rows["stories"].n < ROWS
    assert rows["stories"].known


@pytest.mark.patient
def test_limits_stop_a_run_that_a_larger_one_goes_on_with(stories: Path, tmp_path: Path) -> None:
    first = ran(tmp_path, stories, model_args=f"{NEAR},in_flight=4", max_tokens_total=3_000)
    manifest = read_manifest(first.folder)
    assert first.status == "interrupted"
    assert manifest.stopped is not None
    assert manifest.stopped.why == "--max-tokens-total 3000"
    assert f"With a larger limit it goes on: cotbench run --resume {first.folder} --max-tokens-total N" in first.notes
    noted = compare([load_run(first.folder)]).notes
    assert any("Go on with a larger limit" in note and note.endswith(" --max-tokens-total N") for note in noted)
    before = records(first)
    assert {len(rows) for rows in of_questions(before).values()} == {2}, "of the beginning that is complete"
    assert records(cotbench.run(resume=first, progress=False)) == before
    more = cotbench.run(resume=first, max_tokens_total=9_000, progress=False)
    assert set(asked(first)) <= set(asked(more))
    assert len(asked(more)) < ROWS
    prices = tmp_path / "prices.yaml"
    prices.write_text("{in: 1, out: 1}")
    dear = cotbench.run(resume=first, max_tokens_total=10**9, max_cost=0.02, prices=prices, progress=False)
    stopped = read_manifest(dear.folder).stopped
    assert stopped is not None
    assert stopped.why == "--max-cost 0.02"
    assert any(note.endswith(" --max-cost N --prices FILE") for note in dear.notes)
    assert "none" not in {row.why for row in compare([load_run(dear.folder)]).stopped}


@pytest.mark.patient
def test_a_run_that_learns_nothing_asks_all_questions_and_knows_their_mean(tmp_path: Path) -> None:
    run = ran(tmp_path, "sample", until="0.01")
    whole = ran(tmp_path, "sample")
    assert records(run) == records(whole)
    assert run.id != whole.id
    [row] = compare([load_run(run.folder)]).stopped
    assert row.delta.low == pytest.approx(row.delta.value)
    assert row.delta.high == pytest.approx(row.delta.value)


@pytest.mark.patient
def test_a_probe_asks_the_first_questions_that_the_run_will_ask(main: Cli, stories: Path, tmp_path: Path) -> None:
    command = ["run", "--model", "stub", "--task", stories, "--mode", "direct,cot", "--until", "sign", "-q"]
    done = main(*command, "--model-args", FAR, "--output-dir", tmp_path / "out", "--probe", "10")
    assert done.code == 0, done.err
    [folder] = [path.parent for path in tmp_path.glob("out/*/manifest.json")]
    probed = set(asked(cotbench.Run(folder=folder)))
    done = main(*command, "--model-args", FAR, "--output-dir", tmp_path / "out")
    assert done.code == 0, done.err
    assert "the sign is known" in done.err
    assert len(probed) == 10
    assert len(probed & set(asked(cotbench.Run(folder=folder)))) == 10


# --- kills --------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_probe_of_a_run_with_a_limit_of_money_has_the_prices(main: Cli, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("{in: 1, out: 1}")
    options = ("--model", "stub", "--task", "sample", "--mode", "direct,cot", "--max-cost", "1", "--prices", prices)
    done = main("run", *options, "--probe", "2", "-q")
    assert done.code == 0, done.err
    assert f"--prices {prices}" in " ".join(done.out.split())


def test_jobs_that_wait_for_what_was_just_collected_are_begun() -> None:
    """Where all on record is read in the look of a turn that began nothing, the loop isn't over: new questions come."""
    waited, begun = [], []

    class Waiting(Loop):
        def _collect(self, station: Any, wait_s: float) -> None:
            waited.append(station)

        def _start(self) -> int:
            new = bool(waited) and not begun
            begun.extend(["a job"] * new)
            return int(new)

    idle: Any = SimpleNamespace(pending=0, works_alone=False, token_ends=None)
    Waiting(iter(()), idle, idle, idle, lambda *_: None, Tally(total=1)).run()
    assert begun


@pytest.mark.patient
def test_a_run_that_is_killed_anywhere_ends_where_an_undisturbed_one_does(stories: Path, tmp_path: Path) -> None:
    slow = f"{FAR},in_flight=4,latency_s=0.02"
    whole = ran(tmp_path / "whole", stories, until="sign", model_args=slow)
    output = tmp_path / "killed"
    command = ["run", "--model", "stub", "--task", str(stories), "--mode", "direct,cot", "--until", "sign", "-q"]
    command += ["--model-args", slow, "--reuse", "off", "--output-dir", str(output)]
    for point in sorted(random.Random(0).sample(range(1, lines(whole.folder) - 8), 3)):
        folder = killed_at(point, command, output)
        assert read_manifest(folder).stopped is None, "it was killed before it knew"
    killed = ran(output, stories, until="sign", model_args=slow)
    assert killed.id == whole.id
    assert records(killed) == records(whole)
    before, after = (read_manifest(run.folder).stopped for run in (whole, killed))
    assert before is not None
    assert after is not None
    assert before.tasks == after.tasks


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"until": "sign", "shard": "1/2"}, "stop a whole run, and"),
        ({"until": "0"}, "expected a half-width in points"),
        ({"until": "soon"}, "found 'soon'"),
        ({"until": "sign", "arms": "cot"}, "expected direct and arms to be compared with it, found cot on stories"),
        ({"max_cost": 1}, "there is no file of prices"),
        ({"max_hours": "-1"}, "expected a number of hours above 0"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(
    given: dict[str, Any], said: str, stories: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        ran(tmp_path, stories, **given)


@pytest.mark.patient
def test_the_goal_is_no_part_of_what_a_run_is_and_a_run_without_one_is_as_before(stories: Path, tmp_path: Path) -> None:
    plain, limited = ran(tmp_path, stories, limit=20), ran(tmp_path, stories, limit=20, max_hours=5)
    assert "drawn" not in read_manifest(plain.folder).spec_row
    assert {**read_manifest(limited.folder).spec_row, "drawn": 1} == {
        **read_manifest(plain.folder).spec_row,
        "drawn": 1,
    }
    assert plain.id != limited.id


# --- reports ------------------------------------------------------------------------------------------------------

OF_SEQUENCES = {  # the columns that a drawn run has intervals and tests in: all of them are from a sequence
    "modes": {"low", "high"},
    "deltas": {"low", "high", "p", "p_holm", "p_bonferroni"},
    "groups": {"low", "high", "p"},
    "splits": {"low_symbolic", "high_symbolic", "low_other", "high_other"},
    "stopped": {"low", "high", "p"},
    "looks": {"low", "high"},
    "locked": {"low", "high", "p"},
}
ENDS = re.compile(r"(^|_)(low|high|se|p|holm|bonferroni|mcnemar|clustered|flips|mde|needed)(_|$)")


def uncertain(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, rows in report.items():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                yield from ((kind, name) for name, value in row.items() if ENDS.search(name) and value is not None)


@pytest.mark.patient
def test_no_row_of_a_drawn_run_has_an_interval_that_is_not_a_sequences(stories: Path, tmp_path: Path) -> None:
    """Whatever arms there are: those with votes, searches, budgets and tools have tables of their own."""
    arms = "direct,cot,free,self-consistency,direct-votes,refine,best-of-n,pal,tools"
    arms += ",early,own,filler,other,shuffled,cascade,self-consistency@stop=adaptive"
    run = ran(tmp_path, stories, arms, max_tokens_total=600_000, lock="auto", paths=3)
    found = compare([load_run(run.folder)]).as_dict()
    assert found["stopped"]
    for kind, name in uncertain(found):
        assert name in OF_SEQUENCES.get(kind, ()), (kind, name)
    whole = compare([load_run(ran(tmp_path, stories, arms, limit=40, paths=3).folder)]).as_dict()
    left_out = {kind for kind, _ in uncertain(whole)} - OF_SEQUENCES.keys()
    assert left_out  # the walk sees them where there are any
    assert not any(found[kind] for kind in left_out - {"costs"})


@pytest.mark.patient
def test_a_gate_on_a_figure_that_a_drawn_run_does_not_have_says_so(stories: Path, tmp_path: Path) -> None:
    found = compare([load_run(ran(tmp_path, stories, "direct,cot,filler,early", limit=10, until=5).folder)])
    for figure in ("placebo[stories,filler] < 0.1", "area[stories,early] < 0.1"):
        with pytest.raises(UsageError, match="isn't worked out of a run that may stop at any question"):
            check_gate(parse_gate(figure), found)


@pytest.mark.patient
def test_figures_are_of_the_beginning_that_is_complete(stories: Path, tmp_path: Path) -> None:
    """A run that was killed has answers behind it, mostly short ones: they are in no figure."""
    run = ran(tmp_path, stories, until="5", model_args=NEAR)
    manifest = read_manifest(run.folder)
    order = drawn(list(read_questions(run.folder, manifest)[0].values()), 0)
    lost = order[30][0].id
    rows = [json.loads(line) for line in records(run).splitlines()]
    kept = [row for row in rows if (row["question"], row["mode"]) != (lost, "cot")]
    (run.folder / RECORDS).write_text("".join(json.dumps(row) + "\n" for row in kept))
    (run.folder / "records.table").unlink(missing_ok=True)
    manifest.status, manifest.stopped = "interrupted", None
    manifest.write(run.folder)
    found = compare([load_run(run.folder)])
    first = sum(map(len, order[:30]))
    assert [row.n for row in found.stopped] == [first]
    assert {row.n for row in found.modes if row.tag == "all"} == {first}
    assert found.stopped[0].behind == len(asked(run)) - first - 1
    assert any(f"{found.stopped[0].behind:,} answered behind them are in no figure" in note for note in found.notes)


@pytest.mark.patient
def test_primary_differences_are_corrected_for_all_of_them_and_others_are_called_secondary(
    stories: Path, tmp_path: Path
) -> None:
    run = ran(tmp_path, stories, "direct,cot,free", f"{FAR},free=0.7", until="8")
    found = compare([load_run(run.folder)], ["direct", "free"])
    rows = {(row.mode, row.baseline, row.tag): row for row in found.deltas}
    primary = rows["cot", BASE, "all"]
    assert primary.family == 2
    assert primary.p_holm == pytest.approx(min(1.0, 2 * (primary.delta.p or 0.0)))
    assert (primary.verdict, primary.why) == ("helps", "")
    other = rows["cot", "free", "all"]
    assert other.family is None
    assert other.verdict != "helps" or "secondary" in other.why
    assert {row.mode for row in found.stopped} == {"cot", "free"}
    assert "stopped" in {section.key for section in sections(found)}


@pytest.mark.patient
def test_drawn_runs_of_one_order_are_paired_and_others_kept_apart(stories: Path, tmp_path: Path) -> None:
    one = ran(tmp_path, stories, "direct,cot", max_tokens_total=9_000)
    other = ran(tmp_path, stories, "free", max_tokens_total=9_000)
    found = compare([load_run(one.folder), load_run(other.folder)])
    assert {(row.mode, row.tests) for row in found.stopped} == {("cot", 2), ("free", 2)}
    whole = ran(tmp_path, stories, "direct,free")
    apart = compare([load_run(one.folder), load_run(whole.folder)])
    assert len({row.model for row in apart.modes}) == 2
    assert any("kept apart" in note for note in apart.notes)


@pytest.mark.patient
def test_scoring_showing_and_exporting_take_a_drawn_run_as_any(main: Cli, stories: Path, tmp_path: Path) -> None:
    run = ran(tmp_path, stories, until="sign")
    before = records(run)
    assert main("score", run.folder).code == 0
    assert records(run) == before
    assert main("show", run.folder, asked(run)[0]).code == 0
    assert main("export", run.folder, "--to", "csv", "--output", tmp_path / "out").code == 0
    done = main("merge", run.folder, "--output-dir", tmp_path)
    assert done.code != 0
    assert "shard" in done.err
    assert (run.folder / MANIFEST).exists()


# --- what is expected ---------------------------------------------------------------------------------------------


def test_what_is_expected_is_near_what_simulations_say() -> None:
    """Medians of `tests/test_sequence.py`'s simulations of MMLU, in %."""
    of = 14_042
    for word, effect, share in (("sign", 0.1, 1.9), ("sign", 0.05, 6.9), ("sign", 0.02, 28.3), ("2", 0.0, 29.9)):
        assert Goal(word, 1).questions(effect, of) / of * 100 == pytest.approx(share, rel=0.3), (word, effect)


def test_a_dry_run_says_what_is_expected(main: Cli, stories: Path) -> None:
    done = main("run", "--model", "stub", "--task", stories, "--mode", "direct,cot", "--until", "3", "--dry-run")
    assert done.code == 0, done.err
    assert "--until 3: of stories's 400 questions about" in " ".join(done.out.split())


def test_an_arm_that_only_measures_leaves_nothing_to_know(main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", "demo", "--mode", "early", "--until", "5", "--limit", "20")
    assert done.code == 2
    assert "--until: expected direct and arms to be compared with it, found none that answer on demo" in done.err
