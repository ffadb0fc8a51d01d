"""What was written on the way to an answer, as a tree: for the terminal, the page and data frames alike.

The nodes are rows of a record (`store/records.py`). Nothing is printed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import UNSET

from cotbench.modes.votes import deciding
from cotbench.store.journal import StoredReply
from cotbench.store.records import NodeRow, Record
from cotbench.types import Key, Outcome

Place = tuple[int, int]  # a reply among a record's requests, and a path of it


@dataclass(slots=True, kw_only=True, eq=False)
class TreeNode:
    """A node where it stands in its tree.

    place: among the record's nodes. depth: 0 of first ones. children: in the order in which they were written. answer,
    outcome: of a candidate, what it answers and the verdict on it; None where nothing was read in it. chosen: the
    record's answer is its; then it is a candidate, if of one. stands: it was kept or chosen, or a node below it was."""

    place: int
    row: NodeRow
    depth: int
    children: list[TreeNode] = field(default_factory=list)
    answer: str | None = None
    outcome: Outcome | None = None
    chosen: bool = False
    stands: bool = False

    @property
    def candidate(self) -> bool:
        """Whether it is a candidate for the answer."""
        return self.row.ballot is not None or self.chosen

    @property
    def below(self) -> list[TreeNode]:
        """The node and all that are below it, each behind its parent."""
        found = [self]
        for node in found:  # grows meanwhile
            found += node.children
        return found


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The nodes of a record in their order, and which of them are first ones."""

    nodes: Sequence[TreeNode]
    roots: Sequence[TreeNode]

    @cached_property
    def kept(self) -> int:
        """How many were kept."""
        return sum(node.row.kept for node in self.nodes)

    @cached_property
    def candidates(self) -> Sequence[TreeNode]:
        """The candidates for the answer."""
        return [node for node in self.nodes if node.candidate]

    @cached_property
    def right(self) -> int:
        """How many candidates have a right answer."""
        return sum(node.outcome == Outcome.CORRECT for node in self.candidates)

    @cached_property
    def roles(self) -> Sequence[str]:
        """The different roles, in the order in which they come."""
        return list(dict.fromkeys(node.row.role for node in self.nodes))


def rows_of(record: Record) -> Sequence[NodeRow]:
    """Return the nodes of a record; none where its mode has none."""
    return () if record.nodes is UNSET else record.nodes


def tree_of(record: Record, decided: Place | None = None) -> Tree | None:
    """Make the tree of a record's nodes; None where it has none. decided: the reply and path of its answer."""
    rows = rows_of(record)
    if not rows:
        return None
    nodes: list[TreeNode] = []
    for place, row in enumerate(rows):
        parent = None if row.parent is None else nodes[row.parent]  # which is before it, or the record isn't read
        answer, outcome = _verdict(record, row)
        node = TreeNode(place=place, row=row, depth=parent.depth + 1 if parent else 0, answer=answer, outcome=outcome)
        if parent is not None:
            parent.children.append(node)
        nodes.append(node)
    chosen = _chosen(record, nodes, decided)
    if chosen is not None:
        chosen.chosen, chosen.answer, chosen.outcome = True, record.answer, record.outcome
    for node in reversed(nodes):
        node.stands = node.row.kept or node.chosen or any(child.stands for child in node.children)
    return Tree(nodes=nodes, roots=[node for node in nodes if node.depth == 0])


def _verdict(record: Record, row: NodeRow) -> tuple[str | None, Outcome | None]:
    """What a candidate answers, and the verdict on it."""
    votes = record.votes
    if row.ballot is None or votes is None or row.ballot >= len(votes.ballots):
        return None, None
    ballot = votes.ballots[row.ballot]
    return (None, None) if ballot is None else (votes.answers[ballot].answer, votes.answers[ballot].outcome)


def _chosen(record: Record, nodes: Sequence[TreeNode], decided: Place | None) -> TreeNode | None:
    """The candidate that the record's answer is from: by its reply and path, else the first with the same answer. Where
    nothing was chosen among, it is what was written last in the reply that the answer was read in."""
    if record.answer is None:
        return None
    there = [node for node in nodes if decided is not None and node.row.source == decided]
    candidates = [node for node in nodes if node.row.ballot is not None]
    if not candidates:
        return there[-1] if there else None
    same = [node for node in candidates if node.answer == record.answer]
    return next((node for node in same if node in there), next(iter(same), None))


def reasons(nodes: Iterable[TreeNode]) -> Mapping[str, int]:
    """Count why nodes were dropped, the most common reason first."""
    return dict(Counter(node.row.why for node in nodes if node.row.why).most_common())


def best(nodes: Iterable[TreeNode]) -> float | None:
    """Return the largest value of some nodes; None where none has one."""
    return max((node.row.value for node in nodes if node.row.value is not None), default=None)


def decided_by(record: Record) -> Place | None:
    """Return the reply and path that a record's answer was read in, as far as the record says it.

    The last reply's first path; of votes, the first to vote for the winner. None where there is no reply, or all
    abstained."""
    if not record.requests:
        return None
    if record.source is not UNSET:
        return record.source
    path = deciding(record.votes.ballots) if record.votes is not None else 0
    return None if path is None else (len(record.requests) - 1, path)


def parents_of(keys: Sequence[Key], replies: Sequence[StoredReply | None]) -> list[tuple[Place, ...]]:
    """Return for each reply of a record those that its request builds on, as far as the journal says it: of each the
    place among the record's, and of the path."""
    places = {(key.request, key.ordinal): place for place, key in enumerate(keys)}
    return [
        tuple(
            (places[request, ordinal], path) for request, ordinal, path in reply.after if (request, ordinal) in places
        )
        if reply is not None
        else ()
        for reply in replies
    ]


def ballots_by_path(record: Record) -> Mapping[Place, int]:
    """Return which ballot is cast by which path of which reply, where the record's nodes say so, or each path was asked
    for by itself: then by equal requests, between which replies may have been gone on with."""
    found: dict[Place, int] = {}
    for row in rows_of(record):
        if row.ballot is not None and row.source is not None:
            found.setdefault(row.source, row.ballot)
    if found or record.votes is None:
        return found
    singly = [at for at, address in enumerate(record.requests) if address[0] == record.requests[0][0]]
    return {(at, 0): n for n, at in enumerate(singly)} if len(singly) == len(record.votes.ballots) else {}
