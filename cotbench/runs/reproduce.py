"""Running a run again as it was: is what it needs here, and do the results agree? (`cotbench reproduce`)

A recipe is a run's manifest: in its folder, by itself, or as a report.json holds it. Each thing that its results depend
on is looked up here, before a model is loaded, and is the same, different or missing; what a run's identity doesn't
depend on (versions, the device) is told and keeps nothing from running. Once the engine is open, the whole spec is
compared with the recorded one before anything is asked.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from cotbench import __version__
from cotbench.engines import ENGINES, EngineConfig, EngineInfo
from cotbench.engines.endpoint import JUDGE_KEY, KEY, MASK, own_key
from cotbench.engines.revisions import installed, revision_here
from cotbench.errors import CotbenchError, RunError, UsageError, suggest
from cotbench.modes import MODES, recorded_mode
from cotbench.modes.arms import as_asked
from cotbench.modes.prompts import Prompts
from cotbench.questions import others
from cotbench.questions.columns import OF_EXEMPLARS, Hints
from cotbench.questions.data import load_data, select
from cotbench.questions.suites import own_file
from cotbench.questions.tasks import find_task
from cotbench.runs.options import RunOptions, recorded_options
from cotbench.runs.prepare import RunPlan, differences, digest, header_value, judge_config, make_plan, unsharded
from cotbench.runs.provenance import circumstance, graphics, processor
from cotbench.store.files import open_file
from cotbench.store.lookup import find_run
from cotbench.store.manifest import MANIFEST, Manifest, ModelIdentity, manifest_from, read_manifest
from cotbench.store.questions import read_questions
from cotbench.store.records import RECORDS, Record, read_records
from cotbench.types import UNDECIDED, Outcome

State = Literal["same", "different", "missing", "not recorded"]
_LARGEST = 500_000_000  # bytes of a report.json
# What grading and prompts rest on, beside cotbench itself.
_PACKAGES = ("sympy", "math-verify", "latex2sympy2_extended", "jinja2", "transformers", "tokenizers", "torch")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a run rested on, and what it is here.

    what: its name. there: as the run has it; here: as it is on this machine, "" where it is the same or missing.
    essential: whether a run's identity depends on it, so that a difference makes it another run. remedy: what helps."""

    what: str
    state: State
    there: str
    here: str = ""
    essential: bool = True
    remedy: str = ""

    @property
    def stops(self) -> bool:
        """Whether a run isn't reproduced as it is."""
        return self.state == "missing" or (self.essential and self.state == "different")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is to be run again. path: where its manifest was read. folder: of the run itself, where that is here, with
    its answers. scores: of a report.json, how many of how many answers were right, by task and mode."""

    manifest: Manifest
    path: Path
    folder: Path | None = None
    scores: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)


# --- what is to be run again ------------------------------------------------------------------------------------------


def read_recipe(name: str, output_dir: Path, run: str | None = None) -> Recipe:
    """Find a recipe: a run by its folder or id, a manifest.json, or a report.json. run: which one of a report's.

    Raises RunError where there is none, UsageError where a report has several and none is named."""
    path = Path(name)
    if not path.is_file():
        folder = find_run(name, output_dir)
        return Recipe(manifest=read_manifest(folder), path=folder / MANIFEST, folder=folder)
    content = _json(path)
    reported = content.get("provenance") if isinstance(content, dict) else None
    if isinstance(reported, list):
        row = _row_of(path, [one for one in reported if isinstance(one, dict)], run)
        manifest = manifest_from(row.get("recipe"), path)
        return Recipe(manifest=manifest, path=path, scores=_scores(content, manifest))
    manifest = manifest_from(content, path)
    beside = path.parent if path.name == MANIFEST and (path.parent / RECORDS).is_file() else None
    return Recipe(manifest=manifest, path=path, folder=beside)


def _json(path: Path) -> Any:
    remedy = "Name a run, its manifest.json, or a report.json of `cotbench report`."
    try:
        with open_file(path) as file:
            return json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: can't be read: {error}.", remedy) from None


def _row_of(path: Path, rows: Sequence[Mapping[str, Any]], run: str | None) -> Mapping[str, Any]:
    names = [str(row.get("run")) for row in rows]
    if run is None and len(rows) == 1:
        return rows[0]
    if not rows:
        raise RunError(f"{path}: doesn't say how its runs were made.", "Name a run, or a report of a later version.")
    if run is None:
        raise UsageError(f"{path}: is about {len(rows)} runs.", f"Name one with --run: {', '.join(names)}.")
    if run not in names:
        raise UsageError(f"--run: {path} has no run '{run}'.", suggest(run, names, f"It has: {', '.join(names)}."))
    return rows[names.index(run)]


def _scores(report: Mapping[str, Any], manifest: Manifest) -> dict[tuple[str, str], tuple[int, int]]:
    """How many answers a report says were right, of how many, by task and mode as the run itself calls them."""
    called = {as_asked(mode, MODES) if not manifest.spec.arms else mode: mode for _, mode in manifest.spec.pairs}
    found = {}
    rows = report.get("modes")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("run") == manifest.run and row.get("tag") == "all":
            right, n = row.get("correct"), row.get("n")
            if isinstance(right, int) and isinstance(n, int):
                found[str(row.get("task")), called.get(str(row.get("mode")), str(row.get("mode")))] = (right, n)
    return found


def options_for(recipe: Recipe, typed: Mapping[str, Any]) -> tuple[RunOptions, list[Check]]:
    """Return a run's options as they are to be used here, and what of them can't be had.

    typed: what was given here in their place. Folders that were named there and aren't here are left out: what is in
    them is looked for by name, and has to be the same by its hash."""
    manifest = recipe.manifest
    recorded = recorded_options(recipe.path, {**manifest.options})
    given: dict[str, Any] = {**recorded, "trust_remote_code": False, "allow_unsandboxed_code": False}
    given["engine"] = recorded.get("engine") or manifest.spec.model.engine
    if manifest.spec.judge is not None:
        given["judge_engine"] = recorded.get("judge_engine") or manifest.spec.judge.engine
    for name in ("data_dir", "tasks_dir", "prompts_dir"):
        if (place := given.get(name)) and not Path(place).is_dir():
            given[name] = None
    arguments = {
        name: {**(recorded.get(name) or {}), **(typed.get(name) or {})}
        for name in ("model_args", "judge_args")
        if name in recorded or name in typed or name == "model_args"
    }
    given |= {**typed, **arguments}
    places = [Path(given["tasks_dir"])] if given.get("tasks_dir") else []
    places += [recipe.path.parent, Path.cwd()]
    given["tasks"] = [_found(task, places) for task in recorded.get("tasks", ())]
    for args in arguments.values():
        if isinstance(path := args.get("path"), str):
            args["path"] = _found(path, [recipe.path.parent, Path.cwd()])
    checks = []
    for name in ("chat_template", "tokenizer", "families"):
        value = given.get(name)
        if isinstance(value, str) and "/" in value and value.startswith(("/", "~")) and not Path(value).exists():
            option = f"--{name.replace('_', '-')}"
            checks.append(Check(what=option, state="missing", there=value, remedy=f"Give its place: {option} PATH."))
    hidden = [name for name, value in (given.get("headers") or {}).items() if value == MASK]
    checks += [
        Check(
            what=f"--header {name}", state="missing", there="on no record", remedy=f"Give --header '{name}=$VARIABLE'."
        )
        for name in hidden
    ]
    if MASK in (given.get("base_url") or ""):
        checks.append(Check(what="--base-url", state="missing", there=given["base_url"], remedy="Give the whole one."))
    elif not typed.get("base_url") and _would_be_told(given.get("base_url"), given.get("headers") or {}):
        remedy = "Your key would be sent there: give --base-url, if it is the server that you mean."
        checks.append(Check(what="--base-url", state="missing", there=given["base_url"], remedy=remedy))
    judge_url = given.get("judge_base_url")
    if MASK in (judge_url or ""):
        checks.append(
            Check(what="--judge-base-url", state="missing", there=str(judge_url), remedy="Give the whole one.")
        )
    elif not typed.get("judge_base_url") and _would_be_told(judge_url, {}, JUDGE_KEY):
        remedy = "Your key would be sent there: give --judge-base-url, if it is the server that you mean."
        checks.append(Check(what="--judge-base-url", state="missing", there=str(judge_url), remedy=remedy))
    if MASK in json.dumps(given.get("extra_body") or {}):
        remedy = "Name the run's folder instead of what was passed on of it."
        checks.append(Check(what="--extra-body", state="missing", there="holds what is on no record", remedy=remedy))
    for name in ("trust_remote_code", "allow_unsandboxed_code"):
        if recorded.get(name) and not typed.get(name):
            option = f"--{name.replace('_', '-')}"
            checks.append(
                Check(
                    what=option, state="different", there="given", here="not", remedy=f"Add {option}.", essential=False
                )
            )
    return RunOptions(**given), checks


def _would_be_told(url: str | None, headers: Mapping[str, str], variable: str = KEY) -> bool:
    """Whether a server that somebody else's recipe names, on another machine, would be sent a key of ours."""
    host = urlsplit(url).hostname if url else None
    if host is None or host == "localhost" or host.startswith("127.") or host in ("::1", "api.openai.com"):
        return False
    return bool(own_key(variable)) or any(value.startswith("$") for value in headers.values())


