"""The figures of an answer in words of the terminal.

Knows: how a measure is written down, and that what was not measured is left out.
Refuses to know: how anything was measured; the engine that made the answer did that.
"""

from __future__ import annotations

from engines.base import Measures


def describe(measures: Measures) -> str:
    """'42 tokens · 31.2 tokens/s · first text after 0.8 s · loaded in 2.1 s'."""
    figures = [f"{measures.tokens_out} tokens"]
    if measures.tokens_per_second is not None:
        figures.append(f"{measures.tokens_per_second:.1f} tokens/s")
    if measures.seconds_to_first_text is not None:
        figures.append(f"first text after {measures.seconds_to_first_text:.1f} s")
    if measures.load_seconds is not None:
        figures.append(f"loaded in {measures.load_seconds:.1f} s")
    return " · ".join(figures)


def describe_time(seconds: float) -> str:
    """'3:07' or '2:03:07': a time left."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
