"""Votes, rankings, and measures of Korean text. Of these the measures are built."""
