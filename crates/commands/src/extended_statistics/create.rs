//! CREATE STATISTICS.

use super::{DEPENDENCIES, DISTINCT, EXPRESSIONS, MOST_COMMON, by_name_in};
use crate::dependency;
use crate::expression::{self, Kind};
use crate::invocation::{Invocation, Outcome};
use crate::notice::notice_of;
use crate::{comment, name, privilege, shared_dependency as shared};
use adt::multivariate::MAX_COLUMNS;
use base::{Oid, Result, SqlState, bail, err};
use catalog::{
    DependencyKind, ObjectAddress, PgClass, PgNamespace, PgStatisticExt, RelationEntry, Session, index,
    template::SYSTEM_COLUMNS,
};
use ir::Expr;
use lock::LockMode;
use std::sync::Arc;
use syntax::{ColumnOrExpr, CreateStatistics, TableRef};

const BTREE: Oid = Oid(403);

/// What a statistics object is to be about.
pub(crate) struct Spec {
    /// Schema and name; chosen after the columns if not given.
    pub name: Option<(Oid, String)>,
    pub columns: Vec<i16>,
    pub exprs: Vec<Expr>,
    pub kinds: Vec<i8>,
    /// Names of the columns as the definition has them, `expr` for expressions.
    pub words: Vec<String>,
    pub owner: Oid,
    pub comment: Option<String>,
}

/// Who runs the definition.
#[derive(Clone, Copy)]
pub(super) enum Rights {
    Checked,
    /// An object that was there before is made again.
    Given(Oid),
}

/// CREATE STATISTICS.
///
/// # Errors
/// PostgreSQL's: `0A000`, `42P01`, `42703`, `42809`, `42701`, `42710`, `42P17`, `42501`, `54011`.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateStatistics) -> Result<Outcome> {
    define(invocation.session, statement, Rights::Checked, None)?;
    Ok(Outcome::Tag("CREATE STATISTICS".to_owned()))
}

pub(super) fn define(
    session: &Arc<Session>,
    statement: &CreateStatistics,
    rights: Rights,
    comment: Option<String>,
) -> Result<()> {
    let [from] = &statement.from[..] else {
        bail!(FEATURE_NOT_SUPPORTED, "only a single relation is allowed in CREATE STATISTICS");
    };
    let TableRef::Relation { relation, sample: None, .. } = from else {
        bail!(FEATURE_NOT_SUPPORTED, "CREATE STATISTICS only supports relation names in the FROM clause");
    };
    let table = name::open_relation(session, relation, LockMode::ShareUpdateExclusive)?;
    let mut elements = Vec::new();
    for element in &statement.elements {
        elements.push(match element {
            ColumnOrExpr::Column(column) => Element::Column(column.clone()),
            ColumnOrExpr::Expr(ast) => {
                let kind = Kind::StatisticsExpression;
                Element::Expr(expression::analyze(session, ast, kind, Some(&table))?)
            }
        });
    }
    let owner = match rights {
        Rights::Checked => session.user(),
        Rights::Given(owner) => owner,
    };
    require_kind(&table)?;
    if matches!(rights, Rights::Checked) {
        privilege::require_class_owner(session, &table.class)?;
    }
    privilege::refuse_catalog(&table.class)?;
    let place = place(session, &table, statement, rights)?;
    if let (Some((namespace, named)), _) = (&place, ())
        && by_name_in(session, *namespace, named)?.is_some()
    {
        let error = err!(DUPLICATE_OBJECT, "statistics object \"{named}\" already exists");
        if statement.if_not_exists {
            let text = format!("statistics object \"{named}\" already exists, skipping");
            session.notice(notice_of(SqlState::DUPLICATE_OBJECT, text));
            return Ok(());
        }
        return Err(error);
    }
    if elements.len() > MAX_COLUMNS {
        bail!(TOO_MANY_COLUMNS, "cannot have more than {MAX_COLUMNS} columns in statistics");
    }
    let words = elements.iter().map(Element::word).collect();
    let count = elements.len();
    let (columns, exprs) = resolve(session, &table, elements)?;
    let kinds = kinds(&statement.kinds, count, exprs.len())?;
    if count < 2 && exprs.len() != 1 {
        bail!(INVALID_OBJECT_DEFINITION, "extended statistics require at least 2 columns");
    }
    let columns = distinct(columns, &exprs)?;
    let spec = Spec { name: place, columns, exprs, kinds, words, owner, comment };
    if matches!(rights, Rights::Checked) {
        check_types(session, &spec.exprs)?;
    }
    insert(session, &table, &spec)
}

