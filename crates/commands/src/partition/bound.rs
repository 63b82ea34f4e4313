//! FOR VALUES: the bound of a partition, and whether it fits among those there are.

use crate::expression::{self, Kind};
use analyzer::definition::Definitions;
use base::{Error, Result, SqlState, bail, err};
use catalog::{RelationEntry, Session};
use datum::OwnedDatum;
use ir::{Const, Expr, PartitionBound, RangeDatum};
use partition::{Bounds, KeyColumn, PartitionKey, Partitions, Strategy, compare_lower, compare_range};
use std::cmp::Ordering;
use std::sync::Arc;
use syntax::{Expr as Ast, PartitionBoundKind};

fn definitions(session: &Session) -> Definitions<'_> {
    Definitions { session, output: &crate::explain::Constants }
}

/// The bound as written, for a key.
///
/// # Errors
/// `42P17`, `42804`, `0A000`.
pub(super) fn transform(
    session: &Arc<Session>,
    parent: &RelationEntry,
    key: &PartitionKey,
    written: &syntax::PartitionBound,
) -> Result<PartitionBound> {
    let wrong = |word: &str| {
        Err(err!(INVALID_OBJECT_DEFINITION, "invalid bound specification for a {word} partition")
            .at(written.location))
    };
    match (&written.kind, key.strategy) {
        (PartitionBoundKind::Default, Strategy::Hash) => {
            bail!(INVALID_OBJECT_DEFINITION, "a hash-partitioned table may not have a default partition")
        }
        (PartitionBoundKind::Default, _) => Ok(PartitionBound::Default(key.letter())),
        (PartitionBoundKind::Hash { modulus, remainder }, Strategy::Hash) => {
            if *modulus <= 0 {
                bail!(
                    INVALID_OBJECT_DEFINITION,
                    "modulus for hash partition must be an integer value greater than zero"
                );
            }
            if *remainder < 0 {
                bail!(
                    INVALID_OBJECT_DEFINITION,
                    "remainder for hash partition must be an integer value greater than or equal to zero"
                );
            }
            if remainder >= modulus {
                bail!(INVALID_OBJECT_DEFINITION, "remainder for hash partition must be less than modulus");
            }
            Ok(PartitionBound::Hash { modulus: *modulus, remainder: *remainder })
        }
        (PartitionBoundKind::List(values), Strategy::List) => {
            let name = column_name(session, parent, &key.columns[0])?;
            let mut list: Vec<Const> = Vec::new();
            for value in values {
                let constant = value_of(session, value, &key.columns[0], &name)?;
                let same = |known: &Const| match (&known.value, &constant.value, &key.columns[0].order) {
                    (Some(a), Some(b), Some(order)) => {
                        order.compare(a.as_datum(), b.as_datum()) == Ordering::Equal
                    }
                    (None, None, _) => true,
                    _ => false,
                };
                if !list.iter().any(same) {
                    list.push(constant);
                }
            }
            Ok(PartitionBound::List(list))
        }
        (PartitionBoundKind::Range { from, to }, Strategy::Range) => {
            if from.len() != key.columns.len() {
                bail!(
                    INVALID_TABLE_DEFINITION,
                    "FROM must specify exactly one value per partitioning column"
                );
            }
            if to.len() != key.columns.len() {
                bail!(INVALID_TABLE_DEFINITION, "TO must specify exactly one value per partitioning column");
            }
            Ok(PartitionBound::Range {
                lower: range_side(session, parent, key, from)?,
                upper: range_side(session, parent, key, to)?,
            })
        }
        (_, Strategy::Hash) => wrong("hash"),
        (_, Strategy::List) => wrong("list"),
        (_, Strategy::Range) => wrong("range"),
    }
}

fn column_name(session: &Session, parent: &RelationEntry, column: &KeyColumn) -> Result<String> {
    if column.attribute > 0 {
        return Ok(parent.desc().attributes()[column.attribute as usize - 1].name.clone());
    }
    let text = expression::store(&column.expr);
    Ok(definitions(session).expression(&text, parent.oid(), false)?.unwrap_or_default())
}

fn location_of(ast: &Ast) -> Option<usize> {
    Some(ast.location())
}

