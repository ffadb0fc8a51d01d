"""The prompting methods that are compared, side by side, and the table `MODES`.

A mode is a generator: it asks for completions with `yield from generate(request)`, for programs to be run with `execute`, and
returns a Prediction. So it reads from top to bottom, knows nothing of engines, journals or processes, and can be driven
by hand with `.send()`. Adding a method is one function (or one that is here already), one template and one row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import DECLINED, extract, split_reasoning
from cotbench.answers.reading.programs import Code, find_plan, find_program
from cotbench.errors import UsageError
from cotbench.modes.prompts import Prompts
from cotbench.modes.votes import margin, winner
from cotbench.questions.data import TaskData
from cotbench.types import (
    Completion,
    Execution,
    ExecutionOutcome,
    Outcome,
    Prediction,
    Program,
    Question,
    Request,
    Sampling,
    Votes,
)


@dataclass(frozen=True, slots=True)
class Generate:
    """A step of a flow: these requests are wanted, all at once; the answer is one tuple of n paths for each."""

    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Execute:
    """A step of a flow: these programs are to be run; the answer is one Execution for each."""

    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A step of a flow: are these pairs of answers equal? The answer is one bool for each."""

    pairs: tuple[tuple[str, str], ...]


Paths = tuple[Completion, ...]
Step = Generate | Execute | Compare
Flow = Generator[Step, Any, Prediction]


def generate(*requests: Request) -> Generator[Step, Any, Sequence[Paths]]:
    paths: Sequence[Paths] = yield Generate(requests)
    return paths


def execute(*programs: Program) -> Generator[Step, Any, Sequence[Execution]]:
    """Nothing to run is no step."""
    executions: Sequence[Execution] = (yield Execute(programs)) if programs else ()
    return executions


def compare(pairs: Sequence[tuple[str, str]]) -> Generator[Step, Any, Sequence[bool]]:
    equal: Sequence[bool] = (yield Compare(tuple(pairs))) if pairs else ()
    return equal


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One row of the table. max_tokens is the default budget per path; `--max-tokens name=N` changes it.

    thinking: what hybrid models' chat templates are told; False for a mode that is meant to answer without reasoning.
    temperature and top_p hold where more than one path is drawn; one path is greedy. paths: None where a mode has one only.
    planned: its first request is the plan that all such modes share, and `template` (if any) is of the second.
    runs: what it has executed. shows: the part of an exemplar that its prompts need. answers_in: what its responses are: words, or a program
    or plan, which holds "=" whatever is asked; a run's manifest says it to the tag rules on responses.
    """

    name: str
    about: str
    template: str
    max_tokens: int
    run: Callable[[Question, Kit], Flow]
    temperature: float = 0.7
    top_p: float = 0.95
    paths: int | None = None
    thinking: bool | None = None
    planned: bool = False
    runs: Literal["python", "sympy"] | None = None
    shows: Literal["rationale", "program", "equations"] | None = None
    answers_in: Literal["words", "program", "plan"] = "words"

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of the templates of its requests, in order."""
        return (*((PLAN,) if self.planned else ()), *((self.template,) if self.template else ()))


PLAN = "plan"  # the template of the plans, and their name in --max-tokens
PLAN_MAX_TOKENS = 1_024


class Kit(Protocol):
    """What a mode may use: the making of its requests, and the reading of what comes back. No gold."""

    def request(self, question: Question) -> Request: ...

    def plan_request(self, question: Question) -> Request: ...

    def follow_up(self, question: Question, plan: str) -> Request: ...

    def read(self, question: Question, path: Completion) -> Prediction: ...

    def read_execution(self, execution: Execution, code: Code) -> Prediction: ...


