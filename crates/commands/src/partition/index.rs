//! Indexes of partitioned tables: each partition has one of its own for each of its parent's (pg_inherits).

use crate::index::{self, IndexSpec};
use crate::name::{self};
use crate::{expression, inherit, relation};
use base::{Error, Oid, Result, bail, err};
use catalog::{
    DependencyKind, IndexEntry, ObjectAddress, PgClass, PgIndex, PgInherits, RelationEntry, Session,
    index as catalog_index,
};
use lock::LockMode;
use std::sync::Arc;
use syntax::RelationName;

/// A unique key of a partitioned table must tell the partition.
///
/// # Errors
/// `0A000`.
pub(crate) fn check_unique(session: &Session, table: &RelationEntry, spec: &IndexSpec) -> Result<()> {
    if !spec.unique || table.kind() != b'p' {
        return Ok(());
    }
    let Some(partitions) = partition::partitions_of(session, table)? else { return Ok(()) };
    let word = if spec.primary {
        "PRIMARY KEY"
    } else if spec.constraint.is_some() {
        "UNIQUE"
    } else {
        "unique index"
    };
    for key in &partitions.key.columns {
        if key.attribute == 0 {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "unsupported {} constraint with partition key definition",
                if spec.constraint.is_some() { word } else { "UNIQUE" }
            )
            .detail(format!(
                "{} constraints cannot be used when partition keys include expressions.",
                if spec.constraint.is_some() { word } else { "UNIQUE" }
            )));
        }
        if !spec.keys.iter().any(|k| k.attribute == key.attribute) {
            let column = &table.desc().attributes()[key.attribute as usize - 1].name;
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "unique constraint on partitioned table must include all partitioning columns"
            )
            .detail(format!(
                "{} constraint on table \"{}\" lacks column \"{column}\" which is part of the partition key.",
                if spec.constraint.is_some() { word } else { "UNIQUE" },
                table.name()
            )));
        }
    }
    Ok(())
}

/// The same columns in the same order, under the same conditions.
fn matches(spec: &IndexSpec, session: &Session, own: &IndexEntry) -> Result<bool> {
    let row = &own.index;
    if row.indisunique != spec.unique
        || row.indnullsnotdistinct != spec.nulls_not_distinct
        || row.indnkeyatts as usize != spec.keys.len()
        || row.indkey.len() != spec.keys.len() + spec.include.len()
        || own.class.relam != index::BTREE
        || row.indisexclusion
    {
        return Ok(false);
    }
    let mut exprs = match &row.indexprs {
        Some(text) => expression::load_list(session, text)?,
        None => Vec::new(),
    }
    .into_iter();
    for (at, key) in spec.keys.iter().enumerate() {
        if row.indkey[at] != key.attribute
            || row.indcollation[at] != key.collation
            || own.families.get(at) != Some(&key.class.opcfamily)
        {
            return Ok(false);
        }
        if let Some(expr) = &key.expr
            && !exprs.next().is_some_and(|own| ir::equal(&own, expr))
        {
            return Ok(false);
        }
    }
    if row.indkey[spec.keys.len()..] != spec.include[..] {
        return Ok(false);
    }
    Ok(match (&row.indpred, &spec.predicate) {
        (None, None) => true,
        (Some(text), Some(wanted)) => ir::equal(&expression::load(session, text)?, wanted),
        _ => false,
    })
}

/// Makes an index part of another one, which its table's parent has.
fn link(session: &Session, child: &IndexEntry, parent: Oid, parent_constraint: Oid) -> Result<()> {
    session.insert(&PgInherits {
        inhrelid: child.oid,
        inhparent: parent,
        inhseqno: 1,
        inhdetachpending: false,
    })?;
    relation::update_class(session, child.oid, |class| class.relispartition = true)?;
    relation::update_class(session, parent, |class| class.relhassubclass = true)?;
    let object = ObjectAddress::new::<PgClass>(child.oid);
    let table = ObjectAddress::new::<PgClass>(child.index.indrelid);
    session.record_dependencies(
        object,
        [ObjectAddress::new::<PgClass>(parent)],
        DependencyKind::PartitionPrimary,
    )?;
    session.record_dependencies(object, [table], DependencyKind::PartitionSecondary)?;
    if let Some(own) = &child.constraint
        && parent_constraint.is_valid()
    {
        crate::constraint::set_parent(session, own.oid, parent_constraint, child.index.indrelid)?;
    }
    session.invalidate_relation(child.oid);
    session.invalidate_relation(child.index.indrelid);
    session.command_counter_increment()
}

