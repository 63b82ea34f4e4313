//! Values of options, and the storage parameters of relations and indexes (pg_class.reloptions).

use base::{Error, Result, bail, err};
use syntax::{OptionItem, OptionValue, TypeName};

/// The words of a type name that stands for a plain word in an option list.
pub(crate) fn type_word(name: &TypeName) -> String {
    match &name.names[..] {
        [schema, last] if schema == "pg_catalog" => last.clone(),
        parts => parts.join("."),
    }
}

/// An option's value as text.
///
/// # Errors
/// `42601` if it has none.
pub(crate) fn text(item: &OptionItem) -> Result<String> {
    match &item.value {
        None => bail!(SYNTAX_ERROR, "{} requires a parameter", item.name),
        Some(value) => Ok(value_text(value)),
    }
}

fn value_text(value: &OptionValue) -> String {
    match value {
        OptionValue::Integer(number) => number.to_string(),
        OptionValue::Numeric(text) | OptionValue::String(text) => text.clone(),
        OptionValue::Bool(flag) => flag.to_string(),
        OptionValue::Type(name) => type_word(name),
        OptionValue::Name(name) => name.parts.join("."),
        OptionValue::Operator(operator) => operator.name.clone(),
        OptionValue::Star => "*".to_owned(),
        OptionValue::List(values) => values.iter().map(value_text).collect::<Vec<_>>().join(", "),
        OptionValue::Roles(_) => String::new(),
    }
}

/// A boolean option; without a value it is true.
///
/// # Errors
/// `42601` for anything else.
pub(crate) fn boolean(item: &OptionItem) -> Result<bool> {
    match &item.value {
        None => Ok(true),
        Some(OptionValue::Bool(flag)) => Ok(*flag),
        Some(OptionValue::Integer(0)) => Ok(false),
        Some(OptionValue::Integer(1)) => Ok(true),
        Some(value) => match value_text(value).to_ascii_lowercase().as_str() {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => bail!(SYNTAX_ERROR, "{} requires a Boolean value", item.name),
        },
    }
}

/// An integer option.
///
/// # Errors
/// `42601` for anything else.
pub(crate) fn int64(item: &OptionItem) -> Result<i64> {
    match &item.value {
        Some(OptionValue::Integer(number)) => Ok(i64::from(*number)),
        Some(OptionValue::Numeric(text)) => adt_int8(text),
        Some(_) => bail!(SYNTAX_ERROR, "{} requires a numeric value", item.name),
        None => bail!(SYNTAX_ERROR, "{} requires a numeric value", item.name),
    }
}

fn adt_int8(text: &str) -> Result<i64> {
    let out_of_range =
        || err!(NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type bigint");
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    if plain.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| out_of_range());
    }
    bail!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bigint: \"{text}\"")
}

/// The second of two options of one name.
pub(crate) fn conflicting(item: &OptionItem) -> Error {
    err!(SYNTAX_ERROR, "conflicting or redundant options").at(item.location)
}

/// What a storage parameter's value has to be.
#[derive(Clone, Copy)]
enum Shape {
    Bool,
    Integer(i64, i64),
    Real(f64, f64),
    Words(&'static [&'static str]),
}

struct Parameter {
    name: &'static str,
    shape: Shape,
}

/// The kinds of relations, as far as their storage parameters differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Table,
    Toast,
    View,
    Btree,
    Partitioned,
}

use Shape::{Bool, Integer, Real, Words};

const INT_MAX: i64 = i32::MAX as i64;

const fn p(name: &'static str, shape: Shape) -> Parameter {
    Parameter { name, shape }
}

const VACUUM: &[Parameter] = &[
    p("autovacuum_enabled", Bool),
    p("autovacuum_vacuum_threshold", Integer(0, INT_MAX)),
    p("autovacuum_vacuum_max_threshold", Integer(-1, INT_MAX)),
    p("autovacuum_vacuum_insert_threshold", Integer(-1, INT_MAX)),
    p("autovacuum_vacuum_cost_limit", Integer(1, 10000)),
    p("autovacuum_vacuum_cost_delay", Real(0.0, 100.0)),
    p("autovacuum_freeze_min_age", Integer(0, 1_000_000_000)),
    p("autovacuum_freeze_max_age", Integer(100_000, 2_000_000_000)),
    p("autovacuum_freeze_table_age", Integer(0, 2_000_000_000)),
    p("autovacuum_multixact_freeze_min_age", Integer(0, 1_000_000_000)),
    p("autovacuum_multixact_freeze_max_age", Integer(10_000, 2_000_000_000)),
    p("autovacuum_multixact_freeze_table_age", Integer(0, 2_000_000_000)),
    p("autovacuum_vacuum_scale_factor", Real(0.0, 100.0)),
    p("autovacuum_vacuum_insert_scale_factor", Real(0.0, 100.0)),
    p("log_autovacuum_min_duration", Integer(-1, INT_MAX)),
    p("vacuum_index_cleanup", Words(&["auto", "on", "off", "true", "false", "yes", "no", "1", "0"])),
    p("vacuum_truncate", Bool),
    p("vacuum_max_eager_freeze_failure_rate", Real(0.0, 1.0)),
];

const TABLE: &[Parameter] = &[
    p("fillfactor", Integer(10, 100)),
    p("toast_tuple_target", Integer(128, 8160)),
    p("parallel_workers", Integer(0, 1024)),
    p("user_catalog_table", Bool),
    p("autovacuum_analyze_threshold", Integer(0, INT_MAX)),
    p("autovacuum_analyze_scale_factor", Real(0.0, 100.0)),
];

