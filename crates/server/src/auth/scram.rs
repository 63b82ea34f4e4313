//! SCRAM-SHA-256 (RFC 5802, RFC 7677) and its stored secrets, and the older md5 form.

pub use adt::scram::{Secret, is_md5};

use adt::scram::{Key, base64_decode, base64_encode, hmac};
use base::{Result, bail, err};
use md5::Md5;
use sha2::{Digest, Sha256};

/// What `rolpassword` is to hold for `password`: itself when it is a secret or md5 hash already.
pub fn encrypt_password(password: &str, iterations: u32) -> Result<String> {
    Ok(adt::scram::stored_password(password, &random::<16>()?, iterations))
}

/// Random bytes for nonces and salts.
///
/// # Errors
/// `XX000` when the system has none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| err!(INTERNAL_ERROR, "could not generate random salt"))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The answer to an md5 challenge that a client with the right password gives.
pub fn md5_answer(stored: &str, salt: [u8; 4]) -> String {
    let digest = Md5::new().chain_update(&stored.as_bytes()[3..]).chain_update(salt).finalize();
    format!("md5{}", hex(&digest))
}

/// Whether a password in clear is the one that is stored.
pub fn verify_plain(stored: &str, user: &str, password: &str) -> bool {
    if let Some(secret) = Secret::parse(stored) {
        return Secret::of_password(password, &secret.salt, secret.iterations).server_key
            == secret.server_key;
    }
    is_md5(stored) && stored[3..] == hex(&Md5::new().chain_update(password).chain_update(user).finalize())
}

/// The server's side of one exchange.
pub struct Exchange {
    secret: Secret,
    /// The role does not exist or may not log in this way: the exchange runs to its end and fails.
    doomed: bool,
    /// The certificate's hash, when the connection has one to bind to.
    end_point: Option<Vec<u8>>,
    bound: bool,
    gs2_header: String,
    first_bare: String,
    server_first: String,
    nonce: String,
}

fn malformed(detail: impl Into<String>) -> base::Error {
    err!(PROTOCOL_VIOLATION, "malformed SCRAM message").detail(detail)
}

impl Exchange {
    pub fn new(secret: Secret, doomed: bool, mechanism: &str, end_point: Option<Vec<u8>>) -> Exchange {
        Exchange {
            secret,
            doomed,
            end_point,
            bound: mechanism == "SCRAM-SHA-256-PLUS",
            gs2_header: String::new(),
            first_bare: String::new(),
            server_first: String::new(),
            nonce: String::new(),
        }
    }

