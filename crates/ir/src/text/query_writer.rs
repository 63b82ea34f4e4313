//! Queries to text.

use super::expr_writer::Writer;
use crate::*;

impl Writer {
    fn alias(&mut self, field: &str, alias: Option<&Alias>) -> &mut Writer {
        self.name(field);
        match alias {
            None => self.text.push_str("<>"),
            Some(alias) => self
                .open("ALIAS")
                .string("aliasname", Some(&alias.name))
                .strings("colnames", &alias.columns)
                .close(),
        }
        self
    }

    pub(super) fn query(&mut self, q: &Query) -> &mut Writer {
        let grouped = q.range_table.iter().any(|e| matches!(e.kind, RangeTableKind::Group { .. }));
        self.open("QUERY")
            .plain("commandType", command_code(q.command))
            .plain("querySource", 0)
            .plain("canSetTag", q.can_set_tag)
            .plain("utilityStmt", "<>")
            .plain("resultRelation", q.result_relation)
            .plain("hasAggs", q.has_aggregates)
            .plain("hasWindowFuncs", q.has_window_functions)
            .plain("hasTargetSRFs", q.has_target_srfs)
            .plain("hasSubLinks", q.has_sublinks)
            .plain("hasDistinctOn", q.has_distinct_on)
            .plain("hasRecursive", q.has_recursive)
            .plain("hasModifyingCTE", q.has_modifying_cte)
            .plain("hasForUpdate", q.has_for_update)
            .plain("hasRowSecurity", q.has_row_security)
            .plain("hasGroupRTE", grouped)
            .plain("isReturn", q.is_return)
            .nodes("cteList", &q.ctes, |w, c| w.cte(c))
            .nodes("rtable", &q.range_table, |w, e| w.entry(e))
            .nodes("rteperminfos", &q.permissions, |w, p| w.permission(p))
            .name("jointree")
            .join_tree(&q.join_tree);
        self.nodes("mergeActionList", &q.merge_actions, |w, a| w.merge_action(a))
            .plain("mergeTargetRelation", q.merge_target_relation)
            .node("mergeJoinCondition", q.merge_join_condition.as_deref())
            .targets("targetList", &q.target_list)
            .plain("override", q.overriding as u8)
            .name("onConflict");
        match &q.on_conflict {
            None => self.text.push_str("<>"),
            Some(conflict) => self.on_conflict(conflict),
        }
        self.string("returningOldAlias", q.returning_old_alias.as_deref())
            .string("returningNewAlias", q.returning_new_alias.as_deref())
            .targets("returningList", &q.returning)
            .sort_groups("groupClause", &q.group_clause)
            .plain("groupDistinct", q.group_distinct)
            .nodes("groupingSets", &q.grouping_sets, |w, s| w.grouping_set(s))
            .node("havingQual", q.having.as_deref())
            .nodes("windowClause", &q.windows, |w, c| w.window(c))
            .sort_groups("distinctClause", &q.distinct_clause)
            .sort_groups("sortClause", &q.sort_clause)
            .node("limitOffset", q.limit_offset.as_deref())
            .node("limitCount", q.limit_count.as_deref())
            .plain("limitOption", u8::from(q.limit_with_ties))
            .nodes("rowMarks", &q.row_marks, |w, m| {
                w.open("ROWMARKCLAUSE")
                    .plain("rti", m.relation)
                    .plain("strength", m.strength as u8 + 1)
                    .plain("waitPolicy", m.wait as u8)
                    .plain("pushedDown", m.pushed_down)
                    .close();
            })
            .name("setOperations");
        match &q.set_operations {
            None => self.text.push_str("<>"),
            Some(tree) => self.set_operation(tree),
        }
        self.oids("constraintDeps", &q.constraint_dependencies)
            .plain("withCheckOptions", "<>")
            .plain("stmt_location", -1)
            .plain("stmt_len", -1)
            .close();
        self
    }

    fn permission(&mut self, p: &Permission) {
        self.open("RTEPERMISSIONINFO")
            .plain("relid", p.relation)
            .plain("inh", p.inherit)
            .plain("requiredPerms", p.required)
            .plain("checkAsUser", p.check_as)
            .numbers("selectedCols", 'b', p.selected.iter())
            .numbers("insertedCols", 'b', p.inserted.iter())
            .numbers("updatedCols", 'b', p.updated.iter())
            .close();
    }

    fn join_tree(&mut self, from: &FromExpr) {
        self.open("FROMEXPR")
            .nodes("fromlist", &from.items, |w, n| w.join_node(n))
            .node("quals", from.quals.as_deref())
            .close();
    }

    fn join_node(&mut self, node: &JoinNode) {
        match node {
            JoinNode::Relation(index) => self.open("RANGETBLREF").plain("rtindex", index).close(),
            JoinNode::From(from) => self.join_tree(from),
            JoinNode::Join(join) => {
                self.open("JOINEXPR")
                    .plain("jointype", join.kind as u8)
                    .plain("isNatural", join.natural)
                    .name("larg")
                    .join_node(&join.left);
                self.name("rarg").join_node(&join.right);
                self.strings("usingClause", &join.using)
                    .alias("join_using_alias", join.using_alias.as_ref())
                    .node("quals", join.quals.as_deref())
                    .alias("alias", join.alias.as_ref())
                    .plain("rtindex", join.range_table_index)
                    .close();
            }
        }
    }

