//! Damaged tapes and contradictory histories are refused with the reason.

use std::{collections::HashMap, path::Path};

use cantus_model::{AggregateRef, Digest, HistoryPage};
use cantus_store::tape::{FORMAT, Tape, TapeComponent, TapeError};

use crate::fixtures::*;

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let folder = TapeFolder::new();
    let (bytes, _) = write(pages(&small(), 2), &components()[..2], None).unwrap();
    folder.open(&bytes).unwrap();
    let mut reasons = HashMap::<_, u32>::new();
    let mut reason = |error| *reasons.entry(std::mem::discriminant(&error)).or_default() += 1;
    for length in 0..bytes.len() {
        let error = folder.open(&bytes[..length]).unwrap_err();
        let is_right = matches!(error, TapeError::Truncated) || length < 12 && matches!(error, TapeError::NotATape);
        assert!(is_right, "{length} bytes: {error}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        reason(folder.open(&damaged).unwrap_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged.remove(at);
        reason(folder.open(&damaged).unwrap_err());
        damaged.splice(at..at, [bytes[at]; 2]);
        reason(folder.open(&damaged).unwrap_err());
    }
    assert_eq!(reasons.len(), 4, "not a tape, newer, cut off, damaged: each must occur");
}

#[test]
fn damage_is_found_in_its_block() {
    let folder = TapeFolder::new();
    let of = |n: usize| AggregateRef::new("Account", format!("{n}"));
    let noise = |n: usize| (0..300).flat_map(move |at| *Digest::of(format!("{n} {at}").as_bytes()).as_bytes());
    let stream = |n| (of(n), vec![plain(&of(n), 0, "c", 1, noise(n).collect(), vec![])]);
    let streams: Vec<_> = (0..500).map(stream).collect();
    let mut bytes = write_tape(&streams);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let TapeError::Damaged { block, at, .. } = folder.open(&bytes).unwrap_err() else { panic!("it is not damaged") };
    assert!((2..4).contains(&block) && at < middle as u64 && middle as u64 - at < 1_200_000, "{block} {at}");
}

#[test]
fn a_file_that_is_no_tape_is_refused_with_the_reason() {
    let folder = TapeFolder::new();
    let (bytes, _) = write(pages(&small(), 2), &[], None).unwrap();
    let refusal = |bytes: &[u8]| folder.open(bytes).unwrap_err().to_string();
    for other in [&b""[..], b"cantus", b"SQLite format 3\0 and more of that", &[0; 500]] {
        assert_eq!(refusal(other), "this is not a tape");
    }
    let mut newer = bytes.clone();
    newer[12..16].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    let expected =
        format!("made by a newer Cantus: it has format {}, and this one reads up to format {FORMAT}", FORMAT + 1);
    assert!(refusal(&newer).contains(&expected), "{}", refusal(&newer));
    assert!(refusal(&bytes[..bytes.len() - 1]).contains("cut off"));
    assert!(refusal(&[bytes.as_slice(), b"\n"].concat()).contains("cut off"));
    assert!(refusal(&[bytes.as_slice(), &bytes].concat()).contains("damaged in block"));
    assert!(Tape::open(Path::new("no such tape")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_history_that_contradicts_itself_is_refused() {
    let (mut streams, refused) = (small(), |pages| write(pages, &[], None).unwrap_err().to_string());
    let whole = pages(&streams, 9);
    let open = |page: &HistoryPage| HistoryPage { last: false, ..page.clone() };
    assert!(refused(vec![open(&whole[0]), whole[1].clone()]).contains("begins before Account/a has ended"));
    assert!(refused(vec![open(&whole[0])]).contains("Account/a has not ended"));
    assert!(
        refused(vec![HistoryPage { aggregate: whole[1].aggregate.clone(), ..whole[0].clone() }])
            .contains("of Account/a")
    );
    let empty = HistoryPage { commands: vec![], ..whole[0].clone() };
    assert!(refused(vec![empty]).contains("Account/a begins without a command"));
    streams[0].1[0].events.pop();
    assert!(refused(pages(&streams, 9)).contains("recorded with 2 events and has 1"));
    let of = AggregateRef::new("Account", "a");
    let too_large = vec![(of.clone(), vec![plain(&of, 0, "c", 1, vec![0; 33 << 20], vec![])])];
    assert!(refused(pages(&too_large, 1)).contains("are the limit"));
    let forged = [TapeComponent { bytes: Some(b"other".into()), ..components().remove(0) }];
    assert!(write(vec![], &forged, None).unwrap_err().to_string().contains("the bytes of bank 1.3.0 are not"));
}
