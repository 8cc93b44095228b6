from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import rulener

if TYPE_CHECKING:
    from tests.service.client import Client


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    """The shipped packs and tables."""
    return rulener.load(cache_dir=tmp_path_factory.getbasetemp() / "service-cache")


@pytest.fixture
def serving(engine: rulener.Engine) -> Iterator[Callable[..., Client]]:
    """Makes clients of services with these settings; they end with the test."""
    from rulener.service.settings import Settings
    from tests.service.client import Client

    made = []

    def serve(of: Any = engine, engines: Any = None, **settings: Any) -> Client:
        made.append(Client(of, Settings(**settings), engines))
        return made[-1]

    yield serve
    for client in made:
        client.close()


@pytest.fixture
def client(serving: Callable[..., Client]) -> Client:
    return serving()
