"""token-rows: training data made into rows of tokens, over the tokenizer alone on the same texts at once.

Knows: both sides, and that their ids must be the same where nobody wrote a control token.
Refuses to know: how rows are made. Ours reads each prompt a second time, as it is asked.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

from benchmarks.korean import ordinary
from benchmarks.networks import korean_tokenizer
from benchmarks.rounds import Effort, Measured, Stopwatch, paired, timed
from finetune.examples import Example, TokenRow
from finetune.tokens.rows import token_rows
from prompts.catalog import load_formats
from prompts.conversation import Conversation, Turn
from prompts.rendering import training_text

_FORMAT, _END = "koalpaca", "<|endoftext|>"
_SENTENCES = 12
"""Of an answer: a row has about the length of KoAlpaca's."""


def measure(effort: Effort) -> Measured:
    """Seconds of ours over those of one call of the tokenizer."""
    examples, tokenizer = _examples(8 * effort.tokens), korean_tokenizer()
    format = load_formats().get(_FORMAT)
    texts = []
    for example in examples:
        (segment,) = training_text(format, example.conversation, _END)
        texts.append(segment.prompt.text + segment.answer_text)

    def ours() -> tuple[TokenRow, ...]:
        return token_rows(examples, format, tokenizer, _END, max_tokens=10_000, learn_prompts=False).rows

    def bare() -> list[list[int]]:
        encoded = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    differing = sum(list(row.ids) != ids for row, ids in zip(ours(), bare(), strict=True))
    broken = (f"{differing} rows have other ids than the tokenizer gives.",) if differing else ()
    first, second = Stopwatch(timed(ours)), Stopwatch(timed(bare))
    values = paired(first, second, effort.rounds)
    return Measured(
        values, broken, (f"{len(texts):,} rows: {first.median:.2f} s against {second.median:.2f} s",)
    )


@cache
def _examples(count: int) -> list[Example]:
    draw = random.Random(1)
    lines = ordinary().splitlines()
    pairs = list(pairwise(lines))
    examples = []
    for number in range(count):
        turn = Turn(" ".join(draw.choice(pairs)), answer=" ".join(draw.sample(lines, _SENTENCES)))
        examples.append(Example(Conversation((turn,)), f"row {number}"))
    return examples
