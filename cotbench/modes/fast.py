"""What makes rendering fast, with the same text as Jinja's plain way gives (`tests/test_prompts.py` compares them).

A template is cut where it first looks at the question: most begin with turns that are the same for every question, and
with exemplars these are nearly all of the prompt, so they are rendered once. Imports are taken out of what is left,
and the sandbox has a short way for what templates do most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cotbench.types import Message

MOST_BEGINNINGS = 4_096  # of as many groups of questions as a task may have
_OF_LOOPS = frozenset({"first", "last", "index", "index0", "length"})
ALWAYS_GIVEN = frozenset("question exemplars answer task system user assistant letter fill".split())
_DEFINITIONS = (nodes.FromImport, nodes.Import, nodes.Macro, nodes.Assign, nodes.AssignBlock)
# With these a part of a template may depend on what isn't in its own text, or change what a later part sees.
_ENTANGLED = (nodes.Include, nodes.Extends, nodes.Block, nodes.NSRef, nodes.ScopedEvalContextModifier)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with a short way to keys of mappings, a loop's variables, macros and functions of ours."""

    ours = ""  # the name of the module whose functions templates may call without a look

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up what a template writes as `obj.attribute`."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if type(obj) is LoopContext and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what a template calls."""
        ours = type(__obj) is FunctionType and __obj.__module__ == __self.ours
        if not ours and type(__obj) is not Macro:
            return super().call(__context, __obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return __obj(*args, **kwargs) if ours else __obj(__context.eval_ctx, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Parts:
    """A template cut where it first looks at the question. fixed: what comes before; None where it can't be cut."""

    fixed: jinja2.Template | None
    own: jinja2.Template


def cut(environment: Environment, whole: jinja2.Template, given: frozenset[str]) -> Parts:
    """Cut a template into what is the same for every question and the rest. given: names that a mode's turn passes."""
    assert environment.loader is not None
    assert whole.name is not None
    source, filename, _ = environment.loader.get_source(environment, whole.name)
    first, second = (environment.parse(source, whole.name, filename) for _ in range(2))
    count = _fixed_statements(first, given | {"question"})
    if all(isinstance(statement, _DEFINITIONS) for statement in first.body[:count]):
        return Parts(None, whole)
    first.body = first.body[:count]
    defined = [statement for statement in second.body[:count] if isinstance(statement, _DEFINITIONS)]
    second.body = [*defined, *second.body[count:]]
    names = {**environment.globals, **_taken_imports(environment, second, given)}
    fixed, own = (
        jinja2.Template.from_code(environment, environment.compile(tree, whole.name, filename), dict(names))
        for tree in (first, second)
    )
    return Parts(fixed, own)


def _fixed_statements(tree: nodes.Template, varying: frozenset[str]) -> int:
    """Count the statements before the first that looks at one of `varying`; 0 where that can't be told."""
    imports = [*tree.find_all(nodes.FromImport), *tree.find_all(nodes.Import)]
    if any(tree.find_all(_ENTANGLED)) or any(getattr(statement, "with_context", True) for statement in imports):
        return 0
    for number, statement in enumerate(tree.body):
        if any(name.name in varying for name in statement.find_all(nodes.Name)):
            return number
        if not isinstance(statement, _DEFINITIONS) and any(statement.find_all((nodes.Assign, nodes.AssignBlock))):
            return number  # a set within an if outlives it
    return len(tree.body)


def _taken_imports(environment: Environment, tree: nodes.Template, given: frozenset[str]) -> dict[str, Any]:
    """Take plain imports out of a template and return what they import, which is the same at every rendering."""
    taken: dict[str, Any] = {}
    used = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    used |= {macro.name for macro in tree.find_all(nodes.Macro)} | ALWAYS_GIVEN | given
    for statement in list(tree.body):
        if not isinstance(statement, nodes.FromImport) or not isinstance(statement.template, nodes.Const):
            continue
        module = environment.get_template(statement.template.value).module
        pairs = [name if isinstance(name, tuple) else (name, name) for name in statement.names]
        if all(hasattr(module, name) and alias not in used and alias not in taken for name, alias in pairs):
            taken.update({alias: getattr(module, name) for name, alias in pairs})
            tree.body.remove(statement)
    return taken


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a template's fixed part gave for exemplars. rest: text outside turns; shown: exemplars as it sees them."""

    messages: tuple[Message, ...]
    rest: str
    shown: list[dict[str, Any]]


class Beginnings:
    """Beginnings by what they were rendered from: a template's fixed part, a task, exemplars, which never change."""

    def __init__(self) -> None:
        # The objects are kept, so that no other can get the id that is a part of the address.
        self._known: dict[tuple[int, ...], tuple[Sequence[object], Beginning]] = {}

    def get(self, rendered_from: Sequence[object], render: Callable[[], Beginning]) -> Beginning:
        """Return the beginning that was rendered from these objects, which is rendered now if it is the first time."""
        address = tuple(map(id, rendered_from))
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= MOST_BEGINNINGS:
                self._known.clear()
            known = self._known[address] = rendered_from, render()
        return known[1]

    def known(self) -> list[Beginning]:
        """Return all that have been rendered."""
        return [beginning for _, beginning in self._known.values()]
