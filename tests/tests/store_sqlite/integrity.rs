//! Checksums and the chain: damage is found when it is read, and `check` finds all of it.

use cantus_model::{Digest, EventQuery, HistoryQuery, PageLimit, Snapshot, ports::StoreError};
use cantus_store::CheckReport;
use cantus_tests::store_suite::{activations, given::*};

use super::{fixture, open, open_raw, tamper};

/// Creates a store with three commits of two accounts, a rejection, two snapshots, an activation and component bytes.
async fn filled_store(url: &str) -> Subject {
    let store = open(url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claim, &[accepted("a1", "a", 0, &["{\"amount\":10}", "{\"amount\":20}"])]).await;
    commit(&store, claim, &[accepted("b1", "b", 0, &["{\"amount\":30}"]), rejected("b2", "b", 1)]).await;
    commit(&store, claim, &[accepted("a2", "a", 2, &["{\"amount\":40}"])]).await;
    store.save_snapshots(claim, &[snapshot("a", 3), snapshot("b", 1)]).await.unwrap();
    let bank = activations::component("bank", "1.0.0", "bank");
    let activation = activations::activation(1, &bank);
    assert!(store.append_activation(ActivationAuthor::Host(claim), &activation, Some(&bank)).await.unwrap());
    store.put_component(b"bank").unwrap();
    store
}

fn snapshot(of: &str, version: u64) -> Snapshot {
    let component = Digest::of(b"bank");
    Snapshot { aggregate: account(of), version, component, state: format!("{{\"of\":{of:?}}}").into_bytes() }
}

async fn check(url: &str) -> CheckReport {
    cantus_store::check(url, |_, _| ()).await.unwrap()
}

/// Reads everything of a store. Returns the first error.
async fn read_all(store: &Subject) -> Result<(), StoreError> {
    for of in ["a", "b"] {
        store.read_stream(&account(of), 0, PageLimit::events(9)).await?;
        let query = EventQuery { aggregate: Some(account(of)), limit: 9, ..EventQuery::default() };
        store.read_events(&query).await?;
    }
    store.read_events(&EventQuery { limit: 9, ..EventQuery::default() }).await?;
    for id in ["a1", "b1", "b2", "a2"] {
        store.command(id).await?;
    }
    let mut history = store.history(&HistoryQuery::default()).await?;
    while history.next_page().await?.is_some() {}
    store.activations(0).await?;
    store.components().await.map(drop)
}

#[tokio::test]
async fn an_intact_store_has_no_problems() {
    let (_folder, _, url) = fixture();
    let store = filled_store(&url).await;
    read_all(&store).await.unwrap();
    let report = check(&url).await;
    assert_eq!(report.problems, Vec::<String>::new());
    let head = report.heads[0];
    assert_eq!((head.commands, head.events, report.snapshots), (4, 4, 2));
    assert_eq!(report.deciders, [Digest::of(b"bank")]);
    assert_eq!(report.info, store.log_info().await.unwrap());
}

#[tokio::test]
async fn a_changed_byte_is_found_when_it_is_read_and_by_a_check() {
    for damage in [
        "UPDATE event SET payload = CAST(replace(CAST(payload AS TEXT), '30', '31') AS BLOB) WHERE pk = 2",
        "UPDATE event SET recorded_at = 999 WHERE pk = 0",
        "UPDATE event SET kind = 2 WHERE pk = 3",
        "UPDATE kind SET name = 'Withdrawn' WHERE name = 'Deposited'",
        "UPDATE event SET version = version + 10 WHERE stream = 1; UPDATE event SET stream = 1, version = 1 WHERE pk = 2",
        "UPDATE command SET payload = x'7b7d' WHERE pk = 1",
        "UPDATE command SET outcome = replace(outcome, 'lacks 3', 'lacks 4') WHERE pk = 3",
        "UPDATE command SET context = replace(context, 'somebody', 'nobody') WHERE pk = 2",
        "UPDATE command SET request = 3 WHERE pk = 4",
        "UPDATE command SET recorded_at = recorded_at - 1 WHERE pk = 1",
        "UPDATE decider SET digest = zeroblob(32)",
        "UPDATE stream SET aggregate_id = 'c' WHERE pk = 2",
        "UPDATE activation SET why = 'another reason'",
        "UPDATE component SET manifest = replace(manifest, '1.0.0', '1.0.1')",
    ] {
        let (_folder, path, url) = fixture();
        let store = filled_store(&url).await;
        tamper(&path, damage);
        let error = read_all(&store).await.expect_err(damage);
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error}");
        assert!(check(&url).await.problem_count > 0, "{damage}");
    }
}

