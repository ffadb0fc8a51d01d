r"""Reading the letter of an option: by its letter, by its text, or by both; in English and some twenty other languages.

What a text states outright (`statements`) comes first, the last of it. Policies:

* A verdict in passing ("(C) is correct", "closest to C", "so (A) fits best") counts where nothing is stated outright, or
  where the text has taken its statement back ("Wait, that is wrong. ..."). A statement that is called wrong, with nothing
  in its place, is no answer.
* "Not A but B" is B. An option that is ruled out, supposed ("if ...") or said to be another's answer is none.
* Two options ("A or C", "A B", "A) red and B) blue", ACD), and none of them ("none of the options is correct"), are no answer,
  unless an option says so.
* What is only said of an option ("(C) contradicts the passage") gives no answer. Where each is judged in a row, exactly
  one of them as right, that one is the answer.
* "None of the options is correct" names the option that says so, if there is one.
* A field of an object counts as stated where the object ends, behind the field with its reasons.
* What a long text states before it breaks off in doubt ("Wait, but maybe ...") is no answer, as in a text that was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from cotbench.answers.reading.declines import declines
from cotbench.answers.reading.options import (
    AROUND,
    DENIED,
    begins_with_option,
    main_clause,
    option_first,
    option_for_none,
    option_named,
    option_of,
)
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.shapes import (
    CJK,
    DECLINED,
    DOUBTS,
    LETTER,
    MAX_ANSWER_CHARS,
    MAX_PHRASE_CHARS,
    MAX_STATEMENTS,
    MAX_WORDS_BELOW,
    SENTENCE_END,
    UNDECIDED,
    WHOLE,
    Extraction,
    Reading,
    Statement,
    broken_off,
    in_plain_signs,
    last_sentences,
    near,
    own_end,
    statements,
)
from cotbench.types import LETTERS

# What an option's letter must not touch: `\b` and `\w` would take Chinese and Thai for a part of the same word.
_FREE = rf"(?<![{LETTER}0-9_'’])"
_ALONE = rf"(?![{LETTER}0-9_'’°#^]|[-–][{LETTER}0-9_])"
_OPEN = r"[(\[{<*_`$\"'“‘「『【《〈]"
_CLOSE = r"[)\]}>*_`$\"'”’」』】》〉]"
_NOUNS = (  # what may stand before an option's letter in other languages
    r"(?i:opci[óo]n|opzione|op[çc][ãa]o|optie|alternativa|letra|lettre|lettera|buchstabe|odpowied[źz]|opcj[aąę]"
    r"|вариант|буква|опция|phương\sán|câu|lựa\schọn|seçenek|şık|jawaban|pilihan|vastaus|la|le|il|l['’])\s"
    r"|(?:选项|選項|选择|選択肢|选|選|項|보기|선택지|الخيار|الاختيار|الحرف|विकल्प|ข้อ|ตัวเลือก)\s?[:：]?"
)

# What may stand around a letter that is given as an answer: (C)  **C**  $\text{C}$  <C>  C) Plane  C. Plane  Option C
_HEAD = re.compile(
    r"(?:<\w{2,20}>|\{\s{0,8}[\"'](?:letter|option|choice|label|id|key|value|answer)[\"']\s?:"
    r"|[\s*_`$<\"'“‘(\[{「『【《〈]|\\[(\[;:,!]|\}\s?(?=\\)|\\(?:text|textbf|textit|mathrm|mathbf|mathsf|boxed|fbox"
    r"|bf|rm)\s*+\{|(?i:option|choice|letter|answer|both|either)\b(?:\s(?i:is|number|letter)\b)?:?"
    r"|(?i:the\s(?:correct\s)?(?:letter|option|choice|answer))\b"
    rf"|{_NOUNS})*+(?P<letter>(?<=['‘])[A-Z](?=['’])|[A-Z](?:(?=['’](?:d[iıuü]r|t[iıuü]r)\b)"
    rf"|(?![{LETTER}0-9'’°#^]|[-–_][{LETTER}0-9_]|\s*+[=+/≈]|\s?\.\s?[A-Z]\.|\([a-z0-9]\)\s?=)))"
)
_LOWER_HEAD = re.compile(
    r"[\s*_`$<\"'{\[]*+(?:(?:option|choice)\s)?(?:\((?P<bracketed>[a-z])\)"
    r"|[(]?(?P<letter>[a-z])(?:[).:]\s|\s\([^()\n]{1,200}\)\s*+\Z|[\s*_`$>\"'.)\]}]*+\Z))",
    re.I,
)
_BUT = (
    r"(?:[,;]?\s?(?:but(?:\srather)?|rather|instead|sondern|sino(?:\sla)?|mais|ma|mas|а|lecz|maar|而是)"
    r"|[;,.—–-]\s?(?:[Ii]t(?:['’]s|\sis)(?:\srather)?|rather))\s*"
)
_NOT_BUT = re.compile(  # "not A but B", "not (A), it is (B)"; "AではなくB"
    r"\s*(?:(?:n[o']t|nicht|no|pas|non|não|не|nie|niet|不是|不)\s*(?:option\s|choice\s"
    rf"|la\s)?{_OPEN}{{0,3}}[A-Z]{_CLOSE}{{0,3}}(?![{LETTER}]){_BUT}"
    rf"|{_OPEN}{{0,3}}[A-Z]{_CLOSE}{{0,3}}\s?(?:ではなく|じゃなく|(?:가|이|는|은)?\s?아니라|(?:가|이)?\s?아니고|değil,?)[、,]?\s?)",
    re.I,
)
_RATHER = re.compile(
    r"(?:\b(?:not|nicht|no\ses|non\sè|não\sé|не|nie\sjest|niet|n['’]est\spas)\s|n['’]t\s|不是)(?:option\s|choice\s"
    rf"|la\s)?{_OPEN}{{0,3}}[A-Z]{_CLOSE}{{0,3}}(?![{LETTER}]){_BUT}(?=\S)",
    re.I,
)
_RATHERS = (
    " but ",
    " sino ",
    " mais ",
    "sondern",
    " ma ",
    " mas ",
    " а ",
    " lecz ",
    " maar ",
    "it's ",
    "it’s ",
    "it is ",
    "而是",
    "rather ",
)
_MARKED = re.compile(
    rf"(?:(?:(?<![{LETTER}0-9)\]])[(\[]\s?|<(?=[A-Z]>(?!.*</)))(?P<a>[A-Z])\s?[)\]>]"
    r"|\*\*\s?\(?(?P<b>[A-Z])\s?(?:[).:]|\*\*)|\b[Oo]ption\s(?P<c>[A-Z])\b(?!['’]))"
)
_IS = r"(?:is|remains|stays|seems|appears|would\sbe|must\sbe|should\sbe|looks)(?:\sto\sbe)?(?:\slike)?\s"
_VERDICT = (
    r"(?:(?:clearly|also|indeed|therefore|thus|definitely)\s)?(?:the\s)?(?:(?:most|only|closest|best|single)\s)?"
    r"(?:correct|right|best|accurate|appropriate|plausible|likely|suitable|reasonable|logical|answer|closest)\b"
)
_FITS = (
    r"(?:(?:fits|matches|works|suits|corresponds|aligns|answers|describes)\s(?:it\s|this\s|these\s"
    r"|the\s[^.,\n]{1,40}\s)?(?:best|most\s\w+|exactly|perfectly)\b|holds\b(?!\s\w))"
)
_VERDICTS = [
    *"correct right best accurate appropriate plausible likely suitable reasonable logical answer closest holds".split(),
    *("exactly", "perfectly", "most", "remains", " left", " it is", " it must"),
]
_OR_THIS = re.compile(r"(?<![A-Za-z])[A-Z][)\]*]*,?\s(?:and|or|nor|&)\s(?:[Oo]ption\s|[Cc]hoice\s)?[(*\[]*\Z")
_NONE_OF = re.compile(r"\b(?:none|neither|not\sall)\b[^.\n]{0,30}\Z", re.I)
_ALSO = re.compile(r"\balso\b")  # then there are two
_SUPPOSED = re.compile(
    r"\b(?:if|whether|neither|nor|suppose|supposing|assuming|assume)\s(?:that\s)?(?:the\s)?(?:(?:correct|right"
    r"|final)\s)?(?:option|choice|answer|statement)?\s?(?:(?:is|was|were)\s)?[(*]*\Z",
    re.I,
)
_CONDITION = re.compile(rf"{_CLOSE}{{0,3}}\s(?:if|unless|provided|only\sif|when)\b", re.I)  # "(H) if the sign is plus"
_HANGS = re.compile(  # "the answer is A, unless", where the text ends
    rf"{_CLOSE}{{0,3}},?\s(?:however|unless|if|except|provided|although)\b(?:\sthat)?\W*\Z", re.I
)
_ASKS = re.compile(rf"{_CLOSE}{{0,3}}\s?[?？]")
_OTHERS = re.compile(  # "Many think the answer is A", "it is wrong to say the answer is A"; not "I think"
    r"\b(?!(?:i|we)\b)[a-z']+\s(?:thinks?|believes?|says?|claims?)\s(?:that\s)?(?:the\s)?(?:\w+\s){0,2}(?:answer"
    r"|option|choice)\s(?:is|was)(?:\s(?:likely|probably))?\W*\Z|\b(?:hint|prompt|user|professor|client|teacher"
    r"|experts?|sources?|key)\s[^.\n]{0,40}?\b(?:says?|suggests?|claims?|implies|hints"
    r"|insists)\s(?:that\s)?(?:the\s)?(?:\w+\s){0,2}(?:answer|option|choice)\s(?:is"
    r"|was)(?:\s(?:likely|probably))?\W*\Z|\b(?:first|initially|originally)\b[^.\n]{0,40}\b(?:answer|option"
    r"|choice)\s(?:is|was|would\sbe)\W*\Z|\b(?:initial|previous|earlier|original|first)\s(?:answer|option"
    r"|choice)\s(?:is|was)\W*\Z|(?:例如|比如|譬如|格式|\bfor\sexample|\be\.g\."
    r"|\bformat(?:\sis)?)[,:]?\s?[\[【\"'(]?[^\s\]】]{0,12}[\]】]?:?\s?\Z",
    re.I,
)
# "Students often answer (D)", "it would be wrong to answer A", "I wouldn't choose B".
_NOT_MINE = re.compile(
    r"(?:\b(?:students?|people|candidates?|beginners?|readers?|learners?|pupils?|takers|many|most|some|others"
    r"|someone|everyone|everybody)(?:\s(?!(?:i|we|so|therefore|but)\b)[a-z']{1,12}){0,4}?"
    r"|\b(?:wrong|incorrect|mistake|mistaken|error|trap|tempt\w*|foolish|premature|misleading"
    r"|easy)\b[^.,;\n]{0,24}?\bto|\b(?:not|never|avoid|rather\sthan|instead\sof|cannot)(?:\s\w{1,12})?"
    r"|n['’]t(?:\s\w{1,12})?)\s(?:answer|choos|pick|select|mark|circle|say|guess|opt|go)(?:e|s|es|ing)?\s(?:for\s"
    r"|with\s)?(?:option\s|choice\s|answer\s)?[(*\[]*\Z",
    re.I,
)
_DENIED_BEHIND = re.compile(  # "正解はBではない", "정답은 C가 아니다", "die Antwort A ist falsch"
    rf"{_CLOSE}{{0,3}}\s?(?:(?:番|だけ|のみ)?\s?(?:(?:では|じゃ|とは)(?:な[いくか]|ありませ|限ら|言え|いえ)|(?:は|が)(?:間違|誤|違|不正解|正しくな|不適)"
    r"|なわけ|はずがな)|번?\s?(?:은|는|이|가|만|도)?\s?(?:아니|아닌|아닐|아님|아닙|틀[렸린리]|오답|될\s수\s없|일\s수\s없|일\s리|라고\s할\s수\s없"
    r"|이?라고\s보기\s어렵)|(?:选项|選項|项|項)?(?:这个|的)?(?:说法|答案)?(?:是|就|显然|明显|并|都)?(?:不(?:对|對|正确|正確|成立|是|可能|行|符合|合适|妥)"
    r"|错(?:误|的|了)?|錯(?:誤|的)?|误)|['’]?\s?(?:d[eı]ğil|yanlış)|\s(?:नहीं|गलत|সঠিক\sনয়)|\s?(?:ไม่(?:ถูก|ใช่)|ผิด)"
    r"|\s(?:ist|wäre)\s(?:aber\s|also\s)?(?:falsch|nicht|unrichtig)|\s(?:no\ses|es\s(?:incorrect|fals|errón))"
    r"|\s(?:n['’]est\spas|est\s(?:faux|fausse|incorrect))|\s(?:non\sè|è\s(?:sbagliat|errat|fals))"
    r"|\s(?:não\sé|é\s(?:incorret|errad|fals))|\s(?:is\sniet|is\s(?:fout|onjuist))"
    r"|\s(?:неверн|неправильн|не\s(?:верн|подход|явля))|\s(?:nie\sjest|jest\s(?:błędn|niepoprawn))"
    r"|\s(?:là\ssai|sai\b|không\s(?:đúng|phải))|\s(?:salah|tidak\s(?:benar|tepat))"
    r"|\s(?:is|was|isn['’]t|can['’]t\sbe|cannot\sbe)\s(?:clearly\s|also\s|therefore\s)?(?:wrong|incorrect|false"
    r"|not\s(?:correct|right|true)|(?<=n['’]t\s)(?:correct|right|true)))",
    re.I,
)
# "有人会选B", "若答案是A"; "もし", "만약": in front of an answer, in its clause.
_OTHERS_ELSEWHERE = re.compile(
    r"(?:(?:有人|有的人|(?:很多|许多|許多|不少|大?多数|部分|一些|有些|有的)的?(?:人|同学|学生|考生|学员)|同学|学生|考生|人们|初学者|受験者"
    r"|多くの人)[^。,，、;；:：!！\n应應须須需要]{0,10}|[误錯错誤]|误(?:认为|以为)|(?:不(?:能|应该?|應該?|该|會|会|要|可以?|宜|得|建议|必|适合|考虑)?|别|切勿|请勿|勿"
    r"|没有?|避免)(?:再|去|直接|轻易|草率|盲目|仅|只|随便|会|被){0,2})\Z"
)
_SUPPOSED_ELSEWHERE = re.compile(
    r"(?:如果|若(?!干)|假如|假设|倘若|要是|即使|就算|もし|仮に|만약|만일|설령|\b(?:wenn|falls|angenommen|если|jeśli|gdyby|eğer|nếu|jika|kalau)\b"
    r"|(?<![^\n.,;:!?(*>\s])(?<![^\W\d_]\s)(?:si|se|als)\s|إذا|لو\s|अगर|यदि|หาก|ถ้า)[^。,，、;；.:：\n]{0,40}\Z",
    re.I,
)
_SUPPOSING_SIGNS = ("wenn", "falls", "angenommen", "gdyby", "jika", "kalau", "si ", "se ", "als ")  # in ASCII
_SUPPOSED_BEHIND = re.compile(
    rf"{_CLOSE}{{0,3}}\s?(?:番|번|选项|項)?\s?(?:(?:だった|だ|である|であ|と)?(?:なら|だとすると|とすると|とすれば|だとしたら|としたら|だったら|れば|であれば)"
    r"|(?:이|가|은)?\s?(?:라면|이라면|라고\s하면|이라고\s하면|일\s경우|인\s경우)|的话|的話|时[,，]|時[,，]|\s?(?:ise|olsaydı|olursa)\b)"
)
_IS_RIGHT = re.compile(
    r"(?:\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement)\s[(*$]*(?:\\[a-z]+\{)?(?P<a>[A-Z])\b[)*}$]*"
    rf"(?:[,:.]?\s[^.\n,]{{1,60}}?,?)?\s(?:{_IS}{_VERDICT}|{_FITS})"
    rf"|(?<![\w'’])(?P<b>[A-Z])\b[)*]*\s(?:{_IS}{_VERDICT}(?!\sif)|{_FITS})"
    rf"|(?<![\w'’])(?P<d>[A-Z])\)\**\s(?:[^\s.:;]|\.\d){{1,20}}(?:\s[^\s.:;]{{1,12}})?\s{_IS}{_VERDICT}(?!\sif)"
    r"|(?<![\w'’])[(*]*(?P<left>[A-Z])[)*]*\s(?:alone\s|only\s)?(?:remains|it\sis|it\smust\sbe"
    r"|(?:is|['’]s)\s(?:(?:all|what)\s(?:that['’]s|that\sis|is)\s)?left"
    r"|is\sthe\s(?:only|last)\s(?:\w+\s)?(?:left|remaining|standing|possible))(?=[.!,;*]|\s*$)"
    r"|\b[Mm]aking\s(?:[Oo]ption\s|[Cc]hoice\s)?[(*]*(?P<c>[A-Z])\b[)*]*[^.\n]{0,60}?\b(?:correct|right|best"
    r"|most|answer)\b)",
    re.M,
)
_SUBJECT = re.compile(  # "(B) is too soft", "(C) contradicts the passage"
    r"[).:*\]]*\s(?:(?:\w{2,12}ly|only|just|also|even|never|always)\s)?(?:(?:is|are|was|were|would|will|should"
    r"|must|can|cannot|could|has|have|had|does|did|do|may|might)\b"
    r"|(?:does|did|is|was|wo|ca|ca|ha|had|could|would|should|do|are|were)n['’]t\b"
    r"|(?:contradicts?|violates?|conflicts?|ignores?|misses|overstates?|exaggerates?|misreads?|misrepresents?"
    r"|fails?|falls|lacks?|goes\s(?:against|beyond|too)|confuses?|reverses?|breaks|states|says|mentions|describes"
    r"|refers|implies|assumes|depends|disagrees|remains\s(?:un\w+|open|possible|to\sbe|a\s)|seems|looks|appears"
    r"|sounds|makes\sno|leads\sto|comes\sfrom)\b|[a-z]{3,}s\s(?:the|an?|this|that|these|those|rules?\s\d|what|its"
    r"|it|no|both)\b)"
)
_CALLED_WRONG = re.compile(
    r"[\s*:—–(-]*(?:(?:incorrect|wrong|false|untrue|not\s(?:correct|right|true))\b(?!\s\w)|[✗✘❌×]"
    r"|(?:错误?|錯誤?|不正确|不正確|不对|間違い|誤り|틀림|틀립니다)[\s。.)]*\Z)",
    re.I,
)
_STRUCK = re.compile(  # "we discard option"
    r"\b(?:discard|reject|dismiss|avoid|contradict|cross(?:es|ed|ing)?\sout|strik(?:e|es|ing)\sout"
    r"|(?:leaves?|leaving)\sout)(?:s|ed|ing)?\s(?:the\s)?(?:options?|choices?|answers?)?[\s(*]*\Z",
    re.I,
)
_BEFORE_NEXT = r"(?:(?![\s(][A-Z][).:])[^.\n])"  # up to the next option's label
_JUDGED = re.compile(
    r"^[ \t*_>-]*+(?:[Oo]ption\s)?\(?(?P<letter>[A-Z])[).:]\**(?:\s?\**(?:[Cc]orrect|[Rr]ight)\b"
    rf"|\s{_BEFORE_NEXT}{{0,80}}?\bis\s(?:the\s)?(?:correct|right)\b"
    rf"|{_BEFORE_NEXT}{{0,80}}?[-–—:(]\s?\**(?:[Cc]orrect|[Rr]ight)\b|(?:(?![\s(][A-Z][).:])[^\n]){{0,80}}?[✅✓✔])",
    re.M,
)
# Each option judged in a row: "A) ✗ B) ✓", "A is false, B is true", "A错，B对".
_JUDGEMENTS = re.compile(
    rf"{_FREE}(?:(?:option|choice|statement|选项|選項)\s?)?\(?(?P<letter>[A-Z])[)\]]?[.:、：]?\**\s?(?:选项|選項|项"
    r"|項)?\s?(?:is\s|are\s|ist\s|est\s|es\s|è\s|é\s|は|가\s|이\s|는\s|은\s|[-–—=]\s?|是"
    r"|为)?\**(?:(?P<right>[✓✔✅☑]|正确|正確|对(?![于比应称])|對|正しい|正解|맞|옳|(?:correct|right|true|yes|richtig|wahr|vrai|juste"
    r"|correct[oa]|verdader[oa]|corrett[oa]|corret[oa]|верно|правильно)\b)"
    r"|(?P<wrong>[✗✘❌×]|错|錯|误|不正确|不正確|不对|誤|間違|틀|(?:incorrect|wrong|false|no|not\s(?:correct|right|true)|falsch"
    r"|faux|incorrect[oa]|fals[oa]|errad[oa]|sbagliat[oa]|неверно|неправильно)\b))",
    re.I,
)
_BETWEEN_JUDGEMENTS = re.compile(
    r"(?:误|誤|い|り|です|[은습]?니다|음|림|的)?[\W_]{0,6}(?:(?:and|but|while|und|et|y|e|и|而)\b)?[\W_]{0,3}"
)
_JUDGING = (  # a row judges at least one of the options wrong
    *"✗ ✘ ❌ × 错 錯 误 不正 不对 誤 間違 틀 неверно неправильно".split(),
    *(
        "incorrect",
        "wrong",
        "fals",
        " no,",
        " no.",
        " no;",
        "not correct",
        "not right",
        "not true",
        "faux",
        "errad",
        "sbagliat",
    ),
)
_POINTS = re.compile(
    r"\b(?:[Pp]ick|[Gg]uess|[Ss]election)\s(?:is|would\sbe)\s(?=\S)"
    r"|\b(?:I|[Ww]e)\s?(?:'d|’d|'ll|’ll|will|would|should|must)?\s(?:choose|pick|select|go\swith|say|opt\sfor"
    r"|answer)\s(?=\S)|\b(?:leaves|leaving|left)(?:\s(?:us|me|you|only|just))*\s(?:with\s)?(?:only\s"
    r"|just\s)?(?=\S)|\b(?:corresponds|correspond|closest|equivalent)\sto\s(?:answer\s)?(?=\S)"
    r"|\bmatch(?:es|ing)?\s(?:with\s)?(?=\S)|\b(?:must|has\sto)\sbe\s(?=\S)"
    r"|\banswer\s(?=\(?[A-Z]\)?[\s.*]*(?:$|\n))|\b(?:correct|right|likely|plausible|suitable|accurate|appropriate"
    r"|best|closest|nearest)\s[^.:\n]{1,80}?\s(?:is|are):?\s*+(?=\*{0,2}\([A-Z]\)|\*\*[A-Z][).:*]"
    r"|[A-Z](?:[.:)]\s|[.)]*$)|\**[Oo]ption\s[A-Z]\b)|\b(?:is|be|are)\s(?=\*\*\(?[A-Z][).:]\s)"
    r"|\b[Oo]nly\s(?:option|choice|answer)\s(?=[(*]*[A-Z][)*]*\s(?:holds|works|fits|remains|is|can|matches"
    r"|satisfies)\b)|\b[Oo]nly\s(?=[(*]*[A-Z][)*]*\s(?:holds|works|fits|remains|matches|satisfies"
    r"|is\s(?:possible|left|correct|right|true|valid))\b)",
    re.M,
)
_POINTERS = (
    "choose|pick|select|guess|go with| say |opt for|answer|leav|left|correspond|closest|equivalent|match|this is|must be|has to be"
    "|correct|right|likely|plausible|suitable|accurate|appropriate|best|nearest|only |is **|be **|are **"
).split("|")

_GIVEN = re.compile(
    r"\b(?i:(?:final|submit|select|give|set|return|choose|pick|my|provide|report)_?(?:final_?)?(?:answer|option"
    r"|choice|letter)|submit|choose|select|print|answer|finish|final)(?:\(\s?"
    r"(?:\w{1,20}\s?[=:]\s?)?(?:[\"'](?P<a>[A-Z])[\"']|(?P<b>[A-Z]))\s?\)|\[\s?[\"']?(?P<c>[A-Z])[\"']?\s?\])"
    r"|\b(?i:(?:final|correct|my|selected)?_?(?:answer|choice|option|letter|ans|result))\s?(?::\s?str\s?)?(?:="
    r"|:=)\s?[\"'](?P<d>[A-Z])[\"']|\breturn\s[\"'](?P<e>[A-Z])[\"'](?=\s{0,3};?[ \t\r]{0,3}(?:$|\n|\}|`))"
    r"|\\(?:math(?:bf|rm|sf)|text(?:bf|it)?)\s?\{\s?(?i:(?:final\s|correct\s)?answer)\s?:?\s?\}\s?:?(?:\s|\\[;:,!]"
    r"|\\q?quad){0,6}\\(?:math(?:bf|rm|sf)|text(?:bf|it)?|boxed)\s?\{\s?\(?(?P<f>[A-Z])\)?\.?\s?\}"
)
_GIVING = (
    *(
        '("',
        "('",
        '["',
        "['",
        " answer[",
        "r_answer",
        "t_answer",
        "l_answer",
        "finish[",
        "submit[",
        'return "',
        "return '",
        "answer\\",
        "answer:",
        "answer }",
        "answer} ",
    ),
    *(
        '= "',
        "= '",
        '="',
        "='",
        "answer(",
        "option(",
        "choice(",
        "letter(",
        "submit(",
        "choose(",
        "select(",
        "finish(",
        "final(",
    ),
)
_LABEL = re.compile(
    r"^[ \t*_>#-]*+(?:(?:the|my|your)\s)?(?:(?:correct|right|best|final|chosen|selected|closest|my)\s)(?:option"
    r"|choice|letter|selection|pick|statement|alternative)[*_]*\s?(?:is)?[:：][*_]*\s*+(?=\S)",
    re.I | re.M,
)
_LABELS = ("option", "choice", "letter", "selection", "pick", "statement", "alternative")

# "The true claim is C", "the right order is shown in option C".
_KINDS = "claim statement assertion proposition sentence one inference conclusion description reading".split()
_TRUE_ONE = re.compile(
    rf"\b(?:true|valid|false|incorrect|invalid|wrong)\s(?:{'|'.join(_KINDS)})\s(?:is"
    r"|must\sbe):?\s*+(?=(?:[Oo]ption\s|[Cc]hoice\s)?\*{0,2}(?:\([A-Z]\)|[A-Z](?:[.:)]\s|[.)*]*$)))"
    r"|\b(?:correct|right|true|best|valid|answer)\s[^.:\n]{0,60}?\b(?:shown|given|listed|stated|described|found"
    r"|represented|expressed|written|seen)\s(?:in|by|as|under|at)\s(?=(?:[Oo]ption|[Cc]hoice"
    r"|[Aa]nswer)\s[(*]*[A-Z]\b[)*]*\s*(?:[.;!,]|$))",
    re.M,
)
_TRUE_ONES = (
    *("true ", "false ", "valid ", "wrong ", "incorrect "),
    *(f" {word} {noun} " for word in ("in", "by", "as") for noun in ("option", "choice", "answer")),
)
# What a last sentence may come to: "..., which is choice D", "I'm not sure, but B", "I think it's C", "Not A, not C: B".
_ENDS_IN_LETTER = re.compile(r"[\s(*][A-Z][)*]*\W{0,3}\Z")
_COMES_TO = re.compile(
    r"[^\n]*\b(?<!clear\s)(?<!know\s)(?<!tell\s)(?<!see\s)(?<!sure\s)(?<!ask\s)(?<!asks\s)(?:which|that|this"
    r"|it)(?:\sis|['’]s|\sgives|\smeans|\smakes\sit)\s(?:answer\s|option\s"
    r"|choice\s){1,2}[(*]*(?P<a>(?-i:[A-Z]))[)*]*\W{0,3}|[^\n]*\b(?:not\s(?:\w+\s|100\s?%\s)?(?:sure|certain)"
    r"|unsure|no\sidea|don['’]t\s(?:really\s)?know)\b[^.\n]{0,30}?\b(?:but"
    r"|so)\s(?:(?:I|my|we)\s\w{1,12}\s){0,2}(?:it['’]s\s|it\sis\s)?(?:option\s"
    r"|choice\s)?[(*]*(?P<b>(?-i:[A-Z]))[)*]*\W{0,3}|\W{0,3}(?:(?:so|but|well|overall|hmm),?\s)?(?:I|we)\s(?:think"
    r"|believe|guess|suspect|reckon)\s(?:that\s)?(?:it['’]s\s|it\sis\s)?(?:option\s"
    r"|choice\s)?[(*]*(?P<c>(?-i:[A-Z]))[)*]*\W{0,3}|\W{0,3}(?:(?:so|it['’]s|it\sis),?\s)?(?:n(?:ot"
    r"|or)\s[(*]*(?-i:[A-Z])[)*]*[,;]?\s(?:and\s|or\s)?){0,9}n(?:ot|or)\s[(*]*(?-i:[A-Z])[)*]*\s?(?:[:;—–-]"
    r"|[.,]\s(?:so|hence|thus|therefore|it['’]s|it\sis),?)\s?[(*]*(?P<d>(?-i:[A-Z]))[)*]*\W{0,3}",
    re.I,
)

# --- verdicts in other languages ------------------------------------------------------------------------------------


def _verdicts(*patterns: str) -> re.Pattern[str]:
    """One pattern of several, in each of which `X` stands for an option's letter and what may stand around it."""
    letter = rf"{_FREE}{_OPEN}{{0,3}}(?P<letter%d>[A-Z]){_ALONE}{_CLOSE}{{0,3}}"
    return re.compile("|".join(one.replace("X", letter % i) for i, one in enumerate(patterns)), re.M)


