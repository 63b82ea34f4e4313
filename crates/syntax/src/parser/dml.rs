//! INSERT, UPDATE, DELETE, MERGE.

use super::*;

impl Parser<'_> {
    /// SELECT, INSERT, UPDATE, DELETE or MERGE (`PreparableStmt`)
    pub(super) fn preparable_statement(&mut self) -> Result<Statement> {
        self.nested(|parser| {
            let with = parser.optional_with()?;
            match parser.keyword() {
                Some(K::Insert) => parser.insert(with),
                Some(K::Update) => parser.update(with),
                Some(K::Delete) => parser.delete(with),
                Some(K::Merge) => parser.merge(with),
                Some(K::Select | K::Values | K::Table | K::With) => {
                    Ok(Statement::Select(Box::new(parser.select_after_with(with)?)))
                }
                None if parser.at_char(b'(') => {
                    Ok(Statement::Select(Box::new(parser.select_after_with(with)?)))
                }
                _ => Err(parser.unexpected()),
            }
        })
    }

    fn insert(&mut self, with: Option<With>) -> Result<Statement> {
        self.expect_all(&[K::Insert, K::Into])?;
        let relation = self.relation_name()?;
        let alias = if self.eat(K::As) { Some(self.column_id()?) } else { None };
        let mut columns = Vec::new();
        // A parenthesis opens either the column list or the query.
        if self.at_char(b'(')
            && self.is_column_id(1)
            && !(self.at_next(1, K::Values) && self.char_at(2, b'('))
        {
            columns = self.paren_list(Self::column_target)?;
        }
        let mut overriding = None;
        let mut source = None;
        if columns.is_empty() && self.eat_all(&[K::Default, K::Values]) {
        } else {
            overriding = self.overriding()?;
            source = Some(self.select_statement()?);
        }
        let on_conflict = if self.at(K::On) { Some(Box::new(self.on_conflict()?)) } else { None };
        let returning = self.returning()?;
        let insert =
            InsertStatement { with, relation, alias, columns, overriding, source, on_conflict, returning };
        Ok(Statement::Insert(Box::new(insert)))
    }

    fn column_target(&mut self) -> Result<ColumnTarget> {
        let location = self.location();
        let name = self.column_id()?;
        Ok(ColumnTarget { name, indirection: self.indirection()?, location })
    }

    fn overriding(&mut self) -> Result<Option<Overriding>> {
        if !self.eat(K::Overriding) {
            return Ok(None);
        }
        let kind = self.expect_any(&[K::User, K::System])?;
        self.expect(K::Value)?;
        Ok(Some(if kind == K::User { Overriding::UserValue } else { Overriding::SystemValue }))
    }

    fn on_conflict(&mut self) -> Result<OnConflict> {
        let location = self.location();
        self.expect_all(&[K::On, K::Conflict])?;
        let at = self.location();
        let mut target = None;
        if self.at_char(b'(') {
            let elements = self.paren_list(Self::index_element)?;
            target =
                Some(ConflictTarget::Index { elements, where_clause: self.optional_where()?, location: at });
        } else if self.eat_all(&[K::On, K::Constraint]) {
            target = Some(ConflictTarget::Constraint { name: self.column_id()?, location: at });
        }
        self.expect(K::Do)?;
        let mut update = None;
        if !self.eat(K::Nothing) {
            self.expect_all(&[K::Update, K::Set])?;
            let assignments = self.list(Self::assignment)?;
            update = Some(ConflictUpdate { assignments, where_clause: self.optional_where()? });
        }
        Ok(OnConflict { target, update, location })
    }

    fn assignment(&mut self) -> Result<Assignment> {
        let location = self.location();
        if self.at_char(b'(') {
            let targets = self.paren_list(Self::column_target)?;
            self.expect_char(b'=')?;
            return Ok(Assignment::Multiple { targets, source: self.expr()?, location });
        }
        let target = self.column_target()?;
        self.expect_char(b'=')?;
        Ok(Assignment::Single { target, value: self.expr()? })
    }

    fn returning(&mut self) -> Result<Option<Returning>> {
        if !self.eat(K::Returning) {
            return Ok(None);
        }
        let mut options = Vec::new();
        if self.eat(K::With) {
            options = self.paren_list(|parser| {
                let location = parser.location();
                let new = parser.expect_any(&[K::Old, K::New])? == K::New;
                parser.expect(K::As)?;
                Ok(ReturningOption { new, name: parser.column_id()?, location })
            })?;
        }
        Ok(Some(Returning { options, targets: self.targets()? }))
    }

    /// `relation_expr_opt_alias`
    fn aliased_relation(&mut self) -> Result<(RelationName, Option<String>)> {
        let relation = self.relation_expr()?;
        let alias = match () {
            () if self.eat(K::As) => Some(self.column_id()?),
            () if self.at(K::Set) => None,
            () => self.optional_column_id(),
        };
        Ok((relation, alias))
    }

    fn where_or_current(&mut self) -> Result<Option<Expr>> {
        if self.at_all(&[K::Where, K::Current, K::Of]) {
            self.advance();
            let location = self.location();
            self.position += 2;
            return Ok(Some(Expr::CurrentOf { cursor: self.column_id()?, location }));
        }
        self.optional_where()
    }

    fn update(&mut self, with: Option<With>) -> Result<Statement> {
        self.expect(K::Update)?;
        let (relation, alias) = self.aliased_relation()?;
        self.expect(K::Set)?;
        let assignments = self.list(Self::assignment)?;
        let from = self.optional_from()?;
        let where_clause = self.where_or_current()?;
        let returning = self.returning()?;
        let update = UpdateStatement { with, relation, alias, assignments, from, where_clause, returning };
        Ok(Statement::Update(Box::new(update)))
    }

    fn delete(&mut self, with: Option<With>) -> Result<Statement> {
        self.expect_all(&[K::Delete, K::From])?;
        let (relation, alias) = self.aliased_relation()?;
        let using = if self.eat(K::Using) { self.list(Self::table_ref)? } else { Vec::new() };
        let where_clause = self.where_or_current()?;
        let returning = self.returning()?;
        Ok(Statement::Delete(Box::new(DeleteStatement {
            with,
            relation,
            alias,
            using,
            where_clause,
            returning,
        })))
    }

    fn merge(&mut self, with: Option<With>) -> Result<Statement> {
        self.expect_all(&[K::Merge, K::Into])?;
        let (relation, alias) = self.aliased_relation()?;
        self.expect(K::Using)?;
        let source = self.table_ref()?;
        self.expect(K::On)?;
        let condition = self.expr()?;
        let mut whens = vec![self.merge_when()?];
        while self.at(K::When) {
            whens.push(self.merge_when()?);
        }
        let returning = self.returning()?;
        let merge = MergeStatement { with, relation, alias, source, condition, whens, returning };
        Ok(Statement::Merge(Box::new(merge)))
    }

    fn merge_when(&mut self) -> Result<MergeWhen> {
        self.expect(K::When)?;
        let not = self.eat(K::Not);
        self.expect(K::Matched)?;
        let matched = match not && self.eat(K::By) {
            true if self.expect_any(&[K::Source, K::Target])? == K::Source => MergeMatch::NotMatchedBySource,
            _ if not => MergeMatch::NotMatchedByTarget,
            _ => MergeMatch::Matched,
        };
        let condition = if self.eat(K::And) { Some(self.expr()?) } else { None };
        self.expect(K::Then)?;
        let insert = matched == MergeMatch::NotMatchedByTarget;
        let action = match self.keyword() {
            Some(K::Do) => {
                self.expect_all(&[K::Do, K::Nothing])?;
                MergeAction::Nothing
            }
            Some(K::Update) if !insert => {
                self.expect_all(&[K::Update, K::Set])?;
                MergeAction::Update(self.list(Self::assignment)?)
            }
            Some(K::Delete) if !insert => {
                self.advance();
                MergeAction::Delete
            }
            Some(K::Insert) if insert => {
                self.advance();
                self.merge_insert()?
            }
            _ => return Err(self.unexpected()),
        };
        Ok(MergeWhen { matched, condition, action })
    }

    fn merge_insert(&mut self) -> Result<MergeAction> {
        if self.eat_all(&[K::Default, K::Values]) {
            return Ok(MergeAction::Insert { columns: Vec::new(), overriding: None, values: Vec::new() });
        }
        let columns = self.optional_paren_list(Self::column_target)?;
        let overriding = self.overriding()?;
        self.expect(K::Values)?;
        Ok(MergeAction::Insert { columns, overriding, values: self.paren_list(Self::expr)? })
    }
}
