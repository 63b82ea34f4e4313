//! New catalog rows with the values that most of their kind have: whoever makes an object changes what differs.

use crate::rows::*;
use base::Oid;
use datum::Attribute;

impl PgClass {
    pub fn new(oid: Oid, name: &str, namespace: Oid, kind: u8, owner: Oid) -> PgClass {
        let stores_rows = matches!(kind, b'r' | b'm' | b't');
        PgClass {
            oid,
            relname: name.to_owned(),
            relnamespace: namespace,
            reltype: Oid(0),
            reloftype: Oid(0),
            relowner: owner,
            relam: match kind {
                b'r' | b'm' | b't' => Oid(2),
                b'i' => Oid(403),
                _ => Oid(0),
            },
            relfilenode: Oid(0),
            reltablespace: Oid(0),
            relpages: 0,
            reltuples: if stores_rows || kind == b'p' { -1.0 } else { 0.0 },
            relallvisible: 0,
            relallfrozen: 0,
            reltoastrelid: Oid(0),
            relhasindex: false,
            relisshared: false,
            relpersistence: b'p' as i8,
            relkind: kind as i8,
            relnatts: 0,
            relchecks: 0,
            relhasrules: false,
            relhastriggers: false,
            relhassubclass: false,
            relrowsecurity: false,
            relforcerowsecurity: false,
            relispopulated: true,
            relreplident: if matches!(kind, b'r' | b'm' | b'p') { b'd' } else { b'n' } as i8,
            relispartition: false,
            relrewrite: Oid(0),
            relfrozenxid: if stores_rows { 3 } else { 0 },
            relminmxid: if stores_rows { 1 } else { 0 },
            relacl: None,
            reloptions: None,
            relpartbound: None,
        }
    }
}

impl PgAttribute {
    /// `number` counts from 1.
    pub fn new(relation: Oid, number: i16, attribute: &Attribute) -> PgAttribute {
        let layout = attribute.layout;
        PgAttribute {
            attrelid: relation,
            attname: attribute.name.clone(),
            atttypid: attribute.type_oid,
            attlen: layout.len,
            attnum: number,
            atttypmod: attribute.typmod,
            attndims: attribute.ndims,
            attbyval: layout.by_value,
            attalign: match layout.align {
                1 => b'c',
                2 => b's',
                8 => b'd',
                _ => b'i',
            } as i8,
            attstorage: attribute.storage as i8,
            attcompression: attribute.compression as i8,
            attnotnull: attribute.not_null,
            atthasdef: attribute.has_default,
            atthasmissing: false,
            attidentity: attribute.identity as i8,
            attgenerated: attribute.generated as i8,
            attisdropped: attribute.dropped,
            attislocal: true,
            attinhcount: 0,
            attcollation: attribute.collation,
            attstattarget: None,
            attacl: None,
            attoptions: None,
            attfdwoptions: None,
            attmissingval: None,
        }
    }
}

/// Name, type, length, alignment and whether by value, of each system column, by its number -1, -2, ...
pub const SYSTEM_COLUMNS: [(&str, Oid, i16, u8, bool); 6] = [
    ("ctid", Oid(27), 6, b's', false),
    ("xmin", Oid(28), 4, b'i', true),
    ("cmin", Oid(29), 4, b'i', true),
    ("xmax", Oid(28), 4, b'i', true),
    ("cmax", Oid(29), 4, b'i', true),
    ("tableoid", Oid(26), 4, b'i', true),
];

/// The pg_attribute rows of a table's system columns.
pub fn system_columns(relation: Oid) -> Vec<PgAttribute> {
    SYSTEM_COLUMNS
        .iter()
        .enumerate()
        .map(|(i, (name, type_oid, len, align, by_value))| {
            let layout = datum::TypeLayout::new(*type_oid, *len, *by_value, *align);
            let mut attribute = Attribute::result(*name, *type_oid, -1, layout, Oid(0));
            attribute.not_null = true;
            PgAttribute::new(relation, -(i as i16) - 1, &attribute)
        })
        .collect()
}

impl PgConstraint {
    pub fn new(oid: Oid, name: &str, namespace: Oid, kind: u8) -> PgConstraint {
        PgConstraint {
            oid,
            conname: name.to_owned(),
            connamespace: namespace,
            contype: kind as i8,
            condeferrable: false,
            condeferred: false,
            conenforced: true,
            convalidated: true,
            conrelid: Oid(0),
            contypid: Oid(0),
            conindid: Oid(0),
            conparentid: Oid(0),
            confrelid: Oid(0),
            confupdtype: b' ' as i8,
            confdeltype: b' ' as i8,
            confmatchtype: b' ' as i8,
            conislocal: true,
            coninhcount: 0,
            connoinherit: matches!(kind, b'p' | b'u' | b'f' | b'x'),
            conperiod: false,
            conkey: None,
            confkey: None,
            conpfeqop: None,
            conppeqop: None,
            conffeqop: None,
            confdelsetcols: None,
            conexclop: None,
            conbin: None,
        }
    }
}

impl PgIndex {
    /// An index over `columns` (attribute numbers, 0 for expressions), of which the first `opclasses.len()` are keys.
    pub fn new(
        index: Oid,
        table: Oid,
        columns: Vec<i16>,
        opclasses: Vec<Oid>,
        collations: Vec<Oid>,
    ) -> PgIndex {
        PgIndex {
            indexrelid: index,
            indrelid: table,
            indnatts: columns.len() as i16,
            indnkeyatts: opclasses.len() as i16,
            indisunique: false,
            indnullsnotdistinct: false,
            indisprimary: false,
            indisexclusion: false,
            indimmediate: true,
            indisclustered: false,
            indisvalid: true,
            indcheckxmin: false,
            indisready: true,
            indislive: true,
            indisreplident: false,
            indkey: columns,
            indoption: vec![0; opclasses.len()],
            indcollation: collations,
            indclass: opclasses,
            indexprs: None,
            indpred: None,
        }
    }
}
