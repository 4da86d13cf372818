"""What answers are rewarded for: parts that are picked, each with its argument and weight, and added up.

Knows: how a reward is written (`NAME=ARGUMENT*WEIGHT`, as `finetune rewards` lists them).
Refuses to know: how an answer is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from finetune.jobs import REWARDS

LEVELS = ("familiar", "polite")
_LENGTH = "20-200"
_LONGEST = 100_000


def training_rewards(
    form: str, recipe: Sequence[str], models: Sequence[str], texts: Texts
) -> tuple[str, ...]:
    """As settings have them. `models`: the names of finished reward models, without which none is offered."""
    carried = training.carried_rewards()
    given = {name: (argument, weight) for name, argument, weight in map(read, carried or recipe)}
    form = "_".join([form, *carried])
    key = training.reward_key(form, "parts")
    start_with(key, list(given))
    chosen = st.multiselect(
        texts.kinds["rewards"],
        [name for name in REWARDS if name != "model" or models or name in given],
        key=key,
        persist_state="session",
        format_func=lambda name: named(name, texts),
        placeholder=texts.kinds["rewards_hint"],
        select_all=False,
        help=texts.kinds["rewards_help"],
    )
    return tuple(_line(form, name, given, models, texts) for name in chosen)


def read(reward: str) -> tuple[str, str, float]:
    """Its name, argument and weight."""
    part, _, weight = reward.partition("*")
    name, _, argument = part.partition("=")
    return name, argument, float(weight or 1)


def named(part: str, texts: Texts) -> str:
    """What a part is called wherever it is drawn."""
    return texts.kinds.get(f"part_{part}", part)


def _line(
    form: str,
    name: str,
    given: Mapping[str, tuple[str, float]],
    models: Sequence[str],
    texts: Texts,
) -> str:
    argument, weight = given.get(name, ("", 1.0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"**{safe_text(named(name, texts))}**", width=200)
        if name == "length":
            argument = _length(form, argument, texts)
        elif name in ("model", "level"):
            offered = (
                LEVELS if name == "level" else dict.fromkeys([*([argument] if argument else []), *models])
            )
            argument = _picked(form, name, tuple(offered), argument, texts)
        key = training.reward_key(form, f"{name}_weight")
        start_with(key, weight)
        box = partial(st.number_input, texts.kinds["weight"], help=texts.kinds["weight_help"], step=0.1)
        weight = box(key=key, persist_state="session", format="%g", width=140)
    return name + (f"={argument}" if argument else "") + ("" if weight == 1 else f"*{weight:g}")


def _picked(form: str, name: str, offered: tuple[str, ...], argument: str, texts: Texts) -> str:
    key = training.reward_key(form, f"{name}_argument")
    start_with(key, argument or offered[0])
    if st.session_state[key] not in offered:
        st.session_state[key] = offered[0]
    return st.selectbox(
        texts.kinds[f"argument_{name}"],
        offered,
        key=key,
        persist_state="session",
        format_func=lambda each: texts.kinds.get(f"{name}_{each}", each),
        width=220,
    )


def _length(form: str, argument: str, texts: Texts) -> str:
    ends = []
    for name, value in zip(("length_from", "length_to"), (argument or _LENGTH).split("-"), strict=True):
        key = training.reward_key(form, name)
        start_with(key, int(value))
        box = partial(st.number_input, texts.kinds[name], step=10, min_value=1, max_value=_LONGEST)
        ends.append(f"{box(key=key, persist_state='session', width=140):d}")
    return "-".join(ends)
