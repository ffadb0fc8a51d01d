r"""Whether two answers are the same mathematical object; for worker processes, since SymPy may hang or exhaust memory.

Two answers are compared part by part: values (`numeric`, `constants`), intervals and inequalities (`intervals`), lists,
matrices; where that says no, once more without what is said beside them (`asides`). What `formula` doesn't read but
Math-Verify may (integrals, limits) is left to Math-Verify, on expressions that its parser reads as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Sequence as Items
from itertools import product
from typing import Any

import sympy as sp

from cotbench.answers.judging.asides import labelled, same_decision, tells_cases, without_asides
from cotbench.answers.judging.cleaning import clean_latex, number_said, plain_words, prose, same_text, without_text
from cotbench.answers.judging.constants import same_family
from cotbench.answers.judging.forms import (
    Equal,
    Form,
    Matrix,
    NotRead,
    Numeral,
    Relation,
    Sequence,
    Text,
    TooLarge,
    UnknownCommand,
    Value,
    is_equation,
    values_of,
)
from cotbench.answers.judging.formula import read
from cotbench.answers.judging.idioms import in_round_brackets, one_argument, one_derivative
from cotbench.answers.judging.intervals import bounds, numbers_of
from cotbench.answers.judging.numeric import constant_ratio, functions_named, rounded, same_expression
from cotbench.answers.judging.times import half_of_day, same_time, time_of
from cotbench.answers.notation.units import unit_of

# --- values -------------------------------------------------------------------------------------------------------


def _values(value: Value) -> list[tuple[Any, bool]]:
    """What a value may mean, and whether as a share: 25% is 25 and 1/4."""
    return [(value.expr, False), (value.expr / 100, True)] if value.percent else [(value.expr, False)]


def _same_value(gold: Value, answer: Value) -> bool:
    factor: Any = 1
    one, other = (None if unit and unit[0] == "rad^1" else unit for unit in map(unit_of, (gold.unit, answer.unit)))
    if one and other:
        if one[0] != other[0]:
            return False
        factor = other[1] / one[1]
    elif gold.unit and answer.unit:
        apart = gold.expr.is_Symbol and plain_words(gold.unit) != plain_words(answer.unit)  # "n even", "n odd"
        if apart or half_of_day(gold.unit) != half_of_day(answer.unit):
            return False
    scales = [value.unit.upper() if value.degrees and value.unit in tuple("CFcf") else "" for value in (gold, answer)]
    if all(scales) and scales[0] != scales[1]:
        return False
    arc = gold.degrees != answer.degrees and (gold.expr.has(sp.pi) or answer.expr.has(sp.pi))
    if arc and any(scales):
        return False  # degrees of temperature
    if (gold.degrees and not answer.degrees and other) or (answer.degrees and not gold.degrees and one):
        return False  # 75 degrees and 75 cm
    if (gold.percent and (answer.degrees or other)) or (answer.percent and (gold.degrees or one)):
        return False
    if arc:
        factor = factor * (180 / sp.pi if gold.degrees else sp.pi / 180)
    for (a, a_share), (b, b_share) in product(_values(gold), _values(answer)):
        if gold.percent and answer.percent and a_share != b_share:
            continue
        if same_expression(a, b * factor):
            return True
        if (gold.decimals is None) == (answer.decimals is None) or factor != 1:
            continue
        if gold.decimals is None:
            exact, decimal, places = a, b, (answer.decimals or 0) + 2 * b_share
        else:
            exact, decimal, places = b, a, gold.decimals + 2 * a_share
        if decimal.is_Rational and exact.is_number and rounded(exact, decimal, places):
            return True
    return not (gold.unit or answer.unit) and same_family(gold.expr, answer.expr)


# --- other forms --------------------------------------------------------------------------------------------------


def _paired(gold: Items[Any], answer: Items[Any], equal: Equal) -> bool:
    """Whether each of gold has an equal of its own among as many others, each the first that is left."""
    rest = list(answer)
    for one in gold:
        hit = next((place for place, other in enumerate(rest) if equal(one, other)), None)
        if hit is None:
            return False
        del rest[hit]
    return not rest


def _matched(gold: Items[Form], answer: Items[Form]) -> bool:
    """Whether two collections hold the same things, in whatever order."""
    if len(gold) != len(answer):
        return False
    named = [{form.unit: form for form in items if isinstance(form, Value) and form.unit} for items in (gold, answer)]
    if named[0].keys() == named[1].keys() and len(named[0]) == len(gold) > 1:  # "12 boys, 15 girls" say which is which
        return all(same(form, named[1][unit]) for unit, form in sorted(named[0].items()))

    def same_item(one: Form, other: Form) -> bool:
        sets = [isinstance(form, Sequence) and form.kind == "set" for form in (one, other)]
        return sets[0] == sets[1] and same(one, other)

    return _paired(gold, answer, same_item)


def _in_order(gold: Items[Form], answer: Items[Form]) -> bool:
    return len(gold) == len(answer) and all(same(one, other) for one, other in zip(gold, answer, strict=True))


def _is_name(form: Form) -> bool:
    """Whether a side of an equation is a name for the other: x, A_1, f(x), \\angle ABC."""
    if isinstance(form, Sequence) and form.kind in ("tuple", "ratio"):  # (x, y) = (1, 2), S : T = 1 : 2
        return all(map(_is_name, form.items))
    if not isinstance(form, Value):
        return isinstance(form, Text)
    expr = form.expr
    return expr.is_Symbol or isinstance(expr, sp.core.function.AppliedUndef) or _is_product_of_letters(expr)


def _is_product_of_letters(expr: Any) -> bool:
    """P(x), AB, |AB|, AB/CD: a function or lengths whose name is read as a product; not 2x, x^2, x/y."""
    lengths = expr.args[0] if expr.func is sp.Abs else expr
    if lengths.is_Mul and all(abs(power.exp) == 1 for power in lengths.atoms(sp.Pow)):
        names = [arg.base if arg.is_Pow else arg for arg in lengths.args]
        if all(name.is_Symbol and name.name[:1].isupper() for name in names):
            return True
    return expr.is_Mul and all(arg.is_Symbol for arg in expr.args)


def _unnamed(form: Form) -> Form:
    """The value that an equation gives: 5 of x = 5, of 5 = x and of 2 + 3 = 5; else the form itself."""
    if not isinstance(form, Relation) or not is_equation(form):
        return form
    if form.signs[-1] == "~" and not (len(form.sides) == 2 and _is_name(form.sides[0])):  # the exact value, not 3.14
        return _unnamed(Relation(form.sides[:-1], form.signs[:-1])) if len(form.sides) > 2 else form.sides[0]
    if _is_name(form.sides[-1]) and not _is_name(form.sides[0]):
        return form.sides[0]
    return form.sides[-1]


def _gives(form: Form) -> bool:
    """Whether an equation only says what a name stands for, or reckons: x = 5, 2 + 3 = 5."""
    if not isinstance(form, Relation) or not is_equation(form):
        return False
    named = _is_name(form.sides[0]) or _is_name(form.sides[-1])
    reckoned = all(isinstance(side, Value) and not side.expr.free_symbols for side in form.sides)
    return named or len(form.sides) > 2 or form.signs[-1] == "~" or reckoned


_SQUARES = (sp.Symbol("sigma") ** 2, sp.Symbol("R") ** 2)  # names by themselves: a variance, a coefficient


def _asked_for(form: Form) -> Form | None:
    """The value of what may have been asked for: of m + n = 6, cos A = 1/2, a + b = 2k; not of 2x = 6, x^2 = 6."""
    if not isinstance(form, Relation) or form.signs != ("=",):
        return None
    left, right = form.sides
    if not isinstance(left, Value) or not isinstance(right, Value):
        return None
    if left.expr.free_symbols and _same_value(left, right):  # 7(3y + 2) = 21y + 14
        return right
    for name, value in ((left, right), (right, left)):
        spoken_of = isinstance(name.expr, sp.Function) or name.expr.func in (sp.Abs, sp.log) or name.expr in _SQUARES
        spoken_of = spoken_of or name.expr.has(sp.pi)  # V / \pi = 75
        curved = any(power.exp.is_Integer and power.exp > 1 for power in name.expr.atoms(sp.Pow))  # a circle's equation
        unknowns = name.expr.free_symbols
        if not unknowns & value.expr.free_symbols and ((len(unknowns) > 1 and not curved) or (spoken_of and unknowns)):
            return value
    return None


def _name_of(form: Form) -> str:
    return str(form.sides[0].expr) if isinstance(form, Relation) and isinstance(form.sides[0], Value) else ""


def _same_relation(gold: Relation, answer: Relation) -> bool:
    if is_equation(gold) and is_equation(answer):
        if _in_order(gold.sides, answer.sides):
            return True
        if _is_name(gold.sides[0]) and _is_name(answer.sides[0]):
            names = _name_of(gold), _name_of(answer)
            interchangeable = set(names) <= {"y", "f", "f(x)", "f_-1"}  # f(x) = 2x and y = 2x
            indexed = names[0].startswith(f"{names[1]}_") or names[1].startswith(f"{names[0]}_")  # X_d = 2 and X = 2
            if interchangeable or (indexed and all(names)) or same(gold.sides[0], answer.sides[0]):
                return same(_unnamed(gold), _unnamed(answer))
        if len(gold.sides) != 2 or len(answer.sides) != 2:
            return False
        turned = same(gold.sides[0], answer.sides[1]) and same(gold.sides[1], answer.sides[0])
        return turned or _same_ratio(gold, answer, signed=False)
    one, other = bounds(gold), bounds(answer)
    if one and other:
        of = [{s for side in values_of(r.sides) for s in functions_named(side).free_symbols} for r in (gold, answer)]
        return of[0] == of[1] and same(one, other)
    if gold.signs == answer.signs and _is_residue(gold):
        return _same_residue(gold, answer)
    return _paired(
        _links(gold),
        _links(answer),
        lambda a, b: a.signs == b.signs and (_in_order(a.sides, b.sides) or _same_ratio(a, b, signed=True)),
    )


def _is_residue(form: Form) -> bool:
    return isinstance(form, Relation) and len(form.signs) == 1 and form.signs[0].startswith("mod ")


def _same_residue(gold: Relation, answer: Relation) -> bool:
    """x = 3 and x = 10, both modulo 7."""
    modulus = gold.signs[0].removeprefix("mod ")
    rests = values_of((gold.sides[1], answer.sides[1]))
    if not modulus.isdigit() or int(modulus) == 0 or len(rests) != 2 or not all(rest.is_Integer for rest in rests):
        return _in_order(gold.sides, answer.sides)
    names = [form.sides[0] for form in (gold, answer) if form.sides[0] != Text("")]
    return (len(names) < 2 or same(*names)) and (rests[0] - rests[1]) % int(modulus) == 0


def _links(chain: Relation) -> list[Relation]:
    """a < b > c as a < b and c < b: every link with its smaller side first."""
    links = zip(chain.sides, chain.sides[1:], chain.signs, strict=False)
    return [
        Relation((right, left), (sign.replace(">", "<"),)) if sign in (">", ">=") else Relation((left, right), (sign,))
        for left, right, sign in links
    ]


def _same_ratio(gold: Relation, answer: Relation, *, signed: bool) -> bool:
    """Whether two equations (inequalities) differ by a constant factor (a positive one): 2x = 4y + 2 and x - 1 = 2y."""
    exprs = list(map(functions_named, values_of([*gold.sides, *answer.sides])))
    if not len(exprs) == len(gold.sides) + len(answer.sides) == 4:
        return False
    one, other = exprs[0] - exprs[1], exprs[2] - exprs[3]
    if one.free_symbols != other.free_symbols or not one.free_symbols:
        return False
    ratio = constant_ratio(one, other)
    if ratio is None and not signed:  # y = 1/x and xy = 1
        ratio = constant_ratio(*(sp.fraction(sp.together(side))[0] for side in (one, other)))
    return ratio is not None and (not signed or bool(ratio > 0))


def _as_text(form: Form) -> str | None:
    """The words of a form that is a name: \\text{(C)}, C, \\overline{CD}."""
    if isinstance(form, Text):
        return plain_words(form.text)
    if isinstance(form, Value) and form.expr.is_Symbol:
        return plain_words(str(form.expr).removeprefix("overline "))
    return None


def same(gold: Form, answer: Form) -> bool:
    """Whether two forms are equal under the policies of `cotbench.answers.judging`."""
    gold, answer = _spelt_out(gold, answer), _spelt_out(answer, gold)
    if isinstance(answer, Relation) and _is_residue(answer) and isinstance(gold, Value):
        return same(gold, answer.sides[1])  # n \\equiv 5 \\pmod{17} for 5
    asked_for = _asked_for(answer) if isinstance(gold, Value) else None
    if not isinstance(gold, Relation) and _gives(answer):
        answer = _unnamed(answer)
    elif asked_for:
        answer = asked_for
    elif _gives(gold) and not isinstance(answer, Relation):
        gold = _unnamed(gold)
    elif isinstance(gold, Relation) and isinstance(answer, Relation) and _gives(gold) and _gives(answer):
        names = [next((side for side in form.sides[::-1] if _is_name(side)), None) for form in (gold, answer)]
        named_first = _is_name(gold.sides[0]) and _is_name(answer.sides[0])
        if not named_first and names[0] and names[1] and not same(names[0], names[1]):
            return len(gold.sides) == len(answer.sides) == 2 and _same_ratio(gold, answer, signed=False)
        if not named_first and not _same_relation(gold, answer):
            gold, answer = _unnamed(gold), _unnamed(answer)
    for kind, compare in _COMPARED:
        if isinstance(gold, kind) and isinstance(answer, kind):
            return compare(gold, answer)
    for kind, compare in _MIXED:
        if isinstance(gold, kind):
            return compare(gold, answer)
        if isinstance(answer, kind):
            return compare(answer, gold)
    return (words := _as_text(gold)) is not None and words == _as_text(answer)


def _same_set(one: Form, other: Form) -> bool:
    """Whether what fits a relation is what another form describes: 1 < x and (1, oo)."""
    span = bounds(one)
    return span is not None and same(span, bounds(other) or other)


def _same_alone(several: Sequence, one: Form) -> bool:
    """Whether a sequence comes to one thing: a vector's sum, a ratio's quotient, {5}, "1/2 or 0.5"."""
    if vector := _vector(one):
        return same(several, vector)
    if several.kind == "ratio" and len(several.items) == len(values_of(several.items)) == 2:
        top, bottom = values_of(several.items)
        return bottom != 0 and same(Value(top / bottom), one)
    alone = several.kind == "list" or (several.kind == "set" and len(several.items) == 1)
    return alone and all(same(one, item) for item in several.items)


def _vector(form: Form) -> Form | None:
    """A sum of unit vectors as a tuple: 3i - 2j + k, with hats or in bold."""
    if not isinstance(form, Value):
        return None
    names = "xyz" if form.expr.has(*(sp.Symbol(f"hat {name}") for name in "xyz")) else "ijk"
    units = [sp.Symbol(f"hat {name}") for name in names]
    found = form.expr.free_symbols & set(units)
    if not found or form.expr.subs(dict.fromkeys(units, 0)) != 0:
        return None
    parts = [form.expr.coeff(unit) for unit in units]
    return Sequence("tuple", tuple(map(Value, parts if parts[2] != 0 else parts[:2])), "()")


def _spelt_out(form: Form, other: Form) -> Form:
    """x = y = z = 0 as (0, 0, 0), where the other answer is a tuple of three."""
    if not isinstance(form, Relation) or not isinstance(other, Sequence) or other.kind != "tuple":
        return form
    names = form.sides[:-1]
    if len(names) != len(other.items) or set(form.signs) != {"="} or not all(map(_is_name, names)):
        return form
    return Sequence("tuple", form.sides[-1:] * len(names), other.brackets)


def _same_numeral(gold: Form, answer: Form) -> bool:
    """1011_2 is 1011_2 and 1011, whose base goes without saying; it isn't 1011_3, nor the number eleven."""
    digits: list[str] = []
    bases: set[int] = set()
    for form in (gold, answer):
        if isinstance(form, Numeral):
            digits.append(form.digits)
            bases.add(form.base)
        elif isinstance(form, Value) and (form.expr.is_Integer or form.expr.is_Symbol):
            digits.append(str(form.expr))
    return len(digits) == 2 and digits[0] == digits[1] and len(bases) == 1


