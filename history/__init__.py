"""What was asked and answered, kept in a database: written as it happens, found again, handed on."""
