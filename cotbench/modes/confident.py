"""Votes in which a path counts as much as the model was sure of it: DeepConf's measures (Fu et al. 2025,
arXiv:2508.15260), and the older one of how likely its tokens were (Wang et al. 2022, arXiv:2203.11171, table 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cotbench.errors import UsageError
from cotbench.modes.mode import Own, one_of, whole
from cotbench.types import Completion

OFF = "off"
LIKELY = "likely"
MEASURES = ("mean", "lowest", "bottom", "tail", LIKELY)  # fields of `types.Confidence`, but the last
# Of the paper's 2,048 tokens a chain of thought of a few hundred has not one window.
_WINDOW = 64

SETTINGS: Mapping[str, Own] = {
    "confidence": Own(OFF, *one_of(OFF, *MEASURES), "votes weighted by how sure the model was of a path: over all of "
                      "it, its least sure window, the lowest tenth of its windows, or its end; or by the mean "
                      "probability of its tokens (likely)", later=True),
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
    """The confidence of each path by one of MEASURES; None where the engine didn't tell it. likely is the geometric
    mean of the probabilities of its tokens, so that a long path counts no less than a short one."""
    told = [path.confidence for path in paths]
    if measure == LIKELY:
        return [None if one is None or one.logprob is None else math.exp(one.logprob) for one in told]
    return [None if one is None else float(getattr(one, measure)) for one in told]
