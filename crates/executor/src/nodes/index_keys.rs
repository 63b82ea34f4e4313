//! Conditions on index columns as scan keys.

use crate::context::Execution;
use crate::element::ElementType;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use access_api::{IndexRelation, KeyOrder, ScanKey, Strategy};
use adt::array::ArrayView;
use base::{Error, Oid, Result};
use catalog::{IndexEntry, Session};
use datum::{Batch, Column, Datum, OwnedDatum, Selection};
use ir::{Expr, IndexQual, RowCompareOp, VarSource, expr_type};
use std::sync::Arc;

enum Source {
    One(Eval),
    /// `= ANY (array)`.
    Any(Eval, ElementType),
    /// IS [NOT] NULL.
    Nothing,
}

struct KeySpec {
    column: usize,
    strategy: Strategy,
    source: Source,
    order: Arc<dyn KeyOrder>,
}

/// The compiled conditions of an index scan.
pub struct IndexKeys {
    keys: Vec<KeySpec>,
    /// One equality, with the column's own type, on every column of a unique index.
    pub unique_lookup: bool,
    /// One equality, with the column's own type, on each of the first columns: many such keys can be looked up together.
    pub leading_equalities: bool,
}

/// What a scan starts with, evaluated.
pub enum Bound {
    Keys(Vec<ScanKey>),
    /// A comparison with NULL: nothing matches.
    Nothing,
}

/// The B-tree of an index.
pub fn btree_of(entry: &IndexEntry) -> Result<&IndexRelation> {
    entry.access.as_ref().ok_or_else(|| {
        Error::unsupported(format!("scanning index \"{}\" by its access method", entry.class.relname))
    })
}

impl IndexKeys {
    /// Also returns the original conditions that the keys answer inexactly.
    pub fn new<'e>(
        session: &Session,
        entry: &IndexEntry,
        quals: &'e [IndexQual],
    ) -> Result<(IndexKeys, Vec<&'e Expr>)> {
        let index = btree_of(entry)?;
        let mut compiler = Compiler::new(session, Inputs::None);
        let mut keys = Vec::new();
        let mut inexact = Vec::new();
        let mut same_type = true;
        for qual in quals {
            match key_of(&mut compiler, entry, index, qual)? {
                Some((key, exact, plain)) => {
                    if !exact {
                        inexact.push(&qual.original);
                    }
                    same_type &= exact && plain;
                    keys.push(key);
                }
                None => {
                    same_type = false;
                    inexact.push(&qual.original);
                }
            }
        }
        let equalities = (0..index.keys.len()).all(|column| {
            let mut on_column = keys.iter().filter(|k| k.column == column);
            let first = on_column
                .next()
                .is_some_and(|k| k.strategy == Strategy::Equal && matches!(k.source, Source::One(_)));
            first && on_column.next().is_none()
        });
        let mut columns: Vec<usize> = keys.iter().map(|k: &KeySpec| k.column).collect();
        columns.sort_unstable();
        let leading_equalities = same_type
            && !columns.is_empty()
            && columns.iter().enumerate().all(|(place, column)| place == *column)
            && keys.iter().all(|k| k.strategy == Strategy::Equal && matches!(k.source, Source::One(_)));
        let unique_lookup = index.unique && same_type && equalities && keys.len() == index.keys.len();
        keys.sort_by_key(|k| k.column);
        Ok((IndexKeys { keys, unique_lookup, leading_equalities }, inexact))
    }

    /// How many conditions there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The values of the leading columns for `count` rows, whose exec params are columns.
    pub fn columns(&self, execution: &mut Execution, count: usize) -> Result<Vec<Arc<Column>>> {
        let input = Batch::new(Vec::new(), count);
        let evaluate = |key: &KeySpec| match &key.source {
            Source::One(eval) => eval.evaluate(execution, &input, &Selection::All(count)),
            _ => Err(Error::internal("an index key that is no equality")),
        };
        self.keys.iter().map(evaluate).collect()
    }

    /// The keys with their values as of now.
    pub fn bind(&self, execution: &mut Execution) -> Result<Bound> {
        let mut bound = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let values = match &key.source {
                Source::Nothing => Vec::new(),
                Source::One(eval) => {
                    let column = evaluate_once(execution, eval)?;
                    match column.get(0) {
                        Some(value) => vec![Some(value.to_owned())],
                        None => return Ok(Bound::Nothing),
                    }
                }
                Source::Any(eval, element) => {
                    let column = evaluate_once(execution, eval)?;
                    let Some(array) = column.get(0) else { return Ok(Bound::Nothing) };
                    let values = array_values(array, *element)?;
                    if values.is_empty() {
                        return Ok(Bound::Nothing);
                    }
                    values
                }
            };
            bound.push(ScanKey {
                column: key.column,
                strategy: key.strategy,
                values,
                order: key.order.clone(),
            });
        }
        Ok(Bound::Keys(bound))
    }
}

