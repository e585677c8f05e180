import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.shared.dedup.tables import Tables


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/a?b#c", "example.com"),
        ("http://user:word@example.com:8080", "example.com"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("ftp://example.org?x", "example.org"),
        ("mailto:someone@example.org", None),
        ("/relative/path", None),
        ("http://", None),
        (None, None),
    ],
)
def test_documents_are_counted_by_host(url: str | None, host: str | None) -> None:
    batch = pa.RecordBatch.from_pydict(
        {"id": ["a"], "url": pa.array([url], pa.string()), "source": ["s"], "dump": pa.array([None], pa.string())}
        | {"reason": pa.array([None], pa.string())}
    )
    verdicts = pa.table({name: pa.nulls(1, pa.uint64()) for name in ("keeper", "cluster", "cluster_size")})
    tables = Tables()
    tables.add(batch, np.zeros(1, np.uint64), verdicts)
    assert tables.entered["host"] == ({} if host is None else {host: 1})
