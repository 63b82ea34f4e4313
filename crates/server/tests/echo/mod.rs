//! An engine that only echoes, for tests of what lies above it.

use base::{Error, Oid, Result, SqlState, bail};
use parking_lot::{Mutex, MutexGuard};
use protocol::backend::{self, FieldDescription, TransactionStatus};
use server::auth::scram::encrypt_password;
use server::interrupt::Interrupt;
use server::session::engine_api::*;
use settings::{Assigner, Checks, NoChecks, Scope, ServerSettings, SessionSettings, Source};
use std::sync::Arc;
use std::time::Duration;

/// Makes engines that echo.
pub struct Echo;

impl Installation for Echo {
    fn initialize(&self, options: &InitOptions) -> Result<()> {
        std::fs::write(options.data_directory.join("PG_VERSION"), "18\n")
            .map_err(|e| Error::internal(e.to_string()))
    }

    fn start(&self, _: EngineStart) -> Result<Arc<dyn Engine>> {
        Ok(Arc::new(EchoEngine { password: encrypt_password("pencil", 4096)? }))
    }
}

struct EchoEngine {
    /// Made once: a secret takes thousands of hashes.
    password: String,
}

impl Engine for EchoEngine {
    fn role(&self, name: &str) -> Result<Option<RoleLogin>> {
        let role =
            RoleLogin { oid: Oid(10), can_login: true, superuser: name == "root", ..RoleLogin::default() };
        Ok(match name {
            "ann" | "root" => Some(RoleLogin { password: Some(self.password.clone()), ..role }),
            "group" => Some(RoleLogin { can_login: false, ..role }),
            _ => None,
        })
    }

    fn is_member(&self, _: &str, _: &str) -> bool {
        false
    }

    fn regex_captures(&self, _: &str, _: &str) -> Result<Option<Vec<Option<String>>>> {
        Ok(None)
    }

    fn checks(&self) -> &dyn Checks {
        &NoChecks
    }

    fn mock_authentication_nonce(&self) -> [u8; 32] {
        [7; 32]
    }

    fn connect(&self, startup: Startup) -> Result<Box<dyn EngineSession>> {
        if startup.database == "nowhere" {
            bail!(UNDEFINED_DATABASE, "database \"nowhere\" does not exist");
        }
        Ok(Box::new(EchoSession {
            settings: Mutex::new(startup.settings),
            interrupt: startup.interrupt,
            query: String::new(),
            status: TransactionStatus::Idle,
        }))
    }

    fn reload(&self, _: &Arc<ServerSettings>) {}

    fn shutdown(&self, _: ShutdownMode) -> Result<()> {
        Ok(())
    }
}

/// `fail`, `panic`, `sleep`, `begin`, `end`, `copy`, `set NAME VALUE`; anything else comes back as a row.
struct EchoSession {
    settings: Mutex<SessionSettings>,
    interrupt: Arc<Interrupt>,
    query: String,
    status: TransactionStatus,
}

impl EchoSession {
    fn run(&mut self, out: &mut dyn Output) -> Result<()> {
        match self.query.clone().split(' ').collect::<Vec<_>>()[..] {
            ["fail"] => return Err(Error::new(SqlState::SYNTAX_ERROR, "as you wish").at(2)),
            ["panic"] => panic!("as you wish"),
            ["sleep"] => loop {
                self.interrupt.check()?;
                std::thread::sleep(Duration::from_millis(1));
            },
            ["begin"] => self.status = TransactionStatus::InTransaction,
            ["end"] => self.status = TransactionStatus::Idle,
            ["copy"] => {
                out.copy_in_begin(false, &[0])?;
                let mut bytes = 0;
                while let Some(chunk) = out.copy_read()? {
                    bytes += chunk.len();
                }
                out.command_complete(&format!("COPY {bytes}"));
                return Ok(());
            }
            ["set", name, value] => {
                let who = Assigner {
                    source: Source::Session,
                    superuser: false,
                    granted: &|_| false,
                    checks: &NoChecks,
                    restricted: false,
                };
                self.settings.lock().set(name, Some(value), Scope::Session, &who)?;
            }
            _ => {
                let start = backend::begin_data_row(out.buffer(), 1);
                backend::put_value(out.buffer(), Some(self.query.as_bytes()));
                backend::end(out.buffer(), start);
                out.drain()?;
            }
        }
        out.command_complete("ECHO");
        Ok(())
    }
}

impl EngineSession for EchoSession {
    fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        self.query = sql.to_string();
        self.run(out)
    }

    fn parse(&mut self, _: &str, sql: &str, _: &[Oid]) -> Result<()> {
        self.query = sql.to_string();
        Ok(())
    }

    fn bind(&mut self, _: &str, _: &str, _: &[i16], _: &[Option<&[u8]>], _: &[i16]) -> Result<()> {
        Ok(())
    }

    fn describe_statement(&mut self, _: &str, out: &mut dyn Output) -> Result<()> {
        out.parameter_description(&[]);
        out.no_data();
        Ok(())
    }

    fn describe_portal(&mut self, _: &str, out: &mut dyn Output) -> Result<()> {
        let field = FieldDescription {
            name: "echo".into(),
            table: Oid(0),
            column: 0,
            type_oid: Oid(25),
            type_size: -1,
            type_modifier: -1,
            format: 0,
        };
        out.row_description(&[field]);
        Ok(())
    }

    fn execute(&mut self, _: &str, _: u32, out: &mut dyn Output) -> Result<()> {
        self.run(out)
    }

    fn close_statement(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn close_portal(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn sync(&mut self, _: &mut dyn Output) -> Result<()> {
        Ok(())
    }

    fn abort_on_error(&mut self) {
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
    }

    fn transaction_status(&self) -> TransactionStatus {
        self.status
    }

    fn settings(&self) -> MutexGuard<'_, SessionSettings> {
        self.settings.lock()
    }

    fn current_query(&self) -> &str {
        &self.query
    }

    fn idle_events(&mut self, _: &mut dyn Output) -> Result<()> {
        Ok(())
    }

    fn going_idle(&mut self) {}

    fn terminate(&mut self) {}
}
