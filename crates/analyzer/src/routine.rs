//! Statements inside functions: names of parameters and variables beside those of columns, and the result of an SQL
//! function's last statement brought into the form that the function returns.

use crate::coerce::{CoercionContext, make_const};
use crate::params::ParamTypes;
use crate::state::Analyzer;
use crate::types::{RECORD, VOID};
use crate::{ConstantInput, finish_params};
use base::{Error, Oid, Result, SqlState, err};
use catalog::Session;
use datum::TupleDesc;
use ir::{
    Alias, CoercionForm, CommandType, Expr, FromExpr, JoinNode, Query, RangeTableEntry, RangeTableKind,
    TargetEntry, Var, VarSource, expr_collation, expr_type, expr_typmod,
};
use std::sync::Arc;
use syntax::Statement;

/// Who wins where a name could be a column as well as a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    Columns,
    Variables,
    /// Nobody: the reference is ambiguous.
    Neither,
}

/// What a dotted name stands for.
pub struct NamedValue {
    pub expr: Expr,
    /// How many parts of the name it takes; the others are fields of it.
    pub parts: usize,
}

/// Names that statements inside a function may use besides those of columns.
pub trait ParameterNames {
    fn precedence(&self) -> Precedence {
        Precedence::Columns
    }

    /// The parameter or variable of this name, if there is one. `star`: the name goes on with `.*`. `required`: no
    /// column has the name, so that a variable without such a field is an error.
    ///
    /// # Errors
    /// `42703` for a missing field.
    fn resolve(&self, names: &[String], star: bool, required: bool) -> Result<Option<NamedValue>>;

    /// What `$n` stands for, where the function has a say in that.
    ///
    /// # Errors
    /// `42P02`.
    fn numbered(&self, _: i32) -> Result<Option<Expr>> {
        Ok(None)
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(
        error.state(),
        SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_TABLE | SqlState::INVALID_COLUMN_REFERENCE
    )
}

impl Analyzer<'_> {
    /// A parameter or variable under this name, if there is one.
    pub(crate) fn named_value(
        &mut self,
        names: &[String],
        star: bool,
        required: bool,
        location: usize,
    ) -> Result<Option<Expr>> {
        let Some(known) = self.names else { return Ok(None) };
        let found = known.resolve(names, star, required).map_err(|e| e.or_at(Some(location)))?;
        let Some(NamedValue { mut expr, parts }) = found else { return Ok(None) };
        if let Expr::Param(param) = &mut expr {
            param.location = Some(location);
        }
        for name in &names[parts.min(names.len())..] {
            match self.field_select(&expr, name, Some(location))? {
                Some(field) => expr = field,
                None if required => return self.field(expr, name, location).map(Some),
                None => return Ok(None),
            }
        }
        Ok(Some(expr))
    }

    /// Settles between a column of the name, as `column` finds it, and a parameter or variable.
    pub(crate) fn with_names(
        &mut self,
        names: &[String],
        star: bool,
        location: usize,
        column: impl FnOnce(&mut Self) -> Result<Expr>,
    ) -> Result<Expr> {
        let Some(known) = self.names else { return column(self) };
        let precedence = known.precedence();
        if precedence == Precedence::Variables
            && let Some(value) = self.named_value(names, star, false, location)?
        {
            return Ok(value);
        }
        match column(self) {
            Ok(found) if precedence == Precedence::Neither => {
                match self.named_value(names, star, false, location)? {
                    None => Ok(found),
                    Some(_) => {
                        let shown = names.join(".");
                        Err(err!(AMBIGUOUS_COLUMN, "column reference \"{shown}\" is ambiguous")
                            .detail("It could refer to either a PL/pgSQL variable or a table column.")
                            .at(location))
                    }
                }
            }
            Err(error) if is_missing(&error) => match self.named_value(names, star, true, location)? {
                Some(value) => Ok(value),
                None => Err(error),
            },
            other => other,
        }
    }

    /// `name.*` where the name is a parameter's or variable's.
    pub(crate) fn star_of_name(
        &mut self,
        names: &[String],
        location: usize,
        missing: Error,
    ) -> Result<Vec<(String, Expr)>> {
        match self.named_value(names, true, true, location)? {
            Some(value) => self.expand_row(value),
            None => Err(missing),
        }
    }
}

