"""Pages of the web read in a way that nothing on them, and no name server, can turn toward the inside."""
