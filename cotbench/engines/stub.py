"""No model: a stand-in for smoke tests whose numbers mean nothing.

It is given the answer key and answers in the task's format, right on a set share of the questions: by template, and for
CoT more often where the question holds an "=", so that the whole pipeline has something true to compute. Whether a
question is answered right is a hash of the seed, the question and the template, so it depends on nothing else, and of
the replicate where it is sampled: greedy repeats are equal. A few
outputs are unreadable and a few cut short, also at set shares.

`--model-args direct=0.5,cot=0.6,cot_eq=0.9,unparsed=0.02,truncated=0.01` sets the shares; `in_flight=8,latency_s=0.01`
makes it as slow as wanted. Its thought is always the same, cut at a budget and said again up to a minimum.

How sure it is of a reply is made up: `sure=0.7` is the share of right replies of which it is rather sure, and of wrong
ones of which it isn't. With `reward=0.7` it is a reward model, of which the same is the share of replies that it marks
as they deserve.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque

from cotbench.answers.kinds import KINDS
from cotbench.engines import EngineConfig, EngineInfo, ThinkingInfo
from cotbench.engines.arguments import check, number, whole
from cotbench.engines.batched import ModellessEngine
from cotbench.engines.confidence import LIKELIEST
from cotbench.engines.likelihood import likeliest
from cotbench.engines.rewards import refused, scored, writes_none
from cotbench.engines.thinking import BUDGET, LEAST
from cotbench.modes.prompts import fill
from cotbench.modes.repeats import base_template
from cotbench.modes.stand_in import DEFAULT_SHARE, JUDGING, LATER, LOOPS, REASONED, SHARES, SHOWN_REPLIES, WRITTEN_IN
from cotbench.modes.stand_in_search import SEARCHING
from cotbench.questions.tagging import is_symbolic
from cotbench.types import LETTERS, AnswerType, Completion, Confidence, Key, Question, Reply, Request, unit

LETTER, NUMBER = AnswerType.LETTER, AnswerType.NUMBER
_KNOWN = len("Answer:")  # characters of an answer line by which it is known to be one
THOUGHT = "This is a made-up chain of thought. It has two sentences and no content.\n"
CHARACTERS = 4  # of a token
SURE = 0.7


def _thought(request: Request) -> str:
    """What it thinks, within a request's limits; "" where it doesn't think, or goes on with a reply that was begun."""
    if not request.thinking or (request.begun and request.begun.text):
        return ""
    limits = dict(request.sampling.extra)
    least = -(-CHARACTERS * int(limits.get(LEAST, 0)) // len(THOUGHT))
    thought = THOUGHT * max(1, least)
    return thought[: CHARACTERS * int(limits[BUDGET])] if BUDGET in limits else thought


def _program(answer: str, _: Question) -> str:
    return f"```python\ndef solution():\n    return {answer!r}\n```"


# What follows, is refuted, or is left open, by the words that say so.
_FACTS = {
    **dict.fromkeys(("yes", "true", "valid"), "p(a)"),
    **dict.fromkeys(("no", "false", "invalid"), "not p(a)"),
    **dict.fromkeys(("unknown", "uncertain", "neutral"), "q(a)"),
}


def _plan(answer: str, question: Question) -> str:
    """A plan whose one solution is the answer: of logic for letters and for words of truth; LaTeX that isn't in the
    language makes it invalid."""
    if fact := _FACTS.get(answer.casefold()):
        return f"```plan\npremise: {fact}\nask: p(a)\n```"
    if not question.choices:
        return f"```plan\nanswer: {answer}\n```"
    letters = LETTERS[: len(question.choices)]
    options = "\n".join(f"option {letter}: p_{letter}" for letter in letters)
    return f"```plan\npremise: p_{answer}\nask: must be true\n{options}\n```"


def _rest(line: str, begun: str) -> str:
    """What is missing of an answer line behind the beginning of a reply: all but what the beginning ends with."""
    for known in range(len(line), _KNOWN - 1, -1):
        if begun.endswith(line[:known]):
            return line[known:]
    return line if begun.endswith("\n") else f"\n{line}"


_CODE = {"program": _program, "plan": _plan}


def _mark(right: bool, shown: list[bool], chance: float) -> str:
    """A mark of 6 to 10 for what is right, of 0 to 4 for what is wrong; the other way round where the judge errs."""
    return f"Score (0 to 10): {int(5 * chance) + (6 if shown[0] == right else 0)}"


def _choice(right: bool, shown: list[bool], chance: float) -> str:
    """One of those that are right, or that are wrong where the judge is wrong; any where they are all alike."""
    fitting = [place for place, one in enumerate(shown, 1) if one == right] or list(range(1, len(shown) + 1))
    return f"Best: {fitting[int(len(fitting) * chance)]}"


def _verdict(right: bool, shown: list[bool], chance: float) -> str:  # noqa: ARG001
    return f"Verdict: {'correct' if shown[0] == right else 'wrong'}"


def _as_shown(answer: str, question: Question, request: Request) -> str:
    """The letters of an answer as a prompt has them, where it shows the options in another order than the question."""
    if not question.choices or not set(answer) <= set(LETTERS[: len(question.choices)]):
        return answer
    lines = set(request.messages[-1].text.splitlines())

    def shown(letter: str) -> str:
        choice = question.choices[LETTERS.index(letter)]
        there = (one for one in (letter, *LETTERS[: len(question.choices)]) if f"{one}) {choice}" in lines)
        return next(there, letter)

    return "".join(sorted(map(shown, answer)))


_JUDGES = {"mark": _mark, "choice": _choice, "verdict": _verdict}
_SOLUTION = re.compile(r"^(?:A solution|Solution \d+):$", re.M)


class StubEngine(ModellessEngine):
    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        arguments = config.model_args
        check("stub", arguments)
        self._latency_s = number("stub", arguments, "latency_s", 0.0)
        self.capacity = whole("stub", arguments, "in_flight", 1_024, low=1)
        # Runs of versions whose stub didn't think are gone on with as they were.
        self._thinks = "thoughts" in config.wants
        self._sure = float(arguments.get("sure", SURE))
        self._reward: float | None = arguments.get("reward")
        self._shares: dict[str, float] = {name: arguments.get(name, share) for name, share in SHARES.items()}

        self._due: deque[float] = deque()  # when each of those that wait has its reply, where that takes a while
        if self._latency_s:
            self.arrives = self._arrives

    def _arrives(self, wait_s: float) -> bool:
        """Whether a reply is due, now or before so many seconds; waits for it. A stub that takes its time works
        whether it is waited for or not, as a server does."""
        if not self._due:
            return False
        left = self._due[0] - time.monotonic()
        time.sleep(max(0.0, min(left, wait_s)))
        return left <= wait_s

    def poll(self) -> list[tuple[Key, Reply]]:
        if not self._due:
            return super().poll()
        time.sleep(max(0.0, self._due[0] - time.monotonic()))
        now, count = time.monotonic(), 0
        while self._due and self._due[0] <= now:
            self._due.popleft()
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return [(key, self._reply(key, request)) for key, request in taken]

    def submit(self, key: Key, request: Request) -> None:
        if self._reward is not None and not request.reward:
            raise writes_none(self._config.model)
        super().submit(key, request)
        if self._latency_s:  # it begins at once, or when one of those that it works at is done
            free = self._due[-self.capacity] if len(self._due) >= self.capacity else 0.0
            self._due.append(max(time.monotonic(), free) + self._latency_s)

    def _reply(self, key: Key, request: Request) -> Reply:
        if request.reward:
            return refused(request) if self._reward is None else Reply(completions=(self._score(key, request),))
        if request.options:
            return Reply(completions=(self._likeliest(key, request),))
        return Reply(completions=tuple(self._path(key, request, index) for index in range(request.sampling.n)))

    def _draw(self, key: Key, request: Request, index: int) -> float:
        """One draw decides, so that each share is what a report shows: right, unreadable, cut short, and the rest
        wrong. A reply that is begun has a draw of its own, so that one which goes on from an unreadable one can mostly
        be read."""
        parts: list[object] = [key.question, request.template, key.ordinal, index]
        again = 0 if request.sampling.greedy else key.replicate  # greedy repeats of a stub are equal
        if again or request.begun is not None:
            parts.append(again)
        if request.begun is not None:
            parts += [request.begun.text, request.begun.thought, request.begun.open]
        if request.template in SHOWN_REPLIES or request.template in SEARCHING:
            parts.append(request.hash)
        if thought := self._thought(request):  # another one has another draw
            parts.append("thinking" if thought == THOUGHT else f"thinking {len(thought)}")
        return unit(self._config.seed, *parts)

    def _thought(self, request: Request) -> str:
        return _thought(request) if self._thinks else ""

    def _answer(self, question: Question, right: bool) -> str:
        gold = self._config.golds[question.id]
        kind = question.kind or self._config.kinds.get(question.task) or (LETTER if question.choices else NUMBER)
        answer = KINDS[kind].right if right else KINDS[kind].wrong
        return answer(gold, question.choices)

    def _form(self, question: Question) -> str:
        forms = self._config.forms
        return forms.get(f"{question.task}/{question.group}") or forms[question.task]

    def _path(self, key: Key, request: Request, index: int) -> Completion:
        question = self._config.questions[key.question]
        template, begun = base_template(request.template), request.begun.text if request.begun is not None else ""
        thought = THOUGHT if template in REASONED and not begun else ""
        draw = self._draw(key, request, index)
        right = self._share(template, question)
        unreadable = right + self._shares["unparsed"]
        cut = unreadable + self._shares["truncated"]
        reasoning = self._thought(request)
        if right <= draw < unreadable:
            text = f"{thought}No idea, sorry."
        elif unreadable <= draw < cut:
            text = f"{thought}So we take the"
        elif judges := _JUDGES.get(JUDGING.get(template, "")):
            shown, chance = self._solutions(question, request), unit(draw, "which")
            line = judges(draw < right, shown, chance)
            words = line[: line.index(":") + 1]
            text = f"{THOUGHT}{line}" if not begun else line.removeprefix(words) if begun.endswith(words) else line
        elif search := SEARCHING.get(template):
            text = search(request.messages[-1].text, draw < right, unit(draw, "which"))
        else:
            answer = _as_shown(self._answer(question, draw < right), question, request)
            line = "Answer: " + fill(self._form(question), answer)
            code = _CODE.get(WRITTEN_IN.get(template, ""))
            whole = code(answer, question) if code else f"{thought}{line}"
            if template in LOOPS:
                whole = self._block(question, request, answer) or whole
            text = _rest(line, begun) if begun else whole
        return Completion(
            text=text,
            reasoning=reasoning,
            finish_reason="length" if unreadable <= draw < cut else "stop",
            prompt_tokens=(sum(len(m.text) for m in request.messages) + len(begun)) // CHARACTERS,
            completion_tokens=max(1, (len(reasoning) + len(text)) // CHARACTERS),
            reasoning_tokens=len(reasoning) // CHARACTERS if request.thinking and self._thinks else None,
            confidence=self._confidence(key, request, index, draw < right),
        )

    def _solutions(self, question: Question, request: Request) -> list[bool]:
        """Whether the solutions that a judge is shown are right."""
        answer = _as_shown(self._answer(question, right=True), question, request)
        line = "Answer: " + fill(self._form(question), answer)
        return [line in one.splitlines() for one in _SOLUTION.split(request.messages[-1].text)[1:]] or [False]

    def _block(self, question: Question, request: Request, answer: str) -> str:
        """The block of Python that it writes next, of which the first may end in an error; "" where it has seen the
        output of one that didn't."""
        asked = next((i for i, m in enumerate(request.messages[::-1]) if question.text in m.text), 0)
        seen = asked // 2  # outputs, each behind a reply
        fails = unit(self._config.seed, question.id, "error") < self._shares["tools_error"]
        if seen > fails:
            return ""
        shown = "1 / 0" if fails and not seen else repr(answer)
        return f"{THOUGHT}```python\nprint({shown})\n```\n"

    def _confidence(self, key: Key, request: Request, index: int, right: bool) -> Confidence | None:
        """How sure it is of a reply, made up: about 10 where it is rather sure, about 8 where it isn't."""
        if not request.confidence:
            return None
        parts = (self._config.seed, "sure", key.question, request.template, key.ordinal, index)
        sure = right is (unit(*parts) < self._sure)
        mean = 8 + 2 * sure + unit(*parts, "more")
        lowest = mean - 2 * unit(*parts, "lowest")
        return Confidence(
            mean=round(mean, 6),
            lowest=round(lowest, 6),
            bottom=round((mean + 3 * lowest) / 4, 6),
            tail=round(mean + unit(*parts, "tail") - 0.5, 6),
            window=request.confidence,
            top=LIKELIEST,
            logprob=round(-0.4 + 0.2 * sure - 0.2 * unit(*parts, "likely"), 6),
        )

    def _score(self, key: Key, request: Request) -> Completion:
        """The score of the reply in which a conversation ends, made up: about 1 where it takes it for right, else about
        -1."""
        assert self._reward is not None
        question = self._config.questions[key.question]
        *_, reply = request.messages
        line = "Answer: " + fill(self._form(question), self._answer(question, True))
        parts = (self._config.seed, "reward", key.question, reply.text)
        good = reply.text.rstrip().endswith(line) is (unit(*parts) < self._reward)
        value = (1 if good else -1) + unit(*parts, "more") - 0.5
        return scored(round(value, 6), sum(len(m.text) for m in request.messages) // CHARACTERS)

    def _likeliest(self, key: Key, request: Request) -> Completion:
        """Made-up probabilities of the options, of which the answer's is the greatest; some of it falls elsewhere.
        The options may stand in another order than the question has them."""
        question = self._config.questions[key.question]
        draw = self._draw(key, request, 0)
        answer = self._answer(question, draw < self._share(base_template(request.template), question))
        answer = _as_shown(answer, question, request)
        weights = {
            letter: unit(self._config.seed, key.question, request.template, letter) for letter in request.options
        }
        # From a little above an equal share up: how sure it is is made up too.
        sure = (1 + len(weights) * weights.get(answer, 0.0)) / (1 + len(weights))
        others = sum(weight for letter, weight in weights.items() if letter != answer) or 1.0
        least = 1e-6
        shares = {
            letter: sure + (1 - sure) / 2 if letter == answer else max(least, (1 - sure) / 2 * weight / others)
            for letter, weight in weights.items()
        }
        prompt = sum(len(m.text) for m in request.messages) // 4
        return likeliest({letter: math.log(0.98 * share) for letter, share in shares.items()}, prompt)

    def _share(self, template: str, question: Question) -> float:
        share = self._shares.get(f"{template}_eq") if is_symbolic(question) else None
        return share if share is not None else self._shares.get(template, DEFAULT_SHARE)

    def describe(self) -> EngineInfo:
        told = {name: self._shares[name] for name in SHARES if name not in LATER or name in self._config.model_args}
        told |= {name: self._config.model_args[name] for name in ("sure", "reward") if name in self._config.model_args}
        shares = ", ".join(f"{name} {share:g}" for name, share in told.items())
        return EngineInfo(
            engine="stub",
            model=self._config.model,
            revision=shares,
            continues="tokens",
            likelihoods=True,
            confidence=LIKELIEST,
            rewards=self._reward is not None,
            thinking=ThinkingInfo(default="off", off="switch", on="switch", budget="engine"),
            notes=("a stub, not a model: its numbers mean nothing",),
        )
