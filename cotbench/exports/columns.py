"""What the columns of frames are: the data dictionary that lies beside exported tables."""

from __future__ import annotations

from collections.abc import Mapping

from cotbench.questions.tagging import RULES

FRAMES = ("records", "votes", "nodes", "executions", "outputs", "theirs", "pairs")  # beside `questions`

_SHARED: Mapping[str, str] = {
    "run": "the run's folder",
    "model": "the model's name",
    "task": "the set of questions",
    "question": "the question's id: the same in all runs and arms",
    "mode": "the arm: a mode, and what differs from it behind @",
    "group": "the subject or type within the task",
    "outcome": "how the question ended: correct, wrong, unparsed, truncated ...",
    "correct": "whether the answer is right; empty where there is no verdict",
    "score": "how much of the answer is right, 0 to 1; empty where there is no verdict",
    "answer": "what was answered",
    "error": "what went wrong",
    "prompt_tokens": "tokens sent; empty where the engine doesn't tell them",
    "completion_tokens": "tokens written; empty where the engine doesn't tell them",
    "reasoning_tokens": "those of the written tokens that are a thought",
    "path": "which of several outputs of one request, from 1",
    "request": "the request's hash",
    "ordinal": "how often the same had been asked before",
    "text": "what was written",
    "value": "what it is worth, or came to",
    "gold": "the right answer; of texts one a line, any of which is right",
    "truncated": "whether a completion was cut at its budget",
}
_OWN: Mapping[str, Mapping[str, str]] = {
    "questions": {
        "cluster": "what questions share, as a passage; empty: nothing",
        "text": "the question as asked",
        "choices": "its options",
    },
    "records": {
        "rule": "how the answer was found in the output",
        "span_start": "where the answer begins in the deciding output, in characters",
        "span_end": "where it ends",
        "requests": "how many requests were made",
        "paths": "how many paths voted",
        "margin": "by how many votes the winner is ahead",
        "executions": "how many programs or plans were run",
        "continued": "how many replies stated no answer and were gone on with",
        "answer_before": "what would be answered had they not been",
        "correct_before": "whether that is right",
        "mass": "what all options have of the probability of the next token",
        "judge_prompt_tokens": "those of the tokens sent that a second model got",
        "judge_completion_tokens": "those of the tokens written that a second model wrote",
    },
    "votes": {"answer": "what the path answers; empty where it abstained", "score": "what a judge gave it"},
    "nodes": {
        "node": "the node's number, from 1",
        "parent": "the node that it goes on from; empty of first ones",
        "depth": "how deep it stands, from 0",
        "role": "what it is: thought, answer, criticism, code, output",
        "text": "its first 400 characters",
        "value": "what it was found to be worth",
        "kept": "whether it was gone on with",
        "why": "why not",
        "chosen": "whether it is what was concluded",
    },
    "executions": {
        "number": "which program of the question, from 1",
        "outcome": "how the program or plan ended",
        "value": "what it came to",
        "stdout": "the end of what it printed",
    },
    "outputs": {
        "template": "the prompt's template",
        "begun": "the beginning of the reply that was written for the model; `text` goes on from it",
        "reasoning": "a thought that stands apart from the text",
        "finish_reason": "stop, length (cut at its budget), refused or error",
        "tokens": "tokens of this path",
    },
    "theirs": {
        "place": "where it stands in the log",
        "reading": "the reading of the tool that wrote the log: a filter, a scorer",
        "default": "whether it is the tool's verdict where no reading is named",
        "metric": "what its score is of",
        "output": "which output, from 1; empty where all of a question have one score",
        "score": "the tool's score",
        "answer": "what the tool read",
        "verdict": "the tool's verdict: right, wrong, unread, undecided",
        "correct": "whether the tool calls it right",
        "ours": "our verdict",
        "our_answer": "what we read",
        "agree": "whether both verdicts are the same; empty where one is missing",
    },
    "pairs": {
        "baseline": "the arm that it is compared with",
        "before": "whether it was right under the baseline",
        "after": "whether it was right under the arm",
        "helped": "right under the arm only",
        "hurt": "right under the baseline only",
        "score_before": "the score under the baseline",
        "score_after": "the score under the arm",
    },
}


def meaning(frame: str, column: str) -> str:
    """Say what a column of a frame is; "" where nobody has written it down."""
    if column.startswith("feature_"):
        return f"what the data say of the question: {column.removeprefix('feature_')}"
    if column in RULES:
        return f"whether the tag rule {column} calls it symbolic; empty where it says nothing"
    own = _OWN[frame]
    return own.get(column) or _SHARED.get(column, "")
