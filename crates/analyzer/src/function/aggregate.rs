//! Aggregate calls: their shape, their level, and what may stand in them.

use super::call::Call;
use super::resolve::Candidate;
use crate::context::ExprKind;
use crate::state::Analyzer;
use base::{Oid, Result, err};
use catalog::{PgAggregate, PgProc};
use ir::{AggSplit, Aggref, Expr, SortGroupClause, TargetEntry, expr_location, expr_type};
use std::sync::Arc;

impl Analyzer<'_> {
    /// WITHIN GROUP where it must and must not be, and the argument counts of ordered-set aggregates.
    pub(super) fn check_aggregate_shape(
        &self,
        call: &Call<'_>,
        aggregate: &Option<Arc<PgAggregate>>,
        candidate: &Candidate,
        variadic: &mut bool,
        types: &[Oid],
    ) -> Result<()> {
        let Some(written) = call.written else { return Ok(()) };
        let name = call.name.join(".");
        let kind = candidate.function.prokind as u8;
        let Some(row) = aggregate else {
            if kind == b'w' {
                if written.over.is_none() {
                    return Err(err!(WRONG_OBJECT_TYPE, "window function {name} requires an OVER clause")
                        .or_at(call.location));
                }
                if written.within_group {
                    return Err(err!(WRONG_OBJECT_TYPE, "window function {name} cannot have WITHIN GROUP")
                        .or_at(call.location));
                }
            }
            return Ok(());
        };
        if row.aggkind as u8 == b'n' {
            if written.within_group {
                return Err(err!(
                    WRONG_OBJECT_TYPE,
                    "{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP"
                )
                .or_at(call.location));
            }
            return Ok(());
        }
        if !written.within_group {
            return Err(err!(WRONG_OBJECT_TYPE, "WITHIN GROUP is required for ordered-set aggregate {name}")
                .or_at(call.location));
        }
        if written.over.is_some() {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "OVER is not supported for ordered-set aggregate {name}"
            )
            .or_at(call.location));
        }
        let direct = types.len() - call.ordered;
        let wanted = row.aggnumdirectargs.max(0) as usize;
        let missing = |hint: String| -> Result<()> {
            let signature = self.function_signature(call.name, &call.names, types)?;
            Err(err!(UNDEFINED_FUNCTION, "function {signature} does not exist")
                .hint(hint)
                .or_at(call.location))
        };
        let plural = if wanted == 1 { "" } else { "s" };
        if candidate.function.provariadic.is_valid() {
            let hypothetical = row.aggkind as u8 == b'h';
            if hypothetical {
                if candidate.variadic_args > 0 && direct != call.ordered {
                    return missing(format!(
                        "To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments \
                         (here {direct}) must match the number of ordering columns (here {}).",
                        call.ordered
                    ));
                }
            } else if direct < wanted {
                return missing(format!(
                    "There is an ordered-set aggregate {name}, but it requires at least {wanted} direct argument{plural}."
                ));
            }
            *variadic = false;
        } else if direct != wanted {
            return missing(format!(
                "There is an ordered-set aggregate {name}, but it requires {wanted} direct argument{plural}, not {direct}."
            ));
        }
        Ok(())
    }

    pub(super) fn make_aggregate(
        &mut self,
        call: Call<'_>,
        row: Arc<PgAggregate>,
        function: &PgProc,
        args: Vec<Expr>,
        result_type: Oid,
        variadic: bool,
    ) -> Result<Expr> {
        let name = call.name.join(".");
        let star = call.written.is_some_and(|w| w.star);
        if args.is_empty() && !star && row.aggkind as u8 == b'n' {
            return Err(err!(
                WRONG_OBJECT_TYPE,
                "{name}(*) must be used to call a parameterless aggregate function"
            )
            .or_at(call.location));
        }
        if function.proretset {
            return Err(
                err!(INVALID_FUNCTION_DEFINITION, "aggregates cannot return sets").or_at(call.location)
            );
        }
        if !call.names.is_empty() {
            return Err(
                err!(FEATURE_NOT_SUPPORTED, "aggregates cannot use named arguments").or_at(call.location)
            );
        }
        let filter = match call.written.and_then(|w| w.filter.as_ref()) {
            Some(filter) => {
                let filter = self.in_kind(ExprKind::Filter, |a| a.expr(filter))?;
                Some(Box::new(self.coerce_to_boolean(filter, "FILTER")?))
            }
            None => None,
        };
        let mut aggregate = Aggref {
            function: function.oid,
            result_type,
            collation: Oid::INVALID,
            input_collation: Oid::INVALID,
            transition_type: Oid::INVALID,
            argument_types: args.iter().map(expr_type).collect(),
            direct_args: Vec::new(),
            args: Vec::new(),
            order_by: Vec::new(),
            distinct: Vec::new(),
            filter,
            star,
            variadic: variadic && function.provariadic.is_valid(),
            kind: row.aggkind as u8,
            levels_up: 0,
            split: AggSplit::Simple,
            number: usize::MAX,
            transition_number: usize::MAX,
            location: call.location,
        };
        self.fill_aggregate(&call, &mut aggregate, args)?;
        aggregate.levels_up = self.aggregate_level(&aggregate)?;
        let up = aggregate.levels_up;
        self.level_up(up).has_aggregates = true;
        let kind = self.level_up(up).kind;
        kind.check_aggregate(false).map_err(|e| e.or_at(call.location))?;
        Ok(Expr::Aggref(Box::new(aggregate)))
    }

    /// Arguments, ORDER BY and DISTINCT.
    fn fill_aggregate(&mut self, call: &Call<'_>, aggregate: &mut Aggref, mut args: Vec<Expr>) -> Result<()> {
        let saved = self.level().next_number;
        self.level().next_number = 1;
        let order_by = call.written.map(|w| w.order_by.as_slice()).unwrap_or_default();
        if aggregate.kind != b'n' {
            let aggregated = args.split_off(args.len() - call.ordered.min(args.len()));
            aggregate.direct_args = args;
            let mut clauses: Vec<SortGroupClause> = Vec::new();
            for (arg, sort) in aggregated.into_iter().zip(order_by) {
                let number = aggregate.args.len() as i16 + 1;
                aggregate.args.push(TargetEntry::new(arg, number, None));
                let at = aggregate.args.len() - 1;
                self.add_to_sort_list(at, &mut aggregate.args, &mut clauses, sort)?;
            }
            aggregate.order_by = clauses;
        } else {
            for arg in args {
                let number = aggregate.args.len() as i16 + 1;
                aggregate.args.push(TargetEntry::new(arg, number, None));
            }
            self.level().next_number = aggregate.args.len() as i16 + 1;
            aggregate.order_by = self.sort_clause(order_by, &mut aggregate.args, ExprKind::OrderBy, true)?;
            if call.written.is_some_and(|w| w.distinct) {
                aggregate.distinct = self.distinct_clause(&mut aggregate.args, &aggregate.order_by, true)?;
                for clause in &aggregate.distinct {
                    if !clause.sort_operator.is_valid() {
                        let arg = aggregate.args.iter().find(|t| t.sort_group_ref == clause.target);
                        let (oid, at) =
                            arg.map(|t| (expr_type(&t.expr), expr_location(&t.expr))).unwrap_or_default();
                        return Err(err!(
                            UNDEFINED_FUNCTION,
                            "could not identify an ordering operator for type {}",
                            self.type_name_of(oid)?
                        )
                        .detail("Aggregates with DISTINCT must be able to sort their inputs.")
                        .or_at(at));
                    }
                }
            }
        }
        self.level().next_number = saved;
        Ok(())
    }

    /// How many levels up the aggregate belongs: to the innermost query among those of its variables.
    pub(crate) fn aggregate_level(&self, aggregate: &Aggref) -> Result<u32> {
        let inputs = aggregate.args.iter().map(|t| &t.expr).chain(aggregate.filter.as_deref());
        let found = self.argument_levels(inputs, true)?;
        let level = match (found.variable, found.aggregate) {
            (None, None) => 0,
            (a, b) => a.into_iter().chain(b).min().unwrap_or(0),
        };
        if found.aggregate == Some(level) {
            return Err(err!(GROUPING_ERROR, "aggregate function calls cannot be nested")
                .or_at(found.aggregate_location));
        }
        let direct = self.argument_levels(aggregate.direct_args.iter(), true)?;
        if direct.variable.is_some_and(|v| v < level) {
            return Err(err!(
                GROUPING_ERROR,
                "outer-level aggregate cannot contain a lower-level variable in its direct arguments"
            )
            .or_at(aggregate.direct_args.first().and_then(expr_location)));
        }
        if direct.aggregate.is_some_and(|a| a <= level) {
            return Err(err!(GROUPING_ERROR, "aggregate function calls cannot be nested")
                .or_at(direct.aggregate_location));
        }
        Ok(level)
    }

    fn argument_levels<'e>(&self, exprs: impl Iterator<Item = &'e Expr>, srf: bool) -> Result<Levels> {
        let mut found = Levels::default();
        let mut failure = None;
        for expr in exprs {
            ir::walk_levels(expr, 0, &mut |e, depth| {
                match e {
                    Expr::Var(var) if var.levels_up >= depth => {
                        let level = var.levels_up - depth;
                        found.variable = Some(found.variable.map_or(level, |v| v.min(level)));
                    }
                    Expr::Aggref(inner) if inner.levels_up >= depth => {
                        let level = inner.levels_up - depth;
                        if found.aggregate.is_none_or(|a| level < a) {
                            found.aggregate = Some(level);
                            found.aggregate_location = inner.location;
                        }
                    }
                    Expr::Grouping { levels_up, location, .. } if *levels_up >= depth => {
                        let level = levels_up - depth;
                        if found.aggregate.is_none_or(|a| level < a) {
                            found.aggregate = Some(level);
                            found.aggregate_location = *location;
                        }
                    }
                    Expr::WindowFunc(window) if depth == 0 => {
                        failure.get_or_insert(
                            err!(
                                GROUPING_ERROR,
                                "aggregate function calls cannot contain window function calls"
                            )
                            .or_at(window.location),
                        );
                    }
                    Expr::Func(ir::FuncExpr { returns_set: true, location, .. })
                    | Expr::Op(ir::OpExpr { returns_set: true, location, .. })
                        if srf && depth == 0 =>
                    {
                        failure.get_or_insert(
                            err!(
                                FEATURE_NOT_SUPPORTED,
                                "aggregate function calls cannot contain set-returning function calls"
                            )
                            .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
                            .or_at(*location),
                        );
                    }
                    _ => {}
                }
                true
            });
        }
        failure.map_or(Ok(found), Err)
    }

    /// GROUPING(a, b).
    pub(crate) fn grouping(&mut self, args: &[syntax::Expr], location: usize) -> Result<Expr> {
        if args.len() > 31 {
            return Err(err!(TOO_MANY_ARGUMENTS, "GROUPING must have fewer than 32 arguments").at(location));
        }
        let mut analysed = Vec::with_capacity(args.len());
        for arg in args {
            analysed.push(self.expr(arg)?);
        }
        let found = self.argument_levels(analysed.iter(), false)?;
        let levels_up = found.variable.into_iter().chain(found.aggregate).min().unwrap_or(0);
        if found.aggregate == Some(levels_up) {
            return Err(err!(GROUPING_ERROR, "aggregate function calls cannot be nested")
                .or_at(found.aggregate_location));
        }
        self.level_up(levels_up).has_aggregates = true;
        let kind = self.level_up(levels_up).kind;
        kind.check_aggregate(true).map_err(|e| e.at(location))?;
        Ok(Expr::Grouping {
            args: analysed,
            refs: Vec::new(),
            columns: Vec::new(),
            levels_up,
            location: Some(location),
        })
    }

    /// Notes that the level's expression returns a set, where that is allowed.
    pub(crate) fn note_set_returning(&mut self, location: Option<usize>) -> Result<()> {
        let level = self.level();
        level.kind.check_set_returning().map_err(|e| e.or_at(location))?;
        level.last_srf = true;
        if level.kind != ExprKind::FromFunction {
            level.has_target_srfs = true;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Levels {
    variable: Option<u32>,
    aggregate: Option<u32>,
    aggregate_location: Option<usize>,
}
