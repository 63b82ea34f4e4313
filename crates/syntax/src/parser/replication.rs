//! Publications and subscriptions.

use super::*;

impl Parser<'_> {
    pub(super) fn create_publication(&mut self) -> Result<Statement> {
        self.expect(K::Publication)?;
        let name = self.column_id()?;
        let mut all_tables = false;
        let mut objects = Vec::new();
        if self.eat(K::For) {
            all_tables = self.eat_all(&[K::All, K::Tables]);
            if !all_tables {
                objects = self.publication_objects()?;
            }
        }
        let options = self.optional_with_definition()?;
        let create = CreatePublication { name, all_tables, objects, options };
        Ok(Statement::CreatePublication(Box::new(create)))
    }

    /// `pub_obj_list`: an item without TABLE or TABLES IN SCHEMA is of the kind of the one before.
    fn publication_objects(&mut self) -> Result<Vec<PublicationObject>> {
        let mut schemas = None;
        self.list(|parser| {
            let location = parser.location();
            if parser.eat_all(&[K::Tables, K::In, K::Schema]) {
                schemas = Some(true);
                if !parser.at(K::CurrentSchema) {
                    return Ok(PublicationObject::Schema { name: parser.column_id()?, location });
                }
            } else if parser.eat(K::Table) {
                schemas = Some(false);
            }
            match schemas {
                None => Err(err!(SYNTAX_ERROR, "invalid publication object list")
                    .detail("One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.")
                    .at(location)),
                Some(true) => parser.publication_schema(location),
                Some(false) => {
                    if parser.at(K::CurrentSchema) {
                        return Err(err!(SYNTAX_ERROR, "invalid table name").at(location));
                    }
                    let relation = parser.relation_expr()?;
                    let columns = parser.optional_columns()?;
                    let has_where = parser.eat(K::Where);
                    let where_clause = if has_where { Some(parser.parens(Self::expr)?) } else { None };
                    Ok(PublicationObject::Table { relation, columns, where_clause, location })
                }
            }
        })
    }

    fn publication_schema(&mut self, location: usize) -> Result<PublicationObject> {
        if self.eat(K::CurrentSchema) {
            return Ok(PublicationObject::CurrentSchema { location });
        }
        let at = self.location();
        let relation = self.relation_expr()?;
        if self.at_char(b'(') {
            return Err(err!(SYNTAX_ERROR, "column specification not allowed for schema").at(at));
        }
        if self.at(K::Where) {
            return Err(err!(SYNTAX_ERROR, "WHERE clause not allowed for schema").at(at));
        }
        if relation.schema.is_some() || !relation.inherit {
            return Err(err!(SYNTAX_ERROR, "invalid schema name").at(at));
        }
        Ok(PublicationObject::Schema { name: relation.name, location })
    }

    pub(super) fn alter_publication(&mut self, name: String) -> Result<Statement> {
        let change = match self.expect_any(&[K::Set, K::Add, K::Drop])? {
            K::Set if self.at_char(b'(') => AlterPublicationChange::Options(self.definition()?),
            K::Set => AlterPublicationChange::Set(self.publication_objects()?),
            K::Add => AlterPublicationChange::Add(self.publication_objects()?),
            _ => AlterPublicationChange::Drop(self.publication_objects()?),
        };
        Ok(Statement::AlterPublication(Box::new(AlterPublication { name, change })))
    }

    pub(super) fn create_subscription(&mut self) -> Result<Statement> {
        self.expect(K::Subscription)?;
        let name = self.column_id()?;
        self.expect(K::Connection)?;
        let connection = self.string()?;
        self.expect(K::Publication)?;
        let publications = self.names()?;
        let options = self.optional_with_definition()?;
        let create = CreateSubscription { name, connection, publications, options };
        Ok(Statement::CreateSubscription(Box::new(create)))
    }

    pub(super) fn alter_subscription(&mut self, name: String) -> Result<Statement> {
        use AlterSubscriptionChange as Change;
        let words = &[K::Set, K::Connection, K::Refresh, K::Add, K::Drop, K::Enable, K::Disable, K::Skip];
        let change = match self.expect_any(words)? {
            K::Set if self.at_char(b'(') => Change::Options(self.definition()?),
            K::Connection => Change::Connection(self.string()?),
            K::Enable => Change::Enable(true),
            K::Disable => Change::Enable(false),
            K::Skip => Change::Skip(self.definition()?),
            K::Refresh => {
                self.expect(K::Publication)?;
                Change::Refresh(self.optional_with_definition()?)
            }
            word => {
                self.expect(K::Publication)?;
                let publications = self.names()?;
                let options = self.optional_with_definition()?;
                match word {
                    K::Add => Change::AddPublications { publications, options },
                    K::Drop => Change::DropPublications { publications, options },
                    _ => Change::SetPublications { publications, options },
                }
            }
        };
        Ok(Statement::AlterSubscription(Box::new(AlterSubscription { name, change })))
    }
}
