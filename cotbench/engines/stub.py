"""No model: a stand-in for smoke tests whose numbers mean nothing.

It is given the answer key and answers in the task's format, right on a set share of the questions: by template, and for
CoT more often where the question holds an "=", so that the whole pipeline has something true to compute. Whether a
question is answered right is a hash of the seed, the question and the template, so it depends on nothing else. A few
outputs are unreadable and a few cut short, also at set shares.

`--model-args direct=0.5,cot=0.6,cot_eq=0.9,unparsed=0.02,truncated=0.01` sets the shares; `in_flight=8,latency_s=0.01`
makes it as slow as wanted.
"""

from __future__ import annotations

import math
import time

from cotbench.engines import EngineConfig, EngineInfo, ThinkingInfo
from cotbench.engines.arguments import number, only_known, whole
from cotbench.engines.batched import ModellessEngine
from cotbench.errors import UsageError
from cotbench.modes.prompts import fill
from cotbench.modes.stand_in import DEFAULT_SHARE, REASONED, SHARES, WRITTEN_IN
from cotbench.questions.tagging import is_symbolic
from cotbench.types import LETTERS, Completion, Key, Question, Reply, Request, unit

THOUGHT = "This is a made-up chain of thought. It has two sentences and no content.\n"


def _program(answer: str, _: Question) -> str:
    return f"```python\ndef solution():\n    return {answer!r}\n```"


def _plan(answer: str, question: Question) -> str:
    """A plan whose one solution is the answer: of logic for letters; LaTeX that isn't in the language makes it
    invalid."""
    if not question.choices:
        return f"```plan\nanswer: {answer}\n```"
    letters = LETTERS[: len(question.choices)]
    options = "\n".join(f"option {letter}: p_{letter}" for letter in letters)
    return f"```plan\npremise: p_{answer}\nask: must be true\n{options}\n```"


def _likelihoods(request: Request, question: Question, answer: str, draw: float) -> Completion:
    """Made-up probabilities of the options as the request has them, most for the answer; "" is a wrong one."""
    asked = request.messages[-1].text
    places = {letter: f"{letter}) {question.choices[LETTERS.index(answer or 'A')]}" for letter in request.options}
    there = next((letter for letter, line in places.items() if line in asked.splitlines()), request.options[0])
    best = there if answer else request.options[(request.options.index(there) + 1) % len(request.options)]
    rest = 0.2 / max(1, len(request.options) - 1)
    chances = {letter: 0.5 + 0.2 * draw if letter == best else rest for letter in request.options}
    return Completion(
        text=best,
        finish_reason="stop",
        prompt_tokens=sum(len(m.text) for m in request.messages) // 4,
        completion_tokens=1,
        options={letter: math.log(chance) for letter, chance in chances.items()},
    )


_CODE = {"program": _program, "plan": _plan}


class StubEngine(ModellessEngine):
    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        arguments = config.model_args
        self._latency_s = number("stub", arguments, "latency_s", 0.0)
        self.capacity = whole("stub", arguments, "in_flight", 1_024, low=1)
        only_known("stub", arguments, (*SHARES, "latency_s", "in_flight"))
        self._shares: dict[str, float] = {name: arguments.get(name, share) for name, share in SHARES.items()}
        for name, value in self._shares.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise UsageError(
                    f"--model-args: the stub's {name} is {value!r}; expected a share between 0 and 1.",
                    f"Its shares: {SHARES}.",
                )

    def poll(self) -> list[tuple[Key, Reply]]:
        if self._latency_s and self._waiting:
            time.sleep(self._latency_s)
        return super().poll()

    def _reply(self, key: Key, request: Request) -> Reply:
        return Reply(completions=tuple(self._path(key, request, index) for index in range(request.sampling.n)))

    def _path(self, key: Key, request: Request, index: int) -> Completion:
        question = self._config.questions[key.question]
        gold = self._config.golds[key.question]
        form = self._config.forms[question.task]
        template = request.template
        thought = THOUGHT if template in REASONED else ""
        # One draw decides, so that each share is what a report shows: right, unreadable, cut short, and the rest wrong.
        replicate = (key.replicate,) if key.replicate else ()
        begun = request.begun.text if request.begun is not None else ""
        further = ("further",) if "\n" in begun else ()  # it goes on from a reply of its own
        draw = unit(self._config.seed, key.question, template, key.ordinal, index, *replicate, *further)
        right = self._share(template, question)
        unreadable = right + (0 if further else self._shares["unparsed"])
        cut = unreadable + (0 if further else self._shares["truncated"])
        thought = "" if begun else thought
        if right <= draw < unreadable:
            text = f"{thought}No idea, sorry."
        elif unreadable <= draw < cut:
            text = f"{thought}So we take the"
        else:
            choices = len(question.choices)
            wrong = LETTERS[(LETTERS.index(gold) + 1) % choices] if choices else "-987654321"
            answer = gold if draw < right else wrong
            code = _CODE.get(WRITTEN_IN.get(template, ""))
            line = f" {fill(form, answer)}" if begun else f"{thought}Answer: {fill(form, answer)}"
            text = code(answer, question) if code else line
        if request.options:
            return _likelihoods(request, question, gold if draw < right else "", draw)
        reasoning = THOUGHT if request.thinking else ""
        return Completion(
            text=text,
            reasoning=reasoning,
            finish_reason="length" if unreadable <= draw < cut else "stop",
            prompt_tokens=sum(len(m.text) for m in request.messages) // 4,
            completion_tokens=max(1, (len(reasoning) + len(text)) // 4),
            reasoning_tokens=len(reasoning) // 4 if reasoning else None,
        )

    def _share(self, template: str, question: Question) -> float:
        share = self._shares.get(f"{template}_eq") if is_symbolic(question) else None
        return share if share is not None else self._shares.get(template, DEFAULT_SHARE)

    def describe(self) -> EngineInfo:
        shares = ", ".join(f"{name} {share:g}" for name, share in self._shares.items())
        return EngineInfo(
            engine="stub",
            model=self._config.model,
            revision=shares,
            continues="tokens",
            likelihoods=True,
            thinking=ThinkingInfo(default="off", off="switch", on="switch"),
            notes=("a stub, not a model: its numbers mean nothing",),
        )
