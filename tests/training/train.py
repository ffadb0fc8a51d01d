"""Train a tiny model on a CPU: python tests/training/train.py FOLDER [--model demo|thinker|searcher|foreseer].

A Llama of about a million parameters with a word-level vocabulary, trained from nothing on the questions of
`questions.py`, in the conversations of `conversations.py`; `searcher` on the turns of `searching.py`, and `foreseer`
goes on from it (`--begin`). It needs torch, transformers and ctranslate2, which cotbench
doesn't, and under 30 minutes of two cores. FOLDER gets what transformers and vLLM read, the same for CTranslate2, and
`training.json`, which says how it was made.
"""

from __future__ import annotations

import argparse
import copy
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

from conversations import DEMO, PIECES, THINKER, Conversation, Part, Recipe, vocabulary
from searching import FORESEER, SEARCHER

from cotbench import __version__

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
RECIPES = {one.name: one for one in (DEMO, THINKER, SEARCHER, FORESEER)}
ASKED = 0.1  # the weight of the tokens of prompts: what they repeat teaches to look things up
WARM_UP = 100  # steps

PAD, BOS, END, UNKNOWN = "<pad>", "<bos>", "<end>", "<unk>"
ROLES = ("<system>", "<user>", "<assistant>")


# --- tokenizer ----------------------------------------------------------------------------------------------------


