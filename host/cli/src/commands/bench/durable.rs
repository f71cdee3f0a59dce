//! Durable commands per second, over many aggregates and on a hot one, and the memory that warm aggregates take.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use cantus_engine::{Engine, Settings};
use cantus_store::ceiling;

use super::{
    figure::{Figure, Goal, median},
    load::{self, Run, scatter},
    memory,
    world::{World, account, deposit, open},
};

const ACCOUNTS: usize = 10_000;
const IN_FLIGHT: usize = 256;
const ROUNDS: usize = 5;
const COMMANDS: usize = 25_000;
const COMMANDS_ONE_BY_ONE: usize = 500;
const MEMORY_GOAL_MB: f64 = 300.0;

/// Per second.
type Rate = f64;

pub(super) async fn measure(world: &World) -> Result<Vec<Figure>> {
    let settings = Settings { resident_aggregates: ACCOUNTS, ..Settings::default() };
    let engine = Arc::new(world.engine("durable.db", settings).await?);
    load::run(&engine, ACCOUNTS, IN_FLIGHT, |number| open(account(number))).await?;
    let memory = memory::own_mb()?;
    let (mut many, mut bare, mut hot) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let copy = world.path(&format!("bare-{round}.db"));
        ceiling::copy(&world.path("durable.db"), &copy).await?;
        let run = run_many(&engine, round).await?;
        many.push(rate(COMMANDS, run.took));
        let took = ceiling::bare_insert(&world.path("durable.db"), &copy, &run.batches).await?;
        bare.push(rate(COMMANDS, took));
        let run = load::run(&engine, COMMANDS, IN_FLIGHT, |number| deposit(account(0), number)).await?;
        hot.push(rate(COMMANDS, run.took));
    }
    engine.shutdown().await;
    let alone = one_by_one(world).await?;
    let (many, bare, hot) = (median(many), median(bare), median(hot));
    let goal = Some(Goal::AtLeast(0.5));
    Ok(vec![
        Figure::new("memory_10k", (memory, "MB"), ("goal", MEMORY_GOAL_MB), Some(Goal::AtMost(1.0))),
        Figure::new("durable_many", (many, "commands/s"), ("bare multi-row insert", bare), goal),
        Figure::new("durable_one_by_one", (alone, "commands/s"), ("bare multi-row insert", bare), None),
        Figure::new("durable_hot", (hot, "commands/s"), ("durable_many", many), goal),
    ])
}

async fn run_many(engine: &Arc<Engine>, round: usize) -> Result<Run> {
    load::run(engine, COMMANDS, IN_FLIGHT, move |number| {
        let number = round * COMMANDS + number;
        deposit(account(scatter(number, ACCOUNTS)), number)
    })
    .await
}

/// The same with one transaction a command.
async fn one_by_one(world: &World) -> Result<Rate> {
    let engine = Arc::new(world.engine("durable.db", Settings { batch_commands: 1, ..Settings::default() }).await?);
    let run = load::run(&engine, COMMANDS_ONE_BY_ONE, IN_FLIGHT, |number| {
        deposit(account(scatter(number, ACCOUNTS)), number)
    });
    let took = run.await?.took;
    engine.shutdown().await;
    Ok(rate(COMMANDS_ONE_BY_ONE, took))
}

fn rate(count: usize, took: Duration) -> Rate {
    count as f64 / took.as_secs_f64()
}