def _same_vector(matrix: Matrix, other: Form) -> bool:
    """A column or row, and a tuple: (1, 2) is how many write a vector."""
    other = _vector(other) or other
    line = len(matrix.rows) == 1 or all(len(row) == 1 for row in matrix.rows)
    if not (line and isinstance(other, Sequence) and (other.kind, other.brackets) == ("tuple", "()")):
        return False
    return _in_order([item for row in matrix.rows for item in row], other.items)


def _same_pieces(gold: Sequence, answer: Sequence) -> bool:
    """The values of a function with their conditions, in any order; "otherwise" is whatever is left."""
    pieces = [[p.items for p in side.items if isinstance(p, Sequence) and len(p.items) == 2] for side in (gold, answer)]
    whole = len(pieces[0]) == len(gold.items) and len(pieces[1]) == len(answer.items)

    def same_piece(one: Items[Form], other: Items[Form]) -> bool:
        left = any(isinstance(p[1], Text) and plain_words(p[1].text) in ("otherwise", "else") for p in (one, other))
        return same(one[0], other[0]) and (left or same(one[1], other[1]))

    return whole and _paired(pieces[0], pieces[1], same_piece)


def _by_name(items: Items[Form]) -> Items[Form]:
    """Values of x, y and z in this order; of other unknowns as they are written."""
    named = all(_gives(item) and _name_of(item) in ("x", "y", "z") for item in items)
    return sorted(items, key=_name_of) if named else items


