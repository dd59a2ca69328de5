"""The sections of the configuration, each in a module of its own."""
