//! What sequences are made of, as rows.

use crate::call::{Call, Function};
use crate::hooks::sequences;
use crate::record;
use crate::table::functions;
use base::{Oid, Result, bail};
use catalog::{PgSequence, index};
use datum::{Attribute, Datum, TupleDesc};

const BOOL: Oid = Oid(16);
const INT8: Oid = Oid(20);
const OID: Oid = Oid(26);

/// A row of columns given as name, type and value.
fn row(call: &Call<'_>, columns: &[(&str, Oid, Option<Datum<'_>>)]) -> Result<Vec<u8>> {
    let attribute = |(name, type_oid, _): &(&str, Oid, Option<Datum<'_>>)| {
        let layout = call.session.type_layout(*type_oid)?;
        Ok(Attribute::result(*name, *type_oid, -1, layout, Oid::INVALID))
    };
    let desc = TupleDesc::new(columns.iter().map(attribute).collect::<Result<_>>()?);
    let values: Vec<_> = columns.iter().map(|(_, _, value)| *value).collect();
    record::form(call.session, &desc, &values)
}

fn data(call: &Call<'_>, sequence: Oid) -> Result<Vec<u8>> {
    let state = sequences(call.session)?.state(call.session, sequence)?;
    row(
        call,
        &[
            ("last_value", INT8, state.map(|(value, _)| Datum::Int8(value))),
            ("is_called", BOOL, state.map(|(_, called)| Datum::Bool(called))),
        ],
    )
}

fn parameters(call: &Call<'_>, sequence: Oid) -> Result<Vec<u8>> {
    let found = call.session.row::<PgSequence>(index::PG_SEQUENCE_SEQRELID, &[sequence.into()])?;
    let Some(found) = found else {
        bail!(INTERNAL_ERROR, "cache lookup failed for sequence {sequence}");
    };
    row(
        call,
        &[
            ("start_value", INT8, Some(Datum::Int8(found.seqstart))),
            ("minimum_value", INT8, Some(Datum::Int8(found.seqmin))),
            ("maximum_value", INT8, Some(Datum::Int8(found.seqmax))),
            ("increment", INT8, Some(Datum::Int8(found.seqincrement))),
            ("cycle_option", BOOL, Some(Datum::Bool(found.seqcycle))),
            ("cache_size", INT8, Some(Datum::Int8(found.seqcache))),
            ("data_type", OID, Some(found.seqtypid.into())),
        ],
    )
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_get_sequence_data" [call] (sequence: Oid) -> Vec<u8> = data(call, sequence);
    "pg_sequence_parameters" [call] (sequence: Oid) -> Vec<u8> = parameters(call, sequence);
};
