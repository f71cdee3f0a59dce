//! The log of activations.

use async_trait::async_trait;
use cantus_model::{
    Activation, ComponentRecord,
    ports::{ActivationAuthor, ActivationLog, StoreError},
};

use super::{MemoryStore, to_index};
use crate::port_errors::version_in_use;

#[async_trait]
impl ActivationLog for MemoryStore {
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let mut data = self.lock();
        if let ActivationAuthor::Host(claim) = author {
            data.claimed_partition(claim)?;
        }
        if activation.seq != data.activations.len() as u64 + 1 {
            return Ok(false);
        }
        if let Some(component) = component {
            let same_name = |stored: &&ComponentRecord| {
                let (stored, new) = (&stored.manifest, &component.manifest);
                stored.name == new.name && stored.version == new.version
            };
            if let Some(stored) = data.components.iter().find(same_name)
                && stored.digest != component.digest
            {
                return Err(version_in_use(component, stored.digest));
            }
            if !data.components.iter().any(|stored| stored.digest == component.digest) {
                data.components.push(component.clone());
            }
        }
        data.activations.push(activation.clone());
        Ok(true)
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        Ok(self.lock().activations.iter().skip(to_index(after)).cloned().collect())
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        Ok(self.lock().components.clone())
    }
}
