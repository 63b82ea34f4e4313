//! ANALYZE of one table: a random sample of its rows, from which pg_statistic's rows are computed. See README.md.

mod compute;
mod store;

use crate::copy::expressions;
use crate::vacuum::{Target, VacuumParams, info, lock_or_skip, may_process, warning};
use crate::{execution, statistics};
use base::{Error, Oid, Result, bail};
use catalog::{IndexEntry, PgAttribute, PgClass, RelationEntry, Session, index};
use compute::{ColumnStatistics, Sampled};
use datum::{Batch, Column, Datum, Selection};
use lock::LockMode;
use std::sync::Arc;
use store::ColumnType;

const BTREE: Oid = Oid(403);
const HASH: Oid = Oid(405);
/// Fewer rows are never sampled.
const MIN_ROWS: usize = 100;
/// Rows per histogram bin, after Chaudhuri, Motwani and Narasayya, "Random sampling for histogram construction".
const ROWS_PER_BIN: usize = 300;

/// How a column's statistics are computed.
enum Method {
    Scalar(Arc<dyn access_api::KeyOrder>),
    /// Values are equal when their stored forms are.
    Equality,
    Unique,
    Trivial,
}

struct Analyzed {
    /// In its relation, from 0.
    attribute: usize,
    target: usize,
    column_type: ColumnType,
    method: Method,
}

/// Analyzes one table in the running transaction.
///
/// # Errors
/// `42703` for columns that are not there; what index expressions fail with.
pub fn table(
    session: &Arc<Session>,
    target: &Target,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    let vacuumed = params.vacuum;
    let params = VacuumParams { vacuum: false, analyze: true, ..params.clone() };
    if !lock_or_skip(session, target, LockMode::ShareUpdateExclusive, &params, say)? {
        return Ok(());
    }
    let Some(entry) = session.relation(target.relation)? else { return Ok(()) };
    let mut notices = Vec::new();
    let may = may_process(session, &entry.class, &params, &mut notices)?;
    notices.into_iter().for_each(&mut *say);
    if !may || crate::vacuum::is_other_temporary(session, &entry.class)? {
        return Ok(());
    }
    match entry.kind() {
        b'r' | b'm' => {}
        // A partitioned table has no rows of its own; its partitions are analyzed by themselves.
        b'p' => return Ok(()),
        _ => {
            say(warning(
                base::SqlState::WARNING,
                format!(
                    "skipping \"{}\" --- cannot analyze non-tables or special system tables",
                    entry.name()
                ),
            ));
            return Ok(());
        }
    }
    // pg_statistic has no statistics of itself.
    if entry.oid() == Oid(2619) {
        return Ok(());
    }
    if params.verbose {
        let schema = session.namespace_name(entry.class.relnamespace)?;
        say(info(format!("analyzing \"{schema}.{}\"", entry.name())));
    }
    // Index expressions are the owner's code.
    let users = session.users();
    session.set_users(catalog::Users { current: entry.class.relowner, ..users });
    let done = run(session, &entry, target, &params, vacuumed, say);
    session.set_users(users);
    done
}

fn run(
    session: &Arc<Session>,
    entry: &RelationEntry,
    target: &Target,
    params: &VacuumParams,
    vacuumed: bool,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    let context = session.context()?;
    let clock = session.instance().system.clock.clone();
    let start = clock.monotonic();
    let columns = choose_columns(session, entry, &target.columns)?;
    let indexes = if target.columns.is_empty() { index_columns(session, entry)? } else { Vec::new() };
    let most = columns.iter().chain(indexes.iter().flat_map(|i| &i.columns)).map(|c| c.target).max();
    let wanted = most.map_or(MIN_ROWS, |target| (ROWS_PER_BIN * target).max(MIN_ROWS));
    let all: Vec<usize> =
        (0..entry.desc().len()).filter(|i| !entry.desc().attributes()[*i].dropped).collect();
    let mut rows = heap::Rows::new(entry.desc(), &all, false);
    let seed = seed(session);
    let ring = heap::vacuum_ring(&context, params.ring_frames(session));
    let strategy = ring.as_ref().map_or(buffer::Strategy::Normal, buffer::Strategy::Ring);
    let sample = heap::sample_rows(&context, &entry.relation, wanted, seed, &all, strategy, &mut rows)?;
    let count = rows.len();
    if params.verbose {
        say(info(format!(
            "\"{}\": scanned {} of {} pages, containing {:.0} live rows and {:.0} dead rows; {count} rows in sample, {:.0} estimated total rows",
            entry.name(),
            sample.sampled_pages,
            sample.pages,
            unscaled(sample.live, &sample),
            unscaled(sample.dead, &sample),
            sample.live
        )));
    }
    let sampled: Vec<Arc<Column>> = rows.columns.into_iter().map(|c| Arc::new(c.finish())).collect();
    let mut whole: Vec<Arc<Column>> = Vec::with_capacity(entry.desc().len());
    let mut taken = sampled.into_iter();
    for attribute in entry.desc().attributes() {
        let column = if attribute.dropped { None } else { taken.next() };
        whole.push(column.unwrap_or_else(|| Arc::new(Column::constant(attribute.layout.repr, None))));
    }
    let batch = Batch::new(whole, count);
    if count > 0 {
        for column in &columns {
            session.interrupt_check()?;
            let values = batch.column(column.attribute);
            let found = column.compute(values, count, sample.live);
            let number = column.attribute as i16 + 1;
            store::store(session, entry.oid(), number, values, &column.column_type, &found)?;
        }
    }
    let mut index_rows = Vec::new();
    for index in &indexes {
        index_rows.push(analyze_index(session, index, &batch, count, sample.live)?);
    }
    update_classes(session, entry, vacuumed, &sample, &indexes, &index_rows)?;
    statistics::of(session).note_analyze(
        if entry.class.relisshared { Oid::INVALID } else { session.database() },
        entry.oid(),
        sample.live as i64,
        sample.dead as i64,
        target.columns.is_empty(),
        params.automatic,
        clock.monotonic().saturating_sub(start),
    );
    Ok(())
}

