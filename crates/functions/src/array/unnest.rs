//! unnest and generate_subscripts.

use super::Array;
use crate::set::{ReadyRows, SetFunction};
use adt::array::ArrayView;
use datum::{Datum, OwnedDatum};

pub const UNNEST: SetFunction = SetFunction {
    source: "array_unnest",
    start: |call, args| {
        let Some(Some(array)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
        let array = Array::read(call.session, array.bytes())?;
        let values: base::Result<Vec<_>> =
            array.iter().map(|element| Ok(element?.map(Datum::to_owned))).collect();
        Ok(ReadyRows::of_values(values?))
    },
};

fn subscripts(args: &[Option<Datum<'_>>]) -> base::Result<Box<dyn crate::set::SetRows>> {
    let (Some(Some(array)), Some(Some(number))) = (args.first(), args.get(1)) else {
        return Ok(ReadyRows::new(Vec::new()));
    };
    let reverse = args.get(2).copied().flatten().is_some_and(Datum::bool);
    let view = ArrayView::new(array.bytes())?;
    let Some(dimension) = usize::try_from(number.int4()).ok().and_then(|n| n.checked_sub(1)) else {
        return Ok(ReadyRows::new(Vec::new()));
    };
    if dimension >= view.dimensions() {
        return Ok(ReadyRows::new(Vec::new()));
    }
    let first = view.lower_bound(dimension);
    let numbers = first..first + view.length(dimension);
    let row = |i: i32| vec![Some(OwnedDatum::Int4(i))];
    Ok(ReadyRows::new(match reverse {
        true => numbers.rev().map(row).collect(),
        false => numbers.map(row).collect(),
    }))
}

pub const SUBSCRIPTS: SetFunction =
    SetFunction { source: "generate_subscripts", start: |_, args| subscripts(args) };
pub const SUBSCRIPTS_NO_DIRECTION: SetFunction =
    SetFunction { source: "generate_subscripts_nodir", start: |_, args| subscripts(args) };
