//! jsonb made from jsonb: concatenation, deletion, replacement and insertion.

use super::jsonb::{Container, Item, Jsonb, Node};
use super::text::resolve_index;
use super::{MAX_RECURSION, too_deep};
use base::{Result, bail};

fn members(container: Container) -> Result<Vec<(String, Node)>> {
    container
        .iter()
        .map(|member| member.and_then(|(key, value)| Ok((key.to_string(), value.to_node()?))))
        .collect()
}

fn elements(container: Container) -> Result<Vec<Node>> {
    container.iter().map(|member| member.and_then(|(_, value)| value.to_node())).collect()
}

/// `a || b`
///
/// # Errors
/// `54000`, `XX001`
pub fn concat(a: &[u8], b: &[u8]) -> Result<Jsonb> {
    let (a, b) = (Container::new(a)?, Container::new(b)?);
    if a.is_object() && b.is_object() {
        let mut all = members(a)?;
        all.extend(members(b)?);
        return Node::object(all)?.into_jsonb();
    }
    // An empty array adds nothing to an array, and everything that is no array counts as one element.
    let mut all = Vec::new();
    for side in [a, b] {
        if side.is_object() {
            all.push(Item::Container(side).to_node()?);
        } else {
            all.extend(elements(side)?);
        }
    }
    Node::array(&all)?.into_jsonb()
}

/// `jsonb - keys`: without these keys, or without the elements that are these strings.
///
/// # Errors
/// `22023` for a scalar.
pub fn delete_keys(jsonb: &[u8], keys: &[&str]) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "cannot delete from scalar");
    }
    if container.is_object() {
        let kept = members(container)?.into_iter().filter(|(key, _)| !keys.contains(&key.as_str()));
        return Node::object(kept.collect())?.into_jsonb();
    }
    let mut kept = Vec::new();
    for element in container.iter() {
        match element?.1 {
            Item::String(text) if keys.contains(&text) => {}
            other => kept.push(other.to_node()?),
        }
    }
    Node::array(&kept)?.into_jsonb()
}

/// `jsonb - index`
///
/// # Errors
/// `22023` for a scalar or object.
pub fn delete_at(jsonb: &[u8], index: i32) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "cannot delete from scalar");
    }
    if container.is_object() {
        bail!(INVALID_PARAMETER_VALUE, "cannot delete from object using integer index");
    }
    let mut kept = elements(container)?;
    if let Some(at) = resolve_index(index, kept.len()) {
        kept.remove(at);
    }
    Node::array(&kept)?.into_jsonb()
}

#[derive(Clone, Copy)]
enum Edit<'n> {
    Delete,
    /// Replace, and with `create` add where nothing is.
    Set {
        value: &'n Node,
        create: bool,
    },
    /// Insert before, or after.
    Insert {
        value: &'n Node,
        after: bool,
    },
}

fn scalar_path_check(container: &Container, what: &str) -> Result<()> {
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "{what}");
    }
    Ok(())
}

/// `jsonb #- path`
///
/// # Errors
/// `22023`, `22P02`
pub fn delete_path(jsonb: &[u8], path: &[&str]) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    scalar_path_check(&container, "cannot delete path in scalar")?;
    if container.is_empty() || path.is_empty() {
        return Ok(jsonb.to_vec());
    }
    edit_path(container, path, 0, Edit::Delete)?.into_jsonb()
}

/// `jsonb_set`
///
/// # Errors
/// `22023`, `22P02`
pub fn set(jsonb: &[u8], path: &[&str], value: &[u8], create: bool) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    scalar_path_check(&container, "cannot set path in scalar")?;
    if (container.is_empty() && !create) || path.is_empty() {
        return Ok(jsonb.to_vec());
    }
    let value = &Container::new(value)?.item()?.to_node()?;
    edit_path(container, path, 0, Edit::Set { value, create })?.into_jsonb()
}

/// `jsonb_insert`
///
/// # Errors
/// `22023`, `22P02`
pub fn insert(jsonb: &[u8], path: &[&str], value: &[u8], after: bool) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    scalar_path_check(&container, "cannot set path in scalar")?;
    if path.is_empty() {
        return Ok(jsonb.to_vec());
    }
    let value = &Container::new(value)?.item()?.to_node()?;
    edit_path(container, path, 0, Edit::Insert { value, after })?.into_jsonb()
}

