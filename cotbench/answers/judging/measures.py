"""Units of measurement and times of day."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp

from cotbench.answers.judging.notation import clean_latex

# Units that are words or have no prefixes: dimension, and what one is in the dimension's own unit.
_UNITS: dict[str, tuple[str, Any]] = {}
for _dimension, _table in {
    "m": "meter 1 metre 1 centimeter 1/100 centimetre 1/100 millimeter 1/1000 millimetre 1/1000 kilometer 1000 kilometre 1000",
    "ft": "in 1/12 inch 1/12 inche 1/12 ft 1 foot 1 feet 1 yd 3 yard 3 mi 5280 mile 5280",
    "s": "sec 1 second 1 min 60 minute 60 h 3600 hr 3600 hour 3600 day 86400 week 604800",
    "yr": "month 1/12 year 1 yr 1 decade 10 century 100",
    "gal": "gallon 1 gal 1 quart 1/4 pint 1/8 cup 1/16",
    "acre": "acre 1",
    "ha": "hectare 1",
    "ton": "ton 1 tonne 1",
    "rad": "radian 1 rad 1",
    "$": "$ 1 dollar 1 cent 1/100 ¢ 1/100",
    "g": "gm 1 gram 1 kilogram 1000",
    "lb": "oz 1/16 ounce 1/16 lb 1 pound 1",
    "L": "liter 1 litre 1 milliliter 1/1000 ml 1/1000 l 1",
    "Ω": "ohm 1 ohms 1",
    "J": "joule 1",
    "N": "newton 1",
    "W": "watt 1",
    "V": "volt 1",
}.items():
    _words = _table.split()
    for _name, _size in zip(_words[::2], _words[1::2], strict=True):
        _UNITS[_name] = (_dimension, sp.Rational(_size))
_SYMBOLS = (
    "m g s A K mol Hz N Pa J W C V F T Wb H eV L Ω cal bar".split()
)  # with the prefixes of the SI, whose case counts
_PREFIXES = {"p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_SI = {prefix + symbol: (symbol, sp.Integer(10) ** power) for symbol in _SYMBOLS for prefix, power in _PREFIXES.items()}


# What the derived units of the SI are made of; those that aren't here have a dimension of their own.
_MADE_OF = {
    "N": {"g": 1, "m": 1, "s": -2},
    "J": {"g": 1, "m": 2, "s": -2},
    "W": {"g": 1, "m": 2, "s": -3},
    "Pa": {"g": 1, "m": -1, "s": -2},
    "Hz": {"s": -1},
    "C": {"A": 1, "s": 1},
}


def unit_of(unit: str) -> tuple[str, Any] | None:
    """Dimension and size of a unit, also of "km/h" and "N m^2"; None for one that isn't known, such as "apples"."""
    text = re.sub(r"[.,(){}^]", "", unit).strip()
    text = {"mph": "mile/h", "kmh": "km/h", "kph": "km/h"}.get(text.lower(), text)
    sides = re.split(r"\s?/\s?|\sper\s", text)
    if not text or len(sides) > 2:
        return None
    dimensions: dict[str, int] = {}
    size: Any = sp.Integer(1)
    for sign, side in zip((1, -1), sides, strict=False):
        side = re.sub(r"\b(?:square|sq)\s(\w+)", r"\g<1>2", re.sub(r"\b(?:cubic|cu)\s(\w+)", r"\g<1>3", side))
        for word in re.split(r"[\s·*-]+(?=[A-Za-zμΩ])|\\cdot", side):
            found = _simple_unit(word)
            if found is None:
                return None
            name, one, power = found
            for part, times in _MADE_OF.get(name, {name: 1}).items():
                dimensions[part] = dimensions.get(part, 0) + sign * power * times
            size *= (one * (1000 if "g" in _MADE_OF.get(name, ()) else 1)) ** (sign * power)
    return " ".join(f"{name}^{power}" for name, power in sorted(dimensions.items()) if power), size


def _simple_unit(word: str) -> tuple[str, Any, int] | None:
    match = re.fullmatch(r"(.*?)(-?\d?)", word)
    if match is None:
        return None
    name = match[1]
    low = name.lower()
    known = _UNITS.get(low) or (_UNITS.get(low.removesuffix("s")) if len(low) > 2 else None)
    known = _SI.get(name) or known if name not in ("min", "in", "ft", "h", "d") else known
    return None if known is None else (known[0], known[1], int(match[2] or 1))


def half_of_day(unit: str) -> str:
    match = re.fullmatch(r"([ap])\.?\s?m\.?", unit.strip().lower())
    return match[1] if match else ""


_TIME = re.compile(r"(?:at\s)?(\d{1,2})(?::(\d\d))?(?::00)?\s*(?:([ap])\.?\s?m\b\.?)?", re.I)


def time_of(text: str) -> tuple[int, int, str] | None:
    """A time of day, which must have minutes or a.m./p.m.: hour, minute, and "a", "p" or "" where it isn't said."""
    match = _TIME.fullmatch(
        re.sub(r"\\text\s*\{([^{}]*)\}|[~\\,{}$]", lambda m: m[1] or " ", clean_latex(text)).strip()
    )
    if match is None or not (match[2] or match[3]):
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    return (hour, minute, half) if hour < 24 and minute < 60 else None


def same_time(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Where only one says which half of the day it means, the other may be of 24 hours or of 12."""
    if not one[2] and not other[2]:
        return one == other
    halves = {half or ("p" if hour >= 12 else "a" if hour == 0 else "") for hour, _, half in (one, other)} - {""}
    return len(halves) == 1 and (one[0] % 12, one[1]) == (other[0] % 12, other[1])
