//! Statements that differ only in their integer literals share a plan.
//!
//! Clients of the simple protocol write values into the text, so that each text is new. [`lift`] takes integer literals
//! out of a text and leaves parameters; the rest is looked up among the statements planned before.
//!
//! A literal is lifted only where a parameter of type integer provably means the same: as a whole operand of a
//! comparison, as what is added to a column (`x = x + 1`), and as a value of a VALUES list of INSERT. Elsewhere a literal
//! says something that a value does not (ORDER BY 1, numeric(10, 2)), can make two expressions the same one (GROUP BY
//! a + 1), or can fail while constants are folded. A text with anything out of the ordinary in it is left alone.

/// A text with parameters in place of literals, and their values.
#[derive(Debug, PartialEq, Eq)]
pub struct Lifted {
    pub text: String,
    pub values: Vec<i32>,
}

/// More literals than this, and the text is hardly one of many.
const MAX_VALUES: usize = 16;
/// Words of clauses in which equal expressions are one, or whose literals the planner must see.
const EXCLUDED: &[&str] = &[
    "group",
    "order",
    "distinct",
    "over",
    "window",
    "conflict",
    "having",
    "union",
    "intersect",
    "except",
    "with",
    "create",
    "tablesample",
    "partition",
    "json_table",
    "xmltable",
    "default",
    "case",
    "any",
    "some",
    "all",
];
/// What may follow a literal besides `)`, `,` and the end.
const FOLLOWERS: &[&str] = &["and", "or", "where", "for"];

/// What the place after a token is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Other,
    /// After a comparison or in a list of values: a literal may stand for its operand.
    Operand,
    /// After the first word of an operand.
    OperandWord,
    /// After that and a plus or minus.
    Addend,
    /// After a minus sign that belongs to the literal.
    Negated,
}

/// Takes the literals out of a single plain SELECT, INSERT, UPDATE or DELETE; `None` when there is none to take.
pub fn lift(sql: &str) -> Option<Lifted> {
    let mut lift = Lift {
        bytes: sql.as_bytes(),
        sql,
        at: 0,
        copied: 0,
        place: Place::Other,
        sign: 0,
        depth: 0,
        in_values: false,
        lifted: Lifted { text: String::new(), values: Vec::new() },
    };
    lift.run()?;
    if lift.lifted.values.is_empty() || lift.lifted.values.len() > MAX_VALUES {
        return None;
    }
    lift.lifted.text.push_str(&sql[lift.copied..]);
    Some(lift.lifted)
}

struct Lift<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// How much of the text has gone into the result.
    copied: usize,
    place: Place,
    /// Where the minus sign of [`Place::Negated`] is.
    sign: usize,
    depth: u32,
    /// After VALUES of an INSERT.
    in_values: bool,
    lifted: Lifted,
}

