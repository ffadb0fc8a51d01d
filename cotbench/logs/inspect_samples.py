"""A sample of an Inspect log, all its epochs together, in the common form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotbench.errors import DataError
from cotbench.logs.inspect_files import Entry
from cotbench.logs.log import Sample, Theirs
from cotbench.logs.prompts import message
from cotbench.logs.thoughts import parted
from cotbench.logs.values import REMEDY, Part, as_number, as_object, shown
from cotbench.types import Completion, FinishReason, Message

_ATTACHED = "attachment://"
_ENDINGS: Mapping[str, FinishReason] = {
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refused",
}
_VALUES = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_GROUPS = ("subject", "category", "subset", "topic", "type")  # keys of a sample's metadata
_SAID = frozenset({"system", "user", "assistant"})


def sample(entries: Sequence[Entry], model: str, metrics: Mapping[str, str]) -> Sample:
    """The sample whose epochs these are, in order. model: who answered. metrics: of each scorer the first one.

    Raises DataError."""
    epochs = [_Epoch(entry.read(), model) for entry in entries]
    first = epochs[0]
    outputs = [completion for epoch in epochs for completion in epoch.outputs]
    errors = [one.error for one in outputs if one.error]
    written = any(one.finish_reason != "error" for one in outputs)
    choices = first.part.texts("choices")
    metadata = first.part.part("metadata")
    return Sample(
        place=entries[0].place,
        name=first.part.label("id"),
        row=metadata.value,
        question=first.question(),
        choices=tuple(map(first.whole, choices)),
        target=tuple(map(first.whole, first.part.texts("target"))),
        group=next((metadata.value[key] for key in _GROUPS if isinstance(metadata.any(key), str)), ""),
        messages=first.sent(),
        outputs=tuple(outputs) if written else (),
        readings=_readings(epochs, metrics, written),
        error="" if written else errors[0],
    )


class _Epoch:
    """One epoch of a sample, with the texts that it keeps apart put back."""

    def __init__(self, part: Part, model: str) -> None:
        self.part, self.model = part, model
        self._attached = part.part("attachments")
        self._output = part.part("output")
        self._turns = list(part.parts("messages"))
        self.outputs = list(self._written())

    def whole(self, text: str) -> str:
        """A text, or the attachment that stands for it. Raises DataError where that isn't in the sample."""
        if not text.startswith(_ATTACHED):
            return text
        name = text[len(_ATTACHED) :]
        if name not in self._attached:
            raise DataError(f"{self.part.place}: refers to the attachment {name:.40}, which isn't in it.", REMEDY)
        return self._attached.text(name)

    def content(self, holder: Part) -> tuple[str, str]:
        """The text and the thought of a message, which is a text or a list of parts."""
        value = holder.any("content")
        if value is None or isinstance(value, str):
            own = self.whole(holder.text("reasoning"))  # as logs of early 2025 have it
            thought, text = parted(self.whole(value or "")) if not own else ("", self.whole(value or ""))
            return text, own or thought
        texts, thoughts = [], []
        for one in holder.parts("content"):
            kind = one.text("type")
            if kind == "text":
                texts.append(self.whole(one.text("text")))
            elif kind == "reasoning":
                thoughts.append(self.whole(one.text("summary" if one.flag("redacted") else "reasoning")))
            elif kind != "tool_use":
                texts.append(self._other(kind, one))
        return "\n".join(texts), "\n".join(filter(None, thoughts))

    def _other(self, kind: str, part: Part) -> str:
        """What stands for an image or another part that is no text: two different ones stay different."""
        told = part.any(kind)
        text = self.whole(told) if isinstance(told, str) else repr(sorted(part.value.items(), key=str))
        return f"[{kind or 'part'} {hashlib.sha256(text.encode(errors='replace')).hexdigest()[:12]}]"

    def question(self) -> str:
        value = self.part.any("input")
        if not isinstance(value, list):
            return self.whole(self.part.text("input"))
        said = [(one.text("role"), self.content(one)[0]) for one in self.part.parts("input")]
        return "\n\n".join([text for role, text in said if role == "user"] or [text for _, text in said])

    def sent(self) -> tuple[Message, ...]:
        """What the model was sent for its last reply; of a conversation with tools what it was sent at first."""
        turns = self._turns
        roles = [one.text("role") for one in turns]
        replies = [at for at, role in enumerate(roles) if role == "assistant"]
        end = len(turns) if not replies else replies[-1] if set(roles) <= _SAID else replies[0]
        said = ((roles[at], self.content(turns[at])[0]) for at in range(end))
        return tuple(message(role, text) for role, text in said if role in _SAID)

    def _written(self) -> Iterator[Completion]:
        """What was written: one completion, or as many as were asked for at once."""
        choices = list(self._output.parts("choices"))
        fault = self._fault()
        if fault and not any(self.content(one.part("message"))[0] for one in choices):
            yield Completion(text="", finish_reason="error", error=fault)
            return
        if not choices:
            text = self.whole(self._output.text("completion"))
            if not text:
                why = self._output.text("error") or "the log holds no output"
                yield Completion(text="", finish_reason="error", error=why)
                return
            yield self._completion(text, "", "", alone=True)
        for one in choices:
            text, thought = self.content(one.part("message"))
            yield self._completion(text, thought, one.text("stop_reason"), alone=len(choices) == 1)

    def _fault(self) -> str:
        told = self.part.any("error")
        error = self.part.text("error") if isinstance(told, str) else self.part.part("error").text("message")
        return self.whole(error) or ("" if told is None else "an error without a message")

    def _completion(self, text: str, thought: str, ending: str, *, alone: bool) -> Completion:
        limited = self.part.any("limit") is not None
        prompt, written, reasoning = self._tokens() if alone else (None, None, None)
        return Completion(
            text=text,
            finish_reason="length" if limited else _ENDINGS.get(ending, "stop"),
            reasoning=thought,
            prompt_tokens=prompt,
            completion_tokens=written,
            reasoning_tokens=reasoning,
        )

    def _tokens(self) -> tuple[int | None, int | None, int | None]:
        """Tokens of the prompt (those from a cache too), of what was written, of the thought in it. Of several turns
        those of all of them."""
        usage = self._output.part("usage")
        replies = sum(one.text("role") == "assistant" and one.any("source") != "input" for one in self._turns)
        whole = self.part.part("model_usage")
        if (replies > 1 or not usage) and self.model in whole:
            usage = whole.part(self.model)
        asked, written = usage.count("input_tokens"), usage.count("output_tokens")
        cached = (usage.count("input_tokens_cache_read") or 0) + (usage.count("input_tokens_cache_write") or 0)
        if not (asked or written or cached):  # Inspect writes 0 where it wasn't told
            return None, None, None
        return None if asked is None else asked + cached, written, usage.count("reasoning_tokens")

    def scores(self) -> Iterator[tuple[str, Any, str | None]]:
        """Reading, value and answer of each scorer; of scorers that give several values one reading each."""
        named = self.part.part("scores")
        single = self.part.any("score")
        holders = [(key, named.part(key)) for key in named.value]
        if not holders and single is not None:
            holders = [("score", as_object(single, self.part.place, "score"))]
        for name, holder in holders:
            value, told = holder.any("value"), holder.any("answer")
            answer = None if told is None else self.whole(holder.label("answer"))
            if isinstance(value, dict):
                yield from ((f"{name}/{key}", one, answer) for key, one in value.items())
            elif isinstance(value, list):
                yield from ((f"{name}/{at}", one, answer) for at, one in enumerate(value))
            else:
                yield name, value, answer


