"""Which versions are at work, for a bug report.

Knows: the packages that matter, and how to read their versions without importing them.
Refuses to know: paths, names, keys and settings; a report may be read by strangers.
"""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engines.memory import PoolView
from settings import format_bytes

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
        *(f"{package}: {_version(package)}" for package in PACKAGES),
        *_device(pool),
    ]
    return "\n".join(lines)


@cache
def commit() -> str | None:
    """The commit this runs from; None without git or outside of its own repository."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=here,
            capture_output=True,
            encoding="utf-8",
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _device(pool: PoolView | None) -> list[str]:
    if pool is None:
        return ["Device: not started"]
    return [
        f"Device: {pool.device}",
        f"Memory: budget {format_bytes(pool.budget)}, used {format_bytes(pool.used)}, "
        f"most used {format_bytes(pool.most_used)}, free {format_bytes(pool.free_on_device)}",
        f"Models in memory: {len(pool.residents)}",
    ]
