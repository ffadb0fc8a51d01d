"""The report's page without a browser: what its blocks hold and leave out, and that nothing in it could run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from handmade import make_record

from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.report import browser, details, page
from cotbench.report.details import QUESTION, TEXT_CHARS, kept
from cotbench.store.journal import Journal
from cotbench.store.manifest import Manifest
from cotbench.store.questions import write_questions
from cotbench.types import Completion, Key, Message, Question, Reply, Request, Sampling

HOSTILE = (
    "<script>window.__pwned = 1</script></script><img src=x onerror='window.__pwned = 2'>"
    "<!--</style>--><svg onload=window.__pwned=3></svg> {{ 7 * 7 }} \x00\x1b[31m \u202edrowssap\u202c \ud800 & "
    "\u2028 end"
)

HOSTILE_NAME = HOSTILE.replace("/", "|").replace("\ud800", "")  # of tasks and models, which stand in a manifest


@dataclass(frozen=True, kw_only=True)
class Plot:
    stem: str
    title: str
    alt: str
    section: str
    narrow: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a mode did with a question. requests: each one's name (equal names are one request) and its outputs."""

    requests: Sequence[tuple[str, Sequence[str]]]
    answer: str | None
    outcome: str
    span: tuple[int, int] | None = None
    votes: dict[str, Any] | None = None
    executions: tuple[dict[str, Any], ...] = ()
    reasoning: str = ""


def answered(text: str, answer: str, outcome: str, name: str = "") -> Asked:
    start = text.rindex(answer)
    return Asked(requests=[(name, [text])], answer=answer, outcome=outcome, span=(start, start + len(answer)))


def prompt_of(question: Question, name: str) -> str:
    return f"Solve this.\n\n{question.text}\n" + "".join(f"{c}\n" for c in question.choices) + f"\nNow {name}.\nGo on."


def build(
    folder: Path,
    questions: Sequence[Question],
    asked: Mapping[str, Sequence[Asked | None]],
    *,
    model: str = "m",
    golds: Sequence[str] | None = None,
    engine: str = "vllm",
    journal: bool = True,
    rendered: bool = False,
) -> Path:
    """A run's folder. asked: by mode, what became of each question."""
    folder.mkdir(parents=True)
    write_questions(
        folder, questions, {q.id: g for q, g in zip(questions, golds or ["4"] * len(questions), strict=True)}
    )
    tasks = list(dict.fromkeys(q.task for q in questions))
    records, entries = b"", {}
    for mode, ones in asked.items():
        for question, one, gold in zip(questions, ones, golds or ["4"] * len(questions), strict=True):
            if one is None:
                continue
            addresses = []
            for name, texts in one.requests:
                request = Request(
                    messages=(
                        Message(role="system", text="Be brief."),
                        Message(role="user", text=prompt_of(question, name or mode)),
                    ),
                    sampling=Sampling(max_tokens=64, n=len(texts), temperature=0.7 if len(texts) > 1 else 0.0),
                    template=name or mode,
                )
                paths = tuple(
                    Completion(text=t, finish_reason="stop", reasoning=one.reasoning, completion_tokens=9)
                    for t in texts
                )
                reply = Reply(completions=paths, prompt=prompt_of(question, name or mode) if rendered else None)
                key = Key(question.id, request.hash, 0, 0)
                entries[key] = (key, request, None, reply)
                addresses.append((request.hash, 0))
            records += make_record(
                question=question.id,
                task=question.task,
                mode=mode,
                outcome=one.outcome,
                answer=one.answer,
                gold=gold,
                rule="contract",
                span=one.span,
                prompt_tokens=20,
                completion_tokens=9,
                requests=tuple(addresses),
                votes=one.votes,
                executions=one.executions,
            ).line()
    (folder / "records.jsonl").write_bytes(records)
    if journal:
        file = Journal(folder / "journal.jsonl", 0)
        file.append(entries.values())
        file.close()
    spec: dict[str, Any] = {
        "model": {
            "engine": engine,
            "model": model,
            "revision": "r",
            "chat_template": "model",
            "chat_template_hash": "h",
        },
        "tasks": {task: {"data": "d"} for task in tasks},
        "modes": {f"{task}/{mode}": {} for task in tasks for mode in asked},
        "num_fewshot": 0,
        "arms": 1,  # names are those of arms
        "seed": 0,
    }
    Manifest(run=folder.name, status="finished", spec_row=spec, options={"model": model}, engine={}, data={}).write(
        folder
    )
    return folder


