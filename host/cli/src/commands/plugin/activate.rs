//! `cantus plugin activate`, `rollback` and `deactivate`: a person decides what is live.

use cantus_model::ports::ActivationAuthor;
use std::sync::Arc;

use cantus_engine::registry::{ActivationChange, Activator, ActivationState};
use cantus_model::{Activation, ActivationCause, Digest, ports::Component};
use semver::Version;
use serde_json::json;

use crate::{
    args::{Global, PluginsArg, StoreArg},
    exit_codes::{Exit, CliError, OrExit},
    findings, output, render, settings,
    settings::Settings,
    wiring::{self, CachePolicy},
};

const ACTIVATE: &str = "\
Examples:
  cantus plugin activate flights@1.1.0 --why 'the rule was right after all'
  cantus plugin activate 3f9c2a8e41d0
  cantus plugin activate flights@1.2.0 --no-verify --why 'known differences, agreed'

It names a component that was live before, by version or by the beginning of its digest, or
one that lies in the folder of plugins. A running host (`cantus run --watch`) follows within
registry.rescan_ms; without one it is live from the next start. What is displaced does not
come back by lying in the folder.

What its verification refuses, or could not check in time, goes live only with --no-verify and
a reason: whoever gives it answers for it.";

const ROLLBACK: &str = "\
Examples:
  cantus plugin rollback flights --why 'departures are rejected'

What was live before is live again, without verification: it has proven itself. A running
host (`cantus run --watch`) follows within registry.rescan_ms. The version that was left
comes back only by `cantus plugin activate`.";

const DEACTIVATE: &str = "\
Examples:
  cantus plugin deactivate flights --why 'replaced by flights2'

Nothing of the plugin is live any more: its commands are answered \"unknown aggregate\", its
history stays. Take its files out of the folder of plugins first: what lies there goes live
again. A running host (`cantus run --watch`) does the same by itself when the last file of a
plugin is taken out of its folder; a host that starts without the file does not.";

/// The arguments of `activate`.
#[derive(Debug, clap::Args)]
#[command(after_help = ACTIVATE)]
pub(crate) struct ActivateArgs {
    /// NAME@VERSION, or the first characters of a digest
    #[arg(value_name = "NAME@VERSION|DIGEST")]
    component: String,
    /// Do not run recorded history on it first; needs --why
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// The arguments of `rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = ROLLBACK)]
pub(crate) struct RollbackArgs {
    /// The plugin's name
    name: String,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// The arguments of `deactivate`.
#[derive(Debug, clap::Args)]
#[command(after_help = DEACTIVATE)]
pub(crate) struct DeactivateArgs {
    /// The plugin's name
    name: String,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// What the log of activations says of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Reason {
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Who decides [default: the user who runs this]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl Reason {
    fn change(self, plugin: &str, cause: ActivationCause) -> ActivationChange {
        let user = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let who = self.who.or_else(user).filter(|who| !who.is_empty()).unwrap_or_else(|| "somebody".into());
        ActivationChange { plugin: plugin.to_owned(), cause, who, why: self.why }
    }
}

/// Makes a component live.
///
/// # Errors
/// If there is no such component, or it may not go live.
pub(crate) async fn activate(args: ActivateArgs, global: &Global) -> Result<Exit, CliError> {
    if args.no_verify && args.reason.why.trim().is_empty() {
        return Err(CliError::new(Exit::Usage, "--no-verify needs a reason: give one with --why"));
    }
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let activator = open(&settings).await?;
    let mut log = activator.log().await.or_exit(Exit::Store)?;
    let (component, bytes) = find(&settings, &activator, &log, &args.component).await?;
    let plugin = component.manifest().name.clone();
    let already = log.track(&plugin).and_then(|track| track.current) == Some(component.digest());
    if already {
        return Err(CliError::new(Exit::Some, format!("{} is live already", wiring::name_of(&*component))));
    }
    let report = match args.no_verify {
        true => None,
        false => Some(activator.verify(&log, Arc::clone(&component), None).await.or_exit(Exit::Store)?),
    };
    if let Some(report) = report.as_ref().filter(|report| !report.is_allowed()) {
        if global.json {
            output::print_json(report)?;
        }
        let advice = "to have it live all the same, use --no-verify and say why with --why";
        return Err(CliError::new(Exit::Plugin, format!("{}{advice}", findings::report(report))));
    }
    let change = args.reason.change(&plugin, ActivationCause::Activated);
    let activation = activator.record(&mut log, change, Some((component, bytes)), report.as_ref()).await?;
    say(&activation, &log, global)
}

/// Goes back to what was live before.
///
/// # Errors
/// If there is nothing to go back to.
pub(crate) async fn rollback(args: RollbackArgs, global: &Global) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let activator = open(&settings).await?;
    let mut log = activator.log().await.or_exit(Exit::Store)?;
    let track = log.track(&args.name);
    let track = track.ok_or_else(|| CliError::new(Exit::Some, format!("no plugin {} was ever live", args.name)))?;
    let nothing =
        || CliError::new(Exit::Some, format!("nothing of {} was live before: there is no way back", args.name));
    let component = activator.load(track.previous().ok_or_else(nothing)?).await.or_exit(Exit::Plugin)?;
    let change = args.reason.change(&args.name, ActivationCause::RolledBack);
    let activation = activator.record(&mut log, change, Some((component, None)), None).await?;
    say(&activation, &log, global)
}

/// Ends a plugin.
///
/// # Errors
/// If it is not live, or a file of it lies in the folder.
pub(crate) async fn deactivate(args: DeactivateArgs, global: &Global) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let activator = open(&settings).await?;
    let mut log = activator.log().await.or_exit(Exit::Store)?;
    if log.track(&args.name).and_then(|track| track.current).is_none() {
        return Err(CliError::new(Exit::Some, format!("no plugin {} is live", args.name)));
    }
    if in_folder(&settings, |it| it.manifest().name == args.name).is_some() {
        let advice = "take it out first, or it goes live again";
        return Err(CliError::new(
            Exit::Some,
            format!("a file of {} lies in the folder of plugins: {advice}", args.name),
        ));
    }
    let change = args.reason.change(&args.name, ActivationCause::Removed);
    let activation = activator.record(&mut log, change, None, None).await?;
    say(&activation, &log, global)
}

async fn open(settings: &Settings) -> Result<Activator, CliError> {
    wiring::open_to_read(settings).await?; // an activation makes no store
    let store = cantus_store::open(&settings.store, settings.store_partitions).await.or_exit(Exit::Store)?;
    Ok(wiring::activator(settings, store, ActivationAuthor::Operator, wiring::source(settings, CachePolicy::Components)?))
}

type Found = (Arc<dyn Component>, Option<Vec<u8>>);

/// One that was live, or else a file of the folder, with its bytes.
async fn find(settings: &Settings, activator: &Activator, log: &ActivationState, named: &str) -> Result<Found, CliError> {
    match named.split_once('@') {
        Some((plugin, version)) => {
            let version: Version =
                version.parse().or_exit_while(Exit::Usage, || format!("{version:?} is no version"))?;
            match log.digest_of(plugin, &version) {
                Some(digest) => Ok((activator.load(digest).await.or_exit(Exit::Plugin)?, None)),
                None => in_folder(settings, |it| it.manifest().name == plugin && it.manifest().version == version)
                    .ok_or_else(|| missing(log, plugin, named)),
            }
        }
        None => by_digest(settings, activator, named).await,
    }
}

/// Characters of a digest that are enough to name it.
const SHORTEST: usize = 6;

async fn by_digest(settings: &Settings, activator: &Activator, named: &str) -> Result<Found, CliError> {
    let start = named.to_lowercase();
    let usage = |why: String| CliError::new(Exit::Usage, why);
    if start.len() < SHORTEST || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(usage(format!("{named:?}: write NAME@VERSION, or at least {SHORTEST} characters of a digest")));
    }
    let is_named = |digest: Digest| digest.to_string().starts_with(&start);
    let records = activator.store.components().await.or_exit(Exit::Store)?;
    let found: Vec<Digest> = records.iter().map(|record| record.digest).filter(|digest| is_named(*digest)).collect();
    match found[..] {
        [digest] => Ok((activator.load(digest).await.or_exit(Exit::Plugin)?, None)),
        [] => in_folder(settings, |component| is_named(component.digest()))
            .ok_or_else(|| CliError::new(Exit::Some, format!("no component begins with {named}"))),
        _ => Err(usage(format!("{} components begin with {named}: give more of it", found.len()))),
    }
}

