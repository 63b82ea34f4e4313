//! PostgreSQL's binary JSON.
//!
//! ```text
//! container:  header u32 (count | flags) , entries u32 × (elements, or keys then values) , data
//! entry:      bits 0-27 length, or end offset in every 32nd entry (flag HAS_OFFSET) ; bits 28-30 type
//! ```
//!
//! Numerics (whole varlenas with a four-byte header) and nested containers start at multiples of four; their
//! padding counts as theirs. Keys are unique and sorted by length, then by bytes. A scalar at the top is an array
//! of one element with the flag SCALAR. What is on disk is a varlena whose payload is the top container.

use super::parse::{Event, Parser};
use super::{MAX_RECURSION, too_deep};
use crate::hash::{hash_bytes, hash_bytes_extended};
use crate::numeric::{Numeric, NumericView};
use base::{Error, Result, bail};
use std::cmp::Ordering;

const OFFSET_MASK: u32 = 0x0FFF_FFFF;
const TYPE_MASK: u32 = 0x7000_0000;
const HAS_OFFSET: u32 = 0x8000_0000;
const STRING: u32 = 0;
const NUMERIC: u32 = 0x1000_0000;
const FALSE: u32 = 0x2000_0000;
const TRUE: u32 = 0x3000_0000;
const NULL: u32 = 0x4000_0000;
const CONTAINER: u32 = 0x5000_0000;

const COUNT_MASK: u32 = 0x0FFF_FFFF;
const SCALAR: u32 = 0x1000_0000;
const OBJECT: u32 = 0x2000_0000;
const ARRAY: u32 = 0x4000_0000;

/// Every so many entries hold an offset instead of a length, so that access is fast and compression still good.
const OFFSET_STRIDE: usize = 32;

/// The payload of a jsonb datum.
pub type Jsonb = Vec<u8>;

/// A value in its encoded form, ready to be placed in a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    kind: u32,
    bytes: Vec<u8>,
}

impl Node {
    pub fn null() -> Node {
        Node { kind: NULL, bytes: Vec::new() }
    }

    pub fn bool(value: bool) -> Node {
        Node { kind: if value { TRUE } else { FALSE }, bytes: Vec::new() }
    }

    /// # Errors
    /// `54000` for a string that is too long.
    pub fn string(value: &str) -> Result<Node> {
        if value.len() > OFFSET_MASK as usize {
            return Err(base::err!(PROGRAM_LIMIT_EXCEEDED, "string too long to represent as jsonb string")
                .detail(format!(
                    "Due to an implementation restriction, jsonb strings cannot exceed {OFFSET_MASK} bytes."
                )));
        }
        Ok(Node { kind: STRING, bytes: value.as_bytes().to_vec() })
    }

    /// From the payload of a numeric datum.
    pub fn numeric(payload: &[u8]) -> Node {
        // The varlena header: the whole size, shifted by the two bits that tell the kind of header.
        let size = (payload.len() + 4) as u32;
        let mut bytes = Vec::with_capacity(size as usize);
        bytes.extend_from_slice(&(size << 2).to_le_bytes());
        bytes.extend_from_slice(payload);
        Node { kind: NUMERIC, bytes }
    }

    /// # Errors
    /// `54000`
    pub fn array(elements: &[Node]) -> Result<Node> {
        encode(ARRAY, elements.len(), elements.iter())
    }

    /// Of duplicate keys the last holds.
    ///
    /// # Errors
    /// `54000`
    pub fn object(members: Vec<(String, Node)>) -> Result<Node> {
        let mut members: Vec<(Node, Node)> = members
            .into_iter()
            .map(|(key, value)| Ok((Node::string(&key)?, value)))
            .collect::<Result<_>>()?;
        members.sort_by(|a, b| compare_keys(&a.0.bytes, &b.0.bytes));
        // Within equal keys the order of writing is kept, so the last is the one before a different key.
        let mut unique: Vec<(Node, Node)> = Vec::with_capacity(members.len());
        for member in members {
            match unique.last_mut() {
                Some(last) if last.0 == member.0 => *last = member,
                _ => unique.push(member),
            }
        }
        let keys = unique.iter().map(|member| &member.0);
        encode(OBJECT, unique.len(), keys.chain(unique.iter().map(|member| &member.1)))
    }

    /// The value as a datum's payload.
    ///
    /// # Errors
    /// `54000`
    pub fn into_jsonb(self) -> Result<Jsonb> {
        if self.kind == CONTAINER {
            return Ok(self.bytes);
        }
        Ok(encode(ARRAY | SCALAR, 1, std::iter::once(&self))?.bytes)
    }

