//! The exit codes, which are a contract for scripts, and the errors of the command line.

use std::fmt;

use cantus_host::HostError;

use crate::render;

/// The exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Success. A command that the domain rejects counts as a success.
    Ok = 0,
    /// Some commands failed or were not run, some lines were invalid, or the requested item does not exist.
    Partial = 1,
    /// The arguments, the settings or an input file are invalid. clap exits with the same code.
    Usage = 2,
    /// A plugin was refused.
    Plugin = 3,
    /// The store cannot be opened, read or written.
    Store = 4,
    /// cargo or the wasm target is missing, or a plugin does not build.
    Build = 5,
    /// Another resource of this machine failed.
    Machine = 6,
    /// Ctrl-C or a termination signal. Every command that was acknowledged is stored.
    Interrupted = 130,
}

impl Exit {
    /// Returns the number of the code.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

/// The table in `cantus --help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    success; a command that the domain rejects counts as a success
  1    some commands failed or were not run, or the requested item does not exist
  2    the arguments, the settings or an input file are invalid
  3    a plugin was refused
  4    the store cannot be opened, read or written
  5    cargo or the wasm32-wasip2 target is missing, or a plugin does not build
  6    another resource of this machine failed, for example a disk
  130  interrupted; every command that was acknowledged is stored

A setting is taken from a flag, else from a CANTUS_* variable, else from cantus.toml, else
from its default. `cantus settings` shows each value and its origin.";

/// An error on its way to the user, with the code to exit with.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The exit code.
    pub(crate) exit: Exit,
    /// The error, for people.
    pub(crate) error: anyhow::Error,
}

impl CliError {
    /// Creates an error with a message.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}") }
    }

    /// Reports whether the error only means that the reader of the output has closed it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<HostError> for CliError {
    fn from(error: HostError) -> Self {
        let exit = match &error {
            HostError::Invalid(_) => Exit::Usage,
            HostError::NotFound(_) | HostError::Conflict(_) => Exit::Partial,
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
                Self::new(exit, format!("every file in the folder of plugins is refused:{lines}"))
            }
            error => Self { exit, error: error.into() },
        }
    }
}

/// Adds an exit code to an error of a library.
pub(crate) trait OrExit<T> {
    /// Adds the exit code.
    fn or_exit(self, exit: Exit) -> Result<T, CliError>;

    /// Adds the exit code, and a context such as a file name before the message.
    fn or_exit_with(self, exit: Exit, context: impl FnOnce() -> String) -> Result<T, CliError>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, CliError> {
        self.map_err(|error| CliError { exit, error: error.into() })
    }

    fn or_exit_with(self, exit: Exit, context: impl FnOnce() -> String) -> Result<T, CliError> {
        self.map_err(|error| CliError { exit, error: error.into().context(context()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code() {
        let all = [
            Exit::Ok,
            Exit::Partial,
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
    fn a_broken_pipe_is_recognised() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(Err::<(), _>(broken).or_exit(Exit::Machine).is_err_and(|failure| failure.is_broken_pipe()));
        assert!(!CliError::new(Exit::Store, "no").is_broken_pipe());
    }
}
