//! Subqueries in expressions.

use super::operator_name;
use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result, err};
use ir::{
    BoolOp, Expr, Param, ParamKind, Query, SubLink, SubLinkKind, expr_collation, expr_type, expr_typmod,
};
use syntax::{Expr as Ast, OperatorName, Subquery, SubqueryKind};

impl Analyzer<'_> {
    pub(super) fn sublink(&mut self, subquery: &Subquery) -> Result<Expr> {
        match &subquery.kind {
            SubqueryKind::Scalar => self.scalar_sublink(subquery, SubLinkKind::Expr),
            SubqueryKind::Array => self.scalar_sublink(subquery, SubLinkKind::Array),
            SubqueryKind::Exists => {
                let query = self.sublink_query(subquery)?;
                Ok(self.finish_sublink(
                    SubLinkKind::Exists,
                    None,
                    Vec::new(),
                    query,
                    BOOL,
                    -1,
                    Oid::INVALID,
                    subquery.location,
                ))
            }
            SubqueryKind::Any { arg, operator, negated } => {
                let equals = operator_name("=");
                let name = operator.as_ref().unwrap_or(&equals);
                let link =
                    self.comparison_sublink(SubLinkKind::Any, arg, name, subquery, subquery.location)?;
                if *negated {
                    let location = Some(subquery.location);
                    return Ok(Expr::Bool { op: BoolOp::Not, args: vec![link], location });
                }
                Ok(link)
            }
            SubqueryKind::All { arg, operator } => {
                self.comparison_sublink(SubLinkKind::All, arg, operator, subquery, subquery.location)
            }
        }
    }

    pub(super) fn row_compare_sublink(
        &mut self,
        left: &Ast,
        operator: &OperatorName,
        subquery: &Subquery,
        location: usize,
    ) -> Result<Expr> {
        self.comparison_sublink(SubLinkKind::RowCompare, left, operator, subquery, location)
    }

    fn sublink_query(&mut self, subquery: &Subquery) -> Result<Box<Query>> {
        let level = self.level();
        level.kind.check_subquery().map_err(|e| e.at(subquery.location))?;
        level.has_sublinks = true;
        let level = crate::state::Level { in_expression: true, ..Default::default() };
        Ok(Box::new(self.in_level(level, |a| a.select(&subquery.query))?))
    }

    fn finish_sublink(
        &self,
        kind: SubLinkKind,
        test: Option<Box<Expr>>,
        operator_name: Vec<String>,
        query: Box<Query>,
        result_type: Oid,
        typmod: i32,
        collation: Oid,
        location: usize,
    ) -> Expr {
        Expr::SubLink(Box::new(SubLink {
            kind,
            id: 0,
            test,
            operator_name,
            query,
            result_type,
            typmod,
            collation,
            location: Some(location),
        }))
    }

    fn scalar_sublink(&mut self, subquery: &Subquery, kind: SubLinkKind) -> Result<Expr> {
        let query = self.sublink_query(subquery)?;
        let mut columns = ir::visible_targets(&query.target_list);
        let (Some(column), None) = (columns.next(), columns.next()) else {
            return Err(err!(SYNTAX_ERROR, "subquery must return only one column").at(subquery.location));
        };
        let (mut type_oid, typmod) = (expr_type(&column.expr), expr_typmod(&column.expr));
        let collation = expr_collation(&column.expr);
        drop(columns);
        if kind == SubLinkKind::Array {
            // An array of arrays is the same array type, one dimension more.
            let own = self.session.element_type(type_oid)?.is_some()
                && type_oid != INT2VECTOR
                && type_oid != OIDVECTOR;
            if !own {
                type_oid = self.session.array_type(type_oid)?.ok_or_else(|| {
                    let name = self.type_name_of(type_oid).unwrap_or_default();
                    err!(UNDEFINED_OBJECT, "could not find array type for data type {name}")
                        .at(subquery.location)
                })?;
            }
        }
        Ok(self.finish_sublink(kind, None, Vec::new(), query, type_oid, typmod, collation, subquery.location))
    }

    fn comparison_sublink(
        &mut self,
        kind: SubLinkKind,
        left: &Ast,
        operator: &OperatorName,
        subquery: &Subquery,
        location: usize,
    ) -> Result<Expr> {
        let query = self.sublink_query(subquery)?;
        let left = match self.expr(left)? {
            Expr::Row { args, .. } => args,
            other => vec![other],
        };
        let mut right = Vec::new();
        for (i, column) in ir::visible_targets(&query.target_list).enumerate() {
            right.push(Expr::Param(Param {
                kind: ParamKind::SubLink,
                id: i + 1,
                type_oid: expr_type(&column.expr),
                typmod: expr_typmod(&column.expr),
                collation: expr_collation(&column.expr),
                location: None,
            }));
        }
        if left.len() < right.len() {
            return Err(err!(SYNTAX_ERROR, "subquery has too many columns").at(location));
        }
        if left.len() > right.len() {
            return Err(err!(SYNTAX_ERROR, "subquery has too few columns").at(location));
        }
        let test = self.row_comparison(operator, left, right, Some(location))?;
        let names = operator.schema.iter().cloned().chain([operator.name.clone()]).collect();
        Ok(self.finish_sublink(kind, Some(Box::new(test)), names, query, BOOL, -1, Oid::INVALID, location))
    }
}
