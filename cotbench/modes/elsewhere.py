"""What other tools call our modes: words in the names of their tasks and files, and what their settings say."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What of a name says the arm, and not the task.
WORDS = re.compile(
    r"(?:^|[_\-. ])(?:cot|chain[_-]of[_-]thought|direct|zero[_-]?shot|few[_-]?shot|\d+[_-]?shot|no[_-]?cot|standard|"
    r"self[_-]?consistency|pal|pot|llama|generative|fewshot|n[_-]shot)(?=$|[_\-. ])",
    re.I,
)
# Words by which a task's or file's name says its arm, the longer ones first.
_SAYS: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(rf"(?:^|[^a-z])(?:{words})(?:$|[^a-z])", re.I), mode)
    for words, mode in (
        (r"self[_-]?consistency", "self-consistency"),
        (r"no[_-]?cot|direct|standard", "direct"),
        (r"cot|chain[_-]of[_-]thought", "cot"),
        (r"pal|pot|program[_-]of[_-]thoughts?", "pal"),
    )
]


def of_words(text: str) -> str:
    """Return the mode that a name of a task, a file or a solver says; "" where it says none."""
    return next((mode for pattern, mode in _SAYS if pattern.search(text)), "")


def of_switch(*, reasons: bool) -> str:
    """Return the mode of a tool's setting that has the model reason in writing first, or not."""
    return "cot" if reasons else "direct"
