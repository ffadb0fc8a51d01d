"""Conversation -> text -> token ids, for engines that hold the tokenizer: exactly one BOS, one assistant header.

The text is rendered first and tokenized without special tokens added, because a chat template usually writes its own
BOS and a tokenizer would add a second one (which costs points, and is easily overlooked).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import dropwhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cotbench.engines import EngineConfig, EngineInfo, ThinkingInfo
from cotbench.engines.thinking import (
    BUDGET,
    LEAST,
    Family,
    Marks,
    Told,
    family_of_template,
    own_fingerprint,
    tokens_within,
    told_of,
    worded,
)
from cotbench.engines.thinking import EFFORT as EFFORT
from cotbench.engines.thinking import SWITCHES as SWITCHES
from cotbench.errors import UsageError
from cotbench.types import Begun, Completion, Message, Reply, Request

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
    return "\n\n".join([*([spoken(messages)] if messages else []), "Response:"])


def spoken(messages: Sequence[Message]) -> str:
    """What was said in a conversation, as blocks of "Question:" and "Response:"."""
    return "\n\n".join(f"{_PLAIN_HEAD[message.role]}{message.text}" for message in messages)


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
    """A request as it is sent. open: whether its end is within a thought, so that the model goes on thinking."""

    text: str
    ids: list[int]
    open: bool = False


class _Written(NamedTuple):
    """A prompt, and the beginning of the reply behind it. open: whether a thought is open at the end of both."""

    prompt: str
    begun: str = ""
    open: bool = False


def failed(request: Request, error: str, *, prompt: str | None = None, prompt_tokens: int | None = None) -> Reply:
    """The reply to a request that could not be served."""
    path = Completion(text="", finish_reason="error", prompt_tokens=prompt_tokens, error=error[:500])
    return Reply(completions=(path,) * request.sampling.n, prompt=prompt)


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
    file. model: its name, for families that their template doesn't tell. families: a file of more of them.
    kind, hash and system_role say what came of it; knows: the names of switches that the template takes; family: how
    its thinking is controlled, None where the template knows nothing of thoughts; thinking: the same in words.
    """

    def __init__(self, tokenizer: Any, choice: str = "auto", *, model: str = "", families: str | None = None) -> None:
        self.tokenizer = tokenizer
        self._template = self._choose(choice)
        self.kind = "none" if self._template is None else ("model" if choice == "auto" else Path(choice).name)
        self.hash = hashlib.sha256(self._template.encode()).hexdigest()[:16] if self._template else ""
        bos = getattr(tokenizer, "bos_token_id", None)
        # Whether this model's inputs begin with BOS is the tokenizer's to say; the template may have written it
        # already.
        opening = list(tokenizer("a").input_ids)[:1]
        self._bos: int | None = bos if bos is not None and opening == [bos] else None
        takes = variables(self._template) if self._template else frozenset[str]()
        self.knows = frozenset((*SWITCHES, EFFORT, BUDGET)) & takes
        self.family: Family | None = (
            family_of_template(self._template, takes, model, families) if self._template is not None else None
        )
        self._own_row = own_fingerprint(self.family, families)
        self._takes = takes
        self._special = self._beginnings_here()
        self.system_role = self._probe_system_role()
        self.thinking = self._probe_thinking()

    @cached_property
    def marks(self) -> Marks | None:
        """The marks of this model's thoughts over its tokens; None where they aren't known."""
        return Marks(self.family, self.tokenizer) if self.family is not None and self.family.open else None

    def _beginnings_here(self) -> re.Pattern[str]:
        """What is broken up in a message's own text: control tokens, marks of thoughts, words that are switches."""
        added = getattr(self.tokenizer, "added_tokens_decoder", {}).values()
        texts = {
            *getattr(self.tokenizer, "all_special_tokens", []),
            *(str(t) for t in added if getattr(t, "special", False)),
        }
        if self.family is not None:
            # Marks that are whole sentences are left: they mean something where the model writes them, not before.
            marks = (self.family.open.strip(), self.family.close.strip())
            texts |= {*self.family.breaks, *(mark for mark in marks if not re.search(r"\w \w", mark))}
        return _beginnings([_MARKS, *(re.escape(text) for text in sorted(texts) if len(text) > 1)])

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

    def _probe_thinking(self) -> ThinkingInfo:
        """How thinking is controlled here: by what the template writes where it is told to think, not to, and nothing.

        Where its switch does nothing if there is a system message (Granite's writes it into the system message that it
        has of its own), system messages are folded into the user's first turn."""
        row = self.family
        if row is None:
            return ThinkingInfo(off="never", on="")
        probe = (Message(role="system", text="s0me-system"), Message(role="user", text="s0me-user"))
        off, on, default = (self._probed(probe, thinking) for thinking in (False, True, None))
        if off == on and self.system_role == "native" and row.on is not None and row.on.variables:
            bare = fold_system(probe)
            if self._probed(bare, True) != self._probed(bare, False):
                self.system_role = "folded"
                off, on, default = (self._probed(probe, thinking) for thinking in (False, True, None))
        # A switch that the template refuses to be given (there are models that can't stop thinking) is none.
        row = msgspec.structs.replace(row, **{way: None for way, text in (("off", off), ("on", on)) if not text})
        off, on = off or default, on or default
        works = off != on
        row = self.family = self._taught(row, off, on)
        usual = row.default
        if self._opened(default) or (works and default == on):
            usual = "on"
        elif (row.close and default.rstrip().endswith(row.close)) or (row.off is not None and works and default == off):
            usual = "off"
        # A template of no family may strip thoughts from what was said before, and be of a model that has none.
        closes = row.open and (usual == "on" or (row.family and usual != "off"))
        kept: Any = "closed" if closes else "" if usual == "on" else "never"
        if row.off is not None and works:
            kept = "switch"
        made: Any = "switch" if row.on is not None and works else "always" if usual == "on" else ""
        budget: Any = "switch" if row.budget in self._takes else "engine" if row.open and made else ""
        efforts = row.efforts if row.effort in self._takes else ()
        return ThinkingInfo(
            family=row.family,
            own=self._own_row,
            default=usual,
            off=kept,
            on=made,
            efforts=efforts,
            budget=budget,
            sampling=row.sampling,
        )

    def _taught(self, row: Family, off: str, on: str) -> Family:
        """A family as this template writes it: an empty thought as where it is told not to think, a thought as in an
        assistant's turn before. off, on: prompts that end in what it writes then."""
        if not row.open:
            return row
        opened, mark = self._opened(on), row.open.rstrip()
        bare = on[: len(on) - len(opened)]
        seen = dict[str, str]()
        closed = re.search(rf"(?P<open>\s*{re.escape(mark)}\s*)?{re.escape(row.close)}\s*$", off) if off != on else None
        if closed is not None and closed["open"] is not None:
            before, empty = off[: closed.start()], closed[0].lstrip()
            seen = {"empty": empty, "ahead": off[len(before) : -len(empty)] if bare.endswith(before[-8:]) else ""}
        elif closed is not None and off[: closed.start()].endswith(bare[-16:]):
            seen = {"empty": (opened or row.open) + closed[0]}
        return msgspec.structs.replace(row, **seen | self._shown(row, bare))

    def _shown(self, row: Family, prompt: str) -> dict[str, str]:
        """What stands around a thought, and before it, in an assistant's turn as this template writes it; nothing where
        it shows no thoughts. prompt: what it writes before a reply that thinks."""
        thought, answer = "s0me-thought", "s0me-answer"
        turn = {"role": "assistant", "content": answer}
        turn |= dict.fromkeys(("reasoning_content", "reasoning", "thinking"), thought)
        turns = [{"role": "user", "content": "s0me-user"}, turn]
        told = told_of(row, True)
        with suppress(Exception):  # templates refuse with errors of their own making
            whole = self._render(turns, told.variables if told is not None else {}, reply=False)
            mark, close = re.escape(row.open.rstrip()), re.escape(row.close)
            found = re.search(rf"(\s*){mark}(\s*){thought}(\s*){close}(\s*){answer}", whole)
            if found is not None:
                ahead, lead, tail, behind = found.groups()
                lead = lead.removeprefix(row.open[len(row.open.rstrip()) :])
                before = prompt[len(prompt.rstrip()) :]
                return {"ahead": ahead.removeprefix(before), "lead": lead, "tail": tail, "behind": behind}
        return {}

    def _probed(self, messages: Sequence[Message], thinking: bool | None) -> str:
        with suppress(Exception):  # templates refuse with errors of their own making
            return self._prompt(messages, thinking)
        return ""

    def _apply(self, messages: Sequence[Message], given: Mapping[str, Any] | None = None) -> str:
        return self._render([{"role": m.role, "content": m.text} for m in messages], given or {})

    def _render(self, turns: Sequence[Mapping[str, str]], given: Mapping[str, Any], *, reply: bool = True) -> str:
        assert self._template is not None
        options = {name: value for name, value in given.items() if name in self._takes}
        options |= {"chat_template": self._template, "tokenize": False, "add_generation_prompt": reply}
        return str(self.tokenizer.apply_chat_template(list(turns), **options))

    def _prompt(
        self, messages: Sequence[Message], thinking: bool | None, extra: Mapping[str, Any] | None = None
    ) -> str:
        """What the template writes, told what a request says of thinking. extra: its effort and its budget."""
        told: Told | None = told_of(self.family, thinking)
        given = dict(told.variables) if told is not None else {}
        wanted = extra or {}
        asked = {EFFORT: wanted.get(EFFORT), (self.family and self.family.budget) or BUDGET: wanted.get(BUDGET)}
        for name, value in asked.items():
            # Where a model is told not to think by the variable that says how much, that it is not to comes first.
            if value is not None and not (thinking is False and name in given):
                given[name] = value
        messages = worded(messages, told)
        if self.system_role == "folded":
            messages = fold_system(messages)
        return self._apply(messages, given)

    def _opened(self, prompt: str) -> str:
        """The open mark at a prompt's end and what follows it (space, or tags of the thought's own); "" where no
        thought is open there."""
        row = self.family
        mark = row.open.rstrip() if row is not None else ""
        place = prompt.rfind(mark) if row is not None and mark else -1
        rest = prompt[place + len(mark) :] if place >= 0 else "."
        over = row is not None and row.close in rest
        return prompt[place:] if not over and re.fullmatch(r"(\s|<[^<>/]{1,40}>)*", rest) else ""

    def _written(self, request: Request) -> _Written:
        """A request's prompt and the beginning of its reply. Raises ValueError where that can't be written."""
        messages = disarmed(request.messages, self._special)
        begun = request.begun or Begun()
        row = self.family if self.family is not None and self.family.open else None
        if begun.thought and row is None:
            raise ValueError("the reply is begun with a thought, and the marks of this model's thoughts aren't known")
        if self._template is None:
            # As a response stands in exemplars: behind a space.
            space = " " if begun.text and not begun.text[0].isspace() else ""
            return _Written(plain_text(messages), space + begun.text)
        thinks = request.thinking
        if begun.thought or begun.open:
            thinks = True  # so that the template closes none
        prompt = self._prompt(messages, thinks, dict(request.sampling.extra))
        opened = self._opened(prompt)
        if row is None:
            return _Written(prompt, begun.text)
        if thinks is False:
            if opened or self.thinking.off == "closed":
                prompt += self._nothing(row, opened)
            return _Written(prompt, begun.text)
        if begun.thought is None:
            at_end = prompt[len(prompt) - len(opened) :] + begun.text if opened else begun.text
            return _Written(prompt, begun.text, at_end.rfind(row.open.rstrip()) > at_end.rfind(row.close))
        if not begun.thought and not begun.open:
            over = prompt.rstrip().endswith(row.close)  # where the template has closed it already
            return _Written(prompt, ("" if over else self._nothing(row, opened)) + begun.text)
        thought = ("" if opened else row.opening(begun.thought)) + begun.thought
        return _Written(prompt, thought + ("" if begun.open else row.closed(begun.thought) + begun.text), begun.open)

    @staticmethod
    def _nothing(row: Family, opened: str) -> str:
        """An empty thought, or what is missing of it where a prompt's end has opened it."""
        nothing = row.nothing.removeprefix(row.ahead) if opened else row.nothing
        if nothing.startswith(opened):
            return nothing[len(opened) :]
        tags = re.findall(r"<([^<>/]+)>", opened[len(row.open.rstrip()) :])
        return "".join(f"</{tag}>" for tag in reversed(tags)) + row.close + row.behind

    def text(self, request: Request) -> str:
        """What is sent, as text, with the beginning of the reply; a BOS that the tokenizer adds is not in it."""
        written = self._written(request)
        return written.prompt + written.begun

    def warnings(self, thinking: str) -> tuple[str, ...]:
        """What a run must say of a switch that was set and that changes nothing. thinking: on, off or auto."""
        if {"on": self.thinking.on, "off": self.thinking.off}.get(thinking, "unknown") not in ("", "never"):
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
            continues="tokens",
            thinking=self.thinking,
            warnings=self.warnings(config.thinking),
            **own,
        )

    def require(self, sampling_keys: Collection[str]) -> None:
        """Raises UsageError where requests set how much to reason and the template takes no such variable, or where
        thoughts are to be kept within limits and this model's aren't known."""
        if EFFORT in sampling_keys and EFFORT not in self.knows:
            raise UsageError(
                f"--gen-kwargs: the model's chat template takes no {EFFORT}.",
                "Leave it out, or give another --chat-template.",
            )
        limits = sorted({BUDGET, LEAST} & set(sampling_keys))
        if limits and not (self.thinking.budget and (self.marks is not None or limits == [BUDGET])):
            raise UsageError(
                f"{limits[0]} (an arm's @budget= and @min=, or --gen-kwargs) needs a model that thinks, and the chat "
                "template shows no thoughts.",
                "Leave it out, give another --chat-template, or describe the model's family in a file for --families.",
            )

    def token_ids(self, text: str) -> list[int]:
        """Token ids of a rendered text, with exactly one BOS where this model's inputs begin with one."""
        ids: list[int] = list(self.tokenizer(text, add_special_tokens=False).input_ids)
        return ids if self._bos is None else [self._bos, *dropwhile(lambda token: token == self._bos, ids)]

    def token_ends(self, text: str) -> list[int] | None:
        """Where the tokens of a text end, as places in it; None where the tokenizer doesn't tell. Of tokens that make
        one character together, the last counts."""
        told = getattr(self.tokenizer, "token_ends", None)
        if told is not None:
            ends = told(text)
        elif getattr(self.tokenizer, "is_fast", False):
            given = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            ends = [end for _, end in given["offset_mapping"]]
        else:
            return None
        return sorted({*ends, len(text)} - {0})

    def bare_text(self, text: str) -> str:
        """A rendered text as a server is sent it that tokenizes it: without the BOS that its tokenizer puts there."""
        mark = "" if self._bos is None else str(self.tokenizer.decode([self._bos], skip_special_tokens=False))
        while mark and text.startswith(mark):
            text = text[len(mark) :]
        return text

    def encode(self, request: Request, max_len: int) -> Encoded | Reply:
        """Text and token ids of a request, or the reply that ends it: a prompt as long as the context, or one that the
        chat template refuses, is an error of that request, not of the run."""
        try:
            written = self._written(request)
        except Exception as error:  # templates refuse with errors of their own making
            return failed(request, f"the chat template refuses the conversation: {type(error).__name__}: {error}")
        text, ids = written.prompt + written.begun, self._ids(written)
        if len(ids) < max_len:
            return Encoded(text, ids, written.open)
        error_text = f"the prompt has {len(ids)} tokens and the model's context {max_len}"
        return failed(request, error_text, prompt=text, prompt_tokens=len(ids))

    def conversation(self, request: Request, max_len: int) -> Encoded | Reply:
        """Text and token ids of a conversation that ends with a reply, as a reward model is shown it; or the reply that
        ends the request, as of `encode`."""
        messages = disarmed(request.messages, self._special)
        try:
            if self.system_role == "folded":
                messages = fold_system(messages)
            turns = [{"role": m.role, "content": m.text} for m in messages]
            text = spoken(messages) if self._template is None else self._render(turns, {}, reply=False)
        except Exception as error:  # templates refuse with errors of their own making
            return failed(request, f"the chat template refuses the conversation: {type(error).__name__}: {error}")
        ids = self.token_ids(text)
        if len(ids) <= max_len:
            return Encoded(text, ids)
        error_text = f"the conversation has {len(ids)} tokens and the model's context {max_len}"
        return failed(request, error_text, prompt=text, prompt_tokens=len(ids))

    def _ids(self, written: _Written) -> list[int]:
        """Token ids of a prompt and of the beginning of the reply behind it: the prompt's are those that it has alone,
        since those are what the model went on from when it wrote what is continued."""
        ids = self.token_ids(written.prompt)
        if not written.begun:
            return ids
        both = self.token_ids(written.prompt + written.begun)
        if both[: len(ids)] == ids:
            return both
        return ids + tokens_within(self.tokenizer, written.begun, written.prompt[-1:])

    def stops(self, request: Request) -> list[str]:
        """Stop strings: those of the request, and for plain text the one that ends an answer; none for chat models."""
        return [*request.sampling.stop, *(PLAIN_STOP if self._template is None else ())]
