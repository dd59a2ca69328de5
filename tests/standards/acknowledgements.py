"""`python -m tests.standards.acknowledgements`: writes docs/reference/acknowledgements.md from the constructs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from secure_bedrock.data import table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "acknowledgements.md"
HEAD = """# What the library acknowledges, and why

Every resource is held against cdk-nag's packs (AWS Solutions, NIST 800-53 revisions 4 and 5, PCI DSS 3.2.1, HIPAA
Security, Serverless), the rules of AWS Control Tower's proactive controls, CDK's own template validation and cfn-lint.
Where a construct deviates on purpose, the reason stands beside the resource in the code, and your own cdk-nag sees no
finding there:

```python
import aws_cdk as cdk
import cdk_nag

app = cdk.App()
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
```

This page is written from the code, `make check` compares it, and a reason whose finding is gone fails. The paths are
those of the [reference app](../../reference/application.py); what it does not use has paths of other stacks.
[standards.json](../../secure_bedrock/data/standards.json) lists the rules that make each demand.

| demand | on | because |
|---|---|---|
"""


def page(acknowledged: list[dict[str, str]]) -> str:
    """Return the page: a row for each demand and reason."""
    demand_of = {rule: demand for demand, rules in table("standards")["rules"].items() for rule in rules}
    rows: dict[tuple[str, str], list[str]] = {}
    for entry in acknowledged:
        rule = entry["rule"].partition("[")[0]
        rows.setdefault((demand_of.get(rule, rule.rpartition("::")[2]), entry["reason"]), []).append(entry["path"])
    lines = []
    for (demand, reason), paths in sorted(rows.items()):
        usual = [path for path in paths if path.startswith("secure-bedrock-")] or paths
        where = ", ".join(f"`{path}`" for path in sorted(set(usual)))
        lines.append(f"| `{demand}` | {where} | {reason} |\n")
    return HEAD + "".join(lines)


def synthesize(folder: Path) -> None:
    """Run the apps in a process of their own."""
    finished = subprocess.run(
        [sys.executable, "-m", "tests.standards.apps", str(folder)],
        cwd=ROOT,
        env={**os.environ, "CDK_VALIDATION": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(finished.stderr[-3000:])


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder))
        PAGE.write_text(page(json.loads((Path(folder) / "acknowledgements.json").read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
