"""What the settings beside a model's weights say: its network, its chat template, how it is to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from errors import Cause, NaraniError
from model_registry.faults import printable
from model_registry.reading.description import Findings
from model_registry.reading.files import SourceFiles, json_object, whole, why_not
from model_registry.spec import Architecture, GenerationDefaults

CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer_config.json"
TEMPLATE, ADAPTER_CONFIG = "chat_template.jinja", "adapter_config.json"
_CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "max_sequence_length",
    "context_length",
    "seq_length",
    "n_ctx",
)
_SAME_NETWORK = {"gemma3_text": Architecture.GEMMA3, "gemma4_text": Architecture.GEMMA4}
_MOST_TOKENS, _MOST_ROWS, _MOST_WIDTH, _LAST_ID = 10**9, 10**7, 10**6, 2**31 - 1


def read_settings_file(files: SourceFiles, name: str, findings: Findings) -> Mapping[str, Any]:
    """What it holds; where it cannot be read that is written down, and what the hub says of it serves."""
    if name in files.refused:
        findings.miss(files.refused[name], name)
    elif name in files.sizes:
        try:
            return json_object(files, name)
        except NaraniError as error:
            findings.miss(why_not(error), name)
            return files.said.get(name, {})
    return {}


def read_config(files: SourceFiles, findings: Findings) -> Mapping[str, Any]:
    config = read_settings_file(files, CONFIG, findings)
    if not config:
        if CONFIG not in files.sizes and CONFIG not in files.refused:
            findings.miss(Cause("reading-no-file", file=CONFIG), CONFIG)
        return config
    inner = config.get("text_config")
    text = inner if isinstance(inner, Mapping) else config
    kind = text.get("model_type") or config.get("model_type")
    if isinstance(kind, str):
        known = _SAME_NETWORK.get(kind) or next((one for one in Architecture if one == kind), None)
        if known is None:
            findings.miss(Cause("reading-architecture-other", kind=printable(kind)[:60]), CONFIG)
        findings.add(CONFIG, architecture=(known or Architecture.OTHER).value)
    lengths = (_count(text.get(name), _MOST_TOKENS) for name in _CONTEXT)
    findings.add(CONFIG, context_length=next(filter(None, lengths), None))
    if "auto_map" in config:
        findings.miss(Cause("reading-own-code"), CONFIG)
    return config


def embeddings_of(config: Mapping[str, Any], findings: Findings) -> None:
    """Where no header told them."""
    inner = config.get("text_config")
    text = inner if isinstance(inner, Mapping) else config
    rows = _count(text.get("vocab_size"), _MOST_ROWS)
    width = _count(text.get("hidden_size"), _MOST_WIDTH)
    if rows and width and findings.value("embeddings.vocabulary") is None:
        tied = config.get("tie_word_embeddings") is True
        findings.add(CONFIG, embeddings__vocabulary=rows, embeddings__hidden_size=width)
        findings.add(CONFIG, embeddings__tied=tied or None)


def read_generation(files: SourceFiles, config: Mapping[str, Any], findings: Findings) -> None:
    generation = read_settings_file(files, GENERATION, findings)
    for where, said in ((GENERATION, generation), (CONFIG, config)):
        findings.add(where, eos_token_ids=_ids(said.get("eos_token_id")))
    for name in GenerationDefaults.model_fields:
        value = generation.get(name)
        if value is None or (generation.get("do_sample") is False and name != "max_new_tokens"):
            continue
        try:
            GenerationDefaults.model_validate({name: value}, strict=not isinstance(value, int))
        except ValidationError:
            findings.miss(Cause("reading-value-odd", key=name, file=GENERATION), GENERATION)
        else:
            findings.add(GENERATION, **{f"generation__{name}": value})


def template_of(files: SourceFiles, findings: Findings) -> tuple[str, str]:
    """The chat template and its file; two empty texts where there is none that can be read."""
    if TEMPLATE in files.refused:
        findings.miss(files.refused[TEMPLATE], TEMPLATE)
    elif TEMPLATE in files.sizes:
        try:
            return whole(files, TEMPLATE).decode("utf-8", "replace"), TEMPLATE
        except NaraniError as error:
            findings.miss(why_not(error), TEMPLATE)
    said = read_settings_file(files, TOKENIZER, findings).get("chat_template")
    if isinstance(said, list):  # several by name
        texts = [str(each.get("template", "")) for each in said if isinstance(each, Mapping)]
        return "\n".join(texts), TOKENIZER
    return (said, TOKENIZER) if isinstance(said, str) else ("", "")


def _count(value: Any, most: int) -> int | None:
    return value if type(value) is int and 0 < value <= most else None


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values[:64] if type(each) is int and 0 <= each <= _LAST_ID]
