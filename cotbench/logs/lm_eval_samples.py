"""The lines of lm-evaluation-harness's `samples_*.jsonl`, one sample for each question: what was asked, what came back,
and what each filter and metric made of it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cotbench.errors import DataError
from cotbench.logs.lines import REMEDY, Skip, opened, rows_of
from cotbench.logs.log import Sample, Theirs
from cotbench.store.jsonl import json_object
from cotbench.types import LETTERS, Completion, Message

INVALID = "[invalid]"  # what a filter gives where its pattern isn't found
_QUESTIONS = ("question", "Question", "query", "problem", "Problem", "input", "prompt", "ctx", "goal", "sentence")
_CHOICES = ("choices", "options", "endings", "Choices")
_COLUMNS = tuple(f"choice{number}" for number in range(1, 10))  # where each option is one
_LEAST_QUESTION = 12  # characters of what may be a question; "cause" and "effect" are none
_LAST_PART = re.compile(r"\n\s*\n")
_ASKED = re.compile(r"\A(?:Question|Q|Problem|Input)\s*:\s*")
_TO_ANSWER = re.compile(r"\n\s*(?:Answer|A|Solution|Output)\s*:(?:\s*Let's think step by step\.?)?\s*\Z")
_ROLES = ("system", "user", "assistant")


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def samples_of(file: Path, mc: bool, skip: Skip = None) -> Iterator[Sample]:
    """One sample for each question: the lines of the first filter, with what others read in the same output."""
    if len(_filters(file)) < 2:
        for place, row in rows_of(file, skip):
            if (sample := _sample(place, row, mc, {}, skip)) is not None:
                yield sample
        return
    further: dict[bytes, dict[str, Theirs]] = {}
    first: str | None = None
    for _, row in rows_of(file, lambda _: None):
        first = _filter_of(row) if first is None else first
        if _filter_of(row) != first:
            further.setdefault(_name_of(row), {}).update(_readings(row, mc))
    seen = set()
    for place, row in rows_of(file, skip):
        if _filter_of(row) != first:
            continue
        name = _name_of(row)
        seen.add(name)
        if (sample := _sample(place, row, mc, further.get(name, {}), skip)) is not None:
            yield sample
    if further.keys() - seen:  # outputs that the first filter has no line of
        for place, row in rows_of(file, lambda _: None):
            name = _name_of(row)
            if name not in seen:
                seen.add(name)
                if (sample := _sample(place, row, mc, further.get(name, {}), skip)) is not None:
                    yield sample


_FILTER = re.compile(rb'"filter"\s*:\s*"((?:[^"\\]|\\.)*)"')


def _filters(file: Path) -> Collection[str]:
    """The filters of a file, without parsing lines that have the key once."""
    found: dict[str, None] = {}
    with opened(file) as lines:
        for line in lines:
            if not line.strip():
                continue
            match = _FILTER.search(line) if line.count(b'"filter"') == 1 else None
            if match is not None and b"\\" not in match[1]:
                found.setdefault(match[1].decode(errors="replace"))
            else:
                with suppress(ValueError):
                    found.setdefault(_filter_of(json_object(line)))
    return found


def _filter_of(row: Mapping[str, Any]) -> str:
    return str(row.get("filter") or "")


def _name_of(row: Mapping[str, Any]) -> bytes:
    """What lines have in common that are readings of one output: the sample's number, its row of data, what came."""
    name = [row.get("doc_id"), row.get("doc_hash") or row.get("doc"), row.get("resps")]
    return hashlib.sha256(json.dumps(name).encode()).digest()


def _sample(place: str, row: Mapping[str, Any], mc: bool, further: Mapping[str, Theirs], skip: Skip) -> Sample | None:
    try:
        return _made(place, row, mc, further)
    except ValueError as error:
        fault = DataError(f"{place}: {error}.", REMEDY)
        if skip is None:
            raise fault from None
        skip(fault)
        return None


