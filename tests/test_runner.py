"""The loop, driven by hand: shared requests, several requests a flow, stops, and the order of the records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import Cli
from handmade import write_formulas

from cotbench.engines import EngineConfig
from cotbench.engines.stub import StubEngine
from cotbench.errors import Interrupted, ModelError, RunError
from cotbench.modes import MODES, Flow, Kit, Mode, generate
from cotbench.runs import session as runner
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import RunPlan, make_plan
from cotbench.store import journal as journal_module
from cotbench.store.journal import JOURNAL
from cotbench.store.records import RECORDS, RecordFile
from cotbench.types import Completion, Key, Question, Reply, Request, unit


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"What is {i} + 1?", "answer": str(i + 1)}) + "\n" for i in range(30))
    )
    return path


def twice(question: Question, kit: Kit) -> Flow:
    """Asks one request twice at once, then once more: three generations under one hash."""
    request = kit.request(question)
    [[_], [second]] = yield from generate(request, request)
    [[_]] = yield from generate(request)
    return kit.read(question, second)


def plan_of(questions: Path, *modes: Mode) -> RunPlan:
    """A plan with modes that aren't in the table. All replies can be read, so that none is gone on with."""
    shares = {"unparsed": 0.0, "truncated": 0.0}
    plan = make_plan(RunOptions(model="stub", model_args=shares, tasks=[str(questions)], modes=["cot"]))
    return replace(plan, modes=modes)


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]


def test_a_request_that_two_modes_share_is_generated_once(questions: Path, tmp_path: Path) -> None:
    other = replace(MODES["cot"], name="again")
    result = runner.execute(plan_of(questions, MODES["cot"], other), tmp_path)
    assert result.tally.done == 60
    assert len(journal(result.folder)) == 30
    rows = records(result.folder)
    answers = {mode: [(r["question"], r["answer"]) for r in rows if r["mode"] == mode] for mode in ("cot", "again")}
    assert answers["cot"] == answers["again"]


def test_a_flow_that_asks_the_same_thing_again_gets_new_ordinals(questions: Path, tmp_path: Path) -> None:
    mode = replace(MODES["cot"], name="twice", run=twice)
    result = runner.execute(plan_of(questions, mode, MODES["cot"]), tmp_path)
    ordinals = [row["ordinal"] for row in journal(result.folder)]
    assert sorted(ordinals) == sorted([0, 1, 2] * 30)
    row = next(r for r in records(result.folder) if r["mode"] == "twice")
    assert [ordinal for _, ordinal in row["requests"]] == [0, 1, 2]
    single = next(r for r in records(result.folder) if r["mode"] == "cot" and r["question"] == row["question"])
    assert row["prompt_tokens"] == 3 * single["prompt_tokens"]


class Dying(StubEngine):
    """Serves 10 replies, then the engine as a whole is gone."""

    served = False

    def poll(self) -> list[tuple[Key, Reply]]:
        if self.served:
            raise ModelError("the engine is gone")
        self.served = True
        return super().poll()[:10]


