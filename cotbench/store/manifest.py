"""manifest.json: how a run was made. `spec` is all that its results depend on, the rest is circumstance."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cotbench.errors import RunError
from cotbench.store.files import open_to_read, write_atomically
from cotbench.store.lines import SCHEMA, Name, Whole, fault_of

MANIFEST = "manifest.json"

Status = Literal["running", "finished", "interrupted", "failed"]


class ModelIdentity(Struct, frozen=True, kw_only=True):
    """What tells one model from another. revision: a commit, a fingerprint of files, or what a server tells. tokenizer:
    which one makes the tokens that a server is sent; family: the user's row by which the model is told to think; ""
    where there is none."""

    engine: Annotated[Name, Meta(description="an engine's name")]
    model: Annotated[Name, Meta(description="a model's name")]
    revision: str | None
    dtype: str | None = None
    chat_template: str | None
    chat_template_hash: str | None
    tokenizer: str = ""
    family: str = ""


class TaskEntry(Struct, frozen=True, kw_only=True):
    """What was asked of a task: fingerprints of its data and of the task's file."""

    data: Annotated[str, Meta(description="the data's fingerprint")]
    file: str | None = None


class ModeEntry(Struct, frozen=True, kw_only=True):
    """How one mode asked one task: sampling by its keys, the switch for thinking, the hash of what prompts share, the
    words with which replies were gone on with that stated no answer, and the values of the mode's own settings."""

    sampling: dict[str, Any] = {}
    thinking: bool | None = None
    shared: Any = None
    continued: str = ""
    plan: dict[str, Any] = {}
    settings: dict[str, Any] = {}

    def told(self, turn: str) -> bool | None:
        """What a turn's requests said of thinking; "" is the mode's own turn, and `plan` the one that modes share."""
        thinking: bool | None = self.plan.get("thinking") if turn else self.thinking
        return thinking


class WholeTask(Struct, frozen=True, kw_only=True):
    """What a run that isn't split asks of a task: how many questions, and the hash of their ids in their order."""

    questions: Whole
    ids: str


class ShardEntry(Struct, frozen=True, kw_only=True):
    """Which part of a run's questions was asked: number, counted from 1, of how many. whole: what all of them together
    ask, by task."""

    number: Annotated[int, Meta(ge=1, description="a number from 1 up")]
    of: Annotated[int, Meta(ge=1, description="a number from 1 up")]
    whole: Annotated[dict[str, WholeTask], Meta(description="a mapping for each task")]

    def __post_init__(self) -> None:
        if self.number > self.of:
            raise ValueError(f"spec.shard.number is {self.number}, expected one of {self.of}")


class RunSpec(Struct, frozen=True, kw_only=True):
    """What a run's results depend on, as far as anybody reads it. modes: by "task/mode". programs: limits by name.
    arms: the version of what is said of arms; 0 where the run knew none. stations: identities, by name. seed: of
    chance. judge: the second model, where one was asked. shard: which part of a run this is, where it is one. drawn:
    the version of the order in which questions are drawn, of a run that may stop at any of them; 0 of others."""

    model: ModelIdentity
    model_args: dict[str, Any] | None = None
    tasks: Annotated[dict[str, TaskEntry], Meta(min_length=1, description="a mapping for each task")]
    modes: Annotated[dict[str, ModeEntry], Meta(min_length=1, description="a mapping for each task and mode")]
    num_fewshot: Whole | None
    arms: Whole = 0
    exemplars: Any = "the task's"
    programs: dict[str, Annotated[bool | int | float, Meta(description="a number, true or false")]] = {}
    stations: dict[str, str] = {}
    seed: int = 0
    judge: ModelIdentity | None = None
    shard: ShardEntry | None = None
    drawn: Whole = 0

    def __post_init__(self) -> None:
        if self.shard is not None and self.shard.whole.keys() != self.tasks.keys():
            raise ValueError("spec.shard.whole has other tasks than the run")
        for name in self.modes:
            task, _, mode = name.partition("/")
            if task not in self.tasks or not mode:
                raise ValueError(f"spec.modes has {name!r:.60}, expected a task of this run and a mode, as 'gsm8k/cot'")

    def mode(self, task: str, mode: str) -> ModeEntry:
        """How a mode asked a task."""
        return self.modes[f"{task}/{mode}"]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The run's tasks and modes, as (task, mode)."""
        return [(task, mode) for task, _, mode in (name.partition("/") for name in self.modes)]

    @property
    def contained(self) -> bool:
        """Whether programs that a model wrote were contained."""
        return bool(self.programs.get("contained", True))


