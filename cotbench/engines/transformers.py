"""Hugging Face transformers: the slow reference that the other engines are checked against.

Greedy requests run in left-padded batches (`--model-args batch_size=8,dtype=float32,device=cuda`); sampled ones one by
one, each with its own seed, so that a path doesn't depend on its neighbours.

A reward model (its architecture is one of `...ForSequenceClassification`, with one label) scores conversations in
batches padded on the left.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import check, whole
from cotbench.engines.batched import BatchedEngine, Job
from cotbench.engines.confidence import LIKELIEST
from cotbench.engines.local import chat_format, fingerprint, model_error, no_tokens, renamed
from cotbench.engines.rewards import RewardEngine, kind_of, no_reward_model
from cotbench.errors import ModelError

DEFAULT_BATCH = 16
# Keys of --gen-kwargs as `generate` calls them; those of the second table mean something where paths are drawn.
_ALWAYS = {"min_tokens": "min_new_tokens"} | {name: name for name in ("repetition_penalty", "no_repeat_ngram_size")}
_AT_ONCE = 256  # tokens of a path whose probabilities are looked at together
_DRAWN = {name: name for name in ("top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")}


def opened(config: EngineConfig) -> TransformersEngine | TransformersRewards:
    """Open the engine that the model wants: one that writes, or one that scores what was written."""
    import transformers

    no_tokens(config.model_args)
    check("transformers", config.model_args)
    named = {name: value for name, value in config.model_args.items() if name in ("revision", "subfolder")}
    try:
        stated = transformers.AutoConfig.from_pretrained(
            config.path, trust_remote_code=config.trust_remote_code, **named
        )
    except Exception as error:
        raise model_error(config.model, error) from None
    try:
        kind = kind_of(stated)
    except ValueError as error:
        raise no_reward_model(config.model, error) from None
    if kind == "token":
        found = f"--model {config.model}: transformers has no class for {stated.architectures[0]}."
        raise ModelError(found, "vLLM has one for some: --judge-engine vllm.")
    return TransformersRewards(config) if kind else TransformersEngine(config)


class _Loaded:
    """A model that is loaded, and where. arguments: what of --model-args the library is given."""

    def __init__(self, config: EngineConfig, head: str) -> None:
        """head: the library's class that loads it."""
        import torch
        import transformers

        no_tokens(config.model_args)
        check("transformers", config.model_args)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self.library, self.torch = transformers, torch
        arguments = {name: value for name, value in config.model_args.items() if name != "batch_size"}
        self.batch = whole("transformers", config.model_args, "batch_size", DEFAULT_BATCH, low=1)
        self.device = str(arguments.pop("device", "cuda" if torch.cuda.is_available() else "cpu"))
        dtype = arguments.pop("dtype", "auto")
        self.chat = chat_format(config, revision=arguments.get("revision"))
        try:
            self.model: Any = (
                getattr(transformers, head)
                .from_pretrained(config.path, dtype=dtype, trust_remote_code=config.trust_remote_code, **arguments)
                .to(self.device)
            )
        except Exception as error:
            raise model_error(config.model, error) from None
        self.model.eval()
        self.max_len = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)

    def facts(self, config: EngineConfig) -> Mapping[str, Any]:
        """What an engine says of the model, whatever it does."""
        name = self.torch.cuda.get_device_name() if self.device.startswith("cuda") else self.device
        return {
            "engine": "transformers",
            "version": self.library.__version__,
            "revision": fingerprint(config.path, self.model.config),
            "device": name,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "max_model_len": self.max_len,
        }

    def known(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options that this model's `forward` takes."""
        taken = inspect.signature(self.model.forward).parameters
        return {name: value for name, value in options.items() if name in taken}

    def padded(self, prompts: Sequence[list[int]], pad: int) -> tuple[Any, Any]:
        """Prompts as rows of one length, filled up on the left, and which of their tokens count."""
        longest = max(map(len, prompts))
        gaps = [longest - len(ids) for ids in prompts]
        rows = [[pad] * gap + ids for gap, ids in zip(gaps, prompts, strict=True)]
        mask = [[0] * gap + [1] * (longest - gap) for gap in gaps]
        return self.torch.tensor(rows, device=self.device), self.torch.tensor(mask, device=self.device)


class TransformersRewards(RewardEngine):
    name, limit = "transformers", "batch_size"

    def __init__(self, config: EngineConfig) -> None:
        self._loaded = loaded = _Loaded(config, "AutoModelForSequenceClassification")
        given = loaded.chat.tokenizer.pad_token_id
        self._pad = int(given if given is not None else loaded.chat.tokenizer.eos_token_id or 0)
        # The library looks for the last token that isn't the padding's, and would pass over an end of turn that is the
        # same token. No token has this number, so that the last one counts, and rows are padded on the left.
        loaded.model.config.get_text_config().pad_token_id = -1
        loaded.model.config.pad_token_id = -1
        super().__init__(config, loaded.chat, max_len=loaded.max_len, batch=loaded.batch)

    def _scores(self, batch: Sequence[list[int]]) -> list[float]:
        loaded = self._loaded
        rows, mask = loaded.padded(batch, self._pad)
        places = loaded.known({"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)})
        with loaded.torch.inference_mode():
            logits = loaded.model(input_ids=rows, attention_mask=mask, **places).logits
        return [float(value) for value in logits[:, 0].float().tolist()]

    def describe(self) -> EngineInfo:
        return self._chat.info(self._config, rewards=True, **self._loaded.facts(self._config))

    def close(self) -> None:
        del self._loaded


class TransformersEngine(BatchedEngine):
    name = "transformers"

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._loaded = loaded = _Loaded(config, "AutoModelForCausalLM")
        self._torch, self._model, self._tokenizer = loaded.torch, loaded.model, loaded.chat.tokenizer
        transformers = loaded.library
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        ends = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        # A checkpoint's own generation defaults (a repetition penalty, top_k ...) would change what "greedy" means.
        self._model.generation_config = transformers.GenerationConfig(
            pad_token_id=self._tokenizer.pad_token_id, eos_token_id=sorted(self._ends)
        )
        super().__init__(
            loaded.chat,
            max_len=loaded.max_len,
            batch=loaded.batch,
            capacity=4 * loaded.batch,
            seed=config.seed,
            ends=self._ends,
        )

    def _generate(self, batch: list[Job]) -> list[list[list[int]]]:
        torch, first = self._torch, batch[0]
        sampling = first.asked.request.sampling
        rows, mask = self._padded(batch)
        options = {"do_sample": first.seed is not None, **renamed(sampling, _ALWAYS)}
        if first.seed is not None:
            torch.manual_seed(first.seed)
            options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, **renamed(sampling, _DRAWN)}
            options |= {
                "num_return_sequences": first.paths,
                "top_k": max(0, options.get("top_k", 0)),
            }  # -1: vLLM's "all"
        stops, special = self._watched(first)
        longest = rows.shape[1]
        if stops:
            options["stopping_criteria"] = [self._stopper(stops, longest, skip=not special)]
        ends = self._end_ids(first)
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=rows, attention_mask=mask, max_new_tokens=first.most, eos_token_id=ends, **options
            )
        paths = [self._unpadded(row, set(ends), stops, skip=not special) for row in output[:, longest:].tolist()]
        each = len(paths) // len(batch)
        return [paths[begin : begin + each] for begin in range(0, len(paths), each)]

    def _padded(self, batch: list[Job]) -> tuple[Any, Any]:
        return self._loaded.padded([job.ids for job in batch], self._tokenizer.pad_token_id)

    def _unpadded(self, ids: list[int], ends: set[int], stops: list[str], *, skip: bool) -> list[int]:
        """A path up to what ended it; behind that it is padded, since others of its batch were longer. One that ran to
        its budget isn't padded: what looks like it there was written by the model."""
        end = next((place for place, token in enumerate(ids) if token in ends), None)
        if end is not None:
            return ids[: end + 1]
        text = self._tokenizer.decode(ids, skip_special_tokens=skip) if stops else ""
        if any(stop in text for stop in stops):
            while ids and ids[-1] == self._tokenizer.pad_token_id:
                ids = ids[:-1]
        return ids

    def _stopper(self, stops: list[str], begin: int, *, skip: bool) -> Any:
        """Ends a row when one of the stop strings is complete. transformers' own `stop_strings` fails with word-level
        tokenizers (5.19)."""
        torch, tail = self._torch, 16 + max(map(len, stops))  # tokens that surely hold a stop string at their end

        def complete(rows: Any, *_: Any, **__: Any) -> Any:
            texts = self._tokenizer.batch_decode(rows[:, max(begin, rows.shape[1] - tail) :], skip_special_tokens=skip)
            return torch.tensor([any(stop in text for stop in stops) for text in texts], device=rows.device)

        return complete

    def _log_probabilities(self, batch: list[Job]) -> list[list[float]]:
        torch = self._torch
        rows, mask = self._padded(batch)
        # Positions as `generate` counts them, so that padding moves nothing; not every model takes both.
        options = self._loaded.known({"position_ids": (mask.cumsum(-1) - 1).clamp(min=0), "logits_to_keep": 1})
        with torch.inference_mode():
            logits = self._model(input_ids=rows, attention_mask=mask, **options).logits
        logs = torch.log_softmax(logits[:, -1].float(), dim=-1).tolist()
        return [[row[token] for token in job.options] for row, job in zip(logs, batch, strict=True)]

    def _read_again(self, before: list[int], written: list[int]) -> Iterator[tuple[list[float], float]]:
        """Read a path once more, as a prompt is: `generate` would keep the logits of all its tokens."""
        torch = self._torch
        ids = before + written[:-1]  # what stands before each of the tokens that were written
        first = len(before) - 1  # the place behind which the first of them was written
        memory: dict[str, Any] = self._loaded.known({"past_key_values": None, "use_cache": True})
        step = _AT_ONCE if "past_key_values" in memory else len(ids)
        with torch.inference_mode():
            for begin in range(0, len(ids), step):
                part = ids[begin : begin + step]
                output = self._model(input_ids=torch.tensor([part], device=self._loaded.device), **memory)
                if "past_key_values" in memory:
                    memory["past_key_values"] = output.past_key_values
                skipped = max(0, first - begin)
                if skipped >= len(part):
                    continue
                logs = torch.log_softmax(output.logits[0, skipped:].float(), dim=-1)
                drawn = torch.tensor(written, device=self._loaded.device)[begin + skipped - first :][: logs.shape[0]]
                best = logs.topk(min(LIKELIEST, logs.shape[-1]), dim=-1).values.tolist()
                yield from zip(best, logs.gather(1, drawn[:, None])[:, 0].tolist(), strict=True)

    def describe(self) -> EngineInfo:
        return self._chat.info(
            self._config,
            likelihoods=True,
            confidence=LIKELIEST,
            notes=self._options.notes,
            **self._loaded.facts(self._config),
        )

    def close(self) -> None:
        del self._model, self._loaded