#[tokio::test]
async fn a_snapshot_under_another_stream_is_not_used() {
    let (_folder, path, url) = fixture();
    let store = filled_store(&url).await;
    tamper(&path, "DELETE FROM snapshot WHERE pk = 2; UPDATE snapshot SET pk = 2 WHERE pk = 4");
    assert_eq!(store.load_snapshot(&account("a"), Digest::of(b"bank")).await.unwrap(), None);
    let problems = check(&url).await.problems;
    assert!(matches!(&problems[..], [one] if one.contains("a snapshot of Account/a")), "{problems:?}");
}

/// A row whose checksum was repaired still breaks the chain.
#[tokio::test]
async fn a_rewritten_commit_breaks_the_chain() {
    let ((_folder, path, url), (_other_folder, other_path, other_url)) = (fixture(), fixture());
    let entries = |amount: &str| [accepted("c2", "a", 1, &[amount])];
    let (store, other) = (open(&url).await, open(&other_url).await);
    for (store, amount) in [(&store, "10"), (&other, "99")] {
        let claim = store.claim(PartitionId::FIRST).await.unwrap();
        commit(store, claim, &[accepted("c1", "a", 0, &["1"])]).await;
        commit(store, claim, &entries(amount)).await;
        commit(store, claim, &[accepted("c3", "a", 2, &["1"])]).await;
    }
    let connection = open_raw(&path);
    connection.execute("ATTACH ? AS other", [other_path.to_str().unwrap()]).unwrap();
    let rewrite =
        "UPDATE event SET (payload, checksum) = (SELECT payload, checksum FROM other.event WHERE pk = 1) WHERE pk = 1";
    connection.execute_batch(rewrite).unwrap();
    assert_eq!(payloads(&store, "a").await, ["1", "99", "1"], "each row looks whole");
    let problems = check(&url).await.problems;
    assert!(matches!(&problems[..], [one] if one.contains("the commit that ends with the command c2")), "{problems:?}");
}

#[tokio::test]
async fn a_check_finds_missing_rows() {
    for (damage, found) in [
        ("DELETE FROM event WHERE pk = 1", "offsets 1 to 1"),
        ("DELETE FROM command WHERE pk = 2", "commands 2 to 2"),
        (
            "DELETE FROM command WHERE pk = 4; DELETE FROM event WHERE pk = 3",
            "has 3 commands and 3 events, and its row counts 4 and 4",
        ),
        ("UPDATE partition SET head = 9", "and its row counts 4 and 9"),
        ("UPDATE partition SET streams = 3", "has 2 streams, and its row counts 3"),
        ("UPDATE command SET chain = NULL WHERE pk = 4", "the last 1 commands of partition 0 belong to no commit"),
        ("UPDATE command SET base_version = 1 WHERE pk = 4", "stands on version 1"),
        ("UPDATE snapshot SET version = 9 WHERE pk = 2", "a snapshot of Account/a"),
        ("DELETE FROM stream WHERE pk = 2", "commands 2 to 3"),
    ] {
        let (_folder, path, url) = fixture();
        filled_store(&url).await;
        tamper(&path, damage);
        let problems = check(&url).await.problems;
        assert!(problems.iter().any(|problem| problem.contains(found)), "{damage}: {problems:?}");
    }
}

/// The rest is still checked, and intact rows are not reported.
#[tokio::test]
async fn a_check_continues_after_unreadable_rows() {
    for (damage, most) in [
        ("UPDATE event SET kind = 99 WHERE pk = 2", 3),
        ("DELETE FROM event WHERE pk = 2", 6),
        ("UPDATE command SET outcome = 'no json' WHERE pk = 2", 3),
        ("UPDATE command SET outcome = 4294967295 WHERE pk = 2", 7),
        ("UPDATE command SET kind = 99 WHERE pk = 1", 4),
        ("UPDATE snapshot SET decider = 99 WHERE pk = 2", 1),
        ("UPDATE activation SET cause = 'none'", 1),
    ] {
        let (_folder, path, url) = fixture();
        filled_store(&url).await;
        tamper(&path, damage);
        tamper(&path, "UPDATE component SET manifest = replace(manifest, '1.0.0', '1.0.1')");
        let problems = check(&url).await.problems;
        assert!((2..=most + 1).contains(&problems.len()), "{damage}: {problems:#?}");
        assert!(problems.iter().any(|problem| problem.contains("the record of component")), "{damage}: {problems:#?}");
    }
}

#[tokio::test]
async fn a_claim_on_wrong_counts_is_refused() {
    for damage in [
        "UPDATE partition SET head = 9",
        "UPDATE partition SET head = 2",
        "UPDATE partition SET streams = 1",
        "UPDATE partition SET commands = 3",
    ] {
        let (_folder, path, url) = fixture();
        drop(filled_store(&url).await);
        tamper(&path, damage);
        std::fs::remove_file(format!("{}-heads", path.display())).unwrap();
        let claimed = open(&url).await.claim(PartitionId::FIRST).await;
        assert!(matches!(claimed, Err(StoreError::Corrupt(_))), "{damage}: {claimed:?}");
    }
}
