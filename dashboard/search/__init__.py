"""What stands on the page of the search chat."""
