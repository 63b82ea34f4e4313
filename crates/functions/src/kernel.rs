//! Evaluating plain functions over columns: one kernel for each shape of signature.

use crate::call::Call;
use adt::datetime::{Interval, TimeTz};
use adt::numeric::{Numeric, NumericView};
use adt::uuid::Uuid;
use base::bytes::Reader;
use base::{Oid, Result, Tid};
use datum::{Column, ColumnBuilder, Datum, Selection};

/// Stands for a reference inside `Option`.
pub struct Ref<T: ?Sized>(std::marker::PhantomData<T>);

/// A parameter type.
pub trait Argument {
    type In<'a>;
    /// Whether it is called with NULL.
    const NULLABLE: bool = false;
    /// # Errors
    /// `XX001` when stored bytes are no value of the type.
    fn get<'a>(value: Option<Datum<'a>>) -> Result<Self::In<'a>>;
}

/// A result type.
pub trait Output {
    type Out<'a>;
    fn put(value: Self::Out<'_>, out: &mut ColumnBuilder);
}

macro_rules! by_value {
    ($($type:ty: |$d:ident| $get:expr, |$v:ident| $put:expr;)*) => {
        $(
            impl Argument for $type {
                type In<'a> = $type;
                #[inline]
                fn get<'a>(value: Option<Datum<'a>>) -> Result<$type> {
                    let $d = value.expect("strict kernels skip NULL");
                    Ok($get)
                }
            }
            impl Output for $type {
                type Out<'a> = $type;
                #[inline]
                fn put($v: $type, out: &mut ColumnBuilder) {
                    out.push(Some($put));
                }
            }
        )*
    };
}

by_value! {
    bool: |d| d.bool(), |v| Datum::Bool(v);
    i8: |d| d.char(), |v| Datum::Char(v);
    i16: |d| d.int2(), |v| Datum::Int2(v);
    i32: |d| d.int4(), |v| Datum::Int4(v);
    u32: |d| d.int4() as u32, |v| Datum::Int4(v as i32);
    i64: |d| d.int8(), |v| Datum::Int8(v);
    u64: |d| d.int8() as u64, |v| Datum::Int8(v as i64);
    f32: |d| d.float4(), |v| Datum::Float4(v);
    f64: |d| d.float8(), |v| Datum::Float8(v);
    Oid: |d| d.oid(), |v| Datum::from(v);
    Tid: |d| d.tid(), |v| Datum::Bytes(&v.to_bytes());
}

macro_rules! by_reference {
    ($($type:ty: |$d:ident| $get:expr, |$v:ident| $put:expr;)*) => {
        $(
            impl Argument for $type {
                type In<'a> = &'a $type;
                #[inline]
                fn get<'a>(value: Option<Datum<'a>>) -> Result<&'a $type> {
                    let $d = value.expect("strict kernels skip NULL");
                    Ok($get)
                }
            }
            impl Output for $type {
                type Out<'a> = &'a $type;
                #[inline]
                fn put($v: &$type, out: &mut ColumnBuilder) {
                    out.push(Some($put));
                }
            }
            impl Argument for Option<Ref<$type>> {
                type In<'a> = Option<&'a $type>;
                const NULLABLE: bool = true;
                #[inline]
                fn get<'a>(value: Option<Datum<'a>>) -> Result<Option<&'a $type>> {
                    Ok(value.map(|$d| $get))
                }
            }
            impl Output for Option<Ref<$type>> {
                type Out<'a> = Option<&'a $type>;
                #[inline]
                fn put(value: Option<&$type>, out: &mut ColumnBuilder) {
                    out.push(value.map(|$v| $put));
                }
            }
        )*
    };
}

by_reference! {
    str: |d| d.text(), |v| Datum::Bytes(v.as_bytes());
    [u8]: |d| d.bytes(), |v| Datum::Bytes(v);
}

/// Text that may be NULL.
pub type MaybeText = Option<Ref<str>>;
/// Bytes that may be NULL.
pub type MaybeBytes = Option<Ref<[u8]>>;

/// Types whose values are taken apart and put together in a fixed number of bytes.
macro_rules! by_bytes {
    ($($type:ty: |$b:ident| $get:expr, |$v:ident| $put:expr;)*) => {
        $(
            impl Argument for $type {
                type In<'a> = $type;
                fn get<'a>(value: Option<Datum<'a>>) -> Result<$type> {
                    let $b = value.expect("strict kernels skip NULL").bytes();
                    $get
                }
            }
            impl Output for $type {
                type Out<'a> = $type;
                fn put($v: $type, out: &mut ColumnBuilder) {
                    out.push(Some(Datum::Bytes(&$put)));
                }
            }
        )*
    };
}

by_bytes! {
    Numeric: |b| Numeric::from_payload(b), |v| v.to_payload();
    Uuid: |b| b.try_into().map_err(|_| base::Error::corrupted("a uuid has 16 bytes")), |v| v;
    Interval: |b| interval_from_bytes(b), |v| interval_to_bytes(&v);
    TimeTz: |b| timetz_from_bytes(b), |v| timetz_to_bytes(v);
}

/// An interval as it is stored.
///
/// # Errors
/// `XX001` when there are not 16 bytes.
pub fn interval_from_bytes(bytes: &[u8]) -> Result<Interval> {
    let mut reader = Reader::new(bytes);
    Ok(Interval { micros: reader.i64()?, days: reader.i32()?, months: reader.i32()? })
}