fn edit_path(container: Container, path: &[&str], at: usize, edit: Edit) -> Result<Node> {
    // A path is as deep as the document at most, but each step is a frame of the machine's stack.
    if at > MAX_RECURSION {
        return Err(too_deep());
    }
    if container.is_object() {
        edit_object(container, path, at, edit)
    } else {
        edit_array(container, path, at, edit)
    }
}

fn edit_object(container: Container, path: &[&str], at: usize, edit: Edit) -> Result<Node> {
    let key = path[at];
    let is_last = at + 1 == path.len();
    let mut all = members(container)?;
    let Some(found) = all.iter().position(|member| member.0 == key) else {
        match edit {
            Edit::Set { value, create: true } | Edit::Insert { value, .. } if is_last => {
                all.push((key.to_string(), value.clone()));
            }
            _ => {}
        }
        return Node::object(all);
    };
    match edit {
        Edit::Delete if is_last => {
            all.remove(found);
        }
        Edit::Set { value, .. } if is_last => all[found].1 = value.clone(),
        Edit::Insert { .. } if is_last => {
            return Err(base::err!(INVALID_PARAMETER_VALUE, "cannot replace existing key")
                .hint("Try using the function jsonb_set to replace key value."));
        }
        _ => {
            if let Item::Container(inner) = container.value(found)? {
                all[found].1 = edit_path(inner, path, at + 1, edit)?;
            }
        }
    }
    Node::object(all)
}

fn edit_array(container: Container, path: &[&str], at: usize, edit: Edit) -> Result<Node> {
    let Ok(index) = path[at].trim().parse::<i32>() else {
        let position = at + 1;
        bail!(
            INVALID_TEXT_REPRESENTATION,
            "path element at position {position} is not an integer: \"{}\"",
            path[at]
        );
    };
    let is_last = at + 1 == path.len();
    let mut all = elements(container)?;
    let Some(found) = resolve_index(index, all.len()) else {
        match edit {
            // What is out of range goes to the end that it is beyond.
            Edit::Set { value, create: true } | Edit::Insert { value, .. } if is_last => {
                let end = if index < 0 { 0 } else { all.len() };
                all.insert(end, value.clone());
            }
            _ => {}
        }
        return Node::array(&all);
    };
    match edit {
        Edit::Delete if is_last => {
            all.remove(found);
        }
        Edit::Set { value, .. } if is_last => all[found] = value.clone(),
        Edit::Insert { value, after } if is_last => all.insert(found + usize::from(after), value.clone()),
        _ => {
            if let Item::Container(inner) = container.value(found)? {
                all[found] = edit_path(inner, path, at + 1, edit)?;
            }
        }
    }
    Node::array(&all)
}

/// `jsonb_strip_nulls`: without object members that are null, and with `in_arrays` without such elements.
///
/// # Errors
/// `54001`, `54000`
pub fn strip_nulls(jsonb: &[u8], in_arrays: bool) -> Result<Jsonb> {
    let container = Container::new(jsonb)?;
    if container.is_scalar() {
        return Ok(jsonb.to_vec());
    }
    strip(container, in_arrays, 0)?.into_jsonb()
}

fn strip(container: Container, in_arrays: bool, depth: usize) -> Result<Node> {
    if depth > MAX_RECURSION {
        return Err(too_deep());
    }
    let drops_null = container.is_object() || in_arrays;
    let mut kept = Vec::new();
    for member in container.iter() {
        let (key, value) = member?;
        let node = match value {
            Item::Null if drops_null => continue,
            Item::Container(inner) => strip(inner, in_arrays, depth + 1)?,
            scalar => scalar.to_node()?,
        };
        kept.push((key.to_string(), node));
    }
    if container.is_object() {
        return Node::object(kept);
    }
    let kept: Vec<Node> = kept.into_iter().map(|member| member.1).collect();
    Node::array(&kept)
}
