r"""Whether two LaTeX answers are one: `quick` compares them as texts in one notation, `equality` by what they mean.

`equality` runs in the worker processes of `cotbench.answers.grader`, which can be killed: it reads both with `formula`
into SymPy's expressions, and asks Math-Verify about what our parser doesn't read. Size limits come first.

Policies for LaTeX, where published graders disagree, and why:

- Order: a list in no brackets ("1, -2", "x = 1 or x = -2", ±3) and a set are equal in any order, since a question that
  asks for all solutions names none; a tuple, a vector, an interval aren't. A tuple in round brackets is equal to a list
  of the same order, and to a row or column; a set is never equal to a tuple. C(1, 2) is a number of choices or a point.
- Equations: x = 5 is 5 where the other side names no unknown; x = 5 isn't y = 5; 2x = 4y is x = 2y, and isn't 2y;
  y = 1/x is xy = 1, and a differential equation may be divided by a parameter. An answer may name what was asked for,
  "m + n = 6" for 6, "a + b = 2k" for 2k, "n \equiv 5 \pmod 7" for 5; where gold is an equation, that is asked for.
- Inequalities: 1 < x \le 2 is (1, 2], as it describes the same numbers, and so is 1 < f(x) \le 2; ]1, 2] is (1, 2].
  Unions and intersections are equal where they hold the same numbers. (Math-Verify: only in one direction.)
- Percent: 25\% is 25 and 1/4, since questions ask for either; of two percentages the numbers count.
- Rounding: a decimal stands for an exact value that it rounds to with at least six significant digits, 0.333333 for
  1/3, not 0.33; never a whole number. (Math-Verify: six places, so that 10^{-7} is 0.) 0.333... with dots is 1/3, where
  the dots leave no doubt of what repeats.
- Units: one side may leave them out, and names that aren't units of measurement don't count ("12 ways" is 12) unless
  they tell the items of a list apart; but 12 cm isn't 12 m, and 5.4 cents is \$0.054; 2 hours 30 minutes are 150
  minutes.
  A degree sign may be left out; 90^\circ is \pi/2; 25 °C isn't 25 °F. a.m. isn't p.m.
- Bases: 1011_2 is 1011, whose base goes without saying, but not 1011_3.
- Variables: their case counts. Words: theirs doesn't, nor do articles. Parameters under a root are positive, x, y, z
  and t needn't be: \sqrt{a^2 b} is a\sqrt{b}, \sqrt{x^2} isn't x. An n in an exponent or in a floor is a whole number.
- Arbitrary constants: x^2 + C is x^2 + c, and C_1 e^t + C_2 e^{-t} is A e^{-t} + B e^t; 2C isn't 2c.
- What is said beside an answer may be left out: "n \in \mathbb{Z}", "for all x", "for x \ne 3", "since ..."; "3 if n is
  odd" is no 3, as there are other cases. Two conditions must agree. "(C) 12" is the option C and its value; "Yes, as
  ..." is yes.
- A comma between a digit and exactly three digits without a space is a separator of thousands; alone it may be a list.

An answer that takes longer than `grader.TIMEOUT_S` to compare, or whose value is too large to be had, is
`grader_timeout`, which is not `wrong`; an answer longer than `reading.MAX_ANSWER_CHARS` never gets here.

Gold and answer may change places, but for an answer that names what was asked for.
"""
