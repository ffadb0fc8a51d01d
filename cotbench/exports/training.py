"""What runs give to train on: which outputs are examples, on which questions, and what is said of them in a
file beside them. Shared by `sft` and `preferences`.

A run on a test set is no source of training data: whoever trains on it can't be tested with it any more. What counts
as a test set is decided by where the questions are from (`held_out`), since splits are called as their makers like."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cotbench import __version__
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import VAGUE
from cotbench.errors import UsageError
from cotbench.exports.files import Folder, Written, as_json, as_line, encodable
from cotbench.exports.samples import Asked, Output, Sample
from cotbench.modes.reading import read_answer
from cotbench.types import Completion, Message, Outcome

Thoughts = Literal["marked", "apart", "dropped"]
THOUGHTS: tuple[Thoughts, ...] = ("marked", "apart", "dropped")
LUCK = 0.05
# Sets of questions that are tested with and whose split is called train all the same.
_CALLED_TRAIN = frozenset({"HuggingFaceH4/aime_2024", "reasoning-machines/gsm-hard", "test-time-compute/game-of-24"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is asked of training data. keep: "shortest" or "all" right outputs; per_question: at most how many of one
    question, None for all. thoughts: whether a thought stands in its marks within the reply, apart from it, or is
    dropped. pairs: which pairs. luck: with which probability guesses may have as many right as a question has.
    allow_test: test sets may be used."""

    keep: Literal["shortest", "all"] = "shortest"
    per_question: int | None = None
    thoughts: Thoughts = "marked"
    pairs: Literal["right-wrong", "short-long", "both"] = "both"
    luck: float = LUCK
    allow_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An output that may be trained on. length: in tokens of the model, or characters where these aren't told."""

    sample: Sample
    output: Output
    arm: str
    length: float

    @property
    def right(self) -> bool:
        """Whether it answers rightly."""
        return self.output.outcome == Outcome.CORRECT

    @property
    def key(self) -> str:
        """Its text with its thought, with white space folded: what equal ones have in common."""
        return " ".join(f"{self.output.reasoning}\x1f{self.output.text}".split())


@dataclass(kw_only=True)
class Pool:
    """The examples of a task, by question, and how many outputs were passed over, by why."""

    task: str
    asked: Sequence[Asked]
    questions: dict[str, list[Example]] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    outputs: int = 0


def held_out(asked: Asked) -> str:
    """Say why the questions of a task are a test set; "" where they aren't.

    Not a test set is the split of a data set whose name begins with train, and a file of questions of a user's own, or
    of ours. A validation split is held out too: of many sets it is what is tested on, since the answers of the test
    split aren't public. So is what another tool's task asks, and what an imported log is of that doesn't say it."""
    dataset, split = asked.data.get("dataset"), str(asked.data.get("split") or "")
    if dataset in _CALLED_TRAIN:
        return f"{dataset} is a test set, whatever its split is called"
    if split.lower().startswith("train"):
        return ""
    if dataset:
        return f"the split '{split}' of {dataset} is for testing" if split else f"{dataset}, whose split isn't known"
    if asked.task.startswith(("lm-eval:", "inspect:")) or asked.run.manifest.imported is not None:
        return "the questions of an evaluation, whose split isn't known"
    return ""


def check(asked: Sequence[Asked], options: Options) -> None:
    """Raise UsageError where the questions may not be trained on."""
    for task in dict.fromkeys(one.task for one in asked):
        first = next(one for one in asked if one.task == task)
        licence = str(first.data.get("licence") or "")
        if "not for training" in licence:
            raise UsageError(
                f"{task}: its licence is '{licence}'.", "Leave it out: name the tasks that are meant with --task."
            )
        why = held_out(first)
        if why and not options.allow_test:
            raise UsageError(
                f"{task}: {why}; a model that is trained on it can't be tested with it.",
                "Run the training split (a task file of your own names it), or say --allow-test.",
            )


def pools(asked: Sequence[Asked]) -> Iterator[Pool]:
    """The examples of each task.

    Passed over is what taught something else than to reason: no output; no verdict; cut at its budget; gone on with by
    words of ours; an answer that isn't stated and was guessed from the text; a prompt whose messages aren't known."""
    for task in dict.fromkeys(one.task for one in asked):
        of_task = [one for one in asked if one.task == task]
        pool = Pool(task=task, asked=of_task)
        for one in of_task:
            for sample in one:
                kept = pool.questions.setdefault(sample.question.id, [])
                if not sample.outputs:
                    pool.passed_over["no output"] += 1
                for output in sample.outputs:
                    pool.outputs += 1
                    if why := _unfit(one, sample, output):
                        pool.passed_over[why] += 1
                    else:
                        kept.append(Example(sample=sample, output=output, arm=one.arm, length=_length(output)))
        yield pool


def _unfit(asked: Asked, sample: Sample, output: Output) -> str:
    if not sample.decided or output.outcome is None:
        return "no verdict"
    if output.cut or output.finish_reason != "stop":
        return "cut at its budget, or refused"
    if output.completed:
        return "gone on with by words of ours"
    if not sample.messages:
        return "messages not known"
    if asked.facts.answers_in == "words" and output.outcome == Outcome.CORRECT and _is_guessed(sample, output):
        return "answer not stated"
    return ""


def _is_guessed(sample: Sample, output: Output) -> bool:
    """Whether the answer isn't stated, so that a vague rule found it."""
    if sample.kind not in KINDS:
        return False
    path = Completion(text=output.text, reasoning=output.reasoning, finish_reason=output.finish_reason)
    return read_answer(path, sample.kind, sample.question.choices).rule in VAGUE


