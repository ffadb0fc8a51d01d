"""From one GPU to a thousand, on paper: python tests/measure/scale.py [NAME=VALUE ...] [RUN ...]

Without a run: the tables of docs/scale.md, as Markdown, from the parameters below; NAME=VALUE changes one (rate=2500,
price=2, gpus=1,16,128). Nothing is generated. With folders of runs: what a request and a reply take, as they travel to
a replica and back, and in the journal, plain and packed by zstd.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow

from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lines import dump_line
from cotbench.types import Message, Request, Sampling


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a suite asks, what a GPU does, what bytes it takes, and what a process can that keeps a run's journal.

    questions: each is asked once under `direct`, once under `cot`, and once for `paths` paths. direct, cot: completion
    tokens of a path. prompt: tokens. rate: completion tokens a second of a GPU that has enough to do. own: GPUs that a
    replica takes. gpus: how many there are, in all. price: of a GPU hour. start_s: until a model is loaded. slowest_s:
    what the last and longest reply takes, while others idle. asked_b: bytes of a request, to a replica; back_b, path_b:
    of its reply, and besides of each path, without its text; token_b: of the text of a token; line_b, line_path_b: of a
    line of the journal, likewise. packed: the share that zstd leaves. question_kb: memory of a run for each question.
    reply_us: microseconds that a run's process takes for a reply of one path; path_us: for each of several; token_us:
    for each token of them all. processes: runs, or shards of one, side by side."""

    questions: int = 52_349
    paths: int = 40
    direct: float = 8
    cot: float = 230
    prompt: float = 162
    rate: float = 5_000
    own: int = 1
    gpus: tuple[int, ...] = (1, 8, 64, 256, 1_000)
    price: float = 3.0
    start_s: float = 180
    slowest_s: float = 60
    asked_b: float = 680
    back_b: float = 950
    path_b: float = 52
    token_b: float = 4.1
    line_b: float = 722
    line_path_b: float = 78
    packed: float = 0.22
    question_kb: float = 1.8
    reply_us: float = 170
    path_us: float = 190
    token_us: float = 0.6
    processes: int = 1

    @property
    def requests(self) -> int:
        return 3 * self.questions

    @property
    def replies(self) -> int:
        """All paths."""
        return self.questions * (2 + self.paths)

    @property
    def tokens(self) -> float:
        return self.questions * (self.direct + self.cot * (1 + self.paths))

    @property
    def process_s(self) -> float:
        """Seconds that one process would take for all, would it wait for nothing."""
        paths = 2 * self.reply_us + self.paths * self.path_us
        return (self.questions * paths + self.tokens * self.token_us) / 1e6

    @property
    def journal_b(self) -> float:
        return self.requests * self.line_b + self.replies * self.line_path_b + self.tokens * self.token_b

    @property
    def back_in_all_b(self) -> float:
        return self.requests * self.back_b + self.replies * self.path_b + self.tokens * self.token_b


def whole(plan: Plan) -> list[tuple[str, str]]:
    """What doesn't depend on how many GPUs there are."""
    return [
        ("requests", f"{plan.requests:,}"),
        ("paths", f"{plan.replies:,}"),
        ("completion tokens", f"{plan.tokens / 1e6:,.0f} M"),
        ("prompt tokens", f"{plan.requests * plan.prompt / 1e6:,.1f} M"),
        ("GPU hours, all busy", f"{plan.tokens / plan.rate / 3600:,.1f}"),
        ("seconds of a run's process", f"{plan.process_s:,.0f}"),
        ("sent to replicas", f"{plan.requests * plan.asked_b / 1e9:.2f} GB"),
        ("sent back", f"{plan.back_in_all_b / 1e9:.2f} GB"),
        ("journal", f"{plan.journal_b / 1e9:.2f} GB"),
        ("journal, packed", f"{plan.journal_b * plan.packed / 1e9:.2f} GB"),
        ("memory of the run's process", f"{plan.questions * plan.question_kb / 1e3:,.0f} MB"),
    ]


