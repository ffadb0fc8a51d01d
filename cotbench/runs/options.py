"""What a person can ask of a run: `RunOptions`, each field of which says how it is typed on the command line.

Whoever adds an option adds one field here. The commands that take options (`cotbench run`, `show-prompt`, `exec`) are
given their flags from this table by `cli/flags.py`. Every command imports this file, so it must load in no time: its
annotations are objects and not texts, since reading these back takes as long as all the rest.
"""

# ruff: noqa: RUF009 - `_option` declares a field

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from cotbench.errors import RunError
from cotbench.runs import parsing


@dataclass(eq=False, repr=False)
class Flag:
    """How an option is typed on the command line.

    names: "--model -m", the first of which messages use. help: what `--help` says of it. parse: makes the field's
    value of what was typed, or of None where nothing was, and raises UsageError; typed: the type of what it is given.
    anchor: makes a value that may name a file mean the same in another working directory, since `--resume` may be
    typed there. mask: makes a typed word safe to be recorded, where it may hold a key. choices: the words that it may
    be. minimum: the smallest number that it may be. metavar: what stands for the value in the help text. variable:
    the environment variable that it defaults to. after: the field behind which it stands in the help text, where that
    isn't the one before it. resumable: whether `--resume` takes it from the run's manifest; a folder may come from
    somebody else, and can't switch on their model's code or take the walls down."""

    names: str
    help: str
    typed: Any = str | None
    parse: Callable[[Any], Any] | None = None
    anchor: Callable[[Any], Any] | None = None
    mask: Callable[[str], str] | None = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    metavar: str | None = None
    variable: str | None = None
    after: str = ""
    resumable: bool = True

    def value(self, typed: Any) -> Any:
        """The field's value for what was typed. Raises UsageError where that can't be one."""
        if self.choices:
            parsing.one_of(self.names, typed, self.choices)
        return typed if self.parse is None else self.parse(typed)


_Texts = list[str] | None


def _option(names: str, about: str, default: Any = MISSING, **typing: Any) -> Any:
    """Declare a field by its flag. A mapping that is a default is made anew for each object."""
    metadata = {"flag": Flag(names, about, **typing)}
    if default == {}:
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


_folder = partial(_option, default=None, typed=Path | None, parse=parsing.absolute)


