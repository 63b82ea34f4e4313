//! The plans of one query with parameters: planned for their values, or once for any values.
//!
//! A query is planned for its values at first. After five such plans the average of their costs is held against a plan
//! for any values, and the cheaper kind is used from then on, as in PostgreSQL.

use crate::pipeline::{self, Purpose};
use base::Result;
use catalog::Session;
use executor::{ParamValue, Prepared};
use ir::Query;
use parking_lot::Mutex;
use settings::PlanCacheMode;
use std::sync::Arc;

/// PostgreSQL plans for the values this often before it considers a plan for any values.
const CUSTOM_PLANS_FIRST: u32 = 5;

#[derive(Default)]
struct State {
    generic: Option<Arc<[Arc<Prepared>]>>,
    generic_cost: f64,
    custom_cost: f64,
    custom_plans: u32,
    /// How often the plan for any values was taken.
    generic_uses: u64,
}

/// See the module's description. True as long as the analysed query is.
#[derive(Default)]
pub struct PlanChoice {
    state: Mutex<State>,
    /// A plan for any values is taken only if it costs no more than this.
    max_generic_cost: Option<f64>,
}

impl PlanChoice {
    pub fn new(max_generic_cost: Option<f64>) -> PlanChoice {
        PlanChoice { state: Mutex::default(), max_generic_cost }
    }

    /// The plans to run `query` with these parameters.
    ///
    /// # Errors
    /// Those of planning.
    pub fn plans(
        &self,
        session: &Arc<Session>,
        query: &Query,
        params: &[ParamValue],
        purpose: Purpose,
    ) -> Result<Arc<[Arc<Prepared>]>> {
        let mode = session.settings().get(settings::PLAN_CACHE_MODE);
        if !self.wants_custom(mode, params) {
            let mut state = self.state.lock();
            if let Some(generic) = state.generic.clone() {
                state.generic_uses += 1;
                return Ok(generic);
            }
            drop(state);
            let plans: Arc<[_]> = pipeline::plan(session, query.clone(), None, purpose)?.into();
            let mut state = self.state.lock();
            state.generic_cost = total_cost(&plans);
            state.generic = Some(plans.clone());
            if params.is_empty() || mode != PlanCacheMode::Auto || !self.prefers_custom(&state) {
                state.generic_uses += 1;
                return Ok(plans);
            }
        }
        let plans: Arc<[_]> = pipeline::plan(session, query.clone(), Some(params), purpose)?.into();
        let mut state = self.state.lock();
        state.custom_plans += 1;
        state.custom_cost += total_cost(&plans) + planning_cost(&plans);
        Ok(plans)
    }

    /// Goes on from what is known of the query as it was planned before the catalogs changed.
    pub fn go_on_from(&self, before: &PlanChoice) {
        let before = before.state.lock();
        let mut state = self.state.lock();
        state.custom_cost = before.custom_cost;
        state.custom_plans = before.custom_plans;
        state.generic_uses = before.generic_uses;
    }

    /// How often the plan for any values was taken, and how often the query was planned for its values.
    pub fn uses(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.generic_uses, u64::from(state.custom_plans))
    }

    fn wants_custom(&self, mode: PlanCacheMode, params: &[ParamValue]) -> bool {
        if params.is_empty() {
            return false;
        }
        match mode {
            PlanCacheMode::ForceGenericPlan => false,
            PlanCacheMode::ForceCustomPlan => true,
            PlanCacheMode::Auto => {
                let state = self.state.lock();
                state.custom_plans < CUSTOM_PLANS_FIRST
                    || (state.generic.is_some() && self.prefers_custom(&state))
            }
        }
    }

    /// Whether what is known of the costs speaks against the plan for any values.
    fn prefers_custom(&self, state: &State) -> bool {
        let custom_is_cheaper =
            state.custom_plans > 0 && state.custom_cost / f64::from(state.custom_plans) < state.generic_cost;
        custom_is_cheaper || self.max_generic_cost.is_some_and(|max| state.generic_cost > max)
    }
}

fn total_cost(plans: &[Arc<Prepared>]) -> f64 {
    plans.iter().map(|p| p.plan.plan.total_cost).sum()
}

/// What planning itself costs, in the planner's units: PostgreSQL's estimate, by the number of relations.
fn planning_cost(plans: &[Arc<Prepared>]) -> f64 {
    const CPU_OPERATOR_COST: f64 = 0.0025;
    plans.iter().map(|p| 1000.0 * CPU_OPERATOR_COST * (p.plan.range_table.len() as f64 + 1.0)).sum()
}
