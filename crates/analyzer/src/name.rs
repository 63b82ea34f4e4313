//! From names to columns: which FROM items a name sees, and what to say when it sees none.

use crate::context::ExprKind;
use crate::state::{Analyzer, NamespaceItem};
use base::{Error, Oid, Result, err};
use ir::{Expr, RangeTableKind, RelSet, Var, VarSource};

/// Attributes are counted from -7 in permission sets.
pub(crate) const ATTRIBUTE_OFFSET: i16 = 7;

/// Number, type and typmod of a system column.
pub(crate) fn system_column(name: &str) -> Option<(i16, Oid)> {
    Some(match name {
        "ctid" => (-1, Oid(27)),
        "xmin" => (-2, Oid(28)),
        "cmin" => (-3, Oid(29)),
        "xmax" => (-4, Oid(28)),
        "cmax" => (-5, Oid(29)),
        "tableoid" => (-6, Oid(26)),
        _ => return None,
    })
}

impl Analyzer<'_> {
    /// An unqualified column name, searched from the innermost query level outwards.
    pub(crate) fn find_column(&mut self, name: &str, location: usize) -> Result<Option<Expr>> {
        for up in 0..self.levels.len() as u32 {
            let at = self.levels.len() - 1 - up as usize;
            let active = self.levels[at].lateral_active;
            let items: Vec<NamespaceItem> = {
                let level = &self.levels[at];
                let visible = |i: &&NamespaceItem| {
                    i.columns_visible && (!i.lateral_only || active) && item_has_column(i, name)
                };
                let found: Vec<_> = level.namespace.iter().filter(visible).cloned().collect();
                if found.is_empty() && system_column(name).is_some() {
                    let visible = |i: &&NamespaceItem| i.columns_visible && (!i.lateral_only || active);
                    let has = |i: &&NamespaceItem| relation_has_system_columns(level, i.index);
                    level.namespace.iter().filter(visible).filter(has).cloned().collect()
                } else {
                    found
                }
            };
            let mut result = None;
            for item in &items {
                if let Some(var) = self.column_of_item(item, up, name, Some(location))? {
                    if result.is_some() {
                        return Err(
                            err!(AMBIGUOUS_COLUMN, "column reference \"{name}\" is ambiguous").at(location)
                        );
                    }
                    self.check_lateral(item, location)?;
                    result = Some(var);
                }
            }
            if result.is_some() {
                return Ok(result);
            }
        }
        Ok(None)
    }

    fn check_lateral(&self, item: &NamespaceItem, location: usize) -> Result<()> {
        if !item.lateral_only || item.lateral_ok {
            return Ok(());
        }
        let name = &item.names.name;
        let error =
            err!(INVALID_COLUMN_REFERENCE, "invalid reference to FROM-clause entry for table \"{name}\"");
        let is_target =
            self.levels.iter().rev().any(|l| l.target.as_ref().is_some_and(|t| t.index == item.index));
        Err(if is_target {
            error.hint(format!(
                "There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."
            ))
        } else {
            error.detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
        }
        .at(location))
    }

    /// A FROM item by name, with the number of levels it is up.
    pub(crate) fn find_item(
        &mut self,
        schema: Option<&str>,
        name: &str,
        location: usize,
    ) -> Result<Option<(NamespaceItem, u32)>> {
        let oid = match schema {
            Some(schema) => match self.session.relation_by_name(Some(schema), name) {
                Ok(Some(oid)) => Some(oid),
                Ok(None) => return Ok(None),
                Err(e) if e.state() == base::SqlState::INVALID_SCHEMA_NAME => return Ok(None),
                Err(e) => return Err(e),
            },
            None => None,
        };
        for up in 0..self.levels.len() as u32 {
            let level = &self.levels[self.levels.len() - 1 - up as usize];
            let matches = |item: &&NamespaceItem| {
                if !item.relation_visible || (item.lateral_only && !level.lateral_active) {
                    return false;
                }
                match oid {
                    None => item.names.name == name,
                    Some(oid) => {
                        let entry = &level.range_table[item.index - 1];
                        entry.alias.is_none()
                            && matches!(&entry.kind, RangeTableKind::Relation { oid: own, .. } if *own == oid)
                    }
                }
            };
            let mut found = level.namespace.iter().filter(matches);
            if let Some(item) = found.next() {
                if found.next().is_some() {
                    return Err(err!(AMBIGUOUS_ALIAS, "table reference \"{name}\" is ambiguous").at(location));
                }
                let item = item.clone();
                self.check_lateral(&item, location)?;
                return Ok(Some((item, up)));
            }
        }
        Ok(None)
    }

    /// The column of an item, `None` if it has none of the name.
    pub(crate) fn column_of_item(
        &mut self,
        item: &NamespaceItem,
        up: u32,
        name: &str,
        location: Option<usize>,
    ) -> Result<Option<Expr>> {
        let mut found = None;
        for (i, column_name) in item.names.columns.iter().enumerate() {
            if column_name == name && item.columns.get(i).is_some_and(|c| c.relation != 0) {
                if found.is_some() {
                    return Err(
                        err!(AMBIGUOUS_COLUMN, "column reference \"{name}\" is ambiguous").or_at(location)
                    );
                }
                found = Some(i);
            }
        }
        if let Some(i) = found {
            return Ok(Some(self.column_var(item, i, up, location)));
        }
        let Some((attribute, type_oid)) = system_column(name) else { return Ok(None) };
        let at = self.levels.len() - 1 - up as usize;
        if !relation_has_system_columns(&self.levels[at], item.index) {
            return Ok(None);
        }
        let kind = self.levels[at].kind;
        if kind == ExprKind::CheckConstraint && name != "tableoid" {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "system column \"{name}\" reference in check constraint is invalid"
            )
            .or_at(location));
        }
        if kind == ExprKind::Generated && name != "tableoid" {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "cannot use system column \"{name}\" in column generation expression"
            )
            .or_at(location));
        }
        if kind == ExprKind::MergeWhen && name != "tableoid" {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "cannot use system column \"{name}\" in MERGE WHEN condition"
            )
            .or_at(location));
        }
        self.mark_selected(item.index, attribute, up);
        Ok(Some(Expr::Var(Var {
            source: VarSource::Relation(item.index),
            attribute,
            type_oid,
            typmod: -1,
            collation: Oid::INVALID,
            nulling: self.nulling_of(item.index, up),
            levels_up: up,
            returning: item.returning,
            syntactic: (item.index, attribute),
            location,
        })))
    }

    /// The variable for an item's column, counted from 0.
    pub(crate) fn column_var(
        &mut self,
        item: &NamespaceItem,
        column: usize,
        up: u32,
        location: Option<usize>,
    ) -> Expr {
        let facts = &item.columns[column];
        self.mark_selected(facts.relation, facts.attribute, up);
        let returning = match item.returning {
            ir::Returning::Default => facts.returning,
            other => other,
        };
        Expr::Var(Var {
            source: VarSource::Relation(facts.relation),
            attribute: facts.attribute,
            type_oid: facts.type_oid,
            typmod: facts.typmod,
            collation: facts.collation,
            nulling: self.nulling_of(facts.relation, up),
            levels_up: up,
            returning,
            syntactic: facts.syntactic,
            location,
        })
    }

    pub(crate) fn nulling_of(&self, index: usize, up: u32) -> RelSet {
        let level = &self.levels[self.levels.len() - 1 - up as usize];
        level.nulling.get(index - 1).cloned().unwrap_or_default()
    }

    /// Notes that the column (0: the whole row) is read, for permission checks.
    pub(crate) fn mark_selected(&mut self, index: usize, attribute: i16, up: u32) {
        let level = self.level_up(up);
        match &level.range_table[index - 1].kind {
            RangeTableKind::Relation { permission, .. } if *permission > 0 => {
                let slot = &mut level.permissions[*permission - 1];
                slot.required |= crate::types::acl::SELECT;
                slot.selected.insert((attribute + ATTRIBUTE_OFFSET) as usize);
            }
            RangeTableKind::Join { alias_vars, .. } if attribute == 0 => {
                // A whole row of a join reads all rows below it.
                let below: Vec<(usize, i16)> = alias_vars
                    .iter()
                    .filter_map(|e| match e {
                        Expr::Var(Var { source: VarSource::Relation(i), attribute, .. }) => {
                            Some((*i, *attribute))
                        }
                        _ => None,
                    })
                    .collect();
                for (index, attribute) in below {
                    if attribute != 0 {
                        self.mark_selected(index, attribute, up);
                    }
                }
            }
            _ => {}
        }
    }

    /// The columns of an item with their names, as `*` gives them.
    pub(crate) fn expand_item(
        &mut self,
        item: &NamespaceItem,
        up: u32,
        location: Option<usize>,
    ) -> Result<Vec<(String, Expr)>> {
        let mut list = Vec::new();
        for (i, column) in item.columns.iter().enumerate() {
            if column.relation == 0 || column.hidden {
                continue;
            }
            list.push((item.names.columns[i].clone(), self.column_var(item, i, up, location)));
        }
        // Permission to read some column is needed even if there is none to show.
        let level = self.level_up(up);
        if let RangeTableKind::Relation { permission, .. } = &level.range_table[item.index - 1].kind
            && *permission > 0
        {
            level.permissions[*permission - 1].required |= crate::types::acl::SELECT;
        }
        Ok(list)
    }

    /// `missing FROM-clause entry`, or why the one there is cannot be used.
    pub(crate) fn missing_table(&self, schema: Option<&str>, name: &str, location: usize) -> Error {
        // An entry of that name that is not visible here, innermost level first.
        let mut hidden = None;
        'search: for level in self.levels.iter().rev() {
            for entry in &level.range_table {
                let matches = match schema {
                    None => entry.eref.name == name || relation_named(self, entry, None, name),
                    Some(_) => relation_named(self, entry, schema, name),
                };
                if matches
                    && !matches!(entry.kind, RangeTableKind::Join { .. } | RangeTableKind::Group { .. })
                {
                    hidden = Some((level, entry));
                    break 'search;
                }
            }
        }
        let Some((level, entry)) = hidden else {
            return err!(UNDEFINED_TABLE, "missing FROM-clause entry for table \"{name}\"").at(location);
        };
        let error =
            err!(UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"{name}\"").at(location);
        let alias = &entry.eref.name;
        let visible =
            level.namespace.iter().any(|i| i.names.name == *alias && i.relation_visible && !i.lateral_only);
        if alias != name && visible {
            return error.hint(format!("Perhaps you meant to reference the table alias \"{alias}\"."));
        }
        let error = error.detail(format!(
            "There is an entry for table \"{alias}\", but it cannot be referenced from this part of the query."
        ));
        let lateral = level
            .namespace
            .iter()
            .any(|i| i.names.name == *alias && i.lateral_only && i.lateral_ok && !level.lateral_active);
        if lateral {
            return error.hint("To reference that table, you must mark this subquery with LATERAL.");
        }
        error
    }

    /// `column does not exist`, with what was perhaps meant.
    pub(crate) fn missing_column(&self, table: Option<&str>, name: &str, location: usize) -> Error {
        let error = match table {
            Some(table) => err!(UNDEFINED_COLUMN, "column {table}.{name} does not exist"),
            None => err!(UNDEFINED_COLUMN, "column \"{name}\" does not exist"),
        }
        .at(location);
        let search = self.fuzzy_search(table, name);
        if let Some(exact) = &search.exact {
            if search.exact_again {
                let error = error.detail(format!(
                    "There are columns named \"{name}\", but they are in tables that cannot be referenced from this \
                     part of the query."
                ));
                return match table {
                    None => error.hint("Try using a table-qualified name."),
                    Some(_) => error,
                };
            }
            let error = error.detail(format!(
                "There is a column named \"{name}\" in table \"{}\", but it cannot be referenced from this part of \
                 the query.",
                exact.table
            ));
            if exact.visible_if_lateral {
                return error.hint("To reference that column, you must mark this subquery with LATERAL.");
            }
            if table.is_none() && exact.visible_if_qualified {
                return error.hint("To reference that column, you must use a table-qualified name.");
            }
            return error;
        }
        match &search.close[..] {
            [one] => {
                error.hint(format!("Perhaps you meant to reference the column \"{}.{}\".", one.0, one.1))
            }
            [one, two] => error.hint(format!(
                "Perhaps you meant to reference the column \"{}.{}\" or the column \"{}.{}\".",
                one.0, one.1, two.0, two.1
            )),
            _ => error,
        }
    }

    fn fuzzy_search(&self, table: Option<&str>, name: &str) -> FuzzySearch {
        let mut search = FuzzySearch { best: MAX_FUZZY_DISTANCE + 1, ..FuzzySearch::default() };
        for level in self.levels.iter().rev() {
            for (i, entry) in level.range_table.iter().enumerate() {
                if matches!(entry.kind, RangeTableKind::Join { .. } | RangeTableKind::Group { .. }) {
                    continue;
                }
                let penalty = table.map_or(0, |t| levenshtein(t, &entry.eref.name));
                for column in entry.eref.columns.iter().filter(|c| !c.is_empty()) {
                    if penalty == 0 && column == name {
                        let item = level.namespace.iter().find(|n| n.index == i + 1);
                        let exact = ExactMatch {
                            table: entry.eref.name.clone(),
                            visible_if_lateral: item
                                .is_some_and(|n| n.lateral_only && n.lateral_ok && !level.lateral_active),
                            visible_if_qualified: item
                                .is_some_and(|n| n.relation_visible && !n.columns_visible && !n.lateral_only),
                        };
                        if search.exact.is_some() {
                            search.exact_again = true;
                        } else {
                            search.exact = Some(exact);
                        }
                        continue;
                    }
                    search.consider(penalty, name, &entry.eref.name, column);
                }
            }
        }
        search
    }
}