enum Element {
    Column(String),
    Expr(Expr),
}

impl Element {
    fn word(&self) -> String {
        match self {
            Element::Column(name) => name.clone(),
            Element::Expr(_) => "expr".to_owned(),
        }
    }
}

fn require_kind(table: &RelationEntry) -> Result<()> {
    let plural = match table.kind() {
        b'r' | b'm' | b'f' | b'p' => return Ok(()),
        b'i' => "indexes",
        b'I' => "partitioned indexes",
        b'S' => "sequences",
        b't' => "TOAST tables",
        b'v' => "views",
        _ => "composite types",
    };
    Err(err!(WRONG_OBJECT_TYPE, "cannot define statistics for relation \"{}\"", table.name())
        .detail(format!("This operation is not supported for {plural}.")))
}

/// Where the object goes, with the right to create there checked; its name, if it is given.
fn place(
    session: &Arc<Session>,
    table: &RelationEntry,
    statement: &CreateStatistics,
    rights: Rights,
) -> Result<Option<(Oid, String)>> {
    let Some(named) = &statement.name else {
        if matches!(rights, Rights::Checked) {
            privilege::require_create_in(session, table.class.relnamespace)?;
        }
        return Ok(None);
    };
    match rights {
        Rights::Checked => {
            let (namespace, last) = name::creation_namespace(session, named)?;
            Ok(Some((namespace, last.to_owned())))
        }
        Rights::Given(_) => {
            let (schema, last) = name::split(session, named)?;
            let namespace = match schema {
                Some(schema) => session.require_namespace(schema)?,
                None => session.creation_namespace()?,
            };
            Ok(Some((namespace, last.to_owned())))
        }
    }
}

/// Columns and expressions of the elements, each fit for statistics.
fn resolve(
    session: &Session,
    table: &RelationEntry,
    elements: Vec<Element>,
) -> Result<(Vec<i16>, Vec<Expr>)> {
    let several = elements.len() > 1;
    let (mut columns, mut exprs) = (Vec::new(), Vec::new());
    for element in elements {
        match element {
            Element::Column(column) => {
                if SYSTEM_COLUMNS.iter().any(|system| system.0 == column) {
                    return Err(no_system_columns());
                }
                let Some(position) = table.desc().position(&column) else {
                    bail!(UNDEFINED_COLUMN, "column \"{column}\" does not exist");
                };
                columns.push(require_column(session, table, position as i16 + 1)?);
            }
            Element::Expr(Expr::Var(var)) => {
                columns.push(require_column(session, table, var.attribute)?);
            }
            Element::Expr(expr) => {
                for number in dependency::columns_of(&expr) {
                    // A whole row is none of the columns, and counts as a system column.
                    refuse_column(table, number)?;
                }
                let type_oid = ir::expr_type(&expr);
                if several && session.default_opclass(session.base_type(type_oid)?.0, BTREE)?.is_none() {
                    bail!(
                        FEATURE_NOT_SUPPORTED,
                        "expression cannot be used in multivariate statistics because its type {} has no default btree operator class",
                        session.format_type(type_oid, None)?
                    );
                }
                exprs.push(expr);
            }
        }
    }
    Ok((columns, exprs))
}

fn no_system_columns() -> base::Error {
    err!(FEATURE_NOT_SUPPORTED, "statistics creation on system columns is not supported")
}

fn refuse_column(table: &RelationEntry, number: i16) -> Result<()> {
    if number <= 0 {
        return Err(no_system_columns());
    }
    if table.desc().attributes()[number as usize - 1].generated == b'v' {
        bail!(FEATURE_NOT_SUPPORTED, "statistics creation on virtual generated columns is not supported");
    }
    Ok(())
}

fn require_column(session: &Session, table: &RelationEntry, number: i16) -> Result<i16> {
    refuse_column(table, number)?;
    let attribute = &table.desc().attributes()[number as usize - 1];
    if session.default_opclass(session.base_type(attribute.type_oid)?.0, BTREE)?.is_none() {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "column \"{}\" cannot be used in statistics because its type {} has no default btree operator class",
            attribute.name,
            session.format_type(attribute.type_oid, None)?
        );
    }
    Ok(number)
}

