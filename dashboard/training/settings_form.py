"""The recipe, and every setting of a kind of training with a sentence that explains it.

Knows: how a setting's type becomes a widget, and which are for everybody and which for those who know.
Refuses to know: which values contradict each other: the settings say that themselves.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from finetune.jobs import KINDS, Recipe

NO_RECIPE = "none"
ELSEWHERE = frozenset({"base_model", "data", "name", "format", "resume", "rewards", "distributed"})
"""They have places of their own; several GPUs are a matter of the command that starts them."""
PATHS = ("holdout_data",)
"""The settings that are shown only where a person may name files of this machine."""
_MAIN = ("method", "epochs", "learning_rate", "batch", "micro_batch", "max_tokens")
_MAIN_OF_SOME = ("beta", "sft_weight", "kl", "group", "max_new_tokens")
_ADVANCED: Mapping[str, tuple[str, ...]] = {
    "group_preferences": ("loss", "length_weight", "simpo_margin", "good_weight", "bad_weight", "center"),
    "group_answers": ("temperature", "unended_reward", "sample_steps"),
    "group_updates": (
        "passes",
        "clip",
        "kl_target",
        "scale_groups",
        "gamma",
        "gae_lambda",
        "value_clip",
        "value_learning_rate",
    ),
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
_COLUMNS = 3


@dataclass(frozen=True)
class SettingsLayout:
    """Where each setting of a kind stands, and how it is typed."""

    kind: str
    main: tuple[str, ...]
    advanced: Mapping[str, tuple[str, ...]]
    hints: Mapping[str, Any]
    defaults: Mapping[str, Any]


@cache
def layout_of(kind: str) -> SettingsLayout:
    """What a kind does not have is left out, and with rewards dropout, which has to be 0."""
    settings = KINDS[kind].settings
    here = {field.name: field.default for field in fields(settings) if field.default is not MISSING}
    if "rewards" in here:
        del here["lora_dropout"]
    main = tuple(name for name in (*_MAIN, *_MAIN_OF_SOME) if name in here)
    advanced = {group: tuple(n for n in names if n in here) for group, names in _ADVANCED.items()}
    hints = get_type_hints(settings)
    if settings.lora_only:
        hints["method"] = Literal[tuple(each for each in get_args(hints["method"]) if each != "full")]
    return SettingsLayout(kind, main, {g: names for g, names in advanced.items() if names}, hints, here)


def training_recipe(recipes: Sequence[Recipe], brought: str | None, key: str, texts: Texts) -> Recipe | None:
    """`brought`: the recipe that the base brings along."""
    by_name = {recipe.name: recipe for recipe in recipes}
    start_with(key, brought or NO_RECIPE)
    chosen = st.selectbox(
        texts.training["recipe"],
        [NO_RECIPE, *by_name],
        key=key,
        persist_state="session",
        format_func=lambda each: (
            texts.training["recipe_none"] if each == NO_RECIPE else texts.said(by_name[each].title)
        ),
        help=texts.training["recipe_help"],
    )
    recipe = by_name.get(chosen)
    if recipe is not None:
        _about(recipe, texts)
    return recipe


def training_settings(kind: str, recipe: Recipe | None, offers_paths: bool, texts: Texts) -> dict[str, Any]:
    """The value of every setting that has a widget."""
    layout = layout_of(kind)
    values = _fields(layout, layout.main, recipe, texts)
    with st.expander(texts.training["advanced"], icon=":material/tune:", key=training.ADVANCED):
        for group, names in layout.advanced.items():
            st.markdown(f"**{texts.training[group]}**")
            shown = [name for name in names if offers_paths or name not in PATHS]
            values |= _fields(layout, shown, recipe, texts)
    return values


def form_of(kind: str, recipe: Recipe | None) -> str:
    """Whose values the widgets hold: each recipe's own, and without one those of its kind."""
    return recipe.name if recipe else f"{NO_RECIPE}_{kind}"


