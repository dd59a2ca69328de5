"""What the reference app costs in a month: `python -m tools.cost > docs/cost.md`."""
