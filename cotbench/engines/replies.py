"""The one reader of replies: what a server or a file says of one output, whichever host wrote it.

It is tables: of the words that say why an output ended, of the kinds of parts that a content may be made of, of the
fields that hold reasoning, of the names of token counts. A word or a kind that no table has is kept by name in
`Reader.unknown`, so that it can be told once.

* A text, and no reason that it was cut, is a complete output; where completion tokens reach the budget and no reason
  is given, it was cut.
* A content of a kind that can't be read is an error that names the kind, never an empty answer.
* A count is a whole number from 0 up (20.0 is 20) or unknown. Reasoning that a server counts beside the completion's
  tokens is added to them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import orjson

from cotbench.store.jsonl import json_object
from cotbench.types import Completion, FinishReason

# --- why an output ended ------------------------------------------------------------------------------------------

# Compared by their letters alone, without case: "MAX_TOKENS", "max-tokens" and "maxTokens" are one word.
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_ENDINGS: Mapping[FinishReason, str] = {
    "stop": """
        stop stopped stop_sequence stop_sequences stop_string stop_string_found stop_word stop_words stop_token
        stop_token_id stop_criteria stop_criteria_met eos eos_token eos_found eos_token_found end_of_text
        end_of_sequence end end_turn end_of_turn word complete completed completion finish finished done success
        succeeded natural normal
    """,
    "length": """
        length length_limit max_length max_len model_length context_length context_length_reached
        context_length_exceeded model_context_window_exceeded context_window_exceeded max_context_length max_tokens
        max_token max_tokens_reached max_new_tokens max_output_tokens max_completion_tokens
        max_predicted_tokens_reached token_limit token_limit_reached limit error_limit incomplete truncated cutoff
        cut_off budget_exceeded
    """,
    "refused": """
        content_filter content_filtered content_filtering content_policy content_policy_violation policy_violation
        safety refusal refused recitation blocklist blocked prohibited_content spii sensitive moderation moderated
        flagged toxic error_toxic guardrail guardrail_intervened guardrails image_safety
    """,
    "error": """
        error failed failure exception abort aborted cancel cancelled canceled user_cancel user_stopped interrupted
        timeout timed_out time_limit network_error insufficient_system_resource model_unloaded unload not_finished
        tool_call tool_calls tool_use function_call malformed_function_call unexpected_tool_call too_many_tool_calls
    """,
}
_REASONS: Mapping[str, FinishReason] = {
    _NOT_LETTERS.sub("", word): reason for reason, words in _ENDINGS.items() for word in words.split()
}
# Of words that the table lacks, by their letters: what they are made of. Limits of time, calls or rates are no
# budgets of tokens, and a token that ends an output is no limit.
_LIKE: Mapping[FinishReason, re.Pattern[str]] = {
    "error": re.compile(r"(?:max|outof|over|exceed).*time|(?:time|rate|quota).*(?:exceed|limit|reach|out)"),
    "length": re.compile(
        r"\A(?!.*(?:turn|step|call))(?!.*(?:stop|eos|end)(?:token|word|string|sequence|criteri)).*(?:"
        r"(?:max|limit|length|tokens?|context|window|budget|size).*"
        r"(?:exceed|reach|limit|hit|full|exhaust|overflow|cut|spent|used|max|toolong)"
        r"|(?:exceed|reach|hit|outof|over|truncat|exhaust|full|max|output|completion|stopped|generation).*"
        r"(?:max|limit|length|tokens|context|window|budget)"
        r"|contextwindow|truncat|cutoff|cutshort)"
    ),
}
_ONE_WORD = re.compile(r"[\w.:-]{1,40}")
_NOTHING = frozenset({"", "null", "none", "nil", "undefined", "unspecified"})
_REASON_FIELDS = ("finish_reason", "finishReason")
# Other hosts' names, used where the first say nothing. vLLM's `stop_reason` holds the stop string, so only known
# words count here.
_OTHER_REASON_FIELDS = tuple(
    "stop_reason stopReason done_reason finish_details native_finish_reason incomplete_details".split()
)
_ALL_REASON_FIELDS = (*_REASON_FIELDS, *_OTHER_REASON_FIELDS)
_REASON_KEYS = ("type", "reason", "finish_reason", "name", "value")  # of one that is an object


def _word(given: Any) -> str:
    """A reason as one word, as the server spelt it; "" where it says nothing."""
    for _ in range(4):
        if isinstance(given, Mapping):
            given = next((given[key] for key in _REASON_KEYS if given.get(key)), None)
        elif isinstance(given, list):
            given = given[0] if given else None
        else:
            break
    return "" if given is None or given is False else str(given).strip()


def _letters(word: str) -> str:
    return _NOT_LETTERS.sub("", word.casefold()).removeprefix("finishreason")


def _reason_of(word: str) -> FinishReason | None:
    letters = _letters(word)
    # What is long, or several words, is a sentence or a stop string.
    if letters in _REASONS or not _ONE_WORD.fullmatch(word):
        return _REASONS.get(letters)
    return next((like for like, pattern in _LIKE.items() if pattern.search(letters)), None)


def known_reason(given: Any) -> FinishReason | None:
    """Why an output ended, in our words; None where nothing is said, or in a word that no table has."""
    return _reason_of(_word(given))


# --- parts of a content -------------------------------------------------------------------------------------------

Kind = Literal["text", "reasoning", "refusal"]
# What a part is, by its type. None: there is nothing to read in it, and that is as it should be.
_PARTS: Mapping[str, Kind | None] = {
    **dict.fromkeys(("", "text", "outputtext", "textdelta", "message", "content", "markdown"), "text"),
    **dict.fromkeys(
        """thinking thinkingdelta thought thoughts reasoning reasoningcontent reasoningtext reasoningsummary summarytext
        analysis thinkingtext""".split(),
        "reasoning",
    ),
    "refusal": "refusal",
    **dict.fromkeys(
        "redactedthinking reasoningencrypted redactedreasoning signature reference references citation "
        "citations".split()
    ),
}
# Where the words of a part stand, and what they are, unless the part's own type says that all of it is reasoning or a
# refusal.
_PART_KEYS: Mapping[str, Kind] = {
    **dict.fromkeys("text content parts value output_text".split(), "text"),
    **dict.fromkeys(
        """thinking reasoning reasoning_content reasoningContent reasoning_text reasoningText thought
        summary""".split(),
        "reasoning",
    ),
    "refusal": "refusal",
}
_REASONING_FIELDS = """reasoning_content reasoning thinking thought thoughts think thinking_content thought_content
reasoningContent analysis analysis_content reasoning_text thinking_blocks reasoning_details""".split()
_MOST_DEEP = 30


@dataclass(slots=True)
class _Said:
    """The words of a content, by kind. strange: kinds of parts in which no words were found."""

    words: dict[Kind, list[str]] = field(default_factory=lambda: {"text": [], "reasoning": [], "refusal": []})
    strange: dict[str, None] = field(default_factory=dict)

    def of(self, kind: Kind) -> str:
        return "".join(self.words[kind])

    def add(self, content: Any, kind: Kind = "text", deep: int = 0) -> None:
        if isinstance(content, str):
            self.words[kind].append(content)
        elif deep > _MOST_DEEP:
            self.strange["nested too deeply"] = None
        elif isinstance(content, list):
            for part in content:
                self.add(part, kind, deep + 1)
        elif isinstance(content, Mapping):
            self._part(content, kind, deep + 1)
        elif content is not None:
            self.strange[_TYPES.get(type(content), type(content).__name__)] = None

    def _part(self, part: Mapping[str, Any], kind: Kind, deep: int) -> None:
        named = part.get("type")
        letters = _letters(named) if isinstance(named, str) else ""
        own = _PARTS.get(letters, "text")
        if own is None:
            return
        if own == "text" and part.get("thought") is True:  # as Gemini marks a part that is reasoning
            own = "reasoning"
        found = [key for key in _PART_KEYS if isinstance(part.get(key), str | list | Mapping)]
        if letters not in _PARTS:
            # Of a kind that isn't known only what calls itself text is believed.
            found = [key for key in found if key in ("text", "output_text")]
            self.strange[named if isinstance(named, str) else str(named)] = None
        elif not found:
            values = [part.get(key) for key in _PART_KEYS if part.get(key) is not True]
            if other := [value for value in values if isinstance(value, int | float)]:
                self.strange[_TYPES[type(other[0])]] = None
            elif not letters and not part.keys() & _PART_KEYS.keys():
                self.strange[f"an object of {', '.join(sorted(map(str, part))[:5]) or 'nothing'}"] = None
        # One of each kind, since some repeat in a second key what stands in the first.
        for key in {_PART_KEYS[key]: key for key in reversed(found)}.values():
            inner = _PART_KEYS[key] if own == "text" and kind == "text" else own if kind == "text" else kind
            self.add(part[key], inner, deep)


_TYPES: Mapping[type, str] = {bool: "a truth value", int: "a number", float: "a number"}


# --- counts -------------------------------------------------------------------------------------------------------

# No output has a million millions of tokens; what says so says nothing, and sums of smaller counts overflow nowhere.
MOST_TOKENS = 10**12


def whole(given: Any) -> int | None:
    """A count of tokens: a whole number from 0 up, also as a text of digits, or None where it isn't known."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 20:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= MOST_TOKENS:
        return None
    return int(given) if given == int(given) else None