fn kinds(named: &[String], elements: usize, exprs: usize) -> Result<Vec<i8>> {
    if elements == 1 && exprs == 1 && !named.is_empty() {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "when building statistics on a single expression, statistics kinds may not be specified"
        );
    }
    let known = [("ndistinct", DISTINCT), ("dependencies", DEPENDENCIES), ("mcv", MOST_COMMON)];
    if let Some(unknown) = named.iter().find(|n| known.iter().all(|k| k.0 != n.as_str())) {
        bail!(SYNTAX_ERROR, "unrecognized statistics kind \"{unknown}\"");
    }
    let all = named.is_empty() && elements >= 2;
    let wanted = known.iter().filter(|k| all || named.iter().any(|n| n == k.0)).map(|k| k.1);
    Ok(wanted.chain((exprs > 0).then_some(EXPRESSIONS)).collect())
}

/// The columns in order, none of them and none of the expressions twice.
fn distinct(mut columns: Vec<i16>, exprs: &[Expr]) -> Result<Vec<i16>> {
    columns.sort_unstable();
    if columns.windows(2).any(|pair| pair[0] == pair[1]) {
        bail!(DUPLICATE_COLUMN, "duplicate column name in statistics definition");
    }
    let written: Vec<String> = exprs.iter().map(expression::store).collect();
    if written.iter().enumerate().any(|(at, text)| written[..at].contains(text)) {
        bail!(DUPLICATE_COLUMN, "duplicate expression in statistics definition");
    }
    Ok(columns)
}

/// The user may use the types that expressions name.
fn check_types(session: &Session, exprs: &[Expr]) -> Result<()> {
    for expr in exprs {
        for object in dependency::of_expression(expr, None) {
            if object.class == <catalog::PgType as catalog::CatalogRow>::OID {
                privilege::require_type(session, object.object)?;
            }
        }
    }
    Ok(())
}

/// Makes the object.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn insert(session: &Arc<Session>, table: &RelationEntry, spec: &Spec) -> Result<()> {
    let (namespace, named) = match &spec.name {
        Some((namespace, named)) => (*namespace, named.clone()),
        None => {
            let namespace = table.class.relnamespace;
            let second = name::joined_columns(spec.words.iter().map(String::as_str));
            let taken = |name: &str| Ok(by_name_in(session, namespace, name)?.is_some());
            (namespace, name::first_free(table.name(), Some(&second), "stat", taken)?)
        }
    };
    let oid = session.new_oid::<PgStatisticExt>(index::PG_STATISTIC_EXT_OID)?;
    session.insert(&PgStatisticExt {
        oid,
        stxrelid: table.oid(),
        stxname: named,
        stxnamespace: namespace,
        stxowner: spec.owner,
        stxkeys: spec.columns.clone(),
        stxstattarget: None,
        stxkind: spec.kinds.clone(),
        stxexprs: (!spec.exprs.is_empty()).then(|| expression::store_list(&spec.exprs)),
    })?;
    session.invalidate_relation(table.oid());
    let object = ObjectAddress::new::<PgStatisticExt>(oid);
    let on: Vec<_> = match &spec.columns[..] {
        [] => vec![ObjectAddress::new::<PgClass>(table.oid())],
        columns => columns.iter().map(|number| ObjectAddress::column(table.oid(), *number)).collect(),
    };
    let mut noted = on.clone();
    session.record_dependencies(object, on, DependencyKind::Auto)?;
    let mut others = Vec::new();
    for expr in &spec.exprs {
        for needed in dependency::of_expression(expr, Some(table.oid())) {
            let own = needed.class == <PgClass as catalog::CatalogRow>::OID && needed.object == table.oid();
            let list = if own { &mut noted } else { &mut others };
            if own && !list.contains(&needed) {
                session.record_dependencies(object, [needed], DependencyKind::Auto)?;
            }
            if !list.contains(&needed) {
                list.push(needed);
            }
        }
    }
    session.record_dependencies(object, others, DependencyKind::Normal)?;
    let schema = [ObjectAddress::new::<PgNamespace>(namespace)];
    session.record_dependencies(object, schema, DependencyKind::Normal)?;
    shared::record_owner(session, object, spec.owner)?;
    comment::set(session, object, spec.comment.as_deref())?;
    session.command_counter_increment()
}