fn range_side(
    session: &Arc<Session>,
    parent: &RelationEntry,
    key: &PartitionKey,
    written: &[Ast],
) -> Result<Vec<RangeDatum>> {
    let mut side: Vec<RangeDatum> = Vec::new();
    for (value, column) in written.iter().zip(&key.columns) {
        let word = match value {
            Ast::Column(c) if c.names.len() == 1 && !c.star => Some(c.names[0].as_str()),
            _ => None,
        };
        let datum = match word {
            Some("minvalue") => RangeDatum::MinValue,
            Some("maxvalue") => RangeDatum::MaxValue,
            _ => {
                let name = column_name(session, parent, column)?;
                let constant = value_of(session, value, column, &name)?;
                if constant.value.is_none() {
                    bail!(INVALID_TABLE_DEFINITION, "cannot specify NULL in range bound");
                }
                RangeDatum::Value(constant)
            }
        };
        let bad = match side.last() {
            Some(RangeDatum::MaxValue) if !matches!(datum, RangeDatum::MaxValue) => Some("MAXVALUE"),
            Some(RangeDatum::MinValue) if !matches!(datum, RangeDatum::MinValue) => Some("MINVALUE"),
            _ => None,
        };
        if let Some(word) = bad {
            let error = err!(DATATYPE_MISMATCH, "every bound following {word} must also be {word}");
            return Err(error.or_at(location_of(value)));
        }
        side.push(datum);
    }
    Ok(side)
}

fn value_of(session: &Arc<Session>, ast: &Ast, column: &KeyColumn, name: &str) -> Result<Const> {
    let analyzed = expression::analyze_for_column(
        session,
        ast,
        Kind::PartitionBound,
        None,
        name,
        column.type_oid,
        column.typmod,
    );
    let expr = analyzed.map_err(|error| {
        if error.state() != SqlState::DATATYPE_MISMATCH {
            return error;
        }
        let type_name = session.format_type(column.type_oid, None).unwrap_or_default();
        err!(DATATYPE_MISMATCH, "specified value cannot be cast to type {type_name} for column \"{name}\"")
            .or_at(location_of(ast))
    })?;
    let own = ir::expr_collation(&expr);
    if own.is_valid() && own != column.collation && has_collate(&expr) {
        let named = |oid: base::Oid| -> Result<String> {
            let row = session.row::<catalog::PgCollation>(catalog::index::PG_COLLATION_OID, &[oid.into()])?;
            Ok(row.map_or_else(String::new, |row| row.collname.clone()))
        };
        return Err(err!(
            DATATYPE_MISMATCH,
            "collation of partition bound value for column \"{name}\" does not match partition key collation \"{}\"",
            named(column.collation)?
        )
        .or_at(location_of(ast)));
    }
    let value: Option<OwnedDatum> = crate::pipeline::evaluate(session, &expr)?;
    Ok(Const {
        type_oid: column.type_oid,
        typmod: column.typmod,
        collation: column.collation,
        layout: session.type_layout(column.type_oid)?,
        value,
        location: None,
    })
}

fn has_collate(expr: &Expr) -> bool {
    ir::any(expr, &mut |e| matches!(e, Expr::Collate { .. }))
}

/// A new bound must leave those of other partitions alone.
///
/// # Errors
/// `42P17`.
pub(super) fn check(
    session: &Session,
    name: &str,
    partitions: &Partitions,
    bound: &PartitionBound,
    written: &syntax::PartitionBound,
) -> Result<()> {
    let relation = |at: usize| -> Result<String> {
        Ok(session.require_relation(partitions.oids[at])?.name().to_owned())
    };
    let overlap = |at: usize, place: Option<usize>| -> Result<()> {
        let error = err!(
            INVALID_OBJECT_DEFINITION,
            "partition \"{name}\" would overlap partition \"{}\"",
            relation(at)?
        );
        Err(error.or_at(place.or(Some(written.location))))
    };
    match bound {
        PartitionBound::Default(_) => match partitions.default {
            Some(at) => Err(err!(
                INVALID_OBJECT_DEFINITION,
                "partition \"{name}\" conflicts with existing default partition \"{}\"",
                relation(at)?
            )
            .at(written.location)),
            None => Ok(()),
        },
        PartitionBound::Hash { modulus, remainder } => {
            check_modulus(partitions, *modulus, &relation)?;
            let Bounds::Hash { modulus: greatest, takes } = &partitions.bounds else { return Ok(()) };
            let mut place = *remainder as usize % (*greatest).max(1) as usize;
            while place < takes.len() {
                if let Some(at) = takes[place] {
                    return overlap(at, None);
                }
                place += *modulus as usize;
            }
            Ok(())
        }
        PartitionBound::List(values) => {
            let PartitionBoundKind::List(asts) = &written.kind else { return Ok(()) };
            for (value, ast) in values.iter().zip(asts) {
                let taken = match &value.value {
                    None => match &partitions.bounds {
                        Bounds::List { null, .. } => *null,
                        _ => None,
                    },
                    Some(value) => match (&partitions.bounds, partitions.list_position(value.as_datum())) {
                        (Bounds::List { values, .. }, Ok(at)) => Some(values[at].1),
                        _ => None,
                    },
                };
                if let Some(at) = taken {
                    return overlap(at, location_of(ast));
                }
            }
            Ok(())
        }
        PartitionBound::Range { lower, upper } => {
            check_range(session, name, partitions, (lower, upper), written, &overlap)
        }
    }
}