_PROMPT_NAMES = """prompt_tokens input_tokens promptTokens inputTokens promptTokenCount prompt_token_count
inputTokenCount prompt_eval_count""".split()
_COMPLETION_NAMES = """completion_tokens output_tokens completionTokens outputTokens candidatesTokenCount
candidates_token_count outputTokenCount generated_tokens eval_count""".split()
_TOTAL_NAMES = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
_DETAIL_NAMES = ("completion_tokens_details", "output_tokens_details", "completionTokensDetails")
_PROMPT_DETAIL_NAMES = ("prompt_tokens_details", "input_tokens_details", "promptTokensDetails", "inputTokensDetails")
_CACHED_NAMES = """cached_tokens cachedTokens cached_input_tokens prompt_cache_hit_tokens cache_read_input_tokens
cachedContentTokenCount cached_content_token_count""".split()
_THOUGHT_NAMES = """reasoning_tokens thoughts_tokens thinking_tokens reasoningTokens thoughtsTokenCount
thoughts_token_count""".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a response. completion: reasoning included. counted: the completion's as the server says them. cached:
    those of the prompt that a cache had, where the server tells it."""

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    counted: int | None = None

    def spent(self, budget: int | None) -> bool:
        """Whether a budget is used up. Servers that count reasoning beside the completion may or may not hold it
        against the budget."""
        if budget is None or self.counted is None:
            return False
        return self.counted >= budget or self.completion == budget


def _first(row: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((count for name in names if (count := whole(row.get(name))) is not None), None)


def read_usage(given: Any) -> Usage:
    if not isinstance(given, Mapping):
        return Usage()
    prompt, counted, total = (_first(given, names) for names in (_PROMPT_NAMES, _COMPLETION_NAMES, _TOTAL_NAMES))
    details: Mapping[str, Any] = next(
        (given[name] for name in _DETAIL_NAMES if isinstance(given.get(name), Mapping)), {}
    )
    thought = _first(details, _THOUGHT_NAMES)
    thought = thought if thought is not None else _first(given, _THOUGHT_NAMES)
    completion = counted
    if thought and counted is not None:
        # Without a total: it can't be a part of what is less.
        known = prompt is not None and total is not None
        beside = (prompt or 0) + counted + thought == total if known else thought > counted
        completion = counted + thought if beside else counted
        if thought > completion:
            thought = None  # neither a part of the completion nor beside it: the server contradicts itself
    return Usage(
        prompt=prompt, cached=_cached(given, prompt), completion=completion, reasoning=thought, counted=counted
    )


def _cached(given: Mapping[str, Any], prompt: int | None) -> int | None:
    """How many of the prompt's tokens a cache had. More than there are is no part of them: then it isn't known."""
    details: Mapping[str, Any] = next(
        (given[name] for name in _PROMPT_DETAIL_NAMES if isinstance(given.get(name), Mapping)), {}
    )
    inside = _first(details, _CACHED_NAMES)
    cached = inside if inside is not None else _first(given, _CACHED_NAMES)
    return cached if cached is not None and prompt is not None and cached <= prompt else None


# --- the reader ---------------------------------------------------------------------------------------------------


_UNREADABLE = "the server's content can't be read"


@dataclass(slots=True)
class Reader:
    """Reads outputs. unknown: words and kinds that no table has, as "finish_reason 'x'", in the order in which they
    came."""

    unknown: dict[str, None] = field(default_factory=dict)

    def choice(
        self,
        choice: Mapping[str, Any],
        usage: Usage | None = None,
        budget: int | None = None,
        response: Mapping[str, Any] | None = None,
    ) -> Completion:
        """One choice of a response, of either endpoint. usage: of this choice alone, where that is known. response:
        the whole, which some servers have say why its output ended."""
        message = next((choice[key] for key in ("message", "delta") if choice.get(key) is not None), None)
        if message is None and choice.get("text") is not None:
            message = {"content": choice["text"]}
        elif isinstance(message, str | list):
            message = {"content": message}
        elif message is not None and not isinstance(message, Mapping):
            return _error(f"the server's message can't be read: it is {type(message).__name__}")
        if response and self._reason(choice) == (None, ""):
            ended = self._reason(response)[0] or ("length" if response.get("truncated") is True else None)
            choice = {**choice, "finish_reason": ended}
        return self._read(message, choice, usage or Usage(), budget)

    def row(self, row: Mapping[str, Any]) -> Completion:
        """A line of a file of outputs. One that says nothing of why it ended is complete. Raises ValueError where it
        holds no output."""
        message = {**row, "content": row.get("output")}
        silent = not any(_word(row.get(name)) for name in _REASON_FIELDS)
        reasons = {"finish_reason": "stop"} if silent else row
        path = self._read(message, reasons, read_usage(row), None)
        given = row.get("output")
        if (given is None and not path.reasoning) or path.error.startswith(_UNREADABLE):
            raise ValueError(f"output is {given!r:.60}, expected a text")
        return path

    def _read(
        self, message: Mapping[str, Any] | None, reasons: Mapping[str, Any], usage: Usage, budget: int | None
    ) -> Completion:
        said = _Said()
        fields = message or {}
        said.add(fields.get("content"))
        text = said.of("text")
        # One of the fields, since gateways repeat in a second what stands in the first.
        reasoning = self._reasoning(fields) or said.of("reasoning")
        reasoning = reasoning or self._reasoning(reasons)  # some put it beside the message
        refused = fields.get("refusal")
        refusal = said.of("refusal") or (refused if isinstance(refused, str) else "")
        finish, word = self._reason(reasons)
        error = ""
        if said.strange and not text.strip():
            finish, error = "error", f"{_UNREADABLE}: it is {_listed(said.strange)}"
        elif refusal and not text:
            finish, text = "refused", refusal
        elif message is None and finish not in ("length", "refused", "error"):
            return _error("a choice of the server's has neither a message nor a text")
        elif not (text.strip() or reasoning.strip()) and (fields.get("tool_calls") or fields.get("function_call")):
            finish, error = "error", "the server took the output for a tool call"
        elif finish is None:
            there = bool(text.strip() or reasoning.strip())
            finish = "error" if not there else "length" if usage.spent(budget) else "stop"
        if finish != "error":
            self.unknown |= {f"content of type {kind[:40]!r}": None for kind in said.strange}
        elif not error:
            ended = next(filter(None, (_word(reasons.get(name)) for name in _ALL_REASON_FIELDS)), "None")
            error = f"the server ended the request: {ended}"
        if word:
            self.unknown[f"finish_reason {word[:40]!r}"] = None
        return Completion(
            text=text,
            reasoning=reasoning,
            finish_reason=finish,
            prompt_tokens=usage.prompt,
            completion_tokens=usage.completion,
            reasoning_tokens=usage.reasoning,
            error=error,
        )

    @staticmethod
    def _reasoning(message: Mapping[str, Any]) -> str:
        for name in _REASONING_FIELDS:
            said = _Said()
            said.add(message.get(name) or "", "reasoning")
            if words := said.of("reasoning"):
                return words
        return ""

    @staticmethod
    def _reason(row: Mapping[str, Any]) -> tuple[FinishReason | None, str]:
        """The reason, and the word for it where no table has it."""
        for name in _REASON_FIELDS:
            word = _word(row.get(name))
            if _letters(word) in _NOTHING and not any(c.isdigit() for c in word):
                continue
            reason = _reason_of(word)
            return reason, "" if reason else word
        others = (known_reason(row.get(name)) for name in _OTHER_REASON_FIELDS)
        return next(filter(None, others), "length" if row.get("truncated") is True else None), ""


def _listed(names: Mapping[str, None]) -> str:
    return ", ".join(repr(name[:40]) if name in _PARTS or " " not in name else name for name in names)


def _error(words: str) -> Completion:
    return Completion(text="", finish_reason="error", error=words)


# --- the probabilities of options ---------------------------------------------------------------------------------


_SPACES = str.maketrans("▁Ġ", "  ")  # as tokenizers spell the space before a word


def _places(choice: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """For each token of an output what a server tells of the likeliest ones at its place, and of its own, of either
    endpoint."""
    told = choice.get("logprobs")
    if not isinstance(told, Mapping):
        return
    content, top, own = told.get("content"), told.get("top_logprobs"), told.get("token_logprobs")
    if isinstance(content, list):
        for here in content:
            if isinstance(here, Mapping):
                yield here.get("top_logprobs"), here.get("logprob")
    elif isinstance(top, list):
        drawn = own if isinstance(own, list) and len(own) == len(top) else [None] * len(top)
        yield from zip(top, drawn, strict=True)


def _log(value: Any) -> float | None:
    """A logarithm of a probability; one that is hardly above 0 is 0, as rounding makes it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value < 0.01:  # of NaN nothing is true
        return None
    return min(float(value), 0.0)


