"""Right outputs as chats to train on, by rejection sampling: all of them, as DeepSeek-R1 was trained on its own
(2025, arXiv:2501.12948, section 2.3.3), or the shortest, as Kimi k1.5 made long thoughts short (2025,
arXiv:2501.12599, section 2.4)."""

from __future__ import annotations

from collections import Counter
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
    by_guessing,
    by_luck,
    check,
    different,
    origin_of,
    pools,
    prompt_of,
    reply_of,
    write_with_about,
)


def write(asked: Sequence[Asked], folder: Folder, options: Options) -> Iterator[Written]:
    """Write a file and one that is about it for each task. Raises UsageError where its questions are a test set."""
    check(asked, options)
    most = options.per_question or (1 if options.keep == "shortest" else None)
    for pool in pools(asked):
        chosen, figures = _choose(pool, options, most)
        rows = [
            {"messages": [*prompt_of(one.sample), reply_of(one.output, options.thoughts)], **origin_of(one)}
            for one in chosen
        ]
        kept = {name: asdict(options)[name] for name in ("keep", "thoughts", "luck", "allow_test")}
        yield from write_with_about(folder, pool, rows, {**kept, "per_question": most}, figures)


def _choose(pool: Pool, options: Options, most: int | None) -> tuple[list[Example], dict[str, Any]]:
    chosen: list[Example] = []
    dropped: Counter[str] = Counter()
    lucky, used = 0.0, 0
    for examples in pool.questions.values():
        if not examples:
            continue
        right = [one for one in examples if one.right]
        dropped["wrong"] += len(examples) - len(right)
        lucky += by_luck(len(examples), by_guessing(examples[0].sample), options.luck)
        if not beyond_guessing(examples, options.luck):
            dropped["no more right than by guessing"] += len(right)
            continue
        used += 1
        apart = different(right)
        dropped["equal to another"] += len(right) - len(apart)
        if options.keep == "shortest":
            apart = sorted(apart, key=lambda one: one.length)
        chosen += apart[:most]
        dropped["beyond --per-question"] += len(apart) - len(apart[:most])
    notes = _doubts(used, lucky)
    return chosen, {
        "questions_used": used,
        "questions_by_luck": round(lucky, 1),
        "dropped": {why: count for why, count in dropped.items() if count},
        "notes": notes,
    }


def _doubts(used: int, lucky: float) -> list[str]:
    """A note where many of the questions may have passed by luck alone."""
    if used and lucky >= 0.1 * used:
        return [f"about {lucky:.0f} of the {used} questions may be there by luck: guesses would let as many through"]
    return []
