"""Every key of the session and of the address, a file a page, as typed getters and setters."""