/// The stored form of an interval.
pub fn interval_to_bytes(interval: &Interval) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&interval.micros.to_le_bytes());
    bytes[8..12].copy_from_slice(&interval.days.to_le_bytes());
    bytes[12..].copy_from_slice(&interval.months.to_le_bytes());
    bytes
}

/// A timetz as it is stored.
///
/// # Errors
/// `XX001` when there are not 12 bytes.
pub fn timetz_from_bytes(bytes: &[u8]) -> Result<TimeTz> {
    let mut reader = Reader::new(bytes);
    Ok(TimeTz { time: reader.i64()?, zone: reader.i32()? })
}

/// The stored form of a timetz.
pub fn timetz_to_bytes(value: TimeTz) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&value.time.to_le_bytes());
    bytes[8..].copy_from_slice(&value.zone.to_le_bytes());
    bytes
}

/// A value of whatever type, as it comes: for polymorphic functions.
impl Argument for Datum<'static> {
    type In<'a> = Datum<'a>;
    #[inline]
    fn get<'a>(value: Option<Datum<'a>>) -> Result<Datum<'a>> {
        Ok(value.expect("strict kernels skip NULL"))
    }
}

impl Output for Datum<'static> {
    type Out<'a> = Datum<'a>;
    #[inline]
    fn put(value: Datum<'_>, out: &mut ColumnBuilder) {
        out.push(Some(value));
    }
}

impl Output for datum::OwnedDatum {
    type Out<'a> = datum::OwnedDatum;
    fn put(value: datum::OwnedDatum, out: &mut ColumnBuilder) {
        out.push(Some(value.as_datum()));
    }
}

impl Argument for NumericView<'static> {
    type In<'a> = NumericView<'a>;
    #[inline]
    fn get<'a>(value: Option<Datum<'a>>) -> Result<NumericView<'a>> {
        NumericView::new(value.expect("strict kernels skip NULL").bytes())
    }
}

impl Output for String {
    type Out<'a> = String;
    fn put(value: String, out: &mut ColumnBuilder) {
        out.push(Some(Datum::Bytes(value.as_bytes())));
    }
}

impl Output for Vec<u8> {
    type Out<'a> = Vec<u8>;
    fn put(value: Vec<u8>, out: &mut ColumnBuilder) {
        out.push(Some(Datum::Bytes(&value)));
    }
}

/// `void`: whatever stands for nothing in the column.
impl Output for () {
    type Out<'a> = ();
    fn put(_: (), out: &mut ColumnBuilder) {
        out.pad_to(out.len() + 1);
    }
}

macro_rules! optional {
    ($($type:ty),*) => {
        $(impl Argument for Option<$type> {
            type In<'a> = Option<<$type as Argument>::In<'a>>;
            const NULLABLE: bool = true;
            #[inline]
            fn get<'a>(value: Option<Datum<'a>>) -> Result<Self::In<'a>> {
                value.map(|d| <$type as Argument>::get(Some(d))).transpose()
            }
        })*
    };
}

optional!(
    bool,
    i8,
    i16,
    i32,
    u32,
    i64,
    u64,
    f32,
    f64,
    Oid,
    Tid,
    Datum<'static>,
    NumericView<'static>,
    Numeric,
    Interval,
    TimeTz
);

macro_rules! optional_output {
    ($($type:ty),*) => {
        $(impl Output for Option<$type> {
            type Out<'a> = Option<<$type as Output>::Out<'a>>;
            #[inline]
            fn put(value: Self::Out<'_>, out: &mut ColumnBuilder) {
                match value {
                    Some(value) => <$type as Output>::put(value, out),
                    None => out.push_null(),
                }
            }
        })*
    };
}

optional_output!(
    bool,
    i8,
    i16,
    i32,
    u32,
    i64,
    u64,
    f32,
    f64,
    Oid,
    Tid,
    Datum<'static>,
    datum::OwnedDatum,
    Numeric,
    Interval,
    TimeTz,
    Uuid,
    String,
    Vec<u8>
);

macro_rules! kernels {
    ($($name:ident ($($arg:ident $index:tt)*);)*) => {
        $(
            /// Runs a function of this arity over the selected rows.
            pub fn $name<$($arg: Argument + ?Sized,)* R: Output + ?Sized>(
                function: for<'a> fn(&'a Call<'a>, $($arg::In<'a>),*) -> Result<R::Out<'a>>,
                call: &Call<'_>,
                args: &[&Column],
                rows: &Selection,
                out: &mut ColumnBuilder,
            ) -> Result<()> {
                let _ = args;
                let nulls: bool = [$(!$arg::NULLABLE && args[$index].has_nulls(),)* false].contains(&true);
                rows.try_for_each(|row| {
                    out.pad_to(row);
                    if nulls && [$(!$arg::NULLABLE && args[$index].is_null(row),)* false].contains(&true) {
                        out.push_null();
                        return Ok(());
                    }
                    R::put(function(call, $($arg::get(args[$index].get(row))?),*)?, out);
                    Ok(())
                })
            }
        )*
    };
}

kernels! {
    call0 ();
    call1 (A 0);
    call2 (A 0 B 1);
    call3 (A 0 B 1 C 2);
    call4 (A 0 B 1 C 2 D 3);
    call5 (A 0 B 1 C 2 D 3 E 4);
    call6 (A 0 B 1 C 2 D 3 E 4 F 5);
    call7 (A 0 B 1 C 2 D 3 E 4 F 5 G 6);
}
