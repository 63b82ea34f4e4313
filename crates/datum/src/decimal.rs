//! Vectors of decimal numbers as integers: for columns of numeric whose values all have one display scale and are small,
//! as those of numeric(15,2) are.

use crate::{ByteValues, Column, Nulls, Selection, Values};
use adt::numeric::{push_units, short_scale, short_units};
use std::cmp::Ordering;

/// Numbers of `units` * 10000^-`groups`, all shown with `scale` digits behind the point. Units at rows that were not
/// selected are unspecified.
#[derive(Clone, Debug)]
pub struct Decimals {
    units: Vec<i64>,
    groups: i32,
    scale: i32,
    nulls: Nulls,
    /// One number that stands for every row.
    constant: bool,
}

/// What a short numeric can have behind the point.
const MAX_SCALE: i32 = 60;

impl Decimals {
    /// The selected values of a column of numeric, if they are that plain.
    pub fn read(column: &Column, rows: &Selection) -> Option<Decimals> {
        let Values::Bytes(values) = column.values() else { return None };
        if column.is_constant() {
            if column.is_null(0) {
                return None;
            }
            let scale = short_scale(values.get(0))?;
            let groups = groups_of(scale);
            let units = vec![short_units(values.get(0), groups, scale)?];
            return Some(Decimals { units, groups, scale, nulls: Nulls::default(), constant: true });
        }
        let first = rows.try_for_each(|row| if column.is_null(row) { Ok(()) } else { Err(row) }).err()?;
        let scale = short_scale(values.get(first))?;
        let groups = groups_of(scale);
        let units = read_units(values, column, rows, groups, scale)?;
        Some(Decimals { units, groups, scale, nulls: column.nulls().clone(), constant: false })
    }

    /// Powers of 10000 behind the point that the units count in.
    pub fn groups(&self) -> i32 {
        self.groups
    }

    /// Display scale.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    pub fn has_nulls(&self) -> bool {
        self.nulls.any()
    }

    /// The number at a row in units; `None` for NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i64> {
        let slot = if self.constant { 0 } else { row };
        if self.nulls.is_null(slot) { None } else { Some(self.units[slot]) }
    }

    /// The numbers of all rows, if there is one for each and none is NULL.
    pub fn plain(&self) -> Option<&[i64]> {
        (!self.constant && !self.nulls.any()).then_some(&self.units)
    }

    /// The numbers as a column of numeric.
    pub fn to_column(&self, rows: &Selection) -> Column {
        let mut values = ByteValues::with_capacity(self.units.len());
        let mut push = |units: i64| {
            push_units(units, self.groups, self.scale, values.buffer());
            values.end_value();
        };
        match rows {
            _ if self.constant => push(self.units[0]),
            Selection::All(_) => self.units.iter().for_each(|units| push(*units)),
            Selection::Rows(_) => {
                let mut next = 0;
                rows.for_each(|row| {
                    (next..row).for_each(|_| push(0));
                    push(self.units[row]);
                    next = row + 1;
                });
                (next..self.units.len()).for_each(|_| push(0));
            }
        }
        let column = Column::new(Values::Bytes(values), self.nulls.clone());
        if self.constant { Column::constant(column.repr(), column.get(0)) } else { column }
    }

    /// The sum; `None` where 64 bits are too few.
    pub fn add(&self, other: &Decimals) -> Option<Decimals> {
        let groups = self.groups.max(other.groups);
        let units = self.aligned(other, i64::overflowing_add)?;
        self.result(other, units, groups, self.scale.max(other.scale))
    }

    /// The difference; `None` where 64 bits are too few.
    pub fn sub(&self, other: &Decimals) -> Option<Decimals> {
        let groups = self.groups.max(other.groups);
        let units = self.aligned(other, i64::overflowing_sub)?;
        self.result(other, units, groups, self.scale.max(other.scale))
    }

    /// The product; `None` where 64 bits are too few.
    pub fn mul(&self, other: &Decimals) -> Option<Decimals> {
        let (groups, scale) = (self.groups + other.groups, self.scale + other.scale);
        if scale > MAX_SCALE {
            return None;
        }
        let units = self.zip(other, 1, 1, i64::overflowing_mul)?;
        self.result(other, units, groups, scale)
    }

    /// Whether each pair's order is one of those wanted; `None` where 64 bits are too few.
    pub fn compare(&self, other: &Decimals, wanted: impl Fn(Ordering) -> bool) -> Option<Column> {
        let (mine, theirs) = self.factors(other)?;
        let mut overflow = false;
        let mut scaled = |a: i64, factor: i64| {
            let (product, flag) = a.overflowing_mul(factor);
            overflow |= flag;
            product
        };
        let holds: Vec<bool> = match (self.constant, other.constant) {
            (false, true) => {
                let b = scaled(other.units[0], theirs);
                self.units.iter().map(|a| wanted(scaled(*a, mine).cmp(&b))).collect()
            }
            (true, false) => {
                let a = scaled(self.units[0], mine);
                other.units.iter().map(|b| wanted(a.cmp(&scaled(*b, theirs)))).collect()
            }
            _ => {
                let pairs = self.units.iter().zip(&other.units);
                pairs.map(|(a, b)| wanted(scaled(*a, mine).cmp(&scaled(*b, theirs)))).collect()
            }
        };
        if overflow {
            return None;
        }
        let constant = self.constant && other.constant;
        let column = Column::new(Values::Bool(holds), self.nulls_with(other));
        Some(if constant { Column::constant(column.repr(), column.get(0)) } else { column })
    }

    /// By what the units of either are multiplied to count in the same.
    fn factors(&self, other: &Decimals) -> Option<(i64, i64)> {
        let groups = self.groups.max(other.groups);
        let factor = |of: i32| 10_000_i64.checked_pow((groups - of) as u32);
        Some((factor(self.groups)?, factor(other.groups)?))
    }

    fn aligned(&self, other: &Decimals, f: impl Fn(i64, i64) -> (i64, bool)) -> Option<Vec<i64>> {
        let (mine, theirs) = self.factors(other)?;
        self.zip(other, mine, theirs, f)
    }

    fn zip(
        &self,
        other: &Decimals,
        mine: i64,
        theirs: i64,
        f: impl Fn(i64, i64) -> (i64, bool),
    ) -> Option<Vec<i64>> {
        let mut overflow = false;
        let mut one = |a: i64, b: i64| {
            let ((a, first), (b, second)) = (a.overflowing_mul(mine), b.overflowing_mul(theirs));
            let (result, third) = f(a, b);
            overflow |= first | second | third;
            result
        };
        let units = match (self.constant, other.constant) {
            (false, true) => self.units.iter().map(|a| one(*a, other.units[0])).collect(),
            (true, false) => other.units.iter().map(|b| one(self.units[0], *b)).collect(),
            _ => self.units.iter().zip(&other.units).map(|(a, b)| one(*a, *b)).collect(),
        };
        (!overflow).then_some(units)
    }

    fn result(&self, other: &Decimals, units: Vec<i64>, groups: i32, scale: i32) -> Option<Decimals> {
        let nulls = self.nulls_with(other);
        Some(Decimals { units, groups, scale, nulls, constant: self.constant && other.constant })
    }

    fn nulls_with(&self, other: &Decimals) -> Nulls {
        // Constants are not NULL.
        match (self.nulls.any(), other.nulls.any()) {
            (_, false) => self.nulls.clone(),
            (false, _) => other.nulls.clone(),
            (true, true) => {
                let mut nulls = self.nulls.clone();
                (0..other.units.len()).filter(|row| other.nulls.is_null(*row)).for_each(|row| nulls.set(row));
                nulls
            }
        }
    }
}

