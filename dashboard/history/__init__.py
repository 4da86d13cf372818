"""What stands on the pages of the history."""
