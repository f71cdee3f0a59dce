//! Lets guests decide and checks their verdicts: one rule for the engine, replay and verification.

use crate::{
    Context, Fault, FaultKind, HostedAggregate, Message, Verdict,
    ports::{AggregateSandbox, HandleError, InstanceId},
};

/// Lets a guest decide a command that its manifest declares, and checks the verdict. A guest that breaks its own
/// declaration, or returns more than `limit` events, faults.
///
/// # Errors
/// If the payload does not decode, or the guest faults.
pub fn decide(
    sandbox: &mut dyn AggregateSandbox,
    instance: InstanceId,
    hosted: &HostedAggregate,
    command: &Message,
    context: &Context,
    limit: usize,
) -> Result<Verdict, HandleError> {
    let verdict = sandbox.handle(instance, command, context)?;
    check_verdict(hosted, command, &verdict, limit)?;
    Ok(verdict)
}

fn check_verdict(
    hosted: &HostedAggregate,
    command: &Message,
    verdict: &Verdict,
    limit: usize,
) -> Result<(), Box<Fault>> {
    match verdict {
        Verdict::Accepted(events) => check_events(hosted, command, events, limit),
        Verdict::Rejected(rejection) if rejection.code.is_empty() => {
            Err(hosted.fault("it rejected a command without a code".into()))
        }
        Verdict::Rejected(_) => Ok(()),
    }
}

fn check_events(
    hosted: &HostedAggregate,
    command: &Message,
    events: &[Message],
    limit: usize,
) -> Result<(), Box<Fault>> {
    if events.len() > limit {
        let message = format!("it returned {} events, the limit `engine.events_per_command` is {limit}", events.len());
        return Err(Box::new(Fault { kind: FaultKind::ResultTooLarge, ..*hosted.fault(message) }));
    }
    match events.iter().find(|event| !hosted.may_return(command, event)) {
        Some(event) => Err(hosted.fault(format!(
            "{} v{} returned {:?} v{}, which it does not declare to produce",
            command.name, command.version, event.name, event.version
        ))),
        None => Ok(()),
    }
}
