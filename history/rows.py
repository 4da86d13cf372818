"""Stored runs, answers and requests as rows, and rows as stored runs, answers and requests.

Knows: which field lies in which column, a request and its settings as JSON, and how a moment is written.
Refuses to know: connections, owners, and which rows are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engines.base import MEASURES, Answer, AnswerRequest, FinishReason, GenerationSettings, Measures
from errors.stored import stored_cause
from history.records import RunHead, StoredAnswer, StoredRun, StoredState
from prompts.conversation import Conversation, Turn

if TYPE_CHECKING:
    from sqlalchemy import Row


def moment(value: datetime) -> str:
    """Always as long and in UTC, so that the order of the texts is that of the moments."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def run_values(head: RunHead) -> dict[str, Any]:
    conversation = head.requests[0].conversation
    return {
        "id": head.id,
        "created": moment(head.created),
        "previous": head.previous,
        "batch": head.batch,
        "kind": head.kind or None,
        "turn": len(conversation.turns),
        "question": conversation.turns[-1].question,
        "input": conversation.turns[-1].input,
        "system": conversation.system,
    }


def request_values(request: AnswerRequest) -> dict[str, Any]:
    """An answer as far as it is known before it is there."""
    return {
        "model": request.model_id,
        "temperature": float(request.settings.temperature),
        "format": request.format_id,
        "quantization": request.quantization,
        "settings": settings_json(request.settings),
        "request": request_json(request),
    }


def answer_values(stored: StoredAnswer) -> dict[str, Any]:
    """What an ended answer adds to its row."""
    values: dict[str, Any] = {
        "state": str(stored.state),
        "started": moment(stored.started),
        "ended": moment(stored.ended) if stored.ended else None,
    }
    answer = stored.answer
    if answer is None:
        return values
    return values | {
        "model": answer.model_id,
        "temperature": float(answer.settings.temperature),
        "format": answer.format_id,
        "quantization": answer.quantization,
        "revision": answer.revision,
        "finish_reason": str(answer.finish_reason),
        "error_code": answer.error_code,
        "error": answer.error,
        "error_facts": to_json(answer.cause.as_json()) if answer.cause else None,
        "settings": settings_json(answer.settings),
        "text": answer.text,
        "prompt": answer.prompt,
        "extras": to_json(answer.extras) if answer.extras else None,
        **{name: getattr(answer.measures, name) for name in MEASURES},
    }


def stored_answer(row: Row[Any]) -> StoredAnswer:
    started = moment_of(row.started)
    assert started is not None, "an answer that was begun has a beginning"
    return StoredAnswer(
        position=row.position,
        attempt=row.attempt,
        state=StoredState(row.state),
        answer=_answer(row) if row.text is not None else None,
        started=started,
        ended=moment_of(row.ended),
    )


def stored_run(
    owner: str,
    row: Row[Any],
    answers: Iterable[Row[Any]],
    first: Iterable[Row[Any]],
    earlier: Iterable[Row[Any]] = (),
) -> StoredRun:
    """`first` are the rows of the requests as they were asked first, `answers` those to show, `earlier` the
    attempts before them."""
    created = moment_of(row.created)
    assert created is not None, "a run has a beginning"
    head = RunHead(
        id=row.id,
        owner=owner,
        created=created,
        requests=tuple(request_of(request.request) for request in first),
        previous=row.previous,
        batch=row.batch,
        kind=row.kind or "",
    )
    return StoredRun(head, row.number, tuple(map(stored_answer, answers)), tuple(map(stored_answer, earlier)))


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        model_id=row.model,
        text=row.text,
        finish_reason=FinishReason(row.finish_reason),
        settings=settings_of(row.settings),
        prompt=row.prompt,
        format_id=row.format,
        revision=row.revision,
        quantization=row.quantization,
        measures=Measures(**{name: getattr(row, name) for name in MEASURES}),
        cause=stored_cause(row.error, row.error_code, json.loads(row.error_facts or "null")),
        extras=json.loads(row.extras) if row.extras else {},
    )


def request_json(request: AnswerRequest) -> str:
    return to_json(
        {
            "model": request.model_id,
            "conversation": asdict(request.conversation),
            "settings": asdict(request.settings),
            "format": request.format_id,
            "quantization": request.quantization,
            "thinking": request.thinking,
            "reproducible": request.reproducible,
            **({"extras": request.extras} if request.extras else {}),
            **({"choices": request.choices} if request.choices else {}),
            **({"cut": True} if request.cut else {}),
        }
    )


def request_of(text: str) -> AnswerRequest:
    values = json.loads(text)
    return AnswerRequest(
        model_id=values["model"],
        conversation=_conversation_of(values["conversation"]),
        settings=_settings(values["settings"]),
        format_id=values["format"],
        quantization=values["quantization"],
        thinking=values["thinking"],
        reproducible=values["reproducible"],
        extras=values.get("extras", {}),
        choices=tuple(values.get("choices", ())),
        cut=values.get("cut", False),
    )


def settings_json(settings: GenerationSettings) -> str:
    return to_json(asdict(settings))


def settings_of(text: str) -> GenerationSettings:
    return _settings(json.loads(text))


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _conversation_of(values: dict[str, Any]) -> Conversation:
    return Conversation(tuple(Turn(**turn) for turn in values["turns"]), values["system"])


def _settings(values: dict[str, Any]) -> GenerationSettings:
    return GenerationSettings(**{**values, "stop_strings": tuple(values["stop_strings"])})
