"""Run folders of HELM: `run_spec.json`, `scenario_state.json`, and beside them `per_instance_stats.json`, `stats.json`.

A question is an instance (or one way in which it was perturbed); its repeats are the trials, each with other exemplars,
and the completions of each. Of adapters that score each option by itself nothing was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cotbench.errors import DataError
from cotbench.logs.folders import of_task
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.logs.prompts import message
from cotbench.logs.values import REMEDY, Part, Skip, as_object, decode, made, mapped, object_of, raw_items, scalars
from cotbench.types import LETTERS, Completion, FinishReason, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "helm"
ABOUT = "run folders of HELM, or a folder of them"
SPEC, STATE, PER_INSTANCE, STATS = "run_spec.json", "scenario_state.json", "per_instance_stats.json", "stats.json"
_JOINT, _SEPARATE = "multiple_choice_joint", "multiple_choice_separate"
# Statistics about the run, and none of whether an answer is right.
_BESIDE = (
    "num_", "training_", "inference_", "batch_size", "finish_reason", "prompt_truncated", "max_prob", "logprob",
    "bits_per_byte", "perplexity", "denoised_", "idealized_", "predicted_index", "inference", "ece_", "platt_",
    "selective_", "prob_", "estimated_",
)  # fmt: skip
_ENDINGS: Mapping[str, FinishReason] = {"length": "length", "max_tokens": "length", "content_filter": "refused"}
_HIDDEN = ("[encrypted_text_", "[redacted]")
_ARM = ("method", "instructions", "global_prefix", "global_suffix", "input_prefix", "output_prefix", "output_suffix",
        "chain_of_thought_prefix", "chain_of_thought_suffix", "output_mapping_pattern")  # fmt: skip
# Keys of a run's name that say how questions were asked; others say which.
_ASKED = frozenset(
    """method data_augmentation max_train_instances num_train_instances num_train_trials num_outputs max_tokens stop
    num_output_tokens instructions use_chain_of_thought use_few_shot use_official_prompt prompt temperature eval_split
    output_format_instructions groups""".split()
)


class _Told(msgspec.Struct):
    """What one instance has for one trial: its readings and tokens."""

    scores: dict[str, float | None]
    prompt_tokens: int | None
    completion_tokens: int | None


class _States(msgspec.Struct):
    request_states: list[msgspec.Raw] | None = None


class _Trial(NamedTuple):
    """A request for an instance, as it stands in the file."""

    place: str
    raw: msgspec.Raw


_Key = tuple[str, str]  # an instance's id, and how it was perturbed


def tells(path: Path) -> bool:
    """Whether a folder is of a run of HELM, or holds some."""
    try:
        return path.is_dir() and next(_runs(path), None) is not None
    except OSError:
        return False


def _runs(folder: Path) -> Iterator[Path]:
    if (folder / SPEC).is_file() and (folder / STATE).is_file():
        yield folder
        return
    for one in sorted(folder.iterdir()):
        if one.is_dir() and (one / SPEC).is_file() and (one / STATE).is_file():
            yield one


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The log of a run's folder, or those of a folder of runs. Raises DataError."""
    if not path.is_dir():
        raise DataError(f"{path}: isn't a folder.", f"Name the folder of a run of HELM, which holds {STATE}.")
    return of_task(path, ((log.task, log) for log in map(_log, _runs(path))), options.task, "HELM")


def _object(path: Path) -> Part:
    return object_of(mapped(path), str(path))


