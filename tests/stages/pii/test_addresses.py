"""E-mail and IP addresses, and what has their form without being one."""

import pytest

from dspipe.stages.pii.addresses import mask_emails, mask_ips


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+x@mail.example.org.", "Write to [E]."),
        ("https://a.example/?to=jane@doe.de&x=1", "https://a.example/?to=[E]&x=1"),
        ("see https://a.example/, jane@doe.de", "see https://a.example/, [E]"),
        ("邮箱jane@163.com，或joe@vip.126.com", "邮箱[E]，或[E]"),
        ("a@b.de/c@d.de, <x_y@z.fr> {k@l.eu} @article{x@y.com}", "[E]/[E], <[E]> {[E]} @article{[E]}"),
        ("jane@doe.de:secret1 and o'neil@x.ie: hello", "[E]:secret1 and [E]: hello"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert mask_emails(text, "[E]") == (expected, expected.count("[E]"))


@pytest.mark.parametrize(
    "text",
    [
        "https://blog.example/@first.last/post",
        "https://mail.example/list/python-dev@python.example/thread/KE7/",
        "ssh://git@host.example/x http://user:pass@host.example/ https://h.example/a@b.de",
        "logo@2x.png icon@3x.webp image@1.5x.ai bundle@main.js",
        "git clone git@git.example:org/repo.git; scp jane@host.example:/tmp/x; svn@svn.example",
        "seth@host.example:repo.git",
        "y = A@b.transpose(0) + W@x.sum(axis=1)",
        "npm i lib@1.2.beta react@18.2.0 @types/node @types.coroutine",
        "user@localhost @handle a @ b.de",
    ],
)
def test_other_things_with_an_at_sign(text: str) -> None:
    assert mask_emails(text, "[E]") == (text, 0)


def test_ips() -> None:
    assert mask_ips("93.184.216.34 and 10.0.0.1, 2001:4860::8844", "[I]") == ("[I] and 10.0.0.1, [I]", 2)
    assert mask_ips("section 2.1.4.1 at 12:30:45", "[I]") == ("section 2.1.4.1 at 12:30:45", 0)
