//! Objects as the commands that would create them: the pg_get_*def functions. Each answers `None` where PostgreSQL's
//! function answers NULL, because the object is not there.

mod bound;
mod constraint;
mod function;
mod index;
mod key;
mod rule;
mod trigger;

use crate::deparse::{ConstantOutput, Level, Printer, Style, deparse_at, quote_identifier, quote_literal};
use base::{Oid, Result, err};
use catalog::{PgClass, RelationEntry, Session};
use ir::Expr;
use std::sync::Arc;

/// Answers the pg_get_*def functions for one session.
#[derive(Clone, Copy)]
pub struct Definitions<'a> {
    pub session: &'a Session,
    pub output: &'a dyn ConstantOutput,
}

impl Definitions<'_> {
    /// pg_get_expr: a stored expression whose variables are `relation`'s; an invalid OID stands for none.
    ///
    /// # Errors
    /// `22023` when the text holds variables that are not the relation's.
    pub fn expression(&self, text: &str, relation: Oid, pretty: bool) -> Result<Option<String>> {
        if text.starts_with("{PARTITIONBOUNDSPEC") {
            let bound = ir::text::read_bound(text, &|oid| self.session.type_layout(oid))?;
            return self.partition_bound(&bound).map(Some);
        }
        let exprs = self.read_list(text)?;
        let mut foreign = false;
        for expr in &exprs {
            ir::walk_levels(expr, 0, &mut |e, depth| {
                if let Expr::Var(var) = e {
                    let own = relation.is_valid() && var.source == ir::VarSource::Relation(1);
                    foreign |= var.levels_up == depth && !own;
                }
                !foreign
            });
        }
        if foreign {
            return Err(match relation.is_valid() {
                true => {
                    err!(INVALID_PARAMETER_VALUE, "expression contains variables of more than one relation")
                }
                false => err!(INVALID_PARAMETER_VALUE, "expression contains variables"),
            });
        }
        let entry = match relation.is_valid() {
            true => match self.session.relation(relation)? {
                Some(entry) => Some(entry),
                None => return Ok(None),
            },
            false => None,
        };
        let style = Style::definition(pretty);
        let texts: Result<Vec<String>> =
            exprs.iter().map(|e| self.print(e, entry.as_deref(), style)).collect();
        Ok(Some(texts?.join(", ")))
    }

    /// A node or a list of nodes.
    fn read_list(&self, text: &str) -> Result<Vec<Expr>> {
        let layouts = |oid| self.session.type_layout(oid);
        if text.starts_with('(') {
            return ir::text::read_expr_list(text, &layouts);
        }
        ir::text::read_expr(text, &layouts).map(|e| vec![e])
    }

    fn print(&self, expr: &Expr, relation: Option<&RelationEntry>, style: Style) -> Result<String> {
        let level = relation.map(|r| Level::of_relations(&[(r.name(), r)], false));
        deparse_at(self.session, self.output, expr, level, style)
    }

    fn printer(&self) -> Printer<'_> {
        Printer::new(self.session, self.output, Style::LINE)
    }

    fn relation(&self, oid: Oid) -> Result<Arc<RelationEntry>> {
        self.session.require_relation(oid)
    }

    /// A relation's name; with its schema always, or only where the search path does not find it.
    fn relation_name(&self, oid: Oid, qualified: bool) -> Result<String> {
        if !qualified {
            return self.printer().relation_name(oid);
        }
        let relation = self.relation(oid)?;
        self.qualified(relation.class.relnamespace, relation.name())
    }

    fn qualified(&self, namespace: Oid, name: &str) -> Result<String> {
        let schema = self.session.namespace_name(namespace)?;
        Ok(format!("{}.{}", quote_identifier(&schema), quote_identifier(name)))
    }

    /// Columns of a relation by their numbers.
    fn columns(&self, relation: &RelationEntry, numbers: &[i16]) -> Result<Vec<String>> {
        numbers.iter().map(|n| column(relation, *n)).collect()
    }

    /// ` COLLATE c` where it is not the column's own.
    fn collation(&self, collation: Oid, of_column: Oid) -> Result<String> {
        if !collation.is_valid() || collation == of_column {
            return Ok(String::new());
        }
        Ok(format!(" COLLATE {}", self.printer().collation_text(collation)?))
    }

    /// ` opclass` where it is not the type's default; an invalid type shows it always.
    fn opclass(&self, opclass: Oid, type_oid: Oid) -> Result<String> {
        let row = self
            .session
            .row::<catalog::PgOpclass>(catalog::index::PG_OPCLASS_OID, &[opclass.into()])?
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for opclass {opclass}"))?;
        if type_oid.is_valid() {
            let default = self.session.default_opclass(type_oid, row.opcmethod)?;
            if default.is_some_and(|d| d.oid == opclass) {
                return Ok(String::new());
            }
        }
        let name = quote_identifier(&row.opcname);
        let path = self.session.search_path()?;
        let classes = self.session.rows::<catalog::PgOpclass>(
            catalog::index::PG_OPCLASS_AM_NAME_NSP,
            &[row.opcmethod.into(), datum::Datum::from(row.opcname.as_str())],
        )?;
        let found = path.iter().find_map(|schema| classes.iter().find(|c| c.opcnamespace == *schema));
        if found.is_some_and(|c| c.oid == opclass) {
            return Ok(format!(" {name}"));
        }
        Ok(format!(" {}", self.qualified(row.opcnamespace, &row.opcname)?))
    }
}

/// A column's name as it must be written.
fn column(relation: &RelationEntry, number: i16) -> Result<String> {
    if number < 0 {
        return Ok(crate::deparse::system_name(number).to_owned());
    }
    let attribute = relation.desc().attributes().get((number as usize).wrapping_sub(1)).ok_or_else(|| {
        err!(INTERNAL_ERROR, "cache lookup failed for attribute {number} of relation {}", relation.oid())
    })?;
    Ok(quote_identifier(&attribute.name))
}

/// `name='value', ...` of options; `None` without any.
fn options(class: &PgClass) -> Option<String> {
    let options = class.reloptions.as_ref().filter(|o| !o.is_empty())?;
    Some(option_list(options))
}

fn option_list(options: &[String]) -> String {
    let one = |option: &String| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = if quote_identifier(value) == value { value.to_owned() } else { quote_literal(value) };
        format!("{}={value}", quote_identifier(name))
    };
    options.iter().map(one).collect::<Vec<_>>().join(", ")
}
