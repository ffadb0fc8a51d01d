"""How many of a run's requests earlier runs have answered, told before a model is loaded (`--dry-run`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cotbench.engines import EngineInfo
from cotbench.engines.revisions import revision_here
from cotbench.errors import CotbenchError, UsageError
from cotbench.modes import Consult, Continue, Generate, TaskKit
from cotbench.runs.earlier import NOTHING, Earlier
from cotbench.runs.prepare import RunPlan, engine_config
from cotbench.runs.reuse import AUTO, Wanted, in_words, knows_its_files, wanted_by
from cotbench.store.manifest import read_manifest
from cotbench.types import Key, Question, Request, request_seed


@dataclass(frozen=True)
class Foreseen:
    """Requests that wouldn't be asked again, by the run that asked for them. by_name: runs of a server's model whose
    replies are only taken where they are named."""

    taken: Counter[str]
    by_name: tuple[str, ...] = ()

    def in_words(self, of: int) -> list[str]:
        """The same in sentences without their full stops. of: how many requests the run has."""
        said = []
        if self.taken:
            said.append(f"at least {in_words(self.taken, of, about='about ')}; --reuse off asks anew")
        if self.by_name:
            runs = ",".join(self.by_name)
            said.append(
                f"a model of this name was asked in {runs}; --reuse {runs} takes its replies to the same requests"
            )
        return said


def foreseen(plan: RunPlan, output_dir: Path) -> Foreseen:
    """What a run would take from earlier ones, at the least: flows are followed as far as their replies are on record,
    and no program is run for it. Raises RunError or UsageError where a run that is named can't serve."""
    runs = wanted_by(plan, output_dir)
    for folder in runs.folders:
        info, second = _infos(plan, folder)
        if info is None:
            if runs.named:
                model = f"{plan.options.model} ({plan.options.engine_name})"
                raise UsageError(f"--reuse {folder.name}: its replies aren't by {model}.", "Leave that run out.")
            continue
        if not runs.named and not knows_its_files(info):
            if _serves(Wanted(plan, [folder], named=True), info):
                return Foreseen(Counter(), (folder.name,))
            continue
        try:
            known = plan.with_engine(info, None, second)
        except UsageError:  # the engine is another one by now
            continue
        wanted = Wanted(known, runs.folders, runs.named)
        earlier, of_second = wanted.of(info), wanted.of_second(second)
        if earlier.sources and _is_here(plan, info, asks=plan.options.reuse == AUTO):
            return Foreseen(_counted(known, earlier, of_second))
    return Foreseen(Counter())


def _infos(plan: RunPlan, folder: Path) -> tuple[EngineInfo | None, EngineInfo | None]:
    """What the engines said of themselves in an earlier run of this model; None where it isn't one."""
    with suppress(CotbenchError, msgspec.ValidationError):
        manifest = read_manifest(folder)
        model = manifest.spec.model
        if (model.engine, model.model) == (plan.options.generating, plan.options.model):
            second = msgspec.convert(manifest.judge, EngineInfo) if manifest.judge else None
            return msgspec.convert(manifest.engine, EngineInfo), second
    return None, None


def _serves(wanted: Wanted, info: EngineInfo) -> bool:
    with suppress(CotbenchError):
        return bool(wanted.of(info).sources)
    return False


def _is_here(plan: RunPlan, info: EngineInfo, *, asks: bool) -> bool:
    """Whether the model that is here is the one of an earlier run. asks: whether that is to be looked at; a server is
    not asked for it."""
    if not asks:
        return True
    with suppress(CotbenchError, OSError):
        return revision_here(info.engine, engine_config(plan)) == info.revision
    return False


def _counted(plan: RunPlan, earlier: Earlier, of_second: Earlier) -> Counter[str]:
    taken: Counter[str] = Counter()
    for task, questions in plan.questions.items():
        kits = [kit for (name, _), kit in plan.kits.items() if name == task]
        for question in questions:
            found: dict[Key, str] = {}  # arms may share a request
            for kit in kits:
                _follow(plan, kit, question, earlier, of_second, found)
            taken.update(found.values())
    return taken


def _follow(
    plan: RunPlan, kit: TaskKit, question: Question, earlier: Earlier, of_second: Earlier, found: dict[Key, str]
) -> None:
    """Go through a flow as far as its replies are on record."""
    flow, asked = kit.mode.run(question, kit), Counter[str]()
    results: Sequence[Any] | None = None
    while True:
        try:
            step = next(flow) if results is None else flow.send(results)
        except StopIteration:
            return
        if not isinstance(step, Generate | Continue | Consult):
            flow.close()
            return
        source = of_second if isinstance(step, Consult) and of_second is not NOTHING else earlier
        results = []
        for request in step.items:
            key = _key(kit, question, request, asked)
            seed = None if request.sampling.greedy else request_seed(plan.options.seed, key)
            reply = source.find(key, request, seed)
            if reply is not None:
                found[key] = reply.run
                results.append(reply.reply.completions)
        if len(results) < len(step.items):
            flow.close()
            return


def _key(kit: TaskKit, question: Question, request: Request, asked: Counter[str]) -> Key:
    digest = request.hash
    asked[digest] += 1
    return Key(question=question.id, request=digest, replicate=kit.replicate, ordinal=asked[digest] - 1)
