//! Units of memory and time: parsing `64MB` and showing 65536 kB as `64MB`.

/// The unit a parameter's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Byte,
    Kilobyte,
    Megabyte,
    /// Pages of 8 kB.
    Block,
    Millisecond,
    Second,
    Minute,
}

/// Spelling and size in base units, largest first. Memory is in bytes, time in microseconds.
const MEMORY: &[(&str, f64)] =
    &[("TB", 1099511627776.0), ("GB", 1073741824.0), ("MB", 1048576.0), ("kB", 1024.0), ("B", 1.0)];
const TIME: &[(&str, f64)] = &[
    ("d", 86_400_000_000.0),
    ("h", 3_600_000_000.0),
    ("min", 60_000_000.0),
    ("s", 1_000_000.0),
    ("ms", 1000.0),
    ("us", 1.0),
];

impl Unit {
    pub(crate) fn parse(text: &str) -> Option<Unit> {
        Some(match text {
            "B" => Unit::Byte,
            "kB" => Unit::Kilobyte,
            "MB" => Unit::Megabyte,
            "8kB" => Unit::Block,
            "ms" => Unit::Millisecond,
            "s" => Unit::Second,
            "min" => Unit::Minute,
            _ => return None,
        })
    }

    /// The text in `pg_settings.unit`.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Byte => "B",
            Unit::Kilobyte => "kB",
            Unit::Megabyte => "MB",
            Unit::Block => "8kB",
            Unit::Millisecond => "ms",
            Unit::Second => "s",
            Unit::Minute => "min",
        }
    }

    fn is_memory(self) -> bool {
        matches!(self, Unit::Byte | Unit::Kilobyte | Unit::Megabyte | Unit::Block)
    }

    fn table(self) -> &'static [(&'static str, f64)] {
        if self.is_memory() { MEMORY } else { TIME }
    }

    /// Bytes or microseconds in one of these.
    fn size(self) -> f64 {
        match self {
            Unit::Byte => 1.0,
            Unit::Kilobyte => 1024.0,
            Unit::Megabyte => 1048576.0,
            Unit::Block => 8192.0,
            Unit::Millisecond => 1000.0,
            Unit::Second => 1_000_000.0,
            Unit::Minute => 60_000_000.0,
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        if self.is_memory() {
            "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\"."
        } else {
            "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
        }
    }

    /// `value` given in `unit`, in this unit. A fraction is rounded to a whole number of the next smaller unit,
    /// so that `30.1GB` is a whole number of megabytes. `None` for a unit that does not fit.
    pub(crate) fn convert_from(self, value: f64, unit: &str) -> Option<f64> {
        let table = self.table();
        let at = table.iter().position(|(name, _)| *name == unit)?;
        let mut converted = value * table[at].1 / self.size();
        if let Some((_, smaller)) = table.get(at + 1) {
            let step = smaller / self.size();
            converted = (converted / step).round_ties_even() * step;
        }
        Some(converted)
    }

    /// The largest unit that shows `value` as a whole number, and that number.
    pub(crate) fn show_int(self, value: i64) -> (i64, &'static str) {
        for (name, size) in self.table() {
            let (step, own) = (*size as i64, self.size() as i64);
            if step >= own {
                let factor = step / own;
                if step % own == 0 && value % factor == 0 {
                    return (value / factor, name);
                }
            } else {
                return (value * (own / step), name);
            }
        }
        (value, self.word())
    }

    /// As [`Unit::show_int`] for fractions: the largest unit in which the number is whole, else the smallest.
    pub(crate) fn show_real(self, value: f64) -> (f64, &'static str) {
        let mut last = (value, self.word());
        for (name, size) in self.table() {
            let shown = value * self.size() / size;
            last = (shown, name);
            if shown > 0.0 && ((shown.round_ties_even() / shown) - 1.0).abs() <= 1e-8 {
                break;
            }
        }
        last
    }
}
