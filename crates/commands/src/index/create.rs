//! Making an index, given what it is to be: rows, dependencies, file, contents.

use super::{BTREE, build};
use crate::dependency;
use crate::expression;
use crate::name::lock_relation;
use crate::relation;
use access_api::{Context, IndexKey, IndexRelation, Persistence, Relation};
use base::{Oid, Result, bail};
use catalog::{
    DependencyKind, ObjectAddress, PgClass, PgCollation, PgConstraint, PgIndex, PgOpclass, RelationEntry,
    Session,
};
use datum::{Attribute, TupleDesc, TypeLayout};
use ir::Expr;
use lock::LockMode;
use std::sync::Arc;

/// A key column.
#[derive(Clone)]
pub(crate) struct KeyColumn {
    /// 0 for an expression.
    pub attribute: i16,
    pub expr: Option<Expr>,
    pub class: Arc<PgOpclass>,
    pub collation: Oid,
    /// pg_index.indoption.
    pub options: i16,
}

/// The constraint that an index enforces.
#[derive(Clone)]
pub(crate) struct IndexConstraintSpec {
    pub deferrable: bool,
    pub deferred: bool,
}

/// What an index is to be.
#[derive(Clone)]
pub(crate) struct IndexSpec {
    pub name: String,
    pub keys: Vec<KeyColumn>,
    /// Attributes of the table that the index only carries along.
    pub include: Vec<i16>,
    /// Names of the index's columns.
    pub column_names: Vec<String>,
    pub unique: bool,
    pub primary: bool,
    pub nulls_not_distinct: bool,
    pub constraint: Option<IndexConstraintSpec>,
    /// Of a partitioned table: its partitions get none.
    pub only: bool,
    pub predicate: Option<Expr>,
    pub options: Option<Vec<String>>,
    /// 0: the database's.
    pub tablespace: Oid,
}

/// The columns of an index tuple.
fn attributes(session: &Session, table: &RelationEntry, spec: &IndexSpec) -> Result<Vec<Attribute>> {
    let of_table = |number: i16| table.desc().attributes()[number as usize - 1].clone();
    let mut attributes = Vec::new();
    for (key, name) in spec.keys.iter().zip(&spec.column_names) {
        let mut attribute = match &key.expr {
            None => of_table(key.attribute),
            Some(expr) => {
                let type_oid = ir::expr_type(expr);
                let row = session.type_row(type_oid)?;
                let layout = session.type_layout(type_oid)?;
                let mut attribute =
                    Attribute::result(name, type_oid, ir::expr_typmod(expr), layout, key.collation);
                attribute.storage = row.typstorage as u8;
                attribute
            }
        };
        if let Some(key_type) = key.class.opckeytype.some()
            && key_type != attribute.type_oid
            && !matches!(session.type_row(key_type)?.typtype as u8, b'p')
        {
            let row = session.type_row(key_type)?;
            attribute.type_oid = key_type;
            attribute.typmod = -1;
            attribute.layout = session.type_layout(key_type)?;
            attribute.storage = row.typstorage as u8;
        }
        attribute.name.clone_from(name);
        attribute.collation = key.collation;
        attributes.push(attribute);
    }
    for (number, name) in spec.include.iter().zip(&spec.column_names[spec.keys.len()..]) {
        attributes.push(Attribute { name: name.clone(), collation: Oid(0), ..of_table(*number) });
    }
    for attribute in &mut attributes {
        attribute.not_null = false;
        attribute.has_default = false;
        attribute.identity = 0;
        attribute.generated = 0;
        attribute.missing = None;
    }
    Ok(attributes)
}

/// Makes an index on a locked table, with its constraint if it has one, and fills it. Gives the OIDs of the index and
/// the constraint.
///
/// # Errors
/// `42P07` when the name is taken, `23505` when rows violate it.
pub(crate) fn create(session: &Arc<Session>, table: &RelationEntry, spec: &IndexSpec) -> Result<(Oid, Oid)> {
    crate::partition::check_unique(session, table, spec)?;
    let has_partitions = table.kind() == b'p' && !session.children(table.oid())?.is_empty();
    let created = describe(session, table, spec, !(spec.only && has_partitions))?;
    if table.kind() != b'p' {
        build::build(session, table.oid(), created.0)?;
    } else if !spec.only {
        crate::partition::cascade_index(session, table.oid(), created.0)?;
    }
    Ok(created)
}

