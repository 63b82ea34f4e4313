//! ErrorResponse and NoticeResponse.

use crate::backend::{begin, end, put_string};
use base::Error;
use std::path::Path;

/// Appends an ErrorResponse. `position`: the 1-based character position in the client's statement.
pub fn error_response(out: &mut Vec<u8>, error: &Error, position: Option<usize>) {
    fields(out, b'E', error, position);
}

/// Appends a NoticeResponse.
pub fn notice_response(out: &mut Vec<u8>, notice: &Error, position: Option<usize>) {
    fields(out, b'N', notice, position);
}

fn fields(out: &mut Vec<u8>, kind: u8, error: &Error, position: Option<usize>) {
    let data = error.data();
    let start = begin(out, kind);
    let mut field = |code: u8, text: &str| {
        out.push(code);
        put_string(out, text);
    };
    field(b'S', data.severity.word());
    field(b'V', data.severity.word());
    field(b'C', data.state.code());
    field(b'M', &data.message);
    let context = data.context.join("\n");
    let optional = [
        (b'D', data.detail.as_deref()),
        (b'H', data.hint.as_deref()),
        (b'W', Some(context.as_str()).filter(|text| !text.is_empty())),
        (b'q', data.internal_query.as_deref()),
        (b's', data.schema.as_deref()),
        (b't', data.table.as_deref()),
        (b'c', data.column.as_deref()),
        (b'd', data.data_type.as_deref()),
        (b'n', data.constraint.as_deref()),
    ];
    for (code, text) in optional {
        if let Some(text) = text {
            field(code, text);
        }
    }
    if let Some(position) = position {
        field(b'P', &position.to_string());
    }
    if let (Some(query), Some(offset)) = (&data.internal_query, data.internal_position) {
        let characters = query.char_indices().take_while(|(at, _)| *at < offset).count();
        field(b'p', &(characters + 1).to_string());
    }
    let file = Path::new(data.location.file());
    let name = |part: Option<&std::ffi::OsStr>| part.and_then(|p| p.to_str()).unwrap_or("?").to_string();
    field(b'F', &name(file.file_name()));
    field(b'L', &data.location.line().to_string());
    // Rust keeps no function name with a location; the module stands in for it where no driver looks at it.
    field(b'R', &data.routine.map_or_else(|| name(file.file_stem()), str::to_string));
    out.push(0);
    end(out, start);
}
