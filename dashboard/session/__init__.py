"""Every key of the session and of the address, a file a page, as typed getters and setters.

The id of a button or a box that nobody else reads stands where it is drawn.
"""
