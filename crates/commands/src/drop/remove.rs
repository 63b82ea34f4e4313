//! Removing objects: the whole plan is locked, then each object goes, dependents first, with its rows in pg_depend,
//! pg_shdepend, pg_description and the like. Files go when the transaction commits.

use crate::name::lock_relation;
use crate::relation;
use crate::{comment, privilege, shared_dependency as shared};
use base::{Error, Oid, Result};
use catalog::*;
use datum::Datum;
use lock::LockMode;
use std::collections::HashSet;
use std::sync::Arc;

/// Drops objects and what depends on them.
///
/// # Errors
/// `2BP01` without `cascade` when others depend on them.
pub(crate) fn remove_all(session: &Arc<Session>, targets: &[ObjectAddress], cascade: bool) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let plan = session.plan_drop(targets, cascade)?;
    remove_planned(session, &plan)
}

/// Drops objects and what depends on them without telling anybody: temporary relations.
///
/// # Errors
/// What removing fails with.
pub(crate) fn remove_quietly(session: &Arc<Session>, targets: &[ObjectAddress]) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let before = session.take_notices();
    let plan = session.plan_drop(targets, true);
    session.take_notices();
    before.into_iter().for_each(|notice| session.notice(notice));
    remove_planned(session, &plan?)
}

fn remove_planned(session: &Arc<Session>, plan: &[ObjectAddress]) -> Result<()> {
    for object in plan.iter().rev() {
        if object.class == PgClass::OID {
            lock_relation(session, object.object, LockMode::AccessExclusive)?;
        } else {
            let shared = matches!(object.class, PgAuthid::OID | PgDatabase::OID | PgTablespace::OID);
            privilege::lock_object(session, *object, shared, LockMode::AccessExclusive)?;
        }
    }
    let going: HashSet<ObjectAddress> = plan.iter().copied().collect();
    for object in plan {
        session.interrupt_check()?;
        remove(session, *object, &going)?;
        forget_object(session, *object)?;
        session.command_counter_increment()?;
    }
    Ok(())
}

/// What other catalogs say of an object that goes.
///
/// # Errors
/// What writing them fails with.
fn forget_object(session: &Session, object: ObjectAddress) -> Result<()> {
    session.forget_dependencies(object, None)?;
    shared::forget(session, object)?;
    comment::forget(session, object)?;
    let keys = [object.object.into(), object.class.into(), Datum::Int4(object.sub)];
    let keys = if object.sub == 0 { &keys[..2] } else { &keys[..] };
    for (tid, _) in session.find::<PgSeclabel>(index::PG_SECLABEL_OBJECT, keys)? {
        session.delete::<PgSeclabel>(tid)?;
    }
    for (tid, _) in session.find::<PgInitPrivs>(index::PG_INIT_PRIVS_O_C_O, keys)? {
        session.delete::<PgInitPrivs>(tid)?;
    }
    Ok(())
}

