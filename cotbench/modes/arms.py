"""Arms: a mode, and behind "@" what differs from the mode as it comes.

    cot                       the mode itself
    cot@prompt=brief          with the template cot-brief.jinja in place of cot.jinja
    cot@temperature=1         drawn otherwise
    think@budget=0|256|1024   three arms, one for each value
    cot@prompt=brief@name=b   an arm that goes by the name b

An arm is a `Mode` with other turns and a name of its own, so that whoever takes a mode's name takes an arm's. Its facts
say which mode it is an arm of and what was set."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cotbench.errors import UsageError, suggest
from cotbench.modes.context import CONTEXT, CONTEXTS, CORPORA, CORPUS, DEFAULT_K, NONE, RETRIEVED, Context, K
from cotbench.modes.mode import Facts, Mode, Turn, one_of, whole
from cotbench.modes.repeats import REPEATS, REPLICATE, WORDING
from cotbench.modes.steps import Flow, Retrieve
from cotbench.types import Question

if TYPE_CHECKING:
    from cotbench.modes.kit import Kit

EXAMPLE = 'As in --mode "direct,cot,cot@prompt=brief,think@budget=0|256|1024".'
_KEY = re.compile(r"[a-z]\w{0,39}")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,59}")
_ANSWERS = ("begun", "asked", "likeliest", "choice")
CARD = "card"
THINK = "think"  # the setting, of any mode
BASELINE = "direct"  # the mode that the others are compared with, where nobody says otherwise


@dataclass(frozen=True, slots=True)
class Setting:
    """What can be set of an arm. expected: in words. fits: whether a value is one. about: one line for lists."""

    expected: str
    fits: Callable[[Any], bool]
    about: str


_WORD = ("a word", lambda value: isinstance(value, str) and _NAME.fullmatch(value) is not None)
_EFFORT = ("a word", lambda value: isinstance(value, str) and value != "")

# Those that are no keys of sampling (`engines/sampling.py`), in the order in which a name holds them.
SETTINGS: Mapping[str, Setting] = {
    "prompt": Setting(*_WORD, "another template: cot@prompt=brief is asked with cot-brief.jinja"),
    "answer": Setting(*one_of(*_ANSWERS), "how the answer alone is had: its line begun for the model, asked for in "
                      "words, the likeliest option (cycled), or a choice between the letters"),
    CONTEXT: Setting(*one_of(*CONTEXTS), "which passages stand before the question: none, those that the answer rests "
                     "on, retrieved ones, or all that come with it"),
    K: Setting(*whole(1), f"how many passages are retrieved; {DEFAULT_K} by default"),
    CORPUS: Setting(*one_of(*CORPORA), "where they are retrieved: among the question's own, or in the whole task's"),
    THINK: Setting(*one_of("on", "off", "default"), "whether the model thinks; refused where it can't be had"),
    "effort": Setting(*_EFFORT, "how much it thinks, in a word that its chat template or server knows"),
    "budget": Setting(*whole(0), "how many tokens its thought may have; the answer has max_tokens of its own"),
    "min": Setting(*whole(1), "how many tokens its thought has at least"),
    "sampling": Setting(*one_of(CARD, "own"), "card: as the model's card says that it is drawn where it thinks"),
    "paths": Setting(*whole(1), "how many paths are drawn"),
    "max_tokens": Setting(*whole(1), "the budget of each path, in tokens"),
    "name": Setting(*_WORD, "a name of your own for the arm"),
    # No one types these: a run makes them (`repeats.py`).
    WORDING: Setting(*whole(1), "its instruction in other words, by --wordings"),
    REPLICATE: Setting(*whole(1), "asked once more, by --replicates"),
}  # fmt: skip
_KEYS_OF = {"effort": "reasoning_effort", "budget": "thinking_budget", "min": "thinking_min"}


def split(names: Iterable[str], option: str = "--mode") -> list[str]:
    """Write out arms with several values of a setting, each as an arm of its own: "a@b=1|2" -> "a@b=1", "a@b=2"."""
    arms: list[str] = []
    for name in names:
        head, *settings = name.split("@")
        choices: list[list[str]] = []
        for setting in settings:
            key, _, values = setting.partition("=")
            choices.append([f"{key}={value.strip()}" for value in values.split("|")])
        arms += ["@".join([head, *each]) for each in itertools.product(*choices)]
    if doubled := next((arm for arm in arms if arms.count(arm) > 1), None):
        raise UsageError(f"{option}: {doubled} is named twice.", "Name each once.")
    return arms


def _value(text: str) -> Any:
    words = {"true": True, "false": False}
    try:
        return words[text.lower()] if text.lower() in words else json.loads(text)
    except ValueError:
        return text


def parse(name: str, table: Mapping[str, Mode], aliases: Mapping[str, str], option: str = "--mode") -> Mode:
    """Make the arm that a name says. Raises UsageError, which says what was expected."""
    head, *parts = name.split("@")
    head = aliases.get(head.strip(), head.strip())
    if head not in table:
        remedy = suggest(head.lower(), table, "See `cotbench list modes`.")
        if "=" in head:  # one more setting, behind a comma
            remedy = f"Another setting of an arm stands behind another @, as in NAME@key=value@{head}."
        raise UsageError(f"{option}: there is no mode '{head}'. Known: {', '.join(table)}.", remedy)
    settings: dict[str, Any] = {}
    for part in parts:
        key, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or not text:
            raise UsageError(f"{option} {name}: expected @key=value, found '@{part}'.", EXAMPLE)
        if key in settings:
            raise UsageError(f"{option} {name}: '{key}' is set twice.", EXAMPLE)
        if key in REPEATS:
            found = f"{option} {name}: '{key}' is nothing that is typed: a run repeats all of its arms alike."
            raise UsageError(found, f"Use --{key}s, as in --{key}s 5.")
        settings[key] = _value(text) if key not in ("prompt", "name", "effort") else text
        _check(name, key, settings[key], option, table[head])
    own = settings.get("name", head)
    if own != head and (own in table or own in aliases):
        raise UsageError(f"{option} {name}: '{own}' is a mode, and this arm is of another.", "Name it otherwise.")
    return arm(table[head], settings, option)


def _check(name: str, key: str, value: Any, option: str, mode: Mode) -> None:
    """Refuse a value that a setting of ours can't have. Keys of sampling are the run's to check, which knows the
    engine."""
    setting = mode.settings.get(key) or SETTINGS.get(key)
    if setting is None and not _KEY.fullmatch(key):
        raise UsageError(f"{option} {name}: there is nothing called '{key}' to be set.", EXAMPLE)
    if setting is not None and not setting.fits(value):
        raise UsageError(f"{option} {name}: {key} is {value!r}; expected {setting.expected}.", EXAMPLE)


def checked(settings: Mapping[str, Any], name: str, mode: Mode) -> Mapping[str, Any]:
    """Return settings that come from a file as they are. Raises UsageError for one that an arm can't have."""
    for key, value in settings.items():
        _check(name, key, value, "--mode", mode)
    return settings


