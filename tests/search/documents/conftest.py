"""The folder that each test fills by itself."""

from tests.search.documents.document_folders import folder as folder
