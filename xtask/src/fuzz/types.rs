//! The types that statements are made of: names, constants, and the templates of their functions and operators.
//!
//! A template is SQL with places `{type}` for expressions. `{same}` is the template's own result type, `{a}` and `{b}` are
//! types drawn anew (each the same in all its places), `{type#1}` is one expression written in several places.

use super::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float8,
    Text,
    Bpchar,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Uuid,
    Bytea,
    Int4Array,
    TextArray,
    Jsonb,
    Mood,
    Small,
}

/// A type's word in templates, its name in SQL, and what a column of it is declared as.
struct Names(Type, &'static str, &'static str, &'static str);

const NAMES: &[Names] = &[
    Names(Type::Bool, "bool", "bool", "boolean"),
    Names(Type::Int2, "i2", "int2", "smallint"),
    Names(Type::Int4, "i4", "int4", "integer"),
    Names(Type::Int8, "i8", "int8", "bigint"),
    Names(Type::Numeric, "num", "numeric", "numeric"),
    Names(Type::Float8, "f8", "float8", "double precision"),
    Names(Type::Text, "text", "text", "text"),
    Names(Type::Bpchar, "bp", "bpchar", "char(5)"),
    Names(Type::Date, "date", "date", "date"),
    Names(Type::Time, "time", "time", "time"),
    Names(Type::Timestamp, "ts", "timestamp", "timestamp"),
    Names(Type::Timestamptz, "tstz", "timestamptz", "timestamptz"),
    Names(Type::Interval, "iv", "interval", "interval"),
    Names(Type::Uuid, "uuid", "uuid", "uuid"),
    Names(Type::Bytea, "bytea", "bytea", "bytea"),
    Names(Type::Int4Array, "ia", "int4[]", "integer[]"),
    Names(Type::TextArray, "ta", "text[]", "text[]"),
    Names(Type::Jsonb, "json", "jsonb", "jsonb"),
    Names(Type::Mood, "enum", "mood", "mood"),
    Names(Type::Small, "dom", "small", "small"),
];

impl Type {
    fn names(self) -> &'static Names {
        &NAMES[self as usize]
    }

    pub fn sql(self) -> &'static str {
        self.names().2
    }

    pub fn declared(self) -> &'static str {
        self.names().3
    }

    pub fn of_word(word: &str) -> Option<Type> {
        NAMES.iter().find(|names| names.1 == word).map(|names| names.0)
    }

    /// Any type, the common ones more often.
    pub fn any(random: &mut Random) -> Type {
        const COMMON: &[Type] = &[Type::Int4, Type::Int4, Type::Text, Type::Numeric, Type::Int8, Type::Bool];
        if random.chance(40) {
            COMMON[random.below(COMMON.len())]
        } else {
            NAMES[random.below(NAMES.len())].0
        }
    }

    /// A few values of the type, some of them at its edges. Every two of them differ in more than their spelling.
    fn pool(self) -> &'static [&'static str] {
        match self {
            Type::Bool => &["true", "false"],
            Type::Int2 => &["0", "1", "-1", "2", "7", "100", "-300", "32767", "-32768"],
            Type::Int4 => &["0", "1", "-1", "2", "3", "5", "17", "100", "-40", "65536", "2147483647"],
            Type::Int8 => &["0", "1", "-1", "2", "12", "1000", "5000000000", "-9223372036854775808"],
            Type::Numeric => {
                &["0", "1", "-1", "2.5", "0.001", "-17.75", "1e20", "123456789012.345", "NaN", "Infinity"]
            }
            Type::Float8 => &["0", "1", "-1", "0.5", "2.25", "-3e10", "1e-7", "NaN", "Infinity", "-Infinity"],
            Type::Text => &[
                "",
                "a",
                "b",
                "ab",
                "abc",
                "A",
                "Zulu",
                "a b",
                "ünï",
                "%",
                "a_c",
                "12",
                "long text that goes on",
            ],
            Type::Bpchar => &["", "a", "b", "ab", "abc", "A", "12345"],
            Type::Date => &[
                "2000-01-01",
                "1999-12-31",
                "2024-02-29",
                "1970-01-01",
                "0044-03-15 BC",
                "infinity",
                "-infinity",
            ],
            Type::Time => &["00:00", "12:34:56", "23:59:59.999999", "24:00", "06:30"],
            Type::Timestamp => &[
                "2000-01-01 00:00",
                "2024-02-29 12:34:56.789",
                "1999-12-31 23:59:59.999999",
                "infinity",
                "-infinity",
            ],
            Type::Timestamptz => &[
                "2000-01-01 00:00+00",
                "2024-03-31 01:30+00",
                "2024-10-27 02:30+01",
                "-infinity",
                "infinity",
            ],
            Type::Interval => {
                &["0", "1 day 01:00", "-2 days", "1 mon", "1 year 2 mons -3 days", "03:04:05.6", "-00:00:01"]
            }
            Type::Uuid => &[
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "12345678-1234-4234-8234-123456789abc",
                "0190163d-8694-739b-aea5-966c26f8ad91",
            ],
            Type::Bytea => &["", r"\x00", r"\x00ff", r"\x616263", r"\xdeadbeef"],
            Type::Int4Array => {
                &["{}", "{1}", "{1,2,3}", "{NULL}", "{3,NULL,1}", "{{1,2},{3,4}}", "[0:1]={7,8}"]
            }
            Type::TextArray => &["{}", "{a}", "{a,b}", "{NULL}", r#"{"",a b}"#, "{b,a,NULL}"],
            Type::Jsonb => &[
                "null",
                "1",
                "true",
                r#""a""#,
                "{}",
                "[]",
                r#"{"a": 1, "b": [1, 2, {"c": null}]}"#,
                r#"[1, "a", null]"#,
                r#"{"a": "x", "d": 2.5}"#,
            ],
            Type::Mood => &["sad", "ok", "happy"],
            Type::Small => &["0", "1", "2", "50", "99", "-5"],
        }
    }

    /// A constant of the type, quoted and cast, so that its type stands fast; sometimes NULL.
    pub fn constant(self, random: &mut Random) -> String {
        if random.chance(6) {
            return self.null();
        }
        let quoted = self.value(random).replace('\'', "''");
        match self {
            Type::Bool | Type::Int4 if random.chance(60) && !quoted.starts_with('-') => quoted,
            Type::Text if random.chance(60) => format!("'{quoted}'"),
            _ => format!("'{quoted}'::{}", self.sql()),
        }
    }

    pub fn null(self) -> String {
        format!("NULL::{}", self.sql())
    }

    /// A value's text: of the pool, or drawn.
    pub fn value(self, random: &mut Random) -> String {
        let pool = self.pool();
        if random.chance(if matches!(self, Type::Bool | Type::Mood) { 100 } else { 55 }) {
            // The first values are more common than the last.
            let most = random.below(pool.len()) + 1;
            return pool[random.below(most)].to_owned();
        }
        let small = random.between(-9, 60);
        match self {
            Type::Numeric => format!("{small}.{}", random.between(0, 9)),
            Type::Float8 => format!("{small}.{}", ["0", "25", "5", "75"][random.below(4)]),
            Type::Text => {
                ["foo", "bar", "baz", "qux", "x"][random.below(5)].to_owned() + &random.below(12).to_string()
            }
            Type::Bpchar => format!("c{}", random.below(20)),
            Type::Date => format!("2024-{:02}-{:02}", random.between(1, 12), random.between(1, 28)),
            Type::Time => format!("{:02}:{:02}", random.between(0, 23), random.between(0, 59)),
            Type::Timestamp => {
                format!(
                    "2024-{:02}-{:02} {:02}:30",
                    random.between(1, 12),
                    random.between(1, 28),
                    random.between(0, 23)
                )
            }
            Type::Timestamptz => {
                format!(
                    "2023-{:02}-{:02} {:02}:15+00",
                    random.between(1, 12),
                    random.between(1, 28),
                    random.between(0, 23)
                )
            }
            Type::Interval => format!("{small} hours"),
            Type::Uuid => format!("{:08x}-0000-4000-8000-000000000000", small.unsigned_abs() * 77),
            Type::Bytea => format!(r"\x{:02x}", small.unsigned_abs()),
            Type::Int4Array => format!("{{{small},{}}}", random.between(0, 5)),
            Type::TextArray => format!("{{v{},w}}", random.between(0, 5)),
            Type::Jsonb => format!(r#"{{"a": {small}, "k": "v{}"}}"#, random.between(0, 5)),
            Type::Small => small.to_string(),
            _ => small.to_string(),
        }
    }

    /// An expression over the integer column `g` that gives values of the type, with many duplicates.
    pub fn of_series(self) -> &'static str {
        match self {
            Type::Bool => "g % 3 = 0",
            Type::Int2 => "(g % 50)::int2",
            Type::Int4 => "g * 7 % 113",
            Type::Int8 => "(g * 31 % 1000)::int8",
            Type::Numeric => "round((g % 40)::numeric / 4, 2)",
            Type::Float8 => "(g % 60)::float8 / 4",
            Type::Text => "'v' || g % 90",
            Type::Bpchar => "('c' || g % 25)::char(5)",
            Type::Date => "date '2024-01-01' + g % 200",
            Type::Time => "time '00:00' + (g % 300) * interval '1 minute'",
            Type::Timestamp => "timestamp '2024-01-01' + (g % 150) * interval '7 hours'",
            Type::Timestamptz => "timestamptz '2024-01-01 00:00+00' + (g % 150) * interval '5 hours'",
            Type::Interval => "(g % 70) * interval '11 minutes'",
            Type::Uuid => "md5((g % 80)::text)::uuid",
            Type::Bytea => "decode(md5((g % 30)::text), 'hex')",
            Type::Int4Array => "ARRAY[g % 5, g % 3]",
            Type::TextArray => "ARRAY['t' || g % 6, NULL]",
            Type::Jsonb => r#"jsonb_build_object('a', g % 9, 'b', 'x' || g % 4)"#,
            Type::Mood => "(ARRAY['sad', 'ok', 'happy'])[g % 3 + 1]::mood",
            Type::Small => "(g % 90)::small",
        }
    }

    /// Whether the type has minimum and maximum aggregates.
    pub fn has_extremes(self) -> bool {
        !matches!(self, Type::Bool | Type::Uuid | Type::Jsonb)
    }
}