    fn is_aligned(&self) -> bool {
        matches!(self.kind, NUMERIC | CONTAINER)
    }
}

/// The order of keys: shorter ones first.
pub fn compare_keys(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn encode<'n>(flags: u32, count: usize, entries: impl Iterator<Item = &'n Node>) -> Result<Node> {
    let what = if flags & OBJECT != 0 { "object" } else { "array" };
    if count > COUNT_MASK as usize {
        let plural = if flags & OBJECT != 0 { "pairs" } else { "elements" };
        bail!(
            PROGRAM_LIMIT_EXCEEDED,
            "number of jsonb {what} {plural} exceeds the maximum allowed ({COUNT_MASK})"
        );
    }
    let entries: Vec<&Node> = entries.collect();
    let data_at = 4 + 4 * entries.len();
    let mut bytes =
        Vec::with_capacity(data_at + entries.iter().map(|entry| entry.bytes.len() + 3).sum::<usize>());
    bytes.extend_from_slice(&(count as u32 | flags).to_le_bytes());
    bytes.resize(data_at, 0);
    for (at, entry) in entries.iter().enumerate() {
        let start = bytes.len();
        if entry.is_aligned() {
            bytes.resize(base::bytes::align_up(start, 4), 0);
        }
        bytes.extend_from_slice(&entry.bytes);
        if bytes.len() > OFFSET_MASK as usize {
            bail!(
                PROGRAM_LIMIT_EXCEEDED,
                "total size of jsonb {what} elements exceeds the maximum of {OFFSET_MASK} bytes"
            );
        }
        let end = if at % OFFSET_STRIDE == 0 {
            (bytes.len() - data_at) as u32 | HAS_OFFSET
        } else {
            (bytes.len() - start) as u32
        };
        bytes[4 + 4 * at..8 + 4 * at].copy_from_slice(&(entry.kind | end).to_le_bytes());
    }
    Ok(Node { kind: CONTAINER, bytes })
}

/// Builds the binary form of JSON text.
///
/// # Errors
/// `22P02`, `22P05`, `54001`, `54000`
pub fn parse(text: &str) -> Result<Jsonb> {
    enum Open {
        Array(Vec<Node>),
        Object(Vec<(String, Node)>, Option<String>),
    }
    let mut parser = Parser::new(text, true);
    let mut open: Vec<Open> = Vec::new();
    let mut outer = Node::null();
    while let Some(event) = parser.next_event()? {
        let node = match event {
            Event::ObjectStart => {
                open.push(Open::Object(Vec::new(), None));
                continue;
            }
            Event::ArrayStart => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            Event::Key(name) => {
                if let Some(Open::Object(_, key)) = open.last_mut() {
                    *key = Some(name.into_owned());
                }
                continue;
            }
            Event::ObjectEnd | Event::ArrayEnd => match open.pop() {
                Some(Open::Array(elements)) => Node::array(&elements)?,
                Some(Open::Object(members, _)) => Node::object(members)?,
                None => return Err(Error::internal("unbalanced JSON events")),
            },
            Event::String(value) => Node::string(&value)?,
            Event::Number(value) => Node::numeric(&Numeric::parse(value)?.to_payload()),
            Event::Bool(value) => Node::bool(value),
            Event::Null => Node::null(),
        };
        match open.last_mut() {
            None => outer = node,
            Some(Open::Array(elements)) => elements.push(node),
            Some(Open::Object(members, key)) => members.push((key.take().unwrap_or_default(), node)),
        }
    }
    outer.into_jsonb()
}

