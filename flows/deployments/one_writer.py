"""Prefect's server on SQLite, whose transactions wait for their turn instead of failing.

Prefect begins most of its transactions deferred: they read first, and when they come to write while another one has
written, SQLite refuses them at once ("database is locked"), however long its time-out is. Heartbeats of workers and
events of runs were lost by this, also the event of a crash.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class OneWriter(AioSqliteConfiguration):
    """Takes the lock for writing when a transaction begins (https://www.sqlite.org/lang_transaction.html, IMMEDIATE):
    then nothing can be written between what it reads and what it writes, and others wait for it."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Prefect's, as if every transaction had said that it will write."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def let_writers_wait() -> None:
    """For the server that is started in this process; nothing where its database is not SQLite."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if get_dialect(url).name == "sqlite":
        MODELS_DEPENDENCIES["database_config"] = OneWriter(connection_url=url)
