//! Constraints of columns, tables and domains.

use super::*;

/// `ConstraintAttributeSpec`
#[derive(Default)]
pub(super) struct Attributes {
    pub deferrable: Option<bool>,
    pub deferred: Option<bool>,
    pub not_valid: bool,
    pub no_inherit: bool,
    pub enforced: Option<bool>,
    pub location: usize,
}

/// The attributes that a kind of constraint admits besides none.
#[derive(Clone, Copy)]
struct Admits {
    name: &'static str,
    deferrable: bool,
    not_valid: bool,
    no_inherit: bool,
    enforced: bool,
}

const CHECK: Admits =
    Admits { name: "CHECK", deferrable: false, not_valid: true, no_inherit: true, enforced: true };
const NOT_NULL: Admits =
    Admits { name: "NOT NULL", deferrable: false, not_valid: true, no_inherit: true, enforced: false };
const INDEX: Admits =
    Admits { name: "", deferrable: true, not_valid: false, no_inherit: false, enforced: false };
const FOREIGN: Admits =
    Admits { name: "FOREIGN KEY", deferrable: true, not_valid: true, no_inherit: false, enforced: true };

pub(super) fn new_constraint(name: Option<String>, kind: ConstraintKind, location: usize) -> Constraint {
    Constraint {
        name,
        kind,
        deferrable: false,
        initially_deferred: false,
        no_inherit: false,
        not_valid: false,
        not_enforced: false,
        location,
    }
}

