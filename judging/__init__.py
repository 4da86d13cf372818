"""Votes, rankings, and measures of Korean text. Not built yet."""
