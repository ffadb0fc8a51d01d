"""Text generation behind one small protocol: submit and poll, no barriers.

An engine's package is imported only when that engine is opened. Each engine renders requests in its own way (chat
template and tokens, messages, or plain text) and says in `describe` what it did.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from cotbench import demo
from cotbench.errors import ModelError, UsageError, suggest
from cotbench.plugins import Table, lacking
from cotbench.types import Key, Question, Reply, Request

Continues = Literal["tokens", "server", "replayed", ""]  # how an engine goes on from the beginning of a reply

# prompt: the text that the model saw. path tokens: how many tokens each of several paths has, where only their sum is
# told. seeds: paths that a seed repeats.
Lack = Literal["prompt", "path tokens", "seeds"]


@dataclass(frozen=True, kw_only=True)
class ThinkingInfo:
    """What is known of how a model thinks, and how it is told to.

    family: the row of `engines/families.yaml`; "" where none fits. default: what the model does when it is told
    nothing: "on", "off", or "" where that isn't known.
    off: how it is kept from thinking: "switch" (its chat template's), "closed" (an empty thought is written for it),
    "never" (it has no thoughts to switch off), "unknown" (a server whose model is in no row is sent the common
    switches, and may ignore them), "" where it can't be.
    on: how it is made to think, likewise: "switch", "always", "unknown", "" where it can't.
    efforts: the words that its chat template or server takes as an effort, from the least to the most.
    budget: how a limit of its thought is kept: "switch" (the chat template's), "engine", "" where it can't be.
    sampling: how its card says that thinking is to be sampled; max_tokens among it is the budget of thought and answer.
    own: the fingerprint of the row, where it is one of the user's.
    """

    family: str = ""
    own: str = ""
    default: Literal["on", "off", ""] = ""
    off: Literal["switch", "closed", "never", "unknown", ""] = "unknown"
    on: Literal["switch", "always", "unknown", ""] = "unknown"
    efforts: tuple[str, ...] = ()
    budget: Literal["switch", "engine", ""] = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """What an engine says of itself, for the manifest.

    revision: the model's commit on the Hub, or a fingerprint of its files, or what a server tells; "" = unknown.
    chat_template: "model" (its own), "none" (plain text), "server", or a file's name; chat_template_hash: of its text.
    tokenizer: which one makes the tokens that a server is sent, as a revision says it; "" where none was named.
    system_role: "native", "folded" (into the first user turn, where the template has no system role) or "none".
    continues: how it goes on from the beginning of a reply: "tokens" (exactly: it holds the tokens), "server" (the
    server's chat endpoint does, as a probe found), "replayed" (what is replayed was begun so), "" where it can't.
    likelihoods: whether it tells the probabilities of options. rewards: whether it is a reward model's, which scores
    replies and writes none. confidence: of how many of the likeliest tokens at each place of a reply it tells the
    log-probabilities, by which confidence is measured; 0 where it tells none. thinking: how the model's thinking is
    controlled. seconds: what the seconds of its replies are, in words; "" where it can't tell what one reply took, as
    where many are generated in one batch. lacks: what it can't tell or do that other engines can. notes: what it did
    differently, in words. warnings: what changes what was asked, or how replies were read: told when the run ends, and
    in its report.
    """

    engine: str
    model: str
    version: str = ""
    revision: str = ""
    chat_template: str = "none"
    chat_template_hash: str = ""
    tokenizer: str = ""
    system_role: str = "native"
    device: str = ""
    dtype: str = ""
    max_model_len: int | None = None
    continues: Continues = ""
    likelihoods: bool = False
    rewards: bool = False
    confidence: int = 0
    thinking: ThinkingInfo = field(default_factory=ThinkingInfo)
    seconds: str = ""
    lacks: tuple[Lack, ...] = ()
    carried: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        row = asdict(self)
        return row if row["carried"] else {name: value for name, value in row.items() if name != "carried"}

    def identity(self) -> dict[str, str]:
        """What results depend on. An empty thought that is written for the model is a part of prompts that the chat
        template's hash doesn't tell: runs of versions that wrote none aren't gone on with. Nor does it tell the user's
        row by which a model is told to think, or a tokenizer that a server's prompts are made into tokens with."""
        names = ("engine", "model", "revision", "dtype", "chat_template", "chat_template_hash")
        more = {
            "thoughts": "closed" if self.thinking.off == "closed" else "",
            "family": self.thinking.own,
            "tokenizer": self.tokenizer,
        }
        return {name: getattr(self, name) for name in names} | {name: value for name, value in more.items() if value}


def located(model: str) -> str:
    """The folder of a model that comes with cotbench, else its name as it is."""
    folder = demo.MODELS.get(model)
    return str(folder) if folder is not None and folder.is_dir() else model


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """How to open an engine. seed: the run's, from which each sampled request's own is derived.

    families: a file of more rows like those of `engines/families.yaml`, which go first. tokenizer: of a server's model,
    a name or folder; where it is given prompts are rendered here and sent as tokens. wants: what a run will ask of a
    server beside plain replies, so that it is tried at the opening: "continue" (going on from the beginning of a
    reply), "off" (no thinking, which may have to be had by going on from an empty thought), "thoughts" (thinking, which
    the stub has only where it is wanted), "likelihoods" (the probabilities of options), "confidence" (the
    log-probabilities of likely tokens all along a reply), "rewards" (scores of replies, where the model may be a reward
    model). ray_address: of the Ray cluster on which replicas are to run. extra_body and headers: what servers are sent
    besides. thinking: on or off where every mode was told so, else auto. key_variable: the environment variable that
    holds a server's key. sampling_keys: the keys of `engines/sampling.py` that were asked for by name. questions: by
    id, for the engines that look outputs up. golds (by id), forms and kinds (by task) are the answer key and how
    answers are written: `open_engine` hands them to those engines only whose row says that they need the key.
    """

    model: str
    model_args: Mapping[str, Any] = field(default_factory=dict)
    base_url: str | None = None
    ray_address: str | None = None
    concurrency: int = 64
    chat_template: str = "auto"
    families: str | None = None
    tokenizer: str | None = None
    wants: frozenset[str] = frozenset()
    seed: int = 0
    trust_remote_code: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    key_variable: str = "OPENAI_API_KEY"
    thinking: str = "auto"
    sampling_keys: frozenset[str] = frozenset()
    questions: Mapping[str, Question] = field(default_factory=dict)
    golds: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: object, **others: Any) -> EngineConfig:
        """The configuration whose fields are those of `options` that have the same name, and the others that are
        given."""
        same = {one.name: getattr(options, one.name) for one in fields(cls) if hasattr(options, one.name)}
        return cls(**{**same, **others})

    @property
    def path(self) -> str:
        """What is loaded: the model's name, or the folder of one that comes with cotbench."""
        return located(self.model)


class Engine(Protocol):
    """Generates completions.

    capacity: how many requests it wants in flight at once; more are accepted, fewer leave it idle. One that works
    whether anybody waits for it or not has a method `arrives(wait_s)` as well, which says whether `poll` would return
    at once, now or before so many seconds. One that holds the model's tokenizer has a method `token_ends(text)`, which
    says where the tokens of a text end, or None.
    """

    capacity: int

    def submit(self, key: Key, request: Request) -> None:
        """Take a request; returns at once."""

    def poll(self) -> list[tuple[Key, Reply]]:
        """Finished requests: waits for at least one; [] only when nothing is in flight.

        A request that failed comes back as a Completion with finish_reason "error". Raises ModelError where the engine
        as a whole can't go on.
        """

    def cancel(self) -> list[Key]:
        """Take back requests that have not begun, so that an interrupted run ends sooner; their addresses."""

    def describe(self) -> EngineInfo:
        """What the engine says of itself now; it may have learnt something since it was opened."""

    def preview(self, request: Request) -> str:
        """What would be sent, as text."""

    def close(self) -> None:
        """Let go of the model or the server; nothing may be in flight."""


@dataclass(frozen=True)
class EngineRow:
    """An engine that there is. needs: its packages, which the extra of that name installs. needs_key: it has no
    model, and is handed the right answers; no other engine ever sees one. continues: whether it can, or may, go on
    from the beginning of a reply. factory: what opens it, an object of its module; module: "" for that of this package
    which has its name, else a plugin's. carries: it generates nothing itself; each of its replicas has another engine,
    which --model-args engine=NAME names."""

    name: str
    factory: str
    about: str
    needs: tuple[str, ...] = ()
    extra: str = ""
    needs_key: bool = False
    continues: bool = False
    module: str = ""
    carries: bool = False

    def missing(self) -> list[str]:
        """Return the packages that aren't installed."""
        return [package for package in self.needs if importlib.util.find_spec(package) is None]


ENGINES: Table[EngineRow] = Table(
    "engines",
    EngineRow,
    (
        EngineRow("vllm", "opened", "vLLM in process: everything in flight at once, prefix caching; the default",
                  needs=("vllm",), extra="vllm", continues=True),
        EngineRow("openai", "OpenAIEngine", "any OpenAI-compatible server: --base-url, key from OPENAI_API_KEY",
                  needs=("aiohttp",), continues=True),
        EngineRow("transformers", "opened", "Hugging Face transformers: the slow reference",
                  needs=("transformers", "torch"), extra="transformers", continues=True),
        EngineRow("ctranslate2", "CTranslate2Engine",
                  "CTranslate2: converted models on a CPU, without torch; runs the models `demo` and `demo-thinker`",
                  needs=("ctranslate2", "tokenizers"), extra="cpu", continues=True),
        EngineRow("ray", "RayEngine", "replicas of another engine on many GPUs or machines, by Ray: "
                  "--model-args engine=vllm,replicas=8",
                  needs=("ray",), extra="ray", carries=True),
        EngineRow("stub", "StubEngine", "no model: right on a set share of questions; its numbers mean nothing",
                  needs_key=True, continues=True),
        EngineRow("replay", "ReplayEngine",
                  "outputs you already have: --model-args path=outputs.jsonl, or an earlier run's folder"),
    ),
    taken=lambda row, module: replace(row, module=row.module or module),
)  # fmt: skip
DEFAULT_ENGINE = "vllm"
_ALONE = frozenset({"openai", "replay"})  # whose work another machine does, or nobody
OF_OWN_MODELS = {"stub": "stub", **dict.fromkeys(demo.MODELS, "ctranslate2")}  # that come with cotbench


def engine_of(model: str) -> str:
    """The name of the engine that runs a model where --engine names none."""
    return OF_OWN_MODELS.get(model, DEFAULT_ENGINE)


def find_engine(name: str) -> EngineRow:
    """Return an engine's row. Raises UsageError where there is none."""
    if name not in ENGINES:
        other = {"hf": "transformers", "local-completions": "openai", "local-chat-completions": "openai"}.get(name)
        if reason := lacking("engines", name):
            remedy = "See `cotbench doctor --verbose`."
            raise UsageError(f"--engine: there is no engine '{name}' that works. {reason}", remedy)
        remedy = f"Here it is called '{other}'. " if other else ""
        raise UsageError(f"--engine: there is no engine '{name}'.", f"{remedy}Known: {', '.join(ENGINES)}.")
    return ENGINES[name]


def carried_engine(name: str, model: str, model_args: Mapping[str, Any]) -> EngineRow:
    """Return the row of the engine that generates: of one that carries others, the one that its replicas have. Raises
    UsageError where there is none, or none that can be carried."""
    row = find_engine(name)
    if not row.carries:
        return row
    inner = find_engine(str(model_args.get("engine") or engine_of(model)))
    if inner.carries or inner.name in _ALONE:
        raise UsageError(
            f"--model-args: engine '{name}': engine is {inner.name}, of which there can't be replicas.",
            f"Known: {', '.join(one for one in ENGINES if not ENGINES[one].carries and one not in _ALONE)}. A server "
            "that many machines stand behind is asked by --engine openai.",
        )
    return inner


def require_engine(name: str, model: str = "") -> EngineRow:
    """Return an engine's row. Raises UsageError where there is no such engine, ModelError where its package is
    missing. model: which is to be run, by an engine that is installed where one could."""
    row = find_engine(name)
    if missing := row.missing():
        remedy = f'pip install "cotbench[{row.extra}]"' if row.extra else f"pip install {' '.join(missing)}"
        raise ModelError(f"engine '{name}' needs the {missing[0]} package: {remedy}", _installed_for(model))
    return row


def _installed_for(model: str) -> str:
    """What to do with a model by the engines that are installed; "" where none of them runs models. One whose name is
    nearly that of a model of ours is taken for a slip."""
    if not Path(model).is_dir() and (own := suggest(model, OF_OWN_MODELS)):
        return own
    folder, here = Path(model), [row.name for row in ENGINES.values() if row.extra and not row.missing()]
    converted = any((place / "model.bin").is_file() for place in (folder, folder / "ctranslate2"))
    original = folder.is_dir() and not converted
    if "ctranslate2" in here and converted:
        return "ctranslate2 is installed and runs this model: add --engine ctranslate2"
    if "transformers" in here and model and not converted:
        return "transformers is installed and runs this model, slowly: add --engine transformers"
    if "ctranslate2" in here and (original or model):
        return (
            "ctranslate2 is installed and runs this model once it is converted: ct2-transformers-converter --model "
            f"{model} --output_dir FOLDER --copy_files tokenizer.json tokenizer_config.json; then --model FOLDER "
            "--engine ctranslate2"
        )
    return ""


def open_engine(name: str, config: EngineConfig) -> Engine:
    """Open an engine by name. Raises ModelError where its package or its model is not available."""
    row = require_engine(name, config.model)
    module = importlib.import_module(row.module or f"cotbench.engines.{row.name}")
    if not carried_engine(name, config.model, config.model_args).needs_key:
        config = replace(config, golds={}, forms={}, kinds={})
    engine: Engine = getattr(module, row.factory)(config)
    return engine
