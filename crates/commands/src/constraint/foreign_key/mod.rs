//! FOREIGN KEY constraints. `partitions` is about those of and to partitioned tables, `alter` about ALTER CONSTRAINT.

mod alter;
pub(crate) mod partitions;

pub(crate) use alter::alter;
pub(crate) use partitions::copies;

use super::trigger;
use crate::dependency;
use crate::name::{self, choose_constraint_name, joined_columns};
use crate::privilege;
use base::{Error, Oid, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::{
    DependencyKind, IndexEntry, ObjectAddress, PgAttribute, PgClass, PgConstraint, PgOperator, RelationEntry,
    Session, index as catalog_index,
};
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{Constraint, ForeignKey, ForeignKeyAction};

const EQUAL: i16 = 3;

fn letter(action: ForeignKeyAction) -> u8 {
    match action {
        ForeignKeyAction::NoAction => b'a',
        ForeignKeyAction::Restrict => b'r',
        ForeignKeyAction::Cascade => b'c',
        ForeignKeyAction::SetNull => b'n',
        ForeignKeyAction::SetDefault => b'd',
    }
}

/// Adds a foreign key to a locked table. `column`: the one it was written with. `validated`: whether it counts as
/// checked. Rows are not looked at; gives the constraints that they are to be held against, of the table or its
/// partitions.
///
/// # Errors
/// `42830`, `42804`, `42703`, `42P01`, `42809`, `42P16`, `42501`.
pub(crate) fn add(
    session: &Arc<Session>,
    table: &RelationEntry,
    constraint: &Constraint,
    key: &ForeignKey,
    column: Option<&str>,
    validated: bool,
) -> Result<Vec<PgConstraint>> {
    if key.with_period || key.referenced_period {
        return Err(Error::unsupported("PERIOD foreign keys"));
    }
    let referenced = name::open_relation(session, &key.relation, LockMode::ShareRowExclusive)?;
    check_tables(session, table, &referenced)?;
    let names: Vec<&str> = match column {
        Some(column) => vec![column],
        None => key.columns.iter().map(String::as_str).collect(),
    };
    let columns = numbers(table, &names)?;
    check_generated(table, &columns, key)?;
    let (index, referenced_columns) = if key.referenced.is_empty() {
        primary_key(&referenced)?
    } else {
        let referenced_names: Vec<&str> = key.referenced.iter().map(String::as_str).collect();
        let numbers = numbers(&referenced, &referenced_names)?;
        (unique_index(&referenced, &numbers)?, numbers)
    };
    check_privilege(session, &referenced, &referenced_columns)?;
    if columns.len() != referenced_columns.len() {
        bail!(INVALID_FOREIGN_KEY, "number of referencing and referenced columns for foreign key disagree");
    }
    let namespace = table.class.relnamespace;
    let constraint_name = match &constraint.name {
        Some(name) => {
            super::require_free(session, table, name)?;
            name.clone()
        }
        None => {
            let joined = joined_columns(names.iter().copied());
            choose_constraint_name(session, table.name(), Some(&joined), "fkey", namespace, &[])?
        }
    };
    let operators =
        operators(session, &constraint_name, (table, &columns), (&referenced, &referenced_columns), &index)?;
    let oid = session.new_oid::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID)?;
    let mut row = PgConstraint::new(oid, &constraint_name, namespace, b'f');
    row.condeferrable = constraint.deferrable;
    row.condeferred = constraint.initially_deferred;
    row.conenforced = !constraint.not_enforced;
    row.convalidated = validated && !constraint.not_enforced;
    row.connoinherit = table.kind() != b'p';
    row.conrelid = table.oid();
    row.conindid = index.oid;
    row.confrelid = referenced.oid();
    row.confupdtype = letter(key.on_update) as i8;
    row.confdeltype = letter(key.on_delete) as i8;
    row.confmatchtype = if key.match_full { b'f' } else { b's' } as i8;
    row.confdelsetcols = delete_columns(table, key, &columns)?;
    row.conkey = Some(columns);
    row.confkey = Some(referenced_columns);
    row.conpfeqop = Some(operators.across);
    row.conppeqop = Some(operators.referenced);
    row.conffeqop = Some(operators.referencing);
    session.insert(&row)?;
    record(session, &row)?;
    session.command_counter_increment()?;
    partitions::add_referenced(session, &row, trigger::NONE)?;
    let mut unchecked = Vec::new();
    partitions::add_referencing(session, &row, trigger::NONE, &mut unchecked)?;
    Ok(unchecked)
}

/// Holds the rows of tables against their foreign keys.
///
/// # Errors
/// `23503`.
pub(crate) fn check(session: &Arc<Session>, constraints: &[PgConstraint]) -> Result<()> {
    for row in constraints {
        let table = session.require_relation(row.conrelid)?;
        if table.kind() == b'p' || heap::block_count(&session.context()?, &table.relation)? == 0 {
            continue;
        }
        executor::validate_foreign_key(&mut crate::expression::execution(session)?, &table, row)?;
    }
    Ok(())
}