def sums(n: int, task: str = "t") -> list[Question]:
    return [
        Question(
            id=f"{task}-{i:03}",
            task=task,
            text=f"What is {i} + 1? Let x = {i}." if i % 2 else f"Count to {i}.",
            group=f"g{i % 3}",
        )
        for i in range(n)
    ]


def plain(n: int, right: str, name: str = "") -> list[Asked | None]:
    """right: a letter a question, repeated: c, w, u (no answer), - (not asked)."""
    out: list[Asked | None] = []
    for i in range(n):
        letter = right[i % len(right)]
        if letter == "-":
            out.append(None)
        elif letter == "u":
            out.append(Asked(requests=[(name, ["I can't say."])], answer=None, outcome="unparsed"))
        else:
            answer = "4" if letter == "c" else "5"
            out.append(
                answered(f"Thinking {i}.\nAnswer: {answer}", answer, "correct" if letter == "c" else "wrong", name)
            )
    return out


VOTED = Asked(
    requests=[("cot", [f"Path says {a}" for a in ("5", "4", "none", "4", "4", "5", "none")])],
    answer="4",
    outcome="correct",
    span=(10, 11),
    votes={
        "answers": [{"answer": "5", "votes": 2, "outcome": "wrong"}, {"answer": "4", "votes": 3, "outcome": "correct"}],
        "ballots": [0, 1, None, 1, 1, 0, None],
        "abstained": {"unparsed": 2},
        "margin": 1,
    },
)
PLAN = "```plan\nanswer: 2 + 2\n```"
PLANNED = Asked(
    requests=[("plan", [PLAN])],
    answer="4",
    outcome="correct",
    span=(8, 21),
    executions=({"outcome": "ok", "value": "4", "stdout": "printed\n"},),
)
FOLLOWED = replace(answered("Answer: 4", "4", "correct"), requests=[("plan", [PLAN]), ("plan-direct", ["Answer: 4"])])


@dataclass(frozen=True)
class Written:
    path: Path
    text: str
    index: dict[str, Any]
    places: dict[str, Any]
    chunks: list[dict[str, Any]]

    def row(self, place: int) -> dict[str, Any]:
        row: dict[str, Any] = self.chunks[self.places["chunk"][place]]["rows"][self.places["row"][place]]
        return row

    def text_of(self, place: int, value: Any) -> str:
        """A text as the page puts it together; what is left out as its number."""
        strings = self.chunks[self.places["chunk"][place]]["strings"]
        pieces = value if isinstance(value, list) else [value]
        return "".join(
            f"<{p[0]}>" if isinstance(p, list) else self.index["text"][place] if p == QUESTION else strings[p]
            for p in pieces
        )

    def marked(self, place: int, mode: str) -> str:
        """What is marked as the answer, counted as JavaScript does, in UTF-16 units."""
        row = self.row(place)
        reply, path, start, end = row["modes"][mode]["at"]
        value = next(p for p in row["replies"][reply]["paths"] if p[0] == path)[1]
        strings = self.chunks[self.places["chunk"][place]]["strings"]
        text = "".join(strings[p] for p in (value if isinstance(value, list) else [value]) if not isinstance(p, list))
        return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def read_page(path: Path) -> Written:
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r'<script type="application/octet-stream" id="data-([\w-]+)">([\w+/=]*)</script>', text)
    content = {name: json.loads(zlib.decompress(base64.b64decode(data))) for name, data in blocks}
    chunks = [content[f"details-{n}"] for n in range(len(content) - 2)]
    return Written(path, text, content["index"], content["places"], chunks)


