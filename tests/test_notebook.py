"""cotbench in a real notebook: a kernel runs one made by code, and its outputs are what a reader sees."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = [
    "import cotbench\nfrom state import state, changes\nbefore = state()",
    "run = cotbench.run('stub', tasks=['sample'], arms=['direct', 'cot', 'pal'], limit=24)",
    "run",
    "comparison = cotbench.compare(run)\ncomparison",
    "comparison.table",
    "cotbench.run('stub', 'sample', 'cot', limit=4, progress=False).status",
    "run.frames",
    "comparison.plot('accuracy')",
    "cotbench.equal(r'\\\\sqrt{8}', r'2\\\\sqrt{2}', 'latex')",
    "found = changes(before, state())\nsorted(found)",
    "cotbench.run('stub', 'sampl', 'cot')",
]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("notebook")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    made.cells[-1].metadata["tags"] = ["raises-exception"]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{ROOT}:{ROOT / 'tests' / 'api'}"
    try:
        nbclient.NotebookClient(made, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    if keep := os.environ.get("COTBENCH_KEEP_NOTEBOOK"):
        nbformat.write(made, Path(keep))
    return made


def outputs(notebook: Any, place: int) -> list[Any]:
    return list(notebook.cells[place].outputs)


def shown(notebook: Any, place: int, kind: str = "text/plain") -> str:
    return "".join(output["data"][kind] for output in outputs(notebook, place) if "data" in output)


def test_progress_is_one_output_that_is_replaced(notebook: Any) -> None:
    [output] = outputs(notebook, 1)
    assert output["output_type"] == "display_data"
    text = output["data"]["text/plain"]
    assert text.startswith("72 of 72 answers")
    assert "\x1b" not in text
    assert "<pre>72 of 72 answers" in output["data"]["text/html"]


def test_no_progress_is_no_output(notebook: Any) -> None:
    [output] = outputs(notebook, 5)
    assert output["data"]["text/plain"] == "'finished'"


def test_results_are_shown_as_tables_and_plots(notebook: Any) -> None:
    assert shown(notebook, 2, "text/html").count("<tr>") == 4
    page = shown(notebook, 3, "text/html")
    assert page.count("<table>") == 1
    assert "data:image/svg+xml;base64," in page
    assert len(page) < 100_000
    assert "<table" in shown(notebook, 4, "text/html")
    assert shown(notebook, 6, "text/html").startswith("<table>")


def test_a_plot_is_a_figure_that_a_notebook_shows(notebook: Any) -> None:
    assert 'src="data:image/svg+xml;base64,' in shown(notebook, 7, "text/html")


def test_formulas_are_compared_in_a_kernel(notebook: Any) -> None:
    assert shown(notebook, 8) == "True"


def test_nothing_of_the_kernel_stays_changed(notebook: Any) -> None:
    # A figure that is shown is drawn by the kernel, which loads what draws it.
    assert set(re.findall(r"'([\w ]+)'", shown(notebook, 9))) <= {"threads"}


def test_an_error_is_one_message(notebook: Any) -> None:
    [output] = [one for one in outputs(notebook, 10) if one["output_type"] == "error"]
    assert output["ename"] == "TaskError"
    assert output["evalue"].startswith("tasks: there is no task 'sampl'.")
    assert "find_task" not in "".join(output["traceback"]), "what is cotbench's own is no help"
