"""A model described from its source alone: a folder of this machine or an id at the hub.

What its files say comes first, then what listed models tell of one like it. Nothing of it is loaded or run,
and whatever could not be read is named with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from errors import BadRequest, Cause, NaraniError
from model_registry.entries import local_path
from model_registry.faults import printable
from model_registry.names import HUB_ID, plain_name
from model_registry.own_sources import wrong_source
from model_registry.reading.cards import CARD, CardFacts, read_card
from model_registry.reading.description import Description, Findings
from model_registry.reading.files import FolderFiles, SourceFiles, why_not
from model_registry.reading.known_models import listed, sibling, terms_of
from model_registry.reading.settings_files import (
    ADAPTER_CONFIG,
    CONFIG,
    embeddings_of,
    read_config,
    read_generation,
    read_settings_file,
    template_of,
)
from model_registry.reading.weights import read_weights
from model_registry.registry import Registry
from model_registry.spec import ModelSpec

_WEIGHTS = (".safetensors", ".bin")
_OF_A_LISTED_ONE = ("family", "prompt_format", "thinking", "base_model", "improvised_format", "stop_strings")


def describe(
    source: str, revision: str | None, registry: Registry, own_folder: Path, may_read_folders: bool = True
) -> Description:
    """`own_folder`: what a relative path begins at. The hub is asked only for an id."""
    source, findings = source.strip(), Findings()
    folder = None
    with suppress(RuntimeError, ValueError):
        folder = local_path(source, own_folder) if "\0" not in source else None
    files: SourceFiles | None = None
    if folder is not None:
        files = _of_folder(folder, findings) if may_read_folders else None
        if not may_read_folders:
            findings.miss(Cause("reading-folder-not-yours"))
    elif HUB_ID.fullmatch(source):
        files = _of_hub(source, revision, findings)
    else:
        raise BadRequest("reading-no-source")
    if files is not None:
        _read(files, folder.name if folder else source, str(folder or source), registry, findings)
    return findings.description(source, None if folder else revision)


def _of_folder(folder: Path, findings: Findings) -> FolderFiles | None:
    try:
        files = FolderFiles(folder)
    except OSError:
        findings.miss(
            wrong_source(folder, False) or Cause("reading-system-refused", file=printable(folder.name))
        )
        return None
    wrong = wrong_source(folder, _is_adapter(files))
    if wrong is None or wrong.code == "source-no-config":  # which is said of the file itself
        return files
    findings.miss(wrong)
    return files if {CONFIG, ADAPTER_CONFIG} & {*files.sizes, *files.refused} else None


def _of_hub(source: str, revision: str | None, findings: Findings) -> SourceFiles | None:
    # Not at the top: the hub's library is slow to import, and most of whoever lists models asks no hub.
    from model_registry.reading.hub_files import cached_files, hub_files

    try:
        return hub_files(source, revision)
    except NaraniError as error:
        findings.miss(why_not(error))
        return cached_files(source, revision)


def _read(files: SourceFiles, name: str, source: str, registry: Registry, findings: Findings) -> None:
    is_adapter = _is_adapter(files)
    same = listed(registry, source)
    if same is not None:
        findings.miss(Cause("reading-listed", model=same.title))
        _like(same, findings, *_OF_A_LISTED_ONE, "license")
    _named(name, registry, findings)
    card = _card(files, registry, findings)
    if is_adapter:
        config: Mapping[str, Any] = {}
        base = _adapter(files, name, card, registry, findings)
    else:
        config = read_config(files, findings)
        base = next(filter(None, (listed(registry, one) for one in card.base_models)), None)
        read_generation(files, config, findings)
    read_weights(files, name, config, is_adapter, findings)
    if not is_adapter:
        embeddings_of(config, findings)
    called = [source, str(config.get("_name_or_path", "")), *card.base_models]
    _format(files, sibling(registry, called), base, findings)


def _is_adapter(files: SourceFiles) -> bool:
    """Some adapters lie with the config of their base beside them."""
    names = {*files.sizes, *files.refused}
    whole = any(name.startswith(("model", "pytorch_model")) and name.endswith(_WEIGHTS) for name in names)
    return ADAPTER_CONFIG in names and not whole


def _named(name: str, registry: Registry, findings: Findings) -> None:
    own = name.rsplit("/", 1)[-1]
    short = plain_name(own, "model")
    free = next(
        each for each in (short, *(f"{short}-{n}" for n in range(2, 100_000))) if each not in registry.models
    )
    findings.add(name, id=free, title=printable(own))


def _card(files: SourceFiles, registry: Registry, findings: Findings) -> CardFacts:
    if CARD in files.refused:
        findings.miss(files.refused[CARD], CARD)
    if CARD not in files.sizes:
        return CardFacts()
    try:
        card = read_card(files)
    except NaraniError as error:
        findings.miss(why_not(error), CARD)
        return CardFacts()
    if findings.value("license.name") is None and card.license:
        terms = terms_of(registry, card.license)
        findings.add(CARD, license__name=card.license, license__address=card.license_address)
        if terms is not None:
            findings.add(CARD, license__commercial=terms.commercial.value, license__note=terms.note)
            findings.add(CARD, license__address=terms.address)
    for fact, texts in (("languages", card.languages), ("base_models", card.base_models)):
        if texts:
            findings.facts[fact] = ", ".join(texts)
    return card


def _adapter(
    files: SourceFiles, name: str, card: CardFacts, registry: Registry, findings: Findings
) -> ModelSpec | None:
    """The listed model that it lies on, and what it takes over from that."""
    said = read_settings_file(files, ADAPTER_CONFIG, findings)
    kind, rank = printable(str(said.get("peft_type", "")))[:40], said.get("r")
    findings.facts |= {"method": kind} if kind else {}
    findings.facts |= {"rank": rank} if type(rank) is int else {}
    if kind and kind != "LORA":
        findings.miss(Cause("adapter-not-lora", model=printable(name), kind=kind), ADAPTER_CONFIG)
    if said.get("task_type") == "SEQ_CLS":
        findings.add(ADAPTER_CONFIG, task="reward")
    named = said.get("base_model_name_or_path") or next(iter(card.base_models), "")
    if not isinstance(named, str) or not named:
        return None
    shown = printable(Path(named).name if Path(named).is_absolute() else named)[:200]
    findings.facts["base_models"] = shown
    base = listed(registry, named)
    if base is None or base.adapter:
        findings.miss(Cause("reading-base-not-listed", base=shown), ADAPTER_CONFIG)
        return None
    weights = base.local
    findings.add(ADAPTER_CONFIG, adapter__base=base.id)
    findings.add(base.title, architecture=weights.architecture.value, context_length=weights.context_length)
    return base


def _format(files: SourceFiles, alike: ModelSpec | None, base: ModelSpec | None, findings: Findings) -> None:
    """A template of its own, else that of models known to be like it, else whoever adds it has to say."""
    template, where = template_of(files, findings)
    if template.strip():
        findings.add(where, prompt_format="chat")
        findings.add(where, thinking="switch" if "enable_thinking" in template else None)
    for known in (alike, base):
        if known is not None:
            _like(known, findings, "family")
            if not known.base_model:
                _like(known, findings, "prompt_format")
    if findings.value("prompt_format") is None:
        findings.miss(Cause("reading-format-unknown"))


def _like(known: ModelSpec, findings: Findings, *keys: str) -> None:
    entry = known.entry()
    for key in keys:
        value = entry.get(key)
        inner = {f"{key}__{name}": each for name, each in value.items()} if isinstance(value, dict) else {}
        findings.add(known.title, **(inner or {key: value}))
