"""The messages that an arm sent, where only the text that was made of them is on record: rendered again from task and
template, and taken for what was sent only where the request's hash is the recorded one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cotbench.analysis.pairing import Run
from cotbench.errors import CotbenchError
from cotbench.modes import Mode, facts_of, recorded_mode
from cotbench.modes.context import Context
from cotbench.modes.prompts import Prompts
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.tasks import Exemplar, Task, find_task
from cotbench.store.journal import StoredReply
from cotbench.types import LETTERS, Begun, Message, Passage, Question, Request, Sampling


class Conversations:
    """The messages of a run's requests. tasks_dir, prompts_dir, data_dir: where else tasks, templates and data are, as
    the run was told; by default what it was told then."""

    def __init__(
        self,
        run: Run,
        *,
        tasks_dir: Path | None = None,
        prompts_dir: Path | None = None,
        data_dir: Path | None = None,
    ) -> None:
        self._run = run
        self._folders = {
            name: given or self._told(name)
            for name, given in (("tasks_dir", tasks_dir), ("prompts_dir", prompts_dir), ("data_dir", data_dir))
        }
        self._modes: dict[str, Mode | None] = {}
        self._tasks: dict[str, tuple[Task, TaskData | None] | None] = {}
        self.unknown = 0  # requests whose messages couldn't be told

    def _told(self, name: str) -> Path | None:
        told = self._run.manifest.options.get(name)
        return Path(told).expanduser() if isinstance(told, str) and told else None

    def messages(self, arm: str, question: Question, reply: StoredReply) -> tuple[Message, ...]:
        """The messages of a request; () where they can't be told for certain."""
        if reply.messages is not None:
            return reply.messages
        if reply.prompt is None:  # a log didn't say it
            self.unknown += 1
            return ()
        try:
            found = next(self._fitting(arm, question, reply), ())
        except CotbenchError:
            found = ()
        self.unknown += not found
        return found

    def _fitting(self, arm: str, question: Question, reply: StoredReply) -> Iterator[tuple[Message, ...]]:
        """Messages with which the request has the hash that is on record."""
        for messages in self._rendered(arm, question, reply):
            for request in _requests(messages, question, reply, self._begins(arm)):
                if request.hash == reply.request:
                    yield messages

    def _rendered(self, arm: str, question: Question, reply: StoredReply) -> Iterator[tuple[Message, ...]]:
        mode, entry, prompts = self._mode(arm), self._task(question.task), self._prompts
        if mode is None or entry is None or prompts is None:
            return
        task, data = entry
        asked = prompts.with_passages(self._passages(arm, question), question)
        for turn in mode.turns:
            if turn.template == reply.template and not turn.given:
                yield prompts.render(turn.template, task, asked, self._exemplars(question, task, data))

    def _begins(self, arm: str) -> Iterable[Begun | None]:
        mode = self._mode(arm)
        return {turn.begun for turn in mode.turns} if mode is not None else ()

    def _exemplars(self, question: Question, task: Task, data: TaskData | None) -> tuple[Exemplar, ...]:
        spec = self._run.manifest.spec
        if not spec.num_fewshot:
            return ()
        if data is not None:
            return data.exemplars(question, spec.num_fewshot, own=spec.exemplars == "own")
        pool = task.asked(question.group).exemplars
        return tuple(one for one in pool if one.question != question.text)[: spec.num_fewshot]

    def _passages(self, arm: str, question: Question) -> list[Passage]:
        context = Context.of(facts_of(arm, self._run.manifest.modes.get(arm)).settings)
        shown = self._run.passages.get((question.id, context.name)) if context else None
        return [Passage(one.title, one.text) for one in shown.passages] if shown is not None else []

    @cached_property
    def _prompts(self) -> Prompts | None:
        try:
            return Prompts(self._folders["prompts_dir"])
        except CotbenchError:
            return None

    def _mode(self, arm: str) -> Mode | None:
        if arm not in self._modes:
            try:
                self._modes[arm] = recorded_mode(arm, self._run.manifest.modes.get(arm))
            except CotbenchError:
                self._modes[arm] = None
        return self._modes[arm]

    def _task(self, name: str) -> tuple[Task, TaskData | None] | None:
        """A task's file, and its data where exemplars are drawn from a split of it."""
        if name not in self._tasks:
            self._tasks[name] = self._found(name)
        return self._tasks[name]

    def _found(self, name: str) -> tuple[Task, TaskData | None] | None:
        told = self._run.manifest.options.get("tasks") or []
        spec = self._run.manifest.spec
        for typed in (name, *(one for one in told if isinstance(one, str) and Path(one).stem == name)):
            try:
                file = find_task(typed, self._folders["tasks_dir"], self._folders["data_dir"])
                from_split = file.task.fewshot is not None and spec.num_fewshot and spec.exemplars != "own"
                return file.task, load_data(file, self._folders["data_dir"]) if from_split else None
            except CotbenchError:
                continue
        return None


def _requests(
    messages: tuple[Message, ...], question: Question, reply: StoredReply, begins: Iterable[Begun | None]
) -> Iterator[Request]:
    """The requests that may have had a reply, by how it was begun."""
    path = reply.completions[0]
    letters = tuple(LETTERS[: len(question.choices)]) if path.options is not None else ()
    begun = {None, Begun(text=path.begun) if path.begun else None, *begins}
    for beginning in begun:
        yield Request(
            messages=messages,
            sampling=_sampling(reply.sampling),
            thinking=reply.thinking,
            begun=beginning,
            options=letters,
            confidence=path.confidence.window if path.confidence is not None else 0,
        )


def _sampling(row: Mapping[str, Any]) -> Sampling:
    known = ("max_tokens", "temperature", "top_p", "n", "stop")
    return Sampling(
        max_tokens=row["max_tokens"],
        temperature=row["temperature"],
        top_p=row["top_p"],
        n=row.get("n", 1),
        stop=tuple(row["stop"]),
        extra=tuple((name, value) for name, value in row.items() if name not in known),
    )
