//! current_setting, set_config.

use crate::array::text_array;
use crate::call::{Call, Function};
use crate::hooks::server;
use crate::kernel::MaybeText;
use crate::table::functions;
use base::{Result, SqlState, bail};

fn show(call: &Call<'_>, name: &str, missing_ok: bool) -> Result<Option<String>> {
    match call.session.settings().show(name) {
        Ok(value) => Ok(Some(value)),
        Err(error) if missing_ok && error.state() == SqlState::UNDEFINED_OBJECT => Ok(None),
        Err(error) => Err(error),
    }
}

fn set(call: &Call<'_>, name: Option<&str>, value: Option<&str>, local: Option<bool>) -> Result<String> {
    let Some(name) = name else {
        bail!(NULL_VALUE_NOT_ALLOWED, "SET requires parameter name");
    };
    server(call.session)?.set_parameter(call.session, name, value, local.unwrap_or(false))
}

/// The flags of a parameter that pg_settings_get_flags shows; `None` for an unknown one.
fn flags(call: &Call<'_>, name: &str) -> Result<Option<Vec<u8>>> {
    use settings::Flags;
    let settings = call.session.settings();
    let Ok(id) = settings.find(name) else { return Ok(None) };
    let flags = settings.definition(id).flags;
    let shown = [
        (Flags::EXPLAIN, "EXPLAIN"),
        (Flags::NO_RESET, "NO_RESET"),
        (Flags::NO_RESET_ALL, "NO_RESET_ALL"),
        (Flags::NO_SHOW_ALL, "NO_SHOW_ALL"),
        (Flags::NOT_IN_SAMPLE, "NOT_IN_SAMPLE"),
        (Flags::COMPUTED, "RUNTIME_COMPUTED"),
    ];
    text_array(shown.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| Some(*name))).map(Some)
}

pub const FUNCTIONS: &[Function] = functions! {
    "show_config_by_name" [call] (name: str) -> String = call.session.settings().show(name);
    "show_config_by_name_missing_ok" [call] (name: str, missing_ok: bool) -> Option<String> =
        show(call, name, missing_ok);
    "set_config_by_name" [call] (name: MaybeText, value: MaybeText, local: Option<bool>) -> String =
        set(call, name, value, local);
    "pg_settings_get_flags" [call] (name: str) -> Option<Vec<u8>> = flags(call, name);
};
