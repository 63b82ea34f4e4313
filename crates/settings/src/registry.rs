//! The table of every parameter: what `tables/parameters.tsv` says, parsed once.

use crate::units::Unit;
use crate::value::{Kind, Value};
use base::{Result, bail};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Who may set a parameter and when, in PostgreSQL's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    Internal,
    Postmaster,
    Sighup,
    SuperuserBackend,
    Backend,
    Superuser,
    User,
}

impl Context {
    /// The word in `pg_settings.context`.
    pub fn word(self) -> &'static str {
        match self {
            Context::Internal => "internal",
            Context::Postmaster => "postmaster",
            Context::Sighup => "sighup",
            Context::SuperuserBackend => "superuser-backend",
            Context::Backend => "backend",
            Context::Superuser => "superuser",
            Context::User => "user",
        }
    }
}

/// Where a value comes from; a later one overrides an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Default,
    DynamicDefault,
    EnvironmentVariable,
    File,
    CommandLine,
    Global,
    Database,
    Role,
    DatabaseRole,
    Client,
    Override,
    Interactive,
    Session,
}

impl Source {
    /// The words in `pg_settings.source`.
    pub fn word(self) -> &'static str {
        match self {
            Source::Default | Source::DynamicDefault => "default",
            Source::EnvironmentVariable => "environment variable",
            Source::File => "configuration file",
            Source::CommandLine => "command line",
            Source::Global => "global",
            Source::Database => "database",
            Source::Role => "user",
            Source::DatabaseRole => "database user",
            Source::Client => "client",
            Source::Override => "override",
            Source::Interactive => "interactive",
            Source::Session => "session",
        }
    }
}

/// Yes-or-no properties of a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// The value is a comma-separated list.
    pub const LIST: Flags = Flags(1);
    /// The elements of the list are quoted as identifiers.
    pub const QUOTE: Flags = Flags(2);
    /// Left out of SHOW ALL and pg_settings.
    pub const NO_SHOW_ALL: Flags = Flags(4);
    pub const NO_RESET: Flags = Flags(8);
    pub const NO_RESET_ALL: Flags = Flags(16);
    /// Shown by EXPLAIN (SETTINGS) when changed.
    pub const EXPLAIN: Flags = Flags(32);
    /// Changes are reported to the client.
    pub const REPORT: Flags = Flags(64);
    pub const NOT_IN_SAMPLE: Flags = Flags(128);
    pub const NOT_IN_FILE: Flags = Flags(256);
    /// Only members of pg_read_all_settings may see it.
    pub const SUPERUSER_ONLY: Flags = Flags(512);
    /// Limited to the length of a name.
    pub const NAME: Flags = Flags(1024);
    /// Not settable within a security-restricted operation.
    pub const NOT_RESTRICTED: Flags = Flags(2048);
    pub const NOT_IN_AUTO_FILE: Flags = Flags(4096);
    pub const COMPUTED: Flags = Flags(8192);
    /// A placeholder `prefix.name` that no extension has claimed.
    pub const CUSTOM: Flags = Flags(16384);

    pub fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    fn parse(text: &str) -> Flags {
        let bits = text.split(',').map(|word| match word {
            "list" => Flags::LIST,
            "quote" => Flags::QUOTE,
            "no_show_all" => Flags::NO_SHOW_ALL,
            "no_reset" => Flags::NO_RESET,
            "no_reset_all" => Flags::NO_RESET_ALL,
            "explain" => Flags::EXPLAIN,
            "report" => Flags::REPORT,
            "not_in_sample" => Flags::NOT_IN_SAMPLE,
            "not_in_file" => Flags::NOT_IN_FILE,
            "superuser_only" => Flags::SUPERUSER_ONLY,
            "name" => Flags::NAME,
            "not_restricted" => Flags::NOT_RESTRICTED,
            "not_in_auto_file" => Flags::NOT_IN_AUTO_FILE,
            "computed" => Flags::COMPUTED,
            _ => Flags(0),
        });
        Flags(bits.fold(0, |all, flag| all | flag.0))
    }
}

