"""Runs of direct and cot on servers that differ in what they make of a request: which arms come of it, what is sent,
what is said, and what is counted."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cases
import pytest
from conftest import Cli, Outcome
from mock_models import NEW_TURN, Hosted
from mock_server import Answer, Json, MockServer, fault, served
from test_openai_engine import environment
from test_servers import quick

from cotbench import demo
from cotbench.engines.continuing import FIELDS
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import engine_config, make_plan

__all__ = ["environment", "quick"]  # fixtures that apply to this file too

FIELDS_OF_A_CASE = "arms thinks begins"
ROWS = cases.rows(cases.load("servers"), f"case server {FIELDS_OF_A_CASE}", "model effort thought says notes")
LIMIT = 3


def hosted(server: dict[str, str], **more: Any) -> Hosted:
    """A server as a table's row describes it."""
    words: dict[str, Any] = {"yes": True, "no": False}
    given = {name: words.get(value, value) for name, value in server.items()}
    return Hosted(**given | {"refusal": int(server.get("refusal", 422))} | more)


@dataclass(frozen=True)
class Ran:
    """A run that has ended: what was said, what was sent in its requests, and what it wrote."""

    done: Outcome
    bodies: list[Json]
    folder: Path

    @property
    def manifest(self) -> Json:
        found: Json = json.loads((self.folder / "manifest.json").read_text())
        return found

    @property
    def records(self) -> list[Json]:
        return [json.loads(line) for line in (self.folder / "records.jsonl").read_text().splitlines()]

    @property
    def arms(self) -> dict[str, list[Json]]:
        """Records by arm."""
        found = defaultdict(list)
        for record in self.records:
            found[record["mode"]].append(record)
        return dict(found)

    def of(self, words: str) -> list[Json]:
        """The bodies of the run's own requests whose messages hold the words."""
        return [body for body in self.bodies if any(words in m["content"] for m in body["messages"])]


def start(main: Cli, server: MockServer, model: str | None, *more: object, modes: str = "direct,cot") -> Outcome:
    return main(
        *("run", "--engine", "openai", "--base-url", server.url, "--model", model or "m", "--mode", modes),
        *("--limit", LIMIT, "--quiet", "--model-args", "max_retries=1", *more),
    )


def ran(main: Cli, tmp_path: Path, of: Hosted, model: str | None, *more: object, **given: Any) -> Ran:
    with MockServer(of.script, models=served(model or "m")) as server:
        done = start(main, server, model, *more, **given)
    assert done.code == 0, done.err
    [manifest] = (tmp_path / "results").glob("*/manifest.json")
    return Ran(done, [seen.body for seen in server.requests if seen.body["max_tokens"] > 1], manifest.parent)