# "B is right", by language.
_RIGHT_ELSEWHERE = _verdicts(
    # Chinese, Japanese, Korean
    r"X[.、]?\s?(?:选项|選項|项|項|选择)?(?:的)?(?:说法|說法|表述|叙述|描述)?\s?(?:才|就|都)?(?:是|为|為)?(?:唯一|最)?"
    r"(?:正确|正確|对的|對的|准确|恰当|合适|符合题意|符合要求|正解|答案)(?!性|与否|吗|嗎|[?？])",
    r"X\s?(?:が|は|こそ|の方が)\s?(?:最も|一番)?\s?(?:正しい|正解|正答|適切|妥当|答え)(?!とは|では|じゃ|か)",
    r"X\s?を(?:選び(?!がち|やす|た[いく]な|ませ)|選択し(?!な|ませ|がち|やす|た人)|正解)",
    r"X\s?번?\s?(?:이|가|은|는)\s?(?:가장\s)?(?:정답|답(?=[이입])|맞[습는다]|옳[은습다]|올바[르른]|적절[한하])(?![^.\n]{0,6}(?:않|아니|아닙|없))",
    r"X\s?번?\s?(?:을|를)\s?(?:선택|고르|고릅|정답으로|답으로)(?![^.\n]{0,3}\s?(?:사람|학생|수험생|경우|기\s?쉽|면\s?안|지\s?[않마말]))",
    r"(?<![、和与及.])X(?:选项|項|项)?(?:是)?对(?=[，,。；;.!！\s]|\Z)",
    # words apart
    r"(?i:opci[óo]n|alternativa|respuesta|letra)\sX\s(?:es|sería)\s(?:la\s)?(?:m[áa]s\s)?(?:correcta|adecuada"
    r"|respuesta|verdadera)",
    r"(?i:op[çc][ãa]o|alternativa|resposta|letra)\sX\s(?:é|está|seria)\s(?:a\s)?(?:mais\s)?(?:corret|cert|resposta"
    r"|adequad)",
    r"(?i:option|réponse|proposition|choix)\sX\sest\s(?:donc\s)?(?:la\s|le\s)?(?:bonne|correct|exact|juste|réponse)",
    r"(?i:opzione|risposta|alternativa)\sX\sè\s(?:quindi\s)?(?:quella\s|la\s)?(?:corrett|giust|esatt|risposta)",
    r"(?i:option|antwort|aussage|möglichkeit)\sX\sist\s(?:also\s|daher\s|somit\s)?(?:die\s)?(?:richtig|korrekt"
    r"|zutreffend)",
    r"(?i:optie|antwoord|keuze)\sX\sis\s(?:dus\s)?(?:het\s)?(?:juist|correct|goed)",
    r"(?i:вариант|ответ|пункт)\sX\s(?:[—–-]\s|является\s)?(?:верн|верен|правильн)",
    r"(?i:opcja|odpowied[źz]i?ą?)\sX\sjest\s(?:poprawn|prawidłow|właściw)",
    r"X['’]?(?:\s(?:şıkkı|seçeneği|seçenek))\s(?:doğru)",
    r"(?i:phương\sán|đáp\sán|lựa\schọn|câu)\sX\s(?:là\s)?(?:đáp\sán\s)?(?:đúng|chính\sxác|phù\shợp)",
    r"(?:ข้อ|ตัวเลือก)\s?X\s?(?:จึง)?(?:เป็นคำตอบที่ถูก|เป็นข้อที่ถูก|ถูก|เป็นคำตอบ|คือคำตอบ)",
    r"(?:الخيار|الإجابة|الاختيار)\sX\s(?:هو\s|هي\s)?(?:الخيار\s|الإجابة\s)?(?:الصحيح|صحيح|الأصح|الإجابة)",
    r"विकल्प\sX\s(?:ही\s)?(?:सही|सबसे\sसही)",
    r"(?i:pilihan|opsi|jawaban)\sX\s(?:adalah\s)?(?:jawaban\s)?(?:yang\s)?(?:benar|tepat)",
)
_RIGHT_SIGNS = (
    *"正确 正確 对 對的 准确 恰当 合适 符合 正解 答案 正しい 正答 適切 妥当 答え を選 정답 답 맞 옳 올바 적절 선택 고르 고릅".split(),
    *"opción opcion alternativa letra opzione opção risposta aussage optie antwoord odpowied opcja pilihan opsi jawaban".split(),
    *(" est ", " ist "),
    *"вариант ответ пункт şıkkı seçene đáp lựa phương câu".split(),
    *"ถูก คำตอบ الصحيح صحيح الأصح الإجابة सही benar tepat".split(),
)
# "I choose B", "hence B", by language.
_POINTS_ELSEWHERE = re.compile(
    r"(?<![不若排挑可待如果别勿误错誤錯])(?:选|選)(?:择|擇|了)?(?:的(?:应该)?是)?(?!项|項|择|擇)(?:答案|选项)?\s?[:：]?\s?(?=\S)"
    r"|(?:我|笔者)?(?:认为|觉得|認為|猜|估计|推测)?(?:答案)?(?:应该?|應該?|应当|可能|大概)?(?<=[为得猜计测该应當当能概為])是\s?(?=(?:选项"
    r"|選項)?[(「『【]?[A-Z][)」』】]?(?:选项|項|项)?\s?(?:[。.,，;；!！]|$))|(?:选项|選項|选择|选择题答案)(?:应该?|只能|就|便)?(?:是|为"
    r"|為)\s?[:：]?\s?(?=\S)|(?:正确|正確|错误|錯誤|不正确|不正確|符合[^\n。,]{0,8})的(?:一项|一項|选项|说法)?(?:应该?|只能|就|便)?(?:是|为"
    r"|為)\s?[:：]?\s?(?=\S)|(?:只有|唯有|唯一)\s?(?:选项|選項)?\s?(?=[(「『【]?[A-Z][)」』】]?(?:选项|項|项)?(?:是|符合|正确|对|满足|成立))"
    r"|(?i:\b(?:elijo|escojo|selecciono|elegir[ií]a|je\s(?:choisis|sélectionne)|ich\swähle|escolho|marco|scelgo"
    r"|выбираю|выбираем|wybieram|ik\skies|kies\sik|saya\smemilih)\s)(?=\S)|(?:[Cc]họn)\s(?=\S)"
    r"|(?:เลือก|ตอบ)\s?(?=\S)|أختار\s(?=\S)",
    re.M,
)
_POINTERS_ELSEWHERE = (
    "elijo escojo selecciono eleg choisis sélectionne wähle escolho marco scelgo выбира wybieram kies memilih chọn เลือก ตอบ أختار"
    " 认为 觉得 認為 猜 估计 推测 应 應 可能 大概 选 選 正确的 正確的 错误的 錯誤的 符合 只有 唯有 唯一"
).split()
# Each option judged in a row, or as a list: "A错误,B正确,C错误".
_CONCLUDES = re.compile(
    r"(?:因此|所以|综上|故|于是|可见|答案|只有|最终|したがって|よって|ゆえに|따라서|그러므로|결국|결론|최종|정답"
    r"|(?i:\b(?:por\s(?:lo\s)?tanto|portanto|assim|así|luego|donc|ainsi|also|daher|somit|folglich|quindi|dunque"
    r"|pertanto|dus|daarom|поэтому|следовательно|итак|więc|zatem|dlatego|bu\snedenle|sonuç|dolayısıyla|vậy|do\sđó"
    r"|jadi|oleh\skarena)\b)|ดังนั้น|لذلك|إذن|अतः|इसलिए)"
)

