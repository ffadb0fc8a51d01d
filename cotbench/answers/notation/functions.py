"""Names of functions -> SymPy's."""

from __future__ import annotations

from typing import Any

import sympy as sp

_CIRCULAR = "sin cos tan cot sec csc".split()
_HYPERBOLIC = "sinh cosh tanh".split()

DIRECT: dict[str, Any] = {name: getattr(sp, name) for name in [*_CIRCULAR, *_HYPERBOLIC]}
# sin -> asin: what sin^{-1} is.
INVERSE: dict[str, Any] = {name: getattr(sp, f"a{name}") for name in [*_CIRCULAR, *_HYPERBOLIC]}
ARC: dict[str, Any] = {f"arc{name}": function for name, function in INVERSE.items()}
