"""What a stand-in for a model writes in reply to the shipped templates, and how often it is right: for the engine
`stub`.

SHARES are its options (`--model-args cot=0.6`), by template; `<template>_eq` holds where the question has an "=".
tools_error is how often its first block of Python ends in an error, after which it writes another.
"""

from __future__ import annotations

SHARES = {
    "direct": 0.40,
    "cot": 0.60,
    "cot_eq": 0.90,
    "cot-brief": 0.58,
    "cot-brief_eq": 0.85,
    "draft": 0.55,
    "draft_eq": 0.80,
    "free": 0.45,
    "free_eq": 0.55,
    "pal": 0.70,
    "plan": 0.70,
    "plan-direct": 0.40,
    "plan-cot": 0.60,
    "judge": 0.75,
    "judge-rank": 0.75,
    "criticism": 0.75,
    "refine": 0.65,
    "tot-propose": 0.95,
    "tot-value": 0.85,
    "tot-check": 0.85,
    "tot": 0.80,
    "tools": 0.75,
    "tools_error": 0.15,
    "unparsed": 0.02,
    "truncated": 0.01,
}
# Those that came later stand in a run's identity only where they were set, so that earlier runs are resumed.
LATER = frozenset(
    (*("cot-brief", "cot-brief_eq", "draft", "draft_eq", "free", "free_eq"),
     *("judge", "judge-rank", "criticism", "refine"), *("tools", "tools_error"),
     *("tot-propose", "tot-value", "tot-check", "tot"))
)  # fmt: skip
DEFAULT_SHARE = 0.60  # of templates that have no share of their own
# Templates whose replies begin with a chain of thought.
REASONED = frozenset({"cot", "cot-brief", "draft", "plan-cot", "refine"})
WRITTEN_IN = {"pal": "program", "plan": "plan"}  # templates whose replies give the answer by code
# Templates whose replies judge what they are shown: how. Their shares say how often the judge is right about it, and so
# in how many pairs the mark of a right path is higher than that of a wrong one, ties half.
JUDGING = {"judge": "mark", "judge-rank": "choice", "criticism": "verdict"}
SHOWN_REPLIES = frozenset({*JUDGING, "refine"})  # templates that show replies, on which theirs depend
LOOPS = frozenset({"tools"})  # templates whose first replies are blocks of Python, and the last one an answer line
