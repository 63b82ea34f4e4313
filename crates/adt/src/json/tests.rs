use super::*;
use base::Result;

#[path = "cases.rs"]
mod cases;

fn shown(result: Result<String>) -> String {
    result.unwrap_or_else(|error| {
        let data = error.data();
        let detail = data.detail.as_deref().unwrap_or("");
        format!("{}|{}|{detail}|{}", error.state(), error.message(), data.context.join("\n"))
    })
}

fn check(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn inputs_read_as_postgresql_reads_them() {
    let mut wrong = Vec::new();
    for &(type_name, text, expected) in cases::INPUTS {
        let found = match type_name {
            "json" => shown(validate(text).map(|()| text.to_string())),
            _ => shown(jsonb::parse(text).and_then(|jsonb| to_text(&jsonb))),
        };
        if found != expected {
            wrong.push(format!("{type_name} {text:?}:\n  {found:?} instead of\n  {expected:?}"));
        }
    }
    check(wrong);
}

fn operation(name: &str, arguments: &[&str]) -> Result<String> {
    let jsonb = |at: usize| jsonb::parse(arguments[at]);
    let path = || arguments[1].trim_matches(['{', '}']).split(',').collect::<Vec<_>>();
    let first = jsonb(0)?;
    let top = Container::new(&first)?;
    let text = |jsonb: Jsonb| to_text(&jsonb);
    match name {
        "concat" => text(concat(&first, &jsonb(1)?)?),
        "set" => text(set(&first, &path(), &jsonb(2)?, true)?),
        "insert" => text(insert(&first, &path(), &jsonb(2)?, false)?),
        "delete_path" => text(delete_path(&first, &path())?),
        "contains" => Ok(top.contains(&Container::new(&jsonb(1)?)?)?.to_string()),
        "pretty" => pretty(&first),
        "strip" => text(strip_nulls(&first, false)?),
        "hash" => Ok((top.hash()? as i32).to_string()),
        "hash_extended" => Ok((top.hash_extended(7)? as i64).to_string()),
        "cmp" => Ok((top.compare(Container::new(&jsonb(1)?)?)? as i32).to_string()),
        _ => panic!("no such operation: {name}"),
    }
}

#[test]
fn operations_answer_as_postgresql_does() {
    let mut wrong = Vec::new();
    for &(name, arguments, expected) in cases::OPERATIONS {
        let arguments: Vec<&str> = arguments.split('|').collect();
        let found = shown(operation(name, &arguments));
        if found != expected {
            wrong.push(format!("{name} {arguments:?}: {found:?} instead of {expected:?}"));
        }
    }
    check(wrong);
}

#[test]
fn accessors_over_text() {
    let text = r#" {"a": [1, {"b": "x\ny"}, null], "a": {"c" : [ 10 , 20 ]}} "#;
    assert_eq!(get_path(text, &["a", "c", "-1"]).unwrap().unwrap().text, "20");
    assert_eq!(get_path(text, &["a", "c"]).unwrap().unwrap().text, "[ 10 , 20 ]");
    assert_eq!(get_path(text, &["b"]).unwrap(), None);
    assert_eq!(text::get_index("[1, \"q\\u0041\"]", 1).unwrap().unwrap().as_text().unwrap().unwrap(), "qA");
    assert_eq!(children(text).unwrap().1.len(), 2);
}

#[test]
fn nesting_is_bounded() {
    let deep = "[".repeat(MAX_DEPTH + 1);
    assert_eq!(validate(&deep).unwrap_err().state().code(), "54001");
    let within = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let jsonb = jsonb::parse(&within).unwrap();
    assert_eq!(to_text(&jsonb).unwrap(), within);
    assert!(Container::new(&jsonb).unwrap().contains(&Container::new(&jsonb).unwrap()).is_err());
}
