//! A store that went back in time is refused until a person accepts it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use cantus_model::ports::StoreError;
use cantus_store::{SqliteOptions, SqliteStore};
use cantus_tests::store_suite::given::*;

use super::{fixture, open, open_raw};

async fn write(url: &str, ids: &[&str], from: u64) {
    let store = open(url).await;
    let claim = store.claim(PartitionId::FIRST).await.unwrap();
    for (version, id) in (from..).zip(ids) {
        commit(&store, claim, &[accepted(id, "a", version, &["x"])]).await;
    }
}

async fn claim(url: &str) -> Result<Claim, StoreError> {
    open(url).await.claim(PartitionId::FIRST).await
}

/// Replaces the store by other bytes, as a restore from a copy does.
fn restore(path: &Path, bytes: &[u8]) {
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    fs::write(path, bytes).unwrap();
}

fn went_back(claimed: Result<Claim, StoreError>, what: &str) {
    let error = claimed.expect_err(what);
    let StoreError::WentBack(text) = &error else { panic!("{error}") };
    assert!(text.contains(what) && text.contains("cantus store accept"), "{text}");
}

#[tokio::test]
async fn an_older_copy_is_refused_until_it_is_accepted() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1", "c2"], 0).await;
    let copy = fs::read(&path).unwrap();
    write(&url, &["c3", "c4"], 2).await;
    restore(&path, &copy);
    went_back(claim(&url).await, "2 are missing");
    let report = cantus_store::check(&url, |_, _| ()).await.unwrap();
    assert!(matches!(&report.problems[..], [one] if one.contains("2 are missing")), "{:?}", report.problems);
    let store = open(&url).await;
    assert_eq!(payloads(&store, "a").await.len(), 2, "it can be read");

    let heads = cantus_store::accept(&url).await.unwrap();
    assert_eq!((heads[0].commands, heads[0].events), (2, 2));
    assert_eq!(cantus_store::check(&url, |_, _| ()).await.unwrap().problems, Vec::<String>::new());
    write(&url, &["d3"], 2).await;
}

#[tokio::test]
async fn a_copy_that_went_on_by_itself_is_refused() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1", "c2"], 0).await;
    let copy = fs::read(&path).unwrap();
    write(&url, &["c3"], 2).await;
    let (_elsewhere, other_path, other_url) = fixture();
    fs::write(&other_path, copy).unwrap();
    write(&other_url, &["d3", "d4", "d5"], 2).await;
    restore(&path, &fs::read(&other_path).unwrap());
    went_back(claim(&url).await, "does not end the commit that was durable there");
}

#[tokio::test]
async fn another_log_is_refused() {
    let ((_folder, path, url), (_elsewhere, other_path, other_url)) = (fixture(), fixture());
    write(&url, &["c1"], 0).await;
    write(&other_url, &["c1", "c2"], 0).await;
    restore(&path, &fs::read(&other_path).unwrap());
    went_back(claim(&url).await, "was written here last");
}

/// Damage in the write-ahead log cuts off everything after it, which SQLite alone does not report.
#[tokio::test]
async fn a_store_whose_wal_has_a_flipped_bit_is_refused() {
    let (_folder, path, url) = fixture();
    let store = open(&url).await;
    let claimed = store.claim(PartitionId::FIRST).await.unwrap();
    for n in 0..9 {
        commit(&store, claimed, &[accepted(&format!("c{n}"), "a", n, &["x"])]).await;
    }
    // As a crash leaves them.
    let (elsewhere, other_path, other_url) = fixture();
    for end in ["", "-wal", "-heads"] {
        fs::copy(format!("{}{end}", path.display()), format!("{}{end}", other_path.display())).unwrap();
    }
    let wal = elsewhere.path().join("cantus.db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&wal, bytes).unwrap();
    went_back(claim(&other_url).await, "are missing");
}

#[tokio::test]
async fn a_store_without_a_heads_file_gets_one() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1"], 0).await;
    let heads = format!("{}-heads", path.display());
    fs::remove_file(&heads).unwrap();
    write(&url, &["c2"], 1).await;
    assert!(fs::read_to_string(&heads).unwrap().contains("\n0 2 2 "));
}

