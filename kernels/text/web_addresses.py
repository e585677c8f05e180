"""Addresses within a text: a word that is a URL or an e-mail address stays one token."""

from dspipe.kernels.jit import jit
from dspipe.kernels.text.unicode_classes import DIGIT, LETTER
from dspipe.kernels.text.unicode_lookup import character


@jit
def is_address(data, start, end, classes):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is a URL with or without a scheme, or an e-mail address."""
    has_dot = False
    for i in range(start, end):
        has_dot |= data[i] == 46
    if not has_dot:
        return False
    if _is_host(data, start, end, classes):
        return True
    scheme = True  # letters, figures, + - . _ so far
    for i in range(start, min(end - 3, start + 2048)):
        byte = data[i]
        if byte == 64 and i > start and _is_host(data, i + 1, end, classes):
            return True
        slashes = byte == 58 and data[i + 1] == 47 and data[i + 2] == 47
        if slashes and scheme and i >= start + 2 and _is_host(data, i + 3, end, classes):
            return True
        kind, _ = character(data, i, end, classes)
        scheme &= kind & (LETTER | DIGIT) != 0 or byte in (43, 45, 46, 95) or byte & 0xC0 == 0x80
    return False


@jit
def _is_host(data, start, end, classes):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is a domain name with a top level in small letters, then nothing, a port or a path."""
    i, label, labels, plain = start, start, 0, True
    while i < end:
        byte = data[i]
        alphanumeric = byte >= 0x80 or 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122
        if byte == 46:
            if i == label or data[i - 1] in (45, 95) or i - label > 64:
                return False
            labels, label, plain = labels + 1, i + 1, True
        elif alphanumeric or (byte in (45, 95) and i > label):
            plain &= 97 <= byte <= 122 or byte >= 0x80
        else:
            break
        i += 1
    if labels == 0 or i - label < 2 or not plain:
        return False
    if i < end and data[i] == 58:
        i += 1
        port = i
        while i < end and 48 <= data[i] <= 57:
            i += 1
        if not 2 <= i - port <= 5:
            return False
    return i == end or data[i] in (47, 63, 35)
