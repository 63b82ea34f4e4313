//! What all generating code shares: the random numbers, the tables so far, and what results may be compared with.

use super::random::Random;
use super::schema::Table;

pub struct Generator {
    pub random: Random,
    pub tables: Vec<Table>,
    /// Whether tables may have thousands of rows.
    pub bulky: bool,
    /// Set by whatever makes the spelling of equal values (1.0, 1.00) or the last digits of sums depend on the plan.
    pub loose: bool,
    /// Names that common table expressions have here: name, types of its columns.
    pub common: Vec<Table>,
    pub aliases: usize,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        let mut random = Random::new(seed);
        let bulky = random.chance(35);
        Generator { random, tables: Vec::new(), bulky, loose: false, common: Vec::new(), aliases: 0 }
    }

    pub fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("a{}", self.aliases)
    }
}
