"""A tag rule."""

from cotbench.questions.tagging import Rule

FERRY = Rule(
    name="ferry",
    about="the question speaks of a ferry",
    tag=lambda seen: "ferry" in seen.question.text.lower(),
    sides=("with a ferry", "without a ferry"),
    symbols=False,
)
