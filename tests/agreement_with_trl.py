"""Outputs whose verdict is known, to hold our `accuracy` and TRL's `accuracy_reward` beside each other.

What is right is known, since the outputs are made of golds: of the pairs of tests/cases/judging, which were judged by
hand, of MATH-500 and GSM8K (of COTBENCH_DATA) in ways in which models write, and what the model `demo` says.
`python tests/agreement_with_trl.py` prints the tables of docs/rewards.md, and with `--list` each disagreement.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cases

from cotbench import rewards
from cotbench.demo import MODEL
from cotbench.engines import EngineConfig, open_engine
from cotbench.modes.prompts import Prompts
from cotbench.questions.tasks import find_task
from cotbench.types import Key, Question, Request, Sampling

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Output:
    """An output, its gold, how it was made, and whether its answer is right."""

    source: str
    way: str
    text: str
    gold: str
    right: bool


def _boxed(answer: str) -> str:
    return f"We put both steps together. So the result is $\\boxed{{{answer}}}$."


# Ways to write an answer: (right, wrong) -> text, and whether what it concludes is right.
WAYS: dict[str, tuple[Callable[[str, str], str], bool]] = {
    "boxed": (lambda right, _: _boxed(right), True),
    "boxed, wrong": (lambda _, wrong: _boxed(wrong), False),
    "in a sentence": (lambda right, _: f"Adding up, we are done. The final answer is ${right}$.", True),
    "in words": (lambda right, _: f"Adding up, we are done.\nAnswer: {right}", True),
    "in words, wrong": (lambda _, wrong: f"Adding up, we are done.\nAnswer: {wrong}", False),
    "hashes": (lambda right, _: f"Adding up, we are done.\n#### {right}", True),
    "corrected": (
        lambda right, wrong: f"It is $\\boxed{{{wrong}}}$. Wait, that is wrong: I forgot a step. {_boxed(right)}",
        True,
    ),
    "corrected to a wrong one": (
        lambda right, wrong: f"It is $\\boxed{{{right}}}$. Wait, that is wrong: I forgot a step. {_boxed(wrong)}",
        False,
    ),
    "thought of another": (
        lambda right, wrong: f"<think>Is it $\\boxed{{{wrong}}}$? No.</think>\n{_boxed(right)}",
        True,
    ),
    "thought of the right one": (
        lambda right, wrong: f"<think>Is it $\\boxed{{{right}}}$? No.</think>\n{_boxed(wrong)}",
        False,
    ),
    "display": (lambda right, _: f"We put both steps together. Therefore\n$${right}$$", True),
    "either of two": (lambda right, wrong: f"It is $\\boxed{{{right}}}$ or $\\boxed{{{wrong}}}$, I can't tell.", False),
}


def _wrong(gold: str) -> str:
    """Another answer of the same form: its first number is another one."""
    changed = re.sub(r"\d+", lambda match: str(int(match[0]) + 1), gold, count=1)
    return changed if changed != gold else gold + "+1"


def _in_all_ways(source: str, golds: Sequence[str]) -> Iterator[Output]:
    names = list(WAYS)
    for number, gold in enumerate(golds):
        way = names[number % len(names)]
        make, right = WAYS[way]
        yield Output(source, way, make(gold, _wrong(gold)), gold, right)


def _pairs() -> Iterator[Output]:
    for name in ("judging/pairs", "judging/notations"):
        rows = [row for section in cases.load(name).values() for row in section]
        for found in rows[::6]:
            _, gold, answer, verdict = cases.row(found, "case gold answer verdict")[:4]
            yield Output("pairs", "boxed", _boxed(answer), gold, cases.EQUAL[verdict])


def _of_data() -> Iterator[Output]:
    import pandas as pd

    folder = Path(os.environ["COTBENCH_DATA"])
    math = pd.read_parquet(folder / "HuggingFaceH4/MATH-500/test-00000-of-00001.parquet")["answer"].tolist()
    yield from _in_all_ways("MATH-500", math[::2])
    solutions = pd.read_parquet(folder / "openai/gsm8k/main/test-00000-of-00001.parquet")["answer"].tolist()
    yield from _in_all_ways("GSM8K", [one.rpartition("#### ")[2] for one in solutions[:60]])


def _of_the_model() -> Iterator[Output]:
    """What the model `demo` answers, which ends in "Answer: 6"; it is right where it says the number."""
    engine = open_engine("ctranslate2", EngineConfig(model=str(MODEL)))
    task = find_task("demo").task
    lines = (ROOT / "tasks/demo/questions.jsonl").read_text().splitlines()[:60]
    golds = {}
    for number, row in enumerate(map(json.loads, lines)):
        messages = Prompts().render("cot", task, Question(id="", task="demo", text=row["question"]), ())
        request = Request(messages=messages, sampling=Sampling(max_tokens=96))
        key = Key(str(number), request.hash, 0, 0)
        golds[key] = row["answer"]
        engine.submit(key, request)
    replies = {}
    while len(replies) < len(golds):
        replies.update(engine.poll())
    engine.close()
    for key, gold in golds.items():
        text = replies[key].completions[0].text
        yield Output("demo", "the model's", text, gold, text.rstrip().endswith(f"Answer: {gold}"))


def outputs() -> list[Output]:
    """All of them, in the same order each time."""
    return [*_pairs(), *_of_data(), *_of_the_model()]


NO_GOLD = "what is right: TRL's parser finds none in it, and leaves the sample out"
NO_LATEX = "reading: the answer isn't in LaTeX, which is all that TRL reads"
NOT_ANNOUNCED = "reading: TRL finds no answer in the LaTeX"
WHICH = "reading: several statements; TRL takes another one"
MISSED = "equality: the same answer in another notation, which TRL calls wrong"
TAKEN = "equality: another answer, which TRL calls right"
OURS = "ours is wrong"
UNDECIDED = "ours is undecided"
CAUSES = (NO_GOLD, NO_LATEX, NOT_ANNOUNCED, WHICH, MISSED, TAKEN, OURS, UNDECIDED)
SEVERAL = ("corrected", "corrected to a wrong one", "thought of another", "thought of the right one", "either of two")


@dataclass(frozen=True)
class Compared:
    """An output, both verdicts, and what TRL's parser found in it."""

    output: Output
    ours: float | None
    theirs: float | None
    parsed: str

    @property
    def cause(self) -> str:
        """Why the verdicts differ."""
        if self.ours is None:
            return UNDECIDED
        if self.theirs is None:
            return NO_GOLD
        if self.ours != float(self.output.right):
            return OURS
        if self.parsed == "[unparseable]":
            return NOT_ANNOUNCED if re.search(r"\$|\\boxed", self.output.text) else NO_LATEX
        if self.output.way in SEVERAL and self.theirs != self.of_one_statement:
            return WHICH
        return TAKEN if self.theirs else MISSED

    @property
    def of_one_statement(self) -> float:
        """What TRL would say of the output's last statement alone."""
        return _trl([_boxed(self.output.text.rpartition("\\boxed{")[2].rpartition("}")[0])], [self.output.gold])[0][0]


