"""What apps that never saw this library bring along; the constructs must hold beside it."""

from tests.constructs.conftest import make_place, place

__all__ = ["make_place", "place"]
