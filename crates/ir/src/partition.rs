//! Bounds of partitions, as pg_class.relpartbound stores them.

use crate::{Const, Expr};

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

/// How conditions on a partition key leave partitions out.
#[derive(Clone, Debug, PartialEq)]
pub enum PruneStep {
    /// The first key columns compare so with these values: all but the last are equal, the last as the B-tree strategy
    /// (1 to 5) says. `nulls`: key columns (from 0) that are NULL; with them, no values.
    Compare {
        strategy: i16,
        values: Vec<Expr>,
        nulls: Vec<usize>,
    },
    /// The only key column is another value.
    NotEqual(Expr),
    /// No key column is NULL.
    NotNull,
    And(Vec<PruneStep>),
    Or(Vec<PruneStep>),
    /// Nothing is known.
    Any,
    /// No row.
    Never,
}
