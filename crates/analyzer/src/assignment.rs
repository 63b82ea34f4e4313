//! Assignments to columns of a target table: INSERT's and UPDATE's.

use crate::coerce::CoercionContext;
use crate::coerce::pathway::composite_relation;
use crate::state::Analyzer;
use crate::types::*;
use base::{Oid, Result, err};
use ir::{CoercionForm, Expr, Var, VarSource, expr_location, expr_type};
use syntax::Indirection;

/// What is assigned to, for messages.
struct Place<'p> {
    column: &'p str,
    /// The field's name once inside a composite value, the column's before.
    target: &'p str,
    is_field: bool,
    location: usize,
}

impl Analyzer<'_> {
    /// A value fitted to a column of the target table.
    pub(crate) fn assigned_expr(
        &mut self,
        expr: Expr,
        column: &str,
        attribute: i16,
        indirection: &[Indirection],
        location: usize,
        is_insert: bool,
    ) -> Result<Expr> {
        if attribute <= 0 {
            return Err(
                err!(FEATURE_NOT_SUPPORTED, "cannot assign to system column \"{column}\"").at(location)
            );
        }
        let Some(target) = self.current().target.clone() else {
            return Err(base::Error::internal("assignment without target"));
        };
        let facts = target.relation.relation.desc.attributes()[attribute as usize - 1].clone();
        if let Expr::SetToDefault { location: at, .. } = &expr {
            let at = *at;
            if let Some(step) = indirection.first() {
                let what = match step {
                    Indirection::Field { .. } => "a subfield",
                    _ => "an array element",
                };
                return Err(err!(FEATURE_NOT_SUPPORTED, "cannot set {what} to DEFAULT").at(location));
            }
            return Ok(Expr::SetToDefault {
                type_oid: facts.type_oid,
                typmod: facts.typmod,
                collation: facts.collation,
                location: at,
            });
        }
        if !indirection.is_empty() {
            let base = if is_insert {
                self.null_of(facts.type_oid, facts.typmod)?
            } else {
                let mut var = Var {
                    source: VarSource::Relation(target.index),
                    attribute,
                    type_oid: facts.type_oid,
                    typmod: facts.typmod,
                    collation: facts.collation,
                    nulling: ir::RelSet::new(),
                    levels_up: 0,
                    returning: ir::Returning::Default,
                    syntactic: (target.index, attribute),
                    location: Some(location),
                };
                var.nulling = self.nulling_of(target.index, 0);
                Expr::Var(var)
            };
            let place = Place { column, target: column, is_field: false, location };
            return self.assign_indirection(
                Some(base),
                &place,
                (facts.type_oid, facts.typmod),
                indirection,
                expr,
            );
        }
        let source = expr_type(&expr);
        let at = expr_location(&expr);
        let coerced = self.coerce_to_target(
            expr,
            source,
            facts.type_oid,
            facts.typmod,
            CoercionContext::Assignment,
            CoercionForm::ImplicitCast,
            None,
        )?;
        match coerced {
            Some(coerced) => Ok(coerced),
            None => Err(err!(
                DATATYPE_MISMATCH,
                "column \"{column}\" is of type {} but expression is of type {}",
                self.type_name_of(facts.type_oid)?,
                self.type_name_of(source)?
            )
            .hint("You will need to rewrite or cast the expression.")
            .or_at(at)),
        }
    }

    /// A variable's value with the part that `steps` name replaced.
    pub(crate) fn assign_steps(
        &mut self,
        base: Expr,
        name: &str,
        steps: &[Indirection],
        value: Expr,
        location: usize,
    ) -> Result<Expr> {
        let of = (expr_type(&base), ir::expr_typmod(&base));
        let place = Place { column: name, target: name, is_field: false, location };
        self.assign_indirection(Some(base), &place, of, steps, value)
    }

    /// `base` with the part that `steps` name replaced by `value`.
    fn assign_indirection(
        &mut self,
        base: Option<Expr>,
        place: &Place<'_>,
        (type_oid, typmod): (Oid, i32),
        steps: &[Indirection],
        value: Expr,
    ) -> Result<Expr> {
        let base = match base {
            Some(base) => base,
            // Inside subscripts and fields, the old value is a placeholder.
            None => Expr::CaseTest { type_oid, typmod, collation: self.session.type_collation(type_oid)? },
        };
        let is_subscript =
            |s: &Indirection| matches!(s, Indirection::Subscript { .. } | Indirection::Slice { .. });
        let count = steps.iter().take_while(|s| is_subscript(s)).count();
        if count > 0 {
            return self.assign_subscript(base, place, (type_oid, typmod), steps, count, value);
        }
        match steps.first() {
            Some(Indirection::Field { name, location }) => {
                let (base_type, base_typmod) = self.session.base_type(type_oid)?;
                if composite_relation(self.session, type_oid)?.is_none() {
                    return Err(err!(
                        DATATYPE_MISMATCH,
                        "cannot assign to field \"{name}\" of column \"{}\" because its type {} is not a composite type",
                        place.column,
                        self.type_name_of(type_oid)?
                    )
                    .at(*location));
                }
                let desc = self.session.row_type(base_type)?.unwrap_or_default();
                let Some(at) = desc.position(name) else {
                    return Err(err!(
                        UNDEFINED_COLUMN,
                        "cannot assign to field \"{name}\" of column \"{}\" because there is no such column in data type {}",
                        place.column,
                        self.type_name_of(type_oid)?
                    )
                    .at(*location));
                };
                let field = desc.attributes()[at].clone();
                let inner =
                    Place { column: place.column, target: name, is_field: true, location: place.location };
                let value = self.assign_indirection(
                    None,
                    &inner,
                    (field.type_oid, field.typmod),
                    &steps[1..],
                    value,
                )?;
                let store = Expr::FieldStore {
                    arg: Box::new(base),
                    values: vec![value],
                    fields: vec![at as i16 + 1],
                    result_type: base_type,
                };
                if base_type == type_oid {
                    return Ok(store);
                }
                self.coerce_to_domain(
                    store,
                    base_type,
                    base_typmod,
                    type_oid,
                    CoercionContext::Implicit,
                    CoercionForm::ImplicitCast,
                    Some(place.location),
                    false,
                )
            }
            Some(Indirection::Star { location }) => {
                Err(err!(FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here")
                    .at(*location))
            }
            _ => {
                let source = expr_type(&value);
                let at = expr_location(&value);
                let coerced = self.coerce_to_target(
                    value,
                    source,
                    type_oid,
                    typmod,
                    CoercionContext::Assignment,
                    CoercionForm::ImplicitCast,
                    None,
                )?;
                coerced.map_or_else(
                    || Err(self.part_mismatch(place, type_oid, source)?.at(place.location).or_at(at)),
                    Ok,
                )
            }
        }
    }

    fn part_mismatch(&self, place: &Place<'_>, wanted: Oid, found: Oid) -> Result<base::Error> {
        let (wanted, found) = (self.type_name_of(wanted)?, self.type_name_of(found)?);
        let error = if place.is_field {
            err!(
                DATATYPE_MISMATCH,
                "subfield \"{}\" is of type {wanted} but expression is of type {found}",
                place.target
            )
        } else {
            err!(
                DATATYPE_MISMATCH,
                "subscripted assignment to \"{}\" requires type {wanted} but expression is of type {found}",
                place.target
            )
        };
        Ok(error.hint("You will need to rewrite or cast the expression."))
    }

    fn assign_subscript(
        &mut self,
        base: Expr,
        place: &Place<'_>,
        (type_oid, typmod): (Oid, i32),
        steps: &[Indirection],
        count: usize,
        value: Expr,
    ) -> Result<Expr> {
        let (container, container_typmod) = self.container_type(type_oid, typmod)?;
        let mut subscript = self.subscript(base, container, container_typmod, &steps[..count], true)?;
        let part_type = subscript.result_type;
        let inner = Place {
            column: place.column,
            target: place.target,
            is_field: place.is_field,
            location: place.location,
        };
        let next = if count < steps.len() {
            // The old element is what the rest of the path starts from.
            Some(Expr::CaseTest {
                type_oid: part_type,
                typmod: container_typmod,
                collation: self.session.type_collation(part_type)?,
            })
        } else {
            None
        };
        let source = expr_type(&value);
        let value = match next {
            Some(next) => self.assign_indirection(
                Some(next),
                &inner,
                (part_type, container_typmod),
                &steps[count..],
                value,
            )?,
            None => {
                let coerced = self.coerce_to_target(
                    value,
                    source,
                    part_type,
                    container_typmod,
                    CoercionContext::Assignment,
                    CoercionForm::ImplicitCast,
                    None,
                )?;
                match coerced {
                    Some(coerced) => coerced,
                    None => return Err(self.part_mismatch(place, part_type, source)?.at(place.location)),
                }
            }
        };
        subscript.assign = Some(Box::new(value));
        subscript.result_type = container;
        subscript.typmod = container_typmod;
        let result = Expr::Subscript(Box::new(subscript));
        if container == type_oid {
            return Ok(result);
        }
        let coerced = self.coerce_to_target(
            result,
            container,
            type_oid,
            typmod,
            CoercionContext::Assignment,
            CoercionForm::ImplicitCast,
            None,
        )?;
        coerced.map_or_else(|| Err(self.cannot_cast(container, type_oid)?.at(place.location)), Ok)
    }

    /// A DEFAULT in a list of values; its type is that of the column it will be assigned to.
    pub(crate) fn set_to_default(&self, location: usize) -> Expr {
        Expr::SetToDefault {
            type_oid: UNKNOWN,
            typmod: -1,
            collation: Oid::INVALID,
            location: Some(location),
        }
    }
}