/// Templates that every type has.
pub const GENERAL: &[&str] = &[
    "CASE WHEN {bool} THEN {same} ELSE {same} END",
    "CASE WHEN {bool} THEN {same} WHEN {bool} THEN {same} END",
    "CASE {a} WHEN {a} THEN {same} WHEN {a} THEN {same} ELSE {same} END",
    "coalesce({same}, {same})",
    "nullif({same}, {same})",
    "greatest({same}, {same})",
    "least({same}, {same}, {same})",
    "(ARRAY[{same}, {same}])[abs({i4} % 3)]",
];

/// Conditions.
const BOOL: &[&str] = &[
    "{a} = {a}",
    "{a} <> {a}",
    "{a} < {a}",
    "{a} <= {a}",
    "{a} > {a}",
    "{a} >= {a}",
    "{i4} = {i4}",
    "{i4} < {i4}",
    "{text} = {text}",
    "{text} > {text}",
    "{a} IS NULL",
    "{a} IS NOT NULL",
    "{a} IS DISTINCT FROM {a}",
    "{a} IS NOT DISTINCT FROM {a}",
    "{a} BETWEEN {a} AND {a}",
    "{a} NOT BETWEEN {a} AND {a}",
    "{a} BETWEEN SYMMETRIC {a} AND {a}",
    "{a} IN ({a}, {a}, {a})",
    "{a} NOT IN ({a}, {a})",
    "{i4} IN (1, 2, 3, 5, {i4})",
    "{text} IN ('a', 'b', 'ab', NULL)",
    "{a} = ANY (ARRAY[{a}, {a}])",
    "{a} <> ALL (ARRAY[{a}, {a}])",
    "{a} < ANY (ARRAY[{a}, {a}])",
    "{a} >= ALL (ARRAY[{a}, {a}])",
    "({a}, {b}) < ({a}, {b})",
    "({a}, {b}) >= ({a}, {b})",
    "({a}, {b}) = ({a}, {b})",
    "({a}, {b}) <> ({a}, {b})",
    "ROW({a}, {b}) IS DISTINCT FROM ROW({a}, {b})",
    "ROW({a}, {b}) IS NULL",
    "ROW({a}, {b}) IS NOT NULL",
    "({a}, {b}) IN (({a}, {b}), ({a}, {b}))",
    "{bool} AND {bool}",
    "{bool} OR {bool}",
    "{bool} AND {bool} AND {bool}",
    "{bool} OR {bool} OR {bool}",
    "NOT {bool}",
    "{bool} IS TRUE",
    "{bool} IS NOT TRUE",
    "{bool} IS FALSE",
    "{bool} IS NOT FALSE",
    "{bool} IS UNKNOWN",
    "{bool} IS NOT UNKNOWN",
    "{text} LIKE 'a%'",
    "{text} LIKE '%b%'",
    "{text} NOT LIKE '_'",
    "{text} ILIKE 'A_%'",
    "{text} LIKE {text}",
    "{bp} LIKE 'a%'",
    "{text} ~ '^[a-c]'",
    "{text} ~* 'B+'",
    "{text} !~ '(a|b)c?$'",
    r"{text} ~ '\d\d?$'",
    "{text} SIMILAR TO '(foo|b)%'",
    "starts_with({text}, {text})",
    "{text} ^@ 'a'",
    "{ia} @> {ia}",
    "{ia} && {ia}",
    "{ia} <@ {ia}",
    "{ta} && {ta}",
    "{i4} = ANY ({ia})",
    "{text} = ANY ({ta})",
    "{i4} < ALL ({ia})",
    "{json} @> {json}",
    "{json} <@ {json}",
    "{json} ? 'a'",
    "{json} ?| ARRAY['a', 'x']",
    "{json} ?& ARRAY['a', 'b']",
    "isfinite({date})",
    "isfinite({ts})",
    "isfinite({iv})",
    "({date}, {date}) OVERLAPS ({date}, {date})",
    "{date} < {ts}",
    "{date} >= {tstz}",
    "{ts} <= {tstz}",
    "{tstz} > {date}",
    "{i2} = {i4}",
    "{i4} = {i8}",
    "{i8} > {i2}",
    "{num} >= {i4}",
    "{i4} < {f8}",
    "{num} < {f8}",
    "{bp} = {text}",
    "{bp} = {bp}",
    "{dom} < {i4}",
    "{i4}::bool",
    "{text} = {bp}::text",
];

