"""GraphQL documents and requests as they come in: their shape, their size, and what viewers may not ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    parse,
)
from pydantic import BaseModel, Field, Json

#: The greatest of Dagster's UI has 850 tokens and 795 fields, with its fragments in place; GraphiQL's is 15 deep.
MOST_TOKENS, MOST_FIELDS, GREATEST_DEPTH = 2_000, 2_000, 20
_MOST_COMMENTS = 100
#: Mutations that change nothing for other users: the UI's own bookkeeping. Viewers may run no others.
HARMLESS_MUTATIONS = frozenset({"logTelemetry", "setNuxSeen"})
#: Subscriptions that are answered.
SUBSCRIPTIONS = frozenset({"pipelineRunLogs", "capturedLogs", "locationStateChangeEvents"})
#: Fields that try a run config, whose result shows which environment variables of the code server are set.
FOR_ADMINS = frozenset({"executionPlanOrError", "isPipelineConfigValid", "isRunConfigValid"})


class GraphqlRequest(BaseModel):
    """One operation; several in a list are not taken."""

    query: str
    variables: dict[str, Any] | Json[dict[str, Any]] | None = None
    operation_name: str | None = Field(None, validation_alias="operationName")


class SocketMessage(BaseModel):
    """A message of the protocol graphql-ws from its client."""

    id: str | None = None
    type: Literal["connection_init", "connection_terminate", "start", "stop"]
    payload: dict[str, Any] | None = None


@dataclass(frozen=True)
class Document:
    """What a document asks.

    Attributes:
        parsed: its syntax tree.
        fields: the names of all its fields.
        mutations: what its mutations call; `...` for fragments, which are not looked into.
        subscriptions: the same of its subscriptions.
    """

    parsed: DocumentNode
    fields: frozenset[str]
    mutations: frozenset[str]
    subscriptions: tuple[str, ...]

    @property
    def refused_to_viewers(self) -> frozenset[str]:
        return (self.mutations - HARMLESS_MUTATIONS) | (self.fields & FOR_ADMINS)

    @property
    def is_known_subscription(self) -> bool:
        return len(self.subscriptions) == 1 and self.subscriptions[0] in SUBSCRIPTIONS


# The UI sends the same few documents again and again.
@lru_cache(maxsize=128)
def read_document(query: str) -> Document:
    """Read a document.

    Raises:
        GraphQLError: it is none, or it is larger than allowed.
    """
    parsed = parse(query, no_location=True, max_lexical_tokens=MOST_TOKENS, max_comments=_MOST_COMMENTS)
    operations = [one for one in parsed.definitions if isinstance(one, OperationDefinitionNode)]
    fragments = [one for one in parsed.definitions if isinstance(one, FragmentDefinitionNode)]
    sizes = _Sizes({one.name.value: one for one in fragments})
    asked = [sizes.of(one.selection_set) for one in operations]
    # Those that no operation uses are validated too.
    measured = [*asked, *(sizes.of(one.selection_set) for one in fragments)]
    if max(sum(fields for _depth, fields in asked), *(fields for _depth, fields in measured), 0) > MOST_FIELDS:
        raise GraphQLError(f"The document asks for more than {MOST_FIELDS} fields")
    if max((depth for depth, _fields in measured), default=0) > GREATEST_DEPTH:
        raise GraphQLError(f"The document is more than {GREATEST_DEPTH} fields deep")
    mutations = _called(operations, OperationType.MUTATION)
    subscriptions = _called(operations, OperationType.SUBSCRIPTION)
    return Document(parsed, frozenset(sizes.names), frozenset(mutations), tuple(subscriptions))


class _Sizes:
    """Measures selections with their fragments in place, each fragment once."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.names: set[str] = set()
        self._fragments = fragments
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, selected: SelectionSetNode | None) -> tuple[int, int]:
        """The depth of a selection, and how many fields it has."""
        sizes = [self._of(selection) for selection in (selected.selections if selected else ())]
        return max((depth for depth, _fields in sizes), default=0), sum(fields for _depth, fields in sizes)

    def _of(self, selection: SelectionNode) -> tuple[int, int]:
        if isinstance(selection, FragmentSpreadNode):
            return self._of_fragment(selection.name.value)
        depth, fields = self.of(getattr(selection, "selection_set", None))
        if not isinstance(selection, FieldNode):
            return depth, fields
        self.names.add(selection.name.value)
        return depth + 1, fields + 1

    def _of_fragment(self, name: str) -> tuple[int, int]:
        if name not in self._known and name in self._fragments:
            # Until it is measured, as in a fragment that contains itself; validation refuses those.
            self._known[name] = (0, 0)
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known.get(name, (0, 0))


def _called(operations: list[OperationDefinitionNode], kind: OperationType) -> list[str]:
    of_kind = (operation.selection_set for operation in operations if operation.operation is kind)
    selections = [selection for selected in of_kind for selection in selected.selections]
    return [one.name.value if isinstance(one, FieldNode) else "..." for one in selections]
