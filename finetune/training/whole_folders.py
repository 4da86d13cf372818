"""A folder that tells by itself whether it is as it was written.

Knows: a manifest of sizes and hashes.
Refuses to know: what the files hold, and torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_CHUNK = 2**22


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