const INT2: &[&str] = &[
    "{same} % 100::int2",
    "({i4} % 30000)::int2",
    "-nullif({same}, -32768::int2)",
    "{same} & {same}",
    "{same} # {same}",
    "length({text})::int2",
];

const INT4: &[&str] = &[
    "{same} % 1000 + {same} % 1000",
    "{same} % 1000 - {same} % 500",
    "{same} % 1000 * ({same} % 100)",
    "{same} / nullif({same}, 0)",
    "{same} % nullif({same}, 0)",
    "{same} + {same}",
    "{same} - {i2}",
    "abs({same} / 2)",
    "sign({same}::numeric)::int4",
    "mod({same}, 7)",
    "gcd({same} / 2, {same} / 2)",
    "{same} & {same}",
    "{same} | {same}",
    "{same} # {same}",
    "~{same}",
    "{same} >> 3",
    "{same} % 65536 << 4",
    "length({text})",
    "char_length({bp})",
    "octet_length({text})",
    "ascii({text})",
    "strpos({text}, {text})",
    "position({text} IN {text})",
    "length({bytea})",
    "bit_length({text})",
    "{bool}::int4",
    "{i2}::int4",
    "({i8} % 100000)::int4",
    "{dom}::int4",
    "{same} % 90::small",
    "extract(year FROM {date})::int4",
    "extract(dow FROM {ts})::int4",
    "date_part('month', {date})::int4",
    "cardinality({ia})",
    "array_length({ia}, 1)",
    "array_upper({ta}, 1)",
    "array_ndims({ia})",
    "array_position({ia}, {same})",
    "({ia})[1]",
    "({ia})[{same} % 4]",
    "jsonb_array_length(CASE WHEN jsonb_typeof({json#1}) = 'array' THEN {json#1} END)",
    "width_bucket({f8}, 0, 50, 5)",
    "num_nulls({a}, {b})",
    "num_nonnulls({a}, {b})",
    "({date} - date '2020-01-01') % 1000",
    "get_byte({bytea} || '\\x01'::bytea, 0)",
    "scale({num})",
    "min_scale({num})",
];

