"""The few core types that every floor above shares: frozen, slotted, keyword-only.

`Question` has no gold field on purpose: a mode, a prompt or the extraction can't leak what it can't see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from msgspec import Struct

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


_in_ascii = json.JSONEncoder(separators=(",", ":")).encode  # made once: that takes as long as a prompt's JSON


class AnswerType(StrEnum):
    """The names of the kinds of answers that come with cotbench; rows of `answers.kinds.KINDS` say what they are."""

    NUMBER = "number"
    LATEX = "latex"
    LETTER = "letter"
    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    EXPRESSION = "expression"
    LIST = "list"
    LETTERS = "letters"
    NUMBER_OR_NONE = "number-or-none"
    DECIMAL = "decimal"


class Outcome(StrEnum):
    """What became of one question under one mode: exactly one per record."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"  # the model finished and no answer could be read
    TRUNCATED = "truncated"  # cut at the token budget before an answer could be read
    DECLINED = "declined"  # the model finished and says that the question can't be answered
    REFUSED = "refused"  # the server or the model would not answer
    NO_PROGRAM = "no_program"  # the model was to write a program and wrote none
    SYNTAX_ERROR = "syntax_error"  # its program isn't Python
    RUNTIME_ERROR = "runtime_error"  # it ended in an exception
    NO_VALUE = "no_value"  # it ran and gave nothing, or nothing that is an answer
    PROGRAM_TIMEOUT = "program_timeout"
    PROGRAM_MEMORY = "program_memory"
    OUTPUT_LIMIT = "output_limit"
    PROGRAM_KILLED = "program_killed"  # it crashed, or ended itself without a result
    PLAN_INVALID = "plan_invalid"  # its plan isn't in the plan language
    UNSOLVED = "unsolved"  # the solver finds no answer to the plan
    AMBIGUOUS = "ambiguous"  # it finds several
    GRADER_TIMEOUT = "grader_timeout"  # equality could not be decided within its budget: not the same as wrong
    ENGINE_ERROR = "engine_error"  # no completion was obtained: counted and shown, never a wrong answer


# In no denominator: there is no verdict.
UNDECIDED = frozenset({Outcome.ENGINE_ERROR, Outcome.GRADER_TIMEOUT})


class Verdict(NamedTuple):
    """What a grader says of an answer. score: 0 (wrong) to 1 (correct); an answer that is partly right is wrong too.

    Of most kinds of answers the score says the outcome. Of texts it doesn't: the words of gold in another order are
    wrong, and their score is 1."""

    outcome: Outcome
    score: float

    @classmethod
    def of(cls, score: float | None) -> Verdict:
        """The verdict that a score is; None is a comparison that could not be decided in time.

        Raises ValueError where a score isn't from 0 to 1."""
        if score is None:
            return cls(Outcome.GRADER_TIMEOUT, 0.0)
        if not 0 <= score <= 1:
            raise ValueError(f"a score is {score!r:.40}, expected a number from 0 to 1")
        return cls(Outcome.CORRECT if score == 1 else Outcome.WRONG, float(score))

    @property
    def own_score(self) -> float | None:
        """The score where the outcome doesn't say it, as of an answer that is partly right; else None."""
        return None if self.score == float(self.outcome is Outcome.CORRECT) else self.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question as it is asked.

    id: stable across runs, modes and copies of the data set: the pairing key.
    group: MMLU subject or MATH type (strata of `--limit`, rows of a report); "" where a task has none.
    cluster: questions of one cluster share something (a passage), so they aren't independent; "" = its own. Where it is
    the group by name (as of MMLU and MATH) it says no more than the group does.
    kind: of its answer, where questions of its task have answers of several kinds; "" = the task's.
    features: what the data say of it, by name (how many steps it takes, of what it is a variant).
    """

    id: str
    task: str
    text: str
    choices: tuple[str, ...] = ()
    group: str = ""
    cluster: str = ""
    kind: str = ""
    features: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that may help to answer a question. supports: whether the answer rests on it; a model never sees that."""

    title: str
    text: str
    supports: bool = False


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


