//! Files that people and programs leave in the folder while a plugin is live.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use cantus_engine::registry::FileState;
use cantus_model::{ActivationCause, Digest};
use cantus_tests::guests;

use super::{by, fixture::Fixture, shifty};

/// Every kind of file that is no component of this host, in the place of the live one: it stays live, over a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_takes_the_place_of_the_live_file_it_stays_live() {
    let fixture = Fixture::sqlite().await;
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let mut host = fixture.open().await;
    let next = shifty("1.1.0", "good");
    let compiled = compiled_code();
    let module = wat::parse_str("(module)").unwrap();
    let sockets = wat::parse_str(r#"(component (import "wasi:sockets/tcp@0.3.0" (instance)))"#).unwrap();
    let acme = wat::parse_str(r#"(component (import "acme:beam/up@1.0.0" (instance)))"#).unwrap();
    let huge = [next.as_slice(), &vec![0; 2 << 20]].concat();
    for (n, (bytes, why)) in [
        (b"".as_slice(), "empty"),
        (b"not wasm at all", "not a WebAssembly"),
        (&next[..next.len() / 2], "component"),
        (&next[..next.len() - 1], "component"),
        (&module, "core WebAssembly module"),
        (&compiled, "already compiled code"),
        (&other_contract(&next), "0.9.0"),
        (&sockets, "wasi:sockets/tcp@0.3.0"),
        (&acme, "acme:beam/up@1.0.0"),
        (&guests::rogue("panic"), "who am I?"),
        (&guests::shifty("shifty", "1.1.0", "loop-describe"), "fuel"),
        (&huge, "larger than"),
    ]
    .into_iter()
    .enumerate()
    {
        fixture.put("a.wasm", bytes);
        let reason = |status: &cantus_engine::registry::FileStatus| {
            status.state == FileState::Refused && status.reason.as_ref().is_some_and(|reason| reason.contains(why))
        };
        host.status("a.wasm", reason).await;
        host.looked().await;
        assert_eq!(by(host.add(&format!("{n}"), "Tally/a", 1).await), live, "{why}");
        if n % 4 == 0 {
            host.stop().await;
            host = fixture.open().await;
            host.status("a.wasm", reason).await;
            assert_eq!(by(host.add(&format!("again {n}"), "Tally/a", 1).await), live, "{why}, after a restart");
        }
    }
    let next = fixture.put("a.wasm", &next);
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("at last", "Tally/a", 1).await), next);
    host.stop().await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0", "dropped 1.1.0"]);
}

/// Its exports say another version of the contract, in as many bytes.
fn other_contract(component: &[u8]) -> Vec<u8> {
    let mut other = component.to_vec();
    for name in ["cantus:domain/plugin@0.1.0", "cantus:domain/aggregate@0.1.0", "cantus:domain/types@0.1.0"] {
        let places: Vec<usize> = other
            .windows(name.len())
            .enumerate()
            .filter(|(_, text)| *text == name.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in places {
            other[at + name.len() - 5..at + name.len()].copy_from_slice(b"0.9.0");
        }
    }
    assert_ne!(other, component);
    other
}

/// Compiled code, as the cache of this very host holds it.
fn compiled_code() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let runtime = cantus_wasm::Runtime::new(&cantus_tests::host::limits(), Some(folder.path())).unwrap();
    runtime.load(&guests::read(guests::ROGUE)).unwrap();
    let entry = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::read(entry).unwrap().split_off(32)
}

/// Copied slowly, in steps that each look like the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_live_when_it_is_complete() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    let next = shifty("1.1.0", "good");
    let mut copy = File::create(fixture.path("a.wasm")).unwrap();
    for (n, part) in next.chunks(next.len() / 3 + 1).enumerate() {
        copy.write_all(part).unwrap();
        copy.sync_all().unwrap();
        let so_far = Digest::of(&fs::read(fixture.path("a.wasm")).unwrap());
        let status = host.status("a.wasm", |status| status.digest == Some(so_far)).await;
        if n < 2 {
            assert!(!host.refused("a.wasm", so_far).await.is_empty(), "{status:?}");
            assert_eq!(by(host.add(&format!("{n}"), "Tally/a", 1).await), live);
        }
    }
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(by(host.add("complete", "Tally/a", 1).await), Digest::of(&next));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftovers_are_passed_over() {
    let fixture = Fixture::new();
    let host = fixture.open().await;
    let bytes = shifty("1.0.0", "good");
    for leftover in [".a.wasm.swp", "#a.wasm#", "a.wasm~", ".#a.wasm", ".a.wasm", "a.wasm.part", "a.WASM.tmp", "4913"] {
        fs::write(fixture.path(leftover), &bytes).unwrap();
    }
    host.looked().await;
    assert!(host.statuses.borrow().is_empty(), "{:?}", host.statuses.borrow());
    // As an editor or a browser does when it is done.
    fs::rename(fixture.path("a.wasm.part"), fixture.path("a.wasm")).unwrap();
    host.file("a.wasm", FileState::Active).await;
    host.files(&["a.wasm"]).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_leads_to_a_file_of_the_folder_or_nowhere() {
    let fixture = Fixture::new();
    let host = fixture.open().await;
    let outside = fixture.root.path().join("outside.wasm");
    fs::write(&outside, shifty("1.0.0", "good")).unwrap();
    symlink(&outside, fixture.path("out.wasm")).unwrap();
    symlink("../outside.wasm", fixture.path("up.wasm")).unwrap();
    symlink("nothing.wasm", fixture.path("dangling.wasm")).unwrap();
    for name in ["out.wasm", "up.wasm"] {
        let reason = host.file(name, FileState::Refused).await.reason.unwrap();
        assert!(reason.contains("leads out of the folder"), "{reason}");
    }
    host.file("dangling.wasm", FileState::Refused).await;
    // As those do who switch a link from one release to the next.
    let one = fixture.put("release-1.dat", &shifty("1.0.0", "good"));
    let two = fixture.put("release-2.dat", &shifty("1.1.0", "good"));
    symlink("release-1.dat", fixture.path("a.wasm")).unwrap();
    host.changed(ActivationCause::Dropped, Some(one)).await;
    symlink("release-2.dat", fixture.path(".next")).unwrap();
    fs::rename(fixture.path(".next"), fixture.path("a.wasm")).unwrap();
    host.changed(ActivationCause::Dropped, Some(two)).await;
    assert_eq!(by(host.add("1", "Tally/a", 1).await), two);
    host.stop().await;
}

/// A file that cannot be read for a while is what it was when it can be read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_could_not_be_read_is_read_again() {
    let fixture = Fixture::new();
    let live = fixture.put("a.wasm", &shifty("1.0.0", "good"));
    let host = fixture.open().await;
    // Whoever may read everything reads on in spite of its permissions: the folder says no instead.
    fixture.source.listen(|call| match call {
        "read" => Err(cantus_model::ports::Refused("permission denied".into())),
        _ => Ok(()),
    });
    fs::set_permissions(fixture.path("a.wasm"), fs::Permissions::from_mode(0o000)).unwrap();
    let status = host.file("a.wasm", FileState::Refused).await;
    assert_eq!((status.reason.as_deref(), status.digest), (Some("permission denied"), None));
    assert_eq!(by(host.add("1", "Tally/a", 1).await), live);
    fixture.source.listen(|_| Ok(()));
    fs::set_permissions(fixture.path("a.wasm"), fs::Permissions::from_mode(0o644)).unwrap();
    host.file("a.wasm", FileState::Active).await;
    assert_eq!(fixture.log().await, ["dropped 1.0.0"]);
    host.stop().await;
}
