//! ANALYZE of one table: a random sample of its rows, from which pg_statistic's rows are computed. See README.md.

mod compute;
mod sample;
mod store;

pub(crate) use compute::ColumnStatistics;

use crate::copy::expressions;
use crate::extended_statistics::{Needed, Object, Sample, objects_of};
use crate::vacuum::{Target, VacuumParams, info, lock_or_skip, may_process, warning};
use crate::{execution, statistics};
use base::{Error, Oid, Result, bail};
use catalog::{IndexEntry, PgAttribute, PgClass, PgStatistic, RelationEntry, Session, index};
use compute::Sampled;
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

/// How the statistics of a column or an expression are computed.
enum Method {
    Scalar(Arc<dyn access_api::KeyOrder>),
    /// Values are equal when their stored forms are.
    Equality,
    Unique,
    Trivial,
}

/// What statistics are computed of: values of a type.
pub(crate) struct Subject {
    target: usize,
    column_type: ColumnType,
    method: Method,
    /// Values of an expression.
    computed: bool,
}

struct Analyzed {
    /// In its relation, from 0.
    attribute: usize,
    /// What the column itself says of its target; -1: the default.
    own_target: i32,
    subject: Subject,
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
    if !matches!(entry.kind(), b'r' | b'm' | b'p') {
        say(warning(
            base::SqlState::WARNING,
            format!("skipping \"{}\" --- cannot analyze non-tables or special system tables", entry.name()),
        ));
        return Ok(());
    }
    // pg_statistic has no statistics of itself.
    if entry.oid() == Oid(2619) {
        return Ok(());
    }
    // Index expressions are the owner's code.
    let users = session.users();
    session.set_users(catalog::Users { current: entry.class.relowner, ..users });
    let mut run = Run { session, entry: &entry, target, params: &params, vacuumed, say };
    let done = run.all();
    session.set_users(users);
    done
}

/// ANALYZE of one table.
struct Run<'a> {
    session: &'a Arc<Session>,
    entry: &'a RelationEntry,
    target: &'a Target,
    params: &'a VacuumParams,
    vacuumed: bool,
    say: &'a mut dyn FnMut(Error),
}

impl Run<'_> {
    /// The table by itself, and with its children. A partitioned table has no rows of its own.
    fn all(&mut self) -> Result<()> {
        if self.entry.kind() != b'p' {
            self.say_what("")?;
            self.own()?;
        }
        if self.entry.class.relhassubclass {
            self.session.command_counter_increment()?;
            self.say_what(" inheritance tree")?;
            self.inherited()?;
        }
        Ok(())
    }

    fn say_what(&mut self, what: &str) -> Result<()> {
        if self.params.verbose {
            let schema = self.session.namespace_name(self.entry.class.relnamespace)?;
            (self.say)(info(format!("analyzing \"{schema}.{}\"{what}", self.entry.name())));
        }
        Ok(())
    }

    fn own(&mut self) -> Result<()> {
        let (session, entry) = (self.session, self.entry);
        let clock = session.instance().system.clock.clone();
        let start = clock.monotonic();
        let columns = choose_columns(session, entry, &self.target.columns)?;
        let indexes =
            if self.target.columns.is_empty() { index_columns(session, entry)? } else { Vec::new() };
        let objects = self.objects(&columns)?;
        let expressions = indexes.iter().flat_map(|i| &i.columns);
        let wanted = wanted_rows(columns.iter().chain(expressions), &objects);
        let (sampled, batch) = sample::own(session, entry, wanted, self.params.ring_frames(session))?;
        let count = batch.rows();
        if self.params.verbose {
            (self.say)(info(format!(
                "\"{}\": scanned {} of {} pages, containing {:.0} live rows and {:.0} dead rows; {count} rows in sample, {:.0} estimated total rows",
                entry.name(),
                sampled.sampled_pages,
                sampled.pages,
                unscaled(sampled.live, &sampled),
                unscaled(sampled.dead, &sampled),
                sampled.live
            )));
        }
        self.compute(&columns, &objects, &batch, sampled.live, false)?;
        let mut index_rows = Vec::new();
        for index in &indexes {
            index_rows.push(analyze_index(session, index, &batch, count, sampled.live)?);
        }
        update_classes(session, entry, self.vacuumed, &sampled, &indexes, &index_rows)?;
        statistics::of(session).note_analyze(
            if entry.class.relisshared { Oid::INVALID } else { session.database() },
            entry.oid(),
            sampled.live as i64,
            sampled.dead as i64,
            self.target.columns.is_empty(),
            self.params.automatic,
            clock.monotonic().saturating_sub(start),
        );
        Ok(())
    }

    /// Of the rows of the table and all that descend from it.
    fn inherited(&mut self) -> Result<()> {
        let (session, entry) = (self.session, self.entry);
        let columns = choose_columns(session, entry, &self.target.columns)?;
        let objects = self.objects(&columns)?;
        let wanted = wanted_rows(columns.iter(), &objects);
        let frames = self.params.ring_frames(session);
        let Some((total_rows, batch)) = sample::inherited(session, entry, wanted, frames)? else {
            return Ok(());
        };
        self.compute(&columns, &objects, &batch, total_rows, true)?;
        if entry.kind() == b'p' {
            session.command_counter_increment()?;
            update_class(session, entry.oid(), &mut |class| {
                class.relpages = -1;
                class.reltuples = total_rows as f32;
            })?;
        }
        Ok(())
    }

    /// The statistics objects of the table, with what each takes; `None` for those that cannot be computed.
    fn objects(&self, columns: &[Analyzed]) -> Result<Vec<(Object, Option<Needed>)>> {
        let targets: Vec<(i16, i32)> =
            columns.iter().map(|c| (c.attribute as i16 + 1, c.own_target)).collect();
        let default = default_target(self.session);
        let mut found = Vec::new();
        if columns.is_empty() {
            return Ok(found);
        }
        for object in objects_of(self.session, self.entry.oid())? {
            let needed = object.needed(self.session, &targets, default)?;
            found.push((object, needed));
        }
        Ok(found)
    }

    fn compute(
        &mut self,
        columns: &[Analyzed],
        objects: &[(Object, Option<Needed>)],
        batch: &Batch,
        total_rows: f64,
        inherit: bool,
    ) -> Result<()> {
        let (session, entry) = (self.session, self.entry);
        if batch.rows() == 0 {
            return Ok(());
        }
        for column in columns {
            session.interrupt_check()?;
            let values = batch.column(column.attribute);
            let found = column.subject.compute(values, batch.rows(), total_rows);
            let number = column.attribute as i16 + 1;
            store::store(session, &column.subject.row(entry.oid(), number, inherit, values, &found)?)?;
        }
        let sample = Sample { table: entry, batch, total_rows, inherit };
        for (object, needed) in objects {
            match needed {
                Some(needed) => object.build(session, needed, &sample)?,
                None if self.params.automatic => {}
                None => {
                    let schema = session.namespace_name(entry.class.relnamespace)?;
                    let text = format!(
                        "statistics object \"{}\" could not be computed for relation \"{schema}.{}\"",
                        object.name(session)?,
                        entry.name()
                    );
                    let state = base::SqlState::INVALID_OBJECT_DEFINITION;
                    (self.say)(warning(state, text).table(schema, entry.name()));
                }
            }
        }
        Ok(())
    }
}