/// Makes an index with an empty file. One that is not `ready` gets no entries from those who change the table, and nobody
/// uses it.
///
/// # Errors
/// `42P07` when the name is taken.
pub(super) fn describe(
    session: &Arc<Session>,
    table: &RelationEntry,
    spec: &IndexSpec,
    ready: bool,
) -> Result<(Oid, Oid)> {
    if session.relation_in(table.class.relnamespace, &spec.name)?.is_some() {
        bail!(DUPLICATE_TABLE, "relation \"{}\" already exists", spec.name);
    }
    let columns = attributes(session, table, spec)?;
    let oid = relation::relation_number(session, spec.tablespace)?;
    let kind = if table.kind() == b'p' { b'I' } else { b'i' };
    let mut class = PgClass::new(oid, &spec.name, table.class.relnamespace, kind, table.class.relowner);
    class.relam = BTREE;
    class.relpersistence = table.class.relpersistence;
    class.reltablespace = spec.tablespace;
    class.relnatts = columns.len() as i16;
    class.reloptions = spec.options.clone();
    if kind == b'i' {
        class.relfilenode = oid;
        relation::create_storage(session, &class)?;
    }
    lock_relation(session, oid, LockMode::AccessExclusive)?;
    session.insert(&class)?;
    relation::insert_attributes(session, oid, b'i', &columns)?;
    let mut row = index_row(oid, table.oid(), spec)?;
    (row.indisready, row.indisvalid) = (ready || kind == b'I', ready);
    session.insert(&row)?;
    let constraint = match &spec.constraint {
        Some(constraint) => insert_constraint(session, table, oid, spec, constraint)?,
        None => Oid::INVALID,
    };
    record(session, table.oid(), oid, constraint, spec)?;
    relation::update_class(session, table.oid(), |class| class.relhasindex = true)?;
    session.invalidate_relation(table.oid());
    session.command_counter_increment()?;
    Ok((oid, constraint))
}

fn index_row(oid: Oid, table: Oid, spec: &IndexSpec) -> Result<PgIndex> {
    let mut columns: Vec<i16> = spec.keys.iter().map(|k| k.attribute).collect();
    columns.extend(&spec.include);
    let classes = spec.keys.iter().map(|k| k.class.oid).collect();
    let collations = spec.keys.iter().map(|k| k.collation).collect();
    let mut row = PgIndex::new(oid, table, columns, classes, collations);
    row.indisunique = spec.unique;
    row.indisprimary = spec.primary;
    row.indnullsnotdistinct = spec.nulls_not_distinct;
    row.indimmediate = spec.constraint.as_ref().is_none_or(|c| !c.deferrable);
    row.indoption = spec.keys.iter().map(|k| k.options).collect();
    let exprs: Vec<Expr> = spec.keys.iter().filter_map(|k| k.expr.clone()).collect();
    if !exprs.is_empty() {
        row.indexprs = Some(expression::store_list(&exprs));
    }
    if let Some(predicate) = &spec.predicate {
        row.indpred = Some(expression::store(predicate));
    }
    Ok(row)
}

fn insert_constraint(
    session: &Session,
    table: &RelationEntry,
    index: Oid,
    spec: &IndexSpec,
    constraint: &IndexConstraintSpec,
) -> Result<Oid> {
    let oid = session.new_oid::<PgConstraint>(catalog::index::PG_CONSTRAINT_OID)?;
    let kind = if spec.primary { b'p' } else { b'u' };
    let mut row = PgConstraint::new(oid, &spec.name, table.class.relnamespace, kind);
    row.condeferrable = constraint.deferrable;
    row.condeferred = constraint.deferred;
    row.conrelid = table.oid();
    row.conindid = index;
    row.conkey = Some(spec.keys.iter().map(|k| k.attribute).collect());
    session.insert(&row)?;
    dependency::record_constraint_columns(session, &row)?;
    if constraint.deferrable {
        crate::constraint::insert_unique_trigger(session, table, &row)?;
    }
    Ok(oid)
}

