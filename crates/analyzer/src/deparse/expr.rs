//! Expressions.

use super::Printer;
use super::quote_identifier;
use base::{Oid, Result, bail};
use ir::{
    BoolOp, BooleanTest, CoercionForm, Expr, RowCompareOp, SqlValueFunction, SubLink, SubLinkKind, Subscript,
};

const MAX_DEPTH: usize = 3000;

impl Printer<'_> {
    /// `$n`, or in a function's body the name; qualified where a column could be meant.
    fn parameter_text(&self, param: &ir::Param) -> String {
        let known = self.parameters.filter(|_| param.kind == ir::ParamKind::External);
        let name = known.and_then(|k| k.names.get(param.id.wrapping_sub(1))).filter(|n| !n.is_empty());
        match (known, name) {
            (Some(known), Some(name)) if self.levels.iter().any(|l| !l.table.is_empty()) => {
                format!("{}.{}", quote_identifier(&known.function), quote_identifier(name))
            }
            (_, Some(name)) => quote_identifier(name),
            _ => format!("${}", param.id),
        }
    }

    /// An expression without the implicit casts at its top, as conditions are shown.
    pub(super) fn plain(&mut self, expr: &Expr) -> Result<()> {
        self.hide_implicit = true;
        self.expr(expr)
    }

    /// An operand of `parent`: parenthesised where it would be read differently without.
    pub(super) fn child(&mut self, expr: &Expr, hide: bool, parent: &Expr) -> Result<()> {
        let parens = self.style.pretty && !self.is_simple(expr, parent);
        if parens {
            self.push("(");
        }
        self.hide_implicit = hide;
        self.expr(expr)?;
        if parens {
            self.push(")");
        }
        Ok(())
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        self.depth += 1;
        let result = self.expr_inner(expr);
        self.depth -= 1;
        result
    }

    fn expr_inner(&mut self, expr: &Expr) -> Result<()> {
        let hide = std::mem::take(&mut self.hide_implicit);
        match expr {
            Expr::Var(var) => {
                let text = self.var_text(var, false)?;
                self.push(&text);
                Ok(())
            }
            Expr::Const(constant) => self.constant(constant, 0),
            Expr::Param(param) => {
                let text = self.parameter_text(param);
                self.push(&text);
                Ok(())
            }
            Expr::Aggref(call) => self.aggregate(call),
            Expr::Grouping { args, .. } => self.wrapped("GROUPING(", args, ")"),
            Expr::WindowFunc(call) => self.window_function(call),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Func(call) => self.function(expr, call, hide),
            Expr::NamedArg { arg, name, .. } => {
                self.push(&format!("{} => ", quote_identifier(name)));
                self.expr(arg)
            }
            Expr::Op(op) => self.operator(expr, op),
            Expr::Distinct(op) => {
                self.paren("(");
                self.child(&op.args[0], false, expr)?;
                self.push(" IS DISTINCT FROM ");
                self.child(&op.args[1], false, expr)?;
                self.paren(")");
                Ok(())
            }
            Expr::NullIf(op) => self.wrapped("NULLIF(", &op.args, ")"),
            Expr::ScalarArrayOp(op) => {
                let name = self.operator_name(op.operator)?;
                let word = if op.use_or { "ANY" } else { "ALL" };
                self.paren("(");
                self.child(&op.args[0], false, expr)?;
                self.push(&format!(" {name} {word} ("));
                self.child(&op.args[1], false, expr)?;
                // A scalar subquery would be taken for ANY (SELECT ...): a cast tells them apart.
                if matches!(&op.args[1], Expr::SubLink(link) if link.kind == SubLinkKind::Expr) {
                    let array = &op.args[1];
                    let name = self.type_text(ir::expr_type(array), ir::expr_typmod(array))?;
                    self.push(&format!("::{name}"));
                }
                self.push(")");
                self.paren(")");
                Ok(())
            }
            Expr::Bool { op, args, .. } => self.bool_expr(expr, *op, args),
            Expr::SubLink(link) => self.sublink(link),
            Expr::SubPlan(plan) => {
                self.push(&format!("({})", plan.name));
                Ok(())
            }
            Expr::FieldSelect { arg, field, .. } => self.field_select(arg, *field),
            Expr::FieldStore { values, .. } if values.len() == 1 => self.list(values),
            Expr::FieldStore { values, .. } => self.wrapped("ROW(", values, ")"),
            Expr::Relabel { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide, expr)
            }
            Expr::CoerceViaIo { arg, result_type, form, .. } => {
                self.coercion(arg, *result_type, -1, *form, hide, expr)
            }
            Expr::ArrayCoerce { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide, expr)
            }
            Expr::ConvertRowtype { arg, result_type, form, .. } => {
                self.coercion(arg, *result_type, -1, *form, hide, expr)
            }
            Expr::CoerceToDomain { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide, expr)
            }
            Expr::Collate { arg, collation, .. } => {
                let name = self.collation_text(*collation)?;
                self.paren("(");
                self.child(arg, hide, expr)?;
                self.push(&format!(" COLLATE {name}"));
                self.paren(")");
                Ok(())
            }
            other => self.construct(other),
        }
    }

    fn construct(&mut self, expr: &Expr) -> Result<()> {
        match expr {
            Expr::Case { arg, whens, default, .. } => {
                self.keyword("CASE", 0, 4, 0);
                if let Some(arg) = arg {
                    self.push(" ");
                    self.expr(arg)?;
                }
                for when in whens {
                    self.blank();
                    self.keyword("WHEN ", 0, 0, 0);
                    match (&when.condition, arg) {
                        // The test value stands implicitly on the left.
                        (Expr::Op(op), Some(_)) if op.args.len() == 2 && is_test_value(&op.args[0]) => {
                            self.plain(&op.args[1])?;
                        }
                        (condition, _) => self.plain(condition)?,
                    }
                    self.push(" THEN ");
                    self.expr(&when.result)?;
                }
                self.blank();
                self.keyword("ELSE ", 0, 0, 0);
                match default {
                    Some(default) => self.expr(default)?,
                    None => self.push("NULL"),
                }
                self.blank();
                self.keyword("END", -4, 0, 0);
                Ok(())
            }
            Expr::CaseTest { .. } => {
                self.push("CASE_TEST_EXPR");
                Ok(())
            }
            Expr::Array { elements, array_type, .. } => {
                self.wrapped("ARRAY[", elements, "]")?;
                if elements.is_empty() {
                    let name = self.type_text(*array_type, -1)?;
                    self.push(&format!("::{name}"));
                }
                Ok(())
            }
            Expr::Row { args, row_type, form, .. } => {
                self.wrapped("ROW(", args, ")")?;
                if *form == CoercionForm::ExplicitCast {
                    let name = self.type_text(*row_type, -1)?;
                    self.push(&format!("::{name}"));
                }
                Ok(())
            }
            Expr::RowCompare { op, left, right, .. } => {
                let name = match op {
                    RowCompareOp::Less => "<",
                    RowCompareOp::LessEqual => "<=",
                    RowCompareOp::GreaterEqual => ">=",
                    RowCompareOp::Greater => ">",
                };
                self.wrapped("(ROW(", left, ")")?;
                self.push(&format!(" {name} "));
                self.wrapped("ROW(", right, "))")
            }
            Expr::Coalesce { args, .. } => self.wrapped("COALESCE(", args, ")"),
            Expr::MinMax { greatest, args, .. } => {
                self.wrapped(if *greatest { "GREATEST(" } else { "LEAST(" }, args, ")")
            }
            other => self.remaining(other),
        }
    }

    fn remaining(&mut self, expr: &Expr) -> Result<()> {
        match expr {
            Expr::SqlValue { function, typmod, .. } => {
                self.push(sql_value(*function));
                if *typmod >= 0 {
                    self.push(&format!("({typmod})"));
                }
                Ok(())
            }
            Expr::NullTest { arg, is_null, row_argument, .. } => {
                self.paren("(");
                self.child(arg, false, expr)?;
                // A row tested as a whole is not what IS NULL means for rows.
                let composite = crate::coerce::pathway::is_row_type(self.session, ir::expr_type(arg))?;
                self.push(match (is_null, *row_argument || !composite) {
                    (true, true) => " IS NULL",
                    (false, true) => " IS NOT NULL",
                    (true, false) => " IS NOT DISTINCT FROM NULL",
                    (false, false) => " IS DISTINCT FROM NULL",
                });
                self.paren(")");
                Ok(())
            }
            Expr::BooleanTest { arg, test, .. } => {
                self.paren("(");
                self.child(arg, true, expr)?;
                self.push(match test {
                    BooleanTest::True => " IS TRUE",
                    BooleanTest::NotTrue => " IS NOT TRUE",
                    BooleanTest::False => " IS FALSE",
                    BooleanTest::NotFalse => " IS NOT FALSE",
                    BooleanTest::Unknown => " IS UNKNOWN",
                    BooleanTest::NotUnknown => " IS NOT UNKNOWN",
                });
                self.paren(")");
                Ok(())
            }
            Expr::CoerceToDomainValue { .. } => {
                self.push("VALUE");
                Ok(())
            }
            Expr::SetToDefault { .. } => {
                self.push("DEFAULT");
                Ok(())
            }
            Expr::CurrentOf { cursor, param, .. } => {
                let name = cursor.as_ref().map_or(format!("${param}"), |c| quote_identifier(c));
                self.push(&format!("CURRENT OF {name}"));
                Ok(())
            }
            Expr::NextValue { sequence, .. } => {
                let name = self.relation_name(*sequence)?;
                self.push(&format!("nextval({}::regclass)", super::quote_literal(&name)));
                Ok(())
            }
            Expr::MergeAction { .. } => {
                self.push("MERGE_ACTION()");
                Ok(())
            }
            Expr::Returning { arg, .. } => self.expr(arg),
            Expr::PlaceHolder(placeholder) => self.expr(&placeholder.expr),
            _ => Ok(()),
        }
    }

    /// Separates what would stand on lines of their own.
    fn blank(&mut self) {
        if !self.style.indent {
            self.push(" ");
        }
    }

    fn wrapped(&mut self, open: &str, args: &[Expr], close: &str) -> Result<()> {
        self.push(open);
        self.list(args)?;
        self.push(close);
        Ok(())
    }

    fn bool_expr(&mut self, expr: &Expr, op: BoolOp, args: &[Expr]) -> Result<()> {
        self.paren("(");
        let word = match op {
            BoolOp::And => " AND ",
            BoolOp::Or => " OR ",
            BoolOp::Not => {
                self.push("NOT ");
                ""
            }
        };
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.push(word);
            }
            self.child(arg, true, expr)?;
        }
        self.paren(")");
        Ok(())
    }

    fn coercion(
        &mut self,
        arg: &Expr,
        type_oid: Oid,
        typmod: i32,
        form: CoercionForm,
        hide: bool,
        expr: &Expr,
    ) -> Result<()> {
        if form == CoercionForm::ImplicitCast && hide {
            return self.child(arg, true, expr);
        }
        self.cast(arg, type_oid, typmod, expr)
    }

    /// `(x)::t`; a constant of the very type shows its own.
    pub(super) fn cast(&mut self, arg: &Expr, type_oid: Oid, typmod: i32, expr: &Expr) -> Result<()> {
        match arg {
            Expr::Const(constant) if constant.type_oid == type_oid && constant.typmod == -1 => {
                self.constant(constant, -1)?;
            }
            arg => {
                self.paren("(");
                self.child(arg, true, expr)?;
                self.paren(")");
            }
        }
        let name = self.type_text(type_oid, typmod)?;
        self.push(&format!("::{name}"));
        Ok(())
    }

    fn subscript(&mut self, s: &Subscript) -> Result<()> {
        let bare = matches!(*s.container, Expr::Var(_) | Expr::FieldSelect { .. });
        if !bare {
            self.push("(");
        }
        self.expr(&s.container)?;
        if !bare {
            self.push(")");
        }
        for (i, upper) in s.upper.iter().enumerate() {
            self.push("[");
            if let Some(lower) = s.lower.get(i) {
                if let Some(lower) = lower {
                    self.expr(lower)?;
                }
                self.push(":");
            }
            if let Some(upper) = upper {
                self.expr(upper)?;
            }
            self.push("]");
        }
        Ok(())
    }

    fn field_select(&mut self, arg: &Expr, field: i16) -> Result<()> {
        let bare = matches!(arg, Expr::FieldSelect { .. } | Expr::Subscript(_));
        if !bare {
            self.push("(");
        }
        self.expr(arg)?;
        if !bare {
            self.push(")");
        }
        let type_oid = self.session.base_type(ir::expr_type(arg))?.0;
        let name = match (self.session.row_type(type_oid)?, arg) {
            (Some(desc), _) => desc.attributes().get(field as usize - 1).map(|a| a.name.clone()),
            (None, Expr::Row { column_names, .. }) => column_names.get(field as usize - 1).cloned(),
            _ => None,
        };
        let name = name.unwrap_or_else(|| format!("f{field}"));
        self.push(&format!(".{}", quote_identifier(&name)));
        Ok(())
    }

    fn sublink(&mut self, link: &SubLink) -> Result<()> {
        let mut close = ")";
        match link.kind {
            SubLinkKind::Exists => self.push("(EXISTS ("),
            SubLinkKind::Array => {
                self.push("ARRAY(");
                close = "";
            }
            SubLinkKind::Expr | SubLinkKind::MultiExpr | SubLinkKind::Cte => {
                self.push("(");
                close = "";
            }
            SubLinkKind::Any | SubLinkKind::All | SubLinkKind::RowCompare => {
                self.push("(");
                self.test_side(link.test.as_deref())?;
                let name = self.test_operator(link)?;
                match link.kind {
                    SubLinkKind::Any if name == "=" => self.push(" IN ("),
                    SubLinkKind::Any => self.push(&format!(" {name} ANY (")),
                    SubLinkKind::All => self.push(&format!(" {name} ALL (")),
                    _ => self.push(&format!(" {name} (")),
                }
            }
        }
        self.query(&link.query, None, false)?;
        self.push(")");
        self.push(close);
        Ok(())
    }

    /// The first operator of a comparison with a subquery.
    fn test_operator(&self, link: &SubLink) -> Result<String> {
        let operator = match link.test.as_deref() {
            Some(Expr::Op(op)) => Some(op.operator),
            Some(Expr::Bool { args, .. }) => match args.first() {
                Some(Expr::Op(op)) => Some(op.operator),
                _ => None,
            },
            Some(Expr::RowCompare { operators, .. }) => operators.first().copied(),
            _ => None,
        };
        match operator {
            Some(operator) => self.operator_name(operator),
            None => Ok(link.operator_name.last().cloned().unwrap_or_else(|| "=".to_owned())),
        }
    }

    /// The left side of a comparison with a subquery.
    fn test_side(&mut self, test: Option<&Expr>) -> Result<()> {
        match test {
            Some(Expr::Op(op)) => self.expr(&op.args[0]),
            Some(Expr::Bool { args, .. }) => {
                let left: Vec<Expr> = args
                    .iter()
                    .filter_map(|a| match a {
                        Expr::Op(op) => op.args.first().cloned(),
                        _ => None,
                    })
                    .collect();
                self.wrapped("(", &left, ")")
            }
            Some(Expr::RowCompare { left, .. }) => self.wrapped("(", left, ")"),
            _ => Ok(()),
        }
    }
}

