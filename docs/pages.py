"""Pages of the documentation that are made of the code, so that they can't differ from it: every command and option,
every field of a report, every file of a run, every task and mode, the Python functions. MkDocs calls `on_files`."""

from __future__ import annotations

import html
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

ROOT = Path(__file__).resolve().parent.parent
BROWSE = "https://github.com/cotbench/cotbench/blob/main/"  # of files that are no page

# "name: what it says." or "name, other: ...", as docstrings explain fields.
_EXPLAINED = re.compile(r"(?:(?<=^)|(?<=[.;] ))([a-z_][\w*]*(?:, [a-z_][\w*]*)*): ")


def _cell(text: str) -> str:
    """A text that can stand in a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


def explained(cls: type) -> dict[str, str]:
    """What a class's docstring says of its fields, by name, where it says it as "name: ..."."""
    doc = " ".join(inspect.cleandoc(cls.__doc__ or "").split())
    found = list(_EXPLAINED.finditer(doc))
    told: dict[str, str] = {}
    ends = [*(match.start() for match in found[1:]), len(doc)]
    for place, match in enumerate(found):
        about = doc[match.end() : ends[place]].strip().rstrip(".;")
        for name in match[1].split(", "):
            told.setdefault(name, about)
    return told


_ENDS = {
    "_low": "the lower end of its 95 % interval",
    "_high": "the upper end of its 95 % interval",
    "_se": "its standard error",
    "_p": "its p",
}
_BEGINNINGS = {"mean_": "the mean", "median_": "the median", "p95_": "the 95th percentile"}


@cache
def _meanings() -> dict[str, str]:
    told: dict[str, str] = yaml.safe_load((ROOT / "docs" / "fields.yaml").read_text(encoding="utf-8"))
    return told


def meaning(structure: str, name: str) -> str:
    """What a field means whose structure doesn't say it, by docs/fields.yaml; "" where that doesn't, either."""
    told = _meanings()
    if own := told.get(f"{structure}.{name}") or told.get(name):
        return own
    for end, about in _ENDS.items():
        stem = name.removesuffix(end)
        if stem != name and (of := meaning(structure, stem)):
            return f"{of.rstrip(':')}: {about}"
    for beginning, about in _BEGINNINGS.items():
        stem = name.removeprefix(beginning)
        if stem != name and (of := meaning(structure, stem)):
            return f"{of}, {about}"
    return ""


def shown_type(given: Any) -> str:
    """A type in words: "text or null", "list of whole numbers"."""
    plain = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        type(None): "null",
        Any: "anything",
    }
    if given in plain:
        return plain[given]
    origin, inner = get_origin(given), get_args(given)
    if origin is Annotated:
        return shown_type(inner[0])
    if origin in (Union, types.UnionType):
        shown = [shown_type(one) for one in inner if getattr(one, "__name__", "") != "UnsetType"]
        return " or ".join(dict.fromkeys(shown))
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if origin is not None and issubclass(origin, Mapping):
        return f"object: {shown_type(inner[1])} by {shown_type(inner[0])}" if inner else "object"
    if origin is not None and inner:
        own = [one for one in inner if one is not Ellipsis]
        return f"list of ({', '.join(map(shown_type, own))})" if len(own) > 1 else f"list of {shown_type(own[0])}"
    if inspect.isclass(given) and issubclass(given, Enum):
        return " or ".join(f"`{one.value}`" for one in given)
    if inspect.isclass(given) and (is_dataclass(given) or hasattr(given, "__struct_fields__")):
        return f"[{given.__name__}](#{given.__name__.lower()})"
    return str(getattr(given, "__name__", given))


def _fields(cls: type) -> dict[str, Any]:
    """The fields of a struct or data class, with their types."""
    hints = get_type_hints(cls, include_extras=True)
    if hasattr(cls, "__struct_fields__"):
        return {
            written: hints[name]
            for name, written in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
        }
    return {one.name: hints[one.name] for one in fields(cls)}


def _inner(given: Any) -> Iterator[type]:
    """The structs and data classes that a type names."""
    if inspect.isclass(given) and not get_args(given):
        if is_dataclass(given) or hasattr(given, "__struct_fields__"):
            yield given
        return
    for one in get_args(given):
        yield from _inner(one)


