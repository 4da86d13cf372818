"""Words are found: two syllables, one, decomposed, English, what looks like a query, in question and answers.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest

from history.history import History
from history.records import HistoryFilter, StoredState
from history.word_index import tokens
from tests.history.history_house import answered, asked, found, keep, opened

ABOUT_BANKS = "한국은행의 기준금리는 GPU-3.5 Straße '따옴표' 각도 NEAR(가, 나) 100%_끝 漢字 ㅋㅋ"


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "words",
    [
        *("은행", "한국", "국은", "금리", "한국은행", "은행의"),
        *("한", "은", "끝", "각", "3", "ㅋ", "漢"),
        *("gpu", "GPU", "pu", "g", "strasse", "STRASSE", "straße", "near"),
        *(
            "은행 금리",
            "  금리   은행 ",
            "은행?",
            "은행-금리",
            '"은행"',
            "(은행",
            "은행*",
            "은행 OR",
            "OR 은행",
        ),
        *("GPU-3.5", "3.5", "100%", "따옴표'", "NEAR(가", "words:은행"),
        *("%", "%_", "'", "(", "-", "'따"),
        nfd("은행"),
        nfd("각도"),
        nfd("은"),
    ],
)
def test_it_is_found(history: History, words: str) -> None:
    head = keep(history, asked(ABOUT_BANKS + " OR words"), "모르겠어요.")
    assert found(history, HistoryFilter(words=words)) == [head.id]


@pytest.mark.parametrize(
    "words",
    [
        *(
            "은금",
            "행한",
            "의기",
            "행은",
            "금리 없는말",
            "은행 AND 없는말",
            "은행 OR 없는말",
            "NOT 은행",
            "뷁",
            "gpus",
        ),
        *("*", "\\", "100% 뷁", "a' OR '1'='1", '"', ";"),
        "끝각",
    ],
)
def test_it_is_not_found(history: History, words: str) -> None:
    keep(history, asked("한국은행의 기준금리는 GPU 100% 각 끝."), "모르겠어요")
    assert found(history, HistoryFilter(words=words)) == []


def test_decomposed_text_is_found(history: History) -> None:
    head = keep(history, asked(nfd("한국은행의 기준금리는")))
    assert found(history, HistoryFilter(words="은행 금리")) == [head.id]


def test_words_are_looked_for_in_question_input_and_answers(history: History) -> None:
    head = keep(history, asked("하늘을 요약해", input="바다에 대한 글"), "산이라고 답함", "강이라고 답함")
    for words in ("하늘", "바다", "산이", "강이", "하늘 바다", "하늘 산이", "바다 강이 답함"):
        assert found(history, HistoryFilter(words=words)) == [head.id], words
    assert found(history, HistoryFilter(words="산이 강이")) == [], "no one answer has both"


def test_a_run_is_found_once_and_while_it_runs(history: History) -> None:
    first, second = asked("하늘 하나"), asked("하늘 둘")
    history.begin(first)
    keep(history, second, "하늘", "하늘")
    assert found(history, HistoryFilter(words="하늘")) == [second.id, first.id]


def test_of_an_answer_asked_again_the_newest_text_is_found(history: History) -> None:
    head = keep(history, asked(models=("가",)), "오래된 답")
    history.begin_attempt(head.id, 0, 2, head.requests[0])
    assert found(history, HistoryFilter(words="오래된")) == [head.id]
    history.store(head.id, answered(head, 0, "새로운 답", attempt=2))
    assert found(history, HistoryFilter(words="오래된")) == []
    assert found(history, HistoryFilter(words="새로운")) == [head.id]


def test_stored_again_leaves_nothing_of_the_old_words(history: History) -> None:
    head = keep(history, asked(models=("가",)), "먼저 온 답")
    history.store(head.id, answered(head, 0, "나중 답", state=StoredState.STOPPED))
    assert found(history, HistoryFilter(words="먼저")) == []
    assert found(history, HistoryFilter(words="나중")) == [head.id]


def test_a_broken_index_is_made_anew_from_the_texts(tmp_path: Path) -> None:
    history = opened(tmp_path)
    head = keep(history, asked("하늘 이야기"), "바다", "산")
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        connection.execute("UPDATE words_data SET block = x'00ff00ff00ff' WHERE id > 1")
        connection.commit()
    history.close()
    history = opened(tmp_path)
    for words in ("하늘", "바다", "산"):
        assert found(history, HistoryFilter(words=words)) == [head.id]
    assert history.status().set_aside is None
    history.close()


def test_a_text_becomes_pairs_and_the_end_of_each_word() -> None:
    assert tokens("가나_다 \u19b0\u19b1") == "가나 나 다 \u19b0\u19b1 \u19b1"


@pytest.mark.parametrize("word", ["\u19b0\u19b1", "\U00031350가", "½", "①②", "𝒜"])
def test_characters_that_sqlite_does_not_take_for_letters_are_found(history: History, word: str) -> None:
    head = keep(history, asked(f"앞 {word} 뒤"))
    assert found(history, HistoryFilter(words=word)) == [head.id]