fn check_range(
    session: &Session,
    name: &str,
    partitions: &Partitions,
    (lower, upper): (&[RangeDatum], &[RangeDatum]),
    written: &syntax::PartitionBound,
    overlap: &dyn Fn(usize, Option<usize>) -> Result<()>,
) -> Result<()> {
    let key = &partitions.key;
    let PartitionBoundKind::Range { from, to } = &written.kind else { return Ok(()) };
    // The column that decided, for the place of the error.
    let decided = |a: &[RangeDatum], b: &[RangeDatum]| -> usize {
        (0..a.len())
            .find(|n| compare_range(key, &a[..=*n], &b[..=*n]) != Ordering::Equal)
            .unwrap_or(a.len() - 1)
    };
    if compare_lower(key, (lower, true), (upper, false)) != Ordering::Less {
        let texts = definitions(session);
        let at = decided(lower, upper);
        return Err(err!(INVALID_OBJECT_DEFINITION, "empty range bound specified for partition \"{name}\"")
            .detail(format!(
                "Specified lower bound {} is greater than or equal to upper bound {}.",
                texts.range_side(lower)?,
                texts.range_side(upper)?
            ))
            .or_at(location_of(&from[at])));
    }
    for (at, own) in partitions.own.iter().enumerate() {
        let PartitionBound::Range { lower: low, upper: high } = own else { continue };
        let begins_before_end = compare_lower(key, (lower, true), (high, false)) == Ordering::Less;
        let ends_after_begin = compare_lower(key, (low, true), (upper, false)) == Ordering::Less;
        if begins_before_end && ends_after_begin {
            // The new one begins within the old one, or goes on into it.
            let within = compare_lower(key, (lower, true), (low, true)) != Ordering::Less;
            let place = if within {
                let n = decided(lower, low).min(from.len() - 1);
                location_of(
                    &from[if compare_range(key, lower, low) == Ordering::Equal { from.len() - 1 } else { n }],
                )
            } else {
                location_of(&to[decided(upper, low).min(to.len() - 1)])
            };
            return overlap(at, place);
        }
    }
    Ok(())
}

fn check_modulus(
    partitions: &Partitions,
    modulus: i32,
    relation: &dyn Fn(usize) -> Result<String>,
) -> Result<()> {
    let own = |bound: &PartitionBound| match bound {
        PartitionBound::Hash { modulus, .. } => *modulus,
        _ => 0,
    };
    // Partitions come by modulus: the next smaller must divide it, and it the next larger.
    let smaller = partitions.own.iter().rposition(|b| own(b) <= modulus);
    let refuse = |detail: String| -> Result<()> {
        let message = "every hash partition modulus must be a factor of the next larger modulus";
        Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message).detail(detail))
    };
    match smaller {
        None => {
            if let Some(bound) = partitions.own.first()
                && own(bound) % modulus != 0
            {
                return refuse(format!(
                    "The new modulus {modulus} is not a factor of {}, the modulus of existing partition \"{}\".",
                    own(bound),
                    relation(0)?
                ));
            }
        }
        Some(at) => {
            let previous = own(&partitions.own[at]);
            if modulus % previous != 0 {
                return refuse(format!(
                    "The new modulus {modulus} is not divisible by {previous}, the modulus of existing partition \"{}\".",
                    relation(at)?
                ));
            }
            if let Some(next) = partitions.own.get(at + 1).map(own)
                && next % modulus != 0
            {
                return refuse(format!(
                    "The new modulus {modulus} is not a factor of {next}, the modulus of existing partition \"{}\".",
                    relation(at + 1)?
                ));
            }
        }
    }
    Ok(())
}
