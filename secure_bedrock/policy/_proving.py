"""The prover: for each principal one formula of what is allowed, and for each question a search in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from secure_bedrock.data import table
from secure_bedrock.policy import _subjects
from secure_bedrock.policy._automata import Domain, Glob
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._cells import Asked
from secure_bedrock.policy._encoding import Keys, keys_in_resources
from secure_bedrock.policy._globs import Context, parse
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._linking import known_actions, prepare, types_of
from secure_bedrock.policy._rcp_services import SERVICES
from secure_bedrock.policy._space import Space, Vocabulary
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.document import VERSION, Condition, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import TRUST_ACTIONS
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.relations import CLOSED, FORMS, KINDS


class Prover:
    """An estate, prepared for questions about some requests.

    Args:
        estate: the estate.
        statements: every statement that a question will be about.
        scopes: whom the questions will be about.
        budget: what all of it may cost.
        others: estates whose policies are to be compared.
        more: principals of theirs.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is compared beside what is asked
        self, estate: Estate, statements: Sequence[Statement], scopes: Sequence[Scope], budget: Budget,
        others: Sequence[Estate] = (),
        more: tuple[Subject, ...] = (),
    ) -> None:  # fmt: skip
        self.estate = estate
        self.budget = budget
        self._others = others
        self.more = more
        self._statements = statements
        self._services = services_of(statements)
        self._subjects: dict[Scope, tuple[Subject, ...]] = {
            scope: tuple(subjects_of(estate, scope)) for scope in dict.fromkeys(scopes)
        }
        self.vocabulary = self._vocabulary()
        self.used = prepare(self.vocabulary, estate)
        for other in others:
            prepare(self.vocabulary, other)
        self._add_types()
        self.space = self._space({})
        self._asked: dict[Subject, Inquiry] = {}

    def subjects(self, scope: Scope) -> tuple[Subject, ...]:
        """Return whom a scope means."""
        return self._subjects[scope]

    def about(self, subject: Subject) -> Inquiry:
        """Return what is allowed to one of them."""
        if subject not in self._asked:
            self._asked[subject] = Inquiry(self, subject, self.space, {})
        return self._asked[subject]

    def assuming(self, subject: Subject, assumed: dict[str, str | None]) -> Inquiry:
        """Return what is allowed to one of them while keys that policies use as variables have these values."""
        return Inquiry(self, subject, self._space(assumed), assumed)

    def is_about(self, statement: Statement) -> bool:
        """Whether a statement may be about an action that is asked about."""
        return bool(statement.not_actions) or self._services is None or _meets(statement.actions, self._services)

    # ----- preparation

    def _vocabulary(self) -> Vocabulary:
        vocabulary = Vocabulary()
        for statement in self._statements:
            vocabulary.add(statement, variables=True)
        patterns = [action for each in self._statements for action in (each.actions or ("*",))]
        for action in known_actions(patterns):
            vocabulary.add_action(action)
        for estate in (self.estate, *self._others):
            self._add_estate(vocabulary, estate)
        self._add_subjects(vocabulary)
        return vocabulary

    def _add_types(self) -> None:
        """Tell apart what the actions stand on, those among them that a guarantee names."""
        for glob in list(self.vocabulary.actions):
            name = "".join(str(part) for part in glob.parts if isinstance(part, str))
            for pattern in (types_of(name) or ((), False))[0]:
                self.vocabulary.add_resource(pattern, variables=False)

    def _add_subjects(self, vocabulary: Vocabulary) -> None:
        for subject in self._everybody():
            if subject.partition:  # its resources are there, whether a policy spells that out or not
                vocabulary.add_value("partition", subject.partition)
            if "aws:principalarn" in vocabulary.asked:
                _add_names(vocabulary, subject)
            for key, value in subject.own_tags.items() if subject.has_any_tags else ():
                if key in vocabulary.asked:
                    vocabulary.add_value(key, value)

    def _add_estate(self, vocabulary: Vocabulary, estate: Estate) -> None:
        for policy in estate.policies:
            for statement in policy.statements:
                if self.is_about(statement):
                    variables = policy.version == VERSION
                    vocabulary.add(statement, variables=variables)
                    if variables:
                        for key in keys_in_resources((*statement.resources, *statement.not_resources)):
                            vocabulary.asked.setdefault(key, {})
        self._add_special(vocabulary, estate)
        self._add_arns(vocabulary, estate)

    def _add_arns(self, vocabulary: Vocabulary, estate: Estate) -> None:
        for account in estate.own_accounts:
            vocabulary.add_value("account", account)
        for arn in estate.resource_policies:
            if arn.startswith("arn:") and (self._services is None or arn.split(":")[2] in self._services):
                vocabulary.add_resource(arn, variables=False)
        if self._services is None or "sts" in self._services:
            for principal in estate.principals.values():
                vocabulary.add_resource(principal.arn, variables=False)

    def _add_special(self, vocabulary: Vocabulary, estate: Estate) -> None:
        """Tell apart the actions that the rules of evaluation treat apart."""
        for action in (*TRUST_ACTIONS, "kms:"):
            if self._services is None or action.partition(":")[0] in self._services:
                vocabulary.add_action(f"{action}*")
                vocabulary.add_resource("arn:*:iam::*:role/*", variables=False)
        if estate.rcps or any(account.rcps for account in estate.accounts.values()):
            for service in SERVICES if self._services is None else SERVICES & self._services:
                vocabulary.add_action(f"{service}:*")

    def _everybody(self) -> Iterator[Subject]:
        yield from (subject for scope in self._subjects.values() for subject in scope)
        yield from self.more

    def _space(self, assumed: dict[str, str | None]) -> Space:
        variables = {key for asked in self.vocabulary.asked.values() for each in asked for key in each.variable_keys()}
        variables |= {key for text, is_new in self.vocabulary.resources if is_new for key in keys_in_resources((text,))}
        return Space(
            self.vocabulary, self._known(frozenset(variables), assumed), domains=DOMAINS, kinds=KINDS,
            closed=CLOSED, preferred=_preferred(self._services), budget=self.budget,
        )  # fmt: skip

    def _known(self, variables: frozenset[str], assumed: dict[str, str | None]) -> list[Context]:
        """The values that variables have, for each principal."""
        if not variables:
            return []
        found: dict[tuple[tuple[str, object], ...], None] = {}
        for subject in self._everybody():
            keys = Keys({**subject.fixed()})
            values = {key: keys.value(key) for key in sorted(variables)}
            values |= {key: value for key, value in assumed.items() if key in variables}
            found[tuple((key, v) for key, v in values.items() if isinstance(v, str))] = None
        return [dict(each) for each in found]  # type: ignore[misc]


