//! pg_hba.conf: which connections are let in, and how they must prove who they are.

use crate::conf::{directory, os_message, read_text};
use base::{Error, Result, err};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What the file's patterns need from the layers above.
pub trait Matcher {
    /// The groups of the first match of a regular expression, or `None` without a match.
    ///
    /// # Errors
    /// `2201B` for a faulty expression.
    fn captures(&self, pattern: &str, text: &str) -> Result<Option<Vec<Option<String>>>>;
    /// Whether `role` is, directly or not, a member of `group`.
    fn is_member(&self, role: &str, group: &str) -> bool;
    /// Whether `host` resolves to `address` and `address` back to `host`; a leading dot in `host` means any host below.
    fn host_matches(&self, host: &str, address: IpAddr) -> bool;
    /// Addresses and masks of this machine's interfaces.
    fn interfaces(&self) -> Vec<(IpAddr, IpAddr)>;
}

/// A word of the file. Quoting takes the special meaning from keywords, `/`, `+` and `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub quoted: bool,
}

impl Token {
    pub(crate) fn is_keyword(&self, word: &str) -> bool {
        !self.quoted && self.text == word
    }

    pub(crate) fn regex(&self) -> Option<&str> {
        self.text.strip_prefix('/').filter(|_| !self.text.is_empty())
    }
}

/// A line as words: fields, each a list.
pub(crate) struct Line {
    pub fields: Vec<Vec<Token>>,
    pub file: PathBuf,
    pub number: u32,
    pub raw: String,
}

impl Line {
    #[track_caller]
    pub fn error(&self, message: impl Into<String>) -> Error {
        let place = format!("line {} of configuration file \"{}\"", self.number, self.file.display());
        Error::new(base::SqlState::CONFIG_FILE_ERROR, message).context(place)
    }
}

/// Files may include files to this depth.
const MAX_DEPTH: usize = 10;

/// The lines of `path` and of the files it includes.
pub(crate) fn tokenize(path: &Path, errors: &mut Vec<Error>) -> Vec<Line> {
    let mut lines = Vec::new();
    tokenize_into(path, 0, &mut lines, errors);
    lines
}

fn open(path: &Path, depth: usize) -> Result<String> {
    if depth > MAX_DEPTH {
        return Err(err!(
            CONFIG_FILE_ERROR,
            "could not open file \"{}\": maximum nesting depth exceeded",
            path.display()
        ));
    }
    read_text(path).map_err(|e| {
        err!(CONFIG_FILE_ERROR, "could not open file \"{}\": {}", path.display(), os_message(&e))
    })
}

fn tokenize_into(path: &Path, depth: usize, lines: &mut Vec<Line>, errors: &mut Vec<Error>) {
    let text = match open(path, depth) {
        Ok(text) => text,
        Err(error) => return errors.push(error),
    };
    let mut physical = text.lines().enumerate();
    while let Some((number, first)) = physical.next() {
        let mut raw = first.to_string();
        while raw.ends_with('\\') {
            raw.pop();
            match physical.next() {
                Some((_, more)) => raw.push_str(more),
                None => break,
            }
        }
        let mut fields = Vec::new();
        let mut rest = raw.as_str();
        while let Some(field) = next_field(&mut rest, path, depth, errors) {
            fields.push(field);
        }
        if fields.is_empty() {
            continue;
        }
        let line = Line { fields, file: path.to_path_buf(), number: number as u32 + 1, raw: raw.clone() };
        match include_target(&line, path) {
            Some(("include", target)) => tokenize_into(&target, depth + 1, lines, errors),
            Some(("include_if_exists", target)) if target.exists() => {
                tokenize_into(&target, depth + 1, lines, errors)
            }
            Some(("include_if_exists", _)) => {}
            Some((_, target)) => match directory(&target) {
                Ok(files) => files.iter().for_each(|file| tokenize_into(file, depth + 1, lines, errors)),
                Err(error) => errors.push(error),
            },
            None => lines.push(line),
        }
    }
}

fn include_target<'a>(line: &'a Line, path: &Path) -> Option<(&'a str, PathBuf)> {
    let [directive] = &line.fields.first()?[..] else { return None };
    let [target] = &line.fields.get(1)?[..] else { return None };
    let known = ["include", "include_if_exists", "include_dir"].contains(&directive.text.as_str());
    (known && !directive.quoted)
        .then(|| (directive.text.as_str(), path.parent().unwrap_or(Path::new(".")).join(&target.text)))
}

