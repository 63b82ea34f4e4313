//! Which leaf of a partitioned table each row goes to.

use crate::constraint::{RowConstraints, STORED_RELATION, all_attributes, text_of};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::rows::null_column;
use base::{Error, Oid, Result, err};
use catalog::{RelationEntry, Session};
use datum::{Batch, Datum, OwnedDatum, Selection};
use ir::{CoercionForm, Const, Expr, FuncExpr};
use partition::{Partitions, Strategy};
use std::sync::Arc;

/// PostgreSQL's seed of partition hashes.
const SEED: u64 = 0x7A5B_2236_7996_DCFD;

/// The partitions of one partitioned table, as far as rows have gone to them.
struct Level {
    entry: Arc<RelationEntry>,
    partitions: Arc<Partitions>,
    /// Key columns; of a hash key, their hashes.
    keys: Vec<Eval>,
    branches: Vec<Option<Branch>>,
}

enum Branch {
    Leaf(usize),
    /// With the columns of the level above that its own are.
    Level(Box<Level>, Arc<[Option<usize>]>),
}

/// A leaf that rows go to.
pub struct Leaf {
    pub entry: Arc<RelationEntry>,
    /// By attribute: the root's that it is.
    pub columns: Arc<[Option<usize>]>,
}

/// Routes rows of one partitioned table.
pub struct Router {
    root: Level,
    /// What the root's rows must fulfil if it is a partition itself.
    own: Option<Box<RowConstraints>>,
    pub leaves: Vec<Leaf>,
}

/// The attributes of `from` that those of `to` are, by name.
pub fn columns_by_name(from: &RelationEntry, to: &RelationEntry) -> Arc<[Option<usize>]> {
    let find = |a: &datum::Attribute| if a.dropped { None } else { from.desc().position(&a.name) };
    to.desc().attributes().iter().map(find).collect()
}

/// Rows as another relation has them.
pub fn converted(rows: &Batch, to: &RelationEntry, columns: &[Option<usize>]) -> Batch {
    let attributes = to.desc().attributes();
    let made = attributes.iter().zip(columns).map(|(attribute, from)| match from {
        Some(from) => rows.columns()[*from].clone(),
        None => null_column(attribute.layout.repr),
    });
    Batch::new(made.collect(), rows.rows())
}

impl Level {
    fn new(session: &Session, entry: Arc<RelationEntry>) -> Result<Level> {
        let partitions = partition::partitions_of(session, &entry)?
            .ok_or_else(|| Error::internal("rows are to be routed to a table without partitions"))?;
        let attributes = all_attributes(&entry);
        let mut compiler =
            Compiler::new(session, Inputs::Scan { relation: STORED_RELATION, attributes: &attributes });
        let mut keys = Vec::new();
        for column in &partitions.key.columns {
            let mut expr = column.expr.clone();
            if partitions.key.strategy == Strategy::Hash {
                let seed = Expr::Const(Const {
                    type_oid: Oid(20),
                    typmod: -1,
                    collation: Oid(0),
                    layout: session.type_layout(Oid(20))?,
                    value: Some(OwnedDatum::Int8(SEED as i64)),
                    location: None,
                });
                expr = Expr::Func(FuncExpr {
                    function: column.hash_function,
                    result_type: Oid(20),
                    returns_set: false,
                    variadic: false,
                    form: CoercionForm::ExplicitCall,
                    collation: Oid(0),
                    input_collation: column.collation,
                    args: vec![expr, seed],
                    location: None,
                });
            }
            keys.push(compiler.compile(&expr)?);
        }
        let branches = partitions.oids.iter().map(|_| None).collect();
        Ok(Level { entry, partitions, keys, branches })
    }

    /// The leaf of each row, up to the first that has none.
    fn route(
        &mut self,
        execution: &mut Execution,
        rows: &Batch,
        from_root: &[Option<usize>],
        leaves: &mut Vec<Leaf>,
    ) -> Result<(Vec<usize>, Option<Error>)> {
        let all = Selection::All(rows.rows());
        let mut keys = Vec::with_capacity(self.keys.len());
        for eval in &self.keys {
            keys.push(eval.evaluate(execution, rows, &all)?);
        }
        let mut found = vec![usize::MAX; rows.rows()];
        let mut below: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut failed: Option<(usize, Error)> = None;
        for (row, place) in found.iter_mut().enumerate() {
            let values: Vec<Option<Datum<'_>>> = keys.iter().map(|k| k.get(row)).collect();
            let hash = match self.partitions.key.strategy {
                Strategy::Hash => values.iter().flatten().fold(0, |hash, v| combine(hash, v.int8() as u64)),
                _ => 0,
            };
            let Some(at) = self.partitions.find(&values, hash) else {
                failed = Some((row, self.no_partition(execution, rows, row)?));
                break;
            };
            match self.branch(execution, at, from_root, leaves)? {
                Branch::Leaf(leaf) => *place = *leaf,
                Branch::Level(..) => match below.iter_mut().find(|b| b.0 == at) {
                    Some(known) => known.1.push(row as u32),
                    None => below.push((at, vec![row as u32])),
                },
            }
        }
        for (at, chosen) in below {
            let Some(Branch::Level(level, columns)) = &mut self.branches[at] else { continue };
            let taken = rows.columns().iter().map(|c| Arc::new(c.take(&chosen))).collect();
            let part = converted(&Batch::new(taken, chosen.len()), &level.entry, columns);
            let own_root = compose(columns, from_root);
            let (own, error) = level.route(execution, &part, &own_root, leaves)?;
            for (row, leaf) in chosen.iter().zip(&own) {
                found[*row as usize] = *leaf;
            }
            if let Some(error) = error {
                let row = chosen[own.len()] as usize;
                if failed.as_ref().is_none_or(|f| row < f.0) {
                    failed = Some((row, error));
                }
            }
        }
        if let Some((row, error)) = failed {
            found.truncate(row);
            return Ok((found, Some(error)));
        }
        Ok((found, None))
    }

