//! Ctrl-C and termination signals: the first one stops reading, the second one stops the process.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use crate::exit_codes::{CliError, Exit, OrExit};

/// Listens for signals. The receiver resolves at the first one; the second one ends the process.
pub(super) fn listen() -> Result<oneshot::Receiver<()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).or_exit(Exit::Machine)?;
    let mut terminate = signal(SignalKind::terminate()).or_exit(Exit::Machine)?;
    let (first, stop) = oneshot::channel();
    tokio::spawn(async move {
        next_signal(&mut interrupt, &mut terminate).await;
        // After the end of the feed nobody receives this, and the host is shutting down already.
        let _ = first.send(());
        next_signal(&mut interrupt, &mut terminate).await;
        eprintln!("stopped at once; every command that was acknowledged is stored");
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(stop)
}

async fn next_signal(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