def _same_sequence(gold: Sequence, answer: Sequence) -> bool:
    kinds = {gold.kind, answer.kind}
    if "both" in kinds:
        spans = bounds(gold) or gold, bounds(answer) or answer
        if all(isinstance(span, Sequence) and span.kind != "both" for span in spans):
            return same(*spans)
        return kinds == {"both"} and _matched(gold.items, answer.items)
    several, pair = (answer, gold) if gold.kind == "tuple" else (gold, answer)
    if kinds == {"set", "tuple"}:  # {(1, 2)} is (1, 2)
        return len(several.items) == 1 and same(several.items[0], pair)
    if kinds == {"pieces"}:
        return _same_pieces(gold, answer)
    if kinds <= {"union", "meet", "tuple"} and kinds != {"tuple"}:
        spans = numbers_of(gold), numbers_of(answer)
        return spans[0] == spans[1] if None not in spans else len(kinds) == 1 and _matched(gold.items, answer.items)
    if kinds <= {"list", "set"}:
        names = [{name for item in form.items if (name := _name_of(item))} for form in (gold, answer)]
        named = kinds == {"list"} and sorted(map(len, names)) == [0, len(gold.items)]
        if named and len({name.partition("_")[0] for name in names[0] | names[1]}) == 1:
            return _matched(list(map(_unnamed, gold.items)), list(map(_unnamed, answer.items)))  # x_1 = 3, x_2 = 8
        if named and len(gold.items) > 1:
            return _in_order(_by_name(gold.items), _by_name(answer.items))  # x = 1, y = 2 is 1, 2
        if kinds == {"list"} and "..." in str(gold) + str(answer):
            return _in_order(gold.items, answer.items)
        one, other = bounds(gold), bounds(answer)
        return _matched(gold.items, answer.items) or bool(one and other and same(one, other))
    if kinds in ({"tuple"}, {"ratio"}):
        return gold.brackets == answer.brackets and _in_order(gold.items, answer.items)
    if kinds == {"tuple", "list"}:
        return pair.brackets == "()" and _in_order(pair.items, _by_name(several.items))
    if kinds == {"union", "list"}:
        one, other = bounds(gold) or gold, bounds(answer) or answer
        ranges = isinstance(one, Sequence) and isinstance(other, Sequence) and "list" not in (one.kind, other.kind)
        return ranges and same(one, other)
    return False


