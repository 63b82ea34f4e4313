//! GROUP BY columns that add nothing: those of a table whose unique key is grouped by as well.

use crate::types::Root;
use base::Result;
use ir::{Expr, VarSource};

impl<'a> Root<'a> {
    /// Takes columns out of GROUP BY that others determine. They stay in the output, with the value of any row of the
    /// group.
    pub fn remove_useless_group_columns(&mut self) -> Result<()> {
        if self.query.group_clause.len() < 2 || !self.query.grouping_sets.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<Option<(usize, i16)>> = Vec::new();
        for clause in &self.query.group_clause {
            let target = crate::preprocess::target_of(clause, &self.targets)?;
            columns.push(match &target.expr {
                Expr::Var(var) if var.levels_up == 0 && var.attribute > 0 => match var.source {
                    VarSource::Relation(rti) => Some((rti, var.attribute)),
                    _ => None,
                },
                _ => None,
            });
        }
        let mut useless = vec![false; columns.len()];
        for rti in self.all_base.iter() {
            let own = |column: &Option<(usize, i16)>| column.filter(|(r, _)| *r == rti).map(|(_, a)| a);
            let grouped: Vec<i16> = columns.iter().filter_map(own).collect();
            if grouped.len() < 2 {
                continue;
            }
            let Some(key) = self.shortest_key(rti, &grouped) else { continue };
            for (place, column) in columns.iter().enumerate() {
                if let Some(attribute) = own(column) {
                    useless[place] = !key.contains(&attribute);
                }
            }
        }
        let mut flags = useless.iter();
        self.query.group_clause.retain(|_| !flags.next().copied().unwrap_or(false));
        Ok(())
    }

    /// The columns of the shortest unique index whose columns are among these, fewer than they, and never NULL.
    fn shortest_key(&self, rti: usize, grouped: &[i16]) -> Option<Vec<i16>> {
        let rel = self.base(rti);
        let entry = rel.entry.as_ref()?;
        let fits = |keys: &[i16]| {
            keys.len() < grouped.len()
                && keys.iter().all(|key| {
                    let attribute =
                        usize::try_from(*key - 1).ok().and_then(|a| entry.desc().attributes().get(a));
                    grouped.contains(key) && attribute.is_some_and(|a| a.not_null)
                })
        };
        let unique = rel.indexes.iter().filter(|i| i.unique && i.immediate && i.predicate.is_empty());
        let keys = unique.map(|i| &i.keys[..i.key_columns]).filter(|keys| fits(keys));
        keys.min_by_key(|keys| keys.len()).map(<[i16]>::to_vec)
    }
}
