"""Train the model `demo` on a CPU: python tests/training/train.py FOLDER [--seed 1].

A Llama of about a million parameters with a word-level vocabulary, trained from nothing on the questions of
`questions.py`, as the task's own prompts ask them. It needs torch, transformers and ctranslate2, which cotbench
doesn't, and under 30 minutes of two cores. FOLDER gets what transformers and vLLM read, the same for CTranslate2, and
`training.json`, which says how it was made.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs
from questions import Item, evaluation_set, training

from cotbench import __version__
from cotbench.modes.prompts import Prompts
from cotbench.questions.tasks import find_task
from cotbench.types import Message, Question

CONFIG: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 352,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,  # of 32 each: vLLM's CPU build takes no smaller ones
    "num_key_value_heads": 4,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
    "rope_theta": 10_000.0,
}
# The share of each template in training: as much practice for direct answers as for chains of thought.
MIX = {"direct": 0.3, "cot": 0.3, "pal": 0.15, "plan": 0.1, "plan-direct": 0.05, "plan-cot": 0.1}
STEPS = 3_500
BATCH = 32
PART = 8  # conversations that go through the model together; a batch has several such parts
LEARNING_RATE = 3e-3
ASKED = 0.1  # the weight of the tokens of prompts: what they repeat teaches to look things up
WARM_UP = 100  # steps

PAD, BOS, END, UNKNOWN = "<pad>", "<bos>", "<end>", "<unk>"
ROLES = ("<system>", "<user>", "<assistant>")
PIECES = (
    r" ?[A-Za-z]+| ?\d+| ?[^\sA-Za-z\d]| {2,}|\s"  # words with the space before them, so that pieces join to the text
)
CHAT_TEMPLATE = (
    "{{ '<bos>' }}{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '<end>' "
    "}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """messages: as a mode sends them, with the model's last turn."""

    messages: tuple[Message, ...]


def conversations(seed: object) -> Iterator[Conversation]:
    """Without end: training questions under the modes of MIX."""
    shapes = {mode: _shape(mode) for mode in MIX}
    rng = random.Random(f"demo modes {seed}")
    for item in training(seed):
        mode = rng.choices(list(MIX), list(MIX.values()))[0]
        yield _conversation(mode, item, shapes[mode])


def _conversation(mode: str, item: Item, shape: tuple[Message, ...]) -> Conversation:
    plan = f"```plan\n{item.equations}\n```"
    asked = [
        structs.replace(one, text=one.text.replace(_QUESTION, item.question).replace(_PLAN, plan)) for one in shape
    ]
    return Conversation(messages=(*asked, Message(role="assistant", text=_reply(mode, item))))


_QUESTION, _PLAN = "\x01question\x01", "\x01plan\x01"


def _shape(mode: str) -> tuple[Message, ...]:
    """What a mode sends, rendered once with marks for question and plan: to render each took a tenth of the time."""
    task = find_task("demo").task
    question = Question(id="", task="demo", text=_QUESTION)
    return Prompts().render(mode, task, question, (), plan=_PLAN if mode.startswith("plan-") else None)


def _reply(mode: str, item: Item) -> str:
    if mode == "plan":
        return f"```plan\n{item.equations}\n```"
    if mode == "pal":
        return f"```python\n{item.program}\n```"
    line = f"Answer: {item.answer}"
    return line if mode in ("direct", "plan-direct") else f"{item.rationale}\n{line}"


# --- tokenizer ----------------------------------------------------------------------------------------------------


