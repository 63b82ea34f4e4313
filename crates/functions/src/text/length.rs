//! varchar(n) and bpchar(n), and how long texts are.

use crate::array::modifiers;
use crate::call::Function;
use crate::table::functions;
use crate::wire;
use adt::text;
use base::{Error, Oid, Result, bail};

/// Length of the varlena header, which stored length modifiers include.
const HEADER: i32 = 4;

fn varchar(text: &str, typmod: i32, explicit: bool) -> Result<&str> {
    if typmod < HEADER { Ok(text) } else { text::varchar(text, typmod - HEADER, explicit) }
}

/// A value of `character(n)`, n from the stored type modifier; any length without one.
///
/// # Errors
/// `22001` when something other than blanks is too much, unless `explicit`.
pub fn bpchar(text: &str, typmod: i32, explicit: bool) -> Result<String> {
    if typmod < HEADER { Ok(text.to_owned()) } else { text::bpchar(text, typmod - HEADER, explicit) }
}

fn length_modifier(list: &[u8], type_name: &str) -> Result<i32> {
    match modifiers(list)?[..] {
        [length] => text::length_typmod(length, type_name),
        _ => bail!(INVALID_PARAMETER_VALUE, "invalid type modifier"),
    }
}

fn modifier_text(typmod: i32) -> String {
    if typmod > HEADER { format!("({})", typmod - HEADER) } else { String::new() }
}

fn count(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| Error::internal("text too long"))
}

/// The number of characters of bytes in an encoding.
fn length_in(bytes: &[u8], encoding: &str) -> Result<i32> {
    match adt::encoding::by_name(encoding) {
        None => bail!(INVALID_PARAMETER_VALUE, "invalid encoding name \"{encoding}\""),
        Some(adt::encoding::UTF8) => count(text::length(wire::text(bytes)?)),
        Some(adt::encoding::SQL_ASCII | adt::encoding::LATIN1) => count(bytes.len()),
        Some(_) => Err(Error::unsupported(format!("encoding {encoding}"))),
    }
}

pub const FUNCTIONS: &[Function] = functions! {
    "varcharin" (text: str, _element: Oid, typmod: i32) -> str = varchar(text, typmod, false);
    "varcharrecv" (bytes: [u8], _element: Oid, typmod: i32) -> str = varchar(wire::text(bytes)?, typmod, false);
    "varchar" (text: str, typmod: i32, explicit: bool) -> str = varchar(text, typmod, explicit);
    "varchartypmodin" (list: [u8]) -> i32 = length_modifier(list, "varchar");
    "varchartypmodout" (typmod: i32) -> String = Ok(modifier_text(typmod));
    "bpcharin" (text: str, _element: Oid, typmod: i32) -> String = bpchar(text, typmod, false);
    "bpcharrecv" (bytes: [u8], _element: Oid, typmod: i32) -> String = bpchar(wire::text(bytes)?, typmod, false);
    "bpchar" (text: str, typmod: i32, explicit: bool) -> String = bpchar(text, typmod, explicit);
    "bpchartypmodin" (list: [u8]) -> i32 = length_modifier(list, "char");
    "bpchartypmodout" (typmod: i32) -> String = Ok(modifier_text(typmod));
    "textlen" (text: str) -> i32 = count(text::length(text));
    "bpcharlen" (text: str) -> i32 = count(text::length(text::bpchar_trim(text)));
    "textoctetlen" (text: [u8]) -> i32 = count(text.len());
    "bpcharoctetlen" (text: [u8]) -> i32 = count(text.len());
    "length_in_encoding" (bytes: [u8], encoding: str) -> i32 = length_in(bytes, encoding);
};
