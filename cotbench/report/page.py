"""`report.html`: one file with the report's words, tables and plots and the question browser. No request leaves it.

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
from cotbench.report.drawn import Drawn
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.store.files import replace_file

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("text.js", "page.js")  # in their order
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
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["visible"] = visible
    models = list(dict.fromkeys(words.short_model(panel.model) for panel in panels))
    tasks = list(dict.fromkeys(panel.task for panel in panels))
    return environment.get_template("page.html.jinja").render(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=f"{', '.join(models)} on {', '.join(tasks)}",
        runs=comparison.runs,
        baselines=comparison.baselines,
        stub=words.STUB_WARNING if comparison.stub else "",
        headlines=headlines(comparison),
        tables=tables,
        long=LONG,
        plots={key: _images(folder, [plot for plot in plots if plot.section == key]) for key in keys},
        others=_images(folder, [plot for plot in plots if plot.section not in keys]),
        notes=comparison.notes,
        tag_rules=[(rule.name, rule.version, rule.timing, rule.about) for rule in comparison.rules],
        tag_rule=comparison.tag_rule,
    )


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
    """Return plots with data URLs: in an image, nothing of an SVG can run."""
    images = []
    for plot in plots:
        kinds = {folder / f"{plot.stem}.svg": "svg+xml", folder / f"{plot.stem}.png": "png"}
        if file := next(filter(Path.is_file, kinds), None):
            content = base64.b64encode(file.read_bytes()).decode()
            images.append({"title": plot.title, "alt": plot.alt, "url": f"data:image/{kinds[file]};base64,{content}"})
    return images
