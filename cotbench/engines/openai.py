"""Any OpenAI-compatible server: bounded concurrency, retries with backoff (`client.py`).

The messages are sent as they are and the server applies its chat template; with `--chat-template none` plain text goes
to the completions endpoint. A request that fails for good comes back as a Completion with finish_reason "error"; a
wrong key, a wrong model name or a server that can't be reached stops the run, which can be resumed. The key never
leaves this module and the client.
"""

from __future__ import annotations

import asyncio
import os
import queue
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import orjson

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import number, only_known, whole
from cotbench.engines.chat import PLAIN_STOP, disarmed, fold_system, plain_text
from cotbench.engines.client import BadStatus, JsonClient, NoReply, json_object
from cotbench.engines.endpoint import Secrets, public_url
from cotbench.errors import ModelError, UsageError
from cotbench.types import Completion, FinishReason, Key, Message, Reply, Request, request_seed

# With the backoff (0.5 s doubling to 8 s, up to a quarter less) 65 to 87 s of a server that is away.
MAX_RETRIES = 14
# How long the run's thread may hold the interpreter while this engine's waits for it, at each call to a socket (Python's default is 5 ms).
SWITCH_S = 0.0005
# Replies wait to be handed over until none has come for so long, but themselves no longer than that.
QUIET_S, LONGEST_HOLD_S = 0.005, 0.05
TIMEOUT_S = 600.0  # the default of OpenAI's client: a long chain of thought on a busy server

_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
}
_ARGUMENTS = ("max_retries", "timeout_s", "send_seed")
# What a server says in a 400 when its chat template takes no system message (Gemma, Mistral and Mixtral among them).
_NO_SYSTEM = re.compile(
    r"system (?:role|message|prompt)|\broles?\b.*(?:alternat|support|system|user|assistant)", re.I | re.S
)
_NO_SWITCH = re.compile(
    r"chat_template_kwargs|enable_thinking|extra (?:fields|inputs)|un(?:known|recognized|expected) (?:\w+ )*(?:parameter|field|argument|key)",
    re.I,
)
# ... and when it gives one path a request only (DeepSeek: "Invalid n value (currently only n = 1 is supported)").
_ONE_PATH = re.compile(
    r"""['"`]n['"`]|\bn (?:value|must|should|is)\b|\bn ?(?:=|>|!=|<=) ?1\b|(?:only|at most) (?:one|1) (?:choice|completion)|multiple (?:choices|completions)""",
    re.I,
)
_REFUSED_CODES = frozenset({"content_filter", "content_policy_violation"})


@dataclass(frozen=True, slots=True)
class _Manner:
    """What a server wants otherwise than most: learnt from its refusals, and kept for all requests after."""

    budget_name: str = "max_tokens"
    fold: bool = False
    send_thinking: bool = True
    one_path: bool = False


