"""What stands on the page of many questions."""
