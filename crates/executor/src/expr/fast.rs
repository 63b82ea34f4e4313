//! Loops of their own for the commonest operators on numbers: comparisons, and additions and so on whose overflow a
//! whole batch is checked for at once. Where a batch is not plain (an overflow, an odd representation) the ordinary
//! function runs instead and raises its error.

use crate::keys::without_blanks;
use datum::{ByteValues, Column, Nulls, Repr, Selection, Values};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Mul,
}

/// An operator over two columns of the same representation, or of a date and a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fast {
    op: Op,
    operands: Repr,
    /// Which side is a date, where the other is a timestamp without time zone.
    date: Option<Side>,
    /// Of strings: whether blanks at their ends do not count.
    blanked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Fast {
    /// By the operator function's source name.
    pub fn by_source(source: &str) -> Option<Fast> {
        let families: [(&str, Repr); 8] = [
            ("int4", Repr::Int4),
            ("int8", Repr::Int8),
            ("int2", Repr::Int2),
            ("float8", Repr::Float8),
            ("float4", Repr::Float4),
            ("date_", Repr::Int4),
            ("timestamp_", Repr::Int8),
            ("bool", Repr::Bool),
        ];
        let mixed = [("date_", "_timestamp", Side::Left), ("timestamp_", "_date", Side::Right)];
        for (prefix, suffix, side) in mixed {
            if let Some(name) = source.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)) {
                let op = comparison(name)?;
                return Some(Fast { op, operands: Repr::Int8, date: Some(side), blanked: false });
            }
        }
        for (prefix, blanked) in [("text", false), ("bpchar", true)] {
            let op =
                source.strip_prefix(prefix).and_then(comparison).filter(|op| matches!(op, Op::Eq | Op::Ne));
            if let Some(op) = op {
                return Some(Fast { op, operands: Repr::Bytes, date: None, blanked });
            }
        }
        let (prefix, operands) = families.into_iter().find(|(prefix, _)| source.starts_with(prefix))?;
        let arithmetic = matches!(prefix, "int4" | "int8" | "int2" | "float8");
        let op = match &source[prefix.len()..] {
            "pl" if arithmetic => Op::Add,
            "mi" if arithmetic => Op::Sub,
            "mul" if arithmetic => Op::Mul,
            name => comparison(name)?,
        };
        Some(Fast { op, operands, date: None, blanked: false })
    }

    pub fn result(self) -> Repr {
        match self.op {
            Op::Add | Op::Sub | Op::Mul => self.operands,
            _ => Repr::Bool,
        }
    }

    /// The result, or `None` when the ordinary function has to look at the batch.
    pub fn run(self, left: &Column, right: &Column, rows: &Selection) -> Option<Column> {
        let bound = rows.bound();
        let values = match (left.values(), right.values()) {
            (Values::Int4(dates), Values::Int8(b)) if self.date == Some(Side::Left) => {
                let a = &midnights(dates);
                Values::Bool(Sides { a, b, left, right, bound }.compare(self.op)?)
            }
            (Values::Int8(a), Values::Int4(dates)) if self.date == Some(Side::Right) => {
                let b = &midnights(dates);
                Values::Bool(Sides { a, b, left, right, bound }.compare(self.op)?)
            }
            _ if self.date.is_some() => return None,
            (Values::Bytes(a), Values::Bytes(b)) if self.operands == Repr::Bytes => {
                Values::Bool(self.compare_strings(a, b, left, right, rows))
            }
            (Values::Int4(a), Values::Int4(b)) => {
                let sides = Sides { a, b, left, right, bound };
                match self.op {
                    Op::Add => Values::Int4(sides.checked(rows, i32::overflowing_add)?),
                    Op::Sub => Values::Int4(sides.checked(rows, i32::overflowing_sub)?),
                    Op::Mul => Values::Int4(sides.checked(rows, i32::overflowing_mul)?),
                    op => Values::Bool(sides.compare(op)?),
                }
            }
            (Values::Int8(a), Values::Int8(b)) => {
                let sides = Sides { a, b, left, right, bound };
                match self.op {
                    Op::Add => Values::Int8(sides.checked(rows, i64::overflowing_add)?),
                    Op::Sub => Values::Int8(sides.checked(rows, i64::overflowing_sub)?),
                    Op::Mul => Values::Int8(sides.checked(rows, i64::overflowing_mul)?),
                    op => Values::Bool(sides.compare(op)?),
                }
            }
            (Values::Int2(a), Values::Int2(b)) => {
                Values::Bool(Sides { a, b, left, right, bound }.compare(self.op)?)
            }
            (Values::Bool(a), Values::Bool(b)) => {
                Values::Bool(Sides { a, b, left, right, bound }.compare(self.op)?)
            }
            (Values::Float8(a), Values::Float8(b)) => {
                let sides = Sides { a, b, left, right, bound };
                let special = |v: f64| !v.is_finite();
                match self.op {
                    Op::Add => Values::Float8(sides.checked(rows, |x, y| (x + y, special(x + y)))?),
                    Op::Sub => Values::Float8(sides.checked(rows, |x, y| (x - y, special(x - y)))?),
                    // An underflow to zero is an error too.
                    Op::Mul => Values::Float8(sides.checked(rows, |x: f64, y: f64| {
                        let product = x * y;
                        (product, special(product) || (product == 0.0 && x != 0.0 && y != 0.0))
                    })?),
                    op if a.iter().chain(b).any(|v| v.is_nan()) => {
                        let _ = op;
                        return None;
                    }
                    op => Values::Bool(sides.compare(op)?),
                }
            }
            (Values::Float4(a), Values::Float4(b)) if !a.iter().chain(b).any(|v| v.is_nan()) => {
                Values::Bool(Sides { a, b, left, right, bound }.compare(self.op)?)
            }
            _ => return None,
        };
        Some(Column::new(values, nulls(left, right, bound)))
    }

    /// Whether strings are equal, or differ, at the selected rows.
    fn compare_strings(
        self,
        a: &ByteValues,
        b: &ByteValues,
        left: &Column,
        right: &Column,
        rows: &Selection,
    ) -> Vec<bool> {
        let wanted = self.op == Op::Eq;
        let mut results = vec![false; rows.bound()];
        let (values, fixed) = match (left.is_constant(), right.is_constant()) {
            (false, true) => (a, Some(b.get(0))),
            (true, false) => (b, Some(a.get(0))),
            _ => (a, None),
        };
        match fixed {
            Some(fixed) => {
                let fixed = if self.blanked { without_blanks(fixed) } else { fixed };
                rows.for_each(|row| {
                    let value = values.get(row);
                    let equal = match value.split_at_checked(fixed.len()) {
                        Some((start, rest)) if self.blanked => start == fixed && is_blank(rest),
                        Some((start, rest)) => rest.is_empty() && start == fixed,
                        None => false,
                    };
                    results[row] = equal == wanted;
                });
            }
            None => rows.for_each(|row| {
                let (x, y) = (a.get(left.slot(row)), b.get(right.slot(row)));
                let equal = if self.blanked { without_blanks(x) == without_blanks(y) } else { x == y };
                results[row] = equal == wanted;
            }),
        }
        results
    }
}

