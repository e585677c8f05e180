"""Tokens as they are shown."""

from dspipe.page.fertility import _pieces


def test_tokens_that_end_within_a_character_are_shown_together() -> None:
    text = "aé深"
    parts = [b"a", "é".encode()[:1], "é".encode()[1:], *(bytes([byte]) for byte in "深".encode())]
    assert _pieces(parts) == [("a", 1), ("é", 2), ("深", 3)]
    assert "".join(piece for piece, _ in _pieces(parts)) == text
    assert _pieces([b"a", b"\xe6"]) == [("a", 1), ("\ufffd", 1)]
    assert _pieces([b"\xff"] * 9)[0][1] == 8
    assert _pieces([]) == []
