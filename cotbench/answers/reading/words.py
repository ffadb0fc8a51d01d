"""Reading which of a few words an output answers with: yes or no, or the words that a task's contract names.

Policies, beside those of `reading`:

* The word that a phrase begins with decides ("No, it is true that ..."); else what it says of something ("the sentence
  is not plausible"), where all that it says agrees; else what its main clause says ("Since one is true and one is
  false, the claim is false").
* A denial is the opposite, where a word has one: of yes and no, of two words such as valid and invalid. Of True, False
  and Uncertain none has: "not true" is no answer, while "not true but false" and "not necessarily true" are.
* "Not at all", "Of course", "It doesn't" are yes or no where they are all that is stated; a letter is the one word that
  begins with it.
* "Yes or no" is no answer, nor is "True, False, or Uncertain". "No, it is uncertain" is what it says of the
  thing, where no isn't a word of the task. What can't be told is the answer of a task that has a word for it
  (Uncertain, Unknown), and declined elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.endings import SENTENCE_END, last_sentences, own_end
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import CJK, WORD_LETTER, caseless
from cotbench.answers.reading.rules import OF_WORDS, REFUSAL, UNDECIDED, Extraction, Reading, Rule
from cotbench.answers.reading.stated import gives_none, held, stated
from cotbench.answers.reading.statements import Statement, statements
from cotbench.answers.reading.verdicts import (
    BEFORE_BE,
    GUESSES,
    LABEL,
    LEAD_CLAUSE,
    LETTER,
    MAY_BE,
    MAYBE,
    RATHER,
    SHORT,
    SIDE_CLAUSE,
    TURNS,
    TURNS_WITHIN,
)

YES, NO = "yes", "no"
# Words that mean the same where a task has one of them. A dot in front: of the head of a phrase only, since elsewhere
# it is an ordinary word.
_TRUE = (
    "true correct right accurate verdadero vrai wahr vero verdadeiro richtig правда верно истина 真 正确 正確 對 对 참"
)
_FALSE = (
    "false incorrect wrong inaccurate untrue falso faux falsch ложь неверно 假 错误 錯誤 错 不正确 不正確 不对 거짓"
)
_YES = ".yes .yep .yeah .yup .sí .oui .ja .да .sì .sim .tak .evet .是 .是的 .はい .예 .네 نعم हाँ .会 .能 .可以"
_NO = (
    ".no .nope .nah .non .nein .нет .não .nie .hayır .否 .不是 .不 .いいえ .아니요 .아니오 لا नहीं"
    " .不会 .不能 .不可以 .没有"
)
_DOUBT = (
    "uncertain unknown undetermined indeterminate undecided inconclusive undecidable unclear ambiguous"
    " 不确定 未知 无法确定 unsicher ungewiss unbestimmt incertain indéterminé incierto incerto неизвестно"
)
_MEANT = {
    "true": f"{_TRUE} {_YES}",
    "false": f"{_FALSE} {_NO}",
    "yes": f"{_YES} {_TRUE} plausible",
    "no": f"{_NO} {_FALSE} implausible",
    "correct": _TRUE,
    "incorrect": _FALSE,
    "valid": "valid gültig válido valide 有效",
    "invalid": "invalid ungültig inválido invalide 无效",
    "plausible": "plausible",
    "implausible": "implausible",
}
_OPPOSITES = (
    *(("true", "false"), ("yes", "no"), ("valid", "invalid"), ("correct", "incorrect"), ("right", "wrong")),
    *(("plausible", "implausible"), ("possible", "impossible"), ("entailed", "contradicted"), ("guilty", "innocent")),
)
_OPEN = rf"[\s*_`#$\"'“‘”’「『【(\[{{<:：,，—–\-{INVISIBLE}]"
_SHOWN = re.compile(r"\\(?:text(?:bf|it|tt|rm)?|mathrm|mathbf|mathsf|boxed)\s?\{")
# What may stand in front of the word that a phrase is: "that it is", "most likely", "(A)".
_FILLER = caseless(
    rf"(?:</?\w{{1,20}}>|{_OPEN}|(?:so|therefore|thus|hence|well|hmm|ok(?:ay)?|\.\.\.|…|i(?:['’]d)?\s(?:would\s)?(?:think"
    r"|believe|guess|say|lean\stowards?)|in\s(?:short|summary|conclusion|fact|general)(?=[\s,])|overall(?=,)"
    r"|(?:based\son|given|according\sto)\s[^,.;\n]{1,60}(?=,\s)|that\swould\sbe|(?:resounding|clear|firm)(?=\s)|that"
    r"|the\sanswer\sis|it['’]s|it\sis|this\sis|that['’]s|most\slikely|likely|probably|definitely|certainly|clearly"
    r"|simply|just|actually|indeed|an?|the|(?:deductively|logically|factually|entirely|necessarily|mostly|technically|generally|basically"
    r"|essentially)"
    rf"|(?:option|choice)\s(?=\W)|[a-f][).](?=\s))(?![{WORD_LETTER}]))*+"
)
_DENIAL = r"(?:not|n['’]t|never|nicht|pas|non|neither)"
_NOT = caseless(rf"(?:{_DENIAL}\s(?:(?:be|really|actually|very|quite|deductively|logically|necessarily)\s)?)")
_OR = caseless(rf"{_OPEN}{{0,4}}(?:(?:or|and|nor|oder|ou|o|или)\b|[/|]|或|还是)")
_BEHIND = rf"(?![{WORD_LETTER}0-9]|['’][{WORD_LETTER}])"
# "No one would", "no evidence": a word of the sentence, and no answer.
_DETERMINER = caseless(
    r"\s(?:(?:one|evidence|information|answer|solution|doubt|matter|idea|longer|other|more|less|such|clear|single"
    r"|need|reason|mention)\b|(?!(?:because|since|as|for|it|this|that|he|she|they|there|the|an?|you|we|i|not|if|although"
    r"|but|so|and|or|way)\b)[a-z])"
)
_PREDICATE = (  # what says something of something: "is not", "would be", "sounds very"
    r"(?:(?:is|are|was|were|be|been|being|seems?|sounds?|looks?|appears?|remains?|becomes?|it['’]s|that['’]s"
    r"|(?:called|considered|deemed|judged|labell?ed|classified\sas|rated|as)(?=\s)|to\sbe)(?P<nt>n['’]t)?"
    r"|(?P<isnt>(?:is|are|was|were)n['’]t))(?P<not>\s[*_]{0,2}(?:not|never)[*_]{0,2})?"
    r"(?:\s(?:\w{2,14}ly|very|quite|indeed|also|most|thus|therefore|hence|then|so|in\sfact|a|an|the|[*_\"'“]{1,3}))*"
    r"(?P<late>\s[*_]{0,2}(?:not|never)[*_]{0,2})?\s?[*_\"'“‘(`]{0,4}"
)
_CASE = caseless(
    r"\b(?:is|was|['’]s)(?:\s(?:therefore|thus|hence|then|also|indeed))?(?P<not>n['’]t|\s[*_]{0,2}not[*_]{0,2})?\s(?:indeed\s|actually\s|really\s)?the\scase\b"
)
_ASKS = re.compile(r"[\s*_`\"'”’)]{0,4}[?？]")
_SUPPOSED = caseless(r"\b(?:if|whether|unless|suppose|assume|assuming|would\sbe|could\sbe|might\sbe|may\sbe)\b")
_HENCE = caseless(r"\b(?:so|thus|therefore|hence|conclu\w+|overall|in\ssummary|consequently|finally)\b")
_COMMA = re.compile(rf"{_OPEN}{{0,3}}[,，、|]{_OPEN}{{0,3}}")
_MARKED = re.compile(r"(?:\*\*|__)\s?(?P<own>[^*_\n]{1,60}?)\s?(?:\*\*|__)")
_UNSURE = caseless(
    rf"{_OPEN}{{0,6}}(?:it['’]?s?\s(?:is\s)?)?(?:uncertain|undecided|inconclusive|undecidable|不确定|unsicher)\b"
)
HEAD_CHARS = 160
MOST_CHARS = 400  # of a phrase that says its verdict in other words
ALONE_WORDS = 30  # of an output that is one sentence and begins with its answer
LAST = 3  # sentences in which a text concludes


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the words of a task are and mean.

    head: a word at a phrase's beginning; elsewhere: a word that stands whole. means: the answer that each word is, in
    lower case. opposites: what the denial of an answer is. doubt: the answer that says that it can't be told.
    letters: by letter, the answer that alone begins with it. foreign: words for yes and no, which the task hasn't."""

    head: re.Pattern[str]
    elsewhere: re.Pattern[str]
    said: re.Pattern[str]
    means: Mapping[str, str]
    opposites: Mapping[str, str]
    doubt: str | None = None
    letters: Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()


