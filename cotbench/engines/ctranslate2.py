"""CTranslate2: small and middling models on a CPU, without torch; the engine of the models `demo` and `demo-thinker`.

--model is a folder that `ct2-transformers-converter` wrote, with the model's tokenizer.json and tokenizer_config.json
beside it. Greedy requests run in batches (`--model-args batch_size=32,threads=2,compute_type=float32`); a sampled one
runs alone, all its paths together.

CTranslate2 (4.8) takes a seed when a thread of its draws for the first time and never again, so a seed of each
request's own needs new threads: a small model is opened again for each sampled request (3 ms), and of a large one
paths are not repeatable, which `EngineInfo.lacks` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.arguments import check, whole
from cotbench.engines.batched import BatchedEngine, Job
from cotbench.engines.chat import ChatFormat
from cotbench.engines.confidence import LIKELIEST
from cotbench.engines.local import fingerprint, model_error, no_tokens, renamed
from cotbench.engines.phases import first_stop
from cotbench.engines.tokens import FolderTokenizer, read_json
from cotbench.errors import ModelError

DEFAULT_BATCH = 32
# Keys of --gen-kwargs as `generate_batch` calls them.
_KEYS = {"min_tokens": "min_length"} | {name: name for name in ("repetition_penalty", "no_repeat_ngram_size")}
# Bytes of a model that is opened in milliseconds, and whose matrices are too small for several threads.
SMALL = 32 << 20


class CTranslate2Engine(BatchedEngine):
    name = "ctranslate2"

    def __init__(self, config: EngineConfig) -> None:
        import ctranslate2

        arguments = config.model_args
        no_tokens(arguments)
        check("ctranslate2", arguments)
        self._config = config
        self._library = ctranslate2
        folder, tokenizer = _folders(Path(config.path))
        if not (folder / "model.bin").is_file():
            raise ModelError(
                f"--model {config.model}: has no model.bin.",
                "Convert the model first: ct2-transformers-converter --model NAME --output_dir FOLDER "
                "--copy_files tokenizer.json tokenizer_config.json",
            )
        self._folder = folder
        self._tokenizer = FolderTokenizer(tokenizer)
        ends = self._tokenizer.eos_token_id
        self._small = (folder / "model.bin").stat().st_size <= SMALL
        self._type = str(arguments.get("compute_type", "float32"))
        self._threads = whole("ctranslate2", arguments, "threads", 1 if self._small else 0, low=0)
        ctranslate2.set_random_seed(config.seed & 0x7FFFFFFF)
        self._model = self._open()
        batch = whole("ctranslate2", arguments, "batch_size", DEFAULT_BATCH, low=1)
        chat = ChatFormat(self._tokenizer, config.chat_template, model=config.model, families=config.families)
        chat.require(config.sampling_keys)
        super().__init__(
            chat,
            max_len=whole("ctranslate2", arguments, "max_model_len", _context(folder), low=1),
            batch=batch,
            capacity=16 * batch,
            seed=config.seed,
            ends={ends} if ends is not None else set(),
        )

    def _open(self) -> Any:
        try:
            return self._library.Generator(
                str(self._folder), device="cpu", compute_type=self._type, intra_threads=self._threads
            )
        except Exception as error:
            raise model_error(self._config.model, error) from None

    def _generate(self, batch: list[Job]) -> list[list[list[int]]]:
        first = batch[0]
        sampling = first.asked.request.sampling
        options: dict[str, Any] = {"sampling_topk": 1, **renamed(sampling, _KEYS)}
        if first.seed is not None:
            if self._small:
                self._library.set_random_seed(first.seed)
                self._model = self._open()
            options |= {"sampling_topp": sampling.top_p, "sampling_temperature": sampling.temperature}
            options |= {"sampling_topk": max(0, dict(sampling.extra).get("top_k", 0)), "num_hypotheses": first.paths}
        stops, special = self._watched(first)
        if stops and first.paths == 1:
            options["callback"] = _watch(stops, partial(self._tokenizer.decode, skip_special_tokens=not special))
        results = self._model.generate_batch(
            [self._tokens(job) for job in batch],
            max_length=first.most,
            beam_size=1,
            include_prompt_in_result=False,
            end_token=self._end_ids(first),
            return_end_token=True,
            **options,
        )
        return [result.sequences_ids for result in results]

    def _tokens(self, job: Job) -> list[str]:
        return [str(self._tokenizer.backend.id_to_token(token)) for token in job.ids]

    def _log_probabilities(self, batch: list[Job]) -> list[list[float]]:
        """Those of one length go together: then all but the last token is read at once, and the library gives the
        logits behind the last one alone."""
        import numpy

        found: dict[int, list[float]] = {}
        lengths = [len(job.ids) for job in batch]
        for length in set(lengths):
            places = [place for place, other in enumerate(lengths) if other == length]
            results = self._model.generate_batch(
                [self._tokens(batch[place]) for place in places],
                max_length=1,
                beam_size=1,
                sampling_topk=1,
                include_prompt_in_result=False,
                return_end_token=True,
                return_logits_vocab=True,
            )
            for place, result in zip(places, results, strict=True):
                logits = numpy.asarray(result.logits[0][-1], dtype=numpy.float64)
                best = logits.max()
                total = best + numpy.log(numpy.exp(logits - best).sum())
                found[place] = [float(logits[token] - total) for token in batch[place].options]
        return [found[place] for place in range(len(batch))]

    def _read_again(self, before: list[int], written: list[int]) -> Iterator[tuple[list[float], float]]:
        """Read a path once more, as a prompt is: the probabilities are the model's own, whatever it was drawn with."""
        import numpy

        told = self._model.forward_batch([before + written[:-1]], return_log_probs=True)
        logs = numpy.asarray(told)[0, len(before) - 1 :]
        count = min(LIKELIEST, logs.shape[1])
        for row, token in zip(logs, written, strict=True):
            exact = row.astype(numpy.float64)
            yield numpy.partition(exact, -count)[-count:].tolist(), float(exact[token])

    def describe(self) -> EngineInfo:
        return self._chat.info(
            self._config,
            engine="ctranslate2",
            version=self._library.__version__,
            revision=revision_of(Path(self._config.path)),
            device="cpu",
            dtype=self._model.compute_type,
            max_model_len=self._max_len,
            likelihoods=True,
            confidence=LIKELIEST,
            notes=self._options.notes,
            lacks=() if self._small else ("seeds",),
        )

    def close(self) -> None:
        del self._model