_ONLY = re.compile(
    r"(?:<[|/]?\w{1,20}[|]?>\s*)*[\s*_`$<\"(\[{「【]*+[A-Za-z](?:(?P<bare>(?:입니다|이다|です"
    rf"|だ)?(?:[\s*_`$>\").:\]}}」】。]|<[|/]?\w{{1,20}}[|]?>)*+\Z)|(?:[).:,]\**+(?:\s|(?=[{CJK}(]))"
    r"|\s(?=\(|解析|说明|理由|因为|原因|根据))(?P<rest>.*))"
)
_WITH_LETTER = re.compile(r"(?P<own>[^\n]{1,300}?)\s\((?:[Oo]ption\s)?(?P<letter>[A-Z])\)[\s.*]*")
_SECOND = re.compile(
    r"[\s)\]*_`\"'}$」』】]*+(?:\([^()\n]{1,60}\)\s?)?(?:\\(?:text|textbf"
    r"|mathrm)\s?\{\s?)?\(?(?:,?\s?but(?=\s(?:maybe|perhaps|possibly|also|probably)\b)|,|;|&|/|、|،|和|或者?|及|与|與|以及"
    r"|または|もしくは|か|と|또는|혹은|와|과|및|และ|หรือ|أو|و|या|और|(?:and/or|and|or|und|oder|et|ou|y|o|e|en|of|и|или|oraz|lub|i"
    r"|ve|veya|và|hoặc|atau|dan)\b)[\s(\[*_`\"'{}$「『【]*+(?:\\(?:text|textbf|mathrm|mathbf)\s?\{\s?)?(?:(?:and|or"
    r"|option|choice|maybe|perhaps|possibly|probably|likely|also|even|else|vielleicht|quizás|tal\svez|peut-être"
    r"|talvez|forse|может\sбыть|возможно|아마)(?![^\W\d_])[\s(\[*_`,]*+){0,3}(?:也?(?:有?可能|许|許)(?:是|选)?\s?)?(?:选项"
    r"|選項)?"
)
# "A B", "(A) (C)", "A  B  D": all that a line holds.
_SIDE_BY_SIDE = re.compile(
    r"(?:(?<!\(.)(?<!\[.)[*_`]*(?:(?:[ \t]+(?:[-–—]\s)?|\\[ ,;:!]\s?)[*_`]*(?P<a>[A-J])[*_`]*){1,9}"
    r"|[)\]][*_`]*(?:[ \t]*[*_`]*[(\[](?P<b>[A-J])[)\]][*_`]*){1,9})[.。$}\s]*(?:\Z|\n|<)"
)
# A second option with its own text: "A) red and B) blue".
_SECOND_NAMED = re.compile(
    r"[)\]*.:]*\s(?P<own>[^.;:\n()]{1,80}?)(?:,?\s(?:and|or|&)\s|[,;]\s)(?:also\s"
    r"|(?:option|choice)\s)?\**(?:\((?P<a>[A-Z])\)|(?P<b>[A-Z])[):.])\**\s"
)
_SEVERAL = re.compile(r"[\s*_`$(\[{]*([A-J]{2,})[\s*_`$)\]}.。]*(?:<|\Z)")
_NAMED = re.compile(rf"{_FREE}(?<![.°])(?P<letter>[A-Z])(?![{LETTER}0-9_'’°]|[-–][{LETTER}0-9_])")
UNFINISHED_CHARS = 400  # of a text whose last line, longer than LINE_CHARS, may break off in a sentence
LINE_CHARS = 80
HEAD_CHARS = 200  # in which the letter of a phrase must come
MAX_FORMULA_CHARS = 60  # of one at a text's end that holds nothing but a letter
LAST_CHARS = 600  # at a text's end, among which its last sentence is looked for
_AS_A_WORD = re.compile(
    r"\s+(?!(?:is|because|since|as|seems|for|with|and|or|fits|works|holds|remains|matches|satisfies|follows)\b)[a-z]"
)
_LISTED = re.compile(rf"^[ \t*_>-]*+(?:\(?[A-Z][).:、]\**(?:\s|(?=[{CJK}]))|Option\s[A-Z]\b)", re.M)
_LISTED_LOW = re.compile(r"^[ \t*_>-]*+\(?[b-z]\)\s", re.M)
_NEXT_ITEMS = tuple(re.compile(rf"[;,.。\s]\s?\(?{letter}[.:、)]") for letter in "BC")
_ITEM_CHARS = 400
_MARK = re.compile(r"[)\]]?[.:、)]")
# "The product is:", with the option on a line of its own below.
_HEADS_OPTION = re.compile(r"\b(?:is|are|be|option|with)\s?:[*_]*[ \t\r]*\n\s*(?=[*_>]*\(?[A-Z][).:])")
_COLONS = tuple(
    f":{stars}{spaces}{end}" for stars in ("", "**") for spaces in ("", " ", "  ") for end in ("\n", "\r\n")
)
_UNFINISHED = re.compile(rf"[{LETTER}0-9,;\-–(\\+=/]\s*\Z")
_ITEM_LINE = re.compile(r"^[ \t*_>]*+\(?(?P<letter>[A-J])[).:]", re.M)
_EXPLAINS = re.compile(r"\W*(?:explanation|rationale|reason(?:ing)?|justification|because)\b", re.I)
_ITEM = re.compile(rf"(?:(?<![\w(])[A-Z]\)\s|(?<![{LETTER}0-9])[A-Z]:(?=[{CJK}]))")
_PREDICATE = re.compile(r"\b(?:is|are|was|were|can|could|do|does|don['’]t|must|fail)\b", re.I)
_JOINS_BOXES = re.compile(r"\}[\s$\\)\]]{0,6}(?:,|and|or|&|und|、|和)[\s$\\(\[]{0,6}\\?(?:boxed|fbox)\s?\{")
_FORMULA = re.compile(  # all of a text, or its last line or lines: \\[ \\textbf{C} \\]
    r"(?:\\\[|\\\(|\$\$?)\s{0,3}(?:\\(?:text(?:bf|it)?|math(?:bf|rm|sf)|bf|rm)\s?\{\s?"
    r"|[({]){1,3}(?P<letter>[A-Z])[)}.\s]{0,6}(?:\\\]|\\\)|\$\$?)[\s.]{0,4}\Z"
)
_HEADING = re.compile(r"[\s*_`]*\(?[A-Z]\)?[\s*_`.]*\Z")

