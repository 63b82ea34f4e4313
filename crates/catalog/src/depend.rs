//! pg_depend: who cannot be without whom.
//!
//! A row says that `objid` depends on `refobjid`, and how (deptype): *normal* (n): dropping the referenced object needs
//! CASCADE; *auto* (a): the dependent goes along silently; *internal* (i): it is part of the referenced object, which
//! has to be dropped instead of it; *partition* and *extension* kinds as in PostgreSQL. Objects that initdb made with
//! OIDs below 12000 are pinned: nothing is recorded of them and they cannot be dropped.

use crate::describe::ObjectAddress;
use crate::index;
use crate::rows::*;
use crate::session::Session;
use base::{Error, Oid, Result, Severity, SqlState, bail};
use datum::Datum;
use std::collections::{HashMap, HashSet};

/// The last OID of pinned objects, plus one.
const FIRST_UNPINNED: u32 = 12000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    Normal,
    Auto,
    Internal,
    Extension,
    /// Part of the parent's object, and of the partition: goes with either.
    PartitionPrimary,
    PartitionSecondary,
}

impl DependencyKind {
    fn letter(self) -> u8 {
        match self {
            DependencyKind::Normal => b'n',
            DependencyKind::Auto => b'a',
            DependencyKind::Internal => b'i',
            DependencyKind::Extension => b'e',
            DependencyKind::PartitionPrimary => b'P',
            DependencyKind::PartitionSecondary => b'S',
        }
    }
}

fn is_pinned(object: ObjectAddress) -> bool {
    // public is the one schema made by initdb that may be dropped.
    object.object.0 < FIRST_UNPINNED
        && !(object.class == PgNamespace::OID && object.object == Oid(2200))
        && object.class != PgDatabase::OID
}

impl Session {
    /// Records that `dependent` depends on each of `referenced`.
    ///
    /// # Errors
    /// What writing pg_depend fails with.
    pub fn record_dependencies(
        &self,
        dependent: ObjectAddress,
        referenced: impl IntoIterator<Item = ObjectAddress>,
        kind: DependencyKind,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for object in referenced {
            if is_pinned(object) || object == dependent || !seen.insert(object) {
                continue;
            }
            self.insert(&PgDepend {
                classid: dependent.class,
                objid: dependent.object,
                objsubid: dependent.sub,
                refclassid: object.class,
                refobjid: object.object,
                refobjsubid: object.sub,
                deptype: kind.letter() as i8,
            })?;
        }
        Ok(())
    }

    /// Removes what is recorded of `dependent`'s dependencies on objects of `class` (all for `None`).
    ///
    /// # Errors
    /// What writing pg_depend fails with.
    pub fn forget_dependencies(&self, dependent: ObjectAddress, class: Option<Oid>) -> Result<()> {
        for (tid, row) in self.dependencies_of(dependent)? {
            if class.is_none_or(|class| row.refclassid == class) {
                self.delete::<PgDepend>(tid)?;
            }
        }
        Ok(())
    }

    /// pg_depend's rows in which the object is the dependent one. Sub 0 includes all its columns.
    ///
    /// # Errors
    /// What reading pg_depend fails with.
    pub fn dependencies_of(&self, object: ObjectAddress) -> Result<Vec<(base::Tid, PgDepend)>> {
        let keys = [object.class.into(), object.object.into(), Datum::Int4(object.sub)];
        self.find(index::PG_DEPEND_DEPENDER, if object.sub == 0 { &keys[..2] } else { &keys })
    }

    /// pg_depend's rows in which others depend on the object. Sub 0 includes all its columns.
    ///
    /// # Errors
    /// What reading pg_depend fails with.
    pub fn dependents_of(&self, object: ObjectAddress) -> Result<Vec<(base::Tid, PgDepend)>> {
        let keys = [object.class.into(), object.object.into(), Datum::Int4(object.sub)];
        self.find(index::PG_DEPEND_REFERENCE, if object.sub == 0 { &keys[..2] } else { &keys })
    }

    /// The objects to drop when `targets` are dropped, dependents first. Without `cascade`, an error if others than
    /// automatic dependents are among them.
    ///
    /// # Errors
    /// `2BP01` with who depends on what; `2BP01` for pinned objects and for parts of others.
    pub fn plan_drop(&self, targets: &[ObjectAddress], cascade: bool) -> Result<Vec<ObjectAddress>> {
        let mut plan = DropPlan::default();
        for target in targets {
            if is_pinned(*target) {
                bail!(
                    DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop {} because it is required by the database system",
                    self.describe_object(*target)?
                );
            }
            self.check_not_part(*target, targets)?;
        }
        for target in targets {
            self.visit_drop(*target, None, &mut plan)?;
        }
        self.report_drop(targets, &plan, cascade)?;
        Ok(plan.order)
    }

