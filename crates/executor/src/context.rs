//! What a running plan has at hand.

use crate::expr::InitPlan;
use crate::hooks::Hooks;
use crate::instrument::Instruments;
use crate::memory::Memory;
use crate::nodes::{CteStore, WorkTable};
use crate::prepare::Prepared;
use access_api::Context;
use base::{Oid, Result};
use catalog::Session;
use datum::{Column, Datum, OwnedDatum, Repr, TypeLayout};
use std::sync::Arc;
use txn::Snapshot;

/// A value of an external parameter.
#[derive(Clone, Debug)]
pub struct ParamValue {
    pub type_oid: Oid,
    pub layout: TypeLayout,
    pub value: Option<OwnedDatum>,
}

/// The state of one execution of one plan. Nodes receive it with every call; nothing in it is global.
pub struct Execution {
    pub session: Arc<Session>,
    pub prepared: Arc<Prepared>,
    /// What the access methods need.
    pub context: Context,
    /// What MVCC scans see.
    pub snapshot: Snapshot,
    /// $1 and so on, each a constant column.
    pub params: Arc<[Arc<Column>]>,
    /// Exec params by id; `None` until set.
    pub exec_params: Vec<Option<Arc<Column>>>,
    /// Counts changes of exec params, by id: a node that cached a result compares.
    pub exec_param_versions: Vec<u64>,
    /// The subplans' nodes, built at first use and taken out while one runs.
    pub(crate) subplans: Vec<Option<Box<dyn crate::Node>>>,
    /// Init plans by the exec param that they set.
    pub(crate) init_plans: Vec<Option<InitPlan>>,
    /// Hash tables over subplans' rows, by subplan.
    pub(crate) hashed_subplans: Vec<Option<crate::expr::Contents>>,
    /// CTEs by subplan.
    pub(crate) ctes: Vec<Option<CteStore>>,
    /// Of recursive unions, by exec param.
    pub(crate) work_tables: Vec<Option<WorkTable>>,
    pub memory: Memory,
    pub hooks: Hooks,
    pub instruments: Option<Instruments>,
    /// Rows processed by the top ModifyTable (or 0).
    pub processed: u64,
    /// In EvalPlanQual: the row that stands for each range table entry, from 1.
    pub(crate) recheck: Option<Arc<crate::recheck::Substitutes>>,
    pub(crate) depth: u32,
    /// Columns read as decimals, while there is somebody to make use of that.
    pub(crate) decoded: Option<crate::expr::Decoded>,
    /// Which of the session's nested statements this is, for queued checks.
    pub(crate) statement: u32,
    /// Which partitions keys belong to, of referenced tables.
    pub(crate) key_routers: std::collections::HashMap<base::Oid, crate::routing::Router>,
    /// Whether checks were queued.
    pub(crate) has_queued: bool,
    /// In the part of a plan that several threads run: who they are.
    pub(crate) team: Option<Arc<crate::parallel::Team>>,
}

impl Execution {
    /// A cancellation, timeout or termination that has come meanwhile.
    ///
    /// # Errors
    /// `57014`, `57P01`.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if let Some(team) = &self.team {
            team.check()?;
        }
        self.session.interrupt_check()
    }

    /// Hooks have queued triggers: they are fired with the statement's checks.
    pub fn expect_triggers(&mut self) {
        self.has_queued = true;
    }

    /// Sets an exec param to one value, which stands for every row.
    pub fn set_param(&mut self, id: usize, repr: Repr, value: Option<Datum<'_>>) {
        self.set_param_column(id, Arc::new(Column::constant(repr, value)));
    }

    /// Sets an exec param to one value for each row of the batch in work.
    pub(crate) fn set_param_column(&mut self, id: usize, column: Arc<Column>) {
        self.reserve_param(id);
        self.exec_params[id] = Some(column);
        self.exec_param_versions[id] += 1;
    }

    /// What was made with this param is to be made again.
    pub(crate) fn touch_param(&mut self, id: usize) {
        self.reserve_param(id);
        self.exec_param_versions[id] += 1;
    }

    /// Plans count their exec params, but a planner that forgot one must not bring the process down.
    pub(crate) fn reserve_param(&mut self, id: usize) {
        if id >= self.exec_params.len() {
            self.exec_params.resize(id + 1, None);
            self.exec_param_versions.resize(id + 1, 0);
            self.init_plans.resize_with(id + 1, || None);
            self.work_tables.resize_with(id + 1, || None);
        }
    }

    /// The sum of the versions of exec params: changes whenever one of them does.
    pub(crate) fn params_version(&self, ids: &[usize]) -> u64 {
        ids.iter().map(|id| self.exec_param_versions.get(*id).copied().unwrap_or(0)).sum()
    }
}
