//! Simplifying expressions before planning: constants are folded, boolean logic is flattened, named and defaulted
//! arguments are put in place.

use crate::clause::{bool_const, called, children_mut, const_bool, null_const, strip_locations};
use crate::types::{BoundParameter, PlannerHooks};
use base::{Error, Oid, Result, bail};
use catalog::Session;
use datum::OwnedDatum;
use ir::{BoolOp, BooleanTest, CaseWhen, Const, Expr, FuncExpr, ParamKind};

/// Nesting of expressions beyond which planning gives up.
const MAX_DEPTH: usize = 2000;

/// Simplifies expressions. `estimate`: the result is only used for estimates, so that stable functions and parameters
/// may be replaced by their present values.
pub(crate) struct Folder<'a> {
    pub session: &'a Session,
    pub hooks: &'a dyn PlannerHooks,
    pub params: Option<&'a [BoundParameter]>,
    pub estimate: bool,
    case_value: Option<Const>,
    depth: usize,
    /// Functions whose bodies are being put in place, outermost first.
    pub(crate) inlining: Vec<Oid>,
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(c) if c.value.is_none())
}

fn is_const(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(_))
}

impl<'a> Folder<'a> {
    pub fn new(
        session: &'a Session,
        hooks: &'a dyn PlannerHooks,
        params: Option<&'a [BoundParameter]>,
        estimate: bool,
    ) -> Folder<'a> {
        Folder { session, hooks, params, estimate, case_value: None, depth: 0, inlining: Vec::new() }
    }

    /// # Errors
    /// `54001` for expressions nested too deeply; what evaluating a constant part fails with.
    pub fn fold(&mut self, mut expr: Expr) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        strip_locations(&mut expr);
        let folded = self.fold_node(expr);
        self.depth -= 1;
        folded
    }

    fn fold_children(&mut self, mut expr: Expr) -> Result<Expr> {
        children_mut(&mut expr, &mut |child| {
            let taken = std::mem::replace(child, Expr::MergeAction { location: None });
            *child = self.fold(taken)?;
            Ok(())
        })?;
        Ok(expr)
    }

    fn fold_node(&mut self, expr: Expr) -> Result<Expr> {
        match expr {
            Expr::Param(ref p) if p.kind == ParamKind::External => self.param(expr),
            Expr::Func(f) => self.function(f),
            Expr::Bool { op, args, .. } => self.boolean(op, args),
            Expr::Case { .. } => self.case(expr),
            Expr::Coalesce { result_type, collation, args, .. } => {
                self.coalesce(result_type, collation, args)
            }
            Expr::NullTest { .. } | Expr::BooleanTest { .. } => {
                let expr = self.fold_children(expr)?;
                Ok(simplify_test(expr))
            }
            Expr::CaseTest { .. } => match &self.case_value {
                Some(value) => Ok(Expr::Const(value.clone())),
                None => Ok(expr),
            },
            Expr::ArrayCoerce { arg, element, result_type, typmod, collation, form, location } => {
                let arg = Box::new(self.fold(*arg)?);
                let outer = self.case_value.take();
                let element = Box::new(self.fold(*element)?);
                self.case_value = outer;
                self.evaluate(Expr::ArrayCoerce {
                    arg,
                    element,
                    result_type,
                    typmod,
                    collation,
                    form,
                    location,
                })
            }
            // Already planned parts, and queries, are left as they are.
            Expr::SubPlan(_) => Ok(expr),
            Expr::Collate { arg, collation, location } => {
                // Collation is resolved in the nodes above: what remains is a no-op cast.
                let arg = self.fold(*arg)?;
                let (result_type, typmod) = (ir::expr_type(&arg), ir::expr_typmod(&arg));
                let form = ir::CoercionForm::ImplicitCast;
                Ok(relabel(arg, result_type, typmod, collation, form, location))
            }
            Expr::Relabel { arg, result_type, typmod, collation, form, location } => {
                let arg = self.fold(*arg)?;
                Ok(relabel(arg, result_type, typmod, collation, form, location))
            }
            Expr::Op(_) | Expr::Distinct(_) | Expr::NullIf(_) | Expr::ScalarArrayOp(_) => {
                let expr = self.fold_children(expr)?;
                self.operator(expr)
            }
            Expr::Aggref(_) | Expr::WindowFunc(_) => self.fold_children(expr),
            Expr::CoerceViaIo { .. }
            | Expr::Array { .. }
            | Expr::MinMax { .. }
            | Expr::Subscript(_)
            | Expr::FieldSelect { .. }
            | Expr::RowCompare { .. }
            | Expr::ConvertRowtype { .. }
            | Expr::SqlValue { .. } => {
                let expr = self.fold_children(expr)?;
                self.evaluate(expr)
            }
            other => self.fold_children(other),
        }
    }

    fn param(&self, expr: Expr) -> Result<Expr> {
        let Expr::Param(p) = &expr else { return Ok(expr) };
        let Some(bound) = self.params.and_then(|params| params.get(p.id.checked_sub(1)?)) else {
            return Ok(expr);
        };
        if bound.type_oid != p.type_oid {
            return Ok(expr);
        }
        Ok(Expr::Const(Const {
            type_oid: p.type_oid,
            typmod: p.typmod,
            collation: p.collation,
            layout: self.session.type_layout(p.type_oid)?,
            value: bound.value.clone(),
            location: None,
        }))
    }

    /// Evaluates a node whose children are all constant, if nothing in it is too volatile.
    fn evaluate(&mut self, expr: Expr) -> Result<Expr> {
        let mut constant = true;
        ir::for_each_child(&expr, &mut |child| constant &= is_const(child));
        if let Expr::ArrayCoerce { arg, .. } = &expr {
            constant = is_const(arg);
        }
        if !constant || (matches!(expr, Expr::SqlValue { .. }) && !self.estimate) {
            return Ok(expr);
        }
        let mut allowed = true;
        let estimate = self.estimate;
        let session = self.session;
        let mut check = |e: &Expr| {
            called(session, e, &mut |function| {
                let row = session.function(function)?;
                let volatility = row.provolatile as u8;
                allowed &= !row.proretset && (volatility == b'i' || (estimate && volatility == b's'));
                Ok(())
            })
        };
        check(&expr)?;
        if let Expr::ArrayCoerce { element, .. } = &expr {
            let mut failed = Ok(());
            ir::any(element, &mut |e| {
                failed = check(e);
                failed.is_err()
            });
            failed?;
        }
        if !allowed {
            return Ok(expr);
        }
        match self.hooks.fold(self.session, &expr)? {
            Some(value) => Ok(Expr::Const(Const { location: None, ..value })),
            None => Ok(expr),
        }
    }

    fn function(&mut self, mut f: FuncExpr) -> Result<Expr> {
        let row = self.session.function(f.function)?;
        self.place_arguments(&mut f, &row)?;
        let Expr::Func(f) = self.fold_children(Expr::Func(f))? else {
            unreachable!("folding keeps the variant")
        };
        if row.proisstrict && !f.returns_set && f.args.iter().any(is_null) {
            return null_const(self.session, f.result_type, -1, f.collation);
        }
        match self.evaluate(Expr::Func(f))? {
            Expr::Func(f) => self.inline(f, &row),
            other => Ok(other),
        }
    }

    /// Puts named arguments where they belong and fills in defaults.
    fn place_arguments(&self, f: &mut FuncExpr, row: &catalog::PgProc) -> Result<()> {
        let wanted = row.pronargs as usize;
        let named = f.args.iter().any(|a| matches!(a, Expr::NamedArg { .. }));
        if !named && f.args.len() >= wanted {
            return Ok(());
        }
        let mut slots: Vec<Option<Expr>> = vec![None; wanted.max(f.args.len())];
        for (i, arg) in std::mem::take(&mut f.args).into_iter().enumerate() {
            match arg {
                Expr::NamedArg { arg, number, .. } if (number as usize) < slots.len() => {
                    slots[number as usize] = Some(*arg);
                }
                arg => slots[i] = Some(arg),
            }
        }
        if slots.iter().any(Option::is_none) {
            let text = row.proargdefaults.as_deref().unwrap_or_default();
            let defaults = self.hooks.read_expressions(self.session, text)?;
            let first = wanted.saturating_sub(defaults.len());
            for (slot, default) in slots.iter_mut().skip(first).zip(defaults) {
                slot.get_or_insert(default);
            }
        }
        f.args = slots
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| Error::internal("not enough default arguments"))?;
        Ok(())
    }

    fn operator(&mut self, expr: Expr) -> Result<Expr> {
        let strict = |function: Oid| -> Result<bool> { Ok(self.session.function(function)?.proisstrict) };
        match &expr {
            Expr::Op(op) => {
                if op.args.iter().any(is_null) && !op.returns_set && strict(op.function)? {
                    return null_const(self.session, op.result_type, -1, op.collation);
                }
                if let Some(simple) = boolean_equality(op, self.session) {
                    return Ok(simple);
                }
            }
            Expr::Distinct(op) => {
                let (left, right) = (is_null(&op.args[0]), is_null(&op.args[1]));
                if left && right {
                    return Ok(bool_const(Some(false)));
                }
                if (left && is_const(&op.args[1])) || (right && is_const(&op.args[0])) {
                    return Ok(bool_const(Some(true)));
                }
                if left || right {
                    let arg = op.args[usize::from(left)].clone();
                    return Ok(Expr::NullTest {
                        arg: Box::new(arg),
                        is_null: false,
                        row_argument: false,
                        location: None,
                    });
                }
            }
            Expr::NullIf(op) if is_null(&op.args[0]) || (is_null(&op.args[1]) && strict(op.function)?) => {
                return Ok(op.args[0].clone());
            }
            Expr::ScalarArrayOp(op) if is_null(&op.args[1]) && strict(op.function)? => {
                return Ok(bool_const(None));
            }
            _ => {}
        }
        self.evaluate(expr)
    }

    fn boolean(&mut self, op: BoolOp, args: Vec<Expr>) -> Result<Expr> {
        if op == BoolOp::Not {
            let arg = args.into_iter().next().ok_or_else(|| Error::internal("NOT without an argument"))?;
            let arg = self.fold(arg)?;
            return negate(self.session, arg);
        }
        // The value that decides the whole, and the one that does not matter.
        let decisive = op == BoolOp::Or;
        let mut kept = Vec::with_capacity(args.len());
        let mut saw_null = false;
        let mut pending: Vec<Expr> = args.into_iter().rev().collect();
        while let Some(arg) = pending.pop() {
            let arg = match arg {
                Expr::Bool { op: inner, args, .. } if inner == op => {
                    pending.extend(args.into_iter().rev());
                    continue;
                }
                arg => self.fold(arg)?,
            };
            match (&arg, const_bool(&arg)) {
                (_, Some(Some(b))) if b == decisive => return Ok(arg),
                (_, Some(Some(_))) => {}
                (_, Some(None)) => saw_null = true,
                (Expr::Bool { op: inner, .. }, _) if *inner == op => {
                    if let Expr::Bool { args, .. } = arg {
                        kept.extend(args);
                    }
                }
                _ => kept.push(arg),
            }
        }
        if saw_null {
            kept.push(bool_const(None));
        }
        Ok(match kept.len() {
            0 => bool_const(Some(!decisive)),
            1 => kept.remove(0),
            _ => Expr::Bool { op, args: kept, location: None },
        })
    }

    fn case(&mut self, expr: Expr) -> Result<Expr> {
        let Expr::Case { result_type, collation, arg, whens, default, .. } = expr else { return Ok(expr) };
        let arg = arg.map(|a| self.fold(*a)).transpose()?;
        let outer = self.case_value.take();
        self.case_value = match &arg {
            Some(Expr::Const(c)) => Some(c.clone()),
            _ => None,
        };
        let mut kept = Vec::new();
        let mut certain = None;
        for when in whens {
            let condition = self.fold(when.condition)?;
            match const_bool(&condition) {
                Some(Some(true)) => {
                    certain = Some(when.result);
                    break;
                }
                Some(_) => {}
                None => kept.push((condition, when.result)),
            }
        }
        self.case_value = outer;
        let mut whens = Vec::with_capacity(kept.len());
        for (condition, result) in kept {
            whens.push(CaseWhen { condition, result: self.fold(result)?, location: None });
        }
        let default = match certain.or(default.map(|d| *d)) {
            Some(default) => self.fold(default)?,
            None => null_const(self.session, result_type, -1, collation)?,
        };
        if whens.is_empty() {
            return Ok(default);
        }
        let arg = arg.map(Box::new);
        Ok(Expr::Case {
            result_type,
            collation,
            arg,
            whens,
            default: Some(Box::new(default)),
            location: None,
        })
    }

    fn coalesce(&mut self, result_type: Oid, collation: Oid, args: Vec<Expr>) -> Result<Expr> {
        let mut kept: Vec<Expr> = Vec::new();
        for arg in args {
            let arg = self.fold(arg)?;
            if is_null(&arg) {
                continue;
            }
            let last = is_const(&arg);
            kept.push(arg);
            if last {
                break;
            }
        }
        match kept.len() {
            0 => null_const(self.session, result_type, -1, collation),
            1 => Ok(kept.remove(0)),
            _ => Ok(Expr::Coalesce { result_type, collation, args: kept, location: None }),
        }
    }
}

