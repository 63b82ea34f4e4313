"""What psycopg 3 does with a server. Reads PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE; see README.md."""

import datetime as dt
import ipaddress
import os
import sys
import threading
import time
import traceback
import uuid
from decimal import Decimal

import psycopg
from psycopg import errors, pq
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def connect(**options):
    options.setdefault("connect_timeout", 10)
    return psycopg.connect("", **options)


def same(actual, expected):
    assert actual == expected, f"got {actual!r:.500}, expected {expected!r:.500}"


def not_built(error):
    """What Ferrodon says 0A000 to is shown, and is no failure: drivers are told the truth."""
    if "is not supported yet" not in str(error):
        raise error
    print(f"      not built: {str(error).splitlines()[0]}", flush=True)


def fails(state, action):
    try:
        action()
    except psycopg.Error as error:
        same(error.sqlstate, state)
        return error
    raise AssertionError(f"no error, expected {state}")


@check
def scram_plain():
    with connect(sslmode="disable") as c:
        same(c.pgconn.ssl_in_use, False)
        same(c.execute("select 1").fetchone(), (1,))


@check
def scram_over_tls():
    if os.environ.get("COMPAT_TLS", "1") == "0":
        return
    for negotiation in ("postgres", "direct"):
        with connect(sslmode="require", sslnegotiation=negotiation, channel_binding="require") as c:
            same(c.pgconn.ssl_in_use, True)
            same(c.execute("select 1").fetchone(), (1,))


@check
def wrong_password():
    if os.environ.get("COMPAT_TRUST"):
        return
    try:
        connect(password="wrong")
    except psycopg.OperationalError as error:
        assert "password authentication failed for user" in str(error), error
        return
    raise AssertionError("let in")


@check
def unknown_database():
    try:
        connect(dbname="nothing_such")
    except psycopg.OperationalError as error:
        assert 'database "nothing_such" does not exist' in str(error), error
        return
    raise AssertionError("let in")


@check
def parameters_of_status():
    with connect() as c:
        for name in ("server_version", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes",
                     "standard_conforming_strings", "is_superuser", "session_authorization",
                     "in_hot_standby", "default_transaction_read_only", "search_path", "scram_iterations"):
            assert c.pgconn.parameter_status(name.encode()) is not None, name
        c.execute("set application_name = 'compat'")
        same(c.pgconn.parameter_status(b"application_name"), b"compat")


