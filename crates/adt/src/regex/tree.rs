//! How a match is divided among subexpressions.
//!
//! A match of the whole is found by an automaton; then the tree says which part took what: a concatenation gives its
//! left part as much as it can (or as little, where that part prefers so) while the right part still matches the rest.
//! Consecutive parts without captures and with one preference are one leaf.

use super::parse::{Ast, invalid};
use super::program::Programs;
use base::Result;

/// One branch may have this many parts with captures, as each costs stack.
const MAX_PARTS: usize = 1000;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// The automaton for the text that this node matches (more than that, below back references).
    pub(super) program: usize,
    /// Prefers the shortest match.
    pub(super) shortest: bool,
    /// Has captures or back references below.
    pub(super) divided: bool,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Leaf,
    Capture(usize, Box<Node>),
    Concat(Box<Node>, Box<Node>),
    Alternate(Vec<Node>),
    Repeat { inner: Box<Node>, min: usize, max: Option<usize> },
    Backref { group: usize, min: usize, max: Option<usize> },
}

/// What a tree is made of, as far as division cares.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    longest: bool,
    shortest: bool,
    captures: bool,
    backrefs: bool,
    /// The preference of the whole: that of its first part which has one.
    prefers_shortest: Option<bool>,
}

impl Traits {
    fn with(self, other: Traits) -> Traits {
        Traits {
            longest: self.longest || other.longest,
            shortest: self.shortest || other.shortest,
            captures: self.captures || other.captures,
            backrefs: self.backrefs || other.backrefs,
            prefers_shortest: self.prefers_shortest.or(other.prefers_shortest),
        }
    }

    fn is_mixed(self) -> bool {
        self.longest && self.shortest
    }

    fn is_divided(self) -> bool {
        self.captures || self.backrefs
    }
}

fn traits(ast: &Ast) -> Traits {
    match ast {
        Ast::Empty | Ast::Set(_) | Ast::Assertion(_) | Ast::Look { .. } => Traits::default(),
        Ast::Backref(_) => Traits { backrefs: true, ..Traits::default() },
        Ast::Capture(_, inner) => Traits { captures: true, ..traits(inner) },
        Ast::Concat(parts) => parts.iter().fold(Traits::default(), |sum, part| sum.with(traits(part))),
        Ast::Alternate(branches) => {
            let longest = Traits { longest: true, prefers_shortest: Some(false), ..Traits::default() };
            branches.iter().fold(longest, |sum, branch| sum.with(traits(branch)))
        }
        Ast::Repeat { inner, greedy, .. } => {
            let own = match greedy {
                None => Traits::default(),
                Some(true) => Traits { longest: true, prefers_shortest: Some(false), ..Traits::default() },
                Some(false) => Traits { shortest: true, prefers_shortest: Some(true), ..Traits::default() },
            };
            own.with(traits(inner))
        }
    }
}

/// Builds the tree of nodes and the automata that it needs.
pub(super) fn build(ast: &Ast, programs: &mut Programs) -> Result<Node> {
    let traits = traits(ast);
    if !traits.is_divided() && !traits.is_mixed() {
        return leaf(ast, programs);
    }
    let kind = match ast {
        Ast::Capture(group, inner) => NodeKind::Capture(*group, Box::new(build(inner, programs)?)),
        Ast::Alternate(branches) => {
            NodeKind::Alternate(branches.iter().map(|branch| build(branch, programs)).collect::<Result<_>>()?)
        }
        Ast::Concat(parts) => return build_concat(parts, programs),
        Ast::Backref(group) => NodeKind::Backref { group: *group, min: 1, max: Some(1) },
        Ast::Repeat { inner, min, max, greedy } => match **inner {
            _ if (*min, *max) == (1, Some(1)) => return build(inner, programs),
            Ast::Backref(group) => {
                NodeKind::Backref { group, min: *min as usize, max: max.map(|max| max as usize) }
            }
            _ if !traits.is_divided() => return leaf(ast, programs),
            // All repetitions but the last, then the last, as only that one is captured.
            _ if *min > 0 && !traits.backrefs => {
                let first = Ast::Repeat {
                    inner: Box::new(without_captures(inner)),
                    min: min - 1,
                    max: max.map(|max| max - 1),
                    greedy: greedy.or(traits.prefers_shortest.map(|shortest| !shortest)),
                };
                let last = build(inner, programs)?;
                NodeKind::Concat(Box::new(leaf(&first, programs)?), Box::new(last))
            }
            _ => NodeKind::Repeat {
                inner: Box::new(build(inner, programs)?),
                min: *min as usize,
                max: max.map(|max| max as usize),
            },
        },
        Ast::Empty | Ast::Set(_) | Ast::Assertion(_) | Ast::Look { .. } => NodeKind::Leaf,
    };
    Ok(Node {
        kind,
        program: programs.compile(ast)?,
        shortest: traits.prefers_shortest == Some(true),
        divided: traits.is_divided(),
    })
}

fn leaf(ast: &Ast, programs: &mut Programs) -> Result<Node> {
    let shortest = traits(ast).prefers_shortest == Some(true);
    Ok(Node { kind: NodeKind::Leaf, program: programs.compile(ast)?, shortest, divided: false })
}

/// The parts that are divided separately: runs of plain parts become one.
fn separate(parts: &[Ast]) -> Vec<Ast> {
    let mut separated = Vec::new();
    let mut run: Vec<Ast> = Vec::new();
    let mut run_traits = Traits::default();
    for part in parts {
        let own = traits(part);
        let both = run_traits.with(own);
        if !own.is_divided() && !both.is_mixed() {
            run.push(part.clone());
            run_traits = both;
            continue;
        }
        if !run.is_empty() {
            separated.push(Ast::Concat(std::mem::take(&mut run)));
        }
        run_traits = Traits::default();
        separated.push(part.clone());
    }
    if !run.is_empty() {
        separated.push(Ast::Concat(run));
    }
    separated
}

fn without_captures(ast: &Ast) -> Ast {
    match ast {
        Ast::Capture(_, inner) => without_captures(inner),
        Ast::Concat(parts) => Ast::Concat(parts.iter().map(without_captures).collect()),
        Ast::Alternate(branches) => Ast::Alternate(branches.iter().map(without_captures).collect()),
        Ast::Repeat { inner, min, max, greedy } => {
            Ast::Repeat { inner: Box::new(without_captures(inner)), min: *min, max: *max, greedy: *greedy }
        }
        Ast::Empty | Ast::Set(_) | Ast::Assertion(_) | Ast::Look { .. } | Ast::Backref(_) => ast.clone(),
    }
}

fn build_concat(parts: &[Ast], programs: &mut Programs) -> Result<Node> {
    let parts = separate(parts);
    if parts.len() > MAX_PARTS {
        return Err(invalid("regular expression is too complex"));
    }
    let mut node: Option<Node> = None;
    for (i, part) in parts.iter().enumerate().rev() {
        let left = if traits(part).is_divided() { build(part, programs)? } else { leaf(part, programs)? };
        node = Some(match node {
            None => left,
            Some(right) => {
                let whole = Ast::Concat(parts[i..].to_vec());
                let traits = traits(&whole);
                Node {
                    kind: NodeKind::Concat(Box::new(left), Box::new(right)),
                    program: programs.compile(&whole)?,
                    shortest: traits.prefers_shortest == Some(true),
                    divided: traits.is_divided(),
                }
            }
        });
    }
    match node {
        Some(node) => Ok(node),
        None => leaf(&Ast::Empty, programs),
    }
}
