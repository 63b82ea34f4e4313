//! Rows about locks, settings, keywords, time zones and options.

use super::transactions::RUNNING;
use crate::array::{text_array, texts};
use crate::call::Call;
use crate::kernel::interval_to_bytes;
use crate::set::{ReadyRows, SetFunction, SetRows};
use adt::datetime::{Interval, TimeZone, USECS_PER_SEC, ZoneSpec, default_abbreviations};
use base::{Oid, Result};
use datum::{OwnedDatum, Row};
use lock::{LockRow, LockTag};
use settings::{Flags, Kind, format_g};
use syntax::keyword::{Category, KEYWORDS};

fn text(value: &str) -> Option<OwnedDatum> {
    Some(OwnedDatum::from(value))
}

fn keywords() -> Vec<Row> {
    KEYWORDS
        .iter()
        .map(|word| {
            let (letter, description) = match word.category {
                Category::Unreserved => (b'U', "unreserved"),
                Category::ColumnName => (b'C', "unreserved (cannot be function or type name)"),
                Category::TypeFunctionName => (b'T', "reserved (can be function or type name)"),
                Category::Reserved => (b'R', "reserved"),
            };
            let label = if word.bare_label { "can be bare label" } else { "requires AS" };
            vec![
                text(word.name),
                Some(OwnedDatum::Char(letter as i8)),
                Some(OwnedDatum::Bool(word.bare_label)),
                text(description),
                text(label),
            ]
        })
        .collect()
}

fn interval(seconds: i32) -> Option<OwnedDatum> {
    let bytes = interval_to_bytes(&Interval::new(0, 0, i64::from(seconds) * USECS_PER_SEC));
    Some(OwnedDatum::Bytes(Box::new(bytes)))
}

fn zone_names(call: &Call<'_>) -> Vec<Row> {
    let now = call.now();
    let mut rows = Vec::new();
    for name in TimeZone::available() {
        let Some(zone) = TimeZone::lookup(name) else { continue };
        let local = zone.at(now);
        rows.push(vec![
            text(name),
            text(local.abbreviation),
            interval(local.offset),
            Some(OwnedDatum::Bool(local.is_dst)),
        ]);
    }
    rows
}

fn zone_abbreviations(call: &Call<'_>) -> Result<Vec<Row>> {
    let now = call.now();
    let mut rows = Vec::new();
    for (name, _) in default_abbreviations() {
        let (east, is_dst) = match call.zone_named(name)? {
            ZoneSpec::Fixed { east, is_dst } => (east, is_dst),
            spec @ ZoneSpec::Dynamic { .. } => {
                let east = spec.offset_at(now);
                let ZoneSpec::Dynamic { zone, .. } = &spec else { continue };
                (east, zone.at(now).is_dst)
            }
            ZoneSpec::Zone(_) => continue,
        };
        let shown = name.to_ascii_uppercase();
        rows.push(vec![text(&shown), interval(east), Some(OwnedDatum::Bool(is_dst))]);
    }
    Ok(rows)
}

/// `name=value` texts as two columns.
fn options(args: &[Option<datum::Datum<'_>>]) -> Result<Box<dyn SetRows>> {
    let Some(Some(options)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
    let rows = texts(options.bytes())?
        .into_iter()
        .flatten()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => vec![text(name), text(value)],
            None => vec![text(option), None],
        })
        .collect();
    Ok(ReadyRows::new(rows))
}

