//! CREATE VIEW: a relation without storage, and the rule that stands for it in queries.

use crate::invocation::{Invocation, Outcome};
use crate::name::{self, Place, creation_place};
use crate::notice::notice;
use crate::options::{self, Target};
use crate::pipeline::Literals;
use crate::privilege;
use crate::query_dependency::of_query;
use crate::relation::{self, NewRelation, persistence_letter};
use base::{Oid, Result, bail, err};
use catalog::{CatalogRow, DependencyKind, ObjectAddress, PgClass, PgRewrite, RelationEntry, Session, index};
use datum::Attribute;
use ir::Query;
use lock::LockMode;
use std::sync::Arc;
use syntax::{CheckOption, CreateView, OptionAction, OptionItem, OptionValue, Persistence};

/// CREATE [OR REPLACE] VIEW.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateView) -> Result<Outcome> {
    if statement.persistence == Persistence::Unlogged {
        bail!(SYNTAX_ERROR, "views cannot be unlogged because they do not have storage");
    }
    let session = invocation.session;
    let query = analyzer::analyze_view(session, &Literals, statement, invocation.sql)?;
    let mut options = statement.options.clone();
    if let Some(option) = statement.check_option {
        let word = match option {
            CheckOption::Local => "local",
            CheckOption::Cascaded => "cascaded",
        };
        options.push(OptionItem {
            namespace: None,
            name: "check_option".to_owned(),
            value: Some(OptionValue::String(word.to_owned())),
            action: OptionAction::default(),
            location: 0,
        });
    }
    if options.iter().any(|o| o.name == "check_option") {
        check_updatable(session, &query)?;
    }
    let columns = columns(session, &query)?;
    let mut persistence = statement.persistence;
    if persistence == Persistence::Permanent && uses_temporary(session, &query)? {
        persistence = Persistence::Temporary;
        let text = format!("view \"{}\" will be a temporary view", statement.relation.name);
        session.notice(notice(text));
    }
    let place = creation_place(session, &statement.relation, persistence)?;
    let options = options::relation_options(None, &options, None, Target::View, false)?;
    let existing = session.relation_in(place.namespace, &statement.relation.name)?;
    let view = match existing {
        Some(existing) if statement.or_replace => {
            replace(session, existing, &columns, options)?;
            existing
        }
        _ => make(session, &statement.relation.name, &place, &columns, options)?,
    };
    store_rule(session, view, &query)?;
    Ok(Outcome::Tag("CREATE VIEW".to_owned()))
}

/// WITH CHECK OPTION is only for views that can be written through.
///
/// # Errors
/// `0A000`.
pub(crate) fn check_updatable(session: &Session, query: &Query) -> Result<()> {
    match analyzer::why_not_updatable(session, query)? {
        None => Ok(()),
        Some(why) => Err(err!(
            FEATURE_NOT_SUPPORTED,
            "WITH CHECK OPTION is supported only on automatically updatable views"
        )
        .hint(why)),
    }
}

/// The columns that a query gives.
///
/// # Errors
/// `42701`, `42P16`, `42P22`.
pub(crate) fn columns(session: &Session, query: &Query) -> Result<Vec<Attribute>> {
    let mut columns = Vec::new();
    for target in query.target_list.iter().filter(|t| !t.junk) {
        let type_oid = ir::expr_type(&target.expr);
        let name = target.name.clone().unwrap_or_else(|| "?column?".to_owned());
        let collation = ir::expr_collation(&target.expr);
        let row = session.type_row(type_oid)?;
        if row.typcollation.is_valid() && !collation.is_valid() {
            return Err(err!(
                INDETERMINATE_COLLATION,
                "could not determine which collation to use for view column \"{name}\""
            )
            .hint("Use the COLLATE clause to set the collation explicitly."));
        }
        let typmod = ir::expr_typmod(&target.expr);
        let mut attribute =
            Attribute::result(name, type_oid, typmod, session.type_layout(type_oid)?, collation);
        attribute.storage = row.typstorage as u8;
        columns.push(attribute);
    }
    if columns.is_empty() {
        bail!(INVALID_TABLE_DEFINITION, "view must have at least one column");
    }
    relation::check_columns(session, &columns, b'v')?;
    Ok(columns)
}

