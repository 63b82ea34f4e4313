//! What depends on a column whose type changes. Constraints and indexes with expressions over it, and foreign keys, are
//! taken away and made again from their definitions once all columns of the statement have their new types.

use super::Alteration;
use crate::definition::definitions;
use crate::drop::remove_all;
use crate::{comment, constraint, name, nested};
use base::{Error, Oid, Result, bail, err};
use catalog::{
    CatalogRow, ObjectAddress, PgAttrdef, PgClass, PgConstraint, PgIndex, PgPolicy, PgProc, PgRewrite,
    PgStatisticExt, PgTrigger, PgType, RelationEntry, Session, index,
};
use lock::LockMode;
use std::cell::RefCell;
use std::sync::Arc;
use syntax::quote_identifier;

/// A constraint or an index to be made again.
struct Kept {
    /// ALTER TABLE ... ADD CONSTRAINT or CREATE INDEX.
    command: String,
    comment: Option<String>,
    what: What,
}

enum What {
    /// Of the table, by name.
    Constraint(Oid, String),
    /// In the schema, by name.
    Index(Oid, String),
}

/// What one ALTER TABLE has taken away so far.
#[derive(Default)]
pub(crate) struct PutOff(RefCell<Vec<Kept>>);

impl PutOff {
    /// Makes everything again.
    ///
    /// # Errors
    /// `42804`, `42883` when an expression has no meaning over the new type; `23503`, `23514` when rows violate it.
    pub fn carry_out(&self, session: &Arc<Session>) -> Result<()> {
        let mut all = std::mem::take(&mut *self.0.borrow_mut());
        // Foreign keys need the keys that they refer to.
        all.sort_by_key(|kept| kept.command.contains("FOREIGN KEY"));
        for kept in all {
            for raw in syntax::parse(&kept.command)? {
                nested::run_utility(
                    session,
                    &raw.statement,
                    &kept.command,
                    &Vec::new().into(),
                    &nested::NoNames,
                )?;
            }
            session.command_counter_increment()?;
            let Some(text) = &kept.comment else { continue };
            let object = match &kept.what {
                What::Constraint(table, name) => name::table_constraint(session, *table, name)?
                    .map(|row| ObjectAddress::new::<PgConstraint>(row.oid)),
                What::Index(schema, name) => {
                    session.relation_in(*schema, name)?.map(ObjectAddress::new::<PgClass>)
                }
            };
            if let Some(object) = object {
                comment::set(session, object, Some(text))?;
            }
        }
        Ok(())
    }

    fn keep(&self, session: &Session, object: ObjectAddress, command: String, what: What) -> Result<()> {
        let comment = comment::of(session, object)?;
        self.0.borrow_mut().push(Kept { command, comment, what });
        Ok(())
    }
}

fn qualified(session: &Session, entry: &RelationEntry) -> Result<String> {
    let schema = session.namespace_name(entry.class.relnamespace)?;
    Ok(format!("{}.{}", quote_identifier(&schema), quote_identifier(entry.name())))
}

/// The constraint that one of a partition or of a child comes from in the end, if not from itself.
fn topmost(session: &Session, row: &PgConstraint) -> Result<PgConstraint> {
    let mut top = row.clone();
    while let Some(parent) = top.conparentid.some() {
        match session.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &[parent.into()])? {
            Some(above) => top = (*above).clone(),
            None => break,
        }
    }
    Ok(top)
}

fn refuse(
    session: &Session,
    what: &str,
    dependent: ObjectAddress,
    table: &RelationEntry,
    number: i16,
) -> Result<()> {
    let column = &table.desc().attributes()[number as usize - 1].name;
    Err(err!(FEATURE_NOT_SUPPORTED, "cannot alter type of a column used {what}")
        .detail(format!("{} depends on column \"{column}\"", session.describe_object(dependent)?)))
}

/// What happens to a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Type,
    /// All its values are others: it is generated in another way.
    Values,
}

/// Takes away what is to be made again after the column's change.
///
/// # Errors
/// `0A000` for views, rules, triggers, policies, functions and generated columns over the column.
pub(super) fn take_away(
    alteration: &Alteration<'_>,
    table: &RelationEntry,
    number: i16,
    change: Change,
) -> Result<()> {
    let session = alteration.session;
    let column = ObjectAddress::column(table.oid(), number);
    let mut rows = session.dependents_of(column)?;
    rows.sort_by_key(|(_, row)| (row.classid, row.objid));
    rows.dedup_by_key(|(_, row)| (row.classid, row.objid, row.objsubid));
    for (_, row) in rows {
        let dependent = ObjectAddress { class: row.classid, object: row.objid, sub: row.objsubid };
        match row.classid {
            PgRewrite::OID | PgTrigger::OID | PgPolicy::OID | PgProc::OID if change == Change::Values => {}
            PgRewrite::OID => refuse(session, "by a view or rule", dependent, table, number)?,
            PgTrigger::OID => refuse(session, "in a trigger definition", dependent, table, number)?,
            PgPolicy::OID => refuse(session, "in a policy definition", dependent, table, number)?,
            PgProc::OID => refuse(session, "by a function or procedure", dependent, table, number)?,
            PgAttrdef::OID => check_default(session, table, number, row.objid)?,
            PgConstraint::OID => {
                let found = session.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &[row.objid.into()])?;
                if let Some(found) = found {
                    take_constraint(alteration, &found)?;
                }
            }
            PgClass::OID => take_index(alteration, table, row.objid)?,
            PgStatisticExt::OID => {}
            _ => bail!(
                FEATURE_NOT_SUPPORTED,
                "changing the type of a column that {} depends on is not supported yet",
                session.describe_object(dependent)?
            ),
        }
    }
    Ok(())
}

