"""What is known about one model, before anything of it is loaded.

Knows: the fields of a registry entry, their types, and which values contradict each other.
Refuses to know: files, folders, torch, and how a model is loaded or asked; an entry is only facts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from model_registry.names import NAME, spelled

Quantization = Literal["none", "int8", "nf4"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
ModelId = Annotated[
    str, Field(pattern=NAME), BeforeValidator(lambda text: spelled(text) if isinstance(text, str) else text)
]
Text = Annotated[str, Field(min_length=1)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Subfolder = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*)?$")]


class Fact(BaseModel):
    """Base of everything in an entry: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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


class Reference(Fact):
    """Where a fact was read, and how sure it is."""

    what: str
    where: str
    sure: bool = True


class License(Fact):
    name: Text
    address: str = ""
    commercial: CommercialUse
    note: str = ""


class TokenizerRecipe(Fact):
    """What the tokenizer of this model needs to be told."""

    use_fast: bool = True
    return_token_type_ids: bool = False
    source: str | None = None
    """Another hub id or folder to take the tokenizer from; None: the model's own."""


class LoadingRecipe(Fact):
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


class GenerationDefaults(Fact):
    """What the model's own source recommends; None where it says nothing."""

    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0, le=1_000_000)
    repetition_penalty: float | None = Field(default=None, ge=0.1, le=10)
    max_new_tokens: int | None = Field(default=None, ge=1, le=131_072)


class Embeddings(Fact):
    """The part of the weights that every quantization leaves in 16 bits."""

    vocabulary: int = Field(gt=0, le=10**7)
    """Rows, padding included."""
    hidden_size: int = Field(gt=0, le=10**6)
    tied: bool = False
    """Input and output share one matrix."""

    @property
    def parameters(self) -> int:
        return self.vocabulary * self.hidden_size * (1 if self.tied else 2)


class Adapter(Fact):
    """The entry is a PEFT adapter over another entry; `source` is then the adapter's own folder or hub id."""

    base: ModelId
    subfolder: Subfolder = ""


class ModelSpec(Fact):
    """One model: what it is, where it comes from, how it is spoken to and loaded."""

    id: ModelId
    title: Text
    source: Text
    """A hub id (owner/name) or a local folder; the loader of entries has already made a folder absolute."""
    revision: str | None = None
    family: Text
    architecture: Architecture
    parameters: int = Field(gt=0, le=10**14)
    """Of an adapter: its own, without those of its base."""
    embeddings: Embeddings | None = None
    """None: not known; the bytes of a quantized model are then a coarser estimate."""
    context_length: int = Field(gt=0, le=10**9)
    license: License
    prompt_format: Text
    thinking: Literal["never", "switch", "always"] = "never"
    base_model: bool = False
    """Pre-trained only: it continues text and was never taught to answer."""
    improvised_format: bool = False
    """The format was chosen by somebody other than the makers."""
    eos_token_ids: tuple[TokenId, ...] = ()
    """Every id that ends an answer; empty: unknown, taken from the generation config and said so."""
    stop_strings: tuple[Text, ...] = ()
    """Beyond those of the format."""
    tokenizer: TokenizerRecipe = TokenizerRecipe()
    loading: LoadingRecipe = LoadingRecipe()
    generation: GenerationDefaults = GenerationDefaults()
    adapter: Adapter | None = None
    demo: bool = False
    """A toy that ships with Narani and learned a small set by heart."""
    unsure: tuple[str, ...] = ()
    """Names of fields whose value nobody could read at the source."""
    notes: str = ""
    references: tuple[Reference, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> ModelSpec:
        loading = self.loading
        if loading.default_quantization not in loading.quantizations:
            raise _contradiction("loading.default_quantization", "is not one of loading.quantizations")
        if loading.trust_remote_code and not is_commit(self.revision):
            raise _contradiction("loading.trust_remote_code", "needs revision to be a full 40-digit commit")
        if self.embeddings and self.adapter is None and self.embeddings.parameters >= self.parameters:
            raise _contradiction("embeddings", "are larger than the whole model")
        unknown = sorted(set(self.unsure) - set(type(self).model_fields))
        if unknown:
            raise _contradiction("unsure", f"names fields that do not exist: {', '.join(unknown)}")
        return self


def _contradiction(key: str, problem: str) -> PydanticCustomError:
    # The key travels along, so that whoever reads entries can name it without searching the sentence.
    return PydanticCustomError("contradiction", "{key} {problem}", {"key": key, "problem": problem})


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit, which cannot be moved like a branch or a tag."""
    return revision is not None and len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)