fn record(session: &Session, table: Oid, index: Oid, constraint: Oid, spec: &IndexSpec) -> Result<()> {
    let dependent = ObjectAddress::new::<PgClass>(index);
    if constraint.is_valid() {
        let owner = ObjectAddress::new::<PgConstraint>(constraint);
        session.record_dependencies(dependent, [owner], DependencyKind::Internal)?;
    } else {
        let numbers = spec.keys.iter().map(|k| k.attribute).chain(spec.include.iter().copied());
        let mut on: Vec<_> =
            numbers.filter(|n| *n > 0).map(|number| ObjectAddress::column(table, number)).collect();
        let has_columns = !on.is_empty()
            || spec
                .keys
                .iter()
                .filter_map(|k| k.expr.as_ref())
                .chain(&spec.predicate)
                .any(|e| !dependency::columns_of(e).is_empty());
        if !has_columns {
            on.push(ObjectAddress::new::<PgClass>(table));
        }
        session.record_dependencies(dependent, on, DependencyKind::Auto)?;
    }
    let others = spec.keys.iter().flat_map(|key| {
        let class = ObjectAddress::new::<PgOpclass>(key.class.oid);
        let collation = ObjectAddress::new::<PgCollation>(key.collation);
        let counts = key.collation.is_valid() && key.collation != Oid(100);
        std::iter::once(class).chain(counts.then_some(collation))
    });
    session.record_dependencies(dependent, others, DependencyKind::Normal)?;
    for expr in spec.keys.iter().filter_map(|k| k.expr.as_ref()).chain(&spec.predicate) {
        let kinds = (DependencyKind::Auto, DependencyKind::Normal);
        dependency::record_expression(session, dependent, expr, Some(table), kinds.0, kinds.1)?;
    }
    Ok(())
}

/// The empty index of a new TOAST table, whose catalog rows are not visible yet.
///
/// # Errors
/// The disk's.
pub(crate) fn create_empty_toast_index(session: &Session, toast: &PgClass, index: &PgClass) -> Result<()> {
    let persistence = match index.relpersistence as u8 {
        b't' => Persistence::Temporary,
        b'u' => Persistence::Unlogged,
        _ => Persistence::Permanent,
    };
    let key = |name: &str, type_oid: u32, source: &str| -> Result<(Attribute, IndexKey)> {
        let layout = TypeLayout::new(Oid(type_oid), 4, true, b'i');
        let Some(order) = catalog::order::by_source(source, Oid(0)) else {
            bail!(INTERNAL_ERROR, "function {source} has no body");
        };
        let key = IndexKey { order, collation: Oid(0), descending: false, nulls_first: false };
        Ok((Attribute::result(name, Oid(type_oid), -1, layout, Oid(0)), key))
    };
    let (id, id_key) = key("chunk_id", 26, "btoidcmp")?;
    let (seq, seq_key) = key("chunk_seq", 23, "btint4cmp")?;
    let relation = Relation {
        oid: index.oid,
        database: session.database(),
        name: index.relname.as_str().into(),
        locator: session.locate(index)?,
        persistence,
        is_catalog: toast.oid.0 < 16384,
        desc: Arc::new(TupleDesc::new(vec![id, seq])),
        fillfactor: 90,
        toast: None,
    };
    let index = IndexRelation {
        relation,
        keys: Arc::new([id_key, seq_key]),
        unique: true,
        nulls_not_distinct: false,
        immediate: true,
        deduplicate: false,
    };
    create_empty(session, &session.context()?, &index)
}

/// Writes an empty index, and its init fork if it is unlogged.
///
/// # Errors
/// The disk's.
pub(super) fn create_empty(session: &Session, context: &Context, index: &IndexRelation) -> Result<()> {
    btree::create_empty(context, index)?;
    create_init_fork(session, context, index)
}

/// The init fork of an unlogged index.
pub(super) fn create_init_fork(session: &Session, context: &Context, index: &IndexRelation) -> Result<()> {
    if index.relation.persistence == Persistence::Unlogged {
        relation::create_init_fork(session, index.relation.locator)?;
        btree::write_init_meta(context, index)?;
    }
    Ok(())
}
