"""Detections over changes of what guards Bedrock: guardrails, models, endpoints, roles, policies, keys."""

from __future__ import annotations

from secure_bedrock.detections.detection import Bus, Detection, Normal, Severity
from secure_bedrock.detections.expressions import Expression, absent, all_of, any_of, equals, none_of, one_of
from secure_bedrock.detections.vocabulary import IAM, SUCCEEDED, always, by_others, operation
from secure_bedrock.policy.reserved import NAME_PREFIX, RESERVED_PATH

_EC2 = equals("eventSource", "ec2.amazonaws.com")
_API_KEY_USER = "BedrockAPIKey-*"
_POLICIES_OF_ROLE = (
    "UpdateAssumeRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
    "DeleteRolePolicy",
)
_OF_ROLE = (
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "CreateRole",
    "DeleteRole",
    "UpdateRole",
    "TagRole",
    "UntagRole",
)
_OF_POLICY = ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy")


def _endpoint_changed(normal: Normal) -> Expression | None:
    if not normal.endpoints:
        return None
    changed, deleted = "requestParameters.ModifyVpcEndpointRequest", "requestParameters.DeleteVpcEndpointsRequest"
    one = f"{deleted}.VpcEndpointId.content"
    expression = all_of(
        _EC2,
        any_of(
            all_of(equals("eventName", "ModifyVpcEndpoint"), one_of(f"{changed}.VpcEndpointId", normal.endpoints)),
            # Several at once stand in a list, which has no such field: then it may be ours.
            all_of(equals("eventName", "DeleteVpcEndpoints"), any_of(one_of(one, normal.endpoints), absent(one))),
        ),
    )
    return by_others(expression)(normal)


def _group_changed(normal: Normal) -> Expression | None:
    if not normal.security_groups:
        return None
    names = (
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "ModifySecurityGroupRules",
        "DeleteSecurityGroup",
    )
    modified = "requestParameters.ModifySecurityGroupRulesRequest.GroupId"
    groups = (one_of(field, normal.security_groups) for field in ("requestParameters.groupId", modified))
    return by_others(all_of(_EC2, one_of("eventName", names), any_of(*groups)))(normal)


def _role_changed(normal: Normal) -> Expression:
    """Roles by name, as CloudTrail shows them without their path; their policies by the reserved path."""
    others = tuple(name for name in normal.roles or () if not name.startswith(NAME_PREFIX))
    ours = one_of("requestParameters.roleName", (f"{NAME_PREFIX}*", *others))
    policies = equals("requestParameters.policyArn", f"*:policy{RESERVED_PATH}*")
    changed = (
        all_of(operation(*_POLICIES_OF_ROLE, source=IAM), ours),
        all_of(operation(*_OF_ROLE, source=IAM), ours),
        all_of(operation(*_OF_POLICY, source=IAM), policies),
    )
    return any_of(*(by_others(each)(normal) for each in changed))


def _assumed_without_mfa(normal: Normal) -> Expression | None:
    if not normal.mfa_roles or not normal.account:
        return None
    return all_of(
        equals("eventSource", "sts.amazonaws.com"),
        equals("eventName", "AssumeRole"),
        SUCCEEDED,
        one_of("requestParameters.roleArn", normal.mfa_roles),
        none_of("userIdentity.accountId", (normal.account,)),
        none_of("userIdentity.sessionContext.attributes.mfaAuthenticated", ("true",)),
    )


