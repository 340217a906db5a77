"""Two transactions on one SQLite file that both read and then write: what Prefect does, and what ours does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from flows.deployments.one_writer import OneWriter

COUNT = sa.text("SELECT n FROM counter")
SET = sa.text("UPDATE counter SET n = :n")


async def _count(configuration: AioSqliteConfiguration, clients: int, times: int) -> int:
    """Each client reads the number, lets the others go on, and writes it plus one, so many times."""
    engine = await configuration.engine()
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE counter AS SELECT 0 AS n"))

    async def read(session: AsyncSession) -> int:
        return int((await session.execute(COUNT)).scalar_one())

    async def client() -> None:
        for _ in range(times):
            async with await configuration.session(engine) as session, configuration.begin_transaction(session):
                n = await read(session)
                await asyncio.sleep(0.01)
                await session.execute(SET, {"n": n + 1})

    await asyncio.gather(*(client() for _ in range(clients)))
    async with await configuration.session(engine) as session:
        return await read(session)


def test_prefects_own_is_refused(tmp_path: Path) -> None:
    """The reason for ours: where this fails, Prefect has mended it, and `one_writer.py` can go."""
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(_count(AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"), 4, 5))


def test_ours_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    assert asyncio.run(_count(OneWriter(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"), 4, 5)) == 20
