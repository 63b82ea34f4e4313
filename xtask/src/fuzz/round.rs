//! One round: a schema, then statements of all kinds, each checked; what differs is made smaller and written down.

use super::Tally;
use super::compare::{Difference, Exactness, compare, same_rows, shape_of};
use super::expression::{Column, Scope};
use super::generator::Generator;
use super::session::{Answer, Session};
use super::tree::{Piece, Tree};
use super::types::Type;
use std::path::Path;
use std::time::{Duration, Instant};

const STEPS: usize = 120;
/// How many findings of a run are written as scripts.
const SCRIPTS: usize = 80;
/// What takes PostgreSQL longer is no measure for time-outs.
const SLOW: Duration = Duration::from_millis(100);
/// More rows than this are not compared under other plans.
const MANY_ROWS: usize = 5_000;

/// Settings under which every query must give what it gives without them.
const PLANS: &[&str] = &[
    "enable_seqscan = off",
    "enable_indexscan = off",
    "enable_indexonlyscan = off",
    "enable_bitmapscan = off",
    "enable_tidscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "enable_nestloop = off",
    "enable_material = off",
    "enable_memoize = off",
    "enable_sort = off",
    "enable_incremental_sort = off",
    "enable_hashagg = off",
    "enable_presorted_aggregate = off",
    "enable_group_by_reordering = off",
    "enable_distinct_reordering = off",
    "enable_self_join_elimination = off",
    "enable_partition_pruning = off",
    "enable_partitionwise_join = on",
    "enable_partitionwise_aggregate = on",
    "enable_nestloop = off; SET enable_hashjoin = off",
    "enable_nestloop = off; SET enable_mergejoin = off",
    "enable_hashjoin = off; SET enable_mergejoin = off",
    "enable_seqscan = off; SET enable_bitmapscan = off",
    "join_collapse_limit = 1",
    "from_collapse_limit = 1",
    "geqo_threshold = 2",
    "constraint_exclusion = on",
    "work_mem = '64kB'",
    "work_mem = '64kB'; SET enable_hashagg = off",
    "hash_mem_multiplier = 1; SET work_mem = '64kB'; SET enable_sort = off",
    "parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 3",
    "debug_parallel_query = on",
    "parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off; SET work_mem = '64kB'",
];

/// How a statement is checked.
enum Check {
    /// Both servers answer alike.
    Answers { exactness: Exactness, scalar: bool },
    /// Both servers answer alike and leave the table alike.
    Change { table: String, loose: bool },
    /// Our answer is the same under settings.
    Plan { settings: &'static str, exactness: Exactness },
    /// Our rows are those where a condition is true, false and unknown, taken together. The tree holds the targets, FROM,
    /// the condition, and an expression to aggregate.
    Parts { extremes: bool },
    /// A prepared statement's answers under custom and generic plans are PostgreSQL's.
    Prepared { types: String, values: String, exactness: Exactness },
    /// Our server alone can explain the query.
    Explain,
}

pub struct Round<'a> {
    seed: u64,
    generator: Generator,
    ours: &'a mut Session,
    theirs: Option<&'a mut Session>,
    tally: &'a mut Tally,
    out: &'a Path,
    end: Instant,
    /// What has been done so far and succeeded on both.
    log: Vec<Tree>,
    last: (Option<Answer>, Option<Answer>),
    /// How long PostgreSQL took for the last statement.
    their_time: Duration,
}

fn settle(answer: &Answer) -> String {
    match answer {
        Answer::Rows { rows, count, .. } => {
            let mut rows = rows.clone();
            rows.sort_unstable();
            let shown: Vec<String> =
                rows.iter().take(12).map(|r| format!("--   {}", r.replace('\n', "\\n"))).collect();
            format!("{} rows, count {count}\n{}", rows.len(), shown.join("\n"))
        }
        Answer::Error { code, message } => format!("{code}: {}", message.replace('\n', " ")),
        Answer::Lost(message) => format!("lost: {message}"),
    }
}