/// What was counted on the sampled pages themselves.
fn unscaled(estimate: f64, sample: &heap::Sample) -> f64 {
    if sample.pages == 0 {
        return 0.0;
    }
    (estimate * f64::from(sample.sampled_pages) / f64::from(sample.pages)).round()
}

fn seed(session: &Session) -> u64 {
    let mut bytes = [0; 8];
    session.instance().system.random.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn default_target(session: &Session) -> usize {
    session.settings().get(settings::DEFAULT_STATISTICS_TARGET).max(0) as usize
}

fn choose_columns(session: &Session, entry: &RelationEntry, names: &[String]) -> Result<Vec<Analyzed>> {
    let attributes = entry.desc().attributes();
    let mut chosen = Vec::new();
    if names.is_empty() {
        chosen.extend(0..attributes.len());
    }
    for name in names {
        let Some(number) = entry.desc().position(name) else {
            bail!(UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", entry.name());
        };
        if chosen.contains(&number) {
            bail!(
                DUPLICATE_COLUMN,
                "column \"{name}\" of relation \"{}\" appears more than once",
                entry.name()
            );
        }
        chosen.push(number);
    }
    let mut columns = Vec::new();
    for number in chosen {
        columns.extend(examine(session, entry.oid(), number, &attributes[number])?);
    }
    Ok(columns)
}

/// Whether and how a column is to be analyzed.
fn examine(
    session: &Session,
    relation: Oid,
    number: usize,
    attribute: &datum::Attribute,
) -> Result<Option<Analyzed>> {
    if attribute.dropped || attribute.generated == b'v' {
        return Ok(None);
    }
    let keys = [relation.into(), Datum::Int2(number as i16 + 1)];
    let row = session.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
    let target = match row.and_then(|row| row.attstattarget) {
        Some(0) => return Ok(None),
        Some(target) if target > 0 => target as usize,
        _ => default_target(session),
    };
    let (type_oid, collation) = (attribute.type_oid, attribute.collation);
    let mut column_type =
        ColumnType { type_oid, layout: attribute.layout, collation, equal: Oid(0), less: Oid(0) };
    let method = method(session, &mut column_type)?;
    Ok(Some(Analyzed { attribute: number, target, column_type, method }))
}

fn method(session: &Session, column_type: &mut ColumnType) -> Result<Method> {
    const TSVECTOR: Oid = Oid(3614);
    let (base, _) = session.base_type(column_type.type_oid)?;
    let row = session.type_row(base)?;
    if matches!(row.typtype as u8, b'r' | b'm') || base == TSVECTOR {
        return Ok(Method::Unique);
    }
    if let Some(class) = session.default_opclass(base, BTREE)? {
        let (family, input) = (class.opcfamily, class.opcintype);
        let less = session.family_operator(family, input, input, 1)?;
        let equal = session.family_operator(family, input, input, 3)?;
        let order = session.family_order(family, input, input, column_type.collation)?;
        if let (Some(less), Some(equal), Some(order)) = (less, equal, order) {
            column_type.less = less;
            column_type.equal = equal;
            return Ok(Method::Scalar(order));
        }
        return Ok(Method::Trivial);
    }
    if let Some(class) = session.default_opclass(base, HASH)?
        && let Some(equal) = session.family_operator(class.opcfamily, class.opcintype, class.opcintype, 1)?
    {
        column_type.equal = equal;
        return Ok(Method::Equality);
    }
    Ok(Method::Trivial)
}

impl Analyzed {
    fn compute(&self, column: &Column, rows: usize, total_rows: f64) -> ColumnStatistics {
        let sampled =
            Sampled { column, rows, total_rows, type_len: self.column_type.layout.len, target: self.target };
        match &self.method {
            Method::Scalar(order) => compute::scalar(&sampled, &**order),
            Method::Equality => compute::equality(&sampled, &|a, b| a == b),
            Method::Unique => compute::unique(&sampled),
            Method::Trivial => compute::trivial(&sampled),
        }
    }
}

/// An index with expressions, whose values have statistics of their own.
struct AnalyzedIndex {
    entry: Arc<IndexEntry>,
    columns: Vec<Analyzed>,
    /// By place among `columns`.
    expressions: Vec<executor::Eval>,
    predicate: Option<executor::Eval>,
}

fn index_columns(session: &Session, entry: &RelationEntry) -> Result<Vec<AnalyzedIndex>> {
    let mut analyzed = Vec::new();
    for index in &entry.indexes {
        let mut columns = Vec::new();
        let mut expressions = Vec::new();
        if index.index.indexprs.is_some()
            && let Some(access) = &index.access
        {
            for (number, key) in expressions::index_keys(session, entry, index)?.into_iter().enumerate() {
                let Err(expression) = key else { continue };
                let attribute = &access.relation.desc.attributes()[number];
                if let Some(column) = examine(session, index.oid, number, attribute)? {
                    columns.push(column);
                    expressions.push(expression);
                }
            }
        }
        let predicate =
            index.index.indpred.as_ref().map(|text| expressions::stored(session, entry, text)).transpose()?;
        analyzed.push(AnalyzedIndex { entry: index.clone(), columns, expressions, predicate });
    }
    Ok(analyzed)
}

/// Returns the rows that the index has, estimated.
fn analyze_index(
    session: &Arc<Session>,
    index: &AnalyzedIndex,
    batch: &Batch,
    rows: usize,
    total_rows: f64,
) -> Result<f64> {
    if index.predicate.is_none() && index.columns.is_empty() {
        return Ok(total_rows);
    }
    let mut execution = execution::bare(session)?;
    let mut batch = batch.clone();
    let mut share = 1.0;
    if let Some(predicate) = &index.predicate {
        let holds = predicate.evaluate(&mut execution, &batch, &Selection::All(rows))?;
        let kept = Selection::All(rows).filter(|row| holds.get(row).is_some_and(Datum::bool));
        share = if rows == 0 { 1.0 } else { kept.len() as f64 / rows as f64 };
        batch = batch.select(&kept);
    }
    let index_rows = (share * total_rows).ceil();
    if batch.rows() == 0 {
        return Ok(index_rows);
    }
    for (column, expression) in index.columns.iter().zip(&index.expressions) {
        let values = expression.evaluate(&mut execution, &batch, &Selection::All(batch.rows()))?;
        let found = column.compute(&values, batch.rows(), index_rows);
        let number = column.attribute as i16 + 1;
        store::store(session, index.entry.oid, number, &values, &column.column_type, &found)?;
    }
    Ok(index_rows)
}

/// Sizes to pg_class, where the rows stand.
fn update_classes(
    session: &Session,
    entry: &RelationEntry,
    vacuumed: bool,
    sample: &heap::Sample,
    indexes: &[AnalyzedIndex],
    index_rows: &[f64],
) -> Result<()> {
    let context = session.context()?;
    let (visible, frozen) = buffer::vm::count(&context.pool, entry.relation.locator)?;
    update_class(session, entry.oid(), &mut |class| {
        class.relpages = sample.pages as i32;
        class.reltuples = sample.live as f32;
        class.relallvisible = visible.min(u64::from(sample.pages)) as i32;
        class.relallfrozen = frozen.min(visible) as i32;
    })?;
    // VACUUM knows its indexes better.
    for (index, rows) in indexes.iter().zip(index_rows).filter(|_| !vacuumed) {
        let Some(access) = &index.entry.access else { continue };
        let pages = heap::block_count(&context, &access.relation)?;
        update_class(session, index.entry.oid, &mut |class| {
            class.relpages = pages as i32;
            class.reltuples = *rows as f32;
        })?;
    }
    Ok(())
}

fn update_class(session: &Session, oid: Oid, change: &mut dyn FnMut(&mut PgClass)) -> Result<()> {
    let rows = session.find::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?;
    let Some((tid, before)) = rows.into_iter().next() else { return Ok(()) };
    let mut class = before.clone();
    change(&mut class);
    if class != before {
        session.update_in_place(tid, &class)?;
    }
    Ok(())
}