def write(
    folder: Path,
    *runs: Path,
    baselines: Sequence[str] = ("direct",),
    megabytes: float = 25.0,
    plots: Sequence[Plot] = (),
) -> Written:
    loaded = [load_run(run) for run in runs]
    panels = panels_of(loaded)
    comparison = compare(loaded, baselines, panels=panels)
    folder.mkdir(exist_ok=True)
    page.write_page(folder / "report.html", comparison, panels[0], plots=plots, megabytes=megabytes)
    return read_page(folder / "report.html")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    tmp_path = tmp_path_factory.mktemp("page")
    questions = sums(12)
    asked = {
        "direct": plain(12, "cwu-"),
        "cot": plain(12, "ccw"),
        "self-consistency": [VOTED] * 12,
        "plan-direct": [FOLLOWED] * 12,
        "plan-solver": [PLANNED] * 12,
    }
    return write(tmp_path / "out", build(tmp_path / "run", questions, asked))


# --- contents -----------------------------------------------------------------------------------------------------


def test_the_index_holds_what_filters_need(written: Written) -> None:
    index = written.index
    assert index["modes"] == ["direct", "cot", "self-consistency", "plan-direct", "plan-solver"]
    assert index["panels"] == [{"model": "m", "task": "t", "n": 12, "runs": dict.fromkeys(index["modes"], "run")}]
    assert index["id"][1] == "t-001" and index["gold"][1] == "4"
    assert [index["groups"][g] for g in index["group"][:4]] == ["g0", "g1", "g2", "g0"]
    names = {chr(48 + n): name for n, name in enumerate(index["outcomes"])} | {"-": None}
    assert [names[c] for c in index["outcome"][0][:4]] == ["correct", "wrong", "unparsed", None]
    assert index["answer"][0][:4] == [0, "5", None, None]
    assert index["rules"][0]["name"] == "eq_question"
    assert index["tags"][0] == "01" * 6
    subject = [rule["name"] for rule in index["rules"]].index("subject")
    assert index["tags"][subject] == "-" * 12


def test_details_hold_prompts_and_outputs_as_they_were(written: Written) -> None:
    row = written.row(1)
    question = Question(id="t-001", task="t", text="What is 1 + 1? Let x = 1.")
    reply = row["replies"][row["modes"]["cot"]["replies"][0]]
    assert [(role, written.text_of(1, text)) for role, text in reply["messages"]] == [
        ("system", "Be brief."),
        ("user", prompt_of(question, "cot")),
    ]
    assert written.text_of(1, reply["paths"][0][1]) == "Thinking 1.\nAnswer: 4"
    assert written.text_of(1, reply["sampling"]) == "greedy, at most 64 tokens"
    assert row["modes"]["cot"]["tokens"] == [20, None, 9]


def test_prompts_are_stored_once(written: Written) -> None:
    """What stands around the questions is the same string for all."""
    messages = [written.row(n)["replies"][0]["messages"][1][1] for n in (1, 2, 4, 5)]
    assert len({m[0] for m in messages}) == len({m[-1] for m in messages}) == 1
    assert all(QUESTION in m for m in messages)


@pytest.mark.parametrize(
    ("mode", "span"), [("cot", "4"), ("self-consistency", "4"), ("plan-direct", "4"), ("plan-solver", "answer: 2 + 2")]
)
def test_the_answers_span_is_marked(written: Written, mode: str, span: str) -> None:
    assert written.marked(1, mode) == span


def test_a_votes_mark_is_in_the_first_path_with_the_winning_answer(written: Written) -> None:
    assert written.row(1)["modes"]["self-consistency"]["at"][1] == 1


def test_modes_share_the_plan(written: Written) -> None:
    modes = written.row(1)["modes"]
    assert modes["plan-direct"]["replies"][0] == modes["plan-solver"]["replies"][0]
    assert modes["plan-solver"]["executions"] == [{"outcome": "ok", "value": "4", "stdout": "printed\n"}]


def test_spans_count_characters_and_the_page_utf_16_units(tmp_path: Path) -> None:
    text = "🧮 𝒙 is four. Answer: 4️⃣4 🎉"
    one = Asked(requests=[("", [text])], answer="4", outcome="correct", span=(text.index("4️⃣"), text.index("4️⃣") + 4))
    got = write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": [one]}))
    assert got.marked(0, "cot") == "4️⃣4"