fn in_folder(settings: &Settings, is_it: impl Fn(&dyn Component) -> bool) -> Option<Found> {
    let source = wiring::source(settings, CachePolicy::CompiledCode).ok()?;
    source.scan().ok()?.into_iter().find_map(|file| {
        let bytes = source.read(&file.name).ok()?;
        let component = source.load(&bytes).ok()?;
        is_it(&*component).then_some((component, Some(bytes)))
    })
}

fn missing(log: &ActivationState, plugin: &str, named: &str) -> CliError {
    let versions: Vec<String> = log.versions(plugin).into_iter().map(ToString::to_string).collect();
    let known = match versions.is_empty() {
        true => format!("no version of {plugin} was live"),
        false => format!("{} were live", versions.join(", ")),
    };
    CliError::new(Exit::Some, format!("there is no {named}: {known}, and no file of the folder is it"))
}

fn say(activation: &Activation, log: &ActivationState, global: &Global) -> Result<Exit, CliError> {
    let version = |digest: Option<Digest>| {
        digest.and_then(|digest| log.component(digest)).map(|(_, version)| version.to_string())
    };
    let (now, before) = (version(activation.to).unwrap_or_default(), version(activation.from));
    if global.json {
        output::print_json(&json!({
            "n": activation.seq,
            "at": render::time(activation.at),
            "plugin": activation.plugin,
            "cause": activation.cause,
            "version": now,
            "digest": activation.to,
            "before": before,
            "who": activation.who,
            "why": activation.why,
        }))?;
        return Ok(Exit::Ok);
    }
    let is_live = match (activation.to, before) {
        (None, before) => format!("{} {} is not live any more", activation.plugin, before.unwrap_or_default()),
        (Some(_), Some(before)) => format!("{} {now} is live in place of {before}", activation.plugin),
        (Some(_), None) => format!("{} {now} is live", activation.plugin),
    };
    output::print(&format!(
        "{is_live}: recorded as activation {}; a host that watches follows at once, others when they start\n",
        activation.seq
    ))?;
    Ok(Exit::Ok)
}
