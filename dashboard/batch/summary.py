"""What each model made of a batch, in one row.

Knows: which figures are shown, and that a share of expected answers is shown only where some were expected.
Refuses to know: how the figures come about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from comparison.batch.results import ModelSummary
from dashboard.texts import Texts

_REASONS = ("eos", "stop_string", "length", "failed")


def batch_summary(summaries: Sequence[ModelSummary], names: Mapping[str, str], texts: Texts) -> None:
    def column(value: Callable[[ModelSummary], float | None], times: float = 1) -> list[float | None]:
        return [None if (found := value(each)) is None else found * times for each in summaries]

    words, percent = texts.batch, st.column_config.NumberColumn(format="%.0f%%")
    table: dict[str, list[object]] = {
        words["model"]: [names[each.model_id] for each in summaries],
        words["answers"]: [*column(lambda each: each.answers)],
        words["mean_characters"]: [*column(lambda each: each.mean_characters)],
        words["median_speed"]: [*column(lambda each: each.median_tokens_per_second)],
        words["median_first_text"]: [*column(lambda each: each.median_seconds_to_first_text)],
    }
    shares: dict[str, list[object]] = {
        texts.reasons[reason]: [100 * each.shares.get(reason, 0.0) for each in summaries]
        for reason in _REASONS
        if any(reason in each.shares for each in summaries)
    }
    if any(each.expected_share is not None for each in summaries):
        shares[words["expected_share"]] = [*column(lambda each: each.expected_share, 100)]
    st.dataframe(
        {**table, **shares},
        width="stretch",
        hide_index=True,
        placeholder="–",
        column_config={
            words["mean_characters"]: st.column_config.NumberColumn(format="%.0f"),
            words["median_speed"]: st.column_config.NumberColumn(format="%.1f"),
            words["median_first_text"]: st.column_config.NumberColumn(format="%.2f"),
            **dict.fromkeys(shares, percent),
        },
    )
    if words["expected_share"] in shares:
        st.caption(words["expected_help"])
