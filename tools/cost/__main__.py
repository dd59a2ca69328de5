"""`python -m tools.cost` prints the document."""

from __future__ import annotations

from tools.cost.application import audits, reference
from tools.cost.bill import Use
from tools.cost.page import page


def document() -> str:
    """Return docs/cost.md as it should be."""
    return page(reference(), audits(), Use())


if __name__ == "__main__":
    print(document(), end="")
