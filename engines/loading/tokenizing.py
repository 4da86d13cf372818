"""The tokenizer of a model, and the token ids that end its answers.

tokenizer.json is taken as it is; the end tokens are looked for where an entry names none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.loading.safety import check_settings, inside, may_run_its_own_code, read_json
from errors import LoadError
from errors.note import Note
from model_registry.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def load_tokenizer(folder: Path, spec: ModelSpec) -> PreTrainedTokenizerFast:
    """tokenizer.json as its makers stored it; the class a config names could build it differently."""
    from transformers import PreTrainedTokenizerFast

    check_settings(folder, spec)
    if not inside(folder, "tokenizer.json").exists():
        raise LoadError("tokenizer-json-missing", model=spec.title)
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            folder, local_files_only=True, trust_remote_code=may_run_its_own_code(spec)
        )
    except Exception:  # noqa: BLE001 - the tokenizers library raises its bare Exception
        raise LoadError("tokenizer-unreadable", model=spec.title) from None
    if not spec.local.tokenizer.return_token_type_ids:
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return tokenizer


def check_vocabulary(tokenizer: PreTrainedTokenizerFast, rows: int, spec: ModelSpec) -> None:
    """Every token must have a row in the embedding; padding rows beyond are common and fine."""
    if len(tokenizer) > rows:
        raise LoadError("tokenizer-too-large", model=spec.title, tokens=len(tokenizer), rows=rows)


def eos_ids(
    folder: Path, tokenizer: PreTrainedTokenizerFast, rows: int, spec: ModelSpec
) -> tuple[frozenset[int], list[str]]:
    """The ids that end an answer, and what was decided about them."""
    if spec.local.eos_token_ids:
        outside = sorted(token for token in spec.local.eos_token_ids if not 0 <= token < rows)
        if outside:
            raise LoadError("eos-id-unknown", model=spec.title, token=outside[0])
        return frozenset(spec.local.eos_token_ids), []
    if tokenizer.eos_token_id is None:
        raise LoadError("tokenizer-without-eos", model=spec.title)
    generation = _ids(read_json(folder, "generation_config.json")) if _has(folder) else []
    ids = {tokenizer.eos_token_id, *(token for token in generation if 0 <= token < rows)}
    code = "note-eos-of-both" if generation else "note-eos-of-tokenizer"
    return frozenset(ids), [Note(code, ids=sorted(ids))]


def _has(folder: Path) -> bool:
    return (folder / "generation_config.json").exists()


def _ids(generation: dict[str, Any]) -> list[int]:
    value = generation.get("eos_token_id")
    values = value if isinstance(value, list) else [value]
    return [token for token in values if type(token) is int]