impl<'a> Lift<'a> {
    fn run(&mut self) -> Option<()> {
        self.skip_space();
        let command = self.word();
        let insert = command.eq_ignore_ascii_case("insert");
        if !insert && !["select", "update", "delete"].iter().any(|c| command.eq_ignore_ascii_case(c)) {
            return None;
        }
        loop {
            self.skip_space();
            let Some(byte) = self.peek(0) else { return Some(()) };
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.any_word(insert)?,
                b'0'..=b'9' => self.number()?,
                b'\'' | b'"' => self.quoted(byte)?,
                b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%' | b'^'
                | b'&' | b'|' | b'`' | b'?' => self.operator()?,
                b';' => return self.sql[self.at + 1..].trim_ascii().is_empty().then_some(()),
                b'(' | b')' | b',' | b'.' | b':' | b'[' | b']' => self.punctuation(byte)?,
                _ => return None,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(0), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self) -> &'a str {
        let start = self.at;
        while matches!(self.peek(0), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | 0x80..)) {
            self.at += 1;
        }
        &self.sql[start..self.at]
    }

    fn any_word(&mut self, insert: bool) -> Option<()> {
        let place = self.place;
        let word = self.word();
        if is_one_of(word, EXCLUDED) {
            return None;
        }
        let values = word.eq_ignore_ascii_case("values");
        let operand = place == Place::Operand && !word.eq_ignore_ascii_case("not");
        if self.peek(0) == Some(b'\'') {
            return None; // E'..', B'..', U&'..'
        }
        self.place = if operand { Place::OperandWord } else { Place::Other };
        if values {
            if !insert || self.in_values {
                return None;
            }
            self.in_values = true;
            self.depth = 0;
        }
        Some(())
    }

    fn quoted(&mut self, quote: u8) -> Option<()> {
        let rest = &self.bytes[self.at + 1..];
        let length = rest.iter().position(|b| *b == quote || *b == b'\\')?;
        if rest[length] == b'\\' {
            return None;
        }
        self.at += length + 2;
        self.place = Place::Other;
        Some(())
    }

    fn operator(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(
            b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&'
            | b'|' | b'`' | b'?',
        ) = self.peek(0)
        {
            self.at += 1;
        }
        let operator = &self.sql[start..self.at];
        if operator.contains("--") || operator.contains("/*") {
            return None;
        }
        self.place = match (operator, self.place) {
            ("=" | "<" | ">" | "<=" | ">=" | "<>" | "!=", _) => Place::Operand,
            ("-", Place::Operand | Place::Addend) => {
                self.sign = start;
                Place::Negated
            }
            ("+" | "-", Place::OperandWord) => Place::Addend,
            _ => Place::Other,
        };
        Some(())
    }

    fn punctuation(&mut self, byte: u8) -> Option<()> {
        self.at += 1;
        match byte {
            b'(' => self.depth += 1,
            b')' => self.depth = self.depth.checked_sub(1)?,
            _ => {}
        }
        let listed = self.in_values && self.depth == 1 && matches!(byte, b'(' | b',');
        self.place = match (byte, self.place) {
            // A qualified name goes on.
            (b'.', Place::OperandWord) => Place::Operand,
            _ if listed => Place::Operand,
            _ => Place::Other,
        };
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let place = std::mem::replace(&mut self.place, Place::Other);
        let start = self.at;
        while matches!(self.peek(0), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = &self.sql[start..self.at];
        if matches!(self.peek(0), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b'$' | 0x80..)) {
            return None;
        }
        if !matches!(place, Place::Operand | Place::Addend | Place::Negated) || !self.ends_operand() {
            return Some(());
        }
        let Ok(value) = digits.parse::<i32>() else { return Some(()) };
        let (from, value) = if place == Place::Negated { (self.sign, -value) } else { (start, value) };
        self.lifted.text.push_str(&self.sql[self.copied..from]);
        self.lifted.values.push(value);
        self.lifted.text.push('$');
        self.lifted.text.push_str(&self.lifted.values.len().to_string());
        self.copied = self.at;
        Some(())
    }

    /// Whether nothing more of the operand follows.
    fn ends_operand(&self) -> bool {
        let rest = self.sql[self.at..].trim_ascii_start();
        match rest.bytes().next() {
            None | Some(b')' | b',' | b';') => true,
            Some(_) => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                is_one_of(&rest[..end], FOLLOWERS)
            }
        }
    }
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|w| word.eq_ignore_ascii_case(w))
}

#[cfg(test)]
mod tests {
    use super::lift;

    fn lifted(sql: &str) -> Option<(String, Vec<i32>)> {
        lift(sql).map(|l| (l.text, l.values))
    }

    #[test]
    fn operands_and_values_are_lifted() {
        let cases: &[(&str, &str, &[i32])] = &[
            ("SELECT a FROM t WHERE aid = 42;", "SELECT a FROM t WHERE aid = $1;", &[42]),
            (
                "update t set a = t.a + -7 where b=-8 and c>=9",
                "update t set a = t.a + $1 where b=-8 and c>=$2",
                &[-7, 9],
            ),
            ("update t set a = a - 7 where b = - 8", "update t set a = a - $1 where b = $2", &[7, -8]),
            (
                "insert into t (a, b) values (1, -2, now(), 3)",
                "insert into t (a, b) values ($1, $2, now(), $3)",
                &[1, -2, 3],
            ),
            ("select 1 from t where a = 5 limit 2", "", &[]),
            (
                "select x('it', 7) from t where a > 5 and b = 2147483648",
                "select x('it', 7) from t where a > $1 and b = 2147483648",
                &[5],
            ),
            (
                "insert into t values (numeric(10, 2) '1', 3)",
                "insert into t values (numeric(10, 2) '1', $1)",
                &[3],
            ),
        ];
        for (sql, text, values) in cases {
            let expected = (!values.is_empty()).then(|| ((*text).to_owned(), values.to_vec()));
            assert_eq!(lifted(sql), expected, "{sql}");
        }
    }

    #[test]
    fn the_rest_is_left_alone() {
        for sql in [
            "select a = 1 from t group by a = 1",
            "select * from t order by a = 1",
            "select * from t where a = 1 -- b",
            "select * from t where a = 1 /* b */",
            "select * from t where a = 1; select 2",
            "select * from t where a = $1 and b = 2",
            "select * from t where a = 1.5",
            "select * from t where a = 1::int8",
            "select * from t where a = 1 + 2",
            "select * from t where a = 1/0",
            "select 2147483647 + 1",
            "select f(a => 1)",
            "select * from t where a = e'\\'' and b = 1",
            "select * from t where a = $$x$$ and b = 1",
            "insert into t values (1) on conflict (a) where b = 2 do nothing",
            "insert into t values (10 * 2)",
            "explain select * from t where a = 1",
            "vacuum",
        ] {
            assert_eq!(lifted(sql), None, "{sql}");
        }
    }
}
