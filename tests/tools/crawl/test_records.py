"""Gzip members that are put together of parts."""

import gzip
import uuid

from hypothesis import given
from hypothesis import strategies as st

from tools.crawl.records import member, pack, record_id


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_a_member_of_parts_is_the_parts(parts: list[bytes]) -> None:
    packed = [pack(raw, last=i == len(parts) - 1, level=6) for i, raw in enumerate(parts)]
    assert gzip.decompress(member(*packed)) == b"".join(parts)


def test_ids_are_uuids_and_apart() -> None:
    ids = {record_id(1, capture, kind) for capture in range(100) for kind in range(4)}
    assert len(ids) == 400
    assert {str(uuid.UUID(id)) for id in ids} == ids
    assert {uuid.UUID(id).version for id in ids} == {4}