VALUES = [
    ("int2", -7), ("int4", -2147483648), ("int8", 9223372036854775807),
    ("float4", 1.5), ("float8", -2.25e300), ("float8", float("inf")),
    ("numeric", Decimal("0")), ("numeric", Decimal("-12345678901234567890.000100")),
    ("numeric", Decimal("1e-20")), ("numeric", Decimal("Infinity")), ("numeric", Decimal("100000000")),
    ("text", "žluťoučký 'kůň' \\ \n"), ("text", ""), ("varchar", "x"), ("bytea", bytes(range(256))), ("bytea", b""),
    ("bool", True), ("bool", False),
    ("date", dt.date(2024, 2, 29)), ("date", dt.date(1, 1, 1)), ("time", dt.time(23, 59, 59, 999999)),
    ("timetz", dt.time(1, 2, 3, 4, dt.timezone(dt.timedelta(hours=2)))),
    ("timestamp", dt.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", dt.datetime(2030, 1, 1, 0, 0, 0, 123456, dt.timezone.utc)),
    ("interval", dt.timedelta(days=-3, hours=4, microseconds=5)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("inet", ipaddress.ip_interface("10.1.2.3/8")), ("inet", ipaddress.ip_address("::1")),
    ("cidr", ipaddress.ip_network("10.0.0.0/8")),
    ("int4[]", [1, None, -3]), ("int4[]", [[1, 2], [3, 4]]), ("int4[]", []), ("int8[]", [2**40]),
    ("text[]", ["a", None, 'b "c" \\ {,}', ""]), ("numeric[]", [Decimal("1.50"), None]),
    ("timestamptz[]", [dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)]),
    ("uuid[]", [uuid.UUID(int=1)]), ("bool[]", [True, False]), ("bytea[]", [b"\x00\xff"]),
    ("float8[]", [0.1, -0.0]), ("date[]", [dt.date(2024, 1, 1)]),
] + [(name, None) for name in ("int4", "text", "bytea", "numeric", "uuid", "jsonb", "int4[]")]


@check
def values_both_ways():
    with connect(autocommit=True) as c:
        for binary in (False, True):
            for placeholder in ("%s", "%b", "%t"):
                for name, value in VALUES:
                    try:
                        with c.cursor(binary=binary) as cursor:
                            row = cursor.execute(f"select {placeholder}::{name}, pg_typeof({placeholder}::{name})::text",
                                                 (value, value)).fetchone()
                        same(row[0], value)
                    except errors.FeatureNotSupported as error:
                        not_built(error)
                    except Exception as error:
                        raise AssertionError(f"{name} {value!r} as {placeholder}, binary={binary}: {error}") from error


@check
def json_both_ways():
    value = {"a": [1, 2.5, None, True, "ü\"\\"], "b": {}}
    with connect() as c:
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                same(cursor.execute("select %s::jsonb, %s::json", (Jsonb(value), Jsonb(value))).fetchone(), (value, value))


@check
def ranges():
    from psycopg.types.multirange import Multirange
    from psycopg.types.range import Range
    with connect(autocommit=True) as c:
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                try:
                    row = cursor.execute("select %s::int4range, %s::int4multirange, 'empty'::numrange",
                                         (Range(1, 5), Multirange([Range(1, 2), Range(5, 9)]))).fetchone()
                except errors.FeatureNotSupported as error:
                    not_built(error)
                    continue
                same(row, (Range(1, 5), Multirange([Range(1, 2), Range(5, 9)]), Range(empty=True)))


@check
def composites_and_enums():
    from psycopg.types.composite import CompositeInfo, register_composite
    from psycopg.types.enum import EnumInfo
    with connect() as c:
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                same(cursor.execute("select (1, 'a'::text, null::int4)").fetchone()[0],
                     (1, "a", None) if binary else ("1", "a", None))
        c.execute("create type compat_pair as (a int, b text)")
        c.execute("create type compat_mood as enum ('sad', 'ok')")
        info = CompositeInfo.fetch(c, "compat_pair")
        same((info.field_names, info.field_types), (("a", "b"), (23, 25)) if isinstance(info.field_names, tuple)
             else (["a", "b"], [23, 25]))
        register_composite(info, c)
        same(EnumInfo.fetch(c, "compat_mood").labels, ["sad", "ok"])
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                row = cursor.execute("select row(1, 'x')::compat_pair, %s::compat_pair, 'ok'::compat_mood::text",
                                     (info.python_type(2, "y,"),)).fetchone()
                same((tuple(row[0]), tuple(row[1]), row[2]), ((1, "x"), (2, "y,"), "ok"))
        c.rollback()


@check
def prepared_statements():
    with connect(autocommit=True) as c:
        for i in range(20):
            same(c.execute("select %s::int4 + 1", (i,), prepare=True).fetchone(), (i + 1,))
        same(c.execute("select count(*) from pg_prepared_statements").fetchone(), (1,))
        c.execute("create temp table p (a int)")
        c.execute("prepare of_sql as select * from p")
        c.execute("execute of_sql")
        c.pgconn.exec_(b"alter table p add b int")
        error = fails("0A000", lambda: c.execute("execute of_sql"))
        assert "cached plan must not change result type" in str(error), error
        c.execute("deallocate all")
        same(c.execute("select count(*) from pg_prepared_statements").fetchone(), (0,))


@check
def description_of_columns():
    with connect() as c:
        cursor = c.execute("select oid, relname, 1.5::numeric(10,2) as n, 'x'::varchar(7) as v from pg_class limit 1")
        same([(d.name, d.type_code) for d in cursor.description],
             [("oid", 26), ("relname", 19), ("n", 1700), ("v", 1043)])
        same((cursor.description[2].precision, cursor.description[2].scale), (10, 2))
        same(cursor.description[3].display_size, 7)
        same((cursor.pgresult.ftable(0), cursor.pgresult.ftablecol(1)), (1259, 2))


@check
def command_tags():
    with connect() as c:
        for sql, tag in (("create temp table t (a int)", "CREATE TABLE"), ("insert into t values (1), (2)", "INSERT 0 2"),
                         ("update t set a = 3", "UPDATE 2"), ("select * from t", "SELECT 2"), ("delete from t", "DELETE 2"),
                         ("set local work_mem = '4MB'", "SET"), ("show work_mem", "SHOW"), ("savepoint a", "SAVEPOINT"),
                         ("release a", "RELEASE"), ("lock t", "LOCK TABLE"), ("truncate t", "TRUNCATE TABLE"),
                         ("drop table t", "DROP TABLE")):
            same(c.execute(sql).statusmessage, tag)
        cursor = c.execute("select 1; select 2, 3; create temp table u ()")
        same(cursor.fetchall(), [(1,)])
        same(cursor.nextset(), True)
        same(cursor.fetchall(), [(2, 3)])
        same(cursor.nextset(), True)
        same(cursor.statusmessage, "CREATE TABLE")
        same(c.execute("").statusmessage, None)


@check
def transactions_and_savepoints():
    with connect() as c:
        c.execute("drop table if exists compat_tx")
        c.execute("create table compat_tx (a int primary key)")
        c.commit()
        with c.transaction():
            c.execute("insert into compat_tx values (1)")
            try:
                with c.transaction():
                    c.execute("insert into compat_tx values (2)")
                    c.execute("insert into compat_tx values (1)")
            except errors.UniqueViolation:
                pass
            with c.transaction():
                c.execute("insert into compat_tx values (3)")
        same(c.execute("select a from compat_tx order by a").fetchall(), [(1,), (3,)])
        c.execute("insert into compat_tx values (4)")
        same(c.info.transaction_status, pq.TransactionStatus.INTRANS)
        fails("22012", lambda: c.execute("select 1/0"))
        same(c.info.transaction_status, pq.TransactionStatus.INERROR)
        fails("25P02", lambda: c.execute("select 1"))
        c.rollback()
        same(c.info.transaction_status, pq.TransactionStatus.IDLE)
        same(c.execute("select count(*) from compat_tx").fetchone(), (2,))
        c.rollback()
        c.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        c.read_only = True
        c.deferrable = True
        same(c.execute("show transaction_isolation").fetchone(), ("repeatable read",))
        fails("25006", lambda: c.execute("insert into compat_tx values (9)"))
        c.rollback()
        c.read_only = False
        c.execute("drop table compat_tx")
        c.commit()


@check
def fields_of_errors():
    with connect(autocommit=True) as c:
        error = fails("42703", lambda: c.execute("select 1, nothing from pg_class"))
        same((error.diag.severity, error.diag.severity_nonlocalized, error.diag.statement_position), ("ERROR", "ERROR", "11"))
        same(error.diag.message_primary, 'column "nothing" does not exist')
        same(fails("42601", lambda: c.execute("selec 1")).diag.statement_position, "1")
        same(fails("42P01", lambda: c.execute("select 'ü', * from nowhere")).diag.statement_position, "20")
        c.execute("create temp table parent (id int primary key)")
        c.execute("create temp table child (id int not null constraint positive check (id > 0), "
                  "p int constraint to_parent references parent, constraint once unique (p))")
        names = lambda e: (e.diag.table_name, e.diag.column_name, e.diag.constraint_name)
        c.execute("insert into parent values (1)")
        error = fails("23505", lambda: c.execute("insert into parent values (1)"))
        same(names(error), ("parent", None, "parent_pkey"))
        assert error.diag.schema_name.startswith("pg_temp"), error.diag.schema_name
        same(error.diag.message_detail, "Key (id)=(1) already exists.")
        same(names(fails("23514", lambda: c.execute("insert into child values (-1, 1)"))), ("child", None, "positive"))
        same(names(fails("23502", lambda: c.execute("insert into child values (null, 1)"))), ("child", "id", None))
        error = fails("23503", lambda: c.execute("insert into child values (1, 2)"))
        same(names(error), ("child", None, "to_parent"))
        same(error.diag.message_detail, 'Key (p)=(2) is not present in table "parent".')
        assert fails("22P02", lambda: c.execute("select %s::int4", ("x",))).diag.message_primary == \
            'invalid input syntax for type integer: "x"'
        fails("22003", lambda: c.execute("select 2147483647 + 1"))
        same(fails("42883", lambda: c.execute("select nothing(1)")).diag.message_hint,
             "No function matches the given name and argument types. You might need to add explicit type casts.")


@check
def notices():
    seen = []
    with connect(autocommit=True) as c:
        c.add_notice_handler(lambda d: seen.append((d.severity, d.sqlstate, d.message_primary)))
        c.execute("drop table if exists nothing_such")
        same(seen, [("NOTICE", "00000", 'table "nothing_such" does not exist, skipping')])


@check
def copy_in_and_out():
    rows = [(i, f"row {i}\t\\ü" if i % 7 else None, Decimal(i) / 4, dt.date(2024, 1, 1) + dt.timedelta(i), i % 2 == 0,
             [i, None], b"\x00\x01") for i in range(5000)]
    with connect() as c:
        for form in ("text", "binary"):
            c.execute("create temp table t (a int, b text, n numeric, d date, o bool, l int[], y bytea)")
            with c.cursor() as cursor:
                with cursor.copy(f"copy t from stdin (format {form})") as copy:
                    copy.set_types(["int4", "text", "numeric", "date", "bool", "int4[]", "bytea"])
                    for row in rows:
                        copy.write_row(row)
                same(cursor.statusmessage, "COPY 5000")
                with cursor.copy(f"copy (select * from t order by a) to stdout (format {form})") as copy:
                    copy.set_types(["int4", "text", "numeric", "date", "bool", "int4[]", "bytea"])
                    same(list(copy.rows()), rows)
            c.execute("drop table t")
        c.execute("create temp table t (a int, b text)")
        with c.cursor() as cursor:
            with cursor.copy("copy t from stdin (format csv, header)") as copy:
                copy.write('a,b\n1,"x ""y"", z"\n2,\n')
            same(cursor.execute("select * from t order by a").fetchall(), [(1, 'x "y", z'), (2, None)])
            with cursor.copy("copy t to stdout (format csv, header, force_quote *)") as copy:
                same(b"".join(copy), b'a,b\n"1","x ""y"", z"\n"2",\n')
        c.commit()

        def bad():
            with c.cursor().copy("copy t from stdin") as copy:
                copy.write("1\tx\nnot a number\ty\n")
        error = fails("22P02", bad)
        same(error.diag.context, 'COPY t, line 2, column a: "not a number"')
        c.rollback()

        def abandoned():
            with c.cursor().copy("copy t from stdin") as copy:
                copy.write("1\tx\n")
                raise ZeroDivisionError("enough")
        try:
            abandoned()
        except ZeroDivisionError:
            pass
        same(c.info.transaction_status, pq.TransactionStatus.INERROR)
        c.rollback()
        same(c.execute("select 1").fetchone(), (1,))


@check
def cursors_and_many_rows():
    with connect() as c:
        with c.cursor("named") as cursor:
            cursor.execute("select i, repeat('x', 100) from generate_series(1, 20000) i")
            cursor.itersize = 700
            same(sum(row[0] for row in cursor), 200010000)
        with c.cursor("scrolling", scrollable=True) as cursor:
            cursor.execute("select * from generate_series(1, 10)")
            same(cursor.fetchmany(3), [(1,), (2,), (3,)])
            cursor.scroll(-2)
            same(cursor.fetchone(), (2,))
            cursor.scroll(9, mode="absolute")
            same(cursor.fetchall(), [(10,)])
        with c.cursor("held", withhold=True) as cursor:
            cursor.execute("select * from generate_series(1, 10)")
            same(cursor.fetchone(), (1,))
            c.commit()
            same(cursor.fetchmany(2), [(2,), (3,)])
        with c.cursor() as cursor:
            same(sum(1 for _ in cursor.stream("select i from generate_series(1, 5000) i")), 5000)
            same(cursor.execute("select i from generate_series(1, 100000) i").rowcount, 100000)
        with c.cursor(row_factory=dict_row) as cursor:
            same(cursor.execute("select 1 as a, 'b' as b").fetchone(), {"a": 1, "b": "b"})
        c.execute("create temp table many (a int, b text)")
        with c.cursor() as cursor:
            cursor.executemany("insert into many values (%s, %s)", [(i, str(i)) for i in range(500)])
            same(cursor.rowcount, 500)
            cursor.executemany("insert into many values (%s, %s) returning a", [(1, None), (2, None)], returning=True)
            same(cursor.fetchall(), [(1,)])
        same(c.execute("select count(*) from many").fetchone(), (502,))


@check
def pipeline():
    with connect(autocommit=True) as c:
        c.execute("create temp table p (a int primary key)")
        with c.pipeline() as pipe:
            cursors = [c.execute("insert into p values (%s) returning a", (i,)) for i in range(200)]
            pipe.sync()
            same([x.fetchone()[0] for x in cursors], list(range(200)))
        try:
            with c.pipeline() as pipe:
                c.execute("insert into p values (1000)")
                c.execute("insert into p values (1)")
                c.execute("insert into p values (1001)")
                pipe.sync()
        except errors.UniqueViolation:
            pass
        else:
            raise AssertionError("no error")
        same(c.execute("select count(*) from p where a >= 1000").fetchone(), (0,))
        with c.pipeline():
            with c.transaction():
                c.execute("insert into p values (2000)")
            with c.transaction():
                c.execute("insert into p values (2001)")
        same(c.execute("select count(*) from p where a >= 2000").fetchone(), (2,))


@check
def cancel():
    with connect(autocommit=True) as c:
        for sql in ("select pg_sleep(30)", "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"):
            for stop in (c.cancel, c.cancel_safe):
                timer = threading.Timer(0.3, stop)
                timer.start()
                started = time.monotonic()
                error = fails("57014", lambda: c.execute(sql))
                same(error.diag.message_primary, "canceling statement due to user request")
                assert time.monotonic() - started < 5, "late"
                timer.join()
        same(c.execute("select 1").fetchone(), (1,))


@check
def timeouts():
    with connect(autocommit=True) as c:
        c.execute("set statement_timeout = '200ms'")
        for arguments in (("select pg_sleep(30)",), ("select pg_sleep(%s)", (30,))):
            error = fails("57014", lambda: c.execute(*arguments))
            same(error.diag.message_primary, "canceling statement due to statement timeout")
        same(c.execute("select 1").fetchone(), (1,))
        c.execute("reset statement_timeout")
        c.execute("create temp table t (a int)")
    with connect() as a, connect() as b:
        a.execute("drop table if exists compat_lock")
        a.execute("create table compat_lock (a int)")
        a.commit()
        a.execute("lock compat_lock")
        b.execute("set lock_timeout = '100ms'")
        error = fails("55P03", lambda: b.execute("select * from compat_lock"))
        same(error.diag.message_primary, "canceling statement due to lock timeout")
        b.rollback()
        fails("55P03", lambda: b.execute("lock compat_lock nowait"))
        b.rollback()
        a.execute("drop table compat_lock")
        a.commit()
    c = connect()
    c.execute("set idle_in_transaction_session_timeout = '100ms'")
    time.sleep(0.6)
    fails("25P03", lambda: c.execute("select 1"))
    c.close()
    c = connect(autocommit=True)
    c.execute("set idle_session_timeout = '100ms'")
    time.sleep(0.6)
    fails("57P05", lambda: c.execute("select 1"))
    c.close()
    with connect() as c:
        c.execute("set transaction_timeout = '150ms'")
        c.commit()
        fails("25P04", lambda: c.execute("select pg_sleep(5)"))


@check
def deadlock():
    with connect() as a, connect() as b:
        a.execute("drop table if exists compat_dead")
        a.execute("create table compat_dead (a int primary key, b int)")
        a.execute("insert into compat_dead values (1, 0), (2, 0)")
        a.commit()
        a.execute("update compat_dead set b = 1 where a = 1")
        b.execute("update compat_dead set b = 1 where a = 2")
        states = []

        def cross(c, key):
            try:
                c.execute("update compat_dead set b = 2 where a = %s", (key,))
                states.append(None)
            except psycopg.Error as error:
                states.append(error.sqlstate)
            c.rollback()
        threads = [threading.Thread(target=cross, args=args) for args in ((a, 2), (b, 1))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(20)
        same(sorted(states, key=str), ["40P01", None])
        a.execute("drop table compat_dead")
        a.commit()


@check
def other_sessions():
    with connect(autocommit=True) as c, connect(autocommit=True, application_name="victim") as v:
        pid = v.info.backend_pid
        same(c.execute("select application_name, state, query, backend_type from pg_stat_activity where pid = %s", (pid,)).fetchone(),
             ("victim", "idle", "", "client backend"))
        states = []

        def sleep():
            for _ in range(2):
                try:
                    v.execute("select pg_sleep(30)")
                except psycopg.Error as error:
                    states.append(error.sqlstate)
        thread = threading.Thread(target=sleep)
        thread.start()
        time.sleep(0.4)
        row = c.execute("select state, query, usename, datname from pg_stat_activity where pid = %s", (pid,)).fetchone()
        same(row, ("active", "select pg_sleep(30)", c.info.user, c.info.dbname))
        same(c.execute("select pg_cancel_backend(%s)", (pid,)).fetchone(), (True,))
        time.sleep(0.4)
        same(c.execute("select pg_terminate_backend(%s, 2000)", (pid,)).fetchone(), (True,))
        thread.join(5)
        same(states, ["57014", "57P01"])
        same(c.execute("select count(*) from pg_stat_activity where pid = %s", (pid,)).fetchone(), (0,))
        same(c.execute("select pg_cancel_backend(%s)", (pid,)).fetchone(), (False,))


@check
def listen_says_what_it_is():
    with connect(autocommit=True) as c:
        try:
            c.execute("listen somewhere")
        except psycopg.Error as error:
            same(error.sqlstate, "0A000")
            return
        c.execute("notify somewhere, 'hello'")
        same([n.payload for n in c.notifies(timeout=2, stop_after=1)], ["hello"])


@check
def session_state():
    with connect(options="-c work_mem=7MB -c search_path=pg_catalog", application_name="opt") as c:
        same(c.execute("show work_mem").fetchone(), ("7MB",))
        same(c.execute("select current_setting('application_name'), current_schema()").fetchone(), ("opt", "pg_catalog"))
        c.execute("set time zone 'Europe/Prague'")
        same(str(c.execute("select '2024-07-01 12:00+00'::timestamptz").fetchone()[0]), "2024-07-01 14:00:00+02:00")
        c.commit()
        c.autocommit = True
        c.execute("discard all")
        same(c.execute("show work_mem").fetchone(), ("7MB",))
    try:
        with connect(client_encoding="latin1") as c:
            same(c.execute("select %s::text, length(%s)", ("é", "é")).fetchone(), ("é", 1))
    except psycopg.OperationalError as error:
        not_built(error)


@check
def many_connections():
    count = int(os.environ.get("COMPAT_CONNECTIONS", "500"))
    opened, failures, latch = [], [], threading.Lock()

    def some(n):
        for _ in range(n):
            try:
                c = connect(autocommit=True, sslmode="disable", connect_timeout=60)
                with latch:
                    opened.append(c)
            except Exception as error:
                failures.append(error)
    threads = [threading.Thread(target=some, args=(count // 20,)) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    try:
        assert not failures, failures[0]
        for c in opened:
            same(c.execute("select 1").fetchone(), (1,))
        number = opened[0].execute("select count(*) from pg_stat_activity where backend_type = 'client backend'").fetchone()[0]
        assert number >= len(opened), number
    finally:
        for c in opened:
            c.close()


def main():
    failed = 0
    names = sys.argv[1:]
    for function in CHECKS:
        if names and function.__name__ not in names:
            continue
        try:
            function()
            print(f"ok    {function.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {function.__name__}\n{traceback.format_exc(limit=-3)}", flush=True)
    sys.exit(1 if failed else 0)


main()
