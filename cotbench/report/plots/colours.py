"""Colours that can be seen: on white, and on the dark ground that a page has in the dark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

LEAST = 3.0  # contrast of a mark with its ground (WCAG 2.2, 1.4.11)
IN_THE_DARK = 4.0  # light lines on a dark ground look thinner than they are
GROUND = "#14171b"

Light = tuple[float, float, float]  # linear red, green and blue, in 0..1

# Of ink, greys and grounds; and of areas, which keep their distance from the ground, as light ones have from white.
_DARK: Mapping[str, str] = {
    "#ffffff": GROUND,
    "#000000": "#f2f4f6",
    "#1b1f24": "#e4e7eb",
    "#59636e": "#9ca6b1",
    "#868e97": "#79838e",
    "#dfe3e8": "#2f363e",
    "#8b0000": "#ff8d80",
    "#d9d9d9": "#434a53",
    "#e69f00": "#9a6a00",
    "#fbd9a5": "#6b5228",
    "#f0e442": "#7d7612",
    "#b8e3d5": "#335f52",
    "#e3d0f0": "#54426a",
    "#f3e3b5": "#6a5c2f",
    "#56b4e9": "#2a6d96",
    "#d0ecfa": "#2c4f63",
}


def _linear(colour: str) -> Light:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _of_light(red), _of_light(green), _of_light(blue)


def _of_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _hex(light: Light) -> str:
    shown = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in light)
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in shown)


def _luminance(light: Light) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(_linear(one)), _luminance(_linear(other))))
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=256)
def on_white(colour: str) -> str:
    """Return a colour, like #e69f00, as it is or as much darker as it takes to be seen on white."""
    light = _linear(colour)
    most = 1.05 / LEAST - 0.05
    have = _luminance(light)
    return colour if have <= most else _hex((light[0] * most / have, light[1] * most / have, light[2] * most / have))


@lru_cache(maxsize=256)
def in_the_dark(colour: str) -> str:
    """Return what stands for a colour on a dark ground: the one meant for it, or as much lighter as it takes."""
    if colour in _DARK:
        return _DARK[colour]
    light, least = _linear(colour), IN_THE_DARK * (_luminance(_linear(GROUND)) + 0.05) - 0.05
    have = _luminance(light)
    share = max(0.0, (least - have) / (1 - have))
    red, green, blue = (value + share * (1 - value) for value in light)
    return _hex((red, green, blue))


def dark_style(svg: str) -> str:
    """Return the style rules by which an SVG of matplotlib's goes dark where its reader's screen does.

    Colours stay where matplotlib wrote them, so that programs that know no such rules show the light ones.
    """
    rules = [":root{fill:#f2f4f6}"]  # what has no fill of its own is black
    for colour in sorted(set(re.findall(r"#[0-9a-f]{6}\b", svg))):
        if (dark := in_the_dark(colour)) != colour:
            rules += [f'[style*="{kind}: {colour}"]{{{kind}:{dark}!important}}' for kind in ("fill", "stroke")]
            rules += [f'[fill="{colour}"]{{fill:{dark}}}']
    return "@media screen and (prefers-color-scheme: dark){" + "".join(rules) + "}"
