r"""What a text states as its answer, whatever its type: `Answer:` lines, boxes, phrases.

Every pattern here must stay linear in the text: runs that touch each other are possessive (`*+`), or bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial

from cotbench.answers.reading.endings import MAX_WORDS_BELOW
from cotbench.answers.reading.parts import MARKUP, WRAP, Span
from cotbench.answers.reading.patterns import MAX_STATEMENTS, SPACES, Anchors, anchors, caseless, near
from cotbench.answers.reading.rules import ALL_KINDS, MAX_ANSWER_CHARS, Rule

MAX_PHRASE_CHARS = 2_000  # of a line that is searched for the answer that it states
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*+(?:(?P<brace>\{)|(?P<bare>[-+]?\d[^\s$\\{}]*|[A-Za-z](?![A-Za-z])))")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_LEAD = r"(?:(?:so|thus|hence|therefore|then|and|now),?\s)?(?:(?:the|my|our)\s)?"
_CONTRACT = caseless(
    rf"(?:^|(?<=>)|(?<=[.!?;)]\s)|(?<=[,:→]\s)|(?<=[.!?]\s\s)){MARKUP}{_LEAD}(?:(?:final|correct|right|best|exact"
    r"|short|numeric(?:al)?|direct|concise|overall)[\s_]){0,2}(?:answer|ans)(?:\sline|\schoice"
    rf"|\s\((?:part\s)?[a-z\d]{{1,3}}\)|\s(?:for|to|of)\s[^:\n*]{{1,40}})?{WRAP}(?:[:：]|(?=\n|\s?\\\[|\s?\$\$))"
    rf"{WRAP}(?:</?(?:b|strong|em|i|u|p)>{WRAP})?(?:\n{WRAP}){{0,3}}(?:(?<=\n)[-•]\s)?(?=\S)",
    # A tag, as R1's prompt asks for; what a cut at its beginning leaves.
    r"(?<!\{)<(?:final_)?(?:answer|letter|choice|option|solution|conclusion)>\s*+(?=\S)",
    r"(?<![<\w/])answer>\s*+(?=[^<\s][^<\n]{0,60}</answer>)",
    # A word in a formula; a field of an object, as in JSON.
    r"\\text(?:bf)?\s?\{\s?(?:final\s)?answer\s?:?\s?(?:\}\s?:?|(?<=[:\s])(?=[^\s}]))\s*+(?=\S)",
    r"^\(answer\)\s*+(?=\S)",
    r"[\"'](?:(?:final|correct|selected|my)[_ ]?)?(?:answer|choice"
    r"|option)(?:[_ ]?(?:letter|choice))?[\"']\s?:\s?[\"']?(?=[^\s\"'])",
    # A call: Answer("C"), Finish[C].
    r"\b(?:final_?)?(?:answer|finish|submit)\(\s?(?:[\"'](?=[^\s\"')])|(?=(?:(?-i:[A-Z])|-?\d[\d.,]*)\s?\)))",
    r"\b(?-i:Answer|Finish|ANSWER|FINISH)\[\s?[\"']?(?!\d+\]\s?=)(?=[^\s\"'\]])",
    flags=re.M,
)
# A number or a formula: "#### Step 2" and "#### 2. Add up" are headings.
_BARE_WRAP = rf"[{SPACES}*_`]*+"
_HASHES = re.compile(rf"####(?!#|{_BARE_WRAP}(?:[A-Za-z]{{2}}|\d+[.):][ \t]+\S)){_BARE_WRAP}(?=\S)")
_NAMES = (" option", " choice", " statement", " response", " conclusion")
_OF_OPTIONS = ["the", "my", "correct", "right", "best", "final", "likely", "plausible", "suitable", "appropriate"]
_OF_STATEMENTS = ["correct", "likely", "plausible", "suitable", "appropriate", "accurate"]
_NAMED_ANSWERS = [
    *(f"{word} {noun}" for word in _OF_OPTIONS for noun in ("option", "choice")),
    *(f"{word} {noun}" for word in _OF_STATEMENTS for noun in ("statement", "response", "conclusion")),
]
# "The answer is" in other languages, where words stand apart: noun, at most five words more, then a verb or a mark.
_NOUNS = (
    r"respuesta|opci[óo]n|alternativa|r[ée]ponse|antwort|lösung|risposta|opzione|resposta|op[çc][ãa]o|gabarito|antwo"
    r"ord|ответ[а-я]{0,2}|вариант|відповідь|odpowied[źz]i?ą?|odpověď|jawaban(?:nya)?|svaret|svar|vastaus|απάντηση"
    r"|răspuns(?:ul)?|letra\scorr?e(?:c)?ta|lettre\scorrecte|lettera\scorretta|option\scorrecte|bonne\soption"
    r"|richtige\s(?:option|aussage|wahl)|richtig|juiste\s(?:optie|keuze)|đáp\sán|câu\strả\slời|phương\sán|lựa\schọn"
)
_VERBS = (
    r"es|est|ist|è|é|là|is|jest|to|je|är|er|on|este|είναι|adalah|ialah|lautet|sería|serait|wäre|sarebbe|seria|será"
    r"|będzie|будет"
)
_LINKS = (
    r"(?:\s(?:donc|daher|also|pues|quindi|portanto|dus|więc|entonces|somit|folglich))?"
    r"(?:\s(?:la|le|il|lo|el|die|der|das|de|het|(?-i:[ao]))(?=\s))?(?:\s(?:opci[óo]n|option|optie|opzione|op[çc][ãa]o"
    r"|alternativa|lettre|letra|lettera|letter|buchstabe|вариант|phương\sán|câu))?\s*+(?=\S)"
)
_ELSEWHERE = caseless(
    rf"\b(?:{_NOUNS})(?:\s(?!\(?(?-i:[A-Z])\b|(?:no|non|não|nicht|kein|pas|не|niet|nie|không|bukan|inte|ikke|ei)\b"
    rf"|n['’])[^\s.:,;]{{1,14}}){{0,5}}?(?:\s(?:{_VERBS})\b(?:\s?[:：])?|\s?[:：]|\s[—–-])[*_]*{_LINKS}",
    # Chinese, Japanese and Korean, where words touch.
    r"(?:答案|答え|解答|回答|正解|正答|(?:正确|正確|最佳|最终|最合适|合适)(?:的)?(?:答案|选项|選項|选择|說法|说法|结论|一项)"
    r"|(?:正しい|適切な|最適な)(?:選択肢|答え|もの|の)?(?=は))[】\]]?\s?(?:\([^()\n]{1,20}\))?(?:选项)?(?:只能|应该|應該|应当|应|應|就|便|即|也)?(?:是|为"
    r"|為|は|選|选)?(?:选项|選項|択)?\s*+[:：]?\s*+(?=\S)",
    r"(?:정답|(?<![가-힣])답)\s?(?:\([^()\n]{1,20}\))?(?:은|이|:)?\s?:?\s?(?=\S)",
    # Arabic, Persian, Hebrew; Hindi, Bengali; Thai; Turkish, whose verbs stand behind the answer.
    r"(?:الإجابة|الاجابة|الجواب|الحل|پاسخ|جواب|תשובה)(?:\s(?:الصحيحة|الصحيح|النهائية|النهائي|الأصح|صحیح|درست|نهایی"
    r"|הנכונה|הסופית))?\s?(?:هي|هو|היא)?\s?[:：]?\s?(?:(?:الخيار|الحرف|گزینه)\s)?(?=\S)",
    r"(?:الخيار|الاختيار)\s(?:الصحيح|الأصح|الأنسب)\s?(?:هو)?\s?[:：]?\s?(?=\S)"
    r"|(?:верный|правильный)\s(?:ответ|вариант)\s?(?:[:—–-]\s?)?(?=\S)",
    r"(?:उत्तर|जवाब|सही\sविकल्प|উত্তর)\s?(?:है|होगा|হল|হলো)?\s?[:：]?\s?(?:विकल्प\s)?(?=\S)",
    r"(?:คำตอบ|เฉลย|(?:ตัวเลือก|ข้อ)(?=ที่ถูก))(?:ที่ถูกต้อง|ที่ถูก|สุดท้าย)?\s?(?:คือ|เป็น"
    r"|ได้แก่)?\s?[:：]?\s?(?:ข้อ|ตัวเลือก)?\s?(?=\S)",
    r"(?<![^\s*#✅>(])(?:jibu(?:\s(?:la\smwisho|sahihi))?\s?(?:ni\b|linapaswa\skuwa\b|[:：])|trả\slời\s?[:：]"
    r"|సమాధానం\s?[:：]|பதில்\s?[:：])[\s*]*+(?=\S)",
    r"\b(?:cevap|cevabı|yanıt|doğru\s(?:seçenek|şık))\s?[:：]?\s?(?=\S)",
)
PHRASE = caseless(
    r"\b(?<!wrong\s)(?<!incorrect\s)(?<!if\s)(?<!if\sthe\s)(?<!whether\sthe\s)"
    r"(?:answer(?:\s++(?:to|for|of|choice|letter|here)\b(?:\s++[^.:\n]{1,60}?)?)?(?:\s\([^()\n]{1,40}\))?"
    rf"|(?:{'|'.join(_NAMED_ANSWERS)})(?:\s++(?:among|of|here|from|out)\b(?:\s++[^.:\n]{{1,40}}?)?)?)(?:\s++(?:is"
    r"|was|should\sbe|must\sbe|would\sbe|will\sbe|has\sto\sbe|comes\s(?:out\s)?to|becomes|equals)\b|['’]s(?=\s)|\s*+"
    r"(?:=|→|->|⇒))(?:\s++(?:therefore|thus|then|hence|most\slikely|likely|probably|definitely|clearly|obviously"
    r"|simply|just|indeed|actually|exactly|approximately|about|option|choice|given\sby)\b)*+\s*+[:：]?\s*+(?=\S)"
)
# Texts without which a pattern can't match, in lower case.
_PHRASE_ANCHORS = Anchors("answer", *_NAMED_ANSWERS, shared=_NAMES)
_CONTRACT_ANCHORS = Anchors(
    *("answer", "ans:", "ans :", "ans.", "<letter>", "<choice>", "<option>", "<solution>", "<conclusion>"),
    *("finish(", "finish[", "submit(", 'choice"', "choice'", 'option"', "option'", 'letter"', "letter'"),
    shared=("<", "finish", '"'),
)
_SIGNS_ELSEWHERE = anchors(
    "respuesta reponse antwort risposta resposta gabarito opcion opzione alternativa antwoord jawaban svar vastaus",
    "cevap cevabı yanıt réponse lösung opción opção opçao ответ вариант відповідь odpowied odpověď απάντηση răspuns",
    "doğru_seçenek doğru_şık letra_corr lettre_correcte lettera_corretta option_correcte bonne_option richtig juiste_",
    "đáp_án câu_trả_lời phương_án lựa_chọn trả_lời верный правильный jibu సమాధానం பதில் ตัวเลือก ข้อ คำตอบ เฉลย",
    "正しい 適切 最適 答案 答え 解答 回答 正解 正答 正确 正確 最佳 最终 合适 정답 답 उत्तर जवाब विकल्प উত্তর",
    "الخيار الاختيار الإجابة الاجابة الجواب الحل پاسخ جواب תשובה",
    shared=("j", "z", "antwo", "spost", " corr"),
)
# "Each correct answer is worth 5 points": no answer of the text's own.
_ANY_ANSWER = caseless(r"\b(?:each|every|per|any|an?|if\sthe|no|only\sif)\s(?:\w+\s)?\Z")
_DENIAL = caseless(r"(?:not|(?:neither|none)(?=\s+\w))\b")
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>|</[a-z_]+>|<eo[a-z]>|<end_of_turn>")
_LABELLED = re.compile(r"[A-Za-z][A-Za-z ]{1,30}:\s")  # "Storks: 6", the first line of a table
_LIST_ITEM = caseless(r"step\b|\d+[.)]\s+\S")
_DISPLAY = {"\\[": "\\]", "$$": "$$"}
WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}+(?!\})")  # words outside commands and \text{..}
_BARE_VALUE = re.compile(r"(-?\d[\d.eE+-]*|true|false|null|[A-Z])\s*[,}\n]")  # of a field of an object, without quotes
_MAX_OBJECT_CHARS = 4_000
_FIELD = re.compile(r"[\"']\s?:\s?[\"']?\Z")
_OBJECT_END = re.compile(r"(?:[\"'\]]|\n[ \t]{0,16})\s?\}")


def boxed_spans(text: str) -> list[Span]:
    r"""The content of every closed \boxed{..} or \fbox{..}, in order; \boxed 5 gives "5". Linear in the text."""
    return list(_boxed_spans(text)) if "box" in text else []


@lru_cache(maxsize=4)  # formulas are read with them, and what is stated
def _boxed_spans(text: str) -> tuple[Span, ...]:
    bare: list[Span] = []
    boxes: list[int] = []  # where a box's content begins
    for match in _BOXED.finditer(text):
        if match["brace"]:
            boxes.append(match.end())
        else:
            bare.append(match.span("bare"))
    contents = frozenset(boxes)
    closed: list[Span] = []
    end = 0
    for box in boxes:
        if box < end:
            continue  # in one that has been looked through
        opened = [box]
        for match in _BRACE.finditer(text, box):
            if match[0] == "{":
                opened.append(match.end())
            elif match[0] == "}":
                start, end = opened.pop(), match.start()
                if start in contents and end - start <= MAX_ANSWER_CHARS:
                    closed.append((start, end))
                if not opened:
                    break
        else:
            break  # it isn't closed, and all behind it has been looked through
    return tuple(sorted(bare + closed))


def _closer(head: str) -> str:
    """Name what ends the answer that a tag, a field of an object or a call begins; "" for any other head."""
    if head[0] == "<":
        return "</" + head[1:].strip()
    if head[0] in "\"'":
        return head[-1] if head[-1] in "\"'" else "}"
    opened = head.rstrip(" \"'")[-1:]
    return {"(": ")", "[": "]"}.get(opened, "") if head[-1] in "([\"'" else ""


def _phrases(
    pattern: re.Pattern[str], anchors: Anchors, text: str, start: int, *, before: int
) -> Iterator[tuple[Span, bool]]:
    r"""Yield what stands behind each match, the last first: to the end of its line or display, or to the next match.

    before: how far in front of its anchor a match may begin. The flag says whether the phrase stands below the match.
    """
    limit = len(text)
    for head in reversed(near(pattern, text, start, anchors, before=before, after=160)):
        begin, next_head = head.end(), limit
        limit = head.start()
        if pattern is PHRASE and _ANY_ANSWER.search(text, max(0, limit - 30), limit):
            continue
        closer = _closer(head[0])
        if closer == "}" and (value := _BARE_VALUE.match(text, begin)):
            yield value.span(1), False
            continue
        if closer:
            last = min(next_head, begin + MAX_ANSWER_CHARS)
            close = text.find(closer, begin, last)
            while closer == '"' and close > begin and text[close - 1] == "\\":
                close = text.find(closer, close + 1, last)
            if close > begin:
                yield (begin, close), False
                continue
        newline = text.find("\n", begin, next_head)
        end = next_head if newline < 0 else newline
        display = _DISPLAY.get(text[begin : begin + 2])
        if display:
            close = text.find(display, begin + 2, min(next_head, begin + MAX_ANSWER_CHARS))
            end = max(end, close + 2) if close >= 0 else end
        end = min(end, begin + MAX_PHRASE_CHARS)
        special = _SPECIAL_TOKEN.search(text, begin, end)
        end = special.start() if special else end
        if begin < end:
            yield (begin, end), "\n" in head[0]


def _is_prose(text: str, span: Span, below: bool) -> bool:
    """Tell whether a phrase denies ("not 5"), or begins a text of which "Answer:" is the heading. Not for options."""
    start, end = span
    if _DENIAL.match(text, start, end):
        return True
    worked_on = "=" in text[start:end] and text[end : end + 2].strip()  # an equation, and no empty line behind it
    labelled = _LABELLED.match(text, start, end) and text[end : end + 2].strip()
    announced = text[start:end].rstrip(" \t\r*_`").endswith((":", "："))  # "The solutions are:", which stand below
    heads = worked_on or labelled or announced or _LIST_ITEM.match(text, start, end)
    return below and bool(heads or len(WORD.findall(text, start, end)) > MAX_WORDS_BELOW)


def _place(text: str, span: Span, ends: Callable[[], list[int]]) -> int:
    """Find where a phrase counts as stated: at its beginning, or at the end of the object that it is a field of."""
    behind = text[span[1] : span[1] + 3].lstrip("\"' \r")
    if not behind.startswith((",", "\n")) or not _FIELD.search(text, max(0, span[0] - 8), span[0]):
        return span[0]
    following = ends()
    at = bisect_left(following, span[1])
    return following[at] if at < len(following) and following[at] < span[1] + _MAX_OBJECT_CHARS else span[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A place where a text states its answer: the row that found it, and the span of the phrase that holds the answer.

    boxes: the boxes in that phrase. place: where the answer counts as stated, a field of an object at the object's end,
    so that its reasons, in another field, don't come behind it.
    """

    row: Rule
    span: Span
    boxes: tuple[Span, ...] = ()
    place: int