class OpenAIEngine:
    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._url = config.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._key = os.environ.get("OPENAI_API_KEY", "")
        if config.base_url == "":
            raise UsageError("--base-url is empty.", "As in --base-url http://127.0.0.1:8000/v1")
        self._secrets = Secrets(self._url, self._key)
        if not self._key and config.base_url is None and "OPENAI_BASE_URL" not in os.environ:
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
        self._manner = _Manner()
        self._several = True  # whether the server has given all paths that it was asked for
        self._results: queue.SimpleQueue[tuple[Key, Reply] | ModelError] = queue.SimpleQueue()
        self._queued: set[Key] = set()  # submitted and not yet at the server; whoever removes a key has it
        self._arrived: list[tuple[Key, Reply]] = []  # and not yet handed over
        self._arrived_s = 0.0
        self._handing_over: asyncio.TimerHandle | None = None
        self._flying = 0
        self._unreachable = 0  # requests in a row that found no server
        self._fatal_error: ModelError | None = None
        self.capacity = 2 * config.concurrency
        retries = whole("openai", arguments, "max_retries", MAX_RETRIES)
        timeout_s = number("openai", arguments, "timeout_s", TIMEOUT_S, low=0.001)
        self._client = JsonClient(self._url, self._key, retries=retries, timeout_s=timeout_s)
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._loop = asyncio.new_event_loop()
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
            if error.status in (401, 403):
                raise self._fatal(error) from None
            return here  # some servers don't list their models
        except NoReply as error:
            raise self._away(self._secrets.clean(error)) from None
        except (ValueError, TypeError, KeyError):  # it is no list of models: the requests will tell
            return here
        names = [model["id"] for model in models]
        if names and self._config.model not in names:
            raise ModelError(
                f"--model {self._config.model}: {public_url(self._url)} doesn't serve it; it serves: {', '.join(names[:10])}.",
                "Use one of these names.",
            )
        root = next((model.get("root") for model in models if model["id"] == self._config.model), None)
        return f"server:{root}" if isinstance(root, str) else here

    def _away(self, reason: str) -> ModelError:
        return ModelError(
            f"engine 'openai': can't reach {public_url(self._url)}: {reason}",
            "Start the server or correct --base-url (it usually ends in /v1); then run the same command again.",
        )

    def _fatal(self, error: BadStatus) -> ModelError:
        status = error.status
        if status in (401, 403):
            return ModelError(
                f"engine 'openai': {public_url(self._url)} refuses the key ({status}).",
                "Set OPENAI_API_KEY to a valid key; then run the same command again.",
            )
        return ModelError(
            f"engine 'openai': {public_url(self._url)} answers with {self._secrets.clean(error)}",
            "Check --model and --base-url; then run the same command again.",
        )

    # --- requests -------------------------------------------------------------------------------------------------

    def submit(self, key: Key, request: Request) -> None:
        self._flying += 1
        self._queued.add(key)
        asyncio.run_coroutine_threadsafe(self._answer(key, request), self._loop)

    def poll(self) -> list[tuple[Key, Reply]]:
        done: list[tuple[Key, Reply]] = []
        if self._fatal_error is not None:
            raise self._fatal_error
        while self._flying and (not done or not self._results.empty()):
            result = self._results.get()
            if isinstance(result, ModelError):
                if not done:
                    raise result
                self._fatal_error = result  # for the next call: what has arrived is recorded first
                break
            self._flying -= 1
            done.append(result)
        return done

    async def _answer(self, key: Key, request: Request) -> None:
        try:
            reply = await self._ask(key, request)
            if reply is None:
                return  # taken back
            self._unreachable = 0
        except ModelError as error:
            self._fail(error)
            return
        except Exception as error:
            reason = self._secrets.clean(error)
            if isinstance(error, NoReply):
                self._unreachable += 1
                if self._unreachable > 2 * self._config.concurrency:
                    self._fail(self._away(reason))
                    return
            refused = isinstance(error, BadStatus) and error.code in _REFUSED_CODES
            path = Completion(text="", finish_reason="refused" if refused else "error", error=reason)
            reply = self._reply((path,) * request.sampling.n, request, self._manner)
        self._arrive(key, reply)

    def _arrive(self, key: Key, reply: Reply) -> None:
        """Replies are handed to the run when no more come for a moment: while those that came with them are read and the next requests
        sent, its work, in a thread that shares the interpreter, would hold them up."""
        now = self._loop.time()
        if not self._arrived:
            self._arrived_s = now
        self._arrived.append((key, reply))
        if self._handing_over is not None:
            if now - self._arrived_s > LONGEST_HOLD_S:
                return
            self._handing_over.cancel()
        self._handing_over = self._loop.call_later(QUIET_S, self._hand_over)

    def _fail(self, error: ModelError) -> None:
        self._hand_over()  # what came before is recorded
        self._results.put(error)

    def _hand_over(self) -> None:
        if self._handing_over is not None:
            self._handing_over.cancel()
            self._handing_over = None
        for result in self._arrived:
            self._results.put(result)
        self._arrived.clear()

    async def _ask(self, key: Key, request: Request) -> Reply | None:
        """Asks until all paths are there: many servers give one, or fewer than asked for, whatever n says. None where it was taken back before its turn."""
        begun = False
        wanted = request.sampling.n
        paths: list[Completion] = []
        tokens: list[int | None] = []  # of each response: of several paths a server tells the sum only
        while True:
            manner = self._manner
            place, body = self._body(key, request, manner, had=len(paths))
            try:
                # No longer than the server has it: whoever waits is sent before this reply is read.
                async with self._gate:
                    if not begun and not self._take(key):
                        return None
                    begun = True
                    if manner is not self._manner:
                        continue
                    content = await self._client.post(place, body)
                response = json_object(content)
                paths += self._read(response, wanted - len(paths))
                tokens.append(_count(response.get("usage"), "completion_tokens"))
                if len(paths) < wanted:
                    self._several = False
                    continue
                reply = self._reply(tuple(paths), request, manner)
                told = [count for count in tokens if count is not None]
                if wanted > 1 and len(told) == len(tokens):
                    reply = replace(reply, total_completion_tokens=sum(told))
                return reply
            except BadStatus as error:
                if error.status in (401, 404):
                    raise self._fatal(error) from None
                if error.status != 400:
                    raise
                # Others may have been refused for the same reason at the same time: ask again in the newest manner.
                words = error.content
                if "max_completion_tokens" in words and manner.budget_name == "max_tokens":
                    self._manner = replace(self._manner, budget_name="max_completion_tokens")
                elif manner.send_thinking and request.thinking is not None and _NO_SWITCH.search(words):
                    self._manner = replace(self._manner, send_thinking=False)
                elif not manner.fold and request.messages[0].role == "system" and _NO_SYSTEM.search(words):
                    self._manner = replace(self._manner, fold=True)
                elif wanted - len(paths) > 1 and not manner.one_path and _ONE_PATH.search(words):
                    self._manner = replace(self._manner, one_path=True)
                    self._several = False
                else:
                    raise

    def _prompt(self, request: Request) -> str | None:
        return plain_text(disarmed(request.messages)) if self._plain else None

    def _messages(self, request: Request, manner: _Manner) -> tuple[Message, ...]:
        return disarmed(fold_system(request.messages) if manner.fold else request.messages)

    def _reply(self, completions: tuple[Completion, ...], request: Request, manner: _Manner) -> Reply:
        """With what was sent, where that isn't the request's own messages."""
        sent = self._messages(request, manner)
        return Reply(
            completions=completions,
            prompt=self._prompt(request),
            messages=sent if sent != request.messages and not self._plain else None,
        )

    def _body(self, key: Key, request: Request, manner: _Manner, *, had: int = 0) -> tuple[str, bytes]:
        """The endpoint and what it is sent. had: how many of its paths there are already; the rest is asked for, under a seed of its own."""
        wanted = request.sampling
        options: dict[str, Any] = {
            "model": self._config.model,
            "temperature": wanted.temperature,
            "top_p": wanted.top_p,
            "n": 1 if manner.one_path else wanted.n - had,
        }
        if not wanted.greedy and self._send_seed:
            # vLLM gives the path at place i of a request the seed + i: so does this where paths come one by one.
            options["seed"] = (request_seed(self._config.seed, key) + had) & 0x7FFFFFFF
        stop = [*wanted.stop, *(PLAIN_STOP if self._plain else ())]
        if stop:
            options["stop"] = stop
        prompt = self._prompt(request)
        if prompt is not None:
            return "/completions", orjson.dumps({**options, "prompt": prompt, "max_tokens": wanted.max_tokens})
        options[manner.budget_name] = wanted.max_tokens
        if request.thinking is not None and manner.send_thinking:
            # What vLLM and SGLang hand to a hybrid model's chat template; servers that don't know it refuse or ignore it.
            options["chat_template_kwargs"] = {"enable_thinking": request.thinking}
        messages = [{"role": m.role, "content": m.text} for m in self._messages(request, manner)]
        return "/chat/completions", orjson.dumps({**options, "messages": messages})

    def _read(self, response: Mapping[str, Any], wanted: int) -> tuple[Completion, ...]:
        """The paths of a response: at least one, at most as many as wanted."""
        given = response.get("choices")
        if not given and response.get("error"):
            raise ValueError(f"the server says: {str(response['error'])[:300]}")
        choices = [choice for choice in given if isinstance(choice, dict)] if isinstance(given, list) else []
        choices = sorted(choices, key=lambda choice: _count(choice, "index") or 0)[:wanted]
        if not choices:
            raise ValueError(f"the server returned 0 choices of {wanted}")
        alone = len(choices) == 1
        usage = response.get("usage")
        return tuple(
            replace(
                _path(choice),
                prompt_tokens=_count(usage, "prompt_tokens"),
                completion_tokens=_count(usage, "completion_tokens") if alone else None,
                reasoning_tokens=_thought_tokens(usage) if alone else None,
            )
            for choice in choices
        )

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
        return EngineInfo(
            engine="openai",
            model=self._config.model,
            version=aiohttp.__version__,
            revision=self._revision,
            chat_template="none" if self._plain else "server",
            system_role="none" if self._plain else "folded" if self._manner.fold else "native",
            device=public_url(self._url),
            lacks=(
                *(() if self._plain else ("prompt",)),
                "path tokens",
                *(() if self._send_seed else ("seeds",)),
            ),
            notes=(
                *(
                    ()
                    if self._manner.send_thinking
                    else ("the server doesn't take the switch that tells a hybrid model not to think",)
                ),
                *(
                    ()
                    if self._several
                    else ("the server gives fewer paths than it is asked for: the rest was asked for again",)
                ),
                "the server renders the prompt; its model's revision and chat template are its own",
                "a request's prompt and token counts are what the server reports",
            ),
        )

    def preview(self, request: Request) -> str:
        if self._plain:
            return plain_text(disarmed(request.messages))
        return "\n\n".join(f"[{m.role}]\n{m.text}" for m in self._messages(request, self._manner))

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
        sys.setswitchinterval(self._switch_s)


