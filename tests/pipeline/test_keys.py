"""Keys of results."""

from dspipe.pipeline.keys import key_of


def test_keys_ignore_the_order_of_dictionaries() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of([1, 2]) != key_of([2, 1])
    assert len(key_of({})) == 32
