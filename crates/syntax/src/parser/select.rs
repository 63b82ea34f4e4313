//! SELECT, VALUES, TABLE, set operations, WITH, and the clauses around them.

use super::*;

impl Parser<'_> {
    /// `SelectStmt`
    pub(super) fn select_statement(&mut self) -> Result<SelectStatement> {
        if self.at_char(b'(') || self.at_query() { self.select_no_parens() } else { Err(self.unexpected()) }
    }

    /// `( query )`
    pub(super) fn select_with_parens(&mut self) -> Result<SelectStatement> {
        self.nested(|parser| parser.parens(Self::select_statement))
    }

    /// `select_no_parens`, or a query in parentheses
    pub(super) fn select_no_parens(&mut self) -> Result<SelectStatement> {
        self.nested(|parser| {
            let with = parser.optional_with()?;
            parser.select_after_with(with)
        })
    }

    /// The query that follows WITH.
    pub(super) fn select_after_with(&mut self, with: Option<With>) -> Result<SelectStatement> {
        let first = self.select_clause()?;
        let query = self.set_operations(first, 0)?;
        self.select_options(query, with)
    }

    pub(super) fn at_query_continuation(&self) -> bool {
        self.at_any(&[K::Union, K::Intersect, K::Except, K::Order, K::Limit, K::Offset, K::Fetch, K::For])
    }

    /// What may follow a parenthesised query to make it part of a greater one.
    pub(super) fn select_continued(&mut self, first: SelectStatement) -> Result<SelectStatement> {
        let query = self.set_operations(first, 0)?;
        self.select_options(query, None)
    }

    fn select_clause(&mut self) -> Result<SelectStatement> {
        if self.at_char(b'(') {
            return self.select_with_parens();
        }
        let location = self.location();
        let body = match self.expect_any(&[K::Select, K::Values, K::Table])? {
            K::Select => SelectBody::Select(Box::new(self.simple_select()?)),
            K::Values => SelectBody::Values(self.list(|parser| parser.paren_list(Self::expr))?),
            _ => {
                let relation = self.relation_expr()?;
                let star = ColumnRef { names: Vec::new(), star: true, location };
                let target = Target { expr: Expr::Column(star), alias: None, location };
                let mut select = empty_select(vec![target]);
                select.from = vec![TableRef::Relation { relation, alias: None, sample: None }];
                SelectBody::Select(Box::new(select))
            }
        };
        Ok(query(body, location))
    }

    fn set_operations(&mut self, mut left: SelectStatement, minimum: u8) -> Result<SelectStatement> {
        loop {
            let (operator, level) = match self.keyword() {
                Some(K::Union) => (SetOperator::Union, 1),
                Some(K::Except) => (SetOperator::Except, 1),
                Some(K::Intersect) => (SetOperator::Intersect, 2),
                _ => return Ok(left),
            };
            if level < minimum {
                return Ok(left);
            }
            let location = self.location();
            self.advance();
            let all = self.eat_any(&[K::All, K::Distinct]) == Some(K::All);
            let right = self.select_clause()?;
            let right = self.set_operations(right, level + 1)?;
            let start = left.location;
            let operation = SetOperation { operator, all, left, right, location };
            left = query(SelectBody::SetOperation(Box::new(operation)), start);
            self.grow()?;
        }
    }

    /// ORDER BY, LIMIT, OFFSET, FETCH, FOR UPDATE after a query that may have brought some from its parentheses.
    pub(super) fn select_options(
        &mut self,
        mut query: SelectStatement,
        with: Option<With>,
    ) -> Result<SelectStatement> {
        let double =
            |clause: &str, at| Err(err!(SYNTAX_ERROR, "multiple {clause} clauses not allowed").at(at));
        let order_by = self.optional_order_by()?;
        if let Some(first) = order_by.first() {
            if !query.order_by.is_empty() {
                return double("ORDER BY", first.expr.start());
            }
            query.order_by = order_by;
        }
        let locked = self.locking(&mut query)?;
        let (had_limit, had_offset) = (query.limit.is_some(), query.offset.is_some());
        let (mut limit_seen, mut offset_seen) = (false, false);
        loop {
            let at = self.location();
            match self.keyword() {
                Some(K::Limit | K::Fetch) if !limit_seen => {
                    limit_seen = true;
                    if had_limit {
                        return double("LIMIT", at);
                    }
                    self.limit(&mut query)?;
                }
                Some(K::Offset) if !offset_seen => {
                    offset_seen = true;
                    if had_offset {
                        return double("OFFSET", at);
                    }
                    self.advance();
                    query.offset = Some(self.expr()?);
                    self.eat_any(&[K::Row, K::Rows]);
                }
                _ => break,
            }
        }
        if !locked && (limit_seen || offset_seen) {
            self.locking(&mut query)?;
        }
        if query.with_ties && limit_seen {
            if query.order_by.is_empty() {
                return Err(err!(SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause"));
            }
            if query.locking.iter().any(|locking| locking.wait == LockWait::SkipLocked) {
                return Err(err!(SYNTAX_ERROR, "SKIP LOCKED and WITH TIES options cannot be used together"));
            }
        }
        if let Some(with) = with {
            if query.with.is_some() {
                return double("WITH", with.location);
            }
            query.with = Some(with);
        }
        Ok(query)
    }

    fn limit(&mut self, query: &mut SelectStatement) -> Result<()> {
        let start = self.location();
        if self.eat(K::Limit) {
            if !self.eat(K::All) {
                query.limit = Some(self.expr()?);
            }
            if self.eat_char(b',') {
                self.expr()?;
                return Err(err!(SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                    .hint("Use separate LIMIT and OFFSET clauses.")
                    .at(start));
            }
            return Ok(());
        }
        self.expect(K::Fetch)?;
        self.expect_any(&[K::First, K::Next])?;
        let location = self.location();
        let bare = self.at_any(&[K::Row, K::Rows]) && !self.char_at(1, b'(');
        query.limit = Some(match () {
            () if bare => Expr::Const { value: Literal::Integer(1), location },
            () if self.is_signed_number() => Expr::Const { value: self.signed_number()?, location },
            () => self.primary()?,
        });
        self.expect_any(&[K::Row, K::Rows])?;
        if !self.eat(K::Only) {
            self.expect_all(&[K::With, K::Ties])?;
            query.with_ties = true;
        }
        Ok(())
    }

    /// `for_locking_clause`, if there is one
    fn locking(&mut self, query: &mut SelectStatement) -> Result<bool> {
        if self.eat_all(&[K::For, K::Read, K::Only]) {
            return Ok(true);
        }
        let mut found = false;
        while self.at(K::For) {
            found = true;
            self.advance();
            let strength = match self.expect_any(&[K::Update, K::No, K::Share, K::Key])? {
                K::Update => LockStrength::Update,
                K::Share => LockStrength::Share,
                K::Key => {
                    self.expect(K::Share)?;
                    LockStrength::KeyShare
                }
                _ => {
                    self.expect_all(&[K::Key, K::Update])?;
                    LockStrength::NoKeyUpdate
                }
            };
            let relations = if self.eat(K::Of) { self.relation_names()? } else { Vec::new() };
            let wait = match () {
                () if self.eat(K::Nowait) => LockWait::NoWait,
                () if self.eat_all(&[K::Skip, K::Locked]) => LockWait::SkipLocked,
                () => LockWait::Block,
            };
            query.locking.push(Locking { strength, relations, wait });
        }
        Ok(found)
    }

    /// What follows the word SELECT.
    fn simple_select(&mut self) -> Result<SimpleSelect> {
        let mut select = empty_select(Vec::new());
        if self.eat(K::Distinct) {
            let on = self.eat(K::On);
            let clause =
                if on { DistinctClause::On(self.paren_list(Self::expr)?) } else { DistinctClause::All };
            select.distinct = Some(clause);
        } else {
            self.eat(K::All);
        }
        if select.distinct.is_some() || !self.at_target_list_end() {
            select.targets = self.targets()?;
        }
        if self.eat(K::Into) {
            select.into = Some(self.select_into()?);
        }
        self.select_clauses(&mut select)?;
        Ok(select)
    }

    /// FROM to WINDOW.
    fn select_clauses(&mut self, select: &mut SimpleSelect) -> Result<()> {
        select.from = self.optional_from()?;
        select.where_clause = self.optional_where()?;
        if self.eat_all(&[K::Group, K::By]) {
            select.group_distinct = self.eat_any(&[K::All, K::Distinct]) == Some(K::Distinct);
            select.group_by = self.list(Self::group_item)?;
        }
        if self.eat(K::Having) {
            select.having = Some(self.expr()?);
        }
        if self.eat(K::Window) {
            select.windows = self.list(|parser| {
                let name = parser.column_id()?;
                parser.expect(K::As)?;
                parser.window_specification(Some(name))
            })?;
        }
        Ok(())
    }

    /// `PLpgSQL_Expr`: a SELECT without that word.
    pub fn plpgsql_expression(&mut self) -> Result<SelectStatement> {
        let location = self.location();
        let select = self.simple_select()?;
        let query = query(SelectBody::Select(Box::new(select)), location);
        self.select_options(query, None)
    }

    /// `PLAssignStmt`
    pub fn plpgsql_assignment(&mut self) -> Result<AssignStatement> {
        let location = self.location();
        let name = if self.kind() == Kind::Param {
            let name = self.text().to_owned();
            self.advance();
            name
        } else {
            self.column_id()?
        };
        let indirection = self.indirection()?;
        if self.kind() == Kind::ColonEquals {
            self.advance();
        } else {
            self.expect_char(b'=')?;
        }
        Ok(AssignStatement { name, indirection, value: self.plpgsql_expression()?, location })
    }

    fn at_target_list_end(&self) -> bool {
        match self.kind() {
            Kind::End | Kind::Char(b')' | b';') => true,
            Kind::Keyword(K::Into | K::From | K::Where | K::Group | K::Having | K::Window | K::On) => true,
            Kind::Keyword(K::With | K::Returning) => true,
            _ => self.at_query_continuation(),
        }
    }

    pub(super) fn targets(&mut self) -> Result<Vec<Target>> {
        self.list(|parser| {
            let location = parser.location();
            if parser.eat_char(b'*') {
                let expr = Expr::Column(ColumnRef { names: Vec::new(), star: true, location });
                return Ok(Target { expr, alias: None, location });
            }
            let expr = parser.expr()?;
            let alias = if parser.eat(K::As) { Some(parser.label()?) } else { parser.bare_label() };
            Ok(Target { expr, alias, location })
        })
    }

    /// `OptTempTableName`
    fn select_into(&mut self) -> Result<IntoClause> {
        let start = self.position;
        let mut persistence = self.persistence(false);
        if persistence != Persistence::Permanent && !self.at(K::Table) && !self.is_column_id(0) {
            self.position = start;
            persistence = Persistence::Permanent;
        }
        self.eat(K::Table);
        Ok(into_relation(self.relation_name()?, persistence))
    }

    /// TEMPORARY, LOCAL TEMP, UNLOGGED, ..., or nothing.
    pub(super) fn persistence(&mut self, create: bool) -> Persistence {
        let location = self.location();
        if self.eat(K::Unlogged) {
            return Persistence::Unlogged;
        }
        let scoped = self.at_any(&[K::Local, K::Global])
            && matches!(self.kind_at(1), Kind::Keyword(K::Temp | K::Temporary));
        if scoped {
            if self.at(K::Global) {
                let message = "GLOBAL is deprecated in temporary table creation";
                let state = base::SqlState::WARNING;
                self.notices.push(Error::with_severity(base::Severity::Warning, state, message).at(location));
            }
            self.advance();
        }
        if self.at_any(&[K::Temp, K::Temporary]) && (create || !self.char_at(1, b'.')) {
            self.advance();
            return Persistence::Temporary;
        }
        Persistence::Permanent
    }

    fn group_item(&mut self) -> Result<GroupItem> {
        let location = self.location();
        if self.at_char(b'(') && self.char_at(1, b')') {
            self.position += 2;
            return Ok(GroupItem::Empty { location });
        }
        if self.at_any(&[K::Cube, K::Rollup]) && self.char_at(1, b'(') {
            let cube = self.at(K::Cube);
            self.advance();
            let items = self.paren_list(Self::expr)?;
            return Ok(if cube {
                GroupItem::Cube { items, location }
            } else {
                GroupItem::Rollup { items, location }
            });
        }
        if self.eat_all(&[K::Grouping, K::Sets]) {
            let items = self.nested(|parser| parser.paren_list(Self::group_item))?;
            return Ok(GroupItem::Sets { items, location });
        }
        Ok(GroupItem::Expr(self.expr()?))
    }

    pub(super) fn optional_where(&mut self) -> Result<Option<Expr>> {
        if self.eat(K::Where) { self.expr().map(Some) } else { Ok(None) }
    }

    pub(super) fn optional_order_by(&mut self) -> Result<Vec<SortBy>> {
        if self.at_all(&[K::Order, K::By]) { self.order_by() } else { Ok(Vec::new()) }
    }

    pub(super) fn order_by(&mut self) -> Result<Vec<SortBy>> {
        self.expect_all(&[K::Order, K::By])?;
        self.list(|parser| {
            let expr = parser.expr()?;
            let mut location = parser.location();
            let direction = match parser.eat_any(&[K::Asc, K::Desc, K::Using]) {
                None => SortDirection::Default,
                Some(K::Asc) => SortDirection::Asc,
                Some(K::Desc) => SortDirection::Desc,
                Some(_) => {
                    location = parser.location();
                    SortDirection::Using(parser.qualified_operator()?)
                }
            };
            let nulls_first = parser.nulls_order();
            Ok(SortBy { expr, direction, nulls_first, location })
        })
    }

    pub(super) fn nulls_order(&mut self) -> Option<bool> {
        match () {
            () if self.eat_all(&[K::Nulls, K::First]) => Some(true),
            () if self.eat_all(&[K::Nulls, K::Last]) => Some(false),
            () => None,
        }
    }

    /// `( [base] [PARTITION BY] [ORDER BY] [frame] )`
    pub(super) fn window_specification(&mut self, name: Option<String>) -> Result<WindowSpec> {
        let location = self.location();
        self.expect_char(b'(')?;
        let clause = self.at_any(&[K::Partition, K::Range, K::Rows, K::Groups, K::Order]);
        let base = if clause { None } else { self.optional_column_id() };
        let partition_by = if self.eat_all(&[K::Partition, K::By]) { self.exprs()? } else { Vec::new() };
        let order_by = self.optional_order_by()?;
        let frame = self.frame()?;
        self.expect_char(b')')?;
        Ok(WindowSpec { name, base, partition_by, order_by, frame, location })
    }

    fn frame(&mut self) -> Result<Option<Frame>> {
        let mode = match self.eat_any(&[K::Range, K::Rows, K::Groups]) {
            None => return Ok(None),
            Some(K::Range) => FrameMode::Range,
            Some(K::Rows) => FrameMode::Rows,
            Some(_) => FrameMode::Groups,
        };
        let refuse = |message: &str, at| Err(Error::new(base::SqlState::WINDOWING_ERROR, message).at(at));
        let between = self.eat(K::Between);
        let start_at = self.location();
        let start = self.frame_bound()?;
        let mut end = None;
        let mut end_at = start_at;
        if between {
            self.expect(K::And)?;
            end_at = self.location();
            end = Some(self.frame_bound()?);
        }
        match (&start, &end) {
            (FrameBound::UnboundedFollowing, _) => {
                return refuse("frame start cannot be UNBOUNDED FOLLOWING", start_at);
            }
            (FrameBound::Following(_), None) => {
                return refuse("frame starting from following row cannot end with current row", start_at);
            }
            (_, Some(FrameBound::UnboundedPreceding)) => {
                return refuse("frame end cannot be UNBOUNDED PRECEDING", end_at);
            }
            (FrameBound::CurrentRow, Some(FrameBound::Preceding(_))) => {
                return refuse("frame starting from current row cannot have preceding rows", end_at);
            }
            (FrameBound::Following(_), Some(FrameBound::Preceding(_) | FrameBound::CurrentRow)) => {
                return refuse("frame starting from following row cannot have preceding rows", end_at);
            }
            _ => {}
        }
        let mut exclusion = FrameExclusion::NoOthers;
        if self.eat(K::Exclude) {
            exclusion = match self.expect_any(&[K::Current, K::Group, K::Ties, K::No])? {
                K::Current => {
                    self.expect(K::Row)?;
                    FrameExclusion::CurrentRow
                }
                K::Group => FrameExclusion::Group,
                K::Ties => FrameExclusion::Ties,
                _ => {
                    self.expect(K::Others)?;
                    FrameExclusion::NoOthers
                }
            };
        }
        Ok(Some(Frame { mode, start, end, exclusion }))
    }

    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.eat_all(&[K::Unbounded, K::Preceding]) {
            return Ok(FrameBound::UnboundedPreceding);
        }
        if self.eat_all(&[K::Unbounded, K::Following]) {
            return Ok(FrameBound::UnboundedFollowing);
        }
        if self.eat_all(&[K::Current, K::Row]) {
            return Ok(FrameBound::CurrentRow);
        }
        let offset = self.expr()?;
        Ok(match self.expect_any(&[K::Preceding, K::Following])? {
            K::Preceding => FrameBound::Preceding(offset),
            _ => FrameBound::Following(offset),
        })
    }

    /// `opt_with_clause`
    pub(super) fn optional_with(&mut self) -> Result<Option<With>> {
        let location = self.location();
        if !self.eat(K::With) {
            return Ok(None);
        }
        let recursive = self.at(K::Recursive) && {
            self.advance();
            true
        };
        let ctes = self.list(Self::common_table_expr)?;
        Ok(Some(With { recursive, ctes, location }))
    }

    fn common_table_expr(&mut self) -> Result<CommonTableExpr> {
        let location = self.location();
        let name = self.column_id()?;
        let columns = self.optional_columns()?;
        self.expect(K::As)?;
        let materialized = match () {
            () if self.eat(K::Materialized) => Some(true),
            () if self.eat_all(&[K::Not, K::Materialized]) => Some(false),
            () => None,
        };
        let query = Box::new(self.parens(Self::preparable_statement)?);
        let mut search = None;
        let at = self.location();
        if self.eat(K::Search) {
            let breadth_first = self.expect_any(&[K::Depth, K::Breadth])? == K::Breadth;
            self.expect_all(&[K::First, K::By])?;
            let columns = self.names()?;
            self.expect(K::Set)?;
            search = Some(SearchClause {
                breadth_first,
                columns,
                sequence_column: self.column_id()?,
                location: at,
            });
        }
        let cycle = self.cycle_clause()?.map(Box::new);
        Ok(CommonTableExpr { name, columns, materialized, query, search, cycle, location })
    }

    fn cycle_clause(&mut self) -> Result<Option<CycleClause>> {
        let location = self.location();
        if !self.eat(K::Cycle) {
            return Ok(None);
        }
        let columns = self.names()?;
        self.expect(K::Set)?;
        let mark_column = self.column_id()?;
        let mut mark_value = Expr::Const { value: Literal::Bool(true), location };
        let mut mark_default = Expr::Const { value: Literal::Bool(false), location };
        if self.eat(K::To) {
            mark_value = self.primary()?;
            self.expect(K::Default)?;
            mark_default = self.primary()?;
        }
        self.expect(K::Using)?;
        let path_column = self.column_id()?;
        Ok(Some(CycleClause { columns, mark_column, mark_value, mark_default, path_column, location }))
    }
}

/// A query of this body and nothing else.
pub(super) fn query(body: SelectBody, location: usize) -> SelectStatement {
    SelectStatement {
        with: None,
        body,
        order_by: Vec::new(),
        limit: None,
        with_ties: false,
        offset: None,
        locking: Vec::new(),
        location,
    }
}

pub(super) fn empty_select(targets: Vec<Target>) -> SimpleSelect {
    SimpleSelect {
        distinct: None,
        targets,
        into: None,
        from: Vec::new(),
        where_clause: None,
        group_by: Vec::new(),
        group_distinct: false,
        having: None,
        windows: Vec::new(),
    }
}

pub(super) fn into_relation(relation: RelationName, persistence: Persistence) -> IntoClause {
    IntoClause {
        relation,
        persistence,
        columns: Vec::new(),
        access_method: None,
        options: Vec::new(),
        on_commit: OnCommit::Noop,
        tablespace: None,
    }
}
