//! Constants.

use super::{Printer, quote_literal};
use crate::types::*;
use base::Result;
use ir::Const;

impl Printer<'_> {
    /// A constant whose type is known from where it stands.
    pub(crate) fn bare_constant(&mut self, constant: &Const) -> Result<()> {
        self.constant(constant, -1)
    }

    /// `label`: 1 always shows the type, 0 where it is not obvious, -1 never.
    pub(super) fn constant(&mut self, constant: &Const, label: i8) -> Result<()> {
        let Some(value) = &constant.value else {
            self.push("NULL");
            if label >= 0 {
                let name = self.type_text(constant.type_oid, constant.typmod)?;
                self.push(&format!("::{name}"));
                self.constant_collation(constant)?;
            }
            return Ok(());
        };
        let text = self.output.output(self.session, constant.type_oid, value)?;
        let mut needs_label = false;
        match constant.type_oid {
            // A negative number is quoted, so that the minus cannot be taken for an operator on a cast.
            INT4 => {
                if text.starts_with('-') {
                    self.push(&format!("'{text}'"));
                    needs_label = true;
                } else {
                    self.push(&text);
                }
            }
            NUMERIC => {
                let plain = text.as_bytes().first().is_some_and(u8::is_ascii_digit)
                    && text.bytes().any(|b| matches!(b, b'e' | b'E' | b'.'));
                if plain {
                    self.push(&text);
                } else {
                    self.push(&format!("'{text}'"));
                    needs_label = true;
                }
            }
            BOOL => self.push(if text == "t" { "true" } else { "false" }),
            _ => self.push(&quote_literal(&text)),
        }
        if label < 0 {
            return Ok(());
        }
        needs_label |= match constant.type_oid {
            BOOL | UNKNOWN => false,
            INT4 => false,
            NUMERIC => constant.typmod >= 0,
            _ => true,
        };
        if needs_label || label > 0 {
            let name = self.type_text(constant.type_oid, constant.typmod)?;
            self.push(&format!("::{name}"));
        }
        self.constant_collation(constant)
    }

    fn constant_collation(&mut self, constant: &Const) -> Result<()> {
        if constant.collation.is_valid()
            && constant.collation != self.session.type_collation(constant.type_oid)?
        {
            let name = self.collation_text(constant.collation)?;
            self.push(&format!(" COLLATE {name}"));
        }
        Ok(())
    }
}
