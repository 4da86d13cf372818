"""The demo models' tokenizer: byte-level BPE, trained on the set and the fixed texts of the compared formats.

Knows: how it is trained, its control tokens, and demo-chat's own chat template.
Refuses to know: networks and training of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from prompts.catalog import PromptFormats
from scripts.demo_models.question_set import Row

VOCABULARY = 1800
CONTEXT_LENGTH = 512
END_OF_TEXT = "<|endoftext|>"
END_OF_TURN = "<|end|>"
FIXED_TEXT_FORMATS = ("koalpaca", "kullm", "alpaca-ko", "korani", "vicuna-1.1")

# The order is the ids: end of text is 2 as in polyglot, 0 as in RWKV; a chat model has its own end of a turn.
POLYGLOT_TOKENS = ("<|unused0|>", "<|sep|>", END_OF_TEXT)
RWKV_TOKENS = (END_OF_TEXT, "<|unused0|>", "<|sep|>")
CHAT_TOKENS = ("<|start|>", END_OF_TURN, END_OF_TEXT)

CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{- '<|start|>' + message['role'] + '\\n' + message['content'] + '<|end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|start|>assistant\\n' -}}
{%- endif -%}
"""

_TEMPLATE_WEIGHT = 8
"""How often a format's fixed text is counted: often enough that its words become whole tokens."""


def make_tokenizer(
    rows: Sequence[Row], formats: PromptFormats, control_tokens: Sequence[str], chat: bool = False
) -> PreTrainedTokenizerFast:
    """Always the same one: the same merges whatever the order of the control tokens."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(control_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(_texts(rows, formats), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=END_OF_TURN if chat else END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=CONTEXT_LENGTH,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE if chat else None
    return tokenizer


def _texts(rows: Sequence[Row], formats: PromptFormats) -> Iterator[str]:
    for row in rows:
        for turn, banmal in zip(row.turns, row.banmal, strict=True):
            yield from (turn.question, turn.input, turn.answer or "", f" {turn.answer}", banmal)
    for format_id in FIXED_TEXT_FORMATS:
        format = formats.get(format_id)
        for part in (*format.question, *format.question_with_input):
            yield from [part.text] * _TEMPLATE_WEIGHT
