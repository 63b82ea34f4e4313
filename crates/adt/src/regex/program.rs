//! Nondeterministic automata over character sets, without captures.

use super::charset::CharSet;
use super::parse::{Assertion, Ast, invalid};
use base::Result;

/// All automata of one expression together may have this many instructions.
const MAX_INSTRUCTIONS: usize = 200_000;

#[derive(Clone, Copy, Debug)]
pub(super) enum Instruction {
    /// Consumes a character of a set.
    Set(u32, u32),
    Split(u32, u32),
    Assertion(Assertion, u32),
    /// Index into the lookaround conditions.
    Look(u32, u32),
    Match,
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) start: u32,
    /// Depends on the neighbouring characters.
    pub(super) has_assertions: bool,
    /// Depends on the text at large.
    pub(super) has_looks: bool,
}

/// A lookaround condition.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) ahead: bool,
    pub(super) negated: bool,
    pub(super) program: usize,
    /// The most characters that a match may have, for looking behind.
    pub(super) max_length: Option<usize>,
}

/// What all automata of one expression share.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    pub(super) programs: Vec<Program>,
    pub(super) sets: Vec<CharSet>,
    pub(super) looks: Vec<Look>,
    /// The tree below each group, for back references.
    pub(super) groups: Vec<Option<Ast>>,
    work: usize,
}

struct Emitter<'a> {
    programs: &'a mut Programs,
    program: Program,
    /// Inside of a back reference: conditions do not apply there.
    in_backref: bool,
}

impl Programs {
    /// For an expression with so many groups.
    pub(super) fn new(groups: usize) -> Programs {
        Programs { groups: vec![None; groups + 1], ..Programs::default() }
    }

    /// Compiles a tree; the result is an index into `programs`.
    pub(super) fn compile(&mut self, ast: &Ast) -> Result<usize> {
        let program = Program { instructions: Vec::new(), start: 0, has_assertions: false, has_looks: false };
        let mut emitter = Emitter { programs: self, program, in_backref: false };
        let end = emitter.push(Instruction::Match)?;
        emitter.program.start = emitter.emit(ast, end)?;
        let program = emitter.program;
        self.programs.push(program);
        Ok(self.programs.len() - 1)
    }

    fn set_index(&mut self, set: &CharSet) -> u32 {
        let known = self.sets.iter().position(|known| known == set);
        known.unwrap_or_else(|| {
            self.sets.push(set.clone());
            self.sets.len() - 1
        }) as u32
    }
}

impl Emitter<'_> {
    fn charge(&mut self) -> Result<()> {
        self.programs.work += 1;
        if self.programs.work > MAX_INSTRUCTIONS {
            return Err(invalid("regular expression is too complex"));
        }
        Ok(())
    }

    fn push(&mut self, instruction: Instruction) -> Result<u32> {
        self.charge()?;
        self.program.instructions.push(instruction);
        Ok(self.program.instructions.len() as u32 - 1)
    }

    /// Emits a tree that goes on at `next`; the result is where it starts.
    fn emit(&mut self, ast: &Ast, next: u32) -> Result<u32> {
        self.charge()?;
        match ast {
            Ast::Empty => Ok(next),
            Ast::Set(set) => {
                let set = self.programs.set_index(set);
                self.push(Instruction::Set(set, next))
            }
            Ast::Assertion(_) | Ast::Look { .. } if self.in_backref => Ok(next),
            Ast::Assertion(assertion) => {
                self.program.has_assertions = true;
                self.push(Instruction::Assertion(*assertion, next))
            }
            Ast::Look { ahead, negated, inner } => {
                self.program.has_looks = true;
                let program = self.programs.compile(inner)?;
                let look = Look { ahead: *ahead, negated: *negated, program, max_length: max_length(inner) };
                self.programs.looks.push(look);
                self.push(Instruction::Look(self.programs.looks.len() as u32 - 1, next))
            }
            Ast::Capture(_, inner) => self.emit(inner, next),
            Ast::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| self.emit(part, next)),
            Ast::Alternate(branches) => {
                let mut start = None;
                for branch in branches.iter().rev() {
                    let branch = self.emit(branch, next)?;
                    start = Some(match start {
                        None => branch,
                        Some(rest) => self.push(Instruction::Split(branch, rest))?,
                    });
                }
                Ok(start.unwrap_or(next))
            }
            Ast::Repeat { inner, min, max, .. } => self.emit_repeat(inner, *min, *max, next),
            Ast::Backref(group) => {
                let Some(Some(inner)) = self.programs.groups.get(*group).cloned() else { return Ok(next) };
                let outer = std::mem::replace(&mut self.in_backref, true);
                let start = self.emit(&inner, next);
                self.in_backref = outer;
                start
            }
        }
    }

    fn emit_repeat(&mut self, inner: &Ast, min: u32, max: Option<u32>, next: u32) -> Result<u32> {
        let mut start = next;
        let mut required = min;
        match max {
            None => {
                let split = self.push(Instruction::Split(next, next))?;
                let body = self.emit(inner, split)?;
                self.program.instructions[split as usize] = Instruction::Split(body, next);
                // The loop's body serves as the last required copy, so that nested loops do not double.
                start = if min > 0 { body } else { split };
                required = min.saturating_sub(1);
            }
            Some(max) => {
                for _ in min..max {
                    let body = self.emit(inner, start)?;
                    start = self.push(Instruction::Split(body, next))?;
                }
            }
        }
        for _ in 0..required {
            start = self.emit(inner, start)?;
        }
        Ok(start)
    }
}

/// The most characters that a tree can match, when bounded.
fn max_length(ast: &Ast) -> Option<usize> {
    match ast {
        Ast::Empty | Ast::Assertion(_) | Ast::Look { .. } => Some(0),
        Ast::Set(_) => Some(1),
        Ast::Capture(_, inner) => max_length(inner),
        Ast::Concat(parts) => parts.iter().map(max_length).sum(),
        Ast::Alternate(branches) => branches.iter().map(max_length).try_fold(0, |most, n| Some(most.max(n?))),
        Ast::Repeat { inner, max, .. } => max_length(inner)?.checked_mul((*max)? as usize),
        Ast::Backref(_) => None,
    }
}
