//! Arguments that several commands take.

use std::path::PathBuf;

use clap::Args;

use crate::output::OutputFormat;

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GlobalArgs {
    /// Print JSON for programs; an error is one JSON object on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Select the log lines on stderr [env: CANTUS_LOG] [default: warn,cantus=info,guest=info]
    ///
    /// A filter of the crate `tracing`, for example `debug` or `warn,cantus_engine=debug`. The output of plugins has the
    /// target `guest`. Logs are text on a terminal, and JSON lines elsewhere.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Global options")]
    pub(crate) log: Option<String>,
    /// The settings file [env: CANTUS_CONFIG] [default: cantus.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Set one setting, for example engine.shards=4; `cantus settings` lists all settings
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Global options")]
    pub(crate) set: Vec<(String, String)>,
}

impl GlobalArgs {
    /// The form of results on stdout.
    pub(crate) fn format(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { OutputFormat::Text }
    }
}

/// Names the event store.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StoreArg {
    /// The event store [env: CANTUS_STORE] [default: sqlite:data/cantus.db]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// Names the folder of plugins.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PluginsArg {
    /// The folder of plugins [env: CANTUS_PLUGINS] [default: plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<String>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as KEY=VALUE, for example engine.shards=4".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_split_at_its_first_equals_sign() {
        assert_eq!(key_value("store = sqlite:a?b=c"), Ok(("store".into(), "sqlite:a?b=c".into())));
        assert!(key_value("store").is_err() && key_value("=x").is_err());
    }
}
