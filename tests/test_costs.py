"""What a run keeps of what its answers cost, and what a report makes of it: tokens of each kind, money, seconds."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Cli, Outcome
from handmade import OUTCOMES, QUESTIONS, make_record, make_run, write_journal, write_run
from mock_server import Answer, Json, MockServer, chat
from test_openai_engine import environment
from test_servers import quick

from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.cost import busy_seconds, gpus_of, spent_of
from cotbench.analysis.gates import FIGURES, check_gate, parse_gate
from cotbench.analysis.pairing import load_run, panels_of
from cotbench.analysis.prices import HourPrice, Prices, TokenPrice, read_prices
from cotbench.analysis.ratios import ABOVE, NOT_BELOW, Worth
from cotbench.engines.replies import read_usage
from cotbench.engines.vllm import _cached, _seconds
from cotbench.errors import UsageError
from cotbench.report.cost import amount, costs, decision, decisions, figure, payoffs, sentences
from cotbench.report.findings import texts
from cotbench.report.sections import sections
from cotbench.runs.tally import Tally
from cotbench.store.journal import Journal, JournalIndex
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

__all__ = ["environment", "quick"]  # fixtures that apply to this file too

PRICES = "currency: USD\nmodels: {m: {in: 1, cached: 0.1, out: 10}}\n"
COUNT, PATHS, DELAY_S = 12, 4, 0.15


# --- a run on a server that tells all -----------------------------------------------------------------------------


def answer(body: Json, *, alone: bool, delay_s: float = DELAY_S, cached: int | None = 60) -> Answer:
    """Right for even numbers by one path, for all by several. A prompt has 100 tokens, a path 20."""
    numbers = re.findall(r"x = (\d+)", body["messages"][-1]["content"])
    if not numbers:  # whether the server goes on from the beginning of a reply is tried first
        return Answer(body=chat("80"))
    number = int(numbers[-1])
    right = body["temperature"] > 0 or number % 2 == 0
    paths = 1 if alone else body.get("n", 1)
    text = f"We add one.\nAnswer: {number + 1 if right else 0}"
    reply = chat(*[text] * paths)
    reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 20 * paths, "total_tokens": 100 + 20 * paths}
    if cached is not None:
        reply["usage"]["prompt_tokens_details"] = {"cached_tokens": cached}
    return Answer(body=reply, delay_s=delay_s)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    rows = [{"question": f"If x = {i}, what is x + 1?", "answer": str(i + 1)} for i in range(1, COUNT + 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "prices.yaml").write_text(PRICES)
    return path


def ran(main: Cli, own: Path, script: Callable[[Json, int], Answer]) -> Path:
    with MockServer(lambda _path, _headers, body, seen: script(body, seen)) as server:
        done = main(
            *("run", "--engine", "openai", "--base-url", server.url, "--model", "m", "--task", own, "--quiet"),
            *("--mode", "cot,self-consistency", "--paths", PATHS, "--concurrency", 8, "-o", own.parent / "results"),
        )
    assert done.code == 0, done.err
    [manifest] = (own.parent / "results").glob("*/manifest.json")
    return manifest.parent


def reported(main: Cli, run: Path, *more: object) -> tuple[Json, Outcome]:
    done = main("report", run, "--baseline", "cot", "--no-plots", "--no-page", "--full", *more)
    assert done.code == 0, done.err
    found: Json = json.loads((run / "report" / "report.json").read_text())
    return found, done


def row_of(found: Json, kind: str, mode: str) -> Json:
    [row] = [row for row in found[kind] if row["mode"] == mode and row["tag"] == "all"]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize("alone", [False, True], ids=["all paths at once", "one path a response"])
def test_a_run_on_a_server_costs_what_the_server_was_asked_for(
    main: Cli, own: Path, alone: bool, tmp_path: Path
) -> None:
    run = ran(main, own, lambda body, _: answer(body, alone=alone))
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    for line in lines:
        sent = PATHS if alone and len(line["completions"]) > 1 else 1
        assert line["cached_tokens"] == 60 * sent
        assert line.get("more_prompt_tokens") == (100 * (sent - 1) or None)
        assert line["seconds"] >= DELAY_S
    # The longest exchange, not the sum: paths don't build on each other. One reply may wait for a busy machine.
    for voted in (False, True):
        waited = [line["seconds"] for line in lines if (len(line["completions"]) > 1) == voted]
        assert statistics.median(waited) < 3 * DELAY_S
    found, done = reported(main, run, "--prices", tmp_path / "prices.yaml")
    one, votes = (row_of(found, "costs", mode) for mode in ("cot", "self-consistency"))
    sent = PATHS if alone else 1
    # By hand: 40 new prompt tokens at 1, 60 cached at 0.1, 20 of completion at 10, all per million.
    each, several = (40 + 6 + 200) / 1e6, sent * (40 + 6) / 1e6 + PATHS * 200 / 1e6
    assert one["cost_per_1000"] == pytest.approx(1000 * each)
    assert votes["cost_per_1000"] == pytest.approx(1000 * several)
    assert one["cost_of_pass"] == pytest.approx(2 * each)
    assert votes["cost_of_pass"] == pytest.approx(several)
    assert one["tokens_per_right"] == pytest.approx(40)
    assert (one["cached_prompt_tokens"], one["uncached_prompt_tokens"]) == (60, 40)
    assert (one["completion_tokens"], votes["completion_tokens"]) == (20, 20 * PATHS)
    assert one["mean_serial_tokens"] == votes["mean_serial_tokens"] == 20, "a vote waits once"
    for row in (one, votes):
        assert row["timed"] == COUNT
        assert DELAY_S <= row["seconds_p50"] < 3 * DELAY_S
        assert row["seconds_p50"] <= row["seconds_p95"]
        assert row["seconds_are"] == "from request sent to whole reply, up to 8 at once"
    pays = row_of(found, "payoffs", "self-consistency")
    assert pays["gain"] == pytest.approx(1 / 2)
    assert pays["cost_per_extra"] == pytest.approx(2 * (several - each))
    assert pays["more_cost"] == pytest.approx(1000 * (several - each))
    assert pays["more_tokens"] == pytest.approx(60)
    assert "USD per 1,000" in done.out
    comparison = compare([load_run(run)], ["cot"], prices=read_prices(tmp_path / "prices.yaml"))
    for name in (name for name, known in FIGURES.items() if known.rows in ("costs", "payoffs")):
        assert check_gate(parse_gate(f"{name}[own,self-consistency] >= -1000"), comparison).holds, name
    assert (
        (run / "report" / "costs.csv")
        .read_text()
        .startswith("model,task,mode,tag,run,n,correct,currency,cost_per_1000,")
    )
    assert "cost_per_extra_decision" in (run / "report" / "payoffs.csv").read_text().splitlines()[0]


@pytest.mark.patient
def test_seconds_are_of_the_exchange_that_was_answered(main: Cli, own: Path) -> None:
    def script(body: Json, seen: int) -> Answer:
        return Answer(status=500, delay_s=0.5) if seen == 1 else answer(body, alone=False, delay_s=0.0, cached=None)

    run = ran(main, own, script)
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    assert all(line["seconds"] < 0.5 and "cached_tokens" not in line for line in lines)
    found, done = reported(main, run, "--prices", own.parent / "prices.yaml")
    row = row_of(found, "costs", "cot")
    assert row["cached_prompt_tokens"] is None
    assert row["cost_per_1000"] == pytest.approx(1000 * 300 / 1e6)
    assert "doesn't tell which prompt tokens a cache had" in " ".join(done.out.split())


def test_a_price_of_hours_is_shared_out_to_the_last_cent(main: Cli, own: Path) -> None:
    run = ran(main, own, lambda body, _: answer(body, alone=False))
    (own.parent / "hours.json").write_text('{"currency": "€", "default": {"gpu_hour": 3.6, "gpus": 2}}')
    found, done = reported(main, run, "--prices", own.parent / "hours.json")
    [session] = json.loads((run / "manifest.json").read_text())["sessions"]
    assert DELAY_S <= session["busy_s"] <= session["wall_s"]
    rows = [row for row in found["costs"] if row["tag"] == "all"]
    assert sum(row["cost_per_1000"] * row["n"] / 1000 for row in rows) == pytest.approx(session["busy_s"] * 2 / 1000)
    one, votes = (row_of(found, "costs", mode) for mode in ("cot", "self-consistency"))
    # 40 uncached prompt tokens as 0.2 of a completion token each.
    assert votes["cost_per_1000"] / one["cost_per_1000"] == pytest.approx((8 + 80) / (8 + 20))
    assert (one["gpus"], one["busy_s"]) == (2, session["busy_s"])
    assert "shared out among its answers" in " ".join(done.out.split())


# --- what is told in passing --------------------------------------------------------------------------------------


def test_what_a_line_tells_is_found_without_parsing_it(tmp_path: Path) -> None:
    """Texts that look like what is looked for change nothing."""
    hostile = 'x"],"seconds":9,"cached_tokens":9,"crc":"00000000"}\n"completion_tokens":77,"finish_reason":"'
    paths = [
        Completion(text=hostile, reasoning=hostile, finish_reason="stop", prompt_tokens=5, completion_tokens=count)
        for count in (3, 8, 1)
    ]
    replies = {
        "plain": Reply(completions=(paths[0],)),
        "votes": Reply(completions=tuple(paths), seconds=1.23456789, cached_tokens=0),
        "more": Reply(completions=tuple(paths), total_completion_tokens=12, more_prompt_tokens=10, seconds=1e-7),
        "sums": Reply(
            completions=tuple(Completion(text="a" * size, finish_reason="stop") for size in (10, 30)),
            total_completion_tokens=40,
        ),
        "none": Reply(completions=(Completion(text="a", finish_reason="stop"),) * 2),
    }
    journal = Journal(tmp_path / "journal.jsonl", 0)
    for name, reply in replies.items():
        sampling = Sampling(max_tokens=9, n=len(reply.completions))
        request = Request(messages=(Message(role="user", text="?"),), sampling=sampling)
        journal.append([(Key("q", name, 0, 0), request, None, reply)])
    journal.close()
    index = JournalIndex(tmp_path / "journal.jsonl")
    told = {name: index.told(Key("q", name, 0, 0)) for name in replies}
    assert {name: one.longest_tokens for name, one in told.items()} == {
        "plain": 3, "votes": 8, "more": 8, "sums": 30, "none": None,
    }  # fmt: skip
    assert [told["votes"].cached_tokens, told["votes"].seconds] == [0, 1.2346]
    assert [told["more"].more_prompt_tokens, told["more"].cached_tokens, told["more"].seconds] == [10, None, 0.0]
    assert told["plain"][1:] == (None, None, None)
    assert index.told(Key("q", "absent", 0, 0)) == (None,) * 4
    for name, reply in replies.items():
        stored = index.reply(Key("q", name, 0, 0))
        assert stored is not None
        assert stored.reply() == reply


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 64}}, 64),
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 0}}, 0),
        ({"prompt_tokens": 100, "prompt_tokens_details": None}, None),
        ({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 64}}, 64),
        ({"prompt_tokens": 100, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, 64),
        ({"promptTokenCount": 100, "cachedContentTokenCount": 64}, 64),
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 101}}, None),
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": -1}}, None),
        ({"prompt_tokens_details": {"cached_tokens": 64}}, None),
        ({"prompt_tokens": 100}, None),
    ],
)
def test_cached_tokens_are_read_as_hosts_name_them(usage: Json, cached: int | None) -> None:
    assert read_usage(usage).cached == cached


def test_vllm_tells_of_a_path_by_itself_only() -> None:
    times = SimpleNamespace(scheduled_ts=10.0, last_token_ts=12.5)
    one = SimpleNamespace(outputs=[1], num_cached_tokens=48, metrics=times)
    assert (_cached(one, 64), _seconds(one)) == (48, 2.5)
    several = SimpleNamespace(outputs=[1, 2], num_cached_tokens=64, metrics=times)
    assert (_cached(several, 64), _seconds(several)) == (None, None)
    by_default = SimpleNamespace(outputs=[1], num_cached_tokens=None, metrics=None)
    assert (_cached(by_default, 64), _seconds(by_default)) == (None, None)
    assert (_cached(None, 64), _seconds(None)) == (None, None)


def test_an_engine_is_busy_while_it_has_something_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("cotbench.runs.tally.time.monotonic", lambda: now)
    tally = Tally(total=1, started=0.0)
    for now, in_flight in ((5.0, 2), (6.0, 1), (8.0, 0), (20.0, 3), (21.0, 0), (30.0, 1)):  # noqa: B007
        tally.fly(in_flight)
    now = 31.0
    tally.land()
    assert tally.busy_s == pytest.approx(3.0 + 1.0 + 1.0)


def test_of_two_engines_the_run_is_busy_while_either_has_something_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("cotbench.runs.tally.time.monotonic", lambda: now)
    tally, first, second = Tally(total=1, started=0.0), object(), object()
    for now, station, in_flight in ((1.0, first, 2), (2.0, second, 1), (4.0, first, 0), (7.0, second, 0)):  # noqa: B007
        tally.fly(in_flight, station)
    assert (tally.busy_s, tally.in_flight) == (pytest.approx(6.0), 0)


# --- steps --------------------------------------------------------------------------------------------------------


def test_what_one_waits_for_is_the_longest_of_each_step(main: Cli, tmp_path: Path) -> None:
    """Against the journal, read by hand: paths that state no answer are gone on with, all in one step."""
    done = main("run", "--model", "stub", "--task", "sample", "--mode", "cot,self-consistency", "--quiet")
    assert done.code == 0, done.err
    [folder] = [path.parent for path in (tmp_path / "results").glob("*/manifest.json")]
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    longest = {
        (line["question"], line["request"], line["ordinal"]): max(
            path["completion_tokens"] for path in line["completions"]
        )
        for line in lines
    }
    run = load_run(folder)
    [panel] = panels_of([run])[0]
    side_by_side = 0
    for cell in panel.cells.values():
        serial = spent_of(cell).serial
        for row, known in zip(cell.rows, serial, strict=True):
            assert row is not None
            took = [longest[row.question, str(request), int(ordinal)] for request, ordinal in row.requests]
            # The first request of these modes is a step by itself; all that it was gone on with are the other.
            assert known == took[0] + max(took[1:], default=0)
            side_by_side += len(took) > 2
    assert side_by_side, "no vote with several paths that were gone on with"


# --- rows ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def priced(tmp_path: Path) -> Iterator[Callable[..., Comparison]]:
    """`priced(outcomes)`: direct costs 4 tokens, others 40, for ten questions of which four are symbolic."""

    def make(outcomes: dict[str, str], prices: Prices | None = None) -> Comparison:
        return compare([load_run(make_run(tmp_path / "r", outcomes))], prices=prices)

    yield make


TOKENS = Prices(currency="USD", default=TokenPrice(prompt=0.0, cached=0.0, completion=1e6 / 4))


def test_money_is_tokens_where_only_tokens_cost_something(priced: Callable[..., Comparison]) -> None:
    found = priced({"direct": "wwwwwwwwwc", "cot": "ccccccccwc"}, TOKENS)
    [row] = [row for row in found.payoffs if row.tag == "all"]
    assert row.tokens.decision == row.money.decision == ABOVE
    assert row.money.value == pytest.approx((row.tokens.value or 0) / 4)
    assert row.money.high == pytest.approx((row.tokens.high or 0) / 4)
    assert row.tokens.value == pytest.approx(36 / 0.8)
    rows = {row.mode: row for row in found.costs if row.tag == "all"}
    assert rows["cot"].cost.value == pytest.approx(10_000)
    assert rows["cot"].cost_of_pass == pytest.approx(10 / 0.9)
    of_modes = {row.mode: row for row in found.modes if row.tag == "all"}
    assert rows["cot"].tokens_per_right == of_modes["cot"].tokens_per_correct
    assert rows["cot"].completion_tokens == of_modes["cot"].completion.mean


def test_each_side_of_the_tag_has_its_own_price(priced: Callable[..., Comparison]) -> None:
    found = priced({"direct": "wwwwwwwwww", "cot": "ccccwwwwww"})
    by_tag = {row.tag: row for row in found.payoffs}
    assert by_tag["symbolic"].tokens.value == pytest.approx(36)
    assert by_tag["non-symbolic"].tokens.value is None
    assert by_tag["non-symbolic"].tokens.decision == NOT_BELOW
    assert (by_tag["symbolic"].n, by_tag["non-symbolic"].n) == (4, 6)
    [row] = [row for row in costs(found).rows if row.mode == "direct"]
    assert (row.tokens_per_right, row.per_right.value) == (float("inf"), None)
    json.dumps(found.as_dict(), allow_nan=False)


def test_without_prices_all_is_in_tokens_and_with_prices_for_others_too(priced: Callable[..., Comparison]) -> None:
    outcomes = {"direct": "wwwwwwwwwc", "cot": "ccccccccwc"}
    plain = priced(outcomes)
    assert "in tokens" in payoffs(plain).title
    assert {row.currency for row in (*plain.costs, *plain.payoffs)} == {""}
    assert {row.cost.value for row in plain.costs} == {row.money.value for row in plain.payoffs} == {None}
    assert sentences(plain) == []
    [said] = texts(decisions(plain))
    assert said.startswith("CoT pays where a right answer is worth more than 45.0 tokens on t (")


def test_a_model_that_no_price_is_about_is_named(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path / "r", {"direct": "wwwwwwwwwc", "cot": "ccccccccwc"}))
    found = compare([run], prices=Prices(currency="USD", models={"other": HourPrice(hour=1)}))
    assert "--prices says nothing of m, so what it costs isn't known." in found.notes
    assert {row.cost.value for row in found.costs} == {None}
    assert texts(decisions(found))[0].startswith("CoT pays where a right answer is worth more than 45.0 tokens")


def test_a_run_without_sessions_has_no_price_of_hours(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path / "r", {"direct": "wwwwwwwwwc", "cot": "ccccccccwc"}))
    found = compare([run], prices=Prices(currency="USD", default=HourPrice(hour=1)))
    assert any("doesn't say how long a model was at work" in note for note in found.notes)
    assert {row.cost.value for row in found.costs} == {None}


def test_busy_seconds_are_those_of_all_sessions(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path / "r", {"direct": "wwwwwwwwwc"}))
    run.manifest.sessions += [{"wall_s": 90.0, "busy_s": 60.0}, {"command": ["cotbench", "score"]}]
    assert busy_seconds(run) == (60.0, True)
    run.manifest.sessions.append({"wall_s": 30.0})  # of an earlier version
    assert busy_seconds(run) == (90.0, False)
    assert gpus_of(run) == 1
    run.manifest.spec_row["model_args"] = {"tensor_parallel_size": 4, "pipeline_parallel_size": 2, "dtype": "auto"}
    assert gpus_of(load_run_again(run)) == 8


def load_run_again(run: Any) -> Any:
    """The run, its spec read anew."""
    run.manifest.__dict__.pop("spec", None)
    return run


def test_a_run_whose_journal_tells_nothing_is_reported_as_before(tmp_path: Path) -> None:
    """As earlier versions wrote it: several paths, no seconds, nothing of a cache."""
    voted = {"votes": {"answers": [], "ballots": [None] * 3, "abstained": {}, "margin": 0}}
    rows = [
        make_record(
            question=question.id, task="t", mode=mode, outcome=OUTCOMES["c" if mode == "votes" else "w"], answer="1",
            gold="1", prompt_tokens=10, completion_tokens=12, requests=[[mode, 0]],
            **(voted if mode == "votes" else {}),
        )
        for mode in ("direct", "votes")
        for question in QUESTIONS
    ]  # fmt: skip
    folder = write_run(tmp_path / "r", QUESTIONS, rows)
    write_journal(
        folder,
        {
            (question.id, mode): [
                Completion(text="1", finish_reason="stop", prompt_tokens=10, completion_tokens=count)
                for count in ((2, 3, 7) if mode == "votes" else (12,))
            ]
            for question in QUESTIONS
            for mode in ("direct", "votes")
        },
    )
    found = compare([load_run(folder)])
    by_mode = {row.mode: row for row in found.costs if row.tag == "all"}
    assert (by_mode["votes"].serial.mean, by_mode["direct"].serial.mean) == (7, 12)
    assert (by_mode["votes"].timed, by_mode["votes"].seconds_p50, by_mode["votes"].seconds_are) == (0, None, "")
    assert by_mode["votes"].cached_prompt_tokens is None


# --- gates and words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "cost[t,cot] > 0",
        "cost_of_pass[t,cot] < 1e9",
        "cost_per_extra[t,cot] > 0",
        "cost_per_extra_high[t,cot] > 0",
        "more_cost[t,cot] > 0",
        "tokens_per_right[t,cot] > 0",
        "tokens_per_extra[t,cot] == 45",
        "tokens_per_extra_low[t,cot] > 0",
        "more_tokens[t,cot] == 36",
    ],
)
def test_each_figure_has_a_gate(priced: Callable[..., Comparison], text: str) -> None:
    found = priced({"direct": "wwwwwwwwwc", "cot": "ccccccccwc"}, TOKENS)
    assert check_gate(parse_gate(text), found).holds


def test_a_gate_on_money_needs_prices(priced: Callable[..., Comparison]) -> None:
    found = priced({"direct": "wwwwwwwwww", "cot": "ccccccccwc"})
    with pytest.raises(UsageError, match="there are no prices") as refused:
        check_gate(parse_gate("cost[t,cot] > 0"), found)
    assert "--prices" in refused.value.hint
    with pytest.raises(UsageError, match="cost has no baseline"):
        parse_gate("cost[t,cot,baseline=direct] > 0")
    with pytest.raises(UsageError, match="not estimable"):
        check_gate(parse_gate("seconds_p95[t,cot] > 0"), found)
    assert check_gate(parse_gate("tokens_per_right[t,direct] > 1e9"), found).holds, "infinite where none was right"


def test_prices_that_cant_be_read_end_the_command_before_anything_is_read(main: Cli, tmp_path: Path) -> None:
    done = main("report", "nothing-here", "--prices", tmp_path / "none.yaml")
    assert done.code == 3
    assert "none.yaml: there is no such file" in done.err


def test_amounts_have_about_three_digits() -> None:
    assert [figure(value) for value in (0.0, 1234.5, 12.345, 0.12345, 0.000012345, -0.5, None, float("inf"))] == [
        "0", "1,234", "12.35", "0.123", "0.0000123", "−0.500", "–", "∞",
    ]  # fmt: skip
    assert [amount(-0.5, "USD"), amount(12.0, "CHF"), amount(12.0, "CHF", bare=True)] == [
        "−$0.500",
        "12.00 CHF",
        "12.00",
    ]
    assert [amount(1234.5, ""), amount(None, "USD"), amount(2.0, "kr.")] == ["1,234 tokens", "–", "kr.2.00"]


OUTCOMES_OF: dict[str, tuple[str, str, str, str]] = {
    "more for more": ("wwwwwwwwwc", "ccccccccwc", "if worth more", "CoT pays where a right answer"),
    "less for more": ("cccccccccc", "wwwwwwwwww", "never: worse and dearer", "CoT is worse and dearer"),
    "nothing for more": ("cwcwcwcwcw", "cwcwcwcwcw", "not estimable; not below", "is not shown to pay"),
}


@pytest.mark.parametrize(("direct", "cot", "shown", "said"), OUTCOMES_OF.values(), ids=OUTCOMES_OF)
def test_table_and_sentence_say_the_same(
    priced: Callable[..., Comparison], direct: str, cot: str, shown: str, said: str
) -> None:
    found = priced({"direct": direct, "cot": cot})
    [row] = [row for row in found.payoffs if row.tag == "all"]
    assert decision(row.tokens, "").startswith(shown)
    [sentence] = texts(decisions(found))
    assert said in sentence
    assert [one.brief for one in decisions(found)] == [sentence], "of a single task the same"
    keys = {section.key: section for section in sections(found)}
    assert shown in keys["payoffs"].rows[0][-1]
    assert len(keys["costs"].rows) == 2


def test_the_cost_of_an_extra_answer_is_that_of_the_same_questions(tmp_path: Path) -> None:
    """Pairs leave out questions that only one of the two answered."""
    run = load_run(make_run(tmp_path / "r", {"direct": "eewwwwwwwc", "cot": "ccccccccee"}))
    [row] = [row for row in compare([run]).payoffs if row.tag == "all"]
    assert (row.n, row.gain) == (6, 1.0)
    assert row.more_tokens.value == pytest.approx(36)
    assert np.isclose(row.tokens.value or 0.0, 36.0)


def test_over_several_tasks_a_short_sentence_names_the_ends(priced: Callable[..., Comparison]) -> None:
    found = priced({"direct": "wwwwwwwwwc", "cot": "ccccccccwc"})
    other = [replace(row, task="u", tokens=replace(row.tokens, value=9.0)) for row in found.payoffs]
    third = [replace(row, task="v", tokens=Worth(decision=NOT_BELOW, bound=3.0)) for row in found.payoffs]
    found.payoffs.extend([*other, *third])
    [one] = decisions(found)
    assert one.brief == (
        "CoT pays where a right answer is worth more than 9.0 tokens (u) to 45.0 tokens (t). "
        "CoT costs more and is not shown to pay on v."
    )
    assert "below 3.0 tokens a right answer it is shown not to" in one.text