BOXED = Rule(
    "boxed", "boxed", ALL_KINDS, lambda text, start: ((span, False) for span in boxed_spans(text) if span[0] >= start)
)
# find(text, start): the spans of what is stated, and whether each stands below what announces it. Of spans that begin
# and end alike, the earlier row's is the outer one.
STATEMENTS = (
    Rule("contract", "contract", ALL_KINDS, partial(_phrases, _CONTRACT, _CONTRACT_ANCHORS, before=120)),
    Rule("hashes", "hashes", ALL_KINDS, partial(_phrases, _HASHES, Anchors("####"), before=1)),
    Rule("phrase", "phrase", ALL_KINDS, partial(_phrases, PHRASE, _PHRASE_ANCHORS, before=0)),
    Rule("phrase in another language", "phrase", ALL_KINDS, partial(_phrases, _ELSEWHERE, _SIGNS_ELSEWHERE, before=20)),
    BOXED,
)


def statements(text: str, start: int, *, options: bool = False) -> list[Statement]:
    """Collect what the rows of `STATEMENTS` find, by place, the last first: what a text says last is its answer.

    Of statements in one another ("Answer: the answer is 5") the outer gives the rule and the inner the phrase. Where an
    answer is an option's text (options), it may be prose.
    """
    ends = cache(lambda: [match.end() for match in _OBJECT_END.finditer(text, start)])
    found = [
        Statement(row=row, span=span, place=span[0] if row is BOXED else _place(text, span, ends))
        for row in STATEMENTS
        for span, below in row.find(text, start)
        if options or row is BOXED or not _is_prose(text, span, below)
    ]
    found.sort(key=lambda one: (one.span[0], -one.span[1]))
    kept: list[Statement] = []
    for one in found:
        outer = kept[-1] if kept else None
        if outer is None or outer.row is BOXED or one.span[0] >= outer.span[1]:
            kept.append(one)
        elif one.row is BOXED:
            kept[-1] = replace(outer, boxes=(*outer.boxes, one.span))
        else:
            kept[-1] = replace(outer, span=(one.span[0], min(one.span[1], outer.span[1])), boxes=())
    kept.sort(key=lambda one: one.place)
    return kept[: -MAX_STATEMENTS - 1 : -1]
