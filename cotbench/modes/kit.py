"""What a mode may use: the making of its requests, and the reading of what comes back. No gold, no engine."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from msgspec import structs

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import VAGUE, split_reasoning
from cotbench.answers.reading.programs import Code
from cotbench.modes.context import Context
from cotbench.modes.mode import Mode, Turn
from cotbench.modes.prompts import Prompts
from cotbench.modes.reading import read_answer, read_execution
from cotbench.modes.repeats import REPLICATE
from cotbench.modes.steps import Continue, Found, Paths, Step, consult, generate
from cotbench.questions.data import TaskData
from cotbench.types import (
    LETTERS,
    Begun,
    Completion,
    Execution,
    Message,
    Outcome,
    Prediction,
    Question,
    Request,
    Sampling,
    unit,
)

_NOT_RENDERED = Request(messages=(), sampling=Sampling(max_tokens=1))
LINE_END = "\n"
NOTHING_PUT = Begun()


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The kit of a mode over replies on record: its requests aren't rendered, since nobody sends them.

    words: those of the answer line that a reply without one is gone on with; "" where the engine can't. held:
    whether the engine holds the tokens, and can keep a model from ending its turn behind these words. seed: the run's.
    tells_options, tells_confidence: whether the engine tells how likely options are, and how sure the model was.
    values: of the settings that the mode has of its own, as a run on record had them; those of the mode otherwise.
    paths: how many paths a run on record drew of the mode's own turn, at most. prelude: Python that is run before each
    program, where a log's programs call functions of their study. put: what was put before the answer lines of replies
    and is none of the model's own words, so that nothing is read in it."""

    mode: Mode
    answer_type: str
    words: str = ""
    held: bool = False
    seed: int = 0
    tells_options: bool = False
    tells_confidence: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    prelude: str = ""
    paths: int = 1
    put: Begun = NOTHING_PUT

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values of the settings that the mode has of its own."""
        return {**self.mode.values, **self.values}

    @property
    def replicate(self) -> int:
        """Which repetition of the arm it is of, from 0."""
        return int(self.mode.facts.settings.get(REPLICATE, 0))

    def setting(self, name: str) -> Any:
        """Return the value of a setting that the mode has of its own."""
        return self.settings[name]

    @property
    def most_paths(self) -> int:
        """How many paths of the mode's own turn are drawn at most."""
        return self.paths

    def shuffled(self, question: Question, count: int, *more: object) -> list[int]:
        """Return the places 0 to count - 1 in an order by the run's seed, the question, and what else is given: the
        same whenever it is asked for, so that what was shown in it can be read again."""
        return sorted(range(count), key=lambda place: unit(self.seed, question.id, "order", *more, place))

    def donor(self, question: Question) -> Question:
        """Return the question whose reply is borrowed for this one (`runs/donors.py`); over replies on record, where
        none is, the same question."""
        return question

    def failed(self, paths: Iterable[Completion]) -> Prediction | None:
        """Return what a question ends as where a reply on which the method rests was not had, or its judge would not
        answer: without a verdict, and not as wrong. None where all were had."""
        lost = next((path for path in paths if path.finish_reason in ("error", "refused")), None)
        return None if lost is None else Prediction(answer=None, outcome=Outcome.ENGINE_ERROR, source=lost)

    def kind_of(self, question: Question) -> str:
        """The kind of a question's answer: its own, or its task's."""
        return question.kind or self.answer_type

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:  # noqa: ARG002
        """Make the request of a turn; `given` is what the turn passes to its template."""
        return _NOT_RENDERED

    def going_on(self, question: Question, begun: Begun, turn: str = "", **given: Any) -> Request:
        """Make the request that has the reply to a turn gone on with, from what there is of it, to the line's end."""
        request = replace(self.request(question, turn, **given), begun=begun, options=(), confidence=0)
        line = KINDS[self.kind_of(question)].line_tokens
        least = (("min_tokens", 1),) if self.held else ()
        return replace(request, sampling=Sampling(max_tokens=line, stop=(LINE_END,), extra=least))

    def informed(self, question: Question) -> Generator[Step, Any, Kit]:  # noqa: ARG002
        """Return the kit with the passages that the arm shows before the question. Over replies on record nobody reads
        a prompt, so that none are brought."""
        yield from ()
        return self

    def ask(
        self, question: Question, turn: str = "", *, after: Iterable[Completion] = (), **given: Any
    ) -> Generator[Step, Any, Paths]:
        """Ask a turn once and return the paths of its reply. For `yield from`, in a mode. after: the completions that
        it builds on, which the journal names as its parents."""
        [paths] = yield from self.ask_each(question, turn, [given], [after])
        return paths

    def ask_each(
        self,
        question: Question,
        turn: str,
        given: Sequence[Mapping[str, Any]],
        after: Sequence[Iterable[Completion]] | None = None,
    ) -> Generator[Step, Any, Sequence[Paths]]:
        """Ask a turn several times at once, with each of `given`; return the paths of each reply. after: of each, the
        completions that it builds on."""
        requests = [self.request(question, turn, **one) for one in given]
        if after is not None:
            parents = map(tuple, after)
            requests = [
                replace(request, after=behind) if behind else request
                for request, behind in zip(requests, parents, strict=True)
            ]
        return (yield from consult(*requests) if self.asks_second(turn) else generate(*requests))

    def asks_second(self, turn: str) -> bool:  # noqa: ARG002
        """Whether a turn is answered by a second model. Over replies on record, nobody answers."""
        return False

    def read(self, question: Question, path: Completion) -> Prediction:
        """Read a completion as a prediction: its answer, or the outcome that stands in for one."""
        own = structs.replace(path, begun=path.begun.removeprefix(self.put.text)) if self.put.text else path
        return replace(read_answer(own, self.kind_of(question), question.choices), source=path)

    def conclude(
        self, question: Question, path: Completion, turn: str = "", **given: Any
    ) -> Generator[Step, Any, Prediction]:
        """Read a completion, which is gone on with where it has no answer line. For `yield from`, in a mode."""
        [reading] = yield from self.conclude_each(question, (path,), turn, **given)
        return reading

    def conclude_each(
        self, question: Question, paths: Sequence[Completion], turn: str = "", **given: Any
    ) -> Generator[Step, Any, list[Prediction]]:
        """Read the completions of a turn. One that states no answer, finished or cut at its budget, is gone on with by
        the words of the answer line, as in Kojima et al.'s second stage (2022, arXiv:2205.11916): what could be read
        without stands beside what is read then, and a cut one stays on record as cut. turn, given: as the completions
        were asked for."""
        readings = [self.read(question, path) for path in paths]
        silent = {place: path for place, path in enumerate(paths) if self._is_silent(path, readings[place])}
        while silent:
            begun = [
                self._line_after(path, paths[place].reasoning or self.put.thought) for place, path in silent.items()
            ]
            requests = [
                replace(self.going_on(question, beginning, turn, **given), after=(path,))
                for beginning, path in zip(begun, silent.values(), strict=True)
            ]
            further: Sequence[Paths] = yield Continue(tuple(requests))
            blank = {}
            for (place, last), found in zip(silent.items(), further, strict=True):
                for path in found:  # none in a run on record that did not ask
                    if path.finish_reason == "error":
                        continue
                    readings[place] = self._with_more(question, readings[place], path)
                    if not path.text.strip() and last is paths[place]:  # once: a model may put it on the next line
                        blank[place] = path
            silent = blank
        return readings

    def _is_silent(self, path: Completion, reading: Prediction) -> bool:
        """Whether a reply states no answer, and can be gone on with: not where it was cut within a thought that can't
        be closed, since its mark stands in the text, or a server has the tokens."""
        if not self.words or path.options is not None or path.finish_reason not in ("stop", "length"):
            return False
        if path.finish_reason == "length" and not path.begun:
            shown = path.text.strip() and not split_reasoning(path.text).unclosed
            if not shown and not (self.held and path.reasoning and not path.text.strip()):
                return False
        return reading.outcome in (Outcome.UNPARSED, Outcome.TRUNCATED) or reading.rule in VAGUE

    def _line_after(self, path: Completion, thought: str | None) -> Begun:
        """What there is of a reply, and the beginning of an answer line: its words, or of a reply that was begun with
        them and ended there, the next line. An empty line is between: where the words followed on the last of the
        options that it had repeated, a small chat model took its turn for ended."""
        text = path.begun + path.text
        words, lines = ("", 1) if text.rstrip().endswith(self.words) else (self.words, 2)
        apart = LINE_END * (lines - len(text) + len(text.rstrip(LINE_END))) if text else ""
        return Begun(text=f"{text}{apart}{words}", thought=thought or None)

    def _with_more(self, question: Question, before: Prediction, path: Completion) -> Prediction:
        after, first = self.read(question, path), before.before or before
        if after.answer is None and before.answer is not None:
            return replace(before, before=first)  # guessed, which is more than nothing
        return replace(after, before=first)

    def read_execution(self, question: Question, execution: Execution, code: Code) -> Prediction:
        """Read what came of a program or plan as a prediction."""
        return read_execution(execution, self.kind_of(question), code)


