"""Whether a training fits into memory: by method, beside what the models of this dashboard hold.

Knows: how a plan (finetune/planning.py, as plain values) is drawn, and that idle models can be let go first.
Refuses to know: how bytes are estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.components.safe_text import safe_text
from dashboard.session import training
from dashboard.words import Words
from engines.memory import PoolView, ResidentView
from settings import format_bytes


def training_memory(
    plan: Mapping[str, Any], pool: PoolView | None, release: Callable[[], None], said: Words
) -> None:
    """`release` lets every idle model of the dashboard go."""
    st.markdown(f"**{said.training['memory_title']}**")
    chosen, device = plan["chosen"], min(plan["devices"], key=lambda each: each["free"])
    told = said.training["memory_fits" if plan["fits"] else "memory_too_big"].format(
        need=format_bytes(chosen["total"]),
        free=format_bytes(device["free"]),
        device=said.training["device_cpu"] if not device["is_gpu"] else safe_text(device["name"]),
    )
    if plan["fits"]:
        st.success(told, icon=":material/check_circle:")
    else:
        st.warning(f"{told} {_lower(plan, said)}", icon=":material/memory:")
    st.caption(_trainable(plan, said))
    if not plan["counted"]:
        st.caption(said.training["memory_guessed"])
    if pool is not None and pool.residents:
        _residents(pool.residents, release, said)
    _table(plan["needs"], chosen, said)


def idle(residents: Sequence[ResidentView]) -> list[ResidentView]:
    """Those that may be let go: nobody asks them, and nobody wanted them to stay."""
    return [each for each in residents if not each.leases and not each.kept]


def _lower(plan: Mapping[str, Any], said: Words) -> str:
    if not plan["lower"]:
        return said.training["memory_nothing_helps"]
    changes = ", ".join(
        f"{said.training[f'set_{name}']} → {said.training.get(f'{name}_{value}', value)}"
        if not isinstance(value, bool)
        else said.training[f"set_{name}"]
        for name, value in plan["lower"].items()
    )
    return said.training["memory_lower"].format(changes=changes, need=format_bytes(plan["lower_total"]))


def _trainable(plan: Mapping[str, Any], said: Words) -> str:
    share = plan["trainable"] / max(1, plan["parameters"])
    return said.training["trainable"].format(count=plan["trainable"], share=f"{share:.4%}")


def _residents(residents: Sequence[ResidentView], release: Callable[[], None], said: Words) -> None:
    held = sum(each.weight_bytes + each.cache_bytes for each in residents)
    free = idle(residents)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(said.training["residents"].format(count=len(residents), size=format_bytes(held)))
        st.button(
            said.training["release"],
            key=training.RELEASE,
            icon=":material/eject:",
            disabled=not free,
            help=said.training["release_help" if free else "release_none"],
            on_click=release,
        )


def _table(needs: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], said: Words) -> None:
    def named(need: Mapping[str, Any]) -> str:
        is_chosen = (need["method"], need["checkpointing"]) == (chosen["method"], chosen["checkpointing"])
        method = said.training[f"method_{need['method']}"]
        return f"▶ {method}" if is_chosen else method

    columns = ("weights", "gradients", "optimizer", "activations", "logits", "total")
    table: dict[str, list[str]] = {
        said.training["set_method"]: [named(each) for each in needs],
        said.training["set_gradient_checkpointing"]: ["✓" if each["checkpointing"] else "" for each in needs],
    }
    for name in columns:
        table[said.training[f"bytes_{name}"]] = [format_bytes(each[name]) for each in needs]
    table[said.training["fits"]] = ["✓" if each["fits"] else "✗" for each in needs]
    with st.expander(said.training["memory_all"], icon=":material/table_rows:", key="training_memory_all"):
        st.caption(said.training["estimates"])
        st.dataframe(table, width="stretch", hide_index=True)
