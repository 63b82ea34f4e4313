//! Expressions without operators: constants, columns, calls, CASE, parentheses, subqueries (`c_expr`).

use super::*;
use crate::keyword::Category;

/// What stands in parentheses.
pub(super) enum Paren {
    Query(SelectStatement),
    List(Vec<Expr>),
}

/// A call of a function of pg_catalog, from special syntax.
pub(super) fn call(name: &str, args: Vec<Expr>, location: usize) -> Expr {
    let names = vec!["pg_catalog".to_owned(), name.to_owned()];
    let args = args.into_iter().map(FunctionArg::from).collect();
    let mut call = empty_call(ObjectName { parts: names, location });
    call.args = args;
    call.form = CallForm::SqlSyntax;
    Expr::Function(Box::new(call))
}

pub(super) fn empty_call(name: ObjectName) -> FunctionCall {
    let location = name.location;
    FunctionCall {
        name,
        args: Vec::new(),
        star: false,
        distinct: false,
        variadic: false,
        order_by: Vec::new(),
        within_group: false,
        filter: None,
        over: None,
        form: CallForm::Explicit,
        location,
    }
}

impl Parser<'_> {
    /// `c_expr`
    pub(super) fn primary(&mut self) -> Result<Expr> {
        let location = self.location();
        let constant = |value| Ok(Expr::Const { value, location });
        match self.kind() {
            Kind::Identifier | Kind::QuotedIdentifier => self.name_expr(),
            Kind::Integer | Kind::Numeric => {
                let value = self.number_literal().unwrap_or(Literal::Null);
                self.advance();
                constant(value)
            }
            Kind::String => constant(Literal::String(self.take_string())),
            Kind::BitString => constant(Literal::BitString(format!("b{}", self.take_string()))),
            Kind::HexString => constant(Literal::BitString(format!("x{}", self.take_string()))),
            Kind::Param => {
                let number = self.text()[1..].parse().map_err(|_| self.unexpected())?;
                self.advance();
                self.with_indirection(Expr::Param { number, location })
            }
            Kind::Char(b'(') => match self.paren()? {
                Paren::Query(query) => self.scalar_subquery(query, location),
                Paren::List(list) => self.after_paren(list, location),
            },
            Kind::Keyword(keyword) => self.keyword_expr(keyword, location),
            _ => Err(self.unexpected()),
        }
    }

    fn scalar_subquery(&mut self, query: SelectStatement, location: usize) -> Result<Expr> {
        let subquery = Subquery { kind: SubqueryKind::Scalar, query, location };
        self.with_indirection(Expr::Subquery(Box::new(subquery)))
    }

    /// Makes of a parenthesised list the expression or row that it is.
    fn after_paren(&mut self, mut list: Vec<Expr>, location: usize) -> Result<Expr> {
        match (list.pop(), list.is_empty()) {
            (Some(one), true) => self.with_indirection(one),
            (last, _) => {
                list.extend(last);
                self.maybe_overlaps(Expr::Row { args: list, explicit: false, location })
            }
        }
    }

    /// `row OVERLAPS row`
    fn maybe_overlaps(&mut self, left: Expr) -> Result<Expr> {
        let Expr::Row { args: mut left_args, location: start, explicit } = left else { return Ok(left) };
        if !self.at(K::Overlaps) {
            return Ok(Expr::Row { args: left_args, explicit, location: start });
        }
        let location = self.location();
        self.advance();
        if !self.at(K::Row) && !self.at_char(b'(') {
            return Err(self.unexpected());
        }
        let right_location = self.location();
        let right_args = match self.nested(Self::primary)? {
            Expr::Row { args, .. } => args,
            _ => return Err(self.unexpected()),
        };
        for (args, side, at) in [(&left_args, "left", start), (&right_args, "right", right_location)] {
            if args.len() != 2 {
                return Err(err!(
                    SYNTAX_ERROR,
                    "wrong number of parameters on {side} side of OVERLAPS expression"
                )
                .at(at));
            }
        }
        left_args.extend(right_args);
        Ok(call("overlaps", left_args, location))
    }

    /// Whether a query begins here (its first word, not a parenthesis).
    pub(super) fn at_query(&self) -> bool {
        match self.keyword() {
            Some(K::Select | K::Table | K::With) => true,
            Some(K::Values) => self.char_at(1, b'('),
            _ => false,
        }
    }

    /// `( query )` or `( expression, ... )`, decided while parsing.
    pub(super) fn paren(&mut self) -> Result<Paren> {
        self.nested(Self::paren_inside)
    }

    fn paren_inside(&mut self) -> Result<Paren> {
        self.expect_char(b'(')?;
        if self.at_query() {
            let query = self.select_no_parens()?;
            self.expect_char(b')')?;
            return Ok(Paren::Query(query));
        }
        let location = self.location();
        let mut list = Vec::new();
        if self.at_char(b'(') {
            let first = match self.paren()? {
                Paren::Query(query) => {
                    if self.at_char(b')') || self.at_query_continuation() {
                        let query = self.select_continued(query)?;
                        self.expect_char(b')')?;
                        return Ok(Paren::Query(query));
                    }
                    self.scalar_subquery(query, location)?
                }
                Paren::List(list) => self.after_paren(list, location)?,
            };
            list.push(self.infix(first, 0, false)?);
        } else {
            list.push(self.expr()?);
        }
        while self.eat_char(b',') {
            list.push(self.expr()?);
        }
        self.expect_char(b')')?;
        Ok(Paren::List(list))
    }

    /// Field selections and subscripts after an expression.
    pub(super) fn with_indirection(&mut self, arg: Expr) -> Result<Expr> {
        let steps = self.indirection()?;
        if steps.is_empty() { Ok(arg) } else { Ok(Expr::Indirection { arg: Box::new(arg), steps }) }
    }

    /// `opt_indirection`
    pub(super) fn indirection(&mut self) -> Result<Vec<Indirection>> {
        let mut steps = Vec::new();
        loop {
            let location = self.location();
            if self.at_char(b'[') || self.at_char(b'.') {
                let subscript = self.at_char(b'[');
                self.advance();
                steps.push(match subscript {
                    true => self.subscript(location)?,
                    false if self.eat_char(b'*') => Indirection::Star { location },
                    false => Indirection::Field { name: self.label()?, location },
                });
            } else if steps.iter().rev().skip(1).any(|step| matches!(step, Indirection::Star { .. })) {
                return Err(self.improper_star());
            } else {
                return Ok(steps);
            }
        }
    }

    fn improper_star(&self) -> Error {
        let token = self.token();
        error_near("improper use of \"*\"", self.sql, token.start as usize, token.end as usize)
    }

    fn subscript(&mut self, location: usize) -> Result<Indirection> {
        let lower = if self.at_char(b':') { None } else { Some(self.expr()?) };
        if let Some(index) = lower {
            if self.eat_char(b']') {
                return Ok(Indirection::Subscript { index, location });
            }
            return self.slice(Some(index), location);
        }
        self.slice(None, location)
    }

    fn slice(&mut self, lower: Option<Expr>, location: usize) -> Result<Indirection> {
        self.expect_char(b':')?;
        let upper = if self.at_char(b']') { None } else { Some(self.expr()?) };
        self.expect_char(b']')?;
        Ok(Indirection::Slice { lower, upper, location })
    }

    /// A column reference, a call, or a typed literal.
    pub(super) fn name_expr(&mut self) -> Result<Expr> {
        let location = self.location();
        if self.is_type_function_name(0) {
            if self.char_at(1, b'(') {
                let name = self.take_name();
                return self.function_expr(ObjectName { parts: vec![name], location });
            }
            if self.kind_at(1) == Kind::String {
                let mut type_name = TypeName::system("", location);
                type_name.names = vec![self.take_name()];
                return self.typed_literal(type_name);
            }
        }
        if !self.is_column_id(0) {
            if self.is_type_function_name(0) {
                self.advance();
            }
            return Err(self.unexpected());
        }
        let mut names = vec![self.take_name()];
        let mut star = false;
        while !star && self.eat_char(b'.') {
            star = self.eat_char(b'*');
            if !star {
                names.push(self.label()?);
            }
        }
        if names.len() > 1 && !star {
            if self.at_char(b'(') {
                return self.function_expr(ObjectName { parts: names, location });
            }
            if self.is_string() {
                let mut type_name = TypeName::system("", location);
                type_name.names = names;
                return self.typed_literal(type_name);
            }
        }
        if star && (self.at_char(b'.') || self.at_char(b'[')) {
            self.indirection()?;
            return Err(self.improper_star());
        }
        self.with_indirection(Expr::Column(ColumnRef { names, star, location }))
    }

    fn typed_literal(&mut self, type_name: TypeName) -> Result<Expr> {
        let at = self.location();
        let arg = Expr::Const { value: Literal::String(self.string()?), location: at };
        let location = type_name.location;
        Ok(Expr::TypeCast(Box::new(TypeCast { arg, type_name, location })))
    }

    /// `func_name ( ... )`, with what may follow it, or a literal of a type with modifiers.
    fn function_expr(&mut self, name: ObjectName) -> Result<Expr> {
        let call = self.function_application(name)?;
        if self.is_string() && !call.star && !call.distinct && !call.variadic && !call.args.is_empty() {
            return self.modified_literal(call);
        }
        let mut call = call;
        self.call_suffixes(&mut call)?;
        Ok(Expr::Function(Box::new(call)))
    }

    /// `type ( modifiers ) 'literal'`
    fn modified_literal(&mut self, call: FunctionCall) -> Result<Expr> {
        if let Some(arg) = call.args.iter().find(|arg| arg.name.is_some()) {
            return Err(err!(SYNTAX_ERROR, "type modifier cannot have parameter name").at(arg.location));
        }
        if let Some(sort) = call.order_by.first() {
            return Err(err!(SYNTAX_ERROR, "type modifier cannot have ORDER BY").at(sort.expr.start()));
        }
        let mut type_name = TypeName::system("", call.location);
        type_name.names = call.name.parts;
        type_name.modifiers = call.args.into_iter().map(|arg| arg.value).collect();
        self.typed_literal(type_name)
    }

    /// `func_application`
    pub(super) fn function_application(&mut self, name: ObjectName) -> Result<FunctionCall> {
        let mut call = empty_call(name);
        self.expect_char(b'(')?;
        if self.eat_char(b')') {
            return Ok(call);
        }
        if self.at_char(b'*') && self.char_at(1, b')') {
            self.position += 2;
            call.star = true;
            return Ok(call);
        }
        match self.eat_any(&[K::Distinct, K::All]) {
            Some(K::Distinct) => call.distinct = true,
            Some(_) => {}
            None => call.variadic = self.eat(K::Variadic),
        }
        call.args.push(self.function_arg()?);
        while !call.variadic && self.eat_char(b',') {
            call.variadic = self.eat(K::Variadic);
            call.args.push(self.function_arg()?);
        }
        call.order_by = self.optional_order_by()?;
        self.expect_char(b')')?;
        Ok(call)
    }

    /// `func_arg_expr`
    pub(super) fn function_arg(&mut self) -> Result<FunctionArg> {
        let location = self.location();
        let named = self.is_type_function_name(0)
            && matches!(self.kind_at(1), Kind::ColonEquals | Kind::EqualsGreater);
        let mut name = None;
        if named {
            name = Some(self.take_name());
            self.advance();
        }
        let value = self.expr()?;
        Ok(FunctionArg { name, value, location })
    }

    /// WITHIN GROUP, FILTER, OVER.
    fn call_suffixes(&mut self, call: &mut FunctionCall) -> Result<()> {
        let location = self.location();
        if self.eat_all(&[K::Within, K::Group]) {
            let message = match &call {
                call if !call.order_by.is_empty() => "cannot use multiple ORDER BY clauses with WITHIN GROUP",
                call if call.distinct => "cannot use DISTINCT with WITHIN GROUP",
                call if call.variadic => "cannot use VARIADIC with WITHIN GROUP",
                _ => "",
            };
            if !message.is_empty() {
                return Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(location));
            }
            call.order_by = self.parens(Self::order_by)?;
            call.within_group = true;
        }
        call.filter = self.optional_filter()?;
        call.over = self.optional_over()?;
        Ok(())
    }

    pub(super) fn optional_filter(&mut self) -> Result<Option<Expr>> {
        if !self.at(K::Filter) {
            return Ok(None);
        }
        self.advance();
        self.parens(|parser| {
            parser.expect(K::Where)?;
            parser.expr()
        })
        .map(Some)
    }

    pub(super) fn optional_over(&mut self) -> Result<Option<Over>> {
        if !self.eat(K::Over) {
            return Ok(None);
        }
        let location = self.location();
        if self.at_char(b'(') {
            return Ok(Some(Over::Window(self.window_specification(None)?)));
        }
        Ok(Some(Over::Name { name: self.column_id()?, location }))
    }

    fn keyword_expr(&mut self, keyword: K, location: usize) -> Result<Expr> {
        let constant = |value| Ok(Expr::Const { value, location });
        match keyword {
            K::Null | K::True | K::False => {
                self.advance();
                constant(match keyword {
                    K::Null => Literal::Null,
                    _ => Literal::Bool(keyword == K::True),
                })
            }
            K::Case => self.case(location),
            K::Array if self.char_at(1, b'(') => {
                self.advance();
                let query = self.select_with_parens()?;
                Ok(Expr::Subquery(Box::new(Subquery { kind: SubqueryKind::Array, query, location })))
            }
            K::Array => {
                self.advance();
                let elements = self.array_elements()?;
                Ok(Expr::Array { elements, location })
            }
            K::Exists if self.char_at(1, b'(') => {
                self.advance();
                let query = self.select_with_parens()?;
                Ok(Expr::Subquery(Box::new(Subquery { kind: SubqueryKind::Exists, query, location })))
            }
            K::Row if self.char_at(1, b'(') => {
                self.advance();
                self.advance();
                let args = if self.at_char(b')') { Vec::new() } else { self.exprs()? };
                self.expect_char(b')')?;
                self.maybe_overlaps(Expr::Row { args, explicit: true, location })
            }
            K::Grouping if self.char_at(1, b'(') => {
                self.advance();
                Ok(Expr::Grouping { args: self.paren_list(Self::expr)?, location })
            }
            K::Unique => {
                self.advance();
                if self.eat(K::Nulls) {
                    self.eat(K::Not);
                    self.expect(K::Distinct)?;
                }
                self.select_with_parens()?;
                Err(err!(FEATURE_NOT_SUPPORTED, "UNIQUE predicate is not yet implemented").at(location))
            }
            _ if self.at_typed_constant(keyword) => self.special_typed_literal(keyword, location),
            _ => match self.special_function(keyword, location)? {
                Some(expr) => Ok(expr),
                None if keyword.category() == Category::Reserved => Err(self.unexpected()),
                None => self.name_expr(),
            },
        }
    }

    /// Whether this key word begins a literal of a type with SQL's own spelling.
    fn at_typed_constant(&self, keyword: K) -> bool {
        if !types::is_special_type(keyword) {
            return false;
        }
        match self.kind_at(1) {
            Kind::String => keyword != K::Double,
            Kind::Char(b'(') => keyword != K::Json,
            Kind::Keyword(K::Varying | K::Precision) => true,
            Kind::Keyword(K::Character | K::Char) => keyword == K::National,
            Kind::Keyword(K::With | K::Without) => {
                matches!(keyword, K::Time | K::Timestamp) && self.at_next(2, K::Time)
            }
            _ => false,
        }
    }

    fn special_typed_literal(&mut self, keyword: K, location: usize) -> Result<Expr> {
        if keyword == K::Interval && self.kind_at(1) == Kind::String {
            self.advance();
            return self.interval_literal(location);
        }
        let mut type_name = self.simple_type_name()?;
        // A literal of type CHAR or BIT keeps its length.
        let unmodified = self.tokens.list[self.position - 1].kind != Kind::Char(b')');
        if unmodified && matches!(type_name.names[1].as_str(), "bpchar" | "bit") {
            type_name.modifiers.clear();
        }
        self.typed_literal(type_name)
    }

    /// `'literal' [fields]` after INTERVAL.
    pub(super) fn interval_literal(&mut self, location: usize) -> Result<Expr> {
        let mut cast = match self.typed_literal(TypeName::system("interval", location))? {
            Expr::TypeCast(cast) => cast,
            other => return Ok(other),
        };
        self.interval_fields(&mut cast.type_name)?;
        Ok(Expr::TypeCast(cast))
    }

    /// `array_expr`
    fn array_elements(&mut self) -> Result<Vec<Expr>> {
        self.expect_char(b'[')?;
        let elements = match self.kind() {
            Kind::Char(b']') => Vec::new(),
            Kind::Char(b'[') => self.list(|parser| {
                let location = parser.location();
                let elements = parser.nested(Self::array_elements)?;
                Ok(Expr::Array { elements, location })
            })?,
            _ => self.exprs()?,
        };
        self.expect_char(b']')?;
        Ok(elements)
    }

    fn case(&mut self, location: usize) -> Result<Expr> {
        self.advance();
        let arg = if self.at(K::When) { None } else { Some(self.expr()?) };
        let mut whens = Vec::new();
        loop {
            let location = self.location();
            self.expect(K::When)?;
            let condition = self.expr()?;
            self.expect(K::Then)?;
            let result = self.expr()?;
            whens.push(CaseWhen { condition, result, location });
            if !self.at(K::When) {
                break;
            }
        }
        let default = if self.eat(K::Else) { Some(self.expr()?) } else { None };
        self.expect(K::End)?;
        Ok(Expr::Case(Box::new(Case { arg, whens, default, location })))
    }
}
