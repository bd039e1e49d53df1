"""Names that code makes, changes and needs. Each piece is looked at once: sixty submissions hold the same cells."""

from __future__ import annotations

import functools

from metarl_core.session import names

MANY = 100_000


@functools.lru_cache(MANY)
def names_made(code: str) -> frozenset[str]:
    return frozenset(names.names_made(code))


@functools.lru_cache(MANY)
def names_changed(code: str) -> frozenset[str]:
    return frozenset(names.names_changed(code))


@functools.lru_cache(MANY)
def names_needed(code: str) -> frozenset[str]:
    return frozenset(names.names_needed(code))