/// A value read in place.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Null,
    Bool(bool),
    /// The payload of a numeric datum.
    Numeric(&'a [u8]),
    String(&'a str),
    Container(Container<'a>),
}

/// An array or object read in place.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    header: u32,
    bytes: &'a [u8],
}

fn corrupted() -> Error {
    Error::corrupted("invalid jsonb data")
}

impl<'a> Container<'a> {
    /// The top container of a datum's payload.
    ///
    /// # Errors
    /// `XX001`
    pub fn new(bytes: &'a [u8]) -> Result<Container<'a>> {
        let header = bytes.first_chunk().map(|header| u32::from_le_bytes(*header)).ok_or_else(corrupted)?;
        let container = Container { header, bytes };
        let kinds = header & (OBJECT | ARRAY);
        if (kinds != OBJECT && kinds != ARRAY) || bytes.len() < container.data_at() {
            return Err(corrupted());
        }
        Ok(container)
    }

    /// Members or elements.
    pub fn len(&self) -> usize {
        (self.header & COUNT_MASK) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_object(&self) -> bool {
        self.header & OBJECT != 0
    }

    /// Whether this array only holds a scalar at the top.
    pub fn is_scalar(&self) -> bool {
        self.header & SCALAR != 0
    }

    fn entries(&self) -> usize {
        if self.is_object() { 2 * self.len() } else { self.len() }
    }

    fn data_at(&self) -> usize {
        4 + 4 * self.entries()
    }

    fn entry(&self, at: usize) -> u32 {
        base::bytes::get_i32(self.bytes, 4 + 4 * at) as u32
    }

    /// Where the data of entry `at` starts, after the table of entries.
    fn offset(&self, at: usize) -> usize {
        let mut offset = 0;
        for before in (0..at).rev() {
            let entry = self.entry(before);
            offset += (entry & OFFSET_MASK) as usize;
            if entry & HAS_OFFSET != 0 {
                break;
            }
        }
        offset
    }

    fn entry_item(&self, at: usize) -> Result<Item<'a>> {
        let entry = self.entry(at);
        let start = self.offset(at);
        let length = (entry & OFFSET_MASK) as usize;
        let end = if entry & HAS_OFFSET != 0 { length } else { start + length };
        let data = self.data_at();
        let kind = entry & TYPE_MASK;
        let skip = if matches!(kind, NUMERIC | CONTAINER) {
            base::bytes::align_up(data + start, 4)
        } else {
            data + start
        };
        let bytes = self.bytes.get(skip..data + end).ok_or_else(corrupted)?;
        Ok(match kind {
            STRING => Item::String(std::str::from_utf8(bytes).map_err(|_| corrupted())?),
            NUMERIC => Item::Numeric(bytes.get(4..).ok_or_else(corrupted)?),
            FALSE => Item::Bool(false),
            TRUE => Item::Bool(true),
            NULL => Item::Null,
            CONTAINER => Item::Container(Container::new(bytes)?),
            _ => return Err(corrupted()),
        })
    }

    /// Key `at` of an object.
    ///
    /// # Errors
    /// `XX001`
    pub fn key(&self, at: usize) -> Result<&'a str> {
        match self.entry_item(at)? {
            Item::String(key) => Ok(key),
            _ => Err(corrupted()),
        }
    }

    /// As [`Container::key`], for who only compares.
    fn key_bytes(&self, at: usize) -> Result<&'a [u8]> {
        let entry = self.entry(at);
        let (start, length) = (self.offset(at), (entry & OFFSET_MASK) as usize);
        let end = if entry & HAS_OFFSET != 0 { length } else { start + length };
        let data = self.data_at();
        self.bytes.get(data + start..data + end).filter(|_| entry & TYPE_MASK == STRING).ok_or_else(corrupted)
    }

    /// The stored form: that of a datum which is this container alone.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Element or value `at`, which is less than [`Container::len`].
    ///
    /// # Errors
    /// `XX001`
    pub fn value(&self, at: usize) -> Result<Item<'a>> {
        self.entry_item(if self.is_object() { self.len() + at } else { at })
    }

    /// All values with their keys (empty in arrays).
    pub fn iter(self) -> impl Iterator<Item = Result<(&'a str, Item<'a>)>> {
        (0..self.len()).map(move |at| {
            let key = if self.is_object() { self.key(at)? } else { "" };
            Ok((key, self.value(at)?))
        })
    }

    /// The value of a key; `None` also for arrays.
    ///
    /// # Errors
    /// `XX001`
    pub fn get(&self, key: &str) -> Result<Option<Item<'a>>> {
        if !self.is_object() {
            return Ok(None);
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match compare_keys(self.key_bytes(middle)?, key.as_bytes()) {
                Ordering::Equal => return self.value(middle).map(Some),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// The element at an index, which counts from the end where negative; `None` also for objects. A scalar is stored as an array of one.
    ///
    /// # Errors
    /// `XX001`
    pub fn get_index(&self, index: i32) -> Result<Option<Item<'a>>> {
        if self.is_object() {
            return Ok(None);
        }
        super::text::resolve_index(index, self.len()).map(|at| self.value(at)).transpose()
    }

    /// What the datum holds: the scalar itself where there is only one.
    ///
    /// # Errors
    /// `XX001`
    pub fn item(self) -> Result<Item<'a>> {
        if self.is_scalar() { self.value(0) } else { Ok(Item::Container(self)) }
    }

    /// `#>`
    ///
    /// # Errors
    /// `XX001`
    pub fn get_path(self, path: &[&str]) -> Result<Option<Item<'a>>> {
        let mut current = self.item()?;
        for step in path {
            let Item::Container(container) = current else {
                return Ok(None);
            };
            let next = if container.is_object() {
                container.get(step)?
            } else {
                match step.trim().parse() {
                    Ok(index) => container.get_index(index)?,
                    Err(_) => None,
                }
            };
            match next {
                Some(item) => current = item,
                None => return Ok(None),
            }
        }
        Ok(Some(current))
    }

    /// `?`: whether a string is a key, an element, or the scalar.
    ///
    /// # Errors
    /// `XX001`
    pub fn exists(&self, key: &str) -> Result<bool> {
        if self.is_object() {
            return Ok(self.get(key)?.is_some());
        }
        for at in 0..self.len() {
            if matches!(self.value(at)?, Item::String(element) if element == key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `@>`
    ///
    /// # Errors
    /// `XX001`, `54001`
    pub fn contains(&self, other: &Container) -> Result<bool> {
        self.contains_at(other, 0)
    }

    fn contains_at(&self, other: &Container, depth: usize) -> Result<bool> {
        if depth > MAX_RECURSION {
            return Err(too_deep());
        }
        if self.is_object() != other.is_object() {
            return Ok(false);
        }
        if self.is_object() {
            if self.len() < other.len() {
                return Ok(false);
            }
            for member in other.iter() {
                let (key, wanted) = member?;
                let contained = match (self.get(key)?, wanted) {
                    (Some(Item::Container(mine)), Item::Container(wanted)) => {
                        mine.contains_at(&wanted, depth + 1)?
                    }
                    (Some(mine), wanted) => scalars_equal(&mine, &wanted)?,
                    (None, _) => false,
                };
                if !contained {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        // A scalar is contained in an array, but not the other way round.
        if self.is_scalar() && !other.is_scalar() {
            return Ok(false);
        }
        for wanted in other.iter() {
            let wanted = wanted?.1;
            let mut contained = false;
            for mine in self.iter() {
                contained = match (mine?.1, wanted) {
                    (Item::Container(mine), Item::Container(wanted)) => {
                        mine.contains_at(&wanted, depth + 1)?
                    }
                    (mine, wanted) => scalars_equal(&mine, &wanted)?,
                };
                if contained {
                    break;
                }
            }
            if !contained {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The order of jsonb's operator class: by kind, then by count, then member by member.
    ///
    /// # Errors
    /// `XX001`
    pub fn compare(self, other: Container) -> Result<Ordering> {
        let mut pending = vec![(self, other, 0)];
        let mut order = compare_containers(&self, &other);
        while order == Ordering::Equal {
            let Some((a, b, at)) = pending.last_mut() else {
                return Ok(Ordering::Equal);
            };
            if *at == a.len() {
                pending.pop();
                continue;
            }
            let index = *at;
            *at += 1;
            let (a, b) = (*a, *b);
            if a.is_object() {
                order = a.key(index)?.cmp(b.key(index)?);
                if order != Ordering::Equal {
                    break;
                }
            }
            match (a.value(index)?, b.value(index)?) {
                (Item::Container(a), Item::Container(b)) => {
                    order = compare_containers(&a, &b);
                    pending.push((a, b, 0));
                }
                (a, b) => order = compare_scalars(&a, &b)?,
            }
        }
        Ok(order)
    }

    /// The hash of jsonb's operator class.
    ///
    /// # Errors
    /// `XX001`
    pub fn hash(self) -> Result<u32> {
        if self.is_empty() {
            return Ok(0);
        }
        let mut hash: u32 = 0;
        self.visit(&mut |part| {
            match part {
                Part::Start(flags) => hash ^= flags,
                Part::Scalar(item) => {
                    let own = match item {
                        Item::Null => 1,
                        Item::String(text) => hash_bytes(text.as_bytes()),
                        Item::Numeric(payload) => Numeric::from_payload(payload)?.hash(),
                        Item::Bool(value) => {
                            if value {
                                2
                            } else {
                                4
                            }
                        }
                        Item::Container(_) => return Ok(()),
                    };
                    hash = hash.rotate_left(1) ^ own;
                }
            }
            Ok(())
        })?;
        Ok(hash)
    }

    /// The 64-bit hash with a seed.
    ///
    /// # Errors
    /// `XX001`
    pub fn hash_extended(self, seed: u64) -> Result<u64> {
        if self.is_empty() {
            return Ok(seed);
        }
        let mut hash: u64 = 0;
        self.visit(&mut |part| {
            match part {
                Part::Start(flags) => hash ^= u64::from(flags) << 32 | u64::from(flags),
                Part::Scalar(item) => {
                    let own = match item {
                        Item::Null => seed.wrapping_add(1),
                        Item::String(text) => hash_bytes_extended(text.as_bytes(), seed),
                        Item::Numeric(payload) => Numeric::from_payload(payload)?.hash_extended(seed),
                        Item::Bool(value) if seed != 0 => {
                            crate::hash::hash_int4_extended(i32::from(value), seed)
                        }
                        Item::Bool(value) => {
                            if value {
                                2
                            } else {
                                4
                            }
                        }
                        Item::Container(_) => return Ok(()),
                    };
                    // Each half of the word turns on its own.
                    hash = (hash << 1 & 0xFFFF_FFFE_FFFF_FFFE) | (hash >> 31 & 0x0000_0001_0000_0001);
                    hash ^= own;
                }
            }
            Ok(())
        })?;
        Ok(hash)
    }

    /// Walks through all starts of containers, keys and scalars in order.
    fn visit(self, see: &mut dyn FnMut(Part<'a>) -> Result<()>) -> Result<()> {
        see(Part::Start(self.header & (OBJECT | ARRAY)))?;
        let mut open = vec![(self, 0)];
        while let Some((container, at)) = open.last_mut() {
            if *at == container.len() {
                open.pop();
                continue;
            }
            let (container, index) = (*container, *at);
            *at += 1;
            if container.is_object() {
                see(Part::Scalar(Item::String(container.key(index)?)))?;
            }
            match container.value(index)? {
                Item::Container(inner) => {
                    see(Part::Start(inner.header & (OBJECT | ARRAY)))?;
                    open.push((inner, 0));
                }
                scalar => see(Part::Scalar(scalar))?,
            }
        }
        Ok(())
    }
}

enum Part<'a> {
    Start(u32),
    Scalar(Item<'a>),
}

impl<'a> Item<'a> {
    /// The rank of the kind in the order of values.
    fn rank(&self) -> u8 {
        match self {
            Item::Null => 0,
            Item::String(_) => 1,
            Item::Numeric(_) => 2,
            Item::Bool(_) => 3,
            Item::Container(container) if !container.is_object() => 4,
            Item::Container(_) => 5,
        }
    }

    /// As `jsonb_typeof` names it.
    pub fn type_name(&self) -> &'static str {
        ["null", "string", "number", "boolean", "array", "object"][usize::from(self.rank())]
    }

    /// The value on its own.
    ///
    /// # Errors
    /// `54000`
    pub fn to_jsonb(&self) -> Result<Jsonb> {
        self.to_node()?.into_jsonb()
    }

    /// A copy to be placed in another container.
    ///
    /// # Errors
    /// `54000`
    pub fn to_node(&self) -> Result<Node> {
        Ok(match *self {
            Item::Null => Node::null(),
            Item::Bool(value) => Node::bool(value),
            Item::Numeric(payload) => Node::numeric(payload),
            Item::String(text) => Node::string(text)?,
            Item::Container(container) => Node { kind: CONTAINER, bytes: container.bytes.to_vec() },
        })
    }
}

fn compare_containers(a: &Container, b: &Container) -> Ordering {
    if a.is_object() != b.is_object() {
        return a.is_object().cmp(&b.is_object());
    }
    // Between arrays of one element a scalar at the top comes first.
    a.len().cmp(&b.len()).then_with(|| b.is_scalar().cmp(&a.is_scalar()))
}

fn compare_scalars(a: &Item, b: &Item) -> Result<Ordering> {
    Ok(match (a, b) {
        (Item::String(a), Item::String(b)) => a.cmp(b),
        (Item::Bool(a), Item::Bool(b)) => a.cmp(b),
        (Item::Numeric(a), Item::Numeric(b)) => NumericView::new(a)?.compare(&NumericView::new(b)?),
        _ => a.rank().cmp(&b.rank()),
    })
}

fn scalars_equal(a: &Item, b: &Item) -> Result<bool> {
    match (a, b) {
        (Item::Container(_), _) | (_, Item::Container(_)) => Ok(false),
        _ => Ok(compare_scalars(a, b)? == Ordering::Equal),
    }
}
