"""Random policies and requests from a small vocabulary, so that they meet often: every operator, element and layer.

A scenario is in the form of the cases; the same seed gives the same scenarios.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

HOME, FOREIGN = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{HOME}:role/path/app"
USER = f"arn:aws:iam::{HOME}:user/alice"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/app/build"
OTHERS = f"arn:aws:iam::{FOREIGN}:role/partner"
ROOT = f"arn:aws:iam::{HOME}:root"
LINKED = f"arn:aws:iam::{HOME}:role/aws-service-role/sns.amazonaws.com/AWSServiceRoleForX"
SERVICE = "sns.amazonaws.com"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
PROFILE = f"arn:aws:bedrock:eu-west-1:{HOME}:inference-profile/eu.amazon.nova-lite-v1:0"
QUEUE = f"arn:aws:sqs:eu-west-1:{HOME}:team-a-queue"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:team-a"
TARGET = f"arn:aws:iam::{HOME}:role/target"
KEY = f"arn:aws:kms:eu-west-1:{HOME}:key/11111111-2222-3333-4444-555555555555"
#: Action and resource of the requests.
ASKED = (
    ("bedrock:InvokeModel", MODEL),
    ("bedrock:InvokeModelWithResponseStream", MODEL),
    ("bedrock:InvokeModel", PROFILE),
    ("bedrock:CallWithBearerToken", "*"),
    ("sqs:SendMessage", QUEUE),
    ("sqs:SendMessage", QUEUE.replace(HOME, FOREIGN)),
    ("secretsmanager:GetSecretValue", SECRET),
    ("sts:AssumeRole", TARGET),
    ("kms:Decrypt", KEY),
)
#: Who asks, with how often.
ASKING = {"role": 5, "session": 4, "user": 4, "partner": 3, "root": 1, "linked": 1, "service": 1}
NAMES = {
    "role": ROLE, "session": SESSION, "user": USER, "partner": OTHERS, "root": ROOT, "linked": LINKED,
    "service": SERVICE,
}  # fmt: skip
ACTIONS = (
    "*", "bedrock:*", "bedrock:InvokeModel", "BEDROCK:invokemodel*", "bedrock:Invoke?odel", "bedrock:*Stream",
    "bedrock:CallWithBearerToken", "bedrock-mantle:*", "sqs:*", "sqs:SendMessage", "sqs:Send*", "secretsmanager:Get*",
    "sts:AssumeRole", "sts:*", "kms:Decrypt", "kms:*",
)  # fmt: skip
RESOURCES = (
    "*", MODEL, MODEL.replace("eu-west-1", "*"), MODEL.replace("eu-west-1::", "*:*:"), "arn:aws:bedrock:*:*:*",
    "arn:aws:bedrock:*::foundation-model/amazon.*", "arn:aws:bedrock:*::foundation-model/anthropic.*", PROFILE,
    f"arn:aws:bedrock:eu-west-1:{HOME}:inference-profile/*", "arn:aws:bedrock:*:*:foundation-model/*lit?-v1:0",
    QUEUE, QUEUE.upper().replace("ARN:AWS:SQS", "arn:aws:sqs"), f"arn:aws:sqs:*:{HOME}:*", "arn:aws:sqs:*:*:*queue",
    "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}",
    "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/none, 'team-a'}",
    SECRET, "arn:aws:secretsmanager:*:*:secret:*", TARGET, KEY, "arn:aws:kms:*:*:key/*", f"arn:aws:iam::{HOME}:role/*",
)  # fmt: skip
#: By key: values a request may hold, and values a policy may ask for.
TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws:PrincipalTag/team": (("team-a", "team-b", "*"), ("team-a", "team-*", "TEAM-A", "team-?")),
    "aws:RequestTag/team": (("team-a", "Team-A", ""), ("team-a", "t*a", "${aws:PrincipalTag/team}")),
    "aws:UserAgent": (("cli/1:2/3", "team-a"), ("cli/*", "cli/1?2/3", "${aws:PrincipalTag/team, 'team-b'}", "*")),
    "aws:SourceVpce": (("vpce-1",), ("vpce-1", "vpce-*", "vpce-2")),
    "aws:RequestedRegion": (("eu-west-1",), ("eu-west-1", "us-*", "unspecified")),
}  # fmt: skip
ARNS = {
    "aws:SourceArn": (
        (f"arn:aws:sns:eu-west-1:{HOME}:topic", "arn:aws:s3:::bucket", f"arn:aws:sns:eu-west-1:{FOREIGN}:a:topic"),
        (f"arn:aws:sns:*:{HOME}:topic", "arn:aws:s3:::*", "arn:aws:*:*:*:topic", f"arn:aws:sns:eu-west-1:{HOME}:t?pic",
         "arn:aws:sns:eu-west-1:*:${aws:PrincipalTag/none, 'topic'}", "arn:*:*:*:*:*"),
    ),
    "aws:PrincipalArn": ((), (ROLE, "arn:aws:iam::*:role/path/*", USER, f"arn:aws:sts::{HOME}:assumed-role/app/*")),
}  # fmt: skip
NUMBERS = {"aws:MultiFactorAuthAge": (("0", "60", "3600", "3600.5"), ("0", "60", "3600", "-1", "3600.50"))}
DATES = {
    "aws:CurrentTime": (
        ("2026-05-01T00:00:00Z", "2026-05-01T12:00:00Z", "2026-04-30T23:59:59Z"),
        ("2026-05-01T00:00:00Z", "2026-05-01", "2026-05-01T02:00:00+02:00", "2026"),
    ),
    "aws:TokenIssueTime": (("2026-05-01T00:00:00Z",), ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")),
}
ADDRESSES = {
    "aws:SourceIp": (
        ("203.0.113.7", "198.51.100.1", "2001:db8::7", "2001:db8:1::7"),
        ("203.0.113.0/24", "203.0.113.7/32", "192.0.0.0/2", "2001:db8::/48", "::/0", "2001:db8::/32"),
    )
}
BOOLEANS = {
    "aws:MultiFactorAuthPresent": (("true", "false"), ("true", "false", "TRUE")),
    "aws:SecureTransport": (("true", "false"), ("true", "false")),
}
BYTES = {"aws:Referer": (("QQ==", "Qg=="), ("QQ==", "Qw=="))}
LISTS = {
    "aws:TagKeys": (("team", "cost", "Team"), ("team", "cost", "t*", "x")),
    "aws:CalledVia": (("athena.amazonaws.com", "kms.amazonaws.com"), ("athena.amazonaws.com", "*.amazonaws.com")),
}
STRING = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
          "StringNotLike")  # fmt: skip
ORDER = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
FAMILIES = (
    (STRING, TEXTS),
    (("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"), ARNS),
    (tuple(f"Numeric{name}" for name in ORDER), NUMBERS),
    (tuple(f"Date{name}" for name in ORDER), DATES),
    (("IpAddress", "NotIpAddress"), ADDRESSES),
    (("Bool",), BOOLEANS),
    (("BinaryEquals",), BYTES),
)
PRINCIPALS = (
    "*", {"AWS": "*"}, {"AWS": HOME}, {"AWS": f"arn:aws:iam::{HOME}:root"}, {"AWS": ROLE}, {"AWS": SESSION},
    {"AWS": USER}, {"AWS": [OTHERS, ROLE]}, {"AWS": OTHERS}, {"AWS": FOREIGN}, {"Service": SERVICE},
    {"AWS": [LINKED, USER], "Service": [SERVICE, "events.amazonaws.com"]},
)  # fmt: skip
#: What a NotPrincipal lists.
SPARED = (
    {"AWS": [ROOT, ROLE, SESSION]}, {"AWS": [ROOT, USER]}, {"AWS": [HOME, USER, ROLE, SESSION]}, {"AWS": OTHERS},
    {"Service": SERVICE}, {"AWS": [ROOT, LINKED]},
)  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """An estate and a request, in the form of the cases."""

    estate: dict[str, Any]
    request: dict[str, Any]
    kind: str = "role"


class Generator:
    """Makes scenarios; everything random comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - not for secrets

    def some(self, choices: Any, most: int = 3) -> list[Any]:
        return self.random.sample(list(choices), self.random.randint(1, min(most, len(choices))))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def scenario(self) -> Scenario:
        kind = self.random.choices(list(ASKING), list(ASKING.values()))[0]
        action, resource = self.random.choice(ASKED if kind not in {"partner", "service"} else ASKED[4:])
        endpoint = "vpce-1" if self.chance(0.3) and kind != "service" else None
        estate: dict[str, Any] = {
            "principals": {"caller": self.holder(kind)},
            "accounts": {HOME: {}, FOREIGN: {"member": False}},
        } | self.limits(endpoint)
        if resource == TARGET:
            estate["principals"]["target"] = {"arn": TARGET, "trust": self.policy(naming="any", trust=True)}
        elif resource == KEY or (resource != "*" and "bedrock" not in resource and self.chance(0.7)):
            estate["resource_policies"] = {resource: self.policy(naming="any")}
        request = {"principal": NAMES[kind], "action": action, "resource": resource, "context": self.context(endpoint)}
        if endpoint:
            request["endpoint"] = endpoint
        if kind in {"role", "session"} and self.chance(0.2):
            request["session_policies"] = [self.policy(wide=0.5)]
        return Scenario(estate, request, kind)

    def holder(self, kind: str) -> dict[str, Any]:
        """Who holds the policies; root and services have none, and a boundary does not fit a service-linked role."""
        holder: dict[str, Any] = {"arn": {"session": ROLE, "root": USER, "service": USER}.get(kind, NAMES[kind])}
        holder["tags"] = {"team": self.random.choice(TEXTS["aws:PrincipalTag/team"][0])}
        holder["identity"] = [self.policy() for _ in range(self.random.randint(1, 2))]
        if self.chance(0.25) and kind not in {"root", "service", "linked"}:
            holder["boundary"] = self.policy()
        return holder

    def limits(self, endpoint: str | None) -> dict[str, Any]:
        """The control policies and the endpoint; now and then the caller's account manages the organisation."""
        found: dict[str, Any] = {}
        if self.chance(0.4):
            levels = range(self.random.randint(1, 3))
            found["scps"] = [[self.policy(wide=0.7) for _ in range(self.random.randint(1, 2))] for _ in levels]
        if self.chance(0.2):
            found["rcps"] = [[ALLOW_ALL, self.control_policy()] for _ in range(self.random.randint(1, 2))]
        if self.chance(0.05):
            found["management_account"] = HOME
        if endpoint:
            policy = self.policy(naming="*", wide=0.5)
            found["endpoints"] = {endpoint: {"service": "x", "vpc": "vpc-1", "policy": policy}}
        return found

    def context(self, endpoint: str | None) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for _, keys in FAMILIES:
            for key, (values, _) in keys.items():
                if (
                    values
                    and self.chance(0.6)
                    and not key.startswith(("aws:PrincipalTag", "aws:SourceVpce", "aws:Req"))
                ):
                    given[key] = self.random.choice(values)
        for key, (values, _) in LISTS.items():
            if self.chance(0.6):
                given[key] = self.some(values)
        if self.chance(0.5):
            given["aws:RequestTag/team"] = self.random.choice(TEXTS["aws:RequestTag/team"][0][:2])
        if endpoint:
            given.pop("aws:SourceIp", None)
        return given

    def policy(
        self, *, naming: str = "", effects: tuple[str, ...] = (), wide: float = 0.3, trust: bool = False
    ) -> dict[str, Any]:
        count = self.random.randint(1, 3)
        statements = [self.statement(naming, effects, wide, trust) for _ in range(count)]
        document = {
            "Version": "2012-10-17",
            "Statement": statements if count > 1 or self.chance(0.5) else statements[0],
        }
        if "${" not in json.dumps(document) and self.chance(0.2):
            document.pop("Version") if self.chance(0.5) else document.update(Version="2008-10-17")
        return document

    def control_policy(self) -> dict[str, Any]:
        """A resource control policy: it denies, to everybody, actions that it names."""
        policy = self.policy(naming="*", effects=("Deny",)) | {"Version": "2012-10-17"}
        statements = policy["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            statement.pop("NotAction", None)
            statement["Action"] = self.some(
                ("sqs:SendMessage", "sqs:*", "secretsmanager:Get*", "sts:AssumeRole", "kms:*")
            )
        return policy

    def statement(self, naming: str, effects: tuple[str, ...], wide: float, trust: bool) -> dict[str, Any]:  # noqa: FBT001
        effect = self.random.choice(effects or ("Allow", "Allow", "Allow", "Deny"))
        statement: dict[str, Any] = {"Effect": effect}
        if naming:
            statement["Principal"] = "*" if naming == "*" else self.random.choice(PRINCIPALS)
            if naming == "any" and effect == "Deny" and not trust and self.chance(0.3):
                statement["NotPrincipal"] = self.random.choice(SPARED)
                del statement["Principal"]
        everything = self.chance(wide)
        if trust:
            statement["Action"] = "sts:AssumeRole"
        else:
            negated = self.chance(0.2)
            statement["NotAction" if negated else "Action"] = (
                "*" if everything and not negated else self.some(ACTIONS[1:] if negated else ACTIONS)
            )
            negated = self.chance(0.2)
            statement["NotResource" if negated else "Resource"] = (
                "*" if everything and not negated else self.some(RESOURCES[1:] if negated else RESOURCES)
            )
        if self.chance(0.5 if effect == "Allow" else 0.9):
            statement["Condition"] = self.conditions()
        return statement

    def conditions(self) -> dict[str, dict[str, Any]]:
        block: dict[str, dict[str, Any]] = {}
        for _ in range(self.random.randint(1, 2)):
            name, key, values = self.condition()
            block.setdefault(name, {})[key] = values
        return block

    def condition(self) -> tuple[str, str, Any]:
        kind = self.random.random()
        operators, keys = self.random.choice(FAMILIES)
        operator = self.random.choice(operators)
        if kind < 0.1:
            key = self.random.choice([*keys, *LISTS])
            return "Null", key, self.random.choice(("true", "false"))
        if kind < 0.3:
            key = self.random.choice(list(LISTS))
            name = f"{self.quantifier()}:{self.random.choice(STRING)}"
            return self.if_exists(name), key, self.some(LISTS[key][1], 2)
        key = self.random.choice(list(keys))
        name = f"{self.quantifier()}:{operator}" if kind < 0.5 else operator
        return self.if_exists(name), key, [self.written(value) for value in self.some(keys[key][1], 2)]

    def quantifier(self) -> str:
        return self.random.choice(("ForAllValues", "ForAnyValue"))

    def written(self, value: str) -> Any:
        """A number or a truth value may stand in a policy without quotation marks."""
        is_plain = value in {"true", "false"} or value.lstrip("-").isdigit()
        return json.loads(value) if is_plain and len(value) < 5 and self.chance(0.2) and value != "2026" else value

    def if_exists(self, name: str) -> str:
        return f"{name}IfExists" if self.chance(0.3) else name


ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
