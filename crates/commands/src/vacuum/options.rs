//! The options of VACUUM and ANALYZE.

use crate::options;
use base::{Error, Result, bail, err};
use catalog::Session;
use syntax::{OptionItem, OptionValue, Vacuum};

/// A choice that a table's storage parameters may make when the command does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    #[default]
    Unspecified,
    Auto,
    Off,
    On,
}

/// What VACUUM or ANALYZE is to do to each table.
#[derive(Clone, Debug, PartialEq)]
pub struct VacuumParams {
    pub vacuum: bool,
    pub analyze: bool,
    pub full: bool,
    pub freeze: bool,
    pub verbose: bool,
    pub skip_locked: bool,
    pub skip_nothing: bool,
    pub process_main: bool,
    pub process_toast: bool,
    pub skip_database_stats: bool,
    pub only_database_stats: bool,
    pub index_cleanup: Choice,
    pub truncate: Choice,
    /// Threads that may help with indexes: as many as seem useful, unless it is said how many.
    pub parallel: Option<i64>,
    /// In kB; by vacuum_buffer_usage_limit, unless it is said.
    pub buffer_usage_limit: Option<i64>,
    /// -1: by the settings.
    pub freeze_min_age: i64,
    pub freeze_table_age: i64,
    pub multixact_freeze_min_age: i64,
    pub multixact_freeze_table_age: i64,
    /// Autovacuum that must not be put off.
    pub for_wraparound: bool,
    /// Autovacuum: told in the log and the statistics.
    pub automatic: bool,
    /// Milliseconds from which on autovacuum logs what it did; -1 never.
    pub log_min_duration_ms: i64,
}

impl Default for VacuumParams {
    fn default() -> VacuumParams {
        VacuumParams {
            vacuum: true,
            analyze: false,
            full: false,
            freeze: false,
            verbose: false,
            skip_locked: false,
            skip_nothing: false,
            process_main: true,
            process_toast: true,
            skip_database_stats: false,
            only_database_stats: false,
            index_cleanup: Choice::Unspecified,
            truncate: Choice::Unspecified,
            parallel: None,
            buffer_usage_limit: None,
            freeze_min_age: -1,
            freeze_table_age: -1,
            multixact_freeze_min_age: -1,
            multixact_freeze_table_age: -1,
            for_wraparound: false,
            automatic: false,
            log_min_duration_ms: -1,
        }
    }
}

const MAX_PARALLEL: i64 = 1024;

impl VacuumParams {
    /// # Errors
    /// PostgreSQL's, for unknown and contradicting options.
    pub fn read(statement: &Vacuum) -> Result<VacuumParams> {
        let mut params = VacuumParams { vacuum: !statement.analyze_only, ..VacuumParams::default() };
        params.analyze = statement.analyze_only;
        for item in &statement.options {
            params.read_one(item, statement.analyze_only)?;
        }
        if params.full && params.parallel.is_some_and(|workers| workers > 0) {
            bail!(FEATURE_NOT_SUPPORTED, "VACUUM FULL cannot be performed in parallel");
        }
        if params.buffer_usage_limit.is_some() && params.full && !params.analyze {
            bail!(FEATURE_NOT_SUPPORTED, "BUFFER_USAGE_LIMIT cannot be specified for VACUUM FULL");
        }
        if !params.analyze && statement.relations.iter().any(|r| !r.columns.is_empty()) {
            bail!(FEATURE_NOT_SUPPORTED, "ANALYZE option must be specified when a column list is provided");
        }
        if params.vacuum {
            params.check(statement)?;
        }
        if params.freeze {
            params.freeze_min_age = 0;
            params.freeze_table_age = 0;
            params.multixact_freeze_min_age = 0;
            params.multixact_freeze_table_age = 0;
        }
        Ok(params)
    }

