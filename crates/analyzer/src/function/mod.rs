//! Function calls.

mod aggregate;
mod call;
mod resolve;
mod window;

pub(crate) use call::Call;
