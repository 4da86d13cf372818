"""What a comparison is: a run, its answers, question files, and the command line that asks many models."""
