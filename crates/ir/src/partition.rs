//! Bounds of partitions, as pg_class.relpartbound stores them.

use crate::Const;

#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBound {
    /// What no other partition takes. The letter is pg_partitioned_table.partstrat.
    Default(u8),
    Hash {
        modulus: i32,
        remainder: i32,
    },
    /// NULL is a value like others.
    List(Vec<Const>),
    /// From the lower bound to below the upper one, by key column.
    Range {
        lower: Vec<RangeDatum>,
        upper: Vec<RangeDatum>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum RangeDatum {
    MinValue,
    Value(Const),
    MaxValue,
}
