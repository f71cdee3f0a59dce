//! `#[aggregate]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemStruct, Result};

use crate::{
    args::Args,
    derives::{Trait, derives, refuse_unordered},
};

const USAGE: &str = "#[aggregate(snapshot_every = 100)]";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["snapshot_every", "name", "initial"])?;
    if let Some(path) = &args.aggregate {
        return Err(Error::new_spanned(path, format!("the struct itself is the aggregate: write `{USAGE}`")));
    }
    let item: ItemStruct = syn::parse2(item).map_err(|error| {
        Error::new(
            error.span(),
            format!("an aggregate is a struct with its state: write `{USAGE} pub struct Name {{ .. }}`"),
        )
    })?;
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "an aggregate has no type parameters: remove them"));
    }
    refuse_unordered(&item.fields)?;

    let ident = &item.ident;
    let name = args.text("name")?.unwrap_or_else(|| ident.to_string());
    let every = args.number("snapshot_every", 0)?.unwrap_or(100);
    let mut traits = vec![Trait::Clone, Trait::Debug, Trait::PartialEq, Trait::Serialize, Trait::Deserialize];
    let initial = args.path("initial")?.map(|path| {
        quote! {
            impl ::core::default::Default for #ident {
                fn default() -> Self {
                    #path()
                }
            }
        }
    });
    if initial.is_none() {
        traits.push(Trait::Default);
    }
    let derives = derives(&item.attrs, &traits)?;
    Ok(quote! {
        #derives
        #item
        #initial

        impl ::cantus_sdk::Aggregate for #ident {
            const NAME: &'static str = #name;
            const SNAPSHOT_EVERY: u32 = #every;
        }

        ::cantus_sdk::__private::inventory::submit! {
            ::cantus_sdk::__private::AggregateEntry::of::<#ident>(
                ::core::env!("CARGO_PKG_NAME"),
                ::core::env!("CARGO_PKG_VERSION"),
            )
        }
    })
}
