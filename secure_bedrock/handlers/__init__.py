"""Code that runs in functions, as package data: nothing of it is imported here."""