# A last line that names one letter and says little more: "B", "So, B.", "It's (B)", "..., which is option B."
_LAST = re.compile(
    r"(?:\W{0,5}(?:(?:so|thus|hence|therefore|it['’]?s|it\sis|that['’]?s|this\sis|most\slikely|answer|hint"
    r"|clearly|probably|definitely|obviously|certainly|perhaps|likely|因此|所以|故|是|为)(?:\b"
    r"|(?<=[因此所以故是为]))\W{0,3}){0,3}(?:option|choice|letter)?|[^\n]{0,200}\b(?:it['’]s"
    r"|(?<!answer\s)(?<!option\s)(?<!choice\s)(?:is|are))\s(?:option\s)?"
    r"|[^\n]{0,60}\b(?:es|c['’]est|est|è|é|ist|het\sis|это|jest|là"
    r"|adalah)\s(?:(?:la|le|il|die|der|a|o)\s)?(?:(?:réponse|respuesta|antwort|risposta|resposta|ответ)\s)?"
    r"|[^\n.:]{1,40}:|[^\n]*(?:因此|所以|故|综上)[^\n]{0,60}?(?:是|为|為|选|選)"
    r"|.*\b(?:option|choice|opci[óo]n|opzione|op[çc][ãa]o|optie|lettre|letra|вариант"
    rf"|(?:therefore|thus|hence|so),?))\W{{0,4}}(?<![{LETTER}])(?P<letter>[A-Z])[\W]{{0,4}}(?:です|だ|이다"
    r"|입니다)?\W{0,2}",
    re.I,
)

