"""The kinds of training in the order in which they follow each other, and what the chosen one is and needs.

A reward model is learned over a tuned model, and rewards then drive PPO, GRPO or RLOO; pairs and thumbs can
also be learned directly.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import training
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from finetune.jobs import KINDS, Job, TrainingState

ROUTES = (("sft", "reward", "ppo", "grpo", "rloo"), ("dpo", "kto"))
"""By way of a reward model, and without one. The last three of the first take each other's place."""
BY_REWARDS = frozenset(name for name, kind in KINDS.items() if hasattr(kind.settings, "rewards"))
_AFTER = {"sft": ("reward", "dpo", "grpo"), "reward": ("ppo", "grpo")}
_NAMED = 3


def training_chain(runs: Sequence[Job], texts: Texts) -> str:
    """The kind that is chosen."""
    chosen, done = training.kind(), finished(runs)
    st.markdown(f"**{texts.kinds['question']}**")
    for at, route in enumerate(ROUTES):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":small[:gray[{texts.kinds[f'route_{at}']}]]", width="content")
            for place, kind in enumerate(route):
                if place:
                    between = "→" if kind in ("reward", "ppo") else texts.kinds["or"]
                    st.markdown(f":gray[{between}]", width="content")
                _step(kind, chosen, kind in done, texts)
    with st.container(border=True):
        _about(chosen, done, texts)
    return chosen


def finished(runs: Sequence[Job]) -> dict[str, list[Job]]:
    """By kind, the newest first."""
    found: dict[str, list[Job]] = {}
    for run in runs:
        if run.state is TrainingState.DONE:
            found.setdefault(run.kind, []).append(run)
    return found


def following(kind: str) -> tuple[str, ...]:
    """The kinds that go on with what came of this one."""
    return _AFTER.get(kind, ())


def needs_of(kind: str) -> str:
    """What its data is read as: examples, pairs, labeled answers or prompts."""
    return KINDS[kind].settings.reads


def _step(kind: str, chosen: str, done: bool, texts: Texts) -> None:
    st.button(
        texts.kinds[kind],
        key=training.kind_key(kind),
        type="primary" if kind == chosen else "secondary",
        icon=":material/check:" if done else None,
        help=texts.kinds["done_before"] if done else None,
        on_click=training.choose_kind,
        args=(kind,),
    )


def _about(kind: str, done: dict[str, list[Job]], texts: Texts) -> None:
    words = texts.kinds
    st.markdown(f"**{words[f'long_{kind}']}** {words[f'about_{kind}']}")
    lines = [f":material/table_rows: {words[f'needs_{needs_of(kind)}']}"]
    if kind != "sft":
        lines.append(f":material/foundation: {_there('sft', done, texts)}")
    if kind in BY_REWARDS:
        lines.append(f":material/stars: {_there('reward', done, texts)}")
    # Not a caption: it is dimmed, and the names of columns would be too pale to read.
    st.markdown("  \n".join(f":small[{line}]" for line in lines))


def _there(kind: str, done: dict[str, list[Job]], texts: Texts) -> str:
    """Which finished runs of that kind it can build on, or what to do without one."""
    runs = done.get(kind, [])
    if not runs:
        return texts.kinds[f"none_{kind}"]
    names = ", ".join(f"**{safe_text(run.name)}**" for run in runs[:_NAMED])
    return texts.kinds[f"there_{kind}"].format(names=names + (" …" if len(runs) > _NAMED else ""))
