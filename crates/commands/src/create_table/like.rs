//! LIKE: columns and, as far as asked for, what hangs on them, copied from another relation.

use super::{ColumnDraft, DefaultSource, Draft, column::WantedSequence};
use crate::comment;
use crate::constraint::{self, CheckSource, NotNull};
use crate::expression;
use crate::extended_statistics;
use crate::index::{self};
use crate::name::{self};
use base::{Error, Oid, Result, bail, err};
use catalog::{
    IndexEntry, ObjectAddress, PgClass, PgConstraint, PgSequence, PgStatisticExt, RelationEntry, Session,
    index as catalog_index,
};
use ir::Expr;
use lock::LockMode;
use std::sync::Arc;
use syntax::{LikeClause, LikeOption, OptionItem, OptionValue};

/// What one LIKE brings along besides columns.
pub(crate) struct Copied {
    source: Arc<RelationEntry>,
    /// For each attribute of the source (from 0), its number in the new table; 0 for dropped ones.
    map: Vec<i16>,
    checks: bool,
    indexes: bool,
    comments: bool,
    statistics: bool,
}

fn wants(clause: &LikeClause, option: LikeOption) -> bool {
    let mut wanted = false;
    for (including, named) in &clause.options {
        if *named == option || *named == LikeOption::All {
            wanted = *including;
        }
    }
    wanted
}

/// Variables renumbered for the new table.
pub(crate) fn renumber(expr: &Expr, map: &[i16]) -> Result<Expr> {
    let mut whole_row = false;
    let renumbered = renumber_step(expr.clone(), map, &mut whole_row);
    if whole_row {
        return Err(err!(FEATURE_NOT_SUPPORTED, "cannot convert whole-row table reference"));
    }
    Ok(renumbered)
}

fn renumber_step(mut expr: Expr, map: &[i16], whole_row: &mut bool) -> Expr {
    if let Expr::Var(var) = &mut expr
        && var.levels_up == 0
    {
        if var.attribute == 0 {
            *whole_row = true;
        }
        if var.attribute > 0 {
            var.attribute = map.get(var.attribute as usize - 1).copied().unwrap_or_default();
            var.syntactic.1 = var.attribute;
        }
        return expr;
    }
    ir::map_children(expr, &mut |child| renumber_step(child, map, whole_row))
}

/// Adds the columns of a LIKE to the draft.
///
/// # Errors
/// `42P01`, `42809`, `42501`.
pub(super) fn expand<'a>(session: &Arc<Session>, clause: &LikeClause, draft: &mut Draft<'a>) -> Result<()> {
    let source = name::open_relation(session, &clause.relation, LockMode::AccessShare)
        .map_err(|e| e.or_at(Some(clause.relation.location)))?;
    if !matches!(source.kind(), b'r' | b'v' | b'm' | b'c' | b'f' | b'p') {
        return Err(err!(WRONG_OBJECT_TYPE, "relation \"{}\" is invalid in LIKE clause", source.name())
            .detail("This operation is not supported for this kind of relation.")
            .at(clause.relation.location));
    }
    super::require_select(session, &source)?;
    let first = draft.columns.len();
    let mut map = vec![0; source.desc().len()];
    let not_nulls = constraint::constraints(session, source.oid())?;
    for (position, attribute) in source.desc().attributes().iter().enumerate() {
        if attribute.dropped {
            continue;
        }
        map[position] = draft.columns.len() as i16 + 1;
        let stated = not_nulls
            .iter()
            .find(|c| c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[position as i16 + 1]));
        let mut column = attribute.clone();
        column.missing = None;
        column.has_default = false;
        (column.identity, column.generated) = (0, 0);
        if !wants(clause, LikeOption::Storage) {
            column.storage = session.type_row(column.type_oid)?.typstorage as u8;
        }
        if !wants(clause, LikeOption::Compression) {
            column.compression = 0;
        }
        let mut sequence = None;
        if attribute.identity != 0 && wants(clause, LikeOption::Identity) {
            column.identity = attribute.identity;
            sequence = Some(identity_of(session, source.oid(), position as i16 + 1)?);
        }
        let default = match source.defaults.get(position) {
            Some(Some(text)) if attribute.generated != 0 && wants(clause, LikeOption::Generated) => {
                column.generated = attribute.generated;
                Some(expression::load(session, text)?)
            }
            Some(Some(text)) if attribute.generated == 0 && wants(clause, LikeOption::Defaults) => {
                Some(expression::load(session, text)?)
            }
            _ => None,
        };
        let not_null = column.not_null.then(|| NotNull {
            column: 0,
            name: stated.map(|c| c.conname.clone()),
            no_inherit: stated.is_some_and(|c| c.connoinherit),
            validated: true,
        });
        let default = default.map(DefaultSource::Ready);
        draft.columns.push(ColumnDraft::new(column, default, sequence, not_null));
    }
    // Generation expressions refer to columns that come after theirs, too.
    for column in &mut draft.columns[first..] {
        if let Some(DefaultSource::Ready(expr)) = &column.default
            && column.attribute.generated != 0
        {
            column.default = Some(DefaultSource::Ready(renumber(expr, &map)?));
        }
    }
    draft.copies.push(Copied {
        source,
        map,
        checks: wants(clause, LikeOption::Constraints),
        indexes: wants(clause, LikeOption::Indexes),
        comments: wants(clause, LikeOption::Comments),
        statistics: wants(clause, LikeOption::Statistics),
    });
    Ok(())
}