def subjects_of(estate: Estate, scope: Scope) -> Iterator[Subject]:
    """Yield whom a scope means."""
    left_out = {estate.principals[name].arn if name in estate.principals else name for name in scope.but}

    def meant(subjects: Iterable[Subject]) -> Iterator[Subject]:
        return (each for each in subjects if each.stem or each.caller.arn not in left_out)

    yield from meant(_subjects.named(estate, scope.principals))
    if scope.unnamed:
        yield from (each.without(left_out) for each in meant(_subjects.unnamed(estate)))
    if scope.outside:
        yield from (each.without(left_out) for each in meant(_subjects.outsiders(estate)))
    if scope.services:
        yield from meant(_subjects.service_principals(estate))
        yield from meant(_subjects.providers(estate))


def services_of(statements: Iterable[Statement]) -> frozenset[str] | None:
    """Return the services that statements are about, in lower case; None: any."""
    found: set[str] = set()
    for statement in statements:
        if statement.not_actions or any(":" not in action or action.startswith("*") for action in statement.actions):
            return None
        found |= {action.partition(":")[0].lower() for action in statement.actions}
    return frozenset(found)


def _meets(actions: tuple[str, ...], services: frozenset[str]) -> bool:
    return any(":" not in each or each == "*:*" or each.partition(":")[0].lower() in services for each in actions)


def _add_names(vocabulary: Vocabulary, subject: Subject) -> None:
    """Tell apart the names that are taken, and those only AWS gives."""
    if not subject.stem:
        return
    for arn in subject.taken:
        if arn.startswith(subject.stem):
            vocabulary.add_value("aws:principalarn", arn)
    linked = Condition(operator="StringLike", key="aws:PrincipalArn", values=(f"{subject.stem}aws-service-role/*",))
    vocabulary.asked.setdefault("aws:principalarn", {})[Asked(linked, variables=False)] = None


DOMAINS = {
    key: Domain(within=Glob(parse(form, variables=False), fields=5 if form.startswith("arn:") else 0))
    for key, form in FORMS.items()
}


@cache
def _preferred(services: frozenset[str] | None) -> dict[str, tuple[str, ...]]:
    """Values that read well, of the services that are asked about."""
    is_about_models = services is None or "bedrock" in services
    """Values that read well, where a witness may have any."""
    models = tuple(f"foundation-model/{row['id']}" for row in table("models")["models"] if is_about_models)
    actions = (row["action"] for row in table("authorisations")["actions"])
    return {
        "service": ("bedrock", "iam", "sts", "s3"),
        "region": ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2", "ca-central-1"),
        "account": ("999999999999",),
        "rest": ("foundation-model/amazon.nova-lite-v1:0", *models, "role/other"),
        "action": tuple(a for a in actions if services is None or a.partition(":")[0].lower() in services),
        "aws:sourcevpce": ("vpce-0fedcba9876543210",),
        "aws:sourcevpc": ("vpc-0fedcba9876543210",),
        "aws:requestedregion": ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2"),
        "aws:principalorgid": ("o-anotherorgid",),
        "aws:resourceorgid": ("o-anotherorgid",),
    }
