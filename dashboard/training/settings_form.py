"""The recipe, and every setting of a training with a sentence that explains it.

Knows: how a setting's type becomes a widget, and which are for everybody and which for those who know.
Refuses to know: what a setting does, and which values contradict each other: SftSettings says that itself.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from finetune.jobs import Recipe, SftSettings

NO_RECIPE = "none"
MAIN = ("method", "epochs", "learning_rate", "batch", "micro_batch", "max_tokens")
ADVANCED: Mapping[str, tuple[str, ...]] = {
    "group_lora": ("lora_r", "lora_alpha", "lora_dropout", "lora_targets"),
    "group_learning": (
        "schedule",
        "warmup",
        "weight_decay",
        "max_grad_norm",
        "optimizer",
        "adam_betas",
        "max_steps",
        "seed",
    ),
    "group_rows": ("batching", "learn_prompts", "skip_bad"),
    "group_measuring": ("holdout", "holdout_data", "measure_steps", "keep", "patience"),
    "group_machine": (
        "precision",
        "gradient_checkpointing",
        "checkpoint_steps",
        "keep_checkpoints",
        "report_to",
    ),
}
PATHS = ("holdout_data",)
"""The settings that are shown only where a person may name files of this machine."""
_HINTS = get_type_hints(SftSettings)
_DEFAULTS = {field.name: field.default for field in fields(SftSettings) if field.default is not MISSING}
_COLUMNS = 3


def training_recipe(
    recipes: Sequence[Recipe], brought: str | None, base_id: str, texts: Texts
) -> Recipe | None:
    """`brought`: the recipe that the base brings along. One widget a base, for each brings another."""
    by_name = {recipe.name: recipe for recipe in recipes}
    key = f"{training.RECIPE}_{base_id}"
    start_with(key, brought or NO_RECIPE)
    chosen = st.selectbox(
        texts.training["recipe"],
        [NO_RECIPE, *by_name],
        key=key,
        persist_state="session",
        format_func=lambda each: texts.training["recipe_none"] if each == NO_RECIPE else by_name[each].title,
        help=texts.training["recipe_help"],
    )
    recipe = by_name.get(chosen)
    if recipe is not None:
        _about(recipe, texts)
    return recipe


def training_settings(recipe: Recipe | None, offers_paths: bool, texts: Texts) -> dict[str, Any]:
    """The value of every setting that has a widget."""
    values = _fields(MAIN, recipe, texts)
    with st.expander(texts.training["advanced"], icon=":material/tune:", key=training.ADVANCED):
        for group, names in ADVANCED.items():
            st.markdown(f"**{texts.training[group]}**")
            shown = [name for name in names if offers_paths or name not in PATHS]
            values |= _fields(shown, recipe, texts)
    return values


def _about(recipe: Recipe, texts: Texts) -> None:
    st.caption(texts.training["recipe_of"].format(what=safe_text(recipe.reproduces)))
    if recipe.notes:
        with st.expander(texts.training["recipe_notes"], key=f"{training.RECIPE}_notes"):
            st.text(recipe.notes)
    if recipe.settings.get("distributed", "none") != "none":
        st.info(texts.training["recipe_distributed"], icon=":material/memory:")


def _fields(names: Sequence[str], recipe: Recipe | None, texts: Texts) -> dict[str, Any]:
    values = {}
    for start in range(0, len(names), _COLUMNS):
        row = names[start : start + _COLUMNS]
        for column, name in zip(st.columns(_COLUMNS), row, strict=False):
            with column:
                values[name] = _field(name, recipe, texts)
    return values


def _field(name: str, recipe: Recipe | None, texts: Texts) -> Any:
    default = (recipe.settings if recipe else {}).get(name, _DEFAULTS[name])
    key = training.field_key(recipe.name if recipe else NO_RECIPE, name)
    label, help_text = texts.training[f"set_{name}"], texts.training[f"help_{name}"]
    kind = _HINTS[name]
    if kind is bool:
        start_with(key, default)
        return st.toggle(label, key=key, persist_state="session", help=help_text)
    if get_origin(kind) is Literal:
        start_with(key, default)
        return st.selectbox(
            label,
            get_args(kind),
            key=key,
            persist_state="session",
            help=help_text,
            format_func=_named(name, texts),
        )
    if get_origin(kind) is tuple:
        return _several(name, kind, default, key, texts)
    return _number(label, help_text, kind, default, key, texts)


def _named(name: str, texts: Texts) -> Any:
    return lambda value: texts.training.get(f"{name}_{value}", value)


def _several(name: str, kind: Any, default: tuple[Any, ...], key: str, texts: Texts) -> tuple[Any, ...]:
    label, help_text = texts.training[f"set_{name}"], texts.training[f"help_{name}"]
    inner = get_args(kind)[0]
    if inner is float:
        start_with(key, ", ".join(f"{value:g}" for value in default))
        return _numbers(st.text_input(label, key=key, persist_state="session", help=help_text))
    if get_origin(inner) is Literal:
        start_with(key, list(default))
        hint = texts.training["nothing_chosen"]
        return tuple(
            st.multiselect(
                label, get_args(inner), key=key, persist_state="session", help=help_text, placeholder=hint
            )
        )
    start_with(key, ", ".join(default))
    text = st.text_input(
        label, key=key, persist_state="session", help=help_text, placeholder=texts.training[f"hint_{name}"]
    )
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    """Nothing where it cannot be read, which the settings then refuse."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()


def _number(label: str, help_text: str, kind: Any, default: Any, key: str, texts: Texts) -> Any:
    """Integers in whole steps; of other numbers as many digits as they have."""
    if kind is float:
        start_with(key, float(default))
        return st.number_input(
            label, key=key, persist_state="session", help=help_text, format="%g", step=_step(default)
        )
    start_with(key, default)
    if not isinstance(kind, types.UnionType):
        return st.number_input(label, key=key, persist_state="session", help=help_text, step=1, min_value=0)
    hint = texts.training["no_limit"]
    if float in get_args(kind):
        step = _step(default or (1e-3 if key.endswith("learning_rate") else 1))
        box = partial(st.number_input, label, value=None, format="%g", step=step)
        return box(key=key, persist_state="session", help=help_text, placeholder=hint)
    return st.number_input(
        label, value=None, key=key, persist_state="session", help=help_text, step=1, placeholder=hint
    )


def _step(value: float) -> float:
    """A tenth of the figure's own size."""
    return float(f"1e{f'{value:e}'.split('e')[1]}") / 10 if value else 0.01
