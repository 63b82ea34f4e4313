//! Which statement it is, by its first words.

use super::*;

impl Parser<'_> {
    /// A statement outside function bodies: also BEGIN and END.
    pub(super) fn toplevel_statement(&mut self) -> Result<Statement> {
        match self.keyword() {
            Some(K::Begin | K::End) => self.transaction(),
            _ => self.statement(),
        }
    }

    pub(super) fn statement(&mut self) -> Result<Statement> {
        self.nested(Self::statement_by_word)
    }

    fn statement_by_word(&mut self) -> Result<Statement> {
        if self.at_char(b'(') {
            return self.preparable_statement();
        }
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        match keyword {
            K::Select | K::Values | K::Table | K::With | K::Insert | K::Update | K::Delete | K::Merge => {
                self.preparable_statement()
            }
            K::Abort | K::Start | K::Commit | K::Rollback | K::Savepoint | K::Release => self.transaction(),
            K::Prepare if self.at_next(1, K::Transaction) => self.transaction(),
            K::Alter => self.alter(),
            K::Create => self.create(),
            K::Drop => self.drop(),
            K::Comment => self.comment(),
            K::Security => self.security_label(),
            K::Grant | K::Revoke => self.grant_or_revoke(),
            K::Reassign => self.reassign_owned(),
            K::Import => self.import_foreign_schema(),
            K::Refresh => self.refresh_materialized_view(),
            K::Set => self.set(),
            K::Reset => self.reset(),
            K::Show => self.show(),
            K::Declare => self.declare_cursor(),
            K::Fetch | K::Move => self.fetch(),
            K::Close => self.close(),
            K::Prepare => self.prepare(),
            K::Execute => self.execute(),
            K::Deallocate => self.deallocate(),
            K::Copy => self.copy(),
            K::Explain => self.explain(),
            K::Vacuum | K::Analyze | K::Analyse => self.vacuum(),
            K::Cluster => self.cluster(),
            K::Reindex => self.reindex(),
            K::Lock => self.lock_table(),
            K::Truncate => self.truncate(),
            K::Listen => {
                self.advance();
                Ok(Statement::Listen { channel: self.column_id()? })
            }
            K::Unlisten => {
                self.advance();
                let channel = if self.eat_char(b'*') { None } else { Some(self.column_id()?) };
                Ok(Statement::Unlisten { channel })
            }
            K::Notify => self.notify(),
            K::Load => {
                self.advance();
                Ok(Statement::Load { file: self.string()? })
            }
            K::Checkpoint => {
                self.advance();
                Ok(Statement::Checkpoint)
            }
            K::Discard => self.discard(),
            K::Do => self.do_block(),
            K::Call => {
                self.advance();
                let name = self.function_name()?;
                Ok(Statement::Call(Box::new(self.function_application(name)?)))
            }
            _ => Err(self.unexpected()),
        }
    }
}
