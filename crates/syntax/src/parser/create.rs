//! CREATE: which object it is, and the simple ones: schemas, databases, extensions, sequences, views, indexes, ...

use super::name::option;
use super::*;

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Result<Statement> {
        let start = self.location();
        self.expect(K::Create)?;
        let or_replace = self.eat_all(&[K::Or, K::Replace]);
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        match keyword {
            K::Aggregate => return self.create_aggregate(or_replace),
            K::Function | K::Procedure => return self.create_function(or_replace),
            K::Trigger | K::Constraint => return self.create_trigger(or_replace, start),
            K::Rule => return self.create_rule(or_replace),
            K::Transform => return self.create_transform(or_replace),
            K::Trusted | K::Procedural | K::Language => return self.create_language(or_replace),
            K::View | K::Recursive | K::Temp | K::Temporary | K::Local | K::Global | K::Unlogged => {
                return self.create_relation(or_replace);
            }
            _ if or_replace => return Err(self.unexpected()),
            K::Table | K::Sequence | K::Materialized => return self.create_relation(false),
            _ => {}
        }
        match keyword {
            K::Access => self.create_access_method(),
            K::Assertion => self.create_assertion(start),
            K::Cast => self.create_cast(),
            K::Collation | K::Type | K::Text => self.create_definition(),
            K::Operator => self.create_operator(),
            K::Conversion | K::Default => self.create_conversion(),
            K::Database => self.create_database(),
            K::Domain => self.create_domain(),
            K::Event => self.create_event_trigger(),
            K::Extension => self.create_extension(),
            K::Foreign if self.at_next(1, K::Table) => self.create_foreign_table(),
            K::Foreign => self.create_foreign_data_wrapper(),
            K::Server => self.create_server(),
            K::User if self.at_next(1, K::Mapping) => self.create_user_mapping(),
            K::Role | K::User | K::Group => self.create_role(),
            K::Unique | K::Index => self.create_index(),
            K::Policy => self.create_policy(),
            K::Publication => self.create_publication(),
            K::Subscription => self.create_subscription(),
            K::Schema => self.create_schema(),
            K::Statistics => self.create_statistics(),
            K::Tablespace => self.create_tablespace(),
            _ => Err(self.unexpected()),
        }
    }

    /// CREATE [persistence] TABLE, SEQUENCE, VIEW, MATERIALIZED VIEW
    fn create_relation(&mut self, or_replace: bool) -> Result<Statement> {
        let persistence = self.persistence(true);
        match self.keyword() {
            Some(K::View | K::Recursive) => self.create_view(or_replace, persistence),
            Some(K::Table) if !or_replace => self.create_table(persistence),
            Some(K::Sequence) if !or_replace => self.create_sequence(persistence),
            Some(K::Materialized) if !or_replace && persistence != Persistence::Temporary => {
                self.create_materialized_view(persistence)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn create_view(&mut self, or_replace: bool, persistence: Persistence) -> Result<Statement> {
        let recursive = self.eat(K::Recursive);
        self.expect(K::View)?;
        let relation = self.relation_name()?;
        let columns = if recursive { self.paren_list(Self::column_id)? } else { self.optional_columns()? };
        let options = self.optional_relation_options()?;
        self.expect(K::As)?;
        let mut query = self.select_statement()?;
        if recursive {
            query = recursive_view(&relation, &columns, query);
        }
        let at = self.location();
        let mut check_option = None;
        if self.eat(K::With) {
            let local = self.eat_any(&[K::Cascaded, K::Local]) == Some(K::Local);
            self.expect_all(&[K::Check, K::Option])?;
            check_option = Some(if local { CheckOption::Local } else { CheckOption::Cascaded });
            if recursive {
                let message = "WITH CHECK OPTION not supported on recursive views";
                return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(at));
            }
        }
        let view = CreateView { relation, persistence, or_replace, columns, options, query, check_option };
        Ok(Statement::CreateView(Box::new(view)))
    }

    fn create_materialized_view(&mut self, persistence: Persistence) -> Result<Statement> {
        self.expect_all(&[K::Materialized, K::View])?;
        let if_not_exists = self.if_not_exists();
        let mut into = select::into_relation(self.relation_name()?, persistence);
        into.columns = self.optional_columns()?;
        into.access_method = self.optional_using()?;
        into.options = self.optional_relation_options()?;
        into.tablespace = self.optional_tablespace()?;
        self.expect(K::As)?;
        let query = Box::new(Statement::Select(Box::new(self.select_statement()?)));
        let with_data = self.with_data()?;
        let create = CreateTableAs { into, materialized_view: true, if_not_exists, query, with_data };
        Ok(Statement::CreateTableAs(Box::new(create)))
    }

    /// `opt_with_data`
    pub(super) fn with_data(&mut self) -> Result<bool> {
        if !self.at(K::With) {
            return Ok(true);
        }
        self.advance();
        let no = self.eat(K::No);
        self.expect(K::Data)?;
        Ok(!no)
    }

    pub(super) fn refresh_materialized_view(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Refresh, K::Materialized, K::View])?;
        let concurrently = self.eat(K::Concurrently);
        let relation = self.relation_name()?;
        let with_data = self.with_data()?;
        let refresh = RefreshMaterializedView { relation, concurrently, with_data };
        Ok(Statement::RefreshMaterializedView(Box::new(refresh)))
    }

    /// `USING name`, if there
    pub(super) fn optional_using(&mut self) -> Result<Option<String>> {
        if self.eat(K::Using) { self.column_id().map(Some) } else { Ok(None) }
    }

    /// `TABLESPACE name`, if there
    pub(super) fn optional_tablespace(&mut self) -> Result<Option<String>> {
        if self.eat(K::Tablespace) { self.column_id().map(Some) } else { Ok(None) }
    }

    fn create_sequence(&mut self, persistence: Persistence) -> Result<Statement> {
        self.expect(K::Sequence)?;
        let if_not_exists = self.if_not_exists();
        let relation = self.relation_name()?;
        let options = self.sequence_options()?;
        let create = CreateSequence { relation, persistence, if_not_exists, options };
        Ok(Statement::CreateSequence(Box::new(create)))
    }

    /// Sequence options, as many as there are.
    pub(super) fn sequence_options(&mut self) -> Result<Vec<OptionItem>> {
        let mut options = Vec::new();
        while let Some(item) = self.sequence_option()? {
            options.push(item);
        }
        Ok(options)
    }

    /// `SeqOptElem`
    pub(super) fn sequence_option(&mut self) -> Result<Option<OptionItem>> {
        const WORDS: &[K] = &[
            K::As,
            K::Cache,
            K::Cycle,
            K::No,
            K::Increment,
            K::Logged,
            K::Maxvalue,
            K::Minvalue,
            K::Owned,
            K::Sequence,
            K::Start,
            K::Restart,
            K::Unlogged,
        ];
        let location = self.location();
        let Some(keyword) = self.eat_any(WORDS) else { return Ok(None) };
        let mut name = keyword.name();
        let value = match keyword {
            K::As => Some(OptionValue::Type(self.simple_type_name()?)),
            K::Cycle => Some(OptionValue::Bool(true)),
            K::Logged | K::Unlogged => None,
            K::No => {
                let what = self.expect_any(&[K::Cycle, K::Maxvalue, K::Minvalue])?;
                name = what.name();
                (what == K::Cycle).then_some(OptionValue::Bool(false))
            }
            K::Owned => {
                self.expect(K::By)?;
                name = "owned_by";
                Some(OptionValue::Name(self.object_name()?))
            }
            K::Sequence => {
                self.expect(K::Name)?;
                name = "sequence_name";
                Some(OptionValue::Name(self.object_name()?))
            }
            K::Restart => {
                let with = self.eat(K::With);
                if with || self.is_signed_number() { Some(self.signed_number()?.into()) } else { None }
            }
            _ => {
                match keyword {
                    K::Increment => self.eat(K::By),
                    K::Start => self.eat(K::With),
                    _ => false,
                };
                Some(self.signed_number()?.into())
            }
        };
        Ok(Some(option(name, value, location)))
    }

    fn create_index(&mut self) -> Result<Statement> {
        let unique = self.eat(K::Unique);
        self.expect(K::Index)?;
        let concurrently = self.eat(K::Concurrently);
        let if_not_exists = self.if_not_exists();
        let name = if if_not_exists { Some(self.column_id()?) } else { self.optional_column_id() };
        self.expect(K::On)?;
        let relation = self.relation_expr()?;
        let access_method = self.optional_using()?;
        let elements = self.paren_list(Self::index_element)?;
        let include = if self.eat(K::Include) { self.paren_list(Self::index_element)? } else { Vec::new() };
        let nulls_not_distinct = self.nulls_not_distinct()?;
        let options = self.optional_relation_options()?;
        let tablespace = self.optional_tablespace()?;
        let where_clause = self.optional_where()?;
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            name,
            relation,
            unique,
            concurrently,
            if_not_exists,
            access_method,
            elements,
            include,
            nulls_not_distinct,
            options,
            tablespace,
            where_clause,
        })))
    }

    /// `opt_unique_null_treatment`
    pub(super) fn nulls_not_distinct(&mut self) -> Result<bool> {
        if !self.eat(K::Nulls) {
            return Ok(false);
        }
        let not = self.eat(K::Not);
        self.expect(K::Distinct)?;
        Ok(not)
    }

    /// A column, a function call, or an expression in parentheses.
    pub(super) fn column_or_expr(&mut self) -> Result<ColumnOrExpr> {
        if self.at_char(b'(') {
            return Ok(ColumnOrExpr::Expr(self.parens(Self::expr)?));
        }
        if self.at_function() || (self.is_column_id(0) && self.char_at(1, b'.')) {
            return Ok(ColumnOrExpr::Expr(self.windowless_function()?));
        }
        Ok(ColumnOrExpr::Column(self.column_id()?))
    }

    /// `index_elem`
    pub(super) fn index_element(&mut self) -> Result<IndexElement> {
        let location = self.location();
        let key = self.column_or_expr()?;
        let collation = self.optional_collation()?;
        let at_class = self.is_column_id(0)
            && !(self.at(K::Nulls) && matches!(self.kind_at(1), Kind::Keyword(K::First | K::Last)));
        let mut operator_class = None;
        let mut operator_class_options = Vec::new();
        if at_class {
            operator_class = Some(self.object_name()?);
            if self.at_char(b'(') {
                operator_class_options = self.relation_options()?;
            }
        }
        let descending = self.eat_any(&[K::Asc, K::Desc]).map(|word| word == K::Desc);
        let nulls_first = self.nulls_order();
        Ok(IndexElement {
            key,
            collation,
            operator_class,
            operator_class_options,
            descending,
            nulls_first,
            location,
        })
    }

    fn create_statistics(&mut self) -> Result<Statement> {
        self.expect(K::Statistics)?;
        let if_not_exists = self.if_not_exists();
        let name = if if_not_exists || self.is_column_id(0) { Some(self.object_name()?) } else { None };
        let kinds = self.optional_columns()?;
        self.expect(K::On)?;
        let elements = self.list(Self::column_or_expr)?;
        self.expect(K::From)?;
        let from = self.list(Self::table_ref)?;
        let create = CreateStatistics { name, if_not_exists, kinds, elements, from };
        Ok(Statement::CreateStatistics(Box::new(create)))
    }

    fn create_schema(&mut self) -> Result<Statement> {
        self.expect(K::Schema)?;
        let if_not_exists = self.if_not_exists();
        let mut name = None;
        let mut authorization = None;
        if !self.at(K::Authorization) {
            name = Some(self.column_id()?);
        }
        if self.eat(K::Authorization) {
            authorization = Some(self.role()?);
        }
        let mut elements = Vec::new();
        let elements_at = self.location();
        while self.at_any(&[K::Create, K::Grant]) {
            let location = self.location();
            let statement = self.schema_element()?;
            elements.push(RawStatement { statement, location, length: self.location() - location });
        }
        if if_not_exists && !elements.is_empty() {
            let message = "CREATE SCHEMA IF NOT EXISTS cannot include schema elements";
            return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(elements_at));
        }
        Ok(Statement::CreateSchema(Box::new(CreateSchema { name, authorization, if_not_exists, elements })))
    }

    fn schema_element(&mut self) -> Result<Statement> {
        let start = self.position;
        let statement = self.statement()?;
        let allowed = matches!(
            statement,
            Statement::CreateTable(_)
                | Statement::CreateIndex(_)
                | Statement::CreateSequence(_)
                | Statement::CreateTrigger(_)
                | Statement::CreateView(_)
                | Statement::Grant(_)
        );
        if !allowed {
            self.position = start + 1;
            return Err(self.unexpected());
        }
        Ok(statement)
    }

    fn create_extension(&mut self) -> Result<Statement> {
        self.expect(K::Extension)?;
        let if_not_exists = self.if_not_exists();
        let name = self.column_id()?;
        self.eat(K::With);
        let mut options = Vec::new();
        loop {
            let location = self.location();
            let (name, value) = match self.eat_any(&[K::Schema, K::Version, K::From, K::Cascade]) {
                Some(K::Schema) => ("schema", OptionValue::String(self.column_id()?)),
                Some(K::Version) => ("new_version", OptionValue::String(self.word_or_string()?)),
                Some(K::Cascade) => ("cascade", OptionValue::Bool(true)),
                Some(_) => {
                    self.word_or_string()?;
                    let message = "CREATE EXTENSION ... FROM is no longer supported";
                    return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(location));
                }
                None => break,
            };
            options.push(option(name, Some(value), location));
        }
        Ok(Statement::CreateExtension(Box::new(CreateExtension { name, if_not_exists, options })))
    }

    fn create_database(&mut self) -> Result<Statement> {
        self.expect(K::Database)?;
        let name = self.column_id()?;
        self.eat(K::With);
        Ok(Statement::CreateDatabase(Box::new(CreateDatabase { name, options: self.database_options()? })))
    }

    /// `createdb_opt_list`
    pub(super) fn database_options(&mut self) -> Result<Vec<OptionItem>> {
        const WORDS: &[K] = &[K::Encoding, K::Location, K::Owner, K::Tablespace, K::Template];
        let mut options = Vec::new();
        loop {
            let location = self.location();
            let name = match () {
                () if self.eat_all(&[K::Connection, K::Limit]) => "connection_limit".to_owned(),
                () if self.is_plain_identifier() || self.at_any(WORDS) => self.take_name(),
                () => return Ok(options),
            };
            self.eat_char(b'=');
            let value = match () {
                () if self.eat(K::Default) => None,
                () if self.is_signed_number() => Some(self.signed_number()?.into()),
                () => Some(OptionValue::String(self.boolean_or_string()?)),
            };
            options.push(option(&name, value, location));
        }
    }

    fn create_tablespace(&mut self) -> Result<Statement> {
        self.expect(K::Tablespace)?;
        let name = self.column_id()?;
        let owner = if self.eat(K::Owner) { Some(self.role()?) } else { None };
        self.expect(K::Location)?;
        let location = self.string()?;
        let options = self.optional_relation_options()?;
        Ok(Statement::CreateTablespace(Box::new(CreateTablespace { name, owner, location, options })))
    }
}

/// `WITH RECURSIVE name (columns) AS (query) SELECT columns FROM name`
fn recursive_view(relation: &RelationName, columns: &[String], query: SelectStatement) -> SelectStatement {
    let location = query.location;
    let column = |name: &String| Target {
        expr: Expr::Column(ColumnRef { names: vec![name.clone()], star: false, location }),
        alias: None,
        location,
    };
    let mut outer = select::empty_select(columns.iter().map(column).collect());
    let name = RelationName { catalog: None, schema: None, location, ..relation.clone() };
    outer.from = vec![TableRef::Relation { relation: name, alias: None, sample: None }];
    let mut result = select::query(SelectBody::Select(Box::new(outer)), location);
    let cte = CommonTableExpr {
        name: relation.name.clone(),
        columns: columns.to_vec(),
        materialized: None,
        query: Box::new(Statement::Select(Box::new(query))),
        search: None,
        cycle: None,
        location,
    };
    result.with = Some(With { recursive: true, ctes: vec![cte], location });
    result
}