def _pattern(words: Sequence[str], before: str = "") -> re.Pattern[str]:
    """Words that stand whole, the longest first; Chinese, Japanese and Korean ones touch others."""
    apart: list[str] = []
    touching: list[str] = []
    for word in sorted(words, key=len, reverse=True):
        (touching if re.fullmatch(rf"[{CJK}\s]+", word) else apart).append(re.escape(word).replace(r"\ ", r"\s+"))
    found = rf"(?:{'|'.join(apart)}){_BEHIND}" if apart else r"(?!)"
    if touching:
        found += rf"|(?:{'|'.join(touching)})(?![\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])" if before == "head" else ""
    return re.compile(found, re.I)


def _vocabulary(groups: Mapping[str, str | Sequence[str]]) -> Vocabulary:
    """groups: by answer, its words. A word of two answers means neither."""
    heads: dict[str, str] = {}
    elsewhere: list[str] = []
    doubled: set[str] = set()
    for answer, listed in groups.items():
        for entry in listed.split() if isinstance(listed, str) else listed:
            word = entry.removeprefix(".").casefold()
            if heads.setdefault(word, answer) != answer:
                doubled.add(word)
            if not entry.startswith("."):
                elsewhere.append(word)
    heads = {word: answer for word, answer in heads.items() if word not in doubled}
    elsewhere = [word for word in elsewhere if word in heads]
    by_word = {answer.casefold(): answer for answer in groups}
    opposites: dict[str, str] = {}
    if len(groups) == 2:
        one, other = groups
        pair = {one.casefold(), other.casefold()}
        if any(pair == set(known) for known in _OPPOSITES) or _negates(*sorted(pair, key=len)):
            opposites = {one: other, other: one}
    doubt = next((by_word[word] for word in _DOUBT.split() if word in by_word), None)
    inner = _pattern(elsewhere)
    initials = [answer[:1].upper() for answer in groups]
    letters = {answer[:1].upper(): answer for answer in groups if initials.count(answer[:1].upper()) == 1}
    if set(groups) == {YES, NO}:
        letters |= {"T": YES, "F": NO}
    foreign = set() if {YES, NO} & set(by_word) else {word.removeprefix(".") for word in f"{_YES} {_NO}".split()}
    return Vocabulary(
        head=_pattern(list(heads), "head"),
        elsewhere=inner,
        said=re.compile(rf"\b{_PREDICATE}(?P<word>{inner.pattern})", re.I),
        means=heads,
        opposites=opposites,
        doubt=doubt,
        letters=letters,
        foreign=frozenset(foreign),
    )


