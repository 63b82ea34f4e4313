//! What names and numbers in an SQL function's body mean.

use crate::pipeline::Literals;
use analyzer::{NamedValue, ParamTypes, ParameterNames};
use base::{Oid, Result};
use catalog::Session;
use ir::{Expr, Param, ParamKind, Query};
use syntax::Statement;

/// The arguments of a function, as its body names them.
pub(crate) struct Arguments {
    function: String,
    pub types: Vec<Oid>,
    /// Names of the arguments, "" where they have none.
    names: Vec<String>,
    collations: Vec<Oid>,
}

impl Arguments {
    /// `inputs`: types of the arguments; `modes` and `names` as pg_proc has them, for all parameters.
    ///
    /// # Errors
    /// What reading the types fails with.
    pub(crate) fn new(
        session: &Session,
        function: &str,
        inputs: &[Oid],
        modes: Option<&[i8]>,
        names: Option<&[String]>,
    ) -> Result<Arguments> {
        let is_input = |at: usize| {
            modes.is_none_or(|modes| modes.get(at).is_some_and(|m| matches!(*m as u8, b'i' | b'b' | b'v')))
        };
        let all = names.unwrap_or_default().iter().enumerate();
        let mut names: Vec<String> = all.filter(|(at, _)| is_input(*at)).map(|(_, n)| n.clone()).collect();
        names.resize(inputs.len(), String::new());
        let collations = inputs.iter().map(|t| session.type_collation(*t)).collect::<Result<_>>()?;
        Ok(Arguments { function: function.to_owned(), types: inputs.to_vec(), names, collations })
    }

    /// Gives arguments of collatable types the collation that the call is made with.
    pub(crate) fn with_collation(mut self, collation: Oid) -> Arguments {
        if collation.is_valid() {
            self.collations.iter_mut().filter(|c| c.is_valid()).for_each(|c| *c = collation);
        }
        self
    }

    fn param(&self, at: usize) -> Expr {
        Expr::Param(Param {
            kind: ParamKind::External,
            id: at + 1,
            type_oid: self.types[at],
            typmod: -1,
            collation: self.collations[at],
            location: None,
        })
    }

    fn named(&self, name: &str) -> Option<Expr> {
        let at = self.names.iter().position(|n| !n.is_empty() && n == name)?;
        Some(self.param(at))
    }

    /// Analyses a statement of the body.
    ///
    /// # Errors
    /// Those of analysis, with positions into `sql`.
    pub(crate) fn analyze(&self, session: &Session, statement: &Statement, sql: &str) -> Result<Query> {
        let mut params = ParamTypes::fixed(self.types.clone());
        analyzer::analyze_body(session, &Literals, statement, sql, &mut params, self)
    }
}

impl ParameterNames for Arguments {
    fn resolve(&self, names: &[String], _: bool, _: bool) -> Result<Option<NamedValue>> {
        let found = |expr: Option<Expr>, parts| expr.map(|expr| NamedValue { expr, parts });
        Ok(match names {
            [function, name, ..] if *function == self.function && self.named(name).is_some() => {
                found(self.named(name), 2)
            }
            [name] | [name, _] => found(self.named(name), 1),
            _ => None,
        })
    }

    fn numbered(&self, number: i32) -> Result<Option<Expr>> {
        let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        Ok(at.filter(|at| *at < self.types.len()).map(|at| self.param(at)))
    }
}
