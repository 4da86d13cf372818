"""The labeled sentences that ship are read whole, and the check does on them what it promises.

Run: python -m pytest tests/search/citations/test_citation_evaluation.py
"""

from __future__ import annotations

from collections import Counter

import pytest

from search.citations.checking import check_answer
from search.citations.evaluation import evaluate_citations, labeled_sentences
from search.citations.verdicts import Reason, Verdict

FACTS = {"wrong-number", "wrong-date", "wrong-name", "no-such-source"}
LITERAL = {"literal", "other-format", "full-width"}
MISSING = {Reason.FIGURE_MISSING, Reason.DATE_MISSING, Reason.NAME_MISSING, Reason.NO_SUCH_SOURCE}


def test_the_set_holds_every_kind_in_both_parts() -> None:
    sentences = labeled_sentences()
    assert len(sentences) >= 160
    assert all(count >= 80 for count in Counter(each.split for each in sentences).values())
    kinds = {split: {each.kind for each in labeled_sentences(split)} for split in ("tune", "test")}
    assert kinds["tune"] == kinds["test"] >= FACTS | LITERAL | {"wrong-source", "negation", "several"}
    assert len({each.text + str(each.sources) for each in sentences}) == len(sentences)


def test_a_wrong_figure_date_name_or_number_is_never_supported_and_a_right_one_never_refused() -> None:
    for each in labeled_sentences():
        (found,) = check_answer(each.text, each.sources)
        if each.kind in FACTS:
            assert found.verdict is Verdict.UNSUPPORTED, each.text
        if each.label == "supported":
            assert found.reason not in MISSING, each.text


def test_what_needs_no_source_or_names_none_is_uncited() -> None:
    for each in labeled_sentences():
        if each.label == "uncited":
            (found,) = check_answer(each.text, each.sources)
            assert found.verdict is Verdict.UNCITED and found.states == (each.kind == "uncited"), each.text


@pytest.mark.parametrize(("split", "precision", "recall"), [("tune", 0.92, 0.95), ("test", 0.88, 0.88)])
def test_precision_and_recall_do_not_fall(split: str, precision: float, recall: float) -> None:
    score = evaluate_citations(split)
    assert score.precision >= precision and score.recall >= recall
    assert score.caught["wrong-number"][0] == score.caught["wrong-number"][1]
