//! The log of activations.

use async_trait::async_trait;
use cantus_model::{
    Activation, ComponentRecord,
    ports::{ActivationAuthor, ActivationLog, StoreError},
};

use super::{
    SqliteStore,
    activation_rows::{read_activations, read_components},
    reader_pool::run_blocking,
};

#[async_trait]
impl ActivationLog for SqliteStore {
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let writer = self.log_writer()?;
        let (activation, component) = (activation.clone(), component.cloned());
        run_blocking(move || writer.append_activation(author, &activation, component.as_ref())).await
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        self.readers.read(move |session| read_activations(session, after)).await
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.readers.read(read_components).await
    }
}
