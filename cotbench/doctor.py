"""What works on this machine: engines, data, grading, containment of programs, and where results would go."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cotbench import __version__, plugins
from cotbench.answers.grader import Grader
from cotbench.answers.kinds import KINDS
from cotbench.engines import ENGINES, EngineRow, ray_cluster
from cotbench.engines.fleet import address_of
from cotbench.errors import CotbenchError
from cotbench.modes import MODES, read_answer
from cotbench.modes.prompts import Prompts, fill
from cotbench.programs import landlock_version, missing_features
from cotbench.programs.probes import probe
from cotbench.questions.columns import Hints
from cotbench.questions.data import DATA_ENV, TaskData, load_data
from cotbench.questions.shipped import shipped, task_files
from cotbench.questions.tasks import NO_HINTS, find_task, list_task_files
from cotbench.types import LETTERS, AnswerType, Completion, Outcome, Question, Verdict


@dataclass(frozen=True)
class Check:
    """ok: True works, False doesn't, None is only information."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def _checked(name: str, check: Callable[[], Check]) -> Check:
    """A check, or what keeps it from being made."""
    try:
        return check()
    except CotbenchError as error:
        return Check(name, False, error.message, remedy=error.hint)


def _engine(row: EngineRow) -> Check:
    name = f"engine {row.name}"
    if missing := row.missing():
        remedy = f'pip install "cotbench[{row.extra}]"' if row.extra else f"pip install {missing[0]}"
        return Check(name, False, f"the {missing[0]} package is not installed", remedy=remedy)
    found = ", ".join(filter(None, map(_version, row.needs))) or "needs nothing"
    return Check(name, True, f"{found}; {_own_cluster()}" if row.name == "ray" else found)


def _plugins() -> Iterator[Check]:
    """What each plugin adds, and what of it can't be used."""
    ours = task_files(shipped("tasks"))
    lost = [fault for kind in plugins.KINDS for fault in plugins.faults(kind, ours)]
    for origin, added in plugins.origins().items():
        own = [fault for fault in lost if fault.origin == origin]
        found = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in added.items())
        remedy = f"pip uninstall {origin.package}, or another version of it" if own else ""
        told = "\n".join(str(fault) for fault in own) or f"{origin.version}: {found}"
        yield Check(f"plugin {origin.package}", not own, told, remedy=remedy)


