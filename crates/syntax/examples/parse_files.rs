//! Parses psql scripts and prints what fails: `parse_files FILE...`. Backslash lines and COPY data are dropped,
//! `:variables` replaced by a name, so the figures are those of the grammar alone.

use std::borrow::Cow;

fn main() {
    let mut total = 0_usize;
    let mut failed = 0_usize;
    for path in std::env::args().skip(1) {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{path}: {error}");
                continue;
            }
        };
        let text: Cow<str> = String::from_utf8_lossy(&bytes);
        for (line, statement) in statements(&text) {
            total += 1;
            if let Err(error) = syntax::parse(&statement) {
                failed += 1;
                println!(
                    "{path}:{line}: {}\n    {}",
                    error.message(),
                    statement.trim().replace('\n', "\n    ")
                );
            }
        }
    }
    println!("{total} statements, {failed} refused");
}

/// The statements of a script with the lines they begin in, split as psql does.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut start = 1;
    let mut copying = false;
    for (number, line) in text.lines().enumerate() {
        if copying {
            copying = line != "\\.";
            continue;
        }
        if current.trim().is_empty() {
            start = number + 1;
            current.clear();
            if line.starts_with('\\') {
                continue;
            }
        }
        let (mut rest, ended) = match line.find('\\') {
            Some(at) if is_command(&line[at..]) => (&line[..at], true),
            _ => (line, false),
        };
        while let Some(end) = statement_end(&current, rest) {
            current.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            let statement = std::mem::take(&mut current);
            copying = {
                let lower = statement.to_ascii_lowercase();
                lower.trim_start().starts_with("copy") && lower.contains("from stdin")
            };
            found.push((start, variables(&statement)));
            start = number + 1;
        }
        current.push_str(rest);
        current.push('\n');
        if ended && !current.trim().is_empty() {
            found.push((start, variables(&std::mem::take(&mut current))));
        }
    }
    found.retain(|(_, statement)| !statement.trim().is_empty());
    found
}

fn is_command(text: &str) -> bool {
    ["\\d", "\\p", "\\r", "\\g", "\\crosstabview", "\\watch", "\\bind", "\\parse", "\\sendpipeline", "\\;"]
        .iter()
        .any(|command| text.starts_with(command))
}

/// The first semicolon of `line` that ends a statement, given the text before.
fn statement_end(before: &str, line: &str) -> Option<usize> {
    let whole = format!("{before}{line}");
    let bytes = whole.as_bytes();
    let mut at = 0;
    let mut parens = 0_i32;
    let mut atomic = 0_i32;
    let mut words: Vec<&str> = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => {
                let escapes = at > 0 && matches!(bytes[at - 1], b'E' | b'e');
                at += 1;
                while at < bytes.len() && bytes[at] != b'\'' {
                    at += 1 + usize::from(escapes && bytes[at] == b'\\');
                }
            }
            b'"' => at += 1 + whole[at + 1..].find('"').unwrap_or(whole.len()),
            b'-' if whole[at..].starts_with("--") => at += whole[at..].find('\n').unwrap_or(whole.len()),
            b'/' if whole[at..].starts_with("/*") => at += whole[at..].find("*/").unwrap_or(whole.len()) + 1,
            b'$' => {
                let length = whole[at + 1..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(0);
                if whole[at + 1 + length..].starts_with('$')
                    && !whole[at + 1..].starts_with(|c: char| c.is_ascii_digit())
                {
                    let tag = &whole[at..at + length + 2];
                    let inside = at + tag.len();
                    at = inside + whole[inside..].find(tag).unwrap_or(whole.len()) + tag.len() - 1;
                }
            }
            b'(' => parens += 1,
            b')' => parens -= 1,
            b';' if parens == 0 && atomic == 0 => return at.checked_sub(before.len()),
            byte if byte.is_ascii_alphabetic() => {
                let length =
                    whole[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(whole.len() - at);
                let word = &whole[at..at + length];
                let begins = word.eq_ignore_ascii_case("atomic")
                    && words.last().is_some_and(|last| last.eq_ignore_ascii_case("begin"));
                if begins || (atomic > 0 && word.eq_ignore_ascii_case("case")) {
                    atomic += 1;
                } else if atomic > 0 && word.eq_ignore_ascii_case("end") {
                    atomic -= 1;
                }
                words.push(word);
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Replaces `:name`, `:'name'` and `:"name"`.
fn variables(statement: &str) -> String {
    let mut result = String::new();
    let mut rest = statement;
    while let Some(at) = rest.find(':') {
        let (before, after) = rest.split_at(at);
        result.push_str(before);
        let name = &after[1..];
        if name.starts_with([':', '=']) {
            result.push_str(&after[..2]);
            rest = &after[2..];
            continue;
        }
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        if let Some(quote @ ("'" | "\"")) = name.get(..1)
            && let Some(end) = name[1..].find(quote)
            && name[1..1 + end].chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            result.push_str(if quote == "'" { "'1'" } else { "variable" });
            rest = &name[end + 2..];
        } else if length > 0
            && !before.ends_with(['[', '\''])
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && before.matches('\'').count() % 2 == 0
        {
            result.push_str(" 1 ");
            rest = &name[length..];
        } else {
            result.push(':');
            rest = name;
        }
    }
    result.push_str(rest);
    result
}
