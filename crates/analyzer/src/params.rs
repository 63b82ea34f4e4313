//! Types of `$n`: given by the client, or found from use.

use crate::state::Analyzer;
use crate::types::UNKNOWN;
use base::{Oid, Result, err};
use ir::{Expr, Param, ParamKind};

/// What is known about the statement's parameters.
#[derive(Clone, Debug, Default)]
pub struct ParamTypes {
    /// Type of $1, $2, ...; 0 is not seen yet, 705 (unknown) is not decided yet.
    types: Vec<Oid>,
    /// Whether types may be found from use, and more parameters than given may appear.
    variable: bool,
}

impl ParamTypes {
    /// No parameters.
    pub fn none() -> ParamTypes {
        ParamTypes::default()
    }

    /// Exactly these.
    pub fn fixed(types: Vec<Oid>) -> ParamTypes {
        ParamTypes { types, variable: false }
    }

    /// These, where 0 or unknown is to be found from use, and any number more.
    pub fn variable(types: Vec<Oid>) -> ParamTypes {
        ParamTypes { types, variable: true }
    }

    pub fn types(&self) -> &[Oid] {
        &self.types
    }

    pub(crate) fn is_variable(&self) -> bool {
        self.variable
    }

    pub(crate) fn set(&mut self, number: usize, type_oid: Oid) {
        if let Some(slot) = self.types.get_mut(number - 1) {
            *slot = type_oid;
        }
    }
}

impl Analyzer<'_> {
    pub(crate) fn param(&mut self, number: i32, location: usize) -> Result<Expr> {
        let missing = || err!(UNDEFINED_PARAMETER, "there is no parameter ${number}").at(location);
        if let Some(names) = self.names
            && let Some(mut value) = names.numbered(number)?
        {
            if let Expr::Param(param) = &mut value {
                param.location = Some(location);
            }
            return Ok(value);
        }
        let id = usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(missing)?;
        let params = &mut *self.params;
        if params.variable {
            if id > usize::from(u16::MAX) {
                return Err(missing());
            }
            if params.types.len() < id {
                params.types.resize(id, Oid::INVALID);
            }
            if !params.types[id - 1].is_valid() {
                params.types[id - 1] = UNKNOWN;
            }
        }
        let type_oid = params.types.get(id - 1).copied().filter(|t| t.is_valid()).ok_or_else(missing)?;
        Ok(Expr::Param(Param {
            kind: ParamKind::External,
            id,
            type_oid,
            typmod: -1,
            collation: self.session.type_collation(type_oid)?,
            location: Some(location),
        }))
    }

    /// Decides the type of a parameter whose type is unknown so far, if types may be found from use.
    pub(crate) fn coerce_param(
        &mut self,
        param: &Param,
        target: Oid,
        location: Option<usize>,
    ) -> Result<Option<Expr>> {
        if !self.params.variable || param.kind != ParamKind::External || param.type_oid != UNKNOWN {
            return Ok(None);
        }
        let known = self.params.types.get(param.id - 1).copied().unwrap_or_default();
        if known == UNKNOWN {
            self.params.set(param.id, target);
        } else if known != target {
            let (a, b) = (self.session.format_type(known, None)?, self.session.format_type(target, None)?);
            return Err(err!(AMBIGUOUS_PARAMETER, "inconsistent types deduced for parameter ${}", param.id)
                .detail(format!("{a} versus {b}"))
                .or_at(param.location));
        }
        // The leftmost of the two places, as a cast's operand may start before the cast's own mark.
        let location = match (param.location, location) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(Some(Expr::Param(Param {
            type_oid: target,
            typmod: -1,
            collation: self.session.type_collation(target)?,
            location,
            ..param.clone()
        })))
    }

    /// After analysis: every parameter in the tree has the one type that was found for it.
    pub(crate) fn check_param(&self, param: &Param) -> Result<()> {
        if param.kind != ParamKind::External || !self.params.variable {
            return Ok(());
        }
        let known = self.params.types.get(param.id.wrapping_sub(1)).copied().unwrap_or_default();
        if known == UNKNOWN {
            return Err(err!(
                INDETERMINATE_DATATYPE,
                "could not determine data type of parameter ${}",
                param.id
            )
            .or_at(param.location));
        }
        if param.type_oid != known {
            return Err(err!(AMBIGUOUS_PARAMETER, "inconsistent types deduced for parameter ${}", param.id)
                .or_at(param.location));
        }
        Ok(())
    }
}
