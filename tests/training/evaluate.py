"""Ask the model `thinker` the task's own questions, thinking and not: python tests/training/evaluate.py FOLDER.

It prints, as a table in Markdown, how many answers are right, greedily through CTranslate2 in float32. A budget of
thinking lets the model think up to so many tokens after `<think>`, closes the thought for it, and lets it answer; none
is the closed empty thought that the chat template begins with when thinking is off.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conversations import BEGUN, CLOSE, NO_THOUGHT, THINK, asked
from questions import Item, evaluation_set

from cotbench.engines.tokens import FolderTokenizer

BUDGETS = (0, 8, 16, 24, 32, 48, 64)
_LINE = re.compile(rf"^{BEGUN} (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """text: what is visible, with what it was begun with; thought: its tokens; cut: at a budget."""

    text: str
    thought: int = 0
    cut: bool = False

    def right(self, item: Item) -> bool:
        return _LINE.findall(self.text)[-1:] == [item.answer]


class Model:
    def __init__(self, folder: Path) -> None:
        import ctranslate2

        self.tokenizer = FolderTokenizer(folder)
        self._model = ctranslate2.Generator(str(folder / "ctranslate2"), compute_type="float32", intra_threads=1)

    def prompt(self, mode: str, item: Item, thinks: bool | None = None) -> str:
        """thinks: what the chat template is told; None tells it nothing."""
        switch = {} if thinks is None else {"enable_thinking": thinks}
        turns = [{"role": one.role, "content": one.text} for one in asked(mode, item)]
        template = self.tokenizer.chat_template
        assert template is not None
        return self.tokenizer.apply_chat_template(
            turns, chat_template=template, tokenize=False, add_generation_prompt=True, **switch
        )

    def write(self, prompts: Sequence[str], most: int = 200) -> list[list[str]]:
        """What follows each prompt, as tokens without the end."""
        results = self._model.generate_batch(
            [self.tokenizer.backend.encode(prompt, add_special_tokens=False).tokens for prompt in prompts],
            max_length=most,
            max_batch_size=64,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=self.tokenizer.special["eos_token"],
        )
        return [result.sequences[0] for result in results]

    def answers(self, items: Sequence[Item], mode: str, thinks: bool | None, begun: str = "") -> list[Reply]:
        prompts = [self.prompt(mode, item, thinks) + begun for item in items]
        return [_reply([begun, *tokens]) for tokens in self.write(prompts)]

    def within(self, budget: int, items: Sequence[Item], mode: str = "free") -> list[Reply]:
        """Answers after a thought of at most so many tokens."""
        prompts = [self.prompt(mode, item, True) for item in items]
        replies = self.write(prompts)
        found, again = [_reply(tokens) for tokens in replies], {}
        for place, (prompt, tokens) in enumerate(zip(prompts, replies, strict=True)):
            if found[place].thought > budget or found[place].cut:
                begun = "".join(tokens[: 1 + budget]) + f"\n{CLOSE}\n\n" if budget else NO_THOUGHT
                again[place] = prompt + begun
        for place, tokens in zip(again, self.write(list(again.values())), strict=True):
            found[place] = Reply(text="".join(tokens), thought=budget, cut=True)
        return found


def _reply(tokens: Sequence[str]) -> Reply:
    if THINK not in tokens:
        return Reply(text="".join(tokens))
    begins = tokens.index(THINK) + 1
    ends = tokens.index(CLOSE) if CLOSE in tokens else len(tokens)
    text = "".join(tokens[ends + 1 :]).lstrip("\n")
    return Reply(text=text, thought=ends - begins, cut=CLOSE not in tokens)


def table(model: Model, items: Sequence[Item]) -> str:
    arms: dict[str, Callable[[], list[Reply]]] = {
        "free, on": lambda: model.answers(items, "free", None),
        "free, off": lambda: model.answers(items, "free", False),
        "direct, on": lambda: model.answers(items, "direct", True),
        "direct, off": lambda: model.answers(items, "direct", False),
        "cot, on": lambda: model.answers(items, "cot", True),
        "cot, off": lambda: model.answers(items, "cot", False),
        **{f"free, on, budget {n}": lambda n=n: model.within(n, items) for n in BUDGETS},
        **{f"cot, on, budget {n}": lambda n=n: model.within(n, items, "cot") for n in (0, 24)},
        f"free, on, begun `{BEGUN}`": lambda: model.answers(items, "free", True, BEGUN),
        f"direct, off, begun `{BEGUN}`": lambda: model.answers(items, "direct", False, BEGUN),
        f"cot, off, begun `{BEGUN}`": lambda: model.answers(items, "cot", False, BEGUN),
    }
    lines = ["| arm | all | sums | facts | unread | thought, tokens | cut |", "|---|---|---|---|---|---|---|"]
    for name, ask in arms.items():
        replies = ask()
        right = {g: [r.right(i) for r, i in zip(replies, items, strict=True) if g in ("all", i.group)] for g in _GROUPS}
        figures = [
            *(f"{100 * sum(right[group]) / len(right[group]):.1f}" for group in _GROUPS),
            f"{sum(not _LINE.search(one.text) for one in replies)}",
            f"{sum(one.thought for one in replies) / len(replies):.1f}",
            f"{100 * sum(one.cut for one in replies) / len(replies):.1f}",
        ]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


_GROUPS = ("all", "sums", "facts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    print(table(Model(arguments.folder), evaluation_set()))


if __name__ == "__main__":
    main()
