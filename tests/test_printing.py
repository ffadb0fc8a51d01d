"""What leaves the harness: no escape sequence, no formula in a spreadsheet, no markup in Markdown, no figure cut.

And streams that are closed, or take no more.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Cli, run_cli
from handmade import QUESTIONS, make_record, make_run, write_journal, write_run
from markdown_it import MarkdownIt
from mock_server import Answer, MockServer, chat, fault
from rich.console import ConsoleDimensions
from rich.table import Table
from terminals import in_a_terminal

from cotbench.report.tame import csv_cell, markdown_text, tame, tame_json
from cotbench.terminal.console import Output, named_table, plain_table
from cotbench.terminal.printing import say, say_json
from cotbench.types import Completion, Question

ESC = "\x1b]0;X\x07\x1b[2J"
# All that a terminal may take as a command: C0 but for line ends and tabs, DEL, C1, and marks that turn the direction
# of text.
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(*texts: str) -> None:
    for text in texts:
        assert not COMMANDS.search(text), text


# --- nothing prints but by the door -------------------------------------------------------------------------------


def test_nothing_else_prints() -> None:
    """Every way to a terminal that doesn't go through `terminal/printing.py`."""
    ways = re.compile(r"(?<![\w.])print\(|(?<![\w.])Console\(|(?<!/)sys\.std(?:out|err)\b|\becho\(|\bsecho\(")
    allowed = {
        "terminal/printing.py", "terminal/console.py",  # the door
        "terminal/progress.py",  # asks whether stderr is a terminal
        "programs/zygote.py", "programs/runtime.py", "programs/probes.py",  # a program's own output
    }  # fmt: skip
    package = ROOT / "cotbench"
    found = {
        f"{path.relative_to(package)}:{number}: {line.strip()}"
        for path in package.rglob("*.py")
        if str(path.relative_to(package)) not in allowed
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ways.search(line.partition("#")[0])
    }
    assert not found


TAMED = {
    "\x1b[31mred": "\\x1b[31mred",
    "bell\x07": "bell\\x07",
    "a\rb": "a\\rb",
    "C1 \x9b2J": "C1 \\x9b2J",
    "\u202egnp": "\\u202egnp",
    "\ud800": "\\ud800",
    "two\nlines\tand a tab": "two\nlines\tand a tab",
    "日本語\u3000é\xa0x": "日本語\u3000é\xa0x",
    "👩\u200d🔬 می\u200cروم": "👩\u200d🔬 می\u200cروم",
    "\u200b\u2028\u00ad": "\\u200b\\u2028\\xad",
}


