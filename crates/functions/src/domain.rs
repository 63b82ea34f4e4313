//! Input of domains: that of the base type, then the constraints.

use crate::call::{Call, Function};
use crate::hooks;
use crate::kernel::MaybeBytes;
use crate::table::functions;
use crate::typeio::InputFunction;
use base::{Oid, Result};
use datum::OwnedDatum;

fn input(
    call: &Call<'_>,
    text: Option<&[u8]>,
    domain: Option<Oid>,
    binary: bool,
) -> Result<Option<OwnedDatum>> {
    let Some(domain) = domain else { return Ok(None) };
    let (base, typmod) = call.session.base_type(domain)?;
    let input = match binary {
        true => InputFunction::binary(call.session, base)?,
        false => InputFunction::of(call.session, base)?,
    };
    let value = input.call(call.session, text, typmod)?;
    hooks::domains(call.session)?.check(call.session, domain, value.as_ref().map(OwnedDatum::as_datum))?;
    Ok(value)
}

pub const FUNCTIONS: &[Function] = functions! {
    "domain_in" [call] (text: MaybeBytes, domain: Option<Oid>, _typmod: Option<i32>) -> Option<OwnedDatum> =
        input(call, text, domain, false);
    "domain_recv" [call] (bytes: MaybeBytes, domain: Option<Oid>, _typmod: Option<i32>) -> Option<OwnedDatum> =
        input(call, bytes, domain, true);
};