@dataclass(frozen=True, kw_only=True)
class TaskKit:
    """The kit of a mode for one task: its prompts and sampling. plan_sampling: of the plan that comes before, if one does."""

    data: TaskData
    mode: Mode
    prompts: Prompts
    sampling: Sampling
    plan_sampling: Sampling | None = None
    num_fewshot: int = 0
    own_exemplars: bool = False
    thinking: bool | None = None
    plan_thinking: bool | None = None

    @property
    def sampling_keys(self) -> frozenset[str]:
        """The names of the sampling keys that its requests use beyond those that every engine has."""
        both = (self.sampling, *((self.plan_sampling,) if self.plan_sampling else ()))
        return frozenset(name for sampling in both for name, _ in sampling.extra)

    def first_request(self, question: Question) -> Request:
        return self.plan_request(question) if self.mode.planned else self.request(question)

    def request(self, question: Question) -> Request:
        """The mode's request for a question, exemplars included."""
        return self._request(question, self.mode.template, self.sampling, self.thinking)

    def plan_request(self, question: Question) -> Request:
        """The request for a plan: the same for every mode that begins with one."""
        assert self.plan_sampling is not None
        return self._request(question, PLAN, self.plan_sampling, self.plan_thinking)

    def follow_up(self, question: Question, plan: str) -> Request:
        """The request that has a plan carried out."""
        return self._request(question, self.mode.template, self.sampling, self.thinking, plan=plan)

    def _request(
        self, question: Question, template: str, sampling: Sampling, thinking: bool | None, plan: str | None = None
    ) -> Request:
        exemplars = self.data.exemplars(question, self.num_fewshot, own=self.own_exemplars)
        messages = self.prompts.render(template, self.data.task, question, exemplars, plan=plan)
        return Request(messages=messages, sampling=sampling, template=template, thinking=thinking)

    def read(self, question: Question, path: Completion) -> Prediction:
        """A completion as a prediction: its answer, or the outcome that stands in for one."""
        return read_answer(path, self.data.task.answer.type, question.choices)

    def read_execution(self, execution: Execution, code: Code) -> Prediction:
        return read_execution(execution, self.data.task.answer.type, code)


# --- reading ------------------------------------------------------------------------------------------------------


def as_one_text(path: Completion) -> tuple[str, int]:
    """A completion with its reasoning in front of its text, as it stands where no server splits it off; where the text begins.

    What is read in an output must not depend on whether a server's parser split it, nor on where it put the answer.
    """
    if not path.reasoning:
        return path.text, 0
    before = f"<think>{path.reasoning}</think>"
    # An empty thought that a chat template wrote where the server had split the real one off: blanked, so that places stay.
    return before + _EMPTY_THOUGHT.sub(lambda match: " " * len(match[0]), path.text, count=1), len(before)


_EMPTY_THOUGHT = re.compile(
    r"\A\s*(?:<(think|thinking|thought|reasoning)>\s*</\1>|\[THINK\]\s*\[/THINK\]|◁think▷\s*◁/think▷)", re.I
)


def read_answer(path: Completion, answer_type: str, choices: Sequence[str]) -> Prediction:
    """The same for every mode. An answer that was given before the budget ran out counts.

    The span is None where the answer stands in the reasoning that a server split off.
    """
    if path.finish_reason == "error":
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)
    truncated = path.finish_reason == "length"
    text, begin = as_one_text(path)
    found = extract(text, answer_type, choices, truncated=truncated)
    if found.answer is not None:
        assert found.span is not None
        start, end = found.span
        span = (start - begin, end - begin) if start >= begin else None
        return Prediction(answer=found.answer, rule=found.rule, span=span)
    if path.finish_reason == "refused":
        return Prediction(answer=None, outcome=Outcome.REFUSED)
    outcome = Outcome.DECLINED if found.rule == DECLINED else Outcome.TRUNCATED if truncated else Outcome.UNPARSED
    return Prediction(answer=None, outcome=outcome, rule=found.rule)


def reasoning_tokens(paths: Sequence[Completion], completion_tokens: int | None) -> int | None:
    """How many of the completion tokens are reasoning: as the engine counted, or by the share of characters in reasoning blocks."""
    counted = [path.reasoning_tokens for path in paths]
    if counted and None not in counted:
        return sum(filter(None, counted))
    if completion_tokens is None:
        return None
    hidden = whole = 0
    for path in paths:
        start, end = split_reasoning(path.text).visible
        hidden += len(path.reasoning) + len(path.text) - (end - start)
        whole += len(path.reasoning) + len(path.text)
    return round(completion_tokens * hidden / whole) if whole else 0


