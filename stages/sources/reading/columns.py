"""Arrow columns of any type as the text and the names of documents."""

from typing import TYPE_CHECKING, Any

from dspipe.stages.sources.reading.batches import LongColumn, clean_text, clean_utf8, decode_utf8

if TYPE_CHECKING:
    import pyarrow as pa


def column_at(batch: "pa.RecordBatch", path: str) -> "pa.Array":
    """The column at a name or a dotted path, decoded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if path in batch.schema.names:
        array = batch[path]
    else:
        first, *rest = path.split(".")
        array = pc.struct_field(batch[first], rest)
    array = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
    # a UUID is one as long as Parquet's type says so
    return array if isinstance(array, pa.UuidArray) or not isinstance(array, pa.ExtensionArray) else array.storage


def text_column(array: "pa.Array") -> "pa.Array":
    """A text column as valid large_string without NUL. Raises ArrowInvalid for other types."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.large_string())
    if not (pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())
        elif pa.types.is_binary(array.type) or pa.types.is_binary_view(array.type):
            array = array.cast(pa.large_binary())
        else:
            raise pa.ArrowInvalid(f"the text column has the type {array.type}, which is no text")
    try:
        text = array.cast(pa.large_string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        column = LongColumn()
        for value in array.cast(pa.large_binary()):
            column.append(clean_utf8(memoryview(value.as_buffer())) if value.is_valid else None)
        return column.take(pa.large_string())
    if pc.any(pc.match_substring(text, "\0")).as_py():
        text = pc.replace_substring(text, "\0", "\ufffd")
    return text


def name_column(array: "pa.Array", identifying: bool = False) -> "pa.Array":
    """A column of names as string: numbers in decimal, times as in ISO 8601 (those with a zone in UTC), UUIDs as they
    are written, null where empty or of another type. Bytes that are no text are hexadecimal where they are
    `identifying`, else what they hold with U+FFFD."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.UuidArray):
        values = [None if value is None else str(value) for value in array.to_pylist()]
        return pa.array(values, pa.string())
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp(array.type.unit, "UTC")) if array.type.tz else array
        array = pc.replace_substring_regex(pc.strftime(array, "%Y-%m-%dT%H:%M:%SZ"), r"\.0+Z$", "Z")
    if pa.types.is_nested(array.type) or pa.types.is_boolean(array.type):
        return pa.nulls(len(array), pa.string())
    binary = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
    binary = binary or pa.types.is_fixed_size_binary(array.type) or pa.types.is_binary_view(array.type)
    try:
        if binary and identifying:
            raise pa.ArrowInvalid("each value tells whether it is text")
        names = array.cast(pa.string())
        names.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # bytes: a column said to be text may hold others
        raw = array.cast(pa.binary()).to_pylist() if pa.types.is_string(array.type) else array.to_pylist()
        names = pa.array([_name(value, identifying) for value in raw], pa.string())
    return pc.if_else(pc.equal(names, ""), None, names)


def _name(value: Any, identifying: bool) -> str | None:
    if not isinstance(value, bytes):
        return None if value is None else clean_text(str(value))
    text = decode_utf8(value)
    return value.hex() if identifying and not (text.isprintable() and "\ufffd" not in text) else text
