"""Arms that rest on the reply of another arm, `early@of=cot`: they ask that arm's request, whose reply is generated
once for both, and go on from it.

What such an arm sets beside its own settings is set for the arm that it rests on: `early@of=think@budget=512` rests on
the replies of `think@budget=512`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cotbench.errors import UsageError
from cotbench.modes.mode import Own, Turn

OF = "of"
DEFAULT = "cot"


def of_setting(default: str = DEFAULT) -> Own:
    """The setting that names the mode on whose replies an arm rests."""
    return Own(
        default,
        "the name of a mode",
        lambda value: isinstance(value, str) and value != "",
        "the mode on whose replies it rests: one that asks once, and for more than the answer",
    )


def turn_of(settings: Mapping[str, Any]) -> Turn:
    """Return the own turn of the mode that `of` names, for an arm that rests on its replies. Raises UsageError where
    there is no such mode, or it does more than asking once."""
    from cotbench.modes import MODES  # which is made of modes

    name = settings[OF]
    asking = [
        one.name
        for one in MODES.values()
        if len(one.turns) == 1
        and one.facts.answers_in == "words"
        and not (one.own.given or one.own.paths or one.own.answer)
    ]
    if name not in asking:
        found = f"--mode: {OF}={name}: there is no mode of this name that asks once, and for more than the answer."
        raise UsageError(found, f"Known: {', '.join(asking)}.")
    return replace(MODES[name].own, of=name)
