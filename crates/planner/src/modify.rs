//! Target lists as the executor wants them: rows to insert, columns to update, and the hidden columns that say which
//! row is meant.

use crate::clause::{deep, null_const, var, var_rti};
use crate::types::{ModifyPath, Path, PathKind, Root, Target};
use base::{Error, Oid, Result, bail};
use ir::{CommandType, Expr, LockStrength, ParamKind, RangeTableKind, TargetEntry};
use std::rc::Rc;

const TID: Oid = Oid(27);

pub(crate) fn lock_words(strength: LockStrength) -> &'static str {
    match strength {
        LockStrength::ForKeyShare => "FOR KEY SHARE",
        LockStrength::ForShare => "FOR SHARE",
        LockStrength::ForNoKeyUpdate => "FOR NO KEY UPDATE",
        LockStrength::ForUpdate => "FOR UPDATE",
    }
}

impl<'a> Root<'a> {
    fn add_junk(&mut self, expr: Expr, name: String) -> i16 {
        if let Some(at) = self.targets.iter().position(|t| t.expr == expr && t.junk) {
            return at as i16 + 1;
        }
        let number = self.targets.len() as i16 + 1;
        let entry = TargetEntry { junk: true, ..TargetEntry::new(expr, number, Some(name)) };
        self.targets.push(entry);
        number
    }