SAMPLE = ("--task", "sample")


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs on the sample need none."""
    if request.node.get_closest_marker("data") is None:
        monkeypatch.delenv("COTBENCH_DATA", raising=False)
    yield


@pytest.mark.parametrize(
    ("server", "arms", "thinks", "begins", "model", "effort", "thought", "says", "notes"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_arms_are_what_the_server_lets_them_be(
    server: dict[str, str],
    arms: str,
    thinks: str,
    begins: str | None,
    model: str | None,
    effort: str | None,
    thought: str | None,
    says: list[str] | None,
    notes: list[str] | None,
    main: Cli,
    tmp_path: Path,
) -> None:
    run = ran(main, tmp_path, hosted(server), model, *SAMPLE)
    direct, cot = arms.split()
    # Names, and what they say of thinking.
    assert list(run.manifest["modes"]) == [direct, cot]
    assert sorted(run.arms) == sorted([direct, cot])
    facts = [tuple(fact.get(name) for name in ("thinks", "thinks_by")) for fact in run.manifest["modes"].values()]
    assert facts == [tuple(thinks.split())] * 2
    # What was sent: never the beginning of a reply without the fields, and never where the server ignores them.
    began = [body for body in run.bodies if body["messages"][-1]["role"] == "assistant"]
    for body in began:
        assert {name: body.get(name) for name in FIELDS} == FIELDS
    if begins is None:
        assert began == []
    else:
        sent = [body["messages"][-1]["content"] for body in began if body["messages"][-1]["content"].endswith(":")]
        assert sent == [begins] * (LIMIT + sum("before" in record for record in run.records))
    assert {body.get("reasoning_effort") for body in run.bodies} == {
        None if word == "none" else word for word in (effort or "none").split()
    }
    # What was read: every reply holds B, wherever it is, and no new turn is among them.
    assert {record["answer"] for record in run.records} == {"B"}
    assert NEW_TURN not in (run.folder / "journal.jsonl").read_text()
    # What was thought.
    counted = {arm: sum(record["reasoning_tokens"] or 0 for record in rows) for arm, rows in run.arms.items()}
    if server.get("counts") != "no":
        assert {arm for arm, count in counted.items() if count} == set((thought or "").split())
    # What is said.
    for words in says or ():
        assert words in run.done.err
    assert run.done.err.count("\n") == len(says or ()), run.done.err
    for words in notes or ():
        assert any(words in note for note in run.manifest["engine"]["notes"]), run.manifest["engine"]["notes"]


@pytest.mark.data
@pytest.mark.parametrize(("server", "model"), [(row[1], row[5]) for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_cards_command_runs_on_every_server(
    server: dict[str, str], model: str | None, main: Cli, tmp_path: Path
) -> None:
    run = ran(main, tmp_path, hosted(server), model, "--task", "mmlu", modes="cot")
    assert list(run.arms) == ["cot"]
    assert {(record["answer"], record["outcome"] != "engine_error") for record in run.records} == {("B", True)}


# --- what is refused, and when ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "server", "modes", "words", "asked"),
    [
        ("openai/gpt-oss-20b", Hosted(thinks="always"), "cot@think=off", "can't be kept from thinking", False),
        ("openai/gpt-oss-20b", Hosted(thinks="always"), "cot@effort=most", "has no effort 'most'", False),
        ("deepseek-ai/DeepSeek-R1", Hosted(continues="ignored"), "cot@think=off", "can't be kept from thinking", True),
        ("m", Hosted(continues="ignored"), "direct@answer=begun", "can't begin a reply", True),
        ("m", Hosted(continues="ignored"), "no-think", "can't write an empty thought", True),
        ("m", Hosted(likeliest=0), "direct@answer=likeliest", "doesn't tell how likely options are", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_what_was_asked_for_by_name_is_refused_and_before_the_run_asks_anything(
    model: str, server: Hosted, modes: str, words: str, asked: bool, main: Cli, tmp_path: Path
) -> None:
    """asked: whether the server must be tried to know it; each trial has one token."""
    with MockServer(server.script, models=served(model)) as mock:
        done = start(main, mock, model, *SAMPLE, modes=modes)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert {seen.body["max_tokens"] for seen in mock.requests} == ({1} if asked else set())
    assert bool(mock.model_requests) is asked
    assert not (tmp_path / "results").exists()


def test_plain_text_has_no_thinking_arm(main: Cli) -> None:
    with MockServer(Hosted().script) as server:
        done = start(main, server, "m", *SAMPLE, "--chat-template", "none", modes="direct,think")
    assert done.code == 2
    assert "isn't known to think" in done.err
    assert server.requests == []


@pytest.mark.parametrize(("arm", "words"), [("think@budget=64", "thinking_budget"), ("think@min=64", "thinking_min")])
def test_limits_that_a_server_doesnt_keep_are_refused_before_the_run_asks_anything(
    arm: str, words: str, main: Cli, tmp_path: Path
) -> None:
    with MockServer(Hosted(thinks="switch").script) as server:
        done = start(main, server, "m", *SAMPLE, modes=arm)
    assert done.code == 2
    assert words in done.err
    assert "--tokenizer" in done.err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("refuses", [False, True])
def test_a_thinking_arm_is_drawn_as_the_card_says_as_far_as_the_server_lets_it(
    refuses: bool, main: Cli, tmp_path: Path
) -> None:
    hosts = Hosted(thinks="switch")

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if refuses and "top_k" in body:
            return fault("Unrecognized request argument supplied: top_k")
        return hosts.script(path, headers, body, seen)

    with MockServer(script, models=served("Qwen/Qwen3-8B")) as server:
        done = start(main, server, "Qwen/Qwen3-8B", *SAMPLE, modes="think")
    assert done.code == 0, done.err
    assert set(written(tmp_path)["modes"]) == {"think", "free@sampling=card"}
    thinking = [s.body for s in server.requests if s.body["chat_template_kwargs"]["enable_thinking"]]
    assert {(body["temperature"], body["top_p"], body["max_tokens"]) for body in thinking} == {(0.6, 0.95, 32768)}
    assert thinking[-1].get("top_k") == (None if refuses else 20)
    assert ("refuses top_k, which the model's card names" in done.err) is refuses


def test_the_budget_of_thoughts_leaves_room_for_the_prompt_in_the_servers_context(main: Cli, tmp_path: Path) -> None:
    hosts, models = Hosted(thinks="switch"), served("Qwen/Qwen3-8B")
    models["data"][0]["max_model_len"] = 4096

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if body["max_tokens"] + 200 > 4096:
            return fault(f"max_tokens={body['max_tokens']} cannot be greater than max_model_len=4096.")
        return hosts.script(path, headers, body, seen)

    with MockServer(script, models=models) as server:
        done = start(main, server, "Qwen/Qwen3-8B", *SAMPLE, modes="cot,think")
    assert done.code == 0, done.err
    assert {seen.body["max_tokens"] for seen in server.requests} == {1, 2048, 3072}


@pytest.mark.parametrize("thinking", ["on", "off"])
def test_a_switch_for_all_arms_refuses_no_model(thinking: str, main: Cli, tmp_path: Path) -> None:
    run = ran(main, tmp_path, Hosted(thinks="always"), "openai/gpt-oss-20b", *SAMPLE, "--thinking", thinking)
    assert {fact["thinks"] for fact in run.manifest["modes"].values()} == {"on"}


def test_the_runs_own_word_on_the_effort_goes_before_ours(main: Cli, tmp_path: Path) -> None:
    effort = ("--gen-kwargs", "reasoning_effort=high")
    run = ran(main, tmp_path, Hosted(thinks="always"), "openai/gpt-oss-20b", *SAMPLE, *effort)
    assert {body["reasoning_effort"] for body in run.bodies} == {"high"}
    assert "answers think, effort high." in run.done.err


def test_a_run_on_a_server_with_a_fault_is_not_planned_by_it(main: Cli, tmp_path: Path) -> None:
    """Else its direct answers would be asked for today and begun tomorrow, and it couldn't be gone on with."""
    faulty = [True]

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return fault("out of memory", 500) if faulty[0] else Hosted().script(path, headers, body, seen)

    with MockServer(script) as server:
        done = start(main, server, "m", *SAMPLE)
        assert done.code == 3
        assert "out of memory" in done.err
        assert not (tmp_path / "results").exists()
        faulty[0] = False
        assert start(main, server, "m", *SAMPLE).code == 0