/// Powers of 10000 that hold `scale` decimal digits.
fn groups_of(scale: i32) -> i32 {
    (scale + 3) / 4
}

fn read_units(
    values: &ByteValues,
    column: &Column,
    rows: &Selection,
    groups: i32,
    scale: i32,
) -> Option<Vec<i64>> {
    let nullable = column.has_nulls();
    if let Selection::All(count) = rows
        && !nullable
    {
        return values.iter().take(*count).map(|payload| short_units(payload, groups, scale)).collect();
    }
    let mut units = vec![0; rows.bound()];
    let read = rows.try_for_each(|row| -> Result<(), ()> {
        if !nullable || !column.is_null(row) {
            units[row] = short_units(values.get(row), groups, scale).ok_or(())?;
        }
        Ok(())
    });
    read.ok().map(|()| units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnBuilder, Datum, Repr};
    use adt::numeric::Numeric;

    fn column(texts: &[Option<&str>]) -> Column {
        let mut out = ColumnBuilder::new(Repr::Bytes, texts.len());
        for text in texts {
            let payload = text.map(|t| Numeric::parse(t).unwrap().to_payload());
            out.push(payload.as_ref().map(|p| Datum::Bytes(p)));
        }
        out.finish()
    }

    fn texts(column: &Column, rows: usize) -> Vec<Option<String>> {
        let text = |d: Datum<'_>| Numeric::from_payload(d.bytes()).unwrap().to_string();
        (0..rows).map(|row| column.get(row).map(text)).collect()
    }

    #[test]
    fn arithmetic_keeps_scales_and_nulls() {
        let all = Selection::All(3);
        let price = Decimals::read(&column(&[Some("100.50"), None, Some("-0.01")]), &all).unwrap();
        let rate = Decimals::read(&column(&[Some("0.125"), Some("0.000"), Some("99.999")]), &all).unwrap();
        let one = Decimals::read(&Column::constant(Repr::Bytes, column(&[Some("1")]).get(0)), &all).unwrap();
        let check = |result: Option<Decimals>, expected: [Option<&str>; 3]| {
            let found = texts(&result.unwrap().to_column(&all), 3);
            assert_eq!(found, expected.map(|e| e.map(str::to_owned)));
        };
        check(price.mul(&rate), [Some("12.56250"), None, Some("-0.99999")]);
        check(one.sub(&rate), [Some("0.875"), Some("1.000"), Some("-98.999")]);
        check(price.add(&rate), [Some("100.625"), None, Some("99.989")]);
        let less = price.compare(&rate, Ordering::is_lt).unwrap();
        let less: Vec<_> = (0..3).map(|row| less.get(row).map(Datum::bool)).collect();
        assert_eq!(less, [Some(false), None, Some(true)]);
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        let all = Selection::All(2);
        assert!(Decimals::read(&column(&[Some("1.0"), Some("1.00")]), &all).is_none());
        assert!(Decimals::read(&column(&[Some("NaN"), Some("1")]), &all).is_none());
        assert!(Decimals::read(&column(&[None, None]), &all).is_none());
        let big = Decimals::read(&column(&[Some("999999999999"), Some("1")]), &all).unwrap();
        assert!(big.mul(&big).is_none());
        let odd = column(&[Some("1.0"), Some("1.00")]);
        assert!(Decimals::read(&odd, &Selection::Rows(vec![1])).is_some());
    }
}