class StoppedTask(Struct, frozen=True, kw_only=True):
    """Where a drawn run stopped in a task: after how many clusters and questions, each of how many. decided: whether
    what the run was to know is known of it."""

    clusters: Whole
    of_clusters: Whole
    questions: Whole
    of: Whole
    decided: bool = False


class Stopped(Struct, frozen=True, kw_only=True):
    """That a drawn run stopped before all was asked. goal: what it was to know (`sign`, or a half-width in points), ""
    where it had limits only. why: `goal` where that is known, else the option whose limit was reached."""

    goal: str
    why: str
    at: str
    tasks: Annotated[dict[str, StoppedTask], Meta(description="a mapping for each task")]

    @property
    def limit(self) -> str:
        """The option whose limit was reached, without its value; "" where none was."""
        return self.why.split()[0] if self.why.startswith("--") else ""


class Lock(Struct, frozen=True, kw_only=True):
    """What was fixed before the first token: one contrast, a margin (a share) and the tag rule. hash: over all of it,
    the run's name and its spec (`Manifest.seal`)."""

    figure: Annotated[Literal["delta", "did"], Meta(description="delta or did")]
    task: Annotated[Name, Meta(description="a task's name")]
    mode: Annotated[Name, Meta(description="an arm's name")]
    tag: Annotated[Name, Meta(description="a tag")]
    baseline: Annotated[Name, Meta(description="an arm's name")]
    margin: Annotated[float, Meta(gt=0, lt=1, description="a number between 0 and 1")]
    tag_rule: Annotated[Name, Meta(description="a tag rule's name")]
    tag_rule_version: Whole
    at: str = ""
    hash: str = ""


class Lacking(Struct, frozen=True, kw_only=True):
    """A data set that belongs to a suite and isn't among its tasks, and why. terms: where they are accepted, where it
    is given to those only who have done so."""

    name: Annotated[Name, Meta(description="a data set's name")]
    category: Annotated[Name, Meta(description="a category's name")]
    why: str
    terms: str = ""


class SuiteEntry(Struct, frozen=True, kw_only=True):
    """A suite that a run was of, as it was then. hash: of its file. categories: the names of its tasks, in order.
    symbolic: the categories that are called math and symbolic. limit: questions of each category, null for all; limits:
    how many of a task were chosen for that, where not all. missing: what belongs to it and isn't among its tasks.
    files: of tasks that are a user's own, where their files lay. own: whether the suite is a user's own."""

    name: Annotated[Name, Meta(description="a suite's name")]
    hash: str
    categories: Annotated[dict[str, list[str]], Meta(min_length=1, description="a list of tasks for each category")]
    symbolic: Annotated[list[str], Meta(description="a list of categories")] = []
    limit: Whole | None = None
    limits: Annotated[dict[str, Whole], Meta(description="a number for each task")] = {}
    missing: Annotated[list[Lacking], Meta(description="a list of data sets")] = []
    files: Annotated[dict[str, str], Meta(description="a path for each task")] = {}
    own: bool = False

    @property
    def tasks(self) -> list[str]:
        """The names of all its tasks, in order."""
        return [task for tasks in self.categories.values() for task in tasks]

    def category_of(self, task: str) -> str | None:
        """Which category a task is in."""
        return next((name for name, tasks in self.categories.items() if task in tasks), None)


class ImportedFile(Struct, frozen=True, kw_only=True):
    """A file that an arm was imported from: its name without the folders it lay in, and a fingerprint of its bytes."""

    name: Annotated[Name, Meta(description="a file's name")]
    fingerprint: str


class Printed(Struct, frozen=True, kw_only=True):
    """A figure about all samples of a log, as the tool printed it. reading: of which of its readings."""

    name: Annotated[Name, Meta(description="a metric's name")]
    value: float
    reading: str = ""
    stderr: float | None = None


class OnlyHere(Struct, frozen=True, kw_only=True):
    """Questions that one arm's log has and another's lacks: how many, and the first of their ids (or places in the log,
    where they have no id)."""

    count: Whole
    first: list[str] = []