const INT8: &[&str] = &[
    "{i4}::int8 + {i4}",
    "{i4}::int8 * {i2}",
    "{same} % 100000 - {i4}",
    "{same} / nullif({i4}, 0)",
    "{same} % nullif({same}, 0)",
    "{i4}::int8",
    "abs({same} / 2)",
    "{same} & {same}",
    "{same} >> 5",
    "trunc({num})::int8",
    "extract(epoch FROM {iv})::int8",
    "{same} + {same}",
    "hashint4({i4})::int8",
    "lcm({i4}::int8 % 100, {i4}::int8 % 50)",
    "bit_count({bytea})",
];

const NUMERIC: &[&str] = &[
    "{same} + {same}",
    "{same} - {same}",
    "{same} * {same}",
    "{same} / nullif({same}, 0)",
    "{same} % nullif({same}, 0)",
    "-{same}",
    "abs({same})",
    "round({same}, 2)",
    "round({same})",
    "trunc({same}, 1)",
    "ceil({same})",
    "floor({same})",
    "sign({same})",
    "sqrt(abs({same}))",
    "power({same} % 10, 2)",
    "div({same}, nullif({same}, 0))",
    "mod({same}, 3)",
    "{i4}::numeric",
    "{i8}::numeric",
    "{i4} + {same}",
    "{same} * {i2}",
    "extract(epoch FROM {ts})",
    "extract(day FROM {iv})",
    "extract(isoyear FROM {date})",
    "{same}::numeric(40,3)",
    "trim_scale({same})",
    "exp({i4}::numeric % 20)",
    "ln(abs({same}) + 1)",
    "log(abs({same}) + 1)",
    "{same} ^ 2",
    "factorial(abs({i4} % 12))",
    "to_number({i4}::text, '99999')",
];

