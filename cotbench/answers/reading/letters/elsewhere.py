"""Verdicts in passing, in other languages: "B正确", "la opción B es correcta", "正解はBを選ぶ"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotbench.answers.reading.letters.heads import CLOSE, FREE, OPEN, UNTOUCHED, Said, chosen, letter_behind
from cotbench.answers.reading.letters.mentions import OTHERS_ELSEWHERE, denied_behind
from cotbench.answers.reading.patterns import MAX_STATEMENTS, anchors, caseless, either, near
from cotbench.answers.reading.rules import OF_LETTERS, UNDECIDED, Rule

_RIGHT_SIGNS = anchors(
    "正确 正確 对 對的 准确 恰当 合适 符合 正解 答案 正しい 正答 適切 妥当 答え を選",
    "정답 답 맞 옳 올바 적절 선택 고르 고릅 ถูก คำตอบ الصحيح صحيح الأصح الإجابة सही benar tepat",
    "opción opcion alternativa letra opzione opção risposta aussage optie antwoord odpowied opcja pilihan opsi jawaban",
    "_est_ _ist_ вариант ответ пункт şıkkı seçene đáp lựa phương câu",
)
# "I choose B", "hence B", by language.
_POINTS_ELSEWHERE = either(
    r"(?<![不若排挑可待如果别勿误错誤錯])(?:选|選)(?:择|擇|了)?(?:的(?:应该)?是)?(?!项|項|择|擇)(?:答案|选项)?\s?[:：]?\s?(?=\S)",
    r"(?:我|笔者)?(?:认为|觉得|認為|猜|估计|推测)?(?:答案)?(?:应该?|應該?|应当|可能"
    r"|大概)?(?<=[为得猜计测该应當当能概為])是\s?(?=(?:选项|選項)?[(「『【]?[A-Z][)」』】]?(?:选项|項|项)?\s?(?:[。.,，;；!！]|$))",
    r"(?:选项|選項|选择|选择题答案)(?:应该?|只能|就|便)?(?:是|为|為)\s?[:：]?\s?(?=\S)",
    r"(?:正确|正確|错误|錯誤|不正确|不正確|符合[^\n。,]{0,8})的(?:一项|一項|选项|说法)?(?:应该?|只能|就|便)?(?:是|为|為)\s?[:：]?\s?(?=\S)",
    r"(?:只有|唯有|唯一)\s?(?:选项|選項)?\s?(?=[(「『【]?[A-Z][)」』】]?(?:选项|項|项)?(?:是|符合|正确|对|满足|成立))",
    r"(?i:\b(?:elijo|escojo|selecciono|elegir[ií]a|je\s(?:choisis|sélectionne)|ich\swähle|escolho|marco|scelgo"
    r"|выбираю|выбираем|wybieram|ik\skies|kies\sik|saya\smemilih)\s)(?=\S)",
    r"(?:[Cc]họn)\s(?=\S)|(?:เลือก|ตอบ)\s?(?=\S)|أختار\s(?=\S)",
    flags=re.M,
)
_POINTERS_ELSEWHERE = anchors(
    "elijo escojo selecciono eleg choisis sélectionne wähle escolho marco scelgo выбира wybieram kies memilih chọn",
    "เลือก ตอบ أختار 认为 觉得 認為 猜 估计 推测 应 應 可能 大概 选 選 正确的 正確的 错误的 錯誤的 符合 只有 唯有 唯一",
)
_CONCLUSION_ELSEWHERE = either(
    r"因此|所以|综上|故|于是|可见|答案|只有|最终|したがって|よって|ゆえに|따라서|그러므로|결국|결론|최종|정답",
    r"(?i:\b(?:por\s(?:lo\s)?tanto|portanto|assim|así|luego|donc|ainsi|also|daher|somit|folglich|quindi|dunque"
    r"|pertanto|dus|daarom|поэтому|следовательно|итак|więc|zatem|dlatego|bu\snedenle|sonuç|dolayısıyla|vậy|do\sđó"
    r"|jadi|oleh\skarena)\b)",
    r"ดังนั้น|لذلك|إذن|अतः|इसलिए",
)
_AFTER_ANOTHER = re.compile(
    r"[A-Z][)」』】]?\s?(?:[、,和与與及或とや와과]"
    r"|\b(?:y|o|et|ou|und|oder|e|и|или|i|lub|en|of|ve|veya|và|hoặc)\b)\s?[(「『【]?(?:选项)?\Z"
)
_IF_ELSEWHERE = caseless(r"(?:如果|若|假如|假设|もし|만약|\b(?:si|wenn|falls|se|если|als|jeśli|eğer|nếu|jika)\b)")


def _verdicts(*patterns: str) -> re.Pattern[str]:
    """Compile one pattern of several, in each of which `X` stands for an option's letter and what is around it."""
    letter = rf"{FREE}{OPEN}{{0,3}}(?P<letter%d>[A-Z]){UNTOUCHED}{CLOSE}{{0,3}}"
    return re.compile("|".join(one.replace("X", letter % i) for i, one in enumerate(patterns)), re.M)


