//! Rejections: the domain's refusals of commands.

use std::convert::Infallible;

use serde::Serialize;

/// The domain's rejection of a command: recorded, final, never retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Stable, for programs: `insufficient-funds`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The error's fields as JSON, if it has any.
    pub detail: Option<Vec<u8>>,
}

impl Rejection {
    /// Makes a rejection without detail.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), detail: None }
    }

    /// Adds `detail` as JSON. A detail that does not encode is left out.
    #[must_use]
    pub fn with_detail(mut self, detail: &impl Serialize) -> Self {
        self.detail = serde_json::to_vec(detail).ok();
        self
    }
}

/// A domain error that becomes a [`Rejection`]. `#[rejection]` implements it for an enum.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` cannot become a rejection",
    label = "has no code to reject with",
    note = "write `#[rejection] pub enum {Self} {{ .. }}`"
)]
pub trait IntoRejection {
    /// Returns the rejection that the caller gets.
    fn into_rejection(self) -> Rejection;
}

impl IntoRejection for Rejection {
    fn into_rejection(self) -> Rejection {
        self
    }
}

impl IntoRejection for Infallible {
    fn into_rejection(self) -> Rejection {
        match self {}
    }
}

/// The string is the message; the code is `rejected`.
impl IntoRejection for String {
    fn into_rejection(self) -> Rejection {
        Rejection::new("rejected", self)
    }
}

/// The string is the message; the code is `rejected`.
impl IntoRejection for &'static str {
    fn into_rejection(self) -> Rejection {
        Rejection::new("rejected", self)
    }
}
