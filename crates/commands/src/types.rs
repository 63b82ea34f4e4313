//! CREATE TYPE (enums, composite types), ALTER TYPE of enums.

use crate::expression;
use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::notice::notice_of;
use crate::privilege;
use crate::relation::{self, NewRelation, NewType, insert_array_type, insert_type, make_room};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::*;
use datum::{Attribute, Datum};
use std::sync::Arc;
use syntax::{AlterEnum, AlterEnumChange, CreateCompositeType, CreateEnum, ObjectName};

/// Schema and name for a new type, which no other has.
pub(crate) fn place<'n>(session: &Arc<Session>, named: &'n ObjectName) -> Result<(Oid, &'n str)> {
    let (namespace, last) = name::creation_namespace(session, named)?;
    relation::refuse_system_namespace(session, namespace, last)?;
    if let Some(existing) = session.type_in(namespace, last)? {
        if !make_room(session, existing, last, namespace)? {
            bail!(DUPLICATE_OBJECT, "type \"{last}\" already exists");
        }
        session.command_counter_increment()?;
    }
    Ok((namespace, last))
}

fn check_label(label: &str) -> Result<()> {
    if label.len() > name::NAME_LIMIT {
        return Err(err!(INVALID_NAME, "invalid enum label \"{label}\"")
            .detail(format!("Labels must be {} bytes or less.", name::NAME_LIMIT)));
    }
    Ok(())
}

/// An OID for a label: even ones sort as their labels do, odd ones say that the order has to be looked up.
fn label_oid(session: &Session, even: bool) -> Result<Oid> {
    loop {
        let oid = session.new_oid::<PgEnum>(index::PG_ENUM_OID)?;
        if (oid.0 % 2 == 0) == even {
            return Ok(oid);
        }
    }
}

/// CREATE TYPE ... AS ENUM.
///
/// # Errors
/// `42710`, `42602`, `42501`.
pub(crate) fn create_enum(invocation: &mut Invocation<'_>, statement: &CreateEnum) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = place(session, &statement.name)?;
    for (position, label) in statement.values.iter().enumerate() {
        check_label(label)?;
        if statement.values[..position].contains(label) {
            bail!(DUPLICATE_OBJECT, "enum label \"{label}\" used more than once");
        }
    }
    let new = NewType {
        oid: session.new_oid::<PgType>(index::PG_TYPE_OID)?,
        name: last,
        namespace,
        owner: session.user(),
        kind: b'e',
        category: b'E',
        len: 4,
        by_value: true,
        align: b'i',
        storage: b'p',
        input: 3506,
        output: 3507,
        receive: 3532,
        send: 3533,
    };
    let mut row = new.row();
    row.typarray = session.new_oid::<PgType>(index::PG_TYPE_OID)?;
    insert_type(session, &row)?;
    insert_array_type(session, &row)?;
    session.note_new_enum(row.oid);
    let mut previous = Oid(0);
    for (position, label) in statement.values.iter().enumerate() {
        let mut oid = label_oid(session, true)?;
        // The counter may have wrapped round: the order of the OIDs is that of the labels.
        if oid < previous {
            oid = label_oid(session, false)?;
        }
        previous = oid;
        session.insert(&PgEnum {
            oid,
            enumtypid: row.oid,
            enumsortorder: position as f32 + 1.0,
            enumlabel: label.clone(),
        })?;
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("CREATE TYPE".to_owned()))
}

/// ALTER TYPE ... ADD VALUE and RENAME VALUE.
///
/// # Errors
/// `42704`, `42710`, `22023`, `42501`, `42602`.
pub(crate) fn alter_enum(invocation: &mut Invocation<'_>, statement: &AlterEnum) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (schema, last) = name::split(session, &statement.name)?;
    let Some(oid) = session.type_by_name(schema, last)? else {
        bail!(UNDEFINED_OBJECT, "type \"{}\" does not exist", statement.name.parts.join("."));
    };
    let row = session.type_row(oid)?;
    if row.typtype as u8 != b'e' {
        bail!(WRONG_OBJECT_TYPE, "{} is not an enum", session.format_type(oid, None)?);
    }
    privilege::require_type_owner(session, &row)?;
    privilege::lock_object(session, ObjectAddress::new::<PgType>(oid), false, lock::LockMode::Exclusive)?;
    let mut labels: Vec<PgEnum> = session
        .find::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &[oid.into()])?
        .into_iter()
        .map(|(_, r)| r)
        .collect();
    labels.sort_by(|a, b| a.enumsortorder.total_cmp(&b.enumsortorder));
    match &statement.change {
        AlterEnumChange::Rename { from, to } => {
            check_label(to)?;
            if !labels.iter().any(|l| l.enumlabel == *from) {
                bail!(INVALID_PARAMETER_VALUE, "\"{from}\" is not an existing enum label");
            }
            if labels.iter().any(|l| l.enumlabel == *to) {
                bail!(DUPLICATE_OBJECT, "enum label \"{to}\" already exists");
            }
            let keys = [oid.into(), Datum::from(from.as_str())];
            for (tid, mut label) in session.find::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &keys)? {
                label.enumlabel.clone_from(to);
                session.update(tid, &label)?;
            }
        }
        AlterEnumChange::Add { value, if_not_exists, neighbor } => {
            check_label(value)?;
            if labels.iter().any(|l| l.enumlabel == *value) {
                let text = format!("enum label \"{value}\" already exists");
                if *if_not_exists {
                    session.notice(notice_of(SqlState::DUPLICATE_OBJECT, format!("{text}, skipping")));
                    return Ok(Outcome::Tag("ALTER TYPE".to_owned()));
                }
                bail!(DUPLICATE_OBJECT, "{text}");
            }
            add_label(session, oid, labels, value, neighbor.as_ref())?;
        }
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("ALTER TYPE".to_owned()))
}

