//! x
use crate::*; use base::{Oid,Result}; use datum::TypeLayout;
pub fn read_expr(_:&str,_:&dyn Fn(Oid)->Result<TypeLayout>)->Result<Expr>{unimplemented!()}
pub fn read_expr_list(_:&str,_:&dyn Fn(Oid)->Result<TypeLayout>)->Result<Vec<Expr>>{unimplemented!()}
pub fn read_rule(_:&str,_:&dyn Fn(Oid)->Result<TypeLayout>)->Result<Vec<Query>>{unimplemented!()}