class ImportedArm(Struct, frozen=True, kw_only=True):
    """What one arm of one task was imported from.

    format: its row in `logs.formats.FORMATS`; version: of the tool. reading: which of the tool's readings is its
    verdict where none is named (a key of `readings` in theirs.jsonl), "" where it has none. figures: what it printed.
    inferred: what the log doesn't say and was inferred, by name, with how. not_recorded: what the log doesn't hold of
    any sample: `prompt`, `tokens`, `prompt_tokens`, `completion_tokens`, `finish_reason`, `thought`, `sampling`,
    `max_tokens`, `temperature`, `shots`, or what else a format lacks. only_here: questions that not every arm of the
    task has; lacks: questions of others that it has no output of. notes: what a reader of the report must know.
    called: the task as the tool calls it. date: of the log. told: what it says of the arm beyond sampling. shots:
    exemplars in each prompt. readings: all that the tool has. samples: questions with an output or an error; repeats:
    outputs beyond the first of a question; left_out: how many of these don't count, since the arm has one path.
    likelihoods: nothing was written, options were scored by their likelihood."""

    format: Annotated[Name, Meta(description="a format's name")]
    version: str = ""
    files: Annotated[list[ImportedFile], Meta(description="a list of files")] = []
    reading: str = ""
    figures: Annotated[list[Printed], Meta(description="a list of figures")] = []
    inferred: Annotated[dict[str, str], Meta(description="a text for each name")] = {}
    not_recorded: Annotated[list[Name], Meta(description="a list of names")] = []
    only_here: OnlyHere | None = None
    lacks: OnlyHere | None = None
    notes: list[str] = []
    called: list[str] = []
    date: str = ""
    told: dict[str, Any] = {}
    shots: Whole | None = None
    readings: list[str] = []
    samples: Whole = 0
    repeats: Whole = 0
    left_out: Whole = 0
    likelihoods: bool = False


class Prelude(Struct, frozen=True, kw_only=True):
    """What is put before programs of a study that call its own helpers: the file's name, its hash and its text."""

    name: Annotated[Name, Meta(description="a file's name")]
    hash: str
    text: str


class Imported(Struct, frozen=True, kw_only=True):
    """That a run was made of other tools' logs. arms: by "task/mode", as the spec's modes. inferred: what was inferred
    of the run as a whole, and how. notes: what was left out. broken: lines that were passed over, with their places."""

    arms: Annotated[dict[str, ImportedArm], Meta(description="a mapping for each task and mode")] = {}
    prelude: Prelude | None = None
    inferred: Annotated[dict[str, str], Meta(description="a text for each name")] = {}
    notes: list[str] = []
    broken: list[str] = []

    def arm(self, task: str, mode: str) -> ImportedArm | None:
        """What an arm of a task was imported from."""
        return self.arms.get(f"{task}/{mode}")


class MergedShard(Struct, frozen=True, kw_only=True):
    """A shard that a run holds. run: its id. records: how many answers it had, of how many. status: its own."""

    run: Annotated[Name, Meta(description="a run's id")]
    status: str
    records: Whole
    of: Whole


class Merged(Struct, frozen=True, kw_only=True):
    """That a run was put together of shards (`cotbench merge`). of: how many there are. shards: those that it holds, by
    number."""

    of: Annotated[int, Meta(ge=1, description="a number from 1 up")]
    shards: Annotated[dict[str, MergedShard], Meta(description="a mapping for each shard")]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the shards that are there, in order."""
        return sorted(map(int, self.shards))

    @property
    def missing(self) -> list[int]:
        """The numbers of those that aren't."""
        return [number for number in range(1, self.of + 1) if str(number) not in self.shards]

    @property
    def unfinished(self) -> list[int]:
        """The numbers of those that lacked answers when they were merged."""
        return [number for number in self.numbers if (one := self.shards[str(number)]).records < one.of]

    def __post_init__(self) -> None:
        for number in self.shards:
            if not number.isdecimal() or not 1 <= int(number) <= self.of:
                raise ValueError(f"merged.shards has {number!r:.20}, expected numbers from 1 to {self.of}")


class _Options(Struct):
    model: Annotated[Name, Meta(description="a model's name")]
    tasks: Annotated[list[str], Meta(description="a list of names")] = []
    modes: Annotated[list[str], Meta(description="a list of names")] = []


class _Engine(Struct):
    system_role: str | None = None


class _Totals(Struct):
    records: Whole = 0
    of: Whole = 0


class _Shape(Struct):
    """Places in a manifest's mappings that somebody relies on; whatever else these hold is kept as it is."""

    spec: RunSpec
    options: _Options
    engine: _Engine
    totals: _Totals = msgspec.field(default_factory=_Totals)


