"""Build a tiny random-weight Llama with a tokenizer and a chat template: the real engines run on it in seconds.

`python tests/tiny_model.py FOLDER` needs torch, transformers and tokenizers; weights and tokenizer depend on the seed
only. Its outputs are noise; what is tested with it is everything around the model.
"""

from __future__ import annotations

import sys
from pathlib import Path

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{{ message['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

# Text of ours to train the tokenizer on: enough for words, digits and a little LaTeX to become tokens.
CORPUS = [
    "You answer questions. Follow the instruction after each question, and give the answer line that it asks for.",
    "Let's think step by step. First work the problem out in writing, then end with the answer line.",
    "The last line of your reply must have exactly this form, where the number is the final result in digits.",
    "Answer: 42 Answer: \\boxed{\\frac{1}{2}} Answer: (C) A) B) C) D) $x^2 + 3x = 12$ 0 1 2 3 4 5 6 7 8 9",
    "How many apples does she have left if she gives seven of the twelve that she picked to her brother?",
] * 20


# Printable ASCII, a space and a line's end, as byte-level tokenizers write them.
_ASCII = [*map(chr, range(33, 127)), "\u0120", "\u010a"]


def build(folder: Path, *, seed: int = 0, context: int = 8192, spelt: bool = False) -> Path:
    """spelt: each token is a character of ASCII, so that what is written is cut into the same tokens again."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=1024, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    if spelt:
        tokenizer.model = models.BPE({text: at for at, text in enumerate([*specials, *_ASCII])}, [])
        tokenizer.add_special_tokens(specials)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="<|end|>",
        pad_token="<pad>",
        additional_special_tokens=specials[3:6],
    )
    fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(seed)
    # A wide initialisation makes the next-token distribution peaked, so that greedy decoding has no near ties.
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.35,
        bos_token_id=0,
        eos_token_id=fast.eos_token_id,
        pad_token_id=2,
        tie_word_embeddings=False,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    fast.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
