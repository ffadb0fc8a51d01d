"""Compiles a program as a model wrote it, with what a chat leaves in it and Python doesn't know taken out.

Python is asked first. Only what it refuses is mended, step by step, until it takes it: control characters and marks
that end a turn (`<|im_end|>`), a notebook's prompts (`In [1]:`) and commands (`!pip`, `%time`), stray fences, an
indentation that all lines have, sentences around the program, typographic signs in place of ASCII ones. Lines keep
their numbers.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from contextlib import suppress
from types import CodeType

MOST_SOURCE_CHARS = 1_000_000
FILE_NAME = "<program>"

_COMMAND = re.compile(
    r"([ \t]*)(?:%{1,2}[A-Za-z].*|![A-Za-z./~$({\[].*|\$[ \t].*|(?:pip3?|conda|apt(?:-get)?|python3? -m pip)[ "
    r"\t]+install\b.*|[?]{1,2}\w.*|\w[\w.]*[?]{1,2})\s*"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# What ends or begins a turn in chat templates, at the end of a line, or with a role after it.
_MARK = re.compile(
    r"(?:<\|\w{2,30}\|>(?:assistant|user|system)?|<｜[^｜\n]{2,40}｜>|</s>|<(?:end_of_turn|eos|eot|pad)>"
    r"|\[/?INST\])[ \t]*$",
    re.M,
)
_PYTHON_PROMPT = re.compile(r"^[ \t]*>>>(?:$|[ \t](.*)$)", re.M)
_PYTHON_MORE = re.compile(r"[ \t]*\.\.\.(?:$|[ \t](.*)$)")
_NOTEBOOK_PROMPT = re.compile(r"^[ \t]*In[ \t]?\[[\d *]{0,6}\]:[ \t]?|^[ \t]+\.\.\.: ?", re.M)
_NOTEBOOK_FIRST = re.compile(r"\s*In[ \t]?\[\d{0,6}\]:")
_NOTEBOOK_OUTPUT = re.compile(r"^[ \t]*Out[ \t]?\[\d{0,6}\]:.*$", re.M)
_TIMED_VALUE = re.compile(
    r"^([ \t]*+(?:[\w., \t]*+=[ \t]*+)?+)%(?:time(?:it)?|prun|memit)[ \t]++(?:-[\w]++(?:[ \t]++\d++)?[ \t]++)*+(?=\S)",
    re.M,
)
_SHELL_VALUE = re.compile(r"^([ \t]*+\w[\w., \t]*+=[ \t]*+)(?:!.*|%s?x[ \t].*|%\w+[ \t]*)$", re.M)
_FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*|python[\d.]*|py")

# A word, a space and another word are no Python, unless one of them is a keyword; nor are a number, a space and a word.
_FIRST_WORD = re.compile(r"[-*•+>\d.)( \t“‘]*+([^\W\d_]++)(?:['’][^\W\d_]++)?[,;:]?[ \t]++([^\W\d_]++)")
_TWO_WORDS = re.compile(r"(?<![^\s])([^\W\d_]++),?[ \t]++(?=([^\W\d_]++))")
_WITH_UNIT = re.compile(r"\d[ \t]+([^\W\d_]{2,})")
_OTHER_PROSE = re.compile(
    r"[-=*]{3,}|[A-Z][\w ]*+:\Z|(?:\*\*|\$|\\\[|\\\(|\\boxed|\\text|=>|->|→|⇒|➜|✅|>)(?![ \t]*[=(])"
)
_FOREIGN_PROSE = re.compile(r"[^\W\d_a-zA-Z][^=(]*")
_KEYWORDS = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, "print", "exec"}
)  # the last two of Python 2, which stays an error

_SIGNS = {
    **{ord(sign): '"' for sign in "“”„‟″«»"},
    **{ord(sign): "'" for sign in "‘’‚‛′`´"},
    **{ord(sign): "-" for sign in "−–—‐‑‒﹣"},
    **{ord(sign): " " for sign in "\u00a0\u1680\u202f\u205f\u3000"},
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **{ord(sign): None for sign in "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"},
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{ord(sign): text for sign, text in zip("×⋅÷≤≥≠…²³、", "* * / <= >= != ... **2 **3 ,".split(), strict=True)},
}  # fmt: skip
_QUOTED_OR_OTHER = re.compile(
    r"(?P<kept>('''|\"\"\").*?(?:\2|\Z)|\"(?:\\.|[^\"\\\n])*+(?:\"|$)|'(?:\\.|[^'\\\n])*+(?:'|$)|#[^\n]*)"
    r"|[“„](?P<double>[^“”\n]*)[”“]|[‘‚](?P<single>[^‘’\n]*)[’‘]|[^\x00-\x7f`]+|`",
    re.S | re.M,
)


def compiled(source: str, name: str = FILE_NAME) -> tuple[CodeType, CodeType | None]:
    """The program, and apart from it its last line where that is an expression. name: that of its file, in tracebacks.
    Raises what `compile` raises of the program as it was."""
    if len(source) > MOST_SOURCE_CHARS:
        raise ValueError(f"longer than {MOST_SOURCE_CHARS:,} characters")
    source = source.removeprefix("\ufeff")
    if _NOTEBOOK_FIRST.match(source):  # which Python takes for an annotation
        source = _without_prompts(source)
    try:
        return _code(source, name)
    except (SyntaxError, ValueError):  # the second of a character 0, in some versions
        for mended in _mended(source):
            with suppress(SyntaxError, ValueError):
                return _code(mended, name)
        raise


def _mended(source: str) -> Iterator[str]:
    """The program after each further step of mending that changes it."""
    for mend in (
        *(_without_marks, _without_prompts, _with_values_of_commands, _without_commands),
        *(_dedented, _without_prose, _dedented, _in_ascii),
    ):
        mended = mend(source)
        if mended != source:
            source = mended
            yield source


def _code(source: str, name: str) -> tuple[CodeType, CodeType | None]:
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), name, "eval")  # type: ignore[attr-defined]
    return compile(tree, name, "exec"), last


def _without_marks(source: str) -> str:
    return _MARK.sub("", _CONTROL.sub("", source))


def _without_prompts(source: str) -> str:
    if _PYTHON_PROMPT.search(source):  # what stands between such lines was printed
        lines = [_PYTHON_PROMPT.match(line) or _PYTHON_MORE.match(line) for line in source.split("\n")]
        return "\n".join(line[1] if line else "" for line in lines)
    return _NOTEBOOK_OUTPUT.sub("", _NOTEBOOK_PROMPT.sub("", source))


def _with_values_of_commands(source: str) -> str:
    """A notebook's commands that give a value, as that value: what `%time` measures; of a shell, which isn't there,
    no lines."""
    return _SHELL_VALUE.sub(r"\1[]", _TIMED_VALUE.sub(r"\1", source))


def _without_commands(source: str) -> str:
    lines: list[str] = []
    opens = False  # a block, which may hold nothing else
    for line in source.split("\n"):
        command = _COMMAND.fullmatch(line)
        if command:
            line = f"{command[1]}pass" if command[1] and opens else ""
        lines.append("" if _FENCE.fullmatch(line.rstrip()) else line)
        if lines[-1].strip():
            opens = line.partition("#")[0].rstrip().endswith(":")
    return "\n".join(lines)


def _dedented(source: str) -> str:
    """Take the indentation of the first line from all lines, or of the second where the first lost its own, as it
    does where a text is stripped."""
    lines = source.split("\n")
    filled = [at for at, line in enumerate(lines) if line.strip()]
    for at in filled[:2]:
        indentation = lines[at][: len(lines[at]) - len(lines[at].lstrip(" \t"))]
        if indentation:
            return "\n".join(line.removeprefix(indentation) for line in lines)
        if lines[at].partition("#")[0].rstrip().endswith((":", "(", "[", "{", ",", "\\")):
            break
    return source


def _without_prose(source: str) -> str:
    lines, quoted = [], False
    for line in source.split("\n"):
        lines.append("" if not quoted and _is_prose(line.strip()) else line)
        quoted ^= bool((line.count("'''") + line.count('"""')) % 2)
    return "\n".join(lines)


