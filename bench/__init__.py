"""How long the reference app takes to synthesize, beside the same resources written otherwise."""
