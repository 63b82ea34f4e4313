//! What a running plan has at hand.

use crate::memory::Memory;
use base::{Oid, Result};
use catalog::Session;
use datum::{Column, OwnedDatum, Repr, TypeLayout};
use ir::PlannedStmt;
use std::sync::Arc;
use txn::Snapshot;

/// A value of an external or exec parameter.
#[derive(Clone, Debug)]
pub struct ParamValue {
    pub type_oid: Oid,
    pub layout: TypeLayout,
    pub value: Option<OwnedDatum>,
}

/// The state of one execution of one plan. Nodes receive it with every call; nothing in it is global.
pub struct Execution {
    pub session: Arc<Session>,
    pub plan: Arc<PlannedStmt>,
    /// What MVCC scans see.
    pub snapshot: Snapshot,
    /// $1 and so on.
    pub params: Arc<[ParamValue]>,
    /// Exec params by id; `None` until set.
    pub exec_params: Vec<Option<Arc<Column>>>,
    /// Counts changes of exec params, by id: a node that cached a result compares.
    pub exec_param_versions: Vec<u64>,
    /// The subplans' nodes, taken out while one runs.
    pub(crate) subplans: Vec<Option<Box<dyn crate::Node>>>,
    /// Init plans not yet run, by the exec param they set: (subplan, all the params it sets).
    pub(crate) init_plans: Vec<Option<Arc<ir::SubPlan>>>,
    pub memory: Memory,
    pub instruments: Option<crate::instrument::Instruments>,
    /// Rows processed by the top ModifyTable (or 0).
    pub processed: u64,
    /// In EvalPlanQual: the row that stands for each range table entry, from 1.
    pub recheck: Option<Arc<crate::recheck::Substitutes>>,
    pub(crate) depth: u32,
}

impl Execution {
    /// A cancellation, timeout or termination that has come meanwhile.
    ///
    /// # Errors
    /// `57014`, `57P01`.
    #[inline]
    pub fn check(&self) -> Result<()> {
        self.session.interrupt_check()
    }

    /// Sets an exec param to one value.
    pub fn set_param(&mut self, id: usize, repr: Repr, value: Option<datum::Datum<'_>>) {
        self.exec_params[id] = Some(Arc::new(Column::constant(repr, value)));
        self.exec_param_versions[id] += 1;
    }
}