/// The options that make a sequence like that of an identity column.
fn identity_of(session: &Session, table: Oid, column: i16) -> Result<WantedSequence> {
    let sequence = session.identity_sequence(table, column)?;
    let Some(row) = session.row::<PgSequence>(catalog_index::PG_SEQUENCE_SEQRELID, &[sequence.into()])?
    else {
        return Err(Error::internal(format!("cache lookup failed for sequence {sequence}")));
    };
    let option = |name: &str, value: OptionValue| OptionItem {
        namespace: None,
        name: name.to_owned(),
        value: Some(value),
        action: Default::default(),
        location: 0,
    };
    let number = |name: &str, value: i64| option(name, OptionValue::Numeric(value.to_string()));
    let options = vec![
        number("cache", row.seqcache),
        option("cycle", OptionValue::Bool(row.seqcycle)),
        number("increment", row.seqincrement),
        number("maxvalue", row.seqmax),
        number("minvalue", row.seqmin),
        number("start", row.seqstart),
    ];
    Ok(WantedSequence { options, identity: true })
}

/// INCLUDING CONSTRAINTS.
///
/// # Errors
/// `42710`, `0A000` for conditions over whole rows.
pub(super) fn add_checks(
    session: &Arc<Session>,
    table: &RelationEntry,
    copies: &[Copied],
    taken: &mut Vec<String>,
) -> Result<()> {
    for copied in copies.iter().filter(|c| c.checks) {
        for row in &copied.source.checks {
            let Some(text) = &row.conbin else { continue };
            let expr = renumber(&expression::load(session, text)?, &copied.map)?;
            constraint::add_check(session, table, &like_written(row), CheckSource::Ready(expr), true, taken)?;
        }
    }
    Ok(())
}

fn like_written(row: &PgConstraint) -> syntax::Constraint {
    syntax::Constraint {
        name: Some(row.conname.clone()),
        kind: syntax::ConstraintKind::Null,
        deferrable: row.condeferrable,
        initially_deferred: row.condeferred,
        no_inherit: row.connoinherit,
        not_valid: false,
        not_enforced: !row.conenforced,
        location: 0,
    }
}

/// INCLUDING INDEXES.
///
/// # Errors
/// What making indexes fails with.
pub(super) fn add_indexes(session: &Arc<Session>, oid: Oid, copies: &[Copied]) -> Result<()> {
    for copied in copies.iter().filter(|c| c.indexes) {
        for entry in &copied.source.indexes {
            add_index(session, oid, copied, entry)?;
        }
    }
    Ok(())
}

fn add_index(session: &Arc<Session>, oid: Oid, copied: &Copied, entry: &IndexEntry) -> Result<()> {
    if entry.class.relam != index::BTREE {
        return Err(Error::unsupported("LIKE INCLUDING INDEXES with indexes that are no B-trees"));
    }
    let table = session.require_relation(oid)?;
    if entry.index.indisexclusion {
        bail!(FEATURE_NOT_SUPPORTED, "exclusion constraints are not supported yet");
    }
    let spec = index::spec_of(session, entry, &table, &copied.map)?;
    index::create(session, &table, &spec)?;
    Ok(())
}

/// INCLUDING COMMENTS: those on columns.
///
/// # Errors
/// What writing fails with.
pub(super) fn add_comments(session: &Session, oid: Oid, copies: &[Copied]) -> Result<()> {
    for copied in copies.iter().filter(|c| c.comments) {
        let object = ObjectAddress::new::<PgClass>(copied.source.oid());
        for (column, text) in comment::of_columns(session, object)? {
            let number = copied.map.get(column as usize - 1).copied().unwrap_or_default();
            if number > 0 {
                comment::set(session, ObjectAddress::column(oid, number), Some(&text))?;
            }
        }
    }
    Ok(())
}

/// INCLUDING STATISTICS.
///
/// # Errors
/// `0A000` for expressions over whole rows.
pub(super) fn add_statistics(session: &Arc<Session>, oid: Oid, copies: &[Copied]) -> Result<()> {
    for copied in copies.iter().filter(|c| c.statistics) {
        let rows = session
            .rows::<PgStatisticExt>(catalog_index::PG_STATISTIC_EXT_RELID, &[copied.source.oid().into()])?;
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.oid);
        for row in rows {
            let names = |number: &i16| copied.source.desc().attributes()[*number as usize - 1].name.clone();
            let mut words: Vec<String> = row.stxkeys.iter().map(names).collect();
            let mut exprs = Vec::new();
            if let Some(text) = &row.stxexprs {
                for expr in expression::load_list(session, text)? {
                    exprs.push(renumber(&expr, &copied.map)?);
                    words.push("expr".to_owned());
                }
            }
            let comment = match copied.comments {
                true => comment::of(session, ObjectAddress::new::<PgStatisticExt>(row.oid))?,
                false => None,
            };
            let mut columns: Vec<i16> =
                row.stxkeys.iter().map(|number| copied.map[*number as usize - 1]).collect();
            columns.sort_unstable();
            let spec = extended_statistics::Spec {
                name: None,
                columns,
                exprs,
                kinds: row.stxkind.clone(),
                words,
                owner: session.user(),
                comment,
            };
            extended_statistics::insert(session, &*session.require_relation(oid)?, &spec)?;
        }
    }
    Ok(())
}
