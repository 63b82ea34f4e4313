//! initdb: a new cluster.

use super::cluster::{Cluster, ClusterOptions};
use crate::session::engine_api::InitOptions;
use base::{Error, Result, Severity, bail};
use buffer::BufferOptions;
use catalog::bootstrap::Choices;
use sys::System;

/// Fills an empty data directory.
///
/// # Errors
/// `0A000` for locale providers that are not built; the disk's.
pub fn initialize(options: &InitOptions) -> Result<()> {
    let locale = match options.locale_provider.as_str() {
        "builtin" => options.locale.clone().unwrap_or_else(|| options.lc_ctype.clone()),
        // The C locales of libc are the builtin ones by another name.
        "libc" if matches!(options.lc_collate.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8") => "C.UTF-8".to_owned(),
        provider => return Err(Error::unsupported(format!("the locale provider {provider}")).severity(Severity::Fatal)),
    };
    if !matches!(locale.as_str(), "C" | "C.UTF-8" | "C.utf8") {
        bail!(INVALID_PARAMETER_VALUE, "invalid locale name \"{locale}\" for builtin provider");
    }
    let system = System::real(&options.data_directory);
    let cluster = ClusterOptions {
        buffers: BufferOptions { frames: 4096, checksums: options.data_checksums, ..BufferOptions::default() },
        wal: wal::WalOptions {
            segment_size: options.wal_segment_bytes,
            fsync: options.sync,
            log_hints: options.data_checksums,
            ..wal::WalOptions::default()
        },
        fsync: options.sync,
        open_files: 1000,
    };
    let choices = Choices {
        superuser: options.superuser.clone(),
        password: options.superuser_password.clone(),
        locale: if locale == "C" { "C".to_owned() } else { "C.UTF-8".to_owned() },
    };
    Cluster::create(&system, &cluster, &choices, &mut |_| Ok(()))
}
