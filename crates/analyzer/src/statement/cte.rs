//! WITH.
//!
//! In WITH RECURSIVE a name may be used before it is defined. Definitions are therefore analysed when they are first
//! referenced; a reference to one that is being analysed is a recursive one.

use super::select::output_types;
use crate::state::{Analyzer, Level};
use crate::types::*;
use base::{Error, Oid, Result, err};
use ir::{CommandType, CommonTableExpr, Materialized, Query, TargetEntry, expr_location};
use syntax::{SelectBody, SetOperator, Statement, With};

impl Analyzer<'_> {
    pub(crate) fn with_clause(&mut self, with: &With) -> Result<()> {
        for (i, cte) in with.ctes.iter().enumerate() {
            if with.ctes[..i].iter().any(|other| other.name == cte.name) {
                return Err(err!(
                    DUPLICATE_ALIAS,
                    "WITH query name \"{}\" specified more than once",
                    cte.name
                )
                .at(cte.location));
            }
            if !matches!(*cte.query, Statement::Select(_)) {
                if self.levels.len() > 1 {
                    return Err(err!(
                        FEATURE_NOT_SUPPORTED,
                        "WITH clause containing a data-modifying statement must be at the top level"
                    )
                    .at(cte.location));
                }
                self.level().has_modifying_cte = true;
            }
            if cte.search.is_some() || cte.cycle.is_some() {
                return Err(Error::unsupported("SEARCH or CYCLE clause of WITH").at(cte.location));
            }
        }
        let level = self.level();
        if with.recursive {
            level.ctes = with.ctes.iter().map(blank).collect();
            level.pending_ctes = with.ctes.iter().cloned().map(Some).collect();
        } else {
            level.future_ctes = with.ctes.iter().map(|c| c.name.clone()).collect();
        }
        for (i, cte) in with.ctes.iter().enumerate() {
            if with.recursive {
                let owner = self.levels.len() - 1;
                self.analyze_cte(owner, i)?;
                continue;
            }
            // Only earlier definitions are visible; its own name is not.
            let query = self.substatement(&cte.query, None)?;
            let mut done = blank(cte);
            self.fill_cte(&mut done, query)?;
            let level = self.level();
            level.ctes.push(done);
            level.future_ctes.retain(|n| *n != cte.name);
        }
        if with.recursive {
            // In the order in which they depend on one another.
            let level = self.level();
            let order = std::mem::take(&mut level.done_ctes);
            let mut ctes: Vec<Option<CommonTableExpr>> =
                std::mem::take(&mut level.ctes).into_iter().map(Some).collect();
            level.ctes = order.into_iter().filter_map(|i| ctes[i].take()).collect();
            level.pending_ctes.clear();
        }
        Ok(())
    }

    /// Analyses the definition of the `at`-th CTE of the level `owner`, unless that was done.
    fn analyze_cte(&mut self, owner: usize, at: usize) -> Result<()> {
        let Some(written) = self.levels[owner].pending_ctes.get_mut(at).and_then(Option::take) else {
            return Ok(());
        };
        // The definition sees its own level and those above only.
        let inner = self.levels.split_off(owner + 1);
        self.levels[owner].open_ctes.push(at);
        let result = self.deeper(|a| a.substatement(&written.query, Some(at)));
        self.levels[owner].open_ctes.retain(|o| *o != at);
        self.levels.extend(inner);
        let query = result?;
        let mut cte = self.levels[owner].ctes[at].clone();
        if cte.recursive {
            self.check_recursive_types(&cte, &query)?;
            let kept =
                (cte.column_names.clone(), cte.types.clone(), cte.typmods.clone(), cte.collations.clone());
            cte.query = Box::new(query);
            cte.query.can_set_tag = false;
            (cte.column_names, cte.types, cte.typmods, cte.collations) = kept;
        } else {
            cte.references = self.levels[owner].ctes[at].references;
            self.fill_cte(&mut cte, query)?;
        }
        self.levels[owner].ctes[at] = cte;
        self.levels[owner].done_ctes.push(at);
        Ok(())
    }

    /// Before a reference: analyses the definition, or checks that the recursion is well formed.
    pub(crate) fn prepare_cte_reference(&mut self, at: usize, up: u32, location: usize) -> Result<()> {
        let owner = self.levels.len() - 1 - up as usize;
        if !self.levels[owner].open_ctes.contains(&at) {
            return self.analyze_cte(owner, at);
        }
        let name = self.levels[owner].ctes[at].name.clone();
        let cte_location = self.levels[owner].ctes[at].location;
        let innermost = self.levels[owner].open_ctes.last() == Some(&at);
        if !innermost {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "mutual recursion between WITH items is not implemented"
            )
            .or_at(cte_location));
        }
        let below = &self.levels[owner + 1..];
        if below.iter().any(|l| l.in_expression) {
            return Err(err!(
                INVALID_RECURSION,
                "recursive reference to query \"{name}\" must not appear within a subquery"
            )
            .at(location));
        }
        if let Some(within) = below.iter().find_map(|l| l.no_recursion) {
            return Err(err!(
                INVALID_RECURSION,
                "recursive reference to query \"{name}\" must not appear within {within}"
            )
            .at(location));
        }
        if below.iter().any(|l| l.non_recursive_term) {
            return Err(err!(
                INVALID_RECURSION,
                "recursive reference to query \"{name}\" must not appear within its non-recursive term"
            )
            .at(location));
        }
        let cte = &mut self.levels[owner].ctes[at];
        // The non-recursive term of a UNION says what the columns are; without one the form is wrong.
        if cte.types.is_empty() {
            return Err(err!(
                INVALID_RECURSION,
                "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
            )
            .or_at(cte_location));
        }
        if cte.recursive {
            return Err(err!(
                INVALID_RECURSION,
                "recursive reference to query \"{name}\" must not appear more than once"
            )
            .at(location));
        }
        cte.recursive = true;
        Ok(())
    }

    /// After the left side of a set operation that is the body of a CTE: its columns are those of the CTE.
    pub(super) fn set_recursive_columns(&mut self, left: &[TargetEntry]) -> Result<()> {
        let Some(at) = self.current().parent_cte else { return Ok(()) };
        let owner = self.levels.len() - 2;
        let Some(mut cte) = self.levels[owner].ctes.get(at).cloned() else { return Ok(()) };
        self.set_cte_columns(&mut cte, left, true)?;
        self.levels[owner].ctes[at] = cte;
        Ok(())
    }

    fn set_cte_columns(
        &self,
        cte: &mut CommonTableExpr,
        list: &[TargetEntry],
        recursive: bool,
    ) -> Result<()> {
        let (names, types, typmods, collations) = output_types(list);
        let given = cte.alias_columns.len();
        if given > names.len() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "WITH query \"{}\" has {} columns available but {given} columns specified",
                cte.name,
                names.len()
            )
            .or_at(cte.location));
        }
        cte.column_names = cte.alias_columns.iter().cloned().chain(names.into_iter().skip(given)).collect();
        (cte.types, cte.typmods, cte.collations) = (types, typmods, collations);
        if recursive {
            for i in 0..cte.types.len() {
                if cte.types[i] == UNKNOWN {
                    (cte.types[i], cte.typmods[i], cte.collations[i]) = (TEXT, -1, DEFAULT_COLLATION);
                }
            }
        }
        Ok(())
    }

    fn fill_cte(&self, cte: &mut CommonTableExpr, mut query: Query) -> Result<()> {
        query.can_set_tag = false;
        let list = if query.command == CommandType::Select { &query.target_list } else { &query.returning };
        self.set_cte_columns(cte, list, false)?;
        *cte.query = query;
        Ok(())
    }

    /// The whole's types must be those that the non-recursive term had.
    fn check_recursive_types(&self, cte: &CommonTableExpr, query: &Query) -> Result<()> {
        for (i, target) in ir::visible_targets(&query.target_list).enumerate() {
            let (Some(&wanted), Some(&typmod)) = (cte.types.get(i), cte.typmods.get(i)) else { continue };
            let (found, found_typmod) = (ir::expr_type(&target.expr), ir::expr_typmod(&target.expr));
            if found != wanted || found_typmod != typmod {
                return Err(err!(
                    DATATYPE_MISMATCH,
                    "recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall",
                    cte.name,
                    i + 1,
                    self.session.format_type(wanted, Some(typmod))?,
                    self.session.format_type(found, Some(found_typmod))?
                )
                .hint("Cast the output of the non-recursive term to the correct type.")
                .or_at(expr_location(&target.expr)));
            }
        }
        Ok(())
    }

    /// Checks that clauses outside the UNION of a recursive CTE are not there.
    pub(super) fn check_recursive_clauses(&self, select: &syntax::SelectStatement) -> Result<()> {
        let Some(at) = self.current().parent_cte else { return Ok(()) };
        let Some(cte) = self.levels[self.levels.len() - 2].ctes.get(at) else { return Ok(()) };
        if !cte.recursive {
            return Ok(());
        }
        let refuse = |what: &str, location: Option<usize>| {
            Err(err!(FEATURE_NOT_SUPPORTED, "{what} in a recursive query is not implemented").or_at(location))
        };
        if let Some(sort) = select.order_by.first() {
            return refuse("ORDER BY", Some(sort.expr.start()));
        }
        if let Some(offset) = &select.offset {
            return refuse("OFFSET", Some(offset.start()));
        }
        if let Some(limit) = &select.limit {
            return refuse("LIMIT", Some(limit.start()));
        }
        if !select.locking.is_empty() {
            return refuse("FOR UPDATE/SHARE", None);
        }
        let is_union =
            matches!(&select.body, SelectBody::SetOperation(set) if set.operator == SetOperator::Union);
        if !is_union {
            return Err(err!(
                INVALID_RECURSION,
                "recursive query \"{}\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                cte.name
            )
            .or_at(cte.location));
        }
        Ok(())
    }

    /// A fresh level for one side of a set operation.
    pub(super) fn set_operand_level(&self, non_recursive_term: bool) -> Level {
        Level { keep_unknown: true, non_recursive_term, ..Level::default() }
    }
}

fn blank(cte: &syntax::CommonTableExpr) -> CommonTableExpr {
    CommonTableExpr {
        name: cte.name.clone(),
        alias_columns: cte.columns.clone(),
        materialized: match cte.materialized {
            None => Materialized::Default,
            Some(true) => Materialized::Always,
            Some(false) => Materialized::Never,
        },
        query: Box::default(),
        location: Some(cte.location),
        recursive: false,
        references: 0,
        column_names: Vec::new(),
        types: Vec::<Oid>::new(),
        typmods: Vec::new(),
        collations: Vec::new(),
        search: None,
        cycle: None,
    }
}
