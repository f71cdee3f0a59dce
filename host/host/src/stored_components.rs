//! The bytes of every component that ever decided a command: in the data folder, or in the event store.

use std::sync::Arc;

use cantus_model::{
    Digest,
    ports::{ComponentStore, Refused},
};
use cantus_wasm::ComponentFolder;

use crate::{ComponentStorage, HostError, HostSettings};

/// The stored components of a host.
pub struct StoredComponents {
    /// `None` if the folder does not exist.
    folder: Option<ComponentFolder>,
    /// `None` where there is no event store, as with a tape.
    store: Option<Arc<dyn ComponentStore>>,
    /// `None` if they are open for reading only.
    writes_to: Option<ComponentStorage>,
}

impl StoredComponents {
    /// Opens the stored components for reading. A place that does not exist is empty; it is not created.
    ///
    /// # Errors
    /// [`HostError::Machine`] if the folder exists and cannot be opened.
    pub fn open(settings: &HostSettings, store: Option<Arc<dyn ComponentStore>>) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        let folder = path.is_dir().then(|| ComponentFolder::open(&path)).transpose();
        Ok(Self { folder: folder.map_err(HostError::machine)?, store, writes_to: None })
    }

    /// Opens the stored components for reading and writing, and creates the folder if they are written there.
    ///
    /// # Errors
    /// [`HostError::Machine`] if the folder cannot be created or opened.
    pub fn create(settings: &HostSettings, store: Arc<dyn ComponentStore>) -> Result<Self, HostError> {
        let path = settings.data.join("components");
        if settings.component_storage == ComponentStorage::Folder {
            let failed = |error| HostError::Machine(format!("the folder {}: {error}", path.display()));
            ComponentFolder::open(&path).map_err(failed)?;
        }
        Ok(Self { writes_to: Some(settings.component_storage), ..Self::open(settings, Some(store))? })
    }
}

impl ComponentStore for StoredComponents {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        match (self.writes_to, &self.folder, &self.store) {
            (Some(ComponentStorage::Folder), Some(folder), _) => folder.put_component(bytes),
            (Some(ComponentStorage::Store), _, Some(store)) => store.put_component(bytes),
            _ => Err(Refused("the stored components are open for reading only".into())),
        }
    }

    /// A file that is missing or damaged is no loss if the store has the component.
    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        let from_folder = self.folder.as_ref().map_or(Ok(None), |folder| folder.get_component(digest));
        if matches!(from_folder, Ok(Some(_))) {
            return from_folder;
        }
        let from_store = self.store.as_ref().map_or(Ok(None), |store| store.get_component(digest))?;
        from_store.map_or(from_folder, |bytes| Ok(Some(bytes)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_store::MemoryStore;

    use super::*;

    fn settings(folder: &tempfile::TempDir, component_storage: ComponentStorage) -> HostSettings {
        HostSettings { data: folder.path().to_owned(), component_storage, ..HostSettings::default() }
    }

    #[test]
    fn components_of_both_places_are_found() {
        let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(MemoryStore::default()));
        let digests = [ComponentStorage::Folder, ComponentStorage::Store].map(|place| {
            let components = StoredComponents::create(&settings(&folder, place), store.clone()).unwrap();
            components.put_component(format!("{place:?}").as_bytes()).unwrap()
        });
        let components = StoredComponents::open(&settings(&folder, ComponentStorage::Folder), Some(store)).unwrap();
        let found = digests.map(|digest| components.get_component(digest).unwrap());
        assert_eq!(found, [Some(b"Folder".to_vec()), Some(b"Store".to_vec())]);
        assert!(components.put_component(b"more").is_err());
    }

    #[test]
    fn a_damaged_file_is_no_loss_if_the_store_has_the_component() {
        let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(MemoryStore::default()));
        let components = StoredComponents::create(&settings(&folder, ComponentStorage::Folder), store.clone()).unwrap();
        let digest = components.put_component(b"bytes").unwrap();
        std::fs::write(folder.path().join(format!("components/{digest}.wasm")), "damage").unwrap();
        assert!(components.get_component(digest).is_err());
        store.put_component(b"bytes").unwrap();
        assert_eq!(components.get_component(digest).unwrap().as_deref(), Some(b"bytes".as_slice()));
    }

    #[test]
    fn components_in_the_store_need_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::default());
        StoredComponents::create(&settings(&folder, ComponentStorage::Store), store)
            .unwrap()
            .put_component(b"x")
            .unwrap();
        assert!(!folder.path().join("components").exists());
    }
}
