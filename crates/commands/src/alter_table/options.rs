//! Storage parameters, statistics targets, storage and compression, identity, replica identity.

use super::Alteration;
use crate::constraint::owned_sequences;
use crate::create_table;
use crate::drop::remove_all;
use crate::notice::{notice, warning};
use crate::options::{Target, relation_options};
use crate::relation;
use crate::sequence;
use base::{Error, Result, SqlState, bail, err};
use catalog::{ObjectAddress, PgClass, PgDepend, RelationEntry};
use syntax::{ColumnId, OptionItem, OptionValue, ReplicaIdentity};

/// SET and RESET of storage parameters.
///
/// # Errors
/// `22023`, `42809`.
pub(super) fn set_options(alteration: &Alteration<'_>, items: &[OptionItem], reset: bool) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let target = match entry.kind() {
        b'r' | b'm' => Target::Table,
        b't' => Target::Toast,
        b'v' => Target::View,
        b'i' => Target::Btree,
        b'p' | b'I' => Target::Partitioned,
        _ => bail!(
            WRONG_OBJECT_TYPE,
            "\"{}\" is not a table, view, materialized view, index, or TOAST table",
            entry.name()
        ),
    };
    if target == Target::View && items.iter().any(|i| i.name == "check_option") && !reset {
        crate::view::check_updatable(session, &analyzer::view_query(session, &entry)?)?;
    }
    let changed = relation_options(entry.class.reloptions.as_ref(), items, None, target, reset)?;
    relation::update_class(session, entry.oid(), |class| class.reloptions = changed)?;
    session.invalidate_relation(entry.oid());
    if let Some(toast) = entry.class.reltoastrelid.some()
        && items.iter().any(|i| i.namespace.as_deref() == Some("toast"))
    {
        let (_, class) = relation::class_row(session, toast)?;
        let changed =
            relation_options(class.reloptions.as_ref(), items, Some("toast"), Target::Toast, reset)?;
        relation::update_class(session, toast, |class| class.reloptions = changed)?;
        session.invalidate_relation(toast);
    }
    Ok(())
}

/// SET STATISTICS.
///
/// # Errors
/// `22023`, `42703`.
pub(super) fn set_statistics(
    alteration: &Alteration<'_>,
    column: &ColumnId,
    target: Option<i32>,
) -> Result<()> {
    let entry = alteration.entry()?;
    let number = match column {
        ColumnId::Name(name) => alteration.column(&entry, name)?,
        ColumnId::Number(number) if *number >= 1 && (*number as usize) <= entry.desc().len() => *number,
        ColumnId::Number(number) => {
            bail!(UNDEFINED_COLUMN, "column number {number} of relation \"{}\" does not exist", entry.name())
        }
    };
    let target = match target {
        None | Some(-1) => None,
        Some(target) if target < 0 => {
            bail!(INVALID_PARAMETER_VALUE, "statistics target {target} is too low")
        }
        Some(target) if target > 10_000 => {
            let text = "lowering statistics target to 10000";
            alteration.session.notice(warning(SqlState::INVALID_PARAMETER_VALUE, text));
            Some(10_000)
        }
        Some(target) => Some(target as i16),
    };
    relation::update_attribute(alteration.session, entry.oid(), number, |row| row.attstattarget = target)
}

/// SET STORAGE.
///
/// # Errors
/// `22023`, `0A000`, `42703`.
pub(super) fn set_storage(alteration: &Alteration<'_>, column: &str, word: &str) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    let row = session.type_row(entry.desc().attributes()[number as usize - 1].type_oid)?;
    let letter = relation::storage_letter(session, &row, word)?;
    relation::update_attribute(session, entry.oid(), number, |row| row.attstorage = letter as i8)?;
    session.invalidate_relation(entry.oid());
    Ok(())
}

/// SET COMPRESSION.
///
/// # Errors
/// `22023`, `0A000`, `42703`.
pub(super) fn set_compression(alteration: &Alteration<'_>, column: &str, word: &str) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    let row = session.type_row(entry.desc().attributes()[number as usize - 1].type_oid)?;
    let letter = relation::compression_letter(session, &row, word)?;
    relation::update_attribute(session, entry.oid(), number, |row| row.attcompression = letter as i8)?;
    session.invalidate_relation(entry.oid());
    Ok(())
}

fn not_identity(entry: &catalog::RelationEntry, column: &str) -> Error {
    err!(
        OBJECT_NOT_IN_PREREQUISITE_STATE,
        "column \"{column}\" of relation \"{}\" is not an identity column",
        entry.name()
    )
}