fn add_label(
    session: &Session,
    type_oid: Oid,
    mut labels: Vec<PgEnum>,
    value: &str,
    neighbor: Option<&(bool, String)>,
) -> Result<()> {
    let at = match neighbor {
        None => labels.len(),
        Some((after, label)) => match labels.iter().position(|l| l.enumlabel == *label) {
            Some(at) => at + usize::from(*after),
            None => bail!(INVALID_PARAMETER_VALUE, "\"{label}\" is not an existing enum label"),
        },
    };
    let order = match place_between(&labels, at) {
        Some(order) => order,
        None => {
            renumber(session, type_oid, &mut labels)?;
            place_between(&labels, at).ok_or_else(|| Error::internal("no place between whole numbers"))?
        }
    };
    let at_end = at == labels.len();
    // At the end an even OID keeps the order as long as it is the largest so far.
    let largest = labels.iter().map(|l| l.oid).max().unwrap_or_default();
    let all_even = labels.iter().all(|l| l.oid.0 % 2 == 0);
    let mut oid = label_oid(session, at_end && all_even)?;
    if at_end && all_even && oid <= largest {
        oid = label_oid(session, false)?;
    }
    let label = PgEnum { oid, enumtypid: type_oid, enumsortorder: order, enumlabel: value.to_owned() };
    session.insert(&label)?;
    session.note_new_enum_value(type_oid, oid);
    labels.push(label);
    session.enum_order()?.enter(&labels);
    Ok(())
}

/// The sort order of a label put before the one at `at`; `None` if two neighbours leave no room.
fn place_between(labels: &[PgEnum], at: usize) -> Option<f32> {
    let before = at.checked_sub(1).map(|i| labels[i].enumsortorder);
    match (before, labels.get(at).map(|l| l.enumsortorder)) {
        (before, None) => Some(before.unwrap_or(0.0) + 1.0),
        (None, Some(next)) => Some(next - 1.0),
        (Some(before), Some(next)) => {
            let middle = before + (next - before) / 2.0;
            (middle > before && middle < next).then_some(middle)
        }
    }
}

/// Gives the labels whole numbers again.
fn renumber(session: &Session, type_oid: Oid, labels: &mut [PgEnum]) -> Result<()> {
    for (label, number) in labels.iter_mut().zip(1u16..) {
        label.enumsortorder = f32::from(number);
    }
    // From the last one on, so that no two have the same number at any moment.
    let mut rows = session.find::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &[type_oid.into()])?;
    rows.sort_by(|(_, a), (_, b)| b.enumsortorder.total_cmp(&a.enumsortorder));
    for (tid, mut row) in rows {
        if let Some(label) = labels.iter().find(|l| l.oid == row.oid) {
            row.enumsortorder = label.enumsortorder;
            session.update(tid, &row)?;
        }
    }
    session.command_counter_increment()
}

/// CREATE TYPE ... AS (attributes).
///
/// # Errors
/// `42P07`, `42710`, `42701`, and those of the attributes' types.
pub(crate) fn create_composite(
    invocation: &mut Invocation<'_>,
    statement: &CreateCompositeType,
) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = place(session, &statement.name)?;
    let mut columns: Vec<Attribute> = Vec::new();
    for item in &statement.attributes {
        if item.type_name.setof {
            bail!(INVALID_TABLE_DEFINITION, "column \"{}\" cannot be declared SETOF", item.name);
        }
        let (type_oid, typmod) = expression::resolve_type(session, &item.type_name)?;
        privilege::require_type(session, type_oid)?;
        let row = session.type_row(type_oid)?;
        let collation = match &item.collation {
            Some(named) => expression::collation_by_name(session, named)?,
            None => row.typcollation,
        };
        let mut attribute =
            Attribute::result(&item.name, type_oid, typmod, session.type_layout(type_oid)?, collation);
        attribute.ndims = item.type_name.array_bounds.len() as i16;
        attribute.storage = row.typstorage as u8;
        columns.push(attribute);
    }
    for position in 1..columns.len() {
        if columns[..position].iter().any(|c| c.name == columns[position].name) {
            bail!(DUPLICATE_COLUMN, "column \"{}\" specified more than once", columns[position].name);
        }
    }
    relation::check_columns(session, &columns, b'c')?;
    let new = NewRelation {
        name: last,
        namespace,
        kind: b'c',
        persistence: b'p',
        owner: session.user(),
        tablespace: Oid(0),
        columns: &columns,
        options: None,
        toast_options: None,
        of_type: Oid(0),
    };
    relation::create(session, &new)?;
    Ok(Outcome::Tag("CREATE TYPE".to_owned()))
}