def described(*classes: type) -> str:
    """Sections for classes and all that their fields name: docstring, and a table of fields."""
    queue, seen, parts = list(classes), {cls.__name__ for cls in classes}, []
    while queue:
        cls = queue.pop(0)
        told = explained(cls)
        doc = inspect.cleandoc(cls.__doc__ or "")
        rows = [
            f"| `{name}` | {_cell(shown_type(kind))} | {_cell(told.get(name) or meaning(cls.__name__, name))} |"
            for name, kind in _fields(cls).items()
        ]
        parts += [
            f"## {cls.__name__}",
            doc.replace("<", "&lt;"),
            "\n".join(["| field | what it holds | |", "|---|---|---|", *rows]),
        ]
        for kind in _fields(cls).values():
            for one in _inner(kind):
                if one.__name__ not in seen:  # a flat form has the name of what it is made of
                    seen.add(one.__name__)
                    queue.append(one)
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Every command with its help, arguments and options."""
    from typer.main import get_command

    from cotbench.cli import EXIT_CODES, app

    group = get_command(app)
    parts = ["# Every command", "`cotbench COMMAND --help` says the same.", EXIT_CODES]

    def add(name: str, command: Any) -> None:
        if command.hidden:
            return
        parts.append(f"## cotbench {name}")
        parts.append(inspect.cleandoc(command.help or "").replace("<", "&lt;"))
        inner = getattr(command, "commands", None)
        if inner:
            for one, sub in inner.items():
                add(f"{name} {one}", sub)
            return
        rows = []
        for parameter in command.params:
            names = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts) if one.startswith("-"))
            metavar = parameter.metavar or ("" if names else parameter.name)
            default = (
                ""
                if parameter.default in (None, (), False) or callable(parameter.default)
                else f" Default: `{parameter.default}`."
            )
            rows.append(
                f"| {names or f'`{metavar.upper()}`'} | {_cell((getattr(parameter, 'help', None) or '') + default)} |"
            )
        if rows:
            parts.append("\n".join(["| option | |", "|---|---|", *rows]))

    for name, command in group.commands.items():  # type: ignore[attr-defined]
        add(name, command)
    return "\n\n".join(parts) + "\n"


def report_fields() -> str:
    """Every field of report.json."""
    from cotbench.analysis.compare import Comparison
    from cotbench.analysis.flat import flat_type

    top = flat_type(Comparison)
    return (
        "# Every field of a report\n\n`report.json` holds what all tables, plots and CSV files of a report are made "
        "of. `cotbench report --json-schema` prints its JSON Schema. Shares are from 0 to 1, differences are of "
        "shares.\n\n" + described(top)
    )


def files() -> str:
    """Every file of a run's folder."""
    from cotbench.store.journal import StoredReply
    from cotbench.store.manifest import Manifest, RunSpec
    from cotbench.store.records import Record

    about = (
        "# The files of a run\n\nA run is a folder: `manifest.json` (one object), `questions.jsonl`, `journal.jsonl` "
        "(a line for each reply, as it arrived, with a CRC-32 at its end), `records.jsonl` (a line for each question "
        "and arm, derived from the journal) and, where there are any, `passages.jsonl` and `theirs.jsonl`. A line is "
        "one JSON object.\n\n"
    )
    return about + described(Manifest, RunSpec, StoredReply, Record)


def gates() -> str:
    """Every figure that a gate may ask about."""
    from cotbench.analysis import gates as given

    how = inspect.cleandoc(given.__doc__ or "").split("\n", 1)[1].strip()
    rows = [f"| `{name}` | `{figure.rows}` | `{figure.path}` |" for name, figure in given.FIGURES.items()]
    table = "\n".join(["| gate | table of the report | field |", "|---|---|---|", *rows])
    return f"# Every gate\n\nConditions of `cotbench report --fail-if`.\n\n```text\n{how}\n```\n\n{table}\n"


def words() -> str:
    """The glossary of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return "# Words\n\n" + text.split("\n## Words\n", 1)[1].split("\n## ", 1)[0].strip() + "\n"


def functions() -> str:
    """The Python functions: mkdocstrings reads them from the code."""
    import cotbench

    public = [name for name in getattr(cotbench, "__all__", ["load"]) if not name.startswith("_")]
    parts = ["# Python functions and types"]
    for name in public:
        given = getattr(cotbench, name)
        if inspect.ismodule(given):
            parts.append(f"::: {given.__name__}")
        elif callable(given):
            parts.append(f"::: {given.__module__}.{given.__qualname__}")
    return "\n\n".join(parts) + "\n"


def _copied(path: str) -> Callable[[], str]:
    return lambda: (ROOT / path).read_text(encoding="utf-8")


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/report.md": report_fields,
    "reference/gates.md": gates,
    "reference/files.md": files,
    "reference/python.md": functions,
    "reference/words.md": words,
    "reference/plan-language.md": _copied("prompts/plan-language.md"),
    "reference/demo.md": _copied("cotbench/demo/model/README.md"),
    "reference/demo-thinker.md": _copied("cotbench/demo/thinker/README.md"),
    "changelog.md": _copied("CHANGELOG.md"),
    "architecture.md": _copied("ARCHITECTURE.md"),
}
# Files outside docs/ that are pages here.
_MOVED = {
    "prompts/plan-language.md": "reference/plan-language.md",
    "cotbench/demo/model/README.md": "reference/demo.md",
    "cotbench/demo/thinker/README.md": "reference/demo-thinker.md",
    "CHANGELOG.md": "changelog.md",
    "ARCHITECTURE.md": "architecture.md",
}


def linked(markdown: str, page: str) -> str:
    """A page's text with links to files outside docs/ led to their page, or to the repository. page: its path in
    docs/."""
    here = (ROOT / "docs" / page).parent

    def lead(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        base = ROOT if page in ("architecture.md", "changelog.md") else here
        if page.startswith("reference/") and not (base / target).exists():
            base = next((ROOT / path for path, moved in _MOVED.items() if moved == page), base)
            base = base.parent if base.suffix else base
        path = (base / target).resolve()
        if not path.is_relative_to(ROOT):
            return match[0]
        inner = str(path.relative_to(ROOT))
        moved = _MOVED.get(inner) or (inner.removeprefix("docs/") if inner.startswith("docs/") else None)
        if moved is None:
            return f"]({BROWSE}{inner}{anchor})"
        up = "../" * page.count("/")
        return f"]({up}{moved}{anchor})"

    return re.sub(r"\]\((?!#)([^)#\s]+)(#[^)\s]*)?\)", lead, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to MkDocs' files."""
    from mkdocs.structure.files import File

    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    return files


_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)


def on_page_content(content: str, **_: Any) -> str:
    """Make MathML of a page's formulas: every browser shows it, without a script from elsewhere."""
    from latex2mathml.converter import convert

    def made(match: re.Match[str]) -> str:
        return convert(html.unescape(match[2]), display="inline" if match[1] == "span" else "block")

    return _FORMULA.sub(made, content)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead a page's links to where they are on the site."""
    return linked(markdown, page.file.src_uri)