def test_rendered_prompts_are_kept_too(tmp_path: Path) -> None:
    questions = sums(3)
    got = write(tmp_path / "out", build(tmp_path / "r", questions, {"cot": plain(3, "c")}, rendered=True))
    for n, question in enumerate(questions):
        assert got.text_of(n, got.row(n)["replies"][0]["prompt"]) == prompt_of(question, "cot")


# --- what is left out ---------------------------------------------------------------------------------------------


def test_questions_that_a_mode_changed_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "CHUNK", 5)
    n = 40
    asked = {"direct": plain(n, "cccw"), "cot": plain(n, "cccc")}  # every fourth helped
    run = load_run(build(tmp_path / "r", sums(n), asked))
    panels, _ = panels_of([run])
    plan = list(browser._chunks(panels, ["direct"]))
    assert [q for chunk in plan[:2] for q in sorted(chunk.questions)] != []
    assert {q % 4 for chunk in plan[:2] for q in chunk.questions} == {3}
    assert sorted(q for chunk in plan for q in chunk.questions) == list(range(n))


def test_each_task_gets_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "CHUNK", 5)
    questions = [*sums(20, "a"), *sums(40, "b")]
    run = load_run(build(tmp_path / "r", questions, {"cot": plain(60, "c")}))
    plan = list(browser._chunks(panels_of([run])[0], []))
    assert [chunk.panel for chunk in plan] == [0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1]


def test_the_budget_is_kept_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    n = 300
    noise = [hashlib.sha256(str(i).encode()).hexdigest() * 20 for i in range(n)]
    asked = [answered(f"{hashlib.sha512(x.encode()).hexdigest() * 3}{x}\nAnswer: 4", "4", "correct") for x in noise]
    run = build(tmp_path / "r", sums(n), {"direct": plain(n, "cw"), "cot": asked})
    whole = write(tmp_path / "out", run)
    assert whole.places["held"] == whole.places["of"] == n and not whole.places["thin"]
    size = whole.path.stat().st_size
    details_size = sum(len(zlib.compress(json.dumps(c).encode(), 5)) for c in whole.chunks) * 4 / 3
    megabytes = (size - details_size / 2) / 1e6
    part = write(tmp_path / "out", run, megabytes=megabytes)
    assert 0 < part.places["held"] < n
    assert part.path.stat().st_size <= megabytes * 1e6
    held = {q for q, chunk in enumerate(part.places["chunk"]) if chunk >= 0}
    assert len(held) == part.places["held"]
    helped = {q for q in range(n) if q % 2}
    assert held <= helped or helped <= held
    assert part.places["megabytes"] == megabytes


def test_nothing_but_the_index_fits(tmp_path: Path) -> None:
    got = write(tmp_path / "out", build(tmp_path / "r", sums(4), {"cot": plain(4, "c")}), megabytes=0.001)
    assert got.places["held"] == 0 and got.chunks == [] and len(got.index["id"]) == 4


def test_of_votes_one_path_an_answer_and_an_abstainer_stay(tmp_path: Path) -> None:
    run = load_run(build(tmp_path / "r", sums(1), {"self-consistency": [VOTED]}))
    [panel], _ = panels_of([run])
    for thin, paths in ((False, [0, 1, 2, 3, 4, 5, 6]), (True, [0, 1, 2])):
        [row] = details.details_of(panel, 0, [0], thin=thin)["rows"]
        assert [path for path, *_ in row["replies"][0]["paths"]] == paths
        assert row["replies"][0]["of"] == 7


def test_votes_are_thinned_only_where_the_whole_is_too_big(tmp_path: Path) -> None:
    n = 100
    votes = [
        replace(VOTED, requests=[("cot", [hashlib.sha512(f"{i} {p}".encode()).hexdigest() for p in range(7)])])
        for i in range(n)
    ]
    run = build(tmp_path / "r", sums(n), {"self-consistency": votes})
    whole = write(tmp_path / "out", run)
    assert not whole.places["thin"]
    thin = write(tmp_path / "out", run, megabytes=whole.path.stat().st_size / 1e6 - 0.02)
    assert thin.places["thin"] and thin.places["held"] == n


