"""Conversation -> text -> token ids, for engines that hold the tokenizer: exactly one BOS, one assistant header.

The text is rendered first and tokenized without special tokens added, because a chat template usually writes its own
BOS and a tokenizer would add a second one (which costs points, and is easily overlooked).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotbench.errors import UsageError
from cotbench.types import Completion, Message, Reply, Request

# What delimits turns when there is no chat template: a completion that runs on into a question of its own stops there.
PLAIN_STOP = ("\nQuestion:",)
_PLAIN_HEAD = {"system": "", "user": "Question: ", "assistant": "Response: "}

# Marks of turns in common chat formats. In a message's own text they are broken up, as are the tokenizer's special
# tokens, since tokenizers would read them as the real thing.
_MARKS = r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|\[/?(?:INST|SYSTEM_PROMPT)\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos)>"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    text: str
    ids: list[int]


def failed(request: Request, error: str, *, prompt: str | None = None, prompt_tokens: int | None = None) -> Reply:
    """The reply to a request that could not be served."""
    path = Completion(text="", finish_reason="error", prompt_tokens=prompt_tokens, error=error[:500])
    return Reply(completions=(path,) * request.sampling.n, prompt=prompt)


class ChatFormat:
    """How one tokenizer's model is spoken to.

    choice: "auto" (the model's template, or plain text where it has none), "none" (plain text) or the path of a Jinja
    file. kind, hash and system_role say what came of it.
    """

    def __init__(self, tokenizer: Any, choice: str = "auto") -> None:
        self.tokenizer = tokenizer
        self._template = self._choose(choice)
        self.kind = "none" if self._template is None else ("model" if choice == "auto" else Path(choice).name)
        self.hash = hashlib.sha256(self._template.encode()).hexdigest()[:16] if self._template else ""
        tokens = {t for t in getattr(tokenizer, "all_special_tokens", []) if len(t) > 1}
        tokens |= {
            str(t)
            for t in getattr(tokenizer, "added_tokens_decoder", {}).values()
            if getattr(t, "special", False) and len(str(t)) > 1
        }
        self._special = _beginnings([_MARKS, *map(re.escape, sorted(tokens))])
        bos = getattr(tokenizer, "bos_token_id", None)
        # Whether this model's inputs begin with BOS is the tokenizer's to say; the template may have written it already.
        opening = list(tokenizer("a").input_ids)[:1]
        self._bos: int | None = bos if bos is not None and opening == [bos] else None
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
                f"--chat-template: can't read {choice}: {reason}.",
                "Give 'auto', 'none' or the path of a Jinja file.",
            ) from None

    def _probe_system_role(self) -> str:
        if self._template is None:
            return "none"
        probe = (Message(role="system", text="s0me-system"), Message(role="user", text="s0me-user"))
        try:
            native = "s0me-system" in self._apply(probe, None)
        except Exception:  # templates refuse with an error of their own making
            native = False
        if native:
            return "native"
        try:
            self._apply(fold_system(probe), None)
        except Exception as error:
            raise UsageError(
                f"--chat-template: the template can't be used: {error}",
                "Choose another template, or --chat-template none.",
            ) from None
        return "folded"

    def _apply(self, messages: Sequence[Message], thinking: bool | None) -> str:
        assert self._template is not None
        options: dict[str, Any] = {}
        if thinking is not None and "enable_thinking" in self._template:
            options["enable_thinking"] = thinking
        return str(
            self.tokenizer.apply_chat_template(
                [{"role": m.role, "content": m.text} for m in messages],
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=True,
                **options,
            )
        )

    def text(self, request: Request) -> str:
        """What is sent, as text; a BOS that the tokenizer adds is not in it."""
        messages = disarmed(request.messages, self._special)
        if self._template is None:
            return plain_text(messages)
        if self.system_role == "folded":
            messages = fold_system(messages)
        return self._apply(messages, request.thinking)

    def token_ids(self, text: str) -> list[int]:
        """Token ids of a rendered text, with exactly one BOS where this model's inputs begin with one."""
        ids: list[int] = list(self.tokenizer(text, add_special_tokens=False).input_ids)
        if self._bos is None:
            return ids
        start = 0
        while start < len(ids) and ids[start] == self._bos:
            start += 1
        return [self._bos, *ids[start:]]

    def encode(self, request: Request, max_len: int) -> Encoded | Reply:
        """Text and token ids of a request, or the reply that ends it: a prompt as long as the context, or one that the
        chat template refuses, is an error of that request, not of the run."""
        try:
            text = self.text(request)
        except Exception as error:  # templates refuse with errors of their own making
            return failed(request, f"the chat template refuses the conversation: {type(error).__name__}: {error}")
        ids = self.token_ids(text)
        if len(ids) >= max_len:
            error_text = f"the prompt has {len(ids)} tokens and the model's context {max_len}"
            return failed(request, error_text, prompt=text, prompt_tokens=len(ids))
        return Encoded(text=text, ids=ids)

    def stops(self, request: Request) -> list[str]:
        """Stop strings: those of the request, and for plain text the one that ends an answer; none for chat models."""
        return [*request.sampling.stop, *(PLAIN_STOP if self._template is None else ())]
