"""vLLM in process: `llm_engine.add_request` / `step`, everything in flight at once.

Prefix caching and CUDA graphs stay on; requests go in as token ids that we made; each sampled request has its own seed;
usage reports are off. `--model-args` takes vLLM's own engine arguments (tensor_parallel_size, max_model_len, dtype,
quantization, gpu_memory_utilization ...).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.chat import EFFORT, failed
from cotbench.engines.local import chat_format, fingerprint, model_error, no_tokens
from cotbench.errors import ModelError, UsageError
from cotbench.processes import default_environment, spawning_apart
from cotbench.types import Completion, FinishReason, Key, Reply, Request, request_seed

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


class VllmEngine:
    def __init__(self, config: EngineConfig) -> None:
        no_tokens(config.model_args)
        self._config = config
        default_environment(_ENVIRONMENT)
        with spawning_apart():
            import vllm
            from vllm.platforms import current_platform

            arguments: dict[str, Any] = {
                "enable_prefix_caching": True,
                "disable_log_stats": True,
                "seed": 0,
                # On a CPU vLLM (0.32) fails when the prompt of a request with a seed is read in parts: torch's CPU
                # generator has no offset.
                **({"enable_chunked_prefill": False} if current_platform.is_cpu() else {}),
                **config.model_args,
            }
            try:
                self._llm = vllm.LLM(model=config.path, trust_remote_code=config.trust_remote_code, **arguments)
            except TypeError as error:
                raise UsageError(
                    f"--model-args: vLLM {vllm.__version__} refuses them: {error}", "See vLLM's engine arguments."
                ) from None
            except Exception as error:
                raise model_error(config.model, error) from None
        self._vllm = vllm
        self._engine = self._llm.llm_engine
        _report_death(getattr(self._engine, "engine_core", None))
        self._chat = chat_format(
            config,
            tokenizer=str(arguments.get("tokenizer", "")),
            revision=arguments.get("tokenizer_revision", arguments.get("revision")),
        )
        _require_keys(vllm, config.sampling_keys)
        self._max_len = int(self._engine.model_config.max_model_len)
        self._flying: dict[str, tuple[Key, str, int]] = {}
        self._count = 0
        self._refused: list[tuple[Key, Reply]] = []
        self._slots = int(self._engine.vllm_config.scheduler_config.max_num_seqs)
        # More than the scheduler runs at once, so that it never waits for us; bounded, so that memory stays flat.
        self.capacity = max(1_024, 4 * self._slots)

    def _sampling(self, key: Key, request: Request) -> Any:
        wanted = request.sampling
        return self._vllm.SamplingParams(
            n=wanted.n,
            temperature=wanted.temperature,
            top_p=wanted.top_p,
            max_tokens=wanted.max_tokens,
            stop=self._chat.stops(request) or None,
            # One seed for all would give every prompt the same noise; greedy needs none.
            seed=None if wanted.greedy else request_seed(self._config.seed, key),
            **{name: value for name, value in wanted.extra if name != EFFORT},
            output_kind=self._vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
        )

    def submit(self, key: Key, request: Request) -> None:
        encoded = self._chat.encode(request, self._max_len)
        if isinstance(encoded, Reply):
            self._refused.append((key, encoded))
            return
        self._count += 1
        name = str(self._count)
        try:
            self._engine.add_request(name, self._prompt(encoded.ids), self._sampling(key, request))
        except (ValueError, TypeError) as error:  # vLLM refuses this request
            self._refused.append((key, failed(request, f"vLLM refuses the request: {error}", prompt=encoded.text)))
        except Exception as error:
            raise self._stopped(error) from None
        else:
            self._flying[name] = (key, encoded.text, len(encoded.ids))

    @staticmethod
    def _stopped(error: Exception) -> ModelError:
        return ModelError(
            f"vLLM stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
            "Everything recorded is kept; look at vLLM's messages above, then run the same command again: it resumes.",
        )

    def cancel(self) -> list[Key]:
        """Take back what the scheduler can't have begun: all but the oldest requests, as many as it runs at once."""
        waiting = list(self._flying)[self._slots :]
        if waiting:
            self._engine.abort_request(waiting)
        return [self._flying.pop(name)[0] for name in waiting]

    def _prompt(self, ids: list[int]) -> Any:
        """Token ids in the form add_request wants: where vLLM has a renderer (0.32 has), what that makes of them."""
        render = getattr(getattr(self._engine, "renderer", None), "render_cmpl", None)
        prompt = {"prompt_token_ids": ids}
        return render([prompt])[0] if render is not None else prompt

    def poll(self) -> list[tuple[Key, Reply]]:
        done, self._refused = self._refused, []
        while self._flying and not done:
            try:
                outputs = self._engine.step()
            except Exception as error:
                raise self._stopped(error) from None
            for output in outputs:
                if not output.finished or output.request_id not in self._flying:
                    continue
                key, text, length = self._flying.pop(output.request_id)
                paths = sorted(output.outputs, key=lambda path: path.index)
                done.append((key, Reply(completions=tuple(self._completion(p, length) for p in paths), prompt=text)))
        return done

    @staticmethod
    def _completion(path: Any, prompt_tokens: int) -> Completion:
        finish = _FINISH.get(path.finish_reason, "error")
        return Completion(
            text=path.text,
            finish_reason=finish,
            prompt_tokens=prompt_tokens,
            completion_tokens=len(path.token_ids),
            error=f"vLLM ended the request: {path.finish_reason}" if finish == "error" else "",
        )

    def describe(self) -> EngineInfo:
        config = self._engine.model_config
        return self._chat.info(
            self._config,
            engine="vllm",
            version=self._vllm.__version__,
            revision=fingerprint(self._config.path, getattr(config, "hf_config", None)),
            device=_device(),
            dtype=str(config.dtype).removeprefix("torch."),
            max_model_len=self._max_len,
            notes=(
                "greedy decoding is not bitwise repeatable: batch composition and the prefix cache can flip near ties",
            ),
        )

    def preview(self, request: Request) -> str:
        return self._chat.text(request)

    def close(self) -> None:
        core = getattr(self._engine, "engine_core", None)
        if core is not None and hasattr(core, "shutdown"):
            core.shutdown()


def _require_keys(vllm: Any, keys: Collection[str]) -> None:
    """Raises UsageError where this vLLM's sampling lacks one of the keys."""
    plain = vllm.SamplingParams()
    lacking = sorted(name for name in set(keys) - {EFFORT} if not hasattr(plain, name))
    if lacking:
        raise UsageError(f"--gen-kwargs: vLLM {vllm.__version__} has no {', '.join(lacking)}.", "Leave it out.")


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "cpu"