_HENCE = re.compile(r"(?:[^\n]*[\s,.;])?(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s[(*]*(?P<letter>[A-Z])[)*]*\W{0,3}")

# --- what takes an answer back --------------------------------------------------------------------------------------

_TAKES_BACK = re.compile(
    r"(?<!(?-i:[a-z])\s)\b(?:wait|hold\son|oops|sorry|hmm)\b(?=\W*$|[,.!:;…—–-]"
    r"|\s(?:no|I|that|but|let|maybe|actually|the|this)\b)|\b(?:on\ssecond\sthought|scratch\sthat"
    r"|(?:I|we)\s(?:have\s)?made\s(?:a|an)\s(?:\w+\s)?(?:mistake|error)"
    r"|let\s(?:me|us|['’]s)\s(?:correct|redo|recalculate|recompute|reconsider|re-?check|re-?evaluate|re-?examine"
    r"|double[\s-]check)|(?:no|actually|oh),\s(?:that|this)(?:\s(?:is|was)|['’]s|\s(?:isn|wasn)['’]t)\s(?:wrong"
    r"|incorrect|a\smistake|(?:not\s)?(?:right|correct))\b|correction\s?:|actually,\sno\b)"
    r"|\b(?:no|actually|rather|correction|on\sreflection),?\s(?:I\s(?:think|believe|mean)\s)?(?:(?:it|that|this"
    r"|the\s(?:(?:correct|right|final)\s)?(?:answer|option|choice))(?:['’]s\s"
    r"|\s(?:is|was|should\sbe|must\sbe|would\sbe|has\sto\sbe)\s))?(?:rather\s"
    r"|really\s)?(?=(?:option\s|choice\s)?[(*]*(?-i:[A-Z])[)*]*[.!]?\s*(?:$|\n))"
    r"|(?:^|[.!?。;,—–-]\s?|\n)(?:(?:no|non|nein|nee|нет|nie|não|perdón|pardon|moment|espera|attends"
    r"|doch)[,.]\s(?:es|c['’]est|ist|es\sist|é|è|это|to|het\sis)\s|(?:いや|いえ|違う|違います|아니[요,]?|不,|不是,))"
    r"|(?:^|[,.。!?;\n]\s?)(?:等等|等一下|不对|更正|待って|잠깐|아니[,요])|我(?:算|弄|看|选)错了",
    re.I,
)
_FALSE = re.compile(
    r"\b(?:wrong|incorrect|mistake|error|not\s(?:right|correct)|scratch\sthat|correction)\b|不对|更正|错|違|아니", re.I
)
_INSTEAD = re.compile(
    r"\b(?:actually|rather|i\smean|i\smeant|make\sthat|correction:?|no|wait|should\sbe|it['’]?s|it\sis"
    r"|that['’]?s)[,:]?\s(?:it['’]?s\s|it\s(?:is|should\sbe)\s|the\sanswer\sis\s)?(?=(?:option\s"
    r"|choice\s)?[(*]*(?-i:[A-Z])[)*]*[.,!]?\s*(?:$|\n|[A-Z]))|(?:(?<!不)(?:应该?|應該?|应当|而)?(?:是|为|為|选|選)|いや、?"
    r"|違います?[。、]?\s?|(?:아니[요,]?|잠깐)[,.]?\s?|\b(?:es|c['’]est|ist|é|è|это"
    r"|het\sis)\s(?:(?:la|le|il|die|a|o)\s)?)\s?(?=(?:选项)?[(「『【*]*(?-i:[A-Z])[)」』】*]*(?:项|입니다|이다|です"
    r"|だ)?[.,!。！]?\s*(?:$|\n))",
    re.I | re.M,
)
# "None of the options is correct", as a text's last word.
_NONE = re.compile(
    r"\bnone\sof\s(?:(?:options?|choices|answers|statements)\s)?[(*]*(?-i:[A-J])[)*]*(?:,\s"
    r"|(?:,?\s(?:and|or|nor|&)\s)|/)(?:[(*]*(?-i:[A-J])[)*]*(?:,\s|(?:,?\s(?:and|or|nor|&)\s)"
    r"|/)){0,8}[(*]*(?-i:[A-J])[)*]*\s(?:is|are|seems?|can\sbe|works?|fits?|match\w*|holds?)\b"
    r"|(?<!\bas\s)(?<!since\s)(?<!because\s)(?<!while\s)\bnone\sof\s(?:the|these|those"
    r"|them)\b(?!\s(?:others?|rest|remaining)\b)(?:\s(?:given|provided|above|listed|available|answer"
    r"|offered))*(?:\s(?:options?|choices|answers|ones|alternatives|values))?(?:\s(?:given|provided|above|listed"
    r"|available))?(?:\s\([^()\n]{1,40}\))?\s(?:(?:is|are|seems?|appears?|can\sbe|would\sbe)\s(?:\w+\s)?(?:correct"
    r"|right|valid|true|suitable|appropriate|the\s|an?\s)|(?:\w+\s)?(?:match|fit|work|hold|apply|agree|satisf"
    r"|correspond|describe|answer)\w*\b)|\bno(?:\s(?:given|listed|provided|answer|correct|right|matching"
    r"|valid))*\s(?:option|choice|answer)s?\s(?:is|are|matches|fits|among|in\sthe|provided|given|listed)\b"
    r"|\b(?:is|are)\s(?:not|n['’]t)\s(?:one\sof|among|in|on|listed\sin|listed\samong|available\sin|included\sin"
    r"|provided\sin)\s(?:the|these|those)\s(?:\w+\s)?(?:options|choices|list)\b"
    r"|\b(?:correct|right)\s(?:option|answer|choice)\sis\snot\s(?:given|provided|listed|included|available|among"
    r"|in|one)\b|(?:没有|无)(?:一个)?(?:正确|合适|符合[^\n。]{0,6})的?(?:答案|选项)|(?:所有|全部)的?选项都?(?:是|不)?(?:不正确|错误|不对|正确)(?<!都正确)"
    r"|以上(?:选项)?[都均](?:不|错)|\bning[uú]n[ao]\sde\s(?:las|los|estas|estos)\s[^.\n]{1,30}\s(?:es|son)\b"
    r"|\baucune?\s(?:des|de\sces)\s[^.\n]{1,30}\s(?:n['’]est|ne\s)"
    r"|\bkeine\s(?:der|dieser)\s[^.\n]{1,30}\s(?:ist|stimmt|passt|trifft)\b"
    r"|\bnessuna\s(?:delle|di\squeste)\s[^.\n]{1,30}\sè\s|\bnenhuma\s(?:das|dessas|destas)\s[^.\n]{1,30}\s(?:é"
    r"|está)\s",
    re.I,
)
# Words of `_NONE` without which it finds nothing in a text of ASCII.
_NONE_WORDS = ("none", "neither", "no ", "not ", "n't ", "ningun", "aucun", "keine", "nessuna", "nenhuma")
_NONE_GIVEN = re.compile(
    r"[\s*_`(\[:\"]*(?:none\b|neither\b|no\s(?:correct\s|valid\s|right\s)?(?:option|choice|answer)\b"
    r"|not\s(?:given|listed|provided|among|available|in\sthe\s(?:list|options|choices))"
    r"|(?:无|没有)(?:正确|答案|选项|合适|$)?)",
    re.I,
)
_RELATIVE = re.compile(
    r"[^.\n]{1,120}?\b(?:that|which|who)\s[^.\n]{0,160}?\b(?:not|n['’]t|never|cannot|false"
    r"|incorrect)\b[^.\n]{1,160}\s(?:is|are|was|would\sbe)(?=[\s:*]{1,4}(?:option\s)?\(?[A-Z]\b)"
)
_IF = re.compile(r"\W{0,3}(?:if|unless)\s", re.I)
_YET = re.compile(r"\b(?:but|however|though|although|closest|nearest|best|so)\b", re.I)


