"""Conversation -> text -> token ids, for engines that hold the tokenizer: exactly one BOS, one assistant header.

The text is rendered first and tokenized without special tokens added, because a chat template usually writes its own
BOS and a tokenizer would add a second one (which costs points, and is easily overlooked).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.errors import UsageError
from cotbench.types import Completion, Message, Reply, Request

# What delimits turns when there is no chat template: a completion that runs on into a question of its own stops there.
PLAIN_STOP = ("\nQuestion:",)
_PLAIN_HEAD = {"system": "", "user": "Question: ", "assistant": "Response: "}

# Marks of turns in common chat formats. In a message's own text they are broken up, as are the tokenizer's special
# tokens, since tokenizers would read them as the real thing.
_MARKS = (
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|\[/?(?:INST|SYSTEM_PROMPT)\]|<</?SYS>>|</?s>"
    r"|<(?:start|end)_of_turn>|<(?:bos|eos)>"
)
_BREAK = "\u200b"  # zero-width space


def plain_text(messages: Sequence[Message]) -> str:
    """A conversation for a base model: blocks of "Question:" and "Response:", the last response left open."""
    blocks = [f"{_PLAIN_HEAD[message.role]}{message.text}" for message in messages]
    return "\n\n".join([*blocks, "Response:"])


def _beginnings(marks: Sequence[str]) -> re.Pattern[str]:
    """Matches the first character of each mark, so that marks inside marks are found too."""
    return re.compile(f"(?=(?:{'|'.join(marks)})).", re.S)


_COMMON = _beginnings([_MARKS])


def disarm(text: str, beginnings: re.Pattern[str] = _COMMON) -> str:
    """A text in which control tokens are no longer spelt out: a zero-width space behind their first character."""
    return beginnings.sub(lambda m: m[0] + _BREAK, text)


def disarmed(messages: Sequence[Message], beginnings: re.Pattern[str] = _COMMON) -> tuple[Message, ...]:
    return tuple(Message(role=m.role, text=disarm(m.text, beginnings)) for m in messages)


def fold_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The system message as the beginning of the first user turn, for templates without a system role."""
    if not messages or messages[0].role != "system":
        return tuple(messages)
    system, first, *rest = messages
    return (Message(role="user", text=f"{system.text}\n\n{first.text}"), *rest)


class Encoded(NamedTuple):
    text: str
    ids: list[int]


def failed(request: Request, error: str, *, prompt: str | None = None, prompt_tokens: int | None = None) -> Reply:
    """The reply to a request that could not be served."""
    path = Completion(text="", finish_reason="error", prompt_tokens=prompt_tokens, error=error[:500])
    return Reply(completions=(path,) * request.sampling.n, prompt=prompt)


# What chat templates call the switch that tells a hybrid model whether to think (Qwen's, GLM's and others';
# DeepSeek's and Granite's), and the variable that says how much.
SWITCHES = ("enable_thinking", "thinking")
EFFORT = "reasoning_effort"


def variables(template: str) -> frozenset[str]:
    """The names that a chat template takes from outside."""
    from jinja2 import Environment, TemplateError, meta
    from jinja2.ext import loopcontrols

    try:
        environment = Environment(extensions=[loopcontrols], autoescape=False)  # noqa: S701 - parsed, never rendered
        return frozenset(meta.find_undeclared_variables(environment.parse(template)))
    except (TemplateError, RecursionError):  # tags of transformers' own ({% generation %}), say
        code = " ".join(re.findall(r"\{[%{].*?[%}]\}", template, re.S))
        return frozenset(re.findall(r"[A-Za-z_]\w*", re.sub(r"'[^']*'|\"[^\"]*\"|\.\s*\w+", " ", code)))


