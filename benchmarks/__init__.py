"""Ratios measured in one run: `python -m benchmarks`. README.md says what each line means and its target."""