def told_of_tokens(choice: Mapping[str, Any]) -> Iterator[tuple[list[float], float | None]]:
    """For each token of an output the logarithms of the probabilities of the likeliest ones at its place, and of its
    own, where it is told; nothing where a server tells none."""
    for top, own in _places(choice):
        rows = top if isinstance(top, list) else ()
        values = (
            list(top.values())
            if isinstance(top, Mapping)
            else [one.get("logprob") for one in rows if isinstance(one, Mapping)]
        )
        yield [known for value in values if (known := _log(value)) is not None], _log(own)


def next_tokens(choice: Mapping[str, Any]) -> dict[str, float]:
    """The likeliest tokens at the first place of an output, with the logarithms of their probabilities, of either
    endpoint; {} where a server tells none."""
    told = choice.get("logprobs")
    if not isinstance(told, Mapping):
        return {}
    content, top = told.get("content"), told.get("top_logprobs")
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        first: Any = [*(content[0].get("top_logprobs") or ()), content[0]]
    elif isinstance(top, list) and top:
        first = top[0]
    else:
        return {}
    if isinstance(first, Mapping):
        first = [{"token": token, "logprob": value} for token, value in first.items()]
    found: dict[str, float] = {}
    for one in first if isinstance(first, list) else ():
        token, value = (one.get("token"), one.get("logprob")) if isinstance(one, Mapping) else (None, None)
        if isinstance(token, str) and isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            found.setdefault(token.translate(_SPACES), float(value))
    return found


