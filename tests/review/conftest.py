"""The reference deployment as `cdk synth` leaves it, with the organisation's rules and the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from tests.reference.conftest import Synthesized

ACCOUNT = "111122223333"
REGIONS = ("eu-west-1", "eu-central-1", "eu-north-1", "eu-west-3", "eu-south-1", "eu-south-2")
RAILS = OrganizationConfiguration(account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=REGIONS)


@pytest.fixture(scope="session")
def audited() -> Path:
    configuration = Configuration(account=ACCOUNT, organization=RAILS, audit=AuditConfiguration())
    return Path(Synthesized(configuration).assembly.directory)
