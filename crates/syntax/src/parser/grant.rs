//! GRANT, REVOKE, ALTER DEFAULT PRIVILEGES.

use super::name::option;
use super::*;

impl Parser<'_> {
    pub(super) fn grant_or_revoke(&mut self) -> Result<Statement> {
        let revoke = self.expect_any(&[K::Grant, K::Revoke])? == K::Revoke;
        let mut grant_option = revoke && self.eat_all(&[K::Grant, K::Option, K::For]);
        let mut options = Vec::new();
        if revoke && !grant_option && self.at_next(1, K::Option) && self.at_next(2, K::For) {
            let location = self.location();
            options.push(option(&self.column_id()?, Some(OptionValue::Bool(false)), location));
            self.position += 2;
        }
        let privileges = self.privileges()?;
        let all = matches!(privileges.as_slice(), [] | [Privilege { name: None, .. }]);
        if grant_option || all || (self.at(K::On) && options.is_empty()) {
            self.expect(K::On)?;
            let (object_type, target) = self.grant_target()?;
            let grantees = self.grantees(revoke)?;
            if !revoke {
                grant_option = self.eat_all(&[K::With, K::Grant, K::Option]);
            }
            let grantor = self.granted_by()?;
            let behavior = if revoke { self.drop_behavior() } else { DropBehavior::Restrict };
            let grant =
                Grant { revoke, privileges, target, object_type, grantees, grant_option, grantor, behavior };
            return Ok(Statement::Grant(Box::new(grant)));
        }
        self.expect(if revoke { K::From } else { K::To })?;
        let grantees = self.roles()?;
        if !revoke && self.eat(K::With) {
            options = self.list(Self::role_grant_option)?;
        }
        let grantor = self.granted_by()?;
        let behavior = if revoke { self.drop_behavior() } else { DropBehavior::Restrict };
        let grant = GrantRole { revoke, roles: privileges, grantees, options, grantor, behavior };
        Ok(Statement::GrantRole(Box::new(grant)))
    }

    fn role_grant_option(&mut self) -> Result<OptionItem> {
        let location = self.location();
        let name = self.label()?;
        let value = self.expect_any(&[K::Option, K::True, K::False])? != K::False;
        Ok(option(&name, Some(OptionValue::Bool(value)), location))
    }

    /// `TO` or `FROM` with roles, each possibly after GROUP
    fn grantees(&mut self, revoke: bool) -> Result<Vec<Role>> {
        self.expect(if revoke { K::From } else { K::To })?;
        self.list(|parser| {
            parser.eat(K::Group);
            parser.role()
        })
    }

    fn granted_by(&mut self) -> Result<Option<Role>> {
        if self.eat_all(&[K::Granted, K::By]) { self.role().map(Some) } else { Ok(None) }
    }

    /// `privileges`; ALL without columns is an empty list.
    fn privileges(&mut self) -> Result<Vec<Privilege>> {
        let location = self.location();
        if self.eat(K::All) {
            self.eat(K::Privileges);
            let columns = self.optional_columns()?;
            if columns.is_empty() {
                return Ok(Vec::new());
            }
            return Ok(vec![Privilege { name: None, columns, location }]);
        }
        self.list(|parser| {
            let location = parser.location();
            if parser.eat_all(&[K::Alter, K::System]) {
                return Ok(Privilege { name: Some("alter system".into()), columns: Vec::new(), location });
            }
            let reserved = parser.at_any(&[K::Select, K::References, K::Create]);
            let name = if reserved { parser.take_name() } else { parser.column_id()? };
            Ok(Privilege { name: Some(name), columns: parser.optional_columns()?, location })
        })
    }

    /// `privilege_target`
    fn grant_target(&mut self) -> Result<(ObjectType, GrantTarget)> {
        use ObjectType as O;
        if self.eat(K::All) {
            let words = &[K::Tables, K::Sequences, K::Functions, K::Procedures, K::Routines];
            let object_type = match self.expect_any(words)? {
                K::Tables => O::Table,
                K::Sequences => O::Sequence,
                K::Functions => O::Function,
                K::Procedures => O::Procedure,
                _ => O::Routine,
            };
            self.expect_all(&[K::In, K::Schema])?;
            return Ok((object_type, GrantTarget::AllInSchemas(self.names()?)));
        }
        let kinds: &[(&[K], O)] = &[
            (&[K::Table], O::Table),
            (&[K::Sequence], O::Sequence),
            (&[K::Foreign, K::Data, K::Wrapper], O::ForeignDataWrapper),
            (&[K::Foreign, K::Server], O::ForeignServer),
            (&[K::Function], O::Function),
            (&[K::Procedure], O::Procedure),
            (&[K::Routine], O::Routine),
            (&[K::Database], O::Database),
            (&[K::Domain], O::Domain),
            (&[K::Language], O::Language),
            (&[K::Large, K::Object], O::LargeObject),
            (&[K::Parameter], O::Parameter),
            (&[K::Schema], O::Schema),
            (&[K::Tablespace], O::Tablespace),
            (&[K::Type], O::Type),
        ];
        // A word that is followed by the end of the name is the table's own name.
        let word = |words: &[K]| {
            self.at_all(words)
                && !matches!(
                    self.kind_at(words.len()),
                    Kind::Char(b',' | b'.') | Kind::Keyword(K::To | K::From)
                )
        };
        let found = kinds.iter().find(|(words, _)| word(words)).copied();
        let (words, object_type) = found.unwrap_or((&[], O::Table));
        self.position += words.len();
        let objects = match object_type {
            O::Table | O::Sequence => self.list(|parser| parser.relation_name().map(ObjectRef::Relation))?,
            O::Type | O::Domain => self.list(|parser| parser.object_name().map(ObjectRef::Name))?,
            O::Parameter => self.list(|parser| parser.object_name().map(ObjectRef::Name))?,
            _ => self.list(|parser| parser.object_ref(object_type))?,
        };
        Ok((object_type, GrantTarget::Objects(objects)))
    }

    pub(super) fn alter_default_privileges(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Default, K::Privileges])?;
        let (mut schemas, mut roles) = (None, None);
        loop {
            let at = self.location();
            let twice = if self.eat_all(&[K::In, K::Schema]) {
                schemas.replace(self.names()?).is_some()
            } else if self.eat(K::For) {
                self.expect_any(&[K::Role, K::User])?;
                roles.replace(self.roles()?).is_some()
            } else {
                break;
            };
            if twice {
                return Err(err!(SYNTAX_ERROR, "conflicting or redundant options").at(at));
            }
        }
        let revoke = self.expect_any(&[K::Grant, K::Revoke])? == K::Revoke;
        let mut grant_option = revoke && self.eat_all(&[K::Grant, K::Option, K::For]);
        let privileges = self.privileges()?;
        self.expect(K::On)?;
        let words = &[K::Tables, K::Functions, K::Routines, K::Sequences, K::Types, K::Schemas, K::Large];
        let object_type = match self.expect_any(words)? {
            K::Tables => ObjectType::Table,
            K::Functions | K::Routines => ObjectType::Function,
            K::Sequences => ObjectType::Sequence,
            K::Types => ObjectType::Type,
            K::Schemas => ObjectType::Schema,
            _ => {
                self.expect(K::Objects)?;
                ObjectType::LargeObject
            }
        };
        let grantees = self.grantees(revoke)?;
        if !revoke {
            grant_option = self.eat_all(&[K::With, K::Grant, K::Option]);
        }
        let behavior = if revoke { self.drop_behavior() } else { DropBehavior::Restrict };
        let (target, grantor) = (GrantTarget::Defaults, None);
        let action =
            Grant { revoke, privileges, target, object_type, grantees, grant_option, grantor, behavior };
        let alter = AlterDefaultPrivileges { schemas, roles, action };
        Ok(Statement::AlterDefaultPrivileges(Box::new(alter)))
    }
}
