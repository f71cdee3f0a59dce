//! Arguments that several commands take.

use std::path::PathBuf;

use clap::Args;

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GlobalArgs {
    /// Print JSON, for programs; errors become one JSON object on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Which logs to show, on stderr [env: CANTUS_LOG] [default: warn,cantus=info,guest=info]
    ///
    /// A filter of `tracing`: `debug`, or `warn,cantus_engine=debug`. What plugins print has the target `guest`.
    /// For people on a terminal, as JSON elsewhere.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Global options")]
    pub(crate) log: Option<String>,
    /// The settings file [env: CANTUS_CONFIG] [default: cantus.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Override one setting, such as engine.shards=4; `cantus settings` lists them
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Global options")]
    pub(crate) set: Vec<(String, String)>,
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
        _ => Err("write it as KEY=VALUE, such as engine.shards=4".to_owned()),
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
