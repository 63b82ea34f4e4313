//! One struct for each catalog's rows, its columns in order, with their type's OID. Facts as in facts/relations.tsv;
//! a test holds the two against each other.

use super::field::{Field, Payload};
use base::{Oid, Result};
use datum::{Datum, Row};

/// The rows of one catalog, typed.
pub trait CatalogRow: Clone + Send + Sync + 'static {
    const OID: Oid;
    const NAME: &'static str;
    /// Column names with their types.
    const COLUMNS: &'static [(&'static str, Oid)];
    /// # Errors
    /// `XX001` when a value cannot be one of its column.
    fn decode(values: &[Option<Datum<'_>>]) -> Result<Self>;
    fn encode(&self) -> Row;
}

macro_rules! catalog_rows {
    ($($name:ident $relation:literal $oid:literal { $($field:ident: $type:ty = $type_oid:literal,)* })*) => {
        $(
            #[derive(Clone, Debug, PartialEq)]
            pub struct $name { $(pub $field: $type,)* }

            impl CatalogRow for $name {
                const OID: Oid = Oid($oid);
                const NAME: &'static str = $relation;
                const COLUMNS: &'static [(&'static str, Oid)] = &[$((stringify!($field), Oid($type_oid))),*];
                fn decode(values: &[Option<Datum<'_>>]) -> Result<Self> {
                    let mut values = values.iter().copied();
                    Ok($name { $($field: Field::decode(values.next().flatten())?,)* })
                }
                fn encode(&self) -> Row {
                    vec![$(self.$field.encode(Oid($type_oid))),*]
                }
            }
        )*
        /// Name, OID and columns of every catalog that has a row struct.
        pub const ALL_CATALOGS: &[(&str, Oid, &[(&str, Oid)])] = &[$(($relation, Oid($oid), $name::COLUMNS)),*];
    };
}

