"""Settings of a kind with every value another than its default, for tests; it holds no test itself."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from finetune.run_settings import RunSettings

AWKWARD: dict[str, Any] = {
    "base_model": "/home/나/내 모델 'a'",
    "data": ("~/데이터/질문 $HOME.jsonl*2", 'a"b`c;d.jsonl', "nlpai-lab/kullm-v2"),
    "holdout_data": ("검증 데이터.csv",),
    "rewards": ("model=judge-1*0.5", "level=familiar", "length=20-200*2", "json"),
    "adam_betas": (0.85, 0.995),
    "unended_reward": -2.5,
    "lora_targets": ("query_key_value", "dense"),
    "report_to": ("tensorboard", "wandb"),
    "warmup": 20.0,
    "batch": 24,
    "micro_batch": 2,
    "group": 4,
    "learning_rate": 1.25e-5,
    "length_weight": 0.5,
    "gamma": 0.99,
    "gae_lambda": 0.9,
}


def changed_settings_of(kind: type[RunSettings], **said: Any) -> RunSettings:
    """As far as they allow each other."""
    hints = get_type_hints(kind)
    kept = {"name", "resume"}
    if kind.lora_only:
        kept |= {"method", *(("lora_dropout", "optimizer") if "rewards" in hints else ())}
    values = {
        field.name: _other(field.name, hints[field.name], field.default)
        for field in fields(kind)
        if field.name not in kept
    }
    return kind(**{**values, "distributed": kind.shared_by[-1], **said})


def _other(name: str, hint: Any, default: Any) -> Any:
    """A value that is none of the defaults."""
    if name in AWKWARD:
        return AWKWARD[name]
    if get_origin(hint) is Literal:
        return next(each for each in reversed(get_args(hint)) if each != default)
    if hint is bool:
        return not default
    if str in (hint, *get_args(hint)):
        return "koalpaca"
    return (default or 0) + (1 if int in (hint, *get_args(hint)) else 0.125)
