//! The configuration files that initdb writes.

use crate::registry::{Context, Flags, Registry};
use crate::value::{Kind, Value};

/// postgresql.conf: every parameter with its default, commented out, by category; those in `active` are set.
pub fn postgresql_sample(active: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "# Configuration of this server. Lines are `name = value`; a line that starts with # is a comment and shows\n\
         # the default. Quote values that are not simple words or numbers with single quotes.\n\
         # After a change: `pg_ctl reload` or `select pg_reload_conf()`; what is marked (restart) needs a restart.\n\
         # Memory units: B, kB, MB, GB, TB. Time units: us, ms, s, min, h, d.\n",
    );
    let shown = |d: &&crate::Definition| {
        !d.flags.has(Flags::NOT_IN_SAMPLE)
            && !d.flags.has(Flags::NOT_IN_FILE)
            && d.context != Context::Internal
    };
    let mut definitions: Vec<_> = Registry::get().definitions().iter().filter(shown).collect();
    definitions.sort_by_key(|d| category_rank(d.category));
    let mut category = "";
    for definition in definitions {
        if definition.category != category {
            category = definition.category;
            text.push_str(&format!("\n# --- {} ---\n\n", category.replace(" / ", ": ")));
        }
        let set = active.iter().find(|(name, _)| definition.name.eq_ignore_ascii_case(name));
        let value = match (set, &definition.kind) {
            (Some((_, value)), Kind::String | Kind::Enum(_)) => crate::conf::quote(value),
            (Some((_, value)), _) => value.to_string(),
            (None, Kind::String) => crate::conf::quote(&definition.setting(&definition.boot)),
            (None, Kind::Enum(_)) if definition.setting(&definition.boot).contains([' ', '-']) => {
                crate::conf::quote(&definition.setting(&definition.boot))
            }
            (None, Kind::Enum(_)) if matches!(definition.boot, Value::Enum(_)) => {
                let value = definition.setting(&definition.boot);
                if value.is_empty() { "''".to_string() } else { value }
            }
            (None, _) => definition.show(&definition.boot),
        };
        let comment = if set.is_some() { "" } else { "#" };
        let restart = if definition.context == Context::Postmaster { "\t# (restart)" } else { "" };
        text.push_str(&format!("{comment}{} = {value}{restart}\n", definition.name));
    }
    text.push_str(
        "\n# --- Other files ---\n\n#include_dir = '...'\n#include_if_exists = '...'\n#include = '...'\n",
    );
    text
}

/// The order of the sections in the sample.
fn category_rank(category: &str) -> usize {
    const ORDER: &[&str] = &[
        "File Locations",
        "Connections and Authentication",
        "Resource Usage",
        "Write-Ahead Log",
        "Replication",
        "Query Tuning",
        "Reporting and Logging",
        "Process Title",
        "Statistics",
        "Vacuuming",
        "Client Connection Defaults",
        "Lock Management",
        "Version and Platform Compatibility",
        "Error Handling",
    ];
    let rank = ORDER.iter().position(|head| category.starts_with(head)).unwrap_or(ORDER.len());
    // Within a section, the subsections keep together in the order of their names.
    let sub = category
        .bytes()
        .skip(category.find('/').unwrap_or(0))
        .take(7)
        .fold(0usize, |n, b| n << 8 | usize::from(b));
    rank << 57 | sub
}

/// pg_hba.conf with `local_method` for Unix sockets and `host_method` for the loopback addresses.
pub fn hba_sample(local_method: &str, host_method: &str) -> String {
    format!(
        "# Who may connect, from where, and how they prove who they are. The first line that fits decides.\n\
         #\n\
         # local       DATABASE  USER  METHOD  [OPTIONS]\n\
         # host        DATABASE  USER  ADDRESS  METHOD  [OPTIONS]\n\
         # hostssl, hostnossl, hostgssenc, hostnogssenc: as host, for connections with or without encryption\n\
         #\n\
         # DATABASE: all, sameuser, samerole, replication, a name, a list a,b, /regex or @file\n\
         # USER: all, a name, +group, a list, /regex or @file\n\
         # ADDRESS: CIDR, address and mask, a host name, .domain, samehost, samenet or all\n\
         # METHOD: trust, reject, scram-sha-256, md5, password, peer, ...\n\
         # Reload the server after a change.\n\
         \n\
         # TYPE  DATABASE        USER            ADDRESS                 METHOD\n\
         \n\
         local   all             all                                     {local_method}\n\
         host    all             all             127.0.0.1/32            {host_method}\n\
         host    all             all             ::1/128                 {host_method}\n\
         # Replication connections from this machine.\n\
         local   replication     all                                     {local_method}\n\
         host    replication     all             127.0.0.1/32            {host_method}\n\
         host    replication     all             ::1/128                 {host_method}\n"
    )
}

/// pg_ident.conf.
pub fn ident_sample() -> String {
    "# Maps names that the operating system or a certificate vouches for to database roles; the maps are named by\n\
     # the option map=... in pg_hba.conf. SYSTEM-USERNAME may be /regex, and DATABASE-USERNAME may use its group as \\1.\n\
     \n\
     # MAPNAME       SYSTEM-USERNAME         DATABASE-USERNAME\n"
        .to_string()
}
