"""Pairs of outputs of one prompt, the better one first, in TRL's conversational form (`prompt`, `chosen`, `rejected`).

right-wrong: a right output, and a wrong one of about its length, so that length isn't what is taught. short-long: the
shortest right one, and a right one that is at least 1.5 times as long (Kimi k1.5, 2025, arXiv:2501.12599, section
2.4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cotbench.exports.files import Folder, Written
from cotbench.exports.samples import Asked
from cotbench.exports.training import (
    Example,
    Options,
    Pool,
    beyond_guessing,
    check,
    different,
    origin_of,
    pools,
    prompt_of,
    reply_of,
    write_with_about,
)
from cotbench.types import Outcome

LONGER = 1.5
Pair = tuple[str, Example, Example]  # its kind, the better one, the worse one


def write(asked: Sequence[Asked], folder: Folder, options: Options) -> Iterator[Written]:
    """Write a file and one that is about it for each task. Raises UsageError where its questions are a test set."""
    check(asked, options)
    most = options.per_question or 1
    for pool in pools(asked):
        pairs, figures = _choose(pool, options, most)
        rows = [
            {
                "prompt": prompt_of(better.sample),
                "chosen": [reply_of(better.output, options.thoughts)],
                "rejected": [reply_of(worse.output, options.thoughts)],
                **origin_of(better),
                "pair": kind,
            }
            for kind, better, worse in pairs
        ]
        kept = {name: asdict(options)[name] for name in ("pairs", "thoughts", "luck", "allow_test")}
        yield from write_with_about(folder, pool, rows, {**kept, "per_question": most}, figures)


def _choose(pool: Pool, options: Options, most: int) -> tuple[list[Pair], dict[str, Any]]:
    """At most `most` pairs of each kind of a question."""
    chosen: list[Pair] = []
    dropped: Counter[str] = Counter()
    for examples in pool.questions.values():
        if not examples:
            continue
        if not beyond_guessing(examples, options.luck):
            dropped["questions no more right than by guessing"] += 1
            continue
        found: dict[str, list[Pair]] = defaultdict(list)
        for alike in _by_prompt(examples):
            right = sorted((one for one in alike if one.right), key=lambda one: one.length)
            wrong = [one for one in alike if one.output.outcome == Outcome.WRONG]
            if options.pairs != "short-long":
                found["right-wrong"] += _right_wrong(right, wrong)
            if options.pairs != "right-wrong":
                found["short-long"] += _short_long(right)
        if not any(found.values()):
            dropped["questions without a pair"] += 1
        for pairs in found.values():
            chosen += pairs[:most]
            dropped["pairs beyond --per-question"] += max(0, len(pairs) - most)
    figures = {
        "pairs": dict(Counter(kind for kind, _, _ in chosen)),
        "dropped": {why: count for why, count in dropped.items() if count},
    }
    return chosen, figures


def _by_prompt(examples: Sequence[Example]) -> list[list[Example]]:
    """Different outputs that were asked for in the same words."""
    groups: dict[Any, list[Example]] = defaultdict(list)
    for one in different(examples):
        groups[one.sample.messages].append(one)
    return list(groups.values())


def _right_wrong(right: Sequence[Example], wrong: Sequence[Example]) -> Iterator[Pair]:
    """Each right output with the wrong one that is nearest to it in length, each wrong one once."""
    left = list(wrong)
    for one in right:
        if not left:
            return
        nearest = min(left, key=lambda other: abs(other.length - one.length))
        left.remove(nearest)
        yield "right-wrong", one, nearest


def _short_long(right: Sequence[Example]) -> Iterator[Pair]:
    """The shortest right output with each that is longer by LONGER, the longest first. right: the shortest first."""
    for other in reversed(right[1:]):
        if other.length >= LONGER * right[0].length:
            yield "short-long", right[0], other
