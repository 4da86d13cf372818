"""Data to learn from: what people have, recognized by its content, checked, and made into rows.

Knows: the names that other rooms use.
Refuses to know: tokens, formats (beyond showing a few rows in one), and torch.
"""

from finetune.data.holding_out import hold_out, without_questions
from finetune.data.readers import read_examples, read_labeled, read_pairs, read_prompts
from finetune.data.reading import DataFile, DataRows, Fault

__all__ = [
    "DataFile",
    "DataRows",
    "Fault",
    "hold_out",
    "read_examples",
    "read_labeled",
    "read_pairs",
    "read_prompts",
    "without_questions",
]