/// Deletes the rows with this key in an index.
fn delete_rows<T: CatalogRow>(session: &Session, index: Oid, keys: &[Datum<'_>]) -> Result<()> {
    for (tid, _) in session.find::<T>(index, keys)? {
        session.delete::<T>(tid)?;
    }
    Ok(())
}

fn remove(session: &Arc<Session>, object: ObjectAddress, going: &HashSet<ObjectAddress>) -> Result<()> {
    let oid = object.object;
    let key = [Datum::from(oid)];
    match object.class {
        PgClass::OID if object.sub != 0 => {
            let whole = ObjectAddress { sub: 0, ..object };
            if going.contains(&whole) { Ok(()) } else { remove_column(session, oid, object.sub as i16) }
        }
        PgClass::OID => remove_relation(session, oid),
        PgType::OID => {
            delete_rows::<PgEnum>(session, index::PG_ENUM_TYPID_LABEL, &key)?;
            delete_rows::<PgRange>(session, index::PG_RANGE_RNGTYPID, &key)?;
            delete_rows::<PgType>(session, index::PG_TYPE_OID, &key)
        }
        PgConstraint::OID => remove_constraint(session, oid, going),
        PgAttrdef::OID => remove_default(session, oid, going),
        PgTrigger::OID => delete_rows::<PgTrigger>(session, index::PG_TRIGGER_OID, &key),
        PgRewrite::OID => delete_rows::<PgRewrite>(session, index::PG_REWRITE_OID, &key),
        PgPolicy::OID => delete_rows::<PgPolicy>(session, index::PG_POLICY_OID, &key),
        PgNamespace::OID => delete_rows::<PgNamespace>(session, index::PG_NAMESPACE_OID, &key),
        PgProc::OID => {
            delete_rows::<PgAggregate>(session, index::PG_AGGREGATE_FNOID, &key)?;
            delete_rows::<PgProc>(session, index::PG_PROC_OID, &key)
        }
        PgCast::OID => delete_rows::<PgCast>(session, index::PG_CAST_OID, &key),
        PgCollation::OID => delete_rows::<PgCollation>(session, index::PG_COLLATION_OID, &key),
        PgOperator::OID => crate::operator::remove(session, oid),
        PgAmop::OID => delete_rows::<PgAmop>(session, index::PG_AMOP_OID, &key),
        PgAmproc::OID => delete_rows::<PgAmproc>(session, index::PG_AMPROC_OID, &key),
        PgOpclass::OID => delete_rows::<PgOpclass>(session, index::PG_OPCLASS_OID, &key),
        PgOpfamily::OID => delete_rows::<PgOpfamily>(session, index::PG_OPFAMILY_OID, &key),
        PgExtension::OID => delete_rows::<PgExtension>(session, index::PG_EXTENSION_OID, &key),
        PgLanguage::OID => delete_rows::<PgLanguage>(session, index::PG_LANGUAGE_OID, &key),
        PgStatisticExt::OID => crate::extended_statistics::remove(session, oid),
        class => Err(Error::unsupported(format!("dropping objects of catalog {class}"))),
    }
}

fn remove_relation(session: &Arc<Session>, oid: Oid) -> Result<()> {
    let key = [Datum::from(oid)];
    let (tid, class) = relation::class_row(session, oid)?;
    if matches!(class.relkind as u8, b'r' | b'p' | b'm') {
        privilege::require_not_in_use(session, &class, "DROP TABLE")?;
    }
    if matches!(class.relkind as u8, b'r' | b'm' | b't' | b'i' | b'S') {
        relation::delete_storage(session, session.locate(&class)?)?;
    }
    match class.relkind as u8 {
        b'i' | b'I' => {
            // Indexes of the table are listed with it.
            for (_, row) in session.find::<PgIndex>(index::PG_INDEX_INDEXRELID, &key)? {
                session.invalidate_relation(row.indrelid);
            }
            delete_rows::<PgIndex>(session, index::PG_INDEX_INDEXRELID, &key)?;
        }
        b'S' => delete_rows::<PgSequence>(session, index::PG_SEQUENCE_SEQRELID, &key)?,
        _ => {}
    }
    if class.relkind as u8 == b'p' {
        delete_rows::<PgPartitionedTable>(session, index::PG_PARTITIONED_TABLE_PARTRELID, &key)?;
    }
    for parent in session.parents(oid)? {
        session.invalidate_relation(parent);
        for (tid, mut row) in
            session.find::<PgPartitionedTable>(index::PG_PARTITIONED_TABLE_PARTRELID, &[parent.into()])?
        {
            if row.partdefid == oid {
                row.partdefid = Oid(0);
                session.update(tid, &row)?;
            } else if row.partdefid.is_valid() {
                // The default partition's rows are what the others leave.
                session.invalidate_relation(row.partdefid);
            }
        }
    }
    delete_rows::<PgStatistic>(session, index::PG_STATISTIC_RELID_ATT_INH, &key)?;
    delete_rows::<PgInherits>(session, index::PG_INHERITS_RELID_SEQNO, &key)?;
    relation::delete_attributes(session, oid)?;
    session.delete::<PgClass>(tid)?;
    session.invalidate_relation(oid);
    Ok(())
}

/// A dropped column keeps its place: rows have it.
fn remove_column(session: &Session, table: Oid, number: i16) -> Result<()> {
    let keys = [Datum::from(table), Datum::Int2(number)];
    delete_rows::<PgStatistic>(session, index::PG_STATISTIC_RELID_ATT_INH, &keys)?;
    relation::update_attribute(session, table, number, |row| {
        row.attname = format!("........pg.dropped.{number}........");
        row.atttypid = Oid(0);
        row.attisdropped = true;
        row.attnotnull = false;
        row.atthasdef = false;
        row.atthasmissing = false;
        row.attmissingval = None;
        (row.attidentity, row.attgenerated) = (0, 0);
        row.attstattarget = None;
        row.attacl = None;
        row.attoptions = None;
        row.attfdwoptions = None;
    })?;
    session.invalidate_relation(table);
    Ok(())
}

fn remove_constraint(session: &Session, oid: Oid, going: &HashSet<ObjectAddress>) -> Result<()> {
    for (tid, row) in session.find::<PgConstraint>(index::PG_CONSTRAINT_OID, &[oid.into()])? {
        session.delete::<PgConstraint>(tid)?;
        if !row.conrelid.is_valid() || going.contains(&ObjectAddress::new::<PgClass>(row.conrelid)) {
            continue;
        }
        session.invalidate_relation(row.conrelid);
        match row.contype as u8 {
            b'c' => relation::update_class(session, row.conrelid, |class| {
                class.relchecks = (class.relchecks - 1).max(0);
            })?,
            b'n' => {
                for column in row.conkey.iter().flatten() {
                    if !going.contains(&ObjectAddress::column(row.conrelid, *column)) {
                        relation::update_attribute(session, row.conrelid, *column, |a| a.attnotnull = false)?;
                    }
                }
            }
            b'f' => session.invalidate_relation(row.confrelid),
            _ => {}
        }
    }
    Ok(())
}

fn remove_default(session: &Session, oid: Oid, going: &HashSet<ObjectAddress>) -> Result<()> {
    for (tid, row) in session.find::<PgAttrdef>(index::PG_ATTRDEF_OID, &[oid.into()])? {
        session.delete::<PgAttrdef>(tid)?;
        let column = ObjectAddress::column(row.adrelid, row.adnum);
        let table = ObjectAddress { sub: 0, ..column };
        if !going.contains(&column) && !going.contains(&table) {
            relation::update_attribute(session, row.adrelid, row.adnum, |a| a.atthasdef = false)?;
        }
        session.invalidate_relation(row.adrelid);
    }
    Ok(())
}