fn is_test_value(expr: &Expr) -> bool {
    match expr {
        Expr::CaseTest { .. } => true,
        Expr::Relabel { arg, .. } | Expr::CoerceViaIo { arg, .. } | Expr::CoerceToDomain { arg, .. } => {
            is_test_value(arg)
        }
        Expr::Func(f) => f.form == CoercionForm::ImplicitCast && f.args.first().is_some_and(is_test_value),
        _ => false,
    }
}

fn sql_value(function: SqlValueFunction) -> &'static str {
    match function {
        SqlValueFunction::CurrentDate => "CURRENT_DATE",
        SqlValueFunction::CurrentTime => "CURRENT_TIME",
        SqlValueFunction::CurrentTimestamp => "CURRENT_TIMESTAMP",
        SqlValueFunction::LocalTime => "LOCALTIME",
        SqlValueFunction::LocalTimestamp => "LOCALTIMESTAMP",
        SqlValueFunction::CurrentRole => "CURRENT_ROLE",
        SqlValueFunction::CurrentUser => "CURRENT_USER",
        SqlValueFunction::User => "USER",
        SqlValueFunction::SessionUser => "SESSION_USER",
        SqlValueFunction::CurrentCatalog => "CURRENT_CATALOG",
        SqlValueFunction::CurrentSchema => "CURRENT_SCHEMA",
    }
}
