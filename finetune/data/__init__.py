"""Data for supervised tuning: what people have, recognized by its content, checked, and made into examples.

Knows: the names that other rooms use.
Refuses to know: tokens, formats (beyond showing a few rows in one), and torch.
"""

from finetune.data.holding_out import hold_out, without_questions
from finetune.data.reading import DataFile, Examples, Fault, read_examples

__all__ = ["DataFile", "Examples", "Fault", "hold_out", "read_examples", "without_questions"]