def _found(name: str, places: Iterable[Path]) -> str:
    """A file that isn't where it was, under the same name in one of some folders; else the name as it is."""
    if others.is_of_others(name):
        return others.looked_for(name, places)
    path = Path(name).expanduser()
    if "/" not in name or path.exists():
        return str(path) if "/" in name else name
    return next((str(place / path.name) for place in places if (place / path.name).is_file()), name)


# --- is it here? ------------------------------------------------------------------------------------------------------


def checks_of(recipe: Recipe, options: RunOptions, before: Sequence[Check] = ()) -> list[Check]:
    """Look up all that a run rested on, beside what `options_for` found. Loads no model; the Hub may be asked, and a
    server where its address and headers are given."""
    manifest = recipe.manifest
    found = [*_version(manifest), *_packages(manifest), *_engine(manifest), *_device(manifest)]
    if not any(check.state == "missing" and check.what.startswith(("--base-url", "--header")) for check in before):
        found.append(_model(manifest, options))
    if manifest.spec.judge is not None and not any(check.what == "--judge-base-url" for check in before):
        found.append(_judge(manifest.spec.judge, options))
    found += [_task(manifest, options, task) for task in manifest.spec.tasks]
    found += _prompts(manifest, options)
    if not any(check.stops for check in found):
        found += _settings(manifest, options)
    return found


