//! The rules of a redaction and their secret.

use std::path::{Path, PathBuf};

use cantus_store::tape::Redactor;

use crate::exit_codes::{CliError, Exit, OrExit};

const VARIABLE: &str = "CANTUS_REDACT_SALT";

/// The arguments of a redaction.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct RedactionArgs {
    /// Replace strings by pseudonyms, by the rules in this file
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
    /// The file of the secret for the pseudonyms, at least 16 characters [env: CANTUS_REDACT_SALT holds the secret]
    #[arg(long, value_name = "FILE", requires = "redact")]
    salt_file: Option<PathBuf>,
}

impl RedactionArgs {
    /// Lists the files that are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.redact.iter().chain(&self.salt_file).map(PathBuf::as_path)
    }

    /// Builds the redactor; `None` without `--redact`.
    ///
    /// # Errors
    /// If a file cannot be read, a rule is invalid, or the secret is missing or too short.
    pub(super) fn redactor(&self) -> Result<Option<Redactor>, CliError> {
        let Some(rules) = &self.redact else { return Ok(None) };
        let context = || rules.display().to_string();
        let text = std::fs::read_to_string(rules).or_exit_with(Exit::Usage, context)?;
        Redactor::parse(&text, &self.salt()?).or_exit_with(Exit::Usage, context).map(Some)
    }

    fn salt(&self) -> Result<String, CliError> {
        let salt = match &self.salt_file {
            Some(path) => std::fs::read_to_string(path).or_exit_with(Exit::Usage, || path.display().to_string())?,
            None => std::env::var(VARIABLE).map_err(|_| {
                let advice = format!("give its file with --salt-file, or set {VARIABLE}");
                CliError::new(Exit::Usage, format!("--redact needs a secret for the pseudonyms: {advice}"))
            })?,
        };
        // A file ends with a line end and a variable does not; both must give the same pseudonyms.
        Ok(salt.trim_end_matches(['\n', '\r']).to_owned())
    }
}
