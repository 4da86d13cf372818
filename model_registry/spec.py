"""What is known about one model, before anything of it is loaded: the fields of its entry and their types.

A model runs here, from weights that are loaded, or elsewhere, as a service that is asked over the network. An
entry is one flat table and says which by its keys; a spec keeps apart what only one of the two has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic.fields import FieldInfo

from errors import BadRequest
from model_registry.entry_table import EntryTable, Text, contradiction
from model_registry.names import NAME, spelled
from model_registry.remote_service import RemoteService

Quantization = Literal["none", "int8", "nf4"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
ModelId = Annotated[
    str, Field(pattern=NAME), BeforeValidator(lambda text: spelled(text) if isinstance(text, str) else text)
]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Subfolder = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*)?$")]


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit, which cannot be moved like a branch or a tag."""
    return revision is not None and len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)


class CommercialUse(StrEnum):
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Architecture(StrEnum):
    """The families of network that Narani knows how to step."""

    GPT_NEOX = "gpt_neox"
    LLAMA = "llama"
    RWKV = "rwkv"
    QWEN2 = "qwen2"
    QWEN3 = "qwen3"
    EXAONE = "exaone"
    EXAONE4 = "exaone4"
    HYPERCLOVAX = "hyperclovax"
    GEMMA2 = "gemma2"
    GEMMA3 = "gemma3"
    GEMMA4 = "gemma4"
    PHI = "phi"
    SOLAR = "solar"
    SOLAR_OPEN = "solar_open"
    DEEPSEEK_V3 = "deepseek_v3"
    GPT_OSS = "gpt_oss"
    OTHER = "other"


class FactReference(EntryTable):
    """Where a fact was read, and how sure it is."""

    what: str
    where: str
    sure: bool = True


class License(EntryTable):
    name: Text
    address: str = ""
    commercial: CommercialUse
    note: str = ""


class TokenizerRecipe(EntryTable):
    """What the tokenizer of this model needs to be told."""

    use_fast: bool = True
    return_token_type_ids: bool = False
    source: str | None = None
    """Another hub id or folder to take the tokenizer from; None: the model's own."""


class LoadingRecipe(EntryTable):
    """How the weights become a model."""

    dtype: Dtype = "auto"
    quantizations: tuple[Quantization, ...] = ("none", "int8", "nf4")
    default_quantization: Quantization = "none"
    attention: Literal["sdpa", "eager"] = "sdpa"
    trust_remote_code: bool = False
    """Only ever honoured together with `revision` as a full commit; decided in engines/loading/safety.py."""
    lowest_transformers: str = ""
    allow_pickle: bool = False
    """The source has .bin files only; read with weights_only, never otherwise."""


class GenerationDefaults(EntryTable):
    """What the model's own source recommends; None where it says nothing."""

    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0, le=1_000_000)
    repetition_penalty: float | None = Field(default=None, ge=0.1, le=10)
    max_new_tokens: int | None = Field(default=None, ge=1, le=131_072)


class Embeddings(EntryTable):
    """The part of the weights that every quantization leaves in 16 bits."""

    vocabulary: int = Field(gt=0, le=10**7)
    """Rows, padding included."""
    hidden_size: int = Field(gt=0, le=10**6)
    tied: bool = False
    """Input and output share one matrix."""

    @property
    def parameters(self) -> int:
        return self.vocabulary * self.hidden_size * (1 if self.tied else 2)


class Adapter(EntryTable):
    """The entry is a PEFT adapter over another entry; `source` is then the adapter's own folder or hub id."""

    base: ModelId
    subfolder: Subfolder = ""


class LocalWeights(EntryTable):
    """A model that runs here."""

    source: Text
    """A hub id (owner/name) or a local folder; the loader of entries has already made a folder absolute."""
    revision: str | None = None
    architecture: Architecture
    parameters: int = Field(gt=0, le=10**14)
    """An adapter's own, without those of its base."""
    embeddings: Embeddings | None = None
    """None: not known; the bytes of a quantized model are then a coarser estimate."""
    context_length: int = Field(gt=0, le=10**9)
    eos_token_ids: tuple[TokenId, ...] = ()
    """Every id that ends an answer; empty: unknown, taken from the generation config and said so."""
    tokenizer: TokenizerRecipe = TokenizerRecipe()
    loading: LoadingRecipe = LoadingRecipe()
    adapter: Adapter | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> LocalWeights:
        loading = self.loading
        if loading.default_quantization not in loading.quantizations:
            raise contradiction("loading.default_quantization", "is not one of loading.quantizations")
        if loading.trust_remote_code and not is_commit(self.revision):
            raise contradiction("loading.trust_remote_code", "needs revision to be a full 40-digit commit")
        if self.embeddings and self.adapter is None and self.embeddings.parameters >= self.parameters:
            raise contradiction("embeddings", "are larger than the whole model")
        return self