impl Parser<'_> {
    /// `ConstraintAttributeSpec`
    pub(super) fn constraint_attributes(&mut self) -> Result<Attributes> {
        let mut found = Attributes { location: self.location(), ..Attributes::default() };
        loop {
            let at = self.location();
            let conflict = || Err(err!(SYNTAX_ERROR, "conflicting constraint properties").at(at));
            let (slot, value) = match () {
                () if self.eat_all(&[K::Not, K::Deferrable]) => (&mut found.deferrable, false),
                () if self.eat(K::Deferrable) => (&mut found.deferrable, true),
                () if self.eat_all(&[K::Initially, K::Immediate]) => (&mut found.deferred, false),
                () if self.eat_all(&[K::Initially, K::Deferred]) => (&mut found.deferred, true),
                () if self.eat_all(&[K::Not, K::Enforced]) => (&mut found.enforced, false),
                () if self.eat(K::Enforced) => (&mut found.enforced, true),
                () if self.eat_all(&[K::Not, K::Valid]) => {
                    found.not_valid = true;
                    continue;
                }
                () if self.eat_all(&[K::No, K::Inherit]) => {
                    found.no_inherit = true;
                    continue;
                }
                () => return Ok(found),
            };
            if slot.replace(value).is_some_and(|before| before != value) {
                return conflict();
            }
            if found.deferrable == Some(false) && found.deferred == Some(true) {
                return Err(
                    err!(SYNTAX_ERROR, "constraint declared INITIALLY DEFERRED must be DEFERRABLE").at(at)
                );
            }
        }
    }

    fn apply_attributes(&mut self, constraint: &mut Constraint, admits: Admits) -> Result<()> {
        let found = self.constraint_attributes()?;
        let deferrable = found.deferrable == Some(true) || found.deferred == Some(true);
        let refused = match () {
            () if deferrable && !admits.deferrable => "DEFERRABLE",
            () if found.not_valid && !admits.not_valid => "NOT VALID",
            () if found.no_inherit && !admits.no_inherit => "NO INHERIT",
            () if found.enforced == Some(false) && !admits.enforced => "NOT ENFORCED",
            () if found.enforced == Some(true) && !admits.enforced => "ENFORCED",
            () => "",
        };
        if !refused.is_empty() {
            let message = format!("{} constraints cannot be marked {refused}", admits.name);
            return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(found.location));
        }
        constraint.deferrable = deferrable;
        constraint.initially_deferred = found.deferred == Some(true);
        constraint.no_inherit = found.no_inherit;
        constraint.not_enforced = found.enforced == Some(false);
        constraint.not_valid = found.not_valid || constraint.not_enforced;
        Ok(())
    }

    pub(super) fn at_table_constraint(&self) -> bool {
        match self.keyword() {
            Some(K::Constraint | K::Check | K::Unique | K::Primary | K::Foreign | K::Not) => true,
            Some(K::Exclude) => self.char_at(1, b'(') || self.at_next(1, K::Using),
            _ => false,
        }
    }

    fn constraint_name(&mut self) -> Result<Option<String>> {
        if self.eat(K::Constraint) { self.column_id().map(Some) } else { Ok(None) }
    }

    /// `TableConstraint`
    pub(super) fn table_constraint(&mut self) -> Result<Constraint> {
        let start = self.location();
        let name = self.constraint_name()?;
        let location = if name.is_some() { start } else { self.location() };
        let keyword = self.expect_any(&[K::Check, K::Not, K::Unique, K::Primary, K::Exclude, K::Foreign])?;
        let (kind, admits) = match keyword {
            K::Check => (ConstraintKind::Check(self.parens(Self::expr)?), CHECK),
            K::Not => {
                self.expect(K::Null)?;
                (ConstraintKind::NotNull { column: Some(self.column_id()?) }, NOT_NULL)
            }
            K::Unique => {
                let nulls_not_distinct = self.nulls_not_distinct()?;
                let mut index = self.index_constraint(true)?;
                index.nulls_not_distinct = nulls_not_distinct;
                (ConstraintKind::Unique(Box::new(index)), Admits { name: "UNIQUE", ..INDEX })
            }
            K::Primary => {
                self.expect(K::Key)?;
                let index = self.index_constraint(true)?;
                (ConstraintKind::Primary(Box::new(index)), Admits { name: "PRIMARY KEY", ..INDEX })
            }
            K::Exclude => {
                let exclude = self.exclude_constraint()?;
                (ConstraintKind::Exclude(Box::new(exclude)), Admits { name: "EXCLUDE", ..INDEX })
            }
            _ => {
                self.expect(K::Key)?;
                (ConstraintKind::Foreign(Box::new(self.foreign_key(true)?)), FOREIGN)
            }
        };
        let mut constraint = new_constraint(name, kind, location);
        self.apply_attributes(&mut constraint, admits)?;
        Ok(constraint)
    }

    /// `DomainConstraint`
    pub(super) fn domain_constraint(&mut self) -> Result<Constraint> {
        let location = self.location();
        let name = self.constraint_name()?;
        let (kind, admits) = match self.expect_any(&[K::Check, K::Not])? {
            K::Check => {
                let admits = Admits { no_inherit: false, enforced: false, ..CHECK };
                (ConstraintKind::Check(self.parens(Self::expr)?), admits)
            }
            _ => {
                self.expect(K::Null)?;
                let admits = Admits { not_valid: false, no_inherit: false, ..NOT_NULL };
                (ConstraintKind::NotNull { column: None }, admits)
            }
        };
        let mut constraint = new_constraint(name, kind, location);
        self.apply_attributes(&mut constraint, admits)?;
        Ok(constraint)
    }

    /// What follows UNIQUE or PRIMARY KEY; as a table constraint with columns or USING INDEX.
    fn index_constraint(&mut self, table: bool) -> Result<IndexConstraint> {
        let mut index = IndexConstraint::default();
        if table {
            if !self.at_all(&[K::Using, K::Index, K::Tablespace]) && self.eat_all(&[K::Using, K::Index]) {
                index.existing_index = Some(self.column_id()?);
                return Ok(index);
            }
            self.expect_char(b'(')?;
            index.columns = self.names()?;
            index.without_overlaps = self.eat_all(&[K::Without, K::Overlaps]);
            self.expect_char(b')')?;
            index.include = self.include_columns()?;
        }
        index.options = self.optional_with_definition()?;
        index.tablespace = self.constraint_tablespace()?;
        Ok(index)
    }

    fn include_columns(&mut self) -> Result<Vec<String>> {
        if self.eat(K::Include) { self.paren_list(Self::column_id) } else { Ok(Vec::new()) }
    }

    fn constraint_tablespace(&mut self) -> Result<Option<String>> {
        if self.eat_all(&[K::Using, K::Index, K::Tablespace]) { self.column_id().map(Some) } else { Ok(None) }
    }

    fn exclude_constraint(&mut self) -> Result<ExcludeConstraint> {
        let access_method = self.optional_using()?;
        let elements = self.paren_list(|parser| {
            let element = parser.index_element()?;
            parser.expect(K::With)?;
            let operator = match parser.eat(K::Operator) {
                true => parser.parens(Self::any_operator)?,
                false => parser.any_operator()?,
            };
            Ok((element, operator))
        })?;
        let include = self.include_columns()?;
        let options = self.optional_with_definition()?;
        let tablespace = self.constraint_tablespace()?;
        let where_clause = if self.eat(K::Where) { Some(self.parens(Self::expr)?) } else { None };
        Ok(ExcludeConstraint { access_method, elements, include, options, tablespace, where_clause })
    }

    /// Columns, the last possibly after PERIOD.
    fn key_columns(&mut self) -> Result<(Vec<String>, bool)> {
        self.expect_char(b'(')?;
        let mut columns = vec![self.column_id()?];
        let mut period = false;
        while !period && self.eat_char(b',') {
            period = self.at(K::Period) && self.is_column_id(1) && self.eat(K::Period);
            columns.push(self.column_id()?);
        }
        self.expect_char(b')')?;
        Ok((columns, period))
    }

    /// From the column list (of a table constraint) on.
    fn foreign_key(&mut self, table: bool) -> Result<ForeignKey> {
        let (mut columns, mut with_period) = (Vec::new(), false);
        if table {
            (columns, with_period) = self.key_columns()?;
            self.expect(K::References)?;
        }
        let relation = self.relation_name()?;
        let (mut referenced, mut referenced_period) = (Vec::new(), false);
        if self.at_char(b'(') {
            (referenced, referenced_period) = self.key_columns()?;
        }
        let mut match_full = false;
        let at = self.location();
        if self.eat(K::Match) {
            match self.expect_any(&[K::Full, K::Partial, K::Simple])? {
                K::Full => match_full = true,
                K::Partial => {
                    return Err(err!(FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented").at(at));
                }
                _ => {}
            }
        }
        let mut key = ForeignKey {
            columns,
            with_period,
            relation,
            referenced,
            referenced_period,
            match_full,
            on_update: ForeignKeyAction::NoAction,
            on_delete: ForeignKeyAction::NoAction,
            on_delete_columns: Vec::new(),
        };
        let (mut update_seen, mut delete_seen) = (false, false);
        loop {
            let at = self.location();
            if !update_seen && self.eat_all(&[K::On, K::Update]) {
                update_seen = true;
                let (action, columns) = self.key_action()?;
                if !columns.is_empty() {
                    let word = if action == ForeignKeyAction::SetNull { "SET NULL" } else { "SET DEFAULT" };
                    return Err(err!(
                        FEATURE_NOT_SUPPORTED,
                        "a column list with {word} is only supported for ON DELETE actions"
                    )
                    .at(at));
                }
                key.on_update = action;
            } else if !delete_seen && self.eat_all(&[K::On, K::Delete]) {
                delete_seen = true;
                (key.on_delete, key.on_delete_columns) = self.key_action()?;
            } else {
                return Ok(key);
            }
        }
    }

    fn key_action(&mut self) -> Result<(ForeignKeyAction, Vec<String>)> {
        let action = match self.expect_any(&[K::No, K::Restrict, K::Cascade, K::Set])? {
            K::No => {
                self.expect(K::Action)?;
                ForeignKeyAction::NoAction
            }
            K::Restrict => ForeignKeyAction::Restrict,
            K::Cascade => ForeignKeyAction::Cascade,
            _ => {
                let null = self.expect_any(&[K::Null, K::Default])? == K::Null;
                let action = if null { ForeignKeyAction::SetNull } else { ForeignKeyAction::SetDefault };
                return Ok((action, self.optional_columns()?));
            }
        };
        Ok((action, Vec::new()))
    }

    /// `ColQualList` of a column
    pub(super) fn column_constraints(&mut self, column: &mut ColumnDefinition) -> Result<()> {
        (column.collation, column.constraints) = self.qualifications(false)?;
        Ok(())
    }

    /// `ColQualList`
    pub(super) fn qualifications(
        &mut self,
        domain: bool,
    ) -> Result<(Option<(ObjectName, usize)>, Vec<Constraint>)> {
        let mut collation = None;
        let mut constraints: Vec<Constraint> = Vec::new();
        let mut attributes = Vec::new();
        loop {
            let location = self.location();
            if self.eat(K::Collate) {
                let name = self.object_name()?;
                if collation.replace((name, location)).is_some() {
                    return Err(err!(SYNTAX_ERROR, "multiple COLLATE clauses not allowed").at(location));
                }
                continue;
            }
            if self.constraint_attribute(&mut constraints, &mut attributes, location, domain)? {
                continue;
            }
            attributes.clear();
            let name = self.constraint_name()?;
            match self.column_constraint()? {
                Some(kind) => {
                    let mut constraint = new_constraint(name, kind, location);
                    let inherits =
                        matches!(constraint.kind, ConstraintKind::NotNull { .. } | ConstraintKind::Check(_));
                    constraint.no_inherit = inherits && self.eat_all(&[K::No, K::Inherit]);
                    constraints.push(constraint);
                }
                None if name.is_some() => return Err(self.unexpected()),
                None => return Ok((collation, constraints)),
            }
        }
    }

    /// DEFERRABLE, ENFORCED, ... after a column constraint: merged into it. `seen`: what it has been told already.
    fn constraint_attribute(
        &mut self,
        constraints: &mut [Constraint],
        seen: &mut Vec<&'static str>,
        at: usize,
        domain: bool,
    ) -> Result<bool> {
        let word = match () {
            () if self.eat_all(&[K::Not, K::Deferrable]) => "NOT DEFERRABLE",
            () if self.eat(K::Deferrable) => "DEFERRABLE",
            () if self.eat_all(&[K::Initially, K::Immediate]) => "INITIALLY IMMEDIATE",
            () if self.eat_all(&[K::Initially, K::Deferred]) => "INITIALLY DEFERRED",
            () if self.eat_all(&[K::Not, K::Enforced]) => "NOT ENFORCED",
            () if self.eat(K::Enforced) => "ENFORCED",
            () => return Ok(false),
        };
        let misplaced = || Err(err!(SYNTAX_ERROR, "misplaced {word} clause").at(at));
        let enforcement = word.ends_with("ENFORCED");
        if domain {
            let what = if enforcement { "enforceability" } else { "deferrability" };
            let message = format!("specifying constraint {what} not supported for domains");
            return Err(Error::new(base::SqlState::FEATURE_NOT_SUPPORTED, message).at(at));
        }
        let Some(constraint) = constraints.last_mut() else { return misplaced() };
        let admitted = match &constraint.kind {
            ConstraintKind::Check(_) => enforcement,
            ConstraintKind::Foreign(_) => true,
            ConstraintKind::Unique(_) | ConstraintKind::Primary(_) | ConstraintKind::Exclude(_) => {
                !enforcement
            }
            _ => false,
        };
        if !admitted {
            return misplaced();
        }
        let about = match word {
            "DEFERRABLE" | "NOT DEFERRABLE" => "DEFERRABLE/NOT DEFERRABLE",
            "ENFORCED" | "NOT ENFORCED" => "ENFORCED/NOT ENFORCED",
            _ => "INITIALLY IMMEDIATE/DEFERRED",
        };
        if seen.contains(&about) {
            return Err(err!(SYNTAX_ERROR, "multiple {about} clauses not allowed").at(at));
        }
        seen.push(about);
        match word {
            "DEFERRABLE" => constraint.deferrable = true,
            "NOT DEFERRABLE" => {
                if constraint.initially_deferred {
                    return Err(err!(
                        SYNTAX_ERROR,
                        "constraint declared INITIALLY DEFERRED must be DEFERRABLE"
                    )
                    .at(at));
                }
                constraint.deferrable = false;
            }
            "INITIALLY DEFERRED" => {
                constraint.deferrable = true;
                constraint.initially_deferred = true;
            }
            "NOT ENFORCED" => {
                constraint.not_enforced = true;
                constraint.not_valid = true;
            }
            _ => {}
        }
        Ok(true)
    }

    /// `ColConstraintElem`
    fn column_constraint(&mut self) -> Result<Option<ConstraintKind>> {
        let words =
            &[K::Not, K::Null, K::Unique, K::Primary, K::Check, K::Default, K::Generated, K::References];
        let Some(keyword) = self.eat_any(words) else { return Ok(None) };
        Ok(Some(match keyword {
            K::Not => {
                self.expect(K::Null)?;
                ConstraintKind::NotNull { column: None }
            }
            K::Null => ConstraintKind::Null,
            K::Unique => {
                let nulls_not_distinct = self.nulls_not_distinct()?;
                let mut index = self.index_constraint(false)?;
                index.nulls_not_distinct = nulls_not_distinct;
                ConstraintKind::Unique(Box::new(index))
            }
            K::Primary => {
                self.expect(K::Key)?;
                ConstraintKind::Primary(Box::new(self.index_constraint(false)?))
            }
            K::Check => ConstraintKind::Check(self.parens(Self::expr)?),
            K::Default => ConstraintKind::Default(self.restricted_expr()?),
            K::Generated => self.generated()?,
            _ => ConstraintKind::Foreign(Box::new(self.foreign_key(false)?)),
        }))
    }

    /// `generated_when`: ALWAYS (true) or BY DEFAULT
    pub(super) fn generated_always(&mut self) -> Result<bool> {
        if self.eat(K::Always) {
            return Ok(true);
        }
        self.expect_all(&[K::By, K::Default])?;
        Ok(false)
    }

    fn generated(&mut self) -> Result<ConstraintKind> {
        let at = self.location();
        let always = self.generated_always()?;
        self.expect(K::As)?;
        if self.eat(K::Identity) {
            return Ok(ConstraintKind::Identity { always, options: self.identity_options()? });
        }
        let expr = self.parens(Self::expr)?;
        let stored = self.eat_any(&[K::Stored, K::Virtual]) == Some(K::Stored);
        if !always {
            let message = "for a generated column, GENERATED ALWAYS must be specified";
            return Err(Error::new(base::SqlState::SYNTAX_ERROR, message).at(at));
        }
        Ok(ConstraintKind::Generated { expr, stored })
    }

    /// `( sequence options )`, if there
    pub(super) fn identity_options(&mut self) -> Result<Vec<OptionItem>> {
        if self.at_char(b'(') { self.parens(Self::sequence_options) } else { Ok(Vec::new()) }
    }
}