def _negates(word: str, longer: str) -> bool:
    """Tell whether one word is another one with a prefix that denies it: valid, invalid; proven, unproven."""
    return longer in {f"{prefix}{word}" for prefix in ("in", "un", "im", "non-", "not ", "dis", "ir")}


TRUTH = _vocabulary({YES: _MEANT["yes"], NO: _MEANT["no"]})


@lru_cache(maxsize=256)
def vocabulary_of(choices: tuple[str, ...]) -> Vocabulary:
    """The vocabulary of a task's own words."""
    own = {choice.casefold() for choice in choices}
    groups: dict[str, list[str]] = {}
    for choice in filter(str.strip, choices):
        word = choice.casefold()
        synonyms = (_DOUBT if word in _DOUBT.split() else _MEANT.get(word, "")).split()
        groups[choice] = [word, *(one for one in synonyms if one.removeprefix(".") not in own)]
    return _vocabulary(groups)


# --- phrases ------------------------------------------------------------------------------------------------------


def _found(words: Vocabulary, text: str, span: Span, denied: bool) -> Extraction | None:
    """The answer that a word is; where it is denied, the opposite; None where it has none."""
    answer = words.means.get(re.sub(r"\s+", " ", text[slice(*span)]).casefold())
    if denied:
        answer = words.opposites.get(answer or "")
    return None if answer is None else Extraction(answer=answer, span=span)


def _head(words: Vocabulary, text: str, begin: int, end: int) -> Extraction | None:
    """The word that a phrase begins with; UNDECIDED where it goes on to another one: "yes or no"."""
    stop = min(end, begin + HEAD_CHARS)
    at = begin
    while True:
        filler = _FILLER.match(text, at, stop)
        shown = _SHOWN.match(text, filler.end() if filler else at, stop)
        if shown is None:
            at = filler.end() if filler else at
            break
        at = shown.end()
    denial = _NOT.match(text, at, stop)
    place = denial.end() if denial else at
    match = words.head.match(text, place, end)
    if match is None:  # "no" may be the answer and "not" too
        return None
    if match[0].casefold() == NO and _DETERMINER.match(text, match.end(), end):
        return None
    other = _OR.match(text, match.end(), end)
    following = words.head.match(text, _skip(text, other.end(), end), end) if other else None
    if comma := None if other else _COMMA.match(text, match.end(), end):
        listed = words.head.match(text, comma.end(), end)  # "True, False, or Uncertain"
        before = _COMMA.match(text, listed.end(), end) if listed else None
        joined = _OR.match(text, before.end() - 1 if before else listed.end(), end) if listed else None
        following = listed if joined else None
    found = _found(words, text, match.span(), denial is not None)
    if following and found:
        second = words.means.get(following[0].casefold())
        if second and second != words.means.get(match[0].casefold()):
            return UNDECIDED
    if _ASKS.match(text, match.end(), min(len(text), end + 3)):
        return None
    return found


