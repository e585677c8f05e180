"""Which fields of a row hold the text and what is known about it, for formats with named fields."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Fields(BaseModel):
    """Names of fields. Of several names the first that a row has counts; a dotted name goes into nested fields."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    text: str = Field(default="text", min_length=1, description="the document")
    id: Names = Field(default=("id",), description="what names the document; without one its place in the file does")
    url: Names = Field(default=("url", "metadata.url"), description="where the document came from")
    date: Names = Field(default=("date", "metadata.date"), description="when it was fetched or published")
    domain: Names = Field(default=("domain",), description="the kind of text that remixing goes by")
    language: Names = Field(default=("language", "lang"), description="its language, where that is known")