@pytest.mark.parametrize(("text", "shown"), TAMED.items())
def test_the_door(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tame(text) == shown
    say(text)
    say(text, to_stderr=True)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")
    Output().print(text, soft_wrap=True)
    assert capsys.readouterr().out.expandtabs() == f"{shown}\n".expandtabs()
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    Output().print(table)
    Output().print(named_table(text, [text], [[text]], left=1), plain_table([text], [[text]], whole=[text]))
    clean(capsys.readouterr().out)


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[link=http://x.invalid]y[/link]", ":smile:", "[/]", "\\[x]"])
def test_markup_in_data_is_data(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Output().print(text)
    Output().print(named_table("", ["a"], [[text]], left=1))
    assert capsys.readouterr().out.count(text) == 2


@pytest.mark.parametrize("value", [ESC, "\x9b", "\u202e", "\x7f", "é", "😀\U000e0001", "\ud83d", "\u2028"])
def test_json_means_the_same(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = json.dumps([value], ensure_ascii=False) + "\n"
    say_json(lines)
    out = capsys.readouterr().out
    clean(out)
    assert json.loads(out) == [value]
    assert tame_json(out) == out


# --- every command, with escape sequences in all that isn't ours ---------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run whose every name and text holds a command for a terminal: model, group, question, answer, error."""
    questions = [
        Question(id=f"t-{i}", task="t", text=f"{ESC} x = {i}", choices=(ESC, "b"), group=f"g{ESC}{i % 2}", cluster=ESC)
        for i in range(8)
    ]
    records = [
        make_record(
            question=q.id,
            task="t",
            mode=mode,
            outcome="correct" if mode == "cot" or at % 2 else "wrong",
            answer=ESC,
            gold=ESC,
            rule=f"rule{ESC}",
            error=ESC,
            prompt_tokens=1,
            completion_tokens=2,
            requests=((ESC, 0),),
            executions=({"outcome": "ok", "value": ESC, "stdout": ESC},),
            votes={
                "answers": [{"answer": ESC, "votes": 1, "outcome": "wrong"}],
                "ballots": [0],
                "abstained": {ESC: 1},
                "margin": 1,
            },
        )
        for mode in ("direct", "cot")
        for at, q in enumerate(questions)
    ]
    folder = write_run(tmp_path / "results" / "r", questions, records, model=f"lab/m{ESC}")
    paths = [Completion(text=f"{ESC} 4", finish_reason="stop", reasoning=ESC, error=ESC)]
    write_journal(folder, {(q.id, ESC): paths for q in questions})
    return folder


COMMANDS_OF_A_RUN = [
    "report --no-plots", "report --json --no-plots --no-page", "show", "show --json", "show t-1 --prompts",
    "show t-1 --json", "list runs", "list runs --json", "score r --dry-run --workers 1",
    "report --fail-if delta[t,cot]<1", "run --resume r", "report --tags-file tags.csv --no-plots",
    f"report --tag-rule {ESC}", f"show --mode {ESC}", f"show {ESC}", f"list {ESC}", f"report --nope{ESC}",
    f"report --limit={ESC}", f"{ESC}", f"run --model {ESC} --engine {ESC} --task sample --mode cot",
    f"run --model stub --task {ESC} --mode cot", f"run --model stub --task sample --mode {ESC}",
    f"run --model stub --task sample --mode cot --max-tokens {ESC}",
    f"run --model stub --task sample --mode cot --limit {ESC}", f"report --fail-if {ESC}",
    f"report --to /dev/null/{ESC}", f"report --output-dir {ESC}", f"score {ESC}", f"exec {ESC}", f"show --tag {ESC}",
    f"run --model stub --task sample --mode cot --chat-template {ESC}",
    f"run --model stub --task sample --mode cot --prompts-dir {ESC}",
    f"run --model stub --task sample --mode cot --output-dir out{ESC} -q",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS_OF_A_RUN)
def test_no_command_lets_an_escape_sequence_through(command: str, hostile: Path, tmp_path: Path, main: Cli) -> None:
    rows = "".join(f"t-{i},{i % 2}\n" for i in range(8))
    (tmp_path / "tags.csv").write_text(f"id,tag{ESC}\n{rows}")
    done = main(*command.split(" "))
    assert done.code in (0, 2, 3, 5), done.err
    assert done.out or done.err
    clean(done.out, done.err)
    assert "Traceback" not in done.err


def test_nor_a_file_of_a_report_that_is_read_in_a_terminal(hostile: Path, main: Cli) -> None:
    assert main("report", "--no-page").code == 0
    texts = {path.name: path.read_text() for path in (hostile / "report").iterdir() if path.suffix != ".png"}
    assert {"summary.md", "report.json", "deltas.csv"} <= texts.keys()
    clean(*texts.values())


def test_nor_does_a_server(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "One and one?", "answer": "2"}\n')

    def run(server: MockServer) -> None:
        options = (
            f"--engine openai --base-url {server.url} --task q.jsonl --mode direct --model-args max_retries=1 --fresh"
        )
        done = main("run", "--model", "m", *options.split())
        clean(done.out, done.err)
        assert "X" in done.err
        for more in ("report --no-plots --no-page", "show"):
            again = main(*more.split())
            clean(again.out, again.err)

    for answer in (
        fault(ESC, 404),
        fault(ESC, 400),
        chat("Answer: 2", finish=ESC),
        Answer(status=500, body=ESC.encode()),
        {"error": {"message": ESC, "code": 400}},
    ):
        with MockServer(lambda *_, answer=answer: answer) as server:
            run(server)
    with MockServer(lambda *_: chat("Answer: 2"), models={"data": [{"id": f"x{ESC}"}]}) as server:
        run(server)


# --- figures are whole --------------------------------------------------------------------------------------------


@pytest.mark.patient
@pytest.mark.parametrize(
    ("columns", "env"),
    [
        (20, {"TERM": "dumb"}),
        (300, {"TERM": "dumb"}),
        (9, {"TERM": "xterm"}),
        (80, {"TERM": "xterm", "COLUMNS": "1"}),
        (0, {"TERM": "unknown"}),
    ],
)
def test_no_figure_is_cut_in_a_narrow_or_dumb_terminal(columns: int, env: dict[str, str], tmp_path: Path) -> None:
    make_run(tmp_path / "results" / "a-name-that-is-long", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"})
    seen = re.sub("\x1b\\[[0-9;]*m", "", in_a_terminal(columns, ["report", "--no-plots", "--no-page"], tmp_path, **env))
    plain = run_cli("report", "--no-plots", "--no-page", cwd=tmp_path).out
    figures = re.compile(r"[\w<+−.–-]+")
    shown, whole = figures.findall(seen), figures.findall(plain)
    assert shown == whole if columns == 300 else {"right", "70.0", "difference", "+20.0"} <= set(shown)
    rest = iter(whole)
    assert all(figure in rest for figure in shown)  # columns may be left out, and nothing of those that are there
    listed = in_a_terminal(columns, ["list", "tasks"], tmp_path, **env)
    for figure in ("gsm8k", "14,042", "latex", "logiqa"):
        assert figure in listed


def test_a_table_whose_columns_may_be_wrapped_keeps_words(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.size = ConsoleDimensions(1, 1)
    output.print(
        plain_table(["run", "n", "about"], [["some-run", "123,456", "words " * 9 + "and-a-long-one"]], ["run", "n"])
    )
    shown = capsys.readouterr().out
    for word in ("some-run", "123,456", "and-a-long-one"):
        assert word in shown


# --- streams ------------------------------------------------------------------------------------------------------

RUN = "run --model stub --task sample --mode direct,cot --limit 8"


@pytest.mark.patient
@pytest.mark.parametrize(
    "streams", ["2>&-", ">&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full", "2>/dev/full >&-"]
)
@pytest.mark.parametrize("command", [RUN, "list tasks", "report --no-plots --no-page"])
def test_a_stream_that_is_closed_is_as_if_it_went_nowhere(streams: str, command: str, tmp_path: Path) -> None:
    make_run(tmp_path / "results" / "r", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"})
    done = shell(f"{command} {streams}", tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert ("2>" in streams) == (done.stderr == "") or command != RUN
    if command == RUN:
        [manifest] = (tmp_path / "results").glob("stub*/manifest.json")
        assert json.loads(manifest.read_text())["status"] == "finished"
        for line in (
            (manifest.parent / "journal.jsonl").read_bytes().splitlines()
        ):  # nothing else has gone into a file of ours
            assert json.loads(line)


@pytest.mark.parametrize("command", [
    RUN, "list tasks", "report --no-plots", "--help", "score o.jsonl --answer-type number",
    *(pytest.param(command, marks=pytest.mark.patient) for command in (
        f"{RUN} --json", "list tasks --json", "--version", "report --help", "show",
        "show-prompt --task sample --mode cot",
    )),
])  # fmt: skip
def test_stdout_that_takes_no_more_is_one_message(command: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "results" / "r", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"})
    (tmp_path / "o.jsonl").write_text('{"id": 1, "output": "Answer: 4", "gold": "4"}\n')
    done = shell(f"{command} >/dev/full", tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("stdout can't be written: No space left on device.") == 1
    assert "Traceback" not in done.stderr
    assert "--to" not in done.stderr
    if command == RUN:
        assert "The run is recorded in results/stub" in done.stderr
    if command.startswith("report --no"):
        assert (folder / "report" / "report.html").is_file()


def test_a_wrong_option_where_stderr_takes_nothing(tmp_path: Path) -> None:
    for streams in ("2>/dev/full", "2>&-"):
        assert shell(f"report --nope {streams}", tmp_path).returncode == 2


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f"{sys.executable} -m cotbench {line}"]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


# --- cells and Markdown -------------------------------------------------------------------------------------------

CELLS = {
    "=HYPERLINK(1)": "'=HYPERLINK(1)",
    "+1+cmd|' /C calc'!A0": "'+1+cmd|' /C calc'!A0",
    "-2+3": "'-2+3",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\\t=1",
    "\r=1": "'\\r=1",
    "＝1": "'＝1",
    "-0.5": "-0.5",
    "+3": "+3",
    "-1e-5": "-1e-5",
    "-": "'-",
    "a=b": "a=b",
    "x\x1b[2J": "x\\x1b[2J",
    "algebra": "algebra",
    "non-symbolic": "non-symbolic",
    "": "",
    "two\nlines": "two\\nlines",
}


@pytest.mark.parametrize(("value", "cell"), CELLS.items())
def test_a_cell_is_not_a_formula(value: str, cell: str) -> None:
    assert csv_cell(value) == cell


@pytest.mark.parametrize("number", [-0.5, 3, None, True])
def test_numbers_stay_numbers(number: object) -> None:
    assert csv_cell(number) is number


def test_every_csv_goes_through_the_door(tmp_path: Path, main: Cli) -> None:
    formula = '=HYPERLINK("http://x.invalid")'
    questions = [Question(id=q.id, task="t", text=q.text, group=formula) for q in QUESTIONS]
    make_run(tmp_path / "results" / "r", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"}, questions=questions, model="@m")
    rows = "".join(f"t-{i},{i % 2}\n" for i in range(10))
    header = formula.replace('"', '""')
    (tmp_path / "tags.csv").write_text(f'id,"{header}"\n{rows}')
    assert main("report", "--no-page", "--no-plots", "--tags-file", "tags.csv").code == 0
    seen = 0
    for path in (tmp_path / "results" / "r" / "report").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text())):
            for cell in row:
                seen += "HYPERLINK" in cell
                assert not cell.startswith(("=", "@")), (path.name, cell)
                assert not cell.startswith(("-", "+")) or float(cell) is not None
    assert seen > 4


MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=y>", "[x](javascript:y)", "![x](http://x.invalid/p.png)", "a|b",
    "`code`", "**bold**", "_em_", "__x__", "~~gone~~", "http://x.invalid", "https://x.invalid/a_b", "www.x.invalid",
    "a@b.invalid", "<http://x.invalid>", "&lt;", "[ref]: http://x.invalid", "\\", "\\|", "a\n\n# heading", "a\n| b |",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_is_text(text: str) -> None:
    """A viewer of GitHub's kind sees the text as it was, in one cell of one table, and no element beside."""
    viewer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    html = viewer.render(f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | end |\n")
    assert set(re.findall(r"<(\w+)", html)) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<td>") == 2
    inline = viewer.parseInline(f"x {markdown_text(text)}")[0].children or []
    assert "".join(token.content for token in inline) == "x " + text.replace("\n", "\\n")
    bare = re.sub(r"\\.", "", markdown_text(text))
    assert not re.search(r"https?://|www\.|@", bare)


def test_a_report_in_markdown_holds_no_markup_of_others(tmp_path: Path, main: Cli) -> None:
    bad = "<b>x</b>[y](http://z.invalid)|"
    questions = [Question(id=q.id, task="t", text=q.text, group=bad) for q in QUESTIONS]
    make_run(tmp_path / "results" / "r", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"}, questions=questions, model=bad)
    assert main("report", "--no-page", "--no-plots").code == 0
    text = (tmp_path / "results" / "r" / "report" / "summary.md").read_text()
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    assert set(re.findall(r"<(\w+)", html)) == {
        "h1",
        "h2",
        "p",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "&lt;b&gt;x&lt;/b&gt;[y](http://z.invalid)|" in html


@pytest.mark.parametrize("arguments", ["--help", "run --help", "report -h", "list tasks", "--version"])
def test_a_reader_that_has_seen_enough_is_no_error(arguments: str) -> None:
    """`cotbench run --help | head -c1`, whose other end is closed before the first word is written."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cotbench", *arguments.split()],
            stdout=writing, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", ["run", "report", "show", "score", "exec", "list", "show-prompt", "doctor"])
def test_nothing_in_the_help_is_cut_at_80_columns(command: str, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", None)
    done = main(command, "--help")
    assert done.code == 0
    assert "Options" in done.out
    assert "…" not in done.out