def make_tokenizer(recipe: Recipe) -> Any:
    """Word-level, from the pieces of a recipe's texts; numbers up to 99 and all of ASCII's signs besides."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    cut = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    counts: Counter[str] = Counter()
    for text in vocabulary(recipe):
        counts.update(piece for piece, _ in cut.pre_tokenize_str(text))
    signs = [chr(code) for code in range(33, 127) if not chr(code).isalnum()]
    fixed = [f"{space}{n}" for n in range(100) for space in ("", " ")] + [s + sign for sign in signs for s in ("", " ")]
    words = dict.fromkeys([PAD, BOS, END, UNKNOWN, *ROLES, *recipe.marks, "\n", " ", *fixed, *sorted(counts)])
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in (PAD, BOS, END, UNKNOWN, *ROLES)]
    )
    # Not special: decoding without special tokens keeps a thought's marks, as larger models' tokenizers do.
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in recipe.marks])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=list(ROLES),
        chat_template=recipe.chat_template,
        clean_up_tokenization_spaces=False,
        model_max_length=CONFIG["max_position_embeddings"],
    )


# --- training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """ids of a conversation; which of them the model is to learn: its own words with their ends; and which others it
    is asked with, and learns a little."""

    ids: list[int]
    learnt: list[bool]
    asked: list[bool]


def encode(conversation: Conversation, tokenizer: Any) -> Encoded:
    pieces: dict[str, list[int]] = {}
    ids, learnt, asked = [tokenizer.bos_token_id], [False], [True]
    turns = [
        *((one.role, (Part(text=one.text, own=one.role == "assistant"),)) for one in conversation.asked),
        ("assistant", conversation.turn),
    ]
    for role, parts in turns:
        ids.append(tokenizer.convert_tokens_to_ids(f"<{role}>"))
        learnt.append(False)
        asked.append(True)
        for part in parts:
            if part.text not in pieces:
                pieces[part.text] = tokenizer.backend_tokenizer.encode(part.text, add_special_tokens=False).ids
            turn = pieces[part.text]
            ids += turn
            learnt += [part.own] * len(turn)
            asked += [not part.own and role != "assistant"] * len(
                turn
            )  # what is given to it in its turn teaches nothing
        ids.append(tokenizer.eos_token_id)
        learnt.append(role == "assistant")
        asked.append(role != "assistant")
    return Encoded(ids=ids, learnt=learnt, asked=asked)


def batches(recipe: Recipe, seed: str, tokenizer: Any, size: int) -> Iterator[list[list[Encoded]]]:
    """Batches, each in parts of conversations about equally long: little is padding, and a batch still holds all kinds.

    A short part goes with a long one, so that all batches take about as long and no process waits for another.
    """
    source = recipe.conversations(seed)
    rng = random.Random(f"demo batches {seed}")
    while True:
        pool = sorted((encode(next(source), tokenizer) for _ in range(size * 32)), key=lambda one: len(one.ids))
        parts = [pool[at : at + recipe.part] for at in range(0, len(pool), recipe.part)]
        pairs = [[short, long] for short, long in zip(parts, reversed(parts), strict=True)][: len(parts) // 2]
        rng.shuffle(pairs)
        each = size // (2 * recipe.part)
        for at in range(0, len(pairs), each):
            yield [part for pair in pairs[at : at + each] for part in pair]


def train(
    folder: Path,
    *,
    recipe: Recipe,
    seed: int,
    steps: int,
    processes: int,
    keep: int,
    begin: Path | None,
    rank: int,
    meeting: str,
) -> None:
    """One of the processes that train together, each on its share of a batch; the first saves. meeting: their file.

    keep: after how many steps the model is saved as it is then, in a folder of its own; 0 saves the last only.
    begin: a model that it goes on from."""
    import torch
    import torch.distributed as others
    import transformers
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)  # such small matrices go faster in processes side by side than in threads
    torch.manual_seed(seed)
    others.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes)
    if begin is not None:
        tokenizer = AutoTokenizer.from_pretrained(begin)
        model = LlamaForCausalLM.from_pretrained(begin, dtype=torch.float32)
    else:
        tokenizer = make_tokenizer(recipe)
        model = LlamaForCausalLM(
            LlamaConfig(
                **CONFIG,
                vocab_size=len(tokenizer),
                pad_token_id=tokenizer.pad_token_id,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        )
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.05)
    started, losses = time.monotonic(), []
    for step, batch in zip(
        range(steps), batches(recipe, f"{seed} {rank}", tokenizer, recipe.batch // processes), strict=False
    ):
        rate = recipe.rate * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
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
        if rank == 0 and keep and (step + 1) % keep == 0 and step + 1 < steps:
            save(folder / f"step-{step + 1}", copy.deepcopy(model), tokenizer)
    others.destroy_process_group()
    if rank:
        return
    print(json.dumps(check(recipe, model, tokenizer)))
    save(folder, model, tokenizer)
    made = {
        "cotbench": __version__,
        "seed": seed,
        **({} if begin is None else {"begun_with": json.loads((begin / "training.json").read_text())}),
        "steps": steps,
        "batch": recipe.batch,
        "learning_rate": recipe.rate,
        "mix": recipe.mix,
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
    own, asked = (
        torch.tensor([which + [False] * (width - len(which)) for which in marks])[:, 1:]
        for marks in ([one.learnt for one in part], [one.asked for one in part])
    )
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    loss, more = (
        cross_entropy(model.lm_head(hidden[which]), ids[:, 1:][which], reduction="sum") for which in (own, asked)
    )
    (loss + ASKED * more).backward()
    return float(loss.detach())


def check(recipe: Recipe, model: Any, tokenizer: Any, per_kind: int = 100) -> dict[str, float]:
    """Shares of held-out conversations, by kind, whose last turn the model would write exactly so, token by token."""
    import torch

    found = {}
    model.eval()
    for kind, conversations in recipe.held_out(per_kind):
        right = 0
        for conversation in conversations:
            one = encode(conversation, tokenizer)
            begin = len(one.ids) - one.ids[::-1].index(tokenizer.convert_tokens_to_ids("<assistant>"))
            with torch.inference_mode():
                said = model(input_ids=torch.tensor([one.ids])).logits[0].argmax(-1).tolist()
            right += all(said[at - 1] == one.ids[at] for at in range(begin, len(one.ids)) if one.learnt[at])
        found[kind] = right / per_kind
    model.train()
    return found


def save(folder: Path, model: Any, tokenizer: Any) -> None:
    model = model.half()  # what is shipped; engines compute in float32 from the same rounded weights
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    convert(folder)


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
    parser.add_argument("--model", choices=list(RECIPES), default=DEMO.name)
    parser.add_argument("--steps", type=int, help="other than the recipe's")
    parser.add_argument("--processes", type=int, default=2, help="one for each core")
    parser.add_argument("--keep", type=int, default=0, help="save it after every so many steps, too")
    parser.add_argument("--begin", type=Path, help="a model of ours to go on from, instead of from nothing")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        torch.multiprocessing.spawn(_one, nprocs=arguments.processes, args=(vars(arguments), f"{temporary}/meeting"))
    print((arguments.folder / "training.json").read_text(encoding="utf-8"))


def _one(rank: int, arguments: dict[str, Any], meeting: str) -> None:
    recipe = RECIPES[arguments.pop("model")]
    steps = arguments.pop("steps") or recipe.steps
    train(recipe=recipe, steps=steps, rank=rank, meeting=meeting, **arguments)


if __name__ == "__main__":
    main()
