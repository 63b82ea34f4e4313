//! Replacement of matches, as `regexp_replace` does it.

use super::{Captures, Regex};
use base::Result;

enum Piece {
    Text(String),
    /// A group, 0 for the whole match.
    Group(usize),
}

/// A replacement text taken apart: `\1` to `\9` are groups, `\&` is the whole match, `\\` a backslash.
pub struct Replacement {
    pieces: Vec<Piece>,
}

impl Replacement {
    pub fn new(text: &str) -> Replacement {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let group = match (c, chars.peek()) {
                ('\\', Some('&')) => 0,
                ('\\', Some(digit @ '1'..='9')) => *digit as usize - '0' as usize,
                ('\\', Some('\\')) => {
                    chars.next();
                    literal.push('\\');
                    continue;
                }
                // A backslash before anything else stands for itself.
                _ => {
                    literal.push(c);
                    continue;
                }
            };
            chars.next();
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Group(group));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Replacement { pieces }
    }

    fn push(&self, out: &mut String, text: &str, captures: &Captures) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => out.push_str(literal),
                Piece::Group(group) => out.push_str(captures.text(text, *group).unwrap_or("")),
            }
        }
    }
}

impl Regex {
    /// Replaces the match with number `nth` (from 1) at or behind the byte offset `start`, or all for 0.
    ///
    /// # Errors
    /// What `interrupt` returns.
    pub fn replace(
        &self,
        text: &str,
        replacement: &Replacement,
        start: usize,
        nth: usize,
        interrupt: &dyn Fn() -> Result<()>,
    ) -> Result<String> {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut at = start;
        let mut count = 0;
        while let Some(found) = self.find_interruptible(text, at, interrupt)? {
            let (from, to) = found.range();
            count += 1;
            if nth == 0 || count == nth {
                out.push_str(&text[copied..from]);
                replacement.push(&mut out, text, &found);
                copied = to;
            }
            if nth != 0 && count >= nth {
                break;
            }
            // Behind an empty match the search goes on one character later.
            at = if from == to { to + text[to..].chars().next().map_or(1, char::len_utf8) } else { to };
            if at > text.len() {
                break;
            }
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }
}
