//! The exit codes: a contract for scripts. This file is the only place that names their numbers.

use std::fmt;

use cantus_host::HostError;

use crate::render;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All went well. A rejection is a decision, so it counts as well.
    Ok = 0,
    /// Some commands failed or were not run, some lines were invalid, or what was asked for is not there.
    Some = 1,
    /// The arguments, the settings or an input file make no sense. Also what clap exits with.
    Usage = 2,
    /// A plugin was refused.
    Plugin = 3,
    /// The store cannot be opened, read or written.
    Store = 4,
    /// cargo, the wasm target or the build of a plugin failed.
    Build = 5,
    /// Something else on this machine failed.
    Machine = 6,
    /// Ctrl-C or a termination signal. Everything acknowledged is stored.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

/// The table in `cantus --help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    all went well; a rejection is a decision, not a failure
  1    some commands failed or were not run, or what was asked for is not there
  2    the arguments, the settings or an input file make no sense
  3    a plugin was refused
  4    the store cannot be opened, read or written
  5    cargo, the wasm32-wasip2 target or the build of a plugin failed
  6    something else on this machine failed
  130  interrupted; everything acknowledged is stored

Settings come from flags, else CANTUS_* variables, else cantus.toml, else defaults:
see `cantus settings`.";

/// An error on its way to the user, with the code to exit with.
#[derive(Debug)]
pub(crate) struct CliError {
    /// What to exit with.
    pub(crate) exit: Exit,
    /// What to say.
    pub(crate) error: anyhow::Error,
}

impl CliError {
    /// A failure that says `message`.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}") }
    }

    /// Whether it only means that nobody reads our output any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<HostError> for CliError {
    fn from(error: HostError) -> Self {
        let exit = match &error {
            HostError::Invalid(_) => Exit::Usage,
            HostError::NotFound(_) | HostError::Conflict(_) => Exit::Some,
            HostError::Plugin(_) | HostError::PluginsRefused(_) | HostError::Verification(_) => Exit::Plugin,
            HostError::Store(_) => Exit::Store,
            HostError::Machine(_) => Exit::Machine,
        };
        match error {
            HostError::PluginsRefused(refused) => {
                let line = |plugin: &cantus_host::RefusedPlugin| {
                    format!("\n  {}: {}", render::escaped(plugin.file.display()), render::message(&plugin.reason))
                };
                let lines: String = refused.iter().map(line).collect();
                Self::new(exit, format!("refused as plugins:{lines}"))
            }
            error => Self { exit, error: error.into() },
        }
    }
}

/// Gives an error its exit code where it crosses into the command line.
pub(crate) trait OrExit<T> {
    /// Fails with `exit`.
    fn or_exit(self, exit: Exit) -> Result<T, CliError>;

    /// Fails with `exit`, saying what was being done.
    fn or_exit_while(self, exit: Exit, doing: impl FnOnce() -> String) -> Result<T, CliError>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, CliError> {
        self.map_err(|error| CliError { exit, error: error.into() })
    }

    fn or_exit_while(self, exit: Exit, doing: impl FnOnce() -> String) -> Result<T, CliError> {
        self.map_err(|error| CliError { exit, error: error.into().context(doing()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code() {
        let all = [
            Exit::Ok,
            Exit::Some,
            Exit::Usage,
            Exit::Plugin,
            Exit::Store,
            Exit::Build,
            Exit::Machine,
            Exit::Interrupted,
        ];
        let listed: Vec<u8> =
            TABLE.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(listed, all.map(Exit::code));
    }

    #[test]
    fn a_broken_pipe_is_told_from_other_failures() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(Err::<(), _>(broken).or_exit(Exit::Machine).is_err_and(|failure| failure.is_broken_pipe()));
        assert!(!CliError::new(Exit::Store, "no").is_broken_pipe());
    }
}
