//! CREATE TYPE (enums, composite types), ALTER TYPE of enums, CREATE DOMAIN.

use crate::expression;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, choose_constraint_name};
use crate::notice::notice_of;
use crate::privilege;
use crate::relation::{self, NewRelation, NewType, insert_array_type, insert_type, make_room};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::*;
use datum::{Attribute, Datum};
use std::sync::Arc;
use syntax::{
    AlterEnum, AlterEnumChange, ConstraintKind, CreateCompositeType, CreateDomain, CreateEnum, ObjectName,
};

/// Schema and name for a new type, which no other has.
fn place<'n>(session: &Arc<Session>, named: &'n ObjectName) -> Result<(Oid, &'n str)> {
    let (namespace, last) = name::creation_namespace(session, named)?;
    relation::refuse_system_namespace(session, namespace, last)?;
    if let Some(existing) = session.type_in(namespace, last)? {
        if !make_room(session, existing, last, namespace)? {
            bail!(DUPLICATE_OBJECT, "type \"{last}\" already exists");
        }
        session.command_counter_increment()?;
    }
    Ok((namespace, last))
}

fn check_label(label: &str) -> Result<()> {
    if label.len() > name::NAME_LIMIT {
        return Err(err!(INVALID_NAME, "invalid enum label \"{label}\"")
            .detail(format!("Labels must be {} bytes or less.", name::NAME_LIMIT)));
    }
    Ok(())
}

/// An OID for a label: even ones sort as their labels do, odd ones say that the order has to be looked up.
fn label_oid(session: &Session, even: bool) -> Result<Oid> {
    loop {
        let oid = session.new_oid::<PgEnum>(index::PG_ENUM_OID)?;
        if (oid.0 % 2 == 0) == even {
            return Ok(oid);
        }
    }
}

/// CREATE TYPE ... AS ENUM.
///
/// # Errors
/// `42710`, `42602`, `42501`.
pub(crate) fn create_enum(invocation: &mut Invocation<'_>, statement: &CreateEnum) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = place(session, &statement.name)?;
    for (position, label) in statement.values.iter().enumerate() {
        check_label(label)?;
        if statement.values[..position].contains(label) {
            bail!(DUPLICATE_OBJECT, "enum label \"{label}\" used more than once");
        }
    }
    let new = NewType {
        oid: session.new_oid::<PgType>(index::PG_TYPE_OID)?,
        name: last,
        namespace,
        owner: session.user(),
        kind: b'e',
        category: b'E',
        len: 4,
        by_value: true,
        align: b'i',
        storage: b'p',
        input: 3506,
        output: 3507,
        receive: 3532,
        send: 3533,
    };
    let mut row = new.row();
    row.typarray = session.new_oid::<PgType>(index::PG_TYPE_OID)?;
    insert_type(session, &row)?;
    insert_array_type(session, &row)?;
    let mut previous = Oid(0);
    for (position, label) in statement.values.iter().enumerate() {
        let mut oid = label_oid(session, true)?;
        // The counter may have wrapped round: the order of the OIDs is that of the labels.
        if oid < previous {
            oid = label_oid(session, false)?;
        }
        previous = oid;
        session.insert(&PgEnum {
            oid,
            enumtypid: row.oid,
            enumsortorder: position as f32 + 1.0,
            enumlabel: label.clone(),
        })?;
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("CREATE TYPE".to_owned()))
}

/// ALTER TYPE ... ADD VALUE and RENAME VALUE.
///
/// # Errors
/// `42704`, `42710`, `22023`, `42501`, `42602`.
pub(crate) fn alter_enum(invocation: &mut Invocation<'_>, statement: &AlterEnum) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (schema, last) = name::split(session, &statement.name)?;
    let Some(oid) = session.type_by_name(schema, last)? else {
        bail!(UNDEFINED_OBJECT, "type \"{}\" does not exist", statement.name.parts.join("."));
    };
    let row = session.type_row(oid)?;
    if row.typtype as u8 != b'e' {
        bail!(WRONG_OBJECT_TYPE, "{} is not an enum", session.format_type(oid, None)?);
    }
    privilege::require_type_owner(session, &row)?;
    privilege::lock_object(session, ObjectAddress::new::<PgType>(oid), false, lock::LockMode::Exclusive)?;
    let mut labels: Vec<PgEnum> = session
        .find::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &[oid.into()])?
        .into_iter()
        .map(|(_, r)| r)
        .collect();
    labels.sort_by(|a, b| a.enumsortorder.total_cmp(&b.enumsortorder));
    match &statement.change {
        AlterEnumChange::Rename { from, to } => {
            check_label(to)?;
            if !labels.iter().any(|l| l.enumlabel == *from) {
                bail!(INVALID_PARAMETER_VALUE, "\"{from}\" is not an existing enum label");
            }
            if labels.iter().any(|l| l.enumlabel == *to) {
                bail!(DUPLICATE_OBJECT, "enum label \"{to}\" already exists");
            }
            let keys = [oid.into(), Datum::from(from.as_str())];
            for (tid, mut label) in session.find::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &keys)? {
                label.enumlabel.clone_from(to);
                session.update(tid, &label)?;
            }
        }
        AlterEnumChange::Add { value, if_not_exists, neighbor } => {
            check_label(value)?;
            if labels.iter().any(|l| l.enumlabel == *value) {
                let text = format!("enum label \"{value}\" already exists");
                if *if_not_exists {
                    session.notice(notice_of(SqlState::DUPLICATE_OBJECT, format!("{text}, skipping")));
                    return Ok(Outcome::Tag("ALTER TYPE".to_owned()));
                }
                bail!(DUPLICATE_OBJECT, "{text}");
            }
            add_label(session, oid, &labels, value, neighbor.as_ref())?;
        }
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("ALTER TYPE".to_owned()))
}