def _made(place: str, row: Mapping[str, Any], mc: bool, further: Mapping[str, Theirs]) -> Sample:
    """Raises ValueError, which says what was found instead, where a line isn't a sample."""
    if "doc" not in row:
        raise ValueError("'doc' is missing, the row of data that lm-eval's lines hold")
    if "resps" not in row:
        raise ValueError("'resps' is missing: what came back for the question")
    doc = row["doc"] if isinstance(row["doc"], dict) else {"doc": row["doc"]}
    likely = _likelihoods(row["resps"]) if mc else ()
    ends = _ends(row.get("arguments")) if mc else ()
    choices = _choices(doc)
    if mc and len(choices) != len(likely):
        choices = ends if len(ends) == len(likely) else ("",) * len(likely)
    messages = _messages(row.get("arguments"))
    target = row.get("target")
    several = target if isinstance(target, list) else [target]
    return Sample(
        place=place,
        key=str(row.get("doc_hash") or ""),
        name=str(row.get("doc_id", "")),
        row=doc,
        question=_question(doc, messages),
        choices=choices,
        target=tuple(_target(one, choices, ends, mc) for one in several if one is not None),
        group=str(doc.get("subject") or doc.get("category") or doc.get("type") or ""),
        messages=messages,
        outputs=_likeliest(likely) if mc else tuple(map(_completion, texts_of(row["resps"]))),
        readings={**_readings(row, mc), **further},
    )


def _completion(text: str | None) -> Completion:
    if text is None:
        return Completion(text="", finish_reason="error", error="the log has no output")
    return Completion(text=text, finish_reason="stop")


def texts_of(resps: Any) -> list[str | None]:
    """The outputs of a question: repeats of one request; None of one that didn't come. Raises ValueError."""
    if isinstance(resps, list) and len(resps) == 1 and isinstance(resps[0], list):
        resps = resps[0]
    if not isinstance(resps, list) or not all(isinstance(one, str | None) for one in resps):
        if is_likelihood([resps] if not isinstance(resps, list) else resps):
            return []
        raise ValueError(f"resps is {resps!r:.60}, expected a list of texts")
    return list(resps)


def is_likelihood(resps: Any) -> bool:
    """Whether replies are log-probabilities of options: [[["-0.26", "False"]], ...]."""
    while isinstance(resps, list) and resps:
        if len(resps) == 2 and not isinstance(resps[0], list) and str(resps[1]) in ("True", "False"):
            return True
        resps = resps[0]
    return False


def _likelihoods(resps: Any) -> tuple[float, ...]:
    """The log-probability of each option. Raises ValueError."""
    found = []
    for one in resps if isinstance(resps, list) else ():
        while isinstance(one, list) and one and isinstance(one[0], list):
            one = one[0]
        try:
            found.append(float(one[0]))
        except (TypeError, ValueError, LookupError):
            raise ValueError(f"resps has {one!r:.60}, expected the log-probability of an option") from None
    if not 1 <= len(found) <= len(LETTERS):
        raise ValueError(f"resps has {len(found)} options, expected 1 to {len(LETTERS)}")
    return tuple(found)


def _likeliest(likely: Sequence[float]) -> tuple[Completion, ...]:
    best = max(range(len(likely)), key=lambda place: likely[place] if math.isfinite(likely[place]) else -math.inf)
    options = {letter: one for letter, one in zip(LETTERS, likely, strict=False) if math.isfinite(one)}
    return (Completion(text=LETTERS[best], finish_reason="stop", options=options),)


def _requests(arguments: Any) -> list[Any]:
    """What was asked, as (prompt, rest), in either of the forms that versions write."""
    if isinstance(arguments, dict):
        return [(one.get("arg_0"), one.get("arg_1")) for one in arguments.values() if isinstance(one, dict)]
    if isinstance(arguments, list):
        return [(one[0], one[1] if len(one) > 1 else None) for one in arguments if isinstance(one, list) and one]
    return []


