"""What each address answers, of good runs and of others."""

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dspipe.serve.application import make_application
from dspipe.serve.runs_folder import RunsFolder
from dspipe.stages.pack.reading.locate import locate_document
from tests.engine import run_inline
from tests.serve.conftest import HOSTILE, RUN, hostile_rows, write_rows

BASE = f"/run/{quote(RUN, safe='')}/"
MIN_WORDS = "whatif.json?setting=stages.heuristics.gopher.min_words"
PAGES = [
    "/",
    "/runs.json",
    BASE,
    f"{BASE}progress.json",
    f"{BASE}documents",
    f"{BASE}documents?verdict=dropped&order=shuffled&seed=3",
    f"{BASE}documents?where=heuristics.words+%3E+20",
    f"{BASE}document?at=0.19",
    f"{BASE}statistics",
    f"{BASE}thresholds",
    f"{BASE}thresholds?setting=stages.heuristics.gopher.min_words",
    f"{BASE}histogram.json?setting=stages.heuristics.gopher.min_words",
    f"{BASE}{MIN_WORDS}&value=20",
    f"{BASE}compare",
    f"{BASE}compare?with=other",
    f"{BASE}shards",
    f"{BASE}row?number=2",
]


def assert_harmless(page: str) -> None:
    """Nothing of what documents say is markup, and no control is on the page."""
    for tag in ("<script>", "<img", "<b>run", "onerror=document.title='"):
        assert tag not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_a_hostile_run(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    kind = "application/json" if ".json" in path else "text/html"
    assert answer.headers["content-type"].startswith(kind)
    if kind == "text/html":
        assert_harmless(answer.text)
        assert re.findall(r"<script(?! src=\"/static/\w+\.js\" (?:defer|type=\"module\")></script>)", answer.text) == []
        assert not re.search(r"\sstyle=|\son\w+=|javascript:[^/]*\"", answer.text.partition("<main>")[0])


def test_what_documents_say_is_shown(client: TestClient) -> None:
    page = html.unescape(client.get(f"{BASE}document?at=0.5").text)
    assert "\\x1b]0;PWNED\\x07\\u202egnp.exe<script>" in page
    assert "{{7*7}}" in page
    assert "at least 12" in page


def test_no_address_of_a_document_is_a_link(client: TestClient) -> None:
    for path in PAGES:
        for target in re.findall(r'(?:href|src|action)="([^"]*)"', client.get(path).text):
            assert (target.startswith("/") and not target.startswith("//")) or target == "data:,", target


def test_a_document_is_found_by_its_id_and_by_its_url(client: TestClient) -> None:
    for name in (f"d3{HOSTILE}", f"javascript:alert(3)//{HOSTILE}"):
        answer = client.get(f"{BASE}document", params={"find": name}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE}document?at=0.3")


def test_a_duplicate_beside_its_kept_copy(client: TestClient) -> None:
    page = client.get(f"{BASE}document?at=0.39").text
    assert "exact_dedup: kept instead" in page
    assert "at=0.20" in page


def test_filters_and_paging(client: TestClient) -> None:
    page = client.get(f"{BASE}documents").text
    assert page.count('class="card"') == 20
    assert "of 120 documents" in page
    (link,) = re.findall(r'href="([^"]*)" rel="next"', page)
    second = client.get(html.unescape(link)).text
    assert "21 to 40" in second
    assert "at=0.20" in second and "at=0.19" not in second
    none = client.get(f"{BASE}documents", params={"domain": "no'such"}).text
    assert '<b id="count">0</b>' in none


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nowhere", 404, "there is no page"),
        ("documents?where=lenguage='en'", 400, "did you mean language?"),
        ("documents?where=(", 400, "isn't a condition"),
        ("documents?where=select+1", 400, ""),
        (f"documents?where={'(' * 3000}", 400, ""),
        (f"documents?where={'x' * 5000}", 400, "characters"),
        ("documents?first=-1", 400, "must be a whole number"),
        ("documents?first=٣", 400, "must be a whole number"),
        ("documents?order=random", 400, "must be stored or shuffled"),
        ("documents?verdict=%3Cb%3E", 400, "must be kept, dropped or empty"),
        ("document", 400, "shard and row"),
        ("document?at=0.120", 404, "has no document 0.120"),
        ("document?at=99.0", 404, "has no document"),
        ("document?find=nowhere", 404, "no document with the id or URL nowhere"),
        ("row?number=99999", 404, "there is no row"),
        ("compare?with=nowhere", 404, "there is no run nowhere"),
        (f"compare?with={quote(RUN)}", 400, "this run itself"),
        ("compare?with=gone", 404, "dspipe run"),
        ("thresholds?setting=seed", 404, "no threshold"),
        ("whatif.json?setting=output&value=1", 404, "no threshold"),
        (f"{MIN_WORDS}&value=", 400, "must be a number"),
        (f"{MIN_WORDS}&value=inf", 400, "must be a number"),
        (f"{MIN_WORDS}&value=1%5D%20x", 400, "must be a number"),
    ],
)
def test_bad_requests(client: TestClient, path: str, status: int, said: str) -> None:
    answer = client.get(BASE + path)
    assert answer.status_code == status, answer.text
    assert said in html.unescape(answer.text)
    assert_harmless(answer.text)


