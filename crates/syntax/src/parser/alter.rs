//! ALTER: which object it is, and what is done to it.

use super::*;

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> Result<Statement> {
        use ObjectType as O;
        self.expect(K::Alter)?;
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        match keyword {
            K::Role | K::User if self.at_all(&[K::User, K::Mapping]) => self.alter_user_mapping(),
            K::Role | K::User | K::Group => self.alter_role(),
            K::Default => self.alter_default_privileges(),
            K::System => self.alter_system(),
            _ => match self.object_type()? {
                object_type @ (O::Table
                | O::Index
                | O::Sequence
                | O::View
                | O::MaterializedView
                | O::ForeignTable) => self.alter_relation(object_type),
                O::Column | O::Cast | O::Transform | O::TableConstraint => {
                    self.position -= 1;
                    Err(self.unexpected())
                }
                object_type => self.alter_object(object_type),
            },
        }
    }

    fn alter_system(&mut self) -> Result<Statement> {
        self.expect(K::System)?;
        let location = self.location();
        let action = if self.at(K::Reset) {
            self.advance();
            if self.eat(K::All) {
                SetAction::ResetAll
            } else {
                SetAction::Reset { name: self.variable_name()? }
            }
        } else {
            self.expect(K::Set)?;
            self.generic_set()?
        };
        Ok(Statement::AlterSystem(Box::new(SetStatement { local: false, action, location })))
    }

    fn alter_relation(&mut self, object_type: ObjectType) -> Result<Statement> {
        if self.at_all(&[K::All, K::In, K::Tablespace]) {
            return self.alter_move_all(object_type);
        }
        let if_exists = self.if_exists();
        let relation = match object_type {
            ObjectType::Table | ObjectType::ForeignTable => self.relation_expr()?,
            _ => self.relation_name()?,
        };
        if self.at(K::Rename) {
            return self.rename_relation(object_type, relation, if_exists);
        }
        let relation_ref = ObjectRef::Relation(relation.clone());
        if self.eat_all(&[K::Set, K::Schema]) {
            let schema = self.column_id()?;
            let alter = AlterObjectSchema { object_type, object: relation_ref, schema, if_exists };
            return Ok(Statement::AlterObjectSchema(Box::new(alter)));
        }
        if self.at(K::Depends) || self.at_all(&[K::No, K::Depends]) {
            return self.alter_depends(object_type, relation_ref);
        }
        if object_type == ObjectType::Sequence {
            let options = self.sequence_options()?;
            if !options.is_empty() {
                return Ok(Statement::AlterSequence(Box::new(AlterSequence {
                    relation,
                    if_exists,
                    options,
                })));
            }
        }
        let commands = match self.partition_command(object_type == ObjectType::Index)? {
            Some(command) => vec![command],
            None => self.list(Self::alter_table_command)?,
        };
        Ok(Statement::AlterTable(Box::new(AlterTable { object_type, relation, if_exists, commands })))
    }

    fn alter_move_all(&mut self, object_type: ObjectType) -> Result<Statement> {
        self.expect_all(&[K::All, K::In, K::Tablespace])?;
        let from = self.column_id()?;
        let owned_by = if self.eat_all(&[K::Owned, K::By]) { self.roles()? } else { Vec::new() };
        self.expect_all(&[K::Set, K::Tablespace])?;
        let to = self.column_id()?;
        let nowait = self.eat(K::Nowait);
        let alter = AlterTableMoveAll { object_type, from, owned_by, to, nowait };
        Ok(Statement::AlterTableMoveAll(Box::new(alter)))
    }

    fn rename_relation(
        &mut self,
        relation_type: ObjectType,
        relation: RelationName,
        if_exists: bool,
    ) -> Result<Statement> {
        self.expect(K::Rename)?;
        let mut rename = Rename {
            object_type: relation_type,
            relation_type: None,
            object: ObjectRef::Relation(relation),
            sub_name: None,
            new_name: String::new(),
            if_exists,
            behavior: DropBehavior::Restrict,
        };
        if !self.at(K::To) {
            let constraint = self.eat(K::Constraint);
            if !constraint {
                self.eat(K::Column);
            }
            rename.object_type = if constraint { ObjectType::TableConstraint } else { ObjectType::Column };
            rename.relation_type = Some(relation_type);
            rename.sub_name = Some(self.column_id()?);
        }
        self.expect(K::To)?;
        rename.new_name = self.column_id()?;
        Ok(Statement::Rename(Box::new(rename)))
    }

    fn alter_depends(&mut self, object_type: ObjectType, object: ObjectRef) -> Result<Statement> {
        let remove = self.eat(K::No);
        self.expect_all(&[K::Depends, K::On, K::Extension])?;
        let extension = self.column_id()?;
        let alter = AlterObjectDepends { object_type, object, extension, remove };
        Ok(Statement::AlterObjectDepends(Box::new(alter)))
    }

    /// The object after its kind; types and domains by name, policies, rules and triggers with their relation.
    fn altered_object(&mut self, object_type: ObjectType) -> Result<(ObjectRef, bool)> {
        Ok(match object_type {
            ObjectType::Type | ObjectType::Domain => (ObjectRef::Name(self.object_name()?), false),
            ObjectType::Policy | ObjectType::Statistics => {
                let if_exists = self.if_exists();
                (self.object_ref(object_type)?, if_exists)
            }
            _ => (self.object_ref(object_type)?, false),
        })
    }

    fn alter_object(&mut self, object_type: ObjectType) -> Result<Statement> {
        let (object, if_exists) = self.altered_object(object_type)?;
        let domain_constraint = object_type == ObjectType::Domain;
        if self.at_all(&[K::Rename, K::To])
            || (domain_constraint && self.at_all(&[K::Rename, K::Constraint]))
            || (object_type == ObjectType::Type && self.at_all(&[K::Rename, K::Attribute]))
        {
            return self.rename_object(object_type, object, if_exists);
        }
        if self.eat_all(&[K::Owner, K::To]) {
            let owner = self.role()?;
            return Ok(Statement::AlterOwner(Box::new(AlterOwner { object_type, object, owner })));
        }
        if self.eat_all(&[K::Set, K::Schema]) {
            let schema = self.column_id()?;
            let alter = AlterObjectSchema { object_type, object, schema, if_exists };
            return Ok(Statement::AlterObjectSchema(Box::new(alter)));
        }
        if self.at(K::Depends) || self.at_all(&[K::No, K::Depends]) {
            return self.alter_depends(object_type, object);
        }
        match (object_type, object) {
            (
                ObjectType::Function | ObjectType::Procedure | ObjectType::Routine,
                ObjectRef::Routine(routine),
            ) => self.alter_function(object_type, routine),
            (ObjectType::Operator, ObjectRef::Operator(operator)) => {
                self.expect(K::Set)?;
                let options = self.operator_definition()?;
                Ok(Statement::AlterOperator(Box::new(AlterOperator { operator, options })))
            }
            (ObjectType::OperatorFamily, ObjectRef::AccessMethodMember { name, access_method }) => {
                self.alter_operator_family(name, access_method)
            }
            (ObjectType::Policy, ObjectRef::Child { name, parent }) => self.alter_policy(name, parent),
            (_, ObjectRef::Name(name)) => self.alter_named(object_type, name, if_exists),
            _ => Err(self.unexpected()),
        }
    }

    fn rename_object(
        &mut self,
        object_type: ObjectType,
        object: ObjectRef,
        if_exists: bool,
    ) -> Result<Statement> {
        self.expect(K::Rename)?;
        let mut rename = Rename {
            object_type,
            relation_type: None,
            object,
            sub_name: None,
            new_name: String::new(),
            if_exists,
            behavior: DropBehavior::Restrict,
        };
        if self.eat(K::Constraint) {
            rename.object_type = ObjectType::DomainConstraint;
            rename.sub_name = Some(self.column_id()?);
        } else if self.eat(K::Attribute) {
            rename.object_type = ObjectType::Attribute;
            rename.relation_type = Some(ObjectType::Type);
            rename.sub_name = Some(self.column_id()?);
        }
        self.expect(K::To)?;
        rename.new_name = self.column_id()?;
        if rename.object_type == ObjectType::Attribute {
            rename.behavior = self.drop_behavior();
        }
        Ok(Statement::Rename(Box::new(rename)))
    }

    /// What only one kind of object knows.
    fn alter_named(
        &mut self,
        object_type: ObjectType,
        object: ObjectName,
        if_exists: bool,
    ) -> Result<Statement> {
        use ObjectType as O;
        let name = object.name().to_owned();
        match object_type {
            O::Collation => {
                self.expect_all(&[K::Refresh, K::Version])?;
                Ok(Statement::AlterCollation(Box::new(object)))
            }
            O::Database => self.alter_database(name),
            O::Domain => self.alter_domain(object),
            O::EventTrigger => {
                let firing = match self.expect_any(&[K::Enable, K::Disable])? {
                    K::Disable => TriggerFiring::Disable,
                    _ => match self.eat_any(&[K::Replica, K::Always]) {
                        Some(K::Replica) => TriggerFiring::EnableReplica,
                        Some(_) => TriggerFiring::EnableAlways,
                        None => TriggerFiring::Enable,
                    },
                };
                Ok(Statement::AlterEventTrigger(Box::new(AlterEventTrigger { name, firing })))
            }
            O::Extension => self.alter_extension(name),
            O::ForeignDataWrapper => self.alter_foreign_data_wrapper(name),
            O::ForeignServer => self.alter_server(name),
            O::Publication => self.alter_publication(name),
            O::Subscription => self.alter_subscription(name),
            O::Statistics => {
                let target = self.alter_statistics_target()?;
                Ok(Statement::AlterStatistics(Box::new(AlterStatistics { name: object, if_exists, target })))
            }
            O::Tablespace => {
                let reset = self.expect_any(&[K::Set, K::Reset])? == K::Reset;
                let options = self.relation_options()?;
                Ok(Statement::AlterTablespace(Box::new(AlterTablespace { name, options, reset })))
            }
            O::TextSearchDictionary => {
                let options = self.definition()?;
                let alter = AlterTextSearchDictionary { name: object, options };
                Ok(Statement::AlterTextSearchDictionary(Box::new(alter)))
            }
            O::TextSearchConfiguration => self.alter_text_search_configuration(object),
            O::Type => self.alter_type(object),
            _ => Err(self.unexpected()),
        }
    }

    fn alter_database(&mut self, name: String) -> Result<Statement> {
        let change = match self.keyword() {
            Some(K::Refresh) => {
                self.expect_all(&[K::Refresh, K::Collation, K::Version])?;
                AlterDatabaseChange::RefreshCollationVersion
            }
            Some(K::Set) if self.at_next(1, K::Tablespace) => {
                self.advance();
                let location = self.location();
                self.advance();
                let value = Some(OptionValue::String(self.column_id()?));
                AlterDatabaseChange::Options(vec![name::option("tablespace", value, location)])
            }
            Some(K::Set | K::Reset) => AlterDatabaseChange::Set(self.set_or_reset(true)?),
            _ => {
                self.eat(K::With);
                AlterDatabaseChange::Options(self.database_options()?)
            }
        };
        Ok(Statement::AlterDatabase(Box::new(AlterDatabase { name, change })))
    }

    fn alter_extension(&mut self, name: String) -> Result<Statement> {
        if self.eat(K::Update) {
            let mut options = Vec::new();
            let mut location = self.location();
            while self.eat(K::To) {
                let version = OptionValue::String(self.word_or_string()?);
                options.push(name::option("new_version", Some(version), location));
                location = self.location();
            }
            return Ok(Statement::AlterExtension(Box::new(AlterExtension { name, options })));
        }
        let add = self.expect_any(&[K::Add, K::Drop])? == K::Add;
        let object_type = self.object_type()?;
        let object = self.object_ref(object_type)?;
        let alter = AlterExtensionContents { name, add, object_type, object };
        Ok(Statement::AlterExtensionContents(Box::new(alter)))
    }

    fn alter_domain(&mut self, name: ObjectName) -> Result<Statement> {
        let change = match self.expect_any(&[K::Set, K::Drop, K::Add, K::Validate])? {
            K::Set if self.eat(K::Default) => AlterDomainChange::Default(Some(self.expr()?)),
            K::Set => {
                self.expect_all(&[K::Not, K::Null])?;
                AlterDomainChange::SetNotNull
            }
            K::Add => AlterDomainChange::AddConstraint(Box::new(self.domain_constraint()?)),
            K::Validate => {
                self.expect(K::Constraint)?;
                AlterDomainChange::ValidateConstraint { name: self.column_id()? }
            }
            _ => match self.expect_any(&[K::Default, K::Not, K::Constraint])? {
                K::Default => AlterDomainChange::Default(None),
                K::Not => {
                    self.expect(K::Null)?;
                    AlterDomainChange::DropNotNull
                }
                _ => {
                    let if_exists = self.if_exists();
                    let name = self.column_id()?;
                    AlterDomainChange::DropConstraint { name, if_exists, behavior: self.drop_behavior() }
                }
            },
        };
        Ok(Statement::AlterDomain(Box::new(AlterDomain { name, change })))
    }

    fn alter_type(&mut self, name: ObjectName) -> Result<Statement> {
        if self.eat(K::Set) {
            let options = self.operator_definition()?;
            return Ok(Statement::AlterType(Box::new(AlterType { name, options })));
        }
        if self.eat_all(&[K::Add, K::Value]) {
            let if_not_exists = self.if_not_exists();
            let value = self.string()?;
            let neighbor = match self.eat_any(&[K::Before, K::After]) {
                Some(word) => Some((word == K::After, self.string()?)),
                None => None,
            };
            let change = AlterEnumChange::Add { value, if_not_exists, neighbor };
            return Ok(Statement::AlterEnum(Box::new(AlterEnum { name, change })));
        }
        if self.eat_all(&[K::Rename, K::Value]) {
            let from = self.string()?;
            self.expect(K::To)?;
            let change = AlterEnumChange::Rename { from, to: self.string()? };
            return Ok(Statement::AlterEnum(Box::new(AlterEnum { name, change })));
        }
        let at = self.location();
        if self.eat_all(&[K::Drop, K::Value]) {
            self.string()?;
            return Err(err!(FEATURE_NOT_SUPPORTED, "dropping an enum value is not implemented").at(at));
        }
        let commands = self.list(Self::alter_attribute)?;
        let relation = self.relation_from(name)?;
        let object_type = ObjectType::Type;
        Ok(Statement::AlterTable(Box::new(AlterTable { object_type, relation, if_exists: false, commands })))
    }

    fn alter_text_search_configuration(&mut self, name: ObjectName) -> Result<Statement> {
        let action = self.expect_any(&[K::Add, K::Alter, K::Drop])?;
        self.expect(K::Mapping)?;
        let change = if action == K::Drop {
            let if_exists = self.if_exists();
            self.expect(K::For)?;
            TextSearchMappingChange::Drop { tokens: self.names()?, if_exists }
        } else {
            let tokens = if self.eat(K::For) { self.names()? } else { Vec::new() };
            if action == K::Alter && self.eat(K::Replace) {
                let from = self.object_name()?;
                self.expect(K::With)?;
                TextSearchMappingChange::Replace { tokens, from, to: self.object_name()? }
            } else if tokens.is_empty() {
                return Err(self.unexpected());
            } else {
                self.expect(K::With)?;
                let dictionaries = self.object_names()?;
                match action {
                    K::Add => TextSearchMappingChange::Add { tokens, dictionaries },
                    _ => TextSearchMappingChange::Alter { tokens, dictionaries },
                }
            }
        };
        let alter = AlterTextSearchConfiguration { name, change };
        Ok(Statement::AlterTextSearchConfiguration(Box::new(alter)))
    }
}
