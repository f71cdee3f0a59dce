//! Ctrl-C and termination: once means stop reading, twice means stop at once.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use crate::exit_codes::{CliError, Exit, OrExit};

/// Resolves at the first signal. The second one ends the process.
pub(super) fn listen() -> Result<oneshot::Receiver<()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).or_exit(Exit::Machine)?;
    let mut terminate = signal(SignalKind::terminate()).or_exit(Exit::Machine)?;
    let (first, stop) = oneshot::channel();
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        // Nobody listens once the feed has ended: then there is nothing to wait for but what the host still holds.
        let _ = first.send(());
        next(&mut interrupt, &mut terminate).await;
        eprintln!("stopped at once; what was acknowledged is stored");
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(stop)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
