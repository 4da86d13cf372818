"""Measures of Korean text as pure functions: what an answer is, told without any model."""
