"""A budget of steps: what a proof may cost before it ends in `Unknown`. Steps, not seconds, so that answers repeat."""

from __future__ import annotations


class ExhaustedError(Exception):
    """The budget is spent; its text says on what."""


class Budget:
    """Counts steps down.

    Args:
        steps: how many may be spent. One step is a microsecond or so.
    """

    __slots__ = ("left", "steps")

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.left = steps

    def spend(self, steps: int, what: str) -> None:
        """Spend steps. Raises ExhaustedError where there are too few left."""
        self.left -= steps
        if self.left < 0:
            raise ExhaustedError(f"the budget of {self.steps} steps was spent on {what}")

    def part(self, most: int) -> Budget:
        """Return a budget of its own, of what is left and no more than `most`."""
        return Budget(min(most, max(self.left, 0)))

    @property
    def spent(self) -> int:
        """How many steps of it were spent; what was one too many is not counted."""
        return self.steps - max(self.left, 0)
