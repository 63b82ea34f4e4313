//! CREATE of types, operators, aggregates, casts, domains, languages, text search objects, ...

use super::name::option;
use super::*;

impl Parser<'_> {
    pub(super) fn create_aggregate(&mut self, or_replace: bool) -> Result<Statement> {
        self.expect(K::Aggregate)?;
        let start = self.position;
        let name = self.function_name()?;
        let old_style =
            matches!(self.kind_at(1), Kind::Identifier | Kind::QuotedIdentifier) && self.char_at(2, b'=');
        let mut signature = None;
        if !old_style {
            self.position = start;
            signature = Some(self.aggregate_signature()?);
        }
        let definition = self.definition()?;
        let object_type = ObjectType::Aggregate;
        let if_not_exists = false;
        let define =
            Define { object_type, or_replace, if_not_exists, name, signature, old_style, definition };
        Ok(Statement::Define(Box::new(define)))
    }

    fn define(
        &mut self,
        object_type: ObjectType,
        if_not_exists: bool,
        name: ObjectName,
        definition: Vec<OptionItem>,
    ) -> Result<Statement> {
        let (or_replace, old_style, signature) = (false, false, None);
        let define =
            Define { object_type, or_replace, if_not_exists, name, signature, old_style, definition };
        Ok(Statement::Define(Box::new(define)))
    }

    /// CREATE COLLATION, TYPE, TEXT SEARCH
    pub(super) fn create_definition(&mut self) -> Result<Statement> {
        let object_type = self.object_type()?;
        if object_type == ObjectType::Type {
            return self.create_type();
        }
        let if_not_exists = object_type == ObjectType::Collation && self.if_not_exists();
        let name = self.object_name()?;
        let at = self.location();
        let definition = if object_type == ObjectType::Collation && self.eat(K::From) {
            vec![option("from", Some(OptionValue::Name(self.object_name()?)), at)]
        } else {
            self.definition()?
        };
        self.define(object_type, if_not_exists, name, definition)
    }

    fn create_type(&mut self) -> Result<Statement> {
        let name = self.object_name()?;
        if !self.eat(K::As) {
            let definition = if self.at_char(b'(') { self.definition()? } else { Vec::new() };
            return self.define(ObjectType::Type, false, name, definition);
        }
        if self.eat(K::Enum) {
            self.expect_char(b'(')?;
            let values = if self.at_char(b')') { Vec::new() } else { self.list(Self::string)? };
            self.expect_char(b')')?;
            return Ok(Statement::CreateEnum(Box::new(CreateEnum { name, values })));
        }
        if self.eat(K::Range) {
            let definition = self.definition()?;
            return Ok(Statement::CreateRange(Box::new(CreateRange { name, definition })));
        }
        let attributes = match self.at_char(b'(') && self.char_at(1, b')') {
            true => {
                self.position += 2;
                Vec::new()
            }
            false => self.column_definitions()?,
        };
        Ok(Statement::CreateCompositeType(Box::new(CreateCompositeType { name, attributes })))
    }

    pub(super) fn create_operator(&mut self) -> Result<Statement> {
        self.expect(K::Operator)?;
        if self.eat(K::Class) {
            return self.create_operator_class();
        }
        if self.eat(K::Family) {
            let name = self.object_name()?;
            self.expect(K::Using)?;
            let access_method = self.column_id()?;
            let create = CreateOperatorFamily { name, access_method };
            return Ok(Statement::CreateOperatorFamily(Box::new(create)));
        }
        let location = self.location();
        let operator = self.any_operator()?;
        let mut parts = operator.schema;
        parts.push(operator.name);
        let definition = self.definition()?;
        self.define(ObjectType::Operator, false, ObjectName { parts, location }, definition)
    }

    /// `( operator_def_list )`
    pub(super) fn operator_definition(&mut self) -> Result<Vec<OptionItem>> {
        self.paren_list(|parser| {
            let location = parser.location();
            let name = parser.label()?;
            let value = match parser.eat_char(b'=') && !parser.eat(K::None) {
                true => Some(parser.definition_value()?),
                false => None,
            };
            Ok(option(&name, value, location))
        })
    }

    fn create_operator_class(&mut self) -> Result<Statement> {
        let name = self.object_name()?;
        let default = self.eat(K::Default);
        self.expect_all(&[K::For, K::Type])?;
        let type_name = self.type_name()?;
        self.expect(K::Using)?;
        let access_method = self.column_id()?;
        let family = if self.eat(K::Family) { Some(self.object_name()?) } else { None };
        self.expect(K::As)?;
        let items = self.list(Self::operator_class_item)?;
        let create = CreateOperatorClass { name, default, type_name, access_method, family, items };
        Ok(Statement::CreateOperatorClass(Box::new(create)))
    }

    fn operator_class_item(&mut self) -> Result<OperatorClassItem> {
        match self.expect_any(&[K::Operator, K::Function, K::Storage])? {
            K::Storage => Ok(OperatorClassItem::Storage(self.type_name()?)),
            K::Function => {
                let number = self.integer()?;
                let types = self.optional_paren_list(Self::type_name)?;
                Ok(OperatorClassItem::Function { number, types, function: self.routine_signature()? })
            }
            _ => {
                let number = self.integer()?;
                let location = self.location();
                let name = self.any_operator()?;
                let signature = match self.at_char(b'(') {
                    true => Some(self.operator_operands(name.clone(), location)?),
                    false => None,
                };
                let mut order_family = None;
                if self.eat(K::For) && !self.eat(K::Search) {
                    self.expect_all(&[K::Order, K::By])?;
                    order_family = Some(self.object_name()?);
                }
                Ok(OperatorClassItem::Operator { number, name, signature, order_family })
            }
        }
    }

    pub(super) fn alter_operator_family(
        &mut self,
        name: ObjectName,
        access_method: String,
    ) -> Result<Statement> {
        let drop = self.expect_any(&[K::Add, K::Drop])? == K::Drop;
        let items = match drop {
            false => self.list(Self::operator_class_item)?,
            true => self.list(|parser| {
                let operator = parser.expect_any(&[K::Operator, K::Function])? == K::Operator;
                let number = parser.integer()?;
                let types = parser.paren_list(Self::type_name)?;
                Ok(match operator {
                    true => OperatorClassItem::DropOperator { number, types },
                    false => OperatorClassItem::DropFunction { number, types },
                })
            })?,
        };
        let alter = AlterOperatorFamily { name, access_method, drop, items };
        Ok(Statement::AlterOperatorFamily(Box::new(alter)))
    }

    pub(super) fn create_cast(&mut self) -> Result<Statement> {
        self.expect(K::Cast)?;
        let (source, target) = self.parens(|parser| {
            let source = parser.type_name()?;
            parser.expect(K::As)?;
            Ok((source, parser.type_name()?))
        })?;
        let method = match self.expect_any(&[K::With, K::Without])? {
            K::Without => {
                self.expect(K::Function)?;
                CastMethod::WithoutFunction
            }
            _ if self.eat(K::Inout) => CastMethod::InOut,
            _ => {
                self.expect(K::Function)?;
                CastMethod::Function(self.routine_signature()?)
            }
        };
        let context = match self.eat(K::As) {
            false => CastContext::Explicit,
            true if self.expect_any(&[K::Implicit, K::Assignment])? == K::Implicit => CastContext::Implicit,
            true => CastContext::Assignment,
        };
        Ok(Statement::CreateCast(Box::new(CreateCast { source, target, method, context })))
    }

    pub(super) fn create_transform(&mut self, or_replace: bool) -> Result<Statement> {
        self.expect_all(&[K::Transform, K::For])?;
        let type_name = self.type_name()?;
        self.expect(K::Language)?;
        let language = self.column_id()?;
        let (mut from_sql, mut to_sql) = (None, None);
        self.expect_char(b'(')?;
        loop {
            let slot = match self.keyword() {
                Some(K::From) if from_sql.is_none() => &mut from_sql,
                Some(K::To) if to_sql.is_none() => &mut to_sql,
                _ => return Err(self.unexpected()),
            };
            self.advance();
            self.expect_all(&[K::Sql, K::With, K::Function])?;
            *slot = Some(self.routine_signature()?);
            if !self.eat_char(b',') {
                break;
            }
        }
        self.expect_char(b')')?;
        let create = CreateTransform { or_replace, type_name, language, from_sql, to_sql };
        Ok(Statement::CreateTransform(Box::new(create)))
    }

    pub(super) fn create_language(&mut self, or_replace: bool) -> Result<Statement> {
        let trusted = self.eat(K::Trusted);
        self.eat(K::Procedural);
        self.expect(K::Language)?;
        let name = self.column_id()?;
        let (mut handler, mut inline, mut validator) = (None, None, None);
        if self.eat(K::Handler) {
            handler = Some(self.handler_name()?);
            if self.eat(K::Inline) {
                inline = Some(self.handler_name()?);
            }
            if self.eat(K::Validator) {
                validator = Some(self.handler_name()?);
            } else {
                self.eat_all(&[K::No, K::Validator]);
            }
        }
        let create = CreateLanguage { name, or_replace, trusted, handler, inline, validator };
        Ok(Statement::CreateLanguage(Box::new(create)))
    }

    pub(super) fn create_conversion(&mut self) -> Result<Statement> {
        let default = self.eat(K::Default);
        self.expect(K::Conversion)?;
        let name = self.object_name()?;
        self.expect(K::For)?;
        let source = self.string()?;
        self.expect(K::To)?;
        let target = self.string()?;
        self.expect(K::From)?;
        let function = self.object_name()?;
        let create = CreateConversion { name, default, source, target, function };
        Ok(Statement::CreateConversion(Box::new(create)))
    }

    pub(super) fn create_access_method(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Access, K::Method])?;
        let name = self.column_id()?;
        self.expect(K::Type)?;
        let table = self.expect_any(&[K::Index, K::Table])? == K::Table;
        self.expect(K::Handler)?;
        let create = CreateAccessMethod { name, table, handler: self.handler_name()? };
        Ok(Statement::CreateAccessMethod(Box::new(create)))
    }

    pub(super) fn create_domain(&mut self) -> Result<Statement> {
        self.expect(K::Domain)?;
        let name = self.object_name()?;
        self.eat(K::As);
        let type_name = self.type_name()?;
        let (collation, constraints) = self.qualifications(true)?;
        Ok(Statement::CreateDomain(Box::new(CreateDomain { name, type_name, collation, constraints })))
    }

    pub(super) fn create_assertion(&mut self, start: usize) -> Result<Statement> {
        self.expect(K::Assertion)?;
        self.object_name()?;
        self.expect(K::Check)?;
        self.parens(Self::expr)?;
        self.constraint_attributes()?;
        Err(err!(FEATURE_NOT_SUPPORTED, "CREATE ASSERTION is not yet implemented").at(start))
    }
}
