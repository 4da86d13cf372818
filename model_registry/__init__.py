"""Which models exist: entries as data, read and checked; imports neither torch nor transformers."""
