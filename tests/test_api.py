"""cotbench from Python: the same as by the command line, in somebody else's process."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import inspect
import json
import os
import pkgutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Cli, run_cli
from mock_server import MockServer

import cotbench
import cotbench.api
from cotbench.answers.grader import TIMEOUT
from cotbench.api import naming
from cotbench.errors import CotbenchError, DataError, RunError, TaskError, UsageError
from cotbench.runs.options import TYPES, RunOptions

MODULES = [f"cotbench.api.{one.name}" for one in pkgutil.iter_modules(cotbench.api.__path__)]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> cotbench.Run:
    """A run of the stub."""
    folder = tmp_path_factory.mktemp("made")
    return cotbench.run("stub", "sample", ["direct", "cot"], output_dir=folder, progress=False)


def python(script: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a script as a file of its own, without a guard around what it does."""
    Path("script.py").write_text(textwrap.dedent(script))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'api'}"}
    command = [sys.executable, "script.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)


# --- documents ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_are_so(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


def test_every_name_is_documented_with_an_example_or_is_a_result() -> None:
    for name in cotbench.__all__:
        thing = getattr(cotbench, name)
        if inspect.isfunction(thing):
            assert ">>> " in (thing.__doc__ or ""), name
        elif inspect.isclass(thing):
            assert thing.__doc__, name
    assert set(cotbench.__all__) <= set(dir(cotbench))
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        cotbench.runn  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_imports_nothing_of_it() -> None:
    done = python("import sys, cotbench; print([name for name in sys.modules if name.startswith('cotbench')])")
    assert done.stdout.strip() == "['cotbench']", done.stderr


def test_options_are_the_fields_of_a_runs_options() -> None:
    known = {field.name for field in fields(RunOptions)} - {"model", "tasks", "modes"}
    assert set(cotbench.Options.__annotations__) == known
    assert known | {"model", "tasks", "modes"} == set(TYPES)


# --- run --------------------------------------------------------------------------------------------------------------


def test_a_run_is_the_same_as_the_command_lines(tmp_path: Path) -> None:
    typed = "--limit 6 --gen-kwargs top_p=0.9 --max-tokens cot=300 --num-fewshot 1 --seed 3".split()
    assert run_cli("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", *typed, cwd=tmp_path).code == 0
    [folder] = (tmp_path / "results").iterdir()
    run = cotbench.run(
        model="stub",
        tasks=["sample"],
        arms=["direct", "cot"],
        limit=6,
        gen_kwargs={"top_p": 0.9},
        max_tokens={"cot": 300},
        num_fewshot=1,
        seed=3,
        progress=False,
    )
    assert run.folder.resolve() == folder
    assert (run.requests, run.status, run.id) == (0, "finished", folder.name)
    sessions = run.manifest["sessions"]
    assert sessions[-1]["command"] == ["cotbench.run"]
    first = json.loads((folder / "manifest.json").read_text())["options"]
    other = cotbench.run("stub", "sample", "direct,cot", limit=6, gen_kwargs="top_p=0.9", max_tokens="cot=300",
                         num_fewshot=1, seed=3, fresh=True, progress=False)  # fmt: skip
    assert json.loads((other.folder / "manifest.json").read_text())["options"] == first


def test_a_run_has_its_records_a_table_and_short_texts(made: cotbench.Run) -> None:
    assert (made.model, made.tasks, made.arms) == ("stub", ["sample"], ["direct@answer=begun", "cot"])
    assert len(made.records) == 96
    assert made.table[["arm", "answers"]].values.tolist() == [["direct@answer=begun", 48], ["cot", 48]]
    text, page = repr(made), made._repr_html_()
    assert text.splitlines()[0] == f"Run {made.id}: stub, finished"
    assert len(text) < 500
    assert page.count("<tr>") == 3
    assert "<script" not in page


def test_a_run_is_resumed_by_its_id_and_with_other_options_where_these_are_given(made: cotbench.Run) -> None:
    again = cotbench.run(resume=made, progress=False)
    assert (again.id, again.requests) == (made.id, 0)
    named = cotbench.run(resume=made.id, output_dir=made.folder.parent, progress=False)
    assert named.folder == made.folder
    with pytest.raises(RunError, match=r"can't be resumed, .*\n  num_fewshot: 0 -> 1"):
        cotbench.run(resume=made, num_fewshot=1, progress=False)


BAD: list[tuple[dict[str, Any], type[CotbenchError], str]] = [
    ({"tasks": "sampl"}, TaskError, "tasks: there is no task 'sampl'"),
    ({"arms": "cott"}, UsageError, "arms: there is no mode 'cott'"),
    ({"tasks": []}, UsageError, "run: tasks is missing"),
    ({"columns": {"x": "y"}}, UsageError, "columns: there is nothing called 'x'"),
    ({"kind": "nmber"}, UsageError, "kind"),
    ({"reuse": ["auto", "x"]}, UsageError, "reuse: expected auto, off or runs, found 'auto,x'"),
    ({"model": None}, UsageError, "run: model is missing"),
    ({"model": "vllm"}, UsageError, "model is 'vllm'"),
    ({"num_fewshot": -1}, UsageError, "num_fewshot: expected 0 or more, found -1"),
    ({"limit": 0}, UsageError, "limit: expected a number of questions from 1 up, found 0"),
    ({"limit": 0.5}, UsageError, "limit: expected a number of questions, found '0.5'"),
    ({"gen_kwargs": {"temprature": 1}}, UsageError, "gen_kwargs: unknown temprature"),
    ({"gen_kwargs": {"temperature": 9}}, UsageError, "gen_kwargs: temperature is 9; expected a number from 0 to 2"),
    ({"gen_kwargs": 3}, UsageError, "gen_kwargs: expected a mapping, found 3"),
    ({"thinking": "maybe"}, UsageError, "thinking: expected auto, on or off, found 'maybe'"),
    ({"seed": "x"}, UsageError, "seed: expected a valid integer, found 'x'"),
    ({"skip_missing": 1}, UsageError, "skip_missing: expected a valid boolean, found 1"),
    ({"sed": 1}, UsageError, "run: there is no argument 'sed'"),
    ({"modes": ["cot"]}, UsageError, "run: there is no argument 'modes'"),
    ({"concurrency": 0}, UsageError, "concurrency: expected a number from 1 up, found 0"),
    ({"headers": {"a b": "c"}}, UsageError, "headers: expected NAME=VALUE"),
    ({"extra_body": {"model": "x"}}, UsageError, "extra_body: model can't be set there"),
    ({"extra_body": {"x": {1, 2}}}, UsageError, "extra_body: Object of type set is not JSON serializable"),
    ({"max_tokens": {"cot": -2}}, UsageError, "max_tokens: cot=-2 is not a positive number of tokens"),
    ({"max_tokens": {"think": 9}}, UsageError, "max_tokens: think"),
    ({"engine": "vlm"}, UsageError, "engine: there is no engine 'vlm'"),
    ({"model_args": {"latency": 1}}, UsageError, "model_args: engine 'stub' doesn't know latency"),
    ({"program_limits": {"cpu_s": 0}}, UsageError, "program_limits: cpu_s is 0"),
    ({"lock": "delta[x]"}, UsageError, "lock"),
    ({"data_dir": "nowhere", "tasks": "gsm8k"}, DataError, "gsm8k"),
    ({"resume": "nothing"}, RunError, "there is no run 'nothing'"),
]


@pytest.mark.parametrize(("given", "kind", "said"), BAD, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_an_error_in_the_words_of_python(
    given: dict[str, Any], kind: type[CotbenchError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(kind) as raised:
        cotbench.run(**{"model": "stub", "tasks": "sample", "arms": "cot", "progress": False, **given})
    assert raised.value.message.startswith(said) or said in raised.value.message
    assert "--" not in naming._OPTION.sub(lambda found: "" if found[1] else found[0], raised.value.message)
    assert not (tmp_path / "results").exists()


def test_without_arms_they_are_those_of_the_command_line() -> None:
    assert cotbench.run("stub", "sample", limit=2, progress=False).arms[:2] == ["direct@answer=begun", "cot"]


def test_columns_of_a_file_of_ones_own() -> None:
    Path("own.csv").write_text("prompt,target\n1 + 1?,2\n2 + 2?,4\n")
    run = cotbench.run("stub", "own.csv", "cot", columns={"question": "prompt", "answer": "target"}, progress=False)
    assert sorted(run.records["gold"]) == ["2", "4"]


def test_replies_of_another_run_are_taken_where_it_is_named(made: cotbench.Run) -> None:
    run = cotbench.run("stub", "sample", "cot", limit=10, reuse=[made.folder], output_dir="there", progress=False)
    assert (run.requests, len(run.records)) == (0, 10)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda run: cotbench.export(run, "sfft"), "to: expected inspect, lm-eval"),
        (lambda run: cotbench.export(run, "csv", keep="all"), "keep: isn't about to='csv'"),
        (lambda run: cotbench.export(run, "sft", keep="most"), "keep: expected shortest, all, found 'most'"),
        (lambda run: cotbench.import_logs([]), "import_logs: no log is named"),
        (lambda run: cotbench.import_logs("nowhere.jsonl", kind="x"), "kind: expected number"),
    ],
)
def test_what_cannot_be_exchanged(made: cotbench.Run, call: Callable[[cotbench.Run], object], said: str) -> None:
    with pytest.raises(CotbenchError) as raised:
        call(made)
    assert raised.value.message.startswith(said)


def test_a_number_holds_for_all_modes() -> None:
    run = cotbench.run("stub", "sample", "cot,self-consistency", limit=3, max_tokens=77, paths=2, progress=False)
    assert {row["sampling"]["max_tokens"] for row in run.manifest["spec"]["modes"].values()} == {77}
    assert run.manifest["spec"]["modes"]["sample/self-consistency"]["sampling"]["n"] == 2


def test_where_requests_failed_the_error_holds_the_run() -> None:
    Path("outputs.jsonl").write_text('{"question": "nobody asked", "output": "Answer: 3"}\n')
    with pytest.raises(cotbench.RunFailed, match="6 of 6 answers are missing") as raised:
        cotbench.run(
            "old", "sample", "cot", engine="replay", model_args={"path": "outputs.jsonl"}, limit=6, progress=False
        )
    assert raised.value.exit_code == 4
    assert raised.value.run.records["outcome"].tolist() == ["engine_error"] * 6
    assert "cot" in repr(raised.value.run)
    assert raised.value.run.table["right"].isna().all()


# --- in somebody else's process ---------------------------------------------------------------------------------------


@pytest.mark.patient
def test_nothing_of_the_process_stays_changed() -> None:
    done = python(
        """
        from state import state, changes
        before = state()
        import cotbench
        run = cotbench.run("stub", "sample", "direct,cot,pal", limit=6, progress=False)
        cotbench.score(run)
        cotbench.score(outputs=[r"$\\\\sqrt{8}$"], golds=[r"2\\\\sqrt{2}"], kind="latex")
        comparison = run.report()
        comparison.plot(), comparison.to_html(), comparison._repr_html_(), repr(comparison)
        cotbench.read_answer("4", "number"), cotbench.list_tasks(), run.frames.pairs("cot")
        print(changes(before, state()))
        """
    )
    assert done.stdout.strip() == "{}", done.stdout + done.stderr
    assert done.stderr == ""


def test_a_script_without_a_guard_is_not_begun_again_in_workers() -> None:
    done = python(
        """
        print("begun")
        import cotbench
        print(cotbench.equal(r"\\\\sqrt{8}", r"2\\\\sqrt{2}", "latex"), cotbench.equal("x+1", "x", "latex"))
        """
    )
    assert done.stdout.split() == ["begun", "True", "False"], done.stderr
    assert done.stderr == ""


@pytest.mark.patient
def test_it_runs_in_another_thread_beside_the_same_in_this_one() -> None:
    found: dict[str, Any] = {}

    def work(name: str) -> None:
        run = cotbench.run("stub", "sample", "direct,pal", limit=4, output_dir=name, progress=False)
        found[name] = (run.status, run.report().summary, cotbench.equal(r"\frac{2}{4}", "0.5", "latex"))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    work("three")
    for thread in threads:
        thread.join(120)
    assert len(found) == 3
    assert len(set(found.values())) == 1
    assert found["one"][0] == "finished"


def test_it_runs_while_an_event_loop_does() -> None:
    def reply(path: str, headers: object, body: Any, seen: int) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Answer: A"}, "finish_reason": "stop"}
        return {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}, "model": "m"}

    async def notebook(url: str) -> cotbench.Run:
        await asyncio.sleep(0)
        options: Any = {"engine": "openai", "base_url": url, "limit": 5, "progress": False}
        return cotbench.run("m", "sample", "cot", **options)

    interval = sys.getswitchinterval()
    with MockServer(reply) as server:
        run = asyncio.run(notebook(server.url))
    assert (run.status, len(run.records)) == ("finished", 5)
    assert sys.getswitchinterval() == interval


