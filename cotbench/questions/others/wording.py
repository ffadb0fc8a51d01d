"""What of a text of others is the question: their prompts hold cues, labels and listed options; ours have their own.

All that is taken out stands in every text of a task in the same way, or is what the options say; so no word of any
language is needed for most of it, and a question's own words stay. In this order:

* lines that say how to answer, at the beginning and at the end, where all texts have them: "Let's think step by step.",
  "Your response should end with ...", since a mode of ours says that;
* the cue in which a text ends, "Answer:" or "A:" in any language: a last line that all texts share and that ends in a
  colon, or one that begins in all of them with the same label and is hardly ever another ("A: Among A through E, the
  answer is");
* the listed options, where they say what the options say: prompts list them anyway, with letters;
* the label in front of it all ("Question:"), where no other label stands in all texts: "Passage:" stays beside
  "Question:".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

_COLON = ":：︰"
_ENDS_IN_COLON = re.compile(rf"[{_COLON}]\s*$")
_LABEL = re.compile(rf"\s*\W{{0,3}}([^\W\d_][^\n{_COLON}.?!,;()]{{0,24}}?)\s*[{_COLON}](?!//)\s*")
_ANSWER_CUE = re.compile(rf"\s(?:A|Answer|ANSWER|The answer is|Solution|Response|Output)\s*[{_COLON}]?\s*$")
_SAYS_HOW = re.compile(
    r"""
    step[ -]by[ -]step | \bchain[ -]of[ -]thought\b | \breason(?:ing)?\ (?:carefully|through|and\ give)\b
  | \b(?:final|best|correct)\ answer\ is\W*(?:\[|<|\(|\$|\\boxed) | \\boxed | \banswer_letter\b
  | \b(?:your|the)\ (?:response|answer|output|reply)\ (?:should|must|needs?\ to|has\ to)\b
  | \b(?:answer|respond|reply)\b.{0,40}\b(?:only|just)\b | \b(?:only|just)\b.{0,40}\b(?:letter|answer|output|label)s?\b
  | \b(?:letter|answer|output|label)s?\ only\b | \bwithout\ (?:any\ )?(?:additional|further|other|explanation)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OF_QUESTIONS = frozenset({"Question", "Q", "Problem"})
_OF_ANSWERS = frozenset(
    "Answer A Solution Response Respuesta Resposta Réponse Antwort Risposta Svar Ответ 答案 答 回答 정답".split()
)
_ASKS = ("?", "？", "؟", ";")


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


def _all_change(texts: Sequence[str], change: Callable[[str], str]) -> list[str] | None:
    """Texts after a change; None where one of them would be empty: then it is no frame that was found."""
    changed = [change(text).strip() for text in texts]
    return changed if all(changed) else None


def without_frame(texts: Sequence[str]) -> list[str]:
    """Texts without lines that all of them have and that say how to answer, and without the cue in which they end."""
    found = _with_lines([text.strip() for text in texts])
    for look in (_first_line_says_how, _last_line_is_cue, _inline_cue) * 3:
        found = look(found) or found
    return found


_TYPED_BREAK = re.compile(r"\\n(?=[A-Z(\s]|$)")


def _with_lines(texts: Sequence[str]) -> list[str]:
    """Texts with their lines, where a break was typed as a backslash and an n in a template of all of them."""
    if any("\n" in text for text in texts) or not all(_TYPED_BREAK.search(text) for text in texts):
        return list(texts)
    return [_TYPED_BREAK.sub("\n", text) for text in texts]


def _first_line_says_how(texts: Sequence[str]) -> list[str] | None:
    first = {(_lines(text) or [""])[0].strip() for text in texts}
    if len(first) > 1 or not _SAYS_HOW.search(next(iter(first), "")):
        return None
    return _all_change(texts, lambda text: text.partition("\n")[2])


def _last_line_is_cue(texts: Sequence[str]) -> list[str] | None:
    last = [(_lines(text) or [""])[-1].strip() for text in texts]
    if not is_cue(last):
        return None
    return _all_change(texts, lambda text: text.rstrip().rpartition("\n")[0])


def is_cue(last: Sequence[str]) -> bool:
    """Whether the last lines of all texts are a cue to answer, and not what is asked."""
    if all(map(_SAYS_HOW.search, last)):
        return True
    labels = {found[1] if (found := _LABEL.match(line)) else "" for line in last}
    kinds = set(last)
    if any(line.rstrip().endswith(_ASKS) for line in kinds) or labels & _OF_QUESTIONS or len(labels) > 1:
        return False
    if len(kinds) == 1:
        return labels <= _OF_ANSWERS or (len(last) > 1 and bool(_ENDS_IN_COLON.search(last[0])))
    return "" not in labels and len(kinds) <= max(5, len(last) // 20) and len(kinds) < len(last)


def _inline_cue(texts: Sequence[str]) -> list[str] | None:
    """Texts of one line end in their cue: "Q: How many? A:"."""
    if not all(_ANSWER_CUE.search(text) for text in texts):
        return None
    return _all_change(texts, lambda text: _ANSWER_CUE.sub("", text))


FEWEST = 5  # different texts from which a word that all have in front is a label


def without_label(texts: Sequence[str]) -> list[str]:
    """Texts without the label in front of them: one that says that it is a question, or, where it is a word of another
    language, one that all of them have and no other."""
    for _ in range(2):
        first = {found[1] if (found := _LABEL.match(text)) else "" for text in texts}
        if not first <= _OF_QUESTIONS:
            break
        texts = _all_change(texts, lambda text: _LABEL.sub("", text, count=1)) or list(texts)
    labels = [{found[1] for line in _lines(text) if (found := _LABEL.match(line))} for text in texts]
    first = {found[1] if (found := _LABEL.match(text)) else "" for text in texts}
    if not labels or len(first) != 1 or "" in first or set.intersection(*labels) != first:
        return list(texts)
    if len(set(texts)) < FEWEST:
        return list(texts)
    return _all_change(texts, lambda text: _LABEL.sub("", text, count=1)) or list(texts)


# --- listed options -----------------------------------------------------------------------------------------------

_HEADER = re.compile(
    rf"""\n[^\n.?!{_COLON}]{{0,40}}[{_COLON}]\s*$
       | \s(?:(?:answer[ ])?(?:choices|options)|[^\x00-\x7f]{{1,6}})\s*[{_COLON}]\s*$""",
    re.IGNORECASE | re.VERBOSE,
)


class Listed(NamedTuple):
    """A text whose options are listed: what stands before and behind them, and what they say."""

    before: str
    options: tuple[str, ...]
    behind: str

    @property
    def question(self) -> str:
        """What stands around the list."""
        return "\n".join(filter(None, (self.before, self.behind)))


def _flexible(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))


def find_options(text: str, options: Sequence[str]) -> Listed | None:
    """Where a text lists options that are known: a line each, or one behind the other with labels in front."""
    said = " ".join(text.split())
    if not all(option.strip() and " ".join(option.split()) in said for option in options):
        return None
    lines = r"[ \t.;,]*\n\s*".join(rf"[^\n]{{0,6}}?{_flexible(option)}" for option in options)
    label = r"(?:[-*•]\s*)?[(\[]?(?:[A-Za-z]|\d{1,2})[)\].:]+\s*"
    inline = r"[\s.;,]+".join(rf"{label}{_flexible(option)}" for option in options)
    for pattern in (rf"(?:^|\n)[ \t]*{lines}[ \t.;,]*(?=\n|$)", rf"(?<![^\W_]){inline}(?=\W|$)"):
        if places := list(re.finditer(pattern, text)):
            place = places[-1]
            before = text[: place.start()].rstrip()
            return Listed(_without_header(before), tuple(options), text[place.end() :].strip())
    return None


def _without_header(text: str) -> str:
    return _HEADER.sub("", text).rstrip() or text


def _markers(text: str, labels: Sequence[str], *, anywhere: bool) -> list[re.Match[str]] | None:
    """The marks that stand in front of listed options, looked for from the end."""
    start = r"(?<![^\W_])" if anywhere else r"^[ \t]*(?:[-*•][ \t]*)?"
    found: list[re.Match[str]] = []
    end = len(text)
    for label in reversed(labels):
        mark = re.compile(rf"{start}[(\[]?{re.escape(label)}[)\].:、．：]+[ \t]*", re.MULTILINE)
        places = [place for place in mark.finditer(text, 0, end) if place.end() <= end]
        if not places:
            return None
        found.append(places[-1])
        end = places[-1].start()
    return found[::-1]


def read_options(text: str, labels: Sequence[str]) -> Listed | None:
    """Read the options that a text lists behind labels ("A.", "(A)", "1)"); None where it doesn't."""
    for anywhere in (False, True):
        marks = _markers(text, labels, anywhere=anywhere)
        if marks is None:
            continue
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        said = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
        said[-1], _, behind = said[-1].partition("\n")
        if anywhere:
            said = [option.rstrip(",; ") for option in said]
        if all(said):
            return Listed(_without_header(text[: marks[0].start()].rstrip()), tuple(said), behind.strip())
    return None


def own_labels(text: str) -> list[str]:
    """The labels of the options that a text lists, from A (or 1) on; none where it lists fewer than two."""
    for first in ("A", "1"):
        labels: list[str] = []
        for place in range(26):
            more = [*labels, chr(ord("A") + place) if first == "A" else str(place + 1)]
            if _markers(text, more, anywhere=False) is None:
                break
            labels = more
        if len(labels) > 1:
            return labels
    return []


def bare(label: str) -> str:
    """A label without what stands around it: "(A)" is A."""
    return label.strip().strip("()[].:").strip()


def are_labels(options: Sequence[str]) -> bool:
    """Whether options are nothing but labels: A, B, C or 1, 2, 3 or (A), (B)."""
    names = [bare(option) for option in options]
    letters, numbers = [chr(ord("A") + n) for n in range(len(names))], [str(n + 1) for n in range(len(names))]
    return len(names) > 1 and (names in (letters, numbers) or [name.upper() for name in names] == letters)


def without_labels(options: Sequence[str]) -> list[str]:
    """Options without the labels in front of them, where all have theirs: "(A)a boat" is "a boat"."""
    for names in ([chr(ord("A") + n) for n in range(len(options))], [str(n + 1) for n in range(len(options))]):
        marks = [
            re.match(rf"\s*(?:[(\[]{name}[)\]]|{name}[).:])\s*(?=\S)", option)
            for name, option in zip(names, options, strict=True)
        ]
        if all(marks):
            return [option[mark.end() :] for option, mark in zip(options, marks, strict=True) if mark]
    return list(options)


def blank(contexts: Sequence[str], rest: str) -> tuple[str, tuple[str, ...]] | None:
    """Make a question with a blank of contexts, of which one goes before `rest`: what they share, "____", the rest;
    and what fills the blank. None where one of them fills it with nothing."""
    told = sorted(context.strip() for context in contexts)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(told[0], told[-1], strict=False)))
    shared = shared[: len(shared) - len(re.search(r"\S*$", shared)[0])]  # type: ignore[index]
    fillers = tuple(context.strip()[len(shared) :].strip() for context in contexts)
    if not all(fillers) or len(set(fillers)) < len(fillers) or not rest.strip():
        return None
    space = "" if rest.strip()[0] in ".,;:!?'" else " "
    return f"{shared}____{space}{rest.strip()}", fillers


# --- what questions share -----------------------------------------------------------------------------------------

LONG = 120  # characters from which a text that several questions have is a passage


def common_column(rows: Sequence[Any], texts: Sequence[Any]) -> str:
    """The column with the passage that several questions are about, so that they aren't independent; "" where there is
    none: long texts that stand in the questions, each in more than one of them."""
    if (
        not rows
        or not all(isinstance(row, Mapping) for row in rows)
        or not all(isinstance(text, str) for text in texts)
    ):
        return ""
    best, fewest = "", len(rows)
    for name in rows[0]:
        values = [row.get(name) for row in rows]
        if not all(isinstance(value, str) for value in values):
            continue
        told = set(values)
        long = sum(map(len, told)) >= LONG * len(told)
        shown = long and all(value.strip() in text for value, text in zip(values, texts, strict=True))
        if shown and 1 < len(told) < fewest:
            best, fewest = name, len(told)
    return best
