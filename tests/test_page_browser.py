"""The report's page in a real browser: filters and keys work, nothing hostile runs, and nothing is fetched."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_page import FOLLOWED, PLANNED, VOTED, Written, answered, build, hostile_run, plain, sums, write

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
_MISSING = [
    name
    for name, there in (
        ("selenium", importlib.util.find_spec("selenium")),
        ("chromium", _CHROMIUM),
        ("chromedriver", _DRIVER),
    )
    if not there
]
no_browser = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")
pytestmark = [no_browser, pytest.mark.patient]

PATIENCE_S = 30
OPTIONS = """--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update
--disable-sync --no-first-run --disable-dev-shm-usage --window-size=1200,1000"""


class Tab:
    """A browser tab with a report."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def js(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, what: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE_S
        while not (found := what()):
            assert time.monotonic() < end, "the page didn't come so far"
            time.sleep(0.02)
        return found

    def open(self, path: Path, fragment: str = "") -> Tab:
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(path.as_uri() + fragment)
        self.wait(lambda: self.js("return document.documentElement.dataset.ready"))
        assert self.js("return document.documentElement.dataset.ready") == "true", self.js(
            "return document.getElementById('browse-state').textContent"
        )
        return self

    def choose(self, name: str, value: str) -> None:
        self.js(
            "const e = document.getElementById('f-' + arguments[0]); e.value = arguments[1];"
            "if (e.value !== arguments[1]) throw new Error('no such choice: ' + arguments[1]);"
            "e.dispatchEvent(new Event('change', { bubbles: true }));",
            name,
            value,
        )

    def search(self, text: str) -> None:
        self.js(
            "const e = document.getElementById('f-text'); e.value = arguments[0]; e.dispatchEvent(new "
            "Event('input', { bubbles: true }));",
            text,
        )
        time.sleep(0.3)

    @property
    def ids(self) -> list[str]:
        found: list[str] = self.js(
            "return [...document.querySelectorAll('#list tbody button')].map(b => b.textContent)"
        )
        return found

    @property
    def count(self) -> str:
        return str(self.js("return document.getElementById('count').textContent"))

    @property
    def opened(self) -> str | None:
        name: str | None = self.js("return document.documentElement.dataset.opened || null")
        return name

    def press(self, key: str) -> None:
        self.driver.switch_to.active_element.send_keys(key)

    def body(self) -> str:
        return str(self.js("return document.getElementById('opened-body').textContent"))

    def requested(self) -> set[str]:
        """The addresses that the page asked for."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return {e["params"]["request"]["url"] for e in entries if e["method"] == "Network.requestWillBeSent"}


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for option in [*OPTIONS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_DRIVER))
    try:
        yield Tab(driver)
    finally:
        driver.quit()


N = 150


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """150 questions of one task and 6 of another. Direct: right, wrong, wrong, unread; CoT: right, right, wrong."""
    folder = tmp_path_factory.mktemp("page")
    questions = [
        *(replace(q, choices=("one", "four")) if i == 1 else q for i, q in enumerate(sums(N))),
        *sums(6, "other"),
    ]
    n = len(questions)
    asked = {
        "direct": plain(n, "cwwu"),
        "cot": plain(n, "ccw"),
        "self-consistency": [VOTED] * n,
        "plan-direct": [FOLLOWED] * n,
        "plan-cot": [replace(FOLLOWED, requests=[FOLLOWED.requests[0], ("plan-cot", ["Answer: 4"])])] * n,
        "plan-solver": [*([PLANNED] * N), *([None] * 6)],
    }
    return write(folder / "out", build(folder / "run", questions, asked, golds=["4", "B", *["4"] * (n - 2)]))


@pytest.fixture
def page(tab: Tab, written: Written) -> Tab:
    return tab.open(written.path)


def test_it_opens_without_an_error_or_a_request(page: Tab, written: Written) -> None:
    assert page.count == "156 of 156 questions"
    assert page.driver.get_log("browser") == []
    assert [url for url in page.requested() if not url.startswith("data:")] == [written.path.as_uri()]


def _expected(direct: str, cot: str, pair: Callable[[str, str], bool]) -> int:
    return sum(pair(direct[i % len(direct)], cot[i % len(cot)]) for i in range(N + 6))


@pytest.mark.parametrize(
    ("choices", "pair"),
    [
        ({"mode": "cot", "outcome": "correct"}, lambda d, c: c == "c"),
        ({"mode": "direct", "outcome": "wrong"}, lambda d, c: d == "w"),
        ({"mode": "direct", "outcome": "unparsed"}, lambda d, c: d == "u"),
        ({"mode": "direct", "outcome": "unread"}, lambda d, c: d == "u"),
        ({"mode": "cot", "change": "helped"}, lambda d, c: d != "c" and c == "c"),
        ({"mode": "cot", "change": "hurt"}, lambda d, c: d == "c" and c != "c"),
        ({"mode": "cot", "change": "changed"}, lambda d, c: (d == "c") != (c == "c")),
        ({"mode": "cot", "change": "both-right"}, lambda d, c: d == c == "c"),
        ({"mode": "cot", "change": "both-wrong"}, lambda d, c: d != "c" and c != "c"),
        ({"mode": "direct", "baseline": "cot", "change": "helped"}, lambda d, c: d == "c" and c != "c"),
    ],
)
def test_outcomes_and_changes(page: Tab, choices: dict[str, str], pair: Callable[[str, str], bool]) -> None:
    for name, value in choices.items():
        page.choose(name, value)
    assert page.count == f"{_expected('cwwu', 'ccw', pair)} of 156 questions"


def test_filters_of_task_group_tag_and_text(page: Tab) -> None:
    page.choose("panel", "other/m")
    assert page.count == "6 of 156 questions" and page.ids[0] == "other-000"
    page.choose("group", "g1")
    assert page.ids == ["other-001", "other-004"]
    page.choose("tag", "symbolic")
    assert page.ids == ["other-001"]
    page.choose("tag", "not-symbolic")
    assert page.ids == ["other-004"]
    page.choose("tag", "")
    page.choose("rule", "subject")
    page.choose("tag", "neither")
    assert page.ids == ["other-001", "other-004"]
    page.js("document.querySelector('#filters [type=reset]').click()")
    assert page.count == "156 of 156 questions"
    page.choose("mode", "plan-solver")
    page.choose("outcome", "not-asked")
    assert page.count == "6 of 156 questions"
    page.js("document.querySelector('#filters [type=reset]').click()")
    page.search("COUNT TO 14")
    assert page.ids == ["t-014", "t-140", "t-142", "t-144", "t-146", "t-148"]
    page.search("four")  # an option
    assert page.ids == ["t-001"]
    page.search("nothing has this")
    assert page.ids == [] and page.count == "0 of 156 questions"
    assert float(page.js("return document.documentElement.dataset.filterMs")) < 1_000


def test_pages_of_a_hundred(page: Tab) -> None:
    assert len(page.ids) == 100
    page.js("document.getElementById('page-on').click()")
    assert page.js("return document.getElementById('page-of').textContent") == "101 to 156"
    assert len(page.ids) == 56
    page.js("document.getElementById('page-back').click()")
    assert page.ids[0] == "t-000"


def test_marks_say_what_they_mean(page: Tab) -> None:
    page.search("t-001")
    marks = page.js(
        "return [...document.querySelectorAll('#list tbody .mark')].map(m => "
        "[m.innerText.trim().replace(/\\s+/g, ' '), m.title])"
    )
    assert marks[0] == ["✗ wrong", "direct: wrong, 5"] and marks[1] == ["✓ right", "cot: correct, 4"]
    page.search("other-001")
    marks = page.js("return [...document.querySelectorAll('#list tbody .mark')].map(m => m.textContent)")
    assert marks[0] == "unparsed" and marks[-1] == "–not asked"


def test_a_question_is_opened_and_left_by_keyboard(page: Tab) -> None:
    page.search("t-00")
    page.js("document.querySelector('#list tbody button').focus()")
    page.press("\ue007")  # Enter
    assert page.wait(lambda: page.opened) == "t-000"
    assert page.js("return document.activeElement.id") == "opened-title"
    page.press("j")
    page.wait(lambda: page.opened == "t-001")
    page.press("\ue014")  # right
    page.wait(lambda: page.opened == "t-002")
    page.press("k")
    page.wait(lambda: page.opened == "t-001")
    page.press("\ue00c")  # Escape
    page.wait(lambda: not page.js("return document.getElementById('opened').open"))
    page.wait(lambda: page.js("return document.activeElement.textContent") == "t-001")  # when the event is handled
    assert "open=" not in page.driver.current_url


def test_an_opened_question_shows_everything(page: Tab) -> None:
    page.search("t-001")
    page.js("document.querySelector('#list tbody button').click()")
    page.wait(lambda: page.opened)
    body = page.body()
    for text in (
        "What is 1 + 1? Let x = 1.",
        "symbolic by eq_question, ",
        "Gold answer: B",
        "Solve this.\n\nWhat is 1 + 1? Let x = 1.\none\nfour\n\nNow cot.\nGo on.",
        "greedy, at most 64 tokens",
        "temperature 0.7, top-p 1",
        "path 1: 5, wrong",
        "path 3: abstained",
        "ahead by 1",
        "the plan, the same as under plan-direct",
        "printed",
        "read by rule",
    ):
        assert text in body, text
    assert page.js("return document.querySelector('.options .gold').textContent") == "Bfourgold"
    marks = page.js(
        "return [...document.querySelectorAll('.mode')].map(m => [m.dataset.mode, "
        "[...m.querySelectorAll('mark')].map(x => x.textContent)])"
    )
    assert marks == [
        ["direct", ["5"]],
        ["cot", ["4"]],
        ["self-consistency", ["4"]],
        ["plan-direct", ["4"]],
        ["plan-cot", ["4"]],
        ["plan-solver", ["answer: 2 + 2"]],
    ]
    paths = page.js("return [...document.querySelectorAll('[data-mode=self-consistency] .path')].map(p => p.open)")
    assert paths == [False, True, False, False, False, False, False]
    assert page.driver.get_log("browser") == []


def test_a_link_brings_back_filters_and_question(tab: Tab, written: Written) -> None:
    tab.open(written.path)
    tab.choose("mode", "self-consistency")
    tab.choose("change", "helped")
    tab.search("t-02")
    tab.js("document.querySelectorAll('#list tbody button')[1].click()")
    name = tab.wait(lambda: tab.opened)
    fragment, ids = "#" + tab.driver.current_url.split("#", 1)[1], tab.ids
    tab.open(written.path, fragment)
    assert tab.wait(lambda: tab.opened) == name and tab.ids == ids
    assert tab.js("return document.getElementById('f-change').value") == "helped"


def test_a_link_by_hand_names_a_question_by_its_id(tab: Tab, written: Written) -> None:
    tab.open(written.path, "#browse?open=t-001")
    assert tab.wait(lambda: tab.opened) == "t-001"


@pytest.mark.parametrize(
    "fragment", ["#browse?open=nothing&mode=none&tag=9&change=x&panel=x&group=x", "#browse?%E0%A4%A", "#accuracy"]
)
def test_odd_links_do_no_harm(tab: Tab, written: Written, fragment: str) -> None:
    tab.open(written.path, fragment)
    assert tab.count == "156 of 156 questions" and tab.driver.get_log("browser") == []


def test_hostile_texts_are_shown_and_nothing_of_them_runs(tab: Tab, tmp_path: Path) -> None:
    got = write(tmp_path / "out", hostile_run(tmp_path / "r"))
    tab.open(got.path)
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened is not None)
    tab.js("for (const d of document.querySelectorAll('details')) d.open = true")
    assert tab.js("return typeof window.__pwned") == "undefined"
    body = tab.body()
    assert "<script>window.__pwned = 1</script></script><img src=x onerror=" in body
    assert "\u2400\u241b[31m \u27e8U+202E\u27e9drowssap\u27e8U+202C\u27e9 \ufffd" in body
    text = tab.js("return document.documentElement.innerText")
    assert not {"\u202e", "\x00", "\x1b", "\u2028"} & set(text)
    assert (
        tab.js("return document.querySelectorAll('main img, dialog img, dialog script, main script, iframe').length")
        == 0
    )
    assert set(tab.js("return [...document.querySelectorAll('mark')].map(m => m.textContent)")) == {"7"}
    assert tab.driver.get_log("browser") == []
    assert [url for url in tab.requested() if not url.startswith("data:")] == [got.path.as_uri()]


def test_scripts_of_others_are_refused(page: Tab) -> None:
    page.js("const s = document.createElement('script'); s.textContent = 'window.__pwned = 9'; document.body.append(s)")
    page.js(
        "const i = document.createElement('div'); i.innerHTML = '<img src=x onerror=\"window.__pwned = 8\">'; "
        "document.body.append(i)"
    )
    time.sleep(0.2)
    assert page.js("return typeof window.__pwned") == "undefined"
    assert any("Content Security Policy" in entry["message"] for entry in page.driver.get_log("browser"))


def test_one_mode_has_no_changes_to_filter_for(tab: Tab, tmp_path: Path) -> None:
    tab.open(write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": plain(1, "c")})).path)
    assert tab.count == "1 of 1 question"
    hidden = tab.js(
        "return ['change', 'baseline', 'panel'].map(n => document.getElementById('f-' + n).closest('label').hidden)"
    )
    assert hidden == [True, True, True]


def test_what_is_left_out_is_said(tab: Tab, tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(3), {"direct": plain(3, "cw"), "cot": plain(3, "c")})
    tab.open(write(tmp_path / "out", run, megabytes=0.001).path)
    assert "prompts and outputs of 0 of the 3 questions" in tab.js("return document.getElementById('held').textContent")
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened)
    assert "cotbench show r t-000" in tab.body() and "--page-mb" in tab.body()


def test_without_a_journal_outputs_are_not_on_record(tab: Tab, tmp_path: Path) -> None:
    run = build(tmp_path / "r", sums(1), {"cot": plain(1, "c")}, journal=False)
    tab.open(write(tmp_path / "out", run).path)
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened)
    assert "not on record" in tab.body()


def test_a_long_output_says_what_is_left_out(tab: Tab, tmp_path: Path) -> None:
    text = "a" * 40_000 + "Answer: 4" + "b" * 40_000
    tab.open(write(tmp_path / "out", build(tmp_path / "r", sums(1), {"cot": [answered(text, "4", "correct")]})).path)
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened)
    assert tab.body().count("characters left out ...]") == 2
    assert tab.js("return document.querySelector('mark').textContent") == "4"


def test_dark_and_narrow(page: Tab) -> None:
    light = page.js("return getComputedStyle(document.documentElement).backgroundColor")
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    dark = page.js("return getComputedStyle(document.documentElement).backgroundColor")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert light == "rgb(255, 255, 255)" and dark == "rgb(20, 23, 27)"
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.js("return document.documentElement.scrollWidth") <= 400
        page.js("document.querySelector('#list tbody button').click()")
        page.wait(lambda: page.opened)
        assert page.js("const d = document.getElementById('opened'); return d.scrollWidth - d.clientWidth") <= 0
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name_and_tables_have_headers(page: Tab) -> None:
    page.js("document.querySelector('#list tbody button').click()")
    page.wait(lambda: page.opened)
    nameless = page.js(
        """
        const says = (id) => id && document.getElementById(id).textContent.trim();
        const named = (e) => (e.labels && [...e.labels].some((l) => l.textContent.trim())) ||
          e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(" ").some(says) ||
          e.textContent.trim();
        const kinds = "button, input, select, a, summary, dialog, [role=region], [role=group], nav";
        return [...document.querySelectorAll(kinds)]
          .filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 100));
        """
    )
    assert nameless == []
    headers = page.js(
        "return [...document.querySelectorAll('table')].map(t => t.querySelectorAll('th[scope=col]').length)"
    )
    assert min(headers) > 1
    rows = page.js(
        "return [...document.querySelectorAll('tbody tr')].filter(r => !r.querySelector('th[scope=row]')).length"
    )
    assert rows == 0
    twice = page.js(
        "const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.filter((id, n) => "
        "ids.indexOf(id) !== n)"
    )
    assert twice == []
    assert page.js("return document.getElementById('count').getAttribute('aria-live')") == "polite"
    assert page.js("return document.documentElement.lang") == "en"
    levels = page.js("return [...document.querySelectorAll('main h2, main h3')].length")
    assert levels >= 2


def test_printing_unfolds_tables_and_hides_the_browser(page: Tab) -> None:
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = page.js("return ['#browse', 'nav'].map(n => getComputedStyle(document.querySelector(n)).display)")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == ["none", "none"]


# --- the top, tables, formulas ------------------------------------------------------------------------------------


def resized(tab: Tab, width: int, height: int = 900) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    tab.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.fixture
def as_it_was(tab: Tab) -> Iterator[None]:
    yield
    tab.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    tab.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_answer_is_on_the_first_screen(page: Tab, as_it_was: None) -> None:
    for width in (1400, 400):
        resized(page, width)
        page.js("scrollTo(0, 0)")
        [value, ends, word] = page.js(
            "const c = document.querySelector('.card'); return ['.big b', '.ends', '.word'].map((n) => "
            "c.querySelector(n).getBoundingClientRect().bottom)"
        )
        assert max(value, ends, word) < 700
    texts = page.js("return [...document.querySelectorAll('.task')[0].querySelectorAll('.card')].map(c => c.innerText)")
    assert len(texts) == 5 and "cot" in texts[0] and "points" in texts[0] and "95%:" in texts[0]


def test_the_navigation_stays_and_opens_what_is_folded(page: Tab) -> None:
    page.js("document.getElementById('reference').scrollIntoView()")
    page.wait(lambda: page.js("return document.querySelector('nav').getBoundingClientRect().top") == 0)
    folded = page.js("return [...document.querySelectorAll('details.folded')].map(d => d.id)")
    assert "rules" in folded and not page.js("return document.getElementById('rules').open")
    page.js("location.hash = '#rules'")
    page.wait(lambda: page.js("return document.getElementById('rules').open"))
    links = page.js("return [...document.querySelectorAll('nav a')].map(a => a.getAttribute('href').slice(1))")
    assert links[:3] == ["answer", "about", "browse"] and links[-1] == "reference"
    assert page.js("return arguments[0].every(id => document.getElementById(id))", links)


def test_a_table_is_sorted_by_its_header_as_numbers_and_back(page: Tab) -> None:
    page.js("window.table = document.querySelector('table[data-name=accuracy]')")
    names = page.js("return [...table.tHead.rows[0].cells].map(c => c.textContent)")
    column = names.index("right %")
    cells = f"[...table.tBodies[0].rows].map(r => r.cells[{column}].textContent)"
    before = page.js(f"return {cells}")
    button = f"table.tHead.rows[0].cells[{column}].querySelector('button')"
    page.js(f"{button}.focus()")
    page.press("\ue007")
    down = page.js(f"return {cells}")
    assert [float(x) for x in down] == sorted(map(float, before), reverse=True)
    assert page.js(f"return table.tHead.rows[0].cells[{column}].getAttribute('aria-sort')") == "descending"
    page.press("\ue007")
    assert [float(x) for x in page.js(f"return {cells}")] == sorted(map(float, before))
    page.press("\ue007")
    assert page.js(f"return {cells}") == before
    assert page.js("return [...table.tHead.rows[0].cells].every(c => c.getAttribute('aria-sort') === 'none')")
    assert float(page.js("return document.documentElement.dataset.sortMs")) < 300


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,234", 1234), ("−3.2 (−5.0 to −1.4)", -3.2), ("+45.2", 45.2), ("15x", 15), ("<0.001", 0.001), ("–", None)],
)
def test_cells_are_read_as_numbers(page: Tab, text: str, number: float | None) -> None:
    assert page.js("const n = numberOf(arguments[0]); return Number.isNaN(n) ? null : n", text) == number


def test_the_list_is_sorted_by_an_arms_outcome(page: Tab) -> None:
    column = page.js(
        "return [...document.querySelectorAll('#list thead th')].map(c => c.textContent).indexOf('direct')"
    )
    page.js("document.querySelectorAll('#list thead button')[arguments[0]].click()", column)
    marks = page.js(
        "return [...document.querySelectorAll('#list tbody tr')].map(r => r.cells[arguments[0]].className)", column
    )
    assert marks[:39] == ["mark right"] * 39 and marks[39] == "mark wrong"
    page.js("document.querySelectorAll('#list thead button')[arguments[0]].click()", column)
    assert page.js("return document.querySelector('#list tbody .mark').textContent") == "unparsed"
    page.js("document.querySelectorAll('#list thead button')[arguments[0]].click()", column)
    assert page.ids[:2] == ["t-000", "t-001"]


def _saved(page: Tab, press: str) -> tuple[str, str]:
    """What a download would hold, and its name."""
    page.js(
        "window.kept = []; const made = URL.createObjectURL; URL.createObjectURL = (b) => { window.kept.push(b); "
        "return made(b); }; HTMLAnchorElement.prototype.click = function () { window.name_kept = this.download; };"
    )
    page.js(press)
    text = page.driver.execute_async_script("kept[0].text().then(arguments[arguments.length - 1])")
    return text, page.js("return window.name_kept")


def test_a_table_and_the_list_are_saved_as_csv(page: Tab) -> None:
    import csv
    import io

    text, name = _saved(page, "document.querySelector('[aria-label^=\"CSV of Table: Accuracy\"]').click()")
    rows = list(csv.reader(io.StringIO(text)))
    shown = page.js(
        "return [...document.querySelectorAll('table[data-name=accuracy] tr')].map(r => "
        "[...r.cells].map(c => c.textContent))"
    )
    assert name == "accuracy.csv" and [len(row) for row in rows] == [len(row) for row in shown]
    assert rows[0] == shown[0] and rows[1][0] == shown[1][0]
    page.choose("panel", "other/m")
    text, name = _saved(page, "document.getElementById('list-csv').click()")
    rows = list(csv.reader(io.StringIO(text)))
    assert name == "questions.csv" and len(rows) == 7 and rows[1][:3] == ["other-000", "m", "other"]
    assert rows[0][-2:] == ["plan-solver", "plan-solver answer"] or "direct answer" in rows[0]


@pytest.mark.parametrize(
    ("value", "cell"), [("=1+1", "'=1+1"), ("−3.5", "-3.5"), ("-0.5", "-0.5"), ('a,"b"', '"a,""b"""'), ("@x", "'@x")]
)
def test_cells_of_csv_are_shown_and_not_worked_out(page: Tab, value: str, cell: str) -> None:
    assert page.js("return csvCell(arguments[0])", value) == cell


