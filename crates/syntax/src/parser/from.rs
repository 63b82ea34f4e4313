//! FROM items and joins.

use super::*;

/// What a parenthesis in FROM turned out to hold.
enum FromParen {
    Query(SelectStatement),
    Join(TableRef),
}

impl Parser<'_> {
    pub(super) fn optional_from(&mut self) -> Result<Vec<TableRef>> {
        if self.eat(K::From) { self.list(Self::table_ref) } else { Ok(Vec::new()) }
    }

    /// `table_ref`
    pub(super) fn table_ref(&mut self) -> Result<TableRef> {
        self.nested(|parser| {
            let first = parser.table_primary()?;
            parser.joins(first)
        })
    }

    fn at_join(&self) -> bool {
        self.at_any(&[K::Cross, K::Join, K::Full, K::Left, K::Right, K::Inner, K::Natural])
    }

    fn joins(&mut self, mut left: TableRef) -> Result<TableRef> {
        while self.at_join() {
            let mut join = Join {
                kind: JoinKind::Inner,
                natural: false,
                left,
                right: TableRef::Relation { relation: placeholder(), alias: None, sample: None },
                condition: JoinCondition::None,
                alias: None,
            };
            if self.eat(K::Cross) {
                self.expect(K::Join)?;
                join.right = self.nested(Self::table_primary)?;
            } else {
                join.natural = self.eat(K::Natural);
                join.kind = self.join_kind()?;
                if join.natural {
                    join.right = self.nested(Self::table_primary)?;
                } else {
                    join.right = self.table_ref()?;
                    join.condition = self.join_condition()?;
                }
            }
            left = TableRef::Join(Box::new(join));
            self.grow()?;
        }
        Ok(left)
    }

    /// `[join_type] JOIN`
    fn join_kind(&mut self) -> Result<JoinKind> {
        let kind = match self.eat_any(&[K::Full, K::Left, K::Right, K::Inner]) {
            Some(K::Full) => JoinKind::Full,
            Some(K::Left) => JoinKind::Left,
            Some(K::Right) => JoinKind::Right,
            _ => JoinKind::Inner,
        };
        if kind != JoinKind::Inner {
            self.eat(K::Outer);
        }
        self.expect(K::Join)?;
        Ok(kind)
    }

    fn join_condition(&mut self) -> Result<JoinCondition> {
        if self.eat(K::Using) {
            let columns = self.paren_list(Self::column_id)?;
            let alias = if self.eat(K::As) { Some(self.column_id()?) } else { None };
            return Ok(JoinCondition::Using { columns, alias });
        }
        self.expect(K::On)?;
        Ok(JoinCondition::On(self.expr()?))
    }

    fn table_primary(&mut self) -> Result<TableRef> {
        let location = self.location();
        let lateral = self.eat(K::Lateral);
        if self.at_char(b'(') {
            return match self.nested(Self::parenthesised_item)? {
                FromParen::Query(query) => self.subquery_item(query, lateral, location),
                FromParen::Join(_) if lateral => Err(self.unexpected()),
                FromParen::Join(join) => self.aliased_join(join),
            };
        }
        match self.keyword() {
            Some(K::Xmltable) if self.char_at(1, b'(') => {
                let table = Box::new(self.xml_table()?);
                return Ok(TableRef::XmlTable { table, lateral, alias: self.optional_alias()? });
            }
            Some(K::JsonTable) if self.char_at(1, b'(') => {
                let table = Box::new(self.json_table()?);
                return Ok(TableRef::JsonTable { table, lateral, alias: self.optional_alias()? });
            }
            Some(K::Rows) if self.at_all(&[K::Rows, K::From]) && self.char_at(2, b'(') => {
                self.position += 2;
                let functions = self.paren_list(|parser| {
                    let call = parser.windowless_function()?;
                    let columns = if parser.eat(K::As) { parser.column_definitions()? } else { Vec::new() };
                    Ok(FunctionTableItem { call, columns })
                })?;
                return self.function_table(functions, true, lateral, location);
            }
            _ => {}
        }
        if lateral || self.at_function() {
            let call = self.windowless_function()?;
            let functions = vec![FunctionTableItem { call, columns: Vec::new() }];
            return self.function_table(functions, false, lateral, location);
        }
        let relation = self.relation_expr()?;
        let alias = self.optional_alias()?;
        let sample = if self.at(K::Tablesample) { Some(Box::new(self.table_sample()?)) } else { None };
        Ok(TableRef::Relation { relation, alias, sample })
    }

    fn subquery_item(&mut self, query: SelectStatement, lateral: bool, location: usize) -> Result<TableRef> {
        let alias = self.optional_alias()?;
        Ok(TableRef::Subquery { query: Box::new(query), lateral, alias, location })
    }

    fn aliased_join(&mut self, join: TableRef) -> Result<TableRef> {
        let alias = self.optional_alias()?;
        Ok(match join {
            TableRef::Join(mut join) if alias.is_some() => {
                join.alias = alias;
                TableRef::Join(join)
            }
            other => other,
        })
    }

    fn parenthesised_item(&mut self) -> Result<FromParen> {
        self.expect_char(b'(')?;
        let location = self.location();
        let first = if self.at_query() {
            let query = self.select_no_parens()?;
            self.expect_char(b')')?;
            return Ok(FromParen::Query(query));
        } else if self.at_char(b'(') {
            match self.nested(Self::parenthesised_item)? {
                FromParen::Query(query) if self.at_char(b')') || self.at_query_continuation() => {
                    let query = self.select_continued(query)?;
                    self.expect_char(b')')?;
                    return Ok(FromParen::Query(query));
                }
                FromParen::Query(query) => self.subquery_item(query, false, location)?,
                FromParen::Join(join) => self.aliased_join(join)?,
            }
        } else {
            self.nested(Self::table_primary)?
        };
        let join = self.joins(first)?;
        // A single item in parentheses is no joined table.
        if !matches!(join, TableRef::Join(_)) {
            return Err(self.unexpected());
        }
        self.expect_char(b')')?;
        Ok(FromParen::Join(join))
    }

    /// Whether a function call (`func_expr_windowless`) rather than a name begins here.
    pub(super) fn at_function(&self) -> bool {
        if let Some(keyword) = self.keyword() {
            use crate::keyword::Category;
            match keyword.category() {
                Category::Reserved => return keyword != K::Only,
                Category::ColumnName => return self.char_at(1, b'('),
                Category::TypeFunctionName if keyword == K::Collation => return true,
                Category::TypeFunctionName if keyword == K::CurrentSchema => return true,
                _ => {}
            }
        }
        let mut ahead = 1;
        while self.char_at(ahead, b'.') {
            ahead += 2;
        }
        self.is_label(0) && self.char_at(ahead, b'(')
    }

    /// `func_expr_windowless`
    pub(super) fn windowless_function(&mut self) -> Result<Expr> {
        let location = self.location();
        if let Some(keyword) = self.keyword()
            && let Some(expr) = self.special_function(keyword, location)?
        {
            return Ok(expr);
        }
        let name = self.function_name()?;
        Ok(Expr::Function(Box::new(self.function_application(name)?)))
    }

    fn function_table(
        &mut self,
        functions: Vec<FunctionTableItem>,
        rows_from: bool,
        lateral: bool,
        location: usize,
    ) -> Result<TableRef> {
        let ordinality = self.eat_all(&[K::With, K::Ordinality]);
        let mut table = FunctionTable {
            functions,
            rows_from,
            lateral,
            ordinality,
            alias: None,
            columns: Vec::new(),
            location,
        };
        let explicit = self.eat(K::As);
        if explicit && self.at_char(b'(') {
            table.columns = self.column_definitions()?;
        } else if explicit || self.is_column_id(0) {
            let name = self.column_id()?;
            let mut columns = Vec::new();
            if self.at_char(b'(') {
                match self.kind_at(2) {
                    Kind::Char(b',' | b')') => columns = self.optional_columns()?,
                    _ => table.columns = self.column_definitions()?,
                }
            }
            table.alias = Some(Alias { name, columns });
        }
        Ok(TableRef::Function(Box::new(table)))
    }

    /// `( name type [COLLATE c], ... )`
    pub(super) fn column_definitions(&mut self) -> Result<Vec<ColumnDefinitionItem>> {
        self.paren_list(Self::column_definition_item)
    }

    pub(super) fn column_definition_item(&mut self) -> Result<ColumnDefinitionItem> {
        let location = self.location();
        let name = self.column_id()?;
        let type_name = self.type_name()?;
        Ok(ColumnDefinitionItem { name, type_name, collation: self.optional_collation()?, location })
    }

    pub(super) fn optional_collation(&mut self) -> Result<Option<ObjectName>> {
        if self.eat(K::Collate) { self.object_name().map(Some) } else { Ok(None) }
    }

    /// `opt_alias_clause`
    pub(super) fn optional_alias(&mut self) -> Result<Option<Alias>> {
        if !self.eat(K::As) && !self.is_column_id(0) {
            return Ok(None);
        }
        let name = self.column_id()?;
        Ok(Some(Alias { name, columns: self.optional_columns()? }))
    }

    fn table_sample(&mut self) -> Result<TableSample> {
        let location = self.location();
        self.expect(K::Tablesample)?;
        let method = self.function_name()?;
        let args = self.paren_list(Self::expr)?;
        let repeatable = if self.eat(K::Repeatable) { Some(self.parens(Self::expr)?) } else { None };
        Ok(TableSample { method, args, repeatable, location })
    }
}

/// Stands in a join until its right side is parsed.
fn placeholder() -> RelationName {
    RelationName { catalog: None, schema: None, name: String::new(), inherit: true, location: 0 }
}