    fn entry(&mut self, e: &RangeTableEntry) {
        self.open("RANGETBLENTRY").alias("alias", e.alias.as_ref()).alias("eref", Some(&e.eref));
        match &e.kind {
            RangeTableKind::Relation { oid, relkind, lock_mode, inherit, permission, sample } => {
                self.plain("rtekind", 0)
                    .plain("relid", oid)
                    .plain("inh", inherit)
                    .char("relkind", *relkind)
                    .plain("rellockmode", lock_mode)
                    .plain("perminfoindex", permission)
                    .name("tablesample");
                match sample {
                    None => self.text.push_str("<>"),
                    Some(sample) => self
                        .open("TABLESAMPLECLAUSE")
                        .plain("tsmhandler", sample.handler)
                        .exprs("args", &sample.args)
                        .node("repeatable", sample.repeatable.as_ref())
                        .close(),
                }
            }
            RangeTableKind::Subquery { query, security_barrier, view, permission } => {
                self.plain("rtekind", 1).name("subquery").query(query);
                self.plain("security_barrier", security_barrier)
                    .plain("relid", view.unwrap_or_default())
                    .plain("inh", false)
                    .char("relkind", if view.is_some() { b'v' } else { 0 })
                    .plain("rellockmode", u8::from(view.is_some()))
                    .plain("perminfoindex", permission);
            }
            RangeTableKind::Join { kind, merged, alias_vars, left_columns, right_columns, using_alias } => {
                self.plain("rtekind", 2)
                    .plain("jointype", *kind as u8)
                    .plain("joinmergedcols", merged)
                    .exprs("joinaliasvars", alias_vars)
                    .numbers("joinleftcols", 'i', left_columns)
                    .numbers("joinrightcols", 'i', right_columns)
                    .alias("join_using_alias", using_alias.as_ref());
            }
            RangeTableKind::Function { functions, ordinality } => {
                self.plain("rtekind", 3)
                    .nodes("functions", functions, |w, f| w.table_function(f))
                    .plain("funcordinality", ordinality);
            }
            RangeTableKind::Values { lists, types, typmods, collations } => {
                self.plain("rtekind", 5)
                    .nodes("values_lists", lists, |w, list| w.list(list, |w, e| w.expr(e)));
                self.column_types(types, typmods, collations);
            }
            RangeTableKind::Cte { name, levels_up, self_reference, types, typmods, collations } => {
                self.plain("rtekind", 6)
                    .string("ctename", Some(name))
                    .plain("ctelevelsup", levels_up)
                    .plain("self_reference", self_reference);
                self.column_types(types, typmods, collations);
            }
            RangeTableKind::NamedTuplestore { name, relation, types, typmods, collations } => {
                self.plain("rtekind", 7).string("enrname", Some(name)).plain("enrtuples", 0);
                self.column_types(types, typmods, collations);
                self.plain("relid", relation);
            }
            RangeTableKind::Result => {
                self.plain("rtekind", 8);
            }
            RangeTableKind::Group { exprs } => {
                self.plain("rtekind", 9).exprs("groupexprs", exprs);
            }
        }
        self.plain("lateral", e.lateral)
            .plain("inFromCl", e.in_from)
            .exprs("securityQuals", &e.security_quals)
            .close();
    }

    fn column_types(&mut self, types: &[base::Oid], typmods: &[i32], collations: &[base::Oid]) {
        self.oids("coltypes", types).numbers("coltypmods", 'i', typmods).oids("colcollations", collations);
    }

    fn table_function(&mut self, f: &RangeTableFunction) {
        self.open("RANGETBLFUNCTION")
            .node("funcexpr", Some(&f.expr))
            .plain("funccolcount", f.column_count)
            .strings("funccolnames", &f.column_names)
            .oids("funccoltypes", &f.column_types)
            .numbers("funccoltypmods", 'i', &f.column_typmods)
            .oids("funccolcollations", &f.column_collations)
            .numbers("funcparams", 'b', std::iter::empty::<usize>())
            .close();
    }

    fn merge_action(&mut self, a: &MergeAction) {
        let command = if a.command == CommandType::Select { 7 } else { command_code(a.command) };
        self.open("MERGEACTION")
            .plain("matchKind", a.matched as u8)
            .plain("commandType", command)
            .plain("override", a.overriding as u8)
            .node("qual", a.condition.as_ref())
            .targets("targetList", &a.targets)
            .numbers("updateColnos", 'i', &a.update_columns)
            .close();
    }

