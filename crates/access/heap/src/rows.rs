//! Where rows go that are read, and how tuples become values.

use crate::header::{HAS_EXTERNAL, Header};
use crate::{page, toast};
use access_api::{Context, Relation};
use base::{OffsetNumber, Result, Tid};
use buffer::Pin;
use datum::{ColumnBuilder, Datum, Deformer, MissingValues, Row, TupleDesc, TupleView, Varlena, deform_into};
use smallvec::SmallVec;
use storage::Page;

/// Rows in columns: one builder per needed attribute, and where each row's version is.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub columns: Vec<ColumnBuilder>,
    pub tids: Vec<Tid>,
    pub system: Option<SystemColumns>,
}

/// System columns as the headers hold them.
#[derive(Clone, Debug, Default)]
pub struct SystemColumns {
    pub xmin: Vec<u32>,
    pub xmax: Vec<u32>,
    pub cmin: Vec<u32>,
    pub cmax: Vec<u32>,
}

impl Rows {
    pub fn new(desc: &TupleDesc, needed: &[usize], system: bool) -> Rows {
        let columns = needed
            .iter()
            .map(|index| ColumnBuilder::new(desc.attributes()[*index].layout.repr, 64))
            .collect();
        Rows { columns, tids: Vec::new(), system: system.then(SystemColumns::default) }
    }

    pub fn len(&self) -> usize {
        self.tids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tids.is_empty()
    }

    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(ColumnBuilder::clear);
        self.tids.clear();
        if let Some(system) = &mut self.system {
            *system = SystemColumns::default();
        }
    }

    /// Appends one version.
    pub(crate) fn push(
        &mut self,
        context: &Context,
        relation: &Relation,
        needed: &[usize],
        tid: Tid,
        tuple: &[u8],
    ) -> Result<()> {
        let view = TupleView::new(tuple)?;
        push_attributes(context, relation, view, needed, &mut self.columns)?;
        self.push_place(tid, view);
        Ok(())
    }

    /// Appends where a version is and its system columns; its attributes are appended apart.
    #[inline]
    fn push_place(&mut self, tid: Tid, view: TupleView<'_>) {
        self.tids.push(tid);
        if let Some(system) = &mut self.system {
            system.xmin.push(if view_frozen(&view) { 2 } else { view.xmin() });
            system.xmax.push(view.xmax());
            system.cmin.push(view.raw_command_id());
            system.cmax.push(view.raw_command_id());
        }
    }
}

/// Reads the needed attributes of rows, all those of a page together.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub needed: Vec<usize>,
    /// Made for the first page: who reads single rows needs none.
    deformer: Option<Deformer>,
}

impl Reader {
    /// `needed`: attributes from 0, ascending.
    pub fn new(needed: &[usize]) -> Reader {
        Reader { needed: needed.to_vec(), deformer: None }
    }

    /// Appends the versions at `offsets` of a pinned page. Values in the TOAST table are not fetched under the page's
    /// latch: then `copy` takes what the page was, and is read from then on.
    pub fn read_page(
        &mut self,
        context: &Context,
        relation: &Relation,
        pin: &Pin,
        offsets: &[OffsetNumber],
        copy: &mut Option<Box<Page>>,
        rows: &mut Rows,
    ) -> Result<()> {
        let block = pin.block();
        if self.needed.is_empty() && rows.system.is_none() {
            rows.tids.extend(offsets.iter().map(|offset| Tid { block, offset: *offset }));
            return Ok(());
        }
        if copy.is_none() {
            let page = pin.read();
            let mut detoast = |value: Varlena<'_>| toast::detoast(context, relation, value);
            let tuples: SmallVec<[&[u8]; 128]> = offsets.iter().map(|offset| page.item(*offset)).collect();
            let deformer = self.deformer.get_or_insert_with(|| Deformer::new(&relation.desc, &self.needed));
            if deformer.deform(&tuples, &mut rows.columns, &mut detoast)? {
                if rows.system.is_none() {
                    rows.tids.extend(offsets.iter().map(|offset| Tid { block, offset: *offset }));
                    return Ok(());
                }
                for (offset, tuple) in offsets.iter().zip(&tuples) {
                    rows.push_place(Tid { block, offset: *offset }, TupleView::new(tuple)?);
                }
                return Ok(());
            }
            if !tuples.iter().any(|tuple| needs_toast(relation, tuple, &self.needed)) {
                for (offset, tuple) in offsets.iter().zip(&tuples) {
                    rows.push(context, relation, &self.needed, Tid { block, offset: *offset }, tuple)?;
                }
                return Ok(());
            }
            *copy = Some(page::copy_page(&page));
        }
        let Some(page) = copy else { return Ok(()) };
        for offset in offsets {
            let tid = Tid { block, offset: *offset };
            rows.push(context, relation, &self.needed, tid, page.item(*offset))?;
        }
        Ok(())
    }
}

