//! Deterministic automata, made as the text asks for them.
//!
//! A state is the set of instructions reached right behind a character, before any conditions were looked at, with
//! the kind of that character. The next character, or the end of text, tells which conditions hold; so whether a state
//! accepts is known with the next symbol. Characters that no set of the expression tells apart share a color.

use super::charset::is_word;
use super::parse::Assertion;
use super::program::{Instruction, Programs};
use base::Result;
use std::collections::HashMap;

/// An automaton with more states than this starts anew.
const MAX_STATES: usize = 5_000;
/// The color of the end of text.
const END: usize = 0;
const UNKNOWN: u32 = u32::MAX;
/// Stands for the start instruction in a state of a floating automaton in which no match is under way.
const FRESH: u32 = u32::MAX;
/// The state without instructions.
pub(super) const DEAD: u32 = 0;

/// What lies on one side of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Edge,
    Newline,
    Word,
    Other,
}

/// By number.
const SIDES: [Side; 4] = [Side::Edge, Side::Newline, Side::Word, Side::Other];

impl Side {
    fn of(c: Option<char>) -> Side {
        match c {
            None => Side::Edge,
            Some('\n') => Side::Newline,
            Some(c) if is_word(c) => Side::Word,
            Some(_) => Side::Other,
        }
    }
}

impl Assertion {
    fn holds(self, before: Side, after: Side) -> bool {
        let (word_before, word_after) = (before == Side::Word, after == Side::Word);
        match self {
            Assertion::TextStart => before == Side::Edge,
            Assertion::TextEnd => after == Side::Edge,
            Assertion::LineStart => matches!(before, Side::Edge | Side::Newline),
            Assertion::LineEnd => matches!(after, Side::Edge | Side::Newline),
            Assertion::WordStart => !word_before && word_after,
            Assertion::WordEnd => word_before && !word_after,
            Assertion::WordBoundary => word_before != word_after,
            Assertion::NotWordBoundary => word_before == word_after,
        }
    }
}

#[derive(Debug, Default)]
struct Automaton {
    states: Vec<(Side2, Box<[u32]>)>,
    index: HashMap<(Side2, Box<[u32]>), u32>,
    /// By state and color: twice the next state, plus one when the position before the color accepts.
    transitions: Vec<Vec<u32>>,
    /// By side, the state that texts begin with; 0 until it is made.
    starts: [u32; SIDES.len()],
}

/// A side as a number, for hashing.
type Side2 = u8;

impl Automaton {
    fn intern(&mut self, side: Side2, instructions: Vec<u32>) -> u32 {
        if self.states.len() >= MAX_STATES {
            *self = Automaton::default();
        }
        if self.states.is_empty() {
            self.states.push((0, Box::new([])));
            self.transitions.push(Vec::new());
        }
        if instructions.is_empty() {
            return DEAD;
        }
        let key = (side, instructions.into_boxed_slice());
        if let Some(&state) = self.index.get(&key) {
            return state;
        }
        let state = self.states.len() as u32;
        if key.1[..] == [FRESH] {
            self.starts[usize::from(side)] = state;
        }
        self.states.push(key.clone());
        self.transitions.push(Vec::new());
        self.index.insert(key, state);
        state
    }
}

/// Colors of characters, found by asking every set once.
#[derive(Debug)]
struct Colors {
    ascii: [u16; 128],
    others: HashMap<char, u16>,
    signatures: HashMap<Vec<u64>, u16>,
}

/// All that is made while matching and worth keeping for the next text.
#[derive(Debug)]
pub(super) struct Cache {
    colors: Colors,
    automata: Vec<Automaton>,
    seen: Vec<u32>,
    generation: u32,
}

impl Cache {
    pub(super) fn new(programs: &Programs) -> Cache {
        let largest = programs.programs.iter().map(|program| program.instructions.len()).max();
        Cache {
            colors: Colors { ascii: [0; 128], others: HashMap::new(), signatures: HashMap::new() },
            automata: (0..programs.programs.len() * 2).map(|_| Automaton::default()).collect(),
            seen: vec![0; largest.unwrap_or(0)],
            generation: 0,
        }
    }
}

impl Colors {
    #[inline]
    fn of(&mut self, programs: &Programs, c: Option<char>) -> usize {
        let Some(c) = c else { return END };
        let known =
            if c.is_ascii() { self.ascii[c as usize] } else { self.others.get(&c).copied().unwrap_or(0) };
        if known != 0 { usize::from(known) } else { self.find(programs, c) }
    }

