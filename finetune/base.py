"""What is meant by the name of a base model: an entry of the registry, a folder, or a model of the hub.

Knows: how an entry is made up from the files of a model that has none, and which token ends its answers.
Refuses to know: how weights are loaded and tuned. No code of a model is ever run here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engines.loading.hub import cached_files_of, description_of
from engines.loading.safety import CheckedFolder, check_model, check_settings, read_json, text_settings
from engines.loading.tokenizing import eos_ids, load_tokenizer
from engines.loading.weights import build_empty
from errors import BadRequest
from errors.note import Note
from model_registry.names import HUB_ID, plain_name, spelled
from model_registry.reading.headers import FLOATS
from model_registry.registry import Registry
from model_registry.spec import Architecture, CommercialUse, Embeddings, License, LocalWeights, ModelSpec
from prompts.chat import ChatTokenizer
from prompts.format import PromptFormat

_MARK = "나란히"
"""Stands for an answer, to see what a chat template writes after one."""


@dataclass(frozen=True)
class Base:
    """A model to be tuned, and how it is spoken to."""

    spec: ModelSpec
    format: PromptFormat
    registered: bool
    """It is an entry of the registry; otherwise an adapter over it needs its entry to be written too."""
    folder: Path | None = None
    """Its files, as far as they are on this machine; perhaps without the weights."""
    notes: tuple[str, ...] = ()
    tuned: ModelSpec | None = None
    """An adapter over it with which learning begins, and against which it is held."""

    @property
    def title(self) -> str:
        """Of what learning begins with."""
        return (self.tuned or self.spec).title


def base_for(name: str, registry: Registry, format: str | None = None, *, tuned: bool = False) -> Base:
    """The base of that name; `format` is needed where the registry does not know one.

    `tuned`: an adapter's entry is meant as where to begin: its own base, and the adapter over it."""
    if not name.strip():
        raise BadRequest("base-unnamed", name="base_model")
    spec = _registered(name, registry)
    if spec is not None and spec.adapter is not None and tuned:
        below = _of_entry(registry.get(spec.adapter.base), registry, format or spec.prompt_format)
        return replace(below, tuned=spec)
    if spec is not None:
        return _of_entry(spec, registry, format)
    folder = Path(name).expanduser()
    if folder.exists():
        return _of_files(name, str(folder.resolve()), registry, format)
    if HUB_ID.fullmatch(name):
        return _of_files(name, name, registry, format)
    raise BadRequest("base-folder-missing", folder=name, name="base_model")


def learned_end(base: Base, tokenizer: Any) -> str:
    """The text of the token that ends an answer in training: where a chat template writes one after an answer
    that one, else the tokenizer's own."""
    ids = base.spec.local.eos_token_ids or _own_eos(tokenizer)
    ends = [text for text in map(tokenizer.convert_ids_to_tokens, ids) if isinstance(text, str)]
    if not ends:
        raise _endless(base.spec)
    if base.format.kind == "chat":
        after = _after_an_answer(tokenizer)
        written = [end for end in ends if after.startswith(end)]
        if written:
            return max(written, key=len)
    return tokenizer.eos_token if tokenizer.eos_token in ends else ends[0]


def empty_network(base: Base) -> Any | None:
    """The network without weights, to be counted; None where its files are not here or bring code."""
    if base.folder is None or base.spec.local.loading.trust_remote_code:
        return None
    config = read_json(base.folder, "config.json")
    return build_empty(CheckedFolder(base.folder, config, (), (), False), base.spec)


def _registered(name: str, registry: Registry) -> ModelSpec | None:
    """An entry by its id, or by the hub id or folder that it stands for."""
    if spelled(name) in registry.models:
        return registry.models[spelled(name)]
    folder = Path(name).expanduser()
    source = str(folder.resolve()) if folder.exists() else name
    for spec in registry.models.values():
        if not spec.remote and spec.local.source == source and spec.adapter is None:
            return spec
    # What can be neither a folder nor a hub id is answered with the near ids.
    return registry.get(name) if "/" not in name and "\\" not in name and not folder.is_dir() else None


def _of_entry(spec: ModelSpec, registry: Registry, format: str | None) -> Base:
    if spec.adapter is not None:
        raise BadRequest("base-is-adapter", id=spec.id, base=spec.adapter.base, name="base_model")
    if format is None and spec.base_model and spec.prompt_format == "plain":
        raise BadRequest("base-without-format", model=spec.title, name="format")
    _refuse_wrong_source(spec)
    chosen = registry.formats.get(format or spec.prompt_format)
    notes: tuple[str, ...] = ()
    if chosen.id != spec.prompt_format and not spec.base_model:
        before = spec.prompt_format
        notes = (Note("note-format-changed", model=spec.title, before=before, format=chosen.id),)
    return Base(spec, chosen, registered=True, folder=cached_files_of(spec), notes=notes)