    /// An object that is part of another can only go with it.
    fn check_not_part(&self, target: ObjectAddress, targets: &[ObjectAddress]) -> Result<()> {
        for (_, row) in self.dependencies_of(target)? {
            let owner = ObjectAddress { class: row.refclassid, object: row.refobjid, sub: row.refobjsubid };
            let whole = ObjectAddress { sub: 0, ..owner };
            if row.objsubid != target.sub || targets.contains(&owner) || targets.contains(&whole) {
                continue;
            }
            if matches!(row.deptype as u8, b'i' | b'e' | b'P') {
                let (part, owner) = (self.describe_object(target)?, self.describe_object(owner)?);
                return Err(base::err!(
                    DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop {part} because {owner} requires it"
                )
                .hint(format!("You can drop {owner} instead.")));
            }
        }
        Ok(())
    }

    /// Adds an object and all that depends on it to the plan. `needed_by`: what it was reached from, when its going
    /// needs CASCADE.
    fn visit_drop(
        &self,
        object: ObjectAddress,
        needed_by: Option<ObjectAddress>,
        plan: &mut DropPlan,
    ) -> Result<()> {
        if !plan.seen.insert(object) {
            return Ok(());
        }
        self.interrupt_check()?;
        if let Some(dependee) = needed_by {
            plan.reports.insert(object, dependee);
        }
        let mut dependents = self.dependents_of(object)?;
        // The newest first: they hang on the object itself rather than on what was made along with it.
        dependents.sort_by_key(|(_, d)| std::cmp::Reverse((d.objid, d.classid, d.objsubid)));
        let mut next = Vec::new();
        for (_, row) in dependents {
            let dependent = ObjectAddress { class: row.classid, object: row.objid, sub: row.objsubid };
            if dependent == object
                || (dependent.class, dependent.object) == (object.class, object.object) && object.sub == 0
            {
                continue;
            }
            let automatic = matches!(row.deptype as u8, b'a' | b'i' | b'e' | b'P' | b'S');
            if automatic {
                // It would go without CASCADE, whatever else it depends on.
                plan.automatic.insert(dependent);
            }
            // A part drags its owner along: dropping a view's rule means dropping the view.
            let owner = if automatic { None } else { self.owner_of_part(dependent)? };
            let goes = |owner: &ObjectAddress| {
                plan.seen.contains(owner) || plan.seen.contains(&ObjectAddress { sub: 0, ..*owner })
            };
            next.push((owner.filter(|owner| !goes(owner)).unwrap_or(dependent), automatic));
        }
        for (dependent, automatic) in next {
            self.visit_drop(dependent, (!automatic).then_some(object), plan)?;
        }
        plan.order.push(object);
        Ok(())
    }

    /// What an object is a part of, and that of what, and so on up to the whole.
    fn owner_of_part(&self, object: ObjectAddress) -> Result<Option<ObjectAddress>> {
        let mut owner = None;
        let mut part = object;
        loop {
            let rows = self.dependencies_of(part)?;
            let of = rows.iter().find(|(_, r)| r.deptype as u8 == b'i' && r.objsubid == part.sub);
            let Some((_, row)) = of else { return Ok(owner) };
            part = ObjectAddress { class: row.refclassid, object: row.refobjid, sub: row.refobjsubid };
            if owner.replace(part) == Some(part) {
                return Err(Error::corrupted(format!("object {} is a part of itself", part.object)));
            }
        }
    }

    fn report_drop(&self, targets: &[ObjectAddress], plan: &DropPlan, cascade: bool) -> Result<()> {
        const SHOWN: usize = 100;
        let reported = |object: &&ObjectAddress| {
            plan.reports.contains_key(object) && !plan.automatic.contains(object) && !targets.contains(object)
        };
        let reports: Vec<_> =
            plan.order.iter().rev().filter(reported).map(|o| (*o, plan.reports[o])).collect();
        if reports.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for (dependent, on) in reports.iter().take(SHOWN) {
            let words = self.describe_object(*dependent)?;
            lines.push(if cascade {
                format!("drop cascades to {words}")
            } else {
                format!("{words} depends on {}", self.describe_object(*on)?)
            });
        }
        let more = reports.len().saturating_sub(SHOWN);
        if more > 0 {
            let noun = if more == 1 { "object" } else { "objects" };
            lines.push(format!("and {more} other {noun} (see server log for list)"));
        }
        if cascade {
            let notice =
                |text: String| Error::with_severity(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, text);
            match &lines[..] {
                [only] => self.notice(notice(only.clone())),
                many => {
                    let count = reports.len();
                    self.notice(
                        notice(format!("drop cascades to {count} other objects")).detail(many.join("\n")),
                    );
                }
            }
            return Ok(());
        }
        let message = match targets {
            [target] => {
                format!("cannot drop {} because other objects depend on it", self.describe_object(*target)?)
            }
            _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
        };
        Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .detail(lines.join("\n"))
            .hint("Use DROP ... CASCADE to drop the dependent objects too."))
    }
}

#[derive(Default)]
struct DropPlan {
    /// Dependents before what they depend on.
    order: Vec<ObjectAddress>,
    seen: HashSet<ObjectAddress>,
    /// Objects that were reached through a normal dependency, and from where.
    reports: HashMap<ObjectAddress, ObjectAddress>,
    /// Objects that depend automatically on others of the plan.
    automatic: HashSet<ObjectAddress>,
}