/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn uses_temporary(session: &Session, query: &Query) -> Result<bool> {
    for object in of_query(query) {
        if object.class == PgClass::OID
            && let Some(entry) = session.relation(object.object)?
            && entry.class.relpersistence as u8 == b't'
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn make(
    session: &Session,
    name: &str,
    place: &Place,
    columns: &[Attribute],
    options: Option<Vec<String>>,
) -> Result<Oid> {
    let new = NewRelation {
        name,
        namespace: place.namespace,
        kind: b'v',
        persistence: persistence_letter(place.persistence),
        owner: session.user(),
        tablespace: Oid(0),
        columns,
        options,
        toast_options: None,
        of_type: Oid(0),
    };
    let oid = relation::create(session, &new)?;
    name::lock_relation(session, oid, LockMode::AccessExclusive)?;
    Ok(oid)
}

/// OR REPLACE: the old columns stay as they are, new ones come behind them.
fn replace(
    session: &Arc<Session>,
    view: Oid,
    columns: &[Attribute],
    options: Option<Vec<String>>,
) -> Result<()> {
    let entry = session.open_relation(view, LockMode::AccessExclusive)?;
    privilege::require_class_owner(session, &entry.class)?;
    if entry.kind() != b'v' {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a view", entry.name());
    }
    check_compatible(session, &entry, columns)?;
    let old = entry.desc().len();
    for (position, column) in columns.iter().enumerate().skip(old) {
        let number = position as i16 + 1;
        session.insert(&catalog::PgAttribute::new(view, number, column))?;
        relation::record_column(session, view, number, column)?;
    }
    relation::update_class(session, view, |class| {
        class.relnatts = columns.len() as i16;
        class.reloptions = options;
    })?;
    session.invalidate_relation(view);
    session.command_counter_increment()
}

fn check_compatible(session: &Session, entry: &RelationEntry, columns: &[Attribute]) -> Result<()> {
    let old = entry.desc().attributes();
    if columns.len() < old.len() {
        bail!(INVALID_TABLE_DEFINITION, "cannot drop columns from view");
    }
    for (old, new) in old.iter().zip(columns) {
        if old.dropped {
            bail!(INVALID_TABLE_DEFINITION, "cannot drop columns from view");
        }
        if old.name != new.name {
            return Err(err!(
                INVALID_TABLE_DEFINITION,
                "cannot change name of view column \"{}\" to \"{}\"",
                old.name,
                new.name
            )
            .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if (old.type_oid, old.typmod) != (new.type_oid, new.typmod) {
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name,
                session.format_type(old.type_oid, Some(old.typmod))?,
                session.format_type(new.type_oid, Some(new.typmod))?
            );
        }
        if old.collation != new.collation {
            let name = |oid: Oid| -> Result<String> {
                let row = session.row::<catalog::PgCollation>(index::PG_COLLATION_OID, &[oid.into()])?;
                Ok(row.map(|r| r.collname.clone()).unwrap_or_default())
            };
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot change collation of view column \"{}\" from \"{}\" to \"{}\"",
                old.name,
                name(old.collation)?,
                name(new.collation)?
            );
        }
    }
    Ok(())
}

/// The rule ON SELECT DO INSTEAD of a view or materialized view.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn store_rule(session: &Session, view: Oid, query: &Query) -> Result<()> {
    const NAME: &str = "_RETURN";
    let action = ir::text::write_rule(std::slice::from_ref(query));
    let keys = [view.into(), NAME.into()];
    let existing = session.find::<PgRewrite>(index::PG_REWRITE_REL_RULENAME, &keys)?;
    let oid = match existing.into_iter().next() {
        Some((tid, mut row)) => {
            row.ev_action = action;
            session.update(tid, &row)?;
            session.forget_dependencies(ObjectAddress::new::<PgRewrite>(row.oid), None)?;
            row.oid
        }
        None => {
            let oid = session.new_oid::<PgRewrite>(index::PG_REWRITE_OID)?;
            session.insert(&PgRewrite {
                oid,
                rulename: NAME.to_owned(),
                ev_class: view,
                ev_type: b'1' as i8,
                ev_enabled: b'O' as i8,
                is_instead: true,
                ev_qual: "<>".to_owned(),
                ev_action: action,
            })?;
            oid
        }
    };
    let rule = ObjectAddress::new::<PgRewrite>(oid);
    let owner = ObjectAddress::new::<PgClass>(view);
    session.record_dependencies(rule, [owner], DependencyKind::Internal)?;
    session.record_dependencies(rule, of_query(query), DependencyKind::Normal)?;
    relation::update_class(session, view, |class| class.relhasrules = true)?;
    session.invalidate_relation(view);
    session.command_counter_increment()
}
