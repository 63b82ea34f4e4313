//! Expressions and SQL statements: analysed when they are first run, with the types that variables have then; simple
//! expressions are compiled and evaluated without starting a plan.

use crate::ast::{Conflict, Function, Meaning, Slot, Type};
use crate::names;
use crate::value::Value;
use analyzer::{NamedValue, ParamTypes, ParameterNames, Precedence};
use base::{Error, Oid, Result, err};
use catalog::Session;
use commands::nested::AnalysedQuery;
use commands::pipeline::Literals;
use commands::pipeline::Purpose;
use executor::{Compiler, Eval, Inputs};
use ir::{Expr, Param, ParamKind, PlanNode, expr_collation, expr_type, expr_typmod};
use parking_lot::Mutex;
use std::sync::Arc;
use syntax::Statement;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Expression,
    /// Values with commas between.
    List,
    /// `target[i].f := value`: the new value of the whole target.
    Assignment,
    Statement,
}

/// A piece of SQL where it stands in the function.
pub struct Expression {
    pub text: String,
    names: Option<usize>,
    pub mode: Mode,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// A variable, or a field of one, that SQL reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Variable(Slot),
    Field(Slot, String),
}

/// An expression whose value needs no plan to run.
pub struct Simple {
    pub eval: Eval,
    pub of: Type,
    /// It calls functions that look at data.
    pub looks: bool,
}

pub enum Kind {
    Query(Box<AnalysedQuery>),
    Utility(Arc<Statement>),
}

/// A piece of SQL, analysed.
pub struct Ready {
    pub sources: Vec<(Source, Type)>,
    pub kind: Kind,
    pub simple: Option<Simple>,
}

impl Expression {
    pub fn new(text: String, names: Option<usize>, mode: Mode) -> Expression {
        Expression { text, names, mode, ready: Mutex::new(None) }
    }

    pub fn top(&self) -> Option<usize> {
        self.names
    }

    /// Parses it, for errors.
    ///
    /// # Errors
    /// `42601` with the place in the text.
    pub fn check(&self) -> Result<()> {
        self.parse().map(|_| ())
    }

    fn parse(&self) -> Result<Statement> {
        Ok(match self.mode {
            Mode::Expression | Mode::List => {
                Statement::Select(Box::new(syntax::parse_plpgsql_expression(&self.text)?))
            }
            Mode::Assignment => Statement::Assign(Box::new(syntax::parse_plpgsql_assignment(&self.text)?)),
            Mode::Statement => {
                let mut statements = syntax::parse(&self.text)?;
                match (statements.pop(), statements.is_empty()) {
                    (Some(statement), true) => statement.statement,
                    _ => return Err(err!(SYNTAX_ERROR, "query \"{}\" is not one statement", self.text)),
                }
            }
        })
    }

    /// An error of this piece of SQL, with where it is.
    pub fn located(&self, mut error: Error) -> Error {
        let data = error.data_mut();
        if let Some(position) = data.position.take() {
            data.internal_position = Some(position);
            data.internal_query = Some(self.text.clone());
            return error;
        }
        if data.internal_query.is_some() && data.context.is_empty() {
            return error;
        }
        let word = match self.mode {
            Mode::Expression | Mode::List => "PL/pgSQL expression",
            Mode::Assignment => "PL/pgSQL assignment",
            Mode::Statement => "SQL statement",
        };
        error.context(format!("{word} \"{}\"", self.text))
    }

    /// The analysed form, made anew when the catalogs or the types of what it reads have changed.
    ///
    /// # Errors
    /// Those of parsing and analysis.
    pub fn ready(&self, session: &Arc<Session>, function: &Function, values: &[Value]) -> Result<Arc<Ready>> {
        if let Some(ready) = &*self.ready.lock()
            && ready.is_current(session, function, values)?
        {
            return Ok(ready.clone());
        }
        let made = Arc::new(self.make(session, function, values)?);
        *self.ready.lock() = Some(made.clone());
        Ok(made)
    }

    fn make(&self, session: &Arc<Session>, function: &Function, values: &[Value]) -> Result<Ready> {
        let statement = self.parse()?;
        let resolver = Resolver { session, function, values, top: self.names, sources: Mutex::default() };
        if !is_query(&statement) {
            return Ok(Ready { sources: Vec::new(), kind: Kind::Utility(Arc::new(statement)), simple: None });
        }
        let mut params = ParamTypes::none();
        let query =
            analyzer::analyze_body(session, &Literals, &statement, &self.text, &mut params, &resolver)?;
        let looks_simple = query.is_one_expression();
        let query = AnalysedQuery::new(session, query)?;
        let simple = if looks_simple { compile(session, &query)? } else { None };
        Ok(Ready { sources: resolver.sources.into_inner(), kind: Kind::Query(Box::new(query)), simple })
    }

    /// What names in a command mean that is not analysed itself.
    pub fn resolver<'r>(
        &self,
        session: &'r Arc<Session>,
        function: &'r Function,
        values: &'r [Value],
    ) -> Resolver<'r> {
        Resolver { session, function, values, top: self.names, sources: Mutex::default() }
    }
}

fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Select(select) => match &select.body {
            syntax::SelectBody::Select(simple) => simple.into.is_none(),
            _ => true,
        },
        Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => true,
        Statement::Assign(_) => true,
        _ => false,
    }
}

