//! What the log of activations amounts to: pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cantus_model::{Activation, ActivationCause, AggregateType, ComponentRecord, Digest, Manifest};
use semver::Version;

/// The state that the activations so far have led to.
#[derive(Debug, Default)]
pub struct ActivationState {
    seq: u64,
    plugins: BTreeMap<String, PluginHistory>,
    /// Every component that was live.
    components: HashMap<Digest, Manifest>,
}

/// One plugin name.
#[derive(Debug, Default)]
pub struct PluginHistory {
    /// What is live.
    pub current: Option<Digest>,
    /// What brought that about, and who.
    pub last: Option<(ActivationCause, String)>,
    /// What was live, each where it came in; the last is the newest. Going back shortens it.
    line: Vec<Digest>,
    /// All that were ever live.
    seen: BTreeSet<Digest>,
    /// Decided against: they do not come back by lying in the folder.
    barred: BTreeSet<Digest>,
}

impl ActivationState {
    /// The state after all of `activations`, in order.
    pub fn new(components: Vec<ComponentRecord>, activations: &[Activation]) -> Self {
        let mut log = Self::default();
        components.into_iter().for_each(|component| log.know(component));
        activations.iter().for_each(|activation| log.apply(activation));
        log
    }

    /// Takes in one more component that was live.
    pub(crate) fn know(&mut self, component: ComponentRecord) {
        self.components.insert(component.digest, component.manifest);
    }

    /// Takes in the next activation.
    pub(crate) fn apply(&mut self, activation: &Activation) {
        self.seq = activation.seq;
        let track = self.plugins.entry(activation.plugin.clone()).or_default();
        track.current = activation.to;
        track.last = Some((activation.cause, activation.who.clone()));
        let Some(to) = activation.to else { return };
        if activation.cause.bars_what_was() {
            // All that is higher and was live before: it lies in the folder, perhaps, and was not asked for.
            let version = |digest: &Digest| self.components.get(digest).map(|manifest| &manifest.version);
            track.barred.extend(activation.from);
            track.barred.extend(track.seen.iter().filter(|seen| version(seen) > version(&to)));
        }
        track.barred.remove(&to);
        track.seen.insert(to);
        if matches!(activation.cause, ActivationCause::RolledBack | ActivationCause::Faulted)
            && let Some(place) = track.line.iter().rposition(|digest| *digest == to)
        {
            track.line.truncate(place + 1);
        } else if track.line.last() != Some(&to) {
            track.line.push(to);
        }
    }

    /// The sequence number of the last activation.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What is known of a plugin name.
    pub fn track(&self, plugin: &str) -> Option<&PluginHistory> {
        self.plugins.get(plugin)
    }

    /// The plugins that have a live component, by name.
    pub fn live(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.plugins.iter().filter_map(|(name, track)| Some((name.as_str(), track.current?)))
    }

    /// Name and version of a component that was live.
    pub fn component(&self, digest: Digest) -> Option<(&String, &Version)> {
        self.components.get(&digest).map(|manifest| (&manifest.name, &manifest.version))
    }

    /// What a component that was live declares.
    pub fn manifest(&self, digest: Digest) -> Option<&Manifest> {
        self.components.get(&digest)
    }

    /// Another live plugin that hosts one of these aggregate types, and which of them.
    pub(crate) fn also_hosts<'a>(&'a self, plugin: &str, types: &'a [AggregateType]) -> Option<(&'a str, &'a str)> {
        let others = self.live().filter(|(name, _)| *name != plugin);
        let find = |(name, digest)| {
            let other = self.components.get(&digest)?;
            let both = types.iter().find(|kind| other.aggregate(&kind.name).is_some())?;
            Some((name, both.name.as_str()))
        };
        others.into_iter().find_map(find)
    }

    /// The digest that a name and version had when it was live.
    pub fn digest_of(&self, plugin: &str, version: &Version) -> Option<Digest> {
        let is_it = |manifest: &Manifest| manifest.name == plugin && manifest.version == *version;
        self.components.iter().find(|(_, manifest)| is_it(manifest)).map(|(digest, _)| *digest)
    }

    /// The versions of a plugin that were live, the lowest first.
    pub fn versions(&self, plugin: &str) -> BTreeSet<&Version> {
        let ours = self.components.values().filter(|manifest| manifest.name == plugin);
        ours.map(|manifest| &manifest.version).collect()
    }
}

impl PluginHistory {
    /// Whether a person, or the watch, went away from it.
    pub fn is_barred(&self, digest: Digest) -> bool {
        self.barred.contains(&digest)
    }

    /// Where going back leads: to what was live before the current one, or to the last one if none is live.
    pub fn previous(&self) -> Option<Digest> {
        match self.current {
            None => self.line.last().copied(),
            Some(_) => self.line.iter().rev().nth(1).copied(),
        }
    }

    /// What is live, or was last.
    pub fn latest(&self) -> Option<Digest> {
        self.current.or(self.line.last().copied())
    }
}

#[cfg(test)]
mod tests {
    use cantus_model::Timestamp;

    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Each name is a version: `a` is 1.0.0, `b` is 1.1.0.
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

    fn log(steps: &[(ActivationCause, &str, &str)]) -> ActivationState {
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
    fn going_back_leads_to_what_was_before_and_bars_what_was_left() {
        use ActivationCause::{Activated, Dropped, Removed, RolledBack};
        let back_of = |steps: &[_]| log(steps).track("p").and_then(PluginHistory::previous);
        assert_eq!(back_of(&[(Dropped, "", "a")]), None);
        let steps = [(Dropped, "", "a"), (Dropped, "a", "b"), (Dropped, "b", "c"), (RolledBack, "c", "b")];
        assert_eq!(back_of(&steps), Some(digest("a")));
        let barred = |steps: &[_], name| log(steps).track("p").is_some_and(|track| track.is_barred(digest(name)));
        assert!(barred(&steps, "c") && !barred(&steps, "a") && !barred(&steps, "b"));
        let again = [steps.as_slice(), &[(Activated, "b", "c")]].concat();
        assert!(!barred(&again, "c") && barred(&again, "b"));
        assert_eq!(back_of(&[(Dropped, "", "a"), (Removed, "a", "")]), Some(digest("a")));
    }

    #[test]
    fn going_back_far_bars_all_that_was_left() {
        use ActivationCause::{Activated, Dropped};
        let barred = |steps: &[_]| {
            let log = log(steps);
            ["a", "b", "c"].map(|name| log.track("p").is_some_and(|track| track.is_barred(digest(name))))
        };
        let up = [(Dropped, "", "a"), (Dropped, "a", "b"), (Dropped, "b", "c")];
        assert_eq!(barred(&up), [false; 3]);
        let back = [up.as_slice(), &[(Activated, "c", "a")]].concat();
        assert_eq!(barred(&back), [false, true, true]);
        let half = [back.as_slice(), &[(Activated, "a", "b")]].concat();
        assert_eq!(barred(&half), [true, false, true]);
    }
}
