//! Combo command ids: a tuple that its own transaction both inserted and deleted has room for one command id only,
//! so it stores a number that stands for the pair.

use base::{CommandId, Result, bail, err};
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct ComboCommands {
    pairs: Vec<(CommandId, CommandId)>,
    numbers: HashMap<(CommandId, CommandId), CommandId>,
}

impl ComboCommands {
    /// The number that stands for inserted by `cmin`, deleted by `cmax`.
    pub fn number(&mut self, cmin: CommandId, cmax: CommandId) -> Result<CommandId> {
        if let Some(number) = self.numbers.get(&(cmin, cmax)) {
            return Ok(*number);
        }
        let Ok(next) = u32::try_from(self.pairs.len()) else {
            bail!(PROGRAM_LIMIT_EXCEEDED, "cannot have more than 2^32-2 commands in a transaction");
        };
        self.pairs.push((cmin, cmax));
        self.numbers.insert((cmin, cmax), CommandId(next));
        Ok(CommandId(next))
    }

    pub fn pair(&self, number: CommandId) -> Result<(CommandId, CommandId)> {
        self.pairs
            .get(number.0 as usize)
            .copied()
            .ok_or_else(|| err!(DATA_CORRUPTED, "combo command id {number} is not of this transaction"))
    }
}