def _log(run: Path) -> Log:
    spec = _object(run / SPEC)
    adapter, scenario = spec.part("adapter_spec"), spec.part("scenario_spec")
    method = adapter.text("method")
    arguments = {key: scenario.part("args").label(key) for key in _plain(scenario.part("args"))}
    base, asked_how, told = _named(spec.text("name"))
    arguments = {**told, **arguments}
    task = base + ("" if not arguments else ":" + ",".join(f"{key}={value}" for key, value in arguments.items()))
    first = next(_first(run), None)
    told_by_provider = first is not None and bool(_ending(first))
    notes = []
    if not (run / PER_INSTANCE).is_file():
        notes.append(f"no {PER_INSTANCE}: what HELM made of each output isn't recorded")
    splits = _splits(run)
    if len(splits) > 1:
        listed = ", ".join(f"{name} ({count:,})" for name, count in splits.items())
        notes.append(f"its questions are of {len(splits)} splits, {listed}, and HELM's figures of each by itself")
    shots, asked = adapter.count("max_train_instances"), None if first is None else first.count("num_train_instances")
    if shots is not None and asked is not None and asked < shots:
        notes.append(f"{asked} of {shots} exemplars are in the first prompt: more didn't fit")

    def samples(skip: Skip = None) -> Iterator[Sample]:
        return _samples(run, method, skip)

    return Log(
        path=run,
        format=NAME,
        task=task,
        model=adapter.text("model") or adapter.text("model_deployment"),
        model_args={"deployment": adapter.text("model_deployment")} if "model_deployment" in adapter else {},
        dataset=scenario.text("class_name").rpartition(".")[2],
        config=",".join(arguments.values()),
        split="" if first is None else first.part("instance").text("split"),
        sampling={} if method.startswith(_SEPARATE) else _sampling(adapter),
        shots=shots,
        arm={**_thinks(method, asked_how), **asked_how, **{key: adapter.any(key) for key in _ARM if adapter.any(key)}},
        kind="letter" if method.startswith("multiple_choice") else "",
        likelihoods=method.startswith(_SEPARATE),
        figures=list(_figures(run, method)) if len(splits) < 2 else (),
        inferred={} if told_by_provider else {"finish_reason": "cut where as many tokens were written as allowed"},
        notes=notes,
        samples=samples,
    )


