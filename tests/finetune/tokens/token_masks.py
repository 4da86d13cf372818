"""Golden token masks: for every data shape, format and kind of tokenizer, exactly what is learned.

Knows: the conversations, the pairs of format and tokenizer, and a form in which a person can check them.
Refuses to know: how rows are made. Rewrite the files with: python -m tests.finetune.tokens.token_masks
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from errors import BadRequest
from finetune.examples import Example, TokenRow
from finetune.tokens.rows import token_rows
from prompts.catalog import load_formats
from prompts.conversation import Conversation, Turn
from tests.prompts.small_tokenizers import small

GOLDEN = Path(__file__).parent / "golden"
DEMO = Path(__file__).parents[3] / "model_registry" / "demo"
FORMATS = load_formats()
FIRST = Turn("한국의 수도는?", answer="서울입니다.")
SHAPES = {
    "question": Conversation((FIRST,)),
    "input": Conversation((Turn("요약해 줘.", "부산은 항구 도시입니다.", "부산은 항구입니다."),)),
    "turns": Conversation((FIRST, Turn("부산은?", answer="항구 도시입니다."), Turn("끝?", answer="네 "))),
    "system": Conversation((FIRST,), system="짧게 답하세요."),
}
ENDS = {"llama3": "<|eot_id|>", "chatml": "<|im_end|>", "gemma": "<end_of_turn>", "demo-chat": "<|im_end|>"}
"""The end token where it is not the tokenizer's own eos."""
SENTENCEPIECE = [
    ("kullm", "llama2"),
    ("koalpaca", "metaspace"),
    ("vicuna-1.1", "llama2"),
    ("plain", "unigram"),
]
PAIRS = [
    *((format.id, "demo-koalpaca") for format in FORMATS if format.kind == "template"),
    *SENTENCEPIECE,
    ("exaone", "chatml"),
    *(("chat", name) for name in ("demo-chat", "llama3", "chatml", "gemma")),
]


@cache
def tokenizer_of(name: str) -> Any:
    return PreTrainedTokenizerFast.from_pretrained(DEMO / name) if name.startswith("demo-") else small(name)


def end_of(name: str) -> str:
    own = tokenizer_of(name).eos_token
    return ENDS[name] if ENDS.get(name) in tokenizer_of(name).get_vocab() else own


def rows_of(format_id: str, name: str, shape: str) -> tuple[TokenRow, ...]:
    example = Example(SHAPES[shape], shape)
    made = token_rows(
        [example],
        FORMATS.get(format_id),
        tokenizer_of(name),
        end_of(name),
        max_tokens=2048,
        learn_prompts=False,
    )
    return made.rows


def spans(row: TokenRow) -> Iterator[tuple[int, int, bool]]:
    """Where each stretch of learned or not learned tokens begins and ends."""
    start = 0
    for place in range(1, len(row.ids) + 1):
        if place == len(row.ids) or row.learned[place] != row.learned[start]:
            yield start, place, row.learned[start]
            start = place


def texts(row: TokenRow, name: str) -> Iterator[tuple[str, bool]]:
    """The stretches as text: what each adds, for a decoder may drop the space that a text begins with."""
    said = ""
    for _, end, learned in spans(row):
        so_far = tokenizer_of(name).decode(row.ids[:end], clean_up_tokenization_spaces=False)
        yield so_far[len(said) :], learned
        said = so_far


def readable(format_id: str, name: str) -> str:
    """Every shape's rows, what is learned between ⟦ and ⟧."""
    parts = []
    for shape in SHAPES:
        try:
            rows = rows_of(format_id, name, shape)
        except BadRequest as error:
            parts.append(f"=== {shape}: refused\n{error}\n")
            continue
        for count, row in enumerate(rows, start=1):
            learned = ", ".join(f"{start}-{end - 1}" for start, end, kept in spans(row) if kept)
            text = "".join(f"⟦{text}⟧" if kept else text for text, kept in texts(row, name))
            parts.append(f"=== {shape}, row {count}: {len(row.ids)} tokens, learned {learned}\n{text}\n")
    return "\n".join(parts)


def path_of(format_id: str, name: str) -> Path:
    return GOLDEN / f"{format_id}.{name}.txt"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for pair in PAIRS:
        path_of(*pair).write_text(readable(*pair), encoding="utf-8", newline="\n")