def _is_word(text: str, letter: str, start: int, end: int) -> bool:
    """Whether a letter is the article "A" or the pronoun "I" of what follows: "A plane", "I think", not "A is right"."""
    return letter in "AI" and _AS_A_WORD.match(text, start, end) is not None


def _letter_at(text: str, start: int, end: int, count: int) -> Extraction | None:
    """The letter that a phrase begins with; `UNDECIDED` where it goes on to a second one ("B or C")."""
    other_way = _NOT_BUT.match(text, start, end)
    start = other_way.end() if other_way else start
    match = _HEAD.match(text, start, min(end, start + HEAD_CHARS))
    letters = LETTERS[:count]
    if match is None:
        match = _LOWER_HEAD.match(text, start, end)
        group = "bracketed" if match and match["bracketed"] else "letter"
    else:
        group = "letter"
    several = _SEVERAL.match(text, start, end)
    if several and set(several[1]) <= set(letters) and list(several[1]) == sorted(set(several[1])):
        return UNDECIDED  # "ACD"
    if match is None or (letter := match[group].upper()) not in letters:
        return None
    if _is_word(text, match[group], match.end(group), end):
        return None
    second = _SECOND.match(text, match.end(), end)
    other = _NAMED.match(text, second.end(), end) if second else None
    beside = _SIDE_BY_SIDE.match(text, match.end(group), end)
    if beside and (beside["a"] or beside["b"]) in letters:
        return (
            UNDECIDED if (beside["a"] or beside["b"]) != letter else Extraction(answer=letter, span=match.span(group))
        )
    beyond = other and text[other.end() : other.end() + 1] in (")", "]", ".", "")  # "(B, F)" of four options
    known = LETTERS[: max(count, 10)] if beyond else letters
    if other and other["letter"] in known and not _is_word(text, other["letter"], other.end(), end):
        return UNDECIDED if other["letter"] != letter else Extraction(answer=letter, span=match.span(group))
    if letter == "A" and _lists_options(text, match.end("letter"), count):
        return None
    named = _SECOND_NAMED.match(text, match.end(), end)
    if named and (named["a"] or named["b"]) in letters.replace(letter, ""):
        return UNDECIDED
    return Extraction(answer=letter, span=match.span(group))


def _lists_options(text: str, start: int, count: int) -> bool:
    """Whether an A is the first of the options that a text repeats: "A: red; B: blue; C: green"."""
    if not _MARK.match(text, start):
        return False
    for item in _NEXT_ITEMS[: count - 1]:
        following = item.search(text, start, start + _ITEM_CHARS)
        if following is None or text.count("\n", start, following.end()) > 1:
            return False
        start = following.end()
    return True


