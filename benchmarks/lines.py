"""The lines of the speed table, in its order.

Knows: each line's name, what its figure is, and the target it has to keep.
Refuses to know: how anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import (
    app_one,
    app_three,
    batching,
    cold_start,
    csv_export,
    decode_16_bits,
    first_answer,
    first_paint,
    first_text,
    grpo_step,
    history_search,
    lora_step,
    many_rows,
    packing,
    pad_to_cutoff,
    page_bytes,
    page_growth,
    page_speed,
    ppo_update,
    rollout,
    search_answers,
    search_quality,
    search_speed,
    token_rows,
    training_loop,
    update_memory,
)
from benchmarks import detokenize as detokenize
from benchmarks.rounds import Effort, Measured, Target
from errors import UnknownName


@dataclass(frozen=True)
class Line:
    """One figure and its target."""

    name: str
    what: str
    target: Target
    measure: Callable[[Effort], Measured]


LINES = (
    Line("app-one", "tokens/s, engine / generate, one model", Target(1.0, True), app_one.measure),
    Line(
        "app-three",
        "tokens/s, three models at once / generate one after another",
        Target(1.0, True),
        app_three.measure,
    ),
    Line(
        "detokenize",
        "seconds, text stream / bare DecodeStream, 2048 Korean tokens",
        Target(2.0, False),
        detokenize.measure,
    ),
    Line(
        "first-text",
        "longest wait for a character that is whole, in tokens",
        Target(2.0, False),
        first_text.measure,
    ),
    Line(
        "batching-neox",
        "speed, eight questions at once / one after another, GPT-NeoX",
        Target(3.0, True),
        batching.measure_neox,
    ),
    Line(
        "batching-llama",
        "speed, eight questions at once / one after another, Llama",
        Target(3.0, True),
        batching.measure_llama,
    ),
    Line(
        "rows-64",
        "tokens/s of processor time, 64 questions at once / one padded generate of all",
        Target(1.0, True),
        many_rows.measure,
    ),
    Line(
        "decode-16-bits",
        "tokens/s of processor time, 0.4 B weights in bfloat16 / generate in the faster 16-bit type",
        Target(1.0, True),
        decode_16_bits.measure,
    ),
    Line(
        "cold-start",
        "seconds, `ask` to its first text / import of torch and AutoModelForCausalLM",
        Target(1.3, False),
        cold_start.measure,
    ),
    Line(
        "history-search",
        "milliseconds, a page of the history by a Korean word among 1,000,000 answers",
        Target(100, False),
        history_search.measure,
    ),
    Line(
        "search-quality",
        "nDCG@10 on the shipped documents, the index - BM25 over words between spaces",
        Target(0.10, True),
        search_quality.measure,
    ),
    Line(
        "search-routing",
        "accuracy, search or not, on 100 utterances that no rule was made on",
        Target(0.9, True),
        search_answers.measure_routing,
    ),
    Line(
        "search-citations",
        "precision of 'supported' on labeled sentences that no threshold was chosen on",
        Target(0.85, True),
        search_answers.measure_citations,
    ),
    Line(
        "search-extracts",
        "share of questions without an answer that the extract does not answer",
        Target(0.9, True),
        search_answers.measure_extracts,
    ),
    Line(
        "search-latency",
        "milliseconds, a query among 10,000 pages",
        Target(50, False),
        search_speed.measure_latency,
    ),
    Line(
        "search-index",
        "processor time, a folder to its index / content words by kiwi and bm25s on its passages",
        Target(3.0, False),
        search_speed.measure_index,
    ),
    Line(
        "page-one",
        "tokens/s, one model on the page / generate",
        Target(1.0, True),
        page_speed.measure_one,
    ),
    Line(
        "page-three",
        "tokens/s, three models on the page / generate one after another",
        Target(1.0, True),
        page_speed.measure_three,
    ),
    Line(
        "page-bytes",
        "bytes to the browser, three answers of 600 tokens / redrawn at every token",
        Target(0.08, False),
        page_bytes.measure,
    ),
    Line(
        "page-growth",
        "seconds, drawing the page on 200 turns / on 1",
        Target(2.0, False),
        page_growth.measure,
    ),
    Line(
        "page-long",
        "seconds, opening 5 turns of 8 answers of 15,000 characters / of 100",
        Target(1.5, False),
        page_growth.measure_long,
    ),
    Line(
        "first-paint",
        "seconds, a fresh server to the first words on the screen / a page of one line",
        Target(1.3, False),
        first_paint.measure,
    ),
    Line(
        "first-answer",
        "seconds, Enter to the first text, first question of a server whose page stood 10 s / a later one",
        Target(1.5, False),
        first_answer.measure,
    ),
    Line(
        "csv-export",
        "seconds, 100,000 answers as CSV / csv.writer on the same cells",
        Target(0.25, False),
        csv_export.measure,
    ),
    Line(
        "packing",
        "speed, learning rows packed / padded to the longest of their batch",
        Target(1.85, True),
        packing.measure,
    ),
    Line(
        "pad-to-cutoff",
        "speed, learning rows packed / ko-gpts pattern: padded to the cutoff, everything learned",
        Target(1.85, True),
        pad_to_cutoff.measure,
    ),
    Line(
        "token-rows",
        "seconds, training data made into rows of tokens / the tokenizer alone on all of it at once",
        Target(2.5, False),
        token_rows.measure,
    ),
    Line(
        "training-loop",
        "tokens/s, a training's own loop / bare forward, backward and optimizer",
        Target(0.95, True),
        training_loop.measure,
    ),
    Line(
        "lora-step",
        "processor time, a step of a LoRA tuning / a forward pass",
        Target(2.2, False),
        lora_step.measure,
    ),
    Line(
        "rollout",
        "tokens/s, answers sampled to be learned from / generate",
        Target(1.0, True),
        rollout.measure,
    ),
    Line(
        "ppo-update",
        "processor time, learning an update of PPO / forward and backward of the same tokens",
        Target(1.25, False),
        ppo_update.measure,
    ),
    Line(
        "update-memory",
        "most memory, an update of PPO / a LoRA step over the same answers",
        Target(1.3, False),
        update_memory.measure,
    ),
    Line(
        "grpo-step",
        "processor time, a step of GRPO / TRL's GRPOTrainer",
        Target(0.65, False),
        grpo_step.measure,
    ),
)


def picked(names: Iterable[str]) -> tuple[Line, ...]:
    """The named lines in the order of the table; all where none is named. `search` names those of search."""
    names = tuple(names)
    for name in names:
        if not any(_named(line, name) for line in LINES):
            raise UnknownName("benchmark", name, [line.name for line in LINES])
    return tuple(line for line in LINES if any(_named(line, name) for name in names)) or LINES


def _named(line: Line, name: str) -> bool:
    return line.name == name or line.name.startswith(f"{name}-")
