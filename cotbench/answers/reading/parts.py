r"""The parts of an output: what a model thinks, what it says to its reader, and where it plays somebody else.

One table of marks (`THOUGHT_MARKS`) says how models fence their thoughts off, for everything that reads outputs.
Patterns are linear in the text: runs that touch each other are possessive, or bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cotbench.answers.reading.patterns import SPACES, Starts, caseless

Span = tuple[int, int]
_TAGS = r"(?:\w{1,20}[:_])?(?:think(?:ing)?|thoughts?)|reason(?:ing)?|analysis|scratch_?pad|inner_monologue"
_HEADS_ANSWER = re.compile(r"\s*answer\n(?=\s*\S)")  # s1's second part alone, the first being in the prompt
# A text without any of these has no marks: most have none, and looking for them is quick.
_MAY_MARK = caseless(rf"<\s?(?:[/|]|{_TAGS}|channel|unused9)|\{{think\}}|◁|\[/?THINK\]")
_SIGNS = ("<", "{think}", "◁", "[THINK]", "[/THINK]")
_STARTS = ("analysis", "think\n", "answer\n", "here is my thought")
MARKUP_TAG = caseless(r"</?[a-z]{1,10}\s?/?>")  # <br>
MARKUP = rf"[{SPACES}>*_`#\-•→➡👉✅✔☑🔹▶★\ufe0f]*+"
WRAP = rf"[{SPACES}*_`#]*+"
# Where a model that has answered runs on: the next question it invents, the next turn of a chat it plays; an unmarked
# paragraph that asks for a quantity or names options, as the questions of a prompt's examples do.
_RUN_ON = Starts(
    at_lines=(
        rf"{MARKUP}(?:(?:next|new|another|example)\s)?(?:question|q|problem|exercise|input|human|user|example"
        rf"|instruction|premises)(?:\s?#?\d+)?{WRAP}[:：]",
        r"\s?(?:\[(?:question|problem|q)\]|<s>)",
        rf"{MARKUP}(?:请(?:你)?回答|问题|題目|题目|例题|問題|質問|문제|질문|pregunta|pergunta|frage|domanda|вопрос|câu\shỏi|soru"
        rf"|pytanie)(?:\s?\d+)?{WRAP}[:：]",
    ),
    by_sign={
        "\n": (
            r"[ \t\r]*\n[ \t]*numbers[:：][ \t]*\d{1,9}(?:[ ,]{1,3}\d{1,9}){1,7}[ \t\r]*\n",
            r"[ \t\r]*\n(?=[^\n?]*+\?)"  # which most paragraphs don't come to: the rest is slow
            r"(?![ \t*_]*(?:wait|but|hmm|let|so|now|since|because|to|we|is|are|does|why|would|if you)\b)"
            r"[^\n?]{12,400}?\b(?:how (?:many|much|long|far|old|tall|often|fast)|what (?:is|was|will|are|percent\w*"
            r"|fraction)|which of|find the)\b[^\n?]{0,300}\?(?=[ \t\r]*(?:\n|\Z|\(?A[).:]|Answer))",
        ),
        "<": (
            r"\|(?:im_start|im_end|start_header_id|eot_id|endoftext|end|return|user)\|>|(?:start|end)_of_turn>",
            r"/s>|eo[ahs]>",
        ),
        "[": (r"INST\]",),
    },
)
_NEXT_TURN = Starts(
    at_lines=(r"[ \t*_#]*+(?:human|user)[*_]*\s?[:：]",),
    by_sign={"<": (r"\|(?:im_start|start_header_id|user)\|>|start_of_turn>",), "[": (r"INST\]",)},
)


@dataclass(frozen=True, slots=True)
class ThoughtMarks:
    """The marks of one family of models, as regular expressions.

    opens and closes stand around a thought. answer_opens and answer_closes stand around the answer behind it, where a
    family marks that too; the former ends a thought that was not closed. at_start: opens counts at an output's very
    beginning only, and closes only in an output that begins so, since both are ordinary words elsewhere.
    """

    family: str
    opens: str
    closes: str
    answer_opens: str = ""
    answer_closes: str = ""
    at_start: bool = False


THOUGHT_MARKS = (
    ThoughtMarks(
        "tags: DeepSeek-R1, QwQ, Qwen3, Seed-OSS, EXAONE", rf"<\s?(?:{_TAGS})\s?>", rf"<\s?/\s?(?:{_TAGS})\s?>"
    ),
    ThoughtMarks(
        "special tokens named as tags are",
        rf"<\|(?!end_)(?:(?:start|begin)_)?(?:{_TAGS})(?:_start|_begin)?\|>",
        rf"<\|(?:/|end_)(?:{_TAGS})\|>|<\|(?:{_TAGS})_end\|>",
    ),
    ThoughtMarks("LaTeX environments", r"\\begin\{think\}", r"\\end\{think\}"),
    ThoughtMarks("Kimi k1.5", "◁think▷", "◁/think▷"),
    ThoughtMarks("Magistral", r"\[THINK\]", r"\[/THINK\]"),
    ThoughtMarks(
        "Sky-T1 and STILL",
        r"<\|begin_of_thought\|>",
        r"<\|end_of_thought\|>",
        answer_opens=r"<\|begin_of_solution\|>",
        answer_closes=r"<\|end_of_solution\|>",
    ),
    ThoughtMarks("Gemma 4", r"<\|channel>\s?thought\b", r"<channel\|>"),
    ThoughtMarks("MedGemma", r"<unused94>(?:thought\b)?", "<unused95>"),
    ThoughtMarks(
        "Cohere Command",
        r"<\|START_THINKING\|>",
        r"<\|END_THINKING\|>",
        answer_opens=r"<\|START_(?:RESPONSE|TEXT)\|>",
        answer_closes=r"<\|END_(?:RESPONSE|TEXT)\|>",
    ),
    ThoughtMarks("Apertus", r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    ThoughtMarks(
        "gpt-oss (harmony)",
        r"<\|channel\|>\s?(?:analysis|commentary)\b",
        r"<\|channel\|>\s?final\b[^<\n]{0,40}<\|message\|>",
        answer_closes=r"<\|(?:return|end)\|>",
    ),
    # What is left of it where special tokens are left out: "analysisWe add.assistantfinal11".
    ThoughtMarks(
        "gpt-oss, special tokens left out",
        r"analysis(?-i:(?=[^\sa-z]|\n))",
        r"(?<=\S)assistantfinal(?=\S)",
        at_start=True,
    ),
    ThoughtMarks("s1", r"<\|im_start\|>think\b", r"<\|im_start\|>answer\b", answer_closes=r"<\|im_end\|>"),
    ThoughtMarks("s1, special tokens left out", r"think\n", r"(?<=\n)answer\n", at_start=True),
    ThoughtMarks("Granite 3", r"here is my thought process:", r"here is my response:", at_start=True),
)


_ANYWHERE = [marks for marks in THOUGHT_MARKS if not marks.at_start]
_OPENS = caseless(*(marks.opens for marks in _ANYWHERE))
_CLOSES = caseless(*(part for marks in _ANYWHERE for part in (marks.closes, marks.answer_opens) if part))
_STARTING = [marks for marks in THOUGHT_MARKS if marks.at_start]
_AT_START = [(caseless(rf"\s*(?:{m.opens})"), caseless(_CLOSES.pattern, m.closes)) for m in _STARTING]
_ANSWER_OPENS = caseless(rf"\s*(?:{'|'.join(m.answer_opens for m in THOUGHT_MARKS if m.answer_opens)})")
_ANSWER_CLOSES = caseless(*(marks.answer_closes for marks in THOUGHT_MARKS if marks.answer_closes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of an output, as character ranges.

    visible: what a model says to its reader. thought: the last thought before it, or the one that is still open.
    unclosed: the output ends inside a thought, with nothing said to a reader before it.
    """

    visible: Span
    thought: Span | None = None
    unclosed: bool = False


