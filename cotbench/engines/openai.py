"""Any OpenAI-compatible server: bounded concurrency, retries with backoff (`client.py`).

The messages are sent as they are and the server applies its chat template; with `--chat-template none` plain text
goes to the completions endpoint. What a server refuses is learnt once (`manners.py`); what it replies is read by
`replies.py`. A greedy request says temperature 0 and no more; a sampled one all that it means, since vLLM puts the
model card's default where a field is missing.

A request that fails for good comes back as a Completion with finish_reason "error"; a wrong key, a wrong model name,
a field that is refused and can't be left out, or a server that can't be reached stops the run, which can be resumed.
The key never leaves this module and the client.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import orjson
from msgspec import structs

from cotbench.engines import EngineConfig, EngineInfo, Lack
from cotbench.engines.arguments import number, only_known, whole
from cotbench.engines.chat import PLAIN_STOP, SWITCHES, disarmed, fold_system, plain_text
from cotbench.engines.client import BadStatus, EmptyReply, JsonClient, NoReply, json_object
from cotbench.engines.endpoint import Secrets, own_key, public_url
from cotbench.engines.handover import Handover
from cotbench.engines.manners import FOLD, LESSONS, NO_SEED, ONE_PATH, Lesson, indispensable, lesson_of, told, unnamed
from cotbench.engines.replies import Reader, Usage, known_reason, read_usage
from cotbench.engines.replies import whole as count
from cotbench.errors import ModelError, UsageError
from cotbench.processes import switch_threads_after
from cotbench.types import Completion, FinishReason, Key, Message, Reply, Request, request_seed

# With the backoff (0.5 s doubling to 8 s, up to a quarter less) 65 to 87 s of a server that is away.
MAX_RETRIES = 14
# How long the run's thread may hold the interpreter while this engine's waits for it, at each call to a socket
# (Python's default is 5 ms).
SWITCH_S = 0.0005
TIMEOUT_S = 600.0  # the default of OpenAI's client: a long chain of thought on a busy server
AGAIN_S = 0.2
TOLD_OFTEN = 20  # requests refused alike, and none answered, after which the others aren't tried

_ARGUMENTS = ("max_retries", "timeout_s", "send_seed", "check_model")
# Codes of errors, by their letters, that say that the output was refused; and those that say that nothing will be
# answered.
_REFUSED_CODES = frozenset(
    "contentfilter contentpolicyviolation responsibleaipolicyviolation moderationblocked datainspectionfailed "
    "prohibitedcontent".split()
)
_EXHAUSTED_CODES = frozenset("insufficientquota insufficientbalance billinghardlimitreached arrearage".split())
_MODERATED = re.compile(r"moderat|flagged|content (?:policy|filter)|safety", re.I)
_STOPPING = frozenset({401, 402, 404})  # statuses that concern all requests
_STOPPING_AT_FIRST = frozenset({403, 405, 410})  # ... where no request has been answered yet


def _letters(words: Iterable[str]) -> set[str]:
    return {re.sub(r"[\W_]+", "", word.casefold()) for word in words}


@dataclass(slots=True)
class _Trial:
    """What one request has met. learnt: the lessons in whose manner it is asked. tried: those that its own refusals
    taught, each with the refusal."""

    learnt: frozenset[str]
    tried: dict[str, tuple[int, str, frozenset[str]]] = field(default_factory=dict)
    failed: tuple[int, str, frozenset[str]] | None = None


class OpenAIEngine:
    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._url = config.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._key = own_key()
        if config.base_url == "":
            raise UsageError("--base-url is empty.", "As in --base-url http://127.0.0.1:8000/v1")
        if not self._key.isprintable() or not self._key.isascii():
            raise UsageError(
                "OPENAI_API_KEY holds a line end or another character that no key has.", "Set it to the key alone."
            )
        self._secrets = Secrets(self._url, self._key, config.headers.values())
        if not self._key and not config.headers and config.base_url is None and "OPENAI_BASE_URL" not in os.environ:
            raise ModelError(
                "engine 'openai': there is neither --base-url nor OPENAI_API_KEY.",
                "Name your server, as in --base-url http://127.0.0.1:8000/v1, or set the key in the environment.",
            )
        if config.chat_template not in ("auto", "none"):
            raise UsageError(
                "--chat-template: with engine 'openai' the server renders.",
                "Use auto, or none for the completions endpoint.",
            )
        arguments = config.model_args
        only_known("openai", arguments, _ARGUMENTS)
        self._plain = config.chat_template == "none"
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
                raise self._fatal(error) from None
            return here  # some servers don't list their models, or not for every key
        except NoReply as error:
            raise self._away(error) from None
        except (ValueError, TypeError, KeyError):  # it is no list of models: the requests will tell
            return here
        names = [model["id"] for model in models]
        if names and self._check_name and not any(_may_be(self._config.model, name) for name in names):
            shown = self._secrets.clean(", ".join(names[:10]))
            raise ModelError(
                f"--model {self._config.model}: {public_url(self._url)} doesn't serve it; it serves: {shown}.",
                "Use one of these names, or add --model-args check_model=false where the list is not of all names.",
            )
        root = next((model.get("root") for model in models if model["id"] == self._config.model), None)
        return f"server:{self._secrets.clean(root)}" if isinstance(root, str) else here

    def _away(self, error: NoReply) -> ModelError:
        return ModelError(
            f"engine 'openai': can't reach {public_url(self._url)}: {self._secrets.clean(error)}",
            error.remedy
            or "Start the server or correct --base-url (it usually ends in /v1); then run the same command again.",
        )

    def _fatal(self, error: Exception) -> ModelError:
        status = error.status if isinstance(error, BadStatus) else 0
        if status in (401, 403):
            return ModelError(
                f"engine 'openai': {public_url(self._url)} refuses the key ({status}).",
                "Set OPENAI_API_KEY to a valid key (or --header, where the server takes another one); then run "
                "the same command again.",
            )
        return ModelError(
            f"engine 'openai': {public_url(self._url)} answers with {self._secrets.clean(error)}",
            "Check --model and --base-url; then run the same command again.",
        )

    def _cant_do_without(self, name: str, error: BadStatus) -> ModelError:
        remedies = {
            "model": "Check --model.",
            **dict.fromkeys(("max_tokens", "max_completion_tokens"), "Choose another budget with --max-tokens."),
            **dict.fromkeys(self._config.extra_body, f"Correct {name} in --extra-body, or leave it out."),
            **dict.fromkeys(self._config.sampling_keys, f"Correct {name} in --gen-kwargs, or leave it out."),
        }
        return ModelError(
            f"engine 'openai': {public_url(self._url)} refuses {name}: {self._secrets.clean(error, 300)}",
            f"{remedies.get(name, '')} Then run the same command again.".strip(),
        )

    # --- requests -------------------------------------------------------------------------------------------------

    def submit(self, key: Key, request: Request) -> None:
        self._flying += 1
        self._queued.add(key)
        asyncio.run_coroutine_threadsafe(self._answer(key, request), self._loop)

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
                    self._handover.fail(self._away(error))
                    return
            refused = isinstance(error, BadStatus) and self._is_refusal(error)
            # A fault that doesn't pass is a refusal, or a reply that is not of such a server.
            lasts = error.status < 500 if isinstance(error, BadStatus) else isinstance(error, ValueError)
            if lasts and not refused and not self._answered:
                self._refused_alike += 1
                if self._refused_alike > max(TOLD_OFTEN, 2 * self._config.concurrency):
                    self._handover.fail(self._fatal(error))
                    return
            reason: FinishReason = "refused" if refused else "error"
            path = Completion(text="", finish_reason=reason, error=self._secrets.clean(error))
            reply = self._reply((path,) * request.sampling.n, request, self._learnt)
        self._handover.put(key, reply)

    @staticmethod
    def _is_refusal(error: BadStatus) -> bool:
        """Whether what was asked, or the answer to it, is against the server's rules."""
        if _letters(error.codes) & _REFUSED_CODES or known_reason(error.code) == "refused":
            return True
        return error.status == 403 and _MODERATED.search(error.words) is not None

    def _stops(self, error: BadStatus, lesson: Lesson | None) -> bool:
        """Whether an error concerns all requests, asked in whatever manner. lesson: what it teaches."""
        if self._is_refusal(error):
            return False
        if _letters(error.codes) & _EXHAUSTED_CODES:
            return True
        stopping = _STOPPING if self._answered else _STOPPING | _STOPPING_AT_FIRST
        return lesson is None and error.status in stopping

    async def _ask(self, key: Key, request: Request) -> Reply | None:
        """Ask until all paths are there: many servers give one, or fewer than asked for, whatever n says. None where
        it was taken back before its turn.

        What a refusal teaches is tried on this request, and holds for all once the request is answered: so one odd
        message misleads no other.
        """
        begun = False
        wanted = request.sampling.n
        paths: list[Completion] = []
        tokens: list[int | None] = []  # of each response: of several paths a server tells the sum only
        trial = _Trial(self._learnt)
        while len(paths) < wanted:
            body, content = self._body(key, request, trial.learnt, had=len(paths))
            # No longer than the server has it: whoever waits is sent before this reply is read.
            async with self._gate:
                if not begun and not self._take(key):
                    return None
                begun, response = True, None
                while response is None:
                    if not self._learnt <= trial.learnt:  # others have learnt something meanwhile
                        trial.learnt |= self._learnt
                        body, content = self._body(key, request, trial.learnt, had=len(paths))
                    try:
                        response = await self._complete(content, body, trial)
                    except BadStatus as error:
                        # In this turn: those that wait for theirs would be refused alike.
                        if not await self._teaches(error, body, trial):
                            raise
                        body, content = self._body(key, request, trial.learnt, had=len(paths))
            usage = read_usage(response.get("usage") or response.get("usageMetadata"))
            paths += self._read(response, usage, wanted - len(paths), request.sampling.max_tokens)
            tokens.append(usage.completion)
            self._answered = True
            self._learnt |= trial.learnt
            if len(paths) < wanted:
                self._several = False
        reply = self._reply(tuple(paths), request, trial.learnt)
        counted = [number for number in tokens if number is not None]
        if wanted > 1 and len(counted) == len(tokens):
            reply = replace(reply, total_completion_tokens=sum(counted))
        return reply

    async def _complete(self, content: bytes, body: dict[str, Any], trial: _Trial) -> dict[str, Any]:
        def understood(error: BadStatus) -> bool:
            lesson = lesson_of(error, body, trial.tried)
            return lesson is not None or self._is_refusal(error) or self._stops(error, lesson)

        try:
            path = "/completions" if self._plain else "/chat/completions"
            return await self._client.complete(path, content, understood)
        except EmptyReply as error:
            asked = body.get("n", 1)
            raise ValueError(f"{error} of {asked}" if str(error).endswith("0 choices") else str(error)) from None

    async def _teaches(self, error: BadStatus, body: dict[str, Any], trial: _Trial) -> bool:
        """Whether the request is to be asked again, in another manner as a rule. Raises ModelError where no request
        will be answered."""
        lesson = lesson_of(error, body, trial.tried)
        if self._stops(error, lesson):
            raise self._fatal(error) from None
        if self._is_refusal(error):
            return False
        said = (error.status, error.words, error.named)
        before, trial.failed = trial.failed, said
        if lesson is None:
            # The fields of requests that the user asked for by name.
            users = frozenset(self._config.extra_body) | self._config.sampling_keys
            if name := indispensable(error, body, users):
                raise self._cant_do_without(name, error) from None
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

    def _prompt(self, request: Request) -> str | None:
        return plain_text(disarmed(request.messages)) if self._plain else None

    def _messages(self, request: Request, learnt: frozenset[str]) -> tuple[Message, ...]:
        return disarmed(fold_system(request.messages) if FOLD in learnt else request.messages)

    def _reply(self, completions: tuple[Completion, ...], request: Request, learnt: frozenset[str]) -> Reply:
        """The reply to a request, with what was sent where that isn't the request's own messages."""
        sent = self._messages(request, learnt)
        return Reply(
            completions=completions,
            prompt=self._prompt(request),
            messages=sent if sent != request.messages and not self._plain else None,
        )

    def _body(self, key: Key, request: Request, learnt: frozenset[str], *, had: int) -> tuple[dict[str, Any], bytes]:
        """What the server is sent, and its JSON. had: how many of its paths there are already; the rest is asked for,
        under a seed of its own."""
        wanted = request.sampling
        body: dict[str, Any] = {"model": self._config.model, "temperature": wanted.temperature}
        if not wanted.greedy:
            body["top_p"] = wanted.top_p
            if self._send_seed:
                # vLLM gives the path at place i of a request the seed + i: so does this where paths come one by one.
                body["seed"] = (request_seed(self._config.seed, key) + had) & 0x7FFFFFFF
        if wanted.n > 1:
            body["n"] = wanted.n - had
        body["max_tokens"] = wanted.max_tokens
        stop = [*wanted.stop, *(PLAIN_STOP if self._plain else ())]
        if stop:
            body["stop"] = stop
        body.update(wanted.extra)
        prompt = self._prompt(request)
        if prompt is not None:
            body["prompt"] = prompt
        else:
            body["messages"] = [{"role": m.role, "content": m.text} for m in disarmed(request.messages)]
            if request.thinking is not None:
                # What vLLM, SGLang and llama.cpp hand to a hybrid model's chat template; servers that don't know it
                # refuse or ignore it.
                body["chat_template_kwargs"] = dict.fromkeys(SWITCHES, request.thinking)
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

    def describe(self) -> EngineInfo:
        lessons = told(self._learnt)
        unknown = self._secrets.clean(", ".join(self._reader.unknown))
        thinking, plain = self._config.thinking, self._plain
        lacks: tuple[Lack, ...] = ("path tokens",) if plain else ("prompt", "path tokens")
        if not self._send_seed or NO_SEED in self._learnt:
            lacks += ("seeds",)
        fewer = not self._several or ONE_PATH in self._learnt
        notes = [
            *(lesson.note or lesson.warning for lesson in lessons),
            "the server gives fewer paths than it is asked for: the rest was asked for again" if fewer else "",
            "the server renders the prompt; its model's revision and chat template are its own",
            "a request's prompt and token counts are what the server reports",
        ]
        warnings = [
            f"--thinking {thinking} changes nothing: plain text is sent, without a chat template"
            if plain and thinking != "auto"
            else "",
            *(lesson.warning for lesson in lessons),
            unknown and f"replies hold what isn't known and was read as text that is complete: {unknown}",
        ]
        return EngineInfo(
            engine="openai",
            model=self._config.model,
            version=aiohttp.__version__,
            revision=self._revision,
            chat_template="none" if self._plain else "server",
            system_role="none" if self._plain else "folded" if FOLD in self._learnt else "native",
            device=public_url(self._url),
            lacks=lacks,
            notes=tuple(filter(None, notes)),
            warnings=tuple(filter(None, warnings)),
        )

    def preview(self, request: Request) -> str:
        prompt = self._prompt(request)
        return prompt or "\n\n".join(f"[{m.role}]\n{m.text}" for m in self._messages(request, self._learnt))

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


def _may_be(model: str, listed: str) -> bool:
    """Whether a name on a server's list may be the model's: servers list names without a suffix ("m" for
    "m:fastest"), with one ("m:latest"), with a folder before it ("models/m") or as a pattern ("provider/*")."""
    ours, theirs = model.casefold().strip("/"), listed.casefold().strip("/")
    if ours == theirs or ("*" in theirs and fnmatch.fnmatchcase(ours, theirs)):
        return True
    short, long = sorted((ours, theirs), key=len)
    return bool(short) and (long.startswith((f"{short}:", f"{short}@")) or long.endswith(f"/{short}"))
