//! Finding the body of a function by its row's source name.

use crate::aggregate::AggregateFunction;
use crate::call::{Call, Function};
use crate::set::SetFunction;
use base::{Error, Oid, Result};
use catalog::PgProc;
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Repr, Selection};
use std::collections::HashMap;
use std::sync::OnceLock;

/// All bodies. Immutable; made once in a process.
pub struct Registry {
    functions: HashMap<&'static str, Function>,
    /// Of functions in language sql, by name and argument types.
    sql_bodies: HashMap<&'static str, Function>,
    sets: HashMap<&'static str, SetFunction>,
    aggregates: HashMap<(&'static str, &'static str), AggregateFunction>,
}

/// Families of functions, a table each: a new family adds a line here.
const FUNCTIONS: &[&[&[Function]]] = &[
    crate::acl::FUNCTIONS,
    crate::array::FUNCTIONS,
    crate::boolean::FUNCTIONS,
    crate::bytea::FUNCTIONS,
    crate::character::FUNCTIONS,
    crate::datetime::FUNCTIONS,
    &[crate::domain::FUNCTIONS],
    crate::enumeration::FUNCTIONS,
    crate::float::FUNCTIONS,
    crate::identifier::FUNCTIONS,
    &[crate::input_check::FUNCTIONS],
    crate::integer::FUNCTIONS,
    crate::json::FUNCTIONS,
    crate::numeric::FUNCTIONS,
    crate::multivariate::FUNCTIONS,
    crate::pseudo::FUNCTIONS,
    &[crate::random::FUNCTIONS],
    &[crate::record::FUNCTIONS],
    crate::reg::FUNCTIONS,
    crate::system::FUNCTIONS,
    crate::text::FUNCTIONS,
    crate::uuid::FUNCTIONS,
    &[crate::variadic::FUNCTIONS],
];
const SETS: &[&[&[SetFunction]]] = &[
    &[crate::array::SETS, crate::datetime::SETS, crate::multivariate::SETS],
    &[crate::series::SETS, crate::text::SETS],
    crate::json::SETS,
    crate::system::SETS,
];
const AGGREGATES: &[&[AggregateFunction]] = crate::aggregates::AGGREGATES;

impl Registry {
    pub fn get() -> &'static Registry {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY.get_or_init(|| Registry {
            functions: FUNCTIONS
                .iter()
                .copied()
                .flatten()
                .copied()
                .flatten()
                .map(|f| (f.source, *f))
                .collect(),
            sql_bodies: crate::sql_bodies::FUNCTIONS.iter().map(|f| (f.source, *f)).collect(),
            sets: SETS.iter().copied().flatten().copied().flatten().map(|f| (f.source, *f)).collect(),
            aggregates: AGGREGATES
                .iter()
                .copied()
                .flatten()
                .map(|a| ((a.transition, a.finish), *a))
                .collect(),
        })
    }

    /// The body of a function in language internal, or of one of pg_catalog's in language sql.
    ///
    /// # Errors
    /// `0A000`, naming the function, if it has none yet.
    pub fn function(&self, row: &PgProc) -> Result<Function> {
        const SQL: Oid = Oid(14);
        let found = match row.prolang == SQL {
            true if row.pronamespace == catalog::PG_CATALOG => {
                self.sql_bodies.get(crate::sql_bodies::key(row).as_str())
            }
            true => None,
            false => self.functions.get(row.prosrc.as_str()),
        };
        match found {
            Some(function) if usize::from(row.pronargs as u16) == function.arity => Ok(*function),
            Some(_) => {
                Err(Error::internal(format!("function {} has another number of arguments", row.prosrc)))
            }
            None => Err(Error::unsupported(format!("function {}", row.proname))),
        }
    }

    /// # Errors
    /// `0A000`, naming the function, if it has no body yet.
    pub fn set_function(&self, row: &PgProc) -> Result<SetFunction> {
        let found = self.sets.get(row.prosrc.as_str()).copied();
        found.ok_or_else(|| Error::unsupported(format!("function {}", row.proname)))
    }

    /// The body of an aggregate, by the source names of its transition and final functions.
    ///
    /// # Errors
    /// `0A000`, naming the aggregate, if it has none yet.
    pub fn aggregate(&self, name: &str, transition: &str, finish: &str) -> Result<AggregateFunction> {
        let found = self.aggregates.get(&(transition, finish)).copied();
        found.ok_or_else(|| Error::unsupported(format!("aggregate function {name}")))
    }

    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }

    /// Bodies of functions in language sql, by name and argument types.
    pub fn sql_bodies(&self) -> impl Iterator<Item = &Function> {
        self.sql_bodies.values()
    }

    pub fn sets(&self) -> impl Iterator<Item = &SetFunction> {
        self.sets.values()
    }

    /// The source names of all tables, in which none may come twice.
    pub fn listed() -> impl Iterator<Item = &'static str> {
        let functions = FUNCTIONS.iter().copied().flatten().copied().flatten().map(|f| f.source);
        functions.chain(SETS.iter().copied().flatten().copied().flatten().map(|f| f.source))
    }

    pub fn has_body(&self, source: &str) -> bool {
        self.functions.contains_key(source) || self.sets.contains_key(source)
    }
}

/// Calls a function once.
///
/// # Errors
/// What the function fails with.
pub fn invoke(
    call: &Call<'_>,
    function: &Function,
    args: &[Option<Datum<'_>>],
    argument_reprs: &[Repr],
    result: Repr,
) -> Result<Option<OwnedDatum>> {
    let columns: Vec<Column> =
        args.iter().zip(argument_reprs).map(|(arg, repr)| Column::constant(*repr, *arg)).collect();
    let references: Vec<&Column> = columns.iter().collect();
    let mut out = ColumnBuilder::new(result, 1);
    (function.kernel)(call, &references, &Selection::All(1), &mut out)?;
    Ok(out.finish().get(0).map(Datum::to_owned))
}
