//! Operators: chapter 10.2 of the manual.

use crate::coerce::pathway::{CoercionContext, can_coerce};
use crate::coerce::polymorphic;
use crate::state::Analyzer;
use crate::types::*;
use base::{Error, Oid, Result, err};
use catalog::PgOperator;
use ir::{CoercionForm, Expr, OpExpr, ScalarArrayOp, expr_type};
use std::sync::Arc;
use syntax::OperatorName;

/// The sort and equality operators of a type's default B-tree operator class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SortOperators {
    pub less: Oid,
    pub equal: Oid,
    pub greater: Oid,
    pub hashable: bool,
}

impl Analyzer<'_> {
    /// Operators of the name that the search path shows, each signature once.
    fn visible_operators(&self, name: &OperatorName, kind: u8) -> Result<Vec<Arc<PgOperator>>> {
        let schema = match name.schema.last() {
            Some(schema) => match self.session.namespace_by_name(schema)? {
                Some(oid) => Some(oid),
                None => return Err(err!(UNDEFINED_SCHEMA, "schema \"{schema}\" does not exist")),
            },
            None => None,
        };
        let path = self.session.search_path()?;
        let place = |operator: &PgOperator| match schema {
            Some(schema) => (operator.oprnamespace == schema).then_some(0),
            None => path.iter().position(|n| *n == operator.oprnamespace),
        };
        let all = self.session.operators_by_name(&name.name)?;
        let mut found: Vec<(usize, Arc<PgOperator>)> = Vec::new();
        for operator in all.iter().filter(|o| o.oprkind as u8 == kind) {
            let Some(at) = place(operator) else { continue };
            let same = |o: &PgOperator| o.oprleft == operator.oprleft && o.oprright == operator.oprright;
            match found.iter_mut().find(|(_, o)| same(o)) {
                Some(known) if at < known.0 => *known = (at, operator.clone()),
                Some(_) => {}
                None => found.push((at, operator.clone())),
            }
        }
        Ok(found.into_iter().map(|(_, o)| o).collect())
    }

    /// The binary operator for operands of these types, or `None`.
    fn resolve_binary(
        &self,
        name: &OperatorName,
        left: Oid,
        right: Oid,
    ) -> Result<Result<Arc<PgOperator>, bool>> {
        let operators = self.visible_operators(name, b'b')?;
        let exact = |l: Oid, r: Oid| operators.iter().find(|o| o.oprleft == l && o.oprright == r);
        let (mut l, mut r) = (left, right);
        let mut was_unknown = false;
        if l == UNKNOWN && r != UNKNOWN {
            l = r;
            was_unknown = true;
        } else if r == UNKNOWN && l != UNKNOWN {
            r = l;
            was_unknown = true;
        }
        if let Some(found) = exact(l, r) {
            return Ok(Ok(found.clone()));
        }
        if was_unknown {
            // A domain's value against a literal: try its base type.
            let base = self.session.base_type(l)?.0;
            if base != l
                && let Some(found) = exact(base, base)
            {
                return Ok(Ok(found.clone()));
            }
        }
        self.select_operator(&operators, &[left, right])
    }

    fn resolve_prefix(&self, name: &OperatorName, arg: Oid) -> Result<Result<Arc<PgOperator>, bool>> {
        let operators = self.visible_operators(name, b'l')?;
        if let Some(found) = operators.iter().find(|o| o.oprright == arg) {
            return Ok(Ok(found.clone()));
        }
        self.select_operator(&operators, &[arg])
    }

    /// `Err(true)`: several are equally good; `Err(false)`: none fits.
    fn select_operator(
        &self,
        operators: &[Arc<PgOperator>],
        inputs: &[Oid],
    ) -> Result<Result<Arc<PgOperator>, bool>> {
        let mut usable: Vec<(&Arc<PgOperator>, Vec<Oid>)> = Vec::new();
        for operator in operators {
            let args = match inputs.len() {
                1 => vec![operator.oprright],
                _ => vec![operator.oprleft, operator.oprright],
            };
            if can_coerce(self.session, inputs, &args, CoercionContext::Implicit)? {
                usable.push((operator, args));
            }
        }
        Ok(match usable.len() {
            0 => Err(false),
            1 => Ok(usable[0].0.clone()),
            _ => {
                let lists: Vec<&[Oid]> = usable.iter().map(|u| u.1.as_slice()).collect();
                self.select_candidate(inputs, &lists)?.map(|i| usable[i].0.clone()).ok_or(true)
            }
        })
    }

    fn operator_error(
        &self,
        name: &OperatorName,
        left: Option<Oid>,
        right: Oid,
        ambiguous: bool,
        location: Option<usize>,
    ) -> Result<Error> {
        let qualified = name.schema.iter().chain([&name.name]).cloned().collect::<Vec<_>>().join(".");
        let right = self.type_name_of(right)?;
        let signature = match left {
            Some(left) => format!("{} {qualified} {right}", self.type_name_of(left)?),
            None => format!("{qualified} {right}"),
        };
        let error = if ambiguous {
            err!(AMBIGUOUS_FUNCTION, "operator is not unique: {signature}").hint(
                "Could not choose a best candidate operator. You might need to add explicit type casts.",
            )
        } else {
            err!(UNDEFINED_FUNCTION, "operator does not exist: {signature}").hint(if left.is_some() {
                "No operator matches the given name and argument types. You might need to add explicit type casts."
            } else {
                "No operator matches the given name and argument type. You might need to add an explicit type cast."
            })
        };
        Ok(error.or_at(location))
    }

    pub(crate) fn binary_operator(
        &self,
        name: &OperatorName,
        left: Oid,
        right: Oid,
        location: Option<usize>,
    ) -> Result<Arc<PgOperator>> {
        match self.resolve_binary(name, left, right)? {
            Ok(found) => Ok(found),
            Err(ambiguous) => Err(self.operator_error(name, Some(left), right, ambiguous, location)?),
        }
    }

    /// An operator call; `left` is `None` for a prefix operator.
    pub(crate) fn make_operator(
        &mut self,
        name: &OperatorName,
        left: Option<Expr>,
        right: Expr,
        location: Option<usize>,
    ) -> Result<Expr> {
        let right_type = expr_type(&right);
        let operator = match &left {
            Some(left) => self.binary_operator(name, expr_type(left), right_type, location)?,
            None => match self.resolve_prefix(name, right_type)? {
                Ok(found) => found,
                Err(ambiguous) => {
                    return Err(self.operator_error(name, None, right_type, ambiguous, location)?);
                }
            },
        };
        if !operator.oprcode.is_valid() {
            let right = self.type_name_of(operator.oprright)?;
            let words = match &left {
                Some(_) => format!("{} {} {right}", self.type_name_of(operator.oprleft)?, operator.oprname),
                None => format!("{} {right}", operator.oprname),
            };
            return Err(err!(UNDEFINED_FUNCTION, "operator is only a shell: {words}").or_at(location));
        }
        let (args, mut declared): (Vec<Expr>, Vec<Oid>) = match left {
            Some(left) => (vec![left, right], vec![operator.oprleft, operator.oprright]),
            None => (vec![right], vec![operator.oprright]),
        };
        let actual: Vec<Oid> = args.iter().map(expr_type).collect();
        let result_type =
            polymorphic::enforce(self.session, &actual, &mut declared, operator.oprresult, false)
                .map_err(|e| e.or_at(location))?;
        let args = self.coerce_arguments(args, &declared)?;
        let returns_set = self.session.function(operator.oprcode)?.proretset;
        let result = OpExpr {
            operator: operator.oid,
            function: operator.oprcode,
            result_type,
            returns_set,
            collation: Oid::INVALID,
            input_collation: Oid::INVALID,
            args,
            location,
        };
        if returns_set {
            self.note_set_returning(location)?;
        }
        Ok(Expr::Op(result))
    }

    /// Coerces each argument to its declared type.
    pub(crate) fn coerce_arguments(&mut self, args: Vec<Expr>, declared: &[Oid]) -> Result<Vec<Expr>> {
        let mut coerced = Vec::with_capacity(args.len());
        for (i, arg) in args.into_iter().enumerate() {
            let Some(&wanted) = declared.get(i) else {
                coerced.push(arg);
                continue;
            };
            let source = expr_type(&arg);
            if source == wanted {
                coerced.push(arg);
                continue;
            }
            let convert = |analyzer: &mut Self, arg| {
                analyzer.coerce_type(
                    arg,
                    source,
                    wanted,
                    -1,
                    CoercionContext::Implicit,
                    CoercionForm::ImplicitCast,
                    None,
                )
            };
            coerced.push(match arg {
                Expr::NamedArg { arg, name, number, location } => {
                    Expr::NamedArg { arg: Box::new(convert(self, *arg)?), name, number, location }
                }
                arg => convert(self, arg)?,
            });
        }
        Ok(coerced)
    }

    /// `scalar op ANY/ALL (array)`.
    pub(crate) fn make_scalar_array_op(
        &mut self,
        name: &OperatorName,
        use_or: bool,
        left: Expr,
        right: Expr,
        location: Option<usize>,
    ) -> Result<Expr> {
        let (left_type, array_type) = (expr_type(&left), expr_type(&right));
        let element = if array_type == UNKNOWN {
            UNKNOWN
        } else {
            let base = self.session.base_type(array_type)?.0;
            self.session.element_type(base)?.ok_or_else(|| {
                err!(WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires array on right side").or_at(location)
            })?
        };
        let operator = self.binary_operator(name, left_type, element, location)?;
        let actual = [left_type, element];
        let mut declared = vec![operator.oprleft, operator.oprright];
        let result = polymorphic::enforce(self.session, &actual, &mut declared, operator.oprresult, false)?;
        if result != BOOL {
            return Err(err!(WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires operator to yield boolean")
                .or_at(location));
        }
        if self.session.function(operator.oprcode)?.proretset {
            return Err(err!(WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires operator not to return a set")
                .or_at(location));
        }
        // The operator's right input as an array; polymorphic operators took the element's own type.
        let wanted = match operator.oprright {
            oid if is_polymorphic(oid) && array_type != UNKNOWN => array_type,
            _ => self.session.array_type(declared[1])?.ok_or_else(|| {
                let name = self.type_name_of(declared[1]).unwrap_or_default();
                err!(UNDEFINED_OBJECT, "could not find array type for data type {name}").or_at(location)
            })?,
        };
        let wanted = if element == declared[1] && array_type != UNKNOWN { array_type } else { wanted };
        let mut args = self.coerce_arguments(vec![left, right], &[declared[0], wanted])?;
        let right = args.pop().expect("two arguments");
        let left = args.pop().expect("two arguments");
        Ok(Expr::ScalarArrayOp(ScalarArrayOp {
            operator: operator.oid,
            function: operator.oprcode,
            use_or,
            input_collation: Oid::INVALID,
            args: Box::new([left, right]),
            location,
        }))
    }

    /// The operators that sort and compare values of a type by default.
    pub(crate) fn sort_operators(&self, type_oid: Oid) -> Result<SortOperators> {
        let base = self.session.base_type(type_oid)?.0;
        let btree = self.default_opclass(base, BTREE)?;
        let hash = self.default_opclass(base, HASH)?;
        let mut found = SortOperators::default();
        if let Some((family, input)) = btree {
            let get = |strategy| -> Result<Oid> {
                Ok(self.session.family_operator(family, input, input, strategy)?.unwrap_or_default())
            };
            found.less = get(1)?;
            found.equal = get(3)?;
            found.greater = get(5)?;
        }
        if let Some((family, input)) = hash {
            let equal = self.session.family_operator(family, input, input, 1)?;
            if !found.equal.is_valid() {
                found.equal = equal.unwrap_or_default();
            }
            found.hashable = equal == Some(found.equal);
        }
        self.limit_container_operators(base, &mut found)?;
        Ok(found)
    }

    /// Arrays, rows and ranges sort and hash only as far as what they are made of does.
    fn limit_container_operators(&self, base: Oid, found: &mut SortOperators) -> Result<()> {
        let mut parts = Vec::new();
        if let Some(element) = self.session.element_type(base)? {
            parts.push(element);
        } else if let Some(desc) = self.session.row_type(base)? {
            parts.extend(desc.attributes().iter().filter(|a| !a.dropped).map(|a| a.type_oid));
        } else if base == RECORD {
            found.hashable = false;
        }
        for part in parts {
            let inner = self.sort_operators(part)?;
            if !inner.less.is_valid() {
                found.less = Oid::INVALID;
                found.greater = Oid::INVALID;
            }
            if !inner.equal.is_valid() {
                found.equal = Oid::INVALID;
            }
            found.hashable &= inner.hashable;
        }
        Ok(())
    }

    /// Family and input type of the default operator class that takes the type, also through binary coercion.
    pub(crate) fn default_opclass(&self, type_oid: Oid, method: Oid) -> Result<Option<(Oid, Oid)>> {
        let own = |oid| -> Result<Option<(Oid, Oid)>> {
            Ok(self.session.default_opclass(oid, method)?.map(|c| (c.opcfamily, c.opcintype)))
        };
        if let Some(found) = own(type_oid)? {
            return Ok(Some(found));
        }
        let row = self.session.type_row(type_oid)?;
        let stand_in = match row.typtype as u8 {
            b'e' => ANYENUM,
            b'r' => ANYRANGE,
            b'm' => ANYMULTIRANGE,
            b'c' => RECORD,
            _ if type_oid == VARCHAR => TEXT,
            _ if self.session.element_type(type_oid)?.is_some() => ANYARRAY,
            _ => return Ok(None),
        };
        own(stand_in)
    }

    /// The sort operators, the wanted ones required.
    pub(crate) fn require_sort_operators(
        &self,
        type_oid: Oid,
        less: bool,
        equal: bool,
    ) -> Result<SortOperators> {
        let found = self.sort_operators(type_oid)?;
        if less && !found.less.is_valid() {
            return Err(err!(
                UNDEFINED_FUNCTION,
                "could not identify an ordering operator for type {}",
                self.type_name_of(type_oid)?
            )
            .hint("Use an explicit ordering operator or modify the query."));
        }
        if equal && !found.equal.is_valid() {
            return Err(err!(
                UNDEFINED_FUNCTION,
                "could not identify an equality operator for type {}",
                self.type_name_of(type_oid)?
            ));
        }
        Ok(found)
    }
}
