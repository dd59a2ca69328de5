"""From synthesized templates to an estate: who holds which policies, in literal text."""