SLOW = """
import signal, sys, cotbench
if sys.argv[1] == "own":
    signal.signal(signal.SIGINT, lambda *_: print("mine", flush=True))
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
try:
    run = cotbench.run("stub", "sample", "cot", model_args={"in_flight": 4, "latency_s": 0.4})
    print("done", len(run.records))
except cotbench.errors.Interrupted as error:
    print(error)
assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
"""


def interrupted(which: str) -> str:
    """What such a script prints that gets a Ctrl-C in its midst."""
    Path("script.py").write_text(SLOW.replace("signal, sys, cotbench", "signal, sys, cotbench, cotbench.errors"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "script.py", which], stdout=subprocess.PIPE, text=True, env=environment)
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not any(Path("results").glob("*/records.jsonl")):
        time.sleep(0.05)
    time.sleep(0.6)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


@pytest.mark.patient
def test_ctrl_c_leaves_a_run_that_is_gone_on_with() -> None:
    out = interrupted("default")
    assert out.startswith("Interrupted: ")
    assert "or by the same call of cotbench.run." in out
    [folder] = Path("results").iterdir()
    recorded = len((folder / "records.jsonl").read_text().splitlines())
    assert 0 < recorded < 48
    run = cotbench.run("stub", "sample", "cot", model_args={"in_flight": 48, "latency_s": 0}, progress=False)
    assert (run.id, len(run.records)) == (folder.name, 48)
    assert run.requests <= 48 - recorded


