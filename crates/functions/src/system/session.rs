//! Who and where the session is.

use crate::array::ElementType;
use crate::call::{Call, Function};
use crate::hooks::{Hooks, TriggerDepth, sequences};
use crate::table::functions;
use base::{Oid, Result};
use datum::{Datum, Repr, TypeLayout};

/// What version() answers: PostgreSQL's version first, which clients parse.
pub const VERSION: &str =
    "PostgreSQL 18.6 (Ferrodon 0.1.0) on x86_64-pc-linux-gnu, compiled by rustc, 64-bit";

const NAME_ELEMENT: ElementType = ElementType {
    oid: Oid(19),
    layout: TypeLayout { len: 64, by_value: false, align: 1, repr: Repr::Name },
    delimiter: ',',
};

fn current_schema(call: &Call<'_>) -> Result<Option<String>> {
    Ok(call.session.current_schemas(false)?.into_iter().next())
}

fn current_schemas(call: &Call<'_>, implicit: bool) -> Result<Vec<u8>> {
    let names = call.session.current_schemas(implicit)?;
    NAME_ELEMENT.array(names.iter().map(|name| Some(Datum::from(name.as_str()))))
}

fn current_query(call: &Call<'_>) -> Result<Option<String>> {
    let hooks = Hooks::of(call.session);
    Ok(hooks.server.get().and_then(|server| server.current_query(call.session)))
}

pub const FUNCTIONS: &[Function] = functions! {
    "pgsql_version" () -> str = Ok(VERSION);
    "current_database" [call] () -> String = Ok(call.session.database_name().to_owned());
    "current_user" [call] () -> String = call.session.user_name(call.session.user());
    "session_user" [call] () -> String = call.session.user_name(call.session.session_user());
    "system_user" () -> Option<String> = Ok(None);
    "current_schema" [call] () -> Option<String> = current_schema(call);
    "current_schemas" [call] (implicit: bool) -> Vec<u8> = current_schemas(call, implicit);
    "current_query" [call] () -> Option<String> = current_query(call);
    "pg_backend_pid" [call] () -> i32 = Ok(call.session.transaction_session().locks().pid());
    "getdatabaseencoding" () -> str = Ok("UTF8");
    "pg_client_encoding" [call] () -> String = call.session.settings().show("client_encoding");
    "nextval_oid" [call] (sequence: Oid) -> i64 = sequences(call.session)?.next(call.session, sequence);
    "currval_oid" [call] (sequence: Oid) -> i64 = sequences(call.session)?.current(call.session, sequence);
    "setval_oid" [call] (sequence: Oid, value: i64) -> i64 =
        sequences(call.session)?.set(call.session, sequence, value, true);
    "setval3_oid" [call] (sequence: Oid, value: i64, called: bool) -> i64 =
        sequences(call.session)?.set(call.session, sequence, value, called);
    "lastval" [call] () -> i64 = sequences(call.session)?.last(call.session);
    "pg_sequence_last_value" [call] (sequence: Oid) -> Option<i64> =
        sequences(call.session)?.last_value(call.session, sequence);
    "pg_trigger_depth" [call] () -> i32 =
        Ok(TriggerDepth::of(call.session).0.load(std::sync::atomic::Ordering::Relaxed));
    "pg_jit_available" () -> bool = Ok(false);
    "pg_numa_available" () -> bool = Ok(false);
    "icu_unicode_version" () -> Option<String> = Ok(None);
    "unicode_version" () -> str = Ok("16.0");
};
