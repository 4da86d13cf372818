"""What stands on the page of models."""
