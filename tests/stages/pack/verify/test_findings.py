from dspipe.stages.pack.verify.findings import Findings


def test_what_is_as_stated_is_no_problem() -> None:
    findings = Findings()
    findings.expect("shard 0", "rows", 3, 3)
    assert findings.ok


def test_what_differs_is_named() -> None:
    findings = Findings()
    findings.expect("shard 0", "rows", 3000, 4)
    findings.expect("shard 1", "domains", {"web": 1}, {})
    assert not findings.ok
    assert findings.problems == [
        "shard 0: rows is 3,000, the manifest says 4",
        "shard 1: domains is {'web': 1}, the manifest says {}",
    ]


def test_what_was_looked_at_adds_up() -> None:
    findings = Findings()
    findings.count("rows", 5)
    findings.count("rows", 6)
    findings.count("shards")
    assert findings.checked == {"rows": 11, "shards": 1}