def _folders(folder: Path) -> tuple[Path, Path]:
    """Where the weights are, and where the tokenizer, of a model's folder."""
    if (folder / "ctranslate2").is_dir():  # beside the model that it was converted from
        folder /= "ctranslate2"
    return folder, folder if (folder / "tokenizer.json").is_file() else folder.parent


def revision_of(folder: Path) -> str:
    """Fingerprints of the weights and of the tokenizer, which may stand in another folder."""
    return "+".join(fingerprint(str(place)) for place in dict.fromkeys(_folders(folder)))


def _watch(stops: list[str], decode: Callable[[list[int]], str]) -> Callable[[Any], bool]:
    """CTranslate2 knows end tokens only: this ends a path of a batch when a stop string is complete.

    It may not hold the engine: a thread of the model drops it last, sometimes after we have dropped the engine, and a
    model that is dropped by its own thread aborts the process.
    """
    written: dict[int, list[int]] = defaultdict(list)

    def complete(step: Any) -> bool:
        ids = written[step.batch_id]
        ids.append(step.token_id)
        return first_stop(stops, decode(ids)) is not None

    return complete


def _context(folder: Path) -> int:
    """The length of the model's context, as its tokenizer or its own configuration tells; else 2,048."""
    for name, field in (("tokenizer_config.json", "model_max_length"), ("config.json", "max_position_embeddings")):
        for place in (folder, folder.parent):
            value = read_json(place / name).get(field)
            if isinstance(value, int) and 0 < value < 1 << 30:
                return value
    return 2_048
