//! `cantus plugin activate`, `rollback` and `deactivate`: a person decides what is live.

use cantus_host::{ActivationCheck, ActivationDone, ActivationReason, HostError, Operations, wire::activation_json};

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit},
    findings, output, settings,
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
    fn resolve(self) -> ActivationReason {
        let user = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let who = self.who.or_else(user).filter(|who| !who.is_empty()).unwrap_or_else(|| "somebody".into());
        ActivationReason { who, why: self.why }
    }
}

/// Makes a component live.
///
/// # Errors
/// If there is no such component, or it may not go live.
pub(crate) async fn activate(args: ActivateArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    if args.no_verify && args.reason.why.trim().is_empty() {
        return Err(CliError::new(Exit::Usage, "--no-verify needs a reason: give one with --why"));
    }
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let check = if args.no_verify { ActivationCheck::Unverified } else { ActivationCheck::Verified };
    let operations = Operations::open(&settings.host).await?;
    match operations.activate(&args.component, check, args.reason.resolve()).await {
        Err(HostError::Verification(report)) => {
            if global.json {
                output::print_json(&report)?;
            }
            let advice = "to have it live all the same, use --no-verify and say why with --why";
            Err(CliError::new(Exit::Plugin, format!("{}{advice}", findings::report(&report))))
        }
        done => say(&done?, global),
    }
}

/// Goes back to what was live before.
///
/// # Errors
/// If there is nothing to go back to.
pub(crate) async fn rollback(args: RollbackArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    say(&Operations::open(&settings.host).await?.rollback(&args.name, args.reason.resolve()).await?, global)
}

/// Ends a plugin.
///
/// # Errors
/// If it is not live, or a file of it lies in the folder.
pub(crate) async fn deactivate(args: DeactivateArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    say(&Operations::open(&settings.host).await?.deactivate(&args.name, args.reason.resolve()).await?, global)
}

fn say(done: &ActivationDone, global: &GlobalArgs) -> Result<Exit, CliError> {
    if global.json {
        output::print_json(&activation_json(done))?;
        return Ok(Exit::Ok);
    }
    let ActivationDone { activation, version, before } = done;
    let plugin = &activation.plugin;
    let is_live = match (version, before) {
        (None, Some(before)) => format!("{plugin} {before} is not live any more"),
        (None, None) => format!("{plugin} is not live any more"),
        (Some(version), Some(before)) => format!("{plugin} {version} is live in place of {before}"),
        (Some(version), None) => format!("{plugin} {version} is live"),
    };
    output::print(&format!(
        "{is_live}: recorded as activation {}; a host that watches follows at once, others when they start\n",
        activation.seq
    ))?;
    Ok(Exit::Ok)
}
