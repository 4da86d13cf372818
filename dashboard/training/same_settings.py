"""A new training with the settings of another, apart from its form, which it fills: nothing is begun here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dashboard.resources import Services
from dashboard.session import training
from dashboard.shared.uploading import uploads_of
from dashboard.training.base_form import can_be_tuned
from dashboard.training.settings_form import NO_RECIPE, form_of, layout_of, widget_value
from errors import BadRequest, NaraniError
from finetune.jobs import RunSettings


def fill_form(settings: RunSettings, services: Services, offers_paths: bool) -> None:
    """As a button's callback; why it cannot be done is said on the page."""
    try:
        _fill(settings, services, offers_paths)
    except NaraniError as error:
        training.PROBLEM.set(error.cause)


def _fill(settings: RunSettings, services: Services, offers_paths: bool) -> None:
    kind, registry = settings.kind, services.registry.now()
    bases = can_be_tuned(registry, kind).values()
    wanted = settings.base_model
    base = next((spec.id for spec in bases if wanted in (spec.id, spec.local.source)), None)
    if base is None:
        raise BadRequest("base-not-offered", base=wanted, name="base_model")
    layout, form = layout_of(kind), form_of(kind, None)
    values = {
        training.field_key(form, name): widget_value(layout.hints[name], getattr(settings, name))
        for name in layout.defaults
        if name in {*layout.main, *(each for group in layout.advanced.values() for each in group)}
    }
    values[training.recipe_key(kind, base)] = NO_RECIPE
    values[f"{training.FORMAT}_{base}_"] = settings.format
    values |= _data(settings.data, services, offers_paths)
    training.fill(kind, base, values, settings.rewarded_for)


def _data(sources: Sequence[str], services: Services, offers_paths: bool) -> Mapping[str, object]:
    if offers_paths:
        return {training.SOURCE: "path", training.PATHS: "\n".join(sources)}
    # Whoever may name no files of this machine gets those that the run holds as if they came once more.
    uploads, runs = uploads_of(services), services.settings.home / "runs"
    files = [Path(each) for each in sources if Path(each).is_relative_to(runs) and Path(each).is_file()]
    training.UPLOADS.set([(str(uploads.keep(file.name, file.read_bytes())), file.name) for file in files])
    return {training.SOURCE: "file"}