/// A cast that changes nothing but the label; nested ones are merged, constants relabelled in place.
fn relabel(
    arg: Expr,
    result_type: Oid,
    typmod: i32,
    collation: Oid,
    form: ir::CoercionForm,
    location: Option<usize>,
) -> Expr {
    let mut arg = arg;
    while let Expr::Relabel { arg: inner, .. } = arg {
        arg = *inner;
    }
    if let Expr::Const(c) = arg {
        return Expr::Const(Const { type_oid: result_type, typmod, collation, ..c });
    }
    if ir::expr_type(&arg) == result_type
        && ir::expr_typmod(&arg) == typmod
        && ir::expr_collation(&arg) == collation
    {
        return arg;
    }
    Expr::Relabel { arg: Box::new(arg), result_type, typmod, collation, form, location }
}

/// `x = true` is `x`, `x <> true` is `NOT x`, and so on.
fn boolean_equality(op: &ir::OpExpr, session: &Session) -> Option<Expr> {
    const BOOL_EQ: Oid = Oid(91);
    const BOOL_NE: Oid = Oid(85);
    let equal = match op.operator {
        BOOL_EQ => true,
        BOOL_NE => false,
        _ => return None,
    };
    let (constant, other) = match (const_bool(&op.args[0]), const_bool(&op.args[1])) {
        (Some(Some(c)), _) => (c, &op.args[1]),
        (_, Some(Some(c))) => (c, &op.args[0]),
        _ => return None,
    };
    if constant == equal { Some(other.clone()) } else { negate(session, other.clone()).ok() }
}