@pytest.mark.parametrize("run", ["%2e%2e", "..%2f..%2fetc", "no%20run", "a%20file", "%00", "nosuch"])
@pytest.mark.parametrize("page", ["", "documents", "progress.json"])
def test_what_is_no_run(client: TestClient, run: str, page: str) -> None:
    answer = client.get(f"/run/{run}/{page}")
    assert answer.status_code == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize("path", ["../../pyproject.toml", "..%2f..%2fpages.py", "%2e%2e/pages.py", "/etc/passwd", "x"])
def test_static_files_are_those_of_the_folder(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("run", ["begun", "gone", "earlier", "cut"])
def test_broken_runs_say_what_is_wrong(client: TestClient, run: str) -> None:
    assert run in client.get("/").text
    for page in ("documents", "document?at=0.0", "thresholds", "statistics", "shards", "row", ""):
        answer = client.get(f"/run/{run}/{page}")
        assert answer.status_code in (200, 404, 409), (page, answer.text)
        assert re.search("dspipe run|no packed shards|holds no run", answer.text), page
        assert "Traceback" not in answer.text


def test_the_page_of_one_run_alone(runs: Path) -> None:
    with TestClient(make_application(RunsFolder(str(runs / RUN))), base_url="http://localhost") as client:
        answer = client.get("/", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, BASE)
        assert client.get(BASE).status_code == 200


def test_moving_a_threshold(client: TestClient) -> None:
    before = client.get(f"{BASE}{MIN_WORDS}&value=12").json()
    assert before["changed"][0] == 0
    counted = {}
    for number in (20, 30):
        found = client.get(f"{BASE}{MIN_WORDS}&value={number}").json()
        short = client.get(f"{BASE}documents", params={"where": f"heuristics.words < {number}"}).text
        counted[number] = found["stages"][0]["dropped"][1]
        assert f'<b id="count">{counted[number]:,}</b>' in short
        assert found["kept_after"][0] < found["kept_before"][0] == before["kept_before"][0]
        assert all("\x1b" not in sample["text"] and "PWNED" in sample["text"] for sample in found["samples"])
    assert counted[20] < counted[30]
    assert client.get(f"{BASE}{MIN_WORDS}&value=90000").json()["kept_after"] == [0, 0, 0]


def test_the_packed_rows_of_a_document(client: TestClient, runs: Path) -> None:
    found = locate_document(runs / RUN, f"d10{HOSTILE}")
    page = client.get(f"{BASE}rows", params={"id": f"d10{HOSTILE}"}).text
    assert found and re.findall(r"row\?number=(\d+)", page) == [str(one.row) for one in found]
    assert_harmless(page)
    assert "stands in none" in client.get(f"{BASE}rows", params={"id": "nobody"}).text


def test_two_runs_beside_one_another(client: TestClient) -> None:
    found = client.get(f"{BASE}{MIN_WORDS}&value=20").json()["flows"]
    (dropped,) = (flow["counts"][0] for flow in found if flow["reason_before"] is None)
    page = html.unescape(client.get(f"{BASE}compare?with=other").text)
    assert "stages.heuristics.gopher.min_words" in page
    row = r"<td>kept</td><td>gopher.too_few_words</td><td class=.number.>(\d+)</td>"
    assert re.findall(row, page) == [str(dropped)]


def test_the_statistics_are_in_a_frame_that_reaches_nothing(client: TestClient) -> None:
    answer = client.get(f"{BASE}page")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox allow-scripts" in policy and "unsafe-eval" not in policy
    assert "script-src 'sha256-" in policy and "frame-ancestors 'self'" in policy
    assert_harmless(answer.text.replace("<script>", "", answer.text.count('<script>"use strict"')))


def test_fifty_thousand_reasons(runs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    shutil.copytree(runs / RUN, folder)
    value = json.loads((folder / "run.json").read_text())
    funnel = next(phase["funnel"][0] for phase in value["phases"] if phase["funnel"])
    funnel["dropped"] |= {f"reason.{n}{HOSTILE}": [n, n, 0] for n in range(50_000)}
    (folder / "run.json").write_text(json.dumps(value))
    with TestClient(make_application(RunsFolder(str(tmp_path))), base_url="http://localhost") as many:
        for page in ("", "documents", "thresholds"):
            answer = many.get(f"/run/many/{page}")
            assert answer.status_code == 200
            assert len(answer.content) < 2_000_000, page


def test_runs_on_an_object_store(s3: Any, tmp_path: Path) -> None:
    source = {"name": "source", "format": "jsonl", "path": str(write_rows(tmp_path / "a.jsonl", hostile_rows(30)))}
    stages = ["exact_dedup", "tests.toys.tokenizer", {"pack": {"length": 64}}]
    root = f"s3://bucket/{tmp_path.name}"
    run_inline({"name": "remote", "output": f"{root}/remote", "sources": [source], "stages": stages})
    with TestClient(make_application(RunsFolder(root)), base_url="http://localhost") as remote:
        assert "finished" in remote.get("/").text
        for page in ("", "documents", "document?at=0.19", "shards", "row?number=1"):
            answer = remote.get(f"/run/remote/{page}")
            assert answer.status_code == 200, answer.text
        assert "kept instead" in remote.get("/run/remote/document?at=0.19").text
