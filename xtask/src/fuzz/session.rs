//! A session with one of the two servers: what a statement answers, as text.

use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a statement answered.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    Rows {
        names: Vec<String>,
        rows: Vec<String>,
        count: u64,
    },
    Error {
        code: String,
        message: String,
    },
    /// The connection broke.
    Lost(String),
}

impl Answer {
    pub fn code(&self) -> Option<&str> {
        match self {
            Answer::Error { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// The statement that runs, and since when.
pub type Running = Arc<Mutex<Option<(Instant, String)>>>;

pub struct Session {
    client: Client,
    port: u16,
    database: String,
    setup: Vec<String>,
    /// How long statements took in all.
    pub busy: Duration,
    pub running: Running,
}

fn connect(port: u16, database: &str) -> Result<Client, postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname(database);
    config.application_name("fuzz").connect_timeout(Duration::from_secs(5));
    config.connect(NoTls)
}

impl Session {
    /// Connects, in a new database of its own. `setup` is run in every connection.
    pub fn open(port: u16, database: &str, setup: &[String]) -> Result<Session, String> {
        let failed = |e: postgres::Error| format!("port {port}: {e}");
        let mut client = connect(port, "postgres").map_err(failed)?;
        for sql in [
            format!("DROP DATABASE IF EXISTS {database}"),
            format!("CREATE DATABASE {database} TEMPLATE template0"),
        ] {
            client.batch_execute(&sql).map_err(failed)?;
        }
        let client = connect(port, database).map_err(failed)?;
        let mut session = Session {
            client,
            port,
            database: database.to_owned(),
            setup: setup.to_vec(),
            busy: Duration::ZERO,
            running: Running::default(),
        };
        session.prepare()?;
        Ok(session)
    }

    fn prepare(&mut self) -> Result<(), String> {
        for sql in self.setup.clone() {
            if let Answer::Error { message, .. } | Answer::Lost(message) = self.run(&sql) {
                return Err(format!("{sql}: {message}"));
            }
        }
        Ok(())
    }

    /// Connects again after the connection was lost; the server gets a while to start anew.
    pub fn reconnect(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match connect(self.port, &self.database) {
                Ok(client) => {
                    self.client = client;
                    return self.prepare();
                }
                Err(error) if Instant::now() > deadline => {
                    return Err(format!("port {}: {error}", self.port));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(300)),
            }
        }
    }

    pub fn run(&mut self, sql: &str) -> Answer {
        let start = Instant::now();
        let note = |what| *self.running.lock().expect("nothing panics holding it") = what;
        note(Some((start, sql.to_owned())));
        let answer = self.client.simple_query(sql);
        note(None);
        self.busy += start.elapsed();
        match answer {
            Ok(messages) => rows_of(messages),
            Err(error) => match error.as_db_error() {
                Some(error) if !self.client.is_closed() => Answer::Error {
                    code: error.code().code().to_owned(),
                    message: error.message().to_owned(),
                },
                _ => Answer::Lost(error.to_string()),
            },
        }
    }

    /// Leaves the database and drops it.
    pub fn close(self) {
        let Session { client, port, database, .. } = self;
        drop(client);
        if let Ok(mut client) = connect(port, "postgres") {
            let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {database}"));
        }
    }
}

/// The rows of the last statement that gave any.
fn rows_of(messages: Vec<SimpleQueryMessage>) -> Answer {
    let (mut names, mut rows, mut count) = (Vec::new(), Vec::new(), 0);
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = columns.iter().map(|c| c.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let mut text = String::new();
                for at in 0..row.len() {
                    if at > 0 {
                        text.push('\t');
                    }
                    text.push_str(row.get(at).unwrap_or("\\N"));
                }
                rows.push(text);
            }
            SimpleQueryMessage::CommandComplete(n) => count = n,
            _ => {}
        }
    }
    Answer::Rows { names, rows, count }
}
