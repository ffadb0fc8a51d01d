"""How completions are worded: what they repeat, and in which language's letters they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, overload

import regex

from cotbench.answers.reading.parts import split_reasoning, thought_in
from cotbench.errors import UsageError
from cotbench.rewards.columns import Completions, Reward, Rewards, column, counted, numbered, texts_of, tokens_of


@dataclass(frozen=True)
class Repetition:
    """The reward `repetition` with its settings."""

    __name__: ClassVar[str] = "repetition"
    ngram_size: int = 3
    max_penalty: float = -1.0

    def __post_init__(self) -> None:
        counted("repetition", ngram_size=self.ngram_size)
        numbered("repetition", max_penalty=self.max_penalty)
        if self.ngram_size < 1:
            raise UsageError(f"repetition: ngram_size is {self.ngram_size}, expected 1 or more.", "The paper has 40.")
        if self.max_penalty > 0:
            raise UsageError(f"repetition: max_penalty is {self.max_penalty}, expected 0 or less.", "It is a penalty.")

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        ids = tokens_of(columns, len(completions))
        units = ids if ids is not None else [text.lower().split() for text in texts_of(completions)]
        return [self._worth(each) for each in units]

    def _worth(self, units: Sequence[Any]) -> float:
        shifted = [units[start:] for start in range(self.ngram_size)]
        runs = list(zip(*shifted, strict=False))
        repeated = 1 - len(set(runs)) / len(runs) if runs else 0.0
        return repeated * self.max_penalty if repeated else 0.0


@overload
def repetition(completions: Completions, **columns: Any) -> Rewards: ...


@overload
def repetition(completions: None = None, *, ngram_size: int = 3, max_penalty: float = -1.0) -> Reward: ...


def repetition(completions: Completions | None = None, **more: Any) -> Rewards | Reward:
    """Punish what a completion repeats: from max_penalty to 0.

    max_penalty x (1 - different n-grams / n-grams) over its tokens (`completion_ids`), or over its words in lower case
    where the trainer doesn't tell tokens; 0 where it is shorter than an n-gram. Values over tokens are those of TRL's
    `get_repetition_penalty_reward`, over words those of open-r1.

    As a reward, completions has n texts or chats; returns n numbers.
    Without completions: makes such a reward with settings.
    ngram_size: how many tokens or words in a row are compared, 1 or more. max_penalty: 0 or less.

    Raises UsageError where a setting is out of its range.
    Source: Demystifying Long Chain-of-Thought Reasoning (arXiv 2502.03373), appendix C.2."""
    return Repetition(**more) if completions is None else Repetition()(completions, **more)


_HAN, _LATIN, _CYRILLIC, _ARABIC = r"\p{Han}", r"\p{Latin}", r"\p{Cyrillic}", r"\p{Arabic}"
# The letters of languages; those that share them can't be told apart by letters.
LETTERS_OF: Mapping[str, str] = {
    **dict.fromkeys("cs da de en es fi fr id it nl no pl pt ro sv tr vi".split(), _LATIN),
    **dict.fromkeys("bg ru uk".split(), _CYRILLIC),
    **dict.fromkeys("ar fa ur".split(), _ARABIC),
    "zh": _HAN,
    "ja": _HAN + r"\p{Hiragana}\p{Katakana}ー",
    "ko": r"\p{Hangul}",
    "el": r"\p{Greek}",
    "he": r"\p{Hebrew}",
    "hi": r"\p{Devanagari}",
    "th": r"\p{Thai}",
}
# What is in no language: code, formulas, commands of LaTeX, addresses, tags.
_NO_WORDS = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*+`|\$\$[^$]*+\$\$|\$[^$\n]*+\$|\\\[.{0,2000}?\\\]|\\\(.{0,2000}?\\\)|\\[A-Za-z]++"
    r"|https?://\S++|</?\w{1,20}>",
    re.S,
)
# A word is a run of letters, two or more, since one alone is mostly a variable; of scripts without spaces, each letter.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}ー]|[\p{L}\p{M}--[\p{Han}\p{Hiragana}\p{Katakana}ー]]{2,}+", regex.V1
)


@cache
def _of_language(language: str) -> Any:
    return regex.compile(rf"[{LETTERS_OF[language]}\p{{M}}]++", regex.V1)


def _share(text: str, language: str) -> float | None:
    parts = split_reasoning(text)
    words = _WORD.findall(_NO_WORDS.sub(" ", thought_in(text, parts) or text))
    if not words:
        return None
    own = _of_language(language)
    return sum(own.fullmatch(word) is not None for word in words) / len(words)


@dataclass(frozen=True)
class LanguageConsistency:
    """The reward `language_consistency` with its settings."""

    __name__: ClassVar[str] = "language_consistency"
    language: str = "en"

    def __post_init__(self) -> None:
        _known_language(self.language)

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        languages = column(columns, "language", len(completions)) or [self.language] * len(completions)
        rows = zip(texts_of(completions), languages, strict=True)
        return [_share(text, _known_language(language or self.language)) for text, language in rows]


def _known_language(language: str) -> str:
    if language not in LETTERS_OF:
        raise UsageError(
            f"language_consistency: the letters of the language {language!r:.20} aren't known.",
            f"Known are {', '.join(sorted(LETTERS_OF))}.",
        )
    return language


@overload
def language_consistency(completions: Completions, **columns: Any) -> Rewards: ...


@overload
def language_consistency(completions: None = None, *, language: str = "en") -> Reward: ...


def language_consistency(completions: Completions | None = None, **more: Any) -> Rewards | Reward:
    """Give the share of words of a completion that are in the target language's letters: 0 to 1.

    Of a thought's words, where there is a thought, else of all. A word is a run of two letters or more, of Chinese and
    Japanese each character; formulas, code, LaTeX commands, addresses and tags aren't words. None where there is no
    word. Languages that share their letters (English, German) aren't told apart: the reward is against the mixing of
    scripts, which is what R1's was for.

    As a reward, completions has n texts or chats; a column `language` names the language of each. Returns n numbers.
    Without completions: makes such a reward with settings.
    language: the two letters of ISO 639-1, of all completions that the column doesn't say it of.

    Raises UsageError for a language whose letters aren't known.
    Source: DeepSeek-R1 (arXiv 2501.12948), section 2.3.2."""
    return LanguageConsistency(**more) if completions is None else LanguageConsistency()(completions, **more)
