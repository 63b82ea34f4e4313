//! Statements of every kind, with their command tags.

use super::*;

#[test]
fn statements_are_accepted_with_their_tags() {
    for line in include_str!("statements.txt").lines() {
        let Some((tag, sql)) = line.split_once(": ") else { panic!("no tag: {line}") };
        assert_eq!(single(sql).tag(), tag, "{sql}");
    }
}

#[test]
fn parentheses_are_queries_joins_or_rows() {
    for (sql, ok) in [
        ("SELECT ((SELECT 1) + 1)", true),
        ("SELECT ((SELECT 1) UNION (SELECT 2) LIMIT 1)", true),
        ("SELECT ((SELECT 1), 2)", true),
        ("SELECT * FROM ((SELECT 1) a CROSS JOIN b)", true),
        ("SELECT * FROM ((a CROSS JOIN b))", true),
        ("SELECT * FROM (a)", false),
        ("SELECT 1 IN ((1, 2))", true),
        ("(SELECT 1 ORDER BY 1) ORDER BY 1", false),
    ] {
        assert_eq!(parse(sql).is_ok(), ok, "{sql}");
    }
}
