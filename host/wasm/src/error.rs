//! Reasons to refuse a component.

use cantus_model::Fault;

/// The reason why the host refuses a file as a plugin. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is empty.
    #[error("the file is empty: is it still being copied?")]
    Empty,
    /// Longer than the limit.
    #[error("the file is larger than {limit} bytes: raise `wasm.component_bytes` if the size is right")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not WebAssembly at all.
    #[error("not a WebAssembly file: build it with `cantus plugin build DIR`")]
    NotWasm,
    /// A core module.
    #[error(
        "a core WebAssembly module, not a component: build it for the target wasm32-wasip2 (`cantus plugin build DIR`)"
    )]
    CoreModule,
    /// Already compiled code.
    #[error(
        "already compiled code: the host compiles components itself and never loads compiled code that it did not write"
    )]
    Compiled,
    /// Damaged or cut off.
    #[error("not a valid component: {0}; is the file complete?")]
    Invalid(String),
    /// The types of its imports or exports are not those of the host.
    #[error("it does not fit this host: {0}: rebuild it with the matching cantus-sdk")]
    Unfit(String),
    /// It imports something that a guest may not have.
    #[error("it imports `{import}`, which a guest may not have: {why}")]
    RefusedImport {
        /// The import's name.
        import: String,
        /// Why not.
        why: &'static str,
    },
    /// It was built for another version of the contract.
    #[error("built for `{found}`, but this host speaks {wanted}: rebuild it with the matching cantus-sdk")]
    OtherContract {
        /// The interface that it exports or imports.
        found: String,
        /// The version of this host.
        wanted: String,
    },
    /// It does not export the contract.
    #[error("it does not export `{0}`: is it a Cantus plugin, with an #[aggregate] in it?")]
    MissingExport(String),
    /// It exports the contract, but no kind of plugin.
    #[error("it exports no kind of plugin; this host runs `{known}`: is there an #[aggregate] in its crate?")]
    NoKind {
        /// The interfaces of the kinds that this host can run.
        known: String,
    },
    /// It exports only kinds of plugins that this host does not know.
    #[error(
        "it exports `{found}`, which this host does not know; this host runs `{known}`: run a newer host, or rebuild the \
         plugin for this one"
    )]
    UnknownKind {
        /// The interfaces that it exports.
        found: String,
        /// The interfaces of the kinds that this host can run.
        known: String,
    },
    /// `describe` faulted.
    #[error("it cannot describe itself: {0}")]
    Describe(#[from] Box<Fault>),
    /// The host refuses its manifest.
    #[error("its manifest is not acceptable: {0}")]
    Manifest(String),
    /// The host failed.
    #[error("the host failed: {0}")]
    Host(String),
}
