//! The catalogs' first rows: what initdb makes, through the same heap and B-tree code as any table.
//!
//! Everything that is known beforehand (facts/) is written with the OIDs it has in PostgreSQL; what the catalogs say
//! of themselves (pg_class, pg_attribute, pg_index, pg_constraint) is derived from facts/relations.tsv. Rows are
//! written frozen: there is no older transaction that must not see them. Indexes are built afterwards, sorted.

use crate::access::{self, CatalogAccess, GLOBAL_TABLESPACE, as_datums, is_mapped};
use crate::acl::{self, AclItem, privilege};
use crate::facts::{self, Table};
use crate::field::Field;
use crate::relmap::RelationMap;
use crate::rows::*;
use crate::session::Session;
use crate::template::system_columns;
use base::{Error, Fork, Oid, RelFileLocator, Result, SqlState};
use datum::{OwnedDatum, Row};
use std::collections::HashMap;
use std::sync::Arc;

pub const BOOTSTRAP_SUPERUSER: Oid = Oid(10);
pub const TEMPLATE1: Oid = Oid(1);
pub const TEMPLATE0: Oid = Oid(4);
pub const POSTGRES: Oid = Oid(5);

/// The views of pg_catalog, and information_schema: SQL, run after the catalogs are filled.
pub const SYSTEM_VIEWS: &str = include_str!("../sql/system_views.sql");
/// Who may call what in a new cluster, and the privileges it begins with.
pub const INITIAL_PRIVILEGES: &str = include_str!("../sql/initial_privileges.sql");
pub const INFORMATION_SCHEMA: &str = include_str!("../sql/information_schema.sql");

/// What the person running initdb chooses.
#[derive(Clone, Debug)]
pub struct Choices {
    pub superuser: String,
    /// A SCRAM verifier, or none.
    pub password: Option<String>,
    /// The builtin provider's locale: C or C.UTF-8.
    pub locale: String,
}

/// Fills template1, the database of `session`, and the shared catalogs. The session's transaction is the caller's.
///
/// # Errors
/// What writing fails with.
pub fn run(session: &Session, choices: &Choices) -> Result<()> {
    let instance = session.instance().clone();
    let tables = instance.catalog_tables();
    write_maps(session, &tables)?;
    let mut rows = initial_rows(&tables, choices)?;
    let context = session.context()?;
    for table in tables.iter() {
        let database = if table.shared { Oid::INVALID } else { session.database() };
        let tablespace = if table.shared { GLOBAL_TABLESPACE } else { session.database_tablespace() };
        let access = access::assemble(table.clone(), &mut |oid| {
            Ok(RelFileLocator { tablespace, database, number: oid })
        })?;
        create_files(session, &access)?;
        fill(&context, &access, rows.remove(table.name).unwrap_or_default())?;
    }
    debug_assert!(rows.is_empty(), "rows for {:?}, which is no catalog", rows.keys());
    instance.cache.clear();
    Ok(())
}

fn write_maps(session: &Session, tables: &[Arc<Table>]) -> Result<()> {
    for shared in [true, false] {
        let mut map = RelationMap::new();
        for table in tables.iter().filter(|t| t.shared == shared && is_mapped(t)) {
            let toast = table.toast.iter().flat_map(|(toast, index)| [*toast, *index]);
            for oid in std::iter::once(table.oid).chain(table.indexes.iter().map(|i| i.oid)).chain(toast) {
                map.insert(oid, oid);
            }
        }
        let database = if shared { Oid::INVALID } else { session.database() };
        session.instance().maps.create(database, &map)?;
    }
    Ok(())
}

fn create_files(session: &Session, access: &CatalogAccess) -> Result<()> {
    let toast = access.relation.toast.iter().flat_map(|t| [t.heap.locator, t.index.relation.locator]);
    let indexes = access.indexes.iter().map(|i| i.access.relation.locator);
    for locator in std::iter::once(access.relation.locator).chain(indexes).chain(toast) {
        session.instance().pool.files().create(locator, Fork::Main, false)?;
    }
    if let Some(toast) = &access.relation.toast {
        btree::create_empty(&session.context()?, &toast.index)?;
    }
    Ok(())
}

fn fill(context: &access_api::Context, access: &CatalogAccess, rows: Vec<Row>) -> Result<()> {
    let options = heap::InsertOptions { frozen: true, skip_fsm: true, speculative: None };
    let mut bulk = heap::BulkInsert::default();
    let mut tids = Vec::with_capacity(rows.len());
    for row in &rows {
        tids.push(heap::insert(context, &access.relation, &as_datums(row), &options, Some(&mut bulk))?);
    }
    for index in &access.indexes {
        let options = btree::BuildOptions { memory_bytes: 64 << 20, temp: None };
        let mut builder = btree::Builder::new(context, &index.access, options);
        for (row, tid) in rows.iter().zip(&tids) {
            let key: Vec<_> =
                index.columns.iter().map(|c| row[*c].as_ref().map(OwnedDatum::as_datum)).collect();
            builder.add(&key, *tid)?;
        }
        if builder.finish()?.duplicate.is_some() {
            let name = &index.access.relation.name;
            return Err(Error::internal(format!("initial rows violate unique index \"{name}\"")));
        }
    }
    Ok(())
}

