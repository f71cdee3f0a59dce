//! The bytes of components.

use cantus_model::{
    Digest,
    ports::{ComponentStore, Refused},
};

use super::MemoryStore;

impl ComponentStore for MemoryStore {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        let digest = Digest::of(bytes);
        self.lock().component_bytes.entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        Ok(self.lock().component_bytes.get(&digest).cloned())
    }
}