def test_outputs_are_searched_where_that_is_asked_for(page: Tab) -> None:
    page.search("thinking 7.")
    assert page.count.startswith("0 of")
    page.js("document.getElementById('f-outputs').click()")
    page.wait(lambda: page.js("return document.documentElement.dataset.searched") == "thinking 7.")
    assert page.ids == ["t-007"]
    assert "by their outputs" in page.js("return document.getElementById('searching').textContent")
    page.js("document.querySelector('#filters [type=reset]').click()")
    assert page.count == "156 of 156 questions" and not page.js("return document.getElementById('f-outputs').checked")


def test_arms_stand_side_by_side_where_there_is_room(page: Tab, as_it_was: None) -> None:
    page.js("document.querySelector('#list tbody button').click()")
    page.wait(lambda: page.opened)
    places = "return ['direct', 'cot'].map(m => document.querySelector(`[data-mode=${m}]`).getBoundingClientRect().x)"
    resized(page, 1400)
    direct, cot = page.js(places)
    assert cot > direct + 500
    resized(page, 1000)
    direct, cot = page.js(places)
    assert cot == direct


MATHEMATICS = "If $x = \\frac{1}{2}$, what is $x+1$? It costs $5 or $6."


@pytest.fixture(scope="module")
def formulas(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("formulas")
    questions = [replace(q, text=MATHEMATICS, choices=("$\\sqrt{2}$", "two")) for q in sums(2)]
    one = answered("So $x+1$ is, at $5 a piece,\nAnswer: $\\boxed{\\frac{3}{2}}$", "\\frac{3}{2}", "correct")
    return write(
        folder / "out",
        build(folder / "run", questions, {"direct": [one] * 2, "cot": [one] * 2}, golds=["A", "\\frac32"]),
    )


def test_formulas_are_mathematics_and_money_is_money(tab: Tab, formulas: Written) -> None:
    tab.open(formulas.path)
    start = "return document.querySelector('#list tbody .start')"
    assert tab.js(f"{start}.querySelectorAll('math').length") == 2 and "$5 or $6" in tab.js(f"{start}.textContent")
    tab.js("document.querySelectorAll('#list tbody button')[1].click()")
    tab.wait(lambda: tab.opened)
    assert tab.js(
        "return [...document.querySelectorAll('#opened-body math')].every(m => m.getBoundingClientRect().width)"
    )
    assert tab.js("return document.querySelector('.options math').getAttribute('alttext')") == "$\\sqrt{2}$"
    assert tab.js("return document.querySelector('mfrac').namespaceURI").endswith("MathML")
    output = "document.querySelector('.mode[data-mode=cot] > .block')"
    assert tab.js(f"return {output}.querySelector('mark math').getAttribute('alttext')") == "$\\boxed{\\frac{3}{2}}$"
    assert "at $5 a piece" in tab.js(f"return {output}.querySelector('pre').textContent")
    tab.js(f"{output}.querySelector('[aria-pressed]').click()")
    assert tab.js(f"return {output}.querySelector('mark').textContent") == "\\frac{3}{2}"
    assert tab.js(f"return {output}.querySelector('pre').textContent").endswith("Answer: $\\boxed{\\frac{3}{2}}$")
    tab.js(f"{output}.querySelector('[aria-pressed]').click()")
    assert tab.js(f"return {output}.querySelectorAll('math').length") == 2
    assert tab.driver.get_log("browser") == []


def test_what_is_copied_is_the_text_as_typed(tab: Tab, formulas: Written) -> None:
    tab.open(formulas.path)
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened)
    tab.js("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    tab.js("[...document.querySelectorAll('#opened-body > .block button')].pop().click()")
    tab.wait(lambda: tab.js("return window.copied"))
    assert tab.js("return window.copied") == MATHEMATICS


def test_mathematics_is_made_of_what_is_listed_only(page: Tab) -> None:
    tree = '["mrow", {"onclick": "x", "href": "javascript:1", "style": "x", "stretchy": "true"}, ["mi", "<img src=x>"]]'
    made = page.js(f"const m = grown({tree}); return [m.outerHTML, m.querySelector('img')]")
    assert made == [
        '<mrow stretchy="true"><mi>&lt;img src=x&gt;</mi></mrow>',
        None,
    ]
    for tag in ("script", "maction", "annotation-xml", "img"):
        assert page.js(f"try {{ grown(['{tag}', 'x']); }} catch (e) {{ return 'refused'; }}") == "refused"


def test_a_narrow_page_hides_nothing_that_matters(page: Tab, as_it_was: None) -> None:
    resized(page, 400)
    marks = page.js(
        "return [...document.querySelectorAll('#list tbody tr')[0].querySelectorAll('.mark')].map(m => "
        "m.getBoundingClientRect().right)"
    )
    assert len(marks) == 6 and max(marks) <= 400
    region = "document.querySelector('table[data-name=accuracy]').closest('.scroll')"
    page.wait(lambda: page.js(f"return {region}.classList.contains('more-right')"))
    page.js(f"{region}.scrollLeft = 200")
    page.wait(lambda: page.js(f"return {region}.classList.contains('more-left')"))
    assert page.js(f"return {region}.querySelector('tbody th').getBoundingClientRect().left") >= 0


AXE = next(
    (
        path
        for path in [Path(os.environ.get("COTBENCH_AXE", "")), Path(__file__).parents[1] / ".ci-work/axe/axe.min.js"]
        if path.is_file()
    ),
    None,
)


def faults(tab: Tab) -> list[list[Any]]:
    """What keeps people out of the page as it is shown, by axe-core: how badly, what, and where."""
    assert AXE is not None
    tab.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found: list[list[Any]] = tab.driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run(document, { resultTypes: ['violations'] })"
        ".then((r) => done(r.violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html)])))"
    )
    return [fault for fault in found if fault[0] in ("serious", "critical")]


@pytest.mark.skipif(
    AXE is None, reason="axe-core is not here: its axe.min.js in .ci-work/axe/, or where COTBENCH_AXE says"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_is_found_by_axe(
    tab: Tab, formulas: Written, written: Written, scheme: str, as_it_was: None
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    for one in (written, formulas):
        for width in (1400, 400):
            tab.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            resized(tab, width)
            tab.open(one.path)
            tab.js("for (const folded of document.querySelectorAll('details')) folded.open = true")
            for opened in (False, True):
                if opened:
                    tab.js("document.querySelector('#list tbody button').click()")
                    tab.wait(lambda: tab.opened)
                assert faults(tab) == []
