use crate::*;
use base::Result;
use std::sync::Arc;

fn session() -> SessionSettings {
    SessionSettings::new(Arc::new(ServerSettings::boot()))
}

fn user<'a>() -> Assigner<'a> {
    Assigner {
        source: Source::Session,
        superuser: false,
        granted: &|_| false,
        checks: &NoChecks,
        restricted: false,
    }
}

fn set(settings: &mut SessionSettings, name: &str, value: &str) -> Result<()> {
    settings.set(name, Some(value), Scope::Session, &user())
}

#[test]
fn values_show_as_postgresql_shows_them() -> Result<()> {
    let mut s = session();
    for (name, text, shown) in [
        ("work_mem", "4096", "4MB"),
        ("work_mem", "1.5GB", "1536MB"),
        ("work_mem", "65kB", "65kB"),
        ("work_mem", "0x1000", "4MB"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "60000", "1min"),
        ("statement_timeout", "0", "0"),
        ("enable_seqscan", "OF", "off"),
        ("random_page_cost", "1.1", "1.1"),
        ("cpu_operator_cost", "0.000025", "2.5e-05"),
        ("vacuum_cost_delay", "1500us", "1500us"),
        ("datestyle", "german", "German, DMY"),
        ("datestyle", "ymd", "German, YMD"),
        ("client_encoding", "utf-8", "UTF8"),
        ("synchronous_commit", "yes", "on"),
        ("default_transaction_isolation", "Repeatable Read", "repeatable read"),
        ("my.option", "x", "x"),
        ("work_mem", "1e3kB", "1000kB"),
        ("work_mem", " 64 kB ", "64kB"),
        ("statement_timeout", "1.5h", "90min"),
        ("vacuum_cost_delay", "0.5", "500us"),
        ("gin_fuzzy_search_limit", "010", "8"),
        ("application_name", "\u{e9}", "\\xc3\\xa9"),
        ("a.b.c", "1", "1"),
        ("work_mem", "4096", "4MB"),
        ("effective_cache_size", "4GB", "4GB"),
    ] {
        set(&mut s, name, text)?;
        assert_eq!(s.show(name)?, shown, "{name} = {text}");
    }
    assert_eq!(s.show("data_directory_mode")?, "0700");
    assert_eq!(s.show("shared_buffers")?, "128MB");
    assert_eq!(s.get(WORK_MEM), 4096);
    assert_eq!(s.get(SYNCHRONOUS_COMMIT), SynchronousCommit::On);
    Ok(())
}

#[test]
fn refusals_have_postgresqls_words() {
    let mut s = session();
    for (name, value, state, message, hint) in [
        ("work_mem", "x", "22023", "invalid value for parameter \"work_mem\": \"x\"", None),
        (
            "work_mem",
            "4XB",
            "22023",
            "invalid value for parameter \"work_mem\": \"4XB\"",
            Some("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\"."),
        ),
        (
            "work_mem",
            "1",
            "22023",
            "1 kB is outside the valid range for parameter \"work_mem\" (64 kB .. 2147483647 kB)",
            None,
        ),
        (
            "work_mem",
            "100TB",
            "22023",
            "invalid value for parameter \"work_mem\": \"100TB\"",
            Some("Value exceeds integer range."),
        ),
        (
            "geqo_selection_bias",
            "9",
            "22023",
            "9 is outside the valid range for parameter \"geqo_selection_bias\" (1.5 .. 2)",
            None,
        ),
        ("enable_sort", "2", "22023", "parameter \"enable_sort\" requires a Boolean value", None),
        (
            "bytea_output",
            "x",
            "22023",
            "invalid value for parameter \"bytea_output\": \"x\"",
            Some("Available values: escape, hex."),
        ),
        (
            "random_page_cost",
            "1e400",
            "22023",
            "invalid value for parameter \"random_page_cost\": \"1e400\"",
            None,
        ),
        (
            "temp_buffers",
            "8191B",
            "22023",
            "1 8kB is outside the valid range for parameter \"temp_buffers\" (100 8kB .. 1073741823 8kB)",
            None,
        ),
        ("nosuch", "1", "42704", "unrecognized configuration parameter \"nosuch\"", None),
        ("a.1", "1", "42602", "invalid configuration parameter name \"a.1\"", None),
        ("port", "1", "55P02", "parameter \"port\" cannot be changed without restarting the server", None),
        ("fsync", "off", "55P02", "parameter \"fsync\" cannot be changed now", None),
        ("block_size", "1", "55P02", "parameter \"block_size\" cannot be changed", None),
        ("log_statement", "all", "42501", "permission denied to set parameter \"log_statement\"", None),
        (
            "log_connections",
            "on",
            "55P02",
            "parameter \"log_connections\" cannot be set after connection start",
            None,
        ),
        (
            "datestyle",
            "iso, german",
            "22023",
            "invalid value for parameter \"DateStyle\": \"iso, german\"",
            None,
        ),
    ] {
        let error = set(&mut s, name, value).expect_err(name);
        assert_eq!((error.state().code(), error.message()), (state, message));
        assert_eq!(error.data().hint.as_deref(), hint, "{name}");
    }
}