class Manifest(Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """How a run was made.

    run: its id. spec_row: all that its results depend on, as it is written and compared on resuming (`spec` is what is
    read of it). options: the options it was started with. engine: what the engine says of itself; judge: what that of
    the second model does. data: by task, where its questions are from. modes: facts about each mode that whoever reads
    the run needs (`answers_in`: words, program or plan); earlier versions wrote none. shown: by "task/mode", what its
    prompt shows (`runs/shown.py`). lock: what was fixed before the first token (`runs/fixed.py`). question_ids: by
    task, of a run of some questions only. places: of a shard, and of shards that were merged and don't make a whole
    yet, by task where each of their questions stands among all of the run's, from 0. suites: those that it was asked
    for by name. skipped: tasks that couldn't be had and were left out on request, and why. imported: of which logs it
    was made, where it wasn't asked here. merged: of which shards it was put together, where it was. stopped: what a
    drawn run stopped for, and where. totals: requests, tokens and outcomes. sessions: one entry per start, with times,
    versions, machine and command."""

    schema: int = SCHEMA
    run: Annotated[Name, Meta(description="the run's id")]
    status: Status
    spec_row: dict[str, Any] = msgspec.field(name="spec")
    options: dict[str, Any]
    engine: dict[str, Any]
    judge: dict[str, Any] = {}
    data: Annotated[dict[str, dict[str, Any]], Meta(description="a mapping for each task")]
    modes: Annotated[dict[str, dict[str, Any]], Meta(description="a mapping for each mode")] = {}
    shown: Annotated[dict[str, dict[str, Any]], Meta(description="a mapping for each task and mode")] = {}
    lock: Lock | None = None
    question_ids: Annotated[dict[str, list[str]], Meta(description="lists of ids")] = {}
    places: Annotated[dict[str, list[Whole]], Meta(description="lists of numbers")] = {}
    suites: Annotated[list[SuiteEntry], Meta(description="a list of suites")] = []
    skipped: Annotated[dict[str, str], Meta(description="a reason for each task")] = {}
    imported: Imported | None = None
    merged: Merged | None = None
    stopped: Stopped | None = None
    totals: dict[str, Any] = {}
    sessions: list[dict[str, Any]] = []

    @cached_property
    def spec(self) -> RunSpec:
        """What is read of the spec."""
        return msgspec.convert(self.spec_row, RunSpec)

    def seal(self, lock: Lock) -> str:
        """Return the hash of what is fixed: over it, the run's name and all that its results depend on."""
        fixed = msgspec.to_builtins(msgspec.structs.replace(lock, hash=""))
        text = json.dumps([fixed, self.run, self.spec_row], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def write(self, folder: Path) -> None:
        """Replace the manifest of a run's folder. Raises RunError."""
        text = json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / MANIFEST, [text.encode("utf-8", "backslashreplace")])


def read_manifest(folder: Path) -> Manifest:
    """Read a run's manifest. Raises RunError where there is none, or one that can't be relied on."""
    path = folder / MANIFEST
    remedy = "Restore the file; without it the run can't be interpreted."
    try:
        with open_to_read(path) as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        found = f"{folder}: has no {MANIFEST}, so it is not a run's folder."
        raise RunError(found, "Name a folder that `cotbench run` wrote.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: can't be read: {error}.", remedy) from None
    return manifest_from(content, path)


def manifest_from(content: Any, path: Path) -> Manifest:
    """Read what a manifest's file holds. path: of that file, for messages. Raises RunError, as `read_manifest` does."""
    remedy = "Restore the file; without it the run can't be interpreted."
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        found = f"{path}: expected schema {SCHEMA}, found {schema!r:.40}."
        raise RunError(found, "Use the version of cotbench that wrote it.")
    if unknown := content.keys() - {field.encode_name for field in msgspec.structs.fields(Manifest)}:
        found = f"{path}: {min(unknown)!r:.40} is nothing that this version knows."
        raise RunError(found, "Use the version that wrote it.")
    if fault := fault_of(content, Manifest) or fault_of(content, _Shape):
        raise RunError(f"{path}: {fault}.", remedy)
    return msgspec.convert(content, Manifest)


def prelude_of(manifest: Manifest) -> str:
    """What is run before each program of an imported run; "" where nothing is."""
    prelude = manifest.imported.prelude if manifest.imported is not None else None
    return prelude.text if prelude is not None else ""