def _is_prose(line: str) -> bool:
    """Whether a line is a sentence or a formula of a chat. One that begins with a keyword isn't taken for it ("for
    each apple")."""
    if _OTHER_PROSE.match(line) or _FOREIGN_PROSE.fullmatch(line):
        return True
    words = _FIRST_WORD.match(line)
    if words is not None and _KEYWORDS.isdisjoint(words.groups()):
        return "=" not in line or line[0].isupper() or line.endswith(".")  # "total cost = 5" is a broken line of code
    if line.partition(" ")[0] in _KEYWORDS or any(sign in line for sign in "=([{\"'"):
        return False
    unit = _WITH_UNIT.search(line)
    if unit is not None and unit[1] not in _KEYWORDS:
        return True
    return any(_KEYWORDS.isdisjoint(pair) for pair in _TWO_WORDS.findall(line))


def _in_ascii(source: str) -> str:
    """Typographic signs as ASCII ones, except in texts and comments."""
    return _QUOTED_OR_OTHER.sub(_as_ascii, source)


def _as_ascii(match: re.Match[str]) -> str:
    if match["kept"] is not None:
        return match["kept"]
    if match["double"] is not None:
        return '"' + match["double"].replace('"', '\\"') + '"'
    if match["single"] is not None:
        return "'" + match["single"].replace("'", "\\'") + "'"
    return match[0].translate(_SIGNS)