/// The next field: words joined by commas; `@file` stands for the words of that file.
fn next_field(rest: &mut &str, path: &Path, depth: usize, errors: &mut Vec<Error>) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    loop {
        let (token, comma) = next_token(rest)?;
        match token.text.strip_prefix('@').filter(|name| !token.quoted && !name.is_empty()) {
            Some(name) => {
                let target = path.parent().unwrap_or(Path::new(".")).join(name);
                match open(&target, depth + 1) {
                    Ok(text) => {
                        for line in text.lines() {
                            let mut rest = line;
                            while let Some(more) = next_field(&mut rest, &target, depth + 1, errors) {
                                tokens.extend(more);
                            }
                        }
                    }
                    Err(error) => errors.push(error),
                }
            }
            None => tokens.push(token),
        }
        if !comma {
            return Some(tokens);
        }
    }
}

/// The next word and whether a comma follows it.
fn next_token(rest: &mut &str) -> Option<(Token, bool)> {
    let text = rest.trim_start_matches([' ', '\t', '\r', ',']);
    let (mut word, mut quoted, mut inside, mut comma) = (String::new(), false, false, false);
    let mut end = text.len();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if inside && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                word.push('"');
            }
            '"' => {
                inside = !inside;
                quoted |= word.is_empty();
            }
            ' ' | '\t' | '\r' if !inside => {
                end = at;
                break;
            }
            ',' if !inside => {
                (end, comma) = (at + 1, true);
                break;
            }
            '#' if !inside => {
                end = at;
                break;
            }
            _ => word.push(c),
        }
    }
    let comment = text[end..].starts_with('#');
    *rest = if comment { "" } else { &text[end..] };
    if word.is_empty() && !quoted { None } else { Some((Token { text: word, quoted }, comma)) }
}

/// The first word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionType {
    Local,
    Host,
    HostSsl,
    HostNoSsl,
    HostGss,
    HostNoGss,
}

/// The authentication methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Trust,
    Reject,
    /// What a connection gets that no line matches.
    ImplicitReject,
    Password,
    Md5,
    ScramSha256,
    Peer,
    Ident,
    Cert,
    Gss,
    Sspi,
    Pam,
    Bsd,
    Ldap,
    Radius,
    OAuth,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Method::Trust => "trust",
            Method::Reject | Method::ImplicitReject => "reject",
            Method::Password => "password",
            Method::Md5 => "md5",
            Method::ScramSha256 => "scram-sha-256",
            Method::Peer => "peer",
            Method::Ident => "ident",
            Method::Cert => "cert",
            Method::Gss => "gss",
            Method::Sspi => "sspi",
            Method::Pam => "pam",
            Method::Bsd => "bsd",
            Method::Ldap => "ldap",
            Method::Radius => "radius",
            Method::OAuth => "oauth",
        }
    }

    fn parse(word: &str) -> Option<Method> {
        use Method::*;
        [
            Trust,
            Reject,
            Password,
            Md5,
            ScramSha256,
            Peer,
            Ident,
            Cert,
            Gss,
            Sspi,
            Pam,
            Bsd,
            Ldap,
            Radius,
            OAuth,
        ]
        .into_iter()
        .find(|method| method.word() == word)
    }
}

/// Which client addresses a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    All,
    SameHost,
    SameNet,
    Net(IpAddr, IpAddr),
    /// With a leading dot: every host below.
    Host(String),
}

/// One line of pg_hba.conf.
#[derive(Clone, Debug)]
pub struct HbaLine {
    pub connection: ConnectionType,
    pub databases: Vec<Token>,
    pub roles: Vec<Token>,
    pub address: Address,
    pub method: Method,
    pub options: Vec<(String, String)>,
    pub file: PathBuf,
    pub line: u32,
    /// The line as it stands in the file, for DETAIL lines of the log.
    pub raw: String,
}

impl HbaLine {
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }
}

/// Reads pg_hba.conf and the files it includes.
///
/// # Errors
/// All faulty lines; `F0000`.
pub fn read(path: &Path) -> std::result::Result<Vec<HbaLine>, Vec<Error>> {
    let mut errors = Vec::new();
    let mut lines = Vec::new();
    for line in tokenize(path, &mut errors) {
        match parse_line(&line) {
            Ok(parsed) => lines.push(parsed),
            Err(error) => errors.push(error),
        }
    }
    if lines.is_empty() && errors.is_empty() {
        errors.push(err!(CONFIG_FILE_ERROR, "configuration file \"{}\" contains no entries", path.display()));
    }
    if errors.is_empty() { Ok(lines) } else { Err(errors) }
}