/// The cases of PostgreSQL's guc regression test, which fix what SET and SET LOCAL mean under savepoints.
#[test]
fn transactions_take_back_what_they_set() -> Result<()> {
    let local =
        |s: &mut SessionSettings, value: &str| s.set("vacuum_cost_delay", Some(value), Scope::Local, &user());
    let plain = |s: &mut SessionSettings, value: &str| set(s, "vacuum_cost_delay", value);
    let is = |s: &SessionSettings, value: &str| assert_eq!(s.show("vacuum_cost_delay").unwrap(), value);
    let mut s = session();
    plain(&mut s, "40")?;
    // SET LOCAL vanishes at commit.
    s.begin_level();
    local(&mut s, "50")?;
    is(&s, "50ms");
    s.end_level(1, true);
    is(&s, "40ms");
    // SET after SET LOCAL within one transaction stays.
    s.begin_level();
    local(&mut s, "50")?;
    plain(&mut s, "60")?;
    local(&mut s, "70")?;
    s.end_level(1, true);
    is(&s, "60ms");
    // Rollback to a savepoint, twice nested, and release.
    s.begin_level();
    plain(&mut s, "70")?;
    s.begin_level();
    plain(&mut s, "80")?;
    s.begin_level();
    local(&mut s, "90")?;
    s.end_level(3, true);
    is(&s, "90ms");
    s.end_level(2, false);
    is(&s, "70ms");
    s.begin_level();
    local(&mut s, "75")?;
    s.end_level(2, true);
    is(&s, "75ms");
    s.end_level(1, true);
    is(&s, "70ms");
    s.begin_level();
    plain(&mut s, "5")?;
    s.end_level(1, false);
    is(&s, "70ms");
    // A function's SET clause ends with the function.
    s.begin_level();
    let level = s.begin_level();
    s.set("vacuum_cost_delay", Some("1"), Scope::Function, &user())?;
    s.end_level(level, true);
    is(&s, "70ms");
    s.end_level(1, true);
    s.set("vacuum_cost_delay", None, Scope::Session, &user())?;
    is(&s, "0");
    Ok(())
}

#[test]
fn layers_override_and_reset_goes_back_to_them() -> Result<()> {
    let mut s = session();
    let role = Assigner { source: Source::Role, ..user() };
    s.set("work_mem", Some("1MB"), Scope::Session, &role)?;
    let client = Assigner { source: Source::Client, ..user() };
    s.set("work_mem", Some("2MB"), Scope::Session, &client)?;
    s.set("work_mem", Some("3MB"), Scope::Session, &role)?;
    assert_eq!(s.show("work_mem")?, "2MB");
    set(&mut s, "work_mem", "8MB")?;
    s.reset_all();
    assert_eq!(s.show("work_mem")?, "2MB");
    let mut server = ServerSettings::boot();
    server.set("work_mem", "5MB", Source::File)?;
    server.set("enable_sort", "off", Source::File)?;
    s.follow(&Arc::new(server));
    assert_eq!((s.show("work_mem")?, s.get(ENABLE_SORT)), ("2MB".to_string(), false));
    Ok(())
}

#[test]
fn reports_only_what_changed() -> Result<()> {
    let mut s = session();
    assert!(s.take_reports().iter().any(|(name, value)| &**name == "server_version" && value == "18.6"));
    set(&mut s, "datestyle", "iso, mdy")?;
    assert!(s.take_reports().is_empty());
    set(&mut s, "timezone", "UTC")?;
    set(&mut s, "work_mem", "1MB")?;
    assert_eq!(s.take_reports(), vec![("TimeZone".into(), "UTC".to_string())]);
    Ok(())
}

