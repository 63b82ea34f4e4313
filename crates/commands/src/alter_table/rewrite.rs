//! Rewriting a table: new types, and new columns whose values differ from row to row. The rows go into new files, the
//! indexes are built anew, the old files go at commit.

use super::dependents::{self, Change};
use super::{Alteration, validate};
use crate::expression::{self, Kind, RowEvaluator};
use crate::{extended_statistics, index, relation};
use base::{Oid, Result, bail, err};
use catalog::{ObjectAddress, PgDepend, PgStatistic, RelationEntry, Session};
use datum::{Datum, OwnedDatum};
use ir::Expr;
use lock::LockMode;
use std::sync::Arc;
use syntax::{ObjectName, TypeName};

/// Copies the rows of `old` into new files of the same table, which the catalogs describe as it is to be by now.
/// `computed`: attributes (from 0) whose values are worked out from the old row.
///
/// # Errors
/// The disk's, what expressions fail with, `23502`, `23505`.
pub(super) fn rewrite(session: &Arc<Session>, old: &RelationEntry, computed: &[(usize, Expr)]) -> Result<()> {
    dependents::refuse_row_type(session, old.class.reltype, old)?;
    new_files(session, old.oid())?;
    let new = session.require_relation(old.oid())?;
    let context = session.context()?;
    let needed: Vec<usize> = (0..old.desc().len()).filter(|i| !old.desc().attributes()[*i].dropped).collect();
    let numbers: Vec<i16> = needed.iter().map(|n| *n as i16 + 1).collect();
    let exprs: Vec<Expr> = computed.iter().map(|(_, expr)| expr.clone()).collect();
    let mut evaluator = RowEvaluator::new(session, &exprs, &[], &numbers)?;
    let options = heap::InsertOptions::default();
    let mut bulk = heap::BulkInsert::default();
    validate::scan(session, old, &needed, &mut |batch| {
        let outputs = evaluator.evaluate(batch)?;
        for row in 0..batch.rows() {
            let mut values: Vec<Option<Datum<'_>>> = vec![None; new.desc().len()];
            for (at, attribute) in needed.iter().enumerate() {
                values[*attribute] = batch.value(at, row);
            }
            for ((attribute, _), column) in computed.iter().zip(&outputs.columns) {
                values[*attribute] = column.get(row);
            }
            check_not_null(session, &new, &values)?;
            heap::insert(&context, &new.relation, &values, &options, Some(&mut bulk))?;
        }
        Ok(())
    })?;
    let indexes: Vec<Oid> = new.indexes.iter().map(|i| i.oid).collect();
    for oid in indexes {
        crate::name::lock_relation(session, oid, LockMode::AccessExclusive)?;
        index::rebuild(session, old.oid(), oid)?;
    }
    Ok(())
}

