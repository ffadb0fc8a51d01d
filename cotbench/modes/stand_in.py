"""What a stand-in for a model writes in reply to the shipped templates, and how often it is right: for the engine
`stub`.

SHARES are its options (`--model-args cot=0.6`), by template; `<template>_eq` holds where the question has an "=".
"""

from __future__ import annotations

SHARES = {
    "direct": 0.40,
    "cot": 0.60,
    "cot_eq": 0.90,
    "pal": 0.70,
    "plan": 0.70,
    "plan-direct": 0.40,
    "plan-cot": 0.60,
    "unparsed": 0.02,
    "truncated": 0.01,
}
DEFAULT_SHARE = 0.60  # of templates that have no share of their own
REASONED = frozenset(
    {"cot", "cot-brief", "draft", "free", "plan-cot"}
)  # templates whose replies begin with a chain of thought
WRITTEN_IN = {"pal": "program", "plan": "plan"}  # templates whose replies give the answer by code