/// Analyses a statement inside a function.
///
/// # Errors
/// Those of analysis, with positions into `sql`.
pub fn analyze_body(
    session: &Session,
    input: &dyn ConstantInput,
    statement: &Statement,
    sql: &str,
    params: &mut ParamTypes,
    names: &dyn ParameterNames,
) -> Result<Query> {
    let mut analyzer = Analyzer::new(session, input, sql, params);
    analyzer.names = Some(names);
    let query = match statement {
        Statement::Return(expr) => analyzer.return_statement(expr)?,
        Statement::Assign(assign) => analyzer.assign_statement(assign)?,
        other => analyzer.plannable(other)?,
    };
    finish_params(&analyzer, &query)?;
    Ok(query)
}

/// `$1` of one type brought to another: by assignment cast, or through the types' text forms where there is none.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn cast_of_param(
    session: &Session,
    input: &dyn ConstantInput,
    from: (Oid, i32),
    to: (Oid, i32),
) -> Result<Expr> {
    let mut params = ParamTypes::fixed(vec![from.0]);
    let mut analyzer = Analyzer::new(session, input, "", &mut params);
    let param = Expr::Param(ir::Param {
        kind: ir::ParamKind::External,
        id: 1,
        type_oid: from.0,
        typmod: from.1,
        collation: session.type_collation(from.0)?,
        location: None,
    });
    let form = CoercionForm::ImplicitCast;
    let context = CoercionContext::Assignment;
    let cast = analyzer.coerce_to_target(param.clone(), from.0, to.0, to.1, context, form, None)?;
    let mut expr = match cast {
        Some(expr) => expr,
        None => {
            let (base, base_typmod) = session.base_type(to.0)?;
            let through = Expr::CoerceViaIo {
                arg: Box::new(param),
                result_type: base,
                collation: Oid::INVALID,
                form,
                location: None,
            };
            let typmod = if base == to.0 { to.1 } else { base_typmod };
            let cast = analyzer.coerce_to_target(through.clone(), base, to.0, typmod, context, form, None)?;
            cast.unwrap_or(through)
        }
    };
    analyzer.assign_collations(&mut expr)?;
    Ok(expr)
}

/// The procedure that a CALL means, and its arguments: those for results included, defaults filled in.
///
/// # Errors
/// `42883`, `42725`, `42809` and those of the arguments.
pub fn analyze_call(
    session: &Session,
    input: &dyn ConstantInput,
    call: &syntax::FunctionCall,
    sql: &str,
    params: &mut ParamTypes,
    names: Option<&dyn ParameterNames>,
) -> Result<(Oid, Vec<Expr>)> {
    let mut analyzer = Analyzer::new(session, input, sql, params);
    analyzer.names = names;
    let kind = crate::ExprKind::CallArgument;
    let mut expr = analyzer.in_kind(kind, |a| a.function_call(call, true))?;
    analyzer.assign_collations(&mut expr)?;
    match expr {
        Expr::Func(call) => Ok((call.function, call.args)),
        _ => Err(Error::internal("a CALL of something else than a procedure")),
    }
}

/// What an SQL function returns.
pub struct Returned<'r> {
    pub type_oid: Oid,
    /// The columns, where they are known.
    pub desc: Option<&'r Arc<TupleDesc>>,
    pub procedure: bool,
    /// Dropped columns of the row type get NULLs in the target list.
    pub with_dropped: bool,
}

fn mismatch(session: &Session, returned: Oid, detail: &str) -> Error {
    let name = session.format_type(returned, None).unwrap_or_default();
    err!(INVALID_FUNCTION_DEFINITION, "return type mismatch in function declared to return {name}")
        .detail(detail)
}

/// Target entries above the query, used if something in them is more than a column of it.
#[derive(Default)]
struct Upper {
    list: Vec<TargetEntry>,
    needed: bool,
}

