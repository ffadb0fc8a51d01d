"""Votes in which a path counts as much as the model was sure of it: DeepConf (Fu et al. 2025, arXiv:2508.15260)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotbench.errors import UsageError
from cotbench.modes.mode import Own, one_of, whole
from cotbench.types import Completion

OFF = "off"
MEASURES = ("mean", "lowest", "bottom", "tail")  # fields of `types.Confidence`
# Of the paper's 2,048 tokens a chain of thought of a few hundred has not one window.
_WINDOW = 64

SETTINGS: Mapping[str, Own] = {
    "confidence": Own(OFF, *one_of(OFF, *MEASURES), "votes weighted by how sure the model was of a path: over all of "
                      "it, its least sure window, the lowest tenth of its windows, or its end", later=True),
    "window": Own(_WINDOW, *whole(1), "over how many tokens confidence is averaged at a time", later=True),
    "keep": Own(1, "a share above 0 and up to 1", lambda value: type(value) in (int, float) and 0 < value <= 1,
                "the share of paths that vote, those of which the model was surest", later=True),
}  # fmt: skip


def window_of(settings: Mapping[str, Any]) -> int:
    """Over how many tokens the confidence of paths is to be measured; 0 where it isn't. Raises UsageError where only
    the rest of it is set."""
    if settings["confidence"] != OFF:
        return int(settings["window"])
    for name in ("window", "keep"):
        if settings[name] != SETTINGS[name].default:
            raise UsageError(
                f"--mode: {name}={settings[name]} is of votes that are weighted by confidence.",
                f"As in self-consistency@confidence=lowest@{name}={settings[name]}.",
            )
    return 0


def facts_of(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is told of an arm that weights its votes; nothing of one that counts them."""
    return {} if settings["confidence"] == OFF else {"picks": "weighted", "votes_over": ""}


def confidences(paths: Sequence[Completion], measure: str) -> list[float | None]:
    """The confidence of each path by one of MEASURES; None where the engine didn't tell it."""
    return [None if path.confidence is None else float(getattr(path.confidence, measure)) for path in paths]
