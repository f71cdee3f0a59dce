//! `cantus plugin activate`, `rollback` and `deactivate`: a person chooses which version is live.

use cantus_host::{
    ActivationCheck, ActivationReason, HostError, Operations, RecordedActivation, wire::activation_json,
};

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

The component is one that was live before, or one in the folder of plugins. Name it by its version
or by the first characters of its digest. A running host (`cantus run --watch`) activates it within
the time of the setting registry.rescan_ms; otherwise it is live from the next start. The version
that it replaces does not go live again by itself, although its file is in the folder of plugins.

The component is verified first. If the verification refuses it, or was not finished in time, it
goes live only with --no-verify and a reason in --why.";

/// The help of `cantus plugin rollback`.
pub(super) const ROLLBACK: &str = "\
Examples:
  cantus plugin rollback flights --why 'departures are rejected'

The version before the current one goes live again. It is not verified, because it was live before.
A running host (`cantus run --watch`) activates it within the time of the setting
registry.rescan_ms. Only `cantus plugin activate` makes the replaced version live again.";

/// The help of `cantus plugin deactivate`.
pub(super) const DEACTIVATE: &str = "\
Examples:
  cantus plugin deactivate flights --why 'replaced by flights2'

No version of the plugin is live any more. Its commands are answered with \"unknown aggregate\";
its history stays. Remove its files from the folder of plugins first, because a file in the folder
would go live again.

A running host (`cantus run --watch`) deactivates a plugin by itself when the last file of the
plugin is removed from the folder. A host that starts without the file does not: the version stays
live until this command ends it.";

/// The arguments of `cantus plugin activate`.
#[derive(Debug, clap::Args)]
#[command(after_help = ACTIVATE)]
pub(crate) struct ActivateArgs {
    /// NAME@VERSION, or the first characters of a digest
    #[arg(value_name = "NAME@VERSION|DIGEST")]
    component: String,
    /// Activate the component without verifying it; needs --why
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// The arguments of `cantus plugin rollback` and `cantus plugin deactivate`.
#[derive(Debug, clap::Args)]
pub(crate) struct PluginChangeArgs {
    /// The name of the plugin
    name: String,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// The person and the reason that are recorded with an activation.
#[derive(Debug, clap::Args)]
pub(crate) struct ReasonArgs {
    /// The reason, which is recorded with the activation
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// The person who decides [default: the user who runs this command]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl ReasonArgs {
    fn resolve(self) -> ActivationReason {
        let user = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let who = self.who.or_else(user).filter(|who| !who.is_empty()).unwrap_or_else(|| "somebody".into());
        ActivationReason { who, why: self.why }
    }
}

/// Opens the store of the settings for a change.
async fn open(store: StoreArg, plugins: PluginsArg, global: &GlobalArgs) -> Result<Operations, CliError> {
    let flags = [("store", store.store), ("plugins", plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    Ok(Operations::open(&settings.host).await?)
}

/// Makes a component live.
///
/// # Errors
/// If there is no such component, or its verification refuses it.
pub(crate) async fn activate(args: ActivateArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    if args.no_verify && args.reason.why.trim().is_empty() {
        return Err(CliError::new(Exit::Usage, "--no-verify needs a reason: give one with --why"));
    }
    let check = if args.no_verify { ActivationCheck::Unverified } else { ActivationCheck::Verified };
    let operations = open(args.store, args.plugins, global).await?;
    match operations.activate(&args.component, check, args.reason.resolve()).await {
        Err(HostError::Verification(report)) => {
            if global.json {
                output::print_json(&report)?;
            }
            let advice = "to activate it without verification, use --no-verify and give a reason with --why";
            Err(CliError::new(Exit::Plugin, format!("{}{advice}", findings::report_text(&report))))
        }
        recorded => print_activation(&recorded?, global),
    }
}

/// Makes the version live again that was live before.
///
/// # Errors
/// If no version was live before.
pub(crate) async fn rollback(args: PluginChangeArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let operations = open(args.store, args.plugins, global).await?;
    print_activation(&operations.rollback(&args.name, args.reason.resolve()).await?, global)
}

/// Deactivates a plugin.
///
/// # Errors
/// If the plugin is not live, or a file of it is in the folder of plugins.
pub(crate) async fn deactivate(args: PluginChangeArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let operations = open(args.store, args.plugins, global).await?;
    print_activation(&operations.deactivate(&args.name, args.reason.resolve()).await?, global)
}

fn print_activation(recorded: &RecordedActivation, global: &GlobalArgs) -> Result<Exit, CliError> {
    if global.json {
        output::print_json(&activation_json(recorded))?;
        return Ok(Exit::Ok);
    }
    let RecordedActivation { activation, version, before } = recorded;
    let plugin = &activation.plugin;
    let change = match (version, before) {
        (None, Some(before)) => format!("{plugin} {before} is not live any more"),
        (None, None) => format!("{plugin} is not live any more"),
        (Some(version), Some(before)) => format!("{plugin} {version} is live in place of {before}"),
        (Some(version), None) => format!("{plugin} {version} is live"),
    };
    output::print(&format!(
        "{change}: recorded as activation {}; a running host with --watch follows at once, other hosts when they start\n",
        activation.seq
    ))?;
    Ok(Exit::Ok)
}
