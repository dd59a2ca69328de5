"""Names that the organisation's SCP, the roles and the audit agree on. Changing one is a breaking change."""

#: The path of every role this library makes; the SCP protects it.
RESERVED_PATH = "/secure-bedrock/"

#: CloudTrail shows role names without their path, so the name tells too.
NAME_PREFIX = "secure-bedrock-"

#: What the audit makes is named so, and the SCP protects what is named so.
AUDIT_PREFIX = "secure-bedrock-audit-"

#: Log groups of the audit.
AUDIT_LOG_GROUPS = "/secure-bedrock/audit/"

#: The tag by which the SCP tells the audit's KMS keys; their ids are random.
AUDIT_KEY_TAG = ("secure-bedrock", "audit")

#: The role of the custom resource that sets model invocation logging, under the reserved path.
#: The SCP lets it change that setting, and lets nobody become it.
LOGGING_ROLE = "secure-bedrock-audit-logging"

#: A role that carries this tag may call nothing of Bedrock, a resource that does may not be called; any value counts.
REVOKED_TAG = "secure-bedrock:revoked"

#: Tag keys that begin so are this library's own.
TAG_PREFIX = "secure-bedrock:"

#: The tag by which the SCP tells the application inference profiles of projects; their ids are random.
PROJECT_TAG = ("secure-bedrock", "project")
