//! Reads bundles.

use std::{io::Read, path::Path};

use cantus_replay::repro::Bundle;

use crate::exit_codes::{CliError, Exit, OrExit};

/// Files that are larger are no bundles.
const LARGEST: u64 = 1 << 30;

/// Reads a bundle.
pub(super) fn load(file: &Path) -> Result<Bundle, CliError> {
    let doing = || file.display().to_string();
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).or_exit_while(Exit::Usage, doing)?;
    let read = open.take(LARGEST + 1).read_to_end(&mut bytes).or_exit_while(Exit::Usage, doing)?;
    if read as u64 > LARGEST {
        return Err(CliError::new(Exit::Usage, format!("{}: it is too large for a repro bundle", doing())));
    }
    Bundle::parse(&bytes).or_exit_while(Exit::Usage, doing)
}