# --- the same courtesy for every arm, and options -----------------------------------------------------------------


@pytest.mark.parametrize("continues", ["fields", "ignored"])
def test_a_reply_without_an_answer_line_is_gone_on_with_where_the_server_can(
    continues: Any, main: Cli, tmp_path: Path
) -> None:
    run = ran(main, tmp_path, Hosted(states=False, continues=continues), "m", *SAMPLE, modes="cot")
    goes_on = continues == "fields"
    assert [record["answer"] for record in run.records] == ["B" if goes_on else None] * LIMIT
    befores = [record.get("before", {}).get("outcome") for record in run.records]
    assert befores == ["unparsed" if goes_on else None] * LIMIT
    last = [body["messages"][-1]["content"] for body in run.bodies if body["messages"][-1]["role"] == "assistant"]
    assert last == ["So it is.\n\nAnswer:"] * LIMIT * goes_on


def test_options_are_told_by_how_likely_they_are(main: Cli, tmp_path: Path) -> None:
    with MockServer(Hosted().script) as server:
        done = start(main, server, "m", *SAMPLE, modes="direct@answer=likeliest")
    assert done.code == 0, done.err
    [path] = (tmp_path / "results").glob("*/records.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {row["mode"] for row in rows} == {"direct@answer=likeliest"}
    assert all(0.8 < row["options"]["mass"] <= 1 for row in rows)


# --- prompts that are rendered here -------------------------------------------------------------------------------


def written(tmp_path: Path) -> Json:
    [manifest] = (tmp_path / "results").glob("*/manifest.json")
    found: Json = json.loads(manifest.read_text())
    return found


def test_with_a_tokenizer_tokens_are_sent_and_the_run_can_be_resumed(main: Cli, tmp_path: Path) -> None:
    shutil.copytree(demo.MODEL, tmp_path / "tok")
    given = (*SAMPLE, "--tokenizer", "tok")
    with MockServer(Hosted().script) as server:
        first = start(main, server, "m", *given)
        assert first.code == 0, first.err
        assert {seen.path for seen in server.requests} == {"/v1/completions"}
        assert all(isinstance(seen.body["prompt"], list) for seen in server.requests)
        manifest, count = written(tmp_path), len(server.requests)
        assert manifest["engine"]["continues"] == "tokens"
        assert set(manifest["modes"]) == {"direct@answer=begun", "cot"}
        assert manifest["spec"]["model"]["tokenizer"].startswith("files:")
        assert start(main, server, "m", *given).code == 0
        assert main("run", "--resume", tmp_path / "results" / manifest["run"], "--quiet").code == 0
        assert len(server.requests) == count
        assert start(main, server, "m", *SAMPLE).code == 0  # another run: the server renders
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_plain_text_is_gone_on_with_too(main: Cli, tmp_path: Path) -> None:
    with MockServer(Hosted().script) as server:
        assert start(main, server, "m", *SAMPLE, "--chat-template", "none").code == 0
    assert set(written(tmp_path)["modes"]) == {"direct@answer=begun", "cot"}
    assert all(seen.path == "/v1/completions" for seen in server.requests)


ROW = (
    "- {family: ours, names: ['^m$'], default: 'on', off: {fields: {ponder: false}}, 'on': {fields: {ponder: true}}}\n"
)
OTHER = "- {family: theirs, names: ['^another$'], default: 'on'}\n"


def test_a_row_of_the_users_says_how_the_model_is_told(main: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(ROW)
    run = ran(main, tmp_path, Hosted(), "m", *SAMPLE, "--families", "own.yaml")
    assert {body["ponder"] for body in run.bodies} == {False}
    assert not any("chat_template_kwargs" in body for body in run.bodies)
    assert run.manifest["engine"]["thinking"]["family"] == "ours"
    assert run.manifest["options"]["families"].endswith("own.yaml")
    assert {fact["thinks_by"] for fact in run.manifest["modes"].values()} == {"switch"}


def test_a_row_is_a_part_of_the_runs_identity_where_it_is_the_models(main: Cli, tmp_path: Path) -> None:
    for name, text in (("own", ROW), ("more", ROW + OTHER), ("other", OTHER), ("changed", ROW.replace("ponder", "p"))):
        (tmp_path / f"{name}.yaml").write_text(text)
    folders = []
    with MockServer(Hosted().script) as server:
        for more in ((), ("--families", "other.yaml"), ("--families", "own.yaml"), ("--families", "more.yaml"),
                     ("--families", "changed.yaml")):  # fmt: skip
            done = start(main, server, "m", *SAMPLE, *more)
            assert done.code == 0, done.err
            folders.append(done.out.splitlines()[-1])
    plain, other, own, more, changed = folders
    assert (plain == other, own == more) == (True, True)
    assert len({plain, own, changed}) == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--tokenizer", "./nowhere"), "--tokenizer: there is no folder ./nowhere"),
        (("--tokenizer", "empty"), "--tokenizer"),
        (("--tokenizer", "empty", "--engine", "stub"), "--tokenizer: engine 'stub' sends nothing to a server"),
        (("--families", "nowhere.yaml"), "nowhere.yaml: can't be read"),
        (("--families", "empty"), "can't be read: it is a folder"),
        (("--families", "bad.yaml"), "bad.yaml: row 1 (x): Object contains unknown field `colour`"),
        (("--families", "text.yaml"), "text.yaml: holds str, expected a list of rows"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cant_be_used_is_told_in_one_message_and_nothing_is_sent(
    more: tuple[str, ...], words: str, main: Cli, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.yaml").write_text("- {family: x, names: [m], colour: red}\n")
    (tmp_path / "text.yaml").write_text("no rows\n")
    with MockServer(Hosted().script) as server:
        done = start(main, server, "m", *SAMPLE, *more)
    assert done.code in (2, 3)
    assert words in done.err
    assert len(done.err.strip().splitlines()) <= 2, done.err
    assert server.requests == []
    assert not (tmp_path / "results").exists()


# --- what a server is tried for -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modes", "thinking", "wanted"),
    [
        ("direct", "auto", "continue off"),
        ("direct@answer=asked", "auto", "continue off"),  # a reply that states no answer is gone on with
        ("direct@answer=likeliest", "auto", "continue off likelihoods"),
        ("cot", "on", "continue thoughts"),
        ("think", "auto", "continue thoughts"),
        ("no-think", "auto", "continue"),
        ("pal", "auto", "off"),
        ("pal", "on", "thoughts"),
    ],
)
def test_a_server_is_only_tried_for_what_the_arms_need(modes: str, thinking: str, wanted: str) -> None:
    options = RunOptions(
        model="m", engine="openai", tasks=["sample"], modes=[modes], thinking=thinking, allow_unsandboxed_code=True
    )
    assert engine_config(make_plan(options)).wants == set(wanted.split())


# --- what the report says of it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "model", "words"),
    [
        (Hosted(thinks="always", continues="refused"), "openai/gpt-oss-20b", "can't stop thinking"),
        (Hosted(thinks="always", files="leaks"), "m", "100% of the replies under cot hold a thought"),
        (Hosted(thinks="always"), "m", "100% of the replies under cot hold a thought"),
        (Hosted(files="misfiles"), "m", "the server may file answers as reasoning"),
    ],
    ids=["stuck", "leaks", "ignores the switch", "misfiles"],
)
def test_the_report_tells_what_became_of_thinking(
    server: Hosted, model: str, words: str, main: Cli, tmp_path: Path
) -> None:
    run = ran(main, tmp_path, server, model, *SAMPLE)
    done = main("report", run.folder, "--output-dir", tmp_path / "results")
    assert done.code == 0, done.err
    pages = [path.read_text() for path in run.folder.rglob("*") if path.suffix in (".md", ".html")]
    assert any(words in page for page in [done.out, done.err, *pages])


@pytest.mark.parametrize("server", [Hosted(), Hosted(continues="ignored")], ids=["continues", "ignores"])
def test_the_report_blames_no_arm_that_did_as_it_was_told(server: Hosted, main: Cli, tmp_path: Path) -> None:
    run = ran(main, tmp_path, server, "m", *SAMPLE)
    done = main("report", run.folder, "--output-dir", tmp_path / "results")
    assert done.code == 0, done.err
    assert "hold a thought" not in done.out
    assert "can't stop thinking" not in done.out
