//! Reads repro bundles.

use std::{io::Read, path::Path};

use cantus_replay::repro::Bundle;

use crate::exit_codes::{CliError, Exit, OrExit};

/// Most bytes of a bundle file.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a bundle from a file.
pub(super) fn load(file: &Path) -> Result<Bundle, CliError> {
    let context = || file.display().to_string();
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).or_exit_with(Exit::Usage, context)?;
    let read = open.take(MAX_BYTES + 1).read_to_end(&mut bytes).or_exit_with(Exit::Usage, context)?;
    if read as u64 > MAX_BYTES {
        return Err(CliError::new(Exit::Usage, format!("{}: the file is too large for a repro bundle", context())));
    }
    Bundle::parse(&bytes).or_exit_with(Exit::Usage, context)
}
