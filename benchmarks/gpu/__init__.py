"""The lines that need a card, on random weights of real shapes; run by scripts/gpu_check.

Must run with torch, transformers, accelerate, peft, pydantic, psutil and platformdirs alone: neither rich
nor tyro is there.
"""
