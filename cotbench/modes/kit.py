"""What a mode may use: the making of its requests, and the reading of what comes back. No gold, no engine."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotbench.answers.reading.programs import Code
from cotbench.modes.mode import Mode, Turn
from cotbench.modes.prompts import Prompts
from cotbench.modes.reading import read_answer, read_execution
from cotbench.modes.steps import Paths, Step, generate
from cotbench.questions.data import TaskData
from cotbench.types import Completion, Execution, Prediction, Question, Request, Sampling

_NOT_RENDERED = Request(messages=(), sampling=Sampling(max_tokens=1))


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The kit of a mode over replies on record: its requests aren't rendered, since nobody sends them."""

    mode: Mode
    answer_type: str

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:  # noqa: ARG002
        """Make the request of a turn; `given` is what the turn passes to its template."""
        return _NOT_RENDERED

    def ask(self, question: Question, turn: str = "", **given: Any) -> Generator[Step, Any, Paths]:
        """Ask a turn once and return the paths of its reply. For `yield from`, in a mode."""
        [paths] = yield from generate(self.request(question, turn, **given))
        return paths

    def ask_each(
        self, question: Question, turn: str, given: Sequence[Mapping[str, Any]]
    ) -> Generator[Step, Any, Sequence[Paths]]:
        """Ask a turn several times at once, with each of `given`; return the paths of each reply."""
        return (yield from generate(*(self.request(question, turn, **one) for one in given)))

    def read(self, question: Question, path: Completion) -> Prediction:
        """Read a completion as a prediction: its answer, or the outcome that stands in for one."""
        return read_answer(path, self.answer_type, question.choices)

    def read_execution(self, execution: Execution, code: Code) -> Prediction:
        """Read what came of a program or plan as a prediction."""
        return read_execution(execution, self.answer_type, code)


@dataclass(frozen=True, kw_only=True)
class TaskKit(Kit):
    """The kit of a mode in a run: the task's data, the prompts, and how each of the mode's turns is drawn.

    sampling and thinking: by the turn's name. own_exemplars: the task file's exemplars rather than a split's."""

    data: TaskData
    prompts: Prompts
    sampling: Mapping[str, Sampling]
    thinking: Mapping[str, bool | None] = field(default_factory=dict)
    num_fewshot: int = 0
    own_exemplars: bool = False

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:
        declared = self.mode.turn(turn)
        if given.keys() != declared.given.keys():
            raise TypeError(
                f"mode {self.mode.name} passes {', '.join(given) or 'nothing'} to its turn {turn!r}, which declares "
                f"{', '.join(declared.given) or 'nothing'}"
            )
        exemplars = self.data.exemplars(question, self.num_fewshot, own=self.own_exemplars)
        messages = self.prompts.render(declared.template, self.data.task, question, exemplars, **given)
        return Request(
            messages=messages,
            sampling=self.sampling[turn],
            template=declared.template,
            thinking=self.thinking.get(turn),
        )

    def example_request(self, question: Question, turn: Turn) -> Request:
        """Make a turn's request with the examples of what the mode passes to it, before there is any reply."""
        return self.request(question, turn.name, **turn.given)

    @property
    def budget(self) -> int:
        """The largest budget of its turns, in tokens of the model."""
        return max(sampling.max_tokens for sampling in self.sampling.values())

    @property
    def sampling_keys(self) -> frozenset[str]:
        """The names of the sampling keys that its requests use beyond those that every engine has."""
        return frozenset(name for sampling in self.sampling.values() for name, _ in sampling.extra)
