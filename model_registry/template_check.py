"""Whether the format of an entry says the same as the chat template its tokenizer carries.

Knows: where a tokenizer may lie on this machine (a folder, the hub's cache), and whether it has a template.
Refuses to know: downloads, code from a repository, and how two prompts are compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model_registry.registry import Registry
from model_registry.spec import ModelSpec


def template_differences(registry: Registry, specs: Iterable[ModelSpec]) -> Iterator[str]:
    """A sentence for each way in which a template format and a tokenizer on disk disagree."""
    from prompts.checking import compare_with_chat_template

    for spec in specs:
        format = registry.format_of(spec)
        folder = None if format.kind == "chat" else _tokenizer_folder(registry, spec)
        if folder is None or not _has_template(folder):
            continue
        try:
            tokenizer = _load(folder)
        except Exception as error:  # noqa: BLE001 - the tokenizers library raises bare Exceptions
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            yield f"{spec.id}: its tokenizer cannot be read ({reason[:200]})."
            continue
        for difference in compare_with_chat_template(format, tokenizer):
            yield f"{spec.id}, format '{format.id}' and its tokenizer's chat template differ; {difference}"


def _tokenizer_folder(registry: Registry, spec: ModelSpec) -> Path | None:
    base = registry.base_of(spec)
    source = spec.tokenizer.source or base.tokenizer.source or base.source
    if Path(source).is_absolute():
        return Path(source)
    # Not at the top: the hub's library is slow to import, and most models are asked for without it.
    from huggingface_hub import try_to_load_from_cache

    revision = base.revision if source == base.source else None
    file = try_to_load_from_cache(source, "tokenizer_config.json", revision=revision)
    return Path(file).parent if isinstance(file, str) else None


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _load(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
