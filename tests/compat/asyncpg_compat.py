"""What asyncpg does with a server. Reads PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE; see README.md."""

import asyncio
import datetime as dt
import io
import ipaddress
import os
import ssl
import sys
import traceback
import uuid
from decimal import Decimal

import asyncpg

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def same(actual, expected):
    assert actual == expected, f"got {actual!r:.500}, expected {expected!r:.500}"


async def fails(state, action):
    try:
        await action
    except asyncpg.PostgresError as error:
        same(error.sqlstate, state)
        return error
    raise AssertionError(f"no error, expected {state}")


def not_built(error):
    """What Ferrodon says 0A000 to is shown, and is no failure: drivers are told the truth."""
    if "is not supported yet" not in str(error):
        raise error
    print(f"      not built: {str(error).splitlines()[0]}", flush=True)


class Connected:
    def __init__(self, **options):
        self.options = {"ssl": False, **options}

    async def __aenter__(self):
        self.connection = await asyncpg.connect(**self.options)
        return self.connection

    async def __aexit__(self, *_):
        await self.connection.close(timeout=5)


@check
async def plain_and_tls():
    async with Connected() as c:
        same(await c.fetchval("select 1"), 1)
    if os.environ.get("COMPAT_TLS", "1") != "0":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        async with Connected(ssl=context) as c:
            same(await c.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), True)


VALUES = [
    ("int2", -7), ("int4", -2147483648), ("int8", 9223372036854775807), ("float4", 1.5), ("float8", -2.25e300),
    ("numeric", Decimal("-12345678901234567890.000100")), ("numeric", Decimal("1e-20")), ("numeric", Decimal("100000000")),
    ("text", "žluťoučký 'kůň' \\ \n"), ("varchar", "x"), ("name", "a_name"), ('"char"', b"a"), ("bytea", bytes(range(256))),
    ("bool", True), ("oid", 4294967295), ("date", dt.date(2024, 2, 29)), ("date", dt.date(1, 1, 1)),
    ("time", dt.time(23, 59, 59, 999999)), ("timetz", dt.time(1, 2, 3, 4, dt.timezone(dt.timedelta(hours=2)))),
    ("timestamp", dt.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", dt.datetime(2030, 1, 1, 0, 0, 0, 123456, dt.timezone.utc)),
    ("interval", dt.timedelta(days=-3, hours=4, microseconds=5)), ("uuid", uuid.UUID(int=2**100)),
    ("json", '{"a": [1, null]}'), ("jsonb", '{"a": [1, null]}'), ("xid", 7), ("tid", (3, 4)),
    ("inet", ipaddress.ip_interface("10.1.2.3/8")), ("inet", ipaddress.ip_address("::1")), ("cidr", ipaddress.ip_network("10.0.0.0/8")),
    ("macaddr", "08:00:2b:01:02:03"), ("bit", asyncpg.BitString("1")), ("varbit", asyncpg.BitString("10101")),
    ("point", asyncpg.Point(1.5, -2)), ("box", asyncpg.Box((3, 4), (1, 2))), ("circle", asyncpg.Circle((1, 2), 3)),
    ("lseg", asyncpg.LineSegment((1, 2), (3, 4))), ("polygon", asyncpg.Polygon((1, 2), (3, 4), (5, 6))),
    ("path", asyncpg.Path((1, 2), (3, 4), is_closed=True)), ("line", asyncpg.Line(1, 2, 3)),
    ("int4[]", [1, None, -3]), ("int4[]", [[1, 2], [3, 4]]), ("int4[]", []), ("text[]", ["a", None, ""]),
    ("numeric[]", [Decimal("1.50"), None]), ("timestamptz[]", [dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)]),
    ("uuid[]", [uuid.UUID(int=1)]), ("jsonb[]", ["{}", None]), ("pg_lsn", 2**33 + 5),
] + [(name, None) for name in ("int4", "text", "bytea", "numeric", "uuid", "jsonb", "int4[]")]


@check
async def values_both_ways():
    wrong = []
    async with Connected() as c:
        for name, value in VALUES:
            try:
                row = await c.fetchrow(f"select $1::{name} as a, pg_typeof($1::{name})::text as b", value)
                same(row["a"], value)
            except asyncpg.FeatureNotSupportedError as error:
                not_built(error)
            except Exception as error:
                wrong.append(f"{name} {value!r}: {error}")
    assert not wrong, "\n" + "\n".join(wrong)