/// The elements that are not NULL, as NULL equals nothing.
fn array_values(array: Datum<'_>, element: ElementType) -> Result<Vec<Option<OwnedDatum>>> {
    let view = ArrayView::new(array.bytes())?;
    let mut values = Vec::with_capacity(view.len());
    for bytes in view.iter(element.array_layout()) {
        if let Some(bytes) = bytes? {
            values.push(Some(element.datum(bytes).to_owned()));
        }
    }
    Ok(values)
}

fn is_index_column(expr: &Expr) -> bool {
    match expr {
        Expr::Var(var) => var.source == VarSource::Index,
        Expr::Relabel { arg, .. } => is_index_column(arg),
        _ => false,
    }
}

/// The key, whether it says all that the condition says, and whether it compares with the column's own type.
/// `None`: not with a key at all.
fn key_of(
    compiler: &mut Compiler<'_>,
    entry: &IndexEntry,
    index: &IndexRelation,
    qual: &IndexQual,
) -> Result<Option<(KeySpec, bool, bool)>> {
    let column = qual.column;
    let Some(key) = index.keys.get(column) else {
        return Err(Error::internal("an index condition on a column that is no key"));
    };
    let simple = |strategy| KeySpec { column, strategy, source: Source::Nothing, order: key.order.clone() };
    match &qual.condition {
        Expr::NullTest { is_null: true, .. } => Ok(Some((simple(Strategy::IsNull), true, false))),
        Expr::NullTest { is_null: false, .. } => Ok(Some((simple(Strategy::IsNotNull), true, false))),
        Expr::Op(op) => {
            let [left, right] = &op.args[..] else { return Ok(None) };
            if !is_index_column(left) {
                return Ok(None);
            }
            let Some((strategy, order, plain)) = meaning(compiler.session, entry, column, op.operator)?
            else {
                return Ok(None);
            };
            let source = Source::One(compiler.compile(right)?);
            Ok(Some((KeySpec { column, strategy, source, order }, true, plain)))
        }
        Expr::ScalarArrayOp(op) if op.use_or => {
            let Some((Strategy::Equal, order, _)) = meaning(compiler.session, entry, column, op.operator)?
            else {
                return Ok(None);
            };
            let session = compiler.session;
            let Some(element) = session.element_type(session.base_type(expr_type(&op.args[1]))?.0)? else {
                return Ok(None);
            };
            let element = ElementType::new(session, element)?;
            let source = Source::Any(compiler.compile(&op.args[1])?, element);
            Ok(Some((KeySpec { column, strategy: Strategy::Equal, source, order }, true, false)))
        }
        Expr::RowCompare { op, operators, right, .. } => {
            let (Some(operator), Some(first)) = (operators.first(), right.first()) else { return Ok(None) };
            let Some((_, order, _)) = meaning(compiler.session, entry, column, *operator)? else {
                return Ok(None);
            };
            // The first column bounds the scan; the rows are compared again.
            let strategy = match op {
                RowCompareOp::Less | RowCompareOp::LessEqual => Strategy::LessEqual,
                RowCompareOp::Greater | RowCompareOp::GreaterEqual => Strategy::GreaterEqual,
            };
            let source = Source::One(compiler.compile(first)?);
            Ok(Some((KeySpec { column, strategy, source, order }, false, false)))
        }
        _ => Ok(None),
    }
}

/// What an operator means to an index column.
fn meaning(
    session: &Session,
    entry: &IndexEntry,
    column: usize,
    operator: Oid,
) -> Result<Option<(Strategy, Arc<dyn KeyOrder>, bool)>> {
    let family = entry.families[column];
    let families = session.operator_families(operator)?;
    let Some(member) = families.iter().find(|f| f.amopfamily == family) else { return Ok(None) };
    let strategy = match member.amopstrategy {
        1 => Strategy::Less,
        2 => Strategy::LessEqual,
        3 => Strategy::Equal,
        4 => Strategy::GreaterEqual,
        5 => Strategy::Greater,
        _ => return Ok(None),
    };
    let collation = entry.index.indcollation.get(column).copied().unwrap_or_default();
    let order = match session.family_order(family, member.amoplefttype, member.amoprighttype, collation)? {
        None => entry.access.as_ref().and_then(|a| a.keys.get(column)).map(|key| key.order.clone()),
        order => order,
    };
    let plain = member.amoplefttype == member.amoprighttype;
    Ok(order.map(|order| (strategy, order, plain)))
}
