//! json_agg, json_object_agg and their jsonb counterparts.

use super::encode::{Category, key_text, node, push_json};
use crate::aggregate::AggregateFunction;
use crate::aggregates::{Fold, Groups};
use crate::call::Call;
use adt::json::{Node, escape_json};
use base::{Result, bail, err};
use datum::{Column, ColumnBuilder, Datum, Selection};
use std::collections::HashSet;

/// `[a, b]` as text.
struct TextArray {
    strict: bool,
}

impl Fold for TextArray {
    /// Elements with separators; `None` before the first row.
    type State = Option<String>;

    fn empty(&self) -> Option<String> {
        None
    }

    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [Option<String>],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        let type_oid = call.argument_type(0);
        let structured = Category::of(call.session, type_oid)?.is_structured();
        rows.try_for_each(|row| {
            let value = args[0].get(row);
            if self.strict && value.is_none() {
                return Ok(());
            }
            let state = states[groups[row] as usize].get_or_insert_default();
            if !state.is_empty() {
                state.push_str(", ");
                if structured && value.is_some() {
                    state.push_str("\n ");
                }
            }
            push_json(call, state, type_oid, value, false)
        })
    }

    fn finish(&self, _: &Call<'_>, state: &Option<String>, out: &mut ColumnBuilder) -> Result<()> {
        match state {
            Some(elements) => out.push(Some(Datum::from(format!("[{elements}]").as_str()))),
            None => out.push_null(),
        }
        Ok(())
    }

    fn held_bytes(state: &Option<String>) -> usize {
        state.as_ref().map_or(0, String::capacity)
    }
}

/// `{ "a" : 1, "b" : 2 }` as text.
struct TextObject {
    strict: bool,
    unique: bool,
}

#[derive(Clone, Default)]
struct ObjectState {
    any: bool,
    members: String,
    keys: HashSet<String>,
}

impl TextObject {
    fn claim(&self, keys: &mut HashSet<String>, key: &str) -> Result<()> {
        if self.unique && !keys.insert(key.to_owned()) {
            let mut shown = String::new();
            escape_json(&mut shown, key);
            return Err(err!(DUPLICATE_JSON_OBJECT_KEY_VALUE, "duplicate JSON object key value: {shown}"));
        }
        Ok(())
    }
}

impl Fold for TextObject {
    type State = ObjectState;

    fn empty(&self) -> ObjectState {
        ObjectState::default()
    }

    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [ObjectState],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let state = &mut states[groups[row] as usize];
            state.any = true;
            let Some(key) = args[0].get(row) else {
                bail!(NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
            };
            let value = args[1].get(row);
            if self.strict && value.is_none() && !self.unique {
                return Ok(());
            }
            let key = key_text(call.session, call.argument_type(0), key)?;
            self.claim(&mut state.keys, &key)?;
            if self.strict && value.is_none() {
                return Ok(());
            }
            if !state.members.is_empty() {
                state.members.push_str(", ");
            }
            escape_json(&mut state.members, &key);
            state.members.push_str(" : ");
            push_json(call, &mut state.members, call.argument_type(1), value, false)
        })
    }

    fn finish(&self, _: &Call<'_>, state: &ObjectState, out: &mut ColumnBuilder) -> Result<()> {
        match (state.any, state.members.is_empty()) {
            (false, _) => out.push_null(),
            (true, true) => out.push(Some(Datum::from("{ }"))),
            (true, false) => out.push(Some(Datum::from(format!("{{ {} }}", state.members).as_str()))),
        }
        Ok(())
    }

    fn held_bytes(state: &ObjectState) -> usize {
        state.members.capacity() + state.keys.iter().map(|key| key.capacity() + 32).sum::<usize>()
    }
}

/// A jsonb array.
struct BinaryArray {
    strict: bool,
}

#[derive(Clone, Default)]
struct Nodes {
    any: bool,
    nodes: Vec<Node>,
}

impl Fold for BinaryArray {
    type State = Nodes;

