"""Which votes an arm with further calls stands beside, by their facts."""

from __future__ import annotations

from collections.abc import Mapping

from cotbench.modes import MODES, Facts, TaskKit
from cotbench.modes.context import Context
from cotbench.modes.repeats import is_repeat


def may_vote(vote: Facts, facts: Facts) -> bool:
    """Whether an arm, where it draws several paths, votes over them and shows the same passages as another arm. Not
    where it asks for each path by itself: then its prompt is sent as often, or its paths differ in number."""
    alike = Context.of(vote.settings).settings == Context.of(facts.settings).settings
    return not vote.picks and not vote.stops and not vote.beside_vote and alike


def _draws(kit: TaskKit) -> bool:
    """Whether an arm draws several paths at random."""
    return any(drawn.n > 1 and drawn.temperature > 0 for drawn in kit.sampling.values())


def over_main(vote: Facts) -> bool:
    """Whether a vote is one over chains of thought."""
    over = MODES.get(vote.votes_over)
    return over is not None and over.facts.main


def remedy(facts: Facts) -> str:
    """Return the arm that votes over chains of thought and shows the same passages."""
    vote = next((mode.name for mode in MODES.values() if over_main(mode.facts)), "")
    return "@".join([vote, *(f"{key}={value}" for key, value in Context.of(facts.settings).settings.items())])


def alone(mode: str, facts: Facts) -> str:
    """Say that an arm has no vote beside it, and what gives it one."""
    return (
        f"{mode} spends further calls, and without a vote at equal tokens it is never said to help: --mode "
        f"{remedy(facts)} gives one, in this run or in another that is reported with it"
    )


def _is_vote_for(vote: Facts, facts: Facts) -> bool:
    """Whether an arm would be the vote beside another one, if it drew several paths at random."""
    return over_main(vote) and may_vote(vote, facts)


def _not_drawn(mode: str, vote: str) -> str:
    return (
        f"{mode} spends further calls, and without a vote at equal tokens it is never said to help: {vote} is none "
        "here, since it takes several paths (--paths) at a temperature above 0"
    )


def unvoted(kits: Mapping[tuple[str, str], TaskKit]) -> list[str]:
    """Say which arms of a run have no vote beside them, before anything is asked. kits: by task and arm."""
    votes = [(task, kit.mode.facts) for (task, _), kit in kits.items() if _draws(kit)]
    found: dict[str, list[str]] = {}
    for (task, name), kit in kits.items():
        facts = kit.mode.facts
        if is_repeat(name):
            continue
        if facts.beside_vote and not any(of == task and may_vote(vote, facts) for of, vote in votes):
            here = (other for (of, other), one in kits.items() if of == task and _is_vote_for(one.mode.facts, facts))
            idle = next(here, "")
            found.setdefault(_not_drawn(name, idle) if idle else alone(name, facts), []).append(task)
    whole = {task for task, _ in kits}
    return [text if len(tasks) == len(whole) else f"{', '.join(tasks)}: {text}" for text, tasks in found.items()]
