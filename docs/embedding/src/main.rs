//! A program that embeds a Cantus host: `cargo run -- PLUGINS DATA`, where the folder PLUGINS holds `counter.wasm`.

use std::{env, path::PathBuf};

use cantus_host::{Host, StateAt};
use cantus_model::{AggregateRef, Command};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(plugins), Some(data)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embedding PLUGINS DATA".into());
    };
    let store = format!("sqlite:{}/cantus.db", data.display());
    let host = Host::builder().store(store).plugins(plugins).data(data).start().await?;

    let counter = AggregateRef::new("Counter", "c-1");
    for id in ["order-1", "order-2", "order-1"] {
        let outcome = host.execute(Command::new(id, counter.clone(), "Increment", "{}")).await?;
        println!("{id}: version {}, duplicate: {}", outcome.version, outcome.duplicate);
    }

    let state = host.query().state(&counter, StateAt::Latest).await?;
    println!("{counter} at version {}: {}", state.version, String::from_utf8_lossy(&state.state));

    host.shutdown().await;
    Ok(())
}