def help_for(kind: str, name: str, texts: Texts) -> str:
    """What a setting means for this kind, where it means something of its own."""
    family = "rewards" if "rewards" in layout_of(kind).hints else "pairs" if kind != "sft" else kind
    return texts.training.get(f"help_{family}_{name}") or texts.training[f"help_{name}"]


def widget_value(hint: Any, value: Any) -> Any:
    """A setting of this type as its widget holds it."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return list(value) if get_origin(inner) is Literal else ", ".join(map(str, value))
    is_float = hint is float or float in get_args(hint)
    return float(value) if is_float and value is not None else value


def _about(recipe: Recipe, texts: Texts) -> None:
    st.caption(texts.training["recipe_of"].format(what=safe_text(texts.said(recipe.reproduces))))
    if recipe.notes:
        with st.expander(texts.training["recipe_notes"], key=training.RECIPE_NOTES):
            st.text(texts.said(recipe.notes))
    if recipe.settings.get("distributed", "none") != "none":
        st.info(texts.training["recipe_distributed"], icon=":material/memory:")


def _fields(
    layout: SettingsLayout, names: Sequence[str], recipe: Recipe | None, texts: Texts
) -> dict[str, Any]:
    values = {}
    for start in range(0, len(names), _COLUMNS):
        row = names[start : start + _COLUMNS]
        for column, name in zip(st.columns(_COLUMNS), row, strict=False):
            with column:
                values[name] = _field(layout, name, recipe, texts)
    return values


def _field(layout: SettingsLayout, name: str, recipe: Recipe | None, texts: Texts) -> Any:
    default = (recipe.settings if recipe else {}).get(name, layout.defaults[name])
    key = training.field_key(form_of(layout.kind, recipe), name)
    label, help_text = texts.training[f"set_{name}"], help_for(layout.kind, name, texts)
    kind = layout.hints[name]
    start_with(key, widget_value(kind, default))
    if kind is bool:
        return st.toggle(label, key=key, persist_state="session", help=help_text)
    if get_origin(kind) is Literal:
        return st.selectbox(
            label,
            get_args(kind),
            key=key,
            persist_state="session",
            help=help_text,
            format_func=_named(name, texts),
        )
    if get_origin(kind) is tuple:
        box = partial(st.text_input, label, key=key, persist_state="session", help=help_text)
        return _several(name, get_args(kind)[0], box, texts)
    return _number(name, kind, default, partial(st.number_input, label, key=key, help=help_text), texts)


def _named(name: str, texts: Texts) -> Any:
    return lambda value: texts.training.get(f"{name}_{value}", value)


def _several(name: str, inner: Any, box: partial[str], texts: Texts) -> tuple[Any, ...]:
    if inner is float:
        return _numbers(box())
    if get_origin(inner) is Literal:
        hint = texts.training["nothing_chosen"]
        several = partial(st.multiselect, *box.args, get_args(inner), **box.keywords)
        return tuple(several(placeholder=hint, select_all=False))
    text = box(placeholder=texts.training[f"hint_{name}"])
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str) -> tuple[float, ...]:
    """Nothing where it cannot be read, which the settings then refuse."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()


def _number(name: str, kind: Any, default: Any, box: partial[Any], texts: Texts) -> Any:
    """Integers in whole steps; of other numbers as many digits as they have."""
    box = partial(box, persist_state="session")
    is_float = kind is float or float in get_args(kind)
    if not isinstance(kind, types.UnionType):
        return box(format="%g", step=_step(default)) if is_float else box(step=1, min_value=0)
    box = partial(box, value=None, placeholder=texts.training.get(f"hint_{name}", texts.training["no_limit"]))
    if not is_float:
        return box(step=1)
    return box(format="%g", step=_step(default or (1e-3 if name.endswith("learning_rate") else 1)))


def _step(value: float) -> float:
    """A tenth of the figure's own size."""
    return float(f"1e{f'{abs(value):e}'.split('e')[1]}") / 10 if value else 0.01
