"""A template to start from, for an arm of a mode with words of one's own (`cotbench new-mode`)."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.errors import UsageError
from cotbench.questions.starting import check_name

_TEMPLATE = """\
{# %(file)s: an arm of %(base)s with your own words; it is asked as %(base)s@prompt=%(name)s.

   A template is a conversation: an optional system turn, exemplars as pairs of user and assistant, and the question.
   question (question, choices), exemplars, answer and task are given; ask, contract, answer_line and persona come from
   _shared.jinja, so that all modes show questions alike and ask for the answer in the same line. Change the
   instruction, and leave the contract last: answers are read by it. #}
{%% from "_shared.jinja" import ask, contract, answer_line, persona %%}
{%% macro instruction() -%%}
%(words)s
{{ contract(answer) }}
{%%- endmacro %%}
{%% call system() %%}{{ persona() }}{%% endcall %%}
{%% for exemplar in exemplars %%}
{%% call user() %%}
{{ ask(exemplar) }}

{{ instruction() }}
{%% endcall %%}
{%% call assistant() %%}
%(reply)s{{ answer_line(answer, exemplar) }}
{%% endcall %%}
{%% endfor %%}
{%% call user() %%}
{{ ask(question) }}

{{ instruction() }}
{%% endcall %%}
"""
# What the instruction of a mode says first, and whether exemplars show how the answer is worked out.
BASES: dict[str, tuple[str, bool]] = {
    "cot": ("Restate what is asked, list what is known, then work the answer out in numbered steps.", True),
    "direct": ("Give the answer only, without a word of explanation.", False),
    "free": ("Answer as you see fit.", False),
}


def template_of(name: str, base: str) -> tuple[str, str]:
    """The name and the text of a template for an arm of a mode. base: the mode, "" for a chain of thought. Raises
    UsageError."""
    base = base or next(iter(BASES))
    if base not in BASES:
        known: Sequence[str] = list(BASES)
        raise UsageError(f"--of: expected {', '.join(known[:-1])} or {known[-1]}, found '{base}'.")
    words, worked = BASES[base]
    file = f"{base}-{check_name(name)}.jinja"
    reply = "{{ exemplar.rationale }}\n" if worked else ""
    return file, _TEMPLATE % {"file": file, "base": base, "name": name, "words": words, "reply": reply}
