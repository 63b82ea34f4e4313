//! From an analysed query to the cheapest plan. See README.md.
#![forbid(unsafe_code)]

mod append;
mod append_path;
mod bitmap_path;
mod clause;
mod cost;
mod cost_join;
mod cost_merge;
mod create_plan;
mod deconstruct;
mod equivalence;
mod extended;
mod fold;
mod group_columns;
mod grouping;
mod grouping_sets;
mod index_path;
mod inline;
mod join_path;
mod join_removal;
mod join_search;
mod merge;
mod min_max;
mod modify;
mod operator_test;
mod or_clause;
mod parallel;
mod partition;
mod pathkey;
mod pattern;
mod predicate;
mod preprocess;
mod pull_up;
mod relation;
mod scan_path;
mod selectivity;
mod set_operation;
mod setrefs;
mod statistics;
mod sublink;
mod types;
mod union_all;
mod upper;
mod windows;

pub use types::{BoundParameter, PlanOptions, PlannerHooks};

use base::{Error, Result};
use catalog::Session;
use ir::{CommandType, PlannedStmt, Query};
use types::{Global, Root};

/// Finds the cheapest plan for an analysed and rewritten query.
///
/// # Errors
/// `0A000` for what PostgreSQL or this planner cannot plan, `42P10` when ON CONFLICT names no unique index, `54001`
/// when the query nests too deeply, and what reading the catalogs or folding constants fails with.
pub fn plan(session: &Session, query: Query, options: &PlanOptions<'_>) -> Result<PlannedStmt> {
    if query.command == CommandType::Utility {
        return Err(Error::internal("a utility statement cannot be planned"));
    }
    let global = Global::new(session, options);
    let command = query.command;
    let has_returning = !query.returning.is_empty();
    let (has_modifying_cte, can_set_tag) = (query.has_modifying_cte, query.can_set_tag);
    let depends_on_role = query.has_row_security;
    let fraction = if options.fast_start { options.cursor_tuple_fraction } else { 0.0 };
    let fraction = if fraction >= 1.0 { 0.0 } else { fraction };
    global.hazard.set(parallel::statement_hazard(session, &query, options, &global.costs)?);
    let mut root = Root::new(&global, query, Vec::new());
    root.tells_places = options.places;
    root.plan_query(fraction)?;
    let path = root.cheapest_final(root.tuple_fraction);
    let mut plan = root.create_top_plan(&path)?;
    if options.scrollable && !upper::supports_backward_scan(&plan) {
        plan = upper::materialize(&root, plan);
    }
    let plan = parallel::gather_for_tests(&global, plan);
    let mut finish = setrefs::Finish::new(&global);
    let plan = finish.query_plan(&mut root, plan)?;
    let subplans = finish.subplans()?;
    let setrefs::Finish {
        range_table,
        permissions,
        row_marks,
        result_relations,
        append_relations,
        dependencies,
        ..
    } = finish;
    let rewind_subplans = global.rewind.borrow().clone();
    let exec_params = global.exec_params.borrow().clone();
    let mut planned = PlannedStmt {
        command,
        has_returning,
        has_modifying_cte,
        can_set_tag,
        depends_on_role,
        parallel_needed: global.parallel_needed.get(),
        plan,
        range_table,
        permissions,
        result_relations,
        append_relations,
        subplans,
        rewind_subplans,
        row_marks,
        relation_dependencies: dependencies,
        invalidation_items: global.invalidation_items.borrow().clone(),
        exec_params,
    };
    setrefs::number_and_collect_params(&mut planned);
    Ok(planned)
}
