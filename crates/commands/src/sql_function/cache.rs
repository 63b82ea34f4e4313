//! The bodies that a session has at hand.

use super::arguments::Arguments;
use super::body::Body;
use super::result::Shape;
use base::{Oid, Result};
use catalog::{PgProc, Session};
use datum::TupleDesc;
use functions::Call;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// More bodies than this, and the cache starts over.
const MAX_BODIES: usize = 1_000;

#[derive(PartialEq, Eq, Hash)]
struct Key {
    function: Oid,
    collation: Oid,
    result: Oid,
    arguments: Box<[Oid]>,
}

/// A body with the columns that the query listed for it.
type Known = (Option<Arc<TupleDesc>>, Arc<Body>);

#[derive(Default)]
struct Bodies(Mutex<HashMap<Key, Known>>);

/// The body of the function for this call.
///
/// # Errors
/// `42601` for one that does not parse.
pub(super) fn body(session: &Session, call: &Call<'_>, row: &Arc<PgProc>) -> Result<Arc<Body>> {
    let bodies = session.extension("sql functions", Bodies::default);
    let key = Key {
        function: call.function,
        collation: call.collation,
        result: call.result_type,
        arguments: call.argument_types.into(),
    };
    let listed = call.columns;
    if let Some((columns, body)) = bodies.0.lock().get(&key)
        && columns.as_ref() == listed
        && (Arc::ptr_eq(&body.row, row) || *body.row == **row)
        && (body.made_at == session.catalog_version() || body.shape.desc.is_none())
    {
        return Ok(body.clone());
    }
    let types: Vec<Oid> = row
        .proargtypes
        .iter()
        .zip(call.argument_types)
        .map(|(declared, actual)| {
            let polymorphic =
                session.resolve_polymorphic(&row.proargtypes, call.argument_types, *declared)?;
            Ok(if polymorphic == *declared { *declared } else { *actual })
        })
        .collect::<Result<_>>()?;
    let modes = row.proargmodes.as_deref();
    let arguments = Arguments::new(session, &row.proname, &types, modes, row.proargnames.as_deref())?
        .with_collation(call.collation);
    let shape = Shape::new(session, row, call.result_type, call.argument_types, listed)?;
    let body = Arc::new(Body::new(session, row.clone(), arguments, shape)?);
    let mut known = bodies.0.lock();
    if known.len() >= MAX_BODIES {
        known.clear();
    }
    known.insert(key, (listed.cloned(), body.clone()));
    Ok(body)
}
