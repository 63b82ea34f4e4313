//! Concurrent transactions on a disk that fails, by seed: `SIM_FIRST` is the first, `SIM_SEEDS` how many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use testkit::simulation::{Summary, run};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn transactions_survive_crashes() {
    let (first, count) = (setting("SIM_FIRST", 0), setting("SIM_SEEDS", 60));
    let mut failed = Vec::new();
    let mut total = Summary::default();
    for seed in first..first + count {
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(done) => total += done,
            Err(_) => {
                eprintln!(
                    "seed {seed} failed: SIM_FIRST={seed} SIM_SEEDS=1 cargo test -p testkit --test crash"
                );
                failed.push(seed);
            }
        }
    }
    println!("{total:?}");
    assert!(failed.is_empty(), "failed seeds: {failed:?}");
}

#[test]
fn a_seed_repeats_itself() {
    for seed in [3, 4] {
        assert_eq!(run(seed), run(seed));
    }
}
