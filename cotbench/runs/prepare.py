"""What a run will do: questions, kits, and all that the results depend on. All of it is decided before a model is
loaded, but for what only an open engine tells of its arms (`RunPlan.with_engine`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from cotbench.answers.kinds import KINDS, AnswerKind
from cotbench.engines import EngineConfig, EngineInfo, ThinkingInfo, find_engine, open_engine, require_engine
from cotbench.engines.arguments import FLEET, check_before_loading
from cotbench.engines.confidence import LEAST, LIKELIEST
from cotbench.engines.endpoint import JUDGE_KEY, KEY, MASK, own_key
from cotbench.engines.sampling import KEYS, require_keys
from cotbench.engines.thinking import families, family_of_name, server_thinking
from cotbench.errors import CotbenchError, DataError, UsageError
from cotbench.modes import MODES, Mode, Retrieve, TaskKit, Turn, find_mode
from cotbench.modes.arms import split
from cotbench.modes.kit import LINE_END
from cotbench.modes.prompts import PASSAGES, Prompts
from cotbench.modes.repeats import repeats_of
from cotbench.plugins import origin_of
from cotbench.programs import Limits, require_containment
from cotbench.questions.columns import OF_EXEMPLARS, Hints
from cotbench.questions.data import TaskData, load_data, select
from cotbench.questions.drawing import MAY_STOP
from cotbench.questions.files import is_table, shown
from cotbench.questions.suites import Chosen, choose, limit_of, with_limits
from cotbench.questions.tasks import TaskFile
from cotbench.questions.worked import with_exemplars
from cotbench.runs.arms import check_judge, check_settings, resolve, wants
from cotbench.runs.default_modes import ALL, before_opening, default_modes
from cotbench.runs.donors import donors_of
from cotbench.runs.goal import contrasts_of
from cotbench.runs.options import RunOptions
from cotbench.runs.parsing import shard_of
from cotbench.runs.retriever import check_passages, require_retriever
from cotbench.runs.second import of_judge, told_of_judge
from cotbench.runs.shards import homes
from cotbench.runs.solving import require_solver
from cotbench.runs.stations import identities
from cotbench.store.files import is_file, is_there
from cotbench.store.manifest import Lock, Manifest, RunSpec
from cotbench.types import Question, Sampling

# Model arguments that change how fast a model answers and not what it is asked: a resumed run may change them.
SPEED_ARGS = frozenset(
    "batch_size device gpu_memory_utilization tensor_parallel_size pipeline_parallel_size max_num_seqs "
    "max_num_batched_tokens enforce_eager swap_space cpu_offload_gb max_retries timeout_s check_model latency_s "
    "in_flight distributed_executor_backend block_size num_gpu_blocks_override".split()
)
# Arguments that name a place whose content the model's revision stands for already (replay's file).
PLACE_ARGS = frozenset({"path"})
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """Questions, kits, and what the results depend on; kits as far as they can be known before the engine is open.

    modes: those that were asked for; where none was, all that may be taken, until the engine is open.
    chosen: which tasks were asked for, by which suites. counts: how many questions of each task; None for all.
    whole: the questions of the run of which this is a shard; where it is none, its own.
    exemplars: the identity of a file of exemplars; "" where there is none."""

    options: RunOptions
    modes: Sequence[Mode]
    prompts: Prompts
    data: Mapping[str, TaskData]
    questions: Mapping[str, tuple[Question, ...]]
    whole: Mapping[str, tuple[Question, ...]]
    kits: Mapping[tuple[str, str], TaskKit]
    chosen: Chosen
    counts: Mapping[str, int | None]
    exemplars: str = ""
    arms: bool = True  # whether it knows arms: runs of earlier versions are gone on with as they were

    @property
    def limits(self) -> Limits:
        """Of each program that is run."""
        return Limits(**self.options.program_limits)

    def with_engine(
        self, info: EngineInfo, recorded: RunSpec | None = None, second: EngineInfo | None = None
    ) -> RunPlan:
        """The plan with arms as the engine can have them. recorded: of the run that is gone on with; one of a version
        that knew no arms is planned as it was. second: of the second model. Raises UsageError where an arm can't be
        had."""
        if recorded is not None and not recorded.arms:
            return replace(self, arms=False, kits=_kits_as_before(self, recorded))
        options, modes = self.options, self.modes
        if not options.modes:
            options = replace(options, modes=[*default_modes(info.thinking)])
            modes = [find_mode(name) for name in options.modes]
            _check_per_mode(options, modes)
        kits = _kits(options, modes, self.prompts, self.data, self.questions, info, second)
        return replace(self, options=options, modes=modes, kits=kits)

    @property
    def lock(self) -> Lock | None:
        """What is to be fixed before the first token; None where nothing is. Raises UsageError where it can't be."""
        if self.options.lock is None:
            return None
        from cotbench.analysis.locking import fixed_by  # slow to import

        arms = {arm: kit.mode.facts for (_, arm), kit in self.kits.items()}
        return fixed_by(self.options.lock, list(self.data), arms)

    @property
    def total(self) -> int:
        return sum(len(self.questions[task]) for task, _ in self.kits)

    @property
    def all_questions(self) -> dict[str, Question]:
        return {q.id: q for questions in self.questions.values() for q in questions}

    @property
    def golds(self) -> dict[str, str]:
        return {q.id: self.data[task].golds[q.id] for task, questions in self.questions.items() for q in questions}

    def spec(self, engine: EngineInfo, second: EngineInfo | None = None) -> dict[str, Any]:
        """All that the results depend on, in a form in which two runs can be compared. second: of the second model."""
        options, kits = self.options, self.kits.values()
        judge = {} if second is None else {**second.identity(), **lasting(options.judge_args)}
        sent = {"extra_body": options.extra_body, "headers": sorted(name.lower() for name in options.headers)}
        programs = {**asdict(self.limits), "contained": not options.allow_unsandboxed_code}
        where_used = {
            "stations": identities(kit.mode for kit in kits),
            "exemplars": self.exemplars or ("own" if any(kit.own_exemplars for kit in kits) else ""),
            "programs": programs if any(kit.mode.runs for kit in kits) else {},
            "judge": judge,
        }
        return {
            "model": engine.identity(),
            "model_args": {**lasting(options.model_args), **{name: value for name, value in sent.items() if value}},
            "tasks": {
                task: {
                    "file": data.file.hash,
                    "data": data.fingerprint,
                    "questions": len(self.questions[task]),
                    "ids": digest([q.id for q in self.questions[task]]),
                    **(_passages_spec(data) if any(kit.context for kit in kits if kit.data is data) else {}),
                }
                for task, data in self.data.items()
            },
            **({"arms": ARMS} if self.arms else {}),
            "modes": {f"{task}/{mode}": _mode_spec(kit, task) for (task, mode), kit in self.kits.items()},
            "num_fewshot": options.num_fewshot,
            "seed": options.seed,
            **{name: value for name, value in where_used.items() if value},
            **({"shard": self._shard_spec(*shard_of(options.shard))} if options.shard else {}),
            **({"drawn": DRAWN} if options.draws else {}),
        }

    def _shard_spec(self, number: int, of: int) -> dict[str, Any]:
        whole = {
            task: {"questions": len(questions), "ids": digest([q.id for q in questions])}
            for task, questions in self.whole.items()
        }
        return {"number": number, "of": of, "whole": whole}

    @property
    def places(self) -> dict[str, list[int]]:
        """Of a shard, by task where each of its questions stands among all of the run's, from 0; {} of a whole run."""
        if self.options.shard is None:
            return {}
        ids = {q.id for questions in self.questions.values() for q in questions}
        return {
            task: [place for place, question in enumerate(questions) if question.id in ids]
            for task, questions in self.whole.items()
        }


