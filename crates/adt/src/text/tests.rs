use super::*;

#[test]
fn pieces() {
    assert_eq!(substring("abcdef", -1, Some(4)).unwrap(), "ab");
    assert_eq!(substring("aéb", 2, Some(1)).unwrap(), "é");
    assert_eq!(substring("abc", i32::MIN, Some(5)).unwrap(), "");
    assert_eq!(substring("abc", 2, Some(i32::MAX)).unwrap(), "bc");
    assert_eq!(substring("abc", 1, Some(-1)).unwrap_err().message(), "negative substring length not allowed");
    assert_eq!(overlay("abcdef", "XX", 3, 0).unwrap(), "abXXcdef");
    assert_eq!(position("xéy", "y"), 3);
    assert_eq!(left("abc", -1), "ab");
    assert_eq!(right("abc", -1), "bc");
    assert_eq!(split_part("a,b,c", ",", -1).unwrap(), "c");
    assert_eq!(split_part("a,b,c", ",", 4).unwrap(), "");
    assert_eq!(split("abc", None), ["a", "b", "c"]);
    assert_eq!(translate("abcabc", "abc", "xy"), "xyxy");
    assert_eq!(to_bin(-5_i32 as u32 as u64), "11111111111111111111111111111011");
}

#[test]
fn padding() {
    assert_eq!(pad::lpad("a", 5, "xyz").unwrap(), "xyzxa");
    assert_eq!(pad::rpad("abc", 2, "x").unwrap(), "ab");
    assert_eq!(pad::lpad("abc", 1_000_000_000, "x").unwrap_err().message(), "requested length too large");
    assert_eq!(pad::btrim("xxaxx", "x"), "a");
    assert_eq!(bpchar("ab", 4, false).unwrap(), "ab  ");
    assert_eq!(
        varchar("abcdef", 3, false).unwrap_err().message(),
        "value too long for type character varying(3)"
    );
    assert_eq!(varchar("abc   ", 3, false).unwrap(), "abc");
}

#[test]
fn cases() {
    assert_eq!(case::initcap("hello wORLD x1y's éa"), "Hello World X1y'S Éa");
    assert_eq!(case::upper("straße"), "STRAßE");
    assert_eq!(case::lower("ΑΣ"), "ασ");
}

#[test]
fn formats() {
    let format = |pattern: &str, arguments: &[Option<&str>]| {
        directive::format(pattern, arguments, &|name| format!("\"{name}\""))
    };
    assert_eq!(
        format("%5s|%-3s|%1$s %I %L %%", &[Some("a"), Some("b"), None]).unwrap(),
        "    a|b  |a \"b\" NULL %"
    );
    assert_eq!(format("%*s", &[Some("-3"), Some("a")]).unwrap(), "a  ");
    assert_eq!(format("%s", &[]).unwrap_err().message(), "too few arguments for format()");
    assert_eq!(format("%é", &[]).unwrap_err().message(), "unrecognized format() type specifier \"é\"");
    assert_eq!(format("%1$", &[]).unwrap_err().message(), "unterminated format() type specifier");
}

#[test]
fn unicode_escapes() {
    assert_eq!(escape::unistr("\\0041\\+00004A\\\\d\\u00e9\\d83d\\de00").unwrap(), "AJ\\dé😀");
    assert_eq!(escape::unistr("\\d800x").unwrap_err().message(), "invalid Unicode surrogate pair");
    assert_eq!(escape::unistr("\\zz").unwrap_err().message(), "invalid Unicode escape");
    assert_eq!(escape::quote_literal("a\\b'c"), "E'a\\\\b''c'");
}
