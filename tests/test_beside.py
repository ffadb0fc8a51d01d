"""Arms with further calls beside votes of equal cost: records by hand, whose figures are worked out by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_record, write_run
from msgspec import structs

from cotbench.analysis.beside import BEATS, COMPLETION, EVERY, LESS, LOSES, MONEY, MORE, NOT_EQUAL, OPEN, Beside
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import FIGURES, check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.prices import Prices, TokenPrice
from cotbench.analysis.weights import read_weights
from cotbench.errors import UsageError
from cotbench.modes import MODES
from cotbench.report import beside, plots
from cotbench.report.findings import findings
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.store.journal import Journal
from cotbench.store.manifest import Lock, read_manifest
from cotbench.store.records import Record
from cotbench.types import Completion, Key, Message, Question, Reply, Request, Sampling

PATHS, EACH, PROMPT = 8, 20, 50  # of a vote, and tokens of a path and of its prompt
COUNT = 60


def questions(count: int = COUNT, task: str = "t") -> list[Question]:
    return [Question(id=f"{task}-{i:03}", task=task, text=f"Question {i} of {task}?", cluster="") for i in range(count)]


def votes(right: int, wrong: int) -> dict[str, Any]:
    """So many right paths, the others apart from each other but for so many that agree on a wrong answer."""
    ballots = [0] * right + [1] * wrong + [None] * (PATHS - right - wrong)
    spread = [ballots[place * 3 % PATHS] for place in range(PATHS)]
    answers = [
        {"answer": "1", "votes": right, "outcome": "correct"},
        {"answer": "2", "votes": wrong, "outcome": "wrong"},
    ]
    return {"answers": answers, "ballots": spread, "abstained": {}, "margin": abs(right - wrong)}


def rows_of(mode: str, right: Sequence[bool], task: str = "t", **given: Any) -> list[Record]:
    tokens = {"prompt_tokens": PROMPT, "completion_tokens": 5, "requests": [["r", 0]], **given}
    return [
        make_record(
            **{"question": question.id, "task": task, "mode": mode, "outcome": "correct" if good else "wrong",
               "answer": "1" if good else "2", "gold": "1", "rule": "contract", **tokens}
        )
        for question, good in zip(questions(len(right), task), right, strict=True)
    ]  # fmt: skip


def voted(task: str = "t", count: int = COUNT, mode: str = "self-consistency") -> list[Record]:
    """A vote that is right on the first two thirds of the questions, of which each third one is close."""
    made = [votes(5, 3) if i % 3 == 0 else votes(7, 1) if i < count * 2 // 3 else votes(1, 5) for i in range(count)]
    good = [one["answers"][0]["votes"] > one["answers"][1]["votes"] for one in made]
    rows = rows_of(mode, good, task, completion_tokens=PATHS * EACH)
    return [
        structs.replace(row, votes=make_record(**_plain(row), votes=one).votes)
        for row, one in zip(rows, made, strict=True)
    ]


def _plain(row: Record) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("question", "task", "mode", "outcome", "answer", "gold")}


def searched(
    better: int, task: str = "t", mode: str = "tot", tokens: int = 90, prompt: int = 400, **given: Any
) -> list[Record]:
    """An arm that is right on so many of the questions, in nine calls."""
    calls = [[f"r{i}", 0] for i in range(9)]
    right = [i % COUNT < better for i in range(COUNT)]
    return rows_of(mode, right, task, completion_tokens=tokens, prompt_tokens=prompt, requests=calls, **given)


def told(folder: Path, *records: Sequence[Record], **how: Any) -> Comparison:
    """A report of a run with these records, and the baseline's beside them: right on each tenth question."""
    tasks = dict.fromkeys(row.task for some in records for row in some)
    base = [row for task in tasks for row in rows_of("direct", [i % 10 == 0 for i in range(COUNT)], task)]
    asked = [question for task in tasks for question in questions(COUNT, task)]
    run = load_run(write_run(folder, asked, [*base, *(row for some in records for row in some)]))
    return compare([run], **how)


def row_of(found: Comparison, cost: str = COMPLETION, **wanted: str) -> Beside:
    [row] = [r for r in found.beside if r.cost == cost and all(getattr(r, n) == v for n, v in wanted.items())]
    return row


def verdict_of(found: Comparison, mode: str = "tot") -> tuple[str, str]:
    [delta] = [d for d in found.deltas if d.mode == mode and d.tag == "all" and d.task == "t"]
    return delta.verdict, delta.why


# --- figures ------------------------------------------------------------------------------------------------------