const FLOAT8: &[&str] = &[
    "{same} + {same}",
    "{same} - {same}",
    "{same} * 0.5",
    "-{same}",
    "abs({same})",
    "{same} / nullif({same}, 0)",
    "{i4}::float8",
    "({num} % 1000)::float8",
    "sqrt(abs({same}))",
    "floor({same})",
    "ceil({same})",
    "round({same})",
    "trunc({same})",
    "sign({same})",
    "{i4} / 4.0::float8",
    "date_part('hour', {ts})",
    "extract(minute FROM {time})::float8",
    "radians({i4}::float8)",
    "exp(({i4} % 10)::float8)",
];

const TEXT: &[&str] = &[
    "{same} || {same}",
    "{same} || {i4}",
    "{bool} || {same}",
    "upper({same})",
    "lower({same})",
    "initcap({same})",
    "substr({same}, 2)",
    "substring({same}, 1, 2)",
    "substring({same} FROM '[a-z]+')",
    "left({same}, 2)",
    "right({same}, -1)",
    "reverse({same})",
    "trim({same})",
    "btrim({same}, 'ab')",
    "ltrim({same}, 'a')",
    "rtrim({same})",
    "replace({same}, 'a', 'xy')",
    "translate({same}, 'abc', 'xy')",
    "lpad({same}, 6, '*')",
    "rpad({same}, 4)",
    "repeat({same}, {i4} % 4)",
    "split_part({same}, 'a', 1)",
    "overlay({same} PLACING 'Q' FROM 2 FOR 1)",
    "concat({same}, {a}, {i4})",
    "concat_ws('-', {same}, {same}, {b})",
    "format('%s/%I/%L', {i4}, {same}, {same})",
    "md5({same})",
    "quote_literal({same})",
    "quote_nullable({same})",
    "quote_ident({same})",
    "{a}::text",
    "{num}::text",
    "{f8}::text",
    "{bp}::text",
    "{enum}::text",
    "{date}::text",
    "{iv}::text",
    "{json}::text",
    "{ia}::text",
    "encode({bytea}, 'hex')",
    "encode({bytea}, 'base64')",
    "to_char({ts}, 'YYYY-MM-DD HH24:MI:SS')",
    "to_char({num}, '999999.99')",
    "to_char({i4}, 'FM0999')",
    "to_char({date}, 'Day, DD Mon')",
    "to_hex({i4})",
    "chr(65 + abs({i4} % 26))",
    "regexp_replace({same}, '[aeiou]', '#', 'g')",
    "({ta})[1]",
    "array_to_string({ia}, ',', '*')",
    "array_to_string({ta}, '|')",
    "array_dims({ia})",
    "{json} ->> 'a'",
    "{json} #>> '{b,0}'",
    "jsonb_typeof({json})",
    "pg_typeof({a})::text",
    "string_to_array({same}, 'a')::text",
    "jsonb_pretty({json})",
    "unistr({i4} || 'x')",
    "to_char({iv}, 'HH24:MI')",
    "normalize({same})",
    "casefold({same})",
];

