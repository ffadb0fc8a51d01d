"""Replies that earlier runs of the same model have: what was asked once isn't asked again (`--reuse`).

A reply serves where it is to the same question, request, replicate and ordinal, by the same model, and where it was
sampled with the seed that this run would use; a greedy one serves whatever the run's seed. One that failed serves
never. What is taken is copied into the run's own journal, so that its folder needs no other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotbench.engines import EngineInfo, find_engine
from cotbench.errors import RunError, UsageError
from cotbench.runs.earlier import NOTHING, Earlier, Source
from cotbench.runs.prepare import RunPlan, differences, lasting
from cotbench.store.lookup import find_run, list_runs
from cotbench.store.manifest import Manifest, read_manifest

AUTO, OFF = "auto", "off"
# Engines that load a model's files, whose fingerprint or commit tells the model; and the stub, which is no model.
_FROM_FILES = frozenset({"vllm", "transformers", "ctranslate2", "stub"})
_AT = "at "  # how the revision begins of a server's model of which no more is known than the address


@dataclass(frozen=True)
class Wanted:
    """Which runs may serve a plan. named: those that were named, which must fit; None where any in a folder may."""

    plan: RunPlan
    folders: Sequence[Path]
    named: bool
    _known: dict[Path, Manifest] = field(default_factory=dict)
    _spec: dict[str, Any] = field(default_factory=dict)  # of the plan, once the engine is known

    def of(self, info: EngineInfo) -> Earlier:
        """What serves the run's own engine. Raises UsageError where a run that was named can't."""
        spec = self.plan.spec(info)
        self._spec.update({name: spec[name] for name in ("modes", "shard") if name in spec})
        wanted = {name: spec[name] for name in ("model", "model_args")}
        by_key = find_engine(info.engine).needs_key
        if by_key:  # it answers by the key, and by the run's seed
            wanted |= {
                "seed": spec["seed"],
                "tasks": {name: {"data": row["data"]} for name, row in spec["tasks"].items()},
            }
        return self._earlier(info, wanted, by_key=by_key)

    def of_second(self, info: EngineInfo | None) -> Earlier:
        """What serves the second model, where there is one; of runs that had another one nothing."""
        if info is None:
            return NOTHING
        judge = {**info.identity(), **lasting(self.plan.options.judge_args)}
        return self._earlier(info, {"judge": judge}, by_key=find_engine(info.engine).needs_key, must=False)

    def _earlier(self, info: EngineInfo, wanted: Mapping[str, Any], *, by_key: bool, must: bool = True) -> Earlier:
        if not self.named and not knows_its_files(info):
            return NOTHING
        sources = []
        for folder in self.folders:
            manifest = self._manifest(folder)
            if manifest is None:
                continue
            unlike = _unlike(manifest.spec_row, wanted)
            if unlike and self.named and must:
                shown = "\n  ".join(unlike)
                raise UsageError(
                    f"--reuse {folder.name}: its replies don't serve this run, because they rest on something else:\n"
                    f"  {shown}",
                    "Leave that run out, or undo the change.",
                )
            if not unlike and (self.named or self._asks_alike(manifest)) and not self._sibling(manifest):
                sources.append(Source(folder, manifest))
        return Earlier(tuple(sources), by_key)

    def _asks_alike(self, manifest: Manifest) -> bool:
        """Whether a run has a prompt of this one's: else its journal, which may be large, isn't looked through."""
        return bool(self._prompts(self._spec["modes"]) & self._prompts(manifest.spec_row["modes"]))

    def _sibling(self, manifest: Manifest) -> bool:
        """Whether a run is another shard of this one's run, so that it has none of its questions."""
        own, other = self._spec.get("shard"), manifest.spec_row.get("shard")
        if own is None or other is None or own["number"] == other["number"]:
            return False
        return bool({**own, "number": 0} == {**other, "number": 0})

    @staticmethod
    def _prompts(modes: Mapping[str, Any]) -> set[tuple[str, str]]:
        return {
            (name.partition("/")[0], prompt)
            for name, entry in modes.items()
            for prompt in (entry.get("prompt", ""), *entry.get("then", ()))
        }

    def _manifest(self, folder: Path) -> Manifest | None:
        """The manifest of a run; None where it can't be read, unless the run was named."""
        if folder not in self._known:
            with suppress(*(() if self.named else (RunError,))):
                self._known[folder] = read_manifest(folder)
        return self._known.get(folder)


def knows_its_files(info: EngineInfo) -> bool:
    """Whether an engine's model is told by a fingerprint of its files, or a commit, so that it can't be another."""
    return info.engine in _FROM_FILES and bool(info.revision)


def wanted_by(
    plan: RunPlan, output_dir: Path, own: Path | None = None, *, fresh: bool = False, again: bool = False
) -> Wanted:
    """Which runs `--reuse` lets serve a plan, the latest first. own: the plan's own folder, which serves anyhow. fresh,
    again: the run is to be another one than those that there are, so that none serves it unless it is named.

    Raises RunError where there is no run of a name, UsageError where what is fixed before the first token could be
    known from the replies of another run."""
    text = plan.options.reuse
    named = text not in (AUTO, OFF)
    if named and plan.options.lock is not None:
        found = "--reuse: the replies are known, and --lock fixes what is fixed before the first token."
        raise UsageError(found, "Give one of them.")
    if text == OFF or again or (not named and (fresh or plan.options.lock is not None)):
        return Wanted(plan, (), named=False)
    try:
        folders = [find_run(name, output_dir) for name in text.split(",")] if named else list_runs(output_dir)
    except RunError as error:
        raise RunError(f"--reuse: {error.message}", f"{error.hint} Or ask anew: --reuse off.") from None
    own = own.resolve() if own is not None else None
    return Wanted(plan, [folder for folder in folders if folder.resolve() != own], named)


def _unlike(spec: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """In what a run's spec isn't what is wanted, as "place: its own -> what is wanted". Of a server's model that tells
    no revision none can be compared; of tasks those that both have."""
    mine: dict[str, Any] = {name: spec.get(name) for name in wanted}
    theirs = {**wanted}
    for name in ("model", "judge"):
        rows = [dict(side[name]) for side in (mine, theirs) if isinstance(side.get(name), dict)]
        if len(rows) == 2 and any(_untold(row) for row in rows):
            mine[name], theirs[name] = ({**row, "revision": None} for row in rows)
    if "tasks" in wanted:
        both = [name for name in wanted["tasks"] if name in (mine["tasks"] or {})]
        mine["tasks"] = {name: {"data": mine["tasks"][name].get("data")} for name in both}
        theirs["tasks"] = {name: wanted["tasks"][name] for name in both}
    return differences(mine, theirs)


def _untold(row: Mapping[str, Any]) -> bool:
    """Whether a model's revision says nothing of which model it is."""
    revision = row.get("revision")
    return row.get("engine") == "openai" and (not revision or str(revision).startswith(_AT))


def in_words(taken: Mapping[str, int], of: int, about: str = "") -> str:
    """How many of a number of requests were taken from which runs; at most three are named, those with the most."""
    count = sum(taken.values())
    runs = sorted(taken, key=lambda run: -taken[run])
    shown = ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")
    return f"{count:,} of {about}{of:,} requests taken from run{'s' * (len(runs) > 1)} {shown}"
