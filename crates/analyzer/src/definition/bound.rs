//! Bounds of partitions as text.

use super::Definitions;
use base::Result;
use ir::{Const, PartitionBound, RangeDatum};

impl Definitions<'_> {
    /// `FOR VALUES ...` or `DEFAULT`.
    ///
    /// # Errors
    /// What output functions fail with.
    pub fn partition_bound(&self, bound: &PartitionBound) -> Result<String> {
        Ok(match bound {
            PartitionBound::Default(_) => "DEFAULT".to_owned(),
            PartitionBound::Hash { modulus, remainder } => {
                format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
            }
            PartitionBound::List(values) => {
                let texts: Result<Vec<String>> = values.iter().map(|v| self.bound_value(v)).collect();
                format!("FOR VALUES IN ({})", texts?.join(", "))
            }
            PartitionBound::Range { lower, upper } => {
                format!("FOR VALUES FROM {} TO {}", self.range_side(lower)?, self.range_side(upper)?)
            }
        })
    }

    /// `(1, MINVALUE)`: one side of a range.
    ///
    /// # Errors
    /// What output functions fail with.
    pub fn range_side(&self, side: &[RangeDatum]) -> Result<String> {
        let text = |datum: &RangeDatum| match datum {
            RangeDatum::MinValue => Ok("MINVALUE".to_owned()),
            RangeDatum::MaxValue => Ok("MAXVALUE".to_owned()),
            RangeDatum::Value(value) => self.bound_value(value),
        };
        let texts: Result<Vec<String>> = side.iter().map(text).collect();
        Ok(format!("({})", texts?.join(", ")))
    }

    fn bound_value(&self, value: &Const) -> Result<String> {
        let mut printer = self.printer();
        printer.bare_constant(value)?;
        Ok(printer.into_text())
    }
}
