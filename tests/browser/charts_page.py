"""Every chart of the dashboard on data it may meet: none, nothing measured, one point, all the same, usual.

Knows: the components that draw charts, each with data of its own kind; `?data=` says which.
Refuses to know: who looks. Run by test_charts_in_chromium.py with `streamlit run`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from comparison.batch.results import Measure, ResultRow
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.batch.heatmap import heatmap_or_words
from dashboard.compare.run_chart import run_chart
from dashboard.models.memory_charts import memory_bar, memory_history
from dashboard.texts import read_chosen
from dashboard.training.curves import training_curves
from dashboard.training.data_report import histogram
from engines.base import AnswerRequest, GenerationSettings, Measures
from engines.memory import Event, PoolView, ResidentView
from finetune.jobs import Metric
from prompts.conversation import Conversation

DATA = ("none", "nothing measured", "one", "same", "usual")
AT = 1_790_000_000.0
texts = read_chosen()
data = st.query_params["data"]
COUNT = {"none": 0, "nothing measured": 3, "one": 1, "same": 3, "usual": 3}[data]


def value(at: int) -> float | None:
    """Of the point at that place."""
    return None if data == "nothing measured" else 2.0 if data == "same" else 2.0 + at


def turn() -> TurnPicture:
    request = AnswerRequest("m", Conversation.ask("수도는?"), GenerationSettings())
    columns = tuple(
        ColumnPicture(
            at,
            1,
            request,
            "done",
            "" if value(at) is None else "가" * int(value(at) or 0),
            Measures(seconds_to_first_text=value(at), tokens_per_second=value(at)),
        )
        for at in range(COUNT)
    )
    return TurnPicture("run", datetime.now(UTC), "수도는?", "", "", columns, 0)


def pool() -> PoolView:
    sizes = [int(10**9 * (value(at) or 0)) for at in range(COUNT)]
    used = sum(sizes)
    residents = tuple(
        ResidentView(f"m{at}", "none", (), size, 0, 0, 5.0, 0.1) for at, size in enumerate(sizes)
    )
    events = tuple(Event("load", f"m{at}", "none", size, 1.0, size, AT + at) for at, size in enumerate(sizes))
    return PoolView("cpu", 0 if data == "none" else 10**10, used, used, 10**10 - used, residents, 0, events)


def metrics() -> list[Metric]:
    return [
        Metric(
            "", at + 1, 0.1, value(at), value(at), value(at), value(at), None if value(at) is None else 10**9
        )
        for at in range(COUNT)
    ]


def row(at: int, model: str) -> ResultRow:
    reason, text = ("", "") if value(at) is None else ("eos", "가" * int(value(at) or 0))
    asked = ResultRow(at + 1, "run", "수도는?", "", model, reason, text)
    measures = Measures(tokens_per_second=value(at), seconds_to_first_text=value(at))
    return replace(asked, measures=measures)


names = {"a": "가 모델", "b": "나 모델"}
rows = [row(at, model) for at in range(COUNT) for model in names]
run_chart(turn(), {"m": "모델"}, texts)
alone = {column.position: column.measures for column in turn().columns[1:]}
run_chart(replace(turn(), run_id="alone"), {"m": "모델"}, texts, alone)
memory_bar(pool(), {}, texts)
memory_history(pool(), {}, texts)
training_curves(metrics(), texts)
bins = [{"low": 10 * at, "high": 10 * at + 9, "rows": int(value(at) or 0)} for at in range(COUNT)]
histogram({"bins": bins, "measured": COUNT}, texts)
for measure in Measure:
    heatmap_or_words(rows, measure, names, texts)
st.caption("drawn")