def _skip(text: str, begin: int, end: int) -> int:
    filler = _FILLER.match(text, begin, end)
    return filler.end() if filler else begin


def _predicates(words: Vocabulary, text: str, begin: int, end: int) -> Iterator[Extraction]:
    """Yield what a phrase says of something: "is not plausible", "it's the case"."""
    for match in words.said.finditer(text, begin, end):
        denials = sum(match[group] is not None for group in ("nt", "isnt", "not", "late"))
        denials += BEFORE_BE.search(text, max(begin, match.start() - 24), match.start()) is not None
        denied = denials % 2 == 1
        if _SUPPOSED.search(text, max(begin, match.start() - 40), match.start("word")):
            continue
        found = _found(words, text, match.span("word"), denied)
        if found:
            yield found
    if words.opposites and {YES, "true"} & {answer.casefold() for answer in words.opposites}:
        positive = next(answer for answer in words.opposites if answer.casefold() in (YES, "true"))
        for match in _CASE.finditer(text, begin, end):
            answer = words.opposites[positive] if match["not"] else positive
            yield Extraction(answer=answer, span=match.span())


def _agreed(found: Iterator[Extraction] | Sequence[Extraction]) -> Extraction | None:
    every = list(found)
    return every[-1] if len({one.answer for one in every}) == 1 else None


def _in_phrase(words: Vocabulary, text: str, span: Span) -> Extraction | None:
    """The answer of a phrase: the word it begins with, or what it says; REFUSAL where it says that it can't be told."""
    sentence = SENTENCE_END.search(text, *span)
    begin, end = span[0], sentence.start() if sentence else span[1]
    head = _head(words, text, begin, end)
    if head and head.span and text[slice(*head.span)].casefold() in words.foreign:
        return _agreed(_predicates(words, text, head.span[1], end)) or head  # "No, it is uncertain"
    if head:
        return head
    if gives_none(text, begin, end) or (words.doubt is None and _UNSURE.match(text, begin, end)):
        return _doubted(words, (begin, end))
    said = _rather(words, text, begin, end) or _said(words, text, begin, end) or _without_word(words, text, begin, end)
    if said:
        return said
    if end - begin > 60:
        return None
    one = list(words.elsewhere.finditer(text, begin, end))
    marked = _MARKED.search(text, begin, end)
    if marked and (inner := words.head.fullmatch(text, *marked.span("own"))):
        one = [inner]
    if len(one) != 1 or re.search(rf"\b{_DENIAL}\b|n['’]t\b", text[begin : one[0].start()], re.I):
        return None
    return _found(words, text, one[0].span(), False)


def _said(words: Vocabulary, text: str, begin: int, end: int) -> Extraction | None:
    """What a sentence says of something: all of it, or else its main clause."""
    said = list(_predicates(words, text, begin, end))
    if len({one.answer for one in said}) < 2:
        return said[-1] if said else None
    lead = LEAD_CLAUSE.match(text, begin, end)
    left = lead.end() if lead else begin
    side = SIDE_CLAUSE.search(text, left, end)
    return _agreed(_predicates(words, text, left, side.start() if side else end))


def _rather(words: Vocabulary, text: str, begin: int, end: int) -> Extraction | None:
    """What is said instead of what is denied: "not true but false"."""
    turn = RATHER.search(text, begin, min(end, begin + MOST_CHARS))
    return _head(words, text, turn.end(), end) if turn else None


def _without_word(words: Vocabulary, text: str, begin: int, end: int) -> Extraction | None:
    """A verdict that isn't said with a word of the task: "Of course not", "It may be true or false"."""
    end = min(end, begin + MOST_CHARS)
    if words.doubt and (MAY_BE.search(text, begin, end) or MAYBE.match(text, begin, end)):
        return Extraction(answer=words.doubt, span=_trimmed(text, begin, end))
    short = SHORT.match(text, begin, end)
    if short and (words.opposites or words is TRUTH) and not words.doubt:
        answer = words.means.get(YES if short["yes"] else NO)
        return Extraction(answer=answer, span=short.span("yes" if short["yes"] else "no")) if answer else None
    return None


