//! Functions, procedures, aggregates: definitions and signatures.

use super::*;

impl Parser<'_> {
    pub(super) fn create_function(&mut self, or_replace: bool) -> Result<Statement> {
        let procedure = self.expect_any(&[K::Function, K::Procedure])? == K::Procedure;
        let name = self.function_name()?;
        let mut args = self.routine_args(true)?;
        let mut returns = None;
        let mut returns_table = false;
        if !procedure && self.at(K::Returns) && !self.at_next(1, K::Null) {
            self.advance();
            if self.eat(K::Table) {
                returns_table = true;
                args.extend(self.paren_list(|parser| {
                    let location = parser.location();
                    let name = Some(parser.type_function_name()?);
                    let type_name = parser.function_type()?;
                    Ok(RoutineArg { name, mode: ArgMode::Table, type_name, default: None, location })
                })?);
            } else {
                returns = Some(self.function_type()?);
            }
        }
        let mut options = Vec::new();
        while let Some(item) = self.function_option(true)? {
            options.push(item);
        }
        let body = self.routine_body()?;
        let create =
            CreateFunction { procedure, or_replace, name, args, returns, returns_table, options, body };
        Ok(Statement::CreateFunction(Box::new(create)))
    }

    pub(super) fn alter_function(
        &mut self,
        object_type: ObjectType,
        routine: RoutineSignature,
    ) -> Result<Statement> {
        let mut options = Vec::new();
        while let Some(item) = self.function_option(false)? {
            options.push(item);
        }
        if options.is_empty() {
            return Err(self.unexpected());
        }
        self.eat(K::Restrict);
        Ok(Statement::AlterFunction(Box::new(AlterFunction { object_type, routine, options })))
    }

    /// `createfunc_opt_item` or `common_func_opt_item`
    fn function_option(&mut self, create: bool) -> Result<Option<FunctionOption>> {
        use FunctionOptionKind as F;
        let location = self.location();
        let Some(keyword) = self.keyword() else { return Ok(None) };
        if matches!(keyword, K::Set | K::Reset) {
            let kind = F::Set(self.set_or_reset(false)?);
            return Ok(Some(FunctionOption { kind, location }));
        }
        if keyword == K::Not && !self.at_next(1, K::Leakproof) {
            return Ok(None);
        }
        self.advance();
        let kind = match keyword {
            K::As if create => F::As(self.list(Self::string)?),
            K::Language if create => F::Language(self.word_or_string()?),
            K::Transform if create => F::Transform(self.list(|parser| {
                parser.expect_all(&[K::For, K::Type])?;
                parser.type_name()
            })?),
            K::Window if create => F::Window,
            K::Called => {
                self.expect_all(&[K::On, K::Null, K::Input])?;
                F::Strict(false)
            }
            K::Returns => {
                self.expect_all(&[K::Null, K::On, K::Null, K::Input])?;
                F::Strict(true)
            }
            K::Strict => F::Strict(true),
            K::Immutable => F::Volatility(Volatility::Immutable),
            K::Stable => F::Volatility(Volatility::Stable),
            K::Volatile => F::Volatility(Volatility::Volatile),
            K::External | K::Security => {
                if keyword == K::External {
                    self.expect(K::Security)?;
                }
                F::SecurityDefiner(self.expect_any(&[K::Definer, K::Invoker])? == K::Definer)
            }
            K::Leakproof => F::Leakproof(true),
            K::Not => {
                self.expect(K::Leakproof)?;
                F::Leakproof(false)
            }
            K::Cost => F::Cost(self.signed_number()?),
            K::Rows => F::Rows(self.signed_number()?),
            K::Support => F::Support(self.object_name()?),
            K::Parallel => F::Parallel(self.column_id()?),
            _ => {
                self.position -= 1;
                return Ok(None);
            }
        };
        Ok(Some(FunctionOption { kind, location }))
    }

    fn routine_body(&mut self) -> Result<Option<RoutineBody>> {
        if self.eat(K::Return) {
            return Ok(Some(RoutineBody::Return(self.expr()?)));
        }
        if !self.at_all(&[K::Begin, K::Atomic]) {
            return Ok(None);
        }
        self.position += 2;
        let mut statements = Vec::new();
        while !self.eat(K::End) {
            if self.eat_char(b';') {
                continue;
            }
            let statement = match self.eat(K::Return) {
                true => Statement::Return(Box::new(self.expr()?)),
                false => self.statement()?,
            };
            self.expect_char(b';')?;
            statements.push(statement);
        }
        Ok(Some(RoutineBody::Atomic(statements)))
    }

    /// `( argument, ... )`
    fn routine_args(&mut self, defaults: bool) -> Result<Vec<RoutineArg>> {
        self.expect_char(b'(')?;
        if self.eat_char(b')') {
            return Ok(Vec::new());
        }
        let args = self.list(|parser| parser.routine_arg(defaults))?;
        self.expect_char(b')')?;
        Ok(args)
    }

    fn arg_mode(&mut self) -> Option<ArgMode> {
        Some(match self.eat_any(&[K::In, K::Out, K::Inout, K::Variadic])? {
            K::In if self.eat(K::Out) => ArgMode::InOut,
            K::In => ArgMode::In,
            K::Out => ArgMode::Out,
            K::Inout => ArgMode::InOut,
            _ => ArgMode::Variadic,
        })
    }

    /// `func_arg`, with default if allowed
    fn routine_arg(&mut self, defaults: bool) -> Result<RoutineArg> {
        let location = self.location();
        let mut mode = self.arg_mode();
        let mut name = None;
        let mode_next = matches!(self.kind_at(1), Kind::Keyword(K::In | K::Out | K::Inout | K::Variadic));
        let precision = self.at_all(&[K::Double, K::Precision]);
        if self.is_type_function_name(0)
            && !precision
            && (self.is_type_start(1) || (mode.is_none() && mode_next))
        {
            name = Some(self.take_name());
            if mode.is_none() {
                mode = self.arg_mode();
            }
        }
        let type_name = self.function_type()?;
        let has_default = defaults && (self.eat(K::Default) || self.eat_char(b'='));
        let default = if has_default { Some(self.expr()?) } else { None };
        Ok(RoutineArg { name, mode: mode.unwrap_or(ArgMode::Default), type_name, default, location })
    }

    /// `function_with_argtypes`
    pub(super) fn routine_signature(&mut self) -> Result<RoutineSignature> {
        let name = match self.is_column_id(0) {
            true => self.object_name()?,
            false => self.function_name()?,
        };
        let args = if self.at_char(b'(') { Some(self.routine_args(false)?) } else { None };
        Ok(RoutineSignature { name, args, direct_args: None, star: false })
    }

    /// `aggregate_with_argtypes`
    pub(super) fn aggregate_signature(&mut self) -> Result<RoutineSignature> {
        let name = self.function_name()?;
        let mut signature = RoutineSignature { name, args: Some(Vec::new()), direct_args: None, star: false };
        self.expect_char(b'(')?;
        if self.eat_char(b'*') {
            self.expect_char(b')')?;
            signature.star = true;
            return Ok(signature);
        }
        let mut args = if self.at(K::Order) { Vec::new() } else { self.list(Self::aggregate_arg)? };
        if self.eat_all(&[K::Order, K::By]) {
            signature.direct_args = Some(args.len());
            let ordered = self.list(Self::aggregate_arg)?;
            let variadic = |args: &[RoutineArg]| args.last().is_some_and(|arg| arg.mode == ArgMode::Variadic);
            if variadic(&args) {
                // A variadic direct argument stands for the ordered ones too.
                let same = ordered.len() == 1
                    && ordered[0].mode == ArgMode::Variadic
                    && args.last().is_some_and(|arg| arg.type_name.names == ordered[0].type_name.names);
                if !same {
                    let message = "an ordered-set aggregate with a VARIADIC direct argument must have one VARIADIC aggregated argument of the same data type";
                    return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message)
                        .at(ordered.first().map_or(0, |arg| arg.location)));
                }
            } else {
                args.extend(ordered);
            }
        }
        self.expect_char(b')')?;
        signature.args = Some(args);
        Ok(signature)
    }

    fn aggregate_arg(&mut self) -> Result<RoutineArg> {
        let arg = self.routine_arg(false)?;
        if matches!(arg.mode, ArgMode::Out | ArgMode::InOut) {
            return Err(
                err!(FEATURE_NOT_SUPPORTED, "aggregates cannot have output arguments").at(arg.location)
            );
        }
        Ok(arg)
    }

    /// `operator_with_argtypes`
    pub(super) fn operator_signature(&mut self) -> Result<OperatorSignature> {
        let location = self.location();
        let name = self.any_operator()?;
        self.operator_operands(name, location)
    }

    /// `oper_argtypes`
    pub(super) fn operator_operands(
        &mut self,
        name: OperatorName,
        location: usize,
    ) -> Result<OperatorSignature> {
        self.expect_char(b'(')?;
        let left = if self.eat(K::None) { None } else { Some(self.type_name()?) };
        let at = self.location();
        if left.is_some() && self.eat_char(b')') {
            return Err(err!(SYNTAX_ERROR, "missing argument")
                .hint("Use NONE to denote the missing argument of a unary operator.")
                .at(at));
        }
        self.expect_char(b',')?;
        let right = if left.is_some() && self.eat(K::None) { None } else { Some(self.type_name()?) };
        self.expect_char(b')')?;
        Ok(OperatorSignature { name, left, right, location })
    }
}