@dataclass(kw_only=True)
class RunOptions:
    """What a person asked for. Everything here is JSON, so that a manifest can hold it and `--resume` start from it.

    The order of the fields is the one in which a manifest holds them."""

    model: str = _option("--model -m", "A Hub id, a folder, a server's model name, 'demo', 'demo-thinker' or 'stub'.")
    tasks: list[str] = _option(
        "--task --tasks -t",
        "Tasks, by name (`cotbench list tasks`), task file or your own .jsonl, .csv ..., or suites of them: paper, "
        "core, quick (`cotbench list suites`) or your own; with commas or repeated.",
        typed=_Texts,
        parse=parsing.names,
        anchor=parsing.absolute_files,
    )
    modes: list[str] = _option(
        "--mode --modes",
        "Prompting methods (`cotbench list modes`); with commas or repeated. Where none is given: direct and cot, and "
        "free and think for a model with a switch for thinking.",
        typed=_Texts,
        parse=parsing.names,
    )
    engine: str | None = _option(
        "--engine", "vllm (the default), openai, transformers, ctranslate2, ray, stub or replay.", None
    )
    model_args: dict[str, Any] = _option(
        "--model-args -a",
        "Arguments of the engine, as k=v,k2=v2 (tensor_parallel_size, max_model_len, dtype ...); "
        "`cotbench list engines --verbose` names ours, as max_retries and timeout_s of servers.",
        {},
        parse=parsing.model_args,
        anchor=parsing.absolute_path,
    )
    gen_kwargs: dict[str, Any] = _option(
        "--gen-kwargs",
        "Sampling for every mode, as temperature=0.7,top_p=0.9; also top_k, min_p, penalties, reasoning_effort ... "
        "where the engine has them.",
        {},
        parse=parsing.gen_kwargs,
    )
    max_tokens: dict[str, int] = _option(
        "--max-tokens",
        "Budget per answer, as cot=2048,direct=32, or one number for all modes.",
        {},
        parse=parsing.max_tokens,
    )
    paths: dict[str, int] = _option(
        "--paths",
        "Paths that vote, as 20, or self-consistency=40,pal=5. Default: 20 for self-consistency and direct-votes, "
        "1 (greedy) for pal.",
        {},
        parse=parsing.paths,
    )
    num_fewshot: int = _option("--num-fewshot -f", "Exemplars before the question; 0 is zero-shot.", 0)
    exemplars: str = _option(
        "--exemplars",
        "own (the task file's), split (the data set's, where the task names one), auto: split, unless a mode "
        "shows programs or plans; or a file of exemplars, with columns as your questions have (and `rationale`).",
        "auto",
        anchor=parsing.absolute_file,
    )
    columns: dict[str, str] = _option(
        "--columns",
        "Of your own file of questions: which column holds what, as question=text,answer=gold; A+B+C "
        "joins columns. index=0 or 1: how options are counted that answers name by a number.",
        {},
        parse=parsing.columns,
        metavar="<k=v,..>",
        after="tasks",
    )
    kind: str | None = _option(
        "--kind",
        "Of your own file of questions: the kind of its answers (number, latex, letter, text, boolean ...), or each: "
        "every question's own. Without it, it is told from the answers.",
        None,
        metavar="KIND",
        after="columns",
    )
    limit: int | None = _option(
        "--limit -L",
        "Questions per task: a seeded sample, stratified by group, the same in every mode.",
        None,
        parse=parsing.limit,
        metavar="<int>",
    )
    shard: str | None = _option(
        "--shard",
        "Ask one of several parts of the questions, as 3/8: the third of eight, the same split in every mode. "
        "`cotbench merge` makes one run of them.",
        None,
        parse=parsing.shard,
        metavar="<n>/<of>",
        after="limit",
    )
    replicates: int = _option(
        "--replicates",
        "How often every arm is asked: what answers alike change between repeats is noise, and intervals hold it.",
        1,
        minimum=1,
        metavar="<int>",
        after="shard",
    )
    wordings: int = _option(
        "--wordings",
        "In how many wordings every arm's instruction is given, the template's own the first; under each, lettered "
        "options stand in another order. With --replicates each wording is repeated.",
        1,
        minimum=1,
        metavar="<int>",
        after="replicates",
    )
    until: str | None = _option(
        "--until",
        "Ask questions in a random order and stop when each difference from the baseline is known: 2, to 2 points up "
        "and down, or sign. Intervals then hold wherever it stops.",
        None,
        parse=parsing.until,
        metavar="GOAL",
        after="shard",
    )
    max_tokens_total: int | None = _option(
        "--max-tokens-total",
        "Stop once so many tokens, of prompts and completions, are on record; in a random order, as --until.",
        None,
        minimum=1,
        metavar="<int>",
        after="until",
    )
    max_cost: float | None = _option(
        "--max-cost",
        "Stop once the run has cost so much, by --prices; in a random order, as --until.",
        None,
        parse=parsing.max_cost,
        metavar="<num>",
        after="max_tokens_total",
    )
    max_hours: float | None = _option(
        "--max-hours",
        "Stop once the run has taken so many hours, all its sessions together; in a random order, as --until.",
        None,
        parse=parsing.max_hours,
        metavar="<num>",
        after="max_cost",
    )
    seed: int = _option("--seed", "Seed of --limit, of sampling and of the order of --until.", 0)
    skip_missing: bool = _option(
        "--skip-missing",
        "Go on without tasks that can't be had (a gated data set, say). Which these are is recorded, and reports name "
        "them; without it a run ends before a token is spent.",
        False,
        after="max_hours",
    )
    base_url: str | None = _option(
        "--base-url", "Address of an OpenAI-compatible server, with /v1.", None, mask=parsing.public_address
    )
    concurrency: int = _option("--concurrency", "Requests in flight at a server.", 64, minimum=1, metavar="<int>")
    chat_template: str = _option(
        "--chat-template",
        "auto (the model's own), none (plain text, for base models) or the path of a Jinja file.",
        "auto",
        anchor=parsing.absolute_file,
    )
    tokenizer: str | None = _option(
        "--tokenizer",
        "The tokenizer of a server's model, a Hub id or a folder: prompts are rendered here and sent as tokens to "
        "/completions.",
        None,
        anchor=parsing.absolute_if_there,
        metavar="NAME",
    )
    families: str | None = _option(
        "--families",
        "A YAML file with rows of your own on how models think and are told to; they go before the shipped ones.",
        None,
        anchor=parsing.absolute_if_there,
        metavar="FILE",
        after="thinking",
    )
    thinking: str = _option(
        "--thinking",
        "auto, on or off: what hybrid models' chat templates are told. auto is off for direct only.",
        "auto",
        choices=("auto", "on", "off"),
    )
    extra_body: dict[str, Any] = _option(
        "--extra-body",
        "Fields to be added to each request to a server. Recorded, and part of the run's identity.",
        {},
        parse=parsing.extra_body,
        metavar="JSON|@FILE",
        after="base_url",
    )
    ray_address: str | None = _option(
        "--ray-address",
        "For --engine ray: the Ray cluster on which replicas run (auto, or HOST:PORT), else RAY_ADDRESS; without both "
        "one of this machine is started, and ended with the run.",
        None,
        metavar="ADDRESS",
    )
    headers: dict[str, str] = _option(
        "--header",
        "A header for each request to a server; 'NAME=$VARIABLE' reads the environment. Values are not recorded.",
        {},
        typed=_Texts,
        parse=parsing.headers,
        mask=parsing.public_header,
        metavar="NAME=VALUE",
        after="extra_body",
    )
    trust_remote_code: bool = _option(
        "--trust-remote-code",
        "Let a model's repository run its own code. Recorded in the manifest.",
        False,
        resumable=False,
    )
    allow_unsandboxed_code: bool = _option(
        "--allow-unsandboxed-code",
        "Run model-written code without containment, with this user's rights. Recorded in the manifest.",
        False,
        resumable=False,
    )
    lock: str | None = _option(
        "--lock",
        "Fix the one contrast, margin and tag rule before the first token: auto (the first task, cot against direct), "
        "or as in --fail-if, 'delta\\[mmlu,cot], margin=2pt, tag_rule=eq_question'.",
        None,
        parse=parsing.lock,
        metavar="CONTRAST",
    )
    judge_model: str | None = _option(
        "--judge-model",
        "A second model, which judges what the first one writes, in modes that have something judged (best-of-n, tot, "
        "refine); without it the model judges itself.",
        None,
        metavar="NAME",
    )
    judge_engine: str | None = _option(
        "--judge-engine", "The engine of the second model; that of the first one, where nothing is said.", None
    )
    judge_base_url: str | None = _option(
        "--judge-base-url",
        "Address of the second model's server, with /v1; its key is in COTBENCH_JUDGE_API_KEY.",
        None,
        mask=parsing.public_address,
        metavar="TEXT",
    )
    judge_args: dict[str, Any] = _option(
        "--judge-args",
        "Arguments of the second model's engine, as --model-args.",
        {},
        parse=parsing.judge_args,
        anchor=parsing.absolute_path,
    )
    program_limits: dict[str, float] = _option(
        "--program-limits",
        "Of each program that is run, as cpu_s=5,memory_mb=512, and wall_s=30 (the defaults).",
        {},
        parse=parsing.program_limits,
    )
    reuse: str = _option(
        "--reuse",
        "Replies of earlier runs of the same model: auto (the default) takes those in --output-dir where the model's "
        "files are fingerprinted, off asks all anew, RUN[,RUN] takes those of runs that you name, a server's too.",
        "auto",
        parse=parsing.reuse,
        anchor=parsing.absolute_runs,
        metavar="auto|off|RUN",
    )
    data_dir: str | None = _folder(
        "--data-dir", "A folder in the Hub's layout, instead of the Hub.", variable="COTBENCH_DATA"
    )
    tasks_dir: str | None = _folder("--tasks-dir", "A folder with your own task files (*.yaml).")
    prompts_dir: str | None = _folder(
        "--prompts-dir", "A folder with your own templates (*.jinja); they go before the shipped ones."
    )

    @property
    def draws(self) -> bool:
        """Whether questions come in a random order, and the run may stop at any of them."""
        return any(one is not None for one in (self.until, self.max_tokens_total, self.max_cost, self.max_hours))

    @property
    def engine_name(self) -> str:
        from cotbench.engines import engine_of

        return self.engine or engine_of(self.model)

    @property
    def generating(self) -> str:
        """The engine that generates: of one that carries others, the one that its replicas have. Raises UsageError."""
        from cotbench.engines import carried_engine

        return carried_engine(self.engine_name, self.model, self.model_args).name

    @property
    def judge_engine_name(self) -> str:
        """The second model's engine: the one that is named, a server's where an address is, the one that models of ours
        have, else the first model's."""
        from cotbench.engines import OF_OWN_MODELS

        served = "openai" if self.judge_base_url else OF_OWN_MODELS.get(self.judge_model or "", self.engine_name)
        return self.judge_engine or served


