"""Units of measurement: what they measure, and how much one is."""

from __future__ import annotations

import re
from fractions import Fraction

Unit = tuple[str, Fraction]  # dimension, and what one is in the dimension's own unit

# Units that are words or have no prefixes, by dimension.
_TABLE = """
    m: meter 1 centimeter 1/100 millimeter 1/1000 kilometer 1000
    m: metre 1 centimetre 1/100 millimetre 1/1000 kilometre 1000
    ft: in 1/12 inch 1/12 inche 1/12 ft 1 foot 1 feet 1 yd 3 yard 3 mi 5280 mile 5280
    s: sec 1 second 1 min 60 minute 60 h 3600 hr 3600 hour 3600 day 86400 week 604800
    yr: month 1/12 year 1 yr 1 decade 10 century 100
    gal: gallon 1 gal 1 quart 1/4 pint 1/8 cup 1/16
    acre: acre 1
    ha: hectare 1
    ton: ton 1 tonne 1
    rad: radian 1 rad 1
    $: $ 1 dollar 1 cent 1/100 ¢ 1/100
    g: gm 1 gram 1 kilogram 1000
    lb: oz 1/16 ounce 1/16 lb 1 pound 1
    L: liter 1 litre 1 milliliter 1/1000 ml 1/1000 l 1
    Ω: ohm 1 ohms 1
    J: joule 1
    N: newton 1
    W: watt 1
    V: volt 1
"""
_UNITS: dict[str, Unit] = {
    name: (dimension.strip(), Fraction(size))
    for dimension, _, row in (line.partition(": ") for line in _TABLE.strip().splitlines())
    for name, size in zip(row.split()[::2], row.split()[1::2], strict=True)
}
# With the prefixes of the SI; their case counts.
_SYMBOLS = "m g s A K mol Hz N Pa J W C V F T Wb H eV L Ω cal bar".split()
_PREFIXES = {"p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_SI = {prefix + symbol: (symbol, Fraction(10) ** power) for symbol in _SYMBOLS for prefix, power in _PREFIXES.items()}
# What the derived units of the SI are made of; those that aren't here have a dimension of their own.
_MADE_OF = {
    "N": {"g": 1, "m": 1, "s": -2},
    "J": {"g": 1, "m": 2, "s": -2},
    "W": {"g": 1, "m": 2, "s": -3},
    "Pa": {"g": 1, "m": -1, "s": -2},
    "Hz": {"s": -1},
    "C": {"A": 1, "s": 1},
}
# Short names that are units only behind a number: elsewhere "mg" is m times g.
SHORT = frozenset("cm mm km dm ft in kg gm lb lbs oz yd mi mph hr hrs min sec am pm sq cu ml mg rad deg AM PM".split())
# Names that a plan may write behind a number to no effect: "5 dollars" is 5.
IN_PLANS = frozenset(
    "dollar dollars cent cents euro euros usd cm mm km kg mg ml mph meter meters metre metres foot feet inch inches "
    "mile miles hour hours hr hrs minute minutes second seconds day days week weeks month months year years liter "
    "liters litre litres gram grams pound pounds ounce ounces unit units".split()
)


def unit_of(unit: str) -> Unit | None:
    """Dimension and size of a unit, also of "km/h" and "N m^2"; None for one that isn't known, such as "apples"."""
    text = re.sub(r"[.,(){}^]", "", unit).strip()
    text = {"mph": "mile/h", "kmh": "km/h", "kph": "km/h"}.get(text.lower(), text)
    sides = re.split(r"\s?/\s?|\sper\s", text)
    if not text or len(sides) > 2:
        return None
    dimensions: dict[str, int] = {}
    size = Fraction(1)
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


def _simple_unit(word: str) -> tuple[str, Fraction, int] | None:
    """Dimension, size and exponent of a unit without "/": "m2", "s-1"."""
    match = re.fullmatch(r"(.*?)(-?\d?)", word)
    if match is None:
        return None
    name = match[1]
    low = name.lower()
    known = _UNITS.get(low) or (_UNITS.get(low.removesuffix("s")) if len(low) > 2 else None)
    known = _SI.get(name) or known if name not in ("min", "in", "ft", "h", "d") else known
    return None if known is None else (*known, int(match[2] or 1))
