"""What stands on the page of trainings."""
