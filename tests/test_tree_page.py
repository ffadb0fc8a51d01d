"""The tree of what was written on the way, in the report's page: what its data hold, and what a browser shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from handmade import QUESTIONS, write_run
from test_page import HOSTILE, Written, write
from test_page_browser import AXE, Tab, as_it_was, faults, no_browser, resized, tab  # noqa: F401
from trees import Call, addresses, node, searched, tree_record, votes, write_calls

from cotbench.store.records import Record

WHOLE = HOSTILE.replace("\ud800", "")
SAID = "The numbers can make 24.\nsure"


def calls_of(rows: Sequence[dict[str, Any]]) -> list[Call]:
    """The calls of a search, and in its rows where they were written and judged: one of proposals, one for each eight
    values, and one for each answer."""
    calls = [Call("tot-propose", ["13 - 9 = 4\n4 + 9 = 13"])]
    for place, row in enumerate(rows):
        if row.get("ballot") is not None:
            parents = [(0, 0), (1, 2)]
            calls.append(
                Call("tot-answer", [f"So number {place}.\nAnswer: {13 if row['ballot'] in (0, 4) else 24}"], parents)
            )
            row["source"] = (len(calls) - 1, 0)
            continue
        if place % 8 == 0:
            calls.append(Call("tot-value", [SAID, "likely", WHOLE], after=[(0, 0)], to="judge"))
        row |= {"judged": [len(calls) - 1], "source": (0, 0)}
    return calls


REFINED = [
    node("The total is $3\\cdot 4=12$", "answer", ballot=0, source=(0, 0)),
    node(f"The sum is wrong {WHOLE}", "criticism", parent=0, source=(1, 0)),
    node("It is 13", "answer", parent=1, ballot=1, source=(2, 0)),
]
REFINING = [
    Call("cot", ["It is 12\nAnswer: 12"]),
    Call("refine-criticise", ["The sum is wrong"], after=[(0, 0)]),
    Call("refine", ["Answer: 13"], after=[(0, 0), (1, 0)]),
]
BEST = [
    node(
        f"path {n}",
        "answer",
        ballot=n,
        value=n / 10,
        kept=n == 4,
        why="" if n == 4 else "lower",
        source=(0, n),
        judged=[1 + n],
    )
    for n in range(6)
]
SCORING = [
    Call("cot", [f"Answer: {12 + n % 2}" for n in range(6)]),
    *(Call("score", [""], after=[(0, n)], score=n / 10) for n in range(6)),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question under three modes: a search, a chain, and paths of which the best was taken."""
    rows = searched()
    searching = calls_of(rows)
    answers = (("12", "wrong"), ("13", "correct"))

    def record(mode: str, rows: Sequence[dict[str, Any]], calls: Sequence[Call], **given: Any) -> Record:
        return tree_record(rows, mode=mode, requests=addresses("t-0", calls), **given)

    records = [
        record("tot", rows, searching, answer="13", source=(len(searching) - 5, 0), span=(22, 24),
               votes=votes(("24", "correct"), ("13", "wrong"), ballots=[1, 0, None, 0, 1])),
        record("refine", REFINED, REFINING, answer="13", outcome="correct", span=(8, 10),
               votes=votes(*answers, ballots=[0, 1]), source=(2, 0)),
        record("best-of-n", BEST, SCORING, answer="12", span=(8, 10), source=(0, 4),
               votes=votes(*answers, ballots=[n % 2 for n in range(6)]) | {"scores": [n / 10 for n in range(6)]}),
    ]  # fmt: skip
    folder = write_run(tmp_path_factory.mktemp("tree") / "r", QUESTIONS[:1], records)
    for calls in (searching, REFINING, SCORING):
        write_calls(folder, "t-0", calls)
    return folder


@pytest.fixture(scope="module")
def written(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("page") / "out", run)


# --- the data -----------------------------------------------------------------------------------------------------


def test_the_data_hold_nodes_and_what_calls_build_on(written: Written) -> None:
    row = written.row(0)
    strings = written.chunks[0]["strings"]
    nodes = row["modes"]["refine"]["nodes"]
    first, second, third = ([strings[one[0]], strings[one[1]], *one[2:8]] for one in nodes)
    replies = row["modes"]["refine"]["replies"]
    assert first == ["The total is $3\\cdot 4=12$", "answer", None, None, None, 0, 0, [replies[0], 0]]
    assert second[1:3] == ["criticism", 0] and third[5:] == [1, 1, [replies[2], 0]]
    assert [row["replies"][n].get("after") for n in replies] == [
        None,
        [[replies[0], 0]],
        [[replies[0], 0], [replies[1], 0]],
    ]
    judged = [row["replies"][one[8][0]] for one in row["modes"]["tot"]["nodes"][:3]]
    assert all(one["to"] == "judge" and strings[one["template"]] == "tot-value" for one in judged)
    assert strings[row["modes"]["tot"]["nodes"][0][4] or 0] and written.marked(0, "tot") == "13"
    assert written.marked(0, "best-of-n") == "12"


