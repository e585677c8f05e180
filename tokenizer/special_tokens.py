"""The special tokens, whose ids follow those of the vocabulary: 100,000 to 100,014 by default.

Names are DeepSeek's where it has the token. Its first tokenizer spent 13 of its 15 on bytes that UTF-8 never contains;
256 byte tokens make those unnecessary, and written as added tokens they capture the letters that stand for these bytes
in a vocabulary.
"""

from collections import Counter

BEGIN = "<｜begin▁of▁sentence｜>"
END = "<｜end▁of▁sentence｜>"
PADDING = "<｜▁pad▁｜>"
SYSTEM, USER, ASSISTANT = "<｜System｜>", "<｜User｜>", "<｜Assistant｜>"
TOOL_OUTPUT, TOOL_OUTPUT_END = "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"

DEFAULT = (
    BEGIN,
    END,
    PADDING,
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
    SYSTEM,
    USER,
    ASSISTANT,
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    TOOL_OUTPUT,
    TOOL_OUTPUT_END,
)
"""begin and end of a document, padding, fill in the middle, roles, tools"""

MIN_TOKENS = 3
"""begin, end and padding, which are the first three of any list"""

MAX_TOKENS = 1 << 16
"""more than any model has; a slip of the finger would otherwise fill the memory with names"""


def name_special_tokens(wanted: int | tuple[str, ...]) -> tuple[str, ...]:
    """The tokens for a number (the first of DEFAULT, then reserved ones) or a list of names (begin, end and padding
    first). Raises ValueError for fewer than three or more than 65,536, an empty one, or one that is there twice."""
    if isinstance(wanted, int) and wanted > MAX_TOKENS:
        raise ValueError(f"{wanted:,} special tokens: at most {MAX_TOKENS:,} can be made")
    names = _number_names(wanted) if isinstance(wanted, int) else wanted
    if len(names) < MIN_TOKENS:
        raise ValueError(f"{len(names)} special tokens: at least begin, end and padding are needed, in this order")
    if "" in names:
        raise ValueError("a special token is empty")
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        raise ValueError(f"special tokens that collide: {', '.join(twice)}")
    return names


def _number_names(count: int) -> tuple[str, ...]:
    return DEFAULT[: max(0, count)] + tuple(f"<｜reserved▁{i}｜>" for i in range(count - len(DEFAULT)))


CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    f"{{% if message['role'] == 'system' %}}{SYSTEM}{{{{ message['content'] }}}}"
    f"{{% elif message['role'] == 'user' %}}{USER}{{{{ message['content'] }}}}"
    f"{{% elif message['role'] == 'assistant' %}}{ASSISTANT}{{{{ message['content'] }}}}{{{{ eos_token }}}}"
    f"{{% elif message['role'] == 'tool' %}}{TOOL_OUTPUT}{{{{ message['content'] }}}}{TOOL_OUTPUT_END}"
    f"{{% endif %}}{{% endfor %}}{{% if add_generation_prompt %}}{ASSISTANT}{{% endif %}}"
)
"""Jinja, as `transformers` reads it; needs the role and tool output tokens"""

CHAT_TOKENS = frozenset({SYSTEM, USER, ASSISTANT, TOOL_OUTPUT, TOOL_OUTPUT_END})