/// SET GENERATED, RESTART and sequence options of an identity column.
///
/// # Errors
/// `55000`, `42703`, and those of sequences.
pub(super) fn set_identity(alteration: &Alteration<'_>, column: &str, items: &[OptionItem]) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    require_whole(alteration, &entry, "change identity column of")?;
    let number = alteration.column(&entry, column)?;
    if entry.desc().attributes()[number as usize - 1].identity == 0 {
        return Err(not_identity(&entry, column));
    }
    let (generated, rest): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|i| i.name == "generated");
    if let Some(OptionValue::String(letter)) = generated.last().and_then(|i| i.value.as_ref()) {
        let letter = letter.bytes().next().unwrap_or(b'd');
        relation::update_attribute(session, entry.oid(), number, |row| row.attidentity = letter as i8)?;
        session.invalidate_relation(entry.oid());
        set_letter_below(alteration, column, letter)?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    for oid in owned_sequences(session, entry.oid(), number, b'i')? {
        crate::name::lock_relation(session, oid, lock::LockMode::ShareRowExclusive)?;
        sequence::change(session, &*session.require_relation(oid)?, &rest, true)?;
    }
    Ok(())
}

/// ADD GENERATED ... AS IDENTITY: the column gets a sequence.
///
/// # Errors
/// `55000`, `42703`, and those of CREATE SEQUENCE.
pub(super) fn add_identity(
    alteration: &Alteration<'_>,
    column: &str,
    always: bool,
    items: &[OptionItem],
) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    require_whole(alteration, &entry, "add identity to a column of")?;
    let position = number as usize - 1;
    let attribute = entry.desc().attributes()[position].clone();
    let table = entry.name();
    sequence::require_identity_type(attribute.type_oid)?;
    if !attribute.not_null {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "column \"{column}\" of relation \"{table}\" must be declared NOT NULL before identity can be added"
        );
    }
    if attribute.identity != 0 {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "column \"{column}\" of relation \"{table}\" is already an identity column"
        );
    }
    if entry.defaults[position].is_some() {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "column \"{column}\" of relation \"{table}\" already has a default value"
        );
    }
    let place = (entry.class.relnamespace, entry.class.relpersistence as u8, entry.class.relowner);
    let sequence = create_table::make_sequence(session, table, place, &attribute, items, true)?;
    create_table::own_sequence(session, sequence, entry.oid(), number, true)?;
    let letter = if always { b'a' } else { b'd' };
    relation::update_attribute(session, entry.oid(), number, |row| row.attidentity = letter as i8)?;
    session.invalidate_relation(entry.oid());
    set_letter_below(alteration, column, letter)?;
    session.command_counter_increment()
}

/// Identity is a matter of a partitioned table with all its partitions.
fn require_whole(alteration: &Alteration<'_>, entry: &RelationEntry, verb: &str) -> Result<()> {
    if entry.kind() == b'p' && !alteration.recurse {
        return Err(err!(INVALID_TABLE_DEFINITION, "cannot {verb} only the partitioned table")
            .hint("Do not specify the ONLY keyword."));
    }
    if entry.class.relispartition {
        bail!(INVALID_TABLE_DEFINITION, "cannot {verb} a partition");
    }
    Ok(())
}

/// The partitions' columns are identity columns as the table's is; 0 for no more.
fn set_letter_below(alteration: &Alteration<'_>, column: &str, letter: u8) -> Result<()> {
    let session = alteration.session;
    if alteration.entry()?.kind() != b'p' {
        return Ok(());
    }
    for oid in crate::inherit::descendants(session, alteration.table, lock::LockMode::AccessExclusive)? {
        if oid == alteration.table {
            continue;
        }
        let entry = session.require_relation(oid)?;
        let number = alteration.column(&entry, column)?;
        relation::update_attribute(session, oid, number, |row| row.attidentity = letter as i8)?;
        session.invalidate_relation(oid);
    }
    Ok(())
}

/// DROP IDENTITY: the sequence goes, too.
///
/// # Errors
/// `55000`, `42703`.
pub(super) fn drop_identity(alteration: &Alteration<'_>, column: &str, if_exists: bool) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    require_whole(alteration, &entry, "drop identity from a column of")?;
    let number = alteration.column(&entry, column)?;
    if entry.desc().attributes()[number as usize - 1].identity == 0 {
        let error = not_identity(&entry, column);
        if if_exists {
            session.notice(notice(format!("{}, skipping", error.message())));
            return Ok(());
        }
        return Err(error);
    }
    relation::update_attribute(session, entry.oid(), number, |row| row.attidentity = 0)?;
    session.invalidate_relation(entry.oid());
    set_letter_below(alteration, column, 0)?;
    for oid in owned_sequences(session, entry.oid(), number, b'i')? {
        let object = ObjectAddress::new::<PgClass>(oid);
        for (tid, row) in session.dependencies_of(object)? {
            if row.deptype as u8 == b'i' {
                session.delete::<PgDepend>(tid)?;
            }
        }
        session.command_counter_increment()?;
        remove_all(session, &[object], false)?;
    }
    Ok(())
}

/// REPLICA IDENTITY, but for USING INDEX.
///
/// # Errors
/// `0A000`.
pub(super) fn replica_identity(alteration: &Alteration<'_>, identity: &ReplicaIdentity) -> Result<()> {
    let letter = match identity {
        ReplicaIdentity::Nothing => b'n',
        ReplicaIdentity::Full => b'f',
        ReplicaIdentity::Default => b'd',
        ReplicaIdentity::Index(_) => return Err(Error::unsupported("REPLICA IDENTITY USING INDEX")),
    };
    relation::update_class(alteration.session, alteration.table, |class| class.relreplident = letter as i8)
}
