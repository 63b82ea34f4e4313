//! OIDs of built-in types and objects that analysis treats specially.

use base::Oid;

macro_rules! oids {
    ($($name:ident = $oid:literal;)*) => { $(pub(crate) const $name: Oid = Oid($oid);)* };
}

oids! {
    BOOL = 16;
    NAME = 19;
    INT8 = 20;
    INT2VECTOR = 22;
    INT4 = 23;
    TEXT = 25;
    OIDVECTOR = 30;
    FLOAT4 = 700;
    FLOAT8 = 701;
    UNKNOWN = 705;
    VARCHAR = 1043;
    DATE = 1082;
    TIME = 1083;
    TIMESTAMP = 1114;
    TIMESTAMPTZ = 1184;
    INTERVAL = 1186;
    TIMETZ = 1266;
    BIT = 1560;
    NUMERIC = 1700;
    RECORD = 2249;
    RECORD_ARRAY = 2287;
    CSTRING = 2275;
    ANY = 2276;
    ANYARRAY = 2277;
    VOID = 2278;
    INTERNAL = 2281;
    ANYELEMENT = 2283;
    ANYNONARRAY = 2776;
    ANYENUM = 3500;
    JSONB = 3802;
    ANYRANGE = 3831;
    ANYMULTIRANGE = 4537;
    ANYCOMPATIBLE_MULTIRANGE = 4538;
    ANYCOMPATIBLE = 5077;
    ANYCOMPATIBLE_ARRAY = 5078;
    ANYCOMPATIBLE_NONARRAY = 5079;
    ANYCOMPATIBLE_RANGE = 5080;
    DEFAULT_COLLATION = 100;
    PG_CATALOG = 11;
    BTREE = 403;
    HASH = 405;
}

/// anyelement, anyarray and their kin: the family whose members must agree exactly.
pub(crate) fn is_any_family(oid: Oid) -> bool {
    matches!(oid, ANYELEMENT | ANYARRAY | ANYNONARRAY | ANYENUM | ANYRANGE | ANYMULTIRANGE)
}

/// anycompatible and its kin: the family that finds a common type.
pub(crate) fn is_compatible_family(oid: Oid) -> bool {
    matches!(
        oid,
        ANYCOMPATIBLE
            | ANYCOMPATIBLE_ARRAY
            | ANYCOMPATIBLE_NONARRAY
            | ANYCOMPATIBLE_RANGE
            | ANYCOMPATIBLE_MULTIRANGE
    )
}

pub(crate) fn is_polymorphic(oid: Oid) -> bool {
    is_any_family(oid) || is_compatible_family(oid)
}

/// PostgreSQL's ACL bits.
pub(crate) mod acl {
    pub(crate) const INSERT: u64 = 1;
    pub(crate) const SELECT: u64 = 1 << 1;
    pub(crate) const UPDATE: u64 = 1 << 2;
    pub(crate) const DELETE: u64 = 1 << 3;
}
