"""What the tests of the history share: questions, answers, and a history that is not slow."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from history.history import History
from history.records import HistoryFilter, RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_FINISH = {StoredState.STOPPED: FinishReason.STOPPED, StoredState.FAILED: FinishReason.FAILED}


def opened(home: Path, **how: Any) -> History:
    """Short waits and little reserved space, and what was begun can be read at once; else as it is."""
    usual = {"retry_seconds": 0.05, "busy_seconds": 0.2, "post_seconds": 20, "reserved_bytes": 1000}
    return History(home, **usual | how)


def asked(
    question: str = "하늘은 왜 파란가요?",
    models: Sequence[str] = ("가", "나"),
    *,
    owner: str = "me",
    input: str = "",
    settings: GenerationSettings | None = None,
    quantization: str | None = None,
    minutes: float = 0,
    previous: str | None = None,
    batch: str | None = None,
) -> RunHead:
    requests = tuple(
        AnswerRequest(
            model,
            Conversation.ask(question, input),
            settings or GenerationSettings(),
            quantization=quantization,
        )
        for model in models
    )
    created = NOON + timedelta(minutes=minutes)
    return RunHead(secrets.token_urlsafe(12), owner, created, requests, previous, batch)


def answered(
    head: RunHead,
    position: int = 0,
    text: str = "빛이 흩어져서요.",
    *,
    attempt: int = 1,
    state: StoredState = StoredState.DONE,
    **fields: Any,
) -> StoredAnswer:
    request = head.requests[position]
    answer = Answer(
        model_id=request.model_id,
        text=text,
        finish_reason=_FINISH.get(state, FinishReason.EOS),
        settings=request.settings,
        **{
            "prompt": "### 질문:",
            "format_id": "koalpaca",
            "quantization": request.quantization or "none",
            **fields,
        },
    )
    return StoredAnswer(position, attempt, state, answer, head.created, head.created + timedelta(seconds=2))


def keep(history: History, head: RunHead, *texts: str, **fields: Any) -> RunHead:
    """Begin a run and store an answer for each of its requests; the text of the last goes for those left."""
    history.begin(head)
    texts = texts or ("빛이 흩어져서요.",)
    for position in range(len(head.requests)):
        text = texts[min(position, len(texts) - 1)]
        history.store(head.id, answered(head, position, text, **fields))
    return head


def found(history: History, wanted: HistoryFilter | None = None, owner: str = "me", **page: Any) -> list[str]:
    """The ids of the first page."""
    return [run.head.id for run in history.page(owner, wanted, **page).runs]


def states(history: History, head: RunHead) -> list[StoredState]:
    stored = history.get(head.owner, head.id)
    assert stored is not None
    return [answer.state for answer in stored.answers]


def texts(history: History, head: RunHead) -> list[str | None]:
    stored = history.get(head.owner, head.id)
    assert stored is not None
    return [None if answer.answer is None else answer.answer.text for answer in stored.answers]


def is_sound(home: Path) -> bool:
    with closing(sqlite3.connect(home / "narani.db")) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