def split_reasoning(text: str) -> Parts:
    """The thought and the visible part of an output.

    Chat templates may put the mark that opens a thought into the prompt, so that an output may hold only the one that
    closes it.
    """
    low = text[:60].lstrip().lower()
    if not (any(sign in text for sign in _SIGNS) and _MAY_MARK.search(text)) and not low.startswith(_STARTS):
        return Parts(visible=(0, len(text)))
    start, end = 0, len(text)
    thought: Span | None = None
    at_start = next(((head, closes) for opens, closes in _AT_START if (head := opens.match(text))), None)
    for match in (at_start[1] if at_start else _CLOSES).finditer(text):
        if match.start() > end:
            break  # of a later turn, which the model plays on its own
        if thought is None:
            end = next_turn(text, match.end(), len(text))
        if thought is None or text[start : match.start()].strip():
            thought = (start, match.start())
        start = match.end()
    if at_start and thought is None:
        return Parts(visible=(0, 0), thought=(at_start[0].end(), end), unclosed=True)
    heads = _ANSWER_OPENS.match(text, start) or _HEADS_ANSWER.match(text, start)
    start = heads.end() if heads else start
    answered = _ANSWER_CLOSES.search(text, start, end) if heads or thought else None
    end = answered.start() if answered else end
    opened = _OPENS.search(text, start, end)
    if opened is None:
        return Parts(visible=(start, end), thought=thought)
    if text[start : opened.start()].strip():
        return Parts(visible=(start, opened.start()), thought=thought)
    return Parts(visible=(start, opened.start()), thought=(opened.end(), end), unclosed=True)


def thought_in(text: str, parts: Parts) -> str:
    """Return the words of an output's thought, without the mark that opens it; "" where it has none or an empty one."""
    if parts.thought is None:
        return ""
    thought = text[slice(*parts.thought)].strip()
    for opens in (_OPENS, *(opens for opens, _ in _AT_START)):
        thought = opens.sub("", thought, count=1) if opens.match(thought) else thought
    return thought.strip()


def run_on(text: str, start: int, end: int) -> int | None:
    """Find where, from start on, the text turns to a question or a turn that the model invents."""
    return _RUN_ON.first(text, start, end)


def next_turn(text: str, start: int, end: int) -> int:
    """Find where a chat's next turn begins that the model plays, other than at the start of its text; else the end."""
    found = _NEXT_TURN.first(text, start, end)
    return end if found is None or found <= start else found
