"""Which versions are at work, ready to be copied into a bug report, and who is signed in.

The report may be read by strangers: it holds no paths, names, keys or settings. Versions are read without
importing.
"""

from __future__ import annotations

import platform

import streamlit as st

from dashboard.session import settings
from dashboard.session.owner import Account
from dashboard.shared.safe_text import safe_text
from dashboard.shared.signing_in import sign_out_button
from dashboard.texts import Texts
from engines.memory import PoolView
from settings import format_bytes
from versions import commit, version_of

PACKAGES = (
    "streamlit",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "bitsandbytes",
    "accelerate",
    "sqlalchemy",
    "pandas",
    "pyarrow",
)


def report(pool: PoolView | None) -> str:
    """Lines to paste; English, because a bug report is."""
    lines = [
        f"Narani: {commit() or 'unknown commit'}",
        f"Python: {platform.python_version()}",
        f"System: {platform.system()} {platform.release()} {platform.machine()}",
        *(f"{package}: {version_of(package) or 'not installed'}" for package in PACKAGES),
        *_device(pool),
    ]
    return "\n".join(lines)


def _device(pool: PoolView | None) -> list[str]:
    if pool is None:
        return ["Device: not started"]
    return [
        f"Device: {pool.device}",
        f"Memory: budget {format_bytes(pool.budget)}, used {format_bytes(pool.used)}, "
        f"most used {format_bytes(pool.most_used)}, free {format_bytes(pool.free_on_device)}",
        f"Models in memory: {len(pool.residents)}, parked in host memory: {len(pool.parked)} "
        f"({format_bytes(pool.host_used)} of {format_bytes(pool.host_budget)})",
    ]


def about_panel(report: str, texts: Texts) -> None:
    st.caption(texts.settings["report_note"])
    st.code(report, language=None, wrap_lines=True)


def account_panel(who: Account | None, machine: bool, texts: Texts) -> None:
    """Nobody signed in: all of a machine are one owner, or each browser is one."""
    if who is None:
        st.caption(texts.settings["this_machine"] if machine else texts.settings["no_sign_in"])
        return
    st.write(texts.settings["signed_in"].format(name=safe_text(who.name)))
    sign_out_button(who.name, texts, key=settings.SIGN_OUT)
