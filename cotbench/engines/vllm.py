"""vLLM in process: `llm_engine.add_request` / `step`, everything in flight at once.

Prefix caching and CUDA graphs stay on; requests go in as token ids that we made; each sampled request has its own seed;
usage reports are off. `--model-args` takes vLLM's own engine arguments (tensor_parallel_size, max_model_len, dtype,
quantization, gpu_memory_utilization ...). A model that vLLM takes for one of pooling is a reward model, or refused.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.chat import EFFORT, Encoded, failed
from cotbench.engines.confidence import LIKELIEST, Meter, measured
from cotbench.engines.likelihood import OptionTokens, likeliest
from cotbench.engines.local import chat_format, fingerprint, model_error, no_tokens
from cotbench.engines.phases import (
    Course,
    Leg,
    Written,
    completion,
    course_of,
    leg_seed,
    together,
    token_budget,
)
from cotbench.engines.rewards import RewardEngine, kind_of, no_reward_model, refused
from cotbench.engines.thinking import BUDGET, LEAST
from cotbench.errors import ModelError, UsageError
from cotbench.processes import default_environment, spawning_apart
from cotbench.types import Completion, FinishReason, Key, Reply, Request, request_seed

_MOST_LOGPROBS = 20  # that vLLM tells of where it isn't set up for more
# Keys of sampling that are not vLLM's to know: the chat template's, and ours.
_NOT_VLLMS = frozenset({EFFORT, BUDGET, LEAST})
_FINISH: dict[str | None, FinishReason] = {"stop": "stop", "length": "length"}
# Read by vLLM as it is imported.
_ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout is for results
}


def _report_death(core: Any) -> None:
    """Have a waiting `step()` raise when the engine's process is gone.

    vLLM (0.32) notices a process that was killed (by the system that is out of memory, say), and goes on waiting for
    its next output.
    """
    from vllm.v1.engine.exceptions import EngineDeadError

    resources: Any = getattr(core, "resources", None)
    outputs: Any = getattr(core, "outputs_queue", None)
    if outputs is None or not hasattr(resources, "engine_dead"):
        return  # an engine in this process, or another version's

    def watch() -> None:
        while not resources.engine_dead:  # also set by its own shutdown: then nobody reads what is put
            time.sleep(0.5)
        outputs.put_nowait(EngineDeadError())

    threading.Thread(target=watch, name="vllm-watch", daemon=True).start()


class _Flight(NamedTuple):
    """A request that vLLM has, or a leg of one of its paths. place: which path; options: the tokens of which the
    probabilities are asked."""

    key: Key
    request: Request
    encoded: Encoded
    options: tuple[int, ...] = ()
    place: int = 0
    course: Course | None = None
    leg: Leg | None = None


def opened(config: EngineConfig) -> VllmEngine | VllmRewards:
    """Open the engine that the model wants: one that writes, or one that scores what was written."""
    loaded = _Loaded(config)
    return VllmRewards(config, loaded) if loaded.pools else VllmEngine(config, loaded)


class _Loaded:
    """A model in vLLM. Raises UsageError where vLLM refuses the arguments, ModelError where it can't load the model."""

    def __init__(self, config: EngineConfig) -> None:
        no_tokens(config.model_args)
        default_environment(_ENVIRONMENT)
        with spawning_apart():
            import vllm
            from vllm.platforms import current_platform

            self.arguments: dict[str, Any] = {
                "enable_prefix_caching": True,
                "disable_log_stats": True,
                "seed": 0,
                # On a CPU vLLM (0.32) fails when the prompt of a request with a seed is read in parts: torch's CPU
                # generator has no offset.
                **({"enable_chunked_prefill": False} if current_platform.is_cpu() else {}),
                **config.model_args,
            }
            try:
                self.llm = vllm.LLM(model=config.path, trust_remote_code=config.trust_remote_code, **self.arguments)
            except TypeError as error:
                raise UsageError(
                    f"--model-args: vLLM {vllm.__version__} refuses them: {error}", "See vLLM's engine arguments."
                ) from None
            except Exception as error:
                raise model_error(config.model, error) from None
        self.vllm = vllm
        self.engine = self.llm.llm_engine
        self.config = self.engine.model_config
        _report_death(getattr(self.engine, "engine_core", None))
        self.chat = chat_format(
            config,
            tokenizer=str(self.arguments.get("tokenizer", "")),
            revision=self.arguments.get("tokenizer_revision", self.arguments.get("revision")),
        )
        self.max_len = int(self.config.max_model_len)
        self.slots = int(self.engine.vllm_config.scheduler_config.max_num_seqs)

    @property
    def pools(self) -> bool:
        """Whether it makes one thing of a text, rather than going on with it."""
        return str(getattr(self.config, "runner_type", "generate")) == "pooling"

    def prompt(self, ids: list[int]) -> Any:
        """Token ids in the form add_request wants: where vLLM has a renderer (0.32 has), what that makes of them."""
        render = getattr(getattr(self.engine, "renderer", None), "render_cmpl", None)
        prompt = {"prompt_token_ids": ids}
        return render([prompt])[0] if render is not None else prompt

    def facts(self, config: EngineConfig) -> Mapping[str, Any]:
        """What an engine says of the model, whatever it does."""
        return {
            "engine": "vllm",
            "version": self.vllm.__version__,
            "revision": fingerprint(config.path, getattr(self.config, "hf_config", None)),
            "device": _device(),
            "dtype": str(self.config.dtype).removeprefix("torch."),
            "max_model_len": self.max_len,
        }

    def close(self) -> None:
        core = getattr(self.engine, "engine_core", None)
        if core is not None and hasattr(core, "shutdown"):
            core.shutdown()