def _option_in(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option that a phrase names: by its text, by its letter, or both."""
    alone = len(text[slice(*span)].strip(AROUND)) == 1 and _letter_at(text, *span, len(choices))
    if alone:  # nearly always: a text of one character is asked about only where no option has this letter
        return alone
    by_text = option_of(text, span, choices)
    if by_text and by_text.span and by_text.span[1] - by_text.span[0] > 1:
        return by_text
    return _letter_at(text, *span, len(choices)) or by_text or option_first(text, span, choices)


# --- the rules ----------------------------------------------------------------------------------------------------


def _named_letters(text: str, start: int, end: int, count: int) -> set[str]:
    """The options that a text names by a letter that stands alone."""
    named = (m for m in _NAMED.finditer(text, start, end) if m["letter"] in LETTERS[:count])
    return {m["letter"] for m in named if not _is_word(text, m["letter"], m.end(), end)}


def _named_low(text: str, match: re.Match[str], count: int) -> bool:
    """Whether a letter in lower case is an option's name: "option (d)", "(d)"."""
    before = text[match.start() : match.start("letter")].rstrip(" (*").lower()
    bracketed = text[match.start("letter") - 1 : match.start("letter")] == "("
    return match["letter"].upper() in LETTERS[:count] and (bracketed or before.endswith(("option", "choice")))


def _line_end(text: str, start: int) -> int:
    newline = text.find("\n", start, start + MAX_PHRASE_CHARS)
    return min(len(text), start + MAX_PHRASE_CHARS) if newline < 0 else newline


def _last_near(
    pattern: re.Pattern[str], text: str, start: int, anchors: Sequence[str], before: int, after: int
) -> list[re.Match[str]]:
    return near(pattern, text, start, anchors, before, after)[-MAX_STATEMENTS:]


Said = tuple[int, Extraction]  # a place, and the answer that a phrase gives there


def _said(text: str, start: int, choices: Sequence[str]) -> list[Said]:
    """What verdicts say in passing, the last first: "(C) is correct", "that leaves us with C"."""
    count = len(choices)
    found = [*_said_in_english(text, start, count), *_said_elsewhere(text, start, count), *_given(text, start, count)]
    return sorted(found, key=lambda one: one[0], reverse=True)


def _said_in_english(text: str, start: int, count: int) -> Iterator[Said]:
    for match in _last_near(_IS_RIGHT, text, start, _VERDICTS, before=120, after=20):
        group = str(match.lastgroup)
        supposed = _SUPPOSED.search(text, max(start, match.start() - 30), match.start(group)) or _NONE_OF.search(
            text, max(start, match.start(group) - 40), match.start(group)
        )
        if (
            match[group] in LETTERS[:count]
            and not supposed
            and (group == "left" or not _is_word(text, match[group], match.end(group), len(text)))
        ):
            also = _ALSO.search(text, match.end(group), match.end()) or _OR_THIS.search(
                text, max(start, match.start(group) - 24), match.start(group)
            )
            yield match.start(group), UNDECIDED if also else Extraction(answer=match[group], span=match.span(group))
    for match in _last_near(_POINTS, text, start, _POINTERS, before=20, after=110):
        if match[0].startswith("answer") and _NOT_MINE.search(text, max(start, match.start() - 48), match.end()):
            continue
        end = _line_end(text, match.end())
        found = _letter_at(text, match.end(), end, count)
        if found and match[0].lower().startswith("le"):  # "that leaves (A) the train and (D) the plane"
            left = {m[m.lastgroup or ""] for m in _MARKED.finditer(text, match.end(), end)}
            found = UNDECIDED if len(left & set(LETTERS[:count])) > 1 else found
        if found:
            yield match.end(), found
    for match in near(_TRUE_ONE, text, start, _TRUE_ONES, before=90, after=30)[-1:]:
        if found := _letter_at(text, match.end(), _line_end(text, match.end()), count):
            yield match.end(), found
    heads = near(_HEADS_OPTION, text, start, _COLONS, before=12, after=24)
    for match in heads[-1:]:
        found = _letter_at(text, match.end(), _line_end(text, match.end()), count)
        listed = found and any(m["letter"] != found.answer for m in _ITEM_LINE.finditer(text, match.end()))
        if found and not listed:
            yield match.end(), found
    for match in _last_near(_RATHER, text, start, _RATHERS, before=24, after=16):
        found = _letter_at(text, match.end(), _line_end(text, match.end()), count)
        if found:
            yield match.end(), found
    row = _judged_in_a_row(text, start, count)
    ruled_right = [one for one in row if one["right"]]
    if len(ruled_right) == 1 and len({one["letter"] for one in row}) == len(row) >= min(3, count):
        yield (
            ruled_right[0].start("letter"),
            Extraction(answer=ruled_right[0]["letter"], span=ruled_right[0].span("letter")),
        )
    judged = {m["letter"]: m for m in _JUDGED.finditer(text, start) if m["letter"] in LETTERS[:count]}
    if len(judged) == 1 and len(row) < 2:  # "C) This is correct, since ..." among others that aren't
        [(letter, match)] = judged.items()
        yield match.start("letter"), Extraction(answer=letter, span=match.span("letter"))


def _given(text: str, start: int, count: int) -> Iterator[Said]:
    """What calls, assignments, labels and formulas give: submit_answer("B"), answer = 'B', "Correct option: B"."""
    given = [
        m for m in near(_GIVEN, text, start, _GIVING, before=60, after=40) if m[str(m.lastgroup)] in LETTERS[:count]
    ]
    for match in given[-1:]:
        group = str(match.lastgroup)
        yield match.start(group), Extraction(answer=match[group], span=match.span(group))
    labels = [
        (m, found)
        for m in near(_LABEL, text, start, _LABELS, before=24, after=24)
        if (found := _letter_at(text, m.end(), _line_end(text, m.end()), count))
    ]
    if labels:
        yield labels[-1][0].end(), labels[-1][1]


def _judged_in_a_row(text: str, start: int, count: int) -> list[re.Match[str]]:
    """The last judgements of options that follow each other: "A) ✗ B) ✗ C) ✓ D) ✗"."""
    row: list[re.Match[str]] = []
    for match in _last_near(_JUDGEMENTS, text, start, _JUDGING, before=48, after=48):
        if match["letter"] not in LETTERS[:count]:
            continue
        follows = row and _BETWEEN_JUDGEMENTS.fullmatch(text, row[-1].end(), match.start())
        row = [*row, match] if follows else [match]
    return row


def _said_elsewhere(text: str, start: int, count: int) -> Iterator[Said]:
    """What verdicts in other languages say: in a conclusion, or of one option only."""
    right: list[tuple[re.Match[str], str]] = []
    for match in _last_near(_RIGHT_ELSEWHERE, text, start, _RIGHT_SIGNS, before=60, after=60):
        group = str(match.lastgroup)
        before = max(start, match.start() - 12)
        if match[group] in LETTERS[:count] and not (
            _IF_ELSEWHERE.search(text, before, match.start(group))
            or _OTHERS_ELSEWHERE.search(text, before, match.start(group))
        ):
            right.append((match, group))
    concluded = [
        (match, group)
        for match, group in right
        if _CONCLUDES.search(
            text, max(start, text.rfind("\n", start, match.start()) + 1, match.start() - 40), match.end()
        )
    ]
    decisive = concluded or right
    if decisive:
        match, group = decisive[-1]
        several = len({match[group] for match, group in decisive}) > 1 or _AFTER_ANOTHER.search(
            text, max(start, match.start() - 12), match.start(group)
        )
        yield match.start(group), UNDECIDED if several else Extraction(answer=match[group], span=match.span(group))
    for match in _last_near(_POINTS_ELSEWHERE, text, start, _POINTERS_ELSEWHERE, before=12, after=24):
        before = max(start, match.start() - 12)
        supposed = _IF_ELSEWHERE.search(text, before, match.start()) or _OTHERS_ELSEWHERE.search(
            text, before, match.start()
        )
        pointed = None if supposed else _letter_at(text, match.end(), _line_end(text, match.end()), count)
        if pointed and not (pointed.span and _denied_behind(text, pointed.span[1])):
            yield match.end(), pointed


_AFTER_ANOTHER = re.compile(
    r"[A-Z][)」』】]?\s?(?:[、,和与與及或とや와과]|\b(?:y|o|et|ou|und|oder|e|и|или|i|lub|en|of|ve|veya|và"
    r"|hoặc)\b)\s?[(「『【]?(?:选项)?\Z"
)
_IF_ELSEWHERE = re.compile(
    r"(?:如果|若|假如|假设|もし|만약|\b(?:si|wenn|falls|se|если|als|jeśli|eğer|nếu|jika)\b)", re.I
)


def _only_mentioned(text: str, start: int, end: int) -> bool:
    """Whether what comes at the end is supposed, or said to be others' choice, by the words in front of it."""
    start = max(start, end - 60)
    before = text[start:end].lower()
    ascii_only = before.isascii()
    if ascii_only and not any(sign in before for sign in _SUPPOSING_SIGNS):
        return False  # quickly: nearly always
    return bool(
        _SUPPOSED_ELSEWHERE.search(text, start, end) or (not ascii_only and _OTHERS_ELSEWHERE.search(text, start, end))
    )


def _denied_behind(text: str, end: int) -> bool:
    """Whether what stands behind an option denies or supposes it: "正解はBではない", "정답이 A라면"."""
    return bool(_DENIED_BEHIND.match(text, end) or _SUPPOSED_BEHIND.match(text, end))


def _of_statement(text: str, start: int, one: Statement, choices: Sequence[str]) -> Extraction | None:
    """The option that a statement gives; UNDECIDED for two, or for none of them; None where it states nothing."""
    span = one.boxes[-1] if one.boxes else one.span
    before = max(start, span[0] - 90)
    nested = one.place < span[0] and not one.boxes  # "Answer: C. Some say the answer is A."
    if (one.rule == "phrase" or nested) and (
        _OTHERS.search(text, before, span[0]) or _SUPPOSED.search(text, before, span[0])
    ):
        if one.rule == "phrase":
            return None
        span = (one.place, span[0])
    if one.rule == "phrase" and _only_mentioned(text, max(start, text.rfind("\n", 0, span[0]) + 1), span[0]):
        return None
    found = _option_in(text, span, choices)
    if found is None:
        if none := _NONE_GIVEN.match(text, *span):
            return _none_of_them(text, none.span(), choices)
        sentence = SENTENCE_END.search(text, *span)
        return (
            Extraction(answer=None, rule=DECLINED)
            if declines(text, span[0], sentence.start() if sentence else span[1])
            else None
        )
    if found.span and (_ASKS.match(text, found.span[1], span[1] + 3) or _denied_behind(text, found.span[1])):
        return None
    if len(one.boxes) > 1 and found.answer:
        others = {other.answer for box in one.boxes if (other := _option_in(text, box, choices))}
        return found if others == {found.answer} else UNDECIDED
    return found


def _stated(text: str, start: int, choices: Sequence[str]) -> Iterator[tuple[Statement, Extraction]]:
    """What a text states outright, the last first; without headings that name one option after the other."""
    found = statements(text, start, options=True)
    headed = [one for one in found if one.rule == "hashes"]
    several = (
        len(headed) > 1 and len({(_of_statement(text, start, one, choices) or UNDECIDED).answer for one in headed}) > 1
    )
    for one, earlier in zip_longest(found, found[1:]):
        if (
            one.rule == "hashes"
            and several
            and not (_HEADING.match(text, *one.span) and not text[one.span[1] :].strip())
        ):
            continue
        both_boxed = earlier is not None and earlier.rule == one.rule == "boxed"
        if both_boxed and _JOINS_BOXES.fullmatch(text, earlier.span[1], one.span[0]):
            letters = {said.answer for box in (earlier, one) if (said := _of_statement(text, start, box, choices))}
            if len(letters) > 1:
                yield one, UNDECIDED  # \boxed{A} and \boxed{B}
                continue
        if said := _of_statement(text, start, one, choices):
            yield one, said


def read_letter(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    text = in_plain_signs(text)
    doubted = vague and _breaks_off(text, start)
    for rule, found in _letters(text, start, vague, choices):
        if doubted and rule == "phrase" and found.span and DOUBTS.search(text, found.span[1]):
            yield rule, UNDECIDED  # as where the text was cut at its budget
        yield rule, found


def _breaks_off(text: str, start: int) -> bool:
    """Whether a long text ends in the middle of a sentence."""
    if len(text) - start < UNFINISHED_CHARS or WHOLE.search(text, max(start, len(text) - 40)):
        return False
    line = max(start, text.rfind("\n", start, len(text.rstrip())) + 1)
    return not _LISTED.match(text, line) and len(text[line:].split()) > MAX_WORDS_BELOW


def _letters(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    supposed: list[Reading] = []  # "the answer is (H) if the sign is plus"
    for one, found in _stated(text, start, choices):
        if found.span is None:
            yield one.rule, found
            continue
        if one.rule == "phrase" and _HANGS.match(text, found.span[1]):
            continue
        if one.rule == "phrase" and _CONDITION.match(text, found.span[1]):
            supposed.append((one.rule, found))
            continue
        if not supposed:
            yield from _taken_back(text, max(one.place, found.span[1]), vague, choices)
        yield one.rule, found
    if none := _last_none(text, start, choices):
        yield "phrase", none
    for _, found in _said(text, start, choices):
        yield "phrase", found
    yield from supposed
    yield from _only(text, start, choices)
    if vague:
        yield from _vague(text, start, choices)


def _taken_back(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    """What a text says instead of the answer that it stated before, from where it takes that back."""
    if not text[start:].strip(" .)*_`$\"'\n\r}"):
        return
    back = next(iter(list(_TAKES_BACK.finditer(text, start))[-1:]), None)
    if none := _last_none(text, start, choices):
        yield "phrase", none
    if back is None:
        return
    for _, found in _said(text, back.start(), choices):
        yield "phrase", found
    for match in reversed(list(_INSTEAD.finditer(text, back.start()))):
        instead = _letter_at(text, match.end(), _line_end(text, match.end()), len(choices))
        if instead:
            yield "phrase", instead
    if vague:
        yield from _vague(text, back.start(), choices)
    sentence = SENTENCE_END.search(text, back.start())
    if _FALSE.search(text, back.start(), sentence.start() if sentence else len(text)):
        yield "phrase", UNDECIDED


def _none_of_them(text: str, span: Span, choices: Sequence[str]) -> Extraction:
    """The option that says so, where a text says that none is right, or the one it leaves; else UNDECIDED."""
    named = _named_letters(text, *span, len(choices))
    left = [letter for letter in LETTERS[: len(choices)] if letter not in named]
    letter = left[0] if len(left) == 1 else option_for_none(choices)
    if letter is None or letter not in left:
        return UNDECIDED
    said = text[slice(*span)].strip(AROUND + "([:")
    begin = text.index(said, span[0])
    return Extraction(answer=letter, span=(begin, begin + len(said)))


def _last_none(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """UNDECIDED where the last sentence says that none of the options is right, and goes on to no other."""
    tail = text[max(start, len(text) - LAST_CHARS) :].lower()
    if tail.isascii() and not any(word in tail for word in _NONE_WORDS):
        return None  # most texts, and seen at once
    if _NONE.search(text, max(start, len(text) - LAST_CHARS)) is None:
        return None
    end = own_end(text, start)
    for left, right in islice(last_sentences(text[:end], start), 3):
        match = _NONE.search(text, left, right)
        if match is None or _YET.search(text, match.end(), right) or option_named(text, (left, right), choices):
            continue
        if _named_letters(text, match.end(), end, len(choices)):
            return None
        return _none_of_them(text, match.span(), choices)
    return None


def _only(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    body = text[start:].strip()
    lines = body.splitlines()
    if not lines:
        return
    offset = text.index(body, start)
    own = option_of(text, (offset, offset + len(lines[0])), choices)
    if own and len(lines) > 1 and _EXPLAINS.match("".join(lines[1:3])):
        yield "only", own
    both = _WITH_LETTER.fullmatch(text, offset, offset + len(lines[0]))
    if both and (own := option_of(text, both.span("own"), choices)) and own.answer == both["letter"]:
        yield "only", own
    formula = _FORMULA.match(text, offset)
    if formula and formula["letter"] in LETTERS[: len(choices)]:
        yield "only", Extraction(answer=formula["letter"], span=formula.span("letter"))
    first = _ONLY.fullmatch(text, offset, offset + len(lines[0]))
    found = _letter_at(text, *first.span(), len(choices)) if first else None
    if first and found is UNDECIDED and _PREDICATE.search(text, *first.span()):
        return  # "A, B and D can be ruled out. So C."
    if first and found and _stands_alone(text, first, found, lines, choices):
        yield "only", found


def _stands_alone(
    text: str, first: re.Match[str], found: Extraction, lines: Sequence[str], choices: Sequence[str]
) -> bool:
    """Whether a first line such as "C" or "C) Plane" is the answer, not the beginning of a list or of a discussion."""
    if first["bare"] is not None:
        return True
    own = option_of(text, first.span("rest"), choices)
    if not own and (_SUBJECT.match(text, found.span[1] if found.span else 0) or _CALLED_WRONG.match(first["rest"])):
        return False
    if own:
        listed = any((m := _ONLY.fullmatch(line)) and m["rest"] for line in lines[1:])
        return own.answer == found.answer and not listed
    low = text[first.start() : first.end()].strip(" (")[:1].islower()
    listed = any((_LISTED_LOW if low else _LISTED).match(line) for line in lines[1:])
    return not listed and not _MARKED.search(text, *first.span("rest")) and not _ITEM.search(text, *first.span("rest"))


def _vague(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    body = text[start : own_end(text, start)].rstrip() or text[start:].rstrip()
    count = len(choices)
    line = (max(start, text.rfind("\n", 0, start + len(body)) + 1), start + len(body))
    if not body or (not _HEADING.match(text, *line) and broken_off(text[: line[1]], start)):
        return
    formula = _FORMULA.search(text, max(start, len(text) - MAX_FORMULA_CHARS))
    if formula and formula["letter"] in LETTERS[:count]:
        yield "marked", Extraction(answer=formula["letter"], span=formula.span("letter"))
    sentence = next(last_sentences(text[: line[1]], line[0]), line)
    listed = (_LISTED.match(text, *line) and _LISTED.search(text, start, line[0])) or len(
        _ITEM.findall(text, *line)
    ) > 1
    if len(body) > UNFINISHED_CHARS and line[1] - line[0] > LINE_CHARS and _UNFINISHED.search(text, line[0], line[1]):
        return  # it breaks off
    for last in (line, sentence):
        if last[1] - last[0] > MAX_ANSWER_CHARS or listed or _only_supposed(text, last, choices):
            continue
        marked = [(m[str(m.lastgroup)], m.span(str(m.lastgroup))) for m in _MARKED.finditer(text, *last)]
        marked = [one for one in marked if one[0] in LETTERS[:count] and not _SUBJECT.match(text, one[1][1])]
        marked = [one for one in marked if not _STRUCK.search(text, last[0], one[1][0])]
        marked = [one for one in marked if not _NOT_MINE.search(text, last[0], one[1][0])]
        marked = [one for one in marked if not _SUPPOSED.search(text, last[0], one[1][0])]
        denied = DENIED.search(text, _main_start(text, last), last[1])
        if len({letter for letter, _ in marked}) == 1 and not denied:
            yield "marked", Extraction(answer=marked[-1][0], span=marked[-1][1])
        ending = None if denied else _LAST.fullmatch(text, *last)
        if (
            ending
            and (ending["letter"] in LETTERS[:count] or _named_low(text, ending, count))
            and len(_named_letters(text, *last, count)) <= 1
            and not _STRUCK.search(text, last[0], ending.start("letter"))
            and not _NOT_MINE.search(text, last[0], ending.start("letter"))
        ):
            yield "marked", Extraction(answer=ending["letter"].upper(), span=ending.span("letter"))
        hence = _HENCE.fullmatch(text, *last)
        if hence and hence["letter"] in LETTERS[:count]:  # "A, B and D can't be right. So C."
            yield "marked", Extraction(answer=hence["letter"], span=hence.span("letter"))
        comes_to = _ENDS_IN_LETTER.search(text, last[1] - 8, last[1]) and _COMES_TO.fullmatch(text, *last)
        if comes_to and comes_to[str(comes_to.lastgroup)] in LETTERS[:count]:
            group = str(comes_to.lastgroup)
            yield "marked", Extraction(answer=comes_to[group], span=comes_to.span(group))
        whole = not SENTENCE_END.search(text, *last)
        option = option_of(text, last, choices) or (option_named(text, last, choices) if whole else None)
        if option:
            yield "option", option
    yield from _own_line(text, start, choices)
    yield from _one_in_all(text, start, choices)
    opening = begins_with_option(text, start, choices)
    if opening:
        yield "option", opening
    if declines(text, *sentence):
        yield "", Extraction(answer=None, rule=DECLINED)


def _only_supposed(text: str, span: Span, choices: Sequence[str]) -> bool:
    """Whether a sentence supposes an option before it comes to its point: "If you choose (B), you lose the drawer"."""
    begin = main_clause(text, span)[0]
    supposed = _IF.match(text, span[0]) if begin > span[0] else None
    return supposed is not None and bool(
        _named_letters(text, span[0], begin, len(choices)) or option_named(text, (supposed.end(), begin), choices)
    )


def _one_in_all(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    """The option, in words, that one of a short text's sentences names where no sentence names another."""
    if len(text) - start > UNFINISHED_CHARS:
        return
    named = [
        one
        for span in last_sentences(text, start)
        if not _only_supposed(text, span, choices) and (one := option_named(text, span, choices))
    ]
    low = text[start:].casefold()
    if (
        named
        and named[0].span
        and text[named[0].span[1] :][:1] in (".", "!")
        and not any(
            choice.casefold().strip(AROUND) in low
            for letter, choice in zip(LETTERS, choices, strict=False)
            if letter != named[0].answer
        )
    ):
        yield "option", named[0]


def _main_start(text: str, span: Span) -> int:
    """Where a sentence comes to its verb: "the only pair that does not fit is (E)" denies nothing."""
    match = _RELATIVE.match(text, *span)
    return match.end() if match else span[0]


def _own_line(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    """A line, anywhere, that is an option's letter with its own text ("**C. Plane**"), if no other option has one."""
    lines = [(m.end(), _line_end(text, m.end()), m[0]) for m in _LISTED.finditer(text, start)]
    found = [(head, own) for left, right, head in lines if (own := option_of(text, (left, right), choices))]
    if found and len({own.answer for _, own in found}) == 1 and str(found[-1][1].answer) in found[-1][0]:
        yield "marked", found[-1][1]
