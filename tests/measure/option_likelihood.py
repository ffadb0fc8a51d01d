"""Does lm-evaluation-harness see the same likeliest option? Same model, same rendered prompts, question by question.

    python tests/measure/option_likelihood.py results/RUN/journal.jsonl MODEL_FOLDER

The journal holds prompts and, in `options` of their completions, the log-probability of each option's letter as the
next token. Theirs come from lm_eval's own `HFLM.loglikelihood` in float32, with " A" and with "A" behind each prompt:
a model has a token for both, and the form of ours is the one that theirs is nearer to. Prints the share of questions
with the same best letter among those whose best two letters are at least --apart nats from each other in lm_eval's
scoring, the largest difference of log-probabilities, and the form. Exits with 1 where a best letter differs.
MODEL_FOLDER is what transformers reads. Needs lm_eval and torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APART = 0.05  # nats
FORMS = (" ", "")  # what stands between the prompt and the letter


@dataclass(frozen=True)
class Asked:
    """A prompt, with the log-probabilities of its options' letters as the next token."""

    question: str
    prompt: str
    options: Mapping[str, float]


def asked_in(journal: Path) -> list[Asked]:
    """Return the rows of a journal that have a prompt and options, the last of each question and prompt."""
    found: dict[tuple[str, str], Asked] = {}
    for line in journal.read_bytes().splitlines():
        row = json.loads(line)
        for completion in row["completions"]:
            options = completion.get("options")
            if options and row.get("prompt"):
                found[row["question"], row["prompt"]] = Asked(row["question"], row["prompt"], options)
    return list(found.values())


def open_model(folder: str, batch: int) -> Any:
    """Open a model in lm_eval's own class, in float32 on the CPU."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=batch, add_bos_token=False)


def scored(model: Any, rows: Sequence[Asked], between: str) -> list[dict[str, float]]:
    """Return lm_eval's log-probability of each option of each row, its letter written behind the prompt."""
    from lm_eval.api.instance import Instance

    pairs = [(row.prompt, between + letter) for row in rows for letter in row.options]
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=number) for number, pair in enumerate(pairs)
    ]
    answers = iter(model.loglikelihood(requests))
    return [{letter: next(answers)[0] for letter in row.options} for row in rows]


def best(options: Mapping[str, float]) -> str:
    return max(options, key=lambda letter: options[letter])


def lead(options: Mapping[str, float]) -> float:
    """How far the best option is ahead of the second, in nats."""
    first, second, *_ = sorted(options.values(), reverse=True)
    return first - second


def largest(rows: Sequence[Asked], theirs: Sequence[Mapping[str, float]]) -> float:
    """The largest difference of log-probabilities between our rows and their scores."""
    return max(abs(row.options[one] - other[one]) for row, other in zip(rows, theirs, strict=True) for one in other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("journal", type=Path)
    parser.add_argument("model")
    parser.add_argument("--apart", type=float, default=APART)
    parser.add_argument("--batch", type=int, default=8)
    given = parser.parse_args()
    rows = asked_in(given.journal)
    if not rows:
        sys.exit(f"{given.journal}: no completion has `options`; expected a run of the arm direct@answer=likeliest.")
    model = open_model(given.model, given.batch)
    scores = {between: scored(model, rows, between) for between in FORMS}
    differences = {between: largest(rows, theirs) for between, theirs in scores.items()}
    form = min(differences, key=differences.__getitem__)
    clear = [pair for pair in zip(rows, scores[form], strict=True) if lead(pair[1]) >= given.apart]
    differing = [(ours, theirs) for ours, theirs in clear if best(ours.options) != best(theirs)]
    print(f"token form: {form + 'A'!r} (differences of at most {differences[form]:.2g} nats, else ", end="")
    print(f"{max(differences.values()):.2g})")
    same, rest = len(clear) - len(differing), len(rows) - len(clear)
    print(f"same best letter: {same} of {len(clear)}; {rest} more have their best two within {given.apart:g} nats")
    for ours, theirs in differing:
        print(f"  {ours.question}: ours {dict(ours.options)}, theirs {theirs}")
    sys.exit(bool(differing) or not clear)


if __name__ == "__main__":
    main()
