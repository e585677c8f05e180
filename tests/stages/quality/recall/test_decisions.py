import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.quality.recall.decisions import OPEN, REFUSED, TAKEN, Decisions, Rule, first_folders, paths_of

HOSTS, PATHS = ("a.example", "b.example", "c.example"), ("", "/", "/x", "/x/", "/x/y", "/xy/z", "/q/x/")
rules = st.builds(Rule, st.sampled_from(HOSTS[:2]), st.sampled_from(PATHS), st.sampled_from((TAKEN, REFUSED, OPEN)))


@given(st.lists(rules, max_size=8), st.lists(st.tuples(st.sampled_from(HOSTS), st.sampled_from(PATHS)), max_size=8))
def test_the_longest_prefix_decides(given_rules: list[Rule], places: list[tuple[str, str]]) -> None:
    def plain(host: str, path: str) -> int:
        by_prefix = {rule.prefix: rule.decision for rule in given_rules if rule.host == host}
        fitting = [prefix for prefix in by_prefix if (path or "/").startswith(prefix)]
        return by_prefix[max(fitting, key=len)] if fitting else OPEN

    urls = pa.array([f"https://{host}{path}" for host, path in places], pa.string())
    assert Decisions(given_rules).of(urls).tolist() == [plain(*place) for place in places]


def test_odd_urls_are_open() -> None:
    decisions = Decisions([Rule("a.example", "", TAKEN)])
    urls = [None, "", "a.example/x", "https://A.example:8080", "http://u@a.example?q=/x/", "https://xa.example/"]
    assert decisions.of(pa.array(urls, pa.string())).tolist() == [OPEN, OPEN, OPEN, TAKEN, TAKEN, OPEN]


def test_first_folders() -> None:
    urls = ["https://a.example/wiki/Ring", "https://a.example/x.html", "https://a.example", "http://a.example/?q=/x/"]
    assert first_folders(paths_of(pa.array(urls))).to_pylist() == ["/wiki/", "", "", ""]