def _version(package: str) -> str:
    for distribution in (package, f"{package}-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return f"{distribution} {importlib.metadata.version(distribution)}"
    return ""


def _gpus() -> list[str]:
    """Name and memory of each GPU that nvidia-smi sees."""
    with suppress(OSError, subprocess.SubprocessError):
        query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        return found.splitlines()
    return []


def _gpu() -> Check:
    gpus = _gpus()
    return Check("GPU", True, "; ".join(gpus)) if gpus else Check("GPU", None, "none seen (no working nvidia-smi)")


def _own_cluster() -> str:
    """What a run with the engine ray does where no cluster has an address."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = len(_gpus()) if chosen is None else len([one for one in chosen.split(",") if one.strip() not in ("", "-1")])
    has = f"{os.cpu_count()} CPUs and {gpus or 'no'} GPU{'s' * (gpus > 1)}"
    return f"without --ray-address a run starts a cluster of this machine, with {has}, and ends it"


def _cluster(address: str) -> Check:
    """The Ray cluster at an address, seen from a process of its own; none is started."""
    name = "Ray cluster"
    if missing := ENGINES["ray"].missing():
        found = f"{address}: the {missing[0]} package is not installed"
        return Check(name, False, found, remedy='pip install "cotbench[ray]", in the version that the cluster has')
    cluster = ray_cluster.look_at(address)
    if isinstance(cluster, str):
        remedy = "ray status, on a node of the cluster: a run must be on one, with the cluster's Ray and Python"
        return Check(name, False, f"{address}: {cluster}", remedy=remedy)
    return Check(name, True, f"{address}: {cluster.said()}")


def _task(name: str, data_dir: Path | None, *, thorough: bool) -> Check:
    """Whether a task's questions are here; thorough: by loading them, which takes the library of data sets seconds."""
    file, place = find_task(name), data_dir or os.environ.get(DATA_ENV)
    dataset = file.task.source.dataset
    if not place and dataset is not None:
        found = f"would be loaded from the Hub ({dataset})"
        return Check(f"task {name}", None, found, remedy=f"without network, set {DATA_ENV}")
    if not thorough and dataset is not None and place and (Path(place) / dataset).is_dir():
        return Check(f"task {name}", True, f"{Path(place) / dataset} is there")
    data = load_data(file, data_dir)
    return Check(f"task {name}", True, f"{len(data.questions):,} questions in {data.origin}")


def _grading() -> Check:
    grader: Grader[int] = Grader(workers=1)
    try:
        grader.submit(0, r"\frac{2}{4}", "0.5", AnswerType.LATEX)
        for _ in range(60):
            for _, verdict in grader.done(1.0):
                found = f"a worker process finds 2/4 = 0.5: {verdict.outcome.value}"
                return Check("grading", verdict.outcome is Outcome.CORRECT, found)
        return Check("grading", False, "a worker process gave no verdict in 60 s")
    finally:
        grader.close()


_NO_LANDLOCK = "no Landlock (not needed: the filter has no call that takes a path)"


def _sandbox(*, thorough: bool) -> list[Check]:
    """What contains model-written code, and whether it does: hostile and harmless programs through the real
    executor."""
    if missing := missing_features():
        remedy = "pal, tools and plan-solver need it, or --allow-unsandboxed-code at your own risk"
        return [Check("sandbox", False, f"the kernel lacks {', '.join(missing)}", remedy=remedy)]
    version = landlock_version()
    landlock = f"Landlock {version}" if version else _NO_LANDLOCK
    checks = [Check("sandbox", True, f"seccomp filter, limits, {landlock}")]
    try:
        return checks + [Check(f"sandbox {p.name}", p.ok, p.found) for p in probe(quick=not thorough)]
    except CotbenchError as error:
        return [*checks, Check("sandbox", False, error.message, remedy=error.hint)]


def _logic() -> Check:
    """Whether plans in first-order logic can be solved."""
    if version := _version("z3-solver"):
        return Check("logic", True, f"{version}: plans in first-order logic can be solved")
    found = "z3-solver is not installed: plan-solver can't solve plans in first-order logic"
    return Check("logic", None, found, remedy="pip install 'cotbench[logic]'")


def _writable(output_dir: Path) -> Check:
    folder = output_dir
    while not folder.exists():
        folder = folder.parent
    ok = os.access(folder, os.W_OK)
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{output_dir} {'can' if ok else 'can not'} be written, {free:,.0f} GB free"
    return Check("results", ok, found, remedy="" if ok else "choose another --output-dir")


def _prompts() -> Check:
    for turn in (turn for mode in MODES.values() for turn in mode.turns):
        Prompts().hash(turn.template, "")
    return Check("prompts", True, "the shipped templates load")


@dataclass(frozen=True, kw_only=True)
class TaskCheck:
    """What a task's data are, and whether each gold is right when it is graded against itself.

    asked: how many questions. right: of how many an answer that says the gold is read and graded as right. wrong: the
    ids of the others, with what was read. left_out: rows that can't be asked or graded, by reason. options: how many
    questions have how many options. groups, clusters: how many different ones. features: how many questions have each.
    golds: how often each is right, where there are few. notes: what is odd of questions that can be asked.
    understood: what was made of a file of questions.
    first: the first question as a prompt shows it, its gold and its contract."""

    task: str
    kinds: tuple[str, ...]
    origin: str
    asked: int
    right: int
    wrong: Mapping[str, str]
    left_out: Mapping[str, int]
    options: Mapping[int, int]
    groups: int
    clusters: int
    features: Mapping[str, int]
    passages: int
    golds: Mapping[str, int]
    notes: tuple[str, ...]
    understood: tuple[str, ...]
    first: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether every gold can be reached."""
        return self.right == self.asked


def examine_task(name: str, data_dir: Path | None, tasks_dir: Path | None = None, hints: Hints = NO_HINTS) -> TaskCheck:
    """Load a task and grade each gold against itself: an answer line that says it, read and graded as in a run.

    Raises CotbenchError where the data can't be had or read."""
    file = find_task(name, tasks_dir, data_dir, hints)
    data, task = load_data(file, data_dir), file.task
    grader: Grader[str] = Grader(workers=max(1, min(4, os.cpu_count() or 1)))
    verdicts: dict[str, Verdict] = {}
    read: dict[str, str] = {}
    try:
        for question in data.questions:
            gold, kind = data.golds[question.id], data.kind_of(question)
            said = fill(task.answer_of(question).form, KINDS[kind].right(gold, question.choices))
            path = Completion(text=f"Answer: {said}", finish_reason="stop")
            prediction = read_answer(path, kind, question.choices)
            if prediction.answer is None:
                assert prediction.outcome is not None
                read[question.id] = f"{said!r:.80} is read as nothing ({prediction.outcome.value})"
                continue
            read[question.id] = f"{said!r:.80} is read as {prediction.answer!r:.80}"
            verdict = grader.submit(question.id, prediction.answer, gold, kind)
            if verdict is not None:
                verdicts[question.id] = verdict
        while grader.pending:
            verdicts.update(grader.done(1.0))
    finally:
        grader.close()
    right = {key for key, verdict in verdicts.items() if verdict.outcome is Outcome.CORRECT}
    first = data.questions[0]
    return TaskCheck(
        task=task.name,
        kinds=task.kinds,
        origin=data.origin,
        asked=len(data.questions),
        right=len(right),
        wrong={q.id: read[q.id] for q in data.questions if q.id not in right},
        left_out=data.left_out,
        options=dict(sorted(Counter(len(q.choices) for q in data.questions).items())),
        groups=len({q.group for q in data.questions if q.group}),
        clusters=len({q.cluster for q in data.questions if q.cluster}),
        features=dict(Counter(name for q in data.questions for name in q.features)),
        passages=sum(map(len, data.passages.values())),
        golds=_spread(data),
        notes=tuple(_odd(data)),
        understood=file.understood,
        first={**Prompts().shared_texts(task, first), "gold": data.golds[first.id]},
    )


MOST_GOLDS = 10  # different ones, of which a table is of use


def _spread(data: TaskData) -> dict[str, int]:
    """How often each gold is right, the most frequent first; nothing where there are many."""
    counts = Counter(data.golds.values())
    return dict(counts.most_common()) if len(counts) <= MOST_GOLDS < len(data.golds) else {}


def _odd(data: TaskData) -> Iterator[str]:
    """What a user would want to know of questions that can be asked and graded."""
    lettered = [q for q in data.questions if KINDS[data.kind_of(q)].has_choices and KINDS[data.kind_of(q)].lettered]
    [(gold, count)] = Counter(data.golds[q.id] for q in lettered).most_common(1) or [("", 0)]
    if len(lettered) > MOST_GOLDS and count >= 0.9 * len(lettered):
        always = (
            f"the right option of {count:,} of {len(lettered):,} questions is {gold}: a model that always says so wins"
        )
        yield f"{always}; `fields.choices: {{.., shuffle: true}}` draws an order for each question"
    if twice := [q.id for q in lettered if len(set(q.choices)) < len(q.choices)]:
        yield f"{len(twice):,} questions have an option twice (the first: {twice[0]})"
    if empty := [q.id for q in lettered if not all(q.choices)]:
        yield f"{len(empty):,} questions have an option that says nothing (the first: {empty[0]})"
    same: dict[tuple[str, tuple[str, ...]], list[Question]] = {}
    for question in data.questions:
        same.setdefault((question.text, tuple(sorted(question.choices))), []).append(question)
    if again := [alike for alike in same.values() if len(alike) > 1]:
        differ = [alike[0].id for alike in again if len({_said(q, data.golds[q.id]) for q in alike}) > 1]
        other = f", {len(differ):,} of them with different golds (the first: {differ[0]})" if differ else ""
        yield f"{len(again):,} question{'s are' if len(again) > 1 else ' is'} asked more than once{other}"
    bare = [key for key, own in data.passages.items() if not any(passage.supports for passage in own)]
    if bare:
        yield f"{len(bare):,} questions rest on none of their passages (the first: {bare[0]})"
    for number, exemplar in enumerate(data.task.exemplars, 1):
        kind, choices = data.task.answer.type, tuple(exemplar.choices)
        words = data.task.fields.choices.words if data.task.fields.choices is not None else []
        path = Completion(text=f"Answer: {fill(data.task.answer.form, exemplar.answer)}", finish_reason="stop")
        if not data.task.parts and read_answer(path, kind, choices or tuple(words)).answer is None:
            yield f"exemplar {number} shows the answer {exemplar.answer!r:.60}, which is read as nothing"


def _said(question: Question, gold: str) -> str:
    """What the gold of a question says: of letters, their options."""
    letters = bool(question.choices) and set(gold) <= set(LETTERS[: len(question.choices)])
    return " ".join(question.choices[LETTERS.index(letter)] for letter in gold) if letters else gold


def examine(
    data_dir: Path | None, output_dir: Path, *, thorough: bool = True, ray_address: str | None = None
) -> list[Check]:
    """All checks; none of them loads a model, or uses the network but to look at a Ray cluster that has an address.
    thorough: data sets are loaded, and programs tried that end at their limits only. ray_address: of that cluster, else
    RAY_ADDRESS.

    What waits for processes of its own to start is waited for beside the rest."""
    here = f"{__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    address = address_of(ray_address)
    with ThreadPoolExecutor(4) as beside:
        cluster = beside.submit(_cluster, address) if address else None
        gpu = beside.submit(_gpu)
        grading = beside.submit(_checked, "grading", _grading)
        sandbox = beside.submit(_sandbox, thorough=thorough)
        tasks = sorted(list_task_files())
        return [
            Check("cotbench", None, here),
            *map(_engine, ENGINES.values()),
            *_plugins(),
            Check("OPENAI_API_KEY", None, "set" if os.environ.get("OPENAI_API_KEY") else "not set"),
            _checked("prompts", _prompts),
            *(_checked(f"task {name}", partial(_task, name, data_dir, thorough=thorough)) for name in tasks),
            gpu.result(),
            *([cluster.result()] if cluster is not None else []),
            grading.result(),
            *sandbox.result(),
            _logic(),
            _writable(output_dir),
        ]


_SEVERAL = {"engine": "engines", "task": "tasks", "sandbox": "sandbox"}  # checks of which there are many, and their row


def folded(checks: Sequence[Check]) -> list[Check]:
    """The checks in eleven rows, twelve with a Ray cluster: those of engines, tasks and the sandbox in one each. What
    doesn't work is still named."""
    rows: dict[str, list[Check]] = {}
    for check in checks:
        kind = check.name.partition(" ")[0]
        rows.setdefault(_SEVERAL.get(kind, check.name), []).append(check)
    return [_folded(name, members) for name, members in rows.items()]


def _folded(name: str, members: Sequence[Check]) -> Check:
    if name not in _SEVERAL.values():
        return members[0]
    works = [check for check in members if check.ok]
    lacking = [check for check in members if check.ok is False]
    short = {check.name: check.name.partition(" ")[2] or check.name for check in members}
    if name == "engines":
        found = ", ".join(short[check.name] for check in works)
        missing = ", ".join(f"{short[check.name]} ({check.remedy})" for check in lacking)
        return Check(name, bool(works), found, remedy=f"not installed: {missing}" if missing else "")
    if lacking:
        found = "\n".join(
            check.found if name == "tasks" else f"{short[check.name]}: {check.found}" for check in lacking
        )
        return Check(name, False, found, remedy=next((check.remedy for check in lacking if check.remedy), ""))
    if name == "tasks":
        return _folded_tasks(members, works, short)
    tried = [check for check in members if check.name != "sandbox"]
    return Check(name, bool(works), f"{members[0].found}; {len(tried)} programs did what they should")


def _folded_tasks(members: Sequence[Check], works: Sequence[Check], short: Mapping[str, str]) -> Check:
    here = ", ".join(short[check.name] for check in works)
    others = [check for check in members if check.ok is None]
    if not others:
        return Check("tasks", True, f"all {len(works)} are here: {here}")
    hub = ", ".join(short[check.name] for check in others)
    return Check("tasks", bool(works), f"here: {here}; from the Hub: {hub}", remedy=others[0].remedy)