# "B is right", by language.
_RIGHT_ELSEWHERE = _verdicts(
    # Chinese, Japanese, Korean
    r"X[.、]?\s?(?:选项|選項|项|項|选择)?(?:的)?(?:说法|說法|表述|叙述|描述)?\s?(?:才|就|都)?(?:是|为|為)?(?:唯一|最)?(?:正确|正確|对的|對的|准确|恰当|合适"
    r"|符合题意|符合要求|正解|答案)(?!性|与否|吗|嗎|[?？])",
    r"X\s?(?:が|は|こそ|の方が)\s?(?:最も|一番)?\s?(?:正しい|正解|正答|適切|妥当|答え)(?!とは|では|じゃ|か)",
    r"X\s?を(?:選び(?!がち|やす|た[いく]な|ませ)|選択し(?!な|ませ|がち|やす|た人)|正解)",
    r"X\s?を(?:選ぶ(?!べきで)|選択する)(?!人|学生|受験|者|の|と|こと|場合)",
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


def _right(text: str, start: int, count: int) -> Iterator[Said]:
    """The option that a conclusion calls right, or the only one that is called so."""
    right = [
        (match, found)
        for match in near(_RIGHT_ELSEWHERE, text, start, _RIGHT_SIGNS, before=60, after=60)[-MAX_STATEMENTS:]
        if (found := chosen(match, count)) and not _is_supposed(text, start, match, match.start(str(match.lastgroup)))
    ]
    concluded = []
    for match, found in right:
        begin = max(text.rfind("\n", start, match.start()) + 1, start, match.start() - 40)
        concluded += [(match, found)] if _CONCLUSION_ELSEWHERE.search(text, begin, match.end()) else []
    decisive = concluded or right
    for match, found in decisive[-1:]:
        begin = match.start(str(match.lastgroup))
        another = _AFTER_ANOTHER.search(text, max(start, match.start() - 12), begin)
        yield begin, UNDECIDED if another or len({found.answer for _, found in decisive}) > 1 else found


def _pointed(text: str, start: int, count: int) -> Iterator[Said]:
    for match in near(_POINTS_ELSEWHERE, text, start, _POINTERS_ELSEWHERE, before=12, after=24)[-MAX_STATEMENTS:]:
        supposed = _is_supposed(text, start, match, match.start())
        found = None if supposed else letter_behind(text, match, count)
        if found and not (found.span and denied_behind(text, found.span[1])):
            yield match.end(), found


def _is_supposed(text: str, start: int, match: re.Match[str], end: int) -> bool:
    """Tell whether what stands in front of a verdict supposes it, or says that it is others'."""
    before = max(start, match.start() - 12)
    return bool(_IF_ELSEWHERE.search(text, before, end) or OTHERS_ELSEWHERE.search(text, before, end))


ELSEWHERE = (  # rows of `VERDICTS`
    Rule("verdict in another language", "phrase", OF_LETTERS, _right),  # "C选项正确", "la opción D es la correcta"
    Rule("pointer in another language", "phrase", OF_LETTERS, _pointed),  # "所以选C", "elijo D"
)
