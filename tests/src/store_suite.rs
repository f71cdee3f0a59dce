//! What every store must do. A new backend passes it with one line:
//!
//! ```text
//! cantus_tests::store_suite!(memory, async || (Arc::new(MemoryStore::default()) as Arc<dyn Store>, ()));
//! ```
//!
//! The second value is dropped when the test ends: a folder, a container.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod activations;
pub mod batches;
pub mod given;
pub mod history;
pub mod journal;
pub mod partitions;
pub mod payloads;
pub mod reads;
pub mod snapshots;

/// Makes a module of tests, one for each case, each on a fresh store from `$open`.
#[macro_export]
macro_rules! store_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_cases! { $open;
                journal::records_what_was_decided,
                journal::a_retry_gets_the_stored_record,
                journal::an_id_with_another_body_is_refused,
                journal::an_id_is_judged_before_its_base_version,
                journal::a_wrong_base_version_conflicts,
                journal::a_conflict_leaves_its_id_free,
                journal::no_events_is_a_decision,
                journal::a_rejection_is_a_decision,
                journal::a_probe_finds_or_misses,
                journal::a_second_claim_fences_the_first,
                journal::nobody_writes_without_a_claim,
                batches::an_empty_batch_is_nothing,
                batches::one_stream_many_times,
                batches::a_loser_among_winners,
                batches::one_id_twice,
                batches::one_id_with_two_bodies,
                batches::a_probe_sees_what_came_before_it,
                batches::two_creators_of_one_stream,
                batches::offsets_have_no_gaps,
                batches::more_rows_than_a_statement_takes,
                batches::racing_creators,
                batches::racing_retries,
                payloads::empty,
                payloads::ten_megabytes,
                payloads::bytes_that_are_no_text,
                payloads::names_in_any_script,
                payloads::extremes_of_a_context,
                payloads::one_id_in_two_types,
                reads::a_stream_in_pages,
                reads::a_page_by_bytes,
                reads::beyond_the_end,
                reads::the_log_in_pages,
                reads::the_log_in_pages_by_bytes,
                reads::a_version_at_a_time,
                reads::an_unknown_stream,
                snapshots::the_newest_is_loaded,
                snapshots::another_components_is_not_used,
                snapshots::of_no_stream_is_not_kept,
                snapshots::ahead_of_its_stream_is_not_used,
                snapshots::many_at_once,
                snapshots::going_back_finds_the_one_before,
                snapshots::a_third_component_pushes_out_the_oldest,
                snapshots::several_components_in_one_call,
                snapshots::a_replaced_host_saves_none,
                activations::come_back_in_order,
                activations::only_the_next_is_appended,
                activations::racing_hosts_take_turns,
                activations::a_version_keeps_its_bytes,
                activations::of_an_operator_need_no_claim_and_fence_nobody,
                activations::of_a_replaced_host_are_refused,
                history::every_command_with_its_events,
                history::streams_in_the_order_in_which_they_began,
                history::a_long_stream_in_pages,
                history::only_what_is_selected,
                history::more_than_one_look_takes_in,
                history::what_is_recorded_later_is_not_in_it,
                history::of_an_empty_store,
                history::whatever_they_contain,
                history::the_recent_commands,
            }
        }
    };
}

/// Makes a module of tests on a log of three partitions.
#[macro_export]
macro_rules! partition_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_cases! { $open;
                partitions::each_is_a_log_of_its_own,
                partitions::an_id_is_unique_within_one,
                partitions::history_covers_all,
                partitions::there_are_no_others,
            }
        }
    };
}

/// One test for each case of [`store_suite!`].
#[macro_export]
macro_rules! store_cases {
    ($open:expr; $($group:ident :: $case:ident),* $(,)?) => { $(
        #[tokio::test]
        async fn $case() {
            let (store, _kept) = ($open)().await;
            $crate::store_suite::$group::$case(store).await;
        }
    )* };
}
