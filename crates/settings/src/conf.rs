//! The syntax of postgresql.conf: `name = value` lines, comments, quoting and include directives.

use base::{Error, Result, err};
use std::path::{Path, PathBuf};

/// One setting of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: String,
    pub file: PathBuf,
    pub line: u32,
}

/// Files may include files to this depth.
const MAX_DEPTH: usize = 10;
/// A configuration file beyond this size is refused.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Reads a file and all it includes, in order.
///
/// # Errors
/// `F0000` with PostgreSQL's words: every problem found, so that an operator sees them at once.
pub fn read(path: &Path) -> std::result::Result<Vec<Entry>, Vec<Error>> {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    read_file(path, 0, &mut entries, &mut errors);
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

/// The settings in the text of a file that stands in `path`.
///
/// # Errors
/// As [`read`].
pub fn read_str(text: &str, path: &Path) -> std::result::Result<Vec<Entry>, Vec<Error>> {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    parse(text, path, 0, &mut entries, &mut errors);
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

/// The text of a configuration file; bytes that are not UTF-8 are replaced.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(std::io::Error::other("File too large"));
    }
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

/// An operating system's error as `%m` shows it.
pub(crate) fn os_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

fn read_file(path: &Path, depth: usize, entries: &mut Vec<Entry>, errors: &mut Vec<Error>) {
    let shown = path.display();
    if depth > MAX_DEPTH {
        errors.push(err!(
            PROGRAM_LIMIT_EXCEEDED,
            "could not open configuration file \"{shown}\": maximum nesting depth exceeded"
        ));
        return;
    }
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            errors.push(err!(
                UNDEFINED_FILE,
                "could not open configuration file \"{shown}\": {}",
                os_message(&error)
            ));
            return;
        }
    };
    parse(&text, path, depth, entries, errors);
}

/// Parses `text`, which stands in `path`.
fn parse(text: &str, path: &Path, depth: usize, entries: &mut Vec<Entry>, errors: &mut Vec<Error>) {
    for (line, text) in text.split('\n').enumerate() {
        let line = line as u32 + 1;
        let (name, value) = match parse_line(text) {
            Ok(Some(pair)) => pair,
            Ok(None) => continue,
            Err(near) => {
                let at = format!("syntax error in file \"{}\" line {line}, ", path.display());
                let message = match near {
                    Some(token) => format!("{at}near token \"{token}\""),
                    None => format!("{at}near end of line"),
                };
                errors.push(err!(SYNTAX_ERROR, "{message}"));
                if errors.len() >= 100 {
                    errors.push(err!(
                        PROGRAM_LIMIT_EXCEEDED,
                        "too many syntax errors found, abandoning file \"{}\"",
                        path.display()
                    ));
                    return;
                }
                continue;
            }
        };
        let target = path.parent().unwrap_or(Path::new(".")).join(&value);
        match name.to_ascii_lowercase().as_str() {
            "include" => read_file(&target, depth + 1, entries, errors),
            "include_if_exists" if target.exists() => read_file(&target, depth + 1, entries, errors),
            "include_if_exists" => {}
            "include_dir" => match directory(&target) {
                Ok(files) => files.iter().for_each(|file| read_file(file, depth + 1, entries, errors)),
                Err(error) => errors.push(error),
            },
            _ => entries.push(Entry { name, value, file: path.to_path_buf(), line }),
        }
    }
}

/// The files of an included directory: `*.conf` without a leading dot, sorted.
pub(crate) fn directory(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        err!(
            UNDEFINED_FILE,
            "could not open configuration directory \"{}\": {}",
            path.display(),
            os_message(&error)
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.len() > 5 && name.ends_with(".conf") && !name.starts_with('.') && !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// A line's name and value, or the token at which it is wrong (`None`: its end).
fn parse_line(line: &str) -> std::result::Result<Option<(String, String)>, Option<String>> {
    let mut tokens = Tokens { rest: line };
    let name = match tokens.next()? {
        None => return Ok(None),
        Some(Token::Word(word)) if is_name(word) => word.to_string(),
        Some(token) => return Err(Some(token.text().to_string())),
    };
    let mut value = tokens.next()?;
    if matches!(value, Some(Token::Equals)) {
        value = tokens.next()?;
    }
    let value = match value {
        None => return Err(None),
        Some(Token::Word(word)) => word.to_string(),
        Some(Token::Quoted(quoted)) => unquote(quoted),
        Some(Token::Equals) => return Err(Some("=".to_string())),
    };
    match tokens.next()? {
        None => Ok(Some((name, value))),
        Some(token) => Err(Some(token.text().to_string())),
    }
}

fn is_name(word: &str) -> bool {
    word.split('.').count() <= 2
        && word.split('.').all(|part| {
            let mut chars = part.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii())
        })
}

enum Token<'a> {
    Word(&'a str),
    /// With its quotes.
    Quoted(&'a str),
    Equals,
}

impl<'a> Token<'a> {
    fn text(&self) -> &'a str {
        match self {
            Token::Word(text) | Token::Quoted(text) => text,
            Token::Equals => "=",
        }
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> std::result::Result<Option<Token<'a>>, Option<String>> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\x0b', '\x0c']);
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        match first {
            '#' => {
                self.rest = "";
                Ok(None)
            }
            '=' => {
                self.rest = &self.rest[1..];
                Ok(Some(Token::Equals))
            }
            '\'' => {
                let end = quoted_end(self.rest).ok_or_else(|| Some("'".to_string()))?;
                let (token, rest) = self.rest.split_at(end);
                self.rest = rest;
                Ok(Some(Token::Quoted(token)))
            }
            _ => {
                let word = |c: char| c.is_ascii_alphanumeric() || "-._:/$+".contains(c) || !c.is_ascii();
                let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
                if end == 0 {
                    return Err(Some(first.to_string()));
                }
                let (token, rest) = self.rest.split_at(end);
                self.rest = rest;
                Ok(Some(Token::Word(token)))
            }
        }
    }
}

/// Where the quoted string at the start of `text` ends.
fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Removes the quotes, doubled quotes and backslash escapes.
fn unquote(quoted: &str) -> String {
    let inner = &quoted.as_bytes()[1..quoted.len() - 1];
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        match inner[at] {
            b'\\' if at + 1 < inner.len() => {
                at += 1;
                match inner[at] {
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'0'..=b'7' => {
                        let digits =
                            inner[at..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                        let value =
                            inner[at..at + digits].iter().fold(0u32, |v, b| v * 8 + u32::from(b - b'0'));
                        out.push(value as u8);
                        at += digits - 1;
                    }
                    other => out.push(other),
                }
            }
            b'\'' => {
                out.push(b'\'');
                at += 1;
            }
            other => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `value` quoted so that [`read`] gives it back.
pub fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''").replace('\n', "\\n"))
}