const MAX_FUZZY_DISTANCE: usize = 3;

struct ExactMatch {
    table: String,
    visible_if_lateral: bool,
    visible_if_qualified: bool,
}

#[derive(Default)]
struct FuzzySearch {
    best: usize,
    close: Vec<(String, String)>,
    exact: Option<ExactMatch>,
    exact_again: bool,
}

impl FuzzySearch {
    /// A name counts as close if at most half of its characters are wrong, and only the closest are shown.
    fn consider(&mut self, penalty: usize, name: &str, table: &str, column: &str) {
        if penalty > self.best {
            return;
        }
        let distance = levenshtein(name, column);
        if distance > name.chars().count() / 2 {
            return;
        }
        let distance = distance + penalty;
        let found = (table.to_owned(), column.to_owned());
        if distance < self.best {
            self.best = distance;
            self.close = vec![found];
        } else if distance == self.best && distance <= MAX_FUZZY_DISTANCE {
            // Three or more equally close ones are none.
            if self.close.len() >= 2 {
                self.close.clear();
            } else if !self.close.is_empty() {
                self.close.push(found);
            }
        }
    }
}

/// Edit distance: insertion, deletion and substitution cost one each.
fn levenshtein(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let next = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

fn item_has_column(item: &NamespaceItem, name: &str) -> bool {
    item.names.columns.iter().any(|c| c == name)
}

fn relation_has_system_columns(level: &crate::state::Level, index: usize) -> bool {
    matches!(
        &level.range_table[index - 1].kind,
        RangeTableKind::Relation { relkind, .. } if !matches!(relkind, b'v' | b'c')
    )
}

fn relation_named(
    analyzer: &Analyzer<'_>,
    entry: &ir::RangeTableEntry,
    schema: Option<&str>,
    name: &str,
) -> bool {
    let RangeTableKind::Relation { oid, .. } = &entry.kind else { return false };
    analyzer.session.relation_by_name(schema, name).ok().flatten() == Some(*oid)
}

#[cfg(test)]
mod tests {
    use super::levenshtein;

    #[test]
    fn edit_distance() {
        for (a, b, distance) in [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(levenshtein(a, b), distance, "{a} {b}");
        }
    }
}
