"""Stations and modes that don't keep to their protocol: named at once, and nothing of the run lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cotbench.answers.kinds import KINDS
from cotbench.modes import MODES, Facts, Flow, Kit, Mode, Turn
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import make_plan
from cotbench.runs.session import RunResult, execute
from cotbench.runs.stations import STATIONS, StationRow, Ticket
from cotbench.types import Question, Verdict


@dataclass(frozen=True)
class Look:
    """A step that wants a text looked up."""

    items: tuple[str, ...]


class Shelf:
    """A station that gives each text back; `spoil` changes what `done` gives."""

    def __init__(self, spoil: Callable[[list[Any]], list[Any]] = lambda results: results) -> None:
        self._spoil = spoil
        self._results: list[tuple[Ticket, str]] = []

    @property
    def pending(self) -> int:
        return len(self._results)

    def submit(self, ticket: Ticket, work: str) -> None:
        self._results.append((ticket, work))

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, str]]:
        results, self._results = self._results, []
        return self._spoil(results)

    def close(self) -> None:
        pass


class Stubborn(Shelf):
    def close(self) -> None:
        raise OSError("the shelf can't be closed")


def looks(question: Question, kit: Kit) -> Flow:
    """Look the question up, twice, and answer."""
    [text] = yield Look((question.text,))
    [again] = yield Look((text,))
    assert again == text == question.text
    [path] = yield from kit.ask(question)
    return kit.read(question, path)


LOOKS = Mode(
    name="looks",
    about="",
    turns=(Turn(template="direct", max_tokens=64),),
    run=looks,
    facts=Facts(answers_in="words"),
    asks=(Look,),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunResult]:
    """Run a mode over six questions, with a station for its steps."""

    def call(mode: Mode = LOOKS, station: Callable[[], Any] = Shelf, beside: str = "direct") -> RunResult:
        monkeypatch.setitem(STATIONS, Look, StationRow(name="look", identity=lambda: "1", open=station))
        monkeypatch.setitem(MODES, mode.name, mode)
        options = RunOptions(model="stub", tasks=["sample"], modes=[mode.name, beside], limit=6)
        return execute(make_plan(options), tmp_path)

    return call


def test_a_station_that_keeps_to_it_is_asked_twice(run: Callable[..., RunResult]) -> None:
    assert run().tally.done == 12


@pytest.mark.parametrize(
    "spoil",
    [
        lambda results: results * 2,
        lambda results: [(ticket._replace(step=ticket.step - 1), text) for ticket, text in results],
        lambda results: [(ticket._replace(flow=999), text) for ticket, text in results],
        lambda results: [(ticket._replace(item=7), text) for ticket, text in results],
    ],
    ids=["twice", "for an earlier step", "for no flow", "for no item"],
)
def test_a_result_for_no_work_names_the_station(spoil: Callable[..., Any], run: Callable[..., RunResult]) -> None:
    with pytest.raises(RuntimeError, match="Shelf gave a result twice, or for no work of its own"):
        run(station=lambda: Shelf(spoil))


def test_results_that_never_come_are_no_interrupt(run: Callable[..., RunResult], tmp_path: Path) -> None:
    with pytest.raises(
        RuntimeError, match=r"6 flows wait for results that never came, .*mode looks.* for 1 of its step Look"
    ):
        run(station=lambda: Shelf(lambda results: []))
    [manifest] = tmp_path.glob("*/manifest.json")
    assert json.loads(manifest.read_text())["status"] == "failed"
    assert json.loads(manifest.read_text())["totals"]["records"] == 6
    assert run().tally.done == 12, "it is resumed"


def test_a_station_that_can_not_be_closed_costs_nothing_of_the_run(
    run: Callable[..., RunResult], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="can't be closed"):
        run(station=Stubborn)
    [manifest] = tmp_path.glob("*/manifest.json")
    assert json.loads(manifest.read_text())["status"] == "finished"
    assert len((manifest.parent / "records.jsonl").read_text().splitlines()) == 12


def returns(value: object) -> Callable[[Question, Kit], Flow]:
    def method(question: Question, kit: Kit) -> Flow:
        yield from kit.ask(question)
        return value  # type: ignore[return-value]

    return method


def asks_with_more(question: Question, kit: Kit) -> Flow:
    [path] = yield from kit.ask(question, hint="think")
    return kit.read(question, path)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (
            replace(LOOKS, asks=()),
            "mode looks yields Look.* no station answers it, or it isn't among the mode's `asks`",
        ),
        (replace(LOOKS, run=returns(None)), "mode looks returns None, expected a Prediction"),
        (replace(LOOKS, run=asks_with_more), "mode looks passes hint to its turn '', which declares nothing"),
    ],
    ids=["a step it doesn't declare", "no prediction", "a name it doesn't declare"],
)
def test_a_mode_that_does_not_keep_to_it_is_named(mode: Mode, said: str, run: Callable[..., RunResult]) -> None:
    with pytest.raises(TypeError, match=said):
        run(mode)


def test_a_station_that_another_mode_has_opened_answers_no_mode_that_does_not_declare_it(
    run: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = replace(LOOKS, name="silent", asks=())
    monkeypatch.setitem(MODES, silent.name, silent)
    with pytest.raises(TypeError, match="mode silent yields Look"):
        run(LOOKS, beside=silent.name)


def test_what_templates_have_already_can_not_be_given() -> None:
    with pytest.raises(ValueError, match="templates have 'question' already"):
        Turn(template="direct", max_tokens=1, given={"question": "-"})


@pytest.mark.parametrize("score", [1.5, -0.5, float("nan")])
def test_a_score_is_from_0_to_1(score: float) -> None:
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        Verdict.of(score)


def broken(gold: str, answer: str) -> float:
    raise ZeroDivisionError("the judge is broken")


@pytest.mark.patient
def test_a_judge_that_fails_makes_no_answer_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    from cotbench.answers.grader import Grader

    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], quick=lambda gold, answer: None, judge=broken))
    grader: Grader[int] = Grader(workers=1)
    try:
        assert grader.submit(0, "1", "2", "latex") is None
        with pytest.raises(ZeroDivisionError, match="the judge is broken"):
            while grader.pending:
                grader.done(0.5)
    finally:
        grader.close()
