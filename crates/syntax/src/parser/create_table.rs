//! CREATE TABLE, CREATE TABLE AS, CREATE FOREIGN TABLE, partition bounds.

use super::*;

impl Parser<'_> {
    pub(super) fn create_table(&mut self, persistence: Persistence) -> Result<Statement> {
        self.expect(K::Table)?;
        let if_not_exists = self.if_not_exists();
        let relation = self.relation_name()?;
        if self.at_table_as() {
            return self.create_table_as(relation, persistence, if_not_exists);
        }
        let mut create = new_table(relation, persistence, if_not_exists);
        self.table_contents(&mut create)?;
        if self.at_all(&[K::Partition, K::By]) {
            create.partition_by = Some(self.partition_by()?);
        }
        create.access_method = self.optional_using()?;
        create.options = self.table_options()?;
        create.on_commit = self.on_commit()?;
        create.tablespace = self.optional_tablespace()?;
        Ok(Statement::CreateTable(Box::new(create)))
    }

    /// Whether, after the name, a CREATE TABLE AS goes on: no columns, or names only.
    fn at_table_as(&self) -> bool {
        match self.kind() {
            Kind::Char(b'(') => {
                let mut ahead = 1;
                while self.is_column_id(ahead) && self.char_at(ahead + 1, b',') {
                    ahead += 2;
                }
                self.is_column_id(ahead) && self.char_at(ahead + 1, b')')
            }
            Kind::Keyword(K::Of) => false,
            Kind::Keyword(K::Partition) => false,
            _ => true,
        }
    }

    fn create_table_as(
        &mut self,
        relation: RelationName,
        persistence: Persistence,
        if_not_exists: bool,
    ) -> Result<Statement> {
        let mut into = select::into_relation(relation, persistence);
        into.columns = self.optional_columns()?;
        into.access_method = self.optional_using()?;
        into.options = self.table_options()?;
        into.on_commit = self.on_commit()?;
        into.tablespace = self.optional_tablespace()?;
        self.expect(K::As)?;
        let query = match self.at(K::Execute) {
            true => self.execute()?,
            false => Statement::Select(Box::new(self.select_statement()?)),
        };
        let with_data = self.with_data()?;
        let create = CreateTableAs {
            into,
            materialized_view: false,
            if_not_exists,
            query: Box::new(query),
            with_data,
        };
        Ok(Statement::CreateTableAs(Box::new(create)))
    }

    /// Columns, OF, or PARTITION OF.
    fn table_contents(&mut self, create: &mut CreateTable) -> Result<()> {
        if self.eat(K::Of) {
            let name = self.object_name()?;
            let mut type_name = TypeName::system("", name.location);
            type_name.names = name.parts;
            create.of_type = Some(type_name);
            create.elements = self.optional_paren_list(Self::typed_table_element)?;
        } else if self.eat_all(&[K::Partition, K::Of]) {
            let parent = self.relation_name()?;
            create.elements = self.optional_paren_list(Self::typed_table_element)?;
            create.partition_of = Some((parent, self.partition_bound()?));
        } else {
            self.expect_char(b'(')?;
            if !self.at_char(b')') {
                create.elements = self.list(Self::table_element)?;
            }
            self.expect_char(b')')?;
            if self.eat(K::Inherits) {
                create.inherits = self.paren_list(Self::relation_name)?;
            }
        }
        Ok(())
    }

    pub(super) fn create_foreign_table(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Foreign, K::Table])?;
        let if_not_exists = self.if_not_exists();
        let mut create = new_table(self.relation_name()?, Persistence::Permanent, if_not_exists);
        if self.at(K::Of) {
            return Err(self.unexpected());
        }
        self.table_contents(&mut create)?;
        self.expect(K::Server)?;
        let server = self.column_id()?;
        create.foreign = Some(ForeignTable { server, options: self.foreign_options()? });
        Ok(Statement::CreateTable(Box::new(create)))
    }

    /// WITH (...), WITHOUT OIDS
    fn table_options(&mut self) -> Result<Vec<OptionItem>> {
        if self.eat(K::With) {
            return self.relation_options();
        }
        if self.eat(K::Without) {
            self.expect(K::Oids)?;
        }
        Ok(Vec::new())
    }

    fn on_commit(&mut self) -> Result<OnCommit> {
        if !self.eat_all(&[K::On, K::Commit]) {
            return Ok(OnCommit::Noop);
        }
        let action = self.expect_any(&[K::Drop, K::Delete, K::Preserve])?;
        if action == K::Drop {
            return Ok(OnCommit::Drop);
        }
        self.expect(K::Rows)?;
        Ok(if action == K::Delete { OnCommit::DeleteRows } else { OnCommit::PreserveRows })
    }

    fn table_element(&mut self) -> Result<TableElement> {
        if self.eat(K::Like) {
            return self.like_clause();
        }
        if self.at_table_constraint() {
            return Ok(TableElement::Constraint(Box::new(self.table_constraint()?)));
        }
        Ok(TableElement::Column(Box::new(self.column_definition()?)))
    }

    fn typed_table_element(&mut self) -> Result<TableElement> {
        if self.at_table_constraint() {
            return Ok(TableElement::Constraint(Box::new(self.table_constraint()?)));
        }
        let mut column = new_column(self.location(), self.column_id()?);
        self.eat_all(&[K::With, K::Options]);
        self.column_constraints(&mut column)?;
        Ok(TableElement::Column(Box::new(column)))
    }

    fn like_clause(&mut self) -> Result<TableElement> {
        let relation = self.relation_name()?;
        let mut options = Vec::new();
        while let Some(word) = self.eat_any(&[K::Including, K::Excluding]) {
            let words = &[
                K::Comments,
                K::Compression,
                K::Constraints,
                K::Defaults,
                K::Identity,
                K::Generated,
                K::Indexes,
                K::Statistics,
                K::Storage,
                K::All,
            ];
            let what = match self.expect_any(words)? {
                K::Comments => LikeOption::Comments,
                K::Compression => LikeOption::Compression,
                K::Constraints => LikeOption::Constraints,
                K::Defaults => LikeOption::Defaults,
                K::Identity => LikeOption::Identity,
                K::Generated => LikeOption::Generated,
                K::Indexes => LikeOption::Indexes,
                K::Statistics => LikeOption::Statistics,
                K::Storage => LikeOption::Storage,
                _ => LikeOption::All,
            };
            options.push((word == K::Including, what));
        }
        Ok(TableElement::Like(LikeClause { relation, options }))
    }

    /// `columnDef`
    pub(super) fn column_definition(&mut self) -> Result<ColumnDefinition> {
        let mut column = new_column(self.location(), self.column_id()?);
        column.type_name = Some(self.type_name()?);
        if self.eat(K::Storage) {
            column.storage = Some(self.column_id_or_default()?);
        }
        if self.eat(K::Compression) {
            column.compression = Some(self.column_id_or_default()?);
        }
        column.foreign_options = self.foreign_options()?;
        self.column_constraints(&mut column)?;
        Ok(column)
    }

    pub(super) fn column_id_or_default(&mut self) -> Result<String> {
        if self.at(K::Default) { Ok(self.take_name()) } else { self.column_id() }
    }

    fn partition_by(&mut self) -> Result<PartitionBy> {
        let location = self.location();
        self.expect_all(&[K::Partition, K::By])?;
        let at = self.location();
        let strategy = self.column_id()?;
        let elements = self.paren_list(|parser| {
            let location = parser.location();
            let key = parser.column_or_expr()?;
            let collation = parser.optional_collation()?;
            let operator_class = if parser.is_column_id(0) { Some(parser.object_name()?) } else { None };
            Ok(PartitionElement { key, collation, operator_class, location })
        })?;
        if !["list", "range", "hash"].iter().any(|known| strategy.eq_ignore_ascii_case(known)) {
            let message = format!("unrecognized partitioning strategy \"{strategy}\"");
            return Err(Error::new(base::SqlState::INVALID_PARAMETER_VALUE, message).at(at));
        }
        Ok(PartitionBy { strategy, elements, location })
    }

    /// `PartitionBoundSpec`
    pub(super) fn partition_bound(&mut self) -> Result<PartitionBound> {
        let location = self.location();
        if self.eat(K::Default) {
            return Ok(PartitionBound { kind: PartitionBoundKind::Default, location });
        }
        self.expect_all(&[K::For, K::Values])?;
        let location = self.location();
        let kind = match self.expect_any(&[K::With, K::In, K::From])? {
            K::With => self.hash_bound(location)?,
            K::In => PartitionBoundKind::List(self.paren_list(Self::expr)?),
            _ => {
                let from = self.paren_list(Self::expr)?;
                self.expect(K::To)?;
                PartitionBoundKind::Range { from, to: self.paren_list(Self::expr)? }
            }
        };
        Ok(PartitionBound { kind, location })
    }

    fn hash_bound(&mut self, location: usize) -> Result<PartitionBoundKind> {
        let (mut modulus, mut remainder) = (None, None);
        let items = self.paren_list(|parser| {
            let at = parser.location();
            Ok((at, parser.non_reserved_word()?, parser.integer()?))
        })?;
        for (at, name, value) in items {
            let slot = match name.as_str() {
                "modulus" => &mut modulus,
                "remainder" => &mut remainder,
                _ => {
                    let message = format!("unrecognized hash partition bound specification \"{name}\"");
                    return Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(at));
                }
            };
            if slot.replace(value).is_some() {
                let message = format!("{name} for hash partition provided more than once");
                return Err(Error::new(base::SqlState::DUPLICATE_OBJECT, message).at(at));
            }
        }
        let missing = |what| err!(SYNTAX_ERROR, "{what} for hash partition must be specified").at(location);
        let modulus = modulus.ok_or_else(|| missing("modulus"))?;
        let remainder = remainder.ok_or_else(|| missing("remainder"))?;
        Ok(PartitionBoundKind::Hash { modulus, remainder })
    }
}

fn new_table(relation: RelationName, persistence: Persistence, if_not_exists: bool) -> CreateTable {
    CreateTable {
        relation,
        persistence,
        if_not_exists,
        elements: Vec::new(),
        inherits: Vec::new(),
        of_type: None,
        partition_of: None,
        partition_by: None,
        access_method: None,
        options: Vec::new(),
        on_commit: OnCommit::Noop,
        tablespace: None,
        foreign: None,
    }
}

pub(super) fn new_column(location: usize, name: String) -> ColumnDefinition {
    ColumnDefinition {
        name,
        type_name: None,
        storage: None,
        compression: None,
        foreign_options: Vec::new(),
        collation: None,
        constraints: Vec::new(),
        location,
    }
}