const BPCHAR: &[&str] = &["{text}::char(5)", "lower({same})::char(3)", "substr({same}::text, 1, 3)::bpchar"];
const DATE: &[&str] = &[
    "{same} + {i4} % 1000",
    "{same} - {i4} % 1000",
    "{ts}::date",
    "{tstz}::date",
    "make_date(2000 + abs({i4} % 50), 1 + abs({i4} % 12), 1 + abs({i4} % 28))",
    "to_date('2024' || lpad((1 + abs({i4} % 365))::text, 3, '0'), 'YYYYDDD')",
];
const TIME: &[&str] =
    &["{same} + {iv}", "{ts}::time", "{same} - {iv}", "make_time(abs({i4} % 24), abs({i4} % 60), 1.5)"];
const TIMESTAMP: &[&str] = &[
    "{same} + {iv}",
    "{same} - {iv}",
    "{date}::timestamp",
    "{tstz}::timestamp",
    "date_trunc('month', {same})",
    "date_trunc('hour', {same})",
    "{date} + {time}",
    "{tstz} AT TIME ZONE 'America/New_York'",
    "date_bin('15 minutes', {same}, timestamp '2001-01-01')",
    "{date} + {iv}",
];
const TIMESTAMPTZ: &[&str] = &[
    "{same} + {iv}",
    "{same} - {iv}",
    "{ts}::timestamptz",
    "{date}::timestamptz",
    "date_trunc('day', {same})",
    "date_trunc('week', {same}, 'Europe/Berlin')",
    "{ts} AT TIME ZONE 'Asia/Kolkata'",
    "to_timestamp({i4})",
];
const INTERVAL: &[&str] = &[
    "{same} + {same}",
    "{same} - {same}",
    "{same} * 2",
    "{same} / 3",
    "-{same}",
    "{ts} - {ts}",
    "{tstz} - {tstz}",
    "{time}::interval",
    "{time} - {time}",
    "make_interval(days => {i4} % 100)",
    "age({ts}, {ts})",
    "justify_hours({same})",
    "justify_days({same})",
    "date_trunc('hour', {same})",
    "{i2} * interval '1 hour'",
];
const UUID: &[&str] = &["md5({text})::uuid"];
const BYTEA: &[&str] = &[
    "{same} || {same}",
    "decode(md5({text}), 'hex')",
    "substr({same}, 1, 2)",
    "convert_to({text}, 'UTF8')",
    "sha256({same})",
    "reverse({same})",
    "set_byte({same} || '\\x00'::bytea, 0, abs({i4} % 256))",
    "int4send({i4})",
    "uuid_send({uuid})",
];
const INT4_ARRAY: &[&str] = &[
    "ARRAY[{i4}, {i4}]",
    "array_append({same}, {i4})",
    "{i4} || {same}",
    "array_remove({same}, {i4})",
    "array_replace({same}, {i4}, 0)",
    "({same})[1:2]",
    "array_fill({i4}, ARRAY[2])",
    "ARRAY(SELECT generate_series(1, {i4} % 4))",
    "array_positions({same}, {i4})",
    "array_sort({same})",
    "array_reverse({same})",
    "trim_array(ARRAY[{i4}, {i4}], 1)",
];
const TEXT_ARRAY: &[&str] = &[
    "ARRAY[{text}, {text}]",
    "{text} || {same}",
    "array_append({same}, {text})",
    "string_to_array({text}, 'a')",
    "regexp_split_to_array({text}, '[ab]')",
    "({same})[2:]",
    "{ia}::text[]",
    "regexp_match({text}, '([a-z])([0-9])')",
    "enum_range(NULL::mood)::text[]",
    "array_remove({same}, {text})",
    "array_replace({same}, 'a', {text})",
    "array_sort({same})",
];
const JSONB: &[&str] = &[
    "{same} -> 'a'",
    "{same} -> 0",
    "{same} #> '{b,2}'",
    "{same} || {same}",
    "{same} - 'a'",
    "jsonb_build_array({a}, {b})",
    "jsonb_build_object('k', {a}, 'l', {b})",
    "to_jsonb({i4})",
    "to_jsonb({a})",
    "jsonb_set({same}, ARRAY['a'], '5')",
    "jsonb_strip_nulls({same})",
    "({same})['a']",
    "jsonb_insert(jsonb_build_array({same}), '{0}', {same})",
    "to_jsonb({ia})",
    "{same} #- '{b,0}'",
    "row_to_json(ROW({a}, {b}))::jsonb",
];
const MOOD: &[&str] =
    &["enum_first({same})", "(CASE WHEN {bool} THEN 'ok' ELSE 'happy' END)::mood", "enum_last(NULL::mood)"];