# Two forms of one kind; and those of which one is of a kind, whatever the other is.
_COMPARED: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (Value, _same_value),
    (Numeral, _same_numeral),
    (Relation, _same_relation),
    (Matrix, lambda gold, answer: len(gold.rows) == len(answer.rows) and all(map(_in_order, gold.rows, answer.rows))),
    (Sequence, _same_sequence),
]
_MIXED: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (Numeral, _same_numeral),
    (Relation, _same_set),
    (Matrix, _same_vector),
    (Sequence, _same_alone),
]


# --- answers ------------------------------------------------------------------------------------------------------

_LIST_OR_THOUSANDS = re.compile(r"\s*[1-9]\d{0,2}(?:,[1-9]\d{2})+\s*")


# "x in R, x != 3": the first says nothing of which x are meant
_OF_THE_REALS = re.compile(r"^\s*(?P<name>[A-Za-z])\s*\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*[,;]\s*(?=(?P=name))")
_LETTERS_BELOW = re.compile(r"/\s?(?:[A-Za-z]|\\[a-z]+\s)\s?(?:[A-Za-z]|\\[a-z])")
_LEAD = re.compile(
    r"\A\s*(?:\\text\s*\{\s*)?(?:the\s)?(?:final\s)?(?:solution|answer|result)s?\s(?:is|are)\s?:?\s*(?:\}\s*:?)?\s*",
    re.I,
)
# CO_2 is CO2: two elements at least, so that A_1 isn't one.
_FORMULA_OF_CHEMISTRY = re.compile(r"(?=.*\d)(?=(?:.*[A-Z]){2})(?:[A-Z][a-z]?\d*|\((?:[A-Z][a-z]?\d*)+\)\d*){2,}")
_INDICES = str.maketrans("", "", "_{}")
# x = 5, y = 2; x = 7, y = 2: pairs, one after the other, of the same names
_SYSTEMS = re.compile(r"(?P<x>\s*[a-z]\s?=)[^,;=]+,(?P<y>\s*[a-z]\s?=)[^,;=]+(?:;(?P=x)[^,;=]+,(?P=y)[^,;=]+)+")
_LETTER = re.compile(r"\s*\(?([A-J])[).]\s*")
_POINT = re.compile(r"^\s*[A-Z]\s*(?=\([^()]*,[^()]*\)\s*$)")


