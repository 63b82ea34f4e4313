//! TLS: certificate, key and configuration from files, and the data that binds SCRAM to the channel.

use base::{Error, Result, Severity, SqlState};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use settings::{ServerSettings, SslProtocolVersion};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A loaded certificate with its configuration.
pub struct Tls {
    pub config: Arc<ServerConfig>,
    /// The `tls-server-end-point` channel binding (RFC 5929): the hash of the certificate.
    pub end_point: Vec<u8>,
}

fn failed(message: String) -> Error {
    Error::with_severity(Severity::Fatal, SqlState::CONFIG_FILE_ERROR, message)
}

fn resolve(directory: &Path, file: &str) -> PathBuf {
    directory.join(file)
}

impl Tls {
    /// Loads what `settings` name; `None` when ssl is off.
    ///
    /// # Errors
    /// `F0000` with PostgreSQL's words: files missing, unreadable, with loose permissions, or not matching.
    pub fn load(settings: &ServerSettings, directory: &Path) -> Result<Option<Tls>> {
        if !settings.get(settings::SSL) {
            return Ok(None);
        }
        if !settings.get(settings::SSL_CA_FILE).is_empty() {
            return Err(Error::unsupported("verification of client certificates (ssl_ca_file)")
                .severity(Severity::Fatal));
        }
        let certificate_file = resolve(directory, settings.get(settings::SSL_CERT_FILE));
        let key_file = resolve(directory, settings.get(settings::SSL_KEY_FILE));
        let certificates = read_certificates(&certificate_file)?;
        let key = read_key(&key_file)?;
        let end_point = end_point_hash(&certificates[0]);
        let minimum = settings.get(settings::SSL_MIN_PROTOCOL_VERSION);
        let maximum = settings.get(settings::SSL_MAX_PROTOCOL_VERSION);
        let mut versions = Vec::new();
        if maximum == SslProtocolVersion::Unset || maximum >= SslProtocolVersion::TLSv13 {
            versions.push(&rustls::version::TLS13);
        }
        if minimum <= SslProtocolVersion::TLSv12
            && (maximum == SslProtocolVersion::Unset || maximum >= SslProtocolVersion::TLSv12)
        {
            versions.push(&rustls::version::TLS12);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|e| failed(format!("could not set SSL protocol version range: {e}")))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|e| {
                failed(format!(
                    "could not load server certificate file \"{}\": {e}",
                    certificate_file.display()
                ))
            })?;
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Some(Tls { config: Arc::new(config), end_point }))
    }
}

fn open(path: &Path, what: &str) -> Result<BufReader<std::fs::File>> {
    let file = std::fs::File::open(path).map_err(|e| {
        let reason = if e.kind() == std::io::ErrorKind::NotFound {
            "No such file or directory".into()
        } else {
            e.to_string()
        };
        failed(format!("could not {what} \"{}\": {reason}", path.display()))
    })?;
    Ok(BufReader::new(file))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let mut reader = open(path, "load server certificate file")?;
    let certificates: std::result::Result<Vec<_>, _> = rustls_pemfile::certs(&mut reader).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(failed(format!(
            "could not load server certificate file \"{}\": no certificate found",
            path.display()
        ))),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let mut reader = open(path, "access private key file")?;
    let metadata = reader.get_ref().metadata().map_err(|e| failed(e.to_string()))?;
    if !metadata.is_file() {
        return Err(failed(format!("private key file \"{}\" is not a regular file", path.display())));
    }
    let own = metadata.uid() == sys::process::effective_user();
    if !own && metadata.uid() != 0 {
        return Err(failed(format!(
            "private key file \"{}\" must be owned by the database user or root",
            path.display()
        )));
    }
    let loose = if own { 0o077 } else { 0o037 };
    if metadata.mode() & loose != 0 {
        return Err(failed(format!("private key file \"{}\" has group or world access", path.display())).detail(
            "File must have permissions u=rw (0600) or less if owned by the database user, or permissions u=rw,g=r (0640) or less if owned by root.",
        ));
    }
    match rustls_pemfile::private_key(&mut reader) {
        Ok(Some(key)) => Ok(key),
        _ => Err(failed(format!(
            "could not load private key file \"{}\": no private key found",
            path.display()
        ))),
    }
}

/// The certificate's hash by the function of its own signature; SHA-256 where that is MD5 or SHA-1 or not known.
fn end_point_hash(certificate: &[u8]) -> Vec<u8> {
    match signature_algorithm(certificate) {
        // sha384WithRSAEncryption, ecdsa-with-SHA384
        Some(
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
        ) => Sha384::digest(certificate).to_vec(),
        // sha512WithRSAEncryption, ecdsa-with-SHA512
        Some(
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04],
        ) => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    }
}

/// The object identifier of `Certificate ::= SEQUENCE { tbs SEQUENCE, algorithm SEQUENCE { OBJECT IDENTIFIER ...` (DER).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der_value(certificate, 0x30)?;
    let (_, after_tbs) = der_value(outer, 0x30)?;
    let (algorithm, _) = der_value(after_tbs, 0x30)?;
    Some(der_value(algorithm, 0x06)?.0)
}

/// The contents of the value of type `tag` at the start of `bytes`, and what follows it.
fn der_value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    if found != tag { None } else { rest.split_at_checked(length) }
}