@pytest.mark.parametrize("at", [5, 300_000, 599_990])
def test_long_texts_are_cut_around_the_answer(tmp_path: Path, at: int) -> None:
    text = "é" * at + "42" + "🦆" * (600_000 - at)
    one = Asked(requests=[("", [text])], answer="42", outcome="wrong", span=(at, at + 2))
    got = write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": [one]}))
    assert got.marked(0, "cot") == "42"
    pieces = got.row(0)["replies"][0]["paths"][0][1]
    strings = got.chunks[0]["strings"]
    shown = sum(len(strings[p]) for p in pieces if not isinstance(p, list))
    assert shown <= TEXT_CHARS and shown + sum(p[0] for p in pieces if isinstance(p, list)) == len(text)


def test_an_answer_of_a_megabyte(tmp_path: Path) -> None:
    one = Asked(requests=[("", ["9" * 1_000_000])], answer="9" * 1_000_000, outcome="wrong", span=(0, 1_000_000))
    got = write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": [one]}))
    assert len(got.index["answer"][0][0]) < 2_000 and "characters left out" in got.index["answer"][0][0]
    assert set(got.marked(0, "cot")) == {"9"}
    assert got.path.stat().st_size < 300_000


def test_ranges_that_are_kept() -> None:
    edge = TEXT_CHARS // 4
    assert kept(100_000, []) == [(0, edge), (100_000 - edge, 100_000)]
    assert kept(100_000, [(50_000, 50_010)])[1] == (50_000 - edge // 2, 50_010 + edge // 2)
    assert kept(100_000, [(0, 10), (99_990, 100_000)]) == [(0, edge), (100_000 - edge, 100_000)]


# --- edges --------------------------------------------------------------------------------------------------------


def test_one_mode_has_no_baseline(tmp_path: Path) -> None:
    got = write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": plain(1, "c")}))
    assert got.index["modes"] == ["cot"] and got.places["held"] == 1


def test_without_a_journal_there_are_no_outputs(tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(2), {"direct": plain(2, "c"), "cot": plain(2, "w")}, journal=False)
    got = write(tmp_path / "out", run)
    assert got.row(0)["replies"] == []
    assert got.row(0)["modes"]["cot"]["replies"] == [-1]
    assert "at" not in got.row(0)["modes"]["cot"]


def test_a_lost_line_of_the_journal(tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(2), {"plan-direct": [FOLLOWED] * 2})
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (run / "journal.jsonl").write_bytes(b"".join([lines[0], *lines[2:]]))
    got = write(tmp_path / "out", run)
    assert got.row(0)["modes"]["plan-direct"]["replies"] == [0, -1]
    assert got.marked(1, "plan-direct") == "4"


def test_two_models_stand_in_panels_of_their_own(tmp_path: Path) -> None:
    runs = [build(tmp_path / m, sums(2), {"direct": plain(2, "c"), "cot": plain(2, "w")}, model=m) for m in ("a", "b")]
    got = write(tmp_path / "out", *runs)
    assert [(p["model"], p["task"]) for p in got.index["panels"]] == [("a", "t"), ("b", "t")]
    assert len(got.index["id"]) == 4


def test_modes_of_two_runs_are_side_by_side(tmp_path: Path) -> None:
    runs = [build(tmp_path / m, sums(2), {m: plain(2, "c")}) for m in ("direct", "cot")]
    got = write(tmp_path / "out", *runs)
    assert got.index["panels"][0]["runs"] == {"direct": "direct", "cot": "cot"}
    assert got.marked(0, "direct") == got.marked(0, "cot") == "4"


def test_the_same_input_gives_the_same_file(tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(30), {"direct": plain(30, "cw"), "cot": plain(30, "ccw")})
    assert write(tmp_path / "one", run).path.read_bytes() == write(tmp_path / "two", run).path.read_bytes()


# --- safety -------------------------------------------------------------------------------------------------------


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def hostile_run(folder: Path) -> Path:
    """Every text that a model, a data set or a user may choose is hostile."""
    questions = [
        Question(
            id=f"q{i}-{HOSTILE}",
            task=f"task {HOSTILE_NAME}",
            text=HOSTILE,
            choices=("one " + HOSTILE, "two"),
            group=f"g {HOSTILE}",
        )
        for i in range(2)
    ]
    one = Asked(
        requests=[("", [f"{HOSTILE} Answer: 7 {HOSTILE}"])],
        answer=f"7{HOSTILE}",
        outcome="wrong",
        span=(len(HOSTILE) + 9, len(HOSTILE) + 10),
        executions=({"outcome": HOSTILE, "value": None, "error": HOSTILE, "stdout": HOSTILE},),
        reasoning=HOSTILE,
    )
    return build(
        folder, questions, {"direct": [one] * 2, "cot": [one] * 2}, golds=["A", HOSTILE], model=f"model {HOSTILE_NAME}"
    )


def test_nothing_hostile_becomes_markup(tmp_path: Path) -> None:
    got = write(tmp_path / "out", hostile_run(tmp_path / "r"))
    elements = _Elements()
    elements.feed(got.text)
    assert not [attributes for _, attributes in elements.found if any(name.startswith("on") for name in attributes)]
    scripts = [attributes for tag, attributes in elements.found if tag == "script"]
    assert [s for s in scripts if s.get("type") != "application/octet-stream"] == [{}]
    assert {a.get("class") for tag, a in elements.found if tag == "svg"} == {"interval"}
    assert not {"math", "iframe", "object", "embed", "base"} & {tag for tag, _ in elements.found}
    body = got.text[: got.text.index('<script type="application/octet-stream"')].split("</style>", 1)[1]
    assert "{{ 7 * 7 }}" in body
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2028]", body)
    assert html.escape("<script>window.__pwned") in body


