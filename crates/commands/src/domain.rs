//! CREATE DOMAIN, ALTER DOMAIN, and the checks of domains that input functions ask for.

use crate::alter_table::validate;
use crate::drop::remove_all;
use crate::expression;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, choose_constraint_name};
use crate::notice::notice;
use crate::privilege;
use crate::relation::{insert_array_type, insert_type};
use crate::types::place;
use base::{Error, Oid, Result, bail, err};
use catalog::*;
use std::sync::{Arc, Weak};
use syntax::{AlterDomain, AlterDomainChange, ConstraintKind, CreateDomain, DropBehavior};

/// CREATE DOMAIN.
///
/// # Errors
/// `42710`, `42804` for types that no domain can be over, `42601`.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateDomain) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = place(session, &statement.name)?;
    let (base_type, typmod) = expression::resolve_type(session, &statement.type_name)?;
    privilege::require_type(session, base_type)?;
    let base = session.type_row(base_type)?;
    if !matches!(base.typtype as u8, b'b' | b'c' | b'd' | b'e' | b'r' | b'm') {
        bail!(
            DATATYPE_MISMATCH,
            "\"{}\" is not a valid base type for a domain",
            session.format_type(base_type, None)?
        );
    }
    let mut collation = base.typcollation;
    if let Some((named, at)) = &statement.collation {
        let given = expression::collation_by_name(session, named)?;
        if !collation.is_valid() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "collations are not supported by type {}",
                session.format_type(base_type, None)?
            )
            .at(*at));
        }
        collation = given;
    }
    let not_null = domain_nullability(statement)?;
    let (default, shown) = domain_default(session, statement, &base, typmod)?;
    let mut row = PgType {
        oid: session.new_oid::<PgType>(index::PG_TYPE_OID)?,
        typname: last.to_owned(),
        typnamespace: namespace,
        typowner: session.user(),
        typtype: b'd' as i8,
        typispreferred: false,
        typisdefined: true,
        typrelid: Oid(0),
        typsubscript: Oid(0),
        typelem: Oid(0),
        typarray: session.new_oid::<PgType>(index::PG_TYPE_OID)?,
        typinput: Oid(2597),
        typreceive: Oid(2598),
        typmodin: Oid(0),
        typmodout: Oid(0),
        typnotnull: not_null.is_some(),
        typbasetype: base_type,
        typtypmod: typmod,
        typndims: statement.type_name.array_bounds.len() as i32,
        typcollation: collation,
        typdefaultbin: default.as_ref().map(expression::store),
        typdefault: shown,
        typacl: None,
        ..(*base).clone()
    };
    row.typanalyze = base.typanalyze;
    insert_type(session, &row)?;
    let object = ObjectAddress::new::<PgType>(row.oid);
    let mut on = vec![ObjectAddress::new::<PgType>(base_type)];
    if collation.is_valid() && collation != Oid(100) {
        on.push(ObjectAddress::new::<PgCollation>(collation));
    }
    session.record_dependencies(object, on, DependencyKind::Normal)?;
    if let Some(expr) = &default {
        let normal = DependencyKind::Normal;
        crate::dependency::record_expression(session, object, expr, None, normal, normal)?;
    }
    insert_array_type(session, &row)?;
    session.command_counter_increment()?;
    add_domain_constraints(session, statement, &row)?;
    Ok(Outcome::Tag("CREATE DOMAIN".to_owned()))
}

