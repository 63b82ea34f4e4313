//! Type names as SQL writes them: format_type().

use crate::index;
use crate::rows::PgType;
use crate::session::Session;
use base::{Oid, Result};
use syntax::quote_identifier;

const VARLENA_HEADER: i32 = 4;

impl Session {
    /// The SQL name of a type. `typmod`: `None` leaves it out; `Some(-1)` too, except that `character` without a length
    /// is then spelled `bpchar`, because `character` alone would mean a length of 1.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn format_type(&self, oid: Oid, typmod: Option<i32>) -> Result<String> {
        if !oid.is_valid() {
            return Ok("-".to_owned());
        }
        let Some(row) = self.row::<PgType>(index::PG_TYPE_OID, &[oid.into()])? else {
            return Ok("???".to_owned());
        };
        if let Some(element) = self.element_type(oid)?
            && row.typstorage as u8 != b'p'
        {
            return Ok(self.format_type(element, typmod)? + "[]");
        }
        let given = typmod.filter(|t| *t >= 0);
        if let Some(name) = builtin(oid, typmod, given) {
            return Ok(name);
        }
        let mut name = quote_identifier(&row.typname).into_owned();
        if !self.is_visible_type(oid)? {
            let schema = self.namespace_name(row.typnamespace)?;
            name = format!("{}.{name}", quote_identifier(&schema));
        }
        if let Some(typmod) = given {
            name.push_str(&format!("({typmod})"));
        }
        Ok(name)
    }
}

/// The names that SQL itself has for types.
fn builtin(oid: Oid, typmod: Option<i32>, given: Option<i32>) -> Option<String> {
    let with = |name: &str, number: Option<i32>| match number {
        Some(n) => format!("{name}({n})"),
        None => name.to_owned(),
    };
    let length = given.map(|t| t - VARLENA_HEADER);
    Some(match oid.0 {
        16 => "boolean".to_owned(),
        // Without quotes these would be the SQL type and the key word.
        18 => "\"char\"".to_owned(),
        2276 => "\"any\"".to_owned(),
        20 => "bigint".to_owned(),
        21 => "smallint".to_owned(),
        23 => "integer".to_owned(),
        700 => "real".to_owned(),
        701 => "double precision".to_owned(),
        1042 => match (length, typmod) {
            (Some(n), _) => format!("character({n})"),
            (None, Some(_)) => return None,
            (None, None) => "character".to_owned(),
        },
        1043 => with("character varying", length),
        1560 => match (given, typmod) {
            (Some(n), _) => format!("bit({n})"),
            (None, Some(_)) => "\"bit\"".to_owned(),
            (None, None) => "bit".to_owned(),
        },
        1562 => with("bit varying", given),
        1700 => match length {
            // The scale has eleven bits with sign.
            Some(n) => format!("numeric({},{})", (n >> 16) & 0xffff, ((n & 0x7ff) ^ 1024) - 1024),
            None => "numeric".to_owned(),
        },
        1083 => with("time", given) + " without time zone",
        1266 => with("time", given) + " with time zone",
        1114 => with("timestamp", given) + " without time zone",
        1184 => with("timestamp", given) + " with time zone",
        1186 => match given {
            Some(t) => format!("interval{}", interval_suffix(t)),
            None => "interval".to_owned(),
        },
        _ => return None,
    })
}

/// Fields and precision of an interval's typmod: fields in the high half as bits, precision in the low half.
fn interval_suffix(typmod: i32) -> String {
    const YEAR: i32 = 1 << 2;
    const MONTH: i32 = 1 << 1;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    let fields = (typmod >> 16) & 0x7fff;
    let precision = typmod & 0xffff;
    let names = [
        (YEAR, " year"),
        (MONTH, " month"),
        (DAY, " day"),
        (HOUR, " hour"),
        (MINUTE, " minute"),
        (SECOND, " second"),
        (YEAR | MONTH, " year to month"),
        (DAY | HOUR, " day to hour"),
        (DAY | HOUR | MINUTE, " day to minute"),
        (DAY | HOUR | MINUTE | SECOND, " day to second"),
        (HOUR | MINUTE, " hour to minute"),
        (HOUR | MINUTE | SECOND, " hour to second"),
        (MINUTE | SECOND, " minute to second"),
    ];
    let mut text = names.iter().find(|(bits, _)| *bits == fields).map_or("", |(_, name)| name).to_owned();
    if precision != 0xffff {
        text.push_str(&format!("({precision})"));
    }
    text
}
