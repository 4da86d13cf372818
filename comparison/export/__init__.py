"""The history on its way out: CSV for spreadsheets, JSONL for programs; and our own CSV read back."""
