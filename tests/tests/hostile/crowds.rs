//! Many large aggregates, and streams of large events, on a guest with 32 MiB of memory.

use cantus_engine::EngineSettings;
use cantus_tests::{guests, host};

use super::{World, accepted};

const KEEP: &str = r#"{"bytes": 1000000}"#;

async fn keep(world: &World, id: String, who: usize) -> u64 {
    accepted(world.engine.execute(host::command(&id, &format!("Hoarder/{who}"), "Keep", KEEP)).await)
}

/// Nobody is refused because others fill the memory, whether or not sandboxes are given up in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_that_fill_the_memory_harm_nobody() {
    for sandbox_bytes in [12 << 20, usize::MAX] {
        let world = World::with(EngineSettings { sandbox_bytes, ..host::settings() }).await;
        for round in 0..4 {
            for who in 0..30 {
                assert_eq!(keep(&world, format!("{round}-{who}"), who).await, round + 1, "{sandbox_bytes}: {who}");
            }
        }
        world.engine.shutdown().await;
    }
}

/// 60 MB of events, of which the guest can hold a fraction at a time; its state is one number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_larger_than_the_memory_is_hydrated() {
    for page_bytes in [4 << 20, usize::MAX] {
        let settings = || EngineSettings { page_bytes, ..host::settings() };
        let store = std::sync::Arc::new(cantus_store::MemoryStore::default());
        let note = "x".repeat(900_000);
        let deposit = format!(r#"{{"amount": 1, "reference": "{note}"}}"#);
        let engine = host::start(settings(), store.clone(), guests::BANK).await;
        let open = host::command("open", "Account/a", "OpenAccount", r#"{"owner": "Ada"}"#);
        accepted(engine.execute(open).await);
        for n in 0..60 {
            accepted(engine.execute(host::command(&n.to_string(), "Account/a", "Deposit", &deposit)).await);
        }
        engine.shutdown().await;
        let engine = host::start(settings(), store, guests::BANK).await;
        let last = host::command("last", "Account/a", "Withdraw", r#"{"amount": 60}"#);
        assert_eq!(accepted(engine.execute(last).await), 62, "{page_bytes} bytes a page");
        engine.shutdown().await;
    }
}
