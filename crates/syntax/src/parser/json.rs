//! SQL/JSON functions and JSON_TABLE.

use super::*;

impl Parser<'_> {
    /// The inside of the parentheses of a JSON function.
    pub(super) fn json_function(&mut self, keyword: K, location: usize) -> Result<Option<Expr>> {
        let kind = match keyword {
            K::JsonObject => return self.json_object(location).map(Some),
            K::JsonArray => self.json_array()?,
            K::Json => {
                let value = self.json_value()?;
                JsonKind::Parse { value, unique_keys: self.unique_keys() }
            }
            K::JsonScalar => JsonKind::Scalar { value: self.expr()? },
            K::JsonSerialize => {
                let value = self.json_value()?;
                JsonKind::Serialize { value, returning: self.json_returning()? }
            }
            K::JsonQuery => JsonKind::Query(Box::new(self.json_path_function(keyword)?)),
            K::JsonExists => JsonKind::Exists(Box::new(self.json_path_function(keyword)?)),
            K::JsonValue => JsonKind::Value(Box::new(self.json_path_function(keyword)?)),
            K::JsonObjectagg => {
                let pair = self.json_key_value()?;
                let absent_on_null = self.json_null_clause(false);
                let unique_keys = self.unique_keys();
                let aggregate = JsonAggregate { returning: self.json_returning()?, filter: None, over: None };
                JsonKind::ObjectAgg { pair, absent_on_null, unique_keys, aggregate }
            }
            K::JsonArrayagg => {
                let element = self.json_value()?;
                let order_by = self.optional_order_by()?;
                let absent_on_null = self.json_null_clause(true);
                let aggregate = JsonAggregate { returning: self.json_returning()?, filter: None, over: None };
                JsonKind::ArrayAgg { element, absent_on_null, order_by, aggregate }
            }
            _ => return Ok(None),
        };
        Ok(Some(Expr::Json(Box::new(JsonExpr { kind, location }))))
    }

    /// FILTER and OVER after a JSON aggregate.
    pub(super) fn json_aggregate_suffix(&mut self, mut expr: Expr) -> Result<Expr> {
        if let Expr::Json(json) = &mut expr
            && let JsonKind::ObjectAgg { aggregate, .. } | JsonKind::ArrayAgg { aggregate, .. } =
                &mut json.kind
        {
            aggregate.filter = self.optional_filter()?;
            aggregate.over = self.optional_over()?;
        }
        Ok(expr)
    }

    fn json_object(&mut self, location: usize) -> Result<Expr> {
        let mut pairs = Vec::new();
        if !self.at_char(b')') && !self.at(K::Returning) {
            let first = self.function_arg()?;
            if first.name.is_some() || !(self.at(K::Value) || self.at_char(b':')) {
                let name = ObjectName { parts: vec!["pg_catalog".into(), "json_object".into()], location };
                let mut call = primary::empty_call(name);
                call.args.push(first);
                while self.eat_char(b',') {
                    call.args.push(self.function_arg()?);
                }
                return Ok(Expr::Function(Box::new(call)));
            }
            self.advance();
            pairs.push(JsonKeyValue { key: first.value, value: self.json_value()? });
            while self.eat_char(b',') {
                pairs.push(self.json_key_value()?);
            }
        }
        let absent_on_null = self.json_null_clause(false);
        let unique_keys = self.unique_keys();
        let kind = JsonKind::Object { pairs, absent_on_null, unique_keys, returning: self.json_returning()? };
        Ok(Expr::Json(Box::new(JsonExpr { kind, location })))
    }

    fn json_key_value(&mut self) -> Result<JsonKeyValue> {
        let key = self.expr()?;
        if !self.eat(K::Value) {
            self.expect_char(b':')?;
        }
        Ok(JsonKeyValue { key, value: self.json_value()? })
    }

    fn json_array(&mut self) -> Result<JsonKind> {
        if self.at_query() || (self.at_char(b'(') && self.paren_leads_to_query()) {
            let query = Box::new(self.select_no_parens()?);
            let format = self.json_format()?;
            return Ok(JsonKind::ArrayQuery {
                query,
                format,
                absent_on_null: true,
                returning: self.json_returning()?,
            });
        }
        let empty = self.at_char(b')') || self.at(K::Returning);
        let elements = if empty { Vec::new() } else { self.list(Self::json_value)? };
        let absent_on_null = self.json_null_clause(true);
        Ok(JsonKind::Array { elements, absent_on_null, returning: self.json_returning()? })
    }

    /// Whether a query begins within the parentheses that open here.
    fn paren_leads_to_query(&self) -> bool {
        let depth = (0..).take_while(|&ahead| self.char_at(ahead, b'(')).take(1000).count();
        matches!(self.kind_at(depth), Kind::Keyword(K::Select | K::Table | K::With | K::Values))
    }

    /// ABSENT ON NULL (true), NULL ON NULL (false)
    fn json_null_clause(&mut self, default: bool) -> bool {
        match () {
            () if self.eat_all(&[K::Null, K::On, K::Null]) => false,
            () if self.eat_all(&[K::Absent, K::On, K::Null]) => true,
            () => default,
        }
    }

    /// WITH UNIQUE [KEYS] (true), WITHOUT UNIQUE [KEYS]
    pub(super) fn unique_keys(&mut self) -> bool {
        let unique = self.eat_all(&[K::With, K::Unique]);
        if unique || self.eat_all(&[K::Without, K::Unique]) {
            self.eat(K::Keys);
        }
        unique
    }

    /// `json_value_expr`
    fn json_value(&mut self) -> Result<JsonValue> {
        let expr = self.expr()?;
        Ok(JsonValue { expr, format: self.json_format()? })
    }

    fn json_format(&mut self) -> Result<Option<JsonFormat>> {
        let location = self.location();
        if !self.eat_all(&[K::Format, K::Json]) {
            return Ok(None);
        }
        let mut encoding = None;
        if self.eat(K::Encoding) {
            let at = self.location();
            let name = self.column_id()?;
            encoding = Some(match name.as_str() {
                "utf8" => JsonEncoding::Utf8,
                "utf16" => JsonEncoding::Utf16,
                "utf32" => JsonEncoding::Utf32,
                _ => {
                    return Err(err!(INVALID_PARAMETER_VALUE, "unrecognized JSON encoding: {name}").at(at));
                }
            });
        }
        Ok(Some(JsonFormat { encoding, location }))
    }

    fn json_returning(&mut self) -> Result<Option<JsonReturning>> {
        if !self.eat(K::Returning) {
            return Ok(None);
        }
        let type_name = self.type_name()?;
        Ok(Some(JsonReturning { type_name, format: self.json_format()? }))
    }

    fn json_passing(&mut self) -> Result<Vec<JsonArgument>> {
        if !self.eat(K::Passing) {
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let value = parser.json_value()?;
            parser.expect(K::As)?;
            Ok(JsonArgument { value, name: parser.label()? })
        })
    }

    fn json_path_function(&mut self, keyword: K) -> Result<JsonFunction> {
        let context = self.json_value()?;
        self.expect_char(b',')?;
        let path = self.expr()?;
        let passing = self.json_passing()?;
        let mut function = JsonFunction {
            context,
            path,
            passing,
            returning: None,
            wrapper: JsonWrapper::Unspecified,
            quotes: JsonQuotes::Unspecified,
            on_empty: None,
            on_error: None,
        };
        if keyword == K::JsonExists {
            function.on_error = self.json_on_error()?;
            return Ok(function);
        }
        function.returning = self.json_returning()?;
        if keyword == K::JsonQuery {
            function.wrapper = self.json_wrapper()?;
            function.quotes = self.json_quotes()?;
        }
        (function.on_empty, function.on_error) = self.json_behaviors()?;
        Ok(function)
    }

    fn json_wrapper(&mut self) -> Result<JsonWrapper> {
        if self.eat(K::Without) {
            self.eat(K::Array);
            self.expect(K::Wrapper)?;
            return Ok(JsonWrapper::None);
        }
        if !self.eat(K::With) {
            return Ok(JsonWrapper::Unspecified);
        }
        let conditional = self.eat_any(&[K::Conditional, K::Unconditional]) == Some(K::Conditional);
        self.eat(K::Array);
        self.expect(K::Wrapper)?;
        Ok(if conditional { JsonWrapper::Conditional } else { JsonWrapper::Unconditional })
    }

    fn json_quotes(&mut self) -> Result<JsonQuotes> {
        let quotes = match self.eat_any(&[K::Keep, K::Omit]) {
            None => return Ok(JsonQuotes::Unspecified),
            Some(K::Keep) => JsonQuotes::Keep,
            Some(_) => JsonQuotes::Omit,
        };
        self.expect(K::Quotes)?;
        if self.eat(K::On) {
            self.expect_all(&[K::Scalar, K::String])?;
        }
        Ok(quotes)
    }

    /// `json_behavior`, if one stands here
    fn json_behavior(&mut self) -> Result<Option<JsonBehavior>> {
        let location = self.location();
        let words = &[K::Default, K::Error, K::Null, K::True, K::False, K::Unknown, K::Empty];
        let kind = match self.eat_any(words) {
            None => return Ok(None),
            Some(K::Default) => JsonBehaviorKind::Default(self.expr()?),
            Some(K::Error) => JsonBehaviorKind::Error,
            Some(K::Null) => JsonBehaviorKind::Null,
            Some(K::True) => JsonBehaviorKind::True,
            Some(K::False) => JsonBehaviorKind::False,
            Some(K::Unknown) => JsonBehaviorKind::Unknown,
            Some(_) => match self.eat_any(&[K::Array, K::Object]) {
                Some(K::Array) => JsonBehaviorKind::EmptyArray,
                Some(_) => JsonBehaviorKind::EmptyObject,
                None => JsonBehaviorKind::Empty,
            },
        };
        Ok(Some(JsonBehavior { kind, location }))
    }

    fn json_behaviors(&mut self) -> Result<(Option<JsonBehavior>, Option<JsonBehavior>)> {
        let Some(first) = self.json_behavior()? else { return Ok((None, None)) };
        self.expect(K::On)?;
        if self.expect_any(&[K::Empty, K::Error])? == K::Error {
            return Ok((None, Some(first)));
        }
        let second = self.json_on_error()?;
        Ok((Some(first), second))
    }

    fn json_on_error(&mut self) -> Result<Option<JsonBehavior>> {
        let behavior = self.json_behavior()?;
        if behavior.is_some() {
            self.expect_all(&[K::On, K::Error])?;
        }
        Ok(behavior)
    }

    /// `JSON_TABLE ( ... )`
    pub(super) fn json_table(&mut self) -> Result<JsonTable> {
        let location = self.location();
        self.expect(K::JsonTable)?;
        self.expect_char(b'(')?;
        let context = self.json_value()?;
        self.expect_char(b',')?;
        let path_location = self.location();
        let path = match self.expr()? {
            Expr::Const { value: Literal::String(path), .. } => path,
            other => {
                let message = "only string constants are supported in JSON_TABLE path specification";
                return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(other.start()));
            }
        };
        let path_name = if self.eat(K::As) { Some(self.column_id()?) } else { None };
        let passing = self.json_passing()?;
        self.expect(K::Columns)?;
        let columns = self.paren_list(Self::json_table_column)?;
        let on_error = self.json_on_error()?;
        self.expect_char(b')')?;
        Ok(JsonTable { context, path, path_location, path_name, passing, columns, on_error, location })
    }

    fn json_table_column(&mut self) -> Result<JsonTableColumn> {
        let location = self.location();
        if self.at(K::Nested) && (self.at_next(1, K::Path) || self.kind_at(1) == Kind::String) {
            self.advance();
            self.eat(K::Path);
            let at = self.location();
            let path = JsonTablePath { path: self.string()?, location: at };
            let path_name = if self.eat(K::As) { Some(self.column_id()?) } else { None };
            self.expect(K::Columns)?;
            let columns = self.nested(|parser| parser.paren_list(Self::json_table_column))?;
            let kind = JsonTableColumnKind::Nested { path, path_name, columns };
            return Ok(JsonTableColumn { name: String::new(), kind, location });
        }
        let name = self.column_id()?;
        if self.eat_all(&[K::For, K::Ordinality]) {
            return Ok(JsonTableColumn { name, kind: JsonTableColumnKind::ForOrdinality, location });
        }
        let type_name = self.type_name()?;
        if self.eat(K::Exists) {
            let path = self.json_table_path()?;
            let kind = JsonTableColumnKind::Exists { type_name, path, on_error: self.json_on_error()? };
            return Ok(JsonTableColumn { name, kind, location });
        }
        let format = self.json_format()?;
        let path = self.json_table_path()?;
        let wrapper = self.json_wrapper()?;
        let quotes = self.json_quotes()?;
        let (on_empty, on_error) = self.json_behaviors()?;
        let regular = JsonTableRegular { type_name, format, path, wrapper, quotes, on_empty, on_error };
        Ok(JsonTableColumn { name, kind: JsonTableColumnKind::Regular(Box::new(regular)), location })
    }

    fn json_table_path(&mut self) -> Result<Option<JsonTablePath>> {
        if !self.eat(K::Path) {
            return Ok(None);
        }
        let location = self.location();
        Ok(Some(JsonTablePath { path: self.string()?, location }))
    }
}
