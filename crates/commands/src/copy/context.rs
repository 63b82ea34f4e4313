//! The CONTEXT lines of COPY FROM's errors.

use base::Error;

/// Which table is being copied to.
pub struct Place {
    pub relation: String,
    pub binary: bool,
}

/// Data is shown up to this many bytes.
const MAX_SHOWN: usize = 100;

impl Place {
    /// Before the first row.
    pub fn whole(&self, error: Error) -> Error {
        if error.data().context.is_empty() { error.context(format!("COPY {}", self.relation)) } else { error }
    }

    /// When the line's text is not at hand, or is not the cause.
    pub fn line(&self, error: Error, line: u64) -> Error {
        error.context(format!("COPY {}, line {line}", self.relation))
    }

    /// With the line's text.
    pub fn text_line(&self, error: Error, line: u64, text: &[u8]) -> Error {
        if self.binary {
            return self.line(error, line);
        }
        error.context(format!("COPY {}, line {line}: \"{}\"", self.relation, shown(text)))
    }

    /// A value of a column; `None` for NULL.
    pub fn column(&self, error: Error, line: u64, column: &str, value: Option<&[u8]>) -> Error {
        if self.binary {
            return self.binary_column(error, line, column);
        }
        let relation = &self.relation;
        error.context(match value {
            Some(value) => format!("COPY {relation}, line {line}, column {column}: \"{}\"", shown(value)),
            None => format!("COPY {relation}, line {line}, column {column}: null input"),
        })
    }

    pub fn binary_column(&self, error: Error, line: u64, column: &str) -> Error {
        error.context(format!("COPY {}, line {line}, column {column}", self.relation))
    }
}

/// Data as messages show it.
pub fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if text.len() <= MAX_SHOWN {
        return text.into_owned();
    }
    let mut end = MAX_SHOWN;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        let place = Place { relation: "t".to_owned(), binary: false };
        let text = format!("{}ää", "x".repeat(99));
        let error = place.text_line(Error::internal("e"), 3, text.as_bytes());
        assert_eq!(error.data().context, [format!("COPY t, line 3: \"{}...\"", "x".repeat(99))]);
    }
}
