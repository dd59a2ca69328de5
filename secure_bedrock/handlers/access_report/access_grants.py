"""What identity policies give of Bedrock. It knows policies' text only: nothing is asked of AWS here.

Whatever cannot be read, or not be excluded, is taken to give: a report that leaves a principal out is worse than one
that lists one too many. IAM refuses wildcards in an action's service, but for `*`; they are read all the same.
"""

import json
import urllib.parse
from fnmatch import fnmatchcase

NAMESPACES = ("bedrock", "bedrock-mantle", "bedrock-websearch", "bedrock-agentcore")
CEILING = "secure-bedrock-ceiling"


class Grant:
    """What some policies give: actions as they are written, services reached, services denied whole, and by what."""

    def __init__(self):
        self.actions, self.services, self.denied, self.policies, self.unreadable = {}, set(), set(), {}, []

    def add(self, document, via):
        """Add a policy: a document as IAM hands it out, or None where there is none to be read."""
        try:
            found = read(document)
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unreadable.append(via)
            return
        actions, services, denied = found
        self.denied |= denied
        if services:
            self.actions |= dict.fromkeys(actions)
            self.services |= services
            self.policies[via] = None

    @property
    def holds(self):
        return bool(self.services or self.unreadable)

    @property
    def is_denied(self):
        """Whether all of it is denied in so many words; a ceiling denies parts and is not meant."""
        return bool(self.services) and self.services <= self.denied and not self.unreadable


def read(document):
    """Return the actions and services that a document allows, and the services it denies whole, everywhere, always."""
    if isinstance(document, str):
        document = json.loads(urllib.parse.unquote(document))
    actions, services, denied = [], set(), set()
    for statement in many(document["Statement"]):
        if statement["Effect"] == "Allow" and on_bedrock(statement):
            named, reached = reach(statement)
            actions += named
            services |= reached
        elif statement["Effect"] == "Deny" and not statement.get("Condition") and "*" in many(statement.get("Resource", [])):
            denied |= covered(statement)
    return actions, services, denied


def many(value):
    return value if isinstance(value, list) else [value]


def reach(statement):
    """The patterns of a statement that name an action of Bedrock, and the services whose actions they name."""
    if "NotAction" in statement:
        left = {name for name in NAMESPACES if not any(whole(action, name) for action in many(statement["NotAction"]))}
        return (["all but " + " ".join(many(statement["NotAction"]))] if left else []), left
    named = [action for action in many(statement["Action"]) if services_of(action)]
    return named, {name for action in named for name in services_of(action)}


def covered(statement):
    """The services all of whose actions a statement names."""
    if "NotAction" in statement:
        return {name for name in NAMESPACES if not any(name in services_of(a) for a in many(statement["NotAction"]))}
    return {name for name in NAMESPACES if any(whole(action, name) for action in many(statement["Action"]))}


def services_of(action):
    prefix, colon, name = action.lower().partition(":")
    if not colon:
        return set(NAMESPACES) if prefix.strip("*") == "" else set()
    return {each for each in NAMESPACES if name and fnmatchcase(each, prefix.replace("[", "[[]"))}


def whole(action, namespace):
    name = action.lower().partition(":")[2] or action
    return namespace in services_of(action) and name.strip("*") == ""


def on_bedrock(statement):
    """Whether a statement's resources can be of Bedrock; `NotResource` can, unless it names everything."""
    if "NotResource" in statement:
        return "*" not in many(statement["NotResource"])
    return any(can_be_bedrock(resource) for resource in many(statement["Resource"]))


def can_be_bedrock(resource):
    head, *rest = resource.split("${")  # what a policy variable stands for is not known here
    fields = "*".join([head, *(part.partition("}")[2] for part in rest)]).split(":", 5)
    if len(fields) < 3:
        return "*" in fields[-1]
    return any(fnmatchcase(name, fields[2].replace("[", "[[]")) for name in NAMESPACES)


def is_ceiling(name, document):
    """Whether an inline policy is what holds a scoped role of this library: its name, and the denial it rests on."""
    try:
        document = json.loads(urllib.parse.unquote(document)) if isinstance(document, str) else document
        denials = [each for each in many(document["Statement"]) if each["Effect"] == "Deny" and not each.get("Condition")]
        return name == CEILING and any("NotAction" in each and on_bedrock(each) for each in denials)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