class VllmRewards(RewardEngine):
    name, limit = "vLLM", "max_num_seqs"

    def __init__(self, config: EngineConfig, loaded: _Loaded) -> None:
        self._loaded = loaded
        try:
            try:
                kind = kind_of(loaded.config.hf_config)
            except ValueError as error:
                raise no_reward_model(config.model, error) from None
            if not kind:
                raise no_reward_model(config.model, "vLLM takes it for a model that neither writes nor scores replies")
            # As the model has it, with no function over it.
            self._task = {"conversation": "classify", "token": "token_classify"}[kind]
            self._wanted = loaded.vllm.PoolingParams(task=self._task, use_activation=False)
        except BaseException:
            loaded.close()
            raise
        self._count = 0
        super().__init__(config, loaded.chat, max_len=loaded.max_len, batch=loaded.slots)

    def _scores(self, batch: Sequence[list[int]]) -> list[float]:
        engine, names = self._loaded.engine, []
        for ids in batch:
            self._count += 1
            names.append(str(self._count))
            engine.add_request(names[-1], self._loaded.prompt(ids), self._wanted.clone())
        found: dict[str, float] = {}
        while len(found) < len(names):
            for output in engine.step():
                if output.finished:
                    lost = getattr(output, "error", None) is not None
                    found[output.request_id] = math.nan if lost else _last_number(output.outputs.data)
        return [found[name] for name in names]

    def describe(self) -> EngineInfo:
        return self._chat.info(self._config, rewards=True, **self._loaded.facts(self._config))

    def close(self) -> None:
        self._loaded.close()


def _last_number(data: Any) -> float:
    """The number that a model has for a text, or for the last of its tokens. Raises ValueError where it has several."""
    rows = data.float().reshape(-1, data.shape[-1]) if data.ndim else data.float().reshape(1, 1)
    if rows.shape[-1] != 1:
        raise ValueError(f"the model has {rows.shape[-1]} numbers for a reply, expected one")
    return float(rows[-1, 0])


