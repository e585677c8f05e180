"""What packing needs to know of a tokenizer.json: its added tokens, and how many ids there are."""

import functools
import json
from collections.abc import Sequence

AddedTokens = dict[str, int]
"""ids by name"""

END = ("<｜end▁of▁sentence｜>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>", "<|eot_id|>")
BEGIN = ("<｜begin▁of▁sentence｜>", "<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "<|bos|>")
PAD = ("<｜▁pad▁｜>", "<|pad|>", "<pad>", "[PAD]", "<|endofpad|>", "<|finetune_right_pad_id|>")
"""Names in public tokenizers, in the order in which they are tried: DeepSeek, GPT and OLMo, Llama 3, Llama 2, Gemma."""

FIM_SENTINELS = (
    ("<｜fim▁begin｜>", "<|fim_prefix|>", "<fim_prefix>", "<PRE>"),
    ("<｜fim▁hole｜>", "<|fim_suffix|>", "<fim_suffix>", "<SUF>"),
    ("<｜fim▁end｜>", "<|fim_middle|>", "<fim_middle>", "<MID>"),
)
"""Names of the tokens before prefix, suffix and middle (DeepSeek-Coder, Qwen2.5-Coder, StarCoder, Code Llama)."""


@functools.lru_cache(maxsize=2)  # a worker asks for each partition, and parsing 7 MB of JSON takes 80 ms
def read_added_tokens(data: bytes) -> tuple[AddedTokens, int]:
    """The added tokens of a tokenizer.json and the number of its ids (one more than the largest)."""
    tokenizer = json.loads(data)
    added = {token["content"]: int(token["id"]) for token in tokenizer.get("added_tokens") or []}
    vocabulary = (tokenizer.get("model") or {}).get("vocab") or {}
    ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    return added, 1 + max([*ids, *added.values()], default=-1)


def find_token(tokens: AddedTokens, names: Sequence[str]) -> int:
    """The id of the first of these names that is there. Raises KeyError, saying what was tried and what there is."""
    for name in names:
        if name in tokens:
            return tokens[name]
    known = ", ".join(list(tokens)[:20]) or "none"
    raise KeyError(f"the tokenizer has none of {', '.join(names)}; its special tokens are {known}")
