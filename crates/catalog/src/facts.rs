//! The text tables in facts/: which catalogs there are, and the rows they start with. Compiled in, read at bootstrap.

use base::{Error, Oid, Result};

const RELATIONS: &str = include_str!("../facts/relations.tsv");

/// A catalog table.
#[derive(Clone, Debug)]
pub struct Table {
    pub oid: Oid,
    pub name: &'static str,
    /// In every database the same: lies in global/.
    pub shared: bool,
    /// OID of its row type; 0 where it is made at bootstrap.
    pub row_type: Oid,
    pub toast: Option<(Oid, Oid)>,
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: &'static str,
    pub type_oid: Oid,
    pub len: i16,
    pub by_value: bool,
    pub align: u8,
    pub storage: u8,
    pub collation: Oid,
    pub not_null: bool,
    pub ndims: i16,
}

#[derive(Clone, Debug)]
pub struct Index {
    pub oid: Oid,
    pub name: &'static str,
    pub unique: bool,
    pub primary: bool,
    /// Attribute numbers from 1.
    pub columns: Vec<i16>,
    pub opclasses: Vec<Oid>,
    pub collations: Vec<Oid>,
    /// Of its pg_constraint row; 0 if there is none.
    pub constraint: Oid,
}

/// All catalog tables, in the order of their OIDs.
///
/// # Panics
/// When the compiled-in text is not what the tests have checked.
pub fn tables() -> Vec<Table> {
    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().unwrap_or_else(|_| panic!("relations.tsv: {text} is no number"))
    }
    fn list<T: std::str::FromStr>(text: &str) -> Vec<T> {
        text.split(',').filter(|t| !t.is_empty()).map(number).collect()
    }
    let oid = |text: &str| Oid(number(text));
    let mut tables: Vec<Table> = Vec::new();
    for line in RELATIONS.lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<&'static str> = line.split('\t').collect();
        match fields[..] {
            ["table", table_oid, name, shared, row_type, toast, toast_index] => tables.push(Table {
                oid: oid(table_oid),
                name,
                shared: shared == "1",
                row_type: oid(row_type),
                toast: oid(toast).some().map(|t| (t, oid(toast_index))),
                columns: Vec::new(),
                indexes: Vec::new(),
            }),
            ["column", name, type_oid, len, by_value, align, storage, collation, not_null, ndims] => {
                tables.last_mut().expect("a table comes first").columns.push(Column {
                    name,
                    type_oid: oid(type_oid),
                    len: number(len),
                    by_value: by_value == "1",
                    align: align.as_bytes()[0],
                    storage: storage.as_bytes()[0],
                    collation: oid(collation),
                    not_null: not_null == "1",
                    ndims: number(ndims),
                });
            }
            ["index", index_oid, name, unique, primary, columns, opclasses, collations, constraint] => {
                tables.last_mut().expect("a table comes first").indexes.push(Index {
                    oid: oid(index_oid),
                    name,
                    unique: unique == "1",
                    primary: primary == "1",
                    columns: list(columns),
                    opclasses: list::<u32>(opclasses).into_iter().map(Oid).collect(),
                    collations: list::<u32>(collations).into_iter().map(Oid).collect(),
                    constraint: oid(constraint),
                });
            }
            _ => panic!("relations.tsv: {line}"),
        }
    }
    tables
}

macro_rules! initial_rows {
    ($($name:literal)*) => {
        /// The catalogs that start with rows, and these as text in COPY's format.
        pub const INITIAL_ROWS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../facts/", $name, ".tsv")))),*];
    };
}

initial_rows! {
    "pg_type" "pg_proc" "pg_operator" "pg_cast" "pg_opclass" "pg_opfamily" "pg_amop" "pg_amproc" "pg_am"
    "pg_collation" "pg_language" "pg_namespace" "pg_conversion" "pg_ts_config" "pg_ts_dict" "pg_ts_parser"
    "pg_ts_template" "pg_aggregate" "pg_range" "pg_ts_config_map" "pg_authid"
}

/// Splits one line of COPY text into fields, `None` for `\N`.
///
/// # Errors
/// `XX000` for an escape that the facts do not use.
pub fn split_line(line: &str) -> Result<Vec<Option<String>>> {
    line.split('\t')
        .map(|field| {
            if field == "\\N" {
                return Ok(None);
            }
            let mut text = String::with_capacity(field.len());
            let mut chars = field.chars();
            while let Some(c) = chars.next() {
                text.push(match c {
                    '\\' => match chars.next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('\\') => '\\',
                        other => return Err(Error::internal(format!("facts: escape \\{other:?}"))),
                    },
                    c => c,
                });
            }
            Ok(Some(text))
        })
        .collect()
}