/// Gives a partition an index for one of its parent's: one it has already, or a new one.
fn provide(session: &Arc<Session>, parent: &RelationEntry, table: Oid, of: &IndexEntry) -> Result<()> {
    let table = session.require_relation(table)?;
    if table.kind() == b'f' {
        return Ok(());
    }
    let map = inherit::attribute_map(session, parent, &table)?;
    let spec = index::spec_of(session, of, &table, &map)?;
    let constraint = of.constraint.as_ref().map_or(Oid(0), |c| c.oid);
    for own in &table.indexes {
        let free =
            session.find::<PgInherits>(catalog_index::PG_INHERITS_RELID_SEQNO, &[own.oid.into()])?.is_empty();
        let constrained = own.constraint.is_some() == of.constraint.is_some()
            && own.index.indisprimary == of.index.indisprimary;
        if free && constrained && own.index.indisvalid && matches(&spec, session, own)? {
            return link(session, own, of.oid, constraint);
        }
    }
    if spec.primary {
        for key in &spec.keys {
            let number = key.attribute;
            if inherit::not_null_of(session, table.oid(), number)?.is_none() {
                let wanted = crate::constraint::NotNull {
                    column: number,
                    name: None,
                    no_inherit: false,
                    validated: true,
                };
                crate::constraint::add_not_null(session, &table, &wanted, &mut Vec::new())?;
            }
        }
    }
    let table = session.require_relation(table.oid())?;
    let (oid, _) = index::create(session, &table, &spec)?;
    let table = session.require_relation(table.oid())?;
    let Some(own) = table.indexes.iter().find(|i| i.oid == oid) else {
        return Err(Error::internal("a new index is not there"));
    };
    link(session, own, of.oid, constraint)
}

/// Gives all partitions an index for a new one of their parent.
///
/// # Errors
/// Those of making indexes.
pub(crate) fn cascade(session: &Arc<Session>, table: Oid, made: Oid) -> Result<()> {
    let parent = session.require_relation(table)?;
    let Some(of) = parent.indexes.iter().find(|i| i.oid == made).cloned() else {
        return Err(Error::internal("a new index is not there"));
    };
    for child in session.children(table)? {
        name::lock_relation(session, child, LockMode::Share)?;
        provide(session, &parent, child, &of)?;
    }
    Ok(())
}

/// Gives a new partition indexes for all of its parent's.
///
/// # Errors
/// Those of making indexes.
pub(crate) fn clone_to_partition(session: &Arc<Session>, parent: Oid, table: Oid) -> Result<()> {
    let parent = session.require_relation(parent)?;
    for of in &parent.indexes {
        provide(session, &parent, table, of)?;
    }
    Ok(())
}

/// Gives a table that is attached indexes for all of its parent's.
///
/// # Errors
/// Those of making indexes.
pub(super) fn attach_all(
    session: &Arc<Session>,
    parent: &RelationEntry,
    table: &RelationEntry,
) -> Result<()> {
    clone_to_partition(session, parent.oid(), table.oid())
}

/// A table that is detached keeps its indexes as its own.
///
/// # Errors
/// What writing fails with.
pub(super) fn detach_all(session: &Arc<Session>, table: &RelationEntry) -> Result<()> {
    for own in &table.indexes {
        let rows = session.find::<PgInherits>(catalog_index::PG_INHERITS_RELID_SEQNO, &[own.oid.into()])?;
        if rows.is_empty() {
            continue;
        }
        for (tid, _) in rows {
            session.delete::<PgInherits>(tid)?;
        }
        relation::update_class(session, own.oid, |class| class.relispartition = false)?;
        let object = ObjectAddress::new::<PgClass>(own.oid);
        crate::constraint::forget_partition_dependencies(session, object)?;
        if let Some(constraint) = &own.constraint {
            crate::constraint::clear_parent(session, constraint.oid)?;
        }
        session.invalidate_relation(own.oid);
    }
    Ok(())
}