catalog_rows! {
    PgDefaultAcl "pg_default_acl" 826 {
        oid: Oid = 26,
        defaclrole: Oid = 26,
        defaclnamespace: Oid = 26,
        defaclobjtype: i8 = 18,
        defaclacl: Payload = 1034,
    }
    PgTablespace "pg_tablespace" 1213 {
        oid: Oid = 26,
        spcname: String = 19,
        spcowner: Oid = 26,
        spcacl: Option<Payload> = 1034,
        spcoptions: Option<Vec<String>> = 1009,
    }
    PgShdepend "pg_shdepend" 1214 {
        dbid: Oid = 26,
        classid: Oid = 26,
        objid: Oid = 26,
        objsubid: i32 = 23,
        refclassid: Oid = 26,
        refobjid: Oid = 26,
        deptype: i8 = 18,
    }
    PgType "pg_type" 1247 {
        oid: Oid = 26,
        typname: String = 19,
        typnamespace: Oid = 26,
        typowner: Oid = 26,
        typlen: i16 = 21,
        typbyval: bool = 16,
        typtype: i8 = 18,
        typcategory: i8 = 18,
        typispreferred: bool = 16,
        typisdefined: bool = 16,
        typdelim: i8 = 18,
        typrelid: Oid = 26,
        typsubscript: Oid = 24,
        typelem: Oid = 26,
        typarray: Oid = 26,
        typinput: Oid = 24,
        typoutput: Oid = 24,
        typreceive: Oid = 24,
        typsend: Oid = 24,
        typmodin: Oid = 24,
        typmodout: Oid = 24,
        typanalyze: Oid = 24,
        typalign: i8 = 18,
        typstorage: i8 = 18,
        typnotnull: bool = 16,
        typbasetype: Oid = 26,
        typtypmod: i32 = 23,
        typndims: i32 = 23,
        typcollation: Oid = 26,
        typdefaultbin: Option<String> = 194,
        typdefault: Option<String> = 25,
        typacl: Option<Payload> = 1034,
    }
    PgAttribute "pg_attribute" 1249 {
        attrelid: Oid = 26,
        attname: String = 19,
        atttypid: Oid = 26,
        attlen: i16 = 21,
        attnum: i16 = 21,
        atttypmod: i32 = 23,
        attndims: i16 = 21,
        attbyval: bool = 16,
        attalign: i8 = 18,
        attstorage: i8 = 18,
        attcompression: i8 = 18,
        attnotnull: bool = 16,
        atthasdef: bool = 16,
        atthasmissing: bool = 16,
        attidentity: i8 = 18,
        attgenerated: i8 = 18,
        attisdropped: bool = 16,
        attislocal: bool = 16,
        attinhcount: i16 = 21,
        attcollation: Oid = 26,
        attstattarget: Option<i16> = 21,
        attacl: Option<Payload> = 1034,
        attoptions: Option<Vec<String>> = 1009,
        attfdwoptions: Option<Vec<String>> = 1009,
        attmissingval: Option<Payload> = 2277,
    }
    PgProc "pg_proc" 1255 {
        oid: Oid = 26,
        proname: String = 19,
        pronamespace: Oid = 26,
        proowner: Oid = 26,
        prolang: Oid = 26,
        procost: f32 = 700,
        prorows: f32 = 700,
        provariadic: Oid = 26,
        prosupport: Oid = 24,
        prokind: i8 = 18,
        prosecdef: bool = 16,
        proleakproof: bool = 16,
        proisstrict: bool = 16,
        proretset: bool = 16,
        provolatile: i8 = 18,
        proparallel: i8 = 18,
        pronargs: i16 = 21,
        pronargdefaults: i16 = 21,
        prorettype: Oid = 26,
        proargtypes: Vec<Oid> = 30,
        proallargtypes: Option<Vec<Oid>> = 1028,
        proargmodes: Option<Vec<i8>> = 1002,
        proargnames: Option<Vec<String>> = 1009,
        proargdefaults: Option<String> = 194,
        protrftypes: Option<Vec<Oid>> = 1028,
        prosrc: String = 25,
        probin: Option<String> = 25,
        prosqlbody: Option<String> = 194,
        proconfig: Option<Vec<String>> = 1009,
        proacl: Option<Payload> = 1034,
    }
    PgClass "pg_class" 1259 {
        oid: Oid = 26,
        relname: String = 19,
        relnamespace: Oid = 26,
        reltype: Oid = 26,
        reloftype: Oid = 26,
        relowner: Oid = 26,
        relam: Oid = 26,
        relfilenode: Oid = 26,
        reltablespace: Oid = 26,
        relpages: i32 = 23,
        reltuples: f32 = 700,
        relallvisible: i32 = 23,
        relallfrozen: i32 = 23,
        reltoastrelid: Oid = 26,
        relhasindex: bool = 16,
        relisshared: bool = 16,
        relpersistence: i8 = 18,
        relkind: i8 = 18,
        relnatts: i16 = 21,
        relchecks: i16 = 21,
        relhasrules: bool = 16,
        relhastriggers: bool = 16,
        relhassubclass: bool = 16,
        relrowsecurity: bool = 16,
        relforcerowsecurity: bool = 16,
        relispopulated: bool = 16,
        relreplident: i8 = 18,
        relispartition: bool = 16,
        relrewrite: Oid = 26,
        relfrozenxid: u32 = 28,
        relminmxid: u32 = 28,
        relacl: Option<Payload> = 1034,
        reloptions: Option<Vec<String>> = 1009,
        relpartbound: Option<String> = 194,
    }
    PgAuthid "pg_authid" 1260 {
        oid: Oid = 26,
        rolname: String = 19,
        rolsuper: bool = 16,
        rolinherit: bool = 16,
        rolcreaterole: bool = 16,
        rolcreatedb: bool = 16,
        rolcanlogin: bool = 16,
        rolreplication: bool = 16,
        rolbypassrls: bool = 16,
        rolconnlimit: i32 = 23,
        rolpassword: Option<String> = 25,
        rolvaliduntil: Option<i64> = 1184,
    }
    PgAuthMembers "pg_auth_members" 1261 {
        oid: Oid = 26,
        roleid: Oid = 26,
        member: Oid = 26,
        grantor: Oid = 26,
        admin_option: bool = 16,
        inherit_option: bool = 16,
        set_option: bool = 16,
    }
    PgDatabase "pg_database" 1262 {
        oid: Oid = 26,
        datname: String = 19,
        datdba: Oid = 26,
        encoding: i32 = 23,
        datlocprovider: i8 = 18,
        datistemplate: bool = 16,
        datallowconn: bool = 16,
        dathasloginevt: bool = 16,
        datconnlimit: i32 = 23,
        datfrozenxid: u32 = 28,
        datminmxid: u32 = 28,
        dattablespace: Oid = 26,
        datcollate: String = 25,
        datctype: String = 25,
        datlocale: Option<String> = 25,
        daticurules: Option<String> = 25,
        datcollversion: Option<String> = 25,
        datacl: Option<Payload> = 1034,
    }
    PgForeignServer "pg_foreign_server" 1417 {
        oid: Oid = 26,
        srvname: String = 19,
        srvowner: Oid = 26,
        srvfdw: Oid = 26,
        srvtype: Option<String> = 25,
        srvversion: Option<String> = 25,
        srvacl: Option<Payload> = 1034,
        srvoptions: Option<Vec<String>> = 1009,
    }
    PgUserMapping "pg_user_mapping" 1418 {
        oid: Oid = 26,
        umuser: Oid = 26,
        umserver: Oid = 26,
        umoptions: Option<Vec<String>> = 1009,
    }
    PgSequence "pg_sequence" 2224 {
        seqrelid: Oid = 26,
        seqtypid: Oid = 26,
        seqstart: i64 = 20,
        seqincrement: i64 = 20,
        seqmax: i64 = 20,
        seqmin: i64 = 20,
        seqcache: i64 = 20,
        seqcycle: bool = 16,
    }
    PgForeignDataWrapper "pg_foreign_data_wrapper" 2328 {
        oid: Oid = 26,
        fdwname: String = 19,
        fdwowner: Oid = 26,
        fdwhandler: Oid = 26,
        fdwvalidator: Oid = 26,
        fdwacl: Option<Payload> = 1034,
        fdwoptions: Option<Vec<String>> = 1009,
    }
    PgShdescription "pg_shdescription" 2396 {
        objoid: Oid = 26,
        classoid: Oid = 26,
        description: String = 25,
    }
    PgAggregate "pg_aggregate" 2600 {
        aggfnoid: Oid = 24,
        aggkind: i8 = 18,
        aggnumdirectargs: i16 = 21,
        aggtransfn: Oid = 24,
        aggfinalfn: Oid = 24,
        aggcombinefn: Oid = 24,
        aggserialfn: Oid = 24,
        aggdeserialfn: Oid = 24,
        aggmtransfn: Oid = 24,
        aggminvtransfn: Oid = 24,
        aggmfinalfn: Oid = 24,
        aggfinalextra: bool = 16,
        aggmfinalextra: bool = 16,
        aggfinalmodify: i8 = 18,
        aggmfinalmodify: i8 = 18,
        aggsortop: Oid = 26,
        aggtranstype: Oid = 26,
        aggtransspace: i32 = 23,
        aggmtranstype: Oid = 26,
        aggmtransspace: i32 = 23,
        agginitval: Option<String> = 25,
        aggminitval: Option<String> = 25,
    }
    PgAm "pg_am" 2601 {
        oid: Oid = 26,
        amname: String = 19,
        amhandler: Oid = 24,
        amtype: i8 = 18,
    }
    PgAmop "pg_amop" 2602 {
        oid: Oid = 26,
        amopfamily: Oid = 26,
        amoplefttype: Oid = 26,
        amoprighttype: Oid = 26,
        amopstrategy: i16 = 21,
        amoppurpose: i8 = 18,
        amopopr: Oid = 26,
        amopmethod: Oid = 26,
        amopsortfamily: Oid = 26,
    }
    PgAmproc "pg_amproc" 2603 {
        oid: Oid = 26,
        amprocfamily: Oid = 26,
        amproclefttype: Oid = 26,
        amprocrighttype: Oid = 26,
        amprocnum: i16 = 21,
        amproc: Oid = 24,
    }
    PgAttrdef "pg_attrdef" 2604 {
        oid: Oid = 26,
        adrelid: Oid = 26,
        adnum: i16 = 21,
        adbin: String = 194,
    }
    PgCast "pg_cast" 2605 {
        oid: Oid = 26,
        castsource: Oid = 26,
        casttarget: Oid = 26,
        castfunc: Oid = 26,
        castcontext: i8 = 18,
        castmethod: i8 = 18,
    }
    PgConstraint "pg_constraint" 2606 {
        oid: Oid = 26,
        conname: String = 19,
        connamespace: Oid = 26,
        contype: i8 = 18,
        condeferrable: bool = 16,
        condeferred: bool = 16,
        conenforced: bool = 16,
        convalidated: bool = 16,
        conrelid: Oid = 26,
        contypid: Oid = 26,
        conindid: Oid = 26,
        conparentid: Oid = 26,
        confrelid: Oid = 26,
        confupdtype: i8 = 18,
        confdeltype: i8 = 18,
        confmatchtype: i8 = 18,
        conislocal: bool = 16,
        coninhcount: i16 = 21,
        connoinherit: bool = 16,
        conperiod: bool = 16,
        conkey: Option<Vec<i16>> = 1005,
        confkey: Option<Vec<i16>> = 1005,
        conpfeqop: Option<Vec<Oid>> = 1028,
        conppeqop: Option<Vec<Oid>> = 1028,
        conffeqop: Option<Vec<Oid>> = 1028,
        confdelsetcols: Option<Vec<i16>> = 1005,
        conexclop: Option<Vec<Oid>> = 1028,
        conbin: Option<String> = 194,
    }
    PgConversion "pg_conversion" 2607 {
        oid: Oid = 26,
        conname: String = 19,
        connamespace: Oid = 26,
        conowner: Oid = 26,
        conforencoding: i32 = 23,
        contoencoding: i32 = 23,
        conproc: Oid = 24,
        condefault: bool = 16,
    }
    PgDepend "pg_depend" 2608 {
        classid: Oid = 26,
        objid: Oid = 26,
        objsubid: i32 = 23,
        refclassid: Oid = 26,
        refobjid: Oid = 26,
        refobjsubid: i32 = 23,
        deptype: i8 = 18,
    }
    PgDescription "pg_description" 2609 {
        objoid: Oid = 26,
        classoid: Oid = 26,
        objsubid: i32 = 23,
        description: String = 25,
    }
    PgIndex "pg_index" 2610 {
        indexrelid: Oid = 26,
        indrelid: Oid = 26,
        indnatts: i16 = 21,
        indnkeyatts: i16 = 21,
        indisunique: bool = 16,
        indnullsnotdistinct: bool = 16,
        indisprimary: bool = 16,
        indisexclusion: bool = 16,
        indimmediate: bool = 16,
        indisclustered: bool = 16,
        indisvalid: bool = 16,
        indcheckxmin: bool = 16,
        indisready: bool = 16,
        indislive: bool = 16,
        indisreplident: bool = 16,
        indkey: Vec<i16> = 22,
        indcollation: Vec<Oid> = 30,
        indclass: Vec<Oid> = 30,
        indoption: Vec<i16> = 22,
        indexprs: Option<String> = 194,
        indpred: Option<String> = 194,
    }
    PgInherits "pg_inherits" 2611 {
        inhrelid: Oid = 26,
        inhparent: Oid = 26,
        inhseqno: i32 = 23,
        inhdetachpending: bool = 16,
    }
    PgLanguage "pg_language" 2612 {
        oid: Oid = 26,
        lanname: String = 19,
        lanowner: Oid = 26,
        lanispl: bool = 16,
        lanpltrusted: bool = 16,
        lanplcallfoid: Oid = 26,
        laninline: Oid = 26,
        lanvalidator: Oid = 26,
        lanacl: Option<Payload> = 1034,
    }
    PgLargeobject "pg_largeobject" 2613 {
        loid: Oid = 26,
        pageno: i32 = 23,
        data: Payload = 17,
    }
    PgNamespace "pg_namespace" 2615 {
        oid: Oid = 26,
        nspname: String = 19,
        nspowner: Oid = 26,
        nspacl: Option<Payload> = 1034,
    }
    PgOpclass "pg_opclass" 2616 {
        oid: Oid = 26,
        opcmethod: Oid = 26,
        opcname: String = 19,
        opcnamespace: Oid = 26,
        opcowner: Oid = 26,
        opcfamily: Oid = 26,
        opcintype: Oid = 26,
        opcdefault: bool = 16,
        opckeytype: Oid = 26,
    }
    PgOperator "pg_operator" 2617 {
        oid: Oid = 26,
        oprname: String = 19,
        oprnamespace: Oid = 26,
        oprowner: Oid = 26,
        oprkind: i8 = 18,
        oprcanmerge: bool = 16,
        oprcanhash: bool = 16,
        oprleft: Oid = 26,
        oprright: Oid = 26,
        oprresult: Oid = 26,
        oprcom: Oid = 26,
        oprnegate: Oid = 26,
        oprcode: Oid = 24,
        oprrest: Oid = 24,
        oprjoin: Oid = 24,
    }
    PgRewrite "pg_rewrite" 2618 {
        oid: Oid = 26,
        rulename: String = 19,
        ev_class: Oid = 26,
        ev_type: i8 = 18,
        ev_enabled: i8 = 18,
        is_instead: bool = 16,
        ev_qual: String = 194,
        ev_action: String = 194,
    }
    PgStatistic "pg_statistic" 2619 {
        starelid: Oid = 26,
        staattnum: i16 = 21,
        stainherit: bool = 16,
        stanullfrac: f32 = 700,
        stawidth: i32 = 23,
        stadistinct: f32 = 700,
        stakind1: i16 = 21,
        stakind2: i16 = 21,
        stakind3: i16 = 21,
        stakind4: i16 = 21,
        stakind5: i16 = 21,
        staop1: Oid = 26,
        staop2: Oid = 26,
        staop3: Oid = 26,
        staop4: Oid = 26,
        staop5: Oid = 26,
        stacoll1: Oid = 26,
        stacoll2: Oid = 26,
        stacoll3: Oid = 26,
        stacoll4: Oid = 26,
        stacoll5: Oid = 26,
        stanumbers1: Option<Vec<f32>> = 1021,
        stanumbers2: Option<Vec<f32>> = 1021,
        stanumbers3: Option<Vec<f32>> = 1021,
        stanumbers4: Option<Vec<f32>> = 1021,
        stanumbers5: Option<Vec<f32>> = 1021,
        stavalues1: Option<Payload> = 2277,
        stavalues2: Option<Payload> = 2277,
        stavalues3: Option<Payload> = 2277,
        stavalues4: Option<Payload> = 2277,
        stavalues5: Option<Payload> = 2277,
    }
    PgTrigger "pg_trigger" 2620 {
        oid: Oid = 26,
        tgrelid: Oid = 26,
        tgparentid: Oid = 26,
        tgname: String = 19,
        tgfoid: Oid = 26,
        tgtype: i16 = 21,
        tgenabled: i8 = 18,
        tgisinternal: bool = 16,
        tgconstrrelid: Oid = 26,
        tgconstrindid: Oid = 26,
        tgconstraint: Oid = 26,
        tgdeferrable: bool = 16,
        tginitdeferred: bool = 16,
        tgnargs: i16 = 21,
        tgattr: Vec<i16> = 22,
        tgargs: Payload = 17,
        tgqual: Option<String> = 194,
        tgoldtable: Option<String> = 19,
        tgnewtable: Option<String> = 19,
    }
    PgOpfamily "pg_opfamily" 2753 {
        oid: Oid = 26,
        opfmethod: Oid = 26,
        opfname: String = 19,
        opfnamespace: Oid = 26,
        opfowner: Oid = 26,
    }
    PgDbRoleSetting "pg_db_role_setting" 2964 {
        setdatabase: Oid = 26,
        setrole: Oid = 26,
        setconfig: Option<Vec<String>> = 1009,
    }
    PgLargeobjectMetadata "pg_largeobject_metadata" 2995 {
        oid: Oid = 26,
        lomowner: Oid = 26,
        lomacl: Option<Payload> = 1034,
    }
    PgExtension "pg_extension" 3079 {
        oid: Oid = 26,
        extname: String = 19,
        extowner: Oid = 26,
        extnamespace: Oid = 26,
        extrelocatable: bool = 16,
        extversion: String = 25,
        extconfig: Option<Vec<Oid>> = 1028,
        extcondition: Option<Vec<String>> = 1009,
    }
    PgForeignTable "pg_foreign_table" 3118 {
        ftrelid: Oid = 26,
        ftserver: Oid = 26,
        ftoptions: Option<Vec<String>> = 1009,
    }
    PgPolicy "pg_policy" 3256 {
        oid: Oid = 26,
        polname: String = 19,
        polrelid: Oid = 26,
        polcmd: i8 = 18,
        polpermissive: bool = 16,
        polroles: Vec<Oid> = 1028,
        polqual: Option<String> = 194,
        polwithcheck: Option<String> = 194,
    }
    PgPartitionedTable "pg_partitioned_table" 3350 {
        partrelid: Oid = 26,
        partstrat: i8 = 18,
        partnatts: i16 = 21,
        partdefid: Oid = 26,
        partattrs: Vec<i16> = 22,
        partclass: Vec<Oid> = 30,
        partcollation: Vec<Oid> = 30,
        partexprs: Option<String> = 194,
    }
    PgStatisticExt "pg_statistic_ext" 3381 {
        oid: Oid = 26,
        stxrelid: Oid = 26,
        stxname: String = 19,
        stxnamespace: Oid = 26,
        stxowner: Oid = 26,
        stxkeys: Vec<i16> = 22,
        stxstattarget: Option<i16> = 21,
        stxkind: Vec<i8> = 1002,
        stxexprs: Option<String> = 194,
    }
    PgInitPrivs "pg_init_privs" 3394 {
        objoid: Oid = 26,
        classoid: Oid = 26,
        objsubid: i32 = 23,
        privtype: i8 = 18,
        initprivs: Payload = 1034,
    }
    PgStatisticExtData "pg_statistic_ext_data" 3429 {
        stxoid: Oid = 26,
        stxdinherit: bool = 16,
        stxdndistinct: Option<Payload> = 3361,
        stxddependencies: Option<Payload> = 3402,
        stxdmcv: Option<Payload> = 5017,
        stxdexpr: Option<Payload> = 10028,
    }
    PgCollation "pg_collation" 3456 {
        oid: Oid = 26,
        collname: String = 19,
        collnamespace: Oid = 26,
        collowner: Oid = 26,
        collprovider: i8 = 18,
        collisdeterministic: bool = 16,
        collencoding: i32 = 23,
        collcollate: Option<String> = 25,
        collctype: Option<String> = 25,
        colllocale: Option<String> = 25,
        collicurules: Option<String> = 25,
        collversion: Option<String> = 25,
    }
    PgEventTrigger "pg_event_trigger" 3466 {
        oid: Oid = 26,
        evtname: String = 19,
        evtevent: String = 19,
        evtowner: Oid = 26,
        evtfoid: Oid = 26,
        evtenabled: i8 = 18,
        evttags: Option<Vec<String>> = 1009,
    }
    PgEnum "pg_enum" 3501 {
        oid: Oid = 26,
        enumtypid: Oid = 26,
        enumsortorder: f32 = 700,
        enumlabel: String = 19,
    }
    PgRange "pg_range" 3541 {
        rngtypid: Oid = 26,
        rngsubtype: Oid = 26,
        rngmultitypid: Oid = 26,
        rngcollation: Oid = 26,
        rngsubopc: Oid = 26,
        rngcanonical: Oid = 24,
        rngsubdiff: Oid = 24,
    }
    PgTransform "pg_transform" 3576 {
        oid: Oid = 26,
        trftype: Oid = 26,
        trflang: Oid = 26,
        trffromsql: Oid = 24,
        trftosql: Oid = 24,
    }
    PgShseclabel "pg_shseclabel" 3592 {
        objoid: Oid = 26,
        classoid: Oid = 26,
        provider: String = 25,
        label: String = 25,
    }
    PgSeclabel "pg_seclabel" 3596 {
        objoid: Oid = 26,
        classoid: Oid = 26,
        objsubid: i32 = 23,
        provider: String = 25,
        label: String = 25,
    }
    PgTsDict "pg_ts_dict" 3600 {
        oid: Oid = 26,
        dictname: String = 19,
        dictnamespace: Oid = 26,
        dictowner: Oid = 26,
        dicttemplate: Oid = 26,
        dictinitoption: Option<String> = 25,
    }
    PgTsParser "pg_ts_parser" 3601 {
        oid: Oid = 26,
        prsname: String = 19,
        prsnamespace: Oid = 26,
        prsstart: Oid = 24,
        prstoken: Oid = 24,
        prsend: Oid = 24,
        prsheadline: Oid = 24,
        prslextype: Oid = 24,
    }
    PgTsConfig "pg_ts_config" 3602 {
        oid: Oid = 26,
        cfgname: String = 19,
        cfgnamespace: Oid = 26,
        cfgowner: Oid = 26,
        cfgparser: Oid = 26,
    }
    PgTsConfigMap "pg_ts_config_map" 3603 {
        mapcfg: Oid = 26,
        maptokentype: i32 = 23,
        mapseqno: i32 = 23,
        mapdict: Oid = 26,
    }
    PgTsTemplate "pg_ts_template" 3764 {
        oid: Oid = 26,
        tmplname: String = 19,
        tmplnamespace: Oid = 26,
        tmplinit: Oid = 24,
        tmpllexize: Oid = 24,
    }
    PgReplicationOrigin "pg_replication_origin" 6000 {
        roident: Oid = 26,
        roname: String = 25,
    }
    PgSubscription "pg_subscription" 6100 {
        oid: Oid = 26,
        subdbid: Oid = 26,
        subskiplsn: i64 = 3220,
        subname: String = 19,
        subowner: Oid = 26,
        subenabled: bool = 16,
        subbinary: bool = 16,
        substream: i8 = 18,
        subtwophasestate: i8 = 18,
        subdisableonerr: bool = 16,
        subpasswordrequired: bool = 16,
        subrunasowner: bool = 16,
        subfailover: bool = 16,
        subconninfo: String = 25,
        subslotname: Option<String> = 19,
        subsynccommit: String = 25,
        subpublications: Vec<String> = 1009,
        suborigin: Option<String> = 25,
    }
    PgSubscriptionRel "pg_subscription_rel" 6102 {
        srsubid: Oid = 26,
        srrelid: Oid = 26,
        srsubstate: i8 = 18,
        srsublsn: Option<i64> = 3220,
    }
    PgPublication "pg_publication" 6104 {
        oid: Oid = 26,
        pubname: String = 19,
        pubowner: Oid = 26,
        puballtables: bool = 16,
        pubinsert: bool = 16,
        pubupdate: bool = 16,
        pubdelete: bool = 16,
        pubtruncate: bool = 16,
        pubviaroot: bool = 16,
        pubgencols: i8 = 18,
    }
    PgPublicationRel "pg_publication_rel" 6106 {
        oid: Oid = 26,
        prpubid: Oid = 26,
        prrelid: Oid = 26,
        prqual: Option<String> = 194,
        prattrs: Option<Vec<i16>> = 22,
    }
    PgPublicationNamespace "pg_publication_namespace" 6237 {
        oid: Oid = 26,
        pnpubid: Oid = 26,
        pnnspid: Oid = 26,
    }
    PgParameterAcl "pg_parameter_acl" 6243 {
        oid: Oid = 26,
        parname: String = 25,
        paracl: Option<Payload> = 1034,
    }
}
