//! The SQL front end: lexer, syntax tree, parser. See README.md.
#![forbid(unsafe_code)]

pub mod ast;

pub use ast::*;
