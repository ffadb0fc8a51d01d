"""What a mode is: the turns it takes, the facts that whoever reads its records needs, and the function that is the
method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from cotbench.modes.fast import ALWAYS_GIVEN
from cotbench.types import Begun, Question

if TYPE_CHECKING:
    from cotbench.modes.kit import Kit
    from cotbench.modes.steps import Flow


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One request that a mode makes: `prompts/<template>.jinja`, a budget, and how many paths are drawn.

    name: how the mode asks for it; "" is the mode's own turn, which options call by the mode's name. Others are called
    `<mode>.<name>`, or by their name alone where they are shared.
    max_tokens: the default budget of each path; `--max-tokens` changes it.
    by: who answers it: the run's model, or the judge, which is the second model where a run has one, else the run's
    own.
    paths: how many paths are drawn by default; None where one is, whatever `--paths` says. temperature and top_p hold
    where several paths are drawn; one path is greedy. set_paths: their number is a setting of the mode's own, and
    `--paths` is about others.
    drawn: a single path is drawn so, too.
    few_shot: whether its template shows the exemplars of `--num-fewshot`, which tell little to who writes or judges
    single steps.
    thinking: whether the model is to think before its visible reply (`types.Request`); None leaves it to its template.
    begun: the beginning of the reply that is written for the model, whatever is asked.
    answer: of a turn that wants the answer alone, how it is had: "best" is "begun" where the engine goes on from the
    beginning of a reply (with the words of the answer line, up to the line's end), else "asked" (in words, with
    max_tokens); "likeliest" and "choice" take the likeliest option's letter as the next token, the first with the
    options in every order round. "" for turns that want more.
    tuned: what an arm sets for it by name, and a run's options don't: keys of sampling, and "sampling", which may be
    "card" (as the model's card says that it is drawn where it thinks).
    shared: modes that have an equal turn send equal requests, so that a reply is generated once for all of them. Its
    sampling is that of the run, not of one mode.
    given: the names of what the mode passes to the template, each with an example: templates are rendered with these
    before a model is loaded, and requests are estimated with them. example: makes these by the kind of a question's
    answer, where they depend on it.
    asked: how often it is asked at most, for one question; for estimates. each: for each path of the mode's own turn.
    asked_of: the same by the `asked_as` of kinds
    of answers for which it is another number.
    rewarded: the name under which it is given a reply that a reward model may score in its place, as the end of the
    conversation that it was the reply in; "" where none may.
    confidence: over windows of how many tokens the confidence of its replies is wanted; 0 where it isn't.
    of: the mode whose own turn it is, with what an arm sets for that: its requests are that arm's, so that a reply is
    generated once for both (`of.py`). "" for a turn of the mode itself."""

    name: str = ""
    template: str
    max_tokens: int
    by: Literal["model", "judge"] = "model"
    paths: int | None = None
    set_paths: bool = False
    few_shot: bool = True
    drawn: bool = False
    temperature: float = 0.7
    top_p: float = 0.95
    thinking: bool | None = False
    begun: Begun | None = None
    answer: Literal["best", "begun", "asked", "likeliest", "choice", ""] = ""
    tuned: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    example: Callable[[str, Question], Mapping[str, Any]] | None = None
    asked: int = 1
    each: bool = False
    asked_of: Mapping[str, int] = field(default_factory=dict)
    rewarded: str = ""
    confidence: int = 0
    of: str = ""

    def __post_init__(self) -> None:
        if taken := self.given.keys() & ALWAYS_GIVEN:
            raise ValueError(f"turn {self.name!r}: templates have {min(taken)!r} already; call what is given otherwise")

    @property
    def draws(self) -> bool:
        """Whether options and arms may say how many paths it draws."""
        return bool(self.paths) and not self.set_paths


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the analysis of a run needs to know of a mode; the manifest has it, so that a run can be read by itself.

    label: its name in sentences and plots. colour, marker: matplotlib's, in plots; "" lets the plot choose.
    answers_in: what its responses are: words, or a program or plan, which holds "=" whatever is asked.
    carries_out: what it has carried out, "program" or "plan"; "" where nothing is.
    tools: what it may have run while it answers, whose outputs it sees and goes on from; "" where nothing is.
    judges_plans: it solves plans exactly, so its answers say which of the shared plans are good.
    votes_over: the mode that draws one path where this one takes the majority of several.
    main: it is chain of thought: what long tables and single plots are about, and what the tag rule eq_paper looks at.
    picks: how it chooses among several answers: "" by majority, "best" by the best score of paths that were drawn
    alike, "weighted" by the sum of their scores, "first" the first of those that a search kept, "last" that of the last
    round.
    stops: by which rule it stops drawing paths, "adaptive" or "window", so that questions have different numbers of
    them; "full" where they are drawn one by one to the last; "" where all are drawn at once.
    beside_vote: it spends further calls on search, judging, criticism or tools, so that what it gains is set beside
    what a vote gains by as many tokens.
    measures: it answers nothing itself, and measures something of the arm that it rests on: it stands apart from
    differences and tables of arms.
    of: the arm on whose replies it rests, which are generated once for both; "" where it rests on none.
    placebo: what it puts in the place of that arm's thought: "control" (the thought itself), "dots", "foreign" (another
    question's thought), "order" (its sentences in another one); "" where it is none.

    Of an arm: mode: the mode that it is an arm of, "" for itself. settings: what tells it from the mode as it comes, in
    order (`arms.py`). against: the arm that it is compared with beside the baseline. thinks: whether the model thinks
    before its visible reply, and thinks_by, how that comes: "switch", "closed" (an empty thought is written for it),
    "never" and "always" (it can't do otherwise, and isn't asked to), "unknown" (a server is told and may ignore it),
    "stuck" (it can't be kept from it). at_once: it is meant to answer without any reasoning. reasons: it is asked to
    reason in its visible reply, before it answers.
    """

    label: str = ""
    colour: str = ""
    marker: str = ""
    answers_in: Literal["words", "program", "plan", ""] = ""
    carries_out: Literal["program", "plan", ""] = ""
    tools: Literal["python", ""] = ""
    judges_plans: bool = False
    votes_over: str = ""
    main: bool = False
    picks: Literal["best", "weighted", "first", "last", ""] = ""
    stops: Literal["adaptive", "window", "full", ""] = ""
    beside_vote: bool = False
    measures: bool = False
    of: str = ""
    placebo: Literal["control", "dots", "foreign", "order", ""] = ""
    mode: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""
    thinks: Literal["on", "off", ""] = ""
    thinks_by: Literal["switch", "closed", "never", "always", "unknown", "stuck", ""] = ""
    at_once: bool = False
    reasons: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the facts that say something, for a manifest."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], otherwise: Facts) -> Facts:
        """Read a manifest's entry. What it lacks is taken from `otherwise`, and so is what isn't of a fact's type."""
        known = asdict(otherwise)
        given = {f.name: row[f.name] for f in fields(cls) if type(row.get(f.name)) is type(known[f.name])}
        return cls(**known | given)


_OF_A_SPEC = frozenset({"prompt", "plugin", "shared", "sampling", "thinking", "then", "settings"})


def one_of(*words: str) -> tuple[str, Callable[[Any], bool]]:
    """Say what a setting may be that is one of some words, and return the test of it."""
    return f"{', '.join(words[:-1])} or {words[-1]}", lambda value: value in words


def whole(low: int) -> tuple[str, Callable[[Any], bool]]:
    """Say what a setting may be that is a whole number from `low` up, and return the test of it."""
    return f"a whole number from {low} up", lambda value: type(value) is int and low <= value < 1 << 31


@dataclass(frozen=True, slots=True)
class Own:
    """A setting that a mode has of its own: `tot@b=3`. default: its value where an arm says nothing. expected: in
    words. fits: whether a value is one. about: one line for lists. later: it came after the mode, so that it stands in
    a run's identity only where it has another value than by default: earlier runs are gone on with."""

    default: Any
    expected: str
    fits: Callable[[Any], bool]
    about: str
    later: bool = False


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One row of the table of modes.

    about: one line for `cotbench list modes`. turns: in the order in which they are asked first. run: the method.
    runs: the language of the code that it has run. shows: the part of an exemplar that its prompts need. asks: the
    kinds of its steps that are answered by stations of their own (`runs/stations.py`). base: of an arm, the name of the
    mode in the table, by which options call it, too; "" for the mode itself. settings: those that it has of its own, by
    name; shape: makes its turns of their values, where turns depend on them; tells: the facts that depend on them.
    settles: gives the settings that an arm has where the engine tells no probabilities of options, None where it needs
    them; of modes that take them where they can be had.
    continues: it can't do without an engine that goes on from the beginning of a reply. borrows: it asks for replies to
    other questions of the run. hears: it takes what the engine tells of how likely answers are, and does without where
    that is nothing."""

    name: str
    about: str
    turns: tuple[Turn, ...]
    run: Callable[[Question, Kit], Flow]
    facts: Facts
    runs: Literal["python", "sympy"] | None = None
    shows: Literal["rationale", "program", "equations"] | None = None
    asks: tuple[type, ...] = ()
    base: str = ""
    settings: Mapping[str, Own] = field(default_factory=dict)
    shape: Callable[[Mapping[str, Any]], tuple[Turn, ...]] | None = None
    tells: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    settles: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None
    continues: bool = False
    borrows: bool = False
    hears: bool = False

    def __post_init__(self) -> None:
        names = [turn.name for turn in self.turns]
        if not names or len(set(names)) < len(names) or _OF_A_SPEC & set(names):
            reserved = ", ".join(sorted(_OF_A_SPEC))
            raise ValueError(f"{self.name}: turns need names of their own, and none of {reserved}; found {names}")

    def turn(self, name: str = "") -> Turn:
        """Return the turn of this name. Raises KeyError where the mode doesn't declare it."""
        found = next((turn for turn in self.turns if turn.name == name), None)
        if found is None:
            raise KeyError(f"mode {self.name} declares no turn {name!r}")
        return found

    @property
    def values(self) -> dict[str, Any]:
        """The values of the settings that it has of its own, by name: as the arm sets them, else as they come."""
        return {name: self.facts.settings.get(name, own.default) for name, own in self.settings.items()}

    @property
    def recorded_values(self) -> dict[str, Any]:
        """Those of the values that stand in a run's identity."""
        return {
            name: value
            for name, value in self.values.items()
            if not (self.settings[name].later and value == self.settings[name].default)
        }

    @property
    def judges(self) -> bool:
        """Whether it asks a judge."""
        return any(turn.by == "judge" for turn in self.turns)

    @property
    def own(self) -> Turn:
        """The turn that options call by the mode's name; a mode that has none borrows its first turn's budget."""
        return next((turn for turn in self.turns if not turn.name), self.turns[0])

    @property
    def called(self) -> str:
        """The name in the table of modes, by which options call all arms of a mode."""
        return self.base or self.name

    def option_name(self, turn: Turn) -> str:
        """Return what `--max-tokens` and `--paths` call a turn."""
        if turn.of:
            return turn.of
        return turn.name if turn.shared else f"{self.called}.{turn.name}" if turn.name else self.called

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of the templates of its turns, in order."""
        return tuple(turn.template for turn in self.turns)
