"""E-mail and IP addresses in a text, and what only looks like one."""

import ipaddress
import re

from dspipe.stages.pii.matches import mask_matches

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# the lengths are those of RFC 5321 section 4.5.3.1, and keep the search linear. Of the signs that a local part may have
# by the standard, those that nobody's address has but code and URLs are full of (/ = { } ! # $ ...) begin none. A
# bracket behind makes it code: A@b.transpose(0)
_EMAIL = re.compile(
    rf"(?<![A-Za-z0-9_])([A-Za-z0-9_](?:[A-Za-z0-9._%+'&-]{{0,62}}[A-Za-z0-9_+-])?)"
    rf"@({_LABEL}(?:\.{_LABEL}){{0,8}}\.[A-Za-z]{{2,24}})(?![A-Za-z0-9(-])"
)
# what follows the host where files are copied (scp, git): git@host:group/project
_REMOTE_PATH = re.compile(r":[\w~.-]*(?:/|\.git\b)(?!/)")
_FILE_ENDINGS = (
    "avif bmp css csv gif heic htm html ico jpeg jpg js json jsx mjs mp3 mp4 pdf php png svg tif tiff ts tsx txt wasm "
    "webm webp woff xml yaml yml"
)
_SCALE = re.compile(r"\d(?:\.\d+)?x\.")
_SERVICES = frozenset(("git", "hg", "svn"))
"""Users that machines log in as."""

_NUMBER = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.]){_NUMBER}(?:\.{_NUMBER}){{3}}(?!\.?\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])", re.ASCII)
_LONGEST_PATH = 500

# RE2, over whole columns: what every match of the patterns above has
SUSPECT_EMAIL = "@[A-Za-z0-9]"
SUSPECT_IP = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"


def mask_emails(text: str, mask: str) -> tuple[str, int]:
    """The text with `mask` in place of e-mail addresses, and how many."""
    return mask_matches(_EMAIL, text, mask, _is_email) if "@" in text else (text, 0)


def _is_email(match: re.Match[str]) -> bool:
    user, host = match[1], match[2].lower()
    labels = host.split(".")
    if user in _SERVICES or labels[-1] in _FILE_ENDINGS.split() or _SCALE.match(host):
        return False
    # versions of packages: name@1.2.beta. 163.com is a host
    if len(labels) > 2 and all(label.isdigit() for label in labels[:-1]):
        return False
    text, start = match.string, match.start()
    if _REMOTE_PATH.match(text, match.end()):
        return False
    # within a URL, only the value of a parameter is an address
    if start and not text[start - 1].isspace():
        before = text[max(0, start - _LONGEST_PATH) : start].split()[-1]
        return "://" not in before or before[-1] not in "/@:.-~+" or before.endswith("mailto:")
    return True


def mask_ips(text: str, mask: str) -> tuple[str, int]:
    """The text with `mask` in place of public IP addresses, and how many."""
    of_4 = of_6 = 0
    if text.count(".") > 2:
        text, of_4 = mask_matches(_IPV4, text, mask, _is_public)
    if text.count(":") > 2:
        text, of_6 = mask_matches(_IPV6, text, mask, _is_public)
    return text, of_4 + of_6


def _is_public(match: re.Match[str]) -> bool:
    address = match[0]
    if ":" not in address and sum(len(number) > 1 for number in address.split(".")) < 2:
        return False
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
