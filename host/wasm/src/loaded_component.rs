//! A loaded component.

use std::sync::Arc;

use cantus_model::{
    Digest, Fault, Manifest, PluginKind,
    ports::{AggregateSandbox, Component, HashSeed},
};

use crate::{
    LoadError,
    component_context::ComponentContext,
    manifest,
    sandbox::{aggregate, describe},
};

/// A component that has described itself. Opens sandboxes of each kind that it exports.
pub(crate) struct LoadedComponent {
    context: Arc<ComponentContext>,
    manifest: Manifest,
}

impl LoadedComponent {
    /// Asks a component that exports `kinds` for its manifest.
    ///
    /// `describe` runs twice, in two sandboxes: a component that contradicts itself here would do so anywhere.
    pub(crate) fn describe(context: ComponentContext, kinds: &[PluginKind]) -> Result<Self, LoadError> {
        let nameless = Arc::new(context);
        let describe = || manifest::check(describe::call(&nameless)?, kinds);
        let manifest = describe()?;
        if describe()? != manifest {
            return Err(LoadError::Manifest("`describe` answered differently the second time".into()));
        }
        let plugin = format!("{}@{}", manifest.name, manifest.version);
        let context = Arc::new(ComponentContext { plugin, ..ComponentContext::clone(&nameless) });
        Ok(Self { context, manifest })
    }
}

impl Component for LoadedComponent {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> Digest {
        self.context.digest
    }

    fn open_aggregates(&self, hash_seed: HashSeed) -> Result<Box<dyn AggregateSandbox>, Box<Fault>> {
        Ok(Box::new(aggregate::open(&self.context, hash_seed)?))
    }
}