TYPES: Mapping[str, Any] = RunOptions.__annotations__
_FIELDS: Mapping[str, Field[Any]] = {one.name: one for one in fields(RunOptions)}
FLAGS: Mapping[str, Flag] = {name: one.metadata["flag"] for name, one in _FIELDS.items()}
REQUIRED = frozenset(name for name, one in _FIELDS.items() if one.default is MISSING and one.default_factory is MISSING)


def in_order_of_help() -> list[str]:
    """The fields in the order in which the help text has them."""
    order = list(FLAGS)
    for name, flag in FLAGS.items():
        if flag.after:
            order.remove(name)
            order.insert(order.index(flag.after) + 1, name)
    return order


def typed_as(name: str) -> tuple[Any, Any]:
    """The type of what the command line gives for a field, and its value where nothing is typed."""
    flag, default = FLAGS[name], _FIELDS[name].default
    if flag.parse is not None:
        return flag.typed, None
    return (TYPES[name] | None, None) if default is MISSING else (TYPES[name], default)


def defaults() -> dict[str, Any]:
    """The values of all options where nothing is typed."""
    return {name: FLAGS[name].value(typed_as(name)[1]) for name in FLAGS}


def anchored(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of options, with those that name files absolute, so that a run can be resumed from another folder."""
    anchors = ((name, value, FLAGS[name].anchor) for name, value in given.items())
    return {name: value if anchor is None else anchor(value) for name, value, anchor in anchors}


LOGS = "logs"  # the option of an imported run that names what it was made of


def recorded_options(manifest: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a run's manifest. Raises RunError, which names that file, where they aren't what a run records."""
    from pydantic import TypeAdapter, ValidationError

    from cotbench.runs.provenance import with_home

    remedy = "Restore the file, or give the options again, without --resume."
    if LOGS in options:
        found = f"{manifest.parent}: was made of logs (`cotbench import`), so that nobody can be asked again."
        raise RunError(found, "To read and grade it again: cotbench score RUN. To change it: import the logs again.")
    if unknown := options.keys() - FLAGS.keys():
        raise RunError(f"{manifest}: options.{min(unknown):.40} is nothing that this version knows.", remedy)
    for name in (name for name in FLAGS if name in options):
        value = options[name]
        try:
            TypeAdapter(TYPES[name]).validate_python(value, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("options", name, *first["loc"])))
            raise RunError(f"{manifest}: {where} is {first['input']!r:.60}: {first['msg'].lower()}.", remedy) from None
        if (choices := FLAGS[name].choices) and value not in choices:
            known = parsing.listed(choices)
            raise RunError(f"{manifest}: options.{name} is {value!r:.60}, expected {known}.", remedy)
    if missing := REQUIRED - options.keys():
        raise RunError(f"{manifest}: options.{min(missing)} is missing.", remedy)
    if not options.get("modes", True):
        raise RunError(f"{manifest}: options.modes is [], expected at least one.", remedy)
    return dict(with_home(options))
