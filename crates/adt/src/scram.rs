//! Stored password secrets: SCRAM-SHA-256 (RFC 5802, RFC 7677), and which texts are secrets already.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// A digest.
pub type Key = [u8; 32];
type HmacSha256 = Hmac<Sha256>;

/// A stored `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub iterations: u32,
    pub salt: Vec<u8>,
    pub stored_key: Key,
    pub server_key: Key,
}

/// HMAC-SHA-256 of the parts in a row.
///
/// # Panics
/// Never: HMAC takes keys of any length.
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// PBKDF2 with HMAC-SHA-256, one block.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> Key {
    let mut round = hmac(password, &[salt, &1u32.to_be_bytes()]);
    let mut result = round;
    for _ in 1..iterations {
        round = hmac(password, &[&round]);
        result.iter_mut().zip(round).for_each(|(all, one)| *all ^= one);
    }
    result
}

/// SASLprep; a password that it rejects is used as it is, as PostgreSQL does.
fn prepare(password: &str) -> String {
    stringprep::saslprep(password).map_or_else(|_| password.to_string(), |text| text.into_owned())
}

impl Secret {
    /// The secret of a password in clear.
    pub fn of_password(password: &str, salt: &[u8], iterations: u32) -> Secret {
        let salted = salted_password(prepare(password).as_bytes(), salt, iterations);
        let client_key = hmac(&salted, &[b"Client Key"]);
        Secret {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(client_key).into(),
            server_key: hmac(&salted, &[b"Server Key"]),
        }
    }

    /// A secret of nothing, different for each name but the same each time, for roles that do not exist.
    pub fn mock(user: &str, nonce: &[u8; 32], iterations: u32) -> Secret {
        let digest = Sha256::new().chain_update(nonce).chain_update(user).finalize();
        Secret { iterations, salt: digest[..16].to_vec(), stored_key: [0; 32], server_key: [0; 32] }
    }

    pub fn parse(stored: &str) -> Option<Secret> {
        let rest = stored.strip_prefix("SCRAM-SHA-256$")?;
        let (head, keys) = rest.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        Some(Secret {
            iterations: iterations.parse().ok().filter(|n| *n > 0)?,
            salt: base64_decode(salt)?,
            stored_key: base64_decode(stored_key)?.try_into().ok()?,
            server_key: base64_decode(server_key)?.try_into().ok()?,
        })
    }

    pub fn store(&self) -> String {
        format!(
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            base64_encode(&self.salt),
            base64_encode(&self.stored_key),
            base64_encode(&self.server_key)
        )
    }
}

/// What `rolpassword` is to hold for `password`: itself when it is a secret or md5 hash already.
pub fn stored_password(password: &str, salt: &[u8], iterations: u32) -> String {
    if Secret::parse(password).is_some() || is_md5(password) {
        return password.to_string();
    }
    Secret::of_password(password, salt, iterations).store()
}

/// Whether a stored password is an md5 hash.
pub fn is_md5(stored: &str) -> bool {
    stored.len() == 35 && stored.starts_with("md5") && stored[3..].bytes().all(|b| b.is_ascii_hexdigit())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding.
pub fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// `None` unless the text is base64 with padding and nothing else.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    for (at, chunk) in bytes.chunks(4).enumerate() {
        let padding = chunk.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || padding > 0 && (at + 1) * 4 != bytes.len() {
            return None;
        }
        let mut word = 0u32;
        for b in &chunk[..4 - padding] {
            word = word << 6 | ALPHABET.iter().position(|a| a == b)? as u32;
        }
        word <<= 6 * padding;
        out.extend_from_slice(&word.to_be_bytes()[1..4 - padding]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_round_trips() {
        for n in 0..20u8 {
            let bytes: Vec<u8> = (0..n).map(|b| b.wrapping_mul(37)).collect();
            assert_eq!(base64_decode(&base64_encode(&bytes)), Some(bytes));
        }
        assert_eq!(base64_decode("ab=c"), None);
    }

    #[test]
    fn secrets_are_kept_as_they_are() {
        let stored = stored_password("s3cret", &[7; 16], 4096);
        assert!(stored.starts_with("SCRAM-SHA-256$4096:"));
        assert_eq!(stored_password(&stored, &[8; 16], 4096), stored);
    }
}