const VIEW: &[Parameter] = &[
    p("security_barrier", Bool),
    p("security_invoker", Bool),
    p("check_option", Words(&["local", "cascaded"])),
];

const BTREE: &[Parameter] = &[
    p("fillfactor", Integer(10, 100)),
    p("vacuum_cleanup_index_scale_factor", Real(0.0, 1e10)),
    p("deduplicate_items", Bool),
];

fn find(target: Target, name: &str) -> Option<&'static Parameter> {
    let lists: &[&'static [Parameter]] = match target {
        Target::Table => &[TABLE, VACUUM],
        Target::Toast => &[VACUUM],
        Target::View => &[VIEW],
        Target::Btree => &[BTREE],
        Target::Partitioned => &[],
    };
    lists.iter().copied().flatten().find(|parameter| parameter.name == name)
}

fn check(parameter: &Parameter, value: &str) -> Result<()> {
    let name = parameter.name;
    let invalid =
        |kind: &str| err!(INVALID_PARAMETER_VALUE, "invalid value for {kind} option \"{name}\": {value}");
    let bounds = |low: String, high: String| {
        err!(INVALID_PARAMETER_VALUE, "value {value} out of bounds for option \"{name}\"")
            .detail(format!("Valid values are between \"{low}\" and \"{high}\"."))
    };
    match parameter.shape {
        Bool => settings::parse_bool(value).map(|_| ()).ok_or_else(|| invalid("boolean")),
        Integer(low, high) => {
            let number: i64 = value.trim().parse().map_err(|_| invalid("integer"))?;
            if (low..=high).contains(&number) {
                Ok(())
            } else {
                Err(bounds(low.to_string(), high.to_string()))
            }
        }
        Real(low, high) => {
            let number: f64 = value.trim().parse().map_err(|_| invalid("floating point"))?;
            if (low..=high).contains(&number) {
                Ok(())
            } else {
                Err(bounds(format!("{low:.6}"), format!("{high:.6}")))
            }
        }
        Words(words) => {
            if words.contains(&value.to_ascii_lowercase().as_str()) {
                return Ok(());
            }
            let shown = match words {
                ["local", ..] => "\"local\" and \"cascaded\"",
                _ => "\"on\", \"off\", and \"auto\"",
            };
            Err(invalid("enum").detail(format!("Valid values are {shown}.")))
        }
    }
}

/// Puts storage parameters together: the `old` ones with `items` set (or, for `reset`, taken away). `namespace` picks
/// those written `toast.x`. `None` when nothing is left.
///
/// # Errors
/// `22023` for unknown parameters and bad values.
pub(crate) fn relation_options(
    old: Option<&Vec<String>>,
    items: &[OptionItem],
    namespace: Option<&str>,
    target: Target,
    reset: bool,
) -> Result<Option<Vec<String>>> {
    let chosen = || items.iter().filter(|item| item.namespace.as_deref() == namespace);
    let mut options: Vec<String> = old.into_iter().flatten().cloned().collect();
    options.retain(|option| {
        let name = option.split('=').next().unwrap_or_default();
        !chosen().any(|item| item.name == name)
    });
    for item in items {
        if let Some(other) = &item.namespace
            && (target != Target::Table && target != Target::Toast || other != "toast")
        {
            bail!(INVALID_PARAMETER_VALUE, "unrecognized parameter namespace \"{other}\"");
        }
    }
    for item in chosen() {
        if reset {
            if item.value.is_some() {
                bail!(SYNTAX_ERROR, "RESET must not include values for parameters");
            }
            continue;
        }
        if item.name == "oids" && namespace.is_none() {
            if boolean(item)? {
                bail!(FEATURE_NOT_SUPPORTED, "tables declared WITH OIDS are not supported");
            }
            continue;
        }
        if target == Target::Partitioned {
            return Err(err!(WRONG_OBJECT_TYPE, "cannot specify storage parameters for a partitioned table")
                .hint("Specify storage parameters for its leaf partitions instead."));
        }
        let value = if item.value.is_some() { text(item)? } else { "true".to_owned() };
        let Some(parameter) = find(target, &item.name) else {
            bail!(INVALID_PARAMETER_VALUE, "unrecognized parameter \"{}\"", item.name);
        };
        check(parameter, &value)?;
        if chosen().filter(|other| other.name == item.name).count() > 1 {
            bail!(INVALID_PARAMETER_VALUE, "parameter \"{}\" specified more than once", item.name);
        }
        options.push(format!("{}={value}", item.name));
    }
    Ok(if options.is_empty() { None } else { Some(options) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, value: i32) -> OptionItem {
        OptionItem {
            namespace: None,
            name: name.to_owned(),
            value: Some(OptionValue::Integer(value)),
            action: Default::default(),
            location: 0,
        }
    }

    #[test]
    fn parameters_are_checked() {
        let set = |items: &[OptionItem], target| relation_options(None, items, None, target, false);
        assert_eq!(set(&[item("fillfactor", 70)], Target::Table).unwrap().unwrap(), ["fillfactor=70"]);
        assert!(set(&[item("fillfactor", 5)], Target::Btree).is_err());
        assert!(set(&[item("nonsense", 5)], Target::Table).is_err());
        assert!(set(&[item("fillfactor", 70), item("fillfactor", 71)], Target::Table).is_err());
        let old = vec!["fillfactor=70".to_owned()];
        let reset = [OptionItem { value: None, ..item("fillfactor", 0) }];
        assert_eq!(relation_options(Some(&old), &reset, None, Target::Table, true).unwrap(), None);
    }
}