/// The values an enum parameter can take.
#[derive(Debug)]
pub struct EnumType {
    pub name: &'static str,
    /// Canonical spellings; a [`Value::Enum`] is an index into them.
    pub values: Vec<&'static str>,
    /// Every accepted spelling with its value, and whether hints offer it.
    pub spellings: Vec<(&'static str, u16, bool)>,
}

/// One parameter as the table describes it.
#[derive(Clone, Debug)]
pub struct Definition {
    pub name: Arc<str>,
    pub kind: Kind,
    pub context: Context,
    pub unit: Option<Unit>,
    pub flags: Flags,
    pub category: &'static str,
    pub boot: Value,
    /// The boot value is NULL in pg_settings (shown as an empty string by SHOW).
    pub boot_is_null: bool,
}

impl Definition {
    /// A session's `prefix.name`, which nothing has declared.
    pub fn custom(name: &str) -> Definition {
        Definition {
            name: name.into(),
            kind: Kind::String,
            context: Context::User,
            unit: None,
            flags: Flags(Flags::CUSTOM.0 | Flags::NOT_IN_SAMPLE.0),
            category: "Customized Options",
            boot: Value::String("".into()),
            boot_is_null: false,
        }
    }
}

/// All parameters, immutable.
pub struct Registry {
    definitions: Vec<Definition>,
    by_name: HashMap<String, u16>,
}

/// Old spellings that still work.
const RENAMED: &[(&str, &str)] =
    &[("sort_mem", "work_mem"), ("vacuum_mem", "maintenance_work_mem"), ("ssl_ecdh_curve", "ssl_groups")];

impl Registry {
    /// The one registry of this program.
    pub fn get() -> &'static Registry {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY.get_or_init(|| {
            Registry::parse(include_str!("../tables/parameters.tsv"), include_str!("../tables/enums.tsv"))
        })
    }

    fn parse(parameters: &'static str, enums: &'static str) -> Registry {
        let types = parse_enums(enums);
        let definitions: Vec<Definition> = parameters
            .lines()
            .filter(|line| !line.starts_with("# "))
            .map(|line| parse_definition(line, &types))
            .collect();
        let by_name =
            definitions.iter().enumerate().map(|(i, d)| (d.name.to_ascii_lowercase(), i as u16)).collect();
        Registry { definitions, by_name }
    }

    /// Number of parameters; ids are below it.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// All parameters, ordered by name without regard to case.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    pub fn definition(&self, id: u16) -> &Definition {
        &self.definitions[usize::from(id)]
    }

    /// The id of a parameter by its name, case-insensitively, old names included.
    pub fn find(&self, name: &str) -> Option<u16> {
        let lower = name.to_ascii_lowercase();
        self.by_name.get(&lower).copied().or_else(|| {
            let (_, new) = RENAMED.iter().find(|(old, _)| *old == lower)?;
            self.by_name.get(*new).copied()
        })
    }

    /// # Errors
    /// `42704` for an unknown name.
    pub fn require(&self, name: &str) -> Result<u16> {
        match self.find(name) {
            Some(id) => Ok(id),
            None => bail!(UNDEFINED_OBJECT, "unrecognized configuration parameter \"{name}\""),
        }
    }
}

fn parse_enums(table: &'static str) -> HashMap<&'static str, Arc<EnumType>> {
    let mut types: Vec<EnumType> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with("# ")) {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("three columns");
        let (name, value, meaning) = (column(), column(), column());
        if types.last().is_none_or(|t| t.name != name) {
            types.push(EnumType { name, values: Vec::new(), spellings: Vec::new() });
        }
        let kind = types.last_mut().expect("just pushed");
        let index = match meaning.split_once('=') {
            Some((_, canonical)) => {
                kind.values.iter().position(|v| *v == canonical).expect("canonical first")
            }
            None => {
                kind.values.push(value);
                kind.values.len() - 1
            }
        };
        kind.spellings.push((value, index as u16, meaning.contains("shown")));
    }
    types.into_iter().map(|t| (t.name, Arc::new(t))).collect()
}

fn parse_definition(line: &'static str, types: &HashMap<&'static str, Arc<EnumType>>) -> Definition {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [name, kind, context, unit, min, max, choices, flags, boot, category] = columns[..] else {
        panic!("ten columns: {line}")
    };
    let kind = match kind {
        "bool" => Kind::Bool,
        "int" => Kind::Int { min: min.parse().expect("int"), max: max.parse().expect("int") },
        "real" => Kind::Real { min: min.parse().expect("real"), max: max.parse().expect("real") },
        "enum" => Kind::Enum(Arc::clone(&types[choices])),
        _ => Kind::String,
    };
    let context = match context {
        "internal" => Context::Internal,
        "postmaster" => Context::Postmaster,
        "sighup" => Context::Sighup,
        "superuser-backend" => Context::SuperuserBackend,
        "backend" => Context::Backend,
        "superuser" => Context::Superuser,
        _ => Context::User,
    };
    let boot_is_null = boot == "\\N";
    let boot = if boot_is_null { "" } else { boot };
    let boot = match &kind {
        Kind::Bool => Value::Bool(boot == "on"),
        Kind::Int { .. } => Value::Int(boot.parse().expect("int")),
        Kind::Real { .. } => Value::Real(boot.parse().expect("real")),
        Kind::String => Value::String(boot.into()),
        Kind::Enum(t) => {
            Value::Enum(t.values.iter().position(|v| *v == boot).expect("a value of the enum") as u16)
        }
    };
    Definition {
        name: name.into(),
        kind,
        context,
        unit: Unit::parse(unit),
        flags: Flags::parse(flags),
        category,
        boot,
        boot_is_null,
    }
}
