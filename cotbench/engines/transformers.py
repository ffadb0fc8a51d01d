"""Hugging Face transformers: the slow reference that the other engines are checked against.

Greedy requests run in left-padded batches (`--model-args batch_size=8,dtype=float32,device=cuda`); sampled ones one by
one, each with its own seed, so that a path doesn't depend on its neighbours.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import whole
from cotbench.engines.chat import Encoded
from cotbench.engines.local import chat_format, fingerprint, model_error, no_tokens
from cotbench.errors import ModelError
from cotbench.types import Completion, Key, Reply, Request, request_seed

DEFAULT_BATCH = 16


class TransformersEngine:
    def __init__(self, config: EngineConfig) -> None:
        import torch
        import transformers

        no_tokens(config.model_args)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._config = config
        self._torch = torch
        self._version = transformers.__version__
        arguments = dict(config.model_args)
        self._batch = whole("transformers", arguments, "batch_size", DEFAULT_BATCH, low=1)
        arguments.pop("batch_size", None)
        self._device = str(arguments.pop("device", "cuda" if torch.cuda.is_available() else "cpu"))
        dtype = arguments.pop("dtype", "auto")
        self._chat = chat_format(
            config.path,
            config.chat_template,
            trust_remote_code=config.trust_remote_code,
            revision=arguments.get("revision"),
        )
        self._tokenizer = self._chat.tokenizer
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
        self._max_len = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 30)
        self._waiting: deque[tuple[Key, Request, Encoded]] = deque()
        self._refused: list[tuple[Key, Reply]] = []
        self.capacity = 4 * self._batch

    def submit(self, key: Key, request: Request) -> None:
        encoded = self._chat.encode(request, self._max_len)
        if isinstance(encoded, Reply):
            self._refused.append((key, encoded))
        else:
            self._waiting.append((key, request, encoded))

    def cancel(self) -> list[Key]:
        keys = [key for key, *_ in self._waiting]
        self._waiting.clear()
        return keys

    def _budget(self, request: Request, encoded: Encoded) -> int:
        return min(request.sampling.max_tokens, self._max_len - len(encoded.ids))

    def poll(self) -> list[tuple[Key, Reply]]:
        if self._refused or not self._waiting:
            done, self._refused = self._refused, []
            return done
        first = self._waiting.popleft()
        sampling, budget = first[1].sampling, self._budget(*first[1:])
        batch = [first]
        # Only requests with the same budget stand together, so that no one's depends on its neighbours.
        while sampling.greedy and self._waiting and len(batch) < self._batch:
            _, request, encoded = self._waiting[0]
            if request.sampling != sampling or self._budget(request, encoded) != budget:
                break
            batch.append(self._waiting.popleft())
        try:
            return self._generate(batch, budget)
        except Exception as error:
            raise ModelError(
                f"transformers stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
                "If it is memory, lower --model-args batch_size=N. Everything recorded is kept: the same command resumes.",
            ) from None

    def _generate(self, batch: list[tuple[Key, Request, Encoded]], budget: int) -> list[tuple[Key, Reply]]:
        torch = self._torch
        sampling = batch[0][1].sampling
        longest = max(len(encoded.ids) for *_, encoded in batch)
        pad = self._tokenizer.pad_token_id
        gaps = [longest - len(encoded.ids) for *_, encoded in batch]
        rows = torch.tensor(
            [[pad] * gap + e.ids for gap, (*_, e) in zip(gaps, batch, strict=True)], device=self._device
        )
        mask = torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps], device=self._device)
        options: dict[str, Any] = {"do_sample": False}
        if not sampling.greedy:
            torch.manual_seed(request_seed(self._config.seed, batch[0][0]))
            options = {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": 0,
                "num_return_sequences": sampling.n,
            }
        stops = self._chat.stops(batch[0][1])
        if stops:
            options["stopping_criteria"] = [self._stopper(stops, longest)]
        with torch.inference_mode():
            output = self._model.generate(input_ids=rows, attention_mask=mask, max_new_tokens=budget, **options)
        paths = [self._completion(row, stops, budget) for row in output[:, longest:].tolist()]
        each = len(paths) // len(batch)
        done = []
        for place, (key, request, encoded) in enumerate(batch):
            own = paths[place * each : (place + 1) * each] * (request.sampling.n // each)
            completions = tuple(replace(path, prompt_tokens=len(encoded.ids)) for path in own)
            done.append((key, Reply(completions=completions, prompt=encoded.text)))
        return done

    def _stopper(self, stops: list[str], begin: int) -> Any:
        """Ends a row when one of the stop strings is complete. transformers' own `stop_strings` fails with word-level tokenizers (5.19)."""
        torch, tail = self._torch, 16 + max(map(len, stops))  # tokens that surely hold a stop string at their end

        def complete(rows: Any, *_: Any, **__: Any) -> Any:
            texts = self._tokenizer.batch_decode(rows[:, max(begin, rows.shape[1] - tail) :], skip_special_tokens=True)
            return torch.tensor([any(stop in text for stop in stops) for text in texts], device=rows.device)

        return complete

    def _completion(self, tokens: list[int], stops: list[str], budget: int) -> Completion:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        ids = tokens if end is None else tokens[:end]
        # A character whose bytes are not complete at the end is left out, as vLLM's detokenizer does.
        text = self._tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
        cut = min((place for place in (text.find(stop) for stop in stops) if place >= 0), default=None)
        if cut is not None:  # ended by a stop string, earlier than its batch, and padded from there on
            while ids and ids[-1] == self._tokenizer.pad_token_id:
                ids = ids[:-1]
        # The end token counts as a token, as vLLM counts it.
        ended = end is not None and cut is None
        return Completion(
            text=text if cut is None else text[:cut],
            finish_reason="stop" if ended or cut is not None else "length",
            completion_tokens=min(len(ids) + ended, budget),
        )

    def describe(self) -> EngineInfo:
        name = self._torch.cuda.get_device_name() if self._device.startswith("cuda") else self._device
        return EngineInfo(
            engine="transformers",
            model=self._config.model,
            version=self._version,
            revision=fingerprint(self._config.path, self._model.config),
            chat_template=self._chat.kind,
            chat_template_hash=self._chat.hash,
            system_role=self._chat.system_role,
            device=name,
            dtype=str(self._model.dtype).removeprefix("torch."),
            max_model_len=self._max_len,
        )

    def preview(self, request: Request) -> str:
        return self._chat.text(request)

    def close(self) -> None:
        del self._model
