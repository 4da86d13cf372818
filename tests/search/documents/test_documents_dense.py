"""Passages are found by meaning where a model is named, and by their words alone where none is.

The model is made here: a static one, a table with a vector a word, the same for words that mean the same.

Run: python -m pytest tests/search/documents/test_documents_dense.py
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from search.cli import main
from search.documents.dense import dense_passages
from search.documents.encoders import TextEncoder
from search.documents.index import DocumentsIndex
from search.documents.provider import DocumentsProvider
from search.problems import SearchProblem
from search.watch import SearchWatch
from tests.search.documents.document_folders import DocumentFolder, held

MEANINGS = (("자동차", "승용차", "고장"), ("은행", "금리"), ("감귤", "과일", "제주"))
"""The words of one meaning have one vector."""


@pytest.fixture(params=["model2vec", "sentence-transformers"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """As each of the two libraries writes it."""
    words = {"[UNK]": 0} | {word: n for n, word in enumerate((w for words in MEANINGS for w in words), 1)}
    table = np.zeros((len(words), len(MEANINGS)), dtype=np.float32)
    for meaning, same in enumerate(MEANINGS):
        table[[words[word] for word in same], meaning] = 2.0
    folder = tmp_path / "model"
    place = folder if request.param == "model2vec" else folder / "0_StaticEmbedding"
    place.mkdir(parents=True)
    tokenizer = Tokenizer(WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(place / "tokenizer.json"))
    if request.param == "model2vec":
        (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
        save_file({"embeddings": table.astype(np.float16)}, place / "model.safetensors")
        return folder
    save_file({"embedding.weight": table}, place / "model.safetensors")
    kind = "sentence_transformers.models.StaticEmbedding"
    modules = [{"idx": 0, "name": "0", "path": place.name, "type": kind}]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.fixture
def full(folder: DocumentFolder) -> DocumentFolder:
    folder.write("차.txt", "자동차 가 멈추면 보험사에 전화한다.")
    folder.write("돈.txt", "은행 창구는 네 시에 닫는다.")
    folder.write("섬.txt", "감귤 은 겨울에 딴다.")
    return folder


def found(provider: DocumentsProvider, query: str) -> list[str]:
    return [result.url for result in provider.search(query, 3, SearchWatch())]


def test_what_shares_no_word_is_found_by_its_meaning_only_where_a_model_is_named(
    full: DocumentFolder, model: Path
) -> None:
    plain = DocumentsProvider(full.path, full.home)
    assert found(plain, "승용차 고장") == []
    dense = DocumentsProvider(full.path, full.home, str(model))
    assert found(dense, "승용차 고장")[0] == "차.txt"
    assert found(dense, "과일")[0] == "섬.txt"
    assert found(plain, "승용차 고장") == []


def test_words_and_meaning_are_joined(full: DocumentFolder, model: Path) -> None:
    """A passage that both ways find comes before those that one finds."""
    full.write("둘.txt", "은행 에서 전화를 받는다.")
    dense = DocumentsProvider(full.path, full.home, str(model))
    assert found(dense, "금리 전화")[0] == "둘.txt"


def test_vectors_follow_the_folder_and_are_made_anew_by_another_model(
    full: DocumentFolder, model: Path
) -> None:
    dense = _index(full, model)
    dense.update(SearchWatch())
    assert [each.path for each in dense.search("승용차", 1)] == ["차.txt"]
    (full.path / "차.txt").unlink()
    full.write("새 차.txt", "자동차 는 달린다.")
    dense.update(SearchWatch())
    assert [each.path for each in dense.search("승용차", 1)] == ["새 차.txt"]
    vectors = _vectors(full)
    assert len(vectors) == 3
    tokenizer = next(model.rglob("tokenizer.json"))
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = _index(full, model)
    assert changed.search("승용차", 1) == [], "vectors of another model say nothing"
    changed.update(SearchWatch())
    assert [each.path for each in changed.search("승용차", 1)] == ["새 차.txt"]
    assert len(_vectors(full)) == 3


def test_unknown_words_are_near_nothing_and_break_nothing(full: DocumentFolder, model: Path) -> None:
    encoder = TextEncoder(str(model))
    unknown, empty, known = encoder(["모르는 말", "", "은행"])
    assert np.isfinite([unknown, empty, known]).all()
    assert np.linalg.norm(known) == pytest.approx(1)
    assert unknown @ known == empty @ known == 0
    assert found(DocumentsProvider(full.path, full.home, str(model)), "창구")[0] == "돈.txt"


def test_both_libraries_give_the_vectors_that_are_read_here(model: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="not required: see requirements.txt")
    if not (model / "modules.json").exists():
        pytest.skip("a model of model2vec alone")
    texts = ["은행 금리", "감귤 은", "승용차 고장 은행"]
    theirs = library.SentenceTransformer(str(model), device="cpu").encode(texts, normalize_embeddings=True)
    assert TextEncoder(str(model))(texts) == pytest.approx(theirs, abs=1e-6)


def test_a_model_that_cannot_be_used_is_named(
    full: DocumentFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / "broken" / name).write_text("{}")
    with pytest.raises(SearchProblem) as problem:
        found(DocumentsProvider(full.path, full.home, str(tmp_path / "broken")), "은행")
    assert problem.value.code == "search-dense-unreadable"
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SearchProblem, match="'some/model', which needs sentence-transformers"):
        found(DocumentsProvider(full.path, full.home, "some/model"), "은행")
    assert held(full.database)["documents"], "what was indexed by words is kept"


def test_the_commands_index_and_measure_by_vectors_too(
    full: DocumentFolder, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(full.home))
    monkeypatch.setenv("NARANI_SEARCH_DENSE", str(model))
    assert main(["index", str(full.path)]) == 0
    assert len(_vectors(full)) == 3
    full.write("corpus.jsonl", '{"_id": "a", "text": "자동차 이야기"}\n{"_id": "b", "text": "감귤 이야기"}')
    full.write("queries.jsonl", '{"_id": "q", "text": "승용차"}')
    full.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n")
    capsys.readouterr()
    assert main(["eval", str(full.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ndcg@10"] == 1
    monkeypatch.delenv("NARANI_SEARCH_DENSE")
    assert main(["eval", str(full.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ndcg@10"] == 0


def _index(folder: DocumentFolder, model: Path) -> DocumentsIndex:
    return DocumentsIndex(folder.path, folder.home, dense=dense_passages(str(model)))


def _vectors(folder: DocumentFolder) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder.database)) as connection:
        return connection.execute("SELECT passage FROM vectors").fetchall()