def test_an_arm_stands_beside_so_many_paths_as_cost_as_much(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(50))
    row = row_of(found)
    assert (row.paths, row.k, row.share, row.of) == (pytest.approx(4.5), 4, pytest.approx(0.5), PATHS)
    assert (row.equal, row.times, row.needed, row.n) == (True, pytest.approx(1), None, COUNT)
    assert (row.spent, row.per_path, row.accuracy) == (90, EACH, pytest.approx(50 / 60))
    points = {point.k: point for point in found.vote_points}
    assert [points[k].tokens for k in (1, 8)] == [EACH, PATHS * EACH]
    assert row.vote == pytest.approx((points[4].accuracy + points[5].accuracy) / 2)
    assert row.delta.value == pytest.approx((row.accuracy or 0) - (row.vote or 0))
    [of_vote] = [r for r in found.modes if r.mode == "self-consistency" and r.tag == "all"]
    assert points[8].accuracy == pytest.approx(of_vote.accuracy.value)


def test_prompts_of_a_vote_count_once_and_those_of_a_search_each_time(tmp_path: Path) -> None:
    row = row_of(told(tmp_path / "r", voted(), searched(50)), EVERY)
    assert row.paths == pytest.approx((400 + 90 - PROMPT) / EACH)
    assert (row.equal, row.needed, row.k) == (False, 22, PATHS)
    assert row.times == pytest.approx(490 / (PROMPT + PATHS * EACH))
    assert row.verdict == NOT_EQUAL
    assert row.why == "an equal budget takes 22 paths (--paths self-consistency=22)"
    assert row.at_equal.value is None


@pytest.mark.parametrize(
    ("better", "tokens", "verdict", "beats"),
    [
        (60, 90, BEATS, True), (41, 90, OPEN, False), (20, 90, LOSES, False), (60, 900, NOT_EQUAL, False),
        (20, 900, MORE, False), (60, 9, LESS, True), (41, 9, NOT_EQUAL, False),
    ],
)  # fmt: skip
def test_verdicts_beside_a_vote(tmp_path: Path, better: int, tokens: int, verdict: str, beats: bool) -> None:
    row = row_of(told(tmp_path / "r", voted(), searched(better, tokens=tokens)))
    assert (row.verdict, row.beats) == (verdict, beats)


def test_an_arm_is_judged_by_the_vote_over_chains_of_thought(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(mode="direct-votes"), voted(), searched(50))
    assert [(r.baseline, r.first) for r in found.beside if r.cost == COMPLETION] == [
        ("self-consistency", True), ("direct-votes", False),
    ]  # fmt: skip
    assert [row.mode for row in found.efforts] == ["tot", "self-consistency", "direct-votes"]
    only = told(tmp_path / "s", voted(mode="direct-votes"), searched(50))
    assert row_of(only).first


def test_programs_that_were_voted_over_are_a_vote_too(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(mode="pal"), voted(), searched(50))
    assert [r.baseline for r in found.beside if r.cost == COMPLETION] == ["self-consistency", "pal"]
    one_path = told(tmp_path / "s", rows_of("pal", [True] * COUNT), searched(50))
    assert not one_path.beside


def test_a_vote_that_shows_other_passages_or_is_greedy_is_no_equal(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(mode="self-consistency@context=gold"), searched(60))
    assert not found.beside
    assert "self-consistency" in found.doubts[0].text
    folder = tmp_path / "s"
    told(folder, voted(), searched(60))
    manifest = read_manifest(folder)
    manifest.spec_row["modes"]["t/self-consistency"] = {"sampling": {"temperature": 0.0}}
    manifest.write(folder)
    assert not compare([load_run(folder)]).beside


def test_efforts_say_what_was_called_and_read(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(50))
    tot, vote = found.efforts
    assert (tot.calls, tot.completion_tokens, tot.prompt_tokens, tot.search) == (9, 90, 400, True)
    assert (vote.calls, vote.completion_tokens, vote.prompt_tokens, vote.search) == (1, 160, PROMPT, False)


