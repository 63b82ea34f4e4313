use crate::frontend::{self, Header, Message, Target};
use crate::startup::{self, Startup};
use crate::*;
use base::{Error, Oid, SqlState};

/// A small generator of repeatable noise (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, at_most: u64) -> Vec<u8> {
        let length = self.next() % (at_most + 1);
        // Small values dominate, so that counts and lengths are often plausible.
        (0..length)
            .map(|_| if self.next().is_multiple_of(3) { self.next() as u8 } else { (self.next() % 4) as u8 })
            .collect()
    }
}

#[test]
fn headers_have_limits() {
    let with = |kind: u8, length: u32| frontend::header(&[&[kind][..], &length.to_be_bytes()].concat());
    assert_eq!(with(b'Q', 9).unwrap(), Some(Header { kind: b'Q', body_bytes: 5 }));
    assert_eq!(with(b'Q', 0x3fff_fffe).unwrap(), Some(Header { kind: b'Q', body_bytes: 0x3fff_fffa }));
    assert_eq!(frontend::header(b"Q\0\0").unwrap(), None);
    for (kind, length, message) in [
        (b'Q', 0x3fff_ffff, "invalid message length"),
        (b'S', 10_001, "invalid message length"),
        (b'S', 3, "invalid message length"),
        (b'!', 4, "invalid frontend message type 33"),
    ] {
        let error = with(kind, length).unwrap_err();
        assert_eq!((error.message(), error.state()), (message, SqlState::PROTOCOL_VIOLATION));
    }
}

#[test]
fn messages_decode() {
    assert!(matches!(frontend::decode(b'Q', b"select 1\0"), Ok(Message::Query(b"select 1"))));
    assert!(matches!(frontend::decode(b'D', b"Pc\0"), Ok(Message::Describe(Target::Portal(b"c")))));
    match frontend::decode(b'P', b"s\0select $1\0\0\x01\0\0\0\x17") {
        Ok(Message::Parse { name: b"s", query: b"select $1", types }) => assert_eq!(types, [Oid(23)]),
        other => panic!("{other:?}"),
    }
    match frontend::decode(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01\0\0") {
        Ok(Message::Bind(bind)) => {
            assert_eq!((bind.portal, bind.statement), (&b"p"[..], &b"s"[..]));
            assert_eq!((bind.formats, bind.parameters), (vec![1], vec![Some(&b"ab"[..]), None]));
            assert_eq!(bind.result_formats, [0]);
        }
        other => panic!("{other:?}"),
    }
    for (kind, body, message) in [
        (b'Q', &b"select 1"[..], "invalid string in message"),
        (b'Q', b"a\0b", "invalid message format"),
        (b'S', b"x", "invalid message format"),
        (b'D', b"x\0", "invalid DESCRIBE message subtype 120"),
        (b'C', b"", "no data left in message"),
        (b'E', b"p\0\0", "insufficient data left in message"),
        (b'B', b"\0\0\0\x02\0\0\0\0\0\x01", "bind message has 2 parameter formats but 1 parameters"),
    ] {
        assert_eq!(frontend::decode(kind, body).unwrap_err().message(), message);
    }
}

#[test]
fn startup_packets_decode() {
    let start = [&ProtocolVersion::V3_2.0.to_be_bytes()[..], b"user\0bob\0database\0\0\0"].concat();
    assert_eq!(
        startup::decode(&start).unwrap(),
        Startup::Start {
            version: ProtocolVersion::V3_2,
            parameters: vec![(b"user", b"bob"), (b"database", b"")]
        }
    );
    assert_eq!(startup::decode(&80877103u32.to_be_bytes()).unwrap(), Startup::SslRequest);
    assert_eq!(startup::decode(&80877104u32.to_be_bytes()).unwrap(), Startup::GssEncRequest);
    let cancel = [&80877102u32.to_be_bytes()[..], &7u32.to_be_bytes(), b"key!"].concat();
    assert_eq!(startup::decode(&cancel).unwrap(), Startup::Cancel { process_id: 7, key: b"key!" });
    let error = |body: &[u8]| startup::decode(body).unwrap_err().message().to_string();
    assert_eq!(error(&[0, 2, 0, 0]), "unsupported frontend protocol 2.0: server supports 3.0 to 3.2");
    assert_eq!(
        error(&start[..start.len() - 1]),
        "invalid startup packet layout: expected terminator as last byte"
    );
    assert_eq!(error(&cancel[..8]), "invalid length of cancel key in cancel request packet");
    assert!(startup::body_length([0, 0, 0x27, 0x15]).is_err());
    assert_eq!(startup::body_length([0, 0, 0, 8]).unwrap(), 4);
}

#[test]
fn random_bytes_neither_panic_nor_allocate_much() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..100_000 {
        let bytes = noise.bytes(60);
        let _ = startup::decode(&bytes);
        let _ = frontend::header(&bytes);
        let _ = frontend::password(&bytes);
        let _ = frontend::sasl_initial_response(&bytes);
        let _ = utf8(&bytes);
        for kind in *b"QPBDCEHSXFdcfp?" {
            if let Ok(Message::Bind(bind)) = frontend::decode(kind, &bytes) {
                // A count is backed by bytes of the message, so nothing is larger than it.
                assert!(bind.parameters.len() * 4 + bind.formats.len() * 2 <= bytes.len());
            }
        }
    }
}

#[test]
fn errors_carry_every_field() {
    let mut error =
        Error::new(SqlState::UNIQUE_VIOLATION, "m\0x").detail("d").hint("h").context("c1").context("c2");
    error = error.table("public", "t").column("a").constraint("k").data_type("public", "ty");
    error.data_mut().internal_query = Some("sélect".into());
    error.data_mut().internal_position = Some(3);
    let mut out = Vec::new();
    error_response(&mut out, &error, Some(12));
    assert_eq!(out[0], b'E');
    assert_eq!(u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize, out.len() - 1);
    let text = String::from_utf8(out[5..].to_vec()).unwrap();
    let fields: Vec<&str> = text.split('\0').filter(|f| !f.starts_with(['F', 'L', 'R'])).collect();
    assert_eq!(
        fields,
        [
            "SERROR", "VERROR", "C23505", "Mm", "Dd", "Hh", "Wc1\nc2", "qsélect", "spublic", "tt", "ca",
            "dty", "nk", "P12", "p3", "", ""
        ]
    );
}

#[test]
fn rows_encode() {
    let mut out = Vec::new();
    let start = backend::begin_data_row(&mut out, 3);
    backend::put_value(&mut out, Some(b"ab"));
    backend::put_value(&mut out, None);
    backend::put_value_with(&mut out, |out| out.push(b'z'));
    backend::end(&mut out, start);
    assert_eq!(out, b"D\0\0\0\x15\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x01z");
    assert_eq!(utf8(b"a\xffb").unwrap_err().message(), "invalid byte sequence for encoding \"UTF8\": 0xff");
    assert_eq!(
        utf8(b"\xe2\x28\xa1").unwrap_err().message(),
        "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1"
    );
}
