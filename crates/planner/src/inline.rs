//! SQL functions put in place of their calls: a scalar one whose body is a single expression, and one in FROM whose
//! body is a single query. The conditions are PostgreSQL's: nothing may be evaluated more often, less often or with
//! other results than by a call.

use crate::clause::{contains_nonstrict, contains_volatile, deep_query, shift_levels};
use crate::fold::Folder;
use crate::types::Root;
use base::{Oid, Result};
use catalog::PgProc;
use ir::{Expr, FuncExpr, ParamKind, RangeTableKind, expr_collation};

const SQL_LANGUAGE: Oid = Oid(14);
const RECORD: Oid = Oid(2249);
const VOID: Oid = Oid(2278);
/// Functions below come with the system; those of them in SQL have native bodies.
const FIRST_USER_OID: u32 = 16384;
/// Functions within functions beyond this are called.
const MAX_NESTING: usize = 50;

/// What no function may have that is to be put in place.
fn is_plain(row: &PgProc) -> bool {
    row.prolang == SQL_LANGUAGE
        && row.oid.0 >= FIRST_USER_OID
        && row.prokind as u8 == b'f'
        && !row.prosecdef
        && row.proconfig.is_none()
        && row.proacl.is_none()
}

fn is_mutable(folder: &Folder<'_>, expr: &Expr) -> Result<bool> {
    let mut mutable = ir::any(expr, &mut |e| matches!(e, Expr::SqlValue { .. } | Expr::NextValue { .. }));
    let mut failed = Ok(());
    ir::any(expr, &mut |e| {
        let asked = crate::clause::called(folder.session, e, &mut |function| {
            mutable |= folder.session.function(function)?.provolatile as u8 != b'i';
            Ok(())
        });
        failed = asked;
        mutable || failed.is_err()
    });
    failed.map(|()| mutable)
}

fn param_uses(expr: &Expr, uses: &mut [usize]) {
    if let Expr::Param(param) = expr
        && param.kind == ParamKind::External
        && let Some(count) = param.id.checked_sub(1).and_then(|at| uses.get_mut(at))
    {
        *count += 1;
    }
    ir::for_each_child(expr, &mut |child| param_uses(child, uses));
}

/// Whether evaluating an argument several times, or never, makes no difference worth a call.
fn is_cheap(expr: &Expr) -> bool {
    let mut nodes = 0;
    let subquery = ir::any(expr, &mut |e| {
        nodes += usize::from(matches!(e, Expr::Func(_) | Expr::Op(_) | Expr::CoerceViaIo { .. }));
        matches!(e, Expr::SubLink(_) | Expr::SubPlan(_))
    });
    !subquery && nodes <= 10
}

fn with_arguments(expr: Expr, args: &[Expr]) -> Result<Expr> {
    if let Expr::Param(param) = &expr
        && param.kind == ParamKind::External
        && let Some(arg) = param.id.checked_sub(1).and_then(|at| args.get(at))
    {
        return Ok(arg.clone());
    }
    ir::try_map(expr, &mut |child| with_arguments(child, args))
}

impl Folder<'_> {
    /// A call, or what it stands for.
    pub(crate) fn inline(&mut self, call: FuncExpr, row: &PgProc) -> Result<Expr> {
        let fits = is_plain(row)
            && !row.proretset
            && !call.returns_set
            && row.prorettype != RECORD
            && row.pronargs.max(0) as usize == call.args.len()
            && !self.inlining.contains(&call.function)
            && self.inlining.len() < MAX_NESTING;
        if !fits {
            return Ok(Expr::Func(call));
        }
        let Some(body) = self.hooks.function_body(self.session, &call)? else {
            return Ok(Expr::Func(call));
        };
        let worse = match row.provolatile as u8 {
            b'i' => is_mutable(self, &body)?,
            b's' => contains_volatile(self.session, &body)?,
            _ => false,
        };
        if worse || (row.proisstrict && contains_nonstrict(self.session, &body)?) {
            return Ok(Expr::Func(call));
        }
        let mut uses = vec![0; call.args.len()];
        param_uses(&body, &mut uses);
        for (arg, count) in call.args.iter().zip(&uses) {
            let refused = match count {
                1 => false,
                // A strict function must fail to be called for NULL in any argument.
                0 if row.proisstrict => true,
                _ => !is_cheap(arg) || contains_volatile(self.session, arg)?,
            };
            if refused {
                return Ok(Expr::Func(call));
            }
        }
        let (function, collation) = (call.function, call.collation);
        let mut inlined = with_arguments(body, &call.args)?;
        if collation.is_valid() && expr_collation(&inlined) != collation {
            inlined = Expr::Collate { arg: Box::new(inlined), collation, location: None };
        }
        self.inlining.push(function);
        let folded = self.fold(inlined);
        self.inlining.pop();
        folded
    }
}

impl Root<'_> {
    /// Functions in FROM become subqueries where their bodies are queries.
    pub(crate) fn inline_functions(&mut self) -> Result<()> {
        for at in 0..self.query.range_table.len() {
            let RangeTableKind::Function { functions, ordinality: false } = &self.query.range_table[at].kind
            else {
                continue;
            };
            let [function] = &functions[..] else { continue };
            let Expr::Func(call) = &function.expr else { continue };
            let row = self.session().function(call.function)?;
            let fits = is_plain(&row)
                && row.proretset
                && call.returns_set
                && !row.proisstrict
                && row.provolatile as u8 != b'v'
                && row.prorettype != VOID
                && row.pronargs.max(0) as usize == call.args.len();
            if !fits {
                continue;
            }
            let mut usable = true;
            for arg in &call.args {
                let sublink = ir::any(arg, &mut |e| matches!(e, Expr::SubLink(_)));
                usable &= !sublink && !contains_volatile(self.session(), arg)?;
            }
            if !usable {
                continue;
            }
            let Some(mut query) = self.hooks().function_query(self.session(), call, function)? else {
                continue;
            };
            let args = call.args.clone();
            deep_query(&mut query, 0, &mut |expr, level| {
                let Expr::Param(param) = &*expr else { return Ok(false) };
                let arg = match param.kind {
                    ParamKind::External => param.id.checked_sub(1).and_then(|at| args.get(at)),
                    _ => None,
                };
                let Some(arg) = arg else { return Ok(false) };
                let mut arg = arg.clone();
                // The arguments' own level is one above the body's.
                shift_levels(&mut arg, level as i32 + 1, 0)?;
                *expr = arg;
                Ok(true)
            })?;
            self.query.range_table[at].kind = RangeTableKind::Subquery {
                query: Box::new(query),
                security_barrier: false,
                view: None,
                permission: 0,
            };
        }
        Ok(())
    }
}