CHANGES = (
    Detection(
        id="D10",
        name="Guardrail weakened or deleted",
        severity=Severity.HIGH,
        technique="T1562.001",
        why="A safety control is gone.",
        runbook=("Compare the guardrail with its declaration; deploy it again.", "Ask whoever changed it."),
        blind="Whether the change weakened it: CloudTrail hides the content.",
        find=by_others(
            operation(
                "UpdateGuardrail",
                "DeleteGuardrail",
                "PutEnforcedGuardrailConfiguration",
                "DeleteEnforcedGuardrailConfiguration",
            )
        ),
    ),
    Detection(
        id="D13",
        name="A Bedrock API key is created",
        severity=Severity.HIGH,
        technique="T1098.001",
        why="A long-lived secret that works from anywhere, and an IAM user nobody sees.",
        runbook=("Delete the credential and its user.", "Ask why a role did not do."),
        blind="Short-term keys: they are made without a call (D14 sees their use).",
        find=always(
            all_of(
                IAM,
                any_of(
                    all_of(
                        one_of(
                            "eventName",
                            (
                                "CreateServiceSpecificCredential",
                                "ResetServiceSpecificCredential",
                                "UpdateServiceSpecificCredential",
                            ),
                        ),
                        any_of(
                            equals("requestParameters.serviceName", "bedrock.amazonaws.com"),
                            equals("requestParameters.userName", _API_KEY_USER),
                        ),
                    ),
                    all_of(
                        equals("eventName", "CreateUser"),
                        equals("requestParameters.userName", _API_KEY_USER),
                    ),
                ),
            )
        ),
        bus=Bus.GLOBAL,
    ),
    Detection(
        id="D16",
        name="Access to a model is granted",
        severity=Severity.HIGH,
        technique="T1496.004",
        why="It unlocks costly models for everybody in the account.",
        runbook=(
            "Ask whoever did it which model, and who pays.",
            "Keep deny_marketplace in the organisation's policies.",
        ),
        blind="Models that need no agreement.",
        find=by_others(
            any_of(
                operation(
                    "PutUseCaseForModelAccess", "CreateFoundationModelAgreement", "PutFoundationModelEntitlement"
                ),
                operation("AcceptAgreementRequest", source=equals("eventSource", "*marketplace*")),
            )
        ),
        # Agreements are made in the one Region of AWS Marketplace.
        bus=Bus.HOME | Bus.GLOBAL,
    ),
    Detection(
        id="D20",
        name="An endpoint is changed or deleted",
        severity=Severity.HIGH,
        technique="T1562.007",
        why="Its policy was opened, or the private path removed.",
        runbook=("Compare its policy with the template; deploy it again.", "Look at the calls since (D01)."),
        blind="Changes of the subnets' routes and of private DNS.",
        find=_endpoint_changed,
        needs="approved_endpoints",
    ),
    Detection(
        id="D21",
        name="An endpoint's security group is changed",
        severity=Severity.HIGH,
        technique="T1562.007",
        why="More of the network reaches the endpoint, or less.",
        runbook=("Compare its rules with the template; deploy it again.", "Look for new clients in the records."),
        blind="Another group put on the endpoint (D20), and changes of a prefix list the rules name.",
        find=_group_changed,
        needs="watched_security_groups",
    ),
    Detection(
        id="D22",
        name="A role that invokes models is changed",
        severity=Severity.HIGH,
        technique="T1098.003",
        why="Its trust, its ceiling or its boundary: how somebody stays, and widens what they may.",
        runbook=(
            "Compare role and policies with the template; deploy them again.",
            "Name your deployment's role in expected_principals, or each deployment says this.",
        ),
        blind="A managed policy outside the reserved path that was attached before.",
        find=_role_changed,
        bus=Bus.GLOBAL,
    ),
    Detection(
        id="D23",
        name="An IAM user signs in without MFA",
        severity=Severity.MEDIUM,
        technique="T1078.004",
        why="A password is enough, and may be stolen.",
        runbook=("Ask the user.", "Give people roles through IAM Identity Center, and MFA."),
        blind="Sign-in through an identity provider, whose MFA AWS does not see.",
        find=always(
            all_of(
                equals("eventName", "ConsoleLogin"),
                equals("userIdentity.type", "IAMUser"),
                equals("responseElements.ConsoleLogin", "Success"),
                none_of("additionalEventData.MFAUsed", ("Yes",)),
            )
        ),
        bus=Bus.HOME | Bus.GLOBAL,
        detail_type="AWS Console Sign In via CloudTrail",
    ),
    Detection(
        id="D24",
        name="Another account assumes a role without MFA",
        severity=Severity.HIGH,
        technique="T1199",
        why="The condition that asks for it was removed or bypassed.",
        runbook=("Compare the role's trust policy with the template.", "Revoke the role's sessions."),
        blind="Sessions whose record does not say whether there was MFA, as an identity provider's.",
        find=_assumed_without_mfa,
        bus=Bus.HOME | Bus.GLOBAL,
        reads=True,
        needs="a role that asks another account for MFA",
    ),
    Detection(
        id="D27",
        name="A model is imported or customised",
        severity=Severity.MEDIUM,
        technique="T1195",
        why="Untrusted weights, or your data in a model of somebody else's.",
        runbook=("Ask whoever did it.", "Deny BedrockFeature.IMPORT where it is not used."),
        blind="What is in the weights.",
        find=by_others(
            operation(
                "CreateModelImportJob",
                "CreateModelCustomizationJob",
                "CreateCustomModel*",
                "CreateMarketplaceModelEndpoint",
                "RegisterMarketplaceModelEndpoint",
            )
        ),
    ),
    Detection(
        id="D28",
        name="A Bedrock resource is shared",
        severity=Severity.HIGH,
        technique="T1098",
        why="Its policy lets somebody in whom IAM here does not see.",
        runbook=("Read the policy, and ask whoever wrote it.", "Delete it if nobody answers."),
        blind="What the policy says: CloudTrail hides it.",
        find=by_others(operation("PutResourcePolicy", "DeleteResourcePolicy")),
    ),
    Detection(
        id="D29",
        name="The user behind an API key does something else",
        severity=Severity.HIGH,
        technique="T1098.001",
        why="The user that AWS makes for a key has other credentials now, or acts outside Bedrock.",
        runbook=("Delete the user and all its credentials.", "Look for what else it did."),
        blind="A user whose name somebody chose.",
        find=always(
            any_of(
                all_of(
                    IAM,
                    one_of("eventName", ("CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile")),
                    equals("requestParameters.userName", _API_KEY_USER),
                ),
                all_of(equals("userIdentity.userName", _API_KEY_USER), none_of("eventSource", ("bedrock*",))),
            )
        ),
        bus=Bus.HOME | Bus.GLOBAL,
        reads=True,
    ),
    Detection(
        id="D30",
        name="Throughput is bought, or a batch job started",
        severity=Severity.MEDIUM,
        technique="T1496.004",
        why="Both cost much, and a batch job escapes guardrail conditions.",
        runbook=("Ask whoever did it; stop the job.", "Deny BedrockFeature.BATCH where it is not used."),
        blind="What the batch job's input holds.",
        find=by_others(
            operation(
                "CreateProvisionedModelThroughput",
                "UpdateProvisionedModelThroughput",
                "DeleteProvisionedModelThroughput",
                "CreateModelInvocationJob",
            )
        ),
    ),
    Detection(
        id="D35",
        name="An agent or knowledge base is changed",
        severity=Severity.MEDIUM,
        technique="T1565.001",
        why="A new tool for an agent, or poisoned documents for its answers.",
        runbook=("Compare with its declaration; deploy it again.", "Look at what was ingested."),
        blind="Documents that were changed at their source.",
        find=by_others(
            operation(
                "UpdateAgent",
                "CreateAgentActionGroup",
                "UpdateAgentActionGroup",
                "AssociateAgentKnowledgeBase",
                "UpdateAgentKnowledgeBase",
                "StartIngestionJob",
                "DeleteKnowledgeBase",
                "CreateDataSource",
                "UpdateDataSource",
                "DeleteDataSource",
            )
        ),
    ),
    Detection(
        id="D37",
        name="An automated reasoning policy is changed",
        severity=Severity.MEDIUM,
        technique="T1562.001",
        why="What validates answers is gone or weaker.",
        runbook=("Compare it with its declaration; deploy it again.", "Ask whoever changed it."),
        blind="Whether the change weakened it.",
        find=by_others(
            operation(
                "UpdateAutomatedReasoningPolicy",
                "UpdateAutomatedReasoningPolicyAnnotations",
                "DeleteAutomatedReasoningPolicy",
                "DeleteAutomatedReasoningPolicyBuildWorkflow",
            )
        ),
    ),
)