def _path(choice: Mapping[str, Any]) -> Completion:
    """A choice of a response, of either endpoint."""
    message = choice.get("message")
    if not isinstance(message, dict):
        if not isinstance(choice.get("text"), str):
            raise ValueError("a choice of the server's has neither a message nor a text")
        message = {"content": choice["text"]}
    texts = {name: message.get(name) for name in ("content", "refusal", "reasoning_content", "reasoning")}
    said = {name: text for name, text in texts.items() if isinstance(text, str)}
    text, refusal = said.get("content", ""), said.get("refusal", "")
    reason = choice.get("finish_reason")
    finish = "refused" if refusal and not text else _FINISH.get(reason if isinstance(reason, str) else None, "error")
    return Completion(
        text=text or refusal,
        reasoning=said.get("reasoning_content") or said.get("reasoning", ""),
        finish_reason=finish,
        error=f"the server ended the request: {reason}" if finish == "error" else "",
    )


def _count(row: Any, name: str) -> int | None:
    found = row.get(name) if isinstance(row, dict) else None
    return found if isinstance(found, int) else None


def _thought_tokens(usage: Any) -> int | None:
    """What a server says of reasoning in its usage; None where it says nothing."""
    return _count(usage.get("completion_tokens_details"), "reasoning_tokens") if isinstance(usage, dict) else None
