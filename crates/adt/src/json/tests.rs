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

/// The payloads of jsonb datums as PostgreSQL 18 writes them to disk.
#[test]
fn encoding_is_that_of_the_disk() {
    let many = format!("[{}]", (1..=70).map(|i| format!("\"{i}x\"")).collect::<Vec<_>>().join(","));
    let cases = [
        (
            r#"{"bb":1.5,"a":[true,null,"xyz",-100000],"ccc":{"z":0,"y":{}}}"#,
            "03000020010000800200000003000000220000500a00001024000050616262636363000004000040000000b000000040030000000900001078797a002000000001a00a002800000080800100881300000200002001000080010000000600005006000010797a000000000020180000000080",
        ),
        (r#""s""#, "010000500100008073"),
        (r#"[1,"ab",2]"#, "0300004008000090020000000a0000102000000000800100616200002000000000800200"),
        (r#"12345.678"#, "010000500c000090300000008181010029097c1a"),
        (
            many.as_str(),
            "4600004002000080020000000200000002000000020000000200000002000000020000000200000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000005a00008003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000030000000300000003000000ba0000800300000003000000030000000300000003000000317832783378347835783678377838783978313078313178313278313378313478313578313678313778313878313978323078323178323278323378323478323578323678323778323878323978333078333178333278333378333478333578333678333778333878333978343078343178343278343378343478343578343678343778343878343978353078353178353278353378353478353578353678353778353878353978363078363178363278363378363478363578363678363778363878363978373078",
        ),
    ];
    for (text, expected) in cases {
        let hex: String = jsonb::parse(text).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{text}");
    }
}
