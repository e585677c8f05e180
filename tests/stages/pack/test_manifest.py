import json
from dataclasses import fields

import pytest

from dspipe.stages.pack.manifest import Manifest
from tests.stages.pack.manifests import make_manifest


def test_what_is_written_is_read() -> None:
    manifest = make_manifest(rows=[2, 7])
    assert Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest


def test_keys_stand_in_the_order_of_the_fields() -> None:
    assert list(make_manifest().as_json()) == [field.name for field in fields(Manifest)]


def test_keys_of_other_formats_do_not_matter() -> None:
    manifest = make_manifest("mds")
    assert Manifest.from_json({**manifest.as_json(), "version": 2, "shards": []}) == manifest


@pytest.mark.parametrize("key", [field.name for field in fields(Manifest)])
def test_a_missing_key_is_named(key: str) -> None:
    value = make_manifest().as_json()
    del value[key]
    with pytest.raises(KeyError, match=key):
        Manifest.from_json(value)