fn add_label(
    session: &Session,
    type_oid: Oid,
    labels: &[PgEnum],
    value: &str,
    neighbor: Option<&(bool, String)>,
) -> Result<()> {
    let last = labels.last().map_or(0.0, |l| l.enumsortorder);
    let (order, at_end) = match neighbor {
        None => (last + 1.0, true),
        Some((after, label)) => {
            let Some(at) = labels.iter().position(|l| l.enumlabel == *label) else {
                bail!(INVALID_PARAMETER_VALUE, "\"{label}\" is not an existing enum label");
            };
            let at = if *after { at + 1 } else { at };
            match (at.checked_sub(1).map(|i| labels[i].enumsortorder), labels.get(at)) {
                (_, None) => (last + 1.0, true),
                (None, Some(next)) => (next.enumsortorder - 1.0, false),
                (Some(before), Some(next)) => {
                    let middle = before + (next.enumsortorder - before) / 2.0;
                    if middle <= before || middle >= next.enumsortorder {
                        return Err(Error::unsupported("renumbering the labels of an enum"));
                    }
                    (middle, false)
                }
            }
        }
    };
    // At the end an even OID keeps the order as long as it is the largest so far.
    let largest = labels.iter().map(|l| l.oid).max().unwrap_or_default();
    let all_even = labels.iter().all(|l| l.oid.0 % 2 == 0);
    let mut oid = label_oid(session, at_end && all_even)?;
    if at_end && all_even && oid <= largest {
        oid = label_oid(session, false)?;
    }
    session.insert(&PgEnum {
        oid,
        enumtypid: type_oid,
        enumsortorder: order,
        enumlabel: value.to_owned(),
    })?;
    Ok(())
}

/// CREATE TYPE ... AS (attributes).
///
/// # Errors
/// `42P07`, `42710`, `42701`, and those of the attributes' types.
pub(crate) fn create_composite(
    invocation: &mut Invocation<'_>,
    statement: &CreateCompositeType,
) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = place(session, &statement.name)?;
    let mut columns: Vec<Attribute> = Vec::new();
    for item in &statement.attributes {
        if item.type_name.setof {
            bail!(INVALID_TABLE_DEFINITION, "column \"{}\" cannot be declared SETOF", item.name);
        }
        let (type_oid, typmod) = expression::resolve_type(session, &item.type_name)?;
        privilege::require_type(session, type_oid)?;
        let row = session.type_row(type_oid)?;
        let collation = match &item.collation {
            Some(named) => expression::collation_by_name(session, named)?,
            None => row.typcollation,
        };
        let mut attribute =
            Attribute::result(&item.name, type_oid, typmod, session.type_layout(type_oid)?, collation);
        attribute.ndims = item.type_name.array_bounds.len() as i16;
        attribute.storage = row.typstorage as u8;
        columns.push(attribute);
    }
    for position in 1..columns.len() {
        if columns[..position].iter().any(|c| c.name == columns[position].name) {
            bail!(DUPLICATE_COLUMN, "column \"{}\" specified more than once", columns[position].name);
        }
    }
    relation::check_columns(session, &columns, b'c')?;
    let new = NewRelation {
        name: last,
        namespace,
        kind: b'c',
        persistence: b'p',
        owner: session.user(),
        tablespace: Oid(0),
        columns: &columns,
        options: None,
        toast_options: None,
        of_type: Oid(0),
    };
    relation::create(session, &new)?;
    Ok(Outcome::Tag("CREATE TYPE".to_owned()))
}

/// CREATE DOMAIN.
///
/// # Errors
/// `42710`, `42804` for types that no domain can be over, `42601`.
pub(crate) fn create_domain(invocation: &mut Invocation<'_>, statement: &CreateDomain) -> Result<Outcome> {
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
    let mut taken = Vec::new();
    for constraint in &statement.constraints {
        let (kind, label) = match &constraint.kind {
            ConstraintKind::Check(_) => (b'c', "check"),
            ConstraintKind::NotNull { .. } => (b'n', "not_null"),
            _ => continue,
        };
        let conname = match &constraint.name {
            Some(name) => {
                if taken.contains(name) {
                    bail!(
                        DUPLICATE_OBJECT,
                        "constraint \"{name}\" for domain \"{}\" already exists",
                        domain.typname
                    );
                }
                name.clone()
            }
            None => {
                choose_constraint_name(session, &domain.typname, None, label, domain.typnamespace, &taken)?
            }
        };
        taken.push(conname.clone());
        let oid = session.new_oid::<PgConstraint>(index::PG_CONSTRAINT_OID)?;
        let mut row = PgConstraint::new(oid, &conname, domain.typnamespace, kind);
        row.contypid = domain.oid;
        let object = ObjectAddress::new::<PgConstraint>(oid);
        if let ConstraintKind::Check(ast) = &constraint.kind {
            let (base, typmod, collation) = (domain.typbasetype, domain.typtypmod, domain.typcollation);
            let expr = expression::analyze_domain_check(session, ast, base, typmod, collation)?;
            row.conbin = Some(expression::store(&expr));
            let normal = DependencyKind::Normal;
            crate::dependency::record_expression(session, object, &expr, None, normal, normal)?;
        }
        session.insert(&row)?;
        let on = [ObjectAddress::new::<PgType>(domain.oid)];
        session.record_dependencies(object, on, DependencyKind::Auto)?;
        session.command_counter_increment()?;
    }
    Ok(())
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
    let kind = expression::Kind::ColumnDefault;
    let expr = expression::analyze_for_column(session, written, kind, None, name, base.oid, typmod)?;
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
