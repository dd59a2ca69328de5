"""The dated table of foundation models: which ids are known, and what is known of each."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Any

from secure_bedrock.data import table
from secure_bedrock.errors import invalid

_WELL_FORMED = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.[a-zA-Z0-9][a-zA-Z0-9._-]*(:[a-zA-Z0-9]+){0,3}")
#: How like a known name an unknown one must be to be taken for a slip of the keyboard.
_MISSPELT = 0.86


def known_model(model_id: str) -> dict[str, Any] | None:
    """Return the table's row of a model id, or None."""
    return _models().get(model_id)


def require_plausible(name: str, model_id: str) -> None:
    """Refuse a model id that is malformed or looks like a misspelling of a known one.

    An unknown id that differs from known ones in numbers only (a new version), or that is like none, is accepted.

    Raises:
        InvalidInput: naming the nearest known id.
    """
    if not _WELL_FORMED.fullmatch(model_id):
        raise invalid(
            name,
            model_id,
            allowed="a model id (PROVIDER.MODEL), an inference-profile id (GEOGRAPHY.PROVIDER.MODEL) or a Bedrock ARN",
            nearest=_nearest_id(model_id, cutoff=0.6),
        )
    if model_id in _models() or _shape(model_id) in _shapes():
        return
    likely = _nearest_id(model_id, cutoff=_MISSPELT)
    if likely is not None:
        raise invalid(
            name,
            model_id,
            allowed="a model id",
            nearest=likely,
            remedy="if the model is new, pass accept_unknown=True to Model.parse",
        )


def exempt_from_guardrails(model_id: str) -> bool:
    """Whether a model is taken not to accept a guardrail (embeddings, rerankers, speech; unverified, see the table)."""
    rule = table("guardrail_exemptions")
    row = known_model(model_id)
    if row and row["guardrail"]:
        return False
    outputs = set((row or {}).get("output") or ())
    return bool(outputs & set(rule["outputs"])) or any(word in model_id for word in rule["id_words"])


def guardrail_exempt_patterns() -> tuple[str, ...]:
    """Return patterns of the ids of every model that is taken not to accept a guardrail."""
    words = table("guardrail_exemptions")["id_words"]
    rest = (model_id for model_id in _models() if not any(word in model_id for word in words))
    return (*(f"*{word}*" for word in words), *(model_id for model_id in rest if exempt_from_guardrails(model_id)))


def _nearest_id(model_id: str, *, cutoff: float) -> str | None:
    close = get_close_matches(_shape(model_id), list(_shapes()), n=1, cutoff=cutoff)
    if not close:
        return None
    candidates = _shapes()[close[0]]
    best = get_close_matches(model_id, candidates, n=1, cutoff=0.0)
    return best[0] if best else candidates[0]


def _shape(model_id: str) -> str:
    """An id without its numbers: two versions of one model have one shape."""
    return re.sub(r"\d+", "#", model_id)


@cache
def _models() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in table("models")["models"]}


@cache
def _shapes() -> dict[str, list[str]]:
    shapes: dict[str, list[str]] = {}
    for model_id in _models():
        shapes.setdefault(_shape(model_id), []).append(model_id)
    return shapes
