"""One drawn thing a file, from plain data."""
