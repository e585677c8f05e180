"""The media type of a web page: as browsers take what servers send, and from the page where they send nothing usable.

Standards: Fetch, "extract a MIME type" (of a list of values the last that is one counts); MIME Sniffing, sections 4.4
(parsing) and 7.1 (identifying a resource with an unknown type).
"""

import re
from functools import lru_cache

from dspipe.stages.sources.reading.charset import wide_encoding

Body = bytes | bytearray

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ESSENCE = re.compile(rf"[ \t\r\n]*({_TOKEN})/({_TOKEN})[ \t\r\n]*(?:;|$)")
_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"?|[^",])*', re.DOTALL)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;,\"']+)", re.IGNORECASE)
_UNKNOWN = ("", "*/*", "unknown/unknown", "application/unknown")

_MARKUP = re.compile(
    rb"[\t\n\f\r ]*(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[ >])",
    re.IGNORECASE,
)
# not in the standard: browsers take a page for text that begins with words, or a tag that the standard doesn't name
_TAG = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p)[\s>/]", re.IGNORECASE)
_XML = re.compile(rb"[\t\n\f\r ]*<\?xml")
_BINARY = re.compile(
    rb"%PDF-|GIF8[79]a|\x89PNG|\xff\xd8\xff|\x1aE\xdf\xa3|\x00\x01\x00\x00|PK\x03\x04|7z\xbc\xaf|"
    rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|\xfd7zXZ|BZh[1-9]1AY&SY"
)
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\f\r\x1b"))
_SNIFFED = 1445
_LOOKED_AT = 2048


@lru_cache(4096)
def declared_type(values: str) -> str:
    """The media type that a header field, or several joined by commas, declares: `text/html` or, with its charset,
    `text/html; charset=UTF-8`, the type in lower case. Empty where none is valid, or it says that it isn't known."""
    found, charset = "", ""
    for part in _PART.findall(values):
        match = _ESSENCE.match(part)
        essence = f"{match[1]}/{match[2]}".lower() if match else ""
        if not match or essence == "*/*":
            continue
        own = _CHARSET.search(part, match.end() - 1)
        charset = own[1] if own else charset if essence == found else ""
        found = essence
    if found in _UNKNOWN:
        return ""
    return f"{found}; charset={charset}" if charset else found


def sniffed_type(body: Body, values: str = "") -> str:
    """The media type of a body of which none is known; a charset is taken from `values`, a header that is no type."""
    head = bytes(body[:_SNIFFED])
    if _MARKUP.match(head.removeprefix(_MARKS[0])) or _TAG.search(head):
        found = "text/html"
    elif _XML.match(head):
        found = "text/xml"
    elif not body or _BINARY.match(head):
        found = "application/octet-stream"
    else:
        # section 7.1, the last steps: text where there is no byte that text doesn't have
        found = "text/plain" if head.startswith(_MARKS) or not _controls(head) else "application/octet-stream"
    charset = _CHARSET.search(values)
    return f"{found}; charset={charset[1]}" if charset and found.startswith("text/") else found


def is_text(body: Body, content_type: str) -> bool:
    """Whether a body can be the text that it is declared to be: not packed, an image or the like, whatever the header
    says. Random bytes have a control character in nine; text may have some, or zeros as UTF-16 and UTF-32."""
    if _BINARY.match(body):
        return False
    head, declared = bytes(body[:_LOOKED_AT]), content_type.lower()
    if _controls(head) <= max(2, len(head) // 50):
        return True
    return head.startswith(_MARKS) or "utf-16" in declared or "utf-32" in declared or wide_encoding(head) is not None


def _controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROLS))
