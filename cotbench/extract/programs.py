"""Completion text -> the program or plan in it, by its looks alone: model-written code isn't parsed in this process.

A fenced block is taken where there is one: of several, the last that defines `solution`, else the last; and the blocks
before it too where it uses names that only they define, as cells of a notebook do. Without a fence, a run of lines that look
like code: the first that defines `solution`, since a base model runs on into a next question, else the longest.
"""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
from dataclasses import dataclass

from cotbench.extract.parts import Span, next_turn, split_reasoning

_FENCE = re.compile(r"^([ \t>]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t>]*\2`*[ \t]*$|\Z)", re.M | re.S)
_PYTHON = frozenset({"", "python", "py", "python3", "tool_code", "code", "ipython", "pycon", "sage", "repl"})
_PLAN = frozenset({"", "plan", "text", "plaintext", "equations", "math", "code", "python", "txt"})
# Tags and special tokens of models that were trained to call an interpreter.
_TAGGED = re.compile(
    r"<(?:llm-code|code|python)>\n?(.*?)(</(?:llm-code|code|python)>|\Z)|<\|(?:python_tag|code)\|>(.*?)(<\|e(?:om_id|ot_id|ndofblock)\|>|\Z)",
    re.S,
)

_SOLUTION = re.compile(r"^[ \t]*def\s+solution\w*\s*\(", re.M)
_CODE_LINE = re.compile(
    r"(?:def|class)\s+\w+.*|(?:import\s+\w|from\s+[\w.]+\s+import\b).*|@\w.*|(?:for|while|if|elif|with)\b.*:\s*(?:#.*)?"
    r"|(?:else|try|finally|except\b.*):.*|(?:return|print|assert|raise|global|del)\b.*|pass|break|continue"
    r"|[A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_]\w*)*(?:\[[^\]\n]*\])?\s*(?::\s*\w[\w\[\], ]*)?(?:[-+*/%]|//|\*\*)?=(?!=).*|[A-Za-z_][\w.]*\(.*"
    r"|[)\]}].*|#.*|'''.*|\"\"\".*"
)
_STARTS_CODE = re.compile(
    r"(?:def|class)\s+\w+.*[(:]|import\s+\w[\w., ]*$|from\s+[\w.]+\s+import\s|[A-Za-z_]\w*\s*=(?!=)\s*\S|print\(|for\s.*:$"
)
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.M)

_ASKED = re.compile(r"^[ \t>*_#`-]*(?:answer|ask)\b[*_ \t]*[:=]", re.I | re.M)

