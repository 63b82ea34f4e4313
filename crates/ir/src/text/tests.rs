//! Trees that PostgreSQL 18 stored, read and written back.

use super::*;
use datum::TypeLayout;

/// Layouts of the types in the fixtures: (length, by value, alignment).
fn layout(oid: Oid) -> Result<TypeLayout> {
    let (len, by_value, align) = match oid.0 {
        16 | 18 => (1, true, b'c'),
        21 => (2, true, b's'),
        20 | 701 | 1114 | 1184 => (8, true, b'd'),
        23 | 26 | 24 | 28 | 29 | 700 | 1082 | 2205 | 2206 | 4089 | 2202 | 3734 | 4096 => (4, true, b'i'),
        19 => (64, false, b'c'),
        705 | 2275 => (-2, false, b'c'),
        1186 => (16, false, b'd'),
        _ => (-1, false, b'i'),
    };
    Ok(TypeLayout::new(oid, len, by_value, align))
}

#[test]
fn stored_rules_come_back_byte_for_byte() {
    let mut texts = include_str!("fixtures/rules.txt").to_owned();
    // More of them, where someone has dumped a whole cluster's.
    if let Some(path) = std::env::var_os("FERRODON_RULES") {
        texts = std::fs::read_to_string(path).expect("the file of rules");
    }
    for (i, text) in texts.lines().enumerate() {
        let queries = match read_rule(text, &layout) {
            Ok(queries) => queries,
            Err(error) if error.state() == base::SqlState::FEATURE_NOT_SUPPORTED => continue,
            Err(error) => panic!("rule {i}: {error}"),
        };
        let written = write_rule(&queries);
        let same = written.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        let from = same.saturating_sub(120);
        let tail = |s: &str| s.get(from..(same + 80).min(s.len())).unwrap_or_default().to_owned();
        assert!(written == text, "rule {i} differs:\n{}\n{}", tail(&written), tail(text));
    }
}

#[test]
fn damaged_text_is_refused() {
    for text in ["", "{", "{VAR", "(", "{VAR :varno}", "{OPEXPR :opno x}", "})"] {
        assert!(read_expr(text, &layout).is_err(), "{text}");
    }
    let deep = "(".repeat(100_000);
    assert_eq!(read_expr(&deep, &layout).unwrap_err().state(), base::SqlState::STATEMENT_TOO_COMPLEX);
}

#[test]
fn tokens_escape_and_come_back() {
    for text in ["", "a b", "<", "1x", "-1", "(x)", "\\", "é{", "\""] {
        let mut escaped = String::new();
        token::escape(text, &mut escaped);
        if !text.is_empty() {
            assert_eq!(token::unescape(&escaped), text);
        }
    }
}
