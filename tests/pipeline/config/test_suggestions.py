"""What somebody may have meant."""

from dspipe.pipeline.config.suggestions import near, suggest


def test_near_in_any_case() -> None:
    assert near("MinHash", ["minhash", "lines"]) == "minhash"
    assert near("books", ["Books"]) == "Books"
    assert near("wbe", ["web", "code"]) == "web"
    assert near("x", ["web", "code"]) is None
    assert near("x", []) is None


def test_what_is_allowed_is_said() -> None:
    assert suggest("bnads", ["rows", "bands"]) == "did you mean bands? Allowed: bands, rows"
    assert suggest("zz", ["rows", "bands"]) == "allowed: bands, rows"
