//! Names, visibility, descriptions.

use crate::call::{Call, Function};
use crate::table::functions;
use crate::variadic::variadic;
use base::{Oid, Result, bail};
use catalog::*;
use datum::{Datum, OwnedDatum};
use syntax::quote_identifier;

/// NULL for an object that does not exist, else whether its name alone finds it.
fn visible<T: CatalogRow>(
    session: &Session,
    index: Oid,
    oid: Oid,
    test: impl FnOnce(&T) -> Result<bool>,
) -> Result<Option<bool>> {
    session.row::<T>(index, &[oid.into()])?.map(|row| test(&row)).transpose()
}

/// Whether the object's schema is the first on the path that has an object of this kind and name.
fn first(session: &Session, namespace: Oid, others: impl Iterator<Item = Oid>) -> Result<bool> {
    let path = session.search_path()?;
    let holders: Vec<Oid> = others.collect();
    // Only relations and types are found in the temporary schema without its name.
    let temporary = session.temporary_namespace();
    let searched = path.iter().filter(|n| Some(**n) != temporary);
    Ok(searched.into_iter().find(|n| holders.contains(n)) == Some(&namespace))
}

macro_rules! by_name {
    ($call:expr, $oid:expr, $row:ty, $index:ident, $name:ident, $namespace:ident) => {
        visible::<$row>($call.session, index::$index, $oid, |row| {
            let all = $call.session.scan_all::<$row>()?;
            let same = all.iter().filter(|other| other.$name == row.$name).map(|other| other.$namespace);
            first($call.session, row.$namespace, same)
        })
    };
}

/// The comment on an object, if there is one.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn description(session: &Session, class: Oid, object: Oid, sub: i32) -> Result<Option<String>> {
    let keys = [object.into(), class.into(), Datum::Int4(sub)];
    let row = session.row::<PgDescription>(index::PG_DESCRIPTION_O_C_O, &keys)?;
    Ok(row.map(|row| row.description.clone()))
}

fn user_by_id(call: &Call<'_>, oid: Oid) -> Result<String> {
    Ok(match call.session.role(oid)? {
        Some(role) => role.rolname.clone(),
        None => format!("unknown (OID={oid})"),
    })
}

