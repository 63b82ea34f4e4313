//! What commands ask of the server as a whole.

use super::database::Database;
use base::{Error, Result};
use settings::conf;
use std::path::Path;
use std::sync::{Arc, Weak};

const AUTO_CONF: &str = "postgresql.auto.conf";

/// The server of a session; weak, as the server holds its sessions.
pub struct Control(pub Weak<Database>);

impl Control {
    fn database(&self) -> Result<Arc<Database>> {
        self.0.upgrade().ok_or_else(|| Error::internal("the server is gone"))
    }
}

impl commands::ServerControl for Control {
    fn checkpoint(&self) -> Result<()> {
        let database = self.database()?;
        database.checkpoint_requests.request(true, true, true, &database.stop)
    }

    fn edit_auto_conf(&self, name: Option<&str>, value: Option<&str>) -> Result<()> {
        let database = self.database()?;
        let disk = &database.cluster.instance.system.disk;
        // Two ALTER SYSTEM at once would lose one of the changes.
        let _alone = database.auto_conf.lock();
        let failed = |what: &str, error: &std::io::Error| {
            sys::disk::file_error(error, format!("could not {what} file \"{AUTO_CONF}\""))
        };
        let text = match disk.exists(AUTO_CONF).map_err(|e| failed("stat", &e))? {
            true => disk.read(AUTO_CONF).map_err(|e| failed("read", &e))?,
            false => Vec::new(),
        };
        let entries = conf::read_str(&String::from_utf8_lossy(&text), Path::new(AUTO_CONF))
            .map_err(|_| base::err!(CONFIG_FILE_ERROR, "could not parse contents of file \"{AUTO_CONF}\""))?;
        let text = settings::edit_auto_conf(&entries, name, value)?;
        disk.replace(AUTO_CONF, text.as_bytes()).map_err(|e| failed("write", &e))
    }
}
