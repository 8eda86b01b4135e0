"""Indexes that are there already: a database that another test has had keeps them, and nobody asks for them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection


@contextmanager
def kept_indexes() -> Iterator[None]:
    """In this process each index of each database is made once; to ask for all takes a server most of its start."""
    really = AsyncCollection.create_index
    names: dict[object, str] = {}

    async def create_index(collection: AsyncCollection[Any], keys: Any, **options: Any) -> str:
        place = frozenset(collection.database.client._topology_settings.seeds), collection.full_name
        asked = (*place, repr(keys), repr(sorted(options.items())))
        if asked not in names:
            names[asked] = await really(collection, keys, **options)
        return names[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsyncCollection, "create_index", create_index)
        yield
