//! Roles.

use super::name::option;
use super::*;

impl Parser<'_> {
    pub(super) fn create_role(&mut self) -> Result<Statement> {
        let kind = match self.expect_any(&[K::Role, K::User, K::Group])? {
            K::Role => RoleStatementKind::Role,
            K::User => RoleStatementKind::User,
            _ => RoleStatementKind::Group,
        };
        let name = self.role_id()?;
        self.eat(K::With);
        let options = self.role_options(true)?;
        Ok(Statement::CreateRole(Box::new(CreateRole { kind, name, options })))
    }

    fn role_options(&mut self, create: bool) -> Result<Vec<OptionItem>> {
        let mut options = Vec::new();
        while let Some(item) = self.role_option(create)? {
            options.push(item);
        }
        Ok(options)
    }

    fn role_option(&mut self, create: bool) -> Result<Option<OptionItem>> {
        let at = self.location();
        if self.is_plain_identifier() {
            return self.role_flag(at).map(Some);
        }
        let Some(keyword) = self.keyword() else { return Ok(None) };
        self.advance();
        let (name, value) = match keyword {
            K::Password if self.eat(K::Null) => ("password", None),
            K::Password => ("password", Some(OptionValue::String(self.string()?))),
            K::Encrypted => {
                self.expect(K::Password)?;
                ("password", Some(OptionValue::String(self.string()?)))
            }
            K::Unencrypted => {
                self.expect(K::Password)?;
                self.string()?;
                return Err(err!(FEATURE_NOT_SUPPORTED, "UNENCRYPTED PASSWORD is no longer supported")
                    .hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
                    .at(at));
            }
            K::Inherit => ("inherit", Some(OptionValue::Bool(true))),
            K::Connection => {
                self.expect(K::Limit)?;
                ("connectionlimit", Some(OptionValue::Integer(self.signed_integer()?)))
            }
            K::Valid => {
                self.expect(K::Until)?;
                ("validUntil", Some(OptionValue::String(self.string()?)))
            }
            K::User => ("rolemembers", Some(OptionValue::Roles(self.roles()?))),
            K::Sysid if create => ("sysid", Some(OptionValue::Integer(self.integer()?))),
            K::Admin if create => ("adminmembers", Some(OptionValue::Roles(self.roles()?))),
            K::Role if create => ("rolemembers", Some(OptionValue::Roles(self.roles()?))),
            K::In if create => {
                self.expect_any(&[K::Role, K::Group])?;
                ("addroleto", Some(OptionValue::Roles(self.roles()?)))
            }
            _ => {
                self.position -= 1;
                return Ok(None);
            }
        };
        Ok(Some(option(name, value, at)))
    }

    fn role_flag(&mut self, at: usize) -> Result<OptionItem> {
        let word = self.take_name();
        let (name, value) = match word.as_str() {
            "superuser" => ("superuser", true),
            "nosuperuser" => ("superuser", false),
            "createrole" => ("createrole", true),
            "nocreaterole" => ("createrole", false),
            "replication" => ("isreplication", true),
            "noreplication" => ("isreplication", false),
            "createdb" => ("createdb", true),
            "nocreatedb" => ("createdb", false),
            "login" => ("canlogin", true),
            "nologin" => ("canlogin", false),
            "bypassrls" => ("bypassrls", true),
            "nobypassrls" => ("bypassrls", false),
            "noinherit" => ("inherit", false),
            _ => return Err(err!(SYNTAX_ERROR, "unrecognized role option \"{word}\"").at(at)),
        };
        Ok(option(name, Some(OptionValue::Bool(value)), at))
    }

    /// ALTER ROLE, USER, GROUP
    pub(super) fn alter_role(&mut self) -> Result<Statement> {
        let group = self.expect_any(&[K::Role, K::User, K::Group])? == K::Group;
        let role = if !group && self.eat(K::All) { None } else { Some(self.role()?) };
        if let Some(role) = &role
            && self.eat_all(&[K::Rename, K::To])
        {
            let rename = Rename {
                object_type: ObjectType::Role,
                relation_type: None,
                object: ObjectRef::Role(role.clone()),
                sub_name: None,
                new_name: self.role_id()?,
                if_exists: false,
                behavior: DropBehavior::Restrict,
            };
            return Ok(Statement::Rename(Box::new(rename)));
        }
        if group {
            let add = self.expect_any(&[K::Add, K::Drop])? == K::Add;
            self.expect(K::User)?;
            let members = Some((add, self.roles()?));
            let role = role.ok_or_else(|| self.unexpected())?;
            return Ok(Statement::AlterRole(Box::new(AlterRole { role, options: Vec::new(), members })));
        }
        let mut database = None;
        let in_database = self.eat_all(&[K::In, K::Database]);
        if in_database {
            database = Some(self.column_id()?);
        }
        match role {
            Some(role) if !in_database && !self.at(K::Set) && !self.at(K::Reset) => {
                self.eat(K::With);
                let options = self.role_options(false)?;
                Ok(Statement::AlterRole(Box::new(AlterRole { role, options, members: None })))
            }
            role => {
                let setting = self.set_or_reset(true)?;
                Ok(Statement::AlterRoleSet(Box::new(AlterRoleSet { role, database, setting })))
            }
        }
    }

    pub(super) fn drop_role(&mut self) -> Result<Statement> {
        self.expect_any(&[K::Role, K::User, K::Group])?;
        let if_exists = self.if_exists();
        Ok(Statement::DropRole(Box::new(DropRole { roles: self.roles()?, if_exists })))
    }

    pub(super) fn reassign_owned(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Reassign, K::Owned, K::By])?;
        let roles = self.roles()?;
        self.expect(K::To)?;
        Ok(Statement::ReassignOwned(Box::new(ReassignOwned { roles, new_owner: self.role()? })))
    }
}
