//! SQL/XML functions and XMLTABLE.

use super::primary::call;
use super::*;

impl Parser<'_> {
    /// The inside of the parentheses of an XML function.
    pub(super) fn xml_function(&mut self, keyword: K, location: usize) -> Result<Option<Expr>> {
        let xml = match keyword {
            K::Xmlconcat => XmlExpr::Concat { args: self.exprs()?, location },
            K::Xmlelement => self.xml_element(location)?,
            K::Xmlexists => {
                let path = self.primary()?;
                let document = self.xml_passing()?;
                return Ok(Some(call("xmlexists", vec![path, document], location)));
            }
            K::Xmlforest => XmlExpr::Forest { items: self.list(Self::xml_attribute)?, location },
            K::Xmlparse => {
                let document = self.document_or_content()?;
                let arg = self.expr()?;
                let whitespace = self.eat_any(&[K::Preserve, K::Strip]);
                if whitespace.is_some() {
                    self.expect(K::Whitespace)?;
                }
                let preserve_whitespace = whitespace == Some(K::Preserve);
                XmlExpr::Parse { arg, document, preserve_whitespace, location }
            }
            K::Xmlpi => {
                self.expect(K::Name)?;
                let name = self.label()?;
                let content = if self.eat_char(b',') { Some(self.expr()?) } else { None };
                XmlExpr::Pi { name, content, location }
            }
            K::Xmlroot => self.xml_root(location)?,
            K::Xmlserialize => {
                let document = self.document_or_content()?;
                let arg = self.expr()?;
                self.expect(K::As)?;
                let type_name = self.simple_type_name()?;
                let indent = !self.eat_all(&[K::No, K::Indent]) && self.eat(K::Indent);
                XmlExpr::Serialize { arg, document, type_name, indent, location }
            }
            _ => return Ok(None),
        };
        Ok(Some(Expr::Xml(Box::new(xml))))
    }

    /// DOCUMENT (true) or CONTENT
    pub(super) fn document_or_content(&mut self) -> Result<bool> {
        Ok(self.expect_any(&[K::Document, K::Content])? == K::Document)
    }

    fn xml_attribute(&mut self) -> Result<XmlAttribute> {
        let location = self.location();
        let value = self.expr()?;
        let name = if self.eat(K::As) { Some(self.label()?) } else { None };
        Ok(XmlAttribute { value, name, location })
    }

    fn xml_element(&mut self, location: usize) -> Result<XmlExpr> {
        self.expect(K::Name)?;
        let name = self.label()?;
        let mut attributes = Vec::new();
        let mut content = Vec::new();
        if self.eat_char(b',') {
            if self.at(K::Xmlattributes) && self.char_at(1, b'(') {
                self.advance();
                attributes = self.paren_list(Self::xml_attribute)?;
                if self.eat_char(b',') {
                    content = self.exprs()?;
                }
            } else {
                content = self.exprs()?;
            }
        }
        Ok(XmlExpr::Element { name, attributes, content, location })
    }

    fn xml_root(&mut self, location: usize) -> Result<XmlExpr> {
        let arg = self.expr()?;
        self.expect_char(b',')?;
        self.expect(K::Version)?;
        let version = if self.eat_all(&[K::No, K::Value]) { None } else { Some(self.expr()?) };
        let mut standalone = XmlStandalone::Omitted;
        if self.eat_char(b',') {
            self.expect(K::Standalone)?;
            standalone = match self.expect_any(&[K::Yes, K::No])? {
                K::Yes => XmlStandalone::Yes,
                _ if self.eat(K::Value) => XmlStandalone::NoValue,
                _ => XmlStandalone::No,
            };
        }
        Ok(XmlExpr::Root { arg, version, standalone, location })
    }

    /// `xmlexists_argument`
    fn xml_passing(&mut self) -> Result<Expr> {
        self.expect(K::Passing)?;
        self.xml_passing_mechanism()?;
        let document = self.primary()?;
        self.xml_passing_mechanism()?;
        Ok(document)
    }

    /// BY REF and BY VALUE mean the same.
    fn xml_passing_mechanism(&mut self) -> Result<()> {
        if self.eat(K::By) {
            self.expect_any(&[K::Ref, K::Value])?;
        }
        Ok(())
    }

    /// `XMLTABLE ( ... )`
    pub(super) fn xml_table(&mut self) -> Result<XmlTable> {
        let location = self.location();
        self.expect(K::Xmltable)?;
        self.expect_char(b'(')?;
        let mut namespaces = Vec::new();
        if self.at(K::Xmlnamespaces) && self.char_at(1, b'(') {
            self.advance();
            namespaces = self.paren_list(|parser| {
                let location = parser.location();
                if parser.eat(K::Default) {
                    return Ok(XmlNamespace { name: None, uri: parser.restricted_expr()?, location });
                }
                let uri = parser.restricted_expr()?;
                parser.expect(K::As)?;
                Ok(XmlNamespace { name: Some(parser.label()?), uri, location })
            })?;
            self.expect_char(b',')?;
        }
        let row_path = self.primary()?;
        let document = self.xml_passing()?;
        self.expect(K::Columns)?;
        let columns = self.list(Self::xml_table_column)?;
        self.expect_char(b')')?;
        Ok(XmlTable { namespaces, row_path, document, columns, location })
    }

    fn xml_table_column(&mut self) -> Result<XmlTableColumn> {
        let location = self.location();
        let name = self.column_id()?;
        let mut column =
            XmlTableColumn { name, type_name: None, path: None, default: None, not_null: false, location };
        if self.eat_all(&[K::For, K::Ordinality]) {
            return Ok(column);
        }
        column.type_name = Some(self.type_name()?);
        let mut nullability = false;
        loop {
            let at = self.location();
            let refuse = |message: String| Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(at));
            if self.eat(K::Default) {
                if column.default.is_some() {
                    return refuse("only one DEFAULT value is allowed".into());
                }
                column.default = Some(self.restricted_expr()?);
            } else if self.eat(K::Path) {
                if column.path.is_some() {
                    return refuse("only one PATH value per column is allowed".into());
                }
                column.path = Some(self.restricted_expr()?);
            } else if self.at(K::Null) || self.at_all(&[K::Not, K::Null]) {
                if nullability {
                    let name = &column.name;
                    return refuse(format!(
                        "conflicting or redundant NULL / NOT NULL declarations for column \"{name}\""
                    ));
                }
                nullability = true;
                column.not_null = self.eat(K::Not);
                self.expect(K::Null)?;
            } else if self.is_plain_identifier() {
                let option = self.take_name();
                self.restricted_expr()?;
                return refuse(match option.as_str() {
                    "__pg__is_not_null" => format!("option name \"{option}\" cannot be used in XMLTABLE"),
                    _ => format!("unrecognized column option \"{option}\""),
                });
            } else {
                return Ok(column);
            }
        }
    }
}