def test_a_judge_of_another_model_has_its_own_price(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    told(folder, voted(), searched(50, judge_prompt_tokens=300, judge_completion_tokens=40))
    manifest = read_manifest(folder)
    manifest.spec_row["judge"] = manifest.spec_row["model"] | {"model": "judge"}
    manifest.write(folder)
    own, other = TokenPrice(prompt=1, cached=1, completion=10), TokenPrice(prompt=0.1, cached=0.1, completion=1)
    found = compare([load_run(folder)], prices=Prices(currency="USD", models={"m": own, "judge": other}))
    row = row_of(found, MONEY)
    paid = (100 * 1 + 50 * 10 + 300 * 0.1 + 40 * 1) / 1e6
    assert row.spent == pytest.approx(paid)
    assert row.paths == pytest.approx((paid * 1e6 - PROMPT) / (10 * EACH))
    assert row.currency == "USD"
    [said] = beside.sentences(found)
    assert "for the same money ($0.000670 a question)" in said


def test_what_a_vote_was_gone_on_with_goes_by_its_paths_and_cached_tokens_are_told_by_both(tmp_path: Path) -> None:
    """Eight paths whose prompt of 50 was sent again seven times, 30 of each cached; two were gone on with, for 70 + 60
    prompt tokens, of which 20 + 0 were cached."""
    folder = tmp_path / "r"
    vote = [
        structs.replace(row, requests=(("a", 0), ("b", 0), ("c", 0)), prompt_tokens=180, completion_tokens=200)
        for row in voted()
    ]
    tree = [structs.replace(row, requests=(("d", 0),)) for row in searched(50)]
    told(folder, vote, tree)
    counts = {"a": (50, 350, 240, 8), "b": (70, None, 20, 1), "c": (60, None, 0, 1), "d": (400, None, 100, 1)}
    journal = Journal(folder / "journal.jsonl", 0)
    for question in questions():
        for name, (prompt, more, cached, paths) in counts.items():
            asked = Request(messages=(Message(role="user", text="?"),), sampling=Sampling(max_tokens=9, n=paths),
                            template="t")  # fmt: skip
            path = Completion(text="1", finish_reason="stop", prompt_tokens=prompt, completion_tokens=5)
            reply = Reply(completions=(path,) * paths, more_prompt_tokens=more, cached_tokens=cached)
            journal.append([(Key(question.id, name, 0, 0), asked, None, reply)])
    journal.close()
    row = row_of(compare([load_run(folder)]), EVERY)
    assert row.spent == 400 - 100 + 90
    one = 50 * (1 - 240 / 400) + (130 - 20) / 8 + 200 / 8
    whole = 400 - 240 + 130 - 20 + 200
    assert row.per_path == pytest.approx((whole - one) / 7)
    assert row.paths == pytest.approx(1 + (390 - one) / ((whole - one) / 7))


# --- what is said -------------------------------------------------------------------------------------------------


def test_help_is_said_only_where_a_vote_is_beaten(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(60))
    assert verdict_of(found) == ("helps", "")
    assert not found.doubts
    found = told(tmp_path / "s", voted(), searched(41))
    why = "it is not shown to beat a vote of 4.5 paths at the same tokens"
    assert verdict_of(found) == ("higher", why)
    [text] = [one.text for one in findings(found) if one.mode == "tot"]
    assert text.startswith("Tree of Thoughts scores higher than direct on t by ")
    assert f"), but {why}." in text
    assert "helps" not in " ".join(line for line in headlines(found) if "Tree" in line)
    assert verdict_of(found, "self-consistency")[0] == "helps"  # a vote is judged as ever


def test_without_a_vote_nothing_is_said_to_help_and_the_remedy_is_told(tmp_path: Path) -> None:
    found = told(tmp_path / "r", searched(60))
    assert verdict_of(found) == (
        "higher", "no vote at equal tokens is there to compare with: add self-consistency",
    )  # fmt: skip
    assert any("--mode self-consistency gives one" in note for note in found.notes)
    dear = told(tmp_path / "s", voted(), searched(60, tokens=900))
    assert verdict_of(dear)[1] == (
        "there is no vote at equal tokens to compare with: an equal budget takes 45 paths (--paths self-consistency=45)"
    )


def test_a_loss_is_a_loss_whatever_a_vote_does(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(60), searched(2, mode="refine"), baselines=("direct", "tot"))
    [delta] = [d for d in found.deltas if (d.mode, d.baseline, d.tag) == ("refine", "tot", "all")]
    assert delta.verdict == "hurts"


def test_over_tasks_an_arm_is_not_said_to_help_either(tmp_path: Path) -> None:
    records = [rows for task in ("t", "u") for rows in (voted(task), searched(60 if task == "t" else 41, task))]
    found = told(tmp_path / "r", *records)
    whole = {row.mode: row for row in found.pooled if row.side == "all" and not row.rule and row.unit == "question"}
    assert (whole["tot"].verdict, whole["self-consistency"].verdict) == ("higher", "helps")
    assert whole["tot"].why == "it is not shown to beat a vote at equal tokens on u"
    assert verdict_of(found) == ("helps", "")
    brief = beside.sentences(found, brief=True)
    assert brief == ["Tree of Thoughts beside a vote at the same tokens: above it on t; no clear difference on u."]


def test_in_a_users_mix_neither(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("symbolic: 40\nnon-symbolic: 60\n")
    texts = [f"{i} = x?" if i % 2 else "Who?" for i in range(COUNT)]
    asked = [Question(id=f"t-{i:03}", task="t", text=text, cluster="") for i, text in enumerate(texts)]
    base = rows_of("direct", [i % 10 == 0 for i in range(COUNT)])
    run = load_run(write_run(tmp_path / "r", asked, [*base, *voted(), *searched(41)]))
    found = compare([run], weights=read_weights(path))
    verdicts = {row.mode: row.verdict for row in found.weighted_deltas}
    assert (verdicts["tot"], verdicts["self-consistency"]) == ("higher", "helps")
    assert any("scores" in line and "points higher on t" in line for line in headlines(found))


def test_what_was_fixed_beforehand_is_told_with_the_doubt(tmp_path: Path) -> None:
    for better, doubted in ((60, False), (41, True)):
        folder = tmp_path / str(better)
        told(folder, voted(), searched(better))
        manifest = read_manifest(folder)
        manifest.lock = Lock(figure="delta", task="t", mode="tot", tag="all", baseline="direct", margin=0.02,
                             tag_rule="eq_question", tag_rule_version=1)  # fmt: skip
        manifest.write(folder)
        [fixed] = [line for line in headlines(compare([load_run(folder)])) if line.startswith("Fixed before")]
        assert ("but it is not shown to beat a vote of 4.5 paths at the same tokens." in fixed) is doubted


def test_sentences_are_plain(tmp_path: Path) -> None:
    [said] = beside.sentences(told(tmp_path / "a", voted(), searched(60)))
    assert (
        said.startswith("Tree of Thoughts is ")
        and " points above a vote of 4.5 paths at the same tokens on t (" in said
    )
    [said] = beside.sentences(told(tmp_path / "b", voted(), searched(20)))
    assert " points below a vote of 4.5 paths at the same tokens on t (−" in said
    [said] = beside.sentences(told(tmp_path / "c", voted(), searched(41)))
    assert said.startswith(
        "Tree of Thoughts is not clearly better or worse than a vote of 4.5 paths at the same tokens on t"
    )
    [said] = beside.sentences(told(tmp_path / "d", voted(), searched(60, tokens=900)))
    assert "a vote of all 8 paths on t" in said and "equal" not in said.partition("; an ")[0]
    assert said.endswith("for 5.6x its tokens; an equal budget takes 45 paths (--paths self-consistency=45).")
    [said] = beside.sentences(told(tmp_path / "e", voted(), searched(41, tokens=9)))
    assert "a vote of one path on t" in said and said.endswith("for 0.5x its tokens; no vote costs as little.")


def test_the_report_holds_the_tables_the_figures_and_the_plot(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(50))
    tables = {section.key: section for section in sections(found)}
    assert tables["beside"].title == "Beside a vote at equal tokens, in points"
    shown = dict(zip(tables["beside"].header, tables["beside"].rows[0], strict=True))
    assert (shown["paths"], shown["spent, times"], shown["verdict"]) == ("4.5 of 8", "equal", BEATS)
    assert "completion tokens" in shown["equal in"]
    assert dict(zip(tables["efforts"].header, tables["efforts"].rows[0], strict=True))["calls"] == "9.0"
    document = found.as_dict()
    row = next(row for row in document["beside"] if row["cost"] == COMPLETION)
    assert row["delta"] == row_of(found).delta.value
    assert {"low", "high", "se", "paths", "k", "share", "times", "verdict"} <= row.keys()
    json.dumps(document, allow_nan=False)
    drawn = {plot.stem: plot for plot in plots.draw(found, tmp_path / "plots")}
    assert drawn["beside"].section == "beside"
    assert "tot 83.3% at 90.0 tokens" in drawn["beside"].alt


def test_each_figure_has_a_gate(tmp_path: Path) -> None:
    priced = Prices(currency="USD", default=TokenPrice(prompt=0.01, cached=0.01, completion=10))
    found = told(tmp_path / "r", voted(), voted(mode="direct-votes"), searched(50), prices=priced)
    for name in (name for name, figure in FIGURES.items() if figure.rows in ("beside", "efforts")):
        if not (name.startswith("over_vote_all") and FIGURES[name].path.startswith("at_equal")):
            assert check_gate(parse_gate(f"{name}[t,tot] >= -1000"), found).holds, name
    row = row_of(found, baseline="self-consistency")
    assert check_gate(parse_gate(f"over_vote_paths[t,tot] == {row.paths}"), found).holds
    assert check_gate(parse_gate("over_vote[t,tot,baseline=direct-votes] > -1"), found).holds
    with pytest.raises(UsageError, match="an equal budget takes 22 paths"):
        check_gate(parse_gate("over_vote_all[t,tot] < 0"), found)


def test_gates_of_what_is_not_there_are_refused(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted(), searched(50))
    with pytest.raises(UsageError, match="there are no prices"):
        check_gate(parse_gate("over_vote_money[t,tot] < 0"), found)
    alone = told(tmp_path / "s", voted())
    with pytest.raises(UsageError, match="no arm here spends further calls beside a vote"):
        check_gate(parse_gate("over_vote[t,tot] < 0"), alone)


def test_a_report_without_such_arms_is_as_it_was(tmp_path: Path) -> None:
    found = told(tmp_path / "r", voted())
    assert [found.as_dict()[name] for name in ("beside", "efforts", "vote_points", "doubts")] == [[], [], [], []]
    assert not {"beside", "efforts"} & {section.key for section in sections(found)}
    assert beside.sentences(found) == []


def test_the_command_writes_all_of_it(tmp_path: Path, main: Cli) -> None:
    folder = tmp_path / "results" / "r"
    told(folder, voted(), searched(41))
    done = main("report", folder, "--no-page", "--no-plots")
    assert done.code == 0, done.err
    assert "Tree of Thoughts is not clearly better or worse than a vote of 4.5 paths" in done.out.replace("\n", " ")
    with (folder / "report" / "beside-votes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["cost"] for row in rows] == [COMPLETION, EVERY]
    summary = (folder / "report" / "summary.md").read_text()
    assert "## Beside a vote at equal tokens, in points" in summary and "not clearly better or worse" in summary
    schema = json.loads(main("report", "--json-schema").out)
    assert "vote stands as its baseline" in schema["$defs"]["Beside"]["description"]


@pytest.mark.parametrize(("beside_it", "told_so"), [((), True), (("self-consistency",), False), (("pal",), True)])
def test_before_tokens_are_spent_the_missing_vote_is_told(
    tmp_path: Path, main: Cli, beside_it: tuple[str, ...], told_so: bool
) -> None:
    """A program that is written once is no vote."""
    modes = ",".join(("direct", "tot", *beside_it))
    given = ("run", "--model", "stub", "--task", "sample", "--limit", 2, "--mode", modes, "-o", tmp_path)
    for more in (("--dry-run",), *([()] if told_so and not beside_it else [])):
        done = main(*given, *more)
        assert done.code == 0, done.err
        said = " ".join((done.out + done.err).split())
        assert ("tot spends further calls, and without a vote at equal tokens it is never said to" in said) is told_so


def test_which_modes_stand_beside_a_vote() -> None:
    """A mode that judges, searches or runs code in between says so, and no vote does."""
    asks = {name for name, mode in MODES.items() if mode.facts.beside_vote}
    assert {"tot", "best-of-n", "refine"} <= asks
    assert not any(MODES[name].facts.votes_over and not MODES[name].facts.picks for name in asks)


def test_clusters_are_what_is_drawn(tmp_path: Path) -> None:
    asked = [Question(id=f"t-{i:03}", task="t", text=f"Question {i}?", cluster=f"c{i // 6}") for i in range(COUNT)]
    base = rows_of("direct", [i % 10 == 0 for i in range(COUNT)])
    run = load_run(write_run(tmp_path / "r", asked, [*base, *voted(), *searched(50)]))
    row = row_of(compare([run]))
    plain = row_of(told(tmp_path / "s", voted(), searched(50)))
    assert (row.unit, row.clusters, plain.unit, plain.clusters) == ("cluster", 10, "question", None)
    assert row.delta.value == plain.delta.value
    assert (row.delta.se or 0) > (plain.delta.se or 1)


def test_questions_that_one_of_them_did_not_decide_are_left_out(tmp_path: Path) -> None:
    lost = [
        structs.replace(row, outcome=row.outcome.ENGINE_ERROR) if i < 7 else row for i, row in enumerate(searched(50))
    ]
    unknown = [structs.replace(row, completion_tokens=None) if i in (20, 21) else row for i, row in enumerate(lost)]
    row = row_of(told(tmp_path / "r", voted(), unknown))
    assert row.n == COUNT - 9
    nothing: Mapping[str, Any] = {"completion_tokens": None}
    none = [structs.replace(one, **nothing) for one in searched(50)]
    bare = row_of(told(tmp_path / "s", voted(), none))
    assert (bare.n, bare.verdict, bare.delta.value) == (0, "not estimable", None)