fn record(session: &Session, row: &PgConstraint) -> Result<()> {
    dependency::record_constraint_columns(session, row)?;
    let object = ObjectAddress::new::<PgConstraint>(row.oid);
    let columns = row.confkey.iter().flatten().map(|c| ObjectAddress::column(row.confrelid, *c));
    let index = ObjectAddress::new::<PgClass>(row.conindid);
    let operators = [&row.conpfeqop, &row.conppeqop, &row.conffeqop];
    let operators = operators.into_iter().flatten().flatten().map(|o| ObjectAddress::new::<PgOperator>(*o));
    let all: Vec<_> = columns.chain([index]).chain(operators).collect();
    session.record_dependencies(object, all, DependencyKind::Normal)
}

fn check_tables(session: &Session, table: &RelationEntry, referenced: &RelationEntry) -> Result<()> {
    if !matches!(referenced.kind(), b'r' | b'p') {
        bail!(WRONG_OBJECT_TYPE, "referenced relation \"{}\" is not a table", referenced.name());
    }
    privilege::refuse_catalog(&referenced.class)?;
    let own = table.class.relpersistence as u8;
    let other = referenced.class.relpersistence as u8;
    let (kind, allowed) = match own {
        b'p' if other != b'p' => ("permanent", "permanent"),
        b'u' if other == b't' => ("unlogged", "permanent or unlogged"),
        b't' if other != b't' => ("temporary", "temporary"),
        _ => ("", ""),
    };
    if !kind.is_empty() {
        bail!(INVALID_TABLE_DEFINITION, "constraints on {kind} tables may reference only {allowed} tables");
    }
    if own == b't' && Some(referenced.class.relnamespace) != session.temporary_namespace() {
        bail!(
            INVALID_TABLE_DEFINITION,
            "constraints on temporary tables must involve temporary tables of this session"
        );
    }
    Ok(())
}

fn numbers(table: &RelationEntry, names: &[&str]) -> Result<Vec<i16>> {
    let mut numbers = Vec::new();
    for name in names {
        let Some(position) = table.desc().position(name) else {
            if catalog::template::SYSTEM_COLUMNS.iter().any(|system| system.0 == *name) {
                bail!(FEATURE_NOT_SUPPORTED, "system columns cannot be used in foreign keys");
            }
            bail!(UNDEFINED_COLUMN, "column \"{name}\" referenced in foreign key constraint does not exist");
        };
        numbers.push(position as i16 + 1);
    }
    if numbers.len() > crate::index::MAX_COLUMNS {
        bail!(TOO_MANY_COLUMNS, "cannot have more than {} keys in a foreign key", crate::index::MAX_COLUMNS);
    }
    Ok(numbers)
}

/// A generated column cannot be set to something else.
fn check_generated(table: &RelationEntry, columns: &[i16], key: &ForeignKey) -> Result<()> {
    for number in columns {
        let generated = table.desc().attributes()[*number as usize - 1].generated;
        if generated == 0 {
            continue;
        }
        let invalid = |what: &str| {
            err!(SYNTAX_ERROR, "invalid {what} action for foreign key constraint containing generated column")
        };
        use ForeignKeyAction::{Cascade, SetDefault, SetNull};
        if matches!(key.on_update, SetNull | SetDefault | Cascade) {
            return Err(invalid("ON UPDATE"));
        }
        if matches!(key.on_delete, SetNull | SetDefault) {
            return Err(invalid("ON DELETE"));
        }
        if generated == b'v' {
            bail!(
                FEATURE_NOT_SUPPORTED,
                "foreign key constraints on virtual generated columns are not supported"
            );
        }
    }
    Ok(())
}

fn primary_key(table: &RelationEntry) -> Result<(Arc<IndexEntry>, Vec<i16>)> {
    let Some(index) = table.indexes.iter().find(|i| i.index.indisprimary && i.index.indisvalid) else {
        bail!(UNDEFINED_OBJECT, "there is no primary key for referenced table \"{}\"", table.name());
    };
    if !index.index.indimmediate {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cannot use a deferrable primary key for referenced table \"{}\"",
            table.name()
        );
    }
    let keys = index.index.indkey[..index.index.indnkeyatts as usize].to_vec();
    Ok((index.clone(), keys))
}