class Begun(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The beginning of a reply that is written for the model; the completion goes on from its last character.

    text: the beginning of the visible text. thought: the thought before it; None where none is written, "" for an
    empty one. open: the thought is not over, so that the completion goes on thinking; then text is empty."""

    text: str = ""
    thought: str | None = None
    open: bool = False

    def __post_init__(self) -> None:
        if self.open and (self.thought is None or self.text):
            raise ValueError("a reply that is begun with an open thought has a thought and no text yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn. temperature 0 is greedy; n reasoning paths come from one request.

    max_tokens is the budget of each path, in tokens of the model; where extra has a `thinking_budget`, that is the
    budget of the thought and max_tokens that of what follows it. stop: none by default; plain-text prompts add one of
    their own (`engines/chat.py`). extra: other keys and their values (top_k, min_p ...), by name
    (`engines/sampling.py`); where there are none, a request's hash is what it was before there could be any."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()

    @property
    def greedy(self) -> bool:
        return self.temperature == 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "n": self.n,
            "stop": list(self.stop),
            **dict(self.extra),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of an engine. Two equal requests of one question are one request, whichever mode asks.

    template: name of the prompt template it was rendered from; a label, not part of its identity.
    thinking: False has a model not think (by its chat template's switch, else by closing the thought for it), True has
    it think, None leaves the template's default.
    begun: the beginning of the reply, which is written for the model. options: the letters between which the next token
    is to choose; then the reply has their probabilities. to: who is asked, "" the run's own model, "judge" the second
    one. reward: the conversation ends with a reply, and a reward model is to score it. confidence: over windows of how
    many tokens the reply's confidence is wanted; 0 where it isn't.
    after: the completions that it builds on, as the flow was given them; no part of its identity.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    template: str = field(default="", compare=False)
    thinking: bool | None = None
    begun: Begun | None = None
    options: tuple[str, ...] = ()
    to: Literal["", "judge"] = ""
    reward: bool = False
    confidence: int = 0
    after: tuple[Completion, ...] = field(default=(), compare=False, repr=False)

    @property
    def hash(self) -> str:
        """16 hex digits over everything that decides what the model is asked, seeds apart."""
        payload: list[Any] = [[[m.role, m.text] for m in self.messages], self.sampling.as_dict(), self.thinking]
        if self.begun is not None:
            payload.append([self.begun.text, self.begun.thought, self.begun.open])
        if self.options:
            payload.append({"options": self.options})
        if self.to or self.reward or self.confidence:
            wanted = {"to": self.to, "reward": self.reward, "confidence": self.confidence}
            payload.append({name: value for name, value in wanted.items() if value})
        return hashlib.sha256(_in_ascii(payload).encode()).hexdigest()[:16]


class Key(NamedTuple):
    """Address of one generation in a journal: the same request may be asked of a question more than once.

    request: its hash. replicate: which repetition of the run it is of, from 0. ordinal: which of the equal requests of
    one flow, from 0."""

    question: str
    request: str
    replicate: int
    ordinal: int


def request_seed(run_seed: int, key: Key) -> int:
    """The sampling seed of one generation, in [0, 2**31).

    A hash of the run's seed and the address, so neither the subset nor the order of questions changes a question's
    noise, and no two requests share it (one seed for all prompts would give every prompt the same noise). The first
    replicate has the seeds of runs without replicates."""
    replicate = f"\x1f{key.replicate}" if key.replicate else ""
    text = f"{run_seed}\x1f{key.question}\x1f{key.request}\x1f{key.ordinal}{replicate}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def unit(*parts: object) -> float:
    """A number in [0, 1) from a hash of the parts: repeatable chance that depends on nothing else."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


FinishReason = Literal["stop", "length", "error", "refused"]


class Confidence(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """How sure a model was of a path while it wrote it: DeepConf's measures (Fu et al. 2025, arXiv:2508.15260, section
    2), the higher the surer.

    A token's confidence is minus the mean log-probability of the likeliest tokens at its place; top: over how many of
    them, at the place where fewest are known. Measures over different numbers of them can't be compared.
    mean: over all tokens of the path. lowest: the least mean over `window` tokens in a row. bottom: the mean of the
    lowest tenth of these. tail: the mean over the last `window` tokens. A shorter path is one window.
    logprob: the mean log-probability of the tokens that were written; None where it isn't known."""

    mean: float
    lowest: float
    bottom: float
    tail: float
    window: int
    top: int
    logprob: float | None = None


class Completion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One path as the engine returned it, untouched; a journal's line holds it as it is, without what is unknown.

    text: the visible output. reasoning: a separate reasoning text, where a server splits it off or the engine tells it
    from the answer by its tokens; else "".
    finish_reason: "length" = cut at the budget; "error" = no completion was obtained and `error` says why.
    Token counts are None where an engine can't tell; reasoning tokens are part of the completion's.
    begun: the visible text that was written for the model, from which `text` goes on; what it answers stands in both
    together. options: the natural logarithm of each letter's probability as the next token, among all tokens, where a
    request asked for them; then text is the likeliest letter. score: what a reward model gives. confidence: where a
    request asked for it and the engine tells it."""

    text: str
    finish_reason: FinishReason
    reasoning: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    error: str = ""
    begun: str = ""
    options: dict[str, float] | None = None
    score: float | None = None
    confidence: Confidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one request: n completions, and the prompt as text where we rendered it ourselves.

    prompt is None where the server renders; messages then says what it was sent, if that differs from the request's own
    (a system message folded into the first user turn, control tokens broken up).
    more_prompt_tokens: of prompts that were sent beside the first one, where it took several responses to have all
    paths, or several generations to have one. cached_tokens: how many of all prompt tokens a cache had, as the engine
    says. seconds: what the engine was seen to take for the reply, as `EngineInfo.seconds` says; of paths that don't
    build on each other the longest. None where it isn't told, or can't be told honestly."""

    completions: tuple[Completion, ...]
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    total_completion_tokens: int | None = None  # of all paths, where a server doesn't tell them apart
    more_prompt_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float | None = field(default=None, compare=False)

    @property
    def completion_tokens(self) -> int | None:
        """Of all paths together."""
        if len(self.completions) == 1 and (count := self.completions[0].completion_tokens) is not None:
            return count
        counts = [path.completion_tokens for path in self.completions]
        return self.total_completion_tokens if not counts or None in counts else sum(filter(None, counts))

    @property
    def prompt_tokens(self) -> int | None:
        """Of the one prompt that all paths share."""
        return self.completions[0].prompt_tokens if self.completions else None


class ExecutionOutcome(StrEnum):
    """How a program or plan ended."""

    OK = "ok"  # it gave a value
    SYNTAX_ERROR = "syntax_error"
    RUNTIME_ERROR = "runtime_error"
    NO_VALUE = "no_value"  # it ran to its end and gave nothing
    TIMEOUT = "timeout"  # out of CPU time, or of wall time
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"  # by a signal (a crash), or it ended itself without a result
    PLAN_INVALID = "plan_invalid"  # a line that isn't in the plan language, or nothing asked
    UNSOLVED = "unsolved"  # no solution, or more than the solver can do
    AMBIGUOUS = "ambiguous"  # several answers are left


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Code that a model wrote: Python, a plan for SymPy, or a block of a notebook, of which what it shows is wanted.

    choices: the options that its value may be one of. earlier: the blocks before it, whose names it finds; they are run
    again, unseen, and share its limits. Of a program they are what it was written for: a study's own functions."""

    runtime: Literal["python", "sympy", "notebook"]
    code: str
    choices: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of a program.

    value: exact, as text; of a block the last line of what it showed. latex: the same in LaTeX. decimal: to 12 digits,
    of a real number. option: the letter of the one choice that the value is. stdout is cut at some 16,000 characters:
    the first ones, of a block the last ones. Times are the program's alone, in seconds."""

    outcome: ExecutionOutcome
    value: str | None = None
    latex: str | None = None
    decimal: str | None = None
    option: str | None = None
    error: str = ""
    stdout: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """How the paths of a question voted.

    answers: the different ones, in the order in which they were reached; answers that are equal (1/2 and 0.5) are one.
    ballots: for each path the place of its answer among them, None where it abstained. abstained: how many did, by
    outcome.
    margin: by how many votes the winner is ahead; 0 is a tie, which goes to the answer that was reached first. scores:
    of modes that choose by them, what each path was given; None where it has none, or one that can't be read."""

    answers: tuple[str, ...]
    ballots: tuple[int | None, ...]
    abstained: Mapping[str, int]
    margin: int
    scores: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How likely a model takes the options of a question to be.

    probabilities: by letter, of the options as the question has them; they sum to 1. mass: what the letters have of the
    probability of all tokens."""

    probabilities: Mapping[str, float]
    mass: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing that was written on the way to an answer: a thought of a tree, a path, a criticism, a program.

    text: what it adds to its parent. role: what it is, in a word (thought, answer, criticism, code, output). parent:
    the place among the nodes of the one that it goes on from; None of first ones. source: the completion in which it
    was written. value: what it was found to be worth; None where nobody said, or it can't be read. kept: whether it was
    gone on with, or is among the last that were kept; why: why not, in a word or two. judged: the completions that say
    its value. ballot: of a candidate for the answer, its place among the ballots. tokens: of a text that was cut, how
    many of its tokens stand before the cut; None where that isn't known."""

    text: str
    role: str
    parent: int | None = None
    source: Completion | None = field(default=None, compare=False, repr=False)
    value: float | None = None
    kept: bool = True
    why: str = ""
    judged: tuple[Completion, ...] = field(default=(), compare=False, repr=False)
    ballot: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a mode concludes for a question: an answer to be graded, or the outcome that made grading impossible.

    rule and span say how the answer was read: span is the character range of the output that held it (of the program,
    where one was run). votes: of modes that draw several paths. source: the completion that it was read in, where it
    was read in one. before: what would have been concluded had no reply been gone on with; None where none was.
    options: where their probabilities were asked for. nodes: what was written on the way, each behind its parent."""

    answer: str | None
    outcome: Outcome | None = None
    rule: str = ""
    span: tuple[int, int] | None = None
    votes: Votes | None = None
    source: Completion | None = field(default=None, compare=False, repr=False)
    before: Prediction | None = None
    options: Options | None = None
    nodes: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.outcome is None):
            raise ValueError("a prediction has either an answer or the outcome that stands in for it")

    @property
    def answers(self) -> tuple[str, ...]:
        """What is to be graded: the answer, or all that paths voted for; and behind it the same of `before`."""
        own = self.votes.answers if self.votes is not None else () if self.answer is None else (self.answer,)
        if self.before is None:
            return own
        return tuple(dict.fromkeys((*own, *self.before.answers)))

    def concluded(self, verdicts: Sequence[Verdict], answers: Sequence[str] = ()) -> Verdict:
        """The outcome and score of the prediction, once there is a verdict on each of `answers`, by default its own."""
        if self.answer is None:
            assert self.outcome is not None
            return Verdict(self.outcome, 0.0)
        return verdicts[(answers or self.answers).index(self.answer)]
