"""Flat rows for the tests of exports: complete, with every text that breaks tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from history.records import FLAT_COLUMNS, FlatBatch

MOMENT = "2026-11-21T09:30:00.123456+00:00"
SETTINGS = '{"temperature":0.7,"stop_strings":["질문:","\\n\\n"]}'

HOSTILE = (
    *(f"{start}1+1" for start in "'=+-@\t\r＝＋－＠"),
    *"'=+-@\t\r＝＋－＠",
    '=HYPERLINK("http://127.0.0.1","눌러")',
    "''이미",
    '"',
    '"따옴표", 쉼표; 세미콜론\t탭',
    "두\n줄",
    "두\r\n줄",
    "홀로\r선 줄",
    "\n=1",
    " =1",
    "\0",
    "가\0나",
    "👩‍👩‍👧‍👦🇰🇷",
    "\u202e뒤집힌 글",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",  # Hangul as single letters
    "한글",  # and composed: two things
    "\ufeff표시",
    "\u2028\u2029\x85\x0b\x0c",
    "가" * 350_000,  # a megabyte
    "None",
    "NULL",
    "-0.5",
    "",
)


def row(**cells: Any) -> dict[str, Any]:
    """An answer that came; every column may be said otherwise."""
    asked = {"quantization": cells.pop("asked_quantization", None), "format": cells.pop("asked_format", None)}
    made = {
        "run_id": "run-1",
        "batch": None,
        "previous": None,
        "created": MOMENT,
        "turn": 1,
        "question": "하늘은 왜 파란가요?",
        "input": "",
        "system": "",
        "position": 0,
        "attempt": 1,
        "model": "demo-chat",
        "state": "done",
        "text": "빛이 흩어져서요.",
        **dict.fromkeys(("mark", "note", "load_seconds", "extras")),
        "finish_reason": "eos",
        "error": None,
        "prompt": "### 질문: 하늘은 왜 파란가요?\n\n### 답변:",
        "revision": "0" * 40,
        "quantization": "none",
        "format": "koalpaca",
        "settings": SETTINGS,
        "tokens_in": 12,
        "tokens_out": 7,
        "seconds_to_first_text": 0.125,
        "waiting_seconds": 0.025,
        "own_seconds_to_first_text": 0.1,
        "answering_seconds": 1.5,
        "tokens_per_second": 4.666666666666667,
        "characters_per_second": 1e-07,
        "peak_bytes": 2**40,
        **{"step": "fused-graph", "step_bytes": 2**20},
        "started": MOMENT,
        "ended": MOMENT,
    } | cells
    request = {"model": made["model"], **asked, "settings": json.loads(SETTINGS)}
    return {"request": json.dumps(request, ensure_ascii=False)} | made


def batch(rows: Iterable[dict[str, Any]]) -> FlatBatch:
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in FLAT_COLUMNS}


def in_pieces(rows: list[dict[str, Any]], size: int) -> Iterator[FlatBatch]:
    for start in range(0, len(rows), size):
        yield batch(rows[start : start + size])
