//! The components that are recorded on a tape, with or without their bytes.

use std::collections::BTreeSet;

use cantus_host::components::{StoredComponents, recorded_component_label, stored_component_finder};
use cantus_model::{
    ComponentRecord, Digest, HistoryQuery, Manifest,
    ports::{ComponentStore, Store},
};
use cantus_store::tape::TapeComponent;
use semver::Version;

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    settings::Settings,
};

/// Selects whether the bytes of components are recorded on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ComponentBytes {
    /// They are recorded.
    Included,
    /// Only the digests are recorded.
    Omitted,
}

/// Finds the components for a tape.
pub(super) struct TapeComponents<'a> {
    settings: &'a Settings,
    stored: StoredComponents,
    known: Vec<ComponentRecord>,
    bytes: ComponentBytes,
}

impl<'a> TapeComponents<'a> {
    /// Opens the component store, and reads the components that this store records.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn open(
        settings: &'a Settings,
        store: &dyn Store,
        bytes: ComponentBytes,
    ) -> Result<Self, CliError> {
        let known = store.components().await.or_exit(Exit::Store)?;
        Ok(Self { settings, stored: StoredComponents::open(&settings.host)?, known, bytes })
    }

    /// Guesses the components that decided the selected commands: those that were ever live for their aggregates.
    ///
    /// # Errors
    /// If the component store cannot be read.
    pub(super) fn likely(&self, query: &HistoryQuery) -> Result<BTreeSet<Digest>, CliError> {
        let one = query.aggregate.as_ref().map(|aggregate| aggregate.aggregate_type.as_str());
        let types: Vec<&str> = query.aggregate_types.iter().map(String::as_str).chain(one).collect();
        let decides = |manifest: &Manifest| types.is_empty() || types.iter().any(|it| manifest.aggregate(it).is_some());
        let mut likely = BTreeSet::new();
        for record in self.known.iter().filter(|record| decides(&record.manifest)) {
            // A component that is missing may not be needed.
            if self.bytes == ComponentBytes::Omitted
                || self.stored.get_component(record.digest).or_exit(Exit::Machine)?.is_some()
            {
                likely.insert(record.digest);
            }
        }
        Ok(likely)
    }

    /// Returns the components as they are recorded on a tape. Without bytes, a component of unknown name is left out.
    ///
    /// # Errors
    /// If bytes are recorded and those of a component are missing.
    pub(super) fn get(&self, digests: &BTreeSet<Digest>) -> Result<Vec<TapeComponent>, CliError> {
        let mut components = Vec::with_capacity(digests.len());
        for digest in digests {
            let bytes = self.stored.get_component(*digest).or_exit(Exit::Machine)?;
            if bytes.is_none() && self.bytes == ComponentBytes::Included {
                return Err(self.missing(*digest));
            }
            if let Some((plugin, version)) = self.name(*digest)? {
                components.push((plugin, version, *digest, bytes.filter(|_| self.bytes == ComponentBytes::Included)));
            }
        }
        components.sort();
        let component = |(plugin, version, digest, bytes): (String, Version, Digest, Option<Vec<u8>>)| TapeComponent {
            digest,
            plugin,
            version: version.to_string(),
            bytes,
        };
        Ok(components.into_iter().map(component).collect())
    }

    /// Returns the name and version that the store records, or else those in the manifest of the stored component.
    fn name(&self, digest: Digest) -> Result<Option<(String, Version)>, CliError> {
        let name = |manifest: &Manifest| (manifest.name.clone(), manifest.version.clone());
        if let Some(record) = self.known.iter().find(|record| record.digest == digest) {
            return Ok(Some(name(&record.manifest)));
        }
        let found = stored_component_finder(&self.settings.host)?(digest).or_exit(Exit::Plugin)?;
        Ok(found.map(|component| name(component.manifest())))
    }

    fn missing(&self, digest: Digest) -> CliError {
        let (name, data) = (recorded_component_label(&self.known, digest), self.settings.host.data.display());
        let advice =
            "give the data folder of its host with --set data=DIR, or record the tape with --without-components";
        CliError::new(
            Exit::Partial,
            format!("{name} decided some of the commands and is not in {data}/components: {advice}"),
        )
    }
}
