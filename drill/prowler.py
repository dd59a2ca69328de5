"""`make prowler`: prowler reads the deployed reference app by its checks of Bedrock; a failure has a reason here.

Apart from the other commands: prowler and what it brings are 1.4 GB, installed into .cache/prowler once.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from drill import cdk
from drill.cloud import Cloud, emulated
from drill.demo import deploy
from drill.environment import REGION, end_on_signals

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
VERSION = "5.46.0"
VENV = ROOT / ".cache" / "prowler"
CHECKS = (
    "bedrock_agent_guardrail_enabled",
    "bedrock_agent_role_least_privilege",
    "bedrock_agent_role_not_shared_across_agents",
    "bedrock_api_key_no_administrative_privileges",
    "bedrock_api_key_no_long_term_credentials",
    "bedrock_custom_model_encrypted_with_cmk",
    "bedrock_full_access_policy_attached",
    "bedrock_guardrail_contextual_grounding_filter_enabled",
    "bedrock_guardrail_prompt_attack_filter_enabled",
    "bedrock_guardrail_sensitive_information_filter_enabled",
    "bedrock_guardrail_sensitive_information_filter_enforced",
    "bedrock_guardrails_configured",
    "bedrock_knowledge_base_encrypted_with_cmk",
    "bedrock_model_invocation_logging_enabled",
    "bedrock_model_invocation_logging_text_data_enabled",
    "bedrock_model_invocation_logs_encryption_enabled",
    "bedrock_prompt_encrypted_with_cmk",
    "bedrock_prompt_management_exists",
    "bedrock_vpc_endpoints_configured",
    "cloudtrail_bedrock_logging_enabled",
    "iam_inline_policy_no_wildcard_marketplace_subscribe",
    "iam_policy_no_wildcard_marketplace_subscribe",
)
#: What the reference app fails on purpose, and why.
EXPLAINED = {
    "bedrock_guardrail_contextual_grounding_filter_enabled": "the app answers from no sources that it could be held to",
    "bedrock_guardrail_sensitive_information_filter_enabled": "what is personal is the application's to say; the "
    "worked example filters content and prompt attacks",
    "bedrock_prompt_management_exists": "the app keeps its prompt in its code, under review",
    "bedrock_vpc_endpoints_configured": "the VPC has the endpoint that is called, and no way to the other services; "
    "the account's default VPC has none",
}
#: What must have passed: what the compliance page says is met. A check that found nothing to look at passes nothing.
MET = (
    "bedrock_full_access_policy_attached",
    "bedrock_guardrails_configured",
    "bedrock_model_invocation_logging_enabled",
    "bedrock_model_invocation_logging_text_data_enabled",
    "bedrock_model_invocation_logs_encryption_enabled",
    "cloudtrail_bedrock_logging_enabled",
    "iam_inline_policy_no_wildcard_marketplace_subscribe",
    "iam_policy_no_wildcard_marketplace_subscribe",
)


def install() -> Path:
    """Return prowler's command, installed where it is not yet."""
    command = VENV / "bin" / "prowler"
    stamp = VENV / VERSION
    if not stamp.exists():
        print(f"prowler {VERSION} into {VENV.relative_to(ROOT)}", flush=True)
        subprocess.run(["uv", "venv", "--quiet", "--clear", VENV], check=True)  # noqa: S607 - of the environment
        pip = ("uv", "pip", "install", "--quiet", "--python", VENV / "bin" / "python")
        subprocess.run([*pip, f"prowler=={VERSION}"], check=True)
        stamp.touch()
    return command


def findings(command: Path, cloud: Cloud, room: Path) -> list[dict[str, str]]:
    """Return what prowler says of each resource.

    Raises:
        RuntimeError: with the end of its words, where it breaks off.
    """
    options = ("--region", REGION, "--checks", *CHECKS, "--scan-unused-services", "--no-banner", "--no-color")
    finished = subprocess.run(
        [command, "aws", *options, "--output-formats", "csv", "--output-filename", "found", "--output-directory", room],
        env={**cloud.environment, "HOME": str(room)},
        capture_output=True,
        text=True,
        check=False,
    )
    table = room / "found.csv"
    if finished.returncode not in {0, 3} or not table.exists():  # 3: something failed
        raise RuntimeError(f"prowler: {finished.stdout[-2000:]}{finished.stderr[-2000:]}")
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def judge(found: Iterable[dict[str, str]]) -> list[str]:
    """Return what is wrong: failures without a reason, reasons without a failure, and what should have passed."""
    found = list(found)
    passed = Counter(row["CHECK_ID"] for row in found if row["STATUS"] == "PASS")
    failed = [row for row in found if row["STATUS"] == "FAIL"]
    strange = [row for row in found if row["STATUS"] not in {"PASS", "FAIL"}]
    return [
        *(f"{row['CHECK_ID']}: {row['STATUS_EXTENDED']}" for row in failed if row["CHECK_ID"] not in EXPLAINED),
        *(f"{row['CHECK_ID']}: could not look: {row['STATUS_EXTENDED']}" for row in strange),
        *(
            f"{check}: has a reason and does not fail"
            for check in EXPLAINED
            if check not in {f["CHECK_ID"] for f in failed}
        ),
        *(f"{check}: nothing passed" for check in MET if not passed[check]),
    ]


def main() -> int:
    """Deploy, scan, and fail on what is not explained."""
    end_on_signals()
    command = install()
    with tempfile.TemporaryDirectory(prefix="secure-bedrock-") as folder:
        room = Path(folder)
        with emulated(room / "emulator.log") as cloud:
            cdk.bootstrap(cloud, room)
            deploy(cloud, room)
            print("deployed; prowler looks", flush=True)
            found = findings(command, cloud, room)
    for row in sorted(found, key=lambda row: (row["CHECK_ID"], row["STATUS"])):
        print(f"{row['STATUS']:6}{row['CHECK_ID']}  {row['STATUS_EXTENDED']}")
    for check, reason in EXPLAINED.items():
        print(f"explained: {check}: {reason}")
    wrong = judge(found)
    for text in wrong:
        print(f"! {text}")
    print(f"{len(found)} findings of {len({row['CHECK_ID'] for row in found})} checks; {len(wrong)} unexplained")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
