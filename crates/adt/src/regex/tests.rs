use super::*;

fn groups(pattern: &str, text: &str) -> String {
    let regex = Regex::compile(pattern, Flags::default()).unwrap();
    let Some(found) = regex.find_at(text, 0).unwrap() else { return "-".to_owned() };
    let first = usize::from(found.groups() > 0);
    (first..=found.groups())
        .map(|group| found.text(text, group).unwrap_or("NULL"))
        .collect::<Vec<_>>()
        .join(",")
}

/// The expected values are PostgreSQL's answers to regexp_match().
#[test]
fn captures() {
    for (pattern, text, expected) in [
        ("(bar)(beque)", "foobarbequebaz", "bar,beque"),
        ("(a.*?)(b.*)", "xabcabcy", "a,b"),
        ("Y*([0-9]{1,3})", "XY1234Z", "123"),
        ("Y*?([0-9]{1,3})", "XY1234Z", "1"),
        ("(a|ab)(c|bcd)*(.*)", "abcabc", "ab,c,abc"),
        ("(?:fo+?)(o*)", "foooo", ""),
        ("(ab|a)(bab)?", "abab", "a,bab"),
        ("(a*)(a*)", "aaa", "aaa,"),
        ("(a*?)(a*)", "aaa", ","),
        ("(a|aa|b)*", "aaab", "b"),
        ("(a(b)?c|abc)(d)?", "abcd", "abc,b,d"),
        ("(..)\\1", "xyxy", "xy"),
        ("(\\w+)\\.(\\w+)", "foo.bar", "foo,bar"),
        (".*?X", "aXbX", "aX"),
        ("(?:.*?X)+", "aXbX", "aXbX"),
        ("a.b", "a\nb", "a\nb"),
        ("(?n)a.b", "a\nb", "-"),
        ("(?n)^b$", "a\nb", "b"),
        ("(?i)b", "ABC", "B"),
        ("(?x)a \\s b # c", "a b", "a b"),
        ("(?q)a.b", "a.b", "a.b"),
        ("***=a.b", "axb", "-"),
        ("a{2,3}?", "aaaa", "aa"),
        ("(?=b)", "abc", ""),
        ("(?<=a)b", "abc", "b"),
        ("(?<!a)b", "abc", "-"),
        ("(?!a)\\w", "abc", "b"),
        ("\\mb\\w+\\M", "foo bar", "bar"),
        ("[[:<:]]b", "foo bar", "b"),
        ("((a)|(b))*", "aaab", "b,NULL,b"),
        ("(a)|b", "ab", "a"),
        ("()", "", ""),
        ("(b|ab|abc)(c?)", "abc", "abc,"),
        ("[^b-y]+", "bcazd", "az"),
        ("[]a]+", "x]a", "]a"),
        ("[[:digit:]]+", "ab12", "12"),
        ("a*b", "aaab", "aaab"),
        ("é+", "caféé", "éé"),
        ("\\w+", "½٣aⅧ_1", "aⅧ_1"),
    ] {
        assert_eq!(groups(pattern, text), expected, "{pattern} on {text}");
    }
}

#[test]
fn errors() {
    for (pattern, reason) in [
        ("(", "parentheses () not balanced"),
        (")", "parentheses () not balanced"),
        ("a**", "quantifier operand invalid"),
        ("*a", "quantifier operand invalid"),
        ("{1}", "quantifier operand invalid"),
        ("***x", "quantifier operand invalid"),
        ("[b", "brackets [] not balanced"),
        ("[b-a]", "invalid character range"),
        ("[[:foo:]]", "invalid character class"),
        ("[[.foo.]]", "invalid collating element"),
        ("a{2,1}", "invalid repetition count(s)"),
        ("a{256}", "invalid repetition count(s)"),
        ("a{1", "braces {} not balanced"),
        ("\\", "invalid escape \\ sequence"),
        ("\\u12", "invalid escape \\ sequence"),
        ("\\2", "invalid backreference number"),
        ("(?z)a", "invalid embedded option"),
        ("((((a{255}){255}){255}){255})", "regular expression is too complex"),
    ] {
        let error = Regex::compile(pattern, Flags::default()).unwrap_err();
        assert_eq!(error.message(), format!("invalid regular expression: {reason}"), "{pattern}");
    }
    let deep = "(".repeat(100_000);
    assert!(Regex::compile(&deep, Flags::default()).is_err());
}

#[test]
fn replacement() {
    for (text, pattern, with, nth, expected) in [
        ("foobarbaz", "b..", "X", 0, "fooXX"),
        ("foobarbaz", "b(..)", "X\\1Y", 0, "fooXarYXazY"),
        ("foobarbaz", "b..", "[\\&]", 2, "foobar[baz]"),
        ("abc", "", "-", 0, "-a-b-c-"),
        ("a", "a", "\\\\\\x", 1, "\\\\x"),
    ] {
        let regex = Regex::compile(pattern, Flags::default()).unwrap();
        let replaced = regex.replace(text, &Replacement::new(with), 0, nth, &|| Ok(())).unwrap();
        assert_eq!(replaced, expected, "{pattern}");
    }
}

#[test]
fn prefixes() {
    let regex = Regex::compile("^abc.*", Flags::default()).unwrap();
    assert_eq!(regex.fixed_prefix(), Some(("abc", false)));
    assert_eq!(Regex::compile("^abc$", Flags::default()).unwrap().fixed_prefix(), Some(("abc", true)));
    assert!(Regex::compile("b+c", Flags::default()).unwrap().is_match("abbc").unwrap());
    let regex = Regex::compile("b", Flags::default()).unwrap();
    assert_eq!(regex.find_at("abcb", 2).unwrap().unwrap().range(), (3, 4));
}

#[test]
fn long_text_in_linear_time() {
    let text = "a".repeat(100_000);
    assert!(!Regex::compile("(a|aa)+b", Flags::default()).unwrap().is_match(&text).unwrap());
}
