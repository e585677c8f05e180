"""Passwords and signatures in addresses: what is shown, written into a document or kept with a run has none."""

import re
from typing import Any

HIDDEN = "***"
_USER = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)(?P<user>[^/\s?#@:]*):(?!\$)(?P<password>[^/\s?#@]*)@")
# of S3, Google, Azure (SAS), CloudFront, Akamai, Hugging Face and of whoever has a token
_NAMES = (
    r"[\w.-]*(?:signature|credential|security-?token|access-?key(?:-?id)?|secret|passw(?:or)?d|token|api-?key|key-pair-id"
    r"|hdnts|authorization)|googleaccessid|policy|sig|key|pwd|auth"
)
_QUERY = re.compile(rf"(?P<name>[?&;](?:{_NAMES})=)(?!\$)[^&#;\s'\"]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """A text with the passwords and signatures of the addresses in it hidden.

    `https://user:password@host/x?X-Amz-Signature=abc&part=1` becomes `https://***@host/x?X-Amz-Signature=***&part=1`;
    a bare `user@` is a name and no secret, nor is `$NAME`, which stands for one in the environment.
    """
    return _QUERY.sub(rf"\g<name>{HIDDEN}", _USER.sub(rf"\g<scheme>{HIDDEN}@", text))


def values_without_secrets(values: Any) -> Any:
    """A config's values as they are kept with a run: no address, and no `path` and `root` of a source, has secrets."""
    if isinstance(values, dict):
        hide = {"path": _path_without_secrets, "root": _path_without_secrets}
        return {name: hide.get(name, values_without_secrets)(value) for name, value in values.items()}
    if isinstance(values, list):
        return [values_without_secrets(value) for value in values]
    return without_secrets(values) if isinstance(values, str) and "://" in values else values


def _path_without_secrets(value: Any) -> Any:
    if isinstance(value, list):
        return [_path_without_secrets(one) for one in value]
    return without_secrets(value) if isinstance(value, str) else values_without_secrets(value)
