"""Texts as SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250) and HotpotQA (Yang et al. 2018, arXiv:1809.09600) compare
them: exact match and F1 over words, both after lower case, and without punctuation, articles and doubled space."""

from __future__ import annotations

import re
import string
from collections import Counter

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_VERDICTS = frozenset({"yes", "no", "noanswer"})  # of HotpotQA: they share no words with anything but themselves


def normalized(text: str) -> str:
    """A text as it is compared."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(gold: str, answer: str) -> bool:
    """Whether two texts are the same, once normalized."""
    return normalized(gold) == normalized(answer)


def f1(gold: str, answer: str) -> float:
    """The harmonic mean of the shares of the answer's words that gold has, and of gold's that the answer has."""
    left, right = normalized(gold), normalized(answer)
    if left != right and not _VERDICTS.isdisjoint((left, right)):
        return 0.0
    wanted, given = left.split(), right.split()
    shared = (Counter(wanted) & Counter(given)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)
