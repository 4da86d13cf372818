"""The command line: `python -m comparison ask|batch|formats`. Nothing outside of this folder imports it."""
