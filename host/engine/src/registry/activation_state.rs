//! The state that follows from the log of activations. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cantus_model::{Activation, ActivationCause, AggregateType, ComponentRecord, Digest, Manifest};
use semver::Version;

/// The state that follows from all activations so far.
#[derive(Debug, Default)]
pub struct ActivationState {
    seq: u64,
    plugins: BTreeMap<String, PluginHistory>,
    /// The manifests of all components that were ever live.
    components: HashMap<Digest, Manifest>,
}

/// The history of one plugin name.
#[derive(Debug, Default)]
pub struct PluginHistory {
    /// The component that is live.
    pub current: Option<Digest>,
    /// The cause and the author of the last activation.
    pub last: Option<(ActivationCause, String)>,
    /// The components that were live, each at its activation; the last one is the newest. Going back shortens it.
    lineage: Vec<Digest>,
    /// All components that were ever live.
    ever_live: BTreeSet<Digest>,
    /// Components that a person or the host replaced on purpose: their files do not make them live again.
    excluded: BTreeSet<Digest>,
}

impl ActivationState {
    /// Computes the state after all of `activations`, in order.
    pub fn new(components: Vec<ComponentRecord>, activations: &[Activation]) -> Self {
        let mut state = Self::default();
        components.into_iter().for_each(|component| state.add_component(component));
        activations.iter().for_each(|activation| state.apply(activation));
        state
    }

    /// Adds a component that was live.
    pub(crate) fn add_component(&mut self, component: ComponentRecord) {
        self.components.insert(component.digest, component.manifest);
    }

    /// Applies the next activation.
    pub(crate) fn apply(&mut self, activation: &Activation) {
        self.seq = activation.seq;
        let history = self.plugins.entry(activation.plugin.clone()).or_default();
        history.current = activation.to;
        history.last = Some((activation.cause, activation.who.clone()));
        let Some(to) = activation.to else { return };
        if activation.cause.excludes_previous() {
            // Higher versions that were live before may still be in the folder, but were not asked for.
            let version = |digest: &Digest| self.components.get(digest).map(|manifest| &manifest.version);
            history.excluded.extend(activation.from);
            history.excluded.extend(history.ever_live.iter().filter(|earlier| version(earlier) > version(&to)));
        }
        history.excluded.remove(&to);
        history.ever_live.insert(to);
        if matches!(activation.cause, ActivationCause::RolledBack | ActivationCause::Faulted)
            && let Some(index) = history.lineage.iter().rposition(|digest| *digest == to)
        {
            history.lineage.truncate(index + 1);
        } else if history.lineage.last() != Some(&to) {
            history.lineage.push(to);
        }
    }

    /// The sequence number of the last activation.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the history of a plugin name.
    pub fn history(&self, plugin: &str) -> Option<&PluginHistory> {
        self.plugins.get(plugin)
    }

    /// Returns the plugins that have a live component, by name.
    pub fn live(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.plugins.iter().filter_map(|(name, history)| Some((name.as_str(), history.current?)))
    }

    /// Returns the name and version of a component that was live.
    pub fn component(&self, digest: Digest) -> Option<(&String, &Version)> {
        self.components.get(&digest).map(|manifest| (&manifest.name, &manifest.version))
    }

    /// Returns the manifest of a component that was live.
    pub fn manifest(&self, digest: Digest) -> Option<&Manifest> {
        self.components.get(&digest)
    }

    /// Finds another live plugin that hosts one of these aggregate types, and that type.
    pub(crate) fn also_hosts<'a>(&'a self, plugin: &str, types: &'a [AggregateType]) -> Option<(&'a str, &'a str)> {
        let others = self.live().filter(|(name, _)| *name != plugin);
        let find = |(name, digest)| {
            let other = self.components.get(&digest)?;
            let common = types.iter().find(|declared| other.aggregate(&declared.name).is_some())?;
            Some((name, common.name.as_str()))
        };
        others.into_iter().find_map(find)
    }

    /// Returns the digest that a name and version had when it was live.
    pub fn digest_of(&self, plugin: &str, version: &Version) -> Option<Digest> {
        let is_named = |manifest: &Manifest| manifest.name == plugin && manifest.version == *version;
        self.components.iter().find(|(_, manifest)| is_named(manifest)).map(|(digest, _)| *digest)
    }

    /// Returns the versions of a plugin that were live, the lowest first.
    pub fn versions(&self, plugin: &str) -> BTreeSet<&Version> {
        let versions = self.components.values().filter(|manifest| manifest.name == plugin);
        versions.map(|manifest| &manifest.version).collect()
    }
}

