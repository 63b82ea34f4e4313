//! Range table entries: opening relations, making entries and their namespace items.

use crate::coerce::make_const;
use crate::state::{Analyzer, NamespaceColumn, NamespaceItem};
use crate::types::*;
use base::{Error, Oid, Result, err};
use catalog::{LockMode, RelationEntry};
use datum::TupleDesc;
use ir::{
    Alias, Expr, Permission, Query, RangeTableEntry, RangeTableKind, Returning, expr_collation, expr_type,
    expr_typmod,
};
use std::sync::Arc;
use syntax::RelationName;

/// What a new range table entry is, names apart.
pub(crate) struct NewEntry {
    pub kind: RangeTableKind,
    pub alias: Option<Alias>,
    pub eref: Alias,
    pub lateral: bool,
    pub in_from: bool,
}

pub(crate) fn alias_of(alias: &syntax::Alias) -> Alias {
    Alias { name: alias.name.clone(), columns: alias.columns.clone() }
}

impl Analyzer<'_> {
    /// Looks a relation up and locks it.
    pub(crate) fn open_relation(
        &mut self,
        name: &RelationName,
        mode: LockMode,
    ) -> Result<Arc<RelationEntry>> {
        let at = name.location;
        if let Some(catalog) = &name.catalog
            && catalog != self.session.database_name()
        {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "cross-database references are not implemented: \"{}\"",
                Self::display_relation(name)
            )
            .at(at));
        }
        let found = match self.session.relation_by_name(name.schema.as_deref(), &name.name) {
            Err(error) if error.state() == base::SqlState::INVALID_SCHEMA_NAME => None,
            other => other.map_err(|e| e.or_at(Some(at)))?,
        };
        let Some(oid) = found else { return Err(self.no_such_relation(name)) };
        self.session.lock_relation(oid, mode)?;
        match self.session.relation(oid)? {
            Some(entry) => Ok(entry),
            None => Err(self.no_such_relation(name)),
        }
    }

    fn no_such_relation(&self, name: &RelationName) -> Error {
        if let Some(schema) = &name.schema {
            return err!(UNDEFINED_TABLE, "relation \"{schema}.{}\" does not exist", name.name)
                .at(name.location);
        }
        let error = err!(UNDEFINED_TABLE, "relation \"{}\" does not exist", name.name).at(name.location);
        let future = self.levels.iter().any(|l| l.future_ctes.contains(&name.name));
        if future {
            return error
                .detail(format!(
                    "There is a WITH item named \"{}\", but it cannot be referenced from this part of the query.",
                    name.name
                ))
                .hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
        }
        error
    }

    /// Refuses relations that have no rows to read: indexes and composite types.
    pub(crate) fn check_readable(&self, relation: &RelationEntry, location: usize) -> Result<()> {
        let name = &relation.class.relname;
        match relation.class.relkind as u8 {
            b'i' | b'I' => Err(err!(WRONG_OBJECT_TYPE, "cannot open relation \"{name}\"")
                .detail("This operation is not supported for indexes.")
                .at(location)),
            b'c' => Err(err!(WRONG_OBJECT_TYPE, "cannot open relation \"{name}\"")
                .detail("This operation is not supported for composite types.")
                .at(location)),
            _ => Ok(()),
        }
    }

    /// Adds an entry to the current level's range table.
    pub(crate) fn add_entry(
        &mut self,
        entry: NewEntry,
        columns: Vec<NamespaceColumn>,
        permission: usize,
    ) -> NamespaceItem {
        let level = self.level();
        let index = level.range_table.len() + 1;
        level.range_table.push(RangeTableEntry {
            kind: entry.kind,
            alias: entry.alias,
            eref: entry.eref.clone(),
            lateral: entry.lateral,
            in_from: entry.in_from,
            security_quals: Vec::new(),
        });
        let mut columns = columns;
        for (i, column) in columns.iter_mut().enumerate() {
            if column.relation == usize::MAX {
                column.relation = index;
                column.attribute = i as i16 + 1;
                column.syntactic = (index, i as i16 + 1);
            }
        }
        let item = NamespaceItem {
            names: entry.eref,
            index,
            columns,
            permission,
            relation_visible: true,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            returning: Returning::Default,
        };
        level.items.push(item.clone());
        level.nulling.resize(index, ir::RelSet::new());
        item
    }

    pub(crate) fn column(type_oid: Oid, typmod: i32, collation: Oid) -> NamespaceColumn {
        NamespaceColumn {
            relation: usize::MAX,
            attribute: 0,
            type_oid,
            typmod,
            collation,
            returning: Returning::Default,
            syntactic: (0, 0),
            hidden: false,
        }
    }

    fn dropped_column() -> NamespaceColumn {
        NamespaceColumn { relation: 0, ..Self::column(Oid::INVALID, -1, Oid::INVALID) }
    }

    /// Names of a row's columns, the user's first; dropped ones are empty.
    fn row_alias(desc: &TupleDesc, alias: Option<&Alias>, default: &str) -> Result<Alias> {
        let name = alias.map_or(default, |a| a.name.as_str()).to_owned();
        let given = alias.map(|a| a.columns.as_slice()).unwrap_or_default();
        let mut given_names = given.iter();
        let mut columns = Vec::with_capacity(desc.len());
        for attribute in desc.attributes() {
            columns.push(if attribute.dropped {
                String::new()
            } else {
                given_names.next().unwrap_or(&attribute.name).clone()
            });
        }
        if given_names.next().is_some() {
            let available = desc.attributes().iter().filter(|a| !a.dropped).count();
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "table \"{name}\" has {available} columns available but {} columns specified",
                given.len()
            ));
        }
        Ok(Alias { name, columns })
    }

    fn row_columns(desc: &TupleDesc) -> Vec<NamespaceColumn> {
        desc.attributes()
            .iter()
            .map(|a| {
                if a.dropped {
                    Self::dropped_column()
                } else {
                    Self::column(a.type_oid, a.typmod, a.collation)
                }
            })
            .collect()
    }

    /// An entry for a relation, with its permission entry.
    pub(crate) fn add_relation(
        &mut self,
        relation: &RelationEntry,
        mode: LockMode,
        alias: Option<Alias>,
        inherit: bool,
        in_from: bool,
    ) -> Result<NamespaceItem> {
        let desc = &relation.relation.desc;
        let eref = Self::row_alias(desc, alias.as_ref(), &relation.class.relname)?;
        // A dropped column's alias list keeps the names the user gave, empty ones for dropped columns.
        let alias = alias.map(|a| match a.columns.is_empty() {
            true => a,
            false => Alias { columns: eref.columns[..aliased_columns(desc, a.columns.len())].to_vec(), ..a },
        });
        let oid = relation.class.oid;
        let level = self.level();
        level.permissions.push(Permission {
            relation: oid,
            inherit,
            required: acl::SELECT,
            ..Permission::default()
        });
        let permission = level.permissions.len();
        let kind = RangeTableKind::Relation {
            oid,
            relkind: relation.class.relkind as u8,
            lock_mode: mode as u8,
            inherit,
            permission,
            sample: None,
        };
        let entry = NewEntry { kind, alias, eref, lateral: false, in_from };
        Ok(self.add_entry(entry, Self::row_columns(desc), permission))
    }

    /// An entry for a subquery in FROM.
    pub(crate) fn add_subquery(
        &mut self,
        query: Query,
        alias: Option<Alias>,
        lateral: bool,
        in_from: bool,
    ) -> Result<NamespaceItem> {
        let name = alias.as_ref().map_or("unnamed_subquery", |a| a.name.as_str()).to_owned();
        let given = alias.as_ref().map(|a| a.columns.clone()).unwrap_or_default();
        let mut names = given.clone();
        let mut columns = Vec::new();
        for (i, target) in ir::visible_targets(&query.target_list).enumerate() {
            if i >= names.len() {
                names.push(target.name.clone().unwrap_or_default());
            }
            let expr = &target.expr;
            columns.push(Self::column(expr_type(expr), expr_typmod(expr), expr_collation(expr)));
        }
        if columns.len() < given.len() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "table \"{name}\" has {} columns available but {} columns specified",
                columns.len(),
                given.len()
            ));
        }
        let eref = Alias { name, columns: names };
        let kind = RangeTableKind::Subquery {
            query: Box::new(query),
            security_barrier: false,
            view: None,
            permission: 0,
        };
        Ok(self.add_entry(NewEntry { kind, alias, eref, lateral, in_from }, columns, 0))
    }

    /// An entry for a VALUES list.
    pub(crate) fn add_values(
        &mut self,
        lists: Vec<Vec<Expr>>,
        types: Vec<Oid>,
        typmods: Vec<i32>,
        collations: Vec<Oid>,
        lateral: bool,
    ) -> NamespaceItem {
        let columns = (0..types.len()).map(|i| Self::column(types[i], typmods[i], collations[i])).collect();
        let eref = Alias {
            name: "*VALUES*".to_owned(),
            columns: (1..=types.len()).map(|i| format!("column{i}")).collect(),
        };
        let kind = RangeTableKind::Values { lists, types, typmods, collations };
        self.add_entry(NewEntry { kind, alias: None, eref, lateral, in_from: true }, columns, 0)
    }

    /// An entry for a reference to a CTE `levels_up` levels up, the `at`-th there.
    pub(crate) fn add_cte(
        &mut self,
        at: usize,
        levels_up: u32,
        alias: Option<Alias>,
        location: usize,
    ) -> Result<NamespaceItem> {
        let self_reference = self.levels[self.levels.len() - 1 - levels_up as usize].open_ctes.contains(&at);
        let owner = self.levels.len() - 1 - levels_up as usize;
        let cte = &mut self.levels[owner].ctes[at];
        if !self_reference {
            cte.references += 1;
        }
        let (cte_name, types, typmods, collations) =
            (cte.name.clone(), cte.types.clone(), cte.typmods.clone(), cte.collations.clone());
        let names = cte.column_names.clone();
        if cte.query.command != ir::CommandType::Select && cte.query.returning.is_empty() && !self_reference {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "WITH query \"{cte_name}\" does not have a RETURNING clause"
            )
            .at(location));
        }
        let refname = alias.as_ref().map_or(&cte_name, |a| &a.name).clone();
        let mut columns_named = alias.as_ref().map(|a| a.columns.clone()).unwrap_or_default();
        let given = columns_named.len();
        if given > names.len() {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "table \"{refname}\" has {} columns available but {given} columns specified",
                names.len()
            ));
        }
        columns_named.extend(names.into_iter().skip(given));
        let columns = (0..types.len()).map(|i| Self::column(types[i], typmods[i], collations[i])).collect();
        let eref = Alias { name: refname, columns: columns_named };
        let kind =
            RangeTableKind::Cte { name: cte_name, levels_up, self_reference, types, typmods, collations };
        Ok(self.add_entry(NewEntry { kind, alias, eref, lateral: false, in_from: true }, columns, 0))
    }

    /// The type of a whole-row variable of an item.
    pub(crate) fn whole_row_type(&self, item: &NamespaceItem, up: u32) -> Result<Oid> {
        let level = &self.levels[self.levels.len() - 1 - up as usize];
        Ok(match &level.range_table[item.index - 1].kind {
            RangeTableKind::Relation { oid, .. } => {
                let entry = self.session.relation(*oid)?;
                let type_oid = entry.map(|e| e.class.reltype).unwrap_or_default();
                if !type_oid.is_valid() {
                    let name = &item.names.name;
                    return Err(err!(
                        WRONG_OBJECT_TYPE,
                        "relation \"{name}\" does not have a composite type"
                    ));
                }
                type_oid
            }
            RangeTableKind::Function { functions, ordinality } if functions.len() == 1 && !ordinality => {
                let type_oid = expr_type(&functions[0].expr);
                // A scalar function's row is the value itself.
                type_oid
            }
            _ => RECORD,
        })
    }

    /// The result columns of a function that returns rows, if its declaration tells.
    pub(crate) fn function_descriptor(&self, function: Oid, call: &Expr) -> Result<Option<Arc<TupleDesc>>> {
        let row = self.session.function(function)?;
        let args: Vec<Oid> = match call {
            Expr::Func(f) => f.args.iter().map(expr_type).collect(),
            _ => Vec::new(),
        };
        Ok(self.session.result_columns(&row, &args)?.map(Arc::new))
    }

    /// NULL of a type, for columns that were left out.
    pub(crate) fn null_of(&self, type_oid: Oid, typmod: i32) -> Result<Expr> {
        make_const(self, type_oid, typmod, None, None)
    }
}

/// How many leading attributes hold `given` live ones.
fn aliased_columns(desc: &TupleDesc, given: usize) -> usize {
    let mut left = given;
    let mut count = 0;
    for attribute in desc.attributes() {
        if left == 0 {
            break;
        }
        count += 1;
        left -= usize::from(!attribute.dropped);
    }
    count
}