HEAD = (
    "GPUs", "generating", "bound by", "with start and end", "GPU hours", "money", "requests/s", "paths/s", "MB/s back",
    "load of a run's process", "requests for each replica",
)  # fmt: skip


def row(plan: Plan, gpus: int) -> tuple[str, ...]:
    """What so many GPUs take and ask."""
    by_gpus = plan.tokens / plan.rate / gpus
    by_process = plan.process_s / plan.processes
    seconds = max(by_gpus, by_process)
    in_all = seconds + plan.start_s + plan.slowest_s
    return (
        f"{gpus:,}",
        _time(seconds),
        "GPUs" if by_gpus >= by_process else "process",
        _time(in_all),
        f"{gpus * in_all / 3600:,.0f}",
        f"{gpus * in_all / 3600 * plan.price:,.0f}",
        f"{plan.requests / seconds:,.1f}",
        f"{plan.replies / seconds:,.0f}",
        f"{plan.back_in_all_b / seconds / 1e6:.2f}",
        f"{100 * by_process / seconds:.1f} %",
        f"{plan.requests * plan.own / gpus:,.0f}",
    )


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def measured(run: Path) -> list[tuple[str, str]]:
    """What requests and replies of a run take, in bytes: of a request, and besides of each path, without its text."""
    asked, back, lines, paths = [], [], [], []
    texts = tokens = 0
    for stored in JournalIndex(run / JOURNAL):
        reply = stored.reply()
        messages = stored.messages or (Message(role="user", text=stored.prompt or ""),)
        request = Request(messages=messages, sampling=Sampling(max_tokens=2048), thinking=stored.thinking)
        text = sum(len(path.text.encode()) for path in reply.completions)
        paths.append(len(reply.completions))
        asked.append(len(pickle.dumps((stored.key, request), 5)))
        back.append(len(pickle.dumps((stored.key, reply), 5)) - text)
        lines.append(len(dump_line(stored)) - text)
        texts += text
        tokens += reply.total_completion_tokens or sum(path.completion_tokens or 0 for path in reply.completions)
    journal = (run / JOURNAL).read_bytes()
    fits = [np.polyfit(paths, each, 1 if len(set(paths)) > 1 else 0)[::-1] for each in (back, lines)]
    (back_b, *back_path_b), (line_b, *line_path_b) = ([float(term) for term in fit] for fit in fits)
    return [
        ("requests, paths, completion tokens", f"{len(paths):,}, {sum(paths):,}, {tokens:,}"),
        ("text: a path, a token", f"{texts / sum(paths):,.1f}, {texts / tokens if tokens else 0:.2f}"),
        ("to a replica: a request", f"{np.mean(asked):,.0f}"),
        ("back: a request, besides each path", ", ".join(f"{term:,.0f}" for term in (back_b, *back_path_b))),
        ("journal: a request, besides each path", ", ".join(f"{term:,.0f}" for term in (line_b, *line_path_b))),
        ("journal packed by zstd, its share", f"{len(pyarrow.Codec('zstd', 3).compress(journal)) / len(journal):.3f}"),
    ]


def main() -> None:
    plan = Plan()
    kinds = {field.name: type(getattr(plan, field.name)) for field in fields(Plan)}
    runs = [Path(word) for word in sys.argv[1:] if "=" not in word]
    for name, value in (word.split("=", 1) for word in sys.argv[1:] if "=" in word):
        made = tuple(map(int, value.split(","))) if name == "gpus" else kinds[name](value)
        plan = replace(plan, **{name: made})
    for run in runs:
        print(table((run.name, "bytes"), measured(run)), end="\n\n")
    if not runs:
        print(table(("in all", ""), list(whole(plan))), end="\n\n")
        print(table(HEAD, [row(plan, gpus) for gpus in plan.gpus]))


if __name__ == "__main__":
    main()