/// How many rows the sample is to have.
fn wanted_rows<'a>(
    columns: impl Iterator<Item = &'a Analyzed>,
    objects: &[(Object, Option<Needed>)],
) -> usize {
    let most = columns
        .map(|column| column.subject.target)
        .chain(objects.iter().filter_map(|(_, needed)| needed.as_ref().map(Needed::target)))
        .max();
    most.map_or(MIN_ROWS, |target| (ROWS_PER_BIN * target).max(MIN_ROWS))
}

/// What was counted on the sampled pages themselves.
fn unscaled(estimate: f64, sample: &heap::Sample) -> f64 {
    if sample.pages == 0 {
        return 0.0;
    }
    (estimate * f64::from(sample.sampled_pages) / f64::from(sample.pages)).round()
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
    let (own_target, target) = match row.and_then(|row| row.attstattarget) {
        Some(0) => return Ok(None),
        Some(target) if target > 0 => (i32::from(target), target as usize),
        _ => (-1, default_target(session)),
    };
    let subject = Subject::of(session, attribute.type_oid, attribute.collation, target)?;
    Ok(Some(Analyzed { attribute: number, own_target, subject }))
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
        let order = match session.family_order(family, input, input, column_type.collation)? {
            None => session.structured_order(base, column_type.collation).ok(),
            order => order,
        };
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

impl Subject {
    /// # Errors
    /// What reading the catalogs fails with.
    pub(crate) fn of(session: &Session, type_oid: Oid, collation: Oid, target: usize) -> Result<Subject> {
        let layout = session.type_layout(type_oid)?;
        let mut column_type = ColumnType { type_oid, layout, collation, equal: Oid(0), less: Oid(0) };
        let method = method(session, &mut column_type)?;
        Ok(Subject { target, column_type, method, computed: false })
    }

    /// Of the values of an expression.
    pub(crate) fn computed(self) -> Subject {
        Subject { computed: true, ..self }
    }

    pub(crate) fn compute(&self, column: &Column, rows: usize, total_rows: f64) -> ColumnStatistics {
        let sampled = Sampled {
            column,
            rows,
            total_rows,
            type_len: self.column_type.layout.len,
            computed: self.computed,
            target: self.target,
        };
        match &self.method {
            Method::Scalar(order) => compute::scalar(&sampled, &**order),
            Method::Equality => compute::equality(&sampled, &|a, b| a == b),
            Method::Unique => compute::unique(&sampled),
            Method::Trivial => compute::trivial(&sampled),
        }
    }

    /// What was computed, as a row of pg_statistic.
    ///
    /// # Errors
    /// `54000` for values that make too large an array.
    pub(crate) fn row(
        &self,
        relation: Oid,
        attribute: i16,
        inherit: bool,
        column: &Column,
        found: &ColumnStatistics,
    ) -> Result<PgStatistic> {
        store::row((relation, attribute, inherit), column, &self.column_type, found)
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
                    columns.push(Analyzed { subject: column.subject.computed(), ..column });
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
        let found = column.subject.compute(&values, batch.rows(), index_rows);
        let number = column.attribute as i16 + 1;
        store::store(session, &column.subject.row(index.entry.oid, number, false, &values, &found)?)?;
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