def test_with_little_room_a_path_for_each_answer_stays_and_all_that_judges_said(run: Path, written: Written) -> None:
    from cotbench.analysis.pairing import load_run, panels_of
    from cotbench.report.details import details_of

    [panel] = panels_of([load_run(run)])[0]
    [row] = details_of(panel, 0, [0], thin=True)["rows"]
    best = row["modes"]["best-of-n"]
    assert [path[0] for path in row["replies"][best["replies"][0]]["paths"]] == [0, 1, 4]
    assert [len(row["replies"][n]["paths"]) for n in row["modes"]["tot"]["replies"][:3]] == [1, 3, 3]


# --- in a browser -------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tab: Tab, written: Written) -> Iterator[Tab]:  # noqa: F811
    tab.open(written.path)
    tab.js("document.querySelector('#list tbody button').click()")
    tab.wait(lambda: tab.opened)
    yield tab


def lines(tab: Tab, mode: str) -> list[str]:  # noqa: F811
    """What is seen of a mode's tree, a line a node."""
    found: list[str] = tab.js(
        "return [...document.querySelectorAll(`[data-mode=${arguments[0]}] .nodes summary`)]"
        ".filter(s => s.checkVisibility()).map(s => s.textContent.replace(/\\s+/g, ' '))",
        mode,
    )
    return found


@no_browser
@pytest.mark.patient
def test_a_search_is_shown_with_what_was_kept_and_the_rest_counted(opened: Tab) -> None:
    shown = lines(opened, "tot")
    assert opened.js("return document.querySelector('[data-mode=tot] .way > summary').textContent") == (
        "On the way: 93 nodes, 20 kept, 5 candidates, 2 right"
    )
    assert shown[0] == "7 + 13 = 20 (left: 14 2 9), value 20, kept"
    assert shown[3] == "Answer: (13 - 9) * 2 * 3 = 24, ✗ wrong, chosen"
    assert (
        "and 6 more that were dropped, best 21 (pruned)" in shown and "8 that were dropped, best 20 (pruned)" in shown
    )
    assert sum("kept" in line for line in shown) == 15 and sum("✓ right" in line for line in shown) == 2
    assert opened.driver.get_log("browser") == []
    assert [url for url in opened.requested() if not url.startswith(("data:", "file:"))] == []


@no_browser
@pytest.mark.patient
def test_what_was_dropped_and_each_node_are_unfolded_by_keyboard(opened: Tab) -> None:
    before = len(lines(opened, "tot"))
    opened.js("document.querySelector('[data-mode=tot] .others > details > summary').focus()")
    opened.press("\ue007")
    opened.wait(lambda: len(lines(opened, "tot")) > before)
    assert any(line.endswith("pruned") for line in lines(opened, "tot"))
    opened.js("document.querySelector('[data-mode=tot] .nodes > .node > details > summary').focus()")
    opened.press("\ue007")
    opened.wait(lambda: len(lines(opened, "tot")) < before)


@no_browser
@pytest.mark.patient
def test_a_node_tells_by_whom_it_was_judged_and_leads_to_where_it_was_written(opened: Tab) -> None:
    button = "document.querySelector('[data-mode=tot] .more')"
    assert opened.js(f"return {button}.getAttribute('aria-expanded')") == "false"
    opened.js(f"{button}.focus()")
    opened.press("\ue007")
    assert opened.js(f"return {button}.getAttribute('aria-expanded')") == "true"
    said = "document.querySelector('[data-mode=tot] .said')"
    assert (
        opened.js(f"return {said}.querySelector('summary').textContent") == "What the judge said (request 2, 3 paths)"
    )
    opened.js(f"{said}.querySelector('details').open = true")
    opened.wait(lambda: opened.js(f"return {said}.querySelectorAll(':scope details pre').length") == 3)
    assert opened.js(f"return {said}.querySelector(':scope details pre').textContent") == SAID
    opened.js("[...document.querySelectorAll('[data-mode=tot] .said dd button')][0].click()")
    opened.wait(lambda: opened.js("return document.activeElement.dataset.call") == "0")
    assert "13 - 9 = 4" in opened.js("return document.activeElement.textContent")