def _readings(text: str) -> list[Form]:
    """The forms that an answer may mean: "70,110" two angles, "(C) 12" an option or its text, "C(1,2)" a point."""
    if option := labelled(text):
        try:
            return [Text(option[0]), *_readings(option[1])]
        except NotRead:
            return [Text(option[0]), Text(without_text(option[1]))]
    if _SYSTEMS.fullmatch(text):
        text = ", ".join("(" + re.sub(r"[A-Za-z](?:_\{?\w+\}?)?\s?=", "", part) + ")" for part in text.split(";"))
    if letter := _LETTER.fullmatch(text):
        return [Text(letter[1])]
    listed = text.replace(",", ", ") if _LIST_OR_THOUSANDS.fullmatch(text) else text
    others = (listed, _POINT.sub("", text), in_round_brackets(text))
    texts = [text, *(other for other in others if other != text)]
    forms = [read(text, tight=True)] if _LETTERS_BELOW.search(text) else []
    for at, reading in enumerate(texts):
        try:
            forms.append(read(reading))
        except NotRead:
            if not forms and at == len(texts) - 1:
                raise
    return forms


def _same_if_comparable(pair: tuple[Form, Form]) -> bool:
    try:
        return same(*pair)
    except (NotRead, ValueError, TypeError, AttributeError, ArithmeticError):
        return False


