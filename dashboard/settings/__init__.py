"""What stands on the page of settings."""
