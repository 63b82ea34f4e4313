//! The subcommands of ALTER TABLE and its like.

use super::name::option;
use super::*;

impl Parser<'_> {
    /// `alter_table_cmd`
    pub(super) fn alter_table_command(&mut self) -> Result<AlterTableCommand> {
        use AlterTableCommand::*;
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        self.advance();
        Ok(match keyword {
            K::Add => {
                if self.at_table_constraint() {
                    return Ok(AddConstraint(Box::new(self.table_constraint()?)));
                }
                self.eat(K::Column);
                let if_not_exists = self.if_not_exists();
                AddColumn { column: Box::new(self.column_definition()?), if_not_exists }
            }
            K::Alter if self.eat(K::Constraint) => self.alter_constraint()?,
            K::Alter => self.alter_column()?,
            K::Drop if self.eat(K::Constraint) => {
                let if_exists = self.if_exists();
                DropConstraint { name: self.column_id()?, if_exists, behavior: self.drop_behavior() }
            }
            K::Drop => {
                self.eat(K::Column);
                let if_exists = self.if_exists();
                DropColumn { name: self.column_id()?, if_exists, behavior: self.drop_behavior() }
            }
            K::Validate => {
                self.expect(K::Constraint)?;
                ValidateConstraint { name: self.column_id()? }
            }
            K::Cluster => {
                self.expect(K::On)?;
                ClusterOn { index: self.column_id()? }
            }
            K::Enable | K::Disable => self.enable_or_disable(keyword == K::Enable)?,
            K::Force => {
                self.expect_all(&[K::Row, K::Level, K::Security])?;
                ForceRowSecurity { force: true }
            }
            K::No if self.eat_all(&[K::Force, K::Row, K::Level, K::Security]) => {
                ForceRowSecurity { force: false }
            }
            K::No => {
                self.expect(K::Inherit)?;
                NoInherit(self.relation_name()?)
            }
            K::Inherit => Inherit(self.relation_name()?),
            K::Of => {
                let name = self.object_name()?;
                let mut type_name = TypeName::system("", name.location);
                type_name.names = name.parts;
                OfType(type_name)
            }
            K::Not => {
                self.expect(K::Of)?;
                NotOf
            }
            K::Owner => {
                self.expect(K::To)?;
                OwnerTo(self.role()?)
            }
            K::Set => self.alter_table_set()?,
            K::Reset => ResetOptions(self.relation_options()?),
            K::Replica => {
                self.expect(K::Identity)?;
                ReplicaIdentity(self.replica_identity()?)
            }
            K::Options => {
                self.position -= 1;
                ForeignOptions(self.alter_foreign_options()?)
            }
            _ => {
                self.position -= 1;
                return Err(self.unexpected());
            }
        })
    }

    fn replica_identity(&mut self) -> Result<ReplicaIdentity> {
        Ok(match self.expect_any(&[K::Nothing, K::Full, K::Default, K::Using])? {
            K::Nothing => ReplicaIdentity::Nothing,
            K::Full => ReplicaIdentity::Full,
            K::Default => ReplicaIdentity::Default,
            _ => {
                self.expect(K::Index)?;
                ReplicaIdentity::Index(self.column_id()?)
            }
        })
    }

    fn alter_table_set(&mut self) -> Result<AlterTableCommand> {
        use AlterTableCommand::*;
        Ok(match self.keyword() {
            None => SetOptions(self.relation_options()?),
            Some(K::Without) => {
                self.advance();
                if self.expect_any(&[K::Oids, K::Cluster])? == K::Oids {
                    SetWithoutOids
                } else {
                    SetWithoutCluster
                }
            }
            Some(K::Logged) => {
                self.advance();
                SetLogged
            }
            Some(K::Unlogged) => {
                self.advance();
                SetUnlogged
            }
            Some(K::Access) => {
                self.expect_all(&[K::Access, K::Method])?;
                SetAccessMethod(if self.eat(K::Default) { None } else { Some(self.column_id()?) })
            }
            Some(K::Tablespace) => {
                self.advance();
                SetTablespace(self.column_id()?)
            }
            Some(_) => return Err(self.unexpected()),
        })
    }

    fn enable_or_disable(&mut self, enable: bool) -> Result<AlterTableCommand> {
        if self.eat_all(&[K::Row, K::Level, K::Security]) {
            return Ok(AlterTableCommand::RowSecurity { enable });
        }
        let modifier = if enable { self.eat_any(&[K::Always, K::Replica]) } else { None };
        let firing = match modifier {
            Some(K::Always) => TriggerFiring::EnableAlways,
            Some(_) => TriggerFiring::EnableReplica,
            None if enable => TriggerFiring::Enable,
            None => TriggerFiring::Disable,
        };
        if self.expect_any(&[K::Trigger, K::Rule])? == K::Rule {
            return Ok(AlterTableCommand::Rule { name: self.column_id()?, firing });
        }
        let target = match modifier {
            None if self.eat(K::All) => TriggerTarget::All,
            None if self.eat(K::User) => TriggerTarget::User,
            _ => TriggerTarget::Name(self.column_id()?),
        };
        Ok(AlterTableCommand::Trigger { target, firing })
    }

    fn alter_constraint(&mut self) -> Result<AlterTableCommand> {
        let name = self.column_id()?;
        let mut alter = AlterConstraint { name, deferrability: None, enforced: None, no_inherit: None };
        if self.eat(K::Inherit) {
            alter.no_inherit = Some(false);
            return Ok(AlterTableCommand::AlterConstraint(alter));
        }
        let found = self.constraint_attributes()?;
        if found.not_valid {
            let message = "constraints cannot be altered to be NOT VALID";
            return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(found.location));
        }
        if found.deferrable.is_some() || found.deferred.is_some() {
            let deferred = found.deferred == Some(true);
            alter.deferrability = Some((found.deferrable == Some(true) || deferred, deferred));
        }
        alter.enforced = found.enforced;
        alter.no_inherit = found.no_inherit.then_some(true);
        Ok(AlterTableCommand::AlterConstraint(alter))
    }

    fn statistics_target(&mut self) -> Result<Option<i32>> {
        if self.eat(K::Default) { Ok(None) } else { self.signed_integer().map(Some) }
    }

    pub(super) fn alter_statistics_target(&mut self) -> Result<Option<i32>> {
        self.expect_all(&[K::Set, K::Statistics])?;
        self.statistics_target()
    }

    fn alter_column(&mut self) -> Result<AlterTableCommand> {
        use AlterTableCommand::*;
        self.eat(K::Column);
        let location = self.location();
        if self.is_integer() {
            let number = self.integer()?;
            let target = self.alter_statistics_target()?;
            let Some(number) = i16::try_from(number).ok().filter(|&number| number > 0) else {
                let message = "column number must be in range from 1 to 32767";
                return Err(Error::new(base::SqlState::INVALID_PARAMETER_VALUE, message).at(location));
            };
            return Ok(SetStatistics { column: ColumnId::Number(number), target });
        }
        let column = self.column_id()?;
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        Ok(match keyword {
            K::Drop => self.alter_column_drop(column)?,
            K::Reset => {
                self.advance();
                ResetColumnOptions { column, options: self.relation_options()? }
            }
            K::Add => {
                self.advance();
                let location = self.location();
                self.expect(K::Generated)?;
                let always = self.generated_always()?;
                self.expect_all(&[K::As, K::Identity])?;
                AddIdentity { column, always, options: self.identity_options()?, location }
            }
            K::Options => ColumnForeignOptions { column, options: self.alter_foreign_options()? },
            K::Type => self.alter_column_type(column, location)?,
            K::Restart => SetIdentity { column, options: self.alter_identity_options()? },
            K::Set => self.alter_column_set(column, location)?,
            _ => return Err(self.unexpected()),
        })
    }

    fn alter_column_drop(&mut self, column: String) -> Result<AlterTableCommand> {
        use AlterTableCommand::*;
        self.expect(K::Drop)?;
        Ok(match self.expect_any(&[K::Default, K::Not, K::Expression, K::Identity])? {
            K::Default => ColumnDefault { column, default: None },
            K::Not => {
                self.expect(K::Null)?;
                DropNotNull { column }
            }
            K::Expression => DropExpression { column, if_exists: self.if_exists() },
            _ => DropIdentity { column, if_exists: self.if_exists() },
        })
    }

    fn alter_column_set(&mut self, column: String, location: usize) -> Result<AlterTableCommand> {
        use AlterTableCommand::*;
        if self.char_at(1, b'(') {
            self.advance();
            return Ok(SetColumnOptions { column, options: self.relation_options()? });
        }
        let Kind::Keyword(keyword) = self.kind_at(1) else {
            self.advance();
            return Err(self.unexpected());
        };
        let known = [K::Default, K::Not, K::Expression, K::Statistics, K::Storage, K::Compression, K::Data];
        if !known.contains(&keyword) {
            return Ok(SetIdentity { column, options: self.alter_identity_options()? });
        }
        self.position += 2;
        Ok(match keyword {
            K::Default => ColumnDefault { column, default: Some(self.expr()?) },
            K::Not => {
                self.expect(K::Null)?;
                SetNotNull { column }
            }
            K::Expression => {
                self.expect(K::As)?;
                SetExpression { column, expr: self.parens(Self::expr)? }
            }
            K::Statistics => {
                SetStatistics { column: ColumnId::Name(column), target: self.statistics_target()? }
            }
            K::Storage => SetStorage { column, storage: self.column_id_or_default()? },
            K::Compression => SetCompression { column, compression: self.column_id_or_default()? },
            _ => self.alter_column_type(column, location)?,
        })
    }

    fn alter_column_type(&mut self, column: String, location: usize) -> Result<AlterTableCommand> {
        self.expect(K::Type)?;
        let type_name = self.type_name()?;
        let collation = self.optional_collation()?;
        let using = if self.eat(K::Using) { Some(self.expr()?) } else { None };
        let behavior = DropBehavior::Restrict;
        Ok(AlterTableCommand::AlterColumnType { column, type_name, collation, using, behavior, location })
    }

    /// `alter_identity_column_option_list`
    fn alter_identity_options(&mut self) -> Result<Vec<OptionItem>> {
        let mut options = Vec::new();
        while self.at_any(&[K::Restart, K::Set]) {
            let location = self.location();
            if self.at(K::Restart) {
                options.extend(self.sequence_option()?);
                continue;
            }
            self.advance();
            if self.eat(K::Generated) {
                let text = if self.generated_always()? { "a" } else { "d" };
                options.push(option("generated", Some(OptionValue::String(text.into())), location));
                continue;
            }
            let at = self.location();
            let Some(item) = self.sequence_option()? else { return Err(self.unexpected()) };
            if matches!(item.name.as_str(), "as" | "restart" | "owned_by") {
                let message = format!("sequence option \"{}\" not supported here", item.name);
                return Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(at));
            }
            options.push(item);
        }
        Ok(options)
    }

    /// ATTACH and DETACH PARTITION, if here.
    pub(super) fn partition_command(&mut self, index: bool) -> Result<Option<AlterTableCommand>> {
        if self.eat_all(&[K::Attach, K::Partition]) {
            let partition = self.relation_name()?;
            let bound = if index { None } else { Some(self.partition_bound()?) };
            return Ok(Some(AlterTableCommand::AttachPartition { partition, bound }));
        }
        if !index && self.eat_all(&[K::Detach, K::Partition]) {
            let partition = self.relation_name()?;
            let concurrently = self.eat(K::Concurrently);
            let finalize = !concurrently && self.eat(K::Finalize);
            return Ok(Some(AlterTableCommand::DetachPartition { partition, concurrently, finalize }));
        }
        Ok(None)
    }

    /// `alter_type_cmd`: attributes of composite types
    pub(super) fn alter_attribute(&mut self) -> Result<AlterTableCommand> {
        let action = self.expect_any(&[K::Add, K::Drop, K::Alter])?;
        self.expect(K::Attribute)?;
        match action {
            K::Add => {
                let item = self.column_definition_item()?;
                let mut column = create_table::new_column(item.location, item.name);
                column.type_name = Some(item.type_name);
                column.collation = item.collation.map(|name| {
                    let location = name.location;
                    (name, location)
                });
                self.drop_behavior();
                Ok(AlterTableCommand::AddColumn { column: Box::new(column), if_not_exists: false })
            }
            K::Drop => {
                let if_exists = self.if_exists();
                let name = self.column_id()?;
                Ok(AlterTableCommand::DropColumn { name, if_exists, behavior: self.drop_behavior() })
            }
            _ => {
                let location = self.location();
                let column = self.column_id()?;
                self.eat_all(&[K::Set, K::Data]);
                self.expect(K::Type)?;
                let type_name = self.type_name()?;
                let collation = self.optional_collation()?;
                let behavior = self.drop_behavior();
                let using = None;
                Ok(AlterTableCommand::AlterColumnType {
                    column,
                    type_name,
                    collation,
                    using,
                    behavior,
                    location,
                })
            }
        }
    }
}
