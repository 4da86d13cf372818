"""Dense retrieval beside BM25: the passages of an index as vectors, all of them compared with a query.

Off unless a model is named. The vectors stand in the index; a pass over the folder makes those that lack.
"""

from __future__ import annotations

import secrets
import threading

import numpy as np

from search.documents.encoders import TextEncoder, Vectors
from search.documents.store import IndexStore
from search.watch import SearchWatch

_BATCH = 256
_STATE = "vectors"
_LACKING = "FROM passages WHERE id NOT IN (SELECT passage FROM vectors)"
_TEXTS = (
    "SELECT passages.id, title || char(10) || text FROM passages JOIN documents ON documents.id = document "
    "WHERE passages.id NOT IN (SELECT passage FROM vectors) ORDER BY passages.id LIMIT ?"
)


def dense_passages(model: str | None) -> DensePassages | None:
    """None where no model is named; each index has its own."""
    return DensePassages(TextEncoder(model)) if model else None


class DensePassages:
    """The vectors of one index, in memory from the first search on; any thread may ask."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        self._stamp = ""
        self._ids: list[int] = []
        self._vectors: Vectors = np.zeros((0, 1), dtype=np.float32)

    def bring_up(self, store: IndexStore, watch: SearchWatch) -> None:
        """For who may write. Each passage gets its vector, some of them in one transaction."""
        mark = self._encoder.mark
        if not (store.value(_STATE) or "").startswith(mark):
            store.begin()
            store.write("DELETE FROM vectors", [()])
            store.set_value(_STATE, f"{mark} new")
            store.commit()
        ((lacking,),) = store.rows(f"SELECT count(*) {_LACKING}")
        done = 0
        while texts := store.rows(_TEXTS, (_BATCH,)):
            watch.report("indexing", done, lacking)
            watch.check()
            vectors = self._encoder([text for _, text in texts])
            store.begin()
            rows = zip((number for number, _ in texts), map(np.ndarray.tobytes, vectors), strict=True)
            store.write("INSERT INTO vectors VALUES (?, ?)", rows)
            store.set_value(_STATE, f"{mark} {secrets.token_hex(8)}")
            store.commit()
            done += len(texts)

    def nearest(self, store: IndexStore, query: str, limit: int) -> list[int]:
        """The numbers of passages, the nearest first; none where the vectors are those of another model."""
        asked = self._encoder([query])[0]
        with self._lock:
            self._look(store)
            ids, vectors = self._ids, self._vectors
        if not ids:
            return []
        order = np.argsort(-(vectors @ asked), kind="stable")
        return [ids[at] for at in order[:limit]]

    def _look(self, store: IndexStore) -> None:
        """What was removed since stands in memory until a vector is added; nobody finds its passage."""
        stamp = store.value(_STATE) or ""
        if stamp == self._stamp:
            return
        known = stamp.startswith(self._encoder.mark)
        rows = store.rows("SELECT passage, vector FROM vectors") if known else []
        self._ids = [number for number, _ in rows]
        if rows:
            data = b"".join(vector for _, vector in rows)
            self._vectors = np.frombuffer(data, dtype=np.float32).reshape(len(rows), -1)
        self._stamp = stamp