    fn empty(&self) -> Nodes {
        Nodes::default()
    }

    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [Nodes],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let value = args[0].get(row);
            let state = &mut states[groups[row] as usize];
            if self.strict && value.is_none() {
                return Ok(());
            }
            state.any = true;
            state.nodes.push(node(call, call.argument_type(0), value)?);
            Ok(())
        })
    }

    fn finish(&self, _: &Call<'_>, state: &Nodes, out: &mut ColumnBuilder) -> Result<()> {
        match state.any {
            true => out.push(Some(Datum::Bytes(&Node::array(&state.nodes)?.into_jsonb()?))),
            false => out.push_null(),
        }
        Ok(())
    }

    fn held_bytes(state: &Nodes) -> usize {
        // What nodes hold is not seen from here; a node with a short value takes about this much.
        state.nodes.capacity() * (size_of::<Node>() + 16)
    }
}

/// A jsonb object.
struct BinaryObject {
    strict: bool,
    unique: bool,
}

#[derive(Clone, Default)]
struct Members {
    any: bool,
    members: Vec<(String, Node)>,
    keys: HashSet<String>,
}

impl BinaryObject {
    fn claim(&self, keys: &mut HashSet<String>, key: &str) -> Result<()> {
        if self.unique && !keys.insert(key.to_owned()) {
            bail!(DUPLICATE_JSON_OBJECT_KEY_VALUE, "duplicate JSON object key value");
        }
        Ok(())
    }
}

impl Fold for BinaryObject {
    type State = Members;

    fn empty(&self) -> Members {
        Members::default()
    }

    fn update(
        &self,
        call: &Call<'_>,
        states: &mut [Members],
        groups: &[u32],
        args: &[&Column],
        rows: &Selection,
    ) -> Result<()> {
        rows.try_for_each(|row| {
            let state = &mut states[groups[row] as usize];
            state.any = true;
            let Some(key) = args[0].get(row) else {
                bail!(INVALID_PARAMETER_VALUE, "field name must not be null");
            };
            let value = args[1].get(row);
            if self.strict && value.is_none() && !self.unique {
                return Ok(());
            }
            let key = key_text(call.session, call.argument_type(0), key)?;
            self.claim(&mut state.keys, &key)?;
            if !(self.strict && value.is_none()) {
                state.members.push((key, node(call, call.argument_type(1), value)?));
            }
            Ok(())
        })
    }

    fn finish(&self, _: &Call<'_>, state: &Members, out: &mut ColumnBuilder) -> Result<()> {
        match state.any {
            true => out.push(Some(Datum::Bytes(&Node::object(state.members.clone())?.into_jsonb()?))),
            false => out.push_null(),
        }
        Ok(())
    }

    fn held_bytes(state: &Members) -> usize {
        let keys: usize = state.members.iter().map(|(key, _)| key.capacity()).sum();
        state.members.capacity() * (size_of::<(String, Node)>() + 16) + 2 * keys
    }
}

macro_rules! aggregates {
    ($($transition:literal $finish:literal $fold:expr;)*) => {
        &[$(AggregateFunction { transition: $transition, finish: $finish, start: |_| Groups::start($fold) }),*]
    };
}

pub const AGGREGATES: &[AggregateFunction] = aggregates! {
    "json_agg_transfn" "json_agg_finalfn" TextArray { strict: false };
    "json_agg_strict_transfn" "json_agg_finalfn" TextArray { strict: true };
    "json_object_agg_transfn" "json_object_agg_finalfn" TextObject { strict: false, unique: false };
    "json_object_agg_strict_transfn" "json_object_agg_finalfn" TextObject { strict: true, unique: false };
    "json_object_agg_unique_transfn" "json_object_agg_finalfn" TextObject { strict: false, unique: true };
    "json_object_agg_unique_strict_transfn" "json_object_agg_finalfn" TextObject { strict: true, unique: true };
    "jsonb_agg_transfn" "jsonb_agg_finalfn" BinaryArray { strict: false };
    "jsonb_agg_strict_transfn" "jsonb_agg_finalfn" BinaryArray { strict: true };
    "jsonb_object_agg_transfn" "jsonb_object_agg_finalfn" BinaryObject { strict: false, unique: false };
    "jsonb_object_agg_strict_transfn" "jsonb_object_agg_finalfn" BinaryObject { strict: true, unique: false };
    "jsonb_object_agg_unique_transfn" "jsonb_object_agg_finalfn" BinaryObject { strict: false, unique: true };
    "jsonb_object_agg_unique_strict_transfn" "jsonb_object_agg_finalfn" BinaryObject { strict: true, unique: true };
};
