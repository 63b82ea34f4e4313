//! The settings of one session: what it inherits, what it has set, and what a transaction's end takes back.

use crate::check::{self, Checks};
use crate::registry::{Context, Definition, Flags, Registry, Source};
use crate::server::ServerSettings;
use crate::table::{Parameter, Slot, Table, Typed};
use crate::value::Value;
use base::{Result, bail, err};
use std::sync::Arc;

/// How long a value set by a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// SET: until the session ends, taken back if the transaction or savepoint is.
    Session,
    /// SET LOCAL: until the transaction ends.
    Local,
    /// A function's SET clause: until the level ends, whichever way.
    Function,
}

/// Who sets a value.
pub struct Assigner<'a> {
    pub source: Source,
    pub superuser: bool,
    /// Whether the role has SET (or ALTER SYSTEM) privilege on the parameter of this name.
    pub granted: &'a dyn Fn(&str) -> bool,
    pub checks: &'a dyn Checks,
    /// Inside a security-restricted operation (index expressions, REFRESH, maintenance commands).
    pub restricted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Save,
    Set,
    Local,
    SetLocal,
}

/// What one level of nesting has done to one parameter: PostgreSQL's rules are in `Scope` and in `end_level`.
#[derive(Clone, Debug)]
struct Saved {
    level: u32,
    state: State,
    prior: Slot,
    /// With [`State::SetLocal`]: the value of the SET that the SET LOCAL covers.
    masked: Option<Slot>,
}

/// The current values of one session.
pub struct SessionSettings {
    server: Arc<ServerSettings>,
    current: Table,
    reset: Table,
    custom: Vec<Custom>,
    stacks: Vec<(u16, Vec<Saved>)>,
    level: u32,
    generation: u64,
    reported: Vec<(u16, Value)>,
    to_report: Vec<u16>,
}

#[derive(Clone)]
struct Custom {
    definition: Definition,
    current: Slot,
    reset: Slot,
}

/// Placeholders one session may make; each costs memory for as long as the session lives.
const MAX_CUSTOM: usize = 10_000;

impl SessionSettings {
    /// A new session that inherits the server's values. Everything that clients are told of is due for report.
    pub fn new(server: Arc<ServerSettings>) -> SessionSettings {
        let registry = Registry::get();
        let to_report = (0..registry.len() as u16)
            .filter(|id| registry.definition(*id).flags.has(Flags::REPORT))
            .collect();
        SessionSettings {
            current: server.table().clone(),
            reset: server.table().clone(),
            server,
            custom: Vec::new(),
            stacks: Vec::new(),
            level: 0,
            generation: 1,
            reported: Vec::new(),
            to_report,
        }
    }

