//! A sequence's parameters: the options of CREATE and ALTER SEQUENCE, and their checks.

use crate::options;
use base::{Oid, Result, bail};
use catalog::PgSequence;
use syntax::{ObjectName, OptionItem, OptionValue, TypeName};

/// What the options come to.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub row: PgSequence,
    /// The value to go on from, and whether it was handed out: new sequences, RESTART, changed bounds.
    pub position: Option<(i64, bool)>,
    /// `None` in it: OWNED BY NONE.
    pub owned_by: Option<ObjectName>,
    /// The tuple's log count starts over.
    pub reset_log: bool,
}

fn bounds(type_oid: Oid) -> (i64, i64) {
    match type_oid.0 {
        21 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        23 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

fn type_name(type_oid: Oid) -> &'static str {
    match type_oid.0 {
        21 => "smallint",
        23 => "integer",
        _ => "bigint",
    }
}

struct Given<'a> {
    items: Vec<(&'static str, &'a OptionItem)>,
}

impl<'a> Given<'a> {
    fn collect(items: &'a [OptionItem]) -> Result<Given<'a>> {
        const NAMES: [&str; 9] =
            ["as", "increment", "start", "restart", "maxvalue", "minvalue", "cache", "cycle", "owned_by"];
        let mut given: Vec<(&'static str, &OptionItem)> = Vec::new();
        for item in items {
            let Some(name) = NAMES.into_iter().find(|name| *name == item.name) else {
                match item.name.as_str() {
                    // What pg_dump writes for identity columns is taken care of before.
                    "sequence_name" | "logged" | "unlogged" => continue,
                    other => bail!(SYNTAX_ERROR, "option \"{other}\" not recognized"),
                }
            };
            if given.iter().any(|(known, _)| *known == name) {
                return Err(options::conflicting(item));
            }
            given.push((name, item));
        }
        Ok(Given { items: given })
    }

    fn get(&self, name: &str) -> Option<&'a OptionItem> {
        self.items.iter().find(|(known, _)| *known == name).map(|(_, item)| *item)
    }

    fn number(&self, name: &str) -> Result<Option<i64>> {
        match self.get(name) {
            Some(item) if item.value.is_some() => options::int64(item).map(Some),
            _ => Ok(None),
        }
    }
}

impl Parameters {
    /// Reads the options. `old` is the sequence as it is, with its last value; `resolve` finds the type of AS.
    ///
    /// # Errors
    /// `22023` for values that do not go together, `42601` for options twice.
    pub(crate) fn parse(
        items: &[OptionItem],
        old: Option<(&PgSequence, i64)>,
        for_identity: bool,
        resolve: &dyn Fn(&TypeName) -> Result<Oid>,
    ) -> Result<Parameters> {
        let given = Given::collect(items)?;
        let fresh = PgSequence {
            seqrelid: Oid(0),
            seqtypid: Oid(20),
            seqstart: 0,
            seqincrement: 1,
            seqmax: 0,
            seqmin: 0,
            seqcache: 1,
            seqcycle: false,
        };
        let mut row = old.map_or(fresh, |(row, _)| row.clone());
        let is_init = old.is_none();
        let (mut reset_max, mut reset_min) = (false, false);
        if let Some(item) = given.get("as")
            && let Some(OptionValue::Type(name)) = &item.value
        {
            let new_type = resolve(name)?;
            if !matches!(new_type.0, 20 | 21 | 23) {
                if for_identity {
                    bail!(
                        INVALID_PARAMETER_VALUE,
                        "identity column type must be smallint, integer, or bigint"
                    );
                }
                bail!(INVALID_PARAMETER_VALUE, "sequence type must be smallint, integer, or bigint");
            }
            if !is_init {
                // A bound that was the old type's goes to the new type's.
                let (low, high) = bounds(row.seqtypid);
                reset_max =
                    row.seqincrement > 0 && row.seqmax == high || row.seqincrement < 0 && row.seqmax == -1;
                reset_min =
                    row.seqincrement < 0 && row.seqmin == low || row.seqincrement > 0 && row.seqmin == 1;
            }
            row.seqtypid = new_type;
        }
        if let Some(increment) = given.number("increment")? {
            if increment == 0 {
                bail!(INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
            }
            row.seqincrement = increment;
        }
        if let Some(item) = given.get("cycle") {
            row.seqcycle = options::boolean(item)?;
        }
        set_bounds(&mut row, &given, is_init, reset_max, reset_min)?;
        let mut position = None;
        match given.number("start")? {
            Some(start) => row.seqstart = start,
            None if is_init => row.seqstart = if row.seqincrement > 0 { row.seqmin } else { row.seqmax },
            None => {}
        }
        check_inside(row.seqstart, &row, "START")?;
        if is_init {
            position = Some((row.seqstart, false));
        }
        if let Some(item) = given.get("restart") {
            let value = if item.value.is_some() { options::int64(item)? } else { row.seqstart };
            position = Some((value, false));
        }
        let current = position.map(|p| p.0).or(old.map(|(_, last)| last));
        if let Some(current) = current {
            check_inside(current, &row, "RESTART")?;
        }
        if let Some(cache) = given.number("cache")? {
            if cache <= 0 {
                bail!(INVALID_PARAMETER_VALUE, "CACHE ({cache}) must be greater than zero");
            }
            row.seqcache = cache;
        }
        let reset_log = is_init
            || ["as", "increment", "maxvalue", "minvalue", "cycle", "restart", "cache"]
                .iter()
                .any(|name| given.get(name).is_some());
        let owned_by = match given.get("owned_by").and_then(|item| item.value.as_ref()) {
            Some(OptionValue::Name(name)) => Some(name.clone()),
            _ => None,
        };
        Ok(Parameters { row, position, owned_by, reset_log })
    }
}

fn set_bounds(
    row: &mut PgSequence,
    given: &Given<'_>,
    is_init: bool,
    reset_max: bool,
    reset_min: bool,
) -> Result<()> {
    let (low, high) = bounds(row.seqtypid);
    let name = type_name(row.seqtypid);
    let unsized_option = |name: &str| given.get(name).is_some_and(|item| item.value.is_none());
    match given.number("maxvalue")? {
        Some(max) => row.seqmax = max,
        None if is_init || unsized_option("maxvalue") || reset_max => {
            row.seqmax = if row.seqincrement > 0 || reset_max && row.seqmax != -1 { high } else { -1 };
        }
        None => {}
    }
    if !(low..=high).contains(&row.seqmax) {
        bail!(
            INVALID_PARAMETER_VALUE,
            "MAXVALUE ({}) is out of range for sequence data type {name}",
            row.seqmax
        );
    }
    match given.number("minvalue")? {
        Some(min) => row.seqmin = min,
        None if is_init || unsized_option("minvalue") || reset_min => {
            row.seqmin = if row.seqincrement < 0 || reset_min && row.seqmin != 1 { low } else { 1 };
        }
        None => {}
    }
    if !(low..=high).contains(&row.seqmin) {
        bail!(
            INVALID_PARAMETER_VALUE,
            "MINVALUE ({}) is out of range for sequence data type {name}",
            row.seqmin
        );
    }
    if row.seqmin >= row.seqmax {
        bail!(
            INVALID_PARAMETER_VALUE,
            "MINVALUE ({}) must be less than MAXVALUE ({})",
            row.seqmin,
            row.seqmax
        );
    }
    Ok(())
}

fn check_inside(value: i64, row: &PgSequence, word: &str) -> Result<()> {
    if value < row.seqmin {
        bail!(
            INVALID_PARAMETER_VALUE,
            "{word} value ({value}) cannot be less than MINVALUE ({})",
            row.seqmin
        );
    }
    if value > row.seqmax {
        bail!(
            INVALID_PARAMETER_VALUE,
            "{word} value ({value}) cannot be greater than MAXVALUE ({})",
            row.seqmax
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(items: &[(&str, Option<i32>)]) -> Result<Parameters> {
        let items: Vec<OptionItem> = items
            .iter()
            .map(|(name, value)| OptionItem {
                namespace: None,
                name: (*name).to_owned(),
                value: value.map(OptionValue::Integer),
                action: Default::default(),
                location: 0,
            })
            .collect();
        Parameters::parse(&items, None, false, &|_| Ok(Oid(23)))
    }

    #[test]
    fn defaults_and_refusals() {
        let plain = parse(&[]).unwrap();
        assert_eq!((plain.row.seqstart, plain.row.seqmin, plain.row.seqmax), (1, 1, i64::MAX));
        assert_eq!(plain.position, Some((1, false)));
        let down = parse(&[("increment", Some(-1))]).unwrap();
        assert_eq!((down.row.seqstart, down.row.seqmin, down.row.seqmax), (-1, i64::MIN, -1));
        let message = |items: &[(&str, Option<i32>)]| parse(items).unwrap_err().message().to_owned();
        assert_eq!(message(&[("increment", Some(0))]), "INCREMENT must not be zero");
        assert_eq!(
            message(&[("start", Some(-10)), ("minvalue", Some(1))]),
            "START value (-10) cannot be less than MINVALUE (1)"
        );
        assert_eq!(message(&[("cache", Some(0))]), "CACHE (0) must be greater than zero");
        assert_eq!(message(&[("start", Some(1)), ("start", Some(2))]), "conflicting or redundant options");
    }
}