#[inline]
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b' ')
}

fn comparison(name: &str) -> Option<Op> {
    Some(match name {
        "eq" => Op::Eq,
        "ne" => Op::Ne,
        "lt" => Op::Lt,
        "le" => Op::Le,
        "gt" => Op::Gt,
        "ge" => Op::Ge,
        _ => return None,
    })
}

/// Timestamps at which days begin, as far as they compare with timestamps: a day that is too late to be one is later
/// than every other, but not infinite.
fn midnights(dates: &[i32]) -> Vec<i64> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let midnight = |date: i32| match date {
        i32::MIN => i64::MIN,
        i32::MAX => i64::MAX,
        day => i64::from(day).saturating_mul(DAY_MICROS).clamp(i64::MIN + 1, i64::MAX - 1),
    };
    dates.iter().map(|date| midnight(*date)).collect()
}

/// A result is NULL where either side is.
fn nulls(left: &Column, right: &Column, bound: usize) -> Nulls {
    let mut nulls = Nulls::default();
    if left.has_nulls() || right.has_nulls() {
        (0..bound).filter(|row| left.is_null(*row) || right.is_null(*row)).for_each(|row| nulls.set(row));
    }
    nulls
}

struct Sides<'a, T> {
    a: &'a [T],
    b: &'a [T],
    left: &'a Column,
    right: &'a Column,
    bound: usize,
}