/// NOT of an already simplified expression, pushed down as far as it goes.
pub(crate) fn negate(session: &Session, expr: Expr) -> Result<Expr> {
    Ok(match expr {
        Expr::Const(_) if const_bool(&expr).is_some() => bool_const(const_bool(&expr).flatten().map(|b| !b)),
        Expr::Op(mut op) => {
            let negator = session.operator(op.operator)?.oprnegate;
            if negator.is_valid() {
                op.operator = negator;
                op.function = session.operator(negator)?.oprcode;
                return Ok(Expr::Op(op));
            }
            not(Expr::Op(op))
        }
        Expr::ScalarArrayOp(mut op) => {
            let negator = session.operator(op.operator)?.oprnegate;
            if negator.is_valid() {
                op.operator = negator;
                op.function = session.operator(negator)?.oprcode;
                op.use_or = !op.use_or;
                return Ok(Expr::ScalarArrayOp(op));
            }
            not(Expr::ScalarArrayOp(op))
        }
        Expr::Bool { op: BoolOp::Not, mut args, .. } => args.remove(0),
        Expr::Bool { op, args, .. } => {
            let op = if op == BoolOp::And { BoolOp::Or } else { BoolOp::And };
            let args = args.into_iter().map(|a| negate(session, a)).collect::<Result<Vec<_>>>()?;
            Expr::Bool { op, args, location: None }
        }
        Expr::NullTest { arg, is_null, row_argument: false, location } => {
            Expr::NullTest { arg, is_null: !is_null, row_argument: false, location }
        }
        Expr::BooleanTest { arg, test, location } => {
            let test = match test {
                BooleanTest::True => BooleanTest::NotTrue,
                BooleanTest::NotTrue => BooleanTest::True,
                BooleanTest::False => BooleanTest::NotFalse,
                BooleanTest::NotFalse => BooleanTest::False,
                BooleanTest::Unknown => BooleanTest::NotUnknown,
                BooleanTest::NotUnknown => BooleanTest::Unknown,
            };
            Expr::BooleanTest { arg, test, location }
        }
        other => not(other),
    })
}

