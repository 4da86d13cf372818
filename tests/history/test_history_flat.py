"""Rows for an export: every column, oldest first, some at a time.

Run: python -m pytest tests/history
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines.base import AnswerRequest, Measures
from errors import AS_WRITTEN, Cause
from history.history import History
from history.records import FLAT_COLUMNS, FlatBatch, StoredState
from history.rows import request_of, settings_of
from prompts.conversation import Conversation, Turn
from tests.history.history_house import answered, asked, keep


def joined(history: History, run_ids: list[str] | None = None, rows: int = 2000) -> FlatBatch:
    whole: FlatBatch = {name: [] for name in FLAT_COLUMNS}
    for batch in history.flat("me", run_ids, rows):
        assert tuple(batch) == FLAT_COLUMNS
        assert {len(column) for column in batch.values()} <= set(range(1, rows + 1))
        for name, column in batch.items():
            whole[name] += column
    return whole


def test_every_column_is_what_was_stored(history: History) -> None:
    talk = Conversation((Turn("첫", "", "답"), Turn("둘", "읽을거리")), system="너는")
    request = AnswerRequest("가", talk, quantization="int8", thinking=True)
    head = replace(asked(previous="earlier"), requests=(request,))
    measures = Measures(7, 9, 1.5, 0.5, 2.0, 4.5, 6.5, 2**33, "graph: step-no-compiler", 2**20, 0.25, 0.125)
    cause = Cause(AS_WRITTEN, category="odd", sentence="끝")
    fields = {"measures": measures, "extras": {"search": {"sources": [1]}}, "revision": "abc", "cause": cause}
    keep(history, head, "답\0", state=StoredState.STOPPED, **fields)
    row = {name: column[0] for name, column in joined(history).items()}
    assert request_of(str(row.pop("request"))) == request
    assert settings_of(str(row.pop("settings"))) == request.settings
    assert row == {
        **{"run_id": head.id, "batch": None, "previous": "earlier", "turn": 2},
        **{"question": "둘", "input": "읽을거리", "system": "너는"},
        **{"position": 0, "attempt": 1, "model": "가", "state": "stopped", "text": "답\0"},
        **{"mark": None, "note": None},
        **{"finish_reason": "stopped", "error": "끝", "prompt": "### 질문:", "revision": "abc"},
        **{"quantization": "int8", "format": "koalpaca"},
        **{"load_seconds": 1.5, "seconds_to_first_text": 0.5, "answering_seconds": 2.0},
        **{"tokens_in": 7, "tokens_out": 9, "tokens_per_second": 4.5, "characters_per_second": 6.5},
        "extras": '{"search":{"sources":[1]}}',
        **{"peak_bytes": 2**33, "step": "graph: step-no-compiler", "step_bytes": 2**20},
        **{"waiting_seconds": 0.25, "own_seconds_to_first_text": 0.125},
        **{"created": "2026-03-01T12:00:00.000000+00:00"},
        **{"started": "2026-03-01T12:00:00.000000+00:00", "ended": "2026-03-01T12:00:02.000000+00:00"},
    }


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_some_rows_at_a_time_are_all_rows_in_order(history: History, rows: int) -> None:
    heads = [keep(history, asked(models=("가", "나", "다"))) for _ in range(4)]
    history.begin_attempt(heads[1].id, 1, 2, heads[1].requests[1])
    history.store(heads[1].id, answered(heads[1], 1, "다시", attempt=2))
    history.begin(asked("아직"))  # not there yet, so not among them
    whole = joined(history, rows=rows)
    places = zip(whole["run_id"], whole["position"], whole["attempt"], strict=True)
    wanted = [(head.id, position, 1) for head in heads for position in range(3)]
    wanted.insert(5, (heads[1].id, 1, 2))
    assert list(places) == wanted


def test_only_the_runs_that_are_named(history: History) -> None:
    heads = [keep(history, asked()) for _ in range(4)]
    named = joined(history, [heads[3].id, heads[1].id, "nothing", heads[3].id], rows=3)
    assert named["run_id"] == [heads[1].id] * 2 + [heads[3].id] * 2
    assert list(history.flat("me", [])) == []