    /// The list of columns that the plan below the change of the table, or the whole plan, yields.
    pub fn prepare_targets(&mut self) -> Result<()> {
        let mut targets = self.query.target_list.clone();
        self.resolve_multi_params(&mut targets)?;
        self.targets = targets;
        let target = self.query.result_relation;
        match self.query.command {
            CommandType::Insert => self.expand_insert_targets()?,
            CommandType::Update => {
                let (own, junk): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut self.targets).into_iter().partition(|t| !t.junk);
                let mut own = own;
                own.sort_by_key(|t| t.number);
                self.update_columns = own.iter().map(|t| t.number).collect();
                self.targets = own.into_iter().chain(junk).collect();
            }
            CommandType::Delete | CommandType::Merge => self.targets.clear(),
            _ => {}
        }
        for (i, entry) in self.targets.iter_mut().enumerate() {
            entry.number = i as i16 + 1;
        }
        if matches!(self.query.command, CommandType::Update | CommandType::Delete | CommandType::Merge) {
            if self.has_inheritors(target)? {
                self.add_junk(Expr::Var(var(target, -6, Oid(26), -1, Oid(0))), "tableoid".into());
            }
            self.add_junk(Expr::Var(var(target, -1, TID, -1, Oid(0))), "ctid".into());
        }
        let mut marks = std::mem::take(&mut self.row_marks);
        for mark in &mut marks {
            let rti = mark.relation;
            if matches!(self.rte(rti).kind, RangeTableKind::Relation { .. }) {
                if self.has_inheritors(rti)? {
                    let tableoid = Expr::Var(var(rti, -6, Oid(26), -1, Oid(0)));
                    mark.tableoid_column = Some(self.add_junk(tableoid, format!("tableoid{rti}")));
                }
                mark.tid_column =
                    Some(self.add_junk(Expr::Var(var(rti, -1, TID, -1, Oid(0))), format!("ctid{rti}")));
            } else {
                let row = Expr::Var(var(rti, 0, Oid(2249), -1, Oid(0)));
                mark.whole_row_column = Some(self.add_junk(row, format!("wholerow{rti}")));
            }
        }
        self.row_marks = marks;
        if self.query.command != CommandType::Select {
            let mut wanted = Vec::new();
            for entry in &self.query.returning {
                crate::clause::vars(&entry.expr, &mut wanted);
            }
            wanted.retain(|v| var_rti(v) != Some(target) && v.returning == ir::Returning::Default);
            if self.query.command == CommandType::Merge {
                wanted.extend(self.merge_columns()?);
            }
            for v in wanted {
                let name = format!("returning{}", self.targets.len());
                self.add_junk(Expr::Var(v), name);
            }
        }
        Ok(())
    }

    /// The row marks, with the relations whose rows stand behind those of an append relation.
    pub fn marks_of_members(&self) -> Vec<ir::PlanRowMark> {
        let mut marks = self.row_marks.clone();
        for mark in marks.iter_mut().filter(|mark| mark.tableoid_column.is_some()) {
            mark.members = self.changed_relations(mark.relation);
        }
        marks
    }

    /// Whether rows of a relation may be those of tables that inherit from it.
    pub fn has_inheritors(&self, rti: usize) -> Result<bool> {
        let RangeTableKind::Relation { oid, relkind, inherit: true, .. } = self.rte(rti).kind else {
            return Ok(false);
        };
        if relkind == b'p' {
            return Ok(true);
        }
        let Some(entry) = self.session().relation(oid)? else { return Ok(false) };
        Ok(entry.class.relhassubclass && !self.session().children(oid)?.is_empty())
    }

    /// Columns of a multi-assignment's source are params that its subplan sets.
    pub fn resolve_multi_params(&self, targets: &mut [TargetEntry]) -> Result<()> {
        let params = &self.multi_params;
        for entry in targets {
            deep(&mut entry.expr, 0, &mut |e, _| {
                if let Expr::Param(p) = e
                    && p.kind == ParamKind::MultiExpr
                {
                    let list = params.get(&(p.id >> 16));
                    let id = list.and_then(|l| l.get((p.id & 0xffff).wrapping_sub(1)));
                    p.id = *id.ok_or_else(|| Error::internal("unexpected PARAM_MULTIEXPR ID"))?;
                    p.kind = ParamKind::Exec;
                }
                Ok(false)
            })?;
        }
        Ok(())
    }

    /// Every column of the table, in order: those not given are NULL.
    fn expand_insert_targets(&mut self) -> Result<()> {
        let Some(oid) = self.relation_oid(self.query.result_relation) else {
            return Err(Error::internal("the target of a command is not a relation"));
        };
        let entry = self.session().require_relation(oid)?;
        let mut given: Vec<Option<TargetEntry>> = vec![None; entry.desc().len()];
        let mut junk = Vec::new();
        for t in std::mem::take(&mut self.targets) {
            match given.get_mut((t.number as usize).wrapping_sub(1)) {
                Some(slot) if !t.junk => *slot = Some(t),
                _ => junk.push(t),
            }
        }
        for (i, a) in entry.desc().attributes().iter().enumerate() {
            let number = i as i16 + 1;
            let made = match given[i].take() {
                Some(t) => t,
                // Dropped columns have no type any more: any NULL will do.
                None if a.dropped => {
                    TargetEntry::new(null_const(self.session(), Oid(23), -1, Oid(0))?, number, None)
                }
                None => {
                    let value = null_const(self.session(), a.type_oid, a.typmod, a.collation)?;
                    TargetEntry::new(value, number, Some(a.name.clone()))
                }
            };
            self.targets.push(made);
        }
        self.targets.extend(junk);
        Ok(())
    }

    pub fn modify_path(&mut self, child: &Rc<Path>) -> Result<Rc<Path>> {
        let relation = self.query.result_relation;
        let arbiters = match self.query.on_conflict.clone() {
            Some(conflict) => self.infer_arbiters(&conflict)?,
            None => Vec::new(),
        };
        let returning = self.query.returning.clone();
        let mut target = Target::default();
        for entry in &returning {
            target.exprs.push(entry.expr.clone());
            target.refs.push(0);
        }
        if !returning.is_empty() {
            target.width = child.target.width;
        }
        let mut relations = match self.query.command {
            CommandType::Insert => vec![relation],
            _ => self.changed_relations(relation),
        };
        if relations.is_empty() {
            relations.push(relation);
        }
        let rows = if returning.is_empty() { 0.0 } else { child.rows };
        let (mut update_columns, mut lists) = (Vec::new(), Vec::new());
        let (mut merge_actions, mut merge_join_conditions) = (Vec::new(), Vec::new());
        let mut check_options = Vec::new();
        for child in &relations {
            let attribute = |a: &i16| self.attribute_of_member(*child, relation, *a);
            update_columns.push(self.update_columns.iter().map(attribute).collect::<Result<Vec<_>>>()?);
            if !returning.is_empty() {
                lists.push(self.list_for_member(*child, relation, &returning)?);
            }
            let mut options = self.query.check_options.clone();
            if *child != relation {
                for option in &mut options {
                    option.condition.iter_mut().try_for_each(|e| self.for_member(*child, relation, e))?;
                }
            }
            check_options.push(options);
            let mut actions = self.query.merge_actions.clone();
            let mut condition = self.query.merge_join_condition.as_deref().cloned();
            if *child != relation {
                for action in &mut actions {
                    for number in &mut action.update_columns {
                        *number = attribute(number)?;
                    }
                    action.targets = self.list_for_member(*child, relation, &action.targets)?;
                    for entry in action.targets.iter_mut().filter(|t| !t.junk) {
                        entry.number = attribute(&entry.number)?;
                    }
                    action.condition.iter_mut().try_for_each(|e| self.for_member(*child, relation, e))?;
                }
                condition.iter_mut().try_for_each(|e| self.for_member(*child, relation, e))?;
            }
            merge_actions.push(actions);
            merge_join_conditions.push(condition);
        }
        let modify = ModifyPath {
            operation: self.query.command,
            can_set_tag: self.query.can_set_tag,
            relation,
            relations,
            update_columns,
            returning: lists,
            check_options,
            on_conflict: self.query.on_conflict.clone(),
            arbiters,
            row_marks: self.marks_of_members(),
            recheck_param: self.g.new_param(Oid(0)),
            merge_actions,
            merge_join_conditions,
        };
        let kind = PathKind::Modify { child: child.clone(), modify: Box::new(modify) };
        let mut path = self.step(kind, child, &Rc::new(target), rows, (child.startup, child.total));
        path.keys.clear();
        Ok(Rc::new(path))
    }

    /// The unique indexes that decide what a conflict is.
    fn infer_arbiters(&self, conflict: &ir::OnConflict) -> Result<Vec<Oid>> {
        let Some(oid) = self.relation_oid(self.query.result_relation) else { return Ok(Vec::new()) };
        let entry = self.session().require_relation(oid)?;
        if conflict.constraint.is_valid() {
            let named = entry
                .indexes
                .iter()
                .find(|i| i.constraint.as_ref().is_some_and(|c| c.oid == conflict.constraint));
            let Some(index) = named else {
                bail!(WRONG_OBJECT_TYPE, "constraint in ON CONFLICT clause has no associated index");
            };
            if conflict.update && index.index.indisexclusion {
                bail!(WRONG_OBJECT_TYPE, "ON CONFLICT DO UPDATE not supported with exclusion constraints");
            }
            return Ok(vec![index.oid]);
        }
        if conflict.arbiter.is_empty() {
            return Ok(Vec::new());
        }
        let rti = self.query.result_relation;
        let rel = crate::types::Rel::empty(ir::RelSet::single(rti), rti);
        let mut found = Vec::new();
        for index in &entry.indexes {
            if !index.index.indisvalid || !index.index.indisunique || !index.index.indisready {
                continue;
            }
            let Some(info) = self.index_info(&entry, index, rti, &rel)? else { continue };
            let keys = &info.columns[..info.key_columns];
            let mut all_found = true;
            for element in &conflict.arbiter {
                let class = match element.operator_class.is_valid() {
                    true => self.session().row::<catalog::PgOpclass>(
                        catalog::index::PG_OPCLASS_OID,
                        &[element.operator_class.into()],
                    )?,
                    false => None,
                };
                let fits = |at: usize| {
                    let collation = index.index.indcollation.get(at).copied().unwrap_or_default();
                    crate::selectivity::same_expr(&keys[at], &element.expr)
                        && (!element.collation.is_valid() || element.collation == collation)
                        && class.as_ref().is_none_or(|class| {
                            index.families.get(at) == Some(&class.opcfamily)
                                && index.input_types.get(at) == Some(&class.opcintype)
                        })
                };
                all_found &= (0..keys.len()).any(fits);
            }
            let named =
                |key: &Expr| conflict.arbiter.iter().any(|e| crate::selectivity::same_expr(key, &e.expr));
            if !all_found || !keys.iter().all(named) {
                continue;
            }
            let given = conflict.arbiter_where.clone().map(crate::clause::ands).unwrap_or_default();
            if crate::predicate::implied_by(self.session(), &info.predicate, &given)? {
                found.push(index.oid);
            }
        }
        if found.is_empty() {
            bail!(
                INVALID_COLUMN_REFERENCE,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification"
            );
        }
        Ok(found)
    }
}
