//! Behaviour of the parser at its boundary.

mod accept;
mod refuse;

use crate::*;

fn single(sql: &str) -> Statement {
    match parse(sql) {
        Ok(mut statements) if statements.len() == 1 => statements.remove(0).statement,
        other => panic!("{sql}: {other:?}"),
    }
}

/// The first target of `SELECT <text>`.
fn expr(text: &str) -> Expr {
    let Statement::Select(select) = single(&format!("SELECT {text}")) else { panic!("{text}: no SELECT") };
    let SelectBody::Select(body) = select.body else { panic!("{text}: no simple SELECT") };
    body.targets.into_iter().next().map_or_else(|| panic!("{text}: no target"), |target| target.expr)
}

#[test]
fn statements_know_their_place() {
    let statements = parse("  select 1 ; ;\n select 2").unwrap();
    let places: Vec<_> = statements.iter().map(|statement| (statement.location, statement.length)).collect();
    assert_eq!(places, [(2, 9), (16, 8)]);
}

#[test]
fn precedence_is_that_of_the_grammar() {
    /// Fully parenthesised.
    fn show(expr: &Expr) -> String {
        match expr {
            Expr::Const { value: Literal::Integer(value), .. } => value.to_string(),
            Expr::Column(column) => column.names.join("."),
            Expr::Unary(unary) => format!("({}{})", unary.operator.name, show(&unary.arg)),
            Expr::Binary(binary) => {
                format!("({}{}{})", show(&binary.left), binary.operator.name, show(&binary.right))
            }
            Expr::And { args, .. } => format!("({})", args.iter().map(show).collect::<Vec<_>>().join("&")),
            Expr::Or { args, .. } => format!("({})", args.iter().map(show).collect::<Vec<_>>().join("|")),
            Expr::Not { arg, .. } => format!("(not {})", show(arg)),
            Expr::IsNull { arg, .. } => format!("({} null)", show(arg)),
            Expr::TypeCast(cast) => format!("({}::{})", show(&cast.arg), cast.type_name.names.join(".")),
            other => panic!("{other:?}"),
        }
    }
    for (text, expected) in [
        ("1 + 2 * 3 - 4", "((1+(2*3))-4)"),
        ("a ^ b ^ c", "((a^b)^c)"),
        ("- a ^ b", "((-a)^b)"),
        ("-a::t", "(-(a::t))"),
        ("-5", "-5"),
        ("not a = b and c or d and e", "(((not (a=b))&c)|(d&e))"),
        ("a and b and c", "(a&b&c)"),
        ("a = b is null", "((a=b) null)"),
        ("@ a + b", "(@(a+b))"),
        ("a || b + c", "(a||(b+c))"),
        ("1 + not a = b", "(1+(not (a=b)))"),
        ("a @> - b", "(a@>(-b))"),
    ] {
        assert_eq!(show(&expr(text)), expected, "{text}");
    }
}

#[test]
fn literals_have_their_values() {
    let string = |text: &str| Literal::String(text.to_owned());
    let numeric = |text: &str| Literal::Numeric(text.to_owned());
    for (text, expected) in [
        ("'it''s'", string("it's")),
        ("'a'\n 'b'", string("ab")),
        ("E'\\x41\\u0042\\n\\101'", string("AB\nA")),
        ("E'\\uD83D\\uDE00'", string("😀")),
        ("U&'\\0041!0042' UESCAPE '!'", string("\\0041B")),
        ("$tag$ $x$ $tag$", string(" $x$ ")),
        ("0x1F", Literal::Integer(31)),
        ("1_000", Literal::Integer(1000)),
        ("2147483648", numeric("2147483648")),
        ("1.5e3", numeric("1.5e3")),
        ("-1.5", numeric("-1.5")),
        ("B'101'", Literal::BitString("b101".into())),
        ("X'1f'", Literal::BitString("x1f".into())),
        ("true", Literal::Bool(true)),
        ("null", Literal::Null),
    ] {
        match expr(text) {
            Expr::Const { value, .. } => assert_eq!(value, expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn names_are_folded_and_truncated() {
    let long = "x".repeat(70);
    let mut notices = Vec::new();
    let statements = parse_with_notices(&format!("LISTEN {long}"), &mut notices).unwrap();
    assert_eq!(statements[0].statement, Statement::Listen { channel: "x".repeat(63) });
    assert_eq!(notices.len(), 1);
    assert_eq!(single("LISTEN FooBar"), Statement::Listen { channel: "foobar".into() });
    assert_eq!(single("LISTEN \"Foo\"\"Bar\""), Statement::Listen { channel: "Foo\"Bar".into() });
}

#[test]
fn identifiers_are_quoted_when_needed() {
    for (name, expected) in [
        ("a_1", "a_1"),
        ("A", "\"A\""),
        ("select", "\"select\""),
        ("abort", "abort"),
        ("a\"b", "\"a\"\"b\""),
        ("", "\"\""),
    ] {
        assert_eq!(quote_identifier(name), expected);
    }
}

#[test]
fn every_keyword_is_found() {
    for entry in keyword::KEYWORDS {
        assert_eq!(keyword::lookup(&entry.name.to_uppercase()).map(keyword::Keyword::name), Some(entry.name));
    }
    assert_eq!(keyword::lookup("no_such_word"), None);
}

#[test]
fn type_names_stand_alone() {
    let type_name = parse_type_name("numeric(10,2)[]").unwrap();
    assert_eq!(type_name.names, ["pg_catalog", "numeric"]);
    assert_eq!((type_name.modifiers.len(), type_name.array_bounds.len()), (2, 1));
    assert!(parse_type_name("int int").is_err());
}

#[test]
fn plpgsql_has_its_entries() {
    assert!(parse_plpgsql_expression("a + 1 from t where x order by y limit 1").is_ok());
    assert_eq!(parse_plpgsql_assignment("a.b[1] := 2").unwrap().indirection.len(), 2);
}

#[test]
fn depth_is_bounded() {
    let deep = [
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT 1{}", "+1".repeat(50_000)),
        format!("SELECT {}1", "- ".repeat(100_000)),
        format!("SELECT {}a", "NOT ".repeat(100_000)),
        format!("{}SELECT 1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)),
        format!("SELECT * FROM {}", "(".repeat(100_000)),
        format!("SELECT * FROM a{}", " CROSS JOIN a".repeat(50_000)),
        format!("SELECT {}1", "CASE WHEN ".repeat(100_000)),
        format!("SELECT {}", "ARRAY[".repeat(100_000)),
        format!("{} SELECT 1", "EXPLAIN ".repeat(100_000)),
    ];
    for sql in &deep {
        let error = parse(sql).expect_err(&sql[..20]);
        assert!(["54001", "42601"].contains(&error.state().to_string().as_str()), "{error}");
    }
    assert!(parse(&format!("SELECT 1{}", " AND a = 1".repeat(50_000))).is_ok());
    assert!(parse(&format!("SELECT 1{}", "+1".repeat(1_500))).is_ok());
}
