//! Window function calls.

use super::call::Call;
use crate::context::ExprKind;
use crate::state::Analyzer;
use base::{Oid, Result, err};
use catalog::PgProc;
use ir::{Expr, WindowFunc, expr_location};
use syntax::{Over, WindowSpec};

impl Analyzer<'_> {
    pub(super) fn make_window_function(
        &mut self,
        call: Call<'_>,
        function: &PgProc,
        args: Vec<Expr>,
        result_type: Oid,
    ) -> Result<Expr> {
        let written = call.written.expect("only written calls have OVER");
        let name = call.name.join(".");
        let aggregate = function.prokind as u8 == b'a';
        if written.distinct {
            return Err(err!(FEATURE_NOT_SUPPORTED, "DISTINCT is not implemented for window functions")
                .or_at(call.location));
        }
        if aggregate && args.is_empty() && !written.star {
            return Err(err!(
                WRONG_OBJECT_TYPE,
                "{name}(*) must be used to call a parameterless aggregate function"
            )
            .or_at(call.location));
        }
        if !aggregate && written.star {
            return Err(err!(
                WRONG_OBJECT_TYPE,
                "{name}(*) specified, but {name} is not an aggregate function"
            )
            .or_at(call.location));
        }
        if !written.order_by.is_empty() {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "aggregate ORDER BY is not implemented for window functions"
            )
            .or_at(call.location));
        }
        let filter = match &written.filter {
            Some(_) if !aggregate => {
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "FILTER is not implemented for non-aggregate window functions"
                )
                .or_at(call.location));
            }
            Some(filter) => {
                let filter = self.in_kind(ExprKind::Filter, |a| a.expr(filter))?;
                Some(Box::new(self.coerce_to_boolean(filter, "FILTER")?))
            }
            None => None,
        };
        if let Some(srf) = args.iter().find(|a| crate::coerce::returns_set(a)) {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "window function calls cannot contain set-returning function calls"
            )
            .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
            .or_at(expr_location(srf)));
        }
        if function.proretset {
            return Err(
                err!(INVALID_FUNCTION_DEFINITION, "window functions cannot return sets").or_at(call.location)
            );
        }
        for arg in args.iter().chain(filter.as_deref()) {
            if let Some(at) = find_window_function(arg) {
                return Err(err!(WINDOWING_ERROR, "window function calls cannot be nested").or_at(at));
            }
        }
        let kind = self.level().kind;
        kind.check_window().map_err(|e| e.or_at(call.location))?;
        let window = self.window_number(written.over.as_ref().expect("a window function has OVER"))?;
        self.level().has_window_functions = true;
        Ok(Expr::WindowFunc(Box::new(WindowFunc {
            function: function.oid,
            result_type,
            collation: Oid::INVALID,
            input_collation: Oid::INVALID,
            args,
            filter,
            window,
            star: written.star,
            aggregate,
            location: call.location,
        })))
    }

    /// The number (from 1) of the window that OVER means, a new one if it is written out and not there yet.
    fn window_number(&mut self, over: &Over) -> Result<usize> {
        let sql = self.sql;
        let windows = &mut self.level().windows;
        match over {
            Over::Name { name, location } => {
                let found = windows.iter().position(|w| w.name.as_ref() == Some(name));
                found
                    .map(|i| i + 1)
                    .ok_or_else(|| err!(UNDEFINED_OBJECT, "window \"{name}\" does not exist").at(*location))
            }
            Over::Window(spec) => {
                if let Some(at) = windows.iter().position(|w| same_window(w, spec, sql)) {
                    return Ok(at + 1);
                }
                windows.push(spec.clone());
                Ok(windows.len())
            }
        }
    }
}

/// Whether two window specifications are written alike, names and places apart. PostgreSQL compares its raw trees,
/// which leave locations out; the printed form without locations does the same here.
fn same_window(known: &WindowSpec, new: &WindowSpec, sql: &str) -> bool {
    // A literal that looks like a printed location would be cut too: do not compare then.
    if sql.contains("location: ") {
        return false;
    }
    let print = |w: &WindowSpec| {
        let text = format!("{:?}|{:?}|{:?}|{:?}", w.base, w.partition_by, w.order_by, w.frame);
        let mut parts = text.split("location: ");
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        plain
    };
    print(known) == print(new)
}

pub(crate) fn find_window_function(expr: &Expr) -> Option<Option<usize>> {
    let mut found = None;
    ir::any(expr, &mut |e| match e {
        Expr::WindowFunc(window) => {
            found = Some(window.location);
            true
        }
        _ => false,
    });
    found
}
