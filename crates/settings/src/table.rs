//! Values of all parameters, in chunks that sessions share until one of them sets something.

use crate::registry::{Registry, Source};
use crate::value::{Choice, Value};
use std::marker::PhantomData;
use std::sync::Arc;

/// A parameter known when the program is compiled: its place in the table and the type it reads as.
pub struct Parameter<T> {
    id: u16,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Parameter<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Parameter<T> {}

impl<T> Parameter<T> {
    pub(crate) const fn at(id: u16) -> Parameter<T> {
        Parameter { id, kind: PhantomData }
    }

    /// Its number in the registry.
    pub const fn id(self) -> u16 {
        self.id
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        &Registry::get().definition(self.id).name
    }
}

/// The Rust type that a parameter reads as.
pub trait Typed {
    type Out<'a>;
    fn read(value: &Value) -> Option<Self::Out<'_>>;
}

impl Typed for bool {
    type Out<'a> = bool;
    #[inline]
    fn read(value: &Value) -> Option<bool> {
        if let Value::Bool(value) = value { Some(*value) } else { None }
    }
}

impl Typed for i64 {
    type Out<'a> = i64;
    #[inline]
    fn read(value: &Value) -> Option<i64> {
        if let Value::Int(value) = value { Some(*value) } else { None }
    }
}

impl Typed for f64 {
    type Out<'a> = f64;
    #[inline]
    fn read(value: &Value) -> Option<f64> {
        if let Value::Real(value) = value { Some(*value) } else { None }
    }
}

impl Typed for String {
    type Out<'a> = &'a str;
    #[inline]
    fn read(value: &Value) -> Option<&str> {
        if let Value::String(value) = value { Some(value) } else { None }
    }
}

impl<T: Choice> Typed for T {
    type Out<'a> = T;
    #[inline]
    fn read(value: &Value) -> Option<T> {
        if let Value::Enum(index) = value { Some(T::from_index(*index)) } else { None }
    }
}

const CHUNK: usize = 16;

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub value: Value,
    pub source: Source,
}

/// One slot for every parameter. A clone shares the chunks; writing copies the chunk written to.
#[derive(Clone)]
pub(crate) struct Table {
    chunks: Box<[Arc<[Slot; CHUNK]>]>,
}

impl Table {
    /// The boot values.
    pub fn boot(registry: &Registry) -> Table {
        let chunks = registry.definitions().chunks(CHUNK).map(|definitions| {
            Arc::new(std::array::from_fn(|i| Slot {
                value: definitions.get(i).map_or(Value::Bool(false), |d| d.boot.clone()),
                source: Source::Default,
            }))
        });
        Table { chunks: chunks.collect() }
    }

    #[inline]
    pub fn slot(&self, id: u16) -> &Slot {
        &self.chunks[usize::from(id) / CHUNK][usize::from(id) % CHUNK]
    }

    pub fn slot_mut(&mut self, id: u16) -> &mut Slot {
        &mut Arc::make_mut(&mut self.chunks[usize::from(id) / CHUNK])[usize::from(id) % CHUNK]
    }

    /// Whether both hold the slot of `id` in one shared chunk.
    pub fn shares(&self, other: &Table, id: u16) -> bool {
        let chunk = usize::from(id) / CHUNK;
        Arc::ptr_eq(&self.chunks[chunk], &other.chunks[chunk])
    }

    /// Takes over the chunk of `id` from `other`.
    pub fn share(&mut self, other: &Table, id: u16) {
        let chunk = usize::from(id) / CHUNK;
        self.chunks[chunk] = Arc::clone(&other.chunks[chunk]);
    }

    #[inline]
    pub fn get<T: Typed>(&self, parameter: Parameter<T>) -> T::Out<'_> {
        T::read(&self.slot(parameter.id).value).expect("constants and values are made from one table")
    }

    /// Ids whose slots differ between the two; shared chunks cost one comparison.
    pub fn differing(&self, other: &Table) -> Vec<u16> {
        let mut ids = Vec::new();
        for (c, (mine, theirs)) in self.chunks.iter().zip(&other.chunks).enumerate() {
            if !Arc::ptr_eq(mine, theirs) {
                ids.extend((0..CHUNK).filter(|i| mine[*i] != theirs[*i]).map(|i| (c * CHUNK + i) as u16));
            }
        }
        ids
    }
}
