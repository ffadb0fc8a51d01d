"""Any OpenAI-compatible server: bounded concurrency, retries with backoff (`client.py`).

The messages are sent as they are and the server applies its chat template; with `--chat-template none` plain text
goes to the completions endpoint, and with `--tokenizer` the tokens of prompts that are rendered here, so that a server
can do what engines that hold the tokens can. What a server can do besides is tried at the opening, where a run wants
it (`trying.py`); a reply that is begun and can't be gone on from is an error of its request, never a new turn. What a
server refuses is learnt once (`manners.py`), what concerns all requests stops the run (`faults.py`), and what it
replies is read by `replies.py`. A greedy request says temperature 0 and no more; a sampled one all that it means, since
vLLM puts the model card's default where a field is missing.

A request that fails for good comes back as a Completion with finish_reason "error"; a wrong key, a wrong model name,
a field that is refused and can't be left out, or a server that can't be reached stops the run, which can be resumed.
The key never leaves this module, the client and what keeps it out of messages (`endpoint.Secrets`).
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import orjson
from msgspec import structs

from cotbench.engines import EngineConfig, EngineInfo, Lack, ThinkingInfo
from cotbench.engines.arguments import check, number, whole
from cotbench.engines.chat import PLAIN_STOP, ChatFormat, Encoded, disarmed, fold_system, plain_text
from cotbench.engines.client import BadStatus, EmptyReply, JsonClient, NoReply, json_object
from cotbench.engines.confidence import Meter, measured
from cotbench.engines.continuing import FIELDS
from cotbench.engines.endpoint import Secrets, own_key, public_url
from cotbench.engines.faults import Faults, is_refusal, stops
from cotbench.engines.handover import Handover
from cotbench.engines.likelihood import OptionTokens
from cotbench.engines.local import chat_format, tokenizer_revision
from cotbench.engines.manners import (
    AS_TEXT,
    FOLD,
    LESSONS,
    LIKELIEST,
    NO_EFFORT,
    NO_IDS,
    NO_SEED,
    NO_SWITCH,
    ONE_PATH,
    indispensable,
    lesson_of,
    likeliest_told,
    told,
    unnamed,
)
from cotbench.engines.phases import Course, Leg, Written, completion, course_of, leg_seed, together, token_budget
from cotbench.engines.replies import Reader, Usage, next_tokens, options_of, read_usage, told_of_tokens
from cotbench.engines.replies import whole as count
from cotbench.engines.rewards import NO_REWARDS, scored, writes_none
from cotbench.engines.scores import Place
from cotbench.engines.thinking import (
    BUDGET,
    EFFORT,
    LEAST,
    SWITCHES,
    family_of_name,
    server_fields,
    server_thinking,
    told_of,
    worded,
)
from cotbench.engines.trying import Trials
from cotbench.errors import ModelError, UsageError
from cotbench.processes import switch_threads_after
from cotbench.types import Begun, Completion, FinishReason, Key, Message, Reply, Request, request_seed

# With the backoff (0.5 s doubling to 8 s, up to a quarter less) 65 to 87 s of a server that is away.
MAX_RETRIES = 14
# How long the run's thread may hold the interpreter while this engine's waits for it, at each call to a socket
# (Python's default is 5 ms).
SWITCH_S = 0.0005
TIMEOUT_S = 600.0  # the default of OpenAI's client: a long chain of thought on a busy server
AGAIN_S = 0.2
TOLD_OFTEN = 20  # requests refused alike, and none answered, after which the others aren't tried

RECHECK = 500  # replies that went on from a beginning, after which it is tried again whether the server does
_SUSPECT = 20  # ... where one looks as if it did not

_LIMITS = frozenset({EFFORT, BUDGET, LEAST})


@dataclass(slots=True)
class _Trial:
    """What one request has met. learnt: the lessons in whose manner it is asked. tried: those that its own refusals
    taught, each with the refusal."""

    learnt: frozenset[str]
    tried: dict[str, tuple[int, str, frozenset[str]]] = field(default_factory=dict)
    took_s: float | None = None  # of the exchange that was answered last
    failed: tuple[int, str, frozenset[str]] | None = None


@dataclass(slots=True)
class _Spent:
    """What the responses took of which a reply is made. prompts, cached: tokens of each, as the server tells them.
    waits: seconds of each path, or of several that came in one response; paths don't build on each other."""

    prompts: list[int | None] = field(default_factory=list)
    cached: list[int | None] = field(default_factory=list)
    waits: list[float | None] = field(default_factory=list)

    def add(self, usage: Usage) -> None:
        self.prompts.append(usage.prompt)
        self.cached.append(usage.cached)

    def beside(self, reply: Reply) -> Reply:
        """The reply with what it took."""
        first, counts = reply.prompt_tokens, [count for count in self.prompts if count is not None]
        more = sum(counts) - first if first is not None and len(counts) == len(self.prompts) else None
        told = [count for count in self.cached if count is not None]
        waits = [seconds for seconds in self.waits if seconds is not None]
        return replace(
            reply,
            more_prompt_tokens=more if more is not None and more > 0 else None,
            cached_tokens=sum(told) if told and len(told) == len(self.cached) else None,
            seconds=max(waits) if waits and len(waits) == len(self.waits) else None,
        )


class _NotAsked(Exception):
    """A request that isn't sent, since what would come back would be something else. Its text says why."""


# What a server is sent: the body, and its JSON.
_Built = tuple[dict[str, Any], bytes]


