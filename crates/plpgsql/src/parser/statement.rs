//! Statements that are neither loops nor RAISE.

use super::Parser;
use crate::ast::*;
use crate::expression::{Expression, Mode};
use crate::scanner::Kind;
use base::{Error, Oid, Result, SqlState, err};
use std::sync::Arc;
use syntax::FetchDirection;

const VOID: Oid = Oid(2278);
const RECORD: Oid = Oid(2249);

impl Parser<'_> {
    /// One statement with its semicolon; `None` for NULL.
    pub(super) fn statement(&mut self) -> Result<Option<Statement>> {
        let line = self.line();
        let label = self.label()?;
        let kind = self.statement_kind(label)?;
        Ok((!matches!(kind, StatementKind::Null)).then_some(Statement { line, kind }))
    }

    fn statement_kind(&mut self, label: Option<String>) -> Result<StatementKind> {
        if self.is_assignment()? {
            return self.assignment();
        }
        let word = if self.kind() == Kind::Word { self.token().text.clone() } else { String::new() };
        if label.is_some()
            && !matches!(word.as_str(), "declare" | "begin" | "loop" | "while" | "for" | "foreach")
        {
            return Err(self.unexpected());
        }
        match word.as_str() {
            "declare" | "begin" => {
                let block = self.block(label)?;
                self.expect_symbol(";")?;
                Ok(StatementKind::Block(block))
            }
            "if" => self.if_statement(),
            "case" => self.case_statement(),
            "loop" | "while" | "for" | "foreach" => self.nested(|p| p.loop_statement(label)),
            "exit" | "continue" => self.exit_statement(),
            "return" => self.return_statement(),
            "raise" => self.raise_statement(),
            "assert" => {
                self.next();
                let piece = self.sql_until(&[",", ";"])?;
                let message = match piece.ended_by.as_str() {
                    "," => Some(self.expression_until(";")?),
                    _ => None,
                };
                Ok(StatementKind::Assert { condition: piece.expression, message })
            }
            "execute" => self.execute_statement(),
            "perform" => {
                self.next();
                let (text, start, _) = self.text_until(&[";"], "expression")?;
                // The text is that of the query's SELECT, so that places in it are right.
                let query = format!("SELECT {text}");
                let shift = start.saturating_sub("SELECT ".len());
                Ok(StatementKind::Perform(self.expression(&query, shift, Mode::Statement)?))
            }
            "call" | "do" => {
                let is_do = word == "do";
                Ok(StatementKind::Call { query: self.statement_until(";")?, is_do })
            }
            "get" => self.diagnostics(),
            "open" => self.open(),
            "fetch" | "move" => self.fetch(),
            "close" => {
                self.next();
                let variable = self.cursor_variable()?;
                self.expect_symbol(";")?;
                Ok(StatementKind::Close(variable))
            }
            "commit" | "rollback" => self.commit(),
            "null" => {
                self.next();
                self.expect_symbol(";")?;
                Ok(StatementKind::Null)
            }
            _ if matches!(self.kind(), Kind::Word) && !super::RESERVED.contains(&word.as_str()) => {
                self.sql_statement()
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Whether a known variable stands here, with `:=`, `=` or a subscript or field behind.
    fn is_assignment(&mut self) -> Result<bool> {
        if !matches!(self.kind(), Kind::Word | Kind::Quoted | Kind::Param) {
            return Ok(false);
        }
        let at = self.at;
        let target = self.target_here()?;
        let follows =
            self.is_symbol(":=") || self.is_symbol("=") || self.is_symbol("[") || self.is_symbol(".");
        self.at = at;
        if target.is_none() {
            // An unknown name with := behind is no SQL, either.
            let mut ahead = 1;
            while self.is_symbol_at(ahead, ".") {
                ahead += 2;
            }
            if self.is_symbol_at(ahead, ":=") || (self.kind() == Kind::Word && self.is_symbol_at(ahead, "="))
            {
                let text = (0..ahead).map(|i| self.peek(i).text.clone()).collect::<String>();
                return Err(self.fail(format!("\"{text}\" is not a known variable")));
            }
        }
        Ok(target.is_some() && follows)
    }

    fn assignment(&mut self) -> Result<StatementKind> {
        let start = self.at;
        let target = self.required_target()?;
        if self.is_symbol(":=") || self.is_symbol("=") {
            self.next();
            return Ok(StatementKind::Assign { target, value: self.expression_until(";")? });
        }
        self.at = start;
        let (text, place, _) = self.text_until(&[";"], "statement")?;
        Ok(StatementKind::AssignPart { target, value: self.expression(&text, place, Mode::Assignment)? })
    }

    fn if_statement(&mut self) -> Result<StatementKind> {
        let mut arms = Vec::new();
        self.next();
        loop {
            let condition = self.expression_until("then")?;
            let body = self.nested(|p| p.body(&["elsif", "elseif", "else", "end"]))?;
            arms.push((condition, body));
            if !(self.eat("elsif") || self.eat("elseif")) {
                break;
            }
        }
        let otherwise = if self.eat("else") { self.nested(|p| p.body(&["end"]))? } else { Vec::new() };
        self.expect("end")?;
        self.expect("if")?;
        self.expect_symbol(";")?;
        Ok(StatementKind::If { arms, otherwise })
    }

    fn case_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let value = match self.is_word("when") {
            true => None,
            false => {
                let line = self.line();
                let value = self.expression_until("when")?;
                self.at -= 1;
                let kind = VariableKind::Scalar(self.type_of(Oid(23))?);
                let slot = self.add_hidden("*case*", kind, line);
                Some((value, slot))
            }
        };
        let mut arms = Vec::new();
        while self.is_word("when") {
            let line = self.line();
            self.next();
            let condition = match &value {
                None => self.expression_until("then")?,
                Some((_, slot)) => {
                    // `WHEN a, b` asks whether the value is among them.
                    let (text, _, _) = self.text_until(&["then"], "expression")?;
                    let name = format!("__Case__Variable_{slot}__");
                    let top = self.top;
                    self.push_name(name.clone(), Meaning::Scalar(*slot));
                    let made = self.expression(&format!("\"{name}\" IN ({text})"), 0, Mode::Expression);
                    self.top = top;
                    made?
                }
            };
            let body = self.nested(|p| p.body(&["when", "else", "end"]))?;
            arms.push((condition, body, line));
        }
        let otherwise = if self.eat("else") { Some(self.nested(|p| p.body(&["end"]))?) } else { None };
        self.expect("end")?;
        self.expect("case")?;
        self.expect_symbol(";")?;
        Ok(StatementKind::Case { value, arms, otherwise })
    }

    fn exit_statement(&mut self) -> Result<StatementKind> {
        let is_exit = self.next().text == "exit";
        let at = self.token().start;
        let label = match self.kind() {
            Kind::Word | Kind::Quoted if !self.is_word("when") => Some(self.identifier()?),
            _ => None,
        };
        let condition = if self.eat("when") {
            Some(self.expression_until(";")?)
        } else {
            self.expect_symbol(";")?;
            None
        };
        let labels = crate::names::labels(&self.names, self.top);
        match &label {
            Some(name) => match labels.iter().find(|(l, _)| l == name) {
                None => {
                    return Err(err!(
                        SYNTAX_ERROR,
                        "there is no label \"{name}\" attached to any block or loop enclosing this statement"
                    )
                    .at(at));
                }
                Some((_, false)) if !is_exit => {
                    return Err(
                        err!(SYNTAX_ERROR, "block label \"{name}\" cannot be used in CONTINUE").at(at)
                    );
                }
                Some(_) => {}
            },
            None if !labels.iter().any(|(_, is_loop)| *is_loop) => {
                let text = if is_exit {
                    "EXIT cannot be used outside a loop, unless it has a label"
                } else {
                    "CONTINUE cannot be used outside a loop"
                };
                return Err(err!(SYNTAX_ERROR, "{text}").at(at));
            }
            None => {}
        }
        Ok(StatementKind::Exit { is_exit, label, condition })
    }

    fn return_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let at = self.token().start;
        if self.eat("next") {
            if !self.signature.returns_set {
                return Err(err!(SYNTAX_ERROR, "cannot use RETURN NEXT in a non-SETOF function").at(at));
            }
            if self.signature.has_result_variable {
                if !self.is_symbol(";") {
                    let text = "RETURN NEXT cannot have a parameter in function with OUT parameters";
                    return Err(err!(DATATYPE_MISMATCH, "{text}").at(self.token().start));
                }
                self.next();
                return Ok(StatementKind::ReturnNext(None));
            }
            return Ok(StatementKind::ReturnNext(Some(self.expression_until(";")?)));
        }
        if self.eat("query") {
            if !self.signature.returns_set {
                return Err(err!(SYNTAX_ERROR, "cannot use RETURN QUERY in a non-SETOF function").at(at));
            }
            if !self.eat("execute") {
                return Ok(StatementKind::ReturnQuery(self.statement_until(";")?));
            }
            let piece = self.sql_until(&["using", ";"])?;
            let using = match piece.ended_by.as_str() {
                "using" => self.using_list(&[";"])?.0,
                _ => Vec::new(),
            };
            return Ok(StatementKind::ReturnExecute { query: piece.expression, using });
        }
        let empty = self.is_symbol(";");
        let wrong = |text: &str| Err(err!(DATATYPE_MISMATCH, "{text}").at(at));
        if self.signature.returns_set {
            if !empty {
                return Err(err!(
                    DATATYPE_MISMATCH,
                    "RETURN cannot have a parameter in function returning set"
                )
                .hint("Use RETURN NEXT or RETURN QUERY.")
                .at(at));
            }
        } else if self.signature.result_type == VOID && !self.signature.has_result_variable {
            if !empty {
                return match self.signature.is_procedure {
                    true => Err(err!(SYNTAX_ERROR, "RETURN cannot have a parameter in a procedure").at(at)),
                    false => wrong("RETURN cannot have a parameter in function returning void"),
                };
            }
        } else if self.signature.has_result_variable {
            if !empty {
                return wrong("RETURN cannot have a parameter in function with OUT parameters");
            }
        } else {
            if empty && self.signature.result_type != RECORD {
                return Err(err!(SYNTAX_ERROR, "missing expression at or near \";\"").at(at));
            }
            return Ok(StatementKind::Return(Some(self.expression_until(";")?)));
        }
        self.expect_symbol(";")?;
        Ok(StatementKind::Return(None))
    }

    fn execute_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let ends = ["into", "using", ";"];
        let mut piece = self.sql_until(&ends)?;
        let query = piece.expression;
        let (mut into, mut using) = (None, Vec::new());
        loop {
            match piece.ended_by.as_str() {
                "into" if into.is_none() => {
                    let strict = self.eat("strict");
                    let target = self.target_list()?;
                    let target = self.as_row(target);
                    into = Some(Into { target, strict });
                    piece.ended_by = self.next().text;
                }
                "using" if using.is_empty() => (using, piece.ended_by) = self.using_list(&ends)?,
                ";" => return Ok(StatementKind::Execute { query, into, using }),
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected());
                }
            }
        }
    }

    /// A statement of SQL; INTO is taken out of it, except the one of INSERT and MERGE.
    fn sql_statement(&mut self) -> Result<StatementKind> {
        let first = self.token().clone();
        let (mut text, mut from) = (String::new(), first.start);
        let mut into = None;
        let mut previous = String::new();
        let mut depth = 0usize;
        // BEGIN ATOMIC bodies and CASE have semicolons and ENDs of their own.
        loop {
            let token = self.token().clone();
            match token.kind {
                Kind::End => return Err(self.unexpected()),
                Kind::Symbol if token.text == ";" && depth == 0 => break,
                Kind::Word if token.text == "atomic" && previous == "begin" => depth += 1,
                Kind::Word if token.text == "case" && depth > 0 => depth += 1,
                Kind::Word if token.text == "end" && depth > 0 => depth -= 1,
                Kind::Word
                    if token.text == "into"
                        && !matches!(previous.as_str(), "insert" | "merge")
                        && !matches!(first.text.as_str(), "import" | "create") =>
                {
                    if into.is_some() {
                        return Err(self.fail("INTO specified more than once"));
                    }
                    text.push_str(&self.source[from..token.start]);
                    self.next();
                    let strict = self.eat("strict");
                    let target = self.target_list()?;
                    let target = self.as_row(target);
                    into = Some(Into { target, strict });
                    // What is taken out leaves room, so that places stay right.
                    let here = self.token().start;
                    text.push_str(&" ".repeat(here - token.start));
                    from = here;
                    previous.clear();
                    continue;
                }
                _ => {}
            }
            previous = token.text;
            self.next();
        }
        text.push_str(&self.source[from..self.token().start]);
        self.next();
        let query = self.expression(text.trim_end(), first.start, Mode::Statement)?;
        Ok(StatementKind::Sql { query, into })
    }

    fn diagnostics(&mut self) -> Result<StatementKind> {
        self.next();
        let stacked = !self.eat("current") && self.eat("stacked");
        self.expect("diagnostics")?;
        let mut items = Vec::new();
        loop {
            let target = self.required_target()?;
            if !self.eat_symbol(":=") {
                self.expect_symbol("=")?;
            }
            let at = self.token().start;
            let word = self.next().text;
            use Diagnostic as D;
            let (item, for_stacked) = match word.as_str() {
                "row_count" => (D::RowCount, Some(false)),
                "pg_routine_oid" => (D::RoutineOid, Some(false)),
                "pg_context" => (D::Context, Some(false)),
                "pg_exception_context" => (D::ErrorContext, Some(true)),
                "pg_exception_detail" => (D::ErrorDetail, Some(true)),
                "pg_exception_hint" => (D::ErrorHint, Some(true)),
                "returned_sqlstate" => (D::ReturnedSqlstate, Some(true)),
                "column_name" => (D::ColumnName, Some(true)),
                "constraint_name" => (D::ConstraintName, Some(true)),
                "pg_datatype_name" => (D::DatatypeName, Some(true)),
                "message_text" => (D::MessageText, Some(true)),
                "table_name" => (D::TableName, Some(true)),
                "schema_name" => (D::SchemaName, Some(true)),
                _ => return Err(err!(SYNTAX_ERROR, "unrecognized GET DIAGNOSTICS item").at(at)),
            };
            if for_stacked.is_some_and(|f| f != stacked) {
                let (item, which) = (word.to_uppercase(), if stacked { "STACKED" } else { "CURRENT" });
                return Err(err!(
                    SYNTAX_ERROR,
                    "diagnostics item {item} is not allowed in GET {which} DIAGNOSTICS"
                )
                .at(at));
            }
            items.push((item, target));
            if !self.eat_symbol(",") {
                break;
            }
        }
        self.expect_symbol(";")?;
        Ok(StatementKind::GetDiagnostics { stacked, items })
    }

    /// A variable of type refcursor.
    pub(super) fn cursor_variable(&mut self) -> Result<Slot> {
        const REFCURSOR: Oid = Oid(1790);
        if self.kind() == Kind::Word && super::RESERVED.contains(&self.token().text.as_str()) {
            return Err(self.unexpected());
        }
        let at = self.token().start;
        let name = self.token().text.clone();
        match self.target_here()? {
            Some(Target::Variable(slot)) => match self.variables[slot].kind {
                VariableKind::Scalar(of) if of.oid == REFCURSOR => Ok(slot),
                VariableKind::Scalar(_) => {
                    Err(err!(DATATYPE_MISMATCH, "variable \"{name}\" must be of type cursor or refcursor")
                        .at(at))
                }
                _ => Err(err!(DATATYPE_MISMATCH, "cursor variable must be a simple variable").at(at)),
            },
            Some(_) => Err(err!(DATATYPE_MISMATCH, "cursor variable must be a simple variable").at(at)),
            None => Err(err!(SYNTAX_ERROR, "\"{name}\" is not a known variable").at(at)),
        }
    }

    pub(super) fn bound_cursor(&self, slot: Slot) -> Option<Arc<Cursor>> {
        self.cursors.iter().find(|(s, _)| *s == slot).map(|(_, c)| c.clone())
    }

    fn open(&mut self) -> Result<StatementKind> {
        self.next();
        let name = self.token().text.clone();
        let variable = self.cursor_variable()?;
        let how = if let Some(cursor) = self.bound_cursor(variable) {
            let arguments = self.cursor_arguments(&cursor, &name)?;
            self.expect_symbol(";")?;
            Open::Bound { arguments }
        } else {
            let scroll = match (self.eat("no"), self.eat("scroll")) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                _ => None,
            };
            self.expect("for")?;
            if self.eat("execute") {
                let piece = self.sql_until(&["using", ";"])?;
                let using = match piece.ended_by.as_str() {
                    "using" => self.using_list(&[";"])?.0,
                    _ => Vec::new(),
                };
                Open::Execute { query: piece.expression, using, scroll }
            } else {
                Open::Query { query: self.statement_until(";")?, scroll }
            }
        };
        Ok(StatementKind::Open { variable, how })
    }

    /// `(value, name := value, ...)` of a bound cursor, as one row expression in the parameters' order.
    pub(super) fn cursor_arguments(&mut self, cursor: &Cursor, name: &str) -> Result<Option<Expression>> {
        if cursor.parameters.is_empty() {
            if self.is_symbol("(") {
                return Err(self.fail(format!("cursor \"{name}\" has no arguments")));
            }
            return Ok(None);
        }
        let cursor_name = name;
        if !self.is_symbol("(") {
            return Err(self.fail(format!("cursor \"{name}\" has arguments")));
        }
        let start = self.token().start;
        self.next();
        let mut values: Vec<Option<String>> = vec![None; cursor.parameters.len()];
        let mut place = 0;
        loop {
            let named = matches!(self.kind(), Kind::Word | Kind::Quoted)
                && (self.is_symbol_at(1, ":=") || self.is_symbol_at(1, "=>"));
            let before = self.token().start;
            let at = if named {
                let name = self.next().text;
                self.next();
                let Some(at) = cursor.parameters.iter().position(|(n, _)| *n == name) else {
                    let text = format!("cursor \"{cursor_name}\" has no argument named \"{name}\"");
                    return Err(Error::new(SqlState::SYNTAX_ERROR, text).at(before));
                };
                at
            } else {
                if place >= values.len() {
                    return Err(self.fail(format!("too many arguments for cursor \"{cursor_name}\"")));
                }
                place
            };
            if values[at].is_some() {
                let parameter = &cursor.parameters[at].0;
                let text = format!(
                    "value for parameter \"{parameter}\" of cursor \"{cursor_name}\" specified more than once"
                );
                return Err(Error::new(SqlState::SYNTAX_ERROR, text).at(before));
            }
            let (text, _, ended_by) = self.text_until(&[",", ")"], "expression")?;
            values[at] = Some(text);
            place += 1;
            if ended_by == ")" {
                break;
            }
        }
        let Some(values) = values.into_iter().collect::<Option<Vec<String>>>() else {
            let at = self.peek(0).start.saturating_sub(1);
            let text = format!("not enough arguments for cursor \"{cursor_name}\"");
            return Err(Error::new(SqlState::SYNTAX_ERROR, text).at(at));
        };
        let named = values.iter().zip(&cursor.parameters);
        let list: Vec<String> = named
            .map(|(value, (name, _))| format!("{value} AS {}", syntax::quote_identifier(name)))
            .collect();
        self.expression(&list.join(", "), start, Mode::List).map(Some)
    }

    fn fetch(&mut self) -> Result<StatementKind> {
        let is_move = self.next().text == "move";
        let direction = self.direction(is_move)?;
        let variable = self.cursor_variable()?;
        let into = if is_move {
            None
        } else {
            self.expect("into")?;
            let target = self.target_list()?;
            Some(self.as_row(target))
        };
        self.expect_symbol(";")?;
        Ok(StatementKind::Fetch { variable, into, direction, is_move })
    }

    fn direction(&mut self, is_move: bool) -> Result<Direction> {
        use FetchDirection as F;
        let simple = |kind, literal| Direction { kind, count: None, literal, all: false };
        let word = if self.kind() == Kind::Word { self.token().text.clone() } else { String::new() };
        let counted = |p: &mut Self, kind| -> Result<Direction> {
            p.next();
            let piece = p.sql_until(&["from", "in"])?;
            Ok(Direction { kind, count: Some(piece.expression), literal: 1, all: false })
        };
        let direction = match word.as_str() {
            "next" => simple(F::Forward, 1),
            "prior" => simple(F::Backward, 1),
            "first" => simple(F::Absolute, 1),
            "last" => simple(F::Absolute, -1),
            "absolute" => return counted(self, F::Absolute),
            "relative" => return counted(self, F::Relative),
            "all" => Direction { all: true, ..simple(F::Forward, 0) },
            "forward" | "backward" => {
                let kind = if word == "forward" { F::Forward } else { F::Backward };
                if self.is_word_at(1, "all") {
                    self.next();
                    Direction { all: true, ..simple(kind, 0) }
                } else if self.is_word_at(1, "from") || self.is_word_at(1, "in") {
                    simple(kind, 1)
                } else if self.peek(1).kind == Kind::Number || self.is_symbol_at(1, "-") {
                    return counted(self, kind);
                } else {
                    simple(kind, 1)
                }
            }
            "from" | "in" => {
                self.next();
                return Ok(simple(F::Forward, 1));
            }
            _ if self.target_before_into(is_move) => return Ok(simple(F::Forward, 1)),
            _ => {
                let piece = self.sql_until(&["from", "in"])?;
                return Ok(Direction {
                    kind: F::Forward,
                    count: Some(piece.expression),
                    literal: 1,
                    all: false,
                });
            }
        };
        self.next();
        if !self.eat("from") {
            self.eat("in");
        }
        Ok(direction)
    }

    /// Whether the cursor's name stands here, without any direction.
    fn target_before_into(&self, is_move: bool) -> bool {
        matches!(self.kind(), Kind::Word | Kind::Quoted)
            && (self.is_word_at(1, "into") || (is_move && self.is_symbol_at(1, ";")))
    }

    fn commit(&mut self) -> Result<StatementKind> {
        let rollback = self.next().text == "rollback";
        let chain = if self.eat("and") {
            let no = self.eat("no");
            self.expect("chain")?;
            !no
        } else {
            false
        };
        self.expect_symbol(";")?;
        Ok(StatementKind::Commit { rollback, chain })
    }
}
