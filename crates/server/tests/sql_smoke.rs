//! The whole way of statements, from a client's socket to the disk and back: a cluster is made, used through both
//! protocols, stopped, and started again on the same directory.

use postgres::error::SqlState;
use postgres::{Client, NoTls, SimpleQueryMessage};
use server::engine::Ferrodon;
use server::server::{Server, ServerOptions};
use server::session::engine_api::ShutdownMode;
use settings::Paths;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

struct Running {
    server: Arc<Server>,
    /// Where its socket lies. A port could be taken by somebody else.
    directory: PathBuf,
}

impl Running {
    fn start(data: &Path) -> Running {
        let command_line = [
            ("listen_addresses", String::new()),
            ("unix_socket_directories", data.display().to_string()),
            ("shared_buffers", "16MB".to_owned()),
            ("log_min_messages", "panic".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let options = ServerOptions { paths: Paths::within(data), command_line: command_line.to_vec() };
        Running { server: Server::start(options, &Ferrodon).unwrap(), directory: data.to_owned() }
    }

    fn connect(&self) -> Client {
        let mut config = Client::configure();
        config.host_path(&self.directory).user("postgres").dbname("postgres").connect(NoTls).unwrap()
    }

    fn stop(self) {
        self.server.request_shutdown(ShutdownMode::Fast);
        self.server.wait_for_shutdown().unwrap();
    }
}

/// A new cluster, made by the program itself.
fn initdb(data: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_ferrodon"))
        .args(["initdb", "-U", "postgres", "-A", "trust", "-D"])
        .arg(data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The values of a simple query's rows.
fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|i| row.get(i).unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
        .collect()
}

fn tables_and_queries(client: &mut Client) {
    client
        .batch_execute(
            "create table part (id int primary key, name text not null unique, price numeric(10, 2) check (price > 0));
             insert into part values (1, 'bolt', 0.25), (2, 'nut', 0.10), (3, 'plate', 12);
             create table stock (part int references part on delete cascade, place text, amount int default 0);
             insert into stock select id, place, id * 10 from part, (values ('north'), ('south')) p(place);
             create view worth as
               select name, sum(amount * price) as total from part join stock on part = id group by name;",
        )
        .unwrap();
    assert_eq!(
        rows(client, "select * from worth order by total desc"),
        ["plate|720.00", "bolt|5.00", "nut|4.00"]
    );
    assert_eq!(
        rows(client, "select place, rank() over (order by sum(amount) desc, place) from stock group by 1"),
        ["north|1", "south|2"]
    );
    assert_eq!(
        rows(client, "update stock set amount = amount + 1 where part = 3 returning amount"),
        ["31", "31"]
    );
    assert_eq!(rows(client, "delete from part where id = 2 returning name"), ["nut"]);
    assert_eq!(rows(client, "select count(*) from stock"), ["4"]);
}

fn violations(client: &mut Client) {
    for (sql, state) in [
        ("insert into part values (1, 'again', 1)", SqlState::UNIQUE_VIOLATION),
        ("insert into part values (9, null, 1)", SqlState::NOT_NULL_VIOLATION),
        ("insert into part values (9, 'free', 0)", SqlState::CHECK_VIOLATION),
        ("insert into stock values (9, 'north')", SqlState::FOREIGN_KEY_VIOLATION),
        ("select 1 / (id - id) from part", SqlState::DIVISION_BY_ZERO),
        ("select nothing from part", SqlState::UNDEFINED_COLUMN),
        ("selec 1", SqlState::SYNTAX_ERROR),
    ] {
        let error = client.batch_execute(sql).expect_err(sql);
        assert_eq!(error.code(), Some(&state), "{sql}");
    }
}

fn transactions(client: &mut Client, other: &mut Client) {
    let mut transaction = client.transaction().unwrap();
    transaction.execute("insert into part values (4, 'wire', 3)", &[]).unwrap();
    let mut nested = transaction.savepoint("step").unwrap();
    assert!(nested.execute("insert into part values (4, 'double', 3)", &[]).is_err());
    nested.rollback().unwrap();
    assert_eq!(rows(other, "select count(*) from part"), ["2"], "not yet committed");
    transaction.commit().unwrap();
    assert_eq!(rows(other, "select count(*) from part"), ["3"]);

    let mut transaction = client.transaction().unwrap();
    transaction.batch_execute("create table gone (a int); delete from part").unwrap();
    transaction.rollback().unwrap();
    assert_eq!(rows(other, "select count(*), to_regclass('gone') is null from part"), ["3|t"]);
}

fn prepared_statements(client: &mut Client) {
    let statement = client.prepare("select name, id + $1::int from part where id >= $2 order by id").unwrap();
    for (least, expected) in [(1, vec!["bolt", "plate", "wire"]), (4, vec!["wire"]), (99, Vec::new())] {
        let found = client.query(&statement, &[&100, &least]).unwrap();
        let names: Vec<&str> = found.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, expected);
        assert!(found.iter().all(|row| row.get::<_, i32>(1) > 100));
    }
    client.batch_execute("prepare by_name(text) as select id from part where name = $1").unwrap();
    assert_eq!(rows(client, "execute by_name('plate')"), ["3"]);
}

fn copy(client: &mut Client) {
    client.batch_execute("create table line (number int, text text)").unwrap();
    let mut writer = client.copy_in("copy line from stdin").unwrap();
    for number in 0..2000 {
        writeln!(writer, "{number}\tline {number}").unwrap();
    }
    writer.write_all(b"2000\t\\N\n").unwrap();
    assert_eq!(writer.finish().unwrap(), 2001);
    assert_eq!(rows(client, "select count(*), count(text), sum(number) from line"), ["2001|2000|2001000"]);
    let mut text = String::new();
    client
        .copy_out(
            "copy (select * from line where number > 1998 order by 1) to stdout with (format csv, header)",
        )
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "number,text\n1999,line 1999\n2000,\n");
}

#[test]
fn a_cluster_is_made_used_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    initdb(&data);

    let running = Running::start(&data);
    let (mut client, mut other) = (running.connect(), running.connect());
    tables_and_queries(&mut client);
    violations(&mut client);
    transactions(&mut client, &mut other);
    prepared_statements(&mut client);
    copy(&mut client);
    drop((client, other));
    running.stop();

    let running = Running::start(&data);
    let mut client = running.connect();
    assert_eq!(rows(&mut client, "select * from worth order by name"), ["bolt|5.00", "plate|744.00"]);
    assert_eq!(rows(&mut client, "select count(*), sum(number) from line"), ["2001|2001000"]);
    violations(&mut client);
    drop(client);
    running.stop();
}
