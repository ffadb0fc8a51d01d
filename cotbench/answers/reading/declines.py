"""Reading that there is no answer to give: a question is said to be open, or more is asked for than was given."""

from __future__ import annotations

from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import ALL_KINDS, DECLINED, Rule

# What says that there is no answer to give.
_DECLINES = caseless(
    r"\b(?:can\s?not|can['’]t|could\snot|couldn['’]t|unable\sto|(?:im|not\s)\**possible\**\sto"
    r"|no\sway\sto)\b[^.\n]{0,40}?\b(?:determin|calculat|answer|tell\b|know|comput|solve|provide|give\b"
    r"|say\s(?:how|what|exactly|which|for))\w*",
    r"(?:\bnot|n['’]t|\bis\sno)\b\s(?:have\s|(?:provided?|given?)\s(?:us\s|with\s)?)?(?:enough"
    r"|sufficient)\s(?:\w+\s)?(?:information|data|details?)\b",
    r"\b(?:insufficient|inadequate)\s(?:information|data|details?)\b",
    r"\b(?:information|data)\b[^.\n]{0,40}\b(?:is|are)\s(?:missing|insufficient"
    r"|not\s(?:provided|given|sufficient|enough|available))",
    r"\b(?:undetermined|indeterminate|unanswerable|not\s(?:determinable|answerable|solvable))\b",
    r"\bthere\sis\sno\s(?:valid\s)?(?:solution|answer)\b(?!\s(?:key|choice))",
    r"\b(?:question|problem|statement)\sis\s(?:\w+\s)?(?:incomplete|missing|unclear|flawed|ambiguous)",
    r"(?:回答|判断|特定|計算)(?:する(?:こと)?)?[はが]?(?:でき(?:ない|ません)|不可能)|情報が?不足|(?:알|답할|판단할|계산할)\s수\s?없|정보가?\s?부족",
    r"无法(?:确定|计算|得出|给出|回答|判断|求)|不能(?:确定|计算)|(?:信息|条件)不足",
    r"[Нн]едостаточно\s(?:информации|данных)|[Нн]евозможно\s(?:определить|вычислить)",
    r"\bno\sse\spuede\s(?:determinar|saber|calcular|resolver)",
    r"\bne\speut\s(?:pas\s)?(?:être\s)?(?:déterminer|déterminé|savoir|calculer)",
    r"\bn(?:ão|on)\s(?:é\sposs[íi]vel|se\spode|si\spuò)\s(?:determinar|calcular|determinare|calcolare)",
    r"\b(?:lässt|lassen)\s(?:es\s)?sich\b[^.\n]{0,60}\bnicht\s(?:bestimmen|berechnen|ermitteln|beantworten|sagen)",
    r"\bnicht\s(?:bestimmbar|lösbar|berechenbar)|\bnicht\sgenügend\sInformationen|\bpas\sassez\sd['’]informations?",
    r"\b(?:no\shay|no\sse\stiene)\s(?:suficiente|bastante)\sinformaci[óo]n",
    r"[Нн]ельзя\s(?:определить|вычислить|найти|ответить)|決まりません|定まらない|求められ(?:ない|ません)",
)
# What asks for more than was given: at the end of a text it declines.
_ASKS_FOR_MORE = caseless(
    r"\b(?:need|require|want)(?:s|ed)?\s(?:to\sknow"
    r"|(?:the\s|some\s|any\s)?(?:more|additional|further|missing|actual|exact|original|specific))\b",
    r"\b(?:more|additional|further)\s(?:information|data|details?|context)\b[^.\n]{0,80}\b(?:need|requir|necessary)",
    r"\b(?:could|can)\syou\s(?:please\s)?(?:provide|clarify|specify|share)",
    r"\bplease\s(?:provide|specify|clarify|share|give)\b",
    r"\b(?:if|once|when)\s(?:you|I|we)\s(?:can\s|could\s)?(?:provide|have|clarify|share|specify"
    r"|know)\b[^\n]{0,120}\b(?:I|we)(?:['’]d)?\s(?:can|could|would|will|['’]ll)?\s?(?:be\s(?:able|happy)|help"
    r"|calculate|compute|determine|work|find|then)",
    r"\blet\sme\sknow\b[^\n]{0,120}\b(?:I|we)\s(?:can|could|will)\b",
    r"\bwithout\s(?:knowing|more|the|any|further|additional|specific)\b[^.\n]{0,80}\b(?:cannot|can['’]t|most|only"
    r"|impossible)\b",
    r"\b(?:don['’]t|do\snot|doesn['’]t|does\snot)\s(?:know|tell\sus|say|specify|mention)\s(?:how|what|the)\b",
    r"\bunknown\s(?:without|number|quantity)\b",
)
_UNKNOWN = caseless(r"[\s*_`\"({\[\\]*(?:text\{\s?)?(?:unknown|undefined|n/a|not\sknown|not\sgiven|none\sof)\b")
_TURNS_BACK = caseless(r"\b(?:but|so|however|if|assum\w+|then|therefore|suppos\w+)\b[^\n]*\d")


def declines(text: str, start: int, end: int) -> bool:
    """Tell whether a phrase says that there is no answer to give, and goes on to none."""
    match = _DECLINES.search(text, start, end)
    return match is not None and _TURNS_BACK.search(text, match.end(), end) is None


def asks_for_more(text: str, start: int, end: int) -> bool:
    """Tell whether a closing sentence asks for what would be needed to answer, and so declines."""
    return declines(text, start, end) or _ASKS_FOR_MORE.search(text, start, end) is not None


def says_unknown(text: str, start: int, end: int) -> bool:
    """Tell whether a statement begins with a word for there being no answer: "unknown", "N/A"."""
    return _UNKNOWN.match(text, start, end) is not None


DECLINES = Rule(DECLINED, DECLINED, ALL_KINDS, declines)
