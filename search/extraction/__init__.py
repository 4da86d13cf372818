"""What a reader sees of a web page, a PDF or a text file, as plain text."""