def options_of(tokens: Mapping[str, float], letters: Sequence[str]) -> tuple[str, dict[str, float]]:
    """The letters among tokens, in the form (with a space before them, or without) on which more probability falls, and
    what stands before them in it; a letter that isn't among the tokens is left out."""
    forms = {
        before: {letter: tokens[before + letter] for letter in letters if before + letter in tokens}
        for before in (" ", "")
    }
    form = max(forms, key=lambda before: sum(map(math.exp, forms[before].values())))
    return form, forms[form]


# --- JSON as servers send it --------------------------------------------------------------------------------------

_MARK = b"\xef\xbb\xbf"


def _integer(digits: str) -> int | float:
    """A number of hundreds of digits is no count of anything, and Python refuses to read one of thousands as a whole
    number."""
    return int(digits) if len(digits) < 30 else float(digits)


_PADDING = "\0 \t\r\n"  # behind a text; the first as of C's strings
_LENIENT = json.JSONDecoder(strict=False, parse_int=_integer)


def read_json(content: bytes) -> Any:
    """JSON as servers write it: with a byte order mark, a NUL behind it, NaN, lone surrogates or raw line ends in
    texts. Raises ValueError where it is none."""
    content = content.removeprefix(_MARK)
    with suppress(ValueError):
        return orjson.loads(content.rstrip(_PADDING.encode()))
    try:
        return _LENIENT.decode(content.decode(json.detect_encoding(content), "replace").rstrip(_PADDING))
    except RecursionError:
        raise ValueError("nested too deeply") from None


