"""What errors of storage mean: told by status, code and class, and said in one sentence."""

import errno
import os
import time
from email.utils import formatdate
from typing import Any

import pytest

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.storage.failures import is_storage_failure, kind_of, retry_after, said, storage_error


def client_error(status: int, code: str, message: str = "words", **headers: str) -> Exception:
    """As botocore raises it."""
    exceptions = pytest.importorskip("botocore.exceptions")
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    error: Exception = exceptions.ClientError(response, "GetObject")
    return error


def named(name: str, module: str, text: str = "") -> Exception:
    """An error of a client, by its class alone."""
    error: Exception = type(name, (Exception,), {"__module__": module})(text)
    return error


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionResetError(errno.ECONNRESET, "reset"), "passes"),
        (TimeoutError(), "passes"),
        (OSError(errno.EBUSY, "Please reduce your request rate."), "passes"),
        (named("ResponseParserError", "botocore.parsers"), "passes"),
        (named("ClientPayloadError", "aiohttp.client_exceptions"), "passes"),
        (named("gaierror", "socket"), "passes"),
        (named("NoCredentialsError", "botocore.exceptions"), "access"),
        (named("SSLError", "botocore.exceptions", "CERTIFICATE_VERIFY_FAILED"), "wrong"),
        (PermissionError("Access Denied"), "access"),
        (FileNotFoundError("x"), "missing"),
        # fsspec says so of whatever a web server answers
        (caused(FileNotFoundError("http://x/y"), TimeoutError()), "passes"),
        (ValueError("a mistake of ours"), "wrong"),
    ],
)
def test_errors_by_class(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (503, "SlowDown", "passes"),
        (500, "InternalError", "passes"),
        (429, "TooManyRequests", "passes"),
        (409, "ConditionalRequestConflict", "passes"),
        (400, "RequestTimeout", "passes"),
        (400, "BadDigest", "passes"),
        (403, "AccessDenied", "access"),
        (403, "InvalidAccessKeyId", "access"),
        (400, "ExpiredToken", "access"),
        (404, "NoSuchKey", "missing"),
        (404, "404", "missing"),
        (404, "NoSuchBucket", "wrong"),
        (400, "InvalidBucketName", "wrong"),
        (412, "PreconditionFailed", "wrong"),
        (501, "NotImplemented", "wrong"),
    ],
)
def test_answers_by_status_and_code(status: int, code: str, kind: str) -> None:
    error = client_error(status, code)
    assert kind_of(error) == kind
    assert kind_of(caused(OSError(errno.EIO, "as s3fs says it"), error)) == kind


def test_a_server_says_how_long_to_wait() -> None:
    slow = client_error(503, "SlowDown", **{"retry-after": "7"})
    assert retry_after(slow) == retry_after(caused(OSError(), slow)) == 7
    later = client_error(503, "SlowDown", **{"Retry-After": formatdate(time.time() + 60, usegmt=True)})
    assert 50 < (retry_after(later) or 0) <= 60
    assert retry_after(client_error(503, "SlowDown", **{"retry-after": "soon"})) is None
    assert retry_after(ConnectionResetError()) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (client_error(404, "NoSuchBucket"), "there is no such bucket; check its name"),
        (client_error(403, "SignatureDoesNotMatch"), "the credentials are refused"),
        (client_error(400, "ExpiredToken", "The token has expired."), "no longer good"),
        (client_error(403, "AccessDenied", "Access Denied"), "access denied (Access Denied); check which credentials"),
        (named("NoCredentialsError", "botocore.exceptions"), "no credentials were found; set AWS_ACCESS_KEY_ID"),
        (client_error(301, "PermanentRedirect"), "another region"),
        (ConnectionRefusedError(111, "refused"), "no answer ([Errno 111] refused); check the network"),
        (
            client_error(503, "SlowDown", "Please reduce your request rate."),
            "SlowDown: Please reduce your request rate.",
        ),
        (client_error(403, "X", "of http://h/x?X-Amz-Signature=abc&a=1"), "X-Amz-Signature=***&a=1"),
    ],
)
def test_one_sentence_says_what_to_do(error: Exception, words: str) -> None:
    assert words in said(error)
    assert "\n" not in said(error)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "the disk is full; free space and run the same command again"),
        (errno.EACCES, "permission denied; check the owner and mode"),
        (errno.ENOTDIR, "a part of the path is a file"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_failures_say_what_to_do(number: int, advice: str) -> None:
    error = storage_error(OSError(number, os.strerror(number)), "/runs/x", "write to")
    assert str(error).startswith("cannot write to /runs/x: ")
    assert advice in str(error)


def test_what_is_the_storages_fault() -> None:
    class ClientError(Exception):
        __module__ = "botocore.exceptions"

    assert is_storage_failure(OSError()) and is_storage_failure(ClientError()) and is_storage_failure(StorageError())
    assert not is_storage_failure(ValueError())
