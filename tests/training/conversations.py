"""What the models `demo` and `thinker` are trained on: conversations as cotbench's modes send them, made of questions.

A conversation ends with the model's turn, in parts: its own words, which it is to learn, and words that are given to
it. Those stand in its turn, but someone else puts them there: a chat template that closes an empty thought, an engine
that closes a thought at its budget or begins the answer line. To learn them as well would teach it to stop anywhere.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec import structs
from questions import Item, evaluation_set, training

from cotbench.modes.prompts import Prompts
from cotbench.questions.tasks import find_task
from cotbench.types import Message, Question

PIECES = (
    r" ?[A-Za-z]+| ?\d+| ?[^\sA-Za-z\d]| {2,}|\s"  # words with the space before them, so that pieces join to the text
)
THINK, CLOSE = "<think>", "</think>"
NO_THOUGHT = f"{THINK}\n\n{CLOSE}\n\n"
BEGUN = "Answer:"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the model's turn. own: it is to learn it; what isn't its own is given to it."""

    text: str
    own: bool = True


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """asked: as a mode sends it; turn: the model's, after it. Parts begin where a token begins."""

    asked: tuple[Message, ...]
    turn: tuple[Part, ...]

    @property
    def texts(self) -> list[str]:
        return [*(one.text for one in self.asked), *(one.text for one in self.turn)]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a model learns. mix: the share of each kind of conversation.

    marks: tokens besides those of all models, which decoding keeps; begins: what a chat template adds to the prompt of
    an answer; vocabulary: other recipes whose words it knows besides. batch: conversations of a step; part: those that
    go through the model together; rate: the highest learning rate.
    """

    name: str
    mix: dict[str, float]
    steps: int
    batch: int = 32
    part: int = 8
    rate: float = 3e-3
    turns: str = "message['content']"
    begins: str = ""
    marks: tuple[str, ...] = ()
    vocabulary: tuple[Recipe, ...] = ()

    @property
    def chat_template(self) -> str:
        return (
            "{{ '<bos>' }}{% for message in messages %}{{ '<' + message['role'] + '>' + " + self.turns + " + '<end>' "
            "}}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<assistant>' }}" + self.begins + "{% endif %}"
        )

    def conversations(self, seed: object) -> Iterator[Conversation]:
        """Without end: what it is trained on, under the kinds of the mix."""
        raise NotImplementedError

    def held_out(self, per_kind: int) -> Iterator[tuple[str, Iterator[Conversation]]]:
        """Conversations that it isn't trained on, by their kind."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class OfItems(Recipe):
    """What a model learns of the demo's questions. prompts: the prompt template of each kind of conversation; turn: how
    the model's turn of a kind looks; facts: their share of the questions, the others are sums."""

    prompts: dict[str, str]
    turn: Callable[[str, Item, random.Random], tuple[Part, ...]]
    facts: float = 0.5

    def conversations(self, seed: object) -> Iterator[Conversation]:
        rng = random.Random(f"demo modes {seed}")
        for item in training(seed, self.facts):
            kind = rng.choices(list(self.mix), list(self.mix.values()))[0]
            yield self.conversation(kind, item, rng)

    def held_out(self, per_kind: int) -> Iterator[tuple[str, Iterator[Conversation]]]:
        for group in ("sums", "facts"):
            items = [one for one in evaluation_set() if one.group == group][:per_kind]
            for kind in self.mix:
                rng = random.Random("demo check")
                yield f"{group} {kind}", (self.conversation(kind, item, rng) for item in items)

    def conversation(self, kind: str, item: Item, rng: random.Random) -> Conversation:
        return Conversation(asked=asked(self.prompts[kind], item), turn=self.turn(kind, item, rng))


# --- what modes send ----------------------------------------------------------------------------------------------

_QUESTION, _PLAN = "\x01question\x01", "\x01plan\x01"
_shapes: dict[str, tuple[Message, ...]] = {}


def asked(mode: str, item: Item) -> tuple[Message, ...]:
    plan = f"```plan\n{item.equations}\n```"
    if mode not in _shapes:
        _shapes[mode] = _shape(mode)
    return tuple(
        structs.replace(one, text=one.text.replace(_QUESTION, item.question).replace(_PLAN, plan))
        for one in _shapes[mode]
    )


def _shape(mode: str) -> tuple[Message, ...]:
    """What a mode sends, rendered once with marks for question and plan: to render each took a tenth of the time."""
    task = find_task("demo").task
    question = Question(id="", task="demo", text=_QUESTION)
    return Prompts().render(mode, task, question, (), plan=_PLAN if mode.startswith("plan-") else None)


# --- demo ---------------------------------------------------------------------------------------------------------

# How often a thought, or the working in a visible answer, is cut somewhere and the answer asked for.
_CUT = 0.4
_CUT_OF_DEMO = 0.3
# How often a working, whole or cut, is put before the answer line that `direct` begins: someone asks what it is worth.
_GIVEN = 0.25
# About as much practice for direct answers as for chains of thought that come to their end.
_DEMO = {"direct": 0.3, "cot": 0.35, "pal": 0.15, "plan": 0.1, "plan-direct": 0.03, "plan-cot": 0.07}


