"""Prompts: `prompts/*.jinja` -> a conversation.

A template writes its turns as call blocks, `{% call user() %}...{% endcall %}`, with the roles system, user and
assistant. The text of a block becomes one message as it is: there is no marker in the text that a question could
forge to open a turn of its own. Undefined names are errors, templates run in Jinja's sandbox, and text outside the
blocks is an error too.

Templates see: `question` and each of `exemplars` (question, choices, and an exemplar's rationale, program, equations,
answer), `answer` (type, form, phrase: the task's answer contract), `task` (its name), `letter(i)` and `fill(form, text)`; the
templates that have a plan carried out also see `plan`, the text that the model wrote.

`direct.jinja` serves every task; a template `<task>/direct.jinja` beside it overrides it for that task. A user's own folder goes first as a
whole: its `direct.jinja` serves a task for which we ship one of its own, too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

import jinja2
from jinja2 import meta, nodes
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cotbench.errors import PromptError
from cotbench.questions.tasks import Exemplar, Task, shipped, shown
from cotbench.store.files import kind_of
from cotbench.types import LETTERS, Message, Question

_PLACEHOLDER = re.compile(r"<\w+>")


def fill(form: str, text: str) -> str:
    r"""An answer in the form of the contract: ("\boxed{<answer>}", "7") -> "\boxed{7}"."""
    return _PLACEHOLDER.sub(lambda _: text, form, count=1)


def letter(place: int) -> str:
    """Of the option at a place, counted from 0."""
    return LETTERS[place]


def _shown_exemplar(exemplar: Exemplar) -> dict[str, Any]:
    # Parts an exemplar lacks are left out, so that a template that wants one fails instead of showing "None".
    return {key: value for key, value in exemplar.model_dump().items() if value is not None}


_OF_LOOPS = frozenset({"first", "last", "index", "index0", "length"})


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with a short way for what templates do most: look up a key of what they are given, call a macro or a function of ours."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if type(obj) is LoopContext and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        ours = type(__obj) is FunctionType and __obj.__globals__ is globals()
        if not ours and type(__obj) is not Macro:
            return super().call(__context, __obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return __obj(*args, **kwargs) if ours else __obj(__context.eval_ctx, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A template cut where it first looks at the question: most begin with turns that are the same for every question, and with exemplars these
    are nearly all of the prompt. Where it can't be cut, all of it is `own`."""

    fixed: jinja2.Template | None
    own: jinja2.Template


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What the fixed part of a template gave for some exemplars: turns, and text outside them. about: task and exemplars, whose ids are its address."""

    messages: tuple[Message, ...]
    rest: str
    shown: list[dict[str, Any]]
    about: tuple[object, ...]


MOST_BEGINNINGS = 4_096  # of as many groups of questions as a task may have
_OF_THE_QUESTION = frozenset({"question", "plan"})
_GIVEN = frozenset("question plan exemplars answer task system user assistant letter fill".split())
_DEFINITIONS = (nodes.FromImport, nodes.Import, nodes.Macro, nodes.Assign, nodes.AssignBlock)
# With these a part of a template may depend on what isn't in its own text, or change what a later part sees.
_ENTANGLED = (nodes.Include, nodes.Extends, nodes.Block, nodes.NSRef, nodes.ScopedEvalContextModifier)


def _place_of_question(tree: nodes.Template) -> int:
    """How many of the statements of a template come before the first one that looks at the question; 0 where that can't be told."""
    imports = [*tree.find_all(nodes.FromImport), *tree.find_all(nodes.Import)]
    if any(tree.find_all(_ENTANGLED)) or any(getattr(one, "with_context", True) for one in imports):
        return 0
    for place, statement in enumerate(tree.body):
        if any(name.name in _OF_THE_QUESTION for name in statement.find_all(nodes.Name)):
            return place
        if not isinstance(statement, _DEFINITIONS) and any(statement.find_all((nodes.Assign, nodes.AssignBlock))):
            return place  # a set within an if outlives it
    return len(tree.body)


def _is_there(path: Path) -> bool:
    """Whether a user has a template of this name. Raises PromptError where it is no file.

    In its place the shipped one would be taken in silence.
    """
    if path.is_file():
        return True
    kind = kind_of(path) or ("a link to nothing" if path.is_symlink() else "")
    if kind:
        raise PromptError(
            f"--prompts-dir: {shown(path)} is {kind}, expected a file.", "Put a template in its place, or remove it."
        )
    return False


