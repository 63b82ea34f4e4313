//! ARRAY[...], subscripts.

use crate::coerce::{CoercionContext, make_const};
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use datum::OwnedDatum;
use ir::{CoercionForm, Expr, Subscript, expr_location, expr_type};
use syntax::{Expr as Ast, Indirection};

/// The most dimensions an array has.
const MAX_DIMENSIONS: usize = 6;

impl Analyzer<'_> {
    /// `ARRAY[...]`; with a cast around it, `wanted` is the array type, its element type and typmod.
    pub(super) fn array(
        &mut self,
        elements: &[Ast],
        wanted: Option<(Oid, Oid, i32)>,
        location: usize,
    ) -> Result<Expr> {
        let mut nested = false;
        let mut analysed = Vec::with_capacity(elements.len());
        for element in elements {
            let element = match element {
                Ast::Array { elements, location } => {
                    nested = true;
                    self.deeper(|a| a.array(elements, wanted, *location))?
                }
                other => {
                    let element = self.expr(other)?;
                    // An element that is an array makes the whole multidimensional.
                    let element_type = expr_type(&element);
                    if element_type != UNKNOWN && element_type != INT2VECTOR && element_type != OIDVECTOR {
                        nested |= self.session.element_type(element_type)?.is_some();
                    }
                    element
                }
            };
            analysed.push(element);
        }
        let mut hard = false;
        let (array_type, element_type, coerce_to, typmod) = match wanted {
            Some((array, element, typmod)) => {
                hard = true;
                (array, element, if nested { array } else { element }, typmod)
            }
            None => {
                if analysed.is_empty() {
                    return Err(err!(INDETERMINATE_DATATYPE, "cannot determine type of empty array")
                        .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                        .at(location));
                }
                let refs: Vec<&Expr> = analysed.iter().collect();
                let common = self.common_type(&refs, "ARRAY")?;
                if nested {
                    let element = self.session.element_type(common)?.ok_or_else(|| {
                        let name = self.type_name_of(common).unwrap_or_default();
                        err!(UNDEFINED_OBJECT, "could not find element type for data type {name}")
                            .at(location)
                    })?;
                    (common, element, common, -1)
                } else {
                    let array = self.session.array_type(common)?.ok_or_else(|| {
                        let name = self.type_name_of(common).unwrap_or_default();
                        err!(UNDEFINED_OBJECT, "could not find array type for data type {name}").at(location)
                    })?;
                    (array, common, common, -1)
                }
            }
        };
        let mut coerced = Vec::with_capacity(analysed.len());
        for element in analysed {
            let source = expr_type(&element);
            if !hard {
                coerced.push(self.coerce_to_common(element, coerce_to, "ARRAY")?);
                continue;
            }
            let at = expr_location(&element);
            let explicit = self.coerce_to_target(
                element,
                source,
                coerce_to,
                typmod,
                CoercionContext::Explicit,
                CoercionForm::ExplicitCast,
                None,
            )?;
            match explicit {
                Some(element) => coerced.push(element),
                None => return Err(self.cannot_cast(source, coerce_to)?.or_at(at)),
            }
        }
        Ok(Expr::Array {
            array_type,
            collation: Oid::INVALID,
            element_type,
            elements: coerced,
            multidimensional: nested,
            location: Some(location),
        })
    }

    /// The container type that a subscripted value of `type_oid` is taken for.
    pub(crate) fn container_type(&self, type_oid: Oid, typmod: i32) -> Result<(Oid, i32)> {
        let (base, base_typmod) = self.session.base_type(type_oid)?;
        let typmod = if base == type_oid { typmod } else { base_typmod };
        Ok(match base {
            INT2VECTOR => (Oid(1005), typmod),
            OIDVECTOR => (Oid(1028), typmod),
            other => (other, typmod),
        })
    }

    /// Subscripts on a container; `assign` is true on the left of an assignment, whose value is filled in later.
    pub(crate) fn subscript(
        &mut self,
        container: Expr,
        type_oid: Oid,
        typmod: i32,
        steps: &[Indirection],
        assign: bool,
    ) -> Result<Subscript> {
        let (container_type, typmod) =
            if assign { (type_oid, typmod) } else { self.container_type(type_oid, typmod)? };
        let row = self.session.type_row(container_type)?;
        if !row.typsubscript.is_valid() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "cannot subscript type {} because it does not support subscripting",
                self.type_name_of(container_type)?
            )
            .or_at(expr_location(&container)));
        }
        let slice = steps.iter().any(|s| matches!(s, Indirection::Slice { .. }));
        let mut result = Subscript {
            container_type,
            element_type: row.typelem,
            result_type: row.typelem,
            typmod,
            collation: Oid::INVALID,
            upper: Vec::new(),
            lower: Vec::new(),
            container: Box::new(container),
            assign: None,
        };
        if container_type == JSONB {
            return self.jsonb_subscript(result, steps);
        }
        for step in steps {
            match step {
                Indirection::Subscript { index, .. } => {
                    if slice {
                        result.lower.push(Some(make_const(self, INT4, -1, Some(OwnedDatum::Int4(1)), None)?));
                    }
                    let index = self.array_index(index)?;
                    result.upper.push(Some(index));
                }
                Indirection::Slice { lower, upper, .. } => {
                    let lower = lower.as_ref().map(|e| self.array_index(e)).transpose()?;
                    let upper = upper.as_ref().map(|e| self.array_index(e)).transpose()?;
                    result.lower.push(lower);
                    result.upper.push(upper);
                }
                _ => return Err(Error::internal("subscript expected")),
            }
        }
        if result.upper.len() > MAX_DIMENSIONS {
            return Err(err!(
                PROGRAM_LIMIT_EXCEEDED,
                "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                result.upper.len()
            ));
        }
        if slice {
            result.result_type = container_type;
        }
        Ok(result)
    }

    fn array_index(&mut self, index: &Ast) -> Result<Expr> {
        let index = self.expr(index)?;
        let source = expr_type(&index);
        let at = expr_location(&index);
        let coerced = self.coerce_to_target(
            index,
            source,
            INT4,
            -1,
            CoercionContext::Assignment,
            CoercionForm::ImplicitCast,
            None,
        )?;
        coerced.ok_or_else(|| err!(DATATYPE_MISMATCH, "array subscript must have type integer").or_at(at))
    }

    fn jsonb_subscript(&mut self, mut result: Subscript, steps: &[Indirection]) -> Result<Subscript> {
        for step in steps {
            let Indirection::Subscript { index, .. } = step else {
                let at = match step {
                    Indirection::Slice { location, .. } => *location,
                    _ => 0,
                };
                return Err(err!(DATATYPE_MISMATCH, "jsonb subscript does not support slices").at(at));
            };
            let index = self.expr(index)?;
            let source = expr_type(&index);
            let at = expr_location(&index);
            let mut target = TEXT;
            if source != UNKNOWN {
                let works = |target| {
                    crate::coerce::pathway::can_coerce(
                        self.session,
                        &[source],
                        &[target],
                        CoercionContext::Implicit,
                    )
                };
                let (int, text) = (works(INT4)?, works(TEXT)?);
                target = match (int, text) {
                    (true, false) => INT4,
                    (false, true) => TEXT,
                    (true, true) => {
                        return Err(err!(
                            DATATYPE_MISMATCH,
                            "subscript type {} is not supported",
                            self.type_name_of(source)?
                        )
                        .hint("jsonb subscript must be coercible to only one type, integer or text.")
                        .or_at(at));
                    }
                    (false, false) => {
                        return Err(err!(
                            DATATYPE_MISMATCH,
                            "subscript type {} is not supported",
                            self.type_name_of(source)?
                        )
                        .hint("jsonb subscript must be coercible to either integer or text.")
                        .or_at(at));
                    }
                };
            }
            let coerced = self.coerce_to_target(
                index,
                source,
                target,
                -1,
                CoercionContext::Implicit,
                CoercionForm::ImplicitCast,
                None,
            )?;
            result.upper.push(coerced);
        }
        result.result_type = JSONB;
        result.typmod = -1;
        Ok(result)
    }
}
