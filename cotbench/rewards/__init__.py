r"""Rule-based rewards over the reading and grading of reports, in the signature that TRL expects.

A reward is called as `f(completions, **columns) -> list[float | None]`, one number a completion. completions: texts, or
chats, each a list of messages. columns: the columns of the data set, each a list as long as completions, and what the
trainer adds (`prompts`, `completion_ids`, `log_extra`, `log_metric`); those that a reward doesn't know are ignored.
None leaves a completion out: its gold can't be read, or nothing could be decided.

`accuracy`, `format`, `length`, `repetition` and `language_consistency` may be given to a trainer as they are, or be
called without completions, with settings, to make such a reward: `accuracy(kind="number")`. `soft_overlong` and
`cosine_length` have settings that nobody can guess, and are always called first. All can be pickled, set no signal, and
may be called from several threads and processes. docs/rewards.md has formulas, sources and an example.
"""

from cotbench.rewards.correct import accuracy
from cotbench.rewards.forms import answer_format, format  # noqa: A004
from cotbench.rewards.lengths import cosine_length, length, soft_overlong
from cotbench.rewards.wording import language_consistency, repetition

__all__ = [
    "accuracy",
    "answer_format",
    "cosine_length",
    "format",
    "language_consistency",
    "length",
    "repetition",
    "soft_overlong",
]