impl PluginHistory {
    /// Reports whether a person or the host went back from this component, or replaced it on purpose.
    pub fn is_excluded(&self, digest: Digest) -> bool {
        self.excluded.contains(&digest)
    }

    /// Returns the component to which a rollback leads: the one before the current one, or the last one if none is
    /// live.
    pub fn previous(&self) -> Option<Digest> {
        match self.current {
            None => self.lineage.last().copied(),
            Some(_) => self.lineage.iter().rev().nth(1).copied(),
        }
    }

    /// Returns the component that is live, or was last.
    pub fn latest(&self) -> Option<Digest> {
        self.current.or(self.lineage.last().copied())
    }
}

#[cfg(test)]
mod tests {
    use cantus_model::Timestamp;

    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Makes a component whose name gives its version: `a` is 1.0.0, `b` is 1.1.0.
    fn component(name: &str) -> ComponentRecord {
        let minor = name.bytes().next().map_or(0, |letter| u64::from(letter - b'a'));
        let manifest = Manifest {
            name: "p".into(),
            version: Version::new(1, minor, 0),
            payload_format: String::new(),
            aggregates: Vec::new(),
        };
        ComponentRecord { digest: digest(name), manifest, first_seen: Timestamp(0) }
    }

    fn state(steps: &[(ActivationCause, &str, &str)]) -> ActivationState {
        let named = |name: &str| (!name.is_empty()).then(|| digest(name));
        let activations: Vec<Activation> = (1..)
            .zip(steps)
            .map(|(seq, (cause, from, to))| Activation {
                seq,
                at: Timestamp(seq),
                plugin: "p".into(),
                cause: *cause,
                from: named(from),
                to: named(to),
                who: "me".into(),
                why: String::new(),
                report: None,
            })
            .collect();
        ActivationState::new(["a", "b", "c"].map(component).into(), &activations)
    }

    #[test]
    fn a_rollback_leads_to_the_previous_component_and_excludes_the_one_before() {
        use ActivationCause::{Activated, Dropped, Removed, RolledBack};
        let previous = |steps: &[_]| state(steps).history("p").and_then(PluginHistory::previous);
        assert_eq!(previous(&[(Dropped, "", "a")]), None);
        let steps = [(Dropped, "", "a"), (Dropped, "a", "b"), (Dropped, "b", "c"), (RolledBack, "c", "b")];
        assert_eq!(previous(&steps), Some(digest("a")));
        let excluded =
            |steps: &[_], name| state(steps).history("p").is_some_and(|history| history.is_excluded(digest(name)));
        assert!(excluded(&steps, "c") && !excluded(&steps, "a") && !excluded(&steps, "b"));
        let again = [steps.as_slice(), &[(Activated, "b", "c")]].concat();
        assert!(!excluded(&again, "c") && excluded(&again, "b"));
        assert_eq!(previous(&[(Dropped, "", "a"), (Removed, "a", "")]), Some(digest("a")));
    }

    #[test]
    fn going_back_several_versions_excludes_all_higher_ones() {
        use ActivationCause::{Activated, Dropped};
        let excluded = |steps: &[_]| {
            let state = state(steps);
            ["a", "b", "c"].map(|name| state.history("p").is_some_and(|history| history.is_excluded(digest(name))))
        };
        let up = [(Dropped, "", "a"), (Dropped, "a", "b"), (Dropped, "b", "c")];
        assert_eq!(excluded(&up), [false; 3]);
        let back = [up.as_slice(), &[(Activated, "c", "a")]].concat();
        assert_eq!(excluded(&back), [false, true, true]);
        let half = [back.as_slice(), &[(Activated, "a", "b")]].concat();
        assert_eq!(excluded(&half), [true, false, true]);
    }
}
