//! The tests that every store must pass. A new store runs them with one line:
//!
//! ```text
//! cantus_tests::store_suite!(memory, async || (Arc::new(MemoryStore::default()) as Arc<dyn Store>, ()));
//! ```
//!
//! The second value is dropped when the test ends: a folder, a container.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod activations;
pub mod batches;
pub mod components;
pub mod given;
pub mod history;
pub mod journal;
pub mod partitions;
pub mod payloads;
pub mod reads;
pub mod snapshots;

/// Defines a module of tests, one for each case, each on a new store from `$open`.
#[macro_export]
macro_rules! store_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_cases! { $open;
                journal::a_decision_is_recorded_with_its_events,
                journal::a_retry_gets_the_stored_record,
                journal::an_id_with_another_body_is_refused,
                journal::an_id_is_judged_before_its_base_version,
                journal::a_wrong_base_version_conflicts,
                journal::a_conflict_leaves_its_id_free,
                journal::a_command_without_events_is_recorded,
                journal::a_rejection_is_recorded,
                journal::a_probe_finds_only_a_recorded_command,
                journal::a_second_claim_fences_the_first,
                journal::a_claim_that_was_never_given_is_fenced,
                batches::an_empty_batch_writes_nothing,
                batches::entries_of_one_stream_build_on_each_other,
                batches::a_conflict_affects_only_its_own_stream,
                batches::an_id_twice_in_a_batch_is_a_duplicate,
                batches::an_id_with_two_bodies_in_a_batch_is_refused,
                batches::a_probe_sees_the_entries_before_it,
                batches::the_second_creator_of_a_stream_conflicts,
                batches::conflicts_leave_no_gaps_in_the_offsets,
                batches::a_batch_of_thousands_of_rows_is_committed,
                batches::concurrent_creators_make_each_stream_once,
                batches::concurrent_retries_are_recorded_once,
                payloads::empty_payloads_are_stored,
                payloads::payloads_of_ten_megabytes_are_stored,
                payloads::payloads_that_are_not_utf8_are_stored,
                payloads::names_that_differ_in_any_byte_are_distinct,
                payloads::extreme_contexts_are_stored,
                payloads::one_id_in_two_types_names_two_streams,
                reads::a_stream_is_read_in_pages,
                reads::a_page_is_limited_in_bytes,
                reads::a_page_beyond_the_end_is_empty,
                reads::the_log_is_read_in_pages,
                reads::a_page_of_the_log_is_limited_in_bytes,
                reads::the_version_at_a_time_counts_the_events_until_then,
                reads::an_unknown_stream_is_empty,
                snapshots::the_newest_snapshot_is_loaded,
                snapshots::a_snapshot_of_another_component_is_not_used,
                snapshots::a_snapshot_of_no_stream_is_not_stored,
                snapshots::a_snapshot_ahead_of_its_stream_is_not_used,
                snapshots::many_snapshots_are_saved_while_others_commit,
                snapshots::the_component_before_finds_its_snapshot_again,
                snapshots::a_third_component_replaces_the_oldest_snapshot,
                snapshots::one_call_saves_what_several_calls_would,
                snapshots::a_fenced_host_saves_no_snapshot,
                activations::activations_are_read_in_order,
                activations::only_the_next_activation_is_appended,
                activations::concurrent_appends_take_turns,
                activations::a_version_keeps_its_digest,
                activations::an_operator_needs_no_claim_and_fences_nobody,
                activations::an_activation_of_a_fenced_host_is_refused,
                components::stored_bytes_are_read_by_digest,
                components::bytes_that_are_stored_twice_stay,
                components::an_unknown_digest_has_no_bytes,
                history::every_command_is_read_with_its_events,
                history::streams_are_read_in_the_order_in_which_they_began,
                history::a_long_stream_is_read_in_pages,
                history::only_selected_streams_are_read,
                history::more_commands_than_a_window_are_read,
                history::later_commands_are_not_in_a_history,
                history::the_history_of_an_empty_store_is_empty,
                history::any_content_is_read_as_it_was_recorded,
                history::recent_commands_are_the_newest_of_their_types,
            }
        }
    };
}

/// Defines a module of tests on a log of three partitions.
#[macro_export]
macro_rules! partition_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::store_cases! { $open;
                partitions::each_partition_is_a_log_of_its_own,
                partitions::an_id_is_unique_within_its_partition,
                partitions::a_history_covers_all_partitions,
                partitions::an_unknown_partition_is_refused,
            }
        }
    };
}

/// Defines one test for each case of [`store_suite!`].
#[macro_export]
macro_rules! store_cases {
    ($open:expr; $($group:ident :: $case:ident),* $(,)?) => { $(
        #[tokio::test]
        async fn $case() {
            let (store, _fixture) = ($open)().await;
            $crate::store_suite::$group::$case(store).await;
        }
    )* };
}