impl<T: Copy + PartialOrd> Sides<'_, T> {
    /// Both sides as slices of `bound` values, or a slice and a constant.
    fn zip<R>(&self, mut f: impl FnMut(T, T) -> R) -> Vec<R> {
        match (self.left.is_constant(), self.right.is_constant()) {
            (false, true) => {
                let y = self.b[0];
                self.a[..self.bound].iter().map(|x| f(*x, y)).collect()
            }
            (true, false) => {
                let x = self.a[0];
                self.b[..self.bound].iter().map(|y| f(x, *y)).collect()
            }
            (true, true) => (0..self.bound).map(|_| f(self.a[0], self.b[0])).collect(),
            (false, false) => {
                self.a[..self.bound].iter().zip(&self.b[..self.bound]).map(|(x, y)| f(*x, *y)).collect()
            }
        }
    }

    fn compare(&self, op: Op) -> Option<Vec<bool>> {
        Some(match op {
            Op::Eq => self.zip(|x, y| x == y),
            Op::Ne => self.zip(|x, y| x != y),
            Op::Lt => self.zip(|x, y| x < y),
            Op::Le => self.zip(|x, y| x <= y),
            Op::Gt => self.zip(|x, y| x > y),
            Op::Ge => self.zip(|x, y| x >= y),
            Op::Add | Op::Sub | Op::Mul => return None,
        })
    }

    /// `None` if a selected row that is not NULL raised the flag.
    fn checked(&self, rows: &Selection, f: impl Fn(T, T) -> (T, bool)) -> Option<Vec<T>> {
        let mut flagged = Vec::new();
        let mut row = 0u32;
        let values = self.zip(|x, y| {
            let (value, flag) = f(x, y);
            if flag {
                flagged.push(row);
            }
            row += 1;
            value
        });
        let selected = |row: u32| match rows {
            Selection::All(_) => true,
            Selection::Rows(rows) => rows.binary_search(&row).is_ok(),
        };
        let real = |row: &u32| {
            selected(*row) && !self.left.is_null(*row as usize) && !self.right.is_null(*row as usize)
        };
        if flagged.iter().any(real) { None } else { Some(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{ColumnBuilder, Datum};

    fn column(values: &[Option<i32>]) -> Column {
        let mut builder = ColumnBuilder::new(Repr::Int4, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::Int4)));
        builder.finish()
    }

    #[test]
    fn compares_with_a_constant_and_keeps_nulls() {
        let left = column(&[Some(1), None, Some(9)]);
        let right = Column::constant(Repr::Int4, Some(Datum::Int4(5)));
        let less = Fast::by_source("int4lt").unwrap();
        let result = less.run(&left, &right, &Selection::All(3)).unwrap();
        let values: Vec<_> = (0..3).map(|row| result.get(row)).collect();
        assert_eq!(values, [Some(Datum::Bool(true)), None, Some(Datum::Bool(false))]);
    }

    #[test]
    fn strings_compare_with_and_without_blanks() {
        let strings = |values: &[Option<&str>]| {
            let mut builder = ColumnBuilder::new(Repr::Bytes, values.len());
            values.iter().for_each(|v| builder.push(v.map(Datum::from)));
            builder.finish()
        };
        let left = strings(&[Some("ab  "), Some("ab"), Some("abc"), None, Some("a")]);
        let right = Column::constant(Repr::Bytes, Some(Datum::from("ab ")));
        let run = |source, right: &Column| -> Vec<Option<bool>> {
            let result = Fast::by_source(source).unwrap().run(&left, right, &Selection::All(5)).unwrap();
            (0..5).map(|row| result.get(row).map(Datum::bool)).collect()
        };
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(run("bpchareq", &right), [yes, yes, no, None, no]);
        assert_eq!(run("bpcharne", &right), [no, no, yes, None, yes]);
        assert_eq!(run("texteq", &right), [no, no, no, None, no]);
        assert_eq!(run("textne", &left), [no, no, no, None, no]);
        assert_eq!(run("bpchareq", &left), [yes, yes, yes, None, yes]);
    }

    #[test]
    fn an_overflow_counts_only_where_it_is_selected() {
        let left = column(&[Some(i32::MAX), Some(1)]);
        let right = Column::constant(Repr::Int4, Some(Datum::Int4(1)));
        let add = Fast::by_source("int4pl").unwrap();
        assert!(add.run(&left, &right, &Selection::All(2)).is_none());
        let result = add.run(&left, &right, &Selection::Rows(vec![1])).unwrap();
        assert_eq!(result.get(1), Some(Datum::Int4(2)));
    }
}
