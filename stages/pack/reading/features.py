"""What a sample of `PackedDataset` has, in the form of Hugging Face's `datasets`."""

from typing import Any


def describe_features(row_length: int) -> dict[str, Any]:
    """The type of each field, as `datasets.Features.from_dict` reads it."""

    def row_of(dtype: str) -> dict[str, Any]:
        return {"feature": {"dtype": dtype, "_type": "Value"}, "length": row_length, "_type": "List"}

    number = {"dtype": "int64", "_type": "Value"}
    return {
        "tokens": row_of("int64"),
        "position_ids": row_of("int64"),
        "document_ids": row_of("int64"),
        "loss_mask": row_of("bool"),
        "domain": number,
        "row": number,
    }
