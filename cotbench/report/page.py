"""`report.html`: one file with the report's words, tables and plots and the question browser. No request leaves it.

It opens with the answer: a figure for each task and arm, and the plot of all differences. What the runs were, the
questions and the main tables follow; tables for reference are folded.

What models wrote is data: Jinja escapes it, `assets/*.js` puts it on the page as text only, and a
Content-Security-Policy names the one script and the one style sheet that may apply by their hashes. The browser's data
lies in inert blocks, as base64.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cotbench.analysis.compare import Comparison
from cotbench.analysis.pairing import Panel
from cotbench.questions.tagging import Rule
from cotbench.report import words
from cotbench.report.browser import browser_data, without_surrogates
from cotbench.report.cards import cards
from cotbench.report.columns import Section
from cotbench.report.drawn import Drawn
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.store.files import replace_file

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("text.js", "tables.js", "tree.js", "page.js")  # in their order
OPENING = ("suite", "forest", "deltas")  # the plot that stands at the top: the first of these that there is
SHORT = {  # what the navigation calls a section; others by their titles, up to a colon
    "at_a_glance": "Main table",
    "accuracy": "Accuracy",
    "deltas": "Differences",
    "stopped": "Where it stopped",
    "their_arms": "Their verdicts",
    "their_causes": "Where they differ",
    "their_deltas": "Under their verdicts",
    "their_read": "Read in both arms",
    "disagreements": "Disagreements",
    "scores": "Scores",
    "score_deltas": "Score differences",
    "score_splits": "Scores by tag",
    "categories": "Categories",
    "twins": "Twins",
    "interaction": "Interaction",
    "budgets": "Budgets",
    "placebo": "Placebos",
    "beside": "Beside a vote",
    "efforts": "Efforts",
    "repeated": "Over repeats",
    "noises": "Noise",
    "splits": "By tag",
    "policies": "Policies",
    "ship": "Policies that ship",
    "cascades": "Cascades",
    "stopped_votes": "Early votes",
    "plans": "Plans",
    "outcomes": "Outcomes",
    "audit": "Audit",
    "conduct": "Conduct",
    "tool_use": "Tools",
    "tool_blocks": "Blocks of code",
    "early_answers": "Early answering",
    "votes": "Votes",
}
ABOUT = "about"  # the table of what the runs were, which the page shows as a list
FOLDED = frozenset(
    {"ship", "plans", "votes", "outcomes", "conduct", "audit", "calibration", "unsaid", "tool_blocks", "disagreements"}
    | {"early_points", "early_splits", "early_exits", "early_free"}
)
FEW = 4  # tasks of a suite, which are named in the title
CARDS = 12  # tasks, of which the cards stand above the plot
LONG = 80  # rows; longer tables are folded
PLOTS_BYTES = 600_000  # kept free for plots before they are there; if they need more, the last details make room

_DATA = "<!-- data -->"
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def write_page(
    path: Path,
    comparison: Comparison,
    panels: Sequence[Panel],
    *,
    plots: Sequence[Drawn] | Callable[[], Sequence[Drawn]],
    megabytes: float,
    rules: Sequence[Rule] = (),
) -> None:
    """Write the page. Raises OSError; an earlier page is replaced as a whole or not at all.

    panels: of the same runs. plots: or what gives them, called when the data are ready, since they may be drawn
    meanwhile. megabytes: what the file may have; questions' details are left out to keep to it. rules: the user's own
    tag rules.
    """
    whole = int(megabytes * 1_000_000)
    known, kept_free = ([], PLOTS_BYTES) if callable(plots) else (plots, 0)
    text = len(_render(path.parent, comparison, panels, known).encode()) + kept_free
    budget = (whole - text) * 3 // 4  # base64: 4 for 3
    data = browser_data(comparison, panels, budget=budget, megabytes=megabytes, rules=rules)
    html = _render(path.parent, comparison, panels, plots() if callable(plots) else plots)
    before, after = (part.encode() for part in html.split(_DATA))
    data = data.within((whole - len(before) - len(after)) * 3 // 4)
    blobs = [("index", data.index), ("places", data.places)]
    blobs += [(f"details-{number}", content) for number, content in enumerate(data.details)]
    replace_file(path, chain([before], (_block(name, content) for name, content in blobs), [after]))


def _block(name: str, content: bytes) -> bytes:
    encoded = base64.b64encode(content)
    return b'<script type="application/octet-stream" id="data-%s">%s</script>\n' % (name.encode(), encoded)


def _render(folder: Path, comparison: Comparison, panels: Sequence[Panel], plots: Sequence[Drawn]) -> str:
    style, script = (_joined(names) for names in (("page.css",), SCRIPTS))
    tables = sections(comparison)
    keys = {table.key for table in tables}
    opening = next((plot for stem in OPENING for plot in plots if plot.stem == stem), None)
    below = [plot for plot in plots if plot is not opening]
    main = [table for table in tables if table.brief and table.key not in FOLDED | {ABOUT}]
    tasks_shown = cards(comparison)
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["visible"] = visible
    models = list(dict.fromkeys(words.short_model(panel.model) for panel in panels))
    tasks = list(dict.fromkeys(panel.task for panel in panels))
    return environment.get_template("page.html.jinja").render(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=_title(models, tasks, comparison),
        runs=comparison.runs,
        baselines=comparison.baselines,
        stub=words.STUB_WARNING if comparison.stub else "",
        headlines=headlines(comparison),
        tasks=tasks_shown,
        against=_against([task.baseline for task in tasks_shown if task.cards]),
        several_models=len(models) > 1,
        folded=len(tasks_shown) > CARDS and opening is not None,
        widest=max((len(task.cards) for task in tasks_shown), default=1),
        opening=_images(folder, [opening] if opening is not None else []),
        facts=_facts(tables),
        main=main,
        reference=[table for table in tables if table not in main and table.key != ABOUT],
        short={table.key: _short(table) for table in tables},
        long=LONG,
        plots={key: _images(folder, [plot for plot in below if plot.section == key]) for key in keys},
        others=_images(folder, [plot for plot in below if plot.section not in keys]),
        notes=comparison.notes,
        tag_rules=[(rule.name, rule.version, rule.timing, rule.about) for rule in comparison.rules],
        tag_rule=comparison.tag_rule,
    )


def _against(baselines: Sequence[str]) -> str:
    """Return what differences are against, where it is the same everywhere."""
    return baselines[0] if len(set(baselines)) == 1 else "the baseline"


def _title(models: Sequence[str], tasks: Sequence[str], comparison: Comparison) -> str:
    of_suite = {task for row in comparison.categories for task in row.tasks}
    if len(of_suite) > FEW:
        others = [task for task in tasks if task not in of_suite]
        tasks = [f"the suite {comparison.suite} ({len(of_suite)} tasks)", *others]
    if set(models) & set(tasks):
        return f"Model {', '.join(models)} on task {', '.join(tasks)}"
    return f"{', '.join(models)} on {', '.join(tasks)}"


def _short(table: Section) -> str:
    return SHORT.get(table.key, re.split(r"[:;,]", table.title)[0])


def visible(value: object) -> str:
    """Return a text in which control characters and marks that turn the direction of writing are made visible."""

    def symbol(found: re.Match[str]) -> str:
        code = ord(found[0])
        return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"

    return _CONTROL.sub(symbol, without_surrogates(str(value)))


def _joined(names: Sequence[str]) -> str:
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def _policy(style: str, script: str) -> str:
    """Return what the page may do: apply this style sheet, run this script, show images that it holds itself."""
    own = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    sources = f"img-src data:; script-src 'sha256-{own[0]}'; style-src 'sha256-{own[1]}'"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"


def _images(folder: Path, plots: Sequence[Drawn]) -> list[dict[str, str]]:
    """Return plots with data URLs: in an image, nothing of an SVG can run. narrow: of the same for a telephone."""
    images = []
    for plot in plots:
        if url := _data_url(folder, plot.stem):
            narrow = _data_url(folder, plot.narrow) if plot.narrow else ""
            images.append({"title": plot.title, "alt": plot.alt, "url": url, "narrow": narrow})
    return images


def _data_url(folder: Path, stem: str) -> str:
    kinds = {folder / f"{stem}.svg": "svg+xml", folder / f"{stem}.png": "png"}
    if file := next(filter(Path.is_file, kinds), None):
        return f"data:image/{kinds[file]};base64,{base64.b64encode(file.read_bytes()).decode()}"
    return ""


def _facts(tables: Sequence[Section]) -> list[tuple[str, str, str]]:
    """Return what is told of the runs: what, of which run ("" for all of them), and the value."""
    for table in tables:
        if table.key == ABOUT:
            told = [dict(zip(table.header, row, strict=True)) for row in table.rows]
            return [(one["what"], one.get("run", "").replace("all of them", ""), one["value"]) for one in told]
    return []