def unsharded(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of the run that a shard is a part of, from the shard's; of any other run its own."""
    whole = spec["shard"]["whole"] if "shard" in spec else {}
    tasks = {task: {**row, **whole.get(task, {})} for task, row in spec["tasks"].items()}
    return {name: tasks if name == "tasks" else value for name, value in spec.items() if name != "shard"}


def lasting(model_args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an engine that results depend on."""
    speed = SPEED_ARGS | PLACE_ARGS | FLEET.keys()
    return {name: value for name, value in sorted(model_args.items()) if name not in speed}


def _mode_spec(kit: TaskKit, task: str) -> dict[str, Any]:
    """Say what a mode's results depend on. What its own turn is drawn with stands first, named turns beside it."""
    first, *later = kit.mode.turns

    def drawn(name: str) -> dict[str, Any]:
        begun = kit.beginning(kit.mode.turn(name)) if any(turn.name == name for turn in kit.mode.turns) else None
        return {
            "sampling": kit.sampling[name].as_dict(),
            "thinking": kit.thinking[name],
            **({"begun": to_builtins(begun)} if begun is not None else {}),
        }

    named = {turn.name: drawn(turn.name) for turn in kit.mode.turns if turn.name}
    plugin = origin_of("modes", kit.mode.called)
    return {
        "prompt": kit.prompts.hash(first.template, task),
        **({"plugin": str(plugin)} if plugin is not None else {}),
        "shared": kit.prompts.hash(first.template, task, shared_only=True),
        **drawn(""),
        **named,
        **({"then": [kit.prompts.hash(turn.template, task) for turn in later]} if named else {}),
        **({"answer": kit.mode.own.answer} if kit.mode.own.answer and kit.begins else {}),
        **({"continued": kit.words} if kit.words else {}),
        **({"donors": digest({own: donor.id for own, donor in kit.donors.items()})} if kit.donors else {}),
        **({"settings": kit.mode.recorded_values} if kit.mode.recorded_values else {}),
        **({"context": {"name": kit.context.name, "prompt": kit.prompts.hash(PASSAGES, task)}} if kit.context else {}),
    }


def plugins_of(plan: RunPlan) -> dict[str, str]:
    """The plugins that a run uses, with their versions: those of its modes, tasks, engines and of a fixed tag rule."""
    options, lock = plan.options, plan.lock
    second = options.judge_engine_name if options.judge_model else ""
    used = [
        *(origin_of("modes", kit.mode.called) for kit in plan.kits.values()),
        *(origin_of("tasks", name, data.file.path) for name, data in plan.data.items()),
        *(origin_of("engines", name) for name in (options.engine_name, options.generating, second) if name),
        origin_of("tags", lock.tag_rule) if lock is not None else None,
    ]
    return {origin.package: origin.version for origin in sorted(set(filter(None, used)))}


def _passages_spec(data: TaskData) -> dict[str, Any]:
    """Say which passages a task's questions come with."""
    own = {key: [[p.title, p.text, p.supports] for p in passages] for key, passages in data.passages.items()}
    return {"passages": digest(own)}


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def make_plan(options: RunOptions, *, engine_needed: bool = False, like: Manifest | None = None) -> RunPlan:
    """Load tasks and data, choose questions, and render each task x mode once: mistakes show before a model loads.

    like: of a run that is gone on with or run again, whose suites are taken as they were."""
    if options.limit is not None and options.limit < 1:
        found = f"--limit: expected a number of questions from 1 up, found {options.limit}."
        raise UsageError(found, "Leave --limit out to run all questions.")
    if options.draws and options.shard is not None:
        found = (
            "--until, --max-tokens-total, --max-cost and --max-hours stop a whole run, and --shard asks a part of one"
        )
        raise UsageError(f"{found}.", "Leave one of them out: a shard doesn't know what the others have found.")
    for option, number in (("--replicates", options.replicates), ("--wordings", options.wordings)):
        if number < 1:
            raise UsageError(f"{option}: expected 1 or more, found {number}.", f"{option} 1 asks every arm once.")
        if options.draws and number > 1:
            found = f"{option}: {MAY_STOP} asks every arm once"
            raise UsageError(f"{found}.", "Leave one of them out: its intervals are of single answers.")
    if options.num_fewshot < 0:
        raise UsageError(f"--num-fewshot: expected 0 or more, found {options.num_fewshot}.")
    if options.chat_template not in ("auto", "none") and not is_file(options.chat_template):
        remedy = "Give 'auto', 'none' or the path of a Jinja file."
        raise UsageError(f"--chat-template: there is no file {options.chat_template}.", remedy)
    if options.families:
        families(options.families)
    find_engine(options.engine_name)
    single = options.gen_kwargs.get("modes", {})
    require_keys(options.generating, {name for given in (options.gen_kwargs, *single.values()) for name in given})
    _check_server_options(options)
    prompts_dir, tasks_dir, data_dir = (
        Path(folder) if folder else None for folder in (options.prompts_dir, options.tasks_dir, options.data_dir)
    )
    prompts = Prompts(prompts_dir)
    # Where none is given it is known once the engine is open: until then all that may come are.
    modes = [find_mode(name) for name in split(_unique("--mode", options.modes or ALL))]
    check_settings(modes)
    _check_judge(options, modes)
    _check_borrowing(options, modes)
    recorded = like.suites if like is not None else ()
    hints = Hints(columns=options.columns, kind=options.kind)
    chosen = choose(_unique("--task", options.tasks), tasks_dir, recorded, data_dir, hints.without(*OF_EXEMPLARS))
    _check_hints(chosen, hints)
    chosen, exemplars = _with_exemplars(chosen, options, hints)
    _unique("--mode", [mode.name for mode in modes])
    _check_per_mode(options, modes)
    if any(Retrieve in mode.asks for mode in modes):
        require_retriever()  # before data are loaded
    if any(mode.runs for mode in modes) and not options.allow_unsandboxed_code:
        require_containment()
    if engine_needed:  # before data are loaded
        require_engine(options.engine_name, options.model)
        if options.judge_model:
            with told_of_judge():
                require_engine(options.judge_engine_name, options.judge_model)
    data, skipped = _load(chosen, data_dir, skip=options.skip_missing, known=like.skipped if like is not None else {})
    chosen = replace(with_limits(chosen, {name: len(one.questions) for name, one in data.items()}), skipped=skipped)
    chosen, data = _without_rows(chosen), {name: replace(one, file=_rowless(one.file)) for name, one in data.items()}
    counts = {name: limit_of(chosen, name, options.limit) for name in data}
    whole = {name: select(one.questions, counts[name], options.seed) for name, one in data.items()}
    questions = whole
    if options.shard is not None:
        number, of = shard_of(options.shard)
        home = homes(whole, of)
        questions = {name: tuple(q for q in each if home[q.id] == number) for name, each in whole.items()}
    for name, one in data.items():
        require_solver(modes, map(one.kind_of, questions[name]))
    row = find_engine(options.generating)
    # What isn't known before an engine is open is taken for granted until then.
    second = EngineInfo(engine=options.judge_engine_name, model=options.judge_model) if options.judge_model else None
    thinking = expected_thinking(options)
    if not options.modes:
        thinking = (None if engine_needed else before_opening(options, thinking)) or ThinkingInfo(off="never", on="")
    expected = EngineInfo(
        engine=row.name,
        model=options.model,
        continues="tokens" if row.continues else "",
        likelihoods=True,
        confidence=LIKELIEST,
        thinking=thinking,
    )
    likely = modes if options.modes else [mode for mode in modes if mode.name in default_modes(thinking)]
    kits = _kits(options, likely, prompts, data, questions, expected, second)
    plan = RunPlan(
        options=options,
        modes=modes,
        prompts=prompts,
        data=data,
        questions=questions,
        whole=whole,
        kits=kits,
        chosen=chosen,
        counts=counts,
        exemplars=exemplars,
    )
    lock = plan.lock  # refused now, where there is no such contrast
    if options.until is not None and options.modes:
        arms = ((task, kit.mode) for (task, _), kit in kits.items())
        contrasts_of(arms, options.until, None if lock is None else lock.baseline)
    return plan


def _without_rows(chosen: Chosen) -> Chosen:
    return replace(chosen, files={name: _rowless(file) for name, file in chosen.files.items()})


def _rowless(file: TaskFile) -> TaskFile:
    """A task file without the rows that it came with: they are questions now, and there may be millions."""
    return replace(file, rows=file.rows and (), lines=())


def _check_hints(chosen: Chosen, hints: Hints) -> None:
    """Refuse what is said of a file of questions where none is asked for."""
    said = "--columns" if hints.columns else "--kind" if hints.kind else ""
    if said and not any(is_table(file.path.name) for file in chosen.files.values()):
        found = f"{said}: no task of this run is a file of questions (.jsonl, .csv ...)."
        raise UsageError(found, "A task file says itself where things stand (docs/adding.md).")


def _with_exemplars(chosen: Chosen, options: RunOptions, hints: Hints) -> tuple[Chosen, str]:
    """The tasks with the exemplars of a file, where --exemplars names one, and its identity. Raises UsageError."""
    word = options.exemplars
    if word in ("auto", "own", "split"):
        if part := next((role for role in OF_EXEMPLARS if role in hints.columns), ""):
            found = f"--columns: {part} is a column of exemplars, and no file of them is given"
            raise UsageError(f"{found}.", "As in --exemplars worked.jsonl --num-fewshot 2.")
        return chosen, ""
    if not is_table(word) or not is_file(word):
        found = f"there is no file {word}" if is_table(word) else f"found '{word}'"
        raise UsageError(f"--exemplars: expected auto, own, split or a file (.jsonl, .csv ...), {found}.")
    if len(chosen.files) != 1:
        found = f"--exemplars: the exemplars of a file are of one task, and this run has {len(chosen.files)}"
        raise UsageError(f"{found}.", "Run the tasks one by one, each with its file.")
    [(name, file)] = chosen.files.items()
    with_them, identity = with_exemplars(file, Path(word), hints)
    if not options.num_fewshot:
        count = len(with_them.task.exemplars) + sum(len(one.exemplars) for one in with_them.task.mixed)
        remedy = f"Say how many are shown: --num-fewshot {count}."
        raise UsageError(f"--exemplars: {shown(Path(word))} has {count}, and --num-fewshot is 0.", remedy)
    return replace(chosen, files={name: with_them}), identity


def _load(
    chosen: Chosen, data_dir: Path | None, *, skip: bool, known: Mapping[str, str]
) -> tuple[dict[str, TaskData], dict[str, str]]:
    """Load the data of the tasks that are asked for. Return them, and why others were left out.

    skip: leave out those that can't be had. known: those that a run had left out, and that are left out again. Raises
    DataError otherwise; of a suite it names all that can't be had."""
    data: dict[str, TaskData] = {}
    faults: dict[str, CotbenchError] = {name: error for name, error in chosen.lacking.items() if name not in known}
    for name, file in chosen.files.items():
        if name in known:
            continue
        try:
            data[name] = load_data(file, data_dir)
        except DataError as error:
            if not (skip or chosen.named[name].suites):
                raise
            faults[name] = error
    if faults and (not skip or not data):
        raise _cannot_be_had(faults, len(data) + len(faults), skip=skip)
    gated = {name for name, file in chosen.files.items() if file.task.source.gated}
    whys = {name: f"{error.message} {error.hint}" if name in gated else error.message for name, error in faults.items()}
    return data, {**known, **whys}


_TOLD = 6  # tasks that can't be had, of which the reasons are told


def _cannot_be_had(faults: Mapping[str, CotbenchError], of: int, *, skip: bool) -> DataError:
    """The error of tasks that can't be had."""
    lines = []
    for name, error in list(faults.items())[:_TOLD]:
        reason = error.message.removeprefix(f"task {name}: ")
        lines.append(f"  {name}: {reason}" + (f"\n    {error.hint}" if error.hint else ""))
    if len(faults) > _TOLD:
        lines.append(f"  and {len(faults) - _TOLD} more: {', '.join(list(faults)[_TOLD:])}")
    told = "\n".join(lines)
    remedy = "" if skip else "To go on without them: --skip-missing. Reports then name them."
    return DataError(f"--task: {len(faults)} of {of} tasks can't be had:\n{told}", remedy)


def expected_thinking(options: RunOptions) -> ThinkingInfo:
    """What is known of how the model thinks before its engine is open: of a server's by its name. What a server may be
    able to do is taken for granted, so that an arm is refused here only where no server could have it."""
    if options.engine_name != "openai" or options.tokenizer:
        return ThinkingInfo(budget="engine")
    if options.chat_template == "none":
        return ThinkingInfo(off="never", on="")
    row = family_of_name(options.model, options.families)
    return server_thinking(row, options.families, closes=row is not None and row.can_be_closed, limits=True)


def _kits(
    options: RunOptions,
    modes: Sequence[Mode],
    prompts: Prompts,
    data: Mapping[str, TaskData],
    questions: Mapping[str, tuple[Question, ...]],
    info: EngineInfo,
    second: EngineInfo | None,
) -> dict[tuple[str, str], TaskKit]:
    """Make a kit for each task and arm, as the engine, and that of the second model, can have it."""
    once = resolve(modes, info, options.thinking, options.gen_kwargs)
    check_judge(once, second)
    _check_wordings(options, once, prompts, data)
    arms = [repeat for arm in once for repeat in repeats_of(arm, options.replicates, options.wordings)]
    kits: dict[tuple[str, str], TaskKit] = {}
    for name, task in data.items():
        own = _own_exemplars(task, arms, options)
        words = prompts.answer_words(task.task)
        for mode in arms:
            _check_options(mode, task)
            turns = {turn.name: turn for turn in (mode.own, *mode.turns)} | {"": mode.own}
            kind = KINDS[task.task.answer.type]
            kit = TaskKit(
                data=task,
                answer_type=task.task.answer.type,
                words=words if info.continues else "",
                held=info.continues == "tokens",
                begins=words,
                tells_options=info.likelihoods,
                tells_confidence=info.confidence >= LEAST,
                mode=mode,
                prompts=prompts,
                sampling={key: _sampling(mode, key, turn, options, kind) for key, turn in turns.items()},
                thinking={key: turn.thinking for key, turn in turns.items()},
                num_fewshot=options.num_fewshot,
                own_exemplars=own,
                seed=options.seed,
                donors=donors_of(mode.name, task, questions[name], options.seed) if mode.borrows else {},
                second="" if second is None else "rewards" if second.rewards else "replies",
            )
            check_passages(kit, questions[name])
            _check_template(kit, questions[name][0])
            kits[name, mode.name] = kit
    return kits


def _check_wordings(options: RunOptions, modes: Sequence[Mode], prompts: Prompts, data: Mapping[str, TaskData]) -> None:
    """Refuse an arm whose instruction isn't there in so many wordings."""
    for name, mode in product(data, modes) if options.wordings > 1 else ():
        template = mode.own.template
        known, file = prompts.wordings(template, name)
        if known + 1 < options.wordings:
            found = f"--wordings {options.wordings}: {mode.name} has {known + 1} on {name}"
            more = f"{template}.jinja and the {known} in {file}" if known else f"{template}.jinja"
            raise UsageError(
                f"{found}, {more}.",
                f"Put more into a {file} of your own (--prompts-dir), or ask for fewer, or leave {mode.name} out.",
            )


def _kits_as_before(plan: RunPlan, recorded: RunSpec) -> dict[tuple[str, str], TaskKit]:
    """Make the kits of a run of a version that knew no arms: the answer alone is asked for, nothing is gone on with,
    and what is told of thinking is what its spec says."""
    kits = {}
    for name, task in plan.data.items():
        own = _own_exemplars(task, plan.modes, plan.options)
        for mode in plan.modes:
            entry = recorded.modes.get(f"{name}/{mode.name}")
            before = replace(mode, turns=tuple(replace(turn, answer="") for turn in mode.turns))
            turns = {turn.name: turn for turn in (before.own, *before.turns)} | {"": before.own}
            kits[name, mode.name] = TaskKit(
                data=task,
                answer_type=task.task.answer.type,
                mode=before,
                prompts=plan.prompts,
                sampling={
                    key: _sampling(before, key, turn, plan.options, KINDS[task.task.answer.type])
                    for key, turn in turns.items()
                },
                thinking={key: entry.told(key) if entry is not None else None for key in turns},
                num_fewshot=plan.options.num_fewshot,
                own_exemplars=own,
            )
    return kits


def _check_options(mode: Mode, task: TaskData) -> None:
    if all(KINDS[kind].likeliest for kind in task.task.kinds):
        return
    found = f"--mode {mode.name}: the questions of {task.task.name} have no options."
    if mode.own.answer in ("likeliest", "choice"):
        raise UsageError(found, "Use direct for this task.")
    if mode.settles is not None and mode.settles(mode.values) is None:
        raise UsageError(found, "Use by=votes, or leave by= out.")


def _check_template(kit: TaskKit, question: Question) -> None:
    """Render each turn once before a model is loaded; and see that templates show the exemplars that were asked for."""
    bare = replace(kit, num_fewshot=0)
    for turn in kit.mode.turns:
        shown = kit.example_request(question, turn)
        if kit.num_fewshot and turn.few_shot and shown.messages == bare.example_request(question, turn).messages:
            raise UsageError(
                f"--num-fewshot {kit.num_fewshot}: the template {shown.template}.jinja doesn't show exemplars.",
                "Let it loop over `exemplars`, as the shipped ones do, or use --num-fewshot 0.",
            )


def apart(plan: RunPlan) -> list[str]:
    """Say of which modes some turns don't show the exemplars that were asked for."""
    if not plan.options.num_fewshot:
        return []
    without = {mode.name: [turn.name for turn in mode.turns if not turn.few_shot] for mode in plan.modes}
    return [
        f"{name}: exemplars are shown where the answer is asked for, not in its turns {', '.join(turns)}"
        for name, turns in without.items()
        if turns
    ]


def _check_server_options(options: RunOptions) -> None:
    """Refuse what is for servers where there is none, and ask again for what a manifest doesn't hold of it."""
    sent = {"--extra-body": options.extra_body, "--header": options.headers, "--tokenizer": options.tokenizer}
    for option, given in sent.items():
        if given and options.engine_name != "openai":
            found = f"{option}: engine '{options.engine_name}' sends nothing to a server."
            raise UsageError(found, "It is for --engine openai.")
    if options.ray_address is not None and "ray" not in (options.engine_name, options.judge_engine_name):
        found = f"--ray-address: engine '{options.engine_name}' doesn't run on a Ray cluster."
        raise UsageError(found, "It is for --engine ray.")
    if hidden := min((name for name, value in options.headers.items() if value == MASK), default=""):
        raise UsageError(
            f"--header: the value of {hidden} is on no record.", f"Give it again, as in --header '{hidden}=VALUE'."
        )
    if MASK in (options.base_url or ""):
        found = f"--base-url: of {options.base_url} a part that is secret is on no record."
        raise UsageError(found, "Give the whole address again.")
    tokenizer = options.tokenizer
    if tokenizer is not None and not is_there(tokenizer) and not _HUB_ID.fullmatch(tokenizer):
        found = f"--tokenizer: there is no folder {tokenizer or '(an empty name)'}."
        raise UsageError(found, "Name a folder with tokenizer.json and tokenizer_config.json, or a Hub id.")


def _check_judge(options: RunOptions, modes: Sequence[Mode]) -> None:
    """Refuse a second model that nobody asks, and what is said of one that isn't named."""
    said = {
        "--judge-engine": options.judge_engine,
        "--judge-base-url": options.judge_base_url,
        "--judge-args": options.judge_args,
    }
    if options.judge_model is None:
        if alone := next((option for option, given in said.items() if given), ""):
            raise UsageError(f"{alone}: there is no second model.", "Name it, as in --judge-model NAME.")
        return
    empty = {"--judge-model": options.judge_model, "--judge-base-url": options.judge_base_url}
    if blank := next((option for option, given in empty.items() if given is not None and not given.strip()), ""):
        raise UsageError(f"{blank} is empty.", "Name the judge, or leave it out: then the model judges itself.")
    if not any(mode.judges for mode in modes):
        asking = ", ".join(mode.name for mode in MODES.values() if mode.judges) or "none"
        found = "--judge-model: none of the modes of this run has anything judged."
        raise UsageError(found, f"Modes that do: {asking}.")
    if MASK in (options.judge_base_url or ""):
        found = f"--judge-base-url: of {options.judge_base_url} a part that is secret is on no record."
        raise UsageError(found, "Give the whole address again.")
    with told_of_judge():
        find_engine(options.judge_engine_name)


def _check_borrowing(options: RunOptions, modes: Sequence[Mode]) -> None:
    """Refuse arms that ask for replies to other questions of the run where these may be in another shard."""
    if options.shard is not None and (borrowing := [mode.name for mode in modes if mode.borrows]):
        found = (
            f"--shard: {', '.join(borrowing)} takes thoughts of the run's other questions, which are in other shards."
        )
        raise UsageError(found, "Run this arm by itself, unsplit; reports read both runs together.")


def _check_per_mode(options: RunOptions, modes: Sequence[Mode]) -> None:
    """What is set for single modes must be of modes of this run, and something that they have."""
    turns = [(mode.option_name(turn), turn) for mode in modes for turn in mode.turns]
    paths = {name for name, turn in turns if turn.draws}
    of = {turn.of for _, turn in turns if turn.of}
    single, names = options.gen_kwargs.get("modes", {}), {mode.called for mode in modes} | of
    for option, given, known, what in (
        ("--max-tokens", options.max_tokens, {name for name, _ in turns}, "has no budget of its own in this run"),
        ("--paths", options.paths, paths, "draws no paths in this run"),
        ("--gen-kwargs", single, names, "is not among the modes of this run"),
    ):
        if unknown := set(given) - known - {"*"}:
            have = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{option}: {', '.join(sorted(unknown))} {what}.", f"Known here: {have}.")
    if options.paths and not paths:
        *some, last = [mode.name for mode in MODES.values() if any(turn.draws for turn in mode.turns)]
        remedy = f"{', '.join(some)} and {last} do."
        raise UsageError("--paths: none of the modes of this run draws several paths.", remedy)


def _own_exemplars(data: TaskData, modes: Sequence[Mode], options: RunOptions) -> bool:
    """Whether few-shot exemplars are the task file's own although the task can draw them from a split.

    One source serves all modes of a run, or their difference would be one of exemplars too: the rows of a split have
    no programs and no plans, so a run with a mode that shows these takes the task file's own."""
    if data.task.fewshot is None or not options.num_fewshot or options.exemplars == "split":
        return False
    return options.exemplars == "own" or any(mode.shows in ("program", "equations") for mode in modes)


def _unique(option: str, names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise UsageError(f"{option}: name at least one.", f"See `cotbench list {option.strip('-')}s`.")
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"{option}: {', '.join(doubled)} is named twice.", "Name each once.")
    return names


def _sampling(mode: Mode, key: str, turn: Turn, options: RunOptions, kind: AnswerKind) -> Sampling:
    """Work out how a turn is drawn: its own way, changed by --gen-kwargs, and its budget by --max-tokens before that.

    key: the turn's name, "" for what the mode's name stands for. One path is greedy. A shared turn is drawn as the run
    says, not as one of its modes does, so that it is generated once for all of them."""
    name = mode.option_name(turn) if key or turn.of else mode.called
    given = _given(mode, key, turn, options)
    said = options.paths.get(name, options.paths.get("*", turn.paths)) if turn.draws else turn.paths
    n = int(said or 1)
    votes = n > 1 or (turn.paths or 0) > 1 or turn.drawn
    line = turn.answer in ("begun", "likeliest", "choice")  # of which the rest is written
    own_budget = kind.line_tokens if turn.answer == "begun" else 1 if line else turn.max_tokens
    budgets = (
        turn.tuned.get("max_tokens"),
        options.max_tokens.get(name),
        options.max_tokens.get("*"),
        given.get("max_tokens"),
        own_budget,
    )
    stop = given.get("stop", ())
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    return Sampling(
        max_tokens=next(budget for budget in budgets if budget is not None),
        temperature=float(given.get("temperature", turn.temperature if votes else 0.0)),
        top_p=float(given.get("top_p", turn.top_p if votes else 1.0)),
        n=n,
        stop=(*stops, LINE_END) if turn.answer == "begun" and LINE_END not in stops else stops,
        extra=tuple((name, given[name]) for name in sorted(KEYS.keys() & given.keys())),
    )


def _given(mode: Mode, key: str, turn: Turn, options: RunOptions) -> dict[str, Any]:
    """What was asked for by name of how a turn is drawn: of a shared one by the run, not by one of its modes. key: as
    of `_sampling`."""
    single = {} if key and turn.shared else options.gen_kwargs.get("modes", {}).get(turn.of or mode.called, {})
    return {**options.gen_kwargs, **single, **turn.tuned}


ARMS = 1  # the version of what a spec says of arms
DRAWN = 1  # the version of the order of `questions/drawing.py`
CHARS_PER_TOKEN = 4  # of English text under the usual tokenizers, roughly
ESTIMATE_FROM = 200  # questions of each task


def estimate(plan: RunPlan) -> list[dict[str, Any]]:
    """Requests and tokens per task and mode, before anything is loaded: the budget is the upper end of completions."""
    rows = []
    counted: set[tuple[str, str]] = set()  # shared turns of a task, which modes after the first get for nothing
    for (task, mode), kit in plan.kits.items():
        questions = plan.questions[task]
        count = len(questions)
        some = questions[:: max(1, count // ESTIMATE_FROM)]
        rests = (task, kit.mode.facts.of) in plan.kits  # and then the other arm's reply isn't asked for again
        turns = [turn for turn in kit.mode.turns if (task, turn.name) not in counted and not (rests and turn.of)]
        counted |= {(task, turn.name) for turn in turns if turn.shared}
        asked = {turn.name: kit.asked(turn) for turn in turns}
        paths = {name: times * kit.sampling[name].n for name, times in asked.items()}
        chars = sum(
            asked[turn.name] * sum(len(m.text) for m in kit.example_request(question, turn).messages)
            for question in some
            for turn in turns
        ) / len(some)
        rows.append(
            {
                "task": task,
                "mode": mode,
                "questions": count,
                "requests": count * sum(asked.values()),
                "paths": count * sum(paths.values()),
                "prompt_tokens_about": round(chars / CHARS_PER_TOKEN * count),
                "completion_tokens_at_most": count
                * sum(n * kit.sampling[name].max_tokens for name, n in paths.items()),
            }
        )
    return rows


def engine_config(plan: RunPlan, recorded: RunSpec | None = None) -> EngineConfig:
    """How to open the engine for a plan. recorded: of the run that is gone on with; one that knew no arms wants
    nothing."""
    knows_arms = recorded is None or recorded.arms > 0
    return EngineConfig.of(
        plan.options,
        headers={name: header_value(name, value) for name, value in plan.options.headers.items()},
        wants=frozenset(w for mode in plan.modes for w in wants(mode, plan.options.thinking) if knows_arms),
        sampling_keys=frozenset(
            name
            for mode in plan.modes
            for turn in mode.turns
            for name in KEYS.keys() & _given(mode, turn.name, turn, plan.options).keys()
        ),
        questions=plan.all_questions,
        golds=plan.golds,
        forms={name: data.task.answer.form for name, data in plan.data.items()}
        | {
            f"{name}/{part.name}": data.task.asked(part.name).answer.form
            for name, data in plan.data.items()
            for part in data.task.parts
        },
        kinds={name: data.task.answer.type for name, data in plan.data.items()},
    )


def second_config(plan: RunPlan, recorded: RunSpec | None = None) -> EngineConfig | None:
    """How to open the engine of the second model; None where no mode of the plan asks one."""
    options = plan.options
    if options.judge_model is None:
        return None
    return replace(
        judge_config(options, engine_config(plan, recorded)),
        wants=frozenset({"off"} | {"rewards" for mode in plan.modes for turn in mode.turns if turn.rewarded}),
    )


def judge_config(options: RunOptions, config: EngineConfig) -> EngineConfig:
    """What a run's own engine is opened with, as the second model's is."""
    url = options.judge_base_url
    if url is None and options.judge_engine_name == options.engine_name == "openai":
        url = options.base_url
    same = url == options.base_url and options.engine_name == "openai"
    return replace(
        config,
        model=options.judge_model or config.model,
        model_args=options.judge_args,
        base_url=url,
        chat_template="auto",
        tokenizer=None,
        extra_body={},
        headers={},
        key_variable=KEY if same and not own_key(JUDGE_KEY) else JUDGE_KEY,  # no server is told another's key
    )


def check_engine(plan: RunPlan) -> str:
    """Refuse what the plan's engines would refuse of their arguments when they are opened, without a model, a server or
    an engine's package. Return what couldn't be checked, in words; "" where all was."""
    untried = [_check_engine(plan.options.engine_name, engine_config(plan))]
    if (second := second_config(plan)) is not None:
        with told_of_judge():
            untried.append(of_judge(_check_engine(plan.options.judge_engine_name, second)))
    return "; ".join(filter(None, untried))


def _check_engine(name: str, config: EngineConfig) -> str:
    row = find_engine(name)
    untried = check_before_loading(row.name, config.path, config.model_args)
    if not row.needs:  # it has no model, so that opening it is the check
        open_engine(row.name, config).close()
    return untried


def header_value(name: str, value: str) -> str:
    """A header's value, or what the environment variable holds that it names as "$NAME"."""
    if not (value.startswith("$") and value[1:].isidentifier()):
        return value
    found = os.environ.get(value[1:], "").strip()
    if not found or not found.isprintable():
        state = "not set" if not found else "of more than one line"
        raise UsageError(
            f"--header {name}: the environment variable {value[1:]} is {state}.", "Set it, or give the value."
        )
    return found


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """What differs between two specs, as "place: old -> new"."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [(key, f"{path}.{key}" if path else str(key)) for key in {**old, **new}]
        return [line for key, place in keys for line in differences(old.get(key), new.get(key), place)]
    shown = ["nothing" if value is None else json.dumps(value, ensure_ascii=False) for value in (old, new)]
    return [] if old == new else [f"{path}: {' -> '.join(shown)}"]