@check
async def ranges():
    async with Connected() as c:
        try:
            row = await c.fetchrow("select $1::int4range as a, $2::tstzrange as b, $3::int4multirange as m",
                                   asyncpg.Range(1, 5), asyncpg.Range(dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc), None),
                                   [asyncpg.Range(1, 2)])
        except asyncpg.FeatureNotSupportedError as error:
            return not_built(error)
        same((row["a"], row["m"]), (asyncpg.Range(1, 5), [asyncpg.Range(1, 2)]))


@check
async def introspection_of_types():
    async with Connected() as c:
        await c.execute("drop type if exists compat_item; drop type if exists compat_color")
        await c.execute("create type compat_color as enum ('red', 'green')")
        await c.execute("create type compat_item as (id int, color compat_color, tags text[])")
        try:
            same(await c.fetchval("select 'green'::compat_color"), "green")
            same(await c.fetchval("select $1::compat_color", "red"), "red")
            same(await c.fetchval("select $1::compat_color[]", ["red", None]), ["red", None])
            row = await c.fetchval("select row(1, 'red', '{a}')::compat_item")
            same(tuple(row), (1, "red", ["a"]))
            rows = await c.fetchval("select $1::compat_item[]", [(1, "red", ["x", "y"]), (2, None, None)])
            same([tuple(r) for r in rows], [(1, "red", ["x", "y"]), (2, None, None)])
            same(tuple(await c.fetchval("select (1, 'a'::text)")), (1, "a"))
            await c.set_type_codec("compat_color", encoder=str, decoder=str.upper, schema="public")
            same(await c.fetchval("select 'green'::compat_color"), "GREEN")
        finally:
            await c.execute("drop type compat_item; drop type compat_color")


@check
async def domains():
    async with Connected() as c:
        await c.execute("drop domain if exists compat_positive")
        try:
            await c.execute("create domain compat_positive as int check (value > 0)")
            same(await c.fetchval("select $1::compat_positive", 3), 3)
            await fails("23514", c.fetchval("select $1::compat_positive", -3))
            await c.execute("drop domain compat_positive")
        except asyncpg.FeatureNotSupportedError as error:
            not_built(error)


@check
async def prepared_statements():
    async with Connected() as c:
        statement = await c.prepare("select $1::int + $2 as sum, $3::text || 'x'")
        same([p.name for p in statement.get_parameters()], ["int4", "int4", "text"])
        same([(a.name, a.type.name) for a in statement.get_attributes()], [("sum", "int4"), ("?column?", "text")])
        for i in range(50):
            same(tuple(await statement.fetchrow(i, 1, "a")), (i + 1, "ax"))
        same(await statement.fetch(1, 2, None), [(3, None)])
        same(statement.get_statusmsg(), "SELECT 1")
        await c.execute("create temp table t (a int)")
        same(await c.fetch("select * from t"), [])
        await c.execute("alter table t add b text default 'x'; insert into t values (1)")
        same([tuple(r) for r in await c.fetch("select * from t")], [(1, "x")])
        same((await c.prepare("select 1")).get_name() != "", True)
        plan = await statement.explain(1, 2, "x")
        same(plan[0]["Plan"]["Node Type"], "Result")


@check
async def transactions():
    async with Connected() as c:
        await c.execute("create temp table t (a int primary key)")
        async with c.transaction():
            await c.execute("insert into t values (1)")
            try:
                async with c.transaction():
                    await c.execute("insert into t values (1)")
            except asyncpg.UniqueViolationError as error:
                same((error.constraint_name, error.table_name, error.detail), ("t_pkey", "t", "Key (a)=(1) already exists."))
            await c.execute("insert into t values (2)")
        same(await c.fetchval("select count(*) from t"), 2)
        try:
            async with c.transaction():
                await c.execute("delete from t")
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        same(await c.fetchval("select count(*) from t"), 2)
        async with c.transaction(isolation="repeatable_read", readonly=True):
            same(await c.fetchval("show transaction_isolation"), "repeatable read")
            await fails("25006", c.execute("create table nothing (a int)"))
        error = await fails("42703", c.fetch("select 1, nothing"))
        same(error.position, "11")


