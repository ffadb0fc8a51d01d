"""The alphabet of mathematics that answers and plans share: signs, units, functions, and one tokenizer.

    signs       Unicode's signs as LaTeX, which answers are written in, and as the plain text of plans
    lexer       LaTeX or plain text -> tokens, by an alphabet; a cursor that parsers move over them
    units       units of measurement: their dimension and size
    functions   names -> SymPy's elementary functions

The two grammars stay apart, since an answer is no plan: `judging/` (what an answer means) and `cotbench.plans`.
"""

MAX_FACTORIAL = 5_000  # the largest n whose n! is computed: it has 16,326 digits
