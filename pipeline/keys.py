"""Keys of content-addressed work."""

import hashlib
import json
from typing import Any


def key_of(value: Any) -> str:
    """A key of 32 hexadecimal digits for a JSON value; the order in dictionaries doesn't matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
