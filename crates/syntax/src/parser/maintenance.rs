//! EXPLAIN, VACUUM, ANALYZE, CLUSTER, REINDEX, LOCK, TRUNCATE, NOTIFY, DISCARD, DO.

use super::name::option;
use super::*;

impl Parser<'_> {
    /// `( utility_option_list )`
    fn utility_options(&mut self) -> Result<Vec<OptionItem>> {
        self.paren_list(|parser| {
            let location = parser.location();
            let name = match parser.eat_any(&[K::Analyze, K::Analyse]) {
                Some(_) => "analyze".to_owned(),
                None if parser.at(K::Format) => parser.take_name(),
                None => parser.non_reserved_word()?,
            };
            let value = match parser.kind() {
                Kind::Char(b',' | b')') => None,
                _ if parser.is_number_start() => Some(parser.signed_number()?.into()),
                _ => Some(OptionValue::String(parser.boolean_or_string()?)),
            };
            Ok(option(&name, value, location))
        })
    }

    /// The option of this word, if it stands here.
    fn flag(&mut self, keyword: K, options: &mut Vec<OptionItem>) {
        let location = self.location();
        if self.eat(keyword) {
            options.push(option(keyword.name(), None, location));
        }
    }

    fn analyze_flag(&mut self, options: &mut Vec<OptionItem>) {
        let location = self.location();
        if self.eat_any(&[K::Analyze, K::Analyse]).is_some() {
            options.push(option("analyze", None, location));
        }
    }

    pub(super) fn explain(&mut self) -> Result<Statement> {
        self.expect(K::Explain)?;
        let mut options = Vec::new();
        let option_list = self.at_char(b'(')
            && !matches!(
                self.kind_at(1),
                Kind::Keyword(K::Select | K::Values | K::Table | K::With) | Kind::Char(b'(')
            );
        if option_list {
            options = self.utility_options()?;
        } else {
            self.analyze_flag(&mut options);
            self.flag(K::Verbose, &mut options);
        }
        let query = match self.keyword() {
            Some(K::Declare) => self.declare_cursor()?,
            Some(K::Create) => {
                let at = self.unexpected();
                match self.create()? {
                    create @ Statement::CreateTableAs(_) => create,
                    _ => return Err(at),
                }
            }
            Some(K::Refresh) => self.refresh_materialized_view()?,
            Some(K::Execute) => self.execute()?,
            _ => self.preparable_statement()?,
        };
        Ok(Statement::Explain(Box::new(Explain { query: Box::new(query), options })))
    }

    pub(super) fn vacuum(&mut self) -> Result<Statement> {
        let analyze_only = !self.at(K::Vacuum);
        self.advance();
        let mut options = Vec::new();
        if self.at_char(b'(') {
            options = self.utility_options()?;
        } else {
            if !analyze_only {
                self.flag(K::Full, &mut options);
                self.flag(K::Freeze, &mut options);
            }
            self.flag(K::Verbose, &mut options);
            if !analyze_only {
                self.analyze_flag(&mut options);
            }
        }
        let mut relations = Vec::new();
        if self.at(K::Only) || self.is_column_id(0) {
            relations = self.list(|parser| {
                let relation = parser.relation_expr()?;
                Ok(VacuumRelation { relation, columns: parser.optional_columns()? })
            })?;
        }
        Ok(Statement::Vacuum(Box::new(Vacuum { analyze_only, options, relations })))
    }

    pub(super) fn cluster(&mut self) -> Result<Statement> {
        self.expect(K::Cluster)?;
        let mut cluster = Cluster { relation: None, index: None, options: Vec::new() };
        let listed = self.at_char(b'(');
        if listed {
            cluster.options = self.utility_options()?;
        } else {
            self.flag(K::Verbose, &mut cluster.options);
        }
        if self.is_column_id(0) {
            let name = self.object_name()?;
            if !listed && name.parts.len() == 1 && self.eat(K::On) {
                cluster.index = name.parts.into_iter().next();
                cluster.relation = Some(self.relation_name()?);
            } else {
                cluster.relation = Some(self.relation_from(name)?);
                cluster.index = if self.eat(K::Using) { Some(self.column_id()?) } else { None };
            }
        }
        Ok(Statement::Cluster(Box::new(cluster)))
    }

    pub(super) fn reindex(&mut self) -> Result<Statement> {
        self.expect(K::Reindex)?;
        let mut options = if self.at_char(b'(') { self.utility_options()? } else { Vec::new() };
        let kind = self.expect_any(&[K::Index, K::Table, K::Schema, K::System, K::Database])?;
        self.flag(K::Concurrently, &mut options);
        let target = match kind {
            K::Index => ReindexTarget::Index(self.relation_name()?),
            K::Table => ReindexTarget::Table(self.relation_name()?),
            K::Schema => ReindexTarget::Schema(self.column_id()?),
            K::System => ReindexTarget::System(self.optional_column_id()),
            _ => ReindexTarget::Database(self.optional_column_id()),
        };
        Ok(Statement::Reindex(Box::new(Reindex { target, options })))
    }

    pub(super) fn relation_exprs(&mut self) -> Result<Vec<RelationName>> {
        self.list(Self::relation_expr)
    }

    pub(super) fn lock_table(&mut self) -> Result<Statement> {
        self.expect(K::Lock)?;
        self.eat(K::Table);
        let relations = self.relation_exprs()?;
        let mut mode = LockMode::AccessExclusive;
        if self.eat(K::In) {
            mode = self.lock_mode()?;
            self.expect(K::Mode)?;
        }
        let nowait = self.eat(K::Nowait);
        Ok(Statement::LockTable(Box::new(LockTable { relations, mode, nowait })))
    }

    fn lock_mode(&mut self) -> Result<LockMode> {
        Ok(match self.expect_any(&[K::Access, K::Row, K::Share, K::Exclusive])? {
            K::Access if self.expect_any(&[K::Share, K::Exclusive])? == K::Share => LockMode::AccessShare,
            K::Access => LockMode::AccessExclusive,
            K::Row if self.expect_any(&[K::Share, K::Exclusive])? == K::Share => LockMode::RowShare,
            K::Row => LockMode::RowExclusive,
            K::Exclusive => LockMode::Exclusive,
            _ if self.eat_all(&[K::Update, K::Exclusive]) => LockMode::ShareUpdateExclusive,
            _ if self.eat_all(&[K::Row, K::Exclusive]) => LockMode::ShareRowExclusive,
            _ => LockMode::Share,
        })
    }

    pub(super) fn truncate(&mut self) -> Result<Statement> {
        self.expect(K::Truncate)?;
        self.eat(K::Table);
        let relations = self.relation_exprs()?;
        let restart_identity = self.eat_all(&[K::Restart, K::Identity]);
        if !restart_identity {
            self.eat_all(&[K::Continue, K::Identity]);
        }
        let behavior = self.drop_behavior();
        Ok(Statement::Truncate(Box::new(Truncate { relations, restart_identity, behavior })))
    }

    pub(super) fn notify(&mut self) -> Result<Statement> {
        self.expect(K::Notify)?;
        let channel = self.column_id()?;
        let payload = if self.eat_char(b',') { Some(self.string()?) } else { None };
        Ok(Statement::Notify(Box::new(Notify { channel, payload })))
    }

    pub(super) fn discard(&mut self) -> Result<Statement> {
        self.expect(K::Discard)?;
        let what = self.expect_any(&[K::All, K::Temp, K::Temporary, K::Plans, K::Sequences])?;
        Ok(Statement::Discard(match what {
            K::All => Discard::All,
            K::Plans => Discard::Plans,
            K::Sequences => Discard::Sequences,
            _ => Discard::Temp,
        }))
    }

    pub(super) fn do_block(&mut self) -> Result<Statement> {
        self.expect(K::Do)?;
        let mut options = Vec::new();
        loop {
            let location = self.location();
            let (name, value) = match () {
                () if self.is_string() => ("as", self.take_string()),
                () if self.eat(K::Language) => ("language", self.word_or_string()?),
                () if options.is_empty() => return Err(self.unexpected()),
                () => return Ok(Statement::Do(Box::new(Do { options }))),
            };
            options.push(option(name, Some(OptionValue::String(value)), location));
        }
    }
}