def test_lone_surrogates_are_replaced_and_spans_hold(tmp_path: Path) -> None:
    got = write(tmp_path / "out", hostile_run(tmp_path / "r"))
    assert got.marked(0, "cot") == "7"
    assert "\ufffd" in got.index["text"][0] and "\x00" in got.index["text"][0]


def test_the_policy_names_the_script_and_the_style_by_their_hashes(written: Written) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', written.text)
    assert policy is not None
    allowed = html.unescape(policy[1])
    assert "default-src 'none'" in allowed and "unsafe" not in allowed
    for tag in ("script", "style"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", written.text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed


def test_nothing_is_fetched(written: Written) -> None:
    elements = _Elements()
    elements.feed(written.text)
    for tag, attributes in elements.found:
        for name in ("src", "href"):
            if name in attributes:
                assert (attributes[name] or "").startswith(("data:", "#")), (tag, attributes)
    assert "@import" not in written.text and "url(" not in written.text


# --- plots and words ----------------------------------------------------------------------------------------------


def test_plots_are_images_with_alternatives(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "accuracy.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>window.__pwned = 4</script></svg>"
    )
    (out / "other.png").write_bytes(b"\x89PNG")
    plots = [
        Plot(stem="accuracy", title="Accuracy", alt='Points "and" lines', section="accuracy"),
        Plot(stem="other", title="Other", alt="Something else", section="no such table"),
        Plot(stem="absent", title="Absent", alt="", section="accuracy"),
    ]
    got = write(out, build(tmp_path / "r", sums(4), {"direct": plain(4, "cw"), "cot": plain(4, "c")}), plots=plots)
    assert 'alt="Accuracy: Points &#34;and&#34; lines"' in got.text and "data:image/svg+xml;base64," in got.text
    assert "data:image/png;base64," in got.text and "More plots" in got.text
    assert "window.__pwned = 4" not in got.text and got.text.count("<figure") == 2


def test_the_stub_is_no_model(tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(4), {"direct": plain(4, "cw"), "cot": plain(4, "c")}, engine="stub")
    assert "STUB, NOT A MODEL" in write(tmp_path / "out", run).text


def test_tags_of_the_users_own_rules(tmp_path: Path) -> None:
    from cotbench.questions.tagging import own_rule

    run = load_run(build(tmp_path / "r", sums(4), {"cot": plain(4, "c")}))
    rule = own_rule("count=Count")
    panels = panels_of([run])
    comparison: Comparison = compare([run], rules=[rule], panels=panels)
    boards: Sequence[Panel] = panels[0]
    page.write_page(tmp_path / "report.html", comparison, boards, plots=list, megabytes=25.0, rules=[rule])
    index = read_page(tmp_path / "report.html").index
    assert index["tags"][[r["name"] for r in index["rules"]].index("count")] == "1010"