    fn branch(
        &mut self,
        execution: &Execution,
        at: usize,
        from_root: &[Option<usize>],
        leaves: &mut Vec<Leaf>,
    ) -> Result<&Branch> {
        if self.branches[at].is_none() {
            let session = &execution.session;
            let oid = self.partitions.oids[at];
            session.lock_relation(oid, catalog::LockMode::RowExclusive)?;
            let entry = session.require_relation(oid)?;
            let columns = columns_by_name(&self.entry, &entry);
            self.branches[at] = Some(if entry.kind() == b'p' {
                Branch::Level(Box::new(Level::new(session, entry)?), columns)
            } else {
                leaves.push(Leaf { columns: compose(&columns, from_root), entry });
                Branch::Leaf(leaves.len() - 1)
            });
        }
        self.branches[at].as_ref().ok_or_else(|| Error::internal("a partition that is not there"))
    }

    fn no_partition(&self, execution: &mut Execution, rows: &Batch, row: usize) -> Result<Error> {
        let session = execution.session.clone();
        let error = err!(CHECK_VIOLATION, "no partition of relation \"{}\" found for row", self.entry.name())
            .table(session.namespace_name(self.entry.class.relnamespace)?, self.entry.name());
        let (mut names, mut texts) = (Vec::new(), Vec::new());
        for column in &self.partitions.key.columns {
            let Some(at) = usize::try_from(i32::from(column.attribute) - 1).ok() else {
                return self.expression_detail(execution, rows, row, error);
            };
            names.push(self.entry.desc().attributes()[at].name.clone());
            texts.push(match rows.value(at, row) {
                Some(value) => text_of(&session, column.type_oid, value)?,
                None => "null".to_owned(),
            });
        }
        Ok(error.detail(format!(
            "Partition key of the failing row contains ({}) = ({}).",
            names.join(", "),
            texts.join(", ")
        )))
    }

    /// The same for keys with expressions, whose text the deparser makes.
    fn expression_detail(
        &self,
        execution: &mut Execution,
        rows: &Batch,
        row: usize,
        error: Error,
    ) -> Result<Error> {
        let session = execution.session.clone();
        let text = functions::hooks::deparser(&session)?.partition_key(&session, self.entry.oid())?;
        let Some(text) = text else { return Ok(error) };
        let columns = text.split_once('(').and_then(|(_, t)| t.strip_suffix(')')).unwrap_or(&text);
        let attributes = all_attributes(&self.entry);
        let inputs = Inputs::Scan { relation: STORED_RELATION, attributes: &attributes };
        let mut compiler = Compiler::new(&session, inputs);
        let one = rows.columns().iter().map(|c| Arc::new(c.take(&[row as u32]))).collect();
        let one = Batch::new(one, 1);
        let mut texts = Vec::new();
        for column in &self.partitions.key.columns {
            let value = compiler.compile(&column.expr)?.evaluate(execution, &one, &Selection::All(1))?;
            texts.push(match value.get(0) {
                Some(value) => text_of(&session, column.type_oid, value)?,
                None => "null".to_owned(),
            });
        }
        Ok(error.detail(format!(
            "Partition key of the failing row contains ({columns}) = ({}).",
            texts.join(", ")
        )))
    }
}

/// By attribute of a lower level: the root's that it is.
fn compose(own: &[Option<usize>], from_root: &[Option<usize>]) -> Arc<[Option<usize>]> {
    own.iter().map(|at| at.and_then(|at| from_root[at])).collect()
}

/// PostgreSQL's way to put hashes together.
pub fn combine(hash: u64, other: u64) -> u64 {
    let mixed = other.wrapping_add(0x49A0_F4DD_15E5_A8E3).wrapping_add(hash << 54).wrapping_add(hash >> 7);
    hash ^ mixed
}

impl Router {
    /// # Errors
    /// `0A000` for keys whose expressions have no evaluation yet.
    pub fn new(session: &Session, root: Arc<RelationEntry>) -> Result<Router> {
        let own = match root.class.relispartition {
            true => Some(Box::new(RowConstraints::new(session, &root)?)),
            false => None,
        };
        Ok(Router { root: Level::new(session, root)?, own, leaves: Vec::new() })
    }

    /// The place in [`Router::leaves`] of each row's leaf, up to the first row that has none, with its error.
    ///
    /// # Errors
    /// What key expressions fail with.
    pub fn route(&mut self, execution: &mut Execution, rows: &Batch) -> Result<(Vec<usize>, Option<Error>)> {
        let own: Vec<Option<usize>> = (0..self.root.entry.desc().len()).map(Some).collect();
        let bad = match &self.own {
            Some(constraints) => constraints.first_misplaced(execution, rows)?,
            None => None,
        };
        let Some((row, error)) = bad else {
            return self.root.route(execution, rows, &own, &mut self.leaves);
        };
        let (found, earlier) = self.root.route(execution, &rows.slice(0, row), &own, &mut self.leaves)?;
        Ok((found, earlier.or(Some(error))))
    }

    pub fn root(&self) -> &Arc<RelationEntry> {
        &self.root.entry
    }
}