def _of_files(name: str, source: str, registry: Registry, format: str | None) -> Base:
    if format is None:
        raise BadRequest("base-not-registered", base=name, name="format")
    chosen = registry.formats.get(format)
    spec = _provisional(name, source, chosen.id)
    folder = cached_files_of(spec) or description_of(spec, UnwatchedLoad())
    if not (folder / "config.json").exists() and (folder / "adapter_config.json").exists():
        raise BadRequest("base-folder-is-adapter", base=name, name="base_model")
    _refuse_wrong_source(spec)
    check_settings(folder, spec)
    config = read_json(folder, "config.json")
    spec, notes = _with_end(_described(spec, folder, config), folder, config)
    return Base(spec, chosen, registered=False, folder=folder, notes=notes)


def _refuse_wrong_source(spec: ModelSpec) -> None:
    """What lies here is named before anything is read of it; nothing is fetched for that."""
    if Path(spec.local.source).is_absolute():
        description_of(spec, UnwatchedLoad())


def _provisional(name: str, source: str, format: str) -> ModelSpec:
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return ModelSpec(
        id=plain_name(last, "base"),
        title=(last or name) if Path(source).is_absolute() else name,
        runs=LocalWeights(source=source, architecture=Architecture.OTHER, parameters=1, context_length=1),
        family="own",
        license=License(name="not known", commercial=CommercialUse.UNCLEAR),
        prompt_format=format,
    )


def _described(spec: ModelSpec, folder: Path, config: dict[str, Any]) -> ModelSpec:
    text = text_settings(config)
    kind = str(text.get("model_type", config.get("model_type"))).removesuffix("_text")
    architecture = Architecture(kind) if kind in list(Architecture) else Architecture.OTHER
    found = spec.with_local(
        architecture=architecture,
        parameters=_parameters(folder, config, spec),
        context_length=_first(text, "max_position_embeddings", "context_length", "n_positions") or 2048,
    )
    rows, width = _first(text, "vocab_size"), _first(text, "hidden_size", "n_embd")
    if not rows or not width:
        return found
    tied = bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)))
    embeddings = Embeddings(vocabulary=rows, hidden_size=width, tied=tied)
    known = embeddings if embeddings.parameters < found.local.parameters else None
    return found.with_local(embeddings=known)


def _parameters(folder: Path, config: dict[str, Any], spec: ModelSpec) -> int:
    """Read from the weights where they are here, else counted in the empty network."""
    if any(folder.glob("model*.safetensors")):
        tensors = check_model(folder, spec).tensors
        return max(1, sum(tensor.values for tensor in tensors if tensor.dtype in FLOATS))
    network = build_empty(CheckedFolder(folder, config, (), (), False), spec)
    return max(1, sum(parameter.numel() for parameter in network.parameters()))


def _with_end(spec: ModelSpec, folder: Path, config: dict[str, Any]) -> tuple[ModelSpec, tuple[str, ...]]:
    tokenizer = load_tokenizer(folder, spec)
    if tokenizer.eos_token_id is None:
        raise _endless(spec)
    rows = _first(text_settings(config), "vocab_size") or len(tokenizer)
    ids, _ = eos_ids(folder, tokenizer, rows, spec)
    listed = ", ".join(map(str, sorted(ids)))
    note = Note("note-end-from-files", model=spec.title, ends=listed)
    return spec.with_local(eos_token_ids=tuple(sorted(ids))), (note,)


def _own_eos(tokenizer: Any) -> tuple[int, ...]:
    return () if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,)


def _endless(spec: ModelSpec) -> BadRequest:
    return BadRequest("base-no-end-token", model=spec.title, name="base_model")


def _after_an_answer(tokenizer: ChatTokenizer) -> str:
    if tokenizer.chat_template is None:
        return ""
    talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
    text = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=False)
    return str(text).rpartition(_MARK)[2].lstrip()


def _first(values: dict[str, Any], *names: str) -> int:
    found = (values.get(name) for name in names)
    return next((value for value in found if type(value) is int and value > 0), 0)


class UnwatchedLoad:
    """Where nobody waits for what is loaded, as for the few small files that describe a model."""

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        return None
