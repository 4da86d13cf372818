"""What several pages draw, and what draws it safely."""
