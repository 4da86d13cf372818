"""What every kind of training is set by: its base, its data, how its weights learn, and where it is kept.

Knows: these settings, their defaults, and which contradict each other.
Refuses to know: files, torch, what the settings do, and what a kind of training adds to them (sft_settings).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from errors import BadRequest
from finetune.examples import Use

Method = Literal["full", "lora", "qlora", "int8-lora"]
Schedule = Literal["linear", "cosine", "constant"]
Optimizer = Literal["adamw", "adamw-8bit", "adafactor"]
Precision = Literal["auto", "bfloat16", "float16", "float32"]
Distributed = Literal["none", "ddp", "zero2", "zero3", "fsdp2"]

Ranges = Mapping[str, tuple[float, float]]
"""The lowest and the highest value of each setting that is a number."""
_RANGES: Ranges = {
    "lora_r": (1, 1024),
    "lora_alpha": (1, 4096),
    "lora_dropout": (0.0, 0.9),
    "learning_rate": (1e-8, 1.0),
    "warmup": (0.0, 1e6),
    "weight_decay": (0.0, 1.0),
    "max_grad_norm": (0.0, 1e3),
    "epochs": (0.001, 1000.0),
    "max_steps": (1, 1e9),
    "batch": (1, 65536),
    "micro_batch": (1, 4096),
    "max_tokens": (8, 131_072),
    "checkpoint_steps": (1, 1e9),
    "keep_checkpoints": (1, 1000),
    "holdout": (0.0, 0.5),
    "seed": (0, 2**32 - 1),
}
_MAY_CHANGE = frozenset(
    {
        "resume",
        "name",
        "micro_batch",
        "gradient_checkpointing",
        "checkpoint_steps",
        "keep_checkpoints",
        "report_to",
        "distributed",
    }
)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """One training of any kind, from base and data to a finished adapter or model."""

    kind: ClassVar[str]
    """Which kind of training it is, as a run's files name it (see kinds.py)."""
    ranges: ClassVar[Ranges] = _RANGES
    reads: ClassVar[Use] = "examples"
    """What its data is read as."""
    lora_only: ClassVar[bool] = False
    """Whether the base has to stay as it is, for it is needed beside what learns."""
    usual_rate: ClassVar[float] = 3e-4
    """The learning rate of LoRA layers where nobody says one."""
    usual_epochs: ClassVar[float] = 3.0
    """How often rows are learned where nobody says it and that makes steps enough."""
    shared_by: ClassVar[tuple[Distributed, ...]] = ("none", "ddp", "zero2", "zero3", "fsdp2")
    """How several GPUs may share the work of this kind."""
    answers_each: ClassVar[int] = 1
    """How many answers one row of data brings into a forward pass."""

    base_model: str = ""
    """A model id of the registry, a hub id (owner/name) or a folder."""
    data: tuple[str, ...] = ()
    """Files, or hub dataset ids; several are mixed. `file.jsonl*2` counts a file twice as much."""
    name: str | None = None
    """The name of the run and of the model that comes of it; None: made from base, method and the date."""
    format: str | None = None
    """The prompt format to learn; None: the base's own in the registry."""
    method: Method = "lora"
    """lora: small layers over a 16-bit base; qlora: over a 4-bit, int8-lora: over an 8-bit base; full: every
    weight."""
    lora_r: int = 8
    """The rank of the LoRA layers: more learns more and weighs more."""
    lora_alpha: int = 16
    """LoRA layers count alpha / r times."""
    lora_dropout: float = 0.05
    """The share of LoRA inputs dropped while learning."""
    lora_targets: tuple[str, ...] = ()
    """Names of the linear modules that get LoRA layers; empty: what suits the architecture (in GPT-NeoX
    query_key_value)."""
    learning_rate: float | None = None
    """None: 3e-4, and for full tuning 2e-5: every weight together wants far smaller steps than LoRA."""
    schedule: Schedule = "cosine"
    """How the learning rate falls after warming up."""
    warmup: float = 0.03
    """Below 1 a share of all steps, from 1 on a number of steps (of which a short run makes fewer)."""
    weight_decay: float = 0.0
    """How strongly weights are pulled to zero."""
    max_grad_norm: float = 1.0
    """Longer gradients are cut to this length; 0: never."""
    optimizer: Optimizer = "adamw"
    """adamw-8bit needs a GPU; adafactor keeps far less state."""
    adam_betas: tuple[float, float] = (0.9, 0.999)
    """How slowly adamw forgets earlier gradients, and their squares; adafactor has no such figures."""
    epochs: float | None = None
    """How often all rows are learned. None: three times, and more often where that makes too few steps."""
    max_steps: int | None = None
    """Ends earlier, after so many steps."""
    batch: int | None = None
    """Rows (packed: filled blocks) that one step learns from, over all GPUs. None: 32, and fewer (of shorter
    blocks) where that makes too few steps."""
    micro_batch: int = 4
    """How many of the batch's rows go through one GPU at once; the rest is accumulated."""
    max_tokens: int = 1024
    """Longer rows are cut (their number is told), and packed blocks are this long."""
    precision: Precision = "auto"
    """auto: bfloat16 where the GPU has it, float16 on older ones, float32 on a processor."""
    gradient_checkpointing: bool = False
    """Computes activations twice to keep fewer: slower, and needs less memory."""
    holdout: float = 0.1
    """The share of questions kept from learning to measure with; at least 8 rows."""
    holdout_data: tuple[str, ...] = ()
    """Files or hub datasets to measure with, instead of a share. Rows of the data with a question that stands
    there are not learned; they are counted."""
    skip_bad: bool = False
    """Go on without rows that cannot be read; they are counted and named. Otherwise the first ends it."""
    seed: int = 42
    """The same seed, data and settings give the same weights on the same machine."""
    checkpoint_steps: int | None = None
    """Steps between two checkpoints; None: one an epoch, and one every ten minutes."""
    keep_checkpoints: int = 2
    """Older ones are deleted."""
    resume: bool = False
    """Go on from the newest checkpoint of `name` that verifies."""
    distributed: Distributed = "none"
    """How several GPUs share the work: ddp: each holds all of the network; zero2, zero3 (DeepSpeed) and fsdp2
    divide it. Here all GPUs of this machine are used; for several machines start it with a launcher."""
    report_to: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Also write the curves there."""

    @property
    def head_tokens(self) -> int:
        """The tokens of an answer's row that reach the head of words, at most."""
        return self.max_tokens

    @property
    def sampled(self) -> int:
        """How many answers are sampled at once while learning."""
        return 0

    @property
    def rewarded_for(self) -> tuple[str, ...]:
        """What answers are rewarded for while learning."""
        return ()

    @property
    def group_size(self) -> int:
        """How many of them answer the same question."""
        return 1

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise BadRequest("setting-out-of-range", name=name, low=low, high=high, value=value)
        if self.lora_only and self.method == "full":
            raise BadRequest("method-needs-lora", kind=self.kind, name="method")
        if self.distributed not in self.shared_by:
            ways = [way for way in self.shared_by if way != "none"]
            raise BadRequest(
                "kind-shared-otherwise" if ways else "kind-on-one-gpu",
                kind=self.kind,
                distributed=self.distributed,
                ways=ways,
                name="distributed",
            )
        betas = self.adam_betas
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise BadRequest("adam-betas", betas=betas, name="adam_betas")
        if self.batch is not None and self.batch % self.micro_batch:
            raise BadRequest("batch-not-multiple", batch=self.batch, part=self.micro_batch, name="batch")

    def may_change(self, begun: Mapping[str, Any]) -> frozenset[str]:
        """What a run may go on with otherwise than it began: nothing that changes what is learned.

        `begun`: the manifest of the run."""
        return _MAY_CHANGE


AnySettings = TypeVar("AnySettings", bound=RunSettings)