fn not(expr: Expr) -> Expr {
    Expr::Bool { op: BoolOp::Not, args: vec![expr], location: None }
}

fn simplify_test(expr: Expr) -> Expr {
    match &expr {
        Expr::NullTest { arg, is_null, row_argument, .. } => match &**arg {
            Expr::Const(c) if !row_argument || c.value.is_none() => {
                return bool_const(Some(c.value.is_none() == *is_null));
            }
            Expr::Row { args, .. } if *row_argument && args.iter().all(is_const) => {
                return bool_const(Some(args.iter().all(|a| is_null_const(a) == *is_null)));
            }
            _ => {}
        },
        Expr::BooleanTest { arg, test, .. } => {
            if let Some(value) = const_bool(arg) {
                let holds = match test {
                    BooleanTest::True => value == Some(true),
                    BooleanTest::NotTrue => value != Some(true),
                    BooleanTest::False => value == Some(false),
                    BooleanTest::NotFalse => value != Some(false),
                    BooleanTest::Unknown => value.is_none(),
                    BooleanTest::NotUnknown => value.is_some(),
                };
                return bool_const(Some(holds));
            }
        }
        _ => {}
    }
    expr
}

fn is_null_const(expr: &Expr) -> bool {
    is_null(expr)
}

/// The boolean or text value of a constant, for estimates.
pub(crate) fn const_value(expr: &Expr) -> Option<&OwnedDatum> {
    match expr {
        Expr::Const(c) => c.value.as_ref(),
        _ => None,
    }
}

