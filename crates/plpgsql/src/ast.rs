//! A function as it is run: its variables, names and statements.

use crate::expression::Expression;
use base::{Oid, SqlState};
use std::sync::Arc;

/// A place among a function's variables.
pub type Slot = usize;

pub struct Variable {
    pub name: String,
    pub kind: VariableKind,
    pub constant: bool,
    pub not_null: bool,
    pub default: Option<Expression>,
    /// Line of its declaration; 0 for those that are not declared.
    pub line: u32,
}

pub enum VariableKind {
    Scalar(Type),
    /// A row: of a composite type, or of whatever is assigned to it.
    Record(Option<Oid>),
    /// Several variables side by side, as INTO lists them.
    Row(Vec<Target>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    pub oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
}

/// A cursor's query and parameters, known for bound cursor variables.
pub struct Cursor {
    pub query: Expression,
    pub scroll: Option<bool>,
    /// The row of its parameters.
    pub parameters: Vec<(String, Slot)>,
}

/// What a statement stores into.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Variable(Slot),
    Field(Slot, String),
}

/// What a name means from its declaration on; `parent` is what was declared before.
pub struct Name {
    pub text: String,
    pub meaning: Meaning,
    pub parent: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The start of a block or loop, under its label ("" without one).
    Label {
        is_loop: bool,
    },
    Scalar(Slot),
    Record(Slot),
}

pub struct Statement {
    pub line: u32,
    pub kind: StatementKind,
}

pub type Body = Vec<Statement>;

pub struct Block {
    pub label: Option<String>,
    /// Variables to set when it is entered.
    pub variables: Vec<Slot>,
    pub body: Body,
    pub handlers: Option<Box<Handlers>>,
}

pub struct Handlers {
    pub sqlstate: Slot,
    pub sqlerrm: Slot,
    pub list: Vec<Handler>,
}

pub struct Handler {
    pub conditions: Vec<Condition>,
    pub body: Body,
}

pub enum Condition {
    /// OTHERS
    Any,
    State(SqlState),
}

impl Condition {
    /// Whether an error of this state is caught. A code that ends in 000 stands for its class.
    pub fn covers(&self, state: SqlState) -> bool {
        match self {
            Condition::Any => state != SqlState::QUERY_CANCELED && state != SqlState::ASSERT_FAILURE,
            Condition::State(wanted) => {
                *wanted == state || (wanted.code().ends_with("000") && wanted.class() == state.class())
            }
        }
    }
}

/// Where FOR gets its rows from.
pub enum LoopQuery {
    Static(Expression),
    Dynamic { query: Expression, using: Vec<Expression> },
    Cursor { variable: Slot, arguments: Option<Expression> },
}

pub enum Open {
    /// A bound cursor.
    Bound {
        arguments: Option<Expression>,
    },
    Query {
        query: Expression,
        scroll: Option<bool>,
    },
    Execute {
        query: Expression,
        using: Vec<Expression>,
        scroll: Option<bool>,
    },
}

/// INTO.
pub struct Into {
    pub target: Target,
    pub strict: bool,
}

