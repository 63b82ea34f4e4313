//! Conditions on single relations that follow from an OR over several: `(a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4)`
//! lets through no row of a whose x is neither 1 nor 3. The join still checks the whole.

use crate::clause::{contains_volatile, make_and, make_or, relids};
use crate::selectivity::Context;
use crate::types::{Clause, Root};
use base::Result;
use ir::{BoolOp, Expr, JoinKind, RelSet};

/// A condition that lets more through than this is not worth checking twice.
const USELESS: f64 = 0.9;

impl<'a> Root<'a> {
    /// Adds what follows for the base relations. Their conditions must be complete.
    pub fn extract_from_ors(&mut self) -> Result<()> {
        for rti in self.all_base.clone().iter() {
            for clause in self.base(rti).join_clauses.clone() {
                let usable = matches!(clause.expr, Expr::Bool { op: BoolOp::Or, .. })
                    && clause.relids.contains(rti)
                    && !clause.delayed
                    && !clause.pseudoconstant
                    && clause.outer_relids.is_empty()
                    && !clause.nullable.contains(rti)
                    && clause.security_level == 0;
                if usable && let Some(expr) = self.part_for(&clause.expr, rti)? {
                    self.add_part(rti, &clause, expr)?;
                }
            }
        }
        Ok(())
    }

    /// The OR of what each of its arms says about relation `rti` alone; `None` if one says nothing.
    fn part_for(&self, or: &Expr, rti: usize) -> Result<Option<Expr>> {
        let Expr::Bool { op: BoolOp::Or, args, .. } = or else { return Ok(None) };
        let own = RelSet::single(rti);
        let mut arms = Vec::with_capacity(args.len());
        for arm in args {
            let terms = match arm {
                Expr::Bool { op: BoolOp::And, args, .. } => &args[..],
                other => std::slice::from_ref(other),
            };
            let mut kept = Vec::new();
            for term in terms {
                if let Expr::Bool { op: BoolOp::Or, .. } = term {
                    kept.extend(self.part_for(term, rti)?);
                } else if relids(term) == own && !contains_volatile(self.session(), term)? {
                    kept.push(term.clone());
                }
            }
            if kept.is_empty() {
                return Ok(None);
            }
            arms.push(make_and(kept));
        }
        Ok(Some(make_or(arms)))
    }

    fn add_part(&mut self, rti: usize, whole: &Clause, expr: Expr) -> Result<()> {
        let part = self.clause(expr, RelSet::single(rti), true, false, false, 0, RelSet::new())?;
        let selectivity = self.selectivity(&part, Context::filter(0))?;
        if selectivity > USELESS {
            return Ok(());
        }
        if selectivity > 0.0 {
            // The join's estimate must not count twice what the scan has already taken away.
            let mut left = whole.relids.clone();
            left.remove(rti);
            let join = crate::join_search::plain_join(&left, &RelSet::single(rti));
            let context = Context::of_join(JoinKind::Inner, &join);
            let original = self.selectivity(whole, context)?;
            whole.norm_selectivity.set((original / selectivity).min(1.0));
        }
        self.assign(part)
    }
}