class Prompts:
    """The templates of one run. prompts_dir: a user's folder, searched before what is shipped."""

    def __init__(self, prompts_dir: Path | None = None) -> None:
        folders = [*([prompts_dir] if prompts_dir else []), shipped("prompts")]
        for folder in folders:
            if not folder.is_dir():
                raise PromptError(
                    f"--prompts-dir: {shown(folder)} is not a folder.",
                    "Name the folder that holds your templates (*.jinja).",
                )
        self._own = prompts_dir
        self._environment = _Environment(
            auto_reload=False,  # a run has one prompt, whatever happens to the file meanwhile
            loader=jinja2.FileSystemLoader(folders),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        # Globals, because macros of an imported template don't see what a render is given.
        self._environment.globals.update(letter=letter, fill=fill)
        self._template = lru_cache(maxsize=256)(self._find)
        self._parts = lru_cache(maxsize=256)(self._cut)
        self._begun: dict[tuple[object, ...], _Beginning] = {}

    def _find(self, name: str, task: str) -> jinja2.Template:
        try:
            names = [f"{task}/{name}.jinja", f"{name}.jinja"]
            own = [one for one in names if self._own is not None and _is_there(self._own / one)]
            return self._environment.select_template(own or names)
        except jinja2.TemplatesNotFound:
            have = ", ".join(self._environment.list_templates(extensions=["jinja"]))
            raise PromptError(
                f"there is no prompt template {name}.jinja (there are: {have}).", "Add it to --prompts-dir."
            ) from None
        except jinja2.TemplateSyntaxError as error:
            raise _syntax_error(error) from None
        except UnicodeDecodeError as error:
            raise PromptError(
                f"prompt template {name}.jinja: not UTF-8: {error.reason}.", "Save it as UTF-8."
            ) from None

    def _cut(self, name: str, task: str) -> _Parts:
        whole = self._template(name, task)
        loader = self._environment.loader
        assert loader is not None
        assert whole.name is not None
        source, filename, _ = loader.get_source(self._environment, whole.name)
        first, second = (self._environment.parse(source, whole.name, filename) for _ in range(2))
        place = _place_of_question(first)
        if not any(not isinstance(statement, _DEFINITIONS) for statement in first.body[:place]):
            return _Parts(None, whole)
        first.body = first.body[:place]
        second.body = [
            statement for at, statement in enumerate(second.body) if at >= place or isinstance(statement, _DEFINITIONS)
        ]
        given = {**self._environment.globals, **self._imported(second)}
        fixed, own = (
            jinja2.Template.from_code(
                self._environment, self._environment.compile(tree, whole.name, filename), dict(given)
            )
            for tree in (first, second)
        )
        return _Parts(fixed, own)

    def _imported(self, tree: nodes.Template) -> dict[str, Any]:
        """Takes plain imports out of a template and gives what they import: the same at every rendering."""
        taken: dict[str, Any] = {}
        used = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        used |= {macro.name for macro in tree.find_all(nodes.Macro)} | _GIVEN
        for statement in list(tree.body):
            if not isinstance(statement, nodes.FromImport) or not isinstance(statement.template, nodes.Const):
                continue
            module = self._environment.get_template(statement.template.value).module
            pairs = [name if isinstance(name, tuple) else (name, name) for name in statement.names]
            if all(hasattr(module, name) and alias not in used and alias not in taken for name, alias in pairs):
                taken.update({alias: getattr(module, name) for name, alias in pairs})
                tree.body.remove(statement)
        return taken

    def hash(self, name: str, task: str, *, shared_only: bool = False) -> str:
        """16 hex digits over the template's source and everything it imports or includes; or over these others only."""
        loader = self._environment.loader
        assert loader is not None
        digest = hashlib.sha256()
        todo, seen = [str(self._template(name, task).name)], set()
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            try:
                source = loader.get_source(self._environment, current)[0]
            except jinja2.TemplateNotFound:  # allowed by `ignore missing`, by a list of names, or never reached
                digest.update(f"{current}\x00missing\x00".encode())
                continue
            if seen != {current} or not shared_only:  # the first one is the template itself
                digest.update(f"{current}\x00{source}\x00".encode())
            found = meta.find_referenced_templates(self._environment.parse(source))
            todo.extend(sorted(str(reference) for reference in found if reference))
        return digest.hexdigest()[:16]

    def render(
        self,
        name: str,
        task: Task,
        question: Question,
        exemplars: Sequence[Exemplar] = (),
        plan: str | None = None,
    ) -> tuple[Message, ...]:
        """The conversation a mode sends for a question; plan: what the model replied to its first request.

        Raises PromptError with the template's name and line.
        """
        template = self._template(name, task.name)
        messages: list[Message] = []
        try:
            parts = self._parts(name, task.name)
            begun = self._beginning(parts.fixed, task, exemplars)
            messages.extend(begun.messages)
            rest = begun.rest + parts.own.render(
                question={"question": question.text, "choices": list(question.choices)},
                exemplars=begun.shown,
                **_of_task(task),
                **({} if plan is None else {"plan": plan}),
                **_roles(messages),
            )
        except jinja2.UndefinedError as error:
            raise self._undefined(template, error, exemplars) from None
        except jinja2.TemplateSyntaxError as error:
            raise _syntax_error(error) from None
        except Exception as error:  # whatever the expressions of a template raise
            reason = f"{type(error).__name__}: {error}"
            raise PromptError(f"{_place(template, error)}: {reason}", "Correct the template.") from None
        self._check(template, messages, rest)
        return tuple(messages)

    def _beginning(self, fixed: jinja2.Template | None, task: Task, exemplars: Sequence[Exemplar]) -> _Beginning:
        address = (id(fixed), id(task), *map(id, exemplars))
        known = self._begun.get(address)
        if known is None:
            messages: list[Message] = []
            shown = [_shown_exemplar(exemplar) for exemplar in exemplars]
            rest = fixed.render(exemplars=shown, **_of_task(task), **_roles(messages)) if fixed else ""
            known = _Beginning(tuple(messages), rest, shown, (task, *exemplars))
            if len(self._begun) >= MOST_BEGINNINGS:
                self._begun.clear()
            self._begun[address] = known
        return known

    @staticmethod
    def _undefined(
        template: jinja2.Template, error: jinja2.UndefinedError, exemplars: Sequence[Exemplar]
    ) -> PromptError:
        wanted = re.search(r"'dict object' has no attribute '(rationale|program|equations)'", str(error))
        if wanted and exemplars:
            return PromptError(
                f"{template.filename}: an exemplar has no {wanted[1]}, which this mode shows.",
                "Use --num-fewshot 0 or --exemplars own, or give every exemplar of the task that part.",
            )
        return PromptError(
            f"{_place(template, error)}: {error.message}.",
            "Correct the name; the docstring of cotbench/modes/prompts.py lists what templates see.",
        )

    @staticmethod
    def _check(template: jinja2.Template, messages: Sequence[Message], rest: str) -> None:
        roles = [message.role for message in messages]
        body = roles[1:] if roles[:1] == ["system"] else roles
        alternating: list[str] = ["user", "assistant"] * (len(body) // 2) + ["user"]
        if rest.strip():
            raise PromptError(
                f"{template.filename}: text outside the call blocks: {rest.strip()[:60]!r}.",
                "Put it into a {% call user() %} block.",
            )
        if body != alternating:
            raise PromptError(
                f"{template.filename}: the turns are {', '.join(roles) or 'none'}.",
                "Write an optional system turn, then user and assistant in turn, and end with the user.",
            )
        if any(not message.text for message in messages):
            raise PromptError(f"{template.filename}: a turn is empty.", "Give each turn some text.")


def _of_task(task: Task) -> dict[str, Any]:
    answer = {"type": task.answer.type.value, "form": task.answer.form, "phrase": task.answer.phrase}
    return {"answer": answer, "task": task.name}


def _roles(messages: list[Message]) -> Mapping[str, Callable[..., str]]:
    def role(name: Literal["system", "user", "assistant"]) -> Callable[..., str]:
        def turn(caller: Callable[[], str]) -> str:
            messages.append(Message(role=name, text=str(caller()).strip()))
            return ""

        return turn

    return {"system": role("system"), "user": role("user"), "assistant": role("assistant")}


def _place(template: jinja2.Template, error: BaseException) -> str:
    """ "FILE:LINE" of the innermost template frame of an error's traceback, which Jinja rewrites to template lines."""
    place = str(template.filename)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".jinja"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _syntax_error(error: jinja2.TemplateSyntaxError) -> PromptError:
    return PromptError(f"{error.filename or error.name}:{error.lineno}: {error.message}", "Correct the template.")
