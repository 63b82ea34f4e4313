//! SET, SHOW, transactions, cursors, prepared statements.

use super::*;

impl Parser<'_> {
    pub(super) fn set(&mut self) -> Result<Statement> {
        let location = self.location();
        self.expect(K::Set)?;
        if self.at(K::Constraints) && (self.at_next(1, K::All) || self.is_column_id(1)) {
            return self.set_constraints();
        }
        let local = self.at(K::Local) && self.is_column_id(1) && self.eat(K::Local);
        if !local && self.at(K::Session) && !self.at_next(1, K::Authorization) && self.is_label(1) {
            if self.eat_all(&[K::Session, K::Characteristics, K::As, K::Transaction]) {
                let action = SetAction::SessionCharacteristics(self.transaction_modes(true)?);
                return Ok(Statement::Set(Box::new(SetStatement { local, action, location })));
            }
            if !self.at_next(1, K::To) {
                self.advance();
            }
        }
        let action = self.set_action(true)?;
        Ok(Statement::Set(Box::new(SetStatement { local, action, location })))
    }

    /// `set_rest`; without transactions: `set_rest_more`
    pub(super) fn set_action(&mut self, transactions: bool) -> Result<SetAction> {
        let location = self.location();
        let text = |value: String, at| vec![Expr::Const { value: Literal::String(value), location: at }];
        let named = |name: &str, values| Ok(SetAction::Value { name: name.to_owned(), values });
        let assigned = self.kind_at(1) == Kind::Char(b'=') || self.at_next(1, K::To) || self.char_at(1, b'.');
        match self.keyword() {
            _ if assigned => {}
            Some(K::Transaction) => {
                self.advance();
                if self.eat(K::Snapshot) {
                    return Ok(SetAction::TransactionSnapshot(self.string()?));
                }
                if !transactions {
                    return Err(self.unexpected());
                }
                return Ok(SetAction::Transaction(self.transaction_modes(true)?));
            }
            Some(K::Time) if self.at_next(1, K::Zone) => {
                self.position += 2;
                return self.set_time_zone();
            }
            Some(K::Catalog) => {
                self.advance();
                let at = self.location();
                self.string()?;
                return Err(err!(FEATURE_NOT_SUPPORTED, "current database cannot be changed").at(at));
            }
            Some(K::Schema) => {
                self.advance();
                let at = self.location();
                return named("search_path", text(self.string()?, at));
            }
            Some(K::Names) => {
                self.advance();
                let at = self.location();
                let name = "client_encoding";
                return match self.optional_string() {
                    Some(encoding) => named(name, text(encoding, at)),
                    None => {
                        self.eat(K::Default);
                        Ok(SetAction::Default { name: name.to_owned() })
                    }
                };
            }
            Some(K::Role) => {
                self.advance();
                let at = self.location();
                return named("role", text(self.word_or_string()?, at));
            }
            Some(K::Session) if self.at_next(1, K::Authorization) => {
                self.position += 2;
                let name = "session_authorization";
                if self.eat(K::Default) {
                    return Ok(SetAction::Default { name: name.to_owned() });
                }
                let at = self.location();
                return named(name, text(self.word_or_string()?, at));
            }
            Some(K::Xml) if self.at_next(1, K::Option) => {
                self.position += 2;
                let value = if self.document_or_content()? { "DOCUMENT" } else { "CONTENT" };
                return named("xmloption", text(value.to_owned(), location));
            }
            _ => {}
        }
        let start = self.position;
        let name = self.variable_name()?;
        if self.eat_all(&[K::From, K::Current]) {
            return Ok(SetAction::FromCurrent { name });
        }
        self.position = start;
        self.generic_set()
    }

    /// `var_name`
    pub(super) fn variable_name(&mut self) -> Result<String> {
        let mut name = self.column_id()?;
        while self.eat_char(b'.') {
            name.push('.');
            name.push_str(&self.column_id()?);
        }
        Ok(name)
    }

    fn set_time_zone(&mut self) -> Result<SetAction> {
        let name = "timezone".to_owned();
        let location = self.location();
        let value = match self.kind() {
            Kind::Keyword(K::Default | K::Local) => {
                self.advance();
                return Ok(SetAction::Default { name });
            }
            Kind::Keyword(K::Interval) => {
                self.advance();
                self.time_zone_interval(location)?
            }
            Kind::String => Expr::Const { value: Literal::String(self.take_string()), location },
            Kind::Identifier | Kind::QuotedIdentifier => {
                Expr::Const { value: Literal::String(self.take_name()), location }
            }
            _ => Expr::Const { value: self.signed_number()?, location },
        };
        Ok(SetAction::Value { name, values: vec![value] })
    }

    fn time_zone_interval(&mut self, location: usize) -> Result<Expr> {
        if self.at_char(b'(') {
            self.position -= 1;
            return self.primary();
        }
        let fields_at = self.token_at(1).start as usize;
        let value = self.interval_literal(location)?;
        if let Expr::TypeCast(cast) = &value
            && !matches!(
                cast.type_name.interval,
                None | Some(IntervalFields::Hour | IntervalFields::Minute | IntervalFields::HourToMinute)
            )
        {
            let message = "time zone interval must be HOUR or HOUR TO MINUTE";
            return Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(fields_at));
        }
        Ok(value)
    }

    fn set_constraints(&mut self) -> Result<Statement> {
        self.expect(K::Constraints)?;
        let constraints = if self.eat(K::All) { Vec::new() } else { self.relation_names()? };
        let deferred = self.expect_any(&[K::Deferred, K::Immediate])? == K::Deferred;
        Ok(Statement::SetConstraints(Box::new(SetConstraints { constraints, deferred })))
    }

    pub(super) fn reset(&mut self) -> Result<Statement> {
        let location = self.location();
        let action = self.reset_action()?;
        Ok(Statement::Set(Box::new(SetStatement { local: false, action, location })))
    }

    /// `VariableResetStmt`
    pub(super) fn reset_action(&mut self) -> Result<SetAction> {
        self.expect(K::Reset)?;
        if self.eat(K::All) {
            return Ok(SetAction::ResetAll);
        }
        Ok(SetAction::Reset { name: self.special_variable_name()? })
    }

    /// A variable's name, or the words for one.
    fn special_variable_name(&mut self) -> Result<String> {
        let name = match () {
            () if self.eat_all(&[K::Time, K::Zone]) => "timezone",
            () if self.eat_all(&[K::Transaction, K::Isolation, K::Level]) => "transaction_isolation",
            () if self.eat_all(&[K::Session, K::Authorization]) => "session_authorization",
            () => return self.variable_name(),
        };
        Ok(name.to_owned())
    }

    /// `SetResetClause`; for functions without SET TRANSACTION
    pub(super) fn set_or_reset(&mut self, transactions: bool) -> Result<SetStatement> {
        let location = self.location();
        let action = if self.eat(K::Set) { self.set_action(transactions)? } else { self.reset_action()? };
        Ok(SetStatement { local: false, action, location })
    }

    pub(super) fn show(&mut self) -> Result<Statement> {
        self.expect(K::Show)?;
        let show = if self.eat(K::All) {
            ShowStatement::All
        } else {
            ShowStatement::Name(self.special_variable_name()?)
        };
        Ok(Statement::Show(Box::new(show)))
    }

    fn transaction_modes(&mut self, required: bool) -> Result<Vec<TransactionMode>> {
        let mut modes = Vec::new();
        loop {
            let location = self.location();
            let mode = match self.keyword() {
                Some(K::Isolation) => {
                    self.expect_all(&[K::Isolation, K::Level])?;
                    let at = self.location();
                    TransactionMode::Isolation { level: self.isolation_level()?, location: at }
                }
                Some(K::Read) => {
                    self.advance();
                    let read_only = self.expect_any(&[K::Only, K::Write])? == K::Only;
                    TransactionMode::ReadOnly { read_only, location }
                }
                Some(K::Deferrable) => {
                    self.advance();
                    TransactionMode::Deferrable { deferrable: true, location }
                }
                Some(K::Not) => {
                    self.expect_all(&[K::Not, K::Deferrable])?;
                    TransactionMode::Deferrable { deferrable: false, location }
                }
                _ if modes.is_empty() && !required => return Ok(modes),
                _ => return Err(self.unexpected()),
            };
            modes.push(mode);
            if !self.eat_char(b',') && !self.at_any(&[K::Isolation, K::Read, K::Deferrable, K::Not]) {
                return Ok(modes);
            }
        }
    }

    fn isolation_level(&mut self) -> Result<IsolationLevel> {
        Ok(match self.expect_any(&[K::Read, K::Repeatable, K::Serializable])? {
            K::Serializable => IsolationLevel::Serializable,
            K::Repeatable => {
                self.expect(K::Read)?;
                IsolationLevel::RepeatableRead
            }
            _ if self.expect_any(&[K::Committed, K::Uncommitted])? == K::Committed => {
                IsolationLevel::ReadCommitted
            }
            _ => IsolationLevel::ReadUncommitted,
        })
    }

    pub(super) fn transaction(&mut self) -> Result<Statement> {
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        self.advance();
        let statement = match keyword {
            K::Begin => {
                self.eat_any(&[K::Work, K::Transaction]);
                TransactionStatement::Begin(self.transaction_modes(false)?)
            }
            K::Start => {
                self.expect(K::Transaction)?;
                TransactionStatement::Start(self.transaction_modes(false)?)
            }
            K::Commit | K::End => {
                let location = self.token_at(1).start as usize;
                if keyword == K::Commit && self.eat(K::Prepared) {
                    TransactionStatement::CommitPrepared { gid: self.string()?, location }
                } else {
                    TransactionStatement::Commit { chain: self.chain()? }
                }
            }
            K::Rollback | K::Abort => self.rollback(keyword)?,
            K::Savepoint => {
                let location = self.location();
                TransactionStatement::Savepoint { name: self.column_id()?, location }
            }
            K::Release => {
                self.savepoint_word();
                let location = self.location();
                TransactionStatement::Release { name: self.column_id()?, location }
            }
            _ => {
                self.expect(K::Transaction)?;
                let location = self.location();
                TransactionStatement::Prepare { gid: self.string()?, location }
            }
        };
        Ok(Statement::Transaction(Box::new(statement)))
    }

    /// SAVEPOINT, unless that is the savepoint's name.
    fn savepoint_word(&mut self) {
        if self.at(K::Savepoint) && self.is_column_id(1) {
            self.advance();
        }
    }

    fn rollback(&mut self, keyword: K) -> Result<TransactionStatement> {
        if keyword == K::Rollback && self.eat(K::Prepared) {
            let location = self.location();
            return Ok(TransactionStatement::RollbackPrepared { gid: self.string()?, location });
        }
        self.eat_any(&[K::Work, K::Transaction]);
        if keyword == K::Rollback && self.eat(K::To) {
            self.savepoint_word();
            let location = self.location();
            return Ok(TransactionStatement::RollbackTo { name: self.column_id()?, location });
        }
        Ok(TransactionStatement::Rollback { chain: self.chain()? })
    }

    /// `[WORK] [AND [NO] CHAIN]`
    fn chain(&mut self) -> Result<bool> {
        self.eat_any(&[K::Work, K::Transaction]);
        if !self.eat(K::And) {
            return Ok(false);
        }
        let chain = !self.eat(K::No);
        self.expect(K::Chain)?;
        Ok(chain)
    }

    pub(super) fn declare_cursor(&mut self) -> Result<Statement> {
        self.expect(K::Declare)?;
        let name = self.column_id()?;
        let (mut binary, mut insensitive, mut asensitive) = (false, false, false);
        let (mut scroll, mut no_scroll) = (false, false);
        loop {
            match self.eat_any(&[K::No, K::Scroll, K::Binary, K::Asensitive, K::Insensitive]) {
                Some(K::No) => {
                    self.expect(K::Scroll)?;
                    no_scroll = true;
                }
                Some(K::Scroll) => scroll = true,
                Some(K::Binary) => binary = true,
                Some(K::Asensitive) => asensitive = true,
                Some(_) => insensitive = true,
                None => break,
            }
        }
        self.expect(K::Cursor)?;
        let hold = self.eat_all(&[K::With, K::Hold]);
        if !hold {
            self.eat_all(&[K::Without, K::Hold]);
        }
        self.expect(K::For)?;
        let query = self.select_statement()?;
        Ok(Statement::DeclareCursor(Box::new(DeclareCursor {
            name,
            binary,
            scroll: if scroll { Some(true) } else { no_scroll.then_some(false) },
            no_scroll_and_scroll: scroll && no_scroll,
            insensitive,
            asensitive,
            hold,
            query,
        })))
    }

    pub(super) fn fetch(&mut self) -> Result<Statement> {
        let move_only = self.at(K::Move);
        self.advance();
        let (direction, count) = self.fetch_direction()?;
        self.eat_any(&[K::From, K::In]);
        let cursor = self.column_id()?;
        Ok(Statement::Fetch(Box::new(Fetch { cursor, direction, count, move_only })))
    }

    fn fetch_direction(&mut self) -> Result<(FetchDirection, Option<i64>)> {
        use FetchDirection::*;
        if self.is_signed_number() {
            return Ok((Forward, Some(self.signed_integer()?.into())));
        }
        if self.eat(K::All) {
            return Ok((Forward, None));
        }
        // These words may also be the cursor's name.
        let followed = self.at_next(1, K::From)
            || self.at_next(1, K::In)
            || self.at_next(1, K::All)
            || self.is_column_id(1)
            || matches!(self.kind_at(1), Kind::Integer | Kind::Char(b'+' | b'-'));
        if !followed {
            return Ok((Forward, Some(1)));
        }
        let words =
            &[K::Next, K::Prior, K::First, K::Last, K::Absolute, K::Relative, K::Forward, K::Backward];
        Ok(match self.eat_any(words) {
            None | Some(K::Next) => (Forward, Some(1)),
            Some(K::Prior) => (Backward, Some(1)),
            Some(K::First) => (Absolute, Some(1)),
            Some(K::Last) => (Absolute, Some(-1)),
            Some(K::Absolute) => (Absolute, Some(self.signed_integer()?.into())),
            Some(K::Relative) => (Relative, Some(self.signed_integer()?.into())),
            Some(keyword) => {
                let direction = if keyword == K::Forward { Forward } else { Backward };
                match () {
                    () if self.eat(K::All) => (direction, None),
                    () if self.is_signed_number() => (direction, Some(self.signed_integer()?.into())),
                    () => (direction, Some(1)),
                }
            }
        })
    }

    pub(super) fn close(&mut self) -> Result<Statement> {
        self.expect(K::Close)?;
        let close = if self.eat(K::All) { ClosePortal::All } else { ClosePortal::Name(self.column_id()?) };
        Ok(Statement::ClosePortal(Box::new(close)))
    }

    pub(super) fn prepare(&mut self) -> Result<Statement> {
        self.expect(K::Prepare)?;
        let name = self.column_id()?;
        let types = self.optional_paren_list(Self::type_name)?;
        self.expect(K::As)?;
        let query = Box::new(self.preparable_statement()?);
        Ok(Statement::Prepare(Box::new(Prepare { name, types, query })))
    }

    pub(super) fn execute(&mut self) -> Result<Statement> {
        self.expect(K::Execute)?;
        let name = self.column_id()?;
        Ok(Statement::Execute(Box::new(Execute { name, params: self.optional_paren_list(Self::expr)? })))
    }

    pub(super) fn deallocate(&mut self) -> Result<Statement> {
        self.expect(K::Deallocate)?;
        if self.at(K::Prepare) && (self.is_column_id(1) || self.at_next(1, K::All)) {
            self.advance();
        }
        let location = self.location();
        let deallocate = match self.eat(K::All) {
            true => Deallocate::All,
            false => Deallocate::Name { name: self.column_id()?, location },
        };
        Ok(Statement::Deallocate(Box::new(deallocate)))
    }

    /// `name TO values`, `name = values`, `name TO DEFAULT`
    pub(super) fn generic_set(&mut self) -> Result<SetAction> {
        let name = self.variable_name()?;
        if !self.eat(K::To) {
            self.expect_char(b'=')?;
        }
        if self.eat(K::Default) {
            return Ok(SetAction::Default { name });
        }
        let values = self.list(|parser| {
            let location = parser.location();
            let value = match parser.is_number_start() {
                true => parser.signed_number()?,
                false => Literal::String(parser.boolean_or_string()?),
            };
            Ok(Expr::Const { value, location })
        })?;
        Ok(SetAction::Value { name, values })
    }
}
