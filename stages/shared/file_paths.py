"""What a file's path says: its ending, by which rules for source files know a language."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dspipe.pipeline.config.suggestions import suggest
from dspipe.pipeline.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa


def endings_of(paths: "pa.Array") -> "pa.Array":
    """The ending of each path in lower case, without its dot (string): `py`; "" where there is none, or no path."""
    import pyarrow as pa
    import pyarrow.compute as pc

    last = pc.extract_regex(paths.cast(pa.string()), r"\.(?P<ending>[^./\\]+)$")
    return pc.utf8_lower(pc.fill_null(pc.struct_field(last, "ending"), ""))


def check_text_column(name: str, known: "Mapping[str, pa.DataType]", key: str) -> None:
    """Raises ConfigError, with the setting `key`, where no column of text has this name."""
    import pyarrow as pa

    if name not in known:
        raise ConfigError(f"no column is called {name}; {suggest(name, sorted(known))}", (key,))
    if not pa.types.is_string(known[name]) and not pa.types.is_large_string(known[name]):
        raise ConfigError(f"the column {name} is {known[name]}, not text", (key,))