#[test]
fn files_are_read_with_their_includes() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "postgresql.conf",
        "port = 1\nwork_mem '1MB' # c\ninclude 'more.conf'\ninclude_if_exists = 'none.conf'\n",
    );
    write("more.conf", "port=5433\nsearch_path = '\"a\\'b\" , c'\nmy.x = on\n");
    write("postgresql.auto.conf", "work_mem = '2MB'\n");
    let paths = Paths::within(dir.path());
    let settings = ServerSettings::load(&paths, &[("fsync".into(), "off".into())]).ok().unwrap();
    assert_eq!((settings.get(PORT), settings.get(WORK_MEM), settings.get(FSYNC)), (5433, 2048, false));
    write("more.conf", "port = 5434\nenable_sort = off\n");
    let reloaded = settings.reload(&paths, &[]);
    let log: Vec<&str> = reloaded.log.iter().map(|e| e.message()).collect();
    assert!(log.contains(&"parameter \"port\" cannot be changed without restarting the server"), "{log:?}");
    assert!(log.contains(&"parameter \"enable_sort\" changed to \"off\""), "{log:?}");
    assert!(!reloaded.settings.get(ENABLE_SORT));
    write("more.conf", "a b c\n\nnosuch = \nx = 'open\n");
    let errors = ServerSettings::load(&paths, &[]).err().unwrap();
    let file = dir.path().join("more.conf");
    assert_eq!(
        errors[0].message(),
        format!("syntax error in file \"{}\" line 1, near token \"c\"", file.display())
    );
    assert_eq!(
        errors[1].message(),
        format!("syntax error in file \"{}\" line 3, near end of line", file.display())
    );
}

#[test]
fn the_sample_reads_back_as_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let sample: String = postgresql_sample(&[("max_connections", "100"), ("log_timezone", "Etc/UTC")])
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.starts_with("include") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    std::fs::write(dir.path().join("postgresql.conf"), sample).unwrap();
    let paths = Paths::within(dir.path());
    let settings = ServerSettings::load(&paths, &[]).map_err(|e| format!("{e:?}")).unwrap();
    assert_eq!(settings.get(WORK_MEM), 4096);
    assert_eq!(settings.get(LOG_TIMEZONE), "Etc/UTC");
}

struct Friend;

impl hba::Matcher for Friend {
    fn captures(&self, pattern: &str, text: &str) -> Result<Option<Vec<Option<String>>>> {
        Ok(text.starts_with(pattern).then(|| vec![Some(text[pattern.len()..].to_string())]))
    }
    fn is_member(&self, role: &str, group: &str) -> bool {
        (role, group) == ("ann", "staff")
    }
    fn host_matches(&self, _: &str, _: std::net::IpAddr) -> bool {
        false
    }
    fn interfaces(&self) -> Vec<(std::net::IpAddr, std::net::IpAddr)> {
        vec![("10.0.0.1".parse().unwrap(), "255.255.255.0".parse().unwrap())]
    }
}

#[test]
fn hba_lines_match_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pg_hba.conf");
    std::fs::write(dir.path().join("names"), "bob, eve\n").unwrap();
    let text = "local all all peer map=m\n\
                hostssl db1,\"db,2\" +staff 10.1.0.0/16 scram-sha-256\n\
                host all @names 127.0.0.1 255.255.255.255 md5 # comment\n\
                host replication all all reject\n\
                host /app all samenet \\\n  trust\n";
    std::fs::write(&path, text).unwrap();
    let lines = hba::read(&path).unwrap();
    let method = |address: Option<&str>, tls: bool, database: &str, role: &str, replication: bool| {
        let client = hba::Client {
            address: address.map(|a| a.parse().unwrap()),
            tls,
            database,
            role,
            role_exists: true,
            replication,
        };
        hba::find(&lines, &client, &Friend).unwrap().map(|line| line.method.word())
    };
    assert_eq!(method(None, false, "x", "y", false), Some("peer"));
    assert_eq!(method(Some("10.1.2.3"), true, "db,2", "ann", false), Some("scram-sha-256"));
    assert_eq!(method(Some("10.1.2.3"), false, "db1", "ann", false), None);
    assert_eq!(method(Some("127.0.0.1"), false, "x", "eve", false), Some("md5"));
    assert_eq!(method(Some("127.0.0.1"), false, "x", "eve", true), Some("reject"));
    assert_eq!(method(Some("10.0.0.9"), false, "app7", "z", false), Some("trust"));
    std::fs::write(&path, "local all\nhosts a b c d\nhost all all 1.2.3.4/33 trust\nhost all all all peer\n")
        .unwrap();
    let errors: Vec<String> = hba::read(&path).unwrap_err().iter().map(|e| e.message().to_string()).collect();
    assert_eq!(
        errors,
        [
            "end-of-line before role specification",
            "invalid connection type \"hosts\"",
            "invalid CIDR mask in address \"1.2.3.4/33\"",
            "peer authentication is only supported on local sockets"
        ]
    );
}

#[test]
fn ident_maps_substitute_groups() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pg_ident.conf");
    std::fs::write(&path, "m root postgres\nm /os_ \\1\nn all all\n").unwrap();
    let lines = ident::read(&path).unwrap();
    let permits = |map, user, role| ident::permits(&lines, map, user, role, &Friend).unwrap();
    assert!(permits(None, "a", "a") && !permits(None, "a", "b"));
    assert!(permits(Some("m"), "root", "postgres"));
    assert!(permits(Some("m"), "os_bob", "bob") && !permits(Some("m"), "os_bob", "root"));
}