_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")


def is_stream(content: bytes) -> bool:
    """Whether a reply is a stream of events."""
    return content.removeprefix(_MARK).lstrip().startswith(_STREAM)


def _events(content: bytes) -> Iterator[tuple[str, Any]]:
    """The name and the JSON of each event. Raises ValueError where one is cut."""
    name, pending = "", b""
    for line in content.removeprefix(_MARK).splitlines():
        line = line.strip()
        if not line:
            if pending:
                break
            name = ""
        elif line.startswith(b"event:"):
            name = line[6:].strip().decode(errors="replace")
        elif line.startswith(b"data:"):
            text = line[5:].strip()
            if text == b"[DONE]" and not pending:
                continue
            pending += b"\n" * bool(pending) + text
            # An event may have several lines of data, and some servers put no empty line between two events.
            try:
                given = read_json(pending) if pending else None
            except ValueError:
                continue
            pending = b""
            yield name, given
    if pending:
        raise ValueError("an event of the server's stream is cut")


def read_stream(content: bytes) -> dict[str, Any] | None:
    """The one reply that a server sent as a stream of events although none was asked for; None where it is no stream.

    Of one in which an error came, nothing but the error: half a text is no output. Raises ValueError where the stream
    breaks off.
    """
    if not is_stream(content):
        return None
    whole_reply: dict[str, Any] = {}
    choices: dict[Any, dict[str, Any]] = {}
    for kind, event in _events(content):
        failed = _error_of_event(kind, event)
        if failed:
            return {"error": failed}
        if not isinstance(event, Mapping):
            continue
        whole_reply |= {name: value for name, value in event.items() if name != "choices" and value is not None}
        for part in event.get("choices") or ():
            choice = choices.setdefault(part.get("index"), {"index": part.get("index"), "message": {}})
            for name, value in (part.get("delta") or part.get("message") or {"content": part.get("text")}).items():
                before = choice["message"].get(name)
                joined = type(before) is type(value) and isinstance(value, str | list)
                choice["message"][name] = (
                    before + value if joined and name != "role" else value if value is not None else before
                )
            choice |= {name: part[name] for name in _ALL_REASON_FIELDS if part.get(name)}
    ended = b"[DONE]" in content[-100:] or all(
        any(choice.get(name) for name in _REASON_FIELDS) for choice in choices.values()
    )
    if not ended:
        raise ValueError("the server's stream breaks off")
    return {**whole_reply, "choices": list(choices.values())} if whole_reply or choices else None


