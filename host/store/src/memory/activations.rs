//! Which component is live.

use async_trait::async_trait;
use cantus_model::{
    Activation, ComponentRecord,
    ports::{ActivationAuthor, ActivationLog, StoreError},
};

use super::{MemoryStore, index};
use crate::taken;

#[async_trait]
impl ActivationLog for MemoryStore {
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let mut contents = self.contents();
        if let ActivationAuthor::Host(claim) = author {
            contents.claimed(claim)?;
        }
        if activation.seq != contents.activations.len() as u64 + 1 {
            return Ok(false);
        }
        if let Some(component) = component {
            let same_name = |known: &&ComponentRecord| {
                let (known, new) = (&known.manifest, &component.manifest);
                known.name == new.name && known.version == new.version
            };
            if let Some(known) = contents.components.iter().find(same_name)
                && known.digest != component.digest
            {
                return Err(taken(component, known.digest));
            }
            if !contents.components.iter().any(|known| known.digest == component.digest) {
                contents.components.push(component.clone());
            }
        }
        contents.activations.push(activation.clone());
        Ok(true)
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        Ok(self.contents().activations.iter().skip(index(after)).cloned().collect())
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        Ok(self.contents().components.clone())
    }
}
