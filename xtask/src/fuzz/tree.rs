//! SQL text as a tree that knows how it may be made smaller: what is found is reduced before it is shown.
//!
//! A tree is optional (it may vanish), has substitutes (constants of its type), and may be replaced by a subtree of its
//! own sort (an expression of the same type, one side of a UNION). A list may lose items. A reduction that makes the
//! statement invalid does no harm: both servers then refuse it, the difference is gone, and the reduction is not taken.

/// What a tree stands for, as far as one may take another's place. Zero: nothing in particular.
pub type Sort = u64;

#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub sort: Sort,
    pub optional: bool,
    pub substitutes: Vec<String>,
    pub pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    Tree(Tree),
    List { separator: &'static str, least: usize, items: Vec<Tree> },
}

impl Tree {
    pub fn new(pieces: Vec<Piece>) -> Tree {
        Tree { pieces, ..Tree::default() }
    }

    pub fn text(text: impl Into<String>) -> Tree {
        Tree::new(vec![Piece::Text(text.into())])
    }

    /// The tree as a clause that may be left out.
    pub fn optional(mut self) -> Tree {
        self.optional = true;
        self
    }

    /// The tree with what stands before and after it.
    pub fn within(self, before: &str, after: &str) -> Tree {
        Tree::new(vec![Piece::Text(before.to_owned()), Piece::Tree(self), Piece::Text(after.to_owned())])
    }

    pub fn print(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Tree(tree) => tree.write(out),
                Piece::List { separator, items, .. } => {
                    for (i, item) in items.iter().enumerate() {
                        if i > 0 {
                            out.push_str(separator);
                        }
                        item.write(out);
                    }
                }
            }
        }
    }

    /// The tree with its `index`th reduction done; `None` when it has fewer. What lies outside is reduced first.
    fn reduced(&self, index: usize) -> Option<Tree> {
        let mut copy = self.clone();
        let mut left = index;
        copy.reduce(&mut left).then_some(copy)
    }

    fn reduce(&mut self, left: &mut usize) -> bool {
        for at in 0..self.pieces.len() {
            if let Piece::List { least, items, .. } = &mut self.pieces[at] {
                // Halves, then single items.
                let (least, count) = (*least, items.len());
                if count >= 8 && count / 2 >= least {
                    for half in [0..count / 2, count / 2..count] {
                        if take(left) {
                            items.drain(half);
                            return true;
                        }
                    }
                }
                for item in (0..count).take(if count > least { count } else { 0 }) {
                    if take(left) {
                        items.remove(item);
                        return true;
                    }
                }
            } else if let Piece::Tree(tree) = &mut self.pieces[at] {
                if tree.optional && take(left) {
                    self.pieces.remove(at);
                    return true;
                }
                if tree.replace(left) {
                    return true;
                }
            }
        }
        self.pieces.iter_mut().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Tree(tree) => tree.reduce(left),
            Piece::List { items, .. } => items.iter_mut().any(|item| item.replace(left) || item.reduce(left)),
        })
    }

    /// Puts a substitute or a subtree of the same sort in the tree's place.
    fn replace(&mut self, left: &mut usize) -> bool {
        let substitutes = std::mem::take(&mut self.substitutes);
        let current = if substitutes.is_empty() { String::new() } else { self.print() };
        for substitute in &substitutes {
            if *substitute != current && take(left) {
                *self = Tree { sort: self.sort, ..Tree::text(substitute.as_str()) };
                return true;
            }
        }
        self.substitutes = substitutes;
        if self.sort != 0 {
            let mut found = None;
            for piece in &self.pieces {
                found = match piece {
                    Piece::Tree(tree) => tree.descendant(self.sort, left),
                    Piece::List { items, .. } => {
                        items.iter().find_map(|item| item.descendant(self.sort, left))
                    }
                    Piece::Text(_) => None,
                };
                if found.is_some() {
                    break;
                }
            }
            if let Some(found) = found {
                *self = found;
                return true;
            }
        }
        false
    }

    /// The nearest trees of a sort below and with this one.
    fn descendant(&self, sort: Sort, left: &mut usize) -> Option<Tree> {
        if self.sort == sort {
            return take(left).then(|| self.clone());
        }
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Tree(tree) => tree.descendant(sort, left),
            Piece::List { items, .. } => items.iter().find_map(|item| item.descendant(sort, left)),
        })
    }

    /// The smallest tree reached for which `holds` still holds, with at most `tries` questions.
    pub fn minimised(&self, mut tries: usize, mut holds: impl FnMut(&Tree) -> bool) -> Tree {
        let mut best = self.clone();
        loop {
            let mut index = 0;
            let mut smaller = false;
            while let Some(candidate) = best.reduced(index) {
                if tries == 0 {
                    return best;
                }
                tries -= 1;
                if holds(&candidate) {
                    best = candidate;
                    smaller = true;
                } else {
                    index += 1;
                }
            }
            if !smaller {
                return best;
            }
        }
    }
}

/// Counts down; true when it is this one's turn.
fn take(left: &mut usize) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduces_to_what_matters() {
        let leaf = |text: &str| Tree { sort: 1, ..Tree::text(text) };
        let sum = |a: Tree, b: Tree| Tree {
            sort: 1,
            substitutes: vec!["0".to_owned()],
            ..Tree::new(vec![Piece::Tree(a), Piece::Text("+".to_owned()), Piece::Tree(b)])
        };
        let items = vec![leaf("x"), sum(leaf("y"), sum(leaf("bad"), leaf("z"))), leaf("w")];
        let list = Tree::new(vec![
            Piece::Text("select ".to_owned()),
            Piece::List { separator: ", ", least: 1, items },
            Piece::Tree(leaf(" limit 1").optional()),
        ]);
        assert_eq!(list.print(), "select x, y+bad+z, w limit 1");
        assert_eq!(list.minimised(1000, |t| t.print().contains("bad")).print(), "select bad");
    }
}
