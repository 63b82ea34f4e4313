//! Text to queries.

use super::expr_reader::{Reader, by_number};
use super::token::{Node, Object, damaged};
use crate::*;
use base::{Error, Result};

fn alias(node: &Node<'_>) -> Result<Option<Alias>> {
    match node {
        Node::Null => Ok(None),
        node => {
            let o = node.object()?;
            Ok(Some(Alias {
                name: o.string("aliasname")?.unwrap_or_default(),
                columns: o.get("colnames")?.strings()?,
            }))
        }
    }
}

fn join_kind(o: &Object<'_>) -> Result<JoinKind> {
    use JoinKind as K;
    Ok(by_number!(
        o.number("jointype")?,
        K::Inner,
        K::Left,
        K::Full,
        K::Right,
        K::Semi,
        K::Anti,
        K::RightSemi,
        K::RightAnti
    ))
}

fn overriding(o: &Object<'_>) -> Result<Overriding> {
    Ok(by_number!(o.number("override")?, Overriding::NotSet, Overriding::User, Overriding::System))
}

/// DO NOTHING, of rules and of MERGE.
const NOTHING: u8 = 7;

fn command(number: u8) -> Result<CommandType> {
    Ok(match number {
        1 | NOTHING => CommandType::Select,
        2 => CommandType::Update,
        3 => CommandType::Insert,
        4 => CommandType::Delete,
        5 => CommandType::Merge,
        6 => CommandType::Utility,
        _ => return Err(damaged("command expected")),
    })
}