@no_browser
@pytest.mark.patient
def test_calls_say_after_which_they_were_asked(opened: Tab) -> None:
    text = opened.js("return document.querySelector('[data-mode=refine]').textContent")
    assert "Request 2, after request 1: prompt (refine-criticise)" in text
    assert "Request 3, after request 1 and request 2: output" in text
    assert "The other 16 requests" in opened.js("return document.querySelector('[data-mode=tot] .calls').textContent")
    opened.js("document.querySelector('[data-mode=tot] .calls').open = true")
    opened.wait(lambda: opened.js("return document.querySelectorAll('[data-mode=tot] [data-call]').length") == 17)
    text = opened.js("return document.querySelector('[data-mode=tot]').textContent")
    assert "Request 2, after request 1: prompt (tot-value, asked of the judge)" in text
    assert "Request 15, after request 1 and request 2 path 3: prompt (tot-answer)" in text


@no_browser
@pytest.mark.patient
def test_a_chain_and_the_best_of_several_paths(opened: Tab) -> None:
    chain = lines(opened, "refine")
    assert chain[1].startswith("criticism: The sum is wrong <script>window.__pwned")
    assert chain[2] == "It is 13, ✓ right, chosen"
    left = opened.js(
        "return [...document.querySelectorAll('[data-mode=refine] .nodes summary')]"
        ".map(s => s.getBoundingClientRect().x)"
    )
    assert max(left) - min(left) < 1, "a chain is no staircase"
    assert opened.js("return document.querySelectorAll('[data-mode=refine] .nodes math').length") == 1
    best = lines(opened, "best-of-n")
    assert best[0] == "12: path 0, value 0, ✗ wrong, lower" and best[4] == "12: path 4, value 0.4, ✗ wrong, chosen"
    paths = opened.js(
        "return [...document.querySelectorAll('[data-mode=best-of-n] .path > summary')].map(s => s.textContent)"
    )
    assert "path 2: 13, correct" in paths[1] and "the chosen one" in paths[4]


@no_browser
@pytest.mark.patient
def test_candidates_stand_in_a_table_with_their_scores(opened: Tab) -> None:
    rows = opened.js(
        "return [...document.querySelectorAll('[data-mode=best-of-n] .votes tr')].map(r => "
        "[...r.cells].map(c => c.textContent))"
    )
    assert rows == [
        ["answer", "candidates", "scores", "verdict", "which"],
        ["12", "3", "0, 0.2, 0.4", "wrong", "1, 3, 5"],
        ["13", "3", "0.1, 0.3, 0.5", "correct", "2, 4, 6"],
    ]


@no_browser
@pytest.mark.patient
def test_what_a_reward_model_gave_is_said(opened: Tab) -> None:
    """It writes nothing."""
    opened.js("document.querySelector('[data-mode=best-of-n] .nodes .of-answer > details').open = true")
    opened.wait(lambda: opened.js("return document.querySelector('[data-mode=best-of-n] .said details')"))
    opened.js("document.querySelector('[data-mode=best-of-n] .said details').open = true")
    told = "return document.querySelector('[data-mode=best-of-n] .said details').textContent"
    opened.wait(lambda: opened.js(told) == "What the judge said (request 6)score 0.4")


@no_browser
@pytest.mark.patient
def test_nothing_hostile_runs(opened: Tab) -> None:
    opened.js("for (const b of document.querySelectorAll('.more')) b.click()")
    for _ in range(4):
        opened.js("for (const d of document.querySelectorAll('dialog details:not([open])')) d.open = true")
    assert opened.js("return typeof window.__pwned") == "undefined"
    assert opened.js("return document.querySelectorAll('dialog img, dialog script, dialog iframe').length") == 0
    assert not {"\u202e", "\x00", "\x1b", "\u2028"} & set(opened.js("return document.documentElement.innerText"))
    assert opened.driver.get_log("browser") == []


@no_browser
@pytest.mark.patient
@pytest.mark.skipif(AXE is None, reason="axe-core is not here")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_no_serious_fault_is_found_and_nothing_is_wider_than_the_page(
    opened: Tab,
    scheme: str,
    width: int,
    as_it_was: None,  # noqa: F811
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    resized(opened, width)
    opened.js("document.querySelector('.more').click()")
    for _ in range(3):
        opened.js("for (const d of document.querySelectorAll('dialog details:not([open])')) d.open = true")
    assert opened.js("const d = document.getElementById('opened'); return d.scrollWidth - d.clientWidth") <= 0
    assert faults(opened) == []