def arm(mode: Mode, settings: Mapping[str, Any], option: str = "--mode") -> Mode:
    """Make an arm of a mode by what is set. Raises UsageError where the mode has nothing of the kind."""
    if not settings:
        return mode
    given = {key: settings[key] for key in sorted(settings, key=lambda key: _place(key, mode))}
    own_name = given.pop("name", None)
    told = "@".join([mode.name, *(f"{key}={_shown(value)}" for key, value in given.items())])
    answering = [turn for turn in mode.turns if turn.answer]
    if "answer" in given and not answering:
        raise UsageError(
            f"{option} {told}: {mode.name} isn't asked for the answer alone.", "answer= is for direct and direct-votes."
        )
    if "paths" in given and not any(turn.draws for turn in mode.turns):
        raise UsageError(f"{option} {told}: {mode.name} draws no paths.", "Leave paths= out.")
    if given.get("answer") in ("likeliest", "choice") and mode.own.paths:
        found = f"{option} {told}: there is one likeliest option, and no vote."
        raise UsageError(found, "Use direct@answer=likeliest.")
    for key in (K, CORPUS):
        if key in given and given.get(CONTEXT) != RETRIEVED:
            remedy = f"As in {mode.name}@{CONTEXT}={RETRIEVED}@{key}={_shown(given[key])}."
            raise UsageError(f"{option} {told}: {key} is of passages that are retrieved.", remedy)
    as_it_comes = given in ({}, {"answer": "begun"})
    words = ", ".join(_shown(value) if key == "answer" else f"{key} {_shown(value)}" for key, value in given.items())
    label = mode.facts.label if as_it_comes else f"{mode.facts.label or mode.name} ({words})"
    values = {**mode.values, **_own(mode, given)}
    told_by_values = mode.tells(values) if mode.tells is not None else {}
    shaped = mode.turns if mode.shape is None else mode.shape(values)
    others = {key: value for key, value in given.items() if key not in mode.settings}
    facts = replace(
        mode.facts,
        **told_by_values,
        of=_of(shaped, others),
        label=own_name or label,
        colour=mode.facts.colour if given.keys() <= {"answer"} and given.get("answer", "") in _FIRST else "",
        mode=mode.name,
        settings=given,
        main=mode.facts.main and not given,
        against=_against(mode.facts, Context.of(given)),
    )
    rests = next((turn.of for turn in shaped if turn.of), "")  # then what is set is of the arm that it rests on
    turns = tuple(turn if turn.shared or turn.of != rests else _set(turn, others) for turn in shaped)
    made = replace(mode, name=own_name or told, turns=turns, facts=facts, base=mode.called)
    context = Context.of(given)
    if not context:
        return made
    asks = (*mode.asks, Retrieve) if context.shown == RETRIEVED else mode.asks
    return replace(made, run=_informed(mode.run), asks=tuple(dict.fromkeys(asks)))


