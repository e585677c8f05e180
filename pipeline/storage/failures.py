"""What an error of a storage means: whether it is the storage's at all, whether waiting helps, and one sentence for it.

Errors come from the operating system, from clients of object stores (botocore, aiohttp, gcsfs) and from fsspec, which
puts some of them into its own. They are told by their status, their code and the names of their classes, so that no
client has to be imported for it.
"""

import errno
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.storage.secrets import without_secrets

Kind = Literal["passes", "access", "missing", "wrong"]
"""passes    trouble of a network or a server: it is over sooner or later
access    not permitted: of a place that has answered before it is a server's or a clock's trouble, else a mistake
missing   there is no such file
wrong     waiting doesn't help"""

_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google")
_PASSING_STATUS = {408, 409, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529}
_PASSING_CODES = {
    "BadDigest",  # the body was damaged on its way
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "ServiceUnavailable",
    "Throttling",
    "XAmzContentSHA256Mismatch",
}
_MISTAKEN_CODES = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "KeyTooLongError",
    "NoSuchBucket",
    "PermanentRedirect",
}
_ACCESS_CODES = {"ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "TokenRefreshRequired"}
_MISSING_CODES = {"NoSuchKey", "404"}
_PASSING_CLASSES = {
    "ClientConnectionError",
    "ClientPayloadError",
    "ConnectionClosedError",
    "ConnectionError",
    "FSTimeoutError",
    "HTTPClientError",  # of botocore: no connection, no answer in time, an answer that broke off
    "IncompleteRead",
    "IncompleteReadError",
    "ResponseParserError",
    "ResponseStreamingError",
    "TimeoutError",
    "gaierror",
}
_ACCESS_CLASSES = {
    "CredentialRetrievalError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "PermissionError",
    "SSOError",
    "TokenRetrievalError",
}
_PASSING_NUMBERS = {
    errno.EAGAIN,
    errno.EBUSY,  # s3fs: SlowDown, ServiceUnavailable
    errno.EHOSTUNREACH,
    errno.EIO,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EPIPE,
    errno.EREMOTEIO,  # s3fs: InternalError
    errno.ETIMEDOUT,
}


class UnavailableError(OSError):
    """A storage didn't give what was asked of it, by its own fault or a machine's. Its text is a whole sentence."""


def is_storage_failure(error: BaseException) -> bool:
    """Whether an exception is the storage's: the operating system's, one that an object store's client raises, or what
    `pipeline.storage` makes of them."""
    return isinstance(error, OSError | StorageError) or type(error).__module__.split(".")[0] in _CLIENTS


def kind_of(error: BaseException) -> Kind:
    """What an error of a storage client means."""
    kind: Kind = "wrong"
    for one in _chain(error):
        found = _kind_of_one(one)
        if found is not None:
            kind = found
    return kind


def is_mistake(error: BaseException) -> bool:
    """Whether the address or the setting is wrong for sure, so that nobody needs to try again."""
    return any(
        _code(one) in _MISTAKEN_CODES or classes_of(one) & {"InvalidURL", "ParamValidationError", "ProfileNotFound"}
        for one in _chain(error)
    )


def retry_after(error: BaseException) -> float | None:
    """The seconds that a server asks to wait, from `Retry-After`: a number or a date."""
    for one in _chain(error):
        value = {name.lower(): value for name, value in _headers(one).items()}.get("retry-after")
        if value is None:
            continue
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, TypeError):
            continue
    return None


def storage_error(error: Exception, path: str, doing: str) -> StorageError:
    """One clear sentence for what the operating system or the object store said."""
    if isinstance(error, UnavailableError):
        return StorageError(str(error))
    advice = {
        errno.ENOSPC: "the disk is full; free space and run the same command again, finished work is kept",
        errno.EDQUOT: "the disk quota is used up; free space and run again, finished work is kept",
        errno.EROFS: "the file system is read-only; choose another place with --set output=DIR",
        errno.EACCES: "permission denied; check the owner and mode, or choose another place",
        errno.EPERM: "operation not permitted; check the owner and mode, or choose another place",
        errno.ENOENT: "no such file",
        errno.ENOTDIR: "a part of the path is a file, not a directory",
        errno.EISDIR: "it is a directory",
    }.get(getattr(error, "errno", None) or 0)
    return StorageError(f"cannot {doing} {without_secrets(path)}: {advice or said(error)}")


def said(error: BaseException) -> str:
    """What the storage said, and what to do about it, in a line."""
    code, message = "", ""
    names: set[str] = set()
    for one in _chain(error):
        names |= classes_of(one)
        code, message = _code(one) or code, _message(one) or message
    if code == "NoSuchBucket":
        return "there is no such bucket; check its name, or make it"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return (
            f"the credentials are refused ({code}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile"
        )
    if code in _ACCESS_CODES:
        return f"the credentials are no longer good ({code}: {message}); get new ones, or set the clock"
    if names & {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}:
        return (
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the "
            "machine a role"
        )
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return f"the bucket is in another region ({message}); set AWS_DEFAULT_REGION to it"
    kind = kind_of(error)
    if kind == "access":
        return (
            f"access denied ({message or code or 'no reason given'}); check which credentials are in use and that they "
            f"may list, read, write and delete there"
        )
    if kind == "passes" and not code:
        reason = message or type(error).__name__
        return f"no answer ({reason}); check the network, the address and, for S3, AWS_ENDPOINT_URL"
    return f"{code}: {message}" if code and message else message or code or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, the first cause last: fsspec says `no such file` of a web server's 503."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__


def _kind_of_one(error: BaseException) -> Kind | None:
    code, status, names = _code(error), status_of(error), classes_of(error)
    if "InvalidURL" in names or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "wrong"
    if "HttpProcessingError" in names:  # an answer that broke off or is garbled; its `code` is none of the server's
        return "passes"
    if code or status is not None:
        if code in _PASSING_CODES or status in _PASSING_STATUS:
            return "passes"
        if code in _MISSING_CODES or (status in (404, 410) and not code):
            return "missing"
        if code in _ACCESS_CODES or status in (401, 403):
            return "access"
        return "wrong"
    if names & _ACCESS_CLASSES:
        return "access"
    if names & _PASSING_CLASSES:
        return "passes"
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, OSError) and error.errno in _PASSING_NUMBERS:
        return "passes"
    return None


def classes_of(error: BaseException) -> set[str]:
    """The names of an error's class and of those that it is derived from."""
    return {kind.__name__ for kind in type(error).__mro__}


def _response(error: BaseException) -> Mapping[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _code(error: BaseException) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _message(error: BaseException) -> str:
    message = str(_response(error).get("Error", {}).get("Message", "")) or str(error)
    return without_secrets(" ".join(message.split()))[:300]


def status_of(error: BaseException) -> int | None:
    """The HTTP status: of botocore in the response, of aiohttp `status`, of gcsfs `code`."""
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    status = status if status is not None else getattr(error, "status", None) or getattr(error, "code", None)
    return status if isinstance(status, int) and 100 <= status < 600 else None


def _headers(error: BaseException) -> Mapping[str, str]:
    headers = _response(error).get("ResponseMetadata", {}).get("HTTPHeaders") or getattr(error, "headers", None)
    return headers if isinstance(headers, Mapping) else {}