def _where_it_runs(runs: object) -> str:
    here = runs if isinstance(runs, Mapping) else vars(runs)
    return "remote" if here.keys() & REMOTE_KEYS else "local"


Runs = Annotated[
    Annotated[LocalWeights, Tag("local")] | Annotated[RemoteService, Tag("remote")],
    Discriminator(_where_it_runs),
]
LOCAL_KEYS, REMOTE_KEYS = frozenset(LocalWeights.model_fields), frozenset(RemoteService.model_fields)


class ModelSpec(EntryTable):
    """One model: what it is, where it runs, and how it is spoken to."""

    id: ModelId
    title: Text
    runs: Runs
    family: Text
    license: License
    prompt_format: Text
    task: Literal["answer", "reward"] = "answer"
    """What it does with a question: answers it, or says in one number how good a given answer is."""
    thinking: Literal["never", "switch", "always"] = "never"
    base_model: bool = False
    """Pre-trained only: it continues text and was never taught to answer."""
    improvised_format: bool = False
    """The format was chosen by somebody other than the makers."""
    stop_strings: tuple[Text, ...] = ()
    """Stop strings beyond those of the format."""
    generation: GenerationDefaults = GenerationDefaults()
    demo: bool = False
    """A toy that ships with Narani and learned a small set by heart."""
    unsure: tuple[str, ...] = ()
    """Names of fields whose value nobody could read at the source."""
    notes: str = ""
    references: tuple[FactReference, ...] = ()

    @classmethod
    def of_entry(cls, table: Mapping[str, Any]) -> ModelSpec:
        """From the flat table of an entry, by the strict rules of JSON: a list may become a tuple and text an
        enum, but never text a number."""
        own = {key: value for key, value in table.items() if key in cls.model_fields and key != "runs"}
        runs = {key: value for key, value in table.items() if key not in own}
        return cls.model_validate_json(json.dumps({**own, "runs": runs}, default=_as_wrong_type))

    def entry(self) -> dict[str, Any]:
        """The flat table again, without what is at its default."""
        table = self.model_dump(mode="json", exclude_defaults=True)
        return {**dict(table.pop("runs")), **table}

    @property
    def local(self) -> LocalWeights:
        """For whoever needs weights; of a service elsewhere it is refused."""
        if isinstance(self.runs, LocalWeights):
            return self.runs
        raise BadRequest("remote-service-not-asked", model=self.title)

    @property
    def remote(self) -> RemoteService | None:
        return self.runs if isinstance(self.runs, RemoteService) else None

    @property
    def adapter(self) -> Adapter | None:
        """What it stands on where it is an adapter over another model's weights."""
        return self.runs.adapter if isinstance(self.runs, LocalWeights) else None

    def with_local(self, **changes: object) -> ModelSpec:
        """The same with other facts about its weights."""
        return self.model_copy(update={"runs": self.local.model_copy(update=changes)})

    @model_validator(mode="after")
    def _scores_only_over_a_base(self) -> ModelSpec:
        if self.task == "reward" and self.adapter is None:
            raise contradiction("task", "is 'reward', which needs an adapter over a base that is here")
        return self

    @model_validator(mode="after")
    def _names_only_what_there_is(self) -> ModelSpec:
        unknown = sorted(set(self.unsure) - set(entry_keys()))
        if unknown:
            raise contradiction("unsure", f"names fields that do not exist: {', '.join(unknown)}")
        return self


def entry_keys() -> Iterator[str]:
    """Every key of an entry, in the order in which they are written."""
    for name in ModelSpec.model_fields:
        if name == "runs":
            yield from (*LocalWeights.model_fields, *RemoteService.model_fields)
        else:
            yield name


def field_of(key: str) -> FieldInfo:
    """What is known of one key of an entry."""
    owners: tuple[type[EntryTable], ...] = (LocalWeights, RemoteService, ModelSpec)
    return next(owner.model_fields[key] for owner in owners if key in owner.model_fields)


def _as_wrong_type(value: object) -> list[object]:
    # Dates and times are the only TOML values JSON has no word for, and no key takes a nested list.
    return [[]]
