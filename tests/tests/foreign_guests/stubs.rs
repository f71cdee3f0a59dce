//! An import that a runtime brings and the host does not answer stops the guest by name; and there is no file to open.

use cantus_model::{FaultKind, Outcome};

use super::{Guest, JAVASCRIPT, PYTHON, World};

async fn refused(guest: &'static Guest, command: &str) -> String {
    let world = World::of(guest).await;
    let fault = world.fault(command).await;
    assert_eq!(fault.kind, FaultKind::RefusedCall, "{fault}");
    assert_eq!(world.add("after", "a", 7).await, Ok(1));
    world.engine.shutdown().await;
    fault.message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_stub_is_a_fault_that_names_it() {
    for (guest, command, import) in [
        (&*JAVASCRIPT, "Fetch", "wasi:http/types.[constructor]fields"),
        (&*JAVASCRIPT, "Wait", "wasi:clocks/monotonic-clock.subscribe-instant"),
        (&*PYTHON, "Connect", "wasi:sockets/tcp-create-socket.create-tcp-socket"),
        (&*PYTHON, "Sleep", "wasi:clocks/monotonic-clock.subscribe-instant"),
    ] {
        let expected = format!("it called {import}, which the sandbox refuses");
        assert_eq!(refused(guest, command).await, expected, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_file() {
    let world = World::of(&PYTHON).await;
    let decided = world.ask("file", "a", "ReadFile", "{}").await.unwrap();
    let Outcome::Rejected(rejection) = decided.outcome else { panic!("{decided:?}") };
    assert_eq!(rejection.message, "FileNotFoundError");
    world.engine.shutdown().await;
}
