//! PostgreSQL's option syntax: `-D dir`, `-Ddir`, `--pgdata dir`, `--pgdata=dir`, grouped short flags, and operands.

use std::collections::VecDeque;

/// An option of a program: its short form, its long one, and whether it takes a value.
pub struct Flag(pub Option<char>, pub &'static str, pub bool);

/// One argument.
#[derive(Debug, PartialEq, Eq)]
pub enum Argument {
    /// By its long name, or its short one where it has no other.
    Flag(String, Option<String>),
    Operand(String),
}

/// Splits arguments; the error is the text after `program: `.
pub fn parse(arguments: &[String], flags: &[Flag]) -> Result<Vec<Argument>, String> {
    let mut parsed = Vec::new();
    let mut rest: VecDeque<&str> = arguments.iter().map(String::as_str).collect();
    while let Some(argument) = rest.pop_front() {
        if argument == "--" {
            parsed.extend(rest.drain(..).map(|a| Argument::Operand(a.to_string())));
        } else if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (long, None),
            };
            let Some(Flag(_, name, takes_value)) = flags.iter().find(|flag| flag.1 == name) else {
                return Err(format!("unrecognized option '--{name}'"));
            };
            let value = match (takes_value, value) {
                (true, Some(value)) => Some(value),
                (true, None) => match rest.pop_front() {
                    Some(value) => Some(value.to_string()),
                    None => return Err(format!("option '--{name}' requires an argument")),
                },
                (false, Some(_)) => return Err(format!("option '--{name}' doesn't allow an argument")),
                (false, None) => None,
            };
            parsed.push(Argument::Flag(name.to_string(), value));
        } else if argument.len() > 1 && argument.starts_with('-') {
            parse_short(&argument[1..], flags, &mut rest, &mut parsed)?;
        } else {
            parsed.push(Argument::Operand(argument.to_string()));
        }
    }
    Ok(parsed)
}

fn parse_short(
    group: &str,
    flags: &[Flag],
    rest: &mut VecDeque<&str>,
    parsed: &mut Vec<Argument>,
) -> Result<(), String> {
    let mut chars = group.chars();
    while let Some(c) = chars.next() {
        let Some(Flag(_, name, takes_value)) = flags.iter().find(|flag| flag.0 == Some(c)) else {
            return Err(format!("invalid option -- '{c}'"));
        };
        let name = if name.is_empty() { c.to_string() } else { name.to_string() };
        if !takes_value {
            parsed.push(Argument::Flag(name, None));
            continue;
        }
        let attached = chars.as_str();
        let value = match (attached.is_empty(), rest.front()) {
            (false, _) => attached.to_string(),
            (true, Some(_)) => rest.pop_front().unwrap_or_default().to_string(),
            (true, None) => return Err(format!("option requires an argument -- '{c}'")),
        };
        parsed.push(Argument::Flag(name, Some(value)));
        return Ok(());
    }
    Ok(())
}

/// Says what is wrong with the arguments, as PostgreSQL's programs do.
pub fn refuse(program: &str, message: &str) -> u8 {
    eprintln!("{program}: {message}\n{program}: hint: Try \"{program} --help\" for more information.");
    1
}

/// Splits a string into words as a shell would, with quotes and backslashes but without expansions.
pub fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_options_parse() {
        let flags =
            [Flag(Some('D'), "pgdata", true), Flag(Some('s'), "silent", false), Flag(Some('w'), "", false)];
        let words = |text: &str| shell_words(text);
        let flag = |name: &str, value: Option<&str>| Argument::Flag(name.into(), value.map(String::from));
        assert_eq!(
            parse(&words("-swD'a b' start --pgdata=c --pgdata d -- -x"), &flags).unwrap(),
            [
                flag("silent", None),
                flag("w", None),
                flag("pgdata", Some("a b")),
                Argument::Operand("start".into()),
                flag("pgdata", Some("c")),
                flag("pgdata", Some("d")),
                Argument::Operand("-x".into()),
            ]
        );
        assert_eq!(parse(&words("-x"), &flags).unwrap_err(), "invalid option -- 'x'");
        assert_eq!(parse(&words("--nope"), &flags).unwrap_err(), "unrecognized option '--nope'");
        assert_eq!(parse(&words("-D"), &flags).unwrap_err(), "option requires an argument -- 'D'");
    }
}