/// Brings the columns of an SQL function's last query to what the function returns. True if they are the columns of a
/// row, false if there is one column that is the value.
///
/// # Errors
/// `42P13` `return type mismatch in function declared to return integer`.
pub fn fit_result(
    session: &Session,
    input: &dyn ConstantInput,
    queries: &mut [Query],
    returned: &Returned<'_>,
) -> Result<bool> {
    if returned.type_oid == VOID {
        return Ok(false);
    }
    let query = queries.iter_mut().rfind(|q| q.can_set_tag);
    let query = query.filter(|q| match q.command {
        CommandType::Select => true,
        CommandType::Utility => false,
        _ => !q.returning.is_empty(),
    });
    let Some(query) = query else {
        let detail = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE/MERGE RETURNING.";
        return Err(mismatch(session, returned.type_oid, detail));
    };
    let mut params = ParamTypes::none();
    let mut analyzer = Analyzer::new(session, input, "", &mut params);
    let mut upper = Upper::default();
    let as_row = analyzer.fit_columns(query, returned, &mut upper)?;
    if upper.needed {
        let inner = std::mem::take(query);
        *query = over(inner, upper.list);
    }
    Ok(as_row)
}

/// `SELECT list FROM (query)`.
fn over(inner: Query, list: Vec<TargetEntry>) -> Query {
    let names = ir::visible_targets(&inner.target_list).map(|t| t.name.clone().unwrap_or_default()).collect();
    let alias = Alias { name: "*SELECT*".to_owned(), columns: names };
    let entry = RangeTableEntry {
        alias: Some(alias.clone()),
        eref: alias,
        lateral: false,
        in_from: true,
        security_quals: Vec::new(),
        kind: RangeTableKind::Subquery {
            security_barrier: false,
            view: None,
            permission: 0,
            query: Box::new(inner),
        },
    };
    Query {
        command: CommandType::Select,
        can_set_tag: true,
        range_table: vec![entry],
        join_tree: FromExpr { items: vec![JoinNode::Relation(1)], quals: None },
        target_list: list,
        ..Query::default()
    }
}