_STRING = re.compile(r"('''|\"\"\").*?\1|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#[^\n]*", re.S)
_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_DEFINED = re.compile(
    r"^[ \t]*(?:async\s+)?(?:def|class)\s+(\w+)|\b(?:import|as)\s+(\w+)|\bimport\s+([\w, ]+)|\bfor\s+([\w, ()]+?)\s+in\b|\blambda\s+([\w, ]+):"
    r"|^[ \t]*((?:\w+[ \t]*,[ \t]*)*\w+)[ \t]*(?::[^=\n]+)?=(?!=)|\bdef\s+\w+\(([^)]*)\)",
    re.M,
)
_KNOWN = frozenset({*keyword.kwlist, *dir(builtins)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A program or plan, and where in the output it stands. cut: the output broke off inside it."""

    text: str
    span: Span
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    text: str
    span: Span
    closed: bool


def find_program(text: str, *, truncated: bool = False) -> Code | None:
    """The Python program of an output, or None where there is nothing like one. truncated: it was cut at its token budget."""
    start, end = _searched(text)
    blocks = [b for b in _blocks(text, start, end) if b.language in _PYTHON and b.text.strip()]
    blocks = [b for b in blocks if b.language or _looks_like_code(b.text)]
    if not blocks:
        return _unfenced(text, start, end, truncated)
    imports = [b for b in blocks if _only_imports(b.text)]
    blocks = [b for b in blocks if b not in imports] or imports[-1:]
    chosen = next((i for i in reversed(range(len(blocks))) if _SOLUTION.search(blocks[i].text)), len(blocks) - 1)
    block = blocks[chosen]
    used, parts = _free_names(block.text), [block]
    for earlier in [*reversed(blocks[:chosen]), *imports]:
        if earlier is not block and used & _defined(earlier.text):
            parts.insert(0, earlier)
            used |= _free_names(earlier.text)
    return Code(
        text="\n".join(_clean(part.text) for part in parts),
        span=(min(part.span[0] for part in parts), max(part.span[1] for part in parts)),
        cut=truncated and not block.closed,
    )


def find_plan(text: str, *, truncated: bool = False) -> Code | None:
    """The plan of an output: its last fenced block that asks for something, else the whole text; None where it is empty."""
    start, end = _searched(text)
    blocks = [b for b in _blocks(text, start, end) if b.language in _PLAN and _ASKED.search(b.text)]
    if blocks:
        block = blocks[-1]
        return Code(text=_clean(block.text), span=block.span, cut=truncated and not block.closed)
    visible = text[start:end]
    if not visible.strip():
        return None
    return Code(text=visible.strip(), span=(start, end), cut=truncated and not _ASKED.search(visible))


def _searched(text: str) -> Span:
    parts = split_reasoning(text)
    if parts.unclosed:
        return len(text), len(text)
    start, end = parts.visible
    return start, next_turn(text, start, end)


def _blocks(text: str, start: int, end: int) -> list[_Block]:
    blocks = []
    for match in _FENCE.finditer(text, start, end):
        content = match[4]
        if match[1].strip():  # a quotation
            content = re.sub(rf"^{re.escape(match[1].rstrip())} ?", "", content, flags=re.M)
        closed = match.end() < end or match[0].rstrip().endswith(match[2])
        blocks.append(_Block(match[3].lower(), content, match.span(4), closed))
    if not blocks:
        for match in _TAGGED.finditer(text, start, end):
            group = 1 if match[1] is not None else 3
            blocks.append(_Block("python", match[group], match.span(group), bool(match[group + 1])))
    return blocks


def _clean(code: str) -> str:
    """Without the indentation of a list item and without an interpreter's prompts."""
    code = textwrap.dedent(code.strip("\n").expandtabs(4) if "\t" in code else code.strip("\n"))
    if code.startswith(">>>"):
        code = "\n".join(_PROMPT.sub("", line) for line in code.split("\n") if _PROMPT.match(line))
    return code.rstrip()


def _looks_like_code(text: str) -> bool:
    return any(_STARTS_CODE.match(line.strip().removeprefix(">>> ")) for line in text.split("\n"))


def _only_imports(code: str) -> bool:
    lines = [line.strip() for line in code.split("\n") if line.strip()]
    return all(line.startswith(("import ", "from ", "#")) for line in lines)


def _unfenced(text: str, start: int, end: int, truncated: bool) -> Code | None:
    runs: list[tuple[int, int]] = []
    begin = last = None
    place, depth, quoted = start, 0, ""
    for line in text[start:end].splitlines(keepends=True):
        stripped = line.strip().removeprefix(">>> ")
        if begin is None:
            if _STARTS_CODE.match(stripped):
                begin, last = place, place + len(line)
        elif not stripped or line[0] in " \t" or depth > 0 or quoted or _CODE_LINE.fullmatch(stripped):
            last = place + len(line) if stripped else last
        else:
            assert last is not None
            runs.append((begin, last))
            begin = None
        if begin is not None:
            depth, quoted = _open_at_end(stripped, depth, quoted)
        place += len(line)
    if begin is not None and last is not None:
        runs.append((begin, last))
    if not runs:
        return None
    longest = max(runs, key=lambda run: text.count("\n", *run))
    found = next((run for run in runs if _SOLUTION.search(text, *run)), longest)
    return Code(text=_clean(text[slice(*found)]), span=found, cut=truncated and text[found[1] : end].strip() == "")


def _open_at_end(line: str, depth: int, quoted: str) -> tuple[int, str]:
    """How deep in brackets, and inside which triple quotes, the text is after a line."""
    for mark in ("'''", '"""'):
        if (quoted in ("", mark)) and line.count(mark) % 2:
            quoted = "" if quoted else mark
    if quoted:
        return depth, quoted
    bare = _STRING.sub("", line)
    return max(0, depth + sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")), quoted


def _names(listed: str) -> set[str]:
    return set(_NAME.findall(listed))


def _defined(code: str) -> set[str]:
    return {name for groups in _DEFINED.findall(_STRING.sub("", code)) for group in groups for name in _names(group)}


def _free_names(code: str) -> set[str]:
    return _names(_STRING.sub("", code)) - _defined(code) - _KNOWN
