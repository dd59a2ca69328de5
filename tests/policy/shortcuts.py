"""The prover without what makes it fast, to hold its answers against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from secure_bedrock.policy import Policy
from secure_bedrock.policy import _automata as automata
from secure_bedrock.policy import _inquiry as inquiry
from secure_bedrock.policy._encoding import Encoding, _Found
from secure_bedrock.policy._formulas import TRUE, Formula, find
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._model import Grants, Model
from secure_bedrock.policy._space import Space
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.estate import Layer
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.matching import CompiledStatement, compile_policy

EVERYBODY = Scope(unnamed=True, outside=True, services=True)
PLENTY = 1_000_000_000


def made_anew(self: Encoding, _: object, *, maybe: bool, made: Callable[[], Formula]) -> _Found:  # noqa: ARG001
    """A formula with what it hangs on, never remembered."""
    reasons, self.reasons = self.reasons, {}
    formula = made()
    found = _Found(formula, tuple(self.reasons))
    self.reasons = {**reasons, **self.reasons}
    return found


REMEMBERING: list[tuple[Any, str, Any]] = [
    (Encoding, "_once", made_anew),
    (Space, "once", lambda _, __, made: made()),
    (Space, "_joined", lambda _, join, parts: join(parts)),
    (Space, "is_satisfiable", lambda self, formula: find(formula, self.budget) is not None),
]
FORESEEING: list[tuple[Any, str, Any]] = [
    (Grants, "may_give", lambda *_: True),
    (Model, "granted_roughly", lambda _: TRUE),
    (Inquiry, "_is_granted", lambda *_: True),
    (Inquiry, "_may_use", lambda *_: True),
    (inquiry, "narrowed", lambda formula, *_: formula),
    (automata, "_only_text", lambda _: None),
    (Layer, "meant_for", lambda self, _: self.statements),
]


@contextmanager
def without(*shortcuts: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, plain in shortcuts:
            stack.enter_context(mock.patch.object(place, name, plain))
        yield


def compiled(statements: Sequence[Statement]) -> tuple[CompiledStatement, ...]:
    return compile_policy(Policy(statements=tuple(statements), name="asked"), principals=False)
