//! Advanced regular expressions with PostgreSQL's meaning.
//!
//! Of all matches the leftmost counts, and of those that start there the longest, or the shortest where the
//! expression prefers that; never "the first alternative". See [`tree`] for how captures are found, [`automaton`] for
//! how matching runs: linear in the text without back references and lookaround.

mod automaton;
mod charset;
mod divide;
mod parse;
mod program;
mod replace;
mod tree;

pub use replace::Replacement;

use automaton::{Cache, Runner};
use base::{Error, Result, bail};
use parse::{Assertion, Ast, invalid};
use program::Programs;
use std::sync::Mutex;
use tree::Node;

/// How a pattern is read and matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags {
    pub ignore_case: bool,
    /// `.` and complements do not match a newline.
    pub newline_stops: bool,
    /// `^` and `$` match at newlines.
    pub newline_anchors: bool,
    /// Spaces and comments in the pattern do not count.
    pub expanded: bool,
    /// The pattern is literal text.
    pub literal: bool,
    /// Advanced rather than extended expressions.
    pub advanced: bool,
    /// Basic expressions, which are not supported yet.
    pub basic: bool,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            ignore_case: false,
            newline_stops: false,
            newline_anchors: false,
            expanded: false,
            literal: false,
            advanced: true,
            basic: false,
        }
    }
}

impl Flags {
    /// Reads the options of the regexp functions; the second result is whether `g` was among them.
    ///
    /// # Errors
    /// `22023`
    pub fn parse(options: &str) -> Result<(Flags, bool)> {
        let mut flags = Flags::default();
        let mut global = false;
        for c in options.chars() {
            if c == 'g' {
                global = true;
            } else if !flags.apply(c) {
                bail!(INVALID_PARAMETER_VALUE, "invalid regular expression option: \"{c}\"");
            }
        }
        Ok((flags, global))
    }

    fn apply(&mut self, option: char) -> bool {
        let newlines = |flags: &mut Flags, stops, anchors| {
            (flags.newline_stops, flags.newline_anchors) = (stops, anchors);
        };
        match option {
            'b' => (self.advanced, self.basic, self.literal) = (false, true, false),
            'c' => self.ignore_case = false,
            'e' => (self.advanced, self.basic, self.literal) = (false, false, false),
            'i' => self.ignore_case = true,
            'm' | 'n' => newlines(self, true, true),
            'p' => newlines(self, true, false),
            'q' => (self.literal, self.advanced) = (true, false),
            's' => newlines(self, false, false),
            't' => self.expanded = false,
            'w' => newlines(self, false, true),
            'x' => self.expanded = true,
            _ => return false,
        }
        true
    }

    fn apply_embedded(&mut self, option: char) -> Result<()> {
        if self.apply(option) { Ok(()) } else { Err(invalid("invalid embedded option")) }
    }
}

/// Byte ranges of the whole match (0) and of each group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captures {
    ranges: Vec<Option<(usize, usize)>>,
}

impl Captures {
    /// The whole match.
    pub fn range(&self) -> (usize, usize) {
        self.ranges[0].unwrap_or((0, 0))
    }

    /// A group by number, 0 for the whole; `None` when it took no part.
    pub fn get(&self, group: usize) -> Option<(usize, usize)> {
        self.ranges.get(group).copied().flatten()
    }

    /// Number of groups, without the whole.
    pub fn groups(&self) -> usize {
        self.ranges.len() - 1
    }

    /// The text of a group.
    pub fn text<'t>(&self, text: &'t str, group: usize) -> Option<&'t str> {
        self.get(group).map(|(start, end)| &text[start..end])
    }
}