/// Factors common conditions out of the arms of an OR: `(a AND b) OR (a AND c)` is `a AND (b OR c)`; a condition is
/// flattened on the way (canonicalize_qual).
pub(crate) fn canonicalize(expr: Expr) -> Expr {
    match expr {
        Expr::Bool { op: BoolOp::Or, args, .. } => {
            let mut arms = Vec::new();
            for arg in args {
                match canonicalize(arg) {
                    Expr::Bool { op: BoolOp::Or, args, .. } => arms.extend(args),
                    arm if const_bool(&arm).is_some() && const_bool(&arm) != Some(Some(true)) => {}
                    arm => arms.push(arm),
                }
            }
            factor(arms)
        }
        Expr::Bool { op: BoolOp::And, args, .. } => {
            let mut flat = Vec::new();
            for arg in args {
                match canonicalize(arg) {
                    Expr::Bool { op: BoolOp::And, args, .. } => flat.extend(args),
                    arg if crate::clause::is_never(&arg) => return bool_const(Some(false)),
                    arg if const_bool(&arg).is_some() => {}
                    arg => flat.push(arg),
                }
            }
            crate::clause::make_and(flat)
        }
        other => other,
    }
}

fn factor(arms: Vec<Expr>) -> Expr {
    if arms.len() < 2 {
        return arms.into_iter().next().unwrap_or_else(|| bool_const(Some(false)));
    }
    let conjuncts = |e: &Expr| -> Vec<Expr> {
        match e {
            Expr::Bool { op: BoolOp::And, args, .. } => args.clone(),
            e => vec![e.clone()],
        }
    };
    let lists: Vec<Vec<Expr>> = arms.iter().map(conjuncts).collect();
    let Some(shortest) = lists.iter().min_by_key(|l| l.len()) else { return bool_const(Some(false)) };
    let mut common: Vec<Expr> = Vec::new();
    for candidate in shortest {
        if !common.contains(candidate) && lists.iter().all(|l| l.contains(candidate)) {
            common.push(candidate.clone());
        }
    }
    if common.is_empty() {
        return crate::clause::make_or(arms);
    }
    let mut rests = Vec::new();
    for list in &lists {
        let rest: Vec<Expr> = list.iter().filter(|c| !common.contains(c)).cloned().collect();
        if rest.is_empty() {
            return crate::clause::make_and(common);
        }
        rests.push(crate::clause::make_and(rest));
    }
    match crate::clause::make_or(rests) {
        Expr::Bool { op: BoolOp::And, args, .. } => common.extend(args),
        other => common.push(other),
    }
    crate::clause::make_and(common)
}
