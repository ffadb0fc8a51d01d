"""What only mentions an option: it is supposed, denied, struck out, asked about, or somebody else's answer."""

from __future__ import annotations

import re

from cotbench.answers.reading.letters.heads import CLOSE
from cotbench.answers.reading.patterns import caseless

SUPPOSED = caseless(
    r"\b(?:if|whether|neither|nor|suppose|supposing|assuming|assume)\s(?:that\s)?(?:the\s)?"
    r"(?:(?:correct|right|final)\s)?(?:option|choice|answer|statement)?\s?(?:(?:is|was|were)\s)?[(*]*\Z"
)
CONDITION = caseless(rf"{CLOSE}{{0,3}}\s(?:if|unless|provided|only\sif|when)\b")  # "(H) if the sign is plus"
HANGS = re.compile(  # "the answer is A, unless", where the text ends
    rf"{CLOSE}{{0,3}},?\s(?:however|unless|if|except|provided|although)\b(?:\sthat)?\W*\Z", re.I
)
ASKS = re.compile(rf"{CLOSE}{{0,3}}\s?[?？]")
OTHERS = caseless(
    r"\b(?!(?:i|we)\b)[a-z']+\s(?:thinks?|believes?|says?|claims?)\s(?:that\s)?(?:the\s)?(?:\w+\s){0,2}(?:answer"
    r"|option|choice)\s(?:is|was)(?:\s(?:likely|probably))?\W*\Z",
    r"\b(?:hint|prompt|user|professor|client|teacher|experts?|sources?|key)\s[^.\n]{0,40}?\b(?:says?|suggests?"
    r"|claims?|implies|hints|insists)\s(?:that\s)?(?:the\s)?(?:\w+\s){0,2}(?:answer|option|choice)\s(?:is"
    r"|was)(?:\s(?:likely|probably))?\W*\Z",
    r"\b(?:first|initially|originally)\b[^.\n]{0,40}\b(?:answer|option|choice)\s(?:is|was|would\sbe)\W*\Z",
    r"\b(?:initial|previous|earlier|original|first)\s(?:answer|option|choice)\s(?:is|was)\W*\Z",
    r"(?:例如|比如|譬如|格式|\bfor\sexample|\be\.g\.|\bformat(?:\sis)?)[,:]?\s?[\[【\"'(]?[^\s\]】]{0,12}[\]】]?:?\s?\Z",
)
# "Students often answer (D)", "it would be wrong to answer A", "I wouldn't choose B".
NOT_MINE = caseless(
    r"(?:\b(?:students?|people|candidates?|beginners?|readers?|learners?|pupils?|takers|many|most|some|others"
    r"|someone|everyone|everybody)(?:\s(?!(?:i|we|so|therefore|but)\b)[a-z']{1,12}){0,4}?|\b(?:wrong|incorrect"
    r"|mistake|mistaken|error|trap|tempt\w*|foolish|premature|misleading|easy)\b[^.,;\n]{0,24}?\bto|\b(?:not|never"
    r"|avoid|rather\sthan|instead\sof|cannot)(?:\s\w{1,12})?|n['’]t(?:\s\w{1,12})?)\s(?:answer|choos|pick|select"
    r"|mark|circle|say|guess|opt|go)(?:e|s|es|ing)?\s(?:for\s|with\s)?(?:option\s|choice\s|answer\s)?[(*\[]*\Z"
)
_DENIED_BEHIND = caseless(  # "正解はBではない", "정답은 C가 아니다", "die Antwort A ist falsch"
    rf"{CLOSE}{{0,3}}\s?(?:(?:番|だけ|のみ)?\s?(?:(?:では|じゃ|とは)(?:な[いくか]|ありませ|限ら|言え|いえ)|(?:は|が)(?:間違|誤|違|不正解|正しくな|不適)|なわけ"
    r"|はずがな)|번?\s?(?:은|는|이|가|만|도)?\s?(?:아니|아닌|아닐|아님|아닙|틀[렸린리]|오답|될\s수\s없|일\s수\s없|일\s리|라고\s할\s수\s없|이?라고\s보기\s어렵)"
    r"|(?:选项|選項|项|項)?(?:这个|的)?(?:说法|答案)?(?:是|就|显然|明显|并|都)?(?:不(?:对|對|正确|正確|成立|是|可能|行|符合|合适|妥)|错(?:误|的|了)?|錯(?:誤|的)?"
    r"|误)|['’]?\s?(?:d[eı]ğil|yanlış)|\s(?:नहीं|गलत|সঠিক\sনয়)|\s?(?:ไม่(?:ถูก|ใช่)|ผิด)"
    r"|\s(?:ist|wäre)\s(?:aber\s|also\s)?(?:falsch|nicht|unrichtig)|\s(?:no\ses|es\s(?:incorrect|fals|errón))"
    r"|\s(?:n['’]est\spas|est\s(?:faux|fausse|incorrect))|\s(?:non\sè|è\s(?:sbagliat|errat|fals))"
    r"|\s(?:não\sé|é\s(?:incorret|errad|fals))|\s(?:is\sniet|is\s(?:fout|onjuist))|\s(?:неверн|неправильн"
    r"|не\s(?:верн|подход|явля))|\s(?:nie\sjest|jest\s(?:błędn|niepoprawn))|\s(?:là\ssai|sai\b|không\s(?:đúng|phải))"
    r"|\s(?:salah|tidak\s(?:benar|tepat))|\s(?:is|was|isn['’]t|can['’]t\sbe|cannot\sbe)\s(?:clearly\s|also\s"
    r"|therefore\s)?(?:wrong|incorrect|false|not\s(?:correct|right|true)|(?<=n['’]t\s)(?:correct|right|true)))"
)
# "有人会选B", "若答案是A"; "もし", "만약": in front of an answer, in its clause.
OTHERS_ELSEWHERE = re.compile(
    r"(?:(?:有人|有的人|(?:很多|许多|許多|不少|大?多数|部分|一些|有些|有的)的?(?:人|同学|学生|考生|学员)|同学|学生|考生|人们|初学者|受験者"
    r"|多くの人)[^。,，、;；:：!！\n应應须須需要]{0,10}"
    r"|(?:(?:极|很|较|最)?容?易|往往|常常|经常|常)(?:会|被|让人|使人|导致|就|去|直接|想当然地?|误|错|以为|认为){1,3}|[误錯错誤]|误(?:认为|以为)"
    r"|(?:不(?:能|应该?|應該?|该|會|会|要|可以?|宜|得|建议|必|适合|考虑)?|别|切勿|请勿|勿|没有?|避免)(?:再|去|直接|轻易|草率|盲目|仅|只|随便|会|被){0,2})\Z"
)
_SUPPOSED_ELSEWHERE = caseless(
    r"(?:如果|若(?!干)|假如|假设|倘若|要是|即使|就算|もし|仮に|만약|만일|설령|\b(?:wenn|falls|angenommen|если|jeśli|gdyby|eğer|nếu|jika"
    r"|kalau)\b|(?<![^\n.,;:!?(*>\s])(?<![^\W\d_]\s)(?:si|se|als)\s|إذا|لو\s|अगर|यदि|หาก|ถ้า)[^。,，、;；.:：\n]{0,40}\Z"
)
_SUPPOSING_SIGNS = ("wenn", "falls", "angenommen", "gdyby", "jika", "kalau", "si ", "se ", "als ")  # in ASCII
_SUPPOSED_BEHIND = re.compile(
    rf"{CLOSE}{{0,3}}\s?(?:番|번|选项|項)?\s?(?:(?:だった|だ|である|であ|と)?(?:なら|だとすると|とすると|とすれば|だとしたら|としたら|だったら|れば|であれば)"
    r"|(?:이|가|은)?\s?(?:라면|이라면|라고\s하면|이라고\s하면|일\s경우|인\s경우)|的话|的話|时[,，]|時[,，]|\s?(?:ise|olsaydı|olursa)\b)"
)
SUBJECT = re.compile(  # "(B) is too soft", "(C) contradicts the passage"
    r"[).:*\]]*\s(?:(?:\w{2,12}ly|only|just|also|even|never|always)\s)?"
    r"(?:(?:is|are|was|were|would|will|should|must|can|cannot|could|has|have|had|does|did|do|may|might)\b"
    r"|(?:does|did|is|was|wo|ca|ca|ha|had|could|would|should|do|are|were)n['’]t\b|(?:contradicts?|violates?"
    r"|conflicts?|ignores?|misses|overstates?|exaggerates?|misreads?|misrepresents?|fails?|falls|lacks?"
    r"|goes\s(?:against|beyond|too)|confuses?|reverses?|breaks|states|says|mentions|describes|refers|implies|assumes"
    r"|depends|disagrees|remains\s(?:un\w+|open|possible|to\sbe|a\s)|seems|looks|appears|sounds|makes\sno|leads\sto"
    r"|comes\sfrom)\b|[a-z]{3,}s\s(?:the|an?|this|that|these|those|rules?\s\d|what|its|it|no|both)\b)"
)
CALLED_WRONG = caseless(
    r"[\s*:—–(-]*(?:(?:incorrect|wrong|false|untrue|not\s(?:correct|right|true))\b(?!\s\w)|[✗✘❌×]"
    r"|(?:错误?|錯誤?|不正确|不正確|不对|間違い|誤り|틀림|틀립니다)[\s。.)]*\Z)"
)
STRUCK = caseless(  # "we discard option"
    r"\b(?:discard|reject|dismiss|avoid|contradict|cross(?:es|ed|ing)?\sout|strik(?:e|es|ing)\sout"
    r"|(?:leaves?|leaving)\sout)(?:s|ed|ing)?\s(?:the\s)?(?:options?|choices?|answers?)?[\s(*]*\Z"
)


def only_mentioned(text: str, start: int, end: int) -> bool:
    """Tell whether what comes at the end is supposed, or said to be others' choice, by the words in front of it."""
    start = max(start, end - 60)
    before = text[start:end].lower()
    if before.isascii() and not any(sign in before for sign in _SUPPOSING_SIGNS):
        return False  # quickly: nearly always
    return bool(_SUPPOSED_ELSEWHERE.search(text, start, end) or OTHERS_ELSEWHERE.search(text, start, end))


def denied_behind(text: str, end: int) -> bool:
    """Tell whether what stands behind an option denies or supposes it: "正解はBではない", "정답이 A라면"."""
    return bool(_DENIED_BEHIND.match(text, end) or _SUPPOSED_BEHIND.match(text, end))
