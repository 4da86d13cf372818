"""One pass over a folder that brings its index up to date, in transactions of about a second.

Whenever the process ends, at most the transaction that is open is lost; the next pass goes on behind the last
one, also within a file of many documents.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from errors import BadRequest, Cause, NaraniError, Stopped
from errors.system_reason import system_reason
from search.documents.folder import FolderFile, Listing, content_key
from search.documents.reading import DocumentText, Unread, documents_in
from search.documents.store import IndexedDocument, IndexedPassage, IndexStore
from search.documents.terms import terms_of
from search.passages import passages
from search.watch import SearchWatch
from search.words import normalized

_BATCH_PASSAGES, _BATCH_SECONDS = 500, 1.0
"""A transaction ends at whichever comes first."""


@dataclass(frozen=True)
class _ToRead:
    """A file whose content is not in the index, or not whole."""

    key: str
    file: FolderFile
    documents: int
    """How many there may be, for the progress."""


class Updating:
    """The pass; made by who holds the lock."""

    def __init__(self, folder: Path, store: IndexStore, watch: SearchWatch) -> None:
        self._folder = folder
        self._store = store
        self._watch = watch
        self._problems: list[Cause] = []
        self._done = self._total = 0
        self._in_batch = 0
        self._batch_ends = 0.0

    def run(self, listing: Listing) -> tuple[Cause, ...]:
        """What could not be read."""
        if not self._store.usable:
            self._store.make()
        known = self._store.files()
        new = [file for file in listing.files if known.get(file.path) != file]
        gone = known.keys() - {file.path for file in listing.files}
        if new or gone or not self._store.whole:
            try:
                self._bring_up(new, gone)
            except Stopped:
                self._store.commit()  # every document in it is whole
                raise
        return (*listing.problems, *self._problems, *self._store.problems())

    def _bring_up(self, new: list[FolderFile], gone: set[str]) -> None:
        known, to_read = self._sorted_out(new)
        broke_off = not self._store.whole
        self._store.begin()
        self._store.set_value("whole", "0")
        self._store.forget(gone)
        for file, content in known:
            self._store.name(file, content)
        self._store.commit()
        self._total = sum(each.documents for each in to_read)
        for each in to_read:
            self._read(each)
        self._store.commit()
        removed = self._remove_nameless()
        self._store.finish(changed=removed or broke_off or bool(to_read))

    def _sorted_out(self, new: list[FolderFile]) -> tuple[list[tuple[FolderFile, int]], list[_ToRead]]:
        """Those whose bytes were read already under whatever name, and those that are to be read."""
        known: list[tuple[FolderFile, int]] = []
        to_read: list[_ToRead] = []
        for number, file in enumerate(new):
            self._watch.report("indexing", number, len(new))
            try:
                key, lines = content_key(self._folder, file, self._watch.check)
            except OSError as error:
                self._problems.append(Cause("file-unreadable", file=file.path, why=system_reason(error)))
                continue
            content = self._store.content(key)
            if content is not None and content.complete:
                known.append((file, content.id))
            else:
                to_read.append(_ToRead(key, file, max(1, lines) if file.suffix == ".jsonl" else 1))
        return known, to_read

    def _read(self, each: _ToRead) -> None:
        begun = self._done
        self._store.begin()
        content = self._store.content_id(each.key)
        state = self._store.content(each.key)
        if state is not None and not state.complete:  # complete: a copy of it was just read
            try:
                problems = self._read_content(each.file.path, content, state.documents)
            except BadRequest as error:  # the system refuses the file, and may not do so again
                self._problems.append(error.cause)
                return
            self._store.begin()
            self._store.complete(content, problems)
        self._store.name(each.file, content)
        self._done = begun + each.documents
        self._end_batch_if_due()

    def _read_content(self, path: str, content: int, after: int) -> list[Cause]:
        """Its documents behind the first so many; what of it cannot be read."""
        problems: list[Cause] = []
        self._done += after
        found = after
        try:
            for document in documents_in(self._folder, path, after):
                self._watch.report("indexing", min(self._done, self._total), self._total)
                self._watch.check()
                if isinstance(document, Unread):
                    problems.append(document.cause)
                    continue
                indexed = self._indexed(document)
                found += len(indexed.passages)
                self._store.begin()
                self._store.add(content, indexed)
                self._done += 1
                self._in_batch += len(indexed.passages)
                self._end_batch_if_due()
        except BadRequest:
            raise
        except NaraniError as error:
            if isinstance(error, Stopped):
                raise
            problems.append(error.cause)
        if not found and not problems:
            problems.append(Cause("search-document-without-text", file=path))
        return problems

    def _indexed(self, document: DocumentText) -> IndexedDocument:
        title = normalized(document.title).strip()
        cut = [
            IndexedPassage(page, passage, terms_of(title, passage))
            for text, page in document.parts
            for passage in passages(text)
        ]
        return IndexedDocument(document.name, title, document.url, document.date, cut)

    def _end_batch_if_due(self) -> None:
        now = time.monotonic()
        if self._in_batch >= _BATCH_PASSAGES or now >= self._batch_ends:
            self._store.commit()
            self._in_batch, self._batch_ends = 0, now + _BATCH_SECONDS

    def _remove_nameless(self) -> bool:
        """Whether there was something to remove: what no file holds any longer."""
        contents = self._store.nameless()
        for content in contents:
            gone = False
            while not gone:
                self._watch.check()
                self._store.begin()
                gone = self._store.remove(content, _BATCH_PASSAGES)
                self._in_batch += _BATCH_PASSAGES if not gone else 1
                self._end_batch_if_due()
        self._store.commit()
        return bool(contents)