def _compared(what: str, there: str | None, here: str, **more: Any) -> Check:
    if not there:
        return Check(what=what, state="not recorded", there="", here=here, **more)
    return Check(what=what, state="same" if there == here else "different", there=there, here=here, **more)


def _version(manifest: Manifest) -> Iterator[Check]:
    sessions = [one for one in manifest.sessions if one.get("command") != ["cotbench", "score"]]
    first = sessions[0] if sessions else {}
    there, here = (_release(one.get("cotbench"), one.get("git")) for one in (first, circumstance()))
    yield _compared("cotbench", there, here, essential=False)


def _release(version: object, git: object) -> str:
    commit = git.get("commit") if isinstance(git, dict) else None
    changed = " with changes" if isinstance(git, dict) and git.get("dirty") else ""
    return f"{version}{f', commit {str(commit)[:12]}{changed}' if commit else ''}" if version else ""


def _packages(manifest: Manifest) -> Iterator[Check]:
    there = next((one["packages"] for one in manifest.sessions if isinstance(one.get("packages"), dict)), None)
    if there is None:
        return
    unlike = []
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            here = importlib.metadata.version(name)
            if name in there and there[name] != here:
                unlike.append((f"{name} {there[name]}", f"{name} {here}"))
    theirs, ours = (", ".join(pair[side] for pair in unlike) for side in (0, 1))
    yield Check(
        what="packages",
        state="different" if unlike else "same",
        there=theirs or "those that prompts and grading rest on",
        here=ours,
        essential=False,
    )


def _engine(manifest: Manifest) -> Iterator[Check]:
    name = manifest.spec.model.engine
    version = manifest.engine.get("version")
    row = ENGINES.get(name)
    if row is None:
        yield Check(what="engine", state="missing", there=name, remedy=f"This version has {', '.join(ENGINES)}.")
    elif lacking := row.missing():
        package = f'"cotbench[{row.extra}]"' if row.extra else lacking[0]
        yield Check(
            what="engine", state="missing", there=f"{name} {version or ''}".strip(), remedy=f"pip install {package}"
        )
    elif not row.needs:
        yield Check(what="engine", state="same", there=name)
    else:
        there = f"{name} {version}" if version else None
        yield _compared("engine", there, f"{name} {installed(row)}", essential=False)


