"""Whether a training fits into memory, by method, beside what the models of this dashboard hold.

It draws a plan (finetune/planning.py) as plain values; idle models can be let go first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.session import training
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import PoolView, ResidentView
from settings import format_bytes


def training_memory(
    plan: Mapping[str, Any], pool: PoolView | None, release: Callable[[], None], texts: Texts
) -> None:
    """`release` lets every idle model of the dashboard go."""
    st.markdown(f"**{texts.training['memory_title']}**")
    chosen, device = plan["chosen"], min(plan["devices"], key=lambda each: each["free"])
    sentence = texts.training["memory_fits" if plan["fits"] else "memory_too_big"].format(
        need=format_bytes(chosen["total"]),
        free=format_bytes(device["free"]),
        device=texts.training["device_cpu"] if not device["is_gpu"] else safe_text(device["name"]),
    )
    if plan["fits"]:
        st.success(sentence, icon=":material/check_circle:")
    else:
        st.warning(f"{sentence} {_lower(plan, texts)}", icon=":material/memory:")
    st.caption(_trainable(plan, texts))
    if not plan["counted"]:
        st.caption(texts.training["memory_guessed"])
    if pool is not None and pool.residents:
        _residents(pool.residents, release, texts)
    _table(plan["needs"], chosen, texts)


def idle(residents: Sequence[ResidentView]) -> list[ResidentView]:
    """The models that may be unloaded: none of them answers or is pinned."""
    return [each for each in residents if not each.leases and not each.kept]


def _lower(plan: Mapping[str, Any], texts: Texts) -> str:
    if not plan["lower"]:
        return texts.training["memory_nothing_helps"]
    changes = ", ".join(
        f"{texts.training[f'set_{name}']} → {texts.training.get(f'{name}_{value}', value)}"
        if not isinstance(value, bool)
        else texts.training[f"set_{name}"]
        for name, value in plan["lower"].items()
    )
    return texts.training["memory_lower"].format(changes=changes, need=format_bytes(plan["lower_total"]))


def _trainable(plan: Mapping[str, Any], texts: Texts) -> str:
    share = plan["trainable"] / max(1, plan["parameters"])
    return texts.training["trainable"].format(count=plan["trainable"], share=f"{share:.4%}")


def _residents(residents: Sequence[ResidentView], release: Callable[[], None], texts: Texts) -> None:
    held = sum(each.weight_bytes + each.cache_bytes + each.step_bytes for each in residents)
    free = idle(residents)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(texts.training["residents"].format(count=len(residents), size=format_bytes(held)))
        st.button(
            texts.training["release"],
            key=training.RELEASE,
            icon=":material/eject:",
            disabled=not free,
            help=texts.training["release_help" if free else "release_none"],
            on_click=release,
        )


def _table(needs: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], texts: Texts) -> None:
    def named(need: Mapping[str, Any]) -> str:
        is_chosen = (need["method"], need["checkpointing"]) == (chosen["method"], chosen["checkpointing"])
        method = texts.training[f"method_{need['method']}"]
        return f"▶ {method}" if is_chosen else method

    columns = ("weights", "gradients", "optimizer", "activations", "logits", "total")
    table: dict[str, list[str]] = {
        texts.training["set_method"]: [named(each) for each in needs],
        texts.training["set_gradient_checkpointing"]: [
            "✓" if each["checkpointing"] else "" for each in needs
        ],
    }
    for name in columns:
        table[texts.training[f"bytes_{name}"]] = [format_bytes(each[name]) for each in needs]
    table[texts.training["fits"]] = ["✓" if each["fits"] else "✗" for each in needs]
    with st.expander(texts.training["memory_all"], icon=":material/table_rows:", key="training_memory_all"):
        st.caption(texts.training["estimates"])
        st.dataframe(table, width="stretch", hide_index=True)
