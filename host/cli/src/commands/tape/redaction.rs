//! Where the rules of a redaction and their secret come from.

use std::path::{Path, PathBuf};

use cantus_store::tape::Redactor;

use crate::exit_codes::{CliError, Exit, OrExit};

const VARIABLE: &str = "CANTUS_REDACT_SALT";

/// As typed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Redaction {
    /// Put pseudonyms in the place of what the rules of this file name
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
    /// The file with the secret of the pseudonyms, 16 characters or more [env: CANTUS_REDACT_SALT, the secret itself]
    #[arg(long, value_name = "FILE", requires = "redact")]
    salt_file: Option<PathBuf>,
}

impl Redaction {
    /// The files that it reads.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.redact.iter().chain(&self.salt_file).map(PathBuf::as_path)
    }

    /// What redacts, if something is to be redacted.
    ///
    /// # Errors
    /// If a file cannot be read, the rules do not parse, or there is no secret, or one that is too short.
    pub(super) fn redactor(&self) -> Result<Option<Redactor>, CliError> {
        let Some(rules) = &self.redact else { return Ok(None) };
        let doing = || rules.display().to_string();
        let text = std::fs::read_to_string(rules).or_exit_while(Exit::Usage, doing)?;
        Redactor::parse(&text, &self.salt()?).or_exit_while(Exit::Usage, doing).map(Some)
    }

    fn salt(&self) -> Result<String, CliError> {
        let salt = match &self.salt_file {
            Some(path) => std::fs::read_to_string(path).or_exit_while(Exit::Usage, || path.display().to_string())?,
            None => std::env::var(VARIABLE).map_err(|_| {
                let where_to = format!("name its file with --salt-file, or put it into {VARIABLE}");
                CliError::new(Exit::Usage, format!("--redact needs a secret that the pseudonyms depend on: {where_to}"))
            })?,
        };
        // Editors and `echo` end a line, variables do not: the same secret gives the same pseudonyms.
        Ok(salt.trim_end_matches(['\n', '\r']).to_owned())
    }
}