def _reply(mode: str, item: Item) -> str:
    if mode == "plan":
        return f"```plan\n{item.equations}\n```"
    if mode == "pal":
        return f"```python\n{item.program}\n```"
    line = f"{BEGUN} {item.answer}"
    return line if mode in ("direct", "plan-direct", "free") else f"{item.rationale}\n{line}"


def _at_once(mode: str, item: Item, rng: random.Random) -> tuple[Part, ...]:
    if mode == "direct" and rng.random() < _GIVEN:
        working = item.rationale if rng.random() < 0.5 else cut(item.rationale, rng)
        begun = f"{working}\n{BEGUN}" if working else BEGUN
        return (Part(text=begun, own=False), Part(text=f" {item.answer}"))
    return tuple(_answers(mode, item, rng, _CUT_OF_DEMO))


def _answers(prompt: str, item: Item, rng: random.Random, cuts: float = _CUT) -> list[Part]:
    """A visible answer, some with its working cut and the answer line begun for it: a budget of tokens ends it, or
    someone who asks how much of the working the answer needs."""
    if prompt != "cot" or rng.random() >= cuts:
        return [Part(text=_reply(prompt, item))]
    working = cut(item.rationale, rng)
    begun = Part(text=f"\n{BEGUN}" if working else BEGUN, own=False)
    return [*([Part(text=working)] if working else []), begun, Part(text=f" {item.answer}")]


def cut(text: str, rng: random.Random) -> str:
    """The beginning of a text, up to any of its tokens."""
    pieces = re.findall(PIECES, text)
    return "".join(pieces[: rng.randint(0, len(pieces))])


DEMO = OfItems(
    name="demo",
    mix=_DEMO,
    prompts={mode: mode for mode in _DEMO},
    turn=_at_once,
    steps=5_500,
)

# --- thinker ------------------------------------------------------------------------------------------------------

# A prompt, and whether thinking is on. As much practice for answers at once as after a thought.
_THINKER = {
    ("free", True): 0.28,
    ("free", False): 0.15,
    ("direct", True): 0.1,
    ("direct", False): 0.15,
    ("cot", True): 0.07,
    ("cot", False): 0.25,
}
_BEGUN_AT_ONCE = 0.05  # how often the answer line is begun where a thought would come
# What closes a thought at its budget; the last two as engines do that are told of no more than the mark.
_CLOSINGS = {f"\n{CLOSE}\n\n": 0.8, f"{CLOSE}\n\n": 0.1, CLOSE: 0.1}


def kind(prompt: str, thinks: bool) -> str:
    return f"{prompt} {'on' if thinks else 'off'}"


def _thinks(kind: str, item: Item, rng: random.Random) -> tuple[Part, ...]:
    prompt, switch = kind.split()
    if switch == "off":
        return (Part(text=NO_THOUGHT, own=False), *_answers(prompt, item, rng))
    if rng.random() < _BEGUN_AT_ONCE:
        return (Part(text=BEGUN, own=False), Part(text=f" {item.answer}"))
    thought = f"\n{item.rationale}\n"
    if rng.random() >= _CUT:
        return (Part(text=f"{THINK}{thought}{CLOSE}\n\n"), *_answers(prompt, item, rng))
    closing = rng.choices(list(_CLOSINGS), list(_CLOSINGS.values()))[0]
    first, *others = _answers(prompt, item, rng)
    if closing == CLOSE and first.own:
        first = Part(text=f"\n\n{first.text}")
    elif closing == CLOSE:
        closing = f"{CLOSE}\n\n"
    return (Part(text=THINK + cut(thought, rng)), Part(text=closing, own=False), first, *others)


THINKER = OfItems(
    name="thinker",
    mix={kind(*one): share for one, share in _THINKER.items()},
    prompts={kind(*one): one[0] for one in _THINKER},
    turn=_thinks,
    steps=5_500,  # with 9,000 it does four sums in five at once, and thinking has little left to gain
    facts=0.58,  # there is more to remember than to work out
    # Thoughts of earlier turns are left out, as in the templates of larger models that think.
    turns=(
        f"(message['content'].split('{CLOSE}')[-1].lstrip('\\n') "
        "if message['role'] == 'assistant' and not loop.last else message['content'])"
    ),
    begins=(
        "{% if enable_thinking is defined and enable_thinking is false %}{{ '"
        + NO_THOUGHT.replace("\n", "\\n")
        + "' }}{% endif %}"
    ),
    marks=(THINK, CLOSE),
    vocabulary=(DEMO,),  # knows its words besides
)


def vocabulary(recipe: Recipe) -> Iterator[str]:
    """Texts that hold every word of a model."""
    for one in (recipe, *recipe.vocabulary):
        sample = one.conversations("vocabulary")
        for _ in range(5_000):
            yield from next(sample).texts
