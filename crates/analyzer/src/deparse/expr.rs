//! Expressions.

use super::Printer;
use super::quote_identifier;
use base::{Oid, Result, bail};
use ir::{
    BoolOp, BooleanTest, CoercionForm, Expr, RowCompareOp, SqlValueFunction, SubLink, SubLinkKind, Subscript,
};

const MAX_DEPTH: usize = 3000;

impl Printer<'_> {
    /// An expression without the implicit casts at its top, as conditions are shown.
    pub(super) fn plain(&mut self, expr: &Expr) -> Result<()> {
        self.hide_implicit = true;
        self.expr(expr)
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
                let text = self.var_text(var)?;
                self.push(&text);
                Ok(())
            }
            Expr::Const(constant) => self.constant(constant, 0),
            Expr::Param(param) => {
                self.push(&format!("${}", param.id));
                Ok(())
            }
            Expr::Aggref(call) => self.aggregate(call),
            Expr::Grouping { args, .. } => self.wrapped("GROUPING(", args, ")"),
            Expr::WindowFunc(call) => self.window_function(call),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Func(call) => self.function(call, hide),
            Expr::NamedArg { arg, name, .. } => {
                self.push(&format!("{} => ", quote_identifier(name)));
                self.expr(arg)
            }
            Expr::Op(op) => self.operator(op),
            Expr::Distinct(op) => self.infix(&op.args[0], " IS DISTINCT FROM ", &op.args[1]),
            Expr::NullIf(op) => self.wrapped("NULLIF(", &op.args, ")"),
            Expr::ScalarArrayOp(op) => {
                let name = self.operator_name(op.operator)?;
                let word = if op.use_or { "ANY" } else { "ALL" };
                self.push("(");
                self.expr(&op.args[0])?;
                self.push(&format!(" {name} {word} ("));
                self.expr(&op.args[1])?;
                // A scalar subquery would be taken for ANY (SELECT ...): a cast tells them apart.
                if matches!(&op.args[1], Expr::SubLink(link) if link.kind == SubLinkKind::Expr) {
                    let name = self.type_text(ir::expr_type(&op.args[1]), -1)?;
                    self.push(&format!("::{name}"));
                }
                self.push("))");
                Ok(())
            }
            Expr::Bool { op, args, .. } => self.bool_expr(*op, args),
            Expr::SubLink(link) => self.sublink(link),
            Expr::SubPlan(plan) => {
                self.push(&format!("({})", plan.name));
                Ok(())
            }
            Expr::FieldSelect { arg, field, .. } => self.field_select(arg, *field),
            Expr::FieldStore { arg, .. } => self.expr(arg),
            Expr::Relabel { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide)
            }
            Expr::CoerceViaIo { arg, result_type, form, .. } => {
                self.coercion(arg, *result_type, -1, *form, hide)
            }
            Expr::ArrayCoerce { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide)
            }
            Expr::ConvertRowtype { arg, result_type, form, .. } => {
                self.coercion(arg, *result_type, -1, *form, hide)
            }
            Expr::CoerceToDomain { arg, result_type, typmod, form, .. } => {
                self.coercion(arg, *result_type, *typmod, *form, hide)
            }
            Expr::Collate { arg, collation, .. } => {
                let name = self.collation_text(*collation)?;
                self.push("(");
                self.expr(arg)?;
                self.push(&format!(" COLLATE {name})"));
                Ok(())
            }
            other => self.construct(other),
        }
    }

    fn construct(&mut self, expr: &Expr) -> Result<()> {
        match expr {
            Expr::Case { arg, whens, default, .. } => {
                self.push("CASE");
                if let Some(arg) = arg {
                    self.push(" ");
                    self.expr(arg)?;
                }
                let outer = self.indent;
                self.indent += 4;
                for when in whens {
                    self.line();
                    self.push("WHEN ");
                    match (&when.condition, arg) {
                        // The test value stands implicitly on the left.
                        (Expr::Op(op), Some(_)) if op.args.len() == 2 && is_test_value(&op.args[0]) => {
                            self.expr(&op.args[1])?;
                        }
                        (condition, _) => self.plain(condition)?,
                    }
                    self.push(" THEN ");
                    self.expr(&when.result)?;
                }
                self.line();
                self.push("ELSE ");
                match default {
                    Some(default) => self.expr(default)?,
                    None => self.push("NULL"),
                }
                self.indent = outer;
                self.line();
                self.push("END");
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
                self.push("(");
                self.expr(arg)?;
                // A row tested as a whole is not what IS NULL means for rows.
                let composite = crate::coerce::pathway::is_row_type(self.session, ir::expr_type(arg))?;
                self.push(match (is_null, *row_argument || !composite) {
                    (true, true) => " IS NULL)",
                    (false, true) => " IS NOT NULL)",
                    (true, false) => " IS NOT DISTINCT FROM NULL)",
                    (false, false) => " IS DISTINCT FROM NULL)",
                });
                Ok(())
            }
            Expr::BooleanTest { arg, test, .. } => {
                self.push("(");
                self.plain(arg)?;
                self.push(match test {
                    BooleanTest::True => " IS TRUE)",
                    BooleanTest::NotTrue => " IS NOT TRUE)",
                    BooleanTest::False => " IS FALSE)",
                    BooleanTest::NotFalse => " IS NOT FALSE)",
                    BooleanTest::Unknown => " IS UNKNOWN)",
                    BooleanTest::NotUnknown => " IS NOT UNKNOWN)",
                });
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

    /// In queries constructs go over several lines; in expressions alone a blank separates.
    pub(super) fn line(&mut self) {
        if self.levels.is_empty() {
            self.push(" ");
            return;
        }
        let blanks = " ".repeat(self.indent.min(40));
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.push("\n");
        self.push(&blanks);
    }

    fn wrapped(&mut self, open: &str, args: &[Expr], close: &str) -> Result<()> {
        self.push(open);
        self.list(args)?;
        self.push(close);
        Ok(())
    }

    fn infix(&mut self, left: &Expr, middle: &str, right: &Expr) -> Result<()> {
        self.push("(");
        self.expr(left)?;
        self.push(middle);
        self.expr(right)?;
        self.push(")");
        Ok(())
    }

    fn bool_expr(&mut self, op: BoolOp, args: &[Expr]) -> Result<()> {
        if op == BoolOp::Not {
            self.push("(NOT ");
            args.iter().try_for_each(|arg| self.plain(arg))?;
            self.push(")");
            return Ok(());
        }
        let word = if op == BoolOp::And { " AND " } else { " OR " };
        self.push("(");
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.push(word);
            }
            self.plain(arg)?;
        }
        self.push(")");
        Ok(())
    }

    fn coercion(
        &mut self,
        arg: &Expr,
        type_oid: Oid,
        typmod: i32,
        form: CoercionForm,
        hide: bool,
    ) -> Result<()> {
        if form == CoercionForm::ImplicitCast && hide {
            return self.plain(arg);
        }
        self.cast(arg, type_oid, typmod)
    }

    /// `(x)::t`; a constant of the very type shows its own.
    pub(super) fn cast(&mut self, arg: &Expr, type_oid: Oid, typmod: i32) -> Result<()> {
        match arg {
            Expr::Const(constant) if constant.type_oid == type_oid && constant.typmod == -1 => {
                self.constant(constant, -1)?;
            }
            arg => {
                self.push("(");
                self.plain(arg)?;
                self.push(")");
            }
        }
        let name = self.type_text(type_oid, typmod)?;
        self.push(&format!("::{name}"));
        Ok(())
    }

    fn subscript(&mut self, s: &Subscript) -> Result<()> {
        let bare = matches!(*s.container, Expr::Var(_) | Expr::Param(_));
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
                let name = link.operator_name.last().map_or("=", String::as_str).to_owned();
                match link.kind {
                    SubLinkKind::Any if name == "=" => self.push(" IN ("),
                    SubLinkKind::Any => self.push(&format!(" {name} ANY (")),
                    SubLinkKind::All => self.push(&format!(" {name} ALL (")),
                    _ => self.push(&format!(" {name} (")),
                }
            }
        }
        self.subquery(&link.query)?;
        self.push(")");
        self.push(close);
        Ok(())
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