/// A compiled expression. It can be shared between threads; each use borrows the automata made by earlier ones.
#[derive(Debug)]
pub struct Regex {
    programs: Programs,
    root: Node,
    groups: usize,
    ignore_case: bool,
    has_backrefs: bool,
    /// Every match starts at the start of text.
    anchored: bool,
    prefix: String,
    /// The pattern is nothing but its prefix, up to the end of text.
    exact: bool,
    cache: Mutex<Option<Box<Cache>>>,
}

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `2201B`
    pub fn compile(pattern: &str, flags: Flags) -> Result<Regex> {
        if flags.basic {
            return Err(Error::unsupported("basic regular expression syntax"));
        }
        let (ast, flags, groups) = parse::parse(pattern, flags)?;
        if flags.basic {
            return Err(Error::unsupported("basic regular expression syntax"));
        }
        let mut programs = Programs::new(groups);
        let has_backrefs = collect_groups(&ast, &mut programs.groups);
        if !has_backrefs {
            programs.groups.clear();
        }
        let root = tree::build(&ast, &mut programs)?;
        let (anchored, prefix, exact) = literal_prefix(&ast);
        Ok(Regex {
            programs,
            root,
            groups,
            ignore_case: flags.ignore_case,
            has_backrefs,
            anchored,
            prefix,
            exact,
            cache: Mutex::new(None),
        })
    }

    /// Number of capturing groups.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// For an expression anchored at the start: the text that every match starts with, and whether the expression
    /// matches nothing but that text as a whole. For use with indexes.
    pub fn fixed_prefix(&self) -> Option<(&str, bool)> {
        (self.anchored && !self.prefix.is_empty()).then_some((self.prefix.as_str(), self.exact))
    }

    fn with_runner<T>(
        &self,
        text: &str,
        interrupt: &dyn Fn() -> Result<()>,
        body: impl FnOnce(&mut Runner<'_>) -> Result<T>,
    ) -> Result<T> {
        let kept = self.cache.lock().map_or(None, |mut slot| slot.take());
        let mut cache = kept.unwrap_or_else(|| Box::new(Cache::new(&self.programs)));
        let mut runner = Runner { programs: &self.programs, text, cache: &mut cache, interrupt, steps: 0 };
        let result = body(&mut runner);
        if result.is_ok()
            && let Ok(mut slot) = self.cache.lock()
        {
            *slot = Some(cache);
        }
        result
    }

    /// Whether the text contains a match.
    pub fn is_match(&self, text: &str) -> Result<bool> {
        self.is_match_interruptible(text, &|| Ok(()))
    }

    /// [`Regex::is_match`] that asks now and then whether it shall go on.
    ///
    /// # Errors
    /// What `interrupt` returns.
    pub fn is_match_interruptible(&self, text: &str, interrupt: &dyn Fn() -> Result<()>) -> Result<bool> {
        if self.has_backrefs {
            return Ok(self.find_interruptible(text, 0, interrupt)?.is_some());
        }
        let Some(start) = self.candidate(text, 0) else { return Ok(false) };
        self.with_runner(text, interrupt, |runner| {
            if self.anchored {
                Ok(runner.shortest(self.root.program, 0, 0, text.len())?.is_some())
            } else {
                Ok(runner.find_start(self.root.program, start)?.is_some())
            }
        })
    }

    /// The leftmost match that starts at or behind `start`, a byte offset at a character.
    pub fn find_at(&self, text: &str, start: usize) -> Result<Option<Captures>> {
        self.find_interruptible(text, start, &|| Ok(()))
    }

    /// [`Regex::find_at`] that asks now and then whether it shall go on.
    ///
    /// # Errors
    /// What `interrupt` returns.
    pub fn find_interruptible(
        &self,
        text: &str,
        start: usize,
        interrupt: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Captures>> {
        let Some(start) = self.candidate(text, start) else { return Ok(None) };
        self.with_runner(text, interrupt, |runner| {
            divide::find(
                runner,
                &self.root,
                start,
                &divide::Search {
                    groups: self.groups,
                    ignore_case: self.ignore_case,
                    has_backrefs: self.has_backrefs,
                    anchored: self.anchored,
                },
            )
        })
    }

    /// The first place at or behind `start` where a match can start, as far as its literal beginning tells.
    fn candidate(&self, text: &str, start: usize) -> Option<usize> {
        if start > text.len() || (self.anchored && start > 0) {
            return None;
        }
        if self.prefix.is_empty() {
            return Some(start);
        }
        if self.anchored {
            return text.starts_with(&self.prefix).then_some(0);
        }
        memchr::memmem::find(&text.as_bytes()[start..], self.prefix.as_bytes()).map(|at| start + at)
    }
}

/// Remembers the tree below each group; tells whether there are back references.
fn collect_groups(ast: &Ast, groups: &mut [Option<Ast>]) -> bool {
    match ast {
        Ast::Backref(_) => true,
        Ast::Capture(group, inner) => {
            let found = collect_groups(inner, groups);
            groups[*group] = Some((**inner).clone());
            found
        }
        Ast::Concat(parts) | Ast::Alternate(parts) => {
            parts.iter().fold(false, |found, part| collect_groups(part, groups) | found)
        }
        Ast::Repeat { inner, .. } => collect_groups(inner, groups),
        Ast::Empty | Ast::Set(_) | Ast::Assertion(_) | Ast::Look { .. } => false,
    }
}

/// Whether all matches start at the start of text, the literal text they start with, and whether that is all.
fn literal_prefix(ast: &Ast) -> (bool, String, bool) {
    let parts = match ast {
        Ast::Concat(parts) => &parts[..],
        other => std::slice::from_ref(other),
    };
    let anchored = matches!(parts.first(), Some(Ast::Assertion(Assertion::TextStart)));
    let mut rest = &parts[usize::from(anchored)..];
    let mut prefix = String::new();
    while let Some((Ast::Set(set), tail)) = rest.split_first() {
        let Some(c) = set.as_literal() else { break };
        prefix.push(c);
        rest = tail;
    }
    let exact = anchored && matches!(rest, [Ast::Assertion(Assertion::TextEnd)]);
    (anchored, prefix, exact)
}

#[cfg(test)]
mod tests;
