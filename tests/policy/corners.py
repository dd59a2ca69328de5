"""Random estates whose principals are nearly the same: what a prover that remembers might mix up.

A few roles, a user and a partner differ in one tag, one boundary, one account; roles trust them by name, by account,
by session and by service; policies ask about exactly what differs. The same seed gives the same estate and questions.
"""

from __future__ import annotations

from random import Random
from typing import Any

HOME, SECOND, ABROAD = "111122223333", "222233334444", "444455556666"
ORG = "o-example"
ROLES = {
    "app-a": f"arn:aws:iam::{HOME}:role/app-a",
    "app-b": f"arn:aws:iam::{HOME}:role/team/app-b",
    "app-c": f"arn:aws:iam::{HOME}:role/app-c",
    "second": f"arn:aws:iam::{SECOND}:role/app-a",
    "linked": f"arn:aws:iam::{HOME}:role/aws-service-role/sns.amazonaws.com/AWSServiceRoleForX",
    "partner": f"arn:aws:iam::{ABROAD}:role/partner",
}
USER = f"arn:aws:iam::{HOME}:user/ann"
SESSIONS = (f"arn:aws:sts::{HOME}:assumed-role/app-a/build", f"arn:aws:sts::{HOME}:assumed-role/app-b/build")
FEDERATED = f"arn:aws:sts::{HOME}:federated-user/ann"
PROVIDER = f"arn:aws:iam::{HOME}:saml-provider/corp"
SERVICE, OTHER_SERVICE = "sns.amazonaws.com", "events.amazonaws.com"
NAMES = (
    "*", {"AWS": "*"}, {"AWS": HOME}, {"AWS": f"arn:aws:iam::{SECOND}:root"}, {"AWS": ABROAD},
    *({"AWS": arn} for arn in (*ROLES.values(), USER, *SESSIONS, FEDERATED)), {"Service": SERVICE},
    {"Federated": PROVIDER}, {"AWS": [ROLES["app-a"], USER], "Service": [SERVICE, OTHER_SERVICE]},
    {"AWS": f"arn:aws:iam::{HOME}:role/nobody-shows"}, {"AWS": f"arn:aws:sts::{ABROAD}:assumed-role/ci/x"},
)  # fmt: skip
SPARED = (
    {"AWS": [f"arn:aws:iam::{HOME}:root", ROLES["app-a"], SESSIONS[0]]}, {"AWS": [f"arn:aws:iam::{HOME}:root", USER]},
    {"AWS": ROLES["app-b"]}, {"Service": SERVICE}, {"AWS": [ABROAD, ROLES["partner"]]},
)  # fmt: skip
QUEUE, FAR_QUEUE = f"arn:aws:sqs:eu-west-1:{HOME}:team-a", f"arn:aws:sqs:eu-west-1:{ABROAD}:team-a"
KEY = f"arn:aws:kms:eu-west-1:{HOME}:key/11111111-2222-3333-4444-555555555555"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
BUCKET = "arn:aws:s3:::bucket"
TARGETS = {name: f"arn:aws:iam::{account}:role/{name}" for name, account in (("deep", HOME), ("far", ABROAD))}
#: Actions with resources that they stand on.
ASKED = (
    ("bedrock:InvokeModel", (MODEL, "*")), ("sqs:SendMessage", (QUEUE, FAR_QUEUE, "*")), ("kms:Decrypt", (KEY, "*")),
    ("sts:AssumeRole", (*TARGETS.values(), "*")), ("sts:TagSession", ("*",)), ("sts:*", ("*",)),
    ("s3:GetObject", (f"{BUCKET}/x", "*")), ("bedrock:*", ("*",)), ("sts:SetSourceIdentity", (TARGETS["deep"],)),
)  # fmt: skip
RESOURCES = (
    "*", MODEL, "arn:aws:bedrock:*::foundation-model/*", QUEUE, FAR_QUEUE, f"arn:aws:sqs:*:{HOME}:*", KEY,
    "arn:aws:sqs:*:*:${aws:PrincipalTag/team}", "arn:aws:s3:::bucket/${aws:username, 'x'}", f"{BUCKET}/*",
    "arn:aws:s3:::bucket/${aws:PrincipalTag/team}", *TARGETS.values(), f"arn:aws:iam::{HOME}:role/*", "arn:aws:sqs:*",
    f"arn:aws:iam::{HOME}:role/${{aws:PrincipalTag/team}}", "arn:aws:sqs:eu-west-1:${aws:PrincipalAccount}:*",
)  # fmt: skip
STRING = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")
ARN = ("ArnEquals", "ArnLike", "ArnNotLike", "StringEquals", "StringNotEquals", "StringLike")
ORDER = ("Equals", "LessThan", "GreaterThanEquals")
#: By key: operators, and values to compare with.
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws:PrincipalTag/team": (STRING, ("team-a", "team-b", "team-*", "${aws:RequestTag/team}", "deep")),
    "aws:PrincipalArn": (ARN, (*ROLES.values(), USER, f"arn:aws:iam::{HOME}:role/team/*", "arn:aws:iam::*:role/app-?",
                               f"arn:aws:iam::{HOME}:role/nobody-shows")),
    "aws:PrincipalOrgID": (STRING, (ORG, "o-other")),
    "aws:PrincipalAccount": (STRING, (HOME, SECOND, ABROAD, "${aws:ResourceAccount}")),
    "aws:PrincipalType": (STRING[:3], ("AssumedRole", "User", "Account", "Anonymous")),
    "aws:PrincipalServiceName": (STRING[:3], (SERVICE, "*.amazonaws.com")),
    "aws:PrincipalIsAWSService": (("Bool",), ("true", "false")),
    "aws:username": (STRING[:3], ("ann", "a*", "${aws:PrincipalTag/team}")),
    "aws:userid": (STRING[:3], ("AROA:build", "*:build")),
    "aws:RequestTag/team": (STRING, ("team-a", "${aws:PrincipalTag/team}", "t*")),
    "aws:ResourceTag/team": (STRING, ("team-a", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/team, 'team-b'}")),
    "aws:ResourceAccount": (STRING, (HOME, ABROAD, "${aws:PrincipalAccount}")),
    "aws:ResourceOrgID": (STRING[:3], (ORG, "${aws:PrincipalOrgID}")),
    "aws:SourceVpce": (STRING, ("vpce-1", "vpce-2", "vpce-*")),
    "aws:SourceVpc": (STRING, ("vpc-1", "vpc-2")),
    "aws:SourceIp": (("IpAddress", "NotIpAddress"), ("203.0.113.0/24", "10.0.0.0/8")),
    "aws:VpcSourceIp": (("IpAddress", "NotIpAddress"), ("10.0.0.0/8",)),
    "aws:RequestedRegion": (STRING, ("eu-west-1", "us-*", "unspecified")),
    "aws:ViaAWSService": (("Bool",), ("true", "false")),
    "aws:MultiFactorAuthPresent": (("Bool",), ("true", "false")),
    "aws:MultiFactorAuthAge": (tuple(f"Numeric{name}" for name in ORDER), ("60", "3600")),
    "aws:CurrentTime": (tuple(f"Date{name}" for name in ORDER), ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")),
    "aws:EpochTime": (tuple(f"Date{name}" for name in ORDER), ("2026-05-01T00:00:00Z",)),
    "aws:TokenIssueTime": (tuple(f"Date{name}" for name in ORDER), ("2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z")),
    "aws:TagKeys": (STRING, ("team", "cost", "t*")),
    "aws:CalledVia": (STRING[:3], ("athena.amazonaws.com",)),
    "bedrock:ServiceTier": (STRING, ("priority", "${aws:PrincipalTag/team}")),
}  # fmt: skip
#: Those that are asked about most, since they differ between the principals or are told by more than one key.
OFTEN = ("aws:PrincipalTag/team", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalType")
Plain = dict[str, Any]


class Corners:
    """Makes estates and questions; everything random comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - not for secrets
        #: What this estate is about: few keys and actions, so that its statements meet.
        self.keys = (*self.some(OFTEN, 2), *self.some(KEYS, 3))
        self.asked = self.some(ASKED, 2)
        named = [action for action, _ in self.asked]
        self.actions = [*named, *(f"{action.partition(':')[0]}:*" for action in named)]
        whole = [
            text
            for text in RESOURCES
            if "${" not in text
            and text.startswith(
                tuple(
                    f"arn:aws:{service}"
                    for service in ("iam" if "sts" in each else each.partition(":")[0] for each in named)
                )
            )
        ]
        self.resources = [*whole, *self.some([text for text in RESOURCES if "${" in text], 2)]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def some(self, choices: Any, most: int = 3) -> list[Any]:
        return self.random.sample(list(choices), self.random.randint(1, min(most, len(choices))))

    # ----- estates

    def estate(self) -> Plain:
        principals = self.principals()
        for name in self.some(TARGETS, 2) if self.chance(0.7) else ():
            principals[name] = {"arn": TARGETS[name], "trust": self.policy(naming=True, trust=True)}
        found: Plain = {
            "principals": principals,
            "accounts": {HOME: {}, SECOND: {}, ABROAD: {"member": self.chance(0.3)}},
        }
        if self.chance(0.6):
            found["organization_id"] = ORG
        self.add_limits(found)
        for name, vpc in (("vpce-1", "vpc-1"), ("vpce-2", "vpc-2")):
            if self.chance(0.3):
                policy = {"policy": self.policy(naming=True, wide=0.5)} if self.chance(0.7) else {}
                found.setdefault("endpoints", {})[name] = {"service": "x", "vpc": vpc, **policy}
        if self.chance(0.4):
            for arn in self.some((QUEUE, FAR_QUEUE, KEY, f"{BUCKET}/x"), 2):
                found.setdefault("resource_policies", {})[arn] = self.policy(naming=True, wide=0.5)
        return found

    def add_limits(self, found: Plain) -> None:
        """The policies of the organisation, and the account that manages it, which they do not reach."""
        if self.chance(0.1):
            found["management_account"] = self.random.choice((HOME, "999988887777"))
        if self.chance(0.6):
            found["scps"] = [self.level() for _ in range(self.random.randint(1, 2))]
            if self.chance(0.3):
                found["accounts"][SECOND] = {"scps": [self.level()]}
        if self.chance(0.3):
            found["rcps"] = [[EVERYBODY, self.control_policy()]]
            if self.chance(0.3):
                found["accounts"][ABROAD]["rcps"] = [[EVERYBODY, self.control_policy()]]

    def principals(self) -> Plain:
        """Roles with the same policies, but for what one of them has of its own, and others."""
        shared, boundary = [self.policy(wide=0.4)], self.policy(wide=0.5)
        found: Plain = {}
        for name in (*self.some(("app-a", "app-b", "app-c"), 3), *self.some(("second", "linked", "partner"), 2)):
            found[name] = {"arn": ROLES[name], "identity": [*shared]}
        if self.chance(0.5):
            found["ann"] = {"arn": USER, "identity": [*shared]}
        for name, row in found.items():
            if self.chance(0.6):
                row["tags"] = {"team": self.random.choice(("team-a", "team-b", "deep"))}
            if self.chance(0.3):
                row["identity"].append(self.policy())
            if self.chance(0.3) and name != "linked":
                row["boundary"] = boundary
            if self.chance(0.4) and name not in {"ann", "linked"}:
                row["trust"] = self.policy(naming=True, trust=True)
        return found

    def level(self) -> list[Plain]:
        open_to_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        policies = [self.policy(wide=0.6, effects=("Deny", "Deny", "Allow"))]
        return [open_to_all, *policies] if self.chance(0.8) else policies

    def control_policy(self) -> Plain:
        return {"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Resource": "*", "Condition": self.conditions(),
            "Action": self.some(("sqs:*", "s3:GetObject", "sts:AssumeRole", "kms:*")),
        }]}  # fmt: skip

    def policy(
        self, *, naming: bool = False, trust: bool = False, wide: float = 0.3, effects: tuple[str, ...] = ()
    ) -> Plain:
        rows = [self.statement(naming, trust, wide, effects) for _ in range(self.random.randint(1, 3))]
        return {"Version": "2012-10-17", "Statement": rows}

    def statement(self, naming: bool, trust: bool, wide: float, effects: tuple[str, ...]) -> Plain:  # noqa: FBT001
        effect = self.random.choice(effects or ("Allow", "Allow", "Deny"))
        found: Plain = {"Effect": effect}
        if naming:
            found["Principal"] = self.random.choice(NAMES)
            if effect == "Deny" and self.chance(0.3):
                found["NotPrincipal"] = self.random.choice(SPARED)
                del found["Principal"]
        if trust:
            found["Action"] = self.some(("sts:AssumeRole", "sts:TagSession", "sts:*", "sts:SetSourceIdentity"), 2)
        else:
            for name, patterns in (("Action", self.actions), ("Resource", self.resources)):
                if self.chance(wide):
                    found[name] = "*"
                elif self.chance(0.2):
                    found[f"Not{name}"] = self.some(patterns, 2)
                else:
                    found[name] = self.some(patterns)
        if self.chance(0.5 if effect == "Allow" else 0.85):
            found["Condition"] = self.conditions()
        return found

    def conditions(self, most: int = 2) -> Plain:
        block: Plain = {}
        for _ in range(self.random.randint(1, most)):
            key = self.random.choice(self.keys)
            if self.chance(0.12):
                block.setdefault("Null", {})[key] = self.random.choice(("true", "false"))
                continue
            operators, values = KEYS[key]
            operator = self.random.choice(operators)
            many = key in {"aws:TagKeys", "aws:CalledVia"}
            quantifier = (
                self.random.choice(("ForAllValues:", "ForAnyValue:")) if self.chance(0.9 if many else 0.2) else ""
            )
            if_exists = "IfExists" if self.chance(0.25) else ""
            block.setdefault(f"{quantifier}{operator}{if_exists}", {})[key] = self.some(values, 2)
        return block

    # ----- questions

    def questions(self, principals: Plain) -> list[Plain]:
        """Questions of all kinds, in the form of `Never` and `Scope`."""
        return [self.question(number, list(principals)) for number in range(self.random.randint(2, 4))]

    def question(self, number: int, principals: list[str]) -> Plain:
        rows: list[Plain] = []
        for _ in range(self.random.randint(1, 2)):
            action, resources = self.random.choice(self.asked)
            row: Plain = {"Effect": "Deny", "Action": action, "Resource": self.random.choice(resources)}
            if self.chance(0.1):
                row = {"Effect": "Deny", "NotAction": action, "Resource": row["Resource"]}
            if self.chance(0.3):
                row["Condition"] = self.conditions(1)
            rows.append(row)
        scope: Plain = {"principals": None if self.chance(0.5) else tuple(self.some(principals, 2))}
        scope |= {name: self.chance(0.2) for name in ("unnamed", "outside", "services")}
        if self.chance(0.2):
            scope["but"] = tuple(self.some((*principals, ROLES["app-a"], f"arn:aws:iam::{HOME}:root"), 2))
        return {"name": f"question {number}", "statements": rows, "scope": scope}


EVERYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
