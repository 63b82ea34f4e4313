//! The extension plpgsql, which every new cluster has.

use super::create::C_LANGUAGE;
use crate::comment;
use base::{Oid, Result};
use catalog::{DependencyKind, ObjectAddress, PG_CATALOG, PgExtension, PgLanguage, PgProc, Session, index};

const SUPERUSER: Oid = Oid(10);

/// Makes the rows of the extension, its language and the functions that stand for the language.
///
/// # Errors
/// What writing the catalogs fails with.
pub fn install_plpgsql(session: &Session) -> Result<()> {
    let extension = session.new_oid::<PgExtension>(index::PG_EXTENSION_OID)?;
    session.insert(&PgExtension {
        oid: extension,
        extname: "plpgsql".to_owned(),
        extowner: SUPERUSER,
        extnamespace: PG_CATALOG,
        extrelocatable: false,
        extversion: "1.0".to_owned(),
        extconfig: None,
        extcondition: None,
    })?;
    let language_handler = Oid(2280);
    let void = Oid(2278);
    let handler = function(session, "plpgsql_call_handler", language_handler, &[], false)?;
    let inline = function(session, "plpgsql_inline_handler", void, &[Oid(2281)], true)?;
    let validator = function(session, "plpgsql_validator", void, &[Oid(26)], true)?;
    let language = session.new_oid::<PgLanguage>(index::PG_LANGUAGE_OID)?;
    session.insert(&PgLanguage {
        oid: language,
        lanname: "plpgsql".to_owned(),
        lanowner: SUPERUSER,
        lanispl: true,
        lanpltrusted: true,
        lanplcallfoid: handler,
        laninline: inline,
        lanvalidator: validator,
        lanacl: None,
    })?;
    let of_language = ObjectAddress::new::<PgLanguage>(language);
    let of_extension = ObjectAddress::new::<PgExtension>(extension);
    let functions = [validator, inline, handler].map(ObjectAddress::new::<PgProc>);
    session.record_dependencies(of_language, functions, DependencyKind::Normal)?;
    for member in functions.into_iter().chain([of_language]) {
        session.record_dependencies(member, [of_extension], DependencyKind::Extension)?;
    }
    comment::set(session, of_extension, Some("PL/pgSQL procedural language"))?;
    comment::set(session, of_language, Some("PL/pgSQL procedural language"))?;
    session.command_counter_increment()
}

fn function(session: &Session, name: &str, result: Oid, arguments: &[Oid], strict: bool) -> Result<Oid> {
    let oid = session.new_oid::<PgProc>(index::PG_PROC_OID)?;
    session.insert(&PgProc {
        oid,
        proname: name.to_owned(),
        pronamespace: PG_CATALOG,
        proowner: SUPERUSER,
        prolang: C_LANGUAGE,
        procost: 1.0,
        prorows: 0.0,
        provariadic: Oid(0),
        prosupport: Oid(0),
        prokind: b'f' as i8,
        prosecdef: false,
        proleakproof: false,
        proisstrict: strict,
        proretset: false,
        provolatile: b'v' as i8,
        proparallel: b'u' as i8,
        pronargs: arguments.len() as i16,
        pronargdefaults: 0,
        prorettype: result,
        proargtypes: arguments.to_vec(),
        proallargtypes: None,
        proargmodes: None,
        proargnames: None,
        proargdefaults: None,
        protrftypes: None,
        prosrc: name.to_owned(),
        probin: Some("$libdir/plpgsql".to_owned()),
        prosqlbody: None,
        proconfig: None,
        proacl: None,
    })?;
    Ok(oid)
}
