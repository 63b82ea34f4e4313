//! The options of EXPLAIN.

use crate::options;
use base::{Error, Result, bail, err};
use syntax::OptionItem;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Xml,
    Json,
    Yaml,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainOptions {
    pub analyze: bool,
    pub verbose: bool,
    pub costs: bool,
    pub buffers: bool,
    pub settings: bool,
    pub generic_plan: bool,
    pub timing: bool,
    pub summary: bool,
    pub format: Format,
}

impl ExplainOptions {
    /// # Errors
    /// PostgreSQL's, for unknown and contradicting options; `0A000` for WAL, MEMORY and SERIALIZE.
    pub fn read(items: &[OptionItem]) -> Result<ExplainOptions> {
        let (mut analyze, mut verbose, mut costs, mut settings, mut generic_plan) =
            (false, false, true, false, false);
        let (mut timing, mut summary, mut buffers) = (None, None, None);
        let mut format = Format::Text;
        let mut wal = false;
        for item in items {
            match item.name.as_str() {
                "analyze" => analyze = options::boolean(item)?,
                "verbose" => verbose = options::boolean(item)?,
                "costs" => costs = options::boolean(item)?,
                "settings" => settings = options::boolean(item)?,
                "generic_plan" => generic_plan = options::boolean(item)?,
                "timing" => timing = Some(options::boolean(item)?),
                "summary" => summary = Some(options::boolean(item)?),
                "buffers" => buffers = Some(options::boolean(item)?),
                "wal" => wal = options::boolean(item)?,
                "memory" if !options::boolean(item)? => {}
                "memory" => return Err(Error::unsupported("EXPLAIN option MEMORY")),
                "serialize" => serialize(item)?,
                "format" => format = read_format(item)?,
                name => {
                    return Err(
                        err!(SYNTAX_ERROR, "unrecognized EXPLAIN option \"{name}\"").at(item.location)
                    );
                }
            }
        }
        if wal && !analyze {
            bail!(INVALID_PARAMETER_VALUE, "EXPLAIN option WAL requires ANALYZE");
        }
        if timing == Some(true) && !analyze {
            bail!(INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE");
        }
        if generic_plan && analyze {
            bail!(
                INVALID_PARAMETER_VALUE,
                "EXPLAIN options ANALYZE and GENERIC_PLAN cannot be used together"
            );
        }
        if wal {
            return Err(Error::unsupported("EXPLAIN option WAL"));
        }
        Ok(ExplainOptions {
            analyze,
            verbose,
            costs,
            buffers: buffers.unwrap_or(analyze),
            settings,
            generic_plan,
            timing: timing.unwrap_or(analyze),
            summary: summary.unwrap_or(analyze),
            format,
        })
    }
}

fn serialize(item: &OptionItem) -> Result<()> {
    let word = if item.value.is_some() { options::text(item)? } else { "text".to_owned() };
    match word.as_str() {
        "off" | "none" => Ok(()),
        "text" | "binary" => Err(Error::unsupported("EXPLAIN option SERIALIZE")),
        _ => Err(err!(
            INVALID_PARAMETER_VALUE,
            "unrecognized value for EXPLAIN option \"serialize\": \"{word}\""
        )
        .at(item.location)),
    }
}

fn read_format(item: &OptionItem) -> Result<Format> {
    let word = options::text(item)?;
    match word.as_str() {
        "text" => Ok(Format::Text),
        "xml" => Ok(Format::Xml),
        "json" => Ok(Format::Json),
        "yaml" => Ok(Format::Yaml),
        _ => {
            Err(err!(INVALID_PARAMETER_VALUE, "unrecognized value for EXPLAIN option \"format\": \"{word}\"")
                .at(item.location))
        }
    }
}