@pytest.mark.patient
def test_a_handler_of_the_callers_own_stays_in_force() -> None:
    assert interrupted("own").split() == ["mine", "done", "48"]


@pytest.mark.parametrize("wanted", [True, False])
def test_progress_is_plain_lines_or_nothing(wanted: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = cotbench.run("stub", "sample", "cot,self-consistency", limit=5, paths=1, progress=wanted)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    assert bool(captured.err) is wanted
    assert not wanted or "10 of 10 answers" in captured.err
    assert all(isinstance(note, str) for note in run.notes)


def test_what_would_have_been_said_is_in_the_notes() -> None:
    options: Any = {"model_args": {"direct": 0.5}, "limit": 4, "progress": False}
    cotbench.run("stub", "sample", "direct", **options)
    again = cotbench.run("stub", "sample", "direct", **options)
    assert again.notes[0].startswith("Resuming ")


# --- compare ----------------------------------------------------------------------------------------------------------


def test_a_comparison_has_the_figures_of_the_report(made: cotbench.Run, main: Cli) -> None:
    told = main("report", made.folder, "--json", "--no-page", "--no-plots", "--to", "there", "--tag-rule", "operators")
    document = json.loads(told.out)
    comparison = cotbench.compare(made, tag_rule="operators")
    assert json.loads(json.dumps(comparison.to_dict())) == document
    assert comparison.tag_rule == "operators"
    deltas = comparison.deltas
    assert deltas["delta"].tolist() == [row["delta"] for row in document["deltas"]]
    assert deltas[["low", "high"]].values.tolist() == [[row["low"], row["high"]] for row in document["deltas"]]
    [row] = comparison.table.query("arm == 'cot'").to_dict("records")
    first = document["deltas"][0]
    assert (row["difference"], row["low"], row["high"], row["n"]) == (first["delta"], first["low"], first["high"], 48)
    assert comparison.rows("modes")["accuracy"].tolist() == [one["accuracy"] for one in document["modes"]]
    assert not (made.folder / "report").exists(), "it writes nothing"


@pytest.mark.patient
def test_several_runs_are_compared_by_whatever_names_them(made: cotbench.Run) -> None:
    other = cotbench.run("stub", "sample", "pal", output_dir=made.folder.parent, progress=False)
    comparison = cotbench.compare([made, str(other.folder), other.id], output_dir=made.folder.parent)
    assert comparison.runs == [made.id, other.id]
    assert set(comparison.table["arm"]) == {"direct@answer=begun", "cot", "pal"}


def test_tags_of_ones_own(made: cotbench.Run) -> None:
    from cotbench.questions.tagging import Rule

    rule = Rule(name="odd", about="its id is odd", tag=lambda seen: int(seen.question.id[-1], 16) % 2 == 1)
    comparison = cotbench.compare(made, tags=["words=\\w{9}", rule], tag_rule="odd")
    assert comparison.tag_rule == "odd"
    assert {"words", "odd"} <= {one.name for one in comparison.estimates.rules}
    with pytest.raises(UsageError, match="tags: there is a rule 'long' already"):
        cotbench.compare(made, tags=[replace(rule, name="long")])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"runs": []}, "compare: no run is named"),
        ({"runs": "nothing"}, "there is no run 'nothing'"),
        ({"tag_rule": "odd"}, "tag_rule: there is no rule 'odd'"),
        ({"baseline": "cott"}, "baseline: there is no mode 'cott'"),
        ({"margin": -1}, "margin: expected points above 0 and below 100, found -1"),
        ({"effect": 0}, "effect: expected points above 0"),
        ({"symbolic_tasks": "mmlu"}, "symbolic_tasks: there is no task 'mmlu' in these runs"),
        ({"suite": "papers"}, "suite: there is no suite 'papers'"),
        ({"tags": "x"}, "tags x: expected NAME=REGEX"),
        ({"generalise": "group"}, "generalise: expected 'subject', found 'group'"),
    ],
)
def test_a_comparison_that_cannot_be(made: cotbench.Run, given: dict[str, Any], said: str) -> None:
    with pytest.raises(CotbenchError) as raised:
        cotbench.compare(**{"runs": made, **given})
    assert raised.value.message.startswith(said)