    /// Takes the client's first message and gives the server's.
    ///
    /// # Errors
    /// `08P01` for a message that is not SCRAM, `28000` for a disagreement about channel binding, `0A000`.
    pub fn first(&mut self, message: &[u8]) -> Result<String> {
        let text = std::str::from_utf8(message).map_err(|_| malformed("The message is not UTF-8."))?;
        let mut parts = text.splitn(3, ',');
        let (Some(binding), Some(identity), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("Message length does not match input length."));
        };
        match (binding, self.bound) {
            ("n", false) => {}
            ("y", false) if self.end_point.is_some() => {
                return Err(err!(
                    INVALID_AUTHORIZATION_SPECIFICATION,
                    "SCRAM channel binding negotiation error"
                )
                .detail("The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding."));
            }
            ("y", false) => {}
            ("p=tls-server-end-point", true) => {}
            ("n" | "y", true) => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
                ));
            }
            (other, _) if other.starts_with("p=") && self.bound => {
                bail!(PROTOCOL_VIOLATION, "unsupported SCRAM channel-binding type \"{}\"", &other[2..])
            }
            (other, _) if other.starts_with("p=") => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.",
                ));
            }
            (other, _) => {
                return Err(malformed(format!(
                    "Unexpected channel-binding flag \"{}\".",
                    other.chars().take(1).collect::<String>()
                )));
            }
        }
        if !identity.is_empty() {
            bail!(FEATURE_NOT_SUPPORTED, "client uses authorization identity, but it is not supported");
        }
        if bare.starts_with("m=") {
            bail!(FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension");
        }
        // The name in `n=` is ignored: the role is that of the startup packet.
        let mut attributes = bare.split(',');
        let (Some(name), Some(nonce)) = (attributes.next(), attributes.next()) else {
            return Err(malformed("Comma expected, but found end of message."));
        };
        if !name.starts_with("n=") {
            return Err(malformed("Attribute \"n\" expected."));
        }
        let nonce = nonce.strip_prefix("r=").ok_or_else(|| malformed("Attribute \"r\" expected."))?;
        if nonce.is_empty() || !nonce.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            bail!(PROTOCOL_VIOLATION, "non-printable characters in SCRAM nonce");
        }
        self.gs2_header = format!("{binding},{identity},");
        self.first_bare = bare.to_string();
        self.nonce = format!("{nonce}{}", base64_encode(&random::<18>()?));
        let salt = base64_encode(&self.secret.salt);
        self.server_first = format!("r={},s={salt},i={}", self.nonce, self.secret.iterations);
        Ok(self.server_first.clone())
    }

    /// Takes the client's final message; gives the server's when the proof is right, `None` when it is not.
    ///
    /// # Errors
    /// `08P01` for a message that is not SCRAM or answers another exchange.
    pub fn finish(&self, message: &[u8]) -> Result<Option<String>> {
        let text = std::str::from_utf8(message).map_err(|_| malformed("The message is not UTF-8."))?;
        let (without_proof, proof) =
            text.rsplit_once(",p=").ok_or_else(|| malformed("Malformed proof in client-final-message."))?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|a| a.strip_prefix("c=")).unwrap_or_default();
        let mut expected = self.gs2_header.clone().into_bytes();
        if self.bound {
            expected.extend_from_slice(self.end_point.as_deref().unwrap_or_default());
        }
        if base64_decode(binding).as_deref() != Some(&expected[..]) {
            if self.bound {
                bail!(INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding check failed");
            }
            bail!(PROTOCOL_VIOLATION, "unexpected SCRAM channel-binding attribute in client-final-message");
        }
        if attributes.next().and_then(|a| a.strip_prefix("r=")) != Some(&self.nonce) {
            return Err(err!(PROTOCOL_VIOLATION, "invalid SCRAM response").detail("Nonce does not match."));
        }
        let proof: Key = base64_decode(proof)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| malformed("Malformed proof in client-final-message."))?;
        let transcript = [&self.first_bare, ",", &self.server_first, ",", without_proof].concat();
        let signature = hmac(&self.secret.stored_key, &[transcript.as_bytes()]);
        let mut client_key = proof;
        client_key.iter_mut().zip(signature).for_each(|(key, byte)| *key ^= byte);
        let stored: Key = Sha256::digest(client_key).into();
        // Compared without an early exit, so that time tells nothing.
        let difference = stored.iter().zip(self.secret.stored_key).fold(0, |all, (a, b)| all | (a ^ b));
        if difference != 0 || self.doomed {
            return Ok(None);
        }
        let answer = hmac(&self.secret.server_key, &[transcript.as_bytes()]);
        Ok(Some(format!("v={}", base64_encode(&answer))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of RFC 7677.
    #[test]
    fn the_proof_of_the_rfc_is_accepted() {
        let salt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let secret = Secret::of_password("pencil", &salt, 4096);
        assert_eq!(Secret::parse(&secret.store()), Some(secret.clone()));
        let mut exchange = Exchange::new(secret, false, "SCRAM-SHA-256", None);
        exchange.gs2_header = "n,,".into();
        exchange.first_bare = "n=user,r=rOprNGfwEbeRWgbNEkqO".into();
        exchange.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into();
        exchange.server_first = format!("r={},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", exchange.nonce);
        let last = format!("c=biws,r={},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", exchange.nonce);
        let answer = exchange.finish(last.as_bytes()).unwrap();
        assert_eq!(answer.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        let wrong = last.replace("p=dHz", "p=dHy");
        assert_eq!(exchange.finish(wrong.as_bytes()).unwrap(), None);
        assert!(exchange.finish(b"c=biws,r=x,p=").is_err());
    }

    #[test]
    fn plain_passwords_verify_against_both_forms() {
        let stored = encrypt_password("s3cret", 4096).unwrap();
        assert!(verify_plain(&stored, "ann", "s3cret") && !verify_plain(&stored, "ann", "other"));
        // md5('secretbob')
        let md5 = format!("md5{}", hex(&Md5::digest(b"secretbob")));
        assert!(is_md5(&md5) && verify_plain(&md5, "bob", "secret") && !verify_plain(&md5, "ann", "secret"));
    }
}
