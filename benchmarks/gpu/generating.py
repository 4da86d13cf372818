"""How fast others answer with a model of a folder: transformers' `generate`, and a step compiled as a whole.

Run: python -m benchmarks.gpu.generating FOLDER FILE --prompt 270 --tokens 256 [--cpu]

A process of its own, because compiled code keeps memory, and because what is not ready within its time is
ended with it. Each figure is a line of JSON in FILE as soon as it is there. On the processor nothing is
compiled: that takes minutes, and says nothing of a card.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LogitsProcessor, LogitsProcessorList
from transformers.utils.logging import disable_progress_bar

from benchmarks.gpu.compiled_step import PlainStep
from benchmarks.gpu.timing import going_on, wait
from benchmarks.korean import ordinary
from benchmarks.networks import korean_tokenizer

EAGER, STATIC, PLAIN = "generate", "generate, static cache, compiled", "one compiled step"
STATIC_OF_8, TUNED = "generate of 8 rows, static cache, compiled", "one compiled step, tuned"
ORDER = (EAGER, PLAIN, STATIC, STATIC_OF_8, TUNED)
"""What matters most first: the time may be over before the last."""
OF_ONE_ROW = (EAGER, PLAIN, STATIC, TUNED)
ROWS = 8
_EAGER_TOKENS = 96
_SETTLED = 16
"""Tokens after which the rate counts: a compiled step is recorded anew in the first of each answer."""
_TUNED: dict[str, Any] = {"triton.cudagraphs": True, "coordinate_descent_tuning": True}
"""As gpt-fast sets it: a product of one row becomes a kernel of inductor's own, tried in several shapes."""

Answering = Callable[[Callable[[int], None]], torch.Tensor]
"""One whole answer; it tells the index of each token but the last, and hands back the new tokens."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Time how others generate.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--prompt", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    if options.cpu:
        torch.set_num_threads(1)
    disable_progress_bar()
    network = AutoModelForCausalLM.from_pretrained(
        options.folder, dtype="auto", device_map=None if options.cpu else {"": "cuda:0"}
    ).eval()
    for name in ORDER:
        row: dict[str, Any] = {"peer": name}
        with going_on(row), torch.no_grad():
            row |= _measured(name, network, options.prompt, options.tokens)
        _say(row, options.file)
        _forget(network)
    return 0


def _measured(name: str, network: Any, prompt: int, tokens: int) -> dict[str, Any]:
    rows = ROWS if name == STATIC_OF_8 else 1
    count = min(tokens, _EAGER_TOKENS) if name == EAGER else tokens
    ids = prompts(rows, prompt).to(network.device)
    # cuDNN's attention plans anew for every length of a growing cache: some 40 ms of each eager token.
    torch.backends.cuda.enable_cudnn_sdp(name != EAGER)
    return _timed(_answering(name, network, ids, count), rows, count)


def prompts(rows: int, length: int) -> torch.Tensor:
    """Different ones of the same length."""
    ids = korean_tokenizer().encode(ordinary(), add_special_tokens=False)
    return torch.tensor([ids[row : row + length] for row in range(rows)])


def _answering(name: str, network: Any, ids: torch.Tensor, count: int) -> Answering:
    if name in (PLAIN, TUNED):
        plain = PlainStep(network, ids.shape[0], ids.shape[1] + count)
        step: Callable[..., torch.Tensor] = plain
        if ids.is_cuda and name == PLAIN:
            step = torch.compile(plain, mode="reduce-overhead", fullgraph=True)
        elif ids.is_cuda:
            step = torch.compile(plain, options=_TUNED, fullgraph=True)
        return lambda seen: plain.answer(ids, count, step, seen)
    # With a static cache on a card, transformers compiles by itself (mode "reduce-overhead").
    cache = None if name == EAGER else "static"

    def generate(seen: Callable[[int], None]) -> torch.Tensor:
        made: torch.Tensor = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            do_sample=False,
            cache_implementation=cache,
            logits_processor=LogitsProcessorList([_Seeing(seen)]),
        )
        return made[:, ids.shape[1] :]

    return generate


class _Seeing(LogitsProcessor):
    """Tells when the logits of each new token are asked for."""

    def __init__(self, seen: Callable[[int], None]) -> None:
        self._seen, self._index = seen, -1

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._index += 1
        self._seen(self._index)
        return scores


def _timed(answering: Answering, rows: int, count: int) -> dict[str, Any]:
    """Of a second answer; all that it did not take of the first is compiling."""
    settled = 0.0

    def seen(index: int) -> None:
        nonlocal settled
        if index == _SETTLED:
            wait()
            settled = time.perf_counter()

    took = []
    for _ in range(2):
        wait()
        started = time.perf_counter()
        made = answering(seen)
        wait()
        took.append(time.perf_counter() - started)
    if made.shape != (rows, count):
        raise ArithmeticError(f"{made.shape[1]} tokens were made in place of {count}.")
    rate = rows * (count - 1 - _SETTLED) / (started + took[1] - settled)
    return {
        "tokens_per_second": rate,
        "compile_seconds": max(0.0, took[0] - took[1]),
        "tokens": made[0, :32].tolist(),
    }


def _forget(network: Any) -> None:
    """What was compiled, and its graphs' memory; else a further number of rows would be compiled for any."""
    for name in ("_compiled_call", "_last_compile_config", "_previous_max_cache_length"):
        vars(network).pop(name, None)
    torch.compiler.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _say(row: dict[str, Any], file: Path) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
    told = {name: round(value, 1) for name, value in row.items() if isinstance(value, float)}
    sys.stdout.write(f"    ... {row['peer']}: {row.get('broke', told)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