def latex_equal(gold: str, answer: str) -> bool | None:
    """Whether two answers are equal; None where it can't be decided. Only for worker processes: it may hang."""
    words = prose(gold), prose(answer)
    if None not in words:
        return words[0] == words[1]
    bare = same_text(gold).translate(_INDICES)
    if _FORMULA_OF_CHEMISTRY.fullmatch(bare) and bare == same_text(answer).translate(_INDICES):
        return True
    said = [number_said(word) if word else None for word in words]
    if said[0] or said[1]:
        gold, answer = said[0] or gold, said[1] or answer
    if (decided := same_decision(gold, answer)) is not None:
        return decided
    one, other = time_of(gold), time_of(answer)
    if one and other:
        return same_time(one, other)
    labels = labelled(gold), labelled(answer)
    if labels[0] and labels[1]:
        return labels[0][0] == labels[1][0] and latex_equal(labels[0][1], labels[1][1])
    gold, answer = _of_one_notation(gold, answer)
    verdict = _compared(gold, answer)
    if verdict is False:
        cores = without_asides(gold, answer, _compared)
        return _compared(*cores) if cores else False
    return verdict


def _of_one_notation(gold: str, answer: str) -> tuple[str, str]:
    """Derivatives written alike, and nothing in front that only says that x is real; else the texts as they are."""
    cleaned = clean_latex(gold), clean_latex(answer)
    changed = tuple(  # without "The answer is"
        _LEAD.sub(lambda lead: r"\text{" if "\\text" in lead[0] and "}" not in lead[0] else "", text)
        for text in cleaned
    )
    changed = tuple(_OF_THE_REALS.sub("", text) for text in one_derivative(*one_argument(*changed)))
    return (gold, answer) if changed == cleaned else (changed[0], changed[1])


