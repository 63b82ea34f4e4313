//! Partitions: which of them there are, and which rows a hash partition takes.

use crate::call::{Call, Function};
use crate::registry::{Registry, invoke};
use crate::set::{ReadyRows, SetFunction};
use crate::table::functions;
use crate::variadic::Argument;
use base::{Oid, Result, bail};
use catalog::{PgClass, PgOpclass, PgPartitionedTable, Session, index};
use datum::{Datum, OwnedDatum, Repr, Row};

const SEED: i64 = 0x7A5B_2236_7996_DCFD;

fn class(session: &Session, oid: Oid) -> Result<Option<std::sync::Arc<PgClass>>> {
    session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])
}

/// A relation that is, or may have, partitions.
fn takes_part(session: &Session, oid: Oid) -> Result<bool> {
    Ok(match class(session, oid)? {
        Some(class) => class.relispartition || matches!(class.relkind as u8, b'p' | b'I'),
        None => false,
    })
}

fn partition_parent(session: &Session, oid: Oid) -> Result<Option<Oid>> {
    match class(session, oid)? {
        Some(class) if class.relispartition => Ok(session.parents(oid)?.first().copied()),
        _ => Ok(None),
    }
}

fn ancestors(session: &Session, oid: Oid) -> Result<Vec<Oid>> {
    let mut found = vec![oid];
    while let Some(parent) = partition_parent(session, *found.last().unwrap_or(&oid))? {
        found.push(parent);
    }
    Ok(found)
}

fn root(call: &Call<'_>, oid: Oid) -> Result<Option<Oid>> {
    if !takes_part(call.session, oid)? {
        return Ok(None);
    }
    Ok(ancestors(call.session, oid)?.last().copied())
}

fn relation(args: &[Option<Datum<'_>>]) -> Option<Oid> {
    args.first().copied().flatten().map(|v| v.oid())
}

fn oid(value: Oid) -> Option<OwnedDatum> {
    Some(Datum::from(value).to_owned())
}

fn ancestor_rows(session: &Session, of: Option<Oid>) -> Result<Vec<Row>> {
    let Some(of) = of else { return Ok(Vec::new()) };
    if !takes_part(session, of)? {
        return Ok(Vec::new());
    }
    Ok(ancestors(session, of)?.into_iter().map(|a| vec![oid(a)]).collect())
}

/// Each relation of the tree with its parent, whether it is a leaf, and how deep it is.
fn tree_rows(session: &Session, of: Option<Oid>) -> Result<Vec<Row>> {
    let Some(of) = of else { return Ok(Vec::new()) };
    if !takes_part(session, of)? {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    let mut level = vec![(of, partition_parent(session, of)?)];
    let mut depth = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for (relation, parent) in level {
            let kind = class(session, relation)?.map_or(0, |c| c.relkind as u8);
            let is_leaf = !matches!(kind, b'p' | b'I');
            rows.push(vec![
                oid(relation),
                parent.and_then(oid),
                Some(OwnedDatum::Bool(is_leaf)),
                Some(OwnedDatum::Int4(depth)),
            ]);
            if !is_leaf {
                next.extend(session.children(relation)?.into_iter().map(|c| (c, Some(relation))));
            }
        }
        level = next;
        depth += 1;
    }
    Ok(rows)
}

/// Whether a row with these key values is of the hash partition with this modulus and remainder.
pub fn satisfies_hash(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let no = Ok(Some(OwnedDatum::Bool(false)));
    let Some([(_, Some(parent)), (_, Some(modulus)), (_, Some(remainder)), keys @ ..]) = arguments else {
        return no;
    };
    let (parent, modulus, remainder) = (parent.oid(), modulus.int4(), remainder.int4());
    if modulus <= 0 {
        bail!(
            INVALID_PARAMETER_VALUE,
            "modulus for hash partition must be an integer value greater than zero"
        );
    }
    if remainder < 0 {
        bail!(
            INVALID_PARAMETER_VALUE,
            "remainder for hash partition must be an integer value greater than or equal to zero"
        );
    }
    if remainder >= modulus {
        bail!(INVALID_PARAMETER_VALUE, "remainder for hash partition must be less than modulus");
    }
    let session = call.session;
    let Some(relation) = session.relation(parent)? else {
        bail!(UNDEFINED_TABLE, "could not open relation with OID {parent}");
    };
    let row = session
        .row::<PgPartitionedTable>(index::PG_PARTITIONED_TABLE_PARTRELID, &[parent.into()])?
        .filter(|row| row.partstrat as u8 == b'h');
    let Some(row) = row else {
        bail!(INVALID_PARAMETER_VALUE, "\"{}\" is not a hash partitioned table", relation.name());
    };
    if row.partattrs.len() != keys.len() {
        bail!(
            INVALID_PARAMETER_VALUE,
            "number of partitioning columns ({}) does not match number of partition keys provided ({})",
            row.partattrs.len(),
            keys.len()
        );
    }
    let mut hash = 0u64;
    for (at, (type_oid, value)) in keys.iter().enumerate() {
        if row.partattrs[at] > 0 {
            let own = relation.desc().attributes()[row.partattrs[at] as usize - 1].type_oid;
            if *type_oid != own && (call.variadic || !session.binary_coercible(*type_oid, own)?) {
                let quote = if call.variadic { "\"" } else { "" };
                bail!(
                    INVALID_PARAMETER_VALUE,
                    "column {} of the partition key has type {quote}{}{quote}, but supplied value is of type {quote}{}{quote}",
                    at + 1,
                    session.format_type(own, None)?,
                    session.format_type(*type_oid, None)?
                );
            }
        }
        let Some(value) = value else { continue };
        let Some(class) = session.row::<PgOpclass>(index::PG_OPCLASS_OID, &[row.partclass[at].into()])?
        else {
            bail!(INTERNAL_ERROR, "cache lookup failed for opclass {}", row.partclass[at]);
        };
        let function = session.family_function(class.opcfamily, class.opcintype, class.opcintype, 2)?;
        let Some(function) = function else {
            bail!(INTERNAL_ERROR, "missing support function 2 of a partition key");
        };
        let body = Registry::get().function(&*session.function(function)?)?;
        let types = [*type_oid, Oid(20)];
        let own = Call {
            session,
            function,
            collation: row.partcollation[at],
            argument_types: &types,
            result_type: Oid(20),
            variadic: false,
            columns: None,
        };
        let repr = session.type_layout(*type_oid)?.repr;
        let args = [Some(*value), Some(Datum::Int8(SEED))];
        if let Some(OwnedDatum::Int8(one)) = invoke(&own, &body, &args, &[repr, Repr::Int8], Repr::Int8)? {
            let mixed = (one as u64)
                .wrapping_add(0x49A0_F4DD_15E5_A8E3)
                .wrapping_add(hash << 54)
                .wrapping_add(hash >> 7);
            hash ^= mixed;
        }
    }
    Ok(Some(OwnedDatum::Bool(hash % modulus as u64 == remainder as u64)))
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_partition_root" [call] (relation: Oid) -> Option<Oid> = root(call, relation);
};

pub const SETS: &[SetFunction] = &[
    SetFunction {
        source: "pg_partition_ancestors",
        start: |call, args| Ok(ReadyRows::new(ancestor_rows(call.session, relation(args))?)),
    },
    SetFunction {
        source: "pg_partition_tree",
        start: |call, args| Ok(ReadyRows::new(tree_rows(call.session, relation(args))?)),
    },
];