def test_plots_are_figures_of_their_own(made: cotbench.Run) -> None:
    comparison = made.report()
    assert comparison.plots[0] == "deltas"
    for name in comparison.plots:
        comparison.plot(name, "narrow").savefig("plot.png")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    with pytest.raises(UsageError, match=r"no plot 'delta'\.\nDid you mean 'deltas'"):
        comparison.plot("delta")
    with pytest.raises(UsageError, match="there is no list 'delta'"):
        comparison.rows("delta")


@pytest.mark.patient
def test_the_page_is_that_of_the_report(made: cotbench.Run, main: Cli) -> None:
    comparison = made.report()
    text = comparison.to_html("page.html")
    assert Path("page.html").read_text() == text
    assert main("report", made.folder, "--to", "there").code == 0
    page = Path("there/report.html").read_text()
    assert text.split("</title>")[0] == page.split("</title>")[0]
    assert abs(len(text) - len(page)) < 2_000
    with pytest.raises(UsageError, match=r"to_html: nowhere/page\.html: can't be written"):
        comparison.to_html("nowhere/page.html")


def test_a_comparison_in_a_notebook_is_a_table_sentences_and_a_plot(made: cotbench.Run) -> None:
    comparison = made.report()
    text, page = repr(comparison), comparison._repr_html_()
    assert len(text) < 3_000
    assert max(map(len, text.splitlines()[:6])) <= 100
    assert "CoT" in text
    assert page.count("<table>") == 1
    assert "data:image/svg+xml;base64," in page
    assert "<script" not in page
    assert "stub" in page.split("</p>")[0], "whose numbers mean nothing"


