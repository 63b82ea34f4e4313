//! Output of pg_ndistinct, pg_dependencies and pg_mcv_list; pg_mcv_list_items.

use crate::array::{ElementType, text_array};
use crate::call::{Call, Function};
use crate::set::{ReadyRows, SetFunction, SetRows};
use crate::table::functions;
use crate::typeio::OutputFunction;
use adt::multivariate::{Common, Dependencies, Distinct};
use base::{Oid, Result};
use datum::{Datum, OwnedDatum};

const BOOL: Oid = Oid(16);

pub const FUNCTIONS: &[&[Function]] = &[functions! {
    "pg_ndistinct_out" (value: [u8]) -> String = Ok(Distinct::decode(value)?.to_string());
    "pg_ndistinct_send" (value: [u8]) -> [u8] = Ok(value);
    "pg_dependencies_out" (value: [u8]) -> String = Ok(Dependencies::decode(value)?.to_string());
    "pg_dependencies_send" (value: [u8]) -> [u8] = Ok(value);
    "pg_mcv_list_out" [call] (value: [u8]) -> String = Ok(match call.formats().bytea_hex {
        true => adt::bytea::format_hex(value),
        false => adt::bytea::format_escape(value),
    });
    "pg_mcv_list_send" (value: [u8]) -> [u8] = Ok(value);
}];

fn items(call: &Call<'_>, args: &[Option<Datum<'_>>]) -> Result<Box<dyn SetRows>> {
    let Some(Some(list)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
    let session = call.session;
    let common = Common::decode(list.bytes())?;
    let mut outputs = Vec::new();
    for column in &common.columns {
        let element = ElementType::of(session, column.type_oid)?;
        outputs.push((column, element, OutputFunction::of(session, column.type_oid)?));
    }
    let booleans = ElementType::of(session, BOOL)?;
    let mut rows = Vec::with_capacity(common.items.len());
    for (number, item) in common.items.iter().enumerate() {
        let mut texts = Vec::with_capacity(outputs.len());
        for (value, (column, element, output)) in item.values.iter().zip(&outputs) {
            texts.push(match value {
                Some(at) => Some(output.call(session, element.datum(&column.values[usize::from(*at)])?)?),
                None => None,
            });
        }
        let nulls = booleans.array(item.values.iter().map(|v| Some(Datum::Bool(v.is_none()))))?;
        rows.push(vec![
            Some(OwnedDatum::Int4(number as i32)),
            Some(OwnedDatum::Bytes(text_array(texts.iter().map(Option::as_deref))?.into())),
            Some(OwnedDatum::Bytes(nulls.into())),
            Some(OwnedDatum::Float8(item.frequency)),
            Some(OwnedDatum::Float8(item.base_frequency)),
        ]);
    }
    Ok(ReadyRows::new(rows))
}

pub const SETS: &[SetFunction] = &[SetFunction { source: "pg_stats_ext_mcvlist_items", start: items }];