class ChatFormat:
    """How one tokenizer's model is spoken to.

    choice: "auto" (the model's template, or plain text where it has none), "none" (plain text) or the path of a Jinja
    file. kind, hash and system_role say what came of it; knows: the names of switches that the template takes.
    """

    def __init__(self, tokenizer: Any, choice: str = "auto") -> None:
        self.tokenizer = tokenizer
        self._template = self._choose(choice)
        self.kind = "none" if self._template is None else ("model" if choice == "auto" else Path(choice).name)
        self.hash = hashlib.sha256(self._template.encode()).hexdigest()[:16] if self._template else ""
        added = getattr(tokenizer, "added_tokens_decoder", {}).values()
        tokens = {
            *getattr(tokenizer, "all_special_tokens", []),
            *(str(t) for t in added if getattr(t, "special", False)),
        }
        self._special = _beginnings([_MARKS, *(re.escape(token) for token in sorted(tokens) if len(token) > 1)])
        bos = getattr(tokenizer, "bos_token_id", None)
        # Whether this model's inputs begin with BOS is the tokenizer's to say; the template may have written it
        # already.
        opening = list(tokenizer("a").input_ids)[:1]
        self._bos: int | None = bos if bos is not None and opening == [bos] else None
        self.knows = frozenset((*SWITCHES, EFFORT)) & (variables(self._template) if self._template else frozenset())
        self.system_role = self._probe_system_role()

    def _choose(self, choice: str) -> str | None:
        if choice == "none":
            return None
        if choice == "auto":
            template = getattr(self.tokenizer, "chat_template", None)
            if isinstance(template, dict):
                template = template.get("default")
            return template if isinstance(template, str) else None
        try:
            return Path(choice).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(
                f"--chat-template: can't read {choice}: {reason}.", "Give 'auto', 'none' or the path of a Jinja file."
            ) from None

    def _probe_system_role(self) -> str:
        if self._template is None:
            return "none"
        probe = (Message(role="system", text="s0me-system"), Message(role="user", text="s0me-user"))
        with suppress(Exception):  # templates refuse with an error of their own making
            if "s0me-system" in self._apply(probe):
                return "native"
        try:
            self._apply(fold_system(probe))
        except Exception as error:
            raise UsageError(
                f"--chat-template: the template can't be used: {error}",
                "Choose another template, or --chat-template none.",
            ) from None
        return "folded"

    def _apply(self, messages: Sequence[Message], thinking: bool | None = None, effort: Any = None) -> str:
        assert self._template is not None
        given = {**dict.fromkeys(SWITCHES, thinking), EFFORT: effort}
        options = {name: value for name, value in given.items() if value is not None and name in self.knows}
        conversation = [{"role": m.role, "content": m.text} for m in messages]
        options |= {"chat_template": self._template, "tokenize": False, "add_generation_prompt": True}
        return str(self.tokenizer.apply_chat_template(conversation, **options))

    def text(self, request: Request) -> str:
        """What is sent, as text; a BOS that the tokenizer adds is not in it."""
        messages = disarmed(request.messages, self._special)
        if self._template is None:
            return plain_text(messages)
        if self.system_role == "folded":
            messages = fold_system(messages)
        return self._apply(messages, request.thinking, dict(request.sampling.extra).get(EFFORT))

    def warnings(self, thinking: str) -> tuple[str, ...]:
        """What a run must say of a switch that was set and that the template doesn't know. thinking: on, off or
        auto."""
        if thinking == "auto" or self.knows & set(SWITCHES):
            return ()
        has = "there is no chat template" if self._template is None else "the chat template knows no switch for it"
        return (f"--thinking {thinking} changes nothing: {has}, so the model did as it does by default",)

    def info(self, config: EngineConfig, **own: Any) -> EngineInfo:
        """What an engine says of itself that renders prompts in this way; own: the rest of it."""
        return EngineInfo(
            model=config.model,
            chat_template=self.kind,
            chat_template_hash=self.hash,
            system_role=self.system_role,
            warnings=self.warnings(config.thinking),
            **own,
        )

    def require(self, sampling_keys: Collection[str]) -> None:
        """Raises UsageError where requests set how much to reason and the template takes no such variable."""
        if EFFORT in sampling_keys and EFFORT not in self.knows:
            raise UsageError(
                f"--gen-kwargs: the model's chat template takes no {EFFORT}.",
                "Leave it out, or give another --chat-template.",
            )

    def token_ids(self, text: str) -> list[int]:
        """Token ids of a rendered text, with exactly one BOS where this model's inputs begin with one."""
        ids: list[int] = list(self.tokenizer(text, add_special_tokens=False).input_ids)
        return ids if self._bos is None else [self._bos, *dropwhile(lambda token: token == self._bos, ids)]

    def encode(self, request: Request, max_len: int) -> Encoded | Reply:
        """Text and token ids of a request, or the reply that ends it: a prompt as long as the context, or one that the
        chat template refuses, is an error of that request, not of the run."""
        try:
            text = self.text(request)
        except Exception as error:  # templates refuse with errors of their own making
            return failed(request, f"the chat template refuses the conversation: {type(error).__name__}: {error}")
        ids = self.token_ids(text)
        if len(ids) < max_len:
            return Encoded(text, ids)
        error_text = f"the prompt has {len(ids)} tokens and the model's context {max_len}"
        return failed(request, error_text, prompt=text, prompt_tokens=len(ids))

    def stops(self, request: Request) -> list[str]:
        """Stop strings: those of the request, and for plain text the one that ends an answer; none for chat models."""
        return [*request.sampling.stop, *(PLAIN_STOP if self._template is None else ())]
