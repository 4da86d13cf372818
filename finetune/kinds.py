"""The kinds of training that there are, and how the settings of each are written down and read again.

Knows: under which name a kind stands in a run's files, what it is set by, and where it is done.
Refuses to know: torch: a training is imported once it begins, so whoever lists runs never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from errors import BadRequest, UnknownName
from finetune.preference_settings import DpoSettings, KtoSettings
from finetune.reward_settings import RewardSettings
from finetune.rl_settings import GrpoSettings, PpoSettings, RlooSettings
from finetune.run_settings import RunSettings
from finetune.sft_settings import SftSettings


@dataclass(frozen=True)
class TrainingKind:
    settings: type[RunSettings]
    train: str
    """module:function, called as finetune.training.sft.train is: with settings, home and listeners."""


_BY_REWARDS = "finetune.rl.training:train"
KINDS: dict[str, TrainingKind] = {
    SftSettings.kind: TrainingKind(SftSettings, "finetune.training.sft:train"),
    RewardSettings.kind: TrainingKind(RewardSettings, "finetune.preference.reward:train"),
    DpoSettings.kind: TrainingKind(DpoSettings, "finetune.preference.dpo:train"),
    KtoSettings.kind: TrainingKind(KtoSettings, "finetune.preference.kto:train"),
    GrpoSettings.kind: TrainingKind(GrpoSettings, _BY_REWARDS),
    RlooSettings.kind: TrainingKind(RlooSettings, _BY_REWARDS),
    PpoSettings.kind: TrainingKind(PpoSettings, _BY_REWARDS),
}


def kind_of(record: Mapping[str, Any]) -> str:
    """The kind that a manifest or a request names; those without one were written when there was only one."""
    return str(record.get("kind") or SftSettings.kind)


def recorded(settings: RunSettings) -> dict[str, Any]:
    """The settings as JSON, from which `settings_of` makes them again."""
    return {"kind": settings.kind, "settings": asdict(settings)}


def settings_of(record: Mapping[str, Any]) -> RunSettings:
    """The settings out of JSON; keys that nobody knows any more are left out."""
    kind = kind_of(record)
    if kind not in KINDS:
        raise UnknownName("kind of training", kind, KINDS)
    settings, held = KINDS[kind].settings, record.get("settings") or {}
    known = {field.name for field in fields(settings)}
    try:
        return TypeAdapter(settings).validate_python({key: held[key] for key in held.keys() & known})
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise BadRequest("settings-unreadable", name=key, fault=fault["msg"]) from None


def train(settings: RunSettings, home: Path, **listeners: Any) -> Path:
    """The folder of the finished run."""
    module, _, function = KINDS[settings.kind].train.partition(":")
    finished: Path = getattr(import_module(module), function)(settings, home, **listeners)
    return finished
