//! Plugins that compile, and the compiler's messages for plugins that do not. The messages are in `fail/*.stderr`;
//! `TRYBUILD=overwrite cargo test -p cantus-sdk --test compile` writes them again.

#[test]
fn plugins_compile_or_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