_ENDED = {
    ExecutionOutcome.TIMEOUT: Outcome.PROGRAM_TIMEOUT,
    ExecutionOutcome.MEMORY: Outcome.PROGRAM_MEMORY,
    ExecutionOutcome.KILLED: Outcome.PROGRAM_KILLED,
}  # the others have the same name


def read_execution(execution: Execution, answer_type: str, code: Code) -> Prediction:
    """A program's value as a prediction, by the answer's type: a number, LaTeX, or the letter of the option that it is."""
    if execution.outcome is not ExecutionOutcome.OK:
        outcome = _ENDED.get(execution.outcome) or Outcome(execution.outcome.value)
        return Prediction(answer=None, outcome=outcome, span=code.span)
    answer = KINDS[answer_type].value(execution)
    if answer is None:
        return Prediction(answer=None, outcome=Outcome.NO_VALUE, span=code.span)
    return Prediction(answer=answer, rule="program", span=code.span)


def _without_answer(path: Completion, absent: Outcome) -> Prediction:
    """Where an output holds none of what was asked for: why."""
    outcomes = {"error": Outcome.ENGINE_ERROR, "refused": Outcome.REFUSED, "length": Outcome.TRUNCATED}
    return Prediction(answer=None, outcome=outcomes.get(path.finish_reason, absent))


def _code(path: Completion, runtime: Literal["python", "sympy"]) -> Code | Prediction:
    """The program or plan of an output, or the outcome that stands in for it. One that was cut short isn't run."""
    find, absent = (find_program, Outcome.NO_PROGRAM) if runtime == "python" else (find_plan, Outcome.PLAN_INVALID)
    text, begin = as_one_text(path)
    found = None if path.finish_reason == "error" else find(text, truncated=path.finish_reason == "length")
    if found is None or found.cut or found.span is None:
        return _without_answer(path, absent)
    start, end = found.span
    return replace(found, span=(start - begin, end - begin) if start >= begin else None)


# --- the methods --------------------------------------------------------------------------------------------------


def one_path(question: Question, kit: Kit) -> Flow:
    """Ask once and read the answer. What tells direct from CoT is the template's instruction and the budget, no more."""
    [[path]] = yield from generate(kit.request(question))
    return kit.read(question, path)


def several_paths(question: Question, kit: Kit) -> Flow:
    """Several sampled paths, and the answer that most of them reach: self-consistency, where they are chains of thought (Wang et al. 2022,
    arXiv:2203.11171)."""
    [paths] = yield from generate(kit.request(question))
    return (yield from vote([kit.read(question, path) for path in paths]))


def program_aided(question: Question, kit: Kit) -> Flow:
    """PAL (Gao et al. 2022, arXiv:2211.10435): the model writes solution(), Python computes the answer; several paths vote."""
    [paths] = yield from generate(kit.request(question))
    readings = yield from _run(question, kit, [_code(path, "python") for path in paths], "python")
    return readings[0] if len(readings) == 1 else (yield from vote(readings))


def plan_then_answer(question: Question, kit: Kit) -> Flow:
    """The model writes a plan, then carries it out itself: at once (plan-direct) or step by step (plan-cot)."""
    [[path]] = yield from generate(kit.plan_request(question))
    start, end = split_reasoning(path.text).visible
    plan = path.text[start:end].strip()
    if path.finish_reason in ("error", "refused") or not plan:
        return _without_answer(path, Outcome.PLAN_INVALID)
    [[path]] = yield from generate(kit.follow_up(question, plan))
    return kit.read(question, path)


def plan_then_solve(question: Question, kit: Kit) -> Flow:
    """The same plan, solved by SymPy: what the execution of a plan costs a model shows in the difference."""
    [[path]] = yield from generate(kit.plan_request(question))
    [reading] = yield from _run(question, kit, [_code(path, "sympy")], "sympy")
    return reading


def _run(
    question: Question, kit: Kit, found: Sequence[Code | Prediction], runtime: Literal["python", "sympy"]
) -> Generator[Step, Any, list[Prediction]]:
    """Run the programs among what was found in the paths' outputs; a reading for each path."""
    codes = [code for code in found if isinstance(code, Code)]
    executions = iter(
        (yield from execute(*(Program(runtime=runtime, code=c.text, choices=question.choices) for c in codes)))
    )
    return [kit.read_execution(next(executions), one) if isinstance(one, Code) else one for one in found]