/// All first rows, by catalog.
fn initial_rows(tables: &[Arc<Table>], choices: &Choices) -> Result<HashMap<&'static str, Vec<Row>>> {
    let mut rows: HashMap<&'static str, Vec<Row>> = HashMap::new();
    for (name, text) in facts::INITIAL_ROWS {
        let table = tables
            .iter()
            .find(|t| t.name == *name)
            .ok_or_else(|| Error::internal(format!("facts for {name}, which is no catalog")))?;
        let parsed: Result<Vec<Row>> = text.lines().map(|line| parse_row(table, line)).collect();
        rows.insert(name, parsed?);
    }
    let mut add = |row: &dyn Fn() -> (&'static str, Row)| {
        let (name, row) = row();
        rows.entry(name).or_default().push(row);
    };
    let mut counter = 12000;
    for table in tables {
        describe_table(table, &mut counter, &mut |name, row| add(&|| (name, row.clone())));
    }
    for row in databases(choices) {
        add(&|| (PgDatabase::NAME, row.encode()));
    }
    for (oid, name) in [(1663, "pg_default"), (1664, "pg_global")] {
        let row = PgTablespace {
            oid: Oid(oid),
            spcname: name.to_owned(),
            spcowner: BOOTSTRAP_SUPERUSER,
            spcacl: None,
            spcoptions: None,
        };
        add(&|| (PgTablespace::NAME, row.encode()));
    }
    const PG_MONITOR: Oid = Oid(3373);
    for role in [3374, 3375, 3377] {
        counter += 1;
        let row = PgAuthMembers {
            oid: Oid(counter),
            roleid: Oid(role),
            member: PG_MONITOR,
            grantor: BOOTSTRAP_SUPERUSER,
            admin_option: false,
            inherit_option: true,
            set_option: true,
        };
        add(&|| (PgAuthMembers::NAME, row.encode()));
    }
    name_superuser(&mut rows, choices);
    set_namespace_privileges(&mut rows);
    Ok(rows)
}

/// pg_authid's first row is the superuser's, under the name chosen.
fn name_superuser(rows: &mut HashMap<&'static str, Vec<Row>>, choices: &Choices) {
    for row in rows.get_mut(PgAuthid::NAME).into_iter().flatten() {
        if row[0] == Some(BOOTSTRAP_SUPERUSER.into()) {
            row[1] = Some(choices.superuser.as_str().into());
            row[10] = choices.password.as_deref().map(Into::into);
        }
    }
}

/// Everybody may use pg_catalog and public; only the database's owner may create in public.
fn set_namespace_privileges(rows: &mut HashMap<&'static str, Vec<Row>>) {
    for row in rows.get_mut(PgNamespace::NAME).into_iter().flatten() {
        let (Some(oid), Some(owner)) = (&row[0], &row[2]) else { continue };
        let owner = owner.as_datum().oid();
        let everybody =
            AclItem { grantee: Oid(0), grantor: owner, privileges: privilege::USAGE, grant_options: 0 };
        let all = AclItem { grantee: owner, privileges: privilege::USAGE | privilege::CREATE, ..everybody };
        if matches!(oid.as_datum().oid().0, 11 | 2200) {
            row[3] = acl::encode(&[all, everybody]).encode(Oid(1034));
        }
    }
}

fn databases(choices: &Choices) -> Vec<PgDatabase> {
    let owner = BOOTSTRAP_SUPERUSER;
    let everybody =
        AclItem { grantee: Oid(0), grantor: owner, privileges: privilege::CONNECT, grant_options: 0 };
    let all = AclItem {
        grantee: owner,
        privileges: privilege::CREATE | privilege::CREATE_TEMP | privilege::CONNECT,
        ..everybody
    };
    [
        (TEMPLATE1, "template1", true, true),
        (TEMPLATE0, "template0", true, false),
        (POSTGRES, "postgres", false, true),
    ]
    .into_iter()
    .map(|(oid, name, template, connectable)| PgDatabase {
        oid,
        datname: name.to_owned(),
        datdba: owner,
        encoding: 6,
        datlocprovider: b'b' as i8,
        datistemplate: template,
        datallowconn: connectable,
        dathasloginevt: false,
        datconnlimit: -1,
        datfrozenxid: 3,
        datminmxid: 1,
        dattablespace: access::DEFAULT_TABLESPACE,
        datcollate: choices.locale.clone(),
        datctype: choices.locale.clone(),
        datlocale: Some(choices.locale.clone()),
        daticurules: None,
        datcollversion: (oid != TEMPLATE0).then(|| "1".to_owned()),
        datacl: template.then(|| acl::encode(&[everybody, all])),
    })
    .collect()
}