fn check_not_null(session: &Session, table: &RelationEntry, values: &[Option<Datum<'_>>]) -> Result<()> {
    for (attribute, value) in table.desc().attributes().iter().zip(values) {
        if attribute.not_null && !attribute.dropped && value.is_none() {
            return Err(err!(
                NOT_NULL_VIOLATION,
                "column \"{}\" of relation \"{}\" contains null values",
                attribute.name,
                table.name()
            )
            .table(session.namespace_name(table.class.relnamespace)?, table.name())
            .column(attribute.name.as_str()));
        }
    }
    Ok(())
}

/// New files for a table and its TOAST table, whose index is empty at once. The missing values of old rows are needed
/// no more.
///
/// # Errors
/// The disk's.
pub(crate) fn new_files(session: &Arc<Session>, table: Oid) -> Result<()> {
    let entry = session.require_relation(table)?;
    for oid in [Some(table), entry.class.reltoastrelid.some()].into_iter().flatten() {
        let (tid, class) = relation::class_row(session, oid)?;
        let class = relation::new_storage(session, &class)?;
        session.update(tid, &class)?;
        session.invalidate_relation(oid);
    }
    for (position, attribute) in entry.desc().attributes().iter().enumerate() {
        if attribute.missing.is_some() {
            relation::update_attribute(session, table, position as i16 + 1, |row| {
                row.atthasmissing = false;
                row.attmissingval = None;
            })?;
        }
    }
    session.command_counter_increment()?;
    match entry.class.reltoastrelid.some() {
        Some(toast) => index::reindex_table(session, toast, false).map(|_| ()),
        None => Ok(()),
    }
}

/// ALTER COLUMN TYPE.
///
/// # Errors
/// `42804`, `0A000` for columns that others depend on, and those of [`rewrite`].
pub(super) fn alter_type(
    alteration: &Alteration<'_>,
    column: &str,
    type_name: &TypeName,
    collation: Option<&ObjectName>,
    using: Option<&syntax::Expr>,
    location: usize,
) -> Result<()> {
    let session = alteration.session;
    let old = alteration.entry()?;
    let number = alteration.column(&old, column)?;
    let position = number as usize - 1;
    let before = old.desc().attributes()[position].clone();
    super::inherit::refuse_inherited_column(alteration, number, "alter", column)
        .map_err(|error| error.at(location))?;
    crate::partition::refuse_key_column(session, &old, number, column, "alter type of")?;
    let (type_oid, typmod) = expression::resolve_type(session, type_name)?;
    let row = session.type_row(type_oid)?;
    let new_collation = match collation {
        Some(named) => expression::collation_by_name(session, named)?,
        None => row.typcollation,
    };
    if let (Some(_), true) = (using, before.generated != 0) {
        return Err(err!(
            INVALID_COLUMN_DEFINITION,
            "cannot specify USING when altering type of generated column"
        )
        .at(location)
        .detail(format!("Column \"{column}\" is a generated column.")));
    }
    let expr = match using {
        Some(ast) => {
            let kind = Kind::AlterColumnTransform;
            expression::analyze_for_column(session, ast, kind, Some(&old), column, type_oid, typmod)
        }
        None => {
            let ast = syntax::Expr::Column(syntax::ColumnRef {
                names: vec![column.to_owned()],
                star: false,
                location: type_name.location,
            });
            let kind = Kind::AlterColumnTransform;
            expression::analyze_for_column(session, &ast, kind, Some(&old), column, type_oid, typmod)
        }
    };
    let expr = match expr {
        Ok(expr) => expr,
        Err(error) if error.state() == base::SqlState::DATATYPE_MISMATCH => {
            let words = session.format_type(type_oid, Some(typmod))?;
            return Err(match using {
                None if before.generated != 0 => {
                    err!(DATATYPE_MISMATCH, "column \"{column}\" cannot be cast automatically to type {words}")
                }
                None => err!(DATATYPE_MISMATCH, "column \"{column}\" cannot be cast automatically to type {words}")
                    .hint(format!("You might need to specify \"USING {}::{words}\".", syntax::quote_identifier(column))),
                Some(_) => err!(
                    DATATYPE_MISMATCH,
                    "result of USING clause for column \"{column}\" cannot be cast automatically to type {words}"
                )
                .hint("You might need to add an explicit cast."),
            });
        }
        Err(error) => return Err(error),
    };
    dependents::take_away(alteration, &old, number, Change::Type)?;
    alter_children(alteration, &old, column, type_name, collation, using)?;
    let old = alteration.entry()?;
    let kept = extended_statistics::take_away(session, &old, number)?;
    let default = convert_default(alteration, &old, number, type_oid, typmod)?;
    let layout = session.type_layout(type_oid)?;
    relation::update_attribute(session, old.oid(), number, |attribute| {
        attribute.atttypid = type_oid;
        attribute.atttypmod = typmod;
        attribute.attlen = row.typlen;
        attribute.attbyval = row.typbyval;
        attribute.attalign = row.typalign;
        attribute.attndims = type_name.array_bounds.len() as i16;
        attribute.attcollation = new_collation;
        attribute.attstorage = row.typstorage;
        attribute.attcompression = 0;
        attribute.atthasmissing = false;
        attribute.attmissingval = None;
    })?;
    let object = ObjectAddress::column(old.oid(), number);
    forget_type(session, object)?;
    let changed = datum::Attribute { type_oid, typmod, layout, collation: new_collation, ..before.clone() };
    relation::record_column(session, old.oid(), number, &changed)?;
    forget_statistics(session, old.oid(), number)?;
    session.invalidate_relation(old.oid());
    session.command_counter_increment()?;
    update_index_columns(session, &old, number, &changed, &row)?;
    if let Some(default) = default {
        crate::constraint::remove_default(session, old.oid(), number)?;
        let is_generated = before.generated != 0;
        crate::constraint::store_default(session, old.oid(), number, &default, is_generated)?;
    }
    dependents::follow_identity(session, &old, number, type_name)?;
    extended_statistics::put_back(session, kept)?;
    dependents::refuse_row_type(session, old.class.reltype, &old)?;
    // A virtual column has no values.
    if old.kind() == b'p' || before.generated == b'v' {
        return Ok(());
    }
    // Other columns' missing values stand in old rows only.
    rewrite(session, &old, &[(position, expr)])
}

/// The same for everything below the table, once.
fn alter_children(
    alteration: &Alteration<'_>,
    old: &RelationEntry,
    column: &str,
    type_name: &TypeName,
    collation: Option<&ObjectName>,
    using: Option<&syntax::Expr>,
) -> Result<()> {
    let session = alteration.session;
    if alteration.recursing {
        return Ok(());
    }
    if !alteration.recurse {
        if alteration.has_children()? {
            bail!(
                INVALID_TABLE_DEFINITION,
                "type of inherited column \"{column}\" must be changed in child tables too"
            );
        }
        return Ok(());
    }
    for (child, ways) in session.descendants(old.oid())?.into_iter().skip(1) {
        crate::name::lock_relation(session, child, LockMode::AccessExclusive)?;
        let below = alteration.of_child(child);
        let entry = below.entry()?;
        let at = below.column(&entry, column)?;
        if super::inherit::attribute_row(session, child, at)?.attinhcount as usize > ways {
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot alter inherited column \"{column}\" of relation \"{}\"",
                entry.name()
            );
        }
        alter_type(&below, column, type_name, collation, using, type_name.location)?;
    }
    Ok(())
}

