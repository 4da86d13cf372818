"""The records of a dataset on the hub, through `datasets` and its own cache.

Knows: how to ask for the one commit that is read, and what a person reads when it cannot be had.
Refuses to know: shapes. Code in a dataset's repository is never run (`datasets` no longer can).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import BadRequest, Cause, Unreachable
from finetune.data.rows import Record
from finetune.data.sources import Records

if TYPE_CHECKING:
    from hashlib import _Hash

_SECONDS = 10.0
_SPLIT = "train"


def hub_records(dataset_id: str) -> Records:
    """Its training part; the hash is of the rows, written as JSON."""
    commit = _commit(dataset_id)
    rows = _load(dataset_id, commit)
    digest = hashlib.sha256()
    of = f" at commit {commit}" if commit else " as it was fetched before, because the hub cannot be reached"
    return Records(_records(rows, digest), digest, (f"{dataset_id} was read from the hub{of}.",))


def _records(rows: Any, digest: _Hash) -> Iterator[Record]:
    for number, row in enumerate(rows, start=1):
        digest.update(
            json.dumps(row, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "replace")
        )
        yield Record(f"row {number}", row)


def _commit(dataset_id: str) -> str | None:
    """The commit that is newest now; None where only what was fetched before can be had. Asked first, because
    `datasets` itself tries for half a minute before it says that there is no network."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        return HfApi().dataset_info(dataset_id, timeout=_SECONDS).sha
    except GatedRepoError:
        cause = Cause("dataset-gated", dataset=dataset_id)
    except RepositoryNotFoundError:
        cause = Cause("dataset-unknown", dataset=dataset_id)
    except HfHubHTTPError as error:
        cause = Cause("dataset-refused", dataset=dataset_id, status=error.response.status_code)
    except (httpx.HTTPError, OSError):
        if _was_fetched(dataset_id):
            return None
        cause = Cause("dataset-hub-unreachable", dataset=dataset_id)
    raise Unreachable(cause)


def _was_fetched(dataset_id: str) -> bool:
    from datasets import config

    return Path(config.HF_DATASETS_CACHE, dataset_id.replace("/", "___")).is_dir()


def _load(dataset_id: str, commit: str | None) -> Any:
    import datasets
    import httpx

    try:
        return datasets.load_dataset(dataset_id, split=_SPLIT, revision=commit)
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        # It names the parts or configurations that there are.
        why = " ".join(str(error).split())[:300].rstrip(".")
        raise BadRequest("dataset-unreadable", dataset=dataset_id, why=why) from error
    except (httpx.HTTPError, OSError) as error:
        raise Unreachable("dataset-not-fetched", dataset=dataset_id, kind=type(error).__name__) from error
