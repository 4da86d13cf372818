"""A folder that is there whole or not at all, and that tells by itself whether it still is.

Knows: writing beside, flushing to the disk, renaming, and a manifest of sizes and hashes.
Refuses to know: what the files hold, and torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from disk import replace, sync

MANIFEST = "manifest.json"
_CHUNK = 2**22


def publish(final: Path, temporary: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write into `temporary`, flush every file of it, and rename it to `final`.

    What stood at `final` is not lost before the new folder is on the disk. After a fault nothing is left but
    what was there before.
    """
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        for path in sorted(temporary.rglob("*")):
            sync(path)
        sync(temporary)
        if os.path.lexists(final):
            # A broken folder that has to make way, and is nobody's to delete.
            replace(final, final.with_name(f"aside-{final.name}-{secrets.token_hex(3)}"))
        replace(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(final.parent)
    return final


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write down what every file must be; the last thing that `fill` does."""
    files = {path.name: _measure(path) for path in sorted(folder.iterdir())}
    with (folder / MANIFEST).open("x", encoding="utf-8") as file:
        json.dump({**facts, "files": files}, file, indent=1)


def fault_of(folder: Path) -> str | None:
    """Why a sealed folder is not to be trusted; None when every file is as it was written.

    Files that the manifest does not name are nobody's business: they are never opened.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        if not files or not isinstance(files, dict):
            return "its manifest names no files"
        for name, wanted in files.items():
            path = folder / name
            if Path(name).name != name or path.is_symlink() or not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != wanted["bytes"] or _measure(path) != wanted:
                return f"{name} is not what was written"
    except OSError:
        return "it was not finished"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its manifest cannot be read"
    return None


def _measure(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}