    fn find(&mut self, programs: &Programs, c: char) -> usize {
        let mut signature = vec![0_u64; (programs.sets.len() + 2).div_ceil(64)];
        let traits = [c == '\n', is_word(c)].into_iter();
        for (i, bit) in traits.chain(programs.sets.iter().map(|set| set.contains(c))).enumerate() {
            signature[i / 64] |= u64::from(bit) << (i % 64);
        }
        let next = self.signatures.len() as u16 + 1;
        let color = *self.signatures.entry(signature).or_insert(next);
        if c.is_ascii() {
            self.ascii[c as usize] = color;
        } else {
            self.others.insert(c, color);
        }
        usize::from(color)
    }
}

/// One text being matched.
pub(super) struct Runner<'a> {
    pub(super) programs: &'a Programs,
    pub(super) text: &'a str,
    pub(super) cache: &'a mut Cache,
    pub(super) interrupt: &'a dyn Fn() -> Result<()>,
    pub(super) steps: u32,
}

impl Runner<'_> {
    #[inline]
    pub(super) fn char_at(&self, at: usize) -> Option<char> {
        match self.text.as_bytes().get(at) {
            Some(&byte) if byte < 128 => Some(char::from(byte)),
            _ => self.text[at..].chars().next(),
        }
    }

    fn side_before(&self, at: usize) -> Side {
        Side::of(self.text[..at].chars().next_back())
    }

    /// Gives a waiting cancel request its chance.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps < 8192 {
            return Ok(());
        }
        self.steps = 0;
        (self.interrupt)()
    }

    fn start_state(&mut self, program: usize, floating: bool, at: usize) -> u32 {
        let side = self.side_before(at);
        let start = self.programs.programs[program].start;
        let side = if self.programs.programs[program].has_assertions { side as u8 } else { 0 };
        let first = if floating { FRESH } else { start };
        let automaton = &mut self.cache.automata[program * 2 + usize::from(floating)];
        if automaton.starts[usize::from(side)] == DEAD {
            let state = automaton.intern(side, vec![first]);
            automaton.starts[usize::from(side)] = state;
        }
        automaton.starts[usize::from(side)]
    }

    /// Whether this position accepts, and the state behind its character.
    #[inline]
    fn step(
        &mut self,
        program: usize,
        floating: bool,
        state: u32,
        at: usize,
        c: Option<char>,
    ) -> Result<(bool, u32)> {
        let programs = self.programs;
        let color = self.cache.colors.of(programs, c);
        let automaton = &self.cache.automata[program * 2 + usize::from(floating)];
        match automaton.transitions[state as usize].get(color) {
            Some(&known) if known != UNKNOWN => Ok((known & 1 == 1, known >> 1)),
            _ => self.make_step(program, floating, state, at, c, color),
        }
    }

    fn make_step(
        &mut self,
        program: usize,
        floating: bool,
        state: u32,
        at: usize,
        c: Option<char>,
        color: usize,
    ) -> Result<(bool, u32)> {
        let programs = self.programs;
        let code = &programs.programs[program];
        let which = program * 2 + usize::from(floating);
        let (side, from) = self.cache.automata[which].states[state as usize].clone();
        let before = if code.has_looks { self.side_before(at) } else { SIDES[usize::from(side)] };
        let after = Side::of(c);
        let mut stack: Vec<u32> = from.iter().copied().filter(|&instruction| instruction != FRESH).collect();
        if floating {
            stack.push(code.start);
        }
        let mut accepts = false;
        let mut reached: Vec<u32> = Vec::new();
        let mut visited = std::mem::take(&mut self.cache.seen);
        self.cache.generation += 1;
        let generation = self.cache.generation;
        // Conditions that look around run automata of their own, which need the marks; they wait until the end.
        let mut waiting: Vec<(u32, u32)> = Vec::new();
        loop {
            while let Some(at_instruction) = stack.pop() {
                let mark = &mut visited[at_instruction as usize];
                if *mark == generation {
                    continue;
                }
                *mark = generation;
                match code.instructions[at_instruction as usize] {
                    Instruction::Match => accepts = true,
                    Instruction::Split(a, b) => stack.extend([b, a]),
                    Instruction::Assertion(assertion, next) => {
                        if assertion.holds(before, after) {
                            stack.push(next);
                        }
                    }
                    Instruction::Look(look, next) => waiting.push((look, next)),
                    Instruction::Set(set, next) => {
                        if c.is_some_and(|c| programs.sets[set as usize].contains(c)) {
                            reached.push(next);
                        }
                    }
                }
            }
            let Some((look, next)) = waiting.pop() else { break };
            let mut spare = std::mem::take(&mut self.cache.seen);
            spare.resize(visited.len(), 0);
            self.cache.seen = spare;
            if self.look_holds(look as usize, at)? {
                stack.push(next);
            }
        }
        self.cache.seen = visited;
        reached.sort_unstable();
        reached.dedup();
        if floating && reached.is_empty() {
            reached.push(FRESH);
        }
        let next_side = if code.has_assertions { after as u8 } else { 0 };
        let automaton = &mut self.cache.automata[which];
        let before_count = automaton.states.len();
        let next = automaton.intern(next_side, reached);
        // After a fresh start, this state is no longer there to remember anything.
        if !code.has_looks && automaton.states.len() >= before_count {
            let row = &mut automaton.transitions[state as usize];
            if row.len() <= color {
                row.resize(color + 1, UNKNOWN);
            }
            row[color] = (next << 1) | u32::from(accepts);
        }
        Ok((accepts, next))
    }

    fn look_holds(&mut self, look: usize, at: usize) -> Result<bool> {
        let look = &self.programs.looks[look];
        let found = if look.ahead {
            self.shortest(look.program, at, at, self.text.len())?.is_some()
        } else {
            let start = match look.max_length {
                Some(0) => at,
                Some(n) => self.text[..at].char_indices().rev().take(n).last().map_or(at, |(i, _)| i),
                None => 0,
            };
            self.ends_at(look.program, start, at)?
        };
        Ok(found != look.negated)
    }

    /// Whether a match that starts at or behind `start` ends at `end`.
    fn ends_at(&mut self, program: usize, start: usize, end: usize) -> Result<bool> {
        let mut state = self.start_state(program, true, start);
        let mut at = start;
        loop {
            self.tick()?;
            let c = self.char_at(at);
            let (accepts, next) = self.step(program, true, state, at, c)?;
            if at >= end {
                return Ok(accepts);
            }
            at += c.map_or(1, char::len_utf8);
            state = next;
        }
    }

    /// The latest end, up to `limit`, of a match from `start`.
    pub(super) fn longest(&mut self, program: usize, start: usize, limit: usize) -> Result<Option<usize>> {
        let mut state = self.start_state(program, false, start);
        let mut at = start;
        let mut end = None;
        loop {
            self.tick()?;
            let c = self.char_at(at);
            let (accepts, next) = self.step(program, false, state, at, c)?;
            if accepts {
                end = Some(at);
            }
            let Some(c) = c.filter(|_| next != DEAD && at < limit) else { return Ok(end) };
            at += c.len_utf8();
            state = next;
        }
    }

    /// The earliest end, from `least` to `limit`, of a match from `start`.
    pub(super) fn shortest(
        &mut self,
        program: usize,
        start: usize,
        least: usize,
        limit: usize,
    ) -> Result<Option<usize>> {
        let mut state = self.start_state(program, false, start);
        let mut at = start;
        loop {
            self.tick()?;
            let c = self.char_at(at);
            let (accepts, next) = self.step(program, false, state, at, c)?;
            if accepts && at >= least {
                return Ok(Some(at));
            }
            let Some(c) = c.filter(|_| next != DEAD && at < limit) else { return Ok(None) };
            at += c.len_utf8();
            state = next;
        }
    }

    /// Whether any match starts at or behind `start`; if so, a position that the first one does not start before.
    pub(super) fn find_start(&mut self, program: usize, start: usize) -> Result<Option<usize>> {
        let mut state = self.start_state(program, true, start);
        let mut at = start;
        let mut cold = start;
        loop {
            if self.skip(program, &mut state, &mut at, &mut cold) {
                return Ok(Some(cold));
            }
            self.tick()?;
            let c = self.char_at(at);
            let (accepts, next) = self.step(program, true, state, at, c)?;
            if accepts {
                return Ok(Some(cold));
            }
            let Some(c) = c else { return Ok(None) };
            at += c.len_utf8();
            state = next;
            let (_, instructions) = &self.cache.automata[program * 2 + 1].states[state as usize];
            if instructions[..] == [FRESH] {
                cold = at;
            }
        }
    }

    /// Goes on through ASCII characters for as long as the automaton knows the way, some thousand at most; true when it
    /// accepts.
    fn skip(&mut self, program: usize, state: &mut u32, at: &mut usize, cold: &mut usize) -> bool {
        const MOST: usize = 8192;
        let automaton = &self.cache.automata[program * 2 + 1];
        let colors = &self.cache.colors.ascii;
        let text = self.text.as_bytes();
        let fresh = automaton.starts;
        let end = text.len().min(*at + MOST);
        let (mut now, mut place) = (*state, *at);
        let mut accepts = false;
        while place < end {
            let color = colors.get(usize::from(text[place])).copied().unwrap_or(0);
            // Color 0 is the end's: this character's is not known, or it is none of ASCII.
            let known = match automaton.transitions[now as usize].get(usize::from(color)) {
                Some(&known) if known != UNKNOWN && color != 0 => known,
                _ => break,
            };
            if known & 1 == 1 {
                accepts = true;
                break;
            }
            now = known >> 1;
            place += 1;
            if fresh.contains(&now) {
                *cold = place;
            }
        }
        self.steps += (place - *at) as u32;
        (*state, *at) = (now, place);
        accepts
    }
}
