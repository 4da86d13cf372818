"""What a training was set by, in the words of its form: all of it, what differs from others, and a command.

A run may come from anywhere: what cannot be read as settings is shown as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from dashboard.training.rewards_form import named, read
from errors import NaraniError
from finetune.jobs import Job, RunSettings, RunSummary, changed_settings, command_line, settings_of

_FIRST = ("base_model", "data", "rewards", "format")
"""They are said first and always; the others as they stand in the settings."""
_NOT_SAID = frozenset({"name", "resume"})


@dataclass(frozen=True)
class UsedSettings:
    """Values in words, by the names of the settings; those that everybody has to know first."""

    changed: Mapping[str, str]
    as_usual: Mapping[str, str]
    """They are as they are by default."""

    @property
    def all(self) -> dict[str, str]:
        return {**self.changed, **self.as_usual}


def readable_settings(job: Job) -> RunSettings | None:
    """None where another Narani wrote them, or nobody did."""
    try:
        return settings_of(job.record) if job.settings else None
    except NaraniError:
        return None


def used_settings(job: Job, summary: RunSummary, texts: Texts) -> UsedSettings:
    settings = readable_settings(job)
    if settings is None:
        shown = {str(name): str(value) for name, value in job.settings.items() if name not in _NOT_SAID}
        return UsedSettings(shown, {})
    others = [field.name for field in fields(settings) if field.name not in (*_FIRST, *_NOT_SAID)]
    names = [*(name for name in _FIRST if hasattr(settings, name)), *others]
    said = {name: _in_words(name, getattr(settings, name), summary, texts) for name in names}
    changed = {*changed_settings(settings), "base_model", "data"}
    return UsedSettings(
        {name: value for name, value in said.items() if name in changed},
        {name: value for name, value in said.items() if name not in changed},
    )


def training_settings_used(job: Job, summary: RunSummary, shows_paths: bool, texts: Texts) -> None:
    """`shows_paths`: whether the person may see where files of this machine lie: the command names them."""
    used, settings = used_settings(job, summary, texts), readable_settings(job)
    if not used.all:
        st.caption(texts.runs["settings_none"])
        return
    _table(used.changed, texts)
    if used.as_usual:
        title = texts.runs["settings_usual"].format(count=len(used.as_usual))
        with st.expander(title, icon=":material/tune:", key="training_settings_usual"):
            _table(used.as_usual, texts)
    if settings is not None and shows_paths:
        st.markdown(f"**{texts.runs['command']}**")
        st.code(command_line(settings), language="bash", wrap_lines=True)
        st.caption(texts.runs["command_about"])


def differing_settings(used: Mapping[str, UsedSettings], texts: Texts) -> None:
    """Of trainings by their names: one row a setting that is not the same in all of them."""
    names = dict.fromkeys(name for each in used.values() for name in each.all)
    rows = {name: [each.all.get(name, "–") for each in used.values()] for name in names}
    differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
    if not differing:
        st.caption(texts.runs["settings_same"])
        return
    table: dict[str, Sequence[str]] = {
        texts.runs["setting"]: [safe_text(setting_label(name, texts)) for name in differing]
    }
    for at, run in enumerate(used):
        table[safe_text(run)] = [safe_text(values[at]) for values in differing.values()]
    st.table(table, border="horizontal", hide_index=True)
    st.caption(texts.runs["settings_others_same"].format(count=len(rows) - len(differing)))


def setting_label(name: str, texts: Texts) -> str:
    return texts.runs.get(f"set_{name}") or texts.training.get(f"set_{name}") or name


def data_names(job: Job) -> list[str]:
    """Without the ways to them."""
    sources = job.settings.get("data")
    return [Path(str(each)).name for each in sources] if isinstance(sources, list | tuple) else []


def method_of(job: Job, texts: Texts) -> str:
    method = str(job.settings.get("method", ""))
    return texts.training.get(f"method_{method}", method)


def rate_of(job: Job, summary: RunSummary) -> float | None:
    """As it was said, or else decided."""
    said = job.settings.get("learning_rate")
    return float(said) if isinstance(said, int | float) else summary.decided.get("learning_rate")


ChangeUnit = Literal["percent", "points", "number"]
"""Of what a loss was, of a share, and as it is: a reward or a margin may begin at nothing or below."""


def change_in_words(values: Sequence[Any], texts: Texts, unit: ChangeUnit) -> str:
    """`values`: before and after; empty where a change means nothing."""
    before, after = values
    if not (isinstance(before, int | float) and isinstance(after, int | float)):
        return ""
    if unit == "points":
        return texts.runs["points"].format(change=f"{100 * (after - before):+z.0f}")
    if unit == "number":
        return f"{after - before:+z.3f}"
    return f"{100 * (after - before) / abs(before):+z.1f}%" if before else ""


def _table(said: Mapping[str, str], texts: Texts) -> None:
    names = [safe_text(setting_label(name, texts)) for name in said]
    table = {texts.runs["setting"]: names, texts.kinds["value"]: [safe_text(each) for each in said.values()]}
    st.table(table, border="horizontal", hide_index=True, hide_header=True)


def _in_words(name: str, value: Any, summary: RunSummary, texts: Texts) -> str:
    words = texts.training
    if value is None:
        usual = words.get("format_own" if name == "format" else f"hint_{name}", words["no_limit"])
        decided = summary.decided.get(name)
        return usual if decided is None else f"{usual} ({decided:g})"
    if isinstance(value, bool):
        return texts.runs["on" if value else "off"]
    if isinstance(value, tuple):
        said = [_one_of_several(name, each, texts) for each in value]
        return ", ".join(said) or words.get(f"hint_{name}", words["nothing_chosen"])
    if isinstance(value, int):
        return f"{value:,}" if name != "seed" else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    return whole_characters(words.get(f"{name}_{value}") or texts.runs.get(f"{name}_{value}") or value)


def _one_of_several(name: str, value: Any, texts: Texts) -> str:
    if name == "rewards":
        part, argument, weight = read(str(value))
        said = texts.kinds.get(f"{part}_{argument}", argument)
        return named(part, texts) + (f" ({said})" if said else "") + (f" ×{weight:g}" if weight != 1 else "")
    return Path(value).name if name in ("data", "holdout_data") else str(value)
