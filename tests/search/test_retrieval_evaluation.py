"""The measures of retrieval against values computed by hand and by another formula, and the commands.

Run: python -m pytest tests/search/test_retrieval_evaluation.py
"""

from __future__ import annotations

import json
import math
import random
from itertools import permutations
from pathlib import Path

import pytest

from errors import NaraniError
from search.cli import main
from search.evaluation import measures, read_judged

DOCUMENTS = {
    "d1": ("은행", "한국은행은 기준금리를 정한다."),
    "d2": ("제주", "제주도에서는 감귤이 자란다."),
    "d3": ("도서관", "도서관은 월요일에 쉰다."),
}
QUERIES = {"q1": "기준금리는 누가 정해?", "q2": "감귤은 어디에서 자라?", "q3": "아무도 판정하지 않은 질의"}
GRADES = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t2\nq2\td2\t1\nq3\td1\t0\nq9\td1\t1\n"


@pytest.fixture
def beir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    corpus = ({"_id": key, "title": title, "text": text} for key, (title, text) in DOCUMENTS.items())
    queries = ({"_id": key, "text": text} for key, text in QUERIES.items())
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(GRADES, encoding="utf-8")
    (folder / "감귤.md").write_text("기준금리, 감귤이 자란다", encoding="utf-8")
    return folder


def test_measures_are_those_that_were_computed_by_hand() -> None:
    relevant = {"a": {"x": 1, "y": 1, "n": 0}, "b": {"x": 2, "y": 1}, "c": {"x": 1}, "d": {"x": 1}}
    rankings = {"a": ["n", "x", "z", "y"], "b": ["y", "x"], "c": [*"0123456789", "x"]}
    ndcg_a = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    ndcg_b = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    got = measures(rankings, relevant)
    assert got.ndcg == pytest.approx((ndcg_a + ndcg_b) / 4)
    assert got.ndcg == pytest.approx((0.6509 + 0.8597) / 4, abs=1e-4)
    assert got.recall == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert got.mrr == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)


def test_measures_are_those_of_another_formula() -> None:
    """The best of all orders in place of the sorted one, another base, sets in place of sums."""
    chance = random.Random(3)
    for _ in range(30):
        names = [f"d{number}" for number in range(14)]
        grades = {name: chance.choice((0, 1, 2)) for name in chance.sample(names, 5)} | {"sure": 1}
        ranking = chance.sample([*names, "sure"], 12)
        gains = [
            grades.get(name, 0) * math.log(2) / math.log(place + 2) for place, name in enumerate(ranking[:10])
        ]
        best = max(
            sum(grades[name] * math.log(2) / math.log(place + 2) for place, name in enumerate(order))
            for order in permutations(grades)
        )
        good = {name for name, grade in grades.items() if grade}
        places = [place for place, name in enumerate(ranking[:10], start=1) if name in good]
        got = measures({"q": ranking}, {"q": grades})
        assert got.ndcg == pytest.approx(sum(gains) / best)
        assert got.recall == pytest.approx(len(good & set(ranking[:10])) / len(good))
        assert got.mrr == pytest.approx(1 / places[0] if places else 0)


def test_a_folder_is_measured_by_its_corpus_alone(beir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(beir), "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got.keys() == {
        *("ndcg@10", "recall@10", "mrr@10", "queries", "documents", "index_seconds", "query_ms_median")
    }
    assert (got["queries"], got["documents"], got["recall@10"], got["mrr@10"]) == (2, 3, 0.75, 1.0)
    assert got["ndcg@10"] == pytest.approx((1 + 1 / (2 + 1 / math.log2(3))) / 2)
    assert got["index_seconds"] > 0 < got["query_ms_median"]
    assert main(["eval", str(beir)]) == 0
    assert "recall@10        0.7500\n" in capsys.readouterr().out


def test_a_judgment_of_no_query_or_document_is_left_out(beir: Path) -> None:
    assert read_judged(beir).relevant == {"q1": {"d1": 1}, "q2": {"d3": 2, "d2": 1}}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("queries.jsonl", None, "queries.jsonl"),
        ("qrels/test.tsv", None, "test.tsv"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tgood\n", "line 2"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1 d1 1\n", "line 2"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "no query"),
        ("queries.jsonl", '{"id": 1}\nnonsense\n', "no query"),
    ],
)
def test_a_folder_that_cannot_be_measured_is_refused_by_name(
    beir: Path, name: str, text: str | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is None:
        (beir / name).unlink()
    else:
        (beir / name).write_text(text, encoding="utf-8")
    with pytest.raises(NaraniError, match=sentence):
        read_judged(beir)
    assert main(["eval", str(beir)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_is_indexed_by_the_command(beir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (beir / "empty.txt").touch()
    for _ in range(2):
        assert main(["index", str(beir)]) == 0
        told = capsys.readouterr()
        assert told.out == "documents: 7\n"
        assert "empty.txt is empty" in told.err
    assert main(["index", str(beir / "nowhere")]) == 2
    assert "cannot be read" in capsys.readouterr().err
