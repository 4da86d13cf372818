"""What answers are rewarded for: parts that are picked, each with its weight, and added up.

Knows: how a reward is written (`NAME=ARGUMENT*WEIGHT`, as `finetune rewards` lists them).
Refuses to know: how an answer is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts

PARTS = (
    "level=familiar",
    "level=polite",
    "hangul",
    "ended",
    "no-loop",
    "length",
    "exact",
    "contains",
    "json",
)
"""Beside the reward models, of which each finished one is a part."""
_LENGTH = (20, 200)
_LONGEST = 100_000


def training_rewards(
    form: str, recipe: Sequence[str], models: Sequence[str], texts: Texts
) -> tuple[str, ...]:
    """As settings have them. `models`: the names of finished reward models."""
    given = {part: (argument, weight) for part, argument, weight in map(read, carried_or(recipe))}
    offered = list(dict.fromkeys([*given, *(f"model={name}" for name in models), *PARTS]))
    key = training.reward_key(f"{form}_{'_'.join(training.carried_rewards())}", "parts")
    start_with(key, list(given))
    chosen = st.multiselect(
        texts.kinds["rewards"],
        offered,
        key=key,
        persist_state="session",
        format_func=lambda part: named(part, texts),
        placeholder=texts.kinds["rewards_hint"],
        help=texts.kinds["rewards_help"],
    )
    return tuple(_line(form, part, given, texts) for part in chosen)


def carried_or(recipe: Sequence[str]) -> Sequence[str]:
    return training.carried_rewards() or recipe


def read(reward: str) -> tuple[str, str, float]:
    """The part as it is picked, the argument that is typed, and the weight."""
    part, _, weight = reward.partition("*")
    name, _, argument = part.partition("=")
    typed = name == "length"
    return (name if typed else part), (argument if typed else ""), float(weight or 1)


def named(part: str, texts: Texts) -> str:
    """What a part is called wherever it is drawn; a reward model by its run."""
    name, _, argument = part.partition("=")
    if name == "model":
        return texts.kinds["part_model"].format(name=argument)
    return texts.kinds.get(f"part_{part}", part)


def _line(form: str, part: str, given: Mapping[str, tuple[str, float]], texts: Texts) -> str:
    argument, weight = given.get(part, ("", 1.0))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(safe_text(named(part, texts)), width=260)
        key = training.reward_key(form, f"{part}_weight")
        start_with(key, weight)
        label = texts.kinds["weight"]
        weight = st.number_input(
            label,
            key=key,
            persist_state="session",
            step=0.1,
            format="%g",
            width=140,
            help=texts.kinds["weight_help"],
        )
        typed = f"={_length(form, argument, texts)}" if part == "length" else ""
    return f"{part}{typed}" + ("" if weight == 1 else f"*{weight:g}")


def _length(form: str, argument: str, texts: Texts) -> str:
    least, _, most = argument.partition("-")
    ends = []
    for name, value, default in zip(("length_from", "length_to"), (least, most), _LENGTH, strict=True):
        key = training.reward_key(form, name)
        start_with(key, int(value or default))
        label = texts.kinds[name]
        box = st.number_input(
            label, key=key, persist_state="session", step=10, min_value=0, max_value=_LONGEST, width=140
        )
        ends.append(f"{box:d}")
    return "-".join(ends)