/// A unique index on exactly these columns, in any order.
fn unique_index(table: &RelationEntry, columns: &[i16]) -> Result<Arc<IndexEntry>> {
    let mut wanted = columns.to_vec();
    wanted.sort_unstable();
    if wanted.windows(2).any(|pair| pair[0] == pair[1]) {
        bail!(INVALID_FOREIGN_KEY, "foreign key referenced-columns list must not contain duplicates");
    }
    let mut deferrable = false;
    for index in &table.indexes {
        let row = &index.index;
        let mut keys = row.indkey[..row.indnkeyatts as usize].to_vec();
        keys.sort_unstable();
        let fits = row.indisunique && row.indisvalid && row.indpred.is_none() && row.indexprs.is_none();
        if fits && keys == wanted {
            if row.indimmediate {
                return Ok(index.clone());
            }
            deferrable = true;
        }
    }
    if deferrable {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cannot use a deferrable unique constraint for referenced table \"{}\"",
            table.name()
        );
    }
    bail!(
        INVALID_FOREIGN_KEY,
        "there is no unique constraint matching given keys for referenced table \"{}\"",
        table.name()
    )
}

/// REFERENCES on the table or on each of the columns.
fn check_privilege(session: &Session, table: &RelationEntry, columns: &[i16]) -> Result<()> {
    let refused = match privilege::require_on_relation(session, table, bits::REFERENCES) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    for number in columns {
        let keys = [table.oid().into(), Datum::Int2(*number)];
        let row = session.row::<PgAttribute>(catalog_index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
        let stored = row.as_ref().and_then(|row| row.attacl.as_ref());
        let held = privilege::held(session, session.user(), stored, table.class.relowner, privilege::COLUMN)?;
        if held & bits::REFERENCES == 0 {
            return Err(refused);
        }
    }
    Ok(())
}

struct Operators {
    /// referenced = referencing.
    across: Vec<Oid>,
    referenced: Vec<Oid>,
    referencing: Vec<Oid>,
}

/// The equality operators between and within the two sides, by the referenced index's operator families.
fn operators(
    session: &Session,
    name: &str,
    (table, columns): (&RelationEntry, &[i16]),
    (referenced, referenced_columns): (&RelationEntry, &[i16]),
    index: &IndexEntry,
) -> Result<Operators> {
    let mut found = Operators { across: Vec::new(), referenced: Vec::new(), referencing: Vec::new() };
    for (own, other) in columns.iter().zip(referenced_columns) {
        let own = &table.desc().attributes()[*own as usize - 1];
        let position = index.index.indkey.iter().position(|key| key == other).unwrap_or_default();
        let other = &referenced.desc().attributes()[*other as usize - 1];
        let (family, input) = (index.families[position], index.input_types[position]);
        let own_type = session.base_type(own.type_oid)?.0;
        let incompatible = || -> Result<Error> {
            Ok(err!(DATATYPE_MISMATCH, "foreign key constraint \"{name}\" cannot be implemented").detail(format!(
                "Key columns \"{}\" of the referencing table and \"{}\" of the referenced table are of incompatible \
                 types: {} and {}.",
                own.name,
                other.name,
                session.format_type(own.type_oid, None)?,
                session.format_type(other.type_oid, None)?
            )))
        };
        let Some(referenced_equal) = session.family_operator(family, input, input, EQUAL)? else {
            return Err(Error::internal(format!(
                "missing operator {EQUAL}({input},{input}) in opfamily {family}"
            )));
        };
        // Of anyenum and anyarray, only values of the same type can be compared.
        let is_polymorphic = session.type_row(input)?.typtype as u8 == b'p';
        if is_polymorphic && own_type != session.base_type(other.type_oid)?.0 {
            return Err(incompatible()?);
        }
        let across = session.family_operator(family, input, own_type, EQUAL)?;
        let referencing = session.family_operator(family, own_type, own_type, EQUAL)?;
        let (across, referencing) = match (across, referencing) {
            (Some(across), Some(referencing)) => (across, referencing),
            // The referencing value is cast to the index's type where that needs no one to say so.
            _ if casts_implicitly(session, own_type, input)? => (referenced_equal, referenced_equal),
            _ => return Err(incompatible()?),
        };
        found.across.push(across);
        found.referenced.push(referenced_equal);
        found.referencing.push(referencing);
    }
    Ok(found)
}

fn casts_implicitly(session: &Session, source: Oid, target: Oid) -> Result<bool> {
    Ok(session.binary_coercible(source, target)?
        || session.cast(source, target)?.is_some_and(|cast| cast.castcontext as u8 == b'i'))
}

fn delete_columns(table: &RelationEntry, key: &ForeignKey, columns: &[i16]) -> Result<Option<Vec<i16>>> {
    if key.on_delete_columns.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = key.on_delete_columns.iter().map(String::as_str).collect();
    let mut set = Vec::new();
    for (number, name) in numbers(table, &names)?.into_iter().zip(names) {
        if !columns.contains(&number) {
            bail!(
                INVALID_COLUMN_REFERENCE,
                "column \"{name}\" referenced in ON DELETE SET action must be part of foreign key"
            );
        }
        if !set.contains(&number) {
            set.push(number);
        }
    }
    Ok(Some(set))
}
