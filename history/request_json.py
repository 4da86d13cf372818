"""A request as JSON and back, exactly.

Knows: every field of a request and its settings.
Refuses to know: where the text is kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engines.base import AnswerRequest, GenerationSettings
from prompts.conversation import Conversation, Turn


def request_json(request: AnswerRequest) -> str:
    return to_json(
        {
            "model": request.model_id,
            "conversation": asdict(request.conversation),
            "settings": asdict(request.settings),
            "format": request.format_id,
            "quantization": request.quantization,
            "thinking": request.thinking,
            "reproducible": request.reproducible,
        }
    )


def request_of(text: str) -> AnswerRequest:
    values = json.loads(text)
    return AnswerRequest(
        model_id=values["model"],
        conversation=_conversation_of(values["conversation"]),
        settings=_settings(values["settings"]),
        format_id=values["format"],
        quantization=values["quantization"],
        thinking=values["thinking"],
        reproducible=values["reproducible"],
    )


def settings_json(settings: GenerationSettings) -> str:
    return to_json(asdict(settings))


def settings_of(text: str) -> GenerationSettings:
    return _settings(json.loads(text))


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _conversation_of(values: dict[str, Any]) -> Conversation:
    return Conversation(tuple(Turn(**turn) for turn in values["turns"]), values["system"])


def _settings(values: dict[str, Any]) -> GenerationSettings:
    return GenerationSettings(**{**values, "stop_strings": tuple(values["stop_strings"])})
