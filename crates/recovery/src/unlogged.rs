//! Unlogged relations after a crash: their content is lost, and starts anew from the init fork.

use base::Result;
use std::collections::BTreeSet;
use storage::TABLESPACE_VERSION_DIRECTORY;
use sys::disk::{Disk, OpenOptions, file_error};

/// The directories that hold databases' relations.
fn database_directories(disk: &dyn Disk) -> Vec<String> {
    let below = |dir: String| -> Vec<String> {
        let names = disk.list(&dir).unwrap_or_default();
        let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
        names.into_iter().filter(is_number).map(|name| format!("{dir}/{name}")).collect()
    };
    let mut dirs = below("base".to_owned());
    for tablespace in disk.list("pg_tblspc").unwrap_or_default() {
        dirs.extend(below(format!("pg_tblspc/{tablespace}/{TABLESPACE_VERSION_DIRECTORY}")));
    }
    dirs.sort();
    dirs
}

/// The relation number that a file belongs to, and what follows it.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let end = name.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(name.len());
    let (number, rest) = name.split_at(end);
    (!number.is_empty() && (rest.is_empty() || rest.starts_with('_') || rest.starts_with('.')))
        .then_some((number, rest))
}

/// Removes the forks of unlogged relations, but for their init forks, and every file of temporary relations.
///
/// # Errors
/// The disk's.
pub(crate) fn remove_content(disk: &dyn Disk) -> Result<()> {
    for dir in database_directories(disk) {
        let names = disk
            .list(&dir)
            .map_err(|error| file_error(&error, format_args!("could not open directory \"{dir}\"")))?;
        let unlogged: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| {
                split_name(name).filter(|(_, rest)| *rest == "_init").map(|(number, _)| number)
            })
            .collect();
        for name in &names {
            let of_unlogged = split_name(name)
                .is_some_and(|(number, rest)| unlogged.contains(number) && !rest.starts_with("_init"));
            let temporary = name.strip_prefix('t').is_some_and(|rest| {
                rest.split_once('_').is_some_and(|(backend, rest)| {
                    !backend.is_empty()
                        && backend.bytes().all(|byte| byte.is_ascii_digit())
                        && split_name(rest).is_some()
                })
            });
            if of_unlogged || temporary {
                let path = format!("{dir}/{name}");
                disk.remove_file(&path)
                    .map_err(|error| file_error(&error, format_args!("could not remove file \"{path}\"")))?;
            }
        }
    }
    Ok(())
}

/// Copies init forks to main forks.
///
/// # Errors
/// The disk's.
pub(crate) fn restore_content(disk: &dyn Disk) -> Result<()> {
    for dir in database_directories(disk) {
        let names = disk
            .list(&dir)
            .map_err(|error| file_error(&error, format_args!("could not open directory \"{dir}\"")))?;
        for name in names {
            let Some((number, "_init")) = split_name(&name) else { continue };
            let target = format!("{dir}/{number}");
            let copy = || {
                let content = disk.read(&format!("{dir}/{name}"))?;
                let file = disk.open(&target, OpenOptions::TRUNCATE)?;
                file.write_all_at(&content, 0)?;
                file.sync_data()
            };
            copy().map_err(|error| file_error(&error, format_args!("could not create file \"{target}\"")))?;
        }
        disk.sync_dir(&dir)
            .map_err(|error| file_error(&error, format_args!("could not fsync file \"{dir}\"")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sys::simulated::simulated;

    #[test]
    fn content_starts_anew_from_the_init_fork() {
        let (system, _) = simulated(1);
        let disk = &*system.disk;
        disk.create_dir_all("base/5").expect("makes");
        for (name, content) in [
            ("10", "x"),
            ("10_init", "init"),
            ("10_fsm", "x"),
            ("10.1", "x"),
            ("11", "x"),
            ("t3_12", "x"),
            ("PG_VERSION", "18"),
        ] {
            let file = disk.open(&format!("base/5/{name}"), OpenOptions::CREATE).expect("opens");
            file.write_all_at(content.as_bytes(), 0).expect("writes");
        }
        remove_content(disk).expect("removes");
        let mut names = disk.list("base/5").expect("lists");
        names.sort();
        assert_eq!(names, ["10_init", "11", "PG_VERSION"]);
        restore_content(disk).expect("restores");
        assert_eq!(disk.read("base/5/10").expect("reads"), b"init");
    }
}
