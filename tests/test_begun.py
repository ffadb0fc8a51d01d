"""Replies that are begun, and probabilities of options, of the engines without a model: the stub, and what is
replayed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import record_rows
from msgspec import structs

from cotbench.engines import Engine, EngineConfig, open_engine
from cotbench.modes import MODES
from cotbench.modes.kit import Kit
from cotbench.store.journal import JOURNAL, Journal
from cotbench.store.manifest import MANIFEST
from cotbench.types import LETTERS, Begun, Completion, Key, Message, Outcome, Question, Reply, Request, Sampling

ASKED = Request(messages=(Message(role="user", text="q"),), sampling=Sampling(max_tokens=9), template="direct")
FORM = "<letter>"
N = 400
QUESTIONS = {
    f"q{place}": Question(id=f"q{place}", task="own", text=f"Which is it, {place}?", choices=("a", "b", "c", "d"))
    for place in range(N)
}
GOLDS = {name: LETTERS[place % 4] for place, name in enumerate(QUESTIONS)}


def stub(form: str = FORM, **shares: Any) -> Engine:
    return open_engine(
        "stub",
        EngineConfig(model="stub", model_args=shares, questions=QUESTIONS, golds=GOLDS, forms={"own": form}, seed=3),
    )


def asked_of(engine: Engine, request: Request) -> dict[str, Reply]:
    for name in QUESTIONS:
        engine.submit(Key(name, request.hash, 0, 0), request)
    return {key.question: reply for key, reply in engine.poll()}


@pytest.mark.parametrize(
    ("form", "begun", "goes_on"),
    [
        (FORM, "Answer:", " A"),
        (FORM, "I think.\nAnswer:", " A"),
        (FORM, "Answer: ", "A"),
        (FORM, "So it is\n", "Answer: A"),
        (FORM, "So it is", "\nAnswer: A"),
        (FORM, "This is option A", "\nAnswer: A"),
        (r"\boxed{<letter>}", "Answer: \\boxed{", "A}"),
        (r"\boxed{<letter>}", "Answer:", r" \boxed{A}"),
    ],
)
def test_the_stub_writes_what_is_missing_of_an_answer_line(form: str, begun: str, goes_on: str) -> None:
    engine = stub(form, direct=1.0, unparsed=0.0, truncated=0.0)
    reply = asked_of(engine, replace(ASKED, begun=Begun(text=begun)))["q0"]
    assert reply.completions[0].text == goes_on


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("reply", "more"),
    [
        (Completion(text="a) red\nb) blue", finish_reason="stop"), "a) red\nb) blue\n\nAnswer:"),
        (Completion(text="Hard to say.\n", finish_reason="stop"), "Hard to say.\n\nAnswer:"),
        (Completion(text="Hard.\n\n\n", finish_reason="stop"), "Hard.\n\n\nAnswer:"),
        (Completion(text="", finish_reason="stop"), "Answer:"),
        (Completion(text=" who knows", finish_reason="stop", begun="Answer:"), "Answer: who knows\n\nAnswer:"),
        (Completion(text="", finish_reason="stop", begun="Answer:"), "Answer:\n"),
    ],
)
def test_the_words_that_a_reply_is_gone_on_with_stand_apart_and_something_follows_them(
    reply: Completion, more: str, held: bool
) -> None:
    kit = Kit(mode=MODES["direct"], answer_type="letter", words="Answer:", held=held)
    [request] = next(kit.conclude(QUESTIONS["q0"], reply)).items
    assert request.begun is not None and request.begun.text == more
    assert request.sampling.stop == ("\n",)
    assert dict(request.sampling.extra) == ({"min_tokens": 1} if held else {})


CUT = [
    (Completion(text="First we", finish_reason="length"), True, "First we\n\nAnswer:", None),
    (Completion(text="First we", finish_reason="length"), False, "First we\n\nAnswer:", None),
    (Completion(text=" is what", finish_reason="length", begun="Answer:"), False, "Answer: is what\n\nAnswer:", None),
    (Completion(text="", finish_reason="length", reasoning="Let me"), True, "Answer:", "Let me"),
    (Completion(text="", finish_reason="length", reasoning="Let me"), False, None, None),
    (Completion(text="So we", finish_reason="length", reasoning="Let me"), False, "So we\n\nAnswer:", "Let me"),
    (Completion(text="<think>Let me", finish_reason="length"), True, None, None),
    (
        Completion(text="<think>Let me</think>So we", finish_reason="length"),
        True,
        "<think>Let me</think>So we\n\nAnswer:",
        None,
    ),
    (Completion(text="We know.\n\nAnswer: B", finish_reason="length"), True, None, None),
    (Completion(text="", finish_reason="refused"), True, None, None),
    (Completion(text="", finish_reason="error"), True, None, None),
]


@pytest.mark.parametrize(("reply", "held", "more", "thought"), CUT)
def test_a_reply_that_was_cut_is_gone_on_with_unless_its_thought_cant_be_closed(
    reply: Completion, held: bool, more: Any, thought: str | None
) -> None:
    kit = Kit(mode=MODES["cot"], answer_type="letter", words="Answer:", held=held)
    flow = kit.conclude(QUESTIONS["q0"], reply)
    if more is None:
        with pytest.raises(StopIteration) as end:
            next(flow)
        assert end.value.value.before is None
        return
    [request] = next(flow).items
    assert request.begun is not None
    assert (request.begun.text, request.begun.thought) == (more, thought)
    with pytest.raises(StopIteration) as end:
        flow.send([[Completion(text=" B", finish_reason="stop", begun=request.begun.text)]])
    assert end.value.value.answer == "B"
    assert end.value.value.before.outcome in (Outcome.TRUNCATED, Outcome.UNPARSED)


def test_an_answer_line_that_a_model_leaves_blank_is_gone_on_with_on_the_next_once() -> None:
    kit = Kit(mode=MODES["cot"], answer_type="letter", words="Answer:", held=True)
    flow = kit.conclude(QUESTIONS["q0"], Completion(text="Hard to say.", finish_reason="stop"))
    texts = []
    with pytest.raises(StopIteration) as end:
        [request] = next(flow).items
        while True:
            texts.append(request.begun.text)
            line = Completion(text="\n", finish_reason="stop", begun=request.begun.text)
            [request] = flow.send([[line]]).items
    assert texts == ["Hard to say.\n\nAnswer:", "Hard to say.\n\nAnswer:\n"]
    assert (end.value.value.answer, end.value.value.before.before) == (None, None)


def test_a_reply_on_record_stays_cut_when_it_was_gone_on_with(main: Cli, tmp_path: Path) -> None:
    """And the line behind it counts as no cut reply of its own, however long the model makes it."""
    shares = "cot=0.3,cot_eq=0.3,truncated=0.6"
    asked = ("--model", "stub", "--model-args", shares, "--task", "demo", "--mode", "cot", "--limit", 60)
    done = main("run", *asked, "-o", tmp_path / "r", "--json")
    folder = Path(json.loads(done.out)["folder"])
    rows = [row for row in record_rows(folder) if row["mode"] == "cot"]
    went_on = [row for row in rows if row.get("before", {}).get("outcome") == "truncated"]
    assert len(went_on) > 15
    assert all(row["truncated"] for row in went_on)
    assert sum(row["outcome"] != "truncated" for row in went_on) > 5
    assert not any(row["truncated"] for row in rows if row not in went_on and row["outcome"] != "truncated")


@pytest.mark.parametrize("template", ["direct", "cot", "free", "draft", "cot-brief", "pal"])
def test_a_begun_reply_of_the_stub_is_right_as_often_and_read_mostly(template: str) -> None:
    engine = stub()
    share = {"direct": 0.4, "cot": 0.6, "free": 0.45, "draft": 0.55, "cot-brief": 0.58, "pal": 0.7}[template]
    request = replace(ASKED, template=template, begun=Begun(text="Answer:"))
    replies = asked_of(engine, request)
    texts = {name: reply.completions[0].text for name, reply in replies.items()}
    right = sum(text == f" {GOLDS[name]}" for name, text in texts.items())
    assert right / N == pytest.approx(share, abs=0.1)
    assert sum(len(text) == 2 for text in texts.values()) > 0.92 * N
    assert asked_of(stub(), request) == replies
    assert engine.describe().continues == "tokens"


def test_what_goes_on_from_an_unreadable_reply_of_the_stub_is_mostly_readable() -> None:
    plain = asked_of(stub(unparsed=0.3), ASKED)
    unread = [name for name, reply in plain.items() if "Answer:" not in reply.completions[0].text]
    assert len(unread) > 0.2 * N
    begun = asked_of(stub(unparsed=0.3), replace(ASKED, begun=Begun(text="No idea, sorry.\nAnswer:")))
    read = [name for name in unread if len(begun[name].completions[0].text) == 2]
    assert len(read) / len(unread) == pytest.approx(0.7, abs=0.15)


def test_the_stubs_probabilities_go_with_its_answer() -> None:
    request = replace(ASKED, begun=Begun(text="Answer:"), options=("A", "B", "C", "D"))
    engine = stub()
    right = 0
    for name, reply in asked_of(engine, request).items():
        [path] = reply.completions
        assert path.options is not None
        assert list(path.options) == ["A", "B", "C", "D"]
        assert 0.9 < sum(map(math.exp, path.options.values())) < 1
        assert path.text == max(path.options, key=path.options.__getitem__)
        assert (path.finish_reason, path.completion_tokens) == ("stop", 1)
        right += path.text == GOLDS[name]
    assert right / N == pytest.approx(0.4, abs=0.1)
    assert engine.describe().likelihoods


# --- replay -------------------------------------------------------------------------------------------------------


def a_run(folder: Path, *rows: tuple[Request, str, dict[str, Any]]) -> Path:
    """A folder with a journal in which q0 was asked so, and replied to so."""
    folder.mkdir()
    (folder / MANIFEST).write_text("{}")
    journal = Journal(folder / JOURNAL, 0)
    for request, text, more in rows:
        path = structs.replace(asked_of(stub(), ASKED)["q0"].completions[0], text=text, **more)
        journal.append([(Key("q0", request.hash, 0, 0), request, None, Reply(completions=(path,), prompt="p"))])
    journal.close()
    return folder


def replaying(path: Path) -> Engine:
    return open_engine(
        "replay", EngineConfig(model="m", model_args={"path": str(path)}, questions=QUESTIONS, golds=GOLDS)
    )


def replayed(engine: Engine, request: Request) -> str:
    engine.submit(Key("q0", request.hash, 0, 0), request)
    [(_, reply)] = engine.poll()
    return reply.completions[0].text or reply.completions[0].error


BEGUN = replace(ASKED, begun=Begun(text="Answer:"))
LIKELY = replace(BEGUN, options=("A", "B"))


def test_a_replayed_run_goes_on_as_it_did(tmp_path: Path) -> None:
    engine = replaying(
        a_run(
            tmp_path / "run",
            (ASKED, "Answer: A", {}),
            (BEGUN, " B", {"begun": "Answer:"}),
            (LIKELY, "C", {"begun": "Answer:", "options": {"A": -1.0, "B": -2.0}}),
        )
    )
    info = engine.describe()
    assert (info.continues, info.likelihoods) == ("replayed", True)
    assert [replayed(engine, request) for request in (ASKED, BEGUN, LIKELY)] == ["Answer: A", " B", "C"]
    other = Sampling(max_tokens=10)  # another hash, as under another prompt
    changed = [replace(request, sampling=other) for request in (ASKED, BEGUN, LIKELY)]
    assert [replayed(engine, request) for request in changed] == ["Answer: A", " B", "C"]
    assert "0 of 1 outputs" in replayed(engine, replace(BEGUN, begun=Begun(text="So")))


def test_what_was_not_begun_is_not_replayed_as_if_it_were(tmp_path: Path) -> None:
    engine = replaying(a_run(tmp_path / "run", (ASKED, "Answer: A", {})))
    assert (engine.describe().continues, engine.describe().likelihoods) == ("", False)
    assert "0 of 1 outputs" in replayed(engine, BEGUN)
    assert "0 of 1 outputs" in replayed(engine, LIKELY)
    only = replaying(a_run(tmp_path / "other", (BEGUN, " B", {"begun": "Answer:"})))
    assert "0 of 1 outputs" in replayed(only, ASKED)


def test_a_file_of_outputs_cant_be_gone_on_from(tmp_path: Path) -> None:
    file = tmp_path / "outputs.jsonl"
    file.write_text(json.dumps({"id": "q0", "output": "Answer: A"}) + "\n")
    engine = replaying(file)
    assert (engine.describe().continues, engine.describe().likelihoods) == ("", False)
    assert replayed(engine, ASKED) == "Answer: A"
    assert "0 of 1 outputs" in replayed(engine, BEGUN)