def vote(readings: Sequence[Prediction]) -> Flow:
    """The majority over the readings of several paths; `votes.py` states the rules. A path whose request failed spoils the vote."""
    if any(reading.outcome is Outcome.ENGINE_ERROR for reading in readings):
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)
    different = list(dict.fromkeys(r.answer for r in readings if r.answer is not None))
    pairs = [(one, other) for at, other in enumerate(different) for one in different[:at]]
    equal = dict(zip(pairs, (yield from compare(pairs)), strict=True))
    answers: list[str] = []
    place: dict[str, int] = {}
    for answer in different:
        place[answer] = next((at for at, known in enumerate(answers) if equal[known, answer]), len(answers))
        if place[answer] == len(answers):
            answers.append(answer)
    ballots = tuple(None if r.answer is None else place[r.answer] for r in readings)
    abstained = Counter(r.outcome.value for r in readings if r.outcome is not None)
    votes = Votes(answers=tuple(answers), ballots=ballots, abstained=dict(abstained), margin=margin(ballots))
    won = winner(ballots)
    if won is None:
        return Prediction(answer=None, outcome=Outcome(abstained.most_common(1)[0][0]), votes=votes)
    return replace(readings[ballots.index(won)], answer=answers[won], votes=votes)


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(
            name="direct",
            template="direct",
            run=one_path,
            max_tokens=128,
            thinking=False,
            about="the answer at once, without reasoning; greedy",
        ),
        Mode(
            name="cot",
            template="cot",
            run=one_path,
            max_tokens=2048,
            shows="rationale",
            about="chain of thought (Wei et al. 2022, Kojima et al. 2022): reason in writing, then answer; greedy",
        ),
        Mode(
            name="self-consistency",
            template="cot",
            run=several_paths,
            max_tokens=2048,
            paths=20,
            shows="rationale",
            about="majority vote over --paths chains of thought (Wang et al. 2022); temperature 0.7, top-p 0.95",
        ),
        Mode(
            name="direct-votes",
            template="direct",
            run=several_paths,
            max_tokens=128,
            paths=20,
            thinking=False,
            about="majority vote over --paths direct answers: what CoT's tokens buy without a chain of thought; temperature 0.7, top-p 0.95",
        ),
        Mode(
            name="pal",
            template="pal",
            run=program_aided,
            max_tokens=1024,
            paths=1,
            runs="python",
            shows="program",
            answers_in="program",
            about="the model writes a program, Python runs it (Gao et al. 2022); greedy, or a vote over --paths",
        ),
        Mode(
            name="plan-direct",
            template="plan-direct",
            run=plan_then_answer,
            max_tokens=128,
            planned=True,
            thinking=False,
            shows="equations",
            answers_in="plan",
            about="the model writes a plan in formulas, then the answer at once; greedy",
        ),
        Mode(
            name="plan-cot",
            template="plan-cot",
            run=plan_then_answer,
            max_tokens=2048,
            planned=True,
            shows="equations",
            answers_in="plan",
            about="the same plan, worked through by the model step by step; greedy",
        ),
        Mode(
            name="plan-solver",
            template="",
            run=plan_then_solve,
            max_tokens=PLAN_MAX_TOKENS,
            planned=True,
            runs="sympy",
            shows="equations",
            answers_in="plan",
            about="the same plan, solved by SymPy; also called sympy",
        ),
    )
}
ALIASES = {"sympy": "plan-solver"}


def main_of(modes: Iterable[str]) -> str | None:
    """The mode that long tables, single plots and lists of questions are about: cot where it is there, else the first."""
    there = list(modes)
    return "cot" if "cot" in there else next(iter(there), None)


def find_mode(name: str, option: str = "--mode") -> Mode:
    name = ALIASES.get(name, name)
    if name not in MODES:
        import difflib

        close = difflib.get_close_matches(name.lower(), MODES, n=1)
        remedy = f"Did you mean '{close[0]}'?" if close else "See `cotbench list modes`."
        raise UsageError(f"{option}: there is no mode '{name}'. Known: {', '.join(MODES)}.", remedy)
    return MODES[name]