def _device(manifest: Manifest) -> Iterator[Check]:
    engine, device = manifest.spec.model.engine, manifest.engine.get("device")
    if engine in ("stub", "replay", "openai"):
        return
    cpu = next((text for one in manifest.sessions if isinstance(text := one.get("cpu"), str) and text), None)
    gpus = graphics()
    if not device:
        yield Check(what="device", state="not recorded", there="", here=", ".join(gpus) or processor(), essential=False)
    elif device == "cpu":
        there = f"cpu ({cpu})" if cpu else None
        yield _compared("device", there, f"cpu ({processor()})", essential=False)
    else:
        # How many a run sees is a matter of its environment: of which kind they are, is what is compared.
        here = str(device) if set(str(device).split(", ")) == set(gpus) else ", ".join(gpus) or f"cpu ({processor()})"
        yield _compared("device", str(device), here, essential=False)


def _model(manifest: Manifest, options: RunOptions) -> Check:
    def config() -> EngineConfig:
        headers = {key: header_value(key, value) for key, value in options.headers.items()}
        return EngineConfig.of(options, headers=headers)

    remedy = "Name another place with --model."
    model = manifest.spec.model  # its engine is the one that generates, whoever carries it
    return _looked_up("model", model.revision, model.engine, options.model, config, remedy)


def _judge(recorded: ModelIdentity, options: RunOptions) -> Check:
    name, engine = options.judge_model or recorded.model, options.judge_engine_name

    def config() -> EngineConfig:
        return judge_config(options, EngineConfig.of(options))

    return _looked_up("judge", recorded.revision, engine, name, config, "Name another place with --judge-model.")


def _looked_up(
    what: str, there: str | None, engine: str, name: str, config: Callable[[], EngineConfig], remedy: str
) -> Check:
    try:
        here = revision_here(engine, config())
    except CotbenchError as error:
        said = f"{name}: {error.message}" if name not in error.message else error.message
        return Check(what=what, state="missing", there=said, remedy=error.hint or remedy)
    if engine == "openai" and not there and not here:
        return Check(what=what, state="same", there=f"{name}, of which the server tells no revision")
    if not there:
        return Check(what=what, state="not recorded", there="", here=f"{name} ({here})")
    return Check(what=what, state="same" if there == here else "different", there=f"{name} ({there})", here=f"({here})")


def _task(manifest: Manifest, options: RunOptions, task: str) -> Check:
    what, entry, row = f"task {task}", manifest.spec.tasks[task], manifest.spec_row["tasks"][task]
    tasks_dir, data_dir = (Path(place) if place else None for place in (options.tasks_dir, options.data_dir))
    called = {others.name_of(name) if others.is_of_others(name) else Path(name).stem: name for name in options.tasks}
    named = task if task in options.tasks else called.get(task, task)
    named = own_file(manifest.suites, task, tasks_dir) or named
    asked = manifest.data.get(task, {})
    there = f"{row.get('questions', asked.get('questions', '?'))} questions, data {entry.data}"
    try:
        file = find_task(
            named, tasks_dir, data_dir, Hints(columns=options.columns, kind=options.kind).without(*OF_EXEMPLARS)
        )
    except CotbenchError as error:
        if others.is_of_others(named):
            return Check(what=what, state="missing", there=error.message, remedy=error.hint)
        own = asked.get("own_file") or Path(named).name
        remedy = "Give the folder of its files with --tasks-dir."
        return Check(what=what, state="missing", there=f"the task file {own}", remedy=remedy)
    try:
        data = load_data(file, data_dir)
    except CotbenchError as error:
        return Check(what=what, state="missing", there=error.message, remedy=error.hint)
    # Of a shard the questions of its run are compared: which of them are its own follows from these.
    ids = manifest.spec.shard.whole[task].ids if manifest.spec.shard is not None else row.get("ids")
    asked_for = unsharded(manifest.spec_row)["tasks"][task].get("questions", options.limit)
    chosen = select(data.questions, asked_for, options.seed)
    unlike = []
    if entry.file is not None and entry.file != file.hash:
        unlike.append(f"the task file is another ({entry.file} there, {file.hash} here)")
    if entry.data != data.fingerprint:
        unlike.append(f"the data are others ({entry.data} there, {data.fingerprint} here)")
    elif ids not in (None, digest([question.id for question in chosen])):
        unlike.append("other questions are chosen, or in another order")
    if unlike:
        return Check(what=what, state="different", there=there, here=" and ".join(unlike))
    return Check(what=what, state="same", there=there)