    /// The current value of a parameter: an array read.
    #[inline]
    pub fn get<T: Typed>(&self, parameter: Parameter<T>) -> T::Out<'_> {
        self.current.get(parameter)
    }

    /// Changes whenever any value does; whoever caches something parsed from values compares it first.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The server's settings this session follows.
    pub fn server(&self) -> &Arc<ServerSettings> {
        &self.server
    }

    /// The id of a parameter or placeholder.
    ///
    /// # Errors
    /// `42704` for an unknown name.
    pub fn find(&self, name: &str) -> Result<u16> {
        match Registry::get().find(name).or_else(|| self.find_custom(name)) {
            Some(id) => Ok(id),
            None => bail!(UNDEFINED_OBJECT, "unrecognized configuration parameter \"{name}\""),
        }
    }

    fn find_custom(&self, name: &str) -> Option<u16> {
        let at = self.custom.iter().position(|c| c.definition.name.eq_ignore_ascii_case(name))?;
        Some((Registry::get().len() + at) as u16)
    }

    /// Ids of all parameters and placeholders, for SHOW ALL and pg_settings.
    pub fn ids(&self) -> impl Iterator<Item = u16> {
        0..(Registry::get().len() + self.custom.len()) as u16
    }

    pub fn definition(&self, id: u16) -> &Definition {
        let registry = Registry::get();
        match usize::from(id).checked_sub(registry.len()) {
            None => registry.definition(id),
            Some(at) => &self.custom[at].definition,
        }
    }

    fn slot(&self, id: u16) -> &Slot {
        match usize::from(id).checked_sub(Registry::get().len()) {
            None => self.current.slot(id),
            Some(at) => &self.custom[at].current,
        }
    }

    fn reset_slot(&self, id: u16) -> &Slot {
        match usize::from(id).checked_sub(Registry::get().len()) {
            None => self.reset.slot(id),
            Some(at) => &self.custom[at].reset,
        }
    }

    pub fn value(&self, id: u16) -> &Value {
        &self.slot(id).value
    }

    pub fn source(&self, id: u16) -> Source {
        self.slot(id).source
    }

    /// The value RESET would give.
    pub fn reset_value(&self, id: u16) -> &Value {
        &self.reset_slot(id).value
    }

    /// SHOW.
    ///
    /// # Errors
    /// `42704` for an unknown name.
    pub fn show(&self, name: &str) -> Result<String> {
        let id = self.find(name)?;
        Ok(self.show_id(id))
    }

    pub fn show_id(&self, id: u16) -> String {
        let definition = self.definition(id);
        if &*definition.name == "archive_command" && self.get(crate::ARCHIVE_MODE) == crate::ArchiveMode::Off
        {
            return "(disabled)".to_string();
        }
        definition.show(self.value(id))
    }

    /// The place in a configuration file that a value comes from.
    pub fn origin(&self, id: u16) -> Option<&crate::server::Origin> {
        if self.source(id) == Source::File { self.server.origin(id) } else { None }
    }

    /// SET, or a value from a lower layer. `None` sets the default (SET ... TO DEFAULT).
    ///
    /// # Errors
    /// `42704` unknown, `42602` bad custom name, `22023` bad value, `55P02` not changeable now, `42501` not permitted.
    pub fn set(&mut self, name: &str, value: Option<&str>, scope: Scope, who: &Assigner) -> Result<()> {
        let id = match self.find(name) {
            Ok(id) => id,
            Err(_) => self.make_custom(name)?,
        };
        self.check_context(id, who)?;
        let definition = self.definition(id);
        if value.is_none() && definition.flags.has(Flags::NO_RESET) {
            bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{}\" cannot be reset", definition.name);
        }
        let slot = match value {
            None => self.reset_slot(id).clone(),
            Some(text) => {
                let value = definition.parse(text)?;
                let value = self.complete(id, text, check::builtin(definition, value)?);
                Slot { value: who.checks.check(definition, value)?, source: who.source }
            }
        };
        self.store(id, slot, scope, who.source);
        Ok(())
    }

    /// A DateStyle that names only style or only order keeps the other half.
    fn complete(&self, id: u16, text: &str, value: Value) -> Value {
        if id != crate::DATESTYLE.id() {
            return value;
        }
        check::date_style(text, self.get(crate::DATESTYLE)).map_or(value, |style| Value::String(style.into()))
    }

    /// RESET ALL.
    pub fn reset_all(&mut self) {
        for id in self.ids().collect::<Vec<_>>() {
            let definition = self.definition(id);
            let kept = definition.flags.has(Flags::NO_RESET_ALL)
                || !matches!(definition.context, Context::User | Context::Superuser)
                || self.source(id) <= Source::Override;
            if !kept {
                let slot = self.reset_slot(id).clone();
                self.store(id, slot, Scope::Session, Source::Session);
            }
        }
    }

    fn make_custom(&mut self, name: &str) -> Result<u16> {
        check::check_custom_name(name)?;
        if self.custom.len() >= MAX_CUSTOM {
            bail!(PROGRAM_LIMIT_EXCEEDED, "too many custom configuration parameters in one session");
        }
        let slot = Slot { value: Value::string(""), source: Source::Default };
        self.custom.push(Custom { definition: Definition::custom(name), current: slot.clone(), reset: slot });
        Ok((Registry::get().len() + self.custom.len() - 1) as u16)
    }

    fn check_context(&self, id: u16, who: &Assigner) -> Result<()> {
        let definition = self.definition(id);
        let name = &definition.name;
        if who.source == Source::Override || who.source <= Source::CommandLine {
            return Ok(());
        }
        let permitted = || {
            if who.superuser || (who.granted)(name) {
                return Ok(());
            }
            Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to set parameter \"{name}\""))
        };
        match definition.context {
            Context::Internal => bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{name}\" cannot be changed"),
            Context::Postmaster => bail!(
                CANT_CHANGE_RUNTIME_PARAM,
                "parameter \"{name}\" cannot be changed without restarting the server"
            ),
            Context::Sighup => bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{name}\" cannot be changed now"),
            Context::SuperuserBackend if who.source == Source::Client => permitted()?,
            Context::SuperuserBackend | Context::Backend
                if !matches!(
                    who.source,
                    Source::Client | Source::Global | Source::Database | Source::Role | Source::DatabaseRole
                ) =>
            {
                bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{name}\" cannot be set after connection start")
            }
            Context::Superuser if who.source >= Source::Client => permitted()?,
            _ => {}
        }
        if who.restricted && definition.flags.has(Flags::NOT_RESTRICTED) {
            bail!(
                INSUFFICIENT_PRIVILEGE,
                "cannot set parameter \"{name}\" within security-restricted operation"
            );
        }
        Ok(())
    }

    /// `source`: the layer that gives the value; a layer below the current one changes only what RESET gives.
    fn store(&mut self, id: u16, slot: Slot, scope: Scope, source: Source) {
        let shared = usize::from(id) < Registry::get().len() && self.current.shares(&self.reset, id);
        if source <= Source::Override && scope == Scope::Session {
            if self.reset_slot(id).source <= source {
                *self.reset_slot_mut(id) = slot.clone();
            }
            for (_, stack) in self.stacks.iter_mut().filter(|(of, _)| *of == id) {
                stack
                    .iter_mut()
                    .filter(|saved| saved.prior.source <= source)
                    .for_each(|s| s.prior = slot.clone());
            }
            if self.slot(id).source > source {
                return;
            }
        } else {
            self.push(id, scope);
        }
        self.put(id, slot);
        // What a session starts with is also what RESET gives: one copy is enough while it waits.
        if shared && self.current.slot(id) == self.reset.slot(id) {
            self.current.share(&self.reset, id);
        }
    }

    fn put(&mut self, id: u16, slot: Slot) {
        if *self.slot(id) == slot {
            return;
        }
        let changed = self.slot(id).value != slot.value;
        match usize::from(id).checked_sub(Registry::get().len()) {
            None => *self.current.slot_mut(id) = slot,
            Some(at) => self.custom[at].current = slot,
        }
        if changed {
            self.generation += 1;
            if self.definition(id).flags.has(Flags::REPORT) && !self.to_report.contains(&id) {
                self.to_report.push(id);
            }
        }
    }

    fn reset_slot_mut(&mut self, id: u16) -> &mut Slot {
        match usize::from(id).checked_sub(Registry::get().len()) {
            None => self.reset.slot_mut(id),
            Some(at) => &mut self.custom[at].reset,
        }
    }

    /// Remembers the value before a change, once for each level.
    fn push(&mut self, id: u16, scope: Scope) {
        if self.level == 0 {
            return;
        }
        let (level, prior) = (self.level, self.slot(id).clone());
        let at = match self.stacks.iter().position(|(of, _)| *of == id) {
            Some(at) => at,
            None => {
                self.stacks.push((id, Vec::new()));
                self.stacks.len() - 1
            }
        };
        let stack = &mut self.stacks[at].1;
        if let Some(top) = stack.last_mut().filter(|top| top.level >= level) {
            match scope {
                Scope::Function => top.state = State::Save,
                Scope::Session => {
                    top.masked = None;
                    top.state = State::Set;
                }
                Scope::Local => {
                    if top.state == State::Set {
                        top.masked = Some(prior);
                        top.state = State::SetLocal;
                    }
                }
            }
            return;
        }
        let state = match scope {
            Scope::Session => State::Set,
            Scope::Local => State::Local,
            Scope::Function => State::Save,
        };
        stack.push(Saved { level, state, prior, masked: None });
    }

    /// A transaction begins (level 1), or a savepoint or a function with SET clauses within it. Returns the level.
    pub fn begin_level(&mut self) -> u32 {
        self.level += 1;
        self.level
    }

    /// The nesting level now; 0 outside transactions.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Ends `level` and all within it: a rollback restores everything; a commit keeps what SET gave, drops what SET
    /// LOCAL gave when it ends the transaction, and hands both on when it ends a savepoint.
    pub fn end_level(&mut self, level: u32, commit: bool) {
        let mut stacks = std::mem::take(&mut self.stacks);
        for (id, stack) in &mut stacks {
            while let Some(saved) = stack.pop_if(|saved| saved.level >= level) {
                if let Some(slot) = unstack(stack, saved, commit, level) {
                    self.put(*id, slot);
                }
            }
        }
        stacks.retain(|(_, stack)| !stack.is_empty());
        self.stacks = stacks;
        self.level = level.saturating_sub(1);
    }

    /// Follows a reload of the server's settings: inherited values change, the session's own stay.
    pub fn follow(&mut self, server: &Arc<ServerSettings>) {
        if Arc::ptr_eq(server, &self.server) {
            return;
        }
        for id in self.server.table().differing(server.table()) {
            let slot = server.table().slot(id).clone();
            let source = slot.source.max(Source::CommandLine);
            let definition = Registry::get().definition(id);
            if matches!(definition.context, Context::Backend | Context::SuperuserBackend) {
                continue;
            }
            self.store(id, slot, Scope::Session, source);
        }
        self.server = Arc::clone(server);
    }

    /// Reported parameters whose values the client does not know yet, as names and shown values.
    pub fn take_reports(&mut self) -> Vec<(Arc<str>, String)> {
        let mut reports = Vec::new();
        for id in std::mem::take(&mut self.to_report) {
            let value = self.value(id).clone();
            match self.reported.iter_mut().find(|(of, _)| *of == id) {
                Some((_, last)) if *last == value => continue,
                Some((_, last)) => *last = value.clone(),
                None => self.reported.push((id, value.clone())),
            }
            let definition = self.definition(id);
            reports.push((Arc::clone(&definition.name), definition.show(&value)));
        }
        reports
    }

    /// Whether [`SessionSettings::take_reports`] may have something.
    pub fn has_reports(&self) -> bool {
        !self.to_report.is_empty()
    }
}

/// What becomes current when `saved`, the top of `stack`, ends; may put a merged entry back onto the stack.
fn unstack(stack: &mut Vec<Saved>, mut saved: Saved, commit: bool, level: u32) -> Option<Slot> {
    if !commit || saved.state == State::Save {
        return Some(saved.prior);
    }
    if saved.level == 1 {
        return match saved.state {
            State::Local => Some(saved.prior),
            State::SetLocal => saved.masked,
            _ => None,
        };
    }
    let below = stack.last_mut().filter(|below| below.level + 1 >= saved.level);
    let Some(below) = below else {
        saved.level = level - 1;
        stack.push(saved);
        return None;
    };
    match saved.state {
        State::Set => {
            below.masked = None;
            below.state = if below.state == State::Save { State::Save } else { State::Set };
        }
        State::Local if below.state == State::Set => {
            below.masked = Some(saved.prior);
            below.state = State::SetLocal;
        }
        State::SetLocal => {
            below.masked = saved.masked;
            below.state = State::SetLocal;
        }
        _ => {}
    }
    None
}
