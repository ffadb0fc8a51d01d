"""The logs that the authors of Tree of Thoughts published (princeton-nlp/tree-of-thought-llm on GitHub, `logs/game24`)
as a file for the engine `replay`: GPT-4's outputs on the puzzles of ranks 901 to 1,000.

    python tests/tot_logs.py FOLDER_OF_LOGS outputs.jsonl

A log of a search holds no outputs but what was made of them: of each step the states `ys` that were gone on with,
`new_ys` (each one of them and a line more), `values`, sums over three judgements (sure 20, likely 1, impossible 0.001),
and those that were kept. From a sum follow the judgements, of which the order doesn't matter. What a puzzle took is
known of all its requests together: the first line of a search has the tokens of all, the others none; of paths each has
its share."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

SEARCH = "gpt-4_0.7_propose1_value3_greedy5_start900_end1000.json"
PATHS = {
    "direct": "gpt-4_0.7_naive_standard_sample_100_start900_end1000.json",
    "cot": "gpt-4_0.7_naive_cot_sample_100_start900_end1000.json",
}
JUDGEMENTS = 3
AT_ONCE = 20  # paths that were asked for with one prompt
Line = dict[str, Any]


def numbers_left(text: str) -> str:
    """What the last line of a state leaves, or the line itself where it doesn't say; of no steps, the puzzle."""
    line = text.strip().splitlines()[-1]
    return line.split("left: ")[-1].split(")")[0] if "left: " in line else line


def judgements(value: float) -> list[str]:
    """Three outputs that sum to a value; some may say nothing that counts."""
    thousandths = round(value * 1000)
    words = ["sure"] * (thousandths // 20_000)
    words += ["likely"] * (thousandths % 20_000 // 1000) + ["impossible"] * (thousandths % 1000)
    return [*words, *["I can't tell."] * (JUDGEMENTS - len(words))]


def search_lines(puzzle: dict[str, Any]) -> Iterator[Line]:
    """The outputs of the search for one puzzle."""
    numbers = puzzle["steps"][0]["x"]
    said: set[str] = set()

    def lines(mode: str, prompt: str, outputs: Iterable[str]) -> Iterator[Line]:
        yield from ({"question_part": numbers, "mode": mode, "prompt": prompt, "output": output} for output in outputs)

    for step in puzzle["steps"]:
        new = list(step["new_ys"])
        for state in step["ys"]:
            count = next((n for n, text in enumerate(new) if not text.startswith(state)), len(new))
            if new[:1] and step["ys"].count(state) > 1:  # equal states stand side by side; each reply begins alike
                count = next((n for n in range(1, count) if new[n] == new[0]), count)
            reply = [text[len(state) :].strip() for text in new[:count]]
            new = new[count:]
            left = numbers_left(state or numbers)
            if left == "24":
                yield from lines("tot", state.strip(), ["\n".join(reply)])
            else:
                yield from lines("tot-propose", f"Numbers: {left} Possible next steps:", ["\n".join(reply)])
        for state, value in zip(step["new_ys"], step["values"], strict=True):
            last = re.sub(r"^\d+\. ", "", state.strip().splitlines()[-1])  # without the mark of a list
            if "left: " in last:
                mode, prompt = "tot-value", f"Numbers: {numbers_left(state)} Judge:"
            else:
                mode, prompt = "tot-check", f"Numbers: {numbers} {last} Judge:"
            if f"{mode} {prompt}" not in said:  # what looks the same is judged once
                said.add(f"{mode} {prompt}")
                yield from lines(mode, prompt, judgements(value))


def all_lines(folder: Path) -> Iterator[Line]:
    """All outputs of a folder of logs: of the search, and of 100 paths with and without a chain of thought."""
    search = json.loads((folder / SEARCH).read_text())
    numbers = {puzzle["idx"]: puzzle["steps"][0]["x"] for puzzle in search}
    for puzzle, (prompt, completion) in zip(search, tokens(search), strict=True):
        for place, line in enumerate(search_lines(puzzle)):
            yield {**line, "prompt_tokens": 0 if place else prompt, "completion_tokens": 0 if place else completion}
    for mode, name in PATHS.items():
        log = json.loads((folder / name).read_text())
        for puzzle, (prompt, completion) in zip(log, tokens(log), strict=True):
            outputs = puzzle["ys"]
            for place, output in enumerate(outputs):
                share = completion * (place + 1) // len(outputs) - completion * place // len(outputs)
                yield {"question_part": numbers[puzzle["idx"]], "mode": mode, "output": output,
                       "prompt_tokens": prompt * AT_ONCE // len(outputs), "completion_tokens": share}  # fmt: skip


def tokens(log: Sequence[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    """What each puzzle took, of prompts and of outputs. A log tells what all puzzles took until then, and begins anew
    where its run was begun anew: there all that is told is of one puzzle."""
    before = (0, 0)
    for puzzle in log:
        until = (puzzle["usage_so_far"]["prompt_tokens"], puzzle["usage_so_far"]["completion_tokens"])
        before = before if until[0] >= before[0] else (0, 0)
        yield until[0] - before[0], until[1] - before[1]
        before = until


def write_outputs(folder: Path, outputs: Path) -> None:
    """Write the file for the engine."""
    with outputs.open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in all_lines(folder))


if __name__ == "__main__":
    write_outputs(Path(sys.argv[1]), Path(sys.argv[2]))
