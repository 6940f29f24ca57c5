"""One order of events that agrees with the order in which each of their entities saw them."""

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Seen = tuple[str, int]
"""An entity's key, and its sequence number."""


class LinedUp(NamedTuple):
    """Positions of the events in order, and how many of them stand where they do only because no order suits everybody."""

    order: list[int]
    forced: int


def line_up(seen: Sequence[Sequence[Seen]]) -> LinedUp:
    """Topological sort (Kahn 1962); among events that may come next, the one that was given first.

    Args:
        seen: for each event its place in the past of each of its entities, in about the order in which they came.
    """
    after = _followers(seen)
    waiting = [0] * len(seen)
    for followers in after:
        for follower in followers:
            waiting[follower] += 1
    ready = [event for event, count in enumerate(waiting) if not count]
    order: list[int] = []
    while ready:
        event = heapq.heappop(ready)
        order.append(event)
        for follower in after[event]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    stuck = sorted(set(range(len(seen))) - set(order))
    return LinedUp(order + stuck, len(stuck))


def _followers(seen: Sequence[Sequence[Seen]]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in seen]
    for entity in range(len(seen[0]) if seen else 0):
        events = sorted(range(len(seen)), key=lambda event: seen[event][entity])
        for one, other in pairwise(events):
            if seen[one][entity][0] == seen[other][entity][0]:
                after[one].append(other)
    return after