@check
async def copy():
    async with Connected() as c:
        await c.execute("create temp table t (a int, b text, n numeric, w timestamptz, x bytea)")
        records = [(i, f"row {i}" if i % 3 else None, Decimal(i) / 8, dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc), b"\x00")
                   for i in range(10000)]
        same(await c.copy_records_to_table("t", records=records), "COPY 10000")
        same([tuple(r) for r in await c.fetch("select * from t order by a")], records)
        for form in ("text", "csv", "binary"):
            out = io.BytesIO()
            same(await c.copy_from_table("t", output=out, format=form), "COPY 10000")
            await c.execute("create temp table u (like t)")
            out.seek(0)
            same(await c.copy_to_table("u", source=out, format=form), "COPY 10000")
            same(await c.fetchval("select count(*) from (table t except table u) x"), 0)
            await c.execute("drop table u")
        out = io.BytesIO()
        await c.copy_from_query("select $1::int, $2::text", 1, "it's", output=out, format="csv", header=True)
        same(out.getvalue(), b"int4,text\n1,it's\n")
        same(len(await c.fetch("select * from t")), 10000)


@check
async def cursors_and_pages():
    async with Connected() as c:
        async with c.transaction():
            total = 0
            async for row in c.cursor("select i, repeat('x', 50) from generate_series(1, $1::int) i", 10000, prefetch=300):
                total += row[0]
            same(total, 50005000)
            cursor = await c.cursor("select i from generate_series(1, 100) i")
            same([r[0] for r in await cursor.fetch(5)], [1, 2, 3, 4, 5])
            same(await cursor.forward(10), 10)
            same((await cursor.fetchrow())[0], 16)
        await c.execute("create temp table many (a int, b text)")
        await c.executemany("insert into many values ($1, $2)", [(i, str(i)) for i in range(5000)])
        same(await c.fetchval("select sum(a) from many"), 12497500)
        same(len(await c.fetchmany("insert into many values ($1) returning a", [(1,), (2,)])), 2)


@check
async def cancel_and_timeouts():
    async with Connected() as c:
        try:
            await c.fetch("select pg_sleep(30)", timeout=0.3)
        except asyncio.TimeoutError:
            pass
        same(await c.fetchval("select 1"), 1)
        task = asyncio.ensure_future(c.fetch("select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b"))
        await asyncio.sleep(0.3)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        same(await c.fetchval("select 2"), 2)
    async with Connected(server_settings={"statement_timeout": "100", "application_name": "asyncpg_compat"}) as c:
        await fails("57014", c.fetch("select pg_sleep(30)"))
        same(await c.fetchval("show application_name"), "asyncpg_compat")


@check
async def terminate():
    async with Connected() as c, Connected() as v:
        task = asyncio.ensure_future(v.fetch("select pg_sleep(30)"))
        await asyncio.sleep(0.3)
        same(await c.fetchval("select pg_terminate_backend($1)", v.get_server_pid()), True)
        try:
            await task
        except asyncpg.ConnectionDoesNotExistError as error:
            same(error.__cause__ and error.__cause__.sqlstate, "57P01")
        else:
            raise AssertionError("not terminated")


@check
async def listen():
    async with Connected() as c:
        heard = asyncio.Queue()
        try:
            await c.add_listener("somewhere", lambda *a: heard.put_nowait(a[3]))
        except asyncpg.FeatureNotSupportedError:
            return
        await c.execute("notify somewhere, 'hello'")
        same(await asyncio.wait_for(heard.get(), 2), "hello")


@check
async def pool():
    count = int(os.environ.get("COMPAT_CONNECTIONS", "500")) // 5
    async with asyncpg.create_pool(min_size=5, max_size=count, ssl=False) as p:
        async def one(i):
            async with p.acquire() as c:
                same(await c.fetchval("select $1::int", i), i)
                await c.execute("select pg_sleep(0.01)")
        await asyncio.gather(*(one(i) for i in range(count * 3)))


async def main():
    failed = 0
    for function in CHECKS:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        try:
            await asyncio.wait_for(function(), 60)
            print(f"ok    {function.__name__}", flush=True)
        except BaseException:
            failed += 1
            print(f"FAIL  {function.__name__}\n{traceback.format_exc(limit=-3)}", flush=True)
    return failed


sys.exit(1 if asyncio.run(main()) else 0)
