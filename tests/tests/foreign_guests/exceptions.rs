//! An exception that nobody catches is a fault, with its message and its stack.

use cantus_model::FaultKind;

use super::{JAVASCRIPT, PYTHON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_javascript_reaches_the_fault() {
    let world = World::of(&JAVASCRIPT).await;
    assert_eq!(world.add("before", "a", 7).await, Ok(1));
    let fault = world.fault("Throw").await;
    assert_eq!(fault.kind, FaultKind::Trap);
    println!("{fault}");
    assert!(fault.message.starts_with("RangeError: the tally stands at 7 overdraw@tally.js:"), "{fault}");
    assert_eq!(world.add("after", "a", 7).await, Ok(2));
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_of_python_reaches_the_fault() {
    let world = World::of(&PYTHON).await;
    assert_eq!(world.add("before", "a", 7).await, Ok(1));
    let fault = world.fault("Raise").await;
    assert_eq!(fault.kind, FaultKind::Trap);
    println!("{fault}");
    assert!(fault.message.starts_with("Traceback (most recent call last): File "), "{fault}");
    assert!(fault.message.ends_with(", in overdraw ValueError: the balance is 7"), "{fault}");
    assert_eq!(world.add("after", "a", 7).await, Ok(2));
    world.engine.shutdown().await;
}