def test_texts_of_others_are_no_markup(tmp_path: Path) -> None:
    rows = [{"question": f"<b>{n}</b>?", "answer": str(n), "group": "<script>alert(1)</script>"} for n in range(4)]
    Path("own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = cotbench.run("<i>x", "own.jsonl", ["direct", "cot"], engine="stub", progress=False)
    for page in (run._repr_html_(), run.report()._repr_html_()):
        assert "<script" not in page
        assert "<i>" not in page
        assert "&lt;i&gt;x" in page


# --- frames -----------------------------------------------------------------------------------------------------------


def test_frames_have_short_texts(made: cotbench.Run) -> None:
    frames = cotbench.load(made.folder)
    assert repr(frames) == f"Frames({made.id}: 96 records)"
    assert repr(frames.runs) == f"[Run({made.id}: 96 records)]"
    assert len(repr(vars(frames))) < 300
    assert "48 questions" in repr(frames._panels)
    assert len(repr(frames._panels)) < 200
    assert "<table" in frames._repr_html_()
    assert len(frames._repr_html_()) < 2_000


def test_pairs_have_their_tags(made: cotbench.Run) -> None:
    pairs = made.frames.pairs("cot")
    questions = made.frames.questions.set_index("question")
    assert pairs["eq_question"].tolist() == questions.loc[pairs["question"], "eq_question"].tolist()
    assert pairs["hops"].isna().all()
    assert pairs["eq_paper"].notna().all(), "of responses, too"
    deltas = made.report().deltas.set_index("tag")
    by_side = pairs.groupby("eq_question")[["helped", "hurt"]].sum()
    for side, tag in ((True, "symbolic"), (False, "non-symbolic")):
        assert by_side.loc[side].tolist() == deltas.loc[tag, ["helped", "hurt"]].tolist()


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cotbench.read_answer("4", "nmber"), "kind: expected number, latex"),
        (lambda: cotbench.read_answer("A", "letter"), "choices: answers of the kind letter need them"),
        (lambda: cotbench.read_answer("A", "letter", "AB"), "choices: expected a list of options, or their number"),
        (lambda: cotbench.read_answer("A", "letter", 0), "choices: expected a number of options from 1 to"),
        (lambda: cotbench.read_answer(4, "number"), "text: expected a text, found int"),  # type: ignore[arg-type]
        (lambda: cotbench.equal("4", 4, "number"), "b: expected a text, found int"),  # type: ignore[arg-type]
        (lambda: cotbench.equal("4", "4", ""), "kind: expected"),
        (lambda: cotbench.score(), "score: expected a file or a run, or outputs and golds"),
        (lambda: cotbench.score(outputs=["4"], kind="number"), "score: expected a file or a run"),
        (lambda: cotbench.score(outputs=["4"], golds=[], kind="number"), "score: there are 1 outputs and 0 golds"),
        (lambda: cotbench.score(outputs=["4"], golds=["x"], kind="number"), "output 0: gold is 'x', which holds no"),
        (lambda: cotbench.score(outputs=["4"], golds=["4"]), "kind: expected"),
        (lambda: cotbench.score("nothing"), "there is no run 'nothing'"),
    ],
)
def test_what_cannot_be_read_or_scored(call: Callable[[], object], said: str) -> None:
    with pytest.raises(CotbenchError) as raised:
        call()
    assert raised.value.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "kind", "choices", "answer", "outcome"),
    [
        ("Answer: 42", "number", (), "42", None),
        ("It is (B).", "letter", ["x", "y"], "B", None),
        ("It is (B).", "letter", 4, "B", None),
        (r"So \boxed{\frac12}.", "latex", (), r"\frac12", None),
        ("no idea at all", "number", (), None, "unparsed"),
        ("", "number", (), None, "unparsed"),
    ],
)
def test_an_answer_is_read_as_in_a_run(
    text: str, kind: str, choices: Any, answer: str | None, outcome: str | None
) -> None:
    found = cotbench.read_answer(text, kind, choices)
    assert (found.answer, found.outcome) == (answer, outcome)
    if found.span is not None:
        assert text[slice(*found.span)]
    assert cotbench.read_answer("I get 42", "number", truncated=True).outcome == "truncated"