fn parse_line(line: &Line) -> Result<HbaLine> {
    let mut fields = line.fields.iter();
    let one = |field: Option<&Vec<Token>>, missing: &str, many: &str, hint: &str| match field.map(|f| &f[..])
    {
        None | Some([]) => Err(line.error(missing)),
        Some([token]) => Ok(token.clone()),
        Some(_) => Err(line.error(many).hint(hint.to_string())),
    };
    let word = one(
        fields.next(),
        "end-of-line before connection type",
        "multiple values specified for connection type",
        "Specify exactly one connection type per line.",
    )?;
    let connection = match word.text.as_str() {
        "local" => ConnectionType::Local,
        "host" => ConnectionType::Host,
        "hostssl" => ConnectionType::HostSsl,
        "hostnossl" => ConnectionType::HostNoSsl,
        "hostgssenc" => ConnectionType::HostGss,
        "hostnogssenc" => ConnectionType::HostNoGss,
        other => return Err(line.error(format!("invalid connection type \"{other}\""))),
    };
    let databases =
        fields.next().ok_or_else(|| line.error("end-of-line before database specification"))?.clone();
    let roles = fields.next().ok_or_else(|| line.error("end-of-line before role specification"))?.clone();
    let mut address = Address::All;
    if connection != ConnectionType::Local {
        let word = one(
            fields.next(),
            "end-of-line before IP address specification",
            "multiple values specified for host address",
            "Specify one address range per line.",
        )?;
        address = parse_address(line, &word, || {
            one(
                fields.next(),
                "end-of-line before netmask specification",
                "multiple values specified for netmask",
                "Specify an address range in CIDR notation, or provide a separate netmask.",
            )
        })?;
    }
    let word = one(
        fields.next(),
        "end-of-line before authentication method",
        "multiple values specified for authentication type",
        "Specify exactly one authentication type per line.",
    )?;
    let method = Method::parse(&word.text)
        .ok_or_else(|| line.error(format!("invalid authentication method \"{}\"", word.text)))?;
    check_method(line, connection, method)?;
    let mut options = Vec::new();
    for token in fields.flatten() {
        match token.text.split_once('=') {
            Some((name, value)) => options.push((name.to_string(), value.to_string())),
            None => {
                return Err(
                    line.error(format!("authentication option not in name=value format: {}", token.text))
                );
            }
        }
    }
    check_options(line, method, &options)?;
    Ok(HbaLine {
        connection,
        databases,
        roles,
        address,
        method,
        options,
        file: line.file.clone(),
        line: line.number,
        raw: line.raw.clone(),
    })
}

fn check_method(line: &Line, connection: ConnectionType, method: Method) -> Result<()> {
    match (connection, method) {
        (ConnectionType::Local, Method::Gss) => {
            Err(line.error("gssapi authentication is not supported on local sockets"))
        }
        (ConnectionType::Local, _) => Ok(()),
        (_, Method::Peer) => Err(line.error("peer authentication is only supported on local sockets")),
        (ConnectionType::HostSsl, _) => Ok(()),
        (_, Method::Cert) => Err(line.error("cert authentication is only supported on hostssl connections")),
        _ => Ok(()),
    }
}

fn check_options(line: &Line, method: Method, options: &[(String, String)]) -> Result<()> {
    for (name, value) in options {
        let valid: &[Method] = match name.as_str() {
            "map" => &[Method::Ident, Method::Peer, Method::Gss, Method::Sspi, Method::Cert, Method::OAuth],
            "clientcert" | "clientname" => {
                if name == "clientcert" && !["verify-ca", "verify-full"].contains(&value.as_str()) {
                    return Err(line.error(format!("invalid value for clientcert: \"{value}\"")));
                }
                continue;
            }
            "pamservice" | "pam_use_hostname" => &[Method::Pam],
            "include_realm" | "krb_realm" => &[Method::Gss, Method::Sspi],
            "compat_realm" | "upn_username" => &[Method::Sspi],
            "issuer" | "scope" | "validator" | "delegate_ident_mapping" => &[Method::OAuth],
            _ if name.starts_with("ldap") => &[Method::Ldap],
            _ if name.starts_with("radius") => &[Method::Radius],
            _ => return Err(line.error(format!("unrecognized authentication option name: \"{name}\""))),
        };
        if !valid.contains(&method) {
            let words: Vec<&str> = valid.iter().map(|m| m.word()).collect();
            return Err(line.error(format!(
                "authentication option \"{name}\" is only valid for authentication methods {}",
                words.join(", ")
            )));
        }
    }
    Ok(())
}

fn parse_address(line: &Line, token: &Token, netmask: impl FnOnce() -> Result<Token>) -> Result<Address> {
    for (word, address) in
        [("all", Address::All), ("samehost", Address::SameHost), ("samenet", Address::SameNet)]
    {
        if token.is_keyword(word) {
            return Ok(address);
        }
    }
    let (host, bits) = match token.text.split_once('/') {
        Some((host, bits)) => (host, Some(bits)),
        None => (token.text.as_str(), None),
    };
    let Ok(ip) = host.parse::<IpAddr>() else {
        return match bits {
            Some(_) => {
                Err(line
                    .error(format!("specifying both host name and CIDR mask is invalid: \"{}\"", token.text)))
            }
            None => Ok(Address::Host(token.text.clone())),
        };
    };
    let mask = match bits {
        Some(bits) => bits
            .parse::<u32>()
            .ok()
            .and_then(|bits| prefix_mask(ip, bits))
            .ok_or_else(|| line.error(format!("invalid CIDR mask in address \"{}\"", token.text)))?,
        None => {
            let word = netmask()?.text;
            let mask: IpAddr = word
                .parse()
                .map_err(|_| line.error(format!("invalid IP mask \"{word}\": Name or service not known")))?;
            if mask.is_ipv4() != ip.is_ipv4() {
                return Err(line.error("IP address and mask do not match"));
            }
            mask
        }
    };
    Ok(Address::Net(ip, mask))
}