/// What the catalogs say of one catalog: its own rows, its indexes', its TOAST table's.
fn describe_table(table: &Table, counter: &mut u32, add: &mut dyn FnMut(&'static str, Row)) {
    let desc = access::describe(table);
    let mapped = is_mapped(table);
    let class = |oid: Oid, name: &str, namespace: u32, kind: u8, columns: usize| {
        let mut row = PgClass::new(oid, name, Oid(namespace), kind, BOOTSTRAP_SUPERUSER);
        row.relfilenode = if mapped { Oid(0) } else { oid };
        row.reltablespace = if table.shared { GLOBAL_TABLESPACE } else { Oid(0) };
        row.relisshared = table.shared;
        row.relnatts = columns as i16;
        row.relreplident = b'n' as i8;
        row
    };
    let mut own = class(table.oid, table.name, 11, b'r', desc.len());
    own.reltype = table.row_type;
    own.relhasindex = !table.indexes.is_empty();
    own.reltoastrelid = table.toast.map_or(Oid(0), |(toast, _)| toast);
    own.relacl = Some(table_privileges(table));
    add(PgClass::NAME, own.encode());
    describe_columns(table.oid, &desc, add);
    system_columns(table.oid).iter().for_each(|row| add(PgAttribute::NAME, row.encode()));
    for index in &table.indexes {
        add(PgClass::NAME, class(index.oid, index.name, 11, b'i', index.columns.len()).encode());
        let locator = RelFileLocator::default();
        let mut index_desc = (*access::describe_index(table, index, locator).relation.desc).clone();
        index_desc = datum::TupleDesc::new(
            index_desc
                .attributes()
                .iter()
                .cloned()
                .map(|a| datum::Attribute { not_null: false, ..a })
                .collect(),
        );
        describe_columns(index.oid, &index_desc, add);
        let mut row = PgIndex::new(
            index.oid,
            table.oid,
            index.columns.clone(),
            index.opclasses.clone(),
            index.collations.clone(),
        );
        row.indisunique = index.unique;
        row.indisprimary = index.primary;
        row.indisreplident = false;
        add(PgIndex::NAME, row.encode());
        if index.unique {
            *counter += 1;
            let kind = if index.primary { b'p' } else { b'u' };
            let oid = index.constraint.some().unwrap_or(Oid(*counter));
            let mut constraint = PgConstraint::new(oid, index.name, Oid(11), kind);
            constraint.conrelid = table.oid;
            constraint.conindid = index.oid;
            constraint.conkey = Some(index.columns.clone());
            if index.constraint.is_valid() {
                add(PgConstraint::NAME, constraint.encode());
            }
        }
    }
    if let Some((toast, toast_index)) = table.toast {
        let desc = access::toast_desc();
        let mut row = class(toast, &format!("pg_toast_{}", table.oid), 99, b't', desc.len());
        row.relhasindex = true;
        add(PgClass::NAME, row.encode());
        describe_columns(toast, &desc, add);
        system_columns(toast).iter().for_each(|row| add(PgAttribute::NAME, row.encode()));
        let name = format!("pg_toast_{}_index", table.oid);
        add(PgClass::NAME, class(toast_index, &name, 99, b'i', 2).encode());
        let key = datum::TupleDesc::new(desc.attributes()[..2].to_vec());
        describe_columns(toast_index, &key, add);
        let mut row =
            PgIndex::new(toast_index, toast, vec![1, 2], vec![Oid(1981), Oid(1978)], vec![Oid(0); 2]);
        row.indisunique = true;
        row.indisprimary = true;
        add(PgIndex::NAME, row.encode());
    }
}

/// Everybody may read most catalogs; those with secrets only their owner.
fn table_privileges(table: &Table) -> crate::field::Payload {
    let owner = BOOTSTRAP_SUPERUSER;
    let all = AclItem { grantee: owner, grantor: owner, privileges: privilege::ALL_TABLE, grant_options: 0 };
    let read = AclItem { grantee: Oid(0), privileges: privilege::SELECT, ..all };
    let secret = matches!(
        table.name,
        "pg_authid"
            | "pg_statistic"
            | "pg_statistic_ext_data"
            | "pg_user_mapping"
            | "pg_largeobject"
            | "pg_subscription"
    );
    if secret { acl::encode(&[all]) } else { acl::encode(&[all, read]) }
}

fn describe_columns(relation: Oid, desc: &datum::TupleDesc, add: &mut dyn FnMut(&'static str, Row)) {
    for (i, attribute) in desc.attributes().iter().enumerate() {
        add(PgAttribute::NAME, PgAttribute::new(relation, i as i16 + 1, attribute).encode());
    }
}

fn parse_row(table: &Table, line: &str) -> Result<Row> {
    let fields = facts::split_line(line)?;
    if fields.len() != table.columns.len() {
        return Err(Error::internal(format!("facts for {}: {} fields in {line}", table.name, fields.len())));
    }
    fields
        .into_iter()
        .zip(&table.columns)
        .map(|(field, column)| field.map(|text| parse_value(&text, column.type_oid)).transpose())
        .collect()
}

fn parse_value(text: &str, type_oid: Oid) -> Result<OwnedDatum> {
    fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
        text.parse().map_err(|_| Error::new(SqlState::INTERNAL_ERROR, format!("facts: {text} is no number")))
    }
    fn all<T>(items: Vec<String>, parse: fn(&str) -> Result<T>) -> Result<Vec<T>> {
        items.iter().map(|item| parse(item)).collect()
    }
    let spaced = || text.split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let encoded = match type_oid.0 {
        16 => return Ok(OwnedDatum::Bool(text == "t")),
        18 => return Ok(OwnedDatum::Char(text.bytes().next().unwrap_or(0) as i8)),
        20 => return Ok(OwnedDatum::Int8(number(text)?)),
        21 => return Ok(OwnedDatum::Int2(number(text)?)),
        23 => return Ok(OwnedDatum::Int4(number(text)?)),
        24 | 26 | 28 => return Ok(Oid(number(text)?).into()),
        700 => return Ok(OwnedDatum::Float4(number(text)?)),
        19 | 25 | 194 => return Ok(text.into()),
        22 => all(spaced(), number::<i16>)?.encode(type_oid),
        30 => all(spaced(), |t| Ok(Oid(number(t)?)))?.encode(type_oid),
        1005 => all(braced(text), number::<i16>)?.encode(type_oid),
        1028 => all(braced(text), |t| Ok(Oid(number(t)?)))?.encode(type_oid),
        1002 => all(braced(text), |t| Ok(t.bytes().next().unwrap_or(0) as i8))?.encode(type_oid),
        1009 => braced(text).encode(type_oid),
        other => return Err(Error::internal(format!("facts: no values of type {other} expected"))),
    };
    encoded.ok_or_else(|| Error::internal("facts: an array is never null"))
}

/// The elements of a one-dimensional array's text.
fn braced(text: &str) -> Vec<String> {
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let mut items = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.peek().is_some() {
        let mut item = String::new();
        let quoted = chars.next_if_eq(&'"').is_some();
        while let Some(c) = chars.next() {
            match c {
                '\\' => item.extend(chars.next()),
                '"' if quoted => {
                    chars.next_if_eq(&',');
                    break;
                }
                ',' if !quoted => break,
                c => item.push(c),
            }
        }
        items.push(item);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_fit_the_row_structs() {
        let tables = facts::tables();
        assert_eq!(tables.len(), ALL_CATALOGS.len());
        for (table, (name, oid, columns)) in tables.iter().zip(ALL_CATALOGS) {
            assert_eq!((table.name, table.oid), (*name, *oid));
            let stated: Vec<_> = table.columns.iter().map(|c| (c.name, c.type_oid)).collect();
            assert_eq!(stated, *columns);
        }
        let indexes: Vec<_> =
            tables.iter().flat_map(|t| t.indexes.iter().map(|i| (i.oid, i.name, t.oid))).collect();
        assert_eq!(indexes, crate::index::ALL);
    }

    #[test]
    fn initial_rows_decode() {
        let tables: Vec<_> = facts::tables().into_iter().map(Arc::new).collect();
        let choices = Choices { superuser: "me".into(), password: None, locale: "C.UTF-8".into() };
        let rows = initial_rows(&tables, &choices).unwrap();
        assert_eq!(rows["pg_proc"].len(), 3397);
        for row in &rows["pg_proc"] {
            PgProc::decode(&as_datums(row)).unwrap();
        }
        for row in &rows["pg_class"] {
            PgClass::decode(&as_datums(row)).unwrap();
        }
        let me = PgAuthid::decode(&as_datums(&rows["pg_authid"][0])).unwrap();
        assert_eq!((me.oid, me.rolname.as_str()), (BOOTSTRAP_SUPERUSER, "me"));
    }

    #[test]
    fn braces() {
        assert_eq!(braced("{a,\"b c\",d}"), ["a", "b c", "d"]);
        assert_eq!(braced("{}"), [""; 0]);
    }
}