/// ALTER INDEX ... ATTACH PARTITION.
///
/// # Errors
/// `42P17`, `55000`, `42809`.
pub(crate) fn attach_index(session: &Arc<Session>, parent: Oid, named: &RelationName) -> Result<()> {
    let child = name::open_relation(session, named, LockMode::AccessExclusive)?;
    if !matches!(child.kind(), b'i' | b'I') {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not an index", child.name());
    }
    let of_index = |oid: Oid| -> Result<(Arc<RelationEntry>, Arc<IndexEntry>)> {
        let row = session
            .find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[oid.into()])?
            .into_iter()
            .next()
            .ok_or_else(|| Error::internal("cache lookup failed for an index"))?;
        let table = session.require_relation(row.1.indrelid)?;
        let found = table.indexes.iter().find(|i| i.oid == oid).cloned();
        Ok((table, found.ok_or_else(|| Error::internal("cache lookup failed for an index"))?))
    };
    let (parent_table, parent_index) = of_index(parent)?;
    let (child_table, child_index) = of_index(child.oid())?;
    let refuse = |detail: String| -> Result<()> {
        Err(err!(
            INVALID_OBJECT_DEFINITION,
            "cannot attach index \"{}\" as a partition of index \"{}\"",
            child_index.class.relname,
            parent_index.class.relname
        )
        .detail(detail))
    };
    let known = session.parents(child.oid())?;
    if known.first() == Some(&parent) {
        return Ok(());
    }
    if !known.is_empty() {
        return refuse(format!(
            "Index \"{}\" is already attached to another index.",
            child_index.class.relname
        ));
    }
    if partition::parent_of(session, child_table.oid())? != Some(parent_table.oid()) {
        return refuse(format!(
            "Index \"{}\" is not an index on any partition of table \"{}\".",
            child_index.class.relname,
            parent_table.name()
        ));
    }
    for other in session.children(parent)? {
        let (table, index) = of_index(other)?;
        if table.oid() == child_table.oid() {
            return refuse(format!(
                "Another index \"{}\" is already attached for partition \"{}\".",
                index.class.relname,
                table.name()
            ));
        }
    }
    let map = inherit::attribute_map(session, &parent_table, &child_table)?;
    let spec = index::spec_of(session, &parent_index, &child_table, &map)?;
    if !matches(&spec, session, &child_index)? {
        return refuse("The index definitions do not match.".to_owned());
    }
    if parent_index.constraint.is_some() && child_index.constraint.is_none() {
        return refuse(format!(
            "The index \"{}\" belongs to a constraint in table \"{}\" but no constraint exists for index \"{}\".",
            parent_index.class.relname,
            parent_table.name(),
            child_index.class.relname
        ));
    }
    let constraint = parent_index.constraint.as_ref().map_or(Oid(0), |c| c.oid);
    link(session, &child_index, parent, constraint)?;
    validate_parent(session, &parent_table, &parent_index)
}

/// An index of a partitioned table is valid once all its partitions have theirs.
fn validate_parent(session: &Session, table: &RelationEntry, index: &IndexEntry) -> Result<()> {
    if index.index.indisvalid {
        return Ok(());
    }
    let mut valid = 0;
    for child in session.children(index.oid)? {
        let rows = session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[child.into()])?;
        valid += usize::from(rows.first().is_some_and(|(_, row)| row.indisvalid));
    }
    if valid < session.children(table.oid())?.len() {
        return Ok(());
    }
    for (tid, mut row) in session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[index.oid.into()])? {
        row.indisvalid = true;
        session.update(tid, &row)?;
    }
    session.invalidate_relation(table.oid());
    session.invalidate_relation(index.oid);
    session.command_counter_increment()?;
    if let Some(above) = session.parents(index.oid)?.first().copied()
        && let Some(parent) = partition::parent_of(session, table.oid())?
    {
        let parent = session.require_relation(parent)?;
        if let Some(of) = parent.indexes.iter().find(|i| i.oid == above) {
            validate_parent(session, &parent, of)?;
        }
    }
    Ok(())
}