pub struct Raise {
    pub level: Level,
    /// A condition's name or SQLSTATE.
    pub condition: Option<(String, SqlState)>,
    pub message: Option<String>,
    pub arguments: Vec<Expression>,
    pub options: Vec<(RaiseOption, Expression)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Debug,
    Log,
    Info,
    Notice,
    Warning,
    Exception,
    /// RAISE alone: the error being handled again.
    Again,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RaiseOption {
    Errcode,
    Message,
    Detail,
    Hint,
    Column,
    Constraint,
    Datatype,
    Table,
    Schema,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Diagnostic {
    RowCount,
    RoutineOid,
    Context,
    ErrorContext,
    ErrorDetail,
    ErrorHint,
    ReturnedSqlstate,
    ColumnName,
    ConstraintName,
    DatatypeName,
    MessageText,
    TableName,
    SchemaName,
}

pub enum StatementKind {
    Block(Block),
    Assign {
        target: Target,
        value: Expression,
    },
    /// An assignment to an element or a field of a field: an expression for the variable's new value.
    AssignPart {
        target: Target,
        value: Expression,
    },
    If {
        arms: Vec<(Expression, Body)>,
        otherwise: Body,
    },
    Case {
        value: Option<(Expression, Slot)>,
        arms: Vec<(Expression, Body, u32)>,
        otherwise: Option<Body>,
    },
    Loop {
        label: Option<String>,
        body: Body,
    },
    While {
        label: Option<String>,
        condition: Expression,
        body: Body,
    },
    ForInteger {
        label: Option<String>,
        variable: Slot,
        from: Expression,
        to: Expression,
        step: Option<Expression>,
        reverse: bool,
        body: Body,
    },
    ForQuery {
        label: Option<String>,
        target: Target,
        query: LoopQuery,
        body: Body,
    },
    ForEach {
        label: Option<String>,
        target: Target,
        slice: usize,
        array: Expression,
        body: Body,
    },
    Exit {
        is_exit: bool,
        label: Option<String>,
        condition: Option<Expression>,
    },
    Return(Option<Expression>),
    ReturnNext(Option<Expression>),
    ReturnQuery(Expression),
    ReturnExecute {
        query: Expression,
        using: Vec<Expression>,
    },
    Raise(Box<Raise>),
    Assert {
        condition: Expression,
        message: Option<Expression>,
    },
    Sql {
        query: Expression,
        into: Option<Into>,
    },
    Execute {
        query: Expression,
        into: Option<Into>,
        using: Vec<Expression>,
    },
    Perform(Expression),
    Call {
        query: Expression,
        is_do: bool,
    },
    GetDiagnostics {
        stacked: bool,
        items: Vec<(Diagnostic, Target)>,
    },
    Open {
        variable: Slot,
        how: Open,
    },
    Fetch {
        variable: Slot,
        into: Option<Target>,
        direction: Direction,
        is_move: bool,
    },
    Close(Slot),
    Commit {
        rollback: bool,
        chain: bool,
    },
    Null,
}

pub struct Direction {
    pub kind: syntax::FetchDirection,
    /// Counts are 1 unless an expression says otherwise; `None` with `all`.
    pub count: Option<Expression>,
    pub literal: i64,
    pub all: bool,
}

impl StatementKind {
    /// As CONTEXT lines call it.
    pub fn name(&self) -> &'static str {
        use StatementKind as S;
        match self {
            S::Block(_) => "statement block",
            S::Assign { .. } | S::AssignPart { .. } => "assignment",
            S::If { .. } => "IF",
            S::Case { .. } => "CASE",
            S::Loop { .. } => "LOOP",
            S::While { .. } => "WHILE",
            S::ForInteger { .. } => "FOR with integer loop variable",
            S::ForQuery { query: LoopQuery::Static(_), .. } => "FOR over SELECT rows",
            S::ForQuery { query: LoopQuery::Dynamic { .. }, .. } => "FOR over EXECUTE statement",
            S::ForQuery { query: LoopQuery::Cursor { .. }, .. } => "FOR over cursor",
            S::ForEach { .. } => "FOREACH over array",
            S::Exit { is_exit: true, .. } => "EXIT",
            S::Exit { .. } => "CONTINUE",
            S::Return(_) => "RETURN",
            S::ReturnNext(_) => "RETURN NEXT",
            S::ReturnQuery(_) | S::ReturnExecute { .. } => "RETURN QUERY",
            S::Raise(_) => "RAISE",
            S::Assert { .. } => "ASSERT",
            S::Sql { .. } => "SQL statement",
            S::Execute { .. } => "EXECUTE",
            S::Perform(_) => "PERFORM",
            S::Call { is_do: false, .. } => "CALL",
            S::Call { .. } => "DO",
            S::GetDiagnostics { stacked: false, .. } => "GET DIAGNOSTICS",
            S::GetDiagnostics { .. } => "GET STACKED DIAGNOSTICS",
            S::Open { .. } => "OPEN",
            S::Fetch { is_move: false, .. } => "FETCH",
            S::Fetch { .. } => "MOVE",
            S::Close(_) => "CLOSE",
            S::Commit { rollback: false, .. } => "COMMIT",
            S::Commit { .. } => "ROLLBACK",
            S::Null => "NULL",
        }
    }
}

/// Who wins where a name is a variable's and a column's: plpgsql.variable_conflict.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Error,
    Variable,
    Column,
}

/// A compiled function, shared by the calls of a session.
pub struct Function {
    /// `f(integer)` as messages show it.
    pub signature: String,
    pub oid: Oid,
    pub variables: Vec<Variable>,
    pub names: Vec<Name>,
    pub body: Block,
    /// Where arguments go, in order.
    pub arguments: Vec<Slot>,
    /// The variable of a function's result parameters.
    pub result: Option<Target>,
    pub found: Slot,
    pub cursors: Vec<(Slot, Arc<Cursor>)>,
    pub returns_set: bool,
    /// The type of the result in this call; of a set's elements.
    pub result_type: Type,
    pub is_procedure: bool,
    pub conflict: Conflict,
    pub print_strict: bool,
}