/// The default as one of the new type.
fn convert_default(
    alteration: &Alteration<'_>,
    old: &RelationEntry,
    number: i16,
    type_oid: Oid,
    typmod: i32,
) -> Result<Option<Expr>> {
    let session = alteration.session;
    let Some(Some(text)) = old.defaults.get(number as usize - 1) else { return Ok(None) };
    let expr = expression::load(session, text)?;
    let attribute = &old.desc().attributes()[number as usize - 1];
    let name = &attribute.name;
    if attribute.generated != 0 {
        return convert_generation(session, old, text, name, type_oid, typmod).map(Some);
    }
    if ir::expr_type(&expr) == type_oid && ir::expr_typmod(&expr) == typmod {
        return Ok(None);
    }
    let Some(value) = constant_of(session, &expr)? else {
        // A call such as nextval() goes on if its value needs no cast.
        if ir::expr_type(&expr) == type_oid || session.binary_coercible(ir::expr_type(&expr), type_oid)? {
            return Ok(Some(expr));
        }
        bail!(
            DATATYPE_MISMATCH,
            "default for column \"{name}\" cannot be cast automatically to type {}",
            session.format_type(type_oid, Some(typmod))?
        );
    };
    let Some(value) = value else { return Ok(None) };
    let text = crate::output::to_text(session, ir::expr_type(&expr), value.as_datum())?;
    let literal = syntax::Expr::Const { value: syntax::Literal::String(text), location: 0 };
    expression::analyze_for_column(session, &literal, Kind::ColumnDefault, None, name, type_oid, typmod)
        .map(Some)
}

/// A generation expression as one of the new type.
fn convert_generation(
    session: &Arc<Session>,
    table: &RelationEntry,
    text: &str,
    column: &str,
    type_oid: Oid,
    typmod: i32,
) -> Result<Expr> {
    let written = crate::definition::definitions(session).expression(text, table.oid(), false)?;
    let ast = syntax::parse_expression(&written.unwrap_or_default())?;
    let kind = Kind::Generated;
    expression::analyze_for_column(session, &ast, kind, Some(table), column, type_oid, typmod).map_err(
        |error| {
            if error.state() != base::SqlState::DATATYPE_MISMATCH {
                return error;
            }
            let words = session.format_type(type_oid, Some(typmod)).unwrap_or_default();
            err!(
                DATATYPE_MISMATCH,
                "generation expression for column \"{column}\" cannot be cast automatically to type {words}"
            )
        },
    )
}

/// The value of an expression that is the same each time.
fn constant_of(session: &Arc<Session>, expr: &Expr) -> Result<Option<Option<OwnedDatum>>> {
    if expression::is_mutable(session, expr)? {
        return Ok(None);
    }
    crate::pipeline::evaluate(session, expr).map(Some)
}

fn forget_type(session: &Session, column: ObjectAddress) -> Result<()> {
    for (tid, row) in session.dependencies_of(column)? {
        if row.objsubid == column.sub && row.deptype as u8 == b'n' {
            session.delete::<PgDepend>(tid)?;
        }
    }
    session.command_counter_increment()
}

fn forget_statistics(session: &Session, table: Oid, number: i16) -> Result<()> {
    let keys = [table.into(), Datum::Int2(number)];
    for (tid, _) in session.find::<PgStatistic>(catalog::index::PG_STATISTIC_RELID_ATT_INH, &keys)? {
        session.delete::<PgStatistic>(tid)?;
    }
    Ok(())
}

/// Plain index columns take the new type, with its default operator class.
fn update_index_columns(
    session: &Session,
    old: &RelationEntry,
    number: i16,
    changed: &datum::Attribute,
    row: &catalog::PgType,
) -> Result<()> {
    for entry in &old.indexes {
        let Some(at) = entry.index.indkey.iter().position(|key| *key == number) else { continue };
        relation::update_attribute(session, entry.oid, at as i16 + 1, |attribute| {
            attribute.atttypid = changed.type_oid;
            attribute.atttypmod = changed.typmod;
            attribute.attlen = row.typlen;
            attribute.attbyval = row.typbyval;
            attribute.attalign = row.typalign;
            attribute.attstorage = row.typstorage;
            attribute.attcollation = changed.collation;
        })?;
        if at < entry.index.indclass.len() {
            let class = index::default_class(session, changed.type_oid)?;
            let found =
                session.find::<catalog::PgIndex>(catalog::index::PG_INDEX_INDEXRELID, &[entry.oid.into()])?;
            for (tid, mut index_row) in found {
                index_row.indclass[at] = class.oid;
                index_row.indcollation[at] = changed.collation;
                session.update(tid, &index_row)?;
            }
        }
        session.invalidate_relation(entry.oid);
    }
    session.command_counter_increment()
}
