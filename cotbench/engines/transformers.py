"""Hugging Face transformers: the slow reference that the other engines are checked against.

Greedy requests run in left-padded batches (`--model-args batch_size=8,dtype=float32,device=cuda`); sampled ones one by
one, each with its own seed, so that a path doesn't depend on its neighbours.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import whole
from cotbench.engines.chat import ChatFormat
from cotbench.engines.local import fingerprint, model_error
from cotbench.types import Completion, Key, Reply, Request, request_seed

DEFAULT_BATCH = 16


class TransformersEngine:
    def __init__(self, config: EngineConfig) -> None:
        import torch
        import transformers

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
        revision = arguments.get("revision")
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                config.model, padding_side="left", trust_remote_code=config.trust_remote_code, revision=revision
            )
            self._model = transformers.AutoModelForCausalLM.from_pretrained(
                config.model, dtype=dtype, trust_remote_code=config.trust_remote_code, **arguments
            ).to(self._device)
        except Exception as error:
            raise model_error(config.model, error) from None
        self._model.eval()
        self._chat = ChatFormat(self._tokenizer, config.chat_template)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        ends = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        # A checkpoint's own generation defaults (a repetition penalty, top_k ...) would change what "greedy" means.
        self._model.generation_config = transformers.GenerationConfig(
            pad_token_id=self._tokenizer.pad_token_id, eos_token_id=sorted(self._ends)
        )
        self._max_len = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 30)
        self._waiting: deque[tuple[Key, Request, str, list[int]]] = deque()
        self._refused: list[tuple[Key, Reply]] = []
        self.capacity = 4 * self._batch

    def submit(self, key: Key, request: Request) -> None:
        text = self._chat.text(request)
        ids = self._chat.token_ids(text)
        if len(ids) >= self._max_len:
            error = f"the prompt has {len(ids)} tokens and the model's context {self._max_len}"
            path = Completion(text="", finish_reason="error", prompt_tokens=len(ids), error=error)
            self._refused.append((key, Reply(completions=(path,) * request.sampling.n, prompt=text)))
            return
        self._waiting.append((key, request, text, ids))

    def poll(self) -> list[tuple[Key, Reply]]:
        if self._refused or not self._waiting:
            done, self._refused = self._refused, []
            return done
        first = self._waiting[0][1].sampling
        batch = [self._waiting.popleft()]
        while first.greedy and self._waiting and len(batch) < self._batch and self._waiting[0][1].sampling == first:
            batch.append(self._waiting.popleft())
        return self._generate(batch)

    def _generate(self, batch: list[tuple[Key, Request, str, list[int]]]) -> list[tuple[Key, Reply]]:
        torch = self._torch
        sampling = batch[0][1].sampling
        longest = max(len(ids) for _, _, _, ids in batch)
        pad = self._tokenizer.pad_token_id
        rows = torch.tensor([[pad] * (longest - len(ids)) + ids for _, _, _, ids in batch], device=self._device)
        mask = torch.tensor(
            [[0] * (longest - len(ids)) + [1] * len(ids) for _, _, _, ids in batch], device=self._device
        )
        budget = min(sampling.max_tokens, self._max_len - longest)
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
            options |= {"stop_strings": stops, "tokenizer": self._tokenizer}
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=rows,
                attention_mask=mask,
                max_new_tokens=budget,
                **options,
            )
        paths = [self._completion(row, stops, budget) for row in output[:, longest:].tolist()]
        each = len(paths) // len(batch)
        done = []
        for place, (key, request, text, ids) in enumerate(batch):
            own = paths[place * each : (place + 1) * each]
            own = own * (request.sampling.n // each)
            done.append((key, Reply(completions=tuple(self._with_prompt(p, len(ids)) for p in own), prompt=text)))
        return done

    def _completion(self, tokens: list[int], stops: list[str], budget: int) -> Completion:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        ids = tokens if end is None else tokens[:end]
        # A character whose bytes are not complete at the end is left out, as vLLM's detokenizer does.
        text = self._tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
        cut = min((place for place in (text.find(stop) for stop in stops) if place >= 0), default=None)
        finished = end is not None or cut is not None
        # A path that ended earlier than its batch is padded; the end token counts as a token, as vLLM counts it.
        count = len(ids) + (end is not None)
        return Completion(
            text=text if cut is None else text[:cut],
            finish_reason="stop" if finished else "length",
            completion_tokens=min(count, budget),
        )

    @staticmethod
    def _with_prompt(path: Completion, prompt_tokens: int) -> Completion:
        return Completion(
            text=path.text,
            finish_reason=path.finish_reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=path.completion_tokens,
        )

    def describe(self) -> EngineInfo:
        name = self._torch.cuda.get_device_name() if self._device.startswith("cuda") else self._device
        return EngineInfo(
            engine="transformers",
            model=self._config.model,
            version=self._version,
            revision=fingerprint(self._config.model, self._model.config),
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
