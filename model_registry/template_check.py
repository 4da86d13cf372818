"""Whether an entry's format says what its tokenizer's chat template says; apart, because it loads tokenizers.

Knows: which entries can be compared, and how a difference is said.
Refuses to know: where tokenizers lie, and how two prompts are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model_registry.chat_tokenizer import UnreadableTokenizer, has_template, read_tokenizer, tokenizer_folder
from model_registry.registry import Registry
from model_registry.spec import ModelSpec


def template_differences(registry: Registry, specs: Iterable[ModelSpec]) -> Iterator[str]:
    """A sentence for each way in which a template format and a tokenizer on disk disagree."""
    from prompts.checking import compare_with_chat_template

    for spec in specs:
        format = registry.format_of(spec)
        folder = None if format.kind == "chat" else tokenizer_folder(registry, spec)
        if folder is None or not has_template(folder):
            continue
        try:
            tokenizer = read_tokenizer(folder)
        except UnreadableTokenizer as error:
            yield f"{spec.id}: its tokenizer cannot be read ({error})."
            continue
        for difference in compare_with_chat_template(format, tokenizer):
            yield f"{spec.id}, format '{format.id}' and its tokenizer's chat template differ; {difference}"
