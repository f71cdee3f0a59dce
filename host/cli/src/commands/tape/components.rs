//! The components that a tape names, with their bytes or without.

use std::collections::BTreeSet;

use cantus_host::components::{StoredComponents, name_in, stored_finder};
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

/// Finds components.
pub(super) struct Components<'a> {
    settings: &'a Settings,
    stored: StoredComponents,
    known: Vec<ComponentRecord>,
    with_bytes: bool,
}

impl<'a> Components<'a> {
    /// Of this store, and of the component store in the data folder.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn of(settings: &'a Settings, store: &dyn Store, with_bytes: bool) -> Result<Self, CliError> {
        let known = store.components().await.or_exit(Exit::Store)?;
        Ok(Self { settings, stored: StoredComponents::open(&settings.host)?, known, with_bytes })
    }

    /// Who probably decided what the query selects: whatever was ever live for it.
    ///
    /// # Errors
    /// If the component store cannot be read.
    pub(super) fn likely(&self, query: &HistoryQuery) -> Result<BTreeSet<Digest>, CliError> {
        let one = query.aggregate.as_ref().map(|aggregate| aggregate.aggregate_type.as_str());
        let types: Vec<&str> = query.aggregate_types.iter().map(String::as_str).chain(one).collect();
        let decides = |manifest: &Manifest| types.is_empty() || types.iter().any(|it| manifest.aggregate(it).is_some());
        let mut likely = BTreeSet::new();
        for record in self.known.iter().filter(|record| decides(&record.manifest)) {
            // One that is missing may not be needed.
            if !self.with_bytes || self.stored.get_component(record.digest).or_exit(Exit::Machine)?.is_some() {
                likely.insert(record.digest);
            }
        }
        Ok(likely)
    }

    /// As they go on a tape. One that nothing is known of is left out, unless the bytes are asked for.
    ///
    /// # Errors
    /// If the bytes of one are asked for and are not there.
    pub(super) fn get(&self, digests: &BTreeSet<Digest>) -> Result<Vec<TapeComponent>, CliError> {
        let mut components = Vec::with_capacity(digests.len());
        for digest in digests {
            let bytes = self.stored.get_component(*digest).or_exit(Exit::Machine)?;
            if bytes.is_none() && self.with_bytes {
                return Err(self.missing(*digest));
            }
            if let Some((plugin, version)) = self.name(*digest)? {
                components.push((plugin, version, *digest, bytes.filter(|_| self.with_bytes)));
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

    /// Its name and version, as the log has them; else as it says itself, if it is there.
    fn name(&self, digest: Digest) -> Result<Option<(String, Version)>, CliError> {
        let name = |manifest: &Manifest| (manifest.name.clone(), manifest.version.clone());
        if let Some(record) = self.known.iter().find(|record| record.digest == digest) {
            return Ok(Some(name(&record.manifest)));
        }
        let found = stored_finder(&self.settings.host)?(digest).or_exit(Exit::Plugin)?;
        Ok(found.map(|component| name(component.manifest())))
    }

    fn missing(&self, digest: Digest) -> CliError {
        let (name, data) = (name_in(&self.known, digest), self.settings.host.data.display());
        let advice = "name the host's data folder with --set data=DIR, or record --without-components";
        CliError::new(Exit::Some, format!("{name} decided some of it and is not in {data}/components: {advice}"))
    }
}
