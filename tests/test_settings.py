"""Every environment setting is read or refused by name; unknown names are answered with near ones.

Run: python -m pytest tests/test_settings.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.devices import pick_device
from errors import BadRequest, UnknownName
from settings import format_bytes, format_parameters, parse_bytes, read_settings


def test_what_is_set_is_read_and_the_rest_has_defaults(tmp_path: Path) -> None:
    settings = read_settings({"NARANI_HOME": str(tmp_path), "NARANI_MEMORY_BUDGET": "0"})
    assert settings.own_models == tmp_path / "models"
    assert settings.memory_budget == 0
    assert (settings.device, settings.rows_per_model, settings.failed_load_seconds) == (None, 8, 30.0)
    assert (read_settings({}).memory_budget, read_settings({}).language) == (None, None)
    parks = [read_settings({"NARANI_PARK": each}).park_budget for each in ("", "0", "48GB")]
    assert parks == [None, 0, 48 * 10**9]
    assert read_settings({"NARANI_LANGUAGE": "KO"}).language == "ko"
    assert (read_settings({}).step, read_settings({"NARANI_STEP": "Fused"}).step) == ("auto", "fused")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NARANI_MEMORY_BUDGET", "much"),
        ("NARANI_MEMORY_BUDGET", "-1GB"),
        ("NARANI_MEMORY_BUDGET", "4XB"),
        ("NARANI_PARK", "off"),
        ("NARANI_ROWS_PER_MODEL", "0"),
        ("NARANI_ROWS_PER_MODEL", "nan"),
        ("NARANI_ROWS_PER_MODEL", "inf"),
        ("NARANI_ROWS_PER_MODEL", "eight"),
        ("NARANI_FAILED_LOAD_SECONDS", "-1"),
        ("NARANI_LANGUAGE", "fr"),
        ("NARANI_STEP", "faster"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadRequest, match=name):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("24GB", 24 * 10**9),
        ("1.5 kb", 1500),
        ("2GiB", 2**31),
        ("7", 7),
        ("3M", 3 * 10**6),
        (" 5 gb ", 5 * 10**9),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 KB"),
        (999_960_000, "1.0 GB"),
        (4_000_000, "4.0 MB"),
        (11_770_000_000, "11.8 GB"),
    ],
)
def test_sizes_are_written_in_decimal_units(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (999, "999"),
        (16_700, "16.7K"),
        (1_254_144, "1.25M"),
        (999_600_000, "1B"),
        (5_885_059_072, "5.89B"),
        (10**14, "100T"),
    ],
)
def test_parameters_are_written_in_one_short_way(count: int, text: str) -> None:
    assert format_parameters(count) == text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nonsense", "is not a device"),
        ("meta", "is not a device"),
        ("mps", "is not a device"),
        ("cuda:x", "is not a device"),
        ("cpu:a", "is not a device"),
        ("", "is not a device"),
        ("cuda:99", "is not here"),
    ],
)
def test_a_device_that_is_not_one_of_ours_or_not_here_is_refused(name: str, said: str) -> None:
    with pytest.raises(BadRequest, match=f"NARANI_DEVICE: '{name}' {said}"):
        pick_device(name)


def test_the_processor_is_always_there() -> None:
    assert str(pick_device("cpu")) == str(pick_device("cpu:0")) == "cpu"


def test_an_unknown_name_lists_near_names_or_says_how_many_there_are() -> None:
    known = [f"model-{number:02}" for number in range(30)]
    assert "Did you mean model-" in str(UnknownName("model", "modell-0", known))
    assert str(UnknownName("model", "xyz", known)).endswith("model-11 and 18 more.")