@pytest.mark.parametrize(
    ("a", "b", "kind", "same"),
    [
        ("1,000", "1000", "number", True),
        ("0.5", "1/2", "number", True),
        ("b", "B", "letter", True),
        (r"\frac{1}{2}", "0.5", "latex", True),
        ("x^2-1", "(x-1)(x+1)", "latex", True),
        ("x^2", "x", "latex", False),
        ("the Beatles", "Beatles", "text", True),
    ],
)
def test_two_answers_are_the_same_or_not(a: str, b: str, kind: str, same: bool) -> None:
    assert cotbench.equal(a, b, kind) is same


def test_what_cannot_be_decided_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotbench.answers.grader.grade_now", lambda *_: TIMEOUT)
    assert cotbench.equal("x", "y", "latex") is None


def test_scoring_a_file_lists_and_a_run(made: cotbench.Run, main: Cli) -> None:
    outputs, golds = ["Answer: B", "Answer: A", "hm"], ["B", "B", "A"]
    rows = zip(outputs, golds, strict=True)
    lines = [{"id": n, "output": out, "gold": gold, "choices": 3} for n, (out, gold) in enumerate(rows)]
    Path("outputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    of_lists = cotbench.score(outputs=outputs, golds=golds, kind="letter", choices=3)
    of_file = cotbench.score("outputs.jsonl", kind="letter")
    assert of_lists.table.equals(of_file.table)
    assert of_lists.outcomes == {"correct": 1, "wrong": 1, "unparsed": 1}
    assert of_lists.accuracy == pytest.approx(1 / 3)
    assert "correct" in repr(of_lists)
    assert "<td" in of_lists._repr_html_()
    each = cotbench.score(outputs=outputs, golds=golds, kind="letter", choices=[["x", "y"], 2, 3])
    assert each.outcomes == of_lists.outcomes
    records = (made.folder / "records.jsonl").read_bytes()
    of_run = cotbench.score(made)
    assert (of_run.changes, sum(of_run.outcomes.values())) == ((), 96)
    assert of_run.accuracy == pytest.approx(made.records["correct"].mean())
    assert (made.folder / "records.jsonl").read_bytes() == records
    with pytest.raises(UsageError, match="kind, choices: are for outputs"):
        cotbench.score(made, kind="letter")


# --- types ------------------------------------------------------------------------------------------------------------

TYPED = """
import cotbench
from cotbench.errors import Interrupted

def study(model: str) -> float:
    run: cotbench.Run = cotbench.run(model, tasks=["sample"], arms=["direct", "cot"], limit=8, thinking="off",
                                     gen_kwargs={"top_p": 0.9}, max_tokens=512, progress=False)
    comparison: cotbench.Comparison = cotbench.compare([run, "other"], tag_rule="operators", margin=1.5)
    text: str = comparison.summary
    reading: cotbench.Reading = cotbench.read_answer(text, "number")
    same: bool | None = cotbench.equal(reading.answer or "", "4", "number")
    scores: cotbench.Scores = cotbench.score(outputs=["4"], golds=["4"], kind="number")
    reveal_type(cotbench.load(run.folder).records)
    return scores.accuracy or float(bool(same))
"""
WRONG = {
    'cotbench.run("m", "t", "cot", limit="8")': "limit",
    'cotbench.run("m", "t", "cot", sed=8)': "sed",
    'cotbench.run("m", "t", "cot", thinking="maybe")': "thinking",
    "cotbench.compare(3)": "compare",
    'cotbench.equal("4", 4, "number")': "equal",
    "cotbench.nothing": "nothing",
}


@pytest.mark.patient
def test_users_types_are_checked() -> None:
    pytest.importorskip("mypy")
    Path("user.py").write_text(TYPED + "\n" + "\n".join(WRONG) + "\n")
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "user.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    faults = [line for line in done.stdout.splitlines() if ": error:" in line and line.startswith("user.py")]
    assert len(faults) == len(WRONG), done.stdout
    first = len(TYPED.splitlines()) + 2
    for number, (fault, said) in enumerate(zip(faults, WRONG.values(), strict=True), first):
        assert fault.startswith(f"user.py:{number}:"), fault
        assert said in fault
    assert "DataFrame" in done.stdout