def _prompts(manifest: Manifest, options: RunOptions) -> Iterator[Check]:
    """Compare the templates of each arm, over all tasks."""
    try:
        prompts = Prompts(Path(options.prompts_dir) if options.prompts_dir else None)
    except CotbenchError as error:
        yield Check(what="prompts", state="missing", there=error.message, remedy=error.hint)
        return
    for arm in dict.fromkeys(mode for _, mode in manifest.spec.pairs):
        yield _prompt(manifest, prompts, arm, own_folder=bool(options.prompts_dir))


def _prompt(manifest: Manifest, prompts: Prompts, arm: str, *, own_folder: bool) -> Check:
    what, there, here = f"prompt {arm}", [], []
    own: dict[str, None] = {}
    try:
        mode = recorded_mode(arm, manifest.modes.get(arm))
        for task in (task for task, name in manifest.spec.pairs if name == arm):
            row = manifest.spec_row["modes"][f"{task}/{arm}"]
            recorded, later = row.get("prompt"), row.get("then")
            if recorded is None:
                return Check(what=what, state="not recorded", there="")
            own |= dict.fromkeys(map(str, manifest.shown.get(f"{task}/{arm}", {}).get("own") or ()))
            first, *others = [prompts.hash(turn.template, task) for turn in mode.turns]
            there.append([recorded, *(later if isinstance(later, list) else [])])
            here.append([first, *(others if isinstance(later, list) else [])])
    except CotbenchError as error:
        return Check(what=what, state="missing", there=error.message, remedy=error.hint)
    texts = ["; ".join(dict.fromkeys(", ".join(map(str, hashes)) for hashes in side)) for side in (there, here)]
    if there == here:
        return Check(what=what, state="same", there=texts[0])
    if not own_folder and (own or ("own" not in _shown(manifest, arm) and manifest.options.get("prompts_dir"))):
        files = f"own template{'s' * (len(own) > 1)} {', '.join(own)}" if own else "maybe a template of your own"
        return Check(
            what=what, state="missing", there=f"{files} ({texts[0]})", remedy="Give its folder: --prompts-dir."
        )
    return Check(what=what, state="different", there=texts[0], here=texts[1])


def _shown(manifest: Manifest, arm: str) -> Mapping[str, Any]:
    return next((row for name, row in manifest.shown.items() if name.partition("/")[2] == arm), {})


def _info(manifest: Manifest) -> EngineInfo:
    """What the run's engine said of itself, as far as this version understands it."""
    return _told(manifest.spec.model, manifest.engine)


def _told(identity: ModelIdentity, said: Mapping[str, Any]) -> EngineInfo:
    try:
        return msgspec.convert({"engine": identity.engine, "model": identity.model, **said}, EngineInfo)
    except msgspec.ValidationError:
        return EngineInfo(engine=identity.engine, model=identity.model)


_LOOKED_UP = ("model.", "tasks.")  # places in a spec that checks of their own are about


def _settings(manifest: Manifest, options: RunOptions) -> Iterator[Check]:
    """Plan the run with the engine as it was there, and compare all else that its results depend on."""
    info = _info(manifest)
    try:
        second = None if manifest.spec.judge is None else _told(manifest.spec.judge, manifest.judge)
        plan = make_plan(options, like=manifest).with_engine(info, manifest.spec, second)
        here = json.loads(json.dumps(plan.spec(info, second)))
    except CotbenchError as error:
        yield Check(what="options", state="missing", there=error.message, remedy=error.hint)
        return
    unlike = [
        line
        for line in differences(manifest.spec_row, here)
        if not line.startswith(_LOOKED_UP) and line.partition(":")[0].rpartition(".")[2] not in ("prompt", "then")
    ]
    for line in unlike:
        place, _, change = line.partition(": ")
        there, _, now = change.partition(" -> ")
        yield Check(what=place.removeprefix("modes."), state="different", there=there, here=now)
    if not unlike:
        yield Check(what="settings", state="same", there="budgets, sampling, thinking, exemplars, seed")


