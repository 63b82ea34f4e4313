//! From names to variables: the names visible where an expression stands.

use crate::ast::{Meaning, Name};

/// What the first part, or the first two, of a dotted name mean, and how many parts that takes. Inner names hide outer
/// ones; a block's label qualifies its variables.
pub fn find(names: &[Name], top: Option<usize>, parts: &[String]) -> Option<(Meaning, usize)> {
    let (first, second) = (parts.first()?, parts.get(1));
    let mut level_start = top;
    while let Some(start) = level_start {
        // The names of one block or loop end at its label.
        let mut level = Vec::new();
        let mut at = Some(start);
        let mut label = None;
        while let Some(index) = at {
            at = names[index].parent;
            if let Meaning::Label { .. } = names[index].meaning {
                label = Some(index);
                break;
            }
            level.push(index);
        }
        for index in &level {
            let name = &names[*index];
            // `a.b` cannot be meant by a scalar a.
            let scalar = matches!(name.meaning, Meaning::Scalar(_));
            if name.text == *first && !(scalar && second.is_some()) {
                return Some((name.meaning, 1));
            }
        }
        if let (Some(label), Some(second)) = (label, second)
            && names[label].text == *first
            && let Some(index) = level.iter().find(|i| names[**i].text == *second)
        {
            return Some((names[*index].meaning, 2));
        }
        level_start = label.and_then(|l| names[l].parent);
    }
    None
}

/// The labels around a place, innermost first, and whether each is a loop's.
pub fn labels(names: &[Name], mut at: Option<usize>) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    while let Some(index) = at {
        if let Meaning::Label { is_loop } = names[index].meaning {
            found.push((names[index].text.as_str(), is_loop));
        }
        at = names[index].parent;
    }
    found
}
