//! Functions with syntax of their own (`func_expr_common_subexpr`), apart from JSON and XML.

use super::primary::{call, empty_call};
use super::*;

impl Parser<'_> {
    /// The function that this key word begins, if it does.
    pub(super) fn special_function(&mut self, keyword: K, location: usize) -> Result<Option<Expr>> {
        if let Some(function) = sql_value_function(keyword) {
            self.advance();
            let precise = matches!(
                function,
                SqlValueFunction::CurrentTime
                    | SqlValueFunction::CurrentTimestamp
                    | SqlValueFunction::LocalTime
                    | SqlValueFunction::LocalTimestamp
            );
            // current_schema() is an ordinary call: as a word that may name a function, it is followed by "(".
            if keyword == K::CurrentSchema && self.at_char(b'(') {
                self.position -= 1;
                return Ok(None);
            }
            let precision =
                if precise && self.at_char(b'(') { Some(self.parens(Self::integer)?) } else { None };
            return Ok(Some(Expr::SqlValue { function, precision, location }));
        }
        match keyword {
            K::SystemUser => {
                self.advance();
                return Ok(Some(call("system_user", Vec::new(), location)));
            }
            K::Collation if self.at_next(1, K::For) => {
                self.position += 2;
                let arg = self.parens(Self::expr)?;
                return Ok(Some(call("pg_collation_for", vec![arg], location)));
            }
            _ if !self.char_at(1, b'(') => return Ok(None),
            _ => {}
        }
        let start = self.position;
        self.position += 2;
        let expr = match self.special_call(keyword, location)? {
            Some(expr) => expr,
            None => match self.json_function(keyword, location)? {
                Some(expr) => expr,
                None => match self.xml_function(keyword, location)? {
                    Some(expr) => expr,
                    None => {
                        self.position = start;
                        return Ok(None);
                    }
                },
            },
        };
        self.expect_char(b')')?;
        // The aggregates among them may be filtered and windowed; that suffix stands after the parenthesis.
        self.json_aggregate_suffix(expr).map(Some)
    }

    /// The inside of the parentheses of these functions, up to the closing one.
    fn special_call(&mut self, keyword: K, location: usize) -> Result<Option<Expr>> {
        Ok(Some(match keyword {
            K::Cast => {
                let arg = self.expr()?;
                self.expect(K::As)?;
                let type_name = self.type_name()?;
                Expr::TypeCast(Box::new(TypeCast { arg, type_name, location }))
            }
            K::Coalesce => Expr::Coalesce { args: self.exprs()?, location },
            K::Greatest => Expr::Greatest { args: self.exprs()?, location },
            K::Least => Expr::Least { args: self.exprs()?, location },
            K::Nullif => {
                let left = self.expr()?;
                self.expect_char(b',')?;
                let right = self.expr()?;
                Expr::NullIf(Box::new(NullIf { left, right, location }))
            }
            K::Extract => self.extract(location)?,
            K::Normalize => {
                let mut args = vec![self.expr()?];
                if self.eat_char(b',') {
                    args.push(self.normal_form()?);
                }
                call("normalize", args, location)
            }
            K::Overlay => self.overlay(location)?,
            K::Position => {
                let needle = self.restricted_expr()?;
                self.expect(K::In)?;
                let haystack = self.restricted_expr()?;
                call("position", vec![haystack, needle], location)
            }
            K::Substring => self.substring(location)?,
            K::Treat => {
                let arg = self.expr()?;
                self.expect(K::As)?;
                let name = self.type_name()?.names.pop().unwrap_or_default();
                let mut expr = call(&name, vec![arg], location);
                if let Expr::Function(call) = &mut expr {
                    call.form = CallForm::Explicit;
                }
                expr
            }
            K::Trim => self.trim(location)?,
            K::MergeAction => Expr::MergeAction { location },
            _ => return Ok(None),
        }))
    }

    /// NFC, NFD, NFKC or NFKD, as a string constant
    pub(super) fn normal_form(&mut self) -> Result<Expr> {
        let location = self.location();
        let form = self.expect_any(&[K::Nfc, K::Nfd, K::Nfkc, K::Nfkd])?;
        Ok(Expr::Const { value: Literal::String(form.name().to_ascii_uppercase()), location })
    }

    fn extract(&mut self, location: usize) -> Result<Expr> {
        const FIELDS: &[K] = &[K::Year, K::Month, K::Day, K::Hour, K::Minute, K::Second];
        let at = self.location();
        let field = match () {
            () if self.is_string() => self.take_string(),
            () if self.is_plain_identifier() || self.at_any(FIELDS) => self.take_name(),
            () => return Err(self.unexpected()),
        };
        self.expect(K::From)?;
        let source = self.expr()?;
        let field = Expr::Const { value: Literal::String(field), location: at };
        Ok(call("extract", vec![field, source], location))
    }

    /// An ordinary call of `name`, from its first argument on; more follow if there are commas.
    fn plain_call(&mut self, name: &str, first: Option<FunctionArg>, location: usize) -> Result<Expr> {
        let mut call = empty_call(ObjectName { parts: vec![name.to_owned()], location });
        call.args.extend(first);
        while !call.args.is_empty() && self.eat_char(b',') {
            call.args.push(self.function_arg()?);
        }
        Ok(Expr::Function(Box::new(call)))
    }

    fn overlay(&mut self, location: usize) -> Result<Expr> {
        if self.at_char(b')') {
            return self.plain_call("overlay", None, location);
        }
        let first = self.function_arg()?;
        if first.name.is_some() || !self.eat(K::Placing) {
            return self.plain_call("overlay", Some(first), location);
        }
        let mut args = vec![first.value, self.expr()?];
        self.expect(K::From)?;
        args.push(self.expr()?);
        if self.eat(K::For) {
            args.push(self.expr()?);
        }
        Ok(call("overlay", args, location))
    }

    fn substring(&mut self, location: usize) -> Result<Expr> {
        if self.at_char(b')') {
            return self.plain_call("substring", None, location);
        }
        let first = self.function_arg()?;
        if first.name.is_some() || !self.at_any(&[K::From, K::For, K::Similar]) {
            return self.plain_call("substring", Some(first), location);
        }
        let mut args = vec![first.value];
        let at = self.location();
        match self.expect_any(&[K::From, K::For, K::Similar])? {
            K::From => {
                args.push(self.expr()?);
                if self.eat(K::For) {
                    args.push(self.expr()?);
                }
            }
            K::For => {
                let length = self.expr()?;
                if self.eat(K::From) {
                    args.push(self.expr()?);
                    args.push(length);
                } else {
                    // The cast keeps substring(text, int, int) the only candidate.
                    args.push(Expr::Const { value: Literal::Integer(1), location: at });
                    let type_name = TypeName::system("int4", at);
                    args.push(Expr::TypeCast(Box::new(TypeCast { arg: length, type_name, location: at })));
                }
            }
            _ => {
                args.push(self.expr()?);
                self.expect(K::Escape)?;
                args.push(self.expr()?);
            }
        }
        Ok(call("substring", args, location))
    }

    fn trim(&mut self, location: usize) -> Result<Expr> {
        let name = match self.eat_any(&[K::Both, K::Leading, K::Trailing]) {
            Some(K::Leading) => "ltrim",
            Some(K::Trailing) => "rtrim",
            _ => "btrim",
        };
        let mut args;
        if self.eat(K::From) {
            args = self.exprs()?;
        } else {
            let first = self.expr()?;
            if self.eat(K::From) {
                args = self.exprs()?;
                args.push(first);
            } else {
                args = vec![first];
                while self.eat_char(b',') {
                    args.push(self.expr()?);
                }
            }
        }
        Ok(call(name, args, location))
    }
}

fn sql_value_function(keyword: K) -> Option<SqlValueFunction> {
    Some(match keyword {
        K::CurrentDate => SqlValueFunction::CurrentDate,
        K::CurrentTime => SqlValueFunction::CurrentTime,
        K::CurrentTimestamp => SqlValueFunction::CurrentTimestamp,
        K::Localtime => SqlValueFunction::LocalTime,
        K::Localtimestamp => SqlValueFunction::LocalTimestamp,
        K::CurrentRole => SqlValueFunction::CurrentRole,
        K::CurrentUser => SqlValueFunction::CurrentUser,
        K::User => SqlValueFunction::User,
        K::SessionUser => SqlValueFunction::SessionUser,
        K::CurrentCatalog => SqlValueFunction::CurrentCatalog,
        K::CurrentSchema => SqlValueFunction::CurrentSchema,
        _ => return None,
    })
}