#[tokio::test]
async fn the_host_that_holds_a_locked_store_is_named() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1"], 0).await;
    let mut host = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    let heads = format!("{}-heads", path.display());
    let text = fs::read_to_string(&heads).unwrap();
    let (title, rest) = text.split_at(128);
    let fields: Vec<&str> = title.split_whitespace().collect();
    fs::write(&heads, format!("{:<127}\n{rest}", format!("{} {} {} {}", fields[0], fields[1], fields[2], host.id())))
        .unwrap();
    let other_process = open_raw(&path);
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = SqliteOptions { busy_timeout: std::time::Duration::from_millis(50), ..SqliteOptions::default() };
    let error = SqliteStore::open_with(&url, options).await.unwrap_err().to_string();
    assert!(error.contains(&format!("process id {}", host.id())) && error.contains("still running"), "{error}");
    host.kill().unwrap();
    host.wait().unwrap();
}

#[tokio::test]
async fn a_damaged_heads_file_is_refused() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1", "c2"], 0).await;
    let heads = format!("{}-heads", path.display());
    let text = fs::read_to_string(&heads).unwrap();
    for damage in
        [text.replacen("\n0 2 ", "\n0 1 ", 1), text.replacen("cantus-heads", "cantus-heaps", 1), String::new()]
    {
        fs::write(&heads, damage).unwrap();
        went_back(claim(&url).await, "nobody knows");
    }
    cantus_store::accept(&url).await.unwrap();
    claim(&url).await.unwrap();
}

#[tokio::test]
async fn accepting_fences_a_host_that_still_writes() {
    let (_folder, _, url) = fixture();
    let store = open(&url).await;
    let claimed = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claimed, &[accepted("c1", "a", 0, &["x"])]).await;
    cantus_store::accept(&url).await.unwrap();
    assert_eq!(store.commit(claimed, &[accepted("c2", "a", 1, &["x"])]).await, Err(StoreError::Fenced));
}

#[tokio::test]
async fn a_new_store_beside_a_heads_file_is_refused() {
    let (_folder, path, url) = fixture();
    write(&url, &["c1"], 0).await;
    fs::remove_file(&path).unwrap();
    let error = SqliteStore::open(&url).await.unwrap_err();
    assert!(matches!(&error, StoreError::WentBack(text) if text.contains("cantus.db-heads")), "{error}");
    fs::remove_file(format!("{}-heads", path.display())).unwrap();
    let _ = fs::remove_file(&path);
    claim(&url).await.unwrap();
}

/// An operator activates only in the store that was written last.
#[tokio::test]
async fn an_activation_in_a_store_that_went_back_is_refused() {
    use cantus_tests::store_suite::activations;
    let (_folder, path, url) = fixture();
    write(&url, &["c1"], 0).await;
    let copy = fs::read(&path).unwrap();
    write(&url, &["c2"], 1).await;
    restore(&path, &copy);
    let bank = activations::component("bank", "1.0.0", "a");
    let activation = activations::activation(1, &bank);
    let appended = open(&url).await.append_activation(ActivationAuthor::Operator, &activation, Some(&bank)).await;
    assert!(matches!(appended, Err(StoreError::WentBack(_))), "{appended:?}");
}

/// The files of a store are beside the file that a link leads to.
#[tokio::test]
async fn a_link_to_the_store_finds_its_files() {
    let (folder, path, url) = fixture();
    write(&url, &["c1", "c2"], 0).await;
    let copy = fs::read(&path).unwrap();
    write(&url, &["c3"], 2).await;
    let link = folder.path().join("elsewhere");
    fs::create_dir(&link).unwrap();
    std::os::unix::fs::symlink(&path, link.join("link.db")).unwrap();
    let by_link = format!("sqlite:{}", link.join("link.db").display());
    let store = open(&by_link).await;
    let claimed = store.claim(PartitionId::FIRST).await.unwrap();
    commit(&store, claimed, &[accepted("c4", "a", 3, &["x"])]).await;
    fs::remove_file(format!("{}-wal", path.display())).unwrap();
    assert!(matches!(store.commit(claimed, &[probe("c9", "a")]).await, Err(StoreError::Lost(_))));
    drop(store);
    restore(&path, &copy);
    went_back(claim(&by_link).await, "are missing");
}
