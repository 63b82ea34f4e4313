//! Errors: words and places, as PostgreSQL 18 gives them.

use super::*;

#[test]
fn errors_have_postgresqls_words_and_places() {
    for (sql, offset, message) in [
        ("select 1 2 3", 9, "syntax error at or near \"2\""),
        ("select * from a where", 21, "syntax error at end of input"),
        ("select a < b < c", 13, "syntax error at or near \"<\""),
        ("select 'abc", 7, "unterminated quoted string at or near \"'abc\""),
        ("select (1", 9, "syntax error at end of input"),
        ("select \"\", 1", 7, "zero-length delimited identifier at or near \"\"\"\""),
        ("select /* x", 7, "unterminated /* comment at or near \"/* x\""),
        ("select $$x", 7, "unterminated dollar-quoted string at or near \"$$x\""),
        ("select 123abc", 7, "trailing junk after numeric literal at or near \"123abc\""),
        ("select 0x", 7, "invalid hexadecimal integer at or near \"0x\""),
        ("select $1a", 7, "trailing junk after parameter at or near \"$1a\""),
        ("select 1 limit 1, 2", 9, "LIMIT #,# syntax is not supported"),
        ("(select 1 limit 1) limit 2", 19, "multiple LIMIT clauses not allowed"),
        ("select a.b.*.c from t", 15, "improper use of \"*\" at or near \"from\""),
        ("create table t (a int deferrable)", 22, "misplaced DEFERRABLE clause"),
        ("drop operator + (int)", 20, "missing argument"),
        ("create role public", 12, "role name \"public\" is reserved"),
        ("foo", 0, "syntax error at or near \"foo\""),
    ] {
        let error = parse(sql).expect_err(sql);
        assert_eq!((error.message(), error.data().position), (message, Some(offset)), "{sql}");
    }
}