def _of(turns: Sequence[Turn], settings: Mapping[str, Any]) -> str:
    """The name of the arm on whose replies an arm rests, with what is set for it; "" where it rests on none."""
    name = next((turn.of for turn in turns if turn.of), "")
    return "@".join([name, *(f"{key}={_shown(value)}" for key, value in settings.items())]) if name else ""


def _informed(run: Callable[[Question, Kit], Flow]) -> Callable[[Question, Kit], Flow]:
    """Make of a method one that begins with having the arm's passages brought."""

    def with_passages(question: Question, kit: Kit) -> Flow:
        return (yield from run(question, (yield from kit.informed(question))))

    return with_passages


def _against(facts: Facts, context: Context) -> str:
    """Return the arm that one is compared with beside the baseline: where passages are shown, the baseline with the
    same passages, so that what differs is the thought and not what could be read."""
    if not context or facts.at_once:
        return facts.against
    return "@".join([facts.against or BASELINE, *(f"{key}={_shown(v)}" for key, v in context.settings.items())])


def _own(mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in mode.settings}


def _place(key: str, mode: Mode) -> tuple[int, str]:
    """Where a setting stands in an arm's name: the mode's own first, in its order."""
    names = [*mode.settings, *SETTINGS]
    return (names.index(key) if key in names else len(names), key)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _set(turn: Turn, given: Mapping[str, Any]) -> Turn:
    """Set for a turn what concerns it."""
    changes: dict[str, Any] = {}
    tuned = {**turn.tuned}
    for key, value in given.items():
        if key == "prompt" and not turn.name:
            changes["template"] = f"{turn.template}-{value}"
        elif key == "answer" and turn.answer:
            changes["answer"] = value
        elif key == THINK:
            changes["thinking"] = {"on": True, "off": False, "default": None}[value]
        elif key == "paths" and turn.draws:
            changes["paths"] = value
        elif key not in ("prompt", "answer", "paths", CONTEXT, K, CORPUS):
            tuned[_KEYS_OF.get(key, key)] = value
    return replace(turn, **changes, tuned=tuned)


