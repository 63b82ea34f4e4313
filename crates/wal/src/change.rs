//! What a WAL-logged change of pages is.

use crate::{Record, RecordWriter, RmgrId};
use base::Result;
use storage::Page;

/// One WAL record type, declared once; the forward path and redo change pages through [`Change::apply`] alone.
///
/// The lifetime lets `decode` borrow from the record: `impl<'r> Change<'r> for Insert<'r>`; types that own what they
/// hold write `impl Change<'_> for Delete`.
pub trait Change<'r>: Sized {
    const RMGR: RmgrId;

    /// The operation in the high four bits; of the others only [`crate::SPECIAL_REL_UPDATE`].
    fn info(&self) -> u8;

    /// Appends main data and the blocks' data. Called before the pages change.
    fn encode(&self, out: &mut RecordWriter<'_>);

    /// Must accept a block without data when an image restores it (`record.has_image(id)`): `apply` is not called for it.
    ///
    /// # Errors
    /// `XX001` when the record cannot be one of ours.
    fn decode(record: &Record<'r>) -> Result<Self>;

    /// Changes the page of block `block`; the caller sets its LSN. A block that the record initialises arrives as it was: `apply`
    /// begins with `Page::init` there.
    fn apply(&self, block: u8, page: &mut Page);
}
