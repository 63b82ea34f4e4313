//! Order, equality and hash of values of whatever type, by its default operator classes.

use crate::array::Array;
use crate::call::{Call, Function};
use crate::record;
use crate::registry::{Registry, invoke};
use access_api::KeyOrder;
use base::{Oid, Result, bail};
use catalog::Session;
use datum::{Datum, Repr};
use std::cmp::Ordering;
use std::sync::Arc;

const BTREE: Oid = Oid(403);
const HASH: Oid = Oid(405);
/// Number of the comparison function in B-tree families, of the hash function in hash families.
const FIRST_SUPPORT: i16 = 1;
const EXTENDED_HASH: i16 = 2;

/// A function of two values that is called by its body.
#[derive(Clone, Copy)]
struct Bound {
    oid: Oid,
    body: Function,
    repr: Repr,
    type_oid: Oid,
}

impl Bound {
    fn new(session: &Session, oid: Oid, type_oid: Oid) -> Result<Bound> {
        let body = Registry::get().function(&*session.function(oid)?)?;
        Ok(Bound { oid, body, repr: session.type_layout(type_oid)?.repr, type_oid })
    }

    fn call(
        &self,
        session: &Session,
        args: &[Datum<'_>],
        reprs: &[Repr],
        result: Repr,
    ) -> Result<datum::OwnedDatum> {
        let types = [self.type_oid; 2];
        let call = Call {
            session,
            function: self.oid,
            collation: Oid::INVALID,
            argument_types: &types,
            result_type: Oid::INVALID,
            variadic: false,
            columns: None,
        };
        let args: Vec<_> = args.iter().map(|arg| Some(*arg)).collect();
        match invoke(&call, &self.body, &args, reprs, result)? {
            Some(value) => Ok(value),
            None => bail!(INTERNAL_ERROR, "function {} returned NULL", self.oid),
        }
    }
}

/// The default order of a type.
#[derive(Clone)]
pub struct TypeOrder(Kind);

#[derive(Clone)]
enum Kind {
    Key(Arc<dyn KeyOrder>),
    /// The order of the elements.
    Array(Box<TypeOrder>),
    Record,
    Function(Bound),
}

fn operator_class(session: &Session, type_oid: Oid, method: Oid) -> Result<Option<(Oid, Oid)>> {
    Ok(session.default_opclass(type_oid, method)?.map(|class| (class.opcfamily, class.opcintype)))
}

impl TypeOrder {
    /// # Errors
    /// `42883` when the type has none.
    pub fn of(session: &Session, type_oid: Oid) -> Result<TypeOrder> {
        match TypeOrder::find(session, type_oid)? {
            Some(order) => Ok(order),
            None => bail!(
                UNDEFINED_FUNCTION,
                "could not identify a comparison function for type {}",
                session.format_type(type_oid, None)?
            ),
        }
    }

    /// The order of a type if it has one.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn find(session: &Session, type_oid: Oid) -> Result<Option<TypeOrder>> {
        let Some((family, input)) = operator_class(session, type_oid, BTREE)? else { return Ok(None) };
        let Some(function) = session.family_function(family, input, input, FIRST_SUPPORT)? else {
            return Ok(None);
        };
        let row = session.function(function)?;
        if let Some(order) = catalog::order::by_source(&row.prosrc, Oid::INVALID) {
            return Ok(Some(TypeOrder(Kind::Key(order))));
        }
        Ok(Some(TypeOrder(match row.prosrc.as_str() {
            "btarraycmp" => match session.element_type(session.base_type(type_oid)?.0)? {
                Some(element) => match TypeOrder::find(session, element)? {
                    Some(order) => Kind::Array(Box::new(order)),
                    None => return Ok(None),
                },
                None => Kind::Function(Bound::new(session, function, type_oid)?),
            },
            "btrecordcmp" => Kind::Record,
            _ => Kind::Function(Bound::new(session, function, type_oid)?),
        })))
    }