/// The mask of a prefix of `bits` bits, for addresses of the family of `ip`.
fn prefix_mask(ip: IpAddr, bits: u32) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(_) if bits <= 32 => {
            Some(IpAddr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0).to_be_bytes()))
        }
        IpAddr::V6(_) if bits <= 128 => {
            Some(IpAddr::from(u128::MAX.checked_shl(128 - bits).unwrap_or(0).to_be_bytes()))
        }
        _ => None,
    }
}

fn in_net(address: IpAddr, net: IpAddr, mask: IpAddr) -> bool {
    match (address, net, mask) {
        (IpAddr::V4(a), IpAddr::V4(n), IpAddr::V4(m)) => {
            u32::from(a) & u32::from(m) == u32::from(n) & u32::from(m)
        }
        (IpAddr::V6(a), IpAddr::V6(n), IpAddr::V6(m)) => {
            u128::from(a) & u128::from(m) == u128::from(n) & u128::from(m)
        }
        _ => false,
    }
}

/// What is known of a client before it has proved anything.
#[derive(Clone, Debug)]
pub struct Client<'a> {
    /// `None` for a Unix socket.
    pub address: Option<IpAddr>,
    pub tls: bool,
    pub database: &'a str,
    pub role: &'a str,
    /// The role exists in the catalog; `+group` lines match only then.
    pub role_exists: bool,
    /// Physical replication, which only a `replication` entry admits.
    pub replication: bool,
}

/// The first line that `client` falls under.
///
/// # Errors
/// Those of a regular expression in the file.
pub fn find<'a>(lines: &'a [HbaLine], client: &Client, matcher: &dyn Matcher) -> Result<Option<&'a HbaLine>> {
    for line in lines {
        if connection_matches(line, client)
            && address_matches(&line.address, client, matcher)
            && database_matches(&line.databases, client, matcher)?
            && role_matches(&line.roles, client, matcher)?
        {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

fn connection_matches(line: &HbaLine, client: &Client) -> bool {
    match line.connection {
        ConnectionType::Local => client.address.is_none(),
        ConnectionType::Host | ConnectionType::HostNoGss => client.address.is_some(),
        ConnectionType::HostSsl => client.address.is_some() && client.tls,
        ConnectionType::HostNoSsl => client.address.is_some() && !client.tls,
        ConnectionType::HostGss => false,
    }
}

fn address_matches(address: &Address, client: &Client, matcher: &dyn Matcher) -> bool {
    let Some(ip) = client.address else { return true };
    let ip = ip.to_canonical();
    match address {
        Address::All => true,
        Address::Net(net, mask) => in_net(ip, *net, *mask),
        Address::Host(host) => matcher.host_matches(host, ip),
        Address::SameHost => matcher.interfaces().iter().any(|(own, _)| *own == ip),
        Address::SameNet => matcher.interfaces().iter().any(|(own, mask)| in_net(ip, *own, *mask)),
    }
}

fn database_matches(tokens: &[Token], client: &Client, matcher: &dyn Matcher) -> Result<bool> {
    for token in tokens {
        let matches = if client.replication {
            token.is_keyword("replication")
        } else if token.is_keyword("all") {
            true
        } else if token.is_keyword("sameuser") {
            client.database == client.role
        } else if token.is_keyword("samegroup") || token.is_keyword("samerole") {
            client.role_exists && matcher.is_member(client.role, client.database)
        } else if token.is_keyword("replication") {
            false
        } else if let Some(pattern) = token.regex() {
            matcher.captures(pattern, client.database)?.is_some()
        } else {
            token.text == client.database
        };
        if matches {
            return Ok(true);
        }
    }
    Ok(false)
}

fn role_matches(tokens: &[Token], client: &Client, matcher: &dyn Matcher) -> Result<bool> {
    for token in tokens {
        let matches = if let Some(group) = token.text.strip_prefix('+').filter(|_| !token.quoted) {
            client.role_exists && matcher.is_member(client.role, group)
        } else if token.is_keyword("all") {
            true
        } else if let Some(pattern) = token.regex() {
            matcher.captures(pattern, client.role)?.is_some()
        } else {
            token.text == client.role
        };
        if matches {
            return Ok(true);
        }
    }
    Ok(false)
}