@dataclass(frozen=True, kw_only=True)
class TaskKit(Kit):
    """The kit of a mode in a run: the task's data, the prompts, and how each of the mode's turns is drawn.

    sampling: by the turn's name. begins: the words of the answer line with which replies of turns that want the answer
    alone are begun. own_exemplars: the task file's exemplars rather than a split's. passages: those that stand before
    the question. second: whether the run has a second model, and what it gives. donors: by a question's id the one from
    which it borrows a reply."""

    data: TaskData
    prompts: Prompts
    sampling: Mapping[str, Sampling]
    thinking: Mapping[str, bool | None] = field(default_factory=dict)
    begins: str = ""
    num_fewshot: int = 0
    own_exemplars: bool = False
    passages: tuple[Found, ...] = ()
    second: Literal["replies", "rewards", ""] = ""
    donors: Mapping[str, Question] = field(default_factory=dict)

    @property
    def most_paths(self) -> int:
        return self.sampling[""].n

    @property
    def context(self) -> Context:
        """Which passages the arm shows."""
        return Context.of(self.mode.facts.settings)

    def informed(self, question: Question) -> Generator[Step, Any, Kit]:
        own = self.data.passages.get(question.id, ())
        found = yield from self.context.bring(question, own, self.data.all_passages)
        return replace(self, passages=found)

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:
        declared = self.mode.turn(turn)
        if given.keys() != declared.given.keys():
            raise TypeError(
                f"mode {self.mode.name} passes {', '.join(given) or 'nothing'} to its turn {turn!r}, which declares "
                f"{', '.join(declared.given) or 'nothing'}"
            )
        if declared.rewarded and self.second == "rewards":
            return self._to_be_scored(question, given[declared.rewarded])
        exemplars = self.data.exemplars(question, self.num_fewshot, own=self.own_exemplars)
        asked = self.prompts.with_passages([found.passage for found in self.passages], question)
        messages = self.prompts.render(declared.template, self.data.task, asked, exemplars, **given)
        return Request(
            messages=messages,
            sampling=self._sampling(question, declared),
            template=declared.template,
            thinking=self.thinking.get(turn),
            begun=self.beginning(declared),
            options=tuple(LETTERS[: len(question.choices)]) if declared.answer in ("likeliest", "choice") else (),
            to="judge" if self.asks_second(turn) else "",
            confidence=declared.confidence,
        )

    def donor(self, question: Question) -> Question:
        return self.donors[question.id]

    def asks_second(self, turn: str) -> bool:
        return bool(self.second) and self.mode.turn(turn).by == "judge"

    def _to_be_scored(self, question: Question, reply: str) -> Request:
        """Make the request that has a reply scored: the conversation of the mode's own turn, and the reply as its
        end."""
        asked = self.request(question, self.mode.own.name)
        messages = (*asked.messages, Message(role="assistant", text=reply))
        return Request(
            messages=messages,
            sampling=Sampling(max_tokens=1),
            template=asked.template,
            to="judge",
            reward=True,
        )

    def _sampling(self, question: Question, turn: Turn) -> Sampling:
        """How a turn is drawn. The rest of a line that is begun is as long as the kind of answer wants it; where the
        task's questions have several kinds, and nobody says otherwise, that is the question's own."""
        sampling = self.sampling[turn.name]
        own = KINDS[self.kind_of(question)].line_tokens
        usual = KINDS[self.answer_type].line_tokens
        if turn.answer == "begun" and question.kind and sampling.max_tokens == usual != own:
            return replace(sampling, max_tokens=own)
        return sampling

    def beginning(self, turn: Turn) -> Begun | None:
        """The beginning of a turn's reply that is written for the model."""
        if turn.answer in ("begun", "likeliest", "choice") and self.begins:
            return Begun(text=self.begins)
        return turn.begun

    def example_request(self, question: Question, turn: Turn) -> Request:
        """Make a turn's request with the examples of what the mode passes to it, before there is any reply, and with
        passages of about the length of those that the arm shows, where none have been brought."""
        passages = self.passages or self.context.example(self.data.passages.get(question.id, ()))
        given = turn.given if turn.example is None else turn.example(self.kind_of(question), question)
        return replace(self, passages=passages).request(question, turn.name, **given)

    def asked(self, turn: Turn) -> int:
        """How often a turn is asked at most for a question of the task."""
        if turn.each:
            return self.sampling[self.mode.own.name].n
        return turn.asked_of.get(KINDS[self.answer_type].asked_as, turn.asked)

    @property
    def most_tokens(self) -> int:
        """The most tokens that an answer may take: the budgets of all paths of its turns."""
        drawn = ((self.asked(turn), self.sampling[turn.name]) for turn in self.mode.turns)
        return sum(asked * sampling.n * sampling.max_tokens for asked, sampling in drawn)

    @property
    def budget(self) -> int:
        """The largest budget of its turns, in tokens of the model."""
        return max(sampling.max_tokens for sampling in self.sampling.values())