impl Reader<'_> {
    fn each<T>(
        &self,
        o: &Object<'_>,
        field: &str,
        read: impl Fn(&Object<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        o.get(field)?.items()?.iter().map(|n| read(n.object()?)).collect()
    }

    pub(super) fn query(&self, node: &Node<'_>) -> Result<Query> {
        let o = node.object()?;
        if o.name != "QUERY" {
            return Err(Error::unsupported(format!("stored statement {}", o.name)));
        }
        if !matches!(o.get("utilityStmt")?, Node::Null) {
            return Err(Error::unsupported("stored utility statement"));
        }
        Ok(Query {
            command: match o.number("commandType")? {
                NOTHING => return Err(Error::unsupported("stored DO INSTEAD NOTHING")),
                number => command(number)?,
            },
            can_set_tag: o.bool("canSetTag")?,
            result_relation: o.number("resultRelation")?,
            has_aggregates: o.bool("hasAggs")?,
            has_window_functions: o.bool("hasWindowFuncs")?,
            has_target_srfs: o.bool("hasTargetSRFs")?,
            has_sublinks: o.bool("hasSubLinks")?,
            has_distinct_on: o.bool("hasDistinctOn")?,
            has_recursive: o.bool("hasRecursive")?,
            has_modifying_cte: o.bool("hasModifyingCTE")?,
            has_for_update: o.bool("hasForUpdate")?,
            has_row_security: o.bool("hasRowSecurity")?,
            is_return: o.bool("isReturn")?,
            ctes: self.each(o, "cteList", |c| self.cte(c))?,
            range_table: self.each(o, "rtable", |e| self.entry(e))?,
            permissions: self.each(o, "rteperminfos", |p| self.permission(p))?,
            join_tree: self.join_tree(o.get("jointree")?)?,
            merge_actions: self.each(o, "mergeActionList", |a| self.merge_action(a))?,
            merge_target_relation: o.number("mergeTargetRelation")?,
            merge_join_condition: self.optional(o, "mergeJoinCondition")?,
            target_list: self.targets(o, "targetList")?,
            overriding: overriding(o)?,
            on_conflict: match o.get("onConflict")? {
                Node::Null => None,
                node => Some(Box::new(self.on_conflict(node.object()?)?)),
            },
            check_options: Vec::new(),
            returning_old_alias: o.string("returningOldAlias")?,
            returning_new_alias: o.string("returningNewAlias")?,
            returning: self.targets(o, "returningList")?,
            group_clause: self.sort_groups(o, "groupClause")?,
            group_distinct: o.bool("groupDistinct")?,
            grouping_sets: self.each(o, "groupingSets", |s| self.grouping_set(s))?,
            having: self.optional(o, "havingQual")?,
            windows: self.each(o, "windowClause", |w| self.window(w))?,
            distinct_clause: self.sort_groups(o, "distinctClause")?,
            sort_clause: self.sort_groups(o, "sortClause")?,
            limit_offset: self.optional(o, "limitOffset")?,
            limit_count: self.optional(o, "limitCount")?,
            limit_with_ties: o.number::<u8>("limitOption")? == 1,
            row_marks: self.each(o, "rowMarks", row_mark)?,
            set_operations: match o.get("setOperations")? {
                Node::Null => None,
                node => Some(Box::new(self.set_operation(node)?)),
            },
            constraint_dependencies: o.oids("constraintDeps")?,
        })
    }

    fn permission(&self, o: &Object<'_>) -> Result<Permission> {
        Ok(Permission {
            relation: o.oid("relid")?,
            inherit: o.bool("inh")?,
            required: o.number("requiredPerms")?,
            check_as: o.oid("checkAsUser")?,
            selected: self.members(o, "selectedCols")?,
            inserted: self.members(o, "insertedCols")?,
            updated: self.members(o, "updatedCols")?,
        })
    }

    fn join_tree(&self, node: &Node<'_>) -> Result<FromExpr> {
        let o = match node {
            Node::Null => return Ok(FromExpr::default()),
            node => node.object()?,
        };
        let items = o.get("fromlist")?.items()?.iter().map(|n| self.join_node(n)).collect::<Result<_>>()?;
        Ok(FromExpr { items, quals: self.optional(o, "quals")? })
    }

    fn join_node(&self, node: &Node<'_>) -> Result<JoinNode> {
        let o = node.object()?;
        Ok(match o.name {
            "RANGETBLREF" => JoinNode::Relation(o.number("rtindex")?),
            "FROMEXPR" => JoinNode::From(Box::new(self.join_tree(node)?)),
            "JOINEXPR" => JoinNode::Join(Box::new(JoinExpr {
                kind: join_kind(o)?,
                natural: o.bool("isNatural")?,
                left: self.join_node(o.get("larg")?)?,
                right: self.join_node(o.get("rarg")?)?,
                using: o.get("usingClause")?.strings()?,
                using_alias: alias(o.get("join_using_alias")?)?,
                quals: self.optional(o, "quals")?,
                alias: alias(o.get("alias")?)?,
                range_table_index: o.number("rtindex")?,
            })),
            _ => return Err(damaged("join expected")),
        })
    }

    fn entry(&self, o: &Object<'_>) -> Result<RangeTableEntry> {
        let kind = match o.number::<u8>("rtekind")? {
            0 => RangeTableKind::Relation {
                oid: o.oid("relid")?,
                relkind: o.char("relkind")?,
                lock_mode: o.number("rellockmode")?,
                inherit: o.bool("inh")?,
                permission: o.number("perminfoindex")?,
                sample: match o.get("tablesample")? {
                    Node::Null => None,
                    node => {
                        let o = node.object()?;
                        Some(Box::new(TableSample {
                            handler: o.oid("tsmhandler")?,
                            args: self.list(o, "args")?,
                            repeatable: self.optional(o, "repeatable")?.map(|e| *e),
                        }))
                    }
                },
            },
            1 => RangeTableKind::Subquery {
                query: Box::new(self.query(o.get("subquery")?)?),
                security_barrier: o.bool("security_barrier")?,
                view: o.oid("relid")?.some(),
                permission: o.number("perminfoindex")?,
            },
            2 => RangeTableKind::Join {
                kind: join_kind(o)?,
                merged: o.number("joinmergedcols")?,
                alias_vars: self.list(o, "joinaliasvars")?,
                left_columns: o.numbers("joinleftcols")?,
                right_columns: o.numbers("joinrightcols")?,
                using_alias: alias(o.get("join_using_alias")?)?,
            },
            3 => RangeTableKind::Function {
                functions: self.each(o, "functions", |f| self.table_function(f))?,
                ordinality: o.bool("funcordinality")?,
            },
            5 => RangeTableKind::Values {
                lists: o
                    .get("values_lists")?
                    .items()?
                    .iter()
                    .map(|n| self.exprs(n))
                    .collect::<Result<_>>()?,
                types: o.oids("coltypes")?,
                typmods: o.numbers("coltypmods")?,
                collations: o.oids("colcollations")?,
            },
            6 => RangeTableKind::Cte {
                name: o.string("ctename")?.unwrap_or_default(),
                levels_up: o.number("ctelevelsup")?,
                self_reference: o.bool("self_reference")?,
                types: o.oids("coltypes")?,
                typmods: o.numbers("coltypmods")?,
                collations: o.oids("colcollations")?,
            },
            7 => RangeTableKind::NamedTuplestore {
                name: o.string("enrname")?.unwrap_or_default(),
                relation: o.oid("relid")?,
                types: o.oids("coltypes")?,
                typmods: o.numbers("coltypmods")?,
                collations: o.oids("colcollations")?,
            },
            8 => RangeTableKind::Result,
            9 => RangeTableKind::Group { exprs: self.list(o, "groupexprs")? },
            _ => return Err(Error::unsupported("stored table function")),
        };
        Ok(RangeTableEntry {
            kind,
            alias: alias(o.get("alias")?)?,
            eref: alias(o.get("eref")?)?.unwrap_or_default(),
            lateral: o.bool("lateral")?,
            in_from: o.bool("inFromCl")?,
            security_quals: self.list(o, "securityQuals")?,
        })
    }

    fn table_function(&self, o: &Object<'_>) -> Result<RangeTableFunction> {
        Ok(RangeTableFunction {
            expr: *self.boxed(o, "funcexpr")?,
            column_count: o.number("funccolcount")?,
            column_names: o.get("funccolnames")?.strings()?,
            column_types: o.oids("funccoltypes")?,
            column_typmods: o.numbers("funccoltypmods")?,
            column_collations: o.oids("funccolcollations")?,
        })
    }

    fn merge_action(&self, o: &Object<'_>) -> Result<MergeAction> {
        Ok(MergeAction {
            matched: by_number!(
                o.number("matchKind")?,
                MergeMatch::Matched,
                MergeMatch::NotMatchedBySource,
                MergeMatch::NotMatchedByTarget
            ),
            command: command(o.number("commandType")?)?,
            overriding: overriding(o)?,
            condition: self.optional(o, "qual")?.map(|e| *e),
            targets: self.targets(o, "targetList")?,
            update_columns: o.numbers("updateColnos")?,
        })
    }

    fn on_conflict(&self, o: &Object<'_>) -> Result<OnConflict> {
        Ok(OnConflict {
            update: o.number::<u8>("action")? == 2,
            arbiter: self.each(o, "arbiterElems", |element| {
                Ok(InferenceElement {
                    expr: *self.boxed(element, "expr")?,
                    collation: element.oid("infercollid")?,
                    operator_class: element.oid("inferopclass")?,
                })
            })?,
            arbiter_where: self.optional(o, "arbiterWhere")?.map(|e| *e),
            constraint: o.oid("constraint")?,
            set: self.targets(o, "onConflictSet")?,
            set_where: self.optional(o, "onConflictWhere")?.map(|e| *e),
            excluded_relation: o.number("exclRelIndex")?,
            excluded_targets: self.targets(o, "exclRelTlist")?,
        })
    }

    fn grouping_set(&self, o: &Object<'_>) -> Result<GroupingSet> {
        let sets = || self.each(o, "content", |s| self.grouping_set(s));
        Ok(match o.number::<u8>("kind")? {
            0 => GroupingSet::Empty,
            1 => GroupingSet::Simple(o.numbers("content")?),
            2 => GroupingSet::Rollup(sets()?),
            3 => GroupingSet::Cube(sets()?),
            4 => GroupingSet::Sets(sets()?),
            _ => return Err(damaged("grouping set expected")),
        })
    }

    fn window(&self, o: &Object<'_>) -> Result<WindowClause> {
        Ok(WindowClause {
            name: o.string("name")?,
            reference_name: o.string("refname")?,
            partition: self.sort_groups(o, "partitionClause")?,
            order: self.sort_groups(o, "orderClause")?,
            frame_options: o.number("frameOptions")?,
            start_offset: self.optional(o, "startOffset")?,
            end_offset: self.optional(o, "endOffset")?,
            start_in_range: o.oid("startInRangeFunc")?,
            end_in_range: o.oid("endInRangeFunc")?,
            in_range_collation: o.oid("inRangeColl")?,
            in_range_ascending: o.bool("inRangeAsc")?,
            in_range_nulls_first: o.bool("inRangeNullsFirst")?,
            number: o.number("winref")?,
            copied_order: o.bool("copiedOrder")?,
        })
    }

    fn set_operation(&self, node: &Node<'_>) -> Result<SetOperationTree> {
        let o = node.object()?;
        if o.name == "RANGETBLREF" {
            return Ok(SetOperationTree::Relation(o.number("rtindex")?));
        }
        Ok(SetOperationTree::Operation(SetOperation {
            kind: match o.number::<u8>("op")? {
                1 => SetOperationKind::Union,
                2 => SetOperationKind::Intersect,
                3 => SetOperationKind::Except,
                _ => return Err(damaged("set operation expected")),
            },
            all: o.bool("all")?,
            left: Box::new(self.set_operation(o.get("larg")?)?),
            right: Box::new(self.set_operation(o.get("rarg")?)?),
            types: o.oids("colTypes")?,
            typmods: o.numbers("colTypmods")?,
            collations: o.oids("colCollations")?,
            groups: self.sort_groups(o, "groupClauses")?,
        }))
    }

    fn cte(&self, o: &Object<'_>) -> Result<CommonTableExpr> {
        Ok(CommonTableExpr {
            name: o.string("ctename")?.unwrap_or_default(),
            alias_columns: o.get("aliascolnames")?.strings()?,
            materialized: by_number!(
                o.number("ctematerialized")?,
                Materialized::Default,
                Materialized::Always,
                Materialized::Never
            ),
            query: Box::new(self.query(o.get("ctequery")?)?),
            location: None,
            recursive: o.bool("cterecursive")?,
            references: o.number("cterefcount")?,
            column_names: o.get("ctecolnames")?.strings()?,
            types: o.oids("ctecoltypes")?,
            typmods: o.numbers("ctecoltypmods")?,
            collations: o.oids("ctecolcollations")?,
            search: match o.get("search_clause")? {
                Node::Null => None,
                node => {
                    let o = node.object()?;
                    Some(Box::new(CteSearch {
                        columns: o.get("search_col_list")?.strings()?,
                        breadth_first: o.bool("search_breadth_first")?,
                        sequence_column: o.string("search_seq_column")?.unwrap_or_default(),
                        location: None,
                    }))
                }
            },
            cycle: match o.get("cycle_clause")? {
                Node::Null => None,
                node => Some(Box::new(self.cycle(node.object()?)?)),
            },
        })
    }

    fn cycle(&self, o: &Object<'_>) -> Result<CteCycle> {
        Ok(CteCycle {
            columns: o.get("cycle_col_list")?.strings()?,
            mark_column: o.string("cycle_mark_column")?.unwrap_or_default(),
            mark_value: *self.boxed(o, "cycle_mark_value")?,
            mark_default: *self.boxed(o, "cycle_mark_default")?,
            path_column: o.string("cycle_path_column")?.unwrap_or_default(),
            mark_type: o.oid("cycle_mark_type")?,
            mark_typmod: o.number("cycle_mark_typmod")?,
            mark_collation: o.oid("cycle_mark_collation")?,
            mark_not_equal: o.oid("cycle_mark_neop")?,
            location: None,
        })
    }
}

fn row_mark(o: &Object<'_>) -> Result<RowMarkClause> {
    use LockStrength as S;
    Ok(RowMarkClause {
        relation: o.number("rti")?,
        strength: match o.number::<u8>("strength")? {
            1 => S::ForKeyShare,
            2 => S::ForShare,
            3 => S::ForNoKeyUpdate,
            4 => S::ForUpdate,
            _ => return Err(damaged("lock strength expected")),
        },
        wait: by_number!(o.number("waitPolicy")?, LockWait::Block, LockWait::Skip, LockWait::Error),
        pushed_down: o.bool("pushedDown")?,
    })
}
