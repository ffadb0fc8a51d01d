"""Packages that add a mode, an engine, tasks and a tag rule, without a change in cotbench."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Cli, Outcome, run_cli
from wheels import installed, wheel_of, with_plugins

from cotbench import plugins
from cotbench.engines import ENGINES, find_engine
from cotbench.errors import UsageError
from cotbench.modes import MODES, find_mode
from cotbench.modes.prompts import Prompts
from cotbench.questions.tagging import RULES
from cotbench.questions.tasks import find_task

SAMPLE = ROOT / "tests" / "plugins" / "sample"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the sample plugin."""
    return installed(SAMPLE, tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def plugged(site: Path, tmp_path: Path) -> Cli:
    """The command line where the sample plugin is installed."""

    def call(*arguments: object) -> Outcome:
        return run_cli(*arguments, cwd=tmp_path, env=with_plugins(site))

    return call


def a_plugin(folder: Path, name: str, points: str, **modules: str) -> Path:
    """An installed package, as far as Python and cotbench look at it: metadata, entry points, modules."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose packages this process has, too."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    plugins.forget()
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    sys.path.remove(str(folder))
    plugins.forget()


A_RULE = """
from cotbench.questions.tagging import Rule
BOAT = Rule(name="boat", about="it speaks of a boat", tag=lambda seen: "boat" in seen.question.text)
EQ = Rule(name="eq_question", about="mine", tag=lambda seen: True)
WORD = "boat"
"""


# --- the sample plugin, installed by pip ----------------------------------------------------------------------------


def test_a_plugin_adds_a_mode_an_engine_a_task_and_a_tag(plugged: Cli, tmp_path: Path) -> None:
    asked = ("--model", "polly", "--engine", "parrot", "--task", "harbour", "--mode", "direct,twice")
    done = plugged("run", *asked)
    assert done.code == 0, done.err
    [run] = (tmp_path / "results").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["sessions"][0]["plugins"] == {"cotbench-sample": "0.2.0"}
    assert manifest["spec"]["modes"]["harbour/twice"]["plugin"] == "cotbench-sample 0.2.0"
    assert "plugin" not in manifest["spec"]["modes"]["harbour/direct@answer=asked"]
    assert manifest["data"]["harbour"]["plugin"] == "cotbench-sample 0.2.0"
    assert manifest["engine"]["engine"] == "parrot"
    records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    assert {(row["mode"], row["outcome"]) for row in records} == {
        (mode, outcome) for mode in ("direct@answer=asked", "twice") for outcome in ("correct", "wrong")
    }
    assert all(len(row["requests"]) == 2 for row in records if row["mode"] == "twice")
    report = plugged("report", "--tag-rule", "ferry", "--json", "--no-page", "--no-plots")
    assert report.code == 0, report.err
    document = json.loads(report.out)
    assert document["tag_rule"] == "ferry"
    [split] = [row for row in document["splits"] if row["rule"] == "ferry" and row["mode"] == "twice"]
    assert (split["n_symbolic"], split["n_other"]) == (2, 2)
    assert "of the plugin cotbench-sample 0.2.0" in (run / "report" / "about.csv").read_text()
    assert json.loads(plugged("score", run, "--json").out)["changes"] == []


@pytest.mark.patient
def test_lists_show_where_a_thing_is_from(plugged: Cli) -> None:
    for what, key, name in (
        ("modes", "mode", "twice"),
        ("engines", "engine", "parrot"),
        ("tags", "tag", "ferry"),
        ("tasks", "task", "harbour"),
    ):
        rows = json.loads(plugged("list", what, "--json").out)
        assert {row[key]: row.get("plugin") for row in rows if "plugin" in row} == {name: "cotbench-sample 0.2.0"}
        assert "[cotbench-sample 0.2.0]" in plugged("list", what).out


@pytest.mark.patient
def test_doctor_names_plugins(plugged: Cli) -> None:
    checks = {row["name"]: row for row in json.loads(plugged("doctor", "--json").out)}
    found = checks["plugin cotbench-sample"]
    assert found["ok"] is True
    assert found["found"] == "0.2.0: modes: twice; engines: parrot; tasks: harbour; tags: ferry"


@pytest.mark.patient
def test_another_version_of_a_plugin_is_another_run(plugged: Cli, site: Path, tmp_path: Path) -> None:
    asked = ("run", "--model", "stub", "--task", "harbour", "--mode", "twice", "-q")
    assert plugged(*asked).code == 0
    other = tmp_path / "other"
    project = tmp_path / "project"
    project.mkdir()
    for path in SAMPLE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            (project / path.relative_to(SAMPLE)).parent.mkdir(parents=True, exist_ok=True)
            (project / path.relative_to(SAMPLE)).write_text(path.read_text().replace('"0.2.0"', '"0.3.0"'))
    with zipfile.ZipFile(wheel_of(project, tmp_path)) as archive:
        archive.extractall(other)
    assert run_cli(*asked, cwd=tmp_path, env=with_plugins(other)).code == 0
    first, second = sorted((tmp_path / "results").iterdir())
    again = run_cli("run", "--resume", first, cwd=tmp_path, env=with_plugins(other))
    resumed = again if again.code else run_cli("run", "--resume", second, cwd=tmp_path, env=with_plugins(other))
    assert resumed.code == 3
    assert 'plugin: "cotbench-sample 0.2.0" -> "cotbench-sample 0.3.0"' in resumed.err


@pytest.mark.patient
def test_without_the_plugin_its_run_is_reported_all_the_same(plugged: Cli, cli: Cli) -> None:
    assert plugged("run", "--model", "stub", "--task", "harbour", "--mode", "direct,twice", "-q").code == 0
    report = cli("report", "--no-page", "--no-plots")
    assert report.code == 0, report.err
    assert "twice" in report.out
    assert cli("show", "harbour-", "--prompts").code in (0, 2)


@pytest.mark.parametrize("typed", [["--help"], ["run", "--help"]])
def test_help_asks_for_no_plugin(typed: list[str]) -> None:
    watched = (
        "import sys, cotbench.cli\n"
        f"try: cotbench.cli.main({typed!r})\n"
        "except SystemExit: pass\n"
        "from cotbench import plugins\n"
        "print(plugins.entries.cache_info().currsize, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True)
    assert done.stderr.split()[-1] == "0"


def test_a_tab_offers_what_plugins_add_and_loads_none(here: Path) -> None:
    from cotbench.cli import completion

    a_plugin(here, "acme", "[cotbench.tags]\nboat = never_there:BOAT\n[cotbench.modes]\nrow = never_there:ROW\n")
    assert ("boat", "of acme 1.0") in list(completion._rules({}))
    assert ("row", "of acme 1.0") in list(completion._modes({}))
    assert not RULES._full


# --- plugins that fail ----------------------------------------------------------------------------------------------


def test_a_rule_is_found_by_name_and_in_the_list(here: Path) -> None:
    a_plugin(here, "acme", "[cotbench.tags]\nboat = acme_tags:BOAT\n", acme_tags=A_RULE)
    assert RULES["eq_question"].version == 2
    assert "acme_tags" not in sys.modules, "what cotbench has is found without a plugin"
    assert RULES["boat"].about == "it speaks of a boat"
    assert list(RULES)[-1] == "boat"
    assert "boat" in RULES | {}
    assert {**RULES}.keys() == RULES.keys() == dict(RULES).keys()
    assert plugins.origin_of("tags", "boat") == plugins.Origin("acme", "1.0")
    assert RULES.get("nothing") is None


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ("boat = nowhere:BOAT", "nowhere:BOAT can't be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("boat = acme_tags:SHIP", "acme_tags:SHIP can't be loaded: AttributeError: module 'acme_tags' has no"),
        ('boat = "acme_tags:BOAT"', '"acme_tags:BOAT" is no place in a package: expected MODULE:NAME, without quotes'),
        ("boat = acme_bad:BOAT", "acme_bad:BOAT can't be loaded: SystemExit: 3"),
        ("boat = acme_tags:WORD", "acme_tags:WORD is of the type str, expected Rule"),
        ("ship = acme_tags:BOAT", "acme_tags:BOAT calls itself 'boat'; its entry point needs the same name"),
        ("eq_question = acme_tags:EQ", "cotbench has a tag rule of that name itself, and keeps it"),
    ],
)
def test_what_cannot_be_used_is_named_and_breaks_nothing(here: Path, points: str, reason: str) -> None:
    a_plugin(here, "acme", f"[cotbench.tags]\n{points}\n", acme_tags=A_RULE, acme_bad="raise SystemExit(3)")
    a_plugin(
        here,
        "good",
        "[cotbench.tags]\nship2 = good_tags:S\n",
        good_tags=A_RULE.replace('"boat"', '"ship2"') + "S = BOAT",
    )
    name = points.split()[0]
    [fault] = RULES.faults
    assert str(fault).startswith(f"plugin acme 1.0: tag rule '{name}': {reason}")
    assert "ship2" in RULES
    assert RULES["eq_question"].about != "mine"


def test_a_name_that_two_plugins_have_is_neither_ones(here: Path) -> None:
    a_plugin(here, "acme", "[cotbench.tags]\nboat = acme_tags:BOAT\n", acme_tags=A_RULE)
    a_plugin(here, "other", "[cotbench.tags]\nboat = acme_tags:BOAT\n")
    assert "boat" not in RULES
    assert [str(fault) for fault in RULES.faults] == [
        "plugin acme 1.0: tag rule 'boat': other 1.0 adds one of that name, too; neither is taken",
        "plugin other 1.0: tag rule 'boat': acme 1.0 adds one of that name, too; neither is taken",
    ]


def test_asking_for_what_a_broken_plugin_adds_says_why_it_is_not_there(here: Path) -> None:
    a_plugin(here, "acme", "[cotbench.modes]\nrow = nowhere:ROW\n[cotbench.engines]\nsail = nowhere:SAIL\n")
    with pytest.raises(UsageError, match=r"no mode 'row' that works\. Plugin acme 1\.0: mode 'row': nowhere:ROW"):
        find_mode("row@temperature=1")
    with pytest.raises(UsageError, match=r"no engine 'sail' that works\. Plugin acme 1\.0: engine 'sail'"):
        find_engine("sail")
    assert "cot" in MODES
    assert "stub" in ENGINES
    with pytest.raises(UsageError, match="there is no mode 'cott'"):
        find_mode("cott")


def test_what_is_ours_is_said_to_be_of_no_plugin(here: Path) -> None:
    """Else a run under `cot` would be another one where a package adds a mode of that name."""
    a_plugin(
        here, "acme", "[cotbench.modes]\ncot = nowhere:COT\nrow = nowhere:ROW\n[cotbench.engines]\nstub = nowhere:S\n"
    )
    assert plugins.origin_of("modes", "cot") is None
    assert plugins.origin_of("engines", "stub") is None
    assert str(plugins.origin_of("modes", "row")) == "acme 1.0"


def test_a_plugin_without_metadata_is_called_by_its_module(here: Path) -> None:
    a_plugin(here, "acme", "[cotbench.modes]\nrow = nowhere.sub:ROW\n")
    for path in here.rglob("METADATA"):
        path.write_text("")
    plugins.forget()
    assert [str(fault).partition(":")[0] for fault in plugins.faults("modes")] == ["plugin nowhere ?"]


@pytest.mark.patient
def test_the_command_line_names_a_broken_plugin_and_goes_on(here: Path, main: Cli) -> None:
    a_plugin(here, "acme", "[cotbench.modes]\nrow = nowhere:ROW\ncot = nowhere:COT\n[cotbench.tasks]\nx = nowhere\n")
    listed = main("list", "modes")
    assert listed.code == 0
    assert "self-consistency" in listed.out
    assert "Left out: plugin acme 1.0: mode 'row': nowhere:ROW can't be loaded" in listed.err
    assert "mode 'cot': cotbench has a mode of that name itself, and keeps it." in listed.err
    assert "task 'x': nowhere can't be found" in main("list", "tasks").err
    assert main("run", "--model", "stub", "--task", "sample", "--mode", "cot", "--limit", "2", "-q").code == 0
    doctor = main("doctor", "--json")
    [check] = [row for row in json.loads(doctor.out) if row["name"] == "plugin acme"]
    assert check["ok"] is False
    assert check["found"].count("\n") == 2


# --- files: tasks and templates -------------------------------------------------------------------------------------

TASK = """name: {name}
about: a question
source: {{file: q.jsonl, rows: 1, licence: Apache-2.0}}
fields: {{question: q, gold: a}}
gold_reader: plain
answer: number
"""


def a_package(folder: Path, name: str, tasks: list[str], templates: dict[str, str]) -> Path:
    a_plugin(folder, name, f"[cotbench.tasks]\n{name} = {name}\n")
    for part in ("tasks", "prompts"):
        (folder / name / part).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("raise RuntimeError('a package of tasks is not imported')")
    (folder / name / "tasks" / "q.jsonl").write_text('{"q": "How many?", "a": "3"}\n')
    for task in tasks:
        (folder / name / "tasks" / f"{task}.yaml").write_text(TASK.format(name=task))
    for template, text in templates.items():
        path = folder / name / "prompts" / template
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_templates_of_a_plugin_change_no_prompt_of_ours(here: Path) -> None:
    before = Prompts().hash("direct", "gsm8k"), Prompts().hash("cot", "boats")
    said = "{% call user() %}mine{% endcall %}"
    templates = {"direct.jinja": said, "gsm8k/direct.jinja": said, "boats/direct.jinja": said, "mine.jinja": said}
    a_package(here, "acme", ["boats"], templates)
    plugins.forget()
    prompts = Prompts()
    assert (prompts.hash("direct", "gsm8k"), prompts.hash("cot", "boats")) == before
    assert prompts.hash("mine", "gsm8k")
    assert prompts.hash("direct", "boats") not in before, "of its own task they are its to say"
    with pytest.raises(Exception, match="there is no prompt template mine"):
        Prompts(plugins=False).hash("mine", "gsm8k")


def test_a_task_of_ours_is_not_taken_and_that_of_two_plugins_is_none(here: Path) -> None:
    ours = find_task("gsm8k").hash
    a_package(here, "acme", ["gsm8k", "boats", "ships"], {})
    a_package(here, "other", ["boats"], {})
    plugins.forget()
    assert find_task("gsm8k").hash == ours
    assert find_task("ships").task.name == "ships"
    with pytest.raises(UsageError, match=r"no task 'boats' that can be had\. Plugin acme 1\.0: task 'boats': several"):
        find_task("boats")
    told = [str(fault) for fault in plugins.faults("tasks", ["gsm8k"])]
    assert "plugin acme 1.0: task 'gsm8k': cotbench has a task of that name itself, and keeps it" in told
    assert len(told) == 3