const SMALL: &[&str] = &["({i4} % 90)::small", "abs({same})::small"];

pub fn templates(of: Type) -> &'static [&'static str] {
    match of {
        Type::Bool => BOOL,
        Type::Int2 => INT2,
        Type::Int4 => INT4,
        Type::Int8 => INT8,
        Type::Numeric => NUMERIC,
        Type::Float8 => FLOAT8,
        Type::Text => TEXT,
        Type::Bpchar => BPCHAR,
        Type::Date => DATE,
        Type::Time => TIME,
        Type::Timestamp => TIMESTAMP,
        Type::Timestamptz => TIMESTAMPTZ,
        Type::Interval => INTERVAL,
        Type::Uuid => UUID,
        Type::Bytea => BYTEA,
        Type::Int4Array => INT4_ARRAY,
        Type::TextArray => TEXT_ARRAY,
        Type::Jsonb => JSONB,
        Type::Mood => MOOD,
        Type::Small => SMALL,
    }
}

/// Aggregates whose result does not depend on the order of their input.
pub const AGGREGATES: &[(Type, &str)] = &[
    (Type::Int8, "count(*)"),
    (Type::Int8, "count({a})"),
    (Type::Int8, "count(DISTINCT {a})"),
    (Type::Int8, "sum({i4})"),
    (Type::Int8, "sum({i2})"),
    (Type::Int8, "sum(DISTINCT {i4})"),
    (Type::Numeric, "sum({i8})"),
    (Type::Numeric, "sum({num})"),
    (Type::Numeric, "avg({i4})"),
    (Type::Numeric, "avg({num})"),
    (Type::Numeric, "avg({i8})"),
    (Type::Numeric, "var_pop({i4})"),
    (Type::Numeric, "stddev_samp({num})"),
    (Type::Numeric, "variance({i2})"),
    (Type::Numeric, "avg(DISTINCT {num})"),
    (Type::Float8, "avg(({i4} % 1000)::float8)"),
    (Type::Float8, "sum(({i4} % 1000)::float8 / 4)"),
    (Type::Float8, "percentile_cont(0.5) WITHIN GROUP (ORDER BY {i4}::float8)"),
    (Type::Float8, "regr_count({f8}, {f8})"),
    (Type::Bool, "bool_and({bool})"),
    (Type::Bool, "bool_or({bool})"),
    (Type::Bool, "every({bool})"),
    (Type::Text, "string_agg({text#1}, ',' ORDER BY {text#1})"),
    (Type::Text, "string_agg(DISTINCT {text#1}, '-' ORDER BY {text#1} DESC)"),
    (Type::Int4Array, "array_agg({i4#1} ORDER BY {i4#1})"),
    (Type::Int4Array, "array_agg(DISTINCT {i4#1} ORDER BY {i4#1} DESC NULLS LAST)"),
    (Type::TextArray, "array_agg({text#1} ORDER BY {text#1} NULLS FIRST)"),
    (Type::Jsonb, "jsonb_agg({a#1} ORDER BY {a#1})"),
    (Type::Jsonb, "jsonb_object_agg({i4#1}::int8::text, {i4#1})  FILTER (WHERE {i4#1} IS NOT NULL)"),
    (Type::Int4, "bit_and({i4})"),
    (Type::Int4, "bit_or({i4})"),
    (Type::Int4, "bit_xor({i4})"),
    (Type::Interval, "sum({iv})"),
    (Type::Interval, "avg({iv})"),
    (Type::Int8, "rank({i4}) WITHIN GROUP (ORDER BY {i4#1})"),
];

