//! What VACUUM goes by: which rows are dead to everybody, and from which age on rows are frozen.

use super::options::VacuumParams;
use access_api::Relation;
use base::{Error, MultiXactId, Result, Severity, SqlState, Xid};
use catalog::{PgClass, Session};
use heap::Cutoffs;
use txn::Scope;

/// The cutoffs, and whether VACUUM must visit every page that is not all-frozen.
pub struct Chosen {
    pub cutoffs: Cutoffs,
    pub aggressive: bool,
    pub warnings: Vec<Error>,
}

/// Ages in force, given or from the settings; limited so that autovacuum's limits come first.
struct Ages {
    freeze_min: u64,
    freeze_table: u64,
    multi_min: u32,
    multi_table: u32,
    freeze_max: u64,
    multi_max: u32,
}

fn ages(session: &Session, params: &VacuumParams) -> Ages {
    let settings = session.settings();
    let server = settings.server();
    let freeze_max = server.get(settings::AUTOVACUUM_FREEZE_MAX_AGE);
    let multi_max = server.get(settings::AUTOVACUUM_MULTIXACT_FREEZE_MAX_AGE);
    let given = |given: i64, setting: i64, limit: i64| -> i64 {
        let age = if given >= 0 { given } else { setting };
        age.clamp(0, limit.max(0))
    };
    let most = |max: i64| (max as f64 * 0.95) as i64;
    Ages {
        freeze_min: given(
            params.freeze_min_age,
            settings.get(settings::VACUUM_FREEZE_MIN_AGE),
            freeze_max / 2,
        ) as u64,
        freeze_table: given(
            params.freeze_table_age,
            settings.get(settings::VACUUM_FREEZE_TABLE_AGE),
            most(freeze_max),
        ) as u64,
        multi_min: given(
            params.multixact_freeze_min_age,
            settings.get(settings::VACUUM_MULTIXACT_FREEZE_MIN_AGE),
            multi_max / 2,
        ) as u32,
        multi_table: given(
            params.multixact_freeze_table_age,
            settings.get(settings::VACUUM_MULTIXACT_FREEZE_TABLE_AGE),
            most(multi_max),
        ) as u32,
        freeze_max: freeze_max as u64,
        multi_max: multi_max as u32,
    }
}

/// `age` ids before `next`, not below the first normal one.
fn back(next: Xid, age: u64) -> Xid {
    Xid(next.0.saturating_sub(age)).max(Xid::FIRST_NORMAL)
}

fn back_multi(next: MultiXactId, age: u32) -> MultiXactId {
    let id = MultiXactId(next.0.wrapping_sub(age));
    if id == MultiXactId::INVALID { MultiXactId::FIRST } else { id }
}

/// # Errors
/// What assigning an xid fails with, for temporary tables.
pub fn choose(
    session: &Session,
    class: &PgClass,
    relation: &Relation,
    params: &VacuumParams,
) -> Result<Chosen> {
    let transactions = &session.instance().transactions;
    let scope = if class.relisshared {
        Scope::Shared
    } else if relation.is_catalog {
        Scope::Catalog(session.database())
    } else if class.relpersistence as u8 == b't' {
        Scope::Temporary(session.transaction()?.top_xid_if_assigned())
    } else {
        Scope::Data(session.database())
    };
    let ages = ages(session, params);
    let oldest_xmin = transactions.horizon(scope);
    let oldest_multi = transactions.oldest_multi_needed();
    let next_xid = transactions.next_xid();
    let next_multi = transactions.multixacts().next();
    let freeze_limit = back(next_xid, ages.freeze_min).min(oldest_xmin);
    let mut multi_cutoff = back_multi(next_multi, ages.multi_min);
    if oldest_multi.precedes(multi_cutoff) {
        multi_cutoff = oldest_multi;
    }
    let relfrozenxid = Xid::widen(class.relfrozenxid, next_xid);
    let relminmxid = MultiXactId(class.relminmxid);
    let xid_due = back(next_xid, ages.freeze_table);
    let multi_due = back_multi(next_multi, ages.multi_table);
    let aggressive = params.skip_nothing
        || relfrozenxid <= xid_due
        || relminmxid == multi_due
        || relminmxid.precedes(multi_due);
    let mut warnings = Vec::new();
    let old = |what: &str| {
        Error::with_severity(Severity::Warning, SqlState::WARNING, what.to_owned()).hint(
            "Close open transactions soon to avoid wraparound problems.\nYou might also need to commit or roll back old prepared transactions, or drop stale replication slots.",
        )
    };
    if oldest_xmin < back(next_xid, ages.freeze_max) {
        warnings.push(old("cutoff for removing and freezing tuples is far in the past"));
    }
    if oldest_multi.precedes(back_multi(next_multi, ages.multi_max)) {
        warnings.push(old("cutoff for freezing multixacts is far in the past"));
    }
    let cutoffs = Cutoffs { relfrozenxid, relminmxid, oldest_xmin, oldest_multi, freeze_limit, multi_cutoff };
    Ok(Chosen { cutoffs, aggressive, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_reach_back_no_further_than_ids_go() {
        assert_eq!(back(Xid(1000), 50), Xid(950));
        assert_eq!(back(Xid(1000), 5000), Xid::FIRST_NORMAL);
        assert_eq!(back_multi(MultiXactId(5), 5), MultiXactId::FIRST);
        assert_eq!(back_multi(MultiXactId(5), 6), MultiXactId(u32::MAX));
    }
}
