//! The derives that an item gets, through the SDK's re-exports, so that a plugin needs no other dependency.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Error, Meta, Path, Result, Token, punctuated::Punctuated};

/// A trait that can be derived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trait {
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
}

/// The derives of `wanted` that the item does not have already, and the attributes they need.
pub(crate) fn derives(attrs: &[Attribute], wanted: &[Trait]) -> Result<TokenStream> {
    let present = present(attrs)?;
    let wanted: Vec<Trait> = wanted.iter().copied().filter(|wanted| !present.contains(&wanted.name().into())).collect();
    let paths = wanted.iter().map(|wanted| wanted.path());
    let serde = wanted.iter().any(|wanted| matches!(wanted, Trait::Serialize | Trait::Deserialize));
    let serde = serde.then(|| quote!(#[serde(crate = "::cantus_sdk::__private::serde")]));
    let schema = wanted.contains(&Trait::JsonSchema);
    let schema = schema.then(|| quote!(#[schemars(crate = "::cantus_sdk::__private::schemars")]));
    Ok(quote!(#[derive(#(#paths),*)] #serde #schema))
}

/// Refuses types whose order differs from run to run, because it would reach snapshots and decisions.
pub(crate) fn refuse_unordered(fields: &impl ToTokens) -> Result<()> {
    match find(fields.to_token_stream(), &["HashMap", "HashSet"]) {
        None => Ok(()),
        Some(ident) => {
            let ordered = ident.to_string().replace("Hash", "BTree");
            let message = format!("the order of a `{ident}` differs from run to run: use `{ordered}`");
            Err(Error::new(ident.span(), message))
        }
    }
}

fn find(tokens: TokenStream, names: &[&str]) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if names.iter().any(|name| ident == name) => Some(ident),
        TokenTree::Group(group) => find(group.stream(), names),
        _ => None,
    })
}

/// The last words of the paths in the item's own `#[derive(..)]`.
fn present(attrs: &[Attribute]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for attr in attrs {
        if let Meta::List(list) = &attr.meta
            && list.path.is_ident("derive")
        {
            let paths = list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
            names.extend(paths.iter().filter_map(|path| path.segments.last()).map(|last| last.ident.to_string()));
        }
    }
    Ok(names)
}

impl Trait {
    fn name(self) -> &'static str {
        match self {
            Self::Clone => "Clone",
            Self::Copy => "Copy",
            Self::Debug => "Debug",
            Self::PartialEq => "PartialEq",
            Self::Eq => "Eq",
            Self::PartialOrd => "PartialOrd",
            Self::Ord => "Ord",
            Self::Default => "Default",
            Self::Serialize => "Serialize",
            Self::Deserialize => "Deserialize",
            Self::JsonSchema => "JsonSchema",
        }
    }

    fn path(self) -> TokenStream {
        match self {
            Self::Clone => quote!(::core::clone::Clone),
            Self::Copy => quote!(::core::marker::Copy),
            Self::Debug => quote!(::core::fmt::Debug),
            Self::PartialEq => quote!(::core::cmp::PartialEq),
            Self::Eq => quote!(::core::cmp::Eq),
            Self::PartialOrd => quote!(::core::cmp::PartialOrd),
            Self::Ord => quote!(::core::cmp::Ord),
            Self::Default => quote!(::core::default::Default),
            Self::Serialize => quote!(::cantus_sdk::__private::serde::Serialize),
            Self::Deserialize => quote!(::cantus_sdk::__private::serde::Deserialize),
            Self::JsonSchema => quote!(::cantus_sdk::__private::schemars::JsonSchema),
        }
    }
}