def _letter(words: Vocabulary, text: str, begin: int, end: int) -> Extraction | None:
    """The word that a letter stands for, which is all of a statement: "Answer: T"."""
    letter = LETTER.match(text, begin, end)
    answer = words.letters.get(letter["own"].upper()) if letter else None
    return Extraction(answer=answer, span=letter.span("own")) if letter and answer else None


def _trimmed(text: str, begin: int, end: int) -> Span:
    piece = text[begin:end]
    return begin + len(piece) - len(piece.lstrip()), begin + len(piece.rstrip())


def _doubted(words: Vocabulary, span: Span) -> Extraction:
    return REFUSAL if words.doubt is None else Extraction(answer=words.doubt, span=span)


def _of_statement(words: Vocabulary, text: str, one: Statement) -> Extraction | None:
    begin, end = held(one)
    found = _letter(words, text, begin, end) or _in_phrase(words, text, (begin, end))
    if found and found.span:
        place = found.span[1]
        for turn in TURNS.finditer(text, place, min(len(text), place + TURNS_WITHIN)):
            found = _head(words, text, turn.end(), len(text)) or found
    return None if found is UNDECIDED and one.row.name == "phrase" else found


# --- without a statement ------------------------------------------------------------------------------------------


def _alone(words: Vocabulary, text: str, start: int) -> Extraction | None:
    """The word that is all of a text, or of its first line; or that begins its one sentence."""
    body = text[start:].strip()
    if not body:
        return None
    begin = text.index(body, start)
    line = body.partition("\n")[0]
    found = _head(words, text, begin, begin + len(line))
    if not found or not found.span:
        return found
    rest = line[found.span[1] - begin :].strip(" \t\r*_`$\"'“”‘’.,!;:)]}。")
    one_sentence = len(line) == len(body) and not SENTENCE_END.search(text, begin, begin + len(line))
    return found if not rest or (one_sentence and len(line.split()) <= ALONE_WORDS) else None


def _last(words: Vocabulary, text: str, start: int) -> Extraction | None:
    """What the last sentences conclude: the one word that they begin with, mark, or say of something."""
    end = own_end(text, start)
    for number, (left, right) in enumerate(last_sentences(text[:end], start)):
        if number >= LAST:
            break
        if text[left:right].endswith(("?", "？")):
            continue
        label = LABEL.match(text, left, right)
        left = label.end() if label else left
        head = _head(words, text, left, right)
        if head:
            return head
        for guess in GUESSES.finditer(text, left, right):
            if guessed := _head(words, text, guess.end(), right):
                return guessed
        marked = [words.head.fullmatch(text, *match.span("own")) for match in _MARKED.finditer(text, left, right)]
        found = _agreed([one for m in marked if m and (one := _found(words, text, m.span(), False))])
        found = found or _rather(words, text, left, right) or _said(words, text, left, right)
        if found:
            return found
        if gives_none(text, left, right):
            return _doubted(words, (left, right))
        if words.doubt and number == 0 and MAY_BE.search(text, left, right):
            return _doubted(words, (left, right))
        if _HENCE.match(text, left, right):
            break
    return None


def _opening(words: Vocabulary, text: str, start: int) -> Extraction | None:
    """The word that a longer text begins with: "No, a pear floats. ..."."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    return _head(words, text, begin, min(len(text), begin + HEAD_CHARS))


# find(vocabulary, text, start)
WORD_ALONE = Rule("word alone", "only", OF_WORDS, _alone)
CLOSING_WORD = Rule("closing word", "last", OF_WORDS, _last, vague=True)
OPENING_WORD = Rule("opening word", "option", OF_WORDS, _opening, vague=True)
WORD_RULES = (WORD_ALONE, CLOSING_WORD, OPENING_WORD)


def _read(words: Vocabulary, text: str, start: int, vague: bool) -> Iterator[Reading]:
    def instead(place: int) -> Extraction | None:
        return _last(words, text, place)

    every = statements(text, start, options=True)
    yield from stated(every, text, vague, partial(_of_statement, words, text), instead)
    for row in WORD_RULES:
        if vague or not row.vague:
            yield from row.ask(words, text, start)


def read_truth(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what the rows read in text[start:] as yes or no, what counts most first; vague: whether rows guess."""
    return _read(TRUTH, text, start, vague)


def read_choice(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield which of a task's words the rows read in text[start:], what counts most first."""
    return _read(vocabulary_of(tuple(choices)), text, start, vague)