fn compile(session: &Arc<Session>, query: &AnalysedQuery) -> Result<Option<Simple>> {
    let Some(plans) = query.locked_plans(session, &[], Purpose::Pieces)? else { return Ok(None) };
    let [prepared] = &plans[..] else { return Ok(None) };
    let plan = &prepared.plan.plan;
    let bare = matches!(&plan.node, PlanNode::Result { constant_qual } if constant_qual.is_empty())
        && plan.left.is_none()
        && plan.qual.is_empty()
        && plan.init_plans.is_empty()
        && prepared.plan.subplans.is_empty();
    let (true, [target]) = (bare, &plan.target_list[..]) else { return Ok(None) };
    let expr = &target.expr;
    Ok(Some(Simple {
        eval: Compiler::new(session, Inputs::None).compile(expr)?,
        of: Type { oid: expr_type(expr), typmod: expr_typmod(expr), collation: expr_collation(expr) },
        looks: commands::is_mutable(session, expr)?,
    }))
}

impl Ready {
    fn is_current(&self, session: &Arc<Session>, function: &Function, values: &[Value]) -> Result<bool> {
        let Kind::Query(query) = &self.kind else { return Ok(true) };
        if !query.is_current(session)? {
            return Ok(false);
        }
        for (source, of) in &self.sources {
            let same = match source {
                Source::Variable(slot) => match &values[*slot] {
                    Value::Scalar(_) => true,
                    Value::Record(_) | Value::Typed(..) => {
                        whole_type(session, function, *slot, values)? == *of
                    }
                },
                Source::Field(slot, name) => field_type(session, function, *slot, name, values)? == Some(*of),
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The type of a variable as a whole; of a record without one, that of what it holds.
fn whole_type(session: &Session, function: &Function, slot: Slot, values: &[Value]) -> Result<Type> {
    use crate::ast::VariableKind as V;
    const RECORD: Oid = Oid(2249);
    let plain = |oid| Type { oid, typmod: -1, collation: Oid(0) };
    if let Some(Value::Typed(_, of)) = values.get(slot) {
        return Ok(*of);
    }
    Ok(match &function.variables[slot].kind {
        V::Scalar(of) => *of,
        V::Record(Some(oid)) => plain(*oid),
        V::Record(None) | V::Row(_) => match values.get(slot) {
            Some(Value::Record(Some(record))) => {
                let oid = record.desc.type_oid;
                let typmod =
                    if oid == RECORD { session.instance().records.typmod_of(&record.desc) } else { -1 };
                Type { typmod, ..plain(oid) }
            }
            _ => plain(RECORD),
        },
    })
}

fn field_type(
    session: &Session,
    function: &Function,
    slot: Slot,
    name: &str,
    values: &[Value],
) -> Result<Option<Type>> {
    let Some(desc) = crate::value::descriptor(session, function, slot, values)? else { return Ok(None) };
    Ok(desc.position(name).map(|at| {
        let attribute = &desc.attributes()[at];
        Type { oid: attribute.type_oid, typmod: attribute.typmod, collation: attribute.collation }
    }))
}

/// What names mean in one piece of SQL, and which variables were asked for.
pub struct Resolver<'r> {
    session: &'r Arc<Session>,
    function: &'r Function,
    values: &'r [Value],
    top: Option<usize>,
    sources: Mutex<Vec<(Source, Type)>>,
}

impl Resolver<'_> {
    /// The variables that were asked for, in the order of their numbers.
    pub fn into_sources(self) -> Vec<(Source, Type)> {
        self.sources.into_inner()
    }

    fn param(&self, source: Source, of: Type) -> Expr {
        let mut sources = self.sources.lock();
        let known = sources.iter().position(|(s, _)| *s == source);
        let at = known.unwrap_or_else(|| {
            sources.push((source, of));
            sources.len() - 1
        });
        Expr::Param(Param {
            kind: ParamKind::External,
            id: at + 1,
            type_oid: of.oid,
            typmod: of.typmod,
            collation: of.collation,
            location: None,
        })
    }
}

impl ParameterNames for Resolver<'_> {
    fn precedence(&self) -> Precedence {
        match self.function.conflict {
            Conflict::Error => Precedence::Neither,
            Conflict::Variable => Precedence::Variables,
            Conflict::Column => Precedence::Columns,
        }
    }

    fn resolve(&self, parts: &[String], star: bool, required: bool) -> Result<Option<NamedValue>> {
        let Some((meaning, used)) = names::find(&self.function.names, self.top, parts) else {
            return Ok(None);
        };
        let whole = |slot| whole_type(self.session, self.function, slot, self.values);
        match meaning {
            Meaning::Scalar(slot) => {
                if used < parts.len() || star {
                    return Ok(None);
                }
                let expr = self.param(Source::Variable(slot), whole(slot)?);
                Ok(Some(NamedValue { expr, parts: used }))
            }
            Meaning::Record(slot) if used == parts.len() => {
                let expr = self.param(Source::Variable(slot), whole(slot)?);
                Ok(Some(NamedValue { expr, parts: used }))
            }
            Meaning::Record(slot) => {
                let name = &parts[used];
                let variable = &self.function.variables[slot].name;
                match field_type(self.session, self.function, slot, name, self.values)? {
                    Some(of) => {
                        let expr = self.param(Source::Field(slot, name.clone()), of);
                        Ok(Some(NamedValue { expr, parts: used + 1 }))
                    }
                    None if !required => Ok(None),
                    None => Err(crate::value::missing_field(
                        self.session,
                        self.function,
                        slot,
                        variable,
                        name,
                        self.values,
                    )),
                }
            }
            Meaning::Label { .. } => Ok(None),
        }
    }

    fn numbered(&self, number: i32) -> Result<Option<Expr>> {
        let name = [format!("${number}")];
        Ok(self.resolve(&name, false, true)?.map(|found| found.expr))
    }
}
