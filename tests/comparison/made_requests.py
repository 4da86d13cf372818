"""The same question to several models with the same settings, as tests ask it. Holds no test itself.

Run: python -m pytest tests/comparison
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.base import AnswerRequest, GenerationSettings
from prompts.conversation import Conversation


def requests_for(
    conversation: Conversation, models: Sequence[str], settings: GenerationSettings
) -> tuple[AnswerRequest, ...]:
    return tuple(AnswerRequest(model_id, conversation, settings) for model_id in models)