def test_what_an_engine_served_before_it_died_is_kept(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(questions, MODES["cot"])
    with monkeypatch.context() as patch:
        patch.setattr(runner, "open_engine", lambda name, config: Dying(config))
        with pytest.raises(ModelError, match="gone"):
            runner.execute(plan, tmp_path)
    [folder] = [p.parent for p in tmp_path.glob(f"*/{JOURNAL}")]
    assert len(journal(folder)) == 10
    result = runner.execute(plan, tmp_path)
    assert (result.folder, result.tally.requests, result.tally.done) == (folder, 20, 30)


class Cancelling(StubEngine):
    """Holds everything back, so that a stop finds all of it waiting."""

    def poll(self) -> list[tuple[Key, Reply]]:
        first, self._waiting = self._waiting[:1], self._waiting[1:]
        return [(key, self._reply(key, request)) for key, request in first]

    def cancel(self) -> list[Key]:
        keys, self._waiting = [key for key, _ in self._waiting], []
        return keys


def test_a_stop_takes_back_what_has_not_begun(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(questions, MODES["cot"])
    seen: list[runner.Tally] = []

    def watch(tally: runner.Tally) -> None:
        seen.append(tally)
        tally.stopping = True  # as a Ctrl-C does

    with monkeypatch.context() as patch:
        patch.setattr(runner, "open_engine", lambda name, config: Cancelling(config))
        with pytest.raises(Interrupted, match="1 of 30 answers"):
            runner.execute(plan, tmp_path, watch=watch)
    assert runner.execute(plan, tmp_path).tally.requests == 29


def test_records_are_written_in_the_order_in_which_flows_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that equal gold as text are graded at once, others wait for a worker. If records didn't wait for those
    before them, a run that is killed would hold the right answers and lack the wrong ones."""
    own = tmp_path / "own.jsonl"
    own.write_text(
        "".join(json.dumps({"question": f"What is {i}x + x?", "answer": f"{i + 1}x"}) + "\n" for i in range(40))
    )
    written: list[int] = []
    real = RecordFile.__call__

    def spy(self: Any, place: int, record: Any) -> None:
        written.append(place)
        real(self, place, record)

    monkeypatch.setattr(RecordFile, "__call__", spy)
    plan = make_plan(RunOptions(model="stub", tasks=[str(own)], modes=["direct"]))
    result = runner.execute(plan, tmp_path)
    outcomes = [row["outcome"] for row in records(result.folder)]
    assert {"correct", "wrong"} <= set(outcomes)
    assert written == list(range(40))


@pytest.mark.patient
@pytest.mark.skipif(sys.platform == "win32", reason="signals of a Unix")
def test_an_ignored_hang_up_stays_ignored(questions: Path, tmp_path: Path) -> None:
    """`nohup cotbench run ... &` must outlive its terminal."""
    command = (
        f"trap '' HUP; exec {sys.executable} -m cotbench run --model stub --task {questions} --mode cot -o "
        f"{tmp_path} -q --model-args in_flight=1,latency_s=0.05"
    )
    process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(tmp_path.glob(f"*/{JOURNAL}")):
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


# --- what the command line says of it -----------------------------------------------------------------------------


def test_a_run_resumes_from_another_folder(questions: Path, tmp_path: Path, cli: Cli) -> None:
    prompts = tmp_path / "my prompts"
    prompts.mkdir()
    (prompts / "cot.jinja").write_text("{% call user() %}{{ question.question }}{% endcall %}")
    done = cli(
        "run", "--model", "stub", "--task", "own.jsonl", "--mode", "cot", "--prompts-dir", "my prompts", "--json"
    )
    assert done.code == 0, done.err
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = cli("run", "--resume", tmp_path / json.loads(done.out)["folder"], "--json", cwd=elsewhere)
    assert again.code == 0, again.err
    assert json.loads(again.out)["requests"] == 0


def test_a_template_that_shows_no_exemplars_is_not_few_shot(tmp_path: Path, main: Cli) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "cot.jinja").write_text("{% call user() %}{{ question.question }}{% endcall %}")
    done = main("run", "--model", "stub", "--task", "sample", "--mode", "cot", "--prompts-dir", "prompts", "-f", "1")
    assert done.code == 2
    assert "doesn't show exemplars" in done.err


def test_failed_requests_say_why(tmp_path: Path, main: Cli) -> None:
    outputs = tmp_path / "o.jsonl"
    outputs.write_text(json.dumps({"id": "of another run", "output": "Answer: A"}) + "\n")
    done = main(
        "run",
        "--engine",
        "replay",
        "--model",
        "m",
        "--model-args",
        f"path={outputs}",
        "--task",
        "sample",
        "--mode",
        "cot",
        "--limit",
        "3",
    )
    assert done.code == 4
    assert "Most often (3): o.jsonl has 0 of 1 outputs" in done.err


def test_replay_refuses_a_text_that_two_questions_share(tmp_path: Path, main: Cli) -> None:
    own = tmp_path / "own.jsonl"
    rows: Sequence[dict[str, Any]] = [
        {"question": "Which?", "answer": "A", "choices": ["x", "y"]},
        {"question": "Which?", "answer": "B", "choices": ["v", "w"]},
    ]
    own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    outputs = tmp_path / "o.jsonl"
    outputs.write_text(json.dumps({"question": "Which?", "output": "Answer: A"}) + "\n")
    done = main(
        "run", "--engine", "replay", "--model", "m", "--model-args", f"path={outputs}", "--task", own, "--mode", "cot"
    )
    assert done.code == 3
    assert "o.jsonl:1: 2 questions have this text" in done.err


def test_access_tokens_and_base_urls_stay_out_of_the_manifest(
    tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cotbench.engines.local import no_tokens
    from cotbench.errors import UsageError

    with pytest.raises(UsageError, match="hf_token would be written to the manifest"):
        no_tokens({"hf_token": "hf_secret"})
    monkeypatch.setattr(sys, "argv", ["cotbench"])
    done = main(
        "run",
        "--model",
        "stub",
        "--task",
        "sample",
        "--mode",
        "cot",
        "--limit",
        "2",
        "--base_url",
        "http://me:s3cret@host/v1?key=k3y",
    )
    assert done.code == 0, done.err
    everything = b"".join(p.read_bytes() for p in (tmp_path / "results").rglob("*") if p.is_file())
    assert b"http://host/v1" in everything
    assert b"s3cret" not in everything
    assert b"k3y" not in everything


@pytest.mark.patient
def test_a_narrow_terminal_cuts_no_figures(tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "-q")
    wide = main("report")
    monkeypatch.setenv("COLUMNS", "50")
    narrow = main("report")
    assert [line.split() for line in wide.out.splitlines() if line.startswith("  sample")] == [
        line.split() for line in narrow.out.splitlines() if line.startswith("  sample")
    ]


@pytest.mark.patient
def test_report_into_head_is_no_bug(tmp_path: Path, cli: Cli) -> None:
    assert cli("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "-q").code == 0
    piped = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m cotbench report | head -1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout.startswith("STUB")
    assert piped.stderr == ""


# --- nothing holds the engine -------------------------------------------------------------------------------------


class Flood(StubEngine):
    """An engine faster than grading and programs. spans: seconds from each one's first request to its last reply."""

    spans: ClassVar[list[float]] = []
    begun = 0.0

    def submit(self, key: Key, request: Request) -> None:
        self.begun = self.begun or time.monotonic()
        super().submit(key, request)

    def poll(self) -> list[tuple[Key, Reply]]:
        first, self._waiting = self._waiting[:20], self._waiting[20:]
        replies = [(key, self._reply(key, request)) for key, request in first]
        self.last = time.monotonic()
        return replies

    def close(self) -> None:
        Flood.spans.append(self.last - self.begun)


class FloodOfPrograms(Flood):
    def _path(self, key: Key, request: Request, index: int) -> Completion:
        text = "```python\ndef solution():\n    for i in range(2_000_000):\n        pass\n    return 1\n```"
        return Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


def compares_slowly(gold: str, answer: str) -> bool:
    time.sleep(0.1)
    return True


def held(
    questions: Path, mode: str, output: Path, engine: type[Flood], monkeypatch: pytest.MonkeyPatch
) -> tuple[float, float, runner.RunResult]:
    """Seconds until the engine had answered everything, and until the run was done."""
    monkeypatch.setattr(runner, "open_engine", lambda name, config: engine(config))
    plan = make_plan(RunOptions(model="stub", tasks=[str(questions)], modes=[mode]))
    began = time.monotonic()
    result = runner.execute(plan, output)
    return Flood.spans.pop(), time.monotonic() - began, result


@pytest.fixture
def formulas(tmp_path: Path) -> Path:
    """150 questions whose answers must be compared by a worker."""
    return write_formulas(tmp_path, 150, form="<answer> + 0")


@pytest.mark.patient
def test_slow_grading_does_not_hold_the_engine(formulas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotbench.answers.kinds import KINDS

    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=compares_slowly))
    engine, whole, result = held(formulas, "cot", tmp_path / "out", Flood, monkeypatch)
    assert result.tally.done == 150
    assert whole > 3, "grading takes far longer than the engine"
    assert engine < whole / 3


@pytest.mark.patient
def test_slow_programs_do_not_hold_the_engine(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions.write_text(questions.read_text() * 5)
    engine, whole, result = held(questions, "pal", tmp_path / "out", FloodOfPrograms, monkeypatch)
    assert result.tally.programs == 150
    assert whole > 2
    assert engine < whole / 3


@pytest.mark.patient
def test_a_slow_disk_does_not_hold_the_engine(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    took = []

    def slow(descriptor: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            took.append(time.sleep(2))  # type: ignore[func-returns-value]
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(journal_module, "SYNC_EVERY_S", 0.0)
    engine, whole, result = held(questions, "direct", tmp_path / "out", Flood, monkeypatch)
    assert result.tally.done == 30
    assert took, "the journal is synced while the run goes on"
    assert engine < 1 < whole


def test_a_sync_that_fails_is_said(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    journal = journal_module.Journal(tmp_path / JOURNAL, 0)
    monkeypatch.setattr(journal_module, "SYNC_EVERY_S", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        journal.append([])
        assert journal._syncing
        journal._syncing.join()
        with pytest.raises(RunError, match="No space left on device"):
            journal.append([])
    journal.close()


# --- one queue ----------------------------------------------------------------------------------------------------


class Slots(StubEngine):
    """Eight slots that write a token a tick, first come, first served; a thought has some 150 tokens, an answer 8."""

    slots = 8
    ticks: ClassVar[list[int]] = []  # of each such engine, from its first token to its last
    tokens: ClassVar[list[int]] = []

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self.capacity = 32
        self.now = self.written = 0
        self.busy: list[tuple[int, Key, Request]] = []

    def poll(self) -> list[tuple[Key, Reply]]:
        while self._waiting and len(self.busy) < self.slots:
            key, request = self._waiting.pop(0)
            length = 50 + int(200 * unit("length", key.question)) if request.template == "cot" else 8
            self.written += length
            self.busy.append((self.now + length, key, request))
        self.now = min(until for until, _, _ in self.busy)
        done = [(key, self._reply(key, request)) for until, key, request in self.busy if until == self.now]
        self.busy = [one for one in self.busy if one[0] != self.now]
        return done

    def close(self) -> None:
        Slots.ticks.append(self.now)
        Slots.tokens.append(self.written)


def test_direct_answers_fill_what_chains_of_thought_leave_idle(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "open_engine", lambda name, config: Slots(config))
    for modes in (["direct", "cot"], ["direct"], ["cot"]):
        plan = make_plan(RunOptions(model="stub", tasks=[str(questions)], modes=modes))
        assert runner.execute(plan, tmp_path / "-".join(modes)).tally.done == 30 * len(modes)
    together, direct, cot = Slots.ticks[-3:]
    assert Slots.tokens[-3] == sum(Slots.tokens[-2:]), "the same work"
    assert direct > 20
    assert cot <= together < cot + 0.2 * direct, "together they take hardly longer than the thoughts alone"
