//! What a guest's reply amounts to. Replay judges by the same rules.

use cantus_model::{Fault, FaultKind, Message, Rejection, Verdict, ports::Reply};

use crate::plugins::Hosted;

/// The decision in a reply; or, inside, why the payload was not accepted. A guest that breaks its own declaration, or
/// returns more than `limit` events, faults.
pub(crate) fn of(
    hosted: &Hosted,
    command: &Message,
    reply: Reply,
    limit: usize,
) -> Result<Result<Verdict, String>, Box<Fault>> {
    match reply {
        Reply::Events(events) => {
            check_events(hosted, command, &events, limit)?;
            Ok(Ok(Verdict::Accepted(events)))
        }
        Reply::Rejected(Rejection { code, .. }) if code.is_empty() => {
            Err(fault(hosted, "it rejected a command without a code".into()))
        }
        Reply::Rejected(rejection) => Ok(Ok(Verdict::Rejected(rejection))),
        Reply::Unknown(what) => {
            Err(fault(hosted, format!("it declares {} v{} but answered: {what}", command.name, command.version)))
        }
        Reply::Malformed(why) => Ok(Err(why)),
    }
}

fn check_events(hosted: &Hosted, command: &Message, events: &[Message], limit: usize) -> Result<(), Box<Fault>> {
    if events.len() > limit {
        let message = format!("it returned {} events, the limit `engine.events_per_command` is {limit}", events.len());
        return Err(Box::new(Fault { kind: FaultKind::ResultTooLarge, ..*fault(hosted, message) }));
    }
    match events.iter().find(|event| !hosted.may_return(command, event)) {
        Some(event) => Err(fault(
            hosted,
            format!(
                "{} v{} returned {:?} v{}, which it does not declare to produce",
                command.name, command.version, event.name, event.version
            ),
        )),
        None => Ok(()),
    }
}

/// The guest broke its own declaration.
pub(crate) fn fault(hosted: &Hosted, message: String) -> Box<Fault> {
    let manifest = hosted.component.manifest();
    Box::new(Fault {
        kind: FaultKind::Malformed,
        call: "handle",
        message,
        backtrace: Vec::new(),
        plugin: format!("{}@{}", manifest.name, manifest.version),
        component: hosted.digest,
    })
}
