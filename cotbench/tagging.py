"""Question -> symbolic or not, under a named rule.

`eq_question`, version 1, pre-treatment (it looks at the question and its options only, so the prompting method can't
move a question from one arm to the other): an "=" that stands alone, which is not part of <=, >=, !=, == or a longer
run. The paper (arXiv:2409.12183) searched the question, the gold answer and the model's own response instead, which
the treatment itself influences.
"""

from __future__ import annotations

import re

from cotbench.types import Question

RULE = "eq_question"
RULE_VERSION = 1

_EQUALS = re.compile(r"(?<![<>!=:])=(?!=)")


def is_symbolic(question: Question) -> bool:
    return any(_EQUALS.search(text) for text in (question.text, *question.choices))
