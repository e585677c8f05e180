"""The special tokens, whose ids follow those of the vocabulary: 100,000 to 100,014 by default.

Two sets of names can be had by their number, and any others by a list:

    what                        deepseek (the default)          plain
    begin of a document         <｜begin▁of▁sentence｜>         <|begin_of_text|>
    end of a document           <｜end▁of▁sentence｜>           <|end_of_text|>
    padding                     <｜▁pad▁｜>                     <|pad|>
    before prefix               <｜fim▁begin｜>                 <|fim_prefix|>
    before suffix               <｜fim▁hole｜>                  <|fim_suffix|>
    before middle               <｜fim▁end｜>                   <|fim_middle|>
    roles                       <｜System｜> and so on          <|system|>, <|user|>, <|assistant|>
    tools                       <｜tool▁calls▁begin｜> ...      <|tool_calls_begin|> ... <|tool_output_end|>
    more than 15                <｜reserved▁0｜> ...            <|reserved_0|> ...

`deepseek` are DeepSeek's where it has the token. Its first tokenizer spent 13 of its 15 on bytes that UTF-8 never
contains; 256 byte tokens make those unnecessary, and written as added tokens they capture the letters that stand for
these bytes in a vocabulary. `plain` are ASCII, as Llama 3 and Qwen write them. Whatever their names, the stage `pack`
must find them: it knows both, and those of public tokenizers (`end_token`, `begin_token` and `pad_token` name others).
"""

from collections import Counter
from typing import Literal

SpecialNames = Literal["deepseek", "plain"]

DEEPSEEK = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜▁pad▁｜>",
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
    "<｜System｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
)
PLAIN = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|pad|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|tool_calls_begin|>",
    "<|tool_calls_end|>",
    "<|tool_call_begin|>",
    "<|tool_call_end|>",
    "<|tool_output_begin|>",
    "<|tool_output_end|>",
)
"""begin and end of a document, padding, fill in the middle, roles, tools"""
SETS: dict[SpecialNames, tuple[str, ...]] = {"deepseek": DEEPSEEK, "plain": PLAIN}
_RESERVED: dict[SpecialNames, str] = {"deepseek": "<｜reserved▁{}｜>", "plain": "<|reserved_{}|>"}
ROLES = slice(6, 9)
TOOL_OUTPUT = slice(13, 15)

MIN_TOKENS = 3
"""begin, end and padding, which are the first three of any list"""

MAX_TOKENS = 1 << 16
"""more than any model has; a slip of the finger would otherwise fill the memory with names"""


def name_special_tokens(wanted: int | tuple[str, ...], names: SpecialNames = "deepseek") -> tuple[str, ...]:
    """The tokens for a number (the first of a set of names, then reserved ones) or a list of names (begin, end and
    padding first). Raises ValueError for fewer than three or more than 65,536, an empty one, or one that is there
    twice."""
    if isinstance(wanted, int) and wanted > MAX_TOKENS:
        raise ValueError(f"{wanted:,} special tokens: at most {MAX_TOKENS:,} can be made")
    found = _number_names(wanted, names) if isinstance(wanted, int) else wanted
    if len(found) < MIN_TOKENS:
        raise ValueError(f"{len(found)} special tokens: at least begin, end and padding are needed, in this order")
    if "" in found:
        raise ValueError("a special token is empty")
    twice = sorted(name for name, n in Counter(found).items() if n > 1)
    if twice:
        raise ValueError(f"special tokens that collide: {', '.join(twice)}")
    return found


def _number_names(count: int, names: SpecialNames) -> tuple[str, ...]:
    known = SETS[names]
    return known[: max(0, count)] + tuple(_RESERVED[names].format(i) for i in range(count - len(known)))


def make_chat_template(special: tuple[str, ...]) -> str | None:
    """Jinja, as `transformers` reads it; None where a set's tokens of roles and of tools' output aren't all there."""
    for known in SETS.values():
        system, user, assistant = known[ROLES]
        output, output_end = known[TOOL_OUTPUT]
        if {system, user, assistant, output, output_end} <= set(special):
            return (
                "{{ bos_token }}{% for message in messages %}"
                f"{{% if message['role'] == 'system' %}}{system}{{{{ message['content'] }}}}"
                f"{{% elif message['role'] == 'user' %}}{user}{{{{ message['content'] }}}}"
                f"{{% elif message['role'] == 'assistant' %}}{assistant}{{{{ message['content'] }}}}{{{{ eos_token }}}}"
                f"{{% elif message['role'] == 'tool' %}}{output}{{{{ message['content'] }}}}{output_end}"
                f"{{% endif %}}{{% endfor %}}{{% if add_generation_prompt %}}{assistant}{{% endif %}}"
            )
    return None