def cant_stop(model: str, labels: Sequence[str], effort: str | None, where: str = "") -> str:
    """Say that a model thinks under arms that aren't meant to. model: its name or folder; where: " behind ...", or
    nothing."""
    *some, last = labels
    names = f"{', '.join(some)} and {last}" if some else last
    how = f", effort {effort}" if effort else ""
    return f"{model.rstrip('/').rsplit('/', 1)[-1]}{where} can't stop thinking: its {names} answers think{how}"


# --- which arm a name means ---------------------------------------------------------------------------------------

_FIRST = {"": 0, "begun": 0, "asked": 1}  # of arms of one mode, which is meant where the mode alone is named


def base_of(name: str) -> str:
    """The mode that an arm's name says it is of."""
    return name.partition("@")[0]


def budget_of(name: str, facts: Facts) -> str:
    """What `--max-tokens` calls the budget of an arm: its mode, or that of the arm on whose replies it rests."""
    return base_of(facts.of) or facts.mode or name


def is_likeliest(name: str, facts: Callable[[str], Facts] | None = None) -> bool:
    """Whether an arm's answers are the likeliest options, rather than generated: they are compared with generated ones
    only where that arm is asked for by its name."""
    return "answer=likeliest" in name.split("@")[1:] or (
        facts is not None and facts(name).settings.get("answer") == "likeliest"
    )


def named(wanted: str, names: Iterable[str], facts: Callable[[str], Facts] | None = None) -> list[str]:
    """Those of the names that are meant by one: that name itself, else the arms of the mode that it is.

    Of the arms that only differ in how the answer alone is had, the one that is begun is meant, else the one that was
    asked for; never the likeliest option. What a name leaves out is as it comes: no passages, the usual number of
    retrieved ones. facts: of an arm, where its name doesn't say which mode it is of."""
    there = list(dict.fromkeys(names))
    if wanted in there:
        return [wanted]
    arms = [
        name
        for name in there
        if ((facts(name).mode if facts else "") or base_of(name)) == wanted and not is_likeliest(name, facts)
    ]
    meant = _meaning(wanted)[0]
    same = [(_FIRST[how], name) for name in there for meaning, how in [_meaning(name)] if meaning == meant]
    return [min(same, key=lambda one: one[0])[1]] if same else arms


def _meaning(name: str) -> tuple[tuple[str, Mapping[str, Any]], str]:
    """What an arm's name says, where what it leaves out stands as it comes, and apart from that how the answer alone is
    had."""
    head, *parts = name.split("@")
    settings = {key: _value(text) for key, _, text in (part.partition("=") for part in parts)}
    how = settings.get("answer", "")
    if how in _FIRST:
        settings.pop("answer", None)
    settings |= {K: Context.of(settings).k, CORPUS: Context.of(settings).corpus} if CONTEXT in settings else {}
    if settings.get(CONTEXT) != RETRIEVED:
        settings = {key: value for key, value in settings.items() if key not in (K, CORPUS)}
    if settings.get(CONTEXT) == NONE:
        del settings[CONTEXT]
    return (head, settings), how if how in _FIRST else ""


def the_one(wanted: str, names: Sequence[str], option: str, facts: Callable[[str], Facts] | None = None) -> str | None:
    """The arm that is meant, or None where none is. Raises UsageError where it may be any of several."""
    found = named(wanted, names, facts)
    if len(found) > 1:
        raise UsageError(f"{option}: '{wanted}' may be any of {', '.join(found)}.", "Name one of them.")
    return found[0] if found else None


def as_asked(name: str, table: Mapping[str, Mode]) -> str:
    """The arm that a mode was in runs of versions that knew no arms: the answer alone was asked for in words."""
    mode = table.get(name)
    return f"{name}@answer=asked" if mode is not None and any(turn.answer for turn in mode.turns) else name
