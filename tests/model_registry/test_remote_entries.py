"""Entries of models that are served elsewhere: what they may say, how they are listed, and who refuses them.

Run: python -m pytest tests/model_registry/test_remote_entries.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from errors import BadRequest
from model_registry.cli import main
from model_registry.registry import load_registry
from model_registry.remote_service import RemoteService
from model_registry.writing import entry_toml
from tests.model_registry.own_entries import adapter, entry

KEPT = ("id", "title", "family", "license", "prompt_format")
SERVICE = {
    "server": "vllm",
    "url": "https://models.example/v1",
    "key_variable": "MY_SERVER_KEY",
    "served_name": "kullm",
    "transport": "raw",
}


def remote(extra: str = "", **changed: str) -> str:
    lines = [line for line in entry().splitlines() if line.partition(" =")[0] in ("[[model]]", *KEPT)]
    service = [f'{key} = "{value}"' for key, value in {**SERVICE, **changed}.items() if value]
    return "\n".join([*lines, *service, extra]) + "\n"


def put(folder: Path, text: str) -> None:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "own.toml").write_text(text, encoding="utf-8")


def test_a_service_is_listed_shown_checked_and_never_taken_for_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, remote() + adapter("over", "mine"))
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    registry = load_registry(tmp_path / "models")
    spec = registry.get("mine")

    assert isinstance(spec.runs, RemoteService) and spec.remote == spec.runs and spec.adapter is None
    assert entry_toml(spec.entry()).count("=") == 5 + len(SERVICE) + 2  # the license has keys of its own
    with pytest.raises(BadRequest, match="comes with the remote engines"):
        _ = spec.local
    (fault,) = registry.faults
    assert fault.key == "adapter.base" and "is a remote service" in fault.message

    assert main(["list", "--fits", "1MB"]) == 0 and "on vllm" in capsys.readouterr().out
    assert main(["show", "mine"]) == 0 and "https://models.example/v1" in capsys.readouterr().out
    assert main(["show", "mine", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["service"], shown["parameters"], shown["bytes_needed"]) == (SERVICE, None, {})


@pytest.mark.parametrize(
    "address",
    [
        "https://a/v1",
        "http://localhost:8000/v1",
        "http://127.0.0.1/v1",
        "http://[::1]:8000",
        "https://가.kr/v1",
    ],
)
def test_an_address_is_https_or_stays_on_this_machine(address: str, tmp_path: Path) -> None:
    put(tmp_path, remote(url=address))
    found = [fault.key for fault in load_registry(tmp_path / "models").faults]
    assert found == (["url"] if "가" in address else [])


SECRET = "sk-a1b2c3"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"url": f"https://me:{SECRET}@host/v1"}, "url"),
        ({"url": f"https://host/v1?key={SECRET}"}, "url"),
        ({"url": f"https://host/v1#{SECRET}"}, "url"),
        ({"url": "http://host/v1"}, "url"),
        ({"url": "http://127.0.0.1.host/v1"}, "url"),
        ({"url": "ftp://host/v1"}, "url"),
        ({"url": "https:///v1"}, "url"),
        ({"url": "https://host:port/v1"}, "url"),
        ({"url": "http://[::1/v1"}, "url"),
        ({"url": "https://host/v1\\n"}, "url"),
        ({"key_variable": SECRET}, "key_variable"),
        ({"key_variable": "KEY"}, "key_variable"),
        ({"key": SECRET}, "key"),
        ({"server": "telnet"}, "server"),
        ({"transport": "mail"}, "transport"),
        ({"served_name": ""}, "served_name"),
        ({"sevred_name": "x"}, "sevred_name"),
    ],
)
def test_what_a_service_may_not_say_is_named_and_no_key_said_again(
    changed: dict[str, str], key: str, tmp_path: Path
) -> None:
    put(tmp_path, remote(**changed))
    (fault,) = load_registry(tmp_path / "models").faults
    assert fault.key == key and SECRET not in fault.message and SECRET not in str(fault.facts)


def test_an_entry_of_both_kinds_is_a_fault_that_names_the_keys(tmp_path: Path) -> None:
    put(tmp_path, remote(extra='source = "a/b"\nparameters = 5'))
    (fault,) = load_registry(tmp_path / "models").faults
    assert "local weights (parameters, source)" in fault.message
    assert "remote service (key_variable, served_name, server, transport, url)" in fault.message
