//! DROP, COMMENT, SECURITY LABEL, and how objects are addressed in them.

use super::*;

impl Parser<'_> {
    /// The words for an object kind, as far as COMMENT, DROP and ALTER EXTENSION know it.
    pub(super) fn object_type(&mut self) -> Result<ObjectType> {
        use ObjectType as O;
        let pairs: &[(&[K], O)] = &[
            (&[K::Table], O::Table),
            (&[K::Sequence], O::Sequence),
            (&[K::View], O::View),
            (&[K::Materialized, K::View], O::MaterializedView),
            (&[K::Index], O::Index),
            (&[K::Foreign, K::Table], O::ForeignTable),
            (&[K::Foreign, K::Data, K::Wrapper], O::ForeignDataWrapper),
            (&[K::Collation], O::Collation),
            (&[K::Conversion], O::Conversion),
            (&[K::Statistics], O::Statistics),
            (&[K::Text, K::Search, K::Parser], O::TextSearchParser),
            (&[K::Text, K::Search, K::Dictionary], O::TextSearchDictionary),
            (&[K::Text, K::Search, K::Template], O::TextSearchTemplate),
            (&[K::Text, K::Search, K::Configuration], O::TextSearchConfiguration),
            (&[K::Access, K::Method], O::AccessMethod),
            (&[K::Event, K::Trigger], O::EventTrigger),
            (&[K::Extension], O::Extension),
            (&[K::Procedural, K::Language], O::Language),
            (&[K::Language], O::Language),
            (&[K::Publication], O::Publication),
            (&[K::Schema], O::Schema),
            (&[K::Server], O::ForeignServer),
            (&[K::Database], O::Database),
            (&[K::Role], O::Role),
            (&[K::Subscription], O::Subscription),
            (&[K::Tablespace], O::Tablespace),
            (&[K::Policy], O::Policy),
            (&[K::Rule], O::Rule),
            (&[K::Trigger], O::Trigger),
            (&[K::Constraint], O::TableConstraint),
            (&[K::Column], O::Column),
            (&[K::Type], O::Type),
            (&[K::Domain], O::Domain),
            (&[K::Aggregate], O::Aggregate),
            (&[K::Function], O::Function),
            (&[K::Procedure], O::Procedure),
            (&[K::Routine], O::Routine),
            (&[K::Operator, K::Class], O::OperatorClass),
            (&[K::Operator, K::Family], O::OperatorFamily),
            (&[K::Operator], O::Operator),
            (&[K::Transform], O::Transform),
            (&[K::Cast], O::Cast),
            (&[K::Large, K::Object], O::LargeObject),
        ];
        let found = pairs.iter().find(|(words, _)| self.at_all(words));
        let Some(&(words, object_type)) = found else {
            // The words agreed on so far lead the way to the token at fault.
            let partial = pairs.iter().map(|(words, _)| {
                words.iter().enumerate().take_while(|&(ahead, &word)| self.at_next(ahead, word)).count()
            });
            self.position += partial.max().unwrap_or(0);
            return Err(self.unexpected());
        };
        self.position += words.len();
        Ok(object_type)
    }

    /// An object of this kind, as DROP, COMMENT and ALTER address it.
    pub(super) fn object_ref(&mut self, object_type: ObjectType) -> Result<ObjectRef> {
        use ObjectType as O;
        Ok(match object_type {
            O::Table
            | O::Sequence
            | O::View
            | O::MaterializedView
            | O::Index
            | O::ForeignTable
            | O::Collation
            | O::Conversion
            | O::Statistics
            | O::TextSearchParser
            | O::TextSearchDictionary
            | O::TextSearchTemplate
            | O::TextSearchConfiguration
            | O::Column => ObjectRef::Name(self.object_name()?),
            O::Type | O::Domain => ObjectRef::Type(self.type_name()?),
            O::Aggregate => ObjectRef::Routine(self.aggregate_signature()?),
            O::Function | O::Procedure | O::Routine => ObjectRef::Routine(self.routine_signature()?),
            O::Operator => ObjectRef::Operator(self.operator_signature()?),
            O::OperatorClass | O::OperatorFamily => {
                let name = self.object_name()?;
                self.expect(K::Using)?;
                ObjectRef::AccessMethodMember { name, access_method: self.column_id()? }
            }
            O::Policy | O::Rule | O::Trigger | O::TableConstraint => {
                let name = self.column_id()?;
                self.expect(K::On)?;
                ObjectRef::Child { name, parent: self.object_name()? }
            }
            O::Cast => self.parens(|parser| {
                let source = parser.type_name()?;
                parser.expect(K::As)?;
                Ok(ObjectRef::Cast { source, target: parser.type_name()? })
            })?,
            O::Transform => {
                self.expect(K::For)?;
                let type_name = self.type_name()?;
                self.expect(K::Language)?;
                ObjectRef::Transform { type_name, language: self.column_id()? }
            }
            O::LargeObject => ObjectRef::LargeObject(self.signed_number()?),
            _ => {
                let location = self.location();
                ObjectRef::Name(ObjectName { parts: vec![self.column_id()?], location })
            }
        })
    }

    pub(super) fn drop(&mut self) -> Result<Statement> {
        self.expect(K::Drop)?;
        match self.keyword() {
            Some(K::Role | K::Group) => return self.drop_role(),
            Some(K::User) if self.at_next(1, K::Mapping) => return self.drop_user_mapping(),
            Some(K::User) => return self.drop_role(),
            Some(K::Owned) => {
                self.expect_all(&[K::Owned, K::By])?;
                let roles = self.roles()?;
                return Ok(Statement::DropOwned(Box::new(DropOwned {
                    roles,
                    behavior: self.drop_behavior(),
                })));
            }
            Some(K::Database) => return self.drop_database(),
            Some(K::Tablespace) => {
                self.advance();
                let if_exists = self.if_exists();
                let name = self.column_id()?;
                return Ok(Statement::DropTablespace(Box::new(DropTablespace { name, if_exists })));
            }
            Some(K::Subscription) => {
                self.advance();
                let if_exists = self.if_exists();
                let name = self.column_id()?;
                let behavior = self.drop_behavior();
                return Ok(Statement::DropSubscription(Box::new(DropSubscription {
                    name,
                    if_exists,
                    behavior,
                })));
            }
            Some(K::Large | K::Column | K::Constraint) => return Err(self.unexpected()),
            _ => {}
        }
        let object_type = self.object_type()?;
        let concurrently = object_type == ObjectType::Index && self.eat(K::Concurrently);
        let if_exists = self.if_exists();
        let single = matches!(
            object_type,
            ObjectType::Policy
                | ObjectType::Rule
                | ObjectType::Trigger
                | ObjectType::Cast
                | ObjectType::Transform
                | ObjectType::OperatorClass
                | ObjectType::OperatorFamily
        );
        let objects = match single {
            true => vec![self.object_ref(object_type)?],
            false => self.list(|parser| parser.object_ref(object_type))?,
        };
        let behavior = self.drop_behavior();
        Ok(Statement::Drop(Box::new(Drop { object_type, objects, if_exists, behavior, concurrently })))
    }

    fn drop_database(&mut self) -> Result<Statement> {
        self.expect(K::Database)?;
        let if_exists = self.if_exists();
        let name = self.column_id()?;
        let mut options = Vec::new();
        if self.eat(K::With) || self.at_char(b'(') {
            options = self.paren_list(|parser| {
                let location = parser.location();
                parser.expect(K::Force)?;
                Ok(name::option("force", None, location))
            })?;
        }
        Ok(Statement::DropDatabase(Box::new(DropDatabase { name, if_exists, options })))
    }

    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Comment, K::On])?;
        let (object_type, object) = self.commented_object()?;
        let text = self.is_text()?;
        Ok(Statement::Comment(Box::new(Comment { object_type, object, text })))
    }

    fn commented_object(&mut self) -> Result<(ObjectType, ObjectRef)> {
        let object_type = self.object_type()?;
        if object_type == ObjectType::TableConstraint {
            let name = self.column_id()?;
            self.expect(K::On)?;
            let domain = self.at(K::Domain) && self.is_column_id(1) && self.eat(K::Domain);
            let object_type = if domain { ObjectType::DomainConstraint } else { object_type };
            return Ok((object_type, ObjectRef::Child { name, parent: self.object_name()? }));
        }
        Ok((object_type, self.object_ref(object_type)?))
    }

    /// `IS 'text'` or `IS NULL`
    fn is_text(&mut self) -> Result<Option<String>> {
        self.expect(K::Is)?;
        if self.eat(K::Null) { Ok(None) } else { self.string().map(Some) }
    }

    pub(super) fn security_label(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Security, K::Label])?;
        let provider = if self.eat(K::For) { Some(self.word_or_string()?) } else { None };
        self.expect(K::On)?;
        let object_type = self.object_type()?;
        let object = self.object_ref(object_type)?;
        let label = self.is_text()?;
        Ok(Statement::SecurityLabel(Box::new(SecurityLabel { object_type, object, provider, label })))
    }
}
