"""Completion text -> the program or plan in it, by its looks alone: model-written code isn't parsed in this process.

A fenced block is taken where there is one: of several, the last that defines `solution`, else the last; and the blocks
before it too where it uses names that only they define, as cells of a notebook do. Without a fence, what stands between
tags or in the JSON of a call; without those, a run of lines that look like code: the first that defines `solution`,
since a base model runs on into a next question, else the longest. A thought is searched where the model wrote nothing
behind it, and one that it didn't close only for a program at its very end.

Every step is linear in the text: lines are looked at once, runs in patterns are possessive or bounded.
"""

from __future__ import annotations

import builtins
import html
import json
import keyword
import re
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from cotbench.answers.reading.parts import Span, next_turn, split_reasoning
from cotbench.answers.reading.patterns import caseless, either

_PYTHON = frozenset(
    {"", "python", "py", "tool_code", "code", "ipython", "pycon", "sage", "repl", "jupyter", "program", "solution"}
)
_PYTHON_NAME = re.compile(r"(?:i?python|py)[\d.]*+(?:-?repl|-?console)?\Z")
# What blocks of a plan are not: a program's output, which may repeat the plan's words.
_OUTPUT = frozenset({"output", "outputs", "stdout", "result", "results", "console", "json", "bash", "sh", "shell"})
_TRANSPARENT = frozenset({"markdown", "md"})  # a block of these holds blocks
_PLAN = frozenset({"plan", "text", "txt", "plain", "plaintext", "equations", "math", "latex", "yaml"})
_LANGUAGES = (_PYTHON | _OUTPUT | _TRANSPARENT | _PLAN) - {""}
_FENCE = re.compile(
    r"(?P<prefix>[ \t>\ufeff]*+(?:(?:[-*+•]|\d{1,3}[.)])[ \t]++)?)(?P<mark>`{3,}+|~{3,}+)(?P<info>.*)", re.S
)
_FENCE_AT_END = re.compile(r"(?P<mark>`{3,}+)(?P<info>[^`~]{0,80})\Z")
_INFO = re.compile(r"[ \t{.]*+(?P<language>[\w+#.-]*+)[ \t}]*+(?P<rest>.*)", re.S)
# Tags and special tokens of models that were trained to call an interpreter; LaTeX's listings.
_OPENED = r"(?:llm-code|code|python|ipython|execute(?:_ipython)?|code_interpreter|pre|program|script)"
_TAGGED = caseless(
    rf"(?:<{_OPENED}(?:[ ][^<>\n]{{0,80}})?>\s{{0,9}}){{1,3}}(?P<tag>.*?)(?P<tag_end></{_OPENED}>|\Z)",
    r"<\|(?:python_tag|code|begin_of_code)\|>(?P<token>.*?)(?P<token_end><\|e(?:om_id|ot_id|ndofblock|nd_of_code)\|>"
    r"|\Z)",
    r"\[PYTHON\](?P<bracket>.*?)(?P<bracket_end>\[/PYTHON\]|\Z)",
    r"\\begin\{(?:lstlisting|minted|verbatim|python"
    r"|Verbatim)\}(?:\[[^\]\n]{0,80}\])?(?:\{python3?\})?(?P<latex>.*?)(?P<latex_end>\\end\{\w{1,12}\}|\Z)",
    flags=re.S,
)
_IN_JSON = re.compile(
    r"\"(?:code|program|python|python_code|source)\"\s{0,9}:\s{0,9}\"(?P<code>(?:[^\"\\]|\\.)*+)(?P<end>\"|\Z)", re.S
)
_SOLUTION = re.compile(r"^[ \t]*+(?:async[ \t]++)?(?:def[ \t]++solution\w*+[ \t]*+\(|class[ \t]++Solution\b)", re.M)
_CODE_LINE = either(
    r"(?:async\s++)?(?:def|class)\s++\w++.*|(?:import\s++\w|from\s++[\w.]++\s++import\b).*|@\w.*",
    r"(?:async\s++)?(?:for|while|if|elif|with)\b.*:\s*+(?:#.*)?|(?:else|try|finally|except\b.*):.*",
    r"(?:return|print|assert|raise|global|del)\b.*|pass|break|continue",
    r"[A-Za-z_][\w.]*+(?:\s*+,\s*+[A-Za-z_]\w*+)*+(?:\[[^\]\n]*+\])?\s*+(?::\s*+\w[\w\[\], ]*+)?(?:[-+*/%]|//"
    r"|\*\*)?=(?!=).*",
    r"[A-Za-z_][\w.]*+\(.*|[)\]}].*|#.*|'''.*|\"\"\".*",
)
_STARTS_CODE = re.compile(
    r"(?:async\s++)?(?:def|class)\s++\w++.*[(:]|import\s++\w[\w., ]*+$|from\s++[\w.]++\s++import\s"
    r"|[A-Za-z_]\w*+\s*+=(?!=)\s*+\S|print\(|for\s.*:$|[%!][a-z]|@(?:functools\.)?(?:cache|lru_cache|dataclass)\b"
)
# Code beside a mark.
_ON_MARK = re.compile(r"(?:async|class|def|for|from|import|while)\s|print\(|[A-Za-z_]\w*+[ \t]=[ \t]")
_ALL_NAMES = re.compile(r"^[ \t]*+from[ \t]++[\w.]++[ \t]++import[ \t]*+\*", re.M)
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.M)
_CELL = re.compile(r"^(?:In ?\[\d*+\]: ?|[ ]{2,9}\.\.\.: ?|Out ?\[\d*+\]:.*)", re.M)
_ASKED = caseless(r"^[ \t>*_#`-]*+(?:answer|ask)\b[*_ \t]*+[:=]", flags=re.M)
# A text that isn't closed ends with its line, or with the program.
_STRING = re.compile(r"('''|\"\"\").*?(?:\1|\Z)|\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n])*+'?|#[^\n]*+", re.S)
_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*+")
_DEFINED = either(
    r"^[ \t]*+(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)(?:\(([^()]{0,2000}+)\))?",
    r"\b(?:import|as)[ \t]++(\w[\w, \t]*+)|\bfor[ \t]++([\w, ()\t]{1,200}?)[ \t]in\b",
    r"\blambda[ \t]++([\w, \t]{1,200}+):|^[ \t]*+((?:\w++[ \t]*+,[ \t]*+)*+\w++)[ \t]*+(?::[^=\n]{1,200}+)?=(?!=)",
    flags=re.M,
)
_KNOWN = frozenset({*keyword.kwlist, *dir(builtins)})
_SPACES = dict.fromkeys((160, 5760, *range(8192, 8203), 8239, 8287, 12288), " ")
_UNSEEN = dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF))
_NEWLINE = re.compile(r"\r\n?")
_INDENT = re.compile(r"^(?:\t++|[ ]++)", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A program or plan, and where in the text that was searched it stands (None: not in the part that is shown).

    cut: the output broke off inside it. marked: it stands in a fence, a tag or a call. end: of a block, where the mark
    behind it ends.
    """

    text: str
    span: Span | None
    cut: bool = False
    marked: bool = True
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Block:
    """A block; its span is that of its content, and end is where the mark behind it ends."""

    language: str
    text: str
    span: Span
    closed: bool
    end: int


def find_program(text: str, *, truncated: bool = False) -> Code | None:
    """Find the Python program of an output; None where there is nothing like one.

    truncated: the output was cut at its token budget.
    """
    for place in _searched(text, truncated):
        found = _program(text, *place.span, truncated)
        if found is None or (place.at_end and found.span and _goes_on(text, found.span[1])):
            continue
        if not place.thought or found.marked or _SOLUTION.search(found.text):  # a thought has lines like "x = 5"
            return found
    return None


def find_block(text: str, *, truncated: bool = False) -> Code | None:
    """Find the first block of Python in the visible part of an output, behind which a model is to wait for what it
    prints. In a fence or between tags: lines that look like code may be a part of what it says."""
    parts = split_reasoning(text)
    if parts.unclosed:
        return None
    start, end = parts.visible
    end = next_turn(text, start, end)
    found = [block for block in _blocks(text, start, end) if _is_python(block)] or list(_tagged(text, start, end))
    if not found:
        return None
    first = min(found, key=lambda block: block.span)
    cut = truncated and not first.closed
    return Code(text=_clean(first.text), span=first.span, cut=cut, end=first.end)


def find_plan(text: str, *, truncated: bool = False) -> Code | None:
    """Find the plan of an output: its last fenced block that asks for something, else the whole text, if it has one."""
    for place in _searched(text, truncated):
        blocks = [b for b in _blocks(text, *place.span) if b.language not in _OUTPUT and _ASKED.search(b.text)]
        if blocks and not (place.at_end and _goes_on(text, blocks[-1].span[1])):
            return Code(text=_clean(blocks[-1].text), span=blocks[-1].span, cut=truncated and not blocks[-1].closed)
        visible = text[slice(*place.span)]
        if visible.strip() and not place.thought:
            cut = truncated and not _ASKED.search(visible)
            return Code(text=_NEWLINE.sub("\n", visible).strip(), span=place.span, cut=cut, marked=False)
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """A part to search. thought: it is one, where a program must be marked; at_end: and be what the text ends with."""

    span: Span
    thought: bool = False
    at_end: bool = False


def _searched(text: str, truncated: bool) -> Iterator[_Place]:
    """The places to search, the first one first."""
    parts = split_reasoning(text)
    if parts.unclosed:
        if not truncated:
            yield _Place(parts.thought or (0, len(text)), thought=True, at_end=True)
        return
    start, end = parts.visible
    end = next_turn(text, start, end)
    yield _Place((start, end))
    if parts.thought and not truncated and not text[start:end].strip():
        yield _Place(parts.thought, thought=True)


def _goes_on(text: str, end: int) -> bool:
    """Tell whether anything but the mark that closes a block stands behind it."""
    return bool(text[end:].strip(" \t\r\n`~>"))


def _program(text: str, start: int, end: int, truncated: bool) -> Code | None:
    blocks = [b for b in _blocks(text, start, end) if _is_python(b)]
    blocks = blocks or list(_tagged(text, start, end)) or list(_in_json(text, start, end))
    if not blocks:
        return _unfenced(text, start, end, truncated)
    parts = _cells(blocks)
    return Code(
        text="\n".join(_clean(part.text) for part in parts),
        span=(min(part.span[0] for part in parts), max(part.span[1] for part in parts)),
        cut=truncated and not all(part.closed for part in parts),
    )


def _is_python(block: _Block) -> bool:
    """Tell whether a block is Python: by its language, by its looks where it names none, or by what it defines."""
    if not block.text.strip():
        return False
    if block.language in _PYTHON:
        return bool(block.language) or _looks_like_code(block.text)
    return block.language in _PLAN and bool(_SOLUTION.search(block.text))


def _cells(blocks: list[_Block]) -> list[_Block]:
    """The block that is the program, behind those before it that define what it uses; imports may stand anywhere."""
    imports = [block for block in blocks if _only_imports(block.text)]
    others = [block for block in blocks if not _only_imports(block.text)] or imports[-1:]
    chosen = next((i for i in reversed(range(len(others))) if _SOLUTION.search(others[i].text)), len(others) - 1)
    used, parts = _free_names(others[chosen].text), [others[chosen]]
    for earlier in [*reversed(others[:chosen]), *imports]:
        if earlier is not others[chosen] and (used & _defined(earlier.text) or _ALL_NAMES.search(earlier.text)):
            parts.append(earlier)
            used |= _free_names(earlier.text)
    return parts[::-1]


@dataclass(slots=True)
class _Opened:
    """A block that isn't closed yet. quote: what its lines begin with in a quotation; begin: of its content."""

    mark: str
    indent: int
    quote: str
    language: str
    begin: int
    counted: int = 0
    quotes: int = 0

    def end(self, text: str, place: int, line: str, mark: re.Match[str] | None) -> Span | None:
        """Find where the content ends and the mark behind it, if a line closes it: with a mark of its own, or behind
        its last line of code."""
        if mark is not None and mark["mark"].startswith(self.mark):
            closed = place, place + mark.end("mark")
            if len(mark["prefix"].expandtabs(4)) > self.indent + 3:  # which may stand in a docstring
                begin, self.counted = max(self.counted, self.begin), place
                self.quotes += text.count("'''", begin, place) + text.count('"""', begin, place)
                return None if self.quotes % 2 else closed
            return closed
        glued = self.mark[0] == "`" and line.rstrip().endswith(self.mark) and line.count(self.mark) == 1
        at = place + line.rindex(self.mark) if glued else 0
        return (at, at + len(self.mark)) if glued else None

    def block(self, text: str, end: Span, *, closed: bool) -> _Block:
        begin = min(self.begin, end[0])
        content = text[begin : end[0]]
        if self.quote:
            content = re.sub(rf"^{re.escape(self.quote)} ?", "", content, flags=re.M)
        return _Block(self.language, content, (begin, end[0]), closed, end[1])


def _blocks(text: str, start: int, end: int) -> list[_Block]:
    """The fenced blocks, in order. An opening mark may stand behind other text; a closing one may open the next."""
    blocks: list[_Block] = []
    opened: _Opened | None = None
    place = start
    for line in text[start:end].split("\n"):
        if "```" in line or "~~~" in line:
            mark = _FENCE.match(line)
            if opened is None:
                opened = _open(place, line, mark, blocks)
            elif (closed_at := opened.end(text, place, line, mark)) is not None:
                blocks.append(opened.block(text, closed_at, closed=True))
                opens = mark is not None and _names_language(mark["info"])
                opened = _open(place, line, mark, blocks) if opens else None
        place += len(line) + 1
    if opened is not None:
        blocks.append(opened.block(text, (end, end), closed=False))
    return blocks


def _open(place: int, line: str, mark: re.Match[str] | None, blocks: list[_Block]) -> _Opened | None:
    """The block that a line opens; one that it closes again is put to the others."""
    below = place + len(line) + 1
    if mark is None:
        behind = _FENCE_AT_END.search(line.rstrip())
        if behind is None:
            return None
        announced = not behind["info"].strip() and line[: behind.start()].rstrip().endswith((":", "："))
        if not announced and not _names_language(behind["info"]):
            return None
        return _Opened(behind["mark"], 0, "", _language(behind["info"])[0], below)
    info, at = mark["info"], place + mark.start("info")
    language, rest = _language(info)
    inside = info.find(mark["mark"]) if mark["mark"][0] == "`" else -1
    if inside >= 0 or (mark["mark"][0] == "`" and "`" in info):
        begin = rest if language in _PYTHON and info[rest:inside].strip() else 0
        if inside >= 0 and _ON_MARK.match(info[begin:inside].strip()):
            end = at + inside
            blocks.append(_Block("python", info[begin:inside], (at + begin, end), True, end + len(mark["mark"])))
        return None
    if language in _TRANSPARENT:
        return None
    begin = next((at + i for i in (rest, 0) if _ON_MARK.match(info[i:].strip()) and not _names_language(info)), below)
    quote = mark["prefix"].rstrip() if ">" in mark["prefix"] else ""
    known = language if begin != at else ""
    return _Opened(mark["mark"], len(mark["prefix"].expandtabs(4)), quote, known, begin)


def _language(info: str) -> tuple[str, int]:
    """The language that stands behind a mark, and where what follows it begins: "{.python .numberLines}" is python."""
    match = _INFO.match(info)
    assert match is not None  # every part of it may be empty
    name = match["language"].lower()
    return "python" if _PYTHON_NAME.match(name) else name, match.start("rest")


def _names_language(info: str) -> bool:
    """Tell whether nothing but one of the languages that we know stands behind a mark."""
    language, rest = _language(info)
    return language in _LANGUAGES and not info[rest:].strip()


def _tagged(text: str, start: int, end: int) -> Iterator[_Block]:
    for match in _TAGGED.finditer(text, start, end):
        group = next(name for name in ("tag", "token", "bracket", "latex") if match[name] is not None)
        content = match[group]
        content = html.unescape(content) if re.search("&(?:lt|gt|quot|amp|#)", content) else content
        if content.strip() and (group == "token" or _looks_like_code(content)):
            yield _Block("python", content, match.span(group), bool(match[f"{group}_end"]), match.end())


def _in_json(text: str, start: int, end: int) -> Iterator[_Block]:
    for match in _IN_JSON.finditer(text, start, end):
        with suppress(ValueError):
            content = json.loads(f'"{match["code"]}"', strict=False)
            if _looks_like_code(content):
                yield _Block("python", content, match.span("code"), bool(match["end"]), match.end())


def _unfenced(text: str, start: int, end: int, truncated: bool) -> Code | None:
    runs: list[Span] = []
    place, inside, depth, quoted = start, False, 0, ""
    for line in text[start:end].split("\n"):
        stripped = line.strip().removeprefix(">>> ")
        if not inside:
            if inside := _STARTS_CODE.match(stripped) is not None:
                runs.append((place, place))
        elif stripped and not (line[0].isspace() or depth > 0 or quoted or _CODE_LINE.fullmatch(stripped)):
            inside = False
        if inside and stripped:
            runs[-1] = (runs[-1][0], place + len(line))
            depth, quoted = _open_at_end(stripped, depth, quoted)
        place += len(line) + 1
    if not runs:
        return None
    longest = max(runs, key=lambda run: text.count("\n", *run))
    found = next((run for run in runs if _SOLUTION.search(text, *run)), longest)
    cut = truncated and text[found[1] : end].strip() == ""
    return Code(text=_clean(text[slice(*found)]), span=found, cut=cut, marked=False)


def _open_at_end(line: str, depth: int, quoted: str) -> tuple[int, str]:
    """Count how deep in brackets a text is after a line, and say inside which triple quotes."""
    for mark in ("'''", '"""'):
        if (quoted in ("", mark)) and line.count(mark) % 2:
            quoted = "" if quoted else mark
    if quoted:
        return depth, quoted
    bare = _STRING.sub("", line)
    return max(0, depth + sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")), quoted


def _with_spaces(code: str) -> str:
    """Put spaces for the tabs of a program: four, or eight where its other lines are indented by eight."""
    if "\t" not in code:
        return code
    indents = set(_INDENT.findall(code))
    spaces = {len(indent) % 8 for indent in indents if indent[0] == " "}
    tabs = {len(indent) for indent in indents if indent[0] == "\t"}
    return code.expandtabs(8 if spaces == {0} and tabs == {1} else 4)


def _clean(code: str) -> str:
    """Clean a program: plain line ends and spaces, no common indentation, no prompts, no language's name above it."""
    code = _NEWLINE.sub("\n", code)
    if not code.isascii():
        code = code.translate(_SPACES | _UNSEEN)
    first, _, others = code.lstrip().partition("\n")
    code = others if first.strip() and _names_language(first) else code
    code = textwrap.dedent(_with_spaces(code.strip("\n")))
    if code.startswith(">>>"):
        code = "\n".join(_PROMPT.sub("", line) for line in code.split("\n") if _PROMPT.match(line))
    if code.startswith(("In [", "In[")):
        code = _CELL.sub("", code)
    return code.rstrip()


def _looks_like_code(text: str) -> bool:
    return any(_STARTS_CODE.match(line.strip().removeprefix(">>> ")) for line in text.split("\n"))


def _only_imports(code: str) -> bool:
    lines = [line.strip() for line in code.split("\n") if line.strip()]
    return all(line.startswith(("import ", "from ", "#", "!pip", "%pip")) for line in lines)


def _defined(code: str) -> set[str]:
    return set(_NAME.findall(" ".join(map(" ".join, _DEFINED.findall(_STRING.sub("", code))))))


def _free_names(code: str) -> set[str]:
    return set(_NAME.findall(_STRING.sub("", code))) - _defined(code) - _KNOWN