impl<'a> Round<'a> {
    pub fn new(
        seed: u64,
        ours: &'a mut Session,
        theirs: Option<&'a mut Session>,
        tally: &'a mut Tally,
        out: &'a Path,
        end: Instant,
    ) -> Round<'a> {
        let generator = Generator::new(seed);
        Round {
            seed,
            generator,
            ours,
            theirs,
            tally,
            out,
            end,
            log: Vec::new(),
            last: (None, None),
            their_time: Duration::ZERO,
        }
    }

    pub fn run(&mut self) -> Result<(), String> {
        self.fresh_schema()?;
        for statement in self.generator.schema() {
            let check =
                Check::Answers { exactness: Exactness { ordered: false, loose: false }, scalar: false };
            let refused = self.tally.failed;
            let difference = self.evaluate(&check, &statement)?;
            self.tally.statements += 1;
            if let Some(difference) = difference {
                // The servers no longer agree on the schema.
                self.finding(&check, statement, difference)?;
                return Ok(());
            }
            if refused == self.tally.failed {
                self.log.push(statement);
            }
        }
        self.forget_missing_tables();
        for _ in 0..STEPS {
            if Instant::now() > self.end || self.generator.tables.is_empty() {
                break;
            }
            let (check, tree) = self.step();
            self.tally.statements += 1;
            if let Some(difference) = self.evaluate(&check, &tree)? {
                if self.finding(&check, tree, difference)? {
                    return Ok(());
                }
                continue;
            }
            let changed = matches!(check, Check::Change { .. });
            if changed && matches!(self.last.0, Some(Answer::Rows { .. })) {
                self.log.push(tree);
            } else if let Check::Answers { exactness, scalar: false } = check
                && self.generator.random.chance(12)
                && self.under_plans(&tree, exactness)?
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn fresh_schema(&mut self) -> Result<(), String> {
        for sql in ["ROLLBACK", "DROP SCHEMA IF EXISTS fuzz CASCADE", "CREATE SCHEMA fuzz"] {
            let (ours, theirs) = self.both(sql)?;
            for answer in [Some(ours), theirs].into_iter().flatten() {
                if !matches!(answer, Answer::Rows { .. }) {
                    return Err(format!("seed {}: {sql}: {answer:?}", self.seed));
                }
            }
        }
        Ok(())
    }

    /// A table whose CREATE both refused is not there.
    fn forget_missing_tables(&mut self) {
        let ours = &mut *self.ours;
        self.generator.tables.retain(|t| {
            matches!(ours.run(&format!("SELECT 1 FROM {} LIMIT 0", t.name)), Answer::Rows { .. })
        });
        if !self.generator.tables.iter().any(|t| t.writable > 0) {
            self.generator.tables.clear();
        }
    }

    /// A statement, and how it is checked.
    fn step(&mut self) -> (Check, Tree) {
        let kind = self.generator.random.below(100);
        let with_oracle = self.theirs.is_some();
        match kind {
            0..16 => {
                let query = self.generator.scalar_query();
                let exactness = Exactness { ordered: false, loose: self.generator.loose };
                (Check::Answers { exactness, scalar: true }, query.tree)
            }
            16..32 => {
                let (tree, table) = self.generator.modification();
                (Check::Change { table, loose: self.generator.loose }, tree)
            }
            32..42 => {
                let (targets, from, condition, measured) = self.generator.partitioned_query();
                let list = Tree::new(vec![Piece::List { separator: ", ", least: 1, items: targets }]);
                let pieces = [list, from, condition, measured.tree].into_iter().map(Piece::Tree).collect();
                let extremes = self.generator.random.chance(40);
                (Check::Parts { extremes }, Tree::new(pieces))
            }
            42..50 if with_oracle => self.prepared(),
            50..54 => (Check::Explain, self.generator.top_query().tree),
            54..56 if with_oracle => {
                let sql = "SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c WHERE relkind IN ('v', 'm') AND relnamespace = 'fuzz'::regnamespace \
                           UNION ALL SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_class c WHERE relkind IN ('i', 'I') AND relnamespace = 'fuzz'::regnamespace \
                           UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'fuzz'::regnamespace";
                let exactness = Exactness { ordered: false, loose: false };
                (Check::Answers { exactness, scalar: true }, Tree::text(sql))
            }
            _ => {
                let query = self.generator.top_query();
                let exactness = Exactness { ordered: query.ordered, loose: self.generator.loose };
                (Check::Answers { exactness, scalar: false }, query.tree)
            }
        }
    }

    fn prepared(&mut self) -> (Check, Tree) {
        self.generator.loose = false;
        let mut types = Vec::new();
        let mut values = Vec::new();
        let mut columns = Vec::new();
        for at in 1..=1 + self.generator.random.below(3) {
            let ty = Type::any(&mut self.generator.random);
            types.push(ty.sql());
            values.push(ty.constant(&mut self.generator.random));
            columns.push(Column::named(format!("${at}"), ty));
        }
        let scope = Scope { outer: columns, subqueries: 1, ..Scope::default() };
        let targets: Vec<Type> =
            (0..1 + self.generator.random.below(3)).map(|_| Type::any(&mut self.generator.random)).collect();
        let query = self.generator.select(&targets, 1, &scope);
        let exactness = Exactness { ordered: query.ordered, loose: self.generator.loose };
        (Check::Prepared { types: types.join(", "), values: values.join(", "), exactness }, query.tree)
    }

    /// Our answer under each of some settings. True when something was found and the round is over.
    fn under_plans(&mut self, tree: &Tree, exactness: Exactness) -> Result<bool, String> {
        if !matches!(&self.last.0, Some(Answer::Rows { rows, .. }) if rows.len() < MANY_ROWS) {
            return Ok(false);
        }
        for settings in PLANS {
            if self.generator.random.chance(50) {
                continue;
            }
            let check = Check::Plan { settings, exactness };
            self.tally.variants += 1;
            if let Some(difference) = self.evaluate(&check, tree)? {
                return self.finding(&check, tree.clone(), difference);
            }
        }
        Ok(false)
    }

    /// Runs a statement on ours; a lost connection is made again.
    fn on_ours(&mut self, sql: &str) -> Result<Answer, String> {
        let answer = self.ours.run(sql);
        if let Answer::Lost(_) = answer {
            self.ours.reconnect()?;
        }
        Ok(answer)
    }

    fn both(&mut self, sql: &str) -> Result<(Answer, Option<Answer>), String> {
        let start = Instant::now();
        let theirs = self.theirs.as_mut().map(|session| session.run(sql));
        if let Some(Answer::Lost(message)) = &theirs {
            return Err(format!("PostgreSQL: {message}: {sql}"));
        }
        let their_time = start.elapsed();
        let start = Instant::now();
        let ours = self.on_ours(sql)?;
        let our_time = start.elapsed();
        self.their_time = their_time;
        if our_time > Duration::from_secs(3) && our_time > their_time * 10 && theirs.is_some() {
            self.note_slow(sql, our_time);
        }
        Ok((ours, theirs))
    }

    fn note_slow(&mut self, sql: &str, time: Duration) {
        if self.tally.slow.len() < 20 {
            let text: String = sql.chars().take(600).collect();
            let (ours, theirs) = (time.as_secs_f64(), self.their_time.as_secs_f64());
            self.tally.slow.push(format!("seed {}: {ours:.1} s to {theirs:.2} s: {text}", self.seed));
        }
    }

    /// What is wrong with a statement under a check, if anything is.
    fn evaluate(&mut self, check: &Check, tree: &Tree) -> Result<Option<Difference>, String> {
        match check {
            Check::Answers { exactness, scalar } => self.compared(&tree.print(), *exactness, *scalar),
            Check::Change { table, loose } => self.changed(&tree.print(), table, *loose),
            Check::Plan { settings, exactness } => {
                let sql = tree.print();
                let plain = self.on_ours(&sql)?;
                self.on_ours(&format!("SET {settings}"))?;
                let other = self.on_ours(&sql)?;
                for setting in settings.split("; ") {
                    let name = setting.trim_start_matches("SET ").split(' ').next().unwrap_or_default();
                    self.on_ours(&format!("RESET {name}"))?;
                }
                let difference = compare(&other, &plain, *exactness, false);
                self.last = (Some(other), Some(plain));
                Ok(difference.filter(|d| *d != Difference::Order))
            }
            Check::Parts { extremes } => self.parts(tree, *extremes),
            Check::Prepared { types, values, exactness } => {
                self.executed(&tree.print(), types, values, *exactness)
            }
            Check::Explain => {
                let options = ["", "(VERBOSE) ", "(ANALYZE, TIMING OFF) "][tree.print().len() % 3];
                let answer = self.on_ours(&format!("EXPLAIN {options}{}", tree.print()))?;
                let fine = Answer::Rows { names: Vec::new(), rows: Vec::new(), count: 0 };
                let difference = compare(&answer, &fine, Exactness { ordered: false, loose: false }, false);
                self.last = (Some(answer), None);
                Ok(difference.filter(|d| matches!(d, Difference::Broken(_))))
            }
        }
    }

    fn compared(
        &mut self,
        sql: &str,
        exactness: Exactness,
        scalar: bool,
    ) -> Result<Option<Difference>, String> {
        let (ours, theirs) = self.both(sql)?;
        if let Answer::Error { code, message } = &ours {
            *self.tally.codes.entry(format!("{code} {}", shape_of(message))).or_default() += 1;
        }
        let difference = match &theirs {
            // What PostgreSQL has no time for is not worth a comparison.
            Some(theirs) if theirs.code() == Some("57014") => None,
            Some(theirs) => compare(&ours, theirs, exactness, scalar),
            None => {
                let alike = if matches!(ours, Answer::Error { .. })
                    && !matches!(ours.code(), Some(c) if c.starts_with("XX"))
                {
                    ours.clone()
                } else {
                    Answer::Rows { names: Vec::new(), rows: Vec::new(), count: 0 }
                };
                compare(&ours, &alike, exactness, scalar).filter(|d| matches!(d, Difference::Broken(_)))
            }
        };
        if difference.is_none() && ours.code().is_some() {
            self.tally.failed += 1;
        }
        self.last = (Some(ours), theirs);
        Ok(difference)
    }

    /// Runs a change in a transaction that is committed when both servers agree.
    fn changed(&mut self, sql: &str, table: &str, loose: bool) -> Result<Option<Difference>, String> {
        self.both("BEGIN")?;
        let exactness = Exactness { ordered: false, loose };
        let mut difference = self.compared(sql, exactness, false)?;
        let answers = self.last.clone();
        let in_one = |answer: &Option<Answer>| matches!(answer, Some(Answer::Rows { .. }) | None);
        if difference.is_none() && in_one(&answers.0) && in_one(&answers.1) {
            difference =
                self.compared(&format!("SELECT tableoid::regclass, * FROM {table}"), exactness, false)?;
            if difference.is_some() {
                self.both("ROLLBACK")?;
                return Ok(difference);
            }
        }
        let alike = difference.is_none() && in_one(&answers.0) == in_one(&answers.1);
        self.both(if alike { "COMMIT" } else { "ROLLBACK" })?;
        self.last = answers;
        Ok(difference)
    }

    fn parts(&mut self, tree: &Tree, extremes: bool) -> Result<Option<Difference>, String> {
        let [Piece::Tree(targets), Piece::Tree(from), Piece::Tree(condition), Piece::Tree(measured)] =
            &tree.pieces[..]
        else {
            return Ok(None);
        };
        let (targets, from, condition, measured) =
            (targets.print(), from.print(), condition.print(), measured.print());
        let (whole, parts) = if extremes {
            let list =
                format!("count(*) AS n, count({measured}) AS c, min({measured}) AS l, max({measured}) AS h");
            let part = |p: &str| format!("SELECT {list}{from} WHERE {p}");
            (
                part("true"),
                format!(
                    "SELECT sum(n)::int8 AS n, sum(c)::int8 AS c, min(l) AS l, max(h) AS h FROM ({} UNION ALL {} UNION ALL {}) AS p",
                    part(&condition),
                    part(&format!("NOT {condition}")),
                    part(&format!("({condition}) IS NULL"))
                ),
            )
        } else {
            let part = |p: &str| format!("SELECT {targets}{from} WHERE {p}");
            (
                format!("SELECT {targets}{from}"),
                format!(
                    "{} UNION ALL {} UNION ALL {}",
                    part(&condition),
                    part(&format!("NOT {condition}")),
                    part(&format!("({condition}) IS NULL"))
                ),
            )
        };
        let (whole, parts) = (self.on_ours(&whole)?, self.on_ours(&parts)?);
        self.tally.variants += 1;
        let difference = match (&whole, &parts) {
            (Answer::Rows { rows: a, .. }, Answer::Rows { rows: b, .. }) => {
                let same = same_rows(a, b, Exactness { ordered: false, loose: true });
                (!same).then_some(Difference::Rows)
            }
            // The condition may fail where the query without it does not.
            _ => [&whole, &parts].into_iter().find_map(|answer| {
                compare(answer, answer, Exactness { ordered: false, loose: true }, false)
                    .filter(|d| matches!(d, Difference::Broken(_)))
            }),
        };
        self.last = (Some(parts), Some(whole));
        Ok(difference)
    }

    fn executed(
        &mut self,
        sql: &str,
        types: &str,
        values: &str,
        exactness: Exactness,
    ) -> Result<Option<Difference>, String> {
        self.both("DEALLOCATE ALL")?;
        if let Some(difference) = self.compared(&format!("PREPARE p({types}) AS {sql}"), exactness, true)? {
            return Ok(Some(difference));
        }
        if self.last.0.as_ref().is_some_and(|a| a.code().is_some()) {
            return Ok(None);
        }
        let execute = format!("EXECUTE p({values})");
        let mut difference = self.compared(&execute, exactness, false)?;
        let Some(theirs) = self.last.1.clone().filter(|t| t.code() != Some("57014")) else {
            return Ok(difference);
        };
        for mode in ["force_custom_plan", "force_generic_plan"] {
            if difference.is_none() {
                self.on_ours(&format!("SET plan_cache_mode = {mode}"))?;
                let ours = self.on_ours(&execute)?;
                self.tally.variants += 1;
                difference = compare(&ours, &theirs, exactness, false);
                self.last = (Some(ours), Some(theirs.clone()));
            }
        }
        self.on_ours("RESET plan_cache_mode")?;
        Ok(difference)
    }

    /// Counts a difference; makes it smaller and writes it down when it is new. True when the round's schema is gone.
    fn finding(&mut self, check: &Check, tree: Tree, difference: Difference) -> Result<bool, String> {
        match &difference {
            Difference::Order => {
                self.tally.order += 1;
                return Ok(false);
            }
            // Ours is slow where the other is, too: noted, not more.
            Difference::Broken(what) if what.starts_with("57014") && self.their_time > SLOW => {
                self.note_slow(&tree.print(), Duration::from_secs(20));
                return Ok(false);
            }
            Difference::NotBuilt(message) => {
                *self.tally.not_built.entry(shape_of(message)).or_default() += 1;
                return Ok(false);
            }
            _ => {}
        }
        let mut trouble = None;
        let deadline = Instant::now() + Duration::from_secs(20);
        let small = tree.minimised(300, |candidate| {
            Instant::now() < deadline
                && match self.evaluate(check, candidate) {
                    Ok(found) => found.as_ref() == Some(&difference),
                    Err(message) => {
                        trouble.get_or_insert(message);
                        false
                    }
                }
        });
        if let Some(message) = trouble {
            return Err(message);
        }
        let statement = small.print();
        let signature = format!("{}: {}", difference.signature(), shape_of(&statement));
        let times = self.tally.findings.entry(signature.clone()).or_default();
        *times += 1;
        if *times > 1 || self.tally.findings.len() > SCRIPTS {
            return Ok(false);
        }
        let number = self.tally.findings.len();
        let script = self.smaller_script(check, &small, &difference)?;
        let path = self.out.join(format!("{}-{number}.sql", self.seed));
        std::fs::write(&path, &script).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("=== {}\n{script}", path.display());
        Ok(true)
    }

    /// A script that shows the difference, with as little schema and data as a few tries can reach.
    fn smaller_script(
        &mut self,
        check: &Check,
        statement: &Tree,
        difference: &Difference,
    ) -> Result<String, String> {
        let log = Piece::List { separator: ";\n", least: 0, items: self.log.clone() };
        let script = Tree::new(vec![log, Piece::Tree(statement.clone())]);
        let deadline = Instant::now() + Duration::from_secs(12);
        let small = script.minimised(400, |candidate| {
            Instant::now() < deadline && self.rebuilt(check, candidate).as_ref() == Some(difference)
        });
        let shown = self.rebuilt(check, &small);
        let [Piece::List { items, .. }, Piece::Tree(statement)] = &small.pieces[..] else {
            return Err("a script has two parts".to_owned());
        };
        let setup: Vec<String> = items.iter().map(|s| format!("{};\n", s.print())).collect();
        let statement = match check {
            Check::Plan { settings, .. } => {
                format!("{};\nSET {settings};\n{}", statement.print(), statement.print())
            }
            Check::Prepared { types, values, .. } => {
                format!("PREPARE p({types}) AS {};\nEXECUTE p({values})", statement.print())
            }
            Check::Change { table, .. } => {
                format!("{};\nSELECT tableoid::regclass, * FROM {table}", statement.print())
            }
            Check::Explain => format!("EXPLAIN VERBOSE {}", statement.print()),
            Check::Parts { .. } => {
                let texts: Vec<String> = statement
                    .pieces
                    .iter()
                    .map(|piece| if let Piece::Tree(tree) = piece { tree.print() } else { String::new() })
                    .collect();
                format!(
                    "SELECT {}{};\n-- in parts by: {}\n-- measured: {}\n",
                    texts[0], texts[1], texts[2], texts[3]
                )
            }
            Check::Answers { .. } => statement.print(),
        };
        let again =
            if shown.as_ref() == Some(difference) { "" } else { " (not after the schema was made anew)" };
        let answer = |a: &Option<Answer>| a.as_ref().map_or_else(|| "none".to_owned(), settle);
        Ok(format!(
            "-- cargo xtask fuzz sql --seed {} --rounds 1\n-- {difference:?}{again}\n-- ours: {}\n-- theirs: {}\n{}{statement};\n",
            self.seed,
            answer(&self.last.0),
            answer(&self.last.1),
            setup.concat(),
        ))
    }

    /// Makes the schema anew by a script's first part and checks its last statement.
    fn rebuilt(&mut self, check: &Check, script: &Tree) -> Option<Difference> {
        let [Piece::List { items, .. }, Piece::Tree(statement)] = &script.pieces[..] else { return None };
        self.fresh_schema().ok()?;
        for item in items {
            self.both(&item.print()).ok()?;
        }
        self.evaluate(check, statement).ok()?
    }
}