def _trl(texts: Sequence[str], golds: Sequence[str]) -> tuple[list[float | None], list[str]]:
    from trl.rewards import accuracy_reward

    said: dict[str, list[str]] = {}
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    verdicts = accuracy_reward(chats, [f"${gold}$" for gold in golds], log_extra=said.__setitem__)
    return verdicts, said["answer_parsed"]


def compared(made: Sequence[Output]) -> list[Compared]:
    """Both verdicts on each output; gold stands between dollars, without which TRL's parser often finds none."""
    texts, golds = [one.text for one in made], [one.gold for one in made]
    ours = rewards.accuracy(kind="latex")(texts, solution=[f"${gold}$" for gold in golds])
    return [Compared(*row) for row in zip(made, ours, *_trl(texts, golds), strict=True)]


def counted(rows: Sequence[Compared]) -> dict[str, tuple[int, int, int]]:
    """Of each cause: how often the verdicts differ by it, how often ours is right, and how often TRL's."""
    differ = [row for row in rows if row.ours != row.theirs]
    causes = [row.cause for row in differ]
    truths = [float(row.output.right) for row in differ]
    ours = Counter(cause for row, cause, truth in zip(differ, causes, truths, strict=True) if row.ours == truth)
    theirs = Counter(cause for row, cause, truth in zip(differ, causes, truths, strict=True) if row.theirs == truth)
    return {cause: (Counter(causes)[cause], ours[cause], theirs[cause]) for cause in CAUSES}


if __name__ == "__main__":
    rows = compared(outputs())
    for source in dict.fromkeys(row.output.source for row in rows):
        those = [row for row in rows if row.output.source == source]
        agree = sum(row.ours == row.theirs for row in those)
        ours = sum(row.ours == float(row.output.right) for row in those)
        theirs = sum(row.theirs == float(row.output.right) for row in those)
        print(f"| {source} | {len(those)} | {agree} | {ours} | {theirs} |")
    for cause, counts in counted(rows).items():
        print(f"| {cause} |", *(f"{count} |" for count in counts))
    if "--list" in sys.argv:
        for row in rows:
            if row.ours != row.theirs:
                print(row.cause, row.output, row.ours, row.theirs, row.parsed, sep=" ; ")
