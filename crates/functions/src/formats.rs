//! The settings that texts of values depend on, parsed once for each state of the session's settings.

use crate::call::Call;
use adt::datetime::{DateOrder, DateStyle, DateTimeContext, IntervalStyle, TimeZone, ZoneCache, ZoneSpec};
use base::Result;
use catalog::Session;
use std::sync::{Arc, Mutex, PoisonError};

/// DateStyle, IntervalStyle, TimeZone, extra_float_digits and bytea_output.
pub struct Formats {
    generation: u64,
    pub date_style: DateStyle,
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    pub zone: TimeZone,
    pub extra_float_digits: i32,
    pub bytea_hex: bool,
    zones: Arc<ZoneCache>,
}

/// What a session keeps between calls.
#[derive(Default)]
struct Kept {
    current: Mutex<Option<Arc<Formats>>>,
    zones: Arc<ZoneCache>,
}

impl Formats {
    /// The session's, as its settings are now.
    pub fn of(session: &Session) -> Arc<Formats> {
        let kept = session.extension("functions.formats", Kept::default);
        let mut current = kept.current.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = session.settings();
        if let Some(formats) = &*current
            && formats.generation == settings.generation()
        {
            return formats.clone();
        }
        let (date_style, date_order) = parse_date_style(settings.get(settings::DATESTYLE));
        let formats = Arc::new(Formats {
            generation: settings.generation(),
            date_style,
            date_order,
            interval_style: match settings.get(settings::INTERVALSTYLE) {
                settings::IntervalStyle::Postgres => IntervalStyle::Postgres,
                settings::IntervalStyle::PostgresVerbose => IntervalStyle::PostgresVerbose,
                settings::IntervalStyle::SqlStandard => IntervalStyle::SqlStandard,
                settings::IntervalStyle::Iso8601 => IntervalStyle::Iso8601,
            },
            zone: kept.zones.lookup(settings.get(settings::TIMEZONE)).unwrap_or_else(TimeZone::utc),
            extra_float_digits: settings.get(settings::EXTRA_FLOAT_DIGITS) as i32,
            bytea_hex: settings.get(settings::BYTEA_OUTPUT) == settings::ByteaOutput::Hex,
            zones: kept.zones.clone(),
        });
        *current = Some(formats.clone());
        formats
    }

    /// What reading date and time texts depends on, in a transaction that began at `now`.
    pub fn context(&self, now: i64) -> DateTimeContext<'_> {
        DateTimeContext {
            date_style: self.date_style,
            date_order: self.date_order,
            interval_style: self.interval_style,
            zone: &self.zone,
            zones: &self.zones,
            now,
        }
    }
}

/// The canonical spelling: style, comma, order.
fn parse_date_style(text: &str) -> (DateStyle, DateOrder) {
    let mut words = text.split(", ");
    let style = match words.next() {
        Some("SQL") => DateStyle::Sql,
        Some("Postgres") => DateStyle::Postgres,
        Some("German") => DateStyle::German,
        _ => DateStyle::Iso,
    };
    let order = match words.next() {
        Some("DMY") => DateOrder::Dmy,
        Some("YMD") => DateOrder::Ymd,
        _ => DateOrder::Mdy,
    };
    (style, order)
}

impl Call<'_> {
    pub fn formats(&self) -> Arc<Formats> {
        Formats::of(self.session)
    }

    /// Start of the transaction; outside of one, the time now. Microseconds since 2000-01-01.
    pub fn now(&self) -> i64 {
        match self.session.current_transaction() {
            Some(transaction) => transaction.started_at(),
            None => self.session.instance().system.clock.timestamp(),
        }
    }

    /// Runs `f` with what date and time texts depend on.
    pub fn with_context<R>(&self, f: impl FnOnce(&DateTimeContext<'_>) -> R) -> R {
        let formats = self.formats();
        f(&formats.context(self.now()))
    }

    /// The session's time zone.
    pub fn zone(&self) -> TimeZone {
        self.formats().zone.clone()
    }

    /// The meaning of a time zone's name or abbreviation.
    ///
    /// # Errors
    /// `22023` when there is no such zone.
    pub fn zone_named(&self, name: &str) -> Result<ZoneSpec> {
        self.with_context(|context| ZoneSpec::parse(name, context))
    }
}