    fn read_one(&mut self, item: &OptionItem, analyze_only: bool) -> Result<()> {
        match (item.name.as_str(), analyze_only) {
            ("verbose", _) => self.verbose = options::boolean(item)?,
            ("skip_locked", _) => self.skip_locked = options::boolean(item)?,
            ("buffer_usage_limit", _) => self.buffer_usage_limit = Some(buffer_usage_limit(item)?),
            ("analyze", false) => self.analyze = options::boolean(item)?,
            ("freeze", false) => self.freeze = options::boolean(item)?,
            ("full", false) => self.full = options::boolean(item)?,
            ("disable_page_skipping", false) => self.skip_nothing = options::boolean(item)?,
            ("index_cleanup", false) => self.index_cleanup = index_cleanup(item)?,
            ("process_main", false) => self.process_main = options::boolean(item)?,
            ("process_toast", false) => self.process_toast = options::boolean(item)?,
            ("truncate", false) => self.truncate = on_or_off(item)?,
            ("parallel", false) => self.parallel = Some(workers(item)?),
            ("skip_database_stats", false) => self.skip_database_stats = options::boolean(item)?,
            ("only_database_stats", false) => self.only_database_stats = options::boolean(item)?,
            (name, analyze_only) => {
                let command = if analyze_only { "ANALYZE" } else { "VACUUM" };
                return Err(err!(SYNTAX_ERROR, "unrecognized {command} option \"{name}\"").at(item.location));
            }
        }
        Ok(())
    }

    /// Frames of the pool that pages not yet in it may take; 0: no limit.
    pub(crate) fn ring_frames(&self, session: &Session) -> usize {
        let kb = self
            .buffer_usage_limit
            .unwrap_or_else(|| session.settings().get(settings::VACUUM_BUFFER_USAGE_LIMIT));
        usize::try_from(kb).unwrap_or(0) / (base::PAGE_SIZE >> 10)
    }

    fn check(&self, statement: &Vacuum) -> Result<()> {
        if self.full && self.skip_nothing {
            bail!(FEATURE_NOT_SUPPORTED, "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL");
        }
        if self.full && !self.process_toast {
            bail!(FEATURE_NOT_SUPPORTED, "PROCESS_TOAST required with VACUUM FULL");
        }
        if self.only_database_stats {
            if !statement.relations.is_empty() {
                bail!(FEATURE_NOT_SUPPORTED, "ONLY_DATABASE_STATS cannot be specified with a list of tables");
            }
            let plain =
                VacuumParams { verbose: self.verbose, only_database_stats: true, ..VacuumParams::default() };
            if *self != plain {
                bail!(
                    FEATURE_NOT_SUPPORTED,
                    "ONLY_DATABASE_STATS cannot be specified with other VACUUM options"
                );
            }
        }
        if self.full {
            return Err(Error::unsupported("VACUUM FULL"));
        }
        Ok(())
    }
}

fn on_or_off(item: &OptionItem) -> Result<Choice> {
    Ok(if options::boolean(item)? { Choice::On } else { Choice::Off })
}

fn index_cleanup(item: &OptionItem) -> Result<Choice> {
    if item.value.is_none() {
        return Ok(Choice::Auto);
    }
    if options::text(item)?.eq_ignore_ascii_case("auto") {
        return Ok(Choice::Auto);
    }
    on_or_off(item)
}

fn workers(item: &OptionItem) -> Result<i64> {
    if item.value.is_none() {
        return Err(err!(SYNTAX_ERROR, "parallel option requires a value between 0 and {MAX_PARALLEL}")
            .at(item.location));
    }
    let workers = options::int64(item)?;
    if !(0..=MAX_PARALLEL).contains(&workers) {
        return Err(err!(SYNTAX_ERROR, "parallel workers for vacuum must be between 0 and {MAX_PARALLEL}")
            .at(item.location));
    }
    Ok(workers)
}

/// In kB.
fn buffer_usage_limit(item: &OptionItem) -> Result<i64> {
    const RANGE_KB: std::ops::RangeInclusive<i64> = 128..=16_777_216;
    let text = match &item.value {
        Some(OptionValue::Integer(number)) => number.to_string(),
        _ => options::text(item)?,
    };
    let digits = text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(text.trim().len());
    let (number, unit) = text.trim().split_at(digits);
    let scale = match unit.trim() {
        "" | "kB" => Some(1),
        "MB" => Some(1 << 10),
        "GB" => Some(1 << 20),
        _ => None,
    };
    let kb = number.parse::<i64>().ok().zip(scale).and_then(|(n, s)| n.checked_mul(s));
    match kb {
        Some(kb) if kb == 0 || RANGE_KB.contains(&kb) => Ok(kb),
        _ => Err(err!(
            INVALID_PARAMETER_VALUE,
            "BUFFER_USAGE_LIMIT option must be 0 or between {} kB and {} kB",
            RANGE_KB.start(),
            RANGE_KB.end()
        )),
    }
}