def _compared(gold: str, answer: str) -> bool | None:
    try:
        return any(map(_same_if_comparable, product(_readings(gold), _readings(answer))))
    except TooLarge:
        return None
    except NotRead as error:
        alike = _same_prose(gold, answer) or _same_result(gold, answer)
        return alike or (isinstance(error, UnknownCommand) and _math_verify(gold, answer))


_SIGNS = re.compile(r"[\[\]{}=<>^_+*/|\\]|\d\)|\(\d")
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.I)


def _same_prose(gold: str, answer: str) -> bool:
    texts = [without_text(clean_latex(text)) for text in (gold, answer)]
    if any(_SIGNS.search(text) for text in texts):  # a formula that can't be read is no prose
        return same_text(gold) == same_text(answer)
    one, other = map(plain_words, texts)
    if _MONTH.search(one):  # 20 June is June 20
        return sorted(one.split()) == sorted(other.split())
    return one == other and bool(one)


def _same_result(gold: str, answer: str) -> bool:
    r"""Whether one is what the other, which can't be read, gives behind its last "=": 2 \\oplus 4 = 12 is 12."""
    if ("=" in gold) == ("=" in answer) or tells_cases(gold) or tells_cases(answer):
        return False
    plain, given = (gold, answer) if "=" in answer else (answer, gold)
    result = given.rpartition("=")[2]
    return bool(result.strip()) and latex_equal(plain, result) is True


_BEYOND = re.compile(r"\\(?:sum|prod|int|iint|oint|lim)(?![a-z])")


def _math_verify(gold: str, answer: str) -> bool:
    from math_verify import verify
    from math_verify.parser import latex2sympy

    if not (_BEYOND.search(gold) and _BEYOND.search(answer)):
        return False  # elsewhere its parser takes "3(4)" for 7
    try:
        parsed = [
            latex2sympy(clean_latex(text), is_real=True, convert_degrees=False, normalization_config=None)
            for text in (gold, answer)
        ]
    except Exception:  # its parser raises plain Exceptions
        return False
    return bool(verify(parsed[0], parsed[1], timeout_seconds=None))