impl Analyzer<'_> {
    fn fit_columns(&mut self, query: &mut Query, returned: &Returned<'_>, upper: &mut Upper) -> Result<bool> {
        let session = self.session;
        let select = query.command == CommandType::Select;
        let modifiable = !select || query.set_operations.is_none();
        let list = if select { &mut query.target_list } else { &mut query.returning };
        let columns = list.iter().filter(|t| !t.junk).count();
        let wanted = returned.type_oid;
        let kind = session.type_row(wanted)?.typtype as u8;
        match kind {
            b'b' | b'd' | b'e' | b'r' | b'm' => {
                if columns != 1 {
                    let detail = "Final statement must return exactly one column.";
                    return Err(mismatch(session, wanted, detail));
                }
                if !self.fit_column(&mut list[0], wanted, -1, modifiable, upper)? {
                    let actual = session.format_type(expr_type(&list[0].expr), None)?;
                    return Err(mismatch(session, wanted, &format!("Actual return type is {actual}.")));
                }
                return Ok(false);
            }
            b'c' => {}
            _ if wanted == RECORD => {}
            _ => {
                let name = session.format_type(wanted, None)?;
                return Err(err!(
                    INVALID_FUNCTION_DEFINITION,
                    "return type {name} is not supported for SQL functions"
                ));
            }
        }
        // A single column may be the whole row.
        if columns == 1
            && !returned.procedure
            && self.fit_column(&mut list[0], wanted, -1, modifiable, upper)?
        {
            return Ok(false);
        }
        let Some(desc) = returned.desc else { return Ok(true) };
        let mut attributes = desc.attributes().iter();
        let mut place = 0;
        for target in list.iter_mut().filter(|t| !t.junk) {
            let attribute = loop {
                match attributes.next() {
                    None => {
                        let detail = "Final statement returns too many columns.";
                        return Err(mismatch(session, wanted, detail));
                    }
                    Some(dropped) if dropped.dropped => self.add_dropped(returned, upper)?,
                    Some(live) => break live,
                }
            };
            place += 1;
            if !self.fit_column(target, attribute.type_oid, attribute.typmod, modifiable, upper)? {
                let actual = session.format_type(expr_type(&target.expr), None)?;
                let expected = session.format_type(attribute.type_oid, None)?;
                let detail =
                    format!("Final statement returns {actual} instead of {expected} at column {place}.");
                return Err(mismatch(session, wanted, &detail));
            }
        }
        for attribute in attributes {
            if !attribute.dropped {
                return Err(mismatch(session, wanted, "Final statement returns too few columns."));
            }
            self.add_dropped(returned, upper)?;
        }
        Ok(true)
    }

    fn add_dropped(&mut self, returned: &Returned<'_>, upper: &mut Upper) -> Result<()> {
        if returned.with_dropped {
            let null = make_const(self, crate::types::INT4, -1, None, None)?;
            let number = upper.list.len() as i16 + 1;
            upper.list.push(TargetEntry::new(null, number, None));
            upper.needed = true;
        }
        Ok(())
    }

    /// Coerces one column; false if that is not possible.
    fn fit_column(
        &mut self,
        target: &mut TargetEntry,
        type_oid: Oid,
        typmod: i32,
        modifiable: bool,
        upper: &mut Upper,
    ) -> Result<bool> {
        let (context, form) = (CoercionContext::Assignment, CoercionForm::ImplicitCast);
        let in_place = modifiable && target.sort_group_ref == 0;
        let source = if in_place { target.expr.clone() } else { column_of(target) };
        let source_type = expr_type(&source);
        let coerced =
            self.coerce_to_target(source.clone(), source_type, type_oid, typmod, context, form, None)?;
        let Some(mut coerced) = coerced else { return Ok(false) };
        self.assign_collations(&mut coerced)?;
        let shown = if in_place {
            target.expr = coerced;
            column_of(target)
        } else {
            upper.needed |= coerced != source;
            coerced
        };
        let number = upper.list.len() as i16 + 1;
        upper.list.push(TargetEntry::new(shown, number, target.name.clone()));
        Ok(true)
    }

    /// `target.field[i] := value`: a query for the new value of the whole target.
    fn assign_statement(&mut self, assign: &syntax::AssignStatement) -> Result<Query> {
        let at = assign.location;
        let mut names = vec![assign.name.clone()];
        let fields = assign.indirection.iter().map_while(|step| match step {
            syntax::Indirection::Field { name, .. } => Some(name.clone()),
            _ => None,
        });
        names.extend(fields);
        let known = self.names.ok_or_else(|| Error::internal("an assignment outside of a function"))?;
        let Some(found) = known.resolve(&names, false, true)? else {
            return Err(err!(SYNTAX_ERROR, "\"{}\" is not a known variable", names.join(".")).at(at));
        };
        let mut query = self.select(&assign.value)?;
        let columns = query.target_list.iter().filter(|t| !t.junk).count();
        if columns != 1 {
            return Err(err!(SYNTAX_ERROR, "assignment source returned {columns} columns").at(at));
        }
        let target = &mut query.target_list[0];
        let value = std::mem::replace(&mut target.expr, Expr::MergeAction { location: None });
        let steps = &assign.indirection[found.parts - 1..];
        target.expr = self.assign_steps(found.expr, &names[found.parts - 1], steps, value, at)?;
        self.assign_query_collations(&mut query)?;
        Ok(query)
    }

    fn return_statement(&mut self, expr: &syntax::Expr) -> Result<Query> {
        let value = self.expr_in(expr, crate::ExprKind::SelectTarget)?;
        let number = self.take_number();
        let mut list = vec![TargetEntry::new(value, number, None)];
        self.settle_unknown_targets(&mut list)?;
        let mut query =
            Query { command: CommandType::Select, is_return: true, target_list: list, ..Query::default() };
        self.finish_query(&mut query)?;
        Ok(query)
    }
}

/// The entry as a column of the subquery that it is in.
fn column_of(target: &TargetEntry) -> Expr {
    Expr::Var(Var {
        source: VarSource::Relation(1),
        attribute: target.number,
        type_oid: expr_type(&target.expr),
        typmod: expr_typmod(&target.expr),
        collation: expr_collation(&target.expr),
        nulling: ir::RelSet::new(),
        levels_up: 0,
        returning: ir::Returning::Default,
        syntactic: (1, target.number),
        location: None,
    })
}
