use crate::vacuum::*; use base::*; use catalog::Session; use std::sync::Arc;
pub fn table(_: &Arc<Session>, _: &Target, _: &VacuumParams, _: &mut dyn FnMut(Error)) -> Result<()> { Ok(()) }
