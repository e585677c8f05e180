"""Whether the keys of an earlier run's index can be compared with this run's."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.stage import Settings
from dspipe.pipeline.storage.failures import is_storage_failure
from dspipe.stages.shared.dedup.kept_index import IndexUnusableError, KeptIndex

CODE = "code"
"""what an index's settings call a hash of the keys of `sample_texts`: other code that gives the same is as good"""
REWRITTEN = "rewritten"
"""and the stages that had rewritten the texts: a list of [name, settings]"""


def rewritten_settings(rewritten: list[list[Any]] | None) -> Settings:
    """The part of an index's settings that says what has rewritten the texts, where keys depend on it."""
    return {} if rewritten is None else {REWRITTEN: rewritten}


def check_index(index: KeptIndex, settings: Mapping[str, Any]) -> None:
    """Raises IndexUnusableError where an index was made with settings that give other keys."""
    try:
        made_with = index.settings()
    except DamagedFileError as error:
        raise IndexUnusableError(f"{error}; run that run again once the file is removed") from None
    except Exception as error:
        if not is_storage_failure(error):
            raise
        raise IndexUnusableError(f"{index.root} cannot be read: {error}") from None
    for name, value in settings.items():
        if made_with.get(name) == value:
            continue
        what = f"with {name} {made_with.get(name)}, this run has {value}"
        if name == CODE:
            what = "by code that gives other keys: run it again with this version"
        elif name == REWRITTEN:
            what = _rewritten_otherwise(made_with.get(name), value)
        raise IndexUnusableError(f"the index of {index.root} was made {what}")


def _rewritten_otherwise(earlier: list[list[Any]] | None, now: list[list[Any]]) -> str:
    """In what the stages differ that rewrote the texts then and now, which aren't the same."""
    if earlier is None:
        return "by a version that doesn't say what had rewritten the texts: run it again with this version"
    names = [", ".join(name for name, _ in stages) or "none" for stages in (earlier, now)]
    if names[0] != names[1]:
        return f"from texts rewritten by other stages before it: {names[0]}; in this run: {names[1]}"
    stage, old, new = next((name, old, new) for (name, old), (_, new) in zip(earlier, now, strict=True) if old != new)
    key = next(key for key in {**old, **new} if old.get(key) != new.get(key))
    return f"with {stage}.{key} {old.get(key)}, this run has {new.get(key)}"


def sample_texts() -> pa.Array:
    """Texts with all characters of the first three planes, to see whether code still gives the same keys."""
    planes = [chr(point) for point in range(0x30000) if not 0xD800 <= point < 0xE000]
    words = ["".join(planes[start : start + 7]) for start in range(0, len(planes), 7)]
    texts = [" ".join(words[start : start + 256]) for start in range(0, len(words), 256)]
    return pa.array([*texts, "", "two words", "Ten times 1,234.5 is don't-know, e.g. 12345..."], pa.large_string())
