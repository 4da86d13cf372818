"""What was found out before a training: its rows, what is wrong with them, samples with what is learned.

It draws a data report (finetune/data/report.py) and a plan of steps, both as plain values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.errors import plainly
from dashboard.session import training
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from errors import Cause
from errors.note import stored_notes

_LONGEST_SAMPLE = 1500


def training_data_report(report: Mapping[str, Any], texts: Texts) -> None:
    st.markdown(f"**{texts.training['data_title']}**")
    _files(report["files"], texts)
    lengths = report["lengths"]
    with st.container(horizontal=True, gap="large"):
        for label, value in _figures(report, lengths, texts):
            st.metric(label, value, width="content")
    for sentence in _warnings(report, texts):
        st.warning(sentence, icon=":material/warning:")
    for note in stored_notes(report):
        st.caption(safe_text(plainly(note, texts)))
    if lengths is not None:
        histogram(lengths, texts)
    if report["samples"]:
        label = texts.training["samples"].format(format=safe_text(report["format_id"]))
        with st.expander(label, icon=":material/visibility:", key=training.SAMPLES):
            st.caption(texts.training["samples_about"])
            for sample in report["samples"]:
                _sample(sample, texts)


def training_steps(plan: Mapping[str, Any], texts: Texts) -> None:
    """How often would be learned, about (as finetune/steps.py says it), and what was decided for that."""
    st.markdown(f"**{texts.training['steps_title']}**")
    kind = "rows" if plan["block_tokens"] is None else "blocks"
    sentence = texts.training["steps_about"].format(
        steps=plan["steps"],
        epochs=f"{plan['epochs']:g}",
        batch=texts.training[f"steps_{kind}"].format(count=plan["batch"], tokens=plan["block_tokens"]),
        rate=f"{plan['learning_rate']:g}",
        warmup=plan["warmup"],
    )
    if plan["enough"]:
        st.markdown(sentence)
    else:
        st.warning(f"{sentence} {texts.training['steps_few']}", icon=":material/warning:")
    if plan["decided"]:
        names = ", ".join(texts.training[f"set_{name}"] for name in plan["decided"])
        st.caption(texts.training["steps_decided"].format(names=names))


def _files(files: Sequence[Mapping[str, Any]], texts: Texts) -> None:
    st.dataframe(
        {
            texts.training["file"]: [whole_characters(file["name"]) for file in files],
            texts.training["recognized"]: [_shape(file["shape"], texts) for file in files],
            texts.training["rows"]: [file["rows"] for file in files],
            texts.training["left_out"]: [file["bad"] for file in files],
            texts.training["weight"]: [file["weight"] for file in files],
        },
        width="stretch",
        hide_index=True,
    )


def _shape(shape: str, texts: Texts) -> str:
    return texts.training.get(f"shape_{shape}", shape)


def _figures(
    report: Mapping[str, Any], lengths: Mapping[str, Any] | None, texts: Texts
) -> Iterator[tuple[str, str]]:
    yield from _counted(report, texts)
    for part in report["parts"]:
        yield texts.training[f"tokens_{part['part']}"], f"{part['median']:,}"
    if lengths is not None:
        yield texts.training["median_tokens"], f"{lengths['median']:,}"
        yield texts.training["longest_tokens"], f"{lengths['longest']:,}"
        if report["use"] == "examples":
            yield texts.training["learned_share"], f"{lengths['learned'] / max(1, lengths['tokens']):.0%}"


def _counted(report: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    use = report["use"]
    yield texts.training["pairs" if use == "pairs" else "rows"], f"{report['rows']:,}"
    if use == "examples":
        yield texts.training["answers"], f"{report['answers']:,}"
    else:
        yield texts.training["questions"], f"{report['questions']:,}"
    if use in ("labeled", "prompts"):
        yield (
            texts.training["good_answers" if use == "labeled" else "expected_answers"],
            f"{report['good']:,}",
        )


def _left_out(fault: Mapping[str, Any], texts: Texts) -> str:
    (why,) = stored_notes({"notes": [fault["why"]], "note_facts": [fault.get("why_facts")]})
    place = Cause("note-bad-row", at=str(fault["source"]), why=why)
    return plainly(place, texts)


def _warnings(report: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    yield from _length_warnings(report, texts)
    if report["bad"]:
        first = "; ".join(_left_out(fault, texts) for fault in report["faults"])
        yield texts.training["warn_bad"].format(count=report["bad"], first=safe_text(first))
    for name in ("duplicates", "repeated_questions", "contradicted", "held_out_too"):
        found = report[name]
        if found["rows"]:
            first = safe_text(", ".join(found["first"]))
            yield texts.training[f"warn_{name}"].format(count=found["rows"], first=first)
    if report["refused"]["rows"]:
        yield texts.training["warn_refused"].format(
            count=report["refused"]["rows"], why=safe_text(report["refused"]["what"])
        )
    for name in ("markers", "end_tokens", "taught"):
        for found in report[name]:
            yield texts.training[f"warn_{name}"].format(
                count=found["rows"], what=safe_text(found["what"]), first=safe_text(", ".join(found["first"]))
            )


def _length_warnings(report: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    lengths = report["lengths"]
    if lengths is not None and lengths["cut"]:
        lost = "warn_cut" if report["use"] == "examples" else "warn_left_out"
        yield texts.training[lost].format(
            count=lengths["cut"], max_tokens=lengths["max_tokens"], dropped=lengths["dropped"]
        )
    bias = report["length_bias"]
    if bias is not None and bias["is_marked"]:
        side = "longer" if bias["share"] > 0.5 else "shorter"
        share = f"{max(bias['share'], 1 - bias['share']):.0%}"
        yield texts.training[f"warn_length_{side}"].format(share=share)


def histogram(lengths: Mapping[str, Any], texts: Texts) -> None:
    import altair as alt  # half a second that the first page does not have to wait for
    import pandas as pd

    if not lengths["bins"]:
        return
    bins = pd.DataFrame(
        [
            {"tokens": f"{each['low']}-{each['high']}", "rows": each["rows"], "low": each["low"]}
            for each in lengths["bins"]
        ]
    )
    chart = (
        alt.Chart(bins, title=texts.training["lengths"].format(count=lengths["measured"]))
        .mark_bar()
        .encode(
            x=alt.X(
                "tokens:N",
                title=texts.training["tokens"],
                sort=alt.SortField("low"),
                axis=alt.Axis(labelAngle=0),
            ),
            y=alt.Y("rows:Q", title=texts.training["rows"]),
            tooltip=["tokens", "rows"],
        )
        .properties(height=240)
    )
    st.altair_chart(chart, width="stretch", key="training_lengths")


def _sample(sample: Mapping[str, Any], texts: Texts) -> None:
    """As Markdown of ours around text that stays text: learned stretches on a green ground."""
    shown = []
    room = _LONGEST_SAMPLE
    for part in sample["parts"]:
        lines = part["text"][:room].split("\n")
        room -= len(part["text"][:room])
        marked = ":green-background[{}]" if part["learned"] else "{}"
        shown.append("  \n".join(marked.format(safe_text(line)) if line.strip() else "" for line in lines))
    what = f" · {texts.training['sample_' + sample['what']]}" if sample["what"] else ""
    with st.container(border=True):
        st.caption(safe_text(sample["source"]) + what)
        st.markdown("".join(shown) + (" …" if room <= 0 else ""))
