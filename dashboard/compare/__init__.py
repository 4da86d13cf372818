"""What stands on the page of one question."""