impl Reader {
    /// Appends the attributes of the versions at `tids`, all on the pinned page.
    pub fn read_more(
        &mut self,
        context: &Context,
        relation: &Relation,
        pin: &Pin,
        tids: &[Tid],
        columns: &mut [ColumnBuilder],
    ) -> Result<()> {
        let mut owned = Vec::new();
        {
            let page = pin.read();
            let mut detoast = |value: Varlena<'_>| toast::detoast(context, relation, value);
            let tuples: SmallVec<[&[u8]; 128]> = tids.iter().map(|tid| page.item(tid.offset)).collect();
            let deformer = self.deformer.get_or_insert_with(|| Deformer::new(&relation.desc, &self.needed));
            if deformer.deform(&tuples, columns, &mut detoast)? {
                return Ok(());
            }
            owned.extend(tuples.iter().map(|tuple| tuple.to_vec()));
        }
        for tuple in &owned {
            push_attributes(context, relation, TupleView::new(tuple)?, &self.needed, columns)?;
        }
        Ok(())
    }
}

/// A frozen row shows its own xmin to SQL, unless it is one of the special ids.
fn view_frozen(view: &TupleView<'_>) -> bool {
    view.xmin() == 0 && Header::of(view).mask.xmin_frozen()
}

pub(crate) fn push_attributes(
    context: &Context,
    relation: &Relation,
    view: TupleView<'_>,
    needed: &[usize],
    columns: &mut [ColumnBuilder],
) -> Result<()> {
    let mut detoast = |value: Varlena<'_>| toast::detoast(context, relation, value);
    deform_into(view, &relation.desc, needed, MissingValues::Fill, columns, &mut detoast)
}

/// Whether reading `needed` of this tuple may have to go to the TOAST table.
pub(crate) fn needs_toast(relation: &Relation, tuple: &[u8], needed: &[usize]) -> bool {
    Header::read(tuple).mask.has(HAS_EXTERNAL)
        && needed.iter().any(|index| relation.desc.attributes()[*index].layout.is_varlena())
}

/// A version outside of its page.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuple {
    pub tid: Tid,
    /// Header first.
    pub bytes: Vec<u8>,
}

impl Tuple {
    /// # Errors
    /// `XX001` when the bytes cannot hold a tuple.
    pub fn view(&self) -> Result<TupleView<'_>> {
        TupleView::new(&self.bytes)
    }
}

/// The values of `needed` (ascending), detoasted.
pub fn deform(context: &Context, relation: &Relation, tuple: &Tuple, needed: &[usize]) -> Result<Row> {
    let mut columns: Vec<_> = needed
        .iter()
        .map(|index| ColumnBuilder::new(relation.desc.attributes()[*index].layout.repr, 1))
        .collect();
    push_attributes(context, relation, tuple.view()?, needed, &mut columns)?;
    Ok(columns.into_iter().map(|column| column.finish().get(0).map(Datum::to_owned)).collect())
}