def kwargs_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the first request of a line was drawn, by lm-eval's names; {} where it doesn't say."""
    asked = _requests(row.get("arguments"))
    return mapping(asked[0][1]) if asked else {}


def _ends(arguments: Any) -> tuple[str, ...]:
    """The texts of the options whose likelihood was asked for."""
    return tuple(str(end).strip() for _, end in _requests(arguments) if isinstance(end, str))


def _messages(arguments: Any) -> tuple[Message, ...]:
    """What was sent: one text, or the messages of a chat, which the harness keeps as JSON."""
    asked = _requests(arguments)
    prompt = asked[0][0] if asked else None
    if isinstance(prompt, str) and prompt.lstrip().startswith('[{"'):
        with suppress(ValueError):
            prompt = json.loads(prompt)
    if isinstance(prompt, list) and all(isinstance(one, dict) and "role" in one for one in prompt):
        return tuple(
            Message(role=one["role"] if one["role"] in _ROLES else "user", text=_content(one.get("content")))
            for one in prompt
        )
    return (Message(role="user", text=prompt),) if isinstance(prompt, str) else ()


def _content(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else "" if content is None else str(content)


def _question(doc: Mapping[str, Any], messages: Sequence[Message]) -> str:
    """The question: where it usually stands in a row, else the last part of the prompt."""
    for name in _QUESTIONS:
        text = doc.get(name)
        if isinstance(text, str) and len(text.strip()) >= _LEAST_QUESTION:
            return text.strip()
    text = next((one.text for one in reversed(messages) if one.role == "user"), "").strip()
    last = _LAST_PART.split(text)[-1] if len(messages) == 1 and _ASKED.match(_LAST_PART.split(text)[-1]) else text
    return _TO_ANSWER.sub("", _ASKED.sub("", last)).strip()


def _choices(doc: Mapping[str, Any]) -> tuple[str, ...]:
    for name in _CHOICES:
        found = doc.get(name)
        if isinstance(found, dict):
            found = found.get("text")
        listed = found if isinstance(found, list) and 2 <= len(found) <= len(LETTERS) else []
        if listed and all(isinstance(one, str | int | float) for one in listed):
            return tuple(str(one).strip() for one in listed)
    texts = [str(doc[name]) for name in _COLUMNS if isinstance(doc.get(name), str)]
    return tuple(texts) if len(texts) > 1 else ()


def _target(target: Any, choices: Sequence[str], ends: Sequence[str], mc: bool) -> str:
    """The right answer; of options by likelihood the letter, where lm-eval has the index or the option's text."""
    if not mc:
        return str(target).strip()
    text = str(target).strip()
    if text.isdecimal() and int(text) < len(choices) and text not in ends:
        return LETTERS[int(text)]
    for options in (ends, choices):
        if list(options).count(text) == 1:
            return LETTERS[list(options).index(text)]
    if text.isdecimal() and int(text) < len(choices):
        return LETTERS[int(text)]
    return text


# --- its own verdicts -----------------------------------------------------------------------------------------------


def reading_name(metric: str, name: str) -> str:
    """What a reading is called: by its filter, by its metric where nothing was filtered."""
    return name if name not in ("", "none") else metric


def _readings(row: Mapping[str, Any], mc: bool) -> dict[str, Theirs]:
    """What the harness made of a line: its first metric by the name of the filter, further ones beside it."""
    listed = row.get("metrics")
    metrics = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    metrics = metrics or [name for name in ("exact_match", "acc", "acc_norm") if name in row]
    name = _filter_of(row)
    found: dict[str, Theirs] = {}
    for metric in metrics:
        value = row.get(metric)
        if not isinstance(value, int | float):
            continue
        called = reading_name(metric, name)
        called = f"{metric},{name}" if called in found else called
        found[called] = Theirs(metric=metric, scores=(float(value),), answers=_answers(row, metric, mc))
    return found


def _answers(row: Mapping[str, Any], metric: str, mc: bool) -> tuple[str | None, ...]:
    if mc:
        return _chosen(row, metric)
    filtered = row.get("filtered_resps")
    while isinstance(filtered, list) and len(filtered) == 1 and isinstance(filtered[0], list):
        filtered = filtered[0]
    values = filtered if isinstance(filtered, list) else [filtered]
    return tuple(None if one is None or one == INVALID else str(one) for one in values)


def _chosen(row: Mapping[str, Any], metric: str) -> tuple[str | None, ...]:
    """The option that a metric takes: the likeliest, or of `acc_norm` the likeliest by its length."""
    try:
        likely = _likelihoods(row.get("resps"))
    except ValueError:
        return (None,)
    ends = [str(end) for _, end in _requests(row.get("arguments")) if isinstance(end, str)]
    if metric == "acc_norm":
        if len(ends) != len(likely):
            return (None,)
        likely = tuple(one / max(1, len(end.lstrip())) for one, end in zip(likely, ends, strict=True))
    elif metric != "acc":
        return (None,)
    return (LETTERS[max(range(len(likely)), key=likely.__getitem__)],)
