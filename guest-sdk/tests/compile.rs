//! What compiles, and what the compiler says of what does not. The texts are in `fail/*.stderr`;
//! `TRYBUILD=overwrite cargo test -p cantus-sdk --test compile` writes them anew.

#[test]
fn plugins_compile_or_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