def _named(name: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """A run's name in parts: what was run, how its questions were asked, of which questions."""
    base, _, rest = name.partition(":")
    pairs = dict(pair.split("=", 1) for pair in rest.split(",") if "=" in pair)
    how = {key: value for key, value in pairs.items() if key in _ASKED and key != "method"}
    return base, how, {key: value for key, value in pairs.items() if key not in {*_ASKED, "model", "model_deployment"}}


def _thinks(method: str, how: Mapping[str, str]) -> dict[str, bool]:
    """Whether a chain of thought was asked for, where the run says it: of options, by its method or name."""
    asked = method.endswith("chain_of_thought") or how.get("use_chain_of_thought", "").lower() == "true"
    return {"chain_of_thought": asked} if asked or method == _JOINT else {}


def _plain(part: Part) -> list[str]:
    return [key for key, value in part.value.items() if isinstance(value, str | int | float)]


def _sampling(adapter: Part) -> dict[str, Any]:
    drawn: dict[str, Any] = {"max_tokens": adapter.count("max_tokens"), "temperature": adapter.number("temperature")}
    stop = adapter.texts("stop_sequences")
    trials = (adapter.count("num_train_trials") or 1) * (adapter.count("num_trials") or 1)
    paths = trials * (1 if adapter.text("method").startswith("multiple_choice") else adapter.count("num_outputs") or 1)
    drawn |= {"stop": list(stop)} if stop else {}
    drawn |= {"n": paths} if paths > 1 else {}
    return {key: value for key, value in drawn.items() if value is not None}


def _is_reading(name: str, method: str) -> bool:
    """Whether a statistic says something of answers. Of options, `@5` is of the five likeliest tokens: no answer."""
    return bool(name) and not name.startswith(_BESIDE) and not ("@" in name and method.startswith("multiple_choice"))


def _stats(run: Path) -> Iterator[tuple[Part, float]]:
    """Means over all instances as they are, each with its name and split."""
    path = run / STATS
    if not path.is_file():
        return
    listed = decode(mapped(path), str(path))
    for number, one in enumerate(listed if isinstance(listed, list) else ()):
        stat = as_object(one, str(path), f"[{number}]")
        name, mean = stat.part("name"), stat.number("mean")
        if "perturbation" not in name and "sub_split" not in name and mean is not None:
            yield name, mean


def _splits(run: Path) -> dict[str, int]:
    return {name.text("split"): int(mean) for name, mean in _stats(run) if name.text("name") == "num_instances"}


def _figures(run: Path, method: str) -> Iterator[Figure]:
    for name, mean in _stats(run):
        called = name.text("name")
        if _is_reading(called, method):
            yield Figure(name=called, value=mean, reading=called)


# --- samples --------------------------------------------------------------------------------------------------------


def _states(run: Path, skip: Skip) -> Iterator[tuple[Part, _Trial]]:
    path = run / STATE
    data = mapped(path)
    held = raw_items(data, str(path), _States)
    listed: Sequence[Any] = (held.request_states or ()) if held is not None else _object(path).items("request_states")
    for number, one in enumerate(listed):
        place = f"{path}:request_states[{number}]"
        state = made(skip, object_of, one, place)
        if state is not None:
            yield state, _Trial(place, one)


def _first(run: Path) -> Iterator[Part]:
    return (state for state, _ in _states(run, lambda _: None))


def _key(state: Part) -> _Key:
    instance = state.part("instance")
    how = instance.part("perturbation")
    return instance.label("id"), "" if not how else how.text("name") + str(sorted(map(str, how.value.items())))


def _samples(run: Path, method: str, skip: Skip) -> Iterator[Sample]:
    groups: dict[_Key, list[_Trial]] = {}
    for state, trial in _states(run, skip):
        key = made(skip, _key, state)
        if key is not None:
            groups.setdefault(key, []).append(trial)
    told = _per_instance(run, method, skip)
    for key, trials in groups.items():
        found = made(skip, _sample, key, trials, told, method)
        if found is not None:
            yield found


def _sample(key: _Key, trials: Sequence[_Trial], told: Mapping[tuple[_Key, int], _Told], method: str) -> Sample:
    states = [object_of(trial.raw, trial.place) for trial in trials]
    first = states[0]
    instance = first.part("instance")
    references = list(instance.parts("references"))
    texts = [one.part("output").text("text") for one in references]
    right = [text for text, one in zip(texts, references, strict=True) if "correct" in one.texts("tags")]
    question = instance.part("input").text("text") or "\n\n".join(m.text for m in _messages(instance.part("input")))
    if any(text.startswith(_HIDDEN) for text in (question, *texts)):
        found = f"{first.place}: its texts are encrypted or redacted ({question or texts[0]!r:.40})"
        raise DataError(f"{found}.", "Decrypt the run with HELM's scripts/decrypt_scenario_states.py first.")
    mapping = first.part("output_mapping")
    letters = [key for key in mapping.value if key in LETTERS]
    separate = method.startswith(_SEPARATE)
    choices = [mapping.text(letter) for letter in letters] if letters else texts if separate else []
    target = [LETTERS[at] for at, text in enumerate(choices) if text in right] if choices else right
    if separate:
        return _separate(key, states, told, choices, target, question)
    completions = [(state, one) for state in states for one in _outputs(state, told.get((key, _trial(state))))]
    written = [one for _, one in completions if one.finish_reason != "error"]
    return Sample(
        place=first.place,
        name=" ".join(filter(None, (key[0], instance.part("perturbation").text("name")))),
        row=scalars(instance),
        question=question,
        choices=tuple(choices),
        target=tuple(target),
        group=instance.text("sub_split"),
        messages=_sent(first.part("request")),
        outputs=tuple(one for _, one in completions) if written else (),
        readings=_readings(key, states, told, separate=False) if written else {},
        error="" if written else next((one.error for _, one in completions), "the log holds no output"),
    )


def _trial(state: Part) -> int:
    return state.count("train_trial_index") or 0


def _sent(request: Part) -> tuple[Message, ...]:
    messages = _messages(request)
    return messages or ((Message(role="user", text=request.text("prompt")),) if request.text("prompt") else ())


def _messages(holder: Part) -> tuple[Message, ...]:
    return tuple(message(one.text("role"), one.any("content")) for one in holder.parts("messages"))


def _ending(state: Part) -> str:
    """Why the first completion of a request ended, as its provider says; "" where it doesn't."""
    first = next(state.part("result").parts("completions"), None)
    reason = "" if first is None else first.part("finish_reason").text("reason")
    return "" if reason == "unknown" else reason


def _outputs(state: Part, told: _Told | None) -> Iterator[Completion]:
    result, most = state.part("result"), state.part("request").count("max_tokens")
    completions = list(result.parts("completions"))
    if result.flag("success") is False or not completions:
        yield Completion(text="", finish_reason="error", error=result.text("error") or "the log holds no output")
        return
    alone = len(completions) == 1 and told is not None
    for one in completions:
        tokens = len(one.items("tokens")) or None
        written = told.completion_tokens if alone and told is not None and told.completion_tokens else tokens
        reason = one.part("finish_reason").text("reason")
        cut = most is not None and written is not None and written >= most
        guessed: FinishReason = "length" if cut else "stop"
        yield Completion(
            text=one.text("text"),
            finish_reason=guessed if reason in ("", "unknown") else _ENDINGS.get(reason, "stop"),
            reasoning=one.part("thinking").text("text"),
            prompt_tokens=None if told is None else told.prompt_tokens,
            completion_tokens=written,
        )


def _separate(
    key: _Key,
    states: Sequence[Part],
    told: Mapping[tuple[_Key, int], _Told],
    choices: Sequence[str],
    target: Sequence[str],
    question: str,
) -> Sample:
    """A question whose options were scored one by one: its output is the likeliest option's letter."""
    likely: dict[str, float] = {}
    for state in states:
        at, first = state.count("reference_index"), next(state.part("result").parts("completions"), None)
        value = None if first is None else first.number("logprob")
        if state.text("request_mode") == "calibration" or at is None or value is None:
            continue
        if at >= min(len(choices), len(LETTERS)):
            raise state.wrong("reference_index", f"one of {len(choices)} options")
        likely.setdefault(LETTERS[at], value)
    readings = _readings(key, states[:1], told, separate=True)
    best = max(likely, key=lambda letter: likely[letter]) if likely else ""
    return Sample(
        place=states[0].place,
        name=key[0],
        question=question,
        choices=tuple(choices),
        target=tuple(target),
        outputs=(Completion(text=best, finish_reason="stop", options=likely),) if likely else (),
        readings=readings if likely else {},
        error="" if likely else "the log holds no likelihood",
    )


# --- what HELM made of them -----------------------------------------------------------------------------------------


def _readings(
    key: _Key, states: Sequence[Part], told: Mapping[tuple[_Key, int], _Told], *, separate: bool
) -> dict[str, Theirs]:
    """The scores of each metric: HELM has one for each trial, of the likeliest of its completions."""
    rows: list[_Told | None] = []
    for state in states:
        likely = [one.number("logprob") or 0.0 for one in state.part("result").parts("completions")]
        best = likely.index(max(likely)) if likely and not separate else 0
        row = told.get((key, _trial(state)))
        rows += [row if at == best else None for at in range(1 if separate else max(1, len(likely)))]
    names = dict.fromkeys(name for row in rows if row is not None for name in row.scores)
    columns = {name: tuple(None if row is None else row.scores.get(name) for row in rows) for name in names}
    return {name: Theirs(metric=name, scores=column, answers=(None,) * len(column)) for name, column in columns.items()}


def _per_instance(run: Path, method: str, skip: Skip) -> dict[tuple[_Key, int], _Told]:
    path = run / PER_INSTANCE
    if not path.is_file():
        return {}
    data = mapped(path)
    listed: Any = raw_items(data, str(path), list[msgspec.Raw])
    listed = decode(data, str(path)) if listed is None else listed
    if not isinstance(listed, list):
        raise DataError(f"{path}: is no list, expected one of the statistics of each instance.", REMEDY)
    found: dict[tuple[_Key, int], _Told] = {}
    for number, one in enumerate(listed):
        place = f"{path}:[{number}]"
        row = made(skip, _row, one, place, method)
        if row is not None:
            found[row[0]] = row[1]
    return found


def _row(one: Any, place: str, method: str) -> tuple[tuple[_Key, int], _Told]:
    stats = object_of(one, place)
    how = stats.part("perturbation")
    key = (stats.label("instance_id"), "" if not how else how.text("name") + str(sorted(map(str, how.value.items()))))
    means = {one.part("name").text("name"): one.number("mean") for one in stats.parts("stats")}
    counts = Part(means, stats.place, "stats")
    written = counts.number("num_completion_tokens") or counts.number("num_output_tokens")
    asked = counts.number("num_prompt_tokens")
    scores = {name: mean for name, mean in means.items() if _is_reading(name, method)}
    return (key, _trial(stats)), _Told(scores, int(asked) if asked else None, int(written) if written else None)
