//! Functions, aggregates, window functions, operators.

use super::Printer;
use super::quote_identifier;
use base::{Oid, Result};
use ir::{Aggref, CoercionForm, Expr, FuncExpr, OpExpr, SortGroupClause, TargetEntry, WindowFunc};

impl Printer<'_> {
    /// A function's name, qualified where the call would not find it otherwise.
    pub(crate) fn function_name(&self, oid: Oid) -> Result<String> {
        let row = self.session.function(oid)?;
        let name = quote_identifier(&row.proname);
        if self.session.is_visible_function(oid)? {
            return Ok(name);
        }
        let schema = self.session.namespace_name(row.pronamespace)?;
        Ok(format!("{}.{name}", quote_identifier(&schema)))
    }

    /// An operator's name, as `OPERATOR(schema.op)` where the search path does not show it.
    pub(crate) fn operator_name(&self, oid: Oid) -> Result<String> {
        let row = self.session.operator(oid)?;
        if self.session.is_visible_operator(oid)? {
            return Ok(row.oprname.clone());
        }
        let schema = self.session.namespace_name(row.oprnamespace)?;
        Ok(format!("OPERATOR({}.{})", quote_identifier(&schema), row.oprname))
    }

    pub(super) fn list(&mut self, exprs: &[Expr]) -> Result<()> {
        for (i, expr) in exprs.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.expr(expr)?;
        }
        Ok(())
    }

    pub(super) fn function(&mut self, expr: &Expr, call: &FuncExpr, hide: bool) -> Result<()> {
        match call.form {
            // What was not written is not shown.
            CoercionForm::ImplicitCast if hide => {
                if let Some(arg) = call.args.first() {
                    return self.child(arg, true, expr);
                }
            }
            CoercionForm::ExplicitCast | CoercionForm::ImplicitCast => {
                if let Some(arg) = call.args.first() {
                    return self.cast(arg, call.result_type, ir::expr_typmod(expr), expr);
                }
            }
            _ => {}
        }
        if call.form == CoercionForm::SqlSyntax && self.sql_syntax(expr, call)? {
            return Ok(());
        }
        let name = self.function_name(call.function)?;
        self.push(&name);
        self.push("(");
        for (i, arg) in call.args.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if call.variadic && i + 1 == call.args.len() {
                self.push("VARIADIC ");
            }
            self.expr(arg)?;
        }
        self.push(")");
        Ok(())
    }

    /// Calls with grammar of their own; false where there is none for this function.
    fn sql_syntax(&mut self, expr: &Expr, call: &FuncExpr) -> Result<bool> {
        let row = self.session.function(call.function)?;
        let args = &call.args;
        match (row.proname.as_str(), args.len()) {
            ("timezone", 2) => {
                self.push("(");
                self.child(&args[1], true, expr)?;
                self.push(" AT TIME ZONE ");
                self.child(&args[0], true, expr)?;
                self.push(")");
            }
            ("timezone", 1) => {
                self.push("(");
                self.child(&args[0], true, expr)?;
                self.push(" AT LOCAL)");
            }
            ("overlaps", 4) => {
                self.words("((", &args[..1], ", ", &args[1..2], ") OVERLAPS (")?;
                self.words("", &args[2..3], ", ", &args[3..], "))")?;
            }
            ("extract", 2) => {
                let Some(field) = text_of(&args[0]) else { return Ok(false) };
                let field = quote_identifier(&field);
                self.words(&format!("EXTRACT({field} FROM "), &args[1..], "", &[], ")")?;
            }
            ("is_normalized", 1 | 2) => {
                self.push("(");
                self.child(&args[0], true, expr)?;
                self.push(" IS");
                if let Some(form) = args.get(1).and_then(text_of) {
                    self.push(&format!(" {form}"));
                }
                self.push(" NORMALIZED)");
            }
            ("normalize", 1 | 2) => {
                self.words("NORMALIZE(", &args[..1], "", &[], "")?;
                if let Some(form) = args.get(1).and_then(text_of) {
                    self.push(&format!(", {form}"));
                }
                self.push(")");
            }
            ("pg_collation_for", 1) => self.words("COLLATION FOR (", args, "", &[], ")")?,
            ("overlay", 3 | 4) => {
                self.words("OVERLAY(", &args[..1], " PLACING ", &args[1..2], " FROM ")?;
                self.words("", &args[2..3], if args.len() > 3 { " FOR " } else { "" }, &args[3..], ")")?;
            }
            ("position", 2) => self.words("POSITION((", &args[1..], ") IN (", &args[..1], "))")?,
            ("substring", 3) if row.proargtypes.last() == Some(&crate::types::TEXT) => {
                self.words("SUBSTRING(", &args[..1], " SIMILAR ", &args[1..2], " ESCAPE ")?;
                self.words("", &args[2..], "", &[], ")")?;
            }
            // A regular expression: as an ordinary call.
            ("substring", 2) if row.proargtypes.last() == Some(&crate::types::TEXT) => return Ok(false),
            ("substring", 2 | 3) => {
                self.words("SUBSTRING(", &args[..1], " FROM ", &args[1..2], "")?;
                self.words(if args.len() > 2 { " FOR " } else { "" }, &args[2..], "", &[], ")")?;
            }
            ("btrim" | "ltrim" | "rtrim", 1 | 2) => {
                let side = match row.proname.as_str() {
                    "btrim" => "TRIM(BOTH",
                    "ltrim" => "TRIM(LEADING",
                    _ => "TRIM(TRAILING",
                };
                self.words(side, &[], if args.len() > 1 { " " } else { "" }, &args[1..], "")?;
                self.words(" FROM ", &args[..1], "", &[], ")")?;
            }
            ("system_user", 0) => self.push("SYSTEM_USER"),
            ("xmlexists", 2) => self.words("XMLEXISTS((", &args[..1], ") PASSING (", &args[1..], "))")?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Arguments between words of a function's own grammar, without their implicit casts.
    fn words(
        &mut self,
        open: &str,
        first: &[Expr],
        middle: &str,
        second: &[Expr],
        close: &str,
    ) -> Result<()> {
        self.push(open);
        first.iter().try_for_each(|arg| self.plain(arg))?;
        self.push(middle);
        second.iter().try_for_each(|arg| self.plain(arg))?;
        self.push(close);
        Ok(())
    }

    pub(super) fn aggregate(&mut self, call: &Aggref) -> Result<()> {
        let name = self.function_name(call.function)?;
        if call.split == ir::AggSplit::Initial {
            self.push("PARTIAL ");
        }
        self.push(&name);
        self.push("(");
        if !call.distinct.is_empty() {
            self.push("DISTINCT ");
        }
        if call.kind != b'n' {
            self.list(&call.direct_args)?;
            self.push(") WITHIN GROUP (ORDER BY ");
            self.sort_list(&call.order_by, &call.args, false)?;
        } else {
            if call.star {
                self.push("*");
            }
            let visible: Vec<&TargetEntry> = ir::visible_targets(&call.args).collect();
            for (i, arg) in visible.iter().enumerate() {
                if i > 0 {
                    self.push(", ");
                }
                if call.variadic && i + 1 == visible.len() {
                    self.push("VARIADIC ");
                }
                self.expr(&arg.expr)?;
            }
            if !call.order_by.is_empty() {
                self.push(" ORDER BY ");
                self.sort_list(&call.order_by, &call.args, false)?;
            }
        }
        self.push(")");
        self.filter(call.filter.as_deref())
    }

    fn filter(&mut self, filter: Option<&Expr>) -> Result<()> {
        if let Some(filter) = filter {
            self.push(" FILTER (WHERE ");
            self.plain(filter)?;
            self.push(")");
        }
        Ok(())
    }

    pub(super) fn window_function(&mut self, call: &WindowFunc) -> Result<()> {
        let name = self.function_name(call.function)?;
        self.push(&name);
        self.push("(");
        if call.star {
            self.push("*");
        }
        self.list(&call.args)?;
        self.push(")");
        self.filter(call.filter.as_deref())?;
        self.push(" OVER ");
        let known = self.windows.last().cloned().unwrap_or_default();
        match known.into_iter().find(|(w, _)| w.number == call.window) {
            Some((window, _)) if window.name.is_some() => {
                let name = window.name.unwrap_or_default();
                self.push(&quote_identifier(&name));
                Ok(())
            }
            Some((window, targets)) => self.window_spec(&window, &targets),
            // In plans the windows' names are known to the node only.
            None => {
                self.push(&format!("w{}", call.window));
                Ok(())
            }
        }
    }

    pub(super) fn sort_list(
        &mut self,
        clauses: &[SortGroupClause],
        targets: &[TargetEntry],
        by_number: bool,
    ) -> Result<()> {
        for (i, clause) in clauses.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            let Some(target) = targets.iter().find(|t| t.sort_group_ref == clause.target) else { continue };
            if by_number {
                self.push(&target.number.to_string());
            } else {
                self.in_order_by = true;
                let result = self.sort_expr(target);
                self.in_order_by = false;
                result?;
            }
            let operator = self.session.operator(clause.sort_operator)?;
            match operator.oprname.as_str() {
                "<" => {
                    if clause.nulls_first {
                        self.push(" NULLS FIRST");
                    }
                }
                ">" => {
                    self.push(" DESC");
                    if !clause.nulls_first {
                        self.push(" NULLS LAST");
                    }
                }
                _ => {
                    let name = self.operator_name(clause.sort_operator)?;
                    self.push(&format!(" USING {name}"));
                    self.push(if clause.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
                }
            }
        }
        Ok(())
    }

    /// An ORDER BY or GROUP BY expression: a constant is shown with its type, or it would be taken for a position.
    pub(super) fn sort_expr(&mut self, target: &TargetEntry) -> Result<()> {
        let in_order_by = std::mem::take(&mut self.in_order_by);
        match &target.expr {
            Expr::Const(constant) => self.constant(constant, 1),
            Expr::Var(var) => {
                self.in_order_by = in_order_by;
                let text = self.var_text(var, false);
                self.in_order_by = false;
                self.push(&text?);
                Ok(())
            }
            // Function-like expressions are parenthesised always; operators bring their own.
            other => {
                let call = matches!(other, Expr::Func(_) | Expr::Aggref(_) | Expr::WindowFunc(_));
                let parens = self.style.pretty || call;
                self.push(if parens { "(" } else { "" });
                self.expr(other)?;
                self.push(if parens { ")" } else { "" });
                Ok(())
            }
        }
    }

    pub(super) fn operator(&mut self, expr: &Expr, op: &OpExpr) -> Result<()> {
        let name = self.operator_name(op.operator)?;
        self.paren("(");
        match &op.args[..] {
            [left, right] => {
                self.child(left, false, expr)?;
                self.push(&format!(" {name} "));
                self.child(right, false, expr)?;
            }
            args => {
                self.push(&format!("{name} "));
                args.iter().try_for_each(|arg| self.child(arg, false, expr))?;
            }
        }
        self.paren(")");
        Ok(())
    }
}

/// A constant of text, as words of a grammar are kept.
fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Const(constant) => Some(constant.value.as_ref()?.as_datum().text().to_owned()),
        _ => None,
    }
}
