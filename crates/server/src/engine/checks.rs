//! Checks of parameters that need more than the parameter table: time zones, roles, encodings.

use adt::datetime::ZoneCache;
use base::{Result, bail};
use settings::{Checks, Definition, Value};

/// The checks of a server.
#[derive(Default)]
pub struct ServerChecks {
    zones: ZoneCache,
}

impl Checks for ServerChecks {
    fn check(&self, definition: &Definition, value: Value) -> Result<Value> {
        let Value::String(text) = &value else { return Ok(value) };
        match &*definition.name {
            "TimeZone" | "log_timezone" => {
                if self.zones.lookup(text).is_none() {
                    bail!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"{}\": \"{text}\"", definition.name);
                }
            }
            "client_encoding" if !is_utf8(text) => {
                if adt::encoding::by_name(text).is_none() {
                    bail!(
                        INVALID_PARAMETER_VALUE,
                        "invalid value for parameter \"client_encoding\": \"{text}\""
                    );
                }
                return Err(base::Error::unsupported(format!("the client encoding {text}")));
            }
            _ => {}
        }
        Ok(value)
    }
}

/// UTF8 by any of its names, or a client that will take whatever comes.
fn is_utf8(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(plain.to_ascii_lowercase().as_str(), "utf8" | "unicode" | "sqlascii")
}
