"""Prompts: `prompts/*.jinja` -> a conversation.

A template writes its turns as call blocks, `{% call user() %}...{% endcall %}`, with the roles system, user and
assistant. The text of a block becomes one message as it is: there is no marker in the text that a question could
forge to open a turn of its own. Undefined names are errors, templates run in Jinja's sandbox, and text outside the
blocks is an error too.

Templates see: `question` and each of `exemplars` (question, choices, and an exemplar's rationale, program, equations,
answer), `answer` (type, form, phrase: the task's answer contract), `task` (its name), `letter(i)` and `fill(form,
text)`, and what the mode's turn passes: `plan`, for example, the text that the model wrote.

`direct.jinja` serves every task; a template `<task>/direct.jinja` beside it overrides it for that task. A user's own
folder goes first as a whole: its `direct.jinja` serves a task for which we ship one of its own, too.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jinja2
from jinja2 import meta, nodes

from cotbench.answers.kinds import KINDS
from cotbench.errors import PromptError
from cotbench.modes.fast import Beginning, Beginnings, Environment, cut
from cotbench.modes.repeats import WORDING
from cotbench.plugins import template_files
from cotbench.questions.files import shown
from cotbench.questions.shipped import shipped
from cotbench.questions.tasks import Answer, Exemplar, Task
from cotbench.store.files import kind_of
from cotbench.types import LETTERS, Message, Passage, Question

PASSAGES = "_passages"  # the template that puts passages before a question
_MARK = "\ue000"  # in the place of an answer
_PLACEHOLDER = re.compile(r"<\w+>")
_WORDED = re.compile(rf"(.+)-{WORDING}([1-9]\d*)")  # a template in other words, as a turn names it


def fill(form: str, text: str) -> str:
    r"""An answer in the form of the contract: ("\boxed{<answer>}", "7") -> "\boxed{7}"."""
    return _PLACEHOLDER.sub(lambda _: text, form, count=1)


def letter(place: int) -> str:
    """Of the option at a place, counted from 0."""
    return LETTERS[place]


def _shown_exemplar(exemplar: Exemplar) -> dict[str, Any]:
    # Parts an exemplar lacks are left out, so that a template that wants one fails instead of showing "None".
    return {key: value for key, value in exemplar.model_dump().items() if value is not None}


def _is_there(path: Path) -> bool:
    """Whether a user has a template of this name. Raises PromptError where it is no file.

    In its place the shipped one would be taken in silence."""
    if path.is_file():
        return True
    if kind := kind_of(path) or ("a link to nothing" if path.is_symlink() else ""):
        found = f"--prompts-dir: {shown(path)} is {kind}, expected a file."
        raise PromptError(found, "Put a template in its place, or remove it.")
    return False


class _OfPlugins(jinja2.BaseLoader):
    """The templates that plugins add: behind all others, so that none of theirs can stand in for one of ours."""

    def get_source(self, _: jinja2.Environment, template: str) -> tuple[str, str, None]:
        path = template_files().get(template)
        if path is None:
            raise jinja2.TemplateNotFound(template)
        return path.read_text("utf-8"), str(path), None

    def list_templates(self) -> list[str]:
        return sorted(template_files())


class _Worded(jinja2.BaseLoader):
    """Templates in other words: `cot-wording2.jinja` is `cot-wordings.jinja` with the second of its `wordings` alone,
    as `wording`. So its hash is over its own words, and stays as it is where others are added to the list."""

    def __init__(self, others: jinja2.BaseLoader) -> None:
        self._others = others

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, None]:
        worded = _WORDED.fullmatch(template.removesuffix(".jinja"))
        if worded is None:
            raise jinja2.TemplateNotFound(template)
        source, file, _ = self._others.get_source(environment, f"{worded[1]}-{WORDING}s.jinja")
        listed = _list_of(environment, source, file)
        if int(worded[2]) > len(listed.texts):
            raise jinja2.TemplateNotFound(template)
        own = f"{{% set {WORDING} = {listed.texts[int(worded[2]) - 1]!r} %}}"
        return source[: listed.start] + own + source[listed.end :], file, None

    def list_templates(self) -> list[str]:
        return []  # the list is among the others


@dataclass(frozen=True)
class _List:
    """The wordings that a template lists, and where the statement stands."""

    texts: tuple[str, ...]
    start: int
    end: int


_LISTED = re.compile(rf"\{{%-?\s*set\s+{WORDING}s\s*=\s*(\[.*?\])\s*-?%\}}", re.DOTALL)


def _list_of(environment: jinja2.Environment, source: str, file: str | None) -> _List:
    """Find the list of wordings. Raises PromptError where there is none of texts."""
    found = _LISTED.search(source)
    if found is not None:
        with suppress(jinja2.TemplateSyntaxError, nodes.Impossible, ValueError):
            [statement] = environment.parse(found[0]).find_all(nodes.List)
            texts = statement.as_const()
            if texts and all(isinstance(text, str) and text.strip() for text in texts):
                return _List(tuple(texts), *found.span())
    raise PromptError(f'{file}: expected {{% set {WORDING}s = ["...", "..."] %}}.', "List the instructions, as texts.")


class Prompts:
    """The templates of one run. prompts_dir: a user's folder, searched before what is shipped. plugins: whether those
    that plugins add are searched after it."""

    def __init__(self, prompts_dir: Path | None = None, *, plugins: bool = True) -> None:
        folders = list(filter(None, (prompts_dir, shipped("prompts"))))
        if missing := [folder for folder in folders if not folder.is_dir()]:
            remedy = "Name the folder that holds your templates (*.jinja)."
            raise PromptError(f"--prompts-dir: {shown(missing[0])} is not a folder.", remedy)
        if prompts_dir is not None and next(prompts_dir.rglob("*.jinja"), None) is None:
            found = f"--prompts-dir: {shown(prompts_dir)} holds no template (*.jinja)."
            raise PromptError(found, "Name the folder that holds yours, or leave it out.")
        self._own = prompts_dir
        files = jinja2.ChoiceLoader([jinja2.FileSystemLoader(folders), *([_OfPlugins()] if plugins else [])])
        self._environment = Environment(
            auto_reload=False,  # a run has one prompt, whatever happens to the file meanwhile
            loader=jinja2.ChoiceLoader([files, _Worded(files)]),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # Globals, because macros of an imported template don't see what a render is given.
        self._environment.globals.update(letter=letter, fill=fill)
        self._environment.ours = __name__
        self._template = lru_cache(maxsize=256)(self._find)
        self._parts = lru_cache(maxsize=256)(
            lambda name, task, given: cut(self._environment, self._template(name, task), given)
        )
        self._beginnings = Beginnings()

    def wordings(self, name: str, task: str) -> tuple[int, str]:
        """How many wordings of a template's instruction are listed beside it, and the name of the file that lists
        them, whether it is there or not. Those that come with cotbench aren't of a user's own template."""
        first = str(self._template(name, task).name)
        file = f"{first.removesuffix('.jinja')}-{WORDING}s.jinja"
        loader = self._environment.loader
        assert loader is not None
        places = []
        for one in (first, file):
            try:
                source, path, _ = loader.get_source(self._environment, one)
            except jinja2.TemplateNotFound:
                return 0, file
            places.append(self._own is not None and path is not None and self._own in Path(path).parents)
        if places == [True, False]:
            return 0, file
        return len(_list_of(self._environment, source, path).texts), file

    def _find(self, name: str, task: str) -> jinja2.Template:
        if worded := _WORDED.fullmatch(name):  # beside the template whose words it changes
            first = str(self._template(worded[1], task).name).removesuffix(".jinja")
            try:
                return self._environment.get_template(f"{first}-{WORDING}{worded[2]}.jinja")
            except jinja2.TemplateNotFound:
                pass  # as any other template that isn't there
            except jinja2.TemplateSyntaxError as error:
                raise _syntax_error(error) from None
        try:
            names = [f"{task}/{name}.jinja", f"{name}.jinja"]
            own = [one for one in names if self._own is not None and _is_there(self._own / one)]
            return self._environment.select_template(own or names)
        except jinja2.TemplatesNotFound:
            have = ", ".join(self._environment.list_templates(extensions=["jinja"]))
            found = f"there is no prompt template {name}.jinja (there are: {have})."
            raise PromptError(found, "Add it to --prompts-dir.") from None
        except jinja2.TemplateSyntaxError as error:
            raise _syntax_error(error) from None
        except UnicodeDecodeError as error:
            raise PromptError(
                f"prompt template {name}.jinja: not UTF-8: {error.reason}.", "Save it as UTF-8."
            ) from None

    def hash(self, name: str, task: str, *, shared_only: bool = False) -> str:
        """16 hex digits over the template's source and everything it imports or includes; or over these others only."""
        digest = hashlib.sha256()
        for place, (current, source, _) in enumerate(self._sources(name, task)):
            if source is None:
                digest.update(f"{current}\x00missing\x00".encode())
            elif place or not shared_only:  # the first one is the template itself
                digest.update(f"{current}\x00{source}\x00".encode())
        return digest.hexdigest()[:16]

    def own_files(self, name: str, task: str) -> list[str]:
        """The names of a user's own files among a template and everything it imports or includes, without the folder
        that they lie in."""
        own = self._own
        found = ((current, path) for current, _, path in self._sources(name, task))
        return [current for current, path in found if own is not None and path is not None and own in path.parents]

    def _sources(self, name: str, task: str) -> Iterator[tuple[str, str | None, Path | None]]:
        """A template and everything it imports or includes: its name, source and file; None of what isn't there."""
        loader = self._environment.loader
        assert loader is not None
        todo, seen = [str(self._template(name, task).name)], set()
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            try:
                source, file, _ = loader.get_source(self._environment, current)
            except jinja2.TemplateNotFound:  # allowed by `ignore missing`, by a list of names, or never reached
                yield current, None, None
                continue
            yield current, source, Path(file) if file is not None else None
            found = meta.find_referenced_templates(self._environment.parse(source))
            todo.extend(sorted(str(reference) for reference in found if reference))

    def answer_words(self, task: Task) -> str:
        """The words with which the line begins that gives the answer, as prompts and exemplars of a task have it."""
        form = _given_of(task, task.answer)["answer"]
        line = str(self._template_module("_shared.jinja").answer_line(form, {"answer": _MARK}))
        words = line.split(_MARK)[0]
        whole = re.match(r"(?s:.*)(?=\s)", words)  # without the beginning of the answer itself, as \boxed{
        return (whole[0] if whole else words).rstrip()

    def shared_texts(self, task: Task, question: Question) -> dict[str, str]:
        """What prompts share, as a prompt has it: "question", with its options, and "contract". Without what a user's
        own _shared.jinja doesn't define."""
        module = self._template_module("_shared.jinja")
        answer = task.answer_of(question)
        contract = _given_of(task, answer)["answer"]
        macros = {"question": ("ask", _item(question, answer)), "contract": ("contract", contract)}
        return {
            name: str(getattr(module, macro)(value)).strip()
            for name, (macro, value) in macros.items()
            if hasattr(module, macro)
        }

    def _template_module(self, name: str) -> Any:
        return self._environment.get_template(name).module

    def render(
        self, name: str, task: Task, question: Question, exemplars: Sequence[Exemplar] = (), **given: Any
    ) -> tuple[Message, ...]:
        """Render the conversation that a mode sends for a question. given: what the mode's turn passes to the template.

        Raises PromptError with the template's name and line."""
        template = self._template(name, task.name)
        messages: list[Message] = []
        try:
            parts = self._parts(name, task.name, frozenset(given))
            answer = task.answer_of(question)
            begun = self._beginnings.get(
                (parts.fixed, task, answer, *exemplars), lambda: _beginning(parts.fixed, task, answer, exemplars)
            )
            messages.extend(begun.messages)
            rest = begun.rest + parts.own.render(
                question=_item(question, answer),
                exemplars=begun.shown,
                **_given_of(task, answer),
                **given,
                **_roles(messages),
            )
        except jinja2.UndefinedError as error:
            raise self._undefined(template, error, exemplars) from None
        except jinja2.TemplateSyntaxError as error:
            raise _syntax_error(error) from None
        except Exception as error:  # whatever the expressions of a template raise
            found = f"'{error.name}' not found" if isinstance(error, jinja2.TemplateNotFound) else str(error)
            reason = f"{type(error).__name__}: {found}"
            raise PromptError(f"{self._place(template, error)}: {reason}", "Correct the template.") from None
        self._check(template, messages, rest)
        return tuple(messages)

    def with_passages(self, passages: Sequence[Passage], question: Question) -> Question:
        """Put passages before a question's text, as `_passages.jinja` has it: so they stand in every template alike.
        Raises PromptError."""
        if not passages:
            return question
        told = [{"title": passage.title, "text": passage.text} for passage in passages]  # not what they support
        template = self._template(PASSAGES, question.task)
        try:
            module: Any = template.module
            text = str(module.with_passages(told, question.text)).strip()
        except jinja2.TemplateSyntaxError as error:
            raise _syntax_error(error) from None
        except Exception as error:  # whatever the expressions of a template raise, or it lacks
            found = f"{self._place(template, error)}: {type(error).__name__}: {error}"
            raise PromptError(found, "It defines the macro with_passages(passages, question).") from None
        return replace(question, text=text)

    def _undefined(
        self, template: jinja2.Template, error: jinja2.UndefinedError, exemplars: Sequence[Exemplar]
    ) -> PromptError:
        wanted = re.search(r"'dict object' has no attribute '(rationale|program|equations)'", str(error))
        if wanted and exemplars:
            lacking = next((one.question for one in exemplars if getattr(one, wanted[1]) is None), "")
            return PromptError(
                f"{template.filename}: an exemplar has no {wanted[1]}, which this mode shows: {lacking!r:.80}.",
                "Use --num-fewshot 0 or --exemplars own, or give every exemplar of the task that part.",
            )
        return PromptError(
            f"{self._place(template, error)}: {error.message}.",
            "Correct the name; the docstring of cotbench/modes/prompts.py lists what templates see.",
        )

    def _place(self, template: jinja2.Template, error: BaseException) -> str:
        """Say where an error is: "FILE:LINE" of the innermost template of its traceback, which Jinja rewrites to
        template lines. Where that is one of ours and one of the user's has called it, the user's goes first."""
        frames = traceback.walk_tb(error.__traceback__)
        places = [(frame.f_code.co_filename, line) for frame, line in frames]
        inner = [(file, line) for file, line in reversed(places) if file.endswith(".jinja")]
        if not inner:
            return str(template.filename)
        said = f"{inner[0][0]}:{inner[0][1]}"
        own = [
            f"{file}:{line}" for file, line in inner if self._own is not None and Path(file).is_relative_to(self._own)
        ]
        return said if not own or said == own[0] else f"{own[0]} (in {Path(inner[0][0]).name}:{inner[0][1]})"

    @staticmethod
    def _check(template: jinja2.Template, messages: Sequence[Message], rest: str) -> None:
        roles = [message.role for message in messages]
        body = roles[1:] if roles[:1] == ["system"] else roles
        alternating: list[str] = ["user", "assistant"] * (len(body) // 2) + ["user"]
        fault = remedy = ""
        if rest.strip():
            fault = f"text outside the call blocks: {rest.strip()[:60]!r}"
            remedy = "Put it into a {% call user() %} block."
        elif body != alternating:
            fault = f"the turns are {', '.join(roles) or 'none'}"
            remedy = "Write an optional system turn, then user and assistant in turn, and end with the user."
        elif not all(message.text for message in messages):
            fault, remedy = "a turn is empty", "Give each turn some text."
        if fault:
            raise PromptError(f"{template.filename}: {fault}.", remedy)


def _beginning(fixed: jinja2.Template | None, task: Task, answer: Answer, exemplars: Sequence[Exemplar]) -> Beginning:
    """Render what is the same for all questions that have these exemplars."""
    messages: list[Message] = []
    shown = [_shown_exemplar(exemplar) for exemplar in exemplars]
    rest = fixed.render(exemplars=shown, **_given_of(task, answer), **_roles(messages)) if fixed else ""
    return Beginning(tuple(messages), rest, shown)


def _item(question: Question, answer: Answer) -> dict[str, Any]:
    """A question as templates see it: its options where these are shown with letters."""
    lettered = KINDS[answer.type].lettered
    return {"question": question.text, "choices": list(question.choices) if lettered else []}


def _given_of(task: Task, answer: Answer) -> dict[str, Any]:
    """What templates see of a task, and of how a question of it is answered."""
    contract = {"type": str(KINDS[answer.type].asked_as), "form": answer.form, "phrase": answer.phrase}
    return {"answer": contract, "task": task.name}


def _roles(messages: list[Message]) -> Mapping[str, Callable[..., str]]:
    def role(name: Literal["system", "user", "assistant"]) -> Callable[..., str]:
        def turn(caller: Callable[[], str]) -> str:
            messages.append(Message(role=name, text=str(caller()).strip()))
            return ""

        return turn

    return {"system": role("system"), "user": role("user"), "assistant": role("assistant")}


def _syntax_error(error: jinja2.TemplateSyntaxError) -> PromptError:
    return PromptError(f"{error.filename or error.name}:{error.lineno}: {error.message}", "Correct the template.")