def _readings(epochs: Sequence[_Epoch], metrics: Mapping[str, str], written: bool) -> dict[str, Theirs]:
    """What the scorers made of each epoch; of several completions of one request they saw the first. Of a sample
    without an output, which Inspect may score too, one score of all epochs together."""
    scores: dict[str, list[float | None]] = {}
    answers: dict[str, list[str | None]] = {}
    done = 0
    for epoch in epochs:
        for name, value, answer in epoch.scores():
            for held in (scores, answers):
                column: list[Any] = held.setdefault(name, [])
                column += [None] * (done - len(column))
            scores[name].append(_number(value, epoch.part.place, name))
            answers[name].append(answer)
        done += len(epoch.outputs)
    made = {}
    for name, column in scores.items():
        given = [score for score in column if score is not None]
        metric = metrics.get(name, "score")
        if written:
            missing = [None] * (done - len(column))
            made[name] = Theirs(metric=metric, scores=(*column, *missing), answers=(*answers[name], *missing))
        elif given:
            made[name] = Theirs(metric=metric, scores=(sum(given) / len(given),), answers=(None,))
    return made


def _number(value: Any, place: str, name: str) -> float | None:
    """A score as a number, as Inspect's own `value_to_float` takes it; None where it is none (a word, NaN)."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        known = _VALUES.get(value.lower() if len(value) > 1 else value.lower() if value.isupper() else value)
        if known is not None:
            return known
        try:
            return as_number(float(value))
        except ValueError:
            return None
    if value is None or isinstance(value, int | float):
        return as_number(value)
    raise DataError(f"{place}: the value of {name} is {shown(value)}, expected a number or a text.", REMEDY)
