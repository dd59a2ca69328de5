"""The reference app's templates, for the pages that show commands on them."""

from tests.reference.conftest import default

__all__ = ["default"]