fn typeof_argument(
    call: &Call<'_>,
    _: Option<&[crate::variadic::Argument<'_>]>,
) -> Result<Option<OwnedDatum>> {
    Ok(Some(call.argument_type(0).into()))
}

fn collation_for(call: &Call<'_>, _: Option<&[crate::variadic::Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let type_oid = call.argument_type(0);
    if !call.session.type_collation(type_oid)?.is_valid() && type_oid.0 != 705 {
        bail!(
            DATATYPE_MISMATCH,
            "collations are not supported by type {}",
            call.session.format_type(type_oid, None)?
        );
    }
    let Some(row) = call.session.row::<PgCollation>(index::PG_COLLATION_OID, &[call.collation.into()])?
    else {
        return Ok(None);
    };
    let name = quote_identifier(&row.collname).into_owned();
    let visible = call.session.collation_by_name(None, &row.collname)? == Some(row.oid);
    Ok(Some(OwnedDatum::from(match visible {
        true => name,
        false => {
            let schema = call.session.namespace_name(row.collnamespace)?;
            format!("{}.{name}", quote_identifier(&schema))
        }
    })))
}

/// Bytes that a value takes where it is stored.
fn column_size(
    call: &Call<'_>,
    arguments: Option<&[crate::variadic::Argument<'_>]>,
) -> Result<Option<OwnedDatum>> {
    let Some([(type_oid, Some(value)), ..]) = arguments else { return Ok(None) };
    let layout = call.session.type_layout(*type_oid)?;
    Ok(Some(OwnedDatum::Int4(match (layout.len, value) {
        (1.., _) => i32::from(layout.len),
        // Short values have a header of one byte.
        (-1, Datum::Bytes(bytes)) if bytes.len() < 127 => bytes.len() as i32 + 1,
        (-1, Datum::Bytes(bytes)) => bytes.len() as i32 + 4,
        (_, Datum::Bytes(bytes)) => bytes.len() as i32 + 1,
        _ => 0,
    })))
}

/// Stored values come here plain: how they were stored is not known any more.
fn unknown_storage(_: &Call<'_>, _: Option<&[crate::variadic::Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    Ok(None)
}

pub const VARIADIC: &[Function] = variadic! {
    "pg_typeof" 1 typeof_argument;
    "pg_collation_for" 1 collation_for;
};

pub const ANY: &[Function] = &[
    Function {
        source: "pg_column_size",
        arity: 1,
        strict: true,
        kernel: |call, args, rows, out| crate::variadic::evaluate(call, args, rows, out, column_size),
    },
    Function {
        source: "pg_column_compression",
        arity: 1,
        strict: true,
        kernel: |call, args, rows, out| crate::variadic::evaluate(call, args, rows, out, unknown_storage),
    },
    Function {
        source: "pg_column_toast_chunk_id",
        arity: 1,
        strict: true,
        kernel: |call, args, rows, out| crate::variadic::evaluate(call, args, rows, out, unknown_storage),
    },
];

/// The sequence that a column owns or is an identity by.
fn serial_sequence(call: &Call<'_>, table: &str, column: &str) -> Result<Option<String>> {
    let session = call.session;
    let relation = call.relation_named(table)?;
    let keys = [relation.into(), column.into()];
    let Some(attribute) = session.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNAM, &keys)? else {
        let name = session.row::<PgClass>(index::PG_CLASS_OID, &[relation.into()])?;
        let name = name.map_or_else(String::new, |row| row.relname.clone());
        bail!(UNDEFINED_COLUMN, "column \"{column}\" of relation \"{name}\" does not exist");
    };
    let keys = [PgClass::OID.into(), relation.into(), Datum::Int4(attribute.attnum.into())];
    for dependency in session.rows::<PgDepend>(index::PG_DEPEND_REFERENCE, &keys)?.iter() {
        if dependency.classid != PgClass::OID || !matches!(dependency.deptype as u8, b'a' | b'i') {
            continue;
        }
        let owned = session.row::<PgClass>(index::PG_CLASS_OID, &[dependency.objid.into()])?;
        if let Some(sequence) = owned.filter(|row| row.relkind as u8 == b'S') {
            let schema = session.namespace_name(sequence.relnamespace)?;
            return Ok(Some(format!(
                "{}.{}",
                quote_identifier(&schema),
                quote_identifier(&sequence.relname)
            )));
        }
    }
    Ok(None)
}

fn base_type(call: &Call<'_>, oid: Oid) -> Result<Option<Oid>> {
    match call.session.row::<PgType>(index::PG_TYPE_OID, &[oid.into()])? {
        Some(_) => Ok(Some(call.session.base_type(oid)?.0)),
        None => Ok(None),
    }
}

fn describe(call: &Call<'_>, class: Oid, object: Oid, sub: i32) -> Result<Option<String>> {
    if !class.is_valid() && !object.is_valid() {
        return Ok(None);
    }
    call.session.describe_object(ObjectAddress { class, object, sub }).map(Some)
}

pub const FUNCTIONS: &[Function] = functions! {
    "format_type" [call] (oid: Option<Oid>, typmod: Option<i32>) -> Option<String> = match oid {
        Some(oid) => call.session.format_type(oid, typmod).map(Some),
        None => Ok(None),
    };
    "pg_get_userbyid" [call] (oid: Oid) -> String = user_by_id(call, oid);
    "pg_table_is_visible" [call] (oid: Oid) -> Option<bool> =
        visible::<PgClass>(call.session, index::PG_CLASS_OID, oid, |_| call.session.is_visible_relation(oid));
    "pg_type_is_visible" [call] (oid: Oid) -> Option<bool> =
        visible::<PgType>(call.session, index::PG_TYPE_OID, oid, |_| call.session.is_visible_type(oid));
    "pg_function_is_visible" [call] (oid: Oid) -> Option<bool> =
        visible::<PgProc>(call.session, index::PG_PROC_OID, oid, |_| call.session.is_visible_function(oid));
    "pg_operator_is_visible" [call] (oid: Oid) -> Option<bool> =
        visible::<PgOperator>(call.session, index::PG_OPERATOR_OID, oid, |_| call.session.is_visible_operator(oid));
    "pg_opclass_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgOpclass, PG_OPCLASS_OID, opcname, opcnamespace);
    "pg_opfamily_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgOpfamily, PG_OPFAMILY_OID, opfname, opfnamespace);
    "pg_collation_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgCollation, PG_COLLATION_OID, collname, collnamespace);
    "pg_conversion_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgConversion, PG_CONVERSION_OID, conname, connamespace);
    "pg_statistics_obj_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgStatisticExt, PG_STATISTIC_EXT_OID, stxname, stxnamespace);
    "pg_ts_config_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgTsConfig, PG_TS_CONFIG_OID, cfgname, cfgnamespace);
    "pg_ts_dict_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgTsDict, PG_TS_DICT_OID, dictname, dictnamespace);
    "pg_ts_parser_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgTsParser, PG_TS_PARSER_OID, prsname, prsnamespace);
    "pg_ts_template_is_visible" [call] (oid: Oid) -> Option<bool> =
        by_name!(call, oid, PgTsTemplate, PG_TS_TEMPLATE_OID, tmplname, tmplnamespace);
    "pg_get_serial_sequence" [call] (table: str, column: str) -> Option<String> = serial_sequence(call, table, column);
    "pg_basetype" [call] (oid: Oid) -> Option<Oid> = base_type(call, oid);
    "pg_describe_object" [call] (class: Oid, object: Oid, sub: i32) -> Option<String> =
        describe(call, class, object, sub);
    "pg_is_other_temp_schema" [call] (oid: Oid) -> bool = {
        let name = call.session.namespace_name(oid)?;
        let temporary = name.starts_with("pg_temp_") || name.starts_with("pg_toast_temp_");
        Ok(temporary && call.session.temporary_namespace() != Some(oid))
    };
    "pg_my_temp_schema" [call] () -> Oid = Ok(call.session.temporary_namespace().unwrap_or(Oid::INVALID));
    "pg_relation_is_publishable" [call] (oid: Oid) -> Option<bool> =
        visible::<PgClass>(call.session, index::PG_CLASS_OID, oid, |row| {
            const FIRST_USER_OID: u32 = 16384;
            Ok(matches!(row.relkind as u8, b'r' | b'p') && row.relpersistence as u8 == b'p' && oid.0 >= FIRST_USER_OID)
        });
    "pg_get_replica_identity_index" [call] (oid: Oid) -> Option<Oid> = {
        let indexes = call.session.rows::<PgIndex>(index::PG_INDEX_INDRELID, &[oid.into()])?;
        let class = call.session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?;
        let by_default = class.is_some_and(|row| row.relreplident as u8 == b'd');
        Ok(indexes.iter().find(|i| i.indisreplident || (by_default && i.indisprimary)).map(|i| i.indexrelid))
    };
    "row_security_active" [call] (oid: Oid) -> bool = row_security(call, oid);
    "row_security_active_name" [call] (name: str) -> bool = row_security(call, call.relation_named(name)?);
};

/// Whether policies hold for the current user: not for superusers, owners unless forced, and BYPASSRLS roles.
fn row_security(call: &Call<'_>, oid: Oid) -> Result<bool> {
    let session = call.session;
    let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else { return Ok(false) };
    let user = session.user();
    let bypasses = session.role(user)?.is_some_and(|role| role.rolsuper || role.rolbypassrls);
    if !class.relrowsecurity || bypasses {
        return Ok(false);
    }
    Ok(class.relforcerowsecurity || !session.has_role(user, class.relowner)?)
}