def agreeing(recipe: Recipe, *, anyway: bool, say: Callable[[str], None]) -> Callable[[dict[str, Any]], None]:
    """What `execute` gives the spec to once the engine is open: it raises RunError where that isn't the recorded one,
    or says so where it is to be run anyway."""

    def agree(spec: dict[str, Any]) -> None:
        here = json.loads(json.dumps(spec))
        unlike = differences(recipe.manifest.spec_row, here)
        revisions = [row["model"].get("revision") for row in (recipe.manifest.spec_row, here)]
        if revisions[0] and revisions[0] == revisions[1]:  # the same model, which lies elsewhere
            unlike = [line for line in unlike if not line.startswith("model.model:")]
        if not unlike:
            return
        lines = "\n  ".join(unlike)
        found = f"now that the model is open, what the results depend on is not as it was:\n  {lines}"
        if not anyway:
            raise RunError(f"{recipe.manifest.run}: {found}", "Undo the change, or run it all the same with --anyway.")
        say(f"Note: {found}")

    return agree


# --- do the results agree? --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How one arm of a run that was run again agrees with the original, on one task.

    right and n: of the answers with a verdict, there and here; None where it isn't known there. both: questions that
    have a record in both; same_verdict, same_answer: of these, how many ended alike, and with the same answer."""

    task: str
    mode: str
    right_there: int | None
    n_there: int | None
    right_here: int
    n_here: int
    both: int | None = None
    same_verdict: int | None = None
    same_answer: int | None = None


def agreement(recipe: Recipe, folder: Path) -> list[Agreement]:
    """Compare a run that is there now with the original: its answers where the folder is at hand, else its scores."""
    original = _by_arm(_records(recipe.folder)) if recipe.folder is not None else None
    rows = []
    for (task, mode), here in _by_arm(_records(folder)).items():
        right, n = _score(here.values())
        if original is None:
            there = recipe.scores.get((task, mode), (None, None))
            rows.append(
                Agreement(task=task, mode=mode, right_there=there[0], n_there=there[1], right_here=right, n_here=n)
            )
            continue
        old = original.get((task, mode), {})
        pairs = [(old[question], record) for question, record in here.items() if question in old]
        theirs = _score(old.values())
        rows.append(
            Agreement(
                task=task,
                mode=mode,
                right_there=theirs[0],
                n_there=theirs[1],
                right_here=right,
                n_here=n,
                both=len(pairs),
                same_verdict=sum(one.outcome == other.outcome for one, other in pairs),
                same_answer=sum((one.outcome, one.answer) == (other.outcome, other.answer) for one, other in pairs),
            )
        )
    return rows


def _records(folder: Path) -> list[Record]:
    manifest = read_manifest(folder)
    return read_records(folder, manifest, *read_questions(folder, manifest))


def _by_arm(records: Iterable[Record]) -> dict[tuple[str, str], dict[str, Record]]:
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for record in records:
        found.setdefault((record.task, record.mode), {})[record.question] = record
    return found


def _score(records: Iterable[Record]) -> tuple[int, int]:
    decided = [record for record in records if record.outcome not in UNDECIDED]
    return sum(record.outcome == Outcome.CORRECT for record in decided), len(decided)


def plan_for(recipe: Recipe, options: RunOptions) -> RunPlan:
    """The plan of a run that is run again. Raises what `make_plan` does."""
    return make_plan(options, engine_needed=True, like=recipe.manifest)


def document(
    recipe: Recipe, checks: Sequence[Check], folder: Path | None = None, results: Sequence[Agreement] = ()
) -> dict[str, Any]:
    """What `--json` prints: checks, the new run's folder (null where none was made), and how it agrees."""
    return {
        "run": recipe.manifest.run,
        "cotbench": __version__,
        "ready": not any(check.stops for check in checks),
        "checks": [asdict(check) for check in checks],
        "folder": str(folder) if folder is not None else None,
        "results": [asdict(row) for row in results],
    }
