//! Triggers, event triggers, rules, policies.

use super::*;

impl Parser<'_> {
    pub(super) fn create_trigger(&mut self, or_replace: bool, start: usize) -> Result<Statement> {
        let constraint = self.eat(K::Constraint);
        self.expect(K::Trigger)?;
        if constraint && or_replace {
            let message = "CREATE OR REPLACE CONSTRAINT TRIGGER is not supported";
            return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(start));
        }
        let name = self.column_id()?;
        let timing = match self.expect_any(&[K::Before, K::After, K::Instead])? {
            K::Before if !constraint => TriggerTiming::Before,
            K::After => TriggerTiming::After,
            K::Instead if !constraint => {
                self.expect(K::Of)?;
                TriggerTiming::InsteadOf
            }
            _ => {
                self.position -= 1;
                return Err(self.unexpected());
            }
        };
        let (events, columns) = self.trigger_events()?;
        self.expect(K::On)?;
        let relation = self.relation_name()?;
        let mut trigger = CreateTrigger {
            name,
            or_replace,
            constraint,
            relation,
            timing,
            events,
            columns,
            transitions: Vec::new(),
            for_each_row: constraint,
            when: None,
            function: ObjectName { parts: Vec::new(), location: start },
            args: Vec::new(),
            constraint_from: None,
            deferrable: false,
            initially_deferred: false,
        };
        if constraint {
            if self.eat(K::From) {
                trigger.constraint_from = Some(self.relation_name()?);
            }
            let found = self.constraint_attributes()?;
            trigger.initially_deferred = found.deferred == Some(true);
            trigger.deferrable = found.deferrable == Some(true) || trigger.initially_deferred;
            let refused = match () {
                () if found.not_valid => "NOT VALID",
                () if found.no_inherit => "NO INHERIT",
                () if found.enforced == Some(false) => "NOT ENFORCED",
                () if found.enforced == Some(true) => "ENFORCED",
                () => "",
            };
            if !refused.is_empty() {
                let message = format!("TRIGGER constraints cannot be marked {refused}");
                return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(found.location));
            }
            self.expect_all(&[K::For, K::Each, K::Row])?;
        } else {
            trigger.transitions = self.transition_tables()?;
            if self.eat(K::For) {
                self.eat(K::Each);
                trigger.for_each_row = self.expect_any(&[K::Row, K::Statement])? == K::Row;
            }
        }
        if self.eat(K::When) {
            trigger.when = Some(self.parens(Self::expr)?);
        }
        trigger.function = self.execute_function()?;
        self.expect_char(b'(')?;
        if !self.at_char(b')') {
            trigger.args = self.list(Self::trigger_arg)?;
        }
        self.expect_char(b')')?;
        Ok(Statement::CreateTrigger(Box::new(trigger)))
    }

    /// `EXECUTE FUNCTION name`
    fn execute_function(&mut self) -> Result<ObjectName> {
        self.expect(K::Execute)?;
        self.expect_any(&[K::Function, K::Procedure])?;
        self.function_name()
    }

    fn trigger_arg(&mut self) -> Result<String> {
        if self.is_string() {
            return self.string();
        }
        match self.number_literal() {
            Some(Literal::Integer(value)) => {
                self.advance();
                Ok(value.to_string())
            }
            Some(Literal::Numeric(text)) => {
                self.advance();
                Ok(text)
            }
            _ => self.label(),
        }
    }

    fn trigger_events(&mut self) -> Result<(TriggerEvents, Vec<String>)> {
        let mut events = TriggerEvents::default();
        let mut columns = Vec::new();
        loop {
            let event = self.expect_any(&[K::Insert, K::Delete, K::Update, K::Truncate])?;
            let slot = match event {
                K::Insert => &mut events.insert,
                K::Delete => &mut events.delete,
                K::Update => &mut events.update,
                _ => &mut events.truncate,
            };
            let twice = std::mem::replace(slot, true);
            if event == K::Update && self.eat(K::Of) {
                columns = self.names()?;
            }
            if twice {
                // Only UPDATE needs a look at the next token.
                self.position -= usize::from(event != K::Update);
                let token = self.token();
                let (start, end) = (token.start as usize, token.end as usize);
                return Err(error_near("duplicate trigger events specified", self.sql, start, end));
            }
            if !self.eat(K::Or) {
                return Ok((events, columns));
            }
        }
    }

    fn transition_tables(&mut self) -> Result<Vec<TransitionTable>> {
        let mut tables = Vec::new();
        if !self.eat(K::Referencing) {
            return Ok(tables);
        }
        loop {
            let new = self.expect_any(&[K::New, K::Old])? == K::New;
            let table = self.expect_any(&[K::Table, K::Row])? == K::Table;
            self.eat(K::As);
            tables.push(TransitionTable { name: self.column_id()?, new, table });
            if !self.at_any(&[K::New, K::Old]) {
                return Ok(tables);
            }
        }
    }

    pub(super) fn create_event_trigger(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Event, K::Trigger])?;
        let name = self.column_id()?;
        self.expect(K::On)?;
        let event = self.label()?;
        let mut when = Vec::new();
        if self.eat(K::When) {
            loop {
                let location = self.location();
                let name = self.column_id()?;
                self.expect(K::In)?;
                when.push(EventTriggerFilter { name, values: self.paren_list(Self::string)?, location });
                if !self.eat(K::And) {
                    break;
                }
            }
        }
        let function = self.execute_function()?;
        self.expect_char(b'(')?;
        self.expect_char(b')')?;
        Ok(Statement::CreateEventTrigger(Box::new(CreateEventTrigger { name, event, when, function })))
    }

    pub(super) fn create_rule(&mut self, or_replace: bool) -> Result<Statement> {
        self.expect(K::Rule)?;
        let name = self.column_id()?;
        self.expect_all(&[K::As, K::On])?;
        let event = match self.expect_any(&[K::Select, K::Update, K::Delete, K::Insert])? {
            K::Select => RuleEvent::Select,
            K::Update => RuleEvent::Update,
            K::Delete => RuleEvent::Delete,
            _ => RuleEvent::Insert,
        };
        self.expect(K::To)?;
        let relation = self.relation_name()?;
        let where_clause = self.optional_where()?;
        self.expect(K::Do)?;
        let instead = self.eat_any(&[K::Instead, K::Also]) == Some(K::Instead);
        let mut actions = Vec::new();
        if self.eat(K::Nothing) {
        } else if self.at_char(b'(') && !self.at_parenthesised_query() {
            self.advance();
            while !self.eat_char(b')') {
                if !self.eat_char(b';') {
                    actions.push(self.rule_action()?);
                    if !self.at_char(b';') && !self.at_char(b')') {
                        return Err(self.unexpected());
                    }
                }
            }
        } else {
            actions.push(self.rule_action()?);
        }
        let rule = CreateRule { name, or_replace, event, relation, where_clause, instead, actions };
        Ok(Statement::CreateRule(Box::new(rule)))
    }

    /// Whether the parenthesis here opens a query that goes on after it, rather than a list of actions.
    fn at_parenthesised_query(&self) -> bool {
        let mut depth = 0_usize;
        for ahead in 0.. {
            match self.kind_at(ahead) {
                Kind::Char(b'(') => depth += 1,
                Kind::Char(b')') if depth == 1 => {
                    return matches!(
                        self.kind_at(ahead + 1),
                        Kind::Keyword(K::Union | K::Except | K::Intersect)
                    );
                }
                Kind::Char(b')') => depth -= 1,
                Kind::End | Kind::Error => return false,
                _ => {}
            }
        }
        false
    }

    fn rule_action(&mut self) -> Result<Statement> {
        if self.at(K::Notify) { self.notify() } else { self.preparable_statement() }
    }

    pub(super) fn create_policy(&mut self) -> Result<Statement> {
        self.expect(K::Policy)?;
        let name = self.column_id()?;
        self.expect(K::On)?;
        let relation = self.relation_name()?;
        let mut permissive = true;
        if self.eat(K::As) {
            let at = self.location();
            if !self.is_plain_identifier() {
                return Err(self.unexpected());
            }
            permissive = match self.take_name().as_str() {
                "permissive" => true,
                "restrictive" => false,
                other => {
                    return Err(err!(SYNTAX_ERROR, "unrecognized row security option \"{other}\"")
                        .hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently.")
                        .at(at));
                }
            };
        }
        let mut command = PolicyCommand::All;
        if self.eat(K::For) {
            command = match self.expect_any(&[K::All, K::Select, K::Insert, K::Update, K::Delete])? {
                K::All => PolicyCommand::All,
                K::Select => PolicyCommand::Select,
                K::Insert => PolicyCommand::Insert,
                K::Update => PolicyCommand::Update,
                _ => PolicyCommand::Delete,
            };
        }
        let location = self.location();
        let roles = match self.eat(K::To) {
            true => self.roles()?,
            false => vec![Role { kind: RoleKind::Public, location }],
        };
        let (using, with_check) = self.policy_expressions()?;
        let policy = CreatePolicy { name, relation, permissive, command, roles, using, with_check };
        Ok(Statement::CreatePolicy(Box::new(policy)))
    }

    fn policy_expressions(&mut self) -> Result<(Option<Expr>, Option<Expr>)> {
        let using = if self.eat(K::Using) { Some(self.parens(Self::expr)?) } else { None };
        let mut with_check = None;
        if self.eat(K::With) {
            self.expect(K::Check)?;
            with_check = Some(self.parens(Self::expr)?);
        }
        Ok((using, with_check))
    }

    pub(super) fn alter_policy(&mut self, name: String, relation: ObjectName) -> Result<Statement> {
        let relation = self.relation_from(relation)?;
        let roles = if self.eat(K::To) { Some(self.roles()?) } else { None };
        let (using, with_check) = self.policy_expressions()?;
        Ok(Statement::AlterPolicy(Box::new(AlterPolicy { name, relation, roles, using, with_check })))
    }
}