fn lock_row(row: &LockRow) -> Row {
    let oid = |oid: Oid| Some(OwnedDatum::from(oid));
    let (mut database, mut relation, mut page, mut tuple) = (None, None, None, None);
    let (mut virtual_xid, mut xid, mut class, mut object, mut sub) = (None, None, None, None, None);
    match &row.tag {
        LockTag::Relation { database: d, relation: r }
        | LockTag::RelationExtend { database: d, relation: r } => {
            (database, relation) = (oid(*d), oid(*r));
        }
        LockTag::DatabaseFrozenIds { database: d } => database = oid(*d),
        LockTag::Page { database: d, relation: r, block } => {
            (database, relation, page) = (oid(*d), oid(*r), Some(OwnedDatum::Int4(block.0 as i32)));
        }
        LockTag::Tuple { database: d, relation: r, tid } => {
            (database, relation) = (oid(*d), oid(*r));
            page = Some(OwnedDatum::Int4(tid.block.0 as i32));
            tuple = Some(OwnedDatum::Int2(tid.offset.0 as i16));
        }
        LockTag::Transaction(x) => xid = Some(OwnedDatum::Int4(x.low() as i32)),
        LockTag::VirtualTransaction(v) => virtual_xid = text(&v.to_string()),
        LockTag::SpeculativeToken { xid: x, token } => {
            xid = Some(OwnedDatum::Int4(x.low() as i32));
            object = Some(OwnedDatum::Int4(*token as i32));
        }
        LockTag::Object { database: d, class: c, object: o, sub: s } => {
            (database, class, object) = (oid(*d), oid(*c), oid(*o));
            sub = Some(OwnedDatum::Int2(*s as i16));
        }
        LockTag::Advisory { database: d, high, low, kind } => {
            (database, class, object) = (oid(*d), oid(Oid(*high)), oid(Oid(*low)));
            sub = Some(OwnedDatum::Int2(*kind as i16));
        }
        _ => {}
    }
    vec![
        text(row.tag.type_name()),
        database,
        relation,
        page,
        tuple,
        virtual_xid,
        xid,
        class,
        object,
        sub,
        text(&row.virtual_xid.to_string()),
        Some(OwnedDatum::Int4(row.pid)),
        text(row.mode.name()),
        Some(OwnedDatum::Bool(row.granted)),
        Some(OwnedDatum::Bool(row.fast_path)),
        row.wait_start.map(OwnedDatum::Int8),
    ]
}

/// pg_settings. Descriptions are not kept.
fn settings_rows(call: &Call<'_>) -> Result<Vec<Row>> {
    let settings = call.session.settings();
    let mut rows = Vec::new();
    for id in settings.ids() {
        let definition = settings.definition(id);
        if definition.flags.has(Flags::NO_SHOW_ALL) {
            continue;
        }
        let (min, max) = match &definition.kind {
            Kind::Int { min, max } => (Some(min.to_string()), Some(max.to_string())),
            Kind::Real { min, max } => (Some(format_g(*min)), Some(format_g(*max))),
            _ => (None, None),
        };
        let words = match &definition.kind {
            Kind::Enum(kind) => {
                let array = text_array(kind.values.iter().map(|word| Some(*word)))?;
                Some(OwnedDatum::Bytes(array.into()))
            }
            _ => None,
        };
        let source = settings.source(id);
        rows.push(vec![
            text(&definition.name),
            Some(OwnedDatum::from(definition.setting(settings.value(id)))),
            definition.unit.and_then(|unit| text(unit.word())),
            text(definition.category),
            text(""),
            None,
            text(definition.context.word()),
            text(definition.kind.word()),
            text(source.word()),
            min.map(OwnedDatum::from),
            max.map(OwnedDatum::from),
            words,
            (!definition.boot_is_null).then(|| OwnedDatum::from(definition.setting(&definition.boot))),
            Some(OwnedDatum::from(definition.setting(settings.reset_value(id)))),
            settings.origin(id).map(|origin| OwnedDatum::from(origin.file.display().to_string())),
            settings.origin(id).map(|origin| OwnedDatum::Int4(origin.line as i32)),
            Some(OwnedDatum::Bool(false)),
        ]);
    }
    Ok(rows)
}

pub const SETS: &[SetFunction] = &[
    SetFunction { source: "pg_get_keywords", start: |_, _| Ok(ReadyRows::new(keywords())) },
    SetFunction { source: "pg_timezone_names", start: |call, _| Ok(ReadyRows::new(zone_names(call))) },
    SetFunction {
        source: "pg_timezone_abbrevs_abbrevs",
        start: |call, _| Ok(ReadyRows::new(zone_abbreviations(call)?)),
    },
    SetFunction { source: "pg_timezone_abbrevs_zone", start: |_, _| Ok(ReadyRows::new(Vec::new())) },
    SetFunction { source: "pg_options_to_table", start: |_, args| options(args) },
    SetFunction {
        source: "pg_lock_status",
        start: |call, _| {
            let rows = call.session.instance().locks.list();
            Ok(ReadyRows::new(rows.iter().map(lock_row).collect()))
        },
    },
    SetFunction { source: "show_all_settings", start: |call, _| Ok(ReadyRows::new(settings_rows(call)?)) },
    RUNNING,
    crate::acl::EXPLODE,
];
