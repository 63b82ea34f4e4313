//! Foreign data wrappers, servers, user mappings.

use super::*;

impl Parser<'_> {
    /// `OPTIONS ( name 'value', ... )`, if there
    pub(super) fn foreign_options(&mut self) -> Result<Vec<OptionItem>> {
        if !self.at(K::Options) || !self.char_at(1, b'(') {
            return Ok(Vec::new());
        }
        self.advance();
        self.paren_list(|parser| parser.foreign_option(OptionAction::Unspecified))
    }

    fn foreign_option(&mut self, action: OptionAction) -> Result<OptionItem> {
        let location = self.location();
        let name = self.label()?;
        let value = match action {
            OptionAction::Drop => None,
            _ => Some(OptionValue::String(self.string()?)),
        };
        Ok(OptionItem { namespace: None, name, value, action, location })
    }

    /// `alter_generic_options`
    pub(super) fn alter_foreign_options(&mut self) -> Result<Vec<OptionItem>> {
        self.expect(K::Options)?;
        self.paren_list(|parser| {
            // The verbs may also be an option's name, which a string follows.
            let verb = if parser.kind_at(1) == Kind::String {
                None
            } else {
                parser.eat_any(&[K::Set, K::Add, K::Drop])
            };
            parser.foreign_option(match verb {
                None => OptionAction::Unspecified,
                Some(K::Set) => OptionAction::Set,
                Some(K::Add) => OptionAction::Add,
                Some(_) => OptionAction::Drop,
            })
        })
    }

    fn wrapper_functions(&mut self) -> Result<Vec<ForeignDataWrapperFunction>> {
        let mut functions = Vec::new();
        loop {
            let location = self.location();
            let no = self.eat(K::No);
            let validator = match self.eat_any(&[K::Handler, K::Validator]) {
                Some(word) => word == K::Validator,
                None if no => return Err(self.unexpected()),
                None => return Ok(functions),
            };
            let function = if no { None } else { Some(self.handler_name()?) };
            functions.push(ForeignDataWrapperFunction { validator, function, location });
        }
    }

    pub(super) fn create_foreign_data_wrapper(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Foreign, K::Data, K::Wrapper])?;
        let name = self.column_id()?;
        let functions = self.wrapper_functions()?;
        let options = self.foreign_options()?;
        let create = CreateForeignDataWrapper { name, functions, options };
        Ok(Statement::CreateForeignDataWrapper(Box::new(create)))
    }

    pub(super) fn alter_foreign_data_wrapper(&mut self, name: String) -> Result<Statement> {
        let functions = self.wrapper_functions()?;
        let options = match functions.is_empty() || self.at(K::Options) {
            true => self.alter_foreign_options()?,
            false => Vec::new(),
        };
        let alter = AlterForeignDataWrapper { name, functions, options };
        Ok(Statement::AlterForeignDataWrapper(Box::new(alter)))
    }

    pub(super) fn create_server(&mut self) -> Result<Statement> {
        self.expect(K::Server)?;
        let if_not_exists = self.if_not_exists();
        let name = self.column_id()?;
        let server_type = if self.eat(K::Type) { Some(self.string()?) } else { None };
        let version = self.server_version()?.flatten();
        self.expect_all(&[K::Foreign, K::Data, K::Wrapper])?;
        let wrapper = self.column_id()?;
        let options = self.foreign_options()?;
        let create = CreateServer { name, if_not_exists, server_type, version, wrapper, options };
        Ok(Statement::CreateServer(Box::new(create)))
    }

    fn server_version(&mut self) -> Result<Option<Option<String>>> {
        if !self.eat(K::Version) {
            return Ok(None);
        }
        if self.eat(K::Null) { Ok(Some(None)) } else { Ok(Some(Some(self.string()?))) }
    }

    pub(super) fn alter_server(&mut self, name: String) -> Result<Statement> {
        let version = self.server_version()?;
        let options = match version.is_none() || self.at(K::Options) {
            true => self.alter_foreign_options()?,
            false => Vec::new(),
        };
        Ok(Statement::AlterServer(Box::new(AlterServer { name, version, options })))
    }

    pub(super) fn import_foreign_schema(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Import, K::Foreign, K::Schema])?;
        let remote_schema = self.column_id()?;
        let filter = match () {
            () if self.eat_all(&[K::Limit, K::To]) => {
                Some(ImportFilter::LimitTo(self.paren_list(Self::relation_expr)?))
            }
            () if self.eat(K::Except) => Some(ImportFilter::Except(self.paren_list(Self::relation_expr)?)),
            () => None,
        };
        self.expect_all(&[K::From, K::Server])?;
        let server = self.column_id()?;
        self.expect(K::Into)?;
        let local_schema = self.column_id()?;
        let options = self.foreign_options()?;
        let import = ImportForeignSchema { server, remote_schema, local_schema, filter, options };
        Ok(Statement::ImportForeignSchema(Box::new(import)))
    }

    /// `auth_ident`: a role or USER
    fn mapped_user(&mut self) -> Result<Role> {
        let location = self.location();
        self.expect(K::For)?;
        if self.eat(K::User) {
            return Ok(Role { kind: RoleKind::CurrentUser, location });
        }
        self.role()
    }

    pub(super) fn create_user_mapping(&mut self) -> Result<Statement> {
        self.expect_all(&[K::User, K::Mapping])?;
        let if_not_exists = self.if_not_exists();
        let user = self.mapped_user()?;
        self.expect(K::Server)?;
        let server = self.column_id()?;
        let options = self.foreign_options()?;
        let create = CreateUserMapping { user, server, if_not_exists, options };
        Ok(Statement::CreateUserMapping(Box::new(create)))
    }

    pub(super) fn alter_user_mapping(&mut self) -> Result<Statement> {
        self.expect_all(&[K::User, K::Mapping])?;
        let user = self.mapped_user()?;
        self.expect(K::Server)?;
        let server = self.column_id()?;
        let options = self.alter_foreign_options()?;
        Ok(Statement::AlterUserMapping(Box::new(AlterUserMapping { user, server, options })))
    }

    pub(super) fn drop_user_mapping(&mut self) -> Result<Statement> {
        self.expect_all(&[K::User, K::Mapping])?;
        let if_exists = self.if_exists();
        let user = self.mapped_user()?;
        self.expect(K::Server)?;
        let server = self.column_id()?;
        Ok(Statement::DropUserMapping(Box::new(DropUserMapping { user, server, if_exists })))
    }
}