class OpenAIEngine:
    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._url = config.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._key = own_key(config.key_variable)
        if config.base_url == "":
            raise UsageError("--base-url is empty.", "As in --base-url http://127.0.0.1:8000/v1")
        if not self._key.isprintable() or not self._key.isascii():
            raise UsageError(
                f"{config.key_variable} holds a line end or another character that no key has.",
                "Set it to the key alone.",
            )
        self._secrets = Secrets(self._url, self._key, config.headers.values())
        self._faults = Faults(self._url, self._secrets, config)
        if not self._key and not config.headers and config.base_url is None and "OPENAI_BASE_URL" not in os.environ:
            raise ModelError(
                f"engine 'openai': there is neither --base-url nor {config.key_variable}.",
                "Name your server, as in --base-url http://127.0.0.1:8000/v1, or set the key in the environment.",
            )
        if config.chat_template not in ("auto", "none") and not config.tokenizer:
            raise UsageError(
                "--chat-template: with engine 'openai' the server renders.",
                "Use auto, or none for the completions endpoint, or name the model's --tokenizer.",
            )
        arguments = config.model_args
        check("openai", arguments)
        self._says_continues = arguments.get("continues")
        # With a tokenizer prompts are rendered here, and go to the completions endpoint as plain text does.
        self._chat: ChatFormat | None = chat_format(config, tokenizer=config.tokenizer) if config.tokenizer else None
        self._tokenizer = (
            tokenizer_revision(config.tokenizer, self._chat.tokenizer) if config.tokenizer and self._chat else ""
        )
        self._plain = config.chat_template == "none" and self._chat is None
        self._renders = self._plain or self._chat is not None
        self._row = None if self._renders else family_of_name(config.model, config.families)
        self._breaks = re.compile(
            f"(?=(?:{'|'.join(map(re.escape, self._row.breaks))})).", re.S
        ) if self._row is not None and self._row.breaks else None  # fmt: skip
        # The fields of requests that the user asked for by name.
        self._users_fields = frozenset(config.extra_body) | config.sampling_keys
        self._left_thoughts = False
        self._options = OptionTokens(self._chat) if self._chat is not None else None
        self._forms: dict[str, None] = {}  # in which options were read
        self._begun = self._checked = 0  # replies that went on from a beginning, and how many there were at the check
        self._suspect_after = 1
        self._checking = asyncio.Lock()
        self._trials = Trials(
            config,
            self._faults,
            says_continues=self._says_continues,
            kind="tokens" if self._chat is not None else "text" if self._plain else "chat",
            row=self._row,
            ask=self._probed,
            score=self._probed_score,
            refused=lambda: self._ways_refused,
        )
        self._can = self._trials.can
        self._misfiled = self._miscounted = False
        self._bare_thoughts = False  # whether replies of a model that was told not to think have no visible text
        self._max_len = 1 << 30
        self._send_seed = bool(arguments.get("send_seed", True))
        self._check_name = bool(arguments.get("check_model", True))
        self._learnt: frozenset[str] = frozenset()  # names of lessons
        self._reader = Reader()
        self._answered = False
        self._refused_alike = 0  # requests, before any was answered
        self._several = True  # whether the server has given all paths that it was asked for
        self._queued: set[Key] = set()  # submitted and not yet at the server; whoever removes a key has it
        self._flying = 0
        self._unreachable = 0  # requests in a row that found no server
        self.capacity = 2 * config.concurrency
        retries = whole("openai", arguments, "max_retries", MAX_RETRIES)
        timeout_s = number("openai", arguments, "timeout_s", TIMEOUT_S, low=0.001)
        self._client = JsonClient(self._url, self._key, headers=config.headers, retries=retries, timeout_s=timeout_s)
        self._switch_as_before = switch_threads_after(SWITCH_S)
        self._loop = asyncio.new_event_loop()
        self._handover = Handover(self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai-engine", daemon=True)
        self._thread.start()
        self._gate = asyncio.Semaphore(config.concurrency)
        try:
            self._revision = self._call(self._check_server())
            self._call(self._trials.all())
        except BaseException:
            self.close()
            raise

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _check_server(self) -> str:
        """Ask for the list of models: tells at once whether the server, the key and the model's name are right."""
        here = f"at {public_url(self._url)}"  # all that is known of a model whose server doesn't tell
        try:
            told = json_object(await self._client.get("/models", retries=2, timeout_s=30.0))
            models = [model for model in told["data"] if isinstance(model["id"], str)]
        except BadStatus as error:
            if error.status == 401:
                raise self._faults.fatal(error) from None
            return here  # some servers don't list their models, or not for every key
        except NoReply as error:
            raise self._faults.away(error) from None
        except (ValueError, TypeError, KeyError):  # it is no list of models: the requests will tell
            return here
        names = [model["id"] for model in models]
        if names and self._check_name and not any(_may_be(self._config.model, name) for name in names):
            shown = self._secrets.clean(", ".join(names[:10]))
            raise ModelError(
                f"--model {self._config.model}: {public_url(self._url)} doesn't serve it; it serves: {shown}.",
                "Use one of these names, or add --model-args check_model=false where the list is not of all names.",
            )
        own: dict[str, Any] = next((model for model in models if model["id"] == self._config.model), {})
        self._max_len = count(own.get("max_model_len")) or self._max_len
        root = own.get("root")
        return f"server:{self._secrets.clean(root)}" if isinstance(root, str) else here

    # --- what the server can do ----------------------------------------------------------------------------------

    async def _probed(
        self, request: Request, beginning: str = "", fields: Mapping[str, Any] | None = None, more: Any = None
    ) -> dict[str, Any]:
        """The response to a request that isn't the run's. Raises BadStatus or ValueError where it is refused."""
        key = Key("", "", 0, 0)
        encoded = self._encode(request)

        def build(learnt: frozenset[str]) -> _Built:
            body, content = self._body(key, request, learnt, had=0, encoded=encoded)
            if not beginning and not more:
                return body, content
            if beginning:
                body = {**body, **(fields or {}), "messages": [*body["messages"], _of_assistant(beginning)]}
            body |= more or {}
            return body, orjson.dumps(body)

        trial = _Trial(self._learnt)
        try:
            response = await self._exchange(build, build(trial.learnt), trial)
        except NoReply as error:
            raise self._faults.away(error) from None
        self._learnt |= trial.learnt
        return response

    async def _probed_score(self, place: Place, request: Request) -> float:
        """The score of a reply that isn't the run's."""
        try:
            return place.read(await self._told(place, request, retries=1))
        except NoReply as error:
            raise self._faults.away(error) from None

    async def _still_continues(self, reply: Reply, begun: Begun) -> None:
        """Try again, now and then, whether the server goes on from beginnings. Raises _NotAsked where it no longer
        does."""
        self._begun += 1
        if self._says_continues is not None:
            return
        # A new turn would say again what the reply is begun with.
        last = begun.text.strip().rsplit("\n", 1)[-1]
        suspect = bool(last) and any(path.text.lstrip().startswith(last) for path in reply.completions)
        due = self._begun - self._checked >= (self._suspect_after if suspect else RECHECK)
        if due:
            self._checked = self._begun
            self._suspect_after = max(_SUSPECT, 4 * self._suspect_after)  # some models do so by themselves
        elif not self._can.not_continue and not (suspect and self._checking.locked()):
            return
        async with self._checking:
            if due:
                self._can.not_continue = self._can.not_continue or (await self._trials.look()).why_not
        if self._can.not_continue:
            raise _NotAsked(f"the server no longer goes on from the beginning of a reply: {self._can.not_continue}")

    # --- requests -------------------------------------------------------------------------------------------------

    def submit(self, key: Key, request: Request) -> None:
        self._flying += 1
        self._queued.add(key)
        asyncio.run_coroutine_threadsafe(self._answer(key, request), self._loop)

    def arrives(self, wait_s: float) -> bool:
        """Whether `poll` would return at once, now or before so many seconds: requests are answered meanwhile."""
        return not self._flying or self._handover.arrives(wait_s)

    def poll(self) -> list[tuple[Key, Reply]]:
        done = self._handover.take(self._flying)
        self._flying -= len(done)
        return done

    async def _answer(self, key: Key, request: Request) -> None:
        try:
            reply = await self._ask(key, request)
            if reply is None:
                return  # taken back
            self._unreachable = 0
        except ModelError as error:
            self._handover.fail(error)
            return
        except Exception as error:
            if isinstance(error, NoReply):
                self._unreachable += 1
                if self._unreachable > 2 * self._config.concurrency:
                    self._handover.fail(self._faults.away(error))
                    return
            refused = isinstance(error, BadStatus) and is_refusal(error)
            # A fault that doesn't pass is a refusal, or a reply that is not of such a server.
            lasts = error.status < 500 if isinstance(error, BadStatus) else isinstance(error, ValueError)
            if isinstance(error, BadStatus) and request.begun is not None and not self._renders:
                error = _NotAsked(f"the server refuses a reply that is begun: {error}")
            if lasts and not refused and not self._answered:
                self._refused_alike += 1
                if self._refused_alike > max(TOLD_OFTEN, 2 * self._config.concurrency):
                    self._handover.fail(self._faults.fatal(error))
                    return
            reason: FinishReason = "refused" if refused else "error"
            path = Completion(text="", finish_reason=reason, error=self._secrets.clean(error))
            reply = self._reply((path,) * request.sampling.n, request, self._learnt)
        self._handover.put(key, reply)

    async def _ask(self, key: Key, request: Request) -> Reply | None:
        """Ask until all paths are there: many servers give one, or fewer than asked for, whatever n says. None where
        it was taken back before its turn.

        What a refusal teaches is tried on this request, and holds for all once the request is answered: so one odd
        message misleads no other.
        """
        try:
            encoded = self._encode(request)
        except _NotAsked:
            if self._take(key):
                raise
            return None
        if isinstance(encoded, Reply):
            return encoded if self._take(key) else None
        if request.reward:
            return await self._scored(key, request)
        if encoded is not None and self._chat is not None:
            paths = 1 if request.sampling.greedy else request.sampling.n
            courses = [course_of(self._chat, request, encoded, self._max_len) for _ in range(paths)]
            if courses[0] is not None:
                return await self._in_legs(key, request, encoded, list(filter(None, courses)))
        trial = _Trial(self._learnt)
        reply = await self._paths(key, request, encoded, trial)
        if reply is not None and request.begun is not None and not self._renders:
            await self._still_continues(reply, request.begun)
        return reply

    async def _paths(
        self, key: Key, request: Request, encoded: Encoded | None, trial: _Trial, *, had: int = 0, queued: bool = True
    ) -> Reply | None:
        """All paths of one request. had: how many places of seeds are used. queued: whether it waits for its turn."""
        wanted = 1 if request.options else request.sampling.n
        paths: list[Completion] = []
        tokens: list[int | None] = []  # of each response: of several paths a server tells the sum only
        spent = _Spent()

        def build(learnt: frozenset[str]) -> _Built:
            return self._body(key, request, learnt, had=had + len(paths), encoded=encoded, left=wanted - len(paths))

        while len(paths) < wanted:
            built = build(trial.learnt)
            # No longer than the server has it: whoever waits is sent before this reply is read.
            async with self._gate:
                if queued and not self._take(key):
                    return None
                queued = False
                response = await self._exchange(build, built, trial)
            usage = read_usage(response.get("usage") or response.get("usageMetadata"))
            got = self._read(response, usage, wanted - len(paths), request.sampling.max_tokens)
            if encoded is not None and usage.prompt not in (None, len(encoded.ids)):
                self._miscounted = True
            paths += self._understood(request, encoded, response, got)
            tokens.append(usage.completion)
            spent.add(usage)
            spent.waits.append(trial.took_s)
            self._answered = True
            self._learnt |= trial.learnt
            if len(paths) < wanted:
                self._several = False
        if len(paths) < request.sampling.n:  # of options all paths are the same
            paths *= request.sampling.n
        reply = spent.beside(self._reply(tuple(paths), request, trial.learnt, encoded))
        counted = [number for number in tokens if number is not None]
        if wanted > 1 and len(counted) == len(tokens):
            reply = replace(reply, total_completion_tokens=sum(counted))
        return reply

    async def _exchange(
        self, build: Callable[[frozenset[str]], _Built], built: _Built, trial: _Trial
    ) -> dict[str, Any]:
        """The response to a body, made anew with each lesson that a refusal teaches."""
        while True:
            if not self._learnt <= trial.learnt:  # others have learnt something meanwhile
                trial.learnt |= self._learnt
                built = build(trial.learnt)
            body, content = built
            try:
                return await self._complete(content, body, trial)
            except BadStatus as error:
                # In this turn: those that wait for theirs would be refused alike.
                if not await self._teaches(error, body, trial):
                    raise
                built = build(trial.learnt)

    # --- scores of replies, where the model is a reward model --------------------------------------------------------

    async def _scored(self, key: Key, request: Request) -> Reply | None:
        """The score of the reply in which a request's conversation ends. None where it was taken back."""
        place = self._can.scores
        assert place is not None
        waits: list[float] = []
        async with self._gate:
            if not self._take(key):
                return None
            response = await self._told(place, request, waits.append)
        self._answered = True
        usage = read_usage(response.get("usage"))
        paths = (scored(place.read(response), usage.prompt),)
        return replace(Reply(completions=paths), cached_tokens=usage.cached, seconds=waits[-1] if waits else None)

    async def _told(
        self, place: Place, request: Request, took: Callable[[float], None] = lambda _: None, retries: int | None = None
    ) -> dict[str, Any]:
        body = {"model": self._config.model, **place.body(request), **self._config.extra_body}

        def understood(error: BadStatus) -> bool:
            return is_refusal(error) or stops(error, None, self._answered)

        try:
            return await self._client.told(
                place.path, orjson.dumps(body), understood, took, below=place.below, retries=retries
            )
        except BadStatus as error:
            if retries is None and stops(error, None, self._answered):
                raise self._faults.fatal(error) from None
            raise

    # --- thoughts within limits, where we hold the tokens ---------------------------------------------------------

    async def _in_legs(self, key: Key, request: Request, encoded: Encoded, courses: Sequence[Course]) -> Reply | None:
        """The reply to a request whose paths are made of several generations (`phases.py`)."""
        chat = self._chat
        assert chat is not None
        if not self._take(key):
            return None
        spent = _Spent()
        runs = (self._run(key, request, encoded, place, course, spent) for place, course in enumerate(courses))
        counts = [count for count in await asyncio.gather(*runs) if count is not None]
        stops = chat.stops(request)
        paths = [together(chat, request, encoded, course, stops) for course in courses]
        paths = [structs.replace(path, prompt_tokens=counts[0] if counts else None) for path in paths]
        reply = self._reply(tuple(paths * (request.sampling.n // len(paths))), request, self._learnt, encoded)
        return spent.beside(reply)

    async def _run(
        self, key: Key, request: Request, encoded: Encoded, place: int, course: Course, spent: _Spent
    ) -> int | None:
        """Have the server write the legs of one path; how many tokens it counts in the prompt."""
        seed = None if request.sampling.greedy else request_seed(self._config.seed, key)
        prompt_tokens: int | None = None
        wait_s: float | None = 0.0
        while not course.over:
            leg = course.leg()
            trial = _Trial(self._learnt)

            def build(learnt: frozenset[str], leg: Leg = leg) -> _Built:
                own = None if seed is None else leg_seed(seed, place, leg.number)
                return self._body(key, request, learnt, had=0, encoded=encoded, left=1, leg=leg, seed=own)

            async with self._gate:
                response = await self._exchange(build, build(trial.learnt), trial)
            usage = read_usage(response.get("usage"))
            spent.add(usage)
            wait_s = None if wait_s is None or trial.took_s is None else wait_s + trial.took_s
            if prompt_tokens is None and usage.prompt is not None:  # what is written for the model is no prompt
                prompt_tokens = usage.prompt - len(leg.written)
            [path] = self._read(response, usage, 1, leg.most)
            self._answered = True
            self._learnt |= trial.learnt
            if course.meter is not None:
                _measure(course.meter, response["choices"][0])
            if path.finish_reason in ("error", "refused"):
                course.fail(path.error or "the server refused to go on")
            else:
                written = self._written(response["choices"][0], path, leg.thinking)
                course.take(written.ids, written.ended, path.finish_reason == "stop" and not written.ended)
        spent.waits.append(wait_s)
        return prompt_tokens

    def _written(self, choice: Mapping[str, Any], path: Completion, thinking: bool) -> Written:
        """The tokens of a path, and whether it ended by itself. thinking: it was to end with its thought.

        Where a server tells no tokens they are made anew from the text, in which a close mark that ended it is
        missing."""
        assert self._chat is not None
        marks = self._chat.marks
        assert marks is not None
        given, stopped = choice.get("token_ids"), path.finish_reason == "stop"
        if isinstance(given, list) and all(type(token) is int for token in given):
            ended = stopped and not isinstance(choice.get("stop_reason"), str) and given[-1:] != marks.close_ids[-1:]
            return Written(given[:-1], True) if ended else Written(given, False)
        ids = marks.ids(path.text)
        if thinking and stopped and marks.family.close not in path.text:
            return Written([*ids, *marks.close_ids], False)
        return Written(ids, stopped and choice.get("stop_reason") is None)

    async def _complete(self, content: bytes, body: dict[str, Any], trial: _Trial) -> dict[str, Any]:
        def understood(error: BadStatus) -> bool:
            lesson = lesson_of(error, body, trial.tried, self._users_fields)
            return lesson is not None or is_refusal(error) or stops(error, lesson, self._answered)

        def took(seconds: float) -> None:
            trial.took_s = seconds

        try:
            path = "/completions" if self._renders else "/chat/completions"
            return await self._client.complete(path, content, understood, took)
        except EmptyReply as error:
            asked = body.get("n", 1)
            raise ValueError(f"{error} of {asked}" if str(error).endswith("0 choices") else str(error)) from None

    async def _teaches(self, error: BadStatus, body: dict[str, Any], trial: _Trial) -> bool:
        """Whether the request is to be asked again, in another manner as a rule. Raises ModelError where no request
        will be answered."""
        lesson = lesson_of(error, body, trial.tried, self._users_fields)
        if stops(error, lesson, self._answered):
            raise self._faults.fatal(error) from None
        if is_refusal(error):
            return False
        said = (error.status, error.words, error.named)
        before, trial.failed = trial.failed, said
        if lesson is None:
            if name := indispensable(error, body, self._users_fields):
                raise self._faults.cant_do_without(name, error) from None
            return False
        if error.status >= 500 and said != before:
            await asyncio.sleep(AGAIN_S)  # it may be a fault that passes, whatever it names
            return True
        if not unnamed(error, body):
            # What was tried and made no difference was no lesson.
            trial.learnt -= {name for name, refusal in trial.tried.items() if refusal == said}
        trial.tried[lesson.name] = said
        trial.learnt |= {lesson.name}
        return True

    # --- what is sent --------------------------------------------------------------------------------------------

    def _encode(self, request: Request) -> Encoded | Reply | None:
        """A request's tokens, or the reply that ends it; None where the server makes them. Raises _NotAsked where a
        reply can't be begun as the request has it."""
        if request.reward:
            if self._can.scores is None:
                raise _NotAsked(NO_REWARDS + (f" ({self._can.not_score})" if self._can.not_score else ""))
            return None
        if self._can.scores is not None:
            raise writes_none(self._config.model)
        if self._chat is not None:
            return self._chat.encode(request, self._max_len)
        begun = request.begun
        if begun is None:
            return None
        if begun.open:
            raise _NotAsked("a thought can't be begun for a server's model without its --tokenizer")
        if (begun.text or begun.thought is not None) and self._can.not_continue:
            raise _NotAsked(f"the server doesn't go on from the beginning of a reply: {self._can.not_continue}")
        return None

    def _beginning(self, request: Request) -> str:
        """The beginning of a reply as the server is sent it: an empty thought, where that is how the model is kept from
        thinking, and the text."""
        begun, row = request.begun, self._row
        if begun is None:
            return self._can.closing if request.thinking is False else ""
        if begun.thought and row is not None and self._can.take_thoughts:
            return row.opening(begun.thought) + begun.thought + row.closed(begun.thought) + begun.text
        self._left_thoughts |= bool(begun.thought)
        return (self._can.closing or self._can.empty if _thinks(request) is False else "") + begun.text

    def _prompt(self, request: Request, encoded: Encoded | None = None) -> str | None:
        if encoded is not None:
            return encoded.text
        if self._chat is not None:
            return self._chat.text(request)
        if not self._plain:
            return None
        text = request.begun.text if request.begun is not None else ""
        # As a response stands in exemplars: behind a space.
        return plain_text(disarmed(request.messages)) + (" " if text and not text[0].isspace() else "") + text

    def _spoken(self, request: Request) -> tuple[Message, ...]:
        """The messages with the words that switch thinking, and without those that would by chance."""
        messages = disarmed(request.messages)
        if self._breaks is not None:
            messages = disarmed(messages, self._breaks)
        return worded(messages, told_of(self._row, _thinks(request)))

    def _messages(self, request: Request, learnt: frozenset[str]) -> tuple[Message, ...]:
        spoken = self._spoken(request)
        return fold_system(spoken) if FOLD in learnt else spoken

    def _reply(
        self,
        completions: tuple[Completion, ...],
        request: Request,
        learnt: frozenset[str],
        encoded: Encoded | None = None,
    ) -> Reply:
        """The reply to a request, with what was sent where that isn't the request's own messages."""
        sent = request.messages if self._renders else self._messages(request, learnt)
        prompt = None
        with suppress(Exception):  # of a request that no template takes
            prompt = self._prompt(request, encoded)
        return Reply(completions=completions, prompt=prompt, messages=sent if sent != request.messages else None)

    def _body(
        self,
        key: Key,
        request: Request,
        learnt: frozenset[str],
        *,
        had: int,
        encoded: Encoded | Reply | None = None,
        left: int | None = None,
        leg: Leg | None = None,
        seed: int | None = None,
    ) -> _Built:
        """What the server is sent, and its JSON. had: how many of its paths there are already; the rest, or what is
        left, is asked for, under a seed of its own. leg: what of a path is asked for; its seed."""
        wanted = request.sampling
        body: dict[str, Any] = {"model": self._config.model, "temperature": wanted.temperature}
        if not wanted.greedy:
            body["top_p"] = wanted.top_p
            if self._send_seed:
                # vLLM gives the path at place i of a request the seed + i: so does this where paths come one by one.
                own = (request_seed(self._config.seed, key) + had) & 0x7FFFFFFF
                body["seed"] = own if seed is None else seed
        if wanted.n > 1 and not request.options and leg is None:
            body["n"] = wanted.n - had if left is None else left
        body["max_tokens"] = wanted.max_tokens
        stop = [*wanted.stop, *(PLAIN_STOP if self._plain or (self._chat and self._chat.kind == "none") else ())]
        if isinstance(encoded, Encoded):
            self._add_tokens(body, request, encoded, learnt, stop, leg)
        elif self._plain:
            body["prompt"] = self._prompt(request)
        else:
            body["messages"] = [{"role": m.role, "content": m.text} for m in self._spoken(request)]
        if stop:
            body["stop"] = stop
        body.update((name, value) for name, value in wanted.extra if name not in _LIMITS)
        if not self._renders:
            self._add_thinking(body, request)
            if beginning := self._beginning(request):
                body["messages"].append(_of_assistant(beginning))
                body.update(FIELDS)
        if request.options:
            self._add_options(body, request)
        elif request.confidence:
            body |= (
                {"logprobs": LIKELIEST, "return_tokens_as_token_ids": True}  # else tokens that look alike would be one
                if self._renders
                else {"logprobs": True, "top_logprobs": LIKELIEST}
            )
        for name, value in self._config.extra_body.items():
            ours = body.get(name)
            body[name] = {**ours, **value} if isinstance(ours, dict) and isinstance(value, Mapping) else value
        for name, lesson in LESSONS.items():
            if name in learnt:
                body = lesson.change(body)
        try:
            return body, orjson.dumps(body)
        except TypeError:  # lone surrogates, which a plan of the model's own may hold
            return body, json.dumps(body).encode()

    def _add_tokens(
        self,
        body: dict[str, Any],
        request: Request,
        encoded: Encoded,
        learnt: frozenset[str],
        stop: list[str],
        leg: Leg | None,
    ) -> None:
        chat = self._chat
        assert chat is not None
        ids, text = encoded.ids, encoded.text
        body["max_tokens"] = min(token_budget(request), self._max_len - len(ids))
        if leg is not None:
            ids, body["max_tokens"] = ids + leg.written, leg.most
            text += str(chat.tokenizer.decode(leg.written, skip_special_tokens=False)) if leg.written else ""
        body["prompt"] = chat.bare_text(text) if AS_TEXT in learnt else ids
        marks = chat.marks
        if marks is None:
            return
        body["return_token_ids"] = True
        thinking = leg.thinking if leg is not None else encoded.open
        if thinking:
            stop.clear()  # they are the answer's
        if leg is not None and leg.thinking:
            if len(marks.close_ids) == 1 and NO_IDS not in learnt:
                body["stop_token_ids"] = marks.close_ids
            else:
                stop.append(marks.family.close)
                body["skip_special_tokens"] = False

    def _add_options(self, body: dict[str, Any], request: Request) -> None:
        """Ask for the probabilities of the options: of their tokens where they are known, else of the likeliest."""
        body["max_tokens"] = 1
        if not self._renders:
            body |= {"logprobs": True, "top_logprobs": LIKELIEST}
            return
        body["logprobs"] = LIKELIEST
        if self._options is not None:
            with suppress(ValueError):  # no token stands for each letter: what the server tells has to do
                body["logprob_token_ids"] = list(self._options.of(request))
                body["return_tokens_as_token_ids"] = True

    def _add_thinking(self, body: dict[str, Any], request: Request) -> None:
        """Put the fields in that say what a request says of thinking."""
        extra = dict(request.sampling.extra)
        thinking, effort, budget = _thinks(request), extra.get(EFFORT), extra.get(BUDGET)
        row = self._row
        if row is not None:
            body.update(server_fields(row, thinking, effort, budget))
        else:
            if effort is not None:
                body[EFFORT] = effort
            if thinking is not None:
                # What vLLM, SGLang and llama.cpp hand to a hybrid model's chat template; servers that don't know it
                # refuse or ignore it.
                body["chat_template_kwargs"] = dict.fromkeys(SWITCHES, thinking)
        if budget is not None and thinking is not False:
            if not (row is not None and (row.budget or row.budget_fields)):
                body["thinking_token_budget"] = budget
            body["max_tokens"] += budget  # the server's limit is of the thought and the answer together

    # --- what comes back -----------------------------------------------------------------------------------------

    def _understood(
        self, request: Request, encoded: Encoded | None, response: Mapping[str, Any], paths: tuple[Completion, ...]
    ) -> list[Completion]:
        """The paths of a response as answers to a request: with the thought apart, with the options, with what is told
        of their tokens."""
        read = self._as_asked(request, encoded, response, paths)
        if not request.confidence:
            return read
        choices = [choice for choice in response["choices"] if isinstance(choice, dict)]
        choices.sort(key=lambda choice: count(choice.get("index")) or 0)
        found = []
        for choice, path in zip(choices, read, strict=False):
            meter = Meter(request.confidence, likeliest_told(self._learnt))
            _measure(meter, choice)
            found.append(measured(path, meter))
        return found

    def _as_asked(
        self, request: Request, encoded: Encoded | None, response: Mapping[str, Any], paths: tuple[Completion, ...]
    ) -> list[Completion]:
        """The paths with the thought apart, with the options."""
        if request.options or (encoded is not None and self._chat is not None and self._chat.marks is not None):
            choices = [choice for choice in response["choices"] if isinstance(choice, dict)]
            choices.sort(key=lambda choice: count(choice.get("index")) or 0)
            if request.options:
                return [self._chosen(request, choices[0], paths[0])]
            assert encoded is not None
            return [self._apart(request, choice, path, encoded) for choice, path in zip(choices, paths, strict=False)]
        if request.begun is not None and request.begun.text and not self._renders:
            return [self._refiled(path) for path in paths]
        if _thinks(request) is False:
            # Left where they are, so that nobody takes them for what the model said in public; they are read there too.
            self._bare_thoughts |= any(p.finish_reason == "stop" and p.reasoning and not p.text.strip() for p in paths)
        return list(paths)

    def _chosen(self, request: Request, choice: Mapping[str, Any], path: Completion) -> Completion:
        """The likeliest option, with the probabilities of all that the server tells."""
        tokens = next_tokens(choice)
        if path.finish_reason == "error" and not tokens:
            return path
        found: dict[str, float] = {}
        options = ", ".join(request.options)
        why = f"none of the options {options} is among the likeliest tokens that the server tells"
        if self._options is not None:
            try:
                names = zip(request.options, self._options.of(request), strict=True)
                found = {letter: tokens[f"token_id:{name}"] for letter, name in names if f"token_id:{name}" in tokens}
            except ValueError as error:
                why = str(error)
        if not found:
            form, found = options_of(tokens, request.options)
            if found:
                self._forms[form] = None
        if not found:
            return structs.replace(path, text="", reasoning="", finish_reason="error", error=why)
        best = max(found, key=lambda letter: found[letter])
        return structs.replace(path, text=best, reasoning="", finish_reason="stop", error="", options=found)

    def _apart(self, request: Request, choice: Mapping[str, Any], path: Completion, encoded: Encoded) -> Completion:
        """A path of the completions endpoint with its thought apart from the answer: by the tokens where the server
        tells them, else by the marks in its text."""
        chat = self._chat
        assert chat is not None
        if path.finish_reason in ("error", "refused"):
            return path
        read = completion(chat, request, encoded, self._written(choice, path, False), chat.stops(request))
        known = path.completion_tokens if path.completion_tokens is not None else read.completion_tokens
        # Of the two, who saw a stop string is right.
        finish = "stop" if read.finish_reason == "stop" else path.finish_reason
        return structs.replace(read, finish_reason=finish, prompt_tokens=path.prompt_tokens, completion_tokens=known)

    def _refiled(self, path: Completion) -> Completion:
        """What follows the beginning of an answer is a part of the answer, also where a server's parser waits for the
        end of a thought and files it as reasoning."""
        if path.text.strip() or not path.reasoning or path.finish_reason == "error":
            return path
        self._misfiled = True
        return structs.replace(path, text=path.reasoning, reasoning="", reasoning_tokens=None)

    def _read(self, response: Mapping[str, Any], usage: Usage, wanted: int, budget: int) -> tuple[Completion, ...]:
        """The paths of a response: at least one, at most as many as wanted."""
        given = response.get("choices")
        choices = [choice for choice in given if isinstance(choice, dict)] if isinstance(given, list) else []
        choices = sorted(choices, key=lambda choice: count(choice.get("index")) or 0)[:wanted]
        if not choices:
            raise ValueError(f"the server returned 0 choices of {wanted}")
        # Of several paths a server tells the sum only.
        own = usage if len(choices) == 1 else Usage(prompt=usage.prompt)
        paths = (self._reader.choice(choice, own, budget, response) for choice in choices)
        return tuple(structs.replace(p, error=self._secrets.clean(p.error)) if p.error else p for p in paths)

    def cancel(self) -> list[Key]:
        """Requests that wait for their turn are taken back; those at the server are waited for."""
        keys = [key for key in list(self._queued) if self._take(key)]
        self._flying -= len(keys)
        return keys

    def _take(self, key: Key) -> bool:
        try:
            self._queued.remove(key)
        except KeyError:
            return False
        return True

    # --- description ----------------------------------------------------------------------------------------------

    def _thinking(self) -> ThinkingInfo:
        if self._chat is not None:
            return self._chat.thinking
        if self._plain:
            return ThinkingInfo(off="never", on="")
        return server_thinking(
            self._row,
            self._config.families,
            refused=self._ways_refused,
            closes=bool(self._can.closing),
            limits=self._can.limit_thoughts,
        )

    @property
    def _ways_refused(self) -> list[str]:
        """The ways to tell a model whether to think that the server refuses."""
        ways = {"variables": NO_SWITCH, "fields": NO_EFFORT}
        return [name for name, lesson in ways.items() if lesson in self._learnt]

    def _notes(self) -> list[str]:
        fewer = not self._several or ONE_PATH in self._learnt
        wanted = "continue" in self._config.wants
        forms = " and ".join(f'"{form}A"' for form in self._forms)
        server = "the server renders the prompt; its model's revision and chat template are its own"
        return [
            *(lesson.note or lesson.warning for lesson in told(self._learnt)),
            "the server gives fewer paths than it is asked for: the rest was asked for again" if fewer else "",
            f"the server doesn't go on from the beginning of a reply: {self._can.not_continue}"
            if wanted and self._can.not_continue
            else "",
            f"options were read as the tokens {forms}, and so on" if forms else "",
            f"scores are what the server tells at {self._can.scores.shown}" if self._can.scores is not None else "",
            f"confidence is over the {self._can.likeliest} likeliest tokens" if self._can.likeliest > 1 else "",
            *(self._options.notes if self._options is not None and not forms else ()),
            "" if self._renders and not self._plain else server,
            "a request's prompt and token counts are what the server reports"
            if self._chat is None
            else "a request's token counts are what the server reports",
        ]

    def _warnings(self, thinking: ThinkingInfo) -> list[str]:
        asked = self._config.thinking
        unknown = self._secrets.clean(", ".join(self._reader.unknown))
        void = {"on": thinking.on, "off": thinking.off}.get(asked) == "" and self._row is not None
        return [
            f"--thinking {asked} changes nothing: plain text is sent, without a chat template"
            if self._plain and asked != "auto"
            else "",
            f"--thinking {asked} changes nothing: models of the family {thinking.family} can't be told so here"
            if void
            else "",
            *(self._chat.warnings(asked) if self._chat is not None else ()),
            *(lesson.warning for lesson in told(self._learnt)),
            "the server filed what follows a begun answer as reasoning: it was read as the answer that it is"
            if self._misfiled
            else "",
            "thoughts could not be put before begun replies: they went on from their visible text alone"
            if self._left_thoughts
            else "",
            "replies of a model that was told not to think hold a thought and no text: the "
            "server may file answers as reasoning (vLLM's does under a --reasoning-parser that waits for the end of a "
            "thought); answers are read there too"
            if self._bare_thoughts
            else "",
            "the server counts other tokens in prompts than were sent: is --tokenizer that of its model?"
            if self._miscounted
            else "",
            unknown and f"replies hold what isn't known and was read as text that is complete: {unknown}",
        ]

    def describe(self) -> EngineInfo:
        chat, plain = self._chat, self._plain
        lacks: tuple[Lack, ...] = ("path tokens",) if self._renders else ("prompt", "path tokens")
        if not self._send_seed or NO_SEED in self._learnt:
            lacks += ("seeds",)
        thinking = self._thinking()
        return EngineInfo(
            engine="openai",
            model=self._config.model,
            version=aiohttp.__version__,
            revision=self._revision,
            chat_template=chat.kind if chat is not None else "none" if plain else "server",
            chat_template_hash=chat.hash if chat is not None else "",
            tokenizer=self._tokenizer,
            system_role=chat.system_role
            if chat is not None
            else "none"
            if plain
            else "folded"
            if FOLD in self._learnt
            else "native",
            device=public_url(self._url),
            max_model_len=self._max_len if self._max_len < 1 << 30 else None,
            continues="tokens" if self._renders else "" if self._can.not_continue else "server",
            likelihoods=self._can.tell_likelihoods,
            confidence=self._can.likeliest,
            rewards=self._can.scores is not None,
            thinking=thinking,
            seconds=f"from request sent to whole reply, up to {self._config.concurrency} at once",
            lacks=lacks,
            notes=tuple(filter(None, self._notes())),
            warnings=tuple(filter(None, self._warnings(thinking))),
        )

    def preview(self, request: Request) -> str:
        if prompt := self._prompt(request):
            return prompt
        messages = self._messages(request, self._learnt)
        if beginning := self._beginning(request):
            messages += (Message(role="assistant", text=beginning),)
        return "\n\n".join(f"[{m.role}]\n{m.text}" for m in messages)

    def token_ends(self, text: str) -> list[int] | None:
        """Where the tokens of a text end, where the model's tokenizer was named."""
        return None if self._chat is None else self._chat.token_ends(text)

    def close(self) -> None:
        async def stop() -> None:
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await self._client.close()

        self._call(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._switch_as_before()


def _measure(meter: Meter, choice: Mapping[str, Any]) -> None:
    """Take what a server tells of an output's tokens into account."""
    for likeliest_here, own in told_of_tokens(choice):
        meter.add(likeliest_here, own)


def _of_assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _thinks(request: Request) -> bool | None:
    """What a request says of thinking; a thought that is over is one that the model is not to think again."""
    return False if request.begun is not None and request.begun.thought is not None else request.thinking


def _may_be(model: str, listed: str) -> bool:
    """Whether a name on a server's list may be the model's: servers list names without a suffix ("m" for
    "m:fastest"), with one ("m:latest"), with a folder before it ("models/m") or as a pattern ("provider/*")."""
    ours, theirs = model.casefold().strip("/"), listed.casefold().strip("/")
    if ours == theirs or ("*" in theirs and fnmatch.fnmatchcase(ours, theirs)):
        return True
    short, long = sorted((ours, theirs), key=len)
    return bool(short) and (long.startswith((f"{short}:", f"{short}@")) or long.endswith(f"/{short}"))
