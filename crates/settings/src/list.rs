//! Comma-separated lists as parameters hold them.

/// Splits a list of SQL identifiers: unquoted ones are folded to lower case, quoted ones kept, as search_path needs.
/// `None` where the syntax is wrong.
pub fn split_identifiers(text: &str) -> Option<Vec<String>> {
    split(text, |word| Some(word.to_lowercase()))
}

/// As [`split_identifiers`], but unquoted words keep their case (file names, GUC lists).
pub fn split_words(text: &str) -> Option<Vec<String>> {
    split(text, |word| Some(word.to_string()))
}

fn split(text: &str, unquoted: fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Some(items);
    }
    loop {
        let item;
        if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut word = String::new();
            loop {
                let (before, after) = quoted.split_once('"')?;
                word.push_str(before);
                match after.strip_prefix('"') {
                    Some(more) => {
                        word.push('"');
                        quoted = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            item = word;
        } else {
            let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            item = unquoted(&rest[..end])?;
            rest = &rest[end..];
        }
        items.push(item);
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(items);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}