class VllmEngine:
    # Called after each step; where it says so `poll` returns, with nothing if need be: there may be more to submit.
    moved_on: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, config: EngineConfig, loaded: _Loaded) -> None:
        self._config = config
        self._loaded = loaded
        vllm, arguments = loaded.vllm, loaded.arguments
        self._vllm, self._llm, self._engine, self._chat = vllm, loaded.llm, loaded.engine, loaded.chat
        _require_keys(vllm, config.sampling_keys)
        self._max_len = loaded.max_len
        self._options = OptionTokens(self._chat)
        mode = str(arguments.get("logprobs_mode", "raw_logprobs"))
        self._likelihoods = hasattr(vllm.SamplingParams(), "logprob_token_ids") and mode.endswith("_logprobs")
        most = int(getattr(loaded.config, "max_logprobs", _MOST_LOGPROBS))
        # Those of the model as it is, and not of what sampling made of them.
        self._top = 0 if mode != "raw_logprobs" else LIKELIEST if most < 0 else min(most, LIKELIEST)
        self._flying: dict[str, _Flight] = {}
        self._courses: dict[Key, list[Course]] = {}
        self._count = 0
        self._ready: list[tuple[Key, Reply]] = []
        self._slots = loaded.slots
        # More than the scheduler runs at once, so that it never waits for us; bounded, so that memory stays flat.
        self.capacity = max(1_024, 4 * self._slots)

    def _sampling(self, flight: _Flight) -> Any:
        key, request, encoded, leg = flight.key, flight.request, flight.encoded, flight.leg
        wanted = request.sampling
        given: dict[str, Any] = {"output_kind": self._vllm.sampling_params.RequestOutputKind.FINAL_ONLY}
        if flight.options:
            # Their probabilities are taken before anything is done to them, so they are among all tokens. Some versions
            # tell none of them where `logprobs` isn't set.
            ids = list(flight.options)
            count = len(ids) if len(ids) <= _MOST_LOGPROBS else None
            return self._vllm.SamplingParams(
                max_tokens=1, temperature=0.0, logprobs=count, logprob_token_ids=ids, **given
            )
        # One seed for all would give every prompt the same noise; greedy needs none.
        seed = None if wanted.greedy else request_seed(self._config.seed, key)
        given |= {name: value for name, value in wanted.extra if name not in _NOT_VLLMS}
        if request.confidence:
            given["logprobs"] = self._top
            if hasattr(self._vllm.SamplingParams(), "flat_logprobs"):  # numbers in lists, not an object for each
                given["flat_logprobs"] = True
        stops, budget = self._chat.stops(request), token_budget(request)
        if leg is not None:
            seed = None if seed is None else leg_seed(seed, flight.place, leg.number)
            budget = leg.most
        marks = self._chat.marks
        if leg is not None and leg.thinking and marks is not None:
            if len(marks.close_ids) == 1:
                stops, given["stop_token_ids"] = [], [*given.get("stop_token_ids", []), *marks.close_ids]
            else:
                stops, given["skip_special_tokens"] = [marks.family.close], False
        elif marks is not None and encoded.open and leg is None:
            stops = []  # they are the answer's
        return self._vllm.SamplingParams(
            n=1 if leg is not None else wanted.n,
            temperature=wanted.temperature,
            top_p=wanted.top_p,
            max_tokens=budget,
            stop=stops or None,
            seed=seed,
            **given,
        )

    def submit(self, key: Key, request: Request) -> None:
        encoded = refused(request) if request.reward else self._chat.encode(request, self._max_len)
        if isinstance(encoded, Reply):
            self._ready.append((key, encoded))
            return
        flight = _Flight(key, request, encoded)
        if request.options:
            try:
                flight = flight._replace(options=self._options.of(request))
            except ValueError as error:
                self._ready.append((key, failed(request, str(error), prompt=encoded.text)))
                return
        paths = 1 if request.sampling.greedy else request.sampling.n
        found = [course_of(self._chat, request, encoded, self._max_len) for _ in range(paths)]
        courses = [course for course in found if course is not None]
        if not courses:
            self._send(flight)
            return
        self._courses[key] = courses
        self._go_on(*(flight._replace(place=place, course=course) for place, course in enumerate(courses)))

    def _go_on(self, *flights: _Flight) -> None:
        """Send the next leg of each of a request's paths; when all that it has are over, hand over its reply."""
        for flight in flights:
            if flight.course is not None and not flight.course.over:
                self._send(flight._replace(leg=flight.course.leg()))
        flight = flights[0]
        courses = self._courses[flight.key]
        if all(one.over for one in courses):
            del self._courses[flight.key]
            request, encoded = flight.request, flight.encoded
            stops = self._chat.stops(request)
            paths = [together(self._chat, request, encoded, one, stops) for one in courses]
            self._hand_over(flight, paths * (request.sampling.n // len(paths)))

    def _hand_over(self, flight: _Flight, paths: list[Completion], output: Any = None) -> None:
        """Hand over a reply. output: vLLM's, where one of its requests was all that there is to it."""
        length = len(flight.encoded.ids)
        counted = tuple(structs.replace(path, prompt_tokens=length) for path in paths)
        reply = Reply(
            completions=counted,
            prompt=flight.encoded.text,
            cached_tokens=_cached(output, length),
            seconds=_seconds(output),
        )
        self._ready.append((flight.key, reply))

    def _send(self, flight: _Flight) -> None:
        self._count += 1
        name = str(self._count)
        written = flight.leg.written if flight.leg is not None else []
        try:
            self._engine.add_request(name, self._loaded.prompt(flight.encoded.ids + written), self._sampling(flight))
        except (ValueError, TypeError) as error:  # vLLM refuses this request
            message = f"vLLM refuses the request: {error}"
            if flight.course is not None:
                flight.course.fail(message[:500])
            else:
                self._ready.append((flight.key, failed(flight.request, message, prompt=flight.encoded.text)))
        except Exception as error:
            raise self._stopped(error) from None
        else:
            self._flying[name] = flight

    @staticmethod
    def _stopped(error: Exception) -> ModelError:
        return ModelError(
            f"vLLM stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
            "Everything recorded is kept; look at vLLM's messages above, then run the same command again: it resumes.",
        )

    def cancel(self) -> list[Key]:
        """Take back what the scheduler can't have begun: all but the oldest requests, as many as it runs at once. Of a
        request of which a path has begun the others stay."""
        flying = list(self._flying.items())
        begun = {flight.key for _, flight in flying[: self._slots]}
        begun |= {key for key, courses in self._courses.items() if any(course.begun for course in courses)}
        waiting = {name: flight.key for name, flight in flying[self._slots :] if flight.key not in begun}
        if waiting:
            self._engine.abort_request(list(waiting))
        for name, key in waiting.items():
            del self._flying[name]
            self._courses.pop(key, None)
        return list(dict.fromkeys(waiting.values()))

    def poll(self) -> list[tuple[Key, Reply]]:
        done, self._ready = self._ready, []
        while self._flying and not done:
            try:
                outputs = self._engine.step()
            except Exception as error:
                raise self._stopped(error) from None
            for output in outputs:
                if output.finished and output.request_id in self._flying:
                    self._take(self._flying.pop(output.request_id), output)
            done, self._ready = self._ready, []
            if self.moved_on():
                break
        return done

    def _take(self, flight: _Flight, output: Any) -> None:
        """Take what came of a request, or of a leg of one of its paths."""
        paths = sorted(output.outputs, key=lambda path: path.index)
        if flight.course is None:
            self._hand_over(flight, [self._completion(flight, path) for path in paths], output)
            return
        [path] = paths
        if path.finish_reason not in _FINISH:
            flight.course.fail(f"vLLM ended the request: {path.finish_reason}")
        else:
            ids, ended = self._without_end(path)
            if flight.course.meter is not None:
                _measure(flight.course.meter, path)
            flight.course.take(ids, ended, path.finish_reason == "stop" and not ended)
        self._go_on(flight)

    def _without_end(self, path: Any) -> tuple[list[int], bool]:
        """A path's tokens without the one that ends a reply, and whether there is one."""
        ids = list(path.token_ids)
        mark = self._chat.marks.close_ids[-1:] if self._chat.marks is not None else []
        # What stopped it is told where that was a text, or a token that was given with the request.
        ended = path.finish_reason == "stop" and not isinstance(path.stop_reason, str) and ids[-1:] != mark
        return (ids[:-1], True) if ended else (ids, False)

    def _completion(self, flight: _Flight, path: Any) -> Completion:
        finish = _FINISH.get(path.finish_reason, "error")
        if finish == "error":
            error = f"vLLM ended the request: {path.finish_reason}"
            return Completion(text=path.text, finish_reason=finish, error=error)
        if flight.options:
            return self._likeliest(flight, path)
        meter = Meter(flight.request.confidence, self._top) if flight.request.confidence else None
        if meter is not None:
            _measure(meter, path)
        if self._chat.marks is not None:
            written, stops = Written(*self._without_end(path)), self._chat.stops(flight.request)
            return measured(completion(self._chat, flight.request, flight.encoded, written, stops), meter)
        plain = Completion(text=path.text, finish_reason=finish, completion_tokens=len(path.token_ids))
        return measured(plain, meter)

    @staticmethod
    def _likeliest(flight: _Flight, path: Any) -> Completion:
        logs = path.logprobs[0] if path.logprobs else {}
        if any(token not in logs for token in flight.options):
            return Completion(text="", finish_reason="error", error="vLLM told no probabilities of the options")
        return likeliest(
            {
                letter: float(logs[token].logprob)
                for letter, token in zip(flight.request.options, flight.options, strict=True)
            }
        )

    def describe(self) -> EngineInfo:
        return self._chat.info(
            self._config,
            **self._loaded.facts(self._config),
            confidence=self._top,
            likelihoods=self._likelihoods,
            seconds=f"from scheduled to last token within vLLM, up to {self._slots} at once"
            if getattr(self._engine, "log_stats", False)
            else "",
            notes=(
                "greedy decoding is not bitwise repeatable: batch composition and the prefix cache can flip near ties",
                *self._options.notes,
            ),
        )

    def preview(self, request: Request) -> str:
        return self._chat.text(request)

    def token_ends(self, text: str) -> list[int] | None:
        return self._chat.token_ends(text)

    def close(self) -> None:
        self._loaded.close()


def _measure(meter: Meter, path: Any) -> None:
    """Take the log-probabilities of a path's tokens into account, as far as vLLM tells them."""
    for likeliest_here, drawn in _told(path):
        meter.add(likeliest_here, drawn)


def _told(path: Any) -> Iterator[tuple[list[float], float | None]]:
    """For each token of a path the log-probabilities of the likeliest ones at its place, and its own."""
    told = path.logprobs
    if told is None:
        return
    if hasattr(told, "start_indices"):  # of each place its own first, and then those of the likeliest
        values = told.logprobs
        for begin, end in zip(told.start_indices, told.end_indices, strict=True):
            yield values[begin + 1 : end], values[begin]
        return
    for token, here in zip(path.token_ids, told, strict=False):
        yield [one.logprob for one in here.values()], here[token].logprob if token in here else None


def _cached(output: Any, length: int) -> int | None:
    """How many of a prompt's tokens the prefix cache had; of several paths vLLM tells the last one's, which shares the
    others' prompt."""
    told = getattr(output, "num_cached_tokens", None)
    alone = output is not None and len(output.outputs) == 1
    return told if alone and isinstance(told, int) and 0 <= told <= length else None


def _seconds(output: Any) -> float | None:
    """How long one path was under way once the scheduler had taken it up; None where vLLM keeps no times, as by
    default, or those of one path among several."""
    times = getattr(output, "metrics", None)
    begun, ended = (getattr(times, name, 0.0) for name in ("scheduled_ts", "last_token_ts"))
    known = output is not None and len(output.outputs) == 1 and begun and ended and ended >= begun
    return float(ended - begun) if known else None


def _require_keys(vllm: Any, keys: Collection[str]) -> None:
    """Raises UsageError where this vLLM's sampling lacks one of the keys."""
    plain = vllm.SamplingParams()
    lacking = sorted(name for name in set(keys) - _NOT_VLLMS if not hasattr(plain, name))
    if lacking:
        raise UsageError(f"--gen-kwargs: vLLM {vllm.__version__} has no {', '.join(lacking)}.", "Leave it out.")


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "cpu"
