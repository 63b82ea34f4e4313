//! TABLESAMPLE.

use crate::context::ExprKind;
use crate::state::{Analyzer, NamespaceItem};
use crate::types::*;
use base::{Oid, Result, err};
use ir::RangeTableKind;

/// The type tsm_handler.
const TSM_HANDLER: Oid = Oid(3310);

impl Analyzer<'_> {
    /// `location`: the table's.
    pub(super) fn table_sample(
        &mut self,
        item: &NamespaceItem,
        sample: &syntax::TableSample,
        location: usize,
    ) -> Result<()> {
        let index = item.index;
        let RangeTableKind::Relation { relkind, .. } = &self.current().range_table[index - 1].kind else {
            return Err(not_sampled(location));
        };
        if !matches!(relkind, b'r' | b'm' | b'p') {
            return Err(not_sampled(location));
        }
        let method = sample.method.parts.join(".");
        let (_, name) = self.split_name(&sample.method.parts)?;
        let functions = self.session.functions_by_name(name)?;
        let handler = functions.iter().find(|f| f.proargtypes == [INTERNAL]).ok_or_else(|| {
            err!(UNDEFINED_OBJECT, "tablesample method {method} does not exist").at(sample.method.location)
        })?;
        if handler.prorettype != TSM_HANDLER {
            return Err(err!(WRONG_OBJECT_TYPE, "function {method} must return type tsm_handler")
                .at(sample.method.location));
        }
        // The built-in methods, bernoulli and system, take one percentage and can repeat.
        if sample.args.len() != 1 {
            return Err(err!(
                INVALID_TABLESAMPLE_ARGUMENT,
                "tablesample method {method} requires 1 argument, not {}",
                sample.args.len()
            )
            .at(sample.method.location));
        }
        let mut args = Vec::new();
        for arg in &sample.args {
            let arg = self.expr_in(arg, ExprKind::FromFunction)?;
            let mut arg = self.coerce_to_specific(arg, FLOAT4, -1, "TABLESAMPLE")?;
            self.assign_collations(&mut arg)?;
            args.push(arg);
        }
        let repeatable = match &sample.repeatable {
            Some(seed) => {
                let seed = self.expr_in(seed, ExprKind::FromFunction)?;
                let mut seed = self.coerce_to_specific(seed, FLOAT8, -1, "REPEATABLE")?;
                self.assign_collations(&mut seed)?;
                Some(seed)
            }
            None => None,
        };
        let handler = handler.oid;
        if let RangeTableKind::Relation { sample, .. } = &mut self.level().range_table[index - 1].kind {
            *sample = Some(Box::new(ir::TableSample { handler, args, repeatable }));
        }
        Ok(())
    }
}

fn not_sampled(location: usize) -> base::Error {
    err!(FEATURE_NOT_SUPPORTED, "TABLESAMPLE clause can only be applied to tables and materialized views")
        .at(location)
}