/// Aggregates of every type that can be sorted.
pub const ORDERED_AGGREGATES: &[&str] =
    &["mode() WITHIN GROUP (ORDER BY {same})", "percentile_disc(0.3) WITHIN GROUP (ORDER BY {same})"];

/// Aggregates of every type that has extremes.
pub const EXTREMES: &[&str] = &["min({same})", "max({same})", "max(DISTINCT {same})"];

/// Window functions: `{over}` is a window in which rows that are equal under the order give equal results, `{total}` one
/// that orders all rows.
pub const WINDOWS: &[(Type, &str)] = &[
    (Type::Int8, "row_number() OVER {total}"),
    (Type::Int8, "rank() OVER {over}"),
    (Type::Int8, "dense_rank() OVER {over}"),
    (Type::Float8, "percent_rank() OVER {over}"),
    (Type::Float8, "cume_dist() OVER {over}"),
    (Type::Int4, "ntile(3) OVER {total}"),
    (Type::Int4, "ntile(1 + abs({i4} % 4)) OVER {total}"),
    (Type::Int8, "count(*) OVER {over}"),
    (Type::Int8, "count({a}) OVER {over}"),
    (Type::Int8, "sum({i4}) OVER {over}"),
    (Type::Numeric, "sum({num}) OVER {over}"),
    (Type::Numeric, "avg({i4}) OVER {over}"),
    (Type::Int8, "sum({i4}) FILTER (WHERE {bool}) OVER {over}"),
    (Type::Int8, "sum({i4}) OVER {frame}"),
    (Type::Int8, "count(*) OVER {frame}"),
    (Type::Numeric, "sum({num}) OVER {frame}"),
    (Type::Bool, "bool_or({bool}) OVER {frame}"),
    (Type::Text, "string_agg({text}, '+') OVER {frame}"),
    (Type::Int4Array, "array_agg({i4}) OVER {frame}"),
    (Type::Numeric, "avg({i8}) OVER {frame}"),
    (Type::Interval, "sum({iv}) OVER {frame}"),
];

/// Window functions of every type.
pub const GENERAL_WINDOWS: &[&str] = &[
    "lag({same}) OVER {total}",
    "lead({same}, 2, {same}) OVER {total}",
    "lag({same}, {i4} % 3) OVER {total}",
    "first_value({same}) OVER {frame}",
    "last_value({same}) OVER {frame}",
    "nth_value({same}, 2) OVER {frame}",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_types() {
        for (at, names) in NAMES.iter().enumerate() {
            assert_eq!(names.0 as usize, at);
            assert_eq!(Type::of_word(names.1), Some(names.0));
        }
    }

    #[test]
    fn templates_name_known_types() {
        let all = NAMES.iter().flat_map(|names| templates(names.0)).chain(GENERAL);
        let all = all.chain(AGGREGATES.iter().map(|a| &a.1)).chain(WINDOWS.iter().map(|w| &w.1));
        for template in all {
            for place in template.split('{').skip(1) {
                let word = place.split(['}', '#']).next().unwrap_or_default();
                let known = ["same", "a", "b", "over", "total", "frame"].contains(&word);
                let literal = word.starts_with(|c: char| c.is_ascii_digit()) || word.contains(',');
                assert!(known || literal || Type::of_word(word).is_some(), "{template}: {word}");
            }
        }
    }
}