/// The NOT NULL constraint of a domain, if it has one.
fn domain_nullability(statement: &CreateDomain) -> Result<Option<&syntax::Constraint>> {
    let (mut not_null, mut null, mut has_default) = (None, false, false);
    for constraint in &statement.constraints {
        match &constraint.kind {
            ConstraintKind::NotNull { .. } => not_null = Some(constraint),
            ConstraintKind::Null => null = true,
            ConstraintKind::Check(_) => {
                if constraint.no_inherit {
                    bail!(
                        INVALID_OBJECT_DEFINITION,
                        "check constraints for domains cannot be marked NO INHERIT"
                    );
                }
            }
            ConstraintKind::Default(_) => {
                if std::mem::replace(&mut has_default, true) {
                    bail!(SYNTAX_ERROR, "multiple default expressions");
                }
            }
            ConstraintKind::Unique(_) => {
                bail!(SYNTAX_ERROR, "unique constraints not possible for domains")
            }
            ConstraintKind::Primary(_) => {
                bail!(SYNTAX_ERROR, "primary key constraints not possible for domains")
            }
            ConstraintKind::Exclude(_) => {
                bail!(SYNTAX_ERROR, "exclusion constraints not possible for domains")
            }
            ConstraintKind::Foreign(_) => {
                bail!(SYNTAX_ERROR, "foreign key constraints not possible for domains")
            }
            ConstraintKind::Generated { .. } => {
                bail!(FEATURE_NOT_SUPPORTED, "specifying GENERATED not supported for domains")
            }
            ConstraintKind::Identity { .. } => {
                return Err(Error::internal("unrecognized constraint subtype"));
            }
        }
    }
    if null && not_null.is_some() {
        bail!(SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints");
    }
    Ok(not_null)
}

fn add_domain_constraints(session: &Arc<Session>, statement: &CreateDomain, domain: &PgType) -> Result<()> {
    for constraint in &statement.constraints {
        let condition = match &constraint.kind {
            ConstraintKind::Check(condition) => Some(condition),
            ConstraintKind::NotNull { .. } => None,
            _ => continue,
        };
        add_constraint(session, domain, constraint.name.as_deref(), condition, true)?;
    }
    Ok(())
}

/// Enters a CHECK constraint and returns its condition; without one, a NOT NULL constraint.
fn add_constraint(
    session: &Arc<Session>,
    domain: &PgType,
    name: Option<&str>,
    condition: Option<&syntax::Expr>,
    validated: bool,
) -> Result<Option<ir::Expr>> {
    let (kind, label) = if condition.is_some() { (b'c', "check") } else { (b'n', "not_null") };
    let conname = match name {
        Some(name) => {
            if constraints_of(session, domain.oid)?.iter().any(|c| c.conname == name) {
                let domain = &domain.typname;
                bail!(DUPLICATE_OBJECT, "constraint \"{name}\" for domain \"{domain}\" already exists");
            }
            name.to_owned()
        }
        None => choose_constraint_name(session, &domain.typname, None, label, domain.typnamespace, &[])?,
    };
    let oid = session.new_oid::<PgConstraint>(index::PG_CONSTRAINT_OID)?;
    let mut row = PgConstraint::new(oid, &conname, domain.typnamespace, kind);
    row.contypid = domain.oid;
    row.convalidated = validated;
    let object = ObjectAddress::new::<PgConstraint>(oid);
    let mut analyzed = None;
    if let Some(ast) = condition {
        let (base, typmod, collation) = (domain.typbasetype, domain.typtypmod, domain.typcollation);
        let expr = expression::analyze_domain_check(session, ast, base, typmod, collation)?;
        row.conbin = Some(expression::store(&expr));
        let normal = DependencyKind::Normal;
        crate::dependency::record_expression(session, object, &expr, None, normal, normal)?;
        analyzed = Some(expr);
    }
    session.insert(&row)?;
    let on = [ObjectAddress::new::<PgType>(domain.oid)];
    session.record_dependencies(object, on, DependencyKind::Auto)?;
    session.command_counter_increment()?;
    Ok(analyzed)
}

fn constraints_of(session: &Session, domain: Oid) -> Result<Vec<PgConstraint>> {
    let rows = session.find::<PgConstraint>(index::PG_CONSTRAINT_CONTYPID, &[domain.into()])?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// A domain's default and its text: its own, else its base type's. NULL is none.
fn domain_default(
    session: &Arc<Session>,
    statement: &CreateDomain,
    base: &PgType,
    typmod: i32,
) -> Result<(Option<ir::Expr>, Option<String>)> {
    let written = statement.constraints.iter().find_map(|c| match &c.kind {
        ConstraintKind::Default(expr) => Some(expr),
        _ => None,
    });
    let Some(written) = written else {
        let inherited = match &base.typdefaultbin {
            Some(text) => Some(expression::load(session, text)?),
            None => None,
        };
        return Ok((inherited, base.typdefault.clone()));
    };
    let name = statement.name.parts.last().map_or("", String::as_str);
    written_default(session, written, name, base.oid, typmod)
}

fn written_default(
    session: &Arc<Session>,
    written: &syntax::Expr,
    domain: &str,
    base: Oid,
    typmod: i32,
) -> Result<(Option<ir::Expr>, Option<String>)> {
    let kind = expression::Kind::ColumnDefault;
    let expr = expression::analyze_for_column(session, written, kind, None, domain, base, typmod)?;
    if matches!(&expr, ir::Expr::Const(constant) if constant.value.is_none()) {
        return Ok((None, None));
    }
    let text = analyzer::deparse::deparse_expr(
        session,
        &crate::explain::Constants,
        &expr,
        &analyzer::deparse::RelationColumns(&datum::TupleDesc::new(Vec::new())),
    )?;
    Ok((Some(expr), Some(text)))
}

/// ALTER DOMAIN, but for what renames it, moves it or gives it away.
///
/// # Errors
/// `42704`, `42809`, `42501`; `23502` and `23514` when values that there are do not fit.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterDomain) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (schema, last) = name::split(session, &statement.name)?;
    let Some(oid) = session.type_by_name(schema, last)? else {
        bail!(UNDEFINED_OBJECT, "type \"{}\" does not exist", statement.name.parts.join("."));
    };
    let rows = session.find::<PgType>(index::PG_TYPE_OID, &[oid.into()])?;
    let Some((tid, mut row)) = rows.into_iter().next() else {
        return Err(Error::internal(format!("cache lookup failed for type {oid}")));
    };
    if row.typtype as u8 != b'd' {
        bail!(WRONG_OBJECT_TYPE, "{} is not a domain", session.format_type(oid, None)?);
    }
    privilege::require_type_owner(session, &row)?;
    match &statement.change {
        AlterDomainChange::Default(written) => {
            let (expr, text) = match written {
                Some(written) => {
                    written_default(session, written, &row.typname, row.typbasetype, row.typtypmod)?
                }
                None => (None, None),
            };
            row.typdefaultbin = expr.as_ref().map(expression::store);
            row.typdefault = text;
            session.update(tid, &row)?;
            record_default(session, &row, expr.as_ref())?;
        }
        AlterDomainChange::SetNotNull if row.typnotnull => {}
        AlterDomainChange::SetNotNull => {
            set_not_null(session, tid, row, None)?;
        }
        AlterDomainChange::DropNotNull if !row.typnotnull => {}
        AlterDomainChange::DropNotNull => {
            let not_null = constraints_of(session, oid)?.into_iter().find(|c| c.contype as u8 == b'n');
            let Some(constraint) = not_null else {
                return Err(Error::internal(format!(
                    "could not find not-null constraint on domain \"{}\"",
                    row.typname
                )));
            };
            remove_all(session, &[ObjectAddress::new::<PgConstraint>(constraint.oid)], false)?;
            row.typnotnull = false;
            session.update(tid, &row)?;
        }
        AlterDomainChange::AddConstraint(constraint) => add(session, tid, row, constraint)?,
        AlterDomainChange::DropConstraint { name, if_exists, behavior } => {
            let cascade = *behavior == DropBehavior::Cascade;
            drop_constraint(session, tid, row, name, *if_exists, cascade)?;
        }
        AlterDomainChange::ValidateConstraint { name } => validate_constraint(session, &row, name)?,
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("ALTER DOMAIN".to_owned()))
}

/// The default's dependencies in place of those of the one before.
fn record_default(session: &Arc<Session>, row: &PgType, expr: Option<&ir::Expr>) -> Result<()> {
    let object = ObjectAddress::new::<PgType>(row.oid);
    session.forget_dependencies(object, None)?;
    let mut on = vec![ObjectAddress::new::<PgType>(row.typbasetype)];
    on.push(ObjectAddress::new::<PgNamespace>(row.typnamespace));
    if row.typcollation.is_valid() && row.typcollation != Oid(100) {
        on.push(ObjectAddress::new::<PgCollation>(row.typcollation));
    }
    session.record_dependencies(object, on, DependencyKind::Normal)?;
    if let Some(expr) = expr {
        let normal = DependencyKind::Normal;
        crate::dependency::record_expression(session, object, expr, None, normal, normal)?;
    }
    Ok(())
}

fn set_not_null(session: &Arc<Session>, tid: base::Tid, mut row: PgType, name: Option<&str>) -> Result<()> {
    add_constraint(session, &row, name, None, true)?;
    for (entry, column) in columns_with(session, row.oid)? {
        validate::scan(session, &entry, &[column], &mut |batch| {
            if (0..batch.rows()).all(|row| batch.value(0, row).is_some()) {
                return Ok(());
            }
            let name = &entry.desc().attributes()[column].name;
            let table = entry.name();
            Err(err!(NOT_NULL_VIOLATION, "column \"{name}\" of table \"{table}\" contains null values")
                .table(session.namespace_name(entry.class.relnamespace)?, table)
                .column(name.as_str()))
        })?;
    }
    row.typnotnull = true;
    session.update(tid, &row)?;
    Ok(())
}

fn add(session: &Arc<Session>, tid: base::Tid, row: PgType, constraint: &syntax::Constraint) -> Result<()> {
    match &constraint.kind {
        ConstraintKind::NotNull { .. } if row.typnotnull => Ok(()),
        ConstraintKind::NotNull { .. } => set_not_null(session, tid, row, constraint.name.as_deref()),
        ConstraintKind::Check(ast) => {
            if constraint.no_inherit {
                bail!(INVALID_OBJECT_DEFINITION, "check constraints for domains cannot be marked NO INHERIT");
            }
            let (name, validated) = (constraint.name.as_deref(), !constraint.not_valid);
            let condition = add_constraint(session, &row, name, Some(ast), validated)?;
            match condition {
                Some(condition) if validated => validate_check(session, &row, &condition),
                _ => Ok(()),
            }
        }
        ConstraintKind::Unique(_) => bail!(SYNTAX_ERROR, "unique constraints not possible for domains"),
        ConstraintKind::Primary(_) => bail!(SYNTAX_ERROR, "primary key constraints not possible for domains"),
        ConstraintKind::Exclude(_) => bail!(SYNTAX_ERROR, "exclusion constraints not possible for domains"),
        ConstraintKind::Foreign(_) => bail!(SYNTAX_ERROR, "foreign key constraints not possible for domains"),
        _ => Err(Error::internal("unrecognized constraint subtype")),
    }
}

fn drop_constraint(
    session: &Arc<Session>,
    tid: base::Tid,
    mut row: PgType,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Result<()> {
    let domain = session.format_type(row.oid, None)?;
    let found = constraints_of(session, row.oid)?.into_iter().find(|c| c.conname == name);
    let Some(constraint) = found else {
        let text = format!("constraint \"{name}\" of domain \"{domain}\" does not exist");
        if !if_exists {
            bail!(UNDEFINED_OBJECT, "{text}");
        }
        session.notice(notice(format!("{text}, skipping")));
        return Ok(());
    };
    if constraint.contype as u8 == b'n' {
        row.typnotnull = false;
        session.update(tid, &row)?;
        session.command_counter_increment()?;
    }
    remove_all(session, &[ObjectAddress::new::<PgConstraint>(constraint.oid)], cascade)
}

fn validate_constraint(session: &Arc<Session>, row: &PgType, name: &str) -> Result<()> {
    let domain = session.format_type(row.oid, None)?;
    let rows = session.find::<PgConstraint>(index::PG_CONSTRAINT_CONTYPID, &[row.oid.into()])?;
    let Some((tid, mut constraint)) = rows.into_iter().find(|(_, c)| c.conname == name) else {
        bail!(UNDEFINED_OBJECT, "constraint \"{name}\" of domain \"{domain}\" does not exist");
    };
    if constraint.contype as u8 != b'c' {
        bail!(WRONG_OBJECT_TYPE, "constraint \"{name}\" of domain \"{domain}\" is not a check constraint");
    }
    let condition = expression::load(session, constraint.conbin.as_deref().unwrap_or_default())?;
    validate_check(session, row, &condition)?;
    constraint.convalidated = true;
    session.update(tid, &constraint)?;
    Ok(())
}

/// No value that is stored makes the condition false.
fn validate_check(session: &Arc<Session>, row: &PgType, condition: &ir::Expr) -> Result<()> {
    for (entry, column) in columns_with(session, row.oid)? {
        let number = column as i16 + 1;
        let mut condition = condition.clone();
        ir::walk_levels_mut(&mut condition, 0, &mut |expr, _| {
            if let ir::Expr::CoerceToDomainValue { type_oid, typmod, collation, location } = *expr {
                *expr = ir::Expr::Var(ir::Var {
                    source: ir::VarSource::Relation(1),
                    attribute: number,
                    type_oid,
                    typmod,
                    collation,
                    nulling: ir::RelSet::new(),
                    levels_up: 0,
                    returning: ir::Returning::Default,
                    syntactic: (1, number),
                    location,
                });
            }
            Ok(true)
        })?;
        let conditions = std::slice::from_ref(&condition);
        let mut evaluator = expression::RowEvaluator::new(session, conditions, &[], &[number])?;
        validate::scan(session, &entry, &[column], &mut |batch| {
            let outputs = evaluator.evaluate(batch)?;
            if !(0..batch.rows())
                .any(|row| matches!(outputs.columns[0].get(row), Some(datum::Datum::Bool(false))))
            {
                return Ok(());
            }
            let (name, table) = (&entry.desc().attributes()[column].name, entry.name());
            Err(err!(
                CHECK_VIOLATION,
                "column \"{name}\" of table \"{table}\" contains values that violate the new constraint"
            )
            .table(session.namespace_name(entry.class.relnamespace)?, table)
            .column(name.as_str()))
        })?;
    }
    Ok(())
}

/// The stored columns (from 0) of a domain's type, or of a domain over it, with their tables locked.
///
/// # Errors
/// `0A000` when a composite type, an array or a range over the domain has a stored column.
fn columns_with(session: &Arc<Session>, domain: Oid) -> Result<Vec<(Arc<RelationEntry>, usize)>> {
    let mut found = Vec::new();
    let object = ObjectAddress::new::<PgType>(domain);
    for (_, dependent) in session.dependents_of(object)? {
        if dependent.classid == PgType::OID {
            let row = session.type_row(dependent.objid)?;
            match row.typtype as u8 {
                b'd' => found.extend(columns_with(session, dependent.objid)?),
                _ => refuse_containers(session, domain, dependent.objid)?,
            }
            continue;
        }
        if dependent.classid != PgClass::OID || dependent.objsubid <= 0 {
            continue;
        }
        let Some(entry) = session.relation(dependent.objid)? else { continue };
        let column = dependent.objsubid as usize - 1;
        match entry.kind() {
            b'r' | b'm' => {
                session.lock_relation(dependent.objid, lock::LockMode::Share)?;
                let Some(entry) = session.relation(dependent.objid)? else { continue };
                let attribute = entry.desc().attributes().get(column);
                if attribute.is_some_and(|a| !a.dropped && a.type_oid == domain) {
                    found.push((entry, column));
                }
            }
            b'c' => refuse_containers(session, domain, entry.class.reltype)?,
            _ => {}
        }
    }
    // Arrays of the domain hold its values, too.
    let array = session.type_row(domain)?.typarray;
    if array.is_valid() {
        refuse_containers(session, domain, array)?;
    }
    found.sort_by_key(|(entry, column)| (entry.oid(), *column));
    Ok(found)
}

/// Values inside of others' values are not looked through.
fn refuse_containers(session: &Arc<Session>, domain: Oid, container: Oid) -> Result<()> {
    for (_, dependent) in session.dependents_of(ObjectAddress::new::<PgType>(container))? {
        if dependent.classid != PgClass::OID || dependent.objsubid <= 0 {
            continue;
        }
        let Some(entry) = session.relation(dependent.objid)? else { continue };
        let column = &entry.desc().attributes()[dependent.objsubid as usize - 1].name;
        match entry.kind() {
            b'r' | b'm' | b'p' => bail!(
                FEATURE_NOT_SUPPORTED,
                "cannot alter type \"{}\" because column \"{}.{column}\" uses it",
                session.format_type(domain, None)?,
                entry.name()
            ),
            b'c' => refuse_containers(session, domain, entry.class.reltype)?,
            _ => {}
        }
    }
    Ok(())
}

/// ALTER DOMAIN ... RENAME CONSTRAINT.
///
/// # Errors
/// `42704`, `42710`, `42501`.
pub(crate) fn rename_constraint(session: &Session, domain: Oid, from: &str, to: &str) -> Result<()> {
    let row = session.type_row(domain)?;
    let name = session.format_type(domain, None)?;
    privilege::require_type_owner(session, &row)?;
    let rows = session.find::<PgConstraint>(index::PG_CONSTRAINT_CONTYPID, &[domain.into()])?;
    if !rows.iter().any(|(_, c)| c.conname == from) {
        bail!(UNDEFINED_OBJECT, "constraint \"{from}\" for domain {name} does not exist");
    }
    if rows.iter().any(|(_, c)| c.conname == to) {
        bail!(DUPLICATE_OBJECT, "constraint \"{to}\" for domain {name} already exists");
    }
    for (tid, mut constraint) in rows.into_iter().filter(|(_, c)| c.conname == from) {
        constraint.conname = to.to_owned();
        session.update(tid, &constraint)?;
    }
    session.command_counter_increment()
}

/// What input functions ask about the values of domains.
pub struct DomainChecks(pub Weak<Session>);

impl functions::hooks::Domains for DomainChecks {
    fn check(&self, session: &Session, domain: Oid, value: Option<datum::Datum<'_>>) -> Result<()> {
        let Some(own) = self.0.upgrade() else { return Err(Error::internal("the session has ended")) };
        let (base, typmod) = session.base_type(domain)?;
        let layout = session.type_layout(base)?;
        let value = ir::Const {
            type_oid: base,
            typmod,
            collation: session.type_collation(base)?,
            layout,
            value: value.map(datum::Datum::to_owned),
            location: None,
        };
        let checked = ir::Expr::CoerceToDomain {
            arg: Box::new(ir::Expr::Const(value)),
            result_type: domain,
            typmod: -1,
            collation: session.type_collation(domain)?,
            form: ir::CoercionForm::ImplicitCast,
            location: None,
        };
        let mut evaluator = expression::RowEvaluator::new(&own, &[checked], &[], &[])?;
        evaluator.evaluate(&datum::Batch::new(Vec::new(), 1)).map(drop)
    }
}
