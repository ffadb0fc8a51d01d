"""Hugging Face transformers: the slow reference that the other engines are checked against.

Greedy requests run in left-padded batches (`--model-args batch_size=8,dtype=float32,device=cuda`); sampled ones one by
one, each with its own seed, so that a path doesn't depend on its neighbours.
"""

from __future__ import annotations

import inspect
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import check, whole
from cotbench.engines.batched import BatchedEngine, Job
from cotbench.engines.local import chat_format, fingerprint, model_error, no_tokens, renamed

DEFAULT_BATCH = 16
# Keys of --gen-kwargs as `generate` calls them; those of the second table mean something where paths are drawn.
_ALWAYS = {"min_tokens": "min_new_tokens"} | {name: name for name in ("repetition_penalty", "no_repeat_ngram_size")}
_DRAWN = {name: name for name in ("top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")}


class TransformersEngine(BatchedEngine):
    name = "transformers"

    def __init__(self, config: EngineConfig) -> None:
        import torch
        import transformers

        no_tokens(config.model_args)
        check("transformers", config.model_args)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._config = config
        self._torch = torch
        self._version = transformers.__version__
        arguments = {name: value for name, value in config.model_args.items() if name != "batch_size"}
        batch = whole("transformers", config.model_args, "batch_size", DEFAULT_BATCH, low=1)
        self._device = str(arguments.pop("device", "cuda" if torch.cuda.is_available() else "cpu"))
        dtype = arguments.pop("dtype", "auto")
        chat = chat_format(config, revision=arguments.get("revision"))
        self._tokenizer = chat.tokenizer
        try:
            self._model = transformers.AutoModelForCausalLM.from_pretrained(
                config.path, dtype=dtype, trust_remote_code=config.trust_remote_code, **arguments
            ).to(self._device)
        except Exception as error:
            raise model_error(config.model, error) from None
        self._model.eval()
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        ends = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        # A checkpoint's own generation defaults (a repetition penalty, top_k ...) would change what "greedy" means.
        self._model.generation_config = transformers.GenerationConfig(
            pad_token_id=self._tokenizer.pad_token_id, eos_token_id=sorted(self._ends)
        )
        max_len = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 30)
        super().__init__(chat, max_len=max_len, batch=batch, capacity=4 * batch, seed=config.seed, ends=self._ends)

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
        """The prompts of a batch as rows of one length, and which of their tokens count."""
        torch, pad = self._torch, self._tokenizer.pad_token_id
        longest = max(len(job.ids) for job in batch)
        gaps = [longest - len(job.ids) for job in batch]
        rows = [[pad] * gap + job.ids for gap, job in zip(gaps, batch, strict=True)]
        mask = [[0] * gap + [1] * (longest - gap) for gap in gaps]
        return torch.tensor(rows, device=self._device), torch.tensor(mask, device=self._device)

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
        wanted = {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0), "logits_to_keep": 1}
        known = inspect.signature(self._model.forward).parameters
        options = {name: value for name, value in wanted.items() if name in known}
        with torch.inference_mode():
            logits = self._model(input_ids=rows, attention_mask=mask, **options).logits
        logs = torch.log_softmax(logits[:, -1].float(), dim=-1).tolist()
        return [[row[token] for token in job.options] for row, job in zip(logs, batch, strict=True)]

    def describe(self) -> EngineInfo:
        name = self._torch.cuda.get_device_name() if self._device.startswith("cuda") else self._device
        return self._chat.info(
            self._config,
            engine="transformers",
            version=self._version,
            revision=fingerprint(self._config.path, self._model.config),
            device=name,
            dtype=str(self._model.dtype).removeprefix("torch."),
            max_model_len=self._max_len,
            likelihoods=True,
            notes=self._options.notes,
        )

    def close(self) -> None:
        del self._model
