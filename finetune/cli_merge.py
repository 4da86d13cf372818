"""`python -m finetune merge`: an adapter and its base made one model, and the proof that it says the same.

Knows: the arguments, and how a proof is shown in a terminal.
Refuses to know: how weights are merged and networks compared.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from command_line import unwinding
from model_registry.spec import Quantization


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Merge an adapter into its base, and hold the merged model against it on 32 prompts."""

    adapter: Annotated[str, tyro.conf.Positional]
    """A run, an adapter of the registry, or a folder."""
    out: Path
    """The folder to write; it must not be there yet."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The type of the merged weights; auto: what the base is stored in."""
    quantizations: tuple[Quantization, ...] = ()
    """Hold the merged model loaded as int8 or nf4 against the adapter too."""


def run(options: Merge, home: Path) -> int:
    from finetune.merging import merge

    with unwinding():
        report = merge(options.adapter, options.out, options.dtype, options.quantizations, home=home)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(
        Text(f"{report.adapter} merged into {report.base} ({report.dtype}): {report.out}"), soft_wrap=True
    )
    console.print(Text(f"The adapter changes the base's logits by {report.changed:.4f} on average."))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("loaded as", "largest difference", "mean difference", "same next token", "same answers"):
        table.add_column(column, justify="left" if column == "loaded as" else "right")
    for proof in report.proofs:
        table.add_row(
            proof.quantization,
            f"{proof.largest:.5f}",
            f"{proof.mean:.6f}",
            f"{proof.agreement:.2%}",
            f"{proof.same_answers} of {proof.prompts}",
        )
    console.print(table)
    for note in report.notes:
        console.print(Text(note))
    return 0
