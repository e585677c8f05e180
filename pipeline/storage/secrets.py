"""Passwords and signatures in addresses: what is shown, written into a document or kept with a run has none."""

import re
from typing import Any

_USER = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)(?P<user>[^/\s?#@]+)@")
_SECRET_KEY = (
    r"[\w.-]*(?:signature|credential|security[-_]?token|access[-_]?key|secret|passw(?:or)?d|passphrase|token|api[-_]?key"
    r"|key[-_]?pair[-_]?id|policy|hdnts|authorization)[\w.-]*|sig|sv|se|sp|sr|st|spr|key|pwd|auth|code"
)
_QUERY = re.compile(rf"(?P<before>[?&;](?:{_SECRET_KEY})=)(?P<value>[^&#;\s'\"]*)", re.IGNORECASE)
_OPTION = re.compile(
    r"(?:secret|password|passwd|passphrase|token|api_?key|account_key|sas_token|connection_string|credentials?)$"
    r"|^(?:key|pass|pwd|sig|signature|authorization)$",
    re.IGNORECASE,
)
HIDDEN = "***"


def without_secrets(text: str) -> str:
    """A text with the passwords and signatures of the addresses in it hidden: `https://***@host/x?X-Amz-Signature=***`.

    The user of `user:password@` goes too; a bare `user@` stays, which is a name and no secret.
    """
    if "://" not in text:
        return text
    text = _USER.sub(lambda match: f"{match['scheme']}{_user(match['user'])}@", text)
    return _QUERY.sub(rf"\g<before>{HIDDEN}", text)


def values_without_secrets(values: Any) -> Any:
    """A config's values to keep with a run: addresses without their secrets, and options that are secrets hidden."""
    if isinstance(values, dict):
        return {
            name: HIDDEN
            if isinstance(name, str) and isinstance(value, str) and value and _is_secret(name, value)
            else values_without_secrets(value)
            for name, value in values.items()
        }
    if isinstance(values, list):
        return [values_without_secrets(value) for value in values]
    return without_secrets(values) if isinstance(values, str) else values


def _is_secret(name: str, value: str) -> bool:
    return bool(_OPTION.search(name)) and not value.startswith("$")


def _user(user: str) -> str:
    return HIDDEN if ":" in user else user