def make_tokenizer(texts: Iterator[str]) -> Any:
    """Word-level, from the pieces of some texts; numbers up to 99 and all of ASCII's signs besides."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    cut = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece, _ in cut.pre_tokenize_str(text))
    signs = [chr(code) for code in range(33, 127) if not chr(code).isalnum()]
    fixed = [f"{space}{n}" for n in range(100) for space in ("", " ")] + [s + sign for sign in signs for s in ("", " ")]
    words = dict.fromkeys([PAD, BOS, END, UNKNOWN, *ROLES, "\n", " ", *fixed, *sorted(counts)])
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in (PAD, BOS, END, UNKNOWN, *ROLES)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=list(ROLES),
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=CONFIG["max_position_embeddings"],
    )


# --- training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """ids of a conversation, and which of them the model is to learn: its own turns with their ends."""

    ids: list[int]
    learnt: list[bool]


def encode(conversation: Conversation, tokenizer: Any) -> Encoded:
    pieces: dict[str, list[int]] = {}
    ids, learnt = [tokenizer.bos_token_id], [False]
    for message in conversation.messages:
        turn = pieces.setdefault(
            message.text, tokenizer.backend_tokenizer.encode(message.text, add_special_tokens=False).ids
        )
        ids += [tokenizer.convert_tokens_to_ids(f"<{message.role}>"), *turn, tokenizer.eos_token_id]
        own = message.role == "assistant"
        learnt += [False, *[own] * (len(turn) + 1)]
    return Encoded(ids=ids, learnt=learnt)


def batches(seed: str, tokenizer: Any, size: int) -> Iterator[list[list[Encoded]]]:
    """Batches, each in parts of conversations about equally long: little is padding, and a batch still holds all kinds.

    A short part goes with a long one, so that all batches take about as long and no process waits for another.
    """
    source = conversations(seed)
    rng = random.Random(f"demo batches {seed}")
    while True:
        pool = sorted((encode(next(source), tokenizer) for _ in range(size * 32)), key=lambda one: len(one.ids))
        parts = [pool[at : at + PART] for at in range(0, len(pool), PART)]
        pairs = [[short, long] for short, long in zip(parts, reversed(parts), strict=True)][: len(parts) // 2]
        rng.shuffle(pairs)
        each = size // (2 * PART)
        for at in range(0, len(pairs), each):
            yield [part for pair in pairs[at : at + each] for part in pair]


def train(folder: Path, *, seed: int, steps: int, processes: int, rank: int, meeting: str) -> None:
    """One of the processes that train together, each on its share of a batch; the first saves. meeting: their file."""
    import torch
    import torch.distributed as others
    import transformers
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)  # such small matrices go faster in processes side by side than in threads
    torch.manual_seed(seed)
    others.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes)
    sample = conversations("vocabulary")
    tokenizer = make_tokenizer(m.text for _ in range(5_000) for m in next(sample).messages)
    model = LlamaForCausalLM(
        LlamaConfig(
            **CONFIG,
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    started, losses = time.monotonic(), []
    for step, batch in zip(range(steps), batches(f"{seed} {rank}", tokenizer, BATCH // processes), strict=False):
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        for parameters in optimizer.param_groups:
            parameters["lr"] = rate
        sums = torch.tensor([0.0, sum(sum(one.learnt) for part in batch for one in part)])  # loss, learnt tokens
        for part in batch:
            sums[0] += _backward(model, part, tokenizer.pad_token_id)
        slopes = torch.cat([parameter.grad.view(-1) for parameter in model.parameters() if parameter.grad is not None])
        others.all_reduce(sums)
        others.all_reduce(slopes)
        slopes /= sums[1]
        slopes *= min(1.0, 1.0 / (slopes.norm().item() + 1e-6))
        at = 0
        for parameter in model.parameters():
            parameter.grad = slopes[at : at + parameter.numel()].view_as(parameter)
            at += parameter.numel()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append((sums[0] / sums[1]).item())
        if rank == 0 and (step + 1) % 100 == 0:
            spent = time.monotonic() - started
            print(f"{step + 1} steps, {spent:.0f} s, loss {sum(losses[-100:]) / 100:.4f}", flush=True)
    others.destroy_process_group()
    if rank:
        return
    print(json.dumps(check(model, tokenizer)))
    model = model.half()  # what is shipped; engines compute in float32 from the same rounded weights
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    convert(folder)
    made = {
        "cotbench": __version__,
        "seed": seed,
        "steps": steps,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "mix": MIX,
        "processes": processes,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "last_loss": round(sum(losses[-100:]) / len(losses[-100:]), 5),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    (folder / "training.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _backward(model: Any, part: list[Encoded], pad: int) -> float:
    """Adds the slopes of a part of a batch, and gives its loss, both as sums over tokens."""
    import torch
    from torch.nn.functional import cross_entropy

    width = max(len(one.ids) for one in part)
    # Padding stands at the end, where no token before it can look: no mask is needed.
    ids = torch.tensor([one.ids + [pad] * (width - len(one.ids)) for one in part])
    own = torch.tensor([one.learnt + [False] * (width - len(one.ids)) for one in part])[:, 1:]
    asked = ~own & (ids[:, 1:] != pad)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    loss, more = (
        cross_entropy(model.lm_head(hidden[which]), ids[:, 1:][which], reduction="sum") for which in (own, asked)
    )
    (loss + ASKED * more).backward()
    return float(loss.detach())


def check(model: Any, tokenizer: Any, per_mode: int = 100) -> dict[str, float]:
    """Shares of held-out sums and facts whose last turn the model would write exactly so, token by token."""
    import torch

    shapes = {mode: _shape(mode) for mode in MIX}
    found = {}
    model.eval()
    for group in ("sums", "facts"):
        items = [one for one in evaluation_set() if one.group == group]
        for mode in MIX:
            right = 0
            for item in items[:per_mode]:
                one = encode(_conversation(mode, item, shapes[mode]), tokenizer)
                at = len(one.ids) - len(_turn(_reply(mode, item), tokenizer)) - 1
                with torch.inference_mode():
                    said = model(input_ids=torch.tensor([one.ids])).logits[0].argmax(-1)[:-1].tolist()
                right += said[at - 1 :] == one.ids[at:]
            found[f"{group} {mode}"] = right / per_mode
    model.train()
    return found


def _turn(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)


def convert(folder: Path) -> None:
    """The model for ctranslate2, in a folder of its own beside what it was made from."""
    import ctranslate2

    converter = ctranslate2.converters.TransformersConverter(str(folder))
    converter.convert(str(folder / "ctranslate2"), quantization="float16", force=True)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--processes", type=int, default=2, help="one for each core")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        torch.multiprocessing.spawn(_one, nprocs=arguments.processes, args=(vars(arguments), f"{temporary}/meeting"))
    print((arguments.folder / "training.json").read_text(encoding="utf-8"))


def _one(rank: int, arguments: dict[str, Any], meeting: str) -> None:
    train(rank=rank, meeting=meeting, **arguments)


if __name__ == "__main__":
    main()
