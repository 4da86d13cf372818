"""The history on its way out: CSV for spreadsheets, JSONL for programs, Markdown for reports."""