/// Another column's default over this one generates it.
fn check_default(session: &Session, table: &RelationEntry, number: i16, default: Oid) -> Result<()> {
    let found = session.find::<PgAttrdef>(index::PG_ATTRDEF_OID, &[default.into()])?;
    let Some((_, row)) = found.first().filter(|(_, row)| row.adnum != number) else { return Ok(()) };
    let name = |number: i16| &table.desc().attributes()[number as usize - 1].name;
    Err(err!(FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a generated column")
        .detail(format!("Column \"{}\" is used by generated column \"{}\".", name(number), name(row.adnum))))
}

/// Keys stay, with their indexes; checks and foreign keys are taken away.
fn take_constraint(alteration: &Alteration<'_>, row: &PgConstraint) -> Result<()> {
    let session = alteration.session;
    if !matches!(row.contype as u8, b'c' | b'f') {
        return Ok(());
    }
    let row = topmost(session, row)?;
    if session.relation(row.conrelid)?.is_none() || row.contype as u8 == b'c' && !row.conislocal {
        // It goes and comes with its parent's.
        return Ok(());
    }
    name::lock_relation(session, row.conrelid, LockMode::AccessExclusive)?;
    let entry = session.require_relation(row.conrelid)?;
    let Some(definition) = definitions(session).constraint(row.oid, false)? else { return Ok(()) };
    let command = format!(
        "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
        qualified(session, &entry)?,
        quote_identifier(&row.conname)
    );
    let object = ObjectAddress::new::<PgConstraint>(row.oid);
    alteration.put_off.keep(session, object, command, What::Constraint(entry.oid(), row.conname.clone()))?;
    if row.contype as u8 == b'c' {
        let of = Alteration { table: entry.oid(), recurse: true, recursing: false, ..*alteration };
        super::inherit::drop_constraint(&of, &row, None, syntax::DropBehavior::Restrict)?;
    }
    remove_all(session, &[object], false)
}

/// Indexes over plain columns are built anew as they are; those with expressions are made again.
fn take_index(alteration: &Alteration<'_>, table: &RelationEntry, oid: Oid) -> Result<()> {
    let session = alteration.session;
    let Some((_, row)) =
        session.find::<PgIndex>(index::PG_INDEX_INDEXRELID, &[oid.into()])?.into_iter().next()
    else {
        return Ok(());
    };
    let is_plain = row.indexprs.is_none() && row.indpred.is_none();
    // Those of partitions come with their parents'.
    if is_plain || row.indrelid != table.oid() || !session.parents(oid)?.is_empty() {
        return Ok(());
    }
    let Some(command) = definitions(session).index(oid, None, false)? else {
        return Err(Error::internal(format!("cache lookup failed for index {oid}")));
    };
    let Some(entry) = session.relation(oid)? else { return Ok(()) };
    let what = What::Index(entry.class.relnamespace, entry.name().to_owned());
    let object = ObjectAddress::new::<PgClass>(oid);
    alteration.put_off.keep(session, object, command, what)?;
    remove_all(session, &[object], false)
}

/// The sequence of an identity column has the column's type.
///
/// # Errors
/// `22023` for types that sequences cannot have.
pub(super) fn follow_identity(
    session: &Arc<Session>,
    table: &RelationEntry,
    number: i16,
    type_name: &syntax::TypeName,
) -> Result<()> {
    if table.desc().attributes()[number as usize - 1].identity == 0 {
        return Ok(());
    }
    let option = syntax::OptionItem {
        name: "as".to_owned(),
        namespace: None,
        value: Some(syntax::OptionValue::Type(type_name.clone())),
        action: syntax::OptionAction::default(),
        location: 0,
    };
    for oid in constraint::owned_sequences(session, table.oid(), number, b'i')? {
        name::lock_relation(session, oid, LockMode::ShareRowExclusive)?;
        let sequence = session.require_relation(oid)?;
        crate::sequence::change(session, &sequence, std::slice::from_ref(&option), true)?;
    }
    Ok(())
}

/// Stored rows of a table's type, in other tables' columns, stay as they are: the table may not be rewritten then.
///
/// # Errors
/// `0A000`.
pub(super) fn refuse_row_type(session: &Session, row_type: Oid, table: &RelationEntry) -> Result<()> {
    if !row_type.is_valid() {
        return Ok(());
    }
    session.interrupt_check()?;
    for (_, row) in session.dependents_of(ObjectAddress::new::<PgType>(row_type))? {
        if row.classid == PgType::OID {
            // Arrays of it, domains over it.
            refuse_row_type(session, row.objid, table)?;
            continue;
        }
        if row.classid != PgClass::OID || row.objsubid <= 0 {
            continue;
        }
        let Some(user) = session.relation(row.objid)? else { continue };
        let Some(column) = user.desc().attributes().get(row.objsubid as usize - 1) else { continue };
        match user.kind() {
            b'r' | b'm' | b'p' => bail!(
                FEATURE_NOT_SUPPORTED,
                "cannot alter {} \"{}\" because column \"{}.{}\" uses its row type",
                if table.kind() == b'f' { "foreign table" } else { "table" },
                table.name(),
                user.name(),
                column.name
            ),
            // A composite type with such a column may be used in its turn.
            b'c' => refuse_row_type(session, user.class.reltype, table)?,
            _ => {}
        }
    }
    Ok(())
}