    /// # Errors
    /// What comparing fails with.
    pub fn compare(&self, session: &Session, a: Datum<'_>, b: Datum<'_>) -> Result<Ordering> {
        match &self.0 {
            Kind::Key(order) => Ok(order.compare(a, b)),
            Kind::Array(elements) => {
                let (a, b) = (Array::read(session, a.bytes())?, Array::read(session, b.bytes())?);
                adt::array::compare(&a.view, &b.view, a.element.stored(), |x, y| {
                    elements.compare(session, a.element.datum(x)?, b.element.datum(y)?)
                })
            }
            Kind::Record => record::compare(session, a.bytes(), b.bytes()),
            Kind::Function(bound) => {
                let result = bound.call(session, &[a, b], &[bound.repr; 2], Repr::Int4)?;
                Ok(result.as_datum().int4().cmp(&0))
            }
        }
    }
}

/// Equality of a type's values: by its order or, without one, by its hash operator class.
#[derive(Clone)]
pub enum TypeEquality {
    Order(TypeOrder),
    Operator(EqualityOperator),
}

/// An equality operator's function.
#[derive(Clone, Copy)]
pub struct EqualityOperator(Bound);

impl TypeEquality {
    /// # Errors
    /// `42883` when values of the type cannot be told apart.
    pub fn of(session: &Session, type_oid: Oid) -> Result<TypeEquality> {
        const EQUAL: i16 = 1;
        if let Some(order) = TypeOrder::find(session, type_oid)? {
            return Ok(TypeEquality::Order(order));
        }
        if let Some((family, input)) = operator_class(session, type_oid, HASH)?
            && let Some(operator) = session.family_operator(family, input, input, EQUAL)?
        {
            let function = session.operator(operator)?.oprcode;
            return Ok(TypeEquality::Operator(EqualityOperator(Bound::new(session, function, type_oid)?)));
        }
        bail!(
            UNDEFINED_FUNCTION,
            "could not identify an equality operator for type {}",
            session.format_type(type_oid, None)?
        );
    }

    /// # Errors
    /// What comparing fails with.
    pub fn equal(&self, session: &Session, a: Datum<'_>, b: Datum<'_>) -> Result<bool> {
        match self {
            TypeEquality::Order(order) => Ok(order.compare(session, a, b)?.is_eq()),
            TypeEquality::Operator(EqualityOperator(bound)) => {
                Ok(bound.call(session, &[a, b], &[bound.repr; 2], Repr::Bool)?.as_datum().bool())
            }
        }
    }
}

/// The hash functions of a type.
#[derive(Clone, Copy)]
pub struct TypeHash {
    plain: Bound,
    extended: Option<Bound>,
}

impl TypeHash {
    /// # Errors
    /// `42883` when the type has none.
    pub fn of(session: &Session, type_oid: Oid) -> Result<TypeHash> {
        if let Some((family, input)) = operator_class(session, type_oid, HASH)?
            && let Some(plain) = session.family_function(family, input, input, FIRST_SUPPORT)?
        {
            let extended = session.family_function(family, input, input, EXTENDED_HASH)?;
            return Ok(TypeHash {
                plain: Bound::new(session, plain, type_oid)?,
                extended: extended.map(|oid| Bound::new(session, oid, type_oid)).transpose()?,
            });
        }
        bail!(
            UNDEFINED_FUNCTION,
            "could not identify a hash function for type {}",
            session.format_type(type_oid, None)?
        );
    }

    /// # Errors
    /// What hashing fails with.
    pub fn hash(&self, session: &Session, value: Datum<'_>) -> Result<u32> {
        let result = self.plain.call(session, &[value], &[self.plain.repr], Repr::Int4)?;
        Ok(result.as_datum().int4() as u32)
    }

    /// # Errors
    /// `42883` when the type has no hash function with a seed; what hashing fails with.
    pub fn hash_extended(&self, session: &Session, value: Datum<'_>, seed: i64) -> Result<u64> {
        let Some(extended) = self.extended else {
            bail!(
                UNDEFINED_FUNCTION,
                "could not identify an extended hash function for type {}",
                session.format_type(self.plain.type_oid, None)?
            );
        };
        let args = [value, Datum::Int8(seed)];
        let result = extended.call(session, &args, &[extended.repr, Repr::Int8], Repr::Int8)?;
        Ok(result.as_datum().int8() as u64)
    }
}