    fn on_conflict(&mut self, c: &OnConflict) {
        self.open("ONCONFLICTEXPR")
            .plain("action", 1 + u8::from(c.update))
            .nodes("arbiterElems", &c.arbiter, |w, e| {
                w.open("INFERENCEELEM")
                    .node("expr", Some(&e.expr))
                    .plain("infercollid", e.collation)
                    .plain("inferopclass", e.operator_class)
                    .close();
            })
            .node("arbiterWhere", c.arbiter_where.as_ref())
            .plain("constraint", c.constraint)
            .targets("onConflictSet", &c.set)
            .node("onConflictWhere", c.set_where.as_ref())
            .plain("exclRelIndex", c.excluded_relation)
            .targets("exclRelTlist", &c.excluded_targets)
            .close();
    }

    fn grouping_set(&mut self, set: &GroupingSet) {
        self.open("GROUPINGSET");
        match set {
            GroupingSet::Empty => self.plain("kind", 0).plain("content", "<>"),
            GroupingSet::Simple(refs) => self.plain("kind", 1).numbers("content", 'i', refs),
            GroupingSet::Rollup(sets) => {
                self.plain("kind", 2).nodes("content", sets, |w, s| w.grouping_set(s))
            }
            GroupingSet::Cube(sets) => self.plain("kind", 3).nodes("content", sets, |w, s| w.grouping_set(s)),
            GroupingSet::Sets(sets) => self.plain("kind", 4).nodes("content", sets, |w, s| w.grouping_set(s)),
        };
        self.location().close();
    }

    fn window(&mut self, c: &WindowClause) {
        self.open("WINDOWCLAUSE")
            .string("name", c.name.as_deref())
            .string("refname", c.reference_name.as_deref())
            .sort_groups("partitionClause", &c.partition)
            .sort_groups("orderClause", &c.order)
            .plain("frameOptions", c.frame_options)
            .node("startOffset", c.start_offset.as_deref())
            .node("endOffset", c.end_offset.as_deref())
            .plain("startInRangeFunc", c.start_in_range)
            .plain("endInRangeFunc", c.end_in_range)
            .plain("inRangeColl", c.in_range_collation)
            .plain("inRangeAsc", c.in_range_ascending)
            .plain("inRangeNullsFirst", c.in_range_nulls_first)
            .plain("winref", c.number)
            .plain("copiedOrder", c.copied_order)
            .close();
    }

    fn set_operation(&mut self, tree: &SetOperationTree) {
        match tree {
            SetOperationTree::Relation(index) => self.open("RANGETBLREF").plain("rtindex", index).close(),
            SetOperationTree::Operation(op) => {
                self.open("SETOPERATIONSTMT")
                    .plain("op", op.kind as u8 + 1)
                    .plain("all", op.all)
                    .name("larg")
                    .set_operation(&op.left);
                self.name("rarg").set_operation(&op.right);
                self.oids("colTypes", &op.types)
                    .numbers("colTypmods", 'i', &op.typmods)
                    .oids("colCollations", &op.collations)
                    .sort_groups("groupClauses", &op.groups)
                    .close();
            }
        }
    }

    fn cte(&mut self, c: &CommonTableExpr) {
        self.open("COMMONTABLEEXPR")
            .string("ctename", Some(&c.name))
            .strings("aliascolnames", &c.alias_columns)
            .plain("ctematerialized", c.materialized as u8)
            .name("ctequery")
            .query(&c.query);
        self.name("search_clause");
        match &c.search {
            None => self.text.push_str("<>"),
            Some(s) => self
                .open("CTESEARCHCLAUSE")
                .strings("search_col_list", &s.columns)
                .plain("search_breadth_first", s.breadth_first)
                .string("search_seq_column", Some(&s.sequence_column))
                .location()
                .close(),
        }
        self.name("cycle_clause");
        match &c.cycle {
            None => self.text.push_str("<>"),
            Some(s) => self
                .open("CTECYCLECLAUSE")
                .strings("cycle_col_list", &s.columns)
                .string("cycle_mark_column", Some(&s.mark_column))
                .node("cycle_mark_value", Some(&s.mark_value))
                .node("cycle_mark_default", Some(&s.mark_default))
                .string("cycle_path_column", Some(&s.path_column))
                .location()
                .plain("cycle_mark_type", s.mark_type)
                .plain("cycle_mark_typmod", s.mark_typmod)
                .plain("cycle_mark_collation", s.mark_collation)
                .plain("cycle_mark_neop", s.mark_not_equal)
                .close(),
        }
        self.location()
            .plain("cterecursive", c.recursive)
            .plain("cterefcount", c.references)
            .strings("ctecolnames", &c.column_names)
            .oids("ctecoltypes", &c.types)
            .numbers("ctecoltypmods", 'i', &c.typmods)
            .oids("ctecolcollations", &c.collations)
            .close();
    }
}

fn command_code(command: CommandType) -> u8 {
    match command {
        CommandType::Select => 1,
        CommandType::Update => 2,
        CommandType::Insert => 3,
        CommandType::Delete => 4,
        CommandType::Merge => 5,
        CommandType::Utility => 6,
    }
}