def _length(output: Output) -> float:
    return float(output.completion_tokens or len(output.text) + len(output.reasoning))


def by_guessing(sample: Sample) -> float:
    """How often a question is answered rightly by guessing: one option of k, one of two, one set of letters of all
    that aren't empty; 0 of numbers, formulas and texts. A number is an option where the question lists its options by
    numbers, in lines from 1 on."""
    options = len(sample.question.choices)
    if sample.kind in ("letter", "choice") and options:
        return 1 / options
    if sample.kind == "letters" and options:
        return 1 / (2.0**options - 1)
    if sample.kind == "number":
        numbers = [int(number) for number in _LISTED.findall(sample.question.text)]
        if len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1)) and sample.gold in map(str, numbers):
            return 1 / len(numbers)
    return 0.5 if sample.kind == "boolean" else 0.0


_LISTED = re.compile(r"^[ \t]*\(?(\d{1,2})[.):][ \t]", re.M)


def beyond_guessing(examples: Sequence[Example], luck: float) -> bool:
    """Whether more of a question's outputs are right than by guessing: a larger share, and so many that guesses give as
    many with at most the probability `luck` (the exact binomial tail).

    The share alone says little: of guesses, too, nearly every second question has a larger share than it should."""
    right, chance = sum(one.right for one in examples), by_guessing(examples[0].sample)
    count = len(examples)
    return right > count * chance + 1e-9 and tail(right, count, chance) <= luck


def tail(right: int, count: int, chance: float) -> float:
    """How likely it is that of `count` guesses at least `right` are right."""
    ways = (math.comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in range(right, count + 1))
    return float(min(1.0, math.fsum(ways)))


def by_luck(count: int, chance: float, luck: float) -> float:
    """How likely it is that a question of which all outputs are guesses passes `beyond_guessing`."""
    passing = (right for right in range(1, count + 1) if right > count * chance + 1e-9)
    least = next((right for right in passing if tail(right, count, chance) <= luck), None)
    return 0.0 if least is None or not chance else tail(least, count, chance)


def different(examples: Sequence[Example]) -> list[Example]:
    """The first of each that are equal but for white space and were asked in the same words."""
    seen: dict[tuple[Any, str], Example] = {}
    for one in examples:
        seen.setdefault((one.sample.messages, one.key), one)
    return list(seen.values())


def prompt_of(sample: Sample) -> list[dict[str, str]]:
    """The messages of a prompt, as chats have them."""
    return [_message(message) for message in sample.messages]


def _message(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.text}


def reply_of(output: Output, thoughts: Thoughts) -> dict[str, str]:
    """An output as the assistant's message. Where a thought is kept apart it is `reasoning_content`, as chat templates
    of models that think have it."""
    text, thought = output.text.strip(), output.reasoning.strip()
    if not thought or thoughts == "dropped":
        return {"role": "assistant", "content": text}
    if thoughts == "apart":
        return {"role": "assistant", "content": text, "reasoning_content": thought}
    return {"role": "assistant", "content": f"<think>\n{thought}\n</think>\n\n{text}"}


def origin_of(example: Example) -> dict[str, Any]:
    """Where a row is from."""
    sample = example.sample
    return {"task": sample.question.task, "question": sample.question.id, "arm": example.arm}


def write_with_about(
    folder: Folder,
    pool: Pool,
    rows: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    figures: Mapping[str, Any],
) -> Iterator[Written]:
    """Write a task's rows, and the file that says what they are."""
    stem = pool.task.replace("/", "_").replace(":", "_")
    lines = [as_line(encodable(dict(row))) for row in rows]
    folder.write(f"{stem}.jsonl", lines)
    about = _about(pool, f"{stem}.jsonl", lines, options, figures)
    folder.write(f"{stem}.about.json", [as_json(encodable(about), indent=2), b"\n"])
    left = {why: count for why, count in {**pool.passed_over, **figures.get("dropped", {})}.items() if count}
    notes = list(figures.get("notes", ()))
    if not rows:
        notes.append("nothing is left; several paths a question say more than one (--mode self-consistency)")
    yield Written(name=f"{stem}.jsonl", task=pool.task, rows=len(rows), left_out=left, notes=tuple(notes))
    yield Written(name=f"{stem}.about.json", task=pool.task, rows=1, beside=True)


def _about(
    pool: Pool, name: str, lines: Sequence[bytes], options: Mapping[str, Any], figures: Mapping[str, Any]
) -> dict[str, Any]:
    run = pool.asked[0].run
    data, spec = pool.asked[0].data, run.manifest.spec
    return {
        "file": name,
        "sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
        "rows": len(lines),
        "questions": len(pool.questions),
        "outputs": pool.outputs,
        "passed_over": dict(pool.passed_over),
        **figures,
        "options": dict(options),
        "source": {
            "task": pool.task,
            **{key: data.get(key) for key in ("dataset", "revision", "split", "origin", "own_file", "fingerprint")},
            "licence": data.get("licence") or None,
            "test_set": held_out(pool.asked[0]) or None,
        },
        "model": {
            "name": spec.model.model,
            "revision": spec.model.revision,
            "terms": "not recorded: those of the model hold for what it wrote",
        },
        "run": run.folder.name,
        "run_status": run.manifest.status,
        "arms": [one.arm for one in pool.asked],
        "cotbench": __version__,
    }
