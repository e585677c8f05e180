import pyarrow as pa
import pytest

from dspipe.kernels.urls.hosts_of import hosts_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/a?b#c", "example.com"),
        ("http://user:word@example.com:8080", "example.com"),
        ("http://a@b@example.com./", "example.com"),
        ("http://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("http://user@[::1]", "[::1]"),
        ("ftp://example.org?x", "example.org"),
        ("http://example.org#http://other.org", "example.org"),
        ("http://192.168.0.1:81/", "192.168.0.1"),
        (" https://blank.example ", "blank.example"),
        ("http://Müller.DE/", "xn--mller-kva.de"),
        ("http://m%C3%BCller.de:80", "xn--mller-kva.de"),
        ("http://xn--mller-kva.de", "xn--mller-kva.de"),
        ("http://%65xample.com", "example.com"),
        ("http://例え.テスト/道", "xn--r8jz45g.xn--zckzah"),
        ("example.com/no/scheme", None),
        ("//example.com", None),
        ("mailto:someone@example.org", None),
        ("file:///etc/passwd", None),
        ("/relative/path", None),
        ("http://", None),
        ("http://:80/", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_the_host_of_a_url(url: str | None, host: str | None, kind: pa.DataType) -> None:
    column = pa.array(["http://before.example", url, "http://ü.example", url], kind)
    assert hosts_of(column).to_pylist() == ["before.example", host, "xn--tda.example", host]
    assert hosts_of(column.slice(1, 1)).equals(pa.array([host], pa.string()))


def test_no_urls() -> None:
    assert hosts_of(pa.array([], pa.string())).equals(pa.array([], pa.string()))
    assert hosts_of(pa.nulls(3, pa.string())).null_count == 3
