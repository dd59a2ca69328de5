"""Service control policies out of what an organisation declares, within what AWS Organizations takes.

Quotas: AWS Organizations User Guide, "Quotas and service limits"; white space counts, so documents are compact.
"""

from __future__ import annotations

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.organization import Organization, call_statements
from secure_bedrock.policy.protection import Protection, protection_statements
from secure_bedrock.policy.sizes import size_of
from secure_bedrock.policy.splitting import pack

#: The property that makes a statement long.
_PROPERTIES = {
    "Regions": "allowed_regions",
    "Destinations": "allowed_regions",
    "Models": "allowed_models",
    "MantleModels": "allowed_models",
    "Guardrail": "guardrail_exempt_models",
    "GuardrailChanges": "required_guardrail",
    "Network": "required_endpoints",
    "NetworkDirect": "required_endpoints",
}


def service_control_policies(
    organization: Organization, protection: Protection, *, max_document_size: int, max_policies: int
) -> tuple[Policy, ...]:
    """Return the documents, statements in a stable order.

    Raises:
        InvalidInput: naming the statement that is too long, or how many documents are needed.
    """
    statements = (*call_statements(organization), *protection_statements(protection))
    for statement in statements:
        _require_fit(statement, max_document_size)
    documents = pack(statements, limit=max_document_size, name="max_document_size")
    if len(documents) > max_policies:
        sizes = ", ".join(str(size_of(document)) for document in documents)
        raise InvalidInput(
            f"max_policies: got {max_policies}; {len(documents)} documents of at most {max_document_size} characters "
            f"are needed ({sizes}); allow more of them, or max_document_size=10240 where AWS has raised the quota"
        )
    return documents


def _require_fit(statement: Statement, limit: int) -> None:
    """Refuse a statement that cannot be divided: two halves of a NotResource deny everything."""
    size = size_of(Policy(statements=(statement,)))
    if size <= limit or (statement.actions and statement.resources):
        return
    raise InvalidInput(
        f"{_PROPERTIES.get(statement.sid or '', 'exempt_principals')}: the statement {statement.sid} needs {size} "
        f"characters, {limit} are allowed and it cannot be divided; name fewer values, a family of models such as "
        "'anthropic.claude-*', or set max_document_size=10240 where AWS has raised the quota"
    )