def _error_of_event(kind: str, event: Any) -> Any:
    """What an event of a stream says of a fault; None where it says nothing of one."""
    if not isinstance(event, Mapping):
        return (str(event) or "error") if kind == "error" else None
    if event.get("error"):
        return event["error"]
    if kind == "error" or "error" in (event.get("object"), event.get("type")):
        return event
    parts = event.get("choices")
    of_parts = (part.get("error") for part in parts if isinstance(part, Mapping)) if isinstance(parts, list) else ()
    return next(filter(None, of_parts), None)


_MANY_DIGITS = re.compile(rb"\d{19}")


def read_row(line: bytes) -> dict[str, Any]:
    """The object on a line of a file of outputs, numbers of any length as they are. Raises ValueError where it holds
    none."""
    line = line.removeprefix(_MARK)
    # orjson takes whole numbers beyond 64 bits for floating ones.
    load = partial(json.loads, strict=False) if _MANY_DIGITS.search(line) else read_json
    return json_object(line, load, "a JSON object")


# --- errors in replies of success ---------------------------------------------------------------------------------

_STATUSES = {
    429: "ratelimit ratelimitexceeded ratelimiterror toomanyrequests resourceexhausted throttling",
    503: "overloaded overloadederror serviceunavailable unavailable capacityexceeded engineoverloaded",
    408: "timeout timeouterror requesttimeout deadlineexceeded",
    500: "servererror internalservererror internalerror internal apierror badgateway upstreamerror",
    400: "invalidrequesterror invalidrequest badrequest badrequesterror invalidargument",
    401: "authenticationerror unauthorized unauthenticated invalidapikey",
    404: "notfounderror notfound modelnotfound",
}
_CODES: Mapping[str, int] = {word: status for status, words in _STATUSES.items() for word in words.split()}
_PASSING_WORDS = re.compile(
    r"rate.?limit|too many requests|overloaded|try again|unavailable|time-?d? ?-?out|\bbusy\b|capacity"
    r"|internal(?: server)? error|server error|bad gateway|(?<![\w.])50[0-4](?![\w.])",
    re.I,
)


