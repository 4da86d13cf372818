"""The small files of a model at the hub, each asked for by its bytes: never a weight, and nothing is kept.

What the hub itself says of a model (the files and their sizes, its parameters, the beginning of its settings)
serves where a file is given to nobody who has not accepted terms.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import (
    HfApi,
    ModelInfo,
    constants,
    get_session,
    hf_hub_url,
    hf_raise_for_status,
    try_to_load_from_cache,
)
from huggingface_hub.utils._headers import build_hf_headers

from errors import Cause, LoadError
from model_registry.reading.files import FolderFiles
from model_registry.reading.hub_errors import HubModel, endpoint, explain_hub

_SECONDS = 10.0
"""How long the hub may be silent."""
_ALL_SECONDS = 40.0
"""How long everything may take, however slowly bytes drip."""
_MOST_BYTES = 32 * 2**20
"""Of one request; no header or file of settings that is worth reading is larger."""
_BROKEN = ("hub-late", "hub-unreachable", "hub-cut-off", "hub-wait", "hub-out-of-order")


class HubFiles:
    """Those of one commit at the hub."""

    def __init__(self, wanted: HubModel, info: ModelInfo) -> None:
        self._wanted, self._commit = wanted, info.sha
        self._until = time.monotonic() + _ALL_SECONDS
        self.sizes = {
            each.rfilename: each.size or 0 for each in info.siblings or () if "/" not in each.rfilename
        }
        self.refused: Mapping[str, Cause] = {}
        self.parameters: Mapping[str, int] = info.safetensors.parameters if info.safetensors else {}
        said = info.config or {}
        self.said: Mapping[str, Mapping[str, Any]] = {
            "config.json": said,
            "tokenizer_config.json": said.get("tokenizer_config") or {},
        }
        self._broke: LoadError | None = None
        """Why the hub was given up: what is silent once is not waited for again for each file."""

    def part(self, name: str, start: int, count: int) -> bytes:
        if self._broke is not None:
            raise self._broke
        try:
            return self._part(name, start, count)
        except (httpx.HTTPError, OSError, ValueError) as error:
            failure = explain_hub(error, self._wanted)
        if failure.code in _BROKEN:
            self._broke = failure
        raise failure

    def _part(self, name: str, start: int, count: int) -> bytes:
        if count > _MOST_BYTES:
            raise LoadError("reading-file-too-big", file=name, size=count, most=_MOST_BYTES)
        url = hf_hub_url(self._wanted.id, name, revision=self._commit, endpoint=endpoint())
        asked = {"Range": f"bytes={start}-{start + count - 1}", "Accept-Encoding": "identity"}
        got = bytearray()
        with get_session().stream(
            "GET", url, headers={**build_hf_headers(), **asked}, timeout=_SECONDS, follow_redirects=True
        ) as response:
            if response.is_error:
                response.read()
            hf_raise_for_status(response)
            skipped = start if response.status_code == httpx.codes.OK else 0  # it knows no ranges
            for piece in response.iter_bytes():
                got += piece
                if time.monotonic() > self._until:
                    raise httpx.ReadTimeout("the hub drips")
                if len(got) >= skipped + count:
                    break
        return bytes(got[skipped : skipped + count])


def hub_files(hub_id: str, revision: str | None) -> HubFiles:
    """What the hub has under this id; an `Unreachable` says why there is nothing to read."""
    wanted = HubModel(hub_id, hub_id, revision)
    try:
        # Without a name of a revision an old hub tells no commit, and another may be read midway.
        info = HfApi(endpoint=endpoint()).model_info(
            hub_id, revision=revision or "main", timeout=_SECONDS, files_metadata=True
        )
        return HubFiles(wanted, info)
    except (httpx.HTTPError, OSError, ValueError) as error:
        failure = explain_hub(error, wanted)
    raise failure


def cached_files(hub_id: str, revision: str | None) -> FolderFiles | None:
    """What was fetched of it before, if anything."""
    place = os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
    for name in ("config.json", "adapter_config.json"):
        found = try_to_load_from_cache(hub_id, name, cache_dir=place, revision=revision)
        if isinstance(found, str):
            return FolderFiles(Path(found).parent)
    return None