def may_pass(content: bytes) -> bool:
    """Whether a reply of success that can't be read is a fault that may pass: one that is cut in the middle, null, or
    a gateway's page that says so."""
    text = content.removeprefix(_MARK).strip(b"\0 \t\r\n")
    if text in (b"", b"null") or text[:1] in (b"{", b"[") or is_stream(content):
        return True
    return _PASSING_WORDS.search(text[:2_000].decode(errors="replace")) is not None


def error_status(response: Mapping[str, Any]) -> int | None:
    """The status that a reply of success stands for when it holds an error and no choices; None where it holds none."""
    choices = response.get("choices")
    error = response.get("error")
    if choices and isinstance(choices, list) and isinstance(choices[0], Mapping):
        # As OpenRouter reports a host that failed: the error stands in the choice.
        if not choices[0].get("error") or Reader().choice(choices[0]).text:
            return None
        error = choices[0]["error"]
    elif choices:
        return None
    elif not error and response.get("object") == "error":  # as vLLM reported errors
        error = response
    if not error:
        return None
    told = error if isinstance(error, Mapping) else {}
    for name in ("code", "status", "status_code", "type"):
        code = told.get(name)
        number = int(code) if isinstance(code, str) and re.fullmatch(r"[45]\d\d", code) else whole(code)
        number = number if number is not None else _CODES.get(_letters(code)) if isinstance(code, str) else None
        if number is not None and 400 <= number <= 599:
            return number
    return 503 if _PASSING_WORDS.search(str(error)[:2_000]) else 400
